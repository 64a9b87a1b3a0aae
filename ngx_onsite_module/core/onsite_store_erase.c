/*
 * onsite_store_erase.c - a visitor goes, with all that leads to it.
 *
 * What is to be done is noted before anything is: a job, in the meta of shard
 * 0, of all keys that are the visitor's.  Then tombstones take the place of
 * their records, so that nothing new comes; then their entries in the outbox
 * go, a slice at a time; then the note.  Each step may be done twice, so after
 * a crash whoever meets the note goes on with it.
 */

#include "onsite_store_private.h"
#include "onsite_id.h"
#include "onsite_visitor_codec.h"

#define JOB_KEYS        ONSITE_RELATED_MAX  /* a job fits into a page */
#define JOB_HEAD        20
#define JOB_BYTES       (JOB_HEAD + JOB_KEYS * sizeof(onsite_key_t))
#define JOB_NAME        (sizeof(job_prefix) + sizeof(onsite_key_t))
#define SLICE_FOUND     64          /* deleted in one transaction */
#define STEP_ENTRIES    1024

/* What there is of keys. */
#define MET_KNOWN       1
#define MET_BURIED      2           /* a tombstone */

/* Its tombstones are not all there. */
#define SHARD_NONE      UINT32_MAX

static const char  job_prefix[] = "erase";

typedef struct {
    onsite_ms_t   time;
    uint32_t      shard;            /* whose outbox is looked through */
    uint64_t      seq;              /* from where on */
    uint32_t      n;
    onsite_key_t  keys[JOB_KEYS];   /* the first names the job */
} job_t;


/* Jobs at rest */

static MDB_val
job_name(char *name, const onsite_key_t *key)
{
    memcpy(name, job_prefix, sizeof(job_prefix));
    memcpy(name + sizeof(job_prefix), key->bytes, sizeof(key->bytes));

    return (MDB_val) { JOB_NAME, name };
}


static bool
is_job(MDB_val k)
{
    return k.mv_size == JOB_NAME
           && memcmp(k.mv_data, job_prefix, sizeof(job_prefix)) == 0;
}


static MDB_val
job_encode(const job_t *job, char *out)
{
    uint32_t  shard = htobe32(job->shard);
    uint64_t  time = htobe64((uint64_t) job->time), seq = htobe64(job->seq);

    memcpy(out, &time, 8);
    memcpy(out + 8, &shard, 4);
    memcpy(out + 12, &seq, 8);
    memcpy(out + JOB_HEAD, job->keys, job->n * sizeof(onsite_key_t));

    return (MDB_val) { JOB_HEAD + job->n * sizeof(onsite_key_t), out };
}


static bool
job_decode(job_t *job, MDB_val v)
{
    size_t    n;
    uint32_t  shard;
    uint64_t  time, seq;

    if (v.mv_size <= JOB_HEAD || v.mv_size > JOB_BYTES
        || (v.mv_size - JOB_HEAD) % sizeof(onsite_key_t) != 0)
    {
        return false;
    }

    n = (v.mv_size - JOB_HEAD) / sizeof(onsite_key_t);

    memcpy(&time, v.mv_data, 8);
    memcpy(&shard, (char *) v.mv_data + 8, 4);
    memcpy(&seq, (char *) v.mv_data + 12, 8);
    memcpy(job->keys, (char *) v.mv_data + JOB_HEAD,
           n * sizeof(onsite_key_t));

    job->time = (onsite_ms_t) be64toh(time);
    job->shard = be32toh(shard);
    job->seq = be64toh(seq);
    job->n = (uint32_t) n;

    return true;
}


/* job NULL: the note goes. */

