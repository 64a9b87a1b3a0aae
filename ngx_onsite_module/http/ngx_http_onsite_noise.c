/*
 * ngx_http_onsite_noise.c - requests that are no visit: of crawlers, and of
 * browsers that fetch or render a page ahead of a visit which may never be.
 *
 * Both leave no state and get no cookie.  A page fetched ahead gets our script
 * with a mark; it tells the view, through decide, once the page is seen.
 */

#include "ngx_http_onsite.h"

#include "onsite_crawler.h"


ngx_uint_t
ngx_http_onsite_is_bot(ngx_http_onsite_ctx_t *ctx)
{
    if (!ctx->bot_known) {
        ctx->bot = onsite_crawler(ngx_http_onsite_str(
                                                    ctx->headers.user_agent));
        ctx->bot_known = 1;
    }

    return ctx->bot;
}


ngx_http_onsite_skip_e
ngx_http_onsite_noise(ngx_http_onsite_ctx_t *ctx)
{
    return ctx->headers.prefetch ? NGX_HTTP_ONSITE_SKIP_PREFETCH
           : ngx_http_onsite_is_bot(ctx) ? NGX_HTTP_ONSITE_SKIP_BOT
           : NGX_HTTP_ONSITE_SKIP_NONE;
}


void
ngx_http_onsite_count_noise(ngx_http_onsite_skip_e noise)
{
    if (noise == NGX_HTTP_ONSITE_SKIP_PREFETCH) {
        ngx_http_onsite_count(prefetch);

    } else if (noise == NGX_HTTP_ONSITE_SKIP_BOT) {
        ngx_http_onsite_count(bots);
    }
}


/* Another's page would tell its view without being asked to: the copy is this
 * client's alone. */

static ngx_int_t
make_private(ngx_http_request_t *r)
{
    ngx_str_t  value = ngx_string("private");

    return ngx_http_onsite_add_header(r, "Cache-Control",
                                      sizeof("Cache-Control") - 1, &value)
           == NULL ? NGX_ERROR : NGX_OK;
}


void
ngx_http_onsite_show_later(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    if (make_private(r) == NGX_OK) {
        (void) ngx_http_onsite_prepare(r, ctx, NULL, 0,
                                       NGX_HTTP_ONSITE_SCRIPT_LATER);
    }
}
