/*
 * onsite_event.c - Segment's calls into events.
 */

#include "onsite_event_field.h"

static const onsite_str_t  page_keys[] = {
    { 4, "path" }, { 3, "url" }, { 5, "title" }, { 8, "referrer" },
    { 6, "search" }
};

#define PAGE_KEYS  (sizeof(page_keys) / sizeof(page_keys[0]))


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

    add_missing(members, &n, properties, event_field_names[FIELD_NAME],
                fields[FIELD_NAME]);
    add_missing(members, &n, properties, event_field_names[FIELD_CATEGORY],
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
        return field_refuse(reader, FIELD_EVENT, "must be a non-empty string");
    }

    return field_string(reader, fields, FIELD_EVENT, ONSITE_EVENT_NAME_MAX,
                        &event->name);
}


static onsite_status_t
read_page(const reader_t *reader, const fields_t fields,
    onsite_event_t *event)
{
    onsite_str_t     unused;
    onsite_status_t  status;

    status = field_string(reader, fields, FIELD_NAME, ONSITE_EVENT_BYTES_MAX,
                          &unused);
    if (status != ONSITE_OK) {
        return status;
    }

    status = field_string(reader, fields, FIELD_CATEGORY,
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

    status = field_id(reader, fields, field, out);
    if (status != ONSITE_OK) {
        return status;
    }

    return out->len != 0 ? ONSITE_OK
           : field_refuse(reader, field, "must be a non-empty string");
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

    status = field_id(reader, fields, FIELD_ANONYMOUS_ID,
                      &event->anonymous_id);
    if (status != ONSITE_OK) {
        return status;
    }

    status = field_id(reader, fields, FIELD_USER_ID, &event->user_id);
    if (status != ONSITE_OK) {
        return status;
    }

    return field_id(reader, fields, FIELD_MESSAGE_ID, &event->message_id);
}


static onsite_status_t
read_objects(const reader_t *reader, const fields_t fields,
    onsite_event_t *event)
{
    onsite_status_t  status;

    event->properties.type = ONSITE_OBJECT;

    status = field_object(reader, fields, FIELD_PROPERTIES,
                          &event->properties);
    if (status != ONSITE_OK) {
        return status;
    }

    status = field_object(reader, fields, FIELD_TRAITS, &event->traits);
    if (status != ONSITE_OK) {
        return status;
    }

    status = field_object(reader, fields, FIELD_CONTEXT, &event->context);
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

    status = field_time(reader, fields,
                        fields[FIELD_TIMESTAMP] != NULL
                        ? FIELD_TIMESTAMP : FIELD_ORIGINAL_TIMESTAMP,
                        &timestamp);
    if (status != ONSITE_OK) {
        return status;
    }

    status = field_time(reader, fields, FIELD_SENT_AT, &sent);
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
    event->bytes = event_json_bytes(body);

    if (event->bytes > ONSITE_EVENT_BYTES_MAX) {
        return event_fail(reader, ONSITE_LIMIT, ONSITE_STR(""),
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

    status = field_string(reader, fields, FIELD_WRITE_KEY, ONSITE_ID_MAX,
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

    return field_refuse(reader, FIELD_TYPE, "must be one of track, page, "
                        "screen, identify, group, alias");
}


static onsite_status_t
read_element(const reader_t *reader, const onsite_value_t *element,
    onsite_batch_t *out)
{
    fields_t             fields;
    onsite_status_t      status;
    onsite_event_type_t  type;

    if (element->type != ONSITE_OBJECT) {
        return event_fail(reader, ONSITE_INVALID, ONSITE_STR(""),
                          "must be an object");
    }

    fields_find(element, fields);

    status = read_type(reader, fields, &type);
    if (status != ONSITE_OK) {
        return status;
    }

    if (out->write_key.len == 0) {
        status = field_string(reader, fields, FIELD_WRITE_KEY, ONSITE_ID_MAX,
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
        return field_refuse(reader, FIELD_BATCH, "must be an array");
    }

    status = field_string(reader, fields, FIELD_WRITE_KEY, ONSITE_ID_MAX,
                          &out->write_key);
    if (status != ONSITE_OK) {
        return status;
    }

    status = field_time(reader, fields, FIELD_SENT_AT, &reader->sent);
    if (status != ONSITE_OK) {
        return status;
    }

    status = field_object(reader, fields, FIELD_CONTEXT, &context);
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

    fields_find(body, fields);

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

    fields_find(body, fields);

    if (fields[FIELD_BATCH] != NULL) {
        return read_batch(&reader, fields, out);
    }

    status = read_type(&reader, fields, &type);
    if (status != ONSITE_OK) {
        return status;
    }

    return one_event(&reader, body, fields, type, out);
}
