/*
 * onsite_machine_check.c - what is wrong with machines together.
 */

#include "onsite_machine_compile.h"

#include <stdlib.h>


static uint32_t
tell_same_hash(const onsite_machines_t *m, uint32_t number, uint32_t other,
    onsite_lint_pt lint, void *data)
{
    onsite_str_t         file = m->list[other].file;
    onsite_definition_t  d;

    onsite_definition_init(&d, m->list[number].file, lint, data);
    onsite_definition_error(&d, "id", "has the same hash as that of %.*s:"
                            " rename one", (int) file.len, file.data);

    return d.errors;
}


/* States of all journeys as nodes of one graph, in which an arc leads from a
 * state to those that the event it sends may enter. */

typedef struct {
    const onsite_machines_t  *m;
    uint32_t                 *base;     /* of each machine: its first node */
    uint8_t                  *color;    /* 1: on the way, 2: done          */
} graph_t;

typedef struct {
    uint32_t  machine;
    uint32_t  state;
    uint32_t  next;                     /* edge to be looked at            */
} visit_t;


/* The next state that an entry event of the visited one leads to, and that
 * sends one itself. */

static bool
next_arc(const graph_t *g, visit_t *visit, visit_t *to)
{
    onsite_image_str_t          emits;
    const onsite_draft_edge_t  *e;

    emits = g->m->list[visit->machine].states[visit->state].emits;

    while (visit->next < g->m->n_edges) {
        e = &g->m->edges[visit->next++];

        if (emits.len == 0 || e->event.len != emits.len
            || e->event.ref != emits.ref
            || g->m->list[e->edge.machine].machine.kind
               != ONSITE_MACHINE_JOURNEY
            || (e->edge.machine == visit->machine
                && e->edge.from != visit->state))
        {
            continue;
        }

        *to = (visit_t) { e->edge.machine, e->edge.to, 0 };

        if (g->m->list[to->machine].states[to->state].emits.len != 0) {
            return true;
        }
    }

    return false;
}


/* Depth first from one state; the state at which a circle closes, or false. */

static bool
find_circle(const graph_t *g, visit_t *stack, visit_t *found)
{
    visit_t   to;
    size_t    depth = 1;
    uint8_t  *color;

    while (depth > 0) {

        if (!next_arc(g, &stack[depth - 1], &to)) {
            depth--;
            g->color[g->base[stack[depth].machine] + stack[depth].state] = 2;
            continue;
        }

        color = &g->color[g->base[to.machine] + to.state];

        if (*color == 1) {
            *found = to;
            return true;
        }

        if (*color == 0) {
            *color = 1;
            stack[depth++] = to;
        }
    }

    return false;
}


static uint32_t
tell_circle(onsite_compiler_t *c, const visit_t *at, onsite_lint_pt lint,
    void *data)
{
    onsite_str_t             name, event;
    onsite_definition_t      d;
    onsite_machine_state_t  *state;

    state = &c->machines.list[at->machine].states[at->state];
    name = onsite_str(onsite_builder_at(c->b, state->name.ref),
                      state->name.len);
    event = onsite_str(onsite_builder_at(c->b, state->emits.ref),
                       state->emits.len);

    onsite_definition_init(&d, c->machines.list[at->machine].file, lint,
                           data);
    (void) onsite_definition_enter(&d, ONSITE_STR("states"));
    (void) onsite_definition_enter(&d, name);
    onsite_definition_error(&d, "entry.event", "\"%.*s\" leads back to this"
                            " state, by itself or by the entry events of"
                            " other states: it would never end",
                            (int) event.len, event.data);

    return d.errors;
}


static uint32_t
check_circles(onsite_compiler_t *c, graph_t *g, visit_t *stack,
    onsite_lint_pt lint, void *data)
{
    visit_t   found;
    uint32_t  i, k;

    for (i = 0; i < g->m->n; i++) {
        for (k = 0; k < g->m->list[i].machine.n_states; k++) {

            if (g->color[g->base[i] + k] != 0
                || g->m->list[i].states[k].emits.len == 0)
            {
                continue;
            }

            g->color[g->base[i] + k] = 1;
            stack[0] = (visit_t) { i, k, 0 };

            if (find_circle(g, stack, &found)) {
                return tell_circle(c, &found, lint, data);
            }
        }
    }

    return 0;
}


static uint32_t
find_circles(onsite_compiler_t *c, onsite_lint_pt lint, void *data)
{
    size_t              n = 0;
    visit_t            *stack;
    graph_t             g = { .m = &c->machines };
    uint32_t            i, errors = 0;
    onsite_machines_t  *m = &c->machines;

    g.base = malloc((m->n + (size_t) 1) * sizeof(uint32_t));

    for (i = 0; g.base != NULL && i < m->n; i++) {
        g.base[i] = (uint32_t) n;
        n += m->list[i].machine.n_states;
    }

    g.color = calloc(n + 1, 1);
    stack = malloc((n + 1) * sizeof(visit_t));

    if (g.base == NULL || g.color == NULL || stack == NULL) {
        m->failed = true;

    } else {
        errors = check_circles(c, &g, stack, lint, data);
    }

    free(g.base);
    free(g.color);
    free(stack);

    return errors;
}


/* Each journey may stand in a visitor's record, and each trigger on inactivity
 * be armed there. */

static void
warn_many(const onsite_machines_t *m, onsite_lint_pt lint, void *data)
{
    uint32_t             i, n = 0;
    onsite_definition_t  d;

    for (i = 0; i < m->n; i++) {
        n += m->list[i].machine.kind != ONSITE_MACHINE_SEQUENCE;

        if (m->list[i].machine.kind != ONSITE_MACHINE_SEQUENCE
            && n == ONSITE_STANDINGS_MAX + 1)
        {
            onsite_definition_init(&d, m->list[i].file, lint, data);
            onsite_definition_warn(&d, NULL, "there are more than %d journeys"
                                   " and triggers on inactivity: of a visitor"
                                   " who is in more of them at once the least"
                                   " recently moved are forgotten",
                                   ONSITE_STANDINGS_MAX);
        }
    }
}


uint32_t
onsite_machines_check(onsite_compiler_t *c, onsite_lint_pt lint, void *data)
{
    uint32_t                  i, errors = 0;
    onsite_machine_hashed_t  *sorted = onsite_machines_sorted(&c->machines);

    if (sorted == NULL) {
        c->machines.failed = true;
        return 0;
    }

    for (i = 1; i < c->machines.n; i++) {
        if (sorted[i].hash == sorted[i - 1].hash) {
            errors += tell_same_hash(&c->machines, sorted[i].number,
                                     sorted[i - 1].number, lint, data);
        }
    }

    free(sorted);
    warn_many(&c->machines, lint, data);

    return errors + find_circles(c, lint, data);
}
