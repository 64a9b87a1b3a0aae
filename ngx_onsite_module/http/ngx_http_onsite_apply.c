/*
 * ngx_http_onsite_apply.c - events in, decision out: one transaction a shard,
 * opened and committed inside one call.
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

#include "ngx_http_onsite.h"


#define NGX_HTTP_ONSITE_LINK_REFRESH  (6 * ONSITE_HOUR)
#define NGX_HTTP_ONSITE_EXPLAIN_MAX   8192


/* One event on its way to its visitor's record. */

typedef struct {
    onsite_key_t      key;          /* where it is looked for now           */
    uint32_t          shard;
    uint32_t          index;        /* of the event                         */
    onsite_str_t      joins;        /* a record that joins key's first      */
    unsigned          by_id:1;      /* key is an anonymousId's, which may be
                                       linked                               */
    unsigned          last:1;       /* its record is the last event's       */
    unsigned          done:1;
} item_t;


typedef struct {
    ngx_http_request_t       *r;
    ngx_http_onsite_ctx_t    *ctx;
    ngx_http_onsite_apply_t  *apply;
    item_t                   *items;
    ngx_uint_t                left;         /* items not done               */

    onsite_txn_t             *txn;
    uint32_t                  shard;
    onsite_key_t              key;          /* of the visitor at hand       */
    uint32_t                  visits;       /* of the cookie's, before      */
    onsite_ms_t               linked;       /* when the link at hand was
                                               written                      */
    ngx_uint_t                round;        /* of run_all                   */

    onsite_error_t            error;
    unsigned                  held:1;       /* worker.visitor is key's      */
    unsigned                  foreign:1;    /* its record is of a version
                                               that is not ours to replace  */
    unsigned                  first:1;      /* visits is set                */
    unsigned                  brought:1;    /* the cookie came with the
                                               request: ids are linked      */
    unsigned                  brief:1;      /* the link at hand is kept for
                                               the session only             */
} run_t;


typedef struct {
    const onsite_image_t     *image;
    ngx_uint_t                more;         /* campaigns left out           */
} explanation_t;


static uint64_t
monotonic(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}


static ngx_uint_t
equal(const onsite_key_t *a, const onsite_key_t *b)
{
    return ngx_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}


/*
 * Appends campaign, reason and detail for a debug key's owner.  It becomes a
 * header of a page: what is longer than others take is counted only.
 */

static void
explain(void *data, const onsite_campaign_t *campaign, onsite_reason_t reason,
    const char *detail)
{
    explanation_t         *explanation;
    onsite_str_t           name;
    onsite_buf_t          *buf;
    const onsite_image_t  *image;

    explanation = data;
    image = explanation->image;
    buf = &ngx_http_onsite_worker.explain;

    if (buf->len > NGX_HTTP_ONSITE_EXPLAIN_MAX) {
        explanation->more++;
        return;
    }

    onsite_buf_str(buf, buf->len == 0 ? ONSITE_STR("[{\"campaign\":")
                                      : ONSITE_STR(",{\"campaign\":"));
    onsite_write_json_string(buf, onsite_image_str(image, campaign->id));

    name = reason == ONSITE_REASON_NONE ? ONSITE_STR("shown")
                                        : onsite_reason_text(reason);
    onsite_buf_str(buf, ONSITE_STR(",\"reason\":"));
    onsite_write_json_string(buf, name);

    if (detail != NULL) {
        onsite_buf_str(buf, ONSITE_STR(",\"detail\":"));
        onsite_write_json_string(buf, onsite_str(detail, ngx_strlen(detail)));
    }

    onsite_buf_char(buf, '}');
}


static void
end_explanation(const explanation_t *explanation)
{
    if (explanation->more != 0) {
        onsite_buf_printf(&ngx_http_onsite_worker.explain, ",{\"more\":%lu}",
                          (unsigned long) explanation->more);
    }
}


static void
count_decision(const onsite_event_t *event, onsite_decision_t *decision)
{
    ngx_uint_t  i;

    if (!event->live) {
        return;
    }

    ngx_http_onsite_count(decisions);

    for (i = 0; i < decision->n; i++) {
        if (!decision->choices[i].pending) {
            ngx_http_onsite_count(shown);
        }
    }

    if (decision->considered == decision->n) {
        return;
    }

    for (i = 1; i < ONSITE_REASONS; i++) {
        if (decision->reasons[i] != 0) {
            ngx_http_onsite_count_n(reasons[i], decision->reasons[i]);
        }
    }
}


/*
 * Where the clock was set back, a visitor's time stands still until it has
 * caught up: sessions and caps stay what they are.
 */

