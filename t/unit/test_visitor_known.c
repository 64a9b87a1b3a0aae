/*
 * test_visitor_known.c - who the visitor is, where from, drawn to what, and
 * where in their journeys: what goes into a record comes out of it, and small.
 */

#include "unit.h"

#include "onsite_cursor.h"
#include "onsite_visitor_codec.h"

#define NOW  ((onsite_ms_t) 1790000000000)

/* What the elements before messages take, all empty. */
#define EMPTY  "\x01\x00\x00\xc0\x00\x00\x90\x90\x90\x90\x90\x90"

static void
assert_texts_equal(onsite_str_t a, onsite_str_t b)
{
    assert_int_equal(a.len, b.len);

    if (a.len != 0) {
        assert_memory_equal(a.data, b.data, a.len);
    }
}


static void
assert_touches_equal(const onsite_touch_t *a, const onsite_touch_t *b)
{
    assert_int_equal(a->time, b->time);
    assert_texts_equal(a->source, b->source);
    assert_texts_equal(a->medium, b->medium);
    assert_texts_equal(a->campaign, b->campaign);
    assert_texts_equal(a->referrer, b->referrer);
    assert_texts_equal(a->click, b->click);
}


static void
assert_known_equal(const onsite_visitor_t *a, const onsite_visitor_t *b)
{
    uint32_t  i;

    assert_texts_equal(a->user_id, b->user_id);
    assert_int_equal(a->verified, b->verified);
    assert_int_equal(a->wake, b->wake);
    assert_int_equal(a->affinity_at, b->affinity_at);
    assert_int_equal(a->n_standings, b->n_standings);
    assert_int_equal(a->n_affinities, b->n_affinities);
    assert_int_equal(a->n_touches, b->n_touches);
    assert_int_equal(a->n_messages, b->n_messages);
    assert_touches_equal(&a->first_touch, &b->first_touch);

    for (i = 0; i < a->n_standings; i++) {
        assert_int_equal(a->standings[i].machine, b->standings[i].machine);
        assert_int_equal(a->standings[i].state, b->standings[i].state);
        assert_int_equal(a->standings[i].since, b->standings[i].since);
    }

    for (i = 0; i < a->n_affinities; i++) {
        assert_int_equal(a->affinities[i].attribute,
                         b->affinities[i].attribute);
        assert_memory_equal(&a->affinities[i].score, &b->affinities[i].score,
                            sizeof(float));
        assert_texts_equal(a->affinities[i].value, b->affinities[i].value);
    }

    for (i = 0; i < a->n_touches; i++) {
        assert_touches_equal(&a->touches[i], &b->touches[i]);
    }

    assert_memory_equal(a->messages, b->messages,
                        a->n_messages * sizeof(a->messages[0]));
}


/* Decodes bytes that lie in memory of just their size, for the sanitizer. */

static onsite_status_t
decode(onsite_arena_t *arena, const void *data, size_t size,
    onsite_record_kind_t *kind, onsite_visitor_t *v)
{
    void             *copy = malloc(size + (size == 0));
    uint8_t           again[2 * ONSITE_RECORD_BYTES_MAX];
    onsite_key_t      link;
    onsite_status_t   status;

    assert_non_null(copy);
    memcpy(copy, data, size);
    status = onsite_visitor_decode(arena, copy, size, kind, v, &link);
    (void) onsite_link_carried(copy, size);

    if (status == ONSITE_OK && *kind == ONSITE_RECORD_VISITOR) {
        (void) onsite_visitor_encode(v, again, sizeof(again));
    }

    free(copy);

    return status;
}


static void
assert_comes_back(const onsite_visitor_t *v, onsite_visitor_t *back)
{
    size_t                size;
    onsite_key_t          link;
    onsite_record_kind_t  kind;

    static uint8_t        record[ONSITE_RECORD_BYTES_MAX];

    size = onsite_visitor_encode(v, record, sizeof(record));
    assert_int_not_equal(size, 0);
    assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind, back,
                                           &link), ONSITE_OK);
    assert_int_equal(kind, ONSITE_RECORD_VISITOR);
    assert_known_equal(v, back);
}


