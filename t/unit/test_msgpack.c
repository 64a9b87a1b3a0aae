/*
 * test_msgpack.c - values and the cursor against the msgpack test suite,
 * every encoding it has of a value.
 */

#include "unit.h"

#include <math.h>

#include "onsite_json.h"
#include "onsite_limits.h"
#include "onsite_msgpack.h"


/* "c4-01-ff" → bytes. */

static size_t
read_hex(onsite_str_t text, uint8_t *out, size_t capacity)
{
    size_t    i, n;
    unsigned  byte;

    for (i = 0, n = 0; i + 1 < text.len; i += 3) {
        assert_int_equal(sscanf(text.data + i, "%2x", &byte), 1);
        assert_true(n < capacity);
        out[n++] = (uint8_t) byte;
    }

    return n;
}


static onsite_reader_t
reader(const uint8_t *bytes, size_t len)
{
    return (onsite_reader_t) { bytes, bytes + len, false };
}


static void
assert_equal(const onsite_value_t *a, const onsite_value_t *b)
{
    uint32_t  i;

    assert_int_equal(a->type, b->type);

    switch (a->type) {

    case ONSITE_BOOL:
        assert_int_equal(a->as.boolean, b->as.boolean);
        break;

    case ONSITE_NUMBER:
        assert_true(a->as.number == b->as.number);
        break;

    case ONSITE_STRING:
        assert_true(onsite_str_eq(onsite_value_str(a), onsite_value_str(b)));
        break;

    case ONSITE_ARRAY:
        assert_int_equal(a->len, b->len);

        for (i = 0; i < a->len; i++) {
            assert_equal(&a->as.items[i], &b->as.items[i]);
        }

        break;

    case ONSITE_OBJECT:
        assert_int_equal(a->len, b->len);

        for (i = 0; i < a->len; i++) {
            assert_true(onsite_str_eq(a->as.members[i].key,
                                      b->as.members[i].key));
            assert_equal(&a->as.members[i].value, &b->as.members[i].value);
        }

        break;

    default:
        break;
    }
}


/* ABSENT for what is not of the JSON model: binary, timestamp, ext. */

static onsite_value_t
expected_value(const onsite_value_t *test)
{
    size_t                 i;
    const onsite_value_t  *value;

    static const char *const  keys[] = {
        "nil", "bool", "number", "string", "array", "map"
    };

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        value = onsite_value_get(test, onsite_str(keys[i], strlen(keys[i])));

        if (value != NULL) {
            return *value;
        }
    }

    value = onsite_value_get(test, ONSITE_STR("bignum"));

    return value != NULL
           ? onsite_value_number(strtod(onsite_value_str(value).data, NULL))
           : (onsite_value_t) { .type = ONSITE_ABSENT };
}


/* What the cursor reads must be what msgpack-c reads. */

static void
check_cursor(const onsite_value_t *expected, const uint8_t *bytes, size_t len)
{
    double           number;
    int64_t          n;
    onsite_str_t     s;
    onsite_reader_t  r = reader(bytes, len);

    if (expected->type == ONSITE_STRING) {
        s = onsite_read_str(&r);
        assert_false(r.bad);
        assert_true(onsite_str_eq(s, onsite_value_str(expected)));
        assert_true(r.p == r.end);
    }

    if (expected->type == ONSITE_ARRAY) {
        assert_int_equal(onsite_read_array(&r), expected->len);
        assert_false(r.bad);
    }

    if (expected->type == ONSITE_NULL) {
        assert_true(onsite_read_nil(&r));
    }

    if (expected->type != ONSITE_NUMBER) {
        return;
    }

    number = onsite_read_double(&r);
    assert_false(r.bad);
    assert_true(r.p == r.end);
    assert_true(number == expected->as.number);

    r = reader(bytes, len);
    assert_int_equal(onsite_next_is_integer(&r), !onsite_next_is_float(&r));

    if (onsite_next_is_integer(&r)) {
        n = onsite_read_long(&r);
        assert_int_equal(r.bad, bytes[0] == 0xcf && bytes[1] >= 0x80);
        assert_true(r.bad || (double) n == expected->as.number);
    }
}


