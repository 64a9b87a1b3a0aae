/*
 * onsite_pending.h - campaigns that fired and are to be shown later: where
 * nothing could be shown, or when the page says so.
 */

#ifndef ONSITE_PENDING_H
#define ONSITE_PENDING_H

#include "onsite_decide.h"

/*
 * Remembers that the campaign fired for context->event, with those of its
 * properties that its audience and the variant's templates use, as far as
 * ONSITE_PENDING_BYTES_MAX goes.  A campaign is pending once: what was there
 * of it is replaced.  When all places are taken the oldest goes, but never
 * one of the last `fresh`, which this event has brought: then LIMIT.
 * NO_MEMORY: the arena is exhausted.
 */
onsite_status_t onsite_pending_add(onsite_context_t *context,
    onsite_visitor_t *visitor, const onsite_campaign_t *campaign,
    const onsite_variant_t *variant, uint32_t fresh);

/*
 * Arms it: remembers likewise, for when the page tells that what the campaign's
 * `when` says has happened.  A campaign is armed once; when all places are
 * taken the oldest goes (there is one for each campaign of an answer).
 */
onsite_status_t onsite_armed_add(onsite_context_t *context,
    onsite_visitor_t *visitor, const onsite_campaign_t *campaign,
    const onsite_variant_t *variant);

/* By onsite_campaign_hash(id); NULL: it is not armed. */
const onsite_pending_t *onsite_armed_find(const onsite_visitor_t *visitor,
    uint32_t campaign);
void onsite_armed_drop(onsite_visitor_t *visitor, uint32_t campaign);

/* The event that fired it, as far as it was kept. */
void onsite_pending_event(const onsite_pending_t *pending, onsite_ms_t now,
    onsite_event_t *event);

#endif
