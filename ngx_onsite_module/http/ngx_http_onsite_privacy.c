/*
 * ngx_http_onsite_privacy.c - what visitors may ask for: a choice of their
 * own, all that is held of them, and that it goes.
 *
 * All three are about the cookie that comes with the request, whatever the
 * consent; nobody may ask for another.  Pages of other sites may not ask.
 * Where onsite_identity does not say that the customer is here to whom the
 * cookie leads, it is about the device alone.
 */

#include "ngx_http_onsite_collect.h"
#include "ngx_http_onsite_apply.h"

#include "onsite_export.h"


/* Of an outbox; what remains is the worker's timer's. */
#define NGX_HTTP_ONSITE_ERASE_BUDGET  1024
#define NGX_HTTP_ONSITE_ERASE_STEPS   4
#define NGX_HTTP_ONSITE_TICK_STEPS    16

#define NGX_HTTP_ONSITE_EXPORT_BUDGET 100000


static ngx_str_t  erased = ngx_string("{\"erased\":true}");

static const char  nobody[] = "no visitor is named: there is no cookie of "
                              "ours, or not one that we signed";

static ngx_str_t  attachment =
    ngx_string("attachment; filename=\"visitor.json\"");


/* Erasing */

static onsite_status_t
step(ngx_uint_t steps, onsite_error_t *error)
{
    bool             more;
    ngx_uint_t       i;
    onsite_status_t  status;

    status = ONSITE_OK;
    more = true;

    for (i = 0; i < steps && more && status == ONSITE_OK; i++) {
        status = onsite_store_erase_step(ngx_http_onsite_worker.store,
                                         NGX_HTTP_ONSITE_ERASE_BUDGET, &more,
                                         error);
    }

    return status;
}


/* How far who asks may reach; NGX_ERROR: out of memory. */

