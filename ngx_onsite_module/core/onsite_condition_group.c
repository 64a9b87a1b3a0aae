/*
 * onsite_condition_group.c - GrowthBook's saved groups: lists of values, and
 * conditions under a name.
 */

#include "onsite_condition_compile.h"


/* The values of a saved group; NULL: it has none and matches nobody. */

static const onsite_value_t *
group_values(const compiler_t *c, onsite_str_t id)
{
    const onsite_value_t  *entry, *values;

    static const onsite_value_t  empty = { .type = ONSITE_ARRAY };

    entry = onsite_value_get(c->options->saved_groups, id);

    if (entry == NULL) {
        return &empty;
    }

    if (entry->type == ONSITE_ARRAY) {
        return entry;
    }

    values = onsite_value_get(entry, ONSITE_STR("values"));

    return values != NULL && values->type == ONSITE_ARRAY
           && onsite_str_eq(onsite_value_get_str(entry, ONSITE_STR("type")),
                            ONSITE_STR("list"))
           ? values : NULL;
}


static onsite_status_t
compile_group(compiler_t *c, const onsite_value_t *operand, bool negated)
{
    uint32_t               node = 0;
    const onsite_value_t  *values;

    if (operand->type != ONSITE_STRING) {
        return condition_refuse(c, "takes the id of a saved group");
    }

    values = group_values(c, onsite_value_str(operand));

    if (values == NULL) {
        (void) condition_leaf(c, ONSITE_OP_NEVER, ONSITE_ABSENT);
        return ONSITE_OK;
    }

    if (negated) {
        node = condition_begin(c, ONSITE_OP_NOT);
    }

    condition_list_leaf(c, ONSITE_OP_IN, values);

    if (negated) {
        condition_end(c, node);
    }

    return ONSITE_OK;
}


onsite_status_t
condition_in_group(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    (void) op;

    return compile_group(c, operand, false);
}


onsite_status_t
condition_not_in_group(compiler_t *c, uint16_t op,
    const onsite_value_t *operand)
{
    (void) op;

    return compile_group(c, operand, true);
}


static onsite_status_t
compile_group_list(compiler_t *c, const onsite_value_t *override,
    const onsite_value_t *entry)
{
    uint32_t               node;
    onsite_status_t        status;
    const onsite_value_t  *key, *values;

    key = override != NULL ? override
          : onsite_value_get(entry, ONSITE_STR("attributeKey"));
    values = onsite_value_get(entry, ONSITE_STR("values"));

    if (key == NULL || key->type != ONSITE_STRING || values == NULL
        || values->type != ONSITE_ARRAY)
    {
        (void) condition_leaf(c, ONSITE_OP_NEVER, ONSITE_ABSENT);
        return ONSITE_OK;
    }

    status = condition_begin_path(c, onsite_value_str(key), &node);

    if (status == ONSITE_OK) {
        condition_list_leaf(c, ONSITE_OP_IN, values);
        condition_end(c, node);
    }

    return status;
}


static onsite_status_t
compile_group_condition(compiler_t *c, onsite_str_t id,
    const onsite_value_t *entry)
{
    visited_t              visited = { c->visited, id };
    onsite_status_t        status;
    const onsite_value_t  *condition;

    condition = onsite_value_get(entry, ONSITE_STR("condition"));

    if (condition == NULL || condition->type != ONSITE_OBJECT) {
        (void) condition_leaf(c, ONSITE_OP_NEVER, ONSITE_ABSENT);
        return ONSITE_OK;
    }

    c->visited = &visited;
    status = condition_nested(c, condition);
    c->visited = visited.outer;

    return status;
}


static bool
is_visited(const compiler_t *c, onsite_str_t id)
{
    const visited_t  *v;

    for (v = c->visited; v != NULL; v = v->outer) {
        if (onsite_str_eq(v->id, id)) {
            return true;
        }
    }

    return false;
}


/* A group that is not there, or in a cycle, matches nobody. */

onsite_status_t
condition_saved_group(compiler_t *c, const onsite_value_t *reference)
{
    onsite_str_t           type;
    const onsite_value_t  *id, *key, *entry;

    id = onsite_value_get(reference, ONSITE_STR("id"));
    key = onsite_value_get(reference, ONSITE_STR("attributeKey"));

    if (id == NULL || id->type != ONSITE_STRING
        || (key != NULL && key->type != ONSITE_STRING))
    {
        return condition_refuse(c, "takes {\"id\": \"...\"}, and "
                                "\"attributeKey\" as a string where the "
                                "group's own is not meant");
    }

    entry = onsite_value_get(c->options->saved_groups, onsite_value_str(id));
    type = onsite_value_get_str(entry, ONSITE_STR("type"));

    if (!is_visited(c, onsite_value_str(id))) {
        if (onsite_str_eq(type, ONSITE_STR("list"))) {
            return compile_group_list(c, key, entry);
        }

        if (onsite_str_eq(type, ONSITE_STR("condition"))) {
            return compile_group_condition(c, onsite_value_str(id), entry);
        }
    }

    (void) condition_leaf(c, ONSITE_OP_NEVER, ONSITE_ABSENT);

    return ONSITE_OK;
}
