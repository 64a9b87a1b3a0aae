/*
 * ngx_http_onsite_page.c - page views and server-side events of ordinary
 * requests.
 */

#include "ngx_http_onsite_view.h"


ngx_uint_t
ngx_http_onsite_wanted(ngx_http_request_t *r)
{
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    return ngx_http_onsite_worker.engine != NULL
           && (olcf->enable != NGX_HTTP_ONSITE_OFF || olcf->events != NULL);
}


/* Whether this request may be for a document: GET, and Sec-Fetch-Dest is
 * document; or not there, and no script says that it asks. */

static ngx_uint_t
may_be_document(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    ngx_str_t  *dest;

    dest = &ctx->headers.fetch_dest;

    return r->main->method == NGX_HTTP_GET
           && ((dest->len == 0 && !ctx->headers.scripted)
               || (dest->len == 8
                   && ngx_strncasecmp(dest->data, (u_char *) "document", 8)
                      == 0));
}


static void
skip_page(ngx_http_onsite_ctx_t *ctx, ngx_http_onsite_skip_e skip)
{
    ctx->skip = skip;
    ctx->told.campaign.len = 0;
    ctx->told.variant.len = 0;
    ngx_http_onsite_count(skips[skip]);
}


/* What the request's side says against a view. */

static ngx_http_onsite_skip_e
gate_view(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    if (r->method != NGX_HTTP_GET) {
        return NGX_HTTP_ONSITE_SKIP_METHOD;
    }

    if (!may_be_document(r, ctx)) {
        return NGX_HTTP_ONSITE_SKIP_FRAGMENT;
    }

    return ngx_http_onsite_noise(ctx);
}


/* Nothing can go into the page, but it is one that a visitor sees. */

static ngx_uint_t
is_view(ngx_http_onsite_skip_e skip)
{
    return skip == NGX_HTTP_ONSITE_SKIP_NONE
           || skip == NGX_HTTP_ONSITE_SKIP_ENCODED
           || skip == NGX_HTTP_ONSITE_SKIP_EMPTY
           || skip == NGX_HTTP_ONSITE_SKIP_NOT_MODIFIED
           || skip == NGX_HTTP_ONSITE_SKIP_XML
           || skip == NGX_HTTP_ONSITE_SKIP_CSP;
}


/* Without a script nothing shows; a dry run shows nothing anyway. */

static ngx_http_onsite_skip_e
gate_script(ngx_http_request_t *r)
{
    ngx_http_onsite_srv_conf_t  *scf;
    ngx_http_onsite_loc_conf_t  *olcf;

    scf = ngx_http_get_module_srv_conf(r, ngx_http_onsite_module);
    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    return scf->prefix.data == NULL && olcf->enable == NGX_HTTP_ONSITE_ON
           ? NGX_HTTP_ONSITE_SKIP_COLLECT : NGX_HTTP_ONSITE_SKIP_NONE;
}


/* The decision explained, for the owner of the debug key. */

static void
add_explanation(ngx_http_request_t *r)
{
    ngx_str_t      value;
    onsite_buf_t  *buf;

    buf = &ngx_http_onsite_worker.explain;
    onsite_buf_char(buf, buf->len == 0 ? '[' : ']');

    if (buf->len == 1) {
        onsite_buf_char(buf, ']');
    }

    value.data = buf->failed ? NULL : ngx_pnalloc(r->pool, buf->len);
    if (value.data == NULL) {
        return;
    }

    ngx_memcpy(value.data, buf->data, buf->len);
    value.len = buf->len;

    (void) ngx_http_onsite_add_header(r, "X-Onsite-Explain",
                                      sizeof("X-Onsite-Explain") - 1, &value);
}


static void
show(view_t *view)
{
    onsite_decision_t           *decision;
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(view->r, ngx_http_onsite_module);
    decision = ngx_http_onsite_worker.decision;

    if (decision->n != 0 && olcf->enable == NGX_HTTP_ONSITE_ON
        && ngx_http_onsite_prepare(view->r, view->ctx, decision->choices,
                                   decision->n, NGX_HTTP_ONSITE_SCRIPT_SHOW)
           == NGX_ERROR)
    {
        skip_page(view->ctx, NGX_HTTP_ONSITE_SKIP_MEMORY);
    }
}


/*
 * A browser that had a validator of the page would ask next time whether there
 * is anything new, and be told without us that there is not.
 */

static void
add_marker(ngx_http_request_t *r)
{
    ngx_str_t  value = ngx_string("1");

    if (r->headers_out.status == NGX_HTTP_OK) {
        ngx_http_clear_last_modified(r);
        ngx_http_clear_etag(r);
    }

    (void) ngx_http_onsite_add_header(r, NGX_HTTP_ONSITE_MARKER,
                                      sizeof(NGX_HTTP_ONSITE_MARKER) - 1,
                                      &value);
}


