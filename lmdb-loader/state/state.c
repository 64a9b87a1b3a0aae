/*
 * state.c - `state`: records of a live or resting state as NDJSON.
 */

#include "loader.h"

#include "onsite_id.h"
#include "onsite_visitor_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK  (16 * 1024)
#define ARENA_MAX    (1 << 20)

typedef struct {
    onsite_store_t    *store;
    loader_names_t    *names;
    onsite_signer_t   *signer;
    onsite_arena_t    *arena;
    loader_who_t       who;             /* of the site; asked for          */
    bool               only_site;       /* asked for: leave out others */
    onsite_buf_t       line;
    onsite_visitor_t   visitor;         /* strings point into record */
    char               record[ONSITE_RECORD_BYTES_MAX];
    size_t             size;
    onsite_key_t       key;             /* record's */
    size_t             damaged;
} state_t;


static bool
print_line(state_t *state)
{
    return !state->line.failed
           && fwrite(state->line.data, 1, state->line.len, stdout)
              == state->line.len;
}


/* A key holds a hash of its site: the name is the one that has it. */

static void
write_visitor(state_t *state, onsite_str_t id, const onsite_key_t *key)
{
    const loader_named_t  *site;

    site = loader_names_of(state->names, onsite_key_site(key));

    onsite_buf_clear(&state->line);
    loader_write_visitor(&state->line, id, site->name, &state->visitor,
                         site->image);
}


/* A record that is named by its key only. */

static bool
print_record(void *data, const onsite_key_t *key, onsite_str_t record)
{
    int                    i;
    char                   hex[33];
    state_t               *state = data;
    onsite_key_t           link;
    onsite_record_kind_t   kind;

    if (state->only_site
        && onsite_key_site(key) != onsite_site_hash(state->who.site))
    {
        return true;
    }

    onsite_arena_reset(state->arena);

    if (onsite_visitor_decode(state->arena, record.data, record.len, &kind,
                              &state->visitor, &link) != ONSITE_OK)
    {
        state->damaged++;
        return true;
    }

    if (kind != ONSITE_RECORD_VISITOR) {
        return true;
    }

    for (i = 0; i < 16; i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", key->bytes[i]);
    }

    write_visitor(state, onsite_str(hex, 32), key);

    return print_line(state);
}


/* The record under a key, a link followed. */

static onsite_status_t
read_record(state_t *state, onsite_key_t key)
{
    int                    hops;
    size_t                 size;
    onsite_key_t           link;
    onsite_status_t        status;
    onsite_record_kind_t   kind;

    for (hops = 0; hops < 4; hops++) {
        status = onsite_store_get(state->store, &key, loader_now(),
                                  state->record, sizeof(state->record),
                                  &size);
        if (status != ONSITE_OK) {
            return status;
        }

        status = onsite_visitor_decode(state->arena, state->record, size,
                                       &kind, &state->visitor, &link);
        if (status != ONSITE_OK) {
            return status;
        }

        if (kind != ONSITE_RECORD_LINK) {
            state->key = key;
            state->size = size;
            return kind == ONSITE_RECORD_VISITOR ? ONSITE_OK
                   : ONSITE_NOT_FOUND;
        }

        key = link;
    }

    return ONSITE_NOT_FOUND;
}


static int
find_record(state_t *state)
{
    onsite_key_t     key;
    onsite_status_t  status;

    onsite_arena_reset(state->arena);
    status = loader_find(state->store, state->signer, &state->who, &key);

    if (status == ONSITE_OK) {
        status = read_record(state, key);
    }

    if (status != ONSITE_OK) {
        loader_complain_of(&state->who, status);
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


static int
print_visitor(state_t *state, onsite_str_t id)
{
    state->who.id = id;

    if (find_record(state) != LOADER_OK) {
        return LOADER_FAILED;
    }

    write_visitor(state, id, &state->key);

    return print_line(state) ? LOADER_OK : LOADER_FAILED;
}


static int
print_from_stdin(state_t *state)
{
    int      rc = LOADER_OK;
    char    *line = NULL;
    size_t   capacity = 0;
    ssize_t  n;

    while ((n = getline(&line, &capacity, stdin)) > 0) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) {
            n--;
        }

        if (n > 0 && print_visitor(state, onsite_str(line, (size_t) n))
                     != LOADER_OK)
        {
            rc = LOADER_FAILED;
        }
    }

    free(line);

    return rc;
}


