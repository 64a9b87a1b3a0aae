/*
 * onsite_image_verify.c - whether an image may be trusted, all of it.
 *
 * A file of its own: who reads images need not link every section's code.
 */

#include "onsite_affinity.h"
#include "onsite_campaign.h"
#include "onsite_index.h"
#include "onsite_segment.h"


onsite_status_t
onsite_image_verify(const onsite_image_t *image, onsite_error_t *error)
{
    onsite_status_t  status;

    status = onsite_image_verify_tables(image, error);

    if (status == ONSITE_OK) {
        status = onsite_campaigns_verify(image, error);
    }

    if (status == ONSITE_OK) {
        status = onsite_index_verify(image, error);
    }

    if (status == ONSITE_OK) {
        status = onsite_affinities_verify(image, error);
    }

    if (status == ONSITE_OK) {
        status = onsite_segments_verify(image, error);
    }

    return status;
}
