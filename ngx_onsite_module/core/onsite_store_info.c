/*
 * onsite_store_info.c - meta values, statistics, walking.
 */

#include "onsite_store_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WALK_RECORDS  256           /* copied in one read transaction */
#define WALK_BYTES    (64 * 1024)
#define FREE_MAX      UINT64_MAX


unsigned
onsite_store_check_readers(onsite_store_t *store)
{
    int       dead;
    unsigned  total;
    uint32_t  i;

    total = 0;

    for (i = 0; i < store->n; i++) {
        dead = 0;

        if (mdb_reader_check(store->shards[i].env, &dead) == 0) {
            total += (unsigned) dead;
        }
    }

    return total;
}


/* Lines of LMDB's list: process, thread and what it reads, "-": nothing. */

typedef struct {
    onsite_store_reader_pt  visit;
    void                   *data;
    uint64_t                latest;
    uint32_t                shard;
} slots_t;


static int
visit_slot(const char *line, void *data)
{
    slots_t                *slots = data;
    onsite_store_reader_t   reader = { .shard = slots->shard };

    switch (sscanf(line, "%d %*x %" SCNu64, &reader.process, &reader.sees)) {

    case 2:
        reader.behind = slots->latest > reader.sees
                        ? slots->latest - reader.sees : 0;
        break;

    case 1:
        break;

    default:
        return 0;
    }

    slots->visit(slots->data, &reader);

    return 0;
}


onsite_status_t
onsite_store_readers(onsite_store_t *store, onsite_store_reader_pt visit,
    void *data, uint32_t *max)
{
    slots_t      slots = { .visit = visit, .data = data };
    MDB_envinfo  info;

    *max = 0;

    for (slots.shard = 0; slots.shard < store->n; slots.shard++) {
        if (mdb_env_info(store->shards[slots.shard].env, &info) != 0) {
            return ONSITE_IO;
        }

        *max = info.me_maxreaders;
        slots.latest = info.me_last_txnid;
        (void) mdb_reader_list(store->shards[slots.shard].env, visit_slot,
                               &slots);
    }

    return ONSITE_OK;
}


static onsite_status_t
copy_out(MDB_val v, void *out, size_t capacity, size_t *size)
{
    *size = v.mv_size;

    if (v.mv_size > capacity) {
        return ONSITE_LIMIT;
    }

    memcpy(out, v.mv_data, v.mv_size);

    return ONSITE_OK;
}


static MDB_val
name_val(const char *name)
{
    return (MDB_val) { strlen(name), (void *) (uintptr_t) name };
}


onsite_status_t
onsite_store_meta_get(onsite_store_t *store, const char *name, void *out,
    size_t capacity, size_t *size)
{
    int               rc;
    shard_t          *shard;
    MDB_val           k, v;
    onsite_status_t   status;

    *size = 0;
    shard = &store->shards[0];

    rc = shard_reader_begin(store, shard);
    if (rc != 0) {
        return shard_failed(store, shard, rc, "read", NULL);
    }

    k = name_val(name);
    rc = mdb_get(shard->reader, shard->meta, &k, &v);

    status = rc == 0 ? copy_out(v, out, capacity, size)
             : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
             : shard_failed(store, shard, rc, "read", NULL);

    shard_reader_end(shard);

    return status;
}


onsite_status_t
onsite_store_meta_set_once(onsite_store_t *store, const char *name,
    const void *data, size_t size, void *out, size_t capacity,
    size_t *out_size)
{
    int               rc;
    MDB_val           k, v;
    onsite_txn_t     *txn;
    onsite_status_t   status;

    *out_size = 0;

    status = onsite_txn_begin(store, 0, &txn, NULL);
    if (status != ONSITE_OK) {
        return status;
    }

    k = name_val(name);
    v = (MDB_val) { size, (void *) (uintptr_t) data };

    /* when there is one already, v becomes it */

    rc = mdb_put(txn->mdb, txn->shard->meta, &k, &v, MDB_NOOVERWRITE);

    if (rc != 0 && rc != MDB_KEYEXIST) {
        onsite_txn_abort(txn);
        return shard_failed(store, &store->shards[0], rc, "write to", NULL);
    }

    status = copy_out(v, out, capacity, out_size);

    if (rc == MDB_KEYEXIST) {
        onsite_txn_abort(txn);
        return status;
    }

    rc = onsite_txn_commit(txn, NULL) == ONSITE_OK ? 0 : -1;

    return rc == 0 ? status : ONSITE_IO;
}


static int
add_trees(shard_t *shard, onsite_store_stat_t *stat)
{
    int             rc;
    tree_t          visitors, timers, outbox, events = { 0, 0 };
    tree_t          roam = { 0, 0 };
    uint64_t        n_events = 0;
    outbox_state_t  state;

    rc = tree_of(shard->reader, shard->visitors, &visitors);

    if (rc == 0) {
        rc = tree_of(shard->reader, shard->timers, &timers);
    }

    if (rc == 0) {
        rc = tree_of(shard->reader, shard->outbox, &outbox);
    }

    if (rc == 0) {
        rc = outbox_state_read(shard->reader, shard, &state);
    }

    if (rc == 0 && shard->events != 0) {
        rc = tree_of(shard->reader, shard->events, &events);
    }

    if (rc == 0 && shard->roam != 0) {
        rc = tree_of(shard->reader, shard->roam, &roam);
    }

    if (rc == 0) {
        rc = events_count(shard->reader, shard, &n_events);
    }

    if (rc != 0) {
        return rc;
    }

    stat->visitors += visitors.entries;
    stat->timers += timers.entries;
    stat->timers_bytes += timers.pages * shard->page_size;
    stat->events += n_events;
    stat->deliveries += state.deliveries;
    stat->outbox_bytes += (outbox.pages + events.pages) * shard->page_size;
    stat->bytes_used -= events.pages * shard->page_size;
    stat->roaming += roam.entries;

    return 0;
}


