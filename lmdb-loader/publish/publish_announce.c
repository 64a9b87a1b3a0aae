/*
 * publish_announce.c - POPs are told that there is something new.
 *
 * What is published is published: a POP that was not told finds it when it
 * looks next.
 */

#include "publish.h"

#include "announce.h"

#define WAIT  (5 * ONSITE_SECOND)


int
publish_connect(publish_t *p)
{
    onsite_status_t  status;

    if (p->given->announce == NULL) {
        return LOADER_OK;
    }

    status = nats_open(p->given->announce, &p->given->nats, "onsite publish",
                       &p->nats, &p->error);

    if (status == ONSITE_OK) {
        return LOADER_OK;
    }

    loader_complain("--announce: %s", p->error.text);

    return status == ONSITE_INVALID ? LOADER_USAGE : LOADER_FAILED;
}


void
publish_announce(publish_t *p)
{
    bool             anew, kept = true;
    onsite_error_t   note;
    onsite_status_t  status;

    if (p->nats == NULL) {
        return;
    }

    status = nats_ready(p->nats, WAIT, &anew, &p->error);

    if (status == ONSITE_OK) {
        status = announce_send(p->nats, &p->m, &kept, &note, &p->error);
    }

    p->announced = true;
    p->untold = status != ONSITE_OK;

    if (p->untold) {
        loader_complain("warning: it is published, but nobody could be told: "
                        "%s; POPs find it when they look next", p->error.text);

    } else if (!kept) {
        loader_complain("note: who listens was told, but it is not kept for "
                        "who comes later: %s", note.text);
    }
}
