/*
 * publish.c - `publish`: a snapshot, signed, into a store.
 *
 * Bodies go first and the manifest last: whoever reads the new manifest finds
 * what it tells of.
 */

#include "pack.h"
#include "remote.h"
#include "signed.h"
#include "stop.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#define PREVIOUS_MAX  MANIFEST_PATCHES_MAX

typedef struct {
    const char         *file;
    const char         *to;
    const char         *site;
    onsite_ms_t         lasts;
    const char         *previous[LOADER_REPEATS + 1];
    bool                no_patch;
    bool                replace;
    bool                dry_run;
    bool                json;
    remote_options_t    remote;
} given_t;

typedef struct {
    const given_t      *given;
    const keys_t       *keys;
    remote_t           *remote;
    bar_t               bar;
    manifest_t          m;              /* the new one                      */
    manifest_t          there;          /* the store's; version 0: none     */
    char                folder[FILES_FOLDER_MAX];   /* of temporary files   */
    onsite_error_t      error;
} publish_t;


static void
name_of(const publish_t *p, const char *file, char name[REMOTE_NAME_MAX])
{
    (void) snprintf(name, REMOTE_NAME_MAX, "%s/%s", p->given->site, file);
}


static void
temporary(const publish_t *p, const char *file, char path[PATH_MAX])
{
    (void) snprintf(path, PATH_MAX, "%s/%s", p->folder, file);
}


/* What the store has */

static onsite_status_t
read_there(publish_t *p, onsite_buf_t *text, char etag[REMOTE_ETAG_MAX])
{
    char             name[REMOTE_NAME_MAX];
    remote_get_t     get = { .body = text, .max = MANIFEST_TEXT_MAX };
    onsite_error_t   why;
    onsite_status_t  status;

    name_of(p, "manifest.json", name);
    status = remote_get(p->remote, name, &get, &p->error);

    if (status == ONSITE_NOT_FOUND) {
        return ONSITE_OK;
    }

    if (status != ONSITE_OK) {
        return status;
    }

    memcpy(etag, get.etag, sizeof(get.etag));
    status = signed_read(onsite_str(text->data, text->len), p->keys,
                         &p->there, &why);

    if (status == ONSITE_OK) {
        status = signed_of_site(&p->there, p->given->site, &why);
    }

    if (status == ONSITE_OK) {
        return ONSITE_OK;
    }

    manifest_free(&p->there);
    p->there.version = 0;

    return p->given->replace ? ONSITE_OK
           : onsite_error(&p->error, status, "%s/%s, which is there, cannot "
                          "be believed: %s (--force replaces it)",
                          remote_url(p->remote), name, why.text);
}


/* Between reading the store's manifest and writing ours nobody may have
 * written another. */

static onsite_status_t
check_unchanged(publish_t *p, const onsite_buf_t *was,
    const char etag[REMOTE_ETAG_MAX])
{
    char             name[REMOTE_NAME_MAX];
    onsite_buf_t     now;
    remote_get_t     get = { .body = &now, .max = MANIFEST_TEXT_MAX };
    onsite_status_t  status;

    onsite_buf_init(&now, 0);
    memcpy(get.etag, etag, sizeof(get.etag));
    name_of(p, "manifest.json", name);
    status = remote_get(p->remote, name, &get, &p->error);

    if (status == ONSITE_NOT_FOUND) {
        status = ONSITE_OK;
    }

    if (status == ONSITE_OK && !get.unchanged
        && !onsite_str_eq(onsite_str(was->data, was->len),
                          onsite_str(now.data, now.len)))
    {
        status = onsite_error(&p->error, ONSITE_INVALID, "%s/%s was changed "
                              "meanwhile: somebody else publishes there",
                              remote_url(p->remote), name);
    }

    onsite_buf_free(&now);

    return status;
}


/* Bodies */

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
    name_of(p, p->there.body.path, name);

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

    name_of(p, file->path, name);
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


