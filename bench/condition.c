/*
 * condition.c - evaluations a second of a few conditions, one core; each
 * attribute is looked up anew, as it is once a decision.
 */

#include "onsite_condition.h"
#include "onsite_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS  2000000
#define ITEMS   5000

typedef struct {
    const char  *name;
    const char  *condition;
} case_t;

static const char  attributes[] =
    "{\"visitor\":{\"status\":\"new\",\"visits\":3},"
    "\"request\":{\"device\":\"desktop\",\"path\":\"/landing/spring/shoes\"},"
    "\"sku\":\"sku-4711\"}";


static double
seconds(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}


static void
measure(const char *name, onsite_context_t *context, onsite_ref_t program)
{
    int       i, met = 0;
    double    start, best = 1e9, took;
    unsigned  round;

    for (round = 0; round < 3; round++) {
        start = seconds();

        for (i = 0; i < ROUNDS; i++) {
            context->stamp++;
            met += onsite_condition_eval(context, program) == ONSITE_TRUE;
        }

        took = seconds() - start;
        best = took < best ? took : best;
    }

    (void) printf("%-28s %6.1f M/s  %5.0f ns  (%s)\n", name,
                  ROUNDS / best / 1e6, best / ROUNDS * 1e9,
                  met == 3 * ROUNDS ? "true" : met == 0 ? "false" : "?");
}


static void
run(onsite_json_t *json, onsite_arena_t *arena, const case_t *c)
{
    uint32_t                     roots = 0;
    onsite_ref_t                 program;
    onsite_error_t               error;
    onsite_image_t               image;
    onsite_value_t               condition, root;
    onsite_builder_t            *builder = onsite_builder_create();
    onsite_context_t             context = { .image = &image, .arena = arena,
                                             .root = &root };
    onsite_condition_options_t   options = { .scope = ONSITE_SCOPE_PLAIN };

    if (onsite_json_parse(json, arena,
                          onsite_str(c->condition, strlen(c->condition)),
                          &condition, &error) != ONSITE_OK
        || onsite_json_parse(json, arena,
                             onsite_str(attributes, sizeof(attributes) - 1),
                             &root, &error) != ONSITE_OK
        || onsite_condition_compile(builder, &condition, &options, &program,
                                    &roots, &error) != ONSITE_OK
        || onsite_builder_finish(builder, ONSITE_STR("bench"), 0, &image,
                                 &error) != ONSITE_OK)
    {
        (void) fprintf(stderr, "%s: %s\n", c->name, error.text);
        exit(1);
    }

    context.regexes = onsite_regexes_create(&image);
    context.memo = calloc(onsite_image_header(&image)->n_slots + 1,
                          sizeof(onsite_memo_t));

    measure(c->name, &context, program);

    free(context.memo);
    onsite_regexes_destroy(context.regexes);
    onsite_builder_destroy(builder);
}


int
main(void)
{
    int              i;
    size_t           k, len = 0;
    onsite_json_t   *json = onsite_json_create();
    onsite_arena_t  *arena = onsite_arena_create(1 << 16, 1 << 26);

    static char  list[ITEMS * 16 + 64];

    const case_t  cases[] = {
        { "3 clauses",
          "{\"visitor.status\":\"new\",\"request.device\":{\"$ne\":\"bot\"},"
          "\"visitor.visits\":{\"$gte\":3}}" },
        { "3 clauses, one a regex",
          "{\"visitor.status\":\"new\",\"request.device\":{\"$ne\":\"bot\"},"
          "\"request.path\":{\"$regex\":\"^/landing\"}}" },
        { "3 clauses, first is false",
          "{\"visitor.status\":\"known\",\"request.device\":\"mobile\","
          "\"visitor.visits\":{\"$gte\":3}}" },
        { "$in of 5,000", list },
    };

    len += (size_t) sprintf(list, "{\"sku\":{\"$in\":[\"x\"");
    for (i = 0; i < ITEMS; i++) {
        len += (size_t) sprintf(list + len, ",\"sku-%d\"", i);
    }
    (void) sprintf(list + len, "]}}");

    for (k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        run(json, arena, &cases[k]);
    }

    onsite_arena_destroy(arena);
    onsite_json_destroy(json);

    return 0;
}
