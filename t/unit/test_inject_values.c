/*
 * test_inject_values.c - the attributes that are read, policies of metas and a
 * base, and byte order marks.
 */

#include "inject_run.h"


static void
policy(run_t *run, const char *page, const char *expected)
{
    size_t               i, n;
    onsite_buf_t         out;
    const onsite_str_t  *policies;

    onsite_buf_init(&out, 0);

    for (i = 0; i < 2; i++) {
        expect(run, onsite_str(page, strlen(page)), page,
               i == 0 ? strlen(page) : 1);
    }

    begin(run);
    feed(run, onsite_str(page, strlen(page)), true);
    n = onsite_inject_policies(run->inject, &policies);

    for (i = 0; i < n; i++) {
        onsite_buf_printf(&out, "[%.*s]", (int) policies[i].len,
                          policies[i].data);
    }

    if (out.len != strlen(expected)) {
        print_message("%s\n  gives %.*s\n", page, (int) out.len, out.data);
    }

    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.data, expected, out.len);
    end(run);
    onsite_buf_free(&out);
}


#define META  "<meta http-equiv=\"Content-Security-Policy\" content="

static void
reads_the_policies_of_the_head(void **state)
{
    run_t         run;
    unsigned      i;
    onsite_buf_t  page;

    (void) state;
    set_up(&run, 0);
    onsite_buf_init(&page, 0);

    policy(&run, META "\"script-src 'self'\">", "[script-src 'self']");
    policy(&run, "<head>" META "a></head>" META "'b'/><body>" META "c>",
           "[a][b]");
    policy(&run, "<meta content=\"default-src &#39;none&apos;&SEMI\" "
           "HTTP-EQUIV=content-security-policy>",
           "[default-src 'none'&SEMI]");
    policy(&run, "<meta http-equiv=Content-Security-Polic&#x79; content=a>",
           "[a]");
    policy(&run, META "a content=b>" META ">" META "''>", "[a]");
    policy(&run, "<meta http-equiv=refresh http-equiv=Content-Security-Policy"
           " content=a>", "");
    policy(&run, "<meta name=Content-Security-Policy content=a>", "");
    policy(&run, "<meta http-equiv=Content-Security-Policy-Report-Only"
           " content=a>", "");
    policy(&run, "<title>" META "a></title><template>" META "b></template>"
           "<noscript>" META "c></noscript><!-- " META "d> -->", "");
    policy(&run, META "\"&lt;a&ampb&amp;&amp=&#x41;&#66&#0;&#x;&euro;\">",
           "[<a&ampb&&amp=AB\xef\xbf\xbd&#x;&euro;]");
    assert_false(onsite_inject_policies_lost(run.inject));

    for (i = 0; i < 9; i++) {
        onsite_buf_printf(&page, META "%u>", i);
    }

    policy(&run, (onsite_buf_char(&page, '\0'), page.data),
           "[0][1][2][3][4][5][6][7]");
    assert_true(onsite_inject_policies_lost(run.inject));

    for (i = 4096; i <= 4097; i++) {
        onsite_buf_clear(&page);
        onsite_buf_printf(&page, META "'%*s'>", (int) i, "x");
        begin(&run);
        feed(&run, onsite_str(page.data, page.len), true);
        assert_int_equal(onsite_inject_policies_lost(run.inject), i == 4097);
        end(&run);
    }

    onsite_buf_free(&page);
    tear_down(&run);
}


/* Also read bit by bit. */

static void
base(run_t *run, const char *page, const char *expected)
{
    size_t        at, len = strlen(page), step, small = len > 999 ? 7 : 1;
    onsite_str_t  href;

    for (step = small; step <= len; step += len - small) {
        begin(run);

        for (at = 0; at < len; at += step) {
            feed(run, onsite_str(page + at, step < len - at ? step : len - at),
                 at + step >= len);
        }

        href = onsite_inject_base(run->inject);

        if (expected == NULL) {
            assert_null(href.data);

        } else {
            assert_non_null(href.data);
            assert_int_equal(href.len, strlen(expected));
            assert_memory_equal(href.data, expected, href.len);
        }

        end(run);
        same(run, page);
    }
}


#define FAR  "<fieldset><menu><p>a long text in front of it, with <i>tags</i>"

