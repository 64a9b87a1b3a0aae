/*
 * test_inject_slot.c - slots: what is left out, what never is, and that chunking
 * does not matter.
 */

#include "inject_run.h"


/* In "{" "}" what is left out; no "{": nothing is. */

static const char  *slots[] = {
    "<div data-onsite-slot=\"hero\">{default}</div>x",
    "<div data-onsite-slot=hero>{}</div>x",
    "<DIV DATA-ONSITE-SLOT='hero' class=a>{default}</DIV>x",
    "<div data-onsite-slot = \"hero\" title=\"</div>\">{default}</div>x",
    "<div data-onsite-slot=&#104;ero>{default}</div>x",
    "<div data-onsite-slot=other>default</div>",
    "<div data-onsite-slot>default</div>",
    "<div data-onsite-slot=''>default</div>",
    "<div data-onsite-slot=other data-onsite-slot=hero>default</div>",
    "<div data-onsite-slot=hero data-onsite-slot=other>{default}</div>",
    "<div data-onsite-slot data-onsite-slot=hero>default</div>",
    "<div data-onsite-slots=hero>default</div>",
    "<div data-onsite-slot=Hero>default</div>",
    "<div data-onsite-slot='hero '>default</div>",
    "</div data-onsite-slot=hero>default</div>",
    "<section data-onsite-slot=hero>{<div>a</div><p>b}</section>",
    "<h2 data-onsite-slot=hero>{a}</h2>",
    "<h2 data-onsite-slot=hero>a</h3>x</h2>",
    "<h2 data-onsite-slot=hero><div>a</h3></div></h2>",
    "<span data-onsite-slot=hero>{a<span>b</span>}</span>",
    "<my-element data-onsite-slot=hero>{<div>a</div>}</my-element>",
    "<p>a</p><my-element data-onsite-slot=hero>{<div>a</div>}</my-element>",
    "<p>a<my-element data-onsite-slot=hero><div>a</div></my-element>",
    "<p data-onsite-slot=hero>a</p>",
    "<td data-onsite-slot=hero>a</td>",
    "<a data-onsite-slot=hero>a</a>",
    "<pre data-onsite-slot=hero>a</pre>",
    "<img data-onsite-slot=hero>",
    "<div data-onsite-slot=hero>{<div>a</div><div></div>}</div></div>",
    "<div data-onsite-slot=hero>{<ul><li>a<li>b</ul><p>c<p>d}</div>x",
    "<div data-onsite-slot=hero>{<table><tr><td><b>a<td>b</table>}</div>x",
    "<div data-onsite-slot=hero>{<dl><dt>a<dd>b</dl>}</div>x",
    "<div data-onsite-slot=hero>{<a href=/>a</a><img><br>}</div>x",
    "<div data-onsite-slot=hero>{<script>'</div>'</script>}</div>x",
    "<div data-onsite-slot=hero>{<template></div></template>}</div>x",
    "<div data-onsite-slot=hero>{<svg><path/></svg>}</div>x",
    "<div data-onsite-slot=hero>{<!-- </div> -->}</div>x",
    "<div data-onsite-slot=hero>{<select><option>a</select>}</div>x",
    "<div data-onsite-slot=hero>{<form><input></form>}</div>x",
    "<div data-onsite-slot=hero>{<b><i>a</b></i>}</div>x",
    "<div data-onsite-slot=hero>{</p>a</x></h2>}</div>x",
    "<div data-onsite-slot=hero>{<div data-onsite-slot=b>a</div>}</div>x",
    "<div data-onsite-slot=other><div data-onsite-slot=hero>{a}</div></div>",

    /* formatting, forms and anchors would go on behind it */
    "<div data-onsite-slot=hero><b>a</div>x",
    "<div data-onsite-slot=hero><div><b>a</div></b></div>x",
    "<form><div data-onsite-slot=hero><form></form></div></form>",
    "<a><div data-onsite-slot=hero><a>b</a></div></a>",
    "<div data-onsite-slot=hero><form></div>x",

    /* it ends at its own end tag only */
    "<main><div data-onsite-slot=hero>a<div>b</div></main>x</div>",
    "<section><div data-onsite-slot=hero>a</section>x</div>",
    "<b><div data-onsite-slot=hero>a</b>x</div>",
    "<table><tr><td><div data-onsite-slot=hero>a<td>b</table>",
    "<table><tr><td><div data-onsite-slot=hero>a</td></table>",
    "<div data-onsite-slot=hero>a</body>x</div>",
    "<div data-onsite-slot=hero>a</html>",
    "<section><div data-onsite-slot=hero><div>a</section>x</div></div>",
    "<div data-onsite-slot=hero><div>a</body>",
    "<div data-onsite-slot=hero>a",
    "<div data-onsite-slot=hero>a<p>b</p>",
    "<p>a</p><span data-onsite-slot=hero>{b</p>}</span>",
    "<p>a<span data-onsite-slot=hero>b</p></span>",
    "<div data-onsite-slot=hero><table><tr><td></div>",
    "<ul><li><div data-onsite-slot=hero>a<li>b</div></ul>",
    "<dl><dt><div data-onsite-slot=hero>a<dd>b</div>c</dl>",
    "<dl><dd><div data-onsite-slot=hero>a<dt>b</div>c</dl>",
    "<dl><dt><div data-onsite-slot=hero>a<dd>b</dd></div>c</dl>",
    "<dl><dt><div data-onsite-slot=hero>{a<dl><dd>b</dl>}</div>c</dl>",

    /* tags that HTML ignores are no end of it either */
    "<div data-onsite-slot=hero>one</td>two</div>three",
    "<div data-onsite-slot=hero>one</table>two</div>three",
    "<div data-onsite-slot=hero>one<tr>two</div>three",
    "<div data-onsite-slot=hero><html><body>mail</body></html></div>three",
    "<div data-onsite-slot=hero>important<body class=y>more</div>",
    "<x-y data-onsite-slot=hero></><caption>tail",
    "<div data-onsite-slot=hero>{<table><caption>a</caption><tbody><tr><td>b"
        "</td></tr></tbody></table>}</div>three",

    /* not in what is no element of the page */
    "<template><div data-onsite-slot=hero>a</div></template>",
    "<svg><g data-onsite-slot=hero>a</g></svg>",
    "<textarea><div data-onsite-slot=hero>a</div></textarea>",
    "<!-- <div data-onsite-slot=hero>a</div> -->",
    "<noscript><div data-onsite-slot=hero>a</div></noscript>",
    "</body><div data-onsite-slot=hero>a</div>",

    "<!--onsite:slot hero-->{default}<!--/onsite:slot-->x",
    "<!-- onsite:slot  hero -->{<p>a</p>}<!-- /onsite:slot -->x",
    "<!--onsite:slot hero-->{}<!--/onsite:slot-->x",
    "<!--onsite:slot other-->a<!--/onsite:slot-->x",
    "<!--onsite:slot-->a<!--/onsite:slot-->x",
    "<!--onsite:slothero-->a<!--/onsite:slot-->x",
    "<!--onsite:slot hero--!>a<!--/onsite:slot-->x",
    "<!--onsite:slot hero-->a<!--onsite:slot c-->b<!--/onsite:slot-->d",
    "<!--onsite:slot hero-->a<!--onsite:slot c-->b<!--/onsite:slot-->d"
        "<!--/onsite:slot-->x",
    "<!--onsite:slot c-->a<!--onsite:slot hero-->{b}<!--/onsite:slot-->d",
    "<!--onsite:slot hero-->a<!--onsite:slot hero-->{b}<!--/onsite:slot-->d",
    "<!--onsite:slot hero-->{a<i><!--onsite:slot c-->b<!--/onsite:slot--></i>d}"
        "<!--/onsite:slot-->x",
    "<!--onsite:slot hero--><i><!--onsite:slot c-->a</i><!--/onsite:slot-->b"
        "<!--/onsite:slot-->x",
    "<!--onsite:slot hero-->a<select><!--/onsite:slot--></select>b"
        "<!--/onsite:slot-->x",
    "<!--onsite:slot hero--><p>a<!--/onsite:slot-->x",
    "<!--onsite:slot hero--><b>a<!--/onsite:slot--></b>x",
    "<div><!--onsite:slot hero-->a</div>x",
    "<main><!--onsite:slot hero-->a<div>b</div></main><footer>c</footer>",
    "<main><!--onsite:slot hero-->a</main><p>c<!--/onsite:slot--></p>",
    "<!--onsite:slot hero--><hr/><p>important</p>",
    "<!--onsite:slot hero--><hr/><p>important</p></body></html>",
    "<!--onsite:slot hero-->a",
    "<table><tr><td><select></td><td><div data-onsite-slot=hero>a</div>",
    "<table><!--onsite:slot hero-->a<!--/onsite:slot--></table>",
    "<ul><!--onsite:slot hero-->{<li>a</li>}<!--/onsite:slot--></ul>",
    "<table><!--onsite:slot hero-->{<tr><td>a</td></tr>}<!--/onsite:slot-->"
        "</table>",
    "<table><tr><td>a<!--onsite:slot hero--><td>b</td><!--/onsite:slot-->"
        "</table>",
    "<!--onsite:slot hero--><td><div></td><!--/onsite:slot-->x",
    "<!--/onsite:slot-->x",
    "<h1>a<!--onsite:slot hero--><h2>b</h2><!--/onsite:slot--></h1>",
    "<h1>a</h1><!--onsite:slot hero-->{<h2>b</h2>}<!--/onsite:slot-->",
    "<svg><!--onsite:slot hero-->a<!--/onsite:slot--></svg>",
    "<div data-onsite-slot=hero>{a<!--onsite:slot b-->}</div>"
        "<!--/onsite:slot-->",
};


