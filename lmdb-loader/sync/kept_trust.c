/*
 * kept_trust.c - who has signed what is kept.
 *
 * A key that was retired, or stolen, brings nothing back: what only it has
 * signed is kept no more once `sync` does not trust it.
 */

#include "kept.h"

#include "loader.h"

#include <string.h>


static onsite_status_t
read_manifest(const kept_t *kept, uint64_t version, onsite_buf_t *text,
    manifest_t *manifest, onsite_error_t *error)
{
    char             path[PATH_MAX];
    onsite_status_t  status;

    *manifest = (manifest_t) { .version = 0 };
    kept_path(kept, version, ".json", path);
    status = files_read(path, MANIFEST_TEXT_MAX, text, error);

    return status == ONSITE_OK
           ? manifest_parse(manifest, onsite_str(text->data, text->len),
                            error)
           : status;
}


/* INVALID: it is signed by none of them.  A damaged one is for rollback to
 * refuse, which reads it likewise. */

static onsite_status_t
check_trust(const kept_t *kept, uint64_t version, const keys_t *trust,
    onsite_error_t *error)
{
    manifest_t       m;
    onsite_buf_t     text;
    onsite_status_t  status;

    onsite_buf_init(&text, 0);
    status = read_manifest(kept, version, &text, &m, error);

    if (status == ONSITE_OK) {
        status = manifest_verify(&m, trust, error);

    } else if (status != ONSITE_IO && status != ONSITE_NO_MEMORY) {
        status = ONSITE_OK;
    }

    manifest_free(&m);
    onsite_buf_free(&text);

    return status;
}


bool
kept_drop_untrusted(const kept_t *kept, const keys_t *trust,
    const kept_state_t *state)
{
    bool             all = true;
    size_t           i, n;
    uint64_t         versions[KEPT_MAX];
    onsite_error_t   why;
    onsite_status_t  status;

    n = kept_list(kept, versions);

    for (i = 0; i < n; i++) {
        if (versions[i] == state->live.version) {
            continue;
        }

        status = check_trust(kept, versions[i], trust, &why);

        if (status == ONSITE_INVALID) {
            kept_remove(kept, versions[i]);
        }

        if (kept_has(kept, versions[i])) {
            all = all && status == ONSITE_OK;

        } else {
            loader_complain("%s: version %llu is kept no more, and no "
                            "rollback brings it back: %s", kept->file,
                            (unsigned long long) versions[i], why.text);
        }
    }

    return all;
}


/* The same snapshot, and another text. */

static bool
is_renewed(const kept_t *kept, const manifest_t *manifest, onsite_str_t text)
{
    bool          renewed;
    manifest_t    was;
    onsite_buf_t  old;

    onsite_buf_init(&old, 0);
    renewed = read_manifest(kept, manifest->version, &old, &was, NULL)
              == ONSITE_OK
              && strcmp(was.sha256, manifest->sha256) == 0
              && !onsite_str_eq(onsite_str(old.data, old.len), text);

    manifest_free(&was);
    onsite_buf_free(&old);

    return renewed;
}


onsite_status_t
kept_renew(kept_t *kept, const manifest_t *manifest, onsite_str_t text,
    onsite_error_t *error)
{
    char             path[PATH_MAX];
    onsite_status_t  status;

    if (!is_renewed(kept, manifest, text)) {
        return ONSITE_OK;
    }

    status = kept_lock(kept, error);

    if (status == ONSITE_OK && kept_has(kept, manifest->version)) {
        kept_path(kept, manifest->version, ".json", path);
        status = files_write(path, text, 0644, true, error);
        kept_give(kept, path);
    }

    kept_unlock(kept);

    return status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
}
