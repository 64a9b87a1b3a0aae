/*
 * test_jcs.c - canonical JSON: RFC 8785's own examples as far as they are of
 * integers, and what is refused.
 */

#include "unit.h"

#include "jcs.h"
#include "onsite_json.h"

typedef struct {
    onsite_json_t    *json;
    onsite_arena_t   *arena;
    onsite_buf_t      out;
    onsite_error_t    error;
    onsite_status_t   status;
} fixture_t;


static void
begin(fixture_t *f)
{
    f->json = onsite_json_create();
    f->arena = onsite_arena_create(4096, 1 << 20);
    onsite_buf_init(&f->out, 0);
}


static void
end(fixture_t *f)
{
    onsite_buf_free(&f->out);
    onsite_arena_destroy(f->arena);
    onsite_json_destroy(f->json);
}


static onsite_str_t
canonical(fixture_t *f, const char *text, const char *without)
{
    onsite_value_t  value;

    onsite_arena_reset(f->arena);
    onsite_buf_clear(&f->out);
    assert_int_equal(onsite_json_parse(f->json, f->arena,
                                       onsite_str(text, strlen(text)),
                                       &value, &f->error), ONSITE_OK);

    f->status = jcs_write(&f->out, &value,
                          onsite_str(without, strlen(without)), &f->error);

    return onsite_str(f->out.data, f->out.len);
}


static void
writes_one_form(void **state)
{
    fixture_t  f;

    (void) state;
    begin(&f);

    assert_str(canonical(&f, " { \"b\" : [ 1 , true,null,false ] ,\n\"a\":{}}",
                         ""),
               "{\"a\":{},\"b\":[1,true,null,false]}");
    assert_str(canonical(&f, "[]", ""), "[]");
    assert_str(canonical(&f, "\"x\"", "x"), "\"x\"");
    assert_str(canonical(&f, "[0,-0,-1,1e3,2.0,9007199254740991]", ""),
               "[0,0,-1,1000,2,9007199254740991]");

    end(&f);
}


/* RFC 8785, 3.2.2 */

static void
escapes_as_ecmascript(void **state)
{
    fixture_t  f;

    (void) state;
    begin(&f);

    assert_str(canonical(&f, "{\"string\":\"\\u20ac$\\u000F\\u000aA'\\u0042"
                         "\\u0022\\u005c\\\\\\\"\\/\"}", ""),
               "{\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    assert_str(canonical(&f, "\"\\b\\t\\f\\r\\u0000\\u007f<\\u2028\"", ""),
               "\"\\b\\t\\f\\r\\u0000\x7f<\xe2\x80\xa8\"");

    end(&f);
}


/* RFC 8785, 3.2.3: the order is the one of UTF-16, not of UTF-8 */

static void
sorts_by_utf16(void **state)
{
    fixture_t  f;

    (void) state;
    begin(&f);

    assert_str(canonical(&f, "{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,"
                         "\"\\ud83d\\ude00\":5,\"\\u0080\":6,\"\\u00f6\":7}",
                         ""),
               "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,"
               "\"\xe2\x82\xac\":1,\"\xf0\x9f\x98\x80\":5,"
               "\"\xef\xac\xb3\":3}");
    assert_str(canonical(&f, "{\"ab\":1,\"a\":2,\"\":3,\"B\":4}", ""),
               "{\"\":3,\"B\":4,\"a\":2,\"ab\":1}");
    assert_str(canonical(&f, "{\"\\ue000\":1,\"\\ud7ff\":2,"
                         "\"\\udbff\\udfff\":3}", ""),
               "{\"\xed\x9f\xbf\":2,\"\xf4\x8f\xbf\xbf\":3,"
               "\"\xee\x80\x80\":1}");

    end(&f);
}


/* Of the outermost object only. */

static void
leaves_a_member_out(void **state)
{
    fixture_t  f;

    (void) state;
    begin(&f);

    assert_str(canonical(&f, "{\"s\":1,\"a\":{\"s\":2},\"z\":3}", "s"),
               "{\"a\":{\"s\":2},\"z\":3}");
    assert_str(canonical(&f, "[{\"s\":1}]", "s"), "[{\"s\":1}]");

    end(&f);
}


static void
refuses(void **state)
{
    size_t     i;
    fixture_t  f;
    static const char *const  texts[] = {
        "[0.5]", "9007199254740992", "-9007199254740992", "1e300",
        "{\"a\":1,\"b\":2,\"a\":1}", "[[{\"\\u0061\":1,\"a\":1}]]",
        "{\"a\":{\"\":1,\"\":2}}"
    };

    (void) state;
    begin(&f);

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        (void) canonical(&f, texts[i], "");
        assert_int_equal(f.status, ONSITE_INVALID);
        assert_true(f.error.text[0] != '\0');
    }

    end(&f);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(writes_one_form),
        cmocka_unit_test(escapes_as_ecmascript),
        cmocka_unit_test(sorts_by_utf16),
        cmocka_unit_test(leaves_a_member_out),
        cmocka_unit_test(refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
