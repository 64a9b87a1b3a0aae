/*
 * test_template_context.c - what compiles in which context, what is refused,
 * and that no value leaves the context it stands in.
 */

#include "template.h"


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


/* Values are read by JSON as they were; its escapes are of JavaScript, too. */

static void
scripts_of_each_type(void **state)
{
    char             text[256];
    size_t           i;
    fixture_t        f;
    const char      *from;
    onsite_value_t   read, x;

    static const char *const  types[] = {
        "type='application/json'", "type=application/ld+json",
        "TYPE=\"Application/JSON; charset=utf-8\"", "type='text/json'",
        "data-type=importmap type='application/geo+json' type=importmap",
        "type", "type=''", "type=' module '", "type=text/javascript",
        "type='TEXT/JavaScript' async", "src='/a.js' nonce=type"
    };
    const char  *data = "{\"x\":\"\\u0001\\u001f\\\\\\\"</script><!--'"
                        "\\u2028\\n\\t/{}&\\ud83d\\ude00\\u007f\"}";

    (void) state;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        begin(&f);
        f.event.properties = parse(&f, data);
        (void) snprintf(text, sizeof(text), "<script %s>{\"x\":"
                        "\"{{event.properties.x}}\"}</script>", types[i]);

        if (compile_html(&f, onsite_str(text, strlen(text))) != ONSITE_OK) {
            print_message("%s: %s\n", text, f.error.text);
            fail();
        }

        assert_int_equal(render(&f), ONSITE_OK);
        from = strchr(f.out.data, '>') + 1;
        (void) snprintf(text, sizeof(text), "%.*s", (int)
                        (f.out.len - strlen("</script>")
                         - (size_t) (from - f.out.data)), from);
        read = parse(&f, text).as.members[0].value;
        x = f.event.properties.as.members[0].value;
        assert_true(onsite_str_eq(onsite_value_str(&read),
                                  onsite_value_str(&x)));
        end(&f);
    }
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


/* Strings of JavaScript that are more than data; V is the placeholder. */

static const char  *run[] = {
    "import 'V'", "import /* a */ \n\t'V'", "import//a\n'V'",
    "import a from 'V'", "import {a as b} from 'V'", "import a, * as b from'V'",
    "export * from 'V'", "export {a} from /**/ 'V'", "import('V')",
    "import ( /* webpack */ 'V')", "import('a' + 'V')", "import('/a/V')",
    "import('a', {with: {type: 'V'}})", "import a from 'b' with {type: 'V'}",
    "import a from 'b' assert {type:'V'}", "import.defer('V')",
    "import\xc2\xa0'V'", "eval('V')", "eval ('a(' + 'V' + ')')", "eval?.('V')",
    "(0, eval)('V')", "window.eval('V')", "window['eval']('V')",
    "eval.call(null, 'V')", "eval(a(b, 'V'))", "eval(a ? 'b' : 'V')",
    "eval(['V'].join(''))", "eval({a: 'V'}.a)", "eval((() => { return 'V' })())",
    "\\u0065val('V')", "Function('V')", "new Function('a', 'V')",
    "a.constructor('V')", "setTimeout('V', 1)", "setTimeout('a' + 'V')",
    "window.setInterval(\n'V')", "importScripts('a', 'V')", "new Worker('V')",
    "new Worker(new URL('V', import.meta.url))", "new SharedWorker('V')",
    "navigator.serviceWorker.register('V')", "location = 'V'",
    "location='V'", "var location = 'V'", "window.location = 'a' + 'V'",
    "location.href = 'V'", "location.href += 'V'", "location['href'] = 'V'",
    "window['location'] = 'V'", "location.assign('V')",
    "location.replace('/a?' + 'V')", "(location) = 'V'", "[location] = ['V']",
    "({a: location} = {a: 'V'})", "open('V')", "window.open('V', 'a')",
    "a.src = 'V'", "a.src ||= 'V'", "a.src = b ? 'c' : 'V'",
    "a('b').href = 'V'", "a.href = (b, 'V')", "a\n.innerHTML\n=\n'V'",
    "a.innerHTML = '<b>' + 'V'", "a.innerHTML = ['V'].join()",
    "a.outerHTML = 'V'", "a['outer' + b] = 'V'", "a[b] = 'V'", "a[b]('V')",
    "a['V']('V')", "a?.['eval']('V')", "a.insertAdjacentHTML('beforeend', 'V')",
    "a.srcdoc = 'V'", "document.write('V')", "document.write('a', 'V')",
    "document.writeln('V')", "$('V')", "jQuery('V')", "$('#a').html('V')",
    "a.setAttribute('href', 'V')", "a.b 'V'", "if (a) 'V'", "from 'V'",
    "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("
    "'V'"
};