static onsite_str_t
text(const char *s)
{
    return onsite_str(s, strlen(s));
}


static void
fill_touches(onsite_visitor_t *v)
{
    uint32_t  i;

    static const char *const  texts[][5] = {
        { "google", "cpc", "shoes-autumn-2026", "www.google.com", "gclid" },
        { "newsletter", "email", "week-41", "", "" },
        { "facebook", "social", "", "l.facebook.com", "fbclid" },
        { "google", "organic", "", "www.google.com", "" }
    };

    for (i = 0; i < 4; i++) {
        v->touches[v->n_touches++] = (onsite_touch_t) {
            .time = NOW - (int) (30 - 8 * i) * ONSITE_DAY,
            .source = text(texts[i][0]), .medium = text(texts[i][1]),
            .campaign = text(texts[i][2]), .referrer = text(texts[i][3]),
            .click = text(texts[i][4])
        };
    }

    v->first_touch = v->touches[0];
}


static void
fill_affinities(onsite_visitor_t *v)
{
    uint32_t  i;

    static const char *const  values[] = {
        "shoes", "jackets", "home-and-garden", "sale",
        "Nordwind", "Alder & Sons", "Kestrel", "Ovum"
    };

    v->affinity_at = NOW;

    for (i = 0; i < 8; i++) {
        v->affinities[v->n_affinities++] = (onsite_affinity_t) {
            .attribute = i < 4 ? 0xc5a7b3d1 : 0x92e1f00d,
            .score = 7.25f / (float) (i % 4 + 1), .value = text(values[i])
        };
    }
}


/* Five journeys, eight affinities, four touches, ten caps; and a session, a
 * cart, counters, duplicates to know, a timer. */

static void
well_known(onsite_visitor_t *v)
{
    uint32_t  i;

    static const char *const  names[] = {
        "Page Viewed", "Product Viewed", "Product Added", "Cart Viewed",
        "Signed In", "Order Completed", "Promotion Viewed", "Identify"
    };

    onsite_visitor_init(v);
    v->first_seen = NOW - 30 * ONSITE_DAY;
    v->last_seen = NOW;
    v->visits = 14;
    v->orders = 2;
    v->identified = true;
    v->session = (onsite_session_t) {
        .start = NOW - 7 * ONSITE_MINUTE - 17, .last = NOW, .pageviews = 6,
        .events = 14
    };

    for (i = 0; i < 8; i++) {
        v->counters[v->n_counters++] = (onsite_counter_t) {
            text(names[i]), 20 - i, 4 };
    }

    v->cart[v->n_cart++] = (onsite_cart_line_t) {
        ONSITE_STR("44600062"), 1, 35.79 };
    v->cart[v->n_cart++] = (onsite_cart_line_t) {
        ONSITE_STR("1004856"), 2, 489.07 };

    for (i = 0; i < 10; i++) {
        v->exposures[v->n_exposures++] = (onsite_exposure_t) {
            .campaign = 0x9abcdef0 + i, .total = 2, .window = 1,
            .last = NOW - ONSITE_DAY * (30 - (int) i), .variant = 1,
            .variant_hash = 0x811c9dc5, .session = 14 - i
        };
    }

    for (i = 0; i < 5; i++) {
        v->standings[v->n_standings++] = (onsite_standing_t) {
            0xdeadbe00 + i, 0xabcdef00 + i,
            NOW - (int) (5 - i) * 9 * ONSITE_HOUR
        };
    }

    fill_affinities(v);
    fill_touches(v);
    v->wake = NOW + 4 * ONSITE_HOUR;
}


