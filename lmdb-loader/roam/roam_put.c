/*
 * roam_put.c - records that changed here, for others to find.
 *
 * A record is put where the bucket has what we put last, or nothing, which its
 * revision says; else what it has is fetched, and the rule decides.  That it
 * changed is an entry that goes once the bucket has the very bytes that are
 * here then; so whatever happens in between, the latest gets there.
 *
 * The first put of a visitor of whom nobody knew anything is decided by no
 * rule: where another machine was faster, what that put has nothing of ours,
 * and joins.
 */

#include "roam.h"

#include "stop.h"
#include "task.h"

#include <stdlib.h>
#include <string.h>

struct roam_change_s {
    onsite_key_t    key;
    roam_record_t   ours;
    uint64_t        revision;       /* of what the bucket has              */
    bool            asks;           /* the rule is to be asked             */
    bool            first;          /* roam_put_first: nothing was put     */
    bool            waits;          /* wanted anew                         */
    bool            settled;
    roam_put_t      rule;
    size_t          size;
    char            bytes[ONSITE_RECORD_BYTES_MAX];
};


/* What we put last */

static roam_revision_t *
place_of(roam_t *roam, const onsite_key_t *key)
{
    uint32_t  hash;

    memcpy(&hash, key->bytes, sizeof(hash));

    return &roam->revisions[hash % ROAM_REVISIONS];
}


static uint64_t
remembered(roam_t *roam, const onsite_key_t *key)
{
    roam_revision_t  *place = place_of(roam, key);

    return memcmp(&place->key, key, sizeof(*key)) == 0 ? place->revision : 0;
}


static void
remember(roam_t *roam, const onsite_key_t *key, uint64_t revision)
{
    *place_of(roam, key) = (roam_revision_t) { *key, revision, false };
}


void
roam_put_first(roam_t *roam, const onsite_key_t *key, uint64_t revision)
{
    *place_of(roam, key) = (roam_revision_t) { *key, revision, true };
}


/* Said once only, before it is tried: of what comes to no clear end nobody
 * knows whether it is there. */

static bool
is_first(roam_t *roam, const roam_change_t *c)
{
    bool              first;
    roam_revision_t  *place = place_of(roam, &c->key);

    first = place->first
            && memcmp(&place->key, &c->key, sizeof(c->key)) == 0;
    place->first = place->first && !first;

    return first && c->rule == ROAM_PUT && roam_put_waits(&c->ours);
}


/* What is to be put */

/*
 * Read before it is asked whether it is wanted: a record that is made anew in
 * between comes with being wanted, and nothing of it may be put before what
 * the bucket has has joined it.  A link that carries is noted again when it
 * carries no more.
 */

static onsite_status_t
prepare(roam_t *roam, roam_change_t *c, const onsite_key_t *key, bool *waits)
{
    onsite_status_t  status;

    c->key = *key;
    c->asks = false;
    c->first = false;
    c->waits = false;
    c->settled = false;
    c->rule = ROAM_PUT;
    status = roam_state_look(roam, key, &c->ours, &c->size);

    if (status != ONSITE_OK) {
        return status;
    }

    memcpy(c->bytes, roam->record, c->size);
    status = onsite_store_roam_has(roam->store, ONSITE_ROAM_WANTED, key,
                                   &roam->error);
    *waits = status == ONSITE_OK && roam_put_waits(&c->ours);

    if (status != ONSITE_OK && status != ONSITE_NOT_FOUND) {
        return status;
    }

    c->settled = c->ours.kind == ROAM_NOTHING || c->ours.kind == ROAM_LATER
                 || c->ours.kind == ROAM_DAMAGED
                 || onsite_link_carried(c->bytes, c->size).len != 0;
    c->asks = c->ours.brief;
    c->revision = remembered(roam, key);

    return ONSITE_OK;
}


/* A bucket that others made may take less. */

static void
tell_large(roam_t *roam, const roam_change_t *c)
{
    if (!roam->told_large) {
        roam->told_large = true;
        loader_complain("a record of %zu bytes does not go into the bucket: "
                        "let its values have %d (told once)", c->size,
                        ONSITE_RECORD_BYTES_MAX + 512);
    }
}


/* Putting: rule RETRACT deletes, PUT puts. */

