/*
 * onsite_campaign_compile.h - the rooms of the campaign compiler among
 * themselves.
 */

#ifndef ONSITE_CAMPAIGN_COMPILE_H
#define ONSITE_CAMPAIGN_COMPILE_H

#include "onsite_condition.h"
#include "onsite_definition.h"

/* A time zone that some campaign names. */
typedef struct {
    onsite_str_t                name;
    uint32_t                    index;      /* in the image                */
    size_t                      n;
    const onsite_transition_t  *transitions;
} onsite_compile_zone_t;

#define ONSITE_COMPILE_ZONES_MAX  1024

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
} onsite_compiler_t;

/* One campaign on its way into the image. */
typedef struct {
    onsite_campaign_t      campaign;
    const onsite_value_t  *definition;
    onsite_str_t           file;
    onsite_str_t           id;
    bool                   enabled;
    uint32_t               roots;           /* bits: what it reads         */
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
void onsite_draft_targeting(onsite_draft_reader_t *r);
void onsite_draft_frequency(onsite_draft_reader_t *r);
void onsite_draft_content(onsite_draft_reader_t *r);
void onsite_draft_variants(onsite_draft_reader_t *r);

/* Warnings about one campaign that was read without error. */
void onsite_draft_lint(onsite_draft_reader_t *r);

/* Of that: warnings about one condition, at the reader's current path. */
void onsite_condition_lint(onsite_definition_t *d,
    const onsite_value_t *condition, onsite_scope_t scope);

/* And about the saved groups that it names and that are not among groups
 * (NULL: there are none). */
void onsite_group_lint(onsite_definition_t *d,
    const onsite_value_t *condition, const onsite_value_t *groups);

/* Warns about an attribute path that no value can have. */
void onsite_attribute_lint(onsite_definition_t *d, onsite_str_t path,
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

/*
 * An instant in RFC 3339 ("2026-01-31T08:00:00+01:00"), or without an offset
 * in the given zone (NULL: UTC); seconds may be left out, a date alone is its
 * midnight.  A local time that a clock change skips is taken as if the clock
 * had not changed yet; of one that comes twice, the first.
 */
onsite_status_t onsite_instant_read(onsite_str_t text,
    const onsite_compile_zone_t *zone, onsite_ms_t *ms);

#endif
