/*
 * onsite_store_timer.c - when visitors wake: entries (due, key) in order.
 *
 * A record that has expired leaves its entry behind, and sometimes one that
 * was evicted; whoever wakes it finds no record, and drops it.
 */

#include "onsite_store_private.h"

#define TIMER_KEY    (sizeof(uint64_t) + sizeof(onsite_key_t))
#define SPLIT_PAGES  2              /* what one more entry may take */


static MDB_val
timer_key(char *bytes, onsite_ms_t due, const onsite_key_t *key)
{
    uint64_t  n = htobe64((uint64_t) due);

    memcpy(bytes, &n, sizeof(n));
    memcpy(bytes + sizeof(n), key, sizeof(onsite_key_t));

    return (MDB_val) { TIMER_KEY, bytes };
}


static onsite_ms_t
timer_due(MDB_val k)
{
    uint64_t  n;

    memcpy(&n, k.mv_data, sizeof(n));

    return (onsite_ms_t) be64toh(n);
}


int
txn_timer_forget(onsite_txn_t *txn, const onsite_key_t *key, onsite_ms_t due)
{
    int      rc;
    char     bytes[TIMER_KEY];
    MDB_val  k;

    k = timer_key(bytes, due, key);
    rc = mdb_del(txn->mdb, txn->shard->timers, &k, NULL);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static onsite_status_t
timer_delete(onsite_txn_t *txn, const onsite_key_t *key, onsite_ms_t due)
{
    int  rc;

    rc = txn_timer_forget(txn, key, due);

    return rc == 0 ? ONSITE_OK
           : txn_failed(txn, rc, "delete from");
}


static onsite_status_t
timer_put(onsite_txn_t *txn, const onsite_key_t *key, onsite_ms_t due)
{
    int      rc;
    char     bytes[TIMER_KEY];
    MDB_val  k, nothing = { 0, bytes };

    k = timer_key(bytes, due, key);
    rc = mdb_put(txn->mdb, txn->shard->timers, &k, &nothing, 0);

    return rc == 0 ? ONSITE_OK
           : txn_failed(txn, rc, "write to");
}


onsite_status_t
onsite_txn_timer_move(onsite_txn_t *txn, const onsite_key_t *key,
    onsite_ms_t from, onsite_ms_t to)
{
    onsite_status_t  status = ONSITE_OK;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    if (from == to) {
        return ONSITE_OK;
    }

    if (from == 0) {
        status = txn_grow(txn, txn->shard->timers, SPLIT_PAGES);
        txn->grown += SPLIT_PAGES;

    } else {
        status = timer_delete(txn, key, from);
    }

    if (status == ONSITE_OK && to != 0) {
        status = timer_put(txn, key, to);
    }

    txn->puts++;

    return status;
}


onsite_status_t
onsite_txn_timer_next(onsite_txn_t *txn, onsite_ms_t now, onsite_ms_t *due,
    onsite_key_t *key)
{
    int          rc;
    char         bytes[TIMER_KEY];
    MDB_val      k, v;
    MDB_cursor  *cursor;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    rc = mdb_cursor_open(txn->mdb, txn->shard->timers, &cursor);
    if (rc != 0) {
        return txn_failed(txn, rc, "read");
    }

    k = timer_key(bytes, *due, key);
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

    if (rc == 0 && k.mv_size == TIMER_KEY
        && memcmp(k.mv_data, bytes, TIMER_KEY) == 0)
    {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    if (rc == 0 && (k.mv_size != TIMER_KEY || timer_due(k) > now)) {
        rc = MDB_NOTFOUND;
    }

    if (rc == 0) {
        *due = timer_due(k);
        memcpy(key, (char *) k.mv_data + sizeof(uint64_t),
               sizeof(onsite_key_t));
    }

    mdb_cursor_close(cursor);

    return rc == 0 ? ONSITE_OK : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
           : txn_failed(txn, rc, "read");
}


static int
first_due(shard_t *shard, onsite_ms_t *due)
{
    int          rc;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(shard->reader, shard->timers, &cursor);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);

    if (rc == 0 && k.mv_size == TIMER_KEY) {
        *due = timer_due(k);
    }

    mdb_cursor_close(cursor);

    return rc;
}


onsite_status_t
onsite_store_timer_first(onsite_store_t *store, uint32_t shard,
    onsite_ms_t *due)
{
    int       rc;
    shard_t  *s;

    *due = 0;

    if (shard >= store->n) {
        return ONSITE_INVALID;
    }

    s = &store->shards[shard];
    rc = shard_reader_begin(store, s);

    if (rc == 0) {
        rc = first_due(s, due);
        shard_reader_end(s);
    }

    return rc == 0 ? ONSITE_OK : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
           : shard_failed(store, s, rc, "read", NULL);
}
