/*
 * test_decide_when.c - campaigns that something in the page releases: armed at
 * their event, judged again, shown once, and until when they are armed.
 */

#include "shop.h"
#include "onsite_bucket.h"
#include "onsite_visitor_codec.h"
#include "onsite_visitor_json.h"
#include "onsite_visitor_parse.h"

#define PAGE   ONSITE_STR("Page Viewed")
#define ADDED  ONSITE_STR("Product Added")
#define LATER  (SHOP_NOON + ONSITE_MINUTE)

#define POPUP  "'channel':'popup','content':{'html':'<p>{{event.properties.x}}</p>'}"
#define EXIT   ",'when':{'exit':true}"
#define PAGED  "'id':'a'," POPUP EXIT


static const char *
page(shop_t *shop, onsite_ms_t now)
{
    shop_fire(shop, PAGE, "{'x':'page'}", now);

    return shop_shown(shop);
}


static const char *
release(shop_t *shop, const char *id, onsite_ms_t now)
{
    char  text[128];

    (void) snprintf(text, sizeof(text), "{'promotion_id':'%s'}", id);
    shop_fire(shop, ONSITE_EVENT_TRIGGERED, text, now);

    return shop_shown(shop);
}


static const onsite_exposure_t *
exposure_of(shop_t *shop, const char *id)
{
    return onsite_visitor_exposure(&shop->visitor,
               onsite_campaign_hash(onsite_str(id, strlen(id))));
}


/* The visitor as it comes back out of its record, which knows no image. */

static void
rest(shop_t *shop)
{
    char                 *record;
    size_t                size;
    onsite_key_t          link;
    onsite_record_kind_t  kind;

    record = onsite_arena_alloc(shop->arena, ONSITE_RECORD_BYTES_MAX);
    size = onsite_visitor_encode(&shop->visitor, record,
                                 ONSITE_RECORD_BYTES_MAX);
    assert_int_equal(onsite_visitor_decode(shop->arena, record, size, &kind,
                                           &shop->visitor, &link), ONSITE_OK);
}


static void
armed_then_shown_once(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a','channel':'popup',"
              "'content':{'html':'<p>{{event.properties.x}}</p>'}" EXIT
              ",'frequency':'once_per_session'}]");

    assert_string_equal(page(&shop, SHOP_NOON), "a!");
    assert_int_equal(shop.decision.reason, ONSITE_REASON_NONE);
    assert_int_equal(shop.decision.choices[0].html.len, 0);
    assert_int_equal(shop.decision.choices[0].data.len, 0);
    assert_str(shop.decision.choices[0].when, "{\"exit\":true}");
    assert_null(exposure_of(&shop, "a"));
    assert_int_equal(shop.visitor.n_armed, 1);
    assert_int_equal(shop.visitor.n_pending, 0);

    /* for the event that armed it */

    assert_string_equal(release(&shop, "a", LATER), "a");
    assert_str(shop_html(&shop, 0), "<p>page</p>");
    assert_int_equal(shop.decision.choices[0].when.len, 0);
    assert_int_equal(exposure_of(&shop, "a")->total, 1);
    assert_int_equal(shop.visitor.n_armed, 0);

    assert_string_equal(release(&shop, "a", LATER), "");
    assert_int_equal(shop.decision.reason, ONSITE_REASON_UNARMED);

    /* and its cap holds on the next page */

    assert_string_equal(page(&shop, LATER), "");
    assert_int_equal(shop.decision.reason, ONSITE_REASON_CAP);

    shop_close(&shop);
}


static void
other_events_release_nothing(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{" PAGED "},{'id':'b'," POPUP EXIT "}]");
    assert_string_equal(page(&shop, SHOP_NOON), "a! b!");

    shop_fire(&shop, ADDED, "{'promotion_id':'a'}", LATER);
    assert_string_equal(shop_shown(&shop), "");
    shop_apply(&shop, NULL, LATER);
    assert_string_equal(shop_shown(&shop), "");
    assert_int_equal(shop.visitor.n_armed, 2);

    /* only the one named */

    assert_string_equal(release(&shop, "b", LATER), "b");
    assert_int_equal(shop.visitor.n_armed, 1);

    /* a beacon has no answer that could show it */

    shop.deliver = false;
    assert_string_equal(release(&shop, "a", LATER), "");
    assert_int_equal(shop.visitor.n_armed, 1);
    assert_int_equal(shop.visitor.n_pending, 0);

    shop.deliver = true;
    shop_fire(&shop, ONSITE_EVENT_TRIGGERED, "{'campaign':'a'}", LATER);
    assert_string_equal(shop_shown(&shop), "a");

    shop_close(&shop);
}


