/*
 * test_decide_explain.c - each campaign's reason, with the facts behind it;
 * also of those that the index passes over, and without changing what is
 * decided.
 */

#include "shop.h"

#define POPUP    "'channel':'popup','content':{'html':'x'}"
#define TRIGGER  "'trigger':{'event':'Product Added'}"

/* "id reason detail" a line. */
static char  lines[8192];


static void
write_line(void *data, const onsite_campaign_t *campaign,
    onsite_reason_t reason, const char *detail)
{
    size_t        n = strlen(lines);
    shop_t       *shop = data;
    onsite_str_t  id = onsite_image_str(&shop->site.image, campaign->id);

    (void) snprintf(lines + n, sizeof(lines) - n, "%.*s %.*s%s%s\n",
                    (int) id.len, id.data,
                    (int) onsite_reason_text(reason).len,
                    onsite_reason_text(reason).data,
                    detail != NULL ? " " : "", detail != NULL ? detail : "");
}


static void
apply(shop_t *shop, const char *properties, onsite_ms_t now, bool explained)
{
    onsite_apply_t  call = {
        .site = &shop->site,
        .visitor = shop->consent ? &shop->visitor : NULL,
        .facts = &shop->facts,
        .now = now,
        .session_timeout = 30 * ONSITE_MINUTE,
        .arena = shop->arena,
        .decide = { .visitor_id = shop->visitor_id,
                    .deliver = shop->deliver }
    };
    onsite_event_t  event = {
        .name = ONSITE_STR("Product Added"),
        .properties = shop_json(shop, shop->arena, properties),
        .received = now, .time = now, .live = true
    };

    call.event = &event;

    if (explained) {
        call.decide.explain = write_line;
        call.decide.explain_data = shop;
    }

    lines[0] = '\0';
    onsite_apply(shop->engine, &call, &shop->decision);
}


static void
assert_line(const char *expected)
{
    char  line[1024];

    (void) snprintf(line, sizeof(line), "%s\n", expected);

    if (strstr(lines, line) == NULL) {
        fail_msg("no \"%s\" in:\n%s", expected, lines);
    }
}


static void
reasons_come_with_facts(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "["
        "{'id':'where'," POPUP ",'trigger':{'event':'Product Added',"
            "'where':{'price':{'$gt':50}}}},"
        "{'id':'audience'," POPUP "," TRIGGER ","
            "'audience':{'cart.items':{'$gte':4}}},"
        "{'id':'count'," POPUP ",'trigger':{'event':'Product Added',"
            "'count':3}},"
        "{'id':'capped'," POPUP "," TRIGGER ",'priority':9,"
            "'frequency':{'cap':1,'per':'session'}},"
        "{'id':'first','priority':5,'group':'g'," POPUP "," TRIGGER "},"
        "{'id':'second','group':'g'," POPUP "," TRIGGER "},"
        "{'id':'slot-1','priority':5,'channel':'embed','slot':'#s',"
            "'content':{'html':'x'}," TRIGGER "},"
        "{'id':'slot-2','channel':'embed','slot':'#s',"
            "'content':{'html':'x'}," TRIGGER "},"
        "{'id':'later','schedule':{'from':'2026-11-01T00:00:00Z'}," POPUP ","
            TRIGGER "},"
        "{'id':'over','schedule':{'until':'2026-01-01T00:00:00Z'}," POPUP ","
            TRIGGER "},"
        "{'id':'days','schedule':{'days':['mon','sun']}," POPUP "," TRIGGER
            "},"
        "{'id':'hours','schedule':{'hours':'08:00-10:30',"
            "'timezone':'Europe/Paris'}," POPUP "," TRIGGER "},"
        "{'id':'other'," POPUP ",'trigger':{'event':'Page Viewed'}}]");

    apply(&shop, "{'sku':'a','price':5}", SHOP_NOON, true);
    assert_line("capped none");
    apply(&shop, "{'sku':'a','price':5}", SHOP_NOON + 1000, true);
    assert_line("where where {\"path\":\"event.properties.price\","
                "\"op\":\"$gt\",\"operand\":50,\"value\":5}");
    assert_line("audience audience {\"path\":\"cart.items\",\"op\":\"$gte\","
                "\"operand\":4,\"value\":2}");
    assert_line("count count {\"count\":2,\"of\":3}");
    assert_line("capped cap {\"cap\":1,\"per\":\"session\",\"shown\":1}");
    assert_line("second group {\"other\":\"first\"}");
    assert_line("slot-2 group {\"other\":\"slot-1\",\"slot\":\"#s\"}");
    assert_line("later schedule {\"from\":\"2026-11-01T00:00:00Z\"}");
    assert_line("over schedule {\"until\":\"2026-01-01T00:00:00Z\"}");
    assert_line("days schedule {\"days\":[\"mon\",\"sun\"],"
                "\"today\":\"tue\"}");
    assert_line("hours schedule {\"hours\":\"08:00-10:30\","
                "\"now\":\"14:00\"}");
    assert_line("first none");
    assert_null(strstr(lines, "other "));

    shop_close(&shop);
}


