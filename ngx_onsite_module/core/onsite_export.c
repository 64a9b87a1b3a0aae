/*
 * onsite_export.c - a visitor's record, and what belongs to it elsewhere.
 */

#include "onsite_export.h"
#include "onsite_outbox.h"
#include "onsite_visitor_codec.h"
#include "onsite_visitor_json.h"

#include <stdio.h>

#define HOPS  4                     /* links are followed */


typedef struct {
    const onsite_export_t  *export;
    onsite_buf_t           *out;
    unsigned                n;
} listing_t;


/* The record that the key leads to, as far as may be followed, whose strings
 * are in record; *key becomes its own. */

static onsite_status_t
find_record(const onsite_export_t *export, onsite_key_t *key,
    onsite_ms_t now, char *record, onsite_visitor_t *visitor, bool *linked)
{
    int                    hops;
    size_t                 size;
    onsite_key_t           link;
    onsite_status_t        status;
    onsite_record_kind_t   kind;

    *linked = false;

    for (hops = 0; hops < HOPS; hops++) {
        status = onsite_store_get(export->store, key, now, record,
                                  ONSITE_RECORD_BYTES_MAX, &size);

        if (status == ONSITE_OK) {
            status = onsite_visitor_decode(export->arena, record, size, &kind,
                                           visitor, &link);
        }

        if (status != ONSITE_OK || kind == ONSITE_RECORD_VISITOR) {
            return status;
        }

        if (kind == ONSITE_RECORD_TOMBSTONE) {
            return ONSITE_NOT_FOUND;
        }

        if (export->reach == ONSITE_REACH_DEVICE) {
            *linked = true;
            return ONSITE_OK;
        }

        *key = link;
    }

    return ONSITE_NOT_FOUND;
}


static bool
list_entry(void *data, uint64_t seq, onsite_str_t bytes)
{
    listing_t  *listing = data;

    if (listing->n != 0) {
        onsite_buf_char(listing->out, ',');
    }

    if (onsite_outbox_write(listing->out, seq, bytes, listing->export->json,
                            listing->export->arena)
        == ONSITE_OK)
    {
        listing->n++;

    } else if (listing->n != 0 && !listing->out->failed) {
        listing->out->len--;
    }

    return !listing->out->failed;
}


static void
write_links(const onsite_key_t *keys, size_t n, const onsite_key_t *own,
    onsite_buf_t *out)
{
    bool    first = true;
    size_t  i;

    onsite_buf_str(out, ONSITE_STR(",\"links\":["));

    for (i = 0; i < n; i++) {
        if (memcmp(&keys[i], own, sizeof(*own)) == 0) {
            continue;
        }

        if (!first) {
            onsite_buf_char(out, ',');
        }

        first = false;
        onsite_write_key(out, &keys[i]);
    }

    onsite_buf_char(out, ']');
}


static onsite_status_t
write_related(const onsite_export_t *export, const onsite_key_t *key,
    onsite_buf_t *out)
{
    bool              all = true;
    size_t            n;
    listing_t         listing = { export, out, 0 };
    onsite_key_t      keys[ONSITE_RELATED_MAX];
    onsite_status_t   status;

    status = onsite_store_related(export->store, key, export->reach, keys,
                                  ONSITE_RELATED_MAX, &n, NULL);
    if (status != ONSITE_OK) {
        return status;
    }

    write_links(keys, n, key, out);
    onsite_buf_str(out, ONSITE_STR(",\"outbox\":["));

    status = onsite_store_outbox_of(export->store, keys, n, export->budget,
                                    list_entry, &listing, &all, NULL);

    onsite_buf_str(out, all ? ONSITE_STR("]")
                            : ONSITE_STR("],\"outbox_cut\":true"));

    return status;
}


/* A device that leads to somebody else. */

static void
write_link(const onsite_export_t *export, const onsite_key_t *key,
    onsite_buf_t *out)
{
    onsite_buf_str(out, ONSITE_STR("{\"visitor\":"));
    onsite_write_key(out, key);
    onsite_buf_str(out, ONSITE_STR(",\"site\":"));
    onsite_write_json_string(out, export->site);
    onsite_buf_str(out, ONSITE_STR(",\"linked\":true"));
}


static void
write_visitor(const onsite_export_t *export, const onsite_key_t *key,
    const onsite_visitor_t *visitor, onsite_buf_t *out)
{
    char    hex[2 * sizeof(onsite_key_t) + 1];
    size_t  i;

    for (i = 0; i < sizeof(key->bytes); i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", key->bytes[i]);
    }

    onsite_visitor_write_json(out, onsite_str(hex, sizeof(hex) - 1),
                              export->site, visitor, export->image);

    /* the same object goes on */

    out->len -= out->failed ? 0 : 1;
}


onsite_status_t
onsite_export_write(const onsite_export_t *export, const onsite_key_t *asked,
    onsite_ms_t now, onsite_buf_t *out)
{
    bool               linked;
    char              *record;
    onsite_key_t       key = *asked;
    onsite_status_t    status;
    onsite_visitor_t  *visitor;

    record = onsite_arena_alloc(export->arena, ONSITE_RECORD_BYTES_MAX);
    visitor = onsite_arena_alloc(export->arena, sizeof(onsite_visitor_t));

    if (record == NULL || visitor == NULL) {
        return ONSITE_NO_MEMORY;
    }

    status = find_record(export, &key, now, record, visitor, &linked);
    if (status != ONSITE_OK) {
        return status;
    }

    if (linked) {
        write_link(export, &key, out);

    } else {
        write_visitor(export, &key, visitor, out);
    }

    if (out->failed) {
        return ONSITE_NO_MEMORY;
    }

    status = write_related(export, &key, out);
    onsite_buf_str(out, ONSITE_STR(",\"exported\":"));
    onsite_write_time(out, now);
    onsite_buf_char(out, '}');

    return status == ONSITE_OK && out->failed ? ONSITE_NO_MEMORY : status;
}
