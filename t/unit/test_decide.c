/*
 * test_decide.c - what is shown, and why not: each reason, caps, sticky
 * variants, buckets, holdouts, groups, pending ones, goals, no consent.
 */

#include "shop.h"
#include "onsite_bucket.h"

#define PAGE  ONSITE_STR("Page Viewed")

/* What a campaign of these tests has, beside what is tested. */
#define POPUP  "'channel':'popup','content':{'html':'<p>hello</p>'}"

/* Remembered, and never in the way. */
#define CAP    ",'frequency':{'cap':9,'per':'day'}"


static onsite_reason_t
page(shop_t *shop, onsite_ms_t now)
{
    shop_fire(shop, PAGE, NULL, now);

    return shop->decision.reason;
}


/* One campaign that is not shown, and the only reason counted. */

static void
assert_lost(const char *campaign, onsite_reason_t reason)
{
    char             text[2048];
    shop_t           shop;
    onsite_reason_t  i;

    (void) snprintf(text, sizeof(text), "[{'id':'a'," POPUP ",%s}]",
                    campaign);
    shop_open(&shop, text);

    assert_int_equal(page(&shop, SHOP_NOON), reason);
    assert_string_equal(shop_shown(&shop), "");
    assert_int_equal(shop.decision.considered, 1);

    for (i = 0; i < ONSITE_REASONS; i++) {
        assert_int_equal(shop.decision.reasons[i], i == reason);
    }

    shop_close(&shop);
}


static void
shows_and_records(void **state)
{
    shop_t              shop;
    onsite_exposure_t  *exposure;

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP CAP "}]");

    assert_int_equal(page(&shop, SHOP_NOON), ONSITE_REASON_NONE);
    assert_string_equal(shop_shown(&shop), "a");
    assert_str(shop_html(&shop, 0), "<p>hello</p>");
    assert_int_equal(shop.decision.choices[0].data.len, 0);
    assert_true(shop.decision.choices[0].propensity == 1);

    exposure = onsite_visitor_exposure(&shop.visitor,
                                       onsite_campaign_hash(ONSITE_STR("a")));
    assert_non_null(exposure);
    assert_int_equal(exposure->total, 1);
    assert_int_equal(exposure->window, 1);
    assert_int_equal(exposure->last, SHOP_NOON);
    assert_int_equal(exposure->session, 1);
    assert_int_equal(exposure->variant, 1);
    assert_false(exposure->holdout);

    shop_close(&shop);
}


static void
each_reason(void **state)
{
    (void) state;

    assert_lost("'schedule':{'from':'2026-10-21T00:00:00Z'}",
                ONSITE_REASON_SCHEDULE);
    assert_lost("'trigger':{'event':'Page Viewed',"
                "'where':{'path':{'$regex':'^/never'}}}",
                ONSITE_REASON_WHERE);
    assert_lost("'trigger':{'event':'Page Viewed','count':2}",
                ONSITE_REASON_COUNT);
    assert_lost("'audience':{'visitor.visits':{'$gt':5}}",
                ONSITE_REASON_AUDIENCE);
    assert_lost("'frequency':{'cap':0,'per':'day'}", ONSITE_REASON_CAP);
    assert_lost("'hash':{'coverage':0.0001}", ONSITE_REASON_COVERAGE);
    assert_lost("'holdout':0.9999", ONSITE_REASON_HOLDOUT);
}


static void
only_what_matters_later_is_remembered(void **state)
{
    size_t  i;
    char    text[512];
    shop_t  shop;

    static const struct {
        const char  *keys;
        uint32_t     remembered;
    } cases[] = {
        { "'priority':0", 0 },
        { "'frequency':{'cap':1,'per':'page'}", 0 },
        { "'trigger':{'event':'Page Viewed','count':1}", 0 },
        { "'variants':[{'id':'only'}],'fallback':'only'", 0 },
        { "'variants':[{'id':'a'},{'id':'b'}]", 1 },
        { "'frequency':{'cap':1000,'per':'hour'}", 1 },
        { "'frequency':{'stop_on':['clicked']}", 1 },
        { "'holdout':0.000001", 1 },
        { "'hash':{'coverage':0.9999999}", 1 },
        { "'hash':{'attribute':'event.properties.path'}", 1 },
        { "'goal':{'event':'Order Completed'}", 1 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) snprintf(text, sizeof(text), "[{'id':'c'," POPUP ",%s}]",
                        cases[i].keys);
        shop_open(&shop, text);
        shop_fire(&shop, PAGE, "{'path':'/'}", SHOP_NOON);
        assert_string_equal(shop_shown(&shop), "c");
        assert_int_equal(shop.visitor.n_exposures, cases[i].remembered);
        shop_close(&shop);
    }
}


