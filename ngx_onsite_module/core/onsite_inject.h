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
 * wanted: bits 1u << onsite_place_t.  With none, and no slots, the scanner
 * only follows the page, for onsite_inject_where; else it stops looking once
 * everything was inserted.  What is inserted is the caller's: the scanner
 * says where.
 */
void onsite_inject_init(onsite_inject_t *inject, unsigned wanted);

/*
 * Of the processor's vectors at most these are read by, and no wider ones than
 * it has: it changes nothing but the time that it takes.  Without it, the
 * widest.
 */
typedef enum {
    ONSITE_VECTORS_16 = 0,          /* those of every processor, or none   */
    ONSITE_VECTORS_32,              /* bytes: AVX2                         */
    ONSITE_VECTORS_64               /* AVX-512, from where it is not slow  */
} onsite_vectors_t;

void onsite_inject_vectors(onsite_inject_t *inject, onsite_vectors_t most);

/*
 * Names of slots that have decided content, n <= ONSITE_SLOTS_MAX; they
 * outlive the scanner.  Of several slots with one name every one is filled,
 * up to where the body's end is inserted: what goes there tells the page which
 * slots were.  A page has at most ONSITE_SLOTS_FILLED_MAX that are filled, and
 * none any more behind ONSITE_SLOTS_WASTE_MAX bytes in slots that are not.
 * Slots need memory.
 */
void onsite_inject_slots(onsite_inject_t *inject, const onsite_str_t *names,
    unsigned n);

/* Memory for what is held back of a slot, for policies of metas and a base;
 * without it there are none.  NULL when there is no more.  Never given back
 * (a pool), and not more than ONSITE_INJECT_MEMORY_MAX, whatever the page. */
#define ONSITE_INJECT_MEMORY_MAX  (490 * 1024)

typedef void *(*onsite_inject_alloc_pt)(void *data, size_t size);

void onsite_inject_memory(onsite_inject_t *inject,
    onsite_inject_alloc_pt alloc, void *data);

/* The caller knows (Sec-Fetch-Dest) that the input is a document, whatever
 * it looks like. */
void onsite_inject_is_document(onsite_inject_t *inject);

/*
 * One piece of output.  COPY: bytes of the input just given, at offset.
 * BYTES: held-back bytes of earlier input, stable for the life of the
 * scanner.  INSERT: here goes what the caller has for a place, or, for
 * ONSITE_PLACES + i, for slot i (in place of its default content); it may be
 * nothing.
 */
typedef struct {
    enum {
        ONSITE_SLICE_COPY,
        ONSITE_SLICE_BYTES,
        ONSITE_SLICE_INSERT
    }             kind;
    unsigned      place;            /* INSERT                              */
    size_t        offset;           /* COPY                                */
    onsite_str_t  bytes;            /* COPY, BYTES: not empty              */
} onsite_slice_t;

/*
 * Called with the next input until it answers false: each true is one slice
 * to send.  Slices of an input cover it in order, except for at most
 * ONSITE_INJECT_HELD bytes that may complete a tag and are held back until
 * the next input, and for what is left out: the default content of a slot
 * that is filled, of which up to ONSITE_SLOT_HELD_MAX bytes are held back
 * until its end is found.  last: the document ends behind this input; nothing
 * stays held back.
 */
#define ONSITE_INJECT_HELD  64

void onsite_inject_feed(onsite_inject_t *inject, onsite_str_t input,
    bool last);
bool onsite_inject_next(onsite_inject_t *inject, onsite_slice_t *slice);

/* INSERT slices so far, of places and slots. */
unsigned onsite_inject_count(const onsite_inject_t *inject);

/* An INSERT slice was given for slot i. */
bool onsite_inject_slot_filled(const onsite_inject_t *inject, unsigned i);

/*
 * The content of each <meta http-equiv="Content-Security-Policy"> of <head>
 * so far, in order, character references decoded; how many (at most 8).
 * Lost: there were more, one was longer than 4 KB, or there is no memory.
 */
size_t onsite_inject_policies(const onsite_inject_t *inject,
    const onsite_str_t **policies);
bool onsite_inject_policies_lost(const onsite_inject_t *inject);

/*
 * The href of the first <base> that has one, outside of slots that are left
 * out, character references decoded; of a longer one its first 2 KB as
 * written.  data is NULL: there is none so far, or no memory.
 */
onsite_str_t onsite_inject_base(const onsite_inject_t *inject);

/* It has a scheme or a host: what has neither in the page may be elsewhere. */
bool onsite_inject_base_leads_away(onsite_str_t href);

/* The input began with a byte order mark of UTF-16 or UTF-32: all of it is
 * copied, nothing inserted. */
bool onsite_inject_wide(const onsite_inject_t *inject);

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

/* Character references are read as such: in text, title and textarea, in
 * values, and in noscript where there are no scripts. */
bool onsite_inject_references(const onsite_inject_t *inject);

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