static onsite_status_t
put_some(roam_t *roam, size_t n, bool asked)
{
    size_t            i, m = 0;
    size_t            which[ROAM_ASKS_MAX];
    roam_ask_t        asks[ROAM_ASKS_MAX];
    roam_change_t    *c;
    onsite_status_t   status;

    for (i = 0; i < n; i++) {
        c = &roam->changes[i];

        if (c->settled || c->asks || c->waits
            || (c->rule != ROAM_PUT && c->rule != ROAM_RETRACT))
        {
            continue;
        }

        asks[m] = (roam_ask_t) {
            .key = c->key, .revision = c->revision,
            .erasure = c->ours.kind == ROAM_TOMBSTONE
        };

        c->first = is_first(roam, c);

        if (c->rule == ROAM_PUT) {
            asks[m].value = onsite_str(c->bytes, c->size);
        }

        which[m++] = i;
    }

    if (m == 0) {
        return ONSITE_OK;
    }

    status = roam_bucket_put(roam->bucket, asks, m, &roam->error);

    for (i = 0; i < m; i++) {
        c = &roam->changes[which[i]];
        c->asks = !asked && asks[i].status == ONSITE_INVALID;

        if (asks[i].status == ONSITE_OK) {
            c->settled = true;
            remember(roam, &c->key, asks[i].revision);
            roam->put++;
            task_count(TASK_ROAM_PUT, 1);
        }

        if (asks[i].status == ONSITE_LIMIT) {
            c->settled = true;
            tell_large(roam, c);
        }
    }

    return status;
}


/* Others were first: as for anybody who is met here, nothing of ours is put
 * before what they have has joined it.  No room: the rule is asked. */

static onsite_status_t
want_anew(roam_t *roam, uint32_t shard, size_t n)
{
    size_t            i;
    onsite_txn_t     *txn = NULL;
    roam_change_t    *c;
    onsite_status_t   status = ONSITE_OK;

    for (i = 0; i < n && status == ONSITE_OK; i++) {
        c = &roam->changes[i];

        if (!c->first || !c->asks) {
            continue;
        }

        if (txn == NULL) {
            status = onsite_txn_begin(roam->store, shard, &txn, &roam->error);
        }

        if (status == ONSITE_OK) {
            status = onsite_txn_roam_add(txn, ONSITE_ROAM_WANTED, &c->key,
                                         loader_now());
            c->waits = status == ONSITE_OK;
            c->asks = !c->waits;
            roam->moved = true;
            status = status == ONSITE_FULL ? ONSITE_OK : status;
        }
    }

    if (txn == NULL || status != ONSITE_OK) {
        onsite_txn_abort(txn);
        return status;
    }

    return onsite_txn_commit(txn, &roam->error);
}


/* Where the bucket has something else */

static void
judge(roam_t *roam, roam_change_t *c, const roam_ask_t *ask)
{
    onsite_str_t    value;
    roam_record_t   theirs = { .kind = ROAM_NOTHING };

    c->asks = false;
    c->revision = ask->revision;
    value = ask->status == ONSITE_OK ? ask->value : onsite_str(NULL, 0);

    if (value.len == c->size && memcmp(value.data, c->bytes, c->size) == 0) {
        c->settled = true;
        remember(roam, &c->key, c->revision);
        return;
    }

    roam_look_theirs(roam->theirs_arena, &roam->theirs, value, loader_now(),
                     &theirs);
    roam_tell_kind(roam, &theirs, &c->key);
    c->rule = roam_put_rule(&c->ours, &theirs);
    c->settled = c->rule == ROAM_KEEP;

    if (c->rule == ROAM_BURY) {
        c->ours.last = theirs.last;
    }
}


static onsite_status_t
ask_rule(roam_t *roam, size_t n)
{
    size_t            i, m = 0;
    size_t            which[ROAM_ASKS_MAX];
    roam_ask_t        asks[ROAM_ASKS_MAX];
    onsite_status_t   status;

    for (i = 0; i < n; i++) {
        if (roam->changes[i].asks && !roam->changes[i].settled) {
            asks[m] = (roam_ask_t) { .key = roam->changes[i].key };
            which[m++] = i;
        }
    }

    if (m == 0) {
        return ONSITE_OK;
    }

    status = roam_bucket_get(roam->bucket, asks, m, &roam->error);

    for (i = 0; i < m; i++) {
        if (asks[i].status == ONSITE_OK
            || asks[i].status == ONSITE_NOT_FOUND)
        {
            judge(roam, &roam->changes[which[i]], &asks[i]);
        }
    }

    return status;
}


static onsite_status_t
bury_some(roam_t *roam, size_t n)
{
    size_t            i;
    roam_change_t    *c;
    onsite_status_t   status = ONSITE_OK;

    for (i = 0; i < n && status == ONSITE_OK; i++) {
        c = &roam->changes[i];

        if (!c->settled && !c->asks && c->rule == ROAM_BURY) {
            status = roam_state_bury(roam, &c->key, c->ours.last);
        }
    }

    return status;
}


