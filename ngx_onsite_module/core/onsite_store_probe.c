/*
 * onsite_store_probe.c - whether a state is well: for who watches over it.
 */

#include "onsite_store_private.h"
#include "onsite_outbox.h"

static const char  probe_name[] = "probe";


/* A number that grows: a value that stays the same would be a page that is
 * written all the same, but nobody could tell. */

static int
change_value(onsite_txn_t *txn)
{
    int       rc;
    MDB_val   k, v;
    uint64_t  n = 0;

    k = (MDB_val) { sizeof(probe_name) - 1,
                    (char *) (uintptr_t) probe_name };
    rc = mdb_get(txn->mdb, txn->shard->meta, &k, &v);

    if (rc == 0 && v.mv_size == sizeof(n)) {
        memcpy(&n, v.mv_data, sizeof(n));
        n = be64toh(n);

    } else if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    n = htobe64(n + 1);
    v = (MDB_val) { sizeof(n), &n };

    return mdb_put(txn->mdb, txn->shard->meta, &k, &v, 0);
}


onsite_status_t
onsite_store_probe(onsite_store_t *store, uint32_t shard,
    onsite_error_t *error)
{
    int              rc;
    shard_t         *s = &store->shards[shard];
    onsite_txn_t    *txn;
    onsite_status_t  status;

    if (!shard_is_current(store, s)) {
        return onsite_error(error, ONSITE_NOT_FOUND, "state: shard %u in %s "
                            "is gone, or another one has taken its place",
                            (unsigned) shard, store->path);
    }

    status = onsite_txn_begin(store, shard, &txn, error);
    if (status != ONSITE_OK) {
        return status;
    }

    rc = change_value(txn);

    if (rc != 0) {
        onsite_txn_abort(txn);
        return shard_failed(store, s, rc, "write to", error);
    }

    return onsite_txn_commit(txn, error);
}


/* Values of one byte keep a number, and are no entries. */

static int
first_entry(shard_t *shard, MDB_dbi tree, onsite_ms_t *time)
{
    int          rc;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(shard->reader, tree, &cursor);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);

    while (rc == 0 && (v.mv_size <= 1 || k.mv_size != OUTBOX_KEY
                       || outbox_part(k) != 0))
    {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    if (rc == 0 && !onsite_outbox_time(v.mv_data, v.mv_size, time)) {
        *time = 0;
    }

    mdb_cursor_close(cursor);

    return rc;
}


onsite_status_t
onsite_store_outbox_oldest(onsite_store_t *store, uint32_t shard, bool events,
    onsite_ms_t *time, onsite_error_t *error)
{
    int       rc;
    shard_t  *s = &store->shards[shard];
    MDB_dbi   tree = events ? s->events : s->outbox;

    if (tree == 0) {
        return ONSITE_NOT_FOUND;
    }

    rc = shard_reader_begin(store, s);

    if (rc == 0) {
        rc = first_entry(s, tree, time);
        shard_reader_end(s);
    }

    return rc == 0 ? ONSITE_OK : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
           : shard_failed(store, s, rc, "read", error);
}
