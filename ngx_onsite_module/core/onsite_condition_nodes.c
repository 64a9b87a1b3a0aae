/*
 * onsite_condition_nodes.c - the nodes of a program as they are written, and
 * where in the condition an error is.
 */

#include "onsite_coerce.h"
#include "onsite_condition_compile.h"

#include <stdio.h>
#include <stdlib.h>


onsite_status_t
condition_refuse(compiler_t *c, const char *reason)
{
    return onsite_error(c->error, ONSITE_INVALID, "%.*s: %s",
                        (int) c->path_len, c->path, reason);
}


/* The path inside the condition; what does not fit is left out. */

size_t
condition_enter(compiler_t *c, onsite_str_t key)
{
    size_t  before = c->path_len, left = sizeof(c->path) - c->path_len;

    if (key.len + 1 < left) {
        if (before != 0) {
            c->path[c->path_len++] = '.';
        }

        if (key.len != 0) {
            memcpy(c->path + c->path_len, key.data, key.len);
        }
        c->path_len += key.len;
    }

    return before;
}


size_t
condition_enter_item(compiler_t *c, uint32_t i)
{
    int     n;
    char    text[16];
    size_t  before = c->path_len;

    n = snprintf(text, sizeof(text), "[%u]", i);

    if ((size_t) n < sizeof(c->path) - before) {
        memcpy(c->path + before, text, (size_t) n);
        c->path_len += (size_t) n;
    }

    return before;
}


onsite_status_t
condition_descend(compiler_t *c)
{
    if (++c->depth > ONSITE_CONDITION_DEPTH_MAX) {
        return onsite_error(c->error, ONSITE_LIMIT, "%.*s: nested more than "
                            "%d levels deep", (int) c->path_len, c->path,
                            ONSITE_CONDITION_DEPTH_MAX);
    }

    return ONSITE_OK;
}


/* The last slot swallows nodes when memory is out: finishing then fails, as the
 * builder remembers. */

uint32_t
condition_begin(compiler_t *c, uint16_t op)
{
    uint32_t        capacity;
    onsite_node_t  *nodes;

    if (c->n == c->capacity) {
        capacity = c->capacity * 2;
        nodes = realloc(c->nodes, capacity * sizeof(onsite_node_t));

        if (nodes == NULL) {
            (void) onsite_builder_alloc(c->b, SIZE_MAX);
            c->n--;

        } else {
            c->nodes = nodes;
            c->capacity = capacity;
        }
    }

    c->nodes[c->n] = (onsite_node_t) { .op = op, .span = 1 };

    return c->n++;
}


void
condition_end(compiler_t *c, uint32_t node)
{
    c->nodes[node].span = c->n - node;
}


onsite_node_t *
condition_leaf(compiler_t *c, uint16_t op, onsite_type_t type)
{
    uint32_t  node = condition_begin(c, op);

    c->nodes[node].type = (uint16_t) type;

    return &c->nodes[node];
}


void
condition_text_leaf(compiler_t *c, uint16_t op, onsite_str_t text)
{
    onsite_image_str_t  s = onsite_builder_str(c->b, text);

    condition_leaf(c, op, ONSITE_STRING)->as.text = s;
}


void
condition_lower_leaf(compiler_t *c, onsite_str_t expected)
{
    onsite_buf_t  text;

    onsite_buf_init(&text, 0);
    onsite_lower_append(&text, expected);
    condition_text_leaf(c, ONSITE_OP_TEXT_LOWER,
                        onsite_str(text.data, text.len));
    onsite_buf_free(&text);
}


onsite_status_t
condition_scalar_leaf(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    switch (operand->type) {

    case ONSITE_STRING:
        condition_text_leaf(c, op, onsite_value_str(operand));
        break;

    case ONSITE_NUMBER:
        condition_leaf(c, op, ONSITE_NUMBER)->as.number = operand->as.number;
        break;

    case ONSITE_BOOL:
        condition_leaf(c, op, ONSITE_BOOL)->as.number = operand->as.boolean;
        break;

    default:
        (void) condition_leaf(c, op, ONSITE_NULL);
    }

    return ONSITE_OK;
}


/* The hash table of a list: twice as many cells as items, at least. */

static void
fill_cells(compiler_t *c, onsite_list_t *list, const onsite_value_t *values,
    bool lower)
{
    uint32_t   i, at, n, *cells;

    for (list->mask = 31; list->mask < list->n * 2; /* void */) {
        list->mask = list->mask * 2 + 1;
    }

    list->cells = onsite_builder_alloc(c->b,
                                       (list->mask + (size_t) 1)
                                       * sizeof(uint32_t));
    if (onsite_builder_failed(c->b)) {
        return;
    }

    cells = onsite_builder_at(c->b, list->cells);

    for (i = 0, n = 0; n < list->n; i++) {
        if (!condition_is_scalar(&values[i])) {
            continue;
        }

        at = (uint32_t) onsite_scalar_hash(&values[i], lower) & list->mask;

        while (cells[at] != 0) {
            at = (at + 1) & list->mask;
        }

        cells[at] = ++n;
    }
}


static onsite_image_value_t
list_item(compiler_t *c, const onsite_value_t *value, bool lower)
{
    onsite_buf_t          text;
    onsite_value_t        lowered;
    onsite_image_value_t  item;

    if (!lower || value->type != ONSITE_STRING) {
        return onsite_builder_value(c->b, value);
    }

    onsite_buf_init(&text, 0);
    onsite_lower_append(&text, onsite_value_str(value));
    lowered = onsite_value_string(onsite_str(text.data, text.len));
    item = onsite_builder_value(c->b, &lowered);
    onsite_buf_free(&text);

    return item;
}


/* Items that are no scalars are left out: nothing is identical to them. */

void
condition_list_leaf(compiler_t *c, uint16_t op, const onsite_value_t *array)
{
    bool                   lower = op == ONSITE_OP_IN_LOWER;
    uint32_t               i;
    onsite_ref_t           ref;
    onsite_list_t          list = { 0 };
    onsite_image_value_t   item;

    list.items = onsite_builder_alloc(c->b, array->len * sizeof(item));

    for (i = 0; i < array->len && !onsite_builder_failed(c->b); i++) {
        if (!condition_is_scalar(&array->as.items[i])) {
            continue;
        }

        item = list_item(c, &array->as.items[i], lower);

        if (!onsite_builder_failed(c->b)) {
            memcpy((char *) onsite_builder_at(c->b, list.items)
                   + list.n++ * sizeof(item), &item, sizeof(item));
        }
    }

    if (list.n > ONSITE_LIST_LINEAR) {
        fill_cells(c, &list, array->as.items, lower);
    }

    ref = onsite_builder_alloc(c->b, sizeof(list));

    if (!onsite_builder_failed(c->b)) {
        memcpy(onsite_builder_at(c->b, ref), &list, sizeof(list));
    }

    condition_leaf(c, op, ONSITE_ARRAY)->as.ref = ref;
}
