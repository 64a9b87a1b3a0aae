/*
 * ngx_http_onsite_request.c - facts of a request, and who its visitor is.
 */

#include "ngx_http_onsite.h"

#include "onsite_preview.h"


static void take_context(void *data);


/* Only there to be found: ngx_http_onsite_get_ctx looks for it. */

static void
take_context(void *data)
{
}


ngx_http_onsite_ctx_t *
ngx_http_onsite_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_onsite_ctx_t  *ctx;

    r = r->main;
    ctx = ngx_http_get_module_ctx(r, ngx_http_onsite_module);

    if (ctx != NULL || (!r->internal && !r->filter_finalize)) {
        return ctx;
    }

    /* an internal redirect has zeroed the contexts of all modules */

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == take_context) {
            ngx_http_set_ctx(r, cln->data, ngx_http_onsite_module);
            return cln->data;
        }
    }

    return NULL;
}


static ngx_uint_t
is(ngx_table_elt_t *h, const char *name)
{
    return ngx_memcmp(h->lowcase_key, name, h->key.len) == 0;
}


static ngx_uint_t
is_one(ngx_str_t *value)
{
    return value->len == 1 && value->data[0] == '1';
}


static ngx_uint_t
is_prefetch(ngx_str_t *value)
{
    return value->len >= 8
           && ngx_strncasecmp(value->data, (u_char *) "prefetch", 8) == 0;
}


/* "none": the user's own doing. */

static ngx_uint_t
is_cross_site(ngx_str_t *value)
{
    return !(value->len == 11
             && ngx_memcmp(value->data, "same-origin", 11) == 0)
           && !(value->len == 4 && ngx_memcmp(value->data, "none", 4) == 0);
}


/* What a browser says of itself in one digit or word. */

static void
take_flag(ngx_table_elt_t *h, ngx_http_onsite_headers_t *headers)
{
    if (h->key.len == 3 && is(h, "dnt")) {
        headers->dnt = is_one(&h->value);

    } else if (h->key.len == 7 && is(h, "sec-gpc")) {
        headers->gpc = is_one(&h->value);

    } else if ((h->key.len == 7 && is(h, "purpose"))
               || (h->key.len == 11 && is(h, "sec-purpose")))
    {
        headers->prefetch |= is_prefetch(&h->value);
    }
}


/* A script asks for the page, or a part of it, and puts it into another; apps
 * say X-Requested-With of pages, too, with their own name. */

static ngx_uint_t
is_scripted(ngx_table_elt_t *h)
{
    switch (h->key.len) {

    case 6:
        return is(h, "x-pjax");

    case 10:
        return is(h, "hx-request");

    case 11:
        return is(h, "turbo-frame");

    case 12:
        return is(h, "x-up-version");

    case 16:
        return is(h, "x-requested-with") && h->value.len == 14
               && ngx_strncasecmp(h->value.data, (u_char *) "XMLHttpRequest",
                                  14) == 0;

    case 18:
        return is(h, "x-turbo-request-id");

    default:
        return 0;
    }
}


static void
take_header(ngx_table_elt_t *h, ngx_http_onsite_loc_conf_t *olcf,
    ngx_http_onsite_headers_t *headers)
{
    headers->scripted |= is_scripted(h);

    switch (h->key.len) {

    case 6:
        if (is(h, "cookie")) {
            ngx_http_onsite_take_cookies(&h->value, olcf, headers);

        } else if (is(h, "origin")) {
            headers->origin = h->value;
        }
        break;

    case 7:
        if (is(h, "referer")) {
            headers->referer = h->value;
            break;
        }
        /* fall through */

    case 3:
    case 11:
        take_flag(h, headers);
        break;

    case 10:
        if (is(h, "user-agent")) {
            headers->user_agent = h->value;
        }
        break;

    case 13:
        if (is(h, "authorization")) {
            headers->authorization = h->value;
        }
        break;

    case 14:
        if (is(h, "sec-fetch-dest")) {
            headers->fetch_dest = h->value;

        } else if (is(h, "sec-fetch-site")) {
            headers->cross_site = is_cross_site(&h->value);

        } else if (is(h, "x-onsite-debug")) {
            headers->debug = h->value;
        }
        break;

    case 15:
        if (is(h, "accept-language")) {
            headers->accept_language = h->value;
        }
        break;
    }
}


static void
walk_headers(ngx_http_request_t *r, ngx_http_onsite_headers_t *headers)
{
    ngx_uint_t                   i;
    ngx_list_part_t             *part;
    ngx_table_elt_t             *h;
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            take_header(&h[i], olcf, headers);
        }
    }
}


ngx_http_onsite_ctx_t *
ngx_http_onsite_ctx(ngx_http_request_t *r)
{
    ngx_time_t                  *tp;
    ngx_pool_cleanup_t          *cln;
    ngx_http_onsite_ctx_t       *ctx;
    ngx_http_onsite_loc_conf_t  *olcf;

    r = r->main;

    ctx = ngx_http_onsite_get_ctx(r);
    if (ctx != NULL) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_onsite_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_onsite_ctx_t));
    cln->handler = take_context;

    walk_headers(r, &ctx->headers);

    tp = ngx_timeofday();
    ctx->now = (onsite_ms_t) tp->sec * 1000 + tp->msec;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    ctx->explained = olcf->debug_key.len != 0
                     && ngx_http_onsite_key_equal(&olcf->debug_key,
                                                  &ctx->headers.debug);

    ngx_http_set_ctx(r, ctx, ngx_http_onsite_module);

    return ctx;
}


