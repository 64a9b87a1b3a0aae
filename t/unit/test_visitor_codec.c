/*
 * test_visitor_codec.c - records: what goes in comes out, whatever the bytes
 * nothing breaks, and resting changes no decision.
 */

#include "unit.h"

#include "onsite_msgpack.h"
#include "onsite_vocabulary.h"
#include "onsite_visitor_codec.h"

#define NOW      ((onsite_ms_t) 1790000000000)
#define TIMEOUT  (30 * ONSITE_MINUTE)

static void
assert_values_equal(const onsite_value_t *a, const onsite_value_t *b)
{
    onsite_buf_t  x, y;

    onsite_buf_init(&x, 0);
    onsite_buf_init(&y, 0);
    onsite_value_write_json(&x, a);
    onsite_value_write_json(&y, b);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    onsite_buf_free(&x);
    onsite_buf_free(&y);
}


static void
assert_lists_equal(const onsite_visitor_t *a, const onsite_visitor_t *b)
{
    uint32_t  i;

    for (i = 0; i < a->n_progress; i++) {
        assert_int_equal(a->progress[i].trigger, b->progress[i].trigger);
        assert_int_equal(a->progress[i].session, b->progress[i].session);
        assert_int_equal(a->progress[i].n, b->progress[i].n);
        assert_memory_equal(a->progress[i].times, b->progress[i].times,
                            a->progress[i].n * sizeof(onsite_ms_t));
    }

    for (i = 0; i < a->n_pending; i++) {
        assert_int_equal(a->pending[i].campaign, b->pending[i].campaign);
        assert_int_equal(a->pending[i].fired, b->pending[i].fired);
        assert_true(onsite_str_eq(a->pending[i].event, b->pending[i].event));
        assert_values_equal(&a->pending[i].properties,
                            &b->pending[i].properties);
    }
}


static void
assert_exposures_equal(const onsite_exposure_t *a, const onsite_exposure_t *b)
{
    assert_int_equal(a->campaign, b->campaign);
    assert_int_equal(a->total, b->total);
    assert_int_equal(a->window, b->window);
    assert_int_equal(a->last, b->last);
    assert_int_equal(a->variant, b->variant);
    assert_int_equal(a->holdout, b->holdout);
    assert_int_equal(a->happened, b->happened);
    assert_int_equal(a->variant_hash, b->variant_hash);
    assert_int_equal(a->session, b->session);
}


static void
assert_visitors_equal(const onsite_visitor_t *a, const onsite_visitor_t *b)
{
    uint32_t  i;

    assert_int_equal(a->first_seen, b->first_seen);
    assert_int_equal(a->last_seen, b->last_seen);
    assert_int_equal(a->visits, b->visits);
    assert_int_equal(a->identified, b->identified);
    assert_int_equal(a->session_only, b->session_only);
    assert_int_equal(a->orders, b->orders);
    assert_memory_equal(&a->session, &b->session, sizeof(a->session));
    assert_int_equal(a->n_counters, b->n_counters);
    assert_int_equal(a->n_cart, b->n_cart);
    assert_int_equal(a->n_exposures, b->n_exposures);
    assert_int_equal(a->n_progress, b->n_progress);
    assert_int_equal(a->n_pending, b->n_pending);

    for (i = 0; i < a->n_counters; i++) {
        assert_true(onsite_str_eq(a->counters[i].name, b->counters[i].name));
        assert_int_equal(a->counters[i].total, b->counters[i].total);
        assert_int_equal(a->counters[i].session, b->counters[i].session);
    }

    for (i = 0; i < a->n_cart; i++) {
        assert_true(onsite_str_eq(a->cart[i].sku, b->cart[i].sku));
        assert_int_equal(a->cart[i].quantity, b->cart[i].quantity);
        assert_memory_equal(&a->cart[i].price, &b->cart[i].price,
                            sizeof(double));
    }

    for (i = 0; i < a->n_exposures; i++) {
        assert_exposures_equal(&a->exposures[i], &b->exposures[i]);
    }

    assert_lists_equal(a, b);
}


/* Five counters, a session, two cart lines, two exposures. */

