/*
 * onsite_store_roam.c - whose records other machines may have, or should have.
 *
 * Keys are a byte that says which of the two, and the record's key; so those
 * that are waited for come first.
 */

#include "onsite_store_private.h"
#include "onsite_id.h"

#define ROAM_KEY     (1 + sizeof(onsite_key_t))
#define SPLIT_PAGES  2              /* what one more entry may take */
#define SHARE        16             /* of the map's pages */

static const char  tree_name[] = "roam";


int
roam_open(MDB_txn *txn, shard_t *shard)
{
    int  rc;

    rc = mdb_dbi_open(txn, tree_name, 0, &shard->roam);

    if (rc == MDB_NOTFOUND) {
        shard->roam = 0;
        rc = 0;
    }

    return rc;
}


int
roam_make(shard_t *shard)
{
    int       rc;
    MDB_dbi   dbi;
    MDB_txn  *txn;

    rc = mdb_txn_begin(shard->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_dbi_open(txn, tree_name, 0, &dbi);
    mdb_txn_abort(txn);

    if (rc != MDB_NOTFOUND) {
        return rc;
    }

    rc = mdb_txn_begin(shard->env, NULL, 0, &txn);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_dbi_open(txn, tree_name, MDB_CREATE, &dbi);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }

    return mdb_txn_commit(txn);
}


static MDB_val
roam_key(char *bytes, onsite_roam_t kind, const onsite_key_t *key)
{
    bytes[0] = (char) kind;
    memcpy(bytes + 1, key->bytes, sizeof(key->bytes));

    return (MDB_val) { ROAM_KEY, bytes };
}


static int
roam_since(MDB_val v, onsite_ms_t *since)
{
    uint64_t  n;

    if (v.mv_size != sizeof(n)) {
        return MDB_CORRUPTED;
    }

    memcpy(&n, v.mv_data, sizeof(n));
    *since = (onsite_ms_t) be64toh(n);

    return 0;
}


bool
onsite_store_roams(const onsite_store_t *store)
{
    uint32_t  i;

    for (i = 0; i < store->n; i++) {
        if (store->shards[i].roam == 0) {
            return false;
        }
    }

    return true;
}


int
roam_note(onsite_txn_t *txn, onsite_roam_t kind, const onsite_key_t *key,
    onsite_ms_t now)
{
    int       rc;
    char      bytes[ROAM_KEY];
    MDB_val   k, v;
    uint64_t  since = htobe64((uint64_t) now);

    k = roam_key(bytes, kind, key);
    v = (MDB_val) { sizeof(since), &since };
    rc = mdb_put(txn->mdb, txn->shard->roam, &k, &v, MDB_NOOVERWRITE);

    return rc == MDB_KEYEXIST ? 0 : rc;
}


/* Whether one more entry has room. */

static bool
has_room(onsite_txn_t *txn, const tree_t *tree)
{
    return tree->pages + SPLIT_PAGES <= txn->shard->pages / SHARE
           && txn_has_room(txn, SPLIT_PAGES);
}


onsite_status_t
onsite_txn_roam_add(onsite_txn_t *txn, onsite_roam_t kind,
    const onsite_key_t *key, onsite_ms_t now)
{
    int       rc;
    tree_t    tree;
    uint64_t  pages;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    if (txn->shard->roam == 0) {
        return ONSITE_OK;
    }

    rc = tree_of(txn->mdb, txn->shard->roam, &tree);

    if (rc == 0 && !has_room(txn, &tree)) {
        return onsite_txn_roam_get(txn, kind, key, NULL) == ONSITE_OK
               ? ONSITE_OK : ONSITE_FULL;
    }

    pages = tree.pages;

    if (rc == 0) {
        rc = roam_note(txn, kind, key, now);
    }

    if (rc == 0) {
        rc = tree_of(txn->mdb, txn->shard->roam, &tree);
    }

    if (rc != 0) {
        return txn_failed(txn, rc, "write to");
    }

    txn->grown += tree.pages > pages ? tree.pages - pages : 0;

    return ONSITE_OK;
}