static void
campaigns_without_caps_displace_none(void **state)
{
    int     i;
    char    text[256];
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'once'," POPUP ",'frequency':'once'}]");
    assert_int_equal(page(&shop, SHOP_NOON), ONSITE_REASON_NONE);

    for (i = 0; i < 3 * ONSITE_EXPOSURES_MAX; i++) {
        (void) snprintf(text, sizeof(text), "[{'id':'c%d'," POPUP "}]", i);
        shop_campaigns(&shop, text);
        assert_int_equal(page(&shop, SHOP_NOON + 1 + i), ONSITE_REASON_NONE);
    }

    shop_campaigns(&shop, "[{'id':'once'," POPUP ",'frequency':'once'}]");
    assert_int_equal(page(&shop, SHOP_NOON + i + 1), ONSITE_REASON_CAP);

    shop_close(&shop);
}


static void
first_failing_reason_is_told(void **state)
{
    (void) state;

    assert_lost("'schedule':{'from':'2026-10-21T00:00:00Z'},"
                "'trigger':{'event':'Page Viewed','count':2,"
                "'where':{'path':{'$ne':null}}},"
                "'frequency':{'cap':0,'per':'day'}",
                ONSITE_REASON_SCHEDULE);
    assert_lost("'trigger':{'event':'Page Viewed','count':2,"
                "'where':{'path':{'$gt':'a'}}},"
                "'audience':{'visitor.visits':{'$gt':5}}",
                ONSITE_REASON_WHERE);
    assert_lost("'trigger':{'event':'Page Viewed','count':2},"
                "'audience':{'visitor.visits':{'$gt':5}}",
                ONSITE_REASON_COUNT);
    assert_lost("'audience':{'visitor.visits':{'$gt':5}},"
                "'frequency':{'cap':0,'per':'day'}",
                ONSITE_REASON_AUDIENCE);
    assert_lost("'frequency':{'cap':0,'per':'day'},'holdout':0.9999",
                ONSITE_REASON_CAP);
}


static void
progress_counts_what_fails_later(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP ",'trigger':{'event':'Page Viewed',"
              "'count':2,'within':'session','where':{'path':'/a'}},"
              "'audience':{'session.pageviews':{'$gt':2}}}]");

    shop_fire(&shop, PAGE, "{'path':'/a'}", SHOP_NOON);
    assert_int_equal(shop.decision.reason, ONSITE_REASON_COUNT);

    shop_fire(&shop, PAGE, "{'path':'/b'}", SHOP_NOON + 1);
    assert_int_equal(shop.visitor.progress[0].n, 1);

    shop_fire(&shop, PAGE, "{'path':'/a'}", SHOP_NOON + 2);
    assert_string_equal(shop_shown(&shop), "a");

    shop_close(&shop);
}


static void
counts_of_one_keep_nothing(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP "}]");
    (void) page(&shop, SHOP_NOON);
    assert_int_equal(shop.visitor.n_progress, 0);
    shop_close(&shop);
}


static void
cap_per_session(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP
              ",'frequency':{'cap':1,'per':'session'}}]");

    assert_int_equal(page(&shop, SHOP_NOON), ONSITE_REASON_NONE);
    assert_int_equal(page(&shop, SHOP_NOON + ONSITE_MINUTE),
                     ONSITE_REASON_CAP);
    assert_int_equal(page(&shop, SHOP_NOON + ONSITE_HOUR),
                     ONSITE_REASON_NONE);

    shop_close(&shop);
}


static void
cap_per_day_in_the_zone(void **state)
{
    shop_t       shop;
    onsite_ms_t  midnight = SHOP_NOON + 10 * ONSITE_HOUR;   /* in Paris */

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP ",'schedule':{"
              "'timezone':'Europe/Paris'},"
              "'frequency':{'cap':1,'per':'day'}}]");

    assert_int_equal(page(&shop, midnight - 1), ONSITE_REASON_NONE);
    assert_int_equal(page(&shop, midnight), ONSITE_REASON_NONE);
    assert_int_equal(page(&shop, midnight + 2 * ONSITE_HOUR),
                     ONSITE_REASON_CAP);

    shop_close(&shop);
}


