/*
 * sync_offer.c - what a store offers: judged, and taken where it is newer.
 */

#include "sync_store.h"

#include "signed.h"
#include "sync_take.h"
#include "task.h"

#include <string.h>

typedef enum {
    OFFER_CURRENT = 0,
    OFFER_TAKE
} offer_t;


static onsite_status_t
compare(sync_t *sync, const manifest_t *m, offer_t *offer,
    onsite_error_t *error)
{
    const kept_mark_t  *highest = &sync->state.highest;

    *offer = OFFER_CURRENT;

    if (m->version < highest->version) {
        return onsite_error(error, ONSITE_INVALID, "version %llu is older "
                            "than version %llu, which was seen here: a store "
                            "that went back is not followed",
                            (unsigned long long) m->version,
                            (unsigned long long) highest->version);
    }

    if (m->version > highest->version) {
        *offer = OFFER_TAKE;
        return ONSITE_OK;
    }

    if (strcmp(m->sha256, highest->sha256) != 0) {
        return onsite_error(error, ONSITE_INVALID, "version %llu is another "
                            "one than the version %llu that was seen here: "
                            "a version is published once",
                            (unsigned long long) m->version,
                            (unsigned long long) m->version);
    }

    if (sync->state.live.version == m->version) {
        sync->state.expires = m->expires;
        *offer = sync->broken || !kept_has(&sync->kept, m->version)
                 ? OFFER_TAKE : OFFER_CURRENT;
    }

    return ONSITE_OK;
}


static onsite_status_t
judge(sync_t *sync, manifest_t *m, offer_t *offer, onsite_error_t *error)
{
    onsite_error_t   why;
    onsite_status_t  status;

    status = signed_read(onsite_str(sync->text.data, sync->text.len),
                         sync->options->trust, m, &why);

    if (status == ONSITE_OK) {
        status = signed_of_site(m, sync->options->site, &why);
    }

    if (status == ONSITE_OK) {
        status = compare(sync, m, offer, &why);
    }

    if (status == ONSITE_OK && m->version > sync->state.highest.version) {
        status = signed_in_time(m, loader_now(), &why);
    }

    return status == ONSITE_OK ? ONSITE_OK
           : onsite_error(error, status, "%s/%s: %s",
                          remote_url(sync->remote), sync->name, why.text);
}


/* The state first, then FILE: see kept.h. */

static onsite_status_t
go_live(sync_t *sync, const manifest_t *m, onsite_error_t *error)
{
    kept_mark_t      mark = { .version = m->version };
    onsite_status_t  status;

    memcpy(mark.sha256, m->sha256, sizeof(mark.sha256));

    sync->state.live = mark;
    sync->state.highest = mark;
    sync->state.expires = m->expires;
    sync->state.rolled_back_from = 0;

    status = kept_write(&sync->kept, &sync->state, error);

    if (status == ONSITE_OK) {
        status = kept_put_live(&sync->kept, m->version, error);
    }

    if (status == ONSITE_OK) {
        sync->broken = false;
        sync_remember_live(sync);
        sync_weed(sync);
        kept_prune(&sync->kept, sync->options->keep, &sync->state);
        task_count(TASK_SYNC_TAKEN, 1);
        sync_tell(sync->options, "live", m->version);
    }

    return status;
}


/* Nobody else changes what is kept meanwhile; but somebody may have, while it
 * came. */

static onsite_status_t
take_it(sync_t *sync, const manifest_t *m, onsite_error_t *error)
{
    offer_t          offer;
    sync_take_t      take = { .remote = sync->remote, .kept = &sync->kept,
                              .state = &sync->state, .manifest = m,
                              .text = { sync->text.len, sync->text.data },
                              .bar = &sync->bar };
    onsite_status_t  status;

    status = sync_take(&take, error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = kept_lock(&sync->kept, error);

    if (status == ONSITE_OK) {
        status = sync_read_state(sync, error);
    }

    if (status == ONSITE_OK) {
        status = compare(sync, m, &offer, error);
    }

    if (status == ONSITE_OK && offer == OFFER_TAKE) {
        status = go_live(sync, m, error);
    }

    kept_unlock(&sync->kept);

    return status;
}


static onsite_status_t
get_manifest(sync_t *sync, remote_get_t *get, onsite_error_t *error)
{
    onsite_error_t   why = { "" };
    onsite_status_t  status;

    status = remote_get(sync->remote, sync->name, get, &why);

    if (status == ONSITE_NOT_FOUND) {
        return onsite_error(error, status, "%s: nothing is published there "
                            "for site \"%s\"", why.text,
                            sync->options->site);
    }

    *error = why;

    return status;
}


/* It is here; but perhaps with other signatures, or other times. */

static onsite_status_t
leave_it(sync_t *sync, const manifest_t *m, onsite_error_t *error)
{
    if (sync->first) {
        sync_tell(sync->options, sync->state.rolled_back_from != 0
                  ? "rolled back, and stays" : "current",
                  sync->state.live.version);
    }

    return sync->options->dry_run ? ONSITE_OK
           : kept_renew(&sync->kept, m, onsite_str(sync->text.data,
                                                   sync->text.len), error);
}


onsite_status_t
sync_look(sync_t *sync, onsite_error_t *error)
{
    offer_t          offer;
    manifest_t       m;
    remote_get_t     get = { .body = &sync->text, .max = MANIFEST_TEXT_MAX };
    onsite_status_t  status;

    if (!sync->broken) {
        memcpy(get.etag, sync->etag, sizeof(get.etag));
    }

    status = get_manifest(sync, &get, error);
    sync->asking = status != ONSITE_OK;

    if (status != ONSITE_OK || get.unchanged) {
        return status;
    }

    status = judge(sync, &m, &offer, error);

    if (status == ONSITE_OK && offer == OFFER_TAKE) {
        if (sync->options->dry_run) {
            sync_tell(sync->options, "would be replaced", m.version);
        } else {
            status = take_it(sync, &m, error);
        }

    } else if (status == ONSITE_OK) {
        status = leave_it(sync, &m, error);
    }

    if (status == ONSITE_OK) {
        memcpy(sync->etag, get.etag, sizeof(sync->etag));
    }

    manifest_free(&m);

    return status;
}
