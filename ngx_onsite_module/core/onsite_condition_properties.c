/*
 * onsite_condition_properties.c - the event's properties that a condition
 * reads.
 */

#include "onsite_condition_program.h"


size_t
onsite_condition_properties(const onsite_image_t *image, onsite_ref_t program,
    onsite_str_t *keys, size_t max)
{
    size_t                   n = 0;
    uint32_t                 i;
    const onsite_program_t  *p;

    if (program == 0) {
        return 0;
    }

    p = onsite_image_at(image, program);

    for (i = 0; i < p->n_nodes && n < max; i++) {
        if (p->nodes[i].op == ONSITE_OP_SLOT) {
            n = onsite_attribute_property(image, p->nodes[i].as.slot, keys,
                                          n, max);
        }
    }

    return n;
}
