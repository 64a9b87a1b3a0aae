/*
 * test_inject.c - the scanner: where it inserts, that it changes nothing
 * else, and that chunking does not matter.
 */

#include "unit.h"
#include "onsite_buf.h"
#include "onsite_inject.h"

#define MARK  "<i>!</i>"

typedef struct {
    onsite_place_t  place;
    bool            document;       /* onsite_inject_is_document           */
    unsigned        narrow;         /* by how much                         */
    unsigned        count;          /* out                                 */
    onsite_buf_t    out;
} run_t;


/* Held-back bytes must stay as they are: all slices are read at the end. */

#define SLICES_MAX  4096

static void
run(run_t *r, onsite_str_t page, const size_t *cuts, size_t n_cuts)
{
    size_t            i, n = 0, from = 0, to;
    onsite_slice_t    slice;
    onsite_inject_t  *inject = malloc(onsite_inject_size());
    static onsite_str_t  slices[SLICES_MAX];

    assert_non_null(inject);
    onsite_inject_init(inject, 1u << r->place);
    onsite_inject_vectors(inject, ONSITE_VECTORS_64 - r->narrow);

    if (r->document) {
        onsite_inject_is_document(inject);
    }

    for (i = 0; i <= n_cuts; i++) {
        to = i < n_cuts ? cuts[i] : page.len;
        onsite_inject_feed(inject, onsite_str(page.data + from, to - from),
                           i == n_cuts);

        while (onsite_inject_next(inject, &slice)) {
            assert_in_range(n, 0, SLICES_MAX - 1);

            if (slice.kind == ONSITE_SLICE_INSERT) {
                assert_int_equal(slice.place, r->place);
                slices[n++] = ONSITE_STR(MARK);
                continue;
            }

            if (slice.kind == ONSITE_SLICE_COPY) {
                assert_ptr_equal(slice.bytes.data,
                                 page.data + from + slice.offset);
            }
            assert_in_range(slice.bytes.len, 1, page.len);
            slices[n++] = slice.bytes;
        }

        from = to;
    }

    onsite_buf_clear(&r->out);
    for (i = 0; i < n; i++) {
        onsite_buf_str(&r->out, slices[i]);
    }

    r->count = onsite_inject_count(inject);
    free(inject);
}


/* In every case "@" is where the insertion is expected, and not in the page;
 * the place is BODY_END. */

