/*
 * onsite_outbox_event_json.c - an event of the outbox as JSON, straight from
 * its bytes.
 */

#include "onsite_outbox.h"
#include "onsite_cursor.h"
#include "onsite_visitor_json.h"

#include <endian.h>
#include <openssl/sha.h>

#define N_ELEMENTS  12              /* at least */
#define DEPTH_MAX   (ONSITE_JSON_DEPTH_MAX + 1)

/* An entry's elements; maps as their bytes, which were walked over. */
typedef struct {
    onsite_key_t  visitor;
    int64_t       type;
    onsite_ms_t   time;
    onsite_str_t  site;
    onsite_str_t  user_id;
    onsite_str_t  name;
    onsite_str_t  properties;
    onsite_str_t  message_id;
    onsite_str_t  anonymous_id;
    onsite_str_t  traits;           /* len 0: none */
    onsite_str_t  context;
    onsite_str_t  group_id;
    onsite_str_t  previous_id;
} parts_t;

static const char *const  types[] = {
    "track", "page", "screen", "identify", "group", "alias"
};


/* Reading */

static onsite_str_t
read_map(onsite_reader_t *r)
{
    if (onsite_next(r) != ONSITE_NEXT_MAP) {
        r->bad = true;
        return onsite_str(NULL, 0);
    }

    return onsite_read_skip(r, 1);
}


static void
read_more(onsite_reader_t *r, parts_t *parts)
{
    uint32_t      i, n;
    onsite_str_t  name;

    n = onsite_read_map(r);

    for (i = 0; i < n && !r->bad; i++) {
        name = onsite_read_str(r);

        if (onsite_str_eq(name, ONSITE_STR("traits"))) {
            parts->traits = read_map(r);

        } else if (onsite_str_eq(name, ONSITE_STR("context"))) {
            parts->context = read_map(r);

        } else if (onsite_str_eq(name, ONSITE_STR("groupId"))) {
            parts->group_id = onsite_read_str(r);

        } else if (onsite_str_eq(name, ONSITE_STR("previousId"))) {
            parts->previous_id = onsite_read_str(r);

        } else {
            (void) onsite_read_skip(r, 1);
        }
    }
}


static onsite_status_t
read_parts(onsite_str_t bytes, parts_t *parts)
{
    uint32_t              n;
    onsite_reader_t       r;
    onsite_outbox_kind_t  kind;

    memset(parts, 0, sizeof(*parts));

    r.p = (const uint8_t *) bytes.data;
    r.end = r.p + bytes.len;
    r.bad = false;

    n = onsite_read_array(&r);

    if (onsite_read_long(&r) != ONSITE_OUTBOX_VERSION && !r.bad) {
        return ONSITE_VERSION;
    }

    if (r.bad || n < N_ELEMENTS
        || !onsite_outbox_kind(bytes.data, bytes.len, &kind)
        || kind != ONSITE_OUTBOX_EVENT
        || !onsite_outbox_visitor(bytes.data, bytes.len, &parts->visitor))
    {
        return ONSITE_CORRUPT;
    }

    (void) onsite_read_skip(&r, 2);
    parts->type = onsite_read_long(&r);
    parts->time = onsite_read_long(&r);
    parts->site = onsite_read_str(&r);
    parts->user_id = onsite_read_str(&r);
    parts->name = onsite_read_str(&r);
    parts->properties = read_map(&r);
    parts->message_id = onsite_read_str(&r);
    parts->anonymous_id = onsite_read_str(&r);
    read_more(&r, parts);
    (void) onsite_read_skip(&r, n - N_ELEMENTS);

    return r.bad || r.p != r.end || parts->type < 0
           || parts->type > ONSITE_ALIAS ? ONSITE_CORRUPT : ONSITE_OK;
}


/* Writing */

static void
write_hex(onsite_buf_t *out, const uint8_t *bytes, size_t n)
{
    size_t             i;
    char               text[2 * sizeof(onsite_key_t)];
    static const char  digits[] = "0123456789abcdef";

    for (i = 0; i < n; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }

    onsite_buf_append(out, text, 2 * n);
}


static void
write_visitor(onsite_buf_t *out, const parts_t *parts)
{
    onsite_buf_char(out, '"');
    write_hex(out, parts->visitor.bytes, sizeof(parts->visitor.bytes));
    onsite_buf_char(out, '"');
}


static void
write_name(onsite_buf_t *out, const char *name)
{
    onsite_buf_str(out, ONSITE_STR(",\""));
    onsite_buf_append(out, name, strlen(name));
    onsite_buf_str(out, ONSITE_STR("\":"));
}


/* Nothing where there is none. */

static void
write_text(onsite_buf_t *out, const char *name, onsite_str_t text)
{
    if (text.len != 0) {
        write_name(out, name);
        onsite_write_json_string(out, text);
    }
}