static void
stops_when_dismissed(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP
              ",'frequency':{'stop_on':['dismissed']}}]");

    assert_int_equal(page(&shop, SHOP_NOON), ONSITE_REASON_NONE);
    shop_fire(&shop, ONSITE_STR("Promotion Clicked"),
              "{'promotion_id':'a'}", SHOP_NOON + 1);
    assert_int_equal(page(&shop, SHOP_NOON + 2), ONSITE_REASON_NONE);
    shop_fire(&shop, ONSITE_STR("Promotion Dismissed"),
              "{'promotion_id':'a'}", SHOP_NOON + 3);
    assert_int_equal(page(&shop, SHOP_NOON + 4), ONSITE_REASON_STOPPED);

    shop_close(&shop);
}


static void
stopped_comes_before_cap(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP ",'frequency':{'cap':1,"
              "'per':'visitor','stop_on':['dismissed']}}]");

    (void) page(&shop, SHOP_NOON);
    assert_int_equal(page(&shop, SHOP_NOON + 1), ONSITE_REASON_CAP);
    shop_fire(&shop, ONSITE_STR("Promotion Dismissed"),
              "{'promotion_id':'a'}", SHOP_NOON + 2);
    assert_int_equal(page(&shop, SHOP_NOON + 3), ONSITE_REASON_STOPPED);

    shop_close(&shop);
}


static void
stops_at_the_goal(void **state)
{
    shop_t        shop;
    onsite_str_t  order = ONSITE_STR("Order Completed");

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP ",'frequency':{'stop_on':['goal']},"
              "'goal':{'event':'Order Completed','within':'1h'}}]");

    /* before any exposure, and too late after one: no goal */
    shop_fire(&shop, order, NULL, SHOP_NOON);
    assert_int_equal(page(&shop, SHOP_NOON + 1), ONSITE_REASON_NONE);
    shop_fire(&shop, order, NULL, SHOP_NOON + 2 + ONSITE_HOUR);
    assert_int_equal(page(&shop, SHOP_NOON + 3 + ONSITE_HOUR),
                     ONSITE_REASON_NONE);

    shop_fire(&shop, order, NULL, SHOP_NOON + 3 + 2 * ONSITE_HOUR);
    assert_int_equal(shop.visitor.exposures[0].happened, ONSITE_STOP_GOAL);
    assert_int_equal(page(&shop, SHOP_NOON + 4 + 2 * ONSITE_HOUR),
                     ONSITE_REASON_STOPPED);

    shop_close(&shop);
}


static void
one_of_a_group(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop,
              "[{'id':'low','priority':1,'group':'g'," POPUP CAP "},"
              "{'id':'high','priority':9,'group':'g'," POPUP CAP "},"
              "{'id':'other','priority':5,'group':'h'," POPUP CAP "},"
              "{'id':'none','priority':3," POPUP CAP "}]");

    assert_int_equal(page(&shop, SHOP_NOON), ONSITE_REASON_NONE);
    assert_string_equal(shop_shown(&shop), "high other none");
    assert_int_equal(shop.decision.reasons[ONSITE_REASON_GROUP], 1);
    assert_int_equal(shop.visitor.n_exposures, 3);

    shop_close(&shop);
}


static void
one_embed_a_slot(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop,
              "[{'id':'a','channel':'embed','slot':'x','priority':3,"
              "'content':{'html':'1'}},"
              "{'id':'b','channel':'embed','slot':'x','priority':2,"
              "'content':{'html':'2'}},"
              "{'id':'c','channel':'embed','slot':'y','priority':1,"
              "'content':{'html':'3'}}]");

    (void) page(&shop, SHOP_NOON);
    assert_string_equal(shop_shown(&shop), "a c");
    assert_int_equal(shop.decision.reasons[ONSITE_REASON_GROUP], 1);

    shop_close(&shop);
}


static void
at_most_so_many(void **state)
{
    int     i;
    char    list[4096];
    size_t  n = 0;
    shop_t  shop;

    (void) state;

    for (i = 0; i < ONSITE_CHOICES_MAX + 3; i++) {
        n += (size_t) snprintf(list + n, sizeof(list) - n,
                               "%c{'id':'c%02d'," POPUP "}",
                               i == 0 ? '[' : ',', i);
    }
    (void) snprintf(list + n, sizeof(list) - n, "]");

    shop_open(&shop, list);
    (void) page(&shop, SHOP_NOON);
    assert_string_equal(shop_shown(&shop),
                        "c00 c01 c02 c03 c04 c05 c06 c07");
    assert_int_equal(shop.decision.reasons[ONSITE_REASON_LIMIT], 3);
    assert_int_equal(shop.decision.considered, ONSITE_CHOICES_MAX + 3);
    shop_close(&shop);
}


