/*
 * onsite_consent.h - consent strings of the IAB, into tiers.
 *
 * Sources: IAB Europe, "Transparency and Consent String with Global Vendor &
 * CMP List Formats" v2; IAB Tech Lab, "Global Privacy Platform" 1.1 and its
 * sections.
 */

#ifndef ONSITE_CONSENT_H
#define ONSITE_CONSENT_H

#include "onsite_types.h"

/* Weakest first.  NONE: no trace.  SESSION: cookie and record for the session.
 * FULL: kept. */
typedef enum {
    ONSITE_CONSENT_NONE = 0,
    ONSITE_CONSENT_SESSION,
    ONSITE_CONSENT_FULL
} onsite_consent_t;

/*
 * The TC string of euconsent-v2.  Purpose 1 (storage) makes it SESSION; 3, 4
 * and 7 (profiles, personalised content's delivery, measurement) as well, FULL.
 * Only consents count, not legitimate interests.  INVALID: not a v2 string
 * (the tier is NONE).
 */
onsite_status_t onsite_consent_tcf(onsite_str_t text, onsite_consent_t *tier);

/*
 * The GPP string of __gpp.  Its EU section is read as above; a US section
 * (national or a state's) that opts out of sale, sharing or targeted
 * advertising, or carries GPC, is NONE, one that does not FULL.  Of several
 * the weakest.  No section that is understood: NONE.
 */
onsite_status_t onsite_consent_gpp(onsite_str_t text, onsite_consent_t *tier);

#endif
