/*
 * onsite_attribute.c - slots: each attribute is looked up once a decision.
 */

#include "onsite_attribute.h"

static const onsite_value_t  absent = { .type = ONSITE_ABSENT };


/* An array's own property: an index in its plain decimal form, or length. */

static onsite_value_t
array_property(const onsite_value_t *array, onsite_str_t key)
{
    uint32_t  index;

    if (onsite_str_eq(key, ONSITE_STR("length"))) {
        return onsite_value_number(array->len);
    }

    return onsite_array_index(key, &index) && index < array->len
           ? array->as.items[index] : absent;
}


static onsite_value_t
property(const onsite_value_t *value, onsite_str_t key)
{
    const onsite_value_t  *found;

    if (value->type == ONSITE_ARRAY) {
        return array_property(value, key);
    }

    found = onsite_value_get(value, key);

    return found != NULL ? *found : absent;
}


onsite_value_t
onsite_attribute_walk(const onsite_image_t *image, const onsite_value_t *from,
    const onsite_image_str_t *keys, uint32_t n_keys)
{
    uint32_t        i;
    onsite_value_t  value;

    value = from != NULL ? *from : absent;

    for (i = 0; i < n_keys && value.type != ONSITE_ABSENT; i++) {
        value = property(&value, onsite_image_str(image, keys[i]));
    }

    return value;
}


static onsite_value_t
resolve(onsite_context_t *context, const onsite_slot_t *slot)
{
    size_t                     i;
    onsite_str_t               keys[ONSITE_PATH_KEYS_MAX];
    const onsite_image_str_t  *names;

    names = onsite_image_at(context->image, slot->keys);

    if (slot->root == ONSITE_ROOT_VALUE) {
        return onsite_attribute_walk(context->image, context->root, names,
                                     slot->n_keys);
    }

    for (i = 0; i < slot->n_keys; i++) {
        keys[i] = onsite_image_str(context->image, names[i]);
    }

    return onsite_attribute_resolve(context, (onsite_root_t) slot->root, keys,
                                    slot->n_keys, slot->zone);
}


const onsite_value_t *
onsite_attribute_slot(onsite_context_t *context, uint32_t slot)
{
    onsite_memo_t        *memo = &context->memo[slot];
    const onsite_slot_t  *slots;

    if (memo->stamp != context->stamp) {
        slots = onsite_image_at(context->image,
                                onsite_image_header(context->image)->slots);

        memo->value = resolve(context, &slots[slot]);
        memo->stamp = context->stamp;
    }

    return &memo->value;
}


void
onsite_context_forget(onsite_context_t *context)
{
    if (++context->stamp == 0) {
        memset(context->memo, 0, onsite_image_header(context->image)->n_slots
                                 * sizeof(onsite_memo_t));
        context->stamp = 1;
    }
}


static size_t
add_key(onsite_str_t *keys, size_t n, size_t max, onsite_str_t key)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (onsite_str_eq(keys[i], key)) {
            return n;
        }
    }

    if (key.len != 0 && n < max) {
        keys[n++] = key;
    }

    return n;
}


size_t
onsite_attribute_property(const onsite_image_t *image, uint32_t slot,
    onsite_str_t *keys, size_t n, size_t max)
{
    const onsite_slot_t       *s;
    const onsite_image_str_t  *path;

    s = onsite_image_at(image, onsite_image_header(image)->slots);
    s += slot;
    path = onsite_image_at(image, s->keys);

    if (s->root == ONSITE_ROOT_PRODUCT) {
        n = add_key(keys, n, max, ONSITE_STR("sku"));
        return add_key(keys, n, max, ONSITE_STR("product_id"));
    }

    if (s->root != ONSITE_ROOT_EVENT || s->n_keys < 2
        || !onsite_str_eq(onsite_image_str(image, path[0]),
                          ONSITE_STR("properties")))
    {
        return n;
    }

    return add_key(keys, n, max, onsite_image_str(image, path[1]));
}
