/*
 * onsite_types.h - the words every other core header uses.
 *
 * Core is pure C11: no nginx header, no clock, no statics, no I/O outside
 * onsite_store.c and onsite_snapshot.c.  Time and memory come in as arguments;
 * nothing is decided at random.
 */

#ifndef ONSITE_TYPES_H
#define ONSITE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>


/* What a core function returns.  0 is success. */

typedef enum {
    ONSITE_OK = 0,
    ONSITE_NOT_FOUND,       /* no such key, record, campaign               */
    ONSITE_INVALID,         /* input breaks its format; error text is set  */
    ONSITE_LIMIT,           /* input is well formed but over a bound       */
    ONSITE_NO_MEMORY,       /* arena or heap exhausted                     */
    ONSITE_FULL,            /* the map is full, also after eviction        */
    ONSITE_CORRUPT,         /* stored bytes do not decode                  */
    ONSITE_VERSION,         /* stored by a version this one cannot read    */
    ONSITE_IO               /* the operating system or LMDB said no        */
} onsite_status_t;

/* A lower-case English name, static storage ("not found"). */
const char *onsite_status_text(onsite_status_t status);


/* Bytes with a length; not NUL-terminated, may contain NUL; not owned. */

typedef struct {
    size_t       len;
    const char  *data;
} onsite_str_t;

#define ONSITE_STR(literal)  ((onsite_str_t) { sizeof(literal) - 1, literal })

static inline onsite_str_t
onsite_str(const char *data, size_t len)
{
    return (onsite_str_t) { len, data };
}

static inline bool
onsite_str_eq(onsite_str_t a, onsite_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline onsite_str_t
onsite_str_of(const char *text)
{
    return onsite_str(text, strlen(text));
}

static inline bool
onsite_str_is(onsite_str_t s, const char *text)
{
    return onsite_str_eq(s, onsite_str_of(text));
}

/* 0 .. 15, of either case; -1: it is no hexadecimal digit. */
static inline int
onsite_hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* By bytes, a prefix first: below, equal to or above 0. */
static inline int
onsite_str_compare(onsite_str_t a, onsite_str_t b)
{
    int     order;
    size_t  len = a.len < b.len ? a.len : b.len;

    order = len != 0 ? memcmp(a.data, b.data, len) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}


/* Bytes of the valid UTF-8 sequence at p (left > 0), 1 for ASCII; 0: none. */
size_t onsite_utf8_length(const unsigned char *p, size_t left);


/* Milliseconds since the Unix epoch, UTC; differences in milliseconds. */

typedef int64_t  onsite_ms_t;

#define ONSITE_SECOND  ((onsite_ms_t) 1000)
#define ONSITE_MINUTE  (60 * ONSITE_SECOND)
#define ONSITE_HOUR    (60 * ONSITE_MINUTE)
#define ONSITE_DAY     (24 * ONSITE_HOUR)


/* The key of a visitor's record; see onsite_id.h. */

typedef struct {
    uint8_t  bytes[16];
} onsite_key_t;


/* A message for a person: what is wrong, where, and what to do. */

typedef struct {
    char  text[512];
} onsite_error_t;

/*
 * Formats into error (which may be NULL) and returns status, so that a
 * failing function ends with
 *     return onsite_error(error, ONSITE_INVALID, "...", ...);
 * Control bytes and invalid UTF-8 in the result are replaced by '?', so it
 * can go to a log as it is.
 */
onsite_status_t onsite_error(onsite_error_t *error, onsite_status_t status,
    const char *format, ...) __attribute__((format(printf, 3, 4)));


#endif
