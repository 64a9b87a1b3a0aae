/*
 * onsite_traits_verify.c - traits and touches of an image that is not trusted
 * yet.
 */

#include "onsite_image.h"
#include "onsite_limits.h"


onsite_status_t
onsite_traits_verify(const onsite_image_t *image, onsite_error_t *error)
{
    uint32_t                      i;
    const onsite_image_str_t     *traits;
    const onsite_image_header_t  *header = onsite_image_header(image);

    if (header->touches > ONSITE_TOUCHES_MAX
        || !onsite_image_holds(image, header->traits, header->n_traits,
                               sizeof(onsite_image_str_t), 4))
    {
        return onsite_error(error, ONSITE_CORRUPT, "traits or touches: out of"
                            " bounds");
    }

    traits = onsite_image_at(image, header->traits);

    for (i = 0; i < header->n_traits; i++) {
        if (!onsite_image_holds_str(image, traits[i])) {
            return onsite_error(error, ONSITE_CORRUPT, "trait %u is bad", i);
        }
    }

    return ONSITE_OK;
}
