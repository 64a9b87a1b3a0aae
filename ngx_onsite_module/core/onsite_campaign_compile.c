/*
 * onsite_campaign_compile.c - campaign files into a finished image.
 */

#include "onsite_machine_compile.h"
#include "onsite_index.h"

#include <stdlib.h>

#define ARENA_CHUNK  (64 * 1024)
#define ARENA_MAX    (256 * 1024 * 1024)

/* Ids seen so far, by hash: two of one hash cannot live on one site. */
typedef struct {
    uint32_t         mask;
    uint32_t        *cells;             /* draft + 1; 0: free              */
    onsite_draft_t  *drafts;
} ids_t;

/* All that one run holds. */
typedef struct {
    onsite_compiler_t                compiler;
    const onsite_campaign_source_t  *sources;
    size_t                           n;
    size_t                           n_drafts;  /* campaign files          */
    onsite_lint_pt                   lint;
    void                            *lint_data;
    onsite_draft_t                  *drafts;
    size_t                           n_live;    /* drafts to be compiled in */
    ids_t                            ids;
    uint32_t                         errors;
    uint32_t                         bad_files;
} run_t;


static bool
has(const onsite_campaign_source_t *source, const char *key)
{
    return onsite_definition_get(source->definition, key) != NULL;
}


/* Without `states`, but with what only journeys have, or nearly `states`. */

static bool
is_nearly_journey(const onsite_campaign_source_t *source)
{
    uint32_t                   i;
    onsite_str_t               key;
    static const char *const   names[] = { "states", NULL };
    const onsite_value_t      *definition = source->definition;

    if (has(source, "start") || has(source, "moved")) {
        return true;
    }

    if (definition == NULL || definition->type != ONSITE_OBJECT) {
        return false;
    }

    for (i = 0; i < definition->len; i++) {
        key = definition->as.members[i].key;

        if (onsite_definition_nearest(key, names) != NULL) {
            return true;
        }
    }

    return false;
}


onsite_file_kind_t
onsite_file_kind(const onsite_campaign_source_t *source)
{
    size_t        len;
    onsite_str_t  name = source->file;

    for (len = name.len; len > 0 && name.data[len - 1] != '/'; len--) {
        /* void */
    }

    name = onsite_str(name.data + len, name.len - len);

    if (has(source, "states")) {
        return ONSITE_FILE_JOURNEY;
    }

    if (onsite_str_eq(name, ONSITE_STR("site.json"))) {
        return ONSITE_FILE_SITE;
    }

    if (has(source, "trigger") || has(source, "channel")) {
        return ONSITE_FILE_CAMPAIGN;
    }

    if (has(source, "condition")) {
        return ONSITE_FILE_SEGMENT;
    }

    if (has(source, "affinities") || has(source, "touches")
        || has(source, "locales"))
    {
        return ONSITE_FILE_SITE;
    }

    return is_nearly_journey(source) ? ONSITE_FILE_JOURNEY
                                     : ONSITE_FILE_CAMPAIGN;
}


static bool
is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9');
}


bool
onsite_draft_id_valid(onsite_str_t id)
{
    size_t  i;

    if (id.len == 0 || id.len > ONSITE_CAMPAIGN_ID_MAX
        || !is_alphanumeric(id.data[0]))
    {
        return false;
    }

    for (i = 1; i < id.len; i++) {
        if (!is_alphanumeric(id.data[i]) && id.data[i] != '_'
            && id.data[i] != '.' && id.data[i] != '-')
        {
            return false;
        }
    }

    return true;
}


static bool
ids_create(ids_t *ids, onsite_draft_t *drafts, size_t n)
{
    for (ids->mask = 63; ids->mask < 2 * n; ids->mask = ids->mask * 2 + 1) {
        /* void */
    }

    ids->drafts = drafts;
    ids->cells = calloc((size_t) ids->mask + 1, sizeof(uint32_t));

    return ids->cells != NULL;
}


/* The draft whose id has the same hash; when there is none, the given one
 * takes its place in the table. */

