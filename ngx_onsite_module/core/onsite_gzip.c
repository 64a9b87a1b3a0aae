/*
 * onsite_gzip.c - compressed bodies (RFC 1952), bounded before they grow.
 */

#include "onsite_event.h"

#include <zlib.h>

#define GZIP_ONLY    16         /* added to zlib's window bits            */
#define SMALLEST     18         /* bytes: header and trailer              */


bool
onsite_gzip_detect(onsite_str_t body)
{
    return body.len >= 3 && memcmp(body.data, "\x1f\x8b\x08", 3) == 0;
}


static void *
zlib_alloc(void *arena, unsigned items, unsigned size)
{
    return onsite_arena_alloc(arena, (size_t) items * size);
}


static void
zlib_free(void *arena, void *p)
{
    (void) arena;
    (void) p;
}


/* The size that the trailer claims, as a first guess within the bound. */

static size_t
claimed_size(onsite_str_t body, size_t max)
{
    size_t                size;
    const unsigned char  *p;

    p = (const unsigned char *) body.data + body.len - 4;
    size = p[0] | (size_t) p[1] << 8 | (size_t) p[2] << 16
           | (size_t) p[3] << 24;

    return size < max ? size : max;
}


/* Inflates until the room is full or the end is reached: OK, LIMIT, INVALID. */

static onsite_status_t
inflate_into(z_stream *z, char *out, size_t room)
{
    int  rc;

    z->next_out = (Bytef *) out + z->total_out;
    z->avail_out = (uInt) (room - z->total_out);

    rc = inflate(z, Z_FINISH);

    if (rc == Z_STREAM_END) {
        return z->avail_in == 0 ? ONSITE_OK : ONSITE_INVALID;
    }

    if (rc == Z_MEM_ERROR) {
        return ONSITE_NO_MEMORY;
    }

    return (rc == Z_OK || rc == Z_BUF_ERROR) && z->avail_out == 0
           ? ONSITE_LIMIT : ONSITE_INVALID;
}


static onsite_status_t
inflate_bounded(z_stream *z, onsite_arena_t *arena, size_t first,
    size_t max, onsite_str_t *out)
{
    char             *data, *larger;
    onsite_status_t   status;

    /* one byte more than may be: a full buffer then means "over it" */

    data = onsite_arena_alloc(arena, first + 1);
    if (data == NULL) {
        return ONSITE_NO_MEMORY;
    }

    status = inflate_into(z, data, first + 1);

    if (status == ONSITE_LIMIT && first < max) {
        larger = onsite_arena_alloc(arena, max + 1);
        if (larger == NULL) {
            return ONSITE_NO_MEMORY;
        }

        memcpy(larger, data, z->total_out);
        data = larger;
        status = inflate_into(z, data, max + 1);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    *out = onsite_str(data, z->total_out);

    return z->total_out <= max ? ONSITE_OK : ONSITE_LIMIT;
}


onsite_status_t
onsite_gzip_inflate(onsite_arena_t *arena, onsite_str_t body, size_t max,
    onsite_str_t *out)
{
    z_stream         z;
    onsite_status_t  status;

    if (body.len < SMALLEST) {
        return ONSITE_INVALID;
    }

    if (body.len > UINT32_MAX || max >= UINT32_MAX) {
        return ONSITE_LIMIT;
    }

    memset(&z, 0, sizeof(z));
    z.zalloc = zlib_alloc;
    z.zfree = zlib_free;
    z.opaque = arena;
    z.next_in = (Bytef *) body.data;
    z.avail_in = (uInt) body.len;

    if (inflateInit2(&z, MAX_WBITS + GZIP_ONLY) != Z_OK) {
        return ONSITE_NO_MEMORY;
    }

    status = inflate_bounded(&z, arena, claimed_size(body, max), max, out);
    (void) inflateEnd(&z);

    return status;
}
