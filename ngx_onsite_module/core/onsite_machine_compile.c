/*
 * onsite_machine_compile.c - machines and their index into an image.
 */

#include "onsite_machine_compile.h"
#include "onsite_index.h"

#include <stdlib.h>


static bool
make_room(void **list, uint32_t n, uint32_t *capacity, size_t size)
{
    void    *more;
    size_t   grown;

    if (n < *capacity) {
        return true;
    }

    grown = *capacity == 0 ? 64 : (size_t) *capacity * 2;
    more = realloc(*list, grown * size);

    if (more == NULL) {
        return false;
    }

    *list = more;
    *capacity = (uint32_t) grown;

    return true;
}


void
onsite_machine_edge(onsite_draft_reader_t *r, onsite_image_str_t event,
    onsite_move_t move, onsite_ref_t where, onsite_ref_t audience)
{
    onsite_draft_edge_t  *e;
    onsite_machines_t    *m = &r->c->machines;

    if (!make_room((void **) &m->edges, m->n_edges, &m->edge_capacity,
                   sizeof(onsite_draft_edge_t)))
    {
        m->failed = true;
        return;
    }

    e = &m->edges[m->n_edges++];
    memset(e, 0, sizeof(*e));

    e->event = event;
    e->edge.machine = m->n;
    e->edge.from = move.from;
    e->edge.to = move.to;
    e->edge.where = where;
    e->edge.audience = audience;
}


onsite_machine_state_t *
onsite_machine_states(onsite_draft_reader_t *r, uint32_t n)
{
    uint32_t                 i;
    onsite_machine_state_t  *states;

    states = onsite_arena_zalloc(r->c->arena,
                                 n * sizeof(onsite_machine_state_t));
    if (states == NULL) {
        r->c->machines.failed = true;
        return NULL;
    }

    for (i = 0; i < n; i++) {
        states[i].hash = i;
    }

    return states;
}


uint32_t
onsite_machine_add(onsite_draft_reader_t *r, const onsite_machine_t *machine,
    onsite_machine_state_t *states)
{
    onsite_machines_t  *m = &r->c->machines;

    if (!r->draft->enabled) {
        m->n_edges = m->n_added;
        return 0;
    }

    if (states == NULL
        || !make_room((void **) &m->list, m->n, &m->capacity,
                      sizeof(onsite_draft_machine_t)))
    {
        m->failed = true;
        return 0;
    }

    m->n_added = m->n_edges;
    m->list[m->n].machine = *machine;
    m->list[m->n].states = states;
    m->list[m->n].file = r->draft->file;

    return m->n++;
}


void
onsite_machines_free(onsite_machines_t *machines)
{
    free(machines->list);
    free(machines->edges);
}


static int
by_hash(const void *a, const void *b)
{
    const onsite_machine_hashed_t  *x = a, *y = b;

    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }

    return (x->number > y->number) - (x->number < y->number);
}


onsite_machine_hashed_t *
onsite_machines_sorted(const onsite_machines_t *m)
{
    uint32_t                  i;
    onsite_machine_hashed_t  *sorted;

    sorted = malloc((m->n + (size_t) 1) * sizeof(*sorted));

    for (i = 0; sorted != NULL && i < m->n; i++) {
        sorted[i].hash = m->list[i].machine.hash;
        sorted[i].number = i;
    }

    if (sorted != NULL) {
        qsort(sorted, m->n, sizeof(*sorted), by_hash);
    }

    return sorted;
}


/* Campaigns under the states that trigger them. */

static bool
list_campaigns(onsite_compiler_t *c, const onsite_draft_t *drafts, size_t n)
{
    size_t                    i;
    uint32_t                 *ranks;
    onsite_machine_state_t   *state;
    const onsite_campaign_t  *campaign;

    for (i = 0; i < n; i++) {
        campaign = &drafts[i].campaign;

        if (campaign->trigger.kind != ONSITE_TRIGGER_EVENT) {
            state = c->machines.list[campaign->trigger.machine].states;
            state[drafts[i].state].n_campaigns++;
        }
    }

    for (i = 0; i < n; i++) {
        campaign = &drafts[i].campaign;

        if (campaign->trigger.kind == ONSITE_TRIGGER_EVENT) {
            continue;
        }

        state = c->machines.list[campaign->trigger.machine].states;
        state += drafts[i].state;

        if (state->campaigns == 0) {
            state->campaigns = onsite_builder_alloc(c->b, state->n_campaigns
                                                          * sizeof(uint32_t));
            state->n_campaigns = 0;
        }

        if (onsite_builder_failed(c->b)) {
            return false;
        }

        ranks = onsite_builder_at(c->b, state->campaigns);
        ranks[state->n_campaigns++] = (uint32_t) i;
    }

    return true;
}


static onsite_ref_t
write_machines(onsite_compiler_t *c)
{
    size_t                   size;
    uint32_t                 i;
    onsite_ref_t             ref, states;
    onsite_machine_t        *machine;
    onsite_draft_machine_t  *draft;

    ref = onsite_builder_alloc(c->b, c->machines.n
                                     * sizeof(onsite_machine_t));

    for (i = 0; i < c->machines.n; i++) {
        draft = &c->machines.list[i];
        size = draft->machine.n_states * sizeof(onsite_machine_state_t);
        states = onsite_builder_alloc(c->b, size);

        if (onsite_builder_failed(c->b)) {
            return 0;
        }

        memcpy(onsite_builder_at(c->b, states), draft->states, size);

        machine = (onsite_machine_t *) onsite_builder_at(c->b, ref) + i;
        *machine = draft->machine;
        machine->states = states;
    }

    return ref;
}


