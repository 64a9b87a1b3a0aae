/*
 * ngx_http_onsite_resolve.c - whose record an event is about: ids, links, what
 * joins; one transaction a shard.
 *
 * Who an event is about: an anonymousId where it gives one, else the cookie.
 * A request that brings both links them: the record under the anonymousId's
 * key becomes a link to the cookie's, and what it held joins the cookie's
 * record.  A link never comes to name another: another cookie that comes with
 * this id stays who it is, a request without a cookie follows the link.  It is
 * written anew when it is old, so that it does not expire in use.  A cookie
 * that is made for an event of a batch links no other event's id.
 *
 * When the two keys lie in different shards the link is committed first.  So
 * two workers that link the same pair at the same moment cannot join it
 * twice; what a crash between the two commits would lose is the history of an
 * id that had no cookie until then.
 */

#include "ngx_http_onsite_apply.h"


#define NGX_HTTP_ONSITE_LINK_REFRESH  (6 * ONSITE_HOUR)


static void
record_failed(run_t *run, onsite_status_t status, const char *doing)
{
    ngx_http_onsite_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(run->r, ngx_http_onsite_module);

    (void) onsite_error(&run->error, status, "state: cannot %s a record in "
                        "shard %u in %s: %s", doing, (unsigned) run->shard,
                        (const char *) mcf->state.data,
                        onsite_status_text(status));
}