static void
dead_events_bring_nothing(void **state)
{
    shop_t          shop;
    onsite_event_t  event = { .name = PAGE, .received = SHOP_NOON,
                              .time = SHOP_NOON - ONSITE_DAY };

    (void) state;

    event.properties.type = ONSITE_OBJECT;
    shop_open(&shop, "[{'id':'a'," POPUP "}]");
    shop_apply(&shop, &event, SHOP_NOON);
    assert_int_equal(shop.decision.considered, 0);
    assert_string_equal(shop_shown(&shop), "");
    shop_close(&shop);
}


#define VARIANTS(a, b)                                                        \
    "[{'id':'t'," POPUP ",'variants':[{'id':'a','weight':" a "},"             \
    "{'id':'b','weight':" b "}]}]"


static onsite_str_t
shown_variant(const shop_t *shop)
{
    assert_int_equal(shop->decision.n, 1);

    return onsite_image_str(&shop->site.image,
                            shop->decision.choices[0].variant->id);
}


static void
new_visitor(shop_t *shop, int i, char *id)
{
    shop->visitor_id = onsite_str(id, (size_t) sprintf(id, "visitor-%d", i));
    onsite_visitor_init(&shop->visitor);
    onsite_arena_reset(shop->arena);
}


static void
buckets_are_growthbooks(void **state)
{
    int           i;
    char          id[32];
    double        bucket;
    shop_t        shop;
    onsite_str_t  variant;

    (void) state;

    shop_open(&shop, "[{'id':'t'," POPUP ",'hash':{'seed':'s','version':1},"
              "'variants':[{'id':'a','weight':0.3},{'id':'b','weight':0.7}]"
              "}]");

    for (i = 0; i < 500; i++) {
        new_visitor(&shop, i, id);
        (void) page(&shop, SHOP_NOON);
        variant = shown_variant(&shop);
        bucket = onsite_bucket(ONSITE_STR("s"), shop.visitor_id, 1);
        assert_int_equal(variant.data[0], bucket < 0.3 ? 'a' : 'b');
        assert_true(shop.decision.choices[0].propensity
                    == (bucket < 0.3 ? 0.3 : 0.7));
    }

    shop_close(&shop);
}


static void
variants_stick(void **state)
{
    int           i, moved = 0;
    char          id[32], first;
    shop_t        shop;
    onsite_str_t  variant;

    (void) state;

    shop_open(&shop, VARIANTS("0.5", "0.5"));

    for (i = 0; i < 50; i++) {
        shop_campaigns(&shop, VARIANTS("0.5", "0.5"));
        new_visitor(&shop, i, id);
        (void) page(&shop, SHOP_NOON);
        first = shown_variant(&shop).data[0];

        shop_campaigns(&shop, VARIANTS("0.01", "0.99"));
        (void) page(&shop, SHOP_NOON + 1);
        assert_int_equal(shown_variant(&shop).data[0], first);

        /* what is shown again has the propensity that it has now */
        assert_true(shop.decision.choices[0].propensity
                    == (first == 'a' ? 0.01 : 0.99));

        onsite_visitor_init(&shop.visitor);
        (void) page(&shop, SHOP_NOON + 2);
        variant = shown_variant(&shop);
        moved += variant.data[0] != first;
    }

    assert_in_range(moved, 10, 40);
    shop_close(&shop);
}


static void
variants_stick_by_id(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, VARIANTS("0.0001", "0.9999"));
    (void) page(&shop, SHOP_NOON);
    assert_str(shown_variant(&shop), "b");

    /* b is another place now, then gone */
    shop_campaigns(&shop, "[{'id':'t'," POPUP ",'variants':["
                   "{'id':'b','weight':0.0001},{'id':'c','weight':0.9999}]"
                   "}]");
    (void) page(&shop, SHOP_NOON + 1);
    assert_str(shown_variant(&shop), "b");

    shop_campaigns(&shop, "[{'id':'t'," POPUP ",'variants':["
                   "{'id':'x','weight':0.0001},{'id':'c','weight':0.9999}]"
                   "}]");
    (void) page(&shop, SHOP_NOON + 2);
    assert_str(shown_variant(&shop), "c");

    shop_close(&shop);
}


