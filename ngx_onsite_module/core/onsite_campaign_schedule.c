/*
 * onsite_campaign_schedule.c - "schedule" of a campaign: when it is live.
 */

#include "onsite_campaign_compile.h"

#define DAY_MINUTES  (24 * 60)

static const char *const  day_names[] = {
    "mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL
};


/* Exactly n digits at *p. */

static bool
digits(const char **p, const char *end, int n, int *out)
{
    for (*out = 0; n > 0; n--, (*p)++) {
        if (*p >= end || **p < '0' || **p > '9') {
            return false;
        }
        *out = *out * 10 + (**p - '0');
    }

    return true;
}


static bool
literal(const char **p, const char *end, char c)
{
    if (*p >= end || **p != c) {
        return false;
    }

    (*p)++;

    return true;
}


/* Days since 1970-01-01 of a proleptic Gregorian date, by whole 400-year
 * eras that begin in March. */

static int64_t
days_of(int year, int month, int day)
{
    int64_t  era, y, of_year, of_era;

    y = year - (month <= 2);
    era = (y >= 0 ? y : y - 399) / 400;
    of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    of_era = (y - era * 400) * 365 + (y - era * 400) / 4
             - (y - era * 400) / 100 + of_year;

    return era * 146097 + of_era - 719468;
}


static bool
read_date(const char **p, const char *end, int64_t *days)
{
    bool              leap;
    int               year, month, day;
    static const int  lengths[] = { 31, 28, 31, 30, 31, 30,
                                    31, 31, 30, 31, 30, 31 };

    if (!digits(p, end, 4, &year) || !literal(p, end, '-')
        || !digits(p, end, 2, &month) || !literal(p, end, '-')
        || !digits(p, end, 2, &day)
        || year < 1970 || month < 1 || month > 12 || day < 1)
    {
        return false;
    }

    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    if (day > lengths[month - 1] + (month == 2 && leap)) {
        return false;
    }

    *days = days_of(year, month, day);

    return true;
}


/* A fraction of a second, cut to milliseconds. */

static bool
read_fraction(const char **p, const char *end, int64_t *ms)
{
    int          scale = 100;
    const char  *start;

    *ms = 0;

    if (!literal(p, end, '.')) {
        return true;
    }

    for (start = *p; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
        *ms += (**p - '0') * scale;
        scale /= 10;
    }

    return *p != start;
}


static bool
read_clock(const char **p, const char *end, int64_t *ms)
{
    int      hour, minute, second = 0;
    int64_t  fraction = 0;

    if (!digits(p, end, 2, &hour) || !literal(p, end, ':')
        || !digits(p, end, 2, &minute))
    {
        return false;
    }

    if (literal(p, end, ':')
        && (!digits(p, end, 2, &second) || !read_fraction(p, end, &fraction)))
    {
        return false;
    }

    *ms = ((hour * 60 + minute) * 60 + second) * ONSITE_SECOND + fraction;

    return hour < 24 && minute < 60 && second <= 60;
}


/* "Z" or "+01:00" up to the end; seconds east of UTC. */

static bool
read_offset(const char *p, const char *end, int64_t *offset)
{
    int  sign, hour, minute;

    *offset = 0;

    if (literal(&p, end, 'Z') || literal(&p, end, 'z')) {
        return p == end;
    }

    sign = literal(&p, end, '-') ? -1 : 1;

    if ((sign == 1 && !literal(&p, end, '+'))
        || !digits(&p, end, 2, &hour) || !literal(&p, end, ':')
        || !digits(&p, end, 2, &minute) || hour > 23 || minute > 59)
    {
        return false;
    }

    *offset = sign * (hour * 60 + minute) * 60;

    return p == end;
}


/* Seconds east of UTC at an instant (s). */

static int64_t
offset_at(const onsite_compile_zone_t *zone, int64_t at)
{
    size_t  low, high, middle;

    low = 0;
    high = zone->n;

    while (high - low > 1) {
        middle = low + (high - low) / 2;

        if (zone->transitions[middle].at <= at) {
            low = middle;

        } else {
            high = middle;
        }
    }

    return zone->transitions[low].offset;
}


