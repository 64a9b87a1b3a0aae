/*
 * roam.h - what the files of `roam` share.
 *
 *   roam.c         the command, and its rounds
 *   roam_state.c   the state, opened and opened again
 *   roam_take.c    records that visitors met here may have elsewhere
 *   roam_wish.c    when those not found are asked for again
 *   roam_put.c     records that others should have
 *   roam_rule.c    which of two records counts
 *   roam_bucket.c  records in NATS
 */

#ifndef ROAM_H
#define ROAM_H

#include "loader.h"
#include "roam_bucket.h"
#include "roam_rule.h"
#include "roam_wish.h"

#include "onsite_limits.h"

#define ROAM_TAKEN_MAX  64          /* in one go                           */

typedef struct {
    onsite_key_t  key;
    uint64_t      revision;         /* 0: none                             */
    bool          first;            /* nothing of ours was put as yet      */
} roam_revision_t;

#define ROAM_REVISIONS  (1u << 15)

typedef struct roam_taken_s   roam_taken_t;
typedef struct roam_change_s  roam_change_t;

typedef struct {
    const char        *state;
    onsite_ms_t        every;
    onsite_ms_t        give_up;
    onsite_ms_t        session_timeout;
    bool               once;

    onsite_store_t    *store;           /* NULL: not open                  */
    int                lock;            /* on it; -1: not held             */
    bool               taken_by_another;
    onsite_ms_t        looked;          /* whether it is still the same    */
    uint64_t           files;           /* which files they are            */
    roam_bucket_t     *bucket;

    onsite_key_t       taken_from[ONSITE_SHARDS_MAX];
    bool               taken_any[ONSITE_SHARDS_MAX];
    roam_taken_t      *taken;           /* ROAM_TAKEN_MAX                  */
    roam_wishes_t     *wishes;          /* who was not found               */
    bool               waits;           /* some are asked for again        */
    roam_change_t     *changes;         /* ROAM_ASKS_MAX                   */
    roam_revision_t   *revisions;       /* of what we put last             */
    loader_names_t    *names;           /* NULL: not asked for yet         */

    onsite_arena_t    *ours_arena;
    onsite_arena_t    *theirs_arena;
    onsite_visitor_t   ours;
    onsite_visitor_t   theirs;
    char               record[ONSITE_RECORD_BYTES_MAX];
    char               carried[ONSITE_RECORD_BYTES_MAX];

    uint64_t           merged;
    uint64_t           put;
    uint64_t           erased;
    uint64_t           given_up;
    uint64_t           unknown;
    bool               moved;           /* something was, in this round    */
    bool               told_later;
    bool               told_damaged;
    bool               told_large;
    bool               told_unnoted;
    bool               told_ahead;
    onsite_error_t     error;
} roam_t;


/* roam_state.c */

/* The state is open, and the one that is there now. */
onsite_status_t roam_state_ready(roam_t *roam);
void roam_state_close(roam_t *roam);

/* Of a record of ours; NOTHING: there is none.  The bytes are in
 * roam->record. */
onsite_status_t roam_state_look(roam_t *roam, const onsite_key_t *key,
    roam_record_t *ours, size_t *size);

/* Erased elsewhere at that time. */
onsite_status_t roam_state_bury(roam_t *roam, const onsite_key_t *key,
    onsite_ms_t when);

/* What the other kinds of record in the bucket are told as, once. */
void roam_tell_kind(roam_t *roam, const roam_record_t *theirs,
    const onsite_key_t *key);


/* roam_take.c */

/* Memory; false: there is none. */
bool roam_take_init(roam_t *roam);

/* Some of each shard. */
onsite_status_t roam_take(roam_t *roam);

/* Those who waited too long go on with what is known here. */
onsite_status_t roam_give_up(roam_t *roam);


/* roam_put.c */

bool roam_put_init(roam_t *roam);

/* Nobody has a record of a visitor who was wanted here, and nothing of ours
 * was put: where the bucket is not at this revision any more when it is put
 * first, another machine was faster, and the visitor is wanted anew. */
void roam_put_first(roam_t *roam, const onsite_key_t *key, uint64_t revision);

/* All that changed; what is wanted meanwhile is taken in between. */
onsite_status_t roam_put(roam_t *roam);

#endif
