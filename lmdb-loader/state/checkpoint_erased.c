/*
 * checkpoint_erased.c - who was erased since a checkpoint: a line each, in a
 * file beside them, synced.
 */

#include "checkpoint.h"
#include "loader.h"

#include "onsite_event.h"
#include "onsite_file.h"
#include "onsite_json.h"
#include "onsite_visitor_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME         "erased.ndjson"
#define TEXT_MAX     (16 << 20)
#define ARENA_CHUNK  (16 * 1024)
#define ARENA_MAX    (1 << 20)


static void
path_of(const char *folder, char path[PATH_MAX])
{
    (void) snprintf(path, PATH_MAX, "%s/" NAME, folder);
}


/* Reading */

static bool
read_key(const onsite_value_t *value, onsite_key_t *key)
{
    int           high, low;
    size_t        i;
    onsite_str_t  hex;

    if (value->type != ONSITE_STRING || value->len != 2 * sizeof(*key)) {
        return false;
    }

    hex = onsite_value_str(value);

    for (i = 0; i < sizeof(*key); i++) {
        high = onsite_hex_digit(hex.data[2 * i]);
        low = onsite_hex_digit(hex.data[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }

        key->bytes[i] = (uint8_t) (high << 4 | low);
    }

    return true;
}


static bool
read_line(const onsite_value_t *value, onsite_erased_t *erased)
{
    size_t                 i;
    const onsite_value_t  *number, *time, *keys;

    number = onsite_value_get(value, ONSITE_STR("number"));
    time = onsite_value_get(value, ONSITE_STR("time"));
    keys = onsite_value_get(value, ONSITE_STR("keys"));

    if (number == NULL || number->type != ONSITE_NUMBER
        || number->as.number < 0 || number->as.number > 9e15
        || time == NULL || onsite_time_read(time, &erased->time) != ONSITE_OK
        || keys == NULL || keys->type != ONSITE_ARRAY
        || keys->len > ONSITE_RELATED_MAX)
    {
        return false;
    }

    erased->number = (uint64_t) number->as.number;
    erased->n = keys->len;

    for (i = 0; i < keys->len; i++) {
        if (!read_key(&keys->as.items[i], &erased->keys[i])) {
            return false;
        }
    }

    return true;
}


/* A last line without its end was never told of. */

static onsite_status_t
each_line(onsite_str_t text, checkpoint_erased_pt visit, void *data,
    onsite_error_t *error)
{
    const char       *end;
    onsite_str_t      line;
    onsite_json_t    *json = onsite_json_create();
    onsite_value_t    value;
    onsite_arena_t   *arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    onsite_status_t   status = json != NULL && arena != NULL ? ONSITE_OK
                               : ONSITE_NO_MEMORY;
    onsite_erased_t   erased;

    while (status == ONSITE_OK && text.len != 0
           && (end = memchr(text.data, '\n', text.len)) != NULL)
    {
        line = onsite_str(text.data, (size_t) (end - text.data));
        text = onsite_str(end + 1, text.len - line.len - 1);
        onsite_arena_reset(arena);

        if (onsite_json_parse(json, arena, line, &value, NULL) == ONSITE_OK
            && read_line(&value, &erased))
        {
            status = visit(data, &erased, line, error);
        }
    }

    onsite_arena_destroy(arena);
    onsite_json_destroy(json);

    return status;
}


onsite_status_t
checkpoint_erased_read(const char *folder, checkpoint_erased_pt visit,
    void *data, onsite_error_t *error)
{
    char             path[PATH_MAX];
    onsite_buf_t     text;
    onsite_status_t  status;

    path_of(folder, path);
    onsite_buf_init(&text, 0);
    status = access(path, F_OK) == 0
             ? files_read(path, TEXT_MAX, &text, error) : ONSITE_OK;

    if (status == ONSITE_OK && text.len != 0) {
        status = each_line(onsite_str(text.data, text.len), visit, data,
                           error);
    }

    onsite_buf_free(&text);

    return status;
}


static onsite_status_t
see_number(void *data, const onsite_erased_t *erased, onsite_str_t line,
    onsite_error_t *error)
{
    uint64_t  *next = data;

    (void) line;
    (void) error;
    *next = erased->number >= *next ? erased->number + 1 : *next;

    return ONSITE_OK;
}


onsite_status_t
checkpoint_erased_next(const char *folder, uint64_t *next,
    onsite_error_t *error)
{
    *next = 0;

    return checkpoint_erased_read(folder, see_number, next, error);
}


/* Writing */

static void
write_line(onsite_buf_t *out, const onsite_erased_t *erased)
{
    size_t  i, k;

    onsite_buf_printf(out, "{\"number\":%llu,\"time\":",
                      (unsigned long long) erased->number);
    onsite_write_time(out, erased->time);
    onsite_buf_printf(out, ",\"keys\":[");

    for (i = 0; i < erased->n; i++) {
        onsite_buf_printf(out, "%s\"", i != 0 ? "," : "");

        for (k = 0; k < sizeof(onsite_key_t); k++) {
            onsite_buf_printf(out, "%02x", erased->keys[i].bytes[k]);
        }

        onsite_buf_char(out, '"');
    }

    onsite_buf_printf(out, "]}\n");
}


/* Behind a line that was cut off comes an end of line first. */

static onsite_status_t
append(const char *folder, onsite_buf_t *lines, onsite_error_t *error)
{
    int    fd;
    bool   done;
    char   path[PATH_MAX], last = '\n';
    off_t  size;

    path_of(folder, path);
    fd = open(path, O_RDWR|O_CREAT|O_APPEND|O_CLOEXEC, 0600);

    if (fd < 0) {
        return onsite_error(error, ONSITE_IO, "%s: %s", path,
                            strerror(errno));
    }

    size = lseek(fd, 0, SEEK_END);
    done = size <= 0 || pread(fd, &last, 1, size - 1) == 1;

    if (done && last != '\n') {
        done = onsite_write_all(fd, "\n", 1);
    }

    done = done && !lines->failed
           && onsite_write_all(fd, lines->data, lines->len)
           && fsync(fd) == 0 && (size > 0 || files_sync_folder(path));

    if (!done) {
        (void) onsite_error(error, ONSITE_IO, "%s: %s", path,
                            strerror(errno));
    }

    (void) close(fd);

    return done ? ONSITE_OK : ONSITE_IO;
}


onsite_status_t
checkpoint_erased_take(const char *folder, onsite_store_t *store,
    uint64_t *next, unsigned *n, onsite_error_t *error)
{
    uint64_t          state_next, from = *next;
    onsite_buf_t      lines;
    onsite_status_t   status;
    onsite_erased_t   erased;

    *n = 0;
    onsite_buf_init(&lines, 0);

    while ((status = onsite_store_erased(store, from, &erased, &state_next,
                                         error))
           == ONSITE_OK)
    {
        write_line(&lines, &erased);
        from = erased.number + 1;
        ++*n;
    }

    status = status == ONSITE_NOT_FOUND ? ONSITE_OK : status;

    if (status == ONSITE_OK && *n != 0) {
        status = append(folder, &lines, error);
    }

    if (status == ONSITE_OK) {
        *next = from > state_next ? from : state_next;
        status = onsite_store_erased_forget(store, *next, error);
    }

    onsite_buf_free(&lines);

    return status;
}


/* Those that no checkpoint needs any more go. */

typedef struct {
    uint64_t      below;
    bool          any;
    onsite_buf_t  lines;
} pruning_t;


static onsite_status_t
keep_line(void *data, const onsite_erased_t *erased, onsite_str_t line,
    onsite_error_t *error)
{
    pruning_t  *pruning = data;

    (void) error;

    if (erased->number < pruning->below) {
        pruning->any = true;

    } else {
        onsite_buf_str(&pruning->lines, line);
        onsite_buf_char(&pruning->lines, '\n');
    }

    return ONSITE_OK;
}


void
checkpoint_erased_prune(const char *folder, uint64_t below)
{
    char       path[PATH_MAX];
    pruning_t  pruning = { .below = below };

    onsite_buf_init(&pruning.lines, 0);

    if (checkpoint_erased_read(folder, keep_line, &pruning, NULL)
        == ONSITE_OK && pruning.any && !pruning.lines.failed)
    {
        path_of(folder, path);

        if (pruning.lines.len == 0) {
            (void) unlink(path);

        } else {
            (void) files_write(path, onsite_str(pruning.lines.data,
                                                pruning.lines.len),
                               0600, true, NULL);
        }
    }

    onsite_buf_free(&pruning.lines);
}
