/*
 * outbox.c - `outbox`: what waits to leave, as NDJSON.
 */

#include "loader.h"

#include "onsite_json.h"
#include "onsite_outbox.h"
#include "retry.h"

#include <string.h>

#define ARENA_CHUNK  (64 * 1024)
#define ARENA_MAX    (16 << 20)

typedef struct {
    onsite_store_t  *store;
    onsite_arena_t  *arena;
    onsite_json_t   *json;
    onsite_buf_t     line;
    const char      *site;              /* NULL: all */
    const char      *kind;              /* NULL: both */
    bool             dead;              /* only what was given up */
    size_t           damaged;
} outbox_t;

static const char *const  kinds[] = { "event", "delivery" };


/* A key ends in a hash of its site. */

static bool
is_wanted(const outbox_t *outbox, onsite_outbox_kind_t kind,
    const onsite_key_t *visitor)
{
    if (outbox->kind != NULL && strcmp(outbox->kind, kinds[kind]) != 0) {
        return false;
    }

    return outbox->site == NULL
           || onsite_key_site(visitor)
              == onsite_site_hash(onsite_str(outbox->site,
                                             strlen(outbox->site)));
}


/* What is remembered of a delivery that did not leave. */

static bool
read_note(const outbox_t *outbox, uint64_t seq, retry_note_t *note)
{
    char    bytes[ONSITE_DELIVERY_NOTE_MAX];
    size_t  size;

    *note = (retry_note_t) { .attempts = 0 };

    return onsite_store_delivery_noted(outbox->store, seq, bytes, &size,
                                       NULL) == ONSITE_OK
           && retry_note_decode(bytes, size, note);
}


/* Into the object that the line is. */

static void
add_note(const retry_note_t *note, onsite_buf_t *line)
{
    if (line->failed || line->len == 0) {
        return;
    }

    line->len--;
    onsite_buf_str(line, ONSITE_STR(",\"tried\":"));
    retry_note_write(note, line);
    onsite_buf_char(line, '}');
}


static bool
print_entry(void *data, uint64_t seq, onsite_str_t bytes)
{
    outbox_t              *outbox = data;
    bool                   noted;
    retry_note_t           note;
    onsite_key_t           visitor;
    onsite_outbox_kind_t   kind;

    if (onsite_outbox_kind(bytes.data, bytes.len, &kind)
        && onsite_outbox_visitor(bytes.data, bytes.len, &visitor)
        && !is_wanted(outbox, kind, &visitor))
    {
        return true;
    }

    noted = read_note(outbox, seq, &note);

    if (outbox->dead && note.dead == 0) {
        return true;
    }

    onsite_arena_reset(outbox->arena);
    onsite_buf_clear(&outbox->line);

    if (onsite_outbox_write(&outbox->line, seq, bytes, outbox->json,
                            outbox->arena)
        != ONSITE_OK)
    {
        outbox->damaged++;
        return true;
    }

    if (noted) {
        add_note(&note, &outbox->line);
    }

    onsite_buf_char(&outbox->line, '\n');

    return !outbox->line.failed
           && fwrite(outbox->line.data, 1, outbox->line.len, stdout)
              == outbox->line.len;
}


static int
print_outbox(outbox_t *outbox)
{
    onsite_error_t  error = { "" };

    if (onsite_store_outbox_walk(outbox->store, print_entry, outbox, &error)
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
    const char      *dead, *json;

    const loader_option_t  options[] = {
        { "site", 's', "NAME", "only this site's", &outbox.site },
        { "kind", 'k', "KIND", "only these: event or delivery",
          &outbox.kind },
        { "dead", 0, NULL, "only deliveries that were given up", &dead },
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

    outbox.dead = dead != NULL;

    if (loader_open_state(argv[0], &outbox.store) != LOADER_OK) {
        return LOADER_FAILED;
    }

    onsite_buf_init(&outbox.line, 0);
    outbox.arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    outbox.json = onsite_json_create();

    if (outbox.arena == NULL || outbox.json == NULL) {
        loader_complain("out of memory");
        rc = LOADER_FAILED;

    } else {
        rc = print_outbox(&outbox);
    }

    onsite_buf_free(&outbox.line);
    onsite_json_destroy(outbox.json);
    onsite_arena_destroy(outbox.arena);
    onsite_store_close(outbox.store);

    return rc;
}