static void
hash_attribute(void **state)
{
    shop_t        shop;
    double        bucket;
    onsite_str_t  variant;

    (void) state;

    shop_open(&shop, "[{'id':'t'," POPUP ",'hash':{"
              "'attribute':'event.properties.company'},'variants':["
              "{'id':'a','weight':0.5},{'id':'b','weight':0.5}]}]");

    shop_fire(&shop, PAGE, "{'company':42}", SHOP_NOON);
    variant = shown_variant(&shop);
    bucket = onsite_bucket(ONSITE_STR("t"), ONSITE_STR("42"), 2);
    assert_int_equal(variant.data[0], bucket < 0.5 ? 'a' : 'b');

    onsite_visitor_init(&shop.visitor);
    shop_fire(&shop, PAGE, "{'company':0}", SHOP_NOON);
    assert_int_equal(shop.decision.reason, ONSITE_REASON_COVERAGE);
    shop_fire(&shop, PAGE, "{'company':''}", SHOP_NOON);
    assert_int_equal(shop.decision.reason, ONSITE_REASON_COVERAGE);
    shop_fire(&shop, PAGE, "{'company':['x']}", SHOP_NOON);
    assert_int_equal(shop.decision.reason, ONSITE_REASON_COVERAGE);
    shop_fire(&shop, PAGE, "{}", SHOP_NOON);
    assert_int_equal(shop.decision.reason, ONSITE_REASON_COVERAGE);

    shop_close(&shop);
}


static void
holdout_has_its_share(void **state)
{
    int     i, n = 100000, held = 0, a = 0, shown = 0;
    char    id[32];
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'t'," POPUP ",'holdout':0.1,"
              "'hash':{'coverage':0.5},'variants':["
              "{'id':'a','weight':0.5},{'id':'b','weight':0.5}]}]");

    for (i = 0; i < n; i++) {
        new_visitor(&shop, i, id);
        (void) page(&shop, SHOP_NOON);
        held += shop.decision.reasons[ONSITE_REASON_HOLDOUT];

        if (shop.decision.n == 1) {
            shown++;
            a += shown_variant(&shop).data[0] == 'a';
            assert_true(shop.decision.choices[0].propensity
                        == 0.5 * 0.9 * 0.5);
        }
    }

    /* four standard deviations: sqrt(n p (1 - p)) */
    assert_in_range(held, n / 10 - 380, n / 10 + 380);
    assert_in_range(shown, 45000 - 630, 45000 + 630);
    assert_in_range(a, 22500 - 530, 22500 + 530);

    shop_close(&shop);
}


static void
holdout_sticks(void **state)
{
    shop_t              shop;
    onsite_exposure_t  *exposure;

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP ",'holdout':0.9999}]");
    assert_int_equal(page(&shop, SHOP_NOON), ONSITE_REASON_HOLDOUT);

    exposure = &shop.visitor.exposures[0];
    assert_int_equal(shop.visitor.n_exposures, 1);
    assert_true(exposure->holdout);
    assert_int_equal(exposure->total, 0);
    assert_int_equal(exposure->last, 0);

    shop_campaigns(&shop, "[{'id':'a'," POPUP ",'holdout':0.0001}]");
    assert_int_equal(page(&shop, SHOP_NOON + 1), ONSITE_REASON_HOLDOUT);

    /* without a holdout there is none to be in; who was shown stays shown */
    shop_campaigns(&shop, "[{'id':'a'," POPUP "}]");
    assert_int_equal(page(&shop, SHOP_NOON + 2), ONSITE_REASON_NONE);
    shop_campaigns(&shop, "[{'id':'a'," POPUP ",'holdout':0.9999}]");
    assert_int_equal(page(&shop, SHOP_NOON + 3), ONSITE_REASON_NONE);

    shop_close(&shop);
}


static void
beacons_leave_it_pending(void **state)
{
    shop_t             shop;
    onsite_pending_t  *pending;

    (void) state;

    shop_open(&shop, "[{'id':'a','channel':'popup',"
              "'trigger':{'event':'Product Added'},"
              "'frequency':{'cap':1,'per':'session'},'content':{"
              "'html':'<b>{{event.properties.name}}</b>',"
              "'data':{'sku':'{{event.properties.sku}}'}}}]");

    shop.deliver = false;
    shop_fire(&shop, ONSITE_STR("Product Added"),
              "{'name':'Hat','sku':'h1','price':9}", SHOP_NOON);
    assert_string_equal(shop_shown(&shop), "a?");
    assert_int_equal(shop.decision.choices[0].html.len, 0);
    assert_int_equal(shop.visitor.n_exposures, 0);

    assert_int_equal(shop.visitor.n_pending, 1);
    pending = &shop.visitor.pending[0];
    assert_str(pending->event, "Product Added");
    assert_int_equal(pending->fired, SHOP_NOON);
    assert_int_equal(pending->properties.len, 2);

    /* fires anew: pending once, with what is newest */
    shop_fire(&shop, ONSITE_STR("Product Added"),
              "{'name':'Cap','sku':'c1'}", SHOP_NOON + 1);
    assert_int_equal(shop.visitor.n_pending, 1);

    shop.deliver = true;
    (void) page(&shop, SHOP_NOON + 2);
    assert_string_equal(shop_shown(&shop), "a");
    assert_str(shop_html(&shop, 0), "<b>Cap</b>");
    assert_str(shop.decision.choices[0].data, "{\"sku\":\"c1\"}");
    assert_int_equal(shop.visitor.n_pending, 0);
    assert_int_equal(shop.visitor.exposures[0].total, 1);

    /* the cap holds for what would become pending, too */
    shop.deliver = false;
    shop_fire(&shop, ONSITE_STR("Product Added"), NULL, SHOP_NOON + 3);
    assert_int_equal(shop.decision.reason, ONSITE_REASON_CAP);
    assert_int_equal(shop.visitor.n_pending, 0);

    shop_close(&shop);
}


