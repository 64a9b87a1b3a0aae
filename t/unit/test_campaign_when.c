/*
 * test_campaign_when.c - what in the page releases a campaign: what is
 * refused and where, what the page gets, what a damaged image may not hold.
 */

#include "compile.h"

#define POPUP  "'channel': 'popup', 'content': {'html': '<p>Hi</p>'}"
#define WHEN(when)  "{'id': 'a', " POPUP ", 'when': " when "}"
#define FIFTY  "##################################################"


static const expected_t  bad[] = {
    { WHEN("'exit'"), "when", "must be an object" },
    { WHEN("[]"), "when", "must be an object" },
    { WHEN("{}"), "when", "exit, scroll, dwell, idle, seen or event" },
    { WHEN("{'exit': null}"), "when", "exit, scroll, dwell, idle, seen" },
    { WHEN("{'exits': true}"), "when.exits", "did you mean \"exit\"" },
    { WHEN("{'exit': true, 'exit': true}"), "when.exit", "given twice" },
    { WHEN("{'exit': false}"), "when.exit", "must be true" },
    { WHEN("{'exit': 1}"), "when.exit", "true or false" },
    { WHEN("{'scroll': 0}"), "when.scroll", "whole number from 1 to 100" },
    { WHEN("{'scroll': 101}"), "when.scroll", "1 to 100" },
    { WHEN("{'scroll': 12.5}"), "when.scroll", "whole number" },
    { WHEN("{'scroll': '50%'}"), "when.scroll", "whole number" },
    { WHEN("{'dwell': 'soon'}"), "when.dwell", "duration" },
    { WHEN("{'dwell': 0}"), "when.dwell", "duration" },
    { WHEN("{'dwell': '25h'}"), "when.dwell", "at most \"24h\"" },
    { WHEN("{'idle': '2w'}"), "when.idle", "at most \"24h\"" },
    { WHEN("{'idle': true}"), "when.idle", "duration" },
    { WHEN("{'seen': ''}"), "when.seen", "non-empty" },
    { WHEN("{'seen': 5}"), "when.seen", "string" },
    { WHEN("{'seen': '" FIFTY FIFTY FIFTY FIFTY "#'}"), "when.seen",
      "201 bytes long; at most 200" },
    { WHEN("{'seen': 'a[b'}"), "when.seen", "brackets closed" },
    { WHEN("{'seen': ':is(a]'}"), "when.seen", "brackets closed" },
    { WHEN("{'seen': 'a)'}"), "when.seen", "brackets closed" },
    { WHEN("{'seen': 'a[b=\\\"c]'}"), "when.seen", "quotes" },
    { WHEN("{'seen': 'a\\\\'}"), "when.seen", "selector" },
    { WHEN("{'seen': 'a\\n'}"), "when.seen", "selector" },
    { WHEN("{'event': ''}"), "when.event", "non-empty" },
    { WHEN("{'event': ['Product Added']}"), "when.event", "string" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint': 'https://x.example/',"
      " 'content': {'data': {'a': 1}}, 'when': {'exit': true}}", "when",
      "a webhook is not" },
};


static void
bad_ones_are_refused(void **state)
{
    (void) state;

    expect_errors(bad, sizeof(bad) / sizeof(bad[0]));
}


static const struct {
    const char  *text;
    const char  *json;
} good[] = {
    { "{'id': 'a', " POPUP "}", "" },
    { WHEN("null"), "" },
    { WHEN("{'exit': true}"), "{\"exit\":true}" },
    { WHEN("{'scroll': 100}"), "{\"scroll\":100}" },
    { WHEN("{'dwell': '24h'}"), "{\"dwell\":86400000}" },
    { WHEN("{'dwell': 10}"), "{\"dwell\":10000}" },
    { WHEN("{'idle': '250ms', 'scroll': null}"), "{\"idle\":250}" },
    { WHEN("{'event': 'Product Added', 'seen': '#reviews', 'idle': '30s',"
           " 'dwell': '10s', 'scroll': 50, 'exit': true}"),
      "{\"exit\":true,\"scroll\":50,\"dwell\":10000,\"idle\":30000,"
      "\"seen\":\"#reviews\",\"event\":\"Product Added\"}" },
    { WHEN("{'seen': 'a > [b=\\\"<]\\\"] :is(.d, p\\\\:q)'}"),
      "{\"seen\":\"a > [b=\\\"\\u003c]\\\"] :is(.d, p\\\\:q)\"}" },
    { WHEN("{'event': 'Größe \\u0001 </script>'}"),
      "{\"event\":\"Größe \\u0001 \\u003c/script>\"}" },
};


static const onsite_campaign_t *
first(const compiled_t *c)
{
    return onsite_image_at(&c->image,
                           onsite_image_header(&c->image)->campaigns);
}


static void
the_page_gets_json_in_a_fixed_order(void **state)
{
    size_t        i;
    compiled_t   *c;
    onsite_str_t  when;

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        c = compile_good(good[i].text);
        when = onsite_image_str(&c->image, first(c)->when);
        assert_true(onsite_str_eq(when, onsite_str(good[i].json,
                                                   strlen(good[i].json))));
        assert_int_equal(onsite_when_holds(when), when.len != 0);
        assert_int_equal(c->n, 0);
        release(c);
    }
}


