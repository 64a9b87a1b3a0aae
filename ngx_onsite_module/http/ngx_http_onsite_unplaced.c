/*
 * ngx_http_onsite_unplaced.c - what was decided for a page and then did not
 * go into it.
 *
 * Decisions are made and recorded before the page's first byte; whether there
 * is a place is known at its end, or when it breaks off.  So what was recorded
 * as shown is taken back in a transaction of its own.  What fails here is
 * counted and logged: then the campaigns stay as if shown.
 */

#include "ngx_http_onsite.h"


static void
take_back(onsite_visitor_t *visitor, uint32_t campaign, ngx_uint_t along)
{
    onsite_exposure_t  *exposure;

    exposure = onsite_visitor_exposure(visitor, campaign);

    if (exposure == NULL || exposure->total == 0) {
        return;
    }

    exposure->total--;
    exposure->window -= exposure->window != 0;

    if (exposure->total == 0) {
        exposure->window = 0;
        exposure->last = 0;
    }

    if (along) {
        exposure->happened |= ONSITE_EXPOSURE_SENT;
    }
}


/* What the record became meanwhile is not ours to judge: only a visitor's that
 * decodes is changed. */

static onsite_status_t
rewrite(ngx_http_onsite_ctx_t *ctx, onsite_txn_t *txn)
{
    size_t                     size;
    ngx_uint_t                 i;
    onsite_key_t               link;
    onsite_str_t               record;
    onsite_status_t            status;
    onsite_record_kind_t       kind;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    status = onsite_txn_get(txn, &ctx->told.key, ctx->now, &record);
    if (status != ONSITE_OK) {
        return status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
    }

    if (onsite_visitor_decode(w->arena, record.data, record.len, &kind,
                              w->visitor, &link)
        != ONSITE_OK
        || kind != ONSITE_RECORD_VISITOR)
    {
        return ONSITE_OK;
    }

    for (i = 0; i < ctx->page.n; i++) {
        if (!(ctx->page.shown & (1u << i))) {
            take_back(w->visitor, ctx->page.campaigns[i],
                      ctx->page.along & (1u << i));
        }
    }

    size = onsite_visitor_encode(w->visitor, w->record,
                                 ONSITE_RECORD_BYTES_MAX);

    status = onsite_txn_put(txn, &ctx->told.key, onsite_str(w->record, size),
                            ctx->now);

    if (status == ONSITE_OK && !w->visitor->session_only) {
        ngx_http_onsite_roam(txn, ONSITE_ROAM_CHANGED, &ctx->told.key,
                             ctx->now);
    }

    return status;
}


/* The visitor may have become somebody's meanwhile. */

static onsite_status_t
give_back(ngx_http_onsite_ctx_t *ctx, onsite_error_t *error)
{
    uint32_t                   shard;
    onsite_txn_t              *txn;
    onsite_status_t            status;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    ctx->told.key = ngx_http_onsite_final(&ctx->told.key, ctx->now);
    shard = onsite_key_shard(&ctx->told.key, onsite_store_shards(w->store));

    status = onsite_txn_begin(w->store, shard, &txn, error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = rewrite(ctx, txn);

    if (status != ONSITE_OK) {
        onsite_txn_abort(txn);
        return onsite_error(error, status, "state: cannot take back what a "
                            "page had no place for, in shard %u: %s",
                            (unsigned) shard, onsite_status_text(status));
    }

    return onsite_txn_commit(txn, error);
}


/* What is withheld counts also where a slot was filled. */

static void
count_skip(ngx_http_onsite_ctx_t *ctx)
{
    if (ctx->page.withheld != NGX_HTTP_ONSITE_SKIP_NONE) {
        ctx->skip = ctx->page.withheld;

    } else if (!ctx->page.inserted) {
        ctx->skip = NGX_HTTP_ONSITE_SKIP_UNPLACED;

    } else {
        return;
    }

    ngx_http_onsite_count(skips[ctx->skip]);
}


void
ngx_http_onsite_unplaced(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    uint32_t                   all;
    onsite_error_t             error;
    ngx_http_onsite_worker_t  *w;

    if (ctx->preview.valid) {
        return;
    }

    w = &ngx_http_onsite_worker;
    all = (1u << ctx->page.n) - 1;

    count_skip(ctx);

    /* without consent nothing was recorded, nor for what is shown later */

    if ((ctx->page.shown & all) == all || !ctx->told.visitor
        || w->store == NULL)
    {
        return;
    }

    onsite_arena_reset(w->arena);

    if (give_back(ctx, &error) != ONSITE_OK) {
        ngx_http_onsite_count(store_errors);
        ngx_http_onsite_log(r->connection->log, NGX_HTTP_ONSITE_LOG_STORE,
                            NGX_LOG_ERR, error.text);
    }
}
