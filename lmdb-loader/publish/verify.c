/*
 * verify.c - `verify`: whether a snapshot would be taken, by its manifest.
 */

#include "pack.h"
#include "signed.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    char             file[PATH_MAX];    /* the snapshot, as it lies there   */
    char             manifest[PATH_MAX];
    onsite_buf_t     text;
    manifest_t       m;
    const keys_t    *trust;
    const char      *site;              /* NULL: any                        */
    onsite_error_t   error;
} verify_t;


static bool
is_manifest(const onsite_buf_t *text)
{
    size_t  n = 0;

    while (n < text->len && (text->data[n] == ' ' || text->data[n] == '\n'
                             || text->data[n] == '\r'
                             || text->data[n] == '\t'))
    {
        n++;
    }

    return n < text->len && text->data[n] == '{';
}


/* Sync keeps manifests elsewhere. */

static onsite_status_t
read_beside(verify_t *v)
{
    char             folder[PATH_MAX + 8];
    onsite_error_t   why = { "" };
    onsite_status_t  status;

    status = files_read(v->manifest, MANIFEST_TEXT_MAX, &v->text, &why);
    (void) snprintf(folder, sizeof(folder), "%s.sync", v->file);

    if (status == ONSITE_NOT_FOUND && access(folder, F_OK) == 0) {
        return onsite_error(&v->error, status, "%s; sync keeps manifests as "
                            "%s/VERSION.json: copy the one of its version "
                            "there", why.text, folder);
    }

    v->error = why;

    return status;
}


/* What is given is the one or the other. */

static onsite_status_t
find_both(verify_t *v, const char *given)
{
    onsite_status_t  status;

    status = files_read(given, MANIFEST_TEXT_MAX, &v->text, &v->error);

    if (status == ONSITE_OK && is_manifest(&v->text)) {
        (void) snprintf(v->manifest, sizeof(v->manifest), "%s", given);
        return ONSITE_OK;
    }

    if (status != ONSITE_OK && status != ONSITE_LIMIT) {
        return status;
    }

    (void) snprintf(v->file, sizeof(v->file), "%s", given);

    if (snprintf(v->manifest, sizeof(v->manifest), "%s.manifest.json", given)
        >= (int) sizeof(v->manifest))
    {
        return onsite_error(&v->error, ONSITE_INVALID, "%s: the name is too "
                            "long", given);
    }

    return read_beside(v);
}


/* The body is beside its manifest. */

static onsite_status_t
find_body(verify_t *v)
{
    int          n, folder;
    const char  *slash = strrchr(v->manifest, '/');

    folder = slash != NULL ? (int) (slash - v->manifest) + 1 : 0;
    n = snprintf(v->file, sizeof(v->file), "%.*s%s", folder, v->manifest,
                 v->m.body.path);

    return n < (int) sizeof(v->file) ? ONSITE_OK
           : onsite_error(&v->error, ONSITE_INVALID, "%s: the name is too "
                          "long", v->manifest);
}


/* A packed one is unpacked where temporary files go, and gone again. */

static onsite_status_t
unpack_and_match(verify_t *v)
{
    char             folder[FILES_FOLDER_MAX], path[PATH_MAX];
    onsite_status_t  status;

    status = files_make_folder("verify", folder, &v->error);
    if (status != ONSITE_OK) {
        return status;
    }

    (void) snprintf(path, sizeof(path), "%s/unpacked.mdb", folder);
    status = pack_open(v->file, NULL, path, v->m.size, &v->error);

    if (status == ONSITE_OK) {
        status = signed_match(path, &v->m, &v->error);
        (void) unlink(path);
    }

    (void) rmdir(folder);

    return status;
}


static onsite_status_t
check_packed(verify_t *v)
{
    char             hex[FILES_SHA256 + 1];
    uint64_t         size;
    onsite_status_t  status;

    status = files_sha256(v->file, hex, &size, &v->error);

    if (status == ONSITE_OK
        && (size != v->m.body.size || strcmp(hex, v->m.body.sha256) != 0))
    {
        status = onsite_error(&v->error, ONSITE_CORRUPT, "%s is not what was "
                              "signed: its size or SHA-256 is another",
                              v->file);
    }

    return status == ONSITE_OK ? unpack_and_match(v) : status;
}