/* Entries of what the bucket has as it is here by now. */

static onsite_status_t
forget_one(onsite_txn_t *txn, const roam_change_t *c)
{
    onsite_str_t     here;
    onsite_status_t  status;

    status = onsite_txn_get(txn, &c->key, loader_now(), &here);

    if (status == ONSITE_NOT_FOUND) {
        here = onsite_str(NULL, 0);

    } else if (status != ONSITE_OK) {
        return status;
    }

    if (here.len != 0
        && (here.len != c->size || memcmp(here.data, c->bytes, here.len) != 0))
    {
        return ONSITE_OK;
    }

    status = onsite_txn_roam_delete(txn, ONSITE_ROAM_CHANGED, &c->key);

    return status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
}


static onsite_status_t
forget_settled(roam_t *roam, uint32_t shard, size_t n)
{
    size_t            i;
    onsite_txn_t     *txn;
    onsite_status_t   status;

    status = onsite_txn_begin(roam->store, shard, &txn, &roam->error);
    if (status != ONSITE_OK) {
        return status;
    }

    for (i = 0; i < n && status == ONSITE_OK; i++) {
        if (roam->changes[i].settled) {
            status = onsite_txn_renew(txn, &roam->error);

            if (status == ONSITE_OK) {
                status = forget_one(txn, &roam->changes[i]);
                roam->moved = true;
            }
        }
    }

    if (status != ONSITE_OK) {
        onsite_txn_abort(txn);
        return onsite_error(&roam->error, status, "%s: cannot note what was "
                            "put: %s", roam->state,
                            onsite_status_text(status));
    }

    return onsite_txn_commit(txn, &roam->error);
}


/* What came to an end is noted, also where something else failed. */

static onsite_status_t
put_batch(roam_t *roam, uint32_t shard, size_t n)
{
    onsite_status_t  status, noted;

    status = put_some(roam, n, false);
    noted = want_anew(roam, shard, n);
    status = status == ONSITE_OK ? noted : status;

    if (status == ONSITE_OK) {
        status = ask_rule(roam, n);
    }

    if (status == ONSITE_OK) {
        status = put_some(roam, n, true);
    }

    noted = n != 0 ? forget_settled(roam, shard, n) : ONSITE_OK;

    if (status == ONSITE_OK) {
        status = noted == ONSITE_OK ? bury_some(roam, n) : noted;
    }

    return status;
}


static onsite_status_t
read_changed(roam_t *roam, uint32_t shard, onsite_key_t *at, bool *any,
    size_t *n, bool *last)
{
    bool                   waits = false;
    size_t                 i, found;
    onsite_status_t        status;
    onsite_roam_entry_t    entries[ROAM_ASKS_MAX];

    *n = 0;
    status = onsite_store_roam_read(roam->store, shard, ONSITE_ROAM_CHANGED,
                                    *any ? at : NULL, entries, ROAM_ASKS_MAX,
                                    &found, &roam->error);

    for (i = 0; i < found && status == ONSITE_OK; i++) {
        status = prepare(roam, &roam->changes[*n], &entries[i].key, &waits);
        *n += !waits;
        *at = entries[i].key;
        *any = true;
    }

    *last = found < ROAM_ASKS_MAX;

    return status;
}


static onsite_status_t
put_shard(roam_t *roam, uint32_t shard)
{
    bool             any = false, last = false;
    size_t           n;
    onsite_key_t     at;
    onsite_status_t  status = ONSITE_OK;

    while (status == ONSITE_OK && !last && !loader_stopping) {
        status = read_changed(roam, shard, &at, &any, &n, &last);

        if (status == ONSITE_OK && n != 0) {
            status = put_batch(roam, shard, n);
        }

        if (status == ONSITE_OK && !last && n != 0) {
            status = roam_take(roam);
        }
    }

    return status;
}


onsite_status_t
roam_put(roam_t *roam)
{
    uint32_t         i;
    onsite_status_t  status = ONSITE_OK;

    for (i = 0; i < onsite_store_shards(roam->store) && status == ONSITE_OK;
         i++)
    {
        status = put_shard(roam, i);
    }

    return status;
}


bool
roam_put_init(roam_t *roam)
{
    roam->changes = calloc(ROAM_ASKS_MAX, sizeof(roam_change_t));
    roam->revisions = calloc(ROAM_REVISIONS, sizeof(roam_revision_t));

    return roam->changes != NULL && roam->revisions != NULL;
}
