/*
 * onsite_store.h - visitor state in LMDB, which only onsite_store*.c know.
 * Layout: docs/wire.md.  Flags: onsite_store.c.
 *
 * LMDB's own rules hold: a store is opened once in a process (a second handle
 * would lose the locks of the first), after fork only, and all processes are
 * of one PID namespace.
 */

#ifndef ONSITE_STORE_H
#define ONSITE_STORE_H

#include "onsite_types.h"

typedef struct onsite_store_s  onsite_store_t;

typedef struct {
    const char  *path;          /* absolute directory                      */
    size_t       size;          /* bytes of all shards together; fully
                                   allocated at creation; grows, but does
                                   not shrink, an existing state           */
    uint32_t     shards;        /* 1 .. 256; fixed at creation: a mismatch
                                   is INVALID and says so; 0 with
                                   read_only: as many as there are         */
    onsite_ms_t  ttl;           /* since last seen; 0: for ever            */
    uint32_t     max_readers;   /* processes; 0: LMDB's 126                */
    bool         read_only;     /* tools: opens, never creates             */
    bool         roaming;       /* makes the place for what roams (below)  */
    bool         no_wait;       /* LIMIT, where another process is making
                                   the files: else it is waited for        */
    /* told of what an operator must know; never NULL in the module        */
    void       (*log)(void *data, int level, const char *text);
    void        *log_data;
} onsite_store_options_t;

#define ONSITE_SHARDS_MAX        256
#define ONSITE_SHARD_BYTES_MIN   (1024 * 1024)

/* A record of a session_only visitor is kept no longer than this. */
#define ONSITE_SESSION_ONLY_TTL  ONSITE_DAY

#define ONSITE_LOG_ERROR  4     /* as nginx's NGX_LOG_ERR                  */
#define ONSITE_LOG_WARN   5
#define ONSITE_LOG_NOTICE 6

/*
 * Makes the directory's files ready (created, allocated, formatted) without
 * keeping anything open: for a master process before it forks, and for the
 * owner of the files.  uid/gid (-1: keep) get the directory and files.
 * Checks statvfs first: FULL when the file system has less room than size.
 */
onsite_status_t onsite_store_prepare(const onsite_store_options_t *options,
    int uid, int gid, onsite_error_t *error);

/*
 * Opens in this process: after fork only, once per process.  A shard that is
 * damaged or of another LMDB format is renamed aside (…​.quarantine-<ms>) and
 * made afresh; log tells.  Stale readers are cleared.
 */
onsite_status_t onsite_store_open(const onsite_store_options_t *options,
    onsite_ms_t now, onsite_store_t **store, onsite_error_t *error);
void onsite_store_close(onsite_store_t *store);

uint32_t onsite_store_shards(const onsite_store_t *store);

/* Whether the files that were opened are still those of the directory: they
 * may have been set aside, or the state wiped and made anew.  Who keeps a store
 * open for long closes it then, and opens it again.  Where that cannot be seen,
 * for want of rights say, they are. */
bool onsite_store_is_current(const onsite_store_t *store);

/* Whether other files are in their place by now: until then who has them open
 * may use them, as others do. */
bool onsite_store_replaced(const onsite_store_t *store);

/* One write transaction on one shard; at most one open in a process.  Where
 * pages are short, begin (and renew) waits for those who read and so keep the
 * free ones, 100 ms at most. */
typedef struct onsite_txn_s  onsite_txn_t;

onsite_status_t onsite_txn_begin(onsite_store_t *store, uint32_t shard,
    onsite_txn_t **txn, onsite_error_t *error);
onsite_status_t onsite_txn_commit(onsite_txn_t *txn, onsite_error_t *error);
void onsite_txn_abort(onsite_txn_t *txn);

/*
 * For a batch, between two visitors: commits what is done and goes on in a
 * new transaction when this one has grown so long that the free pages of a
 * full map might not carry it.  Records got before are void.  On failure the
 * transaction is over: abort it.
 */
onsite_status_t onsite_txn_renew(onsite_txn_t *txn, onsite_error_t *error);

/* The record, in the map: valid until the next put, delete or end of the
 * transaction.  NOT_FOUND; an expired one (ttl) is not found. */
onsite_status_t onsite_txn_get(onsite_txn_t *txn, const onsite_key_t *key,
    onsite_ms_t now, onsite_str_t *record);

