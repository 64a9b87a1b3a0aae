/*
 * publish_bodies.c - a snapshot on its way into a store: whole, and as patches
 * from those before it.
 */

#include "publish.h"

#include "pack.h"
#include "signed.h"

#include <string.h>
#include <unistd.h>


static void
temporary(const publish_t *p, const char *file, char path[PATH_MAX])
{
    (void) snprintf(path, PATH_MAX, "%s/%s", p->folder, file);
}


static onsite_status_t
measure(const char *path, manifest_file_t *file, onsite_error_t *error)
{
    return files_sha256(path, file->sha256, &file->size, error);
}


static onsite_status_t
make_body(publish_t *p)
{
    char             path[PATH_MAX];
    uint64_t         size;
    onsite_status_t  status;

    temporary(p, "body.zst", path);
    bar_start(&p->bar, "packing", p->m.size);
    status = pack_whole(p->given->file, path, &p->bar, &size, &p->error);
    bar_clear(&p->bar);

    (void) snprintf(p->m.body.path, sizeof(p->m.body.path), "%s.mdb.zst",
                    p->m.sha256);

    return status == ONSITE_OK ? measure(path, &p->m.body, &p->error)
                               : status;
}


/* The snapshot that is there, for a patch from it. */

static onsite_status_t
fetch_previous(publish_t *p, char path[PATH_MAX], onsite_error_t *error)
{
    bool             packed = signed_is_packed(&p->there.body);
    char             name[REMOTE_NAME_MAX], fetched[PATH_MAX];
    remote_fetch_t   fetch = { .path = fetched, .size = p->there.body.size,
                               .bar = &p->bar };
    onsite_status_t  status;

    temporary(p, "previous.mdb", path);
    temporary(p, packed ? "previous.zst" : "previous.mdb", fetched);
    publish_name(p, p->there.body.path, name);

    bar_start(&p->bar, "fetching the previous one", fetch.size);
    status = remote_fetch(p->remote, name, &fetch, error);
    bar_clear(&p->bar);

    if (status == ONSITE_OK && packed) {
        status = pack_open(fetched, NULL, path, p->there.size, error);
    }

    return status == ONSITE_OK ? signed_match(path, &p->there, error)
                               : status;
}


/* One that is smaller than the whole, or none. */

static onsite_status_t
add_patch(publish_t *p, const char *old)
{
    char             path[PATH_MAX], file[32];
    uint64_t         size;
    manifest_file_t  patch = { .size = 0 };
    onsite_status_t  status;

    status = files_sha256(old, patch.from, &size, &p->error);

    if (status != ONSITE_OK || strcmp(patch.from, p->m.sha256) == 0) {
        return status;
    }

    (void) snprintf(file, sizeof(file), "patch-%zu.zst", p->m.n_patches);
    temporary(p, file, path);
    status = pack_patch(old, p->given->file, path, p->m.body.size, &size,
                        &p->error);

    if (status == ONSITE_LIMIT) {
        return ONSITE_OK;
    }

    if (status == ONSITE_OK) {
        (void) snprintf(patch.path, sizeof(patch.path), "%s-%s.patch.zst",
                        patch.from, p->m.sha256);
        status = measure(path, &patch, &p->error);
    }

    if (status == ONSITE_OK) {
        p->m.patches[p->m.n_patches++] = patch;
    }

    return status;
}


static onsite_status_t
make_patches(publish_t *p)
{
    char                path[PATH_MAX];
    const char *const  *previous = p->given->previous;
    onsite_error_t      why;
    onsite_status_t     status = ONSITE_OK;

    if (p->given->no_patch) {
        return ONSITE_OK;
    }

    if (*previous == NULL && p->there.version != 0) {
        if (fetch_previous(p, path, &why) != ONSITE_OK) {
            loader_complain("note: there is no patch from version %llu: %s",
                            (unsigned long long) p->there.version, why.text);
            return ONSITE_OK;
        }

        return add_patch(p, path);
    }

    for (/* void */; status == ONSITE_OK && *previous != NULL; previous++) {
        status = add_patch(p, *previous);
    }

    return status;
}


/* Upload */

static onsite_status_t
put_file(publish_t *p, const manifest_file_t *file, const char *temporary_name)
{
    char             name[REMOTE_NAME_MAX], path[PATH_MAX];
    remote_put_t     put = { .path = path, .type = "application/zstd",
                             .bar = &p->bar };
    onsite_status_t  status;

    publish_name(p, file->path, name);
    temporary(p, temporary_name, path);

    bar_start(&p->bar, "publishing", file->size);
    status = remote_put(p->remote, name, &put, &p->error);
    bar_clear(&p->bar);

    return status;
}


static onsite_status_t
put_files(publish_t *p)
{
    char             file[32];
    size_t           i;
    onsite_status_t  status;

    status = put_file(p, &p->m.body, "body.zst");

    for (i = 0; status == ONSITE_OK && i < p->m.n_patches; i++) {
        (void) snprintf(file, sizeof(file), "patch-%zu.zst", i);
        status = put_file(p, &p->m.patches[i], file);
    }

    return status;
}


/* A folder that is gone again with all that is in it. */

static void
remove_folder(const publish_t *p)
{
    size_t              i;
    char                path[PATH_MAX], file[32];
    static const char  *const  files[] = {
        "body.zst", "previous.mdb", "previous.zst", "previous.mdb.etag",
        "previous.zst.etag"
    };

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        temporary(p, files[i], path);
        (void) unlink(path);
    }

    for (i = 0; i <= PUBLISH_PREVIOUS_MAX; i++) {
        (void) snprintf(file, sizeof(file), "patch-%zu.zst", i);
        temporary(p, file, path);
        (void) unlink(path);
    }

    (void) rmdir(p->folder);
}


onsite_status_t
publish_bodies(publish_t *p)
{
    onsite_status_t  status;

    status = files_make_folder("publish", p->folder, &p->error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = make_body(p);

    if (status == ONSITE_OK) {
        status = make_patches(p);
    }

    if (status == ONSITE_OK) {
        status = put_files(p);
    }

    remove_folder(p);

    return status;
}