static void
typical(onsite_visitor_t *v)
{
    uint32_t  i;

    static const char *const  names[] = {
        "Page Viewed", "Product Viewed", "Product Added", "Cart Viewed",
        "Signed In"
    };

    onsite_visitor_init(v);
    v->first_seen = NOW - 9 * ONSITE_DAY - 4321;
    v->last_seen = NOW;
    v->visits = 3;
    v->identified = true;
    v->session = (onsite_session_t) {
        .start = NOW - 7 * ONSITE_MINUTE - 17, .last = NOW, .pageviews = 6,
        .events = 14
    };

    for (v->n_counters = 0; v->n_counters < 5; v->n_counters++) {
        v->counters[v->n_counters] = (onsite_counter_t) {
            onsite_str(names[v->n_counters], strlen(names[v->n_counters])),
            20 - v->n_counters, 4
        };
    }

    v->n_cart = 2;
    v->cart[0] = (onsite_cart_line_t) { ONSITE_STR("44600062"), 1, 35.79 };
    v->cart[1] = (onsite_cart_line_t) { ONSITE_STR("1004856"), 2, 489.07 };

    for (i = 0; i < 2; i++) {
        v->exposures[v->n_exposures++] = (onsite_exposure_t) {
            .campaign = 0x9abcdef0 + i, .total = 2, .window = 1,
            .last = NOW - ONSITE_DAY * (2 - i), .variant = 1,
            .variant_hash = 0x811c9dc5, .session = 3 - i
        };
    }
}


/* Decodes bytes that lie in memory of just their size, for the sanitizer. */

static onsite_status_t
decode(onsite_arena_t *arena, const void *data, size_t size,
    onsite_record_kind_t *kind, onsite_visitor_t *v, onsite_key_t *key)
{
    void             *copy = malloc(size + (size == 0));
    onsite_status_t   status;

    assert_non_null(copy);
    memcpy(copy, data, size);
    status = onsite_visitor_decode(arena, copy, size, kind, v, key);

    /* strings point into the record: touch them while it is there */

    if (status == ONSITE_OK && *kind == ONSITE_RECORD_VISITOR) {
        uint8_t  again[2 * ONSITE_RECORD_BYTES_MAX];

        (void) onsite_visitor_encode(v, again, sizeof(again));
    }

    free(copy);

    return status;
}


static void
typical_record_is_small(void **state)
{
    size_t                size;
    uint8_t               record[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t          key;
    onsite_visitor_t      v, back;
    onsite_record_kind_t  kind;

    (void) state;

    typical(&v);
    size = onsite_visitor_encode(&v, record, sizeof(record));
    print_message("a typical record: %zu bytes\n", size);
    assert_in_range(size, 1, 120);

    assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind, &back,
                                           &key), ONSITE_OK);
    assert_int_equal(kind, ONSITE_RECORD_VISITOR);
    assert_visitors_equal(&v, &back);

    /* an empty one is all but nothing */

    onsite_visitor_init(&v);
    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_in_range(size, 1, 16);
    assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind, &back,
                                           &key), ONSITE_OK);
    assert_visitors_equal(&v, &back);
}


static void
extremes_come_back(void **state)
{
    size_t                size;
    uint8_t               record[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t          key;
    onsite_visitor_t      v, back;
    onsite_record_kind_t  kind;

    (void) state;

    typical(&v);
    v.first_seen = INT64_MIN;
    v.last_seen = INT64_MAX;
    v.visits = UINT32_MAX;
    v.orders = UINT32_MAX;
    v.session_only = true;
    v.session.start = -1;
    v.counters[0].total = UINT32_MAX;
    v.cart[0].price = 1.0 / 3;
    v.cart[1].price = 1e12;
    v.exposures[0].last = 0;
    v.exposures[0].session = 0;
    v.exposures[0].holdout = true;
    v.exposures[0].happened = 0xff;
    v.exposures[0].variant = 255;
    v.exposures[1].session = UINT32_MAX;
    v.n_progress = 1;
    v.progress[0] = (onsite_progress_t) {
        .trigger = 1, .session = 2, .n = 3,
        .times = { INT64_MAX, INT64_MIN, 0 }
    };

    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind, &back,
                                           &key), ONSITE_OK);
    assert_visitors_equal(&v, &back);
}


