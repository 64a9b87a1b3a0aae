/*
 * onsite_bucket.h - experiment bucketing, byte-identical to GrowthBook's
 * (SDK specification: hash, getBucketRanges, chooseVariation), so that a
 * merchant's running experiments keep their visitors.
 */

#ifndef ONSITE_BUCKET_H
#define ONSITE_BUCKET_H

#include "onsite_types.h"

/* FNV-1a, 32 bit (Fowler, Noll, Vo), over UTF-16 code units as GrowthBook
 * has it: for ASCII the same as over bytes.  Bytes that are no UTF-8 count as
 * themselves. */
uint32_t onsite_fnv32a(onsite_str_t s);
uint32_t onsite_fnv32a_add(uint32_t hash, onsite_str_t s);

/*
 * [0, 1), or -1 for an unknown version.
 *   1: fnv32a(value + seed) % 1000 / 1000
 *   2: fnv32a(fnv32a(seed + value) + "") % 10000 / 10000
 */
double onsite_bucket(onsite_str_t seed, onsite_str_t value, int version);

/*
 * The variation that a bucket falls in, or -1.  weights has n entries or is
 * NULL (equal weights; also when their sum is not 1 within 0.01).  coverage
 * is clamped to [0, 1].
 */
int onsite_bucket_choose(double bucket, size_t n, const double *weights,
    double coverage);

#endif
