/*
 * onsite_condition_properties.c - the event's properties that a condition
 * reads.
 */

#include "onsite_condition_program.h"


/* The property that a slot leads to; empty: to something else. */

static onsite_str_t
property(const onsite_image_t *image, uint32_t number)
{
    onsite_str_t               first;
    const onsite_slot_t       *slots, *slot;
    const onsite_image_str_t  *keys;

    slots = onsite_image_at(image, onsite_image_header(image)->slots);
    slot = &slots[number];

    if (slot->root == ONSITE_ROOT_EVENT && slot->n_keys >= 2) {
        keys = onsite_image_at(image, slot->keys);
        first = onsite_image_str(image, keys[0]);

        if (onsite_str_eq(first, ONSITE_STR("properties"))) {
            return onsite_image_str(image, keys[1]);
        }
    }

    return onsite_str("", 0);
}


static bool
is_listed(const onsite_str_t *keys, size_t n, onsite_str_t key)
{
    while (n-- > 0) {
        if (onsite_str_eq(keys[n], key)) {
            return true;
        }
    }

    return false;
}


size_t
onsite_condition_properties(const onsite_image_t *image, onsite_ref_t program,
    onsite_str_t *keys, size_t max)
{
    size_t                   n = 0;
    uint32_t                 i;
    onsite_str_t             key;
    const onsite_program_t  *p;

    if (program == 0) {
        return 0;
    }

    p = onsite_image_at(image, program);

    for (i = 0; i < p->n_nodes && n < max; i++) {
        if (p->nodes[i].op != ONSITE_OP_SLOT) {
            continue;
        }

        key = property(image, p->nodes[i].as.slot);

        if (key.len != 0 && !is_listed(keys, n, key)) {
            keys[n++] = key;
        }
    }

    return n;
}
