/*
 * onsite_event_field.h - the fields of a call, for onsite_event.c.
 */

#ifndef ONSITE_EVENT_FIELD_H
#define ONSITE_EVENT_FIELD_H

#include "onsite_event.h"

/* Ordered by the length of their names. */

typedef enum {
    FIELD_NAME = 0,
    FIELD_TYPE,
    FIELD_BATCH,
    FIELD_EVENT,
    FIELD_SENT_AT,
    FIELD_TRAITS,
    FIELD_USER_ID,
    FIELD_CONTEXT,
    FIELD_GROUP_ID,
    FIELD_CATEGORY,
    FIELD_WRITE_KEY,
    FIELD_MESSAGE_ID,
    FIELD_TIMESTAMP,
    FIELD_PREVIOUS_ID,
    FIELD_PROPERTIES,
    FIELD_ANONYMOUS_ID,
    FIELD_ORIGINAL_TIMESTAMP,
    FIELDS
} field_t;

extern const onsite_str_t  event_field_names[FIELDS];

typedef const onsite_value_t  *fields_t[FIELDS];

typedef struct {
    onsite_arena_t        *arena;
    onsite_error_t        *error;
    const char            *root;        /* of paths in errors: "batch"     */
    size_t                 index;       /* of the element, when root is set */
    onsite_ms_t            received;
    onsite_ms_t            sent;        /* the batch's sentAt; 0: none     */
    const onsite_value_t  *context;     /* the batch's; NULL: none         */
} reader_t;


/* "batch[3].field: what"; an empty field: of all of it. */
onsite_status_t event_fail(const reader_t *reader, onsite_status_t status,
    onsite_str_t field, const char *what);

/* INVALID. */
onsite_status_t field_refuse(const reader_t *reader, field_t field,
    const char *what);

/* null is as good as absent; of equal keys the last counts. */
void fields_find(const onsite_value_t *object, fields_t fields);

/* *out stays what it is where the field is not there. */
onsite_status_t field_string(const reader_t *reader, const fields_t fields,
    field_t field, size_t max, onsite_str_t *out);
onsite_status_t field_id(const reader_t *reader, const fields_t fields,
    field_t field, onsite_str_t *out);
onsite_status_t field_object(const reader_t *reader, const fields_t fields,
    field_t field, onsite_value_t *out);
onsite_status_t field_time(const reader_t *reader, const fields_t fields,
    field_t field, onsite_ms_t *time);

/* Bytes of a value as compact JSON, but for escapes and fractions. */
uint32_t event_json_bytes(const onsite_value_t *value);

#endif
