/*
 * onsite_image.c - reading an image: literals as values, bounds checks, and
 * the verification of what all sections share.
 */

#include "onsite_image.h"
#include "onsite_limits.h"


static onsite_status_t value_in_arena(const onsite_image_t *image,
    const onsite_image_value_t *literal, onsite_arena_t *arena,
    onsite_value_t *out);


static onsite_status_t
items_in_arena(const onsite_image_t *image,
    const onsite_image_value_t *literal, onsite_arena_t *arena,
    onsite_value_t *out)
{
    uint32_t                     i;
    onsite_value_t              *items;
    const onsite_image_value_t  *from;

    items = onsite_arena_alloc(arena, literal->len * sizeof(onsite_value_t));
    if (items == NULL) {
        return ONSITE_NO_MEMORY;
    }

    from = onsite_image_at(image, literal->as.ref);

    for (i = 0; i < literal->len; i++) {
        if (value_in_arena(image, &from[i], arena, &items[i]) != ONSITE_OK) {
            return ONSITE_NO_MEMORY;
        }
    }

    out->as.items = items;

    return ONSITE_OK;
}


static onsite_status_t
members_in_arena(const onsite_image_t *image,
    const onsite_image_value_t *literal, onsite_arena_t *arena,
    onsite_value_t *out)
{
    uint32_t                      i;
    onsite_member_t              *members;
    const onsite_image_member_t  *from;

    members = onsite_arena_alloc(arena,
                                 literal->len * sizeof(onsite_member_t));
    if (members == NULL) {
        return ONSITE_NO_MEMORY;
    }

    from = onsite_image_at(image, literal->as.ref);

    for (i = 0; i < literal->len; i++) {
        members[i].key = onsite_image_str(image, from[i].key);

        if (value_in_arena(image, &from[i].value, arena, &members[i].value)
            != ONSITE_OK)
        {
            return ONSITE_NO_MEMORY;
        }
    }

    out->as.members = members;

    return ONSITE_OK;
}


static onsite_status_t
value_in_arena(const onsite_image_t *image,
    const onsite_image_value_t *literal, onsite_arena_t *arena,
    onsite_value_t *out)
{
    out->type = (onsite_type_t) literal->type;
    out->len = literal->len;

    switch (out->type) {

    case ONSITE_BOOL:
        out->as.boolean = literal->as.boolean != 0;
        return ONSITE_OK;

    case ONSITE_NUMBER:
        out->as.number = literal->as.number;
        return ONSITE_OK;

    case ONSITE_STRING:
        out->as.string = onsite_image_at(image, literal->as.ref);
        return ONSITE_OK;

    case ONSITE_ARRAY:
        return items_in_arena(image, literal, arena, out);

    case ONSITE_OBJECT:
        return members_in_arena(image, literal, arena, out);

    default:
        return ONSITE_OK;
    }
}


onsite_status_t
onsite_image_value(const onsite_image_t *image,
    const onsite_image_value_t *literal, onsite_arena_t *arena,
    onsite_value_t *out)
{
    *out = (onsite_value_t) { .type = ONSITE_ABSENT };

    return value_in_arena(image, literal, arena, out);
}


bool
onsite_array_index(onsite_str_t key, uint32_t *index)
{
    size_t    i;
    uint64_t  n = 0;

    if (key.len == 0 || key.len > 10 || (key.data[0] == '0' && key.len > 1)) {
        return false;
    }

    for (i = 0; i < key.len; i++) {
        if (key.data[i] < '0' || key.data[i] > '9') {
            return false;
        }
        n = n * 10 + (uint64_t) (key.data[i] - '0');
    }

    *index = (uint32_t) n;

    return n < UINT32_MAX;
}


bool
onsite_is_array_index(onsite_str_t key)
{
    uint32_t  index;

    return onsite_array_index(key, &index);
}


bool
onsite_image_holds(const onsite_image_t *image, onsite_ref_t ref,
    uint64_t count, size_t size, size_t align)
{
    if (count == 0) {
        return ref <= image->size;
    }

    /* nothing but the header is in front: a reference to it is a mistake */

    return ref >= sizeof(onsite_image_header_t) && ref <= image->size
           && ref % align == 0 && count <= (image->size - ref) / size;
}


