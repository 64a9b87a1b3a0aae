/*
 * ngx_http_onsite_gpc.c - /.well-known/gpc.json: that Global Privacy Control
 * is honoured here (W3C, "Global Privacy Control").
 *
 * Served where it is true and nobody else's: in servers with an
 * onsite_collect, unless onsite_consent takes its tier from a value, of which
 * we cannot know, or the configuration has a location of its own for it.
 */

#include "ngx_http_onsite_collect.h"


/* When what we do about GPC last changed. */
#define NGX_HTTP_ONSITE_GPC_SINCE  "2026-11-21"


static ngx_str_t  ngx_http_onsite_gpc_uri =
    ngx_string("/.well-known/gpc.json");

static ngx_str_t  ngx_http_onsite_gpc_cache =
    ngx_string("public, max-age=86400");

static ngx_str_t  ngx_http_onsite_gpc_text =
    ngx_string("{\"gpc\":true,\"lastUpdate\":\"" NGX_HTTP_ONSITE_GPC_SINCE
               "\"}");


static ngx_uint_t
is_served(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_onsite_srv_conf_t  *scf;
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    if (olcf->gpc != NGX_HTTP_ONSITE_GPC_AUTO) {
        return olcf->gpc == NGX_HTTP_ONSITE_ON;
    }

    scf = ngx_http_get_module_srv_conf(r, ngx_http_onsite_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return scf->prefix.data != NULL && !clcf->exact_match
           && olcf->consent_from != NGX_HTTP_ONSITE_CONSENT_VALUE;
}


static ngx_int_t
gpc_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r->uri.len != ngx_http_onsite_gpc_uri.len
        || !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) || r != r->main
        || ngx_memcmp(r->uri.data, ngx_http_onsite_gpc_uri.data, r->uri.len)
           != 0
        || !is_served(r))
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc == NGX_OK) {
        rc = ngx_http_onsite_answer(r, NGX_HTTP_OK,
                                    &ngx_http_onsite_type_json,
                                    &ngx_http_onsite_gpc_cache,
                                    &ngx_http_onsite_gpc_text);
    }

    /* a handler of this phase answers by itself */

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


ngx_int_t
ngx_http_onsite_gpc_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *handler;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    handler = ngx_array_push(
                       &cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (handler == NULL) {
        return NGX_ERROR;
    }

    *handler = gpc_handler;

    return NGX_OK;
}
