/*
 * signed.c - what commands share that sign snapshots, or take signed ones.
 */

#include "signed.h"

#include <string.h>
#include <sys/stat.h>


static void
warn_of_mode(const char *file)
{
    struct stat  st;

    if (stat(file, &st) == 0 && (st.st_mode & 077) != 0) {
        loader_complain("warning: key %s: others than its owner can read it: "
                        "chmod 600", file);
    }
}


int
signed_secret_keys(const char *const *files, keys_t *keys)
{
    onsite_error_t  error;

    if (files[0] == NULL) {
        loader_complain("--key is missing: the secret key that signs, of "
                        "lmdb-loader keygen");
        return LOADER_USAGE;
    }

    for (/* void */; *files != NULL; files++) {
        if (keys_read_secret(keys, *files, &error) != ONSITE_OK) {
            loader_complain("%s", error.text);
            return LOADER_FAILED;
        }

        warn_of_mode(*files);
    }

    if (keys->n > MANIFEST_SIGNATURES_MAX) {
        loader_complain("--key: more than %d of them",
                        MANIFEST_SIGNATURES_MAX);
        return LOADER_USAGE;
    }

    return LOADER_OK;
}


int
signed_public_keys(const char *const *files, keys_t *keys)
{
    onsite_error_t  error;

    if (files[0] == NULL) {
        loader_complain("--trust is missing: the public key of who "
                        "publishes, FILE.pub of lmdb-loader keygen");
        return LOADER_USAGE;
    }

    for (/* void */; *files != NULL; files++) {
        if (keys_read_public(keys, *files, &error) != ONSITE_OK) {
            loader_complain("%s", error.text);
            return LOADER_FAILED;
        }
    }

    return LOADER_OK;
}


int
signed_site(const char *site, const char **out)
{
    *out = site != NULL ? site : "default";

    if (!manifest_is_site(*out)) {
        loader_complain("--site: \"%s\" is not a name of 1 to %d letters, "
                        "digits, \".\", \"_\" and \"-\"", *out,
                        MANIFEST_SITE_MAX);
        return LOADER_USAGE;
    }

    return LOADER_OK;
}


static onsite_status_t
snapshot_version(const char *file, uint64_t *version, onsite_error_t *error)
{
    struct stat         st;
    onsite_status_t     status;
    onsite_snapshot_t  *snapshot;

    if (stat(file, &st) == 0 && S_ISDIR(st.st_mode)) {
        return onsite_error(error, ONSITE_INVALID, "%s is a folder: a "
                            "snapshot is a file, which lmdb-loader build "
                            "makes of it", file);
    }

    status = onsite_snapshot_open(file, &snapshot, error);

    if (status == ONSITE_OK) {
        *version = onsite_snapshot_info(snapshot)->version;
        onsite_snapshot_close(snapshot);
    }

    return status;
}


/* "30" are seconds. */

static void
warn_of_expiry(const manifest_t *manifest)
{
    char  until[MANIFEST_TIME];

    if (manifest->expires - manifest->created < ONSITE_DAY) {
        loader_complain("warning: it is good until %s only, less than a day: "
                        "--expires 30d is 30 days, 30 are seconds",
                        manifest_time(manifest->expires, until));
    }
}


int
signed_describe(const char *file, const char *site, onsite_ms_t lasts,
    manifest_t *manifest)
{
    onsite_error_t   error;
    onsite_status_t  status;

    *manifest = (manifest_t) { .created = loader_now() };
    manifest->expires = manifest->created + lasts;
    (void) snprintf(manifest->site, sizeof(manifest->site), "%s", site);

    status = snapshot_version(file, &manifest->version, &error);

    if (status == ONSITE_OK) {
        status = files_sha256(file, manifest->sha256, &manifest->size,
                              &error);
    }

    if (status == ONSITE_OK && manifest->version > MANIFEST_VERSION_MAX) {
        status = onsite_error(&error, ONSITE_LIMIT, "snapshot %s: its version"
                              " %llu is over 2^53 - 1, where manifests end: "
                              "build it with a lower one", file,
                              (unsigned long long) manifest->version);
    }

    if (status != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    warn_of_expiry(manifest);

    return LOADER_OK;
}


/* Whoever asks for a login answers with a page. */

static bool
is_page(onsite_str_t text)
{
    size_t  i = 0;

    while (i < text.len && (text.data[i] == ' ' || text.data[i] == '\t'
                            || text.data[i] == '\r' || text.data[i] == '\n'))
    {
        i++;
    }

    return i < text.len && text.data[i] == '<';
}


onsite_status_t
signed_read(onsite_str_t text, const keys_t *trust, manifest_t *manifest,
    onsite_error_t *error)
{
    onsite_status_t  status;

    if (is_page(text)) {
        *manifest = (manifest_t) { .version = 0 };

        return onsite_error(error, ONSITE_INVALID, "it is no manifest: it "
                            "begins with \"<\", as pages do; does something "
                            "ask for a login there?");
    }

    status = manifest_parse(manifest, text, error);

    return status == ONSITE_OK ? manifest_verify(manifest, trust, error)
                               : status;
}


onsite_status_t
signed_of_site(const manifest_t *manifest, const char *site,
    onsite_error_t *error)
{
    return site == NULL || strcmp(site, manifest->site) == 0 ? ONSITE_OK
           : onsite_error(error, ONSITE_INVALID, "it is of site \"%s\", not "
                          "of \"%s\"", manifest->site, site);
}


onsite_status_t
signed_in_time(const manifest_t *manifest, onsite_ms_t now,
    onsite_error_t *error)
{
    char  then[MANIFEST_TIME];

    if (manifest->expires <= now) {
        return onsite_error(error, ONSITE_INVALID, "it expired at %s: publish"
                            " it again, or set the clock here, if that is "
                            "wrong", manifest_time(manifest->expires, then));
    }

    if (manifest->created > now + SIGNED_AHEAD) {
        return onsite_error(error, ONSITE_INVALID, "it was made at %s, which "
                            "is more than a day ahead of the clock here: one "
                            "of the two clocks is wrong",
                            manifest_time(manifest->created, then));
    }

    return ONSITE_OK;
}


onsite_status_t
signed_match(const char *file, const manifest_t *manifest,
    onsite_error_t *error)
{
    char             hex[FILES_SHA256 + 1];
    uint64_t         size, version;
    onsite_status_t  status;

    status = files_sha256(file, hex, &size, error);
    if (status != ONSITE_OK) {
        return status;
    }

    if (size != manifest->size || strcmp(hex, manifest->sha256) != 0) {
        return onsite_error(error, ONSITE_CORRUPT, "%s is not what was "
                            "signed: it has %llu bytes, SHA-256 %.8s…, where "
                            "the manifest says %llu, %.8s…", file,
                            (unsigned long long) size, hex,
                            (unsigned long long) manifest->size,
                            manifest->sha256);
    }

    status = snapshot_version(file, &version, error);

    if (status == ONSITE_OK && version != manifest->version) {
        return onsite_error(error, ONSITE_CORRUPT, "%s has version %llu, "
                            "where the manifest says %llu", file,
                            (unsigned long long) version,
                            (unsigned long long) manifest->version);
    }

    return status;
}


bool
signed_is_packed(const manifest_file_t *file)
{
    size_t  len = strlen(file->path);

    return len > 4 && strcmp(file->path + len - 4, ".zst") == 0;
}
