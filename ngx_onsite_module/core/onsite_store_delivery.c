/*
 * onsite_store_delivery.c - for who sends deliveries: reading them one by one,
 * what is remembered of one that did not leave, and their leaving.
 */

#include "onsite_store_private.h"

#include <stdlib.h>

#define LEAVE_DELIVERIES  64        /* deleted in one transaction */
#define NOTE_NAME         "delivery"
#define NOTE_PAGES        4         /* that writing one may take */

typedef struct {
    char  bytes[sizeof(NOTE_NAME) + sizeof(uint64_t)];
} note_name_t;


/* "delivery", a zero byte, the number. */

static MDB_val
note_key(note_name_t *name, uint64_t seq)
{
    seq = htobe64(seq);
    memcpy(name->bytes, NOTE_NAME, sizeof(NOTE_NAME));
    memcpy(name->bytes + sizeof(NOTE_NAME), &seq, sizeof(seq));

    return (MDB_val) { sizeof(name->bytes), name->bytes };
}


int
delivery_note_forget(onsite_txn_t *txn, uint64_t seq)
{
    int          rc;
    MDB_val      k;
    note_name_t  name;

    k = note_key(&name, seq);
    rc = mdb_del(txn->mdb, txn->shard->meta, &k, NULL);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static shard_t *
shard_of(onsite_store_t *store, uint64_t seq)
{
    uint64_t  shard = seq >> OUTBOX_SHARD_SHIFT;

    return shard < store->n && !(seq & OUTBOX_EVENT_BIT)
           ? &store->shards[shard] : NULL;
}


onsite_status_t
onsite_store_delivery_noted(onsite_store_t *store, uint64_t seq, void *out,
    size_t *size, onsite_error_t *error)
{
    int           rc;
    MDB_val       k, v;
    shard_t      *shard = shard_of(store, seq);
    note_name_t   name;

    *size = 0;

    if (shard == NULL) {
        return ONSITE_NOT_FOUND;
    }

    rc = shard_reader_begin(store, shard);

    if (rc == 0) {
        k = note_key(&name, seq);
        rc = mdb_get(shard->reader, shard->meta, &k, &v);

        if (rc == 0 && v.mv_size <= ONSITE_DELIVERY_NOTE_MAX) {
            memcpy(out, v.mv_data, v.mv_size);
            *size = v.mv_size;
        }

        shard_reader_end(shard);
    }

    return rc == 0 ? ONSITE_OK : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
           : shard_failed(store, shard, rc, "read", error);
}


/* Those of all deliveries stand together among what else is noted. */

static int
walk_notes(MDB_cursor *cursor, onsite_store_outbox_pt visit, void *data)
{
    int          rc;
    MDB_val      k, v;
    uint64_t     seq;
    note_name_t  name;

    k = note_key(&name, 0);
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

    while (rc == 0 && k.mv_size == sizeof(name.bytes)
           && memcmp(k.mv_data, NOTE_NAME, sizeof(NOTE_NAME)) == 0)
    {
        memcpy(&seq, (char *) k.mv_data + sizeof(NOTE_NAME), sizeof(seq));

        if (v.mv_size <= ONSITE_DELIVERY_NOTE_MAX
            && !visit(data, be64toh(seq), onsite_str(v.mv_data, v.mv_size)))
        {
            return 0;
        }

        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}


onsite_status_t
onsite_store_delivery_notes(onsite_store_t *store, uint32_t shard,
    onsite_store_outbox_pt visit, void *data, onsite_error_t *error)
{
    int          rc;
    shard_t     *s = &store->shards[shard];
    MDB_cursor  *cursor;

    rc = shard_reader_begin(store, s);

    if (rc == 0) {
        rc = mdb_cursor_open(s->reader, s->meta, &cursor);

        if (rc == 0) {
            rc = walk_notes(cursor, visit, data);
            mdb_cursor_close(cursor);
        }

        shard_reader_end(s);
    }

    return rc == 0 ? ONSITE_OK : shard_failed(store, s, rc, "read", error);
}


/* Commits, or aborts what failed. */

static onsite_status_t
end(onsite_txn_t *txn, onsite_status_t status, onsite_error_t *error)
{
    if (status != ONSITE_OK) {
        onsite_txn_abort(txn);
        return status;
    }

    return onsite_txn_commit(txn, error);
}


static onsite_status_t
write_note(onsite_txn_t *txn, uint64_t seq, onsite_str_t note,
    onsite_error_t *error)
{
    int          rc;
    char         bytes[OUTBOX_KEY];
    MDB_val      k, v;
    note_name_t  name;

    k = outbox_key(bytes, seq, 0);
    rc = mdb_get(txn->mdb, txn->shard->outbox, &k, &v);

    if (rc == MDB_NOTFOUND) {
        return ONSITE_NOT_FOUND;
    }

    if (rc == 0 && !txn_has_room(txn, NOTE_PAGES)) {
        return onsite_error(error, ONSITE_FULL, "state: there is no room to "
                            "note that a delivery did not leave");
    }

    if (rc == 0) {
        k = note_key(&name, seq);
        v = (MDB_val) { note.len, (char *) (uintptr_t) note.data };
        rc = mdb_put(txn->mdb, txn->shard->meta, &k, &v, 0);
    }

    return rc == 0 ? ONSITE_OK
           : shard_failed(txn->store, txn->shard, rc, "write to", error);
}


onsite_status_t
onsite_store_delivery_note(onsite_store_t *store, uint64_t seq,
    onsite_str_t note, onsite_error_t *error)
{
    shard_t          *shard = shard_of(store, seq);
    onsite_txn_t     *txn;
    onsite_status_t   status;

    if (shard == NULL || note.len > ONSITE_DELIVERY_NOTE_MAX) {
        return onsite_error(error, ONSITE_INVALID, "state: not a note of a "
                            "delivery");
    }

    status = onsite_txn_begin(store, shard->index, &txn, error);
    if (status != ONSITE_OK) {
        return status;
    }

    return end(txn, write_note(txn, seq, note, error), error);
}


onsite_status_t
onsite_store_deliveries_delete(onsite_store_t *store, const uint64_t *seqs,
    size_t n, onsite_error_t *error)
{
    size_t            i, k;
    shard_t          *shard;
    onsite_txn_t     *txn;
    onsite_status_t   status = ONSITE_OK;

    for (i = 0; i < n && status == ONSITE_OK; i = k) {
        shard = shard_of(store, seqs[i]);

        if (shard == NULL) {
            return onsite_error(error, ONSITE_INVALID, "state: not the number "
                                "of a delivery");
        }

        status = onsite_txn_begin(store, shard->index, &txn, error);
        if (status != ONSITE_OK) {
            return status;
        }

        for (k = i; k < n && k - i < LEAVE_DELIVERIES
                    && shard_of(store, seqs[k]) == shard
                    && status == ONSITE_OK; k++)
        {
            status = onsite_txn_outbox_delete(txn, seqs[k]);
            status = status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
        }

        if (status != ONSITE_OK) {
            (void) onsite_error(error, status, "state: deliveries that left "
                                "cannot be deleted");
        }

        status = end(txn, status, error);
    }

    return status;
}


/* A copy behind all others takes its place. */

typedef struct {
    onsite_txn_t     *txn;
    uint64_t          seq;
    onsite_status_t   status;
} moving_t;


static bool
add_again(void *data, uint64_t seq, onsite_str_t entry)
{
    moving_t  *moving = data;

    moving->status = onsite_txn_outbox_delete(moving->txn, seq);

    if (moving->status == ONSITE_OK) {
        moving->status = onsite_txn_outbox_add(moving->txn, entry,
                                               &moving->seq);
    }

    return true;
}


onsite_status_t
onsite_store_delivery_again(onsite_store_t *store, uint64_t seq,
    onsite_error_t *error)
{
    shard_t          *shard = shard_of(store, seq);
    moving_t          moving = { .status = ONSITE_NOT_FOUND };
    onsite_status_t   status;

    if (shard == NULL) {
        return ONSITE_NOT_FOUND;
    }

    status = onsite_txn_begin(store, shard->index, &moving.txn, error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = onsite_store_delivery_get(store, seq, add_again, &moving, error);

    if (status == ONSITE_OK && moving.status != ONSITE_OK) {
        status = onsite_error(error, moving.status, "state: a delivery cannot "
                              "be put into the outbox again: %s",
                              onsite_status_text(moving.status));
    }

    return end(moving.txn, status, error);
}
