/*
 * onsite_inject_sweep_avx512.c - onsite_inject_sweep.h by vectors of 64 bytes.
 */

#if defined(__x86_64__)

#define SWEEP_TARGET                                                          \
    "avx2,bmi,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512vl,avx512vbmi2"

#include "onsite_inject_sweep.h"


/* Arithmetic on them is slow where they are made. */

SWEEP uint64_t
general(__mmask64 mask)
{
    uint64_t  result = mask;

    __asm__ ("" : "+r" (result));

    return result;
}


SWEEP uint64_t
equal(__m512i bytes, char c)
{
    return general(_mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(c)));
}


SWEEP marks_t
read_marks(byte_t *p)
{
    __m512i  bytes = _mm512_loadu_si512(p);

    return (marks_t) {
        .open = equal(bytes, '<'),
        .close = equal(bytes, '>'),
        .quote = equal(bytes, '"'),
        .single = equal(bytes, '\''),
        .equals = equal(bytes, '='),
        .space = general(_mm512_cmple_epu8_mask(bytes,
                                                _mm512_set1_epi8(' ')))
    };
}


SWEEP slot_marks_t
read_slot_marks(byte_t *p)
{
    __m512i  bytes = _mm512_loadu_si512(p);

    return (slot_marks_t) {
        .dash = equal(bytes, '-'),
        .t = equal(_mm512_or_si512(bytes, _mm512_set1_epi8(0x20)), 't')
    };
}


/* Sixteen at once; half of a block may be tags. */

SWEEP uint16_t *
add_tags(uint16_t *tags, unsigned offset, uint64_t open)
{
    __m512i    places = _mm512_maskz_compress_epi8(open, _mm512_set_epi64(
                   0x3f3e3d3c3b3a3938, 0x3736353433323130, 0x2f2e2d2c2b2a2928,
                   0x2726252423222120, 0x1f1e1d1c1b1a1918, 0x1716151413121110,
                   0x0f0e0d0c0b0a0908, 0x0706050403020100));
    __m256i    base = _mm256_set1_epi16((short) offset);
    uint16_t  *next = tags + __builtin_popcountll(open);

    _mm256_storeu_si256((__m256i *) tags,
        _mm256_add_epi16(base,
            _mm256_cvtepu8_epi16(_mm512_castsi512_si128(places))));

    if (RARELY(next - tags > 16)) {
        _mm256_storeu_si256((__m256i *) (tags + 16),
            _mm256_add_epi16(base,
                _mm256_cvtepu8_epi16(_mm512_extracti32x4_epi32(places, 1))));
    }

    return next;
}


__attribute__((target(SWEEP_TARGET))) byte_t *
onsite_inject_sweep_avx512(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    return sweep(inject, p, end, false);
}


__attribute__((target(SWEEP_TARGET))) byte_t *
onsite_inject_sweep_slots_avx512(onsite_inject_t *inject, byte_t *p,
    byte_t *end)
{
    return sweep(inject, p, end, true);
}

#endif
