/*
 * roam_take.c - visitors whom this machine met for the first time, with a
 * cookie that says that others may know them: what the bucket has of them
 * joins what is here.
 *
 * That it is wanted is an entry that goes in the transaction in which it
 * joins, so it joins once, whenever this process dies.  As long as it is
 * wanted nothing of ours is put, so what the bucket has is never ours.
 *
 * Where the bucket has nothing another machine may still bring it, so it is
 * asked again some times; then the wish goes, and ours is put.
 */

#include "roam.h"

#include "onsite_affinity.h"
#include "stop.h"
#include "task.h"

#include <stdlib.h>
#include <string.h>

#define HOPS_MAX   4                /* renamed customers                   */
#define TURNS_MAX  64               /* of one shard                        */

struct roam_taken_s {
    onsite_key_t    key;
    onsite_ms_t     since;
    uint64_t        revision;       /* also where nothing is               */
    bool            answered;
    roam_record_t   theirs;
    size_t          size;
    char            bytes[ONSITE_RECORD_BYTES_MAX];

    /* where their link leads in the end */
    bool            leads;
    bool            ended;
    onsite_key_t    end;
    size_t          end_size;
    char            end_bytes[ONSITE_RECORD_BYTES_MAX];
};


/* What the bucket has */

static void
take_answer(roam_t *roam, roam_taken_t *t, const roam_ask_t *ask)
{
    t->size = 0;
    t->revision = ask->revision;
    t->answered = ask->status == ONSITE_OK || ask->status == ONSITE_NOT_FOUND;
    t->leads = false;
    t->ended = false;

    if (ask->status != ONSITE_OK) {
        t->theirs.kind = ROAM_NOTHING;
        return;
    }

    roam_look_theirs(roam->theirs_arena, &roam->theirs, ask->value,
                     loader_now(), &t->theirs);
    roam_tell_kind(roam, &t->theirs, &t->key);

    if (t->theirs.kind == ROAM_VISITOR) {
        t->size = ask->value.len;
        memcpy(t->bytes, ask->value.data, t->size);
    }

    if (t->theirs.kind == ROAM_LINK) {
        t->leads = true;
        t->end = t->theirs.target;
    }
}


static void
take_end(roam_t *roam, roam_taken_t *t, const roam_ask_t *ask)
{
    roam_record_t  record = { .kind = ROAM_NOTHING };

    if (ask->status == ONSITE_OK) {
        roam_look_theirs(roam->theirs_arena, &roam->theirs, ask->value,
                         loader_now(), &record);
    }

    if (record.kind == ROAM_LINK) {
        t->end = record.target;
        return;
    }

    t->leads = false;

    if (record.kind == ROAM_VISITOR && !record.brief) {
        t->ended = true;
        t->end_size = ask->value.len;
        memcpy(t->end_bytes, ask->value.data, t->end_size);
    }
}


/* A customer's record, which a cookie's link leads to. */

static onsite_status_t
follow_links(roam_t *roam, size_t n)
{
    int               hop;
    size_t            i, m;
    size_t            which[ROAM_TAKEN_MAX];
    roam_ask_t        asks[ROAM_TAKEN_MAX];
    onsite_status_t   status;

    for (hop = 0; hop < HOPS_MAX; hop++) {
        for (i = 0, m = 0; i < n; i++) {
            if (roam->taken[i].leads) {
                asks[m] = (roam_ask_t) { .key = roam->taken[i].end };
                which[m++] = i;
            }
        }

        if (m == 0) {
            return ONSITE_OK;
        }

        status = roam_bucket_get(roam->bucket, asks, m, &roam->error);
        if (status != ONSITE_OK) {
            return status;
        }

        for (i = 0; i < m; i++) {
            take_end(roam, &roam->taken[which[i]], &asks[i]);
        }
    }

    return ONSITE_OK;
}


static onsite_status_t
ask_all(roam_t *roam, size_t n)
{
    size_t            i;
    roam_ask_t        asks[ROAM_TAKEN_MAX];
    onsite_status_t   status;

    for (i = 0; i < n; i++) {
        asks[i] = (roam_ask_t) { .key = roam->taken[i].key };
    }

    status = roam_bucket_get(roam->bucket, asks, n, &roam->error);

    for (i = 0; i < n; i++) {
        take_answer(roam, &roam->taken[i], &asks[i]);
    }

    return status == ONSITE_OK ? follow_links(roam, n) : status;
}


/* What it becomes here: each in the transaction that is open */

