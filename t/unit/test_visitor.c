/*
 * test_visitor.c - what events do to a visitor: sessions, counters, cart,
 * exposures, merging.
 */

#include "unit.h"

#include <math.h>

#include "onsite_bucket.h"
#include "onsite_cart.h"
#include "onsite_visitor.h"

#define NOW      ((onsite_ms_t) 1790000000000)
#define TIMEOUT  (30 * ONSITE_MINUTE)


typedef struct {
    onsite_member_t  members[4];
    uint32_t         n;
} product_t;


static onsite_event_t
event_at(const char *name, onsite_ms_t time)
{
    return (onsite_event_t) {
        .name = onsite_str(name, strlen(name)),
        .properties = { .type = ONSITE_OBJECT },
        .received = time,
        .time = time,
        .live = true
    };
}


static void
happen(onsite_visitor_t *v, const char *name, onsite_ms_t time)
{
    onsite_event_t  event = event_at(name, time);

    onsite_visitor_apply(v, &event, TIMEOUT);
}


static void
set(product_t *product, const char *key, onsite_value_t value)
{
    product->members[product->n++] = (onsite_member_t) {
        onsite_str(key, strlen(key)), value
    };
}


static onsite_value_t
object(const product_t *product)
{
    return (onsite_value_t) { .type = ONSITE_OBJECT, .len = product->n,
                              .as.members = product->members };
}


/* quantity and price: NaN leaves them out. */

static void
cart_event(onsite_visitor_t *v, const char *name, const char *sku,
    double quantity, double price)
{
    product_t       product = { .n = 0 };
    onsite_event_t  event = event_at(name, NOW);

    set(&product, "sku", onsite_value_string(onsite_str(sku, strlen(sku))));

    if (!isnan(quantity)) {
        set(&product, "quantity", onsite_value_number(quantity));
    }

    if (!isnan(price)) {
        set(&product, "price", onsite_value_number(price));
    }

    event.properties = object(&product);
    onsite_visitor_apply(v, &event, TIMEOUT);
}


static uint32_t
total(const onsite_visitor_t *v, const char *name)
{
    const onsite_counter_t  *counter;

    counter = onsite_visitor_counter(v, onsite_str(name, strlen(name)));

    return counter != NULL ? counter->total : 0;
}


static uint32_t
in_session(const onsite_visitor_t *v, const char *name)
{
    const onsite_counter_t  *counter;

    counter = onsite_visitor_counter(v, onsite_str(name, strlen(name)));

    return counter != NULL ? counter->session : 0;
}


static void
status_climbs(void **state)
{
    onsite_event_t    event;
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);
    assert_int_equal(onsite_visitor_status(&v), ONSITE_VISITOR_NEW);

    happen(&v, "Page Viewed", NOW);
    assert_int_equal(onsite_visitor_status(&v), ONSITE_VISITOR_NEW);

    happen(&v, "Page Viewed", NOW + ONSITE_DAY);
    assert_int_equal(onsite_visitor_status(&v), ONSITE_VISITOR_RETURNING);

    event = event_at("Page Viewed", NOW + ONSITE_DAY);
    event.user_id = ONSITE_STR("u1");
    onsite_visitor_apply(&v, &event, TIMEOUT);
    assert_int_equal(onsite_visitor_status(&v), ONSITE_VISITOR_KNOWN);

    happen(&v, "Order Completed", NOW + ONSITE_DAY);
    assert_int_equal(onsite_visitor_status(&v), ONSITE_VISITOR_CUSTOMER);

    assert_str(onsite_visitor_status_text(ONSITE_VISITOR_NEW), "new");
    assert_str(onsite_visitor_status_text(ONSITE_VISITOR_RETURNING),
               "returning");
    assert_str(onsite_visitor_status_text(ONSITE_VISITOR_KNOWN), "known");
    assert_str(onsite_visitor_status_text(ONSITE_VISITOR_CUSTOMER),
               "customer");
}


static void
session_ends_when_idle(void **state)
{
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);

    happen(&v, "Page Viewed", NOW);
    happen(&v, "Page Viewed", NOW + TIMEOUT);
    assert_int_equal(v.visits, 1);
    assert_int_equal(v.session.pageviews, 2);
    assert_int_equal(v.session.start, NOW);

    v.n_pending = 1;
    happen(&v, "Screen Viewed", NOW + 2 * TIMEOUT + 1);
    assert_int_equal(v.visits, 2);
    assert_int_equal(v.session.start, NOW + 2 * TIMEOUT + 1);
    assert_int_equal(v.session.pageviews, 1);
    assert_int_equal(v.session.events, 1);
    assert_int_equal(v.n_pending, 0);
    assert_int_equal(in_session(&v, "Page Viewed"), 0);
    assert_int_equal(total(&v, "Page Viewed"), 2);
}


static void
late_events_stay_in_their_place(void **state)
{
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);

    happen(&v, "Page Viewed", NOW);
    happen(&v, "Page Viewed", NOW + 20 * ONSITE_MINUTE);

    /* within the session: counted there, moves nothing back */

    happen(&v, "Page Viewed", NOW + ONSITE_MINUTE);
    assert_int_equal(v.session.last, NOW + 20 * ONSITE_MINUTE);
    assert_int_equal(in_session(&v, "Page Viewed"), 3);
    assert_int_equal(v.session.events, 3);

    /* before its start, also long before: only the total */

    happen(&v, "Page Viewed", NOW - 1);
    happen(&v, "Page Viewed", NOW - ONSITE_HOUR);
    assert_int_equal(v.visits, 1);
    assert_int_equal(v.session.start, NOW);
    assert_int_equal(v.session.last, NOW + 20 * ONSITE_MINUTE);
    assert_int_equal(v.session.pageviews, 3);
    assert_int_equal(v.session.events, 3);
    assert_int_equal(in_session(&v, "Page Viewed"), 3);
    assert_int_equal(total(&v, "Page Viewed"), 5);

    /* a late one does not keep the session alive */

    happen(&v, "Page Viewed", NOW + 50 * ONSITE_MINUTE + 1);
    assert_int_equal(v.visits, 2);
}