static void
replaces_what_slots_hold(void **state)
{
    char    page[512], expected[512];
    run_t   run;
    size_t  i, n, e, k;
    bool    in;

    (void) state;
    set_up(&run, 0);

    for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        n = (size_t) snprintf(page, sizeof(page), "<!doctype html>");
        e = (size_t) snprintf(expected, sizeof(expected), "<!doctype html>");

        /* the body begins in front of comments, too */
        if (strncmp(slots[i], "<!--", 4) == 0) {
            page[n++] = expected[e++] = 'x';
        }

        for (in = false, k = 0; slots[i][k] != '\0'; k++) {
            if (slots[i][k] == '{') {
                memcpy(expected + e, "[A]", 3);
                e += 3;
                in = true;
            } else if (slots[i][k] == '}') {
                in = false;
            } else {
                page[n++] = slots[i][k];
                if (!in) {
                    expected[e++] = slots[i][k];
                }
            }
        }

        expected[e] = '\0';
        expect_cut(&run, onsite_str(page, n), expected);
        assert_int_equal(onsite_inject_slot_filled(run.inject, 0),
                         strchr(slots[i], '{') != NULL);
        assert_false(onsite_inject_slot_filled(run.inject, 1));
    }

    tear_down(&run);
}


static void
fills_every_slot_up_to_the_bodys_end(void **state)
{
    run_t  run;

    (void) state;
    set_up(&run, 1u << ONSITE_PLACE_BODY_END);

    expect_cut(&run, ONSITE_STR("<body><p data-onsite-slot=b></p>"
                                "<div data-onsite-slot=b>x</div>"
                                "<div data-onsite-slot=hero>x</div>"
                                "<div data-onsite-slot=b>x</div></body>"
                                "<div data-onsite-slot=b>x</div></html>"),
               "<body><p data-onsite-slot=b></p>"
               "<div data-onsite-slot=b>[B]</div>"
               "<div data-onsite-slot=hero>[A]</div>"
               "<div data-onsite-slot=b>[B]</div>[3]</body>"
               "<div data-onsite-slot=b>x</div></html>");

    assert_true(onsite_inject_slot_filled(run.inject, 0));
    assert_true(onsite_inject_slot_filled(run.inject, 1));
    assert_int_equal(onsite_inject_count(run.inject), 4);
    assert_true(onsite_inject_finished(run.inject));
    tear_down(&run);
}