static onsite_ms_t
visitor_now(run_t *run, onsite_visitor_t *visitor, onsite_event_t *event)
{
    onsite_ms_t  now, seen;

    now = run->ctx->now;
    seen = visitor == NULL ? 0 : visitor->last_seen;

    if (seen <= now || seen - now >= ONSITE_DAY) {
        return now;
    }

    if (event->time == event->received) {
        event->time = seen;
    }

    event->received = seen;

    return seen;
}


/* visitor NULL: decided without state. */

static void
apply_event(run_t *run, uint32_t index, onsite_str_t id,
    onsite_visitor_t *visitor)
{
    ngx_uint_t                   last;
    onsite_facts_t               facts;
    onsite_event_t              *event;
    onsite_apply_t               a;
    explanation_t                explanation;
    ngx_http_onsite_ctx_t       *ctx;
    ngx_http_onsite_worker_t    *w;
    ngx_http_onsite_loc_conf_t  *olcf;

    ctx = run->ctx;
    w = &ngx_http_onsite_worker;
    olcf = ngx_http_get_module_loc_conf(run->r, ngx_http_onsite_module);
    last = (index == run->apply->n - 1);
    event = &run->apply->events[index];
    facts = *run->apply->facts;

    if (run->apply->beacon) {
        onsite_facts_from_event(&facts, event, ctx->trusted);
    }

    ngx_memzero(&a, sizeof(onsite_apply_t));

    a.site = ngx_http_onsite_site(ctx->who.site);
    a.visitor = visitor;
    a.event = event;
    a.facts = &facts;
    a.now = visitor_now(run, visitor, event);
    a.session_timeout = (onsite_ms_t) olcf->session_timeout;
    a.arena = w->arena;
    a.decide.visitor_id = id;
    a.decide.deliver = run->apply->deliver && last;

    explanation.more = 0;

    if (ctx->explained && a.site != NULL && last) {
        explanation.image = &a.site->image;
        a.decide.explain = explain;
        a.decide.explain_data = &explanation;
    }

    onsite_apply(w->engine, &a, w->decision);
    end_explanation(&explanation);

    if (!run->apply->peek) {
        count_decision(event, w->decision);
    }
}


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

    if (run->held && equal(&run->key, key)) {
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

    if (*kind == ONSITE_RECORD_VISITOR) {
        run->key = *key;
        run->held = 1;

    } else {
        note_link(run, record);
    }

    return NGX_OK;
}


static ngx_uint_t
is_brief(run_t *run)
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

    size = onsite_link_encode(link, run->ctx->now, is_brief(run),
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

    if (run->linked > run->ctx->now - age && run->brief == is_brief(run)) {
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

    own = who->cookie_id.len != 0 && equal(&item->key, &who->cookie_key);

    if (own && !run->first) {
        run->first = 1;
        run->visits = visitor->visits;
    }

    if (item->joins.len != 0) {
        join(run, item);
    }

    visitor->session_only = is_brief(run);

    apply_event(run, item->index, own ? who->cookie_id : event->anonymous_id,
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
            run->items[i].last = equal(&run->items[i].key, last);
        }

        qsort(run->items, run->apply->n, sizeof(item_t), compare_items);
    }

    return NGX_OK;
}


/* "a,b": ids of what is shown, not of what waits, in the pool. */

static void
tell_choices(run_t *run, onsite_site_t *site)
{
    size_t              campaigns, variants;
    u_char             *c, *v;
    ngx_uint_t          i;
    ngx_str_t          *campaign, *variant;
    onsite_str_t        id;
    onsite_choice_t    *choice;
    onsite_decision_t  *decision;

    decision = ngx_http_onsite_worker.decision;
    campaign = &run->ctx->told.campaign;
    variant = &run->ctx->told.variant;
    campaigns = 0;
    variants = 0;

    for (i = 0; i < decision->n; i++) {
        campaigns += decision->choices[i].campaign->id.len + 1;
        variants += decision->choices[i].variant->id.len + 1;
    }

    c = ngx_pnalloc(run->r->main->pool, campaigns + variants);
    if (c == NULL) {
        return;
    }

    v = c + campaigns;
    campaign->data = c;
    variant->data = v;

    for (i = 0; i < decision->n; i++) {
        choice = &decision->choices[i];

        if (choice->pending) {
            continue;
        }

        id = onsite_image_str(&site->image, choice->campaign->id);
        c = ngx_cpymem(c, id.data, id.len);
        *c++ = ',';

        id = onsite_image_str(&site->image, choice->variant->id);
        v = ngx_cpymem(v, id.data, id.len);
        *v++ = ',';
    }

    if (c != campaign->data) {
        campaign->len = c - campaign->data - 1;
        variant->len = v - variant->data - 1;
    }
}


