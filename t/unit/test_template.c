/*
 * test_template.c - templates: what compiles, what is refused and where, and
 * that no value leaves the context it stands in.
 */

#include "unit.h"
#include "onsite_inject.h"
#include "onsite_json.h"
#include "onsite_limits.h"
#include "onsite_template.h"

typedef struct {
    onsite_builder_t        *b;
    onsite_arena_t          *arena;
    onsite_json_t           *json;
    onsite_image_t           image;
    onsite_ref_t             program;
    uint32_t                 roots;
    onsite_event_t           event;
    onsite_error_t           error;
    onsite_buf_t             out;
    onsite_prices_t          prices;
    onsite_template_site_t   site;
    size_t                   pieces;
    bool                     stable;    /* the first of them               */
} fixture_t;


/* As much of CLDR as is needed here: "1.234,50 EUR" everywhere. */

static bool
find_locale(void *data, onsite_str_t tag, char out[ONSITE_LOCALE_BYTES_MAX])
{
    (void) data;

    if (tag.len != 5) {
        return false;
    }

    memset(out, 0, ONSITE_LOCALE_BYTES_MAX);
    memcpy(out, tag.data, tag.len);

    return true;
}


static size_t
list_currencies(void *data, bool in_use, const char (**codes)[4])
{
    static const char  all[][4] = { "EUR", "JPY" };

    (void) data;
    (void) in_use;
    *codes = all;

    return 2;
}


static onsite_status_t
find_pattern(void *data, const char *locale, const char *currency,
    onsite_price_pattern_t *out)
{
    static char  after[16];

    (void) data;
    (void) snprintf(after, sizeof(after), " %s %.2s", currency, locale);
    *out = (onsite_price_pattern_t) {
        .digits = currency[0] == 'J' ? 0 : 2, .primary = 3, .secondary = 3,
        .least = 1, .decimal = ONSITE_STR(","), .group = ONSITE_STR("."),
        .before = onsite_str("", 0), .minus_before = ONSITE_STR("-"),
        .after = onsite_str(after, strlen(after)),
        .minus_after = onsite_str(after, strlen(after))
    };

    return ONSITE_OK;
}


static const onsite_cldr_t  cldr = {
    find_locale, list_currencies, find_pattern, NULL
};


static onsite_value_t
parse(fixture_t *f, const char *text)
{
    onsite_value_t  value;

    assert_int_equal(onsite_json_parse(f->json, f->arena,
                                       onsite_str(text, strlen(text)),
                                       &value, &f->error), ONSITE_OK);
    return value;
}


static void
begin(fixture_t *f)
{
    memset(f, 0, sizeof(*f));
    f->b = onsite_builder_create();
    f->arena = onsite_arena_create(16384, 1 << 20);
    f->json = onsite_json_create();
    onsite_buf_init(&f->out, 0);
    f->prices.cldr = &cldr;
    f->site.prices = &f->prices;
}


static void
end(fixture_t *f)
{
    onsite_builder_destroy(f->b);
    onsite_arena_destroy(f->arena);
    onsite_json_destroy(f->json);
    onsite_buf_free(&f->out);
}


static onsite_status_t
compile_html(fixture_t *f, onsite_str_t html)
{
    return onsite_template_compile_html(f->b, html, f->site, &f->program,
                                        &f->roots, &f->error);
}


/* As pieces it is the same, and only literals of the image are stable. */

static void
compare_pieces(fixture_t *f, onsite_context_t *context,
    onsite_status_t expected)
{
    size_t            i;
    bool              inside;
    const char       *base = (const char *) f->image.base;
    onsite_buf_t      scratch, text;
    onsite_str_t      bytes;
    onsite_pieces_t   pieces;

    onsite_buf_init(&scratch, ONSITE_HTML_MAX);
    onsite_buf_init(&text, 0);
    assert_int_equal(onsite_template_render_pieces(context, f->program,
                                                   &scratch, &pieces),
                     expected);

    if (expected == ONSITE_OK) {
        assert_true(pieces.n <= ONSITE_PIECES_MAX);
        assert_int_equal(pieces.len, f->out.len);

        for (i = 0; i < pieces.n; i++) {
            bytes = pieces.pieces[i].bytes;
            inside = bytes.data >= base
                     && bytes.data + bytes.len <= base + f->image.size;
            assert_int_equal(inside, pieces.pieces[i].stable);
            assert_true(bytes.len >= (inside ? ONSITE_PIECE_MIN : 1));
        }

        onsite_pieces_write(&text, &pieces);
        assert_int_equal(text.len, f->out.len);

        if (text.len != 0) {
            assert_memory_equal(text.data, f->out.data, text.len);
        }

        f->stable = pieces.n != 0 && pieces.pieces[0].stable;
        f->pieces = pieces.n;
    }

    onsite_buf_free(&scratch);
    onsite_buf_free(&text);
}


