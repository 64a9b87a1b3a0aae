/*
 * onsite_segment.c - which segments a visitor is in.
 */

#include "onsite_segment.h"
#include "onsite_attribute_tables.h"
#include "onsite_condition.h"

static const onsite_value_t  absent = { .type = ONSITE_ABSENT };


/* The rules that hold, into items; one that is inconclusive does not. */

static uint32_t
add_rules(onsite_context_t *context, onsite_value_t *items)
{
    uint32_t                      i, n = 0;
    const onsite_segment_t       *segment;
    const onsite_image_header_t  *header;

    if (context->image == NULL) {
        return 0;
    }

    header = onsite_image_header(context->image);
    segment = onsite_image_at(context->image, header->segments);

    for (i = 0; i < header->n_segments; i++, segment++) {
        if (onsite_condition_eval(context, segment->condition)
            == ONSITE_TRUE)
        {
            items[n++] = onsite_value_string(onsite_image_str(context->image,
                                                              segment->id));
        }
    }

    return n;
}


static bool
holds(const onsite_value_t *items, uint32_t n, const onsite_value_t *id)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (onsite_str_eq(onsite_value_str(&items[i]),
                          onsite_value_str(id)))
        {
            return true;
        }
    }

    return false;
}


static onsite_value_t
collect(onsite_context_t *context)
{
    uint32_t         i, n, rules;
    onsite_str_t     record;
    onsite_value_t  *items, lists = absent;

    if (onsite_customer_lists(context, &record)) {
        lists = onsite_record_value(context->arena, record, NULL, 0);
    }

    lists.len = lists.type == ONSITE_ARRAY ? lists.len : 0;
    rules = context->image != NULL
            ? onsite_image_header(context->image)->n_segments : 0;
    items = onsite_arena_alloc(context->arena,
                               ((size_t) rules + lists.len + 1)
                               * sizeof(*items));
    if (items == NULL) {
        return absent;
    }

    rules = n = add_rules(context, items);

    for (i = 0; i < lists.len; i++) {
        if (lists.as.items[i].type == ONSITE_STRING
            && !holds(items, rules, &lists.as.items[i]))
        {
            items[n++] = lists.as.items[i];
        }
    }

    return (onsite_value_t) { .type = ONSITE_ARRAY, .len = n,
                              .as.items = items };
}


/* A rule that reads segments, which no build lets pass, finds none. */

onsite_value_t
onsite_segments(onsite_context_t *context)
{
    onsite_value_t  segments;

    if (context->slow.in_segments) {
        return absent;
    }

    context->slow.in_segments = true;
    segments = collect(context);
    context->slow.in_segments = false;

    return segments;
}


onsite_status_t
onsite_segments_verify(const onsite_image_t *image, onsite_error_t *error)
{
    uint32_t                      i;
    onsite_status_t               status = ONSITE_OK;
    const onsite_segment_t       *segment;
    const onsite_image_header_t  *header = onsite_image_header(image);

    if (header->n_segments == 0) {
        return ONSITE_OK;
    }

    if (!onsite_image_holds(image, header->segments, header->n_segments,
                            sizeof(onsite_segment_t), 8))
    {
        return onsite_error(error, ONSITE_CORRUPT, "its %u segments point out"
                            " of the image", header->n_segments);
    }

    segment = onsite_image_at(image, header->segments);

    for (i = 0; i < header->n_segments && status == ONSITE_OK;
         i++, segment++)
    {
        if (!onsite_image_holds_str(image, segment->id)
            || segment->id.len == 0)
        {
            return onsite_error(error, ONSITE_CORRUPT, "segment %u has no id",
                                i);
        }

        status = onsite_condition_verify(image, segment->condition, error);
    }

    return status;
}
