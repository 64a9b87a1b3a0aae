/*
 * ngx_http_onsite_collect.c - the endpoints under onsite_collect.
 *
 * What a client gets:
 *   pixels   always 200 and a GIF, whatever was wrong with the event
 *   the rest JSON; 400 for what the client has to change, 401, 404, 405, 413,
 *            and 429 with Retry-After when the state could not take the events
 *            (the map is full, a shard is damaged): nothing was kept, or not
 *            all of it, and the same call may be sent again; 503 where no
 *            onsite_state is configured
 *
 * v1/ asks for a key where keys are configured.  beacon, decide and pixel.gif
 * are what our own pages call: they may come without a key, not with a wrong
 * one.
 */

#include "ngx_http_onsite_collect.h"

#include "onsite_preview.h"


static ngx_int_t collect_handler(ngx_http_request_t *r);


static const endpoint_t  endpoints[] = {
    { ngx_string("pixel.gif"), ENDPOINT_PIXEL_GIF, ONSITE_TRACK },
    { ngx_string("beacon"), ENDPOINT_BEACON, ONSITE_TRACK },
    { ngx_string("decide"), ENDPOINT_DECIDE, ONSITE_TRACK },
    { ngx_string("onsite.js"), ENDPOINT_RUNTIME, ONSITE_TRACK },
    { ngx_string("consent"), ENDPOINT_CONSENT, ONSITE_TRACK },
    { ngx_string("privacy/export"), ENDPOINT_EXPORT, ONSITE_TRACK },
    { ngx_string("privacy/erase"), ENDPOINT_ERASE, ONSITE_TRACK },
    { ngx_string("v1/batch"), ENDPOINT_BATCH, ONSITE_TRACK },
    { ngx_string("v1/b"), ENDPOINT_BATCH, ONSITE_TRACK },
    { ngx_string("v1/track"), ENDPOINT_EVENT, ONSITE_TRACK },
    { ngx_string("v1/t"), ENDPOINT_EVENT, ONSITE_TRACK },
    { ngx_string("v1/page"), ENDPOINT_EVENT, ONSITE_PAGE },
    { ngx_string("v1/p"), ENDPOINT_EVENT, ONSITE_PAGE },
    { ngx_string("v1/screen"), ENDPOINT_EVENT, ONSITE_SCREEN },
    { ngx_string("v1/s"), ENDPOINT_EVENT, ONSITE_SCREEN },
    { ngx_string("v1/identify"), ENDPOINT_EVENT, ONSITE_IDENTIFY },
    { ngx_string("v1/i"), ENDPOINT_EVENT, ONSITE_IDENTIFY },
    { ngx_string("v1/group"), ENDPOINT_EVENT, ONSITE_GROUP },
    { ngx_string("v1/g"), ENDPOINT_EVENT, ONSITE_GROUP },
    { ngx_string("v1/alias"), ENDPOINT_EVENT, ONSITE_ALIAS },
    { ngx_string("v1/a"), ENDPOINT_EVENT, ONSITE_ALIAS },
    { ngx_string("v1/pixel/track"), ENDPOINT_PIXEL, ONSITE_TRACK },
    { ngx_string("v1/pixel/page"), ENDPOINT_PIXEL, ONSITE_PAGE },
    { ngx_string("v1/pixel/identify"), ENDPOINT_PIXEL, ONSITE_IDENTIFY },
    { ngx_null_string, 0, 0 }
};


/* GIF89a, 1 x 1, one transparent colour */

static u_char  pixel[43] = {
    'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 0, 0,
    0, 0, 0, 0xff, 0xff, 0xff,
    0x21, 0xf9, 4, 1, 0, 0, 0, 0,
    0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0,
    2, 2, 0x44, 1, 0, 0x3b
};


static ngx_str_t  type_gif = ngx_string("image/gif");

static ngx_str_t  success = ngx_string("{\"success\":true}");


char *
ngx_http_onsite_collect(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_onsite_loc_conf_t  *olcf = conf;

    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_onsite_srv_conf_t  *scf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    scf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_onsite_module);

    if (olcf->prefix.data != NULL) {
        return "is duplicate";
    }

    if (clcf->exact_match || clcf->named || clcf->noname
#if (NGX_PCRE)
        || clcf->regex != NULL
#endif
       )
    {
        return "needs a prefix location, like \"location /onsite/ { "
               "onsite_collect; }\"";
    }

    olcf->prefix = clcf->name;

    if (olcf->prefix.len > 0
        && olcf->prefix.data[olcf->prefix.len - 1] == '/')
    {
        olcf->prefix.len--;
    }

    if (scf->prefix.data == NULL) {
        scf->prefix = olcf->prefix;
    }

    clcf->handler = collect_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