static onsite_status_t
job_store(onsite_store_t *store, const onsite_key_t *key, const job_t *job,
    onsite_error_t *error)
{
    int               rc;
    char              name[JOB_NAME], bytes[JOB_BYTES];
    MDB_val           k, v;
    onsite_txn_t     *txn;
    onsite_status_t   status;

    status = onsite_txn_begin(store, 0, &txn, error);
    if (status != ONSITE_OK) {
        return status;
    }

    k = job_name(name, key);

    if (job != NULL) {
        v = job_encode(job, bytes);
        rc = mdb_put(txn->mdb, txn->shard->meta, &k, &v, 0);

        if (rc == 0 && job->shard == SHARD_NONE) {
            rc = erased_note(txn, job->time, job->keys, job->n);
        }

    } else {
        rc = mdb_del(txn->mdb, txn->shard->meta, &k, NULL);
        rc = rc == MDB_NOTFOUND ? 0 : rc;
    }

    if (rc != 0) {
        onsite_txn_abort(txn);
        return shard_failed(store, &store->shards[0], rc, "write to", error);
    }

    return onsite_txn_commit(txn, error);
}


/* Any of those that wait; NOT_FOUND. */

static onsite_status_t
job_take(onsite_store_t *store, job_t *job, onsite_error_t *error)
{
    int          rc;
    bool         found = false;
    MDB_val      k, v;
    shard_t     *shard = &store->shards[0];
    MDB_cursor  *cursor;

    rc = shard_reader_begin(store, shard);
    if (rc != 0) {
        return shard_failed(store, shard, rc, "read", error);
    }

    rc = mdb_cursor_open(shard->reader, shard->meta, &cursor);

    if (rc == 0) {
        k = (MDB_val) { sizeof(job_prefix), (char *) (uintptr_t) job_prefix };
        rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

        found = rc == 0 && is_job(k) && job_decode(job, v);
        mdb_cursor_close(cursor);
    }

    shard_reader_end(shard);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return shard_failed(store, shard, rc, "read", error);
    }

    return found ? ONSITE_OK : ONSITE_NOT_FOUND;
}


/* Whose keys they are */

static bool
job_has(const job_t *job, const onsite_key_t *key)
{
    uint32_t  i;

    for (i = 0; i < job->n; i++) {
        if (memcmp(&job->keys[i], key, sizeof(*key)) == 0) {
            return true;
        }
    }

    return false;
}


static void
job_add(job_t *job, const onsite_key_t *key)
{
    if (job->n < JOB_KEYS && !job_has(job, key)) {
        job->keys[job->n++] = *key;
    }
}


/*
 * The alias leads to somebody else by now, and its entry waits to be swept:
 * who shares a device with another is not erased, or told, with them.
 */

static bool
is_moved(onsite_store_t *store, const onsite_key_t *owner,
    const onsite_key_t *alias)
{
    char                   record[ONSITE_RECORD_BYTES_MAX];
    size_t                 size;
    onsite_key_t           link;
    onsite_visitor_t       visitor;
    onsite_record_kind_t   kind;

    return onsite_store_get(store, alias, 0, record, sizeof(record), &size)
           == ONSITE_OK
           && onsite_visitor_decode(NULL, record, size, &kind, &visitor, &link)
              == ONSITE_OK
           && kind == ONSITE_RECORD_LINK
           && memcmp(&link, owner, sizeof(link)) != 0;
}


/* Where its record leads, and what leads to it; *met tells what there is.
 * What is expired counts, too, as long as its bytes are there. */

static onsite_status_t
add_related(onsite_store_t *store, job_t *job, const onsite_key_t *key,
    onsite_reach_t reach, unsigned *met, onsite_error_t *error)
{
    char                   record[ONSITE_RECORD_BYTES_MAX];
    size_t                 i, n, size;
    onsite_key_t           link, aliases[JOB_KEYS];
    onsite_status_t        status;
    onsite_visitor_t       visitor;
    onsite_record_kind_t   kind = ONSITE_RECORD_VISITOR;

    status = onsite_store_get(store, key, 0, record, sizeof(record), &size);

    if (status == ONSITE_OK) {
        (void) onsite_visitor_decode(NULL, record, size, &kind, &visitor,
                                     &link);

        *met |= kind == ONSITE_RECORD_TOMBSTONE ? MET_BURIED : MET_KNOWN;

        if (kind == ONSITE_RECORD_LINK && reach == ONSITE_REACH_VISITOR) {
            job_add(job, &link);
        }

    } else if (status != ONSITE_NOT_FOUND) {
        return onsite_error(error, status, "state: cannot read a record: %s",
                            onsite_status_text(status));
    }

    status = onsite_store_identity_list(store, key, aliases, JOB_KEYS, &n);

    for (i = 0; status == ONSITE_OK && i < n; i++) {
        *met |= MET_KNOWN;

        if (!is_moved(store, key, &aliases[i])) {
            job_add(job, &aliases[i]);
        }
    }

    return status == ONSITE_OK ? ONSITE_OK
           : onsite_error(error, status, "state: cannot read identities: %s",
                          onsite_status_text(status));
}


