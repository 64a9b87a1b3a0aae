/*
 * test_vocabulary.c - every name has its id, nothing else has one.
 */

#include "unit.h"
#include "onsite_vocabulary.h"


static unsigned
count_names(void)
{
    unsigned  id;

    for (id = 1; onsite_vocabulary_name((uint8_t) id).len != 0; id++) {
        /* void */
    }

    return id - 1;
}


/* What `slots` in onsite_vocabulary.c must be, for whoever appended a name. */

static void
print_slots(void)
{
    int           used[ONSITE_VOCABULARY_SLOTS] = { 0 };
    unsigned      id, i, n;
    uint32_t      slot;

    n = count_names();

    for (id = 1; id <= n; id++) {
        slot = onsite_vocabulary_slot(onsite_vocabulary_name((uint8_t) id));

        if (used[slot] != 0) {
            print_message("names %d and %u share slot %u\n", used[slot], id,
                          slot);
        }

        used[slot] = (int) id;
    }

    for (i = 0; i < ONSITE_VOCABULARY_SLOTS; i++) {
        print_message("%s%4d,", i % 12 == 0 ? "\n   " : "", used[i]);
    }

    print_message("\n");
}


static void
names_and_ids_correspond(void **state)
{
    unsigned      id, n, wrong;
    onsite_str_t  name;

    (void) state;

    n = count_names();
    assert_in_range(n, 90, 127);

    for (id = 1, wrong = 0; id <= n; id++) {
        name = onsite_vocabulary_name((uint8_t) id);
        assert_true(name.len >= 4);
        wrong += onsite_vocabulary_id(name) != id;
    }

    if (wrong != 0) {
        print_slots();
    }

    assert_int_equal(wrong, 0);
}


static void
the_cores_own_names(void **state)
{
    size_t  i;

    static const struct {
        uint8_t      id;
        const char  *name;
    } own[] = {
        { ONSITE_NAME_PAGE_VIEWED, "Page Viewed" },
        { ONSITE_NAME_SCREEN_VIEWED, "Screen Viewed" },
        { ONSITE_NAME_PROMOTION_VIEWED, "Promotion Viewed" },
        { ONSITE_NAME_PROMOTION_CLICKED, "Promotion Clicked" },
        { ONSITE_NAME_PROMOTION_DISMISSED, "Promotion Dismissed" },
        { ONSITE_NAME_PRODUCT_ADDED, "Product Added" },
        { ONSITE_NAME_PRODUCT_REMOVED, "Product Removed" },
        { ONSITE_NAME_CART_CLEARED, "Cart Cleared" },
        { ONSITE_NAME_ORDER_COMPLETED, "Order Completed" },
    };

    (void) state;

    for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        assert_int_equal(onsite_vocabulary_id(
                             onsite_str(own[i].name, strlen(own[i].name))),
                         own[i].id);
    }
}


static void
other_names_have_none(void **state)
{
    size_t        i;
    char          name[64];
    unsigned      id;
    onsite_str_t  known;

    (void) state;

    assert_int_equal(onsite_vocabulary_id(onsite_str(NULL, 0)), 0);
    assert_int_equal(onsite_vocabulary_id(ONSITE_STR("")), 0);
    assert_int_equal(onsite_vocabulary_id(ONSITE_STR("abc")), 0);
    assert_int_equal(onsite_vocabulary_id(ONSITE_STR("page viewed")), 0);
    assert_int_equal(onsite_vocabulary_id(ONSITE_STR("Page Viewed ")), 0);
    assert_int_equal(onsite_vocabulary_name(0).len, 0);
    assert_int_equal(onsite_vocabulary_name(128).len, 0);
    assert_int_equal(onsite_vocabulary_name(255).len, 0);

    /* one byte changed, anywhere, is another name */

    for (id = 1; id <= count_names(); id++) {
        known = onsite_vocabulary_name((uint8_t) id);
        memcpy(name, known.data, known.len);

        for (i = 0; i < known.len; i++) {
            name[i] ^= 0x01;
            assert_int_not_equal(
                onsite_vocabulary_id(onsite_str(name, known.len)), id);
            name[i] ^= 0x01;
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(names_and_ids_correspond),
        cmocka_unit_test(the_cores_own_names),
        cmocka_unit_test(other_names_have_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
