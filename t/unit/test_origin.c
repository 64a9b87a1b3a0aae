/*
 * test_origin.c - what a page's address and referrer say of where the visit
 * came from, which touches are kept, merges.
 */

#include "values.h"

#include "onsite_attribute_interest.h"
#include "onsite_origin.h"

#define NOW  ((onsite_ms_t) 1790000000000)

typedef struct {
    onsite_arena_t    *arena;
    onsite_visitor_t   visitor;
    onsite_visitor_t   other;
    onsite_ms_t        now;
} fixture_t;


static int
set_up(void **state)
{
    fixture_t  *f = calloc(1, sizeof(fixture_t));

    assert_non_null(f);
    f->arena = onsite_arena_create(1 << 14, 1 << 22);
    f->now = NOW;
    onsite_visitor_init(&f->visitor);
    onsite_visitor_init(&f->other);
    *state = f;

    return 0;
}


static int
tear_down(void **state)
{
    fixture_t  *f = *state;

    onsite_arena_destroy(f->arena);
    free(f);

    return 0;
}


static onsite_str_t
str(const char *s)
{
    return onsite_str(s, strlen(s));
}


/* "source/medium/campaign referrer click" */

static const char *
told(const onsite_touch_t *t)
{
    static char  text[1024];

    (void) snprintf(text, sizeof(text), "%.*s/%.*s/%.*s %.*s %.*s",
                    (int) t->source.len, t->source.data,
                    (int) t->medium.len, t->medium.data,
                    (int) t->campaign.len, t->campaign.data,
                    (int) t->referrer.len, t->referrer.data,
                    (int) t->click.len, t->click.data);

    return text;
}


static const char *
origin_on(fixture_t *f, const char *host, const char *args,
    const char *referrer)
{
    onsite_touch_t  touch;
    onsite_facts_t  facts = {
        .host = str(host), .args = str(args), .referrer = str(referrer)
    };

    onsite_origin_read(f->arena, &facts, NOW, &touch);
    assert_true(touch.time == NOW);

    return told(&touch);
}


static const char *
origin(fixture_t *f, const char *args, const char *referrer)
{
    return origin_on(f, "www.shop.example", args, referrer);
}


static const struct {
    const char  *args;
    const char  *referrer;
    const char  *touch;
} addresses[] = {
    { "", "", "direct/none/  " },
    { "a=1&utm_sourc=x&utm_source=&gclid=", "", "direct/none/  " },
    { "utm_source=News%20letter&utm_medium=Email&utm_campaign=M%C3%A4rz+26",
      "", "News letter/Email/M\xc3\xa4rz 26  " },
    { "utm_campaign=x", "https://www.google.com/",
      "google/organic/x www.google.com " },
    { "utm_campaign=x", "", "//x  " },
    { "utm_source=partner", "https://news.example.org/a?b",
      "partner// news.example.org " },
    { "utm_source=google", "https://www.google.de/",
      "google/organic/ www.google.de " },
    { "utm_medium=banner", "https://news.example.org/",
      "news.example.org/banner/ news.example.org " },
    { "gclid=abc", "https://www.google.com/",
      "google/cpc/ www.google.com gclid" },
    { "gclid=abc&utm_source=g&utm_medium=ppc", "", "g/ppc/  gclid" },
    { "gbraid=1", "", "google/cpc/  gbraid" },
    { "wbraid=1", "", "google/cpc/  wbraid" },
    { "dclid=1", "", "google/cpc/  dclid" },
    { "msclkid=1", "", "bing/cpc/  msclkid" },
    { "yclid=1", "", "yandex/cpc/  yclid" },
    { "ttclid=1", "", "tiktok/paid/  ttclid" },
    { "twclid=1", "", "twitter/paid/  twclid" },
    { "li_fat_id=1", "", "linkedin/paid/  li_fat_id" },
    { "fbclid=1", "https://l.facebook.com/",
      "facebook/social/ l.facebook.com fbclid" },
    { "fbclid=1&gclid=2", "", "google/cpc/  gclid" },
    { "utm_source=a&utm_source=b", "", "a//  " },
    { "utm_source=%ff%00%0aq", "", "\xef\xbf\xbd  q//  " },
    { "", "https://shop.example/x", "direct/none/  " },
    { "", "https://WWW.shop.example:8443/x", "direct/none/  " },
    { "", "https://blog.shop.example/x", "direct/none/  " },
    { "", "https://notshop.example/x",
      "notshop.example/referral/ notshop.example " },
    { "", "https://www.other.example/x",
      "other.example/referral/ www.other.example " },
    { "", "https://user:pw@other.example./x",
      "other.example/referral/ other.example " },
    { "", "/relative", "direct/none/  " },
    { "", "https://", "direct/none/  " },
    { "", "https://b\xc3\xa4" "d/", "direct/none/  " },
    { "", "https://<script>/", "direct/none/  " },
};


