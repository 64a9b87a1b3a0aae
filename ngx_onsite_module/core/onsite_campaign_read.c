/*
 * onsite_campaign_read.c - a campaign definition: who it is for, what
 * triggers it, how often it is shown.
 */

#include "onsite_machine_compile.h"
#include "onsite_bucket.h"
#include "onsite_visitor.h"

#define NAME_MAX_BYTES   256
#define GROUP_MAX_BYTES  128
#define PRIORITY_MAX     1000000
#define CAP_MAX          1000000

/* What a campaign may read to run without any state. */
#define CONTEXTUAL_ROOTS                                                      \
    (1u << ONSITE_ROOT_EVENT | 1u << ONSITE_ROOT_REQUEST                      \
     | 1u << ONSITE_ROOT_TIME | 1u << ONSITE_ROOT_PRODUCT)

static const char *const  campaign_keys[] = {
    "$schema", "id", "site", "name", "enabled", "priority", "schedule",
    "audience", "trigger", "frequency", "group", "channel", "slot",
    "endpoint", "content", "variants", "holdout", "goal", "fallback", "hash",
    "when", NULL
};


onsite_ref_t
onsite_draft_condition(onsite_draft_reader_t *r, const onsite_value_t *object,
    const char *key, onsite_scope_t scope)
{
    size_t                      len;
    uint32_t                    roots = 0;
    onsite_ref_t                program = 0;
    onsite_error_t              error;
    const onsite_value_t       *condition;
    onsite_condition_options_t  options;

    condition = onsite_definition_get(object, key);
    if (condition == NULL) {
        return 0;
    }

    if (condition->type != ONSITE_OBJECT) {
        onsite_definition_error(r->d, key, "must be an object");
        return 0;
    }

    if (condition->len == 0) {
        return 0;
    }

    len = onsite_definition_enter(r->d, onsite_str_of(key));

    options.scope = scope;
    options.zone = r->draft->campaign.zone;
    options.saved_groups = r->c->saved_groups;
    options.path = r->d->path;
    error.text[0] = '\0';

    if (onsite_condition_compile(r->b, condition, &options, &program, &roots,
                                 &error)
        != ONSITE_OK)
    {
        onsite_definition_adopt(r->d, error.text);
    }

    onsite_definition_leave(r->d, len);
    r->draft->roots |= roots;

    return program;
}


/* An edited trigger is another trigger: it starts counting anew. */

static uint32_t
hash_trigger(onsite_str_t id, const onsite_value_t *trigger)
{
    uint32_t      hash;
    onsite_buf_t  json;

    onsite_buf_init(&json, 0);

    if (trigger != NULL) {
        onsite_value_write_json(&json, trigger);
    }

    hash = onsite_fnv32a_add(onsite_fnv32a(id), onsite_str(json.data,
                                                           json.len));
    onsite_buf_free(&json);

    return hash;
}


void
onsite_draft_within(onsite_draft_reader_t *r, const onsite_value_t *object,
    uint32_t *out, int64_t *ms)
{
    const onsite_value_t  *within = onsite_definition_get(object, "within");

    *out = ONSITE_WITHIN_EVER;

    if (within == NULL) {
        return;
    }

    if (within->type == ONSITE_STRING
        && onsite_str_eq(onsite_value_str(within), ONSITE_STR("session")))
    {
        *out = ONSITE_WITHIN_SESSION;
        return;
    }

    if (onsite_definition_duration(r->d, object, "within", ms)) {
        *out = ONSITE_WITHIN_TIME;
    }
}


void
onsite_draft_event_name(onsite_draft_reader_t *r,
    const onsite_value_t *object, onsite_image_str_t *out)
{
    onsite_str_t  event = { 0, NULL };

    if (!onsite_definition_string(r->d, object, "event",
                                  ONSITE_EVENT_NAME_MAX, &event))
    {
        return;
    }

    if (event.data == NULL) {
        onsite_definition_error(r->d, "event", "is missing: name the event,"
                                " such as \"Product Viewed\"");
        return;
    }

    *out = onsite_builder_str(r->b, event);
}


static void
read_event_trigger(onsite_draft_reader_t *r, const onsite_value_t *object)
{
    int32_t                   count = 1;
    onsite_trigger_t         *trigger = &r->draft->campaign.trigger;
    static const char *const  keys[] = {
        "event", "where", "count", "within", NULL
    };

    (void) onsite_definition_keys(r->d, object, keys);
    (void) onsite_definition_integer(r->d, object, "count", 1,
                                     ONSITE_PROGRESS_TIMES_MAX + 1, &count);

    onsite_draft_event_name(r, object, &trigger->event);
    trigger->where = onsite_draft_condition(r, object, "where",
                                            ONSITE_SCOPE_WHERE);
    trigger->count = (uint32_t) count;
    onsite_draft_within(r, object, &trigger->within, &trigger->within_ms);
}