static onsite_status_t
put_manifest(publish_t *p)
{
    char             name[REMOTE_NAME_MAX];
    onsite_buf_t     text;
    remote_put_t     put = { .type = "application/json" };
    onsite_status_t  status;

    onsite_buf_init(&text, 0);
    status = manifest_write(&text, &p->m, p->keys, &p->error);

    if (status == ONSITE_OK) {
        name_of(p, "manifest.json", name);
        put.bytes = onsite_str(text.data, text.len);
        status = remote_put(p->remote, name, &put, &p->error);
    }

    onsite_buf_free(&text);

    return status;
}


/* Telling */

static void
tell(const publish_t *p, const char *what)
{
    onsite_buf_t         line;
    const manifest_t    *m = &p->m;
    unsigned long long   version = m->version;
    onsite_str_t         file = { strlen(p->given->file), p->given->file };

    onsite_buf_init(&line, 0);

    if (p->given->json) {
        onsite_buf_printf(&line, "{\"file\":");
        onsite_write_json_string(&line, file);
        onsite_buf_printf(&line, ",\"result\":\"%s\",\"site\":\"%s\","
                          "\"version\":%llu,\"sha256\":\"%s\",\"bytes\":%llu,"
                          "\"patches\":%zu,\"patch_bytes\":%llu}", what,
                          m->site, version, m->sha256,
                          (unsigned long long) m->body.size, m->n_patches,
                          (unsigned long long) m->patches[0].size);

    } else {
        onsite_buf_printf(&line, "%.*s: %s, site %s, version %llu",
                          (int) file.len, file.data, what, m->site, version);

        if (m->body.size != 0) {
            onsite_buf_printf(&line, ", %llu bytes",
                              (unsigned long long) m->body.size);
        }

        if (m->n_patches != 0) {
            onsite_buf_printf(&line, ", as a patch %llu",
                              (unsigned long long) m->patches[0].size);
        }
    }

    if (!line.failed) {
        (void) printf("%.*s\n", (int) line.len, line.data);
    }

    onsite_buf_free(&line);
}


/* The same snapshot again: only its manifest is new, with later times and
 * perhaps other signatures. */

static bool
is_there(publish_t *p)
{
    char      name[REMOTE_NAME_MAX];
    uint64_t  size;

    if (p->there.version == 0 || strcmp(p->there.sha256, p->m.sha256) != 0) {
        return false;
    }

    p->m.previous = p->there.previous;
    memcpy(p->m.previous_sha256, p->there.previous_sha256,
           sizeof(p->m.previous_sha256));
    name_of(p, p->there.body.path, name);

    if (remote_exists(p->remote, name, &size, NULL) != ONSITE_OK
        || size != p->there.body.size)
    {
        return false;
    }

    p->m.body = p->there.body;
    p->m.n_patches = p->there.n_patches;
    memcpy(p->m.patches, p->there.patches, sizeof(p->m.patches));

    return true;
}


static onsite_status_t
check_version(publish_t *p)
{
    if (strcmp(p->there.sha256, p->m.sha256) == 0) {
        return ONSITE_OK;
    }

    if (p->m.version <= p->there.version) {
        return onsite_error(&p->error, ONSITE_INVALID, "%s has version %llu, "
                            "and version %llu is published already: build it "
                            "anew, by the clock or with a higher --version",
                            p->given->file,
                            (unsigned long long) p->m.version,
                            (unsigned long long) p->there.version);
    }

    p->m.previous = p->there.version;
    memcpy(p->m.previous_sha256, p->there.sha256,
           sizeof(p->m.previous_sha256));

    return ONSITE_OK;
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

    for (i = 0; i <= PREVIOUS_MAX; i++) {
        (void) snprintf(file, sizeof(file), "patch-%zu.zst", i);
        temporary(p, file, path);
        (void) unlink(path);
    }

    (void) rmdir(p->folder);
}


static onsite_status_t
publish_new(publish_t *p, const onsite_buf_t *was,
    const char etag[REMOTE_ETAG_MAX])
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

    if (status == ONSITE_OK) {
        status = check_unchanged(p, was, etag);
    }

    remove_folder(p);

    return status;
}


