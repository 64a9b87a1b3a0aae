/*
 * onsite_attribute_interest.h - the roots affinity and origin.
 *
 *   affinity.<attribute>           the strongest value, a text
 *   affinity.<attribute>.<value>   its strength, 0 .. 1; 0: never met
 *   affinity.<attribute>.$top      array of {"value","strength"}, strongest
 *                                  first
 *   origin.first|last.{source,medium,campaign,referrer,click,time}
 *   origin.touches                 array of such objects, newest last
 *
 * context->visitor is not NULL, n_keys not 0.
 */

#ifndef ONSITE_ATTRIBUTE_INTEREST_H
#define ONSITE_ATTRIBUTE_INTEREST_H

#include "onsite_attribute.h"

onsite_value_t onsite_attribute_affinity(const onsite_context_t *context,
    const onsite_str_t *keys, size_t n_keys);

onsite_value_t onsite_attribute_origin(const onsite_context_t *context,
    const onsite_str_t *keys, size_t n_keys);

/* As onsite_attribute_known. */
bool onsite_attribute_affinity_known(const onsite_str_t *keys, size_t n_keys);
bool onsite_attribute_origin_known(const onsite_str_t *keys, size_t n_keys);

#endif
