/*
 * test_time.c - clients' times, and Segment's rule for their clocks.
 */

#include "unit.h"
#include "onsite_event.h"

#include <math.h>

#define NOW  ((onsite_ms_t) 1769860000000)      /* 2026-01-31T11:46:40Z */


static void
texts(void **state)
{
    size_t          i;
    onsite_ms_t     time;
    onsite_value_t  value;

    static const struct {
        const char   *text;
        onsite_ms_t   time;
    } table[] = {
        { "1970-01-01", 0 },
        { "1970-01-01T00:00:00Z", 0 },
        { "1969-12-31T23:59:59.999Z", -1 },
        { "2026-01-31T11:46:40Z", NOW },
        { "2026-01-31t11:46:40z", NOW },
        { "2026-01-31 11:46:40", NOW },
        { "2026-01-31T11:46:40", NOW },
        { "2026-01-31T11:46:40.000Z", NOW },
        { "2026-01-31T11:46:40.1Z", NOW + 100 },
        { "2026-01-31T11:46:40.12Z", NOW + 120 },
        { "2026-01-31T11:46:40.123Z", NOW + 123 },
        { "2026-01-31T11:46:40.1239999999Z", NOW + 123 },
        { "2026-01-31T12:46:40+01:00", NOW },
        { "2026-01-31T12:46:40.5+0100", NOW + 500 },
        { "2026-01-31T09:46:40-02", NOW },
        { "2026-01-31T17:31:40+05:45", NOW },
        { "2026-01-31T11:46Z", NOW - 40000 },
        { "2016-12-31T23:59:60Z", 1483228800000 },
        { "2000-02-29", 951782400000 },
        { "2024-02-29T00:00:00Z", 1709164800000 },
        { "9999-12-31T23:59:59.999Z", 253402300799999 },
        { "0001-01-01", -62135596800000 },
    };

    (void) state;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        value = onsite_value_string(onsite_str(table[i].text,
                                               strlen(table[i].text)));
        if (onsite_time_read(&value, &time) != ONSITE_OK) {
            fail_msg("%s", table[i].text);
        }
        assert_int_equal(time, table[i].time);
    }
}


static void
bad_texts(void **state)
{
    size_t          i;
    onsite_ms_t     time = 42;
    onsite_value_t  value;

    static const char *const  table[] = {
        "", "2026", "2026-01", "2026-1-31", "2026-01-31T", "2026-13-01",
        "2026-00-01", "2026-01-00", "2026-01-32", "2026-02-29", "1900-02-29",
        "2026-04-31", "0000-01-01", "2026-01-31T24:00:00Z", "2026-01-31T11",
        "2026-01-31T11:60Z", "2026-01-31T11:46:61Z", "2026-01-31T11:46:4Z",
        "2026-01-31T11:46:40.Z", "2026-01-31T11:46:40ZZ", "2026-01-31Z",
        "2026-01-31T11:46:40+1", "2026-01-31T11:46:40+01:", "tomorrow",
        "2026-01-31T11:46:40+01:60", "2026-01-31T11:46:40+24", "2026/01/31",
        "2026-01-31T11:46:40 UTC", " 2026-01-31", "-2026-01-31", "1e12",
        "1769860000000", "2026-01-31T11:46:40+01:00x",
    };

    (void) state;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        value = onsite_value_string(onsite_str(table[i], strlen(table[i])));
        if (onsite_time_read(&value, &time) != ONSITE_INVALID) {
            fail_msg("taken: %s", table[i]);
        }
    }

    assert_int_equal(time, 42);
}


