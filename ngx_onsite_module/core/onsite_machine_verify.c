/*
 * onsite_machine_verify.c - machines of an image that is not trusted yet.
 */

#include "onsite_machine.h"
#include "onsite_condition.h"
#include "onsite_index.h"


static bool
duration_holds(int64_t ms)
{
    return ms >= 0 && ms <= ONSITE_DURATION_MAX;
}


/* Ranks, ascending. */

static bool
campaigns_hold(const onsite_image_t *image,
    const onsite_machine_state_t *state)
{
    uint32_t         i;
    const uint32_t  *ranks;

    if (!onsite_image_holds(image, state->campaigns, state->n_campaigns,
                            sizeof(uint32_t), 4))
    {
        return false;
    }

    ranks = onsite_image_at(image, state->campaigns);

    for (i = 0; i < state->n_campaigns; i++) {
        if (ranks[i] >= onsite_image_header(image)->n_campaigns
            || (i > 0 && ranks[i] <= ranks[i - 1]))
        {
            return false;
        }
    }

    return true;
}


static bool
states_hold(const onsite_image_t *image, const onsite_machine_t *m)
{
    uint32_t                       i;
    const onsite_machine_state_t  *state;

    if (!onsite_image_holds(image, m->states, m->n_states,
                            sizeof(onsite_machine_state_t), 8))
    {
        return false;
    }

    state = onsite_image_at(image, m->states);

    for (i = 0; i < m->n_states; i++, state++) {
        if (!onsite_image_holds_str(image, state->name)
            || !onsite_image_holds_str(image, state->emits)
            || state->emits.len > ONSITE_EVENT_NAME_MAX
            || state->final > 1
            || !duration_holds(state->after_ms)
            || !duration_holds(state->inactive_ms)
            || state->after_to >= m->n_states
            || state->inactive_to >= m->n_states
            || !campaigns_hold(image, state))
        {
            return false;
        }
    }

    return true;
}


static bool
moved_holds(const onsite_image_t *image, const onsite_machine_t *m)
{
    uint32_t                       i;
    const onsite_machine_moved_t  *moved;

    if (!onsite_image_holds(image, m->moved, m->n_moved,
                            sizeof(onsite_machine_moved_t), 4))
    {
        return false;
    }

    moved = onsite_image_at(image, m->moved);

    for (i = 0; i < m->n_moved; i++) {
        if (moved[i].to >= m->n_states) {
            return false;
        }
    }

    return true;
}


/* What its kind demands. */

static bool
kind_holds(const onsite_machine_t *m)
{
    switch (m->kind) {

    case ONSITE_MACHINE_JOURNEY:
        return m->n_states >= 1 && m->n_states <= ONSITE_MACHINE_STATES_MAX
               && m->timed == 0;

    case ONSITE_MACHINE_SEQUENCE:
        return m->n_states >= 2
               && m->n_states <= ONSITE_SEQUENCE_STEPS_MAX + 1
               && m->within <= ONSITE_WITHIN_TIME && m->timed <= 1
               && duration_holds(m->within_ms)
               && (m->within != ONSITE_WITHIN_TIME || m->within_ms > 0)
               && (m->timed == 0 || (m->within == ONSITE_WITHIN_TIME
                                     && m->n_states >= 3));

    case ONSITE_MACHINE_INACTIVE:
        return m->n_states == 2 && m->timed == 0;

    default:
        return false;
    }
}


static bool
machine_holds(const onsite_image_t *image, const onsite_machine_t *m)
{
    return onsite_image_holds_str(image, m->id) && kind_holds(m)
           && states_hold(image, m) && moved_holds(image, m);
}


/* A place that an edge of the machine may leave or reach. */

static bool
place_holds(const onsite_machine_t *m, uint32_t state, uint32_t special)
{
    if (state == special) {
        return special == ONSITE_STATE_ANY
               || m->kind == ONSITE_MACHINE_SEQUENCE;
    }

    return state < m->n_states;
}


static onsite_status_t
verify_edges(const onsite_image_t *image, onsite_ref_t ref, uint32_t n,
    onsite_error_t *error)
{
    uint32_t                      i;
    onsite_status_t               status;
    const onsite_machine_t       *machines, *m;
    const onsite_machine_edge_t  *edge;
    const onsite_image_header_t  *header = onsite_image_header(image);

    if (!onsite_image_holds(image, ref, n, sizeof(*edge), 4)) {
        return onsite_error(error, ONSITE_CORRUPT, "edges out of bounds");
    }

    machines = onsite_image_at(image, header->machines);
    edge = onsite_image_at(image, ref);

    for (i = 0; i < n; i++, edge++) {
        m = edge->machine < header->n_machines ? &machines[edge->machine]
                                               : NULL;

        if (m == NULL || (i > 0 && edge->machine < edge[-1].machine)
            || !place_holds(m, edge->from, ONSITE_STATE_ANY)
            || !place_holds(m, edge->to, ONSITE_STATE_DEAD))
        {
            return onsite_error(error, ONSITE_CORRUPT, "edge %u is bad", i);
        }

        status = onsite_condition_verify(image, edge->where, error);

        if (status == ONSITE_OK) {
            status = onsite_condition_verify(image, edge->audience, error);
        }

        if (status != ONSITE_OK) {
            return status;
        }
    }

    return ONSITE_OK;
}


