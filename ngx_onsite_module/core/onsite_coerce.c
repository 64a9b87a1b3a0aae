/*
 * onsite_coerce.c - JavaScript's coercions of values to booleans, numbers and
 * text.
 */

#include "onsite_coerce.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* more significant decimal digits than this never change a double: the
 * longest exact midpoint of two has 767 */
#define DIGITS_MAX    800
#define EXPONENT_MAX  100000

#define HASH_PRIME    0x00000100000001b3u


uint32_t
onsite_utf8_next(const char **p, const char *end)
{
    size_t                n, i;
    uint32_t              c;
    const unsigned char  *s = (const unsigned char *) *p;

    n = onsite_utf8_length(s, (size_t) (end - *p));

    if (n <= 1) {
        *p += 1;
        return s[0];
    }

    c = s[0] & (0x7fu >> n);

    for (i = 1; i < n; i++) {
        c = (c << 6) | (s[i] & 0x3f);
    }

    *p += n;

    return c;
}


size_t
onsite_utf8_write(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char) c;
        return 1;
    }

    if (c < 0x800) {
        out[0] = (char) (0xc0 | (c >> 6));
        out[1] = (char) (0x80 | (c & 0x3f));
        return 2;
    }

    if (c < 0x10000) {
        out[0] = (char) (0xe0 | (c >> 12));
        out[1] = (char) (0x80 | ((c >> 6) & 0x3f));
        out[2] = (char) (0x80 | (c & 0x3f));
        return 3;
    }

    out[0] = (char) (0xf0 | (c >> 18));
    out[1] = (char) (0x80 | ((c >> 12) & 0x3f));
    out[2] = (char) (0x80 | ((c >> 6) & 0x3f));
    out[3] = (char) (0x80 | (c & 0x3f));

    return 4;
}


bool
onsite_is_true(const onsite_value_t *value)
{
    switch (value->type) {

    case ONSITE_ABSENT:
    case ONSITE_NULL:
        return false;

    case ONSITE_BOOL:
        return value->as.boolean;

    case ONSITE_NUMBER:
        return value->as.number != 0 && !isnan(value->as.number);

    case ONSITE_STRING:
        return value->len != 0;

    default:
        return true;
    }
}


/* WhiteSpace and LineTerminator of ECMA-262. */

static bool
is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0xa0 || c == 0x1680
           || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029
           || c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
}


/* A byte that is no UTF-8 must not pass for U+00A0 and the like. */

static bool
starts_with_space(const char *p, const char *end)
{
    if ((unsigned char) *p >= 0x80
        && onsite_utf8_length((const unsigned char *) p, (size_t) (end - p))
           == 0)
    {
        return false;
    }

    return is_space(onsite_utf8_next(&p, end));
}


static onsite_str_t
trim(onsite_str_t s)
{
    const char  *p = s.data, *end = s.data + s.len, *last;

    while (p != end && starts_with_space(p, end)) {
        (void) onsite_utf8_next(&p, end);
    }

    while (p != end) {
        for (last = end - 1; last != p && (*last & 0xc0) == 0x80; last--) {
            /* void */
        }

        if (!starts_with_space(last, end)) {
            break;
        }

        end = last;
    }

    return onsite_str(p, (size_t) (end - p));
}


/* The digits behind 0x, 0o or 0b: bits over 60 only round. */

static double
radix_number(onsite_str_t digits, int bits)
{
    int       d, exponent = 0;
    size_t    i;
    uint64_t  mantissa = 0, sticky = 0;

    for (i = 0; i < digits.len; i++) {
        d = onsite_hex_digit(digits.data[i]);

        if (d < 0 || d >= 1 << bits) {
            return NAN;
        }

        if (mantissa >> 59 != 0) {
            exponent = exponent < EXPONENT_MAX ? exponent + bits : exponent;
            sticky |= d != 0;

        } else {
            mantissa = (mantissa << bits) | (uint64_t) d;
        }
    }

    return digits.len == 0 ? NAN : ldexp((double) (mantissa | sticky),
                                         exponent);
}


typedef struct {
    char    text[DIGITS_MAX + 32];
    size_t  n;                      /* significant digits in text          */
    long    exponent;               /* of ten, behind those                */
    bool    any;                    /* a digit was seen                    */
} decimal_t;