static void
what_is_known_is_small(void **state)
{
    size_t            size;
    uint8_t           record[ONSITE_RECORD_BYTES_MAX];
    uint32_t          i;
    onsite_visitor_t  v, back;

    (void) state;

    well_known(&v);
    assert_comes_back(&v, &back);
    size = onsite_visitor_encode(&v, record, sizeof(record));
    print_message("5 journeys, 8 affinities, 4 touches, 10 caps: %zu bytes\n",
                  size);
    assert_in_range(size, 1, 599);

    for (i = 0; i < ONSITE_MESSAGES_MAX; i++) {
        v.messages[v.n_messages++] = 0x9e3779b9 * (i + 1);
    }

    assert_comes_back(&v, &back);
    assert_int_equal(onsite_visitor_encode(&v, record, sizeof(record)),
                     size + 2 + 4 * ONSITE_MESSAGES_MAX - 1);
}


/* Whoever uses none of it pays nothing for it. */

static void
what_is_not_known_takes_no_room(void **state)
{
    uint8_t           record[64];
    onsite_visitor_t  v;

    (void) state;

    onsite_visitor_init(&v);
    v.last_seen = 1;
    assert_int_equal(onsite_visitor_encode(&v, record, sizeof(record)), 8);
    assert_memory_equal(record, "\x97\x01\x01\x00\xc0\x00\x00\x90", 8);

    v.verified = true;
    assert_int_equal(onsite_visitor_encode(&v, record, sizeof(record)), 8);
    assert_int_equal(record[3], 8);
}


static onsite_str_t
random_text(dice_t *dice, uint32_t max)
{
    static const char *const  texts[] = {
        "", "google", "cpc", "none", "www.google.com", "week-41", "w",
        "0123456789012345678901234567890123456789012345678901234567890123"
        "0123456789012345678901234567890123456789012345678901234567890123"
    };
    const char               *s = texts[roll(dice, 8)];

    return onsite_str(s, strlen(s) < max ? strlen(s) : max);
}


static onsite_ms_t
random_time(dice_t *dice)
{
    switch (roll(dice, 5)) {

    case 0:
        return 0;

    case 1:
        return INT64_MIN + roll(dice, 2);

    case 2:
        return INT64_MAX - roll(dice, 2);

    default:
        return NOW - (onsite_ms_t) roll(dice, 1u << 31);
    }
}


static void
random_touch(dice_t *dice, onsite_touch_t *touch)
{
    touch->time = random_time(dice);
    touch->source = random_text(dice, ONSITE_TOUCH_TEXT_MAX);
    touch->medium = random_text(dice, ONSITE_TOUCH_TEXT_MAX);
    touch->campaign = random_text(dice, ONSITE_TOUCH_TEXT_MAX);
    touch->referrer = random_text(dice, ONSITE_TOUCH_TEXT_MAX);
    touch->click = random_text(dice, ONSITE_TOUCH_TEXT_MAX);
}


static void
random_known(dice_t *dice, onsite_visitor_t *v)
{
    uint32_t  i;

    onsite_visitor_init(v);
    v->last_seen = NOW;
    v->wake = random_time(dice);
    v->verified = roll(dice, 2);
    v->user_id = random_text(dice, ONSITE_USER_ID_MAX);
    v->n_standings = roll(dice, 8);
    v->n_affinities = roll(dice, 8);
    v->n_touches = roll(dice, ONSITE_TOUCHES_MAX + 1);
    v->n_messages = roll(dice, ONSITE_MESSAGES_MAX + 1);

    for (i = 0; i < v->n_standings; i++) {
        v->standings[i] = (onsite_standing_t) {
            roll(dice, UINT32_MAX), roll(dice, 300), random_time(dice) };
    }

    v->affinity_at = v->n_affinities != 0 ? random_time(dice) : 0;

    for (i = 0; i < v->n_affinities; i++) {
        v->affinities[i] = (onsite_affinity_t) {
            roll(dice, 3), (float) (roll(dice, 1000) + 1) / 7.0f,
            random_text(dice, ONSITE_AFFINITY_VALUE_MAX) };
    }

    for (i = 0; i < v->n_touches; i++) {
        random_touch(dice, &v->touches[i]);
    }

    for (i = 0; i < v->n_messages; i++) {
        v->messages[i] = roll(dice, UINT32_MAX);
    }

    if (roll(dice, 2) != 0) {
        random_touch(dice, &v->first_touch);

        if (v->first_touch.time == 0) {
            v->first_touch = (onsite_touch_t) { .time = 0 };

        } else if (v->n_touches != 0 && roll(dice, 2) != 0) {
            v->touches[0] = v->first_touch;
        }
    }
}