static void
prices_come_back_exactly(void **state)
{
    size_t                i, size;
    dice_t                dice = { 42 };
    uint8_t               record[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t          key;
    onsite_visitor_t      v, back;
    onsite_record_kind_t  kind;

    (void) state;

    for (i = 0; i < 20000; i++) {
        typical(&v);
        v.cart[0].price = (double) roll(&dice, 100000000) / 100;
        v.cart[1].price = (double) roll(&dice, 1000000) / 1000;
        size = onsite_visitor_encode(&v, record, sizeof(record));
        assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind,
                                               &back, &key), ONSITE_OK);
        assert_memory_equal(&v.cart[0].price, &back.cart[0].price, 8);
        assert_memory_equal(&v.cart[1].price, &back.cart[1].price, 8);
    }
}


static void
random_event(dice_t *dice, onsite_ms_t *now, onsite_event_t *event,
    onsite_member_t members[4])
{
    static const char *const  names[] = {
        "Page Viewed", "Product Viewed", "Product Added", "Product Added",
        "Product Removed", "Order Completed", "Promotion Clicked",
        "Promotion Dismissed", "of our own", "Cart Cleared", "Screen Viewed",
        "a", "b", "c"
    };
    static const char *const  skus[] = { "s1", "44600062", "x", "a-long-sku" };
    uint32_t                  n;

    *now += roll(dice, 20) == 0 ? roll(dice, 3 * 86400000)
            : roll(dice, 400000);
    n = roll(dice, 4);
    members[0] = (onsite_member_t) {
        ONSITE_STR("sku"),
        onsite_value_string(onsite_str(skus[n], strlen(skus[n]))) };
    members[1] = (onsite_member_t) {
        ONSITE_STR("quantity"), onsite_value_number(1 + roll(dice, 3)) };
    members[2] = (onsite_member_t) {
        ONSITE_STR("price"), onsite_value_number(roll(dice, 50000) / 100.0) };
    members[3] = (onsite_member_t) {
        ONSITE_STR("promotion_id"), members[0].value };
    n = roll(dice, sizeof(names) / sizeof(names[0]));

    *event = (onsite_event_t) {
        .name = onsite_str(names[n], strlen(names[n])),
        .properties = { .type = ONSITE_OBJECT, .len = 4,
                        .as.members = members },
        .received = *now,
        .time = *now - (roll(dice, 4) == 0 ? roll(dice, 3000000) : 0),
        .live = roll(dice, 10) != 0
    };
}


/* What a decision would leave behind. */

static void
random_decision(dice_t *dice, onsite_ms_t now, onsite_visitor_t *v)
{
    uint32_t            k;
    onsite_exposure_t  *e;
    onsite_progress_t  *p;

    if (roll(dice, 3) == 0) {
        e = onsite_visitor_exposure_add(v, roll(dice, 5) * 0x1234567);
        e->total++;
        e->window = roll(dice, 4);
        e->last = now;
        e->variant = (uint8_t) roll(dice, 4);
        e->variant_hash = roll(dice, UINT32_MAX);
        e->holdout = roll(dice, 2);
        e->session = v->visits;
    }

    if (roll(dice, 3) == 0) {
        k = v->n_progress < 6 ? v->n_progress++ : roll(dice, 6);
        p = &v->progress[k];
        p->trigger = roll(dice, UINT32_MAX);
        p->session = v->visits;
        p->n = (uint8_t) (1 + roll(dice, ONSITE_PROGRESS_TIMES_MAX));

        for (k = 0; k < p->n; k++) {
            p->times[k] = now - roll(dice, 100000);
        }
    }
}


static void
resting_changes_nothing(void **state)
{
    int                   run, i;
    dice_t                dice = { 88172645463325252ull }, again;
    size_t                size;
    uint8_t               records[2][ONSITE_RECORD_BYTES_MAX];
    onsite_ms_t           now, same;
    onsite_key_t          key;
    onsite_event_t        event;
    onsite_member_t       members[4], others[4];
    onsite_visitor_t      awake, rested;
    onsite_record_kind_t  kind;

    (void) state;

    for (run = 0; run < 200; run++) {
        onsite_visitor_init(&awake);
        onsite_visitor_init(&rested);
        now = NOW + run;

        for (i = 0; i < 100; i++) {
            again = dice;
            same = now;
            random_event(&dice, &now, &event, members);
            onsite_visitor_apply(&awake, &event, TIMEOUT);
            random_decision(&dice, now, &awake);

            random_event(&again, &same, &event, others);
            onsite_visitor_apply(&rested, &event, TIMEOUT);
            random_decision(&again, same, &rested);

            size = onsite_visitor_encode(&rested, records[i & 1],
                                         ONSITE_RECORD_BYTES_MAX);
            assert_int_equal(onsite_visitor_decode(NULL, records[i & 1], size,
                                                   &kind, &rested, &key),
                             ONSITE_OK);
        }

        assert_visitors_equal(&awake, &rested);
    }
}


