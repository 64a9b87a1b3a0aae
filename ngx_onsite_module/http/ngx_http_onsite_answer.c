/*
 * ngx_http_onsite_answer.c - what the endpoints answer, and who may read it.
 */

#include "ngx_http_onsite_collect.h"


#define NGX_HTTP_ONSITE_RETRY_AFTER  "5"


ngx_str_t  ngx_http_onsite_type_json = ngx_string("application/json");
ngx_str_t  ngx_http_onsite_no_store = ngx_string("no-store");


ngx_int_t
ngx_http_onsite_add_literal(ngx_http_request_t *r, const char *key,
    const char *value)
{
    ngx_str_t  text;

    text.data = (u_char *) value;
    text.len = ngx_strlen(value);

    return ngx_http_onsite_add_header(r, key, ngx_strlen(key), &text) == NULL
           ? NGX_ERROR : NGX_OK;
}


/* Whether onsite_allow_origin names it; "*" names all, but none in
 * particular. */

static ngx_uint_t
is_allowed(ngx_http_onsite_loc_conf_t *olcf, ngx_str_t *origin)
{
    ngx_str_t   *allowed;
    ngx_uint_t   i;

    if (olcf->origins == NULL || origin->len == 0) {
        return 0;
    }

    allowed = olcf->origins->elts;

    for (i = 0; i < olcf->origins->nelts; i++) {
        if (allowed[i].len == origin->len
            && ngx_strncasecmp(allowed[i].data, origin->data, origin->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
allows_any(ngx_http_onsite_loc_conf_t *olcf)
{
    ngx_str_t   *allowed;
    ngx_uint_t   i;

    allowed = olcf->origins->elts;

    for (i = 0; i < olcf->origins->nelts; i++) {
        if (allowed[i].len == 1 && allowed[i].data[0] == '*') {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_onsite_add_cors(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    ngx_str_t                   *origin;
    ngx_http_onsite_loc_conf_t  *olcf;

    origin = &ctx->headers.origin;
    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    if (olcf->origins == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_http_onsite_add_literal(r, "Vary", "Origin") != NGX_OK) {
        return NGX_ERROR;
    }

    if (is_allowed(olcf, origin)) {
        if (ngx_http_onsite_add_header(r, "Access-Control-Allow-Origin",
                                 sizeof("Access-Control-Allow-Origin") - 1,
                                 origin)
            == NULL)
        {
            return NGX_ERROR;
        }

        return ngx_http_onsite_add_literal(r,
                                "Access-Control-Allow-Credentials", "true");
    }

    if (origin->len != 0 && allows_any(olcf)) {
        return ngx_http_onsite_add_literal(r, "Access-Control-Allow-Origin",
                                           "*");
    }

    return NGX_DECLINED;
}


/* "https://shop.example:8443" against Host: a proxy in front of us may have
 * changed the scheme, not the host. */

static ngx_uint_t
is_own(ngx_http_request_t *r, ngx_str_t *origin)
{
    u_char     *p, *last;
    ngx_str_t   host, *own;

    last = origin->data + origin->len;
    p = ngx_strlcasestrn(origin->data, last, (u_char *) "://", 3 - 1);

    if (p == NULL) {
        return 0;
    }

    host.data = p + 3;
    host.len = last - host.data;
    own = &r->headers_in.server;

    if (r->headers_in.host != NULL) {
        own = &r->headers_in.host->value;

    } else {
        /* HTTP/3: a name without its port */
        p = ngx_strlchr(host.data, last, ':');
        host.len = p != NULL ? (size_t) (p - host.data) : host.len;
    }

    return own->len != 0 && own->len == host.len
           && ngx_strncasecmp(own->data, host.data, host.len) == 0;
}


/* Browsers send Origin with every POST; who sends none is no browser, or an old
 * one, whose cookie SameSite does not keep from other sites' forms: what is
 * asked is then in Sec-Fetch-Site, or unknown. */

ngx_int_t
ngx_http_onsite_check_origin(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx)
{
    ngx_str_t                   *origin;
    ngx_http_onsite_loc_conf_t  *olcf;

    origin = &ctx->headers.origin;
    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    if (origin->len == 0) {
        return ctx->headers.cross_site ? NGX_DECLINED : NGX_OK;
    }

    return is_own(r, origin) || is_allowed(olcf, origin) ? NGX_OK
                                                         : NGX_DECLINED;
}


/* What gzip_types and the like are compared with ends at the first parameter,
 * as nginx has it of an upstream's type. */

void
ngx_http_onsite_set_type(ngx_http_request_t *r, ngx_str_t *type)
{
    u_char  *p, *last;

    last = type->data + type->len;

    p = ngx_strlchr(type->data, last, ';');

    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = (p != NULL ? p : last) - type->data;
    r->headers_out.content_type_lowcase = NULL;

    p = ngx_strlcasestrn(type->data, last, (u_char *) "charset=", 8 - 1);

    if (p != NULL) {
        r->headers_out.charset.data = p + 8;
        r->headers_out.charset.len = last - (p + 8);
    }
}


ngx_int_t
ngx_http_onsite_answer(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *cache, ngx_str_t *body)
{
    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_chain_t   out;

    r->headers_out.status = status;
    r->headers_out.content_length_n = body == NULL ? 0 : (off_t) body->len;

    if (body != NULL) {
        ngx_http_onsite_set_type(r, type);
    }

    if (ngx_http_onsite_add_header(r, "Cache-Control",
                                   sizeof("Cache-Control") - 1, cache)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (body == NULL) {
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_onsite_answer_text(ngx_http_request_t *r, ngx_uint_t status,
    onsite_buf_t *text)
{
    ngx_str_t  body;

    body.data = text->failed ? NULL : ngx_pnalloc(r->pool, text->len);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(body.data, text->data, text->len);
    body.len = text->len;

    return ngx_http_onsite_answer(r, status, &ngx_http_onsite_type_json,
                                  &ngx_http_onsite_no_store, &body);
}


ngx_int_t
ngx_http_onsite_say_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *reason)
{
    onsite_buf_t  *text;

    text = &ngx_http_onsite_worker.text;

    onsite_buf_clear(text);
    onsite_buf_str(text, ONSITE_STR("{\"success\":false,\"error\":"));
    onsite_write_json_string(text, onsite_str(reason, ngx_strlen(reason)));
    onsite_buf_str(text, ONSITE_STR("}"));

    return ngx_http_onsite_answer_text(r, status, text);
}


ngx_int_t
ngx_http_onsite_refuse(ngx_http_request_t *r, ngx_uint_t status,
    const char *reason)
{
    ngx_http_onsite_count(rejected);

    return ngx_http_onsite_say_error(r, status, reason);
}


/* Scripts of another origin see only such headers as they are told of. */

ngx_int_t
ngx_http_onsite_shed(ngx_http_request_t *r)
{
    ngx_http_onsite_count(shed);

    if (ngx_http_onsite_add_literal(r, "Retry-After",
                                    NGX_HTTP_ONSITE_RETRY_AFTER)
        != NGX_OK
        || ngx_http_onsite_add_literal(r, "Access-Control-Expose-Headers",
                                       "Retry-After")
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_onsite_refuse(r, 429, "the visitor state cannot take this "
                                  "now: send it again later");
}


/* What is shown; nothing of it is told of what is armed. */

static void
write_content(onsite_buf_t *text, ngx_http_onsite_ctx_t *ctx,
    const onsite_choice_t *choice)
{
    char    token[ONSITE_TOKEN_MAX];
    size_t  len;

    len = ngx_http_onsite_token(ctx, choice, token);

    onsite_buf_str(text, ONSITE_STR(",\"html\":"));
    onsite_pieces_write_json(text, &choice->html);
    onsite_buf_str(text, ONSITE_STR(",\"data\":"));
    onsite_buf_str(text, choice->data.len != 0 ? choice->data
                                               : ONSITE_STR("null"));
    onsite_buf_str(text, ONSITE_STR(",\"exposure\":"));
    onsite_write_json_string(text, onsite_str(token, len));
}


/* A choice as decide's answer has it. */

static void
write_choice(onsite_buf_t *text, ngx_http_onsite_ctx_t *ctx,
    const onsite_image_t *image, const onsite_choice_t *choice)
{
    const onsite_campaign_t  *campaign = choice->campaign;

    onsite_buf_str(text, ONSITE_STR("{\"id\":"));
    onsite_write_json_string(text, onsite_image_str(image, campaign->id));
    onsite_buf_str(text, ONSITE_STR(",\"variant\":"));
    onsite_write_json_string(text, onsite_image_str(image,
                                                    choice->variant->id));
    onsite_buf_str(text, ONSITE_STR(",\"channel\":"));
    onsite_write_json_string(text, onsite_channel_text(campaign->channel));
    onsite_buf_str(text, ONSITE_STR(",\"slot\":"));

    if (campaign->slot.len != 0) {
        onsite_write_json_string(text, onsite_image_str(image,
                                                        campaign->slot));

    } else {
        onsite_buf_str(text, ONSITE_STR("null"));
    }

    if (!choice->armed) {
        write_content(text, ctx, choice);
    }

    if (choice->when.len != 0) {
        onsite_buf_str(text, ONSITE_STR(",\"when\":"));
        onsite_buf_str(text, choice->when);
    }

    onsite_buf_char(text, '}');
}


static void
write_choices(onsite_buf_t *text, ngx_http_onsite_ctx_t *ctx)
{
    ngx_uint_t          i, n;
    onsite_site_t      *site;
    onsite_choice_t    *choice;
    onsite_decision_t  *decision;

    n = 0;
    decision = ngx_http_onsite_worker.decision;
    site = ngx_http_onsite_site(ctx->who.site);

    for (i = 0; i < decision->n && site != NULL; i++) {
        choice = &decision->choices[i];

        if (choice->pending
            || choice->campaign->channel == ONSITE_CHANNEL_WEBHOOK)
        {
            continue;
        }

        if (n++ != 0) {
            onsite_buf_char(text, ',');
        }

        write_choice(text, ctx, &site->image, choice);
    }
}


ngx_int_t
ngx_http_onsite_answer_decision(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx)
{
    onsite_buf_t  *text, *explanation;
    onsite_str_t   visitor;

    text = &ngx_http_onsite_worker.text;
    explanation = &ngx_http_onsite_worker.explain;

    visitor = ctx->told.visitor ? onsite_visitor_status_text(ctx->told.status)
                                : onsite_str(NULL, 0);

    onsite_buf_clear(text);
    onsite_buf_str(text, ONSITE_STR("{\"visitor\":"));
    onsite_write_json_string(text, visitor);
    onsite_buf_str(text, ONSITE_STR(",\"campaigns\":["));
    write_choices(text, ctx);
    onsite_buf_char(text, ']');

    if (ctx->explained) {
        onsite_buf_str(text, ONSITE_STR(",\"explain\":"));
        onsite_buf_str(text, explanation->len != 0
                             ? onsite_str(explanation->data, explanation->len)
                             : ONSITE_STR("["));
        onsite_buf_char(text, ']');
    }

    onsite_buf_str(text, ONSITE_STR("}"));

    return ngx_http_onsite_answer_text(r, NGX_HTTP_OK, text);
}