static onsite_status_t
check(verify_t *v)
{
    bool             packed = false;
    onsite_status_t  status;

    status = signed_read(onsite_str(v->text.data, v->text.len), v->trust,
                         &v->m, &v->error);

    if (status == ONSITE_OK) {
        status = signed_of_site(&v->m, v->site, &v->error);
    }

    if (status == ONSITE_OK) {
        status = signed_in_time(&v->m, loader_now(), &v->error);
    }

    if (status != ONSITE_OK) {
        onsite_error_t  why = v->error;

        return onsite_error(&v->error, status, "%s: %s", v->manifest,
                            why.text);
    }

    if (v->file[0] == '\0') {
        status = find_body(v);
        packed = signed_is_packed(&v->m.body);
    }

    if (status == ONSITE_OK) {
        status = packed ? check_packed(v)
                        : signed_match(v->file, &v->m, &v->error);
    }

    return status;
}


static void
tell(const verify_t *v, const char *given, onsite_status_t status, bool json)
{
    char          until[MANIFEST_TIME];
    onsite_buf_t  line;

    onsite_buf_init(&line, 0);

    if (!json && status != ONSITE_OK) {
        loader_complain("%s", v->error.text);
        return;
    }

    if (json) {
        onsite_buf_printf(&line, "{\"file\":");
        onsite_write_json_string(&line, onsite_str(given, strlen(given)));
        onsite_buf_printf(&line, ",\"good\":%s", status == ONSITE_OK
                          ? "true" : "false");
    } else {
        onsite_buf_printf(&line, "%s: good", given);
    }

    if (status != ONSITE_OK) {
        onsite_buf_printf(&line, ",\"reason\":");
        onsite_write_json_string(&line, onsite_str(v->error.text,
                                                   strlen(v->error.text)));
        onsite_buf_char(&line, '}');

    } else {
        onsite_buf_printf(&line, json ? ",\"site\":\"%s\",\"version\":%llu,"
                          "\"expires\":\"%s\"}"
                          : ": site %s, version %llu, good until %s",
                          v->m.site, (unsigned long long) v->m.version,
                          manifest_time(v->m.expires, until));
    }

    if (!line.failed) {
        (void) printf("%.*s\n", (int) line.len, line.data);
    }

    onsite_buf_free(&line);
}


static int
verify(const char *given, const char *site, const keys_t *trust, bool json)
{
    verify_t         v = { .trust = trust, .site = site };
    onsite_status_t  status;

    onsite_buf_init(&v.text, 0);
    status = find_both(&v, given);

    if (status == ONSITE_OK) {
        status = check(&v);
    }

    tell(&v, given, status, json);
    manifest_free(&v.m);
    onsite_buf_free(&v.text);

    return status == ONSITE_OK ? LOADER_OK : LOADER_FAILED;
}


int
loader_verify(int argc, char **argv)
{
    int          rc;
    keys_t       trust = { .n = 0 };
    const char  *files[LOADER_REPEATS + 1];
    const char  *site, *json;

    const loader_option_t  options[] = {
        { "trust", 't', "FILE...", "a public key, or several in one file; one"
          " signature by any of them is enough", files },
        { "site", 's', "S", "what it has to be published as; default: any",
          &site },
        { "json", 0, NULL, "the result as one object", &json },
        { 0 }
    };

    files[0] = NULL;
    (void) loader_options(argc, argv, options, "FILE|MANIFEST --trust PUB",
                          1, 1);
    loader_needs_file(argv[0]);

    rc = signed_public_keys(files, &trust);

    if (rc == LOADER_OK) {
        rc = verify(argv[0], site, &trust, json != NULL);
    }

    keys_free(&trust);

    return rc;
}
