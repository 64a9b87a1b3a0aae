/*
 * onsite_cursor.h - msgpack (msgpack specification, 2013 revision) read and
 * written in place, for visitor records: no allocation, every step bounded.
 *
 * Errors stick: a reader that met anything but what was asked for, or the end
 * of its bytes, stays `bad` and gives zeros; a writer past its capacity goes
 * on counting in `len` but writes nothing.  Why not msgpack-c here:
 * docs/measurements.md.
 */

#ifndef ONSITE_CURSOR_H
#define ONSITE_CURSOR_H

#include "onsite_types.h"

typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
    bool            bad;
} onsite_reader_t;

typedef struct {
    uint8_t  *out;
    size_t    len;              /* wanted; more than capacity: cut off     */
    size_t    capacity;
} onsite_writer_t;

/* What the inline functions below leave to do: longer encodings. */
int64_t onsite_read_longer(onsite_reader_t *r);
uint32_t onsite_read_longer_u32(onsite_reader_t *r);
void onsite_write_longer(onsite_writer_t *w, int64_t n);
void onsite_write_longer_str(onsite_writer_t *w, onsite_str_t s);

/* Any encoding of an integer; one over INT64_MAX is bad. */
static inline int64_t
onsite_read_long(onsite_reader_t *r)
{
    return r->p < r->end && *r->p < 0x80 ? *r->p++ : onsite_read_longer(r);
}

/* The same, and bad when it is not in 0 .. UINT32_MAX. */
static inline uint32_t
onsite_read_u32(onsite_reader_t *r)
{
    return r->p < r->end && *r->p < 0x80 ? *r->p++ : onsite_read_longer_u32(r);
}

/* Integer or float, as a double. */
double onsite_read_double(onsite_reader_t *r);

/* Points into the bytes read. */
onsite_str_t onsite_read_str(onsite_reader_t *r);
onsite_str_t onsite_read_bin(onsite_reader_t *r);

/* How many items follow; never more than there are bytes left. */
uint32_t onsite_read_array(onsite_reader_t *r);

/* How many pairs follow; likewise. */
uint32_t onsite_read_map(onsite_reader_t *r);

/* Whether a nil is next; if so it is taken. */
static inline bool
onsite_read_nil(onsite_reader_t *r)
{
    bool  nil = r->p < r->end && *r->p == 0xc0;

    r->p += nil;

    return nil;
}

/* Whether an integer is next (not taken). */
static inline bool
onsite_next_is_integer(const onsite_reader_t *r)
{
    return r->p < r->end && (*r->p < 0x80 || *r->p >= 0xe0
                             || (*r->p >= 0xcc && *r->p <= 0xd3));
}

/* Whether a text is next (not taken). */
static inline bool
onsite_next_is_str(const onsite_reader_t *r)
{
    return r->p < r->end && ((*r->p >= 0xa0 && *r->p <= 0xbf)
                             || (*r->p >= 0xd9 && *r->p <= 0xdb));
}

/* What is next (not taken); OTHER: the end, or nothing that JSON has. */
typedef enum {
    ONSITE_NEXT_OTHER = 0,
    ONSITE_NEXT_NIL,
    ONSITE_NEXT_BOOL,
    ONSITE_NEXT_NUMBER,
    ONSITE_NEXT_STRING,
    ONSITE_NEXT_ARRAY,
    ONSITE_NEXT_MAP
} onsite_next_t;

onsite_next_t onsite_next(const onsite_reader_t *r);

/* Whether a float is next (not taken). */
static inline bool
onsite_next_is_float(const onsite_reader_t *r)
{
    return r->p < r->end && (*r->p == 0xca || *r->p == 0xcb);
}

/* Whether a boolean is next; if so it is taken. */
static inline bool
onsite_read_boolean(onsite_reader_t *r, bool *b)
{
    bool  found = r->p < r->end && (*r->p == 0xc2 || *r->p == 0xc3);

    if (found) {
        *b = *r->p++ == 0xc3;
    }

    return found;
}

/* Passes over n values of any type, however nested; returns their bytes. */
onsite_str_t onsite_read_skip(onsite_reader_t *r, uint64_t n);

static inline void
onsite_write_long(onsite_writer_t *w, int64_t n)
{
    if (n >= -32 && n <= 127 && w->len < w->capacity) {
        w->out[w->len++] = (uint8_t) n;

    } else {
        onsite_write_longer(w, n);
    }
}

void onsite_write_double(onsite_writer_t *w, double n);
void onsite_write_float(onsite_writer_t *w, float n);

static inline void
onsite_write_str(onsite_writer_t *w, onsite_str_t s)
{
    if (s.len >= 32 || w->len + s.len >= w->capacity) {
        onsite_write_longer_str(w, s);
        return;
    }

    w->out[w->len] = (uint8_t) (0xa0 | s.len);

    if (s.len != 0) {
        memcpy(w->out + w->len + 1, s.data, s.len);
    }

    w->len += 1 + s.len;
}

void onsite_write_bin(onsite_writer_t *w, onsite_str_t s);
void onsite_write_array(onsite_writer_t *w, uint32_t n);
void onsite_write_nil(onsite_writer_t *w);
void onsite_write_bytes(onsite_writer_t *w, const void *data, size_t len);

#endif
