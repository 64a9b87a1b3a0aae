/*
 * onsite_template_html.c - compiling HTML templates: the scanner says where a
 * placeholder stands, onsite_template_context.c which escaping that needs.
 */

#include "onsite_template_html.h"

#include <stdlib.h>


/* One byte of literal text. */

static void
follow(onsite_template_html_t *h, const char *p)
{
    size_t                   at = (size_t) (p - h->maker.text.data);
    onsite_slice_t           slice;
    onsite_template_place_t  was = onsite_template_place(h->scan);

    onsite_balance_before(h->balance, h->scan, at);
    onsite_inject_feed(h->scan, onsite_str(p, 1), false);

    while (onsite_inject_next(h->scan, &slice)) {
        /* void */
    }

    onsite_balance_after(h->balance, h->scan, at);

    onsite_template_script_follow(h, was, *p);

    if (!onsite_template_in_value(was.where)) {
        h->url_len = 0;
        h->url_starts = false;

    } else if (h->url_len < ONSITE_TEMPLATE_URL) {
        h->url[h->url_len++] = *p;
    }
}


/* However often a section is rendered, what follows must be read alike. */

static onsite_status_t
check_section(onsite_template_html_t *h, const onsite_template_tag_t *tag)
{
    unsigned  depth = h->maker.depth;

    if (tag->kind != ONSITE_TEMPLATE_TAG_CLOSE) {
        if (depth < ONSITE_TEMPLATE_DEPTH) {
            memcpy(h->saved[depth], h->scan, onsite_inject_size());
            h->balances[depth] = *h->balance;
        }
        return ONSITE_OK;
    }

    if (depth != 0 && !onsite_inject_same(h->saved[depth - 1], h->scan)) {
        return onsite_template_error(&h->maker, tag->at, "{{/%.*s}} stands"
                                     " in another context than the beginning"
                                     " of its section: close in the section"
                                     " what opens in it (tags, quotes,"
                                     " comments)",
                                     (int) tag->path.len, tag->path.data);
    }

    if (depth != 0
        && !onsite_balance_same(&h->balances[depth - 1], h->balance))
    {
        onsite_balance_refuse(h->balance, tag->at, "{{/%.*s}}: other elements"
                              " are open than at the beginning of its section:"
                              " close in it what opens in it",
                              (int) tag->path.len, tag->path.data);
    }

    return ONSITE_OK;
}


/* A value that is passed over is one all the same. */

static void
stand_in(onsite_template_html_t *h)
{
    onsite_slice_t       slice;
    onsite_html_where_t  where = onsite_inject_where(h->scan);

    if (where == ONSITE_HTML_VALUE_UNQUOTED) {
        onsite_inject_feed(h->scan, ONSITE_STR("x"), false);

        while (onsite_inject_next(h->scan, &slice)) {
            /* void */
        }
    }

    if (onsite_template_in_value(where)) {
        h->url_starts = true;
    }
}


/* Behind an error: what follows is read as if the tag were right. */

static onsite_status_t
pass_over(onsite_template_html_t *h, const onsite_template_tag_t *tag,
    onsite_status_t status)
{
    switch (tag->kind) {

    case ONSITE_TEMPLATE_TAG_VALUE:
        stand_in(h);
        return onsite_template_pass(&h->maker, status);

    case ONSITE_TEMPLATE_TAG_CLOSE:
        return h->maker.depth == 0 ? onsite_template_pass(&h->maker, status)
                                   : status;

    default:
        (void) check_section(h, tag);
        return onsite_template_pass_open(&h->maker, tag, status);
    }
}


static onsite_status_t
compile_tag(onsite_template_html_t *h, const onsite_template_tag_t *tag)
{
    onsite_escape_t  escape = ONSITE_ESCAPE_TEXT;
    onsite_status_t  status = ONSITE_OK;

    if (tag->kind == ONSITE_TEMPLATE_TAG_COMMENT) {
        return ONSITE_OK;
    }

    if (tag->kind != ONSITE_TEMPLATE_TAG_CLOSE) {
        status = onsite_template_context(h, tag, &escape);
    }

    if (status == ONSITE_OK && tag->kind != ONSITE_TEMPLATE_TAG_VALUE) {
        status = check_section(h, tag);
    }

    if (status == ONSITE_OK) {
        status = onsite_template_add_tag(&h->maker, tag, escape);
    }

    return status == ONSITE_OK ? status : pass_over(h, tag, status);
}


