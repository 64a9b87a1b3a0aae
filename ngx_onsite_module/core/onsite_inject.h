/*
 * onsite_inject.h - a streaming HTML scanner that finds where to insert.
 *
 * Bytes in, slices out: output is the input, byte for byte, with insertions
 * between.  Source: WHATWG HTML, 13.2.5 Tokenization, for any encoding that
 * is a superset of ASCII.
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
                                       text mode; at the end of the document
                                       where there is none                 */
    ONSITE_PLACES
} onsite_place_t;

typedef struct onsite_inject_s  onsite_inject_t;

/* In the caller's memory: onsite_inject_size() bytes, 16-aligned. */
size_t onsite_inject_size(void);

/* insert[place] may be empty; the bytes must outlive the scanner. */
void onsite_inject_init(onsite_inject_t *inject,
    const onsite_str_t insert[ONSITE_PLACES]);

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
 * held back.
 */
#define ONSITE_INJECT_HELD  64

void onsite_inject_feed(onsite_inject_t *inject, onsite_str_t input,
    bool last);
bool onsite_inject_next(onsite_inject_t *inject, onsite_slice_t *slice);

/* How often an insertion was made so far, all places. */
unsigned onsite_inject_count(const onsite_inject_t *inject);

/* The scanner is in plain text (outside of any tag, comment, raw text): what
 * the template compiler asks to learn a placeholder's context. */
typedef enum {
    ONSITE_HTML_TEXT = 0,           /* data, RCDATA (title, textarea)      */
    ONSITE_HTML_TAG,                /* inside a tag, not in a value        */
    ONSITE_HTML_VALUE_DOUBLE,       /* attribute value in "                */
    ONSITE_HTML_VALUE_SINGLE,
    ONSITE_HTML_VALUE_UNQUOTED,
    ONSITE_HTML_COMMENT,            /* comments, doctype, CDATA            */
    ONSITE_HTML_SCRIPT,
    ONSITE_HTML_STYLE,
    ONSITE_HTML_RAWTEXT             /* iframe, noscript, xmp, plaintext, … */
} onsite_html_where_t;

onsite_html_where_t onsite_inject_where(const onsite_inject_t *inject);

/* In an attribute value: the attribute's name, lower case (at most 31 bytes
 * are kept), and whether any byte of the value came before. */
onsite_str_t onsite_inject_attribute(const onsite_inject_t *inject,
    bool *value_started);

#endif