static onsite_status_t
render(fixture_t *f)
{
    uint32_t                n;
    onsite_ref_t            prices;
    onsite_status_t         status;
    onsite_context_t        context = { .arena = f->arena,
                                        .event = &f->event, .stamp = 1 };
    onsite_image_header_t  *header;

    assert_int_equal(onsite_prices_build(&f->prices, f->b, &prices),
                     ONSITE_OK);
    header = onsite_builder_at(f->b, 0);
    header->prices = prices;

    assert_int_equal(onsite_builder_finish(f->b, ONSITE_STR("s"), 1,
                                           &f->image, &f->error), ONSITE_OK);
    assert_int_equal(onsite_prices_verify(&f->image, &f->error), ONSITE_OK);
    assert_int_equal(onsite_template_verify(&f->image, f->program,
                                            &f->error), ONSITE_OK);

    n = onsite_image_header(&f->image)->n_slots;
    context.image = &f->image;
    context.memo = calloc(n + 1, sizeof(onsite_memo_t));
    assert_non_null(context.memo);

    onsite_buf_clear(&f->out);
    status = onsite_template_render(&context, f->program, &f->out);
    compare_pieces(f, &context, status);
    free(context.memo);

    return status;
}


static void
expect_str(const char *html, const char *properties, onsite_str_t expected)
{
    fixture_t  f;

    begin(&f);
    f.event.properties = parse(&f, properties);

    if (compile_html(&f, onsite_str(html, strlen(html))) != ONSITE_OK) {
        print_message("%s: %s\n", html, f.error.text);
        fail();
    }

    assert_int_equal(render(&f), ONSITE_OK);

    if (!onsite_str_eq(onsite_str(f.out.data, f.out.len), expected)) {
        print_message("%s\n  gives    %.*s\n  expected %.*s\n", html,
                      (int) f.out.len, f.out.data, (int) expected.len,
                      expected.data);
        fail();
    }

    end(&f);
}


static void
expect(const char *html, const char *properties, const char *expected)
{
    expect_str(html, properties, onsite_str(expected, strlen(expected)));
}


/* In these, "$" stands for "event.properties.". */

static char *
spell_out(const char *text)
{
    char        *out = malloc(strlen(text) * 20 + 1), *p = out;

    assert_non_null(out);

    for (/* void */; *text != '\0'; text++) {
        if (*text == '$') {
            p += sprintf(p, "event.properties.");
        } else {
            *p++ = *text;
        }
    }

    *p = '\0';

    return out;
}


static void
expect_short(const char *html, const char *properties, const char *expected)
{
    char  *text = spell_out(html);

    expect(text, properties, expected);
    free(text);
}


static void
values_of_every_type(void **state)
{
    const char  *all = "{\"s\":\"a<b\",\"n\":12.5,\"t\":true,\"f\":false,"
                       "\"z\":null,\"a\":[1,\"<\"],\"o\":{\"k\":\"'\"}}";

    (void) state;

    expect("plain", "{}", "plain");
    expect("", "{}", "");
    expect_short("{{$s}}", all, "a&lt;b");
    expect_short("{{ $s\n}}!", all, "a&lt;b!");
    expect_short("{{$n}}|{{$t}}|{{$f}}", all, "12.5|true|false");
    expect_short("[{{$z}}{{$nothing}}]", all, "[]");
    expect_short("{{$a}}", all, "[1,&quot;\\u003c&quot;]");
    expect_short("{{$o}}", all, "{&quot;k&quot;:&quot;&#39;&quot;}");
    expect_short("{{$o.k}}", all, "&#39;");
    expect_short("{{$a.1}}", all, "&lt;");
    expect("{{event.name}}", "{}", "");
    expect_short("&#123;&#123;x}}", all, "&#123;&#123;x}}");
    expect_short("{ {x} }", all, "{ {x} }");
}


static void
sections(void **state)
{
    const char  *data = "{\"l\":[\"a\",\"<\"],\"e\":[],\"o\":{\"n\":1},"
                        "\"p\":[{\"n\":\"x\",\"q\":[1,2]},{\"n\":\"y\"}],"
                        "\"zero\":0,\"s\":\"\",\"t\":true}";

    (void) state;

    expect_short("{{#$l}}<li>{{.}}</li>{{/$l}}", data,
                 "<li>a</li><li>&lt;</li>");
    expect_short("{{#$e}}x{{/$e}}{{^$e}}none{{/$e}}", data, "none");
    expect_short("{{#$t}}yes{{/$t}}{{^$t}}no{{/$t}}", data, "yes");
    expect_short("{{#$zero}}x{{/$zero}}{{#$s}}x{{/$s}}{{#$no}}x{{/$no}}",
                 data, "");
    expect_short("{{#$o}}{{n}}{{.n}}{{/$o}}", data, "11");
    expect_short("{{#$p}}{{n}}:{{#q}}{{.}},{{/q}}{{^q}}-{{/q}};{{/$p}}",
                 data, "x:1,2,;y:-;");
    expect_short("{{#$p}}{{$o.n}}{{/$p}}", data, "11");
    expect_short("{{#$p}}{{event}}{{.event.x}}{{/$p}}", data, "");
    expect_short("<a class=\"a{{#$t}} on{{/$t}}\">b</a>", data,
                 "<a class=\"a on\">b</a>");
    expect_short("{{^$no}}{{.}}{{/$no}}", data, "");
}


