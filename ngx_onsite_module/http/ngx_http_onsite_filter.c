/*
 * ngx_http_onsite_filter.c - header and body filter: moves buffers, inserts
 * bytes.  What is inserted comes from page.c, where it goes from the scanner
 * in core/onsite_inject.c.
 */

#include "ngx_http_onsite.h"


typedef struct {
    onsite_inject_t          *inject;
    ngx_chain_t              *free;     /* links with a buf of ours to reuse */
    ngx_chain_t              *busy;     /* sent on, not yet written          */
    unsigned                  counted:1;
    unsigned                  began:1;  /* there was a byte                  */
    unsigned                  ended:1;  /* there was the last buffer         */
} filter_t;


/* Output under way: where the next link goes. */

typedef struct {
    ngx_http_request_t       *r;
    filter_t                 *filter;
    ngx_chain_t              *out;
    ngx_chain_t             **last;
    ngx_buf_t                *tail;     /* the last of the input at hand     */
} output_t;


static ngx_int_t header_filter(ngx_http_request_t *r);
static ngx_int_t body_filter(ngx_http_request_t *r, ngx_chain_t *in);


static ngx_http_output_header_filter_pt  next_header_filter;
static ngx_http_output_body_filter_pt    next_body_filter;


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


static ngx_uint_t
is_encoded(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = r->headers_out.content_encoding;

    return h != NULL && h->hash != 0 && h->value.len != 0
           && !(h->value.len == 8
                && ngx_strncasecmp(h->value.data, (u_char *) "identity", 8)
                   == 0);
}


/* The scanner takes any superset of ASCII. */

static ngx_uint_t
is_wide(ngx_str_t *charset)
{
    return charset->len >= 6
           && (ngx_strncasecmp(charset->data, (u_char *) "utf-16", 6) == 0
               || ngx_strncasecmp(charset->data, (u_char *) "utf-32", 6) == 0);
}


static ngx_table_elt_t *
find_header(ngx_http_request_t *r, const char *name, size_t len)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash != 0 && h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                return &h[i];
            }
        }
    }

    return NULL;
}


/* A page that is saved to a file is not looked at. */

static ngx_uint_t
is_download(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = find_header(r, "Content-Disposition",
                    sizeof("Content-Disposition") - 1);

    return h != NULL && h->value.len >= 10
           && ngx_strncasecmp(h->value.data, (u_char *) "attachment", 10) == 0;
}


/* What the response says against an insertion. */

static ngx_http_onsite_skip_e
response_shape(ngx_http_request_t *r)
{
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    /* header_only is set behind us for HEAD: the method has to be asked too */

    if (r->header_only || r->method == NGX_HTTP_HEAD) {
        return NGX_HTTP_ONSITE_SKIP_METHOD;
    }

    if (r->headers_out.status != NGX_HTTP_OK) {
        return NGX_HTTP_ONSITE_SKIP_STATUS;
    }

    if (ngx_http_test_content_type(r, &olcf->types) == NULL || is_download(r))
    {
        return NGX_HTTP_ONSITE_SKIP_TYPE;
    }

    if (find_header(r, NGX_HTTP_ONSITE_MARKER,
                    sizeof(NGX_HTTP_ONSITE_MARKER) - 1) != NULL)
    {
        return NGX_HTTP_ONSITE_SKIP_MARKED;
    }

    if (is_encoded(r) || is_wide(&r->headers_out.charset)) {
        return NGX_HTTP_ONSITE_SKIP_ENCODED;
    }

    if (r->headers_out.content_length_n == 0) {
        return NGX_HTTP_ONSITE_SKIP_EMPTY;
    }

    return ngx_http_onsite_policy(r);
}


static void
clear_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for ( ;; ) {
        h = find_header(r, name, len);
        if (h == NULL) {
            return;
        }

        h->hash = 0;
    }
}


/* For one visitor only: whatever else was said about caching is void. */

static ngx_int_t
tighten(ngx_http_request_t *r)
{
    ngx_str_t         value = ngx_string("private, no-store");
    ngx_table_elt_t  *h;

    clear_header(r, "Cache-Control");
    clear_header(r, "Expires");
    r->headers_out.expires = NULL;

    /* to those shared caches that heed it more */

    clear_header(r, "CDN-Cache-Control");
    clear_header(r, "Surrogate-Control");
    clear_header(r, "X-Accel-Expires");

    h = ngx_http_onsite_add_header(r, "Cache-Control",
                                   sizeof("Cache-Control") - 1, &value);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_http_onsite_cache_control(r, h);

    return NGX_OK;
}


