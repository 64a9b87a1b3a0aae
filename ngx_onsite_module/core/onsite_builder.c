/*
 * onsite_builder.c - builds an image: one growing block, and the tables in
 * which equal strings, slots, regexes and zones share one entry.
 */

#include "onsite_image.h"
#include "onsite_limits.h"

#include <stdlib.h>

#define IMAGE_MAX  ((size_t) INT32_MAX)

typedef struct {
    uint64_t  hash;
    uint32_t  entry;                /* index + 1; 0: free                  */
} cell_t;

/* A list of equal-sized entries without duplicates. */
typedef struct {
    char     *entries;
    size_t    size;                 /* of one entry                        */
    uint32_t  n;
    uint32_t  capacity;
    cell_t   *cells;
    uint32_t  mask;                 /* cells - 1; 0: none yet              */
} table_t;

typedef bool (*same_pt)(const onsite_builder_t *b, const void *entry,
    const void *key);

struct onsite_builder_s {
    uint8_t  *base;
    size_t    size;
    size_t    capacity;
    bool      failed;
    table_t   strings;              /* onsite_image_str_t                  */
    table_t   slots;                /* onsite_slot_t                       */
    table_t   regexes;              /* onsite_image_regex_t                */
    table_t   zones;                /* onsite_zone_t                       */
    table_t   groups;               /* onsite_image_str_t                  */
};


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


static void *
table_entry(const table_t *table, uint32_t i)
{
    return table->entries + i * table->size;
}


static bool
table_rehash(table_t *table)
{
    cell_t    *cells, *cell;
    uint32_t   i, at, mask;

    mask = table->mask == 0 ? 63 : table->mask * 2 + 1;
    cells = calloc((size_t) mask + 1, sizeof(cell_t));
    if (cells == NULL) {
        return false;
    }

    for (i = 0; table->cells != NULL && i <= table->mask; i++) {
        cell = &table->cells[i];

        if (cell->entry != 0) {
            for (at = cell->hash & mask; cells[at].entry != 0; /* void */) {
                at = (at + 1) & mask;
            }
            cells[at] = *cell;
        }
    }

    free(table->cells);
    table->cells = cells;
    table->mask = mask;

    return true;
}


static bool
table_make_room(table_t *table)
{
    char      *entries;
    uint32_t   capacity;

    if (table->n == table->capacity) {
        capacity = table->capacity == 0 ? 32 : table->capacity * 2;
        entries = realloc(table->entries, capacity * table->size);

        if (entries == NULL) {
            return false;
        }

        table->entries = entries;
        table->capacity = capacity;
    }

    return (table->n + 1) * (uint64_t) 2 <= table->mask
           || table_rehash(table);
}


/* The entry that is the same as key, or a new one, which the caller fills:
 * *fresh says so.  0 with b->failed on failure. */

