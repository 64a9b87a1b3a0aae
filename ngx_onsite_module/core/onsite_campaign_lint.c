/*
 * onsite_campaign_lint.c - warnings about one campaign: what can never
 * happen, and what was probably meant.
 */

#include "onsite_campaign_compile.h"
#include "onsite_template.h"
#include "onsite_visitor.h"


static void
lint_schedule(onsite_draft_reader_t *r)
{
    const onsite_schedule_t  *schedule = &r->draft->campaign.schedule;

    if (schedule->from >= schedule->until) {
        onsite_definition_warn(r->d, "schedule", "ends before it begins, so"
                               " the campaign can never fire: move \"from\""
                               " before \"until\"");

    } else if (schedule->until <= r->c->now) {
        onsite_definition_warn(r->d, "schedule.until", "is over, so the"
                               " campaign can never fire: move it, or say"
                               " \"enabled\": false");
    }
}


static void
lint_frequency(onsite_draft_reader_t *r)
{
    const onsite_campaign_t  *campaign = &r->draft->campaign;

    if (campaign->per != ONSITE_PER_NONE && campaign->cap == 0) {
        onsite_definition_warn(r->d, "frequency.cap", "is 0, so the campaign"
                               " is never shown: raise it, or say"
                               " \"enabled\": false");
    }

    if (campaign->per == ONSITE_PER_PAGE && campaign->cap > 1) {
        onsite_definition_warn(r->d, "frequency.cap", "a campaign is shown"
                               " at most once on a page, so %u per page is"
                               " the same as 1", campaign->cap);
    }

    if ((campaign->stop_on & ONSITE_STOP_GOAL) && campaign->goal.len == 0) {
        onsite_definition_warn(r->d, "frequency.stop_on", "\"goal\" never"
                               " stops a campaign that has no goal: add"
                               " \"goal\": {\"event\": ...}");
    }

    if (campaign->stop_on != 0 && campaign->per == ONSITE_PER_VISITOR
        && campaign->cap == 1)
    {
        onsite_definition_warn(r->d, "frequency.stop_on", "stops nothing: a"
                               " campaign that a visitor sees once is over"
                               " anyway");
    }
}


static void
lint_condition(onsite_draft_reader_t *r, const onsite_value_t *condition,
    onsite_scope_t scope)
{
    onsite_condition_lint(r, condition, scope);
    onsite_group_lint(r->d, condition, r->c->saved_groups);
}


/* Triggers are in triggers: steps of a sequence, `not`, `unless`, … */

void
onsite_trigger_lint(onsite_draft_reader_t *r, const onsite_value_t *trigger)
{
    size_t                 len;
    uint32_t               i;
    onsite_str_t           key;
    const onsite_value_t  *value;

    for (i = 0; trigger->type == ONSITE_ARRAY && i < trigger->len; i++) {
        len = onsite_definition_enter_item(r->d, i);
        onsite_trigger_lint(r, &trigger->as.items[i]);
        onsite_definition_leave(r->d, len);
    }

    for (i = 0; trigger->type == ONSITE_OBJECT && i < trigger->len; i++) {
        key = trigger->as.members[i].key;
        value = &trigger->as.members[i].value;
        len = onsite_definition_enter(r->d, key);

        if (onsite_str_eq(key, ONSITE_STR("where"))) {
            lint_condition(r, value, ONSITE_SCOPE_WHERE);

        } else if (onsite_str_eq(key, ONSITE_STR("if"))) {
            lint_condition(r, value, ONSITE_SCOPE_AUDIENCE);

        } else if (onsite_str_eq(key, ONSITE_STR("event"))
                   && value->type == ONSITE_STRING)
        {
            onsite_event_name_lint(r->d, NULL, onsite_value_str(value));

        } else {
            onsite_trigger_lint(r, value);
        }

        onsite_definition_leave(r->d, len);
    }
}


static void
lint_targeting(onsite_draft_reader_t *r)
{
    size_t                 len;
    const onsite_value_t  *trigger, *audience;

    trigger = onsite_definition_get(r->draft->definition, "trigger");
    audience = onsite_definition_get(r->draft->definition, "audience");

    if (trigger != NULL) {
        len = onsite_definition_enter(r->d, ONSITE_STR("trigger"));
        onsite_trigger_lint(r, trigger);
        onsite_definition_leave(r->d, len);
    }

    if (audience != NULL) {
        len = onsite_definition_enter(r->d, ONSITE_STR("audience"));
        lint_condition(r, audience, ONSITE_SCOPE_AUDIENCE);
        onsite_definition_leave(r->d, len);
    }
}


static void
lint_goal_and_hash(onsite_draft_reader_t *r)
{
    size_t                 len;
    onsite_str_t           path;
    const onsite_value_t  *goal, *hash;

    goal = onsite_definition_get(r->draft->definition, "goal");
    hash = onsite_definition_get(r->draft->definition, "hash");
    path = onsite_value_get_str(hash, ONSITE_STR("attribute"));

    if (goal != NULL) {
        onsite_event_name_lint(r->d, "goal.event",
                               onsite_value_get_str(goal,
                                                    ONSITE_STR("event")));
    }

    if (path.data != NULL) {
        len = onsite_definition_enter(r->d, ONSITE_STR("hash.attribute"));
        onsite_attribute_lint(r, path, ONSITE_SCOPE_AUDIENCE);
        onsite_definition_leave(r->d, len);
    }
}


