/*
 * onsite_journey_lint.c - warnings about journeys: states that nobody reaches,
 * and what was probably meant.
 */

#include "onsite_machine_compile.h"


static void
mark(bool *reached, uint32_t *queue, uint32_t *n, uint32_t state)
{
    if (!reached[state]) {
        reached[state] = true;
        queue[(*n)++] = state;
    }
}


/* All that can be reached from what is marked. */

static void
spread(const onsite_machines_t *m, const onsite_machine_state_t *states,
    bool *reached, uint32_t *queue, uint32_t n)
{
    uint32_t                       i, k;
    const onsite_machine_state_t  *state;

    for (i = 0; i < n; i++) {
        state = &states[queue[i]];

        for (k = m->n_added; k < m->n_edges; k++) {
            if (m->edges[k].edge.from == queue[i]) {
                mark(reached, queue, &n, m->edges[k].edge.to);
            }
        }

        if (state->after_ms != 0) {
            mark(reached, queue, &n, state->after_to);
        }

        if (state->inactive_ms != 0) {
            mark(reached, queue, &n, state->inactive_to);
        }
    }
}


void
onsite_journey_reach(onsite_draft_reader_t *r,
    const onsite_draft_journey_t *journey, const onsite_machine_t *machine,
    const onsite_machine_state_t *states)
{
    bool                           reached[ONSITE_MACHINE_STATES_MAX] = { 0 };
    uint32_t                       i, n = 0;
    uint32_t                       queue[ONSITE_MACHINE_STATES_MAX];
    const onsite_machine_moved_t  *moved;

    mark(reached, queue, &n, ONSITE_STATE_START);
    moved = onsite_builder_at(r->b, machine->moved);

    for (i = 0; i < machine->n_moved; i++) {
        mark(reached, queue, &n, moved[i].to);
    }

    spread(&r->c->machines, states, reached, queue, n);

    for (i = 0; i < journey->n; i++) {
        if (!reached[i]) {
            (void) onsite_definition_enter(r->d, ONSITE_STR("states"));
            (void) onsite_definition_enter(r->d, journey->names[i]);
            onsite_definition_warn(r->d, NULL, "is never reached: nothing"
                                   " leads here from \"%.*s\"",
                                   (int) journey->names[0].len,
                                   journey->names[0].data);
            onsite_definition_leave(r->d, 0);
        }
    }
}


/* Events are keys here: {"on": {"Product Viewed": ...}}. */

static void
lint_state(onsite_draft_reader_t *r, const onsite_value_t *state)
{
    size_t                 len, key;
    uint32_t               i;
    const onsite_value_t  *on, *entry;

    on = onsite_definition_get(state, "on");
    entry = onsite_definition_get(state, "entry");

    len = onsite_definition_enter(r->d, ONSITE_STR("on"));

    for (i = 0; on != NULL && i < on->len; i++) {
        key = onsite_definition_enter(r->d, on->as.members[i].key);
        onsite_event_name_lint(r->d, NULL, on->as.members[i].key);
        onsite_trigger_lint(r, &on->as.members[i].value);
        onsite_definition_leave(r->d, key);
    }

    onsite_definition_leave(r->d, len);

    if (entry != NULL) {
        len = onsite_definition_enter(r->d, ONSITE_STR("entry"));
        onsite_trigger_lint(r, entry);
        onsite_definition_leave(r->d, len);
    }
}


void
onsite_journey_lint(onsite_draft_reader_t *r)
{
    size_t                 len, key;
    uint32_t               i;
    const onsite_value_t  *states;

    states = onsite_definition_get(r->draft->definition, "states");
    len = onsite_definition_enter(r->d, ONSITE_STR("states"));

    for (i = 0; i < states->len; i++) {
        key = onsite_definition_enter(r->d, states->as.members[i].key);
        lint_state(r, &states->as.members[i].value);
        onsite_definition_leave(r->d, key);
    }

    onsite_definition_leave(r->d, len);
}