static void write_value(onsite_buf_t *out, onsite_reader_t *r, int depth);


static void
write_members(onsite_buf_t *out, onsite_reader_t *r, int depth)
{
    uint32_t  i, n;

    n = onsite_read_map(r);

    for (i = 0; i < n && !r->bad; i++) {
        if (i != 0) {
            onsite_buf_char(out, ',');
        }

        onsite_write_json_string(out, onsite_read_str(r));
        onsite_buf_char(out, ':');
        write_value(out, r, depth - 1);
    }
}


static void
write_items(onsite_buf_t *out, onsite_reader_t *r, int depth)
{
    uint32_t  i, n;

    n = onsite_read_array(r);
    onsite_buf_char(out, '[');

    for (i = 0; i < n && !r->bad; i++) {
        if (i != 0) {
            onsite_buf_char(out, ',');
        }

        write_value(out, r, depth - 1);
    }

    onsite_buf_char(out, ']');
}


static void
write_number(onsite_buf_t *out, onsite_reader_t *r)
{
    onsite_value_t  number;

    if (onsite_next_is_float(r)) {
        number = onsite_value_number(onsite_read_double(r));
        onsite_value_write_json(out, &number);

    } else {
        onsite_buf_printf(out, "%lld", (long long) onsite_read_long(r));
    }
}


/* What is no JSON (damage) is null, and reading stops. */

static void
write_value(onsite_buf_t *out, onsite_reader_t *r, int depth)
{
    bool           b = false;
    onsite_next_t  next = depth > 0 ? onsite_next(r) : ONSITE_NEXT_OTHER;

    switch (next) {

    case ONSITE_NEXT_BOOL:
        (void) onsite_read_boolean(r, &b);
        onsite_buf_str(out, b ? ONSITE_STR("true") : ONSITE_STR("false"));
        break;

    case ONSITE_NEXT_NUMBER:
        write_number(out, r);
        break;

    case ONSITE_NEXT_STRING:
        onsite_write_json_string(out, onsite_read_str(r));
        break;

    case ONSITE_NEXT_ARRAY:
        write_items(out, r, depth);
        break;

    case ONSITE_NEXT_MAP:
        onsite_buf_char(out, '{');
        write_members(out, r, depth);
        onsite_buf_char(out, '}');
        break;

    case ONSITE_NEXT_NIL:
        (void) onsite_read_nil(r);
        onsite_buf_str(out, ONSITE_STR("null"));
        break;

    default:
        r->bad = true;
        onsite_buf_str(out, ONSITE_STR("null"));
    }
}


static onsite_reader_t
reader_of(onsite_str_t bytes)
{
    return (onsite_reader_t) { (const uint8_t *) bytes.data,
                               (const uint8_t *) bytes.data + bytes.len,
                               false };
}


static void
write_map(onsite_buf_t *out, const char *name, onsite_str_t bytes)
{
    onsite_reader_t  r = reader_of(bytes);

    write_name(out, name);

    if (bytes.len != 0) {
        write_value(out, &r, DEPTH_MAX);

    } else {
        onsite_buf_str(out, ONSITE_STR("{}"));
    }
}


/* The string member of a map. */

static onsite_str_t
find_text(onsite_str_t map, onsite_str_t name)
{
    uint32_t         i, n;
    onsite_str_t     key, text = { 0, NULL };
    onsite_reader_t  r = reader_of(map);

    n = onsite_read_map(&r);

    for (i = 0; i < n && !r.bad; i++) {
        key = onsite_read_str(&r);

        if (onsite_str_eq(key, name) && onsite_next_is_str(&r)) {
            text = onsite_read_str(&r);

        } else {
            (void) onsite_read_skip(&r, 1);
        }
    }

    return text;
}


/* The id of an entry whose client gave none. */

static void
write_made_id(onsite_buf_t *out, uint64_t seq, const parts_t *parts)
{
    uint8_t  digest[SHA256_DIGEST_LENGTH];

    struct {
        uint8_t   visitor[sizeof(onsite_key_t)];
        uint64_t  time;
        uint64_t  seq;
    } seed;

    memcpy(seed.visitor, parts->visitor.bytes, sizeof(seed.visitor));
    seed.time = htobe64((uint64_t) parts->time);
    seed.seq = htobe64(seq);
    (void) SHA256((const uint8_t *) &seed, sizeof(seed), digest);

    write_hex(out, digest, sizeof(onsite_key_t));
}


static void
write_message_id(onsite_buf_t *out, uint64_t seq, const parts_t *parts)
{
    if (parts->message_id.len != 0) {
        onsite_write_json_string(out, parts->message_id);
        return;
    }

    onsite_buf_char(out, '"');
    write_made_id(out, seq, parts);
    onsite_buf_char(out, '"');
}


/* What there is of the client's, and where it comes from. */

