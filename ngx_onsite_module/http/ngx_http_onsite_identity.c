/*
 * ngx_http_onsite_identity.c - who is proven to be a customer, which ids of
 * others' cookies are adopted, and which reports on promotions are true.
 *
 * A customer is proven by a trusted server's key with a userId, by what
 * onsite_identity says of the request, or by context.userHash: the hex
 * HMAC-SHA256 of userId with the site's secret, which only its servers know.
 */

#include "ngx_http_onsite_apply.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>


#define HASH_BYTES  32

/* Before 2005-01-01 no cookie of Google's was: it is none of a visit. */
#define NGX_HTTP_ONSITE_ADOPT_SINCE  (INT64_C(1104537600) * ONSITE_SECOND)


static ngx_uint_t
has_control(onsite_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if ((u_char) text.data[i] < ' ' || text.data[i] == 0x7f) {
            return 1;
        }
    }

    return 0;
}


/* Read by a variable before the response, it may yet come to hold something:
 * an upstream's header. */

ngx_int_t
ngx_http_onsite_identify(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    ngx_str_t                    value;
    onsite_str_t                 text;
    ngx_http_onsite_who_t       *who;
    ngx_http_onsite_loc_conf_t  *olcf;

    who = &ctx->who;
    olcf = ngx_http_get_module_loc_conf(r->main, ngx_http_onsite_module);

    if (olcf->identity == NULL || who->identity.len != 0) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r->main, olcf->identity, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    text = ngx_http_onsite_str(value);

    if (text.len > ONSITE_USER_ID_MAX || has_control(text)) {
        if (!who->unnamed) {
            who->unnamed = 1;
            ngx_http_onsite_count(refused);
        }

        text.len = 0;
    }

    who->identity = text;
    who->anonymous = (text.len == 0);

    return NGX_OK;
}


static ngx_uint_t
read_hash(onsite_str_t text, u_char hash[HASH_BYTES])
{
    int     high, low;
    size_t  i;

    if (text.len != 2 * HASH_BYTES) {
        return 0;
    }

    for (i = 0; i < HASH_BYTES; i++) {
        high = onsite_hex_digit(text.data[2 * i]);
        low = onsite_hex_digit(text.data[2 * i + 1]);

        if (high < 0 || low < 0) {
            return 0;
        }

        hash[i] = (u_char) (high << 4 | low);
    }

    return 1;
}


static ngx_uint_t
key_makes(ngx_str_t *key, onsite_str_t user, const u_char hash[HASH_BYTES])
{
    u_char        made[EVP_MAX_MD_SIZE];
    unsigned int  len;

    return HMAC(EVP_sha256(), key->data, (int) key->len,
                (const u_char *) user.data, user.len, made, &len) != NULL
           && len == HASH_BYTES && CRYPTO_memcmp(made, hash, len) == 0;
}


/* The secret as the file has it, or as a shell that read it would. */