static void
dead_events_are_only_counted(void **state)
{
    onsite_event_t    event;
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);

    event = event_at("Order Completed", NOW);
    event.time = NOW - 5 * ONSITE_DAY;
    event.live = false;
    event.user_id = ONSITE_STR("u1");
    onsite_visitor_apply(&v, &event, TIMEOUT);

    assert_int_equal(v.first_seen, NOW);
    assert_int_equal(v.last_seen, NOW);
    assert_int_equal(v.visits, 0);
    assert_int_equal(v.session.start, 0);
    assert_int_equal(v.session.events, 0);
    assert_int_equal(v.orders, 0);
    assert_false(v.identified);
    assert_int_equal(onsite_visitor_status(&v), ONSITE_VISITOR_NEW);
    assert_int_equal(total(&v, "Order Completed"), 1);
    assert_int_equal(in_session(&v, "Order Completed"), 0);

    happen(&v, "Page Viewed", NOW + 1);
    assert_int_equal(v.visits, 1);
    assert_int_equal(v.first_seen, NOW);
}


static void
extreme_times_do_no_harm(void **state)
{
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);
    v.session.start = INT64_MIN;
    v.session.last = INT64_MIN;

    assert_true(onsite_session_touch(&v, INT64_MAX, TIMEOUT));
    assert_int_equal(v.visits, 1);
    assert_false(onsite_session_touch(&v, INT64_MIN, TIMEOUT));
    assert_int_equal(v.session.last, INT64_MAX);
}


static void
least_recently_used_counter_goes(void **state)
{
    char              names[ONSITE_COUNTERS_MAX + 2][16];
    unsigned          i;
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);

    for (i = 0; i < ONSITE_COUNTERS_MAX; i++) {
        (void) snprintf(names[i], sizeof(names[i]), "event %u", i);
        happen(&v, names[i], NOW);
    }

    happen(&v, names[0], NOW);
    happen(&v, "one more", NOW);

    assert_int_equal(v.n_counters, ONSITE_COUNTERS_MAX);
    assert_int_equal(total(&v, "event 0"), 2);
    assert_null(onsite_visitor_counter(&v, ONSITE_STR("event 1")));
    assert_int_equal(total(&v, "event 2"), 1);
    assert_int_equal(total(&v, "one more"), 1);
    assert_str(v.counters[0].name, "event 2");
    assert_str(v.counters[ONSITE_COUNTERS_MAX - 1].name, "one more");
}


static void
counters_saturate(void **state)
{
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);

    happen(&v, "Page Viewed", NOW);
    v.counters[0].total = UINT32_MAX;
    v.counters[0].session = UINT32_MAX;
    v.session.events = UINT32_MAX;
    v.session.pageviews = UINT32_MAX;
    v.visits = UINT32_MAX;
    happen(&v, "Page Viewed", NOW);
    assert_int_equal(v.counters[0].total, UINT32_MAX);
    assert_int_equal(v.counters[0].session, UINT32_MAX);
    assert_int_equal(v.session.events, UINT32_MAX);
    assert_int_equal(v.session.pageviews, UINT32_MAX);

    v.orders = UINT32_MAX;
    happen(&v, "Order Completed", NOW + ONSITE_DAY);
    assert_int_equal(v.orders, UINT32_MAX);
    assert_int_equal(v.visits, UINT32_MAX);
}


static void
names_are_bounded(void **state)
{
    char              name[ONSITE_EVENT_NAME_MAX + 2];
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';

    happen(&v, name, NOW);
    happen(&v, "", NOW);
    assert_int_equal(v.n_counters, 0);
    assert_int_equal(v.session.events, 2);

    name[ONSITE_EVENT_NAME_MAX] = '\0';
    happen(&v, name, NOW);
    assert_int_equal(v.n_counters, 1);
}


static void
cart_adds_and_subtracts(void **state)
{
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);

    cart_event(&v, "Product Added", "a", 2, 10.5);
    cart_event(&v, "Product Added", "b", NAN, NAN);
    assert_int_equal(onsite_visitor_cart_items(&v), 3);
    assert_true(onsite_visitor_cart_value(&v) == 21.0);

    cart_event(&v, "Product Added", "a", NAN, 11);
    assert_int_equal(v.n_cart, 2);
    assert_true(onsite_visitor_cart_value(&v) == 33.0);

    /* no price said: the one known stays */

    cart_event(&v, "Product Added", "a", 1, NAN);
    assert_true(onsite_visitor_cart_value(&v) == 44.0);

    cart_event(&v, "Product Removed", "a", 3, NAN);
    assert_int_equal(v.cart[0].quantity, 1);
    cart_event(&v, "Product Removed", "a", 5, NAN);
    assert_int_equal(v.n_cart, 1);
    assert_str(v.cart[0].sku, "b");
    cart_event(&v, "Product Removed", "unknown", 1, NAN);
    assert_int_equal(v.n_cart, 1);

    happen(&v, "Cart Cleared", NOW);
    assert_int_equal(v.n_cart, 0);
    assert_int_equal(v.orders, 0);

    cart_event(&v, "Product Added", "c", 1, 1);
    happen(&v, "Order Completed", NOW);
    assert_int_equal(v.n_cart, 0);
    assert_int_equal(v.orders, 1);
    assert_int_equal(onsite_visitor_cart_items(&v), 0);
    assert_true(onsite_visitor_cart_value(&v) == 0);
}


