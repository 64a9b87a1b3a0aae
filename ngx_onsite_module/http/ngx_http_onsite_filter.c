/*
 * ngx_http_onsite_filter.c - header and body filter: moves buffers, inserts
 * bytes.  What is inserted comes from insert.c, where it goes from the scanner
 * in core/onsite_inject.c; pages that the origin has compressed go through
 * inflate.c first.
 */

#include "ngx_http_onsite.h"


typedef struct filter_s  filter_t;

struct filter_s {
    onsite_inject_t          *inject;
    ngx_http_onsite_inflate_t  *inflate;    /* NULL: the page is plain       */
    ngx_chain_t              *free;     /* links with a buf of ours to reuse */
    ngx_chain_t              *busy;     /* sent on, not yet written          */
    filter_t                 *next;     /* of spare                          */
    unsigned                  counted:1;
    unsigned                  began:1;  /* there was a byte                  */
    unsigned                  ended:1;  /* there was the last buffer         */
};


/* Output under way: where the next link goes. */

typedef struct {
    ngx_http_request_t       *r;
    ngx_http_onsite_ctx_t    *ctx;
    filter_t                 *filter;
    ngx_chain_t              *out;
    ngx_chain_t             **last;
    ngx_buf_t                *tail;     /* the last of the input at hand     */
} output_t;


static ngx_int_t header_filter(ngx_http_request_t *r);
static ngx_int_t body_filter(ngx_http_request_t *r, ngx_chain_t *in);


static ngx_http_output_header_filter_pt  next_header_filter;
static ngx_http_output_body_filter_pt    next_body_filter;

/* Those of pages that were sent, each with its scanner behind it: from the
 * request's pool they would be a malloc and a free a page. */

#define SPARE_MAX  64
#define LINE       64

static filter_t   *spare;
static ngx_uint_t  n_spare;


/*
 * Filters run from the last module to the first.  A compressor that is loaded
 * after us puts itself between us and postpone, and leaves us nothing to read.
 */

static void
warn_compressor(ngx_conf_t *cf)
{
    char        *name;
    ngx_uint_t   i, behind;

    behind = 0;

    for (i = 0; cf->cycle->modules[i] != NULL; i++) {
        name = cf->cycle->modules[i]->name;

        if (ngx_strcmp(name, "ngx_http_onsite_module") == 0) {
            behind = 1;

        } else if (behind && (ngx_strstr(name, "_brotli_filter") != NULL
                              || ngx_strstr(name, "_zstd_filter") != NULL))
        {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "onsite: \"%s\" compresses pages before they can be "
                          "changed: nothing will be shown on those; put its "
                          "\"load_module\" before the one of "
                          "\"ngx_http_onsite_module\"", name);
        }
    }
}


ngx_int_t
ngx_http_onsite_filter_init(ngx_conf_t *cf)
{
    warn_compressor(cf);

    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = header_filter;

    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = body_filter;

    return NGX_OK;
}


static void *
scanner_alloc(void *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


static void
put_away(void *data)
{
    filter_t  *filter;

    filter = data;

    if (n_spare == SPARE_MAX) {
        ngx_free(filter);
        return;
    }

    filter->next = spare;
    spare = filter;
    n_spare++;
}


/* As long as the request's pool. */

static filter_t *
get_filter(ngx_http_request_t *r)
{
    filter_t            *filter;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    filter = spare;

    if (filter != NULL) {
        spare = filter->next;
        n_spare--;

    } else {
        filter = ngx_memalign(LINE, ngx_align(sizeof(filter_t), LINE)
                                    + onsite_inject_size(),
                              r->connection->log);
        if (filter == NULL) {
            return NULL;
        }
    }

    cln->handler = put_away;
    cln->data = filter;

    ngx_memzero(filter, sizeof(filter_t));
    filter->inject = (onsite_inject_t *)
                     ((u_char *) filter + ngx_align(sizeof(filter_t), LINE));

    return filter;
}


/* Only for a page that will be changed: any other stays compressed. */

static filter_t *
make_filter(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    filter_t  *filter;

    filter = get_filter(r);
    if (filter == NULL) {
        return NULL;
    }

    if (ctx->page.gzip) {
        filter->inflate = ngx_http_onsite_inflate_create(r);
        if (filter->inflate == NULL) {
            return NULL;
        }
    }

    onsite_inject_init(filter->inject, ctx->page.wanted);
    onsite_inject_memory(filter->inject, scanner_alloc, r->pool);
    onsite_inject_slots(filter->inject, ctx->page.slots, ctx->page.n_slots);

    if (ctx->headers.fetch_dest.len != 0) {
        onsite_inject_is_document(filter->inject);
    }

    return filter;
}


/* A page that breaks off, or whose client leaves: its last buffer never came,
 * and what has not gone in by now will not. */

static void
break_off(void *data)
{
    ngx_http_request_t     *r;
    ngx_http_onsite_ctx_t  *ctx;

    r = data;
    ctx = ngx_http_onsite_get_ctx(r);

    if (ctx != NULL && ctx->filter != NULL
        && !((filter_t *) ctx->filter)->ended)
    {
        ((filter_t *) ctx->filter)->ended = 1;
        ngx_http_onsite_unplaced(r, ctx);
    }
}


static ngx_int_t
expect_end(ngx_http_request_t *r)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = break_off;
    cln->data = r;

    return NGX_OK;
}