static ngx_int_t
find_reach(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    const onsite_key_t *device, onsite_reach_t *reach)
{
    onsite_key_t                 owner, customer;
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r->main, ngx_http_onsite_module);
    *reach = ONSITE_REACH_VISITOR;

    if (olcf->identity == NULL) {
        return NGX_OK;
    }

    if (ngx_http_onsite_identify(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    owner = ngx_http_onsite_final(device, ctx->now);

    if (ngx_http_onsite_same_key(&owner, device)) {
        return NGX_OK;
    }

    customer = onsite_visitor_key(ngx_http_onsite_worker.signer,
                                  ctx->who.site, 'u', ctx->who.identity);
    customer = ngx_http_onsite_final(&customer, ctx->now);

    if (ctx->who.identity.len == 0
        || !ngx_http_onsite_same_key(&owner, &customer))
    {
        *reach = ONSITE_REACH_DEVICE;
    }

    return NGX_OK;
}


/* The store could not: whoever asked is told to come again. */

static ngx_int_t
complain(ngx_http_request_t *r, onsite_error_t *error)
{
    ngx_http_onsite_count(store_errors);
    ngx_http_onsite_log(r->connection->log, NGX_HTTP_ONSITE_LOG_STORE,
                        NGX_LOG_ERR, error->text);

    return NGX_BUSY;
}


static ngx_int_t
erase(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx, onsite_str_t id)
{
    onsite_key_t     key;
    onsite_error_t   error;
    onsite_reach_t   reach;
    onsite_status_t  status;

    error.text[0] = '\0';
    key = onsite_visitor_key(ngx_http_onsite_worker.signer, ctx->who.site,
                             'c', id);

    if (find_reach(r, ctx, &key, &reach) != NGX_OK) {
        return NGX_ERROR;
    }

    status = onsite_store_erase_start(ngx_http_onsite_worker.store, &key,
                                      reach, ctx->now, &error);

    if (status == ONSITE_OK || status == ONSITE_NOT_FOUND) {
        status = step(NGX_HTTP_ONSITE_ERASE_STEPS, &error);
    }

    if (status == ONSITE_OK) {
        ngx_http_onsite_count(erasures);
        return NGX_OK;
    }

    return complain(r, &error);
}


void
ngx_http_onsite_erase_tick(ngx_log_t *log)
{
    onsite_error_t  error;

    error.text[0] = '\0';

    if (step(NGX_HTTP_ONSITE_TICK_STEPS, &error) != ONSITE_OK) {
        ngx_http_onsite_count(store_errors);
        ngx_http_onsite_log(log, NGX_HTTP_ONSITE_LOG_STORE, NGX_LOG_ERR,
                            error.text);
    }
}


/* A consent string says no, and the cookie of a visitor still comes. */

void
ngx_http_onsite_withdraw(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    onsite_str_t  id;

    if (!ctx->who.refused || ngx_http_onsite_worker.store == NULL) {
        return;
    }

    id = ngx_http_onsite_own_cookie(ctx);

    if (id.len != 0 && erase(r, ctx, id) == NGX_OK) {
        (void) ngx_http_onsite_expire_cookie(r, ctx);
        ctx->page.personal = 1;
    }
}


/* The answer of POST privacy/erase. */

static ngx_int_t
answer_erase(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    ngx_int_t     rc;
    onsite_str_t  id;

    id = ngx_http_onsite_own_cookie(ctx);
    rc = id.len != 0 ? erase(r, ctx, id) : NGX_OK;

    if (rc == NGX_BUSY) {
        return ngx_http_onsite_shed(r);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->headers.n_cookies != 0
        && ngx_http_onsite_expire_cookie(r, ctx) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (id.len == 0) {
        return ngx_http_onsite_say_error(r, NGX_HTTP_NOT_FOUND, nobody);
    }

    return ngx_http_onsite_answer(r, NGX_HTTP_OK, &ngx_http_onsite_type_json,
                                  &ngx_http_onsite_no_store, &erased);
}


/* Choosing */

/* {"consent":"full"}, a form's consent=full, or ?consent=full. */

static ngx_int_t
read_choice(ngx_http_request_t *r, onsite_str_t body,
    ngx_http_onsite_consent_e *tier)
{
    ngx_str_t        name;
    onsite_str_t     text;
    onsite_value_t   value;
    onsite_arena_t  *arena;

    arena = ngx_http_onsite_worker.arena;
    text = onsite_str(NULL, 0);

    if (body.len == 0) {
        body = ngx_http_onsite_str(r->args);
    }

    if (onsite_query_get(arena, body, ONSITE_STR("consent"), &text)
        != ONSITE_OK
        && onsite_json_parse(ngx_http_onsite_worker.json, arena, body, &value,
                             NULL)
           == ONSITE_OK)
    {
        text = onsite_value_get_str(&value, ONSITE_STR("consent"));
    }

    name.data = (u_char *) text.data;
    name.len = text.len;

    return ngx_http_onsite_consent_named(&name, tier);
}


static ngx_uint_t
is_buried(ngx_http_onsite_ctx_t *ctx, const onsite_key_t *key)
{
    size_t                     size;
    onsite_key_t               link;
    onsite_record_kind_t       kind;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    return onsite_store_get(w->store, key, ctx->now, w->record,
                            ONSITE_RECORD_BYTES_MAX, &size)
           == ONSITE_OK
           && onsite_visitor_decode(w->arena, w->record, size, &kind,
                                    w->visitor, &link)
              == ONSITE_OK
           && kind == ONSITE_RECORD_TOMBSTONE;
}


/* The cookie lives on as the new tier lets it; one that was erased has had its
 * time. */

static ngx_int_t
renew_cookie(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    onsite_str_t id)
{
    ngx_http_onsite_who_t  *who;

    who = &ctx->who;
    who->cookie_id = id;
    who->cookie_key = onsite_visitor_key(ngx_http_onsite_worker.signer,
                                         who->site, 'c', id);
    who->fresh = 1;

    if (is_buried(ctx, &who->cookie_key)
        && ngx_http_onsite_new_cookie(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_onsite_set_cookie(r, ctx);
}


/* The record at hand, in worker.visitor, is kept for the session only. */

static onsite_status_t
put_brief(onsite_txn_t *txn, const onsite_key_t *key, onsite_ms_t now)
{
    size_t                     size;
    onsite_status_t            status;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    w->visitor->session_only = true;
    size = onsite_visitor_encode(w->visitor, w->record,
                                 ONSITE_RECORD_BYTES_MAX);

    status = size == 0 ? ONSITE_LIMIT
             : onsite_txn_put(txn, key, onsite_str(w->record, size), now);

    if (status == ONSITE_OK) {
        ngx_http_onsite_roam(txn, ONSITE_ROAM_CHANGED, key, now);
    }

    return status;
}


/* NOT_FOUND: no visitor is under this key, or none but a session's. */

static onsite_status_t
make_brief(onsite_txn_t *txn, const onsite_key_t *key, onsite_ms_t now)
{
    onsite_key_t               link;
    onsite_str_t               record;
    onsite_status_t            status;
    onsite_record_kind_t       kind;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    status = onsite_txn_get(txn, key, now, &record);

    if (status != ONSITE_OK) {
        return status;
    }

    status = onsite_visitor_decode(w->arena, record.data, record.len, &kind,
                                   w->visitor, &link);

    if (status == ONSITE_NO_MEMORY) {
        return status;
    }

    /* what does not decode tells nothing of anybody */

    if (status != ONSITE_OK || kind != ONSITE_RECORD_VISITOR
        || w->visitor->session_only)
    {
        return ONSITE_NOT_FOUND;
    }

    return put_brief(txn, key, now);
}


/*
 * What was remembered in full is the session's from now on, not only from the
 * next event on: what waits to leave asks for it.  The record of a customer
 * who is not here stays.
 */

static ngx_int_t
shorten(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    onsite_key_t     key;
    onsite_txn_t    *txn;
    onsite_error_t   error;
    onsite_reach_t   reach;
    onsite_status_t  status;

    error.text[0] = '\0';

    if (find_reach(r, ctx, &ctx->who.cookie_key, &reach) != NGX_OK) {
        return NGX_ERROR;
    }

    if (reach == ONSITE_REACH_DEVICE) {
        return NGX_OK;
    }

    key = ngx_http_onsite_final(&ctx->who.cookie_key, ctx->now);

    if (onsite_txn_begin(ngx_http_onsite_worker.store,
                         ngx_http_onsite_shard(&key), &txn, &error)
        != ONSITE_OK)
    {
        return complain(r, &error);
    }

    status = make_brief(txn, &key, ctx->now);

    if (status != ONSITE_OK) {
        onsite_txn_abort(txn);

        if (status == ONSITE_NOT_FOUND) {
            return NGX_OK;
        }

        (void) onsite_error(&error, status, "state: cannot keep a record for "
                            "the session only: %s",
                            onsite_status_text(status));
        return complain(r, &error);
    }

    return onsite_txn_commit(txn, &error) == ONSITE_OK ? NGX_OK
                                                       : complain(r, &error);
}


static ngx_int_t
follow_choice(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    ngx_int_t     rc;
    onsite_str_t  id;

    id = ngx_http_onsite_own_cookie(ctx);

    if (id.len == 0) {
        return NGX_OK;
    }

    if (ctx->who.consent != NGX_HTTP_ONSITE_CONSENT_NONE) {
        rc = renew_cookie(r, ctx, id);

        return rc == NGX_OK
               && ctx->who.consent == NGX_HTTP_ONSITE_CONSENT_SESSION
               ? shorten(r, ctx) : rc;
    }

    rc = erase(r, ctx, id);

    return rc != NGX_OK ? rc : ngx_http_onsite_expire_cookie(r, ctx);
}


static ngx_int_t
answer_consent(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    onsite_str_t body)
{
    ngx_int_t                   rc;
    onsite_buf_t               *text;
    ngx_http_onsite_consent_e   tier;

    if (read_choice(r, body, &tier) != NGX_OK) {
        return ngx_http_onsite_refuse(r, NGX_HTTP_BAD_REQUEST,
                               "consent: must be none, session or full");
    }

    ctx->headers.choice = tier;
    ctx->headers.chosen = 1;
    ngx_http_onsite_weigh_consent(ctx);

    rc = follow_choice(r, ctx);

    if (rc == NGX_BUSY) {
        return ngx_http_onsite_shed(r);
    }

    if (rc != NGX_OK || ngx_http_onsite_set_choice(r, tier) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text = &ngx_http_onsite_worker.text;
    onsite_buf_clear(text);
    onsite_buf_str(text, ONSITE_STR("{\"consent\":\""));
    onsite_buf_str(text, ngx_http_onsite_str(
                             *ngx_http_onsite_consent_name(ctx->who.consent)));
    onsite_buf_str(text, ONSITE_STR("\"}"));

    return ngx_http_onsite_answer_text(r, NGX_HTTP_OK, text);
}


ngx_int_t
ngx_http_onsite_privacy_post(ngx_http_request_t *r, call_t *call,
    onsite_str_t body)
{
    if (ngx_http_onsite_check_origin(r, call->ctx) != NGX_OK) {
        return ngx_http_onsite_refuse(r, NGX_HTTP_FORBIDDEN,
                               "only pages of this site, and of those that "
                               "onsite_allow_origin names, may ask for this");
    }

    return call->endpoint->kind == ENDPOINT_CONSENT
           ? answer_consent(r, call->ctx, body)
           : answer_erase(r, call->ctx);
}


/* Export */

static onsite_status_t
write_export(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    onsite_str_t id, onsite_buf_t *text)
{
    onsite_key_t               key;
    onsite_site_t             *site;
    onsite_export_t            export;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    site = ngx_http_onsite_site(ctx->who.site);

    export.store = w->store;
    export.site = ctx->who.site;
    export.image = site != NULL ? &site->image : NULL;
    export.json = w->json;
    export.arena = w->arena;
    export.budget = NGX_HTTP_ONSITE_EXPORT_BUDGET;

    key = onsite_visitor_key(w->signer, ctx->who.site, 'c', id);

    onsite_arena_reset(w->arena);
    onsite_buf_clear(text);

    if (find_reach(r, ctx, &key, &export.reach) != NGX_OK) {
        return ONSITE_NO_MEMORY;
    }

    return onsite_export_write(&export, &key, ctx->now, text);
}


static ngx_int_t
export_record(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    onsite_str_t id)
{
    onsite_buf_t  *text;

    text = &ngx_http_onsite_worker.text;

    switch (write_export(r, ctx, id, text)) {

    case ONSITE_OK:
        break;

    case ONSITE_NOT_FOUND:
        return ngx_http_onsite_say_error(r, NGX_HTTP_NOT_FOUND,
                                         "nothing is held of this visitor");

    case ONSITE_NO_MEMORY:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:
        return ngx_http_onsite_shed(r);
    }

    if (ngx_http_onsite_add_literal(r, "X-Content-Type-Options", "nosniff")
        != NGX_OK
        || ngx_http_onsite_add_header(r, "Content-Disposition",
                                      sizeof("Content-Disposition") - 1,
                                      &attachment)
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_onsite_answer_text(r, NGX_HTTP_OK, text);
}


ngx_int_t
ngx_http_onsite_export(ngx_http_request_t *r, call_t *call)
{
    onsite_str_t  id;

    id = ngx_http_onsite_own_cookie(call->ctx);

    if (id.len == 0) {
        return ngx_http_onsite_say_error(r, NGX_HTTP_NOT_FOUND, nobody);
    }

    if (ngx_http_onsite_worker.store == NULL) {
        return ngx_http_onsite_refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                      "the visitor state is not available");
    }

    return export_record(r, call->ctx, id);
}
