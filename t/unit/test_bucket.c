/*
 * test_bucket.c - bucketing against values from GrowthBook's own SDK (1.8.0:
 * hash, getBucketRanges, chooseVariation).
 */

#include "unit.h"
#include "onsite_bucket.h"


static void
hashes_as_growthbook(void **state)
{
    size_t  i;

    static const struct {
        const char  *seed;
        const char  *value;
        double       v1;
        double       v2;
    } vectors[] = {
        { "", "a", 0.22, 0.0216 },
        { "b", "a", 0.946, 0.665 },
        { "b", "ab", 0.712, 0.4876 },
        { "b", "def", 0.602, 0.7364 },
        { "ref", "8952klfjas09ujkasdf", 0.186, 0.8227 },
        { "seed", "h\xc3\xa9llo", 0.97, 0.359 },
        { "graine", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 0.476, 0.396 },
        { "s", "\xf0\x9f\x98\x80", 0.001, 0.2801 },
        { "my-exp", "user-123", 0.467, 0.3193 },
        { "", "", 0.261, 0.2305 },
    };

    (void) state;

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        onsite_str_t  seed, value;

        seed = onsite_str(vectors[i].seed, strlen(vectors[i].seed));
        value = onsite_str(vectors[i].value, strlen(vectors[i].value));

        assert_true(onsite_bucket(seed, value, 1) == vectors[i].v1);
        assert_true(onsite_bucket(seed, value, 2) == vectors[i].v2);
        assert_true(onsite_bucket(seed, value, 0) == -1);
        assert_true(onsite_bucket(seed, value, 3) == -1);
    }
}


static void
known_fnv_values(void **state)
{
    (void) state;

    assert_int_equal(onsite_fnv32a(ONSITE_STR("")), 0x811c9dc5);
    assert_int_equal(onsite_fnv32a(ONSITE_STR("foobar")), 0xbf9cf968);
    assert_int_equal(onsite_fnv32a_add(onsite_fnv32a(ONSITE_STR("foo")),
                                       ONSITE_STR("bar")), 0xbf9cf968);
}


static const double  buckets[] = {
    0, .1, .25, .3333, .4999, .5, .55, .62, .8, .85, .9999
};

#define N_BUCKETS  (sizeof(buckets) / sizeof(buckets[0]))


static void
expect_choices(size_t n, const double *weights, double coverage,
    const int *choices)
{
    size_t  i;

    for (i = 0; i < N_BUCKETS; i++) {
        assert_int_equal(onsite_bucket_choose(buckets[i], n, weights,
                                              coverage), choices[i]);
    }
}


static void
chooses_as_growthbook(void **state)
{
    static const double  uneven[] = { .5, .3, .2 }, low[] = { .4, .4 };

    static const int  halves[] = { 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1 };
    static const int  three[] = { 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2 };
    static const int  covered[] = { 0, 0, -1, -1, -1, 1, 1, -1, 2, 2, -1 };
    static const int  quarters[] = { 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3 };
    static const int  none[] = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 };

    (void) state;

    expect_choices(2, NULL, 1, halves);
    expect_choices(3, uneven, 1, three);
    expect_choices(3, uneven, .3, covered);
    expect_choices(2, low, 1, halves);
    expect_choices(4, NULL, 1, quarters);
    expect_choices(2, NULL, 2, halves);
    expect_choices(2, NULL, -1, none);
    expect_choices(0, NULL, 1, none);

    assert_int_equal(onsite_bucket_choose(-1, 2, NULL, 1), -1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(hashes_as_growthbook),
        cmocka_unit_test(known_fnv_values),
        cmocka_unit_test(chooses_as_growthbook),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
