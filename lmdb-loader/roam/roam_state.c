/*
 * roam_state.c - the state that `roam` works on.
 *
 * It may not be there yet, or be wiped, restored or set aside for damage while
 * we run: then it is opened anew.
 */

#include "roam.h"

#include "files.h"

#include "onsite_id.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_EVERY    ONSITE_SECOND
#define ERASE_BUDGET  1024
#define ERASE_STEPS   64


static void
print_log(void *data, int level, const char *text)
{
    (void) data;

    if (level <= ONSITE_LOG_WARN) {
        loader_complain("%s", text);
    }
}


/* Of all shards' files, so that any that is replaced is seen. */

static uint64_t
look_at_files(const char *state, uint32_t shards)
{
    char         path[PATH_MAX];
    uint32_t     i;
    uint64_t     sum = 0;
    struct stat  st;

    for (i = 0; i < shards; i++) {
        (void) snprintf(path, sizeof(path), "%s/shard-%03u.mdb", state,
                        (unsigned) i);

        if (stat(path, &st) != 0) {
            return 0;
        }

        sum = (sum * 31 + (uint64_t) st.st_ino) * 31 + (uint64_t) st.st_dev;
    }

    return sum | 1;
}


/* Alone: two would ask for the same. */

static onsite_status_t
lock_state(roam_t *roam, const char *path)
{
    char             lock[PATH_MAX + 16], does[PATH_MAX + 32];
    onsite_status_t  status;

    (void) snprintf(lock, sizeof(lock), "%s/roam.lock", path);
    (void) snprintf(does, sizeof(does), "exchanges records of %s", path);
    status = files_lock(lock, does, &roam->lock, &roam->error);
    roam->taken_by_another = status == ONSITE_INVALID;

    return status;
}


/* nginx makes the place for its notes, and so do we: only once can it be told
 * that it has made none. */

static void
tell_unnoted(roam_t *roam, const char *path)
{
    if (!roam->told_unnoted && !onsite_store_roams(roam->store)) {
        roam->told_unnoted = true;
        loader_complain("%s: nginx has noted nothing there of visitors that "
                        "roam: \"onsite_roaming on;\" lets it", path);
    }
}


/* Nothing is put into a folder that is no state. */

static onsite_status_t
open_store(roam_t *roam, const char *path)
{
    onsite_status_t         status;
    onsite_store_stat_t     stat;
    onsite_store_options_t  options = {
        .path = path, .read_only = true, .log = print_log
    };

    status = onsite_store_open(&options, loader_now(), &roam->store,
                               &roam->error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = onsite_store_stat(roam->store, &stat);
    tell_unnoted(roam, path);

    /* as it is, so that nothing is made or grown but our place in it */

    options.read_only = false;
    options.roaming = true;
    options.size = stat.bytes_size;
    options.shards = onsite_store_shards(roam->store);
    onsite_store_close(roam->store);
    roam->store = NULL;

    if (status != ONSITE_OK) {
        return onsite_error(&roam->error, status, "%s: cannot be examined",
                            path);
    }

    status = lock_state(roam, path);

    return status == ONSITE_OK
           ? onsite_store_open(&options, loader_now(), &roam->store,
                               &roam->error)
           : status;
}


void
roam_state_close(roam_t *roam)
{
    onsite_store_close(roam->store);
    roam->store = NULL;

    if (roam->lock != -1) {
        (void) close(roam->lock);
        roam->lock = -1;
    }
}


onsite_status_t
roam_state_ready(roam_t *roam)
{
    char             absolute[PATH_MAX];
    onsite_ms_t      now = loader_now();
    onsite_status_t  status;

    if (roam->store != NULL) {
        if (now >= roam->looked && now < roam->looked + LOOK_EVERY) {
            return ONSITE_OK;
        }

        roam->looked = now;

        if (look_at_files(roam->state, onsite_store_shards(roam->store))
            == roam->files)
        {
            return ONSITE_OK;
        }

        roam_state_close(roam);
    }

    if (realpath(roam->state, absolute) == NULL) {
        return onsite_error(&roam->error, ONSITE_IO, "%s: %s", roam->state,
                            strerror(errno));
    }

    status = open_store(roam, absolute);

    if (status != ONSITE_OK) {
        roam_state_close(roam);
    }

    if (status == ONSITE_OK) {
        roam->looked = now;
        roam->files = look_at_files(roam->state,
                                    onsite_store_shards(roam->store));
    }

    return status;
}


onsite_status_t
roam_state_look(roam_t *roam, const onsite_key_t *key, roam_record_t *ours,
    size_t *size)
{
    onsite_ms_t      now = loader_now();
    onsite_status_t  status;

    status = onsite_store_get(roam->store, key, now, roam->record,
                              sizeof(roam->record), size);

    if (status == ONSITE_NOT_FOUND) {
        *size = 0;

    } else if (status != ONSITE_OK) {
        return onsite_error(&roam->error, status, "%s: cannot read a record: "
                            "%s", roam->state, onsite_status_text(status));
    }

    roam_look(roam->ours_arena, &roam->ours, onsite_str(roam->record, *size),
              now, ours);

    return ONSITE_OK;
}


onsite_status_t
roam_state_bury(roam_t *roam, const onsite_key_t *key, onsite_ms_t when)
{
    int              i;
    bool             more = true;
    onsite_status_t  status;

    status = onsite_store_erase_start(roam->store, key, ONSITE_REACH_DEVICE,
                                      when, &roam->error);

    if (status != ONSITE_OK) {
        return status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
    }

    roam->erased++;
    roam->moved = true;

    /* what is left of an outbox that is very full is a worker's */

    for (i = 0; i < ERASE_STEPS && more && status == ONSITE_OK; i++) {
        status = onsite_store_erase_step(roam->store, ERASE_BUDGET, &more,
                                         &roam->error);
    }

    return status;
}


void
roam_tell_kind(roam_t *roam, const roam_record_t *theirs,
    const onsite_key_t *key)
{
    const char  *what;
    bool        *told;

    if (theirs->kind != ROAM_LATER && theirs->kind != ROAM_DAMAGED) {
        return;
    }

    told = theirs->kind == ROAM_LATER ? &roam->told_later
                                      : &roam->told_damaged;
    what = theirs->kind == ROAM_LATER
           ? "is of a later version, and is left alone: update this machine"
           : "is damaged: ours takes its place";

    if (!*told) {
        *told = true;
        loader_complain("the bucket's record %02x%02x%02x%02x… %s (told "
                        "once)", key->bytes[0], key->bytes[1], key->bytes[2],
                        key->bytes[3], what);
    }
}
