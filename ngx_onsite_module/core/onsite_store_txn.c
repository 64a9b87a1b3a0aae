/*
 * onsite_store_txn.c - reading and writing records.
 */

#include "onsite_store_private.h"
#include "onsite_id.h"
#include "onsite_limits.h"
#include "onsite_visitor_codec.h"


onsite_ms_t
record_due(const onsite_store_t *store, MDB_val record)
{
    bool         session_only;
    onsite_ms_t  seen, ttl;

    session_only = false;
    seen = onsite_record_last_seen(record.mv_data, record.mv_size,
                                   &session_only);

    /* a record of a later version may not be readable: keep it */

    if (seen == 0) {
        return INT64_MAX;
    }

    if (onsite_record_is_tombstone(record.mv_data, record.mv_size)) {
        return seen > INT64_MAX - ONSITE_TOMBSTONE_TTL
               ? INT64_MAX : seen + ONSITE_TOMBSTONE_TTL;
    }

    ttl = store->options.ttl;

    if (session_only && (ttl == 0 || ttl > ONSITE_SESSION_ONLY_TTL)) {
        ttl = ONSITE_SESSION_ONLY_TTL;
    }

    return ttl == 0 || seen > INT64_MAX - ttl ? INT64_MAX : seen + ttl;
}


static int
begin_write(onsite_store_t *store, shard_t *shard, MDB_txn **mdb)
{
    int  rc;

    rc = mdb_txn_begin(shard->env, NULL, 0, mdb);

    if (rc == MDB_MAP_RESIZED) {
        rc = shard_adopt_size(store, shard);

        if (rc == 0) {
            rc = mdb_txn_begin(shard->env, NULL, 0, mdb);
        }
    }

    return rc;
}


static int
begin(onsite_store_t *store, shard_t *shard)
{
    int       rc;
    MDB_txn  *mdb;
    uint64_t  usable;

    rc = begin_write(store, shard, &mdb);

    if (rc == 0 && shard->until_measure == 0
        && shard_measure(store, shard, &usable))
    {
        shard_sweep(store, shard, mdb, usable);
        rc = begin_write(store, shard, &mdb);
    }

    if (rc == 0) {
        shard->until_measure--;
    }

    store->txn.mdb = rc == 0 ? mdb : NULL;
    store->txn.cursor = NULL;
    store->txn.found = false;
    store->txn.puts = 0;
    store->txn.grown = 0;
    store->txn.forgotten = 0;
    store->txn.events = NULL;
    store->txn.tail.at = NULL;
    store->txn.failed = false;

    return rc;
}


onsite_status_t
onsite_txn_begin(onsite_store_t *store, uint32_t shard, onsite_txn_t **txn,
    onsite_error_t *error)
{
    int  rc;

    *txn = NULL;

    if (shard >= store->n || store->txn.mdb != NULL
        || store->options.read_only)
    {
        return onsite_error(error, ONSITE_INVALID, "state: no such shard, "
                            "a transaction is open, or the store is "
                            "read-only");
    }

    store->txn.store = store;
    store->txn.shard = &store->shards[shard];

    rc = begin(store, store->txn.shard);
    if (rc != 0) {
        return shard_failed(store, store->txn.shard, rc, "begin in", error);
    }

    *txn = &store->txn;

    return ONSITE_OK;
}


onsite_status_t
onsite_txn_commit(onsite_txn_t *txn, onsite_error_t *error)
{
    int  rc;

    if (txn->mdb == NULL || txn->failed) {
        onsite_txn_abort(txn);
        return onsite_error(error, ONSITE_IO, "state: the transaction had "
                            "failed before its commit");
    }

    rc = mdb_txn_commit(txn->mdb);
    txn->mdb = NULL;

    return rc == 0 ? ONSITE_OK
           : shard_failed(txn->store, txn->shard, rc, "commit to", error);
}


void
onsite_txn_abort(onsite_txn_t *txn)
{
    if (txn != NULL && txn->mdb != NULL) {
        mdb_txn_abort(txn->mdb);
        txn->mdb = NULL;
    }
}


onsite_status_t
txn_failed(onsite_txn_t *txn, int rc, const char *doing)
{
    txn->failed = true;

    return shard_failed(txn->store, txn->shard, rc, doing, NULL);
}


onsite_status_t
onsite_txn_renew(onsite_txn_t *txn, onsite_error_t *error)
{
    int              rc;
    onsite_status_t  status;

    if (txn->puts < shard_puts_max(txn->shard)) {
        return ONSITE_OK;
    }

    status = onsite_txn_commit(txn, error);
    if (status != ONSITE_OK) {
        return status;
    }

    rc = begin(txn->store, txn->shard);

    return rc == 0 ? ONSITE_OK
           : shard_failed(txn->store, txn->shard, rc, "begin in", error);
}


