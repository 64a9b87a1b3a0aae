/*
 * onsite_outbox_event.c - an event as bytes of the outbox; docs/wire.md has the
 * layout.
 *
 * On the way of every event: what was parsed is written as it is, once, and
 * becomes JSON where it leaves.
 */

#include "onsite_outbox.h"
#include "onsite_msgpack.h"

#include <endian.h>

#define N_ELEMENTS      12
#define ALLOWANCE       256         /* what is no member, for a first try */

/* Not what would name or place who sent it: address, user agent, device. */

static const onsite_str_t  context_names[] = {
    { 3, "app" }, { 8, "campaign" }, { 7, "library" }, { 6, "locale" },
    { 2, "os" }, { 4, "page" }, { 8, "referrer" }, { 6, "screen" },
    { 8, "timezone" }
};

#define CONTEXT_NAMES   (sizeof(context_names) / sizeof(context_names[0]))
#define CONTEXT_PREFIX  ONSITE_STR("context.")

typedef bool (*let_out_pt)(const onsite_outbox_fields_t *fields,
    onsite_str_t name);


static bool
let_out_property(const onsite_outbox_fields_t *fields, onsite_str_t name)
{
    size_t  i;

    if (fields == NULL) {
        return true;
    }

    for (i = 0; i < fields->n; i++) {
        if (onsite_str_eq(fields->names[i], name)) {
            return true;
        }
    }

    return false;
}


static bool
names_nobody(onsite_str_t name)
{
    size_t  i;

    for (i = 0; i < CONTEXT_NAMES; i++) {
        if (onsite_str_eq(context_names[i], name)) {
            return true;
        }
    }

    return false;
}


static bool
let_out_context(const onsite_outbox_fields_t *fields, onsite_str_t name)
{
    size_t        i;
    onsite_str_t  prefix = CONTEXT_PREFIX, field;

    if (!names_nobody(name) || fields == NULL) {
        return names_nobody(name);
    }

    for (i = 0; i < fields->n; i++) {
        field = fields->names[i];

        if (field.len == prefix.len + name.len
            && memcmp(field.data, prefix.data, prefix.len) == 0
            && memcmp(field.data + prefix.len, name.data, name.len) == 0)
        {
            return true;
        }
    }

    return false;
}


static void
write_map_head(onsite_writer_t *w, uint32_t n)
{
    uint8_t   head[5] = { 0xdf };
    uint32_t  big = htobe32(n);

    if (n < 16) {
        head[0] = (uint8_t) (0x80 | n);
        onsite_write_bytes(w, head, 1);
        return;
    }

    memcpy(head + 1, &big, sizeof(big));
    onsite_write_bytes(w, head, sizeof(head));
}


/* Those members of an object that may leave; anything else has none. */

static void
write_members(onsite_writer_t *w, const onsite_value_t *object,
    const onsite_outbox_fields_t *fields, let_out_pt let_out)
{
    uint32_t                i, n;
    const onsite_member_t  *member;

    n = 0;

    for (i = 0; object->type == ONSITE_OBJECT && i < object->len; i++) {
        n += let_out(fields, object->as.members[i].key);
    }

    write_map_head(w, n);

    for (i = 0; n != 0 && i < object->len; i++) {
        member = &object->as.members[i];

        if (let_out(fields, member->key)) {
            onsite_write_str(w, member->key);
            onsite_write_value(w, &member->value);
        }
    }
}


/* What few events have, by its name. */

static void
write_more(onsite_writer_t *w, const onsite_outbox_event_t *event,
    const onsite_outbox_fields_t *fields)
{
    bool  traits = event->traits.type == ONSITE_OBJECT;
    bool  context = event->context.type == ONSITE_OBJECT;

    write_map_head(w, (uint32_t) traits + context
                      + (event->group_id.len != 0)
                      + (event->previous_id.len != 0));

    if (traits) {
        onsite_write_str(w, ONSITE_STR("traits"));
        write_members(w, &event->traits, fields, let_out_property);
    }

    if (context) {
        onsite_write_str(w, ONSITE_STR("context"));
        write_members(w, &event->context, fields, let_out_context);
    }

    if (event->group_id.len != 0) {
        onsite_write_str(w, ONSITE_STR("groupId"));
        onsite_write_str(w, event->group_id);
    }

    if (event->previous_id.len != 0) {
        onsite_write_str(w, ONSITE_STR("previousId"));
        onsite_write_str(w, event->previous_id);
    }
}


static void
write_event(onsite_writer_t *w, const onsite_outbox_event_t *event,
    const onsite_outbox_fields_t *fields)
{
    onsite_write_array(w, N_ELEMENTS);
    onsite_write_long(w, ONSITE_OUTBOX_VERSION);
    onsite_write_long(w, ONSITE_OUTBOX_EVENT);
    onsite_write_bin(w, onsite_str((const char *) event->visitor.bytes,
                                   sizeof(event->visitor.bytes)));
    onsite_write_long(w, event->type);
    onsite_write_long(w, event->time);
    onsite_write_str(w, event->site);
    onsite_write_str(w, event->user_id);
    onsite_write_str(w, event->name);
    write_members(w, &event->properties, fields, let_out_property);
    onsite_write_str(w, event->message_id);
    onsite_write_str(w, event->anonymous_id);
    write_more(w, event, fields);
}


void
onsite_outbox_event_encode(const onsite_outbox_event_t *event,
    const onsite_outbox_fields_t *fields, onsite_buf_t *out)
{
    int              tries;
    size_t           size = ALLOWANCE;
    onsite_writer_t  w;

    for (tries = 0; tries < 2; tries++) {
        w = (onsite_writer_t) { .capacity = size };
        w.out = (uint8_t *) onsite_buf_reserve(out, size);

        if (w.out == NULL) {
            return;
        }

        write_event(&w, event, fields);

        if (w.len <= w.capacity) {
            out->len += w.len;
            return;
        }

        size = w.len;
    }
}


onsite_value_t
onsite_outbox_context(onsite_arena_t *arena, const onsite_value_t *context)
{
    uint32_t          i;
    onsite_value_t    out = { .type = ONSITE_ABSENT };
    onsite_member_t  *members;

    if (context->type != ONSITE_OBJECT) {
        return out;
    }

    members = onsite_arena_alloc(arena, (context->len + 1) * sizeof(*members));
    if (members == NULL) {
        return out;
    }

    out.type = ONSITE_OBJECT;
    out.as.members = members;

    for (i = 0; i < context->len; i++) {
        if (names_nobody(context->as.members[i].key)) {
            members[out.len++] = context->as.members[i];
        }
    }

    return out;
}
