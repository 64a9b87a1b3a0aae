/*
 * onsite_decide_private.h - what the files of a decision share.
 *
 *   onsite_decide.c           whether a campaign is shown; the decision
 *   onsite_decide_waiting.c   campaigns that fired earlier
 *   onsite_decide_skipped.c   those that were not considered, for explain
 */

#ifndef ONSITE_DECIDE_PRIVATE_H
#define ONSITE_DECIDE_PRIVATE_H

#include "onsite_decide.h"
#include "onsite_schedule.h"

/* A campaign that fired earlier, on its way through this decision. */
typedef struct {
    uint32_t          rank;         /* its number in the image             */
    uint32_t          age;          /* its place in visitor->pending       */
    bool              armed;        /* it was armed, and is released       */
    onsite_pending_t  entry;
} waiting_t;


typedef struct {
    onsite_context_t               *context;
    onsite_visitor_t               *visitor;
    const onsite_decide_options_t  *options;
    onsite_decision_t              *decision;
    const onsite_campaign_t        *campaigns;
    onsite_clock_t                  clock;
    uint32_t                        fresh;      /* became pending now      */
    uint32_t                        first_lost; /* rank of the highest not
                                                   shown                   */
    uint32_t                        n_waiting;
    uint32_t                        n_tried;    /* of waiting              */
    uint32_t                        n_fired;    /* tried of options->fired */
    waiting_t                       waiting[ONSITE_PENDING_MAX + 1];
                                                /* by rank                 */
    bool                            releases;   /* what is armed, now      */
    uint32_t                        stays;      /* bit 1 << age            */
} decide_t;


/* onsite_decide.c */

/* What may run where nothing may be read or kept. */
bool decide_runs_without_consent(const decide_t *d,
    const onsite_campaign_t *campaign);

/* What a condition that is not met is told as. */
onsite_reason_t decide_condition(decide_t *d, onsite_ref_t program,
    onsite_reason_t reason);

/* Tries one, counts it and has it explained.  waited: it fired earlier. */
onsite_reason_t decide_consider(decide_t *d, uint32_t rank, bool waited);

/* What would come of it if it fired now: nothing is changed by that. */
onsite_reason_t decide_if_fired(decide_t *d,
    const onsite_campaign_t *campaign);

/* For one that was not tried, too. */
void decide_lost(decide_t *d, uint32_t rank, onsite_reason_t reason);
void decide_tell(decide_t *d, const onsite_campaign_t *campaign,
    onsite_reason_t reason, bool waited);

/* onsite_decide_waiting.c */

/* Takes what may be shown now into d->waiting. */
void decide_waiting_take(decide_t *d);

void decide_waiting_next(decide_t *d);

/* Considers those of at most this rank that are still to be tried.  Inline, as
 * it is asked for every candidate and mostly has nothing to do. */
static inline void
decide_waiting_until(decide_t *d, uint32_t rank)
{
    while (d->n_tried < d->n_waiting && d->waiting[d->n_tried].rank <= rank) {
        decide_waiting_next(d);
    }
}

/* Puts back what only lost its place to another. */
void decide_waiting_keep(decide_t *d);

bool decide_is_waiting(const decide_t *d, uint32_t rank);

/* onsite_decide_skipped.c */

/* Explains campaigns from *rank to below end that wait for the event and that
 * the index knew to fail. */
void decide_explain_skipped(decide_t *d, uint32_t *rank, uint32_t end);

#endif
