/*
 * table.h - slow data on its way into a snapshot.
 *
 * Files (table_file.c; csv.c, ndjson.c) give rows, a row (table_row.c) becomes
 * a key and a msgpack record, sorter.c puts any number of them into order with
 * little memory, and table.c hands them to the snapshot's writer.
 */

#ifndef LOADER_TABLE_H
#define LOADER_TABLE_H

#include "bar.h"
#include "loader.h"

#include "onsite_json.h"

#define TABLE_ROW_TEXT_MAX  (64 * 1024)     /* a row as it is in its file  */
#define TABLE_COLUMNS_MAX   256
#define TABLE_COLUMN_MAX    64              /* bytes of a column's name    */
#define TABLE_NAMES_MAX     1024            /* of all profiles, for lint   */
#define TABLE_TOLD_MAX      10              /* findings of a kind, a file  */


/* sorter.c */

typedef struct sorter_s  sorter_t;

typedef struct {
    onsite_str_t  key;
    onsite_str_t  value;
    uint32_t      file;                     /* where the row came from     */
    uint64_t      line;
} sorter_row_t;

/* Keeps what does not fit into memory in an unlinked file in dir. */
sorter_t *sorter_create(const char *dir);
void sorter_destroy(sorter_t *sorter);

/* False: out of memory, or errno says what the file system says. */
bool sorter_add(sorter_t *sorter, const sorter_row_t *row);

/* After the last row; then rows come by key, equal ones in the order of
 * adding.  A row is good until the next call; IO, NO_MEMORY: as above. */
bool sorter_finish(sorter_t *sorter);
onsite_status_t sorter_next(sorter_t *sorter, sorter_row_t *row);


/* table.c */

typedef struct loader_rows_s  loader_rows_t;

typedef struct {
    onsite_table_t  table;
    const char     *path;
    onsite_str_t    list;                   /* id, of a file of a list     */
    uint32_t        list_index;
    uint64_t        bytes;                  /* of the file                 */
    bool            piped;                  /* its name need not say what
                                               it holds                    */
} table_source_t;

struct loader_tables_s {
    onsite_arena_t    *arena;
    onsite_lint_pt     lint;
    void              *lint_data;
    onsite_str_t       site;                /* of rows without one         */
    bar_t              bar;                 /* bytes read, then rows       */
    bool               failed;              /* the machine said no         */

    table_source_t    *sources;
    size_t             n_sources;
    onsite_str_t       lists[ONSITE_LISTS_MAX];
    size_t             n_lists;
    onsite_str_t      *columns;             /* of profiles                 */
    size_t             n_columns;           /* over the bound: there are more
                                               than are kept               */

    sorter_t          *sorters[ONSITE_TABLES];
    uint64_t           rows[ONSITE_TABLES];     /* that were right         */
    uint64_t           bytes[ONSITE_TABLES];    /* of keys and values      */

    const onsite_str_t *sites;              /* that have campaigns         */
    size_t              n_sites;

    loader_rows_t      *merges[ONSITE_TABLES];
};

/* So much more is done; drawn where there is a terminal. */
void table_progress(loader_tables_t *tables, uint64_t more);

/* Before anything else is written to the terminal. */
void table_clear_bar(loader_tables_t *tables);


/* table_row.c, table_file.c: one file being read */

typedef struct {
    loader_tables_t       *tables;
    const table_source_t  *source;
    uint32_t               index;           /* of the source               */
    uint64_t               line;            /* of the row at hand          */
    uint64_t               errors;
    bool                   stop;            /* the rest cannot be read     */
    bool                   aged;            /* age_seconds was warned of   */
    onsite_str_t           foreign;         /* site without campaigns that
                                               was warned of               */
    onsite_json_t         *json;
    onsite_arena_t        *arena;           /* of the row                  */
    onsite_buf_t           record;
    const char            *id_column;       /* CSV: the one of the header;
                                               NULL: any                   */
} table_file_t;

/* A finding at the row at hand; of a column, or "". */
void table_error(table_file_t *file, onsite_str_t column, const char *format,
    ...) __attribute__((format(printf, 3, 4)));
void table_warn(table_file_t *file, onsite_str_t column, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

/* Names under which a table's id may come, the preferred one first. */
const char *const *table_id_columns(onsite_table_t table);

/* One that stays the text it is. */
bool table_is_text_column(onsite_str_t name);

/* A name that a profile has; *at is where the one before it was found. */
void table_note_column(loader_tables_t *tables, onsite_str_t name, size_t *at);

/* A row as an object, in file->arena; errors are told. */
void table_row(table_file_t *file, const onsite_value_t *row);

/* A row that is an id alone. */
void table_id_row(table_file_t *file, onsite_str_t id);

/* Reads it all into the tables' sorters. */
void table_read_file(loader_tables_t *tables, uint32_t index);

/* "1 row", "2 rows" need an s. */
static inline const char *
table_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* csv.c, ndjson.c */

void table_read_csv(table_file_t *file, FILE *stream);
void table_read_ndjson(table_file_t *file, FILE *stream);

/* A list of ids, one a line. */
void table_read_ids(table_file_t *file, FILE *stream);

#endif
