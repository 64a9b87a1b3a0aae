/*
 * onsite_value.c - look-ups in values, and values as JSON text.
 */

#include "onsite_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


const onsite_value_t *
onsite_value_get(const onsite_value_t *object, onsite_str_t key)
{
    uint32_t  i;

    if (object == NULL || object->type != ONSITE_OBJECT) {
        return NULL;
    }

    /* from the end: the last of equal keys counts, as in JSON.parse */

    for (i = object->len; i-- > 0; /* void */) {
        if (onsite_str_eq(object->as.members[i].key, key)) {
            return &object->as.members[i].value;
        }
    }

    return NULL;
}


onsite_str_t
onsite_value_get_str(const onsite_value_t *object, onsite_str_t key)
{
    const onsite_value_t  *value = onsite_value_get(object, key);

    if (value == NULL || value->type != ONSITE_STRING) {
        return onsite_str(NULL, 0);
    }

    return onsite_value_str(value);
}


/* Of numbers with few decimals, as prices are: a quotient is rounded as a
 * decimal is that is read, and of those of up to 15 digits no two read as the
 * same number, so what is found first is the shortest.  0: it has more. */

static size_t
few_digits(double number, char *digits, int *point)
{
    size_t                k;
    int64_t               n;
    static const double   powers[] = { 1, 10, 100, 1000, 1e4, 1e5, 1e6 };

    if (number >= 1e9 || number < 1e-3) {
        return 0;
    }

    for (k = 0; k < sizeof(powers) / sizeof(powers[0]); k++) {
        n = (int64_t) (number * powers[k] + 0.5);

        if ((double) n / powers[k] == number) {
            break;
        }
    }

    if (k == sizeof(powers) / sizeof(powers[0])) {
        return 0;
    }

    *point = snprintf(digits, 20, "%lld", (long long) n);
    n = *point;
    *point -= (int) k;

    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }

    return (size_t) n;
}


/* Shortest decimal digits that read back as number (> 0, finite); *point is
 * the position of the decimal point relative to the digits. */

static size_t
shortest_digits(double number, char *digits, int *point)
{
    int     precision;
    char    text[40], *e;
    size_t  n;

    n = few_digits(number, digits, point);

    if (n != 0) {
        return n;
    }

    for (precision = 0; precision < 17; precision++) {
        (void) snprintf(text, sizeof(text), "%.*e", precision, number);

        if (strtod(text, NULL) == number) {
            break;
        }
    }

    e = strchr(text, 'e');
    *point = (int) strtol(e + 1, NULL, 10) + 1;

    digits[0] = text[0];
    n = 1;

    if (precision > 0) {
        memcpy(digits + 1, text + 2, (size_t) (e - text) - 2);
        n += (size_t) (e - text) - 2;
    }

    return n;
}


/* ECMA-262, Number::toString, steps 5 to 12. */

static size_t
place_digits(const char *digits, size_t k, int point, char *out)
{
    int   i;
    char *p = out;

    if (point > 0 && point <= 21) {
        for (i = 0; i < (int) k || i < point; i++) {
            if (i == point) {
                *p++ = '.';
            }
            *p++ = i < (int) k ? digits[i] : '0';
        }

        return (size_t) (p - out);
    }

    if (point > -6 && point <= 0) {
        *p++ = '0';
        *p++ = '.';
        for (i = point; i < 0; i++) {
            *p++ = '0';
        }
        memcpy(p, digits, k);

        return (size_t) (p - out) + k;
    }

    *p++ = digits[0];
    if (k > 1) {
        *p++ = '.';
        memcpy(p, digits + 1, k - 1);
        p += k - 1;
    }

    return (size_t) (p - out)
           + (size_t) snprintf(p, 8, "e%c%d", point > 0 ? '+' : '-',
                               abs(point - 1));
}


size_t
onsite_number_to_text(double number, char *out)
{
    int       point;
    char      digits[24], reversed[24], *p;
    size_t    n;
    uint64_t  whole;

    if (isnan(number)) {
        memcpy(out, "NaN", 3);
        return 3;
    }

    if (number == 0) {
        out[0] = '0';
        return 1;
    }

    if (number < 0) {
        out[0] = '-';
        return 1 + onsite_number_to_text(-number, out + 1);
    }

    if (isinf(number)) {
        memcpy(out, "Infinity", 8);
        return 8;
    }

    if (number < 9007199254740992.0 && number == floor(number)) {
        n = 0;
        for (whole = (uint64_t) number; whole != 0; whole /= 10) {
            reversed[n++] = (char) ('0' + whole % 10);
        }

        for (p = out; n != 0; /* void */) {
            *p++ = reversed[--n];
        }

        return (size_t) (p - out);
    }

    n = shortest_digits(number, digits, &point);

    return place_digits(digits, n, point, out);
}


