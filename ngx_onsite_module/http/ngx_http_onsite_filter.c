/*
 * ngx_http_onsite_filter.c - header and body filter.
 */

#include "ngx_http_onsite.h"


ngx_int_t
ngx_http_onsite_filter_init(ngx_conf_t *cf)
{
    return NGX_OK;
}
