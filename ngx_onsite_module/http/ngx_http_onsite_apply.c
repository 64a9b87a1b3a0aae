/*
 * ngx_http_onsite_apply.c - events in, decision out: one transaction a shard,
 * opened and committed inside one call.
 */

#include "ngx_http_onsite_apply.h"


static uint64_t
monotonic(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
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
        if (!decision->choices[i].pending && !decision->choices[i].armed) {
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


/* What the core is told of the event; facts are the event's own. */

static void
fill(run_t *run, uint32_t index, onsite_visitor_t *visitor,
    onsite_facts_t *facts, onsite_apply_t *a)
{
    onsite_event_t              *event;
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(run->r, ngx_http_onsite_module);
    event = &run->apply->events[index];
    *facts = *run->apply->facts;

    if (run->apply->beacon) {
        onsite_facts_from_event(facts, event, run->ctx->trusted);
    }

    ngx_memzero(a, sizeof(onsite_apply_t));

    a->site = ngx_http_onsite_site(run->ctx->who.site);
    a->visitor = visitor;
    a->key = visitor != NULL ? &run->key : NULL;
    a->closed = run->closed;
    a->event = event;
    a->facts = facts;
    a->now = visitor_now(run, visitor, event);
    a->session_timeout = (onsite_ms_t) olcf->session_timeout;
    a->arena = ngx_http_onsite_worker.arena;
}


/* The event goes out as it came in; what is decided follows it. */

static void
leave(run_t *run, ngx_http_onsite_settle_t *settle,
    ngx_http_onsite_leaving_t *leaving)
{
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(run->r, ngx_http_onsite_module);

    if (!olcf->outbox_events) {
        return;
    }

    leaving->conf = olcf;
    leaving->site = run->ctx->who.site;
    leaving->brief = ngx_http_onsite_brief(run);
    leaving->closed = run->closed;
    settle->leaving = leaving;

    ngx_http_onsite_event_leaves(leaving, settle->txn, &settle->key,
                                 settle->apply->visitor,
                                 settle->apply->event);
}


/* visitor NULL: decided without state. */

void
ngx_http_onsite_apply_event(run_t *run, uint32_t index, onsite_str_t id,
    onsite_visitor_t *visitor)
{
    ngx_uint_t                  last, kept;
    onsite_facts_t              facts;
    onsite_apply_t              a;
    explanation_t               explanation;
    ngx_http_onsite_worker_t   *w;
    ngx_http_onsite_settle_t    settle;
    ngx_http_onsite_leaving_t   leaving;

    w = &ngx_http_onsite_worker;
    last = (index == run->apply->n - 1);

    fill(run, index, visitor, &facts, &a);
    a.decide.visitor_id = id;
    a.decide.deliver = run->apply->deliver && last;
    a.decide.preview = run->apply->preview;
    a.decide.preview_variant = run->apply->preview_variant;

    explanation.more = 0;

    if (run->ctx->explained && a.site != NULL && last) {
        ngx_http_onsite_explain(&explanation, &a.decide, &a.site->image);
    }

    kept = visitor != NULL && run->txn != NULL && !run->foreign;

    if (kept) {
        ngx_http_onsite_settle_begin(&settle, run->txn, &run->key, &a);
        leave(run, &settle, &leaving);
    }

    onsite_apply(w->engine, &a, w->decision);
    ngx_http_onsite_explain_end(&explanation);

    if (kept) {
        ngx_http_onsite_settle(&settle);
        ngx_http_onsite_count_n(timers_fired, a.woken);
        ngx_http_onsite_count_n(decisions, a.woken);
    }

    if (last) {
        ngx_http_onsite_tell_interests(run, visitor);
    }

    if (!run->apply->peek) {
        count_decision(a.event, w->decision);
    }
}


static ngx_int_t
without_state(run_t *run)
{
    uint32_t  i;

    for (i = 0; i < run->apply->n; i++) {
        ngx_http_onsite_apply_event(run, i, onsite_str(NULL, 0), NULL);
    }

    if (run->apply->n != 0) {
        ngx_http_onsite_tell_decision(run);
    }

    return NGX_DECLINED;
}


/* What would come of it: read, never written. */

static ngx_int_t
peek(run_t *run)
{
    uint32_t                   i;
    ngx_int_t                  rc;
    onsite_str_t               id;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    rc = ngx_http_onsite_peek(run);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? without_state(run) : rc;
    }

    for (i = 0; i < run->apply->n; i++) {
        id = w->visitor->verified ? w->visitor->user_id
                                  : run->ctx->who.cookie_id;
        ngx_http_onsite_apply_event(run, i, id, w->visitor);
    }

    ngx_http_onsite_tell_visitor(run, &run->key);

    if (run->apply->n != 0) {
        ngx_http_onsite_tell_decision(run);

    } else {
        ngx_http_onsite_tell_interests(run, w->visitor);
    }

    return NGX_OK;
}


static ngx_int_t
commit(run_t *run)
{
    ngx_int_t  rc;

    rc = ngx_http_onsite_resolve(run);

    if (rc == NGX_ERROR) {
        ngx_http_onsite_log(run->r->connection->log,
                            NGX_HTTP_ONSITE_LOG_MEMORY, NGX_LOG_ERR,
                            "no memory to apply events");
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_http_onsite_count(store_errors);
        ngx_http_onsite_log(run->r->connection->log, NGX_HTTP_ONSITE_LOG_STORE,
                            NGX_LOG_ERR, run->error.text);
        return NGX_BUSY;
    }

    ngx_http_onsite_count_n(events, run->applied);
    ngx_http_onsite_tell_decision(run);

    if (run->ctx->who.consent == NGX_HTTP_ONSITE_CONSENT_NONE) {
        return NGX_DECLINED;
    }

    if (!run->dropped) {
        ngx_http_onsite_tell_visitor(run, &run->key);
    }

    /* a visit that begins sends the cookie anew, so that it lives on */

    if (run->visit) {
        run->ctx->who.fresh = 1;
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
