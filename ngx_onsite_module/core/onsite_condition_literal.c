/*
 * onsite_condition_literal.c - whether a value is a literal of a program: one
 * of a list, or the same as JSON.
 */

#include "onsite_coerce.h"
#include "onsite_condition_program.h"

#include <math.h>


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
        return condition_is_null(value);

    default:
        return false;
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


bool
condition_is_in(const onsite_image_t *image, const onsite_node_t *node,
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
        if (!condition_same_json(image, &value->as.items[i], &items[i])) {
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

        if (found == NULL
            || !condition_same_json(image, found, &members[i].value))
        {
            return false;
        }
    }

    return true;
}


/* JSON.stringify(value) === JSON.stringify(literal) */

bool
condition_same_json(const onsite_image_t *image, const onsite_value_t *value,
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
        return condition_is_null(value) || (value->type == ONSITE_NUMBER
                                            && !isfinite(value->as.number));

    default:
        return same_scalar(image, value, literal);
    }
}
