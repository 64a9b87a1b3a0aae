/*
 * onsite_store_event_tail.c - where events lie: the latest in a value of their
 * own, the tail, and the others in the tree that they go to together.
 *
 * The tail is in LMDB's own tree, beside the names of the others, whose only
 * page every commit changes: so an event that comes changes no page that would
 * stay as it was without it.
 *
 * Bytes: number of the next event (8), how many wait in all (8), how many bytes
 * of the bunch are used (2), the bunch; the size is always the same, so that it
 * is changed where it lies.
 */

#include "onsite_store_private.h"
#include "onsite_outbox.h"

#define AT_WAITING  8
#define AT_USED     16
#define AT_BUNCH     18
#define TAIL_SIZE   (AT_BUNCH + BUNCH_MAX)

/* No tool takes it for a tree's: those do not begin with a zero. */
static const char  tail_name[] = "\0events";


static MDB_val
tail_key(void)
{
    return (MDB_val) { sizeof(tail_name) - 1,
                       (char *) (uintptr_t) tail_name };
}


void
tail_write(const tail_t *tail)
{
    uint16_t  used = htobe16((uint16_t) tail->used);
    uint64_t  numbers[2] = { htobe64(tail->next), htobe64(tail->waiting) };

    memcpy(tail->at, numbers, sizeof(numbers));
    memcpy(tail->at + AT_USED, &used, sizeof(used));
}


/* What was there may be a visitor's who is erased tomorrow. */

void
tail_empty(tail_t *tail)
{
    memset(tail->at + AT_BUNCH, 0, tail->used);
    tail->used = bunch_begin(tail->at + AT_BUNCH);
    tail_write(tail);
}


MDB_val
tail_bunch(const tail_t *tail)
{
    return (MDB_val) { tail->used, tail->at + AT_BUNCH };
}


uint64_t
tail_first(const tail_t *tail)
{
    return tail->next - bunch_entries(tail_bunch(tail));
}


static int
take(MDB_val v, tail_t *tail)
{
    uint16_t  used;
    uint64_t  numbers[2];

    if (v.mv_size != TAIL_SIZE) {
        return MDB_CORRUPTED;
    }

    memcpy(numbers, v.mv_data, sizeof(numbers));
    memcpy(&used, (uint8_t *) v.mv_data + AT_USED, sizeof(used));

    tail->at = v.mv_data;
    tail->next = be64toh(numbers[0]);
    tail->waiting = be64toh(numbers[1]);
    tail->used = be16toh(used);

    return is_bunch(tail_bunch(tail)) ? 0 : MDB_CORRUPTED;
}


int
tail_read(MDB_txn *mdb, const shard_t *shard, tail_t *tail)
{
    int      rc;
    MDB_val  k = tail_key(), v;

    rc = mdb_get(mdb, shard->root, &k, &v);

    return rc == 0 ? take(v, tail) : rc;
}


/* It is there, so LMDB gives the place where it lies. */

int
tail_open(onsite_txn_t *txn)
{
    int      rc;
    MDB_val  k, v = { TAIL_SIZE, NULL };

    if (txn->tail.at != NULL) {
        return 0;
    }

    k = tail_key();
    rc = mdb_put(txn->mdb, txn->shard->root, &k, &v, MDB_RESERVE);

    return rc == 0 ? take(v, &txn->tail) : rc;
}


/* Of events of before there was a tail: how many, and the last number, whose
 * value was a single byte when all had left. */

static int
count_single(MDB_cursor *cursor, tail_t *tail)
{
    int      rc;
    MDB_val  k, v;

    rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);

    while (rc == 0) {
        if (k.mv_size != OUTBOX_KEY) {
            return MDB_CORRUPTED;
        }

        tail->next = outbox_seq(k) + 1;
        tail->waiting += outbox_part(k) == 0 && v.mv_size > 1;

        if (v.mv_size == 1) {
            rc = mdb_cursor_del(cursor, 0);
        }

        if (rc == 0) {
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
        }
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}


int
tail_make(MDB_txn *mdb, MDB_dbi root, MDB_dbi events, uint32_t shard)
{
    int          rc;
    tail_t       tail = { .waiting = 0 };
    MDB_val      k = tail_key(), v;
    MDB_cursor  *cursor;

    /* another process may have been first */

    rc = mdb_get(mdb, root, &k, &v);
    if (rc != MDB_NOTFOUND) {
        return rc;
    }

    tail.next = ((uint64_t) shard << OUTBOX_SHARD_SHIFT | OUTBOX_EVENT_BIT)
                + 1;

    rc = mdb_cursor_open(mdb, events, &cursor);
    if (rc != 0) {
        return rc;
    }

    rc = count_single(cursor, &tail);
    mdb_cursor_close(cursor);

    if (rc == 0) {
        v.mv_size = TAIL_SIZE;
        rc = mdb_put(mdb, root, &k, &v, MDB_RESERVE);
    }

    if (rc == 0) {
        memset(v.mv_data, 0, TAIL_SIZE);
        tail.at = v.mv_data;
        tail.used = bunch_begin(tail.at + AT_BUNCH);
        tail_write(&tail);
    }

    return rc;
}


