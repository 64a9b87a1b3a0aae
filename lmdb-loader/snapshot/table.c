/*
 * table.c - slow data: its files are found and read, its rows handed to the
 * snapshot in order, one for a key.
 */

#include "table.h"

#include "onsite_msgpack.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ARENA_CHUNK  (64 * 1024)
#define ARENA_MAX    ((size_t) 1 << 30)

struct loader_rows_s {
    loader_tables_t  *tables;
    onsite_table_t    table;
    bool              ready;        /* ahead is a row                      */
    sorter_row_t      ahead;        /* good until the sorter's next        */
    sorter_row_t      row;          /* in key and value                    */
    uint64_t          duplicates;
    uint64_t          taken;        /* keys                                */
    char              key[ONSITE_PRODUCT_KEY_MAX];
    char              value[ONSITE_ROW_BYTES_MAX];
    onsite_buf_t      ids;          /* of lists                            */
};


loader_tables_t *
loader_tables_create(const char *site, bool bar, onsite_lint_pt lint,
    void *lint_data)
{
    loader_tables_t  *tables = calloc(1, sizeof(loader_tables_t));

    if (tables == NULL) {
        return NULL;
    }

    tables->arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    tables->site = site != NULL ? onsite_str_of(site)
                                : ONSITE_STR("default");
    bar_init(&tables->bar, bar);
    tables->lint = lint;
    tables->lint_data = lint_data;

    if (tables->arena == NULL) {
        free(tables);
        return NULL;
    }

    return tables;
}


void
loader_tables_free(loader_tables_t *tables)
{
    int  i;

    if (tables == NULL) {
        return;
    }

    for (i = 0; i < ONSITE_TABLES; i++) {
        sorter_destroy(tables->sorters[i]);

        if (tables->merges[i] != NULL) {
            onsite_buf_free(&tables->merges[i]->ids);
            free(tables->merges[i]);
        }
    }

    free(tables->sources);
    onsite_arena_destroy(tables->arena);
    free(tables);
}


/* Progress */

void
table_clear_bar(loader_tables_t *tables)
{
    bar_clear(&tables->bar);
}


void
table_progress(loader_tables_t *tables, uint64_t more)
{
    bar_set(&tables->bar, tables->bar.done + more);
}


/* Files */

static void
complain_of_file(loader_tables_t *tables, const char *path,
    const char *reason)
{
    tables->lint(tables->lint_data, ONSITE_LINT_ERROR,
                 onsite_str_of(path), "", reason);
}


/* The id of a list stands in $onsite_segments, between commas. */

static bool
is_list_id(onsite_str_t id)
{
    size_t  i;

    for (i = 0; i < id.len; i++) {
        if ((unsigned char) id.data[i] <= ' ' || id.data[i] == ','
            || id.data[i] == 0x7f)
        {
            return false;
        }
    }

    return id.len != 0 && id.len <= ONSITE_CAMPAIGN_ID_MAX;
}


static bool
add_list(loader_tables_t *tables, table_source_t *source)
{
    size_t  i;

    if (!is_list_id(source->list)) {
        complain_of_file(tables, source->path, "the name of a list has 1 to"
                         " 64 bytes, and neither blanks nor commas");
        return false;
    }

    for (i = 0; i < tables->n_lists; i++) {
        if (onsite_str_eq(tables->lists[i], source->list)) {
            source->list_index = (uint32_t) i;
            return true;
        }
    }

    if (tables->n_lists == ONSITE_LISTS_MAX) {
        complain_of_file(tables, source->path, "more than 255 lists");
        return false;
    }

    source->list_index = (uint32_t) tables->n_lists;
    tables->lists[tables->n_lists++] = source->list;

    return true;
}


