/*
 * segment_lint.c - segments that conditions ask for and that neither a segment
 * file nor an uploaded list has.
 */

#include "loader.h"

#include "onsite_definition.h"

typedef struct {
    onsite_definition_t     d;
    const loader_site_t    *site;
    const loader_tables_t  *tables;
} lint_t;


static bool
is_known(const lint_t *l, onsite_str_t id)
{
    size_t                 i;
    const onsite_value_t  *definition;

    for (i = 0; i < l->site->n; i++) {
        definition = l->site->sources[i].definition;

        if (onsite_definition_get(definition, "condition") != NULL
            && onsite_str_eq(onsite_value_get_str(definition,
                                                  ONSITE_STR("id")), id))
        {
            return true;
        }
    }

    return loader_tables_list(l->tables, id);
}


/* Texts that are compared with ids: not those of $regex and its like. */

static void
check(lint_t *l, const onsite_value_t *value)
{
    size_t                  len;
    uint32_t                i;
    onsite_str_t            id;
    const onsite_member_t  *member;

    if (value->type == ONSITE_STRING && !is_known(l, onsite_value_str(value)))
    {
        id = onsite_value_str(value);
        onsite_definition_warn(&l->d, NULL, "there is no segment and no list"
                               " \"%.*s\", so nobody is in it: add its file,"
                               " or name it with --segment", (int) id.len,
                               id.data);
    }

    for (i = 0; value->type == ONSITE_ARRAY && i < value->len; i++) {
        check(l, &value->as.items[i]);
    }

    for (i = 0; value->type == ONSITE_OBJECT && i < value->len; i++) {
        member = &value->as.members[i];

        if (!onsite_str_eq(member->key, ONSITE_STR("$regex"))
            && !onsite_str_eq(member->key, ONSITE_STR("$type")))
        {
            len = onsite_definition_enter(&l->d, member->key);
            check(l, &member->value);
            onsite_definition_leave(&l->d, len);
        }
    }
}


/* In `where`, "segments" is a property of the event. */

static void
walk(lint_t *l, const onsite_value_t *value)
{
    size_t                  len;
    uint32_t                i;
    const onsite_member_t  *member;

    for (i = 0; value->type == ONSITE_ARRAY && i < value->len; i++) {
        len = onsite_definition_enter_item(&l->d, i);
        walk(l, &value->as.items[i]);
        onsite_definition_leave(&l->d, len);
    }

    for (i = 0; value->type == ONSITE_OBJECT && i < value->len; i++) {
        member = &value->as.members[i];
        len = onsite_definition_enter(&l->d, member->key);

        if (onsite_str_eq(member->key, ONSITE_STR("segments"))) {
            check(l, &member->value);
        } else {
            walk(l, &member->value);
        }

        onsite_definition_leave(&l->d, len);
    }
}


void
loader_segments_lint(const loader_sources_t *sources,
    const loader_tables_t *tables, onsite_lint_pt lint, void *lint_data)
{
    size_t                 i, k, len;
    lint_t                 l = { .tables = tables };
    const onsite_value_t  *audience;

    for (i = 0; i < sources->n; i++) {
        l.site = &sources->sites[i];

        for (k = 0; k < l.site->n; k++) {
            audience = onsite_definition_get(l.site->sources[k].definition,
                                             "audience");
            if (audience == NULL) {
                continue;
            }

            onsite_definition_init(&l.d, l.site->sources[k].file, lint,
                                   lint_data);
            len = onsite_definition_enter(&l.d, ONSITE_STR("audience"));
            walk(&l, audience);
            onsite_definition_leave(&l.d, len);
        }
    }
}