bool
onsite_image_holds_str(const onsite_image_t *image, onsite_image_str_t s)
{
    return onsite_image_holds(image, s.ref, s.len, 1, 1);
}


/* Items that refer back to where they stand would nest for ever: besides the
 * depth, items must lie behind the array that lists them. */

static bool
holds_items(const onsite_image_t *image, const onsite_image_value_t *value,
    int depth)
{
    uint32_t                     i;
    const onsite_image_value_t  *items;

    if (!onsite_image_holds(image, value->as.ref, value->len,
                            sizeof(onsite_image_value_t), 8))
    {
        return false;
    }

    items = onsite_image_at(image, value->as.ref);

    for (i = 0; i < value->len; i++) {
        if ((items[i].type == ONSITE_ARRAY || items[i].type == ONSITE_OBJECT)
            && items[i].len != 0 && items[i].as.ref <= value->as.ref)
        {
            return false;
        }

        if (!onsite_image_holds_value(image, &items[i], depth - 1)) {
            return false;
        }
    }

    return true;
}


static bool
holds_members(const onsite_image_t *image, const onsite_image_value_t *value,
    int depth)
{
    uint32_t                      i;
    const onsite_image_member_t  *members;

    if (!onsite_image_holds(image, value->as.ref, value->len,
                            sizeof(onsite_image_member_t), 8))
    {
        return false;
    }

    members = onsite_image_at(image, value->as.ref);

    for (i = 0; i < value->len; i++) {
        if ((members[i].value.type == ONSITE_ARRAY
             || members[i].value.type == ONSITE_OBJECT)
            && members[i].value.len != 0
            && members[i].value.as.ref <= value->as.ref)
        {
            return false;
        }

        if (!onsite_image_holds_str(image, members[i].key)
            || !onsite_image_holds_value(image, &members[i].value, depth - 1))
        {
            return false;
        }
    }

    return true;
}


bool
onsite_image_holds_value(const onsite_image_t *image,
    const onsite_image_value_t *value, int depth)
{
    if (depth < 0) {
        return false;
    }

    switch (value->type) {

    case ONSITE_ABSENT:
    case ONSITE_NULL:
    case ONSITE_BOOL:
    case ONSITE_NUMBER:
        return true;

    case ONSITE_STRING:
        return onsite_image_holds(image, value->as.ref, value->len, 1, 1);

    case ONSITE_ARRAY:
        return holds_items(image, value, depth);

    case ONSITE_OBJECT:
        return holds_members(image, value, depth);

    default:
        return false;
    }
}


uint64_t
onsite_image_checksum(const onsite_image_t *image)
{
    size_t  start = offsetof(onsite_image_header_t, built);

    return onsite_hash64(image->base + start, image->size - start, 0);
}


static onsite_status_t
verify_header(const onsite_image_t *image, onsite_error_t *error)
{
    const onsite_image_header_t  *header = onsite_image_header(image);

    if (image->base == NULL || image->size < sizeof(*header)
        || (uintptr_t) image->base % 8 != 0
        || header->magic != ONSITE_IMAGE_MAGIC)
    {
        return onsite_error(error, ONSITE_CORRUPT,
                            "this is no image of campaigns: build it anew");
    }

    if (header->version != ONSITE_IMAGE_VERSION
        || header->order != ONSITE_IMAGE_ORDER)
    {
        return onsite_error(error, ONSITE_VERSION,
                            "image has version %u and byte order %08x, this "
                            "program reads version %u and %08x: build the "
                            "snapshot with the lmdb-loader of this release",
                            header->version, header->order,
                            ONSITE_IMAGE_VERSION, ONSITE_IMAGE_ORDER);
    }

    if (header->size != image->size) {
        return onsite_error(error, ONSITE_CORRUPT,
                            "image has %zu bytes, its header says %u: it was "
                            "cut or grown on its way", image->size,
                            header->size);
    }

    if (header->checksum != onsite_image_checksum(image)) {
        return onsite_error(error, ONSITE_CORRUPT,
                            "image's checksum is wrong: its bytes were "
                            "changed on their way");
    }

    return ONSITE_OK;
}


