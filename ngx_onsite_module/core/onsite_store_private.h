/*
 * onsite_store_private.h - what the files of the store share; the one header
 * that knows visitor state is LMDB.
 *
 *   onsite_store.c       a store's life: open, close; LMDB's errors
 *   onsite_store_make.c  makes its files before
 *   onsite_store_dir.c   the directory and its files; knows no LMDB handle
 *   onsite_store_txn.c   reading and writing records
 *   onsite_store_timer.c  timers
 *   onsite_store_outbox.c, onsite_store_event.c  what waits to leave:
 *                        deliveries, events; onsite_store_outbox_walk.c reads
 *                        both, onsite_store_event_leave.c is for who hands
 *                        events over, onsite_store_delivery.c for who sends
 *                        deliveries; onsite_store_event_tail.c and
 *                        onsite_store_bunch.c know where events lie
 *   onsite_store_identity.c  which ids lead to whom
 *   onsite_store_erase.c a visitor goes, with all that leads to it;
 *                        onsite_store_erased.c remembers the latest
 *   onsite_store_roam.c  whose records other machines have, or should have
 *   onsite_store_pages.c free pages, and readers that keep them
 *   onsite_store_room.c  eviction, the shares of timers and outbox, reaping
 *   onsite_store_info.c  meta values, statistics, walking
 *   onsite_store_copy.c, onsite_store_restore.c  a state at one moment, out of
 *                        a live one and back (onsite_store_copy.h)
 *   onsite_store_probe.c  whether it is well: for who watches
 *
 * Keys of timers and outbox are numbers in big-endian bytes, so that LMDB's
 * order is theirs.
 */

#ifndef ONSITE_STORE_PRIVATE_H
#define ONSITE_STORE_PRIVATE_H

#include "onsite_store.h"

#include <endian.h>
#include <lmdb.h>
#include <limits.h>

#define STATE_FORMAT     1
#define STATE_NAME_MAX   64         /* of a file in the directory */

/* Made by prepare and the first file looked at; its flock is the lock of
 * whoever changes the directory. */
#define STATE_FILE       "onsite-state"
#define STATE_TEXT       "onsite state, format %d, shards %u\n"
#define STATE_READ       "onsite state, format %u, shards %u"
#define STATE_RESTORED   "onsite state, being restored\n"


/* onsite_store_dir.c */

typedef struct {
    int                            fd;      /* of the directory */
    int                            lock;    /* STATE_FILE, locked */
    uint32_t                       shards;  /* as STATE_FILE says */
    const onsite_store_options_t  *options;
    int                            uid;
    int                            gid;
} state_dir_t;

typedef enum {
    FILE_GOOD = 0,
    FILE_ABSENT,
    FILE_BAD
} file_verdict_t;

onsite_status_t state_dir_open(state_dir_t *dir,
    const onsite_store_options_t *options, int uid, int gid,
    onsite_error_t *error);
void state_dir_close(state_dir_t *dir);

/* "shard-000.mdb"; suffix "" or what follows it. */
void shard_file_name(char *name, uint32_t shard, const char *suffix);

/* why: static storage, for the end of a sentence about the file */
file_verdict_t shard_file_check(const state_dir_t *dir, uint32_t shard,
    uint64_t *size, const char **why);
onsite_status_t shard_file_quarantine(const state_dir_t *dir, uint32_t shard,
    onsite_ms_t now, const char *why, onsite_error_t *error);

/* Allocates a file fully; makes it the owner's. */
onsite_status_t shard_file_allocate(const state_dir_t *dir, const char *name,
    uint64_t size, onsite_error_t *error);

/* FULL when the file system has less than needed bytes. */
onsite_status_t state_dir_check_room(const state_dir_t *dir, uint64_t needed,
    onsite_error_t *error);

uint64_t shard_bytes(const onsite_store_options_t *options);
void store_log(const onsite_store_options_t *options, int level,
    const char *format, ...) __attribute__((format(printf, 3, 4)));


/* onsite_store_make.c */

#define STORE_DATABASES      6
#define STORE_EVENTS_AT      4          /* of them; added later than others */
#define STORE_DATABASES_MAX  8          /* what later versions may add     */

