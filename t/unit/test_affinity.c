/*
 * test_affinity.c - what events add, how it decays, what is let go, merges,
 * and images that are refused.
 */

#include "values.h"

#include <math.h>

#include "onsite_affinity.h"
#include "onsite_attribute_interest.h"
#include "onsite_json.h"

#define NOW   ((onsite_ms_t) 1790000000000)
#define DAY   ONSITE_DAY

typedef struct {
    onsite_arena_t    *arena;
    onsite_json_t     *json;
    onsite_builder_t  *builder;
    onsite_image_t     image;
    onsite_visitor_t   visitor;
    onsite_visitor_t   other;
    onsite_tables_t    tables;
} fixture_t;


static onsite_image_str_t
name(fixture_t *f, const char *text)
{
    return onsite_builder_str(f->builder, onsite_str(text, strlen(text)));
}


/* A rule with Product Viewed 1 and Order Completed 5. */

static void
add_rule(fixture_t *f, onsite_ref_t rules, uint32_t i, const char *attribute,
    onsite_ms_t half_life)
{
    onsite_ref_t               ref;
    onsite_image_str_t         viewed, completed, own;
    onsite_affinity_rule_t    *rule;
    onsite_affinity_weight_t  *weights;

    viewed = name(f, "Product Viewed");
    completed = name(f, "Order Completed");
    own = name(f, attribute);
    ref = onsite_builder_alloc(f->builder, 2 * sizeof(*weights));

    weights = onsite_builder_at(f->builder, ref);
    weights[0].event = viewed;
    weights[0].weight = 1;
    weights[1].event = completed;
    weights[1].weight = 5;

    rule = onsite_builder_at(f->builder, rules);
    rule[i] = (onsite_affinity_rule_t) {
        .name = own, .property = own, .weights = ref, .n_weights = 2,
        .hash = onsite_affinity_hash(onsite_str(attribute,
                                                strlen(attribute))),
        .half_life_ms = half_life
    };
}


/* The header is written by finish; what it does not know of is put in here. */

static void
set_rules(fixture_t *f, onsite_ref_t rules, uint32_t n)
{
    onsite_image_header_t  *header;

    header = (onsite_image_header_t *) onsite_image_header(&f->image);
    header->affinities = rules;
    header->n_affinities = n;
    header->checksum = onsite_image_checksum(&f->image);
}


static int
set_up(void **state)
{
    fixture_t     *f = calloc(1, sizeof(fixture_t));
    onsite_ref_t   rules;

    assert_non_null(f);
    f->arena = onsite_arena_create(1 << 14, 1 << 22);
    f->json = onsite_json_create();
    f->builder = onsite_builder_create();

    rules = onsite_builder_alloc(f->builder,
                                 6 * sizeof(onsite_affinity_rule_t));
    add_rule(f, rules, 0, "category", 10 * DAY);
    add_rule(f, rules, 1, "brand", DAY);
    add_rule(f, rules, 2, "a3", DAY);
    add_rule(f, rules, 3, "a4", DAY);
    add_rule(f, rules, 4, "a5", DAY);
    add_rule(f, rules, 5, "a6", DAY);

    assert_int_equal(onsite_builder_finish(f->builder, ONSITE_STR("default"),
                                           NOW, &f->image, NULL), ONSITE_OK);
    set_rules(f, rules, 6);
    assert_int_equal(onsite_affinities_verify(&f->image, NULL), ONSITE_OK);

    onsite_visitor_init(&f->visitor);
    onsite_visitor_init(&f->other);
    *state = f;

    return 0;
}


static int
tear_down(void **state)
{
    fixture_t  *f = *state;

    onsite_builder_destroy(f->builder);
    onsite_json_destroy(f->json);
    onsite_arena_destroy(f->arena);
    free(f);

    return 0;
}


static void
happens_to(fixture_t *f, onsite_visitor_t *visitor, const char *event,
    const char *properties, onsite_ms_t time)
{
    onsite_event_t  e = {
        .name = onsite_str(event, strlen(event)),
        .properties = value_of(f->json, f->arena, properties),
        .received = time, .time = time, .live = true
    };

    onsite_affinity_event(&f->image, f->arena,
                          f->tables.product != NULL ? &f->tables : NULL,
                          visitor, &e);
}


static void
viewed(fixture_t *f, const char *properties, onsite_ms_t time)
{
    happens_to(f, &f->visitor, "Product Viewed", properties, time);
}


