/*
 * test_schedule.c - from and until, days, hours, over midnight, in a zone.
 */

#include "unit.h"
#include "onsite_schedule.h"

#define MONDAY    0x01
#define SUNDAY    0x40
#define ALL_DAYS  0x7f

/* 2026-10-19, a Monday, 00:00 UTC */
#define MIDNIGHT  (1792497600000 - 36 * ONSITE_HOUR)

static const onsite_transition_t  utc[] = { { .at = INT64_MIN } };
static const onsite_transition_t  paris[] = {
    { .at = INT64_MIN, .offset = 7200 },
    { .at = 1792890000, .offset = 3600 },       /* Sunday 25, 01:00 UTC */
};

static onsite_image_t     image;
static onsite_campaign_t  campaign;


static int
build_zones(void **state)
{
    onsite_builder_t  *b = onsite_builder_create();

    *state = b;
    (void) onsite_builder_zone(b, ONSITE_STR("UTC"), utc, 1);
    (void) onsite_builder_zone(b, ONSITE_STR("Europe/Paris"), paris, 2);

    return onsite_builder_finish(b, ONSITE_STR("default"), 0, &image, NULL);
}


static int
free_zones(void **state)
{
    onsite_builder_destroy(*state);

    return 0;
}


static int
always(void **state)
{
    (void) state;

    memset(&campaign, 0, sizeof(campaign));
    campaign.schedule.from = INT64_MIN;
    campaign.schedule.until = INT64_MAX;
    campaign.schedule.days = ALL_DAYS;

    return 0;
}


static bool
open_at(onsite_ms_t now)
{
    onsite_clock_t  clock;

    onsite_clock_init(&clock, &image, now);

    return onsite_schedule_open(&clock, &campaign);
}


static void
open_without_a_schedule(void **state)
{
    (void) state;

    assert_true(open_at(0));
    assert_true(open_at(MIDNIGHT));
}


static void
until_is_exclusive(void **state)
{
    (void) state;

    campaign.schedule.from = 1000;
    campaign.schedule.until = 2000;

    assert_false(open_at(999));
    assert_true(open_at(1000));
    assert_true(open_at(1999));
    assert_false(open_at(2000));
}


static void
days_are_local(void **state)
{
    (void) state;

    campaign.schedule.days = MONDAY;

    assert_false(open_at(MIDNIGHT - 1));
    assert_true(open_at(MIDNIGHT));
    assert_true(open_at(MIDNIGHT + ONSITE_DAY - 1));
    assert_false(open_at(MIDNIGHT + ONSITE_DAY));

    campaign.zone = 1;

    assert_false(open_at(MIDNIGHT - 2 * ONSITE_HOUR - 1));
    assert_true(open_at(MIDNIGHT - 2 * ONSITE_HOUR));
    assert_true(open_at(MIDNIGHT + 22 * ONSITE_HOUR - 1));
    assert_false(open_at(MIDNIGHT + 22 * ONSITE_HOUR));
}


static void
hours_of_the_day(void **state)
{
    (void) state;

    campaign.schedule.minute_from = 8 * 60;
    campaign.schedule.minute_until = 22 * 60;

    assert_false(open_at(MIDNIGHT + 8 * ONSITE_HOUR - 1));
    assert_true(open_at(MIDNIGHT + 8 * ONSITE_HOUR));
    assert_true(open_at(MIDNIGHT + 22 * ONSITE_HOUR - 1));
    assert_false(open_at(MIDNIGHT + 22 * ONSITE_HOUR));

    campaign.schedule.minute_until = 24 * 60;
    assert_true(open_at(MIDNIGHT + ONSITE_DAY - 1));
}


static void
nights_belong_to_the_evening(void **state)
{
    (void) state;

    campaign.schedule.days = MONDAY;
    campaign.schedule.minute_from = 22 * 60;
    campaign.schedule.minute_until = 2 * 60;

    assert_false(open_at(MIDNIGHT + ONSITE_HOUR));
    assert_false(open_at(MIDNIGHT + 22 * ONSITE_HOUR - 1));
    assert_true(open_at(MIDNIGHT + 22 * ONSITE_HOUR));
    assert_true(open_at(MIDNIGHT + 26 * ONSITE_HOUR - 1));
    assert_false(open_at(MIDNIGHT + 26 * ONSITE_HOUR));

    /* Sunday's night ends on Monday */
    campaign.schedule.days = SUNDAY;
    assert_true(open_at(MIDNIGHT + ONSITE_HOUR));
    assert_false(open_at(MIDNIGHT + 22 * ONSITE_HOUR));
}


static void
hours_follow_the_clock_of_the_zone(void **state)
{
    (void) state;

    campaign.zone = 1;
    campaign.schedule.minute_from = 8 * 60;
    campaign.schedule.minute_until = 9 * 60;

    assert_true(open_at(MIDNIGHT + 6 * ONSITE_HOUR));

    /* a week on, summer time is over */
    assert_false(open_at(MIDNIGHT + 7 * ONSITE_DAY + 6 * ONSITE_HOUR));
    assert_true(open_at(MIDNIGHT + 7 * ONSITE_DAY + 7 * ONSITE_HOUR));
}


static void
clock_tells_zones_apart(void **state)
{
    onsite_clock_t  clock;

    (void) state;

    onsite_clock_init(&clock, &image, MIDNIGHT);

    assert_int_equal(onsite_clock_local(&clock, 0)->hour, 0);
    assert_int_equal(onsite_clock_local(&clock, 1)->hour, 2);
    assert_int_equal(onsite_clock_local(&clock, 0)->hour, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(open_without_a_schedule, always),
        cmocka_unit_test_setup(until_is_exclusive, always),
        cmocka_unit_test_setup(days_are_local, always),
        cmocka_unit_test_setup(hours_of_the_day, always),
        cmocka_unit_test_setup(nights_belong_to_the_evening, always),
        cmocka_unit_test_setup(hours_follow_the_clock_of_the_zone, always),
        cmocka_unit_test(clock_tells_zones_apart),
    };

    return cmocka_run_group_tests(tests, build_zones, free_zones);
}
