/*
 * onsite_machine_find.c - machines by hash, and where a visitor stands.
 */

#include "onsite_machine_private.h"


const onsite_machine_t *
onsite_machine_find(const onsite_image_t *image, uint32_t hash)
{
    uint32_t                         low, high, middle;
    const uint32_t                  *by_hash;
    const onsite_machine_t          *machines;
    const onsite_image_header_t     *header;
    const onsite_machine_index_t    *index;

    header = onsite_image_header(image);

    if (header->n_machines == 0) {
        return NULL;
    }

    index = onsite_image_at(image, header->machine_index);
    machines = onsite_machines(image);
    by_hash = onsite_image_at(image, index->by_hash);

    low = 0;
    high = header->n_machines;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (machines[by_hash[middle]].hash < hash) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    if (low == header->n_machines || machines[by_hash[low]].hash != hash) {
        return NULL;
    }

    return &machines[by_hash[low]];
}


uint32_t
onsite_machine_stands(const onsite_image_t *image,
    const onsite_machine_t *machine, uint32_t hash)
{
    uint32_t                       i;
    const onsite_machine_moved_t  *moved;
    const onsite_machine_state_t  *states;

    states = onsite_states(image, machine);

    for (i = 0; i < machine->n_states; i++) {
        if (states[i].hash == hash) {
            return i;
        }
    }

    moved = onsite_image_at(image, machine->moved);

    for (i = 0; i < machine->n_moved; i++) {
        if (moved[i].from == hash) {
            return moved[i].to;
        }
    }

    return ONSITE_STATE_START;
}


onsite_str_t
onsite_journey_state(const onsite_image_t *image,
    const onsite_visitor_t *visitor, onsite_str_t id)
{
    uint32_t                       i, state = ONSITE_STATE_START;
    const onsite_machine_t        *machine;
    const onsite_machine_state_t  *states;

    machine = onsite_machine_find(image,
                  onsite_machine_hash(ONSITE_MACHINE_JOURNEY, id));

    if (machine == NULL || machine->kind != ONSITE_MACHINE_JOURNEY) {
        return onsite_str("", 0);
    }

    for (i = 0; i < visitor->n_standings; i++) {
        if (visitor->standings[i].machine == machine->hash) {
            state = onsite_machine_stands(image, machine,
                                          visitor->standings[i].state);
            break;
        }
    }

    states = onsite_states(image, machine);

    return onsite_image_str(image, states[state].name);
}


bool
onsite_machines_timed(const onsite_image_t *image)
{
    uint32_t                       i, k;
    const onsite_machine_t        *machine;
    const onsite_machine_state_t  *states;

    for (i = 0; i < onsite_image_header(image)->n_machines; i++) {
        machine = &onsite_machines(image)[i];
        states = onsite_states(image, machine);

        if (machine->timed) {
            return true;
        }

        for (k = 0; k < machine->n_states; k++) {
            if (states[k].after_ms != 0 || states[k].inactive_ms != 0) {
                return true;
            }
        }
    }

    return false;
}
