/*
 * onsite_visitor_json.h - all that is remembered of a visitor, as JSON for
 * people to read.
 */

#ifndef ONSITE_VISITOR_JSON_H
#define ONSITE_VISITOR_JSON_H

#include "onsite_image.h"
#include "onsite_visitor.h"

/*
 * Appends one object on one line: visitor (id), site (null when empty), status,
 * counts by event name, visits, session, cart, exposures, …; what a visitor
 * does not have is left out, but for what every visitor has.  Records hold
 * hashes of campaigns, journeys and attributes: image (NULL: none) has their
 * names, without one the hashes are told in hex.
 * onsite_visitor_parse reads it back.
 */
void onsite_visitor_write_json(onsite_buf_t *out, onsite_str_t id,
    onsite_str_t site, const onsite_visitor_t *visitor,
    const onsite_image_t *image);

/* "2026-01-31T08:00:00.000Z" as a JSON string; null for 0. */
void onsite_write_time(onsite_buf_t *out, onsite_ms_t time);

/* 32 hex digits as a JSON string. */
void onsite_write_key(onsite_buf_t *out, const onsite_key_t *key);

#endif
