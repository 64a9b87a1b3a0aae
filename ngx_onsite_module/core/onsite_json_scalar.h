/*
 * onsite_json_scalar.h - strings and numbers of JSON (RFC 8259, 6 and 7):
 * what the tokeniser leaves to us.
 */

#ifndef ONSITE_JSON_SCALAR_H
#define ONSITE_JSON_SCALAR_H

#include "onsite_types.h"

/* Whether all of text is UTF-8; else *at is the first byte that is not. */
bool onsite_utf8_valid(onsite_str_t text, size_t *at);

/*
 * Checks text, the bytes between the quotes, whose escapes are known to be
 * well formed, and unescapes it in place (it never grows).  A surrogate
 * without its other half becomes U+FFFD, as JavaScript makes it on the way
 * to UTF-8.  false: an unescaped control character at text[*at].
 */
bool onsite_json_unescape(char *text, size_t *len, size_t *at);

/* Bytes of the number that begins at p (left > 0), by JSON's grammar; 0:
 * none does. */
size_t onsite_json_number_length(const char *p, size_t left);

/*
 * The value of such a number of len bytes, correctly rounded; a byte that
 * continues no number stands at p[len].  What a double cannot hold becomes
 * the largest one of its sign, so that no condition ever meets Infinity.
 * Does not depend on the process's locale.
 */
double onsite_json_number(const char *p, size_t len);

#endif