static const char  *pages[] = {
    "<html><body>x@</body></html>",
    "<HTML><BODY>x@</BODY></HTML>",
    "<html><body>x@</body ></html>",
    "<html><body>x@</body\n\tid='a>b'></html>",
    "<html><body>x@</body/></html>",
    "<html><body>x</bodyx></bod></bo dy>@</body></html>",
    "<html><body>one@</body>two</body>three</html>",
    "<html>x@</html>",
    "<!doctype html><p>x@",
    "<!doctype html><p>x@<",
    "<!doctype html><p>x@</",
    "<!doctype html><p>x@</bod",
    "<!doctype html><p>x@</body",
    "<!doctype html><p>x<a href='",
    "<!doctype html><p>x<a",
    "<p>a fragment",
    "<p>a fragment@</body>",
    "</body",
    "<html><body><!-- </body> -->@</body>",
    "<html><body><!-->@</body>-->",
    "<html><body><!-->@</body>",
    "<html><body><!--->@</body>",
    "<html><body><!-- --!>@</body>",
    "<html><body><!-- --! </body> -->@</body>",
    "<html><body><!-- -- </body> --->@</body>",
    "<html><body><!-- </body> ",
    "<html><body><!-- <!-- </body> -->@</body> -->",
    "<html><body><!-- <!-->@</body> -->",
    "<html><body><!x </body>@</body>",
    "<html><body><! </body>@</body>",
    "<html><body><!- </body>@</body>",
    "<html><body><? </body>@</body>",
    "<html><body></ </body>@</body>",
    "<html><body></# </body>@</body>",
    "<html><body></>@</body>",
    "<html><body>< @</body>",
    "<html><body><<@</body>",
    "<html><body>a<b</body>@",
    "<html><body>&lt;/body>@</body>",
    "<!DOCTYPE html PUBLIC \"</body\" '</body'>@</body>",
    "<!DOCTYPE html PUBLIC \"a>@</body>",
    "<body><a title=\"</body>\">@</body>",
    "<body><a title='</body>'>@</body>",
    "<body><a title=</body>@</body>",
    "<body><a title = \"</body>\">@</body>",
    "<body><a title\n=\n'</body>'>@</body>",
    "<body><a \"</body>\">@</body>",
    "<body><a ='</body>'>@</body>",
    "<body><a x=a\"</body>\">@</body>",
    "<body><a x=/>@</body>",
    "<body><a x='1'y=\"</body>\"/z='</body>'>@</body>",
    "<body><a x/='</body>'>@</body>",
    "<body><a title= \"></body>\">@</body>",
    "<body><a title =\"></body>\">@</body>",
    "<body><a =\"</body>@</body>\">",
    "<body><a x/=\"</body>@</body>\">",
    "<body><a=\"</body>@</body>\">",
    "<body><a x=y=\"</body>@</body>\">",
    "<body><a x==\"</body>@</body>\">",
    "<body><a x='1'=\"</body>@</body>\">",
    "<body><a x=y'>@</body>'>",
    "<body><a<x=\"</body>\">@</body>",
    "<body></a x=\"</body>\">@</body>",
    "<body></i>@</body>",
    "<body><script\1>@</body></script>",
    "<body><script\v>@</body></script>",
    "<body><br/ >@</body>",
    "<body><script>'</body>'</script>@</body>",
    "<body><SCRIPT>'</body>'</sCript >@</body>",
    "<body><script>'</scripty></body>'</script/>@</body>",
    "<body><script/></body></script>@</body>",
    "<body><script><!-- </body> </script>@</body>",
    "<body><script><!-- <script> </script> </body> </script>@</body>",
    "<body><script><!-- <script> </script> </body> --></script>@</body>",
    "<body><script><!-- <script </script></body>--></script>@</body>",
    "<body><script><!-- <scripty> </script>@</body>",
    "<body><script><!--><script></script>@</body>",
    "<body><script><!---><script></script>@</body>",
    "<body><script><!-- <script> --></script>@</body>",
    "<body><script><!- <script></script>@</body>",
    "<body><script><!-- <script> </body> </script> </body>",
    "<body><script></script a='>' b=\"</body>\">@</body>",
    "<body><style></body></style>@</body>",
    "<body><title></body></title>@</body>",
    "<body><textarea></body></TextArea>@</body>",
    "<body><textarea></textare></body></textareas></textarea>@</body>",
    "<body><xmp></body></xmp>@</body>",
    "<body><iframe></body></iframe>@</body>",
    "<body><noembed></body></noembed>@</body>",
    "<body><noframes></body></noframes>@</body>",
    "<body><noscript></body></noscript>@</body>",
    "<body><plaintext></body></plaintext></body>",
    "<body><textarea></body>",
    "<body><![CDATA[</body>]]>@</body>",
    "<body><svg><![CDATA[</body>]]]></svg>@</body>",
    "<body><svg><![CDATA[ ]>]] ></svg></body>]]></svg>@</body>",
    "<body><svg><![cdata[></svg>@</body>",
    "<body><template></body></template>@</body>",
    "<body><template><template></template></body></template>@</body>",
    "<body><template></body></html>",
    "<body></template>@</body>",
    "<body><svg><title></body></title></svg>@</body>",
    "<body><svg><style><a></a></style></svg>@</body>",
    "<body><svg><script></body></script></svg>@</body>",
    "<body><svg/>@</body>",
    "<body><svg><path/></path></svg>@</body>",
    "<body><svg><g></svg>@</body>",
    "<body><svg x=/><style><!--</style>--></body></svg>@</body>",
    "<body><svg x='/'><style><!--</style>--></body></svg>@</body>",
    "<body><svg x/><style><!--</style>-->@</body></svg></body>",
    "<body><svg><g></body></svg>@</body>",
    "<body><svg><div><style></body></style></div>@</body>",
    "<body><svg><font><style></body></style></svg>@</body>",
    "<body><svg><font color=a><style></body></style>@</body>",
    "<body><svg></p>@</body>",
    "<body><svg><foreignObject><div><style></body></svg></style></div>"
        "</foreignObject></svg>@</body>",
    "<body><svg><foreignObject><div></foreignObject></svg></body>",
    "<body><div><svg></div></body>",
    "<body><svg></div></svg>@</body>",
    "<body><math><mi><style></body></style></mi></math>@</body>",
    "<body><math><mi><mglyph><style></style></mglyph></mi></math>@</body>",
    "<body><math><style></style></math>@</body>",
    "<body><select><option></select>@</body>",
    "<body><select><style></select></body>",
    "<body><select><script></body></script></select>@</body>",
    "<html><frameset></frameset></html>",
    "<body><frameset>@</body>",
    "<html><head></head>\0@</body>",
};


