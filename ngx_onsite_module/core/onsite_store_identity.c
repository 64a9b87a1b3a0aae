/*
 * onsite_store_identity.c - which ids lead to a visitor: entries (owner,
 * alias) in the owner's shard.
 *
 * An entry says when the link that it answers was written.  A link that
 * carries a record joins once because the entry with its time is made in the
 * transaction that joins it; one of another time is of an earlier link of the
 * same id, which is gone.
 */

#include "onsite_store_private.h"
#include "onsite_id.h"
#include "onsite_visitor_codec.h"

#define SPLIT_PAGES  2              /* what one more entry may take */
#define SWEEP_CHUNK  64


static MDB_val
identity_val(identity_key_t *key, const onsite_key_t *owner,
    const onsite_key_t *alias)
{
    key->owner = *owner;
    key->alias = *alias;

    return (MDB_val) { sizeof(identity_key_t), key };
}


static onsite_status_t
read_since(MDB_val v, onsite_ms_t *since)
{
    uint64_t  n;

    if (v.mv_size != sizeof(n)) {
        return ONSITE_CORRUPT;
    }

    memcpy(&n, v.mv_data, sizeof(n));
    *since = (onsite_ms_t) be64toh(n);

    return ONSITE_OK;
}


onsite_status_t
onsite_txn_identity_add(onsite_txn_t *txn, const onsite_key_t *owner,
    const onsite_key_t *alias, onsite_ms_t since)
{
    int               rc;
    MDB_val           k, v;
    uint64_t          n = htobe64((uint64_t) since);
    identity_key_t    key;
    onsite_status_t   status;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    status = txn_grow(txn, txn->shard->identities, SPLIT_PAGES);
    if (status != ONSITE_OK) {
        return status;
    }

    k = identity_val(&key, owner, alias);
    v = (MDB_val) { sizeof(n), &n };
    rc = mdb_put(txn->mdb, txn->shard->identities, &k, &v, 0);

    return rc == 0 ? ONSITE_OK
           : txn_failed(txn, rc, "write to");
}


onsite_status_t
onsite_txn_identity_get(onsite_txn_t *txn, const onsite_key_t *owner,
    const onsite_key_t *alias, onsite_ms_t *since)
{
    int             rc;
    MDB_val         k, v;
    identity_key_t  key;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    k = identity_val(&key, owner, alias);
    rc = mdb_get(txn->mdb, txn->shard->identities, &k, &v);

    if (rc == MDB_NOTFOUND) {
        return ONSITE_NOT_FOUND;
    }

    return rc == 0 ? read_since(v, since)
           : txn_failed(txn, rc, "read");
}


onsite_status_t
onsite_txn_identity_delete(onsite_txn_t *txn, const onsite_key_t *owner,
    const onsite_key_t *alias)
{
    int             rc;
    MDB_val         k;
    identity_key_t  key;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    k = identity_val(&key, owner, alias);
    rc = mdb_del(txn->mdb, txn->shard->identities, &k, NULL);

    if (rc == MDB_NOTFOUND) {
        return ONSITE_NOT_FOUND;
    }

    return rc == 0 ? ONSITE_OK
           : txn_failed(txn, rc, "delete from");
}


