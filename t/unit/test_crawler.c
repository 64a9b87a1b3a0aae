/*
 * test_crawler.c - every user agent that the package of patterns lists is a
 * crawler, people's browsers are none, and the automaton says what a regular
 * expression engine says of each pattern.
 */

#include "unit.h"

#include <glob.h>

#include <pcre2.h>

#include "onsite_crawler.h"
#include "onsite_json.h"

#define PATTERNS_MAX  4096

typedef struct {
    onsite_arena_t  *arena;
    onsite_json_t   *json;
    onsite_value_t   list;          /* of the package; ABSENT: not there    */
    pcre2_code      *codes[PATTERNS_MAX];
} fixture_t;


static bool
crawls(const char *agent)
{
    return onsite_crawler(onsite_str(agent, strlen(agent)));
}


/* Where the build took the patterns from. */

static char *
find_list(void)
{
    char    *path = getenv("CRAWLERS");
    glob_t   found;

    if (path != NULL && path[0] != '\0') {
        return strdup(path);
    }

    path = NULL;

    if (glob("node_modules/crawler-user-agents/crawler-user-agents.json", 0,
             NULL, &found) == 0
        || glob("build/npm/*/node_modules/crawler-user-agents/"
                "crawler-user-agents.json", 0, NULL, &found) == 0)
    {
        path = strdup(found.gl_pathv[0]);
    }

    globfree(&found);

    return path;
}


/* HTTP clients and headless Chrome are passed, if nothing else is said. */

static bool
is_passed(onsite_str_t pattern)
{
    size_t  i;

    static const char *const  passed[] = {
        "HeadlessChrome", "Amazon CloudFront", "^curl", "[wW]get",
        "^HTTPie\\/", "Python-urllib", "python-requests", "aiohttp", "httpx",
        "libwww-perl", "lwp-trivial", "Go-http-client", "okhttp", "AHC\\/",
        "^Apache-HttpClient", "HttpUrlConnection", "CustomAsyncHttpClient",
        "AnyEvent", "^PHP-Curl-Class", "node-fetch", "axios",
        "sindresorhus\\/got"
    };

    for (i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
        if (onsite_str_eq(pattern, onsite_str(passed[i], strlen(passed[i]))))
        {
            return true;
        }
    }

    return false;
}


static void
compile(fixture_t *f, uint32_t i)
{
    int           code;
    size_t        where;
    onsite_str_t  pattern;

    pattern = onsite_value_get_str(&f->list.as.items[i],
                                   ONSITE_STR("pattern"));

    if (is_passed(pattern)) {
        return;
    }

    f->codes[i] = pcre2_compile((PCRE2_SPTR) pattern.data, pattern.len,
                                PCRE2_DOLLAR_ENDONLY, &code, &where, NULL);
    assert_non_null(f->codes[i]);
    (void) pcre2_jit_compile(f->codes[i], PCRE2_JIT_COMPLETE);
}


static int
set_up(void **state)
{
    char       *path, *data;
    long        size;
    FILE       *file;
    uint32_t    i;
    fixture_t  *f = calloc(1, sizeof(fixture_t));

    assert_non_null(f);
    *state = f;
    f->arena = onsite_arena_create(1 << 20, 1 << 28);
    f->json = onsite_json_create();

    path = find_list();
    file = path != NULL ? fopen(path, "rb") : NULL;
    free(path);

    if (file == NULL) {
        print_message("skipped: no crawler-user-agents.json\n");
        return 0;
    }

    (void) fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    data = onsite_arena_alloc(f->arena, (size_t) size);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t) size, file), size);
    (void) fclose(file);

    assert_int_equal(onsite_json_parse(f->json, f->arena,
                                       onsite_str(data, (size_t) size),
                                       &f->list, NULL), ONSITE_OK);
    assert_int_equal(f->list.type, ONSITE_ARRAY);
    assert_true(f->list.len > 1000 && f->list.len < PATTERNS_MAX);

    for (i = 0; i < f->list.len; i++) {
        compile(f, i);
    }

    return 0;
}


static int
tear_down(void **state)
{
    uint32_t    i;
    fixture_t  *f = *state;

    for (i = 0; i < PATTERNS_MAX; i++) {
        pcre2_code_free(f->codes[i]);
    }

    onsite_json_destroy(f->json);
    onsite_arena_destroy(f->arena);
    free(f);

    return 0;
}


static const onsite_value_t *
instances(const onsite_value_t *entry)
{
    const onsite_value_t         *list;
    static const onsite_value_t   none = { .type = ONSITE_ARRAY };

    list = onsite_value_get(entry, ONSITE_STR("instances"));

    return list != NULL && list->type == ONSITE_ARRAY ? list : &none;
}


