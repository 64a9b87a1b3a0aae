/*
 * csv.c - rows of a CSV file (RFC 4180), through libcsv: a header with the
 * names of the columns, cells that are typed by what they look like.
 */

#include "table.h"

#include "onsite_json_scalar.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

#define PIECE       (64 * 1024)
#define DIGITS_MAX  15              /* of an integer that a double holds   */

typedef struct {
    onsite_str_t  name;
    bool          list;             /* name[]: items between "|"           */
    bool          text;             /* never typed                         */
} column_t;

typedef struct {
    table_file_t  *file;
    column_t       columns[TABLE_COLUMNS_MAX];
    size_t         n_columns;       /* 0: the header is still to come      */
    onsite_buf_t   names;
    onsite_buf_t   cells;           /* of the row, one behind the other    */
    size_t         ends[TABLE_COLUMNS_MAX];
    size_t         n;
    uint64_t       lines;           /* read to their end                   */
    size_t         row_bytes;
    bool           between;         /* no row has begun                    */
} csv_t;


static onsite_str_t
trim(onsite_str_t s)
{
    while (s.len != 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s = onsite_str(s.data + 1, s.len - 1);
    }

    while (s.len != 0 && (s.data[s.len - 1] == ' '
                          || s.data[s.len - 1] == '\t'))
    {
        s.len--;
    }

    return s;
}


static onsite_str_t
cell_text(const csv_t *csv, size_t i)
{
    size_t  from = i == 0 ? 0 : csv->ends[i - 1];

    return onsite_str(csv->cells.data + from, csv->ends[i] - from);
}


/* The header */

static void
refuse_header(csv_t *csv, onsite_str_t column, const char *reason)
{
    table_error(csv->file, column, "%s", reason);
    csv->file->stop = true;
}


static bool
check_name(csv_t *csv, size_t i)
{
    size_t        k, at;
    char          number[40];
    onsite_str_t  name = csv->columns[i].name;

    (void) snprintf(number, sizeof(number), "column %zu", i + 1);

    if (name.len == 0 || name.len > TABLE_COLUMN_MAX) {
        refuse_header(csv, onsite_str_of(number),
                      name.len == 0 ? "has no name"
                                    : "has a name of more than 64 bytes");
        return false;
    }

    if (!onsite_utf8_valid(name, &at)) {
        refuse_header(csv, onsite_str_of(number),
                      "its name is not UTF-8: save the file as UTF-8");
        return false;
    }

    if (memchr(name.data, '.', name.len) != NULL) {
        refuse_header(csv, name, "a name has no dots: give what is nested as"
                      " a JSON object in one column");
        return false;
    }

    for (k = 0; k < i; k++) {
        if (onsite_str_eq(csv->columns[k].name, name)) {
            refuse_header(csv, name, "is there twice");
            return false;
        }
    }

    return true;
}


static void
add_column(csv_t *csv, onsite_str_t name)
{
    column_t  *column = &csv->columns[csv->n_columns];

    name = trim(name);
    *column = (column_t) { .name = name };

    if (name.len > 2 && memcmp(name.data + name.len - 2, "[]", 2) == 0) {
        column->name.len -= 2;
        column->list = true;
    }

    column->text = table_is_text_column(column->name);
}


/* The column that names rows: the preferred one of those that are there. */

static void
choose_id(csv_t *csv)
{
    size_t              i;
    const char *const  *name;
    char                text[160];
    onsite_table_t      table = csv->file->source->table;

    for (name = table_id_columns(table); *name != NULL; name++) {
        for (i = 0; i < csv->n_columns; i++) {
            if (onsite_str_eq(csv->columns[i].name,
                              onsite_str_of(*name)))
            {
                csv->file->id_column = *name;
                return;
            }
        }
    }

    (void) snprintf(text, sizeof(text), "the header names no column %s, %s or"
                    " %s%s", table_id_columns(table)[0],
                    table_id_columns(table)[1], table_id_columns(table)[2],
                    table == ONSITE_TABLE_LISTS
                    ? " (bare ids, one a line, are a .txt)" : "");
    refuse_header(csv, onsite_str("", 0), text);
}


static void
take_header(csv_t *csv)
{
    size_t  i;

    /* the names outlive the row */

    onsite_buf_append(&csv->names, csv->cells.data, csv->cells.len);

    if (csv->names.failed) {
        csv->file->tables->failed = true;
        csv->file->stop = true;
        return;
    }

    for (i = 0; i < csv->n && !csv->file->stop; i++) {
        onsite_str_t  name = cell_text(csv, i);

        add_column(csv, onsite_str(csv->names.data
                                   + (name.data - csv->cells.data),
                                   name.len));

        if (!check_name(csv, i)) {
            return;
        }

        csv->n_columns++;
    }

    choose_id(csv);
}


/* Cells */

/* A number that keeps all its digits: "0042" and what is longer than doubles
 * can hold are texts. */