/* By event (those of every event first), then by machine, then as they were
 * added. */

static int
by_event(const void *a, const void *b)
{
    const onsite_draft_edge_t  *x = *(onsite_draft_edge_t *const *) a;
    const onsite_draft_edge_t  *y = *(onsite_draft_edge_t *const *) b;

    if (x->event.ref != y->event.ref) {
        return x->event.ref < y->event.ref ? -1 : 1;
    }

    return x < y ? -1 : x > y;
}


static onsite_ref_t
write_edges(onsite_builder_t *b, const onsite_draft_edge_t *const *edges,
    uint32_t n)
{
    uint32_t                i;
    onsite_ref_t            ref;
    onsite_machine_edge_t  *out;

    ref = onsite_builder_alloc(b, n * sizeof(onsite_machine_edge_t));

    if (onsite_builder_failed(b)) {
        return 0;
    }

    out = onsite_builder_at(b, ref);

    for (i = 0; i < n; i++) {
        out[i] = edges[i]->edge;
    }

    return ref;
}


static void
place_cell(onsite_builder_t *b, const onsite_machine_index_t *index,
    const onsite_machine_cell_t *cell)
{
    uint32_t                i;
    onsite_str_t            name;
    onsite_machine_cell_t  *cells = onsite_builder_at(b, index->cells);

    name = onsite_str(onsite_builder_at(b, cell->name.ref), cell->name.len);

    for (i = onsite_index_name_hash(name);
         cells[i & index->mask].name.len != 0;
         i++)
    {
        /* void */
    }

    cells[i & index->mask] = *cell;
}


/* Edges of one event after the other; edges is sorted. */

static bool
write_cells(onsite_builder_t *b, const onsite_draft_edge_t *const *edges,
    uint32_t n, onsite_machine_index_t *index)
{
    uint32_t               i, next;
    onsite_machine_cell_t  cell;

    for (i = 0; i < n; i = next) {

        for (next = i + 1; next < n; next++) {
            if (edges[next]->event.ref != edges[i]->event.ref) {
                break;
            }
        }

        memset(&cell, 0, sizeof(cell));
        cell.name = edges[i]->event;
        cell.n = next - i;
        cell.edges = write_edges(b, edges + i, cell.n);

        if (cell.edges == 0) {
            return false;
        }

        if (cell.name.len == 0) {
            index->any = cell.edges;
            index->n_any = cell.n;

        } else {
            place_cell(b, index, &cell);
        }
    }

    return true;
}


/* A table with at least half of its cells free. */

static bool
make_table(onsite_builder_t *b, const onsite_draft_edge_t *const *edges,
    uint32_t n, onsite_machine_index_t *index)
{
    uint32_t  i, names = 0;

    for (i = 0; i < n; i++) {
        names += i == 0 || edges[i]->event.ref != edges[i - 1]->event.ref;
    }

    for (index->mask = 1; index->mask < 2 * names; /* void */) {
        index->mask = index->mask * 2 + 1;
    }

    index->cells = onsite_builder_alloc(b, ((size_t) index->mask + 1)
                                           * sizeof(onsite_machine_cell_t));

    return index->cells != 0;
}


static bool
write_by_hash(onsite_compiler_t *c, onsite_machine_index_t *index)
{
    uint32_t                  i, *numbers;
    onsite_machine_hashed_t  *sorted = onsite_machines_sorted(&c->machines);

    index->by_hash = onsite_builder_alloc(c->b, c->machines.n
                                                * sizeof(uint32_t));

    if (sorted == NULL || index->by_hash == 0) {
        free(sorted);
        return false;
    }

    numbers = onsite_builder_at(c->b, index->by_hash);

    for (i = 0; i < c->machines.n; i++) {
        numbers[i] = sorted[i].number;
    }

    free(sorted);

    return true;
}


static bool
write_index(onsite_compiler_t *c, onsite_machine_index_t *index)
{
    bool                         written;
    uint32_t                     i;
    onsite_machines_t           *m = &c->machines;
    const onsite_draft_edge_t  **sorted;

    sorted = malloc((m->n_edges + (size_t) 1) * sizeof(sorted[0]));
    if (sorted == NULL) {
        return false;
    }

    for (i = 0; i < m->n_edges; i++) {
        sorted[i] = &m->edges[i];
    }

    qsort(sorted, m->n_edges, sizeof(sorted[0]), by_event);

    written = make_table(c->b, sorted, m->n_edges, index)
              && write_cells(c->b, sorted, m->n_edges, index)
              && write_by_hash(c, index);

    free(sorted);

    return written;
}


onsite_status_t
onsite_machines_build(onsite_compiler_t *c, const onsite_draft_t *drafts,
    size_t n)
{
    onsite_ref_t             machines, ref;
    onsite_image_header_t   *header;
    onsite_machine_index_t   index = { 0 };

    if (c->machines.failed) {
        return ONSITE_NO_MEMORY;
    }

    if (c->machines.n == 0) {
        return ONSITE_OK;
    }

    if (!list_campaigns(c, drafts, n)) {
        return ONSITE_NO_MEMORY;
    }

    machines = write_machines(c);
    ref = onsite_builder_alloc(c->b, sizeof(index));

    if (machines == 0 || ref == 0 || !write_index(c, &index)) {
        return ONSITE_NO_MEMORY;
    }

    memcpy(onsite_builder_at(c->b, ref), &index, sizeof(index));

    header = onsite_builder_at(c->b, 0);
    header->machines = machines;
    header->n_machines = c->machines.n;
    header->machine_index = ref;

    return ONSITE_OK;
}
