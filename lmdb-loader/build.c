/*
 * build.c - `lint` and `build`: campaign files and slow data into a snapshot.
 *
 * Both compile everything; `build` then writes.
 */

#include "loader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bool    json;
    size_t  errors;
    size_t  warnings;
} findings_t;

/* What is in a snapshot besides campaigns. */
typedef struct {
    const char       *site;
    const char       *profiles[LOADER_REPEATS + 1];
    const char       *products[LOADER_REPEATS + 1];
    const char       *segments[LOADER_REPEATS + 1];
    loader_tables_t  *tables;
} slow_t;

#define LOADER_FILE_KINDS  (ONSITE_FILE_SITE + 1)

typedef struct {
    onsite_builder_t        **builders;
    onsite_snapshot_site_t   *sites;
    size_t                    n;
    size_t                    live[LOADER_FILE_KINDS];
                                    /* enabled files of each kind          */
    const slow_t             *slow;
} compiled_t;


#define SLOW_OPTIONS(slow)                                                    \
    { "profiles", 0, "FILE...", "profiles of customers, beside those of DIR;" \
      " - or a pipe: CSV, or NDJSON by how it begins",                        \
      (slow).profiles },                                                      \
    { "products", 0, "FILE...", "products, likewise", (slow).products },      \
    { "segment", 0, "ID=FILE...", "a list of customers, likewise",            \
      (slow).segments },                                                      \
    { "site", 0, "S", "site of rows that name none; default: default",        \
      &(slow).site }


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


/* Slow data */

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

static void
needs_one_stdin(const char *dir, const slow_t *slow)
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
    }

    return findings->errors == 0 ? rc : LOADER_FAILED;
}


static int
compile_and_read(const char *dir, loader_sources_t *sources,
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


static unsigned long long
slow_rows(const slow_t *slow, onsite_table_t table)
{
    return slow->tables != NULL ? loader_tables_rows(slow->tables, table) : 0;
}


static bool
has_slow_data(const slow_t *slow)
{
    return slow_rows(slow, ONSITE_TABLE_PROFILES) != 0
           || slow_rows(slow, ONSITE_TABLE_LISTS) != 0
           || slow_rows(slow, ONSITE_TABLE_PRODUCTS) != 0;
}


static void
free_compiled(compiled_t *compiled, loader_sources_t *sources)
{
    size_t  i;

    for (i = 0; i < compiled->n; i++) {
        onsite_builder_destroy(compiled->builders[i]);
    }

    free(compiled->builders);
    free(compiled->sites);
    loader_sources_free(sources);
}


static void
print_count(size_t n, const char *what)
{
    if (n != 0) {
        (void) printf(", %zu %s%s", n, what, n == 1 ? "" : "s");
    }
}


/* Where there are any. */

static void
print_other_files(const compiled_t *compiled)
{
    const slow_t  *slow = compiled->slow;

    print_count(compiled->live[ONSITE_FILE_JOURNEY], "journey");
    print_count(compiled->live[ONSITE_FILE_SEGMENT], "segment");

    if (has_slow_data(slow)) {
        (void) printf(", rows: %llu of profiles, %llu of lists, %llu of "
                      "products", slow_rows(slow, ONSITE_TABLE_PROFILES),
                      slow_rows(slow, ONSITE_TABLE_LISTS),
                      slow_rows(slow, ONSITE_TABLE_PRODUCTS));
    }
}


/* One error, and `build` makes nothing: then nothing goes live. */

static void
print_summary(const loader_sources_t *sources, const compiled_t *compiled,
    const findings_t *findings)
{
    size_t  n = compiled->live[ONSITE_FILE_CAMPAIGN];

    (void) printf("%zu file%s", sources->files,
                  sources->files == 1 ? "" : "s");

    if (findings->errors == 0) {
        (void) printf(", %zu campaign%s live", n, n == 1 ? "" : "s");
        print_other_files(compiled);
    }

    (void) printf(", %zu error%s, %zu warning%s%s\n", findings->errors,
                  findings->errors == 1 ? "" : "s", findings->warnings,
                  findings->warnings == 1 ? "" : "s",
                  findings->errors == 0 ? "" : ": nothing is built, so none"
                                               " of it goes live");
}


int
loader_lint(int argc, char **argv)
{
    int               rc;
    compiled_t        compiled;
    findings_t        findings = { 0 };
    const char       *json, *strict;
    slow_t            slow = { 0 };
    loader_sources_t  sources;

    const loader_option_t  options[] = {
        { "json", 0, NULL, "findings as NDJSON on standard output", &json },
        { "strict", 0, NULL, "warnings fail too", &strict },
        SLOW_OPTIONS(slow),
        { 0 }
    };

    (void) loader_options(argc, argv, options, "DIR", 1, 1);
    needs_one_stdin(argv[0], &slow);
    findings.json = json != NULL;

    rc = compile_and_read(argv[0], &sources, &compiled, &slow, &findings,
                          NULL);

    if (rc == LOADER_OK && strict != NULL && findings.warnings != 0) {
        rc = LOADER_FAILED;
    }

    if (!findings.json && sources.files != 0) {
        print_summary(&sources, &compiled, &findings);
    }

    loader_tables_free(slow.tables);
    free_compiled(&compiled, &sources);

    return rc;
}


/* One more than the file that is replaced, and not less than the clock:
 * versions grow whoever builds. */

static uint64_t
next_version(const char *path)
{
    uint64_t            version = (uint64_t) loader_now();
    onsite_error_t      error;
    onsite_snapshot_t  *old;

    if (onsite_snapshot_open(path, &old, &error) == ONSITE_OK) {
        if (onsite_snapshot_info(old)->version >= version) {
            version = onsite_snapshot_info(old)->version + 1;
        }
        onsite_snapshot_close(old);
    }

    return version;
}


static uint64_t
read_version(const char *text, const char *path)
{
    char      *end;
    uint64_t   version;

    if (text == NULL) {
        return next_version(path);
    }

    errno = 0;
    version = strtoull(text, &end, 10);

    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0'
        || version == 0)
    {
        loader_complain("--version: \"%s\" is not a positive number", text);
        exit(LOADER_USAGE);
    }

    return version;
}