static bool
by_engine(const fixture_t *f, pcre2_match_data *match, onsite_str_t agent)
{
    uint32_t  i;

    for (i = 0; i < f->list.len; i++) {
        if (f->codes[i] != NULL
            && pcre2_match(f->codes[i], (PCRE2_SPTR) agent.data, agent.len, 0,
                           0, match, NULL) > 0)
        {
            return true;
        }
    }

    return false;
}


static void
every_instance_is_one(void **state)
{
    uint32_t               i, k, n = 0, passed = 0;
    fixture_t             *f = *state;
    onsite_str_t           agent;
    const onsite_value_t  *list;

    if (f->list.type == ONSITE_ABSENT) {
        skip();
    }

    for (i = 0; i < f->list.len; i++) {
        list = instances(&f->list.as.items[i]);

        for (k = 0; k < list->len; k++) {
            agent = onsite_value_str(&list->as.items[k]);
            n++;

            if (onsite_crawler(agent)) {
                continue;
            }

            if (f->codes[i] != NULL) {
                fail_msg("%.*s", (int) agent.len, agent.data);
            }

            passed++;
        }
    }

    if (n == 0) {
        print_message("skipped: the list has no instances\n");
        skip();
    }

    print_message("%u user agents, %u of them of clients alone\n", n,
                  passed);
    assert_true(n > 1000 && passed > 0 && passed < 120);
}


static bool
has_word(onsite_str_t agent)
{
    char    text[1024];
    size_t  i;

    assert_true(agent.len < sizeof(text));

    for (i = 0; i < agent.len; i++) {
        text[i] = agent.data[i] >= 'A' && agent.data[i] <= 'Z'
                  ? (char) (agent.data[i] | 0x20) : agent.data[i];
    }

    text[i] = '\0';

    return strstr(text, "bot") != NULL || strstr(text, "crawl") != NULL
           || strstr(text, "spider") != NULL;
}


/* Texts near those that match: cut, spliced, with a byte changed. */

static onsite_str_t
mutated(const fixture_t *f, uint32_t *seed, char *out, size_t max)
{
    size_t        i, len = 0, take;
    onsite_str_t  source;

    for (i = 0; i < 3; i++) {
        *seed = *seed * 1664525 + 1013904223;
        source = onsite_value_get_str(
                     &f->list.as.items[(*seed >> 8) % f->list.len],
                     ONSITE_STR("pattern"));
        *seed = *seed * 1664525 + 1013904223;
        take = (*seed >> 8) % (source.len + 1);

        if (*seed & 0x40000000) {
            take = source.len;
        }

        while (take-- > 0 && len + 1 < max) {
            if (*source.data != '\\') {
                out[len++] = *source.data;
            }
            source.data++;
        }

        if (*seed & 0x80000000) {
            out[len++] = ' ';
        }
    }

    *seed = *seed * 1664525 + 1013904223;

    if (len != 0 && (*seed & 0x800) != 0) {
        out[(*seed >> 12) % len] = (char) (' ' + (*seed >> 24) % 95);
    }

    return onsite_str(out, len);
}


static void
says_what_an_engine_says(void **state)
{
    bool               ours, theirs;
    char               text[256];
    uint32_t           i, seed = 11, yes = 0;
    fixture_t         *f = *state;
    onsite_str_t       agent;
    pcre2_match_data  *match;

    static const char *const  special[] = {
        "Current x RSS Reader", "CurrentRSS Reader", "RSS Reader Current",
        "CurrenRSS Reader", "Current RSS Reade", "BlogTraffic/1.25 Feed-Fetcher",
        "BlogTraffic/1. Feed-Fetcher", "AdsBot-Google", "sentry/1",
        "a sentry/1", "asentry/1", "curl/8", "xcurl/8", "x WSSL Labs",
        "SSL Labs", "SSL Labs x", "GoogleAssociationService",
        "GoogleAssociationServicex", "wget", "Wget", "WGET", "Silk/1",
        "x Silk/1", "mail.ru", "mailxru", "Code/1.", "Code/2.",
        "spide spide rspider.com", "CUBOT", "cubotbot", "CuBot NOTE",
        "Cubo", "collection@infegy.com", "\xff\xfe\x80", ""
    };

    if (f->list.type == ONSITE_ABSENT) {
        skip();
    }

    match = pcre2_match_data_create(16, NULL);

    for (i = 0; i < 20000; i++) {
        agent = i < sizeof(special) / sizeof(special[0])
                ? onsite_str(special[i], strlen(special[i]))
                : mutated(f, &seed, text, sizeof(text));

        ours = onsite_crawler(agent);

        if (has_word(agent)) {
            continue;               /* the words are not the package's      */
        }

        theirs = by_engine(f, match, agent);
        yes += theirs;

        if (ours != theirs) {
            fail_msg("%.*s is %s crawler", (int) agent.len, agent.data,
                     theirs ? "a" : "no");
        }
    }

    print_message("%u of 20000 match\n", yes);
    assert_true(yes > 1000 && yes < 19000);
    pcre2_match_data_free(match);
}