static void
write_escape(onsite_buf_t *buf, unsigned char c)
{
    static const char  hex[] = "0123456789abcdef";

    char  text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

    switch (c) {

    case '"':
        onsite_buf_append(buf, "\\\"", 2);
        return;

    case '\\':
        onsite_buf_append(buf, "\\\\", 2);
        return;

    case '\n':
        onsite_buf_append(buf, "\\n", 2);
        return;

    default:
        onsite_buf_append(buf, text, 6);
    }
}


/* U+0080 to U+009F move a terminal's cursor, as controls below them do;
 * U+2028 and U+2029 end a line of JavaScript. */

static bool
needs_escape(const unsigned char *p, size_t n)
{
    return (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
           || (n == 3 && p[0] == 0xe2 && p[1] == 0x80
               && (p[2] & 0xfe) == 0xa8);
}


void
onsite_write_json_text(onsite_buf_t *buf, onsite_str_t str)
{
    size_t                n, i, start;
    const unsigned char  *p = (const unsigned char *) str.data;

    /* an empty one may have no data to point into */

    if (str.len == 0) {
        return;
    }

    for (i = start = 0; i < str.len; /* void */) {

        if (p[i] >= 0x20 && p[i] < 0x7f
            && p[i] != '"' && p[i] != '\\' && p[i] != '<')
        {
            i++;
            continue;
        }

        n = onsite_utf8_length(p + i, str.len - i);

        if (n > 1 && !needs_escape(p + i, n)) {
            i += n;
            continue;
        }

        onsite_buf_append(buf, str.data + start, i - start);

        if (n == 1) {
            write_escape(buf, p[i]);

        } else if (n == 2) {
            write_escape(buf, p[i + 1]);

        } else if (n == 0) {
            onsite_buf_append(buf, "\xef\xbf\xbd", 3);
            n = 1;

        } else {
            onsite_buf_append(buf, p[i + 2] == 0xa8 ? "\\u2028" : "\\u2029",
                              6);
        }

        i += n;
        start = i;
    }

    onsite_buf_append(buf, str.data + start, i - start);
}


void
onsite_write_json_string(onsite_buf_t *buf, onsite_str_t str)
{
    onsite_buf_char(buf, '"');
    onsite_write_json_text(buf, str);
    onsite_buf_char(buf, '"');
}


static void
write_number(onsite_buf_t *buf, double number)
{
    char  *p = onsite_buf_reserve(buf, 32);

    if (p == NULL) {
        return;
    }

    if (isfinite(number)) {
        buf->len += onsite_number_to_text(number, p);

    } else {
        onsite_buf_append(buf, "null", 4);
    }
}


static void
write_items(onsite_buf_t *buf, const onsite_value_t *value)
{
    uint32_t  i;

    onsite_buf_char(buf, '[');

    for (i = 0; i < value->len; i++) {
        if (i != 0) {
            onsite_buf_char(buf, ',');
        }
        onsite_value_write_json(buf, &value->as.items[i]);
    }

    onsite_buf_char(buf, ']');
}


static void
write_members(onsite_buf_t *buf, const onsite_value_t *value)
{
    uint32_t  i;

    onsite_buf_char(buf, '{');

    for (i = 0; i < value->len; i++) {
        if (i != 0) {
            onsite_buf_char(buf, ',');
        }
        onsite_write_json_string(buf, value->as.members[i].key);
        onsite_buf_char(buf, ':');
        onsite_value_write_json(buf, &value->as.members[i].value);
    }

    onsite_buf_char(buf, '}');
}


void
onsite_value_write_json(onsite_buf_t *buf, const onsite_value_t *value)
{
    switch (value->type) {

    case ONSITE_BOOL:
        onsite_buf_str(buf, value->as.boolean ? ONSITE_STR("true")
                                              : ONSITE_STR("false"));
        break;

    case ONSITE_NUMBER:
        write_number(buf, value->as.number);
        break;

    case ONSITE_STRING:
        onsite_write_json_string(buf, onsite_value_str(value));
        break;

    case ONSITE_ARRAY:
        write_items(buf, value);
        break;

    case ONSITE_OBJECT:
        write_members(buf, value);
        break;

    default:
        onsite_buf_append(buf, "null", 4);
    }
}
