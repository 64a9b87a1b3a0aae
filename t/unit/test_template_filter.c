/*
 * test_template_filter.c - filters, and which paths a template reads.
 */

#include "template.h"


static const struct {
    const char  *html;
    const char  *properties;
    const char  *expected;
} filtered[] = {
    { "{{$x | default \"friend\"}}", "{}", "friend" },
    { "{{$x|default 'friend'}}", "{\"x\":null}", "friend" },
    { "{{$x | default 'a\\'b'}}", "{\"x\":\"\"}", "a&#39;b" },
    { "{{$x | default \"a\\\"\\\\|}}\"}}!", "{}",
      "a&quot;\\|}}!" },
    { "{{$x | default 'no'}}", "{\"x\":0}", "0" },
    { "{{$x | default 'no'}}", "{\"x\":false}", "false" },
    { "{{$x | default 'no'}}", "{\"x\":[]}", "[]" },
    { "{{$x | default -1.5}}", "{}", "-1.5" },
    { "{{$x | default $y}}", "{\"y\":\"<b>\"}", "&lt;b&gt;" },
    { "{{$x | default $y | default 'z' | upper}}", "{}", "Z" },
    { "{{$x | truncate 8}}", "{\"x\":\"hello world\"}",
      "hello\xe2\x80\xa6" },
    { "{{$x | truncate 5}}", "{\"x\":\"<<<<<<\"}",
      "&lt;&lt;&lt;&lt;\xe2\x80\xa6" },
    { "{{$x | truncate 8}}", "{\"x\":12345678}", "12345678" },
    { "{{$x | truncate 4}}", "{\"x\":12345678}", "123\xe2\x80\xa6" },
    { "{{$x | truncate 4}}", "{}", "" },
    { "{{$x | upper}}", "{\"x\":\"stra\xc3\x9f" "e\"}", "STRASSE" },
    { "{{$x | lower}}", "{\"x\":[\"A\"]}", "[&quot;a&quot;]" },
    { "{{$x | price 'EUR'}}", "{\"x\":1234.5}", "1.234,50 EUR en" },
    { "{{$x | price 'JPY' 'de-DE'}}", "{\"x\":\" 1234.5 \"}",
      "1.234 JPY de" },
    { "{{$x | price 'EUR'}}", "{\"x\":\"-0.001\"}", "0,00 EUR en" },
    { "{{$x | price 'EUR'}}", "{\"x\":\"12 EUR\"}", "" },
    { "{{$x | price 'EUR'}}", "{\"x\":\"\"}", "" },
    { "{{$x | price 'EUR'}}", "{\"x\":\" \"}", "" },
    { "{{$x | price 'EUR'}}", "{\"x\":true}", "" },
    { "{{$x | price 'EUR'}}", "{\"x\":\"Infinity\"}", "" },
    { "{{$x | price 'EUR' | default '-'}}", "{}", "-" },
    { "{{$x | default 0 | price 'EUR'}}", "{}", "0,00 EUR en" },
    { "{{$x | price $c $l}}", "{\"x\":2.5,\"c\":\"jpy\","
      "\"l\":\"de\"}", "2 JPY en" },
    { "{{$x | price $c $l}}{{$x | price 'EUR' 'de-AT'}}",
      "{\"x\":3,\"c\":\"XAU\",\"l\":\"de\"}",
      "3.00 XAU3,00 EUR de" },
    { "{{$x | price $c}}", "{\"x\":3,\"c\":[1]}", "3.00" },
    { "{{#$l}}{{n | default m | upper}}{{. | truncate 4}};{{/$l}}",
      "{\"l\":[{\"n\":\"a\"},{\"m\":\"b\"}]}",
      "A{&quot;n\xe2\x80\xa6;B{&quot;m\xe2\x80\xa6;" },
    { "<a href=\"{{$x | default '/home'}}\">", "{}",
      "<a href=\"/home\">" },
    { "<a href=\"{{$x | lower}}\">", "{\"x\":\"JAVASCRIPT:a()\"}",
      "<a href=\"#\">" },
    { "<script>'{{$x | default '</script>'}}'</script>", "{}",
      "<script>'\\u003c\\u002fscript\\u003e'</script>" },
    { "a{{! nothing {{ | \" here }}b{{!}}c", "{}", "abc" },
    { "<style>{{! x}}</style><p {{!y}}id='{{! z }}'>", "{}",
      "<style></style><p id=''>" },
};