onsite_status_t
onsite_txn_roam_get(onsite_txn_t *txn, onsite_roam_t kind,
    const onsite_key_t *key, onsite_ms_t *since)
{
    int          rc;
    char         bytes[ROAM_KEY];
    MDB_val      k, v;
    onsite_ms_t  noted;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    if (txn->shard->roam == 0) {
        return ONSITE_NOT_FOUND;
    }

    k = roam_key(bytes, kind, key);
    rc = mdb_get(txn->mdb, txn->shard->roam, &k, &v);

    if (rc == 0) {
        rc = roam_since(v, since != NULL ? since : &noted);
    }

    return rc == 0 ? ONSITE_OK
           : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
           : txn_failed(txn, rc, "read");
}


onsite_status_t
onsite_txn_roam_delete(onsite_txn_t *txn, onsite_roam_t kind,
    const onsite_key_t *key)
{
    int      rc;
    char     bytes[ROAM_KEY];
    MDB_val  k;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    if (txn->shard->roam == 0) {
        return ONSITE_NOT_FOUND;
    }

    txn->puts++;
    k = roam_key(bytes, kind, key);
    rc = mdb_del(txn->mdb, txn->shard->roam, &k, NULL);

    return rc == 0 ? ONSITE_OK
           : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
           : txn_failed(txn, rc, "delete from");
}


onsite_status_t
onsite_store_roam_has(onsite_store_t *store, onsite_roam_t kind,
    const onsite_key_t *key, onsite_error_t *error)
{
    int       rc;
    char      bytes[ROAM_KEY];
    MDB_val   k, v;
    shard_t  *shard = &store->shards[onsite_key_shard(key, store->n)];

    if (shard->roam == 0) {
        return ONSITE_NOT_FOUND;
    }

    rc = shard_reader_begin(store, shard);

    if (rc == 0) {
        k = roam_key(bytes, kind, key);
        rc = mdb_get(shard->reader, shard->roam, &k, &v);
        shard_reader_end(shard);
    }

    return rc == 0 ? ONSITE_OK
           : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
           : shard_failed(store, shard, rc, "read", error);
}


/* Entries of the kind behind after, or from the first on. */

static int
read_entries(shard_t *shard, onsite_roam_t kind, const onsite_key_t *after,
    onsite_roam_entry_t *out, size_t max, size_t *n)
{
    int           rc;
    char          bytes[ROAM_KEY];
    MDB_val       k, v;
    MDB_cursor   *cursor;
    onsite_key_t  first = { { 0 } };

    rc = mdb_cursor_open(shard->reader, shard->roam, &cursor);
    if (rc != 0) {
        return rc;
    }

    k = roam_key(bytes, kind, after != NULL ? after : &first);
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

    if (rc == 0 && after != NULL && k.mv_size == ROAM_KEY
        && memcmp(k.mv_data, bytes, ROAM_KEY) == 0)
    {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    while (rc == 0 && *n < max && k.mv_size == ROAM_KEY
           && *(const char *) k.mv_data == (char) kind)
    {
        memcpy(&out[*n].key, (const char *) k.mv_data + 1,
               sizeof(onsite_key_t));
        rc = roam_since(v, &out[*n].since);

        if (rc == 0) {
            (*n)++;
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
        }
    }

    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


onsite_status_t
onsite_store_roam_read(onsite_store_t *store, uint32_t shard,
    onsite_roam_t kind, const onsite_key_t *after, onsite_roam_entry_t *out,
    size_t max, size_t *n, onsite_error_t *error)
{
    int       rc;
    shard_t  *s;

    *n = 0;

    if (shard >= store->n) {
        return onsite_error(error, ONSITE_INVALID, "state: no such shard");
    }

    s = &store->shards[shard];

    if (s->roam == 0) {
        return ONSITE_OK;
    }

    rc = shard_reader_begin(store, s);

    if (rc == 0) {
        rc = read_entries(s, kind, after, out, max, n);
        shard_reader_end(s);
    }

    return rc == 0 ? ONSITE_OK : shard_failed(store, s, rc, "read", error);
}
