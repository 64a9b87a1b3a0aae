/*
 * build.c - `lint` and `build`: campaign files and slow data into a snapshot.
 *
 * Both compile everything (build_compile.c); `build` then writes.
 */

#include "build.h"

#include <errno.h>
#include <stdlib.h>


#define SLOW_OPTIONS(slow)                                                    \
    { "profiles", 0, "FILE...", "profiles of customers, beside those of DIR;" \
      " - or a pipe: CSV, or NDJSON by how it begins",                        \
      (slow).profiles },                                                      \
    { "products", 0, "FILE...", "products, likewise", (slow).products },      \
    { "segment", 0, "ID=FILE...", "a list of customers, likewise",            \
      (slow).segments },                                                      \
    { "site", 0, "S", "site of rows that name none; default: default",        \
      &(slow).site }


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
    build_needs_one_stdin(argv[0], &slow);
    findings.json = json != NULL;

    rc = build_compile(argv[0], &sources, &compiled, &slow, &findings,
                       NULL);

    if (rc == LOADER_OK && strict != NULL && findings.warnings != 0) {
        rc = LOADER_FAILED;
    }

    if (!findings.json && sources.files != 0) {
        print_summary(&sources, &compiled, &findings);
    }

    loader_tables_free(slow.tables);
    build_free(&compiled, &sources);

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
    build_needs_one_stdin(argv[0], &slow);
    findings.json = json != NULL;

    if (output == NULL && dry_run == NULL) {
        loader_complain("-o FILE is missing");
        return LOADER_USAGE;
    }

    rc = build_compile(argv[0], &sources, &compiled, &slow, &findings,
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
    build_free(&compiled, &sources);

    return rc;
}