static void
apply_view(view_t *view, ngx_uint_t page, ngx_uint_t deliver)
{
    ngx_int_t                rc;
    ngx_http_onsite_apply_t  apply;

    ngx_memzero(&apply, sizeof(ngx_http_onsite_apply_t));
    apply.events = view->events;
    apply.n = view->n;
    apply.facts = &view->facts;
    apply.deliver = deliver;

    rc = ngx_http_onsite_apply(view->r, view->ctx, &apply);

    if (rc != NGX_OK && rc != NGX_DECLINED) {
        skip_page(view->ctx, rc == NGX_BUSY ? NGX_HTTP_ONSITE_SKIP_STATE
                                            : NGX_HTTP_ONSITE_SKIP_MEMORY);
        return;
    }

    if (rc == NGX_OK
        && ngx_http_onsite_set_cookie(view->r, view->ctx) == NGX_OK
        && view->ctx->cookie_set)
    {
        view->ctx->page.personal = 1;
    }

    if (page) {
        ngx_http_onsite_count(pageviews);
        add_marker(view->r);

        if (view->ctx->explained) {
            add_explanation(view->r);
        }
    }

    if (deliver) {
        show(view);
    }
}


/* What of this request is an event, and whether its page can show something. */

static void
run_view(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    ngx_uint_t server_events, ngx_uint_t page, ngx_uint_t deliver)
{
    view_t  view;

    view.r = r;
    view.ctx = ctx;
    onsite_arena_reset(ngx_http_onsite_worker.arena);

    ctx->busy = 1;

    if (ngx_http_onsite_who(r, ctx) != NGX_OK
        || ngx_http_onsite_gather(&view, server_events, page) != NGX_OK)
    {
        skip_page(ctx, NGX_HTTP_ONSITE_SKIP_MEMORY);

    } else if (view.n != 0) {
        ngx_http_onsite_withdraw(r, ctx);
        apply_view(&view, page, deliver);
    }

    ctx->busy = 0;
}


/* One campaign, rendered for a copy of the visitor. */

static const char *
apply_preview(view_t *view)
{
    ngx_int_t                 rc;
    const char               *refused;
    ngx_http_onsite_apply_t   apply;

    ngx_memzero(&apply, sizeof(ngx_http_onsite_apply_t));
    apply.events = view->events;
    apply.n = view->n;
    apply.facts = &view->facts;
    apply.deliver = 1;
    apply.peek = 1;

    refused = ngx_http_onsite_preview_find(view->ctx, &apply.preview,
                                           &apply.preview_variant);
    if (refused != NULL) {
        return refused;
    }

    rc = ngx_http_onsite_apply(view->r, view->ctx, &apply);

    view->ctx->told.campaign.len = 0;
    view->ctx->told.variant.len = 0;

    if (rc != NGX_OK && rc != NGX_DECLINED) {
        return "not possible now";
    }

    return ngx_http_onsite_prepare(view->r, view->ctx,
                                   ngx_http_onsite_worker.decision->choices,
                                   ngx_http_onsite_worker.decision->n,
                                   NGX_HTTP_ONSITE_SCRIPT_PREVIEW)
           == NGX_OK ? NULL : "no content";
}


/* Nothing is counted, written or set: also when it cannot be shown here. */

static void
show_preview(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    ngx_http_onsite_skip_e skip)
{
    view_t                       view;
    const char                  *refused;
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);
    refused = NULL;

    if (skip == NGX_HTTP_ONSITE_SKIP_NONE) {
        skip = gate_script(r);
    }

    if (skip != NGX_HTTP_ONSITE_SKIP_NONE) {
        refused = (const char *) ngx_http_onsite_skip_names[skip].data;

    } else if (olcf->enable != NGX_HTTP_ONSITE_ON) {
        refused = "dry run";
    }

    view.r = r;
    view.ctx = ctx;
    onsite_arena_reset(ngx_http_onsite_worker.arena);
    ctx->busy = 1;

    if (refused == NULL) {
        refused = ngx_http_onsite_gather(&view, 0, 1) == NGX_OK
                  ? apply_preview(&view) : "not possible now";
    }

    ctx->busy = 0;

    add_marker(r);
    ngx_http_onsite_preview_seal(r, ctx);
    ngx_http_onsite_preview_tell(r, refused != NULL ? refused : "shown");
}


/* Of a view or server event that noise is, nothing is left; it is counted. */

