/*
 * ngx_http_onsite_key.c - the keys that calls of endpoints come with.
 */

#include "ngx_http_onsite_collect.h"


static ngx_uint_t
one_of(ngx_array_t *keys, ngx_str_t *key)
{
    ngx_str_t   *known;
    ngx_uint_t   i, found;

    found = 0;

    if (keys != NULL) {
        known = keys->elts;

        for (i = 0; i < keys->nelts; i++) {
            found |= ngx_http_onsite_key_equal(&known[i], key);
        }
    }

    return found;
}


/* NGX_OK: a good one; NGX_DECLINED: a wrong one. */

static ngx_int_t
check_key(ngx_http_request_t *r, call_t *call, ngx_str_t *key)
{
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    if (one_of(olcf->server_keys, key)) {
        call->ctx->trusted = 1;
        call->keyed = 1;
        return NGX_OK;
    }

    if (olcf->write_keys == NULL || one_of(olcf->write_keys, key)) {
        call->keyed = 1;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* Basic has it as the user name, with an empty password. */

static ngx_int_t
basic_key(ngx_http_request_t *r, ngx_str_t *text, ngx_str_t *key)
{
    u_char  *colon;

    key->data = ngx_pnalloc(r->pool, ngx_base64_decoded_length(text->len) + 1);
    if (key->data == NULL || ngx_decode_base64(key, text) != NGX_OK) {
        return NGX_ERROR;
    }

    colon = ngx_strlchr(key->data, key->data + key->len, ':');
    if (colon != NULL) {
        key->len = colon - key->data;
    }

    return NGX_OK;
}


static ngx_int_t
header_key(ngx_http_request_t *r, ngx_str_t *header, ngx_str_t *key)
{
    ngx_str_t  text;

    if (header->len > 6
        && ngx_strncasecmp(header->data, (u_char *) "basic ", 6) == 0)
    {
        text.data = header->data + 6;
        text.len = header->len - 6;
        return basic_key(r, &text, key);
    }

    if (header->len > 7
        && ngx_strncasecmp(header->data, (u_char *) "bearer ", 7) == 0)
    {
        key->data = header->data + 7;
        key->len = header->len - 7;
        return NGX_OK;
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_http_onsite_check_request_key(ngx_http_request_t *r, call_t *call)
{
    ngx_str_t                    key;
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    if (olcf->write_keys == NULL && olcf->server_keys == NULL) {
        call->keyed = 1;
        return NGX_OK;
    }

    if (call->ctx->headers.authorization.len != 0) {
        if (header_key(r, &call->ctx->headers.authorization, &key) != NGX_OK) {
            return NGX_DECLINED;
        }

        return check_key(r, call, &key);
    }

    if (r->args.len != 0
        && ngx_http_arg(r, (u_char *) "writeKey", 8, &key) == NGX_OK)
    {
        return check_key(r, call, &key);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_check_body_key(ngx_http_request_t *r, call_t *call)
{
    ngx_str_t                    key;
    ngx_http_onsite_loc_conf_t  *olcf;

    if (call->keyed) {
        return NGX_OK;
    }

    if (call->batch.write_key.len != 0) {
        key.data = (u_char *) call->batch.write_key.data;
        key.len = call->batch.write_key.len;
        return check_key(r, call, &key);
    }

    if (call->endpoint->kind != ENDPOINT_EVENT
        && call->endpoint->kind != ENDPOINT_BATCH
        && call->endpoint->kind != ENDPOINT_PIXEL)
    {
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    return olcf->write_keys == NULL ? NGX_OK : NGX_DECLINED;
}