static onsite_status_t
job_make(onsite_store_t *store, job_t *job, const onsite_key_t *key,
    onsite_reach_t reach, onsite_ms_t now, unsigned *met,
    onsite_error_t *error)
{
    uint32_t         i;
    onsite_status_t  status = ONSITE_OK;

    *job = (job_t) { .time = now, .shard = SHARD_NONE, .n = 0 };
    *met = 0;
    job_add(job, key);

    for (i = 0; i < job->n && status == ONSITE_OK; i++) {
        status = add_related(store, job, &job->keys[i], reach, met,
                             error);
    }

    return status;
}


onsite_status_t
onsite_store_related(onsite_store_t *store, const onsite_key_t *key,
    onsite_reach_t reach, onsite_key_t *out, size_t max, size_t *n,
    onsite_error_t *error)
{
    job_t            job;
    unsigned         met;
    onsite_status_t  status;

    status = job_make(store, &job, key, reach, 0, &met, error);

    *n = job.n < max ? job.n : max;
    memcpy(out, job.keys, *n * sizeof(onsite_key_t));

    return status;
}


/* Tombstones */

/* Who has the record elsewhere must hear of it, however little room there is
 * for what is to be told. */

static onsite_status_t
let_roam(onsite_txn_t *txn, const onsite_key_t *key, onsite_ms_t time)
{
    int              rc;
    onsite_status_t  status;

    if (txn->shard->roam == 0) {
        return ONSITE_OK;
    }

    status = onsite_txn_roam_delete(txn, ONSITE_ROAM_WANTED, key);

    if (status != ONSITE_OK && status != ONSITE_NOT_FOUND) {
        return status;
    }

    rc = roam_note(txn, ONSITE_ROAM_CHANGED, key, time);

    return rc == 0 ? ONSITE_OK : txn_failed(txn, rc, "write to");
}


static onsite_status_t
bury(onsite_txn_t *txn, const onsite_key_t *key, onsite_ms_t time)
{
    char                   tombstone[64];
    size_t                 size;
    onsite_key_t           link;
    onsite_str_t           record;
    onsite_status_t        status;
    onsite_visitor_t       visitor;
    onsite_record_kind_t   kind;

    status = onsite_txn_get(txn, key, 0, &record);

    if (status == ONSITE_OK
        && onsite_visitor_decode(NULL, record.data, record.len, &kind,
                                 &visitor, &link) == ONSITE_OK)
    {
        if (kind == ONSITE_RECORD_TOMBSTONE) {
            return ONSITE_OK;
        }

        if (kind == ONSITE_RECORD_VISITOR && visitor.wake != 0) {
            status = onsite_txn_timer_move(txn, key, visitor.wake, 0);
        }
    }

    if (status != ONSITE_OK && status != ONSITE_NOT_FOUND) {
        return status;
    }

    size = onsite_tombstone_encode(time, tombstone, sizeof(tombstone));
    status = onsite_txn_put(txn, key, onsite_str(tombstone, size), time);

    return status == ONSITE_OK ? let_roam(txn, key, time) : status;
}


/* An alias that came while we looked stays listed: *left is one such. */

