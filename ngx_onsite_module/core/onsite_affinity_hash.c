/*
 * onsite_affinity_hash.c - what visitor records call an attribute.
 */

#include "onsite_affinity.h"
#include "onsite_bucket.h"


uint32_t
onsite_affinity_hash(onsite_str_t name)
{
    return onsite_fnv32a(name);
}