static void
each_context_has_its_escaping(void **state)
{
    const char  *data = "{\"x\":\"a'\\\"<&>b c/\\u00e9\\\\\",\"n\":5}";

    (void) state;

    expect_short("<p title=\"{{$x}}\">", data,
                 "<p title=\"a&#39;&quot;&lt;&amp;&gt;b c/\xc3\xa9\\\">");
    expect_short("<title>{{$x}}</title>", data,
                 "<title>a&#39;&quot;&lt;&amp;&gt;b c/\xc3\xa9\\</title>");
    expect_short("<a href=\"/p?q={{$x}}\">", data,
                 "<a href=\"/p?q=a%27%22%3C%26%3Eb%20c%2F%C3%A9%5C\">");
    expect_short("<script>var a='{{$x}}';</script>", data,
                 "<script>var a='a\\u0027\\u0022\\u003c\\u0026\\u003eb c"
                 "\\u002f\xc3\xa9\\u005c';</script>");
    expect_short("<script>/* ' */ // '\nvar a=\"{{$n}}\"</script>", data,
                 "<script>/* ' */ // '\nvar a=\"5\"</script>");
    expect_short("<a href='{{$x}}'>", "{\"x\":\"https://a.b/c d?e=f&g\"}",
                 "<a href='https://a.b/c%20d?e=f&amp;g'>");
    expect_short("<script src='/js/{{$x}}.js'></script>",
                 "{\"x\":\"../a\"}",
                 "<script src='/js/..%2Fa.js'></script>");
    expect_short("<a href='{{$x}}/{{$y}}'>", "{\"x\":\"/a\",\"y\":\"b:c\"}",
                 "<a href='/a/b%3Ac'>");
}


static void
no_nul_and_no_broken_utf8(void **state)
{
    fixture_t             f;
    onsite_member_t       member;
    static const char    *html[] = { "{{event.properties.x}}",
                                     "<a href='{{event.properties.x}}'>",
                                     "<a href='/{{event.properties.x}}'>",
                                     "<script>'{{event.properties.x}}'"
                                         "</script>" };
    static const char    *expected[] = { "a\xef\xbf\xbd" "b\xef\xbf\xbd",
                                         "<a href='#'>",
                                         "<a href='/a%EF%BF%BDb%EF%BF%BD'>",
                                         "<script>'a\xef\xbf\xbd" "b\xef\xbf"
                                             "\xbd'</script>" };
    size_t                i;

    (void) state;

    for (i = 0; i < 4; i++) {
        begin(&f);
        member.key = ONSITE_STR("x");
        member.value = onsite_value_string(onsite_str("a\0b\xc3", 4));
        f.event.properties = (onsite_value_t) { .type = ONSITE_OBJECT,
                                                .len = 1,
                                                .as.members = &member };
        assert_int_equal(compile_html(&f, onsite_str(html[i],
                                                     strlen(html[i]))),
                         ONSITE_OK);
        assert_int_equal(render(&f), ONSITE_OK);
        assert_int_equal(f.out.len, strlen(expected[i]));
        assert_memory_equal(f.out.data, expected[i], f.out.len);
        end(&f);
    }
}


/* The rendering of each template with each value must be read by the scanner
 * just as it is with a harmless value: same places, same modes. */

static const char  *attacks[] = {
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>",
    "'><svg onload=alert(1)>", "\" onmouseover=\"alert(1)",
    "' onmouseover='alert(1)", "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>", "--><script>alert(1)</script>",
    "</script><script>alert(1)</script>", "';alert(1);//",
    "\";alert(1);//", "\\';alert(1);//", "\\", "\n';alert(1)//",
    "`${alert(1)}`", "<!--", "<!--<script>", "]]><x>", "&lt;script&gt;",
    "</template><script>alert(1)</script>", "{{event.name}}", "\xe2\x80\xa8",
    "\r\nx: y", "</style><b>", "/>", ">", "<", "'", "\"", "=", " a=b",
};

static const char  *safe_places[] = {
    "<p>{{$x}}</p>", "<p title=\"{{$x}}\">a</p>", "<p title='{{$x}}'>a</p>",
    "<title>{{$x}}</title>", "<textarea>{{$x}}</textarea>",
    "<a href=\"{{$x}}\">a</a>", "<a href='{{$x}}'>a</a>",
    "<a href=\"/a/{{$x}}\">a</a>", "<img src='https://a.b/{{$x}}?{{$x}}'>",
    "<script>var a='{{$x}}', b=\"{{$x}}\";</script>",
    "<svg><text>{{$x}}</text></svg>", "<b>{{#$x}}{{.}}{{/$x}}</b>",
    "<script type=\"application/json\">{\"a\":\"{{$x}}\"}</script>",
    "<p title=\"{{$x | upper}}\">{{$x | truncate 6}}</p>",
    "<a href=\"{{$x | lower}}\">{{$none | default $x}}</a>",
    "<form action='{{$x}}'><button formaction=\"{{$x}}\">a</button></form>",
    "<video poster='{{$x}}'></video><input type='{{$x}}'>",
    "<svg><a xlink:href='{{$x}}'></a></svg>{{! {{ }}",
};


