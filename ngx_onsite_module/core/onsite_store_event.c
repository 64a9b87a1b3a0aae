/*
 * onsite_store_event.c - events that wait to leave.
 *
 * Every event of every visitor comes here, in the transaction of its record, so
 * what is done for one is little: it goes behind the last one, in the tail
 * (onsite_store_event_tail.c).  When that is full its events go into the tree,
 * as one value; so the tree changes, and is asked for room, once for a dozen
 * of them.  One that is large has values of its own there, in parts.
 */

#include "onsite_store_private.h"
#include "onsite_outbox.h"

#define ALONE_MIN     (BUNCH_MAX - BUNCH_HEAD - BUNCH_EACH + 1)
#define DROP_PAGES    16            /* at once, for those who come */
#define DROP_VALUES   256           /* at most */
#define LEAVE_VALUES  128           /* deleted in one transaction */
#define ASK_VALUES    16            /* added between two looks at deliveries */


int
events_count(MDB_txn *mdb, const shard_t *shard, uint64_t *n)
{
    int     rc;
    tail_t  tail = { .waiting = 0 };

    rc = shard->events == 0 ? 0 : tail_read(mdb, shard, &tail);
    *n = tail.waiting;

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static int
open_events(onsite_txn_t *txn)
{
    return txn->events != NULL ? 0
           : mdb_cursor_open(txn->mdb, txn->shard->events, &txn->events);
}


/* Deleting */

static void
have_gone(onsite_txn_t *txn, uint64_t n)
{
    tail_t  *tail = &txn->tail;

    tail->waiting -= n < tail->waiting ? n : tail->waiting;
    tail_write(tail);
}


/* Of the tail; those that stay have places of their numbers. */

static int
forget_latest(onsite_txn_t *txn, uint64_t from, uint64_t upto, unsigned *gone)
{
    int        rc;
    tail_t    *tail = &txn->tail;
    MDB_val    bunch = tail_bunch(tail);
    unsigned   stay;

    rc = bunch_forget(bunch.mv_data, &tail->used, tail_first(tail), from, upto,
                     gone, &stay);

    if (rc == 0 && stay == 0) {
        tail_empty(tail);
    }

    tail_write(tail);

    return rc;
}


/* Of the bunch that the cursor stands on. */

static int
forget_bunched(onsite_txn_t *txn, MDB_val k, MDB_val v, uint64_t from,
    uint64_t upto, unsigned *gone)
{
    int        rc;
    char       key[OUTBOX_KEY];
    size_t     used = v.mv_size;
    uint8_t    bytes[BUNCH_MAX];
    unsigned   stay;

    memcpy(key, k.mv_data, sizeof(key));
    memcpy(bytes, v.mv_data, v.mv_size);

    rc = bunch_forget(bytes, &used, outbox_seq(k), from, upto, gone, &stay);

    if (rc != 0 || *gone == 0) {
        return rc;
    }

    if (stay == 0) {
        return mdb_cursor_del(txn->events, 0);
    }

    /* as large as before: it is written where it was */

    k.mv_data = key;
    v.mv_data = bytes;

    return mdb_cursor_put(txn->events, &k, &v, MDB_CURRENT);
}


static int
delete_alone(onsite_txn_t *txn, uint64_t seq)
{
    int       rc = 0;
    char      bytes[OUTBOX_KEY];
    MDB_val   k;
    uint16_t  part;

    for (part = 0; rc == 0; part++) {
        k = outbox_key(bytes, seq, part);
        rc = mdb_del(txn->mdb, txn->shard->events, &k, NULL);
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}


/* What of the tree's first value has a number up to this; MDB_NOTFOUND:
 * nothing has, or there is no value. */

static int
delete_oldest(onsite_txn_t *txn, uint64_t upto, unsigned *gone)
{
    int       rc;
    MDB_val   k, v;
    uint64_t  seq;

    *gone = 0;
    rc = mdb_cursor_get(txn->events, &k, &v, MDB_FIRST);

    if (rc != 0) {
        return rc;
    }

    if (k.mv_size != OUTBOX_KEY) {
        return MDB_CORRUPTED;
    }

    seq = outbox_seq(k);

    if (seq > upto) {
        return MDB_NOTFOUND;
    }

    if (!is_bunch(v)) {
        *gone = 1;
        return delete_alone(txn, seq);
    }

    if (upto - seq + 1 >= bunch_entries(v)) {
        rc = bunch_count(v, gone);
        return rc == 0 ? mdb_cursor_del(txn->events, 0) : rc;
    }

    rc = forget_bunched(txn, k, v, seq, upto, gone);

    return rc == 0 ? MDB_NOTFOUND : rc;
}


int
events_delete_some(onsite_txn_t *txn, uint64_t upto, bool *more)
{
    int        rc;
    unsigned   gone, left;

    txn->puts++;
    *more = false;
    rc = open_events(txn);

    if (rc == 0) {
        rc = tail_open(txn);
    }

    for (left = LEAVE_VALUES; rc == 0 && left != 0; left--) {
        rc = delete_oldest(txn, upto, &gone);
        have_gone(txn, gone);
    }

    if (rc != MDB_NOTFOUND) {
        *more = (rc == 0);
        return rc;
    }

    rc = forget_latest(txn, 0, upto, &gone);
    have_gone(txn, gone);

    return rc;
}


/* A few more than have to go: not each event drops one. */

static int
drop(onsite_txn_t *txn, uint64_t max, uint64_t pages, uint64_t *lost)
{
    int        rc;
    tree_t     tree;
    uint64_t   keep, spare = max / 8 < DROP_PAGES ? max / 8 : DROP_PAGES;
    unsigned   gone, left;

    spare += pages;
    keep = max > spare ? max - spare : 0;
    rc = open_events(txn);

    if (rc == 0) {
        rc = tail_open(txn);
    }

    for (left = DROP_VALUES; rc == 0 && left != 0; left--) {
        rc = tree_of(txn->mdb, txn->shard->events, &tree);

        if (rc == 0 && tree.pages <= keep) {
            break;
        }

        if (rc == 0) {
            rc = delete_oldest(txn, UINT64_MAX, &gone);
            have_gone(txn, gone);
            *lost += gone;
        }
    }

    txn->puts++;

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static int
ask_deliveries(onsite_txn_t *txn)
{
    int     rc;
    tree_t  tree;

    rc = tree_of(txn->mdb, txn->shard->outbox, &tree);

    if (rc == 0) {
        txn->shard->delivery_pages = tree.pages;
        txn->shard->until_asked = ASK_VALUES;
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


/* Values of the number, behind all there are: pages fill up. */

static int
put_parts(onsite_txn_t *txn, uint64_t seq, const char *data, size_t size)
{
    int        rc;
    char       bytes[OUTBOX_KEY];
    size_t     at, left;
    MDB_val    k, v;
    uint16_t   part;

    rc = open_events(txn);

    for (at = 0, part = 0; rc == 0 && at < size; part++) {
        left = size - at;
        k = outbox_key(bytes, seq, part);
        v.mv_data = (char *) (uintptr_t) data + at;
        v.mv_size = left < OUTBOX_PART_MAX ? left : OUTBOX_PART_MAX;
        rc = mdb_cursor_put(txn->events, &k, &v, MDB_APPEND);
        at += v.mv_size;
    }

    return rc == MDB_KEYEXIST ? MDB_CORRUPTED : rc;
}


static int
put_bunch(onsite_txn_t *txn)
{
    int       rc;
    tail_t   *tail = &txn->tail;
    MDB_val   bunch = tail_bunch(tail);

    if (bunch_entries(bunch) == 0) {
        return 0;
    }

    rc = put_parts(txn, tail_first(tail), bunch.mv_data, bunch.mv_size);
    tail_empty(tail);

    return rc;
}


static onsite_status_t
has_grown(onsite_txn_t *txn, int rc, uint64_t used)
{
    tree_t  tree;

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


/* The tail is full: its events go into the tree, or, if there is no room for
 * them, give way themselves: they are the oldest now. */

static onsite_status_t
empty_tail(onsite_txn_t *txn, uint64_t *lost)
{
    int               rc;
    uint64_t          used;
    unsigned          gone;
    onsite_status_t   status;

    status = make_room(txn, 3, &used, lost);

    if (status == ONSITE_OK) {
        return has_grown(txn, put_bunch(txn), used);
    }

    if (status != ONSITE_FULL) {
        return status;
    }

    rc = forget_latest(txn, 0, UINT64_MAX, &gone);
    have_gone(txn, gone);
    *lost += gone;

    return rc == 0 ? ONSITE_OK : txn_failed(txn, rc, "write to");
}


static onsite_status_t
add_to_tail(onsite_txn_t *txn, onsite_str_t entry, uint64_t *lost)
{
    tail_t           *tail = &txn->tail;
    onsite_status_t   status = ONSITE_OK;

    if (tail->used + BUNCH_EACH + entry.len > BUNCH_MAX) {
        status = empty_tail(txn, lost);
    }

    if (status == ONSITE_OK) {
        tail->used = bunch_add(tail_bunch(tail).mv_data, tail->used, entry);
        tail->next++;
        tail->waiting++;
        tail_write(tail);
    }

    return status;
}


/* Those that came before it go into the tree before it. */

static onsite_status_t
add_alone(onsite_txn_t *txn, onsite_str_t entry, uint64_t *lost)
{
    int               rc;
    tail_t           *tail = &txn->tail;
    uint64_t          used;
    onsite_status_t   status;

    status = make_room(txn, entry.len / OUTBOX_PART_MAX + 4, &used, lost);
    if (status != ONSITE_OK) {
        return status;
    }

    rc = put_bunch(txn);

    if (rc == 0) {
        rc = put_parts(txn, tail->next, entry.data, entry.len);
        tail->next++;
        tail->waiting++;
        tail_write(tail);
    }

    return has_grown(txn, rc, used);
}


onsite_status_t
onsite_txn_event_add(onsite_txn_t *txn, onsite_str_t entry, uint64_t *lost)
{
    int                    rc;
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

    rc = tail_open(txn);
    if (rc != 0) {
        return txn_failed(txn, rc, "write to");
    }

    return entry.len >= ALONE_MIN ? add_alone(txn, entry, lost)
           : add_to_tail(txn, entry, lost);
}


int
events_jump(onsite_txn_t *txn, uint64_t by)
{
    int  rc = tail_open(txn);

    if (rc == 0) {
        rc = put_bunch(txn);
    }

    if (rc == 0) {
        txn->tail.next += by;
        tail_write(&txn->tail);
    }

    return rc;
}


/* One of a visitor who is erased. */

static int
forget_stored(onsite_txn_t *txn, uint64_t seq, unsigned *gone)
{
    int      rc;
    MDB_val  k, v;

    rc = events_seek(txn->events, seq, &k, &v);

    if (rc != 0) {
        return rc;
    }

    if (k.mv_size != OUTBOX_KEY) {
        return MDB_CORRUPTED;
    }

    if (outbox_seq(k) > seq) {
        return MDB_NOTFOUND;
    }

    if (is_bunch(v)) {
        return forget_bunched(txn, k, v, seq, seq, gone);
    }

    *gone = 1;

    return delete_alone(txn, seq);
}


int
event_forget(onsite_txn_t *txn, uint64_t seq)
{
    int        rc;
    unsigned   gone = 0;

    rc = open_events(txn);

    if (rc == 0) {
        rc = tail_open(txn);
    }

    if (rc == 0) {
        rc = seq >= tail_first(&txn->tail)
             ? forget_latest(txn, seq, seq, &gone)
             : forget_stored(txn, seq, &gone);
        have_gone(txn, gone);
    }

    return rc == 0 && gone == 0 ? MDB_NOTFOUND : rc;
}