/*
 * Stores it.  While free pages are few, a put first evicts the least recently
 * seen records of the very page it goes to until it fits there, so a map that
 * is full stays as full as it is.  FULL, which takes a transaction that is
 * long beyond reason (see renew) or a reader that hangs: the transaction is
 * then over, abort it; the next begin makes room.  LIMIT: over
 * ONSITE_RECORD_BYTES_MAX, which is what a page of its own holds; nothing
 * changed.
 */
onsite_status_t onsite_txn_put(onsite_txn_t *txn, const onsite_key_t *key,
    onsite_str_t record, onsite_ms_t now);
onsite_status_t onsite_txn_delete(onsite_txn_t *txn, const onsite_key_t *key);

/* Read-only look-up outside a write transaction; the record is copied into
 * out (capacity bytes). */
onsite_status_t onsite_store_get(onsite_store_t *store,
    const onsite_key_t *key, onsite_ms_t now, void *out, size_t capacity,
    size_t *size);

/* Looks at up to budget records behind a cursor that goes round, and deletes
 * the expired.  One short write transaction, none when nothing is due. */
onsite_status_t onsite_store_reap(onsite_store_t *store, uint32_t shard,
    onsite_ms_t now, unsigned budget, unsigned *reaped);

/*
 * Timers: one entry a visitor at most, (due, key), where visitor->wake says.
 */

/* Moves the visitor's entry from one due time (0: there is none) to another
 * (0: none any more).  Equal ones: nothing is done.  FULL, only from 0: timers
 * have their share of the map (a quarter) already, nothing changed and the
 * transaction goes on.  Records that were got stay valid, here and with the
 * outbox. */
onsite_status_t onsite_txn_timer_move(onsite_txn_t *txn,
    const onsite_key_t *key, onsite_ms_t from, onsite_ms_t to);

/* The earliest entry due by now, later than (*due, *key), which (0, zeros)
 * precedes all; NOT_FOUND. */
onsite_status_t onsite_txn_timer_next(onsite_txn_t *txn, onsite_ms_t now,
    onsite_ms_t *due, onsite_key_t *key);

/* Read-only: when the earliest of a shard is due; NOT_FOUND. */
onsite_status_t onsite_store_timer_first(onsite_store_t *store,
    uint32_t shard, onsite_ms_t *due);

/*
 * Outbox: entries in order of their sequence number, which is the store's
 * (shard in the top byte, and for events the next bit set) and never used
 * twice.  onsite_outbox.h has their form.
 *
 * Deliveries and events together have a quarter of the map.  Deliveries stay
 * until they are deleted; events, of which there may be any number, give way:
 * to deliveries, and the oldest ones to the latest.
 */

/* A delivery.  FULL: deliveries have the outbox' share of the map already, or
 * too few pages are free; LIMIT: over ONSITE_OUTBOX_BYTES_MAX; INVALID: not a
 * delivery.  Nothing changed then, and the transaction goes on.  Numbers begin
 * at 1 and grow by 1 within a shard. */
onsite_status_t onsite_txn_outbox_add(onsite_txn_t *txn, onsite_str_t entry,
    uint64_t *seq);

/* How many events went for the deliveries that were added since it was asked
 * last. */
uint64_t onsite_store_events_lost(onsite_store_t *store);

/* An event, behind all others.  *lost: how many older ones went for it; FULL:
 * there is no room all the same.  LIMIT, INVALID as above.  Records that were
 * got stay valid. */
onsite_status_t onsite_txn_event_add(onsite_txn_t *txn, onsite_str_t entry,
    uint64_t *lost);

/* Of either kind.  NOT_FOUND */
onsite_status_t onsite_txn_outbox_delete(onsite_txn_t *txn, uint64_t seq);

/* All entries, shard by shard, in each deliveries and then events, oldest
 * first; as onsite_store_walk. */
typedef bool (*onsite_store_outbox_pt)(void *data, uint64_t seq,
    onsite_str_t entry);
onsite_status_t onsite_store_outbox_walk(onsite_store_t *store,
    onsite_store_outbox_pt visit, void *data, onsite_error_t *error);

/*
 * A portion of a shard's events, from number *from on (0: the oldest); *from
 * is then where the next one begins, and *last tells that there was no more.
 * Whoever has handed them over deletes them: all up to and including a number,
 * in transactions that are short, so that others who write do not wait long.
 */
onsite_status_t onsite_store_events_read(onsite_store_t *store,
    uint32_t shard, uint64_t *from, onsite_store_outbox_pt visit, void *data,
    bool *last, onsite_error_t *error);
