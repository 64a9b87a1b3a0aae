/*
 * onsite_cursor.c - msgpack read and written in place.
 */

#include "onsite_cursor.h"

#include <endian.h>

enum {
    NIL = 0xc0,
    FALSE_ = 0xc2,
    TRUE_ = 0xc3,
    BIN8 = 0xc4,
    EXT8 = 0xc7,
    FLOAT32 = 0xca,
    FLOAT64 = 0xcb,
    UINT8 = 0xcc,
    UINT64 = 0xcf,
    INT8 = 0xd0,
    INT64 = 0xd3,
    FIXEXT1 = 0xd4,
    STR8 = 0xd9,
    ARRAY16 = 0xdc,
    ARRAY32 = 0xdd,
    MAP16 = 0xde,
    MAP32 = 0xdf
};


static uint8_t
fail(onsite_reader_t *r)
{
    r->bad = true;
    r->p = r->end;

    return NIL;
}


static uint8_t
take_byte(onsite_reader_t *r)
{
    return r->p < r->end ? *r->p++ : fail(r);
}


/* size (1 to 8) bytes, big-endian; 0 when there are not so many. */

static uint64_t
take_big_endian(onsite_reader_t *r, unsigned size)
{
    size_t          left;
    uint64_t        n;
    unsigned char   bytes[8] = { 0 };

    left = (size_t) (r->end - r->p);

    if (left < size) {
        (void) fail(r);
        return 0;
    }

    if (left >= 8) {
        memcpy(&n, r->p, 8);

    } else {
        memcpy(bytes, r->p, left);
        memcpy(&n, bytes, 8);
    }

    r->p += size;

    return be64toh(n) >> (64 - 8 * size);
}


static int64_t
sign_extend(uint64_t n, unsigned size)
{
    uint64_t  sign = (uint64_t) 1 << (size * 8 - 1);

    return (int64_t) ((n ^ sign) - sign);
}


/* The integer whose first byte was type. */

static int64_t
take_integer(onsite_reader_t *r, uint8_t type)
{
    unsigned  size;
    uint64_t  n;

    if (type < 0x80 || type >= 0xe0) {
        return (int8_t) type;
    }

    if (type >= UINT8 && type <= UINT64) {
        n = take_big_endian(r, 1u << (type - UINT8));

        if (n > INT64_MAX) {
            (void) fail(r);
            return 0;
        }

        return (int64_t) n;
    }

    if (type >= INT8 && type <= INT64) {
        size = 1u << (type - INT8);
        n = take_big_endian(r, size);

        return sign_extend(n, size);
    }

    (void) fail(r);

    return 0;
}


int64_t
onsite_read_longer(onsite_reader_t *r)
{
    return take_integer(r, take_byte(r));
}


uint32_t
onsite_read_longer_u32(onsite_reader_t *r)
{
    int64_t  n = onsite_read_longer(r);

    if (n < 0 || n > UINT32_MAX) {
        (void) fail(r);
        return 0;
    }

    return (uint32_t) n;
}


double
onsite_read_double(onsite_reader_t *r)
{
    float     single;
    double    n;
    uint8_t   type;
    uint32_t  bits32;
    uint64_t  bits;

    type = take_byte(r);

    if (type == FLOAT64) {
        bits = take_big_endian(r, 8);
        memcpy(&n, &bits, sizeof(n));
        return n;
    }

    if (type == FLOAT32) {
        bits32 = (uint32_t) take_big_endian(r, 4);
        memcpy(&single, &bits32, sizeof(single));
        return (double) single;
    }

    if (type == UINT64) {
        return (double) take_big_endian(r, 8);
    }

    return (double) take_integer(r, type);
}


static onsite_str_t
take_bytes(onsite_reader_t *r, uint64_t len)
{
    onsite_str_t  s;

    if (r->bad || len > (size_t) (r->end - r->p)) {
        (void) fail(r);
        return onsite_str(NULL, 0);
    }

    s = onsite_str((const char *) r->p, (size_t) len);
    r->p += len;

    return s;
}


onsite_str_t
onsite_read_str(onsite_reader_t *r)
{
    uint8_t  type = take_byte(r);

    if (type >= 0xa0 && type <= 0xbf) {
        return take_bytes(r, type & 0x1f);
    }

    if (type >= STR8 && type <= STR8 + 2) {
        return take_bytes(r, take_big_endian(r, 1u << (type - STR8)));
    }

    (void) fail(r);

    return onsite_str(NULL, 0);
}


