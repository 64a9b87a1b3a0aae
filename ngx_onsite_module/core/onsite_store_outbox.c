/*
 * onsite_store_outbox.c - what waits to leave: entries in order of their
 * numbers.
 *
 * An entry may be larger than a page.  LMDB gives a value like that pages that
 * lie side by side, and a map that is full has free pages but none side by
 * side; so an entry is kept in parts of a page each, (number, part).
 *
 * The next number, and how many of each kind wait, are a value of the shard's
 * meta: numbers go on when the outbox was empty meanwhile.
 */

#include "onsite_store_private.h"
#include "onsite_id.h"
#include "onsite_outbox.h"

#include <stdlib.h>

#define OUTBOX_KEY    (sizeof(uint64_t) + sizeof(uint16_t))
#define PART_MAX      4080          /* what a page of its own holds */
#define SHARD_SHIFT   56
#define WALK_ENTRIES  256           /* copied in one read transaction */
#define WALK_BYTES    (64 * 1024)

static const char  state_name[] = "outbox";


static MDB_val
outbox_key(char *bytes, uint64_t seq, uint16_t part)
{
    uint64_t  n = htobe64(seq);
    uint16_t  p = htobe16(part);

    memcpy(bytes, &n, sizeof(n));
    memcpy(bytes + sizeof(n), &p, sizeof(p));

    return (MDB_val) { OUTBOX_KEY, bytes };
}


static uint64_t
outbox_seq(MDB_val k)
{
    uint64_t  n;

    memcpy(&n, k.mv_data, sizeof(n));

    return be64toh(n);
}


static bool
is_of(MDB_val k, uint64_t seq)
{
    return k.mv_size == OUTBOX_KEY && outbox_seq(k) == seq;
}


static MDB_val
state_key(void)
{
    return (MDB_val) { sizeof(state_name) - 1,
                       (char *) (uintptr_t) state_name };
}


/* Three numbers, big-endian. */

int
outbox_state_read(MDB_txn *mdb, const shard_t *shard, outbox_state_t *state)
{
    int       rc;
    MDB_val   k, v;
    uint64_t  numbers[3];

    *state = (outbox_state_t) { .next = 1 };
    k = state_key();
    rc = mdb_get(mdb, shard->meta, &k, &v);

    if (rc == MDB_NOTFOUND) {
        return 0;
    }

    if (rc != 0 || v.mv_size != sizeof(numbers)) {
        return rc != 0 ? rc : MDB_CORRUPTED;
    }

    memcpy(numbers, v.mv_data, sizeof(numbers));
    state->next = be64toh(numbers[0]);
    state->events = be64toh(numbers[1]);
    state->deliveries = be64toh(numbers[2]);

    return 0;
}


static int
outbox_state_write(onsite_txn_t *txn, const outbox_state_t *state)
{
    uint64_t  numbers[3] = {
        htobe64(state->next), htobe64(state->events),
        htobe64(state->deliveries)
    };
    MDB_val   k = state_key(), v = { sizeof(numbers), numbers };

    return mdb_put(txn->mdb, txn->shard->meta, &k, &v, 0);
}


static int
put_parts(onsite_txn_t *txn, uint64_t seq, onsite_str_t entry)
{
    int       rc;
    char      bytes[OUTBOX_KEY];
    size_t    at, left;
    MDB_val   k, v;
    uint16_t  part;

    rc = 0;

    for (at = 0, part = 0; rc == 0 && at < entry.len; part++) {
        left = entry.len - at;
        k = outbox_key(bytes, seq, part);
        v.mv_data = (char *) (uintptr_t) entry.data + at;
        v.mv_size = left < PART_MAX ? left : PART_MAX;

        /* it comes behind all there are: pages fill up */

        rc = mdb_put(txn->mdb, txn->shard->outbox, &k, &v, MDB_APPEND);
        at += v.mv_size;
    }

    return rc == MDB_KEYEXIST ? MDB_CORRUPTED : rc;
}


/* What it took is counted as it is: small entries share a page. */