static void
check_encoding(onsite_arena_t *arena, const onsite_value_t *test,
    onsite_str_t hex)
{
    size_t           len, cut;
    uint8_t          bytes[4096];
    onsite_str_t     data, skipped;
    onsite_value_t   value, expected;
    onsite_reader_t  r;

    len = read_hex(hex, bytes, sizeof(bytes));
    data = onsite_str((const char *) bytes, len);
    expected = expected_value(test);

    r = reader(bytes, len);
    skipped = onsite_read_skip(&r, 1);
    assert_false(r.bad);
    assert_int_equal(skipped.len, len);

    for (cut = 0; cut < len; cut++) {
        r = reader(bytes, cut);
        (void) onsite_read_skip(&r, 1);
        assert_true(r.bad);
    }

    if (expected.type == ONSITE_ABSENT) {
        assert_int_equal(onsite_value_read_msgpack(arena, data, &value),
                         ONSITE_CORRUPT);
        return;
    }

    assert_int_equal(onsite_value_read_msgpack(arena, data, &value),
                     ONSITE_OK);
    assert_equal(&value, &expected);
    check_cursor(&expected, bytes, len);
}


static void
every_encoding_is_read(void **state)
{
    char                  *text;
    size_t                 len;
    uint32_t               i, k, m, encodings;
    onsite_json_t         *json;
    onsite_value_t         suite;
    onsite_arena_t        *arena, *scratch;
    const onsite_value_t  *tests, *hexes;

    (void) state;

    text = read_data_file("wire/msgpack/msgpack-test-suite.json", &len);

    if (text == NULL) {
        skip();
    }

    json = onsite_json_create();
    arena = onsite_arena_create(1 << 16, 1 << 22);
    scratch = onsite_arena_create(1 << 16, 1 << 22);
    assert_int_equal(onsite_json_parse(json, arena, onsite_str(text, len),
                                       &suite, NULL), ONSITE_OK);
    encodings = 0;

    for (i = 0; i < suite.len; i++) {
        tests = &suite.as.members[i].value;

        for (k = 0; k < tests->len; k++) {
            hexes = onsite_value_get(&tests->as.items[k],
                                     ONSITE_STR("msgpack"));

            for (m = 0; m < hexes->len; m++) {
                check_encoding(scratch, &tests->as.items[k],
                               onsite_value_str(&hexes->as.items[m]));
                onsite_arena_reset(scratch);
                encodings++;
            }
        }
    }

    print_message("%u encodings\n", encodings);
    assert_true(encodings > 200);

    onsite_arena_destroy(scratch);
    onsite_arena_destroy(arena);
    onsite_json_destroy(json);
    free(text);
}


static void
assert_written(const onsite_value_t *value, const char *bytes, size_t len)
{
    uint8_t          out[64];
    onsite_buf_t     buf;
    onsite_writer_t  w = { out, 0, sizeof(out) };

    onsite_buf_init(&buf, 0);
    onsite_value_write_msgpack(&buf, value);
    assert_int_equal(buf.len, len);
    assert_memory_equal(buf.data, bytes, len);
    onsite_buf_free(&buf);

    onsite_write_value(&w, value);
    assert_int_equal(w.len, len);
    assert_memory_equal(out, bytes, len);
}


static void
numbers_take_the_least_room(void **state)
{
    onsite_value_t  v;

    (void) state;

    v = onsite_value_number(7);
    assert_written(&v, "\x07", 1);
    v = onsite_value_number(-33);
    assert_written(&v, "\xd0\xdf", 2);
    v = onsite_value_number(9007199254740992.0);
    assert_written(&v, "\xcf\x00\x20\x00\x00\x00\x00\x00\x00", 9);
    v = onsite_value_number(9007199254740994.0);
    assert_written(&v, "\xcb\x43\x40\x00\x00\x00\x00\x00\x01", 9);
    v = onsite_value_number(0.5);
    assert_written(&v, "\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00", 9);
    v = onsite_value_number(-0.0);
    assert_written(&v, "\xcb\x80\x00\x00\x00\x00\x00\x00\x00", 9);
    v = (onsite_value_t) { .type = ONSITE_ABSENT };
    assert_written(&v, "\xc0", 1);
}


