/*
 * onsite_store_copy.h - a live state as of one moment, shard by shard into
 * files, which are a state again; and how they become the one in use.
 *
 * Nothing is locked and nobody waits: readers of all shards begin, and if none
 * of the shards was committed to from the first one's beginning to the last
 * one's, they see one moment; else they begin again.  So whatever is done in
 * several transactions, of several shards, is there as far as it had come.
 *
 * As long as such a reader goes on, the pages that others give back are kept
 * from being used: whoever copies looks at the pressure, and lets go in time.
 */

#ifndef ONSITE_STORE_COPY_H
#define ONSITE_STORE_COPY_H

#include "onsite_store.h"

typedef struct onsite_copy_s  onsite_copy_t;

/* FULL: a shard has no slot for one more reader, or is committed to so often
 * that no moment is found. */
onsite_status_t onsite_copy_begin(onsite_store_t *store, onsite_copy_t **copy,
    onsite_error_t *error);
void onsite_copy_end(onsite_copy_t *copy);

/* Of the file, and what of it is in use: free pages become holes. */
uint64_t onsite_copy_size(const onsite_copy_t *copy, uint32_t shard,
    uint64_t *used);

/*
 * Writes the next portion, 1 MB at most, to fd, which is an empty file at
 * first; *last: it is whole.  The one call that may be made in another thread
 * than the rest, one at a time.  NOT_FOUND: the shard was let go meanwhile,
 * and what was written is void.
 */
onsite_status_t onsite_copy_some(onsite_copy_t *copy, uint32_t shard, int fd,
    bool *last, onsite_error_t *error);

/* What we keep from those who write. */
typedef enum {
    ONSITE_PRESSURE_NONE = 0,
    ONSITE_PRESSURE_SOON,       /* pages get short: copy this one first    */
    ONSITE_PRESSURE_NOW         /* they wait for us                        */
} onsite_pressure_t;

onsite_pressure_t onsite_copy_pressure(onsite_copy_t *copy, uint32_t shard);

/* When it is copied, or before. */
void onsite_copy_let_go(onsite_copy_t *copy, uint32_t shard);


/*
 * A directory gets the state of such files: they are made ready in a folder of
 * it, and take their places when all are.  Meanwhile who opens the directory
 * waits; if the process dies he finds no state, or a message that says to
 * restore it again.
 */

typedef struct onsite_restore_s  onsite_restore_t;

typedef struct {
    const char  *path;          /* absolute; made, if it is not there      */
    int          uid;           /* the owner of all; -1: as it is          */
    int          gid;
    bool         replace;       /* what state there is                     */
} onsite_restore_options_t;

/* INVALID: there is a state that is not to be replaced; LIMIT: one that is in
 * use. */
onsite_status_t onsite_restore_begin(const onsite_restore_options_t *options,
    onsite_restore_t **restore, onsite_error_t *error);

/* Where shard-000.mdb and so on are to be put. */
const char *onsite_restore_folder(const onsite_restore_t *restore);

/* They are opened; close the store before the end. */
onsite_status_t onsite_restore_open(onsite_restore_t *restore,
    uint32_t shards, onsite_ms_t now, onsite_store_t **store,
    onsite_error_t *error);

/*
 * What was given out since the copy was made, nobody knows any more: numbers of
 * the outbox go on so far behind (some for each millisecond that passed) that
 * none comes again.
 */
onsite_status_t onsite_restore_resume(onsite_store_t *store,
    onsite_ms_t passed, onsite_error_t *error);

/* It is the state now. */
onsite_status_t onsite_restore_finish(onsite_restore_t *restore,
    onsite_error_t *error);

/* Frees; what was not finished leaves nothing behind. */
void onsite_restore_end(onsite_restore_t *restore);

#endif
