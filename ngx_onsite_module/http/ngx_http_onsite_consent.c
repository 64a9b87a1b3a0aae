/*
 * ngx_http_onsite_consent.c - what may be remembered of a request's visitor.
 *
 * The weaker of two tiers holds: the site's, which onsite_consent says, and the
 * visitor's own, a cookie that POST consent sets.
 */

#include "ngx_http_onsite.h"


static ngx_str_t  ngx_http_onsite_tiers[] = {
    ngx_string("none"),
    ngx_string("session"),
    ngx_string("full")
};


static ngx_str_t  ngx_http_onsite_tcf = ngx_string("euconsent-v2");
static ngx_str_t  ngx_http_onsite_gpp = ngx_string("__gpp");


ngx_int_t
ngx_http_onsite_consent_named(ngx_str_t *name,
    ngx_http_onsite_consent_e *tier)
{
    ngx_uint_t  i;

    for (i = 0; i <= NGX_HTTP_ONSITE_CONSENT_FULL; i++) {
        if (name->len == ngx_http_onsite_tiers[i].len
            && ngx_memcmp(name->data, ngx_http_onsite_tiers[i].data,
                          name->len)
               == 0)
        {
            *tier = i;
            return NGX_OK;
        }
    }

    *tier = NGX_HTTP_ONSITE_CONSENT_NONE;

    return NGX_DECLINED;
}


ngx_str_t *
ngx_http_onsite_consent_name(ngx_http_onsite_consent_e tier)
{
    return &ngx_http_onsite_tiers[tier];
}


ngx_str_t *
ngx_http_onsite_consent_string(ngx_http_onsite_loc_conf_t *olcf)
{
    switch (olcf->consent_from) {

    case NGX_HTTP_ONSITE_CONSENT_TCF:
        return &ngx_http_onsite_tcf;

    case NGX_HTTP_ONSITE_CONSENT_GPP:
        return &ngx_http_onsite_gpp;

    default:
        return NULL;
    }
}


/* Scripts that set cookies escape what they like ("~" above all). */

static ngx_int_t
unescape(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char  *p, *src;

    if (ngx_strlchr(value->data, value->data + value->len, '%') == NULL) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, value->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    src = value->data;
    value->data = p;
    ngx_unescape_uri(&p, &src, value->len, 0);
    value->len = p - value->data;

    return NGX_OK;
}


/*
 * The tier of a consent string.  One that is well formed and says no is a
 * refusal: what was remembered until then has to go.
 */

static ngx_int_t
string_tier(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    ngx_uint_t from)
{
    ngx_str_t         value;
    onsite_str_t      text;
    onsite_status_t   status;
    onsite_consent_t  tier;

    value = ctx->headers.consent_string;

    if (value.len == 0) {
        return NGX_OK;
    }

    if (unescape(r, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    text = ngx_http_onsite_str(value);

    status = from == NGX_HTTP_ONSITE_CONSENT_TCF
             ? onsite_consent_tcf(text, &tier)
             : onsite_consent_gpp(text, &tier);

    ctx->who.refused = (status == ONSITE_OK && tier == ONSITE_CONSENT_NONE);

    if (!ctx->headers.gpc && !ctx->headers.dnt) {
        ctx->who.granted = (ngx_http_onsite_consent_e) tier;
    }

    return NGX_OK;
}


static ngx_int_t
value_tier(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    ngx_http_complex_value_t *cv)
{
    ngx_str_t  value;

    if (ngx_http_complex_value(r, cv, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    (void) ngx_http_onsite_consent_named(&value, &ctx->who.granted);

    return NGX_OK;
}


/* Unset: full, unless the browser says that its user does not want it. */

static ngx_int_t
site_tier(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);
    ctx->who.granted = NGX_HTTP_ONSITE_CONSENT_NONE;

    switch (olcf->consent_from) {

    case NGX_HTTP_ONSITE_CONSENT_TCF:
    case NGX_HTTP_ONSITE_CONSENT_GPP:
        return string_tier(r, ctx, olcf->consent_from);

    case NGX_HTTP_ONSITE_CONSENT_VALUE:
        return value_tier(r, ctx, olcf->consent);

    default:
        if (!ctx->headers.gpc && !ctx->headers.dnt) {
            ctx->who.granted = NGX_HTTP_ONSITE_CONSENT_FULL;
        }

        return NGX_OK;
    }
}


void
ngx_http_onsite_weigh_consent(ngx_http_onsite_ctx_t *ctx)
{
    ctx->who.consent = ctx->who.granted;

    if (ctx->headers.chosen && ctx->headers.choice < ctx->who.consent) {
        ctx->who.consent = ctx->headers.choice;
    }
}


ngx_int_t
ngx_http_onsite_find_consent(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx)
{
    if (site_tier(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_onsite_weigh_consent(ctx);

    return NGX_OK;
}
