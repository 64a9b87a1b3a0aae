/*
 * onsite_schedule.c - when a campaign is on the air.
 */

#include "onsite_schedule.h"

#define ALL_DAYS  0x7f


void
onsite_clock_init(onsite_clock_t *clock, const onsite_image_t *image,
    onsite_ms_t now)
{
    clock->image = image;
    clock->now = now;
    clock->known = false;
}


const onsite_local_time_t *
onsite_clock_local(onsite_clock_t *clock, uint32_t zone)
{
    if (!clock->known || clock->zone != zone) {
        onsite_local_time(clock->image, zone, clock->now, &clock->local);
        clock->zone = zone;
        clock->known = true;
    }

    return &clock->local;
}


static bool
open_locally(const onsite_schedule_t *schedule,
    const onsite_local_time_t *local)
{
    int  day = local->weekday;
    int  minute = local->hour * 60 + local->minute;

    if (schedule->minute_from < schedule->minute_until) {
        if (minute < schedule->minute_from
            || minute >= schedule->minute_until)
        {
            return false;
        }

    } else if (schedule->minute_from > schedule->minute_until
               && minute < schedule->minute_from)
    {
        if (minute >= schedule->minute_until) {
            return false;
        }

        day = (day + 6) % 7;        /* the hours began yesterday */
    }

    return schedule->days & (1u << day);
}


bool
onsite_schedule_open(onsite_clock_t *clock, const onsite_campaign_t *campaign)
{
    const onsite_schedule_t  *schedule = &campaign->schedule;

    if (clock->now < schedule->from || clock->now >= schedule->until) {
        return false;
    }

    if (schedule->days == ALL_DAYS
        && schedule->minute_from == schedule->minute_until)
    {
        return true;
    }

    return open_locally(schedule, onsite_clock_local(clock, campaign->zone));
}
