/*
 * onsite_variant.c - holdouts, sticky variants, buckets, propensities.
 */

#include "onsite_variant.h"
#include "onsite_bucket.h"

#include <math.h>

#define HOLDOUT_SUFFIX   ":holdout"
#define HASH_TEXT_MAX    32             /* of a number                     */


static bool
in_holdout(const onsite_image_t *image, const onsite_campaign_t *campaign,
    const onsite_exposure_t *exposure, onsite_str_t visitor_id)
{
    char          seed[ONSITE_CAMPAIGN_ID_MAX + sizeof(HOLDOUT_SUFFIX)];
    onsite_str_t  id;

    if (campaign->holdout <= 0) {
        return false;
    }

    if (exposure != NULL && (exposure->holdout || exposure->variant != 0)) {
        return exposure->holdout;
    }

    id = onsite_image_str(image, campaign->id);
    if (id.len > ONSITE_CAMPAIGN_ID_MAX) {
        id.len = ONSITE_CAMPAIGN_ID_MAX;
    }

    memcpy(seed, id.data, id.len);
    memcpy(seed + id.len, HOLDOUT_SUFFIX, sizeof(HOLDOUT_SUFFIX) - 1);

    return onsite_bucket(onsite_str(seed,
                                    id.len + sizeof(HOLDOUT_SUFFIX) - 1),
                         visitor_id, 2)
           < campaign->holdout;
}


static const onsite_variant_t *
recorded_variant(const onsite_variant_t *variants, uint32_t n,
    const onsite_exposure_t *exposure)
{
    uint32_t  i;

    if (exposure == NULL || exposure->variant == 0) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        if (variants[i].hash == exposure->variant_hash) {
            return &variants[i];
        }
    }

    return NULL;
}


/* The hash attribute as JavaScript's text; empty: outside the experiment.
 * out has HASH_TEXT_MAX bytes. */

static onsite_str_t
hash_text(onsite_context_t *context, const onsite_campaign_t *campaign,
    onsite_str_t visitor_id, char *out)
{
    const onsite_value_t  *value;

    if (campaign->hash_slot == 0) {
        return visitor_id;
    }

    value = onsite_attribute_slot(context, campaign->hash_slot - 1);

    if (value->type == ONSITE_STRING) {
        return onsite_value_str(value);
    }

    if (value->type == ONSITE_BOOL && value->as.boolean) {
        return ONSITE_STR("true");
    }

    if (value->type == ONSITE_NUMBER && value->as.number != 0
        && !isnan(value->as.number))
    {
        return onsite_str(out, onsite_number_to_text(value->as.number, out));
    }

    return onsite_str("", 0);
}


/* GrowthBook takes equal weights when the sum is not 1 within 0.01. */

static double
share(const onsite_variant_t *variants, uint32_t n, uint32_t i)
{
    double    sum = 0;
    uint32_t  j;

    for (j = 0; j < n; j++) {
        sum += variants[j].weight;
    }

    return sum < 0.99 || sum > 1.01 ? 1.0 / n : variants[i].weight;
}


static const onsite_variant_t *
bucket_variant(onsite_context_t *context, const onsite_campaign_t *campaign,
    const onsite_variant_t *variants, onsite_str_t visitor_id)
{
    int           chosen;
    char          number[HASH_TEXT_MAX];
    double        weights[ONSITE_VARIANTS_MAX], bucket;
    uint32_t      i, n = campaign->n_variants;
    onsite_str_t  text;

    if (n > ONSITE_VARIANTS_MAX) {
        n = ONSITE_VARIANTS_MAX;
    }

    if (n == 1 && campaign->coverage >= 1 && campaign->hash_slot == 0) {
        return variants;
    }

    text = hash_text(context, campaign, visitor_id, number);
    if (text.len == 0) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        weights[i] = variants[i].weight;
    }

    bucket = onsite_bucket(onsite_image_str(context->image, campaign->seed),
                           text, (int) campaign->hash_version);
    if (bucket < 0) {
        return NULL;
    }

    chosen = onsite_bucket_choose(bucket, n, weights, campaign->coverage);

    return chosen < 0 ? NULL : &variants[chosen];
}


onsite_reason_t
onsite_variant_assign(onsite_context_t *context,
    const onsite_campaign_t *campaign, const onsite_exposure_t *exposure,
    onsite_str_t visitor_id, onsite_assignment_t *assignment)
{
    const onsite_variant_t  *variants, *variant;

    if (in_holdout(context->image, campaign, exposure, visitor_id)) {
        return ONSITE_REASON_HOLDOUT;
    }

    variants = onsite_image_at(context->image, campaign->variants);
    variant = recorded_variant(variants, campaign->n_variants, exposure);

    if (variant == NULL) {
        variant = bucket_variant(context, campaign, variants, visitor_id);
    }

    if (variant == NULL) {
        return ONSITE_REASON_COVERAGE;
    }

    assignment->variant = variant;
    assignment->propensity = share(variants, campaign->n_variants,
                                   (uint32_t) (variant - variants))
                             * (1 - campaign->holdout) * campaign->coverage;

    return ONSITE_REASON_NONE;
}