static void
what_is_not_armed_is_counted(void **state)
{
    size_t  i;
    shop_t  shop;

    static const char *const  events[] = {
        "{'promotion_id':'a'}", "{'promotion_id':'nobody'}", "{}",
        "{'promotion_id':7}", "{'promotion_id':{'a':1}}"
    };

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP EXIT ",'trigger':{'event':'X'}}]");

    for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        shop_fire(&shop, ONSITE_EVENT_TRIGGERED, events[i], SHOP_NOON);
        assert_string_equal(shop_shown(&shop), "");
        assert_int_equal(shop.decision.considered, 1);
        assert_int_equal(shop.decision.reason, ONSITE_REASON_UNARMED);
        assert_int_equal(shop.decision.reasons[ONSITE_REASON_UNARMED], 1);
    }

    /* without state there is nothing that could be armed */

    shop.consent = false;
    assert_string_equal(release(&shop, "a", SHOP_NOON), "");

    shop_close(&shop);
}


static void
the_next_page_drops_what_is_armed(void **state)
{
    shop_t          shop;
    onsite_event_t  dead = {
        .type = ONSITE_TRACK, .name = PAGE, .received = LATER,
        .properties = { .type = ONSITE_OBJECT }
    };

    (void) state;

    shop_open(&shop, "[{" PAGED ",'trigger':{'event':'Page Viewed','where':"
              "{'x':'page'}}},{'id':'b'," POPUP EXIT ",'trigger':"
              "{'event':'Product Added'}}]");

    assert_string_equal(page(&shop, SHOP_NOON), "a!");
    shop_fire(&shop, ADDED, NULL, SHOP_NOON);
    assert_string_equal(shop_shown(&shop), "b!");
    assert_int_equal(shop.visitor.n_armed, 2);

    /* one from an hour ago is of no page that is open */

    shop_apply(&shop, &dead, LATER);
    assert_int_equal(shop.visitor.n_armed, 2);

    /* whoever tells of it, and whether anything can be shown or not */

    shop.deliver = false;
    shop_fire(&shop, PAGE, NULL, LATER);
    assert_int_equal(shop.visitor.n_armed, 0);

    shop.deliver = true;
    assert_string_equal(release(&shop, "a", LATER), "");

    /* what fires anew is armed anew */

    assert_string_equal(page(&shop, LATER), "a!");
    assert_string_equal(page(&shop, LATER), "a!");
    assert_int_equal(shop.visitor.n_armed, 1);
    assert_string_equal(release(&shop, "a", LATER), "a");

    /* an app's screens are its pages */

    assert_string_equal(page(&shop, LATER), "a!");
    shop_fire(&shop, ONSITE_STR("Screen Viewed"), NULL, LATER);
    assert_int_equal(shop.visitor.n_armed, 0);

    shop_close(&shop);
}


/* A page may be open for long: what it armed outlives the session. */

static void
a_new_session_keeps_what_is_armed(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{" PAGED "}]");
    assert_string_equal(page(&shop, SHOP_NOON), "a!");
    assert_string_equal(release(&shop, "a", SHOP_NOON + 2 * ONSITE_HOUR),
                        "a");
    assert_int_equal(shop.visitor.visits, 2);

    shop_close(&shop);
}


