/*
 * onsite_inject_find.h - finding bytes that are near: in tags, between them
 * and in scripts.  Included by onsite_inject*.c only.
 *
 * What tags are made of is marked for 64 bytes at a time, a bit a byte: from
 * there to the next one it is a few instructions, none of which waits for the
 * bytes, while a search of its own waits for the one before.
 */

#ifndef ONSITE_INJECT_FIND_H
#define ONSITE_INJECT_FIND_H

#include "onsite_inject_tree.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define ONSITE_INJECT_BLOCK      64
#define ONSITE_INJECT_NAME_ROOM  16     /* bytes that name_length reads    */

typedef struct {
    byte_t    *base;        /* of the block                                */
    byte_t    *end;         /* of the input                                */
    uint64_t   marks;       /* of "<", "=", ">", "?", '"' yet to come      */
} onsite_inject_block_t;

/* The marks of the 64 bytes at p; what is behind the end is none. */
uint64_t onsite_inject_marks(byte_t *p, byte_t *end);

/* The first "<" that a or b follows, or that is the last byte; or the end. */
byte_t *onsite_inject_find_open(byte_t *p, byte_t *end, char a, char b);

/* From text outside of all that is followed to the "<" of a tag that is to be
 * read with care, or to where too little is left: see onsite_inject_sweep.h;
 * where slots are looked for the other ones. */
byte_t *onsite_inject_sweep_avx2(onsite_inject_t *inject, byte_t *p,
    byte_t *end);
byte_t *onsite_inject_sweep_avx512(onsite_inject_t *inject, byte_t *p,
    byte_t *end);
byte_t *onsite_inject_sweep_slots_avx2(onsite_inject_t *inject, byte_t *p,
    byte_t *end);
byte_t *onsite_inject_sweep_slots_avx512(onsite_inject_t *inject, byte_t *p,
    byte_t *end);

/*
 * onsite_inject_sweep.c, for them.  What names may be that begin like one, by
 * ONSITE_INJECT_INDEX: one that matters, one that is noted, or, from
 * ONSITE_NAME_SHORT on, the number of a note.
 */
#define ONSITE_NAME_MATTERS  1
#define ONSITE_NAME_NOTED    2
#define ONSITE_NAME_SHORT    3

extern const uint8_t onsite_inject_names[ONSITE_INJECT_NAMES];

/* What is noted of a short name, which is the text where begins | fold is and
 * it is as long as all the bits of mask. */
typedef struct {
    uint32_t  text;
    uint32_t  fold;
    uint32_t  mask;
    uint8_t   opens;        /* bits of may_be_open; an end tag closes them */
    uint8_t   closes;       /* either                                      */
} onsite_inject_note_t;

extern const onsite_inject_note_t onsite_inject_notes[];

/* Whether the tag whose name is at text does matter; notes it. */
bool onsite_inject_sweep_matters(byte_t *text);
void onsite_inject_sweep_note(onsite_inject_t *inject, byte_t *text,
    bool end_tag);


/* The next mark, or the end. */

static inline byte_t *
onsite_inject_mark(onsite_inject_block_t *block)
{
    byte_t  *p;

    while (block->marks == 0) {

        if (block->end - block->base <= ONSITE_INJECT_BLOCK) {
            return block->end;
        }

        block->base += ONSITE_INJECT_BLOCK;
        block->marks = onsite_inject_marks(block->base, block->end);
    }

    p = block->base + (unsigned) __builtin_ctzll(block->marks);
    block->marks &= block->marks - 1;

    return p;
}


/* Goes on at p. */

static inline void
onsite_inject_block_skip(onsite_inject_block_t *block, byte_t *p)
{
    if (p - block->base < ONSITE_INJECT_BLOCK) {
        block->marks &= UINT64_MAX << (p - block->base);
    } else {
        block->base = p;
        block->marks = onsite_inject_marks(p, block->end);
    }
}


/* The first of eight bytes becomes the highest. */

static inline uint64_t
onsite_inject_eight(byte_t *p)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t  bytes;

    memcpy(&bytes, p, 8);

    return __builtin_bswap64(bytes);
#else
    return (uint64_t) p[0] << 56 | (uint64_t) p[1] << 48
           | (uint64_t) p[2] << 40 | (uint64_t) p[3] << 32
           | (uint64_t) p[4] << 24 | (uint64_t) p[5] << 16
           | (uint64_t) p[6] << 8 | (uint64_t) p[7];
#endif
}


/* A name of up to eight bytes in lower case. */

static inline uint64_t
onsite_inject_lower_name(uint64_t name)
{
    uint64_t        low, upper;
    const uint64_t  ones = 0x0101010101010101u;

    /* the top bit of each byte: above "Z", at least "A", ASCII */

    low = name & ones * 0x7f;
    upper = (low + ones * (0x7f - 'Z')) ^ (low + ones * (0x80 - 'A'));
    upper &= ~name & ones << 7;

    return name | upper >> 2;
}


/* How long the name at p is, up to where it ends or may: all bytes up to the
 * space are taken for spaces.  More than eight is any number. */

#if defined(__SSE2__)

static inline uint32_t
onsite_inject_name_length(byte_t *p)
{
    unsigned  ends;
    __m128i   bytes = _mm_loadu_si128((const __m128i *) p);
    __m128i   spaces = _mm_min_epu8(bytes, _mm_set1_epi8(' '));

    ends = (unsigned) _mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(spaces, bytes),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('/')),
                         _mm_cmpeq_epi8(bytes, _mm_set1_epi8('>')))));

    return (uint32_t) __builtin_ctz(ends | 1u << 16);
}

#else

static inline uint32_t
onsite_inject_name_length(byte_t *p)
{
    uint32_t  len = 0;

    while (len <= 8 && p[len] > ' ' && p[len] != '/' && p[len] != '>') {
        len++;
    }

    return len;
}

#endif

#endif
