/*
 * test_visitor_parse.c - a visitor from JSON: as it was printed, or as it is
 * typed; what has no meaning is refused.
 */

#include "shop.h"

#include "onsite_affinity.h"
#include "onsite_bucket.h"
#include "onsite_machine.h"
#include "onsite_visitor_codec.h"
#include "onsite_visitor_json.h"
#include "onsite_visitor_parse.h"

typedef struct {
    shop_t            shop;
    onsite_visitor_t  visitor;
    onsite_error_t    error;
} fixture_t;


static int
set_up(void **state)
{
    fixture_t  *f = calloc(1, sizeof(fixture_t));

    assert_non_null(f);
    shop_open(&f->shop, "[{'id':'a','channel':'popup','content':{'html':'x'},"
              "'trigger':{'event':'Page Viewed'}}]");
    *state = f;

    return 0;
}


static int
tear_down(void **state)
{
    fixture_t  *f = *state;

    shop_close(&f->shop);
    free(f);

    return 0;
}


static onsite_status_t
parse(fixture_t *f, const char *text)
{
    onsite_value_t  json = shop_json(&f->shop, f->shop.arena, text);

    return onsite_visitor_parse(&json, &f->shop.site.image, SHOP_NOON,
                                &f->visitor, &f->error);
}


/* As `lmdb-loader state` prints one. */

static const char  whole[] =
    "{'visitor':'v1','site':'default','status':'customer',"
    "'user_id':'u1','verified':true,'traits':{'plan':'gold'},"
    "'session_only':true,'counts':{'Page Viewed':9,'B':2},'visits':3,"
    "'orders':2,'first_seen':'2026-10-01T00:00:00Z',"
    "'last_seen':'2026-10-20T11:59:00.000Z',"
    "'session':{'start':'2026-10-20T11:00:00Z',"
        "'last':'2026-10-20T11:59:00Z','pageviews':4,'events':6,"
        "'counts':{'Page Viewed':4}},"
    "'cart':{'items':3,'value':25,'lines':["
        "{'sku':'x','quantity':2,'price':10},{'sku':'y','price':5}]},"
    "'exposures':[{'campaign':'a','shown':2,"
        "'last':'2026-10-20T11:30:00Z','holdout':false,'clicked':true,"
        "'dismissed':false,'goal':true},"
        "{'campaign':'0000beef','shown':1,"
        "'last':'2026-10-19T11:30:00Z'}],"
    "'origin':{'first':{'time':'2026-10-01T00:00:00Z',"
        "'source':'google','medium':'cpc'},"
        "'touches':[{'source':'bing'}]},"
    "'affinities':[{'attribute':'category','value':'shoes','score':2.5},"
        "{'attribute':'0000beef','value':'x','score':1}],"
    "'journeys':[{'journey':'game','state':'main',"
        "'since':'2026-10-20T10:00:00Z'},"
        "{'journey':'0000beef','state':'0000cafe','since':null}],"
    "'progress':[],'pending':0,'timer':null,'messages':['0000beef']}";


static void
assert_lists(const onsite_visitor_t *v)
{
    assert_int_equal(v->n_exposures, 2);
    assert_int_equal(v->exposures[0].campaign, onsite_fnv32a(ONSITE_STR("a")));
    assert_int_equal(v->exposures[0].total, 2);
    assert_int_equal(v->exposures[0].window, 2);
    assert_int_equal(v->exposures[0].session, 3);
    assert_int_equal(v->exposures[0].happened,
                     ONSITE_STOP_CLICKED | ONSITE_STOP_GOAL);
    assert_int_equal(v->exposures[1].campaign, 0xbeef);
    assert_int_equal(v->exposures[1].session, 0);

    assert_str(v->first_touch.source, "google");
    assert_int_equal(v->n_touches, 1);
    assert_int_equal(v->touches[0].time, v->last_seen);
    assert_int_equal(v->n_affinities, 2);
    assert_int_equal(v->affinities[0].attribute,
                     onsite_affinity_hash(ONSITE_STR("category")));
    assert_true(v->affinities[0].score == 2.5f);
    assert_int_equal(v->affinities[1].attribute, 0xbeef);
    assert_int_equal(v->n_standings, 2);
    assert_int_equal(v->standings[0].machine,
                     onsite_machine_hash(ONSITE_MACHINE_JOURNEY,
                                         ONSITE_STR("game")));
    assert_int_equal(v->standings[0].since, SHOP_NOON - 2 * ONSITE_HOUR);
    assert_int_equal(v->standings[1].machine, 0xbeef);
    assert_int_equal(v->standings[1].state, 0xcafe);
    assert_int_equal(v->standings[1].since, v->last_seen);
    assert_int_equal(v->n_messages, 1);
    assert_int_equal(v->messages[0], 0xbeef);
}


