/*
 * build_compile.c - compiles campaign files and reads slow data, for `lint` and
 * `build`.
 */

#include "build.h"

#include <stdlib.h>
#include <string.h>


static void
print_json_finding(onsite_lint_level_t level, onsite_str_t file,
    const char *path, const char *reason)
{
    onsite_buf_t  line;

    onsite_buf_init(&line, 0);

    onsite_buf_printf(&line, "{\"level\":\"%s\",\"file\":",
                      level == ONSITE_LINT_ERROR ? "error" : "warning");
    onsite_write_json_string(&line, file);
    onsite_buf_printf(&line, ",\"path\":");
    onsite_write_json_string(&line, onsite_str_of(path));
    onsite_buf_printf(&line, ",\"reason\":");
    onsite_write_json_string(&line, onsite_str_of(reason));

    if (!line.failed) {
        (void) printf("%.*s}\n", (int) line.len, line.data);
    }

    onsite_buf_free(&line);
}


static void
print_finding(void *data, onsite_lint_level_t level, onsite_str_t file,
    const char *path, const char *reason)
{
    findings_t  *findings = data;

    if (level == ONSITE_LINT_ERROR) {
        findings->errors++;
    } else {
        findings->warnings++;
    }

    if (findings->json) {
        print_json_finding(level, file, path, reason);
        return;
    }

    (void) fprintf(stderr, "%.*s: %s%s%s%s\n", (int) file.len, file.data,
                   level == ONSITE_LINT_ERROR ? "" : "warning: ", path,
                   *path != '\0' ? ": " : "", reason);
}


/* Only enabled campaigns go live, and so into the snapshot. */

static bool
is_enabled(const onsite_value_t *definition)
{
    const onsite_value_t  *enabled;

    enabled = onsite_value_get(definition, ONSITE_STR("enabled"));

    return enabled == NULL || enabled->type != ONSITE_BOOL
           || enabled->as.boolean;
}


static bool
list_definitions(onsite_arena_t *arena, const loader_site_t *site,
    onsite_snapshot_site_t *out, size_t *live)
{
    size_t                 i;
    onsite_str_t          *ids;
    onsite_value_t        *definitions;
    onsite_file_kind_t     kind;
    const onsite_value_t  *definition;

    ids = onsite_arena_alloc(arena, (site->n + 1) * sizeof(onsite_str_t));
    definitions = onsite_arena_alloc(arena,
                                     (site->n + 1) * sizeof(onsite_value_t));

    if (ids == NULL || definitions == NULL) {
        return false;
    }

    for (i = 0; i < site->n; i++) {
        definition = site->sources[i].definition;
        kind = onsite_file_kind(&site->sources[i]);

        if (!is_enabled(definition)) {
            continue;
        }

        live[kind]++;

        if (kind == ONSITE_FILE_CAMPAIGN) {
            ids[out->n] = onsite_value_get_str(definition, ONSITE_STR("id"));
            definitions[out->n++] = *definition;
        }
    }

    out->ids = ids;
    out->definitions = definitions;

    return true;
}