/* The last of them is meta. */
extern const char *const  store_databases[STORE_DATABASES];

onsite_status_t store_check_options(const onsite_store_options_t *options,
    onsite_error_t *error);

/*
 * Under another name until it is whole: a process that dies here leaves
 * nothing that the next one could take for a shard.
 */
onsite_status_t shard_make(const state_dir_t *dir, uint32_t shard,
    onsite_error_t *error);


/* the store */

typedef struct {
    onsite_key_t   owner;
    onsite_key_t   alias;
} identity_key_t;

typedef struct {
    MDB_env       *env;
    MDB_txn       *reader;          /* reset between uses                  */
    MDB_dbi        visitors;
    MDB_dbi        identities;
    MDB_dbi        timers;
    MDB_dbi        outbox;
    MDB_dbi        events;          /* 0: of a state that is read only, and
                                       was made before there were any      */
    MDB_dbi        meta;
    MDB_dbi        root;            /* LMDB's own, which has the names of the
                                       others, and the latest events       */
    MDB_dbi        roam;            /* 0: there is none                    */
    uint32_t       index;
    uint32_t       page_size;
    uint64_t       pages;           /* in the map                          */
    uint64_t       reserve;         /* pages: fewer free ones is tight     */
    uint32_t       until_measure;   /* transactions till pages are counted */
    uint64_t       delivery_pages;  /* that deliveries took, lately        */
    uint32_t       until_asked;     /* events till that is asked again     */
    uint64_t       hung;            /* what a reader sees that was waited
                                       for in vain; 0: none                */
    bool           tight;           /* a put evicts                        */
    bool           ample;           /* usable pages were not few           */
    bool           damaged;         /* noted for the next open             */
    onsite_key_t   reap_from;
    identity_key_t sweep_from;
} shard_t;

/* The latest events. */
typedef struct {
    uint8_t   *at;                  /* its bytes                           */
    uint64_t   next;                /* number of the next one              */
    uint64_t   waiting;             /* events in all                       */
    size_t     used;                /* bytes of its bunch                   */
} tail_t;

struct onsite_txn_s {
    onsite_store_t  *store;
    shard_t         *shard;
    MDB_txn         *mdb;           /* NULL: none open                     */
    MDB_cursor      *cursor;        /* of visitors; NULL: not opened yet   */
    bool             found;         /* it stands on the record of at       */
    onsite_key_t     at;
    uint32_t         puts;
    uint64_t         grown;         /* pages, about, that timers and outbox
                                       took                                */
    uint32_t         forgotten;     /* timers of evicted records           */
    MDB_cursor      *events;        /* NULL: not opened yet                */
    tail_t           tail;          /* at NULL: not looked at              */
    bool             failed;        /* LMDB lets it only be aborted        */
};

struct onsite_store_s {
    onsite_store_options_t  options;
    onsite_store_stat_t     counts;     /* evictions, expired, map_full    */
    onsite_txn_t            txn;
    uint64_t                lost;       /* events, for deliveries          */
    uint32_t                n;
    char                    path[PATH_MAX];
    shard_t                 shards[];
};

/* Of a sub-database, in the transaction. */
typedef struct {
    uint64_t  entries;
    uint64_t  pages;
} tree_t;

static inline MDB_val
key_val(const onsite_key_t *key)
{
    return (MDB_val) { sizeof(key->bytes), (void *) (uintptr_t) key->bytes };
}

/* Not where LMDB's closing would do harm: there it stays open until the process
 * ends. */
void shard_close_env(MDB_env *env);

/* Maps an LMDB error; notes damage for the next open, counts a full map. */
onsite_status_t shard_failed(onsite_store_t *store, shard_t *shard, int rc,
    const char *doing, onsite_error_t *error);

/* Whether the file that this process has mapped still has its name: another
 * one may have set it aside. */
bool shard_is_current(const onsite_store_t *store, const shard_t *shard);

/* Of another process: take a map that has grown. */
int shard_adopt_size(onsite_store_t *store, shard_t *shard);