/* A local time as an instant, both in seconds.  The offsets of the day
 * before and of the day after are all that can hold. */

static int64_t
local_to_instant(const onsite_compile_zone_t *zone, int64_t local)
{
    int64_t  before, after;

    if (zone == NULL || zone->n == 0) {
        return local;
    }

    before = offset_at(zone, local - 86400);
    after = offset_at(zone, local + 86400);

    if (offset_at(zone, local - before) == before
        || offset_at(zone, local - after) != after)
    {
        return local - before;
    }

    return local - after;
}


/*
 * An instant in RFC 3339 ("2026-01-31T08:00:00+01:00"), or without an offset
 * in the given zone (NULL: UTC); seconds may be left out, a date alone is its
 * midnight.  A local time that a clock change skips is taken as if the clock
 * had not changed yet; of one that comes twice, the first.
 */

static onsite_status_t
parse_instant(onsite_str_t text, const onsite_compile_zone_t *zone,
    onsite_ms_t *ms)
{
    int64_t      days, clock = 0, offset;
    const char  *p, *end;

    p = text.data;
    end = text.data + text.len;

    if (text.len == 0 || !read_date(&p, end, &days)) {
        return ONSITE_INVALID;
    }

    if (p != end) {

        if (*p != 'T' && *p != 't' && *p != ' ') {
            return ONSITE_INVALID;
        }
        p++;

        if (!read_clock(&p, end, &clock)) {
            return ONSITE_INVALID;
        }
    }

    clock += days * ONSITE_DAY;

    if (p != end) {

        if (!read_offset(p, end, &offset)) {
            return ONSITE_INVALID;
        }

        *ms = clock - offset * ONSITE_SECOND;
        return ONSITE_OK;
    }

    *ms = local_to_instant(zone, clock / ONSITE_SECOND) * ONSITE_SECOND
          + clock % ONSITE_SECOND;

    return ONSITE_OK;
}


static void
read_instant(onsite_draft_reader_t *r, const onsite_value_t *schedule,
    const char *key, int64_t *out)
{
    onsite_ms_t   ms;
    onsite_str_t  text = { 0, NULL };

    if (!onsite_definition_string(r->d, schedule, key, 64, &text)
        || text.data == NULL)
    {
        return;
    }

    if (parse_instant(text, r->zone, &ms) != ONSITE_OK) {
        onsite_definition_error(r->d, key, "must be a time in RFC 3339, such"
                                " as \"2026-01-31T08:00:00+01:00\", or"
                                " without an offset in the campaign's time"
                                " zone; from 1970 on");
        return;
    }

    *out = ms;
}


static void
read_days(onsite_draft_reader_t *r, const onsite_value_t *days)
{
    size_t              len, item;
    uint32_t            i, day;
    onsite_schedule_t  *schedule = &r->draft->campaign.schedule;

    if (days == NULL) {
        return;
    }

    if (days->type != ONSITE_ARRAY || days->len == 0) {
        onsite_definition_error(r->d, "days", "must be a list of days such as"
                                " [\"mon\", \"tue\"]; leave it out for all"
                                " days");
        return;
    }

    schedule->days = 0;
    len = onsite_definition_enter(r->d, ONSITE_STR("days"));

    for (i = 0; i < days->len; i++) {
        item = onsite_definition_enter_item(r->d, i);

        if (onsite_definition_choice(r->d, NULL, &days->as.items[i],
                                     day_names, &day))
        {
            if (schedule->days & (1u << day)) {
                onsite_definition_error(r->d, NULL, "given twice: keep one");
            }
            schedule->days |= 1u << day;
        }

        onsite_definition_leave(r->d, item);
    }

    onsite_definition_leave(r->d, len);
}


static bool
read_minute(const char **p, const char *end, int *minute)
{
    int  hours, minutes;

    if (!digits(p, end, 2, &hours) || !literal(p, end, ':')
        || !digits(p, end, 2, &minutes) || minutes > 59)
    {
        return false;
    }

    *minute = hours * 60 + minutes;

    return *minute <= DAY_MINUTES;
}