static ngx_int_t
flush(run_t *run)
{
    size_t                     size;
    onsite_status_t            status;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    if (!run->held) {
        return NGX_OK;
    }

    run->held = 0;

    if (run->foreign) {
        return NGX_OK;
    }

    size = onsite_visitor_encode(w->visitor, w->record,
                                 ONSITE_RECORD_BYTES_MAX);
    status = onsite_txn_put(run->txn, &run->key, onsite_str(w->record, size),
                            run->ctx->now);

    if (status != ONSITE_OK) {
        record_failed(run, status, "write");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* When the link was written, and for how long. */

static void
note_link(run_t *run, onsite_str_t record)
{
    bool  brief;

    run->linked = onsite_record_last_seen(record.data, record.len, &brief);
    run->brief = brief;
}


static void
begin_afresh(run_t *run, onsite_status_t why)
{
    ngx_http_onsite_count(corrupt);
    ngx_http_onsite_log(run->r->connection->log, NGX_HTTP_ONSITE_LOG_RECORD,
                        NGX_LOG_ERR, "visitor state: a record does not "
                        "decode: its visitor begins afresh");

    run->foreign = (why == ONSITE_VERSION);
    onsite_visitor_init(ngx_http_onsite_worker.visitor);
}


/*
 * The visitor of key into worker.visitor.  A link has *kind LINK and its
 * target in *link; then nothing is held.
 */

static ngx_int_t
hold(run_t *run, const onsite_key_t *key, onsite_record_kind_t *kind,
    onsite_key_t *link)
{
    onsite_str_t               record;
    onsite_status_t            status;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    *kind = ONSITE_RECORD_VISITOR;

    if (run->held && ngx_http_onsite_same_key(&run->key, key)) {
        return NGX_OK;
    }

    if (flush(run) != NGX_OK
        || onsite_txn_renew(run->txn, &run->error) != ONSITE_OK)
    {
        return NGX_ERROR;
    }

    run->foreign = 0;
    status = onsite_txn_get(run->txn, key, run->ctx->now, &record);

    if (status == ONSITE_OK) {
        status = onsite_visitor_decode(w->arena, record.data, record.len,
                                       kind, w->visitor, link);

    } else if (status == ONSITE_NOT_FOUND) {
        onsite_visitor_init(w->visitor);
        status = ONSITE_OK;

    } else {
        record_failed(run, status, "read");
        return NGX_ERROR;
    }

    if (status == ONSITE_NO_MEMORY) {
        (void) onsite_error(&run->error, status, "visitor state: no memory to "
                            "read a record");
        return NGX_ERROR;
    }

    if (status != ONSITE_OK) {
        begin_afresh(run, status);
        *kind = ONSITE_RECORD_VISITOR;
    }

    if (*kind == ONSITE_RECORD_LINK) {
        note_link(run, record);

    } else {
        *kind = ONSITE_RECORD_VISITOR;
        run->key = *key;
        run->held = 1;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_onsite_brief(run_t *run)
{
    return run->ctx->who.consent == NGX_HTTP_ONSITE_CONSENT_SESSION;
}


static ngx_int_t
put_link(run_t *run, item_t *item, const onsite_key_t *link)
{
    size_t           size;
    onsite_status_t  status;

    /* the record at hand lies in the map: nothing may be held over a put */

    if (flush(run) != NGX_OK) {
        return NGX_ERROR;
    }

    size = onsite_link_encode(link, run->ctx->now, ngx_http_onsite_brief(run),
                              ngx_http_onsite_worker.record,
                              ONSITE_RECORD_BYTES_MAX);
    status = onsite_txn_put(run->txn, &item->key,
                            onsite_str(ngx_http_onsite_worker.record, size),
                            run->ctx->now);
    if (status != ONSITE_OK) {
        record_failed(run, status, "link");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* So that a link lives as long as its id is used. */

static ngx_int_t
refresh_link(run_t *run, item_t *item, const onsite_key_t *link)
{
    onsite_ms_t                   age;
    ngx_http_onsite_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(run->r, ngx_http_onsite_module);
    age = NGX_HTTP_ONSITE_LINK_REFRESH;

    if (mcf->ttl != 0) {
        age = ngx_min(age, (onsite_ms_t) mcf->ttl * ONSITE_SECOND / 8);
    }

    if (run->linked > run->ctx->now - age
        && run->brief == ngx_http_onsite_brief(run))
    {
        return NGX_OK;
    }

    return put_link(run, item, link);
}


/* The item has an anonymousId and the request brought a cookie. */

static ngx_int_t
link_item(run_t *run, item_t *item)
{
    ngx_int_t                  rc;
    onsite_key_t               link;
    onsite_str_t               record;
    onsite_status_t            status;
    onsite_record_kind_t       kind;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    kind = ONSITE_RECORD_VISITOR;
    status = onsite_txn_get(run->txn, &item->key, run->ctx->now, &record);

    if (status != ONSITE_OK && status != ONSITE_NOT_FOUND) {
        record_failed(run, status, "read");
        return NGX_ERROR;
    }

    if (status == ONSITE_OK) {
        record = onsite_arena_copy(w->arena, record);
        if (record.data == NULL) {
            (void) onsite_error(&run->error, ONSITE_NO_MEMORY,
                                "visitor state: no memory to link an id");
            return NGX_ERROR;
        }

        status = onsite_visitor_decode(w->arena, record.data, record.len,
                                       &kind, w->other, &link);

        if (status == ONSITE_OK && kind == ONSITE_RECORD_VISITOR) {
            item->joins = record;
        }
    }

    if (status == ONSITE_OK && kind == ONSITE_RECORD_LINK) {
        note_link(run, record);
        rc = refresh_link(run, item, &link);

    } else if (status == ONSITE_VERSION) {
        /* a later version's: not ours to replace */
        rc = NGX_OK;

    } else {
        rc = put_link(run, item, &run->ctx->who.cookie_key);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    item->by_id = 0;
    item->key = run->ctx->who.cookie_key;

    return NGX_OK;
}


static void
join(run_t *run, item_t *item)
{
    onsite_key_t                 link;
    onsite_record_kind_t         kind;
    ngx_http_onsite_worker_t    *w;
    ngx_http_onsite_loc_conf_t  *olcf;

    w = &ngx_http_onsite_worker;
    olcf = ngx_http_get_module_loc_conf(run->r, ngx_http_onsite_module);

    if (onsite_visitor_decode(w->arena, item->joins.data, item->joins.len,
                              &kind, w->other, &link)
        == ONSITE_OK)
    {
        onsite_visitor_merge(w->visitor, w->other,
                             (onsite_ms_t) olcf->session_timeout);
    }
}


static void
finish_item(run_t *run, item_t *item)
{
    ngx_uint_t              own;
    onsite_event_t         *event;
    onsite_visitor_t       *visitor;
    ngx_http_onsite_who_t  *who;

    who = &run->ctx->who;
    visitor = ngx_http_onsite_worker.visitor;
    event = &run->apply->events[item->index];

    own = who->cookie_id.len != 0
          && ngx_http_onsite_same_key(&item->key, &who->cookie_key);

    if (own && !run->first) {
        run->first = 1;
        run->visits = visitor->visits;
    }

    if (item->joins.len != 0) {
        join(run, item);
    }

    visitor->session_only = ngx_http_onsite_brief(run);

    ngx_http_onsite_apply_event(run, item->index,
                                own ? who->cookie_id : event->anonymous_id,
                                visitor);

    item->done = 1;
    run->left--;
}


/* Until the event is applied, or its visitor turns out to be elsewhere. */

static ngx_int_t
step(run_t *run, item_t *item)
{
    onsite_key_t          link;
    onsite_record_kind_t  kind;

    if (item->by_id && run->brought) {
        if (link_item(run, item) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (item->by_id) {
        if (hold(run, &item->key, &kind, &link) != NGX_OK) {
            return NGX_ERROR;
        }

        if (kind == ONSITE_RECORD_LINK) {
            if (refresh_link(run, item, &link) != NGX_OK) {
                return NGX_ERROR;
            }

            item->key = link;
        }

        item->by_id = 0;
    }

    item->shard = onsite_key_shard(&item->key,
                             onsite_store_shards(ngx_http_onsite_worker.store));

    if (item->shard != run->shard) {
        return NGX_OK;
    }

    if (hold(run, &item->key, &kind, &link) != NGX_OK) {
        return NGX_ERROR;
    }

    if (kind == ONSITE_RECORD_LINK) {
        /* a link to a link is never written */
        ngx_http_onsite_count(corrupt);
        onsite_visitor_init(ngx_http_onsite_worker.visitor);
        run->key = item->key;
        run->held = 1;
    }

    finish_item(run, item);

    return NGX_OK;
}


/*
 * With a cookie all events are one visitor's: first all ids elsewhere are
 * linked, then the events apply in their order.  Without, the last event comes
 * last, because the decision that is told is the last event's.
 */

static ngx_uint_t
waits(run_t *run, item_t *item)
{
    if (run->brought) {
        return run->round == 0
               && item->shard == onsite_key_shard(&run->ctx->who.cookie_key,
                             onsite_store_shards(ngx_http_onsite_worker.store));
    }

    return item->index == run->apply->n - 1 && run->left > 1;
}


static ngx_int_t
run_shard(run_t *run, uint32_t shard)
{
    item_t          *item;
    ngx_int_t        rc;
    ngx_uint_t       i;
    onsite_status_t  status;

    run->shard = shard;
    run->held = 0;
    rc = NGX_OK;

    status = onsite_txn_begin(ngx_http_onsite_worker.store, shard, &run->txn,
                              &run->error);
    if (status != ONSITE_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < run->apply->n && rc == NGX_OK; i++) {
        item = &run->items[i];

        if (!item->done && item->shard == shard && !waits(run, item)) {
            rc = step(run, item);
        }
    }

    if (rc == NGX_OK) {
        rc = flush(run);
    }

    if (rc != NGX_OK) {
        onsite_txn_abort(run->txn);
        return NGX_ERROR;
    }

    return onsite_txn_commit(run->txn, &run->error) == ONSITE_OK ? NGX_OK
                                                                 : NGX_ERROR;
}


static ngx_int_t
run_all(run_t *run)
{
    item_t      *item;
    ngx_uint_t   i;

    /* an event moves to another shard once at most, when a link is met */

    for (run->round = 0; run->left != 0 && run->round < 3; run->round++) {

        for (i = 0; i < run->apply->n; i++) {
            item = &run->items[i];

            if (item->done || waits(run, item)) {
                continue;
            }

            if (run_shard(run, item->shard) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return run->left == 0 ? NGX_OK : NGX_ERROR;
}


/* By record, the last event's last, then in the order of the events. */

static int
compare_items(const void *a, const void *b)
{
    int            rc;
    const item_t  *x, *y;

    x = a;
    y = b;

    if (x->last != y->last) {
        return (int) x->last - (int) y->last;
    }

    rc = ngx_memcmp(x->key.bytes, y->key.bytes, sizeof(x->key.bytes));

    return rc != 0 ? rc : (x->index > y->index) - (x->index < y->index);
}


static ngx_int_t
name_item(run_t *run, item_t *item, onsite_event_t *event)
{
    onsite_signer_t        *signer;
    ngx_http_onsite_who_t  *who;

    who = &run->ctx->who;
    signer = ngx_http_onsite_worker.signer;

    if (event->anonymous_id.len != 0) {
        item->key = onsite_visitor_key(signer, who->site, 'a',
                                       event->anonymous_id);
        item->by_id = 1;

    } else {
        if (who->cookie_id.len == 0
            && ngx_http_onsite_new_cookie(run->r, run->ctx) != NGX_OK)
        {
            return NGX_ERROR;
        }

        item->key = who->cookie_key;
    }

    item->shard = onsite_key_shard(&item->key,
                             onsite_store_shards(ngx_http_onsite_worker.store));

    return NGX_OK;
}


static ngx_int_t
make_items(run_t *run)
{
    ngx_uint_t           i;
    onsite_event_t      *event;
    const onsite_key_t  *last;

    run->brought = run->ctx->who.cookie_id.len != 0 && !run->ctx->who.fresh;

    run->items = onsite_arena_zalloc(ngx_http_onsite_worker.arena,
                                     run->apply->n * sizeof(item_t));
    if (run->items == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < run->apply->n; i++) {
        event = &run->apply->events[i];
        run->items[i].index = (uint32_t) i;

        if (i > 0 && event->anonymous_id.len != 0
            && onsite_str_eq(event->anonymous_id, event[-1].anonymous_id))
        {
            run->items[i] = run->items[i - 1];
            run->items[i].index = (uint32_t) i;
            continue;
        }

        if (name_item(run, &run->items[i], event) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    run->left = run->apply->n;

    if (run->apply->n > 1 && !run->brought) {
        last = &run->items[run->apply->n - 1].key;

        for (i = 0; i < run->apply->n; i++) {
            run->items[i].last = ngx_http_onsite_same_key(&run->items[i].key,
                                                          last);
        }

        qsort(run->items, run->apply->n, sizeof(item_t), compare_items);
    }

    return NGX_OK;
}



ngx_int_t
ngx_http_onsite_resolve(run_t *run)
{
    if (make_items(run) != NGX_OK) {
        return NGX_ERROR;
    }

    return run_all(run) == NGX_OK ? NGX_OK : NGX_BUSY;
}