/* Around the bound, in pieces of many sizes: the same bytes. */

static void
holds_back_so_much_and_no_more(void **state)
{
    size_t        i, len;
    run_t         run;
    bool          fits;
    onsite_buf_t  page;
    const size_t  steps[] = { 1 << 20, 4096, 65536, 65535, 1000 };

    (void) state;
    set_up(&run, 0);
    onsite_buf_init(&page, 0);

    for (len = ONSITE_SLOT_HELD_MAX - 8; len < ONSITE_SLOT_HELD_MAX + 8;
         len++)
    {
        onsite_buf_clear(&page);
        onsite_buf_printf(&page, "<body><div data-onsite-slot=hero>%*s</div>"
                          "y", (int) len, "x");
        onsite_buf_char(&page, '\0');
        page.len--;

        /* the end tag's name and what ends it are read, too */
        fits = len + 6 <= ONSITE_SLOT_HELD_MAX;

        for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
            expect(&run, onsite_str(page.data, page.len),
                   fits ? "<body><div data-onsite-slot=hero>[A]</div>y"
                        : page.data, steps[i]);
        }
    }

    onsite_buf_free(&page);
    tear_down(&run);
}


/* Behind a meta whose attributes were read, and tags that were not. */

static void
values_are_of_one_tag_only(void **state)
{
    run_t  run;

    (void) state;
    set_up(&run, 0);
    expect_cut(&run, ONSITE_STR("<!doctype html><meta name=q content=a>x<p>"
                                "text text text text</p><!--onsite:slot b-->c"
                                "<!--/onsite:slot--> text text text text"),
               "<!doctype html><meta name=q content=a>x<p>"
               "text text text text</p><!--onsite:slot b-->[B]"
               "<!--/onsite:slot--> text text text text");
    tear_down(&run);
}


