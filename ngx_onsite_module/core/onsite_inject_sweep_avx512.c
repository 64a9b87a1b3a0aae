/*
 * onsite_inject_sweep_avx512.c - onsite_inject_sweep.h by vectors of 64 bytes.
 */

#if defined(__x86_64__)

#define SWEEP_TARGET                                                          \
    "avx2,bmi,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512vl"

#include "onsite_inject_sweep.h"


SWEEP uint64_t
equal(__m512i bytes, char c)
{
    return _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(c));
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
        .space = _mm512_cmple_epu8_mask(bytes, _mm512_set1_epi8(' '))
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