static ngx_int_t
header_filter(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_http_onsite_ctx_t  *ctx;

    if (r != r->main || !ngx_http_onsite_wanted(r)) {
        return next_header_filter(r);
    }

    ctx = ngx_http_onsite_ctx(r);
    if (ctx == NULL || ctx->counted) {
        return next_header_filter(r);
    }

    rc = ngx_http_onsite_page_view(r, ctx,
                                   ngx_http_onsite_response_shape(r, ctx));

    if (ctx->page.personal && ngx_http_onsite_response_private(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return next_header_filter(r);
    }

    ctx->filter = expect_end(r) == NGX_OK ? make_filter(r, ctx) : NULL;

    if (ctx->filter == NULL) {
        ngx_http_onsite_count(skips[NGX_HTTP_ONSITE_SKIP_MEMORY]);
        return next_header_filter(r);
    }

    r->main_filter_need_in_memory = 1;

    ngx_http_onsite_response_changed(r, ctx);

    return next_header_filter(r);
}


/* A buf of ours at the end of the output; cleared but for its tag. */

static ngx_buf_t *
next_buf(output_t *o)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ngx_chain_get_free_buf(o->r->pool, &o->filter->free);
    if (cl == NULL) {
        return NULL;
    }

    b = cl->buf;
    ngx_memzero(b, sizeof(ngx_buf_t));
    b->tag = (ngx_buf_tag_t) &ngx_http_onsite_module;

    *o->last = cl;
    o->last = &cl->next;
    cl->next = NULL;
    o->tail = b;

    return b;
}


/* in: the buffer that the bytes are part of; NULL: they lie elsewhere, as long
 * as the request lives. */

static ngx_int_t
send_bytes(output_t *o, ngx_buf_t *in, u_char *p, size_t len)
{
    ngx_buf_t  *b;

    b = next_buf(o);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = p;
    b->last = p + len;
    b->temporary = in != NULL && in->temporary;
    b->memory = in == NULL || in->memory || in->mmap;

    return NGX_OK;
}


/* What the page has told so far. */

static void
tell_page(filter_t *filter, ngx_http_onsite_page_t *page)
{
    ngx_uint_t  i;

    for (i = 0; i < page->n_slots; i++) {
        if (onsite_inject_slot_filled(filter->inject, i)) {
            page->filled |= 1u << i;
        }
    }

    page->n_policies = onsite_inject_policies(filter->inject,
                                              &page->policies);
    page->policies_lost = onsite_inject_policies_lost(filter->inject);
    page->base = onsite_inject_base(filter->inject);
}


/* Out of memory the page goes on without it. */

