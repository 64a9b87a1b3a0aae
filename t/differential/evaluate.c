/*
 * evaluate.c - reads lines of {"condition", "attributes", "savedGroups"},
 * writes a line for each: true, false, inconclusive, or refused and why.
 */

#include "onsite_condition.h"
#include "onsite_json.h"

#include <stdio.h>
#include <stdlib.h>


static void
print_truth(onsite_builder_t *builder, onsite_ref_t program,
    const onsite_value_t *attributes, onsite_arena_t *arena)
{
    onsite_image_t     image;
    onsite_error_t     error;
    onsite_context_t   context = { .image = &image, .arena = arena,
                                   .root = attributes, .stamp = 1 };

    static const char *const  names[] = { "false", "true", "inconclusive" };

    if (onsite_builder_finish(builder, ONSITE_STR("test"), 0, &image, &error)
        != ONSITE_OK
        || onsite_image_verify_tables(&image, &error) != ONSITE_OK
        || onsite_condition_verify(&image, program, &error) != ONSITE_OK)
    {
        (void) printf("broken: %s\n", error.text);
        return;
    }

    context.regexes = onsite_regexes_create(&image);
    context.memo = calloc(onsite_image_header(&image)->n_slots + 1,
                          sizeof(onsite_memo_t));

    (void) puts(names[onsite_condition_eval(&context, program)]);

    free(context.memo);
    onsite_regexes_destroy(context.regexes);
}


static void
evaluate(onsite_json_t *json, onsite_arena_t *arena, onsite_str_t line)
{
    uint32_t                     roots = 0;
    onsite_ref_t                 program;
    onsite_error_t               error;
    onsite_value_t               test;
    onsite_builder_t            *builder;
    onsite_condition_options_t   options = { .scope = ONSITE_SCOPE_PLAIN };

    if (onsite_json_parse(json, arena, line, &test, &error) != ONSITE_OK) {
        (void) printf("no JSON: %s\n", error.text);
        return;
    }

    builder = onsite_builder_create();
    options.saved_groups = onsite_value_get(&test, ONSITE_STR("savedGroups"));

    if (onsite_condition_compile(builder,
                                 onsite_value_get(&test,
                                                  ONSITE_STR("condition")),
                                 &options, &program, &roots, &error)
        == ONSITE_OK)
    {
        print_truth(builder, program,
                    onsite_value_get(&test, ONSITE_STR("attributes")), arena);

    } else {
        (void) printf("refused: %s\n", error.text);
    }

    onsite_builder_destroy(builder);
}


int
main(void)
{
    char            *line = NULL;
    size_t           capacity = 0;
    ssize_t          n;
    onsite_json_t   *json = onsite_json_create();
    onsite_arena_t  *arena = onsite_arena_create(1 << 16, 1 << 26);

    while ((n = getline(&line, &capacity, stdin)) > 0) {
        onsite_arena_reset(arena);
        evaluate(json, arena, onsite_str(line, (size_t) n));
    }

    free(line);
    onsite_arena_destroy(arena);
    onsite_json_destroy(json);

    return 0;
}