static const char *
read_digits(decimal_t *decimal, const char *p, const char *end, bool fraction)
{
    for ( /* void */ ; p != end && *p >= '0' && *p <= '9'; p++) {
        decimal->any = true;
        decimal->exponent -= fraction;

        if (decimal->n == 0 && *p == '0') {
            continue;
        }

        if (decimal->n < DIGITS_MAX) {
            decimal->text[decimal->n++] = *p;
            continue;
        }

        /* dropped: one non-zero digit behind stands for all of them */

        decimal->exponent++;

        if (*p != '0') {
            decimal->text[DIGITS_MAX - 1] = '1';
        }
    }

    return p;
}


static const char *
read_exponent(decimal_t *decimal, const char *p, const char *end)
{
    bool         minus;
    long         n = 0;
    const char  *digits;

    minus = p != end && *p == '-';

    if (p != end && (*p == '-' || *p == '+')) {
        p++;
    }

    for (digits = p; p != end && *p >= '0' && *p <= '9'; p++) {
        n = n < EXPONENT_MAX ? n * 10 + (*p - '0') : n;
    }

    decimal->exponent += minus ? -n : n;

    return p != digits ? p : NULL;
}


/* StrUnsignedDecimalLiteral */

static double
decimal_number(onsite_str_t s)
{
    decimal_t    decimal;
    const char  *p = s.data, *end = s.data + s.len;

    if (onsite_str_eq(s, ONSITE_STR("Infinity"))) {
        return INFINITY;
    }

    decimal.n = 0;
    decimal.exponent = 0;
    decimal.any = false;

    p = read_digits(&decimal, p, end, false);

    if (p != end && *p == '.') {
        p = read_digits(&decimal, p + 1, end, true);
    }

    if (p != end && decimal.any && (*p == 'e' || *p == 'E')) {
        p = read_exponent(&decimal, p + 1, end);
    }

    if (p != end || !decimal.any) {
        return NAN;
    }

    if (decimal.n == 0) {
        return 0;
    }

    (void) snprintf(decimal.text + decimal.n, 32, "e%ld", decimal.exponent);

    return strtod(decimal.text, NULL);
}


double
onsite_text_number(onsite_str_t text)
{
    onsite_str_t  s = trim(text);

    if (s.len == 0) {
        return 0;
    }

    if (s.len > 2 && s.data[0] == '0') {
        switch (s.data[1] | 0x20) {

        case 'x':
            return radix_number(onsite_str(s.data + 2, s.len - 2), 4);

        case 'o':
            return radix_number(onsite_str(s.data + 2, s.len - 2), 3);

        case 'b':
            return radix_number(onsite_str(s.data + 2, s.len - 2), 1);
        }
    }

    if (s.data[0] == '-') {
        return -decimal_number(onsite_str(s.data + 1, s.len - 1));
    }

    if (s.data[0] == '+') {
        return decimal_number(onsite_str(s.data + 1, s.len - 1));
    }

    return decimal_number(s);
}


/* The text of an array goes through ToNumber: empty is 0, one item is that
 * item's text, and with a comma in it no text is a number. */

static double
array_number(const onsite_value_t *array)
{
    const onsite_value_t  *item;

    while (array->len == 1) {
        item = &array->as.items[0];

        switch (item->type) {

        case ONSITE_ABSENT:
        case ONSITE_NULL:
            return 0;

        case ONSITE_NUMBER:
        case ONSITE_STRING:
            return onsite_to_number(item);

        case ONSITE_ARRAY:
            array = item;
            continue;

        default:
            return NAN;
        }
    }

    return array->len == 0 ? 0 : NAN;
}


double
onsite_to_number(const onsite_value_t *value)
{
    switch (value->type) {

    case ONSITE_BOOL:
        return value->as.boolean;

    case ONSITE_NUMBER:
        return value->as.number;

    case ONSITE_STRING:
        return onsite_text_number(onsite_value_str(value));

    case ONSITE_ARRAY:
        return array_number(value);

    case ONSITE_OBJECT:
        return NAN;

    default:
        return 0;
    }
}


