/*
 * ngx_http_onsite_insert.c - what goes into a page: the decision as elements,
 * and the script that shows them.
 *
 * Elements are composed when the scanner comes to their place: only then it is
 * known which slots were filled, and what the policies in the page's own meta
 * elements say.
 */

#include "ngx_http_onsite_insert.h"

#include "onsite_ascii.h"


/* Composed text with literals in between. */

typedef struct {
    onsite_buf_t             *text;
    onsite_str_t             *parts;        /* data NULL: the next len bytes
                                               of text                       */
    ngx_uint_t                n;
    size_t                    done;         /* of text, in parts             */
    ngx_uint_t                ascii;        /* nothing else may go in        */
} compose_t;


typedef struct {
    ngx_chain_t               link;
    ngx_buf_t                 buf;
} link_t;


/* A literal of this length or more goes as it lies: two more buffers, which it
 * takes, cost as much as to copy 2 to 4 KB. */

#define LITERAL_MIN  2048


/* onsite_buf_append: most of the text is a few bytes, for which there is room
 * since the page before. */

static inline void
put(onsite_buf_t *text, const void *data, size_t len)
{
    if (text->failed || len > text->capacity - text->len
        || (text->max != 0 && len > text->max - text->len))
    {
        onsite_buf_append(text, data, len);
        return;
    }

    ngx_memcpy(text->data + text->len, data, len);
    text->len += len;
}


#define append(buf, literal)                                                  \
    put(buf, literal, sizeof(literal) - 1)


/* An attribute of which the value needs no escaping, with what separates it:
 * ids, names of ours. */

#define append_plain(c, name, value)                                          \
    do {                                                                      \
        append((c)->text, " " name "=\"");                                    \
        append_value(c, value);                                               \
        append((c)->text, "\"");                                              \
    } while (0)


/* Of an attribute, as far as no character is escaped. */

static void
append_value(compose_t *c, onsite_str_t value)
{
    if (value.len == 0) {
        return;
    }

    if (c->ascii && !onsite_is_ascii(value)) {
        onsite_ascii_value(c->text, value);

    } else {
        put(c->text, value.data, value.len);
    }
}


/* What stands for a character in an attribute's value; NULL: itself. */

static const char *
entity(char c)
{
    switch (c) {
    case '"':
        return "&quot;";
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    default:
        return NULL;
    }
}


/* For an attribute's value in double quotes; what lies between the characters
 * that are escaped goes in one piece. */

static void
append_escaped(compose_t *c, onsite_str_t value)
{
    size_t       i, done;
    const char  *text;

    done = 0;

    for (i = 0; i < value.len; i++) {
        text = entity(value.data[i]);

        if (text != NULL) {
            append_value(c, onsite_str(value.data + done, i - done));
            onsite_buf_append(c->text, text, ngx_strlen(text));
            done = i + 1;
        }
    }

    append_value(c, onsite_str(value.data + done, value.len - done));
}


/* Exposure tokens */