int
txn_cursor(onsite_txn_t *txn)
{
    return txn->cursor != NULL ? 0
           : mdb_cursor_open(txn->mdb, txn->shard->visitors, &txn->cursor);
}


onsite_status_t
onsite_txn_get(onsite_txn_t *txn, const onsite_key_t *key, onsite_ms_t now,
    onsite_str_t *record)
{
    int      rc;
    MDB_val  k, v;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    rc = txn_cursor(txn);

    if (rc == 0) {
        k = key_val(key);
        rc = mdb_cursor_get(txn->cursor, &k, &v, MDB_SET);
    }

    txn->found = (rc == 0);

    if (rc == MDB_NOTFOUND) {
        return ONSITE_NOT_FOUND;
    }

    if (rc != 0) {
        return txn_failed(txn, rc, "read");
    }

    txn->at = *key;

    if (record_due(txn->store, v) < now) {
        return ONSITE_NOT_FOUND;
    }

    *record = onsite_str(v.mv_data, v.mv_size);

    return ONSITE_OK;
}


/* Where the cursor stands on the record already, the way down the tree is
 * saved. */

static int
put(onsite_txn_t *txn, const onsite_key_t *key, onsite_str_t record)
{
    bool     found;
    MDB_val  k, v;

    k = key_val(key);
    v = (MDB_val) { record.len, (void *) (uintptr_t) record.data };

    found = txn->found
            && memcmp(txn->at.bytes, key->bytes, sizeof(key->bytes)) == 0;
    txn->found = false;

    return found ? mdb_cursor_put(txn->cursor, &k, &v, MDB_CURRENT)
           : mdb_put(txn->mdb, txn->shard->visitors, &k, &v, 0);
}


onsite_status_t
onsite_txn_put(onsite_txn_t *txn, const onsite_key_t *key,
    onsite_str_t record, onsite_ms_t now)
{
    int  rc;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    if (record.len > ONSITE_RECORD_BYTES_MAX) {
        return ONSITE_LIMIT;
    }

    txn->puts++;

    rc = 0;

    if (txn->shard->tight) {
        txn->found = false;
        rc = txn_make_room(txn, key, record.len, now);
    }

    if (rc == 0) {
        rc = put(txn, key, record);
    }

    return rc == 0 ? ONSITE_OK
           : txn_failed(txn, rc, "write to");
}


onsite_status_t
onsite_txn_delete(onsite_txn_t *txn, const onsite_key_t *key)
{
    int      rc;
    MDB_val  k;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    txn->found = false;
    k = key_val(key);
    rc = mdb_del(txn->mdb, txn->shard->visitors, &k, NULL);

    if (rc == MDB_NOTFOUND) {
        return ONSITE_NOT_FOUND;
    }

    return rc == 0 ? ONSITE_OK
           : txn_failed(txn, rc, "delete from");
}


int
shard_reader_begin(onsite_store_t *store, shard_t *shard)
{
    int  rc;

    rc = mdb_txn_renew(shard->reader);

    /* the map may only be changed while this process has none open */

    if (rc == MDB_MAP_RESIZED && store->txn.mdb == NULL) {
        rc = shard_adopt_size(store, shard);

        if (rc == 0) {
            rc = mdb_txn_renew(shard->reader);
        }
    }

    return rc;
}


void
shard_reader_end(shard_t *shard)
{
    mdb_txn_reset(shard->reader);
}


static onsite_status_t
copy_record(onsite_store_t *store, MDB_val record, onsite_ms_t now, void *out,
    size_t capacity, size_t *size)
{
    if (record_due(store, record) < now) {
        return ONSITE_NOT_FOUND;
    }

    *size = record.mv_size;

    if (record.mv_size > capacity) {
        return ONSITE_LIMIT;
    }

    memcpy(out, record.mv_data, record.mv_size);

    return ONSITE_OK;
}


onsite_status_t
onsite_store_get(onsite_store_t *store, const onsite_key_t *key,
    onsite_ms_t now, void *out, size_t capacity, size_t *size)
{
    int               rc;
    shard_t          *shard;
    MDB_val           k, v;
    onsite_status_t   status;

    *size = 0;
    shard = &store->shards[onsite_key_shard(key, store->n)];

    rc = shard_reader_begin(store, shard);
    if (rc != 0) {
        return shard_failed(store, shard, rc, "read", NULL);
    }

    k = key_val(key);
    rc = mdb_get(shard->reader, shard->visitors, &k, &v);

    if (rc == 0) {
        status = copy_record(store, v, now, out, capacity, size);

    } else {
        status = rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
                 : shard_failed(store, shard, rc, "read", NULL);
    }

    shard_reader_end(shard);

    return status;
}