/* Paths in a text's placeholders; of those in a section some are the
 * item's, which are not known here. */

static void
lint_path(void *data, onsite_str_t path, bool section)
{
    onsite_draft_reader_t  *r = data;

    if (!section && onsite_str_eq(path, ONSITE_STR("recommended"))) {
        onsite_definition_warn(r->d, NULL, "{{recommended}} is a list, shown"
                               " as its JSON: repeat what it holds with"
                               " {{#recommended}}...{{/recommended}}");
    }

    onsite_attribute_lint(r, path, ONSITE_SCOPE_AUDIENCE);
}


static void
lint_data(onsite_draft_reader_t *r, const onsite_value_t *data)
{
    size_t    len;
    uint32_t  i;

    if (data->type == ONSITE_STRING) {
        onsite_template_paths(onsite_value_str(data), lint_path, r);
    }

    for (i = 0; data->type == ONSITE_ARRAY && i < data->len; i++) {
        len = onsite_definition_enter_item(r->d, i);
        lint_data(r, &data->as.items[i]);
        onsite_definition_leave(r->d, len);
    }

    for (i = 0; data->type == ONSITE_OBJECT && i < data->len; i++) {
        len = onsite_definition_enter(r->d, data->as.members[i].key);
        lint_data(r, &data->as.members[i].value);
        onsite_definition_leave(r->d, len);
    }
}


static void
lint_content(onsite_draft_reader_t *r, const onsite_value_t *object)
{
    size_t                 len;
    const onsite_value_t  *content;

    content = onsite_definition_get(object, "content");

    if (content != NULL) {
        len = onsite_definition_enter(r->d, ONSITE_STR("content"));
        lint_data(r, content);
        onsite_definition_leave(r->d, len);
    }
}


static void
lint_webhook(onsite_draft_reader_t *r)
{
    onsite_str_t           endpoint;
    const onsite_value_t  *content, *definition = r->draft->definition;

    if (r->draft->campaign.channel != ONSITE_CHANNEL_WEBHOOK) {
        return;
    }

    content = onsite_definition_get(definition, "content");
    endpoint = onsite_value_get_str(definition, ONSITE_STR("endpoint"));

    if (r->draft->campaign.stop_on
        & (ONSITE_STOP_CLICKED | ONSITE_STOP_DISMISSED))
    {
        onsite_definition_warn(r->d, "frequency.stop_on", "a webhook is never"
                               " clicked or dismissed: \"goal\" can stop it");
    }

    if (onsite_definition_get(content, "html") != NULL) {
        onsite_definition_warn(r->d, "content.html", "is not sent: a webhook"
                               " sends content.data");
    }

    if (endpoint.len > 5 && memcmp(endpoint.data, "http:", 5) == 0) {
        onsite_definition_warn(r->d, "endpoint", "is this machine, without"
                               " encryption: for tests only");
    }
}


/* Whether every variant has its own content.<key>. */

static bool
all_have(const onsite_value_t *variants, const char *key)
{
    uint32_t  i;

    for (i = 0; i < variants->len; i++) {
        if (onsite_definition_get(onsite_definition_get(&variants->as.items[i],
                                                        "content"), key)
            == NULL)
        {
            return false;
        }
    }

    return true;
}


static void
lint_replaced(onsite_draft_reader_t *r, const onsite_value_t *variants,
    const char *key)
{
    size_t                 len;
    const onsite_value_t  *content;

    content = onsite_definition_get(r->draft->definition, "content");

    if (onsite_definition_get(content, key) != NULL
        && all_have(variants, key))
    {
        len = onsite_definition_enter(r->d, ONSITE_STR("content"));
        onsite_definition_warn(r->d, key, "is never shown: every variant has"
                               " its own");
        onsite_definition_leave(r->d, len);
    }
}


static void
lint_variants(onsite_draft_reader_t *r)
{
    size_t                 len, item;
    uint32_t               i;
    const onsite_value_t  *variants, *weight;

    lint_content(r, r->draft->definition);

    variants = onsite_definition_get(r->draft->definition, "variants");
    if (variants == NULL) {
        return;
    }

    lint_replaced(r, variants, "html");
    lint_replaced(r, variants, "data");

    len = onsite_definition_enter(r->d, ONSITE_STR("variants"));

    for (i = 0; i < variants->len; i++) {
        item = onsite_definition_enter_item(r->d, i);
        lint_content(r, &variants->as.items[i]);

        weight = onsite_definition_get(&variants->as.items[i], "weight");
        if (weight != NULL && weight->as.number == 0) {
            onsite_definition_warn(r->d, "weight", "is 0, so no one is given"
                                   " this variant: raise it, or remove the"
                                   " variant");
        }

        onsite_definition_leave(r->d, item);
    }

    onsite_definition_leave(r->d, len);
}


void
onsite_draft_lint(onsite_draft_reader_t *r)
{
    lint_schedule(r);
    lint_frequency(r);
    lint_targeting(r);
    lint_goal_and_hash(r);
    lint_webhook(r);
    lint_variants(r);
}
