/*
 * test_facts.c - devices, languages, and the page that a beacon is about.
 */

#include "unit.h"

#include "onsite_facts.h"
#include "onsite_json.h"


static onsite_device_t
device(const char *agent)
{
    return onsite_device(onsite_str(agent, strlen(agent)));
}


static const struct {
    onsite_device_t  device;
    const char      *agent;
} devices[] = {
    { ONSITE_DESKTOP, "" },
    { ONSITE_DESKTOP, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
      "Safari/537.36" },
    { ONSITE_DESKTOP, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 "
      "Safari/605.1.15" },
    { ONSITE_DESKTOP, "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) "
      "Gecko/20100101 Firefox/127.0" },
    { ONSITE_DESKTOP, "Mozilla/5.0 (Linux; Android 9; BRAVIA 4K TV) "
      "AppleWebKit/537.36 Chrome/90 Safari/537.36" },
    { ONSITE_MOBILE, "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS "
      "X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
      "Mobile/15E148 Safari/604.1" },
    { ONSITE_MOBILE, "Mozilla/5.0 (Linux; Android 14; Pixel 8) "
      "AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36" },
    { ONSITE_MOBILE, "Mozilla/5.0 (Linux; Android 10; CUBOT X18) "
      "AppleWebKit/537.36 Chrome/90 Mobile Safari/537.36" },
    { ONSITE_MOBILE, "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1) Presto" },
    { ONSITE_TABLET, "Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) "
      "AppleWebKit/605.1.15 Version/12.1 Mobile/15E148 Safari/604.1" },
    { ONSITE_TABLET, "Mozilla/5.0 (Linux; Android 13; SM-X906C) "
      "AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36" },
    { ONSITE_TABLET, "Mozilla/5.0 (Android 13; Tablet; rv:127.0) "
      "Gecko/127.0 Firefox/127.0" },
    { ONSITE_BOT, "Mozilla/5.0 (compatible; Googlebot/2.1; "
      "+http://www.google.com/bot.html)" },
    { ONSITE_BOT, "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) "
      "AppleWebKit/537.36 Chrome/W Mobile Safari/537.36 (compatible; "
      "Googlebot/2.1)" },
    { ONSITE_BOT, "facebookexternalhit/1.1" },
    { ONSITE_DESKTOP, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
      "HeadlessChrome/126.0.0.0 Safari/537.36" },
    { ONSITE_BOT, "Baiduspider" },
};


static void
devices_by_user_agent(void **state)
{
    char    agent[2048];
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        if (device(devices[i].agent) != devices[i].device) {
            fail_msg("%s is a %.*s", devices[i].agent,
                     (int) onsite_device_text(device(devices[i].agent)).len,
                     onsite_device_text(device(devices[i].agent)).data);
        }
    }

    /* bounded: what stands far behind is not looked at */

    memset(agent, 'x', sizeof(agent));
    memcpy(agent + sizeof(agent) - 3, "bot", 3);
    assert_int_equal(onsite_device(onsite_str(agent, sizeof(agent))),
                     ONSITE_DESKTOP);
    assert_int_equal(onsite_device(onsite_str(NULL, 0)), ONSITE_DESKTOP);

    assert_str(onsite_device_text(ONSITE_DESKTOP), "desktop");
    assert_str(onsite_device_text(ONSITE_MOBILE), "mobile");
    assert_str(onsite_device_text(ONSITE_TABLET), "tablet");
    assert_str(onsite_device_text(ONSITE_BOT), "bot");
}


static void
languages_by_preference(void **state)
{
    size_t           i;
    onsite_str_t     language;
    onsite_arena_t  *arena = onsite_arena_create(1024, 65536);

    static const struct {
        const char  *accept;
        const char  *language;
    } cases[] = {
        { "fr-FR,fr;q=0.9,en;q=0.8", "fr" },
        { "en;q=0.3, de-AT;q=0.9", "de" },
        { "EN-us", "en" },
        { "pt_BR", "pt" },
        { "*, it;q=0.1", "it" },
        { "de;q=0, fr;q=0.001", "fr" },
        { "de;q=x, fr;q=0.5", "fr" },
        { "de; q=1.0, fr", "de" },
        { "", NULL },
        { "*", NULL },
        { "de;q=0", NULL },
        { "123", NULL },
        { ",,,;;;", NULL },
        { "abcdefghij", NULL },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        language = onsite_language(arena, onsite_str(cases[i].accept,
                                                     strlen(cases[i].accept)));

        if (cases[i].language == NULL) {
            assert_null(language.data);

        } else {
            assert_non_null(language.data);
            assert_string_equal(language.data, cases[i].language);
        }
    }

    onsite_arena_destroy(arena);
}


/* Facts of a beacon's request, then an event of this JSON. */

typedef struct {
    onsite_arena_t  *arena;
    onsite_json_t   *json;
} tools_t;