static onsite_status_t
put_record(roam_t *roam, onsite_txn_t *txn, const onsite_key_t *key,
    size_t size)
{
    return onsite_txn_put(txn, key, onsite_str(roam->record, size),
                          loader_now());
}


/* Interests fade by the half-lives of the site's campaigns. */

static void
align(roam_t *roam, const onsite_key_t *key)
{
    const loader_named_t  *site;

    if (roam->ours.n_affinities == 0 && roam->theirs.n_affinities == 0) {
        return;
    }

    if (roam->names == NULL
        && loader_names_open(roam->state, NULL, onsite_str(NULL, 0),
                             &roam->names) != LOADER_OK)
    {
        return;
    }

    site = loader_names_of(roam->names, onsite_key_site(key));

    if (site->image != NULL) {
        onsite_affinity_align(site->image, &roam->ours, &roam->theirs);
    }
}


static onsite_status_t
merge(roam_t *roam, onsite_txn_t *txn, const roam_taken_t *t)
{
    size_t         size;
    roam_record_t  theirs;

    roam_look(roam->theirs_arena, &roam->theirs,
              onsite_str(t->bytes, t->size), loader_now(), &theirs);
    roam->theirs.wake = 0;
    align(roam, &t->key);
    onsite_visitor_merge(&roam->ours, &roam->theirs, roam->session_timeout);

    size = onsite_visitor_encode(&roam->ours, roam->record,
                                 sizeof(roam->record));
    roam->merged += size != 0;
    task_count(TASK_ROAM_MERGED, size != 0);

    return size != 0 ? put_record(roam, txn, &t->key, size) : ONSITE_OK;
}


/* A link that carries: whoever meets it takes up what it carries, once. */

static onsite_status_t
carry(roam_t *roam, onsite_txn_t *txn, const roam_taken_t *t,
    const onsite_key_t *target, const onsite_visitor_t *carried,
    onsite_ms_t former)
{
    size_t       size;
    onsite_ms_t  now = loader_now();

    size = onsite_visitor_encode(carried, roam->carried,
                                 sizeof(roam->carried)
                                 - ONSITE_LINK_OVERHEAD);
    if (size == 0) {
        return ONSITE_OK;
    }

    size = onsite_link_encode(target, now > former ? now : former + 1, false,
                              onsite_str(roam->carried, size), roam->record,
                              sizeof(roam->record));
    roam->merged++;
    task_count(TASK_ROAM_MERGED, 1);

    return size != 0 ? put_record(roam, txn, &t->key, size) : ONSITE_LIMIT;
}


static onsite_status_t
become_link(roam_t *roam, onsite_txn_t *txn, const roam_taken_t *t,
    const roam_record_t *ours)
{
    onsite_status_t  status = ONSITE_OK;

    if (roam->ours.wake != 0) {
        status = onsite_txn_timer_move(txn, &t->key, roam->ours.wake, 0);
    }

    roam->ours.wake = 0;

    return status != ONSITE_OK ? status
           : carry(roam, txn, t, &t->end, &roam->ours, ours->last);
}


/* The customer's record, where this machine has none. */