static void
cart_value_is_exact(void **state)
{
    uint32_t          i;
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);
    cart_event(&v, "Product Added", "a", 1, 62.68);
    cart_event(&v, "Product Added", "b", 1, 22.83);
    cart_event(&v, "Product Added", "c", 1, 14.49);
    assert_true(onsite_visitor_cart_value(&v) == 100);

    onsite_visitor_init(&v);
    cart_event(&v, "Product Added", "a", 3, 1.1);
    assert_true(onsite_visitor_cart_value(&v) == 3.3);

    cart_event(&v, "Product Added", "b", 3, 0.0001);
    assert_true(onsite_visitor_cart_value(&v) == 3.3003);

    /* no whole ten-thousandths: rounded to them */

    onsite_visitor_init(&v);
    cart_event(&v, "Product Added", "a", 1, 100.0 / 3);
    assert_true(onsite_visitor_cart_value(&v) == 33.3333);
    cart_event(&v, "Product Added", "a", 2, 100.0 / 3);
    assert_true(onsite_visitor_cart_value(&v) == 100);

    /* far more than is exact */

    onsite_visitor_init(&v);
    cart_event(&v, "Product Added", "a", 1e6, 1e12);
    assert_true(onsite_visitor_cart_value(&v) == 1e18);
    cart_event(&v, "Product Added", "b", 1, 1.0 / 3);
    assert_true(onsite_visitor_cart_value(&v) == 1e18);

    /* every amount of cents that a shop may ask */

    onsite_visitor_init(&v);

    for (i = 0; i < 100000; i++) {
        v.n_cart = 1;
        v.cart[0] = (onsite_cart_line_t) { ONSITE_STR("a"), 7,
                                           (double) i / 100 };
        assert_true(onsite_visitor_cart_value(&v) == (double) (7 * i) / 100);
    }
}


static void
cart_takes_numbers_as_text(void **state)
{
    size_t          i;
    onsite_event_t  event;

    static const struct {
        const char  *quantity;
        const char  *price;
        uint32_t     items;
        double       value;
    } cases[] = {
        { "3", "12.5", 3, 37.5 },
        { "2.9", "1e2", 2, 200 },
        { "0", "1", 0, 0 },                 /* passed over                 */
        { "-1", "1", 0, 0 },
        { "2", "-1", 2, 0 },                /* no price                    */
        { "1e999", "0", ONSITE_QUANTITY_MAX, 0 },
        { "", "", 1, 0 },                   /* no numbers of JSON          */
        { " 3", "5 ", 1, 0 },
        { "+3", "0x10", 1, 0 },
        { "03", "12,50", 1, 0 },
        { "3 pcs", "12.5 EUR", 1, 0 },
        { "Infinity", "NaN", 1, 0 },
        { "3.", ".5", 1, 0 },
        { "2", "1.0000000000000000000000000000000", 2, 0 }  /* 33 bytes    */
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        product_t         product = { .n = 0 };
        onsite_visitor_t  v;

        set(&product, "sku", onsite_value_string(ONSITE_STR("a")));
        set(&product, "quantity",
            onsite_value_string(onsite_str(cases[i].quantity,
                                           strlen(cases[i].quantity))));
        set(&product, "price",
            onsite_value_string(onsite_str(cases[i].price,
                                           strlen(cases[i].price))));

        event = event_at("Product Added", NOW);
        event.properties = object(&product);
        onsite_visitor_init(&v);
        onsite_visitor_apply(&v, &event, TIMEOUT);

        assert_int_equal(onsite_visitor_cart_items(&v), cases[i].items);
        assert_true(onsite_visitor_cart_value(&v) == cases[i].value);
    }
}


static void
cart_takes_several_products(void **state)
{
    product_t         first = { .n = 0 }, second = { .n = 0 };
    product_t         list = { .n = 0 };
    onsite_value_t    items[3];
    onsite_event_t    event;
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);

    set(&first, "product_id", onsite_value_string(ONSITE_STR("p1")));
    set(&first, "price", onsite_value_number(3));
    set(&second, "sku", onsite_value_string(ONSITE_STR("p2")));
    set(&second, "product_id", onsite_value_string(ONSITE_STR("other")));
    items[0] = object(&first);
    items[1] = onsite_value_bool(true);
    items[2] = object(&second);
    set(&list, "products", (onsite_value_t) { .type = ONSITE_ARRAY, .len = 3,
                                              .as.items = items });

    event = event_at("Product Added", NOW);
    event.properties = object(&list);
    onsite_visitor_apply(&v, &event, TIMEOUT);

    assert_int_equal(v.n_cart, 2);
    assert_str(v.cart[0].sku, "p1");
    assert_true(v.cart[0].price == 3);
    assert_str(v.cart[1].sku, "p2");

    event.name = ONSITE_STR("Product Removed");
    onsite_visitor_apply(&v, &event, TIMEOUT);
    assert_int_equal(v.n_cart, 0);
}


static void
cart_takes_numbers_as_ids(void **state)
{
    unsigned          i;
    product_t         product;
    onsite_event_t    event;
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);

    for (i = 0; i < 100; i++) {
        product.n = 0;
        set(&product, "product_id", onsite_value_number(1000 + i));
        event = event_at("Product Added", NOW);
        event.properties = object(&product);
        onsite_visitor_apply(&v, &event, TIMEOUT);
        onsite_visitor_apply(&v, &event, TIMEOUT);
    }

    assert_int_equal(v.n_cart, ONSITE_CART_LINES_MAX);
    assert_str(v.cart[0].sku, "1068");
    assert_str(v.cart[ONSITE_CART_LINES_MAX - 1].sku, "1099");
    assert_int_equal(v.cart[0].quantity, 2);
}


