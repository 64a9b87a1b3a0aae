/*
 * ngx_http_onsite_compat.h - all that differs between nginx 1.22 and later.
 */

#ifndef _NGX_HTTP_ONSITE_COMPAT_H_INCLUDED_
#define _NGX_HTTP_ONSITE_COMPAT_H_INCLUDED_

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* From 1.23 on, headers of one name are linked, and whoever pushes one into
 * headers_out has to end the list. */

#if (nginx_version >= 1023000)
#define ngx_http_onsite_header_end(h)  (h)->next = NULL
#define ngx_http_onsite_cache_control(r, h)                                   \
    (r)->headers_out.cache_control = (h)
#else
#define ngx_http_onsite_header_end(h)
#define ngx_http_onsite_cache_control(r, h)                                   \
    (void) (h), (r)->headers_out.cache_control.nelts = 0
#endif


#endif /* _NGX_HTTP_ONSITE_COMPAT_H_INCLUDED_ */
