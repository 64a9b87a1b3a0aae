/*
 * onsite_decide_explain.h - the facts behind a reason, for onsite_decide.c.
 */

#ifndef ONSITE_DECIDE_EXPLAIN_H
#define ONSITE_DECIDE_EXPLAIN_H

#include "onsite_decide.h"
#include "onsite_schedule.h"

typedef struct {
    onsite_context_t         *context;
    onsite_clock_t           *clock;
    const onsite_visitor_t   *visitor;      /* NULL: no consent            */
    const onsite_decision_t  *decision;     /* so far                      */
    bool                      waited;       /* fired earlier               */
    bool                      released;     /* and was armed               */
    onsite_reason_t           then;         /* of one whose trigger has not
                                               come: were it to, now       */
} onsite_explain_t;

/*
 * Appends a JSON object of what the reason rests on, or nothing where the
 * reason says it all:
 *
 *   where, audience   what onsite_condition_explain says; also for
 *   inconclusive      a regex that ran into its limits
 *   schedule          {"from"} or {"until"} (UTC), {"days","today"} or
 *                     {"hours","now"} in the campaign's time zone
 *   count             {"count":1,"of":3}
 *   cap               {"cap":1,"per":"session","shown":1}, or
 *                     {"answer":true}: it is in this answer already
 *   stopped           {"stopped":["clicked"]}
 *   group             {"other":"id of what is shown"}, for a slot {"slot"} too
 *   coverage, holdout {"coverage":0.5}, {"holdout":0.05}
 *   limit             {"most":8}
 *   trigger           {"journey":"game","state":"left"}, {"sequence":1,"of":3}
 *                     or {"inactive":14400}, in seconds, with "due":
 *                     the moment (UTC) if it is being waited for.  Each with
 *                     "then":{"reason","detail"}, what would come of it if it
 *                     fired now: a reason, "shown" or "armed"
 *   none              {"armed":true,"when":{…}} for what is armed
 *
 * What fired earlier has "pending":true in front, or "released":true where it
 * was armed.
 */
void onsite_decide_explain(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign, onsite_reason_t reason,
    onsite_buf_t *out);

#endif
