/*
 * visitor.c - a state, and who is meant by an id.
 */

#include "loader.h"

#include "onsite_visitor_codec.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define SECRET_MAX   4096


static void
print_log(void *data, int level, const char *text)
{
    (void) data;

    if (level <= ONSITE_LOG_WARN) {
        loader_complain("%s", text);
    }
}


/* The store takes absolute paths only, as the directive does. */

static onsite_status_t
open_as(const char *path, onsite_store_options_t options,
    onsite_store_t **store, onsite_error_t *error)
{
    char  absolute[PATH_MAX];

    options.path = path;
    options.log = print_log;

    if (*path != '/') {
        options.path = realpath(path, absolute);

        if (options.path == NULL) {
            return onsite_error(error, errno == ENOENT ? ONSITE_NOT_FOUND
                                                       : ONSITE_IO,
                                "%s: %s", path, strerror(errno));
        }
    }

    return onsite_store_open(&options, loader_now(), store, error);
}


int
loader_open_state(const char *path, onsite_store_t **store)
{
    onsite_error_t  error = { "" };

    if (open_as(path, (onsite_store_options_t) { .read_only = true }, store,
                &error) != ONSITE_OK)
    {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


onsite_status_t
loader_open_changing(const char *path, onsite_store_t **store,
    onsite_error_t *error)
{
    onsite_status_t         status;
    onsite_store_stat_t     stat;
    onsite_store_options_t  options = { .read_only = true };

    status = open_as(path, options, store, error);
    if (status != ONSITE_OK) {
        return status;
    }

    if (onsite_store_stat(*store, &stat) != ONSITE_OK) {
        onsite_store_close(*store);
        return onsite_error(error, ONSITE_IO, "%s: cannot be examined", path);
    }

    /* as it is, so that nothing is made or grown */

    options.read_only = false;
    options.size = stat.bytes_size;
    options.shards = onsite_store_shards(*store);
    onsite_store_close(*store);

    return open_as(path, options, store, error);
}


int
loader_change_state(const char *path, onsite_store_t **store)
{
    onsite_error_t  error = { "" };

    *store = NULL;

    if (loader_open_changing(path, store, &error) != ONSITE_OK) {
        *store = NULL;
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


/* Ids are known by keyed hashes: the secret of onsite_key_file, or the one
 * that was made and kept in the state. */

onsite_signer_t *
loader_signer(onsite_store_t *store, const char *path)
{
    char              kept[SECRET_MAX], *data;
    size_t            len;
    onsite_signer_t  *signer;

    if (path == NULL) {
        if (onsite_store_meta_get(store, "secret", kept, sizeof(kept),
                                  &len) != ONSITE_OK)
        {
            loader_complain("the state keeps no secret: give the one of "
                            "onsite_key_file with --key-file");
            return NULL;
        }

        signer = onsite_signer_create(kept, len);

    } else {
        data = loader_read_file(path, &len);
        if (data == NULL) {
            loader_complain("%s: %s", path, strerror(errno));
            return NULL;
        }

        signer = onsite_signer_create(data, len);
        free(data);
    }

    if (signer == NULL) {
        loader_complain("%s: a secret has %d bytes or more",
                        path != NULL ? path : "the state's secret",
                        ONSITE_SECRET_MIN);
        return NULL;
    }

    return signer;
}


onsite_status_t
loader_has_record(onsite_store_t *store, const onsite_key_t *key)
{
    char             record[ONSITE_RECORD_BYTES_MAX];
    size_t           size;
    onsite_status_t  status;

    status = onsite_store_get(store, key, loader_now(), record,
                              sizeof(record), &size);

    return status == ONSITE_OK && onsite_record_is_tombstone(record, size)
           ? ONSITE_NOT_FOUND : status;
}


static onsite_status_t
find_visitor(onsite_store_t *store, onsite_signer_t *signer,
    const loader_who_t *who, onsite_key_t *key)
{
    onsite_str_t     inside;
    onsite_status_t  status = ONSITE_NOT_FOUND;

    inside = onsite_cookie_verify(signer, who->site, who->id);

    if (inside.len != 0) {
        *key = onsite_visitor_key(signer, who->site, 'c', inside);
        return loader_has_record(store, key);
    }

    if (who->id.len == ONSITE_ID_TEXT) {
        *key = onsite_visitor_key(signer, who->site, 'c', who->id);
        status = loader_has_record(store, key);
    }

    if (status == ONSITE_NOT_FOUND) {
        *key = onsite_visitor_key(signer, who->site, 'a', who->id);
        status = loader_has_record(store, key);
    }

    return status;
}


onsite_status_t
loader_find(onsite_store_t *store, onsite_signer_t *signer,
    const loader_who_t *who, onsite_key_t *key)
{
    onsite_key_t     customer;
    onsite_status_t  status;

    customer = onsite_visitor_key(signer, who->site, 'u', who->id);

    if (who->customer) {
        *key = customer;
        return ONSITE_OK;
    }

    status = find_visitor(store, signer, who, key);

    if ((status == ONSITE_OK || status == ONSITE_NOT_FOUND)
        && loader_has_record(store, &customer) == ONSITE_OK)
    {
        loader_complain("note: \"%.*s\" is %sa customer's id: --customer"
                        " names that one", (int) who->id.len, who->id.data,
                        status == ONSITE_OK ? "also " : "");
    }

    return status;
}


void
loader_complain_of(const loader_who_t *who, onsite_status_t status)
{
    loader_complain("%s \"%.*s\" of site \"%.*s\": %s",
                    who->customer ? "customer" : "visitor",
                    (int) who->id.len, who->id.data, (int) who->site.len,
                    who->site.data, status == ONSITE_NOT_FOUND
                    ? "no record" : onsite_status_text(status));
}