static onsite_status_t
corrupt(onsite_error_t *error, const char *what, uint32_t i)
{
    return onsite_error(error, ONSITE_CORRUPT,
                        "image's %s %u points out of the image", what, i);
}


static onsite_status_t
verify_slots(const onsite_image_t *image, onsite_error_t *error)
{
    uint32_t                      i, k;
    const onsite_slot_t          *slots;
    const onsite_image_str_t     *keys;
    const onsite_image_header_t  *header = onsite_image_header(image);

    if (!onsite_image_holds(image, header->slots, header->n_slots,
                            sizeof(onsite_slot_t), 8))
    {
        return corrupt(error, "table of slots", 0);
    }

    slots = onsite_image_at(image, header->slots);

    for (i = 0; i < header->n_slots; i++) {
        if (slots[i].root >= ONSITE_ROOTS || slots[i].zone >= header->n_zones
            || slots[i].n_keys > ONSITE_PATH_KEYS_MAX
            || !onsite_image_holds(image, slots[i].keys, slots[i].n_keys,
                                   sizeof(onsite_image_str_t), 8))
        {
            return corrupt(error, "slot", i);
        }

        keys = onsite_image_at(image, slots[i].keys);

        for (k = 0; k < slots[i].n_keys; k++) {
            if (!onsite_image_holds_str(image, keys[k])) {
                return corrupt(error, "slot", i);
            }
        }
    }

    return ONSITE_OK;
}


static onsite_status_t
verify_regexes(const onsite_image_t *image, onsite_error_t *error)
{
    uint32_t                      i;
    const onsite_image_regex_t   *regexes;
    const onsite_image_header_t  *header = onsite_image_header(image);

    if (!onsite_image_holds(image, header->regexes, header->n_regexes,
                            sizeof(onsite_image_regex_t), 8))
    {
        return corrupt(error, "table of regexes", 0);
    }

    regexes = onsite_image_at(image, header->regexes);

    for (i = 0; i < header->n_regexes; i++) {
        if (!onsite_image_holds_str(image, regexes[i].pattern)) {
            return corrupt(error, "regex", i);
        }
    }

    return ONSITE_OK;
}


static bool
zone_is_sound(const onsite_image_t *image, const onsite_zone_t *zone)
{
    uint32_t                    i;
    const onsite_transition_t  *t;

    if (!onsite_image_holds_str(image, zone->name)
        || zone->n_transitions == 0
        || !onsite_image_holds(image, zone->transitions, zone->n_transitions,
                               sizeof(onsite_transition_t), 8))
    {
        return false;
    }

    t = onsite_image_at(image, zone->transitions);

    for (i = 0; i < zone->n_transitions; i++) {
        if (t[i].offset < -86400 || t[i].offset > 86400
            || (i == 0 ? t[0].at != INT64_MIN : t[i].at <= t[i - 1].at))
        {
            return false;
        }
    }

    return true;
}


static onsite_status_t
verify_zones(const onsite_image_t *image, onsite_error_t *error)
{
    uint32_t                      i;
    const onsite_zone_t          *zones;
    const onsite_image_header_t  *header = onsite_image_header(image);

    if (header->n_zones == 0
        || !onsite_image_holds(image, header->zones, header->n_zones,
                               sizeof(onsite_zone_t), 8))
    {
        return corrupt(error, "table of time zones", 0);
    }

    zones = onsite_image_at(image, header->zones);

    for (i = 0; i < header->n_zones; i++) {
        if (!zone_is_sound(image, &zones[i])) {
            return corrupt(error, "time zone", i);
        }
    }

    return ONSITE_OK;
}


onsite_status_t
onsite_image_verify_tables(const onsite_image_t *image, onsite_error_t *error)
{
    size_t           i;
    onsite_status_t  status;

    static onsite_status_t  (*const sections[])(const onsite_image_t *,
                                                onsite_error_t *) = {
        verify_header, verify_zones, verify_slots, verify_regexes
    };

    for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        status = sections[i](image, error);
        if (status != ONSITE_OK) {
            return status;
        }
    }

    if (!onsite_image_holds_str(image, onsite_image_header(image)->site)) {
        return corrupt(error, "site name", 0);
    }

    return ONSITE_OK;
}
