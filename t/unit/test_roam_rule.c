/*
 * test_roam_rule.c - which of two records counts: ours that changed, and of a
 * visitor met for the first time, against what a bucket has.
 */

#include "unit.h"
#include "roam_rule.h"

#include "onsite_limits.h"

#define NOW  ((onsite_ms_t) 1700000000000)


/* "v10-20": a visitor from NOW + 10 to NOW + 20; "l7": a link to 7, "t5" a
 * tombstone of NOW + 5; "-" none, "?" damaged, "+" later; "b" before: brief. */

static roam_record_t
record_of(const char *text)
{
    long           first = 0, last = 0;
    roam_record_t  r = { .kind = ROAM_NOTHING };

    r.brief = *text == 'b';
    text += r.brief;

    (void) sscanf(text + 1, "%ld-%ld", &first, &last);

    r.kind = *text == 'v' ? ROAM_VISITOR : *text == 'l' ? ROAM_LINK
             : *text == 't' ? ROAM_TOMBSTONE : *text == '?' ? ROAM_DAMAGED
             : *text == '+' ? ROAM_LATER : ROAM_NOTHING;
    r.first = NOW + first;
    r.last = NOW + (r.kind == ROAM_TOMBSTONE ? first : last);
    r.target.bytes[0] = r.kind == ROAM_LINK ? (uint8_t) first : 0;

    return r;
}


static void
ours_that_changed(void **data)
{
    size_t         i;
    roam_record_t  ours, theirs;

    static const struct {
        const char  *ours;
        const char  *theirs;
        roam_put_t   rule;
    } cases[] = {
        { "v1-5", "-", ROAM_PUT }, { "v1-5", "?", ROAM_PUT },
        { "v1-5", "+", ROAM_KEEP }, { "v1-5", "v1-4", ROAM_PUT },
        { "v1-5", "v9-5", ROAM_PUT }, { "v1-5", "v1-6", ROAM_KEEP },
        { "v1-5", "l7-1", ROAM_KEEP },
        { "v1-5", "t1", ROAM_BURY }, { "v2-5", "t1", ROAM_PUT },
        { "v2-9", "t5", ROAM_BURY },

        { "l7-1", "-", ROAM_PUT }, { "l7-1", "v1-9", ROAM_PUT },
        { "l7-1", "l7-0", ROAM_KEEP }, { "l7-1", "l7-9", ROAM_KEEP },
        { "l7-700000000", "l7-0", ROAM_PUT },
        { "l7-2", "l8-1", ROAM_PUT }, { "l7-1", "l8-2", ROAM_KEEP },
        { "l7-9", "t5", ROAM_BURY }, { "l7-9", "+", ROAM_KEEP },

        { "t5", "-", ROAM_PUT }, { "t5", "v1-9", ROAM_PUT },
        { "t5", "v5-9", ROAM_PUT }, { "t5", "v6-9", ROAM_KEEP },
        { "t5", "l7-9", ROAM_PUT }, { "t5", "t4", ROAM_PUT },
        { "t5", "t5", ROAM_KEEP }, { "t5", "t6", ROAM_KEEP },
        { "t5", "+", ROAM_KEEP }, { "t5", "?", ROAM_PUT },

        { "bv1-5", "-", ROAM_KEEP }, { "bv1-5", "v1-4", ROAM_RETRACT },
        { "bv1-5", "v1-9", ROAM_RETRACT }, { "bl7-5", "l7-9", ROAM_RETRACT },
        { "bv1-5", "t9", ROAM_KEEP }, { "bv1-5", "?", ROAM_KEEP },
        { "bv1-5", "+", ROAM_KEEP },

        { "-", "v1-5", ROAM_KEEP }, { "?", "v1-5", ROAM_KEEP },
        { "+", "-", ROAM_KEEP }
    };

    (void) data;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ours = record_of(cases[i].ours);
        theirs = record_of(cases[i].theirs);

        if (roam_put_rule(&ours, &theirs) != cases[i].rule) {
            fail_msg("%s, %s: %d", cases[i].ours, cases[i].theirs,
                     (int) roam_put_rule(&ours, &theirs));
        }
    }
}


