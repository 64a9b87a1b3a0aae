/*
 * onsite_duration.c - "1h30m" into milliseconds.
 */

#include "onsite_campaign.h"

typedef struct {
    const char   *name;
    onsite_ms_t   ms;
} unit_t;

static const unit_t  units[] = {            /* longest first */
    { "w", 7 * ONSITE_DAY },
    { "d", ONSITE_DAY },
    { "h", ONSITE_HOUR },
    { "m", ONSITE_MINUTE },
    { "s", ONSITE_SECOND },
    { "ms", 1 }
};

#define N_UNITS  (sizeof(units) / sizeof(units[0]))


/* Digits at *p; false when there are none or too many. */

static bool
read_number(const char **p, const char *end, onsite_ms_t *number)
{
    const char  *start = *p;

    for (*number = 0; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
        *number = *number * 10 + (**p - '0');

        if (*number > ONSITE_DURATION_MAX) {
            return false;
        }
    }

    return *p != start;
}


/* The unit at *p, N_UNITS when there is none. */

static size_t
read_unit(const char **p, const char *end)
{
    size_t       i, len;
    const char  *start = *p;

    while (*p < end && **p >= 'a' && **p <= 'z') {
        (*p)++;
    }

    len = (size_t) (*p - start);

    for (i = 0; i < N_UNITS; i++) {
        if (len == strlen(units[i].name)
            && memcmp(start, units[i].name, len) == 0)
        {
            break;
        }
    }

    return i;
}


onsite_status_t
onsite_duration_read(onsite_str_t text, onsite_ms_t *ms)
{
    size_t        unit, next;
    const char   *p, *end;
    onsite_ms_t   number;

    if (text.len == 0) {
        return ONSITE_INVALID;
    }

    end = text.data + text.len;
    next = 0;
    *ms = 0;

    for (p = text.data; p < end; /* void */) {

        if (!read_number(&p, end, &number)) {
            return ONSITE_INVALID;
        }

        /* a last number without a unit is seconds, as in nginx */

        unit = p == end ? 4 : read_unit(&p, end);

        if (unit == N_UNITS || unit < next
            || number > ONSITE_DURATION_MAX / units[unit].ms)
        {
            return ONSITE_INVALID;
        }

        *ms += number * units[unit].ms;
        next = unit + 1;
    }

    return *ms > 0 && *ms <= ONSITE_DURATION_MAX ? ONSITE_OK : ONSITE_INVALID;
}
