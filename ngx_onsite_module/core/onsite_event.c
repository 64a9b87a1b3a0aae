/*
 * onsite_event.c - Segment's calls into events.
 */

#include "onsite_event.h"

#include <math.h>
#include <stdio.h>

/* Fields of a call, ordered by the length of their names. */

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

static const onsite_str_t  field_names[FIELDS] = {
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

static const onsite_str_t  page_keys[] = {
    { 4, "path" }, { 3, "url" }, { 5, "title" }, { 8, "referrer" },
    { 6, "search" }
};

#define PAGE_KEYS      (sizeof(page_keys) / sizeof(page_keys[0]))
#define FRACTION_TEXT  8        /* bytes that a number with one counts for */


static onsite_status_t
fail(const reader_t *reader, onsite_status_t status, onsite_str_t field,
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


static onsite_status_t
bad_field(const reader_t *reader, field_t field, const char *what)
{
    return fail(reader, ONSITE_INVALID, field_names[field], what);
}


/* null is as good as absent; of equal keys the last counts. */

static void
find_fields(const onsite_value_t *object, fields_t fields)
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
            if (onsite_str_eq(member->key, field_names[f])) {
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

static uint32_t
json_bytes(const onsite_value_t *value)
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
            n += json_bytes(&value->as.items[i]);
        }
        return n;

    case ONSITE_OBJECT:
        n = value->len != 0 ? 1 + 4 * value->len : 2;
        for (i = 0; i < value->len; i++) {
            n += (uint32_t) value->as.members[i].key.len
                 + json_bytes(&value->as.members[i].value);
        }
        return n;

    default:
        return 4;
    }
}


static onsite_status_t
read_string(const reader_t *reader, const fields_t fields, field_t field,
    size_t max, onsite_str_t *out)
{
    char                   what[64];
    const onsite_value_t  *value = fields[field];

    if (value == NULL) {
        return ONSITE_OK;
    }

    if (value->type != ONSITE_STRING) {
        return bad_field(reader, field, "must be a string");
    }

    if (value->len > max) {
        (void) snprintf(what, sizeof(what), "must be no longer than %zu bytes",
                        max);
        return bad_field(reader, field, what);
    }

    *out = onsite_value_str(value);

    return ONSITE_OK;
}


/* Ids from databases are often sent as numbers. */

static onsite_status_t
read_id(const reader_t *reader, const fields_t fields, field_t field,
    onsite_str_t *out)
{
    char                   text[32];
    const onsite_value_t  *value = fields[field];

    if (value == NULL || value->type != ONSITE_NUMBER) {
        return read_string(reader, fields, field, ONSITE_ID_MAX, out);
    }

    *out = onsite_arena_copy(reader->arena, onsite_str(text,
                             onsite_number_to_text(value->as.number, text)));

    return out->data != NULL ? ONSITE_OK
           : onsite_error(reader->error, ONSITE_NO_MEMORY, "out of memory");
}


static onsite_status_t
read_object(const reader_t *reader, const fields_t fields, field_t field,
    onsite_value_t *out)
{
    const onsite_value_t  *value = fields[field];

    if (value == NULL) {
        return ONSITE_OK;
    }

    if (value->type != ONSITE_OBJECT) {
        return bad_field(reader, field, "must be an object");
    }

    *out = *value;

    return ONSITE_OK;
}


static onsite_status_t
read_time(const reader_t *reader, const fields_t fields, field_t field,
    onsite_ms_t *time)
{
    if (fields[field] != NULL
        && onsite_time_read(fields[field], time) != ONSITE_OK)
    {
        return bad_field(reader, field, "must be an ISO 8601 time");
    }

    /* 0 is "not given", but 1970 was */

    if (fields[field] != NULL && *time == 0) {
        *time = 1;
    }

    return ONSITE_OK;
}


/* The batch's context holds for each event, whose own wins. */

static onsite_status_t
merge_context(const reader_t *reader, onsite_value_t *context)
{
    size_t                 n;
    onsite_member_t       *members;
    const onsite_value_t  *common = reader->context;

    if (common == NULL || common->len == 0) {
        return ONSITE_OK;
    }

    if (context->type == ONSITE_ABSENT || context->len == 0) {
        *context = *common;
        return ONSITE_OK;
    }

    n = (size_t) common->len + context->len;

    members = onsite_arena_alloc(reader->arena, n * sizeof(onsite_member_t));
    if (members == NULL) {
        return onsite_error(reader->error, ONSITE_NO_MEMORY, "out of memory");
    }

    memcpy(members, common->as.members,
           common->len * sizeof(onsite_member_t));
    memcpy(members + common->len, context->as.members,
           context->len * sizeof(onsite_member_t));

    context->len = (uint32_t) n;
    context->as.members = members;

    return ONSITE_OK;
}


