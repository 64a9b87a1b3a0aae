/*
 * test_json.c - JSON: what is taken, what is refused, what it becomes.
 */

#include "unit.h"
#include "onsite_json.h"
#include "onsite_limits.h"

#include <float.h>
#include <math.h>
#include <time.h>

typedef struct {
    onsite_json_t   *json;
    onsite_arena_t  *arena;
    onsite_error_t   error;
    onsite_value_t   value;
} fixture_t;


static int
set_up(void **state)
{
    fixture_t  *f = calloc(1, sizeof(fixture_t));

    assert_non_null(f);
    f->json = onsite_json_create();
    f->arena = onsite_arena_create(4096, 64 * 1024 * 1024);
    assert_non_null(f->json);
    assert_non_null(f->arena);
    *state = f;

    return 0;
}


static int
tear_down(void **state)
{
    fixture_t  *f = *state;

    onsite_json_destroy(f->json);
    onsite_arena_destroy(f->arena);
    free(f);

    return 0;
}


/* From exact memory, so that a sanitizer sees a read past the end. */

static onsite_status_t
parse(fixture_t *f, const char *data, size_t len)
{
    char             *copy;
    onsite_status_t   status;

    copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);

    onsite_arena_reset(f->arena);
    f->error.text[0] = '\0';
    status = onsite_json_parse(f->json, f->arena, onsite_str(copy, len),
                               &f->value, &f->error);
    memset(copy, '#', len);
    free(copy);

    return status;
}


#define parse_text(f, text)  parse(f, text, sizeof(text) - 1)


static void
back_to_text(fixture_t *f, const char *expected)
{
    onsite_buf_t  buf;

    onsite_buf_init(&buf, 0);
    onsite_value_write_json(&buf, &f->value);
    onsite_buf_char(&buf, '\0');
    assert_string_equal(buf.data, expected);
    onsite_buf_free(&buf);
}


static const struct {
    const char  *text;
    const char  *back;
} taken[] = {
    { "{}", "{}" },
    { "[]", "[]" },
    { "null", "null" },
    { "true", "true" },
    { " false ", "false" },
    { "\t\r\n 1 \n", "1" },
    { "\"\"", "\"\"" },
    { "\"a\"", "\"a\"" },
    { "[[]   ]", "[[]]" },
    { "[null, 1, \"1\", {}]", "[null,1,\"1\",{}]" },
    { "{\"a\":{\"b\":[1,2,{\"c\":null}]}}",
      "{\"a\":{\"b\":[1,2,{\"c\":null}]}}" },
    { "{ \"a\" : 1 , \"b\" : [ true , false ] }",
      "{\"a\":1,\"b\":[true,false]}" },
    { "{\"\":0}", "{\"\":0}" },
    { "{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}" },
    { "[-0, 0, -1, 1.5, 1e2, 1E+2, 1e-2, 0e0, 0.1, 123456789012]",
      "[0,0,-1,1.5,100,100,0.01,0,0.1,123456789012]" },
    { "[123456789012345678901]", "[123456789012345680000]" },
    { "[0.1e1,20.00,2.2250738585072014e-308,5e-324,1e-999]",
      "[1,20,2.2250738585072014e-308,5e-324,0]" },
    { "[9007199254740993,1.7976931348623157e308]",
      "[9007199254740992,1.7976931348623157e+308]" },
    { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
      "\"\\\"\\\\/\\u0008\\u000c\\n\\u000d\\u0009\"" },
    { "\"\\u0041\\u00e9\\u20AC\"", "\"A\xc3\xa9\xe2\x82\xac\"" },
    { "\"\\ud83d\\ude00\\uD83D\\uDE00\"",
      "\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\"" },
    { "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
      "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
    { "\"\x7f\"", "\"\\u007f\"" },
    { "\"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0\"",
      "\"\\u0080\\u009b\\u009f\xc2\xa0\"" },
    { "\"a\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\"",
      "\"a\\u2028\\u2029\xe2\x80\xaa\"" },
    { "\"long enough for words of eight\\nand more than one\"",
      "\"long enough for words of eight\\nand more than one\"" },
    { "{\"a\\u002eb\":\"\\u005c\\u0022\"}", "{\"a.b\":\"\\\\\\\"\"}" },
    /* half a pair: U+FFFD, as JavaScript's strings become in UTF-8 */
    { "\"\\ud800\"", "\"\xef\xbf\xbd\"" },
    { "\"\\udc00x\"", "\"\xef\xbf\xbdx\"" },
    { "\"\\ud800\\ud800\\udc00\"",
      "\"\xef\xbf\xbd\xf0\x90\x80\x80\"" },
    { "\"\\ud800\\n\"", "\"\xef\xbf\xbd\\n\"" },
    { "\"\\ud800\\u0041\"", "\"\xef\xbf\xbd" "A\"" },
};


static void
accepted(void **state)
{
    size_t      i;
    fixture_t  *f = *state;

    for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (parse(f, taken[i].text, strlen(taken[i].text)) != ONSITE_OK) {
            fail_msg("%s: %s", taken[i].text, f->error.text);
        }
        back_to_text(f, taken[i].back);
    }
}


