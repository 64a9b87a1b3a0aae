/*
 * onsite_journey_trigger.c - triggers that name a journey and its state.
 */

#include "onsite_machine_compile.h"


uint32_t
onsite_draft_state(const onsite_draft_journey_t *journey, onsite_str_t name)
{
    uint32_t  i;

    for (i = 0; i < journey->n; i++) {
        if (onsite_str_eq(journey->names[i], name)) {
            return i;
        }
    }

    return ONSITE_NO_STATE;
}


void
onsite_draft_state_unknown(onsite_definition_t *d, const char *key,
    const onsite_draft_journey_t *journey, onsite_str_t name)
{
    onsite_str_t  meant;

    meant = onsite_definition_nearest_of(name, journey->names, journey->n);

    onsite_definition_error(d, key, "there is no state \"%.*s\"%s%.*s%s",
                            (int) name.len, name.data,
                            meant.len != 0 ? "; did you mean \"" : "",
                            (int) meant.len, meant.data,
                            meant.len != 0 ? "\"?" : "");
}


const onsite_draft_journey_t *
onsite_journey_find(const onsite_compiler_t *c, onsite_str_t id)
{
    uint32_t  i;

    for (i = 0; i < c->n_journeys; i++) {
        if (c->journeys[i].id.len != 0
            && onsite_str_eq(c->journeys[i].id, id))
        {
            return &c->journeys[i];
        }
    }

    return NULL;
}


onsite_str_t
onsite_journey_nearest(const onsite_compiler_t *c, onsite_str_t id)
{
    size_t        least = ONSITE_CAMPAIGN_ID_MAX, slips;
    uint32_t      i;
    onsite_str_t  meant = { 0, "" };

    for (i = 0; i < c->n_journeys; i++) {
        if (c->journeys[i].id.len != 0
            && onsite_definition_nearest_of(id, &c->journeys[i].id, 1).len
               != 0)
        {
            slips = onsite_definition_distance(id, c->journeys[i].id);

            if (slips < least) {
                least = slips;
                meant = c->journeys[i].id;
            }
        }
    }

    return meant;
}


static const onsite_draft_journey_t *
named_journey(onsite_draft_reader_t *r, onsite_str_t id)
{
    onsite_str_t                   meant;
    const onsite_draft_journey_t  *journey = onsite_journey_find(r->c, id);

    if (journey == NULL) {
        meant = onsite_journey_nearest(r->c, id);
        onsite_definition_error(r->d, "journey", "there is no journey"
                                " \"%.*s\"%s%.*s%s", (int) id.len, id.data,
                                meant.len != 0 ? "; did you mean \"" : "",
                                (int) meant.len, meant.data,
                                meant.len != 0 ? "\"?" : "");
        return NULL;
    }

    if (r->draft->enabled && !journey->enabled) {
        onsite_definition_error(r->d, "journey", "\"%.*s\" is not enabled:"
                                " say so of this campaign, too",
                                (int) id.len, id.data);
        return NULL;
    }

    return journey;
}


void
onsite_draft_journey(onsite_draft_reader_t *r, const onsite_value_t *trigger)
{
    onsite_str_t                   id = { 0, NULL }, state = { 0, NULL };
    onsite_campaign_t             *campaign = &r->draft->campaign;
    const onsite_draft_journey_t  *journey;
    static const char *const       keys[] = { "journey", "state", NULL };

    (void) onsite_definition_keys(r->d, trigger, keys);

    if (!onsite_definition_string(r->d, trigger, "journey",
                                  ONSITE_CAMPAIGN_ID_MAX, &id)
        || !onsite_definition_string(r->d, trigger, "state",
                                     ONSITE_STATE_NAME_MAX, &state))
    {
        return;
    }

    if (state.data == NULL) {
        onsite_definition_error(r->d, "state", "is missing: name the state"
                                " that the visitor enters");
        return;
    }

    journey = named_journey(r, id);

    if (journey == NULL || journey->n == 0) {
        return;
    }

    r->draft->state = onsite_draft_state(journey, state);

    if (r->draft->state == ONSITE_NO_STATE) {
        onsite_draft_state_unknown(r->d, "state", journey, state);
        return;
    }

    campaign->trigger.kind = ONSITE_TRIGGER_JOURNEY;
    campaign->trigger.machine = journey->machine;
}
