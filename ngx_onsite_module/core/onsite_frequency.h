/*
 * onsite_frequency.h - how often a campaign may be shown to one visitor.
 */

#ifndef ONSITE_FREQUENCY_H
#define ONSITE_FREQUENCY_H

#include "onsite_schedule.h"
#include "onsite_visitor.h"

/*
 * Times shown within the cap's window that holds now.  exposure may be NULL:
 * 0.  visits numbers the current session.
 *
 * PAGE: a campaign is at most once in one answer, so a cap of 1 or more never
 * forbids, and 0 always does; its window is counted by session, as that of a
 * campaign without a cap, for the day when its file asks for it.  VISITOR
 * goes by the total, so it also holds when the cap's window was another one
 * when the campaign was shown.
 */
uint32_t onsite_frequency_shown(onsite_clock_t *clock,
    const onsite_campaign_t *campaign, const onsite_exposure_t *exposure,
    uint32_t visits);

bool onsite_frequency_capped(onsite_clock_t *clock,
    const onsite_campaign_t *campaign, const onsite_exposure_t *exposure,
    uint32_t visits);

/* Counts one more time shown, now. */
void onsite_frequency_count(onsite_clock_t *clock,
    const onsite_campaign_t *campaign, onsite_exposure_t *exposure,
    uint32_t visits);

#endif
