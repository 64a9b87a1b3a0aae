/*
 * onsite_decide.h - which campaigns an event brings, and with which variant.
 */

#ifndef ONSITE_DECIDE_H
#define ONSITE_DECIDE_H

#include "onsite_condition.h"
#include "onsite_campaign.h"

/* Why a campaign that was considered is not shown. */
typedef enum {
    ONSITE_REASON_NONE = 0,         /* shown                               */
    ONSITE_REASON_SCHEDULE,
    ONSITE_REASON_WHERE,
    ONSITE_REASON_COUNT,            /* the trigger's count is not reached  */
    ONSITE_REASON_AUDIENCE,
    ONSITE_REASON_CAP,
    ONSITE_REASON_STOPPED,          /* clicked, dismissed or goal reached  */
    ONSITE_REASON_GROUP,            /* another of its group is shown       */
    ONSITE_REASON_COVERAGE,         /* outside the experiment              */
    ONSITE_REASON_HOLDOUT,
    ONSITE_REASON_INCONCLUSIVE,     /* a condition ran into its limits     */
    ONSITE_REASON_CONSENT,          /* needs state that may not be read    */
    ONSITE_REASON_CONTENT,          /* template too large, or no content   */
    ONSITE_REASON_LIMIT,            /* more than ONSITE_CHOICES_MAX        */
    ONSITE_REASONS
} onsite_reason_t;

onsite_str_t onsite_reason_text(onsite_reason_t reason);   /* "audience" */

typedef struct {
    const onsite_campaign_t  *campaign;     /* in the image                */
    const onsite_variant_t   *variant;
    double                    propensity;   /* of this variant, given that
                                               the campaign fired          */
    bool                      pending;      /* fired, to be shown later    */
    onsite_str_t              html;         /* rendered; arena             */
    onsite_str_t              data;         /* rendered JSON; arena; empty:
                                               none                        */
} onsite_choice_t;

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
    onsite_random_t  random;
    void           (*explain)(void *data, const onsite_campaign_t *campaign,
                         onsite_reason_t reason, const char *detail);
                                    /* NULL, or told of each considered    */
    void            *explain_data;
} onsite_decide_options_t;

/*
 * Decides for context->event, which has been applied to the visitor, and
 * records exposures, sticky variants and trigger progress in visitor (the
 * same that context->visitor points to; NULL: no consent, then contextual
 * campaigns with a fallback variant only, and nothing recorded).  With
 * deliver, what was pending is decided again first.  A dead event
 * (event->live false) brings nothing.
 */
void onsite_decide(onsite_context_t *context, onsite_visitor_t *visitor,
    const onsite_decide_options_t *options, onsite_decision_t *decision);

#endif
