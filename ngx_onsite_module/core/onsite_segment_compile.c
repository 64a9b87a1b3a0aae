/*
 * onsite_segment_compile.c - segment files.
 */

#include "onsite_campaign_compile.h"

#include <stdlib.h>


static void
check_id(onsite_draft_reader_t *r, onsite_str_t id)
{
    uint32_t            i;
    onsite_compiler_t  *c = r->c;

    for (i = 0; i < c->n_segments; i++) {
        if (onsite_str_eq(c->segments[i].id, id)) {
            onsite_definition_error(r->d, "id", "\"%.*s\" is also the id of"
                                    " %.*s: rename one", (int) id.len,
                                    id.data, (int) c->segments[i].file.len,
                                    c->segments[i].file.data);
            return;
        }
    }
}


static void
lint_condition(onsite_draft_reader_t *r)
{
    size_t                 len;
    const onsite_value_t  *condition;

    condition = onsite_definition_get(r->draft->definition, "condition");

    len = onsite_definition_enter(r->d, ONSITE_STR("condition"));
    onsite_condition_lint(r, condition, ONSITE_SCOPE_AUDIENCE);
    onsite_group_lint(r->d, condition, r->c->saved_groups);
    onsite_definition_leave(r->d, len);
}


void
onsite_segment_read(onsite_draft_reader_t *r)
{
    onsite_str_t              name;
    const onsite_value_t     *definition = r->draft->definition;
    onsite_draft_segment_t    draft;
    static const char *const  keys[] = {
        "$schema", "id", "site", "name", "enabled", "condition", NULL
    };

    memset(&draft, 0, sizeof(draft));
    draft.file = r->draft->file;

    (void) onsite_definition_keys(r->d, definition, keys);
    onsite_draft_common(r, definition, &name);

    if (onsite_draft_id(r, "segment", &draft.id)) {
        check_id(r, draft.id);
    }

    if (onsite_definition_get(definition, "condition") == NULL) {
        onsite_definition_error(r->d, "condition", "is missing: say who is in"
                                " the segment");
    }

    draft.segment.id = onsite_builder_str(r->b, draft.id);
    draft.segment.condition = onsite_draft_condition(r, definition,
                                  "condition", ONSITE_SCOPE_AUDIENCE);

    if (r->draft->roots & 1u << ONSITE_ROOT_SEGMENTS) {
        onsite_definition_error(r->d, "condition", "reads segments: a segment"
                                " cannot depend on segments; repeat their"
                                " conditions here");
    }

    if (r->d->errors == 0) {
        lint_condition(r);
    }

    if (r->draft->enabled) {
        r->c->segments[r->c->n_segments++] = draft;
    }
}


static int
by_id(const void *a, const void *b)
{
    const onsite_draft_segment_t  *x = a, *y = b;

    return onsite_str_compare(x->id, y->id);
}


onsite_status_t
onsite_segments_build(onsite_compiler_t *c)
{
    uint32_t                i;
    onsite_ref_t            ref;
    onsite_segment_t       *segments;
    onsite_image_header_t  *header;

    if (c->n_segments == 0) {
        return ONSITE_OK;
    }

    qsort(c->segments, c->n_segments, sizeof(c->segments[0]), by_id);

    ref = onsite_builder_alloc(c->b, c->n_segments
                                     * sizeof(onsite_segment_t));
    if (ref == 0) {
        return ONSITE_NO_MEMORY;
    }

    segments = onsite_builder_at(c->b, ref);

    for (i = 0; i < c->n_segments; i++) {
        segments[i] = c->segments[i].segment;
    }

    header = onsite_builder_at(c->b, 0);
    header->segments = ref;
    header->n_segments = c->n_segments;

    return ONSITE_OK;
}