static const onsite_draft_t *
ids_add(ids_t *ids, onsite_draft_t *draft)
{
    uint32_t  at, hash;

    hash = onsite_campaign_hash(draft->id);

    for (at = hash & ids->mask; ids->cells[at] != 0;
         at = (at + 1) & ids->mask)
    {
        if (onsite_campaign_hash(ids->drafts[ids->cells[at] - 1].id)
            == hash)
        {
            return &ids->drafts[ids->cells[at] - 1];
        }
    }

    ids->cells[at] = (uint32_t) (draft - ids->drafts) + 1;

    return NULL;
}


bool
onsite_draft_id(onsite_draft_reader_t *r, const char *kind, onsite_str_t *id)
{
    if (!onsite_definition_string(r->d, r->draft->definition, "id", SIZE_MAX,
                                  id))
    {
        return false;
    }

    if (id->data == NULL) {
        onsite_definition_error(r->d, "id", "is missing: every %s needs one",
                                kind);
        return false;
    }

    if (!onsite_draft_id_valid(*id)) {
        onsite_definition_error(r->d, "id", ONSITE_DRAFT_ID_RULE);
        return false;
    }

    return true;
}


static bool
read_id(run_t *run, onsite_draft_reader_t *r)
{
    onsite_draft_t        *draft = r->draft;
    const onsite_draft_t  *other;

    if (!onsite_draft_id(r, "campaign", &draft->id)) {
        return false;
    }

    other = ids_add(&run->ids, draft);

    if (other == NULL) {
        return true;
    }

    if (onsite_str_eq(other->id, draft->id)) {
        onsite_definition_error(r->d, "id", "\"%.*s\" is also the id of %.*s:"
                                " rename one", (int) draft->id.len,
                                draft->id.data, (int) other->file.len,
                                other->file.data);
        return true;
    }

    onsite_definition_error(r->d, "id", "\"%.*s\" has the same hash as"
                            " \"%.*s\" of %.*s: rename one",
                            (int) draft->id.len, draft->id.data,
                            (int) other->id.len, other->id.data,
                            (int) other->file.len, other->file.data);
    return true;
}


static void
read_campaign(run_t *run, onsite_draft_reader_t *r)
{
    if (!read_id(run, r)) {
        r->draft->id = ONSITE_STR("unnamed");
    }

    onsite_draft_read(r);

    if (r->d->errors == 0) {
        onsite_draft_lint(r);
    }
}


static void
read_journey(run_t *run, onsite_draft_reader_t *r)
{
    (void) run;
    onsite_journey_read(r);
}


static void
read_segment(run_t *run, onsite_draft_reader_t *r)
{
    (void) run;
    onsite_segment_read(r);
}


static void
read_site(run_t *run, onsite_draft_reader_t *r)
{
    (void) run;
    onsite_site_read(r);
}


static void
lint_journey(run_t *run, onsite_draft_reader_t *r)
{
    (void) run;
    onsite_journey_lint(r);
}


typedef void (*read_pt)(run_t *run, onsite_draft_reader_t *r);


/* One file, which is draft's. */

static void
read_file(run_t *run, onsite_draft_t *draft, const char *kind, read_pt read)
{
    onsite_definition_t    d;
    onsite_draft_reader_t  r;

    onsite_definition_init(&d, draft->file, run->lint, run->lint_data);
    draft->enabled = true;

    if (draft->definition == NULL
        || draft->definition->type != ONSITE_OBJECT)
    {
        onsite_definition_error(&d, NULL, "a %s must be a JSON object", kind);

    } else {
        (void) onsite_definition_bool(&d, draft->definition, "enabled",
                                      &draft->enabled);

        r.c = &run->compiler;
        r.d = &d;
        r.b = draft->enabled ? run->compiler.b : run->compiler.scratch;
        r.draft = draft;
        r.zone = NULL;
        r.shows = false;
        d.quiet = !draft->enabled;

        read(run, &r);
    }

    run->errors += d.errors;
    run->bad_files += d.errors != 0;
}


static void
read_files(run_t *run, onsite_file_kind_t kind, const char *name,
    read_pt read)
{
    size_t          i;
    onsite_draft_t  draft, *kept;

    for (i = 0; i < run->n; i++) {

        if (onsite_file_kind(&run->sources[i]) != kind) {
            continue;
        }

        memset(&draft, 0, sizeof(draft));
        kept = kind == ONSITE_FILE_CAMPAIGN ? &run->drafts[run->n_drafts++]
                                            : &draft;
        kept->definition = run->sources[i].definition;
        kept->file = run->sources[i].file;

        read_file(run, kept, name, read);
    }
}


