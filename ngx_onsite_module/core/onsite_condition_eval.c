/*
 * onsite_condition_eval.c - evaluates compiled conditions, as GrowthBook's
 * evalCondition does the JSON they were made from.
 */

#include "onsite_coerce.h"
#include "onsite_condition_program.h"

static const onsite_value_t  nothing = { .type = ONSITE_ABSENT };


static onsite_truth_t eval_node(onsite_context_t *context,
    const onsite_node_t *node, const onsite_value_t *value);


/* Kleene's logic: what decides ends the question, and wins over inconclusive.
 * Nothing else changes the result. */

static inline bool
decides(onsite_truth_t truth, onsite_truth_t decisive, onsite_truth_t *result)
{
    if (truth == decisive || truth == ONSITE_INCONCLUSIVE) {
        *result = truth;
    }

    return truth == decisive;
}


/* Inline, as it is most of what eval_node does. */

static inline onsite_truth_t
eval_all(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *value)
{
    onsite_truth_t        result = ONSITE_TRUE;
    const onsite_node_t  *child, *end = node + node->span;

    for (child = node + 1; child != end; child += child->span) {
        if (decides(eval_node(context, child, value), ONSITE_FALSE, &result)) {
            break;
        }
    }

    return result;
}


static onsite_truth_t
eval_any(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *value)
{
    onsite_truth_t        result = ONSITE_FALSE;
    const onsite_node_t  *child, *end = node + node->span;

    for (child = node + 1; child != end; child += child->span) {
        if (decides(eval_node(context, child, value), ONSITE_TRUE, &result)) {
            break;
        }
    }

    return result;
}


static onsite_truth_t
negate(onsite_truth_t truth)
{
    return truth == ONSITE_INCONCLUSIVE ? truth
           : truth == ONSITE_TRUE ? ONSITE_FALSE : ONSITE_TRUE;
}


static onsite_truth_t
eval_element(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *value)
{
    uint32_t        i;
    onsite_truth_t  result = ONSITE_FALSE;

    if (value->type != ONSITE_ARRAY) {
        return ONSITE_FALSE;
    }

    for (i = 0; i < value->len; i++) {
        if (condition_is_null(&value->as.items[i])) {
            continue;
        }

        if (decides(eval_all(context, node, &value->as.items[i]),
                    ONSITE_TRUE, &result))
        {
            break;
        }
    }

    return result;
}


static onsite_truth_t
some_item(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *array)
{
    uint32_t        i;
    onsite_truth_t  result = ONSITE_FALSE;

    for (i = 0; i < array->len; i++) {
        if (decides(eval_node(context, node, &array->as.items[i]),
                    ONSITE_TRUE, &result))
        {
            break;
        }
    }

    return result;
}


static onsite_truth_t
eval_every(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *value)
{
    onsite_truth_t        result = ONSITE_TRUE;
    const onsite_node_t  *child, *end = node + node->span;

    if (value->type != ONSITE_ARRAY) {
        return ONSITE_FALSE;
    }

    for (child = node + 1; child != end; child += child->span) {
        if (decides(some_item(context, child, value), ONSITE_FALSE, &result)) {
            break;
        }
    }

    return result;
}


static onsite_truth_t
eval_path(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *value)
{
    onsite_value_t             found;
    const onsite_image_str_t  *keys;

    keys = onsite_image_at(context->image, node->as.list.ref);
    found = onsite_attribute_walk(context->image, value, keys,
                                  node->as.list.n);

    return eval_all(context, node, &found);
}


static onsite_truth_t
eval_size(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *value)
{
    onsite_value_t  size;

    if (value->type != ONSITE_ARRAY) {
        return ONSITE_FALSE;
    }

    size = onsite_value_number(value->len);

    return eval_all(context, node, &size);
}


static bool
same_as_node(const onsite_image_t *image, const onsite_node_t *node,
    const onsite_value_t *value)
{
    onsite_str_t  text;

    switch (node->type) {

    case ONSITE_STRING:
        text = onsite_image_str(image, node->as.text);
        return value->type == ONSITE_STRING
               && onsite_str_eq(onsite_value_str(value), text);

    case ONSITE_NUMBER:
        return value->type == ONSITE_NUMBER
               && value->as.number == node->as.number;

    case ONSITE_BOOL:
        return value->type == ONSITE_BOOL
               && value->as.boolean == (node->as.number != 0);

    default:
        return condition_is_null(value);
    }
}


static bool
has_text(const onsite_value_t *value)
{
    return value->type == ONSITE_STRING || value->type == ONSITE_ARRAY
           || value->type == ONSITE_OBJECT;
}


/* JavaScript's relational operators: by text when both sides are text, else
 * by number, and NaN is in no order. */