int shard_reader_begin(onsite_store_t *store, shard_t *shard);
void shard_reader_end(shard_t *shard);

/* A call within the transaction failed: it can only be aborted. */
onsite_status_t txn_failed(onsite_txn_t *txn, int rc, const char *doing);

/* Opens the transaction's cursor, which LMDB frees with it. */
int txn_cursor(onsite_txn_t *txn);

/* The moment after which a record is expired; INT64_MAX: never. */
onsite_ms_t record_due(const onsite_store_t *store, MDB_val record);

/*
 * onsite_store_outbox.c: what waits to leave.  Deliveries and events have trees
 * of their own with keys alike, (number, part), and a bit of the number says
 * which.
 */

#define OUTBOX_SHARD_SHIFT  56
#define OUTBOX_EVENT_BIT    ((uint64_t) 1 << 55)
#define OUTBOX_KEY          (sizeof(uint64_t) + sizeof(uint16_t))
#define OUTBOX_PART_MAX     4080    /* what a page of its own holds */

MDB_val outbox_key(char *bytes, uint64_t seq, uint16_t part);
uint64_t outbox_seq(MDB_val k);
uint16_t outbox_part(MDB_val k);

typedef struct {
    uint64_t  next;                 /* number of the next delivery         */
    uint64_t  deliveries;           /* waiting                             */
} outbox_state_t;

int outbox_state_read(MDB_txn *mdb, const shard_t *shard,
    outbox_state_t *state);
int outbox_state_write(onsite_txn_t *txn, const outbox_state_t *state);

/* onsite_store_bunch.c: several events in one value */

#define BUNCH_HEAD  3
#define BUNCH_EACH  2                /* in front of an event */
#define BUNCH_MAX   2000             /* of those, a page holds two */

/* Reads one. */
typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
    uint64_t        next;           /* number of the next one */
    unsigned        left;
} bunch_t;

bool is_bunch(MDB_val v);
unsigned bunch_entries(MDB_val v);

/* Both return how many bytes are used now; the entry fits. */
size_t bunch_begin(uint8_t *bunch);
size_t bunch_add(uint8_t *bunch, size_t used, onsite_str_t entry);

void bunch_open(bunch_t *bunch, MDB_val v, uint64_t first);
/* entry: empty where one has gone.  MDB_NOTFOUND: it was the last. */
int bunch_next(bunch_t *bunch, uint64_t *seq, onsite_str_t *entry);
/* How many have not gone. */
int bunch_count(MDB_val v, unsigned *n);
/* Those of the numbers go; *gone of them had not before, *stay are left. */
int bunch_forget(uint8_t *bytes, size_t *used, uint64_t first, uint64_t from,
    uint64_t upto, unsigned *gone, unsigned *stay);

/* onsite_store_event_tail.c */

/* Makes it, in a state of before there was one. */
int tail_make(MDB_txn *mdb, MDB_dbi root, MDB_dbi events, uint32_t shard);
/* For reading; MDB_NOTFOUND: of a state of before there was one. */
int tail_read(MDB_txn *mdb, const shard_t *shard, tail_t *tail);
/* For changing, into txn->tail; then it is written. */
int tail_open(onsite_txn_t *txn);
void tail_write(const tail_t *tail);
void tail_empty(tail_t *tail);
MDB_val tail_bunch(const tail_t *tail);
uint64_t tail_first(const tail_t *tail);

/* Moves a cursor of events to the first value that has one of the number or
 * behind it. */
int events_seek(MDB_cursor *cursor, uint64_t seq, MDB_val *k, MDB_val *v);

/* Goes through events from a number on, oldest first. */
typedef struct {
    MDB_cursor  *cursor;
    uint64_t     from;
    MDB_val      k;                 /* where it stands, if rc is 0 */
    MDB_val      v;
    int          rc;
    bool         in_bunch;
    bool         in_tail;
    bunch_t       bunch;
    tail_t       tail;
} event_walk_t;

int event_walk_begin(event_walk_t *walk, MDB_txn *mdb, const shard_t *shard,
    uint64_t from);
