/*
 * onsite_inject_find.c - finding bytes by vectors (SSE2), elsewhere in words
 * of eight.  "<", "=", ">" and "?" differ in their last two bits only: they
 * are told from all others in one comparison.
 */

#include "onsite_inject_find.h"

#if defined(__SSE2__)

static inline uint64_t
marks_of_16(byte_t *p)
{
    __m128i  bytes = _mm_loadu_si128((const __m128i *) p);
    __m128i  fours = _mm_and_si128(bytes, _mm_set1_epi8((char) ~3));

    return (unsigned) _mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(fours, _mm_set1_epi8('<')),
                     _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'))));
}


static inline uint64_t
marks_of_block(byte_t *p)
{
    return marks_of_16(p)
           | marks_of_16(p + 16) << 16
           | marks_of_16(p + 32) << 32
           | marks_of_16(p + 48) << 48;
}


/* The first of 16 places at p where "<" is and a or b behind; 16: none. */

#define OPEN_STEP  16

static inline unsigned
open_at(byte_t *p, char a, char b)
{
    __m128i  bytes = _mm_loadu_si128((const __m128i *) p);
    __m128i  next = _mm_loadu_si128((const __m128i *) (p + 1));

    next = _mm_or_si128(_mm_cmpeq_epi8(next, _mm_set1_epi8(a)),
                        _mm_cmpeq_epi8(next, _mm_set1_epi8(b)));
    bytes = _mm_and_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('<')), next);

    return (unsigned)
           __builtin_ctz((unsigned) _mm_movemask_epi8(bytes) | 1u << 16);
}

#else

/* The top bit of each byte that is c. */

static inline uint64_t
equal(uint64_t bytes, char c)
{
    const uint64_t  ones = 0x0101010101010101u, low = ones * 0x7f;

    bytes ^= ones * (unsigned char) c;

    return ~(((bytes & low) + low) | bytes | low);
}


static inline uint64_t
marks_of_block(byte_t *p)
{
    int       i;
    uint64_t  bytes, tops, marks = 0;

    for (i = 0; i < 8; i++) {
        bytes = onsite_inject_eight(p + 8 * i);
        tops = equal(bytes & ~(uint64_t) 0x0303030303030303u, '<')
               | equal(bytes, '"');

        /* gathers the top bits in the lowest byte, the first as its first */

        marks |= ((tops >> 7) * 0x8040201008040201u >> 56) << (8 * i);
    }

    return marks;
}


/* As above, of eight. */

#define OPEN_STEP  8

static inline unsigned
open_at(byte_t *p, char a, char b)
{
    unsigned  i = 0;

    if (equal(onsite_inject_eight(p), '<') == 0) {
        return OPEN_STEP;
    }

    while (i < OPEN_STEP
           && (p[i] != '<' || (p[i + 1] != (unsigned char) a
                               && p[i + 1] != (unsigned char) b)))
    {
        i++;
    }

    return i;
}

#endif


uint64_t
onsite_inject_marks(byte_t *p, byte_t *end)
{
    unsigned char  tail[ONSITE_INJECT_BLOCK];

    if (end - p >= ONSITE_INJECT_BLOCK) {
        return marks_of_block(p);
    }

    memset(tail, 0, sizeof(tail));
    memcpy(tail, p, (size_t) (end - p));

    return marks_of_block(tail);
}


byte_t *
onsite_inject_find_open(byte_t *p, byte_t *end, char a, char b)
{
    unsigned  at;

    for (/* void */; end - p > OPEN_STEP; p += OPEN_STEP) {
        at = open_at(p, a, b);

        if (at != OPEN_STEP) {
            return p + at;
        }
    }

    while (p < end && (*p != '<'
                       || (end - p > 1 && p[1] != (unsigned char) a
                           && p[1] != (unsigned char) b)))
    {
        p++;
    }

    return p;
}
