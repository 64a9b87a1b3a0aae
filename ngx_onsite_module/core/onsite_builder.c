/*
 * onsite_builder.c - builds an image: one growing block, and what is in it
 * once however often it is named: strings, slots, regexes, zones, groups.
 */

#include "onsite_builder_private.h"
#include "onsite_limits.h"

#include <stdlib.h>

#define IMAGE_MAX  ((size_t) INT32_MAX)


static bool
grow(onsite_builder_t *b, size_t size)
{
    size_t    capacity;
    uint8_t  *base;

    if (size <= b->capacity) {
        return true;
    }

    capacity = b->capacity * 2 > size ? b->capacity * 2 : size;
    base = realloc(b->base, capacity);

    if (base == NULL) {
        b->failed = true;
        return false;
    }

    memset(base + b->capacity, 0, capacity - b->capacity);
    b->base = base;
    b->capacity = capacity;

    return true;
}


static onsite_ref_t
take(onsite_builder_t *b, size_t size, size_t align)
{
    size_t  start;

    start = (b->size + align - 1) & ~(align - 1);

    if (b->failed || size > IMAGE_MAX || start + size > IMAGE_MAX) {
        b->failed = true;
        return 0;
    }

    if (!grow(b, start + size)) {
        return 0;
    }

    b->size = start + size;

    return (onsite_ref_t) start;
}


onsite_ref_t
onsite_builder_alloc(onsite_builder_t *b, size_t size)
{
    return take(b, size, 8);
}


void *
onsite_builder_at(onsite_builder_t *b, onsite_ref_t ref)
{
    return b->base + ref;
}


onsite_image_t
onsite_builder_view(const onsite_builder_t *b)
{
    return (onsite_image_t) { b->base, b->size };
}


bool
onsite_builder_failed(const onsite_builder_t *b)
{
    return b->failed;
}


static bool
same_string(const onsite_builder_t *b, const void *entry, const void *key)
{
    const onsite_image_str_t  *s = entry;
    const onsite_str_t        *k = key;

    return onsite_str_eq(onsite_str((char *) b->base + s->ref, s->len), *k);
}


onsite_image_str_t
onsite_builder_str(onsite_builder_t *b, onsite_str_t s)
{
    bool                 fresh;
    uint32_t             i;
    onsite_ref_t         ref;
    onsite_image_str_t  *entry;

    i = builder_table_find(b, &b->strings, onsite_hash64(s.data, s.len, 0),
                           same_string, &s, &fresh);
    if (b->failed) {
        return (onsite_image_str_t) { 0, 0 };
    }

    entry = builder_table_entry(&b->strings, i);

    if (fresh && s.len != 0) {
        ref = take(b, s.len, 1);
        if (b->failed) {
            return (onsite_image_str_t) { 0, 0 };
        }

        memcpy(b->base + ref, s.data, s.len);
        *entry = (onsite_image_str_t) { ref, (uint32_t) s.len };
    }

    return *entry;
}


/* Names are interned first, so that equal means the same reference. */

static bool
same_name(const onsite_builder_t *b, const void *entry, const void *key)
{
    (void) b;

    return memcmp(entry, key, sizeof(onsite_image_str_t)) == 0;
}


static uint32_t
find_name(onsite_builder_t *b, table_t *table, onsite_str_t name,
    onsite_image_str_t *interned, bool *fresh)
{
    *interned = onsite_builder_str(b, name);

    return builder_table_find(b, table,
                              onsite_hash64(interned, sizeof(*interned), 0),
                              same_name, interned, fresh);
}


typedef struct {
    onsite_slot_t        slot;
    onsite_image_str_t  *names;
} slot_key_t;


static bool
same_slot(const onsite_builder_t *b, const void *entry, const void *key)
{
    const onsite_slot_t  *slot = entry;
    const slot_key_t     *k = key;

    return slot->root == k->slot.root && slot->zone == k->slot.zone
           && slot->n_keys == k->slot.n_keys
           && memcmp(b->base + slot->keys, k->names,
                     slot->n_keys * sizeof(onsite_image_str_t)) == 0;
}


static uint32_t
find_slot(onsite_builder_t *b, slot_key_t *key)
{
    bool           fresh;
    size_t         size;
    uint32_t       i;
    uint64_t       hash;
    onsite_ref_t   keys;
    onsite_slot_t *slot;

    size = key->slot.n_keys * sizeof(onsite_image_str_t);
    hash = onsite_hash64(key->names, size,
                         key->slot.root ^ ((uint64_t) key->slot.zone << 32));

    i = builder_table_find(b, &b->slots, hash, same_slot, key, &fresh);

    if (fresh) {
        keys = onsite_builder_alloc(b, size);
        if (b->failed) {
            return 0;
        }

        memcpy(b->base + keys, key->names, size);

        slot = builder_table_entry(&b->slots, i);
        *slot = key->slot;
        slot->keys = keys;
    }

    return i;
}


uint32_t
onsite_builder_slot(onsite_builder_t *b, onsite_root_t root,
    const onsite_str_t *keys, size_t n_keys, uint32_t zone)
{
    size_t      i;
    uint32_t    found;
    slot_key_t  key;

    if (n_keys > ONSITE_PATH_KEYS_MAX) {
        b->failed = true;
        return 0;
    }

    key.slot = (onsite_slot_t) { .root = (uint16_t) root,
                                 .n_keys = (uint16_t) n_keys, .zone = zone };
    key.names = malloc((n_keys + 1) * sizeof(onsite_image_str_t));

    if (key.names == NULL) {
        b->failed = true;
        return 0;
    }

    for (i = 0; i < n_keys; i++) {
        key.names[i] = onsite_builder_str(b, keys[i]);
    }

    found = find_slot(b, &key);
    free(key.names);

    return found;
}


