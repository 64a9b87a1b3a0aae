/*
 * onsite_segment.h - segments: rules, and uploaded lists of customers.
 *
 * A rule is a condition with an id, evaluated when `segments` is read.  A list
 * is a table of the snapshot.  `segments` is the array of the ids of all that
 * hold, rules first.
 */

#ifndef ONSITE_SEGMENT_H
#define ONSITE_SEGMENT_H

#include "onsite_attribute.h"

typedef struct {
    onsite_image_str_t  id;
    onsite_ref_t        condition;      /* may read all but segments       */
    uint32_t            reserved;
} onsite_segment_t;

/* Array of strings, items in context->arena. */
onsite_value_t onsite_segments(onsite_context_t *context);

onsite_status_t onsite_segments_verify(const onsite_image_t *image,
    onsite_error_t *error);

#endif