static void
pending_keeps_its_properties(void **state)
{
    char                  text[600];
    size_t                size;
    uint8_t               record[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t          key;
    onsite_arena_t       *arena = onsite_arena_create(1024, 65536);
    onsite_value_t        item = onsite_value_number(1.5);
    onsite_member_t       members[2];
    onsite_visitor_t      v, back;
    onsite_record_kind_t  kind;

    (void) state;

    members[0] = (onsite_member_t) {
        ONSITE_STR("title"), onsite_value_string(ONSITE_STR("Caf\xc3\xa9")) };
    members[1] = (onsite_member_t) {
        ONSITE_STR("list"), { .type = ONSITE_ARRAY, .len = 1,
                              .as.items = &item } };
    typical(&v);
    v.n_pending = 2;
    v.pending[0] = (onsite_pending_t) {
        .campaign = 77, .fired = NOW - 5, .event = ONSITE_STR("Page Viewed"),
        .properties = { .type = ONSITE_OBJECT, .len = 2,
                        .as.members = members } };
    v.pending[1] = (onsite_pending_t) {
        .campaign = 78, .fired = NOW, .event = ONSITE_STR("own name"),
        .properties = { .type = ONSITE_OBJECT } };

    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_int_equal(onsite_visitor_decode(arena, record, size, &kind, &back,
                                           &key), ONSITE_OK);
    assert_visitors_equal(&v, &back);

    /* over the bound: kept without them */

    memset(text, 'x', sizeof(text));
    members[0].value = onsite_value_string(onsite_str(text, sizeof(text)));
    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_int_equal(onsite_visitor_decode(arena, record, size, &kind, &back,
                                           &key), ONSITE_OK);
    assert_int_equal(back.n_pending, 2);
    assert_int_equal(back.pending[0].properties.type, ONSITE_OBJECT);
    assert_int_equal(back.pending[0].properties.len, 0);

    onsite_arena_destroy(arena);
}


static void
links_of_a_session_say_so(void **state)
{
    bool                   session_only;
    char                   record[64];
    size_t                 size;
    onsite_key_t           key = { { 1 } }, link;
    onsite_visitor_t       visitor;
    onsite_record_kind_t   kind;

    (void) state;

    size = onsite_link_encode(&key, NOW, true, onsite_str(NULL, 0),
                              record, sizeof(record));

    assert_int_equal(onsite_record_last_seen(record, size, &session_only),
                     NOW);
    assert_true(session_only);

    assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind,
                                           &visitor, &link), ONSITE_OK);
    assert_int_equal(kind, ONSITE_RECORD_LINK);
    assert_memory_equal(&link, &key, sizeof(key));

    size = onsite_link_encode(&key, NOW, false, onsite_str(NULL, 0),
                              record, sizeof(record));
    (void) onsite_record_last_seen(record, size, &session_only);
    assert_false(session_only);
}


