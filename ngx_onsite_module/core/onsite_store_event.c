/*
 * onsite_store_event.c - events that wait to leave.
 *
 * Every event of every visitor comes here, in the transaction of its record, so
 * what is done for one is little: it goes behind the last one, whose number
 * tells its own, and nothing is counted.  For that the last number stays when
 * all have left: its entry then is a single byte, and goes with the next event.
 * How many wait is what the tree says, but for parts behind an entry's first
 * (see onsite_store_outbox.c), which are rare, and counted in the shard's meta.
 */

#include "onsite_store_private.h"
#include "onsite_outbox.h"

#define KEEPER_SIZE   1             /* of a value that keeps its number */
#define DROP_PAGES    16            /* at once, for those who come */
#define DROP_EVENTS   1024          /* at most */
#define ASK_EVENTS    64            /* added between two looks at deliveries */

static const char  parts_name[] = "event-parts";


static bool
is_keeper(MDB_val v)
{
    return v.mv_size == KEEPER_SIZE;
}


static int
parts_read(MDB_txn *mdb, const shard_t *shard, uint64_t *parts)
{
    int      rc;
    MDB_val  v, k = { sizeof(parts_name) - 1,
                      (char *) (uintptr_t) parts_name };

    *parts = 0;
    rc = mdb_get(mdb, shard->meta, &k, &v);

    if (rc != 0) {
        return rc == MDB_NOTFOUND ? 0 : rc;
    }

    if (v.mv_size != sizeof(*parts)) {
        return MDB_CORRUPTED;
    }

    memcpy(parts, v.mv_data, sizeof(*parts));
    *parts = be64toh(*parts);

    return 0;
}


static int
parts_add(onsite_txn_t *txn, int64_t more)
{
    int       rc;
    uint64_t  parts;
    MDB_val   k = { sizeof(parts_name) - 1, (char *) (uintptr_t) parts_name };
    MDB_val   v = { sizeof(parts), &parts };

    if (more == 0) {
        return 0;
    }

    rc = parts_read(txn->mdb, txn->shard, &parts);

    if (rc == 0) {
        parts = more < 0 && (uint64_t) -more > parts
                ? 0 : parts + (uint64_t) more;
        parts = htobe64(parts);
        rc = mdb_put(txn->mdb, txn->shard->meta, &k, &v, 0);
    }

    return rc;
}


/* The last number, and whether its entry is there. */

static int
find_last(MDB_cursor *cursor, uint64_t *seq, bool *keeper)
{
    int      rc;
    MDB_val  k, v;

    rc = mdb_cursor_get(cursor, &k, &v, MDB_LAST);
    if (rc != 0) {
        return rc;
    }

    if (k.mv_size != OUTBOX_KEY) {
        return MDB_CORRUPTED;
    }

    *seq = outbox_seq(k);
    *keeper = is_keeper(v);

    return 0;
}


