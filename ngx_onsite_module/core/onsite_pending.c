/*
 * onsite_pending.c - campaigns that fired and are to be shown later.
 */

#include "onsite_pending.h"
#include "onsite_template.h"

#define KEYS_MAX  16                /* properties kept of one event        */

/* What msgpack needs for the head of any value, at most. */
#define HEAD      9


/* An upper bound of the value's msgpack. */

static size_t
bytes_of(const onsite_value_t *value, int depth)
{
    size_t    size = HEAD;
    uint32_t  i;

    if (depth == 0) {
        return ONSITE_PENDING_BYTES_MAX + 1;
    }

    switch (value->type) {

    case ONSITE_STRING:
        return size + value->len;

    case ONSITE_ARRAY:
        for (i = 0; i < value->len && size <= ONSITE_PENDING_BYTES_MAX; i++) {
            size += bytes_of(&value->as.items[i], depth - 1);
        }
        return size;

    case ONSITE_OBJECT:
        for (i = 0; i < value->len && size <= ONSITE_PENDING_BYTES_MAX; i++) {
            size += HEAD + value->as.members[i].key.len
                    + bytes_of(&value->as.members[i].value, depth - 1);
        }
        return size;

    default:
        return size;
    }
}


static bool
has_member(const onsite_member_t *members, uint32_t n, onsite_str_t key)
{
    while (n-- > 0) {
        if (onsite_str_eq(members[n].key, key)) {
            return true;
        }
    }

    return false;
}


/* What the audience and the variant's templates read; keys has room for three
 * times KEYS_MAX. */

static size_t
used_properties(const onsite_image_t *image,
    const onsite_campaign_t *campaign, const onsite_variant_t *variant,
    onsite_str_t *keys)
{
    size_t  n;

    n = onsite_condition_properties(image, campaign->audience, keys,
                                    KEYS_MAX);
    n += onsite_template_properties(image, variant->html, keys + n, KEYS_MAX);
    n += onsite_template_properties(image, variant->data, keys + n, KEYS_MAX);

    return n;
}


static onsite_status_t
keep_properties(onsite_context_t *context, const onsite_campaign_t *campaign,
    const onsite_variant_t *variant, onsite_value_t *kept)
{
    size_t                 i, n, size, left = ONSITE_PENDING_BYTES_MAX;
    onsite_str_t           keys[3 * KEYS_MAX];
    onsite_member_t       *members;
    const onsite_value_t  *value;

    *kept = (onsite_value_t) { .type = ONSITE_OBJECT };

    n = used_properties(context->image, campaign, variant, keys);

    if (n == 0) {
        return ONSITE_OK;
    }

    members = onsite_arena_alloc(context->arena, n * sizeof(*members));
    if (members == NULL) {
        return ONSITE_NO_MEMORY;
    }

    for (i = 0; i < n; i++) {
        value = onsite_value_get(&context->event->properties, keys[i]);

        if (value == NULL || has_member(members, kept->len, keys[i])) {
            continue;
        }

        size = HEAD + keys[i].len + bytes_of(value, ONSITE_JSON_DEPTH_MAX);

        if (size <= left) {
            members[kept->len++] = (onsite_member_t) { keys[i], *value };
            left -= size;
        }
    }

    kept->as.members = members;

    return ONSITE_OK;
}


static void
remove_at(onsite_pending_t *list, uint32_t *n, uint32_t i)
{
    (*n)--;
    memmove(&list[i], &list[i + 1], (*n - i) * sizeof(onsite_pending_t));
}


static void
remove_campaign(onsite_pending_t *list, uint32_t *n, uint32_t campaign)
{
    uint32_t  i;

    for (i = *n; i-- > 0; /* void */) {
        if (list[i].campaign == campaign) {
            remove_at(list, n, i);
        }
    }
}


static onsite_status_t
make_entry(onsite_context_t *context, const onsite_campaign_t *campaign,
    const onsite_variant_t *variant, onsite_pending_t *entry)
{
    entry->campaign = campaign->hash;
    entry->fired = context->now;
    entry->waits = false;
    entry->event = context->event->name;

    return keep_properties(context, campaign, variant, &entry->properties);
}


onsite_status_t
onsite_pending_add(onsite_context_t *context, onsite_visitor_t *visitor,
    const onsite_campaign_t *campaign, const onsite_variant_t *variant,
    uint32_t fresh)
{
    onsite_pending_t  entry;

    if (make_entry(context, campaign, variant, &entry) != ONSITE_OK) {
        return ONSITE_NO_MEMORY;
    }

    remove_campaign(visitor->pending, &visitor->n_pending, campaign->hash);

    if (visitor->n_pending == ONSITE_PENDING_MAX) {
        if (fresh >= ONSITE_PENDING_MAX) {
            return ONSITE_LIMIT;
        }

        remove_at(visitor->pending, &visitor->n_pending, 0);
    }

    visitor->pending[visitor->n_pending++] = entry;

    return ONSITE_OK;
}


onsite_status_t
onsite_armed_add(onsite_context_t *context, onsite_visitor_t *visitor,
    const onsite_campaign_t *campaign, const onsite_variant_t *variant)
{
    onsite_pending_t  entry;

    if (make_entry(context, campaign, variant, &entry) != ONSITE_OK) {
        return ONSITE_NO_MEMORY;
    }

    onsite_armed_drop(visitor, campaign->hash);

    if (visitor->n_armed == ONSITE_ARMED_MAX) {
        remove_at(visitor->armed, &visitor->n_armed, 0);
    }

    visitor->armed[visitor->n_armed++] = entry;

    return ONSITE_OK;
}


const onsite_pending_t *
onsite_armed_find(const onsite_visitor_t *visitor, uint32_t campaign)
{
    uint32_t  i;

    for (i = 0; i < visitor->n_armed; i++) {
        if (visitor->armed[i].campaign == campaign) {
            return &visitor->armed[i];
        }
    }

    return NULL;
}


void
onsite_armed_drop(onsite_visitor_t *visitor, uint32_t campaign)
{
    remove_campaign(visitor->armed, &visitor->n_armed, campaign);
}


void
onsite_pending_event(const onsite_pending_t *pending, onsite_ms_t now,
    onsite_event_t *event)
{
    *event = (onsite_event_t) {
        .type = ONSITE_TRACK,
        .name = pending->event,
        .properties = pending->properties,
        .received = now,
        .time = pending->fired,
        .live = true
    };
}
