/*
 * test_trigger.c - counts in a session, in a sliding window, for ever.
 */

#include "unit.h"
#include "onsite_trigger.h"

#define START  1000000


static void
visit(onsite_visitor_t *visitor, uint32_t visits, onsite_ms_t start)
{
    visitor->visits = visits;
    visitor->session.start = start;
    visitor->session.last = start;
}


static void
one_is_always_enough(void **state)
{
    onsite_visitor_t  visitor;
    onsite_trigger_t  trigger = { .count = 1, .hash = 7 };

    (void) state;

    onsite_visitor_init(&visitor);
    visit(&visitor, 1, START);

    assert_true(onsite_trigger_match(&visitor, &trigger, START));
    assert_int_equal(visitor.n_progress, 0);
}


static void
third_and_every_later(void **state)
{
    onsite_visitor_t  visitor;
    onsite_trigger_t  trigger = { .count = 3, .hash = 7 };

    (void) state;

    onsite_visitor_init(&visitor);
    visit(&visitor, 1, START);

    assert_false(onsite_trigger_match(&visitor, &trigger, START));
    assert_false(onsite_trigger_match(&visitor, &trigger, START + 1));
    assert_true(onsite_trigger_match(&visitor, &trigger, START + 2));

    visit(&visitor, 9, START + 90 * ONSITE_DAY);
    assert_true(onsite_trigger_match(&visitor, &trigger,
                                     START + 90 * ONSITE_DAY));
    assert_int_equal(visitor.n_progress, 1);
    assert_int_equal(visitor.progress[0].n, 2);
}


static void
sessions_start_anew(void **state)
{
    onsite_visitor_t  visitor;
    onsite_trigger_t  trigger = { .count = 2, .hash = 7,
                                  .within = ONSITE_WITHIN_SESSION };

    (void) state;

    onsite_visitor_init(&visitor);
    visit(&visitor, 1, START);
    assert_false(onsite_trigger_match(&visitor, &trigger, START));

    visit(&visitor, 2, START + 100);
    assert_false(onsite_trigger_match(&visitor, &trigger, START + 100));
    assert_true(onsite_trigger_match(&visitor, &trigger, START + 101));

    /* from before the session: no match in it */
    assert_false(onsite_trigger_match(&visitor, &trigger, START + 99));
    assert_int_equal(visitor.progress[0].n, 1);
    assert_int_equal(visitor.progress[0].times[0], START + 101);
}


static void
window_slides(void **state)
{
    onsite_visitor_t  visitor;
    onsite_trigger_t  trigger = { .count = 3, .hash = 7, .within_ms = 10,
                                  .within = ONSITE_WITHIN_TIME };

    (void) state;

    onsite_visitor_init(&visitor);
    visit(&visitor, 1, START);

    assert_false(onsite_trigger_match(&visitor, &trigger, START));
    assert_false(onsite_trigger_match(&visitor, &trigger, START + 5));

    /* exactly the window apart is inside, one more is not */
    assert_true(onsite_trigger_match(&visitor, &trigger, START + 10));
    assert_true(onsite_trigger_match(&visitor, &trigger, START + 15));
    assert_false(onsite_trigger_match(&visitor, &trigger, START + 21));
    assert_false(onsite_trigger_match(&visitor, &trigger, START + 100));
    assert_int_equal(visitor.progress[0].n, 1);
}


static void
late_matches_take_their_place(void **state)
{
    onsite_visitor_t  visitor;
    onsite_trigger_t  trigger = { .count = 3, .hash = 7, .within_ms = 10,
                                  .within = ONSITE_WITHIN_TIME };

    (void) state;

    onsite_visitor_init(&visitor);
    visit(&visitor, 1, START);

    assert_false(onsite_trigger_match(&visitor, &trigger, START + 10));
    assert_false(onsite_trigger_match(&visitor, &trigger, START + 3));
    assert_int_equal(visitor.progress[0].times[0], START + 3);
    assert_int_equal(visitor.progress[0].times[1], START + 10);

    /* too late for the window: changes nothing */
    assert_false(onsite_trigger_match(&visitor, &trigger, START - 5));
    assert_int_equal(visitor.progress[0].n, 2);

    assert_true(onsite_trigger_match(&visitor, &trigger, START + 4));
}


static void
longest_count(void **state)
{
    int               i;
    onsite_visitor_t  visitor;
    onsite_trigger_t  trigger = { .count = ONSITE_PROGRESS_TIMES_MAX + 1,
                                  .hash = 7 };

    (void) state;

    onsite_visitor_init(&visitor);
    visit(&visitor, 1, START);

    for (i = 0; i < ONSITE_PROGRESS_TIMES_MAX; i++) {
        assert_false(onsite_trigger_match(&visitor, &trigger, START + i));
    }

    assert_true(onsite_trigger_match(&visitor, &trigger, START + i));
    assert_true(onsite_trigger_match(&visitor, &trigger, START + i));
    assert_int_equal(visitor.progress[0].n, ONSITE_PROGRESS_TIMES_MAX);
}


static void
full_progress_loses_the_oldest(void **state)
{
    uint32_t          i;
    onsite_visitor_t  visitor;
    onsite_trigger_t  trigger = { .count = 2 };

    (void) state;

    onsite_visitor_init(&visitor);
    visit(&visitor, 1, START);

    for (i = 0; i < ONSITE_PROGRESS_MAX; i++) {
        trigger.hash = 100 + i;
        assert_false(onsite_trigger_match(&visitor, &trigger, START + i));
    }

    trigger.hash = 500;
    assert_false(onsite_trigger_match(&visitor, &trigger, START + i));
    assert_int_equal(visitor.n_progress, ONSITE_PROGRESS_MAX);

    trigger.hash = 101;
    assert_true(onsite_trigger_match(&visitor, &trigger, START + i + 1));
    trigger.hash = 100;
    assert_false(onsite_trigger_match(&visitor, &trigger, START + i + 2));
}


static void
first_of_one_event_stay(void **state)
{
    int               round;
    uint32_t          i, fired = 0;
    onsite_visitor_t  visitor;
    onsite_trigger_t  trigger = { .count = 2 };

    (void) state;

    onsite_visitor_init(&visitor);
    visit(&visitor, 1, START);

    for (round = 0; round < 2; round++) {
        for (i = 0; i < ONSITE_PROGRESS_MAX + 4; i++) {
            trigger.hash = 100 + i;
            fired += onsite_trigger_match(&visitor, &trigger, START + round);
        }
    }

    assert_int_equal(fired, ONSITE_PROGRESS_MAX);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(one_is_always_enough),
        cmocka_unit_test(third_and_every_later),
        cmocka_unit_test(sessions_start_anew),
        cmocka_unit_test(window_slides),
        cmocka_unit_test(late_matches_take_their_place),
        cmocka_unit_test(longest_count),
        cmocka_unit_test(full_progress_loses_the_oldest),
        cmocka_unit_test(first_of_one_event_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
