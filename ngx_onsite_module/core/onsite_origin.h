/*
 * onsite_origin.h - where visits come from: UTM parameters, click ids, and the
 * referrer told apart as search, social, email, referral or direct.
 */

#ifndef ONSITE_ORIGIN_H
#define ONSITE_ORIGIN_H

#include "onsite_facts.h"
#include "onsite_visitor.h"

/*
 * Reads the touch of a page (facts: its args, referrer, host) into *touch;
 * strings lie in arena or are static.
 *
 * utm_source, utm_medium and utm_campaign are taken as they are; where they
 * say nothing, a click id does (its name is kept, the id itself is not), then
 * the referrer.  A referrer of the page's own host, or of one of which either
 * is a subdomain, is none.  Nothing at all is source "direct", medium "none".
 * Mediums: cpc (search ads), paid (social ads), organic, social, email,
 * referral, none.
 */
void onsite_origin_read(onsite_arena_t *arena, const onsite_facts_t *facts,
    onsite_ms_t time, onsite_touch_t *touch);

/*
 * What a live page view adds: first_touch when there is none yet; a touch when
 * it is its session's first (opened), or when it came with a campaign of its
 * own (utm or click id) that is not the last touch's.  A direct visit is a
 * first touch but never takes the place of another last one.  keep: of the
 * last ones, how many; 0: nobody asks, nothing is kept.
 */
void onsite_origin_event(onsite_arena_t *arena, const onsite_facts_t *facts,
    onsite_visitor_t *visitor, const onsite_event_t *event, bool opened,
    uint32_t keep);

/* The latest touch that was kept; NULL: none. */
const onsite_touch_t *onsite_origin_last(const onsite_visitor_t *visitor);

/* The earlier first touch, the latest last ones; commutative, idempotent. */
void onsite_origin_merge(onsite_visitor_t *visitor,
    const onsite_visitor_t *other);

/* What a host (lower case, no port) is known as: its source and medium.  One
 * that is not known is a referral, named by itself without "www.". */
void onsite_origin_host(onsite_str_t host, onsite_str_t *source,
    onsite_str_t *medium);

#endif