onsite_str_t
onsite_read_bin(onsite_reader_t *r)
{
    uint8_t  type = take_byte(r);

    if (type >= BIN8 && type <= BIN8 + 2) {
        return take_bytes(r, take_big_endian(r, 1u << (type - BIN8)));
    }

    (void) fail(r);

    return onsite_str(NULL, 0);
}


uint32_t
onsite_read_array(onsite_reader_t *r)
{
    uint8_t   type;
    uint64_t  n;

    type = take_byte(r);

    if (type >= 0x90 && type <= 0x9f) {
        n = type & 0x0f;

    } else if (type == ARRAY16 || type == ARRAY32) {
        n = take_big_endian(r, type == ARRAY16 ? 2 : 4);

    } else {
        (void) fail(r);
        return 0;
    }

    if (n > (size_t) (r->end - r->p)) {
        (void) fail(r);
        return 0;
    }

    return (uint32_t) n;
}


uint32_t
onsite_read_map(onsite_reader_t *r)
{
    uint8_t   type;
    uint64_t  n;

    type = take_byte(r);

    if (type >= 0x80 && type <= 0x8f) {
        n = type & 0x0f;

    } else if (type == MAP16 || type == MAP32) {
        n = take_big_endian(r, type == MAP16 ? 2 : 4);

    } else {
        (void) fail(r);
        return 0;
    }

    if (2 * n > (size_t) (r->end - r->p)) {
        (void) fail(r);
        return 0;
    }

    return (uint32_t) n;
}


onsite_next_t
onsite_next(const onsite_reader_t *r)
{
    uint8_t  type;

    if (r->p >= r->end) {
        return ONSITE_NEXT_OTHER;
    }

    type = *r->p;

    return type < 0x80 || type >= 0xe0 ? ONSITE_NEXT_NUMBER
           : type <= 0x8f ? ONSITE_NEXT_MAP
           : type <= 0x9f ? ONSITE_NEXT_ARRAY
           : type <= 0xbf ? ONSITE_NEXT_STRING
           : type == NIL ? ONSITE_NEXT_NIL
           : type == FALSE_ || type == TRUE_ ? ONSITE_NEXT_BOOL
           : type >= FLOAT32 && type <= INT64 ? ONSITE_NEXT_NUMBER
           : type >= STR8 && type <= STR8 + 2 ? ONSITE_NEXT_STRING
           : type == ARRAY16 || type == ARRAY32 ? ONSITE_NEXT_ARRAY
           : type == MAP16 || type == MAP32 ? ONSITE_NEXT_MAP
           : ONSITE_NEXT_OTHER;
}


/* Passes over one value but for its items; returns how many those are. */

static uint64_t
skip_head(onsite_reader_t *r)
{
    uint8_t  type = take_byte(r);

    if (type < 0x80 || type >= 0xe0 || type == NIL || type == FALSE_
        || type == TRUE_)
    {
        return 0;
    }

    if (type <= 0x8f) {
        return 2 * (uint64_t) (type & 0x0f);
    }

    if (type <= 0x9f) {
        return type & 0x0f;
    }

    if (type <= 0xbf) {
        (void) take_bytes(r, type & 0x1f);

    } else if (type >= BIN8 && type <= BIN8 + 2) {
        (void) take_bytes(r, take_big_endian(r, 1u << (type - BIN8)));

    } else if (type >= EXT8 && type <= EXT8 + 2) {
        (void) take_bytes(r, take_big_endian(r, 1u << (type - EXT8)) + 1);

    } else if (type == FLOAT32 || type == FLOAT64) {
        (void) take_bytes(r, type == FLOAT32 ? 4 : 8);

    } else if (type >= UINT8 && type <= UINT64) {
        (void) take_bytes(r, 1u << (type - UINT8));

    } else if (type >= INT8 && type <= INT64) {
        (void) take_bytes(r, 1u << (type - INT8));

    } else if (type >= FIXEXT1 && type <= FIXEXT1 + 4) {
        (void) take_bytes(r, (1u << (type - FIXEXT1)) + 1);

    } else if (type >= STR8 && type <= STR8 + 2) {
        (void) take_bytes(r, take_big_endian(r, 1u << (type - STR8)));

    } else if (type >= ARRAY16) {
        return take_big_endian(r, type == ARRAY16 || type == MAP16 ? 2 : 4)
               * (type >= MAP16 ? 2 : 1);

    } else {
        (void) fail(r);             /* 0xc1: never used */
    }

    return 0;
}


