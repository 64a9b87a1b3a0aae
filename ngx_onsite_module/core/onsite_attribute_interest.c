/*
 * onsite_attribute_interest.c - what a visitor is drawn to and came from, as
 * values.
 */

#include "onsite_attribute_interest.h"

#include "onsite_affinity.h"
#include "onsite_origin.h"

#define TOUCH_MEMBERS  6

static const onsite_value_t  absent = { .type = ONSITE_ABSENT };


/* As conditions walk plain values: members, indices, length. */

static onsite_value_t
walk(onsite_value_t value, const onsite_str_t *keys, size_t n_keys)
{
    size_t                 i, k;
    uint64_t               index;
    const onsite_value_t  *member;

    for (i = 0; i < n_keys; i++) {

        if (value.type == ONSITE_ARRAY && onsite_str_is(keys[i], "length")) {
            value = onsite_value_number(value.len);
            continue;
        }

        if (value.type != ONSITE_ARRAY) {
            member = onsite_value_get(&value, keys[i]);
            value = member != NULL ? *member : absent;
            continue;
        }

        if (!onsite_is_array_index(keys[i])) {
            return absent;
        }

        for (k = 0, index = 0; k < keys[i].len; k++) {
            index = index * 10 + (uint64_t) (keys[i].data[k] - '0');
        }

        value = index < value.len ? value.as.items[index] : absent;
    }

    return value;
}


/* The first of an attribute's entries, which stand together; n: how many. */

static const onsite_affinity_t *
entries_of(const onsite_visitor_t *v, onsite_str_t attribute, uint32_t *n)
{
    uint32_t  i, first, hash = onsite_affinity_hash(attribute);

    for (first = 0; first < v->n_affinities; first++) {
        if (v->affinities[first].attribute == hash) {
            break;
        }
    }

    for (i = first; i < v->n_affinities; i++) {
        if (v->affinities[i].attribute != hash) {
            break;
        }
    }

    *n = i - first;

    return &v->affinities[first];
}


static double
strength(const onsite_context_t *context, const onsite_affinity_t *entry)
{
    return onsite_affinity_strength(context->image, context->visitor, entry,
                                    context->now);
}


static onsite_value_t
top_value(const onsite_context_t *context, const onsite_affinity_t *entries,
    uint32_t n)
{
    double            share;
    uint32_t          i, alive;
    onsite_value_t   *items;
    onsite_member_t  *members;

    items = onsite_arena_alloc(context->arena, (n + 1) * sizeof(*items));
    members = onsite_arena_alloc(context->arena,
                                 (2 * n + 1) * sizeof(*members));

    if (items == NULL || members == NULL) {
        return absent;
    }

    for (i = 0, alive = 0; i < n; i++) {
        share = strength(context, &entries[i]);

        if (share > 0) {
            members[0] = (onsite_member_t) {
                ONSITE_STR("value"), onsite_value_string(entries[i].value) };
            members[1] = (onsite_member_t) {
                ONSITE_STR("strength"), onsite_value_number(share) };
            items[alive++] = (onsite_value_t) { .type = ONSITE_OBJECT,
                                                .len = 2,
                                                .as.members = members };
            members += 2;
        }
    }

    return (onsite_value_t) { .type = ONSITE_ARRAY, .len = alive,
                              .as.items = items };
}


/* A value may hold dots, which split the path. */

static bool
is_joined(onsite_str_t value, const onsite_str_t *keys, size_t n_keys)
{
    size_t  i;

    for (i = 0; i < n_keys; i++) {
        if (value.len < keys[i].len
            || (keys[i].len != 0
                && memcmp(value.data, keys[i].data, keys[i].len) != 0))
        {
            return false;
        }

        value = onsite_str(value.data + keys[i].len,
                           value.len - keys[i].len);

        if (i + 1 < n_keys) {
            if (value.len == 0 || value.data[0] != '.') {
                return false;
            }

            value = onsite_str(value.data + 1, value.len - 1);
        }
    }

    return value.len == 0;
}


