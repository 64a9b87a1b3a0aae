/*
 * test_policy.c - policies of a page against the URL, nonce and hash of our
 * script.
 */

#include "unit.h"
#include "onsite_policy.h"

#define INTEGRITY  "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1w"


static const onsite_policy_script_t  ours = {
    .secure = true,
    .host = ONSITE_STR("www.shop.example"),
    .path = ONSITE_STR("/onsite/onsite.js"),
    .integrity = ONSITE_STR(INTEGRITY)
};


/* Headers and metas as a list that NULL ends; "meta:" begins a meta's. */

static onsite_policy_verdict_t
judge(const onsite_policy_script_t *script, const char *const *texts)
{
    onsite_policies_t        policies;
    onsite_policy_verdict_t  verdict;

    onsite_policies_init(&policies);

    for (/* void */; *texts != NULL; texts++) {
        if (strncmp(*texts, "meta:", 5) == 0) {
            onsite_policies_meta(&policies, onsite_str(*texts + 5,
                                                       strlen(*texts + 5)));
        } else {
            onsite_policies_header(&policies, onsite_str(*texts,
                                                         strlen(*texts)));
        }
    }

    onsite_policy_judge(&policies, script, &verdict);

    return verdict;
}


static onsite_policy_why_t
why_of(const onsite_policy_script_t *script, const char *text)
{
    const char  *texts[] = { text, NULL };

    return judge(script, texts).why;
}


typedef struct {
    onsite_policy_why_t  why;
    const char          *nonce;
    const char          *texts[5];
} case_t;


static void
check_cases(const case_t *cases, size_t n)
{
    size_t                   i;
    onsite_str_t             nonce;
    onsite_policy_verdict_t  verdict;

    for (i = 0; i < n; i++) {
        verdict = judge(&ours, cases[i].texts);
        nonce = onsite_str(cases[i].nonce, strlen(cases[i].nonce));

        if (verdict.why != cases[i].why
            || !onsite_str_eq(verdict.nonce, nonce))
        {
            fail_msg("%s: why %d, nonce \"%.*s\"", cases[i].texts[0],
                     (int) verdict.why, (int) verdict.nonce.len,
                     verdict.nonce.data);
        }

        assert_int_equal(verdict.directive.len == 0,
                         verdict.why == ONSITE_POLICY_ALLOWED
                         || verdict.why == ONSITE_POLICY_LOST);
    }
}

#define check_all(cases)  check_cases(cases, sizeof(cases) / sizeof(cases[0]))

#define ALLOWED   ONSITE_POLICY_ALLOWED, ""
#define NONCE(n)  ONSITE_POLICY_ALLOWED, n
#define SOURCES   ONSITE_POLICY_SOURCES, ""
#define STRICT    ONSITE_POLICY_STRICT, ""
#define NONCES    ONSITE_POLICY_NONCES, ""
#define SANDBOX   ONSITE_POLICY_SANDBOX, ""
#define OPAQUE    ONSITE_POLICY_OPAQUE, ""


static void
directives(void **state)
{
    static const case_t  cases[] = {
        { ALLOWED, { "" } },
        { ALLOWED, { ";; ,;" } },
        { ALLOWED, { "img-src 'none'; object-src 'none'" } },
        { ALLOWED, { "script-src-attr 'none'; worker-src 'none'" } },
        { ALLOWED, { "require-trusted-types-for 'script'; "
                     "trusted-types 'none'" } },
        { ALLOWED, { "default-src 'self'" } },
        { ALLOWED, { "DEFAULT-SRC 'SELF'" } },
        { ALLOWED, { "\t script-src\t'self' \t;" } },
        { SOURCES, { "default-src 'none'" } },
        { SOURCES, { "script-src" } },
        { SOURCES, { "script-src;default-src *" } },
        { ALLOWED, { "default-src 'none'; script-src 'self'" } },
        { SOURCES, { "default-src 'self'; script-src 'none'" } },
        { ALLOWED, { "script-src 'none'; script-src-elem 'self'" } },
        { SOURCES, { "script-src-elem 'none'; script-src 'self'" } },
        { SOURCES, { "script-src 'none'; script-src 'self'" } },
        { ALLOWED, { "script-src 'self'; Script-Src 'none'" } },
        { ALLOWED, { "script-src 'none' 'self'" } },
        { SOURCES, { "script-src self" } },
        { SOURCES, { "script-src 'unsafe-inline' 'unsafe-eval' "
                     "'unsafe-hashes' 'report-sample'" } },

        /* a directive that is not ASCII is none */

        { ALLOWED, { "script-src 'none' \xc3\xa9" } },
        { SOURCES, { "img-src \xc3\xa9; script-src 'none'" } },
        { ALLOWED, { "script-src 'none' \xc3\xa9; script-src 'self'" } },
    };

    (void) state;
    check_all(cases);
}


