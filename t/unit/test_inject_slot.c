/*
 * test_inject_slot.c - slots, policies of metas and byte order marks: what is
 * left out, what never is, and that chunking does not matter.
 */

#include "unit.h"
#include "onsite_buf.h"
#include "onsite_inject.h"
#include "onsite_limits.h"

#define BLOCKS  512

typedef struct {
    onsite_inject_t  *inject;
    unsigned          wanted;
    bool              document;
    bool              poor;             /* no memory                       */
    void             *blocks[BLOCKS];
    unsigned          n_blocks;
    onsite_str_t      slices[4096];
    unsigned          n;
    onsite_buf_t      out;
} run_t;

static const onsite_str_t  names[] = { { 4, "hero" }, { 1, "b" } };

static const onsite_str_t  marks[] = {
    { 3, "[0]" }, { 3, "[1]" }, { 3, "[2]" }, { 3, "[3]" }, { 3, "[A]" },
    { 3, "[B]" }
};


static void *
allocate(void *data, size_t size)
{
    run_t  *run = data;

    if (run->poor) {
        return NULL;
    }

    assert_in_range(run->n_blocks, 0, BLOCKS - 1);
    run->blocks[run->n_blocks] = malloc(size);

    return run->blocks[run->n_blocks++];
}


static void
begin(run_t *run)
{
    onsite_inject_init(run->inject, run->wanted);
    onsite_inject_slots(run->inject, names, 2);
    onsite_inject_memory(run->inject, allocate, run);

    if (run->document) {
        onsite_inject_is_document(run->inject);
    }

    run->n = 0;
    run->n_blocks = 0;
}


static void
feed(run_t *run, onsite_str_t input, bool last)
{
    onsite_slice_t  slice;

    onsite_inject_feed(run->inject, input, last);

    while (onsite_inject_next(run->inject, &slice)) {
        assert_in_range(run->n, 0, 4095);
        run->slices[run->n++] = slice.kind == ONSITE_SLICE_INSERT
                                ? marks[slice.place] : slice.bytes;
    }
}


/* What was held back has to stay as it was: it is read at the end only. */

static void
end(run_t *run)
{
    unsigned  i;

    onsite_buf_clear(&run->out);

    for (i = 0; i < run->n; i++) {
        onsite_buf_str(&run->out, run->slices[i]);
    }

    while (run->n_blocks != 0) {
        free(run->blocks[--run->n_blocks]);
    }
}


static void
same(const run_t *run, const char *expected)
{
    assert_int_equal(run->out.len, strlen(expected));
    assert_memory_equal(run->out.data, expected, run->out.len);
}


static void
expect(run_t *run, onsite_str_t page, const char *expected, size_t step)
{
    size_t  at = 0, len;

    begin(run);

    do {
        len = step < page.len - at ? step : page.len - at;
        feed(run, onsite_str(page.data + at, len), at + len == page.len);
        at += len;
    } while (at < page.len);

    end(run);

    if (run->out.len != strlen(expected)
        || memcmp(run->out.data, expected, run->out.len) != 0)
    {
        print_message("%.*s\n  gives   %.*s\n  and not %s\n", (int) page.len,
                      page.data, (int) run->out.len, run->out.data, expected);
    }

    same(run, expected);
}


static void
expect_cut(run_t *run, onsite_str_t page, const char *expected)
{
    size_t  cut;

    expect(run, page, expected, page.len);
    expect(run, page, expected, 1);
    expect(run, page, expected, 3);

    for (cut = 1; cut < page.len; cut++) {
        begin(run);
        feed(run, onsite_str(page.data, cut), false);
        feed(run, onsite_str(page.data + cut, page.len - cut), true);
        end(run);
        same(run, expected);
    }
}


static void
set_up(run_t *run, unsigned wanted)
{
    memset(run, 0, sizeof(run_t));
    run->inject = malloc(onsite_inject_size());
    run->wanted = wanted;
    onsite_buf_init(&run->out, 0);
}


static void
tear_down(run_t *run)
{
    free(run->inject);
    onsite_buf_free(&run->out);
}


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

    /* tags of what is around it end it */
    "<section><div data-onsite-slot=hero>{a}</section>x</div>",
    "<b><div data-onsite-slot=hero>{a}</b>x</div>",
    "<table><tr><td><div data-onsite-slot=hero>{a}<td>b</table>",
    "<table><tr><td><div data-onsite-slot=hero>{a}</td></table>",
    "<div data-onsite-slot=hero>{a}</body>x</div>",
    "<div data-onsite-slot=hero>{a}</html>",
    "<section><div data-onsite-slot=hero><div>a</section>x</div></div>",
    "<div data-onsite-slot=hero><div>a</body>",
    "<div data-onsite-slot=hero>a",
    "<div data-onsite-slot=hero><table><tr><td></div>",
    "<ul><li><div data-onsite-slot=hero>a<li>b</div></ul>",

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
    "<!--onsite:slot hero-->{a<!--onsite:slot b-->c<!--/onsite:slot-->d}"
        "<!--/onsite:slot-->x",
    "<!--onsite:slot hero--><p>a<!--/onsite:slot-->x",
    "<!--onsite:slot hero--><b>a<!--/onsite:slot--></b>x",
    "<div><!--onsite:slot hero-->{a}</div>x",
    "<!--onsite:slot hero-->a",
    "<table><tr><td><select></td><td><div data-onsite-slot=hero>a</div>",
    "<table><!--onsite:slot hero-->a<!--/onsite:slot--></table>",
    "<ul><!--onsite:slot hero-->{<li>a</li>}<!--/onsite:slot--></ul>",
    "<table><!--onsite:slot hero-->{<tr><td>a</td></tr>}<!--/onsite:slot-->"
        "</table>",
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
                                "<div data-onsite-slot=b>x</body>"
                                "<div data-onsite-slot=b>x</div></html>"),
               "<body><p data-onsite-slot=b></p>"
               "<div data-onsite-slot=b>[B]</div>"
               "<div data-onsite-slot=hero>[A]</div>"
               "<div data-onsite-slot=b>[B][3]</body>"
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
        cmocka_unit_test(replaces_what_slots_hold),
        cmocka_unit_test(fills_every_slot_up_to_the_bodys_end),
        cmocka_unit_test(holds_back_so_much_and_no_more),
        cmocka_unit_test(values_are_of_one_tag_only),
        cmocka_unit_test(what_comes_before_a_slot_goes_at_once),
        cmocka_unit_test(without_memory_there_are_none),
        cmocka_unit_test(places_of_tags_that_are_omitted),
        cmocka_unit_test(reads_the_policies_of_the_head),
        cmocka_unit_test(reads_the_base),
        cmocka_unit_test(knows_where_a_base_leads),
        cmocka_unit_test(leaves_wide_pages_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
