/*
 * onsite_origin.h - where visits come from: UTM parameters, click ids, and the
 * referrer told apart as search, social, email, referral or direct.
 */

#ifndef ONSITE_ORIGIN_H
#define ONSITE_ORIGIN_H

#include "onsite_facts.h"
#include "onsite_visitor.h"

/*
 * Reads the touch of a page (facts: its url, args, referrer, host) into
 * *touch; strings lie in arena, in facts or are static.  A referrer of the
 * page's own host is none.
 */
void onsite_origin_read(onsite_arena_t *arena, const onsite_facts_t *facts,
    onsite_ms_t time, onsite_touch_t *touch);

/*
 * What a live page view adds: first_touch when there is none yet; a touch when
 * a session has begun with it, or when it came with a campaign of its own
 * (utm or click id).  A direct visit is a first touch but never takes the
 * place of another last one.  keep: of the last ones, how many.
 */
void onsite_origin_event(onsite_arena_t *arena, const onsite_facts_t *facts,
    onsite_visitor_t *visitor, const onsite_event_t *event, bool opened,
    uint32_t keep);

/* The earlier first touch, the latest last ones; commutative. */
void onsite_origin_merge(onsite_visitor_t *visitor,
    const onsite_visitor_t *other);

#endif