/* "category=shoes:0.75 …" with shares at now, in the record's order. */

static const char *
told(fixture_t *f, const onsite_visitor_t *v, onsite_ms_t now)
{
    static char  text[4096];
    size_t       len = 0;
    uint32_t     i;

    text[0] = '\0';

    for (i = 0; i < v->n_affinities; i++) {
        const onsite_affinity_t  *a = &v->affinities[i];

        len += (size_t) snprintf(text + len, sizeof(text) - len,
                                 "%s%.*s:%.3f", i != 0 ? " " : "",
                                 (int) a->value.len, a->value.data,
                                 onsite_affinity_strength(&f->image, v, a,
                                                          now));
    }

    return text;
}


static void
events_add_by_weight(void **state)
{
    fixture_t  *f = *state;

    viewed(f, "{\"category\":\"shoes\"}", NOW);
    viewed(f, "{\"category\":\"hats\"}", NOW);
    viewed(f, "{\"category\":\"shoes\"}", NOW);
    viewed(f, "{\"category\":\"shoes\"}", NOW);
    assert_string_equal(told(f, &f->visitor, NOW), "shoes:0.750 hats:0.250");

    happens_to(f, &f->visitor, "Order Completed",
               "{\"products\":[{\"category\":\"hats\",\"quantity\":9},"
               "{\"category\":\"coats\"},{\"x\":1},7]}", NOW);
    assert_string_equal(told(f, &f->visitor, NOW),
                        "hats:0.429 coats:0.357 shoes:0.214");

    /* an event that no rule names, one that is not live */

    happens_to(f, &f->visitor, "Page Viewed", "{\"category\":\"x\"}", NOW);
    assert_int_equal(f->visitor.n_affinities, 3);
}


static void
dead_events_add_nothing(void **state)
{
    fixture_t      *f = *state;
    onsite_event_t  e = {
        .name = ONSITE_STR("Product Viewed"), .time = NOW, .received = NOW,
        .properties = value_of(f->json, f->arena,
                               "{\"category\":\"shoes\"}"),
        .live = false
    };

    onsite_affinity_event(&f->image, f->arena, NULL, &f->visitor, &e);
    assert_int_equal(f->visitor.n_affinities, 0);
    assert_int_equal(f->visitor.affinity_at, 0);
}


static void
values_are_bounded(void **state)
{
    fixture_t  *f = *state;
    char        text[256], *p;
    int         i;

    viewed(f, "{\"category\":\"\"}", NOW);
    viewed(f, "{\"category\":null}", NOW);
    viewed(f, "{\"category\":true}", NOW);
    viewed(f, "{\"category\":{\"a\":1}}", NOW);
    viewed(f, "{}", NOW);
    viewed(f, "{\"products\":\"none\"}", NOW);
    assert_int_equal(f->visitor.n_affinities, 0);
    assert_int_equal(f->visitor.affinity_at, 0);

    viewed(f, "{\"category\":12.5}", NOW);
    assert_str(f->visitor.affinities[0].value, "12.5");
    viewed(f, "{\"category\":\"12.5\"}", NOW);
    assert_int_equal(f->visitor.n_affinities, 1);

    viewed(f, "{\"category\":[\"a\",\"b\",\"\",[\"c\"]]}", NOW);
    assert_int_equal(f->visitor.n_affinities, 3);

    /* 63 bytes, then one of two: it does not fit */

    p = text + sprintf(text, "{\"category\":\"");
    for (i = 0; i < 63; i++) {
        *p++ = 'x';
    }
    strcpy(p, "\xc3\xa9yz\"}");
    onsite_visitor_init(&f->visitor);
    viewed(f, text, NOW);
    assert_int_equal(f->visitor.affinities[0].value.len, 63);
}


static void
scores_decay(void **state)
{
    fixture_t  *f = *state;

    viewed(f, "{\"category\":\"shoes\",\"brand\":\"n\"}", NOW);
    viewed(f, "{\"category\":\"hats\"}", NOW + 10 * DAY);
    assert_string_equal(told(f, &f->visitor, NOW + 10 * DAY),
                        f->visitor.affinities[0].attribute
                        == onsite_affinity_hash(ONSITE_STR("brand"))
                        ? "n:1.000 hats:0.667 shoes:0.333"
                        : "hats:0.667 shoes:0.333 n:1.000");

    /* brand has gone: ten half-lives of a day; the shares of the others stay,
     * as they decay alike */

    viewed(f, "{\"category\":\"hats\"}", NOW + 11 * DAY);
    assert_int_equal(f->visitor.n_affinities, 2);

    /* shoes go first, then nothing is left */

    assert_string_equal(told(f, &f->visitor, NOW + 105 * DAY),
                        "hats:1.000 shoes:0.000");
    assert_string_equal(told(f, &f->visitor, NOW + 900 * DAY),
                        "hats:0.000 shoes:0.000");

    viewed(f, "{\"brand\":\"n\"}", NOW + 900 * DAY);
    assert_string_equal(told(f, &f->visitor, NOW + 900 * DAY), "n:1.000");
}


