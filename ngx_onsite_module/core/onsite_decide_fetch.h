/*
 * onsite_decide_fetch.h - asks memory for campaigns before they are decided,
 * for onsite_decide.c.
 */

#ifndef ONSITE_DECIDE_FETCH_H
#define ONSITE_DECIDE_FETCH_H

#include "onsite_campaign.h"

#define CACHE_LINE  64
#define AHEAD       4               /* candidates that memory is ahead     */

/* gcc takes a function that only prefetches for one without any effect, and
 * drops its calls; inlined at once, it is none. */
#define FETCHES     static inline __attribute__((always_inline)) void


/* What showing it needs; it is likely to be shown now. */

FETCHES
fetch_variants(const onsite_image_t *image, const onsite_campaign_t *campaign)
{
    const char  *variants = onsite_image_at(image, campaign->variants);

    __builtin_prefetch(variants);
    __builtin_prefetch(variants + CACHE_LINE);
    __builtin_prefetch(onsite_image_at(image, campaign->id.ref));
}


/* With many campaigns an image is larger than the caches; candidates are far
 * apart in it, and known beforehand: ask for them before they are needed. */

FETCHES
fetch_campaign(const onsite_campaign_t *campaign)
{
    __builtin_prefetch(&campaign->trigger);
    __builtin_prefetch(&campaign->schedule);
    __builtin_prefetch(&campaign->audience);
}


FETCHES
fetch_conditions(const onsite_image_t *image,
    const onsite_campaign_t *campaign)
{
    const char  *where, *audience;

    where = onsite_image_at(image, campaign->trigger.where);
    audience = onsite_image_at(image, campaign->audience);

    __builtin_prefetch(where);
    __builtin_prefetch(where + CACHE_LINE);
    __builtin_prefetch(audience);
    __builtin_prefetch(audience + CACHE_LINE);
}


FETCHES
fetch_first(const onsite_image_t *image, const onsite_campaign_t *campaigns,
    const uint32_t *candidates, size_t n)
{
    size_t  i;

    for (i = 0; i < n && i < 2 * AHEAD; i++) {
        fetch_campaign(&campaigns[candidates[i]]);
    }

    for (i = 0; i < n && i < AHEAD; i++) {
        fetch_conditions(image, &campaigns[candidates[i]]);
    }
}


FETCHES
fetch_ahead(const onsite_image_t *image, const onsite_campaign_t *campaigns,
    const uint32_t *candidates, size_t n, size_t i)
{
    if (i + 2 * AHEAD < n) {
        fetch_campaign(&campaigns[candidates[i + 2 * AHEAD]]);
    }

    if (i + AHEAD < n) {
        fetch_conditions(image, &campaigns[candidates[i + AHEAD]]);
    }
}

#endif
