/*
 * onsite_campaign_compile.h - the rooms of the campaign compiler among
 * themselves.
 */

#ifndef ONSITE_CAMPAIGN_COMPILE_H
#define ONSITE_CAMPAIGN_COMPILE_H

#include "onsite_affinity.h"
#include "onsite_condition.h"
#include "onsite_definition.h"
#include "onsite_machine.h"
#include "onsite_segment.h"

/* A time zone that some campaign names. */
typedef struct {
    onsite_str_t                name;
    uint32_t                    index;      /* in the image                */
    size_t                      n;
    const onsite_transition_t  *transitions;
} onsite_compile_zone_t;

#define ONSITE_COMPILE_ZONES_MAX  1024

/* Machines so far, and the edges of all (onsite_machine_compile.h). */
typedef struct {
    onsite_machine_t         machine;
    onsite_machine_state_t  *states;        /* in the arena                */
    onsite_str_t             file;
} onsite_draft_machine_t;

typedef struct {
    onsite_image_str_t       event;         /* len 0: every one            */
    onsite_machine_edge_t    edge;
} onsite_draft_edge_t;

typedef struct {
    onsite_draft_machine_t  *list;
    uint32_t                 n;
    uint32_t                 capacity;
    onsite_draft_edge_t     *edges;
    uint32_t                 n_edges;
    uint32_t                 n_added;       /* edges of machines in list   */
    uint32_t                 edge_capacity;
    bool                     failed;        /* out of memory               */
} onsite_machines_t;

/* A journey, also a disabled one: what campaigns and attributes may name. */
typedef struct {
    onsite_str_t             id;
    onsite_str_t             file;
    const onsite_value_t    *definition;
    bool                     enabled;
    uint32_t                 machine;
    uint32_t                 n;
    onsite_str_t            *names;         /* of its n states             */
} onsite_draft_journey_t;

/* Segments and what the site file says. */
typedef struct {
    onsite_str_t             id;
    onsite_str_t             file;
    onsite_segment_t         segment;
} onsite_draft_segment_t;

typedef struct {
    onsite_affinity_rule_t   rule;
    onsite_str_t             name;
} onsite_draft_rule_t;

/* One run of the compiler. */
typedef struct {
    onsite_builder_t       *b;
    onsite_builder_t       *scratch;        /* for disabled campaigns      */
    onsite_arena_t         *arena;
    const onsite_zones_t   *zones;
    const onsite_value_t   *saved_groups;
    onsite_str_t            site;
    onsite_ms_t             now;
    size_t                  n_zones;
    onsite_compile_zone_t   known[ONSITE_COMPILE_ZONES_MAX];
    onsite_machines_t       machines;
    onsite_draft_journey_t *journeys;
    uint32_t                n_journeys;
    onsite_draft_segment_t *segments;
    uint32_t                n_segments;
    onsite_draft_rule_t     rules[ONSITE_AFFINITIES_MAX];
    uint32_t                n_rules;
    int32_t                 touches;
    onsite_str_t            site_file;      /* data NULL: there is none    */
    onsite_prices_t         prices;
} onsite_compiler_t;

/* One campaign on its way into the image. */
typedef struct {
    onsite_campaign_t      campaign;
    const onsite_value_t  *definition;
    onsite_str_t           file;
    onsite_str_t           id;
    bool                   enabled;
    uint32_t               roots;           /* bits: what it reads         */
    uint32_t               state;           /* of its machine: entering it
                                               triggers the campaign       */
} onsite_draft_t;

/* What a reader of one part works with. */
typedef struct {
    onsite_compiler_t            *c;
    onsite_definition_t          *d;
    onsite_builder_t             *b;        /* the image's, or scratch     */
    onsite_draft_t               *draft;
    const onsite_compile_zone_t  *zone;     /* NULL: UTC                   */
    bool                          shows;    /* channel and content were
                                               understood: what is missing
                                               can be said                 */
} onsite_draft_reader_t;

/* Ids of campaigns and variants. */
bool onsite_draft_id_valid(onsite_str_t id);
#define ONSITE_DRAFT_ID_RULE                                                  \
    "must be 1 to 64 letters, digits, '_', '.' or '-', the first of them a"   \
    " letter or digit"