static void
refused(void **state)
{
    size_t      i;
    fixture_t  *f = *state;

    static const char *const  table[] = {
        "", " ", "\t\n", "nul", "nulll", "True", "NaN", "Infinity",
        "-Infinity", "undefined", "a", "'a'", "[", "]", "{", "}", "[1", "[1,",
        "[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]", "[1]]", "[1}", "{1]", "[}",
        "[1:2]", "[\"a\":1]", "[\"a\",1:2]", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{,\"a\":1}", "{\"a\":1,,\"b\":2}", "{\"a\":1 \"b\":2}",
        "{\"a\" 1}", "{\"a\" \"b\"}", "{a:1}", "{1:1}", "{'a':1}",
        "{\"a\":1:2}", "{\"a\":\"b\":1}", "{:1}", "{[1]:2}", "{{}:2}",
        "{\"a\"::1}", "{\"a\",\"b\"}", "{null:1}", "{\"a\":1}}", "{} {}",
        "{}x", "1 2", "\"a\" \"b\"", "1,2", ",", ":", "[1];", "{}//",
        "/**/{}", "[1/**/]", "#", "-", "+1", "01", "-01", "00", ".5", "1.",
        "1.e1", "1e", "1e+", "1e-", "1e1.5", "0x10", "1_000", "- 1", "--1",
        "1.2.3", "1a", "[1a]", "[-]", "[1.]", "[0e]", "[-a]", "[1 000]",
        "\"", "\"a", "\"\\\"", "\"\\", "\"\\x41\"", "\"\\a\"", "\"\\'\"",
        "\"\\u\"", "\"\\u1\"", "\"\\u12\"", "\"\\u123\"", "\"\\u123g\"",
        "\"\\u12", "\"\\U0041\"", "\"\\ud800\\u\"", "\"\\ud800\\u1\"",
        "\"a\nb\"", "\"a\tb\"", "\"\x01\"", "\"12345678\x1f\"",
        "{\"a\nb\":1}", "[\"a\"\n\"b\"]",
        "\xef\xbb\xbf{}", "\xa0" "1", "\"\x80\"", "\"\xc3\"", "\"\xc3(\"",
        "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
        "\"\xff\"", "\"\xe2\x82\"", "\"\xf8\x88\x80\x80\x80\"",
        "\"0123456789abcdef\xff\"", "[1]\x0c", "\x0b[1]", "\xe2\x80\xa8" "1",
    };

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (parse(f, table[i], strlen(table[i])) != ONSITE_INVALID) {
            fail_msg("taken: %s", table[i]);
        }
        assert_non_null(strstr(f->error.text, "bad JSON at "));
    }
}


static void
nul_bytes(void **state)
{
    fixture_t  *f = *state;

    static const char  raw[] = "{\"a\":1}\0";
    static const char  between[] = "[1,\0 2]";
    static const char  inside[] = "[\"a\0b\"]";

    assert_int_equal(parse(f, raw, 8), ONSITE_INVALID);
    assert_int_equal(parse(f, between, 7), ONSITE_INVALID);
    assert_int_equal(parse(f, inside, 7), ONSITE_INVALID);
    assert_int_equal(parse(f, "\0", 1), ONSITE_INVALID);

    assert_int_equal(parse_text(f, "\"a\\u0000b\""), ONSITE_OK);
    assert_int_equal(f->value.len, 3);
    assert_memory_equal(f->value.as.string, "a\0b", 3);
}


