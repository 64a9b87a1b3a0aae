/*
 * onsite_campaign_verify.c - campaigns of an image that is not trusted yet.
 */

#include "onsite_campaign.h"
#include "onsite_condition.h"
#include "onsite_template.h"

#include <math.h>

#define STOP_ON_ALL                                                           \
    (ONSITE_STOP_CLICKED|ONSITE_STOP_DISMISSED|ONSITE_STOP_GOAL)


static bool
share_holds(double share)
{
    return isfinite(share) && share >= 0 && share <= 1;
}


static bool
strings_hold(const onsite_image_t *image, const onsite_campaign_t *c)
{
    return onsite_image_holds_str(image, c->id)
           && c->id.len != 0 && c->id.len <= ONSITE_CAMPAIGN_ID_MAX
           && onsite_campaign_hash(onsite_image_str(image, c->id)) == c->hash
           && onsite_image_holds_str(image, c->name)
           && onsite_image_holds_str(image, c->slot)
           && onsite_image_holds_str(image, c->endpoint)
           && onsite_image_holds_str(image, c->seed)
           && onsite_image_holds_str(image, c->goal)
           && onsite_image_holds_str(image, c->trigger.event);
}


static bool
trigger_holds(const onsite_trigger_t *trigger)
{
    return trigger->kind <= ONSITE_TRIGGER_INACTIVE
           && (trigger->kind == ONSITE_TRIGGER_EVENT)
              == (trigger->event.len != 0)
           && trigger->event.len <= ONSITE_EVENT_NAME_MAX
           && trigger->count >= 1
           && trigger->count <= ONSITE_PROGRESS_TIMES_MAX + 1
           && trigger->within <= ONSITE_WITHIN_TIME
           && trigger->within_ms >= 0
           && trigger->within_ms <= ONSITE_DURATION_MAX;
}


static bool
schedule_holds(const onsite_schedule_t *schedule)
{
    return (schedule->days & ~0x7fu) == 0
           && schedule->minute_from < 24 * 60
           && schedule->minute_until <= 24 * 60;
}


/* It goes into pages as it is. */

static bool
when_holds(const onsite_image_t *image, const onsite_campaign_t *c)
{
    if (c->when.len == 0) {
        return true;
    }

    return c->channel != ONSITE_CHANNEL_WEBHOOK
           && onsite_image_holds_str(image, c->when)
           && onsite_when_holds(onsite_image_str(image, c->when));
}


static bool
fields_hold(const onsite_image_header_t *header, const onsite_campaign_t *c)
{
    return c->channel <= ONSITE_CHANNEL_WEBHOOK
           && c->per <= ONSITE_PER_VISITOR
           && (c->stop_on & ~STOP_ON_ALL) == 0
           && (c->flags & ~ONSITE_CAMPAIGN_CONTEXTUAL) == 0
           && c->group <= header->n_groups
           && c->zone < header->n_zones
           && c->hash_slot <= header->n_slots
           && (c->hash_version == 1 || c->hash_version == 2)
           && c->n_variants >= 1 && c->n_variants <= ONSITE_VARIANTS_MAX
           && c->fallback <= c->n_variants
           && share_holds(c->holdout) && c->holdout < 1
           && share_holds(c->coverage) && c->coverage > 0
           && c->goal_ms >= 0 && c->goal_ms <= ONSITE_DURATION_MAX
           && trigger_holds(&c->trigger)
           && schedule_holds(&c->schedule);
}


static onsite_status_t
verify_variants(const onsite_image_t *image, const onsite_campaign_t *c,
    onsite_error_t *error)
{
    uint32_t                 i;
    onsite_status_t          status;
    const onsite_variant_t  *v;

    if (!onsite_image_holds(image, c->variants, c->n_variants,
                            sizeof(onsite_variant_t), 8))
    {
        return onsite_error(error, ONSITE_CORRUPT, "variants out of bounds");
    }

    v = onsite_image_at(image, c->variants);

    for (i = 0; i < c->n_variants; i++, v++) {

        if (!onsite_image_holds_str(image, v->id) || !share_holds(v->weight)
            || onsite_campaign_hash(onsite_image_str(image, v->id))
               != v->hash)
        {
            return onsite_error(error, ONSITE_CORRUPT, "variant %u is bad",
                                i);
        }

        status = onsite_template_verify(image, v->html, error);

        if (status == ONSITE_OK) {
            status = onsite_template_verify(image, v->data, error);
        }

        if (status != ONSITE_OK) {
            return status;
        }
    }

    return ONSITE_OK;
}


static onsite_status_t
verify_campaign(const onsite_image_t *image, const onsite_campaign_t *c,
    onsite_error_t *error)
{
    onsite_status_t  status;

    if (!strings_hold(image, c)) {
        return onsite_error(error, ONSITE_CORRUPT, "bad strings");
    }

    if (!fields_hold(onsite_image_header(image), c)) {
        return onsite_error(error, ONSITE_CORRUPT, "a field out of range");
    }

    if (!when_holds(image, c)) {
        return onsite_error(error, ONSITE_CORRUPT, "bad when");
    }

    status = onsite_condition_verify(image, c->audience, error);

    if (status == ONSITE_OK) {
        status = onsite_condition_verify(image, c->trigger.where, error);
    }

    return status != ONSITE_OK ? status : verify_variants(image, c, error);
}


/* Strictly ascending hashes: then the numbers are a permutation. */

static bool
by_hash_holds(const onsite_image_t *image)
{
    uint32_t                      i;
    const uint32_t               *by_hash;
    const onsite_campaign_t      *campaigns;
    const onsite_image_header_t  *header = onsite_image_header(image);

    if (!onsite_image_holds(image, header->by_hash, header->n_campaigns,
                            sizeof(uint32_t), 4))
    {
        return false;
    }

    campaigns = onsite_image_at(image, header->campaigns);
    by_hash = onsite_image_at(image, header->by_hash);

    for (i = 0; i < header->n_campaigns; i++) {

        if (by_hash[i] >= header->n_campaigns
            || (i != 0 && campaigns[by_hash[i]].hash
                          <= campaigns[by_hash[i - 1]].hash))
        {
            return false;
        }
    }

    return true;
}


onsite_status_t
onsite_campaigns_verify(const onsite_image_t *image, onsite_error_t *error)
{
    uint32_t                      i;
    onsite_error_t                why;
    onsite_status_t               status;
    const onsite_campaign_t      *campaigns;
    const onsite_image_header_t  *header = onsite_image_header(image);

    if (!onsite_image_holds(image, header->campaigns, header->n_campaigns,
                            sizeof(onsite_campaign_t), 8)
        || !by_hash_holds(image))
    {
        return onsite_error(error, ONSITE_CORRUPT,
                            "campaigns: table out of bounds or out of order");
    }

    campaigns = onsite_image_at(image, header->campaigns);

    for (i = 0; i < header->n_campaigns; i++) {
        why.text[0] = '\0';
        status = verify_campaign(image, &campaigns[i], &why);

        if (status == ONSITE_OK && i != 0
            && campaigns[i].priority > campaigns[i - 1].priority)
        {
            status = onsite_error(&why, ONSITE_CORRUPT,
                                  "not in order of priority");
        }

        if (status != ONSITE_OK) {
            return onsite_error(error, status, "campaign %u: %.400s", i,
                                why.text);
        }
    }

    return ONSITE_OK;
}