static void
urls(void **state)
{
    static const case_t  cases[] = {
        { ALLOWED, { "script-src *" } },
        { ALLOWED, { "script-src https:" } },
        { ALLOWED, { "script-src HTTP:" } },
        { SOURCES, { "script-src data: blob: ws: wss: file:" } },
        { SOURCES, { "script-src https" } },
        { SOURCES, { "script-src :" } },
        { ALLOWED, { "script-src www.shop.example" } },
        { ALLOWED, { "script-src WWW.Shop.Example" } },
        { ALLOWED, { "script-src https://www.shop.example" } },
        { ALLOWED, { "script-src HTTP://www.shop.example" } },
        { SOURCES, { "script-src ftp://www.shop.example" } },
        { SOURCES, { "script-src ://www.shop.example" } },
        { SOURCES, { "script-src //www.shop.example" } },
        { SOURCES, { "script-src shop.example" } },
        { SOURCES, { "script-src ww.shop.example" } },
        { SOURCES, { "script-src www.shop.example.org" } },
        { SOURCES, { "script-src www..shop.example" } },
        { ALLOWED, { "script-src *.shop.example" } },
        { ALLOWED, { "script-src *.EXAMPLE" } },
        { ALLOWED, { "script-src https://*" } },
        { SOURCES, { "script-src *.www.shop.example" } },
        { SOURCES, { "script-src *shop.example" } },
        { SOURCES, { "script-src *.p.example" } },
        { SOURCES, { "script-src *." } },
        { SOURCES, { "script-src www.*.example" } },
        { ALLOWED, { "script-src www.shop.example:443" } },
        { ALLOWED, { "script-src www.shop.example:000443" } },
        { ALLOWED, { "script-src www.shop.example:*" } },
        { ALLOWED, { "script-src *:443" } },
        { ALLOWED, { "script-src *:*" } },
        { SOURCES, { "script-src *:8443" } },
        { SOURCES, { "script-src www.shop.example:80" } },
        { SOURCES, { "script-src www.shop.example:" } },
        { SOURCES, { "script-src www.shop.example:443x" } },
        { SOURCES, { "script-src www.shop.example:4294967739" } },
        { ALLOWED, { "script-src www.shop.example/" } },
        { ALLOWED, { "script-src www.shop.example/onsite/" } },
        { ALLOWED, { "script-src www.shop.example:443/onsite/onsite.js" } },
        { ALLOWED, { "script-src www.shop.example/%6Fnsite/onsite%2ejs" } },
        { SOURCES, { "script-src www.shop.example/onsite" } },
        { SOURCES, { "script-src www.shop.example/onsite%2fonsite.js" } },
        { SOURCES, { "script-src www.shop.example/onsite/onsite.js/" } },
        { SOURCES, { "script-src www.shop.example/onsite/onsite.j" } },
        { SOURCES, { "script-src www.shop.example/onsite/onsite.jss" } },
        { SOURCES, { "script-src www.shop.example/Onsite/" } },
        { SOURCES, { "script-src www.shop.example/onsite//onsite.js" } },
        { SOURCES, { "script-src www.shop.example/%6" } },
        { SOURCES, { "script-src www.shop.example/onsite/onsite.js?v=1" } },
        { SOURCES, { "script-src www.shop.example/onsite/#x" } },
        { SOURCES, { "script-src https://cdn.example 'strict'" } },
    };

    (void) state;
    check_all(cases);
}