static onsite_status_t
add_shard(onsite_store_t *store, shard_t *shard, onsite_store_stat_t *stat)
{
    int          rc;
    pages_t      pages;
    MDB_envinfo  info;

    rc = shard_pages_count(store, shard, FREE_MAX, &pages);

    if (rc == 0) {
        rc = mdb_env_info(shard->env, &info);
    }

    if (rc == 0) {
        rc = shard_reader_begin(store, shard);
    }

    if (rc == 0) {
        stat->bytes_used += (shard->pages - pages.free) * shard->page_size;
        rc = add_trees(shard, stat);
        shard_reader_end(shard);
    }

    if (rc != 0) {
        return shard_failed(store, shard, rc, "examine", NULL);
    }

    stat->bytes_size += info.me_mapsize;

    if (info.me_numreaders > stat->readers) {
        stat->readers = info.me_numreaders;
    }

    return ONSITE_OK;
}


onsite_status_t
onsite_store_stat(onsite_store_t *store, onsite_store_stat_t *stat)
{
    uint32_t         i;
    onsite_status_t  status;

    *stat = store->counts;

    for (i = 0; i < store->n; i++) {
        status = add_shard(store, &store->shards[i], stat);
        if (status != ONSITE_OK) {
            return status;
        }
    }

    return ONSITE_OK;
}


/* Walking: a portion is copied in a short read transaction, since LMDB cannot
 * reuse a page that a reader may still see. */

typedef struct {
    onsite_key_t  keys[WALK_RECORDS];
    size_t        sizes[WALK_RECORDS];
    unsigned      n;
    size_t        used;
    bool          last;
    char          bytes[WALK_BYTES];
} portion_t;


static bool
take_record(portion_t *portion, MDB_val k, MDB_val v)
{
    if (k.mv_size != sizeof(onsite_key_t) || v.mv_size > WALK_BYTES) {
        return true;
    }

    if (portion->n == WALK_RECORDS
        || v.mv_size > WALK_BYTES - portion->used)
    {
        return false;
    }

    memcpy(&portion->keys[portion->n], k.mv_data, sizeof(onsite_key_t));
    memcpy(portion->bytes + portion->used, v.mv_data, v.mv_size);
    portion->sizes[portion->n++] = v.mv_size;
    portion->used += v.mv_size;

    return true;
}


/* The records behind the portion's last key. */

static int
fill_portion(shard_t *shard, portion_t *portion)
{
    int            rc;
    MDB_val        k, v;
    MDB_cursor    *cursor;
    onsite_key_t   last;

    rc = mdb_cursor_open(shard->reader, shard->visitors, &cursor);
    if (rc != 0) {
        return rc;
    }

    if (portion->n == 0) {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);

    } else {
        last = portion->keys[portion->n - 1];
        k = key_val(&last);
        rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

        if (rc == 0 && memcmp(k.mv_data, &last, sizeof(last)) == 0) {
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
        }
    }

    portion->n = 0;
    portion->used = 0;

    while (rc == 0 && take_record(portion, k, v)) {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    portion->last = rc == MDB_NOTFOUND;
    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static bool
visit_portion(const portion_t *portion, onsite_store_visit_pt visit,
    void *data)
{
    unsigned     i;
    const char  *bytes = portion->bytes;

    for (i = 0; i < portion->n; i++) {
        if (!visit(data, &portion->keys[i],
                   onsite_str(bytes, portion->sizes[i])))
        {
            return false;
        }

        bytes += portion->sizes[i];
    }

    return true;
}


static onsite_status_t
walk_shard(onsite_store_t *store, shard_t *shard, portion_t *portion,
    onsite_store_visit_pt visit, void *data, bool *stopped,
    onsite_error_t *error)
{
    int  rc;

    portion->n = 0;

    do {
        rc = shard_reader_begin(store, shard);

        if (rc == 0) {
            rc = fill_portion(shard, portion);
            shard_reader_end(shard);
        }

        if (rc != 0) {
            return shard_failed(store, shard, rc, "read", error);
        }

        *stopped = !visit_portion(portion, visit, data);

    } while (!portion->last && !*stopped);

    return ONSITE_OK;
}


onsite_status_t
onsite_store_walk(onsite_store_t *store, onsite_store_visit_pt visit,
    void *data, onsite_error_t *error)
{
    bool              stopped;
    uint32_t          i;
    portion_t        *portion;
    onsite_status_t   status;

    portion = malloc(sizeof(portion_t));
    if (portion == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "state: out of memory");
    }

    status = ONSITE_OK;
    stopped = false;

    for (i = 0; i < store->n && status == ONSITE_OK && !stopped; i++) {
        status = walk_shard(store, &store->shards[i], portion, visit, data,
                            &stopped, error);
    }

    free(portion);

    return status;
}
