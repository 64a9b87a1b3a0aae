/*
 * onsite_store_erased.c - the latest erasures, for who keeps them apart from
 * the state: what is restored from a copy of before must not bring anybody
 * back.  Without such a one nothing is noted.
 *
 * They lie in the meta of shard 0 under their numbers, which grow, and are
 * never below the time in ms: so those of a state that was made anew are above
 * those of the one before.
 */

#include "onsite_store_private.h"

#define NAME        (sizeof(prefix) + sizeof(uint64_t))
#define KEYS_MAX    ONSITE_RELATED_MAX

static const char  prefix[] = "erased";
static const char  next_name[] = "erased-next";


static MDB_val
name_of(char *name, uint64_t number)
{
    number = htobe64(number);
    memcpy(name, prefix, sizeof(prefix));
    memcpy(name + sizeof(prefix), &number, sizeof(number));

    return (MDB_val) { NAME, name };
}


static bool
is_erased(MDB_val k)
{
    return k.mv_size == NAME
           && memcmp(k.mv_data, prefix, sizeof(prefix)) == 0;
}


static uint64_t
number_of(MDB_val k)
{
    uint64_t  number;

    memcpy(&number, (char *) k.mv_data + sizeof(prefix), sizeof(number));

    return be64toh(number);
}


static MDB_val
next_key(void)
{
    return (MDB_val) { sizeof(next_name) - 1,
                       (char *) (uintptr_t) next_name };
}


/* MDB_NOTFOUND: nobody wants to know. */

static int
next_read(MDB_txn *mdb, const shard_t *shard, uint64_t *next)
{
    int      rc;
    MDB_val  k = next_key(), v;

    *next = 0;
    rc = mdb_get(mdb, shard->meta, &k, &v);

    if (rc != 0 || v.mv_size != sizeof(*next)) {
        return rc != 0 ? rc : MDB_CORRUPTED;
    }

    memcpy(next, v.mv_data, sizeof(*next));
    *next = be64toh(*next);

    return 0;
}


static int
next_write(onsite_txn_t *txn, uint64_t next)
{
    MDB_val  k = next_key(), v = { sizeof(next), &next };

    next = htobe64(next);

    return mdb_put(txn->mdb, txn->shard->meta, &k, &v, 0);
}


/* The oldest goes when there are as many as are kept. */

