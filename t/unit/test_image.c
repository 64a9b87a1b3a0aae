/*
 * test_image.c - builder, interning, literals, verification of the shared
 * tables.
 */

#include "unit.h"
#include "onsite_image.h"

static const onsite_transition_t  paris[] = {
    { .at = INT64_MIN, .offset = 3600 },
    { .at = 1774746000, .offset = 7200 },
};


static onsite_image_t
small_image(onsite_builder_t *b)
{
    onsite_image_t  image;
    onsite_str_t    keys[] = { ONSITE_STR("visits") };

    (void) onsite_builder_zone(b, ONSITE_STR("Europe/Paris"), paris, 2);
    (void) onsite_builder_slot(b, ONSITE_ROOT_VISITOR, keys, 1, 0);
    (void) onsite_builder_regex(b, ONSITE_STR("^/landing"), false);

    assert_int_equal(onsite_builder_finish(b, ONSITE_STR("shop"), 42, &image,
                                           NULL), ONSITE_OK);

    return image;
}


static void
equal_things_share(void **state)
{
    onsite_str_t         ab[] = { ONSITE_STR("a"), ONSITE_STR("b") };
    onsite_builder_t    *b = onsite_builder_create();
    onsite_image_str_t   x, y;

    (void) state;

    x = onsite_builder_str(b, ONSITE_STR("hello"));
    y = onsite_builder_str(b, ONSITE_STR("hello"));
    assert_int_equal(x.ref, y.ref);
    assert_int_not_equal(onsite_builder_str(b, ONSITE_STR("hell")).ref, x.ref);
    assert_int_equal(onsite_builder_str(b, ONSITE_STR("")).len, 0);

    assert_int_equal(onsite_builder_slot(b, ONSITE_ROOT_EVENT, ab, 2, 0), 0);
    assert_int_equal(onsite_builder_slot(b, ONSITE_ROOT_EVENT, ab, 1, 0), 1);
    assert_int_equal(onsite_builder_slot(b, ONSITE_ROOT_VISITOR, ab, 2, 0), 2);
    assert_int_equal(onsite_builder_slot(b, ONSITE_ROOT_EVENT, ab, 2, 1), 3);
    assert_int_equal(onsite_builder_slot(b, ONSITE_ROOT_EVENT, ab, 2, 0), 0);

    assert_int_equal(onsite_builder_regex(b, ONSITE_STR("a"), false), 0);
    assert_int_equal(onsite_builder_regex(b, ONSITE_STR("a"), true), 1);
    assert_int_equal(onsite_builder_regex(b, ONSITE_STR("a"), false), 0);

    assert_int_equal(onsite_builder_zone(b, ONSITE_STR("UTC"), paris, 1), 0);
    assert_int_equal(onsite_builder_zone(b, ONSITE_STR("Europe/Paris"),
                                         paris, 2), 1);

    assert_int_equal(onsite_builder_group(b, ONSITE_STR("promo")), 1);
    assert_int_equal(onsite_builder_group(b, ONSITE_STR("other")), 2);
    assert_int_equal(onsite_builder_group(b, ONSITE_STR("promo")), 1);

    onsite_builder_destroy(b);
}


static void
many_strings_stay_themselves(void **state)
{
    int                  i, n;
    char                 text[32];
    onsite_image_t       image;
    onsite_builder_t    *b = onsite_builder_create();
    onsite_image_str_t   strings[3000];

    (void) state;

    for (i = 0; i < 6000; i++) {
        n = snprintf(text, sizeof(text), "string %d", i % 3000);
        strings[i % 3000] = onsite_builder_str(b, onsite_str(text, n));
    }

    image = onsite_builder_view(b);
    assert_true(image.size < 3000 * 12 + 1000);

    for (i = 0; i < 3000; i++) {
        n = snprintf(text, sizeof(text), "string %d", i);
        assert_true(onsite_str_eq(onsite_image_str(&image, strings[i]),
                                  onsite_str(text, n)));
    }

    onsite_builder_destroy(b);
}


static void
allocations_are_aligned_and_zero(void **state)
{
    int                i;
    onsite_ref_t       ref;
    onsite_builder_t  *b = onsite_builder_create();

    (void) state;

    for (i = 0; i < 100; i++) {
        (void) onsite_builder_str(b, onsite_str("xyzzy plugh", i % 11));
        ref = onsite_builder_alloc(b, 100);
        assert_int_equal(ref % 8, 0);
        assert_int_not_equal(ref, 0);
        assert_int_equal(((char *) onsite_builder_at(b, ref))[i], 0);
        memset(onsite_builder_at(b, ref), 'x', 100);
    }

    assert_int_equal(onsite_builder_alloc(b, (size_t) 1 << 40), 0);
    assert_true(onsite_builder_failed(b));
    assert_int_equal(onsite_builder_alloc(b, 8), 0);

    onsite_builder_destroy(b);
}