/* Modes that the scanner passes through, each noted once. */

static void
trace(onsite_str_t html, onsite_buf_t *modes)
{
    size_t                i;
    char                  c, last = 0;
    onsite_slice_t        slice;
    onsite_inject_t      *scan = malloc(onsite_inject_size());

    onsite_buf_clear(modes);
    onsite_inject_init(scan, 0);

    for (i = 0; i < html.len; i++) {
        onsite_inject_feed(scan, onsite_str(html.data + i, 1), false);
        while (onsite_inject_next(scan, &slice)) {
            /* void */
        }
        c = (char) ('a' + onsite_inject_where(scan));
        if (c != last) {
            onsite_buf_char(modes, c);
            last = c;
        }
    }

    assert_true(onsite_inject_balanced(scan));
    free(scan);
}


static void
no_value_leaves_its_context(void **state)
{
    char                 *html;
    size_t                i, k;
    fixture_t             f;
    onsite_buf_t          modes, attacked;
    onsite_member_t       member = { .key = ONSITE_STR("x") };

    (void) state;
    onsite_buf_init(&modes, 0);
    onsite_buf_init(&attacked, 0);

    for (i = 0; i < sizeof(safe_places) / sizeof(safe_places[0]); i++) {
        html = spell_out(safe_places[i]);

        for (k = 0; k <= sizeof(attacks) / sizeof(attacks[0]); k++) {
            begin(&f);
            member.value = onsite_value_string(k == 0
                           ? ONSITE_STR("x")
                           : onsite_str(attacks[k - 1],
                                        strlen(attacks[k - 1])));
            f.event.properties = (onsite_value_t) { .type = ONSITE_OBJECT,
                                                    .len = 1,
                                                    .as.members = &member };
            assert_int_equal(compile_html(&f, onsite_str(html, strlen(html))),
                             ONSITE_OK);
            assert_int_equal(render(&f), ONSITE_OK);
            trace(onsite_str(f.out.data, f.out.len),
                  k == 0 ? &modes : &attacked);

            if (k != 0) {
                assert_int_equal(modes.len, attacked.len);
                assert_memory_equal(modes.data, attacked.data, modes.len);
            }
            end(&f);
        }

        free(html);
    }

    onsite_buf_free(&modes);
    onsite_buf_free(&attacked);
}


static void
only_safe_urls(void **state)
{
    size_t  i;

    static const char  *bad[] = {
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)",
        "java\\tscript:alert(1)", "java\\nscript:alert(1)",
        "\\u0001javascript:alert(1)", "javascript\\t:alert(1)",
        "data:text/html,<script>alert(1)</script>", "vbscript:msgbox(1)",
        "file:///etc/passwd", "blob:x", "x-y:z", ":a", "http\\t:a",
        "view-source:http://a", "feed:javascript:alert(1)", "\\u007f:a",
        "javascript&colon;a:b", "java script:a",
    };
    static const char  *good[][2] = {
        { "http://a.b/", "http://a.b/" }, { "HTTPS://a.b", "HTTPS://a.b" },
        { "mailto:a@b.c", "mailto:a@b.c" }, { "tel:+33", "tel:+33" },
        { "/a/b:c", "/a/b:c" }, { "a/b", "a/b" }, { "?a:b", "?a:b" },
        { "#a:b", "#a:b" }, { "//a.b/c", "//a.b/c" }, { "", "" },
        { "javascript&#58;alert(1)", "javascript&amp;#58;alert(1)" },
        { " http://a ", "http://a" }, { "/a%20b", "/a%20b" },
        { "javascript&colon;a", "javascript&amp;colon;a" },
        { "/\\u00e9", "/%C3%A9" },
    };
    char  data[128], expected[128];

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void) snprintf(data, sizeof(data), "{\"x\":\"%s\"}", bad[i]);
        expect_short("<a href=\"{{$x}}\">", data, "<a href=\"#\">");
    }

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        (void) snprintf(data, sizeof(data), "{\"x\":\"%s\"}", good[i][0]);
        (void) snprintf(expected, sizeof(expected), "<a xlink:href='%s'>",
                        good[i][1]);
        expect_short("<a xlink:href='{{$x}}'>", data, expected);
    }

    expect_short("<a href=\"{{$x}}\">", "{\"x\":{\"a\":1}}",
                 "<a href=\"#\">");
}


