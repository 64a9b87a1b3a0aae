/*
 * onsite_decide.h - which campaigns an event brings, and with which variant.
 */

#ifndef ONSITE_DECIDE_H
#define ONSITE_DECIDE_H

#include "onsite_condition.h"
#include "onsite_campaign.h"
#include "onsite_pieces.h"

/* Why a campaign that was considered is not shown. */
typedef enum {
    ONSITE_REASON_NONE = 0,         /* shown                               */
    ONSITE_REASON_SCHEDULE,
    ONSITE_REASON_WHERE,
    ONSITE_REASON_COUNT,            /* the trigger's count is not reached  */
    ONSITE_REASON_AUDIENCE,
    ONSITE_REASON_CAP,              /* or it is in this answer already     */
    ONSITE_REASON_STOPPED,          /* clicked, dismissed or goal reached  */
    ONSITE_REASON_GROUP,            /* another of its group, or in its
                                       slot, is shown                      */
    ONSITE_REASON_COVERAGE,         /* outside the experiment              */
    ONSITE_REASON_HOLDOUT,
    ONSITE_REASON_INCONCLUSIVE,     /* a condition ran into its limits     */
    ONSITE_REASON_CONSENT,          /* needs state that may not be read    */
    ONSITE_REASON_CONTENT,          /* template too large, or no content   */
    ONSITE_REASON_LIMIT,            /* more than ONSITE_CHOICES_MAX        */
    ONSITE_REASON_UNARMED,          /* the page releases it, and it is not
                                       armed                               */
    ONSITE_REASON_TRIGGER,          /* its sequence, journey or inactivity has
                                       not come; only told by explain      */
    ONSITE_REASONS
} onsite_reason_t;

onsite_str_t onsite_reason_text(onsite_reason_t reason);   /* "audience" */

typedef struct {
    const onsite_campaign_t  *campaign;     /* in the image                */
    const onsite_variant_t   *variant;
    double                    propensity;   /* see below                   */
    bool                      pending;      /* fired, to be shown later    */
    bool                      armed;        /* shown when what its campaign's
                                               `when` says happens in the page;
                                               html and data are empty     */
    onsite_str_t              when;         /* what it waits for in the page:
                                               of what is armed, and of what
                                               is there without consent    */
    onsite_pieces_t           html;         /* rendered; arena and image   */
    onsite_str_t              data;         /* rendered JSON; arena; empty:
                                               none                        */
} onsite_choice_t;

/*
 * The propensity is the probability, given that the campaign fired and over
 * all visitor ids, that a visitor is shown this variant:
 *
 *     weight * (1 - holdout) * coverage
 *
 * with the weight as bucketing takes it (equal ones when they do not sum to 1
 * within 0.01).  A sticky variant is shown again with what its weight is now,
 * and a fallback variant without consent with 1, as nothing was drawn.
 */

typedef struct {
    size_t           n;
    onsite_choice_t  choices[ONSITE_CHOICES_MAX];   /* by priority         */
    uint32_t         considered;
    uint32_t         reasons[ONSITE_REASONS];       /* how often each      */
    onsite_reason_t  reason;        /* of the highest-priority campaign that
                                       was considered and not shown; NONE
                                       when something is shown             */
} onsite_decision_t;

typedef struct {
    onsite_str_t     visitor_id;    /* hashed for buckets: the id as the
                                       client sent it, or the cookie's     */
    bool             deliver;       /* the response can show onsite channels;
                                       false: they become pending          */
    const uint32_t  *fired;         /* campaigns whose sequence or journey
                                       this event completed: ranks, ascending*/
    size_t           n_fired;
    bool             waits;         /* a timer's event: what becomes pending
                                       outlives the session, once          */
    const onsite_campaign_t  *preview;          /* NULL, or what alone is
                                       shown, whatever it asks for: for a copy
                                       of a visitor that is not kept       */
    const onsite_variant_t   *preview_variant;  /* of it                   */
    bool             entailed;      /* an event that another, or a timer, has
                                       brought: explain is told nothing of
                                       what waits for other events         */
    onsite_buf_t    *scratch;       /* to render into, reused from call to
                                       call; onsite_apply sets its own     */
    void           (*explain)(void *data, const onsite_campaign_t *campaign,
                         onsite_reason_t reason, const char *detail);
                                    /* NULL, or told of each considered;
                                       detail: JSON (onsite_decide_explain.h)
                                       or NULL                             */
    void            *explain_data;
} onsite_decide_options_t;

/* In the page, something has happened that a campaign's `when` names. */
#define ONSITE_EVENT_TRIGGERED  ONSITE_STR("Promotion Triggered")

/*
 * Decides for context->event, which has been applied to the visitor, and
 * records exposures, sticky variants and trigger progress in visitor (the
 * same that context->visitor points to).  Bumps context->stamp.
 *
 * Each campaign that the index brings is tried by priority; the reason told
 * is the first that fails of: consent, schedule, where, count, audience,
 * stopped, cap, group, limit, holdout, coverage, content.  Trigger progress
 * is recorded up to count, whatever fails behind it.
 *
 * Without consent (visitor NULL) only contextual campaigns with a fallback
 * variant and without a count run, on onsite channels of an answer that can
 * show them; that variant is shown, there is no holdout, and nothing is
 * recorded.
 *
 * A choice whose channel is webhook is a delivery: the caller puts it into the
 * outbox in the transaction that stores the visitor (onsite_outbox.h).
 *
 * Without deliver, an onsite campaign that fires is put into
 * visitor->pending, unrendered and not counted as shown; its choice says so.
 * Webhooks are delivered either way.  With deliver, what is pending in this
 * session is decided once more, for the event and those of its properties
 * that its audience and templates use, among the event's own campaigns by
 * priority, and before the same campaign fired anew; what only lost its place
 * to another (group, limit) stays pending, all else that is not shown is
 * dropped.
 *
 * An onsite campaign with `when` is not shown, and not counted as shown, but
 * armed, which takes its place in group, slot and answer, too; it is then in
 * visitor->armed, in the place of what was there of it, and its choice says
 * so.  An event ONSITE_EVENT_TRIGGERED, with deliver, releases the armed
 * campaign that its property promotion_id (else campaign) names: that one is
 * decided once more, like a pending one, but whatever session it fired in, and
 * shown.  It is armed no more then, unless it only lost its place.  One that is
 * not armed is counted as considered, UNARMED, whether there is such a campaign
 * or not.  Without consent nothing is armed: it is shown, and waits in the
 * page.
 *
 * explain is also told of the campaigns that wait for the event and that the
 * index knew to fail, where or audience, and of those that wait for a
 * sequence, a journey or inactivity, TRIGGER.  They are not counted as
 * considered, and nothing else changes with explain.
 *
 * The event also marks the exposures whose goal it is (ONSITE_STOP_GOAL).  A
 * dead event (event->live false) brings nothing.
 */
void onsite_decide(onsite_context_t *context, onsite_visitor_t *visitor,
    const onsite_decide_options_t *options, onsite_decision_t *decision);

#endif