static onsite_value_t
value_strength(const onsite_context_t *context,
    const onsite_affinity_t *entries, uint32_t n, const onsite_str_t *keys,
    size_t n_keys)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (is_joined(entries[i].value, keys, n_keys)) {
            return onsite_value_number(strength(context, &entries[i]));
        }
    }

    return onsite_value_number(0);
}


onsite_value_t
onsite_attribute_affinity(const onsite_context_t *context,
    const onsite_str_t *keys, size_t n_keys)
{
    uint32_t                  n;
    const onsite_affinity_t  *entries;

    entries = entries_of(context->visitor, keys[0], &n);

    if (n_keys == 1) {
        return n != 0 && strength(context, &entries[0]) > 0
               ? onsite_value_string(entries[0].value) : absent;
    }

    if (onsite_str_is(keys[1], "$top")) {
        return walk(top_value(context, entries, n), keys + 2, n_keys - 2);
    }

    return value_strength(context, entries, n, keys + 1, n_keys - 1);
}


/* What is not known is not a member. */

static onsite_value_t
touch_value(onsite_arena_t *arena, const onsite_touch_t *touch)
{
    size_t                i;
    uint32_t              n;
    onsite_member_t      *members;
    const onsite_member_t   all[TOUCH_MEMBERS] = {
        { ONSITE_STR("source"), onsite_value_string(touch->source) },
        { ONSITE_STR("medium"), onsite_value_string(touch->medium) },
        { ONSITE_STR("campaign"), onsite_value_string(touch->campaign) },
        { ONSITE_STR("referrer"), onsite_value_string(touch->referrer) },
        { ONSITE_STR("click"), onsite_value_string(touch->click) },
        { ONSITE_STR("time"), onsite_value_number((double) touch->time) }
    };

    members = onsite_arena_alloc(arena, sizeof(all));

    if (members == NULL) {
        return absent;
    }

    for (i = 0, n = 0; i < TOUCH_MEMBERS; i++) {
        if (all[i].value.type == ONSITE_NUMBER || all[i].value.len != 0) {
            members[n++] = all[i];
        }
    }

    return (onsite_value_t) { .type = ONSITE_OBJECT, .len = n,
                              .as.members = members };
}


static onsite_value_t
touches_value(onsite_arena_t *arena, const onsite_visitor_t *v)
{
    uint32_t         i;
    onsite_value_t  *items;

    items = onsite_arena_alloc(arena, (v->n_touches + 1) * sizeof(*items));

    if (items == NULL) {
        return absent;
    }

    for (i = 0; i < v->n_touches; i++) {
        items[i] = touch_value(arena, &v->touches[i]);
    }

    return (onsite_value_t) { .type = ONSITE_ARRAY, .len = v->n_touches,
                              .as.items = items };
}


onsite_value_t
onsite_attribute_origin(const onsite_context_t *context,
    const onsite_str_t *keys, size_t n_keys)
{
    onsite_value_t           value = absent;
    const onsite_touch_t    *last;
    const onsite_visitor_t  *v = context->visitor;

    last = onsite_origin_last(v);

    if (onsite_str_is(keys[0], "first") && v->first_touch.time != 0) {
        value = touch_value(context->arena, &v->first_touch);

    } else if (onsite_str_is(keys[0], "last") && last != NULL) {
        value = touch_value(context->arena, last);

    } else if (onsite_str_is(keys[0], "touches")) {
        value = touches_value(context->arena, v);
    }

    return walk(value, keys + 1, n_keys - 1);
}


bool
onsite_attribute_affinity_known(const onsite_str_t *keys, size_t n_keys)
{
    return n_keys >= 1 && keys[0].len != 0;
}


bool
onsite_attribute_origin_known(const onsite_str_t *keys, size_t n_keys)
{
    size_t                    i;
    static const char *const  names[] = {
        "source", "medium", "campaign", "referrer", "click", "time"
    };

    if (onsite_str_is(keys[0], "touches")) {
        return true;
    }

    if (!onsite_str_is(keys[0], "first") && !onsite_str_is(keys[0], "last")) {
        return false;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]) && n_keys == 2; i++) {
        if (onsite_str_is(keys[1], names[i])) {
            return true;
        }
    }

    return n_keys == 1;
}
