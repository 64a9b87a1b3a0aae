/*
 * publish_confirm.c - whether a store keeps what it took: some servers answer
 * that all is well, and keep nothing.
 */

#include "publish.h"

#include "stop.h"

#include <string.h>

#define TRIES  3                    /* of a store that shows it late       */


static onsite_status_t
look(publish_t *p, const char *name, onsite_buf_t *now)
{
    onsite_error_t   why = { "" };
    remote_get_t     get = { .body = now, .max = MANIFEST_TEXT_MAX,
                             .fresh = true };
    onsite_status_t  status;

    status = remote_get(p->remote, name, &get, &why);

    return status == ONSITE_OK || status == ONSITE_NOT_FOUND ? ONSITE_OK
           : onsite_error(&p->error, status, "the manifest was sent, and "
                          "cannot be read again: %s", why.text);
}


/* 0: it is none. */

static uint64_t
version_of(onsite_str_t text)
{
    uint64_t         version;
    manifest_t       m;
    onsite_status_t  status;

    status = manifest_parse(&m, text, NULL);
    version = status == ONSITE_OK ? m.version : 0;
    manifest_free(&m);

    return version;
}


static onsite_status_t
is_another(publish_t *p, const char *name, onsite_str_t now, onsite_str_t was)
{
    unsigned long long  version = version_of(now);

    if (now.len == 0 || version == 0 || onsite_str_eq(now, was)) {
        return onsite_error(&p->error, ONSITE_IO, "%s/%s: was taken, and is "
                            "not what is there afterwards: this store does "
                            "not keep what is PUT, or a cache stands in front"
                            " of it; nothing is published",
                            remote_url(p->remote), name);
    }

    if (version > p->m.version) {
        loader_complain("note: meanwhile somebody else has published version "
                        "%llu there, which is what POPs take", version);
        return ONSITE_OK;
    }

    return onsite_error(&p->error, ONSITE_INVALID, "%s/%s: meanwhile somebody"
                        " else has published version %llu there: publish "
                        "again, one after the other", remote_url(p->remote),
                        name, version);
}


onsite_status_t
publish_confirm(publish_t *p, onsite_str_t text, onsite_str_t was)
{
    bool             late = true;
    char             name[REMOTE_NAME_MAX];
    unsigned         i;
    onsite_buf_t     now;
    onsite_str_t     there = { 0, NULL };
    onsite_status_t  status = ONSITE_OK;

    onsite_buf_init(&now, 0);
    publish_name(p, "manifest.json", name);

    for (i = 0; i < TRIES && status == ONSITE_OK && late; i++) {
        if (i != 0) {
            loader_pause(ONSITE_SECOND);
        }

        status = look(p, name, &now);
        there = onsite_str(now.data, now.len);
        late = there.len == 0
               || (onsite_str_eq(there, was) && !onsite_str_eq(there, text));
    }

    if (status == ONSITE_OK && !onsite_str_eq(there, text)) {
        status = is_another(p, name, there, was);
    }

    onsite_buf_free(&now);

    return status;
}