static bool
walk_items(const onsite_value_t *array, onsite_text_pt fn, void *data)
{
    uint32_t               i;
    const onsite_value_t  *item;

    for (i = 0; i < array->len; i++) {
        if (i != 0 && !fn(data, ONSITE_STR(","))) {
            return false;
        }

        item = &array->as.items[i];

        if (item->type != ONSITE_NULL && item->type != ONSITE_ABSENT
            && !onsite_text_walk(item, fn, data))
        {
            return false;
        }
    }

    return true;
}


bool
onsite_text_walk(const onsite_value_t *value, onsite_text_pt fn, void *data)
{
    char    number[32];
    size_t  n;

    switch (value->type) {

    case ONSITE_BOOL:
        return fn(data, value->as.boolean ? ONSITE_STR("true")
                                          : ONSITE_STR("false"));

    case ONSITE_NUMBER:
        n = onsite_number_to_text(value->as.number, number);
        return fn(data, onsite_str(number, n));

    case ONSITE_STRING:
        return fn(data, onsite_value_str(value));

    case ONSITE_ARRAY:
        return walk_items(value, fn, data);

    case ONSITE_OBJECT:
        return fn(data, ONSITE_STR("[object Object]"));

    default:
        return fn(data, ONSITE_STR("null"));
    }
}


/* The order of two different characters: by their first code unit, then,
 * within one high surrogate, by the second. */

static int
character_order(uint32_t a, uint32_t b)
{
    uint32_t  x, y;

    x = a < 0x10000 ? a : 0xd800 + ((a - 0x10000) >> 10);
    y = b < 0x10000 ? b : 0xd800 + ((b - 0x10000) >> 10);

    if (x == y) {
        x = a;
        y = b;
    }

    return x < y ? -1 : x > y;
}


static int
first_difference(onsite_str_t a, onsite_str_t b, size_t at)
{
    int          order;
    size_t       i;
    const char  *p, *q;

    /* back to where the characters that differ begin */

    for (i = at; i != 0 && at - i < 3 && (a.data[i] & 0xc0) == 0x80; i--) {
        /* void */
    }

    p = a.data + i;
    q = b.data + i;
    order = character_order(onsite_utf8_next(&p, a.data + a.len),
                            onsite_utf8_next(&q, b.data + b.len));

    return order != 0 ? order
           : (unsigned char) a.data[at] < (unsigned char) b.data[at] ? -1 : 1;
}


bool
onsite_compare_piece(void *compare, onsite_str_t piece)
{
    size_t             i, n;
    onsite_compare_t  *c = compare;

    n = piece.len < c->rest.len ? piece.len : c->rest.len;

    if (n == 0 || memcmp(piece.data, c->rest.data, n) == 0) {
        c->order = piece.len > c->rest.len;
        c->rest = onsite_str(c->rest.data + n, c->rest.len - n);

        return c->order == 0;
    }

    for (i = 0; piece.data[i] == c->rest.data[i]; i++) {
        /* void */
    }

    c->order = first_difference(piece, c->rest, i);

    return false;
}


int
onsite_compare_end(const onsite_compare_t *compare)
{
    return compare->order != 0 ? compare->order
                               : -(compare->rest.len != 0);
}


int
onsite_text_order(const onsite_value_t *value, onsite_str_t text)
{
    onsite_compare_t  compare = { text, 0 };

    (void) onsite_text_walk(value, onsite_compare_piece, &compare);

    return onsite_compare_end(&compare);
}


bool
onsite_text_equal(const onsite_value_t *value, onsite_str_t text)
{
    if (value->type == ONSITE_STRING) {
        return onsite_str_eq(onsite_value_str(value), text);
    }

    return onsite_text_order(value, text) == 0;
}


static bool
hash_piece(void *data, onsite_str_t piece)
{
    size_t     i;
    uint64_t  *hash = data;

    for (i = 0; i < piece.len; i++) {
        *hash = (*hash ^ (unsigned char) piece.data[i]) * HASH_PRIME;
    }

    return true;
}


uint64_t
onsite_text_hash(const onsite_value_t *value)
{
    uint64_t  hash = 0xcbf29ce484222325u;

    (void) onsite_text_walk(value, hash_piece, &hash);

    return hash ^ (hash >> 32);
}
