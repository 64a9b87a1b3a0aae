/*
 * test_frequency.c - caps in every window, over midnight and a change of the
 * clock.
 */

#include "unit.h"
#include "onsite_frequency.h"

/* 2026-10-25, a Sunday, 00:00 in Paris: a day of 25 hours */
#define SUNDAY  1792879200000

static const onsite_transition_t  utc[] = { { .at = INT64_MIN } };
static const onsite_transition_t  paris[] = {
    { .at = INT64_MIN, .offset = 7200 },
    { .at = 1792890000, .offset = 3600 },
};

static onsite_image_t  image;


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


static onsite_campaign_t
capped(onsite_per_t per, uint32_t cap)
{
    onsite_campaign_t  campaign = { .zone = 1, .cap = cap };

    campaign.per = (uint8_t) per;

    return campaign;
}


/* Shows it where the cap allows: whether it did. */

static bool
show(const onsite_campaign_t *campaign, onsite_exposure_t *exposure,
    onsite_ms_t now, uint32_t visits)
{
    onsite_clock_t  clock;

    onsite_clock_init(&clock, &image, now);

    if (onsite_frequency_capped(&clock, campaign, exposure, visits)) {
        return false;
    }

    onsite_frequency_count(&clock, campaign, exposure, visits);

    return true;
}


static void
never_shown(void **state)
{
    onsite_clock_t     clock;
    onsite_campaign_t  once = capped(ONSITE_PER_DAY, 1);
    onsite_campaign_t  never = capped(ONSITE_PER_DAY, 0);

    (void) state;

    onsite_clock_init(&clock, &image, SUNDAY);

    assert_false(onsite_frequency_capped(&clock, &once, NULL, 1));
    assert_true(onsite_frequency_capped(&clock, &never, NULL, 1));
}


static void
without_a_cap(void **state)
{
    int                i;
    onsite_campaign_t  campaign = capped(ONSITE_PER_NONE, 0);
    onsite_exposure_t  exposure = { 0 };

    (void) state;

    for (i = 0; i < 100; i++) {
        assert_true(show(&campaign, &exposure, SUNDAY, 1));
    }

    assert_int_equal(exposure.total, 100);
    assert_int_equal(exposure.last, SUNDAY);
}


static void
per_page(void **state)
{
    onsite_campaign_t  once = capped(ONSITE_PER_PAGE, 1);
    onsite_campaign_t  never = capped(ONSITE_PER_PAGE, 0);
    onsite_exposure_t  exposure = { 0 };

    (void) state;

    assert_true(show(&once, &exposure, SUNDAY, 1));
    assert_true(show(&once, &exposure, SUNDAY, 1));
    assert_false(show(&never, &exposure, SUNDAY, 1));
}


static void
per_session(void **state)
{
    onsite_campaign_t  campaign = capped(ONSITE_PER_SESSION, 2);
    onsite_exposure_t  exposure = { 0 };

    (void) state;

    assert_true(show(&campaign, &exposure, SUNDAY, 1));
    assert_true(show(&campaign, &exposure, SUNDAY + 1, 1));
    assert_false(show(&campaign, &exposure, SUNDAY + ONSITE_DAY, 1));
    assert_true(show(&campaign, &exposure, SUNDAY + 2, 2));
    assert_int_equal(exposure.window, 1);
    assert_int_equal(exposure.total, 3);
    assert_int_equal(exposure.session, 2);
}


static void
per_hour_of_the_clock(void **state)
{
    onsite_campaign_t  campaign = capped(ONSITE_PER_HOUR, 1);
    onsite_exposure_t  exposure = { 0 };

    (void) state;

    assert_true(show(&campaign, &exposure, SUNDAY + ONSITE_HOUR - 1, 1));
    assert_true(show(&campaign, &exposure, SUNDAY + ONSITE_HOUR, 1));
    assert_false(show(&campaign, &exposure, SUNDAY + 2 * ONSITE_HOUR - 1, 1));
    assert_true(show(&campaign, &exposure, SUNDAY + 2 * ONSITE_HOUR, 1));
}