static void
pending_is_decided_again(void **state)
{
    shop_t        shop;
    onsite_str_t  added = ONSITE_STR("Product Added");

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP ",'trigger':{"
              "'event':'Product Added'},'audience':{"
              "'session.pageviews':{'$lt':2}}}]");

    /* still eligible */
    shop.deliver = false;
    shop_fire(&shop, added, NULL, SHOP_NOON);
    shop.deliver = true;
    (void) page(&shop, SHOP_NOON + 1);
    assert_string_equal(shop_shown(&shop), "a");

    /* no longer */
    shop_fire(&shop, ONSITE_STR("Login"), NULL, SHOP_NOON + ONSITE_DAY);
    shop.deliver = false;
    shop_fire(&shop, added, NULL, SHOP_NOON + ONSITE_DAY + 1);
    assert_int_equal(shop.visitor.n_pending, 1);
    (void) page(&shop, SHOP_NOON + ONSITE_DAY + 2);
    shop.deliver = true;
    assert_int_equal(page(&shop, SHOP_NOON + ONSITE_DAY + 3),
                     ONSITE_REASON_AUDIENCE);
    assert_int_equal(shop.visitor.n_pending, 0);

    shop_close(&shop);
}


static void
pending_keeps_what_its_audience_reads(void **state)
{
    shop_t        shop;
    onsite_str_t  added = ONSITE_STR("Product Added");

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP ",'trigger':{"
              "'event':'Product Added'},'audience':{"
              "'event.properties.price':{'$gt':50},"
              "'event.properties.brand.name':'x'}}]");
    shop.deliver = false;
    shop_fire(&shop, added, "{'price':51,'brand':{'name':'x'},'sku':'s'}",
              SHOP_NOON);
    assert_int_equal(shop.visitor.n_pending, 1);
    assert_int_equal(shop.visitor.pending[0].properties.len, 2);

    shop.deliver = true;
    (void) page(&shop, SHOP_NOON + 1);
    assert_string_equal(shop_shown(&shop), "a");

    shop_close(&shop);
}


static void
pending_ends_with_session_and_campaign(void **state)
{
    shop_t        shop;
    onsite_str_t  added = ONSITE_STR("Product Added");
    const char   *list = "[{'id':'a'," POPUP ",'trigger':{"
                         "'event':'Product Added'}}]";

    (void) state;

    shop_open(&shop, list);
    shop.deliver = false;
    shop_fire(&shop, added, NULL, SHOP_NOON);
    shop.deliver = true;
    (void) page(&shop, SHOP_NOON + ONSITE_DAY);
    assert_string_equal(shop_shown(&shop), "");
    assert_int_equal(shop.visitor.n_pending, 0);

    shop.deliver = false;
    shop_fire(&shop, added, NULL, SHOP_NOON + ONSITE_DAY);
    assert_int_equal(shop.visitor.n_pending, 1);
    shop_campaigns(&shop, "[]");
    shop.deliver = true;
    (void) page(&shop, SHOP_NOON + ONSITE_DAY + 1);
    assert_string_equal(shop_shown(&shop), "");
    assert_int_equal(shop.visitor.n_pending, 0);

    shop_close(&shop);
}


static void
pending_and_fresh_are_one(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP CAP "}]");
    shop.deliver = false;
    (void) page(&shop, SHOP_NOON);
    assert_int_equal(shop.visitor.n_pending, 1);

    shop.deliver = true;
    (void) page(&shop, SHOP_NOON + 1);
    assert_string_equal(shop_shown(&shop), "a");
    assert_int_equal(shop.visitor.exposures[0].total, 1);
    assert_int_equal(shop.decision.reasons[ONSITE_REASON_CAP], 1);

    shop_close(&shop);
}


