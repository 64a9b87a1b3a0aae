/*
 * HTML as ASCII: what stands for a character, by where it is.
 */

#include "unit.h"
#include "onsite_ascii.h"


static void
check_split(const char *html, size_t cut, size_t next, const char *expected)
{
    size_t            len = strlen(html);
    onsite_buf_t      out;
    onsite_ascii_t    ascii;
    onsite_inject_t  *scan = malloc(onsite_inject_size());

    assert_non_null(scan);
    onsite_buf_init(&out, 0);
    onsite_ascii_init(&ascii, scan);

    onsite_ascii_write(&ascii, onsite_str(html, cut), &out);
    onsite_ascii_write(&ascii, onsite_str(html + cut, next - cut), &out);
    onsite_ascii_write(&ascii, onsite_str(html + next, len - next), &out);
    onsite_ascii_end(&ascii, &out);
    onsite_buf_char(&out, '\0');

    assert_false(out.failed);
    assert_string_equal(out.data, expected);
    assert_true(onsite_is_ascii(onsite_str(out.data, out.len)));

    onsite_buf_free(&out);
    free(scan);
}


/* In every three pieces. */

static void
check(const char *html, const char *expected)
{
    size_t  i, j, len = strlen(html);

    for (i = 0; i <= len; i++) {
        for (j = i; j <= len; j++) {
            check_split(html, i, j, expected);
        }
    }
}


static void
test_references(void **state)
{
    (void) state;

    check("", "");
    check("plain <b>text</b>", "plain <b>text</b>");
    check("5 \u20ac off", "5 &#8364; off");
    check("\u00e9\u0416\u20ac\U0001F600", "&#233;&#1046;&#8364;&#128512;");
    check("\u00a0|\uffff|\U0010FFFF", "&#160;|&#65535;|&#1114111;");
    check("<p title=\"\u20ac\" lang='\u20ac' id=\u20ac>\u20ac</p>",
          "<p title=\"&#8364;\" lang='&#8364;' id=&#8364;>&#8364;</p>");
    check("<a href= \u20ac\u20acx>", "<a href= &#8364;&#8364;x>");
    check("<b style='--a:\"\u20ac\"' onclick='a(\"\u20ac\")'>",
          "<b style='--a:\"&#8364;\"' onclick='a(\"&#8364;\")'>");
    check("<title>\u20ac</title>\u20ac", "<title>&#8364;</title>&#8364;");
    check("<textarea>a</textarea\u20ac</textarea>\u20ac",
          "<textarea>a</textarea&#8364;</textarea>&#8364;");
    check("<noscript><p>\u20ac</noscript>", "<noscript><p>&#8364;</noscript>");
    check("a <\u20ac b", "a <&#8364; b");
    check("<template>\u20ac</template>", "<template>&#8364;</template>");
}


static void
test_script(void **state)
{
    (void) state;

    check("<script>a = '5 \u20ac'</script>\u20ac",
          "<script>a = '5 \\u20AC'</script>&#8364;");
    check("<script>'\u00e9\U0001F600\U0010FFFF'</script>",
          "<script>'\\u00E9\\uD83D\\uDE00\\uDBFF\\uDFFF'</script>");
    check("<script><!-- <script>'\u20ac'</script>'\u20ac' --></script>\u20ac",
          "<script><!-- <script>'\\u20AC'</script>'\\u20AC' --></script>"
          "&#8364;");
    check("<script>'<\u20ac</\u20ac</script\u20ac'</script>",
          "<script>'<\\u20AC</\\u20AC</script\\u20AC'</script>");
    check("<SCRIPT type='\u20ac'>'\xc2\x85'</SCRIPT>",
          "<SCRIPT type='&#8364;'>'\\u0085'</SCRIPT>");
}


/* "\€" is "€": with another backslash it would be a backslash and letters. */

static void
test_escaped(void **state)
{
    (void) state;

    check("<script>'\\\u20ac\u20ac'</script>",
          "<script>'\\u20AC\\u20AC'</script>");
    check("<script>'\\\\\u20ac'</script>", "<script>'\\\\\\u20AC'</script>");
    check("<script>'\\\\\\\u20ac'</script>", "<script>'\\\\\\u20AC'</script>");
    check("<script>'\\\U0001F600'</script>",
          "<script>'\\uD83D\\uDE00'</script>");
    check("<script>'\\n\u20ac'</script>", "<script>'\\n\\u20AC'</script>");
    check("<style>a{content:'\\\u20acx'}</style>",
          "<style>a{content:'\\0020AC x'}</style>");
    check("<p>\\\u20ac</p>", "<p>\\&#8364;</p>");
}