answer_pixel(ngx_http_request_t *r)
{
    ngx_str_t  body;

    body.data = pixel;
    body.len = sizeof(pixel);

    return ngx_http_onsite_answer(r, NGX_HTTP_OK, &type_gif,
                                  &ngx_http_onsite_no_store, &body);
}


/* X-Retry-Count: analytics-next has it in whatever it sends again. */

static ngx_int_t
answer_options(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    if (ngx_http_onsite_add_cors(r, ctx) == NGX_OK
        && (ngx_http_onsite_add_literal(r, "Access-Control-Allow-Methods",
                                        "GET, POST, OPTIONS")
            != NGX_OK
            || ngx_http_onsite_add_literal(r, "Access-Control-Allow-Headers",
                                           "Authorization, Content-Type, "
                                           "X-Retry-Count")
               != NGX_OK
            || ngx_http_onsite_add_literal(r, "Access-Control-Max-Age",
                                           "86400")
               != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_onsite_add_literal(r, "Allow", "GET, POST, OPTIONS")
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_onsite_answer(r, NGX_HTTP_NO_CONTENT, NULL,
                                  &ngx_http_onsite_no_store, NULL);
}


/* A crawler that runs our script: it gets its answer, nothing is applied.  A
 * server that is known by its key may name itself as it likes. */

static ngx_int_t
drop_batch(ngx_http_onsite_ctx_t *ctx)
{
    ngx_http_onsite_count_noise(NGX_HTTP_ONSITE_SKIP_BOT);
    ctx->skip = NGX_HTTP_ONSITE_SKIP_BOT;
    ngx_http_onsite_worker.decision->n = 0;
    onsite_buf_clear(&ngx_http_onsite_worker.explain);

    return NGX_DECLINED;
}


static ngx_int_t
apply_batch(ngx_http_request_t *r, call_t *call)
{
    ngx_int_t                rc;
    onsite_facts_t           facts;
    ngx_http_onsite_apply_t  apply;

    if (!call->ctx->trusted && ngx_http_onsite_is_bot(call->ctx)) {
        return drop_batch(call->ctx);
    }

    if (ngx_http_onsite_facts(r, call->ctx, &facts) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&apply, sizeof(ngx_http_onsite_apply_t));
    apply.events = call->batch.events;
    apply.n = call->batch.n;
    apply.facts = &facts;
    apply.deliver = (call->endpoint->kind == ENDPOINT_DECIDE);
    apply.beacon = 1;

    rc = ngx_http_onsite_apply(r, call->ctx, &apply);

    if (rc == NGX_OK && ngx_http_onsite_set_cookie(r, call->ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    return rc;
}


static ngx_int_t
answer_call(ngx_http_request_t *r, call_t *call, ngx_int_t rc)
{
    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_BUSY) {
        return ngx_http_onsite_shed(r);
    }

    switch (call->endpoint->kind) {

    case ENDPOINT_DECIDE:
        return ngx_http_onsite_answer_decision(r, call->ctx);

    case ENDPOINT_BEACON:
        return ngx_http_onsite_answer(r, NGX_HTTP_NO_CONTENT, NULL,
                                      &ngx_http_onsite_no_store, NULL);

    default:
        return ngx_http_onsite_answer(r, NGX_HTTP_OK,
                                      &ngx_http_onsite_type_json,
                                      &ngx_http_onsite_no_store, &success);
    }
}


/* decide without a body: the page that asks, as its Referer says. */

static ngx_int_t
empty_decide(ngx_http_request_t *r, call_t *call)
{
    onsite_facts_t  facts;

    call->batch.events = onsite_arena_alloc(ngx_http_onsite_worker.arena,
                                            sizeof(onsite_event_t));
    if (call->batch.events == NULL
        || ngx_http_onsite_facts(r, call->ctx, &facts) != NGX_OK)
    {
        return NGX_ERROR;
    }

    call->batch.n = 1;

    return ngx_http_onsite_referring_event(call->ctx, &facts,
                                           call->batch.events);
}


static onsite_status_t
read_events(call_t *call, onsite_value_t *value)
{
    onsite_arena_t  *arena;

    arena = ngx_http_onsite_worker.arena;

    if (call->endpoint->kind == ENDPOINT_EVENT
        || call->endpoint->kind == ENDPOINT_PIXEL)
    {
        return onsite_event_read(arena, value, call->endpoint->type,
                                 call->ctx->now, &call->batch, &call->error);
    }

    return onsite_batch_read(arena, value, call->ctx->now, &call->batch,
                             &call->error);
}


/* The bounds of Segment's API, apart from onsite_max_body. */

static ngx_uint_t
too_long(call_t *call, onsite_str_t body)
{
    if (call->endpoint->kind == ENDPOINT_EVENT
        && body.len > ONSITE_EVENT_BYTES_MAX)
    {
        (void) onsite_error(&call->error, ONSITE_LIMIT,
                            "an event may have %d bytes at most",
                            ONSITE_EVENT_BYTES_MAX);
        return 1;
    }

    if (body.len > ONSITE_BATCH_BYTES_MAX) {
        (void) onsite_error(&call->error, ONSITE_LIMIT,
                            "a batch may have %d bytes at most",
                            ONSITE_BATCH_BYTES_MAX);
        return 1;
    }

    return 0;
}


/* INVALID and LIMIT are the client's; NO_MEMORY is ours. */

static onsite_status_t
parse_body(ngx_http_request_t *r, call_t *call, onsite_str_t body)
{
    onsite_value_t   value;
    onsite_status_t  status;

    if (body.len == 0 && call->endpoint->kind == ENDPOINT_DECIDE) {
        return empty_decide(r, call) == NGX_OK ? ONSITE_OK : ONSITE_NO_MEMORY;
    }

    if (too_long(call, body)) {
        return ONSITE_LIMIT;
    }

    status = onsite_json_parse(ngx_http_onsite_worker.json,
                               ngx_http_onsite_worker.arena, body, &value,
                               &call->error);
    if (status != ONSITE_OK) {
        return status;
    }

    if (memmem(body.data, body.len, "onsite_preview", 14) != NULL) {
        onsite_preview_scrub(ngx_http_onsite_worker.arena, &value);
    }

    return read_events(call, &value);
}


static ngx_int_t
without_state(ngx_http_request_t *r)
{
    return ngx_http_onsite_refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                  "the visitor state is not available");
}


static ngx_int_t
take_body(ngx_http_request_t *r, call_t *call)
{
    ngx_int_t        rc;
    onsite_str_t     body;
    onsite_status_t  status;

    /* it may have gone while the body came */

    if (ngx_http_onsite_worker.store == NULL) {
        return without_state(r);
    }

    onsite_arena_reset(ngx_http_onsite_worker.arena);

    rc = ngx_http_onsite_body(r, &body);
    if (rc != NGX_OK) {
        return ngx_http_onsite_refuse_body(r, rc);
    }

    if (call->endpoint->kind == ENDPOINT_CONSENT
        || call->endpoint->kind == ENDPOINT_ERASE)
    {
        return ngx_http_onsite_privacy_post(r, call, body);
    }

    status = parse_body(r, call, body);

    if (status == ONSITE_INVALID || status == ONSITE_LIMIT) {
        return ngx_http_onsite_refuse(r, NGX_HTTP_BAD_REQUEST,
                                      call->error.text);
    }

    if (status != ONSITE_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_onsite_check_body_key(r, call) != NGX_OK) {
        return ngx_http_onsite_refuse(r, NGX_HTTP_UNAUTHORIZED,
                                      "a valid write key is needed");
    }

    return answer_call(r, call, apply_batch(r, call));
}


static void
body_handler(ngx_http_request_t *r)
{
    call_t  *call;

    call = ngx_http_onsite_get_ctx(r)->call;

    ngx_http_finalize_request(r, take_body(r, call));
}


static ngx_int_t
post(ngx_http_request_t *r, call_t *call)
{
    ngx_int_t                    rc;
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    if (r->headers_in.content_length_n > (off_t) olcf->max_body) {
        rc = ngx_http_discard_request_body(r);
        return rc != NGX_OK
               ? rc : ngx_http_onsite_refuse_body(r,
                                          NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    call->ctx->call = call;
    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, body_handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/* The event of a pixel; whatever is wrong with it, a GIF follows. */

static onsite_status_t
read_pixel(ngx_http_request_t *r, call_t *call)
{
    onsite_str_t     args, data, json;
    onsite_value_t   value;
    onsite_arena_t  *arena;

    arena = ngx_http_onsite_worker.arena;
    args = ngx_http_onsite_str(r->args);

    if (call->endpoint->kind == ENDPOINT_PIXEL_GIF) {
        return onsite_pixel_read(arena, args, call->ctx->now, &call->batch,
                                 &call->error);
    }

    if (onsite_query_get(arena, args, ONSITE_STR("data"), &data) != ONSITE_OK
        || onsite_base64_decode(arena, data, &json) != ONSITE_OK
        || onsite_json_parse(ngx_http_onsite_worker.json, arena, json, &value,
                             &call->error)
           != ONSITE_OK)
    {
        return ONSITE_INVALID;
    }

    return read_events(call, &value);
}


static ngx_int_t
get_pixel(ngx_http_request_t *r, call_t *call)
{
    ngx_int_t  rc;

    onsite_arena_reset(ngx_http_onsite_worker.arena);

    if (r->method == NGX_HTTP_HEAD) {
        return answer_pixel(r);
    }

    if (ngx_http_onsite_check_request_key(r, call) != NGX_OK
        || read_pixel(r, call) != ONSITE_OK
        || ngx_http_onsite_check_body_key(r, call) != NGX_OK)
    {
        ngx_http_onsite_count(rejected);
        return answer_pixel(r);
    }

    rc = apply_batch(r, call);

    if (rc != NGX_OK && rc != NGX_DECLINED) {
        ngx_http_onsite_count(rejected);
    }

    return answer_pixel(r);
}


static const endpoint_t *
find_endpoint(ngx_http_request_t *r)
{
    size_t                       len;
    u_char                      *name;
    const endpoint_t            *e;
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    if (r->uri.len <= olcf->prefix.len
        || r->uri.data[olcf->prefix.len] != '/')
    {
        return NULL;
    }

    name = r->uri.data + olcf->prefix.len + 1;
    len = r->uri.len - olcf->prefix.len - 1;

    for (e = endpoints; e->name.len != 0; e++) {
        if (e->name.len == len && ngx_memcmp(e->name.data, name, len) == 0) {
            return e;
        }
    }

    return NULL;
}


static ngx_uint_t
takes_get(const endpoint_t *endpoint)
{
    return endpoint->kind == ENDPOINT_PIXEL_GIF
           || endpoint->kind == ENDPOINT_PIXEL
           || endpoint->kind == ENDPOINT_RUNTIME
           || endpoint->kind == ENDPOINT_EXPORT;
}


static ngx_int_t
wrong_method(ngx_http_request_t *r, const endpoint_t *endpoint)
{
    if (ngx_http_onsite_add_literal(r, "Allow", takes_get(endpoint)
                                    ? "GET, HEAD, OPTIONS" : "POST, OPTIONS")
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_onsite_refuse(r, NGX_HTTP_NOT_ALLOWED,
                                  takes_get(endpoint) ? "use GET"
                                                      : "use POST");
}


static ngx_int_t
get(ngx_http_request_t *r, call_t *call)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (call->endpoint->kind == ENDPOINT_RUNTIME) {
        return ngx_http_onsite_answer_runtime(r, call->ctx);
    }

    if (ngx_http_onsite_add_cors(r, call->ctx) == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return call->endpoint->kind == ENDPOINT_EXPORT
           ? ngx_http_onsite_export(r, call) : get_pixel(r, call);
}


static ngx_int_t
post_gates(ngx_http_request_t *r, call_t *call)
{
    ngx_int_t  rc;

    if (ngx_http_onsite_add_cors(r, call->ctx) == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_onsite_check_request_key(r, call) != NGX_OK) {
        rc = ngx_http_discard_request_body(r);
        return rc != NGX_OK
               ? rc : ngx_http_onsite_refuse(r, NGX_HTTP_UNAUTHORIZED,
                             "the write key is not one of this site");
    }

    return post(r, call);
}


static ngx_int_t
dispatch(ngx_http_request_t *r, call_t *call)
{
    if (takes_get(call->endpoint)) {
        return (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
               ? get(r, call) : wrong_method(r, call->endpoint);
    }

    return r->method == NGX_HTTP_POST ? post_gates(r, call)
                                      : wrong_method(r, call->endpoint);
}


/* In a process without its memory or without state there is nothing to do. */

static ngx_int_t
collect_handler(ngx_http_request_t *r)
{
    call_t                 *call;
    const endpoint_t       *endpoint;
    ngx_http_onsite_ctx_t  *ctx;

    ctx = ngx_http_onsite_ctx(r);
    if (ctx == NULL || ngx_http_onsite_worker.engine == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->counted = 1;

    if (r->method == NGX_HTTP_OPTIONS) {
        return answer_options(r, ctx);
    }

    endpoint = find_endpoint(r);
    if (endpoint == NULL) {
        return ngx_http_onsite_refuse(r, NGX_HTTP_NOT_FOUND,
                                      "there is no such endpoint");
    }

    if (ngx_http_onsite_worker.store == NULL && !takes_get(endpoint)) {
        return without_state(r);
    }

    call = ngx_palloc(r->pool, sizeof(call_t));
    if (call == NULL || ngx_http_onsite_who(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    call->endpoint = endpoint;
    call->ctx = ctx;
    call->batch.events = NULL;
    call->batch.n = 0;
    call->batch.write_key = onsite_str(NULL, 0);
    call->error.text[0] = '\0';
    call->keyed = 0;

    ngx_http_onsite_withdraw(r, ctx);

    return dispatch(r, call);
}