/* Without consent there is nothing to be judged once more, but content. */

static void
what_needs_no_state_needs_none_with_it(void **state)
{
    compiled_t  *c;

    (void) state;

    c = compile_good(WHEN("{'exit': true}, 'fallback': 'b',"
                          " 'variants': [{'id': 'b'}]"));
    assert_true(first(c)->flags & ONSITE_CAMPAIGN_CONTEXTUAL);
    release(c);
}


static void
slips_in_event_names_are_warned_of(void **state)
{
    compiled_t  *c = compile_good(WHEN("{'event': 'Produt Added'}"));

    (void) state;

    assert_true(has_finding(c, ONSITE_LINT_WARNING, "when.event",
                            "Product Added"));
    release(c);
}


static const char *const  damaged[] = {
    "", "{", "}", "{}", "{} ", "[]", "x", "{,}", "{\"exit\":true", "\"exit\"",
    "{\"exit\":false}", "{\"exit\":1}", "{ \"exit\":true}", "{\"exit\":true} ",
    "{\"exit\":true}}", "{,\"exit\":true}", "{\"exit\":true,}",
    "{\"exit\":true\"scroll\":5}", "{\"exit\":true,,\"scroll\":5}",
    "{\"scroll\":5,\"exit\":true}", "{\"exit\":true,\"exit\":true}",
    "{\"scroll\":0}", "{\"scroll\":}", "{\"scroll\":101}", "{\"scroll\":05}",
    "{\"scroll\":-5}", "{\"scroll\":5.5}", "{\"scroll\":1e1}",
    "{\"dwell\":86400001}", "{\"dwell\":99999999999999999999999999}",
    "{\"idle\":0}", "{\"seen\":\"\"}", "{\"seen\":\"a}", "{\"seen\":\"<\"}",
    "{\"seen\":\"\n\"}", "{\"seen\":\"\\x\"}", "{\"seen\":\"\\u00g0\"}",
    "{\"seen\":\"\\u00", "{\"seen\":\"\\", "{\"seen\":\"\\\"}",
    "{\"seen\":\"\x80\"}", "{\"seen\":\"\xc3\"}", "{\"seen\":a}",
    "{\"event\":\"a\"", "{\"event\":\"a\",\"other\":1}",
    "{\"event\":\"\x7f\"}", "{\"onload\":\"x\"}",
};


/* Nothing else would keep a page from it. */

static void
a_damaged_one_is_refused(void **state)
{
    size_t              i;
    compiled_t         *c = compile_good(WHEN("{'seen': '" FIFTY FIFTY "'}"));
    onsite_str_t        when = onsite_image_str(&c->image, first(c)->when);
    onsite_campaign_t  *campaign = (onsite_campaign_t *) first(c);

    (void) state;

    for (i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        if (onsite_when_holds(onsite_str(damaged[i], strlen(damaged[i])))) {
            fail_msg("taken: %s", damaged[i]);
        }

        if (i != 0) {
            campaign->when.len = (uint32_t) strlen(damaged[i]);
            memcpy((char *) when.data, damaged[i], campaign->when.len);
            assert_int_equal(onsite_campaigns_verify(&c->image, &c->error),
                             ONSITE_CORRUPT);
            assert_non_null(strstr(c->error.text, "bad when"));
        }
    }

    release(c);

    c = compile_good(WHEN("{'exit': true}"));
    campaign = (onsite_campaign_t *) first(c);
    campaign->when.len = UINT32_MAX;
    assert_int_equal(onsite_campaigns_verify(&c->image, &c->error),
                     ONSITE_CORRUPT);
    campaign->when.len = 13;
    assert_int_equal(onsite_campaigns_verify(&c->image, &c->error),
                     ONSITE_OK);
    campaign->channel = ONSITE_CHANNEL_WEBHOOK;
    assert_int_equal(onsite_campaigns_verify(&c->image, &c->error),
                     ONSITE_CORRUPT);
    release(c);
}


static void
long_texts_have_a_bound(void **state)
{
    char    text[ONSITE_WHEN_SELECTOR_MAX * 6 + 32];
    size_t  len;

    (void) state;

    len = (size_t) snprintf(text, sizeof(text), "{\"seen\":\"");
    memset(text + len, 'a', ONSITE_WHEN_SELECTOR_MAX * 6);
    len += ONSITE_WHEN_SELECTOR_MAX * 6;
    memcpy(text + len, "\"}", 2);
    assert_true(onsite_when_holds(onsite_str(text, len + 2)));

    memcpy(text + len, "a\"}", 3);
    assert_false(onsite_when_holds(onsite_str(text, len + 3)));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(bad_ones_are_refused),
        cmocka_unit_test(the_page_gets_json_in_a_fixed_order),
        cmocka_unit_test(what_needs_no_state_needs_none_with_it),
        cmocka_unit_test(slips_in_event_names_are_warned_of),
        cmocka_unit_test(a_damaged_one_is_refused),
        cmocka_unit_test(long_texts_have_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
