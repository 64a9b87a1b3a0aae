/*
 * onsite_buf.h - a growing byte buffer on the heap, for writers.
 *
 * Errors stick: after a failed growth every call does nothing and `failed`
 * stays set, so a writer checks once at its end.  clear keeps the memory.
 */

#ifndef ONSITE_BUF_H
#define ONSITE_BUF_H

#include "onsite_types.h"

typedef struct {
    char    *data;
    size_t   len;
    size_t   capacity;
    size_t   max;           /* 0: no bound                                */
    bool     failed;        /* out of memory, or over max                 */
} onsite_buf_t;

void onsite_buf_init(onsite_buf_t *buf, size_t max);
void onsite_buf_free(onsite_buf_t *buf);
void onsite_buf_clear(onsite_buf_t *buf);

/* Room for size more bytes at data + len, or NULL; does not move len. */
char *onsite_buf_reserve(onsite_buf_t *buf, size_t size);

void onsite_buf_append(onsite_buf_t *buf, const void *data, size_t len);
void onsite_buf_str(onsite_buf_t *buf, onsite_str_t str);
void onsite_buf_char(onsite_buf_t *buf, char c);
void onsite_buf_printf(onsite_buf_t *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