static int
compile_site(loader_sources_t *sources, size_t i, compiled_t *compiled,
    findings_t *findings)
{
    onsite_error_t          error = { "" };
    onsite_status_t         status;
    const loader_site_t    *site = &sources->sites[i];
    onsite_snapshot_site_t  *out = &compiled->sites[i];

    compiled->builders[i] = onsite_builder_create();
    compiled->n = i + 1;

    if (compiled->builders[i] == NULL
        || !list_definitions(sources->arena, site, out, compiled->live))
    {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    out->name = site->name;

    status = onsite_campaigns_compile(compiled->builders[i], site->name,
                 site->sources, site->n, &loader_zones,
                 sources->saved_groups.type == ONSITE_OBJECT
                     ? &sources->saved_groups : NULL,
                 loader_now(), print_finding, findings, &out->image, &error);

    if (status != ONSITE_OK && findings->errors == 0) {
        loader_complain("site \"%.*s\": %s", (int) site->name.len,
                        site->name.data, error.text[0] != '\0'
                        ? error.text : onsite_status_text(status));
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


static int
compile_all(const char *dir, loader_sources_t *sources, compiled_t *compiled,
    findings_t *findings)
{
    size_t  i;

    *compiled = (compiled_t) { 0 };

    if (loader_sources_read(dir, sources, print_finding, findings)
        != LOADER_OK)
    {
        return LOADER_FAILED;
    }

    if (sources->files == 0) {
        loader_complain("%s: no *.json file there", dir);
        return LOADER_FAILED;
    }

    compiled->builders = calloc(sources->n + 1, sizeof(onsite_builder_t *));
    compiled->sites = calloc(sources->n + 1, sizeof(onsite_snapshot_site_t));

    if (compiled->builders == NULL || compiled->sites == NULL) {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    for (i = 0; i < sources->n; i++) {
        if (compile_site(sources, i, compiled, findings) != LOADER_OK) {
            return LOADER_FAILED;
        }
    }

    return findings->errors == 0 ? LOADER_OK : LOADER_FAILED;
}


static void
add_files(loader_tables_t *tables, onsite_table_t table,
    const char *const *files)
{
    for (/* void */; *files != NULL; files++) {
        loader_tables_add(tables, table, *files);
    }
}


static size_t
count_stdin(const char *const *files)
{
    size_t       n = 0;
    const char  *equals;

    for (/* void */; *files != NULL; files++) {
        equals = strchr(*files, '=');
        n += strcmp(*files, "-") == 0
             || (equals != NULL && strcmp(equals, "=-") == 0);
    }

    return n;
}


/* Of all that is to be read; or exit LOADER_USAGE. */

void
build_needs_one_stdin(const char *dir, const slow_t *slow)
{
    const char  *dirs[] = { dir, NULL };

    if (count_stdin(dirs) + count_stdin(slow->profiles)
        + count_stdin(slow->products) + count_stdin(slow->segments) > 1)
    {
        loader_complain("\"-\" is there more than once: standard input can"
                        " be read only once");
        exit(LOADER_USAGE);
    }
}


/* Where rows may be put aside: the folder of the file that is to be written,
 * or (NULL) the one for temporary files. */

static void
folder_of(const char *path, char *dir, size_t size)
{
    char        *slash;
    const char  *temporary = getenv("TMPDIR");

    if (path == NULL) {
        (void) snprintf(dir, size, "%s", temporary != NULL
                        && *temporary != '\0' ? temporary : "/tmp");
        return;
    }

    (void) snprintf(dir, size, "%s", path);
    slash = strrchr(dir, '/');

    if (slash == NULL) {
        (void) snprintf(dir, size, ".");

    } else {
        slash[slash == dir] = '\0';
    }
}


/* output: what the rows are for; NULL: they are only checked. */

static int
read_slow_data(const char *dir, slow_t *slow, const loader_sources_t *sources,
    findings_t *findings, const char *output)
{
    int            rc;
    char           folder[4096];
    size_t         i;
    onsite_str_t  *sites;

    slow->tables = loader_tables_create(slow->site, !findings->json,
                                        print_finding, findings);
    sites = onsite_arena_alloc(sources->arena,
                               (sources->n + 1) * sizeof(onsite_str_t));

    if (slow->tables == NULL || sites == NULL) {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    for (i = 0; i < sources->n; i++) {
        sites[i] = sources->sites[i].name;
    }

    if (strcmp(dir, "-") != 0) {
        loader_tables_find(slow->tables, dir);
    }

    add_files(slow->tables, ONSITE_TABLE_PROFILES, slow->profiles);
    add_files(slow->tables, ONSITE_TABLE_PRODUCTS, slow->products);
    add_files(slow->tables, ONSITE_TABLE_LISTS, slow->segments);

    folder_of(output, folder, sizeof(folder));
    rc = loader_tables_read(slow->tables, sites, sources->n, folder);

    if (rc == LOADER_OK && output == NULL) {
        rc = loader_tables_check(slow->tables);
    }

    if (rc == LOADER_OK) {
        loader_segments_lint(sources, slow->tables, print_finding, findings);
        loader_profiles_lint(sources, slow->tables, print_finding, findings);
    }

    return findings->errors == 0 ? rc : LOADER_FAILED;
}


int
build_compile(const char *dir, loader_sources_t *sources,
    compiled_t *compiled, slow_t *slow, findings_t *findings,
    const char *output)
{
    int  rc, slow_rc;

    rc = compile_all(dir, sources, compiled, findings);
    compiled->slow = slow;

    if (sources->files == 0) {
        return rc;
    }

    slow_rc = read_slow_data(dir, slow, sources, findings, output);

    return rc != LOADER_OK ? rc : slow_rc;
}


void
build_free(compiled_t *compiled, loader_sources_t *sources)
{
    size_t  i;

    for (i = 0; i < compiled->n; i++) {
        onsite_builder_destroy(compiled->builders[i]);
    }

    free(compiled->builders);
    free(compiled->sites);
    loader_sources_free(sources);
}