static void
cart_survives_malformed_numbers(void **state)
{
    product_t         product = { .n = 0 };
    onsite_event_t    event;
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);

    cart_event(&v, "Product Added", "a", -1, 5);
    cart_event(&v, "Product Added", "a", 0, 5);
    cart_event(&v, "Product Added", "a", -INFINITY, 5);
    cart_event(&v, "Product Added", "", 1, 5);
    happen(&v, "Product Added", NOW);
    assert_int_equal(v.n_cart, 0);

    cart_event(&v, "Product Added", "a", 1e300, 5);
    assert_int_equal(v.cart[0].quantity, ONSITE_QUANTITY_MAX);
    cart_event(&v, "Product Added", "a", 1e300, -5);
    assert_int_equal(v.cart[0].quantity, ONSITE_QUANTITY_MAX);
    assert_true(v.cart[0].price == 5);
    cart_event(&v, "Product Added", "a", 1, INFINITY);
    assert_true(v.cart[0].price == ONSITE_PRICE_MAX);

    cart_event(&v, "Product Added", "b", 0.4, 5);
    assert_int_equal(v.cart[1].quantity, 1);
    cart_event(&v, "Product Added", "b", 2.9, 5);
    assert_int_equal(v.cart[1].quantity, 3);

    /* what is no number is as if not given */

    set(&product, "sku", onsite_value_string(ONSITE_STR("c")));
    set(&product, "quantity", onsite_value_bool(true));
    set(&product, "price", onsite_value_string(ONSITE_STR("nine")));
    event = event_at("Product Added", NOW);
    event.properties = object(&product);
    onsite_visitor_apply(&v, &event, TIMEOUT);
    assert_int_equal(v.cart[2].quantity, 1);
    assert_true(v.cart[2].price == 0);

    product.members[1].value = onsite_value_number(NAN);
    onsite_visitor_apply(&v, &event, TIMEOUT);
    assert_int_equal(v.cart[2].quantity, 1);

    event.properties = (onsite_value_t) { .type = ONSITE_ABSENT };
    onsite_visitor_apply(&v, &event, TIMEOUT);
    assert_int_equal(v.n_cart, 3);
}


static void
cart_is_bounded(void **state)
{
    char              long_sku[ONSITE_SKU_MAX + 10], skus[40][8];
    unsigned          i;
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);

    for (i = 0; i < 40; i++) {
        (void) snprintf(skus[i], sizeof(skus[i]), "s%u", i);
        cart_event(&v, "Product Added", skus[i], 1e9, 1e300);
    }

    assert_int_equal(v.n_cart, ONSITE_CART_LINES_MAX);
    assert_str(v.cart[0].sku, "s8");
    assert_int_equal(onsite_visitor_cart_items(&v),
                     ONSITE_CART_LINES_MAX * ONSITE_QUANTITY_MAX);
    assert_true(isfinite(onsite_visitor_cart_value(&v)));

    /* cut at a character's beginning */

    memset(long_sku, 'x', sizeof(long_sku));
    long_sku[sizeof(long_sku) - 1] = '\0';
    memcpy(long_sku + ONSITE_SKU_MAX - 1, "\xc3\xa9", 2);
    happen(&v, "Cart Cleared", NOW);
    cart_event(&v, "Product Added", long_sku, 1, 1);
    assert_int_equal(v.cart[0].sku.len, ONSITE_SKU_MAX - 1);
    cart_event(&v, "Product Removed", long_sku, 1, 1);
    assert_int_equal(v.n_cart, 0);
}


static void
promotion(onsite_visitor_t *v, const char *name, const char *key,
    const char *id, bool live)
{
    product_t       properties = { .n = 0 };
    onsite_event_t  event = event_at(name, NOW);

    set(&properties, key, onsite_value_string(onsite_str(id, strlen(id))));
    event.properties = object(&properties);
    event.live = live;
    onsite_visitor_apply(v, &event, TIMEOUT);
}


static void
promotions_stop(void **state)
{
    onsite_visitor_t    v;
    onsite_exposure_t  *exposure;

    (void) state;

    onsite_visitor_init(&v);

    exposure = onsite_visitor_exposure_add(&v, onsite_fnv32a(ONSITE_STR("c")));
    exposure->total = 4;

    promotion(&v, "Promotion Clicked", "promotion_id", "c", true);
    promotion(&v, "Promotion Dismissed", "campaign", "c", true);
    promotion(&v, "Promotion Viewed", "promotion_id", "never", true);
    promotion(&v, "Promotion Clicked", "promotion_id", "dead", false);
    promotion(&v, "Promotion Clicked", "promotion_id", "", true);
    promotion(&v, "Promotion Dismissed", "promotion_id", "new", true);

    assert_int_equal(v.n_exposures, 2);
    exposure = onsite_visitor_exposure(&v, onsite_fnv32a(ONSITE_STR("c")));
    assert_int_equal(exposure->happened,
                     ONSITE_STOP_CLICKED | ONSITE_STOP_DISMISSED);
    assert_int_equal(exposure->total, 4);
    exposure = onsite_visitor_exposure(&v, onsite_fnv32a(ONSITE_STR("new")));
    assert_int_equal(exposure->happened, ONSITE_STOP_DISMISSED);
    assert_int_equal(exposure->total, 0);
    assert_int_equal(exposure->last, 0);
}


/* What went along with a page counts once the page has shown it. */

