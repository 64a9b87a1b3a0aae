/*
 * test_visitor_merge.c - it does not matter who is merged into whom: on random
 * pairs the records are the same to the byte.
 */

#include "unit.h"

#include "onsite_cart.h"
#include "onsite_visitor_codec.h"

#define NOW      ((onsite_ms_t) 1790000000000)
#define TIMEOUT  (30 * ONSITE_MINUTE)

typedef struct {
    size_t   size;
    uint8_t  bytes[ONSITE_RECORD_BYTES_MAX];
} record_t;


static onsite_str_t
one_of(dice_t *dice, const char *const *texts, uint32_t n)
{
    const char  *text = texts[roll(dice, n)];

    return onsite_str(text, strlen(text));
}


static void
random_past(dice_t *dice, onsite_visitor_t *v)
{
    uint32_t        i, n = roll(dice, 30);
    onsite_ms_t     now = NOW - roll(dice, 3) * (ONSITE_DAY / 2);
    onsite_event_t  event;

    static const char *const  names[] = {
        "Page Viewed", "Product Viewed", "Signed In", "of our own", "a", "b",
        "Order Completed"
    };

    for (i = 0; i < n; i++) {
        now += roll(dice, 10) == 0 ? roll(dice, 5000000) : roll(dice, 90000);
        event = (onsite_event_t) {
            .name = one_of(dice, names, 7),
            .properties = { .type = ONSITE_OBJECT },
            .received = now, .time = now - roll(dice, 2) * roll(dice, 100000),
            .live = true
        };
        event.user_id = roll(dice, 20) != 0 ? onsite_str(NULL, 0)
                        : ONSITE_STR("u2");
        onsite_visitor_apply(v, &event, TIMEOUT);
    }
}


static void
random_shown(dice_t *dice, onsite_visitor_t *v)
{
    uint32_t            i, n = roll(dice, 8);
    onsite_exposure_t  *e;

    for (i = 0; i < n; i++) {
        e = onsite_visitor_exposure_add(v, roll(dice, 10));
        e->total = roll(dice, 4);
        e->window = roll(dice, 3);
        e->last = roll(dice, 3) == 0 ? 0
                  : v->last_seen - roll(dice, 4) * ONSITE_HOUR;
        e->variant = (uint8_t) roll(dice, 3);
        e->variant_hash = e->variant * 77;
        e->holdout = e->variant == 0 && roll(dice, 2) == 0;
        e->happened = (uint8_t) roll(dice, 8);
        e->session = roll(dice, v->visits + 1);
    }

    n = roll(dice, 4);

    for (i = 0; i < n; i++) {
        v->pending[v->n_pending++] = (onsite_pending_t) {
            .campaign = 3 * i + roll(dice, 3), .waits = roll(dice, 2),
            .fired = v->last_seen - (n - i) * ONSITE_SECOND,
            .event = ONSITE_STR("Page Viewed"),
            .properties = { .type = ONSITE_OBJECT } };
    }
}


static void
random_places(dice_t *dice, onsite_visitor_t *v)
{
    uint32_t            i, k, n = roll(dice, 6);
    onsite_ms_t         time = v->last_seen - ONSITE_HOUR;
    onsite_progress_t  *p;

    for (i = 0; i < n; i++) {
        v->standings[v->n_standings++] = (onsite_standing_t) {
            i * 3 + roll(dice, 3), roll(dice, 3),
            time + i * roll(dice, 2) };
    }

    n = roll(dice, 6);

    for (i = 0; i < n; i++) {
        p = &v->progress[v->n_progress++];
        p->trigger = 2 * i + roll(dice, 2);
        p->starts = p->trigger % 3 == 0;
        p->session = roll(dice, v->visits + 1);
        p->n = (uint8_t) (1 + roll(dice, ONSITE_PROGRESS_TIMES_MAX - 1));

        for (k = 0; k < p->n; k++) {
            p->times[k] = !p->starts ? time + k * 1000 + roll(dice, 900)
                          : roll(dice, 3) == 0 ? 0 : time - k * roll(dice, 9);
        }
    }

    n = roll(dice, ONSITE_MESSAGES_MAX + 1);

    for (i = 0; i < n; i++) {
        v->messages[v->n_messages++] = i * 3 + roll(dice, 3);
    }
}


