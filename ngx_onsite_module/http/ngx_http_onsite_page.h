/*
 * ngx_http_onsite_page.h - pages: when a view counts, what is inserted, and
 * how it gets there.  Included by ngx_http_onsite.h.
 */

#ifndef _NGX_HTTP_ONSITE_PAGE_H_INCLUDED_
#define _NGX_HTTP_ONSITE_PAGE_H_INCLUDED_

/*
 * page.c - the seam to the filter.
 *
 * The header filter asks, for each main request of a location that has
 * `onsite on`, `onsite dry_run` or an onsite_event (ngx_http_onsite_wanted),
 * before it sends the header on.  skip is what the response says against an
 * insertion.
 *
 * NGX_OK: ctx->page is filled, page.any is set: clear length, ranges and
 * validators and insert what ngx_http_onsite_insertion has.  NGX_DECLINED: no
 * insertion.  Either way page.personal may be set: tighten Cache-Control
 * (Set-Cookie is in headers_out already).  Never NGX_ERROR.
 *
 * It gates what the request's side says itself: bypass, Sec-Fetch-Dest,
 * crawlers, prefetch, consent, missing onsite_collect; it counts the skips,
 * the view and the event, each once a request, whatever redirects happened.
 * The filter counts `injections` when bytes went in.
 *
 * Rules.
 *   A document is a GET answered 200 with an injectable type, and not for a
 *   script's fetch.  Its view is counted in the header filter, also when
 *   nothing can be inserted (ENCODED, EMPTY, CSP, COLLECT): what fires then
 *   waits for the next page.
 *   A variable that is read earlier gets a decision made on what the visitor
 *   would be after this view (a peek: nothing is kept), with the request's own
 *   clock, so that the one that counts comes out the same.  A
 *   response that then is no document counts no view.
 *   Server events (onsite_event) apply at the same moment, before the view,
 *   in the same transaction, when the status is below 400 and `if` holds.
 */
ngx_uint_t ngx_http_onsite_wanted(ngx_http_request_t *r);
ngx_int_t ngx_http_onsite_page_view(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx, ngx_http_onsite_skip_e skip);

/* The "Page Viewed" event of the page that a request's Referer names, strings
 * in the worker's arena. */
ngx_int_t ngx_http_onsite_referring_event(ngx_http_onsite_ctx_t *ctx,
    onsite_facts_t *facts, onsite_event_t *event);

/* Fills ctx->told for a variable that is read before anything was applied. */
void ngx_http_onsite_look(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx);

/* filter.c: both filters; called at the end of postconfiguration. */
ngx_int_t ngx_http_onsite_filter_init(ngx_conf_t *cf);

/* response.c */

