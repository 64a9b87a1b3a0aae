/*
 * onsite_event_pixel.c - an event from a query string.
 */

#include "onsite_event.h"
#include "onsite_json_scalar.h"
#include "onsite_query.h"

#define NUMBER_TEXT_MAX  40         /* longer digits are text, say an id   */
#define MEMBERS_FIRST    16

typedef struct {
    onsite_arena_t   *arena;
    onsite_event_t   *event;
    onsite_batch_t   *batch;
    onsite_ms_t       timestamp;
    onsite_member_t  *members;
    uint32_t          n;
    uint32_t          capacity;
    onsite_error_t   *error;
} pixel_t;


static onsite_value_t
number_or_text(onsite_str_t str)
{
    char  text[NUMBER_TEXT_MAX + 1];

    if (str.len == 0 || str.len > NUMBER_TEXT_MAX
        || onsite_json_number_length(str.data, str.len) != str.len)
    {
        return onsite_value_string(str);
    }

    memcpy(text, str.data, str.len);
    text[str.len] = '\0';

    return onsite_value_number(onsite_json_number(text, str.len));
}


static onsite_status_t
set_field(pixel_t *pixel, onsite_str_t *field, onsite_str_t key,
    onsite_str_t value, size_t max)
{
    if (value.len > max) {
        return onsite_error(pixel->error, ONSITE_INVALID,
                            "%.*s: must be no longer than %zu bytes",
                            (int) key.len, key.data, max);
    }

    *field = value;

    return ONSITE_OK;
}


static onsite_status_t
set_timestamp(pixel_t *pixel, onsite_str_t text)
{
    onsite_value_t  value = number_or_text(text);

    if (text.len != 0
        && onsite_time_read(&value, &pixel->timestamp) != ONSITE_OK)
    {
        return onsite_error(pixel->error, ONSITE_INVALID,
                            "timestamp: must be an ISO 8601 time");
    }

    return ONSITE_OK;
}


static onsite_status_t
add_property(pixel_t *pixel, onsite_str_t key, onsite_str_t value)
{
    uint32_t          capacity;
    onsite_member_t  *members;

    if (pixel->n == pixel->capacity) {
        capacity = pixel->capacity != 0 ? pixel->capacity * 2 : MEMBERS_FIRST;

        members = onsite_arena_alloc(pixel->arena,
                                     capacity * sizeof(onsite_member_t));
        if (members == NULL) {
            return onsite_error(pixel->error, ONSITE_NO_MEMORY,
                                "out of memory");
        }

        if (pixel->n != 0) {
            memcpy(members, pixel->members,
                   pixel->n * sizeof(onsite_member_t));
        }

        pixel->members = members;
        pixel->capacity = capacity;
    }

    pixel->members[pixel->n++] = (onsite_member_t) {
        .key = key, .value = number_or_text(value)
    };

    return ONSITE_OK;
}


static onsite_status_t
take(pixel_t *pixel, onsite_str_t key, onsite_str_t value)
{
    onsite_event_t  *event = pixel->event;

    if (onsite_str_eq(key, ONSITE_STR("event"))) {
        return set_field(pixel, &event->name, key, value,
                         ONSITE_EVENT_NAME_MAX);
    }

    if (onsite_str_eq(key, ONSITE_STR("anonymousId"))) {
        return set_field(pixel, &event->anonymous_id, key, value,
                         ONSITE_ID_MAX);
    }

    if (onsite_str_eq(key, ONSITE_STR("userId"))) {
        return set_field(pixel, &event->user_id, key, value, ONSITE_ID_MAX);
    }

    if (onsite_str_eq(key, ONSITE_STR("messageId"))) {
        return set_field(pixel, &event->message_id, key, value,
                         ONSITE_ID_MAX);
    }

    if (onsite_str_eq(key, ONSITE_STR("writeKey"))) {
        return set_field(pixel, &pixel->batch->write_key, key, value,
                         ONSITE_ID_MAX);
    }

    if (onsite_str_eq(key, ONSITE_STR("timestamp"))) {
        return set_timestamp(pixel, value);
    }

    return add_property(pixel, key, value);
}


static onsite_status_t
take_all(pixel_t *pixel, char *p, size_t len)
{
    char            *end = p + len;
    uint8_t          high = 0;
    onsite_str_t     key, value;
    onsite_status_t  status;

    while (onsite_query_take(&p, end, &key, &value, &high)) {

        if (high & 0x80) {
            key = onsite_utf8_repair(pixel->arena, key);
            value = onsite_utf8_repair(pixel->arena, value);
        }

        if (key.data == NULL || value.data == NULL) {
            return onsite_error(pixel->error, ONSITE_NO_MEMORY,
                                "out of memory");
        }

        status = take(pixel, key, value);
        if (status != ONSITE_OK) {
            return status;
        }
    }

    if (pixel->event->name.len == 0) {
        return onsite_error(pixel->error, ONSITE_INVALID,
                            "event: must be a non-empty string");
    }

    return ONSITE_OK;
}


onsite_status_t
onsite_pixel_read(onsite_arena_t *arena, onsite_str_t args,
    onsite_ms_t received, onsite_batch_t *out, onsite_error_t *error)
{
    pixel_t          pixel;
    onsite_str_t     copy;
    onsite_status_t  status;

    if (args.len > ONSITE_EVENT_BYTES_MAX) {
        return onsite_error(error, ONSITE_LIMIT,
                            "query: must be no longer than %d bytes",
                            ONSITE_EVENT_BYTES_MAX);
    }

    *out = (onsite_batch_t) { .n = 1 };

    copy = onsite_arena_copy(arena, args);
    pixel = (pixel_t) { .arena = arena, .batch = out, .error = error };
    pixel.event = onsite_arena_zalloc(arena, sizeof(onsite_event_t));

    if (copy.data == NULL || pixel.event == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    status = take_all(&pixel, (char *) copy.data, copy.len);
    if (status != ONSITE_OK) {
        return status;
    }

    pixel.event->bytes = (uint32_t) args.len;
    pixel.event->properties = (onsite_value_t) {
        .type = ONSITE_OBJECT, .len = pixel.n, .as.members = pixel.members
    };
    onsite_event_stamp(pixel.event, received, pixel.timestamp, 0);
    out->events = pixel.event;

    return ONSITE_OK;
}