static void
test_style(void **state)
{
    (void) state;

    check("<style>a{content:'\u20ac b\U0001F600'}</style>\u20ac",
          "<style>a{content:'\\0020AC  b\\01F600 '}</style>&#8364;");
}


static void
test_foreign(void **state)
{
    (void) state;

    check("<svg><text>\u20ac</text><style>a{content:'\u20ac'}</style>"
          "<script>'\u20ac'</script></svg>\u20ac",
          "<svg><text>&#8364;</text><style>a{content:'&#8364;'}</style>"
          "<script>'&#8364;'</script></svg>&#8364;");
    check("<svg><title>\u20ac</title><![CDATA[\u20ac]]>\u20ac</svg>",
          "<svg><title>&#8364;</title><![CDATA[?]]>&#8364;</svg>");
}


static void
test_none(void **state)
{
    (void) state;

    check("<!-- \u20ac\u20ac -\u20ac-->\u20ac", "<!-- ?? -?-->&#8364;");
    check("<iframe>\u20ac</iframe>\u20ac", "<iframe>?</iframe>&#8364;");
    check("<x-\u20ac \u20ac=1 a\u20ac>\u20ac</x-\u20ac>",
          "<x-? ?=1 a?>&#8364;</x-?>");
    check("</\u20ac>\u20ac", "</?>&#8364;");
    check("<!\u20ac><?\u20ac>", "<!?><?" "?>");
}


static void
test_invalid(void **state)
{
    (void) state;

    check("a\xff" "b", "a&#65533;b");
    check("\xe2\x82", "&#65533;&#65533;");
    check("\xe2\x82<b>", "&#65533;&#65533;<b>");
    check("\xe2\xe2\x82\xac", "&#65533;&#8364;");
    check("\xac\u20ac", "&#65533;&#8364;");
    check("\xed\xa0\x80", "&#65533;&#65533;&#65533;");
    check("\xf0\x9f\x98\u20ac", "&#65533;&#65533;&#65533;&#8364;");
    check("\xc0\x80", "&#65533;&#65533;");
    check("<script>'\xff'</script>", "<script>'\\uFFFD'</script>");
    check("<style>'\xff'</style>", "<style>'\\00FFFD '</style>");

    /* browsers would read &#128; as a euro sign */
    check("\xc2\x80\xc2\x9f", "&#65533;&#65533;");
}


static void
test_pass(void **state)
{
    onsite_buf_t      out;
    onsite_ascii_t    ascii;
    onsite_inject_t  *scan = malloc(onsite_inject_size());

    (void) state;
    assert_non_null(scan);
    onsite_buf_init(&out, 0);
    onsite_ascii_init(&ascii, scan);

    onsite_ascii_write(&ascii, ONSITE_STR("a\xe2"), &out);
    onsite_ascii_pass(&ascii, ONSITE_STR(""), &out);
    assert_str(onsite_str(out.data, out.len), "a");
    onsite_ascii_pass(&ascii, ONSITE_STR("<script>'\\"), &out);
    assert_str(onsite_str(out.data, out.len), "a&#65533;");
    onsite_ascii_write(&ascii, ONSITE_STR("\u20ac'"), &out);
    onsite_ascii_end(&ascii, &out);
    assert_str(onsite_str(out.data, out.len), "a&#65533;u20AC'");

    onsite_buf_free(&out);
    free(scan);
}


static void
test_value(void **state)
{
    onsite_buf_t  out;

    (void) state;
    onsite_buf_init(&out, 0);

    onsite_ascii_value(&out, ONSITE_STR(""));
    onsite_ascii_value(&out, ONSITE_STR("a\u20ac b\xff\U0001F600"));
    assert_str(onsite_str(out.data, out.len),
               "a&#8364; b&#65533;&#128512;");

    onsite_buf_free(&out);
}


/* Every position of eight bytes at a time, and behind them. */

static void
test_is_ascii(void **state)
{
    char    text[40];
    size_t  from, at, len;

    (void) state;

    for (from = 0; from < 8; from++) {
        for (len = 0; from + len < sizeof(text); len++) {
            memset(text, 0x7f, sizeof(text));
            text[from + len] = (char) 0x80;
            assert_true(onsite_is_ascii(onsite_str(text + from, len)));

            for (at = 0; at < len; at++) {
                memset(text, 0x7f, sizeof(text));
                text[from + at] = (char) 0x80;
                assert_false(onsite_is_ascii(onsite_str(text + from, len)));
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_script),
        cmocka_unit_test(test_escaped),
        cmocka_unit_test(test_style),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_pass),
        cmocka_unit_test(test_value),
        cmocka_unit_test(test_is_ascii),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