static void
cursor_writes_what_it_reads(void **state)
{
    int              bit, d;
    int64_t          n;
    uint8_t          bytes[16];
    onsite_reader_t  r;
    onsite_writer_t  w;

    (void) state;

    for (bit = 0; bit < 64; bit++) {
        for (d = -2; d <= 2; d++) {
            n = (int64_t) (((uint64_t) 1 << bit) + (uint64_t) (int64_t) d);

            w = (onsite_writer_t) { bytes, 0, sizeof(bytes) };
            onsite_write_long(&w, n);
            r = reader(bytes, w.len);
            assert_true(onsite_read_long(&r) == n);
            assert_false(r.bad);
            assert_true(r.p == r.end);

            w = (onsite_writer_t) { bytes, 0, sizeof(bytes) };
            onsite_write_long(&w, -(n / 2) - 1);
            r = reader(bytes, w.len);
            assert_true(onsite_read_long(&r) == -(n / 2) - 1);
            assert_false(r.bad);
        }
    }
}


static void
cursor_stops_at_its_end(void **state)
{
    char             text[300];
    size_t           len, capacity;
    uint8_t          bytes[512];
    onsite_str_t     s;
    onsite_reader_t  r;
    onsite_writer_t  w;

    (void) state;

    memset(text, 'x', sizeof(text));

    for (len = 0; len <= sizeof(text); len += 10) {
        memset(bytes, 0xee, sizeof(bytes));
        w = (onsite_writer_t) { bytes, 0, sizeof(bytes) };
        onsite_write_str(&w, onsite_str(text, len));
        r = reader(bytes, w.len);
        s = onsite_read_str(&r);
        assert_int_equal(s.len, len);

        for (capacity = 0; capacity < w.len; capacity++) {
            memset(bytes, 0xee, sizeof(bytes));
            w = (onsite_writer_t) { bytes, 0, capacity };
            onsite_write_str(&w, onsite_str(text, len));
            assert_true(w.len > capacity);
            assert_int_equal(bytes[capacity], 0xee);
        }
    }

    /* a reader that failed gives nothing more */

    r = reader((const uint8_t *) "\xa5" "abc\x07", 5);
    (void) onsite_read_str(&r);
    assert_true(r.bad);
    assert_int_equal(onsite_read_u32(&r), 0);
    assert_int_equal(onsite_read_array(&r), 0);
    assert_int_equal(onsite_read_str(&r).len, 0);
    assert_false(onsite_read_nil(&r));
}


static onsite_status_t
read_value(const char *bytes, size_t len)
{
    onsite_arena_t   *arena = onsite_arena_create(1 << 12, 1 << 20);
    onsite_value_t    value;
    onsite_status_t   status;

    status = onsite_value_read_msgpack(arena, onsite_str(bytes, len), &value);
    onsite_arena_destroy(arena);

    return status;
}


static void
only_the_json_model_is_read(void **state)
{
    char    deep[ONSITE_JSON_DEPTH_MAX + 2];

    (void) state;

    assert_int_equal(read_value("", 0), ONSITE_CORRUPT);
    assert_int_equal(read_value("\xc1", 1), ONSITE_CORRUPT);
    assert_int_equal(read_value("\x01\x01", 2), ONSITE_CORRUPT);
    assert_int_equal(read_value("\x81\x01\x01", 3), ONSITE_CORRUPT);
    assert_int_equal(read_value("\x81\xa1k\x01", 4), ONSITE_OK);
    assert_int_equal(read_value("\xa1\xff", 2), ONSITE_CORRUPT);
    assert_int_equal(read_value("\x81\xa1\xff\x01", 4), ONSITE_CORRUPT);
    assert_int_equal(read_value("\xdd\xff\xff\xff\xff", 5), ONSITE_CORRUPT);
    assert_int_equal(read_value("\xdf\xff\xff\xff\xff", 5), ONSITE_CORRUPT);
    assert_int_equal(read_value("\xdb\xff\xff\xff\xff", 5), ONSITE_CORRUPT);

    memset(deep, '\x91', sizeof(deep));
    deep[ONSITE_JSON_DEPTH_MAX] = '\x07';
    assert_int_equal(read_value(deep, ONSITE_JSON_DEPTH_MAX + 1), ONSITE_OK);
    deep[ONSITE_JSON_DEPTH_MAX] = '\x91';
    deep[ONSITE_JSON_DEPTH_MAX + 1] = '\x07';
    assert_int_equal(read_value(deep, ONSITE_JSON_DEPTH_MAX + 2),
                     ONSITE_CORRUPT);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_encoding_is_read),
        cmocka_unit_test(numbers_take_the_least_room),
        cmocka_unit_test(cursor_writes_what_it_reads),
        cmocka_unit_test(cursor_stops_at_its_end),
        cmocka_unit_test(only_the_json_model_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