static const struct {
    const char       *campaign;
    const char       *event;        /* between arming and release          */
    const char       *properties;
    onsite_ms_t       after;
    onsite_reason_t   reason;
    bool              stays;
} again[] = {
    { "'schedule':{'until':'2026-10-20T12:30:00Z'}", "X", NULL, ONSITE_HOUR,
      ONSITE_REASON_SCHEDULE, false },
    { "'audience':{'cart.items':0}", "Product Added", "{'sku':'s'}", 0,
      ONSITE_REASON_AUDIENCE, false },
    { "'frequency':{'stop_on':['dismissed']}", "Promotion Dismissed",
      "{'promotion_id':'a'}", 0, ONSITE_REASON_STOPPED, false },
    { "'goal':{'event':'Sold'},'frequency':{'stop_on':['goal']}", "Sold",
      NULL, 0, ONSITE_REASON_NONE, false },
    { "'trigger':{'event':'Page Viewed','where':{'x':'page'}}", "X", NULL, 0,
      ONSITE_REASON_NONE, false },
    { "'audience':{'event.properties.x':'page'}", "X", NULL, 0,
      ONSITE_REASON_NONE, false },
    { "'trigger':{'event':'Page Viewed','count':1,'within':'1m'}", "X", NULL,
      ONSITE_HOUR, ONSITE_REASON_NONE, false },
};


static void
judged_again_when_released(void **state)
{
    char    text[1024];
    size_t  i;
    shop_t  shop;

    (void) state;

    for (i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
        (void) snprintf(text, sizeof(text), "[{" PAGED ",%s}]",
                        again[i].campaign);
        shop_open(&shop, text);
        assert_string_equal(page(&shop, SHOP_NOON), "a!");
        shop_fire(&shop, onsite_str(again[i].event, strlen(again[i].event)),
                  again[i].properties, SHOP_NOON);

        assert_string_equal(release(&shop, "a", SHOP_NOON + again[i].after),
                            again[i].reason == ONSITE_REASON_NONE ? "a" : "");
        assert_int_equal(shop.decision.reason, again[i].reason);
        assert_int_equal(shop.visitor.n_armed, again[i].stays);
        shop_close(&shop);
    }
}


/* A group has one place in an answer, and an armed one has taken it. */

static void
groups_and_slots_hold_for_armed_ones(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{" PAGED ",'group':'g','priority':2},"
              "{'id':'b'," POPUP ",'group':'g'}]");
    assert_string_equal(page(&shop, SHOP_NOON), "a!");
    assert_int_equal(shop.decision.reasons[ONSITE_REASON_GROUP], 1);
    shop_close(&shop);

    shop_open(&shop, "[{" PAGED ",'group':'g'},"
              "{'id':'b'," POPUP ",'group':'g','priority':2,"
              "'trigger':{'event':'X'}}]");
    assert_string_equal(page(&shop, SHOP_NOON), "a!");

    /* b waits, comes with the answer that a is asked for in, and has the
     * place; a stays armed */

    shop.deliver = false;
    shop_fire(&shop, ONSITE_STR("X"), NULL, LATER);
    assert_string_equal(shop_shown(&shop), "b?");
    shop.deliver = true;

    assert_string_equal(release(&shop, "a", LATER), "b");
    assert_int_equal(shop.decision.reasons[ONSITE_REASON_GROUP], 1);
    assert_int_equal(shop.visitor.n_armed, 1);
    assert_string_equal(release(&shop, "a", LATER), "a");
    shop_close(&shop);
}


#define HALVES  ",'variants':[{'id':'p','weight':%s},{'id':'q','weight':%s}]"

static void
the_variant_is_the_one_drawn(void **state)
{
    char         text[512];
    shop_t       shop;
    const char  *other;
    onsite_str_t drawn;

    (void) state;

    (void) snprintf(text, sizeof(text), "[{" PAGED HALVES "}]", "0.5", "0.5");
    shop_open(&shop, text);
    assert_string_equal(page(&shop, SHOP_NOON), "a!");
    drawn = onsite_image_str(&shop.site.image,
                             shop.decision.choices[0].variant->id);
    other = drawn.data[0] == 'p' ? "p" : "q";
    assert_int_equal(exposure_of(&shop, "a")->total, 0);
    assert_int_equal(exposure_of(&shop, "a")->last, 0);

    /* now all would get the other */

    (void) snprintf(text, sizeof(text), "[{" PAGED HALVES "}]",
                    other[0] == 'p' ? "0" : "1", other[0] == 'p' ? "1" : "0");
    rest(&shop);
    shop_campaigns(&shop, text);
    assert_string_equal(release(&shop, "a", LATER), "a");
    drawn = onsite_image_str(&shop.site.image,
                             shop.decision.choices[0].variant->id);
    assert_memory_equal(drawn.data, other, 1);
    assert_int_equal(exposure_of(&shop, "a")->total, 1);

    shop_close(&shop);
}


