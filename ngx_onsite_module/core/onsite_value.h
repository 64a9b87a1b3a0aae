/*
 * onsite_value.h - typed attribute values: the JSON data model.
 *
 * A value is 16 bytes and owns nothing: strings, items and members live in an
 * arena, in a record or in a snapshot, for as long as whoever made the value
 * says.  Numbers are IEEE doubles, as in JavaScript, because conditions keep
 * GrowthBook's (JavaScript's) semantics.
 */

#ifndef ONSITE_VALUE_H
#define ONSITE_VALUE_H

#include "onsite_types.h"
#include "onsite_arena.h"
#include "onsite_buf.h"

typedef enum {
    ONSITE_ABSENT = 0,      /* JavaScript's undefined; getPath gives null  */
    ONSITE_NULL,
    ONSITE_BOOL,
    ONSITE_NUMBER,
    ONSITE_STRING,          /* UTF-8                                       */
    ONSITE_ARRAY,
    ONSITE_OBJECT
} onsite_type_t;

typedef struct onsite_value_s   onsite_value_t;
typedef struct onsite_member_s  onsite_member_t;

struct onsite_value_s {
    onsite_type_t  type;
    uint32_t       len;     /* bytes, items or members                     */
    union {
        bool                    boolean;
        double                  number;
        const char             *string;
        const onsite_value_t   *items;
        const onsite_member_t  *members;    /* in order; the last of equal
                                               keys is the one that counts */
    } as;
};

struct onsite_member_s {
    onsite_str_t    key;
    onsite_value_t  value;
};

static inline onsite_value_t
onsite_value_bool(bool b)
{
    return (onsite_value_t) { .type = ONSITE_BOOL, .as.boolean = b };
}

static inline onsite_value_t
onsite_value_number(double n)
{
    return (onsite_value_t) { .type = ONSITE_NUMBER, .as.number = n };
}

static inline onsite_value_t
onsite_value_string(onsite_str_t s)
{
    return (onsite_value_t) { .type = ONSITE_STRING, .len = (uint32_t) s.len,
                              .as.string = s.data };
}

static inline onsite_str_t
onsite_value_str(const onsite_value_t *value)      /* type is STRING */
{
    return onsite_str(value->as.string, value->len);
}

/* The member of an object, or NULL: no such key, not an object, NULL. */
const onsite_value_t *onsite_value_get(const onsite_value_t *object,
    onsite_str_t key);

/* The string member, or an empty string with data NULL when not a string. */
onsite_str_t onsite_value_get_str(const onsite_value_t *object,
    onsite_str_t key);

/* Appends compact JSON, valid for any value (bad UTF-8 becomes U+FFFD;
 * ABSENT and non-finite numbers become null; `<`, U+2028 and U+2029 are
 * \u-escaped so that the text may stand in a script element). */
void onsite_value_write_json(onsite_buf_t *buf, const onsite_value_t *value);

/* Appends one JSON string with its quotes, escaped as above. */
void onsite_write_json_string(onsite_buf_t *buf, onsite_str_t str);

/* The same without the quotes. */
void onsite_write_json_text(onsite_buf_t *buf, onsite_str_t str);

/*
 * ECMAScript Number::toString (ECMA-262, 6.1.6.1.20), radix 10: the shortest
 * text that reads back as the same double.  out has at least 32 bytes;
 * returns the length (no NUL is written).
 */
size_t onsite_number_to_text(double number, char *out);

#endif