int
events_seek(MDB_cursor *cursor, uint64_t seq, MDB_val *k, MDB_val *v)
{
    int   rc, before;
    char  bytes[OUTBOX_KEY];

    *k = outbox_key(bytes, seq, 0);
    rc = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);

    if (rc == 0 && k->mv_size == OUTBOX_KEY && outbox_seq(*k) == seq) {
        return 0;
    }

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    /* the one before may be a bunch that reaches so far */

    before = mdb_cursor_get(cursor, k, v, rc == 0 ? MDB_PREV : MDB_LAST);

    if (before == 0 && k->mv_size == OUTBOX_KEY && outbox_part(*k) == 0
        && is_bunch(*v) && outbox_seq(*k) + bunch_entries(*v) > seq)
    {
        return 0;
    }

    return rc != 0 ? rc
           : mdb_cursor_get(cursor, k, v, before == 0 ? MDB_NEXT : MDB_FIRST);
}


int
event_walk_begin(event_walk_t *walk, MDB_txn *mdb, const shard_t *shard,
    uint64_t from)
{
    int  rc;

    memset(walk, 0, sizeof(event_walk_t));
    walk->from = from;

    if (shard->events == 0) {
        walk->in_tail = true;
        return 0;
    }

    rc = tail_read(mdb, shard, &walk->tail);

    if (rc == 0 || rc == MDB_NOTFOUND) {
        rc = mdb_cursor_open(mdb, shard->events, &walk->cursor);
    }

    if (rc == 0) {
        walk->rc = events_seek(walk->cursor, from, &walk->k, &walk->v);
    }

    return rc;
}


void
event_walk_end(event_walk_t *walk)
{
    if (walk->cursor != NULL) {
        mdb_cursor_close(walk->cursor);
    }
}


/* Of an event alone in the tree; the cursor then is behind its last part. */

static int
take_parts(event_walk_t *walk, char *room, uint64_t *seq, onsite_str_t *entry)
{
    size_t  size = 0;

    *seq = outbox_seq(walk->k);
    *entry = onsite_str(room != NULL ? room : walk->v.mv_data,
                        walk->v.mv_size);

    while (walk->rc == 0 && outbox_seq(walk->k) == *seq) {
        if (walk->v.mv_size > ONSITE_OUTBOX_BYTES_MAX - size) {
            return MDB_CORRUPTED;
        }

        if (room != NULL) {
            memcpy(room + size, walk->v.mv_data, walk->v.mv_size);
            entry->len = size + walk->v.mv_size;
        }

        size += walk->v.mv_size;
        walk->rc = mdb_cursor_get(walk->cursor, &walk->k, &walk->v, MDB_NEXT);

        if (walk->rc == 0 && walk->k.mv_size != OUTBOX_KEY) {
            return MDB_CORRUPTED;
        }
    }

    return 0;
}


/* The next value of the tree, then the tail.  It stays where it is while the
 * bunch is read. */

static int
step(event_walk_t *walk)
{
    if (walk->in_tail) {
        return MDB_NOTFOUND;
    }

    if (walk->in_bunch) {
        walk->in_bunch = false;
        walk->rc = mdb_cursor_get(walk->cursor, &walk->k, &walk->v, MDB_NEXT);
    }

    if (walk->rc == 0) {
        if (walk->k.mv_size != OUTBOX_KEY) {
            return MDB_CORRUPTED;
        }

        walk->in_bunch = is_bunch(walk->v);

        if (walk->in_bunch) {
            bunch_open(&walk->bunch, walk->v, outbox_seq(walk->k));
        }

        return 0;
    }

    if (walk->rc != MDB_NOTFOUND) {
        return walk->rc;
    }

    walk->in_tail = true;

    if (walk->tail.at == NULL) {
        return MDB_NOTFOUND;
    }

    walk->in_bunch = true;
    bunch_open(&walk->bunch, tail_bunch(&walk->tail), tail_first(&walk->tail));

    return 0;
}


int
event_walk_next(event_walk_t *walk, char *room, uint64_t *seq,
    onsite_str_t *entry)
{
    int  rc;

    for ( ;; ) {
        rc = walk->in_bunch ? bunch_next(&walk->bunch, seq, entry)
             : MDB_NOTFOUND;

        if (rc == MDB_NOTFOUND) {
            rc = step(walk);

            if (rc != 0) {
                return rc;
            }

            if (walk->in_bunch) {
                continue;
            }

            rc = take_parts(walk, room, seq, entry);
        }

        if (rc != 0) {
            return rc;
        }

        if (*seq >= walk->from && entry->len != 0) {
            return 0;
        }
    }
}
