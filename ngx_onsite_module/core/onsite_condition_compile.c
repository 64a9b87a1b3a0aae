/*
 * onsite_condition_compile.c - conditions from JSON to programs.
 *
 * What GrowthBook would evaluate to false for ever without a word - an
 * unknown operator, {"$in": 5}, a broken regex - is an error here, at build.
 */

#include "onsite_condition_compile.h"

#include <stdlib.h>


/* $or, $nor: an empty list is true for GrowthBook's $or. */

static onsite_status_t
compile_list(compiler_t *c, uint16_t op, const onsite_value_t *list)
{
    size_t           before;
    uint32_t         i, node, item;
    onsite_status_t  status = ONSITE_OK;

    if (list->type != ONSITE_ARRAY) {
        return condition_refuse(c, "takes an array of conditions");
    }

    node = condition_begin(c, list->len == 0 ? ONSITE_OP_ALL : op);

    for (i = 0; i < list->len && status == ONSITE_OK; i++) {
        before = condition_enter_item(c, i);
        item = condition_begin(c, ONSITE_OP_ALL);
        status = condition_nested(c, &list->as.items[i]);
        condition_end(c, item);
        c->path_len = status == ONSITE_OK ? before : c->path_len;
    }

    condition_end(c, node);

    return status;
}


static onsite_status_t
compile_attribute(compiler_t *c, onsite_str_t path,
    const onsite_value_t *expected)
{
    uint32_t         node;
    onsite_status_t  status;

    if (condition_is_operator(path)) {
        return condition_refuse(c, "needs an attribute around it: write "
                                "{\"path\": {\"$operator\": ...}}");
    }

    status = condition_begin_path(c, path, &node);

    if (status == ONSITE_OK) {
        status = condition_expected(c, expected, false);
        condition_end(c, node);
    }

    return status;
}


static onsite_status_t
compile_negated(compiler_t *c, const onsite_value_t *operand, bool list)
{
    uint32_t         node;
    onsite_status_t  status;

    node = condition_begin(c, ONSITE_OP_NOT);
    status = list ? compile_list(c, ONSITE_OP_ANY, operand)
                  : condition_nested(c, operand);
    condition_end(c, node);

    return status;
}


static onsite_status_t
compile_member(compiler_t *c, onsite_str_t key, const onsite_value_t *value)
{
    if (onsite_str_eq(key, ONSITE_STR("$or"))) {
        return compile_list(c, ONSITE_OP_ANY, value);
    }

    if (onsite_str_eq(key, ONSITE_STR("$and"))) {
        return compile_list(c, ONSITE_OP_ALL, value);
    }

    if (onsite_str_eq(key, ONSITE_STR("$nor"))) {
        return compile_negated(c, value, true);
    }

    if (onsite_str_eq(key, ONSITE_STR("$not"))) {
        return compile_negated(c, value, false);
    }

    if (onsite_str_eq(key, ONSITE_STR("$savedGroup"))) {
        return condition_saved_group(c, value);
    }

    return compile_attribute(c, key, value);
}


static onsite_status_t
compile_members(compiler_t *c, const onsite_value_t *condition)
{
    size_t           before;
    uint32_t         i;
    onsite_status_t  status;

    for (i = 0; i < condition->len; i++) {
        if (condition_is_overridden(condition, i)) {
            continue;
        }

        before = condition_enter(c, condition->as.members[i].key);
        status = compile_member(c, condition->as.members[i].key,
                                &condition->as.members[i].value);
        if (status != ONSITE_OK) {
            return status;
        }

        c->path_len = before;
    }

    return ONSITE_OK;
}


onsite_status_t
condition_nested(compiler_t *c, const onsite_value_t *condition)
{
    onsite_status_t  status;

    if (condition->type != ONSITE_OBJECT) {
        return condition_refuse(c, "takes an object: a condition such as "
                                "{\"path\": \"value\"}");
    }

    status = condition_descend(c);

    if (status == ONSITE_OK) {
        status = compile_members(c, condition);
        c->depth--;
    }

    return status;
}


static onsite_status_t
write_program(compiler_t *c, onsite_ref_t *program)
{
    onsite_program_t  *p;

    *program = onsite_builder_alloc(c->b, sizeof(onsite_program_t)
                                    + c->n * sizeof(onsite_node_t));

    if (onsite_builder_failed(c->b)) {
        return onsite_error(c->error, ONSITE_NO_MEMORY, "out of memory");
    }

    p = onsite_builder_at(c->b, *program);
    p->n_nodes = c->n;
    memcpy(p->nodes, c->nodes, c->n * sizeof(onsite_node_t));

    return ONSITE_OK;
}


onsite_status_t
onsite_condition_compile(onsite_builder_t *b, const onsite_value_t *condition,
    const onsite_condition_options_t *options, onsite_ref_t *program,
    uint32_t *roots, onsite_error_t *error)
{
    uint32_t         top;
    compiler_t       c = { .b = b, .options = options, .error = error,
                           .capacity = 32 };
    const char      *path;
    onsite_status_t  status;

    *program = 0;

    c.nodes = malloc(c.capacity * sizeof(onsite_node_t));
    if (c.nodes == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    path = options->path != NULL ? options->path : "condition";
    (void) condition_enter(&c, onsite_str_of(path));

    top = condition_begin(&c, ONSITE_OP_ALL);
    status = condition_nested(&c, condition);
    condition_end(&c, top);

    if (status == ONSITE_OK) {
        status = write_program(&c, program);
    }

    *roots |= c.roots;
    free(c.nodes);

    return status;
}
