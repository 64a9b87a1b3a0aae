/*
 * ngx_http_onsite_segments.c - $onsite_segments.
 *
 * A record's bytes are gone when the variable is read: where the configuration
 * reads it, the segments are written down while the visitor is at hand.
 */

#include "ngx_http_onsite_apply.h"


void
ngx_http_onsite_segments_init(ngx_cycle_t *cycle)
{
    ngx_uint_t                  i;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    static ngx_str_t  name = ngx_string("onsite_segments");

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (v[i].name.len == name.len
            && ngx_memcmp(v[i].name.data, name.data, name.len) == 0)
        {
            ngx_http_onsite_worker.segments = 1;
        }
    }
}


/* "a,b" in the pool. */

static void
join(ngx_pool_t *pool, const onsite_value_t *ids, ngx_str_t *text)
{
    size_t     len;
    u_char    *p;
    uint32_t   i;

    for (i = 0, len = 0; i < ids->len; i++) {
        len += ids->as.items[i].len + 1;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return;
    }

    text->data = p;

    for (i = 0; i < ids->len; i++) {
        p = ngx_cpymem(p, ids->as.items[i].as.string, ids->as.items[i].len);
        *p++ = ',';
    }

    text->len = len - 1;
}


void
ngx_http_onsite_tell_segments(run_t *run, onsite_visitor_t *visitor)
{
    onsite_apply_t             a;
    onsite_value_t             ids;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    ngx_memzero(&a, sizeof(onsite_apply_t));
    a.site = ngx_http_onsite_site(run->ctx->who.site);

    if (!w->segments || visitor == NULL || a.site == NULL) {
        return;
    }

    a.visitor = visitor;
    a.facts = run->apply->facts;
    a.now = run->ctx->now;
    a.arena = w->arena;
    a.closed = run->closed;

    run->ctx->told.segments.len = 0;
    ids = onsite_apply_segments(&a);

    if (ids.type == ONSITE_ARRAY && ids.len != 0) {
        join(run->r->main->pool, &ids, &run->ctx->told.segments);
    }
}
