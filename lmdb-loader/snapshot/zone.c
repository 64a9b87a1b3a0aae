/*
 * zone.c - the transitions of a time zone, asked of the C library, so that
 * the zone rules are the system's tzdata.
 *
 * A snapshot carries the transitions of the zones its campaigns name; workers
 * need no zone database.
 */

#include "loader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FIRST_SECOND  INT64_C(946684800)        /* 2000-01-01 */
#define LAST_SECOND   INT64_C(2524608000)       /* 2050-01-01 */
#define STEP          (7 * 86400)
#define MOST          512

#define ZONEINFO      "/usr/share/zoneinfo/"


static int32_t
offset_at(int64_t second)
{
    time_t     t = (time_t) second;
    struct tm  local;

    (void) localtime_r(&t, &local);

    return (int32_t) local.tm_gmtoff;
}


/* The first second after `from` whose offset is not from's; it lies at or
 * before `to`. */

static int64_t
find_change(int64_t from, int64_t to)
{
    int64_t  middle;
    int32_t  before = offset_at(from);

    while (to - from > 1) {
        middle = from + (to - from) / 2;

        if (offset_at(middle) == before) {
            from = middle;
        } else {
            to = middle;
        }
    }

    return to;
}


static size_t
collect(onsite_transition_t *out)
{
    size_t   n;
    int64_t  t, next;

    out[0] = (onsite_transition_t) { INT64_MIN, offset_at(FIRST_SECOND), 0 };
    n = 1;

    for (t = FIRST_SECOND; t < LAST_SECOND && n < MOST; t = next) {
        next = t + STEP;

        if (offset_at(next) != offset_at(t)) {
            next = find_change(t, next);
            out[n++] = (onsite_transition_t) { next, offset_at(next), 0 };
        }
    }

    return n;
}


static bool
zone_exists(const char *name)
{
    char         path[256];
    struct stat  st;

    if (name[0] == '/' || strstr(name, "..") != NULL) {
        return false;
    }

    (void) snprintf(path, sizeof(path), ZONEINFO "%s", name);

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}


/* The zone's text is good until the next call. */

static onsite_status_t
transitions(void *data, onsite_str_t name,
    const onsite_transition_t **out, size_t *n)
{
    char                        text[128], *saved;
    const char                 *old;
    static onsite_transition_t  found[MOST];

    (void) data;

    if (name.len == 0 || name.len >= sizeof(text)) {
        return ONSITE_NOT_FOUND;
    }

    memcpy(text, name.data, name.len);
    text[name.len] = '\0';

    if (strlen(text) != name.len || !zone_exists(text)) {
        return ONSITE_NOT_FOUND;
    }

    old = getenv("TZ");
    saved = old != NULL ? strdup(old) : NULL;

    (void) setenv("TZ", text, 1);
    tzset();
    *n = collect(found);

    if (saved != NULL) {
        (void) setenv("TZ", saved, 1);
    } else {
        (void) unsetenv("TZ");
    }
    tzset();
    free(saved);

    *out = found;

    return ONSITE_OK;
}


const onsite_zones_t  loader_zones = { transitions, NULL, &loader_cldr };