/* Reads a whole definition; errors are counted in r->d. */
void onsite_draft_read(onsite_draft_reader_t *r);

/* Parts of it, in this order: later ones use the zone. */
void onsite_draft_schedule(onsite_draft_reader_t *r);
void onsite_draft_channel(onsite_draft_reader_t *r);
void onsite_draft_variants(onsite_draft_reader_t *r);
void onsite_draft_when(onsite_draft_reader_t *r);

/* The condition under key, compiled; 0 when there is none.  Adds the roots
 * that it reads to the draft's. */
onsite_ref_t onsite_draft_condition(onsite_draft_reader_t *r,
    const onsite_value_t *object, const char *key, onsite_scope_t scope);

/* "within": a window as onsite_within_t. */
void onsite_draft_within(onsite_draft_reader_t *r,
    const onsite_value_t *object, uint32_t *within, int64_t *ms);

/* The name under "event", which has to be there; len 0 after an error. */
void onsite_draft_event_name(onsite_draft_reader_t *r,
    const onsite_value_t *object, onsite_image_str_t *out);

/* What all kinds of files have: $schema, site, name. */
void onsite_draft_common(onsite_draft_reader_t *r,
    const onsite_value_t *definition, onsite_str_t *name);

/* The "id" of a file of some kind ("journey"); false after an error. */
bool onsite_draft_id(onsite_draft_reader_t *r, const char *kind,
    onsite_str_t *id);

/* Whole files of the other kinds: as draft's definition. */
void onsite_journey_read(onsite_draft_reader_t *r);
void onsite_segment_read(onsite_draft_reader_t *r);
void onsite_site_read(onsite_draft_reader_t *r);

/* NULL: there is none of the id. */
const onsite_draft_journey_t *onsite_journey_find(const onsite_compiler_t *c,
    onsite_str_t id);

/* The id that was probably meant; len 0: none. */
onsite_str_t onsite_journey_nearest(const onsite_compiler_t *c,
    onsite_str_t id);

/* Write segments; affinities, traits and touches, as slots of the image need
 * them. */
onsite_status_t onsite_segments_build(onsite_compiler_t *c);
onsite_status_t onsite_site_build(onsite_compiler_t *c);

/* What the site file says of locales and of its currency. */
void onsite_site_money(onsite_draft_reader_t *r);

/* Warnings about one campaign that was read without error. */
void onsite_draft_lint(onsite_draft_reader_t *r);

/* And about a journey; all journeys have been read. */
void onsite_journey_lint(onsite_draft_reader_t *r);

/* About events and conditions of a trigger of any kind, or a move of a
 * journey. */
void onsite_trigger_lint(onsite_draft_reader_t *r,
    const onsite_value_t *trigger);

/* Of that: warnings about one condition, at the reader's current path. */
void onsite_condition_lint(onsite_draft_reader_t *r,
    const onsite_value_t *condition, onsite_scope_t scope);

/* And about the saved groups that it names and that are not among groups
 * (NULL: there are none). */
void onsite_group_lint(onsite_definition_t *d,
    const onsite_value_t *condition, const onsite_value_t *groups);

/* Warns about an attribute path that no value can have. */
void onsite_attribute_lint(onsite_draft_reader_t *r, onsite_str_t path,
    onsite_scope_t scope);

/* Warns about an event name that is a slip away from one of every shop's. */
void onsite_event_name_lint(onsite_definition_t *d, const char *key,
    onsite_str_t name);

/* "visitor.counts.Login" → root and keys below it, as GrowthBook's getPath
 * splits; ONSITE_ROOTS when the scope knows no such root.  At most max keys;
 * returns how many. */
size_t onsite_attribute_split(onsite_str_t path, onsite_scope_t scope,
    onsite_root_t *root, onsite_str_t *keys, size_t max);

/* Warnings about campaigns together; drafts are in order of rank. */
onsite_status_t onsite_drafts_lint(const onsite_draft_t *drafts, size_t n,
    onsite_lint_pt lint, void *data);

#endif
