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

/* Any encoding of an integer; one over INT64_MAX is bad. */
int64_t onsite_read_long(onsite_reader_t *r);

/* The same, and bad when it is not in 0 .. UINT32_MAX. */
uint32_t onsite_read_u32(onsite_reader_t *r);

/* Integer or float, as a double. */
double onsite_read_double(onsite_reader_t *r);

/* Points into the bytes read. */
onsite_str_t onsite_read_str(onsite_reader_t *r);
onsite_str_t onsite_read_bin(onsite_reader_t *r);

/* How many items follow; never more than there are bytes left. */
uint32_t onsite_read_array(onsite_reader_t *r);

/* Whether a nil is next; if so it is taken. */
bool onsite_read_nil(onsite_reader_t *r);

/* Whether an integer is next (not taken). */
bool onsite_next_is_integer(const onsite_reader_t *r);

/* Whether the next is a float64 (not taken). */
bool onsite_next_is_float(const onsite_reader_t *r);

/* Passes over n values of any type, however nested; returns their bytes. */
onsite_str_t onsite_read_skip(onsite_reader_t *r, uint64_t n);

void onsite_write_long(onsite_writer_t *w, int64_t n);
void onsite_write_double(onsite_writer_t *w, double n);
void onsite_write_str(onsite_writer_t *w, onsite_str_t s);
void onsite_write_bin(onsite_writer_t *w, onsite_str_t s);
void onsite_write_array(onsite_writer_t *w, uint32_t n);
void onsite_write_nil(onsite_writer_t *w);
void onsite_write_bytes(onsite_writer_t *w, const void *data, size_t len);

#endif