static bool
in_order(const onsite_image_t *image, const onsite_node_t *node,
    const onsite_value_t *value)
{
    double        a, b;
    onsite_str_t  text;

    if (node->type == ONSITE_STRING) {
        text = onsite_image_str(image, node->as.text);

        if (has_text(value)) {
            a = onsite_text_order(value, text);
            b = 0;

        } else {
            a = onsite_to_number(value);
            b = onsite_text_number(text);
        }

    } else {
        a = onsite_to_number(value);
        b = node->as.number;
    }

    switch (node->op) {

    case ONSITE_OP_LESS:
        return a < b;

    case ONSITE_OP_LESS_EQUAL:
        return a <= b;

    case ONSITE_OP_GREATER:
        return a > b;

    default:
        return a >= b;
    }
}


static bool
version_in_order(const onsite_image_t *image, const onsite_node_t *node,
    const onsite_value_t *value)
{
    int               order;
    onsite_compare_t  compare = { .order = 0 };

    compare.rest = onsite_image_str(image, node->as.text);
    (void) onsite_version_walk(value, onsite_compare_piece, &compare);
    order = onsite_compare_end(&compare);

    switch (node->op) {

    case ONSITE_OP_VERSION_EQUAL:
        return order == 0;

    case ONSITE_OP_VERSION_LESS:
        return order < 0;

    case ONSITE_OP_VERSION_LESS_EQUAL:
        return order <= 0;

    case ONSITE_OP_VERSION_GREATER:
        return order > 0;

    default:
        return order >= 0;
    }
}


static bool
has_type(const onsite_value_t *value, uint16_t type)
{
    return value->type == type
           || (type == ONSITE_NULL && value->type == ONSITE_ABSENT);
}


static bool
eval_leaf(const onsite_image_t *image, const onsite_node_t *node,
    const onsite_value_t *value)
{
    switch (node->op) {

    case ONSITE_OP_TEXT:
        return onsite_text_equal(value,
                                 onsite_image_str(image, node->as.text));

    case ONSITE_OP_TEXT_LOWER:
        return onsite_text_equal_lower(value,
                                       onsite_image_str(image,
                                                        node->as.text));

    case ONSITE_OP_NUMBER:
        return onsite_to_number(value) == node->as.number;

    case ONSITE_OP_TRUTH:
        return !condition_is_null(value)
               && onsite_is_true(value) == (node->as.truth != 0);

    case ONSITE_OP_NULL:
        return condition_is_null(value);

    case ONSITE_OP_JSON:
        return condition_same_json(image, value,
                                   onsite_image_at(image, node->as.ref));

    case ONSITE_OP_EQUAL:
        return same_as_node(image, node, value);

    case ONSITE_OP_LESS:
    case ONSITE_OP_LESS_EQUAL:
    case ONSITE_OP_GREATER:
    case ONSITE_OP_GREATER_EQUAL:
        return in_order(image, node, value);

    case ONSITE_OP_EXISTS:
        return !condition_is_null(value);

    case ONSITE_OP_IN:
    case ONSITE_OP_IN_LOWER:
        return condition_is_in(image, node, value);

    case ONSITE_OP_TYPE:
        return has_type(value, node->type);

    case ONSITE_OP_NEVER:
        return false;

    default:
        return version_in_order(image, node, value);
    }
}


static onsite_truth_t
eval_node(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *value)
{
    switch (node->op) {

    case ONSITE_OP_ALL:
        return eval_all(context, node, value);

    case ONSITE_OP_ANY:
        return eval_any(context, node, value);

    case ONSITE_OP_NOT:
        return negate(eval_all(context, node, value));

    case ONSITE_OP_SLOT:
        return eval_all(context, node,
                        onsite_attribute_slot(context, node->as.slot));

    case ONSITE_OP_PATH:
        return eval_path(context, node, value);

    case ONSITE_OP_SIZE:
        return eval_size(context, node, value);

    case ONSITE_OP_ELEMENT:
        return eval_element(context, node, value);

    case ONSITE_OP_EVERY:
        return eval_every(context, node, value);

    case ONSITE_OP_REGEX:
        return onsite_regex_test(context->regexes, node->as.regex, value);

    default:
        return eval_leaf(context->image, node, value) ? ONSITE_TRUE
                                                      : ONSITE_FALSE;
    }
}


onsite_truth_t
onsite_condition_node(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *value)
{
    return eval_node(context, node, value);
}


onsite_truth_t
onsite_condition_eval(onsite_context_t *context, onsite_ref_t program)
{
    const onsite_program_t  *p;

    if (program == 0) {
        return ONSITE_TRUE;
    }

    p = onsite_image_at(context->image, program);

    return eval_node(context, p->nodes,
                     context->root != NULL ? context->root : &nothing);
}
