/*
 * onsite_condition.c - what is asked of compiled conditions besides their
 * truth: whether they are sound, and which equalities they demand.
 */

#include "onsite_coerce.h"
#include "onsite_condition_program.h"


static bool
literal_is_sound(const onsite_image_t *image, const onsite_node_t *node)
{
    return node->type != ONSITE_STRING
           || onsite_image_holds_str(image, node->as.text);
}


static bool
json_is_sound(const onsite_image_t *image, const onsite_node_t *node)
{
    return onsite_image_holds(image, node->as.ref, 1,
                              sizeof(onsite_image_value_t), 8)
           && onsite_image_holds_value(image,
                                       onsite_image_at(image, node->as.ref),
                                       ONSITE_JSON_DEPTH_MAX);
}


static bool
list_is_sound(const onsite_image_t *image, const onsite_node_t *node)
{
    uint32_t                     i;
    const uint32_t              *cells;
    const onsite_list_t         *list;
    const onsite_image_value_t  *items;

    if (!onsite_image_holds(image, node->as.ref, 1, sizeof(*list), 8)) {
        return false;
    }

    list = onsite_image_at(image, node->as.ref);

    if (!onsite_image_holds(image, list->items, list->n,
                            sizeof(onsite_image_value_t), 8))
    {
        return false;
    }

    items = onsite_image_at(image, list->items);

    for (i = 0; i < list->n; i++) {
        if (!onsite_image_holds_value(image, &items[i], 0)) {
            return false;
        }
    }

    if (list->mask == 0) {
        return true;
    }

    if ((list->mask & (list->mask + 1)) != 0
        || !onsite_image_holds(image, list->cells,
                               list->mask + (uint64_t) 1, sizeof(uint32_t),
                               4))
    {
        return false;
    }

    cells = onsite_image_at(image, list->cells);

    for (i = 0; i <= list->mask; i++) {
        if (cells[i] > list->n) {
            return false;
        }
    }

    return true;
}


static bool
path_is_sound(const onsite_image_t *image, const onsite_node_t *node)
{
    uint32_t                   i;
    const onsite_image_str_t  *keys;

    if (!onsite_image_holds(image, node->as.list.ref, node->as.list.n,
                            sizeof(onsite_image_str_t), 8))
    {
        return false;
    }

    keys = onsite_image_at(image, node->as.list.ref);

    for (i = 0; i < node->as.list.n; i++) {
        if (!onsite_image_holds_str(image, keys[i])) {
            return false;
        }
    }

    return true;
}


static bool
operand_is_sound(const onsite_image_t *image, const onsite_node_t *node)
{
    switch (node->op) {

    case ONSITE_OP_SLOT:
        return node->as.slot < onsite_image_header(image)->n_slots;

    case ONSITE_OP_REGEX:
        return node->as.regex < onsite_image_header(image)->n_regexes;

    case ONSITE_OP_PATH:
        return path_is_sound(image, node);

    case ONSITE_OP_JSON:
        return json_is_sound(image, node);

    case ONSITE_OP_IN:
    case ONSITE_OP_IN_LOWER:
        return list_is_sound(image, node);

    case ONSITE_OP_TEXT:
    case ONSITE_OP_TEXT_LOWER:
    case ONSITE_OP_VERSION_EQUAL:
    case ONSITE_OP_VERSION_LESS:
    case ONSITE_OP_VERSION_LESS_EQUAL:
    case ONSITE_OP_VERSION_GREATER:
    case ONSITE_OP_VERSION_GREATER_EQUAL:
        return node->type == ONSITE_STRING && literal_is_sound(image, node);

    default:
        return literal_is_sound(image, node);
    }
}


/* Spans nest: each node's children fill it exactly. */

static bool
node_is_sound(const onsite_image_t *image, const onsite_node_t *node,
    uint32_t room, int depth)
{
    uint32_t  i;

    if (depth < 0 || node->op >= ONSITE_OPS || node->span == 0
        || node->span > room || node->type > ONSITE_OBJECT
        || (node->op >= ONSITE_OP_FIRST_LEAF && node->span != 1)
        || !operand_is_sound(image, node))
    {
        return false;
    }

    for (i = 1; i < node->span; i += node[i].span) {
        if (!node_is_sound(image, node + i, node->span - i, depth - 1)) {
            return false;
        }
    }

    return true;
}


onsite_status_t
onsite_condition_verify(const onsite_image_t *image, onsite_ref_t program,
    onsite_error_t *error)
{
    const onsite_program_t  *p;

    if (program == 0) {
        return ONSITE_OK;
    }

    if (onsite_image_holds(image, program, 1, sizeof(onsite_program_t), 8)) {
        p = onsite_image_at(image, program);

        if (p->n_nodes != 0
            && onsite_image_holds(image, program + (onsite_ref_t) sizeof(*p),
                                  p->n_nodes, sizeof(onsite_node_t), 8)
            && p->nodes[0].span == p->n_nodes
            && node_is_sound(image, p->nodes, p->n_nodes,
                             ONSITE_PROGRAM_DEPTH_MAX))
        {
            return ONSITE_OK;
        }
    }

    return onsite_error(error, ONSITE_CORRUPT, "condition at %u is damaged: "
                        "build the snapshot anew", program);
}