/* Not recursive: what is nested only adds to how many values are left.  Each
 * takes a byte at least, so that this ends. */

onsite_str_t
onsite_read_skip(onsite_reader_t *r, uint64_t n)
{
    const uint8_t  *start = r->p;

    while (n != 0 && !r->bad) {
        n += skip_head(r);
        n--;

        if (n > (size_t) (r->end - r->p)) {
            (void) fail(r);
        }
    }

    if (r->bad) {
        return onsite_str(NULL, 0);
    }

    return onsite_str((const char *) start, (size_t) (r->p - start));
}


void
onsite_write_bytes(onsite_writer_t *w, const void *data, size_t len)
{
    if (w->len <= w->capacity && len <= w->capacity - w->len && len != 0) {
        memcpy(w->out + w->len, data, len);
    }

    w->len += len;
}


static void
put_byte(onsite_writer_t *w, uint8_t byte)
{
    if (w->len < w->capacity) {
        w->out[w->len] = byte;
    }

    w->len++;
}


/* A type byte and size (1 to 8) bytes, big-endian. */

static void
put_typed(onsite_writer_t *w, uint8_t type, uint64_t n, unsigned size)
{
    uint8_t  bytes[9];

    bytes[0] = type;
    n = htobe64(n << (64 - 8 * size));
    memcpy(bytes + 1, &n, 8);

    if (w->len <= w->capacity && w->capacity - w->len >= sizeof(bytes)) {
        memcpy(w->out + w->len, bytes, sizeof(bytes));
        w->len += size + 1;

    } else {
        onsite_write_bytes(w, bytes, size + 1);
    }
}


/* The shortest of four sizes; first is the type byte of one byte. */

static void
put_sized(onsite_writer_t *w, uint8_t first, uint64_t n)
{
    unsigned  power;

    power = n <= 0xff ? 0 : n <= 0xffff ? 1 : n <= 0xffffffff ? 2 : 3;

    put_typed(w, (uint8_t) (first + power), n, 1u << power);
}


void
onsite_write_longer(onsite_writer_t *w, int64_t n)
{
    if (n >= -32 && n <= 127) {
        put_byte(w, (uint8_t) n);

    } else if (n >= 0) {
        put_sized(w, UINT8, (uint64_t) n);

    } else if (n >= INT8_MIN) {
        put_typed(w, INT8, (uint64_t) n, 1);

    } else if (n >= INT16_MIN) {
        put_typed(w, INT8 + 1, (uint64_t) n, 2);

    } else if (n >= INT32_MIN) {
        put_typed(w, INT8 + 2, (uint64_t) n, 4);

    } else {
        put_typed(w, INT64, (uint64_t) n, 8);
    }
}


void
onsite_write_double(onsite_writer_t *w, double n)
{
    uint64_t  bits;

    memcpy(&bits, &n, sizeof(bits));
    put_typed(w, FLOAT64, bits, 8);
}


void
onsite_write_float(onsite_writer_t *w, float n)
{
    uint32_t  bits;

    memcpy(&bits, &n, sizeof(bits));
    put_typed(w, FLOAT32, bits, 4);
}


void
onsite_write_longer_str(onsite_writer_t *w, onsite_str_t s)
{
    if (s.len < 32) {
        put_byte(w, (uint8_t) (0xa0 | s.len));

    } else {
        put_sized(w, STR8, (uint32_t) s.len);
    }

    onsite_write_bytes(w, s.data, s.len);
}


void
onsite_write_bin(onsite_writer_t *w, onsite_str_t s)
{
    put_sized(w, BIN8, (uint32_t) s.len);
    onsite_write_bytes(w, s.data, s.len);
}


void
onsite_write_array(onsite_writer_t *w, uint32_t n)
{
    if (n < 16) {
        put_byte(w, (uint8_t) (0x90 | n));

    } else {
        put_typed(w, n <= 0xffff ? ARRAY16 : ARRAY32, n, n <= 0xffff ? 2 : 4);
    }
}


void
onsite_write_nil(onsite_writer_t *w)
{
    put_byte(w, NIL);
}
