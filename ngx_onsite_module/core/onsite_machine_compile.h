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

/* {"event", "where"} at the reader's path: the event's name (len 0 after an
 * error) and the condition. */
void onsite_draft_event(onsite_draft_reader_t *r,
    const onsite_value_t *object, onsite_image_str_t *event,
    onsite_ref_t *where);

/* No two machines have one hash; entry events do not go round in circles. */
uint32_t onsite_machines_check(onsite_compiler_t *c, onsite_lint_pt lint,
    void *data);

/* Writes all machines, with the campaigns that they trigger (drafts in order
 * of rank), and their index. */
onsite_status_t onsite_machines_build(onsite_compiler_t *c,
    const onsite_draft_t *drafts, size_t n);

void onsite_machines_free(onsite_machines_t *machines);

#endif