static ngx_uint_t
is_hash_of(ngx_http_request_t *r, onsite_str_t user,
    const u_char hash[HASH_BYTES])
{
    ngx_str_t                     key, *keys;
    ngx_uint_t                    i;
    ngx_http_onsite_loc_conf_t   *olcf;
    ngx_http_onsite_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_onsite_module);
    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);
    key = mcf->key;

    if (key.len != 0 && key_makes(&key, user, hash)) {
        return 1;
    }

    while (key.len != 0 && key.data[key.len - 1] <= ' ') {
        key.len--;
    }

    if (key.len != 0 && key.len != mcf->key.len
        && key_makes(&key, user, hash))
    {
        return 1;
    }

    keys = olcf->server_keys != NULL ? olcf->server_keys->elts : NULL;

    for (i = 0; keys != NULL && i < olcf->server_keys->nelts; i++) {
        if (key_makes(&keys[i], user, hash)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
hash_proves(ngx_http_request_t *r, const onsite_event_t *event)
{
    u_char                 hash[HASH_BYTES];
    const onsite_value_t  *value;

    value = onsite_value_get(&event->context, ONSITE_STR("userHash"));

    if (value == NULL || value->type == ONSITE_NULL) {
        return 0;
    }

    if (value->type == ONSITE_STRING && !has_control(event->user_id)
        && read_hash(onsite_value_str(value), hash)
        && is_hash_of(r, event->user_id, hash))
    {
        return 1;
    }

    ngx_http_onsite_count(forged);

    return 0;
}


/* What one is called that is longer is not kept: it cannot be told apart. */

onsite_str_t
ngx_http_onsite_customer(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    const onsite_event_t *event)
{
    ngx_uint_t  named;

    named = event->user_id.len != 0
            && event->user_id.len <= ONSITE_USER_ID_MAX;

    if (named && ctx->trusted) {
        return event->user_id;
    }

    if (ctx->who.identity.len != 0) {
        return ctx->who.identity;
    }

    return named && hash_proves(r, event) ? event->user_id
                                          : onsite_str(NULL, 0);
}


/* Adoption */

static onsite_str_t
unquote(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char        *p, *dst, *src;
    onsite_str_t   text;

    p = ngx_pnalloc(r->pool, value->len);
    if (p == NULL) {
        return onsite_str(NULL, 0);
    }

    dst = p;
    src = value->data;
    ngx_unescape_uri(&dst, &src, value->len, 0);
    text = onsite_str((char *) p, dst - p);

    if (text.len >= 2 && text.data[0] == '"'
        && text.data[text.len - 1] == '"')
    {
        text.data++;
        text.len -= 2;
    }

    return text;
}


/*
 * Google's "GA1.1.RANDOM.FIRST", both of digits: the id is "RANDOM.FIRST",
 * FIRST the first visit in seconds.
 */

static ngx_uint_t
read_google(onsite_str_t text, onsite_str_t *id, onsite_ms_t *since)
{
    ngx_int_t  n;
    u_char    *p, *last, *dot, *end;

    p = (u_char *) text.data;
    end = p + text.len;

    if (text.len < 8 || ngx_strncmp(p, "GA", 2) != 0) {
        return 0;
    }

    dot = ngx_strlchr(p, end, '.');
    dot = dot == NULL ? NULL : ngx_strlchr(dot + 1, end, '.');

    if (dot == NULL) {
        return 0;
    }

    p = dot + 1;
    last = ngx_strlchr(p, end, '.');

    if (last == NULL || ngx_atoi(p, last - p) == NGX_ERROR) {
        return 0;
    }

    n = ngx_atoi(last + 1, end - last - 1);

    if (n == NGX_ERROR) {
        return 0;
    }

    /* what milliseconds cannot hold is as far off as that */

    n = ngx_min(n, INT64_MAX / ONSITE_SECOND);

    *id = onsite_str((char *) p, end - p);
    *since = (onsite_ms_t) n * ONSITE_SECOND;

    return 1;
}


static ngx_uint_t
take_foreign(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    ngx_str_t *value)
{
    onsite_ms_t   since;
    onsite_str_t  id;

    since = 0;

    if (value->len == 0 || value->len > 4 * ONSITE_ID_MAX) {
        return 0;
    }

    id = unquote(r, value);

    if (id.len == 0 || id.len > ONSITE_ID_MAX || has_control(id)) {
        return 0;
    }

    if (value->len > 2 && ngx_strncmp(value->data, "GA", 2) == 0
        && read_google(id, &id, &since)
        && (since > ctx->now || since < NGX_HTTP_ONSITE_ADOPT_SINCE))
    {
        return 0;
    }

    ctx->who.adopted = id;
    ctx->who.adopted_since = since;

    return 1;
}


static ngx_uint_t
find_in_header(ngx_str_t *header, ngx_str_t *name, ngx_str_t *value)
{
    u_char  *p, *end, *last;

    p = header->data;
    last = p + header->len;

    for ( /* void */ ; p < last; p = end + 1) {

        while (p < last && *p == ' ') {
            p++;
        }

        end = ngx_strlchr(p, last, ';');
        if (end == NULL) {
            end = last;
        }

        if ((size_t) (end - p) > name->len && p[name->len] == '='
            && ngx_memcmp(p, name->data, name->len) == 0)
        {
            value->data = p + name->len + 1;
            value->len = end - value->data;
            return 1;
        }
    }

    return 0;
}


/* The first cookie of this name, of all Cookie headers (RFC 6265, 4.2.1). */

static ngx_uint_t
find_cookie(ngx_http_request_t *r, ngx_str_t *name, ngx_str_t *value)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == 6
                && ngx_memcmp(h[i].lowcase_key, "cookie", 6) == 0
                && find_in_header(&h[i].value, name, value))
            {
                return 1;
            }
        }
    }

    return 0;
}


