/*
 * test_roam_wish.c - when the bucket is asked again for visitors of whom it
 * had nothing.
 */

#include "unit.h"

#include "roam_wish.h"

#include "onsite_limits.h"

#include <string.h>

#define NOW    1700000000000
#define EVERY  1000


static onsite_key_t
numbered(uint32_t n)
{
    onsite_key_t  key = { { 0 } };

    memcpy(key.bytes, &n, sizeof(n));
    memcpy(key.bytes + 12, &n, sizeof(n));

    return key;
}


static void
asks_a_few_times(void **data)
{
    size_t            i;
    onsite_ms_t       now = NOW;
    onsite_key_t      key = numbered(1), other = numbered(2);
    roam_wishes_t    *w = roam_wishes_create(EVERY, false);
    static const int  due[] = { 1, 2, 5, 15, 30 };

    (void) data;

    for (i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
        assert_true(roam_wish_is_due(w, &key, now));
        assert_true(roam_wish_again(w, &key, now));
        now = NOW + due[i] * EVERY;
        assert_false(roam_wish_is_due(w, &key, now - 1));
        assert_true(roam_wish_is_due(w, &other, now - 1));
    }

    assert_true(roam_wish_is_due(w, &key, now));
    assert_false(roam_wish_again(w, &key, now));

    /* and from the beginning, when it is wanted anew */

    assert_true(roam_wish_again(w, &key, now));
    assert_false(roam_wish_is_due(w, &key, now + EVERY - 1));
    roam_wish_forget(w, &key);
    assert_true(roam_wish_is_due(w, &key, now));
    roam_wish_forget(w, &other);
    roam_wishes_destroy(w);
}


static void
once_asks_once_more(void **data)
{
    onsite_key_t    key = numbered(1);
    roam_wishes_t  *w = roam_wishes_create(60 * EVERY, true);

    (void) data;

    assert_true(roam_wish_again(w, &key, NOW));
    assert_false(roam_wish_is_due(w, &key, NOW + 999));
    assert_true(roam_wish_is_due(w, &key, NOW + 1000));
    assert_false(roam_wish_again(w, &key, NOW + 1000));
    roam_wishes_destroy(w);
}


/* A clock that is set back keeps nobody waiting. */

static void
clock_set_back(void **data)
{
    onsite_key_t    key = numbered(1);
    roam_wishes_t  *w = roam_wishes_create(EVERY, false);

    (void) data;

    assert_true(roam_wish_again(w, &key, NOW));
    assert_false(roam_wish_is_due(w, &key, NOW - 10 * EVERY));
    assert_true(roam_wish_is_due(w, &key, NOW - ONSITE_HOUR));
    roam_wishes_destroy(w);
}


/* Bounded: who has no place is asked once, and places of those who never came
 * again are others' later. */

static void
too_many(void **data)
{
    uint32_t        i, kept = 0, later = 0;
    onsite_key_t    key;
    roam_wishes_t  *w = roam_wishes_create(EVERY, false);

    (void) data;

    for (i = 0; i < 100000; i++) {
        key = numbered(i);
        kept += roam_wish_again(w, &key, NOW);
    }

    assert_int_equal(kept, 65536);

    for (i = 100000; i < 200000; i++) {
        key = numbered(i);
        later += roam_wish_again(w, &key, NOW + ONSITE_HOUR);
    }

    assert_int_equal(later, 65536);
    roam_wishes_destroy(w);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(asks_a_few_times),
        cmocka_unit_test(once_asks_once_more),
        cmocka_unit_test(clock_set_back),
        cmocka_unit_test(too_many)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
