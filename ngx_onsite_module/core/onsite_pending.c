/*
 * onsite_pending.c - campaigns that fired where nothing could be shown.
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
remove_at(onsite_visitor_t *visitor, uint32_t i)
{
    visitor->n_pending--;
    memmove(&visitor->pending[i], &visitor->pending[i + 1],
            (visitor->n_pending - i) * sizeof(onsite_pending_t));
}


static void
remove_campaign(onsite_visitor_t *visitor, uint32_t campaign)
{
    uint32_t  i;

    for (i = visitor->n_pending; i-- > 0; /* void */) {
        if (visitor->pending[i].campaign == campaign) {
            remove_at(visitor, i);
        }
    }
}


onsite_status_t
onsite_pending_add(onsite_context_t *context, onsite_visitor_t *visitor,
    const onsite_campaign_t *campaign, const onsite_variant_t *variant,
    uint32_t fresh)
{
    onsite_value_t     properties;
    onsite_pending_t  *pending;

    if (keep_properties(context, campaign, variant, &properties) != ONSITE_OK) {
        return ONSITE_NO_MEMORY;
    }

    remove_campaign(visitor, campaign->hash);

    if (visitor->n_pending == ONSITE_PENDING_MAX) {
        if (fresh >= ONSITE_PENDING_MAX) {
            return ONSITE_LIMIT;
        }

        remove_at(visitor, 0);
    }

    pending = &visitor->pending[visitor->n_pending++];
    pending->campaign = campaign->hash;
    pending->fired = context->now;
    pending->event = context->event->name;
    pending->properties = properties;

    return ONSITE_OK;
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