/* What the response says against an insertion; fills page.gzip. */
ngx_http_onsite_skip_e ngx_http_onsite_response_shape(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
/* It says that it is in UTF-8: what a page's own meta says does not count. */
ngx_uint_t ngx_http_onsite_response_utf8(ngx_http_request_t *r);
/* It is for one visitor only: what else was said about caching is void. */
ngx_int_t ngx_http_onsite_response_private(ngx_http_request_t *r);
/* Its bytes will be others, and not compressed. */
void ngx_http_onsite_response_changed(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);

/*
 * inflate.c: buffers of gzip in, of plain bytes out.
 *
 * add keeps what is of use of the bufs in the chain, not its links; they are
 * eaten (pos) as they are read.  NULL from create, NGX_ERROR from add: out of
 * memory.
 */
typedef struct ngx_http_onsite_inflate_s  ngx_http_onsite_inflate_t;

ngx_http_onsite_inflate_t *ngx_http_onsite_inflate_create(
    ngx_http_request_t *r);
ngx_int_t ngx_http_onsite_inflate_add(ngx_http_onsite_inflate_t *inflate,
    ngx_chain_t *in);

/*
 * The next buffer: used again as soon as all of it was written (pos == last),
 * with the flush or last_buf that the input had there; may be without bytes.
 *
 *   NGX_DECLINED  all of the input was read
 *   NGX_AGAIN     no buffer is free, see ..._ready
 *   NGX_ERROR     the page is damaged, which is logged, or out of memory
 */
ngx_int_t ngx_http_onsite_inflate_next(ngx_http_onsite_inflate_t *inflate,
    ngx_buf_t **out);
ngx_uint_t ngx_http_onsite_inflate_ready(ngx_http_onsite_inflate_t *inflate);

/* prepare.c, insert.c */

typedef enum {
    NGX_HTTP_ONSITE_SCRIPT_SHOW = 0,    /* what was decided, and counted     */
    NGX_HTTP_ONSITE_SCRIPT_LATER,       /* nothing, until the page is seen   */
    NGX_HTTP_ONSITE_SCRIPT_PREVIEW      /* what is told to nobody: no tokens */
} ngx_http_onsite_script_e;

/* Puts choices of the request's site by for its page, into ctx->page: those of
 * onsite channels that do not wait.  NGX_DECLINED: there are none. */
ngx_int_t ngx_http_onsite_prepare(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx, const onsite_choice_t *choices, size_t n,
    ngx_http_onsite_script_e script);

/*
 * What stands at a place: of onsite_place_t, or ONSITE_PLACES + i for slot i,
 * which may be asked for more than once.  *out: bytes in memory that live as
 * long as the request; the chain may be handed out again, so it is read, not
 * sent.  NULL: nothing.  NGX_ERROR: out of memory, and nothing is inserted
 * there.
 */
ngx_int_t ngx_http_onsite_insertion(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx, ngx_uint_t place, ngx_chain_t **out);

/* The exposure token of a choice, into out (ONSITE_TOKEN_MAX); its length. */
size_t ngx_http_onsite_token(ngx_http_onsite_ctx_t *ctx,
    const onsite_choice_t *choice, char *out);

/*
 * unplaced.c: the page has ended.  Where nothing went into it counts the skip;
 * campaigns that did not are counted as not shown: as soon as the visitor's
 * record can be written, their caps are as before.  Sticky variants stay.
 */
void ngx_http_onsite_unplaced(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);

/* preview.c */

/* Whether the request has a preview link that is good for it. */
ngx_uint_t ngx_http_onsite_preview(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
/* What it asks for, in the live snapshot; NULL, or why that is not there. */
const char *ngx_http_onsite_preview_find(ngx_http_onsite_ctx_t *ctx,
    const onsite_campaign_t **campaign, const onsite_variant_t **variant);
/* X-Onsite-Preview; text is static. */
void ngx_http_onsite_preview_tell(ngx_http_request_t *r, const char *text);
/* Headers that keep the page from anybody else. */
void ngx_http_onsite_preview_seal(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);

/* policy.c: CSP, MEMORY or NONE; fills ctx->nonce where the page's policies
 * have one.  Those of its header, before anything is decided. */
ngx_http_onsite_skip_e ngx_http_onsite_policy(ngx_http_request_t *r);
/* The same with those of metas in ctx->page, before the script's element is
 * made.  The caller counts. */
ngx_http_onsite_skip_e ngx_http_onsite_policy_metas(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
/* The page's origin as its browser knows it, which policies are judged by:
 * "https://", and host[:port]; an empty host: the request had none. */
const char *ngx_http_onsite_origin(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx, onsite_str_t *host);

/* noise.c */

/* By the request's own user agent; evaluated once. */
ngx_uint_t ngx_http_onsite_is_bot(ngx_http_onsite_ctx_t *ctx);
/* SKIP_PREFETCH, SKIP_BOT or NONE. */
ngx_http_onsite_skip_e ngx_http_onsite_noise(ngx_http_onsite_ctx_t *ctx);
void ngx_http_onsite_count_noise(ngx_http_onsite_skip_e noise);
/* The script alone goes into the page, marked. */
void ngx_http_onsite_show_later(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);


#endif /* _NGX_HTTP_ONSITE_PAGE_H_INCLUDED_ */