/* Each kind of trigger has a key of its own; what is none is taken as an
 * event's, which then says what is missing. */

static void
read_kind(onsite_draft_reader_t *r, const onsite_value_t *object)
{
    size_t  i, kind = 0, n = 0;

    static const struct {
        const char  *key;
        void       (*read)(onsite_draft_reader_t *r,
                           const onsite_value_t *object);
    } kinds[] = {
        { "event", read_event_trigger },
        { "sequence", onsite_draft_sequence },
        { "journey", onsite_draft_journey },
        { "inactive", onsite_draft_inactive }
    };

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (onsite_definition_get(object, kinds[i].key) != NULL) {
            kind = i;
            n++;
        }
    }

    if (n > 1) {
        onsite_definition_error(r->d, NULL, "must be one of event, sequence,"
                                " journey and inactive, not several");
        return;
    }

    kinds[kind].read(r, object);
}


static void
read_trigger(onsite_draft_reader_t *r)
{
    size_t                 len;
    onsite_trigger_t      *trigger = &r->draft->campaign.trigger;
    const onsite_value_t  *object;

    object = onsite_definition_get(r->draft->definition, "trigger");
    trigger->hash = hash_trigger(r->draft->id, object);
    trigger->count = 1;

    if (object == NULL) {
        trigger->event = onsite_builder_str(r->b, ONSITE_STR("Page Viewed"));
        return;
    }

    len = onsite_definition_enter(r->d, ONSITE_STR("trigger"));

    if (object->type == ONSITE_OBJECT) {
        read_kind(r, object);

    } else {
        onsite_definition_error(r->d, NULL, "must be an object such as"
                                " {\"event\": \"Page Viewed\"}");
    }

    onsite_definition_leave(r->d, len);
}


static void
read_targeting(onsite_draft_reader_t *r)
{
    r->draft->campaign.audience = onsite_draft_condition(r,
                                      r->draft->definition, "audience",
                                      ONSITE_SCOPE_AUDIENCE);
    read_trigger(r);
}


static void
read_shorthand(onsite_draft_reader_t *r, const onsite_value_t *value)
{
    uint32_t                    which;
    onsite_campaign_t          *campaign = &r->draft->campaign;
    static const char *const    names[] = {
        "once", "once_per_session", "once_per_day", NULL
    };
    static const onsite_per_t   pers[] = {
        ONSITE_PER_VISITOR, ONSITE_PER_SESSION, ONSITE_PER_DAY
    };

    if (onsite_definition_choice(r->d, NULL, value, names, &which)) {
        campaign->per = (uint8_t) pers[which];
        campaign->cap = 1;
    }
}


static void
read_cap(onsite_draft_reader_t *r, const onsite_value_t *object)
{
    int32_t                   cap = 0;
    uint32_t                  which;
    onsite_campaign_t        *campaign = &r->draft->campaign;
    const onsite_value_t     *per;
    static const char *const  names[] = {
        "page", "session", "hour", "day", "week", "visitor", NULL
    };

    per = onsite_definition_get(object, "per");

    if ((per == NULL) != (onsite_definition_get(object, "cap") == NULL)) {
        onsite_definition_error(r->d, per == NULL ? "per" : "cap",
                                per == NULL
                                ? "is missing: say per what cap counts, such"
                                  " as \"session\""
                                : "is missing: say how often, such as 1");
        return;
    }

    if (per == NULL) {
        return;
    }

    (void) onsite_definition_integer(r->d, object, "cap", 0, CAP_MAX, &cap);
    campaign->cap = (uint32_t) cap;

    if (onsite_definition_choice(r->d, "per", per, names, &which)) {
        campaign->per = (uint8_t) (ONSITE_PER_PAGE + which);
    }
}


static void
read_stop_on(onsite_draft_reader_t *r, const onsite_value_t *stop_on)
{
    size_t                    len, item;
    uint32_t                  i, which;
    static const char *const  names[] = {
        "clicked", "dismissed", "goal", NULL
    };
    static const uint8_t      bits[] = {
        ONSITE_STOP_CLICKED, ONSITE_STOP_DISMISSED, ONSITE_STOP_GOAL
    };

    if (stop_on == NULL) {
        return;
    }

    if (stop_on->type != ONSITE_ARRAY) {
        onsite_definition_error(r->d, "stop_on", "must be a list such as"
                                " [\"clicked\", \"dismissed\"]");
        return;
    }

    len = onsite_definition_enter(r->d, ONSITE_STR("stop_on"));

    for (i = 0; i < stop_on->len; i++) {
        item = onsite_definition_enter_item(r->d, i);

        if (onsite_definition_choice(r->d, NULL, &stop_on->as.items[i], names,
                                     &which))
        {
            if (r->draft->campaign.stop_on & bits[which]) {
                onsite_definition_error(r->d, NULL, "given twice: keep one");
            }
            r->draft->campaign.stop_on |= bits[which];
        }

        onsite_definition_leave(r->d, item);
    }

    onsite_definition_leave(r->d, len);
}