static onsite_str_t
decimal(uint64_t n, char digits[NGX_INT64_LEN])
{
    char  *p, *end;

    end = digits + NGX_INT64_LEN;
    p = end;

    do {
        *--p = (char) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    return onsite_str(p, end - p);
}


static size_t
sign(ngx_http_onsite_ctx_t *ctx, onsite_str_t campaign, onsite_str_t variant,
    double propensity, char *out)
{
    char                     version[NGX_INT64_LEN];
    onsite_exposure_token_t  token;

    if (ngx_http_onsite_worker.signer == NULL) {
        return 0;
    }

    token.visitor = ctx->told.key;
    token.campaign = campaign;
    token.variant = variant;
    token.policy = decimal(ctx->told.version, version);
    token.propensity = propensity;
    token.time = ctx->now;

    return onsite_token_sign(ngx_http_onsite_worker.signer, ctx->who.site,
                             &token, out);
}


size_t
ngx_http_onsite_token(ngx_http_onsite_ctx_t *ctx,
    const onsite_choice_t *choice, char *out)
{
    onsite_site_t  *site;

    site = ngx_http_onsite_site(ctx->who.site);

    return site == NULL ? 0
           : sign(ctx, onsite_image_str(&site->image, choice->campaign->id),
                  onsite_image_str(&site->image, choice->variant->id),
                  choice->propensity, out);
}


/* Elements, composed */

static void
add_literal(compose_t *c, onsite_str_t literal)
{
    if (c->text->len != c->done) {
        c->parts[c->n++] = onsite_str(NULL, c->text->len - c->done);
        c->done = c->text->len;
    }

    if (literal.len != 0) {
        c->parts[c->n++] = literal;
    }
}


static void
add_piece(compose_t *c, onsite_str_t piece)
{
    if (piece.len < LITERAL_MIN) {
        onsite_buf_str(c->text, piece);

    } else {
        add_literal(c, piece);
    }
}


/* The pieces up to the last that is not ASCII. */

static ngx_uint_t
count_other(const item_t *item)
{
    ngx_uint_t  n;

    n = item->n_pieces;

    while (n != 0 && onsite_is_ascii(item->pieces[n - 1])) {
        n--;
    }

    return n;
}


/* What stands for a character goes by all that is in front of it. */

static void
add_as_ascii(compose_t *c, const item_t *item, ngx_uint_t n)
{
    void            *scan;
    ngx_uint_t       i;
    onsite_ascii_t   ascii;

    scan = onsite_arena_alloc(ngx_http_onsite_worker.arena,
                              onsite_inject_size());
    if (scan == NULL) {
        c->text->failed = true;
        return;
    }

    onsite_ascii_init(&ascii, scan);

    for (i = 0; i < n; i++) {

        if (onsite_is_ascii(item->pieces[i])) {
            onsite_ascii_pass(&ascii, item->pieces[i], c->text);
            add_piece(c, item->pieces[i]);

        } else {
            onsite_ascii_write(&ascii, item->pieces[i], c->text);
        }
    }

    onsite_ascii_end(&ascii, c->text);
}


static void
add_content(compose_t *c, const item_t *item)
{
    ngx_uint_t  i;

    i = c->ascii ? count_other(item) : 0;

    if (i != 0) {
        add_as_ascii(c, item, i);
    }

    for ( /* void */ ; i < item->n_pieces; i++) {
        add_piece(c, item->pieces[i]);
    }
}


static void
add_template(compose_t *c, ngx_http_onsite_ctx_t *ctx, const item_t *item,
    ngx_uint_t filled)
{
    char           token[ONSITE_TOKEN_MAX];
    size_t         len;
    content_t     *content;
    onsite_buf_t  *text;

    text = c->text;
    content = ctx->page.content;

    append(text, "<template");
    append_plain(c, "data-onsite-campaign", item->id);
    append_plain(c, "data-onsite-variant", item->variant);
    append_plain(c, "data-onsite-channel",
                 onsite_channel_text(item->channel));

    if (item->slot.len != 0) {
        append(text, " data-onsite-slot=\"");
        append_escaped(c, item->slot);
        append(text, "\"");
    }

    if (item->when.len != 0) {
        append(text, " data-onsite-when=\"");
        append_escaped(c, item->when);
        append(text, "\"");
    }

    if (content->script == NGX_HTTP_ONSITE_SCRIPT_SHOW && !item->armed) {
        len = sign(ctx, item->id, item->variant, item->propensity, token);
        append(text, " data-onsite-exposure=\"");
        put(text, token, len);
        append(text, "\"");
    }

    if (filled) {
        append(text, " data-onsite-filled");
    }

    append(text, ">");

    if (!filled) {
        add_content(c, item);
    }

    append(text, "</template>");
}


/* A base that leads elsewhere would take our path with it. */

static void
add_origin(compose_t *c, ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    const char    *scheme;
    onsite_str_t   host;

    if (!onsite_inject_base_leads_away(ctx->page.base)) {
        return;
    }

    scheme = ngx_http_onsite_origin(r, ctx, &host);

    if (host.len != 0) {
        onsite_buf_append(c->text, scheme, ngx_strlen(scheme));
        append_escaped(c, host);
    }
}


static void
add_script(compose_t *c, ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    content_t                   *content;
    onsite_buf_t                *text;
    ngx_http_onsite_srv_conf_t  *scf;

    text = c->text;
    content = ctx->page.content;
    scf = ngx_http_get_module_srv_conf(r, ngx_http_onsite_module);

    append(text, "<script src=\"");
    add_origin(c, r, ctx);
    append_value(c, ngx_http_onsite_str(scf->prefix));
    append(text, "/onsite.js?v=");
    onsite_buf_append(text, ngx_http_onsite_runtime_hash.data,
                      ngx_http_onsite_runtime_hash.len);
    append(text, "\"");

    if (ngx_http_onsite_runtime_sri.len != 0) {
        append_plain(c, "integrity",
                     ngx_http_onsite_str(ngx_http_onsite_runtime_sri));
    }

    append(text, " async data-onsite");

    if (content->script == NGX_HTTP_ONSITE_SCRIPT_LATER) {
        append(text, " data-onsite-later");

    } else if (content->script == NGX_HTTP_ONSITE_SCRIPT_PREVIEW) {
        append(text, " data-onsite-preview");
    }

    if (ctx->nonce.len != 0) {
        append(text, " nonce=\"");
        append_escaped(c, ngx_http_onsite_str(ctx->nonce));
        append(text, "\"");
    }

    append(text, "></script>");
}


/* Bufs for parts, and room for the text in between: one allocation. */

static ngx_int_t
chain_parts(ngx_http_request_t *r, compose_t *c, ngx_chain_t **out)
{
    u_char      *text;
    link_t      *links;
    ngx_uint_t   i;

    links = ngx_palloc(r->pool, c->n * sizeof(link_t) + c->text->len);
    if (links == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(links, c->n * sizeof(link_t));
    text = (u_char *) &links[c->n];

    /* of literals only there is no text */

    if (c->text->len != 0) {
        ngx_memcpy(text, c->text->data, c->text->len);
    }

    for (i = 0; i < c->n; i++) {
        links[i].buf.memory = 1;
        links[i].link.buf = &links[i].buf;
        links[i].link.next = i + 1 < c->n ? &links[i + 1].link : NULL;

        if (c->parts[i].data == NULL) {
            links[i].buf.pos = text;
            text += c->parts[i].len;

        } else {
            links[i].buf.pos = (u_char *) c->parts[i].data;
        }

        links[i].buf.last = links[i].buf.pos + c->parts[i].len;
    }

    *out = &links->link;

    return NGX_OK;
}


/* Between two literals there may be text, and around them. */

static ngx_int_t
start_composing(compose_t *c, const content_t *content, ngx_uint_t literals)
{
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    onsite_arena_reset(w->arena);
    onsite_buf_clear(&w->text);

    c->text = &w->text;
    c->n = 0;
    c->done = 0;
    c->ascii = content->ascii;
    c->parts = onsite_arena_alloc(w->arena,
                                  (2 * literals + 1) * sizeof(onsite_str_t));

    return c->parts == NULL ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
end_composing(ngx_http_request_t *r, compose_t *c, ngx_chain_t **out)
{
    add_literal(c, onsite_str(NULL, 0));

    return c->text->failed ? NGX_ERROR
           : c->n == 0 ? NGX_OK : chain_parts(r, c, out);
}


/* An embed that only goes along is not shown, and may never be. */

static void
count_shown(ngx_http_onsite_page_t *page, const item_t *item,
    ngx_uint_t filled)
{
    if (item->place != NO_SLOT && !filled && item->capped) {
        page->along |= item->counted;

    } else {
        page->shown |= item->counted;
    }
}


static ngx_int_t
compose_slot(ngx_http_request_t *r, const content_t *content, item_t *item)
{
    compose_t  c;

    if (item->chain != NULL) {
        return NGX_OK;
    }

    if (start_composing(&c, content, item->n_pieces) != NGX_OK) {
        return NGX_ERROR;
    }

    add_content(&c, item);

    return end_composing(r, &c, &item->chain);
}


/* Nothing where the page's own policy forbids the script: without it templates
 * are of no use. */

static ngx_int_t
end_body(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx, ngx_chain_t **out)
{
    item_t                  *item;
    compose_t                c;
    content_t               *content;
    ngx_uint_t               i, filled;
    ngx_http_onsite_page_t  *page;

    page = &ctx->page;
    content = page->content;
    page->withheld = ngx_http_onsite_policy_metas(r, ctx);

    if (page->withheld != NGX_HTTP_ONSITE_SKIP_NONE) {
        return NGX_OK;
    }

    if (start_composing(&c, content, content->n_pieces) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < content->n; i++) {
        item = &content->items[i];
        filled = item->place != NO_SLOT
                 && (page->filled & (1u << item->place));
        add_template(&c, ctx, item, filled);
        count_shown(page, item, filled);
    }

    add_script(&c, r, ctx);

    if (end_composing(r, &c, out) != NGX_OK) {
        return NGX_ERROR;
    }

    page->inserted = 1;

    return NGX_OK;
}


static ngx_int_t
fill_slot(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx, ngx_uint_t slot,
    ngx_chain_t **out)
{
    ngx_uint_t   i;
    content_t   *content;

    content = ctx->page.content;

    for (i = 0; i < content->n && content->items[i].place != slot; i++) {
        /* void */
    }

    if (i == content->n) {
        return NGX_OK;
    }

    if (compose_slot(r, content, &content->items[i]) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->page.inserted = 1;
    ctx->page.shown |= content->items[i].counted;
    *out = content->items[i].chain;

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_insertion(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    ngx_uint_t place, ngx_chain_t **out)
{
    *out = NULL;

    if (place >= ONSITE_PLACES) {
        return fill_slot(r, ctx, place - ONSITE_PLACES, out);
    }

    return place == ONSITE_PLACE_BODY_END ? end_body(r, ctx, out) : NGX_OK;
}