static onsite_status_t
copy_end(roam_t *roam, roam_taken_t *t)
{
    size_t            size;
    onsite_str_t      here;
    onsite_txn_t     *txn;
    roam_record_t     record;
    onsite_status_t   status;

    status = onsite_txn_begin(roam->store,
                              onsite_key_shard(&t->end,
                                        onsite_store_shards(roam->store)),
                              &txn, &roam->error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = onsite_txn_get(txn, &t->end, loader_now(), &here);

    if (status == ONSITE_OK) {
        t->ended = !onsite_record_is_tombstone(here.data, here.len);
        onsite_txn_abort(txn);
        return ONSITE_OK;
    }

    if (status == ONSITE_NOT_FOUND) {
        roam_look(roam->theirs_arena, &roam->theirs,
                  onsite_str(t->end_bytes, t->end_size), loader_now(),
                  &record);
        roam->theirs.wake = 0;
        size = onsite_visitor_encode(&roam->theirs, roam->record,
                                     sizeof(roam->record));
        status = put_record(roam, txn, &t->end, size);
    }

    if (status != ONSITE_OK) {
        onsite_txn_abort(txn);
        return onsite_error(&roam->error, status, "%s: cannot store a record: "
                            "%s", roam->state, onsite_status_text(status));
    }

    return onsite_txn_commit(txn, &roam->error);
}


/* NOT_FOUND: it has to wait, for a link that carries something already. */

static onsite_status_t
act(roam_t *roam, onsite_txn_t *txn, const roam_taken_t *t, roam_take_t what,
    const roam_record_t *ours, onsite_str_t here)
{
    roam_record_t  theirs;

    switch (what) {

    case ROAM_TAKE_MERGE:
        return merge(roam, txn, t);

    case ROAM_TAKE_LINK:
        return t->ended ? become_link(roam, txn, t, ours) : ONSITE_OK;

    case ROAM_TAKE_CARRY:
        if (onsite_link_carried(here.data, here.len).len != 0) {
            return ONSITE_NOT_FOUND;
        }

        roam_look(roam->theirs_arena, &roam->theirs,
                  onsite_str(t->bytes, t->size), loader_now(), &theirs);
        roam->theirs.wake = 0;

        return carry(roam, txn, t, &ours->target, &roam->theirs, ours->last);

    default:
        return ONSITE_OK;
    }
}


/* With the transaction open; *what is what its caller is to do. */

static onsite_status_t
join(roam_t *roam, onsite_txn_t *txn, const roam_taken_t *t,
    roam_take_t *what)
{
    onsite_str_t      here;
    roam_record_t     ours;
    onsite_status_t   status;

    status = onsite_txn_roam_get(txn, ONSITE_ROAM_WANTED, &t->key, NULL);

    if (status == ONSITE_OK) {
        status = onsite_txn_get(txn, &t->key, loader_now(), &here);
        here = status == ONSITE_OK ? here : onsite_str(NULL, 0);
        status = status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
    }

    if (status != ONSITE_OK) {
        return status;
    }

    roam_look(roam->ours_arena, &roam->ours, here, loader_now(), &ours);
    *what = roam_take_rule(&ours, &t->theirs);

    if (*what == ROAM_TAKE_BURY) {
        return ONSITE_NOT_FOUND;
    }

    status = act(roam, txn, t, *what, &ours, here);

    if (status == ONSITE_OK) {
        status = onsite_txn_roam_delete(txn, ONSITE_ROAM_WANTED, &t->key);
    }

    if (status == ONSITE_OK && *what != ROAM_TAKE_NOTHING) {
        status = onsite_txn_roam_add(txn, ONSITE_ROAM_CHANGED, &t->key,
                                     loader_now());
        status = status == ONSITE_FULL ? ONSITE_OK : status;
    }

    return status;
}


/* Asked for the last time */

static void
note_unknown(roam_t *roam, const roam_taken_t *t)
{
    roam_put_first(roam, &t->key, t->revision);
    roam->unknown++;
    task_count(TASK_ROAM_UNKNOWN, 1);
}


static onsite_status_t
settle(roam_t *roam, roam_taken_t *t)
{
    roam_take_t       what = ROAM_TAKE_NOTHING;
    onsite_txn_t     *txn;
    onsite_status_t   status = ONSITE_OK;

    if (t->theirs.kind == ROAM_NOTHING
        && roam_wish_again(roam->wishes, &t->key, loader_now()))
    {
        roam->waits = true;
        return ONSITE_OK;
    }

    roam_wish_forget(roam->wishes, &t->key);

    if (t->ended) {
        status = copy_end(roam, t);
    }

    if (status == ONSITE_OK) {
        status = onsite_txn_begin(roam->store,
                                  onsite_key_shard(&t->key,
                                        onsite_store_shards(roam->store)),
                                  &txn, &roam->error);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    status = join(roam, txn, t, &what);

    if (status == ONSITE_OK) {
        roam->moved = true;
        status = onsite_txn_commit(txn, &roam->error);

        if (status == ONSITE_OK && t->theirs.kind == ROAM_NOTHING) {
            note_unknown(roam, t);
        }

        return status;
    }

    onsite_txn_abort(txn);

    if (what == ROAM_TAKE_BURY) {
        return roam_state_bury(roam, &t->key, t->theirs.last);
    }

    return status == ONSITE_NOT_FOUND ? ONSITE_OK
           : onsite_error(&roam->error, status, "%s: cannot join a record: "
                          "%s", roam->state, onsite_status_text(status));
}


/* Which are wanted */

/* The next ones of a shard, round and round, so that none keeps others
 * waiting. */

static onsite_status_t
read_wanted(roam_t *roam, uint32_t shard, size_t *n)
{
    size_t                 i;
    const onsite_key_t    *after;
    onsite_status_t        status;
    onsite_roam_entry_t    entries[ROAM_TAKEN_MAX];

    after = roam->taken_any[shard] ? &roam->taken_from[shard] : NULL;
    status = onsite_store_roam_read(roam->store, shard, ONSITE_ROAM_WANTED,
                                    after, entries, ROAM_TAKEN_MAX, n,
                                    &roam->error);

    if (status == ONSITE_OK && *n == 0 && after != NULL) {
        status = onsite_store_roam_read(roam->store, shard,
                                        ONSITE_ROAM_WANTED, NULL, entries,
                                        ROAM_TAKEN_MAX, n, &roam->error);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    /* behind the last ones it begins anew, so who has come meanwhile is met */

    roam->taken_any[shard] = *n == ROAM_TAKEN_MAX;

    for (i = 0; i < *n; i++) {
        roam->taken[i].key = entries[i].key;
        roam->taken[i].since = entries[i].since;
        roam->taken_from[shard] = entries[i].key;
    }

    return ONSITE_OK;
}


/* Those whose time has not come are asked for later. */

static size_t
pick_due(roam_t *roam, size_t n)
{
    size_t       i, due = 0;
    onsite_ms_t  now = loader_now();

    for (i = 0; i < n; i++) {
        if (roam_wish_is_due(roam->wishes, &roam->taken[i].key, now)) {
            roam->taken[due].key = roam->taken[i].key;
            roam->taken[due++].since = roam->taken[i].since;
        }
    }

    roam->waits |= due != n;

    return due;
}


static onsite_status_t
take_some(roam_t *roam, uint32_t shard, size_t *n)
{
    size_t           i, due = 0;
    onsite_status_t  status;

    status = read_wanted(roam, shard, n);

    if (status == ONSITE_OK) {
        due = pick_due(roam, *n);
        status = due != 0 ? ask_all(roam, due) : ONSITE_OK;
    }

    for (i = 0; i < due && status == ONSITE_OK; i++) {
        if (roam->taken[i].answered) {
            status = settle(roam, &roam->taken[i]);
        }
    }

    return status;
}


/* Where many come at once, as long as they come; but not those for ever who
 * have to wait. */

static onsite_status_t
take_shard(roam_t *roam, uint32_t shard)
{
    int              turn;
    size_t           n = ROAM_TAKEN_MAX;
    onsite_status_t  status = ONSITE_OK;

    for (turn = 0; turn < TURNS_MAX && n == ROAM_TAKEN_MAX
                   && status == ONSITE_OK && !loader_stopping; turn++)
    {
        status = take_some(roam, shard, &n);
    }

    return status;
}


onsite_status_t
roam_take(roam_t *roam)
{
    uint32_t         i;
    onsite_status_t  status = ONSITE_OK;

    for (i = 0; i < onsite_store_shards(roam->store) && status == ONSITE_OK;
         i++)
    {
        status = take_shard(roam, i);
    }

    loader_names_close(roam->names);
    roam->names = NULL;

    return status;
}


/* Those for whom there was no answer in time */

static onsite_status_t
give_up(roam_t *roam, uint32_t shard, size_t n)
{
    size_t            i;
    onsite_ms_t       due = loader_now() - roam->give_up;
    onsite_txn_t     *txn = NULL;
    onsite_status_t   status = ONSITE_OK;

    for (i = 0; i < n && status == ONSITE_OK; i++) {
        if (roam->taken[i].since > due) {
            continue;
        }

        if (txn == NULL) {
            status = onsite_txn_begin(roam->store, shard, &txn, &roam->error);
        }

        if (status == ONSITE_OK) {
            status = onsite_txn_roam_delete(txn, ONSITE_ROAM_WANTED,
                                            &roam->taken[i].key);
            roam->given_up += status == ONSITE_OK;
            task_count(TASK_ROAM_GIVEN_UP, status == ONSITE_OK);
            status = status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
        }
    }

    if (txn == NULL || status != ONSITE_OK) {
        onsite_txn_abort(txn);
        return status;
    }

    return onsite_txn_commit(txn, &roam->error);
}


onsite_status_t
roam_give_up(roam_t *roam)
{
    size_t           n;
    uint32_t         i;
    onsite_status_t  status = ONSITE_OK;

    for (i = 0; i < onsite_store_shards(roam->store) && status == ONSITE_OK;
         i++)
    {
        status = read_wanted(roam, i, &n);

        if (status == ONSITE_OK && n != 0) {
            status = give_up(roam, i, n);
        }
    }

    return status;
}


bool
roam_take_init(roam_t *roam)
{
    roam->taken = calloc(ROAM_TAKEN_MAX, sizeof(roam_taken_t));
    roam->wishes = roam_wishes_create(roam->every, roam->once);

    return roam->taken != NULL && roam->wishes != NULL;
}
