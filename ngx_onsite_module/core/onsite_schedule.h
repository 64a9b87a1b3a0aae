/*
 * onsite_schedule.h - when a campaign is on the air.
 */

#ifndef ONSITE_SCHEDULE_H
#define ONSITE_SCHEDULE_H

#include "onsite_attribute.h"
#include "onsite_campaign.h"

/* The moment of a decision; its local time is worked out once for campaigns
 * of one zone that follow one another. */
typedef struct {
    const onsite_image_t  *image;
    onsite_ms_t            now;
    bool                   known;       /* local is now in zone            */
    uint32_t               zone;
    onsite_local_time_t    local;
} onsite_clock_t;

void onsite_clock_init(onsite_clock_t *clock, const onsite_image_t *image,
    onsite_ms_t now);
const onsite_local_time_t *onsite_clock_local(onsite_clock_t *clock,
    uint32_t zone);

/*
 * Whether now lies between from and until, on one of the days, within the
 * hours, both of the campaign's zone.  Hours that go over midnight belong to
 * the day they begin on: "mon", 22:00-02:00 ends on Tuesday at 02:00.
 */
bool onsite_schedule_open(onsite_clock_t *clock,
    const onsite_campaign_t *campaign);

#endif