static void
addresses_tell(void **state)
{
    size_t      i;
    fixture_t  *f = *state;

    for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        assert_string_equal(origin(f, addresses[i].args, addresses[i].referrer),
                            addresses[i].touch);
    }

    /* the page's own host below the referrer's, and one without a host */

    assert_string_equal(origin_on(f, "m.shop.example", "",
                                  "https://www.shop.example/"),
                        "direct/none/  ");
    assert_string_equal(origin_on(f, "", "", "https://a.example/"),
                        "a.example/referral/ a.example ");
}


static const struct {
    const char  *host;
    const char  *known;
} hosts[] = {
    { "google.com", "google/organic" },
    { "www.google.co.uk", "google/organic" },
    { "www.google.com.br", "google/organic" },
    { "m.google.fr", "google/organic" },
    { "images.google.de", "google/organic" },
    { "mail.google.com", "gmail/email" },
    { "docs.google.com", "docs.google.com/referral" },
    { "google.evil.example", "google.evil.example/referral" },
    { "notgoogle.com", "notgoogle.com/referral" },
    { "www.bing.com", "bing/organic" },
    { "duckduckgo.com", "duckduckgo/organic" },
    { "uk.search.yahoo.com", "yahoo/organic" },
    { "search.yahoo.co.jp", "yahoo/organic" },
    { "mail.yahoo.com", "yahoo/email" },
    { "news.yahoo.com", "news.yahoo.com/referral" },
    { "www.baidu.com", "baidu/organic" },
    { "yandex.com.tr", "yandex/organic" },
    { "ya.ru", "yandex/organic" },
    { "www.ecosia.org", "ecosia/organic" },
    { "www.qwant.com", "qwant/organic" },
    { "search.brave.com", "brave/organic" },
    { "brave.com", "brave.com/referral" },
    { "www.startpage.com", "startpage/organic" },
    { "l.facebook.com", "facebook/social" },
    { "fr-fr.facebook.com", "facebook/social" },
    { "l.instagram.com", "instagram/social" },
    { "t.co", "twitter/social" },
    { "x.com", "twitter/social" },
    { "www.x.com", "twitter/social" },
    { "lnkd.in", "linkedin/social" },
    { "www.linkedin.com", "linkedin/social" },
    { "www.pinterest.co.uk", "pinterest/social" },
    { "out.reddit.com", "reddit/social" },
    { "www.tiktok.com", "tiktok/social" },
    { "youtu.be", "youtube/social" },
    { "m.youtube.com", "youtube/social" },
    { "away.vk.com", "vk/social" },
    { "outlook.live.com", "outlook/email" },
    { "outlook.office.com", "outlook/email" },
    { "outlook.office365.com", "outlook/email" },
    { "onedrive.live.com", "onedrive.live.com/referral" },
    { "navigator.gmx.net", "gmx/email" },
    { "webmail.provider.example", "webmail.provider.example/email" },
    { "mail.provider.example", "mail.provider.example/email" },
    { "e.mail.ru", "mail.ru/email" },
    { "com.google.android.gm", "gmail/email" },
    { "www.blog.example", "blog.example/referral" },
    { "localhost", "localhost/referral" },
    { "10.0.0.1", "10.0.0.1/referral" },
    { "co.uk", "co.uk/referral" },
    { "..", "../referral" },
};


static void
hosts_are_known(void **state)
{
    size_t        i;
    char          text[256];
    onsite_str_t  source, medium;

    (void) state;

    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        onsite_origin_host(str(hosts[i].host), &source, &medium);
        (void) snprintf(text, sizeof(text), "%.*s/%.*s", (int) source.len,
                        source.data, (int) medium.len, medium.data);
        assert_string_equal(text, hosts[i].known);
    }
}