static void
write_counts(onsite_buf_t *line, const compiled_t *compiled)
{
    const slow_t  *slow = compiled->slow;

    onsite_buf_printf(line, "\"sites\":%zu,\"campaigns\":%zu,"
                      "\"journeys\":%zu,\"segments\":%zu", compiled->n,
                      compiled->live[ONSITE_FILE_CAMPAIGN],
                      compiled->live[ONSITE_FILE_JOURNEY],
                      compiled->live[ONSITE_FILE_SEGMENT]);

    if (has_slow_data(slow)) {
        onsite_buf_printf(line, ",\"rows\":{\"profiles\":%llu,"
                          "\"lists\":%llu,\"products\":%llu}",
                          slow_rows(slow, ONSITE_TABLE_PROFILES),
                          slow_rows(slow, ONSITE_TABLE_LISTS),
                          slow_rows(slow, ONSITE_TABLE_PRODUCTS));
    }

    onsite_buf_append(line, "}\n", 2);

    if (!line->failed) {
        (void) fwrite(line->data, 1, line->len, stdout);
    }
}


static void
tell_written(const char *path, uint64_t version, const compiled_t *compiled)
{
    onsite_buf_t  line;

    onsite_buf_init(&line, 0);
    onsite_buf_printf(&line, "{\"file\":");
    onsite_write_json_string(&line, onsite_str_of(path));
    onsite_buf_printf(&line, ",\"version\":%llu,",
                      (unsigned long long) version);
    write_counts(&line, compiled);
    onsite_buf_free(&line);
}


