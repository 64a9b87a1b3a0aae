/*
 * onsite_campaign.c - campaigns of an image: names and look-up.
 */

#include "onsite_campaign.h"
#include "onsite_bucket.h"


uint32_t
onsite_campaign_hash(onsite_str_t id)
{
    return onsite_fnv32a(id);
}


onsite_str_t
onsite_channel_text(onsite_channel_t channel)
{
    switch (channel) {

    case ONSITE_CHANNEL_POPUP:
        return ONSITE_STR("popup");

    case ONSITE_CHANNEL_BAR:
        return ONSITE_STR("bar");

    case ONSITE_CHANNEL_NOTIFICATION:
        return ONSITE_STR("notification");

    case ONSITE_CHANNEL_EMBED:
        return ONSITE_STR("embed");

    case ONSITE_CHANNEL_WEBHOOK:
        return ONSITE_STR("webhook");
    }

    return ONSITE_STR("unknown");
}


const onsite_campaign_t *
onsite_campaign_find(const onsite_image_t *image, uint32_t hash)
{
    uint32_t                      low, high, middle;
    const uint32_t               *by_hash;
    const onsite_campaign_t      *campaigns;
    const onsite_image_header_t  *header;

    header = onsite_image_header(image);
    campaigns = onsite_image_at(image, header->campaigns);
    by_hash = onsite_image_at(image, header->by_hash);

    low = 0;
    high = header->n_campaigns;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (campaigns[by_hash[middle]].hash < hash) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    if (low == header->n_campaigns || campaigns[by_hash[low]].hash != hash) {
        return NULL;
    }

    return &campaigns[by_hash[low]];
}