static void
late_events_count_less(void **state)
{
    fixture_t  *f = *state;

    viewed(f, "{\"category\":\"hats\"}", NOW);
    viewed(f, "{\"category\":\"shoes\"}", NOW - 10 * DAY);
    assert_string_equal(told(f, &f->visitor, NOW), "hats:0.667 shoes:0.333");
    assert_true(f->visitor.affinity_at == NOW);

    viewed(f, "{\"category\":\"coats\"}", NOW - 1000 * DAY);
    assert_int_equal(f->visitor.n_affinities, 2);
}


static void
the_weakest_goes(void **state)
{
    char        text[64];
    int         i, k;
    uint32_t    n;
    fixture_t  *f = *state;

    viewed(f, "{\"category\":\"keep\"}", NOW);
    viewed(f, "{\"category\":\"keep\"}", NOW);

    for (i = 0; i < 20; i++) {
        (void) sprintf(text, "{\"category\":\"c%d\"}", i);
        viewed(f, text, NOW + i * ONSITE_HOUR);
    }

    assert_int_equal(f->visitor.n_affinities, ONSITE_AFFINITY_TOP);
    assert_str(f->visitor.affinities[0].value, "keep");
    assert_str(f->visitor.affinities[1].value, "c19");

    for (k = 3; k <= 6; k++) {
        for (i = 0; i < 20; i++) {
            (void) sprintf(text, "{\"a%d\":\"c%d\"}", k, i);
            viewed(f, text, NOW + ONSITE_DAY);
        }
    }

    /* the fifth attribute found the list full */

    assert_int_equal(f->visitor.n_affinities, ONSITE_AFFINITIES_MAX);

    for (i = 1, n = 0; i < ONSITE_AFFINITIES_MAX; i++) {
        const onsite_affinity_t  *a = &f->visitor.affinities[i];

        assert_true(a[-1].attribute <= a->attribute);
        assert_true(a[-1].attribute != a->attribute || a[-1].score >= a->score);
        n += a[-1].attribute != a->attribute;
    }

    assert_true(n >= 3);
}


static void
scores_stay_numbers(void **state)
{
    int         i;
    fixture_t  *f = *state;

    f->visitor.n_affinities = 4;
    for (i = 0; i < 4; i++) {
        f->visitor.affinities[i] = (onsite_affinity_t) {
            .attribute = onsite_affinity_hash(ONSITE_STR("category")),
            .value = onsite_str("abcd" + i, 1)
        };
    }
    f->visitor.affinities[0].score = INFINITY;
    f->visitor.affinities[1].score = NAN;
    f->visitor.affinities[2].score = -1;
    f->visitor.affinities[3].score = 1e-42f;
    f->visitor.affinity_at = INT64_MIN / 2;

    onsite_affinity_forward(&f->image, &f->visitor, NOW);
    assert_int_equal(f->visitor.n_affinities, 0);

    f->visitor.n_affinities = 1;
    f->visitor.affinities[0].score = INFINITY;
    f->visitor.affinity_at = NOW - 1;
    viewed(f, "{\"category\":\"a\"}", NOW);
    assert_true(f->visitor.affinities[0].score == 1e30f);
    assert_true(f->visitor.affinity_at == NOW);

    /* of a time to come: nothing is moved back */

    f->visitor.affinity_at = INT64_MAX;
    viewed(f, "{\"category\":\"b\"}", NOW);
    assert_int_equal(f->visitor.n_affinities, 1);
}


static bool
product_table(void *data, onsite_str_t sku, onsite_str_t *record)
{
    (void) data;

    if (!onsite_str_eq(sku, ONSITE_STR("7"))) {
        return false;
    }

    *record = ONSITE_STR("\x81\xa8" "category" "\xa5" "boots");

    return true;
}


