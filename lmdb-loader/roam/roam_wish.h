/*
 * roam_wish.h - visitors who are wanted, and of whom the bucket had nothing as
 * yet: when it is asked again.  Knows neither state nor NATS.
 *
 * It is kept in memory only: who starts anew asks anew.
 */

#ifndef ROAM_WISH_H
#define ROAM_WISH_H

#include "onsite_id.h"
#include "onsite_types.h"

typedef struct roam_wishes_s  roam_wishes_t;

/* Asked again after 1, 2, 5, 15 and 30 times every; once: after every, and
 * a second at most.  NULL: no memory. */
roam_wishes_t *roam_wishes_create(onsite_ms_t every, bool once);
void roam_wishes_destroy(roam_wishes_t *wishes);

/* Whether the bucket is to be asked now; of those not known: yes. */
bool roam_wish_is_due(const roam_wishes_t *wishes, const onsite_key_t *key,
    onsite_ms_t now);

/* Nothing was found.  false: that was for the last time, or there are too many
 * already; nothing is kept of it then. */
bool roam_wish_again(roam_wishes_t *wishes, const onsite_key_t *key,
    onsite_ms_t now);

void roam_wish_forget(roam_wishes_t *wishes, const onsite_key_t *key);

#endif
