/*
 * onsite_json.h - JSON text in, values out (RFC 8259, strict UTF-8).
 *
 * The tokeniser is a packaged library (jsmn), chosen by measurement (see
 * docs/measurements.md); this is the only header that stands for it.
 */

#ifndef ONSITE_JSON_H
#define ONSITE_JSON_H

#include "onsite_value.h"

typedef struct onsite_json_s  onsite_json_t;

/* Parser memory, reused from call to call; one per worker. */
onsite_json_t *onsite_json_create(void);
void onsite_json_destroy(onsite_json_t *json);

/*
 * Parses all of text (white space around it is allowed) into *value, with
 * everything it points to in arena (text itself may go away).  Bounded by
 * ONSITE_JSON_DEPTH_MAX and ONSITE_JSON_NODES_MAX.
 *
 * As in JavaScript: of equal keys the last counts, \u0000 is a byte like any
 * other, integers of any length become doubles.  Half a surrogate pair
 * becomes U+FFFD; a number that no double holds becomes the largest one.  A
 * byte order mark is an error.
 *
 * INVALID: not JSON, or not UTF-8; error says what, at which line and
 * column (in bytes).  LIMIT: too deep or too many values.  NO_MEMORY.
 */
onsite_status_t onsite_json_parse(onsite_json_t *json, onsite_arena_t *arena,
    onsite_str_t text, onsite_value_t *value, onsite_error_t *error);

#endif
