/*
 * checkpoint.h - copies of a state, kept on a disk:
 *
 *     FOLDER/20261122T084500.123Z/     a checkpoint, whole
 *         checkpoint.json              what it holds, with checksums
 *         shard-000.mdb, …             docs/wire.md
 *     FOLDER/….part/                   one that is being made, or removed
 *     FOLDER/erased.ndjson             who was erased since
 *     FOLDER/lock                      one process at a time
 *
 * A name is the time at which the state was so, and later than all others:
 * also where the clock was set back.
 */

#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include "config.h"
#include "files.h"
#include "onsite_store.h"
#include "onsite_store_copy.h"

#define CHECKPOINT_NAME        21   /* with the NUL                        */
#define CHECKPOINT_MAX         1000
#define CHECKPOINT_EVERY       (5 * ONSITE_MINUTE)
#define CHECKPOINT_AHEAD       ONSITE_MINUTE    /* of now: a date that is
                                                   wrong                   */
#define CHECKPOINT_FOLDER_MAX  (PATH_MAX - 128)

typedef struct {
    uint64_t  size;
    char      sha256[FILES_SHA256 + 1];
} checkpoint_file_t;

typedef struct {
    onsite_ms_t        time;
    uint64_t           erased;      /* erasures from this number on are
                                       not in it                           */
    uint32_t           shards;
    checkpoint_file_t  files[ONSITE_SHARDS_MAX];
} checkpoint_t;


/* checkpoint_folder.c */

void checkpoint_name(onsite_ms_t time, char name[CHECKPOINT_NAME]);
bool checkpoint_time(const char *name, onsite_ms_t *time);

/* Latest first; how many. */
size_t checkpoint_list(const char *folder, onsite_ms_t times[CHECKPOINT_MAX]);

/* "FOLDER/NAME", with suffix and, behind a slash, a file's name; NULL: not. */
void checkpoint_path(const char *folder, onsite_ms_t time, const char *suffix,
    const char *file, char path[PATH_MAX]);
void checkpoint_shard_path(const char *folder, onsite_ms_t time,
    const char *suffix, uint32_t shard, char path[PATH_MAX]);

/* checkpoint.json.  NOT_FOUND, CORRUPT, VERSION. */
onsite_status_t checkpoint_read(const char *folder, onsite_ms_t time,
    checkpoint_t *checkpoint, onsite_error_t *error);
onsite_status_t checkpoint_write(const char *folder, const char *suffix,
    const checkpoint_t *checkpoint, onsite_error_t *error);

/* What others left half done goes. */
void checkpoint_clean(const char *folder);

/* All but the latest go; how many did. */
size_t checkpoint_prune(const char *folder, size_t keep);

/* Bytes that are free where it is. */
bool checkpoint_room(const char *folder, uint64_t *room);


/* checkpoint_config.c */

typedef struct {
    const char  *state;         /* what is NULL was not said               */
    const char  *folder;
    const char  *every;
    const char  *keep;
    bool         off;           /* a configuration says: no checkpoints    */
} checkpoint_said_t;

/* Where state or folder was not said, what was not is taken from the first
 * [checkpoint] of the configuration of `run` at path, if that is not NULL.
 * That there is none is told.  To be freed in any case: said lies in it. */
int checkpoint_configure(checkpoint_said_t *said, const char *path,
    config_t *config);


/* checkpoint_erased.c */

typedef onsite_status_t (*checkpoint_erased_pt)(void *data,
    const onsite_erased_t *erased, onsite_str_t line, onsite_error_t *error);

onsite_status_t checkpoint_erased_read(const char *folder,
    checkpoint_erased_pt visit, void *data, onsite_error_t *error);

/* The number behind the last one that is written down. */
onsite_status_t checkpoint_erased_next(const char *folder, uint64_t *next,
    onsite_error_t *error);

/* Writes down those of a state from *next on, which moves behind them; *n: how
 * many. */
onsite_status_t checkpoint_erased_take(const char *folder,
    onsite_store_t *store, uint64_t *next, unsigned *n,
    onsite_error_t *error);

/* Those below go: no checkpoint needs them. */
void checkpoint_erased_prune(const char *folder, uint64_t below);


/* checkpoint_take.c */

typedef struct {
    const char      *folder;
    onsite_ms_t      deadline;      /* give up then, by loader_clock; 0:
                                        never                               */
    uint64_t         erased;        /* number of the next erasure          */
    onsite_ms_t      held;          /* how long the state's pages were     */
    uint64_t         used;          /* bytes, without holes                */
    unsigned         tries;         /* that were broken off                */
} checkpoint_taking_t;

/*
 * Makes one.  FULL: the disk is, or (tries says how often) those who write the
 * state had to be let go on; error says more.
 */
onsite_status_t checkpoint_take(onsite_store_t *store,
    checkpoint_taking_t *taking, checkpoint_t *checkpoint,
    onsite_error_t *error);

#endif