static onsite_status_t
publish(publish_t *p, onsite_buf_t *was)
{
    char             etag[REMOTE_ETAG_MAX] = "";
    bool             renewed;
    onsite_status_t  status;

    status = read_there(p, was, etag);

    if (status == ONSITE_OK) {
        status = check_version(p);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    renewed = is_there(p);

    if (p->given->dry_run) {
        tell(p, renewed ? "would be renewed" : "would be published");
        return ONSITE_OK;
    }

    if (!renewed) {
        status = publish_new(p, was, etag);
    }

    if (status == ONSITE_OK) {
        status = put_manifest(p);
    }

    if (status == ONSITE_OK) {
        tell(p, renewed ? "renewed" : "published");
    }

    return status;
}


static int
run(const given_t *given, const keys_t *keys)
{
    int              rc;
    publish_t        p = { .given = given, .keys = keys };
    onsite_buf_t     was;
    onsite_status_t  status;

    rc = signed_describe(given->file, given->site, given->lasts, &p.m);
    if (rc != LOADER_OK) {
        return rc;
    }

    status = remote_open(given->to, &given->remote, &p.remote, &p.error);

    if (status != ONSITE_OK) {
        loader_complain("--to: %s", p.error.text);
        return status == ONSITE_INVALID ? LOADER_USAGE : LOADER_FAILED;
    }

    bar_init(&p.bar, !given->json);
    onsite_buf_init(&was, 0);
    status = publish(&p, &was);

    if (status != ONSITE_OK) {
        loader_complain("%s", p.error.text);
    }

    manifest_free(&p.there);
    onsite_buf_free(&was);
    remote_close(p.remote);

    return status == ONSITE_OK ? LOADER_OK : LOADER_FAILED;
}


static bool
is_usable(const given_t *given)
{
    size_t  n;

    if (given->to == NULL) {
        loader_complain("--to STORE is missing");
        return false;
    }

    for (n = 0; given->previous[n] != NULL; n++) {
        /* void */
    }

    if (n > PREVIOUS_MAX) {
        loader_complain("--previous: more than %d of them", PREVIOUS_MAX);
        return false;
    }

    return true;
}


static int
publish_file(given_t *given, const char *const *files)
{
    int     rc;
    keys_t  keys = { .n = 0 };

    rc = signed_site(given->site, &given->site);

    if (rc == LOADER_OK) {
        rc = signed_secret_keys(files, &keys);
    }

    if (rc == LOADER_OK) {
        loader_catch_signals();
        rc = run(given, &keys);
    }

    keys_free(&keys);

    return rc;
}


int
loader_publish(int argc, char **argv)
{
    given_t      given = { .remote = { .stop = &loader_stopping } };
    const char  *files[LOADER_REPEATS + 1];
    const char  *expires, *no_patch, *force, *dry_run, *json;

    const loader_option_t  options[] = {
        { "to", 0, "STORE", "where to: a folder, https://…, "
          "s3://bucket/prefix", &given.to },
        { "key", 'k', "FILE...", "the secret key that signs; several sign "
          "all", files },
        { "site", 's', "S", "as what; default: default", &given.site },
        { "expires", 'e', "TIME", "how long it may go live; default: 30d",
          &expires },
        { "previous", 0, "FILE...", "make a patch from this snapshot; "
          "default: from the one that is published", given.previous },
        { "no-patch", 0, NULL, "publish the whole only", &no_patch },
        { "force", 0, NULL, "replace a manifest that none of the keys has "
          "signed", &force },
        REMOTE_OPTIONS(given.remote),
        { "dry-run", 0, NULL, "tell, but publish nothing", &dry_run },
        { "json", 0, NULL, "the result as one object", &json },
        { 0 }
    };

    files[0] = NULL;
    (void) loader_options(argc, argv, options, "FILE --to STORE --key KEY",
                          1, 1);
    loader_needs_file(argv[0]);

    if (!is_usable(&given)) {
        return LOADER_USAGE;
    }

    given.file = argv[0];
    given.lasts = loader_duration("expires", expires, SIGNED_EXPIRES);
    given.no_patch = no_patch != NULL;
    given.replace = force != NULL;
    given.dry_run = dry_run != NULL;
    given.json = json != NULL;

    return publish_file(&given, files);
}
