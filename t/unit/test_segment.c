/*
 * test_segment.c - segments by rule, and images whose segments are none.
 */

#include "unit.h"

#include "onsite_condition.h"
#include "onsite_json.h"
#include "onsite_segment.h"

#define RULES  3

typedef struct {
    onsite_arena_t         *arena;
    onsite_json_t          *json;
    onsite_builder_t       *b;
    onsite_image_t          image;
    onsite_image_header_t  *header;
    onsite_segment_t       *segments;
    onsite_regexes_t       *regexes;
    onsite_visitor_t        visitor;
    onsite_context_t        context;
} fixture_t;

static const char *const  ids[RULES] = { "regular", "buyer", "loop" };

static const char *const  conditions[RULES] = {
    "{\"visitor.visits\":{\"$gt\":2}}", "{\"visitor.orders\":{\"$gte\":1}}",
    "{\"segments\":\"regular\"}"
};


static onsite_ref_t
compile(fixture_t *f, const char *text)
{
    uint32_t                    roots = 0;
    onsite_ref_t                program;
    onsite_value_t              condition;
    onsite_condition_options_t  options = { .scope = ONSITE_SCOPE_AUDIENCE,
                                            .path = "condition" };

    assert_int_equal(onsite_json_parse(f->json, f->arena,
                                       onsite_str(text, strlen(text)),
                                       &condition, NULL), ONSITE_OK);
    assert_int_equal(onsite_condition_compile(f->b, &condition, &options,
                                              &program, &roots, NULL),
                     ONSITE_OK);

    return program;
}


static int
set_up(void **state)
{
    int                 i;
    fixture_t          *f = calloc(1, sizeof(fixture_t));
    onsite_ref_t        ref;
    onsite_segment_t    segment;
    onsite_segment_t   *at;

    assert_non_null(f);
    f->arena = onsite_arena_create(1 << 14, 1 << 20);
    f->json = onsite_json_create();
    f->b = onsite_builder_create();
    ref = onsite_builder_alloc(f->b, RULES * sizeof(onsite_segment_t));

    for (i = 0; i < RULES; i++) {
        segment = (onsite_segment_t) {
            .id = onsite_builder_str(f->b, onsite_str(ids[i],
                                                      strlen(ids[i]))),
            .condition = compile(f, conditions[i])
        };
        at = onsite_builder_at(f->b, ref);
        at[i] = segment;
    }

    assert_int_equal(onsite_builder_finish(f->b, ONSITE_STR("s"), 1,
                                           &f->image, NULL), ONSITE_OK);
    f->header = (onsite_image_header_t *) (uintptr_t) f->image.base;
    f->header->segments = ref;
    f->header->n_segments = RULES;
    f->segments = (onsite_segment_t *) (uintptr_t) (f->image.base + ref);
    f->regexes = onsite_regexes_create(&f->image);
    onsite_visitor_init(&f->visitor);

    f->context = (onsite_context_t) {
        .image = &f->image, .arena = f->arena, .visitor = &f->visitor,
        .regexes = f->regexes, .stamp = 1,
        .memo = calloc(f->header->n_slots + 1, sizeof(onsite_memo_t))
    };
    *state = f;

    return 0;
}


static int
tear_down(void **state)
{
    fixture_t  *f = *state;

    free(f->context.memo);
    onsite_regexes_destroy(f->regexes);
    onsite_builder_destroy(f->b);
    onsite_arena_destroy(f->arena);
    onsite_json_destroy(f->json);
    free(f);

    return 0;
}


static void
expect(fixture_t *f, const char *expected)
{
    onsite_buf_t    out;
    onsite_value_t  segments;

    f->context.stamp++;
    segments = onsite_segments(&f->context);
    onsite_buf_init(&out, 0);
    onsite_value_write_json(&out, &segments);
    onsite_buf_char(&out, '\0');
    assert_string_equal(out.data, expected);
    onsite_buf_free(&out);
}


static void
rules_that_hold(void **state)
{
    fixture_t  *f = *state;

    expect(f, "[]");
    f->visitor.visits = 3;
    expect(f, "[\"regular\"]");
    f->visitor.orders = 1;
    expect(f, "[\"regular\",\"buyer\"]");

    f->context.visitor = NULL;
    expect(f, "[]");
}


/* Segments may be asked for anywhere, and a list named like a rule that holds
 * is there once. */

static bool
find_lists(void *data, onsite_str_t user_id, onsite_str_t *record)
{
    (void) data;
    (void) user_id;
    *record = ONSITE_STR("\x93\xa7regular\xa4list\x07");

    return true;
}


static void
lists_follow_rules(void **state)
{
    fixture_t        *f = *state;
    onsite_tables_t   tables = { .lists = find_lists };

    f->visitor.visits = 3;
    f->context.tables = &tables;
    f->context.customer = ONSITE_STR("u");
    expect(f, "[\"regular\",\"list\"]");
}


static void
verify_refuses(void **state)
{
    fixture_t  *f = *state;

    assert_int_equal(onsite_segments_verify(&f->image, NULL), ONSITE_OK);

    f->header->n_segments = 1u << 30;
    assert_int_equal(onsite_segments_verify(&f->image, NULL),
                     ONSITE_CORRUPT);
    f->header->n_segments = RULES;

    f->header->segments += 4;
    assert_int_equal(onsite_segments_verify(&f->image, NULL),
                     ONSITE_CORRUPT);
    f->header->segments -= 4;

    f->segments[1].id.len = 0;
    assert_int_equal(onsite_segments_verify(&f->image, NULL),
                     ONSITE_CORRUPT);
    f->segments[1].id.len = 0x7fffffff;
    assert_int_equal(onsite_segments_verify(&f->image, NULL),
                     ONSITE_CORRUPT);
    f->segments[1].id.len = 5;

    f->segments[2].condition = f->header->size - 4;
    assert_int_not_equal(onsite_segments_verify(&f->image, NULL), ONSITE_OK);

    f->header->n_segments = 0;
    assert_int_equal(onsite_segments_verify(&f->image, NULL), ONSITE_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(rules_that_hold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_follow_rules, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(verify_refuses, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
