/*
 * onsite_inject_sweep_avx2.c - onsite_inject_sweep.h by vectors of 32 bytes.
 */

#if defined(__x86_64__)

#define SWEEP_TARGET  "avx2,bmi,bmi2,lzcnt,popcnt"

#include "onsite_inject_sweep.h"


SWEEP uint64_t
bits(__m256i low, __m256i high)
{
    return (uint32_t) _mm256_movemask_epi8(low)
           | (uint64_t) (uint32_t) _mm256_movemask_epi8(high) << 32;
}


SWEEP uint64_t
equal(__m256i low, __m256i high, char c)
{
    __m256i  all = _mm256_set1_epi8(c);

    return bits(_mm256_cmpeq_epi8(low, all), _mm256_cmpeq_epi8(high, all));
}


SWEEP marks_t
read_marks(byte_t *p)
{
    __m256i  space = _mm256_set1_epi8(' ');
    __m256i  low = _mm256_loadu_si256((const __m256i *) p);
    __m256i  high = _mm256_loadu_si256((const __m256i *) (p + 32));

    return (marks_t) {
        .open = equal(low, high, '<'),
        .close = equal(low, high, '>'),
        .quote = equal(low, high, '"'),
        .single = equal(low, high, '\''),
        .equals = equal(low, high, '='),
        .space = bits(_mm256_cmpeq_epi8(low, _mm256_min_epu8(low, space)),
                      _mm256_cmpeq_epi8(high, _mm256_min_epu8(high, space)))
    };
}


SWEEP slot_marks_t
read_slot_marks(byte_t *p)
{
    __m256i  lower = _mm256_set1_epi8(0x20);
    __m256i  low = _mm256_loadu_si256((const __m256i *) p);
    __m256i  high = _mm256_loadu_si256((const __m256i *) (p + 32));

    return (slot_marks_t) {
        .dash = equal(low, high, '-'),
        .t = equal(_mm256_or_si256(low, lower), _mm256_or_si256(high, lower),
                   't')
    };
}


/* Four at once, as few blocks have more. */

SWEEP uint16_t *
add_tags(uint16_t *tags, unsigned offset, uint64_t open)
{
    uint64_t   four;
    uint16_t  *next = tags + __builtin_popcountll(open);

    four = _tzcnt_u64(open) + offset * (uint64_t) 0x0001000100010001;
    open &= open - 1;
    four += _tzcnt_u64(open) << 16;
    open &= open - 1;
    four += _tzcnt_u64(open) << 32;
    open &= open - 1;
    four += _tzcnt_u64(open) << 48;
    open &= open - 1;

    memcpy(tags, &four, sizeof(four));

    for (tags += 4; RARELY(open); open &= open - 1) {
        *tags++ = (uint16_t) (_tzcnt_u64(open) + offset);
    }

    return next;
}


__attribute__((target(SWEEP_TARGET))) byte_t *
onsite_inject_sweep_avx2(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    return sweep(inject, p, end, false);
}


__attribute__((target(SWEEP_TARGET))) byte_t *
onsite_inject_sweep_slots_avx2(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    return sweep(inject, p, end, true);
}

#endif
