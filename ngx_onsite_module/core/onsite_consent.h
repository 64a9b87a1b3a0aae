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
 * The GPP string of __gpp.  Its EU section is read as above; in Canada's,
 * implied consents count, too.  A US section (national, a state's, or the older
 * US Privacy string) that opts out of sale, sharing or targeted advertising,
 * or carries GPC, is NONE, one that does not FULL.  Of several the weakest.
 *
 * INVALID: not a GPP string, or a section of it that we know is broken.
 * NOT_FOUND: it has no section that we know.  The tier is then NONE, but it
 * is not the visitor who says so.
 */
onsite_status_t onsite_consent_gpp(onsite_str_t text, onsite_consent_t *tier);

#endif
