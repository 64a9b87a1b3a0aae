/*
 * onsite_variant.h - who sees a campaign at all, and which variant of it.
 */

#ifndef ONSITE_VARIANT_H
#define ONSITE_VARIANT_H

#include "onsite_decide.h"

/* What a visitor is given. */
typedef struct {
    const onsite_variant_t  *variant;
    double                   propensity;
} onsite_assignment_t;

/*
 * NONE with *assignment filled, HOLDOUT or COVERAGE.  exposure is what the
 * visitor's record says of the campaign, or NULL.
 *
 * Holdout: onsite_bucket(id ":holdout", visitor_id, 2) < holdout, so it is
 * independent of the variants' buckets; what the record says goes first, for
 * as long as the campaign has a holdout.
 *
 * Variant: the recorded one while the campaign has a variant of that id,
 * whatever became of the weights; else GrowthBook's bucket of the hash
 * attribute (default: visitor_id) with the campaign's seed, hash version,
 * weights and coverage.  A hash attribute that is absent, empty, 0, false or
 * not a scalar is outside the experiment, as in GrowthBook: COVERAGE.
 *
 * Propensity: see onsite_choice_t.
 */
onsite_reason_t onsite_variant_assign(onsite_context_t *context,
    const onsite_campaign_t *campaign, const onsite_exposure_t *exposure,
    onsite_str_t visitor_id, onsite_assignment_t *assignment);

#endif
