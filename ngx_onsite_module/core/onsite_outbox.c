/*
 * onsite_outbox.c - a delivery in the outbox and its bytes; docs/wire.md has
 * the layout.
 */

#include "onsite_outbox.h"

#include "onsite_cursor.h"

/* Places in the entry.  Elements are only ever added at the end, up to 15, so
 * that the first three lie where they lie. */
enum {
    AT_VERSION = 0,
    AT_KIND,
    AT_VISITOR,
    AT_ID,
    AT_TIME,
    AT_SITE,
    AT_USER_ID,
    AT_EVENT,
    AT_DATA,
    AT_CAMPAIGN,
    AT_VARIANT,
    AT_ENDPOINT,
    AT_PROPENSITY,
    AT_FLAGS,                   /* absent, or whether it is verified: of before
                                   there were more */
    N_ELEMENTS
};

#define N_DELIVERY     AT_FLAGS     /* at least */
#define FLAG_VERIFIED  1
#define FLAG_BRIEF     2
#define FIXED_ARRAY    0x90         /* msgpack: an array of 0 to 15 elements */
#define VISITOR_AT     5            /* offset of the key's bytes */
#define HEAD           (VISITOR_AT + sizeof(onsite_key_t))
#define OVERHEAD       160          /* all that is no string's own bytes */


/* Array, version, kind, and the two bytes before the key's. */

static bool
is_head(const uint8_t *p, size_t size)
{
    return size >= HEAD && (p[0] & 0xf0) == FIXED_ARRAY
           && p[AT_VERSION + 1] == ONSITE_OUTBOX_VERSION
           && p[AT_KIND + 1] <= ONSITE_OUTBOX_DELIVERY
           && p[AT_VISITOR + 1] == 0xc4
           && p[AT_VISITOR + 2] == sizeof(onsite_key_t);
}


bool
onsite_outbox_visitor(const void *data, size_t size, onsite_key_t *key)
{
    if (!is_head(data, size)) {
        return false;
    }

    memcpy(key, (const uint8_t *) data + VISITOR_AT, sizeof(*key));

    return true;
}


bool
onsite_outbox_kind(const void *data, size_t size, onsite_outbox_kind_t *kind)
{
    if (!is_head(data, size)) {
        return false;
    }

    *kind = ((const uint8_t *) data)[AT_KIND + 1];

    return true;
}


/* The time is fifth in either kind. */

bool
onsite_outbox_time(const void *data, size_t size, onsite_ms_t *time)
{
    onsite_reader_t  r = { 0 };

    if (!is_head(data, size)) {
        return false;
    }

    r.p = data;
    r.end = r.p + size;

    if (onsite_read_array(&r) <= AT_TIME) {
        return false;
    }

    (void) onsite_read_skip(&r, AT_TIME);
    *time = onsite_read_long(&r);

    return !r.bad;
}


static void
write_entry(onsite_writer_t *w, const onsite_outbox_entry_t *entry)
{
    onsite_write_array(w, N_ELEMENTS);
    onsite_write_long(w, ONSITE_OUTBOX_VERSION);
    onsite_write_long(w, ONSITE_OUTBOX_DELIVERY);
    onsite_write_bin(w, onsite_str((const char *) entry->visitor.bytes,
                                   sizeof(entry->visitor.bytes)));
    onsite_write_bin(w, onsite_str((const char *) entry->id,
                                   sizeof(entry->id)));
    onsite_write_long(w, entry->time);
    onsite_write_str(w, entry->site);
    onsite_write_str(w, entry->user_id);
    onsite_write_str(w, entry->event);
    onsite_write_str(w, entry->data);
    onsite_write_str(w, entry->campaign);
    onsite_write_str(w, entry->variant);
    onsite_write_str(w, entry->endpoint);
    onsite_write_double(w, entry->propensity);
    onsite_write_long(w, (entry->verified ? FLAG_VERIFIED : 0)
                         | (entry->brief ? FLAG_BRIEF : 0));
}


void
onsite_outbox_encode(const onsite_outbox_entry_t *entry, onsite_buf_t *out)
{
    size_t           size;
    onsite_writer_t  w = { 0 };

    size = OVERHEAD + entry->site.len + entry->user_id.len + entry->event.len
           + entry->data.len + entry->campaign.len + entry->variant.len
           + entry->endpoint.len;

    w.out = (uint8_t *) onsite_buf_reserve(out, size);
    w.capacity = size;

    if (w.out != NULL) {
        write_entry(&w, entry);
        out->len += w.len;
    }
}


/* Sixteen bytes into out. */

static void
read_sixteen(onsite_reader_t *r, uint8_t *out)
{
    onsite_str_t  s = onsite_read_bin(r);

    if (s.len != sizeof(onsite_key_t)) {
        r->bad = true;
        return;
    }

    memcpy(out, s.data, sizeof(onsite_key_t));
}


static void
read_flags(onsite_reader_t *r, onsite_outbox_entry_t *entry)
{
    int64_t  flags;

    if (onsite_read_boolean(r, &entry->verified)) {
        return;
    }

    flags = onsite_read_long(r);
    entry->verified = (flags & FLAG_VERIFIED) != 0;
    entry->brief = (flags & FLAG_BRIEF) != 0;
}


static void
read_entry(onsite_reader_t *r, uint32_t n, onsite_outbox_entry_t *entry)
{
    uint32_t  known = n < N_ELEMENTS ? n : N_ELEMENTS;

    entry->kind = (onsite_outbox_kind_t) onsite_read_long(r);
    read_sixteen(r, entry->visitor.bytes);
    read_sixteen(r, entry->id);
    entry->time = onsite_read_long(r);
    entry->site = onsite_read_str(r);
    entry->user_id = onsite_read_str(r);
    entry->event = onsite_read_str(r);
    entry->data = onsite_read_str(r);

    entry->campaign = onsite_read_str(r);
    entry->variant = onsite_read_str(r);
    entry->endpoint = onsite_read_str(r);
    entry->propensity = onsite_read_double(r);

    if (n > AT_FLAGS) {
        read_flags(r, entry);
    }

    if (n > known) {
        (void) onsite_read_skip(r, n - known);
    }
}


onsite_status_t
onsite_outbox_decode(const void *data, size_t size,
    onsite_outbox_entry_t *entry)
{
    uint32_t         n;
    int64_t          version;
    onsite_reader_t  r = { data, (const uint8_t *) data + size, false };

    memset(entry, 0, sizeof(*entry));

    n = onsite_read_array(&r);
    version = onsite_read_long(&r);

    if (r.bad || n <= AT_VISITOR) {
        return ONSITE_CORRUPT;
    }

    if (version != ONSITE_OUTBOX_VERSION) {
        return ONSITE_VERSION;
    }

    if (!is_head(data, size)
        || r.p[0] != ONSITE_OUTBOX_DELIVERY || n < N_DELIVERY)
    {
        return ONSITE_CORRUPT;
    }

    read_entry(&r, n, entry);

    if (r.bad || r.p != r.end) {
        memset(entry, 0, sizeof(*entry));
        return ONSITE_CORRUPT;
    }

    return ONSITE_OK;
}