void
ngx_http_onsite_adopt(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    ngx_str_t                   *name, value;
    ngx_uint_t                   i;
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r->main, ngx_http_onsite_module);

    if (olcf->adopt == NULL) {
        return;
    }

    name = olcf->adopt->elts;

    for (i = 0; i < olcf->adopt->nelts; i++) {
        if (find_cookie(r->main, &name[i], &value)
            && take_foreign(r->main, ctx, &value))
        {
            return;
        }
    }
}


/*
 * A visitor whom nothing here remembers, but another's cookie does, is
 * returning; unless that cookie was made in this very visit.
 */

void
ngx_http_onsite_adopted(run_t *run, onsite_visitor_t *visitor)
{
    onsite_ms_t                  since, now;
    ngx_http_onsite_loc_conf_t  *olcf;

    now = run->ctx->now;
    since = run->ctx->who.adopted_since;
    olcf = ngx_http_get_module_loc_conf(run->r, ngx_http_onsite_module);

    if (run->ctx->who.adopted.len == 0 || visitor->visits != 0
        || (since != 0 && now - since <= (onsite_ms_t) olcf->session_timeout))
    {
        return;
    }

    visitor->visits = 1;
    visitor->first_seen = since;
}


/* Exposure tokens */

static onsite_str_t
text_property(const onsite_event_t *event, onsite_str_t name)
{
    const onsite_value_t  *value;

    value = onsite_value_get(&event->properties, name);

    return value != NULL && value->type == ONSITE_STRING
           ? onsite_value_str(value) : onsite_str(NULL, 0);
}


static ngx_uint_t
is_report(const onsite_event_t *event)
{
    return onsite_str_eq(event->name, ONSITE_STR("Promotion Viewed"))
           || onsite_str_eq(event->name, ONSITE_STR("Promotion Clicked"))
           || onsite_str_eq(event->name, ONSITE_STR("Promotion Dismissed"));
}


static ngx_uint_t
is_signed_for(run_t *run, const onsite_key_t *key, onsite_str_t token,
    onsite_str_t campaign)
{
    char                     scratch[ONSITE_TOKEN_MAX];
    onsite_exposure_token_t  exposure;

    return onsite_token_verify(ngx_http_onsite_worker.signer,
                               run->ctx->who.site, key, token, scratch,
                               &exposure)
           == ONSITE_OK
           && (campaign.len == 0
               || onsite_str_eq(campaign, exposure.campaign));
}


/* A token may have been made before its visitor was linked: then it is signed
 * for the id that the visitor had. */

ngx_uint_t
ngx_http_onsite_forged(run_t *run, const item_t *item,
    const onsite_event_t *event)
{
    onsite_key_t  key;
    onsite_str_t  token, campaign;

    if (!is_report(event)) {
        return 0;
    }

    token = text_property(event, ONSITE_STR("exposure"));

    if (token.len == 0) {
        token = text_property(event, ONSITE_STR("exposure_token"));
    }

    if (token.len == 0) {
        return 0;
    }

    campaign = text_property(event, ONSITE_STR("promotion_id"));

    if (campaign.len == 0) {
        campaign = text_property(event, ONSITE_STR("campaign"));
    }

    if (is_signed_for(run, &run->key, token, campaign)
        || is_signed_for(run, &item->subject->start, token, campaign)
        || (item->subject->linked
            && is_signed_for(run, &item->subject->via, token, campaign)))
    {
        return 0;
    }

    if (event->anonymous_id.len == 0 || item->subject->by_id) {
        return 1;
    }

    key = onsite_visitor_key(ngx_http_onsite_worker.signer,
                             run->ctx->who.site, 'a', event->anonymous_id);

    return !is_signed_for(run, &key, token, campaign);
}