static const char  *harmless[] = {
    "'V'", "a = 'V'", "a='V'", "var a = 'V', b = \"V\"", "let src = 'V'",
    "const href = /* a */ 'V'", "a.b = 'V'", "a.title = 'a' + 'V'",
    "a['title'] = 'V'", "a[0] = 'V'", "a('V')", "a(b, 'V')", "a.b(c)('V')",
    "a = ['V', 'V']", "a = {b: 'V', 'href': 'V', src: 'V'}",
    "a.push({b: {c: ['V']}})", "(a = a || []).push({b: 'V'})", "a = b['V']",
    "function a() { return 'V' }", "a = () => 'V'", "a === 'V'", "if (a != 'V') b()",
    "location.href == 'V'", "location === 'V'", "a.href !== 'V'",
    "switch (a) { case 'V': b() }", "a = b ? 'V' : 'V'", "a = b ?? 'V'",
    "eval(a); b('V')", "location = '/a'; b = 'V'", "a.href = '/a'\nvar b = 'V'",
    "a.href = b, c = 'V'", "setTimeout(function () { a('V') }, 10)",
    "setTimeout(() => { a('V') }, 10)", "setTimeout(() => a('V'), 10)",
    "setTimeout(a, 10, 'V')", "setTimeout(a, 10); b = 'V'",
    "import a from './a.js'\nconst b = 'V'", "import './a.js'; b('V')",
    "import.meta.a = 'V'", "export const a = 'V'", "export default 'V'",
    "export {a} from './a.js'; b = 'V'", "(function (a) { b(a) })('V')",
    "(a => b(a))('V')", "$('#a').text('V')", "$.post('/a', {b: 'V'})",
    "evaluate('V')", "relocation = 'V'", "a.source = 'V'", "Array.from('V')",
    "a.textContent = `b`.length && 1", "a.replace('b', 'V')",
    "Object.assign({}, {a: 'V'})", "document.cookie = 'V'", "typeof 'V'",
    "localStorage.setItem('a', 'V')", "window.a = 'V'", "x = a.href + 'V'",
    "b = location.href\nvar a = 'V'", "a = location.hash || 'V'"
};


static onsite_status_t
compile_script(fixture_t *f, const char *script)
{
    const char      *p;
    onsite_buf_t     text;
    onsite_status_t  status;

    onsite_buf_init(&text, 0);
    onsite_buf_str(&text, ONSITE_STR("<script>"));

    for (p = script; *p != '\0'; p++) {
        onsite_buf_str(&text, *p == 'V' ? ONSITE_STR("{{event.name}}")
                                           : onsite_str(p, 1));
    }

    onsite_buf_str(&text, ONSITE_STR("</script>"));
    status = compile_html(f, onsite_str(text.data, text.len));
    onsite_buf_free(&text);

    return status;
}


static void
a_string_of_a_script_is_but_data(void **state)
{
    size_t     i;
    fixture_t  f;

    (void) state;

    for (i = 0; i < sizeof(run) / sizeof(run[0]); i++) {
        begin(&f);

        if (compile_script(&f, run[i]) != ONSITE_INVALID
            || strstr(f.error.text, "may run, load or go to") == NULL)
        {
            print_message("%s: %s\n", run[i], f.error.text);
            fail();
        }

        end(&f);
    }

    for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        begin(&f);

        if (compile_script(&f, harmless[i]) != ONSITE_OK) {
            print_message("%s: %s\n", harmless[i], f.error.text);
            fail();
        }

        end(&f);
    }
}


