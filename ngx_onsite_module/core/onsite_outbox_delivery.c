/*
 * onsite_outbox_delivery.c - what a webhook is told.
 */

#include "onsite_outbox.h"

#include <endian.h>
#include <openssl/sha.h>


/* What an id follows from, without a gap. */
typedef struct {
    uint8_t   visitor[sizeof(onsite_key_t)];
    uint64_t  time;
    uint32_t  nth;
    char      campaign[ONSITE_CAMPAIGN_ID_MAX];
} seed_t;


/* The first half of SHA-256 (FIPS 180-4) over visitor, time, nth (big-endian)
 * and campaign: whatever makes the same delivery again gives it the same id. */

static void
make_id(onsite_outbox_entry_t *entry, uint32_t nth)
{
    size_t   n = entry->campaign.len;
    uint8_t  digest[SHA256_DIGEST_LENGTH];
    seed_t   bytes;

    n = n > ONSITE_CAMPAIGN_ID_MAX ? ONSITE_CAMPAIGN_ID_MAX : n;

    memcpy(bytes.visitor, entry->visitor.bytes, sizeof(bytes.visitor));
    bytes.time = htobe64((uint64_t) entry->time);
    bytes.nth = htobe32(nth);
    memcpy(bytes.campaign, entry->campaign.data, n);

    (void) SHA256((uint8_t *) &bytes, offsetof(seed_t, campaign) + n, digest);
    memcpy(entry->id, digest, sizeof(entry->id));
}


void
onsite_outbox_delivery(const onsite_image_t *image,
    const onsite_choice_t *choice, const onsite_event_t *event,
    const onsite_key_t *visitor, onsite_str_t user_id, bool verified,
    uint32_t nth, onsite_outbox_entry_t *entry)
{
    *entry = (onsite_outbox_entry_t) {
        .kind = ONSITE_OUTBOX_DELIVERY,
        .visitor = *visitor,
        .time = event->time,
        .site = onsite_image_str(image, onsite_image_header(image)->site),
        .user_id = user_id,
        .event = event->name,
        .campaign = onsite_image_str(image, choice->campaign->id),
        .variant = onsite_image_str(image, choice->variant->id),
        .endpoint = onsite_image_str(image, choice->campaign->endpoint),
        .data = choice->data,
        .propensity = choice->propensity,
        .verified = verified
    };

    make_id(entry, nth);
}