/* room: where one of several parts is put together, ONSITE_OUTBOX_BYTES_MAX;
 * NULL: its first part is enough. */
int event_walk_next(event_walk_t *walk, char *room, uint64_t *seq,
    onsite_str_t *entry);
void event_walk_end(event_walk_t *walk);

/* onsite_store_delivery.c */
int delivery_note_forget(onsite_txn_t *txn, uint64_t seq);

/* onsite_store_event.c */

/* Events give up their room to a delivery that takes so many pages. */
int events_make_way(onsite_txn_t *txn, uint64_t pages);
int event_forget(onsite_txn_t *txn, uint64_t seq);
/* So many numbers are left out. */
int events_jump(onsite_txn_t *txn, uint64_t by);
/* Deletes the oldest up to a number, in a transaction that stays short; *more:
 * there may be others. */
int events_delete_some(onsite_txn_t *txn, uint64_t upto, bool *more);
/* How many wait. */
int events_count(MDB_txn *mdb, const shard_t *shard, uint64_t *n);

/* onsite_store_erased.c: within a transaction of shard 0 */
int erased_note(onsite_txn_t *txn, onsite_ms_t time, const onsite_key_t *keys,
    uint32_t n);

/* onsite_store_outbox_walk.c */

/* A visitor's entries lie where its record does.
 *
 * outbox_find looks at up to budget values from *seq on for entries of one of
 * the keys: their numbers into found; *seq is where to go on, unless it was the
 * last. */
bool any_in_shard(const onsite_store_t *store, const onsite_key_t *keys,
    size_t n, uint32_t shard);
int outbox_find(onsite_store_t *store, shard_t *shard,
    const onsite_key_t *keys, size_t n_keys, unsigned budget, uint64_t *seq,
    uint64_t *found, unsigned max, unsigned *n, bool *last);

/* onsite_store_roam.c */

/* Its tree is only there where records roam, or did. */
int roam_make(shard_t *shard);
int roam_open(MDB_txn *txn, shard_t *shard);

/* Adds an entry, whatever share they have. */
int roam_note(onsite_txn_t *txn, onsite_roam_t kind, const onsite_key_t *key,
    onsite_ms_t now);

/* onsite_store_timer.c */
int txn_timer_forget(onsite_txn_t *txn, const onsite_key_t *key,
    onsite_ms_t due);

/* onsite_store_pages.c */

typedef struct {
    uint64_t  free;
    uint64_t  usable;               /* of them, for the transaction that is
                                       open                                */
    uint64_t  latest;               /* number of the last commit           */
    uint64_t  oldest;               /* that a reader sees, at most latest  */
    int       reader;               /* its process                         */
} pages_t;

/* Counts no further than to enough free ones. */
int shard_pages_count(onsite_store_t *store, shard_t *shard, uint64_t enough,
    pages_t *pages);

/*
 * Within a write transaction that has changed nothing: a process that stops
 * while it reads keeps all pages that others give back meanwhile, and under
 * the write lock there are no others.  It waits for those who read when they
 * keep what is needed.  True: pages are short all the same, and shard_sweep()
 * is to empty leaves; it ends the transaction.
 */
bool shard_measure(onsite_store_t *store, shard_t *shard, uint64_t *usable);

/* onsite_store_room.c */

void shard_sweep(onsite_store_t *store, shard_t *shard, MDB_txn *mdb,
    uint64_t usable);
uint32_t shard_puts_max(const shard_t *shard);
int txn_make_room(onsite_txn_t *txn, const onsite_key_t *key, size_t size,
    onsite_ms_t now);
/*
 * Timers and outbox may take a quarter of the map each, so that visitors keep
 * half, and never the pages that the transaction itself needs: FULL, and
 * nothing has failed, when the sub-database may not have so many pages more.
 * What was taken then is to be added to txn->grown.
 */
onsite_status_t txn_grow(onsite_txn_t *txn, MDB_dbi dbi, uint64_t pages);
/* Only the second half of it. */
bool txn_has_room(onsite_txn_t *txn, uint64_t pages);
int tree_of(MDB_txn *txn, MDB_dbi dbi, tree_t *tree);

#endif