static onsite_status_t
forget_aliases(onsite_store_t *store, onsite_txn_t *txn, const job_t *job,
    const onsite_key_t *key, onsite_key_t *left, bool *any)
{
    size_t           i, n;
    onsite_key_t     aliases[JOB_KEYS];
    onsite_status_t  status = ONSITE_OK;

    *any = false;

    do {
        n = onsite_txn_identity_list(txn, key, aliases, JOB_KEYS);

        for (i = 0; i < n && status == ONSITE_OK; i++) {
            if (job_has(job, &aliases[i])
                || is_moved(store, key, &aliases[i]))
            {
                status = onsite_txn_identity_delete(txn, key, &aliases[i]);

            } else {
                *left = aliases[i];
                *any = true;
            }
        }

    } while (status == ONSITE_OK && !*any && n == JOB_KEYS);

    return status;
}


static onsite_status_t
bury_one(onsite_store_t *store, const job_t *job, const onsite_key_t *key,
    onsite_key_t *left, bool *any, onsite_error_t *error)
{
    onsite_txn_t     *txn;
    onsite_status_t   status;

    status = onsite_txn_begin(store, onsite_key_shard(key, store->n), &txn,
                              error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = bury(txn, key, job->time);

    if (status == ONSITE_OK) {
        status = forget_aliases(store, txn, job, key, left, any);
    }

    if (status != ONSITE_OK) {
        onsite_txn_abort(txn);
        return onsite_error(error, status, "state: cannot erase a record: %s",
                            onsite_status_text(status));
    }

    return onsite_txn_commit(txn, error);
}


/* What is left of one is a job of its own.  A map that is full has made room
 * when it is asked again. */

static onsite_status_t
bury_all(onsite_store_t *store, const job_t *job, onsite_error_t *error)
{
    bool             any;
    job_t            more;
    uint32_t         i;
    unsigned         met;
    onsite_key_t     left;
    onsite_status_t  status;

    for (i = 0; i < job->n; i++) {
        status = bury_one(store, job, &job->keys[i], &left, &any, error);

        if (status == ONSITE_FULL) {
            status = bury_one(store, job, &job->keys[i], &left, &any, error);
        }

        if (status == ONSITE_OK && any) {
            status = job_make(store, &more, &left, ONSITE_REACH_VISITOR,
                              job->time, &met, error);

            if (status == ONSITE_OK) {
                status = job_store(store, &left, &more, error);
            }
        }

        if (status != ONSITE_OK) {
            return status;
        }
    }

    return ONSITE_OK;
}


/* The outbox */

static onsite_status_t
delete_entries(onsite_store_t *store, uint32_t shard, const uint64_t *seqs,
    unsigned n, onsite_error_t *error)
{
    unsigned          i;
    onsite_txn_t     *txn;
    onsite_status_t   status;

    status = onsite_txn_begin(store, shard, &txn, error);
    if (status != ONSITE_OK) {
        return status;
    }

    for (i = 0; i < n && status == ONSITE_OK; i++) {
        status = onsite_txn_outbox_delete(txn, seqs[i]);
        /* it may have left meanwhile */
        status = status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
    }

    if (status != ONSITE_OK) {
        onsite_txn_abort(txn);
        return onsite_error(error, status, "state: cannot erase what waits "
                            "to leave: %s", onsite_status_text(status));
    }

    return onsite_txn_commit(txn, error);
}


/* A visitor's entries lie where its record does. */

static onsite_status_t
sift_slice(onsite_store_t *store, job_t *job, unsigned budget,
    onsite_error_t *error)
{
    int               rc;
    bool              last;
    uint64_t          found[SLICE_FOUND];
    unsigned          n;
    onsite_status_t   status = ONSITE_OK;

    while (job->shard < store->n
           && !any_in_shard(store, job->keys, job->n, job->shard))
    {
        job->shard++;
        job->seq = 0;
    }

    if (job->shard >= store->n) {
        return ONSITE_OK;
    }

    rc = outbox_find(store, &store->shards[job->shard], job->keys, job->n,
                     budget, &job->seq, found, SLICE_FOUND, &n, &last);
    if (rc != 0) {
        return shard_failed(store, &store->shards[job->shard], rc, "read",
                            error);
    }

    if (n != 0) {
        status = delete_entries(store, job->shard, found, n, error);
    }

    if (last) {
        job->shard++;
        job->seq = 0;
    }

    return status;
}


/* Where the key's record leads; false: it is no link. */

static bool
find_owner(onsite_store_t *store, const onsite_key_t *key,
    onsite_key_t *owner)
{
    char                   record[ONSITE_RECORD_BYTES_MAX];
    size_t                 size;
    onsite_visitor_t       visitor;
    onsite_record_kind_t   kind;

    return onsite_store_get(store, key, 0, record, sizeof(record), &size)
           == ONSITE_OK
           && onsite_visitor_decode(NULL, record, size, &kind, &visitor,
                                    owner)
              == ONSITE_OK
           && kind == ONSITE_RECORD_LINK;
}


/* Who stays does not list what is gone; what a crash leaves is swept. */

static onsite_status_t
unlist(onsite_store_t *store, const onsite_key_t *owner,
    const onsite_key_t *key, onsite_error_t *error)
{
    onsite_txn_t     *txn;
    onsite_status_t   status;

    status = onsite_txn_begin(store, onsite_key_shard(owner, store->n), &txn,
                              error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = onsite_txn_identity_delete(txn, owner, key);

    if (status != ONSITE_OK && status != ONSITE_NOT_FOUND) {
        onsite_txn_abort(txn);
        return onsite_error(error, status, "state: cannot erase an identity: "
                            "%s", onsite_status_text(status));
    }

    return onsite_txn_commit(txn, error);
}


onsite_status_t
onsite_store_erase_start(onsite_store_t *store, const onsite_key_t *key,
    onsite_reach_t reach, onsite_ms_t now, onsite_error_t *error)
{
    bool             linked;
    job_t            job;
    unsigned         met;
    onsite_key_t     owner;
    onsite_status_t  status;

    linked = reach == ONSITE_REACH_DEVICE && find_owner(store, key, &owner);

    status = job_make(store, &job, key, reach, now, &met, error);

    if (status != ONSITE_OK || met == MET_BURIED) {
        return status != ONSITE_OK ? status : ONSITE_NOT_FOUND;
    }

    status = job_store(store, key, &job, error);

    if (status == ONSITE_OK) {
        status = bury_all(store, &job, error);
    }

    if (status == ONSITE_OK && linked) {
        status = unlist(store, &owner, key, error);
    }

    if (status == ONSITE_OK) {
        job.shard = 0;
        status = job_store(store, key, &job, error);
    }

    return status != ONSITE_OK ? status
           : met & MET_KNOWN ? ONSITE_OK : ONSITE_NOT_FOUND;
}


onsite_status_t
onsite_store_erase_step(onsite_store_t *store, unsigned budget, bool *more,
    onsite_error_t *error)
{
    job_t            job;
    onsite_status_t  status;

    *more = false;
    status = job_take(store, &job, error);

    if (status != ONSITE_OK) {
        return status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
    }

    *more = true;

    if (job.shard == SHARD_NONE) {
        status = bury_all(store, &job, error);
        job.shard = 0;

    } else if (job.shard < store->n) {
        status = sift_slice(store, &job, budget, error);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    return job_store(store, &job.keys[0],
                     job.shard >= store->n ? NULL : &job, error);
}


onsite_status_t
onsite_store_erase(onsite_store_t *store, const onsite_key_t *key,
    onsite_ms_t now, onsite_error_t *error)
{
    bool             more;
    onsite_status_t  started, status;

    started = onsite_store_erase_start(store, key, ONSITE_REACH_VISITOR, now,
                                       error);

    if (started != ONSITE_OK && started != ONSITE_NOT_FOUND) {
        return started;
    }

    do {
        status = onsite_store_erase_step(store, STEP_ENTRIES, &more, error);
    } while (status == ONSITE_OK && more);

    return status == ONSITE_OK ? started : status;
}