static void
nonces_and_hashes(void **state)
{
    static const case_t  cases[] = {
        { NONCE("abc"), { "script-src 'nonce-abc'" } },
        { NONCE("aB+/-_="), { "script-src 'NONCE-aB+/-_='" } },
        { NONCE("abc=="), { "default-src 'nonce-abc=='" } },
        { NONCE("abc"), { "script-src 'self' 'nonce-abc'" } },
        { NONCE("abc"), { "script-src 'self' 'strict-dynamic' 'nonce-abc'" } },
        { NONCE("b"), { "script-src 'nonce-' 'nonce-a\"' 'nonce-b'" } },
        { SOURCES, { "script-src 'nonce-'" } },
        { SOURCES, { "script-src 'nonce-=='" } },
        { SOURCES, { "script-src 'nonce-a==='" } },
        { SOURCES, { "script-src 'nonce-a\"b'" } },
        { SOURCES, { "script-src 'nonce-abc" } },
        { SOURCES, { "script-src nonce-abc" } },
        { NONCE("abc"), { "style-src 'nonce-zzz'; script-src 'nonce-abc'" } },
        { STRICT, { "script-src 'self' 'strict-dynamic'" } },
        { STRICT, { "script-src * 'Strict-Dynamic' 'sha256-AAAA'" } },
        { ALLOWED, { "script-src '" INTEGRITY "'" } },
        { ALLOWED, { "script-src 'strict-dynamic' '" INTEGRITY "'" } },
        { STRICT, { "script-src 'self' 'url-sha256-AAAA'" } },
        { STRICT, { "script-src * 'URL-SHA384-AAAA'" } },
        { STRICT, { "default-src 'url-sha512-AAAA' https:" } },
        { NONCE("a"), { "script-src 'self' 'url-sha256-AAAA' 'nonce-a'" } },
        { ALLOWED, { "script-src 'url-sha256-AAAA' '" INTEGRITY "'" } },
        { ALLOWED, { "script-src 'self' 'url-md5-AAAA'" } },
        { ALLOWED, { "script-src 'self' 'url-sha256-'" } },
        { ALLOWED, { "script-src 'self' 'url-sha256-AAAA" } },
        { ALLOWED, { "script-src 'self' 'url-sha256-A!'" } },
        { ALLOWED, { "script-src 'self' url-sha256-AAAA" } },
        { SOURCES, { "script-src " INTEGRITY } },
        { SOURCES, { "script-src '" INTEGRITY "=='" } },
        { SOURCES, { "script-src 'sha384-"
                     "oqvuafxrkap7fdgccy5uykm6+r9gqq8k/uxy9rx7hnqlgyl1kpzqho1w'"
                   } },
        { ALLOWED, { "script-src 'SHA384-"
                     "oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1w'"
                   } },
    };

    (void) state;
    check_all(cases);
}


static void
several_policies(void **state)
{
    static const case_t  cases[] = {
        { NONCE("abc"), { "script-src 'nonce-abc'",
                          "script-src 'nonce-abc' ftp:" } },
        { NONCES, { "script-src 'nonce-abc'", "script-src 'nonce-xyz'" } },
        { NONCES, { "script-src 'nonce-abc', script-src 'nonce-ABC'" } },
        { NONCE("abc"), { "script-src 'self' 'nonce-xyz'",
                          "script-src 'nonce-abc'" } },
        { NONCE("xyz"), { "script-src 'nonce-xyz'",
                          "script-src 'nonce-abc' 'nonce-xyz'" } },
        { NONCE("b"), { "script-src 'nonce-a' 'nonce-b'",
                        "script-src 'nonce-c' 'nonce-b'",
                        "script-src 'nonce-a' 'nonce-b'" } },
        { SOURCES, { "script-src 'self'", "default-src 'none'" } },
        { SOURCES, { "script-src 'self', default-src 'none'" } },
        { SOURCES, { "script-src 'nonce-abc'", "script-src https://x.y" } },
        { NONCE("abc"), { "script-src 'nonce-abc', default-src 'self'" } },
        { NONCE("abc"), { "script-src '" INTEGRITY "'",
                          "script-src 'nonce-abc'" } },
        { SOURCES, { "script-src 'self'", "meta:script-src 'none'" } },
        { NONCE("m"), { "script-src *", "meta:script-src 'nonce-m'" } },
        { NONCES, { "script-src 'nonce-h'", "meta:script-src 'nonce-m'" } },
        { NONCE("m"), { "script-src 'nonce-h' 'nonce-m'",
                        "meta:script-src 'nonce-m'" } },
    };

    (void) state;
    check_all(cases);
}


