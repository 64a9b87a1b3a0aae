/*
 * onsite_site_compile.c - the site file, and what the image says of
 * attributes that campaigns read: affinities and traits to keep.
 */

#include "onsite_campaign_compile.h"

#include <stdlib.h>

#define TOUCHES             4
#define TOUCHES_NOT_SAID  (-1)
#define WEIGHTS_MAX        64

/* What an event says of interest where the site file does not. */
static const struct {
    const char  *event;
    double       weight;
} defaults[] = {
    { "Product Viewed", 1 },
    { "Product Added", 3 },
    { "Order Completed", 5 },
    { "Product List Viewed", 1 },
    { "Product Clicked", 1 }
};

#define N_DEFAULTS  (sizeof(defaults) / sizeof(defaults[0]))


static void
default_weights(onsite_builder_t *b, onsite_affinity_rule_t *rule)
{
    size_t                     i;
    onsite_ref_t               ref;
    onsite_image_str_t         event;
    onsite_affinity_weight_t  *weights;

    ref = onsite_builder_alloc(b, N_DEFAULTS * sizeof(*weights));

    for (i = 0; i < N_DEFAULTS && ref != 0; i++) {
        event = onsite_builder_str(b, onsite_str(defaults[i].event,
                                                 strlen(defaults[i].event)));
        weights = onsite_builder_at(b, ref);
        weights[i].event = event;
        weights[i].weight = defaults[i].weight;
    }

    rule->weights = ref;
    rule->n_weights = N_DEFAULTS;
}


static void
default_rule(onsite_builder_t *b, onsite_str_t name,
    onsite_affinity_rule_t *rule)
{
    memset(rule, 0, sizeof(*rule));

    rule->name = onsite_builder_str(b, name);
    rule->hash = onsite_affinity_hash(name);
    rule->property = rule->name;
    rule->half_life_ms = ONSITE_AFFINITY_HALF_LIFE;
}


static const onsite_draft_rule_t *
find_rule(const onsite_compiler_t *c, onsite_str_t name)
{
    uint32_t  i;

    for (i = 0; i < c->n_rules; i++) {
        if (c->rules[i].rule.hash == onsite_affinity_hash(name)) {
            return &c->rules[i];
        }
    }

    return NULL;
}


static bool
check_weight(onsite_draft_reader_t *r, const onsite_value_t *events,
    const onsite_member_t *member)
{
    double  weight = member->value.type == ONSITE_NUMBER
                     ? member->value.as.number : 0;

    if (member->key.len == 0 || member->key.len > ONSITE_EVENT_NAME_MAX
        || !(weight >= ONSITE_AFFINITY_WEIGHT_MIN
             && weight <= ONSITE_AFFINITY_WEIGHT_MAX)
        || onsite_value_get(events, member->key) != &member->value)
    {
        onsite_definition_error(r->d, NULL, "must be an event's name, once,"
                                " with a weight from %g to %g",
                                (double) ONSITE_AFFINITY_WEIGHT_MIN,
                                (double) ONSITE_AFFINITY_WEIGHT_MAX);
        return false;
    }

    onsite_event_name_lint(r->d, NULL, member->key);

    return true;
}


static void
read_weights(onsite_draft_reader_t *r, const onsite_value_t *events,
    onsite_affinity_rule_t *rule)
{
    size_t                     len, key;
    uint32_t                   i;
    onsite_ref_t               ref;
    const onsite_member_t     *member;
    onsite_affinity_weight_t   one, *weights;

    if (events->type != ONSITE_OBJECT || events->len == 0
        || events->len > WEIGHTS_MAX)
    {
        onsite_definition_error(r->d, "events", "must be an object of 1 to %d"
                                " events and their weights such as"
                                " {\"Product Viewed\": 1}", WEIGHTS_MAX);
        return;
    }

    ref = onsite_builder_alloc(r->b, events->len * sizeof(one));
    len = onsite_definition_enter(r->d, ONSITE_STR("events"));

    for (i = 0; i < events->len && ref != 0; i++) {
        member = &events->as.members[i];
        key = onsite_definition_enter(r->d, member->key);

        if (check_weight(r, events, member)) {
            one.event = onsite_builder_str(r->b, member->key);
            one.weight = member->value.as.number;

            weights = onsite_builder_at(r->b, ref);
            weights[i] = one;
        }

        onsite_definition_leave(r->d, key);
    }

    onsite_definition_leave(r->d, len);
    rule->weights = ref;
    rule->n_weights = events->len;
}


