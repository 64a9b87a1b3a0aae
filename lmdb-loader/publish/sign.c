/*
 * sign.c - `sign`: a manifest beside a snapshot, for where it is carried by
 * hand or served as it is.
 */

#include "signed.h"

#include <limits.h>
#include <string.h>


/* The body is the file itself, beside the manifest. */

static int
describe_body(const char *file, manifest_t *m)
{
    size_t       len;
    const char  *name = strrchr(file, '/');

    name = name != NULL ? name + 1 : file;
    len = strlen(name);

    if (!manifest_is_site(name)
        || (len >= 4 && strcmp(name + len - 4, ".zst") == 0))
    {
        loader_complain("%s: its name stands in the manifest and has to be 1 "
                        "to %d letters, digits, \".\", \"_\" and \"-\", not "
                        "ending in .zst", file, MANIFEST_SITE_MAX);
        return LOADER_FAILED;
    }

    (void) snprintf(m->body.path, sizeof(m->body.path), "%s", name);
    memcpy(m->body.sha256, m->sha256, sizeof(m->sha256));
    m->body.size = m->size;

    return LOADER_OK;
}


static int
write_manifest(const char *path, const manifest_t *m, const keys_t *keys)
{
    onsite_buf_t     text;
    onsite_error_t   error;
    onsite_status_t  status;

    onsite_buf_init(&text, 0);
    status = manifest_write(&text, m, keys, &error);

    if (status == ONSITE_OK) {
        status = files_write(path, onsite_str(text.data, text.len), 0644,
                             true, &error);
    }

    onsite_buf_free(&text);

    if (status != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


static void
tell(const char *path, const manifest_t *m, const keys_t *keys, bool json)
{
    char          by[KEYS_MAX * (KEYS_ID + 2) + 1];
    char          until[MANIFEST_TIME];
    onsite_buf_t  line;

    keys_list(keys, by, sizeof(by));
    (void) manifest_time(m->expires, until);
    onsite_buf_init(&line, 0);

    if (json) {
        onsite_buf_printf(&line, "{\"manifest\":");
        onsite_write_json_string(&line, onsite_str(path, strlen(path)));
        onsite_buf_printf(&line, ",\"site\":\"%s\",\"version\":%llu,"
                          "\"sha256\":\"%s\",\"expires\":\"%s\"}", m->site,
                          (unsigned long long) m->version, m->sha256, until);

    } else {
        onsite_buf_printf(&line, "%s: site %s, version %llu, signed by %s, "
                          "good until %s", path, m->site,
                          (unsigned long long) m->version, by, until);
    }

    if (!line.failed) {
        (void) printf("%.*s\n", (int) line.len, line.data);
    }

    onsite_buf_free(&line);
}


static int
sign(const char *file, const char *output, const char *site,
    onsite_ms_t lasts, const keys_t *keys, bool json)
{
    int         rc;
    char        beside[PATH_MAX];
    manifest_t  m;

    rc = signed_describe(file, site, lasts, &m);

    if (rc == LOADER_OK) {
        rc = describe_body(file, &m);
    }

    if (rc != LOADER_OK) {
        return rc;
    }

    if (output == NULL) {
        (void) snprintf(beside, sizeof(beside), "%s.manifest.json", file);
        output = beside;
    }

    rc = write_manifest(output, &m, keys);

    if (rc == LOADER_OK) {
        tell(output, &m, keys, json);
    }

    return rc;
}


int
loader_sign(int argc, char **argv)
{
    int          rc;
    keys_t       keys = { .n = 0 };
    const char  *files[LOADER_REPEATS + 1];
    const char  *output, *site, *expires, *json;

    const loader_option_t  options[] = {
        { "key", 'k', "FILE...", "the secret key that signs; several sign "
          "all", files },
        { "output", 'o', "MANIFEST", "default: FILE.manifest.json", &output },
        { "site", 's', "S", "what it is published as; default: default",
          &site },
        { "expires", 'e', "TIME", "how long it may go live; default: 30d",
          &expires },
        { "json", 0, NULL, "the result as one object", &json },
        { 0 }
    };

    files[0] = NULL;
    (void) loader_options(argc, argv, options, "FILE --key KEY", 1, 1);
    loader_needs_file(argv[0]);

    rc = signed_site(site, &site);

    if (rc == LOADER_OK) {
        rc = signed_secret_keys(files, &keys);
    }

    if (rc == LOADER_OK) {
        rc = sign(argv[0], output, site,
                  loader_duration("expires", expires, SIGNED_EXPIRES), &keys,
                  json != NULL);
    }

    keys_free(&keys);

    return rc;
}
