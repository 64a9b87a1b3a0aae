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


static int
first_delivery(shard_t *shard, onsite_str_t *entry)
{
    int          rc;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(shard->reader, shard->outbox, &cursor);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
    mdb_cursor_close(cursor);

    if (rc == 0) {
        *entry = onsite_str(v.mv_data, v.mv_size);
    }

    return rc;
}


static int
first_event(shard_t *shard, onsite_str_t *entry)
{
    int           rc;
    uint64_t      seq;
    event_walk_t  walk;

    rc = event_walk_begin(&walk, shard->reader, shard, 0);

    if (rc == 0) {
        rc = event_walk_next(&walk, NULL, &seq, entry);
    }

    event_walk_end(&walk);

    return rc;
}


onsite_status_t
onsite_store_outbox_oldest(onsite_store_t *store, uint32_t shard, bool events,
    onsite_ms_t *time, onsite_error_t *error)
{
    int            rc;
    shard_t       *s = &store->shards[shard];
    onsite_str_t   entry;

    rc = shard_reader_begin(store, s);

    if (rc == 0) {
        rc = events ? first_event(s, &entry) : first_delivery(s, &entry);

        if (rc == 0 && !onsite_outbox_time(entry.data, entry.len, time)) {
            *time = 0;
        }

        shard_reader_end(s);
    }

    return rc == 0 ? ONSITE_OK : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
           : shard_failed(store, s, rc, "read", error);
}