static int
append(onsite_txn_t *txn, onsite_outbox_kind_t kind, onsite_str_t entry,
    uint64_t *seq)
{
    int             rc;
    tree_t          before, after;
    outbox_state_t  state;

    rc = tree_of(txn->mdb, txn->shard->outbox, &before);

    if (rc == 0) {
        rc = outbox_state_read(txn->mdb, txn->shard, &state);
    }

    if (rc == 0) {
        *seq = (uint64_t) txn->shard->index << SHARD_SHIFT | state.next++;
        state.events += kind == ONSITE_OUTBOX_EVENT;
        state.deliveries += kind == ONSITE_OUTBOX_DELIVERY;
        rc = put_parts(txn, *seq, entry);
    }

    if (rc == 0) {
        rc = outbox_state_write(txn, &state);
    }

    if (rc == 0) {
        rc = tree_of(txn->mdb, txn->shard->outbox, &after);
    }

    if (rc == 0) {
        txn->grown += after.pages - before.pages;
        txn->puts += (uint32_t) (after.pages - before.pages) + 1;
    }

    return rc;
}


onsite_status_t
onsite_txn_outbox_add(onsite_txn_t *txn, onsite_str_t entry, uint64_t *seq)
{
    int                   rc;
    onsite_status_t       status;
    onsite_outbox_kind_t  kind;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    if (!onsite_outbox_kind(entry.data, entry.len, &kind)) {
        return ONSITE_INVALID;
    }

    if (entry.len > ONSITE_OUTBOX_BYTES_MAX) {
        return ONSITE_LIMIT;
    }

    status = txn_grow(txn, txn->shard->outbox, entry.len / PART_MAX + 3);
    if (status != ONSITE_OK) {
        return status;
    }

    rc = append(txn, kind, entry, seq);

    return rc == 0 ? ONSITE_OK
           : txn_failed(txn, rc, "write to");
}


