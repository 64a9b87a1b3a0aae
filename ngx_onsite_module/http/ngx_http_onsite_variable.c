/*
 * ngx_http_onsite_variable.c - $onsite_..., computed when they are read.
 *
 * What was applied in this request is told as it was; before that, the visitor
 * is looked up and a page's decision made in advance, once (see the rules in
 * ngx_http_onsite.h).
 */

#include "ngx_http_onsite.h"


typedef enum {
    VARIABLE_VISITOR = 0,
    VARIABLE_VISITOR_ID,
    VARIABLE_SESSION,
    VARIABLE_CAMPAIGN,
    VARIABLE_VARIANT,
    VARIABLE_SEGMENTS,
    VARIABLE_REASON,
    VARIABLE_DECIDE_TIME,
    VARIABLE_SNAPSHOT
} variable_e;


/* session: 16 digits of the id, "-", the visit's number */
#define NGX_HTTP_ONSITE_VARIABLE_MAX  64


static ngx_int_t get_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  variables[] = {

    { ngx_string("onsite_visitor"), NULL, get_variable,
      VARIABLE_VISITOR, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("onsite_visitor_id"), NULL, get_variable,
      VARIABLE_VISITOR_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("onsite_session"), NULL, get_variable,
      VARIABLE_SESSION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("onsite_campaign"), NULL, get_variable,
      VARIABLE_CAMPAIGN, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("onsite_variant"), NULL, get_variable,
      VARIABLE_VARIANT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("onsite_segments"), NULL, get_variable,
      VARIABLE_SEGMENTS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("onsite_reason"), NULL, get_variable,
      VARIABLE_REASON, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("onsite_decide_time"), NULL, get_variable,
      VARIABLE_DECIDE_TIME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("onsite_snapshot"), NULL, get_variable,
      VARIABLE_SNAPSHOT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_onsite_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = variables; v->name.len != 0; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return ngx_http_onsite_add_interests(cf);
}


static void
set_text(ngx_http_variable_value_t *v, onsite_str_t text)
{
    v->len = (unsigned) text.len;
    v->data = (u_char *) text.data;
}


/* A visitor who is allowed to be one, but left no trace yet, is new. */

static void
set_visitor(ngx_http_variable_value_t *v, ngx_http_onsite_ctx_t *ctx)
{
    if (ctx->told.visitor) {
        set_text(v, onsite_visitor_status_text(ctx->told.status));

    } else if (ctx->known && !ctx->told.erased
               && ctx->who.consent != NGX_HTTP_ONSITE_CONSENT_NONE
               && ngx_http_onsite_worker.store != NULL)
    {
        set_text(v, onsite_visitor_status_text(ONSITE_VISITOR_NEW));
    }
}


static void
set_visitor_id(ngx_http_variable_value_t *v, ngx_http_onsite_told_t *told)
{
    if (told->visitor) {
        v->len = (unsigned) (ngx_hex_dump(v->data, told->key.bytes,
                                          sizeof(told->key.bytes))
                             - v->data);
    }
}


static void
set_session(ngx_http_variable_value_t *v, ngx_http_onsite_told_t *told)
{
    u_char  *p;

    if (told->visitor && told->visits != 0) {
        p = ngx_hex_dump(v->data, told->key.bytes, 8);
        p = ngx_sprintf(p, "-%uD", told->visits);
        v->len = (unsigned) (p - v->data);
    }
}


static void
set_reason(ngx_http_variable_value_t *v, ngx_http_onsite_ctx_t *ctx)
{
    if (ctx->preview.valid) {
        set_text(v, ONSITE_STR("preview"));

    } else if (ctx->skip != NGX_HTTP_ONSITE_SKIP_NONE) {
        set_text(v, ngx_http_onsite_str(ngx_http_onsite_skip_names[ctx->skip]));

    } else if (ctx->told.decided && ctx->told.reason != ONSITE_REASON_NONE) {
        set_text(v, onsite_reason_text(ctx->told.reason));
    }
}


/* Seconds, as nginx's own times, but to the microsecond. */

static void
set_decide_time(ngx_http_variable_value_t *v, ngx_http_onsite_told_t *told)
{
    uint64_t  us;

    if (told->decided) {
        us = told->nanoseconds / 1000;
        v->len = (unsigned) (ngx_sprintf(v->data, "%uL.%06uL", us / 1000000,
                                         us % 1000000)
                             - v->data);
    }
}


static void
set_snapshot(ngx_http_variable_value_t *v)
{
    u_char                        *end;
    const onsite_snapshot_info_t  *info;

    if (ngx_http_onsite_worker.snapshot != NULL) {
        info = onsite_snapshot_info(ngx_http_onsite_worker.snapshot);
        end = ngx_sprintf(v->data, "%uL", info->version);
        v->len = (unsigned) (end - v->data);
    }
}


static void
set_variable(ngx_http_variable_value_t *v, ngx_http_onsite_ctx_t *ctx,
    variable_e which)
{
    switch (which) {

    case VARIABLE_VISITOR:
        set_visitor(v, ctx);
        break;

    case VARIABLE_VISITOR_ID:
        set_visitor_id(v, &ctx->told);
        break;

    case VARIABLE_SESSION:
        set_session(v, &ctx->told);
        break;

    case VARIABLE_CAMPAIGN:
        set_text(v, ngx_http_onsite_str(ctx->told.campaign));
        break;

    case VARIABLE_VARIANT:
        set_text(v, ngx_http_onsite_str(ctx->told.variant));
        break;

    case VARIABLE_REASON:
        set_reason(v, ctx);
        break;

    case VARIABLE_DECIDE_TIME:
        set_decide_time(v, &ctx->told);
        break;

    case VARIABLE_SNAPSHOT:
        set_snapshot(v);
        break;

    case VARIABLE_SEGMENTS:
        set_text(v, ngx_http_onsite_str(ctx->told.segments));
        break;
    }
}


static ngx_int_t
get_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_http_onsite_ctx_t  *ctx;

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = 0;

    v->data = ngx_pnalloc(r->pool, NGX_HTTP_ONSITE_VARIABLE_MAX);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    ctx = ngx_http_onsite_ctx(r);
    if (ctx == NULL || ctx->busy) {
        return NGX_OK;
    }

    if (data != VARIABLE_SNAPSHOT) {
        ngx_http_onsite_look(r, ctx);
    }

    set_variable(v, ctx, (variable_e) data);

    return NGX_OK;
}
