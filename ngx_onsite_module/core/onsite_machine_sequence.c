/*
 * onsite_machine_sequence.c - sequences: several matches on their way at once.
 *
 * Of each position only the match with the latest start is kept: what can
 * still come of a match depends on its position, and its window ends last.
 * So one number a position decides whether any selection of the events fits.
 */

#include "onsite_machine_private.h"
#include "onsite_trigger.h"


/* One sequence on its way through one event. */
typedef struct {
    const onsite_machine_t  *machine;
    onsite_ms_t              time;
    uint32_t                 last;          /* the state that fires        */
    uint32_t                 n;             /* positions in use            */
    bool                     changed;
    onsite_ms_t              starts[ONSITE_PROGRESS_TIMES_MAX];
} match_t;


/* No match of this sequence goes back in time. */

static void
load(match_t *match, const onsite_progress_t *progress,
    const onsite_visitor_t *visitor)
{
    uint32_t  i;

    match->n = 0;

    if (progress == NULL
        || (match->machine->within == ONSITE_WITHIN_SESSION
            && progress->session != visitor->visits))
    {
        return;
    }

    match->n = progress->n < match->last ? progress->n : match->last - 1;
    memcpy(match->starts, progress->times, match->n * sizeof(onsite_ms_t));

    for (i = 0; i < match->n; i++) {
        if (match->starts[i] > match->time) {
            match->time = match->starts[i];
        }
    }
}


/* 0: no match has come so far, or its window is over. */

static onsite_ms_t
start_of(const match_t *match, uint32_t position)
{
    onsite_ms_t  start;

    if (position == 0) {
        return match->time;
    }

    if (position > match->n || match->starts[position - 1] == 0) {
        return 0;
    }

    start = match->starts[position - 1];

    if (match->machine->within == ONSITE_WITHIN_TIME
        && (uint64_t) match->time - (uint64_t) start
           > (uint64_t) match->machine->within_ms)
    {
        return 0;
    }

    return start;
}


static void
set_start(match_t *match, uint32_t position, onsite_ms_t start)
{
    while (match->n < position) {
        match->starts[match->n++] = 0;
    }

    if (match->starts[position - 1] != start) {
        match->starts[position - 1] = start;
        match->changed = true;
    }
}


static void
end_matches(match_t *match, uint32_t position)
{
    if (position == ONSITE_STATE_ANY) {
        match->changed = match->changed || match->n != 0;
        match->n = 0;

    } else if (position != 0 && position <= match->n) {
        set_start(match, position, 0);
    }
}


/* What waits for the end of its window keeps the start that it has: it ends
 * first. */

static void
advance(match_t *match, uint32_t position, onsite_ms_t start)
{
    if (match->machine->timed && position == match->last - 1
        && position <= match->n && match->starts[position - 1] != 0)
    {
        return;
    }

    set_start(match, position, start);
}


static bool
holds(onsite_context_t *context, const onsite_machine_edge_t *edge)
{
    return onsite_condition_eval(context, edge->where) == ONSITE_TRUE
           && onsite_condition_eval(context, edge->audience) == ONSITE_TRUE;
}


/* Whether it fires. */

static bool
move(onsite_context_t *context, match_t *match,
    const onsite_machine_edge_t *edges, uint32_t n)
{
    uint32_t     i;
    onsite_ms_t  start;

    for (i = 0; i < n; i++) {

        if (edges[i].to == ONSITE_STATE_DEAD
            || edges[i].to == ONSITE_STATE_START)
        {
            if (match->n != 0 && holds(context, &edges[i])) {
                end_matches(match, edges[i].from);
            }

            continue;
        }

        start = start_of(match, edges[i].from);

        if (start == 0 || !holds(context, &edges[i])) {
            continue;
        }

        if (edges[i].to == match->last) {
            return true;
        }

        advance(match, edges[i].to, start);
    }

    return false;
}


static void
store(match_t *match, onsite_visitor_t *visitor, onsite_progress_t *progress)
{
    while (match->n > 0 && match->starts[match->n - 1] == 0) {
        match->n--;
    }

    if (match->n == 0) {
        onsite_progress_remove(visitor, progress);
        return;
    }

    if (progress == NULL) {
        progress = onsite_progress_add(visitor, match->machine->hash,
                                       match->time);
    }

    if (progress != NULL) {
        progress->session = visitor->visits;
        progress->starts = true;
        progress->n = (uint8_t) match->n;
        memcpy(progress->times, match->starts,
               match->n * sizeof(onsite_ms_t));
    }
}


onsite_ms_t
onsite_machine_sequence_due(const onsite_machine_t *machine,
    const onsite_progress_t *progress)
{
    onsite_ms_t  due;
    uint32_t     waits = machine->n_states - 2;

    if (!machine->timed || progress->n < waits
        || progress->times[waits - 1] == 0)
    {
        return 0;
    }

    if (__builtin_add_overflow(progress->times[waits - 1],
                               machine->within_ms, &due))
    {
        return INT64_MAX;
    }

    return due;
}


void
onsite_machine_sequence(onsite_context_t *context, onsite_visitor_t *visitor,
    const onsite_machine_t *machine, const onsite_machine_edge_t *edges,
    uint32_t n, onsite_moves_t *moves)
{
    match_t                        match;
    onsite_progress_t             *progress;
    const onsite_machine_state_t  *states;

    match.machine = machine;
    match.time = context->event->time;
    match.last = machine->n_states - 1;
    match.changed = false;

    if (machine->within == ONSITE_WITHIN_SESSION
        && match.time < visitor->session.start)
    {
        return;
    }

    progress = onsite_progress_find(visitor, machine->hash);
    load(&match, progress, visitor);

    if (move(context, &match, edges, n)) {
        states = onsite_states(context->image, machine);
        onsite_moves_fire(moves, context->image, &states[match.last]);
        onsite_progress_remove(visitor, progress);
        return;
    }

    if (!match.changed) {
        return;
    }

    store(&match, visitor, progress);

    progress = onsite_progress_find(visitor, machine->hash);
    if (progress != NULL) {
        onsite_moves_due(moves,
                         onsite_machine_sequence_due(machine, progress));
    }
}
