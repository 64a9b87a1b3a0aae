/*
 * onsite_machine_private.h - what the files of onsite_machine share.
 */

#ifndef ONSITE_MACHINE_PRIVATE_H
#define ONSITE_MACHINE_PRIVATE_H

#include "onsite_condition.h"
#include "onsite_machine.h"

static inline const onsite_machine_t *
onsite_machines(const onsite_image_t *image)
{
    return onsite_image_at(image, onsite_image_header(image)->machines);
}

static inline const onsite_machine_state_t *
onsite_states(const onsite_image_t *image,
    const onsite_machine_t *machine)
{
    return onsite_image_at(image, machine->states);
}

/* The number of the state that a visitor's record calls by hash: one that is
 * gone is where `moved` says, else the start. */
uint32_t onsite_machine_stands(const onsite_image_t *image,
    const onsite_machine_t *machine, uint32_t hash);

/* What says no more than that the visitor is at the start is not kept. */
static inline bool
onsite_machine_kept(const onsite_machine_t *machine,
    const onsite_machine_state_t *state, uint32_t number)
{
    return number != ONSITE_STATE_START
           || (machine->kind == ONSITE_MACHINE_JOURNEY
               && (state->after_ms != 0 || state->inactive_ms != 0));
}

/* When a state's timer is due that was entered at since, of a visitor who was
 * last heard of at `heard`; 0: it has none.  Of a tie, `after` is first. */
onsite_ms_t onsite_machine_state_due(const onsite_machine_state_t *state,
    onsite_ms_t since, onsite_ms_t heard, uint32_t *to);

/* Nothing fires before the latest event had arrived. */
static inline onsite_ms_t
onsite_machine_not_before(onsite_ms_t due, const onsite_visitor_t *visitor)
{
    return due != 0 && due < visitor->last_seen ? visitor->last_seen : due;
}

/* When a timed sequence fires; 0: no match waits for its end. */
onsite_ms_t onsite_machine_sequence_due(const onsite_machine_t *machine,
    const onsite_progress_t *progress);

/* The lists are not cleared: their counts say what is in them. */
static inline void
onsite_moves_init(onsite_moves_t *moves)
{
    moves->n_fired = 0;
    moves->n_steps = 0;
    moves->lost = 0;
    moves->due = 0;
}

/* Adds the state's campaigns to what has fired. */
void onsite_moves_fire(onsite_moves_t *moves, const onsite_image_t *image,
    const onsite_machine_state_t *state);

void onsite_moves_step(onsite_moves_t *moves, const onsite_machine_t *machine,
    uint32_t from, uint32_t to);

static inline void
onsite_moves_due(onsite_moves_t *moves, onsite_ms_t due)
{
    if (due != 0 && (moves->due == 0 || due < moves->due)) {
        moves->due = due;
    }
}

/* Moves one sequence by the event; edges are its own, in order. */
void onsite_machine_sequence(onsite_context_t *context,
    onsite_visitor_t *visitor, const onsite_machine_t *machine,
    const onsite_machine_edge_t *edges, uint32_t n, onsite_moves_t *moves);

#endif
