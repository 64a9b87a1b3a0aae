/*
 * onsite_store_event_leave.c - events that were handed over go, and what is
 * remembered of it meanwhile.
 */

#include "onsite_store_private.h"

static const char  note_name[] = "handed-over";


static MDB_val
note_key(void)
{
    return (MDB_val) { sizeof(note_name) - 1,
                       (char *) (uintptr_t) note_name };
}


/* A number of 8 bytes, big-endian, and the text. */

static int
note_read(MDB_txn *mdb, const shard_t *shard, uint64_t *seq,
    onsite_str_t *text)
{
    int      rc;
    MDB_val  k = note_key(), v;

    rc = mdb_get(mdb, shard->meta, &k, &v);
    if (rc != 0) {
        return rc;
    }

    if (v.mv_size < sizeof(*seq)
        || v.mv_size > sizeof(*seq) + ONSITE_NOTE_MAX)
    {
        return MDB_CORRUPTED;
    }

    memcpy(seq, v.mv_data, sizeof(*seq));
    *seq = be64toh(*seq);
    *text = onsite_str((const char *) v.mv_data + sizeof(*seq),
                       v.mv_size - sizeof(*seq));

    return 0;
}


static int
note_write(onsite_txn_t *txn, uint64_t seq, onsite_str_t text)
{
    int      rc;
    char     bytes[sizeof(seq) + ONSITE_NOTE_MAX];
    MDB_val  k = note_key(), v = { sizeof(seq) + text.len, bytes };

    if (text.len == 0) {
        rc = mdb_del(txn->mdb, txn->shard->meta, &k, NULL);
        return rc == MDB_NOTFOUND ? 0 : rc;
    }

    seq = htobe64(seq);
    memcpy(bytes, &seq, sizeof(seq));
    memcpy(bytes + sizeof(seq), text.data, text.len);

    return mdb_put(txn->mdb, txn->shard->meta, &k, &v, 0);
}


/* Commits, or aborts what failed. */

static onsite_status_t
end(onsite_store_t *store, onsite_txn_t *txn, int rc, onsite_error_t *error)
{
    shard_t  *shard = txn->shard;

    if (rc != 0) {
        onsite_txn_abort(txn);
        return shard_failed(store, shard, rc, "write to", error);
    }

    return onsite_txn_commit(txn, error);
}


onsite_status_t
onsite_store_events_note(onsite_store_t *store, uint32_t shard, uint64_t seq,
    onsite_str_t text, onsite_error_t *error)
{
    onsite_txn_t     *txn;
    onsite_status_t   status;

    if (text.len > ONSITE_NOTE_MAX) {
        return onsite_error(error, ONSITE_LIMIT, "state: a note of more than "
                            "%d bytes", ONSITE_NOTE_MAX);
    }

    status = onsite_txn_begin(store, shard, &txn, error);
    if (status != ONSITE_OK) {
        return status;
    }

    return end(store, txn, note_write(txn, seq, text), error);
}


onsite_status_t
onsite_store_events_note_get(onsite_store_t *store, uint32_t shard,
    uint64_t *seq, char text[ONSITE_NOTE_MAX + 1], onsite_error_t *error)
{
    int            rc;
    shard_t       *s;
    onsite_str_t   found;

    if (shard >= store->n) {
        return onsite_error(error, ONSITE_INVALID, "state: no such shard");
    }

    s = &store->shards[shard];
    rc = shard_reader_begin(store, s);

    if (rc == 0) {
        rc = note_read(s->reader, s, seq, &found);

        if (rc == 0) {
            memcpy(text, found.data, found.len);
            text[found.len] = '\0';
        }

        shard_reader_end(s);
    }

    return rc == 0 ? ONSITE_OK
           : rc == MDB_NOTFOUND ? ONSITE_NOT_FOUND
           : shard_failed(store, s, rc, "read", error);
}


/* The note goes with the last that it is about. */

static int
forget_note(onsite_txn_t *txn, uint64_t upto)
{
    int            rc;
    uint64_t       seq;
    onsite_str_t   text;

    rc = note_read(txn->mdb, txn->shard, &seq, &text);

    if (rc != 0) {
        return rc == MDB_NOTFOUND ? 0 : rc;
    }

    return seq > upto ? 0 : note_write(txn, 0, ONSITE_STR(""));
}


onsite_status_t
onsite_store_events_delete(onsite_store_t *store, uint32_t shard,
    uint64_t seq, onsite_error_t *error)
{
    int               rc;
    bool              more;
    onsite_txn_t     *txn;
    onsite_status_t   status;

    do {
        status = onsite_txn_begin(store, shard, &txn, error);
        if (status != ONSITE_OK) {
            return status;
        }

        rc = events_delete_some(txn, seq, &more);

        if (rc == 0 && !more) {
            rc = forget_note(txn, seq);
        }

        status = end(store, txn, rc, error);

    } while (status == ONSITE_OK && more);

    return status;
}