static void
wake_is_read_alone(void **state)
{
    size_t            i, size;
    char              record[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t      key = { { 1 } };
    onsite_visitor_t  v;

    (void) state;
    onsite_visitor_init(&v);
    v.last_seen = NOW;
    v.counters[0] = (onsite_counter_t) { ONSITE_STR("Seen"), 1, 1 };
    v.n_counters = 1;

    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_true(onsite_record_wake(record, size) == 0);

    v.wake = NOW + ONSITE_HOUR;
    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_true(onsite_record_wake(record, size) == v.wake);

    for (i = 0; i < size; i++) {
        assert_true(onsite_record_wake(record, i) == 0);
    }

    v.user_id = ONSITE_STR("someone");
    v.wake = NOW - 5;
    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_true(onsite_record_wake(record, size) == v.wake);

    size = onsite_link_encode(&key, NOW, true, onsite_str(NULL, 0),
                              record, sizeof(record));
    assert_true(onsite_record_wake(record, size) == 0);
    size = onsite_tombstone_encode(NOW, record, sizeof(record));
    assert_true(onsite_record_wake(record, size) == 0);
}


static void
links_lead_elsewhere(void **state)
{
    bool                  session_only;
    size_t                size, i;
    uint8_t               record[64];
    onsite_key_t          key, back;
    onsite_visitor_t      v;
    onsite_record_kind_t  kind;

    (void) state;

    for (i = 0; i < sizeof(key.bytes); i++) {
        key.bytes[i] = (uint8_t) (i * 17);
    }

    size = onsite_link_encode(&key, NOW, false, onsite_str(NULL, 0), record,
                              sizeof(record));
    assert_in_range(size, 20, 40);
    assert_int_equal(decode(NULL, record, size, &kind, &v, &back), ONSITE_OK);
    assert_int_equal(kind, ONSITE_RECORD_LINK);
    assert_memory_equal(key.bytes, back.bytes, sizeof(key.bytes));
    assert_int_equal(onsite_record_last_seen(record, size, &session_only),
                     NOW);
    assert_false(session_only);

    for (i = 0; i < size; i++) {
        assert_int_equal(decode(NULL, record, i, &kind, &v, &back),
                         ONSITE_CORRUPT);
        assert_int_equal(onsite_link_encode(&key, NOW, false,
                                            onsite_str(NULL, 0), record, i),
                         0);
    }
}


static void
last_seen_is_read_alone(void **state)
{
    bool              session_only;
    size_t            size;
    uint8_t           record[ONSITE_RECORD_BYTES_MAX];
    onsite_visitor_t  v;

    (void) state;

    typical(&v);
    v.session_only = true;
    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_int_equal(onsite_record_last_seen(record, size, &session_only),
                     NOW);
    assert_true(session_only);

    assert_int_equal(onsite_record_last_seen(record, 5, &session_only), 0);
    assert_int_equal(onsite_record_last_seen("", 0, &session_only), 0);
    assert_int_equal(onsite_record_last_seen("text", 4, &session_only), 0);
}


static void
versions_read_each_other(void **state)
{
    size_t                size;
    uint8_t               record[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t          key;
    onsite_visitor_t      v, back;
    onsite_writer_t       w;
    onsite_record_kind_t  kind;

    (void) state;

    typical(&v);
    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_int_equal(record[0], 0x9a);
    assert_int_equal(record[1], ONSITE_RECORD_VERSION);

    /* the next version: two elements and a name more than are known here */

    memmove(record + 3, record + 1, size - 1);
    memcpy(record, "\xdc\x00\x15", 3);
    record[3] = ONSITE_RECORD_VERSION + 1;
    w = (onsite_writer_t) { record, size + 2, sizeof(record) };
    onsite_write_array(&w, 0);                          /* progress */
    onsite_write_array(&w, 0);                          /* pending */
    onsite_write_nil(&w);                               /* messages */
    onsite_write_array(&w, 0);                          /* origin */
    onsite_write_array(&w, 0);                          /* affinities */
    onsite_write_array(&w, 0);                          /* standings */
    onsite_write_nil(&w);                               /* wake */
    onsite_write_array(&w, 0);                          /* customer */
    onsite_write_array(&w, 0);                          /* armed */
    onsite_write_array(&w, 1);
    onsite_write_str(&w, ONSITE_STR("new"));
    onsite_write_bytes(&w, "\x81\xa1k\xc7\x01\x05z", 7);
    assert_int_equal(decode(NULL, record, w.len, &kind, &back, &key),
                     ONSITE_OK);
    assert_int_equal(back.visits, v.visits);
    assert_int_equal(back.n_exposures, 2);

    record[3] = ONSITE_RECORD_VERSION + 2;
    assert_int_equal(decode(NULL, record, w.len, &kind, &back, &key),
                     ONSITE_VERSION);
    assert_int_equal(back.last_seen, 0);
    assert_int_equal(back.n_counters, 0);

    record[3] = 0;
    assert_int_equal(decode(NULL, record, w.len, &kind, &back, &key),
                     ONSITE_VERSION);
}


/* [1, 0, 0, nil, 0, 0, [], counters…] */

static size_t
record_with(uint8_t *record, size_t capacity, uint32_t elements,
    const void *last, size_t len)
{
    onsite_writer_t  w = { record, 0, capacity };

    onsite_write_array(&w, elements);
    onsite_write_bytes(&w, "\x01\x00\x00\xc0\x00\x00\x90", 7);
    onsite_write_bytes(&w, last, len);
    assert_true(w.len <= capacity);

    return w.len;
}


static void
bounds_hold_when_reading(void **state)
{
    size_t                size;
    uint8_t               record[ONSITE_RECORD_BYTES_MAX], part[2048];
    uint32_t              i;
    onsite_key_t          key;
    onsite_writer_t       w = { part, 0, sizeof(part) };
    onsite_visitor_t      v;
    onsite_record_kind_t  kind;

    (void) state;

    /* more counters than there is room for: the last ones are kept; a name
     * that only a later version knows is passed over */

    onsite_write_array(&w, 3 * (ONSITE_COUNTERS_MAX + 10));

    for (i = 0; i < ONSITE_COUNTERS_MAX + 10; i++) {
        onsite_write_long(&w, i == 30 ? 127 : 1 + i % 40);
        onsite_write_long(&w, i);
        onsite_write_long(&w, 0);
    }

    size = record_with(record, sizeof(record), 8, part, w.len);
    assert_int_equal(decode(NULL, record, size, &kind, &v, &key), ONSITE_OK);
    assert_int_equal(v.n_counters, ONSITE_COUNTERS_MAX - 1);
    assert_int_equal(v.counters[0].total, 10);
    assert_int_equal(v.counters[ONSITE_COUNTERS_MAX - 2].total,
                     ONSITE_COUNTERS_MAX + 9);
}


static void
malformed_elements_are_corrupt(void **state)
{
    size_t                i, size;
    uint8_t               record[256];
    onsite_key_t          key;
    onsite_visitor_t      v;
    onsite_record_kind_t  kind;

    static const struct {
        uint32_t     elements;
        size_t       len;
        const char  *last;
    } bad[] = {
        { 8, 5, "\x94\x01\x01\x01\x01" },           /* 4 is not 3 n        */
        { 8, 4, "\x93\x01\xff\x01" },               /* a negative total    */
        { 8, 4, "\x93\xc0\x01\x01" },               /* a name of nil       */
        { 8, 4, "\x93\x01\x01\xa0" },               /* a text for a number */
        { 8, 5, "\xdd\xff\xff\xff\xff" },           /* as if 4 G counters  */
        { 8, 5, "\x90" "more" },                    /* trailing bytes      */
        { 9, 5, "\x90\x93\xa1k\x01" },              /* a line cut off      */
        { 9, 6, "\x90\x93\xa1k\x01\xff" },          /* a negative price    */
        { 9, 14, "\x90\x93\xa1k\x01\xcb\x7f\xf8\0\0\0\0\0\0" },     /* NaN */
        { 9, 14, "\x90\x93\xa1k\x01\xcb\x7f\xf0\0\0\0\0\0\0" },     /* Inf */
        { 9, 10, "\x90\x93\xa1k\xce\xff\xff\xff\xff\x01" }, /* quantity    */
        { 10, 11, "\x90\x90\x98\x01\x01\x01\x01\xcd\x01\x01\x01" },
        { 11, 5, "\x90\x90\x90\x91\x91" },          /* progress of 1 item  */
        { 12, 9, "\x90\x90\x90\x90\x91\x94\x01\x01\x01" },
        { 12, 10, "\x90\x90\x90\x90\x91\x94\x01\x01\x01\x01" },
        { 12, 10, "\x90\x90\x90\x90\x91\x94\x01\x01\x01\xc1" },
    };

    onsite_arena_t  *arena = onsite_arena_create(1024, 65536);

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size = record_with(record, sizeof(record), bad[i].elements,
                           bad[i].last, bad[i].len);

        if (decode(arena, record, size, &kind, &v, &key) != ONSITE_CORRUPT) {
            fail_msg("malformed record %zu was read", i);
        }

        assert_int_equal(v.n_counters, 0);
        assert_int_equal(v.first_seen, 0);
    }

    onsite_arena_destroy(arena);
}


static void
any_bytes_do_no_harm(void **state)
{
    int                   i;
    size_t                size, cut, k;
    dice_t                dice = { 123456789 };
    uint8_t               record[ONSITE_RECORD_BYTES_MAX], bytes[512];
    onsite_key_t          key;
    onsite_arena_t       *arena = onsite_arena_create(4096, 1 << 20);
    onsite_visitor_t      v;
    onsite_record_kind_t  kind;

    (void) state;

    typical(&v);
    v.n_progress = 1;
    v.progress[0] = (onsite_progress_t) { .trigger = 1, .n = 2,
                                          .times = { NOW, NOW } };
    v.n_pending = 1;
    v.pending[0] = (onsite_pending_t) { .campaign = 1, .fired = NOW,
        .event = ONSITE_STR("x"), .properties = { .type = ONSITE_OBJECT } };
    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_in_range(size, 1, sizeof(bytes));

    for (cut = 0; cut < size; cut++) {
        assert_int_equal(decode(arena, record, cut, &kind, &v, &key),
                         ONSITE_CORRUPT);
    }

    for (i = 0; i < 100000; i++) {
        memcpy(bytes, record, size);

        for (k = roll(&dice, 4) + 1; k > 0; k--) {
            bytes[roll(&dice, (uint32_t) size)] = (uint8_t) roll(&dice, 256);
        }

        (void) decode(arena, bytes, size, &kind, &v, &key);
        onsite_arena_reset(arena);
    }

    for (i = 0; i < 100000; i++) {
        cut = roll(&dice, 64);

        for (k = 0; k < cut; k++) {
            bytes[k] = (uint8_t) roll(&dice, 256);
        }

        bytes[0] = 0x9c;
        bytes[1] = 1;
        (void) decode(arena, bytes, cut, &kind, &v, &key);
        onsite_arena_reset(arena);
    }

    onsite_arena_destroy(arena);
}


static void
full_lists_come_back(void **state)
{
    char                  names[ONSITE_COUNTERS_MAX][8];
    size_t                size;
    uint8_t               record[ONSITE_RECORD_BYTES_MAX];
    uint32_t              i;
    onsite_key_t          key;
    onsite_visitor_t      v, back;
    onsite_record_kind_t  kind;

    (void) state;

    onsite_visitor_init(&v);
    v.last_seen = NOW;
    v.n_counters = ONSITE_COUNTERS_MAX;
    v.n_exposures = ONSITE_EXPOSURES_MAX;

    for (i = 0; i < ONSITE_COUNTERS_MAX; i++) {
        (void) snprintf(names[i], sizeof(names[i]), "name%u", i);
        v.counters[i] = (onsite_counter_t) {
            onsite_str(names[i], strlen(names[i])), i, i / 2 };
    }

    for (i = 0; i < ONSITE_EXPOSURES_MAX; i++) {
        v.exposures[i] = (onsite_exposure_t) {
            .campaign = UINT32_MAX - i, .total = i, .window = 1,
            .last = NOW - 60 * ONSITE_DAY + i, .variant = 1,
            .variant_hash = UINT32_MAX };
    }

    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind, &back,
                                           &key), ONSITE_OK);
    assert_visitors_equal(&v, &back);

    v.n_counters = v.n_exposures = 0;
    v.n_progress = ONSITE_PROGRESS_MAX;

    for (i = 0; i < ONSITE_PROGRESS_MAX; i++) {
        v.progress[i] = (onsite_progress_t) {
            .trigger = UINT32_MAX - i, .n = 2, .times = { NOW - i, NOW } };
    }

    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind, &back,
                                           &key), ONSITE_OK);
    assert_visitors_equal(&v, &back);
}


