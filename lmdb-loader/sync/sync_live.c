/*
 * sync_live.c - what lies here: FILE, and what is written down of it.
 */

#include "sync_store.h"

#include <string.h>


void
sync_remember_live(sync_t *sync)
{
    if (stat(sync->options->to, &sync->live) != 0) {
        memset(&sync->live, 0, sizeof(sync->live));
    }
}


/* FILE is what state.json says.  Its bytes are read only where it is another
 * file than before. */

static bool
live_is_right(sync_t *sync)
{
    char         hex[FILES_SHA256 + 1];
    uint64_t     size;
    struct stat  st;

    if (stat(sync->options->to, &st) != 0) {
        return false;
    }

    if (st.st_ino == sync->live.st_ino && st.st_dev == sync->live.st_dev
        && st.st_size == sync->live.st_size
        && st.st_mtim.tv_sec == sync->live.st_mtim.tv_sec
        && st.st_mtim.tv_nsec == sync->live.st_mtim.tv_nsec)
    {
        return true;
    }

    if (files_sha256(sync->options->to, hex, &size, NULL) != ONSITE_OK
        || strcmp(hex, sync->state.live.sha256) != 0)
    {
        return false;
    }

    sync->live = st;

    return true;
}


/* Somebody was stopped between saying and doing, or changed FILE by hand. */

static onsite_status_t
put_back(sync_t *sync, onsite_error_t *error)
{
    manifest_t       m;
    onsite_status_t  status;

    sync->broken = false;

    if (sync->state.live.version == 0 || live_is_right(sync)) {
        return ONSITE_OK;
    }

    status = kept_check(&sync->kept, sync->state.live.version, &m, error);
    manifest_free(&m);

    if (status != ONSITE_OK) {
        sync->broken = true;
        return status;
    }

    status = kept_put_live(&sync->kept, sync->state.live.version, error);

    if (status == ONSITE_OK) {
        sync_remember_live(sync);
        sync_tell(sync->options, "was not what is to be live: put there",
                  sync->state.live.version);
    }

    return status;
}


/* Without a state, what lies there counts as seen. */

static void
adopt(sync_t *sync)
{
    char                hex[FILES_SHA256 + 1];
    uint64_t            size, version;
    kept_mark_t        *mark = &sync->state.live;
    onsite_snapshot_t  *snapshot;

    if (onsite_snapshot_open(sync->options->to, &snapshot, NULL)
        != ONSITE_OK)
    {
        return;
    }

    version = onsite_snapshot_info(snapshot)->version;
    onsite_snapshot_close(snapshot);

    if (version != 0 && version <= MANIFEST_VERSION_MAX
        && files_sha256(sync->options->to, hex, &size, NULL) == ONSITE_OK)
    {
        mark->version = version;
        memcpy(mark->sha256, hex, sizeof(hex));
        sync->state.highest = *mark;
    }
}


/* It is of a site once something of that site was taken: where a name was
 * wrong, nothing was. */

static bool
is_of_another_site(const sync_t *sync)
{
    uint64_t  versions[KEPT_MAX];

    return strcmp(sync->state.site, sync->options->site) != 0
           && sync->state.live.version != 0
           && kept_list(&sync->kept, versions) != 0;
}


/* At once: from here on what is kept is of it. */

static onsite_status_t
bind_to_site(sync_t *sync, bool written, onsite_error_t *error)
{
    bool  same = strcmp(sync->state.site, sync->options->site) == 0;

    (void) snprintf(sync->state.site, sizeof(sync->state.site), "%s",
                    sync->options->site);

    return same || !written || sync->options->dry_run
           ? ONSITE_OK : kept_write(&sync->kept, &sync->state, error);
}


onsite_status_t
sync_read_state(sync_t *sync, onsite_error_t *error)
{
    onsite_status_t  status;

    status = kept_read(&sync->kept, &sync->state, error);

    if (status == ONSITE_NOT_FOUND) {
        adopt(sync);
        return bind_to_site(sync, false, error);
    }

    if (status == ONSITE_OK && is_of_another_site(sync)) {
        return onsite_error(error, ONSITE_INVALID, "%s keeps versions of site"
                            " \"%s\": another --to FILE is for \"%s\"; if "
                            "it is to be this one, remove that folder first, "
                            "and then what is newer than version %llu is "
                            "taken", sync->kept.folder, sync->state.site,
                            sync->options->site,
                            (unsigned long long) sync->state.live.version);
    }

    return status == ONSITE_OK ? bind_to_site(sync, true, error) : status;
}


/* Somebody may have removed all that is kept: it begins anew, as after a start
 * without it. */

static onsite_status_t
lock(sync_t *sync, onsite_error_t *error)
{
    onsite_status_t  status;

    status = kept_lock(&sync->kept, error);

    if (status != ONSITE_NOT_FOUND) {
        return status;
    }

    kept_end(&sync->kept);
    memset(&sync->state, 0, sizeof(sync->state));
    sync->etag[0] = '\0';
    status = kept_begin(&sync->kept, error);

    return status == ONSITE_OK ? kept_lock(&sync->kept, error) : status;
}


void
sync_weed(sync_t *sync)
{
    uint64_t  live = sync->state.live.version;

    if (sync->weeded != live
        && kept_drop_untrusted(&sync->kept, sync->options->trust,
                               &sync->state))
    {
        sync->weeded = live;
    }
}


/* What lies here is looked at first. */

onsite_status_t
sync_prepare(sync_t *sync, onsite_error_t *error)
{
    onsite_status_t  status;

    sync->broken = false;

    if (sync->options->dry_run) {
        return sync_read_state(sync, error);
    }

    status = lock(sync, error);

    if (status == ONSITE_OK) {
        status = sync_read_state(sync, error);
    }

    if (status == ONSITE_OK) {
        sync_weed(sync);
        status = put_back(sync, error);
    }

    kept_unlock(&sync->kept);

    return status;
}


/* How it went, for who asks; what is live may have been changed meanwhile by
 * a rollback, which stays. */

onsite_status_t
sync_write_down(sync_t *sync, onsite_error_t *error)
{
    kept_state_t     now;
    onsite_status_t  status;

    status = kept_lock(&sync->kept, error);

    if (status == ONSITE_OK) {
        status = kept_read(&sync->kept, &now, error);
    }

    if (status == ONSITE_NOT_FOUND) {
        status = kept_write(&sync->kept, &sync->state, error);

    } else if (status == ONSITE_OK) {
        now.checked = sync->state.checked;
        now.failing = sync->state.failing;
        memcpy(now.why, sync->state.why, sizeof(now.why));

        if (now.live.version == sync->state.live.version) {
            now.expires = sync->state.expires;
        }

        status = kept_write(&sync->kept, &now, error);
    }

    if (status == ONSITE_OK) {
        kept_keep_room(&sync->kept);
    }

    kept_unlock(&sync->kept);

    return status;
}