static ngx_int_t
send_insertion(output_t *o, unsigned place)
{
    ngx_chain_t  *cl;

    tell_page(o->filter, &o->ctx->page);

    if (ngx_http_onsite_insertion(o->r, o->ctx, place, &cl) != NGX_OK) {
        ngx_http_onsite_count(skips[NGX_HTTP_ONSITE_SKIP_MEMORY]);
        return NGX_OK;
    }

    for ( /* void */ ; cl != NULL; cl = cl->next) {
        if (send_bytes(o, NULL, cl->buf->pos, cl->buf->last - cl->buf->pos)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
send_slice(output_t *o, ngx_buf_t *in, onsite_slice_t *slice)
{
    switch (slice->kind) {

    case ONSITE_SLICE_INSERT:
        return send_insertion(o, slice->place);

    case ONSITE_SLICE_COPY:
        return send_bytes(o, in, in->pos + slice->offset, slice->bytes.len);

    default: /* ONSITE_SLICE_BYTES */
        return send_bytes(o, NULL, (u_char *) slice->bytes.data,
                          slice->bytes.len);
    }
}


/*
 * All of a buffer was held back, or it held nothing: only that it is the last
 * one, or a flush, goes on.  A mere sync says nothing to those behind us.
 */

static ngx_int_t
take_nothing(output_t *o, ngx_buf_t *in)
{
    ngx_buf_t  *b;

    if (ngx_buf_in_memory(in)) {
        in->pos = in->last;
    }

    if (!in->last_buf && !in->flush) {
        return NGX_OK;
    }

    b = next_buf(o);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last_buf = in->last_buf;
    b->flush = in->flush;

    return NGX_OK;
}


/*
 * One input buffer.  What points into it is written later, so that it counts
 * as eaten only when the last buf made of it, which has it as its shadow, has
 * been written.
 */

static ngx_int_t
take_buf(output_t *o, ngx_buf_t *in)
{
    size_t          size;
    onsite_slice_t  slice;

    o->tail = NULL;
    size = ngx_buf_in_memory(in) ? (size_t) (in->last - in->pos) : 0;

    o->filter->began |= size != 0;

    /* a page without any byte stays so, also when its length was not known */

    onsite_inject_feed(o->filter->inject, onsite_str((char *) in->pos, size),
                       in->last_buf && o->filter->began);

    while (onsite_inject_next(o->filter->inject, &slice)) {
        if (send_slice(o, in, &slice) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (o->tail == NULL) {
        return take_nothing(o, in);
    }

    o->tail->last_buf |= in->last_buf;
    o->tail->flush |= in->flush;
    o->tail->last_in_chain |= in->last_in_chain;
    o->tail->recycled = in->recycled;
    o->tail->shadow = in;
    o->tail->last_shadow = 1;

    return NGX_OK;
}


/*
 * Bufs that are written free their input, and are used again.  One without
 * bytes does not tell whether it was written: it waits until all is, else it
 * would be filled anew while it still is in a chain behind us.
 */

static void
release(ngx_http_request_t *r, filter_t *filter, ngx_chain_t *out)
{
    ngx_buf_t     *b;
    ngx_uint_t     pending;
    ngx_chain_t   *cl, **end;

    for (end = &filter->busy; *end != NULL; end = &(*end)->next) {
        /* void */
    }

    *end = out;
    pending = r->out != NULL || r->connection->buffered;

    while (filter->busy != NULL) {
        cl = filter->busy;
        b = cl->buf;

        if (ngx_buf_size(b) != 0 || (pending && ngx_buf_special(b))) {
            break;
        }

        if (b->shadow != NULL) {
            b->shadow->pos = b->shadow->last;
        }

        filter->busy = cl->next;
        cl->next = filter->free;
        filter->free = cl;
    }
}


/* That something was inserted; at the end, what was not. */

static void
count_insertion(output_t *o, ngx_uint_t last)
{
    filter_t  *filter;

    filter = o->filter;

    if (!filter->counted && o->ctx->page.inserted && !o->ctx->preview.valid) {
        filter->counted = 1;
        ngx_http_onsite_count(injections);
    }

    if (last && !filter->ended) {
        filter->ended = 1;

        if (onsite_inject_wide(filter->inject)) {
            o->ctx->page.withheld = NGX_HTTP_ONSITE_SKIP_ENCODED;
        }

        ngx_http_onsite_unplaced(o->r, o->ctx);
    }
}


/* What there is goes on; with nothing, so do those behind us that wait. */

static ngx_int_t
send_on(output_t *o)
{
    ngx_int_t  rc;

    rc = next_body_filter(o->r, o->out);

    release(o->r, o->filter, o->out);
    o->out = NULL;
    o->last = &o->out;

    return rc;
}


static ngx_int_t
filter_plain(output_t *o, ngx_chain_t *in)
{
    ngx_uint_t    last;
    ngx_chain_t  *cl;

    last = 0;

    for (cl = in; cl != NULL; cl = cl->next) {
        if (take_buf(o, cl->buf) != NGX_OK) {
            return NGX_ERROR;
        }

        last |= cl->buf->last_buf;
    }

    count_insertion(o, last);

    if (o->out == NULL && in != NULL && o->filter->busy == NULL) {
        return NGX_OK;
    }

    return send_on(o);
}


/* As many buffers as there is room for.  NGX_OK: all of the input was read. */

static ngx_int_t
take_inflated(output_t *o)
{
    ngx_int_t   rc;
    ngx_buf_t  *b;

    for ( ;; ) {
        rc = ngx_http_onsite_inflate_next(o->filter->inflate, &b);

        if (rc != NGX_OK) {
            return rc == NGX_DECLINED ? NGX_OK : rc;
        }

        if (take_buf(o, b) != NGX_OK) {
            return NGX_ERROR;
        }

        count_insertion(o, b->last_buf);
    }
}


static ngx_int_t
filter_inflated(output_t *o, ngx_chain_t *in)
{
    ngx_int_t  rc, sent;

    if (ngx_http_onsite_inflate_add(o->filter->inflate, in) != NGX_OK) {
        return NGX_ERROR;
    }

    do {
        rc = take_inflated(o);

        if (o->out == NULL
            && (rc == NGX_ERROR
                || (rc == NGX_OK && in != NULL && o->filter->busy == NULL)))
        {
            return rc;
        }

        sent = send_on(o);

        if (rc == NGX_ERROR || sent == NGX_ERROR) {
            return NGX_ERROR;
        }

    } while (rc == NGX_AGAIN
             && ngx_http_onsite_inflate_ready(o->filter->inflate));

    return sent;
}


static ngx_int_t
body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    output_t  o;

    o.r = r;
    o.ctx = r == r->main
            ? ngx_http_get_module_ctx(r, ngx_http_onsite_module) : NULL;

    if (o.ctx == NULL || o.ctx->filter == NULL) {
        return next_body_filter(r, in);
    }

    o.filter = o.ctx->filter;
    o.out = NULL;
    o.last = &o.out;

    return o.filter->inflate != NULL ? filter_inflated(&o, in)
                                     : filter_plain(&o, in);
}