static bool
add_source(loader_tables_t *tables, onsite_table_t table, const char *path,
    onsite_str_t list)
{
    struct stat      st;
    onsite_str_t     name;
    table_source_t   source, *sources;

    name = onsite_arena_copy(tables->arena, onsite_str_of(path));
    list = onsite_arena_copy(tables->arena, list);
    sources = realloc(tables->sources, (tables->n_sources + 1)
                                       * sizeof(table_source_t));

    if (sources == NULL || name.data == NULL || list.data == NULL) {
        loader_complain("out of memory");
        tables->failed = true;
        return false;
    }

    tables->sources = sources;
    source = (table_source_t) { .table = table, .path = name.data,
                                .list = list };

    source.piped = strcmp(path, "-") == 0;

    if (!source.piped && stat(path, &st) == 0) {
        source.bytes = S_ISREG(st.st_mode) ? (uint64_t) st.st_size : 0;
        source.piped = S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)
                       || S_ISSOCK(st.st_mode);
    }

    if (table == ONSITE_TABLE_LISTS && !add_list(tables, &source)) {
        return false;
    }

    sources[tables->n_sources++] = source;
    tables->bar.total += source.bytes;

    return true;
}


void
loader_tables_add(loader_tables_t *tables, onsite_table_t table,
    const char *file)
{
    const char    *equals;
    onsite_str_t   list = { 0, "" };

    if (table == ONSITE_TABLE_LISTS) {
        equals = strchr(file, '=');

        if (equals == NULL) {
            loader_complain("--segment: \"%s\" is not ID=FILE", file);
            exit(LOADER_USAGE);
        }

        list = onsite_str(file, (size_t) (equals - file));
        file = equals + 1;
    }

    (void) add_source(tables, table, file, list);
}


static bool
is_one_of(const char *text, const char *const *names)
{
    for (/* void */; *names != NULL; names++) {
        if (strcmp(text, *names) == 0) {
            return true;
        }
    }

    return false;
}


/* profiles.csv, products.ndjson, segments/<id>.txt. */

static void
consider(loader_tables_t *tables, const FTSENT *entry)
{
    size_t       len;
    const char  *name = entry->fts_name, *dot = strrchr(name, '.');

    static const char *const  tabular[] = {
        "csv", "tsv", "ndjson", "jsonl", NULL
    };

    if (dot == NULL) {
        return;
    }

    len = (size_t) (dot - name);

    if (strcmp(entry->fts_parent->fts_name, "segments") == 0
        && (is_one_of(dot + 1, tabular) || strcmp(dot, ".txt") == 0))
    {
        (void) add_source(tables, ONSITE_TABLE_LISTS, entry->fts_path,
                          onsite_str(name, len));

    } else if (is_one_of(dot + 1, tabular) && len == 8
               && memcmp(name, "profiles", len) == 0)
    {
        (void) add_source(tables, ONSITE_TABLE_PROFILES, entry->fts_path,
                          ONSITE_STR(""));

    } else if (is_one_of(dot + 1, tabular) && len == 8
               && memcmp(name, "products", len) == 0)
    {
        (void) add_source(tables, ONSITE_TABLE_PRODUCTS, entry->fts_path,
                          ONSITE_STR(""));
    }
}


static int
by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}


void
loader_tables_find(loader_tables_t *tables, const char *dir)
{
    FTS     *fts;
    FTSENT  *entry;
    char    *roots[2] = { (char *) (uintptr_t) dir, NULL };

    fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);

    while (fts != NULL && (entry = fts_read(fts)) != NULL) {
        if (entry->fts_info == FTS_F && entry->fts_level > 0) {
            consider(tables, entry);
        }
    }

    if (fts != NULL) {
        (void) fts_close(fts);
    }
}


int
loader_tables_read(loader_tables_t *tables, const onsite_str_t *sites,
    size_t n_sites, const char *dir)
{
    uint32_t        i;
    onsite_table_t  table;

    tables->sites = sites;
    tables->n_sites = n_sites;
    bar_start(&tables->bar, "reading slow data", tables->bar.total);

    for (i = 0; i < tables->n_sources && !tables->failed; i++) {
        table = tables->sources[i].table;

        if (tables->sorters[table] == NULL) {
            tables->sorters[table] = sorter_create(dir);

            if (tables->sorters[table] == NULL) {
                loader_complain("out of memory");
                return LOADER_FAILED;
            }
        }

        table_read_file(tables, i);
    }

    table_clear_bar(tables);

    return tables->failed ? LOADER_FAILED : LOADER_OK;
}


/* Rows have their members in the same order, mostly. */