static void
a_holdout_is_not_armed(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{" PAGED ",'holdout':0.99}]");
    assert_string_equal(page(&shop, SHOP_NOON), "");
    assert_int_equal(shop.decision.reason, ONSITE_REASON_HOLDOUT);
    assert_true(exposure_of(&shop, "a")->holdout);
    assert_int_equal(shop.visitor.n_armed, 0);
    assert_string_equal(release(&shop, "a", LATER), "");
    shop_close(&shop);
}


static void
a_beacons_event_waits_and_is_armed_then(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a','channel':'popup','content':"
              "{'html':'{{event.properties.sku}}'}" EXIT
              ",'trigger':{'event':'Product Added'}}]");
    shop.deliver = false;
    shop_fire(&shop, ADDED, "{'sku':'s1'}", SHOP_NOON);
    assert_string_equal(shop_shown(&shop), "a?");
    assert_int_equal(shop.visitor.n_pending, 1);
    assert_int_equal(shop.visitor.n_armed, 0);

    /* no page has it yet */

    shop.deliver = true;
    assert_string_equal(page(&shop, LATER), "a!");
    assert_int_equal(shop.visitor.n_pending, 0);
    assert_string_equal(release(&shop, "a", LATER), "a");
    assert_str(shop_html(&shop, 0), "s1");

    shop_close(&shop);
}


/* Nobody comes back to where nothing is kept: it waits in the page itself. */

static void
without_consent_it_is_in_the_page(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a'," POPUP EXIT ",'fallback':'v',"
              "'variants':[{'id':'v'}]}]");
    shop.consent = false;
    assert_string_equal(page(&shop, SHOP_NOON), "a");
    assert_str(shop_html(&shop, 0), "<p>page</p>");
    assert_str(shop.decision.choices[0].when, "{\"exit\":true}");
    shop_close(&shop);
}


#define ONE(id)  "{'id':'" id "'," POPUP EXIT ",'trigger':{'event':'" id "'}}"

static void
armed_ones_have_places_of_their_own(void **state)
{
    char          name[2] = "a";
    size_t        i;
    shop_t        shop;

    (void) state;

    shop_open(&shop, "[" ONE("a") "," ONE("b") "," ONE("c") "," ONE("d") ","
              ONE("e") "," ONE("f") "," ONE("g") "," ONE("h") "," ONE("i")
              ",{'id':'z','channel':'bar','content':{'html':'z'},"
              "'trigger':{'event':'Z'}}]");

    shop.deliver = false;
    shop_fire(&shop, ONSITE_STR("Z"), NULL, SHOP_NOON);
    shop.deliver = true;

    /* the first of them takes what is pending along */

    for (i = 0; i < 9; i++) {
        name[0] = (char) ('a' + i);
        shop_fire(&shop, onsite_str(name, 1), NULL, SHOP_NOON);
        assert_int_equal(shop.decision.n, i == 0 ? 2 : 1);
    }

    /* of nine the oldest is gone */

    assert_int_equal(shop.visitor.n_armed, ONSITE_ARMED_MAX);
    assert_string_equal(release(&shop, "a", LATER), "");
    assert_string_equal(release(&shop, "b", LATER), "b");
    assert_string_equal(release(&shop, "i", LATER), "i");

    shop_close(&shop);
}


/* As a record, by this version and the one before, and as JSON. */

static void
armed_ones_rest_in_the_record(void **state)
{
    shop_t           shop;
    onsite_buf_t     json;
    onsite_error_t   error;
    onsite_value_t   value;

    (void) state;

    shop_open(&shop, "[{'id':'a','channel':'popup','content':"
              "{'html':'{{event.properties.x}}'}" EXIT "}]");
    assert_string_equal(page(&shop, SHOP_NOON), "a!");

    rest(&shop);
    assert_int_equal(shop.visitor.n_armed, 1);

    onsite_buf_init(&json, 0);
    onsite_visitor_write_json(&json, shop.visitor_id, ONSITE_STR("default"),
                              &shop.visitor, &shop.site.image);
    onsite_buf_char(&json, '\0');
    assert_non_null(strstr(json.data, "\"armed\":[{\"campaign\":\"a\","
                           "\"fired\":\"2026-10-20T12:00:00.000Z\",\"event\":"
                           "\"Page Viewed\",\"properties\":{\"x\":\"page\"}}"
                           "]"));
    value = shop_json(&shop, shop.arena, json.data);
    assert_int_equal(onsite_visitor_parse(&value, &shop.site.image, LATER,
                                          &shop.visitor, &error), ONSITE_OK);
    onsite_buf_free(&json);

    assert_string_equal(release(&shop, "a", LATER), "a");
    assert_str(shop_html(&shop, 0), "page");

    shop_close(&shop);
}


