/*
 * onsite_store_room.c - eviction, the shares of timers and outbox, reaping.
 *
 * A transaction that finds no free page fails as a whole.  So room is made
 * before it is needed: when fewer than `reserve` pages are free the shard is
 * tight, and while it is tight a put evicts the least recently seen of the
 * leaf page that it goes to until the record fits there.  Keys are hashes, so
 * a leaf is a fair sample of all visitors; it is copied for the put anyway;
 * and a leaf that never overflows never splits, so the tree stops growing.  It
 * is a set-associative cache, a leaf its set.
 *
 * What a leaf holds follows from LMDB's page format: a node is 8 bytes, key
 * and value, rounded up to even, and 2 bytes of index; a value too large for
 * half a page has pages of its own.  A mistake here would cost free pages,
 * not correctness: below a quarter of the reserve whole leaves are emptied.
 */

#include "onsite_store_private.h"
#include "onsite_visitor_codec.h"

#define PAGE_HEADER      16
#define NODE_HEADER      8
#define NODE_INDEX       2
#define PAGE_NUMBER      8
#define EVICT_MAX        64         /* records for one put */
#define FORGET_MAX       4          /* timers, for one transaction */
#define SWEEP_LEAVES     16         /* emptied in one go */
#define SWEEP_PAGES      8          /* that emptying one may take */
#define LEAF_NODES_MAX   4096
#define PUTS_MAX         128        /* in one transaction of a batch */
#define REAP_CHUNK       64
#define OWN_PAGES        20         /* that a transaction changes, at most,
                                       for a visitor: five trees deep */

typedef struct {
    uintptr_t            page;      /* address of the leaf */
    const onsite_key_t  *skip;      /* the key that comes */
    size_t        used;             /* bytes of nodes, without skip's */
    unsigned      n;                /* of them */
    bool          skip_is_large;
    bool          is_behind;        /* skip is greater than all of them */
    bool          has_large;
    onsite_ms_t   seen;             /* of the least recently seen */
    onsite_ms_t   seen_large;
    onsite_key_t  oldest;
    onsite_key_t  oldest_large;     /* with pages of its own */
} leaf_t;

typedef enum {
    PREDECESSOR = 0,
    SUCCESSOR
} side_t;


static bool
is_large(const shard_t *shard, size_t size)
{
    size_t  max;

    max = (((shard->page_size - PAGE_HEADER) / 2) & ~(size_t) 1) - NODE_INDEX;

    return NODE_HEADER + sizeof(onsite_key_t) + size > max;
}


static size_t
node_bytes(const shard_t *shard, size_t size)
{
    size_t  data = is_large(shard, size) ? PAGE_NUMBER : size;

    return ((NODE_HEADER + sizeof(onsite_key_t) + data + 1) & ~(size_t) 1)
           + NODE_INDEX;
}


static uintptr_t
page_of(const shard_t *shard, const MDB_val *key)
{
    return (uintptr_t) key->mv_data / shard->page_size;
}


/* When a record is worth least: expired first, then by last seen. */

static onsite_ms_t
worth(const onsite_store_t *store, MDB_val record, onsite_ms_t now)
{
    bool  session_only;

    if (record_due(store, record) < now) {
        return 0;
    }

    return onsite_record_last_seen(record.mv_data, record.mv_size,
                                   &session_only);
}


static void
take_node(onsite_txn_t *txn, leaf_t *leaf, MDB_val key, MDB_val record,
    onsite_ms_t now)
{
    int          order;
    bool         large = is_large(txn->shard, record.mv_size);
    onsite_ms_t  seen;

    if (key.mv_size != sizeof(onsite_key_t)) {
        return;
    }

    order = memcmp(key.mv_data, leaf->skip, sizeof(onsite_key_t));
    leaf->is_behind = order < 0;

    if (order == 0) {
        leaf->skip_is_large = large;
        return;
    }

    seen = worth(txn->store, record, now);

    if (leaf->n == 0 || seen < leaf->seen) {
        leaf->seen = seen;
        memcpy(&leaf->oldest, key.mv_data, sizeof(onsite_key_t));
    }

    if (large && (!leaf->has_large || seen < leaf->seen_large)) {
        leaf->has_large = true;
        leaf->seen_large = seen;
        memcpy(&leaf->oldest_large, key.mv_data, sizeof(onsite_key_t));
    }

    leaf->used += node_bytes(txn->shard, record.mv_size);
    leaf->n++;
}


