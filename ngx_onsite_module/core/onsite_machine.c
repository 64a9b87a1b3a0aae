/*
 * onsite_machine.c - what an event moves.
 *
 * Journeys and armed triggers are moved on the side, and the visitor's
 * standings written once at the end: so conditions see them as they were, and
 * the least recently moved stay first.
 */

#include "onsite_machine_private.h"
#include "onsite_index.h"

#define TABLE_SIZE  128             /* a power of two, twice the standings */
#define NOWHERE     UINT32_MAX

_Static_assert(ONSITE_STANDINGS_MAX <= 64, "a bit each in gone");
_Static_assert(ONSITE_STANDINGS_MAX * 2 <= TABLE_SIZE, "cells stay free");


/* The edges of one machine that an event can take. */
typedef struct {
    const onsite_machine_edge_t  *named;
    uint32_t                      n_named;
    const onsite_machine_edge_t  *any;
    uint32_t                      n_any;
} edges_t;


typedef struct {
    onsite_context_t        *context;
    onsite_visitor_t        *visitor;
    onsite_moves_t          *moves;
    const onsite_machine_t  *machines;
    bool                     tabled;
    uint64_t                 gone;          /* 1 << place: this standing is
                                               replaced, or no more        */
    uint32_t                 n_moved;
    onsite_standing_t        moved[ONSITE_STANDINGS_MAX];
    uint8_t                  table[TABLE_SIZE];
                                            /* 1 + place of a standing, by its
                                               machine's hash              */
} run_t;


static void
fire(onsite_moves_t *moves, uint32_t rank)
{
    uint32_t  k;

    for (k = moves->n_fired; k > 0 && moves->fired[k - 1] > rank; k--) {
        /* void */
    }

    if (k > 0 && moves->fired[k - 1] == rank) {
        return;
    }

    if (moves->n_fired == ONSITE_FIRED_MAX) {
        moves->lost++;
        return;
    }

    memmove(&moves->fired[k + 1], &moves->fired[k],
            (moves->n_fired - k) * sizeof(uint32_t));
    moves->fired[k] = rank;
    moves->n_fired++;
}


void
onsite_moves_fire(onsite_moves_t *moves, const onsite_image_t *image,
    const onsite_machine_state_t *state)
{
    uint32_t         i;
    const uint32_t  *ranks = onsite_image_at(image, state->campaigns);

    for (i = 0; i < state->n_campaigns; i++) {
        fire(moves, ranks[i]);
    }
}


void
onsite_moves_join(onsite_moves_t *moves, const onsite_moves_t *other)
{
    uint32_t  i;

    for (i = 0; i < other->n_fired; i++) {
        fire(moves, other->fired[i]);
    }
}


void
onsite_moves_step(onsite_moves_t *moves, const onsite_machine_t *machine,
    uint32_t from, uint32_t to)
{
    if (moves->n_steps == ONSITE_STANDINGS_MAX) {
        moves->lost++;
        return;
    }

    moves->steps[moves->n_steps++] = (onsite_step_t) { machine, from, to };
}


static void
fill_table(run_t *run)
{
    uint32_t  i, cell;

    memset(run->table, 0, sizeof(run->table));

    for (i = 0; i < run->visitor->n_standings; i++) {
        cell = run->visitor->standings[i].machine;

        while (run->table[cell % TABLE_SIZE] != 0) {
            cell++;
        }

        run->table[cell % TABLE_SIZE] = (uint8_t) (i + 1);
    }

    run->tabled = true;
}


static uint32_t
find_standing(run_t *run, uint32_t machine)
{
    uint32_t                  cell, place;
    const onsite_standing_t  *standings = run->visitor->standings;

    if (run->visitor->n_standings == 0) {
        return NOWHERE;
    }

    if (!run->tabled) {
        fill_table(run);
    }

    for (cell = machine; /* void */; cell++) {
        place = run->table[cell % TABLE_SIZE];

        if (place == 0) {
            return NOWHERE;
        }

        if (standings[place - 1].machine == machine) {
            return place - 1;
        }
    }
}


static const onsite_machine_edge_t *
choose(onsite_context_t *context, const onsite_machine_edge_t *edges,
    uint32_t n, uint32_t from)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if ((edges[i].from == ONSITE_STATE_ANY || edges[i].from == from)
            && onsite_condition_eval(context, edges[i].where) == ONSITE_TRUE
            && onsite_condition_eval(context, edges[i].audience)
               == ONSITE_TRUE)
        {
            return &edges[i];
        }
    }

    return NULL;
}


/* Stands at state number to, from now on; place is where it stood. */

static void
stand(run_t *run, const onsite_machine_t *machine, uint32_t place, uint32_t to)
{
    uint32_t                       timer = 0;
    onsite_ms_t                    since = run->context->event->time;
    const onsite_machine_state_t  *state;

    state = &onsite_states(run->context->image, machine)[to];

    if (place != NOWHERE) {
        run->gone |= (uint64_t) 1 << place;

        if (run->visitor->standings[place].since > since) {
            since = run->visitor->standings[place].since;
        }
    }

    if (!onsite_machine_kept(machine, state, to)) {
        return;
    }

    if (run->n_moved == ONSITE_STANDINGS_MAX) {
        run->moves->lost++;
        return;
    }

    run->moved[run->n_moved++] = (onsite_standing_t) {
        machine->hash, state->hash, since
    };

    onsite_moves_due(run->moves,
                     onsite_machine_state_due(state, since,
                                              run->visitor->last_seen,
                                              &timer));
}