static uint32_t
table_find(onsite_builder_t *b, table_t *table, uint64_t hash,
    same_pt same, const void *key, bool *fresh)
{
    uint32_t   at;
    cell_t    *cell;

    *fresh = false;

    if (b->failed || !table_make_room(table)) {
        b->failed = true;
        return 0;
    }

    for (at = hash & table->mask; /* void */; at = (at + 1) & table->mask) {
        cell = &table->cells[at];

        if (cell->entry == 0) {
            break;
        }

        if (cell->hash == hash
            && same(b, table_entry(table, cell->entry - 1), key))
        {
            return cell->entry - 1;
        }
    }

    cell->hash = hash;
    cell->entry = ++table->n;
    memset(table_entry(table, table->n - 1), 0, table->size);
    *fresh = true;

    return table->n - 1;
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

    i = table_find(b, &b->strings, onsite_hash64(s.data, s.len, 0),
                   same_string, &s, &fresh);
    if (b->failed) {
        return (onsite_image_str_t) { 0, 0 };
    }

    entry = table_entry(&b->strings, i);

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


static uint64_t
hash_name(onsite_image_str_t name)
{
    return onsite_hash64(&name, sizeof(name), 0);
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

    i = table_find(b, &b->slots, hash, same_slot, key, &fresh);

    if (fresh) {
        keys = onsite_builder_alloc(b, size);
        if (b->failed) {
            return 0;
        }

        memcpy(b->base + keys, key->names, size);

        slot = table_entry(&b->slots, i);
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

    i = table_find(b, &b->regexes, onsite_hash64(&regex, sizeof(regex), 0),
                   same_regex, &regex, &fresh);
    if (fresh) {
        memcpy(table_entry(&b->regexes, i), &regex, sizeof(regex));
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

    interned = onsite_builder_str(b, name);
    i = table_find(b, &b->zones, hash_name(interned), same_name, &interned,
                   &fresh);

    if (fresh) {
        size = n * sizeof(onsite_transition_t);
        zone.name = interned;
        zone.n_transitions = (uint32_t) n;
        zone.transitions = onsite_builder_alloc(b, size);

        if (b->failed) {
            return 0;
        }

        memcpy(b->base + zone.transitions, transitions, size);
        memcpy(table_entry(&b->zones, i), &zone, sizeof(zone));
    }

    return i;
}


uint32_t
onsite_builder_group(onsite_builder_t *b, onsite_str_t name)
{
    bool                fresh;
    uint32_t            i;
    onsite_image_str_t  interned;

    interned = onsite_builder_str(b, name);
    i = table_find(b, &b->groups, hash_name(interned), same_name, &interned,
                   &fresh);
    if (fresh) {
        memcpy(table_entry(&b->groups, i), &interned, sizeof(interned));
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


static void
table_free(table_t *table)
{
    free(table->entries);
    free(table->cells);
}


void
onsite_builder_destroy(onsite_builder_t *b)
{
    if (b != NULL) {
        table_free(&b->strings);
        table_free(&b->slots);
        table_free(&b->regexes);
        table_free(&b->zones);
        table_free(&b->groups);
        free(b->base);
        free(b);
    }
}


static onsite_image_value_t build_value(onsite_builder_t *b,
    const onsite_value_t *value, int depth);


static onsite_ref_t
build_items(onsite_builder_t *b, const onsite_value_t *array, int depth)
{
    uint32_t              i;
    onsite_ref_t          ref;
    onsite_image_value_t  item;

    ref = onsite_builder_alloc(b, array->len * sizeof(onsite_image_value_t));

    for (i = 0; i < array->len && !b->failed; i++) {
        item = build_value(b, &array->as.items[i], depth);
        memcpy(b->base + ref + i * sizeof(item), &item, sizeof(item));
    }

    return ref;
}


static uint64_t
listed_rank(onsite_str_t key, uint32_t place)
{
    size_t    i;
    uint64_t  index = 0;

    if (!onsite_is_array_index(key)) {
        return ((uint64_t) 1 << 32) + place;
    }

    for (i = 0; i < key.len; i++) {
        index = index * 10 + (uint64_t) (key.data[i] - '0');
    }

    return index;
}


/* Where JavaScript would list a key, and which value it would have. */

typedef struct {
    uint64_t               rank;
    onsite_str_t           key;
    const onsite_value_t  *value;
} listed_t;


static int
by_key_then_place(const void *a, const void *b)
{
    int              order;
    const listed_t  *x = a, *y = b;

    order = onsite_str_compare(x->key, y->key);

    return order != 0 ? order : x->value < y->value ? -1 : 1;
}


static int
by_rank(const void *a, const void *b)
{
    const listed_t  *x = a, *y = b;

    return x->rank < y->rank ? -1 : x->rank > y->rank;
}


static uint32_t
list_members(const onsite_value_t *object, listed_t *list)
{
    uint32_t  i, n;

    for (i = 0; i < object->len; i++) {
        list[i].rank = listed_rank(object->as.members[i].key, i);
        list[i].key = object->as.members[i].key;
        list[i].value = &object->as.members[i].value;
    }

    /* of equal keys the first gives the rank and the last the value */

    qsort(list, object->len, sizeof(listed_t), by_key_then_place);

    for (i = 0, n = 0; i < object->len; i++) {
        if (n != 0 && onsite_str_eq(list[n - 1].key, list[i].key)) {
            list[n - 1].value = list[i].value;
        } else {
            list[n++] = list[i];
        }
    }

    qsort(list, n, sizeof(listed_t), by_rank);

    return n;
}


static onsite_ref_t
build_members(onsite_builder_t *b, const onsite_value_t *object, int depth,
    uint32_t *n)
{
    uint32_t                i;
    listed_t               *list;
    onsite_ref_t            ref;
    onsite_image_member_t   member;

    *n = 0;

    list = malloc((object->len + (size_t) 1) * sizeof(listed_t));
    if (list == NULL) {
        b->failed = true;
        return 0;
    }

    *n = list_members(object, list);
    ref = onsite_builder_alloc(b, *n * sizeof(member));

    for (i = 0; i < *n && !b->failed; i++) {
        member.key = onsite_builder_str(b, list[i].key);
        member.value = build_value(b, list[i].value, depth);

        if (!b->failed) {
            memcpy(b->base + ref + i * sizeof(member), &member,
                   sizeof(member));
        }
    }

    free(list);

    return ref;
}


static onsite_image_value_t
build_value(onsite_builder_t *b, const onsite_value_t *value, int depth)
{
    onsite_image_str_t    s;
    onsite_image_value_t  out = { .type = value->type, .len = value->len };

    if (depth > ONSITE_JSON_DEPTH_MAX) {
        b->failed = true;
        return out;
    }

    switch (value->type) {

    case ONSITE_BOOL:
        out.len = 0;
        out.as.boolean = value->as.boolean;
        break;

    case ONSITE_NUMBER:
        out.len = 0;
        out.as.number = value->as.number;
        break;

    case ONSITE_STRING:
        s = onsite_builder_str(b, onsite_value_str(value));
        out.as.ref = s.ref;
        break;

    case ONSITE_ARRAY:
        out.as.ref = build_items(b, value, depth + 1);
        break;

    case ONSITE_OBJECT:
        out.as.ref = build_members(b, value, depth + 1, &out.len);
        break;

    default:
        out.len = 0;
    }

    return out;
}


onsite_image_value_t
onsite_builder_value(onsite_builder_t *b, const onsite_value_t *value)
{
    return build_value(b, value, 0);
}


static onsite_ref_t
write_table(onsite_builder_t *b, const table_t *table)
{
    onsite_ref_t  ref;

    if (table->n == 0) {
        return 0;
    }

    ref = onsite_builder_alloc(b, table->n * table->size);

    if (!b->failed) {
        memcpy(b->base + ref, table->entries, table->n * table->size);
    }

    return ref;
}


onsite_status_t
onsite_builder_finish(onsite_builder_t *b, onsite_str_t site,
    onsite_ms_t built, onsite_image_t *image, onsite_error_t *error)
{
    onsite_image_header_t   tables = { 0 };
    onsite_image_header_t  *header;

    tables.site = onsite_builder_str(b, site);
    tables.slots = write_table(b, &b->slots);
    tables.regexes = write_table(b, &b->regexes);
    tables.zones = write_table(b, &b->zones);
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