/*
 * Moves cursor to a record of the leaf that key is in or would go to.  That
 * is its predecessor's leaf; but a leaf whose first records were evicted may
 * still be found by keys from them on, so between two leaves it may be that
 * of its successor.
 */

static int
seek_leaf(MDB_cursor *cursor, const onsite_key_t *key, side_t side,
    MDB_val *k, MDB_val *v)
{
    int      rc;
    MDB_val  prev;

    *k = key_val(key);
    rc = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);

    if (rc == MDB_NOTFOUND) {
        return mdb_cursor_get(cursor, k, v, MDB_LAST);
    }

    if (rc != 0 || side == SUCCESSOR
        || memcmp(k->mv_data, key, sizeof(onsite_key_t)) == 0)
    {
        return rc;
    }

    rc = mdb_cursor_get(cursor, &prev, v, MDB_PREV);

    if (rc == MDB_NOTFOUND) {
        return mdb_cursor_get(cursor, k, v, MDB_FIRST);
    }

    *k = prev;

    return rc;
}


/* Looks at a leaf, from its first record on. */

static int
survey(onsite_txn_t *txn, const onsite_key_t *key, side_t side,
    onsite_ms_t now, leaf_t *leaf)
{
    int       rc;
    MDB_val   k, v;
    unsigned  i;

    memset(leaf, 0, sizeof(leaf_t));
    leaf->skip = key;

    rc = seek_leaf(txn->cursor, key, side, &k, &v);
    if (rc != 0) {
        return rc;
    }

    leaf->page = page_of(txn->shard, &k);

    do {
        rc = mdb_cursor_get(txn->cursor, &k, &v, MDB_PREV);
    } while (rc == 0 && page_of(txn->shard, &k) == leaf->page);

    rc = mdb_cursor_get(txn->cursor, &k, &v,
                        rc == 0 ? MDB_NEXT : MDB_FIRST);

    for (i = 0; i < LEAF_NODES_MAX; i++) {
        if (rc != 0 || page_of(txn->shard, &k) != leaf->page) {
            break;
        }

        take_node(txn, leaf, k, v, now);
        rc = mdb_cursor_get(txn->cursor, &k, &v, MDB_NEXT);
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}


/*
 * The record's timer goes with it, else those of visitors long gone would keep
 * others' from being set.  It lies in a page of its own, mostly, so this is
 * done for a few a transaction; the others wake to nothing in their time.
 */

static int
evict(onsite_txn_t *txn, const onsite_key_t *key)
{
    int          rc;
    MDB_val      k, v;
    onsite_ms_t  wake;

    k = key_val(key);
    rc = mdb_get(txn->mdb, txn->shard->visitors, &k, &v);

    if (rc != 0) {
        return rc == MDB_NOTFOUND ? 0 : rc;
    }

    wake = onsite_record_wake(v.mv_data, v.mv_size);

    rc = mdb_del(txn->mdb, txn->shard->visitors, &k, NULL);

    if (rc == 0) {
        txn->store->counts.evictions++;
    }

    if (rc == 0 && wake != 0 && txn->forgotten < FORGET_MAX) {
        txn->forgotten++;
        rc = txn_timer_forget(txn, key, wake);
    }

    return rc;
}


/* One step towards room in a leaf: evicts a record, or sets done. */

static int
evict_if_needed(onsite_txn_t *txn, const leaf_t *leaf, size_t size,
    bool *want_pages, bool *done)
{
    size_t  capacity;

    capacity = txn->shard->page_size - PAGE_HEADER;

    if (*want_pages && !leaf->skip_is_large && leaf->has_large) {
        *want_pages = false;
        return evict(txn, &leaf->oldest_large);
    }

    if (leaf->n != 0
        && leaf->used + node_bytes(txn->shard, size) > capacity)
    {
        return evict(txn, &leaf->oldest);
    }

    *done = true;

    return 0;
}


static int
make_room_in_leaf(onsite_txn_t *txn, const onsite_key_t *key, side_t side,
    size_t size, onsite_ms_t now, bool *is_behind)
{
    int       rc;
    bool      want_pages, done;
    leaf_t    leaf;
    unsigned  i;

    want_pages = is_large(txn->shard, size);
    done = false;
    rc = 0;

    for (i = 0; i < EVICT_MAX && !done && rc == 0; i++) {
        rc = survey(txn, key, side, now, &leaf);

        if (rc == 0) {
            rc = evict_if_needed(txn, &leaf, size, &want_pages, &done);
        }

        *is_behind = leaf.is_behind;
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}


int
txn_make_room(onsite_txn_t *txn, const onsite_key_t *key, size_t size,
    onsite_ms_t now)
{
    int   rc;
    bool  is_behind;

    rc = txn_cursor(txn);
    if (rc != 0) {
        return rc;
    }

    is_behind = false;
    rc = make_room_in_leaf(txn, key, PREDECESSOR, size, now, &is_behind);

    if (rc == 0 && is_behind) {
        rc = make_room_in_leaf(txn, key, SUCCESSOR, size, now, &is_behind);
    }

    return rc;
}


/* A place in the tree that is as good as random: eviction must not depend on
 * a generator, and every transaction has another number. */

static onsite_key_t
some_key(uint64_t seed)
{
    onsite_key_t  key;

    seed = (seed + 1) * 0x9e3779b97f4a7c15u;
    seed = (seed ^ (seed >> 32)) * 0xd6e8feb86659fd93u;
    seed ^= seed >> 32;

    memcpy(key.bytes, &seed, sizeof(seed));
    memcpy(key.bytes + sizeof(seed), &seed, sizeof(seed));

    return key;
}


/* As many records as a leaf has: LMDB joins it to its neighbour when few are
 * left, and either way a page is free. */

static int
empty_leaf(onsite_txn_t *txn, const onsite_key_t *key)
{
    int       rc;
    leaf_t    leaf;
    unsigned  left;

    rc = survey(txn, key, PREDECESSOR, 0, &leaf);

    for (left = leaf.n; rc == 0 && left != 0; left--) {
        rc = evict(txn, &leaf.oldest);

        if (rc == 0) {
            rc = survey(txn, key, PREDECESSOR, 0, &leaf);
        }
    }

    return rc;
}


/* The last resort, when pages went to something else than visitors. */

void
shard_sweep(onsite_store_t *store, shard_t *shard, MDB_txn *mdb,
    uint64_t usable)
{
    int           rc;
    uint64_t      i, leaves;
    onsite_key_t  key;
    onsite_txn_t  txn;

    /* pages are short: each goes to the leaves */

    txn = (onsite_txn_t) { .store = store, .shard = shard, .mdb = mdb,
                           .forgotten = FORGET_MAX };

    /* it takes pages itself */

    leaves = usable / SWEEP_PAGES < SWEEP_LEAVES ? usable / SWEEP_PAGES + 1
             : SWEEP_LEAVES;
    rc = txn_cursor(&txn);

    for (i = 0; rc == 0 && i < leaves; i++) {
        key = some_key(mdb_txn_id(txn.mdb) * SWEEP_LEAVES + i);
        rc = empty_leaf(&txn, &key);
    }

    if (rc == 0 || rc == MDB_NOTFOUND) {
        (void) mdb_txn_commit(txn.mdb);

    } else {
        mdb_txn_abort(txn.mdb);
    }
}


uint32_t
shard_puts_max(const shard_t *shard)
{
    uint64_t  max = shard->reserve / 32;

    return (uint32_t) (max > PUTS_MAX ? PUTS_MAX : max);
}


/* Timers and outbox */

int
tree_of(MDB_txn *txn, MDB_dbi dbi, tree_t *tree)
{
    int       rc;
    MDB_stat  stat;

    rc = mdb_stat(txn, dbi, &stat);
    if (rc != 0) {
        return rc;
    }

    tree->entries = stat.ms_entries;
    tree->pages = stat.ms_branch_pages + stat.ms_leaf_pages
                  + stat.ms_overflow_pages;

    return 0;
}


/* Whether there is enough is only asked where it may be doubted: the answer is
 * as old as the last commit, so what was taken since is added. */

bool
txn_has_room(onsite_txn_t *txn, uint64_t pages)
{
    uint64_t   needed;
    pages_t    counted;
    shard_t   *shard = txn->shard;

    needed = txn->grown + pages + OWN_PAGES;

    if (shard->ample && needed < shard->reserve / 2) {
        return true;
    }

    return shard_pages_count(txn->store, shard, needed, &counted) == 0
           && counted.usable >= needed;
}


onsite_status_t
txn_grow(onsite_txn_t *txn, MDB_dbi dbi, uint64_t pages)
{
    int      rc;
    tree_t   tree;

    rc = tree_of(txn->mdb, dbi, &tree);
    if (rc != 0) {
        return txn_failed(txn, rc, "examine");
    }

    if (tree.pages + pages > txn->shard->pages / 4
        || !txn_has_room(txn, pages))
    {
        return ONSITE_FULL;
    }

    return ONSITE_OK;
}


/* Reaping */

typedef struct {
    onsite_key_t  keys[REAP_CHUNK];
    unsigned      n;
} due_t;


/* The key behind this one; behind the last comes the first. */

static void
step_key(onsite_key_t *key)
{
    size_t  i;

    for (i = sizeof(key->bytes); i != 0 && ++key->bytes[i - 1] == 0; i--) {
        /* carry */
    }
}


/* Finds what is due without the write lock; where it stopped is kept. */

static int
look_for_due(onsite_store_t *store, shard_t *shard, onsite_ms_t now,
    unsigned *budget, due_t *due)
{
    int          rc;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    due->n = 0;

    rc = mdb_cursor_open(shard->reader, shard->visitors, &cursor);
    if (rc != 0) {
        return rc;
    }

    k = key_val(&shard->reap_from);
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

    while (rc == 0 && *budget != 0 && due->n < REAP_CHUNK) {
        if (k.mv_size == sizeof(onsite_key_t)) {
            memcpy(&shard->reap_from, k.mv_data, sizeof(onsite_key_t));

            if (record_due(store, v) < now) {
                due->keys[due->n++] = shard->reap_from;
            }

            step_key(&shard->reap_from);
        }

        (*budget)--;
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    if (rc == MDB_NOTFOUND) {
        /* once round: the next call begins again */
        memset(&shard->reap_from, 0, sizeof(onsite_key_t));
        *budget = 0;
        rc = 0;
    }

    mdb_cursor_close(cursor);

    return rc;
}


/* Only what is still due: its visitor may have come back meanwhile. */

static onsite_status_t
delete_due(onsite_store_t *store, shard_t *shard, onsite_ms_t now,
    const due_t *due, unsigned *reaped)
{
    unsigned          i, n;
    MDB_val           k, v;
    onsite_txn_t     *txn;
    onsite_status_t   status;

    if (due->n == 0) {
        return ONSITE_OK;
    }

    status = onsite_txn_begin(store, shard->index, &txn, NULL);
    if (status != ONSITE_OK) {
        return status;
    }

    n = 0;

    for (i = 0; i < due->n && status == ONSITE_OK; i++) {
        k = key_val(&due->keys[i]);

        if (mdb_get(txn->mdb, shard->visitors, &k, &v) == 0
            && record_due(store, v) < now)
        {
            status = onsite_txn_delete(txn, &due->keys[i]);
            n++;
        }
    }

    if (status != ONSITE_OK) {
        onsite_txn_abort(txn);
        return status;
    }

    status = onsite_txn_commit(txn, NULL);

    if (status == ONSITE_OK) {
        store->counts.expired += n;
        *reaped += n;
    }

    return status;
}


onsite_status_t
onsite_store_reap(onsite_store_t *store, uint32_t shard, onsite_ms_t now,
    unsigned budget, unsigned *reaped)
{
    int               rc;
    due_t             due;
    shard_t          *s;
    onsite_status_t   status;

    *reaped = 0;

    if (shard >= store->n) {
        return ONSITE_INVALID;
    }

    s = &store->shards[shard];
    status = ONSITE_OK;

    while (budget != 0 && status == ONSITE_OK) {
        rc = shard_reader_begin(store, s);
        if (rc != 0) {
            return shard_failed(store, s, rc, "read", NULL);
        }

        rc = look_for_due(store, s, now, &budget, &due);
        shard_reader_end(s);

        status = rc == 0 ? delete_due(store, s, now, &due, reaped)
                 : shard_failed(store, s, rc, "read", NULL);
    }

    return status;
}
