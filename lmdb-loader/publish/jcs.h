/*
 * jcs.h - JSON in one form only (RFC 8785), so that it can be signed.
 */

#ifndef JCS_H
#define JCS_H

#include "onsite_value.h"

/* What a double still counts one by one: 2^53 - 1. */
#define JCS_INTEGER_MAX  9007199254740991.0

/*
 * Appends value: no blanks, members by the UTF-16 code units of their names,
 * numbers and strings as ECMAScript writes them.  A member of value itself
 * that is called `without` is left out (no name: none is).  INVALID: a name
 * twice in one object, a number that is no integer or over JCS_INTEGER_MAX.
 */
onsite_status_t jcs_write(onsite_buf_t *out, const onsite_value_t *value,
    onsite_str_t without, onsite_error_t *error);

#endif
