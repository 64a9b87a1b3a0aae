/*
 * export.c - `export`: all that is held of one visitor, as JSON.
 */

#include "loader.h"

#include "onsite_export.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK  (64 * 1024)
#define ARENA_MAX    (16 << 20)


typedef struct {
    onsite_export_t     export;
    onsite_store_t     *store;
    onsite_signer_t    *signer;
    loader_names_t     *names;
    onsite_json_t      *json;
    onsite_arena_t     *arena;
    onsite_buf_t        line;
} exporter_t;


static int
make_ready(exporter_t *e, const char *dir, const char *snapshot,
    const char *key_file)
{
    if (loader_open_state(dir, &e->store) != LOADER_OK
        || loader_names_open(dir, snapshot, e->export.site, &e->names)
           != LOADER_OK)
    {
        return LOADER_FAILED;
    }

    e->export.image = loader_names_of(e->names,
                                  onsite_site_hash(e->export.site))->image;

    e->signer = loader_signer(e->store, key_file);
    e->json = onsite_json_create();
    e->arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);

    if (e->signer == NULL || e->json == NULL || e->arena == NULL) {
        return LOADER_FAILED;
    }

    e->export.store = e->store;
    e->export.json = e->json;
    e->export.arena = e->arena;
    e->export.budget = UINT_MAX;
    e->export.reach = ONSITE_REACH_VISITOR;

    return LOADER_OK;
}


static int
write_visitor(exporter_t *e, const loader_who_t *who)
{
    onsite_key_t     key;
    onsite_status_t  status;

    status = loader_find(e->store, e->signer, who, &key);

    if (status == ONSITE_OK) {
        status = onsite_export_write(&e->export, &key, loader_now(),
                                     &e->line);
    }

    if (status != ONSITE_OK) {
        loader_complain_of(who, status);
        return LOADER_FAILED;
    }

    onsite_buf_char(&e->line, '\n');

    return !e->line.failed
           && fwrite(e->line.data, 1, e->line.len, stdout) == e->line.len
           ? LOADER_OK : LOADER_FAILED;
}


static void
end(exporter_t *e)
{
    onsite_buf_free(&e->line);
    onsite_signer_destroy(e->signer);

    if (e->json != NULL) {
        onsite_json_destroy(e->json);
    }

    onsite_arena_destroy(e->arena);

    loader_names_close(e->names);
    onsite_store_close(e->store);
}


int
loader_export(int argc, char **argv)
{
    int           rc;
    exporter_t    e = { 0 };
    const char   *id, *site, *customer, *visitor, *key_file, *snapshot, *json;
    loader_who_t  who;

    const loader_option_t  options[] = {
        { "customer", 'c', "ID", "this customer, if proven", &customer },
        { "visitor", 'i', "ID", "this visitor: an id as the client sent it, "
          "or the cookie's", &visitor },
        { "site", 's', "NAME", "of this site; default: default", &site },
        { "key-file", 0, "FILE", "the secret of onsite_key_file; default: "
          "the one the state keeps", &key_file },
        { "snapshot", 0, "FILE", "take names of campaigns and journeys from "
          "this snapshot; default: the one that is live with the state",
          &snapshot },
        { "json", 0, NULL, "nothing changes: it is JSON as it is", &json },
        { 0 }
    };

    (void) loader_options(argc, argv, options, "DIR", 1, 1);
    loader_needs_file(argv[0]);
    loader_needs_file(snapshot);

    if ((customer == NULL) == (visitor == NULL)) {
        loader_complain("one of --customer and --visitor says who");
        return LOADER_USAGE;
    }

    e.export.site = site != NULL ? onsite_str_of(site)
                                 : ONSITE_STR("default");
    id = customer != NULL ? customer : visitor;
    who = (loader_who_t) { e.export.site, onsite_str_of(id),
                           customer != NULL };

    rc = make_ready(&e, argv[0], snapshot, key_file);

    if (rc == LOADER_OK) {
        rc = write_visitor(&e, &who);
    }

    end(&e);

    return rc;
}