static void
all_of_it_is_read(void **state)
{
    fixture_t         *f = *state;
    onsite_visitor_t  *v = &f->visitor;

    assert_int_equal(parse(f, whole), ONSITE_OK);

    assert_str(v->user_id, "u1");
    assert_true(v->verified);
    assert_true(v->identified);
    assert_true(v->session_only);
    assert_str(onsite_value_get_str(&v->traits, ONSITE_STR("plan")), "gold");
    assert_int_equal(v->visits, 3);
    assert_int_equal(v->orders, 2);
    assert_int_equal(v->last_seen, SHOP_NOON - ONSITE_MINUTE);
    assert_int_equal(v->n_counters, 2);
    assert_int_equal(v->counters[0].total, 9);
    assert_int_equal(v->counters[0].session, 4);
    assert_int_equal(v->session.start, SHOP_NOON - ONSITE_HOUR);
    assert_int_equal(v->session.pageviews, 4);
    assert_int_equal(onsite_visitor_cart_items(v), 3);
    assert_true(onsite_visitor_cart_value(v) == 25);

    assert_lists(v);
}


static void
fill(onsite_visitor_t *v, const onsite_value_t *traits)
{
    uint32_t  i;

    onsite_visitor_init(v);
    v->first_seen = SHOP_NOON - 50 * ONSITE_DAY - 123;
    v->last_seen = SHOP_NOON - 7;
    v->visits = 12;
    v->orders = 3;
    v->identified = v->verified = v->session_only = true;
    v->user_id = ONSITE_STR("u\xc3\xa9");
    v->traits = *traits;
    v->wake = SHOP_NOON + ONSITE_HOUR + 1;
    v->session = (onsite_session_t) { SHOP_NOON - 999, SHOP_NOON - 7, 2, 5 };
    v->affinity_at = SHOP_NOON - 77;
    v->first_touch = (onsite_touch_t) { .time = SHOP_NOON - ONSITE_DAY,
        .source = ONSITE_STR("google"), .click = ONSITE_STR("gclid") };

    for (i = 0; i < 3; i++) {
        v->counters[v->n_counters++] = (onsite_counter_t) {
            onsite_str("abc" + i, 1), 7 - i, i };
        v->cart[v->n_cart++] = (onsite_cart_line_t) {
            onsite_str("abc" + i, 1), i + 1, 19.99 / (i + 1) };
        v->exposures[v->n_exposures++] = (onsite_exposure_t) {
            .campaign = 0xabc00000 + i, .total = 2 + i, .window = 1 + i,
            .last = SHOP_NOON - 1000 * (3 - i), .variant = (uint8_t) i,
            .variant_hash = i * 0x1234567, .holdout = i == 0,
            .happened = (uint8_t) i, .session = 11 + i % 2 };
        v->progress[v->n_progress++] = (onsite_progress_t) {
            .trigger = 0xf0000000 + i, .session = 12, .starts = i == 1,
            .n = 3, .times = { SHOP_NOON - 9, i == 1 ? 0 : SHOP_NOON - 8,
                               SHOP_NOON - 7 } };
        v->pending[v->n_pending++] = (onsite_pending_t) {
            .campaign = 0xbcd00000 + i, .fired = SHOP_NOON - 30 + i,
            .waits = i == 2, .event = ONSITE_STR("Page Viewed"),
            .properties = *traits };
        v->standings[v->n_standings++] = (onsite_standing_t) {
            0xcde00000 + i, 0xdef00000 + i, SHOP_NOON - 100 + i };
        v->affinities[v->n_affinities++] = (onsite_affinity_t) {
            0xefa00000 + i / 2, 1.0f / (float) (i + 3),
            onsite_str("xyz" + i, 1) };
        v->touches[v->n_touches++] = (onsite_touch_t) {
            .time = SHOP_NOON - 10 + i, .medium = ONSITE_STR("cpc"),
            .campaign = ONSITE_STR("c"), .referrer = ONSITE_STR("r") };
        v->messages[v->n_messages++] = 0x89abcdef * (i + 1);
    }
}


/* What is printed is what is kept: read back, it rests as the same bytes. */