static void
filters(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(filtered) / sizeof(filtered[0]); i++) {
        expect_short(filtered[i].html, filtered[i].properties, filtered[i].expected);
    }
}


static const struct {
    const char  *html;
    const char  *reason;
} refused[] = {
    { "{{$x | uper}}", "1:24: there is no filter \"uper\": did you mean"
      " \"upper\"?" },
    { "{{$x | shout}}", "there are default, truncate" },
    { "{{$x | }}", "there is no filter" },
    { "{{$x | upper 3}}", "upper takes nothing: write upper" },
    { "{{$x | default}}", "default takes one text, number"
      " or path: write default \"friend\"" },
    { "{{$x | default 'a' 'b'}}", "write default" },
    { "{{$x | default 'a}}", "closing quote" },
    { "{{$x | default 'a\\x'}}", "backslash" },
    { "{{$x | default nobody.x}}", "\"nobody.x\" is not known" },
    { "{{$x | truncate 0}}", "1 to 10000" },
    { "{{$x | truncate 1.5}}", "1 to 10000" },
    { "{{$x | truncate -4}}", "1 to 10000" },
    { "{{$x | truncate 99999999999999999999}}", "1 to 10000" },
    { "{{$x | truncate $y}}", "truncate takes one number of characters:"
      " write truncate 40" },
    { "{{$x | price}}", "of which currency?" },
    { "{{$x | price 'EURO'}}", "no currency \"EURO\": write its ISO 4217"
      " code, such as \"EUR\"" },
    { "{{$x | price 'eur'}}", "no currency \"eur\": did you mean"
      " \"EUR\"?" },
    { "{{$x | price 'EUR' 'german'}}", "no locale \"german\": write its"
      " BCP 47 tag, such as \"de-DE\"" },
    { "{{$x | price 'EUR' 3}}", "write price" },
    { "{{$x | price 'EUR' 'de-DE' 'x'}}", "write price" },
    { "{{#$x | upper}}{{/$x}}", "a section takes no filters" },
    { "{{$x | upper | upper | upper | upper | upper | upper | upper |"
      " upper | upper}}", "at most 8" },
    { "{{! open", "without \"}}\"" },
    { "{{$x | upper", "without \"}}\"" },
    { "{{> head}}", "no partials" },
    { "{{=<% %>=}}", "no partials" },
    { "{{{$x}}}", "no unescaped output" },
    { "{{& $x}}", "no unescaped output" },
};


static void
filters_that_are_none(void **state)
{
    size_t      i;
    char       *html;
    fixture_t   f;

    (void) state;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        begin(&f);
        html = spell_out(refused[i].html);
        assert_int_equal(compile_html(&f, onsite_str(html, strlen(html))),
                         ONSITE_INVALID);

        if (strstr(f.error.text, refused[i].reason) == NULL) {
            fail_msg("%s: %s", refused[i].html, f.error.text);
        }

        free(html);
        end(&f);
    }
}


static void
tell_path(void *data, onsite_str_t path, bool section)
{
    onsite_buf_printf(data, "%s%.*s ", section ? "#" : "", (int) path.len,
                      path.data);
}


static void
tells_all_paths(void **state)
{
    onsite_buf_t  out;

    (void) state;
    onsite_buf_init(&out, 0);
    onsite_template_paths(ONSITE_STR("a{{b.c | default d.e | price 'f' g.h}}"
                                     "{{#i}}{{! no }}{{/i}}{{^ j }}{{k"),
                          tell_path, &out);
    assert_str(onsite_str(out.data, out.len), "b.c d.e g.h #i #j ");
    onsite_buf_free(&out);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(filters),
        cmocka_unit_test(filters_that_are_none),
        cmocka_unit_test(tells_all_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
