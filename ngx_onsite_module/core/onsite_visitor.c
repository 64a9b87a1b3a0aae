/*
 * onsite_visitor.c - what an event does to what is remembered.
 */

#include "onsite_visitor.h"

#include "onsite_bucket.h"
#include "onsite_cart.h"
#include "onsite_vocabulary.h"


void
onsite_visitor_init(onsite_visitor_t *visitor)
{
    memset(visitor, 0, offsetof(onsite_visitor_t, counters));
}


onsite_visitor_status_t
onsite_visitor_status(const onsite_visitor_t *v)
{
    return v->orders != 0 ? ONSITE_VISITOR_CUSTOMER
           : v->identified ? ONSITE_VISITOR_KNOWN
           : v->visits > 1 ? ONSITE_VISITOR_RETURNING : ONSITE_VISITOR_NEW;
}


onsite_str_t
onsite_visitor_status_text(onsite_visitor_status_t status)
{
    switch (status) {

    case ONSITE_VISITOR_NEW:
        return ONSITE_STR("new");

    case ONSITE_VISITOR_RETURNING:
        return ONSITE_STR("returning");

    case ONSITE_VISITOR_KNOWN:
        return ONSITE_STR("known");

    case ONSITE_VISITOR_CUSTOMER:
        return ONSITE_STR("customer");
    }

    return ONSITE_STR("");
}


static uint32_t
next(uint32_t n)
{
    return n == UINT32_MAX ? n : n + 1;
}


/* From the end: what was counted last is likely counted again.  Returns
 * n_counters when there is none. */

static uint32_t
find_counter(const onsite_visitor_t *v, onsite_str_t name)
{
    uint32_t  i;

    for (i = v->n_counters; i-- > 0; /* void */) {
        if (onsite_str_eq(v->counters[i].name, name)) {
            return i;
        }
    }

    return v->n_counters;
}


/* Takes entry i out of an array of n, closing the gap. */

static void
take_out(void *array, size_t size, uint32_t i, uint32_t n)
{
    char  *entry = (char *) array + i * size;

    memmove(entry, entry + size, (n - i - 1) * size);
}


void
onsite_visitor_count(onsite_visitor_t *v, onsite_str_t name, bool in_session)
{
    uint32_t          i;
    onsite_counter_t  counter;

    if (name.len == 0 || name.len > ONSITE_EVENT_NAME_MAX) {
        return;
    }

    i = find_counter(v, name);

    if (i < v->n_counters) {
        counter = v->counters[i];

    } else {
        counter = (onsite_counter_t) { .name = name };
        i = v->n_counters < ONSITE_COUNTERS_MAX ? v->n_counters++ : 0;
    }

    if (i != v->n_counters - 1) {
        take_out(v->counters, sizeof(onsite_counter_t), i, v->n_counters);
    }

    counter.total = next(counter.total);

    if (in_session) {
        counter.session = next(counter.session);
    }

    v->counters[v->n_counters - 1] = counter;
}


static void
see(onsite_visitor_t *v, onsite_ms_t received)
{
    if (v->first_seen == 0 || received < v->first_seen) {
        v->first_seen = received;
    }

    if (v->last_seen == 0 || received > v->last_seen) {
        v->last_seen = received;
    }
}


/* Segment's promotion_id; `campaign` for those who send only that.  False:
 * neither is an id. */

static bool
promotion_of(const onsite_value_t *properties, uint32_t *campaign)
{
    onsite_str_t  id;

    id = onsite_value_get_str(properties, ONSITE_STR("promotion_id"));

    if (id.len == 0) {
        id = onsite_value_get_str(properties, ONSITE_STR("campaign"));
    }

    *campaign = onsite_fnv32a(id);

    return id.len != 0 && id.len <= ONSITE_CAMPAIGN_ID_MAX;
}


static void
promotion_happened(onsite_visitor_t *v, const onsite_value_t *properties,
    uint8_t bit)
{
    uint32_t  campaign;

    if (promotion_of(properties, &campaign)) {
        onsite_visitor_exposure_add(v, campaign)->happened |= bit;
    }
}


static void
promotion_viewed(onsite_visitor_t *v, const onsite_event_t *event)
{
    uint32_t            campaign;
    onsite_exposure_t  *exposure;

    if (!promotion_of(&event->properties, &campaign)) {
        return;
    }

    exposure = onsite_visitor_exposure(v, campaign);

    if (exposure == NULL || !(exposure->happened & ONSITE_EXPOSURE_SENT)) {
        return;
    }

    exposure->happened &= (uint8_t) ~ONSITE_EXPOSURE_SENT;
    exposure->total = next(exposure->total);
    exposure->window = next(exposure->window);
    exposure->session = v->visits;

    if (event->time > exposure->last) {
        exposure->last = event->time;
    }
}


