/*
 * test_engine.c - one function, the same bytes each time.
 */

#include "shop.h"
#include "onsite_visitor_codec.h"

static const char  campaigns[] =
    "[{'id':'a','channel':'popup','content':{"
    "'html':'<p>{{event.properties.path}} {{visitor.visits}}</p>'},"
    "'frequency':{'cap':2,'per':'session'},'holdout':0.1},"
    "{'id':'b','channel':'bar','priority':3,'trigger':{"
    "'event':'Product Viewed','count':3,'within':'30m'},"
    "'variants':[{'id':'x','weight':0.5,'content':{'html':'x'}},"
    "{'id':'y','weight':0.5,'content':{'html':'y'}}]},"
    "{'id':'c','channel':'notification','trigger':{"
    "'event':'Product Added'},'audience':{'cart.value':{'$gt':50}},"
    "'content':{'html':'{{event.properties.sku}}'}}]";

typedef struct {
    uint8_t  bytes[1 << 16];
    size_t   n;
} story_t;


static void
tell(story_t *story, const void *data, size_t len)
{
    assert_true(story->n + len <= sizeof(story->bytes));

    if (len != 0) {
        memcpy(story->bytes + story->n, data, len);
    }

    story->n += len;
}


static void
tell_decision(story_t *story, const shop_t *shop)
{
    size_t                  i;
    const char             *shown = shop_shown(shop);
    onsite_str_t            html;
    const onsite_choice_t  *choice;

    tell(story, shown, strlen(shown));
    tell(story, shop->decision.reasons, sizeof(shop->decision.reasons));

    for (i = 0; i < shop->decision.n; i++) {
        choice = &shop->decision.choices[i];
        html = shop_html(shop, i);
        tell(story, html.data, html.len);
        tell(story, &choice->propensity, sizeof(choice->propensity));
    }
}


/* One visitor's day, its record through the codec after each event. */

static void
live(story_t *story)
{
    int                   i;
    char                  properties[128];
    shop_t                shop;
    size_t                size;
    uint8_t               records[2][ONSITE_RECORD_BYTES_MAX], *record;
    onsite_key_t          link;
    onsite_record_kind_t  kind;

    static const char *const  names[] = {
        "Page Viewed", "Product Viewed", "Product Added", "Product Viewed"
    };

    story->n = 0;
    shop_open(&shop, campaigns);

    for (i = 0; i < 60; i++) {
        (void) snprintf(properties, sizeof(properties),
                        "{'path':'/p%d','sku':'s%d','price':%d}", i, i % 5,
                        i);
        shop.deliver = i % 3 != 2;
        shop_fire(&shop, onsite_str(names[i % 4], strlen(names[i % 4])),
                  properties, SHOP_NOON + i * 7 * ONSITE_MINUTE);
        tell_decision(story, &shop);

        /* the visitor's strings point into the record before */
        record = records[i % 2];
        size = onsite_visitor_encode(&shop.visitor, record,
                                     ONSITE_RECORD_BYTES_MAX);
        tell(story, record, size);
        onsite_arena_reset(shop.arena);
        assert_int_equal(onsite_visitor_decode(shop.arena, record, size,
                                               &kind, &shop.visitor, &link),
                         ONSITE_OK);
    }

    shop_close(&shop);
}


static void
same_input_same_bytes(void **state)
{
    story_t  *a = malloc(sizeof(story_t)), *b = malloc(sizeof(story_t));

    (void) state;

    memset(a, 1, sizeof(*a));
    memset(b, 2, sizeof(*b));
    live(a);
    live(b);

    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->bytes, b->bytes, a->n);

    free(a);
    free(b);
}


/* Only what is a customer's: what others say of themselves is theirs. */

static void
closed_hides_who_the_customer_is(void **state)
{
    int     verified, closed;
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'named','channel':'popup','audience':{"
              "'visitor.user_id':'ann'},'content':{'html':'x'}},"
              "{'id':'proven','channel':'bar','audience':{"
              "'visitor.verified':true},'content':{'html':'x'}},"
              "{'id':'shut','channel':'notification','audience':{"
              "'visitor.verified':false,'visitor.traits':{"
              "'$exists':false}},'content':{'html':'x'}}]");
    shop.visitor.user_id = ONSITE_STR("ann");
    shop.visitor.traits = shop_json(&shop, shop.definitions, "{'a':1}");

    for (verified = 0; verified < 2; verified++) {
        for (closed = 0; closed < 2; closed++) {
            shop.visitor.verified = verified;
            shop.closed = closed;
            shop_fire(&shop, ONSITE_STR("Page Viewed"), NULL, SHOP_NOON);
            assert_string_equal(shop_shown(&shop),
                                !verified ? "named"
                                : closed ? "shut" : "named proven");
        }
    }

    shop_close(&shop);
}


static void
event_is_applied_before_it_is_decided(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a','channel':'popup','content':{'html':'x'},"
              "'audience':{'session.pageviews':1,"
              "'visitor.counts.Page Viewed':1}}]");
    shop_fire(&shop, ONSITE_STR("Page Viewed"), NULL, SHOP_NOON);
    assert_string_equal(shop_shown(&shop), "a");
    shop_fire(&shop, ONSITE_STR("Page Viewed"), NULL, SHOP_NOON + 1);
    assert_string_equal(shop_shown(&shop), "");
    shop_close(&shop);
}