static void
read_rule(onsite_draft_reader_t *r, onsite_str_t name,
    const onsite_value_t *object)
{
    onsite_str_t              property = { 0, NULL };
    onsite_draft_rule_t       draft;
    const onsite_value_t     *events;
    static const char *const  keys[] = {
        "half_life", "events", "property", NULL
    };

    if (!onsite_definition_keys(r->d, object, keys)) {
        return;
    }

    draft.name = name;
    default_rule(r->b, name, &draft.rule);

    (void) onsite_definition_duration(r->d, object, "half_life",
                                      &draft.rule.half_life_ms);

    if (draft.rule.half_life_ms < ONSITE_AFFINITY_HALF_LIFE_MIN
        || draft.rule.half_life_ms > ONSITE_AFFINITY_HALF_LIFE_MAX)
    {
        onsite_definition_error(r->d, "half_life", "must be from a second to"
                                " ten years");
    }

    (void) onsite_definition_string(r->d, object, "property",
                                    ONSITE_CAMPAIGN_ID_MAX, &property);

    if (property.data != NULL) {
        draft.rule.property = onsite_builder_str(r->b, property);
    }

    events = onsite_definition_get(object, "events");

    if (events != NULL) {
        read_weights(r, events, &draft.rule);

    } else {
        default_weights(r->b, &draft.rule);
    }

    r->c->rules[r->c->n_rules++] = draft;
}


/* Names stand in paths: affinity.<name>. */

static bool
check_name(onsite_draft_reader_t *r, onsite_str_t name)
{
    if (!onsite_draft_id_valid(name) || memchr(name.data, '.', name.len)) {
        onsite_definition_error(r->d, NULL, "must be called by 1 to 64"
                                " letters, digits, '_' or '-': conditions"
                                " read affinity.<name>");
        return false;
    }

    if (find_rule(r->c, name) != NULL) {
        onsite_definition_error(r->d, NULL, "is there twice, or has the same"
                                " hash as another: keep or rename one");
        return false;
    }

    if (r->c->n_rules == ONSITE_AFFINITIES_MAX) {
        onsite_definition_error(r->d, NULL, "is one too many: at most %d are"
                                " kept", ONSITE_AFFINITIES_MAX);
        return false;
    }

    return true;
}


static void
read_rules(onsite_draft_reader_t *r, const onsite_value_t *rules)
{
    size_t    len, key;
    uint32_t  i;

    if (rules->type != ONSITE_OBJECT) {
        onsite_definition_error(r->d, "affinities", "must be an object such"
                                " as {\"category\": {\"half_life\":"
                                " \"14d\"}}");
        return;
    }

    len = onsite_definition_enter(r->d, ONSITE_STR("affinities"));

    for (i = 0; i < rules->len; i++) {
        key = onsite_definition_enter(r->d, rules->as.members[i].key);

        if (check_name(r, rules->as.members[i].key)) {
            read_rule(r, rules->as.members[i].key,
                      &rules->as.members[i].value);
        }

        onsite_definition_leave(r->d, key);
    }

    onsite_definition_leave(r->d, len);
}


void
onsite_site_read(onsite_draft_reader_t *r)
{
    int32_t                   touches = TOUCHES_NOT_SAID;
    onsite_str_t              name;
    const onsite_value_t     *rules, *definition = r->draft->definition;
    static const char *const  keys[] = {
        "$schema", "site", "name", "affinities", "touches", "locales",
        "currency", NULL
    };

    (void) onsite_definition_keys(r->d, definition, keys);
    onsite_draft_common(r, definition, &name);

    if (r->c->site_file.data != NULL) {
        onsite_definition_error(r->d, NULL, "%.*s is the file of this site,"
                                " too: keep one", (int) r->c->site_file.len,
                                r->c->site_file.data);
        return;
    }

    r->c->site_file = r->draft->file;

    (void) onsite_definition_integer(r->d, definition, "touches", 0,
                                     ONSITE_TOUCHES_MAX, &touches);
    r->c->touches = touches;
    onsite_site_money(r);

    rules = onsite_definition_get(definition, "affinities");

    if (rules != NULL) {
        read_rules(r, rules);
    }
}


/* A key of a slot's path; good until the builder grows. */

static onsite_str_t
slot_key(onsite_builder_t *b, const onsite_slot_t *slot, uint32_t i)
{
    const onsite_image_str_t  *keys = onsite_builder_at(b, slot->keys);

    return onsite_str(onsite_builder_at(b, keys[i].ref), keys[i].len);
}


/* Affinities that something reads and the site file does not name; false:
 * they are more than are kept. */

static bool
add_rules(onsite_compiler_t *c)
{
    size_t                i, n;
    onsite_str_t          name;
    onsite_draft_rule_t  *rule;
    const onsite_slot_t  *slots = onsite_builder_slots(c->b, &n);

    for (i = 0; i < n; i++) {

        if (slots[i].root != ONSITE_ROOT_AFFINITY || slots[i].n_keys == 0) {
            continue;
        }

        name = slot_key(c->b, &slots[i], 0);

        if (!onsite_draft_id_valid(name) || find_rule(c, name) != NULL) {
            continue;
        }

        if (c->n_rules == ONSITE_AFFINITIES_MAX) {
            return false;
        }

        rule = &c->rules[c->n_rules++];
        rule->name = onsite_arena_copy(c->arena, name);
        default_rule(c->b, rule->name, &rule->rule);
        default_weights(c->b, &rule->rule);
    }

    return true;
}


