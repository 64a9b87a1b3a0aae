/*
 * onsite_base64.c - base64 as clients send it (RFC 4648, 4 and 5).
 */

#include "onsite_event.h"


/* 0 .. 63, or -1.  A '+' that a query string turned into a space is still
 * one. */

static int
value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return c == '+' || c == '-' || c == ' ' ? 62
           : c == '/' || c == '_' ? 63 : -1;
}


static size_t
without_padding(onsite_str_t text)
{
    size_t  len = text.len;

    while (len != 0 && text.len - len < 2 && text.data[len - 1] == '=') {
        len--;
    }

    /* padding, where there is any, fills the last four */

    return len != text.len && text.len % 4 != 0 ? 1 : len;
}


onsite_status_t
onsite_base64_decode(onsite_arena_t *arena, onsite_str_t text,
    onsite_str_t *out)
{
    int        value;
    char      *data;
    size_t     i, n, len;
    uint32_t   bits;

    len = without_padding(text);

    if (len % 4 == 1) {
        return ONSITE_INVALID;
    }

    data = onsite_arena_alloc(arena, len / 4 * 3 + 3);
    if (data == NULL) {
        return ONSITE_NO_MEMORY;
    }

    for (i = n = 0, bits = 0; i < len; i++) {
        value = value_of(text.data[i]);

        if (value < 0) {
            return ONSITE_INVALID;
        }

        bits = bits << 6 | (uint32_t) value;

        if (i % 4 != 0) {
            data[n++] = (char) (bits >> (6 - 2 * (i % 4)));
        }
    }

    *out = onsite_str(data, n);

    return ONSITE_OK;
}