static void
read_hours(onsite_draft_reader_t *r, const onsite_value_t *object)
{
    int                 from, until;
    const char         *p, *end;
    onsite_str_t        text = { 0, NULL };
    onsite_schedule_t  *schedule = &r->draft->campaign.schedule;

    if (!onsite_definition_string(r->d, object, "hours", 64, &text)
        || text.data == NULL)
    {
        return;
    }

    p = text.data;
    end = p + text.len;

    if (!read_minute(&p, end, &from) || !literal(&p, end, '-')
        || !read_minute(&p, end, &until) || p != end
        || from == DAY_MINUTES)
    {
        onsite_definition_error(r->d, "hours", "must be like \"08:00-22:00\""
                                " (over midnight: \"22:00-06:00\")");
        return;
    }

    if (from == until) {
        onsite_definition_error(r->d, "hours", "begins and ends at the same"
                                " time; leave it out for the whole day");
        return;
    }

    schedule->minute_from = (uint16_t) from;
    schedule->minute_until = (uint16_t) until;
}


static const onsite_compile_zone_t *
known_zone(onsite_compiler_t *c, onsite_str_t name)
{
    size_t  i;

    for (i = 0; i < c->n_zones; i++) {
        if (onsite_str_eq(c->known[i].name, name)) {
            return &c->known[i];
        }
    }

    return NULL;
}


static const onsite_compile_zone_t *
add_zone(onsite_compiler_t *c, onsite_str_t name)
{
    size_t                      n;
    onsite_transition_t        *copy;
    onsite_compile_zone_t      *zone;
    const onsite_transition_t  *transitions;

    if (c->n_zones == ONSITE_COMPILE_ZONES_MAX || c->zones == NULL
        || c->zones->transitions(c->zones->data, name, &transitions, &n)
           != ONSITE_OK
        || n == 0)
    {
        return NULL;
    }

    copy = onsite_arena_alloc(c->arena, n * sizeof(onsite_transition_t));
    if (copy == NULL) {
        return NULL;
    }

    memcpy(copy, transitions, n * sizeof(onsite_transition_t));

    zone = &c->known[c->n_zones++];
    zone->name = name;
    zone->n = n;
    zone->transitions = copy;
    zone->index = onsite_builder_zone(c->b, name, copy, n);

    return zone;
}


static void
read_zone(onsite_draft_reader_t *r, const onsite_value_t *schedule)
{
    onsite_str_t  name = { 0, NULL };

    if (!onsite_definition_string(r->d, schedule, "timezone", 64, &name)
        || name.data == NULL || onsite_str_eq(name, ONSITE_STR("UTC")))
    {
        return;
    }

    r->zone = known_zone(r->c, name);

    if (r->zone == NULL) {
        r->zone = add_zone(r->c, name);
    }

    if (r->zone == NULL) {
        onsite_definition_error(r->d, "timezone", "unknown time zone \"%.*s\""
                                "; use an IANA name such as"
                                " \"Europe/Paris\"",
                                (int) name.len, name.data);
        return;
    }

    /* scratch has no zones: what it compiles is never evaluated */

    r->draft->campaign.zone = r->draft->enabled ? r->zone->index : 0;
}


void
onsite_draft_schedule(onsite_draft_reader_t *r)
{
    size_t                    len;
    onsite_schedule_t        *schedule = &r->draft->campaign.schedule;
    const onsite_value_t     *object;
    static const char *const  keys[] = {
        "from", "until", "timezone", "days", "hours", NULL
    };

    schedule->from = INT64_MIN;
    schedule->until = INT64_MAX;
    schedule->days = 0x7f;

    object = onsite_definition_get(r->draft->definition, "schedule");
    if (object == NULL) {
        return;
    }

    len = onsite_definition_enter(r->d, ONSITE_STR("schedule"));

    if (onsite_definition_keys(r->d, object, keys)) {
        read_zone(r, object);
        read_instant(r, object, "from", &schedule->from);
        read_instant(r, object, "until", &schedule->until);
        read_days(r, onsite_definition_get(object, "days"));
        read_hours(r, object);
    }

    onsite_definition_leave(r->d, len);
}
