/*
 * test_local_time.c - local time against the C library's, over the changes of
 * the clocks.
 */

#include "unit.h"

#include <time.h>

#include "onsite_attribute.h"

#define FIRST  ((int64_t) 0)                /* 1970 */
#define LAST   ((int64_t) 2145916800)       /* 2038 */


/* Transitions as the C library shows them: looked for in steps of a day,
 * then halved down to the second. */

static int32_t
offset_at(int64_t seconds)
{
    time_t     t = (time_t) seconds;
    struct tm  tm;

    assert_non_null(localtime_r(&t, &tm));

    return (int32_t) tm.tm_gmtoff;
}


static size_t
find_transitions(onsite_transition_t *out, size_t max)
{
    size_t   n;
    int64_t  day, low, high, middle;

    out[0] = (onsite_transition_t) { INT64_MIN, offset_at(FIRST), 0 };

    for (day = FIRST, n = 1; day < LAST; day += 86400) {
        if (offset_at(day) == offset_at(day + 86400)) {
            continue;
        }

        low = day;
        high = day + 86400;

        while (high - low > 1) {
            middle = low + (high - low) / 2;

            if (offset_at(middle) == offset_at(day)) {
                low = middle;

            } else {
                high = middle;
            }
        }

        assert_true(n < max);
        out[n++] = (onsite_transition_t) { high, offset_at(high), 0 };
    }

    return n;
}


static void
compare(const onsite_image_t *image, uint32_t zone, int64_t seconds)
{
    time_t               t = (time_t) seconds;
    struct tm            tm;
    onsite_local_time_t  local;

    assert_non_null(localtime_r(&t, &tm));
    onsite_local_time(image, zone, seconds * 1000 + 999, &local);

    assert_int_equal(local.year, tm.tm_year + 1900);
    assert_int_equal(local.month, tm.tm_mon + 1);
    assert_int_equal(local.day, tm.tm_mday);
    assert_int_equal(local.hour, tm.tm_hour);
    assert_int_equal(local.minute, tm.tm_min);
    assert_int_equal(local.second, tm.tm_sec);
    assert_int_equal(local.weekday, (tm.tm_wday + 6) % 7);
}


static void
check_zone(const char *name, size_t least)
{
    size_t                n, i;
    int64_t               seconds;
    uint32_t              zone;
    onsite_image_t        image;
    onsite_builder_t     *b;
    onsite_transition_t   transitions[256];

    assert_int_equal(setenv("TZ", name, 1), 0);
    tzset();
    n = find_transitions(transitions, 256);

    if (n < least) {
        print_message("skipped: no time zone data for %s\n", name);
        return;
    }

    b = onsite_builder_create();
    assert_non_null(b);
    (void) onsite_builder_zone(b, ONSITE_STR("UTC"), transitions, 1);
    zone = onsite_builder_zone(b, onsite_str(name, strlen(name)), transitions,
                               n);
    assert_int_not_equal(zone, 0);
    assert_int_equal(onsite_builder_finish(b, ONSITE_STR("s"), 0, &image,
                                           NULL), ONSITE_OK);

    for (i = 1; i < n; i++) {
        compare(&image, zone, transitions[i].at - 1);
        compare(&image, zone, transitions[i].at);
        compare(&image, zone, transitions[i].at + 3600);
    }

    for (seconds = FIRST; seconds < LAST; seconds += 1000003) {
        compare(&image, zone, seconds);
    }

    onsite_builder_destroy(b);
}


static void
zones_follow_the_c_library(void **state)
{
    (void) state;

    check_zone("Europe/Paris", 50);
    check_zone("America/New_York", 50);
    check_zone("Asia/Kolkata", 1);
    check_zone("Australia/Lord_Howe", 50);

    assert_int_equal(unsetenv("TZ"), 0);
    tzset();
}


static void
no_zone_is_utc(void **state)
{
    onsite_image_t       none = { NULL, 0 };
    onsite_local_time_t  local;

    (void) state;

    onsite_local_time(NULL, 0, 951782400000, &local);   /* 2000-02-29 */
    assert_int_equal(local.year, 2000);
    assert_int_equal(local.month, 2);
    assert_int_equal(local.day, 29);
    assert_int_equal(local.hour, 0);
    assert_int_equal(local.weekday, 1);

    onsite_local_time(NULL, 5, 951782400000, &local);
    assert_int_equal(local.day, 29);
    onsite_local_time(&none, 5, 951782400000, &local);
    assert_int_equal(local.day, 29);
}


static void
before_the_epoch_and_far_away(void **state)
{
    onsite_local_time_t  local;

    (void) state;

    onsite_local_time(NULL, 0, -1, &local);
    assert_int_equal(local.year, 1969);
    assert_int_equal(local.month, 12);
    assert_int_equal(local.day, 31);
    assert_int_equal(local.hour, 23);
    assert_int_equal(local.second, 59);
    assert_int_equal(local.weekday, 2);
    assert_int_equal(local.days, -1);

    onsite_local_time(NULL, 0, -62135596800000, &local);    /* 0001-01-01 */
    assert_int_equal(local.year, 1);
    assert_int_equal(local.month, 1);
    assert_int_equal(local.day, 1);
    assert_int_equal(local.weekday, 0);

    onsite_local_time(NULL, 0, INT64_MAX, &local);
    assert_in_range(local.month, 1, 12);
    assert_in_range(local.weekday, 0, 6);
    onsite_local_time(NULL, 0, INT64_MIN, &local);
    assert_in_range(local.month, 1, 12);
    assert_in_range(local.weekday, 0, 6);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(zones_follow_the_c_library),
        cmocka_unit_test(no_zone_is_utc),
        cmocka_unit_test(before_the_epoch_and_far_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
