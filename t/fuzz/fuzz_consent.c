/*
 * fuzz_consent.c - any bytes as consent strings; what is no string of its kind
 * consents to nothing.
 */

#include <stdlib.h>

#include "onsite_consent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(onsite_status_t status, onsite_consent_t tier)
{
    if (tier > ONSITE_CONSENT_FULL
        || (status != ONSITE_OK && tier != ONSITE_CONSENT_NONE))
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onsite_str_t      text = onsite_str((const char *) data, size);
    onsite_status_t   status;
    onsite_consent_t  tier = ONSITE_CONSENT_FULL;

    status = onsite_consent_tcf(text, &tier);
    check(status, tier);

    tier = ONSITE_CONSENT_FULL;
    status = onsite_consent_gpp(text, &tier);
    check(status, tier);

    return 0;
}