static void
failure_stops_finish(void **state)
{
    onsite_error_t     error;
    onsite_image_t     image;
    onsite_builder_t  *b = onsite_builder_create();

    (void) state;

    (void) onsite_builder_alloc(b, SIZE_MAX / 2);
    assert_int_equal(onsite_builder_finish(b, ONSITE_STR("shop"), 0, &image,
                                           &error), ONSITE_NO_MEMORY);
    assert_non_null(strstr(error.text, "shop"));

    onsite_builder_destroy(b);
}


static void
literals_come_back(void **state)
{
    onsite_buf_t          text;
    onsite_value_t        items[3], object, back;
    onsite_arena_t       *arena = onsite_arena_create(4096, 65536);
    onsite_image_t        image;
    onsite_builder_t     *b = onsite_builder_create();
    onsite_image_value_t  literal;

    onsite_member_t  members[] = {
        { ONSITE_STR("b"), onsite_value_number(1.5) },
        { ONSITE_STR("10"), onsite_value_bool(true) },
        { ONSITE_STR("a"), { .type = ONSITE_NULL } },
        { ONSITE_STR("b"), onsite_value_string(ONSITE_STR("late")) },
        { ONSITE_STR("9"), { .type = ONSITE_ARRAY, .len = 3 } },
        { ONSITE_STR("01"), onsite_value_bool(false) },
        { ONSITE_STR(""), { .type = ONSITE_OBJECT, .len = 0 } },
    };

    (void) state;

    items[0] = onsite_value_number(-7);
    items[1] = onsite_value_string(ONSITE_STR("x"));
    items[2] = (onsite_value_t) { .type = ONSITE_ARRAY, .len = 0 };
    members[4].value.as.items = items;
    object = (onsite_value_t) { .type = ONSITE_OBJECT, .len = 7,
                                .as.members = members };

    literal = onsite_builder_value(b, &object);
    image = onsite_builder_view(b);
    assert_true(onsite_image_holds_value(&image, &literal, 2));
    assert_false(onsite_image_holds_value(&image, &literal, 1));
    assert_int_equal(onsite_image_value(&image, &literal, arena, &back),
                     ONSITE_OK);

    onsite_buf_init(&text, 0);
    onsite_value_write_json(&text, &back);
    assert_str(onsite_str(text.data, text.len),
               "{\"9\":[-7,\"x\",[]],\"10\":true,\"b\":\"late\",\"a\":null,"
               "\"01\":false,\"\":{}}");

    onsite_buf_free(&text);
    onsite_arena_destroy(arena);
    onsite_builder_destroy(b);
}


static void
literal_too_big_for_arena(void **state)
{
    onsite_value_t        items[40] = { 0 }, array, back;
    onsite_arena_t       *arena = onsite_arena_create(64, 128);
    onsite_image_t        image;
    onsite_builder_t     *b = onsite_builder_create();
    onsite_image_value_t  literal;

    (void) state;

    array = (onsite_value_t) { .type = ONSITE_ARRAY, .len = 40,
                               .as.items = items };
    literal = onsite_builder_value(b, &array);
    image = onsite_builder_view(b);
    assert_int_equal(onsite_image_value(&image, &literal, arena, &back),
                     ONSITE_NO_MEMORY);

    onsite_arena_destroy(arena);
    onsite_builder_destroy(b);
}


static void
finished_image_verifies(void **state)
{
    onsite_error_t     error;
    onsite_image_t     image;
    onsite_builder_t  *b = onsite_builder_create();

    (void) state;

    image = small_image(b);
    assert_int_equal(onsite_image_verify_tables(&image, &error),
                     ONSITE_OK);
    assert_str(onsite_image_str(&image, onsite_image_header(&image)->site),
               "shop");
    assert_int_equal(onsite_image_header(&image)->built, 42);
    assert_int_equal(onsite_image_header(&image)->n_zones, 2);

    onsite_builder_destroy(b);
}