/* What was said about the bytes of the page as it was. */

static void
clear_validators(ngx_http_request_t *r)
{
    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    clear_header(r, "Content-Digest");
    clear_header(r, "Content-MD5");
    clear_header(r, "Digest");
    clear_header(r, "Repr-Digest");
}


static void *
pool_memory(void *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


static filter_t *
make_filter(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    filter_t  *filter;

    filter = ngx_pcalloc(r->pool, sizeof(filter_t));
    if (filter == NULL) {
        return NULL;
    }

    filter->inject = ngx_pmemalign(r->pool, onsite_inject_size(), 16);
    if (filter->inject == NULL) {
        return NULL;
    }

    onsite_inject_init(filter->inject, ctx->page.wanted);
    onsite_inject_memory(filter->inject, pool_memory, r->pool);
    onsite_inject_slots(filter->inject, ctx->page.slots, ctx->page.n_slots);

    if (ctx->headers.fetch_dest.len != 0) {
        onsite_inject_is_document(filter->inject);
    }

    return filter;
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

    rc = ngx_http_onsite_page_view(r, ctx, response_shape(r));

    if (ctx->page.personal && tighten(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return next_header_filter(r);
    }

    ctx->filter = make_filter(r, ctx);

    if (ctx->filter == NULL) {
        ngx_http_onsite_count(skips[NGX_HTTP_ONSITE_SKIP_MEMORY]);
        return next_header_filter(r);
    }

    r->main_filter_need_in_memory = 1;

    clear_validators(r);

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
}


/* Out of memory the page goes on without it. */

static ngx_int_t
send_insertion(output_t *o, unsigned place)
{
    ngx_buf_t              *b;
    ngx_chain_t            *cl;
    ngx_http_onsite_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(o->r, ngx_http_onsite_module);
    tell_page(o->filter, &ctx->page);

    if (ngx_http_onsite_insertion(o->r, ctx, place, &cl) != NGX_OK) {
        ngx_http_onsite_count(skips[NGX_HTTP_ONSITE_SKIP_MEMORY]);
        return NGX_OK;
    }

    for (/* void */; cl != NULL; cl = cl->next) {
        b = next_buf(o);
        if (b == NULL) {
            return NGX_ERROR;
        }

        b->pos = cl->buf->pos;
        b->last = cl->buf->last;
        b->memory = 1;
    }

    return NGX_OK;
}


static ngx_int_t
send_slice(output_t *o, ngx_buf_t *in, onsite_slice_t *slice)
{
    ngx_buf_t  *b;

    if (slice->kind == ONSITE_SLICE_INSERT) {
        return send_insertion(o, slice->place);
    }

    b = next_buf(o);
    if (b == NULL) {
        return NGX_ERROR;
    }

    if (slice->kind == ONSITE_SLICE_COPY) {
        b->pos = in->pos + slice->offset;
        b->temporary = in->temporary;
        b->memory = in->memory || in->mmap;

    } else {
        b->pos = (u_char *) slice->bytes.data;
        b->memory = 1;
    }

    b->last = b->pos + slice->bytes.len;

    return NGX_OK;
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
count_insertion(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    ngx_uint_t last)
{
    filter_t  *filter;

    filter = ctx->filter;

    if (!filter->counted && ctx->page.inserted && !ctx->preview.valid) {
        filter->counted = 1;
        ngx_http_onsite_count(injections);
    }

    if (last && !filter->ended) {
        filter->ended = 1;
        ngx_http_onsite_unplaced(r, ctx);
    }
}


static ngx_int_t
body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    output_t                o;
    ngx_int_t               rc;
    ngx_uint_t              last;
    ngx_chain_t            *cl;
    ngx_http_onsite_ctx_t  *ctx;

    ctx = r == r->main
          ? ngx_http_get_module_ctx(r, ngx_http_onsite_module) : NULL;

    if (ctx == NULL || ctx->filter == NULL) {
        return next_body_filter(r, in);
    }

    o.r = r;
    o.filter = ctx->filter;
    o.out = NULL;
    o.last = &o.out;
    last = 0;

    for (cl = in; cl != NULL; cl = cl->next) {
        if (take_buf(&o, cl->buf) != NGX_OK) {
            return NGX_ERROR;
        }

        last |= cl->buf->last_buf;
    }

    count_insertion(r, ctx, last);

    if (o.out == NULL && in != NULL && o.filter->busy == NULL) {
        return NGX_OK;
    }

    rc = next_body_filter(r, o.out);

    release(r, o.filter, o.out);

    return rc;
}