static void
read_goal(onsite_draft_reader_t *r)
{
    size_t                    len;
    onsite_campaign_t        *campaign = &r->draft->campaign;
    const onsite_value_t     *goal;
    static const char *const  keys[] = { "event", "within", NULL };

    goal = onsite_definition_get(r->draft->definition, "goal");
    if (goal == NULL) {
        return;
    }

    len = onsite_definition_enter(r->d, ONSITE_STR("goal"));

    if (onsite_definition_keys(r->d, goal, keys)) {
        campaign->goal_ms = ONSITE_DURATION_MAX;
        onsite_draft_event_name(r, goal, &campaign->goal);
        (void) onsite_definition_duration(r->d, goal, "within",
                                          &campaign->goal_ms);
    }

    onsite_definition_leave(r->d, len);
}


static void
read_frequency(onsite_draft_reader_t *r)
{
    size_t                    len;
    const onsite_value_t     *frequency;
    static const char *const  keys[] = { "cap", "per", "stop_on", NULL };

    frequency = onsite_definition_get(r->draft->definition, "frequency");

    if (frequency != NULL) {
        len = onsite_definition_enter(r->d, ONSITE_STR("frequency"));

        if (frequency->type == ONSITE_STRING) {
            read_shorthand(r, frequency);

        } else if (onsite_definition_keys(r->d, frequency, keys)) {
            read_cap(r, frequency);
            read_stop_on(r, onsite_definition_get(frequency, "stop_on"));
        }

        onsite_definition_leave(r->d, len);
    }

    read_goal(r);
}


static void
read_site(onsite_draft_reader_t *r, const onsite_value_t *definition)
{
    onsite_str_t  site = ONSITE_STR("default");

    if (onsite_definition_string(r->d, definition, "site", ONSITE_ID_MAX,
                                 &site)
        && !onsite_str_eq(site, r->c->site))
    {
        onsite_definition_error(r->d, "site", "is \"%.*s\", but the campaigns"
                                " of site \"%.*s\" are being built",
                                (int) site.len, site.data,
                                (int) r->c->site.len, r->c->site.data);
    }
}


void
onsite_draft_common(onsite_draft_reader_t *r,
    const onsite_value_t *definition, onsite_str_t *name)
{
    onsite_str_t  schema;

    read_site(r, definition);

    (void) onsite_definition_string(r->d, definition, "$schema", 2048,
                                    &schema);
    (void) onsite_definition_string(r->d, definition, "name",
                                    NAME_MAX_BYTES, name);
}


static void
read_description(onsite_draft_reader_t *r)
{
    int32_t                priority = 0;
    onsite_str_t           name = { 0, NULL }, group = { 0, NULL };
    onsite_campaign_t     *campaign = &r->draft->campaign;
    const onsite_value_t  *definition = r->draft->definition;

    onsite_draft_common(r, definition, &name);

    (void) onsite_definition_string(r->d, definition, "group",
                                    GROUP_MAX_BYTES, &group);
    (void) onsite_definition_integer(r->d, definition, "priority",
                                     -PRIORITY_MAX, PRIORITY_MAX, &priority);

    campaign->hash = onsite_campaign_hash(r->draft->id);
    campaign->id = onsite_builder_str(r->b, r->draft->id);
    campaign->priority = priority;

    if (name.data != NULL) {
        campaign->name = onsite_builder_str(r->b, name);
    }

    if (group.data != NULL) {
        campaign->group = onsite_builder_group(r->b, group);
    }
}


void
onsite_draft_read(onsite_draft_reader_t *r)
{
    onsite_campaign_t  *campaign = &r->draft->campaign;

    (void) onsite_definition_keys(r->d, r->draft->definition, campaign_keys);

    read_description(r);
    onsite_draft_schedule(r);
    read_targeting(r);
    read_frequency(r);
    onsite_draft_channel(r);
    onsite_draft_variants(r);
    onsite_draft_when(r);

    if ((r->draft->roots & ~CONTEXTUAL_ROOTS) == 0
        && campaign->trigger.kind == ONSITE_TRIGGER_EVENT
        && campaign->trigger.count == 1
        && campaign->per <= ONSITE_PER_PAGE && campaign->stop_on == 0)
    {
        campaign->flags |= ONSITE_CAMPAIGN_CONTEXTUAL;
    }
}