static void
random_interest(dice_t *dice, onsite_visitor_t *v)
{
    uint32_t         i, n = roll(dice, ONSITE_TOUCHES_MAX + 1);
    onsite_ms_t      time = v->last_seen - ONSITE_DAY;
    onsite_touch_t  *touch;

    static const char *const  sources[] = { "google", "newsletter", "bing" };
    static const char *const  values[] = {
        "shoes", "hats", "bags", "coats", "belts", "socks", "gloves", "rings",
        "scarves", "shirts"
    };

    for (i = 0; i < n; i++) {
        touch = &v->touches[v->n_touches++];
        memset(touch, 0, sizeof(*touch));
        touch->time = time + i * ONSITE_MINUTE + roll(dice, 2);
        touch->source = one_of(dice, sources, 3);
        touch->medium = ONSITE_STR("cpc");
    }

    if (n != 0) {
        v->first_touch = v->touches[0];
    }

    n = roll(dice, 9);
    v->affinity_at = n != 0 ? time + roll(dice, 2) * ONSITE_HOUR : 0;

    for (i = 0; i < n; i++) {
        v->affinities[v->n_affinities++] = (onsite_affinity_t) {
            i / 5, (float) (20 - i), onsite_str(values[i], strlen(values[i]))
        };
    }
}


static onsite_cart_line_t *
line_of(onsite_visitor_t *v, onsite_str_t sku)
{
    uint32_t  i;

    for (i = 0; i < v->n_cart; i++) {
        if (onsite_str_eq(v->cart[i].sku, sku)) {
            return &v->cart[i];
        }
    }

    v->cart[v->n_cart++].sku = sku;

    return &v->cart[i];
}


static void
random_cart(dice_t *dice, onsite_visitor_t *v)
{
    uint32_t             i, n = roll(dice, 5);
    onsite_cart_line_t  *line;

    static const char *const  skus[] = { "s1", "s2", "s3", "s4", "s5" };

    for (i = 0; i < n; i++) {
        line = line_of(v, one_of(dice, skus, 5));
        line->quantity = 1 + roll(dice, 4);
        line->price = 0.25 * roll(dice, 100);
    }
}


static void
random_record(dice_t *dice, onsite_value_t *traits, record_t *record)
{
    onsite_visitor_t  v;

    onsite_visitor_init(&v);
    random_past(dice, &v);
    random_shown(dice, &v);
    random_places(dice, &v);
    random_interest(dice, &v);
    random_cart(dice, &v);
    v.session_only = roll(dice, 2);

    if (roll(dice, 2) != 0) {
        v.traits = *traits;
    }

    record->size = onsite_visitor_encode(&v, record->bytes,
                                         sizeof(record->bytes));
    assert_int_not_equal(record->size, 0);
}


static void
read_record(onsite_arena_t *arena, const record_t *record,
    onsite_visitor_t *v)
{
    onsite_key_t          link;
    onsite_record_kind_t  kind;

    assert_int_equal(onsite_visitor_decode(arena, record->bytes, record->size,
                                           &kind, v, &link), ONSITE_OK);
    assert_int_equal(kind, ONSITE_RECORD_VISITOR);
}


static void
merged(onsite_arena_t *arena, const record_t *into, const record_t *from,
    record_t *out)
{
    onsite_visitor_t  v, other;

    read_record(arena, into, &v);
    read_record(arena, from, &other);
    onsite_visitor_merge(&v, &other, TIMEOUT);
    out->size = onsite_visitor_encode(&v, out->bytes, sizeof(out->bytes));
    assert_int_not_equal(out->size, 0);
}


static void
assert_records_equal(const record_t *a, const record_t *b)
{
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->bytes, b->bytes, a->size);
}


static void
it_does_not_matter_who_into_whom(void **state)
{
    int               i, k;
    dice_t            dice = { 424242 };
    record_t          a, b, ab, ba;
    onsite_arena_t   *arena = onsite_arena_create(1 << 14, 1 << 20);
    onsite_value_t    traits[2];
    onsite_member_t   member[2];

    (void) state;

    for (k = 0; k < 2; k++) {
        member[k] = (onsite_member_t) {
            ONSITE_STR("plan"), onsite_value_number(k) };
        traits[k] = (onsite_value_t) { .type = ONSITE_OBJECT, .len = 1,
                                       .as.members = &member[k] };
    }

    for (i = 0; i < 20000; i++) {
        random_record(&dice, &traits[0], &a);
        random_record(&dice, &traits[1], &b);
        merged(arena, &a, &b, &ab);
        merged(arena, &b, &a, &ba);
        assert_records_equal(&ab, &ba);
        onsite_arena_reset(arena);
    }

    onsite_arena_destroy(arena);
}


/* Nothing is lost or gained by one who was never seen. */