static void
says_where(void **state)
{
    size_t      i;
    fixture_t  *f = *state;

    static const struct {
        const char  *text;
        const char  *error;
    } cases[] = {
        { "{\"a\":1,}", "1:7: a trailing comma: remove it" },
        { "[1,\n 2 ,\n]", "2:4: a trailing comma: remove it" },
        { "[{\"a\":[1,]}]", "1:9: a trailing comma: remove it" },
        { "[1,,2]", "1:4: unexpected character" },
        { "[1,", "1:4: it ends too early" },
        { "{} x", "1:4: text after the value" },
        { "[\"\xff\"]", "1:3: invalid UTF-8" },
        { "[\n\"ab\n\"]", "2:4: unescaped control character, a line break"
          " in a string: write \\n" },
        { "[\"a\t\"]", "1:4: unescaped control character, a tab in a string:"
          " write \\t" },
        { "[\"\x01\"]", "1:3: unescaped control character in a string:"
          " write \\u and its four hex digits" },
        { "[1", "1:3: it ends too early" },
        { "{\n  \"a\": 1\n", "3:1: it ends too early" },
        { "[\"\\n\\n\", \"\\n\x02\"]", "1:13: unescaped control character"
          " in a string: write \\u and its four hex digits" },
        { "[01]", "1:2: not a value" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(f, cases[i].text, strlen(cases[i].text)),
                         ONSITE_INVALID);
        assert_memory_equal(f->error.text, "bad JSON at ", 12);
        assert_string_equal(f->error.text + 12, cases[i].error);
    }
}


static void
numbers(void **state)
{
    double      zero;
    fixture_t  *f = *state;

    assert_int_equal(parse_text(f, "1e999"), ONSITE_OK);
    assert_true(f->value.as.number == DBL_MAX);
    assert_int_equal(parse_text(f, "-1e999"), ONSITE_OK);
    assert_true(f->value.as.number == -DBL_MAX);

    assert_int_equal(parse_text(f, "-0"), ONSITE_OK);
    zero = f->value.as.number;
    assert_true(zero == 0 && signbit(zero));

    assert_int_equal(parse_text(f, "99.99"), ONSITE_OK);
    assert_true(f->value.as.number == 99.99);
    assert_int_equal(parse_text(f, "0.30000000000000004"), ONSITE_OK);
    assert_true(f->value.as.number == 0.30000000000000004);
    assert_int_equal(parse_text(f, "18446744073709551616"), ONSITE_OK);
    assert_true(f->value.as.number == 18446744073709551616.0);
}


/* Digits of a decimal, without zeros at either end. */

static size_t
significant(const char *text)
{
    size_t  n = 0, zeros = 0;

    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text == '0') {
            zeros++;

        } else if (*text != '.' && *text != '-') {
            n += (n != 0 ? zeros : 0) + 1;
            zeros = 0;
        }
    }

    return n;
}


/* Those with few decimals are written another way than others. */

static void
numbers_are_written_as_short_as_can_be(void **state)
{
    int             i, precision;
    char            shortest[40], text[40];
    double          number;
    onsite_buf_t    buf;
    onsite_value_t  value;
    static const double  scales[] = { 1, 10, 100, 1e3, 1e6, 1e7, 3, 7e-9 };

    (void) state;
    srandom(7);
    onsite_buf_init(&buf, 0);

    for (i = 0; i < 40000; i++) {
        number = (double) (random() % (i % 2 ? 100000 : 1000000000) + 1)
                 / scales[i % 8];
        value = onsite_value_number(number);
        onsite_buf_clear(&buf);
        onsite_value_write_json(&buf, &value);
        assert_false(buf.failed);
        (void) snprintf(text, sizeof(text), "%.*s", (int) buf.len, buf.data);

        for (precision = 0; precision < 17; precision++) {
            (void) snprintf(shortest, sizeof(shortest), "%.*e", precision,
                            number);
            if (strtod(shortest, NULL) == number) {
                break;
            }
        }

        assert_true(strtod(text, NULL) == number);
        assert_int_equal(significant(text), significant(shortest));
    }

    onsite_buf_free(&buf);
}


/* Decimal texts of many lengths against the C library. */

static void
numbers_round_as_strtod(void **state)
{
    int         i;
    char        text[64];
    fixture_t  *f = *state;

    srandom(7);

    for (i = 0; i < 20000; i++) {
        (void) snprintf(text, sizeof(text), "%s%ld.%0*ld%s",
                        i & 1 ? "-" : "",
                        random() % (i % 3 == 0 ? 1000000007L : 1000),
                        1 + i % 12, random(),
                        i % 5 == 0 ? "e-12" : i % 7 == 0 ? "E+30" : "");
        assert_int_equal(parse(f, text, strlen(text)), ONSITE_OK);
        assert_true(f->value.as.number == strtod(text, NULL));
    }
}


static void
last_of_equal_keys(void **state)
{
    fixture_t  *f = *state;

    assert_int_equal(parse_text(f, "{\"a\":1,\"b\":2,\"\\u0061\":3}"),
                     ONSITE_OK);
    assert_true(onsite_value_get(&f->value, ONSITE_STR("a"))->as.number == 3);
}


