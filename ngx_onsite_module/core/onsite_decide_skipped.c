/*
 * onsite_decide_skipped.c - campaigns that a decision did not consider, for who
 * wants it explained.
 */

#include "onsite_decide_private.h"


static onsite_reason_t
check_index(decide_t *d, const onsite_campaign_t *campaign)
{
    onsite_reason_t  reason;

    reason = decide_condition(d, campaign->trigger.where, ONSITE_REASON_WHERE);

    return reason != ONSITE_REASON_NONE ? reason
           : decide_condition(d, campaign->audience, ONSITE_REASON_AUDIENCE);
}


static onsite_reason_t
check(decide_t *d, const onsite_campaign_t *campaign)
{
    if (d->visitor == NULL && !decide_runs_without_consent(d, campaign)) {
        return ONSITE_REASON_CONSENT;
    }

    if (!onsite_schedule_open(&d->clock, campaign)) {
        return ONSITE_REASON_SCHEDULE;
    }

    return campaign->trigger.kind == ONSITE_TRIGGER_EVENT
           ? check_index(d, campaign) : ONSITE_REASON_TRIGGER;
}


static bool
is_fired(const decide_t *d, uint32_t rank)
{
    size_t  i;

    for (i = 0; i < d->options->n_fired; i++) {
        if (d->options->fired[i] == rank) {
            return true;
        }
    }

    return false;
}


/* Of all that wait for other events nothing is to be said of this one; machines
 * wait for many. */

static bool
waits(const decide_t *d, uint32_t rank)
{
    onsite_str_t              event;
    const onsite_campaign_t  *campaign = &d->campaigns[rank];

    if (campaign->trigger.kind != ONSITE_TRIGGER_EVENT) {
        return !d->options->entailed && !is_fired(d, rank);
    }

    event = onsite_image_str(d->context->image, campaign->trigger.event);

    return onsite_str_eq(event, d->context->event->name);
}


void
decide_explain_skipped(decide_t *d, uint32_t *rank, uint32_t end)
{
    for (/* void */; *rank < end; (*rank)++) {
        if (waits(d, *rank) && !decide_is_waiting(d, *rank)) {
            decide_tell(d, &d->campaigns[*rank],
                        check(d, &d->campaigns[*rank]), false);
        }
    }

    (*rank)++;
}
