/*
 * drain.h - where events go that leave a state: what a sink is.
 *
 * Events are given to a sink one by one, and are safe when it has settled: only
 * then are they deleted.  A sink that fails has kept nothing of what was given
 * since; all of it is given again.
 */

#ifndef DRAIN_H
#define DRAIN_H

#include "nats.h"
#include "onsite_store.h"

typedef struct drain_sink_s  drain_sink_t;

typedef struct {
    uint64_t      seq;
    onsite_str_t  line;         /* JSON with its line feed                 */
    onsite_str_t  site;         /* these two only for sinks with names     */
    onsite_str_t  id;           /* its messageId                           */
} drain_event_t;

/* How much of each shard was given to the sink and is not deleted yet. */
typedef struct {
    uint64_t  from;             /* where reading goes on                   */
    uint64_t  given;            /* the last number; 0: none                */
    uint64_t  n;                /* events of it                            */
    uint64_t  until;            /* set by start: what is settled next ends
                                   there, however little it is; 0: no      */
} drain_shard_t;

typedef struct {
    onsite_store_t  *store;
    drain_shard_t   *shards;    /* as many as the store has                */
    unsigned         opened;    /* how many times a state was: which it is */
    uint32_t         shard;     /* that is read                            */
    uint64_t         n;         /* events given, not settled               */
    onsite_ms_t      since;     /* when the first of them was, by
                                       loader_clock                        */
    uint64_t         bytes;     /* of their lines                          */

    uint64_t         left;      /* in all: events that left                */
    uint64_t         rejected;  /* those that a sink would never take      */
} drain_t;

struct drain_sink_s {
    /* Before anything is given, and again after a failure or with another
     * state: ends what an earlier process, or attempt, left. */
    onsite_status_t  (*start)(drain_sink_t *sink, drain_t *drain,
                          onsite_error_t *error);
    onsite_status_t  (*give)(drain_sink_t *sink, drain_t *drain,
                          const drain_event_t *event, onsite_error_t *error);
    /* All that was given is safe, or has left (drain_leave). */
    onsite_status_t  (*settle)(drain_sink_t *sink, drain_t *drain,
                          onsite_error_t *error);
    /* It is not, and is forgotten. */
    void             (*drop)(drain_sink_t *sink);
    void             (*close)(drain_sink_t *sink);

    /* What is given is settled when it is so much, or so many (0: any), */
    uint64_t         settle_bytes;
    uint64_t         settle_events;
    /* or the first was so long ago; 0: when no more is there; */
    onsite_ms_t      settle_time;
    /* and at the end of each shard. */
    bool             one_shard;

    onsite_ms_t      idle;      /* how long to wait for more               */
    bool             names;     /* it wants site and id                    */
    onsite_ms_t      pause;     /* set by a failure: it asked to be left
                                   alone for so long; 0: it did not        */
};

/* The events of a shard up to a number have left, n of them: they are deleted
 * and counted. */
onsite_status_t drain_leave(drain_t *drain, uint32_t shard, uint64_t seq,
    uint64_t n, onsite_error_t *error);

/* A sink fails, and goes on by itself: told once, until all has settled. */
void drain_tell(drain_t *drain, const char *why);

/* Hands events over until a signal comes, or with once until none is left;
 * takes the sink. */
typedef struct {
    const char  *state;
    bool         once;
    bool         json;          /* tell at the end                         */
} drain_options_t;

int drain_run(const drain_options_t *options, drain_sink_t *sink);


/* drain_file.c: what --rotate-size and --rotate-time are about, and --to's part
 * behind "file:".  NULL: complains. */
typedef struct {
    const char   *folder;
    uint64_t      bytes;
    onsite_ms_t   time;
    bool          zstd;
} drain_file_options_t;

drain_sink_t *drain_file(const drain_file_options_t *options);

#define DRAIN_PART  ".part"     /* behind the name of a file that is written */


/* drain_nats.c.  NULL: complains of a usage error. */
typedef struct {
    const char      *url;
    nats_options_t   nats;
    bool             create;    /* the stream, if there is none            */
    const char      *rejects;   /* a file, or NULL                         */
} drain_nats_options_t;

drain_sink_t *drain_nats(const drain_nats_options_t *options);


/* drain_note.c: what a shard remembers of a handing over that was not seen to
 * its end. */

/* The events up to seq: from number first on in one batch; on their way, or
 * safe already. */
onsite_status_t drain_note_batch(drain_t *drain, uint32_t shard,
    uint64_t first, uint64_t seq, onsite_error_t *error);
onsite_status_t drain_note_safe(drain_t *drain, uint32_t shard, uint64_t seq,
    onsite_error_t *error);
/* Those that are in the file of this absolute path, if it is there. */
onsite_status_t drain_note_file(drain_t *drain, uint32_t shard, uint64_t seq,
    const char *path, onsite_error_t *error);
onsite_status_t drain_note_none(drain_t *drain, uint32_t shard,
    onsite_error_t *error);

/* What is safe is deleted.  *first, and the shard's until: of a batch that may
 * have come where it was sent; 0: there is none. */
onsite_status_t drain_note_end(drain_t *drain, uint32_t shard,
    uint64_t *first, onsite_error_t *error);
/* Of all shards, by one to whom such a batch is no matter. */
onsite_status_t drain_note_end_all(drain_t *drain, onsite_error_t *error);

/* By what bytes are known: half of their SHA-256, as hex. */
#define DRAIN_KEY  32
void drain_key(onsite_str_t bytes, char key[DRAIN_KEY + 1]);

#endif