static onsite_status_t
parse_nested(fixture_t *f, int depth, const char *open, const char *close)
{
    int              i;
    onsite_buf_t     buf;
    onsite_status_t  status;

    onsite_buf_init(&buf, 0);

    for (i = 0; i < depth; i++) {
        onsite_buf_append(&buf, open, strlen(open));
    }
    for (i = 0; i < depth; i++) {
        onsite_buf_append(&buf, close, strlen(close));
    }

    status = parse(f, buf.data, buf.len);
    onsite_buf_free(&buf);

    return status;
}


static void
depth_is_bounded(void **state)
{
    clock_t     start = clock();
    fixture_t  *f = *state;

    assert_int_equal(parse_nested(f, ONSITE_JSON_DEPTH_MAX, "[", "]"),
                     ONSITE_OK);
    assert_int_equal(parse_nested(f, ONSITE_JSON_DEPTH_MAX + 1, "[", "]"),
                     ONSITE_LIMIT);
    assert_int_equal(parse_nested(f, 15, "{\"a\":[0,", "0]}"), ONSITE_INVALID);
    assert_int_equal(parse_nested(f, 1000, "{\"a\":", "}"), ONSITE_LIMIT);
    assert_int_equal(parse_nested(f, 300000, "[", "]"), ONSITE_LIMIT);
    assert_int_equal(parse_nested(f, 300000, "[", ""), ONSITE_LIMIT);
    assert_int_equal(parse_nested(f, 100000, "\"a\":", ""), ONSITE_INVALID);
    assert_int_equal(parse_nested(f, 100000, "[\"a\":\"a\":", "]"),
                     ONSITE_INVALID);

    /* linear, not quadratic: all of it well within a second */
    assert_true(clock() - start < CLOCKS_PER_SEC);
}


static onsite_status_t
parse_many(fixture_t *f, int n)
{
    int              i;
    onsite_buf_t     buf;
    onsite_status_t  status;

    onsite_buf_init(&buf, 0);
    onsite_buf_char(&buf, '[');

    for (i = 0; i < n; i++) {
        onsite_buf_append(&buf, i == 0 ? "1" : ",1", i == 0 ? 1 : 2);
    }

    onsite_buf_char(&buf, ']');
    status = parse(f, buf.data, buf.len);
    onsite_buf_free(&buf);

    return status;
}


static void
values_are_bounded(void **state)
{
    fixture_t  *f = *state;

    assert_int_equal(parse_many(f, 1000), ONSITE_OK);
    assert_int_equal(f->value.len, 1000);
    assert_int_equal(parse_many(f, ONSITE_JSON_NODES_MAX - 1), ONSITE_OK);
    assert_int_equal(f->value.len, ONSITE_JSON_NODES_MAX - 1);
    assert_int_equal(parse_many(f, ONSITE_JSON_NODES_MAX), ONSITE_LIMIT);
    assert_int_equal(parse_many(f, 3 * ONSITE_JSON_NODES_MAX), ONSITE_LIMIT);
}


static void
arena_is_the_bound(void **state)
{
    fixture_t       *f = *state;
    onsite_arena_t  *small = onsite_arena_create(64, 128);

    assert_int_equal(onsite_json_parse(f->json, small,
                                       ONSITE_STR("[1,2,3,4,5,6,7,8,9]"),
                                       &f->value, NULL), ONSITE_NO_MEMORY);
    onsite_arena_destroy(small);
}


/* Any prefix and any one-byte change of a good document: an answer, never a
 * read outside (asan), and what is taken is valid again. */

static void
damaged_documents(void **state)
{
    size_t      i;
    char        text[] = "{\"type\":\"track\",\"event\":\"A \\u00e9\\n\","
                         "\"properties\":{\"p\":[1.5,-2e3,true,null,{}],"
                         "\"\xc3\xa9\":\"\\ud83d\\ude00\"}}";
    unsigned    c;
    fixture_t  *f = *state;

    assert_int_equal(parse_text(f, text), ONSITE_OK);

    for (i = 0; i < sizeof(text) - 1; i++) {
        assert_int_equal(parse(f, text, i), ONSITE_INVALID);
    }

    for (i = 0; i < sizeof(text) - 1; i++) {
        char  kept = text[i];

        for (c = 0; c < 256; c++) {
            text[i] = (char) c;
            if (parse_text(f, text) != ONSITE_OK) {
                assert_true(f->error.text[0] != '\0');
            }
        }

        text[i] = kept;
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(nul_bytes),
        cmocka_unit_test(says_where),
        cmocka_unit_test(numbers),
        cmocka_unit_test(numbers_are_written_as_short_as_can_be),
        cmocka_unit_test(numbers_round_as_strtod),
        cmocka_unit_test(last_of_equal_keys),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(values_are_bounded),
        cmocka_unit_test(arena_is_the_bound),
        cmocka_unit_test(damaged_documents),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