static void
texts_are_bounded(void **state)
{
    char             args[8192], referrer[512];
    fixture_t       *f = *state;
    onsite_touch_t   touch;
    onsite_facts_t   facts = { .host = ONSITE_STR("shop.example") };

    (void) sprintf(args, "utm_source=%0100d&utm_medium=%063d%%C3%%A9x", 1, 2);
    (void) sprintf(referrer, "https://%0100d.example.org/", 3);
    facts.args = str(args);
    facts.referrer = str(referrer);
    onsite_origin_read(f->arena, &facts, NOW, &touch);

    assert_int_equal(touch.source.len, ONSITE_TOUCH_TEXT_MAX);
    assert_int_equal(touch.medium.len, 63);
    assert_int_equal(touch.referrer.len, ONSITE_TOUCH_TEXT_MAX);
    assert_memory_equal(touch.referrer.data + ONSITE_TOUCH_TEXT_MAX - 12,
                        ".example.org", 12);

    /* a query too long is looked at as far as it is allowed to be */

    memset(args, 'a', sizeof(args));
    memcpy(args + sizeof(args) - 9, "&gclid=1", 9);
    facts.args = str(args);
    facts.referrer = onsite_str(NULL, 0);
    onsite_origin_read(f->arena, &facts, NOW, &touch);
    assert_string_equal(told(&touch), "direct/none/  ");
}


static void
view_of(fixture_t *f, onsite_visitor_t *v, const char *args,
    const char *referrer, bool opened, uint32_t keep)
{
    onsite_facts_t  facts = {
        .host = ONSITE_STR("shop.example"), .args = str(args),
        .referrer = str(referrer)
    };
    onsite_event_t  event = {
        .type = ONSITE_PAGE, .name = ONSITE_STR("Page Viewed"),
        .time = ++f->now, .received = f->now, .live = true
    };

    onsite_origin_event(f->arena, &facts, v, &event, opened, keep);
}


static void
view(fixture_t *f, const char *args, const char *referrer, bool opened)
{
    view_of(f, &f->visitor, args, referrer, opened, 4);
}


static void
touches_are_kept(void **state)
{
    fixture_t         *f = *state;
    onsite_visitor_t  *v = &f->visitor;

    view(f, "", "", true);
    assert_string_equal(told(&v->first_touch), "direct/none/  ");
    assert_int_equal(v->n_touches, 1);

    /* in the session: a referrer alone is none, a campaign is one, once */

    view(f, "q=1", "https://www.google.com/", false);
    assert_int_equal(v->n_touches, 1);
    view(f, "utm_source=n", "", false);
    view(f, "utm_source=n", "", false);
    assert_int_equal(v->n_touches, 2);
    assert_string_equal(told(onsite_origin_last(v)), "n//  ");

    /* direct takes nobody's place */

    view(f, "", "", true);
    view(f, "", "https://shop.example/", true);
    assert_int_equal(v->n_touches, 2);

    view(f, "", "https://t.co/x", true);
    view(f, "", "https://t.co/x", true);
    assert_int_equal(v->n_touches, 4);
    assert_string_equal(told(&v->touches[0]), "direct/none/  ");

    view(f, "gclid=1", "", true);
    assert_int_equal(v->n_touches, 4);
    assert_string_equal(told(&v->touches[0]), "n//  ");
    assert_string_equal(told(onsite_origin_last(v)), "google/cpc/  gclid");
    assert_string_equal(told(&v->first_touch), "direct/none/  ");
    assert_true(v->first_touch.time == NOW + 1);

    /* fewer are asked for */

    view_of(f, v, "gclid=2", "", true, 2);
    assert_int_equal(v->n_touches, 2);
    view_of(f, v, "gclid=2", "", true, 1000);
    assert_int_equal(v->n_touches, 3);
}


static void
only_live_page_views_touch(void **state)
{
    fixture_t       *f = *state;
    onsite_facts_t   facts = { .args = ONSITE_STR("gclid=1") };
    onsite_event_t   event = {
        .name = ONSITE_STR("Page Viewed"), .time = NOW, .live = false
    };

    onsite_origin_event(f->arena, &facts, &f->visitor, &event, true, 4);
    event.live = true;
    onsite_origin_event(f->arena, NULL, &f->visitor, &event, true, 4);
    onsite_origin_event(f->arena, &facts, &f->visitor, &event, true, 0);
    event.name = ONSITE_STR("Product Viewed");
    onsite_origin_event(f->arena, &facts, &f->visitor, &event, true, 4);
    assert_int_equal(f->visitor.n_touches, 0);
    assert_true(f->visitor.first_touch.time == 0);
    assert_null(onsite_origin_last(&f->visitor));

    /* a session that something else opened: the first view is the first
     * touch all the same */

    event.name = ONSITE_STR("Page Viewed");
    onsite_origin_event(f->arena, &facts, &f->visitor, &event, false, 4);
    assert_int_equal(f->visitor.n_touches, 1);
    assert_true(f->visitor.first_touch.time == NOW);
}