static void
what_was_sent_counts_when_viewed(void **state)
{
    onsite_visitor_t    v;
    onsite_exposure_t  *exposure;

    (void) state;

    onsite_visitor_init(&v);
    v.visits = 3;

    exposure = onsite_visitor_exposure_add(&v, onsite_fnv32a(ONSITE_STR("c")));
    exposure->variant = 1;
    exposure->happened = ONSITE_EXPOSURE_SENT;
    assert_int_equal(onsite_exposure_worth(exposure), ONSITE_WORTH_CAP);

    promotion(&v, "Promotion Viewed", "promotion_id", "other", true);
    promotion(&v, "Promotion Viewed", "promotion_id", "", true);
    promotion(&v, "Promotion Viewed", "promotion_id", "c", false);
    assert_int_equal(v.n_exposures, 1);
    assert_int_equal(exposure->total, 0);
    assert_int_equal(exposure->last, 0);

    promotion(&v, "Promotion Viewed", "promotion_id", "c", true);
    assert_int_equal(exposure->total, 1);
    assert_int_equal(exposure->window, 1);
    assert_int_equal(exposure->last, NOW);
    assert_int_equal(exposure->session, v.visits);
    assert_int_equal(exposure->happened, 0);

    promotion(&v, "Promotion Viewed", "promotion_id", "c", true);
    assert_int_equal(exposure->total, 1);

    /* one that was shown meanwhile stays so */

    exposure->last = NOW + 1;
    exposure->happened = ONSITE_EXPOSURE_SENT | ONSITE_STOP_CLICKED;
    promotion(&v, "Promotion Viewed", "campaign", "c", true);
    assert_int_equal(exposure->total, 2);
    assert_int_equal(exposure->last, NOW + 1);
    assert_int_equal(exposure->happened, ONSITE_STOP_CLICKED);
}


static void
least_recent_exposure_goes(void **state)
{
    uint32_t          i;
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);

    for (i = 1; i <= ONSITE_EXPOSURES_MAX; i++) {
        onsite_visitor_exposure_add(&v, i)->total = i;
    }

    assert_int_equal(onsite_visitor_exposure_add(&v, 1)->total, 1);
    assert_int_equal(onsite_visitor_exposure_add(&v, 1000)->total, 0);
    assert_int_equal(v.n_exposures, ONSITE_EXPOSURES_MAX);
    assert_non_null(onsite_visitor_exposure(&v, 1));
    assert_null(onsite_visitor_exposure(&v, 2));
    assert_non_null(onsite_visitor_exposure(&v, 3));
}


static void
clicks_elsewhere_do_not_displace_caps(void **state)
{
    char              id[16];
    uint32_t          i;
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);

    for (i = 1; i <= ONSITE_EXPOSURES_MAX; i++) {
        onsite_visitor_exposure_add(&v, i)->last = NOW;
    }

    for (i = 0; i < 100; i++) {
        (void) snprintf(id, sizeof(id), "banner %u", i);
        promotion(&v, "Promotion Clicked", "promotion_id", id, true);
    }

    assert_int_equal(v.n_exposures, ONSITE_EXPOSURES_MAX);
    assert_null(onsite_visitor_exposure(&v, 1));

    for (i = 2; i <= ONSITE_EXPOSURES_MAX; i++) {
        assert_non_null(onsite_visitor_exposure(&v, i));
    }

    assert_non_null(onsite_visitor_exposure(&v,
                                  onsite_fnv32a(ONSITE_STR("banner 99"))));
}


static void
full_exposures_keep_what_is_over(void **state)
{
    uint32_t            i;
    onsite_visitor_t    v;
    onsite_exposure_t  *exposure;

    (void) state;

    /* the oldest two are over for the visitor, or never to be seen */

    onsite_visitor_init(&v);

    for (i = 1; i <= ONSITE_EXPOSURES_MAX; i++) {
        onsite_visitor_exposure_add(&v, i)->last = NOW + i;
    }

    v.exposures[0].happened = ONSITE_STOP_CLICKED;
    v.exposures[1].last = 0;
    v.exposures[1].holdout = true;

    for (i = 1001; i <= 1000 + 3 * ONSITE_EXPOSURES_MAX; i++) {
        onsite_visitor_exposure_add(&v, i)->last = NOW + i;
    }

    assert_int_equal(v.n_exposures, ONSITE_EXPOSURES_MAX);
    assert_non_null(onsite_visitor_exposure(&v, 1));
    assert_non_null(onsite_visitor_exposure(&v, 2));
    assert_null(onsite_visitor_exposure(&v, 3));
    assert_null(onsite_visitor_exposure(&v, 1001));
    assert_non_null(onsite_visitor_exposure(&v, i - 1));
    assert_non_null(onsite_visitor_exposure(&v, i + 2 - ONSITE_EXPOSURES_MAX));

    /* of those alone the oldest goes */

    for (i = 0; i < v.n_exposures; i++) {
        v.exposures[i].happened = ONSITE_STOP_GOAL;
    }

    exposure = onsite_visitor_exposure_add(&v, 9);
    assert_ptr_equal(exposure, &v.exposures[ONSITE_EXPOSURES_MAX - 1]);
    assert_null(onsite_visitor_exposure(&v, 1));
    assert_non_null(onsite_visitor_exposure(&v, 2));
}