int
events_count(MDB_txn *mdb, const shard_t *shard, uint64_t *n)
{
    int          rc;
    bool         keeper = false;
    tree_t       tree;
    uint64_t     parts, seq;
    MDB_cursor  *cursor;

    *n = 0;

    if (shard->events == 0) {
        return 0;
    }

    rc = tree_of(mdb, shard->events, &tree);

    if (rc == 0) {
        rc = parts_read(mdb, shard, &parts);
    }

    if (rc == 0) {
        rc = mdb_cursor_open(mdb, shard->events, &cursor);
    }

    if (rc != 0) {
        return rc;
    }

    rc = find_last(cursor, &seq, &keeper);
    mdb_cursor_close(cursor);

    parts += keeper;
    *n = tree.entries > parts ? tree.entries - parts : 0;

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static int
open_events(onsite_txn_t *txn)
{
    return txn->events != NULL ? 0
           : mdb_cursor_open(txn->mdb, txn->shard->events, &txn->events);
}


/* Deleting */

/* The number stays, all else goes. */

static int
make_keeper(onsite_txn_t *txn, uint64_t seq, int64_t *parts)
{
    int       rc;
    char      bytes[OUTBOX_KEY], nil = (char) 0xc0;
    MDB_val   k, v = { KEEPER_SIZE, &nil };
    uint16_t  part;

    txn->event_next = 0;
    k = outbox_key(bytes, seq, 0);
    rc = mdb_put(txn->mdb, txn->shard->events, &k, &v, 0);

    for (part = 1; rc == 0; part++) {
        k = outbox_key(bytes, seq, part);
        rc = mdb_del(txn->mdb, txn->shard->events, &k, NULL);
        *parts -= rc == 0;
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}


/* All parts of the oldest, unless it is later than upto; MDB_NOTFOUND: it is,
 * or there is none. */

static int
delete_oldest(onsite_txn_t *txn, uint64_t upto, uint64_t last, int64_t *parts)
{
    int       rc;
    MDB_val   k, v;
    uint64_t  seq;

    rc = mdb_cursor_get(txn->events, &k, &v, MDB_FIRST);
    if (rc != 0) {
        return rc;
    }

    if (k.mv_size != OUTBOX_KEY) {
        return MDB_CORRUPTED;
    }

    seq = outbox_seq(k);

    if (seq > upto || (seq == last && is_keeper(v))) {
        return MDB_NOTFOUND;
    }

    if (seq == last) {
        return make_keeper(txn, seq, parts);
    }

    /* there is another behind it */

    do {
        *parts -= outbox_part(k) != 0;
        rc = mdb_cursor_del(txn->events, 0);

        if (rc == 0) {
            rc = mdb_cursor_get(txn->events, &k, &v, MDB_FIRST);
        }

    } while (rc == 0 && k.mv_size == OUTBOX_KEY && outbox_seq(k) == seq);

    return rc;
}


int
events_delete_some(onsite_txn_t *txn, uint64_t upto, uint64_t pages,
    unsigned budget, uint64_t *n)
{
    int       rc;
    bool      keeper;
    tree_t    tree;
    int64_t   parts = 0;
    uint64_t  last;

    rc = open_events(txn);

    if (rc == 0) {
        rc = find_last(txn->events, &last, &keeper);
    }

    while (rc == 0 && budget-- != 0) {
        rc = tree_of(txn->mdb, txn->shard->events, &tree);

        if (rc != 0 || tree.pages <= pages) {
            break;
        }

        rc = delete_oldest(txn, upto, last, &parts);
        *n += rc == 0;
    }

    txn->puts++;
    rc = rc == MDB_NOTFOUND ? 0 : rc;

    return rc == 0 ? parts_add(txn, parts) : rc;
}


/* A few more than have to go: not each event drops one. */

static int
drop(onsite_txn_t *txn, uint64_t max, uint64_t pages, uint64_t *lost)
{
    uint64_t  spare = max / 8 < DROP_PAGES ? max / 8 : DROP_PAGES;

    spare += pages;

    return events_delete_some(txn, UINT64_MAX, max > spare ? max - spare : 0,
                              DROP_EVENTS, lost);
}


static int
ask_deliveries(onsite_txn_t *txn)
{
    int     rc;
    tree_t  tree;

    rc = tree_of(txn->mdb, txn->shard->outbox, &tree);

    if (rc == 0) {
        txn->shard->delivery_pages = tree.pages;
        txn->shard->until_asked = ASK_EVENTS;
    }

    return rc;
}


/* What deliveries leave of the outbox' share, about: they see to it that they
 * have theirs (events_make_way). */

static int
events_room(onsite_txn_t *txn, uint64_t *max, uint64_t *used)
{
    int       rc = 0;
    tree_t    events;
    shard_t  *shard = txn->shard;

    if (shard->until_asked == 0) {
        rc = ask_deliveries(txn);
    }

    if (rc == 0) {
        shard->until_asked--;
        rc = tree_of(txn->mdb, shard->events, &events);
    }

    if (rc == 0) {
        *max = shard->pages / 4;
        *max = *max > shard->delivery_pages ? *max - shard->delivery_pages : 0;
        *used = events.pages;
    }

    return rc;
}


int
events_make_way(onsite_txn_t *txn, uint64_t pages)
{
    int       rc;
    uint64_t  max, used, lost = 0;

    txn->shard->until_asked = 0;
    rc = events_room(txn, &max, &used);

    if (rc == 0 && used != 0 && used + pages > max) {
        rc = drop(txn, max, pages, &lost);
    }

    txn->store->lost += lost;

    return rc;
}


uint64_t
onsite_store_events_lost(onsite_store_t *store)
{
    uint64_t  lost = store->lost;

    store->lost = 0;

    return lost;
}


/* Adding */

static int
next_number(onsite_txn_t *txn)
{
    int       rc;
    bool      keeper;
    uint64_t  last;

    rc = open_events(txn);

    if (rc != 0 || txn->event_next != 0) {
        return rc;
    }

    rc = find_last(txn->events, &last, &keeper);

    if (rc == MDB_NOTFOUND) {
        txn->event_next = ((uint64_t) txn->shard->index << OUTBOX_SHARD_SHIFT
                           | OUTBOX_EVENT_BIT) + 1;
        return 0;
    }

    if (rc == 0) {
        txn->event_next = last + 1;

        if (keeper) {
            rc = mdb_cursor_del(txn->events, 0);
        }
    }

    return rc;
}


static int
append(onsite_txn_t *txn, onsite_str_t entry)
{
    int       rc;
    char      bytes[OUTBOX_KEY];
    size_t    at, left;
    MDB_val   k, v;
    uint16_t  part;

    rc = next_number(txn);

    for (at = 0, part = 0; rc == 0 && at < entry.len; part++) {
        left = entry.len - at;
        k = outbox_key(bytes, txn->event_next, part);
        v.mv_data = (char *) (uintptr_t) entry.data + at;
        v.mv_size = left < OUTBOX_PART_MAX ? left : OUTBOX_PART_MAX;
        rc = mdb_cursor_put(txn->events, &k, &v, MDB_APPEND);
        at += v.mv_size;
    }

    txn->event_next++;

    if (rc == 0 && part > 1) {
        rc = parts_add(txn, part - 1);
    }

    return rc == MDB_KEYEXIST ? MDB_CORRUPTED : rc;
}


/* Room for so many pages more, or FULL. */

static onsite_status_t
make_room(onsite_txn_t *txn, uint64_t pages, uint64_t *used, uint64_t *lost)
{
    int       rc;
    uint64_t  max;

    rc = events_room(txn, &max, used);

    if (rc == 0 && *used + pages > max) {
        rc = drop(txn, max, pages, lost);

        if (rc == 0) {
            rc = events_room(txn, &max, used);
        }
    }

    if (rc != 0) {
        return txn_failed(txn, rc, "write to");
    }

    return *used + pages <= max && txn_has_room(txn, pages) ? ONSITE_OK
           : ONSITE_FULL;
}


onsite_status_t
onsite_txn_event_add(onsite_txn_t *txn, onsite_str_t entry, uint64_t *lost)
{
    int                    rc;
    tree_t                 tree;
    uint64_t               used;
    onsite_status_t        status;
    onsite_outbox_kind_t   kind;

    *lost = 0;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    if (!onsite_outbox_kind(entry.data, entry.len, &kind)
        || kind != ONSITE_OUTBOX_EVENT)
    {
        return ONSITE_INVALID;
    }

    if (entry.len > ONSITE_OUTBOX_BYTES_MAX) {
        return ONSITE_LIMIT;
    }

    status = make_room(txn, entry.len / OUTBOX_PART_MAX + 3, &used, lost);
    if (status != ONSITE_OK) {
        return status;
    }

    rc = append(txn, entry);

    if (rc == 0) {
        rc = tree_of(txn->mdb, txn->shard->events, &tree);
    }

    if (rc != 0) {
        return txn_failed(txn, rc, "write to");
    }

    if (tree.pages > used) {
        txn->grown += tree.pages - used;
        txn->puts += (uint32_t) (tree.pages - used);
    }

    return ONSITE_OK;
}


/* A number that is kept, far behind the last one. */

int
events_jump(onsite_txn_t *txn, uint64_t by)
{
    int       rc;
    char      bytes[OUTBOX_KEY], nil = (char) 0xc0;
    MDB_val   k, v = { KEEPER_SIZE, &nil };

    rc = next_number(txn);

    if (rc == 0) {
        txn->event_next += by;
        k = outbox_key(bytes, txn->event_next++, 0);
        rc = mdb_cursor_put(txn->events, &k, &v, MDB_APPEND);
    }

    return rc;
}


/* One of a visitor who is erased. */

int
event_forget(onsite_txn_t *txn, uint64_t seq)
{
    int       rc;
    bool      keeper;
    char      bytes[OUTBOX_KEY];
    MDB_val   k, v;
    int64_t   parts = 0;
    uint64_t  last;
    uint16_t  part;

    rc = open_events(txn);

    if (rc == 0) {
        rc = find_last(txn->events, &last, &keeper);
    }

    if (rc == 0) {
        k = outbox_key(bytes, seq, 0);
        rc = mdb_get(txn->mdb, txn->shard->events, &k, &v);
    }

    if (rc != 0 || is_keeper(v)) {
        return rc != 0 ? rc : MDB_NOTFOUND;
    }

    if (seq == last) {
        rc = make_keeper(txn, seq, &parts);
        return rc == 0 ? parts_add(txn, parts) : rc;
    }

    for (part = 0; rc == 0; part++) {
        k = outbox_key(bytes, seq, part);
        rc = mdb_del(txn->mdb, txn->shard->events, &k, NULL);
        parts -= rc == 0 && part != 0;
    }

    return rc == MDB_NOTFOUND ? parts_add(txn, parts) : rc;
}