static const struct {
    const char  *html;
    const char  *error;
} refused[] = {
    { "{{}}", "1:1: " },
    { "a\n {{nobody}}", "2:2: \"nobody\" is not known" },
    { "{{visitor.statsu}}", "no value" },
    { "{{event.properties}}", "no value" },
    { "{{event..x}}", "no path" },
    { "{{$x", "without \"}}\"" },
    { "{{{$x}}}", "no unescaped" },
    { "{{&$x}}", "no unescaped" },
    { "{{.}}", "in no section" },
    { "{{$a.b.c.d.e.f.g.h.i}}", "at most 8" },
    { "{{#$x}}a", "still open" },
    { "{{/$x}}", "closes nothing" },
    { "{{#$x}}{{#$y}}{{/$x}}{{/$y}}", "is expected" },
    { "{{#$a}}{{#$a}}{{#$a}}{{#$a}}{{#$a}}", "at most 4" },
    { "<p title={{$x}}>", "without quotes" },
    { "<p title=a{{$x}}>", "without quotes" },
    { "<p {{$x}}>", "in a tag" },
    { "<p {{$x}}=\"a\">", "in a tag" },
    { "<{{$x}}>", "in a tag" },
    { "</{{$x}}>", "in a tag" },
    { "<textarea></text{{$x}}></textarea>", "in a tag" },
    { "<!-- {{$x}} -->", "in a comment" },
    { "<style>{{$x}}</style>", "in a style" },
    { "<svg><style>{{$x}}</style></svg>", "in a style" },
    { "<svg><script>'{{$x}}'</script></svg>", "in raw text" },
    { "<noscript>{{$x}}</noscript>", "in raw text" },
    { "<iframe>{{$x}}</iframe>", "in raw text" },
    { "<p onclick=\"a('{{$x}}')\">", "holds code" },
    { "<p ONCLICK='{{$x}}'>", "holds code" },
    { "<p/onclick='{{$x}}'>", "holds code" },
    { "<p style='color:{{$x}}'>", "holds code" },
    { "<iframe srcdoc='{{$x}}'></iframe>", "holds code" },
    { "<img srcset='{{$x}}'>", "holds code" },
    { "<svg><set to='{{$x}}'/></svg>", "holds code" },
    { "<meta content='{{$x}}'>", "holds code" },
    { "<meta http-equiv='{{$x}}'>", "holds code" },
    { "<meta http-equiv=refresh content='0;url={{$x}}'>", "holds code" },
    { "<source srcset='/a/{{$x}} 2x'>", "holds code" },
    { "<link imagesrcset='{{$x}}'>", "holds code" },
    { "<iframe sandbox='{{$x}}'></iframe>", "holds code" },
    { "<link rel='{{$x}}' href='/a'>", "holds code" },
    { "<script type='{{$x}}'>a()</script>", "holds code" },
    { "<script nonce=\"{{$x}}\">a()</script>", "holds code" },
    { "<button formaction='x{{$x}}'>", "scheme" },
    { "<form action='data:{{$x}}'>", "scheme" },
    { "<svg><a xlink:href='vbscript:{{$x}}'></a></svg>", "scheme" },
    { "<object data='{{$x}}'></object>", "loads code" },
    { "<svg><use href='{{$x}}'/></svg>", "loads code" },
    { "<video poster='java{{$x}}'></video>", "scheme" },
    { "<script>var a={{$x}};</script>", "in a script" },
    { "<script>a = b / 2; c = '{{$x}}'</script>", "in a script" },
    { "<script>a = /'/; c = '{{$x}}'</script>", "in a script" },
    { "<script>a = `{{$x}}`</script>", "in a script" },
    { "<script>a = '\\{{$x}}'</script>", "in a script" },
    { "<script><!-- '\n'{{$x}}'</script>", "in a script" },
    { "<script>// {{$x}}</script>", "in a script" },
    { "<script>'{{#$x}}'{{/$x}}</script>", "in a script" },
    { "<script>'</scr{{$x}}'</script>", "in a tag" },
    { "<script src='{{$x}}'></script>", "loads code" },
    { "<script src='//{{$x}}'></script>", "loads code" },
    { "<script src='/{{$x}}'></script>", "loads code" },
    { "<script src='https://{{$x}}/a'></script>", "loads code" },
    { "<script src='http:///{{$x}}'></script>", "loads code" },
    { "<script src='https://:80/{{$x}}'></script>", "loads code" },
    { "<fencedframe src='{{$x}}'></fencedframe>", "loads code" },
    { "<portal src='//{{$x}}'></portal>", "loads code" },
    { "<img attributionsrc='java{{$x}}'>", "scheme" },
    { "<a @click='{{$x}}'>", "frameworks run" },
    { "<a :href='{{$x}}'>", "frameworks run" },
    { "<a v-html='{{$x}}'>", "frameworks run" },
    { "<a X-data='{{$x}}'>", "frameworks run" },
    { "<a hx-get='{{$x}}'>", "frameworks run" },
    { "<a ng-click='{{$x}}'>", "frameworks run" },
    { "<base href='{{$x}}'>", "loads code" },
    { "<iframe src='{{$x}}'></iframe>", "loads code" },
    { "<a href='java{{$x}}'>", "scheme" },
    { "<a href='javascript:a({{$x}})'>", "scheme" },
    { "<a href='javascript&colon;/{{$x}}'>", "scheme" },
    { "<a href='\tjavascript:/{{$x}}'>", "scheme" },
    { "<a href='data:text/html,{{$x}}'>", "scheme" },
    { "<a href='{{$x}}script:a'>", "goes on" },
    { "<a href='{{$x}}:a'>", "goes on" },
    { "<a href='{{$x}}{{$y}}'>", "goes on" },
    { "<a href='{{#$x}}a{{/$x}}'>", "in a URL" },
    { "{{#$x}}<b title='{{/$x}}'>", "another context" },
    { "{{#$x}}<textarea>{{/$x}}</textarea>", "another context" },
    { "{{#$x}}<svg>{{/$x}}</svg>", "another context" },
    { "<!-- ", "swallow" },
    { "<p title='", "swallow" },
    { "<script>", "swallow" },
    { "<template>", "swallow" },
    { "</template>", "swallow" },
    { "<plaintext>", "swallow" },
    { "<svg>", "swallow" },
};


