/*
 * onsite_visitor_traits.c - what is kept of what a shop says about a visitor:
 * only what its campaigns read.
 */

#include "onsite_visitor_traits.h"

#include "onsite_msgpack.h"

/* A msgpack map's head, at most. */
#define HEAD  3

typedef struct {
    onsite_member_t  *members;
    uint32_t          n;
    size_t            left;         /* bytes                               */
} kept_t;


static bool
is_scalar(const onsite_value_t *value)
{
    return value->type == ONSITE_BOOL || value->type == ONSITE_NUMBER
           || value->type == ONSITE_STRING;
}


/* What does not fit any more is not kept. */

static void
keep(kept_t *kept, onsite_str_t name, const onsite_value_t *value)
{
    onsite_writer_t  size = { NULL, 0, 0 };

    if (value == NULL || !is_scalar(value)) {
        return;
    }

    onsite_write_str(&size, name);
    onsite_write_value(&size, value);

    if (size.len <= kept->left) {
        kept->left -= size.len;
        kept->members[kept->n++] = (onsite_member_t) { name, *value };
    }
}


/* NULL: the event says nothing about it. */

static const onsite_value_t *
told(const onsite_event_t *event, onsite_str_t name, onsite_value_t *group)
{
    if (event->type == ONSITE_IDENTIFY) {
        return onsite_value_get(&event->traits, name);
    }

    if (onsite_str_eq(name, ONSITE_STR("groupId"))) {
        *group = onsite_value_string(event->group_id);
        return group;
    }

    return NULL;
}


/* In a customer's record nobody else's are kept. */

static bool
is_about(const onsite_visitor_t *visitor, const onsite_event_t *event)
{
    if (!event->live
        || (event->type != ONSITE_IDENTIFY
            && (event->type != ONSITE_GROUP || event->group_id.len == 0)))
    {
        return false;
    }

    return !visitor->verified || event->user_id.len == 0
           || onsite_str_eq(event->user_id, visitor->user_id);
}


onsite_status_t
onsite_visitor_traits(onsite_arena_t *arena, onsite_visitor_t *visitor,
    const onsite_event_t *event, const onsite_image_t *image)
{
    kept_t                        kept = { NULL, 0, 0 };
    uint32_t                      i;
    onsite_str_t                  name;
    onsite_value_t                group;
    const onsite_value_t         *value;
    const onsite_image_str_t     *names;
    const onsite_image_header_t  *header = onsite_image_header(image);

    if (!is_about(visitor, event)
        || (header->n_traits == 0 && visitor->traits.type == ONSITE_ABSENT))
    {
        return ONSITE_OK;
    }

    kept.left = ONSITE_TRAITS_BYTES_MAX - HEAD;
    kept.members = onsite_arena_alloc(arena, (header->n_traits + (size_t) 1)
                                             * sizeof(onsite_member_t));
    if (kept.members == NULL) {
        return ONSITE_NO_MEMORY;
    }

    names = onsite_image_at(image, header->traits);

    for (i = 0; i < header->n_traits; i++) {
        name = onsite_image_str(image, names[i]);
        value = told(event, name, &group);
        keep(&kept, name, value != NULL ? value
                          : onsite_value_get(&visitor->traits, name));
    }

    visitor->traits = (onsite_value_t) {
        .type = kept.n != 0 ? ONSITE_OBJECT : ONSITE_ABSENT,
        .len = kept.n, .as.members = kept.members
    };

    return ONSITE_OK;
}