static void
without_campaigns(void **state)
{
    shop_t           shop;
    onsite_event_t   event = { .name = ONSITE_STR("Page Viewed"),
                               .received = SHOP_NOON, .time = SHOP_NOON,
                               .live = true };
    onsite_apply_t   apply;

    (void) state;

    shop_open(&shop, "[]");
    event.properties.type = ONSITE_OBJECT;

    memset(&apply, 0, sizeof(apply));
    memset(&shop.decision, 1, sizeof(shop.decision));
    apply.visitor = &shop.visitor;
    apply.event = &event;
    apply.now = SHOP_NOON;
    apply.session_timeout = ONSITE_HOUR;
    apply.arena = shop.arena;

    onsite_apply(shop.engine, &apply, &shop.decision);
    assert_int_equal(shop.decision.n, 0);
    assert_int_equal(shop.decision.considered, 0);
    assert_int_equal(shop.visitor.visits, 1);

    shop_close(&shop);
}


static void
no_event_shows_what_is_pending(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a','channel':'popup','content':{'html':'x'},"
              "'trigger':{'event':'Product Added'}}]");
    shop.deliver = false;
    shop_fire(&shop, ONSITE_STR("Product Added"), NULL, SHOP_NOON);
    assert_string_equal(shop_shown(&shop), "a?");

    shop.deliver = true;
    shop_apply(&shop, NULL, SHOP_NOON + 1);
    assert_string_equal(shop_shown(&shop), "a");
    assert_int_equal(shop.visitor.session.events, 1);

    shop_apply(&shop, NULL, SHOP_NOON + 2);
    assert_string_equal(shop_shown(&shop), "");

    shop_close(&shop);
}


/* An image that keeps touches, whatever its campaigns read. */

static void
keep_touches(shop_t *shop)
{
    onsite_image_header_t  *header;

    header = (onsite_image_header_t *) onsite_image_header(&shop->site.image);
    header->touches = 4;
}


static void
the_first_view_knows_where_it_comes_from(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a','channel':'popup','content':{'html':"
              "'{{origin.first.campaign}}'},"
              "'audience':{'origin.first.medium':'cpc'}},"
              "{'id':'b','channel':'popup','content':{'html':'x'},"
              "'audience':{'origin.last.source':'twitter'}}]");
    keep_touches(&shop);

    /* what comes in front of the view takes nothing of it */

    shop.facts.host = ONSITE_STR("shop.example");
    shop_fire(&shop, ONSITE_STR("Cart Viewed"), NULL, SHOP_NOON);
    shop.facts.args = ONSITE_STR("gclid=1&utm_campaign=sale");
    shop_fire(&shop, ONSITE_STR("Page Viewed"), NULL, SHOP_NOON);
    assert_string_equal(shop_shown(&shop), "a");
    assert_str(shop_html(&shop, 0), "sale");

    /* a view of the same session, one of the next */

    shop.facts.args = onsite_str(NULL, 0);
    shop.facts.referrer = ONSITE_STR("https://t.co/");
    shop_fire(&shop, ONSITE_STR("Page Viewed"), NULL, SHOP_NOON + 1);
    assert_int_equal(shop.visitor.n_touches, 1);
    shop_fire(&shop, ONSITE_STR("Page Viewed"), NULL,
              SHOP_NOON + ONSITE_HOUR);
    assert_int_equal(shop.visitor.n_touches, 2);
    assert_string_equal(shop_shown(&shop), "a b");

    shop_close(&shop);
}


/* The values of one decision are not those of the next, even after 2^32. */

static void
stamps_wrap(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a','channel':'popup','content':{'html':"
              "'{{event.properties.n}}'}}]");

    shop_fire(&shop, ONSITE_STR("Page Viewed"), "{'n':1}", SHOP_NOON);
    assert_str(shop_html(&shop, 0), "1");
    shop.site.stamp = UINT32_MAX;
    shop_fire(&shop, ONSITE_STR("Page Viewed"), "{'n':2}", SHOP_NOON);
    assert_str(shop_html(&shop, 0), "2");
    assert_int_equal(shop.site.stamp, 1);

    shop_close(&shop);
}


static void
arena_runs_out(void **state)
{
    shop_t           shop;
    onsite_apply_t   apply;
    onsite_event_t   event = { .name = ONSITE_STR("Page Viewed"),
                               .received = SHOP_NOON, .time = SHOP_NOON,
                               .live = true };
    onsite_arena_t  *tiny = onsite_arena_create(64, 64);

    (void) state;

    shop_open(&shop, campaigns);
    event.properties.type = ONSITE_OBJECT;

    while (onsite_arena_alloc(tiny, 1) != NULL) {
        /* void */
    }

    memset(&apply, 0, sizeof(apply));
    apply.site = &shop.site;
    apply.visitor = &shop.visitor;
    apply.event = &event;
    apply.now = SHOP_NOON;
    apply.session_timeout = ONSITE_HOUR;
    apply.arena = tiny;
    apply.decide.visitor_id = shop.visitor_id;
    apply.decide.deliver = true;

    onsite_apply(shop.engine, &apply, &shop.decision);
    assert_int_equal(shop.decision.n, 0);
    assert_true(shop.decision.reason != ONSITE_REASON_NONE);

    onsite_arena_destroy(tiny);
    shop_close(&shop);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(closed_hides_who_the_customer_is),
        cmocka_unit_test(event_is_applied_before_it_is_decided),
        cmocka_unit_test(without_campaigns),
        cmocka_unit_test(no_event_shows_what_is_pending),
        cmocka_unit_test(the_first_view_knows_where_it_comes_from),
        cmocka_unit_test(stamps_wrap),
        cmocka_unit_test(arena_runs_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
