/*
 * outbox.c - `outbox`: what waits to leave, as NDJSON.
 */

#include "loader.h"

#include "onsite_json.h"
#include "onsite_outbox.h"

#include <string.h>

#define ARENA_CHUNK  (64 * 1024)
#define ARENA_MAX    (16 << 20)

typedef struct {
    onsite_arena_t  *arena;
    onsite_json_t   *json;
    onsite_buf_t     line;
    const char      *site;              /* NULL: all */
    const char      *kind;              /* NULL: both */
    size_t           damaged;
} outbox_t;

static const char *const  kinds[] = { "event", "delivery" };


static void
write_hex(onsite_buf_t *out, const char *name, const uint8_t *bytes)
{
    size_t  i;

    onsite_buf_printf(out, ",\"%s\":\"", name);

    for (i = 0; i < sizeof(onsite_key_t); i++) {
        onsite_buf_printf(out, "%02x", bytes[i]);
    }

    onsite_buf_char(out, '"');
}


/* Empty: not known. */

static void
write_text(onsite_buf_t *out, const char *name, onsite_str_t text)
{
    onsite_buf_printf(out, ",\"%s\":", name);

    if (text.len != 0) {
        onsite_write_json_string(out, text);

    } else {
        onsite_buf_str(out, ONSITE_STR("null"));
    }
}


/* JSON as it is, on one line; what is none (damage) as a string. */

static void
write_data(outbox_t *outbox, onsite_str_t data)
{
    size_t           i;
    onsite_buf_t    *out = &outbox->line;
    onsite_value_t   value;

    if (data.len == 0
        || onsite_json_parse(outbox->json, outbox->arena, data, &value, NULL)
           != ONSITE_OK)
    {
        write_text(out, "data", data);
        return;
    }

    onsite_buf_str(out, ONSITE_STR(",\"data\":"));

    /* JSON has line ends between its tokens only */

    for (i = 0; i < data.len; i++) {
        onsite_buf_char(out, data.data[i] == '\n' || data.data[i] == '\r'
                             ? ' ' : data.data[i]);
    }
}


static void
write_entry(outbox_t *outbox, uint64_t seq,
    const onsite_outbox_entry_t *entry)
{
    onsite_buf_t    *out = &outbox->line;
    onsite_value_t   number;

    onsite_buf_clear(out);
    onsite_buf_printf(out, "{\"seq\":%llu,\"kind\":\"%s\"",
                      (unsigned long long) seq, kinds[entry->kind]);
    write_hex(out, "id", entry->id);
    onsite_buf_str(out, ONSITE_STR(",\"time\":"));
    loader_write_time(out, entry->time);
    write_hex(out, "visitor", entry->visitor.bytes);
    write_text(out, "site", entry->site);
    write_text(out, "user_id", entry->user_id);
    write_text(out, "event", entry->event);

    if (entry->kind == ONSITE_OUTBOX_DELIVERY) {
        number = onsite_value_number(entry->propensity);
        write_text(out, "campaign", entry->campaign);

        /* one without a name is "", as `decide` has it */

        onsite_buf_str(out, ONSITE_STR(",\"variant\":"));
        onsite_write_json_string(out, entry->variant);
        onsite_buf_str(out, ONSITE_STR(",\"propensity\":"));
        onsite_value_write_json(out, &number);
        write_text(out, "endpoint", entry->endpoint);
    }

    write_data(outbox, entry->data);
    onsite_buf_str(out, ONSITE_STR("}\n"));
}


static bool
print_entry(void *data, uint64_t seq, onsite_str_t bytes)
{
    outbox_t               *outbox = data;
    onsite_outbox_entry_t   entry;

    onsite_arena_reset(outbox->arena);

    if (onsite_outbox_decode(bytes.data, bytes.len, &entry) != ONSITE_OK) {
        outbox->damaged++;
        return true;
    }

    if ((outbox->kind != NULL && strcmp(outbox->kind, kinds[entry.kind]) != 0)
        || (outbox->site != NULL
            && !onsite_str_eq(entry.site, onsite_str(outbox->site,
                                                     strlen(outbox->site)))))
    {
        return true;
    }

    write_entry(outbox, seq, &entry);

    return !outbox->line.failed
           && fwrite(outbox->line.data, 1, outbox->line.len, stdout)
              == outbox->line.len;
}


static int
print_outbox(outbox_t *outbox, onsite_store_t *store)
{
    onsite_error_t  error = { "" };

    if (onsite_store_outbox_walk(store, print_entry, outbox, &error)
        != ONSITE_OK)
    {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    if (outbox->damaged != 0) {
        loader_complain("%zu entries could not be read", outbox->damaged);
        return LOADER_FAILED;
    }

    if (outbox->line.failed || fflush(stdout) != 0 || ferror(stdout)) {
        loader_complain("cannot write");
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


int
loader_outbox(int argc, char **argv)
{
    int              rc;
    outbox_t         outbox = { .damaged = 0 };
    const char      *json;
    onsite_store_t  *store;

    const loader_option_t  options[] = {
        { "site", 's', "NAME", "only this site's", &outbox.site },
        { "kind", 'k', "KIND", "only these: event or delivery",
          &outbox.kind },
        { "json", 0, NULL, "nothing changes: entries are NDJSON as they are",
          &json },
        { 0 }
    };

    (void) loader_options(argc, argv, options, "DIR", 1, 1);
    loader_needs_file(argv[0]);

    if (outbox.kind != NULL && strcmp(outbox.kind, kinds[0]) != 0
        && strcmp(outbox.kind, kinds[1]) != 0)
    {
        loader_complain("--kind: \"%s\" is neither event nor delivery",
                        outbox.kind);
        return LOADER_USAGE;
    }

    if (loader_open_state(argv[0], &store) != LOADER_OK) {
        return LOADER_FAILED;
    }

    onsite_buf_init(&outbox.line, 0);
    outbox.arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    outbox.json = onsite_json_create();

    if (outbox.arena == NULL || outbox.json == NULL) {
        loader_complain("out of memory");
        rc = LOADER_FAILED;

    } else {
        rc = print_outbox(&outbox, store);
    }

    onsite_buf_free(&outbox.line);
    onsite_json_destroy(outbox.json);
    onsite_arena_destroy(outbox.arena);
    onsite_store_close(store);

    return rc;
}
