/*
 * ngx_http_onsite_cookie.c - our cookies: the visitor's, signed, and the
 * choice that the visitor made, which names nobody.
 */

#include "ngx_http_onsite.h"

#include <openssl/rand.h>


/* Of another path or domain one more may come: the weakest choice holds. */

static void
take_choice(ngx_str_t *value, ngx_http_onsite_headers_t *headers)
{
    ngx_http_onsite_consent_e  tier;

    if (ngx_http_onsite_consent_named(value, &tier) != NGX_OK) {
        return;
    }

    if (!headers->chosen || tier < headers->choice) {
        headers->choice = tier;
    }

    headers->chosen = 1;
}


static ngx_uint_t
named(u_char *p, u_char *end, ngx_str_t *name, ngx_str_t *value)
{
    if ((size_t) (end - p) <= name->len || p[name->len] != '='
        || ngx_memcmp(p, name->data, name->len) != 0)
    {
        return 0;
    }

    value->data = p + name->len + 1;
    value->len = end - value->data;

    return 1;
}


static void
take_cookie(u_char *p, u_char *end, ngx_http_onsite_loc_conf_t *olcf,
    ngx_http_onsite_headers_t *headers)
{
    ngx_str_t  value, *string;

    string = ngx_http_onsite_consent_string(olcf);

    if (named(p, end, &olcf->cookie->name, &value)) {
        if (headers->n_cookies < NGX_HTTP_ONSITE_COOKIES) {
            headers->cookies[headers->n_cookies++] = value;
        }

    } else if (named(p, end, &olcf->cookie->choice, &value)) {
        take_choice(&value, headers);

    } else if (string != NULL && headers->consent_string.data == NULL
               && named(p, end, string, &value))
    {
        headers->consent_string = value;
    }
}


/* One Cookie header (RFC 6265, 4.2.1): another path's or domain's may come
 * before ours. */

void
ngx_http_onsite_take_cookies(ngx_str_t *header,
    ngx_http_onsite_loc_conf_t *olcf, ngx_http_onsite_headers_t *headers)
{
    u_char  *p, *end, *last;

    p = header->data;
    last = p + header->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == ';')) {
            p++;
        }

        end = ngx_strlchr(p, last, ';');
        if (end == NULL) {
            end = last;
        }

        take_cookie(p, end, olcf, headers);
        p = end;
    }
}


onsite_str_t
ngx_http_onsite_own_cookie(ngx_http_onsite_ctx_t *ctx)
{
    ngx_uint_t        i;
    onsite_str_t      id;
    onsite_signer_t  *signer;

    id = onsite_str(NULL, 0);
    signer = ngx_http_onsite_worker.signer;

    for (i = 0; signer != NULL && id.len == 0 && i < ctx->headers.n_cookies;
         i++)
    {
        id = onsite_cookie_verify(signer, ctx->who.site,
                                 ngx_http_onsite_str(ctx->headers.cookies[i]));
    }

    return id;
}


ngx_int_t
ngx_http_onsite_new_cookie(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    char                   *id;
    uint8_t                 random[16];
    ngx_http_onsite_who_t  *who;

    who = &ctx->who;

    id = ngx_pnalloc(r->main->pool, ONSITE_ID_TEXT);
    if (id == NULL || RAND_bytes(random, sizeof(random)) != 1) {
        return NGX_ERROR;
    }

    onsite_id_text(random, id);

    who->cookie_id = onsite_str(id, ONSITE_ID_TEXT);
    who->cookie_key = onsite_visitor_key(ngx_http_onsite_worker.signer,
                                         who->site, 'c', who->cookie_id);
    who->fresh = 1;

    ngx_http_onsite_adopt(r, ctx);

    return NGX_OK;
}


/* max_age: 0 takes it away, less than 0 leaves it with the browser's session.
 * The value's bytes are ours. */

static ngx_int_t
add_cookie(ngx_http_request_t *r, ngx_str_t *name, onsite_str_t content,
    time_t max_age)
{
    u_char                      *p;
    ngx_str_t                    value;
    ngx_http_onsite_cookie_t    *cookie;
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);
    cookie = olcf->cookie;

    value.data = ngx_pnalloc(r->pool, name->len + 1 + content.len
                             + sizeof("; Path=; Domain=; Max-Age=; HttpOnly"
                                      "; SameSite=Strict; Secure")
                             + cookie->path.len + cookie->domain.len
                             + NGX_TIME_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(value.data, "%V=%*s; Path=%V", name, content.len,
                    content.data, &cookie->path);

    if (cookie->domain.len != 0) {
        p = ngx_sprintf(p, "; Domain=%V", &cookie->domain);
    }

    if (max_age >= 0) {
        p = ngx_sprintf(p, "; Max-Age=%T", max_age);
    }

    p = ngx_sprintf(p, "; HttpOnly; SameSite=%V", &cookie->samesite);

    if (cookie->secure == NGX_HTTP_ONSITE_SECURE_ON
        || (cookie->secure == NGX_HTTP_ONSITE_SECURE_AUTO
            && ngx_http_onsite_is_tls(r)))
    {
        p = ngx_sprintf(p, "; Secure");
    }

    value.len = p - value.data;

    return ngx_http_onsite_add_header(r, "Set-Cookie",
                                      sizeof("Set-Cookie") - 1, &value)
           == NULL ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_onsite_set_cookie(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    char                         text[ONSITE_COOKIE_TEXT];
    time_t                       age;
    ngx_http_onsite_who_t       *who;
    ngx_http_onsite_loc_conf_t  *olcf;

    who = &ctx->who;

    if (!who->fresh || ctx->cookie_set) {
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    age = who->consent == NGX_HTTP_ONSITE_CONSENT_FULL
          && olcf->cookie->max_age != 0 ? olcf->cookie->max_age : -1;

    onsite_cookie_sign(ngx_http_onsite_worker.signer, who->site,
                       who->cookie_id, text);

    if (add_cookie(r, &olcf->cookie->name,
                   onsite_str(text, ONSITE_COOKIE_TEXT), age)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->cookie_set = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_expire_cookie(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx)
{
    ngx_http_onsite_loc_conf_t  *olcf;

    if (ctx->cookie_set) {
        return NGX_OK;
    }

    ctx->cookie_set = 1;
    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    return add_cookie(r, &olcf->cookie->name, onsite_str("", 0), 0);
}


ngx_int_t
ngx_http_onsite_set_choice(ngx_http_request_t *r,
    ngx_http_onsite_consent_e tier)
{
    ngx_str_t                   *name;
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);
    name = ngx_http_onsite_consent_name(tier);

    return add_cookie(r, &olcf->cookie->choice, ngx_http_onsite_str(*name),
                      olcf->cookie->max_age != 0 ? olcf->cookie->max_age : -1);
}