static void
write_context(onsite_buf_t *out, uint64_t seq, const parts_t *parts)
{
    onsite_reader_t  r = reader_of(parts->context);

    onsite_buf_str(out, ONSITE_STR(",\"context\":{"));

    if (parts->context.len != 0) {
        write_members(out, &r, DEPTH_MAX);
    }

    if (out->len != 0 && !out->failed && out->data[out->len - 1] != '{') {
        onsite_buf_char(out, ',');
    }

    onsite_buf_str(out, ONSITE_STR("\"onsite\":{\"site\":"));
    onsite_write_json_string(out, parts->site);
    onsite_buf_str(out, ONSITE_STR(",\"visitor\":"));
    write_visitor(out, parts);
    onsite_buf_printf(out, ",\"seq\":\"%llu\"}}", (unsigned long long) seq);
}


/* Each of Segment's calls has members of its own. */

static void
write_own(onsite_buf_t *out, const parts_t *parts)
{
    switch ((onsite_event_type_t) parts->type) {

    case ONSITE_TRACK:
        write_text(out, "event", parts->name);
        write_map(out, "properties", parts->properties);
        break;

    case ONSITE_PAGE:
    case ONSITE_SCREEN:
        write_text(out, "name", find_text(parts->properties,
                                          ONSITE_STR("name")));
        write_map(out, "properties", parts->properties);
        break;

    case ONSITE_GROUP:
        write_text(out, "groupId", parts->group_id);
        write_map(out, "traits", parts->traits);
        break;

    case ONSITE_IDENTIFY:
        write_map(out, "traits", parts->traits);
        break;

    case ONSITE_ALIAS:
        write_text(out, "previousId", parts->previous_id);
        break;
    }
}


onsite_status_t
onsite_outbox_write_segment(onsite_buf_t *out, uint64_t seq,
    onsite_str_t bytes)
{
    parts_t          parts;
    onsite_status_t  status;

    status = read_parts(bytes, &parts);
    if (status != ONSITE_OK) {
        return status;
    }

    onsite_buf_str(out, ONSITE_STR("{\"type\":\""));
    onsite_buf_append(out, types[parts.type], strlen(types[parts.type]));
    onsite_buf_str(out, ONSITE_STR("\",\"messageId\":"));
    write_message_id(out, seq, &parts);
    onsite_buf_str(out, ONSITE_STR(",\"timestamp\":"));
    onsite_write_time(out, parts.time);
    onsite_buf_str(out, ONSITE_STR(",\"anonymousId\":"));

    if (parts.anonymous_id.len != 0) {
        onsite_write_json_string(out, parts.anonymous_id);

    } else {
        write_visitor(out, &parts);
    }

    write_text(out, "userId", parts.user_id);
    write_own(out, &parts);
    write_context(out, seq, &parts);
    onsite_buf_char(out, '}');

    return ONSITE_OK;
}


onsite_status_t
onsite_outbox_write_event(onsite_buf_t *out, uint64_t seq, onsite_str_t bytes)
{
    parts_t          parts;
    onsite_status_t  status;

    status = read_parts(bytes, &parts);
    if (status != ONSITE_OK) {
        return status;
    }

    onsite_buf_printf(out, "{\"seq\":%llu,\"kind\":\"event\",\"id\":",
                      (unsigned long long) seq);
    write_message_id(out, seq, &parts);
    onsite_buf_str(out, ONSITE_STR(",\"time\":"));
    onsite_write_time(out, parts.time);
    onsite_buf_str(out, ONSITE_STR(",\"visitor\":"));
    write_visitor(out, &parts);
    write_name(out, "site");
    onsite_write_json_string(out, parts.site);
    write_name(out, "user_id");

    if (parts.user_id.len != 0) {
        onsite_write_json_string(out, parts.user_id);

    } else {
        onsite_buf_str(out, ONSITE_STR("null"));
    }

    onsite_buf_printf(out, ",\"type\":\"%s\"", types[parts.type]);
    write_name(out, "event");
    onsite_write_json_string(out, parts.name);
    write_map(out, "data", parts.type == ONSITE_IDENTIFY
                           || parts.type == ONSITE_GROUP
                           ? parts.traits : parts.properties);
    onsite_buf_char(out, '}');

    return ONSITE_OK;
}


onsite_status_t
onsite_outbox_event_names(uint64_t seq, onsite_str_t bytes,
    onsite_str_t *site, onsite_buf_t *message_id)
{
    parts_t          parts;
    onsite_status_t  status;

    status = read_parts(bytes, &parts);
    if (status != ONSITE_OK) {
        return status;
    }

    *site = parts.site;

    if (parts.message_id.len != 0) {
        onsite_buf_str(message_id, parts.message_id);

    } else {
        write_made_id(message_id, seq, &parts);
    }

    return ONSITE_OK;
}
