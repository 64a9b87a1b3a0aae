/*
 * onsite_affinity_verify.c - whether the affinities of an image are sound.
 */

#include "onsite_affinity_private.h"


static bool
is_weight(double weight)
{
    return weight >= ONSITE_AFFINITY_WEIGHT_MIN
           && weight <= ONSITE_AFFINITY_WEIGHT_MAX;
}


static bool
holds_rule(const onsite_image_t *image, const onsite_affinity_rule_t *rule)
{
    uint32_t                         i;
    const onsite_affinity_weight_t  *weights;

    if (!onsite_image_holds_str(image, rule->name)
        || !onsite_image_holds_str(image, rule->property)
        || rule->hash != onsite_affinity_hash(onsite_image_str(image,
                                                               rule->name))
        || rule->half_life_ms < ONSITE_AFFINITY_HALF_LIFE_MIN
        || rule->half_life_ms > ONSITE_AFFINITY_HALF_LIFE_MAX
        || rule->n_weights == 0
        || !onsite_image_holds(image, rule->weights, rule->n_weights,
                               sizeof(onsite_affinity_weight_t), 8))
    {
        return false;
    }

    weights = onsite_image_at(image, rule->weights);

    for (i = 0; i < rule->n_weights; i++) {
        if (!onsite_image_holds_str(image, weights[i].event)
            || !is_weight(weights[i].weight))
        {
            return false;
        }
    }

    return true;
}


onsite_status_t
onsite_affinities_verify(const onsite_image_t *image, onsite_error_t *error)
{
    uint32_t                       i, k, n;
    const onsite_affinity_rule_t  *rules = affinity_rules(image, &n);

    if (n > ONSITE_AFFINITIES_MAX
        || !onsite_image_holds(image, onsite_image_header(image)->affinities,
                               n, sizeof(onsite_affinity_rule_t), 8))
    {
        return onsite_error(error, ONSITE_CORRUPT, "affinities: the table is"
                            " not in the image");
    }

    for (i = 0; i < n; i++) {
        if (!holds_rule(image, &rules[i])) {
            return onsite_error(error, ONSITE_CORRUPT, "affinities[%u]: not a"
                                " rule", i);
        }

        for (k = 0; k < i; k++) {
            if (rules[k].hash == rules[i].hash) {
                return onsite_error(error, ONSITE_CORRUPT, "affinities[%u]:"
                                    " of the same hash as [%u]", i, k);
            }
        }
    }

    return ONSITE_OK;
}