static bool
is_number(onsite_str_t s)
{
    size_t  i, digits = 0;
    bool    integer = true;

    if (s.len == 0 || onsite_json_number_length(s.data, s.len) != s.len) {
        return false;
    }

    for (i = 0; i < s.len; i++) {
        digits += s.data[i] >= '0' && s.data[i] <= '9';
        integer = integer && s.data[i] != '.' && s.data[i] != 'e'
                  && s.data[i] != 'E';
    }

    return !integer || digits <= DIGITS_MAX;
}


static bool
is_json(onsite_str_t s)
{
    return s.len >= 2
           && ((s.data[0] == '{' && s.data[s.len - 1] == '}')
               || (s.data[0] == '[' && s.data[s.len - 1] == ']'));
}


static bool
copy_text(csv_t *csv, const column_t *column, onsite_str_t s,
    onsite_value_t *value)
{
    onsite_str_t  copy = onsite_arena_copy(csv->file->arena, s);

    if (copy.data == NULL) {
        table_error(csv->file, column->name, "is too long");
        return false;
    }

    *value = onsite_value_string(copy);

    return true;
}


static bool
take_list(csv_t *csv, const column_t *column, onsite_str_t s,
    onsite_value_t *value)
{
    size_t           n = 1, i;
    const char      *p, *bar;
    onsite_value_t  *items;

    for (i = 0; i < s.len; i++) {
        n += s.data[i] == '|';
    }

    items = onsite_arena_alloc(csv->file->arena, n * sizeof(*items));

    if (items == NULL) {
        table_error(csv->file, column->name, "has too many items");
        return false;
    }

    *value = (onsite_value_t) { .type = ONSITE_ARRAY, .as.items = items };

    for (p = s.data; p <= s.data + s.len; p = bar + 1) {
        bar = memchr(p, '|', (size_t) (s.data + s.len - p));
        bar = bar != NULL ? bar : s.data + s.len;

        if (!copy_text(csv, column, trim(onsite_str(p, (size_t) (bar - p))),
                       &items[value->len]))
        {
            return false;
        }

        value->len += items[value->len].len != 0;
    }

    return true;
}


static bool
take_json(csv_t *csv, const column_t *column, onsite_str_t s,
    onsite_value_t *value)
{
    onsite_error_t  error = { "" };

    if (onsite_json_parse(csv->file->json, csv->file->arena, s, value, &error)
        != ONSITE_OK)
    {
        table_error(csv->file, column->name, "looks like JSON but is none:"
                    " %s", error.text);
        return false;
    }

    return true;
}


static bool
take_cell(csv_t *csv, const column_t *column, onsite_str_t s,
    onsite_value_t *value)
{
    size_t  at;

    if (!onsite_utf8_valid(s, &at)) {
        table_error(csv->file, column->name, "is not UTF-8: save the file as"
                    " UTF-8");
        return false;
    }

    if (column->list) {
        return take_list(csv, column, s, value);
    }

    if (column->text) {
        return copy_text(csv, column, s, value);
    }

    if (is_number(s)) {
        *value = onsite_value_number(onsite_json_number(s.data, s.len));
        return true;
    }

    if (onsite_str_eq(s, ONSITE_STR("true"))
        || onsite_str_eq(s, ONSITE_STR("false")))
    {
        *value = onsite_value_bool(s.len == 4);
        return true;
    }

    return is_json(s) ? take_json(csv, column, s, value)
                      : copy_text(csv, column, s, value);
}


static void
take_row(csv_t *csv)
{
    bool              right = true;
    size_t            i;
    onsite_str_t      cell;
    onsite_value_t    row = { .type = ONSITE_OBJECT };
    onsite_member_t  *members;

    if (csv->n != csv->n_columns) {
        table_error(csv->file, onsite_str("", 0), "has %zu cell%s, the header"
                    " %zu", csv->n, table_plural(csv->n), csv->n_columns);
        return;
    }

    onsite_arena_reset(csv->file->arena);
    members = onsite_arena_alloc(csv->file->arena,
                                 (csv->n + 1) * sizeof(*members));

    for (i = 0; i < csv->n && members != NULL; i++) {
        cell = cell_text(csv, i);

        if (cell.len == 0) {
            continue;
        }

        members[row.len].key = csv->columns[i].name;
        right = take_cell(csv, &csv->columns[i], cell,
                          &members[row.len].value) && right;
        row.len++;
    }

    row.as.members = members;

    if (right && members != NULL) {
        table_row(csv->file, &row);
    }
}


/* libcsv's calls */

static void
on_cell(void *cell, size_t len, void *data)
{
    csv_t  *csv = data;

    if (csv->n < TABLE_COLUMNS_MAX) {
        onsite_buf_append(&csv->cells, cell, len);
        csv->ends[csv->n] = csv->cells.len;
    }

    csv->n++;
}