static void
what_is_unsafe_does_not_compile(void **state)
{
    char       *html;
    size_t      i;
    fixture_t   f;

    (void) state;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        html = spell_out(refused[i].html);
        begin(&f);

        if (compile_html(&f, onsite_str(html, strlen(html)))
            != ONSITE_INVALID
            || strstr(f.error.text, refused[i].error) == NULL)
        {
            print_message("%s: %s\n", html, f.error.text);
            fail();
        }

        end(&f);
        free(html);
    }
}


static void
errors_say_where(void **state)
{
    fixture_t  f;

    (void) state;
    begin(&f);

    assert_int_equal(compile_html(&f, ONSITE_STR("<p>\n  <b x={{cart.value}}>"
                                                 "</p>")), ONSITE_INVALID);
    assert_memory_equal(f.error.text, "2:8: {{cart.value}} stands", 26);
    end(&f);
}


static void
rendering_is_bounded(void **state)
{
    char             text[4100];
    fixture_t        f;
    onsite_value_t   items[200];
    onsite_member_t  member = { .key = ONSITE_STR("x") };
    size_t           i;

    (void) state;
    begin(&f);
    memset(text, '<', sizeof(text));

    for (i = 0; i < 200; i++) {
        items[i] = onsite_value_string(onsite_str(text, 1));
    }
    member.value = (onsite_value_t) { .type = ONSITE_ARRAY, .len = 200,
                                      .as.items = items };
    f.event.properties = (onsite_value_t) { .type = ONSITE_OBJECT, .len = 1,
                                            .as.members = &member };

    assert_int_equal(compile_html(&f, ONSITE_STR("{{#event.properties.x}}{{.}}"
                                          "{{/event.properties.x}}")),
                     ONSITE_OK);
    assert_int_equal(render(&f), ONSITE_OK);
    assert_int_equal(f.out.len, 64 * 4);

    for (i = 0; i < 200; i++) {
        items[i] = onsite_value_string(onsite_str(text, sizeof(text)));
    }
    assert_int_equal(render(&f), ONSITE_LIMIT);
    end(&f);

    begin(&f);
    f.event.properties = (onsite_value_t) { .type = ONSITE_OBJECT, .len = 1,
                                            .as.members = &member };
    assert_int_equal(compile_html(&f, ONSITE_STR(
        "{{#event.properties.x}}{{#event.properties.x}}"
        "{{#event.properties.x}}{{/event.properties.x}}"
        "{{/event.properties.x}}{{/event.properties.x}}")), ONSITE_OK);
    assert_int_equal(render(&f), ONSITE_LIMIT);
    end(&f);
}


/* "x" is a literal of 255 bytes, "X" one of 256, "." a value, "[" and "]" a
 * section over 40 items. */

static void
expect_pieces(const char *shape, size_t n, bool stable)
{
    size_t        i;
    fixture_t     f;
    onsite_buf_t  html;

    begin(&f);
    onsite_buf_init(&html, 0);
    onsite_buf_printf(&html, "{\"v\":\"v\",\"l\":[0");

    for (i = 1; i < 40; i++) {
        onsite_buf_printf(&html, ",0");
    }

    onsite_buf_printf(&html, "]}");
    f.event.properties = parse(&f, html.data);
    onsite_buf_clear(&html);

    for (/* void */; *shape != '\0'; shape++) {
        onsite_buf_printf(&html, *shape == 'x' ? "%0255d"
                          : *shape == 'X' ? "%0256d"
                          : *shape == '.' ? "{{event.properties.v}}"
                          : *shape == '[' ? "{{#event.properties.l}}"
                                          : "{{/event.properties.l}}", 0);
    }

    assert_int_equal(compile_html(&f, onsite_str(html.data, html.len)),
                     ONSITE_OK);
    assert_int_equal(render(&f), ONSITE_OK);
    assert_int_equal(f.pieces, n);
    assert_int_equal(f.stable, stable);

    onsite_buf_free(&html);
    end(&f);
}


static void
filters(void **state)
{
    size_t  i;

    static const struct {
        const char  *html;
        const char  *properties;
        const char  *expected;
    } cases[] = {
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

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_short(cases[i].html, cases[i].properties, cases[i].expected);
    }
}