static void
nobody_changes_nothing(void **state)
{
    int               i;
    dice_t            dice = { 31337 };
    record_t          a, nobody, sorted, again;
    onsite_arena_t   *arena = onsite_arena_create(1 << 14, 1 << 20);
    onsite_value_t    traits = { .type = ONSITE_ABSENT };
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);
    nobody.size = onsite_visitor_encode(&v, nobody.bytes,
                                        sizeof(nobody.bytes));

    for (i = 0; i < 2000; i++) {
        random_record(&dice, &traits, &a);
        merged(arena, &a, &nobody, &sorted);
        merged(arena, &sorted, &nobody, &again);
        assert_records_equal(&sorted, &again);
        merged(arena, &nobody, &a, &again);
        assert_records_equal(&sorted, &again);
        onsite_arena_reset(arena);
    }

    onsite_arena_destroy(arena);
}


/* What is no sum can come twice. */

static void
only_sums_mind_being_merged_twice(void **state)
{
    int               i;
    dice_t            dice = { 777 };
    record_t          a, b, once, twice;
    onsite_arena_t   *arena = onsite_arena_create(1 << 14, 1 << 20);
    onsite_value_t    traits = { .type = ONSITE_ABSENT };
    onsite_visitor_t  x, y;

    (void) state;

    for (i = 0; i < 2000; i++) {
        random_record(&dice, &traits, &a);
        random_record(&dice, &traits, &b);
        merged(arena, &a, &b, &once);
        merged(arena, &once, &b, &twice);
        read_record(arena, &once, &x);
        read_record(arena, &twice, &y);

        assert_int_equal(x.first_seen, y.first_seen);
        assert_int_equal(x.last_seen, y.last_seen);
        assert_int_equal(x.identified, y.identified);
        assert_int_equal(x.session_only, y.session_only);
        assert_int_equal(x.n_counters, y.n_counters);
        assert_int_equal(x.n_exposures, y.n_exposures);
        assert_int_equal(x.n_touches, y.n_touches);
        assert_int_equal(x.first_touch.time, y.first_touch.time);
        assert_int_equal(x.n_standings, y.n_standings);
        assert_memory_equal(x.standings, y.standings,
                            x.n_standings * sizeof(x.standings[0]));
        assert_int_equal(onsite_visitor_cart_items(&x),
                         onsite_visitor_cart_items(&y));
        onsite_arena_reset(arena);
    }

    onsite_arena_destroy(arena);
}


static void
verified_goes_before_all(void **state)
{
    int               swapped;
    onsite_member_t   members[2];
    onsite_visitor_t  device, customer, *a, *b;

    (void) state;

    for (swapped = 0; swapped < 2; swapped++) {
        onsite_visitor_init(&device);
        onsite_visitor_init(&customer);
        members[0] = (onsite_member_t) {
            ONSITE_STR("plan"), onsite_value_number(0) };
        members[1] = (onsite_member_t) {
            ONSITE_STR("plan"), onsite_value_number(1) };

        device.last_seen = NOW;
        device.identified = true;
        device.user_id = ONSITE_STR("says who");
        device.wake = NOW + 1;
        device.traits = (onsite_value_t) { .type = ONSITE_OBJECT, .len = 1,
                                           .as.members = &members[0] };
        *onsite_visitor_exposure_add(&device, 5) = (onsite_exposure_t) {
            .campaign = 5, .variant = 2, .variant_hash = 22, .total = 1,
            .last = NOW };

        customer.last_seen = NOW - ONSITE_DAY;
        customer.identified = true;
        customer.verified = true;
        customer.user_id = ONSITE_STR("u1");
        customer.wake = NOW + 2;
        customer.traits = (onsite_value_t) { .type = ONSITE_OBJECT, .len = 1,
                                             .as.members = &members[1] };
        *onsite_visitor_exposure_add(&customer, 5) = (onsite_exposure_t) {
            .campaign = 5, .variant = 1, .variant_hash = 11, .total = 3,
            .last = NOW - ONSITE_DAY };

        a = swapped ? &device : &customer;
        b = swapped ? &customer : &device;
        onsite_visitor_merge(a, b, TIMEOUT);

        assert_true(a->verified);
        assert_true(onsite_str_eq(a->user_id, ONSITE_STR("u1")));
        assert_ptr_equal(a->traits.as.members, &members[1]);
        assert_int_equal(a->exposures[0].variant, 1);
        assert_int_equal(a->exposures[0].variant_hash, 11);
        assert_int_equal(a->exposures[0].total, 3);
        assert_int_equal(a->exposures[0].last, NOW);
        assert_int_equal(a->wake, NOW + (swapped ? 1 : 2));
    }
}


