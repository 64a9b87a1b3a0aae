/*
 * onsite_inject.h - a streaming HTML scanner that finds where to insert.
 *
 * Bytes in, slices out: output is the input, byte for byte, with insertions
 * between.  Source: WHATWG HTML, 13.2.5 Tokenization, for any encoding that
 * is a superset of ASCII, and as much of 13.2.6 Tree construction as decides
 * how bytes are read (text modes, SVG and MathML, templates):
 *
 *   - noscript is raw text, as in a browser that runs scripts;
 *   - nothing is inserted in <template>, <svg> or <math>, nor in a document
 *     of framesets;
 *   - where only a whole tree builder could tell how the page goes on (tags
 *     that do not match in or around SVG and MathML, tables and forms in
 *     foreignObject, raw text elements in <select>, which browsers read
 *     differently), the scanner gives up: the rest is copied and nothing
 *     more is inserted.
 */

#ifndef ONSITE_INJECT_H
#define ONSITE_INJECT_H

#include "onsite_types.h"

typedef enum {
    ONSITE_PLACE_HEAD_START = 0,    /* after <head>                        */
    ONSITE_PLACE_HEAD_END,          /* before </head>                      */
    ONSITE_PLACE_BODY_START,        /* after <body>                        */
    ONSITE_PLACE_BODY_END,          /* before the last </body>: in one pass,
                                       the first that is outside of every
                                       text mode; before </html> where there
                                       is none; at the end where there is
                                       neither, if this is a document: it has
                                       a doctype, <html>, <head> or <body>,
                                       or the caller knows               */
    ONSITE_PLACES
} onsite_place_t;

typedef struct onsite_inject_s  onsite_inject_t;

/* In the caller's memory: onsite_inject_size() bytes, 16-aligned. */
size_t onsite_inject_size(void);

/*
 * insert[place] may be empty; the bytes must outlive the scanner.  With all
 * empty the scanner only follows the page, for onsite_inject_where; else it
 * stops looking once everything is inserted.
 */
void onsite_inject_init(onsite_inject_t *inject,
    const onsite_str_t insert[ONSITE_PLACES]);

/* The caller knows (Sec-Fetch-Dest) that the input is a document, whatever
 * it looks like. */
void onsite_inject_is_document(onsite_inject_t *inject);

/* One piece of output.  COPY: bytes of the input just given, at offset.
 * BYTES: other bytes, stable for the life of the scanner (an insertion, or
 * held-back bytes of an earlier piece of input). */
typedef struct {
    enum { ONSITE_SLICE_COPY, ONSITE_SLICE_BYTES }  kind;
    size_t        offset;
    onsite_str_t  bytes;            /* both kinds                          */
} onsite_slice_t;

/*
 * Called with the next input until it answers false: each true is one slice
 * to send.  Slices of an input cover it in order, except for at most
 * ONSITE_INJECT_HELD bytes that may complete a tag and are held back until
 * the next input.  last: the document ends behind this input; nothing stays
 * held back.  No slice is empty.
 */
#define ONSITE_INJECT_HELD  64

void onsite_inject_feed(onsite_inject_t *inject, onsite_str_t input,
    bool last);
bool onsite_inject_next(onsite_inject_t *inject, onsite_slice_t *slice);

/* How often an insertion was made so far, all places. */
unsigned onsite_inject_count(const onsite_inject_t *inject);

/* Nothing can be inserted any more: what is fed from here on comes out as one
 * COPY each, unread. */
bool onsite_inject_finished(const onsite_inject_t *inject);

/* What the template compiler asks to learn a placeholder's context. */
typedef enum {
    ONSITE_HTML_TEXT = 0,           /* data, RCDATA (title, textarea)      */
    ONSITE_HTML_TAG,                /* inside a tag, not in a value, or of
                                       what may become one                 */
    ONSITE_HTML_VALUE_DOUBLE,       /* attribute value in "                */
    ONSITE_HTML_VALUE_SINGLE,
    ONSITE_HTML_VALUE_UNQUOTED,
    ONSITE_HTML_COMMENT,            /* comments, doctype, CDATA            */
    ONSITE_HTML_SCRIPT,
    ONSITE_HTML_STYLE,              /* also of SVG                         */
    ONSITE_HTML_RAWTEXT             /* iframe, noscript, xmp, plaintext,
                                       script of SVG, and wherever the
                                       scanner gave up                     */
} onsite_html_where_t;

onsite_html_where_t onsite_inject_where(const onsite_inject_t *inject);

/* In an attribute value: the attribute's name, lower case (at most 31 bytes
 * are kept), and whether any byte of the value came before.  Names are kept
 * only by a scanner that has nothing to insert. */
onsite_str_t onsite_inject_attribute(const onsite_inject_t *inject,
    bool *value_started);

/* In the text of an HTML script element, all of it. */
bool onsite_inject_in_script(const onsite_inject_t *inject);

/* In a tag: whether its name is this one (lower case, at most 8 bytes). */
bool onsite_inject_in_tag(const onsite_inject_t *inject, onsite_str_t name);

/* Both read what comes next in the same way: same mode, same attribute, same
 * open templates and foreign elements. */
bool onsite_inject_same(const onsite_inject_t *a, const onsite_inject_t *b);

/* In text, with nothing open that would swallow what follows (raw text,
 * template, svg, math), and no </template> was met that closes one from
 * outside of the input. */
bool onsite_inject_balanced(const onsite_inject_t *inject);

#endif
