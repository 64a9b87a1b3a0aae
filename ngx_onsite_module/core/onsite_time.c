/*
 * onsite_time.c - clients' times: ISO 8601 as RFC 3339 narrows it, and
 * numbers.
 */

#include "onsite_event.h"

#include <math.h>

/* ECMA-262's range of time values, either side of the epoch. */
#define TIME_MAX           8.64e15
/* Below it a number means seconds: as ms it would be before 1973-03-03. */
#define MILLISECONDS_FROM  1e11

typedef struct {
    const char  *p;
    const char  *end;
} cursor_t;


static bool
read_digits(cursor_t *cursor, int n, int *number)
{
    if (cursor->end - cursor->p < n) {
        return false;
    }

    for (*number = 0; n > 0; n--) {
        if (*cursor->p < '0' || *cursor->p > '9') {
            return false;
        }
        *number = *number * 10 + (*cursor->p++ - '0');
    }

    return true;
}


static bool
skip(cursor_t *cursor, char c)
{
    if (cursor->p == cursor->end || *cursor->p != c) {
        return false;
    }

    cursor->p++;

    return true;
}


/* Days since 1970-01-01 in the proleptic Gregorian calendar; years are
 * counted from March, so that the leap day is the last of its year. */

static int64_t
days_of_date(int year, int month, int day)
{
    int64_t  y, m;

    y = month > 2 ? year : year - 1;
    m = month > 2 ? month - 3 : month + 9;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1
           - 719468;
}


static bool
is_date(int year, int month, int day)
{
    bool  leap;

    static const int  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (year < 1 || month < 1 || month > 12 || day < 1) {
        return false;
    }

    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return day <= days[month - 1] + (month == 2 && leap);
}


static bool
read_date(cursor_t *cursor, onsite_ms_t *time)
{
    int  year, month, day;

    if (!read_digits(cursor, 4, &year) || !skip(cursor, '-')
        || !read_digits(cursor, 2, &month) || !skip(cursor, '-')
        || !read_digits(cursor, 2, &day)
        || !is_date(year, month, day))
    {
        return false;
    }

    *time = days_of_date(year, month, day) * ONSITE_DAY;

    return true;
}


/* Any number of digits; those beyond ms are dropped. */

static bool
read_fraction(cursor_t *cursor, onsite_ms_t *time)
{
    int  digit, unit;

    if (!read_digits(cursor, 1, &digit)) {
        return false;
    }

    unit = 100;

    do {
        *time += digit * unit;
        unit /= 10;
    } while (read_digits(cursor, 1, &digit));

    return true;
}


static bool
read_clock(cursor_t *cursor, onsite_ms_t *time)
{
    int  hour, minute, second;

    second = 0;

    if (!read_digits(cursor, 2, &hour) || !skip(cursor, ':')
        || !read_digits(cursor, 2, &minute))
    {
        return false;
    }

    if (skip(cursor, ':') && !read_digits(cursor, 2, &second)) {
        return false;
    }

    /* 60: a leap second */

    if (hour > 23 || minute > 59 || second > 60) {
        return false;
    }

    *time += hour * ONSITE_HOUR + minute * ONSITE_MINUTE
             + second * ONSITE_SECOND;

    return !skip(cursor, '.') || read_fraction(cursor, time);
}


/* Z, +hh:mm, +hhmm, +hh, or nothing: UTC. */

static bool
read_zone(cursor_t *cursor, onsite_ms_t *time)
{
    int          hours, minutes;
    bool         ahead;
    onsite_ms_t  offset;

    if (cursor->p == cursor->end || skip(cursor, 'Z') || skip(cursor, 'z')) {
        return true;
    }

    ahead = skip(cursor, '+');

    if ((!ahead && !skip(cursor, '-')) || !read_digits(cursor, 2, &hours)) {
        return false;
    }

    minutes = 0;

    if (cursor->p != cursor->end) {
        (void) skip(cursor, ':');
        if (!read_digits(cursor, 2, &minutes)) {
            return false;
        }
    }

    if (hours > 23 || minutes > 59) {
        return false;
    }

    offset = hours * ONSITE_HOUR + minutes * ONSITE_MINUTE;
    *time -= ahead ? offset : -offset;

    return true;
}


static bool
read_iso(onsite_str_t text, onsite_ms_t *time)
{
    cursor_t  cursor = { text.data, text.data + text.len };

    if (!read_date(&cursor, time)) {
        return false;
    }

    if (cursor.p == cursor.end) {
        return true;
    }

    if (!skip(&cursor, 'T') && !skip(&cursor, 't') && !skip(&cursor, ' ')) {
        return false;
    }

    return read_clock(&cursor, time) && read_zone(&cursor, time)
           && cursor.p == cursor.end;
}


onsite_status_t
onsite_time_read(const onsite_value_t *value, onsite_ms_t *time)
{
    double       number;
    onsite_ms_t  read;

    switch (value->type) {

    case ONSITE_NUMBER:
        number = value->as.number;

        if (fabs(number) < MILLISECONDS_FROM) {
            number *= 1000;
        }

        if (!(fabs(number) <= TIME_MAX)) {
            return ONSITE_INVALID;
        }

        *time = (onsite_ms_t) number;

        return ONSITE_OK;

    case ONSITE_STRING:
        if (!read_iso(onsite_value_str(value), &read)) {
            return ONSITE_INVALID;
        }

        *time = read;

        return ONSITE_OK;

    default:
        return ONSITE_INVALID;
    }
}


void
onsite_event_stamp(onsite_event_t *event, onsite_ms_t received,
    onsite_ms_t timestamp, onsite_ms_t sent)
{
    onsite_ms_t  time;

    if (timestamp == 0) {
        time = received;

    } else {
        time = sent != 0 ? received - (sent - timestamp) : timestamp;
    }

    event->received = received;
    event->skewed = time > received + ONSITE_EVENT_SKEW_MAX
                    || (timestamp != 0 && sent != 0
                        && (received - sent > ONSITE_EVENT_CLOCK_MAX
                            || sent - received > ONSITE_EVENT_CLOCK_MAX));
    event->live = time <= received + ONSITE_EVENT_SKEW_MAX
                  && time >= received - ONSITE_EVENT_AGE_MAX;

    /* 0 and below mean "never" in a visitor's record */

    event->time = time > received ? received : time < 1 ? 1 : time;
}