static void
apply_meaning(onsite_visitor_t *v, const onsite_event_t *event, bool in_session)
{
    switch (onsite_vocabulary_id(event->name)) {

    case ONSITE_NAME_PAGE_VIEWED:
    case ONSITE_NAME_SCREEN_VIEWED:
        v->n_armed = 0;

        if (in_session) {
            v->session.pageviews = next(v->session.pageviews);
        }

        break;

    case ONSITE_NAME_PRODUCT_ADDED:
        onsite_cart_change(v, &event->properties, true);
        break;

    case ONSITE_NAME_PRODUCT_REMOVED:
        onsite_cart_change(v, &event->properties, false);
        break;

    case ONSITE_NAME_ORDER_COMPLETED:
        v->orders = next(v->orders);
        v->n_cart = 0;
        break;

    case ONSITE_NAME_CART_CLEARED:
        v->n_cart = 0;
        break;

    case ONSITE_NAME_PROMOTION_VIEWED:
        promotion_viewed(v, event);
        break;

    case ONSITE_NAME_PROMOTION_CLICKED:
        promotion_happened(v, &event->properties, ONSITE_STOP_CLICKED);
        break;

    case ONSITE_NAME_PROMOTION_DISMISSED:
        promotion_happened(v, &event->properties, ONSITE_STOP_DISMISSED);
        break;
    }
}


/* Who was proven to be somebody is not made another by what a client says. */

static void
identify(onsite_visitor_t *v, onsite_str_t user_id)
{
    v->identified = true;

    if (!v->verified) {
        v->user_id = user_id.len <= ONSITE_USER_ID_MAX ? user_id
                     : onsite_str(NULL, 0);
    }
}


bool
onsite_visitor_message(onsite_visitor_t *visitor, onsite_str_t message_id)
{
    uint32_t  i, hash;

    if (message_id.len == 0) {
        return false;
    }

    hash = onsite_fnv32a(message_id);

    for (i = 0; i < visitor->n_messages; i++) {
        if (visitor->messages[i] == hash) {
            return true;
        }
    }

    if (visitor->n_messages == ONSITE_MESSAGES_MAX) {
        take_out(visitor->messages, sizeof(hash), 0, visitor->n_messages--);
    }

    visitor->messages[visitor->n_messages++] = hash;

    return false;
}


void
onsite_visitor_apply(onsite_visitor_t *visitor, const onsite_event_t *event,
    onsite_ms_t session_timeout)
{
    bool  in_session;

    see(visitor, event->received);

    if (!event->live) {
        onsite_visitor_count(visitor, event->name, false);
        return;
    }

    in_session = onsite_session_touch(visitor, event->time, session_timeout);

    if (in_session) {
        visitor->session.events = next(visitor->session.events);
    }

    onsite_visitor_count(visitor, event->name, in_session);

    if (event->user_id.len != 0) {
        identify(visitor, event->user_id);
    }

    apply_meaning(visitor, event, in_session);
}


const onsite_counter_t *
onsite_visitor_counter(const onsite_visitor_t *v, onsite_str_t name)
{
    uint32_t  i = find_counter(v, name);

    return i < v->n_counters ? &v->counters[i] : NULL;
}


onsite_exposure_t *
onsite_visitor_exposure(onsite_visitor_t *v, uint32_t campaign)
{
    uint32_t  i;

    for (i = v->n_exposures; i-- > 0; /* void */) {
        if (v->exposures[i].campaign == campaign) {
            return &v->exposures[i];
        }
    }

    return NULL;
}


/* A shop reports clicks on promotions of its own, too: what was never assigned
 * here is none of ours. */

onsite_worth_t
onsite_exposure_worth(const onsite_exposure_t *exposure)
{
    if (exposure->holdout) {
        return ONSITE_WORTH_STOP;
    }

    if (exposure->last == 0 && exposure->variant == 0) {
        return ONSITE_WORTH_NOTHING;
    }

    return exposure->happened & ~ONSITE_EXPOSURE_SENT ? ONSITE_WORTH_STOP
                                                      : ONSITE_WORTH_CAP;
}


/* The one that an add lets go of when the list, which is not empty, is
 * full. */

static const onsite_exposure_t *
least_exposure(const onsite_visitor_t *v)
{
    uint32_t                  i;
    const onsite_exposure_t  *e, *least = &v->exposures[0];

    for (i = 1; i < v->n_exposures; i++) {
        e = &v->exposures[i];

        if (onsite_exposure_worth(e) < onsite_exposure_worth(least)) {
            least = e;
        }
    }

    return least;
}


onsite_exposure_t *
onsite_visitor_exposure_add(onsite_visitor_t *v, uint32_t campaign)
{
    uint32_t            i;
    onsite_exposure_t   exposure, *found;

    found = onsite_visitor_exposure(v, campaign);

    if (found != NULL) {
        exposure = *found;
        i = (uint32_t) (found - v->exposures);

    } else {
        exposure = (onsite_exposure_t) { .campaign = campaign };
        i = v->n_exposures < ONSITE_EXPOSURES_MAX ? v->n_exposures++
            : (uint32_t) (least_exposure(v) - v->exposures);
    }

    if (i != v->n_exposures - 1) {
        take_out(v->exposures, sizeof(onsite_exposure_t), i, v->n_exposures);
    }

    found = &v->exposures[v->n_exposures - 1];
    *found = exposure;

    return found;
}
