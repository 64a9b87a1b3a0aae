/*
 * onsite_query.c - query strings.
 */

#include "onsite_event.h"
#include "onsite_json_scalar.h"
#include "onsite_query.h"


bool
onsite_query_next(onsite_str_t *args, onsite_str_t *key, onsite_str_t *value)
{
    const char  *p, *end, *stop, *equals;

    p = args->data;
    end = p + args->len;

    while (p < end && *p == '&') {
        p++;
    }

    if (p == end) {
        args->len = 0;
        return false;
    }

    equals = NULL;

    for (stop = p; stop < end && *stop != '&'; stop++) {
        if (*stop == '=' && equals == NULL) {
            equals = stop;
        }
    }

    *args = onsite_str(stop, (size_t) (end - stop));

    if (equals == NULL) {
        equals = stop;
        *value = onsite_str(stop, 0);

    } else {
        *value = onsite_str(equals + 1, (size_t) (stop - equals) - 1);
    }

    *key = onsite_str(p, (size_t) (equals - p));

    return true;
}


/* All but those that mean something, or are not ASCII. */

static size_t
plain_run(const char *p, const char *end)
{
    const char  *start = p;

    static const bool  special[128] = {
        ['&'] = true, ['='] = true, ['%'] = true, ['+'] = true
    };

    while (p < end && (unsigned char) *p < 128
           && !special[(unsigned char) *p])
    {
        p++;
    }

    return (size_t) (p - start);
}


/* One character that is not plain; returns what was read of the text. */

static size_t
decode_special(const char *p, const char *end, char *out)
{
    int  high, low;

    *out = *p == '+' ? ' ' : *p;

    if (*p == '%' && end - p > 2) {
        high = onsite_hex_digit(p[1]);
        low = onsite_hex_digit(p[2]);

        if (high >= 0 && low >= 0) {
            *out = (char) (high << 4 | low);
            return 3;
        }
    }

    return 1;
}


/* Decodes in place up to '&' or, in a key, '='. */

static onsite_str_t
decode(char **p, char *end, bool key, uint8_t *high)
{
    char    *start = *p, *from = *p, *to = *p;
    size_t   n;

    for ( ;; ) {
        n = plain_run(from, end);

        if (to != from) {
            memmove(to, from, n);
        }

        from += n;
        to += n;

        if (from == end || *from == '&' || (key && *from == '=')) {
            break;
        }

        from += decode_special(from, end, to);
        *high |= (uint8_t) *to++;
    }

    *p = from;

    return onsite_str(start, (size_t) (to - start));
}


size_t
onsite_query_unescape(char *text, size_t len)
{
    uint8_t  high = 0;

    return decode(&text, text + len, false, &high).len;
}


bool
onsite_query_take(char **p, char *end, onsite_str_t *key,
    onsite_str_t *value, uint8_t *high)
{
    while (*p < end && **p == '&') {
        (*p)++;
    }

    if (*p == end) {
        return false;
    }

    *key = decode(p, end, true, high);

    if (*p < end && **p == '=') {
        (*p)++;
        *value = decode(p, end, false, high);

    } else {
        *value = onsite_str(*p, 0);
    }

    return true;
}


onsite_str_t
onsite_utf8_repair(onsite_arena_t *arena, onsite_str_t str)
{
    char    *out;
    size_t   i, n, to;

    if (onsite_utf8_valid(str, &i)) {
        return str;
    }

    out = onsite_arena_alloc(arena, str.len * 3);
    if (out == NULL) {
        return onsite_str(NULL, 0);
    }

    for (i = to = 0; i < str.len; i += n) {
        n = onsite_utf8_length((const unsigned char *) str.data + i,
                               str.len - i);
        if (n == 0) {
            memcpy(out + to, "\xef\xbf\xbd", 3);
            to += 3;
            n = 1;

        } else {
            memcpy(out + to, str.data + i, n);
            to += n;
        }
    }

    return onsite_str(out, to);
}


static bool
key_is(onsite_arena_t *arena, onsite_str_t raw, onsite_str_t key)
{
    onsite_str_t  copy;

    if (memchr(raw.data, '%', raw.len) == NULL
        && memchr(raw.data, '+', raw.len) == NULL)
    {
        return onsite_str_eq(raw, key);
    }

    /* an escaped key is longer than what it says */

    if (raw.len < key.len) {
        return false;
    }

    copy = onsite_arena_copy(arena, raw);
    if (copy.data == NULL) {
        return false;
    }

    copy.len = onsite_query_unescape((char *) copy.data, copy.len);

    return onsite_str_eq(copy, key);
}


onsite_status_t
onsite_query_get(onsite_arena_t *arena, onsite_str_t args, onsite_str_t key,
    onsite_str_t *out)
{
    onsite_str_t  name, value;

    while (onsite_query_next(&args, &name, &value)) {

        if (!key_is(arena, name, key)) {
            continue;
        }

        value = onsite_arena_copy(arena, value);
        if (value.data == NULL) {
            return ONSITE_NO_MEMORY;
        }

        value.len = onsite_query_unescape((char *) value.data, value.len);
        *out = onsite_utf8_repair(arena, value);

        return out->data != NULL ? ONSITE_OK : ONSITE_NO_MEMORY;
    }

    return ONSITE_NOT_FOUND;
}
