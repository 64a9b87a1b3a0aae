/*
 * onsite_builder_value.c - values in an image; members are listed as
 * JavaScript lists them.
 */

#include "onsite_builder_private.h"
#include "onsite_limits.h"

#include <stdlib.h>

/* Where JavaScript would list a key, and which value it would have. */

typedef struct {
    uint64_t               rank;
    onsite_str_t           key;
    const onsite_value_t  *value;
} listed_t;


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