static void
pending_waits_for_its_group(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'wait','priority':1,'group':'g'," POPUP ","
              "'trigger':{'event':'Product Added'}},"
              "{'id':'first','priority':2,'group':'g'," POPUP ","
              "'frequency':{'cap':1,'per':'visitor'}}]");

    shop.deliver = false;
    shop_fire(&shop, ONSITE_STR("Product Added"), NULL, SHOP_NOON);
    shop.deliver = true;
    (void) page(&shop, SHOP_NOON + 1);
    assert_string_equal(shop_shown(&shop), "first");
    assert_int_equal(shop.visitor.n_pending, 1);
    (void) page(&shop, SHOP_NOON + 2);
    assert_string_equal(shop_shown(&shop), "wait");
    assert_int_equal(shop.visitor.n_pending, 0);

    shop_close(&shop);
}


static void
pending_is_bounded(void **state)
{
    int     i;
    char    list[4096], name[16];
    size_t  n = 0;
    shop_t  shop;

    (void) state;

    for (i = 0; i <= ONSITE_PENDING_MAX; i++) {
        n += (size_t) snprintf(list + n, sizeof(list) - n,
                               "%c{'id':'c%d'," POPUP ",'trigger':{"
                               "'event':'E%d'}},{'id':'all%d'," POPUP ","
                               "'trigger':{'event':'All'}}",
                               i == 0 ? '[' : ',', i, i, i);
    }
    (void) snprintf(list + n, sizeof(list) - n, "]");

    shop_open(&shop, list);
    shop.deliver = false;

    for (i = 0; i <= ONSITE_PENDING_MAX; i++) {
        (void) snprintf(name, sizeof(name), "E%d", i);
        shop_fire(&shop, onsite_str(name, strlen(name)), NULL, SHOP_NOON + i);
    }

    /* the oldest went */
    assert_int_equal(shop.visitor.n_pending, ONSITE_PENDING_MAX);
    assert_int_equal(shop.visitor.pending[0].campaign,
                     onsite_campaign_hash(ONSITE_STR("c1")));

    /* of one event the first ones stay */
    shop_fire(&shop, ONSITE_STR("All"), NULL, SHOP_NOON + i);
    assert_string_equal(shop_shown(&shop), "all0? all1? all2? all3?");
    assert_int_equal(shop.decision.reasons[ONSITE_REASON_LIMIT], 1);
    assert_int_equal(shop.visitor.n_pending, ONSITE_PENDING_MAX);
    assert_int_equal(shop.visitor.pending[0].campaign,
                     onsite_campaign_hash(ONSITE_STR("all0")));

    shop_close(&shop);
}


static void
pending_properties_are_bounded(void **state)
{
    char    properties[2048];
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a','channel':'popup','content':{'html':"
              "'{{event.properties.big}}{{event.properties.small}}'}}]");

    (void) snprintf(properties, sizeof(properties),
                    "{'big':'%0600d','small':'s'}", 1);
    shop.deliver = false;
    shop_fire(&shop, PAGE, properties, SHOP_NOON);
    assert_int_equal(shop.visitor.n_pending, 1);
    assert_int_equal(shop.visitor.pending[0].properties.len, 1);

    shop.deliver = true;
    shop_fire(&shop, ONSITE_STR("Other"), NULL, SHOP_NOON + 1);
    assert_str(shop_html(&shop, 0), "s");

    shop_close(&shop);
}


static void
webhooks_do_not_wait(void **state)
{
    shop_t              shop;
    onsite_campaign_t  *campaign;

    (void) state;

    /* files cannot ask for one yet */
    shop_open(&shop, "[{'id':'a','channel':'popup'" CAP ","
              "'content':{'html':'x','data':{'n':'{{visitor.visits}}'}}}]");
    campaign = onsite_builder_at(shop.builder,
                   onsite_image_header(&shop.site.image)->campaigns);
    campaign->channel = ONSITE_CHANNEL_WEBHOOK;

    shop.deliver = false;
    (void) page(&shop, SHOP_NOON);
    assert_string_equal(shop_shown(&shop), "a");
    assert_str(shop.decision.choices[0].data, "{\"n\":1}");
    assert_int_equal(shop.visitor.n_pending, 0);
    assert_int_equal(shop.visitor.exposures[0].total, 1);

    shop_close(&shop);
}