static onsite_facts_t
beacon(tools_t *tools, const char *context, onsite_event_type_t type,
    const char *properties, bool trusted)
{
    onsite_event_t  event = { .type = type };
    onsite_facts_t  facts = {
        .scheme = ONSITE_STR("https"), .host = ONSITE_STR("edge"),
        .path = ONSITE_STR("/onsite/v1/t"), .args = ONSITE_STR("writeKey=k"),
        .url = ONSITE_STR("https://edge/onsite/v1/t?writeKey=k"),
        .referrer = ONSITE_STR("https://shop/"),
        .user_agent = ONSITE_STR("Firefox")
    };

    assert_int_equal(onsite_json_parse(tools->json, tools->arena,
                                       onsite_str(context, strlen(context)),
                                       &event.context, NULL), ONSITE_OK);
    assert_int_equal(onsite_json_parse(tools->json, tools->arena,
                                       onsite_str(properties,
                                                  strlen(properties)),
                                       &event.properties, NULL), ONSITE_OK);
    onsite_facts_from_event(&facts, &event, trusted);

    return facts;
}


static void
a_beacon_is_about_its_page(void **state)
{
    tools_t         tools;
    onsite_facts_t  facts;

    (void) state;

    tools.arena = onsite_arena_create(1 << 14, 1 << 20);
    tools.json = onsite_json_create();

    facts = beacon(&tools, "{\"page\":{\"url\":\"https://shop/p/1?a=b#c\","
                   "\"path\":\"/p/1\",\"search\":\"?a=b\",\"referrer\":\"\"}}",
                   ONSITE_TRACK, "{}", false);
    assert_str(facts.url, "https://shop/p/1?a=b#c");
    assert_str(facts.scheme, "https");
    assert_str(facts.host, "shop");
    assert_str(facts.path, "/p/1");
    assert_str(facts.args, "a=b");
    assert_str(facts.referrer, "");

    facts = beacon(&tools, "{\"page\":{\"url\":\"http://shop:81?q=://\"}}",
                   ONSITE_TRACK, "{}", false);
    assert_str(facts.scheme, "http");
    assert_str(facts.host, "shop:81");
    assert_str(facts.path, "/");
    assert_str(facts.args, "q=://");
    assert_str(facts.referrer, "https://shop/");

    facts = beacon(&tools, "{\"page\":{\"url\":\"/only?u=http://x#y\"}}",
                   ONSITE_TRACK, "{}", false);
    assert_str(facts.host, "edge");
    assert_str(facts.path, "/only");
    assert_str(facts.args, "u=http://x");

    /* parts alone: the endpoint's own URL is not theirs */

    facts = beacon(&tools, "{\"page\":{\"path\":\"/p/2\"}}", ONSITE_TRACK,
                   "{}", false);
    assert_str(facts.path, "/p/2");
    assert_int_equal(facts.url.len, 0);
    assert_int_equal(facts.args.len, 0);

    onsite_json_destroy(tools.json);
    onsite_arena_destroy(tools.arena);
}


static void
a_page_may_be_malformed_or_elsewhere(void **state)
{
    tools_t         tools;
    onsite_facts_t  facts;

    (void) state;

    tools.arena = onsite_arena_create(1 << 14, 1 << 20);
    tools.json = onsite_json_create();

    /* malformed: as if not there */

    facts = beacon(&tools, "{\"page\":{\"url\":7,\"path\":null}}",
                   ONSITE_TRACK, "{}", false);
    assert_str(facts.path, "/onsite/v1/t");
    facts = beacon(&tools, "{\"page\":\"x\"}", ONSITE_TRACK, "{}", false);
    assert_str(facts.path, "/onsite/v1/t");
    facts = beacon(&tools, "[]", ONSITE_TRACK, "{}", false);
    assert_str(facts.path, "/onsite/v1/t");

    /* a page call without context.page has it in its properties */

    facts = beacon(&tools, "{}", ONSITE_PAGE, "{\"path\":\"/p/3\"}", false);
    assert_str(facts.path, "/p/3");
    facts = beacon(&tools, "{}", ONSITE_TRACK, "{\"path\":\"/p/3\"}", false);
    assert_str(facts.path, "/onsite/v1/t");

    onsite_json_destroy(tools.json);
    onsite_arena_destroy(tools.arena);
}


static void
only_servers_speak_for_others(void **state)
{
    tools_t         tools;
    onsite_facts_t  facts;
    const char     *context = "{\"userAgent\":\"iPhone\",\"locale\":\"fr-FR\"}";

    (void) state;

    tools.arena = onsite_arena_create(1 << 14, 1 << 20);
    tools.json = onsite_json_create();

    facts = beacon(&tools, context, ONSITE_TRACK, "{}", false);
    assert_str(facts.user_agent, "Firefox");
    assert_str(facts.accept_language, "fr-FR");

    facts = beacon(&tools, context, ONSITE_TRACK, "{}", true);
    assert_str(facts.user_agent, "iPhone");
    assert_str(facts.accept_language, "fr-FR");

    onsite_json_destroy(tools.json);
    onsite_arena_destroy(tools.arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(devices_by_user_agent),
        cmocka_unit_test(languages_by_preference),
        cmocka_unit_test(a_beacon_is_about_its_page),
        cmocka_unit_test(a_page_may_be_malformed_or_elsewhere),
        cmocka_unit_test(only_servers_speak_for_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