static void
merge_keeps_what_is_over(void **state)
{
    uint32_t          i;
    onsite_visitor_t  a, b;

    (void) state;

    onsite_visitor_init(&a);
    onsite_visitor_init(&b);

    for (i = 0; i < ONSITE_EXPOSURES_MAX; i++) {
        onsite_visitor_exposure_add(&a, i)->last = NOW + i;
    }

    onsite_visitor_exposure_add(&b, 1000)->last = NOW - 1;
    onsite_visitor_exposure_add(&b, 1001)->last = NOW - 1;
    b.exposures[1].happened = ONSITE_STOP_DISMISSED;
    onsite_visitor_exposure_add(&b, 1002)->happened = ONSITE_STOP_CLICKED;

    onsite_visitor_merge(&a, &b, TIMEOUT);

    assert_int_equal(a.n_exposures, ONSITE_EXPOSURES_MAX);
    assert_null(onsite_visitor_exposure(&a, 1000));
    assert_non_null(onsite_visitor_exposure(&a, 1001));
    assert_null(onsite_visitor_exposure(&a, 1002));
    assert_null(onsite_visitor_exposure(&a, 0));
    assert_non_null(onsite_visitor_exposure(&a, 1));
}


static void
two_visitors(onsite_visitor_t *a, onsite_visitor_t *b)
{
    onsite_exposure_t  *exposure;

    onsite_visitor_init(a);
    happen(a, "Page Viewed", NOW);
    happen(a, "Login", NOW);
    happen(a, "Page Viewed", NOW + ONSITE_DAY);
    cart_event(a, "Product Added", "x", 2, 5);
    exposure = onsite_visitor_exposure_add(a, 7);
    *exposure = (onsite_exposure_t) {
        .campaign = 7, .total = 3, .window = 1, .last = NOW + ONSITE_DAY,
        .variant = 2, .variant_hash = 22, .session = 2,
        .happened = ONSITE_STOP_CLICKED
    };
    a->n_progress = 1;
    a->progress[0] = (onsite_progress_t) {
        .trigger = 5, .session = 2, .n = 2, .times = { NOW, NOW + 5 }
    };

    onsite_visitor_init(b);
    happen(b, "Page Viewed", NOW - ONSITE_DAY);
    happen(b, "Signed Up", NOW - ONSITE_DAY);
    cart_event(b, "Product Added", "x", 3, 6);
    cart_event(b, "Product Added", "y", 1, 1);
    b->orders = 2;
    b->identified = true;
    exposure = onsite_visitor_exposure_add(b, 7);
    *exposure = (onsite_exposure_t) {
        .campaign = 7, .total = 1, .window = 1, .last = NOW - ONSITE_DAY,
        .variant = 1, .variant_hash = 11, .session = b->visits,
        .happened = ONSITE_STOP_DISMISSED
    };
    exposure = onsite_visitor_exposure_add(b, 8);
    *exposure = (onsite_exposure_t) {
        .campaign = 8, .total = 1, .last = NOW - ONSITE_DAY, .holdout = true,
        .session = b->visits
    };
    b->n_progress = 1;
    b->progress[0] = (onsite_progress_t) {
        .trigger = 5, .session = b->visits, .n = 1, .times = { NOW + 3 }
    };
}


static void
merge_joins(void **state)
{
    onsite_visitor_t    a, b;
    onsite_exposure_t  *exposure;

    (void) state;

    two_visitors(&a, &b);
    onsite_visitor_merge(&a, &b, TIMEOUT);

    assert_int_equal(total(&a, "Page Viewed"), 3);
    assert_int_equal(total(&a, "Login"), 1);
    assert_int_equal(total(&a, "Signed Up"), 1);
    assert_int_equal(a.first_seen, NOW - ONSITE_DAY);
    assert_int_equal(a.last_seen, NOW + ONSITE_DAY);
    assert_int_equal(a.orders, 2);
    assert_true(a.identified);
    assert_int_equal(a.visits, 2 + 2);

    assert_int_equal(a.n_cart, 2);
    assert_int_equal(a.cart[0].quantity, 3);
    assert_true(a.cart[0].price == 5);

    exposure = onsite_visitor_exposure(&a, 7);
    assert_int_equal(exposure->total, 3);
    assert_int_equal(exposure->variant, 1);     /* b is the one known */
    assert_int_equal(exposure->variant_hash, 11);
    assert_int_equal(exposure->last, NOW + ONSITE_DAY);
    assert_int_equal(exposure->happened,
                     ONSITE_STOP_CLICKED | ONSITE_STOP_DISMISSED);
    assert_int_equal(exposure->session, a.visits);

    /* shown in a session that is over: not in the merged one */

    exposure = onsite_visitor_exposure(&a, 8);
    assert_true(exposure->holdout);
    assert_true(exposure->session < a.visits);
    assert_true(exposure < onsite_visitor_exposure(&a, 7));

    assert_int_equal(a.n_progress, 1);
    assert_int_equal(a.progress[0].n, 3);
    assert_int_equal(a.progress[0].times[0], NOW);
    assert_int_equal(a.progress[0].times[1], NOW + 3);
    assert_int_equal(a.progress[0].times[2], NOW + 5);
}


static void
assert_same_where_order_is_free(onsite_visitor_t *ab, onsite_visitor_t *ba)
{
    uint32_t                 i;
    onsite_exposure_t       *x, *y;
    const onsite_counter_t  *counter;

    assert_int_equal(ab->first_seen, ba->first_seen);
    assert_int_equal(ab->last_seen, ba->last_seen);
    assert_int_equal(ab->visits, ba->visits);
    assert_int_equal(ab->orders, ba->orders);
    assert_int_equal(ab->identified, ba->identified);
    assert_int_equal(ab->session.start, ba->session.start);
    assert_int_equal(ab->session.last, ba->session.last);
    assert_int_equal(ab->session.events, ba->session.events);
    assert_int_equal(ab->session.pageviews, ba->session.pageviews);
    assert_int_equal(ab->n_counters, ba->n_counters);
    assert_int_equal(ab->n_exposures, ba->n_exposures);
    assert_int_equal(ab->n_progress, ba->n_progress);
    assert_int_equal(onsite_visitor_cart_items(ab),
                     onsite_visitor_cart_items(ba));

    for (i = 0; i < ab->n_counters; i++) {
        counter = onsite_visitor_counter(ba, ab->counters[i].name);
        assert_non_null(counter);
        assert_int_equal(counter->total, ab->counters[i].total);
        assert_int_equal(counter->session, ab->counters[i].session);
    }

    for (i = 0; i < ab->n_exposures; i++) {
        x = &ab->exposures[i];
        y = onsite_visitor_exposure(ba, x->campaign);
        assert_non_null(y);
        assert_int_equal(x->total, y->total);
        assert_int_equal(x->window, y->window);
        assert_int_equal(x->last, y->last);
        assert_int_equal(x->happened, y->happened);
        assert_int_equal(x->session, y->session);
    }

    for (i = 0; i < ab->n_progress; i++) {
        assert_int_equal(ab->progress[i].n, ba->progress[i].n);
        assert_memory_equal(ab->progress[i].times, ba->progress[i].times,
                            ab->progress[i].n * sizeof(onsite_ms_t));
    }
}