static void
fill(fixture_t *f, onsite_visitor_t *v, uint32_t *seed)
{
    int          i, n;
    const char  *args[] = { "", "gclid=1", "utm_source=a", "utm_source=b" };

    onsite_visitor_init(v);
    *seed = *seed * 1664525 + 1013904223;
    n = (int) (*seed >> 16) % 12;

    for (i = 0; i < n; i++) {
        *seed = *seed * 1664525 + 1013904223;
        f->now = NOW + (*seed >> 8) % 10;
        view_of(f, v, args[(*seed >> 16) % 4], "", true, 8);
    }
}


static void
assert_same(const onsite_visitor_t *a, const onsite_visitor_t *b)
{
    char      text[1024];
    uint32_t  i;

    assert_int_equal(a->n_touches, b->n_touches);
    assert_true(a->first_touch.time == b->first_touch.time);
    strcpy(text, told(&a->first_touch));
    assert_string_equal(text, told(&b->first_touch));

    for (i = 0; i < a->n_touches; i++) {
        assert_true(a->touches[i].time == b->touches[i].time);
        strcpy(text, told(&a->touches[i]));
        assert_string_equal(text, told(&b->touches[i]));
    }
}


static void
merges_commute(void **state)
{
    int                i;
    uint32_t           seed = 3;
    fixture_t         *f = *state;
    onsite_visitor_t  *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));

    assert_non_null(a);
    assert_non_null(b);

    for (i = 0; i < 500; i++) {
        fill(f, &f->visitor, &seed);
        fill(f, &f->other, &seed);
        *a = f->visitor;
        *b = f->other;
        onsite_origin_merge(a, &f->other);
        onsite_origin_merge(b, &f->visitor);

        if (f->visitor.n_touches != 0 && f->other.n_touches != 0) {
            assert_same(a, b);

            *b = *a;
            onsite_origin_merge(b, &f->other);
            assert_same(a, b);
        }

        onsite_arena_reset(f->arena);
    }

    free(a);
    free(b);
}


static void
merges_keep_the_earliest_and_the_latest(void **state)
{
    fixture_t  *f = *state;

    view_of(f, &f->other, "utm_source=first", "", true, 4);
    view(f, "", "", true);
    view_of(f, &f->other, "utm_source=last", "", true, 4);
    onsite_origin_merge(&f->visitor, &f->other);

    assert_string_equal(told(&f->visitor.first_touch), "first//  ");
    assert_int_equal(f->visitor.n_touches, 2);
    assert_string_equal(told(onsite_origin_last(&f->visitor)), "last//  ");
}


static const char *
resolve(fixture_t *f, const char *path)
{
    onsite_str_t      keys[8];
    onsite_value_t    value;
    onsite_context_t  context = {
        .arena = f->arena, .visitor = &f->visitor, .now = NOW
    };

    value = onsite_attribute_origin(&context, keys, keys_of(path, keys, 8));

    return text_of(f->arena, &value);
}


static void
paths_resolve(void **state)
{
    fixture_t  *f = *state;

    assert_string_equal(resolve(f, "first.source"), "absent");
    assert_string_equal(resolve(f, "last.source"), "absent");
    assert_string_equal(resolve(f, "touches"), "[]");

    view(f, "", "https://www.google.com/", true);
    view(f, "gclid=1&utm_campaign=c", "", true);

    assert_string_equal(resolve(f, "first.source"), "\"google\"");
    assert_string_equal(resolve(f, "first.medium"), "\"organic\"");
    assert_string_equal(resolve(f, "first.campaign"), "absent");
    assert_string_equal(resolve(f, "first.referrer"), "\"www.google.com\"");
    assert_string_equal(resolve(f, "last.medium"), "\"cpc\"");
    assert_string_equal(resolve(f, "last.campaign"), "\"c\"");
    assert_string_equal(resolve(f, "last.click"), "\"gclid\"");
    assert_string_equal(resolve(f, "last.time"), "1790000000002");
    assert_string_equal(resolve(f, "last.other"), "absent");
    assert_string_equal(resolve(f, "middle.source"), "absent");
    assert_string_equal(resolve(f, "touches.length"), "2");
    assert_string_equal(resolve(f, "touches.0.source"), "\"google\"");
    assert_string_equal(resolve(f, "touches.9.source"), "absent");
    assert_string_equal(resolve(f, "touches.x"), "absent");
    assert_string_equal(resolve(f, "last"),
                        "{\"source\":\"google\",\"medium\":\"cpc\","
                        "\"campaign\":\"c\",\"click\":\"gclid\","
                        "\"time\":1790000000002}");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(addresses_tell, set_up, tear_down),
        cmocka_unit_test(hosts_are_known),
        cmocka_unit_test_setup_teardown(texts_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(touches_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_live_page_views_touch, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(merges_commute, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            merges_keep_the_earliest_and_the_latest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_resolve, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