onsite_status_t onsite_store_events_delete(onsite_store_t *store,
    uint32_t shard, uint64_t seq, onsite_error_t *error);

/*
 * What a shard remembers of a handing over: up to which number, and a text of
 * at most ONSITE_NOTE_MAX bytes that says where it can be seen whether it came
 * to its end.  events_delete up to that number forgets it, in its last
 * transaction.  Empty text: forgets.  note_get: NOT_FOUND.
 */
#define ONSITE_NOTE_MAX  1024
onsite_status_t onsite_store_events_note(onsite_store_t *store,
    uint32_t shard, uint64_t seq, onsite_str_t text, onsite_error_t *error);
onsite_status_t onsite_store_events_note_get(onsite_store_t *store,
    uint32_t shard, uint64_t *seq, char text[ONSITE_NOTE_MAX + 1],
    onsite_error_t *error);

/*
 * The same of deliveries, for who sends them, which go one by one: in any
 * order, each when it has left.  deliveries_read begins at number 0 for the
 * oldest of the shard; whoever goes on from *from sees all that come later.
 */
onsite_status_t onsite_store_deliveries_read(onsite_store_t *store,
    uint32_t shard, uint64_t *from, onsite_store_outbox_pt visit, void *data,
    bool *last, onsite_error_t *error);
/* One of them.  NOT_FOUND: it is gone. */
onsite_status_t onsite_store_delivery_get(onsite_store_t *store, uint64_t seq,
    onsite_store_outbox_pt visit, void *data, onsite_error_t *error);
/* Those that are there, in transactions that are short; the fewest where
 * numbers are in order. */
onsite_status_t onsite_store_deliveries_delete(onsite_store_t *store,
    const uint64_t *seqs, size_t n, onsite_error_t *error);
/* Moves it behind all others, without its note. */
onsite_status_t onsite_store_delivery_again(onsite_store_t *store,
    uint64_t seq, onsite_error_t *error);

/*
 * What is remembered of a delivery that did not leave, in whatever form its
 * sender likes; it goes with the delivery.  NOT_FOUND: there is no such
 * delivery, or no note of it; FULL: no room, nothing changed.  noted: out has
 * ONSITE_DELIVERY_NOTE_MAX bytes.
 */
#define ONSITE_DELIVERY_NOTE_MAX  512
onsite_status_t onsite_store_delivery_note(onsite_store_t *store,
    uint64_t seq, onsite_str_t note, onsite_error_t *error);
onsite_status_t onsite_store_delivery_noted(onsite_store_t *store,
    uint64_t seq, void *out, size_t *size, onsite_error_t *error);
/* All notes of a shard, in the order of their deliveries. */
onsite_status_t onsite_store_delivery_notes(onsite_store_t *store,
    uint32_t shard, onsite_store_outbox_pt visit, void *data,
    onsite_error_t *error);

/* Those of visitors, whose keys they are, at most budget entries looked at;
 * *all: these are all. */
onsite_status_t onsite_store_outbox_of(onsite_store_t *store,
    const onsite_key_t *keys, size_t n, unsigned budget,
    onsite_store_outbox_pt visit, void *data, bool *all,
    onsite_error_t *error);

/*
 * Identities: which ids lead to a visitor, (owner, alias), in the owner's
 * shard.  There is one for every link record, made in the transaction in which
 * the alias' history joins the owner's, so that it joins once: it says when the
 * link was written that carried the history.
 */

/* Adds, or changes, an entry.  FULL: identities have their share of the map (a
 * quarter) already; nothing changed and the transaction goes on.  Records that
 * were got stay valid. */
onsite_status_t onsite_txn_identity_add(onsite_txn_t *txn,
    const onsite_key_t *owner, const onsite_key_t *alias, onsite_ms_t since);
/* OK: it is there; NOT_FOUND; CORRUPT. */
onsite_status_t onsite_txn_identity_get(onsite_txn_t *txn,
    const onsite_key_t *owner, const onsite_key_t *alias, onsite_ms_t *since);
onsite_status_t onsite_txn_identity_delete(onsite_txn_t *txn,
    const onsite_key_t *owner, const onsite_key_t *alias);
/* The owner's aliases into out; returns how many were written. */
size_t onsite_txn_identity_list(onsite_txn_t *txn, const onsite_key_t *owner,
    onsite_key_t *out, size_t max);