static void
all_of_it_comes_back(void **state)
{
    int               i;
    dice_t            dice = { 20260729 };
    onsite_visitor_t  v, back;

    (void) state;

    for (i = 0; i < 20000; i++) {
        random_known(&dice, &v);
        assert_comes_back(&v, &back);
    }
}


/* Starts of a sequence descend, and may be missing: a position costs a byte
 * or two, not nine. */

static void
sequences_come_back_small(void **state)
{
    size_t                size, one;
    uint8_t               record[ONSITE_RECORD_BYTES_MAX];
    uint32_t              i;
    dice_t                dice = { 7 };
    onsite_key_t          link;
    onsite_visitor_t      v, back;
    onsite_record_kind_t  kind;

    (void) state;

    onsite_visitor_init(&v);
    v.last_seen = NOW;
    v.visits = 1;
    v.n_progress = 1;
    v.progress[0] = (onsite_progress_t) { .trigger = 0xffffffff, .session = 1,
        .starts = true, .n = 1, .times = { NOW - 30 } };
    one = onsite_visitor_encode(&v, record, sizeof(record));

    v.progress[0] = (onsite_progress_t) {
        .trigger = 0xffffffff, .session = 1, .starts = true, .n = 7,
        .times = { NOW - 30, 0, NOW - 30, NOW - 61, 0, 0, NOW - 200 } };
    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_int_equal(size, one + 1 + 1 + 1 + 1 + 1 + 2);

    for (i = 0; i < 50000; i++) {
        v.progress[0].n = (uint8_t) roll(&dice, ONSITE_PROGRESS_TIMES_MAX + 1);

        for (one = 0; one < v.progress[0].n; one++) {
            v.progress[0].times[one] = roll(&dice, 3) == 0 ? 0
                : NOW - (int) roll(&dice, 100) + 30;
        }

        v.progress[0].starts = roll(&dice, 2);

        size = onsite_visitor_encode(&v, record, sizeof(record));
        assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind,
                                               &back, &link), ONSITE_OK);
        assert_int_equal(back.n_progress, 1);
        assert_int_equal(back.progress[0].n, v.progress[0].n);
        assert_int_equal(back.progress[0].starts, v.progress[0].starts);
        assert_memory_equal(back.progress[0].times, v.progress[0].times,
                            v.progress[0].n * sizeof(onsite_ms_t));
    }
}