/* In time that depends on the lengths only. */

ngx_uint_t
ngx_http_onsite_key_equal(ngx_str_t *a, ngx_str_t *b)
{
    size_t           i;
    volatile u_char  differ;

    if (a->len != b->len) {
        return 0;
    }

    differ = 0;

    for (i = 0; i < a->len; i++) {
        differ |= a->data[i] ^ b->data[i];
    }

    return differ == 0;
}


static ngx_int_t
find_site(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    ngx_http_complex_value_t *cv)
{
    ngx_str_t  value;

    ctx->who.site = ONSITE_STR("default");

    if (cv == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, cv, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len != 0) {
        ctx->who.site = ngx_http_onsite_str(value);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_who(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    onsite_signer_t             *signer;
    ngx_http_onsite_who_t       *who;
    ngx_http_onsite_loc_conf_t  *olcf;

    who = &ctx->who;

    if (ctx->known) {
        return NGX_OK;
    }

    r = r->main;
    signer = ngx_http_onsite_worker.signer;
    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    if (find_site(r, ctx, olcf->site) != NGX_OK
        || ngx_http_onsite_find_consent(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->known = 1;

    if (who->consent == NGX_HTTP_ONSITE_CONSENT_NONE || signer == NULL) {
        return NGX_OK;
    }

    who->cookie_id = ngx_http_onsite_own_cookie(ctx);

    if (who->cookie_id.len != 0) {
        who->cookie_key = onsite_visitor_key(signer, who->site, 'c',
                                             who->cookie_id);
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_onsite_is_tls(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)
    return r->connection->ssl != NULL;
#else
    return 0;
#endif
}


static ngx_int_t
add_attributes(ngx_http_request_t *r, ngx_array_t *attributes,
    onsite_facts_t *facts)
{
    ngx_str_t                value;
    ngx_uint_t               i;
    onsite_member_t         *members;
    ngx_http_onsite_pair_t  *pair;

    pair = attributes->elts;

    members = onsite_arena_alloc(ngx_http_onsite_worker.arena,
                                 attributes->nelts * sizeof(onsite_member_t));
    if (members == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < attributes->nelts; i++) {
        if (ngx_http_complex_value(r, &pair[i].value, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        members[i].key = ngx_http_onsite_str(pair[i].name);
        members[i].value = onsite_value_string(ngx_http_onsite_str(value));
    }

    facts->attributes = members;
    facts->n_attributes = (uint32_t) attributes->nelts;

    return NGX_OK;
}


/*
 * The path that the visitor sees: r->uri is "/index.html" after the index
 * module, or whatever an internal redirect has made of it.
 */

static ngx_int_t
add_path(ngx_http_request_t *r, onsite_facts_t *facts)
{
    u_char     *p, *src, *dst, *last, *query;
    ngx_str_t  *raw;

    raw = &r->unparsed_uri;
    last = raw->data + raw->len;

    if (raw->len == 0) {
        facts->path = ngx_http_onsite_str(r->uri);
        facts->args = ngx_http_onsite_str(r->args);
        return NGX_OK;
    }

    query = ngx_strlchr(raw->data, last, '?');

    if (query != NULL) {
        facts->args = onsite_preview_strip(ngx_http_onsite_worker.arena,
                             onsite_str((char *) query + 1, last - query - 1),
                             true);
        last = query;
    }

    facts->path = onsite_str((char *) raw->data, last - raw->data);

    if (ngx_strlchr(raw->data, last, '%') == NULL) {
        return NGX_OK;
    }

    p = onsite_arena_alloc(ngx_http_onsite_worker.arena, last - raw->data);
    if (p == NULL) {
        return NGX_ERROR;
    }

    src = raw->data;
    dst = p;
    ngx_unescape_uri(&dst, &src, last - raw->data, 0);
    facts->path = onsite_str((char *) p, dst - p);

    return NGX_OK;
}


ngx_str_t
ngx_http_onsite_host(ngx_http_request_t *r)
{
    ngx_http_core_srv_conf_t  *cscf;

    if (r->headers_in.server.len != 0) {
        return r->headers_in.server;
    }

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    return cscf->server_name;
}


ngx_int_t
ngx_http_onsite_facts(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    onsite_facts_t *facts)
{
    onsite_arena_t              *arena;
    ngx_http_onsite_loc_conf_t  *olcf;

    r = r->main;
    arena = ngx_http_onsite_worker.arena;
    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    ngx_memzero(facts, sizeof(onsite_facts_t));

    facts->method = ngx_http_onsite_str(r->method_name);
    facts->scheme = ngx_http_onsite_is_tls(r) ? ONSITE_STR("https")
                                              : ONSITE_STR("http");
    facts->host = ngx_http_onsite_str(ngx_http_onsite_host(r));
    facts->referrer = onsite_preview_strip(arena,
                              ngx_http_onsite_str(ctx->headers.referer), false);
    facts->accept_language = ngx_http_onsite_str(ctx->headers.accept_language);
    facts->user_agent = ngx_http_onsite_str(ctx->headers.user_agent);

    if (add_path(r, facts) != NGX_OK) {
        return NGX_ERROR;
    }

    return olcf->attributes == NULL
           ? NGX_OK : add_attributes(r, olcf->attributes, facts);
}


ngx_table_elt_t *
ngx_http_onsite_add_header(ngx_http_request_t *r, const char *key, size_t len,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
    h->key.len = len;
    h->key.data = (u_char *) key;
    h->value = *value;
    ngx_http_onsite_header_end(h);

    return h;
}