static void
move_journey(run_t *run, const onsite_machine_t *machine, const edges_t *edges,
    uint32_t place, uint32_t from)
{
    const onsite_image_t         *image = run->context->image;
    const onsite_machine_edge_t  *edge;

    edge = choose(run->context, edges->named, edges->n_named, from);

    if (edge == NULL) {
        if (edges->n_any != 0 && place == NOWHERE) {
            stand(run, machine, NOWHERE, ONSITE_STATE_START);
        }

        return;
    }

    stand(run, machine, place, edge->to);
    onsite_moves_step(run->moves, machine, from, edge->to);
    onsite_moves_fire(run->moves, image,
                      &onsite_states(image, machine)[edge->to]);
}


static void
move_armed(run_t *run, const onsite_machine_t *machine, const edges_t *edges,
    uint32_t place, uint32_t from)
{
    const onsite_machine_edge_t  *edge;

    edge = choose(run->context, edges->named, edges->n_named, from);

    if (edge == NULL) {
        edge = choose(run->context, edges->any, edges->n_any, from);
    }

    if (edge != NULL && edge->to != from) {
        stand(run, machine, place, edge->to);
    }
}


static void
move_machine(run_t *run, uint32_t number, const edges_t *edges)
{
    uint32_t                 place, from = ONSITE_STATE_START;
    const onsite_machine_t  *machine = &run->machines[number];

    if (machine->kind == ONSITE_MACHINE_SEQUENCE) {
        onsite_machine_sequence(run->context, run->visitor, machine,
                                edges->named, edges->n_named, run->moves);
        return;
    }

    place = find_standing(run, machine->hash);

    if (place != NOWHERE) {
        from = onsite_machine_stands(run->context->image, machine,
                   run->visitor->standings[place].state);
    }

    if (machine->kind == ONSITE_MACHINE_JOURNEY) {
        move_journey(run, machine, edges, place, from);

    } else {
        move_armed(run, machine, edges, place, from);
    }
}


/* Those that stay, then those that moved; of too many the first go. */

static void
write_standings(run_t *run)
{
    uint32_t           i, n = 0, extra;
    onsite_visitor_t  *v = run->visitor;

    if (run->gone == 0 && run->n_moved == 0) {
        return;
    }

    for (i = 0; i < v->n_standings; i++) {
        if ((run->gone >> i & 1) == 0) {
            v->standings[n++] = v->standings[i];
        }
    }

    if (n + run->n_moved > ONSITE_STANDINGS_MAX) {
        extra = n + run->n_moved - ONSITE_STANDINGS_MAX;
        n -= extra;
        memmove(v->standings, v->standings + extra,
                n * sizeof(onsite_standing_t));
    }

    memcpy(v->standings + n, run->moved,
           run->n_moved * sizeof(onsite_standing_t));
    v->n_standings = n + run->n_moved;
}


static const onsite_machine_cell_t *
find_cell(const onsite_image_t *image, const onsite_machine_index_t *index,
    onsite_str_t name)
{
    uint32_t                      i;
    const onsite_machine_cell_t  *cells, *cell;

    cells = onsite_image_at(image, index->cells);

    for (i = onsite_index_name_hash(name); /* void */; i++) {
        cell = &cells[i & index->mask];

        if (cell->name.len == 0
            || onsite_str_eq(onsite_image_str(image, cell->name), name))
        {
            return cell;
        }
    }
}


/* How many of the edges that are left are of this machine. */

static uint32_t
count_edges(const onsite_machine_edge_t *edges, uint32_t left,
    uint32_t machine)
{
    uint32_t  n = 0;

    while (n < left && edges[n].machine == machine) {
        n++;
    }

    return n;
}


/* Both lists are by machine: each machine is moved once. */

static void
move_all(run_t *run, edges_t left)
{
    edges_t   edges = left;
    uint32_t  machine;

    while (left.n_named != 0 || left.n_any != 0) {
        machine = left.n_named != 0 ? left.named->machine : NOWHERE;

        if (left.n_any != 0 && left.any->machine < machine) {
            machine = left.any->machine;
        }

        edges.named = left.named;
        edges.n_named = count_edges(left.named, left.n_named, machine);
        edges.any = left.any;
        edges.n_any = count_edges(left.any, left.n_any, machine);

        left.named += edges.n_named;
        left.n_named -= edges.n_named;
        left.any += edges.n_any;
        left.n_any -= edges.n_any;

        move_machine(run, machine, &edges);
    }
}


void
onsite_machines_event(onsite_context_t *context, onsite_visitor_t *visitor,
    bool synthetic, onsite_moves_t *moves)
{
    run_t                          run;
    edges_t                        edges = { 0 };
    const onsite_image_t          *image = context->image;
    const onsite_machine_cell_t   *cell;
    const onsite_machine_index_t  *index;

    onsite_moves_init(moves);

    if (onsite_image_header(image)->n_machines == 0) {
        return;
    }

    index = onsite_image_at(image, onsite_image_header(image)->machine_index);
    cell = find_cell(image, index, context->event->name);

    edges.named = onsite_image_at(image, cell->edges);
    edges.n_named = cell->n;
    edges.any = onsite_image_at(image, index->any);
    edges.n_any = synthetic ? 0 : index->n_any;

    if (edges.n_named == 0 && edges.n_any == 0) {
        return;
    }

    run.context = context;
    run.visitor = visitor;
    run.moves = moves;
    run.machines = onsite_machines(image);
    run.tabled = false;
    run.gone = 0;
    run.n_moved = 0;

    move_all(&run, edges);
    write_standings(&run);
    moves->due = onsite_machine_not_before(moves->due, visitor);
}