static void
what_comes_before_a_slot_goes_at_once(void **state)
{
    run_t  run;

    (void) state;
    set_up(&run, 0);
    begin(&run);
    feed(&run, ONSITE_STR("<body>a<div data-onsite-slot=hero>de"), false);
    assert_int_equal(run.n, 1);
    assert_str(run.slices[0], "<body>a<div data-onsite-slot=hero>");
    feed(&run, ONSITE_STR("fault</div>b"), false);
    assert_int_equal(run.n, 3);
    assert_str(run.slices[2], "</div>b");
    end(&run);
    tear_down(&run);
}


static void
without_memory_there_are_none(void **state)
{
    run_t         run;
    const char   *page = "<body><div data-onsite-slot=hero>a</div>";

    (void) state;
    set_up(&run, 0);
    run.poor = true;
    expect(&run, onsite_str(page, strlen(page)), page, 1);
    tear_down(&run);
}


static void
places_of_tags_that_are_omitted(void **state)
{
    run_t  run;
    size_t  i;
    static const struct {
        const char  *page;
        const char  *expected;
    } pages[] = {
        { "<html><head></head><body></body></html>",
          "<html><head>[0][1]</head><body>[2][3]</body></html>" },
        { "<title>a</title><p>b", "[0]<title>a</title>[1][2]<p>b[3]" },
        { " text", " [0][1][2]text[3]" },
        { "", "[0][1][2][3]" },
        { "<!doctype html>\n<!-- c --> ",
          "<!doctype html>\n<!-- c --> [0][1][2][3]" },
        { "</body>", "[0][1][2][3]</body>" },
        { "</br>", "[0][1][2]</br>[3]" },
        { "</p><p>", "</p>[0][1][2]<p>[3]" },
        { "</head> <p>", "[0][1]</head> [2]<p>[3]" },
        { "<head><meta></head><link><body x>",
          "<head>[0]<meta>[1]</head><link><body x>[2][3]" },
        { "<head><head><body><body>", "<head>[0]<head>[1]<body>[2]<body>[3]" },
        { "<meta><noscript></noscript></head><noscript></noscript>",
          "[0]<meta><noscript></noscript>[1]</head>[2]<noscript></noscript>"
          "[3]" },
        { "<template><p>a</template>a", "[0]<template><p>a</template>[1][2]a"
          "[3]" },
        { "<basefont><base><bgsound><based>",
          "[0]<basefont><base><bgsound>[1][2]<based>[3]" },
        { "<title>", "[0]<title>" },
        { "< p", "[0][1][2]< p[3]" },
        { "\xef\xbb\xbf <html>a", "\xef\xbb\xbf <html>[0][1][2]a[3]" },
        { "<frameset><frame></frameset>", "<frameset><frame></frameset>" },
        { "<svg><title>a</title></svg>", "[0][1][2]<svg><title>a</title>"
          "</svg>[3]" }
    };

    (void) state;
    set_up(&run, 15);
    run.document = true;

    for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        expect_cut(&run, onsite_str(pages[i].page, strlen(pages[i].page)),
                   pages[i].expected);
    }

    run.document = false;
    expect_cut(&run, ONSITE_STR("<p>a"), "<p>a");
    expect_cut(&run, ONSITE_STR("<p>a</body>"), "<p>a[0][1][2][3]</body>");
    expect_cut(&run, ONSITE_STR("<title></title><body>"),
               "<title></title>[0][1]<body>[2][3]");
    tear_down(&run);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(replaces_what_slots_hold),
        cmocka_unit_test(fills_every_slot_up_to_the_bodys_end),
        cmocka_unit_test(holds_back_so_much_and_no_more),
        cmocka_unit_test(values_are_of_one_tag_only),
        cmocka_unit_test(what_comes_before_a_slot_goes_at_once),
        cmocka_unit_test(without_memory_there_are_none),
        cmocka_unit_test(places_of_tags_that_are_omitted)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