/* The same outside a write transaction. */
onsite_status_t onsite_store_identity_list(onsite_store_t *store,
    const onsite_key_t *owner, onsite_key_t *out, size_t max, size_t *n);
/* As onsite_txn_identity_get, outside a write transaction. */
onsite_status_t onsite_store_identity_get(onsite_store_t *store,
    const onsite_key_t *owner, const onsite_key_t *alias, onsite_ms_t *since);

/* Looks at up to budget entries (64 at most) behind a cursor that goes round,
 * and deletes those whose alias does not lead to the owner (any more).  One
 * short write transaction, none when there is nothing to delete. */
onsite_status_t onsite_store_sweep(onsite_store_t *store, uint32_t shard,
    onsite_ms_t now, unsigned budget, unsigned *swept);

/*
 * Erases a visitor: the record that key leads to, all links to it, its
 * identities, its timer and its entries in the outbox, in every shard; a
 * tombstone takes the place of each key.  What it costs is bounded by what the
 * outbox holds.  NOT_FOUND: nothing is known of the key (a tombstone is left
 * all the same).  No transaction may be open.
 *
 * What was noted by others and not finished, after a crash say, is finished,
 * too.  Where records roam, tombstones are noted to be CHANGED.
 */
onsite_status_t onsite_store_erase(onsite_store_t *store,
    const onsite_key_t *key, onsite_ms_t now, onsite_error_t *error);

/* How much is a key's: all that is the same visitor, or of a device what is its
 * own: it and the ids that lead to it, not what it leads to. */
typedef enum {
    ONSITE_REACH_VISITOR = 0,
    ONSITE_REACH_DEVICE
} onsite_reach_t;

/* All keys that are one visitor's: key, what its record leads to, and what
 * leads to that, as far as reach goes; *n is how many, max (ONSITE_RELATED_MAX
 * do) at most.  No transaction may be open. */
#define ONSITE_RELATED_MAX  240
onsite_status_t onsite_store_related(onsite_store_t *store,
    const onsite_key_t *key, onsite_reach_t reach, onsite_key_t *out,
    size_t max, size_t *n, onsite_error_t *error);

/*
 * The same as onsite_store_erase for who may not take long, or may not erase
 * the whole visitor.  start does all but the outbox and notes in the state what
 * is to be done there; step looks at budget entries of what is noted, by
 * whomever; *more tells that something was.
 */
onsite_status_t onsite_store_erase_start(onsite_store_t *store,
    const onsite_key_t *key, onsite_reach_t reach, onsite_ms_t now,
    onsite_error_t *error);
onsite_status_t onsite_store_erase_step(onsite_store_t *store,
    unsigned budget, bool *more, onsite_error_t *error);

/*
 * Roaming: records that other machines may have (WANTED: this one met their
 * visitor for the first time), and records that others should have (CHANGED).
 * One entry of each kind a record, in its shard; who exchanges records deletes
 * them.  Together they have a sixteenth of the map.
 */
typedef enum {
    ONSITE_ROAM_WANTED = 0,
    ONSITE_ROAM_CHANGED
} onsite_roam_t;

typedef struct {
    onsite_key_t  key;
    onsite_ms_t   since;
} onsite_roam_entry_t;

/* Whether there is a place for it: a state that was opened with `roaming`
 * once.  Where there is none, adding does nothing. */
bool onsite_store_roams(const onsite_store_t *store);

/* One that is there already stays as it is.  FULL: they have their share
 * already; nothing changed and the transaction goes on.  Records that were got
 * stay valid. */
onsite_status_t onsite_txn_roam_add(onsite_txn_t *txn, onsite_roam_t kind,
    const onsite_key_t *key, onsite_ms_t now);
/* Since when (NULL: no matter); NOT_FOUND. */
onsite_status_t onsite_txn_roam_get(onsite_txn_t *txn, onsite_roam_t kind,
    const onsite_key_t *key, onsite_ms_t *since);
onsite_status_t onsite_txn_roam_delete(onsite_txn_t *txn, onsite_roam_t kind,
    const onsite_key_t *key);

/* As onsite_txn_roam_get, outside of a write transaction: OK or NOT_FOUND. */
onsite_status_t onsite_store_roam_has(onsite_store_t *store,
    onsite_roam_t kind, const onsite_key_t *key, onsite_error_t *error);

/* At most max entries, in the order of their keys, from the one behind after
 * (NULL: the first) on. */