static void
words_tell(void **state)
{
    (void) state;

    assert_true(crawls("MyShopBot"));
    assert_true(crawls("xROBOTx"));
    assert_true(crawls("a cRaWl"));
    assert_true(crawls("SPIDER"));
    assert_false(crawls("CUBOT"));
    assert_false(crawls("Mozilla/5.0 (Linux; Android 10; CUBOT X18) Mobile"));
    assert_true(crawls("cubot bot"));
    assert_true(crawls("cubobot"));
    assert_false(crawls("cra wl spide bo"));
}


#define WEBKIT  "AppleWebKit/537.36 (KHTML, like Gecko) "
#define IOS     "AppleWebKit/605.1.15 (KHTML, like Gecko) "

static const char *const  people[] = {
    "",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " WEBKIT
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 6.1; Win64; x64) " WEBKIT
    "Chrome/109.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " WEBKIT
    "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " WEBKIT
    "Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " WEBKIT
    "Chrome/124.0.0.0 Safari/537.36 OPR/110.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " WEBKIT
    "Chrome/124.0.0.0 Safari/537.36 Vivaldi/6.7.3329.41",
    "Mozilla/5.0 (Windows NT 10.0; WOW64) " WEBKIT
    "Chrome/120.0.0.0 YaBrowser/24.1.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like "
    "Gecko",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 "
    "Firefox/127.0",
    "Mozilla/5.0 (Windows NT 10.0; rv:115.0) Gecko/20100101 "
    "Firefox/115.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 "
    "Firefox/127.0",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:126.0) Gecko/20100101 "
    "Firefox/126.0",
    "Mozilla/5.0 (X11; Fedora; Linux x86_64) " WEBKIT
    "Chrome/125.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) " WEBKIT
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " WEBKIT
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/16.0 Safari/605.1.15 Epiphany/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64) " WEBKIT
    "QtWebEngine/6.6.1 Chrome/112.0.5615.213 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) " WEBKIT
    "HeadlessChrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " IOS
    "Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " WEBKIT
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) "
    "Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_6_8) AppleWebKit/534.59.10 "
    "(KHTML, like Gecko) Version/5.1.9 Safari/534.59.10",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) " IOS
    "Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) " IOS
    "CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) " IOS
    "FxiOS/127.1 Mobile/15E148 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) " IOS
    "EdgiOS/125.0.2535.96 Version/17.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) " IOS
    "GSA/319.0.639370021 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) " IOS
    "Mobile/15E148 [FBAN/FBIOS;FBAV/466.0.0.42.107;FBBV/603123471;"
    "FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.4.1;FBSS/3;FBLC/en_US]",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) " IOS
    "Mobile/15E148 Instagram 333.0.4.32.98 (iPhone14,5; iOS 17_4_1; "
    "en_US; en; scale=3.00; 1170x2532; 604247854)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_3 like Mac OS X) " IOS
    "Mobile/15E148 musical_ly_34.2.0 JsSdk/2.0 NetType/WIFI "
    "Channel/App Store ByteLocale/en Region/US",
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) " IOS
    "Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPad; CPU OS 9_3_5 like Mac OS X) AppleWebKit/601.1.46 "
    "(KHTML, like Gecko) Version/9.0 Mobile/13G36 Safari/601.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) " WEBKIT
    "Chrome/126.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) " WEBKIT
    "Chrome/126.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) " WEBKIT
    "SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 13; SM-X906C) " WEBKIT
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 12; M2101K6G) " WEBKIT
    "Version/4.0 Chrome/112.0.5615.136 Mobile Safari/537.36 XiaoMi/"
    "MiuiBrowser/14.7.0-gn",
    "Mozilla/5.0 (Linux; U; Android 11; en-us; RMX2170) " WEBKIT
    "Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.4.0.1306 Mobile "
    "Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; HUAWEI ELE-L29) " WEBKIT
    "Chrome/114.0.5735.196 HuaweiBrowser/15.0.4.312 HMSCore/6.13.0.353 "
    "Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 13; SM-A515F; wv) " WEBKIT
    "Version/4.0 Chrome/125.0.6422.165 Mobile Safari/537.36 "
    "[FB_IAB/FB4A;FBAV/467.0.0.45.109;]",
    "Mozilla/5.0 (Linux; Android 13; V2109; wv) " WEBKIT
    "Version/4.0 Chrome/125.0.6422.165 Mobile Safari/537.36 "
    "GSA/15.23.37.28.arm64",
    "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 "
    "Firefox/127.0",
    "Mozilla/5.0 (Android 13; Tablet; rv:127.0) Gecko/127.0 "
    "Firefox/127.0",
    "Mozilla/5.0 (Linux; Android 10; CUBOT X18 Plus) " WEBKIT
    "Chrome/90.0.4430.210 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 13; Phone) " WEBKIT
    "Chrome/126.0.0.0 Mobile Safari/537.36 OPR/82.0.0.0",
    "Mozilla/5.0 (Linux; Android 5.0; SM-G900P Build/LRX21T) " WEBKIT
    "Chrome/44.0.2403.133 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 9; KFMAWI) " WEBKIT
    "Silk/120.4.1 like Chrome/120.0.6099.283 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 9; BRAVIA 4K UR2) " WEBKIT
    "Chrome/90.0.4430.210 Safari/537.36",
    "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) " WEBKIT
    "Version/6.0 TV Safari/537.36",
    "Mozilla/5.0 (Web0S; Linux/SmartTV) " WEBKIT
    "Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
    "Mozilla/5.0 (PlayStation; PlayStation 5/4.03) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/15.4 Safari/605.1.15",
    "Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 "
    "(KHTML, like Gecko) NF/6.0.2.21.3 NintendoBrowser/5.1.0.22474",
    "Mozilla/5.0 (Mobile; Nokia_2720_Flip; rv:48.0) Gecko/48.0 "
    "Firefox/48.0 KAIOS/2.5.2",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) "
    "Presto/2.8.119 Version/11.10",
    "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
    "Mozilla/5.0 (BB10; Touch) AppleWebKit/537.10+ (KHTML, like Gecko) "
    "Version/10.0.9.2372 Mobile Safari/537.10+",
    "Mozilla/5.0 (compatible; Konqueror/4.14; Linux) KHTML/4.14.2 (like "
    "Gecko)",
    "Lynx/2.8.9rel.1 libwww-FM/2.14 SSL-MM/1.4.1",
    "curl/8.5.0",
    "Wget/1.21.4",
    "python-requests/2.32.3",
    "okhttp/4.12.0",
    "axios/1.7.2",
    "Amazon CloudFront",
    "HTTP-Tiny/0.082",
    "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia "
    "950) " WEBKIT "Chrome/52.0.2743.116 Mobile Safari/537.36 "
    "Edge/15.15063",
};


