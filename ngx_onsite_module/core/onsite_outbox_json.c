/*
 * onsite_outbox_json.c - what waits to leave, as JSON.
 */

#include "onsite_outbox.h"
#include "onsite_visitor_json.h"


static void
write_hex(onsite_buf_t *out, const char *name, const uint8_t *bytes)
{
    onsite_key_t  key;

    memcpy(key.bytes, bytes, sizeof(key.bytes));
    onsite_buf_printf(out, ",\"%s\":", name);
    onsite_write_key(out, &key);
}


/* Empty: not known. */

static void
write_text(onsite_buf_t *out, const char *name, onsite_str_t text)
{
    onsite_buf_printf(out, ",\"%s\":", name);

    if (text.len != 0) {
        onsite_write_json_string(out, text);

    } else {
        onsite_buf_str(out, ONSITE_STR("null"));
    }
}


/* JSON as it is, on one line; what is none (damage) as a string. */

static void
write_data(onsite_buf_t *out, onsite_str_t data, onsite_json_t *json,
    onsite_arena_t *arena)
{
    size_t          i;
    onsite_value_t  value;

    if (data.len == 0
        || onsite_json_parse(json, arena, data, &value, NULL) != ONSITE_OK)
    {
        write_text(out, "data", data);
        return;
    }

    onsite_buf_str(out, ONSITE_STR(",\"data\":"));

    /* JSON has line ends between its tokens only */

    for (i = 0; i < data.len; i++) {
        onsite_buf_char(out, data.data[i] == '\n' || data.data[i] == '\r'
                             ? ' ' : data.data[i]);
    }
}


void
onsite_outbox_write_json(onsite_buf_t *out, uint64_t seq,
    const onsite_outbox_entry_t *entry, onsite_json_t *json,
    onsite_arena_t *arena)
{
    onsite_value_t  number;

    onsite_buf_printf(out, "{\"seq\":%llu,\"kind\":\"delivery\"",
                      (unsigned long long) seq);
    write_hex(out, "id", entry->id);
    onsite_buf_str(out, ONSITE_STR(",\"time\":"));
    onsite_write_time(out, entry->time);
    write_hex(out, "visitor", entry->visitor.bytes);
    write_text(out, "site", entry->site);
    write_text(out, "user_id", entry->user_id);
    onsite_buf_printf(out, ",\"verified\":%s",
                      entry->verified ? "true" : "false");
    write_text(out, "event", entry->event);

    number = onsite_value_number(entry->propensity);
    write_text(out, "campaign", entry->campaign);

    /* one without a name is "", as `decide` has it */

    onsite_buf_str(out, ONSITE_STR(",\"variant\":"));
    onsite_write_json_string(out, entry->variant);
    onsite_buf_str(out, ONSITE_STR(",\"propensity\":"));
    onsite_value_write_json(out, &number);
    write_text(out, "endpoint", entry->endpoint);

    write_data(out, entry->data, json, arena);
    onsite_buf_char(out, '}');
}


onsite_status_t
onsite_outbox_write(onsite_buf_t *out, uint64_t seq, onsite_str_t bytes,
    onsite_json_t *json, onsite_arena_t *arena)
{
    onsite_status_t         status;
    onsite_outbox_kind_t    kind;
    onsite_outbox_entry_t   entry;

    if (onsite_outbox_kind(bytes.data, bytes.len, &kind)
        && kind == ONSITE_OUTBOX_EVENT)
    {
        return onsite_outbox_write_event(out, seq, bytes);
    }

    status = onsite_outbox_decode(bytes.data, bytes.len, &entry);

    if (status == ONSITE_OK) {
        onsite_outbox_write_json(out, seq, &entry, json, arena);
    }

    return status;
}