/* Should it ever come to it: nobody's record becomes another's. */

static void
two_customers_stay_who_they_are(void **state)
{
    int               swapped;
    onsite_visitor_t  one, two, *a, *b;

    (void) state;

    for (swapped = 0; swapped < 2; swapped++) {
        onsite_visitor_init(&one);
        onsite_visitor_init(&two);
        one.verified = two.verified = true;
        one.last_seen = NOW;
        two.last_seen = NOW + 1;
        one.user_id = ONSITE_STR("u1");
        two.user_id = ONSITE_STR("u2");
        a = swapped ? &two : &one;
        b = swapped ? &one : &two;
        onsite_visitor_merge(a, b, TIMEOUT);
        assert_true(onsite_str_eq(a->user_id, swapped ? ONSITE_STR("u2")
                                                      : ONSITE_STR("u1")));
    }
}


/* A sequence's starts are no matches: each position keeps its latest. */

static void
sequences_keep_the_latest_start(void **state)
{
    onsite_visitor_t  a, b;

    (void) state;

    onsite_visitor_init(&a);
    onsite_visitor_init(&b);
    a.n_progress = b.n_progress = 1;
    a.progress[0] = (onsite_progress_t) { .trigger = 1, .starts = true,
        .n = 1, .times = { NOW } };
    b.progress[0] = (onsite_progress_t) { .trigger = 1, .starts = true,
        .n = 3, .times = { NOW + 5, 0, NOW - 7 } };
    onsite_visitor_merge(&a, &b, TIMEOUT);
    assert_int_equal(a.n_progress, 1);
    assert_int_equal(a.progress[0].n, 3);
    assert_int_equal(a.progress[0].times[0], NOW + 5);
    assert_int_equal(a.progress[0].times[1], 0);
    assert_int_equal(a.progress[0].times[2], NOW - 7);
}


/* A journey that went on on one device goes on from there. */

static void
the_furthest_moved_goes_on(void **state)
{
    uint32_t          i;
    onsite_visitor_t  a, b;

    (void) state;

    onsite_visitor_init(&a);
    onsite_visitor_init(&b);
    a.n_standings = b.n_standings = ONSITE_STANDINGS_MAX;

    for (i = 0; i < ONSITE_STANDINGS_MAX; i++) {
        a.standings[i] = (onsite_standing_t) { i, 1, NOW + 2 * i };
        b.standings[i] = (onsite_standing_t) { i + 1, 2, NOW + 2 * i + 1 };
    }

    onsite_visitor_merge(&a, &b, TIMEOUT);
    assert_int_equal(a.n_standings, ONSITE_STANDINGS_MAX);

    for (i = 0; i + 1 < ONSITE_STANDINGS_MAX; i++) {
        assert_int_equal(a.standings[i].machine, i + 1);
        assert_int_equal(a.standings[i].state, 1);
    }

    assert_int_equal(a.standings[63].machine, 64);
    assert_int_equal(a.standings[63].state, 2);
}


/* Fired by a timer on a device whose session is over: it waits on. */

static void
what_waits_waits_on(void **state)
{
    onsite_visitor_t  a, b;

    (void) state;

    onsite_visitor_init(&a);
    onsite_visitor_init(&b);
    a.session = (onsite_session_t) { NOW - ONSITE_DAY, NOW - ONSITE_DAY, 1, 1 };
    a.visits = b.visits = 1;
    b.session = (onsite_session_t) { NOW, NOW, 1, 1 };
    a.n_pending = 2;
    a.pending[0] = (onsite_pending_t) { .campaign = 1, .fired = NOW - 9 };
    a.pending[1] = (onsite_pending_t) { .campaign = 2, .fired = NOW - 8,
                                        .waits = true };
    onsite_visitor_merge(&a, &b, TIMEOUT);
    assert_int_equal(a.n_pending, 1);
    assert_int_equal(a.pending[0].campaign, 2);
    assert_true(a.pending[0].waits);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(it_does_not_matter_who_into_whom),
        cmocka_unit_test(nobody_changes_nothing),
        cmocka_unit_test(only_sums_mind_being_merged_twice),
        cmocka_unit_test(verified_goes_before_all),
        cmocka_unit_test(two_customers_stay_who_they_are),
        cmocka_unit_test(sequences_keep_the_latest_start),
        cmocka_unit_test(the_furthest_moved_goes_on),
        cmocka_unit_test(what_waits_waits_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
