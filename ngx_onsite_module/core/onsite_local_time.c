/*
 * onsite_local_time.c - local time in a zone of an image.
 */

#include "onsite_attribute.h"


static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}


/* Seconds east of UTC at a time (s): of the last transition at or before. */

static int32_t
zone_offset(const onsite_image_t *image, uint32_t zone, int64_t seconds)
{
    uint32_t                      low, high, middle;
    const onsite_zone_t          *zones;
    const onsite_transition_t    *transitions;
    const onsite_image_header_t  *header;

    if (image == NULL || image->base == NULL) {
        return 0;
    }

    header = onsite_image_header(image);

    if (zone >= header->n_zones) {
        return 0;
    }

    zones = onsite_image_at(image, header->zones);
    transitions = onsite_image_at(image, zones[zone].transitions);

    if (zones[zone].n_transitions == 0) {
        return 0;
    }

    low = 0;
    high = zones[zone].n_transitions;

    while (high - low > 1) {
        middle = low + (high - low) / 2;

        if (transitions[middle].at <= seconds) {
            low = middle;

        } else {
            high = middle;
        }
    }

    return transitions[low].offset;
}


/* Days since 1970-01-01 into the proleptic Gregorian calendar: civil_from_days
 * of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */

static void
civil_from_days(int64_t days, onsite_local_time_t *local)
{
    int64_t  shifted, era, day_of_era, year_of_era, day_of_year, month;

    shifted = days + 719468;                    /* from 0000-03-01 */
    era = floor_div(shifted, 146097);
    day_of_era = shifted - era * 146097;
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524
                   - day_of_era / 146096) / 365;
    day_of_year = day_of_era
                  - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    month = (5 * day_of_year + 2) / 153;        /* 0 March */

    local->day = (int) (day_of_year - (153 * month + 2) / 5 + 1);
    local->month = (int) (month < 10 ? month + 3 : month - 9);
    local->year = (int) (year_of_era + era * 400 + (local->month <= 2));
}


void
onsite_local_time(const onsite_image_t *image, uint32_t zone,
    onsite_ms_t time, onsite_local_time_t *local)
{
    int      second;
    int64_t  seconds;

    seconds = floor_div(time, ONSITE_SECOND);

    if (zone != 0) {
        seconds += zone_offset(image, zone, seconds);
    }

    local->days = floor_div(seconds, 86400);
    second = (int) (seconds - local->days * 86400);

    local->hour = second / 3600;
    local->minute = second / 60 % 60;
    local->second = second % 60;
    local->weekday = (int) (local->days + 3
                            - floor_div(local->days + 3, 7) * 7);

    civil_from_days(local->days, local);
}