/* The case without its "@", and where that was; its length with NULs is that
 * of the literal up to its first NUL: one case has one, and it is known. */

static onsite_str_t
read_case(const char *text, char *page, size_t *at)
{
    size_t       i, n = 0, len = strlen(text);
    const char  *nul = "<html><head></head>";

    if (len == strlen(nul) && strcmp(text, nul) == 0) {
        len += 1 + strlen(text + len + 1);
    }

    *at = SIZE_MAX;

    for (i = 0; i < len; i++) {
        if (text[i] == '@') {
            *at = n;
        } else {
            page[n++] = text[i];
        }
    }

    return onsite_str(page, n);
}


static void
check(const run_t *r, onsite_str_t page, size_t at)
{
    size_t  mark = sizeof(MARK) - 1;

    if (r->count != (at != SIZE_MAX)
        || (r->count == 1 && memcmp(r->out.data + at, MARK, mark) != 0))
    {
        print_message("%.*s\n  gives %.*s\n", (int) page.len, page.data,
                      (int) r->out.len, r->out.data);
    }

    if (at == SIZE_MAX) {
        assert_int_equal(r->count, 0);
        assert_int_equal(r->out.len, page.len);
        assert_memory_equal(r->out.data, page.data, page.len);
        return;
    }

    assert_int_equal(r->count, 1);
    assert_int_equal(r->out.len, page.len + mark);
    assert_memory_equal(r->out.data, page.data, at);
    assert_memory_equal(r->out.data + at, MARK, mark);
    assert_memory_equal(r->out.data + at + mark, page.data + at,
                        page.len - at);
}


static void
finds_the_end_of_the_body(void **state)
{
    char          copy[512];
    run_t         r = { .place = ONSITE_PLACE_BODY_END };
    size_t        i, at, cut;
    onsite_str_t  page;

    (void) state;
    onsite_buf_init(&r.out, 0);

    for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        page = read_case(pages[i], copy, &at);
        run(&r, page, NULL, 0);

        check(&r, page, at);

        for (cut = 0; cut <= page.len; cut++) {
            run(&r, page, &cut, 1);
            check(&r, page, at);
        }
    }

    onsite_buf_free(&r.out);
}


/* Tags that the input holds to their end are read in another way than those
 * that it cuts: with enough behind it, that holds for all of a page. */

#define ROOM  192

static void
whole_tags_read_as_cut_ones(void **state)
{
    char          copy[512];
    run_t         r = { .place = ONSITE_PLACE_BODY_END };
    size_t        i, at, cut;
    onsite_str_t  page;

    (void) state;
    onsite_buf_init(&r.out, 0);

    for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        page = read_case(pages[i], copy, &at);

        if (at == SIZE_MAX || page.data[page.len - 1] != '>'
            || strncmp(page.data + at, "</", 2) != 0)
        {
            continue;
        }

        memset(copy + page.len, ' ', ROOM);
        page.len += ROOM;

        for (cut = 0; cut <= page.len - ROOM; cut++) {
            r.narrow = cut % 3;
            run(&r, page, &cut, 1);
            check(&r, page, at);
        }
    }

    onsite_buf_free(&r.out);
}


#define EVERYWHERE  ((1u << ONSITE_PLACES) - 1)


static void
add_slice(onsite_buf_t *out, const onsite_slice_t *slice)
{
    if (slice->kind == ONSITE_SLICE_INSERT) {
        onsite_buf_printf(out, "{%u}", slice->place);
    } else {
        onsite_buf_str(out, slice->bytes);
    }
}


static void
any_chunking_gives_the_same(void **state)
{
    char          copy[512];
    run_t         r = { .place = ONSITE_PLACE_BODY_END };
    size_t        i, at, cuts[512], n, round, k;
    uint32_t      seed = 1;
    onsite_str_t  page;

    (void) state;
    onsite_buf_init(&r.out, 0);

    for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        page = read_case(pages[i], copy, &at);

        for (round = 0; round < 20; round++) {
            for (k = n = 0; k < page.len; k++) {
                seed = seed * 1664525 + 1013904223;
                if (round == 0 || (seed >> 16) % (round + 1) == 0) {
                    cuts[n++] = k;
                }
            }
            run(&r, page, cuts, n);
            check(&r, page, at);
        }
    }

    onsite_buf_free(&r.out);
}