static void
on_row(int terminator, void *data)
{
    csv_t  *csv = data;

    (void) terminator;

    if (csv->cells.failed) {
        loader_complain("out of memory");
        csv->file->tables->failed = true;
        csv->file->stop = true;

    } else if (csv->n > TABLE_COLUMNS_MAX) {
        refuse_header(csv, onsite_str("", 0), "has more than 256 cells");

    } else if (!csv->file->stop && csv->n_columns == 0) {
        take_header(csv);

    } else if (!csv->file->stop) {
        take_row(csv);
    }

    onsite_buf_clear(&csv->cells);
    csv->n = 0;
    csv->row_bytes = 0;
    csv->between = true;
}


static bool
is_blank(const char *line, size_t len)
{
    while (len != 0 && strchr(" \t\r\n", line[len - 1]) != NULL) {
        len--;
    }

    return len == 0;
}


/* Up to the end of a line, or of what there is of it. */

static void
feed_line(csv_t *csv, struct csv_parser *parser, const char *line, size_t len)
{
    if (csv->between && !is_blank(line, len)) {
        csv->between = false;
        csv->file->line = csv->lines + 1;
    }

    csv->row_bytes += len;

    if (csv_parse(parser, line, len, on_cell, on_row, csv) != len) {
        csv->file->line = csv->lines + 1;
        refuse_header(csv, onsite_str("", 0), "a quotation mark inside of a"
                      " cell: double it, and put the cell into quotation"
                      " marks; the rest of the file was not read");

    } else if (csv->row_bytes > TABLE_ROW_TEXT_MAX) {
        refuse_header(csv, onsite_str("", 0), "a row of more than 64 KB: is a"
                      " quotation mark not closed? The rest of the file was"
                      " not read");
    }

    csv->lines += line[len - 1] == '\n';
}


/* What separates cells, by the header: a comma, a semicolon (as where commas
 * are decimal) or a tab. */

static unsigned char
separator_of(const char *text, size_t len)
{
    bool    quoted = false;
    size_t  i, commas = 0, semicolons = 0, tabs = 0;

    for (i = 0; i < len && (quoted || text[i] != '\n'); i++) {
        quoted = quoted != (text[i] == '"');

        commas += !quoted && text[i] == ',';
        semicolons += !quoted && text[i] == ';';
        tabs += !quoted && text[i] == '\t';
    }

    return tabs > commas && tabs > semicolons ? CSV_TAB
           : semicolons > commas ? ';' : CSV_COMMA;
}


static void
feed(csv_t *csv, struct csv_parser *parser, const char *piece, size_t len)
{
    const char  *p, *end, *eol;

    p = piece;
    end = piece + len;

    while (p < end && !csv->file->stop) {
        eol = memchr(p, '\n', (size_t) (end - p));
        eol = eol != NULL ? eol + 1 : end;
        feed_line(csv, parser, p, (size_t) (eol - p));
        p = eol;
    }

    table_progress(csv->file->tables, len);
}


/* A tab that separates is no blank around a cell. */

static int
is_space(unsigned char c)
{
    return c == ' ';
}


static void
read_pieces(csv_t *csv, struct csv_parser *parser, FILE *stream, char *piece)
{
    size_t  n, skip;
    bool    first = true;

    while (!csv->file->stop && (n = fread(piece, 1, PIECE, stream)) != 0) {
        skip = first && n >= 3 && memcmp(piece, "\xef\xbb\xbf", 3) == 0 ? 3
                                                                        : 0;
        if (first) {
            csv_set_delim(parser, separator_of(piece + skip, n - skip));
        }

        first = false;
        feed(csv, parser, piece + skip, n - skip);
    }

    if (!csv->file->stop && csv_fini(parser, on_cell, on_row, csv) != 0) {
        table_error(csv->file, onsite_str("", 0), "a quotation mark is not"
                    " closed");
    }

    if (!csv->file->stop && csv->n_columns == 0) {
        csv->file->line = 1;
        refuse_header(csv, onsite_str("", 0), "is empty: its first row names"
                      " the columns");
    }
}


void
table_read_csv(table_file_t *file, FILE *stream)
{
    char               *piece = malloc(PIECE);
    csv_t              *csv = calloc(1, sizeof(csv_t));
    struct csv_parser   parser;

    if (piece == NULL || csv == NULL
        || csv_init(&parser, CSV_STRICT|CSV_STRICT_FINI) != 0)
    {
        loader_complain("out of memory");
        file->tables->failed = true;

    } else {
        csv->file = file;
        csv->between = true;
        csv_set_space_func(&parser, is_space);
        onsite_buf_init(&csv->names, 0);
        onsite_buf_init(&csv->cells, 0);

        read_pieces(csv, &parser, stream, piece);

        csv_free(&parser);
        onsite_buf_free(&csv->names);
        onsite_buf_free(&csv->cells);
    }

    free(csv);
    free(piece);
}