static int
write_snapshot(const char *path, uint64_t version, const compiled_t *compiled,
    slow_t *slow, bool json)
{
    onsite_error_t          error = { "" };
    onsite_status_t         status;
    onsite_snapshot_rows_t  rows[ONSITE_TABLES];

    if (loader_tables_sort(slow->tables, rows) != LOADER_OK) {
        return LOADER_FAILED;
    }

    status = onsite_snapshot_write_tables(path, version, loader_now(),
                                          compiled->sites, compiled->n, rows,
                                          &error);
    loader_tables_done(slow->tables);

    if (status != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    if (json) {
        tell_written(path, version, compiled);
        return LOADER_OK;
    }

    (void) printf("%s: version %llu, %zu site(s), %zu campaign(s)", path,
                  (unsigned long long) version, compiled->n,
                  compiled->live[ONSITE_FILE_CAMPAIGN]);
    print_other_files(compiled);
    (void) printf("\n");

    return LOADER_OK;
}


/* What would be written: a line, then every site with its campaigns. */

static void
print_dry_run(const char *path, const compiled_t *compiled)
{
    size_t                         i, n;
    const onsite_snapshot_site_t  *site;

    (void) printf("%s%swould hold %zu site(s), %zu campaign(s)",
                  path != NULL ? path : "the snapshot",
                  path != NULL ? ": " : " ", compiled->n,
                  compiled->live[ONSITE_FILE_CAMPAIGN]);
    print_other_files(compiled);
    (void) printf("; nothing was written\n");

    for (i = 0; i < compiled->n; i++) {
        site = &compiled->sites[i];
        (void) printf("site %.*s: %zu campaign(s)\n", (int) site->name.len,
                      site->name.data, site->n);

        for (n = 0; n < site->n; n++) {
            (void) printf("  %.*s\n", (int) site->ids[n].len,
                          site->ids[n].data);
        }

        loader_print_others(&site->image);
    }
}


static void
tell_dry_run(const char *path, const compiled_t *compiled, bool json)
{
    onsite_buf_t  line;

    if (!json) {
        print_dry_run(path, compiled);
        return;
    }

    onsite_buf_init(&line, 0);
    onsite_buf_printf(&line, "{\"file\":");

    if (path != NULL) {
        onsite_write_json_string(&line, onsite_str_of(path));
    } else {
        onsite_buf_append(&line, "null", 4);
    }

    onsite_buf_printf(&line, ",\"dry_run\":true,");
    write_counts(&line, compiled);
    onsite_buf_free(&line);
}


int
loader_build(int argc, char **argv)
{
    int               rc;
    compiled_t        compiled;
    findings_t        findings = { 0 };
    slow_t            slow = { 0 };
    const char       *output, *version, *json, *dry_run;
    loader_sources_t  sources;

    const loader_option_t  options[] = {
        { "output", 'o', "FILE", "the snapshot to write (renamed into place)",
          &output },
        { "version", 0, "N", "its version; default: the time in ms", &version },
        { "dry-run", 0, NULL, "tell what would be written; write nothing",
          &dry_run },
        { "json", 0, NULL, "findings and result as NDJSON", &json },
        SLOW_OPTIONS(slow),
        { 0 }
    };

    (void) loader_options(argc, argv, options, "DIR -o FILE", 1, 1);
    loader_needs_file(output);
    needs_one_stdin(argv[0], &slow);
    findings.json = json != NULL;

    if (output == NULL && dry_run == NULL) {
        loader_complain("-o FILE is missing");
        return LOADER_USAGE;
    }

    rc = compile_and_read(argv[0], &sources, &compiled, &slow, &findings,
                          dry_run == NULL ? output : NULL);

    if (rc == LOADER_OK && dry_run != NULL) {
        tell_dry_run(output, &compiled, json != NULL);

    } else if (rc == LOADER_OK) {
        rc = write_snapshot(output, read_version(version, output), &compiled,
                            &slow, json != NULL);

    } else if (findings.errors != 0) {
        loader_complain("%zu error%s: nothing was written", findings.errors,
                        findings.errors == 1 ? "" : "s");
    }

    loader_tables_free(slow.tables);
    free_compiled(&compiled, &sources);

    return rc;
}