const onsite_slot_t *
onsite_builder_slots(const onsite_builder_t *b, size_t *n)
{
    *n = b->slots.n;

    return (const onsite_slot_t *) b->slots.entries;
}


static bool
same_regex(const onsite_builder_t *b, const void *entry, const void *key)
{
    (void) b;

    return memcmp(entry, key, sizeof(onsite_image_regex_t)) == 0;
}


uint32_t
onsite_builder_regex(onsite_builder_t *b, onsite_str_t pattern, bool caseless)
{
    bool                  fresh;
    uint32_t              i;
    onsite_image_regex_t  regex = { .caseless = caseless };

    regex.pattern = onsite_builder_str(b, pattern);

    i = builder_table_find(b, &b->regexes,
                           onsite_hash64(&regex, sizeof(regex), 0),
                           same_regex, &regex, &fresh);
    if (fresh) {
        memcpy(builder_table_entry(&b->regexes, i), &regex, sizeof(regex));
    }

    return i;
}


uint32_t
onsite_builder_zone(onsite_builder_t *b, onsite_str_t name,
    const onsite_transition_t *transitions, size_t n)
{
    bool                fresh;
    size_t              size;
    uint32_t            i;
    onsite_zone_t       zone;
    onsite_image_str_t  interned;

    i = find_name(b, &b->zones, name, &interned, &fresh);

    if (fresh) {
        size = n * sizeof(onsite_transition_t);
        zone.name = interned;
        zone.n_transitions = (uint32_t) n;
        zone.transitions = onsite_builder_alloc(b, size);

        if (b->failed) {
            return 0;
        }

        memcpy(b->base + zone.transitions, transitions, size);
        memcpy(builder_table_entry(&b->zones, i), &zone, sizeof(zone));
    }

    return i;
}


uint32_t
onsite_builder_group(onsite_builder_t *b, onsite_str_t name)
{
    bool                fresh;
    uint32_t            i;
    onsite_image_str_t  interned;

    i = find_name(b, &b->groups, name, &interned, &fresh);
    if (fresh) {
        memcpy(builder_table_entry(&b->groups, i), &interned, sizeof(interned));
    }

    return b->failed ? 0 : i + 1;
}


onsite_builder_t *
onsite_builder_create(void)
{
    onsite_builder_t           *b;
    const onsite_transition_t   utc = { .at = INT64_MIN };

    b = calloc(1, sizeof(onsite_builder_t));
    if (b == NULL) {
        return NULL;
    }

    b->strings.size = sizeof(onsite_image_str_t);
    b->slots.size = sizeof(onsite_slot_t);
    b->regexes.size = sizeof(onsite_image_regex_t);
    b->zones.size = sizeof(onsite_zone_t);
    b->groups.size = sizeof(onsite_image_str_t);

    /* the header comes first, so that reference 0 can mean "none" */

    (void) onsite_builder_alloc(b, sizeof(onsite_image_header_t));
    (void) onsite_builder_zone(b, ONSITE_STR("UTC"), &utc, 1);

    if (b->failed) {
        onsite_builder_destroy(b);
        return NULL;
    }

    return b;
}


void
onsite_builder_destroy(onsite_builder_t *b)
{
    if (b != NULL) {
        builder_table_free(&b->strings);
        builder_table_free(&b->slots);
        builder_table_free(&b->regexes);
        builder_table_free(&b->zones);
        builder_table_free(&b->groups);
        free(b->base);
        free(b);
    }
}


onsite_status_t
onsite_builder_finish(onsite_builder_t *b, onsite_str_t site,
    onsite_ms_t built, onsite_image_t *image, onsite_error_t *error)
{
    onsite_image_header_t   tables = { 0 };
    onsite_image_header_t  *header;

    tables.site = onsite_builder_str(b, site);
    tables.slots = builder_table_write(b, &b->slots);
    tables.regexes = builder_table_write(b, &b->regexes);
    tables.zones = builder_table_write(b, &b->zones);
    (void) take(b, 0, 8);

    if (b->failed) {
        return onsite_error(error, ONSITE_NO_MEMORY, "site \"%.*s\": its "
                            "campaigns do not fit into memory or into 2 GB",
                            (int) site.len, site.data);
    }

    header = onsite_builder_at(b, 0);
    header->magic = ONSITE_IMAGE_MAGIC;
    header->version = ONSITE_IMAGE_VERSION;
    header->order = ONSITE_IMAGE_ORDER;
    header->size = (uint32_t) b->size;
    header->built = (uint64_t) built;
    header->site = tables.site;
    header->slots = tables.slots;
    header->n_slots = b->slots.n;
    header->regexes = tables.regexes;
    header->n_regexes = b->regexes.n;
    header->zones = tables.zones;
    header->n_zones = b->zones.n;
    header->n_groups = b->groups.n;

    *image = onsite_builder_view(b);
    header->checksum = onsite_image_checksum(image);

    return ONSITE_OK;
}