/* A power of two of cells, at least one of them free. */

static onsite_status_t
verify_cells(const onsite_image_t *image, const onsite_machine_index_t *index,
    onsite_error_t *error)
{
    bool                          free_cell = false;
    uint32_t                      i;
    onsite_status_t               status;
    const onsite_machine_cell_t  *cell;

    if ((index->mask & (index->mask + 1)) != 0 || index->mask == UINT32_MAX
        || !onsite_image_holds(image, index->cells,
                               (uint64_t) index->mask + 1, sizeof(*cell), 4))
    {
        return onsite_error(error, ONSITE_CORRUPT, "table out of bounds");
    }

    cell = onsite_image_at(image, index->cells);

    for (i = 0; i <= index->mask; i++, cell++) {

        if (!onsite_image_holds_str(image, cell->name)) {
            return onsite_error(error, ONSITE_CORRUPT, "name out of bounds");
        }

        if (cell->name.len == 0) {
            free_cell = true;
            continue;
        }

        status = verify_edges(image, cell->edges, cell->n, error);

        if (status != ONSITE_OK) {
            return status;
        }
    }

    return free_cell ? ONSITE_OK
                     : onsite_error(error, ONSITE_CORRUPT, "table is full");
}


/* Strictly ascending hashes: then the numbers are a permutation. */

static bool
by_hash_holds(const onsite_image_t *image, onsite_ref_t ref)
{
    uint32_t                      i;
    const uint32_t               *by_hash;
    const onsite_machine_t       *machines;
    const onsite_image_header_t  *header = onsite_image_header(image);

    if (!onsite_image_holds(image, ref, header->n_machines, sizeof(uint32_t),
                            4))
    {
        return false;
    }

    machines = onsite_image_at(image, header->machines);
    by_hash = onsite_image_at(image, ref);

    for (i = 0; i < header->n_machines; i++) {
        if (by_hash[i] >= header->n_machines
            || (i > 0 && machines[by_hash[i]].hash
                         <= machines[by_hash[i - 1]].hash))
        {
            return false;
        }
    }

    return true;
}


static onsite_status_t
verify_index(const onsite_image_t *image, onsite_error_t *error)
{
    onsite_error_t                 why = { "" };
    onsite_status_t                status;
    const onsite_machine_index_t  *index;
    const onsite_image_header_t   *header = onsite_image_header(image);

    if (!onsite_image_holds(image, header->machine_index, 1, sizeof(*index),
                            8))
    {
        return onsite_error(error, ONSITE_CORRUPT, "machines: index out of"
                            " bounds");
    }

    index = onsite_image_at(image, header->machine_index);

    if (!by_hash_holds(image, index->by_hash)) {
        return onsite_error(error, ONSITE_CORRUPT, "machines: out of order");
    }

    status = verify_cells(image, index, &why);

    if (status == ONSITE_OK) {
        status = verify_edges(image, index->any, index->n_any, &why);
    }

    return status == ONSITE_OK ? ONSITE_OK
           : onsite_error(error, status, "machines: %.400s", why.text);
}


/* A campaign's trigger is a machine of its kind. */

static bool
triggers_hold(const onsite_image_t *image)
{
    uint32_t                      i;
    const onsite_machine_t       *machines;
    const onsite_trigger_t       *trigger;
    const onsite_campaign_t      *campaigns;
    const onsite_image_header_t  *header = onsite_image_header(image);

    static const onsite_machine_kind_t  kinds[] = {
        ONSITE_MACHINE_JOURNEY, ONSITE_MACHINE_SEQUENCE,
        ONSITE_MACHINE_JOURNEY, ONSITE_MACHINE_INACTIVE
    };

    machines = onsite_image_at(image, header->machines);
    campaigns = onsite_image_at(image, header->campaigns);

    for (i = 0; i < header->n_campaigns; i++) {
        trigger = &campaigns[i].trigger;

        if (trigger->kind != ONSITE_TRIGGER_EVENT
            && (trigger->machine >= header->n_machines
                || machines[trigger->machine].kind != kinds[trigger->kind]))
        {
            return false;
        }
    }

    return true;
}


onsite_status_t
onsite_machines_verify(const onsite_image_t *image, onsite_error_t *error)
{
    uint32_t                      i;
    const onsite_machine_t       *machines;
    const onsite_image_header_t  *header = onsite_image_header(image);

    if (!onsite_image_holds(image, header->machines, header->n_machines,
                            sizeof(onsite_machine_t), 8))
    {
        return onsite_error(error, ONSITE_CORRUPT, "machines: table out of"
                            " bounds");
    }

    machines = onsite_image_at(image, header->machines);

    for (i = 0; i < header->n_machines; i++) {
        if (!machine_holds(image, &machines[i])) {
            return onsite_error(error, ONSITE_CORRUPT, "machine %u is bad",
                                i);
        }
    }

    if (!triggers_hold(image)) {
        return onsite_error(error, ONSITE_CORRUPT, "machines: a campaign's"
                            " trigger is none of them");
    }

    return header->n_machines == 0 ? ONSITE_OK : verify_index(image, error);
}