static void
traits_come_back(void **state)
{
    char                  text512[512];
    size_t                size;
    uint8_t               record[ONSITE_RECORD_BYTES_MAX];
    onsite_buf_t          json;
    onsite_key_t          link;
    onsite_arena_t       *arena = onsite_arena_create(1024, 65536);
    onsite_member_t       members[4];
    onsite_visitor_t      v, back;
    onsite_record_kind_t  kind;

    (void) state;

    members[0] = (onsite_member_t) { ONSITE_STR("plan"),
        onsite_value_string(ONSITE_STR("gold")) };
    members[1] = (onsite_member_t) { ONSITE_STR("vip"),
        onsite_value_bool(true) };
    members[2] = (onsite_member_t) { ONSITE_STR("age"),
        onsite_value_number(-41) };
    members[3] = (onsite_member_t) { ONSITE_STR("score"),
        onsite_value_number(0.1) };

    onsite_visitor_init(&v);
    v.user_id = ONSITE_STR("u-7");
    v.traits = (onsite_value_t) { .type = ONSITE_OBJECT, .len = 4,
                                  .as.members = members };
    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_int_equal(decode(arena, record, size, &kind, &back), ONSITE_OK);
    assert_int_equal(onsite_visitor_decode(arena, record, size, &kind, &back,
                                           &link), ONSITE_OK);

    onsite_buf_init(&json, 0);
    onsite_value_write_json(&json, &back.traits);
    assert_texts_equal(onsite_str(json.data, json.len),
        ONSITE_STR("{\"plan\":\"gold\",\"vip\":true,\"age\":-41,"
                   "\"score\":0.1}"));
    onsite_buf_free(&json);

    /* without an arena they are not read, and over the bound not kept */

    assert_int_equal(decode(NULL, record, size, &kind, &back), ONSITE_OK);
    assert_int_equal(back.traits.type, ONSITE_ABSENT);

    memset(text512, 'x', sizeof(text512));
    members[0].value = onsite_value_string(onsite_str(text512, 512));
    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_int_equal(onsite_visitor_decode(arena, record, size, &kind, &back,
                                           &link), ONSITE_OK);
    assert_int_equal(back.traits.type, ONSITE_ABSENT);
    assert_texts_equal(back.user_id, v.user_id);

    onsite_arena_destroy(arena);
}


static void
waiting_is_remembered(void **state)
{
    onsite_visitor_t  v, back;

    (void) state;

    onsite_visitor_init(&v);
    v.last_seen = NOW;
    v.n_pending = 2;
    v.pending[0] = (onsite_pending_t) { .campaign = 1, .fired = NOW,
        .waits = true, .event = ONSITE_STR("Visitor Inactive"),
        .properties = { .type = ONSITE_OBJECT } };
    v.pending[1] = v.pending[0];
    v.pending[1].waits = false;
    assert_comes_back(&v, &back);
    assert_int_equal(back.n_pending, 2);
    assert_true(back.pending[0].waits);
    assert_false(back.pending[1].waits);
}


/* Never wake, verified, user_id and traits. */

static void
too_much_keeps_who_it_is(void **state)
{
    char                  values[ONSITE_AFFINITIES_MAX][64];
    size_t                size;
    uint8_t               record[ONSITE_RECORD_BYTES_MAX];
    uint32_t              i;
    onsite_key_t          link;
    onsite_visitor_t      v, back;
    onsite_record_kind_t  kind;

    (void) state;

    well_known(&v);
    v.verified = true;
    v.user_id = ONSITE_STR("u-7");
    v.n_messages = ONSITE_MESSAGES_MAX;
    memset(v.messages, 1, sizeof(v.messages));
    v.n_standings = ONSITE_STANDINGS_MAX;
    v.n_affinities = ONSITE_AFFINITIES_MAX;

    for (i = 0; i < ONSITE_STANDINGS_MAX; i++) {
        v.standings[i] = (onsite_standing_t) {
            UINT32_MAX, UINT32_MAX, NOW - 90 * ONSITE_DAY };
    }

    for (i = 0; i < ONSITE_AFFINITIES_MAX; i++) {
        memset(values[i], 'a' + (int) i % 26, sizeof(values[i]));
        v.affinities[i] = (onsite_affinity_t) {
            i / 8, (float) (100 - i), onsite_str(values[i], 64) };
    }

    /* all but the messages fits a record, and all of it comes back */

    assert_comes_back(&v, &back);

    size = onsite_visitor_encode(&v, record, 1500);
    assert_in_range(size, 1300, 1500);
    assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind, &back,
                                           &link), ONSITE_OK);
    assert_int_equal(back.n_messages, 0);
    assert_int_equal(back.n_exposures, 10);
    assert_in_range(back.n_affinities, 4, 20);
    assert_true(back.affinities[0].score == 100);
    assert_int_equal(back.affinities[back.n_affinities - 1].score,
                     101 - back.n_affinities);
    assert_int_equal(back.wake, v.wake);

    size = onsite_visitor_encode(&v, record, 64);
    assert_in_range(size, 30, 64);
    assert_int_equal(onsite_visitor_decode(NULL, record, size, &kind, &back,
                                           &link), ONSITE_OK);
    assert_int_equal(back.wake, v.wake);
    assert_true(back.verified);
    assert_texts_equal(back.user_id, v.user_id);
    assert_int_equal(onsite_visitor_encode(&v, record, 20), 0);
}


