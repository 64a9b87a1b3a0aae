/*
 * onsite_hash.c - the hash behind the image's checksum and its tables.
 *
 * A multiplication whose 128-bit product is folded mixes 16 bytes at a time:
 * several times zlib's crc32, which matters because a worker checks the whole
 * image each time a snapshot is swapped.  It guards against accidents;
 * malice is what the signature of a snapshot is for.
 */

#include "onsite_image.h"

#define MIX_A  0x9e3779b97f4a7c15u      /* 2^64 / golden ratio             */
#define MIX_B  0xd6e8feb86659fd93u      /* any odd number with mixed bits  */


static inline uint64_t
fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128  product;

    product = (unsigned __int128) a * b;

    return (uint64_t) product ^ (uint64_t) (product >> 64);
}


static inline uint64_t
word(const uint8_t *p)
{
    uint64_t  w;

    memcpy(&w, p, sizeof(w));

    return w;
}


/* The last 1 to 15 bytes, zero-padded: the length is mixed in elsewhere. */

static uint64_t
fold_tail(const uint8_t *p, size_t len, uint64_t hash)
{
    uint8_t  tail[16] = { 0 };

    memcpy(tail, p, len);

    return fold(word(tail) ^ hash ^ MIX_A, word(tail + 8) ^ MIX_B);
}


uint64_t
onsite_hash64(const void *data, size_t len, uint64_t seed)
{
    size_t          left;
    uint64_t        a, b;
    const uint8_t  *p = data;

    /* two independent chains, so that one multiplication hides the other */

    a = seed ^ MIX_A;
    b = seed ^ MIX_B;

    for (left = len; left >= 32; left -= 32, p += 32) {
        a = fold(word(p) ^ a, word(p + 8) ^ MIX_B);
        b = fold(word(p + 16) ^ b, word(p + 24) ^ MIX_A);
    }

    if (left >= 16) {
        a = fold(word(p) ^ a, word(p + 8) ^ MIX_B);
        p += 16;
        left -= 16;
    }

    if (left != 0) {
        b = fold_tail(p, left, b);
    }

    return fold(a ^ len, b ^ MIX_A);
}