static void
add_missing(onsite_member_t *members, uint32_t *n,
    const onsite_value_t *properties, onsite_str_t key,
    const onsite_value_t *value)
{
    if (value == NULL || value->type == ONSITE_NULL
        || onsite_value_get(properties, key) != NULL)
    {
        return;
    }

    members[*n] = (onsite_member_t) { .key = key, .value = *value };
    (*n)++;
}


/* A page's properties say all of the page, wherever the call had it. */

static onsite_status_t
complete_page(const reader_t *reader, const fields_t fields,
    onsite_event_t *event)
{
    size_t                 i;
    uint32_t               n;
    onsite_member_t       *members;
    onsite_value_t        *properties = &event->properties;
    const onsite_value_t  *page;

    page = onsite_value_get(&event->context, ONSITE_STR("page"));

    members = onsite_arena_alloc(reader->arena,
                                 (properties->len + PAGE_KEYS + 2)
                                 * sizeof(onsite_member_t));
    if (members == NULL) {
        return onsite_error(reader->error, ONSITE_NO_MEMORY, "out of memory");
    }

    n = properties->len;

    if (n != 0) {
        memcpy(members, properties->as.members, n * sizeof(onsite_member_t));
    }

    add_missing(members, &n, properties, field_names[FIELD_NAME],
                fields[FIELD_NAME]);
    add_missing(members, &n, properties, field_names[FIELD_CATEGORY],
                fields[FIELD_CATEGORY]);

    for (i = 0; i < PAGE_KEYS; i++) {
        add_missing(members, &n, properties, page_keys[i],
                    onsite_value_get(page, page_keys[i]));
    }

    properties->len = n;
    properties->as.members = members;

    return ONSITE_OK;
}


static onsite_status_t
read_track(const reader_t *reader, const fields_t fields,
    onsite_event_t *event)
{
    if (fields[FIELD_EVENT] == NULL
        || fields[FIELD_EVENT]->type != ONSITE_STRING
        || fields[FIELD_EVENT]->len == 0)
    {
        return bad_field(reader, FIELD_EVENT, "must be a non-empty string");
    }

    return read_string(reader, fields, FIELD_EVENT, ONSITE_EVENT_NAME_MAX,
                       &event->name);
}


static onsite_status_t
read_page(const reader_t *reader, const fields_t fields,
    onsite_event_t *event)
{
    onsite_str_t     unused;
    onsite_status_t  status;

    status = read_string(reader, fields, FIELD_NAME, ONSITE_EVENT_BYTES_MAX,
                         &unused);
    if (status != ONSITE_OK) {
        return status;
    }

    status = read_string(reader, fields, FIELD_CATEGORY,
                         ONSITE_EVENT_BYTES_MAX, &unused);
    if (status != ONSITE_OK) {
        return status;
    }

    return complete_page(reader, fields, event);
}


static onsite_status_t
read_required_id(const reader_t *reader, const fields_t fields,
    field_t field, onsite_str_t *out)
{
    onsite_status_t  status;

    status = read_id(reader, fields, field, out);
    if (status != ONSITE_OK) {
        return status;
    }

    return out->len != 0 ? ONSITE_OK
           : bad_field(reader, field, "must be a non-empty string");
}


/* What each type has of its own; the rest of the event is there. */

static onsite_status_t
read_own(const reader_t *reader, const fields_t fields, onsite_event_t *event)
{
    static const onsite_str_t  names[] = {
        { 0, "" }, { 11, "Page Viewed" }, { 13, "Screen Viewed" },
        { 8, "Identify" }, { 5, "Group" }, { 5, "Alias" }
    };

    event->name = names[event->type];

    switch (event->type) {

    case ONSITE_TRACK:
        return read_track(reader, fields, event);

    case ONSITE_PAGE:
    case ONSITE_SCREEN:
        return read_page(reader, fields, event);

    case ONSITE_GROUP:
        return read_required_id(reader, fields, FIELD_GROUP_ID,
                                &event->group_id);

    case ONSITE_ALIAS:
        return read_required_id(reader, fields, FIELD_PREVIOUS_ID,
                                &event->previous_id);

    default:
        return ONSITE_OK;
    }
}


