/*
 * table_file.c - one file of slow data: opened, read by its kind, its findings
 * told.
 */

#include "table.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define ARENA_CHUNK  (256 * 1024)
#define ARENA_MAX    ((size_t) 16 << 20)


static void
tell(table_file_t *file, onsite_lint_level_t level, onsite_str_t column,
    const char *reason)
{
    int               len;
    char              where[4096], path[TABLE_COLUMN_MAX + 1];
    loader_tables_t  *tables = file->tables;

    len = snprintf(where, sizeof(where), "%s:%llu", file->source->path,
                   (unsigned long long) file->line);
    (void) snprintf(path, sizeof(path), "%.*s", (int) column.len,
                    column.data != NULL ? column.data : "");

    table_clear_bar(tables);
    tables->lint(tables->lint_data, level, onsite_str(where, (size_t) len),
                 path, reason);
}


void
table_error(table_file_t *file, onsite_str_t column, const char *format, ...)
{
    va_list         args;
    onsite_error_t  reason;

    if (file->errors++ >= TABLE_TOLD_MAX) {
        return;
    }

    va_start(args, format);
    (void) vsnprintf(reason.text, sizeof(reason.text), format, args);
    va_end(args);

    tell(file, ONSITE_LINT_ERROR, column, reason.text);
}


void
table_warn(table_file_t *file, onsite_str_t column, const char *format, ...)
{
    va_list         args;
    onsite_error_t  reason;

    va_start(args, format);
    (void) vsnprintf(reason.text, sizeof(reason.text), format, args);
    va_end(args);

    tell(file, ONSITE_LINT_WARNING, column, reason.text);
}


static bool
ends_with(const char *path, const char *end)
{
    size_t  n = strlen(path), len = strlen(end);

    return n >= len && strcmp(path + n - len, end) == 0;
}


/* What follows a byte order mark, which is taken away; EOF: nothing. */

static int
first_byte(FILE *stream)
{
    int            c;
    size_t         n;
    unsigned char  mark[3];

    n = fread(mark, 1, sizeof(mark), stream);

    if (n == sizeof(mark) && memcmp(mark, "\xef\xbb\xbf", n) == 0) {
        c = getc(stream);
        return ungetc(c, stream);
    }

    c = n != 0 ? mark[0] : EOF;

    while (n != 0) {
        (void) ungetc(mark[--n], stream);
    }

    return c;
}


/* What comes through a pipe: JSON by how it begins, else CSV; of a list, ids
 * one a line. */

static void
read_piped(table_file_t *file, FILE *stream)
{
    int   c = first_byte(stream);
    bool  list = file->source->table == ONSITE_TABLE_LISTS;

    if (c == '{' || (list && c == '"')) {
        table_read_ndjson(file, stream);

    } else if (list) {
        table_read_ids(file, stream);

    } else {
        table_read_csv(file, stream);
    }
}


static void
read_stream(table_file_t *file, FILE *stream)
{
    const char  *path = file->source->path;

    if (ends_with(path, ".csv") || ends_with(path, ".tsv")) {
        table_read_csv(file, stream);

    } else if (ends_with(path, ".txt")
               && file->source->table == ONSITE_TABLE_LISTS)
    {
        table_read_ids(file, stream);

    } else if (ends_with(path, ".ndjson") || ends_with(path, ".jsonl")) {
        table_read_ndjson(file, stream);

    } else if (file->source->piped) {
        read_piped(file, stream);

    } else {
        table_error(file, onsite_str("", 0), "its name ends neither in .csv"
                    " nor in .ndjson%s: what is it?",
                    file->source->table == ONSITE_TABLE_LISTS ? " nor in .txt"
                                                              : "");
    }

    if (ferror(stream)) {
        table_error(file, onsite_str("", 0), "cannot be read: %s",
                    strerror(errno));
    }
}


static void
tell_rest(table_file_t *file)
{
    char  reason[96];

    if (file->errors > TABLE_TOLD_MAX) {
        (void) snprintf(reason, sizeof(reason), "and %llu more like these in"
                        " this file",
                        (unsigned long long) (file->errors - TABLE_TOLD_MAX));
        tell(file, ONSITE_LINT_ERROR, onsite_str("", 0), reason);
    }
}


void
table_read_file(loader_tables_t *tables, uint32_t index)
{
    FILE          *stream;
    table_file_t   file = { .tables = tables, .index = index, .line = 1,
                            .source = &tables->sources[index] };

    stream = strcmp(file.source->path, "-") == 0
             ? stdin : fopen(file.source->path, "rb");

    if (stream == NULL) {
        table_error(&file, onsite_str("", 0), "cannot be opened: %s",
                    strerror(errno));
        return;
    }

    file.json = onsite_json_create();
    file.arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    onsite_buf_init(&file.record, 8 * ONSITE_ROW_BYTES_MAX);

    if (file.json == NULL || file.arena == NULL) {
        loader_complain("out of memory");
        tables->failed = true;

    } else {
        read_stream(&file, stream);
        tell_rest(&file);
    }

    onsite_json_destroy(file.json);
    onsite_arena_destroy(file.arena);
    onsite_buf_free(&file.record);

    if (stream != stdin) {
        (void) fclose(stream);
    }
}