static void
what_is_printed_reads_back(void **state)
{
    size_t             n, m;
    uint8_t            records[2][ONSITE_RECORD_BYTES_MAX];
    fixture_t         *f = *state;
    onsite_buf_t       text;
    onsite_value_t     traits, json;
    onsite_visitor_t   v;

    traits = shop_json(&f->shop, f->shop.arena, "{'plan':'<gold>','n':0.1}");
    fill(&v, &traits);
    n = onsite_visitor_encode(&v, records[0], sizeof(records[0]));

    onsite_buf_init(&text, 0);
    onsite_visitor_write_json(&text, ONSITE_STR("v1"), ONSITE_STR("default"),
                              &v, NULL);
    assert_int_equal(onsite_json_parse(f->shop.json, f->shop.arena,
                                       onsite_str(text.data, text.len), &json,
                                       NULL), ONSITE_OK);

    if (onsite_visitor_parse(&json, NULL, SHOP_NOON, &f->visitor, &f->error)
        != ONSITE_OK)
    {
        fail_msg("%s", f->error.text);
    }

    m = onsite_visitor_encode(&f->visitor, records[1], sizeof(records[1]));
    assert_int_equal(n, m);
    assert_memory_equal(records[0], records[1], n);
    onsite_buf_free(&text);
}


static const char  named[] =
    "[{'id':'game','start':'out','states':{'out':{'on':{'Go':'in'}},"
    "'in':{'on':{'Back':'out'}}}},"
    "{'id':'gone','channel':'popup','content':{'html':'x'},"
    "'trigger':{'inactive':'4h','after':{'event':'Go'}}},"
    "{'id':'steps','channel':'popup','content':{'html':'x'},"
    "'trigger':{'sequence':[{'event':'Go'},{'event':'Never'}],"
    "'within':'30m'}},"
    "{'id':'thrice','channel':'popup','content':{'html':'x'},"
    "'trigger':{'event':'Go','count':3,'within':'1h'}}]";


/* With an image all is told by name, and is read back to the same bytes. */

static void
names_read_back(void **state)
{
    size_t                 i, n, m;
    shop_t                 shop;
    uint8_t                records[2][ONSITE_RECORD_BYTES_MAX];
    onsite_buf_t           text;
    onsite_value_t         json;
    onsite_error_t         error = { "" };
    onsite_visitor_t       v;
    const onsite_image_t  *image = &shop.site.image;

    static const char *const  told[] = {
        "{\"journey\":\"game\",\"state\":\"in\",\"since\":"
        "\"2026-10-20T12:00:00.000Z\"}",
        "{\"campaign\":\"gone\",\"armed\":\"2026-10-20T12:00:00.000Z\"}",
        "\",\"campaign\":\"steps\",\"session\":1,\"sequence\":true",
        "\",\"campaign\":\"thrice\",\"session\":1,\"times\"",
    };

    (void) state;

    shop_open(&shop, named);
    shop_fire(&shop, ONSITE_STR("Go"), NULL, SHOP_NOON);
    n = onsite_visitor_encode(&shop.visitor, records[0], sizeof(records[0]));

    onsite_buf_init(&text, 0);
    onsite_visitor_write_json(&text, ONSITE_STR("v1"), ONSITE_STR("default"),
                              &shop.visitor, image);
    onsite_buf_char(&text, '\0');

    for (i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        if (strstr(text.data, told[i]) == NULL) {
            fail_msg("%s\nis not in\n%s", told[i], text.data);
        }
    }

    assert_int_equal(onsite_json_parse(shop.json, shop.arena,
                                       onsite_str(text.data, text.len - 1),
                                       &json, NULL), ONSITE_OK);

    if (onsite_visitor_parse(&json, image, SHOP_NOON, &v, &error)
        != ONSITE_OK)
    {
        fail_msg("%s", error.text);
    }

    m = onsite_visitor_encode(&v, records[1], sizeof(records[1]));
    assert_int_equal(n, m);
    assert_memory_equal(records[0], records[1], n);

    onsite_buf_free(&text);
    shop_close(&shop);
}


static void
shorthands_do(void **state)
{
    fixture_t                *f = *state;
    onsite_visitor_t         *v = &f->visitor;
    onsite_visitor_status_t   status;

    static const char *const  texts[] = {
        "{'status':'new'}", "{'status':'returning'}", "{'status':'known'}",
        "{'status':'customer'}"
    };

    for (status = 0; status < 4; status++) {
        assert_int_equal(parse(f, texts[status]), ONSITE_OK);
        assert_int_equal(onsite_visitor_status(v), status);
    }

    assert_int_equal(parse(f, "{}"), ONSITE_OK);
    assert_int_equal(v->visits, 0);
    assert_int_equal(v->last_seen, SHOP_NOON);

    assert_int_equal(parse(f, "{'cart':{'items':5,'value':50},"
                           "'session':{'pageviews':2},"
                           "'journeys':{'0000beef':'0000cafe'},"
                           "'affinities':{'category':{'shoes':2,'hats':1}},"
                           "'origin':{'last':{'source':'mail'}}}"), ONSITE_OK);
    assert_int_equal(onsite_visitor_cart_items(v), 5);
    assert_true(onsite_visitor_cart_value(v) == 50);
    assert_int_equal(v->session.start, SHOP_NOON);
    assert_int_equal(v->visits, 1);
    assert_int_equal(v->n_standings, 1);
    assert_int_equal(v->n_affinities, 2);
    assert_int_equal(v->n_touches, 1);
}