void
table_note_column(loader_tables_t *tables, onsite_str_t name, size_t *at)
{
    size_t         i, k, n = tables->n_columns;
    onsite_str_t   copy;
    onsite_str_t  *columns = tables->columns;

    if (n > TABLE_NAMES_MAX) {
        return;
    }

    for (i = 0; i < n; i++) {
        k = (*at + i) % n;

        if (onsite_str_eq(columns[k], name)) {
            *at = k + 1;
            return;
        }
    }

    if (columns == NULL) {
        columns = onsite_arena_alloc(tables->arena, TABLE_NAMES_MAX
                                                    * sizeof(onsite_str_t));
        tables->columns = columns;
    }

    copy = onsite_arena_copy(tables->arena, name);

    if (columns == NULL || copy.data == NULL || n >= TABLE_NAMES_MAX) {
        tables->n_columns = TABLE_NAMES_MAX + 1;
        return;
    }

    columns[tables->n_columns++] = copy;
    *at = tables->n_columns;
}


size_t
loader_tables_columns(const loader_tables_t *tables,
    const onsite_str_t **names)
{
    *names = tables->columns;

    return tables->n_columns <= TABLE_NAMES_MAX ? tables->n_columns
                                                : TABLE_NAMES_MAX;
}


bool
loader_tables_column(const loader_tables_t *tables, onsite_str_t name)
{
    size_t  i;

    for (i = 0; i < tables->n_columns && i < TABLE_NAMES_MAX; i++) {
        if (onsite_str_eq(tables->columns[i], name)) {
            return true;
        }
    }

    return tables->n_columns > TABLE_NAMES_MAX;
}


bool
loader_tables_list(const loader_tables_t *tables, onsite_str_t id)
{
    size_t  i;

    for (i = 0; i < tables->n_lists; i++) {
        if (onsite_str_eq(tables->lists[i], id)) {
            return true;
        }
    }

    return false;
}


uint64_t
loader_tables_rows(const loader_tables_t *tables, onsite_table_t table)
{
    return tables->rows[table];
}


/* The merge */

static onsite_status_t
advance(loader_rows_t *rows, onsite_error_t *error)
{
    onsite_status_t  status;

    status = sorter_next(rows->tables->sorters[rows->table], &rows->ahead);
    rows->ready = status == ONSITE_OK;

    if (status == ONSITE_IO) {
        return onsite_error(error, ONSITE_IO, "rows that were put aside to"
                            " sort them cannot be read again: %s",
                            strerror(errno));
    }

    return ONSITE_OK;
}


static void
hold(loader_rows_t *rows)
{
    rows->row = rows->ahead;
    memcpy(rows->key, rows->ahead.key.data, rows->ahead.key.len);
    memcpy(rows->value, rows->ahead.value.data, rows->ahead.value.len);
    rows->row.key.data = rows->key;
    rows->row.value.data = rows->value;
}


static void
warn(loader_rows_t *rows, const sorter_row_t *at, const char *reason)
{
    int               len;
    char              where[4096];
    loader_tables_t  *tables = rows->tables;

    len = snprintf(where, sizeof(where), "%s:%llu",
                   tables->sources[at->file].path,
                   (unsigned long long) at->line);
    table_clear_bar(tables);
    tables->lint(tables->lint_data, ONSITE_LINT_WARNING,
                 onsite_str(where, (size_t) len), "", reason);
}


/* The row at hand gives way to the one ahead. */

static void
note_duplicate(loader_rows_t *rows)
{
    char  reason[4096];

    if (rows->duplicates++ < TABLE_TOLD_MAX) {
        (void) snprintf(reason, sizeof(reason), "is left out: %s:%llu has the"
                        " same id, and the last one counts",
                        rows->tables->sources[rows->ahead.file].path,
                        (unsigned long long) rows->ahead.line);
        warn(rows, &rows->row, reason);
    }
}


static void
tell_duplicates(loader_rows_t *rows)
{
    char  reason[96];

    if (rows->duplicates > TABLE_TOLD_MAX) {
        (void) snprintf(reason, sizeof(reason), "and %llu more rows whose id"
                        " comes again later",
                        (unsigned long long) (rows->duplicates
                                              - TABLE_TOLD_MAX));
        warn(rows, &rows->row, reason);
        rows->duplicates = 0;
    }
}


/* The lists of a customer as an array of ids, in the order of their names. */

