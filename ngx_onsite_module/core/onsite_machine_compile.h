/*
 * onsite_machine_compile.h - machines on their way into an image: what the
 * compilers of journeys, sequences and inactivity share.
 */

#ifndef ONSITE_MACHINE_COMPILE_H
#define ONSITE_MACHINE_COMPILE_H

#include "onsite_campaign_compile.h"
#include "onsite_machine.h"

#define ONSITE_STATE_NAME_MAX  64           /* bytes                       */

/* Where an edge leads, and for whom. */
typedef struct {
    uint32_t  from;
    uint32_t  to;
} onsite_move_t;


/* Edges are of the machine that will be added next. */
void onsite_machine_edge(onsite_draft_reader_t *r, onsite_image_str_t event,
    onsite_move_t move, onsite_ref_t where, onsite_ref_t audience);

/*
 * Adds a machine with its n_states states (in the compiler's arena) and the
 * edges since the last one; of a disabled file it only drops these.  Returns
 * its number.
 */
uint32_t onsite_machine_add(onsite_draft_reader_t *r,
    const onsite_machine_t *machine, onsite_machine_state_t *states);

/* Zeroed states that are called by their numbers; NULL: out of memory. */
onsite_machine_state_t *onsite_machine_states(onsite_draft_reader_t *r,
    uint32_t n);

/* Triggers of a campaign file other than on an event. */
void onsite_draft_sequence(onsite_draft_reader_t *r,
    const onsite_value_t *trigger);
void onsite_draft_inactive(onsite_draft_reader_t *r,
    const onsite_value_t *trigger);
void onsite_draft_journey(onsite_draft_reader_t *r,
    const onsite_value_t *trigger);

/* The number of a journey's state; ONSITE_NO_STATE: there is none, and the
 * error that says so, with the one that was probably meant. */
#define ONSITE_NO_STATE  UINT32_MAX

uint32_t onsite_draft_state(const onsite_draft_journey_t *journey,
    onsite_str_t name);
void onsite_draft_state_unknown(onsite_definition_t *d, const char *key,
    const onsite_draft_journey_t *journey, onsite_str_t name);

/* Warns of states that neither the start nor `moved` leads to, by the edges
 * since the last machine. */
void onsite_journey_reach(onsite_draft_reader_t *r,
    const onsite_draft_journey_t *journey, const onsite_machine_t *machine,
    const onsite_machine_state_t *states);

/*
 * Judges all machines together: no two have one hash, entry events do not go
 * round in circles; a warning when a visitor cannot stand in all of them.
 * Returns how many errors there are.
 */
uint32_t onsite_machines_check(onsite_compiler_t *c, onsite_lint_pt lint,
    void *data);

/* Machines by hash, ascending: numbers, to be freed; NULL: out of memory. */
typedef struct {
    uint32_t  hash;
    uint32_t  number;
} onsite_machine_hashed_t;

onsite_machine_hashed_t *onsite_machines_sorted(const onsite_machines_t *m);

/* Writes all machines, with the campaigns that they trigger (drafts in order
 * of rank), and their index. */
onsite_status_t onsite_machines_build(onsite_compiler_t *c,
    const onsite_draft_t *drafts, size_t n);

void onsite_machines_free(onsite_machines_t *machines);

#endif
