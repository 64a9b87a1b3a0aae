/*
 * onsite_store_outbox.c - deliveries that wait to leave: entries in order of
 * their numbers.
 *
 * An entry may be larger than a page.  LMDB gives a value like that pages that
 * lie side by side, and a map that is full has free pages but none side by
 * side; so an entry is kept in parts of a page each, (number, part).
 *
 * The next number, and how many wait, are a value of the shard's meta: numbers
 * go on when the outbox was empty meanwhile.
 */

#include "onsite_store_private.h"
#include "onsite_id.h"
#include "onsite_outbox.h"

static const char  state_name[] = "outbox";


MDB_val
outbox_key(char *bytes, uint64_t seq, uint16_t part)
{
    uint64_t  n = htobe64(seq);
    uint16_t  p = htobe16(part);

    memcpy(bytes, &n, sizeof(n));
    memcpy(bytes + sizeof(n), &p, sizeof(p));

    return (MDB_val) { OUTBOX_KEY, bytes };
}


uint64_t
outbox_seq(MDB_val k)
{
    uint64_t  n;

    memcpy(&n, k.mv_data, sizeof(n));

    return be64toh(n);
}


uint16_t
outbox_part(MDB_val k)
{
    uint16_t  part;

    memcpy(&part, (char *) k.mv_data + sizeof(uint64_t), sizeof(part));

    return be16toh(part);
}


static MDB_val
state_key(void)
{
    return (MDB_val) { sizeof(state_name) - 1,
                       (char *) (uintptr_t) state_name };
}


/* Three numbers, big-endian; the second one is 0 (events are counted by their
 * tree). */

int
outbox_state_read(MDB_txn *mdb, const shard_t *shard, outbox_state_t *state)
{
    int       rc;
    MDB_val   k, v;
    uint64_t  numbers[3];

    *state = (outbox_state_t) { .next = 1 };
    k = state_key();
    rc = mdb_get(mdb, shard->meta, &k, &v);

    if (rc == MDB_NOTFOUND) {
        return 0;
    }

    if (rc != 0 || v.mv_size != sizeof(numbers)) {
        return rc != 0 ? rc : MDB_CORRUPTED;
    }

    memcpy(numbers, v.mv_data, sizeof(numbers));
    state->next = be64toh(numbers[0]);
    state->deliveries = be64toh(numbers[2]);

    return 0;
}


int
outbox_state_write(onsite_txn_t *txn, const outbox_state_t *state)
{
    uint64_t  numbers[3] = {
        htobe64(state->next), 0, htobe64(state->deliveries)
    };
    MDB_val   k = state_key(), v = { sizeof(numbers), numbers };

    return mdb_put(txn->mdb, txn->shard->meta, &k, &v, 0);
}


static int
put_parts(onsite_txn_t *txn, uint64_t seq, onsite_str_t entry)
{
    int       rc;
    char      bytes[OUTBOX_KEY];
    size_t    at, left;
    MDB_val   k, v;
    uint16_t  part;

    rc = 0;

    for (at = 0, part = 0; rc == 0 && at < entry.len; part++) {
        left = entry.len - at;
        k = outbox_key(bytes, seq, part);
        v.mv_data = (char *) (uintptr_t) entry.data + at;
        v.mv_size = left < OUTBOX_PART_MAX ? left : OUTBOX_PART_MAX;

        /* it comes behind all there are: pages fill up */

        rc = mdb_put(txn->mdb, txn->shard->outbox, &k, &v, MDB_APPEND);
        at += v.mv_size;
    }

    return rc == MDB_KEYEXIST ? MDB_CORRUPTED : rc;
}


/* What it took is counted as it is: small entries share a page. */

static int
append(onsite_txn_t *txn, onsite_str_t entry, uint64_t *seq)
{
    int             rc;
    tree_t          before, after;
    outbox_state_t  state;

    rc = tree_of(txn->mdb, txn->shard->outbox, &before);

    if (rc == 0) {
        rc = outbox_state_read(txn->mdb, txn->shard, &state);
    }

    if (rc == 0) {
        *seq = (uint64_t) txn->shard->index << OUTBOX_SHARD_SHIFT
               | state.next++;
        state.deliveries++;
        rc = put_parts(txn, *seq, entry);
    }

    if (rc == 0) {
        rc = outbox_state_write(txn, &state);
    }

    if (rc == 0) {
        rc = tree_of(txn->mdb, txn->shard->outbox, &after);
    }

    if (rc == 0) {
        txn->grown += after.pages - before.pages;
        txn->puts += (uint32_t) (after.pages - before.pages) + 1;
    }

    return rc;
}


onsite_status_t
onsite_txn_outbox_add(onsite_txn_t *txn, onsite_str_t entry, uint64_t *seq)
{
    int                   rc;
    uint64_t              pages = entry.len / OUTBOX_PART_MAX + 3;
    onsite_status_t       status;
    onsite_outbox_kind_t  kind;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    if (!onsite_outbox_kind(entry.data, entry.len, &kind)
        || kind != ONSITE_OUTBOX_DELIVERY)
    {
        return ONSITE_INVALID;
    }

    if (entry.len > ONSITE_OUTBOX_BYTES_MAX) {
        return ONSITE_LIMIT;
    }

    status = txn_grow(txn, txn->shard->outbox, pages);
    if (status != ONSITE_OK) {
        return status;
    }

    rc = events_make_way(txn, pages);

    if (rc == 0) {
        rc = append(txn, entry, seq);
    }

    return rc == 0 ? ONSITE_OK
           : txn_failed(txn, rc, "write to");
}


static int
delete_parts(onsite_txn_t *txn, uint64_t seq)
{
    int       rc;
    char      bytes[OUTBOX_KEY];
    MDB_val   k;
    uint16_t  part;

    for (part = 0, rc = 0; rc == 0; part++) {
        k = outbox_key(bytes, seq, part);
        rc = mdb_del(txn->mdb, txn->shard->outbox, &k, NULL);
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static int
is_there(onsite_txn_t *txn, uint64_t seq)
{
    char     bytes[OUTBOX_KEY];
    MDB_val  k, v;

    k = outbox_key(bytes, seq, 0);

    return mdb_get(txn->mdb, txn->shard->outbox, &k, &v);
}


static int
forget(onsite_txn_t *txn, uint64_t seq)
{
    int              rc;
    outbox_state_t   state;

    rc = is_there(txn, seq);

    if (rc == 0) {
        rc = outbox_state_read(txn->mdb, txn->shard, &state);
    }

    if (rc == 0) {
        rc = delete_parts(txn, seq);
    }

    if (rc == 0) {
        rc = delivery_note_forget(txn, seq);
    }

    if (rc != 0) {
        return rc;
    }

    state.deliveries -= state.deliveries != 0;

    return outbox_state_write(txn, &state);
}


onsite_status_t
onsite_txn_outbox_delete(onsite_txn_t *txn, uint64_t seq)
{
    int  rc;

    if (txn->mdb == NULL || txn->failed) {
        return ONSITE_IO;
    }

    txn->puts++;
    rc = seq & OUTBOX_EVENT_BIT ? event_forget(txn, seq) : forget(txn, seq);

    return rc == 0 ? ONSITE_OK : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
           : txn_failed(txn, rc, "delete from");
}