/* The braces at pos, and the text from *from up to them. */

static onsite_status_t
compile_braces(onsite_template_html_t *h, size_t *from)
{
    onsite_str_t            text;
    onsite_status_t         status;
    onsite_template_tag_t   tag;

    status = onsite_template_read_tag(&h->maker, &tag);

    if (status != ONSITE_OK) {
        status = onsite_template_pass_tag(&h->maker, &tag, status);
        stand_in(h);

    } else {
        text = onsite_str(h->maker.text.data + *from, tag.at - *from);
        status = onsite_template_add_literal(&h->maker, text);

        if (status == ONSITE_OK) {
            status = compile_tag(h, &tag);
        }
    }

    if (status == ONSITE_OK) {
        *from = h->maker.pos = tag.end;
    }

    return status;
}


static onsite_status_t
compile_text(onsite_template_html_t *h)
{
    size_t           from = 0;
    onsite_str_t     text = h->maker.text;
    onsite_status_t  status;

    while (h->maker.pos < text.len) {

        if (text.len - h->maker.pos < 2
            || memcmp(text.data + h->maker.pos, "{{", 2) != 0)
        {
            follow(h, text.data + h->maker.pos++);
            continue;
        }

        status = compile_braces(h, &from);

        if (status != ONSITE_OK) {
            return status;
        }
    }

    return onsite_template_add_literal(&h->maker,
                                       onsite_str(text.data + from,
                                                  text.len - from));
}


static onsite_status_t
check_end(onsite_template_html_t *h)
{
    onsite_status_t  status = onsite_template_closed(&h->maker);

    if (status != ONSITE_OK || onsite_inject_balanced(h->scan)) {
        return status;
    }

    return onsite_template_error(&h->maker, h->maker.text.len, "the HTML"
                                 " would swallow the page behind it: close"
                                 " every tag, quote, comment, script, style,"
                                 " textarea, template, svg and math, open"
                                 " each before closing it, and do not use"
                                 " plaintext");
}


/* Told in the words of an error, but it is none. */

static void
tell_balance(onsite_template_html_t *h)
{
    onsite_error_t  *error = h->maker.error;

    onsite_balance_end(h->balance);

    if (h->maker.site.unbalanced != NULL && h->balance->refused) {
        h->maker.error = h->maker.site.unbalanced;
        (void) onsite_template_error(&h->maker, h->balance->at, "%s",
                                     h->balance->reason);
        h->maker.error = error;
    }
}


static bool
allocate(onsite_template_html_t *h)
{
    unsigned  i;

    h->scan = malloc(onsite_inject_size());
    h->balances = malloc((ONSITE_TEMPLATE_DEPTH + 1)
                         * sizeof(onsite_balance_t));

    for (i = 0; i < ONSITE_TEMPLATE_DEPTH; i++) {
        h->saved[i] = malloc(onsite_inject_size());
    }

    for (i = 0; i < ONSITE_TEMPLATE_DEPTH && h->saved[i] != NULL; i++) {
        /* void */
    }

    return h->scan != NULL && h->balances != NULL
           && i == ONSITE_TEMPLATE_DEPTH;
}


onsite_status_t
onsite_template_compile_html(onsite_builder_t *b, onsite_str_t html,
    onsite_template_site_t site, onsite_ref_t *program, uint32_t *roots,
    onsite_error_t *error)
{
    unsigned                i;
    onsite_status_t         status;
    onsite_template_html_t  h = { .maker = { .b = b, .site = site,
                                             .text = html, .error = error } };

    if (html.len > ONSITE_HTML_MAX) {
        return onsite_error(error, ONSITE_LIMIT, "longer than %d bytes",
                            ONSITE_HTML_MAX);
    }

    if (allocate(&h)) {
        onsite_inject_init(h.scan, 0);
        h.balance = &h.balances[ONSITE_TEMPLATE_DEPTH];
        onsite_balance_init(h.balance, html);
        status = compile_text(&h);

        if (status == ONSITE_OK) {
            status = check_end(&h);
        }

        tell_balance(&h);

    } else {
        status = onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    free(h.scan);
    free(h.balances);

    for (i = 0; i < ONSITE_TEMPLATE_DEPTH; i++) {
        free(h.saved[i]);
    }

    return onsite_template_finish(&h.maker, status, program, roots);
}