static void
filters_that_are_none(void **state)
{
    size_t      i;
    char       *html;
    fixture_t   f;

    static const struct {
        const char  *html;
        const char  *reason;
    } cases[] = {
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

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(&f);
        html = spell_out(cases[i].html);
        assert_int_equal(compile_html(&f, onsite_str(html, strlen(html))),
                         ONSITE_INVALID);

        if (strstr(f.error.text, cases[i].reason) == NULL) {
            fail_msg("%s: %s", cases[i].html, f.error.text);
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


static void
long_literals_are_not_copied(void **state)
{
    (void) state;
    expect_pieces("", 0, false);
    expect_pieces(".", 1, false);
    expect_pieces("x", 1, false);
    expect_pieces("X", 1, true);
    expect_pieces(".x.", 1, false);
    expect_pieces(".X.", 3, false);
    expect_pieces("X.X", 3, true);
    expect_pieces("[X]", 31 + 1, true);         /* the 32nd on is copied   */
    expect_pieces("[.X]", 31 * 2 + 1, false);
    expect_pieces("[]X", 1, true);
}


static void
pieces_need_an_arena(void **state)
{
    fixture_t          f;
    onsite_buf_t       scratch;
    onsite_pieces_t    pieces;
    onsite_context_t   context = { .image = &f.image };

    (void) state;
    begin(&f);
    assert_int_equal(compile_html(&f, ONSITE_STR("<p>text</p>")), ONSITE_OK);
    assert_int_equal(render(&f), ONSITE_OK);

    context.arena = onsite_arena_create(64, 128);
    onsite_buf_init(&scratch, 0);

    while (onsite_arena_alloc(context.arena, 16) != NULL) {
        /* void */
    }

    assert_int_equal(onsite_template_render_pieces(&context, f.program,
                                                   &scratch, &pieces),
                     ONSITE_NO_MEMORY);
    assert_int_equal(pieces.n, 0);
    assert_int_equal(onsite_template_render_pieces(&context, 0, &scratch,
                                                   &pieces), ONSITE_OK);
    assert_int_equal(pieces.len, 0);

    onsite_buf_free(&scratch);
    onsite_arena_destroy(context.arena);
    end(&f);
}


static void
pieces_as_one_json_string(void **state)
{
    onsite_buf_t     out;
    onsite_piece_t   list[] = { { ONSITE_STR("<b>\""), true },
                                { ONSITE_STR("\xc3\xa9\n"), false } };
    onsite_pieces_t  pieces = { list, 2, 7 };

    (void) state;
    onsite_buf_init(&out, 0);
    onsite_pieces_write_json(&out, &pieces);
    assert_str(onsite_str(out.data, out.len),
               "\"\\u003cb>\\\"\xc3\xa9\\n\"");

    onsite_buf_clear(&out);
    onsite_pieces_write_json(&out, &(onsite_pieces_t) { .n = 0 });
    assert_str(onsite_str(out.data, out.len), "\"\"");
    onsite_buf_free(&out);
}


static void
data_keeps_types(void **state)
{
    fixture_t       f;
    onsite_value_t  data;

    (void) state;
    begin(&f);
    f.event.properties = parse(&f, "{\"n\":5,\"s\":\"a\\\"<\",\"l\":[1,2]}");
    data = parse(&f, "{\"a\":\"{{event.properties.n}}\","
                     "\"b\":\"x {{event.properties.s}} {{ event.properties.n"
                     " }}\",\"c\":[true,null,1.5,\"t\\\"\"],"
                     "\"d\":\"{{event.properties.none}}\","
                     "\"e\":{\"f\":\"{{event.properties.l}}\"},"
                     "\"g\":\"{{#event.properties.l}}{{.}};"
                     "{{/event.properties.l}}\","
                     "\"h\":\"{{event.properties.none}}!\","
                     "\"i\":\"{{event.properties.n | default 1}}\","
                     "\"j\":\"{{event.properties.s | upper}}\","
                     "\"k\":\"{{event.properties.none | upper}}\","
                     "\"m\":\"{{! nothing }}\"}");

    assert_int_equal(onsite_template_compile_data(f.b, &data, f.site,
                                                  &f.program, &f.roots,
                                                  &f.error),
                     ONSITE_OK);
    assert_int_equal(f.roots, 1u << ONSITE_ROOT_EVENT);
    assert_int_equal(render(&f), ONSITE_OK);
    assert_str(onsite_str(f.out.data, f.out.len),
               "{\"a\":5,\"b\":\"x a\\\"\\u003c 5\",\"c\":[true,null,1.5,"
               "\"t\\\"\"],\"d\":null,\"e\":{\"f\":[1,2]},\"g\":\"1;2;\","
               "\"h\":\"!\",\"i\":\"5\",\"j\":\"A\\\"\\u003c\","
               "\"k\":\"\",\"m\":\"\"}");
    end(&f);
}


static void
data_errors_say_where(void **state)
{
    fixture_t       f;
    onsite_value_t  data;

    (void) state;
    begin(&f);

    data = parse(&f, "{\"a\":{\"b\":[0,\"x{{nobody}}\"]}}");
    assert_int_equal(onsite_template_compile_data(f.b, &data, f.site,
                                                  &f.program, &f.roots,
                                                  &f.error),
                     ONSITE_INVALID);
    assert_memory_equal(f.error.text, "a.b[1] 1:2: \"nobody\"", 20);

    data = parse(&f, "{\"a\":\"{{#cart.skus}}\"}");
    assert_int_equal(onsite_template_compile_data(f.b, &data, f.site,
                                                  &f.program, &f.roots,
                                                  &f.error),
                     ONSITE_INVALID);

    data = parse(&f, "{\"{{cart.value}}\":1}");
    assert_int_equal(onsite_template_compile_data(f.b, &data, f.site,
                                                  &f.program, &f.roots,
                                                  &f.error),
                     ONSITE_INVALID);
    end(&f);
}


static void
tells_which_properties_it_reads(void **state)
{
    fixture_t     f;
    onsite_str_t  keys[6];

    (void) state;
    begin(&f);
    assert_int_equal(compile_html(&f, ONSITE_STR(
        "{{event.properties.a}}{{event.properties.b.c}}{{visitor.visits}}"
        "{{event.properties.a}}{{#event.properties.d}}{{x}}"
        "{{/event.properties.d}}{{visitor.id | default event.properties.e |"
        " price event.properties.f request.language}}")), ONSITE_OK);
    assert_int_equal(f.roots, 1u << ONSITE_ROOT_EVENT
                              | 1u << ONSITE_ROOT_VISITOR
                              | 1u << ONSITE_ROOT_REQUEST);
    assert_int_equal(render(&f), ONSITE_OK);
    assert_int_equal(onsite_template_properties(&f.image, f.program, keys, 6),
                     5);
    assert_str(keys[3], "e");
    assert_str(keys[4], "f");
    assert_str(keys[0], "a");
    assert_str(keys[1], "b");
    assert_str(keys[2], "d");
    assert_int_equal(onsite_template_properties(&f.image, f.program, keys, 1),
                     1);
    assert_int_equal(onsite_template_properties(&f.image, 0, keys, 4), 0);
    end(&f);
}


/* A program with any one byte changed is refused or still safe to render. */

static void
verify_withstands_any_byte(void **state)
{
    size_t                  i, k;
    uint8_t                 old, *bytes;
    fixture_t               f;
    onsite_memo_t           memo[8];
    onsite_arena_t         *arena = onsite_arena_create(65536, 1 << 20);
    onsite_context_t        context;
    onsite_image_header_t  *header;

    (void) state;
    begin(&f);
    f.event.properties = parse(&f, "{\"l\":[{\"a\":1},{\"a\":2}],\"x\":1}");
    assert_int_equal(compile_html(&f, ONSITE_STR(
        "<p>{{event.properties.x}}{{#event.properties.l}}a{{a}}{{^b}}{{.}}"
        "{{/b}}{{a | default b | upper}}{{/event.properties.l}}</p>"
        "{{event.properties.y | default event.properties.x | truncate 3 |"
        " upper | price 'EUR' 'de-DE' | default 'text'}}"
        "{{event.properties.x | price event.properties.y event.properties.l |"
        " lower}}")), ONSITE_OK);
    assert_int_equal(render(&f), ONSITE_OK);

    header = (onsite_image_header_t *) f.image.base;

    for (i = sizeof(*header); i < f.image.size; i++) {
        for (k = 0; k < 256; k += 5) {
            bytes = (uint8_t *) f.image.base;
            old = bytes[i];
            bytes[i] = (uint8_t) k;

            header->checksum = onsite_image_checksum(&f.image);

            if (onsite_image_verify_tables(&f.image, NULL) == ONSITE_OK
                && onsite_prices_verify(&f.image, NULL) == ONSITE_OK
                && onsite_template_verify(&f.image, f.program, NULL)
                   == ONSITE_OK)
            {
                onsite_arena_reset(arena);
                memset(memo, 0, sizeof(memo));
                context = (onsite_context_t) {
                    .image = &f.image, .arena = arena, .event = &f.event,
                    .stamp = 1, .memo = memo
                };
                onsite_buf_clear(&f.out);
                (void) onsite_template_render(&context, f.program, &f.out);
            }
            bytes[i] = old;
        }
    }

    assert_int_equal(onsite_template_verify(&f.image, f.image.size - 4, NULL),
                     ONSITE_CORRUPT);
    onsite_arena_destroy(arena);
    end(&f);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(values_of_every_type),
        cmocka_unit_test(sections),
        cmocka_unit_test(each_context_has_its_escaping),
        cmocka_unit_test(no_nul_and_no_broken_utf8),
        cmocka_unit_test(no_value_leaves_its_context),
        cmocka_unit_test(only_safe_urls),
        cmocka_unit_test(what_is_unsafe_does_not_compile),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(rendering_is_bounded),
        cmocka_unit_test(filters),
        cmocka_unit_test(filters_that_are_none),
        cmocka_unit_test(tells_all_paths),
        cmocka_unit_test(long_literals_are_not_copied),
        cmocka_unit_test(pieces_need_an_arena),
        cmocka_unit_test(pieces_as_one_json_string),
        cmocka_unit_test(data_keeps_types),
        cmocka_unit_test(data_errors_say_where),
        cmocka_unit_test(tells_which_properties_it_reads),
        cmocka_unit_test(verify_withstands_any_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