static void
what_has_no_meaning_is_refused(void **state)
{
    size_t      i;
    fixture_t  *f = *state;

    static const char *const  bad[][2] = {
        { "[]", "a visitor is a JSON object" },
        { "{'crat':{}}", "a visitor has no \"crat\"; `lmdb-loader state` "
          "prints what one has" },
        { "{'status':'vip'}",
          "status: must be new, returning, known or customer" },
        { "{'visits':-1}",
          "visits: must be a number, not negative and not too large" },
        { "{'visits':5000000000}",
          "visits: must be a number, not negative and not too large" },
        { "{'visits':'3'}",
          "visits: must be a number, not negative and not too large" },
        { "{'verified':1}", "verified: must be true or false" },
        { "{'verified':true}", "verified: who is verified has a \"user_id\"" },
        { "{'user_id':7}", "user_id: must be a text, and not too long" },
        { "{'traits':[]}", "traits: must be an object" },
        { "{'last_seen':'soon'}",
          "last_seen: must be a time such as 2026-01-31T08:00:00Z" },
        { "{'counts':{'A':'x'}}", "counts: must be numbers by event name" },
        { "{'counts':{'':1}}", "counts: too many events, or a name too long" },
        { "{'cart':[]}", "cart: must be an object" },
        { "{'cart':{'lines':{}}}", "lines: must be a list" },
        { "{'cart':{'lines':[{'sku':'x','quantity':1e7}]}}",
          "quantity: must be a number, not negative and not too large" },
        { "{'exposures':[{}]}", "exposures: each needs its \"campaign\"" },
        { "{'affinities':7}", "affinities: must be a list, or scores by "
          "attribute and value" },
        { "{'affinities':{'a':{'b':-1}}}", "affinities: each needs its "
          "attribute, its value and a score above 0; there may be 32" },
        { "{'journeys':{'game':'in'}}",
          "journeys: there is no journey \"game\"; there is none" },
        { "{'journeys':{'game':5}}", "journeys: each needs its journey and "
          "its state; there may be 64" },
        { "{'journeys':[{'armed':'2026-10-20T12:00:00Z'}]}", "journeys: "
          "what is armed needs its campaign; there may be 64" },
        { "{'journeys':[{'campaign':'a','armed':true}]}",
          "armed: must be a time such as 2026-01-31T08:00:00Z" },
        { "{'progress':[{'trigger':'x','times':[]}]}", "progress: each needs "
          "its trigger's hash and times" },
        { "{'waiting':[{}]}", "waiting: each needs its \"campaign\"; there "
          "may be 4" },
        { "{'messages':['x']}", "messages: must be up to 16 hashes" },
        { "{'messages':3}", "messages: must be a list" },
        { "{'journeys':7}", "journeys: must be a list, or states by journey" },
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(f, bad[i][0]), ONSITE_INVALID);
        assert_string_equal(f->error.text, bad[i][1]);
    }
}


static void
too_much_is_refused(void **state)
{
    int            i;
    fixture_t     *f = *state;
    onsite_buf_t   text;

    static const char *const  lists[][3] = {
        { "{'cart':{'lines':[", "{'sku':'s','price':1}", "]}}" },
        { "{'affinities':[", "{'attribute':'a','value':'v','score':1}", "]}" },
        { "{'journeys':[", "{'journey':'j','state':'s'}", "]}" },
        { "{'origin':{'touches':[", "{'source':'s'}", "]}}" },
    };
    size_t                    k;

    for (k = 0; k < 4; k++) {
        onsite_buf_init(&text, 0);
        onsite_buf_printf(&text, "%s", lists[k][0]);

        for (i = 0; i < 100; i++) {
            onsite_buf_printf(&text, "%s%s", i != 0 ? "," : "", lists[k][1]);
        }

        onsite_buf_printf(&text, "%s", lists[k][2]);
        onsite_buf_char(&text, '\0');
        assert_int_equal(parse(f, text.data), ONSITE_INVALID);
        onsite_buf_free(&text);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(all_of_it_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_printed_reads_back, set_up,
                                        tear_down),
        cmocka_unit_test(names_read_back),
        cmocka_unit_test_setup_teardown(shorthands_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_no_meaning_is_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_much_is_refused, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