static void
expect(onsite_place_t place, bool document, const char *text)
{
    char          copy[512];
    run_t         r = { .place = place, .document = document };
    size_t        at, cut;
    onsite_str_t  page = read_case(text, copy, &at);

    onsite_buf_init(&r.out, 0);

    for (cut = 0; cut <= page.len; cut++) {
        run(&r, page, &cut, 1);
        check(&r, page, at);
    }

    onsite_buf_free(&r.out);
}


static void
other_places(void **state)
{
    (void) state;

    expect(ONSITE_PLACE_HEAD_START, false,
           "<html><head a='>'>@<title></head></title></head>");
    expect(ONSITE_PLACE_HEAD_START, false, "<html>@<body><head></body>");
    expect(ONSITE_PLACE_HEAD_START, false, "<html><head>@<head></head>");
    expect(ONSITE_PLACE_HEAD_START, false, "<!--<head>--><head>@</head>");
    expect(ONSITE_PLACE_HEAD_END, false,
           "<head><style></head></style>@</head><body></head>");
    expect(ONSITE_PLACE_HEAD_END, false, "<html>@<body></head></body>");
    expect(ONSITE_PLACE_BODY_START, false, "<body class=\"</body>\">@x<body>");
    expect(ONSITE_PLACE_BODY_START, false,
           "<template><body></template><body/>@");
    expect(ONSITE_PLACE_BODY_START, false,
           "<template><body></template><svg></svg><body/>@");
    expect(ONSITE_PLACE_BODY_START, true,
           "<template><body></template>@<svg></svg><body/>");
    expect(ONSITE_PLACE_BODY_END, true, "just text@");
    expect(ONSITE_PLACE_BODY_END, true, "@");
    expect(ONSITE_PLACE_BODY_END, true, "<textarea>just text");
}


static void
several_places_in_one_page(void **state)
{
    size_t            a, b, i;
    onsite_buf_t      out;
    onsite_str_t      piece[3];
    onsite_slice_t    slice;
    onsite_inject_t  *inject = malloc(onsite_inject_size());
    const char       *page = "<head><b></head><body></body></html>";

    (void) state;
    onsite_buf_init(&out, 0);

    for (a = 0; a <= strlen(page); a++) {
        for (b = a; b <= strlen(page); b++) {
            piece[0] = onsite_str(page, a);
            piece[1] = onsite_str(page + a, b - a);
            piece[2] = onsite_str(page + b, strlen(page) - b);
            onsite_inject_init(inject, EVERYWHERE);
            onsite_buf_clear(&out);

            for (i = 0; i < 3; i++) {
                onsite_inject_feed(inject, piece[i], i == 2);
                while (onsite_inject_next(inject, &slice)) {
                    add_slice(&out, &slice);
                }
            }

            assert_str(onsite_str(out.data, out.len),
                       "<head>{0}{1}{2}<b></head><body>{3}</body></html>");
            assert_int_equal(onsite_inject_count(inject), 4);
            assert_true(onsite_inject_finished(inject));
        }
    }

    onsite_buf_free(&out);
    free(inject);
}


static void
little_is_held_back(void **state)
{
    size_t            sent = 0, fed = 0;
    onsite_slice_t    slice;
    onsite_inject_t  *inject = malloc(onsite_inject_size());
    const char       *page = "<body>a<</</b</bo</bod</body1 </BODY</body>";

    (void) state;
    onsite_inject_init(inject, 1u << ONSITE_PLACE_BODY_END);

    for (fed = 0; page[fed] != '\0'; /* void */) {
        onsite_inject_feed(inject, onsite_str(page + fed, 1), false);
        fed++;
        while (onsite_inject_next(inject, &slice)) {
            sent += slice.bytes.len;
        }
        assert_in_range(fed - sent, 0, ONSITE_INJECT_HELD);
    }

    free(inject);
}


