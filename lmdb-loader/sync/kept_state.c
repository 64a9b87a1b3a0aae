/*
 * kept_state.c - FILE.sync/state.json.
 */

#include "kept.h"

#include "onsite_event.h"
#include "onsite_json.h"
#include "onsite_visitor_json.h"

#include <stdio.h>
#include <string.h>

#define TYPE          "onsite-sync"
#define FORMAT        1
#define TEXT_MAX      (16 * 1024)
#define ARENA_CHUNK   (16 * 1024)
#define ARENA_MAX     (1024 * 1024)


/* Reading: a member that is null or not there stays zero. */

static const onsite_value_t *
member(const onsite_value_t *object, const char *name)
{
    return onsite_value_get(object, onsite_str(name, strlen(name)));
}


static bool
read_number(const onsite_value_t *object, const char *name, uint64_t *out)
{
    const onsite_value_t  *value = member(object, name);

    if (value == NULL || value->type == ONSITE_NULL) {
        return true;
    }

    if (value->type != ONSITE_NUMBER || value->as.number < 0
        || value->as.number > (double) MANIFEST_VERSION_MAX)
    {
        return false;
    }

    *out = (uint64_t) value->as.number;

    return true;
}


static bool
read_time(const onsite_value_t *object, const char *name, onsite_ms_t *out)
{
    const onsite_value_t  *value = member(object, name);

    return value == NULL || value->type == ONSITE_NULL
           || onsite_time_read(value, out) == ONSITE_OK;
}


static bool
read_mark(const onsite_value_t *object, const char *name, kept_mark_t *mark)
{
    onsite_str_t           hex;
    const onsite_value_t  *value = member(object, name);

    if (value == NULL || value->type == ONSITE_NULL) {
        return true;
    }

    hex = onsite_value_get_str(value, ONSITE_STR("sha256"));

    if (!read_number(value, "version", &mark->version) || mark->version == 0
        || !files_is_sha256(hex))
    {
        return false;
    }

    memcpy(mark->sha256, hex.data, hex.len);

    return true;
}


static void
read_text(const onsite_value_t *object, const char *name, char *out,
    size_t size)
{
    onsite_str_t  text;

    text = onsite_value_get_str(object, onsite_str(name, strlen(name)));
    (void) snprintf(out, size, "%.*s", (int) text.len,
                    text.data != NULL ? text.data : "");
}


static bool
read_state(const onsite_value_t *value, kept_state_t *state)
{
    uint64_t               format = 0;
    const onsite_value_t  *failing;

    failing = member(value, "failing");
    read_text(value, "site", state->site, sizeof(state->site));

    if (failing != NULL && failing->type == ONSITE_OBJECT) {
        read_text(failing, "why", state->why, sizeof(state->why));

        if (!read_time(failing, "since", &state->failing)) {
            return false;
        }
    }

    return onsite_str_eq(onsite_value_get_str(value, ONSITE_STR("type")),
                         ONSITE_STR(TYPE))
           && read_number(value, "format", &format) && format == FORMAT
           && read_mark(value, "live", &state->live)
           && read_mark(value, "highest", &state->highest)
           && read_time(value, "expires", &state->expires)
           && read_number(value, "rolled_back_from",
                          &state->rolled_back_from)
           && read_time(value, "checked", &state->checked)
           && state->live.version <= state->highest.version;
}


static bool
parse(onsite_str_t text, kept_state_t *state)
{
    bool             good;
    onsite_json_t   *json;
    onsite_value_t   value;
    onsite_arena_t  *arena;

    json = onsite_json_create();
    arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);

    good = json != NULL && arena != NULL
           && onsite_json_parse(json, arena, text, &value, NULL) == ONSITE_OK
           && read_state(&value, state);

    onsite_arena_destroy(arena);
    onsite_json_destroy(json);

    return good;
}


onsite_status_t
kept_read(const kept_t *kept, kept_state_t *state, onsite_error_t *error)
{
    char             path[PATH_MAX];
    onsite_buf_t     text;
    onsite_status_t  status;

    memset(state, 0, sizeof(*state));
    (void) snprintf(path, sizeof(path), "%s/state.json", kept->folder);
    onsite_buf_init(&text, 0);
    status = files_read(path, TEXT_MAX, &text, error);

    if (status == ONSITE_OK
        && !parse(onsite_str(text.data, text.len), state))
    {
        memset(state, 0, sizeof(*state));
        status = onsite_error(error, ONSITE_CORRUPT, "%s is damaged, or of "
                              "another version: remove it, and what is live "
                              "counts as the highest version that was seen",
                              path);
    }

    onsite_buf_free(&text);

    return status;
}


/* Writing */

static void
write_mark(onsite_buf_t *out, const char *name, const kept_mark_t *mark)
{
    onsite_buf_printf(out, ",\n  \"%s\": ", name);

    if (mark->version == 0) {
        onsite_buf_printf(out, "null");
        return;
    }

    onsite_buf_printf(out, "{ \"version\": %llu, \"sha256\": \"%s\" }",
                      (unsigned long long) mark->version, mark->sha256);
}


static void
write_failing(onsite_buf_t *out, const kept_state_t *state)
{
    onsite_buf_printf(out, ",\n  \"failing\": ");

    if (state->failing == 0) {
        onsite_buf_printf(out, "null");
        return;
    }

    onsite_buf_printf(out, "{ \"since\": ");
    onsite_write_time(out, state->failing);
    onsite_buf_printf(out, ", \"why\": ");
    onsite_write_json_string(out, onsite_str(state->why,
                                             strlen(state->why)));
    onsite_buf_printf(out, " }");
}


onsite_status_t
kept_write(const kept_t *kept, const kept_state_t *state,
    onsite_error_t *error)
{
    char             path[PATH_MAX];
    onsite_buf_t     out;
    onsite_status_t  status;

    (void) snprintf(path, sizeof(path), "%s/state.json", kept->folder);
    onsite_buf_init(&out, 0);

    onsite_buf_printf(&out, "{\n  \"type\": \"" TYPE "\",\n  \"format\": %d,"
                      "\n  \"site\": ", FORMAT);
    onsite_write_json_string(&out, onsite_str(state->site,
                                              strlen(state->site)));
    write_mark(&out, "live", &state->live);
    onsite_buf_printf(&out, ",\n  \"expires\": ");
    onsite_write_time(&out, state->expires);
    write_mark(&out, "highest", &state->highest);
    onsite_buf_printf(&out, ",\n  \"rolled_back_from\": ");

    if (state->rolled_back_from != 0) {
        onsite_buf_printf(&out, "%llu",
                          (unsigned long long) state->rolled_back_from);
    } else {
        onsite_buf_printf(&out, "null");
    }

    onsite_buf_printf(&out, ",\n  \"checked\": ");
    onsite_write_time(&out, state->checked);
    write_failing(&out, state);
    onsite_buf_printf(&out, "\n}\n");

    status = out.failed
             ? onsite_error(error, ONSITE_NO_MEMORY, "out of memory")
             : files_write(path, onsite_str(out.data, out.len), 0644, true,
                           error);
    onsite_buf_free(&out);

    if (status == ONSITE_OK) {
        kept_give(kept, path);
    }

    return status;
}