static void
stopped_and_held_out(void **state)
{
    shop_t              shop;
    onsite_exposure_t  *exposure;

    (void) state;

    shop_open(&shop, "["
        "{'id':'done'," POPUP "," TRIGGER ",'frequency':{"
            "'stop_on':['clicked','dismissed']}},"
        "{'id':'held'," POPUP "," TRIGGER ",'holdout':0.25}]");

    exposure = onsite_visitor_exposure_add(&shop.visitor,
                                           onsite_campaign_hash(
                                               ONSITE_STR("done")));
    exposure->happened = ONSITE_STOP_CLICKED | ONSITE_STOP_DISMISSED
                         | ONSITE_STOP_GOAL;
    exposure = onsite_visitor_exposure_add(&shop.visitor,
                                           onsite_campaign_hash(
                                               ONSITE_STR("held")));
    exposure->holdout = true;

    apply(&shop, "{}", SHOP_NOON, true);
    assert_line("done stopped {\"stopped\":[\"clicked\",\"dismissed\"]}");
    assert_line("held holdout {\"holdout\":0.25}");

    shop_close(&shop);
}


/* What fired earlier says so. */

static void
what_waited_says_so(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "["
        "{'id':'a'," POPUP "," TRIGGER "},"
        "{'id':'b'," POPUP "," TRIGGER ","
            "'audience':{'cart.items':{'$lt':2}}}]");

    shop.deliver = false;
    apply(&shop, "{'sku':'s'}", SHOP_NOON, false);
    assert_int_equal(shop.visitor.n_pending, 2);
    shop.deliver = true;
    shop.visitor.cart[0].quantity = 7;
    apply(&shop, "{'sku':'s'}", SHOP_NOON + 1, true);
    assert_line("a none {\"pending\":true}");
    assert_line("b audience {\"pending\":true,\"path\":\"cart.items\","
                "\"op\":\"$lt\",\"operand\":2,\"value\":8}");
    assert_line("a cap {\"answer\":true}");

    shop_close(&shop);
}


static void
many_campaigns(onsite_buf_t *list)
{
    int  i;

    onsite_buf_init(list, 0);
    onsite_buf_char(list, '[');

    for (i = 0; i < 40; i++) {
        onsite_buf_printf(list, "%s{'id':'c%d','priority':%d," POPUP
                          ",'trigger':{'event':'Product Added',"
                          "'where':{'sku':'s%d'}}}", i != 0 ? "," : "", i,
                          (i * 7) % 11, i / 4);
    }

    onsite_buf_append(list, "]", 2);
}


/* The index passes over nine in ten; told they are, by rank, and what is shown
 * and remembered is the same to the byte. */

static void
the_index_hides_nothing(void **state)
{
    size_t                 i, n, told;
    shop_t                 shop, plain;
    onsite_buf_t           list;
    onsite_reason_t        k;

    (void) state;

    many_campaigns(&list);
    shop_open(&shop, list.data);
    shop_open(&plain, list.data);
    apply(&shop, "{'sku':'s3'}", SHOP_NOON, true);

    for (i = 0, told = 0; lines[i] != '\0'; i++) {
        told += lines[i] == '\n';
    }

    assert_int_equal(told, 40);
    assert_line("c0 where {\"path\":\"event.properties.sku\",\"op\":\"$eq\","
                "\"operand\":\"s0\",\"value\":\"s3\"}");
    assert_line("c12 none");

    apply(&plain, "{'sku':'s3'}", SHOP_NOON, false);
    assert_int_equal(shop.decision.considered, plain.decision.considered);
    assert_int_equal(shop.decision.considered, 4);
    assert_int_equal(shop.decision.reason, plain.decision.reason);

    for (k = 0; k < ONSITE_REASONS; k++) {
        assert_int_equal(shop.decision.reasons[k], plain.decision.reasons[k]);
    }

    n = shop.decision.n;
    assert_int_equal(n, plain.decision.n);
    assert_int_equal(n, 4);
    assert_int_equal(shop.visitor.n_exposures, plain.visitor.n_exposures);

    onsite_buf_free(&list);
    shop_close(&shop);
    shop_close(&plain);
}


static void
without_consent_it_says_so(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "["
        "{'id':'a'," POPUP ",'trigger':{'event':'Product Added',"
            "'where':{'sku':'x'}}}]");
    shop.consent = false;
    apply(&shop, "{'sku':'s'}", SHOP_NOON, true);
    assert_line("a consent");
    shop_close(&shop);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(reasons_come_with_facts),
        cmocka_unit_test(stopped_and_held_out),
        cmocka_unit_test(what_waited_says_so),
        cmocka_unit_test(the_index_hides_nothing),
        cmocka_unit_test(without_consent_it_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