static void
tell_decision(run_t *run)
{
    onsite_site_t             *site;
    onsite_decision_t         *decision;
    ngx_http_onsite_told_t    *told;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    told = &run->ctx->told;
    decision = w->decision;

    told->decided = 1;
    told->reason = decision->reason;
    told->campaign.len = 0;
    told->variant.len = 0;

    if (w->snapshot != NULL) {
        told->version = onsite_snapshot_info(w->snapshot)->version;
    }

    site = ngx_http_onsite_site(run->ctx->who.site);

    if (decision->n != 0 && site != NULL) {
        tell_choices(run, site);
    }
}


static void
tell_visitor(run_t *run, const onsite_key_t *key)
{
    onsite_visitor_t        *visitor;
    ngx_http_onsite_told_t  *told;

    told = &run->ctx->told;
    visitor = ngx_http_onsite_worker.visitor;

    told->visitor = 1;
    told->key = *key;
    told->session = visitor->session.start;
    told->visits = visitor->visits;
    told->status = onsite_visitor_status(visitor);
}


static ngx_int_t
without_state(run_t *run)
{
    uint32_t  i;

    for (i = 0; i < run->apply->n; i++) {
        apply_event(run, i, onsite_str(NULL, 0), NULL);
    }

    if (run->apply->n != 0) {
        tell_decision(run);
    }

    return NGX_DECLINED;
}


/* What would come of it: read, never written. */

static ngx_int_t
peek(run_t *run)
{
    size_t                     size;
    uint32_t                   i;
    onsite_key_t               link;
    onsite_status_t            status;
    onsite_record_kind_t       kind;
    ngx_http_onsite_who_t     *who;
    ngx_http_onsite_worker_t  *w;

    who = &run->ctx->who;
    w = &ngx_http_onsite_worker;

    if (who->cookie_id.len == 0
        && ngx_http_onsite_new_cookie(run->r, run->ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    onsite_visitor_init(w->visitor);

    if (!who->fresh) {
        status = onsite_store_get(w->store, &who->cookie_key, run->ctx->now,
                                  w->record, ONSITE_RECORD_BYTES_MAX, &size);

        if (status == ONSITE_OK
            && (onsite_visitor_decode(w->arena, w->record, size, &kind,
                                      w->visitor, &link) != ONSITE_OK
                || kind != ONSITE_RECORD_VISITOR))
        {
            onsite_visitor_init(w->visitor);
        }
    }

    for (i = 0; i < run->apply->n; i++) {
        apply_event(run, i, who->cookie_id, w->visitor);
    }

    tell_visitor(run, &who->cookie_key);

    if (run->apply->n != 0) {
        tell_decision(run);
    }

    return NGX_OK;
}


static ngx_int_t
commit(run_t *run)
{
    ngx_http_onsite_who_t  *who;

    who = &run->ctx->who;

    if (make_items(run) != NGX_OK) {
        ngx_http_onsite_log(run->r->connection->log,
                            NGX_HTTP_ONSITE_LOG_MEMORY, NGX_LOG_ERR,
                            "no memory to apply events");
        return NGX_ERROR;
    }

    if (run_all(run) != NGX_OK) {
        ngx_http_onsite_count(store_errors);
        ngx_http_onsite_log(run->r->connection->log, NGX_HTTP_ONSITE_LOG_STORE,
                            NGX_LOG_ERR, run->error.text);
        return NGX_BUSY;
    }

    ngx_http_onsite_count_n(events, run->apply->n);
    tell_visitor(run, &run->key);
    tell_decision(run);

    /* a visit that begins sends the cookie anew, so that it lives on */

    if (who->cookie_id.len != 0 && equal(&run->key, &who->cookie_key)
        && ngx_http_onsite_worker.visitor->visits != run->visits)
    {
        who->fresh = 1;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_apply(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    ngx_http_onsite_apply_t *apply)
{
    run_t                      run;
    uint64_t                   start;
    ngx_int_t                  rc;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    ngx_memzero(&run, offsetof(run_t, error));
    run.error.text[0] = '\0';
    run.held = 0;
    run.foreign = 0;
    run.first = 0;
    run.brief = 0;
    run.r = r;
    run.ctx = ctx;
    run.apply = apply;

    onsite_buf_clear(&w->explain);
    w->decision->n = 0;
    w->decision->reason = ONSITE_REASON_NONE;

    start = monotonic();

    if (ctx->who.consent == NGX_HTTP_ONSITE_CONSENT_NONE || w->store == NULL
        || w->signer == NULL)
    {
        rc = without_state(&run);

    } else if (apply->peek) {
        rc = peek(&run);

    } else {
        rc = commit(&run);
    }

    ctx->told.nanoseconds = monotonic() - start;

    if (!apply->peek) {
        ngx_http_onsite_observe(ctx->told.nanoseconds);
    }

    return rc;
}