static void
products_are_looked_up(void **state)
{
    fixture_t  *f = *state;

    viewed(f, "{\"sku\":\"7\"}", NOW);
    assert_int_equal(f->visitor.n_affinities, 0);

    f->tables.product = product_table;
    viewed(f, "{\"sku\":\"7\"}", NOW);
    viewed(f, "{\"sku\":\"8\"}", NOW);
    viewed(f, "{\"category\":\"own\",\"sku\":\"7\"}", NOW);
    happens_to(f, &f->visitor, "Order Completed",
               "{\"products\":[{\"product_id\":7},{\"sku\":\"8\"}]}", NOW);
    assert_string_equal(told(f, &f->visitor, NOW), "boots:0.857 own:0.143");
}


/* Random visitors. */

static void
fill(fixture_t *f, onsite_visitor_t *v, uint32_t *seed)
{
    int          i, n;
    char         text[64];
    const char  *attributes[] = { "category", "brand", "a3", "a4", "a5" };

    onsite_visitor_init(v);
    *seed = *seed * 1664525 + 1013904223;
    n = (int) (*seed >> 16) % 60;

    for (i = 0; i < n; i++) {
        *seed = *seed * 1664525 + 1013904223;
        (void) sprintf(text, "{\"%s\":\"v%u\"}", attributes[(*seed >> 8) % 5],
                       (*seed >> 16) % 12);
        happens_to(f, v, "Product Viewed", text,
                   NOW + (onsite_ms_t) (*seed >> 20) * 100000);
    }
}


static void
merges_commute(void **state)
{
    int                i;
    uint32_t           seed = 7, k;
    fixture_t         *f = *state;
    onsite_visitor_t  *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));

    assert_non_null(a);
    assert_non_null(b);

    for (i = 0; i < 300; i++) {
        fill(f, &f->visitor, &seed);
        fill(f, &f->other, &seed);
        *a = f->visitor;
        *b = f->other;

        onsite_affinity_merge(a, &f->other);
        onsite_affinity_merge(b, &f->visitor);

        assert_int_equal(a->n_affinities, b->n_affinities);
        assert_true(a->n_affinities == 0 || a->affinity_at == b->affinity_at);

        for (k = 0; k < a->n_affinities; k++) {
            assert_int_equal(a->affinities[k].attribute,
                             b->affinities[k].attribute);
            assert_memory_equal(&a->affinities[k].score,
                                &b->affinities[k].score, sizeof(float));
            assert_true(onsite_str_eq(a->affinities[k].value,
                                      b->affinities[k].value));
        }

        onsite_arena_reset(f->arena);
    }

    free(a);
    free(b);
}


static void
merges_add(void **state)
{
    fixture_t  *f = *state;

    viewed(f, "{\"category\":\"shoes\"}", NOW);
    happens_to(f, &f->other, "Product Viewed", "{\"category\":\"shoes\"}",
               NOW);
    happens_to(f, &f->other, "Product Viewed", "{\"category\":\"hats\"}", NOW);
    onsite_affinity_merge(&f->visitor, &f->other);
    assert_string_equal(told(f, &f->visitor, NOW), "shoes:0.667 hats:0.333");

    /* one that is older: as of the later moment */

    onsite_visitor_init(&f->other);
    happens_to(f, &f->other, "Product Viewed", "{\"category\":\"coats\"}",
               NOW - ONSITE_AFFINITY_HALF_LIFE);
    onsite_affinity_merge(&f->visitor, &f->other);
    assert_true(f->visitor.affinity_at == NOW);
    assert_string_equal(told(f, &f->visitor, NOW),
                        "shoes:0.571 hats:0.286 coats:0.143");

    /* aligned, by its own half-life of 10 days */

    onsite_visitor_init(&f->visitor);
    onsite_visitor_init(&f->other);
    viewed(f, "{\"category\":\"hats\"}", NOW);
    happens_to(f, &f->other, "Product Viewed", "{\"category\":\"coats\"}",
               NOW - 10 * DAY);
    onsite_affinity_align(&f->image, &f->visitor, &f->other);
    assert_true(f->visitor.affinity_at == NOW);
    assert_true(f->other.affinity_at == NOW);
    onsite_affinity_merge(&f->visitor, &f->other);
    assert_string_equal(told(f, &f->visitor, NOW), "hats:0.667 coats:0.333");

    /* nothing to add changes nothing */

    onsite_visitor_init(&f->other);
    f->other.affinity_at = NOW + DAY;
    onsite_affinity_merge(&f->visitor, &f->other);
    assert_true(f->visitor.affinity_at == NOW);
}


