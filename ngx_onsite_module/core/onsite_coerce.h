/*
 * onsite_coerce.h - JavaScript's coercions (ECMA-262, 7.1 and 7.2) of values,
 * without allocating: conditions written for GrowthBook rely on them.
 */

#ifndef ONSITE_COERCE_H
#define ONSITE_COERCE_H

#include "onsite_value.h"

/* The code point at *p (p != end), which moves behind it.  A byte that begins
 * no valid UTF-8 sequence is taken as itself. */
uint32_t onsite_utf8_next(const char **p, const char *end);

/* Writes a code point as UTF-8; returns its 1 to 4 bytes. */
size_t onsite_utf8_write(uint32_t c, char out[4]);

/* ToBoolean; ABSENT is false. */
bool onsite_is_true(const onsite_value_t *value);

/* StringToNumber: white space around, decimal, 0x, 0o, 0b, Infinity; "" is 0,
 * anything else NaN. */
double onsite_text_number(onsite_str_t text);

/* ToNumber; ABSENT and NULL are 0 (getPath never gives undefined). */
double onsite_to_number(const onsite_value_t *value);

/*
 * The text of `value + ""`, piece by piece, each piece whole characters:
 * arrays joined by commas, objects "[object Object]", NULL and ABSENT "null"
 * (nothing as an item).  Stops when fn returns false, and says whether it got
 * to the end.
 */
typedef bool (*onsite_text_pt)(void *data, onsite_str_t piece);

bool onsite_text_walk(const onsite_value_t *value, onsite_text_pt fn,
    void *data);

/* < 0, 0, > 0: order of UTF-16 code units, as JavaScript's < has it. */
int onsite_text_order(const onsite_value_t *value, onsite_str_t text);

/* Compares text that comes in pieces with a whole one. */
typedef struct {
    onsite_str_t  rest;
    int           order;        /* once it is not 0, it is decided         */
} onsite_compare_t;

bool onsite_compare_piece(void *compare, onsite_str_t piece);
int onsite_compare_end(const onsite_compare_t *compare);

/* value + "" === text */
bool onsite_text_equal(const onsite_value_t *value, onsite_str_t text);

/*
 * Case: each character goes to its simple lower case (Unicode 15); U+0130
 * becomes "i" and a combining dot as in JavaScript, and both lower-case
 * sigmas are one (JavaScript decides by the word around: this finds every
 * ordinary word that it finds).
 */
void onsite_lower_append(onsite_buf_t *out, onsite_str_t text);

/* String(value).toLowerCase() === lower, which is lower-case already. */
bool onsite_text_equal_lower(const onsite_value_t *value, onsite_str_t lower);

/* A hash of the lower-case text. */
uint64_t onsite_lower_hash(onsite_str_t text);

/* A hash of value + "". */
uint64_t onsite_text_hash(const onsite_value_t *value);

#endif
