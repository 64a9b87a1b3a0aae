/*
 * onsite_campaign_shadow.c - campaigns that another of their group always
 * takes the place of.
 */

#include "onsite_campaign_compile.h"
#include "onsite_visitor.h"

#include <stdlib.h>

/* Bounds on the work for one campaign, so that all stays linear. */
#define SHADOWERS_MAX   8
#define CONDITIONS_MAX  16


static bool same(const onsite_value_t *a, const onsite_value_t *b);


static bool
same_items(const onsite_value_t *a, const onsite_value_t *b)
{
    uint32_t  i;

    for (i = 0; i < a->len; i++) {
        if (!same(&a->as.items[i], &b->as.items[i])) {
            return false;
        }
    }

    return true;
}


static bool
same_members(const onsite_value_t *a, const onsite_value_t *b)
{
    uint32_t  i;

    for (i = 0; i < a->len; i++) {
        if (!onsite_str_eq(a->as.members[i].key, b->as.members[i].key)
            || !same(&a->as.members[i].value, &b->as.members[i].value))
        {
            return false;
        }
    }

    return true;
}


static bool
same(const onsite_value_t *a, const onsite_value_t *b)
{
    if (a->type != b->type || a->len != b->len) {
        return false;
    }

    switch (a->type) {

    case ONSITE_BOOL:
        return a->as.boolean == b->as.boolean;

    case ONSITE_NUMBER:
        return a->as.number == b->as.number;

    case ONSITE_STRING:
        return onsite_str_eq(onsite_value_str(a), onsite_value_str(b));

    case ONSITE_ARRAY:
        return same_items(a, b);

    case ONSITE_OBJECT:
        return same_members(a, b);

    default:
        return true;
    }
}


/* Whether wide holds wherever narrow does: all that it demands, narrow
 * demands too. */

static bool
covers(const onsite_value_t *wide, const onsite_value_t *narrow)
{
    uint32_t               i;
    const onsite_value_t  *demand;

    if (wide == NULL || wide->len == 0) {
        return true;
    }

    if (narrow == NULL || wide->len > CONDITIONS_MAX) {
        return false;
    }

    for (i = 0; i < wide->len; i++) {
        demand = onsite_value_get(narrow, wide->as.members[i].key);

        if (demand == NULL || !same(demand, &wide->as.members[i].value)) {
            return false;
        }
    }

    return true;
}


static const onsite_value_t *
where_of(const onsite_draft_t *draft)
{
    return onsite_definition_get(onsite_definition_get(draft->definition,
                                                       "trigger"), "where");
}


static const onsite_value_t *
audience_of(const onsite_draft_t *draft)
{
    return onsite_definition_get(draft->definition, "audience");
}


static bool
reads_time(const onsite_draft_t *draft)
{
    return (draft->roots & 1u << ONSITE_ROOT_TIME) != 0;
}


static bool
schedule_covers(const onsite_campaign_t *wide, const onsite_campaign_t *narrow)
{
    const onsite_schedule_t  *w = &wide->schedule, *n = &narrow->schedule;

    if (w->from > n->from || w->until < n->until) {
        return false;
    }

    if (w->days == 0x7f && w->minute_from == w->minute_until) {
        return true;
    }

    return wide->zone == narrow->zone && (n->days & ~w->days) == 0
           && (w->minute_from == w->minute_until
               || (w->minute_from == n->minute_from
                   && w->minute_until == n->minute_until));
}


/* Shown whenever its trigger and audience hold. */

static bool
is_unlimited(const onsite_campaign_t *campaign)
{
    return campaign->trigger.count == 1 && campaign->per == ONSITE_PER_NONE
           && campaign->stop_on == 0 && campaign->holdout == 0
           && campaign->coverage == 1;
}


static bool
shadows(const onsite_draft_t *above, const onsite_draft_t *below)
{
    return schedule_covers(&above->campaign, &below->campaign)
           && (!reads_time(above)
               || above->campaign.zone == below->campaign.zone)
           && covers(where_of(above), where_of(below))
           && covers(audience_of(above), audience_of(below));
}


/* By group, then event, then rank (drafts are in order of rank). */

static int
by_group(const void *a, const void *b)
{
    const onsite_draft_t  *x = *(const onsite_draft_t *const *) a;
    const onsite_draft_t  *y = *(const onsite_draft_t *const *) b;

    if (x->campaign.group != y->campaign.group) {
        return x->campaign.group < y->campaign.group ? -1 : 1;
    }

    if (x->campaign.trigger.event.ref != y->campaign.trigger.event.ref) {
        return x->campaign.trigger.event.ref < y->campaign.trigger.event.ref
               ? -1 : 1;
    }

    return x < y ? -1 : 1;
}


static bool
same_run(const onsite_draft_t *a, const onsite_draft_t *b)
{
    return a->campaign.group == b->campaign.group
           && a->campaign.trigger.event.ref == b->campaign.trigger.event.ref;
}


static void
warn_shadowed(const onsite_draft_t *above, const onsite_draft_t *below,
    onsite_lint_pt lint, void *data)
{
    onsite_definition_t  d;

    onsite_definition_init(&d, below->file, lint, data);
    onsite_definition_warn(&d, "group", "\"%.*s\" of %.*s is in the same"
                           " group, comes first and is always shown when this"
                           " one could be: raise this one's priority, or give"
                           " the other a frequency cap",
                           (int) above->id.len, above->id.data,
                           (int) above->file.len, above->file.data);
}


static void
lint_runs(const onsite_draft_t *const *list, size_t n, onsite_lint_pt lint,
    void *data)
{
    size_t                 i, j, n_above = 0;
    const onsite_draft_t  *above[SHADOWERS_MAX];

    for (i = 0; i < n; i++) {

        if (i != 0 && !same_run(list[i - 1], list[i])) {
            n_above = 0;
        }

        for (j = 0; j < n_above; j++) {
            if (shadows(above[j], list[i])) {
                warn_shadowed(above[j], list[i], lint, data);
                break;
            }
        }

        if (j == n_above && n_above < SHADOWERS_MAX
            && is_unlimited(&list[i]->campaign))
        {
            above[n_above++] = list[i];
        }
    }
}


onsite_status_t
onsite_drafts_lint(const onsite_draft_t *drafts, size_t n,
    onsite_lint_pt lint, void *data)
{
    size_t                  i, grouped = 0;
    const onsite_draft_t  **list;

    list = malloc((n + 1) * sizeof(list[0]));
    if (list == NULL) {
        return ONSITE_NO_MEMORY;
    }

    for (i = 0; i < n; i++) {
        if (drafts[i].campaign.group != 0
            && drafts[i].campaign.trigger.kind == ONSITE_TRIGGER_EVENT)
        {
            list[grouped++] = &drafts[i];
        }
    }

    qsort(list, grouped, sizeof(list[0]), by_group);
    lint_runs(list, grouped, lint, data);

    free(list);

    return ONSITE_OK;
}