static const char *
resolve(fixture_t *f, const char *path)
{
    onsite_str_t      keys[8];
    onsite_value_t    value;
    onsite_context_t  context = {
        .image = &f->image, .arena = f->arena, .visitor = &f->visitor,
        .now = NOW
    };

    value = onsite_attribute_affinity(&context, keys, keys_of(path, keys, 8));

    return text_of(f->arena, &value);
}


static void
paths_resolve(void **state)
{
    fixture_t  *f = *state;

    assert_string_equal(resolve(f, "category"), "absent");
    assert_string_equal(resolve(f, "category.shoes"), "0");
    assert_string_equal(resolve(f, "category.$top"), "[]");

    viewed(f, "{\"category\":\"shoes\",\"brand\":\"v1.2.\"}", NOW);
    viewed(f, "{\"category\":\"shoes\"}", NOW);
    viewed(f, "{\"category\":\"shoes\"}", NOW);
    viewed(f, "{\"category\":\"a.b\"}", NOW);

    assert_string_equal(resolve(f, "category"), "\"shoes\"");
    assert_string_equal(resolve(f, "category.shoes"), "0.75");
    assert_string_equal(resolve(f, "category.a.b"), "0.25");
    assert_string_equal(resolve(f, "category.a"), "0");
    assert_string_equal(resolve(f, "category.a.b.c"), "0");
    assert_string_equal(resolve(f, "category.$top"),
                        "[{\"value\":\"shoes\",\"strength\":0.75},"
                        "{\"value\":\"a.b\",\"strength\":0.25}]");
    assert_string_equal(resolve(f, "category.$top.1.value"), "\"a.b\"");
    assert_string_equal(resolve(f, "category.$top.2.value"), "absent");
    assert_string_equal(resolve(f, "category.$top.length"), "2");
    assert_string_equal(resolve(f, "brand.v1.2"), "0");
    assert_string_equal(resolve(f, "nothing"), "absent");

    f->visitor.affinity_at = NOW - 900 * DAY;
    assert_string_equal(resolve(f, "category"), "absent");
    assert_string_equal(resolve(f, "category.$top"), "[]");
}


static void
bad_images_are_refused(void **state)
{
    fixture_t                *f = *state;
    onsite_ref_t              ref;
    onsite_image_header_t    *header;
    onsite_affinity_rule_t   *rules, good;
    onsite_affinity_weight_t *weights;

    header = (onsite_image_header_t *) onsite_image_header(&f->image);
    rules = (onsite_affinity_rule_t *) onsite_image_at(&f->image,
                                                       header->affinities);
    weights = (onsite_affinity_weight_t *) onsite_image_at(&f->image,
                                                           rules[0].weights);
    good = rules[1];

#define assert_refused()                                                      \
    assert_int_equal(onsite_affinities_verify(&f->image, NULL), ONSITE_CORRUPT)

    rules[1].hash++;
    assert_refused();
    rules[1] = rules[0];
    assert_refused();
    rules[1] = good;
    rules[1].half_life_ms = 0;
    assert_refused();
    rules[1].half_life_ms = INT64_MAX;
    assert_refused();
    rules[1] = good;
    rules[1].n_weights = 0;
    assert_refused();
    rules[1].n_weights = UINT32_MAX;
    assert_refused();
    rules[1] = good;
    rules[1].property.len = UINT32_MAX;
    assert_refused();
    rules[1] = good;
    weights[1].weight = NAN;
    assert_refused();
    weights[1].weight = 0;
    assert_refused();
    weights[1].weight = 1e9;
    assert_refused();
    weights[1].weight = 5;
    ref = header->affinities;
    header->affinities = (onsite_ref_t) f->image.size - 8;
    assert_refused();
    header->affinities = ref;
    header->n_affinities = ONSITE_AFFINITIES_MAX + 1;
    assert_refused();
    header->n_affinities = 6;
    assert_int_equal(onsite_affinities_verify(&f->image, NULL), ONSITE_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(events_add_by_weight, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(dead_events_add_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(values_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scores_decay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(late_events_count_less, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_weakest_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scores_stay_numbers, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(products_are_looked_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(merges_commute, set_up, tear_down),
        cmocka_unit_test_setup_teardown(merges_add, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_resolve, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_images_are_refused, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