static void
metas(void **state)
{
    static const case_t  cases[] = {
        { ALLOWED, { "meta:" } },
        { ALLOWED, { "meta:sandbox; report-uri /x; frame-ancestors 'none'" } },
        { ALLOWED, { "meta:\n  default-src\n 'none';\f\n script-src 'self'" } },
        { SOURCES, { "meta:default-src\n'none'" } },

        /* whole, and as its commas divide it */

        { SOURCES, { "meta:script-src 'self', img-src x" } },
        { SOURCES, { "meta:img-src *, script-src 'none'" } },
        { ALLOWED, { "meta:script-src 'self' , img-src *" } },
        { ALLOWED, { "meta:img-src a,b; script-src 'self'" } },
    };

    (void) state;
    check_all(cases);
}


static void
sandboxes(void **state)
{
    onsite_policy_script_t  plain = ours;

    static const case_t  cases[] = {
        { SANDBOX, { "sandbox" } },
        { SANDBOX, { "sandbox allow-forms" } },
        { SANDBOX, { "script-src 'self'", "SANDBOX allow-same-origin" } },
        { OPAQUE, { "sandbox allow-scripts" } },
        { ALLOWED, { "sandbox Allow-Scripts allow-same-origin" } },
        { SOURCES, { "sandbox allow-scripts allow-same-origin; "
                     "script-src 'none'" } },
    };

    (void) state;
    check_all(cases);

    plain.integrity = onsite_str(NULL, 0);
    assert_int_equal(why_of(&plain, "sandbox allow-scripts"),
                     ONSITE_POLICY_ALLOWED);
    assert_int_equal(why_of(&plain, "script-src ''"), ONSITE_POLICY_SOURCES);
}


static void
plain_http_and_ports(void **state)
{
    onsite_policy_script_t  script = ours;

    (void) state;
    script.secure = false;

    assert_int_equal(why_of(&script, "script-src http:"), 0);
    assert_int_equal(why_of(&script, "script-src http://*"), 0);
    assert_int_equal(why_of(&script, "script-src www.shop.example:80"), 0);
    assert_int_equal(why_of(&script, "script-src https:"),
                     ONSITE_POLICY_SOURCES);
    assert_int_equal(why_of(&script, "script-src https://www.shop.example"),
                     ONSITE_POLICY_SOURCES);
    assert_int_equal(why_of(&script, "script-src www.shop.example:443"),
                     ONSITE_POLICY_SOURCES);

    script.port = 8080;
    assert_int_equal(why_of(&script, "script-src 'self'"), 0);
    assert_int_equal(why_of(&script, "script-src *"), 0);
    assert_int_equal(why_of(&script, "script-src www.shop.example:8080"), 0);
    assert_int_equal(why_of(&script, "script-src http://*:8080/onsite/"), 0);
    assert_int_equal(why_of(&script, "script-src www.shop.example"),
                     ONSITE_POLICY_SOURCES);

    script.port = 80;
    assert_int_equal(why_of(&script, "script-src www.shop.example"), 0);

    script.host = ONSITE_STR("10.0.0.1");
    assert_int_equal(why_of(&script, "script-src http://10.0.0.1"), 0);
    script.host = ONSITE_STR("[::1]");
    assert_int_equal(why_of(&script, "script-src [::1]"),
                     ONSITE_POLICY_SOURCES);
    assert_int_equal(why_of(&script, "script-src 'self'"), 0);
}


static void
integrity_of_several_hashes(void **state)
{
    onsite_policy_script_t  script = ours;

    (void) state;
    script.integrity = ONSITE_STR("sha256-AAA= sha384-BBB");

    assert_int_equal(why_of(&script, "script-src 'sha384-BBB' 'sha256-AAA='"),
                     0);
    assert_int_equal(why_of(&script, "script-src 'sha384-BBB'"),
                     ONSITE_POLICY_SOURCES);
}


