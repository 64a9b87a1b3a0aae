/*
 * onsite_snapshot_tables.c - slow data in a snapshot: looked up, and written.
 *
 * Rows come sorted and are appended, so that a million takes seconds and
 * every page is full; and they are committed as they come, so that what LMDB
 * keeps of pages not yet written stays small.
 */

#include "onsite_snapshot_private.h"

#include <errno.h>

#define PORTION    (4u * 1024 * 1024)       /* bytes of rows a transaction */
#define ROW_SPARE  64                       /* LMDB's own, a row           */

const char *const  snapshot_table_names[ONSITE_TABLES] = {
    "profiles", "segments", "products"
};


int
snapshot_open_tables(onsite_snapshot_t *s)
{
    int        i, rc;
    MDB_stat   stat;
    uint64_t  *counts[ONSITE_TABLES] = {
        &s->info.profiles, &s->info.listed, &s->info.products
    };

    for (i = 0; i < ONSITE_TABLES; i++) {
        rc = mdb_dbi_open(s->txn, snapshot_table_names[i], 0, &s->tables[i]);

        if (rc == MDB_NOTFOUND) {
            continue;
        }

        if (rc == 0) {
            rc = mdb_stat(s->txn, s->tables[i], &stat);
        }

        if (rc != 0) {
            return rc;
        }

        s->has_table[i] = true;
        *counts[i] = stat.ms_entries;
    }

    return 0;
}


static bool
find(const onsite_snapshot_t *s, onsite_table_t table, const void *key,
    size_t len, onsite_str_t *record)
{
    MDB_val  k, v;

    if (!s->has_table[table]) {
        return false;
    }

    k = (MDB_val) { len, (void *) (uintptr_t) key };

    if (mdb_get(s->txn, s->tables[table], &k, &v) != 0) {
        return false;
    }

    *record = onsite_str(v.mv_data, v.mv_size);

    return true;
}


static bool
find_customer(void *data, onsite_table_t table, onsite_str_t user_id,
    onsite_str_t *record)
{
    uint8_t                          key[16];
    const onsite_snapshot_tables_t  *t = data;

    if (!t->snapshot->has_table[table]) {
        return false;
    }

    onsite_customer_hash(t->site, user_id, key);

    return find(t->snapshot, table, key, sizeof(key), record);
}


static bool
find_profile(void *data, onsite_str_t user_id, onsite_str_t *record)
{
    return find_customer(data, ONSITE_TABLE_PROFILES, user_id, record);
}


static bool
find_lists(void *data, onsite_str_t user_id, onsite_str_t *record)
{
    return find_customer(data, ONSITE_TABLE_LISTS, user_id, record);
}


size_t
onsite_product_key(onsite_str_t site, onsite_str_t sku, char *out)
{
    if (sku.len == 0 || sku.len > ONSITE_ROW_SKU_MAX
        || site.len > ONSITE_SITE_MAX)
    {
        return 0;
    }

    memcpy(out, site.data, site.len);
    out[site.len] = '\0';
    memcpy(out + site.len + 1, sku.data, sku.len);

    return site.len + 1 + sku.len;
}


static bool
find_product(void *data, onsite_str_t sku, onsite_str_t *record)
{
    char                             key[ONSITE_PRODUCT_KEY_MAX];
    size_t                           len;
    const onsite_snapshot_tables_t  *t = data;

    len = onsite_product_key(t->site, sku, key);

    return len != 0
           && find(t->snapshot, ONSITE_TABLE_PRODUCTS, key, len, record);
}


bool
onsite_snapshot_tables(const onsite_snapshot_t *snapshot, onsite_str_t site,
    onsite_snapshot_tables_t *out)
{
    int   i;
    bool  any = false;

    for (i = 0; i < ONSITE_TABLES; i++) {
        any = any || snapshot->has_table[i];
    }

    *out = (onsite_snapshot_tables_t) {
        .tables = {
            .data = out,
            .profile = find_profile,
            .lists = find_lists,
            .product = find_product,
            .built = snapshot->info.built
        },
        .snapshot = snapshot,
        .site = site
    };

    return any;
}


/* Writing */

/* Leaves are full but for what does not fit, and a row over half a page takes
 * pages of its own. */

size_t
snapshot_tables_room(const onsite_snapshot_rows_t *tables)
{
    int     i;
    size_t  room = 0;

    for (i = 0; tables != NULL && i < ONSITE_TABLES; i++) {
        room += 4 * (tables[i].bytes + tables[i].rows * ROW_SPARE);
    }

    return room;
}


typedef struct {
    MDB_env         *env;
    MDB_txn        **txn;
    const char      *path;
    const char      *table;
    size_t           portion;       /* bytes since the last commit         */
    onsite_error_t  *error;
} putting_t;


static onsite_status_t
put_error(const putting_t *p, int rc)
{
    if (rc == MDB_KEYEXIST) {
        return onsite_error(p->error, ONSITE_INVALID, "snapshot %s: the rows"
                            " of %s are out of order", p->path, p->table);
    }

    return onsite_error(p->error, rc == ENOMEM ? ONSITE_NO_MEMORY : ONSITE_IO,
                        "snapshot %s: cannot write %s: %s", p->path,
                        p->table, mdb_strerror(rc));
}


static int
put_row(putting_t *p, MDB_dbi dbi, onsite_str_t key, onsite_str_t value)
{
    int      rc;
    MDB_val  k, v;

    k = (MDB_val) { key.len, (void *) (uintptr_t) key.data };
    v = (MDB_val) { value.len, (void *) (uintptr_t) value.data };

    rc = mdb_put(*p->txn, dbi, &k, &v, MDB_APPEND);
    p->portion += key.len + value.len;

    if (rc == 0 && p->portion >= PORTION) {
        p->portion = 0;
        rc = mdb_txn_commit(*p->txn);
        *p->txn = NULL;

        if (rc == 0) {
            rc = mdb_txn_begin(p->env, NULL, 0, p->txn);
        }
    }

    return rc;
}


static onsite_status_t
put_table(putting_t *p, const onsite_snapshot_rows_t *rows)
{
    int              rc;
    MDB_dbi          dbi;
    onsite_str_t     key, value;
    onsite_status_t  status;

    rc = mdb_dbi_open(*p->txn, p->table, MDB_CREATE, &dbi);
    if (rc != 0) {
        return put_error(p, rc);
    }

    while ((status = rows->next(rows->data, &key, &value, p->error))
           == ONSITE_OK)
    {
        rc = put_row(p, dbi, key, value);
        if (rc != 0) {
            return put_error(p, rc);
        }
    }

    return status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
}


onsite_status_t
snapshot_put_tables(MDB_env *env, MDB_txn **txn, const char *path,
    const onsite_snapshot_rows_t *tables, onsite_error_t *error)
{
    int              i;
    putting_t        p;
    onsite_status_t  status = ONSITE_OK;

    p = (putting_t) { .env = env, .txn = txn, .path = path, .error = error };

    for (i = 0; i < ONSITE_TABLES && status == ONSITE_OK; i++) {
        if (tables[i].rows != 0) {
            p.table = snapshot_table_names[i];
            status = put_table(&p, &tables[i]);
        }
    }

    return status;
}
