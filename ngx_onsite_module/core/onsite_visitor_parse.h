/*
 * onsite_visitor_parse.h - a visitor from JSON: what `lmdb-loader state` and
 * privacy/export print, or as much of it as a person types.
 */

#ifndef ONSITE_VISITOR_PARSE_H
#define ONSITE_VISITOR_PARSE_H

#include "onsite_image.h"
#include "onsite_visitor.h"

/*
 * Fills visitor from an object; what it does not have is as of one never
 * seen.  Campaigns, journeys, states and attributes are told by name or, as
 * where no image was at hand, by the 8 hex digits of their hash.
 *
 * Shorthands: {"status":"customer"} alone is one who has bought,
 * {"cart":{"items":5,"value":50}} a cart of one line, {"journeys":
 * {"game":"main"}} and {"affinities":{"category":{"shoes":2}}} lists.
 *
 * Strings lie in json's memory.  INVALID, with where: what is not
 * of its type, over its bound, or has no meaning.
 */
onsite_status_t onsite_visitor_parse(const onsite_value_t *json,
    const onsite_image_t *image, onsite_ms_t now, onsite_visitor_t *visitor,
    onsite_error_t *error);

#endif