static void
full_lists_are_cut_at_their_oldest(void **state)
{
    uint8_t               record[ONSITE_RECORD_BYTES_MAX];
    uint32_t              i;
    onsite_key_t          link;
    onsite_writer_t       w = { record, 0, sizeof(record) };
    onsite_visitor_t      v;
    onsite_record_kind_t  kind;

    (void) state;

    onsite_write_array(&w, 16);
    onsite_write_bytes(&w, EMPTY, sizeof(EMPTY) - 1);
    onsite_write_bin(&w, onsite_str("0000111122223333444455556666777788889999"
                                    "aaaabbbbccccddddeeeeffff\1\2\3\4", 68));
    onsite_write_array(&w, 1 + 11 * 6);
    onsite_write_long(&w, 0);

    for (i = 0; i < 11; i++) {
        onsite_write_long(&w, i + 1);
        onsite_write_str(&w, onsite_str("0123456789a" + i, 1));
        onsite_write_long(&w, i == 0 ? 0 : -(int64_t) i);
        onsite_write_long(&w, 126);     /* a word of a later version */
        onsite_write_long(&w, 0);
        onsite_write_long(&w, 0);
    }

    onsite_write_array(&w, 3);
    onsite_write_nil(&w);
    onsite_write_long(&w, 7);
    onsite_write_array(&w, 2 * 40);

    for (i = 0; i < 40; i++) {
        onsite_write_str(&w, ONSITE_STR("v"));
        onsite_write_long(&w, 40 - i);
    }

    onsite_write_array(&w, 3 * 70);

    for (i = 0; i < 70; i++) {
        onsite_write_long(&w, i);
        onsite_write_long(&w, 1);
        onsite_write_long(&w, i == 0 ? -1000 : 1);
    }

    assert_int_equal(onsite_visitor_decode(NULL, record, w.len, &kind, &v,
                                           &link), ONSITE_OK);
    assert_int_equal(v.n_messages, ONSITE_MESSAGES_MAX);
    assert_int_equal(v.messages[15], 0x01020304);
    assert_int_equal(v.messages[0], 0x31313131);
    assert_int_equal(v.n_touches, ONSITE_TOUCHES_MAX);
    assert_texts_equal(v.touches[7].source, ONSITE_STR("a"));
    assert_texts_equal(v.touches[7].medium, ONSITE_STR("9"));
    assert_int_equal(v.touches[7].campaign.len, 0);
    assert_int_equal(v.n_affinities, ONSITE_AFFINITIES_MAX);
    assert_true(v.affinities[31].score == 9);
    assert_int_equal(v.n_standings, ONSITE_STANDINGS_MAX);
    assert_int_equal(v.standings[0].machine, 6);
    assert_int_equal(v.standings[63].since, 1000 + 69);
}


