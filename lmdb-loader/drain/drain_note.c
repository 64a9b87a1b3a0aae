/*
 * drain_note.c - what a shard remembers of a handing over, so that the next
 * process ends what one began that was killed.
 */

#include "drain.h"
#include "loader.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <string.h>
#include <unistd.h>

#define SAFE   "safe"
#define BATCH  "batch "


onsite_status_t
drain_note_batch(drain_t *drain, uint32_t shard, uint64_t first, uint64_t seq,
    onsite_error_t *error)
{
    char  text[64];

    (void) snprintf(text, sizeof(text), BATCH "%" PRIu64, first);

    return onsite_store_events_note(drain->store, shard, seq,
                                    onsite_str_of(text), error);
}


onsite_status_t
drain_note_safe(drain_t *drain, uint32_t shard, uint64_t seq,
    onsite_error_t *error)
{
    return onsite_store_events_note(drain->store, shard, seq,
                                    ONSITE_STR(SAFE), error);
}


onsite_status_t
drain_note_file(drain_t *drain, uint32_t shard, uint64_t seq,
    const char *path, onsite_error_t *error)
{
    return onsite_store_events_note(drain->store, shard, seq,
                                    onsite_str_of(path), error);
}


onsite_status_t
drain_note_none(drain_t *drain, uint32_t shard, onsite_error_t *error)
{
    return onsite_store_events_note(drain->store, shard, 0, ONSITE_STR(""),
                                    error);
}


/* A file that is there has its events; half of one is of no use.  With seq 0 it
 * has none of this shard. */

static onsite_status_t
end_file(drain_t *drain, uint32_t shard, uint64_t seq, const char *path,
    onsite_error_t *error)
{
    char  part[ONSITE_NOTE_MAX + 16];

    if (seq != 0) {
        if (access(path, F_OK) == 0) {
            return drain_leave(drain, shard, seq, 0, error);
        }

        if (errno != ENOENT && errno != ENOTDIR) {
            return onsite_error(error, ONSITE_IO, "%s: cannot look for it: "
                                "%s: an earlier drain ended while it put "
                                "events there, which leave a second time "
                                "unless that is known: run drain once as a "
                                "user who may look there, or move that "
                                "folder away so that they leave again", path,
                                strerror(errno));
        }
    }

    (void) snprintf(part, sizeof(part), "%s" DRAIN_PART, path);
    (void) unlink(part);

    return drain_note_none(drain, shard, error);
}


onsite_status_t
drain_note_end(drain_t *drain, uint32_t shard, uint64_t *first,
    onsite_error_t *error)
{
    char             text[ONSITE_NOTE_MAX + 1];
    uint64_t         seq;
    onsite_status_t  status;

    *first = 0;
    status = onsite_store_events_note_get(drain->store, shard, &seq, text,
                                          error);
    if (status != ONSITE_OK) {
        return status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
    }

    if (text[0] == '/') {
        return end_file(drain, shard, seq, text, error);
    }

    if (strcmp(text, SAFE) == 0) {
        return drain_leave(drain, shard, seq, 0, error);
    }

    if (sscanf(text, BATCH "%" SCNu64, first) == 1) {
        drain->shards[shard].until = seq;
    }

    return ONSITE_OK;
}


onsite_status_t
drain_note_end_all(drain_t *drain, onsite_error_t *error)
{
    uint32_t         i, n = onsite_store_shards(drain->store);
    uint64_t         first;
    onsite_status_t  status = ONSITE_OK;

    for (i = 0; i < n && status == ONSITE_OK; i++) {
        status = drain_note_end(drain, i, &first, error);
        drain->shards[i].until = 0;
    }

    return status;
}


void
drain_key(onsite_str_t bytes, char key[DRAIN_KEY + 1])
{
    size_t         i;
    unsigned char  sum[SHA256_DIGEST_LENGTH];

    (void) SHA256((const unsigned char *) bytes.data, bytes.len, sum);

    for (i = 0; i < DRAIN_KEY / 2; i++) {
        (void) snprintf(key + 2 * i, 3, "%02x", sum[i]);
    }
}