static int
print_all(state_t *state)
{
    onsite_error_t  error = { "" };

    if (onsite_store_walk(state->store, print_record, state, &error)
        != ONSITE_OK)
    {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    if (state->damaged != 0) {
        loader_complain("%zu record(s) could not be read", state->damaged);
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


static int
read_secret(state_t *state, const char *path)
{
    state->signer = loader_signer(state->store, path);

    return state->signer != NULL ? LOADER_OK : LOADER_FAILED;
}


static void
close_state(state_t *state)
{
    onsite_buf_free(&state->line);
    onsite_signer_destroy(state->signer);
    onsite_arena_destroy(state->arena);
    loader_names_close(state->names);

    if (state->store != NULL) {
        onsite_store_close(state->store);
    }

    free(state);
}


int
loader_read_visitor(const loader_visitor_t *from, onsite_arena_t *arena,
    onsite_visitor_t *visitor, onsite_key_t *key)
{
    int                    rc;
    state_t               *state = calloc(1, sizeof(state_t));
    onsite_str_t           record;
    onsite_record_kind_t   kind;

    if (state == NULL) {
        return LOADER_FAILED;
    }

    state->who = from->who;
    rc = loader_open_state(from->state, &state->store);

    if (rc == LOADER_OK) {
        state->arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
        rc = state->arena == NULL ? LOADER_FAILED
             : read_secret(state, from->key_file);
    }

    if (rc == LOADER_OK) {
        rc = find_record(state);
    }

    if (rc == LOADER_OK) {
        record = onsite_arena_copy(arena, onsite_str(state->record,
                                                     state->size));
        *key = state->key;

        if (record.data == NULL
            || onsite_visitor_decode(arena, record.data, record.len, &kind,
                                     visitor, &state->key) != ONSITE_OK)
        {
            rc = LOADER_FAILED;
        }
    }

    close_state(state);

    return rc;
}


/* id: who is asked for; NULL: all. */

static int
run(state_t *state, const char *dir, const char *snapshot,
    const char *key_file, const char *id)
{
    int  rc;

    rc = loader_open_state(dir, &state->store);

    if (rc == LOADER_OK) {
        state->arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
        rc = state->arena != NULL ? LOADER_OK : LOADER_FAILED;
    }

    if (rc == LOADER_OK) {
        rc = loader_names_open(dir, snapshot, state->who.site,
                               &state->names);
    }

    if (rc == LOADER_OK && id != NULL) {
        rc = read_secret(state, key_file);
    }

    if (rc != LOADER_OK) {
        return rc;
    }

    return id == NULL ? print_all(state)
           : strcmp(id, "-") == 0 ? print_from_stdin(state)
           : print_visitor(state, onsite_str_of(id));
}


int
loader_state(int argc, char **argv)
{
    int          rc;
    state_t     *state;
    const char  *id, *site, *customer, *visitor, *key_file, *snapshot, *json;

    const loader_option_t  options[] = {
        { "customer", 'c', "ID", "only this customer, if proven; - reads ids "
          "from standard input", &customer },
        { "visitor", 'i', "ID", "only this visitor: an id as the client sent "
          "it, or the cookie's; - reads ids from standard input", &visitor },
        { "site", 's', "NAME", "only this site; default with --customer and "
          "--visitor: default", &site },
        { "key-file", 0, "FILE", "the secret of onsite_key_file; default: "
          "the one the state keeps", &key_file },
        { "snapshot", 0, "FILE", "take names of sites, campaigns and journeys "
          "from this snapshot; default: the one that is live with the state",
          &snapshot },
        { "json", 0, NULL, "nothing changes: records are NDJSON as they are",
          &json },
        { 0 }
    };

    (void) loader_options(argc, argv, options, "DIR", 1, 1);
    loader_needs_file(argv[0]);
    loader_needs_file(snapshot);

    if (customer != NULL && visitor != NULL) {
        loader_complain("one of --customer and --visitor says who");
        return LOADER_USAGE;
    }

    state = calloc(1, sizeof(state_t));
    if (state == NULL) {
        return LOADER_FAILED;
    }

    id = customer != NULL ? customer : visitor;
    state->who.customer = customer != NULL;
    state->only_site = site != NULL;
    state->who.site = site != NULL ? onsite_str_of(site)
                                   : ONSITE_STR("default");

    rc = run(state, argv[0], snapshot, key_file, id);
    close_state(state);

    return rc;
}