/* Journeys come first: campaigns name them. */

static void
read_all(run_t *run)
{
    /* templates write prices as the site file says */

    read_files(run, ONSITE_FILE_SITE, "site file", read_site);
    read_files(run, ONSITE_FILE_JOURNEY, "journey", read_journey);

    if (run->errors == 0) {
        read_files(run, ONSITE_FILE_JOURNEY, "journey", lint_journey);
    }

    read_files(run, ONSITE_FILE_CAMPAIGN, "campaign", read_campaign);
    read_files(run, ONSITE_FILE_SEGMENT, "segment", read_segment);

    if (run->errors == 0) {
        run->errors = onsite_machines_check(&run->compiler, run->lint,
                                            run->lint_data);
        run->bad_files += run->errors != 0;
    }
}


/* Highest priority first, then by id: the order of rank. */

static int
by_rank(const void *a, const void *b)
{
    int                    order;
    size_t                 len;
    const onsite_draft_t  *x = a, *y = b;

    if (x->campaign.priority != y->campaign.priority) {
        return x->campaign.priority > y->campaign.priority ? -1 : 1;
    }

    len = x->id.len < y->id.len ? x->id.len : y->id.len;
    order = memcmp(x->id.data, y->id.data, len);

    return order != 0 ? order : x->id.len < y->id.len ? -1 : 1;
}


static void
keep_enabled(run_t *run)
{
    size_t  i;

    run->n_live = 0;

    for (i = 0; i < run->n_drafts; i++) {
        if (run->drafts[i].enabled) {
            run->drafts[run->n_live++] = run->drafts[i];
        }
    }

    qsort(run->drafts, run->n_live, sizeof(onsite_draft_t), by_rank);
}


typedef struct {
    uint32_t  hash;
    uint32_t  number;
} hashed_t;


static int
by_hash(const void *a, const void *b)
{
    const hashed_t  *x = a, *y = b;

    return x->hash < y->hash ? -1 : x->hash > y->hash;
}


static onsite_status_t
store_by_hash(run_t *run, onsite_ref_t *ref)
{
    size_t      i;
    uint32_t   *numbers;
    hashed_t   *list;

    list = malloc((run->n_live + 1) * sizeof(hashed_t));
    *ref = onsite_builder_alloc(run->compiler.b,
                                run->n_live * sizeof(uint32_t));

    if (list == NULL || *ref == 0) {
        free(list);
        return ONSITE_NO_MEMORY;
    }

    for (i = 0; i < run->n_live; i++) {
        list[i].hash = run->drafts[i].campaign.hash;
        list[i].number = (uint32_t) i;
    }

    qsort(list, run->n_live, sizeof(hashed_t), by_hash);
    numbers = onsite_builder_at(run->compiler.b, *ref);

    for (i = 0; i < run->n_live; i++) {
        numbers[i] = list[i].number;
    }

    free(list);

    return ONSITE_OK;
}


static onsite_status_t
store_campaigns(run_t *run, onsite_ref_t *ref)
{
    size_t              i;
    onsite_campaign_t  *campaigns;

    *ref = onsite_builder_alloc(run->compiler.b,
                                run->n_live * sizeof(onsite_campaign_t));
    if (*ref == 0) {
        return ONSITE_NO_MEMORY;
    }

    campaigns = onsite_builder_at(run->compiler.b, *ref);

    for (i = 0; i < run->n_live; i++) {
        campaigns[i] = run->drafts[i].campaign;
    }

    return ONSITE_OK;
}


static onsite_status_t
build_campaigns(run_t *run)
{
    onsite_ref_t            campaigns, hashes, index = 0;
    onsite_builder_t       *b = run->compiler.b;
    onsite_status_t         status;
    onsite_image_header_t  *header;

    status = store_campaigns(run, &campaigns);

    if (status == ONSITE_OK) {
        status = store_by_hash(run, &hashes);
    }

    if (status == ONSITE_OK) {
        status = onsite_index_build(b, campaigns, (uint32_t) run->n_live,
                                    &index);
    }

    if (status == ONSITE_OK) {
        header = onsite_builder_at(b, 0);
        header->campaigns = campaigns;
        header->n_campaigns = (uint32_t) run->n_live;
        header->by_hash = hashes;
        header->index = index;
    }

    return status;
}


