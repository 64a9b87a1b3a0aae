/*
 * onsite_buf.c - a growing byte buffer.
 */

#include "onsite_buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SMALLEST  256


void
onsite_buf_init(onsite_buf_t *buf, size_t max)
{
    *buf = (onsite_buf_t) { .max = max };
}


void
onsite_buf_free(onsite_buf_t *buf)
{
    free(buf->data);
    onsite_buf_init(buf, buf->max);
}


void
onsite_buf_clear(onsite_buf_t *buf)
{
    buf->len = 0;
    buf->failed = false;
}


static bool
grow(onsite_buf_t *buf, size_t size)
{
    char    *data;
    size_t   capacity;

    if (size > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4
        || (buf->max != 0 && buf->len + size > buf->max))
    {
        return false;
    }

    capacity = buf->capacity != 0 ? buf->capacity : SMALLEST;

    while (capacity < buf->len + size) {
        capacity *= 2;
    }

    data = realloc(buf->data, capacity);
    if (data == NULL) {
        return false;
    }

    buf->data = data;
    buf->capacity = capacity;

    return true;
}


char *
onsite_buf_reserve(onsite_buf_t *buf, size_t size)
{
    if (buf->failed) {
        return NULL;
    }

    if (size > buf->capacity - buf->len
        || (buf->max != 0 && buf->len + size > buf->max))
    {
        if (!grow(buf, size)) {
            buf->failed = true;
            return NULL;
        }
    }

    return buf->data + buf->len;
}


void
onsite_buf_append(onsite_buf_t *buf, const void *data, size_t len)
{
    char  *p;

    if (len == 0) {
        return;
    }

    p = onsite_buf_reserve(buf, len);

    if (p != NULL) {
        memcpy(p, data, len);
        buf->len += len;
    }
}


void
onsite_buf_str(onsite_buf_t *buf, onsite_str_t str)
{
    onsite_buf_append(buf, str.data, str.len);
}


void
onsite_buf_char(onsite_buf_t *buf, char c)
{
    onsite_buf_append(buf, &c, 1);
}


void
onsite_buf_printf(onsite_buf_t *buf, const char *format, ...)
{
    int      n;
    char    *p;
    va_list  args, again;

    va_start(args, format);
    va_copy(again, args);

    n = vsnprintf(NULL, 0, format, args);
    va_end(args);

    p = n >= 0 ? onsite_buf_reserve(buf, (size_t) n + 1) : NULL;

    if (p != NULL) {
        (void) vsnprintf(p, (size_t) n + 1, format, again);
        buf->len += (size_t) n;

    } else {
        buf->failed = true;
    }

    va_end(again);
}
