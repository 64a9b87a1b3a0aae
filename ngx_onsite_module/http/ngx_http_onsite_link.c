/*
 * ngx_http_onsite_link.c - an id comes to lead to another's record, and its
 * history joins that record, exactly once.
 *
 * In one shard that is one transaction: the history joins, the entry of
 * identities is made, the id's record becomes a link.  Over two shards it is
 * three: the id's record becomes a link that carries what it was; the owner's
 * shard takes that up, with an entry that says so; the link is written anew
 * without it.  Whatever happens between them, the next one who meets a link
 * that carries goes on from there, and the entry tells whether it was taken up.
 *
 * A link that carries is never led elsewhere before that is done, so its
 * target is where its history is looked for.  Where the target has become a
 * link itself, the id is led to where that leads.
 */

#include "ngx_http_onsite_apply.h"


#define NGX_HTTP_ONSITE_LINK_REFRESH  (6 * ONSITE_HOUR)
#define NGX_HTTP_ONSITE_ALONG_MAX     256
#define NGX_HTTP_ONSITE_ALONG_FEW     8


link_t *
ngx_http_onsite_link_new(run_t *run, const onsite_key_t *alias,
    const onsite_key_t *wanted)
{
    link_t  *link, **last;

    link = onsite_arena_zalloc(ngx_http_onsite_worker.arena, sizeof(link_t));
    if (link == NULL) {
        (void) onsite_error(&run->error, ONSITE_NO_MEMORY,
                            "visitor state: no memory to link an id");
        return NULL;
    }

    link->alias = *alias;
    link->wanted = *wanted;
    link->owner = *wanted;

    for (last = &run->links; *last != NULL; last = &(*last)->next) {
        /* in the order in which they were asked for */
    }

    *last = link;

    return link;
}


uint32_t
ngx_http_onsite_link_shard(const link_t *link)
{
    return ngx_http_onsite_shard(link->state == LINK_JOIN ? &link->owner
                                                          : &link->alias);
}


static ngx_int_t
put_link(run_t *run, const onsite_key_t *key, const onsite_key_t *link,
    onsite_str_t carried)
{
    size_t  size;

    /* the record at hand lies in the map: nothing may be held over a put */

    if (ngx_http_onsite_flush(run) != NGX_OK) {
        return NGX_ERROR;
    }

    size = onsite_link_encode(link, run->ctx->now,
                              ngx_http_onsite_brief(run), carried,
                              ngx_http_onsite_worker.record,
                              ONSITE_RECORD_BYTES_MAX);

    if (ngx_http_onsite_put(run, key, size, "link") != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_onsite_worker.roams) {
        ngx_http_onsite_roam_link(run, key);
    }

    return NGX_OK;
}


/* Older links are written anew when they are met. */

static ngx_uint_t
is_fresh(run_t *run, onsite_ms_t written, ngx_uint_t brief)
{
    onsite_ms_t                   age;
    ngx_http_onsite_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(run->r, ngx_http_onsite_module);
    age = NGX_HTTP_ONSITE_LINK_REFRESH;

    if (mcf->ttl != 0) {
        age = ngx_min(age, (onsite_ms_t) mcf->ttl * ONSITE_SECOND / 8);
    }

    return written > run->ctx->now - age
           && brief == ngx_http_onsite_brief(run);
}


ngx_int_t
ngx_http_onsite_link_refresh(run_t *run, const onsite_key_t *key,
    const onsite_key_t *link)
{
    return is_fresh(run, run->linked, run->brief) ? NGX_OK
           : put_link(run, key, link, onsite_str(NULL, 0));
}


ngx_uint_t
ngx_http_onsite_link_rests(run_t *run, const onsite_key_t *key,
    onsite_key_t *target)
{
    bool                       brief;
    size_t                     size;
    onsite_ms_t                written;
    onsite_record_kind_t       kind;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    if (onsite_store_get(w->store, key, run->ctx->now, w->record,
                         ONSITE_RECORD_BYTES_MAX, &size)
        != ONSITE_OK
        || onsite_visitor_decode(NULL, w->record, size, &kind, w->other,
                                 target)
           != ONSITE_OK
        || kind != ONSITE_RECORD_LINK)
    {
        return 0;
    }

    written = onsite_record_last_seen(w->record, size, &brief);

    return onsite_link_carried(w->record, size).len == 0
           && is_fresh(run, written, brief);
}