/* As a full list does: first what is not ours, last what is over. */

static void
too_much_keeps_what_is_over(void **state)
{
    size_t                size;
    uint8_t               record[1024];
    uint32_t              i;
    onsite_key_t          key;
    onsite_visitor_t      v, back;
    onsite_record_kind_t  kind;

    (void) state;

    onsite_visitor_init(&v);
    v.last_seen = NOW;
    v.n_exposures = ONSITE_EXPOSURES_MAX;

    for (i = 0; i < ONSITE_EXPOSURES_MAX; i++) {
        v.exposures[i] = (onsite_exposure_t) {
            .campaign = i, .last = NOW - ONSITE_DAY, .variant = 1,
            .variant_hash = UINT32_MAX };
    }

    v.exposures[0].happened = ONSITE_STOP_CLICKED;
    v.exposures[ONSITE_EXPOSURES_MAX - 1] = (onsite_exposure_t) {
        .campaign = i, .happened = ONSITE_STOP_CLICKED };

    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind, &back,
                                           &key), ONSITE_OK);
    assert_in_range(back.n_exposures, 30, ONSITE_EXPOSURES_MAX - 30);
    assert_int_equal(back.exposures[0].campaign, 0);

    for (i = 1; i < back.n_exposures; i++) {
        assert_int_equal(back.exposures[i].campaign, ONSITE_EXPOSURES_MAX - 1
                                                     - back.n_exposures + i);
    }
}


