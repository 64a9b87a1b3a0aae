/*
 * fuzz_condition.c - any JSON as a condition; then its image with bytes
 * changed, which verifying must refuse or evaluating must survive.
 *
 * Input: a line of JSON for the condition, one for the attributes, and pairs
 * of (16-bit place, byte) to change.
 */

#include "onsite_coerce.h"
#include "onsite_condition.h"
#include "onsite_json.h"

#include <stdlib.h>

typedef struct {
    onsite_json_t     *json;
    onsite_arena_t    *arena;
    onsite_builder_t  *builder;
    onsite_image_t     image;
    onsite_value_t     condition;
    onsite_value_t     attributes;
    onsite_ref_t       program;
} fuzz_t;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static onsite_str_t
next_line(const uint8_t **p, const uint8_t *end)
{
    const uint8_t  *start = *p, *newline;

    newline = start != end ? memchr(start, '\n', (size_t) (end - start))
                           : NULL;
    *p = newline != NULL ? newline + 1 : end;

    return onsite_str((const char *) start,
                      (size_t) ((newline != NULL ? newline : end) - start));
}


static void
evaluate(fuzz_t *f)
{
    onsite_context_t  context = { .image = &f->image, .arena = f->arena,
                                  .root = &f->attributes, .stamp = 1 };

    context.regexes = onsite_regexes_create(&f->image);
    context.memo = calloc(onsite_image_header(&f->image)->n_slots
                          + (size_t) 1, sizeof(onsite_memo_t));

    if ((int) onsite_condition_eval(&context, f->program) > 2) {
        abort();
    }

    free(context.memo);
    onsite_regexes_destroy(context.regexes);
}


static bool
verified(fuzz_t *f)
{
    return onsite_image_verify_tables(&f->image, NULL) == ONSITE_OK
           && onsite_condition_verify(&f->image, f->program, NULL)
              == ONSITE_OK;
}


static void
damage(fuzz_t *f, const uint8_t *p, const uint8_t *end)
{
    size_t                  place, room;
    uint8_t                *bytes = onsite_builder_at(f->builder, 0);
    onsite_image_header_t  *header = (onsite_image_header_t *) bytes;

    room = f->image.size - offsetof(onsite_image_header_t, built);

    for ( /* void */ ; end - p >= 3; p += 3) {
        place = (size_t) (p[0] << 8 | p[1]) % room;
        bytes[f->image.size - 1 - place] ^= p[2];
    }

    header->checksum = onsite_image_checksum(&f->image);

    if (verified(f)) {
        evaluate(f);
    }
}


static void
compile_and_run(fuzz_t *f, const uint8_t *p, const uint8_t *end)
{
    uint32_t                    roots = 0;
    onsite_error_t              error;
    onsite_condition_options_t  options = { .saved_groups = &f->attributes };

    if (onsite_condition_compile(f->builder, &f->condition, &options,
                                 &f->program, &roots, &error) != ONSITE_OK
        || onsite_builder_finish(f->builder, ONSITE_STR("fuzz"), 0,
                                 &f->image, &error) != ONSITE_OK)
    {
        return;
    }

    if (!verified(f)) {
        abort();
    }

    evaluate(f);
    damage(f, p, end);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_t          f;
    onsite_str_t    condition, attributes;
    const uint8_t  *p = data, *end = data + size;

    memset(&f, 0, sizeof(f));
    condition = next_line(&p, end);
    attributes = next_line(&p, end);

    f.json = onsite_json_create();
    f.arena = onsite_arena_create(4096, 1 << 24);
    f.builder = onsite_builder_create();

    if (onsite_json_parse(f.json, f.arena, condition, &f.condition, NULL)
        == ONSITE_OK
        && onsite_json_parse(f.json, f.arena, attributes, &f.attributes, NULL)
           == ONSITE_OK)
    {
        compile_and_run(&f, p, end);
    }

    onsite_builder_destroy(f.builder);
    onsite_arena_destroy(f.arena);
    onsite_json_destroy(f.json);

    return 0;
}
