/*
 * ndjson.c - rows as JSON objects, one a line; and lists of bare ids.
 */

#include "table.h"

#include "onsite_json_scalar.h"

#include <stdlib.h>
#include <string.h>

typedef void (*line_pt)(table_file_t *file, onsite_str_t line);


static onsite_str_t
trim(onsite_str_t s)
{
    while (s.len != 0 && strchr(" \t\r\n", s.data[0]) != NULL) {
        s = onsite_str(s.data + 1, s.len - 1);
    }

    while (s.len != 0 && strchr(" \t\r\n", s.data[s.len - 1]) != NULL) {
        s.len--;
    }

    return s;
}


/* Lines of at most TABLE_ROW_TEXT_MAX bytes; a byte order mark is passed
 * over, and so are empty lines. */

static void
read_lines(table_file_t *file, FILE *stream, line_pt take)
{
    char          *buf;
    size_t         len;
    uint64_t       line = 0;
    onsite_str_t   text;

    buf = malloc(TABLE_ROW_TEXT_MAX + 2);

    while (buf != NULL && !file->stop
           && fgets(buf, TABLE_ROW_TEXT_MAX + 2, stream) != NULL)
    {
        file->line = ++line;
        len = strlen(buf);

        if (len == 0 || (buf[len - 1] != '\n' && !feof(stream))) {
            table_error(file, onsite_str("", 0), "a line of more than %d KB,"
                        " or one with zero bytes; the rest of the file was"
                        " not read", TABLE_ROW_TEXT_MAX / 1024);
            file->stop = true;
            break;
        }

        if (line == 1 && len >= 3 && memcmp(buf, "\xef\xbb\xbf", 3) == 0) {
            memmove(buf, buf + 3, len - 2);
            len -= 3;
        }

        text = trim(onsite_str(buf, len));

        if (text.len != 0) {
            take(file, text);
        }

        table_progress(file->tables, len);
    }

    if (buf == NULL) {
        loader_complain("out of memory");
        file->tables->failed = true;
    }

    free(buf);
}


static void
take_object(table_file_t *file, onsite_str_t line)
{
    onsite_error_t   error = { "" };
    onsite_value_t   value;
    onsite_status_t  status;

    onsite_arena_reset(file->arena);
    status = onsite_json_parse(file->json, file->arena, line, &value, &error);

    if (status != ONSITE_OK) {
        table_error(file, onsite_str("", 0), "%s", error.text[0] != '\0'
                    ? error.text : onsite_status_text(status));

    } else if (value.type == ONSITE_OBJECT) {
        table_row(file, &value);

    } else if (value.type == ONSITE_STRING
               && file->source->table == ONSITE_TABLE_LISTS)
    {
        table_id_row(file, onsite_value_str(&value));

    } else {
        table_error(file, onsite_str("", 0), "must be an object, such as"
                    " {\"id\":\"…\"}");
    }
}


static void
take_id(table_file_t *file, onsite_str_t line)
{
    size_t  at;

    if (!onsite_utf8_valid(line, &at)) {
        table_error(file, onsite_str("", 0), "is not UTF-8");
        return;
    }

    onsite_arena_reset(file->arena);
    table_id_row(file, line);
}


void
table_read_ndjson(table_file_t *file, FILE *stream)
{
    read_lines(file, stream, take_object);
}


void
table_read_ids(table_file_t *file, FILE *stream)
{
    read_lines(file, stream, take_id);
}
