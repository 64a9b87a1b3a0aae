/*
 * onsite_query.h - query strings (WHATWG URL, application/x-www-form-
 * urlencoded parsing), piece by piece.
 */

#ifndef ONSITE_QUERY_H
#define ONSITE_QUERY_H

#include "onsite_arena.h"

/* Cuts the next raw key and value off args; false at its end.  Empty pieces
 * ("a&&b") are skipped; a key without '=' has an empty value. */
bool onsite_query_next(onsite_str_t *args, onsite_str_t *key,
    onsite_str_t *value);

/* Decodes '+' and percent escapes of a piece in place (a '%' that begins none
 * stays); returns the length. */
size_t onsite_query_unescape(char *text, size_t len);

/* onsite_query_next and onsite_query_unescape in one pass: *p moves towards
 * end, over text that is decoded where it stands.  *high gets bit 7 when a
 * byte of either is not ASCII. */
bool onsite_query_take(char **p, char *end, onsite_str_t *key,
    onsite_str_t *value, uint8_t *high);

/* str if it is valid UTF-8, else a copy with U+FFFD for what is not; data is
 * NULL when memory is out. */
onsite_str_t onsite_utf8_repair(onsite_arena_t *arena, onsite_str_t str);

#endif
