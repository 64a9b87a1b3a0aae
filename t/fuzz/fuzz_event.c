/*
 * fuzz_event.c - any bytes as a request body and as a pixel's query.
 *
 * libFuzzer's entry point; what is read is touched through to its end, so
 * that a sanitizer sees a pointer that leads astray.
 */

#include "onsite_event.h"
#include "onsite_json.h"

#include <stdlib.h>

#define NOW       ((onsite_ms_t) 1769860000000)
#define BODY_MAX  ((size_t) 512 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}


static void
touch(const onsite_batch_t *batch)
{
    size_t        i;
    onsite_buf_t  buf;

    onsite_buf_init(&buf, 0);

    for (i = 0; i < batch->n; i++) {
        const onsite_event_t  *event = &batch->events[i];

        must(event->name.len != 0 && event->name.len <= ONSITE_EVENT_NAME_MAX);
        must(event->anonymous_id.len <= ONSITE_ID_MAX);
        must(event->user_id.len <= ONSITE_ID_MAX);
        must(event->time > 0 && event->time <= event->received);
        must(event->bytes <= ONSITE_EVENT_BYTES_MAX);
        must(event->properties.type == ONSITE_OBJECT);

        onsite_buf_clear(&buf);
        onsite_write_json_string(&buf, event->name);
        onsite_write_json_string(&buf, event->anonymous_id);
        onsite_write_json_string(&buf, event->user_id);
        onsite_write_json_string(&buf, event->message_id);
        onsite_value_write_json(&buf, &event->properties);
        onsite_value_write_json(&buf, &event->traits);
        onsite_value_write_json(&buf, &event->context);
        must(!buf.failed);
    }

    onsite_buf_free(&buf);
}


/* What was taken, written and read again, is written the same. */

static void
round_trip(onsite_json_t *json, onsite_arena_t *arena,
    const onsite_value_t *value)
{
    onsite_buf_t    once, twice;
    onsite_value_t  again;

    onsite_buf_init(&once, 0);
    onsite_buf_init(&twice, 0);

    onsite_value_write_json(&once, value);
    must(onsite_json_parse(json, arena, onsite_str(once.data, once.len),
                           &again, NULL) == ONSITE_OK);
    onsite_value_write_json(&twice, &again);
    must(once.len == twice.len
         && memcmp(once.data, twice.data, once.len) == 0);

    onsite_buf_free(&once);
    onsite_buf_free(&twice);
}


static void
read_body(onsite_json_t *json, onsite_arena_t *arena, onsite_str_t body)
{
    int             type;
    onsite_error_t  error;
    onsite_batch_t  batch;
    onsite_value_t  value;

    if (onsite_gzip_detect(body)
        && onsite_gzip_inflate(arena, body, BODY_MAX, &body) != ONSITE_OK)
    {
        return;
    }

    if (onsite_json_parse(json, arena, body, &value, &error) != ONSITE_OK) {
        return;
    }

    round_trip(json, arena, &value);

    if (onsite_batch_read(arena, &value, NOW, &batch, &error) == ONSITE_OK) {
        touch(&batch);
    }

    for (type = ONSITE_TRACK; type <= ONSITE_ALIAS; type++) {
        if (onsite_event_read(arena, &value, (onsite_event_type_t) type, NOW,
                              &batch, &error) == ONSITE_OK)
        {
            touch(&batch);
        }
    }
}


static void
read_query(onsite_json_t *json, onsite_arena_t *arena, onsite_str_t args)
{
    onsite_str_t    data;
    onsite_error_t  error;
    onsite_batch_t  batch;

    if (onsite_pixel_read(arena, args, NOW, &batch, &error) == ONSITE_OK) {
        touch(&batch);
    }

    if (onsite_query_get(arena, args, ONSITE_STR("data"), &data) == ONSITE_OK
        && onsite_base64_decode(arena, data, &data) == ONSITE_OK)
    {
        read_body(json, arena, data);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onsite_str_t     input = onsite_str((const char *) data, size);
    onsite_json_t   *json;
    onsite_arena_t  *arena;

    json = onsite_json_create();
    arena = onsite_arena_create(16384, 32 * 1024 * 1024);
    must(json != NULL && arena != NULL);

    read_body(json, arena, input);
    onsite_arena_reset(arena);
    read_query(json, arena, input);

    onsite_arena_destroy(arena);
    onsite_json_destroy(json);

    return 0;
}