static void
no_value_chooses_a_host(void **state)
{
    size_t      i;
    char       *html;
    char        text[160];
    fixture_t   f;

    static const char *const  open[] = {
        "//{{$x}}", "//{{$x}}/", "https:{{$x}}", "https:/{{$x}}",
        "https://{{$x}}", "https://{{$x}}/", "HTTP://{{$x}}.example/",
        "https://shop.example{{$x}}", "https://shop.example:{{$x}}/",
        "https://a@{{$x}}", "https:///{{$x}}", "https:\\\\{{$x}}",
        "/\\{{$x}}", "/\n/{{$x}}", "/&#47;{{$x}}", "///a/{{$x}}",
        "https://shop&period;example/{{$x}}", "/{{$x}}/{{$y}}",
        "/{{$x}}{{$y}}/{{$z}}", "{{$x}}//{{$y}}",
        "/{{$x | default 'a' | truncate 1}}/{{$y}}", "/{{$x | default ''}}/{{$y}}"
    };
    static const char *const  closed[] = {
        "/{{$x}}", "/{{$x}}/", "/{{$x}}/a/{{$y}}", "/{{$x}}/?a={{$y}}",
        "/{{$x | default 'a'}}/{{$y}}", "/a/{{$x}}/{{$y}}", "?{{$x}}",
        "#{{$x}}", "./{{$x}}", "a/{{$x}}", "//shop.example/{{$x}}",
        "https://shop.example/{{$x}}", "https://shop.example?{{$x}}",
        "https://shop.example#{{$x}}", "https://shop.example:8/a//{{$x}}",
        "mailto:{{$x}}", "tel:{{$x}}", "{{$x}}", "{{$x}}/{{$y}}", "{{$x}}?a={{$y}}",
        "https://a-name-that-is-rather-long.and-its-domain-is-long-too.shop.exam"
        "ple/{{$x}}"
    };

    (void) state;

    for (i = 0; i < sizeof(open) / sizeof(open[0])
                    + sizeof(closed) / sizeof(closed[0]); i++)
    {
        bool  good = i >= sizeof(open) / sizeof(open[0]);

        (void) snprintf(text, sizeof(text), "<a href=\"%s\">", good
                        ? closed[i - sizeof(open) / sizeof(open[0])]
                        : open[i]);
        html = spell_out(text);
        begin(&f);

        if (good != (compile_html(&f, onsite_str(html, strlen(html)))
                     == ONSITE_OK)
            || (!good && strstr(f.error.text, "choose a URL's host") == NULL))
        {
            print_message("%s: %s\n", text, f.error.text);
            fail();
        }

        end(&f);
        free(html);
    }
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
    { "<script type=module>\nimport \"{{$x}}\"</script>", "2:9: " },
    { "<script>var a={{$x}};</script>", "in a script" },
    { "<script>a = b / 2; c = '{{$x}}'</script>", "in a script" },
    { "<script>a = /'/; c = '{{$x}}'</script>", "in a script" },
    { "<script>a = `{{$x}}`</script>", "in a script" },
    { "<script>a = '\\{{$x}}'</script>", "in a script" },
    { "<script><!-- '\n'{{$x}}'</script>", "in a script" },
    { "<script>// {{$x}}</script>", "in a script" },
    { "<script>'{{#$x}}'{{/$x}}</script>", "in a script" },
    { "<script>'</scr{{$x}}'</script>", "in a tag" },
    { "<script type=importmap>{\"imports\":{\"a\":\"/{{$x}}\"}}</script>",
      "neither JavaScript nor JSON" },
    { "<script type='speculationrules'>{\"a\":\"{{$x}}\"}</script>",
      "neither JavaScript nor JSON" },
    { "<script type=\" ImportMap \">{\"a\":\"{{$x}}\"}</script>", "neither" },
    { "<script\ntype\n=\n'text/template'><b>{{$x}}</b></script>", "neither" },
    { "<script TYPE='text/babel'>a = '{{$x}}'</script>", "neither" },
    { "<script type=x type=module>a = '{{$x}}'</script>", "neither" },
    { "<script type=&#109;odule>a = '{{$x}}'</script>", "neither" },
    { "<script type=+json>{\"a\":\"{{$x}}\"}</script>", "neither" },
    { "<script type='text/javascript'></script><script type=a>'{{$x}}'"
      "</script>", "neither" },
    { "<script type='text/javascriptxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'>'{{$x}}'</script>", "neither" },
    { "<script type='text/x'>{{#$x}}a{{/$x}}</script>", "neither" },
    { "<script type='application/json'>{\"a\":{{$x}}}</script>",
      "quotes around it" },
    { "<script type='application/ld+json'>{'a':'{{$x}}'}</script>",
      "quotes around it" },
    { "<script type='application/json'>[{{#$x}}1{{/$x}}]</script>",
      "whole script" },
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
    { "<a href=' {{$x}}'>", "remove the blank" },
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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(each_context_has_its_escaping),
        cmocka_unit_test(scripts_of_each_type),
        cmocka_unit_test(no_nul_and_no_broken_utf8),
        cmocka_unit_test(no_value_leaves_its_context),
        cmocka_unit_test(only_safe_urls),
        cmocka_unit_test(a_string_of_a_script_is_but_data),
        cmocka_unit_test(no_value_chooses_a_host),
        cmocka_unit_test(what_is_unsafe_does_not_compile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