static void
ours_that_is_wanted(void **data)
{
    size_t         i;
    roam_record_t  ours, theirs;

    static const struct {
        const char   *ours;
        const char   *theirs;
        roam_take_t   rule;
    } cases[] = {
        { "v1-5", "v1-4", ROAM_TAKE_MERGE },
        { "v1-5", "v7-9", ROAM_TAKE_MERGE },
        { "v1-5", "l7-1", ROAM_TAKE_LINK },
        { "v1-5", "t1", ROAM_TAKE_BURY }, { "v9-9", "t1", ROAM_TAKE_BURY },
        { "v1-5", "-", ROAM_TAKE_NOTHING }, { "v1-5", "?", ROAM_TAKE_NOTHING },
        { "v1-5", "+", ROAM_TAKE_NOTHING },
        { "v1-5", "bv1-4", ROAM_TAKE_NOTHING },
        { "l7-5", "v1-4", ROAM_TAKE_CARRY },
        { "l7-5", "l8-9", ROAM_TAKE_NOTHING },
        { "l7-5", "t1", ROAM_TAKE_BURY },
        { "bv1-5", "v1-4", ROAM_TAKE_NOTHING },
        { "bv1-5", "t9", ROAM_TAKE_NOTHING },
        { "-", "v1-5", ROAM_TAKE_NOTHING }, { "t3", "v1-5", ROAM_TAKE_NOTHING },
        { "?", "v1-5", ROAM_TAKE_NOTHING }, { "+", "t1", ROAM_TAKE_NOTHING }
    };

    (void) data;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ours = record_of(cases[i].ours);
        theirs = record_of(cases[i].theirs);

        if (roam_take_rule(&ours, &theirs) != cases[i].rule) {
            fail_msg("%s, %s: %d", cases[i].ours, cases[i].theirs,
                     (int) roam_take_rule(&ours, &theirs));
        }
    }
}


static void
look(const char *bytes, size_t size, onsite_ms_t now, roam_record_t *r)
{
    onsite_arena_t    *arena = onsite_arena_create(4096, 1 << 16);
    onsite_visitor_t  *v = malloc(sizeof(onsite_visitor_t));

    roam_look(arena, v, onsite_str(bytes, size), now, r);
    free(v);
    onsite_arena_destroy(arena);
}


static void
what_bytes_are(void **data)
{
    char               bytes[ONSITE_RECORD_BYTES_MAX + 1] = { 0 };
    size_t             i, size;
    onsite_key_t       key = { { 7 } };
    roam_record_t      r;
    onsite_visitor_t  *v = malloc(sizeof(onsite_visitor_t));

    (void) data;

    onsite_visitor_init(v);
    v->first_seen = NOW;
    v->last_seen = NOW + 5;
    v->session_only = true;
    size = onsite_visitor_encode(v, bytes, sizeof(bytes));
    free(v);
    look(bytes, size, NOW, &r);
    assert_int_equal(r.kind, ROAM_VISITOR);
    assert_true(r.first == NOW && r.last == NOW + 5 && r.brief);

    for (i = 1; i < size; i++) {
        look(bytes, i, NOW, &r);
        assert_int_equal(r.kind, ROAM_DAMAGED);
    }

    size = onsite_link_encode(&key, NOW, false, ONSITE_STR("x"), bytes,
                              sizeof(bytes));
    look(bytes, size, NOW, &r);
    assert_int_equal(r.kind, ROAM_LINK);
    assert_true(r.last == NOW && !r.brief && r.target.bytes[0] == 7);

    size = onsite_tombstone_encode(NOW, bytes, sizeof(bytes));
    look(bytes, size, NOW - 5, &r);
    assert_int_equal(r.kind, ROAM_TOMBSTONE);
    look(bytes, size, NOW + ONSITE_TOMBSTONE_TTL, &r);
    assert_int_equal(r.kind, ROAM_TOMBSTONE);
    look(bytes, size, NOW + ONSITE_TOMBSTONE_TTL + 1, &r);
    assert_int_equal(r.kind, ROAM_NOTHING);

    look("", 0, NOW, &r);
    assert_int_equal(r.kind, ROAM_NOTHING);
    look(bytes, sizeof(bytes), NOW, &r);
    assert_int_equal(r.kind, ROAM_DAMAGED);
    look("\x93\x07\x01\x00", 4, NOW, &r);
    assert_int_equal(r.kind, ROAM_LATER);
    assert_false(roam_is_buried(&r, INT64_MAX));
}


