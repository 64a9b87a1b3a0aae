/*
 * onsite_json_scalar.c - strings and numbers of JSON.
 */

#include "onsite_json_scalar.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#define ONES   0x0101010101010101u
#define HIGHS  0x8080808080808080u

#define REPLACEMENT  0xfffd

/* 10^0 .. 10^22 are exact doubles, and so are integers below 2^53: one
 * operation on two of them rounds once (Clinger, "How to Read Floating Point
 * Numbers Accurately", 1990). */
#define EXACT_POWER_MAX     22
#define EXACT_INTEGER_MAX   9007199254740992u
#define MANTISSA_DIGITS     18


static inline uint64_t
load8(const char *p)
{
    uint64_t  word;

    memcpy(&word, p, 8);

    return word;
}


bool
onsite_utf8_valid(onsite_str_t text, size_t *at)
{
    size_t                i, n;
    const unsigned char  *p = (const unsigned char *) text.data;

    for (i = 0; i < text.len; i += n) {

        while (text.len - i >= 16
               && ((load8(text.data + i) | load8(text.data + i + 8)) & HIGHS)
                  == 0)
        {
            i += 16;
        }

        if (i == text.len) {
            break;
        }

        n = p[i] < 0x80 ? 1 : onsite_utf8_length(p + i, text.len - i);

        if (n == 0) {
            *at = i;
            return false;
        }
    }

    return true;
}


/* Bytes from i on up to the first control character or backslash. */

static size_t
plain_until(const char *text, size_t i, size_t len)
{
    uint64_t  word, slash;

    for ( /* void */ ; len - i >= 8; i += 8) {
        word = load8(text + i);
        slash = word ^ (ONES * '\\');

        /* a byte below 0x20, or one that is zero after the xor */

        if (((((word - ONES * 0x20) & ~word)
              | ((slash - ONES) & ~slash)) & HIGHS) != 0)
        {
            break;
        }
    }

    while (i < len && (unsigned char) text[i] >= 0x20 && text[i] != '\\') {
        i++;
    }

    return i;
}


static uint32_t
hex4(const char *p)
{
    int       i, digit;
    uint32_t  unit = 0;

    for (i = 0; i < 4; i++) {
        digit = p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10;
        unit = unit << 4 | (uint32_t) digit;
    }

    return unit;
}


static size_t
put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char) c;
        return 1;
    }

    if (c < 0x800) {
        out[0] = (char) (0xc0 | c >> 6);
        out[1] = (char) (0x80 | (c & 0x3f));
        return 2;
    }

    if (c < 0x10000) {
        out[0] = (char) (0xe0 | c >> 12);
        out[1] = (char) (0x80 | (c >> 6 & 0x3f));
        out[2] = (char) (0x80 | (c & 0x3f));
        return 3;
    }

    out[0] = (char) (0xf0 | c >> 18);
    out[1] = (char) (0x80 | (c >> 12 & 0x3f));
    out[2] = (char) (0x80 | (c >> 6 & 0x3f));
    out[3] = (char) (0x80 | (c & 0x3f));

    return 4;
}


/* p stands behind "\u"; returns what was read of the text after it. */

static size_t
unescape_unit(const char *p, size_t left, uint32_t *c)
{
    uint32_t  low;

    *c = hex4(p);

    if (*c < 0xd800 || *c > 0xdfff) {
        return 4;
    }

    if (*c < 0xdc00 && left >= 10 && p[4] == '\\' && p[5] == 'u') {
        low = hex4(p + 6);

        if (low >= 0xdc00 && low <= 0xdfff) {
            *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
            return 10;
        }
    }

    *c = REPLACEMENT;

    return 4;
}


/* p stands behind a backslash; reads one escape, writes what it means. */

static size_t
unescape_one(const char *p, size_t left, char *out, size_t *written)
{
    size_t    n;
    uint32_t  c;

    *written = 1;

    switch (*p) {

    case 'b':
        *out = '\b';
        return 1;

    case 'f':
        *out = '\f';
        return 1;

    case 'n':
        *out = '\n';
        return 1;

    case 'r':
        *out = '\r';
        return 1;

    case 't':
        *out = '\t';
        return 1;

    case 'u':
        n = unescape_unit(p + 1, left - 1, &c);
        *written = put_utf8(out, c);
        return 1 + n;

    default:
        *out = *p;
        return 1;
    }
}


bool
onsite_json_unescape(char *text, size_t *len, size_t *at)
{
    size_t  from, to, end, written;

    end = plain_until(text, 0, *len);
    from = to = end;

    while (from < *len) {

        if (text[from] != '\\') {
            *at = from;
            return false;
        }

        from++;
        from += unescape_one(text + from, *len - from, text + to, &written);
        to += written;

        end = plain_until(text, from, *len);
        memmove(text + to, text + from, end - from);
        to += end - from;
        from = end;
    }

    *len = to;

    return true;
}


static size_t
digits(const char *p, size_t left)
{
    size_t  n;

    for (n = 0; n < left && p[n] >= '0' && p[n] <= '9'; n++) {
        /* void */
    }

    return n;
}


size_t
onsite_json_number_length(const char *p, size_t left)
{
    size_t  n, sign, whole;

    n = p[0] == '-';
    whole = digits(p + n, left - n);

    if (whole == 0 || (whole > 1 && p[n] == '0')) {
        return 0;
    }

    n += whole;

    if (n < left && p[n] == '.') {
        whole = digits(p + n + 1, left - n - 1);
        if (whole == 0) {
            return 0;
        }
        n += 1 + whole;
    }

    if (n < left && (p[n] == 'e' || p[n] == 'E')) {
        sign = n + 1 < left && (p[n + 1] == '+' || p[n + 1] == '-');
        whole = digits(p + n + 1 + sign, left - n - 1 - sign);
        if (whole == 0) {
            return 0;
        }
        n += 1 + sign + whole;
    }

    return n;
}


/* Without an exponent and of few digits, as nearly all numbers are. */

static bool
simple_number(const char *p, size_t len, double *number)
{
    size_t    i, fraction;
    uint64_t  mantissa;

    static const double  powers[EXACT_POWER_MAX + 1] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
        1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
    };

    if (len > MANTISSA_DIGITS) {
        return false;
    }

    mantissa = 0;
    fraction = 0;

    for (i = 0; i < len; i++) {
        if (p[i] == '.') {
            fraction = len - i - 1;

        } else if (p[i] >= '0' && p[i] <= '9') {
            mantissa = mantissa * 10 + (uint64_t) (p[i] - '0');

        } else {
            return false;
        }
    }

    if (mantissa > EXACT_INTEGER_MAX) {
        return false;
    }

    *number = (double) mantissa / powers[fraction];

    return true;
}


/* In C libraries the "C" locale is a constant: making it costs next to
 * nothing. */

static double
any_number(const char *p)
{
    double    number;
    locale_t  c;

    c = newlocale(LC_ALL_MASK, "C", (locale_t) 0);
    if (c == (locale_t) 0) {
        return strtod(p, NULL);
    }

    number = strtod_l(p, NULL, c);
    freelocale(c);

    return number;
}


double
onsite_json_number(const char *p, size_t len)
{
    bool    minus = p[0] == '-';
    double  number;

    if (simple_number(p + minus, len - minus, &number)) {
        return minus ? -number : number;
    }

    number = any_number(p);

    return isinf(number) ? copysign(DBL_MAX, number) : number;
}