static void
merge_does_not_mind_the_order(void **state)
{
    onsite_visitor_t  a, b, c, d, empty;

    (void) state;

    two_visitors(&a, &b);
    two_visitors(&c, &d);
    onsite_visitor_merge(&a, &b, TIMEOUT);
    onsite_visitor_merge(&d, &c, TIMEOUT);
    assert_same_where_order_is_free(&a, &d);

    two_visitors(&a, &b);
    two_visitors(&c, &d);
    onsite_visitor_init(&empty);
    onsite_visitor_merge(&a, &empty, TIMEOUT);
    assert_same_where_order_is_free(&a, &c);
    onsite_visitor_merge(&empty, &a, TIMEOUT);
    assert_same_where_order_is_free(&empty, &c);
}


static void
merge_makes_one_visit_of_near_sessions(void **state)
{
    bool              swapped;
    onsite_ms_t       gap;
    onsite_visitor_t  a, b;

    (void) state;

    for (gap = TIMEOUT; gap <= TIMEOUT + 1; gap++) {
        for (swapped = false; /* void */; swapped = true) {
            onsite_visitor_init(&a);
            onsite_visitor_init(&b);
            happen(&a, "Page Viewed", swapped ? NOW + gap : NOW);
            happen(&b, "Page Viewed", swapped ? NOW : NOW + gap);
            happen(&b, "Login", swapped ? NOW : NOW + gap);
            onsite_visitor_exposure_add(&a, 1)->session = 1;
            onsite_visitor_exposure_add(&b, 2)->session = 1;

            onsite_visitor_merge(&a, &b, TIMEOUT);

            assert_int_equal(a.session.last, NOW + gap);
            assert_int_equal(onsite_visitor_counter(&a, ONSITE_STR("Login"))
                             ->total, 1);

            if (gap == TIMEOUT) {
                assert_int_equal(a.visits, 1);
                assert_int_equal(a.session.start, NOW);
                assert_int_equal(a.session.events, 3);
                assert_int_equal(a.session.pageviews, 2);
                assert_int_equal(onsite_visitor_counter(&a,
                                     ONSITE_STR("Page Viewed"))->session, 2);
                assert_int_equal(onsite_visitor_exposure(&a, 1)->session, 1);
                assert_int_equal(onsite_visitor_exposure(&a, 2)->session, 1);

            } else {
                assert_int_equal(a.visits, 2);
                assert_int_equal(a.session.start, NOW + gap);
                assert_int_equal(a.session.pageviews, 1);
                assert_int_equal(onsite_visitor_exposure(&a, 1)->session,
                                 swapped ? 2 : 1);
                assert_int_equal(onsite_visitor_exposure(&a, 2)->session,
                                 swapped ? 1 : 2);
            }

            if (swapped) {
                break;
            }
        }
    }
}


static void
merge_is_idempotent_but_for_sums(void **state)
{
    uint32_t            items, pageviews;
    onsite_visitor_t    a, b, c;
    onsite_exposure_t  *exposure;

    (void) state;

    two_visitors(&a, &b);
    onsite_visitor_merge(&a, &b, TIMEOUT);
    items = onsite_visitor_cart_items(&a);
    pageviews = a.session.pageviews;

    two_visitors(&c, &b);
    onsite_visitor_merge(&a, &b, TIMEOUT);

    assert_int_equal(onsite_visitor_cart_items(&a), items);
    assert_int_equal(a.session.pageviews, pageviews);
    assert_int_equal(a.n_exposures, 2);
    exposure = onsite_visitor_exposure(&a, 7);
    assert_int_equal(exposure->total, 3);
    assert_int_equal(exposure->variant, 1);
    assert_int_equal(exposure->session, a.visits);
    assert_int_equal(a.first_seen, NOW - ONSITE_DAY);
}