static void
any_changed_byte_is_noticed(void **state)
{
    size_t             i;
    uint8_t           *bytes;
    onsite_error_t     error;
    onsite_image_t     image;
    onsite_builder_t  *b = onsite_builder_create();

    (void) state;

    image = small_image(b);
    bytes = onsite_builder_at(b, 0);

    for (i = 0; i < image.size; i++) {
        if (i == 6 || i == 7) {
            continue;           /* reserved, in front of the checksum */
        }

        bytes[i] ^= 0x40;
        assert_int_not_equal(onsite_image_verify_tables(&image, &error),
                             ONSITE_OK);
        bytes[i] ^= 0x40;
    }

    bytes[4] ^= 2;
    assert_int_equal(onsite_image_verify_tables(&image, &error),
                     ONSITE_VERSION);
    bytes[4] ^= 2;

    while (image.size-- != 0) {
        assert_int_equal(onsite_image_verify_tables(&image, &error),
                         ONSITE_CORRUPT);
    }

    onsite_builder_destroy(b);
}


static void
expect_corrupt(onsite_image_t *image, uint32_t *field, uint32_t value)
{
    uint32_t                old = *field;
    onsite_error_t          error;
    onsite_image_header_t  *header = (onsite_image_header_t *) image->base;

    *field = value;
    header->checksum = onsite_image_checksum(image);
    assert_int_equal(onsite_image_verify_tables(image, &error),
                     ONSITE_CORRUPT);

    *field = old;
    header->checksum = onsite_image_checksum(image);
    assert_int_equal(onsite_image_verify_tables(image, &error),
                     ONSITE_OK);
}


static void
sound_checksum_is_not_enough(void **state)
{
    onsite_slot_t          *slot;
    onsite_zone_t          *zone;
    onsite_image_t          image;
    onsite_builder_t       *b = onsite_builder_create();
    onsite_transition_t    *t;
    onsite_image_regex_t   *regex;
    onsite_image_header_t  *header;

    (void) state;

    image = small_image(b);
    header = onsite_builder_at(b, 0);
    slot = onsite_builder_at(b, header->slots);
    zone = onsite_builder_at(b, header->zones);
    regex = onsite_builder_at(b, header->regexes);
    t = onsite_builder_at(b, zone[1].transitions);

    expect_corrupt(&image, &header->n_slots, 1000000);
    expect_corrupt(&image, &header->slots, 8);
    expect_corrupt(&image, &header->slots, header->slots + 4);
    expect_corrupt(&image, &header->n_regexes, UINT32_MAX);
    expect_corrupt(&image, &header->n_zones, 0);
    expect_corrupt(&image, &header->zones, header->size);
    expect_corrupt(&image, &header->site.len, UINT32_MAX);
    expect_corrupt(&image, &slot->keys, header->size - 4);
    expect_corrupt(&image, &slot->zone, 2);
    expect_corrupt(&image, &regex->pattern.ref, UINT32_MAX);
    expect_corrupt(&image, &zone[1].n_transitions, 0);
    expect_corrupt(&image, &zone[1].name.len, header->size);
    expect_corrupt(&image, (uint32_t *) &t[1].offset, 90000);

    t[1].at = INT64_MIN;
    header->checksum = onsite_image_checksum(&image);
    assert_int_equal(onsite_image_verify_tables(&image, NULL),
                     ONSITE_CORRUPT);

    onsite_builder_destroy(b);
}


static void
nested_literal_cannot_contain_itself(void **state)
{
    onsite_value_t         item, array;
    onsite_image_t         image;
    onsite_builder_t      *b = onsite_builder_create();
    onsite_image_value_t   literal, *inner;

    (void) state;

    item = (onsite_value_t) { .type = ONSITE_ARRAY, .len = 0 };
    array = (onsite_value_t) { .type = ONSITE_ARRAY, .len = 1,
                               .as.items = &item };
    literal = onsite_builder_value(b, &array);
    inner = onsite_builder_at(b, literal.as.ref);
    inner->len = 1;
    inner->as.ref = literal.as.ref;

    image = onsite_builder_view(b);
    assert_false(onsite_image_holds_value(&image, &literal, 1000000));

    onsite_builder_destroy(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(equal_things_share),
        cmocka_unit_test(many_strings_stay_themselves),
        cmocka_unit_test(allocations_are_aligned_and_zero),
        cmocka_unit_test(failure_stops_finish),
        cmocka_unit_test(literals_come_back),
        cmocka_unit_test(literal_too_big_for_arena),
        cmocka_unit_test(finished_image_verifies),
        cmocka_unit_test(any_changed_byte_is_noticed),
        cmocka_unit_test(sound_checksum_is_not_enough),
        cmocka_unit_test(nested_literal_cannot_contain_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
