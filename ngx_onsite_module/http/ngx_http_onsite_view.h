/*
 * ngx_http_onsite_view.h - between page.c and view.c.
 */

#ifndef _NGX_HTTP_ONSITE_VIEW_H_INCLUDED_
#define _NGX_HTTP_ONSITE_VIEW_H_INCLUDED_

#include "ngx_http_onsite.h"


typedef struct {
    ngx_http_request_t       *r;
    ngx_http_onsite_ctx_t    *ctx;
    onsite_facts_t            facts;
    onsite_event_t           *events;
    ngx_uint_t                n;
} view_t;


/* Facts and events of a request: the server's own, then the view.  Strings are
 * in the worker's arena.  NGX_ERROR: out of memory. */
ngx_int_t ngx_http_onsite_gather(view_t *view, ngx_uint_t server_events,
    ngx_uint_t page);


#endif /* _NGX_HTTP_ONSITE_VIEW_H_INCLUDED_ */