static void
merge_is_bounded(void **state)
{
    char              names[2 * ONSITE_COUNTERS_MAX][16];
    uint32_t          i;
    onsite_visitor_t  a, b;

    (void) state;

    onsite_visitor_init(&a);
    onsite_visitor_init(&b);

    for (i = 0; i < ONSITE_EXPOSURES_MAX; i++) {
        onsite_visitor_exposure_add(&a, i)->last = NOW + 2 * i;
        onsite_visitor_exposure_add(&b, 1000 + i)->last = NOW + 2 * i;
    }

    for (i = 0; i < ONSITE_COUNTERS_MAX; i++) {
        (void) snprintf(names[2 * i], 16, "a%u", i);
        (void) snprintf(names[2 * i + 1], 16, "b%u", i);
        happen(&a, names[2 * i], NOW);
        happen(&b, names[2 * i + 1], NOW);
        cart_event(&a, "Product Added", names[2 * i], 1, 1);
        cart_event(&b, "Product Added", names[2 * i + 1], 1, 1);
    }

    a.n_progress = b.n_progress = ONSITE_PROGRESS_MAX;
    a.n_pending = b.n_pending = ONSITE_PENDING_MAX;

    for (i = 0; i < ONSITE_PROGRESS_MAX; i++) {
        a.progress[i] = (onsite_progress_t) {
            .trigger = i, .n = ONSITE_PROGRESS_TIMES_MAX };
        b.progress[i] = a.progress[i];
        b.progress[i].trigger = i + 1;
    }

    for (i = 0; i < ONSITE_PENDING_MAX; i++) {
        a.pending[i] = (onsite_pending_t) { .campaign = i, .fired = NOW };
        b.pending[i] = (onsite_pending_t) { .campaign = 9 + i, .fired = 1 };
    }

    onsite_visitor_merge(&a, &b, TIMEOUT);

    assert_int_equal(a.n_counters, ONSITE_COUNTERS_MAX);
    assert_int_equal(a.n_cart, ONSITE_CART_LINES_MAX);
    assert_int_equal(a.n_exposures, ONSITE_EXPOSURES_MAX);
    assert_int_equal(a.n_progress, ONSITE_PROGRESS_MAX);
    assert_int_equal(a.n_pending, ONSITE_PENDING_MAX);
    assert_int_equal(total(&a, names[2 * ONSITE_COUNTERS_MAX - 2])
                     + total(&a, names[2 * ONSITE_COUNTERS_MAX - 1]), 1);

    for (i = 1; i < a.n_exposures; i++) {
        assert_true(a.exposures[i - 1].last <= a.exposures[i].last);
    }

    assert_int_equal(a.exposures[0].last, NOW + ONSITE_EXPOSURES_MAX);
}


static void
who_is_proven_stays_who_it_is(void **state)
{
    char              text[ONSITE_USER_ID_MAX + 1];
    onsite_event_t    event = event_at("Identify", NOW);
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);
    event.user_id = ONSITE_STR("u1");
    onsite_visitor_apply(&v, &event, TIMEOUT);
    assert_true(v.identified);
    assert_false(v.verified);
    assert_true(onsite_str_eq(v.user_id, ONSITE_STR("u1")));

    memset(text, 'x', sizeof(text));
    event.user_id = onsite_str(text, ONSITE_USER_ID_MAX);
    onsite_visitor_apply(&v, &event, TIMEOUT);
    assert_int_equal(v.user_id.len, ONSITE_USER_ID_MAX);

    event.user_id.len++;
    onsite_visitor_apply(&v, &event, TIMEOUT);
    assert_int_equal(v.user_id.len, 0);
    assert_true(v.identified);

    event.user_id = ONSITE_STR("u2");
    event.live = false;
    onsite_visitor_apply(&v, &event, TIMEOUT);
    assert_int_equal(v.user_id.len, 0);

    v.user_id = ONSITE_STR("u1");
    v.verified = true;
    event.live = true;
    onsite_visitor_apply(&v, &event, TIMEOUT);
    assert_true(onsite_str_eq(v.user_id, ONSITE_STR("u1")));
}


static void
messages_come_once(void **state)
{
    int               i;
    char              id[16];
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);
    assert_false(onsite_visitor_message(&v, ONSITE_STR("")));
    assert_false(onsite_visitor_message(&v, ONSITE_STR("")));
    assert_int_equal(v.n_messages, 0);

    for (i = 0; i < 20; i++) {
        (void) snprintf(id, sizeof(id), "m-%d", i);
        assert_false(onsite_visitor_message(&v, onsite_str(id, strlen(id))));
        assert_true(onsite_visitor_message(&v, onsite_str(id, strlen(id))));
    }

    assert_int_equal(v.n_messages, ONSITE_MESSAGES_MAX);
    assert_true(onsite_visitor_message(&v, ONSITE_STR("m-4")));
    assert_false(onsite_visitor_message(&v, ONSITE_STR("m-3")));
    assert_false(onsite_visitor_message(&v, ONSITE_STR("m-4")));
    assert_true(onsite_visitor_message(&v, ONSITE_STR("m-19")));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(status_climbs),
        cmocka_unit_test(session_ends_when_idle),
        cmocka_unit_test(late_events_stay_in_their_place),
        cmocka_unit_test(dead_events_are_only_counted),
        cmocka_unit_test(who_is_proven_stays_who_it_is),
        cmocka_unit_test(messages_come_once),
        cmocka_unit_test(extreme_times_do_no_harm),
        cmocka_unit_test(least_recently_used_counter_goes),
        cmocka_unit_test(counters_saturate),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(cart_adds_and_subtracts),
        cmocka_unit_test(cart_value_is_exact),
        cmocka_unit_test(cart_takes_numbers_as_text),
        cmocka_unit_test(cart_takes_several_products),
        cmocka_unit_test(cart_takes_numbers_as_ids),
        cmocka_unit_test(cart_survives_malformed_numbers),
        cmocka_unit_test(cart_is_bounded),
        cmocka_unit_test(promotions_stop),
        cmocka_unit_test(what_was_sent_counts_when_viewed),
        cmocka_unit_test(least_recent_exposure_goes),
        cmocka_unit_test(clicks_elsewhere_do_not_displace_caps),
        cmocka_unit_test(full_exposures_keep_what_is_over),
        cmocka_unit_test(merge_keeps_what_is_over),
        cmocka_unit_test(merge_joins),
        cmocka_unit_test(merge_does_not_mind_the_order),
        cmocka_unit_test(merge_makes_one_visit_of_near_sessions),
        cmocka_unit_test(merge_is_idempotent_but_for_sums),
        cmocka_unit_test(merge_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
