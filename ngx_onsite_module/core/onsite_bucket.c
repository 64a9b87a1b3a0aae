/*
 * onsite_bucket.c - experiment bucketing as GrowthBook does it.
 */

#include "onsite_bucket.h"
#include "onsite_coerce.h"

#include <math.h>

#define FNV_PRIME   0x01000193u
#define FNV_OFFSET  0x811c9dc5u


uint32_t
onsite_fnv32a_add(uint32_t hash, onsite_str_t s)
{
    uint32_t     c;
    const char  *p, *end;

    if (s.len == 0) {
        return hash;                /* data may be NULL                    */
    }

    p = s.data;
    end = p + s.len;

    while (p != end) {
        if ((unsigned char) *p < 0x80) {
            hash = (hash ^ (unsigned char) *p++) * FNV_PRIME;
            continue;
        }

        c = onsite_utf8_next(&p, end);

        if (c >= 0x10000) {
            hash = (hash ^ (0xd800 + ((c - 0x10000) >> 10))) * FNV_PRIME;
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }

        hash = (hash ^ c) * FNV_PRIME;
    }

    return hash;
}


uint32_t
onsite_fnv32a(onsite_str_t s)
{
    return onsite_fnv32a_add(FNV_OFFSET, s);
}


static uint32_t
fnv32a_of_decimal(uint32_t n)
{
    char  digits[10], *p = digits + sizeof(digits);

    do {
        *--p = (char) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    return onsite_fnv32a(onsite_str(p, (size_t) (digits + sizeof(digits)
                                                 - p)));
}


double
onsite_bucket(onsite_str_t seed, onsite_str_t value, int version)
{
    uint32_t  hash;

    switch (version) {

    case 1:
        hash = onsite_fnv32a_add(onsite_fnv32a(value), seed);
        return hash % 1000 / 1000.0;

    case 2:
        hash = onsite_fnv32a_add(onsite_fnv32a(seed), value);
        return fnv32a_of_decimal(hash) % 10000 / 10000.0;

    default:
        return -1;
    }
}


static bool
weights_are_sound(size_t n, const double *weights)
{
    size_t  i;
    double  sum = 0;

    if (weights == NULL) {
        return false;
    }

    for (i = 0; i < n; i++) {
        sum += weights[i];
    }

    return sum >= 0.99 && sum <= 1.01;
}


int
onsite_bucket_choose(double bucket, size_t n, const double *weights,
    double coverage)
{
    bool    sound;
    size_t  i;
    double  start, weight;

    sound = weights_are_sound(n, weights);
    coverage = fmin(fmax(coverage, 0), 1);
    start = 0;

    for (i = 0; i < n; i++) {
        weight = sound ? weights[i] : 1.0 / (double) n;

        if (bucket >= start && bucket < start + coverage * weight) {
            return (int) i;
        }

        start += weight;
    }

    return -1;
}