static void
reads_the_base(void **state)
{
    run_t         run;
    unsigned      i;
    onsite_buf_t  page, href;

    (void) state;
    set_up(&run, 0);
    onsite_buf_init(&page, 0);
    onsite_buf_init(&href, 0);

    base(&run, "<head><title>x</title></head><body>x", NULL);
    base(&run, "<head><base href='https://cdn.example/'>x",
         "https://cdn.example/");
    base(&run, "<BASE TARGET=x HREF=&#x2f&sol;cdn>x", "//cdn");
    base(&run, "<base target=a><base href=a href=b><base href=c>x", "a");
    base(&run, "<base href><base href=c>x", "");
    base(&run, "<base href=''><base href=c>x", "");
    base(&run, "<!-- <base href=a> --><title><base href=a></title><template>"
         "<base href=a></template><noscript><base href=a></noscript>"
         "<svg><base href=a></svg><basefont href=a></base href=a>x", NULL);
    base(&run, "<body>" FAR "<base href=a>" FAR, "a");
    base(&run, "<meta http-equiv=Content-Security-Policy content=b>"
         "<base href=a><meta http-equiv=Content-Security-Policy content=c>x",
         "a");

    for (i = 2047; i <= 4098; i = i == 2050 ? 4095 : i + 1) {
        onsite_buf_clear(&page);
        onsite_buf_clear(&href);
        onsite_buf_printf(&page, "<base href='//c%*s'>%c", (int) i - 3, "x",
                          '\0');
        onsite_buf_printf(&href, "//c%*s", (int) i - 3, "x");
        onsite_buf_char(&href, '\0');
        href.data[i < 2048 ? i : 2048] = '\0';
        base(&run, page.data, href.data);
    }

    run.poor = true;
    base(&run, "<base href=a>x", NULL);

    onsite_buf_free(&href);
    onsite_buf_free(&page);
    tear_down(&run);
}


static void
knows_where_a_base_leads(void **state)
{
    size_t  i;
    static const char *const  away[] = {
        "https://cdn.example/", "http:", "HTTPS:/x", "//cdn.example",
        "\\\\cdn.example", "/\\cdn.example", " //x", "/\t/x", "ht\ntp://x",
        "data:,x", "\f\x01//x"
    };
    static const char *const  here[] = {
        "", "/", "/a//b", "sub/", "sub//", "./", "../", "?a=//x", "#//x",
        "?http://x", "/http://x", "a/http:", "/ /x", " "
    };

    (void) state;

    for (i = 0; i < sizeof(away) / sizeof(away[0]); i++) {
        assert_true(onsite_inject_base_leads_away(
                        onsite_str(away[i], strlen(away[i]))));
    }

    for (i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
        assert_false(onsite_inject_base_leads_away(
                         onsite_str(here[i], strlen(here[i]))));
    }

    assert_false(onsite_inject_base_leads_away(onsite_str(NULL, 0)));
}


static void
leaves_wide_pages_alone(void **state)
{
    size_t  i;
    run_t   run;
    static const struct {
        onsite_str_t  page;
        bool          wide;
    } pages[] = {
        { { 12, "\xfe\xff<\0b\0o\0d\0y\0" }, true },
        { { 9, "\xff\xfe</body>" }, true },
        { { 11, "\0\0\xfe\xff</body>" }, true },
        { { 10, "\xef\xbb\xbf</body>" }, false },
        { { 8, "\xfe</body>" }, false },
        { { 9, "a\xfe\xff<body" }, false },
        { { 2, "\xff\xff" }, false }
    };

    (void) state;
    set_up(&run, 1u << ONSITE_PLACE_BODY_END);

    for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        begin(&run);
        feed(&run, onsite_str(pages[i].page.data, 1), false);
        feed(&run, onsite_str(pages[i].page.data + 1, 1), false);
        feed(&run, onsite_str(pages[i].page.data + 2, pages[i].page.len - 2),
             true);
        end(&run);
        assert_int_equal(onsite_inject_wide(run.inject), pages[i].wide);

        if (pages[i].wide) {
            assert_int_equal(run.out.len, pages[i].page.len);
            assert_memory_equal(run.out.data, pages[i].page.data,
                                run.out.len);
        }
    }

    tear_down(&run);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(reads_the_policies_of_the_head),
        cmocka_unit_test(reads_the_base),
        cmocka_unit_test(knows_where_a_base_leads),
        cmocka_unit_test(leaves_wide_pages_alone)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