static uint64_t
key_of_literal(const onsite_image_t *image,
    const onsite_image_value_t *literal)
{
    onsite_value_t  value = { .type = (onsite_type_t) literal->type,
                              .len = literal->len };

    switch (value.type) {

    case ONSITE_STRING:
        value.as.string = onsite_image_at(image, literal->as.ref);
        break;

    case ONSITE_NUMBER:
        value.as.number = literal->as.number;
        break;

    case ONSITE_BOOL:
        value.as.boolean = literal->as.boolean != 0;
        break;

    default:
        break;
    }

    return onsite_text_hash(&value);
}


static uint32_t
keys_of_list(const onsite_image_t *image, const onsite_node_t *node,
    uint64_t *keys)
{
    uint32_t                     i;
    const onsite_list_t         *list;
    const onsite_image_value_t  *items;

    list = onsite_image_at(image, node->as.ref);

    if (list->n > ONSITE_EQUALITY_LITERALS) {
        return 0;
    }

    items = onsite_image_at(image, list->items);

    for (i = 0; i < list->n; i++) {
        keys[i] = key_of_literal(image, &items[i]);
    }

    return list->n;
}


/* The keys of the literals one of which the value must equal; 0: the node
 * demands no equality. */

static uint32_t
keys_of_node(const onsite_image_t *image, const onsite_node_t *node,
    uint64_t *keys)
{
    onsite_image_value_t  literal = { .type = node->type };

    switch (node->op) {

    case ONSITE_OP_NULL:
        literal.type = ONSITE_NULL;
        break;

    case ONSITE_OP_TEXT:
    case ONSITE_OP_NUMBER:
    case ONSITE_OP_EQUAL:
        break;

    case ONSITE_OP_IN:
        return keys_of_list(image, node, keys);

    default:
        return 0;
    }

    if (literal.type == ONSITE_STRING) {
        literal.len = node->as.text.len;
        literal.as.ref = node->as.text.ref;

    } else if (literal.type == ONSITE_NUMBER) {
        literal.as.number = node->as.number;

    } else if (literal.type == ONSITE_BOOL) {
        literal.as.boolean = node->as.number != 0;
    }

    keys[0] = key_of_literal(image, &literal);

    return 1;
}


typedef struct {
    const onsite_image_t  *image;
    onsite_equality_t     *out;
    size_t                 n;
    size_t                 max;
} equalities_t;


static void
collect(equalities_t *e, const onsite_node_t *node, uint32_t slot, bool below)
{
    onsite_equality_t    *out;
    const onsite_node_t  *child, *end = node + node->span;

    for (child = node + 1; child != end && e->n < e->max;
         child += child->span)
    {
        if (child->op == ONSITE_OP_ALL) {
            collect(e, child, slot, below);

        } else if (child->op == ONSITE_OP_SLOT) {
            collect(e, child, child->as.slot, true);

        } else if (below) {
            out = &e->out[e->n];
            out->slot = slot;
            out->n_keys = keys_of_node(e->image, child, out->keys);
            e->n += out->n_keys != 0;
        }
    }
}


size_t
onsite_condition_equalities(onsite_builder_t *b, onsite_ref_t program,
    onsite_equality_t *out, size_t max)
{
    equalities_t             e = { .out = out, .max = max };
    onsite_image_t           image = onsite_builder_view(b);
    const onsite_program_t  *p;

    if (program != 0) {
        e.image = &image;
        p = onsite_image_at(&image, program);
        collect(&e, p->nodes, 0, false);
    }

    return e.n;
}


static bool
add_key(uint64_t *keys, size_t *n, size_t max, uint64_t key)
{
    size_t  i;

    for (i = 0; i < *n; i++) {
        if (keys[i] == key) {
            return true;
        }
    }

    if (*n == max) {
        return false;
    }

    keys[(*n)++] = key;

    return true;
}


static bool
add_items(const onsite_value_t *array, uint64_t *keys, size_t *n, size_t max)
{
    uint32_t               i;
    const onsite_value_t  *item;

    for (i = 0; i < array->len; i++) {
        item = &array->as.items[i];

        if (item->type != ONSITE_ARRAY && item->type != ONSITE_OBJECT
            && !add_key(keys, n, max, onsite_text_hash(item)))
        {
            return false;
        }
    }

    return true;
}


/*
 * Literals stand under the text they would have.  A value meets them under
 * its own text (`value + ""`, and ===, which implies equal texts), and under
 * the text of the number it becomes (`value * 1`).
 */

size_t
onsite_equality_keys(const onsite_value_t *value, uint64_t *keys, size_t max,
    bool *any)
{
    size_t          n = 0;
    onsite_value_t  number;

    *any = false;
    number = onsite_value_number(onsite_to_number(value));

    if (!add_key(keys, &n, max, onsite_text_hash(value))
        || (number.as.number == number.as.number
            && value->type != ONSITE_NUMBER
            && !add_key(keys, &n, max, onsite_text_hash(&number)))
        || (value->type == ONSITE_ARRAY && !add_items(value, keys, &n, max)))
    {
        *any = true;
        return 0;
    }

    return n;
}
