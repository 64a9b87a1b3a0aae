/*
 * drain.h - where events go that leave a state: what a sink is.
 *
 * Events are given to a sink one by one, and are safe when it has settled: only
 * then are they deleted.  A sink that fails has kept nothing of what was given
 * since; all of it is given again.
 */

#ifndef DRAIN_H
#define DRAIN_H

#include "onsite_store.h"

typedef struct drain_sink_s  drain_sink_t;

/* How much of each shard was given to the sink and is not deleted yet. */
typedef struct {
    uint64_t  from;             /* where reading goes on                   */
    uint64_t  given;            /* the last number; 0: none                */
} drain_shard_t;

typedef struct {
    onsite_store_t  *store;
    drain_shard_t   *shards;    /* as many as the store has                */
    uint64_t         n;         /* events given, not settled               */
    onsite_ms_t      since;     /* when the first of them was              */
    uint64_t         bytes;     /* of their lines                          */
} drain_t;

struct drain_sink_s {
    /* Once, before anything is given: ends what an earlier process left. */
    onsite_status_t  (*start)(drain_sink_t *sink, drain_t *drain,
                          onsite_error_t *error);
    /* One event, a line of JSON with its line feed. */
    onsite_status_t  (*give)(drain_sink_t *sink, drain_t *drain,
                          onsite_str_t line, onsite_error_t *error);
    /* All that was given is safe. */
    onsite_status_t  (*settle)(drain_sink_t *sink, drain_t *drain,
                          onsite_error_t *error);
    /* It is not, and is forgotten. */
    void             (*drop)(drain_sink_t *sink);
    void             (*close)(drain_sink_t *sink);

    uint64_t           settle_bytes;    /* when so much was given          */
    onsite_ms_t        settle_time;     /* or the first was so long ago    */
};

/* What --rotate-size and --rotate-time are about, and --to's part behind
 * "file:".  NULL: complains. */
typedef struct {
    const char   *folder;
    uint64_t      bytes;
    onsite_ms_t   time;
    bool          zstd;
} drain_file_options_t;

drain_sink_t *drain_file(const drain_file_options_t *options);

#endif
