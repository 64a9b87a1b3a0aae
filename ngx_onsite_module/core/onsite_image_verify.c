/*
 * onsite_image_verify.c - whether an image may be trusted, all of it.
 *
 * A file of its own: who reads images need not link every section's code.
 */

#include "onsite_affinity.h"
#include "onsite_campaign.h"
#include "onsite_index.h"
#include "onsite_machine.h"
#include "onsite_price.h"
#include "onsite_segment.h"


onsite_status_t
onsite_image_verify(const onsite_image_t *image, onsite_error_t *error)
{
    size_t           i;
    onsite_status_t  status;

    static onsite_status_t  (*const sections[])(const onsite_image_t *,
                                                onsite_error_t *) = {
        onsite_image_verify_tables, onsite_prices_verify,
        onsite_campaigns_verify, onsite_index_verify, onsite_machines_verify,
        onsite_segments_verify, onsite_affinities_verify, onsite_traits_verify
    };

    for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        status = sections[i](image, error);
        if (status != ONSITE_OK) {
            return status;
        }
    }

    return ONSITE_OK;
}