static int
forget_oldest(onsite_txn_t *txn)
{
    int          rc;
    char         name[NAME];
    MDB_val      k, v;
    unsigned     n = 0;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn->mdb, txn->shard->meta, &cursor);
    if (rc != 0) {
        return rc;
    }

    k = name_of(name, 0);
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

    while (rc == 0 && is_erased(k)) {
        n++;
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    if (n >= ONSITE_ERASED_KEPT) {
        k = name_of(name, 0);
        rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
        rc = rc == 0 ? mdb_cursor_del(cursor, 0) : rc;
    }

    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


int
erased_note(onsite_txn_t *txn, onsite_ms_t time, const onsite_key_t *keys,
    uint32_t n)
{
    int       rc;
    char      name[NAME], bytes[8 + KEYS_MAX * sizeof(onsite_key_t)];
    MDB_val   k, v;
    uint64_t  next, be = htobe64((uint64_t) time);

    rc = next_read(txn->mdb, txn->shard, &next);

    if (rc == 0) {
        rc = forget_oldest(txn);
    }

    if (rc != 0) {
        return rc == MDB_NOTFOUND ? 0 : rc;
    }

    next = time > 0 && (uint64_t) time > next ? (uint64_t) time : next;
    n = n < KEYS_MAX ? n : KEYS_MAX;
    memcpy(bytes, &be, 8);
    memcpy(bytes + 8, keys, n * sizeof(onsite_key_t));

    k = name_of(name, next);
    v = (MDB_val) { 8 + n * sizeof(onsite_key_t), bytes };
    rc = mdb_put(txn->mdb, txn->shard->meta, &k, &v, 0);

    return rc == 0 ? next_write(txn, next + 1) : rc;
}


static bool
decode(MDB_val k, MDB_val v, onsite_erased_t *erased)
{
    uint64_t  time;

    if (v.mv_size < 8 || v.mv_size > 8 + KEYS_MAX * sizeof(onsite_key_t)
        || (v.mv_size - 8) % sizeof(onsite_key_t) != 0)
    {
        return false;
    }

    memcpy(&time, v.mv_data, 8);
    erased->number = number_of(k);
    erased->time = (onsite_ms_t) be64toh(time);
    erased->n = (v.mv_size - 8) / sizeof(onsite_key_t);
    memcpy(erased->keys, (char *) v.mv_data + 8, v.mv_size - 8);

    return true;
}


/* The one with that number, or the next. */

static int
find(shard_t *shard, uint64_t from, onsite_erased_t *erased)
{
    int          rc;
    char         name[NAME];
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(shard->reader, shard->meta, &cursor);
    if (rc != 0) {
        return rc;
    }

    k = name_of(name, from);
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

    if (rc == 0 && !is_erased(k)) {
        rc = MDB_NOTFOUND;
    }

    if (rc == 0 && !decode(k, v, erased)) {
        rc = MDB_CORRUPTED;
    }

    mdb_cursor_close(cursor);

    return rc;
}


onsite_status_t
onsite_store_erased(onsite_store_t *store, uint64_t from,
    onsite_erased_t *erased, uint64_t *next, onsite_error_t *error)
{
    int       rc;
    shard_t  *shard = &store->shards[0];

    *next = 0;
    rc = shard_reader_begin(store, shard);

    if (rc == 0) {
        rc = next_read(shard->reader, shard, next);
        rc = rc == 0 ? find(shard, from, erased) : rc;
        shard_reader_end(shard);
    }

    return rc == 0 ? ONSITE_OK
           : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
           : shard_failed(store, shard, rc, "read", error);
}


onsite_status_t
onsite_store_erased_want(onsite_store_t *store, onsite_error_t *error)
{
    int               rc;
    uint64_t          next;
    onsite_txn_t     *txn;
    onsite_erased_t   erased;
    onsite_status_t   status;

    status = onsite_store_erased(store, UINT64_MAX, &erased, &next, error);

    if (status != ONSITE_NOT_FOUND || next != 0) {
        return status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
    }

    status = onsite_txn_begin(store, 0, &txn, error);
    if (status != ONSITE_OK) {
        return status;
    }

    /* 1, and not 0, which is what who asks is told where there is none */

    rc = next_write(txn, 1);

    if (rc != 0) {
        onsite_txn_abort(txn);
        return shard_failed(store, &store->shards[0], rc, "write to", error);
    }

    return onsite_txn_commit(txn, error);
}


static int
delete_below(onsite_txn_t *txn, uint64_t below)
{
    int          rc;
    char         name[NAME];
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn->mdb, txn->shard->meta, &cursor);
    if (rc != 0) {
        return rc;
    }

    do {
        k = name_of(name, 0);
        rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

        if (rc != 0 || !is_erased(k) || number_of(k) >= below) {
            break;
        }

        rc = mdb_cursor_del(cursor, 0);

    } while (rc == 0);

    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


onsite_status_t
onsite_store_erased_forget(onsite_store_t *store, uint64_t below,
    onsite_error_t *error)
{
    int               rc;
    uint64_t          next;
    onsite_txn_t     *txn;
    onsite_erased_t   first;
    onsite_status_t   status;

    status = onsite_store_erased(store, 0, &first, &next, error);

    if (status != ONSITE_OK || first.number >= below) {
        return status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
    }

    status = onsite_txn_begin(store, 0, &txn, error);
    if (status != ONSITE_OK) {
        return status;
    }

    rc = delete_below(txn, below);

    if (rc != 0) {
        onsite_txn_abort(txn);
        return shard_failed(store, &store->shards[0], rc, "write to", error);
    }

    return onsite_txn_commit(txn, error);
}