ngx_int_t
ngx_http_onsite_link_end(run_t *run, onsite_key_t *key)
{
    ngx_int_t             rc;
    ngx_uint_t            hops;
    onsite_key_t          next;
    onsite_str_t          record;
    onsite_record_kind_t  kind;

    for (hops = 0; hops < NGX_HTTP_ONSITE_HOPS_MAX; hops++) {

        if (ngx_http_onsite_shard(key) != run->shard) {
            next = ngx_http_onsite_final(key, run->ctx->now);

            if (ngx_http_onsite_same_key(&next, key)) {
                break;
            }

            *key = next;
            continue;
        }

        rc = ngx_http_onsite_look_at(run, key, &record, &kind, &next);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_OK || record.len == 0 || kind != ONSITE_RECORD_LINK) {
            break;
        }

        *key = next;
    }

    return NGX_OK;
}


/* What the alias was, small enough to be carried; of one that was nothing,
 * nothing in the form of a record. */

static ngx_int_t
pack(run_t *run, link_t *link)
{
    size_t                     size, room;
    onsite_str_t               record;
    onsite_key_t               unused;
    onsite_record_kind_t       kind;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    room = ONSITE_RECORD_BYTES_MAX - ONSITE_LINK_OVERHEAD;
    record = link->carried;

    if (record.len != 0 && record.len <= room) {
        return NGX_OK;
    }

    if (record.len == 0
        || onsite_visitor_decode(w->arena, record.data, record.len, &kind,
                                 w->other, &unused)
           != ONSITE_OK)
    {
        onsite_visitor_init(w->other);
    }

    size = onsite_visitor_encode(w->other, w->record, room);
    link->carried = onsite_arena_copy(w->arena, onsite_str(w->record, size));

    if (link->carried.data == NULL) {
        (void) onsite_error(&run->error, ONSITE_NO_MEMORY,
                            "visitor state: no memory to link an id");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* The alias, which was record (len 0: nothing), leads to owner from now on. */

static ngx_int_t
lead(run_t *run, link_t *link, onsite_str_t record)
{
    ngx_uint_t  here;

    here = ngx_http_onsite_shard(&link->owner) == run->shard;
    link->carried = record;

    if (ngx_http_onsite_flush(run) != NGX_OK
        || (!here && pack(run, link) != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (put_link(run, &link->alias, &link->owner,
                 here ? onsite_str(NULL, 0) : link->carried)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_onsite_count(links);
    link->written = run->ctx->now;
    link->plain = here;
    link->joined = 0;
    link->state = LINK_JOIN;

    return NGX_OK;
}


/* The owner became a link, maybe in this very batch: the alias goes where that
 * leads, also where it was wanted to lead to the owner. */

static ngx_int_t
follow_target(run_t *run, link_t *link)
{
    ngx_uint_t  wanted;

    wanted = ngx_http_onsite_same_key(&link->owner, &link->wanted);
    link->moved = 0;

    if (ngx_http_onsite_link_end(run, &link->owner) != NGX_OK) {
        return NGX_ERROR;
    }

    if (wanted) {
        link->wanted = link->owner;
    }

    return NGX_OK;
}


/* The alias, whose link is at hand and has nothing left to be taken up, leads
 * where the one leads that it is wanted to lead to: that may be the alias. */

static ngx_int_t
lead_elsewhere(run_t *run, link_t *link, const onsite_key_t *target)
{
    ngx_uint_t  carries;

    carries = (run->carried.len != 0);
    link->owner = link->wanted;

    if (ngx_http_onsite_link_end(run, &link->owner) != NGX_OK) {
        return NGX_ERROR;
    }

    link->wanted = link->owner;

    if (!ngx_http_onsite_same_key(&link->owner, target)
        && !ngx_http_onsite_same_key(&link->owner, &link->alias))
    {
        return lead(run, link, onsite_str(NULL, 0));
    }

    link->state = LINK_DONE;

    return carries ? put_link(run, &link->alias, target, onsite_str(NULL, 0))
                   : NGX_OK;
}


/*
 * The alias is a link already, the one at hand.  What it carries is taken up
 * first, where it leads; only who is proven to be somebody else leads it
 * elsewhere.
 */

static ngx_int_t
write_over_link(run_t *run, link_t *link, const onsite_key_t *target)
{
    onsite_ms_t   written;
    onsite_str_t  carried;

    carried = run->carried;
    written = run->linked;

    if (link->joined && written == link->written) {
        carried.len = 0;
    }

    if (!link->relinks) {
        link->wanted = *target;
    }

    if (carried.len != 0) {
        link->owner = *target;

        if (link->moved && ngx_http_onsite_same_key(target, &link->former)) {
            return follow_target(run, link) == NGX_OK
                   ? lead(run, link, carried) : NGX_ERROR;
        }

        link->carried = carried;
        link->written = written;
        link->plain = 0;
        link->state = LINK_JOIN;
        return NGX_OK;
    }

    if (!ngx_http_onsite_same_key(target, &link->wanted)) {
        return lead_elsewhere(run, link, target);
    }

    link->state = LINK_DONE;

    return run->carried.len != 0
           ? put_link(run, &link->alias, target, onsite_str(NULL, 0))
           : ngx_http_onsite_link_refresh(run, &link->alias, target);
}


/* Whether the visitor of key is none of before that moment. */

static ngx_uint_t
is_younger(onsite_str_t record, onsite_ms_t moment)
{
    onsite_key_t               unused;
    onsite_record_kind_t       kind;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    return record.len == 0
           || (onsite_visitor_decode(w->arena, record.data, record.len, &kind,
                                     w->other, &unused)
               == ONSITE_OK
               && kind == ONSITE_RECORD_VISITOR
               && (w->other->first_seen == 0
                   || w->other->first_seen >= moment));
}


/* The alias was erased: a cookie that was made since may bring it back. */

static ngx_uint_t
may_lift(run_t *run, const link_t *link)
{
    size_t                     size;
    onsite_key_t               key;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    if (!link->lifts) {
        return 0;
    }

    key = ngx_http_onsite_final(&link->wanted, run->ctx->now);

    if (onsite_store_get(w->store, &key, run->ctx->now, w->record,
                         ONSITE_RECORD_BYTES_MAX, &size)
        != ONSITE_OK)
    {
        size = 0;
    }

    return is_younger(onsite_str(w->record, size), run->linked);
}


/* Ids that lead to a customer who was renamed, or to an id that is taken up,
 * lead to where that does, so that no chain grows.  NGX_DECLINED: anybody may
 * ask for an id to be taken up, and this one has more of them than few. */

static ngx_int_t
take_along(run_t *run, const link_t *link)
{
    size_t         i, n;
    link_t        *along;
    onsite_key_t   aliases[NGX_HTTP_ONSITE_ALONG_MAX];

    n = onsite_txn_identity_list(run->txn, &link->alias, aliases,
                                 NGX_HTTP_ONSITE_ALONG_MAX);

    if (!link->customer && n > NGX_HTTP_ONSITE_ALONG_FEW) {
        return NGX_DECLINED;
    }

    for (i = 0; i < n; i++) {
        along = ngx_http_onsite_link_new(run, &aliases[i], &link->wanted);
        if (along == NULL) {
            return NGX_ERROR;
        }

        along->first = 1;
        along->along = 1;
        along->former = link->alias;
        along->relinks = 1;
        along->user = link->user;
    }

    return NGX_OK;
}


/* Not ours to replace, or not to be linked. */

static ngx_uint_t
stays(run_t *run, const link_t *link, onsite_str_t record,
    onsite_record_kind_t kind, const onsite_key_t *target)
{
    if (record.len == 0) {
        return link->existing || link->along;
    }

    if (link->along) {
        return kind != ONSITE_RECORD_LINK
               || !ngx_http_onsite_same_key(target, &link->former);
    }

    return kind == ONSITE_RECORD_TOMBSTONE && !may_lift(run, link);
}


/* The alias was a visitor, or nothing (len 0). */

static ngx_int_t
write_over_visitor(run_t *run, link_t *link, onsite_str_t record)
{
    ngx_int_t    rc;
    onsite_ms_t  wake;

    wake = record.len != 0 ? ngx_http_onsite_worker.other->wake : 0;
    link->owner = link->wanted;

    if (ngx_http_onsite_link_end(run, &link->owner) != NGX_OK) {
        return NGX_ERROR;
    }

    link->wanted = link->owner;

    if (ngx_http_onsite_same_key(&link->owner, &link->alias)) {
        return NGX_OK;
    }

    rc = link->existing ? take_along(run, link) : NGX_OK;

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    if (wake != 0
        && onsite_txn_timer_move(run->txn, &link->alias, wake, 0) != ONSITE_OK)
    {
        (void) onsite_error(&run->error, ONSITE_IO,
                            "state: cannot move a visitor's timer");
        return NGX_ERROR;
    }

    return lead(run, link, record);
}


static ngx_int_t
write_link(run_t *run, link_t *link)
{
    ngx_int_t             rc;
    onsite_key_t          target;
    onsite_str_t          record;
    onsite_record_kind_t  kind;

    kind = ONSITE_RECORD_VISITOR;
    link->state = LINK_DONE;
    rc = ngx_http_onsite_look_at(run, &link->alias, &record, &kind, &target);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED || stays(run, link, record, kind, &target)) {
        return NGX_OK;
    }

    if (record.len != 0 && kind == ONSITE_RECORD_LINK) {
        return write_over_link(run, link, &target);
    }

    if (kind == ONSITE_RECORD_TOMBSTONE) {
        record.len = 0;
    }

    return write_over_visitor(run, link, record);
}


/* FULL: what is lost is the proof that it joined, should a crash come between
 * here and the link that carries no more. */

static ngx_int_t
merge(run_t *run, link_t *link)
{
    onsite_key_t                 unused;
    onsite_status_t              status;
    onsite_record_kind_t         kind;
    ngx_http_onsite_worker_t    *w;
    ngx_http_onsite_loc_conf_t  *olcf;

    w = &ngx_http_onsite_worker;
    olcf = ngx_http_get_module_loc_conf(run->r, ngx_http_onsite_module);

    if (link->user.len != 0) {
        w->visitor->user_id = link->user;
        w->visitor->verified = true;
        w->visitor->identified = true;
    }

    if (onsite_visitor_decode(w->arena, link->carried.data, link->carried.len,
                              &kind, w->other, &unused)
        == ONSITE_OK
        && kind == ONSITE_RECORD_VISITOR)
    {
        w->other->wake = 0;
        ngx_http_onsite_align(run);
        onsite_visitor_merge(w->visitor, w->other,
                             (onsite_ms_t) olcf->session_timeout);
        ngx_http_onsite_settle_merged(run->txn, &run->key,
                              ngx_http_onsite_site(run->ctx->who.site),
                              w->visitor);
    }

    if (ngx_http_onsite_flush(run) != NGX_OK) {
        return NGX_ERROR;
    }

    status = onsite_txn_identity_add(run->txn, &link->owner, &link->alias,
                                     link->written);

    if (status != ONSITE_OK && status != ONSITE_FULL) {
        (void) onsite_error(&run->error, status, "state: cannot note an "
                            "identity: %s", onsite_status_text(status));
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* What is next once the owner has what the link carried. */

static void
joined(link_t *link)
{
    link->joined = 1;

    if (!ngx_http_onsite_same_key(&link->owner, &link->wanted)) {
        link->state = LINK_WRITE;

    } else {
        link->state = link->plain ? LINK_DONE : LINK_SETTLE;
    }
}


static ngx_int_t
join(run_t *run, link_t *link)
{
    onsite_ms_t           since;
    onsite_key_t          target;
    onsite_status_t       status;
    onsite_record_kind_t  kind;

    status = onsite_txn_identity_get(run->txn, &link->owner, &link->alias,
                                     &since);

    if (status == ONSITE_OK && since == link->written) {
        joined(link);
        return NGX_OK;
    }

    if (ngx_http_onsite_hold(run, &link->owner, &kind, &target) != NGX_OK) {
        return NGX_ERROR;
    }

    if (kind == ONSITE_RECORD_LINK) {
        link->former = link->owner;
        link->moved = 1;
        link->state = LINK_WRITE;
        return NGX_OK;
    }

    if (kind == ONSITE_RECORD_TOMBSTONE) {
        if (!link->lifts) {
            link->state = LINK_DONE;
            return NGX_OK;
        }

        ngx_http_onsite_hold_new(run, &link->owner);
    }

    if (merge(run, link) != NGX_OK) {
        return NGX_ERROR;
    }

    joined(link);

    return NGX_OK;
}


static ngx_int_t
settle(run_t *run, link_t *link)
{
    ngx_int_t             rc;
    onsite_key_t          target;
    onsite_str_t          record;
    onsite_record_kind_t  kind;

    link->state = LINK_DONE;
    rc = ngx_http_onsite_look_at(run, &link->alias, &record, &kind, &target);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK || record.len == 0 || kind != ONSITE_RECORD_LINK
        || run->carried.len == 0 || run->linked != link->written
        || !ngx_http_onsite_same_key(&target, &link->owner))
    {
        return NGX_OK;
    }

    return put_link(run, &link->alias, &target, onsite_str(NULL, 0));
}


ngx_int_t
ngx_http_onsite_link_step(run_t *run, link_t *link)
{
    ngx_int_t  rc;

    /* before, not between: what is begun here is one transaction's */

    if (ngx_http_onsite_turn(run, &link->alias) != NGX_OK) {
        return NGX_ERROR;
    }

    do {
        if (link->turns++ > 4 * NGX_HTTP_ONSITE_HOPS_MAX) {
            (void) onsite_error(&run->error, ONSITE_CORRUPT, "visitor state: "
                                "links lead in circles");
            return NGX_ERROR;
        }

        rc = link->state == LINK_WRITE ? write_link(run, link)
             : link->state == LINK_JOIN ? join(run, link)
             : settle(run, link);

    } while (rc == NGX_OK && link->state < LINK_SETTLE
             && ngx_http_onsite_link_shard(link) == run->shard);

    return rc;
}
