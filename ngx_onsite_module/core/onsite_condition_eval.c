/*
 * onsite_condition_eval.c - evaluates compiled conditions, as GrowthBook's
 * evalCondition does the JSON they were made from.
 */

#include "onsite_coerce.h"
#include "onsite_condition_program.h"

#include <math.h>

static const onsite_value_t  nothing = { .type = ONSITE_ABSENT };


static onsite_truth_t eval_node(onsite_context_t *context,
    const onsite_node_t *node, const onsite_value_t *value);


static bool
is_null(const onsite_value_t *value)
{
    return value->type == ONSITE_ABSENT || value->type == ONSITE_NULL;
}


/* Kleene's logic: false wins over inconclusive. */

static onsite_truth_t
eval_all(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *value)
{
    onsite_truth_t        truth, result = ONSITE_TRUE;
    const onsite_node_t  *child, *end = node + node->span;

    for (child = node + 1; child != end; child += child->span) {
        truth = eval_node(context, child, value);

        if (truth == ONSITE_FALSE) {
            return ONSITE_FALSE;
        }

        if (truth == ONSITE_INCONCLUSIVE) {
            result = ONSITE_INCONCLUSIVE;
        }
    }

    return result;
}


static onsite_truth_t
eval_any(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *value)
{
    onsite_truth_t        truth, result = ONSITE_FALSE;
    const onsite_node_t  *child, *end = node + node->span;

    for (child = node + 1; child != end; child += child->span) {
        truth = eval_node(context, child, value);

        if (truth == ONSITE_TRUE) {
            return ONSITE_TRUE;
        }

        if (truth == ONSITE_INCONCLUSIVE) {
            result = ONSITE_INCONCLUSIVE;
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
    onsite_truth_t  truth, result = ONSITE_FALSE;

    if (value->type != ONSITE_ARRAY) {
        return ONSITE_FALSE;
    }

    for (i = 0; i < value->len; i++) {
        if (is_null(&value->as.items[i])) {
            continue;
        }

        truth = eval_all(context, node, &value->as.items[i]);

        if (truth == ONSITE_TRUE) {
            return ONSITE_TRUE;
        }

        if (truth == ONSITE_INCONCLUSIVE) {
            result = ONSITE_INCONCLUSIVE;
        }
    }

    return result;
}


static onsite_truth_t
some_item(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *array)
{
    uint32_t        i;
    onsite_truth_t  truth, result = ONSITE_FALSE;

    for (i = 0; i < array->len; i++) {
        truth = eval_node(context, node, &array->as.items[i]);

        if (truth == ONSITE_TRUE) {
            return ONSITE_TRUE;
        }

        if (truth == ONSITE_INCONCLUSIVE) {
            result = ONSITE_INCONCLUSIVE;
        }
    }

    return result;
}


static onsite_truth_t
eval_every(onsite_context_t *context, const onsite_node_t *node,
    const onsite_value_t *value)
{
    onsite_truth_t        truth, result = ONSITE_TRUE;
    const onsite_node_t  *child, *end = node + node->span;

    if (value->type != ONSITE_ARRAY) {
        return ONSITE_FALSE;
    }

    for (child = node + 1; child != end; child += child->span) {
        truth = some_item(context, child, value);

        if (truth == ONSITE_FALSE) {
            return ONSITE_FALSE;
        }

        if (truth == ONSITE_INCONCLUSIVE) {
            result = ONSITE_INCONCLUSIVE;
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


/* === with a scalar */

static bool
same_scalar(const onsite_image_t *image, const onsite_value_t *value,
    const onsite_image_value_t *literal)
{
    switch (literal->type) {

    case ONSITE_STRING:
        return value->type == ONSITE_STRING && value->len == literal->len
               && memcmp(value->as.string,
                         onsite_image_at(image, literal->as.ref),
                         literal->len) == 0;

    case ONSITE_NUMBER:
        return value->type == ONSITE_NUMBER
               && value->as.number == literal->as.number;

    case ONSITE_BOOL:
        return value->type == ONSITE_BOOL
               && value->as.boolean == (literal->as.boolean != 0);

    case ONSITE_NULL:
        return is_null(value);

    default:
        return false;
    }
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
        return is_null(value);
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


uint64_t
onsite_scalar_hash(const onsite_value_t *value, bool lower)
{
    double  number;

    switch (value->type) {

    case ONSITE_STRING:
        return lower ? onsite_lower_hash(onsite_value_str(value))
                     : onsite_hash64(value->as.string, value->len, 0);

    case ONSITE_NUMBER:
        number = value->as.number + 0.0;        /* -0 is 0 */
        return onsite_hash64(&number, sizeof(number), 1);

    case ONSITE_BOOL:
        return value->as.boolean ? 3 : 2;

    default:
        return 1;
    }
}


static bool
same_in_list(const onsite_image_t *image, const onsite_value_t *value,
    const onsite_image_value_t *item, bool lower)
{
    onsite_image_str_t  text;

    if (lower && item->type == ONSITE_STRING) {
        text = (onsite_image_str_t) { item->as.ref, item->len };
        return value->type == ONSITE_STRING
               && onsite_text_equal_lower(value,
                                          onsite_image_str(image, text));
    }

    return same_scalar(image, value, item);
}


static bool
list_has(const onsite_image_t *image, const onsite_list_t *list,
    const onsite_value_t *value, bool lower)
{
    uint32_t                     i, at;
    const uint32_t              *cells;
    const onsite_image_value_t  *items;

    items = onsite_image_at(image, list->items);

    if (list->mask == 0) {
        for (i = 0; i < list->n; i++) {
            if (same_in_list(image, value, &items[i], lower)) {
                return true;
            }
        }

        return false;
    }

    cells = onsite_image_at(image, list->cells);
    at = (uint32_t) onsite_scalar_hash(value, lower) & list->mask;

    for (i = 0; i <= list->mask && cells[at] != 0; i++) {
        if (same_in_list(image, value, &items[cells[at] - 1], lower)) {
            return true;
        }
        at = (at + 1) & list->mask;
    }

    return false;
}


static bool
is_in(const onsite_image_t *image, const onsite_node_t *node,
    const onsite_value_t *value)
{
    bool                  lower = node->op == ONSITE_OP_IN_LOWER;
    uint32_t              i;
    const onsite_list_t  *list;

    list = onsite_image_at(image, node->as.ref);

    if (value->type != ONSITE_ARRAY) {
        return list_has(image, list, value, lower);
    }

    for (i = 0; i < value->len; i++) {
        if (list_has(image, list, &value->as.items[i], lower)) {
            return true;
        }
    }

    return false;
}


static bool same_json(const onsite_image_t *image,
    const onsite_value_t *value, const onsite_image_value_t *literal);


static bool
same_items(const onsite_image_t *image, const onsite_value_t *value,
    const onsite_image_value_t *literal)
{
    uint32_t                     i;
    const onsite_image_value_t  *items;

    if (value->len != literal->len) {
        return false;
    }

    items = onsite_image_at(image, literal->as.ref);

    for (i = 0; i < literal->len; i++) {
        if (!same_json(image, &value->as.items[i], &items[i])) {
            return false;
        }
    }

    return true;
}


static bool
is_listed(const onsite_image_t *image, const onsite_image_member_t *members,
    uint32_t n, onsite_str_t key)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (onsite_str_eq(onsite_image_str(image, members[i].key), key)) {
            return true;
        }
    }

    return false;
}


/*
 * The literal's members are listed as JavaScript lists them: n_indices array
 * indices, then the others.  The value's are as they came, so: its indices
 * may stand anywhere, its other keys must first appear in the literal's
 * order, and it must have all of them.
 */

static bool
same_keys(const onsite_image_t *image, const onsite_value_t *value,
    const onsite_image_member_t *members, uint32_t n)
{
    uint32_t      i, next, n_indices;
    onsite_str_t  key;

    n_indices = 0;
    while (n_indices < n
           && onsite_is_array_index(onsite_image_str(image,
                                                members[n_indices].key)))
    {
        n_indices++;
    }

    next = n_indices;

    for (i = 0; i < value->len; i++) {
        key = value->as.members[i].key;

        if (next < n && onsite_str_eq(onsite_image_str(image,
                                                       members[next].key),
                                      key))
        {
            next++;

        } else if (!is_listed(image, members, next, key)) {
            return false;
        }
    }

    return next == n;
}


static bool
same_members(const onsite_image_t *image, const onsite_value_t *value,
    const onsite_image_value_t *literal)
{
    uint32_t                      i;
    const onsite_value_t         *found;
    const onsite_image_member_t  *members;

    members = onsite_image_at(image, literal->as.ref);

    if (!same_keys(image, value, members, literal->len)) {
        return false;
    }

    for (i = 0; i < literal->len; i++) {
        found = onsite_value_get(value,
                                 onsite_image_str(image, members[i].key));

        if (found == NULL || !same_json(image, found, &members[i].value)) {
            return false;
        }
    }

    return true;
}


/* JSON.stringify(value) === JSON.stringify(literal) */

static bool
same_json(const onsite_image_t *image, const onsite_value_t *value,
    const onsite_image_value_t *literal)
{
    switch (literal->type) {

    case ONSITE_ARRAY:
        return value->type == ONSITE_ARRAY
               && same_items(image, value, literal);

    case ONSITE_OBJECT:
        return value->type == ONSITE_OBJECT
               && same_members(image, value, literal);

    case ONSITE_NUMBER:
        if (isfinite(literal->as.number)) {
            return same_scalar(image, value, literal);
        }

        /* its JSON is null */

        /* fall through */

    case ONSITE_NULL:
        return is_null(value) || (value->type == ONSITE_NUMBER
                                  && !isfinite(value->as.number));

    default:
        return same_scalar(image, value, literal);
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
        return !is_null(value)
               && onsite_is_true(value) == (node->as.truth != 0);

    case ONSITE_OP_NULL:
        return is_null(value);

    case ONSITE_OP_JSON:
        return same_json(image, value, onsite_image_at(image, node->as.ref));

    case ONSITE_OP_EQUAL:
        return same_as_node(image, node, value);

    case ONSITE_OP_LESS:
    case ONSITE_OP_LESS_EQUAL:
    case ONSITE_OP_GREATER:
    case ONSITE_OP_GREATER_EQUAL:
        return in_order(image, node, value);

    case ONSITE_OP_EXISTS:
        return !is_null(value);

    case ONSITE_OP_IN:
    case ONSITE_OP_IN_LOWER:
        return is_in(image, node, value);

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
