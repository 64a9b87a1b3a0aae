/*
 * onsite_index.h - which campaigns an event can concern.
 *
 * By event name; then, for a campaign whose audience or `where` demands that
 * an attribute equal a literal, by the most selective such equality.  An
 * event meets the campaigns without one, and for each attribute that the
 * index of its name uses, those listed under the attribute's value.
 */

#ifndef ONSITE_INDEX_H
#define ONSITE_INDEX_H

#include "onsite_condition.h"
#include "onsite_campaign.h"

/* Called by onsite_campaigns_compile when all campaigns are in place; sets
 * *index. */
onsite_status_t onsite_index_build(onsite_builder_t *b,
    onsite_ref_t campaigns, uint32_t n, onsite_ref_t *index);

/*
 * Campaign numbers (ascending: by priority) that the context's event can
 * concern, each once, into *out (in the context's arena).
 */
onsite_status_t onsite_index_candidates(onsite_context_t *context,
    const uint32_t **out, size_t *n);

onsite_status_t onsite_index_verify(const onsite_image_t *image,
    onsite_error_t *error);

#endif