static onsite_status_t
read_ids(const reader_t *reader, const fields_t fields, onsite_event_t *event)
{
    onsite_status_t  status;

    status = read_id(reader, fields, FIELD_ANONYMOUS_ID,
                     &event->anonymous_id);
    if (status != ONSITE_OK) {
        return status;
    }

    status = read_id(reader, fields, FIELD_USER_ID, &event->user_id);
    if (status != ONSITE_OK) {
        return status;
    }

    return read_id(reader, fields, FIELD_MESSAGE_ID, &event->message_id);
}


static onsite_status_t
read_objects(const reader_t *reader, const fields_t fields,
    onsite_event_t *event)
{
    onsite_status_t  status;

    event->properties.type = ONSITE_OBJECT;

    status = read_object(reader, fields, FIELD_PROPERTIES,
                         &event->properties);
    if (status != ONSITE_OK) {
        return status;
    }

    status = read_object(reader, fields, FIELD_TRAITS, &event->traits);
    if (status != ONSITE_OK) {
        return status;
    }

    status = read_object(reader, fields, FIELD_CONTEXT, &event->context);
    if (status != ONSITE_OK) {
        return status;
    }

    return merge_context(reader, &event->context);
}


static onsite_status_t
read_stamp(const reader_t *reader, const fields_t fields,
    onsite_event_t *event)
{
    onsite_ms_t      timestamp, sent;
    onsite_status_t  status;

    timestamp = 0;
    sent = reader->sent;

    status = read_time(reader, fields,
                       fields[FIELD_TIMESTAMP] != NULL
                       ? FIELD_TIMESTAMP : FIELD_ORIGINAL_TIMESTAMP,
                       &timestamp);
    if (status != ONSITE_OK) {
        return status;
    }

    status = read_time(reader, fields, FIELD_SENT_AT, &sent);
    if (status != ONSITE_OK) {
        return status;
    }

    onsite_event_stamp(event, reader->received, timestamp, sent);

    return ONSITE_OK;
}


static onsite_status_t
read_event(const reader_t *reader, const onsite_value_t *body,
    const fields_t fields, onsite_event_type_t type, onsite_event_t *event)
{
    onsite_status_t  status;

    memset(event, 0, sizeof(onsite_event_t));
    event->type = type;
    event->bytes = json_bytes(body);

    if (event->bytes > ONSITE_EVENT_BYTES_MAX) {
        return fail(reader, ONSITE_LIMIT, ONSITE_STR(""),
                    "must be no larger than 32 KB");
    }

    status = read_ids(reader, fields, event);
    if (status != ONSITE_OK) {
        return status;
    }

    status = read_objects(reader, fields, event);
    if (status != ONSITE_OK) {
        return status;
    }

    status = read_stamp(reader, fields, event);
    if (status != ONSITE_OK) {
        return status;
    }

    return read_own(reader, fields, event);
}


static onsite_status_t
one_event(reader_t *reader, const onsite_value_t *body,
    const fields_t fields, onsite_event_type_t type, onsite_batch_t *out)
{
    onsite_status_t  status;

    *out = (onsite_batch_t) { .n = 1 };

    out->events = onsite_arena_alloc(reader->arena, sizeof(onsite_event_t));
    if (out->events == NULL) {
        return onsite_error(reader->error, ONSITE_NO_MEMORY, "out of memory");
    }

    status = read_string(reader, fields, FIELD_WRITE_KEY, ONSITE_ID_MAX,
                         &out->write_key);
    if (status != ONSITE_OK) {
        return status;
    }

    return read_event(reader, body, fields, type, out->events);
}


static onsite_status_t
read_type(const reader_t *reader, const fields_t fields,
    onsite_event_type_t *type)
{
    size_t                 i;
    const onsite_value_t  *value = fields[FIELD_TYPE];

    static const onsite_str_t  names[] = {
        { 5, "track" }, { 4, "page" }, { 6, "screen" }, { 8, "identify" },
        { 5, "group" }, { 5, "alias" }
    };

    if (value == NULL && fields[FIELD_EVENT] != NULL) {
        *type = ONSITE_TRACK;
        return ONSITE_OK;
    }

    if (value != NULL && value->type == ONSITE_STRING) {

        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (onsite_str_eq(onsite_value_str(value), names[i])) {
                *type = (onsite_event_type_t) i;
                return ONSITE_OK;
            }
        }
    }

    return bad_field(reader, FIELD_TYPE, "must be one of track, page, screen,"
                     " identify, group, alias");
}