static size_t
list_aliases(MDB_cursor *cursor, const onsite_key_t *owner,
    onsite_key_t *out, size_t max)
{
    int              rc;
    size_t           n;
    MDB_val          k, v;
    onsite_key_t     first = { { 0 } };
    identity_key_t   key;

    k = identity_val(&key, owner, &first);
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

    for (n = 0; rc == 0 && n < max; n++) {
        if (k.mv_size != sizeof(identity_key_t)
            || memcmp(k.mv_data, owner, sizeof(*owner)) != 0)
        {
            break;
        }

        memcpy(&out[n], (char *) k.mv_data + sizeof(*owner), sizeof(*out));
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    return n;
}


size_t
onsite_txn_identity_list(onsite_txn_t *txn, const onsite_key_t *owner,
    onsite_key_t *out, size_t max)
{
    size_t       n;
    MDB_cursor  *cursor;

    if (txn->mdb == NULL || txn->failed
        || mdb_cursor_open(txn->mdb, txn->shard->identities, &cursor) != 0)
    {
        return 0;
    }

    n = list_aliases(cursor, owner, out, max);
    mdb_cursor_close(cursor);

    return n;
}


onsite_status_t
onsite_store_identity_list(onsite_store_t *store, const onsite_key_t *owner,
    onsite_key_t *out, size_t max, size_t *n)
{
    int          rc;
    shard_t     *shard;
    MDB_cursor  *cursor;

    *n = 0;
    shard = &store->shards[onsite_key_shard(owner, store->n)];

    rc = shard_reader_begin(store, shard);
    if (rc != 0) {
        return shard_failed(store, shard, rc, "read", NULL);
    }

    rc = mdb_cursor_open(shard->reader, shard->identities, &cursor);

    if (rc == 0) {
        *n = list_aliases(cursor, owner, out, max);
        mdb_cursor_close(cursor);
    }

    shard_reader_end(shard);

    return rc == 0 ? ONSITE_OK
           : shard_failed(store, shard, rc, "read", NULL);
}


onsite_status_t
onsite_store_identity_get(onsite_store_t *store, const onsite_key_t *owner,
    const onsite_key_t *alias, onsite_ms_t *since)
{
    int               rc;
    shard_t          *shard;
    MDB_val           k, v;
    identity_key_t    key;
    onsite_status_t   status;

    shard = &store->shards[onsite_key_shard(owner, store->n)];

    rc = shard_reader_begin(store, shard);
    if (rc != 0) {
        return shard_failed(store, shard, rc, "read", NULL);
    }

    k = identity_val(&key, owner, alias);
    rc = mdb_get(shard->reader, shard->identities, &k, &v);

    if (rc == 0) {
        status = read_since(v, since);

    } else {
        status = rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
                 : shard_failed(store, shard, rc, "read", NULL);
    }

    shard_reader_end(shard);

    return status;
}


/* Sweeping */

typedef struct {
    identity_key_t  keys[SWEEP_CHUNK];
    onsite_ms_t     since[SWEEP_CHUNK];
    unsigned        n;
} chunk_t;


/* The entries from shard->sweep_from on, which moves behind them. */

static int
next_chunk(onsite_store_t *store, shard_t *shard, unsigned max,
    chunk_t *chunk)
{
    int          rc;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    chunk->n = 0;

    rc = shard_reader_begin(store, shard);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_open(shard->reader, shard->identities, &cursor);

    if (rc == 0) {
        k = (MDB_val) { sizeof(identity_key_t), &shard->sweep_from };
        rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

        while (rc == 0 && chunk->n < max && chunk->n < SWEEP_CHUNK) {
            if (k.mv_size == sizeof(identity_key_t)
                && read_since(v, &chunk->since[chunk->n]) == ONSITE_OK)
            {
                memcpy(&chunk->keys[chunk->n++], k.mv_data, k.mv_size);
            }

            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
        }

        if (rc == 0) {
            memcpy(&shard->sweep_from, k.mv_data,
                   k.mv_size < sizeof(identity_key_t)
                   ? k.mv_size : sizeof(identity_key_t));
        }

        mdb_cursor_close(cursor);
    }

    if (rc == MDB_NOTFOUND) {
        /* once round: the next call begins again */
        memset(&shard->sweep_from, 0, sizeof(identity_key_t));
        rc = 0;
    }

    shard_reader_end(shard);

    return rc;
}


/* Whether the alias still leads to the owner; when it cannot be read, yes. */

static bool
still_leads(onsite_store_t *store, const identity_key_t *key, onsite_ms_t now)
{
    char                   record[ONSITE_RECORD_BYTES_MAX];
    size_t                 size;
    onsite_key_t           link;
    onsite_status_t        status;
    onsite_visitor_t       visitor;
    onsite_record_kind_t   kind;

    status = onsite_store_get(store, &key->alias, now, record, sizeof(record),
                              &size);

    if (status != ONSITE_OK) {
        return status != ONSITE_NOT_FOUND;
    }

    status = onsite_visitor_decode(NULL, record, size, &kind, &visitor, &link);

    return status == ONSITE_VERSION
           || (status == ONSITE_OK && kind == ONSITE_RECORD_LINK
               && memcmp(&link, &key->owner, sizeof(link)) == 0);
}


/* Unless its alias was linked anew meanwhile. */

static onsite_status_t
delete_orphan(onsite_txn_t *txn, const identity_key_t *key, onsite_ms_t since)
{
    onsite_ms_t       found;
    onsite_status_t   status;

    status = onsite_txn_identity_get(txn, &key->owner, &key->alias, &found);

    if (status == ONSITE_NOT_FOUND || (status == ONSITE_OK && found != since))
    {
        return ONSITE_OK;
    }

    return status != ONSITE_OK ? status
           : onsite_txn_identity_delete(txn, &key->owner, &key->alias);
}


static onsite_status_t
delete_orphans(onsite_store_t *store, shard_t *shard, const chunk_t *orphans)
{
    unsigned          i;
    onsite_txn_t     *txn;
    onsite_status_t   status;

    status = onsite_txn_begin(store, shard->index, &txn, NULL);
    if (status != ONSITE_OK) {
        return status;
    }

    for (i = 0; i < orphans->n && status == ONSITE_OK; i++) {
        status = delete_orphan(txn, &orphans->keys[i], orphans->since[i]);
    }

    if (status != ONSITE_OK) {
        onsite_txn_abort(txn);
        return status;
    }

    return onsite_txn_commit(txn, NULL);
}


onsite_status_t
onsite_store_sweep(onsite_store_t *store, uint32_t shard, onsite_ms_t now,
    unsigned budget, unsigned *swept)
{
    int        rc;
    chunk_t    chunk, orphans;
    unsigned   i;
    shard_t   *s;

    *swept = 0;

    if (shard >= store->n) {
        return ONSITE_INVALID;
    }

    s = &store->shards[shard];

    rc = next_chunk(store, s, budget, &chunk);
    if (rc != 0) {
        return shard_failed(store, s, rc, "read", NULL);
    }

    orphans.n = 0;

    for (i = 0; i < chunk.n; i++) {
        if (!still_leads(store, &chunk.keys[i], now)) {
            orphans.since[orphans.n] = chunk.since[i];
            orphans.keys[orphans.n++] = chunk.keys[i];
        }
    }

    if (orphans.n == 0) {
        return ONSITE_OK;
    }

    *swept = orphans.n;

    return delete_orphans(store, s, &orphans);
}