static void
bounds(void **state)
{
    char                    *text = malloc(ONSITE_POLICY_MAX + 2);
    size_t                   i;
    onsite_policies_t        policies;
    onsite_policy_verdict_t  verdict;

    (void) state;
    assert_non_null(text);
    memset(text, ' ', ONSITE_POLICY_MAX + 2);

    onsite_policies_init(&policies);
    onsite_policies_meta(&policies, onsite_str(text, ONSITE_POLICY_MAX));
    assert_false(policies.lost);
    onsite_policies_meta(&policies, onsite_str(text, ONSITE_POLICY_MAX + 1));
    assert_true(policies.lost);

    onsite_policies_init(&policies);

    for (i = 0; i < ONSITE_POLICIES_MAX; i++) {
        onsite_policies_header(&policies, ONSITE_STR("script-src *"));
    }

    onsite_policy_judge(&policies, &ours, &verdict);
    assert_int_equal(verdict.why, ONSITE_POLICY_ALLOWED);

    onsite_policies_header(&policies, ONSITE_STR("script-src *"));
    onsite_policy_judge(&policies, &ours, &verdict);
    assert_int_equal(verdict.why, ONSITE_POLICY_LOST);
    free(text);
}


static void
assert_explained(const char *const *texts, const char *expected)
{
    onsite_buf_t             out;
    onsite_policy_verdict_t  verdict = judge(&ours, texts);

    onsite_buf_init(&out, 0);
    onsite_policy_explain(&verdict, &out);
    onsite_buf_char(&out, '\0');
    assert_string_equal(out.data, expected);
    onsite_buf_free(&out);
}


static void
explained(void **state)
{
    char        text[256], told[512];
    const char *one[] = { "img-src *; Default-Src  'none' ;", NULL };
    const char *two[] = { "script-src 'nonce-a'",
                          "meta:script-src\n'nonce-b'", NULL };
    const char *box[] = { "sandbox", NULL };
    const char *opaque[] = { "sandbox allow-scripts", NULL };
    const char *strict[] = { "script-src 'strict-dynamic'", NULL };
    const char *many[] = { "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", NULL };
    const char *wide[] = { text, NULL };

    (void) state;

    assert_explained(one, "\"Default-Src  'none'\" of the Content-Security-"
                     "Policy in its header would not let our script run: add "
                     "'self' to script-src, or a nonce");
    assert_explained(two, "\"script-src 'nonce-b'\" of the Content-Security-"
                     "Policy in a meta element would not let our script run: "
                     "give all policies the same nonce");
    assert_explained(box, "\"sandbox\" of the Content-Security-Policy in its "
                     "header would not let our script run: add "
                     "allow-scripts");
    assert_explained(opaque, "\"sandbox allow-scripts\" of the Content-"
                     "Security-Policy in its header would not let our script "
                     "run: add allow-same-origin");
    assert_explained(strict, "\"script-src 'strict-dynamic'\" of the Content-"
                     "Security-Policy in its header would not let our script "
                     "run: with 'strict-dynamic' or 'url-...' it needs a nonce");
    assert_explained(many, "more Content-Security-Policies than 16, or one "
                     "over 16384 bytes would not let our script run: send "
                     "fewer or shorter policies");

    memset(text, 'a', sizeof(text));
    memcpy(text, "script-src ", 11);
    text[255] = '\0';
    (void) snprintf(told, sizeof(told), "\"%.160s...\" of the Content-"
                    "Security-Policy in its header would not let our script "
                    "run: add 'self' to script-src, or a nonce", text);
    assert_explained(wide, told);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(directives),
        cmocka_unit_test(urls),
        cmocka_unit_test(nonces_and_hashes),
        cmocka_unit_test(several_policies),
        cmocka_unit_test(metas),
        cmocka_unit_test(sandboxes),
        cmocka_unit_test(plain_http_and_ports),
        cmocka_unit_test(integrity_of_several_hashes),
        cmocka_unit_test(bounds),
        cmocka_unit_test(explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