static roam_kind_t
kind_of(const char *bytes, size_t size)
{
    roam_record_t      r;
    onsite_arena_t    *arena = onsite_arena_create(4096, 1 << 16);
    onsite_visitor_t  *v = malloc(sizeof(onsite_visitor_t));

    assert_int_not_equal(size, 0);
    roam_look_theirs(arena, v, onsite_str(bytes, size), NOW, &r);
    free(v);
    onsite_arena_destroy(arena);

    return r.kind;
}


static roam_kind_t
kind_of_visitor(const onsite_visitor_t *v)
{
    char  bytes[ONSITE_RECORD_BYTES_MAX];

    return kind_of(bytes, onsite_visitor_encode(v, bytes, sizeof(bytes)));
}


/* A clock that is a day ahead is borne, no more: of every time in it. */

static void
times_ahead(void **data)
{
    size_t             i;
    onsite_visitor_t  *v = malloc(sizeof(onsite_visitor_t));
    onsite_ms_t       *times[] = {
        &v->first_seen, &v->last_seen, &v->session.start, &v->session.last,
        &v->affinity_at, &v->first_touch.time, &v->exposures[0].last,
        &v->progress[0].times[0], &v->pending[0].fired, &v->armed[0].fired,
        &v->standings[0].since, &v->touches[0].time
    };

    (void) data;

    onsite_visitor_init(v);
    v->n_exposures = v->n_progress = v->n_pending = v->n_armed = 1;
    v->n_standings = v->n_touches = v->n_affinities = 1;
    v->exposures[0] = (onsite_exposure_t) { .campaign = 1, .total = 1 };
    v->progress[0] = (onsite_progress_t) { .trigger = 1, .n = 1 };
    v->pending[0] = (onsite_pending_t) { .campaign = 1,
                                         .event = ONSITE_STR("x") };
    v->armed[0] = v->pending[0];
    v->standings[0] = (onsite_standing_t) { .machine = 1, .state = 1 };
    v->touches[0] = (onsite_touch_t) { .source = ONSITE_STR("x") };
    v->first_touch = v->touches[0];
    v->affinities[0] = (onsite_affinity_t) { .attribute = 1, .score = 1,
                                             .value = ONSITE_STR("x") };

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        *times[i] = NOW;
    }

    assert_int_equal(kind_of_visitor(v), ROAM_VISITOR);

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        *times[i] = NOW + ONSITE_DAY;
        assert_int_equal(kind_of_visitor(v), ROAM_VISITOR);
        *times[i] = NOW + ONSITE_DAY + 1;
        assert_int_equal(kind_of_visitor(v), ROAM_DAMAGED);
        *times[i] = INT64_MAX - NOW;
        assert_int_equal(kind_of_visitor(v), ROAM_DAMAGED);
        *times[i] = -1;
        assert_int_equal(kind_of_visitor(v), ROAM_DAMAGED);
        *times[i] = NOW;
    }

    free(v);
}


static void
links_and_tombstones_ahead(void **data)
{
    int           i;
    char          bytes[64];
    size_t        size;
    onsite_key_t  key = { { 7 } };
    onsite_ms_t   when;

    (void) data;

    for (i = 0; i < 4; i++) {
        when = NOW + ONSITE_DAY + i % 2;
        size = i < 2 ? onsite_link_encode(&key, when, false,
                                          onsite_str(NULL, 0), bytes,
                                          sizeof(bytes))
               : onsite_tombstone_encode(when, bytes, sizeof(bytes));
        assert_int_equal(kind_of(bytes, size), i % 2 != 0 ? ROAM_DAMAGED
                         : i < 2 ? ROAM_LINK : ROAM_TOMBSTONE);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(ours_that_changed),
        cmocka_unit_test(ours_that_is_wanted),
        cmocka_unit_test(times_ahead),
        cmocka_unit_test(links_and_tombstones_ahead),
        cmocka_unit_test(what_bytes_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
