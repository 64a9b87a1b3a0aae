/*
 * onsite_decide_waiting.c - campaigns that fired earlier: those that could not
 * be shown then, and the armed one that the page releases.
 */

#include "onsite_decide_private.h"
#include "onsite_pending.h"


/* By rank; of equal ones the older first. */

static void
insert(decide_t *d, const waiting_t *waiting)
{
    uint32_t  i;

    for (i = d->n_waiting++; i > 0 && d->waiting[i - 1].rank > waiting->rank;
         i--)
    {
        d->waiting[i] = d->waiting[i - 1];
    }

    d->waiting[i] = *waiting;
}


/* What fired in this session and is still a campaign. */

static void
take_pending(decide_t *d)
{
    uint32_t                  age;
    waiting_t                 waiting = { .armed = false };
    const onsite_campaign_t  *campaign;

    for (age = 0; age < d->visitor->n_pending; age++) {
        waiting.age = age;
        waiting.entry = d->visitor->pending[age];
        campaign = onsite_campaign_find(d->context->image,
                                        waiting.entry.campaign);

        if (campaign != NULL
            && waiting.entry.fired >= d->visitor->session.start)
        {
            waiting.rank = (uint32_t) (campaign - d->campaigns);
            insert(d, &waiting);
        }
    }
}


static void
count_unarmed(decide_t *d, const onsite_campaign_t *campaign)
{
    d->decision->considered++;
    d->decision->reasons[ONSITE_REASON_UNARMED]++;

    if (campaign == NULL) {
        d->decision->reason = ONSITE_REASON_UNARMED;
        return;
    }

    decide_lost(d, (uint32_t) (campaign - d->campaigns),
                ONSITE_REASON_UNARMED);

    if (d->options->explain != NULL) {
        decide_tell(d, campaign, ONSITE_REASON_UNARMED, false);
    }
}


/* The one that the event names. */

static void
take_armed(decide_t *d)
{
    waiting_t                 waiting = { .armed = true };
    onsite_str_t              id;
    const onsite_value_t     *properties = &d->context->event->properties;
    const onsite_pending_t   *entry;
    const onsite_campaign_t  *campaign;

    id = onsite_value_get_str(properties, ONSITE_STR("promotion_id"));

    if (id.len == 0) {
        id = onsite_value_get_str(properties, ONSITE_STR("campaign"));
    }

    campaign = onsite_campaign_find(d->context->image,
                                    onsite_campaign_hash(id));
    entry = onsite_armed_find(d->visitor, onsite_campaign_hash(id));

    if (campaign == NULL || entry == NULL) {
        count_unarmed(d, campaign);
        return;
    }

    waiting.rank = (uint32_t) (campaign - d->campaigns);
    waiting.entry = *entry;
    insert(d, &waiting);
}


void
decide_waiting_take(decide_t *d)
{
    if (d->visitor == NULL || !d->options->deliver) {
        return;
    }

    take_pending(d);

    if (onsite_str_eq(d->context->event->name, ONSITE_EVENT_TRIGGERED)) {
        take_armed(d);
    }
}


static void
consider(decide_t *d, const waiting_t *waiting)
{
    bool                   stays;
    onsite_event_t         event;
    onsite_reason_t        reason;
    onsite_context_t      *context = d->context;
    const onsite_event_t  *own = context->event;

    onsite_pending_event(&waiting->entry, context->now, &event);
    context->event = &event;
    d->releases = waiting->armed;
    onsite_context_forget(context);

    reason = decide_consider(d, waiting->rank, true);

    context->event = own;
    d->releases = false;
    onsite_context_forget(context);

    stays = reason == ONSITE_REASON_GROUP || reason == ONSITE_REASON_LIMIT;

    if (!waiting->armed) {
        d->stays |= (uint32_t) stays << waiting->age;

    } else if (!stays) {
        onsite_armed_drop(d->visitor, waiting->entry.campaign);
    }
}


void
decide_waiting_next(decide_t *d)
{
    consider(d, &d->waiting[d->n_tried++]);
}


void
decide_waiting_keep(decide_t *d)
{
    uint32_t           age, n = 0;
    onsite_visitor_t  *visitor = d->visitor;

    if (visitor == NULL || !d->options->deliver) {
        return;
    }

    for (age = 0; age < visitor->n_pending; age++) {
        if (d->stays & (1u << age)) {
            visitor->pending[n++] = visitor->pending[age];
        }
    }

    visitor->n_pending = n;
}


bool
decide_is_waiting(const decide_t *d, uint32_t rank)
{
    uint32_t  i;

    for (i = 0; i < d->n_waiting; i++) {
        if (d->waiting[i].rank == rank) {
            return true;
        }
    }

    return false;
}