static void
without_consent(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop,
              "[{'id':'blind'," POPUP ",'holdout':0.9999,'fallback':'b',"
              "'variants':[{'id':'a','weight':0.9999},"
              "{'id':'b','weight':0.0001}],"
              "'audience':{'request.device':{'$ne':'bot'}}},"
              "{'id':'no-fallback'," POPUP "},"
              "{'id':'stateful','fallback':'a','variants':[{'id':'a',"
              "'weight':1}]," POPUP ",'audience':{'visitor.visits':{"
              "'$gte':0}}}]");

    shop.consent = false;
    (void) page(&shop, SHOP_NOON);
    assert_string_equal(shop_shown(&shop), "blind");
    assert_str(shown_variant(&shop), "b");
    assert_true(shop.decision.choices[0].propensity == 1);
    assert_int_equal(shop.decision.reasons[ONSITE_REASON_CONSENT], 2);

    /* nowhere to keep it */
    shop.deliver = false;
    assert_int_equal(page(&shop, SHOP_NOON), ONSITE_REASON_CONSENT);
    assert_int_equal(shop.visitor.n_exposures, 0);
    assert_int_equal(shop.visitor.n_pending, 0);

    shop_close(&shop);
}


static void
count_reasons(void *data, const onsite_campaign_t *campaign,
    onsite_reason_t reason, const char *detail)
{
    int  *counts = data;

    (void) detail;

    assert_non_null(campaign);
    counts[reason]++;
}


static void
explains_each(void **state)
{
    int             counts[ONSITE_REASONS] = { 0 };
    shop_t          shop;
    onsite_event_t  event = { .name = PAGE, .received = SHOP_NOON,
                              .time = SHOP_NOON, .live = true };
    onsite_apply_t  apply;

    (void) state;

    event.properties.type = ONSITE_OBJECT;
    shop_open(&shop, "[{'id':'a'," POPUP "},{'id':'b'," POPUP ","
              "'audience':{'visitor.visits':{'$gt':5}}}]");

    memset(&apply, 0, sizeof(apply));
    apply.site = &shop.site;
    apply.visitor = &shop.visitor;
    apply.event = &event;
    apply.now = SHOP_NOON;
    apply.arena = shop.arena;
    apply.decide.visitor_id = shop.visitor_id;
    apply.decide.deliver = true;
    apply.decide.explain = count_reasons;
    apply.decide.explain_data = counts;

    onsite_apply(shop.engine, &apply, &shop.decision);
    assert_int_equal(counts[ONSITE_REASON_NONE], 1);
    assert_int_equal(counts[ONSITE_REASON_AUDIENCE], 1);

    shop_close(&shop);
}


static void
reasons_have_names(void **state)
{
    onsite_reason_t  i, j;

    (void) state;

    for (i = 0; i < ONSITE_REASONS; i++) {
        assert_true(onsite_reason_text(i).len > 0);

        for (j = 0; j < i; j++) {
            assert_false(onsite_str_eq(onsite_reason_text(i),
                                       onsite_reason_text(j)));
        }
    }

    assert_str(onsite_reason_text(ONSITE_REASON_AUDIENCE), "audience");
    assert_str(onsite_reason_text(ONSITE_REASON_LIMIT), "limit");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(shows_and_records),
        cmocka_unit_test(each_reason),
        cmocka_unit_test(only_what_matters_later_is_remembered),
        cmocka_unit_test(campaigns_without_caps_displace_none),
        cmocka_unit_test(first_failing_reason_is_told),
        cmocka_unit_test(progress_counts_what_fails_later),
        cmocka_unit_test(counts_of_one_keep_nothing),
        cmocka_unit_test(cap_per_session),
        cmocka_unit_test(cap_per_day_in_the_zone),
        cmocka_unit_test(stops_when_dismissed),
        cmocka_unit_test(stopped_comes_before_cap),
        cmocka_unit_test(stops_at_the_goal),
        cmocka_unit_test(one_of_a_group),
        cmocka_unit_test(one_embed_a_slot),
        cmocka_unit_test(at_most_so_many),
        cmocka_unit_test(dead_events_bring_nothing),
        cmocka_unit_test(buckets_are_growthbooks),
        cmocka_unit_test(variants_stick),
        cmocka_unit_test(variants_stick_by_id),
        cmocka_unit_test(hash_attribute),
        cmocka_unit_test(holdout_has_its_share),
        cmocka_unit_test(holdout_sticks),
        cmocka_unit_test(beacons_leave_it_pending),
        cmocka_unit_test(pending_is_decided_again),
        cmocka_unit_test(pending_keeps_what_its_audience_reads),
        cmocka_unit_test(pending_ends_with_session_and_campaign),
        cmocka_unit_test(pending_and_fresh_are_one),
        cmocka_unit_test(pending_waits_for_its_group),
        cmocka_unit_test(pending_is_bounded),
        cmocka_unit_test(pending_properties_are_bounded),
        cmocka_unit_test(webhooks_do_not_wait),
        cmocka_unit_test(without_consent),
        cmocka_unit_test(explains_each),
        cmocka_unit_test(reasons_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