static const struct {
    const char           *text;
    onsite_html_where_t   where;
} contexts[] = {
    { "", ONSITE_HTML_TEXT },
    { "<p>a", ONSITE_HTML_TEXT },
    { "<p", ONSITE_HTML_TAG },
    { "<", ONSITE_HTML_TAG },
    { "</p", ONSITE_HTML_TAG },
    { "<p class", ONSITE_HTML_TAG },
    { "<p class=", ONSITE_HTML_VALUE_UNQUOTED },
    { "<p class=a", ONSITE_HTML_VALUE_UNQUOTED },
    { "<p class=a ", ONSITE_HTML_TAG },
    { "<p class=\"", ONSITE_HTML_VALUE_DOUBLE },
    { "<p class='a b", ONSITE_HTML_VALUE_SINGLE },
    { "<p class='a' ", ONSITE_HTML_TAG },
    { "<!-- ", ONSITE_HTML_COMMENT },
    { "<!doctype ", ONSITE_HTML_COMMENT },
    { "<svg><![CDATA[ ", ONSITE_HTML_COMMENT },
    { "<script>var a = '", ONSITE_HTML_SCRIPT },
    { "<script><!-- <script> a", ONSITE_HTML_SCRIPT },
    { "<style>", ONSITE_HTML_STYLE },
    { "<svg><style>", ONSITE_HTML_STYLE },
    { "<svg><script>", ONSITE_HTML_RAWTEXT },
    { "<svg><text>", ONSITE_HTML_TEXT },
    { "<title>", ONSITE_HTML_TEXT },
    { "<textarea>a</p>", ONSITE_HTML_TEXT },
    { "<textarea>a</text", ONSITE_HTML_TAG },
    { "<script>'</scr", ONSITE_HTML_TAG },
    { "<noscript>", ONSITE_HTML_RAWTEXT },
    { "<plaintext>", ONSITE_HTML_RAWTEXT },
    { "<select><style>", ONSITE_HTML_RAWTEXT },
};


static onsite_inject_t *
follow(const char *text)
{
    onsite_slice_t    slice;
    onsite_inject_t  *inject = malloc(onsite_inject_size());

    assert_non_null(inject);
    onsite_inject_init(inject, 0);
    onsite_inject_feed(inject, onsite_str(text, strlen(text)), false);

    while (onsite_inject_next(inject, &slice)) {
        assert_int_equal(slice.kind, ONSITE_SLICE_COPY);
    }

    return inject;
}


static void
tells_the_context(void **state)
{
    size_t            i;
    onsite_inject_t  *inject;

    (void) state;

    for (i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
        inject = follow(contexts[i].text);
        if (onsite_inject_where(inject) != contexts[i].where) {
            print_message("%s\n", contexts[i].text);
        }
        assert_int_equal(onsite_inject_where(inject), contexts[i].where);
        free(inject);
    }
}


static void
tells_the_attribute(void **state)
{
    bool              started;
    onsite_inject_t  *inject = follow("<A one=1 HREF = \"");

    (void) state;

    assert_str(onsite_inject_attribute(inject, &started), "href");
    assert_false(started);
    assert_true(onsite_inject_in_tag(inject, ONSITE_STR("a")));
    assert_false(onsite_inject_in_tag(inject, ONSITE_STR("b")));
    free(inject);

    inject = follow("<a 0123456789012345678901234567890123456789='x");
    assert_str(onsite_inject_attribute(inject, &started),
               "0123456789012345678901234567890");
    assert_true(started);
    free(inject);
}


static void
balanced(const char *text, bool expected)
{
    onsite_inject_t  *inject = follow(text);

    assert_int_equal(onsite_inject_balanced(inject), expected);
    free(inject);
}


static void
tells_what_is_left_open(void **state)
{
    onsite_inject_t  *a, *b;

    (void) state;

    balanced("<p>a<template><b></template>", true);
    balanced("<script></script>", true);
    balanced("</template>", false);
    balanced("<!-- ", false);
    balanced("<script>", false);
    balanced("<textarea>", false);
    balanced("<template>", false);
    balanced("<svg>", false);
    balanced("<a ", false);
    balanced("<plaintext>", false);

    a = follow("<p>x");
    b = follow("<p>x<b>y</b><i title='z'>");
    assert_true(onsite_inject_same(a, b));
    free(b);
    b = follow("<p>x<svg>");
    assert_false(onsite_inject_same(a, b));
    free(a);
    free(b);

    a = follow("<a title='x");
    b = follow("<a title='xyz");
    assert_true(onsite_inject_same(a, b));
    free(b);
    b = follow("<a href='xyz");
    assert_false(onsite_inject_same(a, b));
    free(a);
    free(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(finds_the_end_of_the_body),
        cmocka_unit_test(whole_tags_read_as_cut_ones),
        cmocka_unit_test(any_chunking_gives_the_same),
        cmocka_unit_test(other_places),
        cmocka_unit_test(several_places_in_one_page),
        cmocka_unit_test(little_is_held_back),
        cmocka_unit_test(tells_the_context),
        cmocka_unit_test(tells_the_attribute),
        cmocka_unit_test(tells_what_is_left_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