static void
malformed_parts_are_corrupt(void **state)
{
    size_t                i;
    uint8_t               record[512];
    onsite_arena_t       *arena = onsite_arena_create(1024, 65536);
    onsite_writer_t       w;
    onsite_visitor_t      v;
    onsite_record_kind_t  kind;

    static const struct {
        uint32_t     elements;
        size_t       len;
        const char  *last;
    } bad[] = {
        { 13, 5, "\xc4\x03zzz" },                   /* not 4 n             */
        { 13, 3, "\xa2zz" },                        /* a text              */
        { 14, 3, "\xc0\x91\x01" },                  /* first, but none     */
        { 14, 4, "\xc0\x92\x00\x00" },              /* not 6 n + 1         */
        { 14, 9, "\xc0\x97\x00\x01\xff\x00\x00\x00\x00" },
                                                    /* refers to nothing   */
        { 14, 9, "\xc0\x97\x00\x01\xc3\x00\x00\x00\x00" },
        { 15, 4, "\xc0\x90\x92\xc0" },              /* even                */
        { 15, 6, "\xc0\x90\x93\xc0\x01\x91" },      /* not pairs           */
        { 15, 8, "\xc0\x90\x93\xc0\x01\x92\xa0\x00" },    /* a score of 0  */
        { 15, 8, "\xc0\x90\x93\xc0\x01\x92\xa0\xff" },    /* below         */
        { 15, 12, "\xc0\x90\x93\xc0\x01\x92\xa0\xca\x7f\x80\0\0" },
        { 15, 12, "\xc0\x90\x93\xc0\x01\x92\xa0\xca\x7f\xc0\0\0" },
        { 16, 5, "\xc0\x90\x90\x91\x01" },          /* not 3 n             */
        { 17, 5, "\xc0\x90\x90\x90\xa0" },          /* a time              */
        { 18, 7, "\xc0\x90\x90\x90\xc0\x91\xa1" },  /* cut off             */
        { 18, 8, "\xc0\x90\x90\x90\xc0\x92\xa0\x90" },    /* no map        */
        { 18, 9, "\xc0\x90\x90\x90\xc0\x92\xa0\x81\x01" },
        { 18, 11, "\xc0\x90\x90\x90\xc0\x92\xa0\x81\xa1k\x90" },
        { 18, 11, "\xc0\x90\x90\x90\xc0\x92\xa0\x81\xa1k\xc0" },
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        w = (onsite_writer_t) { record, 0, sizeof(record) };
        onsite_write_array(&w, bad[i].elements);
        onsite_write_bytes(&w, EMPTY, sizeof(EMPTY) - 1);
        onsite_write_bytes(&w, bad[i].last, bad[i].len);

        if (decode(arena, record, w.len, &kind, &v) != ONSITE_CORRUPT) {
            fail_msg("malformed record %zu was read", i);
        }

        assert_int_equal(v.n_standings, 0);
        assert_int_equal(v.n_touches, 0);
    }

    onsite_arena_destroy(arena);
}


static void
any_bytes_do_no_harm(void **state)
{
    int                   i;
    size_t                size, k;
    dice_t                dice = { 99 };
    uint8_t               record[ONSITE_RECORD_BYTES_MAX], bytes[1024];
    onsite_arena_t       *arena = onsite_arena_create(4096, 1 << 20);
    onsite_visitor_t      v;
    onsite_record_kind_t  kind;

    (void) state;

    well_known(&v);
    v.user_id = ONSITE_STR("u");
    size = onsite_visitor_encode(&v, record, sizeof(record));
    assert_in_range(size, 1, sizeof(bytes));

    for (k = 0; k < size; k++) {
        assert_int_equal(decode(arena, record, k, &kind, &v), ONSITE_CORRUPT);
    }

    for (i = 0; i < 100000; i++) {
        memcpy(bytes, record, size);

        for (k = roll(&dice, 4) + 1; k > 0; k--) {
            bytes[roll(&dice, (uint32_t) size)] = (uint8_t) roll(&dice, 256);
        }

        (void) decode(arena, bytes, size, &kind, &v);
        onsite_arena_reset(arena);
    }

    onsite_arena_destroy(arena);
}