/* A worker of the version before meets one element that it does not know: the
 * record up to there is its own. */

static void
the_version_before_leaves_them_out(void **state)
{
    size_t                with, without;
    shop_t                shop;
    uint8_t               a[ONSITE_RECORD_BYTES_MAX];
    uint8_t               b[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t          link;
    onsite_record_kind_t  kind;

    (void) state;

    shop_open(&shop, "[{" PAGED "}]");
    assert_string_equal(page(&shop, SHOP_NOON), "a!");

    shop.visitor.wake = LATER;
    shop.visitor.user_id = ONSITE_STR("u");
    shop.visitor.verified = true;
    with = onsite_visitor_encode(&shop.visitor, a, sizeof(a));
    shop.visitor.n_armed = 0;
    without = onsite_visitor_encode(&shop.visitor, b, sizeof(b));

    /* an array of 19 and of 18 */

    assert_true(with > without);
    assert_memory_equal(a, "\xdc\x00\x13", 3);
    assert_memory_equal(b, "\xdc\x00\x12", 3);
    assert_memory_equal(a + 3, b + 3, without - 3);

    assert_int_equal(onsite_visitor_decode(shop.arena, b, without, &kind,
                                           &shop.visitor, &link), ONSITE_OK);
    assert_int_equal(shop.visitor.n_armed, 0);
    assert_int_equal(shop.visitor.wake, LATER);

    shop_close(&shop);
}


static void
armed_ones_survive_a_merge(void **state)
{
    shop_t            shop, other;
    const char       *list = "[{" PAGED "},{'id':'b'," POPUP EXIT
                             ",'trigger':{'event':'X'}}]";

    (void) state;

    shop_open(&shop, list);
    shop_open(&other, list);

    (void) page(&shop, SHOP_NOON);
    (void) page(&other, SHOP_NOON + 2 * ONSITE_HOUR);
    shop_fire(&shop, ONSITE_STR("X"), NULL, SHOP_NOON);
    assert_int_equal(shop.visitor.n_armed, 2);

    onsite_visitor_merge(&shop.visitor, &other.visitor, 30 * ONSITE_MINUTE);
    assert_int_equal(shop.visitor.n_armed, 2);

    /* of one campaign the latest */

    assert_int_equal(shop.visitor.armed[0].campaign,
                     onsite_campaign_hash(ONSITE_STR("b")));
    assert_int_equal(shop.visitor.armed[1].fired,
                     SHOP_NOON + 2 * ONSITE_HOUR);

    assert_string_equal(release(&shop, "a", SHOP_NOON + 2 * ONSITE_HOUR),
                        "a");
    assert_string_equal(release(&shop, "b", SHOP_NOON + 2 * ONSITE_HOUR),
                        "b");
    shop_close(&shop);
    shop_close(&other);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(armed_then_shown_once),
        cmocka_unit_test(other_events_release_nothing),
        cmocka_unit_test(what_is_not_armed_is_counted),
        cmocka_unit_test(the_next_page_drops_what_is_armed),
        cmocka_unit_test(a_new_session_keeps_what_is_armed),
        cmocka_unit_test(judged_again_when_released),
        cmocka_unit_test(groups_and_slots_hold_for_armed_ones),
        cmocka_unit_test(the_variant_is_the_one_drawn),
        cmocka_unit_test(a_holdout_is_not_armed),
        cmocka_unit_test(a_beacons_event_waits_and_is_armed_then),
        cmocka_unit_test(without_consent_it_is_in_the_page),
        cmocka_unit_test(armed_ones_have_places_of_their_own),
        cmocka_unit_test(armed_ones_rest_in_the_record),
        cmocka_unit_test(the_version_before_leaves_them_out),
        cmocka_unit_test(armed_ones_survive_a_merge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