static void
per_day_of_the_zone(void **state)
{
    onsite_campaign_t  campaign = capped(ONSITE_PER_DAY, 1);
    onsite_exposure_t  exposure = { 0 };

    (void) state;

    assert_true(show(&campaign, &exposure, SUNDAY - 1, 1));
    assert_true(show(&campaign, &exposure, SUNDAY, 1));

    /* in UTC it is the next day two hours on, in Paris 25 hours on */
    assert_false(show(&campaign, &exposure, SUNDAY + 2 * ONSITE_HOUR, 2));
    assert_false(show(&campaign, &exposure, SUNDAY + 25 * ONSITE_HOUR - 1,
                      3));
    assert_true(show(&campaign, &exposure, SUNDAY + 25 * ONSITE_HOUR, 4));
}


static void
per_week_from_monday(void **state)
{
    onsite_ms_t        monday = SUNDAY + 25 * ONSITE_HOUR;
    onsite_campaign_t  campaign = capped(ONSITE_PER_WEEK, 1);
    onsite_exposure_t  exposure = { 0 };

    (void) state;

    assert_true(show(&campaign, &exposure, SUNDAY, 1));
    assert_false(show(&campaign, &exposure, monday - 1, 2));
    assert_true(show(&campaign, &exposure, monday, 3));
    assert_false(show(&campaign, &exposure, monday + 7 * ONSITE_DAY - 1, 4));
    assert_true(show(&campaign, &exposure, monday + 7 * ONSITE_DAY, 5));
}


static void
per_visitor_for_ever(void **state)
{
    onsite_campaign_t  campaign = capped(ONSITE_PER_VISITOR, 2);
    onsite_exposure_t  exposure = { 0 };

    (void) state;

    assert_true(show(&campaign, &exposure, SUNDAY, 1));
    assert_true(show(&campaign, &exposure, SUNDAY + 99 * ONSITE_DAY, 9));
    assert_false(show(&campaign, &exposure, SUNDAY + 999 * ONSITE_DAY, 99));
}


static void
per_visitor_counts_what_was_before(void **state)
{
    onsite_campaign_t  campaign = capped(ONSITE_PER_SESSION, 1);
    onsite_exposure_t  exposure = { 0 };

    (void) state;

    assert_true(show(&campaign, &exposure, SUNDAY, 1));
    assert_true(show(&campaign, &exposure, SUNDAY + ONSITE_DAY, 2));

    campaign.per = ONSITE_PER_VISITOR;
    campaign.cap = 2;
    assert_false(show(&campaign, &exposure, SUNDAY + 2 * ONSITE_DAY, 3));
}


static void
counters_stay_at_their_end(void **state)
{
    onsite_campaign_t  campaign = capped(ONSITE_PER_NONE, 0);
    onsite_exposure_t  exposure = { .total = UINT32_MAX, .session = 1,
                                    .window = UINT32_MAX, .last = 1 };

    (void) state;

    assert_true(show(&campaign, &exposure, SUNDAY, 1));
    assert_true(exposure.total == UINT32_MAX);
    assert_true(exposure.window == UINT32_MAX);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(never_shown),
        cmocka_unit_test(without_a_cap),
        cmocka_unit_test(per_page),
        cmocka_unit_test(per_session),
        cmocka_unit_test(per_hour_of_the_clock),
        cmocka_unit_test(per_day_of_the_zone),
        cmocka_unit_test(per_week_from_monday),
        cmocka_unit_test(per_visitor_for_ever),
        cmocka_unit_test(per_visitor_counts_what_was_before),
        cmocka_unit_test(counters_stay_at_their_end),
    };

    return cmocka_run_group_tests(tests, build_zones, free_zones);
}