static onsite_status_t
build(run_t *run, onsite_image_t *image, onsite_error_t *error)
{
    onsite_status_t     status;
    onsite_compiler_t  *c = &run->compiler;

    status = build_campaigns(run);

    if (status == ONSITE_OK) {
        status = onsite_machines_build(c, run->drafts, run->n_live);
    }

    if (status == ONSITE_OK) {
        status = onsite_segments_build(c);
    }

    if (status == ONSITE_OK) {
        status = onsite_site_build(c);
    }

    if (status == ONSITE_LIMIT) {
        return onsite_error(error, status, "site \"%.*s\": more than %d"
                            " affinities are read: leave some out",
                            (int) c->site.len, c->site.data,
                            ONSITE_AFFINITIES_MAX);
    }

    if (status != ONSITE_OK) {
        return onsite_error(error, status, "site \"%.*s\": %zu campaigns do"
                            " not fit into an image: %s", (int) c->site.len,
                            c->site.data, run->n_live,
                            onsite_status_text(status));
    }

    return onsite_builder_finish(c->b, c->site, c->now, image, error);
}


static onsite_status_t
compile(run_t *run, onsite_image_t *image, onsite_error_t *error)
{
    read_all(run);

    if (run->errors != 0) {
        return onsite_error(error, ONSITE_INVALID, "site \"%.*s\": %u error%s"
                            " in %u of %zu files",
                            (int) run->compiler.site.len,
                            run->compiler.site.data, run->errors,
                            run->errors == 1 ? "" : "s", run->bad_files,
                            run->n);
    }

    keep_enabled(run);

    if (onsite_drafts_lint(run->drafts, run->n_live, run->lint,
                           run->lint_data)
        != ONSITE_OK)
    {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    return build(run, image, error);
}


static void
run_free(run_t *run)
{
    if (run->compiler.arena != NULL) {
        onsite_arena_destroy(run->compiler.arena);
    }

    if (run->compiler.scratch != NULL) {
        onsite_builder_destroy(run->compiler.scratch);
    }

    onsite_machines_free(&run->compiler.machines);
    free(run->compiler.journeys);
    free(run->compiler.segments);
    free(run->ids.cells);
    free(run->drafts);
    free(run);
}


static run_t *
run_create(size_t n)
{
    run_t  *run;

    run = calloc(1, sizeof(run_t));
    if (run == NULL) {
        return NULL;
    }

    run->n = n;
    run->drafts = calloc(n + 1, sizeof(onsite_draft_t));
    run->compiler.journeys = calloc(n + 1, sizeof(onsite_draft_journey_t));
    run->compiler.segments = calloc(n + 1, sizeof(onsite_draft_segment_t));
    run->compiler.scratch = onsite_builder_create();
    run->compiler.arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);

    if (run->drafts == NULL || run->compiler.journeys == NULL
        || run->compiler.segments == NULL || run->compiler.scratch == NULL
        || run->compiler.arena == NULL
        || !ids_create(&run->ids, run->drafts, n))
    {
        run_free(run);
        return NULL;
    }

    return run;
}


onsite_status_t
onsite_campaigns_compile(onsite_builder_t *b, onsite_str_t site,
    const onsite_campaign_source_t *sources, size_t n,
    const onsite_zones_t *zones, const onsite_value_t *saved_groups,
    onsite_ms_t now, onsite_lint_pt lint, void *lint_data,
    onsite_image_t *image, onsite_error_t *error)
{
    run_t            *run;
    onsite_status_t   status;

    if (n > INT32_MAX) {
        return onsite_error(error, ONSITE_LIMIT, "%zu campaigns are more than"
                            " one site can have", n);
    }

    run = run_create(n);
    if (run == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory for %zu"
                            " campaigns", n);
    }

    run->sources = sources;
    run->lint = lint;
    run->lint_data = lint_data;
    run->compiler.b = b;
    run->compiler.zones = zones;
    run->compiler.prices.cldr = zones->cldr;
    run->compiler.saved_groups = saved_groups;
    run->compiler.site = site;
    run->compiler.now = now;

    status = compile(run, image, error);

    run_free(run);

    return status;
}
