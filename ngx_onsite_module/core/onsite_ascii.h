/*
 * onsite_ascii.h - HTML in UTF-8 as pure ASCII, so that it reads the same in a
 * page of any charset that is a superset of ASCII.
 *
 * What stands for a character goes by where it is:
 *
 *   - text, title, textarea, noscript, attribute values, all in SVG: &#N;
 *   - script: \uXXXX, two of them beyond U+FFFF
 *   - style: \XXXXXX and a space, which belongs to it
 *   - comments, CDATA, names of tags and attributes, other raw text: "?",
 *     as nothing can stand for it there
 *
 * Behind a backslash in a script or style that escapes it, it is written
 * without its own.  A byte that is no UTF-8 is U+FFFD, and so is a character
 * of U+0080 to U+009F where there are references: browsers read those as
 * windows-1252.
 */

#ifndef ONSITE_ASCII_H
#define ONSITE_ASCII_H

#include "onsite_buf.h"
#include "onsite_inject.h"

bool onsite_is_ascii(onsite_str_t text);

typedef struct {
    onsite_inject_t  *scan;
    char              held[4];      /* the beginning of a character        */
    unsigned          n_held;
    bool              escaped;      /* what comes next, by a backslash     */
} onsite_ascii_t;

/* scan: onsite_inject_size() bytes of the caller, 16-aligned. */
void onsite_ascii_init(onsite_ascii_t *ascii, onsite_inject_t *scan);

/* The next piece of the HTML: characters may be split between pieces. */
void onsite_ascii_write(onsite_ascii_t *ascii, onsite_str_t piece,
    onsite_buf_t *out);

/* A piece that is ASCII and that the caller puts behind out himself: only
 * what an earlier piece left is written. */
void onsite_ascii_pass(onsite_ascii_t *ascii, onsite_str_t piece,
    onsite_buf_t *out);

/* Behind the last piece. */
void onsite_ascii_end(onsite_ascii_t *ascii, onsite_buf_t *out);

/* Text, or of an attribute's value, by itself: references. */
void onsite_ascii_value(onsite_buf_t *out, onsite_str_t value);

#endif