static int
by_rule_name(const void *a, const void *b)
{
    const onsite_draft_rule_t  *x = a, *y = b;

    return onsite_str_compare(x->name, y->name);
}


static int
by_name(const void *a, const void *b)
{
    return onsite_str_compare(*(const onsite_str_t *) a,
                              *(const onsite_str_t *) b);
}


static onsite_ref_t
write_rules(onsite_compiler_t *c)
{
    uint32_t                 i;
    onsite_ref_t             ref;
    onsite_affinity_rule_t  *rules;

    qsort(c->rules, c->n_rules, sizeof(c->rules[0]), by_rule_name);

    ref = onsite_builder_alloc(c->b, c->n_rules * sizeof(*rules));

    if (ref != 0) {
        rules = onsite_builder_at(c->b, ref);

        for (i = 0; i < c->n_rules; i++) {
            rules[i] = c->rules[i].rule;
        }
    }

    return ref;
}


/* Traits that something reads, each once, in order; NULL: out of memory. */

static onsite_str_t *
list_traits(onsite_compiler_t *c, size_t *n_traits)
{
    size_t                i, n, kept = 0;
    onsite_str_t         *names;
    const onsite_slot_t  *slots = onsite_builder_slots(c->b, &n);

    names = malloc((n + 1) * sizeof(names[0]));
    if (names == NULL) {
        return NULL;
    }

    *n_traits = 0;

    for (i = 0; i < n; i++) {
        if (slots[i].root == ONSITE_ROOT_VISITOR && slots[i].n_keys == 2
            && onsite_str_eq(slot_key(c->b, &slots[i], 0),
                             ONSITE_STR("traits")))
        {
            names[(*n_traits)++] = slot_key(c->b, &slots[i], 1);
        }
    }

    qsort(names, *n_traits, sizeof(names[0]), by_name);

    for (i = 0; i < *n_traits; i++) {
        if (kept == 0 || !onsite_str_eq(names[kept - 1], names[i])) {
            names[kept++] = names[i];
        }
    }

    *n_traits = kept;

    return names;
}


/* The names are interned before anything is allocated: what is known of a
 * string does not move. */

static bool
write_traits(onsite_compiler_t *c, onsite_ref_t *ref, uint32_t *n_traits)
{
    size_t               i, n = 0;
    onsite_str_t        *names;
    onsite_image_str_t  *traits, *interned;

    names = list_traits(c, &n);
    interned = malloc((n + 1) * sizeof(interned[0]));

    if (names == NULL || interned == NULL) {
        free(names);
        free(interned);
        return false;
    }

    for (i = 0; i < n; i++) {
        interned[i] = onsite_builder_str(c->b, names[i]);
    }

    *ref = n != 0 ? onsite_builder_alloc(c->b, n * sizeof(interned[0])) : 0;
    *n_traits = (uint32_t) n;

    if (*ref != 0) {
        traits = onsite_builder_at(c->b, *ref);
        memcpy(traits, interned, n * sizeof(interned[0]));
    }

    free(names);
    free(interned);

    return !onsite_builder_failed(c->b);
}


/* Without a word of it, only what something reads is kept. */

static uint32_t
kept_touches(onsite_compiler_t *c)
{
    size_t                i, n;
    const onsite_slot_t  *slots = onsite_builder_slots(c->b, &n);

    if (c->site_file.data != NULL && c->touches != TOUCHES_NOT_SAID) {
        return (uint32_t) c->touches;
    }

    for (i = 0; i < n; i++) {
        if (slots[i].root == ONSITE_ROOT_ORIGIN) {
            return TOUCHES;
        }
    }

    return 0;
}


onsite_status_t
onsite_site_build(onsite_compiler_t *c)
{
    uint32_t                n_traits;
    onsite_ref_t            rules = 0, traits, prices;
    onsite_status_t         status;
    onsite_image_header_t  *header;

    if (!add_rules(c)) {
        return ONSITE_LIMIT;
    }

    if (c->n_rules != 0) {
        rules = write_rules(c);
    }

    if (!write_traits(c, &traits, &n_traits)) {
        return ONSITE_NO_MEMORY;
    }

    status = onsite_prices_build(&c->prices, c->b, &prices);
    if (status != ONSITE_OK) {
        return status == ONSITE_LIMIT ? ONSITE_NO_MEMORY : status;
    }

    header = onsite_builder_at(c->b, 0);
    header->prices = prices;
    header->affinities = rules;
    header->n_affinities = c->n_rules;
    header->traits = traits;
    header->n_traits = n_traits;
    header->touches = kept_touches(c);

    return ONSITE_OK;
}
