/*
 * onsite_frequency.c - frequency caps.
 */

#include "onsite_frequency.h"


static bool
same_day(onsite_clock_t *clock, uint32_t zone, onsite_ms_t last)
{
    onsite_local_time_t  then;

    onsite_local_time(clock->image, zone, last, &then);

    return then.days == onsite_clock_local(clock, zone)->days;
}


static int64_t
monday(const onsite_local_time_t *local)
{
    return local->days - local->weekday;
}


static bool
same_week(onsite_clock_t *clock, uint32_t zone, onsite_ms_t last)
{
    onsite_local_time_t  then;

    onsite_local_time(clock->image, zone, last, &then);

    return monday(&then) == monday(onsite_clock_local(clock, zone));
}


/* Whether the exposure's window is the one that holds now. */

static bool
same_window(onsite_clock_t *clock, const onsite_campaign_t *campaign,
    const onsite_exposure_t *exposure, uint32_t visits)
{
    switch ((onsite_per_t) campaign->per) {

    case ONSITE_PER_HOUR:
        return exposure->last / ONSITE_HOUR == clock->now / ONSITE_HOUR;

    case ONSITE_PER_DAY:
        return same_day(clock, campaign->zone, exposure->last);

    case ONSITE_PER_WEEK:
        return same_week(clock, campaign->zone, exposure->last);

    default:
        return exposure->session == visits;
    }
}


uint32_t
onsite_frequency_shown(onsite_clock_t *clock,
    const onsite_campaign_t *campaign, const onsite_exposure_t *exposure,
    uint32_t visits)
{
    if (exposure == NULL || exposure->last == 0) {
        return 0;
    }

    if (campaign->per == ONSITE_PER_VISITOR) {
        return exposure->total;
    }

    return same_window(clock, campaign, exposure, visits) ? exposure->window
                                                          : 0;
}


bool
onsite_frequency_capped(onsite_clock_t *clock,
    const onsite_campaign_t *campaign, const onsite_exposure_t *exposure,
    uint32_t visits)
{
    switch ((onsite_per_t) campaign->per) {

    case ONSITE_PER_NONE:
        return false;

    case ONSITE_PER_PAGE:
        return campaign->cap == 0;

    default:
        return onsite_frequency_shown(clock, campaign, exposure, visits)
               >= campaign->cap;
    }
}


void
onsite_frequency_count(onsite_clock_t *clock,
    const onsite_campaign_t *campaign, onsite_exposure_t *exposure,
    uint32_t visits)
{
    uint32_t  shown;

    shown = onsite_frequency_shown(clock, campaign, exposure, visits);

    exposure->window = shown < UINT32_MAX ? shown + 1 : shown;
    exposure->total += exposure->total < UINT32_MAX;
    exposure->last = clock->now;
    exposure->session = visits;
}