static void
tombstones_hold_nothing_else(void **state)
{
    bool                  session_only;
    size_t                size, i;
    uint8_t               record[64];
    onsite_visitor_t      v;
    onsite_record_kind_t  kind;

    (void) state;

    size = onsite_tombstone_encode(NOW, record, sizeof(record));
    assert_in_range(size, 3, 12);
    assert_int_equal(decode(NULL, record, size, &kind, &v), ONSITE_OK);
    assert_int_equal(kind, ONSITE_RECORD_TOMBSTONE);
    assert_int_equal(v.last_seen, 0);
    assert_int_equal(onsite_record_last_seen(record, size, &session_only),
                     NOW);
    assert_false(session_only);
    assert_int_equal(onsite_link_carried(record, size).len, 0);

    for (i = 0; i < size; i++) {
        assert_int_equal(decode(NULL, record, i, &kind, &v), ONSITE_CORRUPT);
        assert_int_equal(onsite_tombstone_encode(NOW, record, i), 0);
    }
}


static void
links_carry_a_record(void **state)
{
    bool                  session_only;
    size_t                size, whole, i;
    uint8_t               inner[ONSITE_RECORD_BYTES_MAX];
    uint8_t               record[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t          key = { { 5 } }, link;
    onsite_str_t          carried;
    onsite_visitor_t      v, back;
    onsite_record_kind_t  kind;

    (void) state;

    well_known(&v);
    size = onsite_visitor_encode(&v, inner, sizeof(inner));
    whole = onsite_link_encode(&key, NOW, true,
        onsite_str((const char *) inner, size), record, sizeof(record));
    assert_in_range(whole, size, size + ONSITE_LINK_OVERHEAD);

    assert_int_equal(onsite_visitor_decode(NULL, record, whole, &kind, &back,
                                           &link), ONSITE_OK);
    assert_int_equal(kind, ONSITE_RECORD_LINK);
    assert_memory_equal(&link, &key, sizeof(key));
    assert_int_equal(onsite_record_last_seen(record, whole, &session_only),
                     NOW);
    assert_true(session_only);

    carried = onsite_link_carried(record, whole);
    assert_int_equal(carried.len, size);
    assert_memory_equal(carried.data, inner, size);
    assert_ptr_equal(carried.data, record + whole - size);

    for (i = 0; i < whole; i++) {
        assert_int_equal(decode(NULL, record, i, &kind, &back),
                         ONSITE_CORRUPT);
    }

    /* the largest fits in what is left beside a link */

    assert_int_equal(onsite_link_encode(&key, NOW, true,
        onsite_str((const char *) inner, size), record, whole - 1), 0);
    assert_int_not_equal(onsite_link_encode(&key, INT64_MIN, true,
        onsite_str((const char *) inner,
                   ONSITE_RECORD_BYTES_MAX - ONSITE_LINK_OVERHEAD),
        record, sizeof(record)), 0);

    size = onsite_link_encode(&key, NOW, true, onsite_str(NULL, 0),
                              record, sizeof(record));
    assert_int_equal(onsite_link_carried(record, size).len, 0);
    assert_int_equal(onsite_link_carried(inner, 20).len, 0);
    assert_int_equal(onsite_link_carried("", 0).len, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_is_known_is_small),
        cmocka_unit_test(what_is_not_known_takes_no_room),
        cmocka_unit_test(all_of_it_comes_back),
        cmocka_unit_test(sequences_come_back_small),
        cmocka_unit_test(traits_come_back),
        cmocka_unit_test(waiting_is_remembered),
        cmocka_unit_test(too_much_keeps_who_it_is),
        cmocka_unit_test(full_lists_are_cut_at_their_oldest),
        cmocka_unit_test(malformed_parts_are_corrupt),
        cmocka_unit_test(any_bytes_do_no_harm),
        cmocka_unit_test(tombstones_hold_nothing_else),
        cmocka_unit_test(links_carry_a_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