onsite_status_t onsite_store_roam_read(onsite_store_t *store, uint32_t shard,
    onsite_roam_t kind, const onsite_key_t *after, onsite_roam_entry_t *out,
    size_t max, size_t *n, onsite_error_t *error);

/*
 * The latest ONSITE_ERASED_KEPT erasures since somebody wants to know them, by
 * numbers that grow: the one with that number, or the next.  *next: the number
 * of the one that comes next, or less; 0: nobody wants to know.  Who has taken
 * them forgets them.
 */
#define ONSITE_ERASED_KEPT  64

typedef struct {
    uint64_t      number;
    onsite_ms_t   time;
    size_t        n;
    onsite_key_t  keys[ONSITE_RELATED_MAX];
} onsite_erased_t;

onsite_status_t onsite_store_erased_want(onsite_store_t *store,
    onsite_error_t *error);
onsite_status_t onsite_store_erased(onsite_store_t *store, uint64_t from,
    onsite_erased_t *erased, uint64_t *next, onsite_error_t *error);
onsite_status_t onsite_store_erased_forget(onsite_store_t *store,
    uint64_t below, onsite_error_t *error);

/* Clears reader slots of dead processes in every shard. */
unsigned onsite_store_check_readers(onsite_store_t *store);

/*
 * Whether a shard can be written: changes one value of meta and commits.
 * NOT_FOUND: what is open has lost its name meanwhile, because the directory
 * was wiped or the shard set aside; the store is to be opened anew.  Waits as
 * long as another process holds the lock of those who write.
 */
onsite_status_t onsite_store_probe(onsite_store_t *store, uint32_t shard,
    onsite_error_t *error);

/* When the oldest of the events, or of the deliveries, happened that wait in a
 * shard.  NOT_FOUND: none waits. */
onsite_status_t onsite_store_outbox_oldest(onsite_store_t *store,
    uint32_t shard, bool events, onsite_ms_t *time, onsite_error_t *error);

/* Who has a slot: processes that have the state open, one for each shard.
 * *max: how many slots there are. */
typedef struct {
    uint32_t  shard;
    int       process;
    uint64_t  sees;             /* transaction that it reads; 0: none now  */
    uint64_t  behind;           /* how many are later                      */
} onsite_store_reader_t;

typedef void (*onsite_store_reader_pt)(void *data,
    const onsite_store_reader_t *reader);
onsite_status_t onsite_store_readers(onsite_store_t *store,
    onsite_store_reader_pt visit, void *data, uint32_t *max);

/* The LMDB library's version; whether it breaks the locks of other processes
 * when one exits. */
const char *onsite_store_library(bool *breaks);

/* Small named values that all workers share (the made-up secret, format,
 * shard count): kept in shard 0. */
onsite_status_t onsite_store_meta_get(onsite_store_t *store,
    const char *name, void *out, size_t capacity, size_t *size);
/* Keeps the first value written: returns the winner in out. */
onsite_status_t onsite_store_meta_set_once(onsite_store_t *store,
    const char *name, const void *data, size_t size, void *out,
    size_t capacity, size_t *out_size);

typedef struct {
    uint64_t  visitors;
    uint64_t  bytes_size;       /* of all maps                             */
    uint64_t  bytes_used;       /* pages in use, without free ones and those
                                   of events, which give way               */
    uint64_t  evictions;        /* since this process opened               */
    uint64_t  expired;
    uint64_t  map_full;
    uint32_t  readers;          /* slots taken, most of all shards         */
    uint64_t  timers;           /* pending                                 */
    uint64_t  timers_bytes;     /* pages that they take                    */
    uint64_t  events;           /* waiting in the outbox                   */
    uint64_t  deliveries;
    uint64_t  outbox_bytes;     /* pages that the outbox takes             */
    uint64_t  roaming;          /* entries of records that roam            */
} onsite_store_stat_t;

onsite_status_t onsite_store_stat(onsite_store_t *store,
    onsite_store_stat_t *stat);

/*
 * Walks all records, shard by shard, in key order; the callback returns false
 * to stop.  No transaction is open while it runs, so it may take its time;
 * the record it gets is a copy.  Each record is whole and committed, but all
 * together are not of one moment.
 */
typedef bool (*onsite_store_visit_pt)(void *data, const onsite_key_t *key,
    onsite_str_t record);
onsite_status_t onsite_store_walk(onsite_store_t *store,
    onsite_store_visit_pt visit, void *data, onsite_error_t *error);

#endif