static void
numbers_and_others(void **state)
{
    onsite_ms_t     time = 42;
    onsite_value_t  value;

    (void) state;

    value = onsite_value_number(1769860000123.0);
    assert_int_equal(onsite_time_read(&value, &time), ONSITE_OK);
    assert_int_equal(time, 1769860000123);

    value = onsite_value_number(1769860000.5);
    assert_int_equal(onsite_time_read(&value, &time), ONSITE_OK);
    assert_int_equal(time, 1769860000500);

    value = onsite_value_number(8.65e15);
    assert_int_equal(onsite_time_read(&value, &time), ONSITE_INVALID);
    value = onsite_value_number(-1e300);
    assert_int_equal(onsite_time_read(&value, &time), ONSITE_INVALID);
    value = onsite_value_number((double) NAN);
    assert_int_equal(onsite_time_read(&value, &time), ONSITE_INVALID);
    value = onsite_value_bool(true);
    assert_int_equal(onsite_time_read(&value, &time), ONSITE_INVALID);
}


static void
stamps(void **state)
{
    size_t          i;
    onsite_event_t  event;

    static const struct {
        onsite_ms_t  timestamp;
        onsite_ms_t  sent;
        onsite_ms_t  time;
        bool         live;
    } table[] = {
        { 0, 0, NOW, true },
        { 0, NOW - 5, NOW, true },
        { NOW, 0, NOW, true },
        { NOW - 1000, 0, NOW - 1000, true },
        /* a client's clock a year behind: only sent - timestamp counts */
        { NOW - 365 * ONSITE_DAY, NOW - 365 * ONSITE_DAY + 2000, NOW - 2000,
          true },
        { NOW + 365 * ONSITE_DAY, NOW + 365 * ONSITE_DAY + 2000, NOW - 2000,
          true },
        /* the bounds */
        { NOW - ONSITE_HOUR, 0, NOW - ONSITE_HOUR, true },
        { NOW - ONSITE_HOUR - 1, 0, NOW - ONSITE_HOUR - 1, false },
        { NOW + ONSITE_MINUTE, 0, NOW, true },
        { NOW + ONSITE_MINUTE + 1, 0, NOW, false },
        { 1000 + ONSITE_HOUR, 1000, NOW, false },
        /* an offline client's queue */
        { NOW - 3 * ONSITE_DAY, NOW - 5, NOW - 3 * ONSITE_DAY + 5, false },
        /* no time is "never" */
        { -5, 0, 1, false },
    };

    (void) state;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        onsite_event_stamp(&event, NOW, table[i].timestamp, table[i].sent);
        assert_int_equal(event.received, NOW);
        assert_int_equal(event.time, table[i].time);
        assert_int_equal(event.live, table[i].live);
    }
}


static void
wrong_clocks_are_told(void **state)
{
    size_t          i;
    onsite_event_t  event;

    static const struct {
        onsite_ms_t  timestamp;
        onsite_ms_t  sent;
        bool         skewed;
    } table[] = {
        { 0, 0, false },
        { NOW, 0, false },
        { NOW - 3 * ONSITE_HOUR, 0, false },            /* late, not wrong */
        { NOW - 3 * ONSITE_HOUR, NOW, false },
        { NOW + ONSITE_MINUTE, 0, false },
        { NOW + ONSITE_MINUTE + 1, 0, true },
        { NOW - ONSITE_HOUR, NOW - ONSITE_HOUR, false },
        { NOW - ONSITE_HOUR - 1, NOW - ONSITE_HOUR - 1, true },
        { NOW + ONSITE_HOUR, NOW + ONSITE_HOUR, false },
        { NOW + ONSITE_HOUR + 1, NOW + ONSITE_HOUR + 1, true },
        { NOW, NOW - 2 * ONSITE_MINUTE, true },
        { 0, NOW - ONSITE_DAY, false }                  /* corrects nothing*/
    };

    (void) state;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        onsite_event_stamp(&event, NOW, table[i].timestamp, table[i].sent);

        if (event.skewed != table[i].skewed) {
            fail_msg("%zu", i);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(bad_texts),
        cmocka_unit_test(numbers_and_others),
        cmocka_unit_test(stamps),
        cmocka_unit_test(wrong_clocks_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