static void
people_are_not(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
        if (crawls(people[i])) {
            fail_msg("%s", people[i]);
        }
    }
}


static void
looks_no_further_than_it_may(void **state)
{
    char  text[ONSITE_CRAWLER_BYTES_MAX + 16];

    (void) state;

    memset(text, 'x', sizeof(text));
    memcpy(text + ONSITE_CRAWLER_BYTES_MAX - 3, "bot", 3);
    assert_true(onsite_crawler(onsite_str(text, sizeof(text))));
    memcpy(text + ONSITE_CRAWLER_BYTES_MAX - 3, "xbot", 4);
    assert_false(onsite_crawler(onsite_str(text, sizeof(text))));

    /* the end of what is looked at is not the text's */

    memcpy(text + ONSITE_CRAWLER_BYTES_MAX - 8, "SSL Labs", 8);
    assert_false(onsite_crawler(onsite_str(text, sizeof(text))));
    assert_true(onsite_crawler(onsite_str(text, ONSITE_CRAWLER_BYTES_MAX)));
}


/* The sixth field, in quotes, of the combined format. */

static void
a_log_has_both(void **state)
{
    char     *data, *line, *end, *rest = NULL;
    size_t    len;
    uint32_t  n = 0, crawlers = 0;

    (void) state;

    data = read_data_file("access_logs/elastic_apache_logs.log", &len);

    if (data == NULL) {
        skip();
    }

    for (line = strtok_r(data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
    {
        end = strrchr(line, '"');

        if (end == NULL) {
            continue;
        }

        *end = '\0';
        line = strrchr(line, '"');
        n++;
        crawlers += line != NULL && crawls(line + 1);
    }

    print_message("%u of %u requests by crawlers\n", crawlers, n);
    assert_true(n > 9000);
    assert_true(crawlers > n / 10 && crawlers < n / 2);
    free(data);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_instance_is_one),
        cmocka_unit_test(says_what_an_engine_says),
        cmocka_unit_test(words_tell),
        cmocka_unit_test(people_are_not),
        cmocka_unit_test(looks_no_further_than_it_may),
        cmocka_unit_test(a_log_has_both),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