static ngx_http_onsite_skip_e
drop_noise(ngx_http_onsite_ctx_t *ctx, ngx_http_onsite_skip_e gate,
    ngx_uint_t *server_events)
{
    ngx_http_onsite_skip_e  noise;

    if (!*server_events && gate != NGX_HTTP_ONSITE_SKIP_PREFETCH
        && gate != NGX_HTTP_ONSITE_SKIP_BOT)
    {
        return NGX_HTTP_ONSITE_SKIP_NONE;
    }

    noise = ngx_http_onsite_noise(ctx);
    ngx_http_onsite_count_noise(noise);

    if (noise != NGX_HTTP_ONSITE_SKIP_NONE) {
        *server_events = 0;
    }

    return noise;
}


/* A page that could show something is fetched ahead of its view. */

static void
show_later(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    if (olcf->enable == NGX_HTTP_ONSITE_ON
        && gate_script(r) == NGX_HTTP_ONSITE_SKIP_NONE)
    {
        ngx_http_onsite_show_later(r, ctx);
    }
}


static ngx_http_onsite_skip_e
first_reason(ngx_http_request_t *r, ngx_http_onsite_skip_e gate,
    ngx_http_onsite_skip_e skip)
{
    return gate != NGX_HTTP_ONSITE_SKIP_NONE ? gate
           : skip != NGX_HTTP_ONSITE_SKIP_NONE ? skip : gate_script(r);
}


ngx_int_t
ngx_http_onsite_page_view(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    ngx_http_onsite_skip_e skip)
{
    ngx_uint_t                   on, page, server_events;
    ngx_http_onsite_skip_e       gate, noise;
    ngx_http_onsite_loc_conf_t  *olcf;

    if (ctx->counted) {
        return NGX_DECLINED;
    }

    ctx->counted = 1;
    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    if (ngx_http_test_predicates(r, olcf->bypass) != NGX_OK) {
        skip_page(ctx, NGX_HTTP_ONSITE_SKIP_BYPASS);
        return NGX_DECLINED;
    }

    on = (olcf->enable != NGX_HTTP_ONSITE_OFF);
    gate = on && is_view(skip) ? gate_view(r, ctx) : skip;
    page = on && is_view(skip) && gate == NGX_HTTP_ONSITE_SKIP_NONE;

    if ((page || gate == NGX_HTTP_ONSITE_SKIP_PREFETCH)
        && ngx_http_onsite_preview(r, ctx))
    {
        show_preview(r, ctx, skip);
        return ctx->page.any ? NGX_OK : NGX_DECLINED;
    }

    if (ctx->preview.refused != NULL) {
        ngx_http_onsite_preview_tell(r, ctx->preview.refused);
    }

    server_events = olcf->events != NULL && r->headers_out.status < 400;
    noise = drop_noise(ctx, gate, &server_events);

    if (skip == NGX_HTTP_ONSITE_SKIP_NONE
        && noise == NGX_HTTP_ONSITE_SKIP_PREFETCH && gate == noise)
    {
        show_later(r, ctx);
    }

    skip = first_reason(r, gate, skip);

    if (on && skip != NGX_HTTP_ONSITE_SKIP_NONE) {
        skip_page(ctx, skip);
    }

    if (page || server_events) {
        run_view(r, ctx, server_events, page,
                 page && skip == NGX_HTTP_ONSITE_SKIP_NONE);
    }

    return ctx->page.any ? NGX_OK : NGX_DECLINED;
}


/*
 * A variable is read before the header: what the visitor is, and for a request
 * that may be for a page of ours, what would be decided.
 */

void
ngx_http_onsite_look(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    view_t                       view;
    ngx_uint_t                   page;
    ngx_http_onsite_apply_t      apply;
    ngx_http_onsite_loc_conf_t  *olcf;

    if (ctx->busy || ctx->looked || ctx->told.decided
        || ngx_http_onsite_worker.engine == NULL)
    {
        return;
    }

    r = r->main;
    ctx->looked = 1;
    ctx->busy = 1;
    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    page = !ctx->counted && olcf->enable != NGX_HTTP_ONSITE_OFF
           && ngx_http_test_predicates(r, olcf->bypass) == NGX_OK
           && gate_view(r, ctx) == NGX_HTTP_ONSITE_SKIP_NONE
           && !ngx_http_onsite_preview(r, ctx);

    onsite_arena_reset(ngx_http_onsite_worker.arena);

    view.r = r;
    view.ctx = ctx;

    if (ngx_http_onsite_who(r, ctx) == NGX_OK
        && (page || ctx->who.cookie_id.len != 0)
        && ngx_http_onsite_gather(&view, 0, page) == NGX_OK)
    {
        ngx_memzero(&apply, sizeof(ngx_http_onsite_apply_t));
        apply.events = view.events;
        apply.n = view.n;
        apply.facts = &view.facts;
        apply.deliver = page;
        apply.peek = 1;

        (void) ngx_http_onsite_apply(r, ctx, &apply);
    }

    ctx->busy = 0;
}
