/*
 * test_tables.c - keys of slow data, and values out of its records.
 */

#include "values.h"

#include "onsite_json.h"
#include "onsite_msgpack.h"
#include "onsite_tables.h"

#define KEYS_MAX  8

typedef struct {
    onsite_arena_t  *arena;
    onsite_json_t   *json;
    onsite_buf_t     record;
} fixture_t;


static int
set_up(void **state)
{
    fixture_t  *f = calloc(1, sizeof(fixture_t));

    assert_non_null(f);
    f->arena = onsite_arena_create(1 << 14, 1 << 20);
    f->json = onsite_json_create();
    onsite_buf_init(&f->record, 0);
    *state = f;

    return 0;
}


static int
tear_down(void **state)
{
    fixture_t  *f = *state;

    onsite_arena_destroy(f->arena);
    onsite_json_destroy(f->json);
    onsite_buf_free(&f->record);
    free(f);

    return 0;
}


static void
set_record(fixture_t *f, const char *text)
{
    onsite_value_t  value = value_of(f->json, f->arena, text);

    onsite_buf_clear(&f->record);
    onsite_value_write_msgpack(&f->record, &value);
}


static onsite_value_t
value_at(fixture_t *f, const char *path)
{
    onsite_str_t  keys[KEYS_MAX];

    return onsite_record_value(f->arena, onsite_str(f->record.data,
                                                    f->record.len), keys,
                               keys_of(path, keys, KEYS_MAX));
}


static void
expect(fixture_t *f, const char *path, const char *expected)
{
    onsite_buf_t    out;
    onsite_value_t  value = value_at(f, path);

    onsite_buf_init(&out, 0);

    if (value.type == ONSITE_ABSENT) {
        onsite_buf_str(&out, ONSITE_STR("absent"));
    } else {
        onsite_value_write_json(&out, &value);
    }

    onsite_buf_char(&out, '\0');
    assert_string_equal(out.data, expected);
    onsite_buf_free(&out);
}


/* sha256("customer\0shop\0u-1"), by other means. */

static void
customers_have_known_keys(void **state)
{
    uint8_t  key[16], other[16];

    static const uint8_t  known[16] = {
        0x95, 0x41, 0x5b, 0x68, 0x97, 0xf8, 0xad, 0x2a,
        0xf6, 0x0a, 0xab, 0xa8, 0xa5, 0x48, 0x59, 0x4a
    };

    (void) state;

    onsite_customer_hash(ONSITE_STR("shop"), ONSITE_STR("u-1"), key);
    assert_memory_equal(key, known, 16);

    onsite_customer_hash(ONSITE_STR("shop2"), ONSITE_STR("u-1"), other);
    assert_memory_not_equal(key, other, 16);

    onsite_customer_hash(ONSITE_STR("sho"), ONSITE_STR("pu-1"), other);
    assert_memory_not_equal(key, other, 16);
}


static void
values_of_every_kind(void **state)
{
    fixture_t  *f = *state;

    set_record(f, "{\"n\":-5,\"big\":9007199254740991,\"f\":0.5,\"t\":true,"
                  "\"no\":false,\"nil\":null,\"s\":\"caf\xc3\xa9\","
                  "\"l\":[1,\"b\",{\"c\":3}],\"o\":{\"p\":{\"q\":[]}},"
                  "\"e\":\"\",\"twice\":1,\"twice\":2,\"\":7}");
    expect(f, "n", "-5");
    expect(f, "big", "9007199254740991");
    expect(f, "f", "0.5");
    expect(f, "t", "true");
    expect(f, "no", "false");
    expect(f, "nil", "null");
    expect(f, "s", "\"caf\xc3\xa9\"");
    expect(f, "e", "\"\"");
    expect(f, "l", "[1,\"b\",{\"c\":3}]");
    expect(f, "l.length", "3");
    expect(f, "l.1", "\"b\"");
    expect(f, "l.2.c", "3");
    expect(f, "o.p", "{\"q\":[]}");
    expect(f, "twice", "2");

    expect(f, "l.3", "absent");
    expect(f, "l.01", "absent");
    expect(f, "l.x", "absent");
    expect(f, "l.99999999999", "absent");
    expect(f, "l.length.x", "absent");
    expect(f, "s.length", "absent");
    expect(f, "n.x", "absent");
    expect(f, "none", "absent");
    expect(f, "o.p.none.q", "absent");

    assert_int_equal(value_at(f, "").type, ONSITE_OBJECT);
}


static void
strings_stay_where_they_are(void **state)
{
    fixture_t       *f = *state;
    onsite_value_t   value;

    set_record(f, "{\"a\":\"hello\"}");
    value = value_at(f, "a");
    assert_true(value.as.string >= f->record.data
                && value.as.string < f->record.data + f->record.len);
}


static void
depth_is_bounded(void **state)
{
    fixture_t  *f = *state;

    onsite_buf_clear(&f->record);

    while (f->record.len < 1000) {
        onsite_buf_char(&f->record, '\x91');
    }

    onsite_buf_char(&f->record, '\xc0');
    assert_int_equal(value_at(f, "").type, ONSITE_ABSENT);
    assert_int_equal(value_at(f, "length").type, ONSITE_NUMBER);
}


static void
a_full_arena_is_absent(void **state)
{
    fixture_t       *f = *state;
    onsite_str_t     key = ONSITE_STR("l");
    onsite_arena_t  *small = onsite_arena_create(64, 64);

    set_record(f, "{\"l\":[1,2,3,4,5,6,7,8,9,10]}");
    assert_int_equal(onsite_record_value(small,
                         onsite_str(f->record.data, f->record.len), &key,
                         1).type, ONSITE_ABSENT);
    onsite_arena_destroy(small);
}


/* Any byte changed, and any end cut off, is still safe to read. */

static void
any_bytes_are_safe(void **state)
{
    size_t      i, k, len;
    char        old, *copy;
    fixture_t  *f = *state;

    set_record(f, "{\"n\":300,\"l\":[1,\"b\",{\"c\":1.5}],\"s\":\"text\"}");

    for (i = 0; i < f->record.len; i++) {
        for (k = 0; k < 256; k++) {
            old = f->record.data[i];
            f->record.data[i] = (char) k;
            (void) value_at(f, "");
            (void) value_at(f, "l.2.c");
            (void) value_at(f, "s");
            f->record.data[i] = old;
            onsite_arena_reset(f->arena);
        }
    }

    for (len = 0; len < f->record.len; len++) {
        copy = malloc(len + 1);
        memcpy(copy, f->record.data, len);
        copy = realloc(copy, len != 0 ? len : 1);
        assert_int_equal(onsite_record_value(f->arena, onsite_str(copy, len),
                                             NULL, 0).type, ONSITE_ABSENT);
        free(copy);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(customers_have_known_keys),
        cmocka_unit_test_setup_teardown(values_of_every_kind, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(strings_stay_where_they_are, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(depth_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_arena_is_absent, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(any_bytes_are_safe, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
