/*
 * erase.c - `erase`: a visitor or customer goes, from a live or resting state.
 */

#include "loader.h"

#include "onsite_visitor_codec.h"
#include "onsite_visitor_json.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    onsite_store_t    *store;
    onsite_signer_t   *signer;
    loader_who_t       who;
    bool               dry;
    bool               json;
    onsite_key_t      *keys;            /* to erase                        */
    size_t             n;
    size_t             capacity;
    bool               failed;
} erase_t;


static void
add_key(erase_t *erase, const onsite_key_t *key)
{
    onsite_key_t  *keys;

    if (erase->n == erase->capacity) {
        erase->capacity = erase->capacity != 0 ? 2 * erase->capacity : 16;
        keys = realloc(erase->keys, erase->capacity * sizeof(onsite_key_t));

        if (keys == NULL) {
            erase->failed = true;
            return;
        }

        erase->keys = keys;
    }

    erase->keys[erase->n++] = *key;
}


/* A record of who said to be this customer without a proof has no link. */

static bool
claims_customer(void *data, const onsite_key_t *key, onsite_str_t record)
{
    erase_t                   *erase = data;
    onsite_key_t               link;
    onsite_record_kind_t       kind;
    static onsite_visitor_t    visitor;

    if (onsite_key_site(key) == onsite_site_hash(erase->who.site)
        && onsite_visitor_decode(NULL, record.data, record.len, &kind,
                                 &visitor, &link) == ONSITE_OK
        && kind == ONSITE_RECORD_VISITOR
        && onsite_str_eq(visitor.user_id, erase->who.id))
    {
        add_key(erase, key);
    }

    return !erase->failed;
}


static int
find_customer(erase_t *erase)
{
    size_t          i;
    onsite_key_t    key;
    onsite_error_t  error = { "" };

    if (onsite_store_walk(erase->store, claims_customer, erase, &error)
        != ONSITE_OK)
    {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    /* the proven one, too, when its record is gone but not what led to it */

    key = onsite_visitor_key(erase->signer, erase->who.site, 'u',
                             erase->who.id);

    for (i = 0; i < erase->n; i++) {
        if (memcmp(&erase->keys[i], &key, sizeof(key)) == 0) {
            return LOADER_OK;
        }
    }

    add_key(erase, &key);

    return erase->failed ? LOADER_FAILED : LOADER_OK;
}


static int
find_visitor(erase_t *erase)
{
    onsite_key_t     key;
    onsite_status_t  status;

    status = loader_find(erase->store, erase->signer, &erase->who, &key);

    if (status != ONSITE_OK) {
        loader_complain_of(&erase->who, status);
        return LOADER_FAILED;
    }

    add_key(erase, &key);

    return erase->failed ? LOADER_FAILED : LOADER_OK;
}


static void
tell(const erase_t *erase, const onsite_key_t *key, size_t ids)
{
    onsite_buf_t  line = { 0 };

    if (erase->json) {
        onsite_buf_printf(&line, "{\"visitor\":");
        onsite_write_key(&line, key);
        onsite_buf_printf(&line, ",\"ids\":%zu,\"erased\":%s}\n", ids,
                          erase->dry ? "false" : "true");

    } else {
        onsite_buf_printf(&line, "%s ", erase->dry ? "would erase" : "erased");
        onsite_write_key(&line, key);
        onsite_buf_printf(&line, " and %zu id%s that led to it\n", ids - 1,
                          ids == 2 ? "" : "s");
    }

    if (!line.failed) {
        (void) fwrite(line.data, 1, line.len, stdout);
    }

    onsite_buf_free(&line);
}


/* Whether there was anything. */

static int
erase_key(erase_t *erase, const onsite_key_t *key, size_t *erased)
{
    size_t           n;
    onsite_key_t     related[ONSITE_RELATED_MAX];
    onsite_error_t   error = { "" };
    onsite_status_t  status;

    status = onsite_store_related(erase->store, key, ONSITE_REACH_VISITOR,
                                  related, ONSITE_RELATED_MAX, &n, &error);

    if (status == ONSITE_OK) {
        status = erase->dry ? loader_has_record(erase->store, key)
                 : onsite_store_erase(erase->store, key, loader_now(),
                                      &error);
    }

    if (status == ONSITE_OK) {
        *erased += 1;
        tell(erase, key, n);
        return LOADER_OK;
    }

    if (status == ONSITE_NOT_FOUND) {
        return LOADER_OK;
    }

    loader_complain("%s", error.text[0] != '\0' ? error.text
                          : onsite_status_text(status));

    return LOADER_FAILED;
}


static int
erase_all(erase_t *erase)
{
    int     rc = LOADER_OK;
    size_t  i, erased = 0;

    for (i = 0; i < erase->n && rc == LOADER_OK; i++) {
        rc = erase_key(erase, &erase->keys[i], &erased);
    }

    if (rc == LOADER_OK && erased == 0) {
        loader_complain_of(&erase->who, ONSITE_NOT_FOUND);
        return LOADER_FAILED;
    }

    return rc;
}


static int
run(erase_t *erase, const char *dir, const char *key_file)
{
    int  rc;

    rc = erase->dry ? loader_open_state(dir, &erase->store)
                    : loader_change_state(dir, &erase->store);

    if (rc == LOADER_OK) {
        erase->signer = loader_signer(erase->store, key_file);
        rc = erase->signer != NULL ? LOADER_OK : LOADER_FAILED;
    }

    if (rc == LOADER_OK) {
        rc = erase->who.customer ? find_customer(erase)
                                 : find_visitor(erase);
    }

    return rc == LOADER_OK ? erase_all(erase) : rc;
}


int
loader_erase(int argc, char **argv)
{
    int          rc;
    erase_t      erase = { 0 };
    const char  *id, *site, *customer, *visitor, *key_file, *dry, *json;

    const loader_option_t  options[] = {
        { "customer", 'c', "ID", "this customer: the proven one with all "
          "devices, and who said to be it", &customer },
        { "visitor", 'i', "ID", "this visitor: an id as the client sent it, "
          "or the cookie's, with all that leads to the same record",
          &visitor },
        { "site", 's', "NAME", "of this site; default: default", &site },
        { "key-file", 0, "FILE", "the secret of onsite_key_file; default: "
          "the one the state keeps", &key_file },
        { "dry-run", 'n', NULL, "tell what would be erased", &dry },
        { "json", 0, NULL, "NDJSON", &json },
        { 0 }
    };

    (void) loader_options(argc, argv, options, "DIR", 1, 1);
    loader_needs_file(argv[0]);

    if ((customer == NULL) == (visitor == NULL)) {
        loader_complain("one of --customer and --visitor says who");
        return LOADER_USAGE;
    }

    id = customer != NULL ? customer : visitor;
    erase.who.site = site != NULL ? onsite_str_of(site)
                                  : ONSITE_STR("default");
    erase.who.id = onsite_str_of(id);
    erase.who.customer = customer != NULL;
    erase.dry = dry != NULL;
    erase.json = json != NULL;

    rc = run(&erase, argv[0], key_file);

    free(erase.keys);
    onsite_signer_destroy(erase.signer);
    onsite_store_close(erase.store);

    return rc;
}