static onsite_status_t
read_element(const reader_t *reader, const onsite_value_t *element,
    onsite_batch_t *out)
{
    fields_t             fields;
    onsite_status_t      status;
    onsite_event_type_t  type;

    if (element->type != ONSITE_OBJECT) {
        return fail(reader, ONSITE_INVALID, ONSITE_STR(""),
                    "must be an object");
    }

    find_fields(element, fields);

    status = read_type(reader, fields, &type);
    if (status != ONSITE_OK) {
        return status;
    }

    if (out->write_key.len == 0) {
        status = read_string(reader, fields, FIELD_WRITE_KEY, ONSITE_ID_MAX,
                             &out->write_key);
        if (status != ONSITE_OK) {
            return status;
        }
    }

    return read_event(reader, element, fields, type, &out->events[out->n]);
}


static onsite_status_t
read_elements(reader_t *reader, const onsite_value_t *array,
    onsite_batch_t *out)
{
    size_t           bytes;
    onsite_status_t  status;

    if (array->len > ONSITE_BATCH_EVENTS_MAX) {
        return onsite_error(reader->error, ONSITE_LIMIT,
                            "batch: must have no more than %d events",
                            ONSITE_BATCH_EVENTS_MAX);
    }

    out->events = onsite_arena_alloc(reader->arena,
                                     array->len * sizeof(onsite_event_t));
    if (out->events == NULL) {
        return onsite_error(reader->error, ONSITE_NO_MEMORY, "out of memory");
    }

    for (bytes = 0, out->n = 0; out->n < array->len; out->n++) {
        reader->index = out->n;

        status = read_element(reader, &array->as.items[out->n], out);
        if (status != ONSITE_OK) {
            return status;
        }

        bytes += out->events[out->n].bytes;
    }

    if (bytes > ONSITE_BATCH_BYTES_MAX) {
        return onsite_error(reader->error, ONSITE_LIMIT,
                            "batch: must be no larger than 500 KB");
    }

    return ONSITE_OK;
}


/* {"batch": [...]}: what stands beside the array holds for all of it. */

static onsite_status_t
read_batch(reader_t *reader, const fields_t fields, onsite_batch_t *out)
{
    onsite_value_t   context = { .type = ONSITE_ABSENT };
    onsite_status_t  status;

    if (fields[FIELD_BATCH]->type != ONSITE_ARRAY) {
        return bad_field(reader, FIELD_BATCH, "must be an array");
    }

    status = read_string(reader, fields, FIELD_WRITE_KEY, ONSITE_ID_MAX,
                         &out->write_key);
    if (status != ONSITE_OK) {
        return status;
    }

    status = read_time(reader, fields, FIELD_SENT_AT, &reader->sent);
    if (status != ONSITE_OK) {
        return status;
    }

    status = read_object(reader, fields, FIELD_CONTEXT, &context);
    if (status != ONSITE_OK) {
        return status;
    }

    reader->context = context.type == ONSITE_OBJECT ? fields[FIELD_CONTEXT]
                                                    : NULL;
    reader->root = "batch";

    return read_elements(reader, fields[FIELD_BATCH], out);
}


onsite_status_t
onsite_event_read(onsite_arena_t *arena, const onsite_value_t *body,
    onsite_event_type_t type, onsite_ms_t received, onsite_batch_t *out,
    onsite_error_t *error)
{
    fields_t  fields;
    reader_t  reader = { .arena = arena, .error = error,
                         .received = received };

    if (body->type != ONSITE_OBJECT) {
        return onsite_error(error, ONSITE_INVALID,
                            "body: must be an object");
    }

    find_fields(body, fields);

    return one_event(&reader, body, fields, type, out);
}


onsite_status_t
onsite_batch_read(onsite_arena_t *arena, const onsite_value_t *body,
    onsite_ms_t received, onsite_batch_t *out, onsite_error_t *error)
{
    fields_t             fields;
    reader_t             reader = { .arena = arena, .error = error,
                                    .received = received };
    onsite_status_t      status;
    onsite_event_type_t  type;

    *out = (onsite_batch_t) { .n = 0 };

    if (body->type == ONSITE_ARRAY) {
        reader.root = "batch";
        return read_elements(&reader, body, out);
    }

    if (body->type != ONSITE_OBJECT) {
        return onsite_error(error, ONSITE_INVALID,
                            "body: must be an object or an array");
    }

    find_fields(body, fields);

    if (fields[FIELD_BATCH] != NULL) {
        return read_batch(&reader, fields, out);
    }

    status = read_type(&reader, fields, &type);
    if (status != ONSITE_OK) {
        return status;
    }

    return one_event(&reader, body, fields, type, out);
}
