/*
 * publish.c - `publish`: a snapshot, signed, into a store.
 *
 * Bodies go first and the manifest last: whoever reads the new manifest finds
 * what it tells of.
 */

#include "publish.h"

#include "signed.h"
#include "stop.h"

#include <string.h>


void
publish_name(const publish_t *p, const char *file, char name[REMOTE_NAME_MAX])
{
    (void) snprintf(name, REMOTE_NAME_MAX, "%s/%s", p->given->site, file);
}


/* What the store has */

static onsite_status_t
read_there(publish_t *p, onsite_buf_t *text, char etag[REMOTE_ETAG_MAX])
{
    char             name[REMOTE_NAME_MAX];
    remote_get_t     get = { .body = text, .max = MANIFEST_TEXT_MAX };
    onsite_error_t   why;
    onsite_status_t  status;

    publish_name(p, "manifest.json", name);
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
    publish_name(p, "manifest.json", name);
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


/* The manifest */

static onsite_status_t
put_manifest(publish_t *p, const onsite_buf_t *was)
{
    char             name[REMOTE_NAME_MAX];
    onsite_buf_t     text;
    remote_put_t     put = { .type = "application/json" };
    onsite_status_t  status;

    onsite_buf_init(&text, 0);
    status = manifest_write(&text, &p->m, p->keys, &p->error);

    if (status == ONSITE_OK) {
        publish_name(p, "manifest.json", name);
        put.bytes = onsite_str(text.data, text.len);
        status = remote_put(p->remote, name, &put, &p->error);
    }

    if (status == ONSITE_OK) {
        status = publish_confirm(p, put.bytes, onsite_str(was->data,
                                                          was->len));
    }

    onsite_buf_free(&text);

    return status;
}


/* Telling */

static void
tell(const publish_t *p, const char *what)
{
    char                 until[MANIFEST_TIME];
    onsite_buf_t         line;
    const manifest_t    *m = &p->m;
    unsigned long long   version = m->version;
    onsite_str_t         file = { strlen(p->given->file), p->given->file };

    onsite_buf_init(&line, 0);
    (void) manifest_time(m->expires, until);

    if (p->given->json) {
        onsite_buf_printf(&line, "{\"file\":");
        onsite_write_json_string(&line, file);
        onsite_buf_printf(&line, ",\"result\":\"%s\",\"site\":\"%s\","
                          "\"version\":%llu,\"sha256\":\"%s\","
                          "\"expires\":\"%s\",\"bytes\":%llu,"
                          "\"patches\":%zu,\"patch_bytes\":%llu%s}", what,
                          m->site, version, m->sha256, until,
                          (unsigned long long) m->body.size, m->n_patches,
                          (unsigned long long) m->patches[0].size,
                          !p->announced ? "" : p->untold
                          ? ",\"announced\":false" : ",\"announced\":true");

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

        onsite_buf_printf(&line, ", good until %s%s", until,
                          p->announced && !p->untold ? ", announced" : "");
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
    publish_name(p, p->there.body.path, name);

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


static void
warn_of_shorter(const publish_t *p)
{
    char  was[MANIFEST_TIME], until[MANIFEST_TIME];

    if (p->m.expires < p->there.expires) {
        loader_complain("warning: it was good until %s, and is until %s",
                        manifest_time(p->there.expires, was),
                        manifest_time(p->m.expires, until));
    }
}


static onsite_status_t
publish(publish_t *p, onsite_buf_t *was)
{
    char             etag[REMOTE_ETAG_MAX] = "";
    bool             renewed;
    onsite_status_t  status;

    status = read_there(p, was, etag);

    if (status == ONSITE_OK) {
        status = publish_check_version(p);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    renewed = is_there(p);

    if (renewed) {
        warn_of_shorter(p);
    }

    if (p->given->dry_run) {
        tell(p, renewed ? "would be renewed" : "would be published");
        return ONSITE_OK;
    }

    if (!renewed) {
        status = publish_bodies(p);

        if (status == ONSITE_OK) {
            status = check_unchanged(p, was, etag);
        }
    }

    if (status == ONSITE_OK) {
        status = put_manifest(p, was);
    }

    if (status == ONSITE_OK) {
        publish_announce(p);
        tell(p, renewed ? "renewed" : "published");
    }

    return status;
}


static int
publish_it(publish_t *p)
{
    onsite_buf_t     was;
    onsite_status_t  status;

    bar_init(&p->bar, !p->given->json);
    onsite_buf_init(&was, 0);
    status = publish(p, &was);

    if (status != ONSITE_OK) {
        loader_complain("%s", p->error.text);
    }

    manifest_free(&p->there);
    onsite_buf_free(&was);

    return status != ONSITE_OK ? LOADER_FAILED
           : p->untold ? PUBLISH_UNTOLD : LOADER_OK;
}


static int
run(const publish_given_t *given, const keys_t *keys)
{
    int              rc;
    publish_t        p = { .given = given, .keys = keys };
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

    rc = publish_connect(&p);

    if (rc == LOADER_OK) {
        rc = publish_it(&p);
    }

    nats_close(p.nats);
    remote_close(p.remote);

    return rc;
}


static bool
is_usable(const publish_given_t *given)
{
    size_t  n;

    if (given->to == NULL) {
        loader_complain("--to STORE is missing");
        return false;
    }

    for (n = 0; given->previous[n] != NULL; n++) {
        /* void */
    }

    if (n > PUBLISH_PREVIOUS_MAX) {
        loader_complain("--previous: more than %d of them",
                        PUBLISH_PREVIOUS_MAX);
        return false;
    }

    return true;
}


static int
publish_file(publish_given_t *given, const char *const *files)
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
    publish_given_t  given = { .remote = { .stop = &loader_stopping } };
    const char      *files[LOADER_REPEATS + 1];
    const char      *expires, *no_patch, *force, *dry_run, *json;

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
        { "announce", 0, "URL", "tell POPs through NATS, nats://… or "
          "tls://…; exit status 3: it is published, but nobody could be told",
          &given.announce },
        NATS_OPTIONS(given.nats),
        { "force", 0, NULL, "replace a manifest that none of the keys has "
          "signed; publish a version that lies ahead of the clock",
          &force },
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