static int
delete_parts(onsite_txn_t *txn, uint64_t seq)
{
    int       rc;
    char      bytes[OUTBOX_KEY];
    MDB_val   k;
    uint16_t  part;

    for (part = 0, rc = 0; rc == 0; part++) {
        k = outbox_key(bytes, seq, part);
        rc = mdb_del(txn->mdb, txn->shard->outbox, &k, NULL);
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static int
kind_of(onsite_txn_t *txn, uint64_t seq, onsite_outbox_kind_t *kind)
{
    int      rc;
    char     bytes[OUTBOX_KEY];
    MDB_val  k, v;

    k = outbox_key(bytes, seq, 0);
    rc = mdb_get(txn->mdb, txn->shard->outbox, &k, &v);

    return rc == 0 && !onsite_outbox_kind(v.mv_data, v.mv_size, kind)
           ? MDB_CORRUPTED : rc;
}


static int
forget(onsite_txn_t *txn, uint64_t seq)
{
    int                    rc;
    outbox_state_t         state;
    onsite_outbox_kind_t   kind;

    rc = kind_of(txn, seq, &kind);

    if (rc == 0) {
        rc = outbox_state_read(txn->mdb, txn->shard, &state);
    }

    if (rc == 0) {
        rc = delete_parts(txn, seq);
    }

    if (rc != 0) {
        return rc;
    }

    state.events -= kind == ONSITE_OUTBOX_EVENT && state.events != 0;
    state.deliveries -= kind == ONSITE_OUTBOX_DELIVERY
                        && state.deliveries != 0;

    return outbox_state_write(txn, &state);
}


onsite_status_t
onsite_txn_outbox_delete(onsite_txn_t *txn, uint64_t seq)
{
    int  rc;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    txn->puts++;
    rc = forget(txn, seq);

    return rc == 0 ? ONSITE_OK : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
           : txn_failed(txn, rc, "delete from");
}


/* Walking: as with records, a portion is copied in a short transaction. */

typedef struct {
    uint64_t  seqs[WALK_ENTRIES];
    size_t    sizes[WALK_ENTRIES];
    unsigned  n;
    uint64_t  from;                 /* where the next one begins */
    size_t    used;
    bool      last;
    char      bytes[WALK_BYTES + ONSITE_OUTBOX_BYTES_MAX];
} entries_t;


static int
take_entry(MDB_cursor *cursor, entries_t *entries, MDB_val *k, MDB_val *v)
{
    int       rc;
    size_t    size;
    uint64_t  seq = outbox_seq(*k);

    size = 0;
    rc = 0;

    while (rc == 0 && is_of(*k, seq)) {
        if (v->mv_size > ONSITE_OUTBOX_BYTES_MAX - size) {
            return MDB_CORRUPTED;
        }

        memcpy(entries->bytes + entries->used + size, v->mv_data, v->mv_size);
        size += v->mv_size;
        rc = mdb_cursor_get(cursor, k, v, MDB_NEXT);
    }

    entries->seqs[entries->n] = seq;
    entries->sizes[entries->n++] = size;
    entries->used += size;
    entries->from = seq + 1;

    return rc;
}


static int
fill_entries(shard_t *shard, entries_t *entries)
{
    int          rc;
    char         bytes[OUTBOX_KEY];
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(shard->reader, shard->outbox, &cursor);
    if (rc != 0) {
        return rc;
    }

    entries->n = 0;
    entries->used = 0;

    k = outbox_key(bytes, entries->from, 0);
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

    while (rc == 0 && entries->n < WALK_ENTRIES && entries->used < WALK_BYTES)
    {
        rc = k.mv_size == OUTBOX_KEY ? take_entry(cursor, entries, &k, &v)
             : MDB_CORRUPTED;
    }

    entries->last = rc == MDB_NOTFOUND;
    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static bool
visit_entries(const entries_t *entries, onsite_store_outbox_pt visit,
    void *data)
{
    unsigned     i;
    const char  *bytes = entries->bytes;

    for (i = 0; i < entries->n; i++) {
        if (!visit(data, entries->seqs[i],
                   onsite_str(bytes, entries->sizes[i])))
        {
            return false;
        }

        bytes += entries->sizes[i];
    }

    return true;
}


static onsite_status_t
walk_outbox(onsite_store_t *store, shard_t *shard, entries_t *entries,
    onsite_store_outbox_pt visit, void *data, bool *stopped,
    onsite_error_t *error)
{
    int  rc;

    entries->from = 0;

    do {
        rc = shard_reader_begin(store, shard);

        if (rc == 0) {
            rc = fill_entries(shard, entries);
            shard_reader_end(shard);
        }

        if (rc != 0) {
            return shard_failed(store, shard, rc, "read", error);
        }

        *stopped = !visit_entries(entries, visit, data);

    } while (!entries->last && !*stopped);

    return ONSITE_OK;
}


onsite_status_t
onsite_store_outbox_walk(onsite_store_t *store, onsite_store_outbox_pt visit,
    void *data, onsite_error_t *error)
{
    bool              stopped;
    uint32_t          i;
    entries_t        *entries;
    onsite_status_t   status;

    entries = malloc(sizeof(entries_t));
    if (entries == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "state: out of memory");
    }

    status = ONSITE_OK;
    stopped = false;

    for (i = 0; i < store->n && status == ONSITE_OK && !stopped; i++) {
        status = walk_outbox(store, &store->shards[i], entries, visit, data,
                             &stopped, error);
    }

    free(entries);

    return status;
}


/* Looking for a visitor's entries: the first part tells whose it is. */

static bool
is_one_of(MDB_val v, const onsite_key_t *keys, size_t n)
{
    size_t        i;
    onsite_key_t  key;

    if (!onsite_outbox_visitor(v.mv_data, v.mv_size, &key)) {
        return false;
    }

    for (i = 0; i < n; i++) {
        if (memcmp(&keys[i], &key, sizeof(key)) == 0) {
            return true;
        }
    }

    return false;
}


static uint16_t
outbox_part(MDB_val k)
{
    uint16_t  part;

    memcpy(&part, (char *) k.mv_data + sizeof(uint64_t), sizeof(part));

    return be16toh(part);
}


int
outbox_find(onsite_store_t *store, shard_t *shard, const onsite_key_t *keys,
    size_t n_keys, unsigned budget, uint64_t *seq, uint64_t *found,
    unsigned max, unsigned *n, bool *last)
{
    int          rc;
    char         bytes[OUTBOX_KEY];
    MDB_val      k, v;
    MDB_cursor  *cursor;

    *n = 0;
    *last = false;

    rc = shard_reader_begin(store, shard);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_open(shard->reader, shard->outbox, &cursor);

    if (rc == 0) {
        k = outbox_key(bytes, *seq, 0);
        rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

        while (rc == 0 && budget-- > 0 && *n < max) {
            if (k.mv_size != OUTBOX_KEY) {
                rc = MDB_CORRUPTED;
                break;
            }

            *seq = outbox_seq(k) + 1;

            if (outbox_part(k) == 0 && is_one_of(v, keys, n_keys)) {
                found[(*n)++] = outbox_seq(k);
            }

            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
        }

        mdb_cursor_close(cursor);
    }

    shard_reader_end(shard);
    *last = (rc == MDB_NOTFOUND);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


bool
any_in_shard(const onsite_store_t *store, const onsite_key_t *keys, size_t n,
    uint32_t shard)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (onsite_key_shard(&keys[i], store->n) == shard) {
            return true;
        }
    }

    return false;
}


/* One that has left meanwhile has no bytes. */

static int
read_entry(onsite_store_t *store, shard_t *shard, uint64_t seq,
    entries_t *entries)
{
    int          rc;
    char         bytes[OUTBOX_KEY];
    MDB_val      k, v;
    MDB_cursor  *cursor;

    entries->n = 0;
    entries->used = 0;

    rc = shard_reader_begin(store, shard);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_open(shard->reader, shard->outbox, &cursor);

    if (rc == 0) {
        k = outbox_key(bytes, seq, 0);
        rc = mdb_cursor_get(cursor, &k, &v, MDB_SET);

        if (rc == 0) {
            rc = take_entry(cursor, entries, &k, &v);
        }

        mdb_cursor_close(cursor);
    }

    shard_reader_end(shard);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


typedef struct {
    const onsite_key_t      *keys;
    size_t                   n_keys;
    unsigned                 budget;
    onsite_store_outbox_pt   visit;
    void                    *data;
    bool                     stopped;
    entries_t               *entries;
} search_t;


static int
search_shard(onsite_store_t *store, shard_t *shard, search_t *search)
{
    int        rc = 0;
    bool       last = false;
    uint64_t   seq = 0, found[WALK_ENTRIES];
    unsigned   i, n, slice;

    while (rc == 0 && !last && !search->stopped && search->budget != 0) {
        slice = search->budget < WALK_ENTRIES ? search->budget : WALK_ENTRIES;
        search->budget -= slice;

        rc = outbox_find(store, shard, search->keys, search->n_keys, slice,
                         &seq, found, WALK_ENTRIES, &n, &last);

        for (i = 0; rc == 0 && i < n && !search->stopped; i++) {
            rc = read_entry(store, shard, found[i], search->entries);

            if (rc == 0 && search->entries->n != 0) {
                search->stopped = !visit_entries(search->entries,
                                                 search->visit, search->data);
            }
        }
    }

    search->stopped |= !last;

    return rc;
}


onsite_status_t
onsite_store_outbox_of(onsite_store_t *store, const onsite_key_t *keys,
    size_t n, unsigned budget, onsite_store_outbox_pt visit, void *data,
    bool *all, onsite_error_t *error)
{
    int        rc = 0;
    shard_t   *shard;
    search_t   search = { keys, n, budget, visit, data, false, NULL };
    uint32_t   i;

    *all = false;

    search.entries = malloc(sizeof(entries_t));
    if (search.entries == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "state: out of memory");
    }

    for (i = 0; i < store->n && rc == 0 && !search.stopped; i++) {
        shard = &store->shards[i];

        if (any_in_shard(store, keys, n, i)) {
            rc = search_shard(store, shard, &search);
        }
    }

    free(search.entries);

    if (rc != 0) {
        return shard_failed(store, shard, rc, "read", error);
    }

    *all = !search.stopped;

    return ONSITE_OK;
}