static void
write_lists(loader_rows_t *rows, const bool on[ONSITE_LISTS_MAX])
{
    size_t           i;
    uint32_t         n = 0;
    onsite_value_t   items[ONSITE_LISTS_MAX];
    onsite_value_t   array = { .type = ONSITE_ARRAY, .as.items = items };

    for (i = 0; i < rows->tables->n_lists; i++) {
        if (on[i]) {
            items[n++] = onsite_value_string(rows->tables->lists[i]);
        }
    }

    array.len = n;
    onsite_buf_clear(&rows->ids);
    onsite_value_write_msgpack(&rows->ids, &array);
}


static onsite_status_t
next_row(void *data, onsite_str_t *key, onsite_str_t *value,
    onsite_error_t *error)
{
    bool             on[ONSITE_LISTS_MAX] = { false };
    loader_rows_t   *rows = data;
    onsite_status_t  status = ONSITE_OK;

    if (!rows->ready) {
        tell_duplicates(rows);
        rows->tables->rows[rows->table] = rows->taken;
        return ONSITE_NOT_FOUND;
    }

    do {
        hold(rows);
        on[(uint8_t) rows->value[0] % ONSITE_LISTS_MAX] = true;
        table_progress(rows->tables, 1);
        status = advance(rows, error);

        if (status != ONSITE_OK || !rows->ready
            || !onsite_str_eq(rows->ahead.key, rows->row.key))
        {
            break;
        }

        if (rows->table != ONSITE_TABLE_LISTS) {
            note_duplicate(rows);
        }

    } while (true);

    rows->taken++;
    *key = rows->row.key;
    *value = rows->row.value;

    if (rows->table == ONSITE_TABLE_LISTS) {
        write_lists(rows, on);
        *value = onsite_str(rows->ids.data, rows->ids.len);
    }

    return rows->ids.failed ? ONSITE_NO_MEMORY : status;
}


static bool
start_merge(loader_tables_t *tables, onsite_table_t table)
{
    onsite_error_t  error = { "" };
    loader_rows_t  *rows = calloc(1, sizeof(loader_rows_t));

    tables->merges[table] = rows;

    if (rows == NULL || !sorter_finish(tables->sorters[table])) {
        loader_complain("rows cannot be put aside to sort them: %s",
                        strerror(errno));
        return false;
    }

    rows->tables = tables;
    rows->table = table;
    onsite_buf_init(&rows->ids, 0);

    if (advance(rows, &error) != ONSITE_OK) {
        loader_complain("%s", error.text);
        return false;
    }

    return true;
}


int
loader_tables_sort(loader_tables_t *tables,
    onsite_snapshot_rows_t out[ONSITE_TABLES])
{
    int  i;

    memset(out, 0, ONSITE_TABLES * sizeof(*out));
    bar_start(&tables->bar, "writing slow data", 0);

    for (i = 0; i < ONSITE_TABLES; i++) {
        if (tables->sorters[i] == NULL || tables->rows[i] == 0) {
            continue;
        }

        if (!start_merge(tables, (onsite_table_t) i)) {
            return LOADER_FAILED;
        }

        tables->bar.total += tables->rows[i];
        out[i] = (onsite_snapshot_rows_t) {
            .data = tables->merges[i], .next = next_row,
            .rows = tables->rows[i], .bytes = tables->bytes[i]
        };
    }

    return LOADER_OK;
}


int
loader_tables_check(loader_tables_t *tables)
{
    int                      i;
    onsite_str_t             key, value;
    onsite_error_t           error = { "" };
    onsite_status_t          status = ONSITE_NOT_FOUND;
    onsite_snapshot_rows_t   rows[ONSITE_TABLES];

    if (loader_tables_sort(tables, rows) != LOADER_OK) {
        return LOADER_FAILED;
    }

    bar_start(&tables->bar, "checking slow data", tables->bar.total);

    for (i = 0; i < ONSITE_TABLES && status == ONSITE_NOT_FOUND; i++) {
        while (rows[i].next != NULL
               && (status = next_row(rows[i].data, &key, &value, &error))
                  == ONSITE_OK)
        {
            /* void */
        }
    }

    table_clear_bar(tables);

    if (status != ONSITE_NOT_FOUND) {
        loader_complain("%s", error.text[0] != '\0'
                        ? error.text : onsite_status_text(status));
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


void
loader_tables_done(loader_tables_t *tables)
{
    table_clear_bar(tables);
}
