/*
 * onsite_store_outbox_walk.c - reading what waits to leave, and finding what
 * is of one visitor.
 *
 * A shard has deliveries in one tree (onsite_store_outbox.c), and events
 * (onsite_store_event_tail.c knows where); their numbers tell which they are.
 */

#include "onsite_store_private.h"
#include "onsite_id.h"
#include "onsite_outbox.h"

#include <stdlib.h>

#define WALK_ENTRIES  256           /* copied in one read transaction */
#define WALK_BYTES    (64 * 1024)


static bool
is_of(MDB_val k, uint64_t seq)
{
    return k.mv_size == OUTBOX_KEY && outbox_seq(k) == seq;
}


/* Walking: as with records, a portion is copied in a short transaction. */

typedef struct {
    uint64_t  seqs[WALK_ENTRIES];
    size_t    sizes[WALK_ENTRIES];
    unsigned  n;
    unsigned  max;                  /* of them, in a portion */
    uint64_t  from;                 /* where the next one begins */
    size_t    used;
    bool      last;
    char      bytes[WALK_BYTES + ONSITE_OUTBOX_BYTES_MAX];
} entries_t;


static bool
is_room_in(const entries_t *entries)
{
    return entries->n < entries->max && entries->used < WALK_BYTES;
}


static void
count_entry(entries_t *entries, uint64_t seq, size_t size)
{
    entries->seqs[entries->n] = seq;
    entries->sizes[entries->n++] = size;
    entries->used += size;
    entries->from = seq + 1;
}


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

    count_entry(entries, seq, size);

    return rc;
}


static int
fill_events(shard_t *shard, entries_t *entries)
{
    int            rc;
    char          *room;
    uint64_t       seq;
    onsite_str_t   entry;
    event_walk_t   walk;

    rc = event_walk_begin(&walk, shard->reader, shard, entries->from);

    while (rc == 0 && is_room_in(entries)) {
        room = entries->bytes + entries->used;
        rc = event_walk_next(&walk, room, &seq, &entry);

        if (rc == 0) {
            memmove(room, entry.data, entry.len);
            count_entry(entries, seq, entry.len);
        }
    }

    event_walk_end(&walk);

    return rc;
}


static int
fill_deliveries(shard_t *shard, entries_t *entries)
{
    int          rc;
    char         bytes[OUTBOX_KEY];
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(shard->reader, shard->outbox, &cursor);
    if (rc != 0) {
        return rc;
    }

    k = outbox_key(bytes, entries->from, 0);
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

    while (rc == 0 && is_room_in(entries)) {
        rc = k.mv_size == OUTBOX_KEY ? take_entry(cursor, entries, &k, &v)
             : MDB_CORRUPTED;
    }

    mdb_cursor_close(cursor);

    return rc;
}