static void
too_much_leaves_out_the_oldest(void **state)
{
    char                  names[ONSITE_COUNTERS_MAX][ONSITE_EVENT_NAME_MAX];
    char                  skus[ONSITE_CART_LINES_MAX][ONSITE_SKU_MAX];
    size_t                size;
    uint8_t               record[ONSITE_RECORD_BYTES_MAX];
    uint32_t              i;
    onsite_key_t          key;
    onsite_visitor_t      v, back;
    onsite_record_kind_t  kind;

    (void) state;

    typical(&v);
    v.n_counters = ONSITE_COUNTERS_MAX;
    v.n_cart = ONSITE_CART_LINES_MAX;
    v.n_progress = ONSITE_PROGRESS_MAX;

    for (i = 0; i < ONSITE_COUNTERS_MAX; i++) {
        memset(names[i], 'a' + (int) i % 26, sizeof(names[i]));
        v.counters[i] = (onsite_counter_t) {
            onsite_str(names[i], sizeof(names[i])), UINT32_MAX, UINT32_MAX };
    }

    for (i = 0; i < ONSITE_CART_LINES_MAX; i++) {
        memset(skus[i], 'a' + (int) i % 26, sizeof(skus[i]));
        v.cart[i] = (onsite_cart_line_t) {
            onsite_str(skus[i], sizeof(skus[i])), 1000000, 1.0 / 3 };
    }

    for (i = 0; i < ONSITE_PROGRESS_MAX; i++) {
        v.progress[i] = (onsite_progress_t) { .trigger = i, .n = 16 };
    }

    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_in_range(size, ONSITE_RECORD_BYTES_MAX - 200,
                    ONSITE_RECORD_BYTES_MAX);
    assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind, &back,
                                           &key), ONSITE_OK);

    assert_in_range(back.n_counters, 5, ONSITE_COUNTERS_MAX - 1);
    assert_int_equal(back.counters[back.n_counters - 1].name.data[0],
                     names[ONSITE_COUNTERS_MAX - 1][0]);
    assert_in_range(back.n_cart, 5, ONSITE_CART_LINES_MAX);
    assert_int_equal(back.cart[back.n_cart - 1].sku.data[0],
                     skus[ONSITE_CART_LINES_MAX - 1][0]);
    assert_int_equal(back.n_exposures, 2);

    /* down to nothing but what every record has */

    size = onsite_visitor_encode(&v, record, 48);
    assert_in_range(size, 1, 48);
    assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind, &back,
                                           &key), ONSITE_OK);
    assert_int_equal(back.visits, 3);
    assert_int_equal(onsite_visitor_encode(&v, record, 8), 0);
    assert_int_equal(onsite_visitor_encode(&v, record, 0), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(typical_record_is_small),
        cmocka_unit_test(extremes_come_back),
        cmocka_unit_test(prices_come_back_exactly),
        cmocka_unit_test(resting_changes_nothing),
        cmocka_unit_test(pending_keeps_its_properties),
        cmocka_unit_test(wake_is_read_alone),
        cmocka_unit_test(links_lead_elsewhere),
        cmocka_unit_test(links_of_a_session_say_so),
        cmocka_unit_test(last_seen_is_read_alone),
        cmocka_unit_test(versions_read_each_other),
        cmocka_unit_test(bounds_hold_when_reading),
        cmocka_unit_test(malformed_elements_are_corrupt),
        cmocka_unit_test(any_bytes_do_no_harm),
        cmocka_unit_test(full_lists_come_back),
        cmocka_unit_test(too_much_keeps_what_is_over),
        cmocka_unit_test(too_much_leaves_out_the_oldest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
