/*
 * onsite_event_field.c - the fields of a call, by name and type.
 */

#include "onsite_event_field.h"

#include <math.h>
#include <stdio.h>

const onsite_str_t  event_field_names[FIELDS] = {
    { 4, "name" }, { 4, "type" }, { 5, "batch" }, { 5, "event" },
    { 6, "sentAt" }, { 6, "traits" }, { 6, "userId" }, { 7, "context" },
    { 7, "groupId" }, { 8, "category" }, { 8, "writeKey" },
    { 9, "messageId" }, { 9, "timestamp" }, { 10, "previousId" },
    { 10, "properties" }, { 11, "anonymousId" }, { 17, "originalTimestamp" }
};

/* The first field whose name is at least so long. */
#define NAME_MAX_LEN  17

static const uint8_t  first_of_length[NAME_MAX_LEN + 2] = {
    FIELD_NAME, FIELD_NAME, FIELD_NAME, FIELD_NAME, FIELD_NAME, FIELD_BATCH,
    FIELD_SENT_AT, FIELD_CONTEXT, FIELD_CATEGORY, FIELD_MESSAGE_ID,
    FIELD_PREVIOUS_ID, FIELD_ANONYMOUS_ID, FIELD_ORIGINAL_TIMESTAMP,
    FIELD_ORIGINAL_TIMESTAMP, FIELD_ORIGINAL_TIMESTAMP,
    FIELD_ORIGINAL_TIMESTAMP, FIELD_ORIGINAL_TIMESTAMP,
    FIELD_ORIGINAL_TIMESTAMP, FIELDS
};

#define FRACTION_TEXT  8        /* bytes that a number with one counts for */


onsite_status_t
event_fail(const reader_t *reader, onsite_status_t status, onsite_str_t field,
    const char *what)
{
    if (reader->root == NULL) {
        if (field.len == 0) {
            field = ONSITE_STR("body");
        }

        return onsite_error(reader->error, status, "%.*s: %s",
                            (int) field.len, field.data, what);
    }

    return onsite_error(reader->error, status, "%s[%zu]%s%.*s: %s",
                        reader->root, reader->index,
                        field.len != 0 ? "." : "", (int) field.len,
                        field.data, what);
}


onsite_status_t
field_refuse(const reader_t *reader, field_t field, const char *what)
{
    return event_fail(reader, ONSITE_INVALID, event_field_names[field], what);
}


/* null is as good as absent; of equal keys the last counts. */

void
fields_find(const onsite_value_t *object, fields_t fields)
{
    uint32_t                i, f;
    const onsite_member_t  *member;

    memset(fields, 0, sizeof(fields_t));

    for (i = 0; i < object->len; i++) {
        member = &object->as.members[i];

        if (member->key.len > NAME_MAX_LEN) {
            continue;
        }

        for (f = first_of_length[member->key.len];
             f < first_of_length[member->key.len + 1]; f++)
        {
            if (onsite_str_eq(member->key, event_field_names[f])) {
                fields[f] = member->value.type != ONSITE_NULL
                            ? &member->value : NULL;
                break;
            }
        }
    }
}


static uint32_t
number_bytes(double number)
{
    double    limit;
    uint32_t  n;

    if (number != floor(number) || fabs(number) >= 1e15) {
        return FRACTION_TEXT;
    }

    n = number < 0;
    number = fabs(number);

    for (n++, limit = 10; number >= limit; limit *= 10) {
        n++;
    }

    return n;
}


/* Bytes of a value as compact JSON, but for escapes and fractions. */

uint32_t
event_json_bytes(const onsite_value_t *value)
{
    uint32_t  i, n;

    switch (value->type) {

    case ONSITE_STRING:
        return 2 + value->len;

    case ONSITE_NUMBER:
        return number_bytes(value->as.number);

    case ONSITE_BOOL:
        return value->as.boolean ? 4 : 5;

    case ONSITE_ARRAY:
        n = value->len != 0 ? 1 + value->len : 2;
        for (i = 0; i < value->len; i++) {
            n += event_json_bytes(&value->as.items[i]);
        }
        return n;

    case ONSITE_OBJECT:
        n = value->len != 0 ? 1 + 4 * value->len : 2;
        for (i = 0; i < value->len; i++) {
            n += (uint32_t) value->as.members[i].key.len
                 + event_json_bytes(&value->as.members[i].value);
        }
        return n;

    default:
        return 4;
    }
}


onsite_status_t
field_string(const reader_t *reader, const fields_t fields, field_t field,
    size_t max, onsite_str_t *out)
{
    char                   what[64];
    const onsite_value_t  *value = fields[field];

    if (value == NULL) {
        return ONSITE_OK;
    }

    if (value->type != ONSITE_STRING) {
        return field_refuse(reader, field, "must be a string");
    }

    if (value->len > max) {
        (void) snprintf(what, sizeof(what), "must be no longer than %zu bytes",
                        max);
        return field_refuse(reader, field, what);
    }

    *out = onsite_value_str(value);

    return ONSITE_OK;
}


/* Ids from databases are often sent as numbers. */

onsite_status_t
field_id(const reader_t *reader, const fields_t fields, field_t field,
    onsite_str_t *out)
{
    char                   text[32];
    const onsite_value_t  *value = fields[field];

    if (value == NULL || value->type != ONSITE_NUMBER) {
        return field_string(reader, fields, field, ONSITE_ID_MAX, out);
    }

    *out = onsite_arena_copy(reader->arena, onsite_str(text,
                             onsite_number_to_text(value->as.number, text)));

    return out->data != NULL ? ONSITE_OK
           : onsite_error(reader->error, ONSITE_NO_MEMORY, "out of memory");
}


onsite_status_t
field_object(const reader_t *reader, const fields_t fields, field_t field,
    onsite_value_t *out)
{
    const onsite_value_t  *value = fields[field];

    if (value == NULL) {
        return ONSITE_OK;
    }

    if (value->type != ONSITE_OBJECT) {
        return field_refuse(reader, field, "must be an object");
    }

    *out = *value;

    return ONSITE_OK;
}


onsite_status_t
field_time(const reader_t *reader, const fields_t fields, field_t field,
    onsite_ms_t *time)
{
    if (fields[field] != NULL
        && onsite_time_read(fields[field], time) != ONSITE_OK)
    {
        return field_refuse(reader, field, "must be an ISO 8601 time");
    }

    /* 0 is "not given", but 1970 was */

    if (fields[field] != NULL && *time == 0) {
        *time = 1;
    }

    return ONSITE_OK;
}