static int
fill_entries(shard_t *shard, entries_t *entries)
{
    int  rc;

    entries->n = 0;
    entries->used = 0;

    rc = entries->from & OUTBOX_EVENT_BIT ? fill_events(shard, entries)
         : fill_deliveries(shard, entries);

    entries->last = rc == MDB_NOTFOUND;

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
read_portion(onsite_store_t *store, shard_t *shard, entries_t *entries,
    onsite_error_t *error)
{
    int  rc;

    rc = shard_reader_begin(store, shard);

    if (rc == 0) {
        rc = fill_entries(shard, entries);
        shard_reader_end(shard);
    }

    return rc == 0 ? ONSITE_OK : shard_failed(store, shard, rc, "read", error);
}


/* The first number that an entry of the kind may have. */

static uint64_t
first_of(const shard_t *shard, onsite_outbox_kind_t kind)
{
    return (uint64_t) shard->index << OUTBOX_SHARD_SHIFT
           | (kind == ONSITE_OUTBOX_EVENT ? OUTBOX_EVENT_BIT : 0);
}


static onsite_status_t
walk_outbox(onsite_store_t *store, shard_t *shard, onsite_outbox_kind_t kind,
    entries_t *entries, onsite_store_outbox_pt visit, void *data,
    bool *stopped, onsite_error_t *error)
{
    onsite_status_t  status;

    if (kind == ONSITE_OUTBOX_EVENT && shard->events == 0) {
        return ONSITE_OK;
    }

    entries->from = first_of(shard, kind);
    entries->max = WALK_ENTRIES;

    do {
        status = read_portion(store, shard, entries, error);
        if (status != ONSITE_OK) {
            return status;
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

    static const onsite_outbox_kind_t  kinds[] = {
        ONSITE_OUTBOX_DELIVERY, ONSITE_OUTBOX_EVENT
    };

    entries = malloc(sizeof(entries_t));
    if (entries == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "state: out of memory");
    }

    status = ONSITE_OK;
    stopped = false;

    for (i = 0; i < 2 * store->n && status == ONSITE_OK && !stopped; i++) {
        status = walk_outbox(store, &store->shards[i / 2], kinds[i % 2],
                             entries, visit, data, &stopped, error);
    }

    free(entries);

    return status;
}


/* A portion from a number on. */

static onsite_status_t
read_from(onsite_store_t *store, shard_t *shard, onsite_outbox_kind_t kind,
    uint64_t *from, onsite_store_outbox_pt visit, void *data, bool *last,
    onsite_error_t *error)
{
    entries_t        *entries;
    onsite_status_t   status;

    entries = malloc(sizeof(entries_t));
    if (entries == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "state: out of memory");
    }

    entries->from = first_of(shard, kind);
    entries->max = WALK_ENTRIES;

    if (*from > entries->from) {
        entries->from = *from;
    }

    status = read_portion(store, shard, entries, error);

    if (status == ONSITE_OK) {
        *from = entries->from;
        *last = !visit_entries(entries, visit, data) || entries->last;
    }

    free(entries);

    return status;
}


onsite_status_t
onsite_store_events_read(onsite_store_t *store, uint32_t shard,
    uint64_t *from, onsite_store_outbox_pt visit, void *data, bool *last,
    onsite_error_t *error)
{
    if (shard >= store->n) {
        return onsite_error(error, ONSITE_INVALID, "state: no such shard");
    }

    *last = true;

    return store->shards[shard].events == 0 ? ONSITE_OK
           : read_from(store, &store->shards[shard], ONSITE_OUTBOX_EVENT,
                       from, visit, data, last, error);
}


onsite_status_t
onsite_store_deliveries_read(onsite_store_t *store, uint32_t shard,
    uint64_t *from, onsite_store_outbox_pt visit, void *data, bool *last,
    onsite_error_t *error)
{
    if (shard >= store->n) {
        return onsite_error(error, ONSITE_INVALID, "state: no such shard");
    }

    *last = true;

    return read_from(store, &store->shards[shard], ONSITE_OUTBOX_DELIVERY,
                     from, visit, data, last, error);
}


/* Looking for a visitor's entries: the first part tells whose it is. */

static bool
is_one_of(onsite_str_t entry, const onsite_key_t *keys, size_t n)
{
    size_t        i;
    onsite_key_t  key;

    if (!onsite_outbox_visitor(entry.data, entry.len, &key)) {
        return false;
    }

    for (i = 0; i < n; i++) {
        if (memcmp(&keys[i], &key, sizeof(key)) == 0) {
            return true;
        }
    }

    return false;
}


/* What is looked for, and where. */
typedef struct {
    const onsite_key_t  *keys;
    size_t               n_keys;
    unsigned             budget;
    uint64_t             seq;       /* where to go on */
    uint64_t            *found;
    unsigned             max;
    unsigned             n;
} hunt_t;


static void
look_at(hunt_t *hunt, uint64_t seq, onsite_str_t entry)
{
    hunt->seq = seq + 1;

    if (is_one_of(entry, hunt->keys, hunt->n_keys)) {
        hunt->found[hunt->n++] = seq;
    }
}


static int
find_deliveries(shard_t *shard, hunt_t *hunt)
{
    int          rc;
    char         bytes[OUTBOX_KEY];
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(shard->reader, shard->outbox, &cursor);
    if (rc != 0) {
        return rc;
    }

    k = outbox_key(bytes, hunt->seq, 0);
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

    while (rc == 0 && hunt->budget > 0 && hunt->n < hunt->max) {
        hunt->budget--;

        if (k.mv_size != OUTBOX_KEY) {
            rc = MDB_CORRUPTED;
            break;
        }

        if (outbox_part(k) == 0) {
            look_at(hunt, outbox_seq(k), onsite_str(v.mv_data, v.mv_size));
        }

        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    mdb_cursor_close(cursor);

    return rc;
}


static int
find_events(shard_t *shard, hunt_t *hunt)
{
    int            rc;
    uint64_t       seq;
    onsite_str_t   entry;
    event_walk_t   walk;

    rc = event_walk_begin(&walk, shard->reader, shard, hunt->seq);

    while (rc == 0 && hunt->budget > 0 && hunt->n < hunt->max) {
        rc = event_walk_next(&walk, NULL, &seq, &entry);

        if (rc == 0) {
            hunt->budget--;
            look_at(hunt, seq, entry);
        }
    }

    event_walk_end(&walk);

    return rc;
}


/* Deliveries, then events. */

int
outbox_find(onsite_store_t *store, shard_t *shard, const onsite_key_t *keys,
    size_t n_keys, unsigned budget, uint64_t *seq, uint64_t *found,
    unsigned max, unsigned *n, bool *last)
{
    int     rc;
    hunt_t  hunt = { keys, n_keys, budget, *seq, found, max, 0 };

    *n = 0;
    *last = false;

    rc = shard_reader_begin(store, shard);
    if (rc != 0) {
        return rc;
    }

    if (!(hunt.seq & OUTBOX_EVENT_BIT)) {
        rc = find_deliveries(shard, &hunt);

        if (rc == MDB_NOTFOUND) {
            hunt.seq = first_of(shard, ONSITE_OUTBOX_EVENT);
            rc = 0;
        }
    }

    if (rc == 0 && hunt.seq & OUTBOX_EVENT_BIT) {
        rc = find_events(shard, &hunt);
    }

    shard_reader_end(shard);
    *seq = hunt.seq;
    *n = hunt.n;
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


/* One that has left meanwhile is not what is found. */

static int
read_entry(onsite_store_t *store, shard_t *shard, uint64_t seq,
    entries_t *entries)
{
    int  rc;

    rc = shard_reader_begin(store, shard);
    if (rc != 0) {
        return rc;
    }

    entries->from = seq;
    entries->max = 1;
    rc = fill_entries(shard, entries);
    shard_reader_end(shard);

    if (rc == 0 && entries->n != 0 && entries->seqs[0] != seq) {
        entries->n = 0;
    }

    return rc;
}


onsite_status_t
onsite_store_delivery_get(onsite_store_t *store, uint64_t seq,
    onsite_store_outbox_pt visit, void *data, onsite_error_t *error)
{
    int               rc;
    shard_t          *shard;
    entries_t        *entries;
    onsite_status_t   status;

    if (seq >> OUTBOX_SHARD_SHIFT >= store->n || (seq & OUTBOX_EVENT_BIT)) {
        return ONSITE_NOT_FOUND;
    }

    entries = malloc(sizeof(entries_t));
    if (entries == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "state: out of memory");
    }

    shard = &store->shards[seq >> OUTBOX_SHARD_SHIFT];
    rc = read_entry(store, shard, seq, entries);

    status = rc != 0 ? shard_failed(store, shard, rc, "read", error)
             : entries->n == 0 ? ONSITE_NOT_FOUND : ONSITE_OK;

    if (status == ONSITE_OK) {
        (void) visit_entries(entries, visit, data);
    }

    free(entries);

    return status;
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
