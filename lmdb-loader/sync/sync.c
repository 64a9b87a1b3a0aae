/*
 * sync.c - `sync`: the command, of which folders of snapshots and stores of
 * signed ones are two ways.
 */

#include "sync.h"

#include "signed.h"
#include "stop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEEP      3
#define KEEP_MAX  100


void
sync_tell(const sync_options_t *options, const char *what, uint64_t version)
{
    onsite_buf_t  line;

    onsite_buf_init(&line, 0);

    if (options->json) {
        onsite_buf_printf(&line, "{\"file\":");
        onsite_write_json_string(&line, onsite_str(options->to,
                                                   strlen(options->to)));
        onsite_buf_printf(&line, ",\"result\":\"%s\",\"version\":%llu}", what,
                          (unsigned long long) version);

    } else {
        onsite_buf_printf(&line, "%s: %s, version %llu", options->to, what,
                          (unsigned long long) version);
    }

    if (!line.failed) {
        (void) printf("%.*s\n", (int) line.len, line.data);
        (void) fflush(stdout);
    }

    onsite_buf_free(&line);
}


static bool
is_url(const char *from)
{
    return strstr(from, "://") != NULL && strncmp(from, "file://", 7) != 0;
}


/* What belongs to the other way says so, and is not passed over. */

static int
check_unsigned(const sync_options_t *options, const char *keep)
{
    if (is_url(options->from)) {
        loader_complain("--trust is missing: what comes from %.*s:// has to "
                        "be signed; give the FILE.pub of who publishes",
                        (int) strcspn(options->from, ":"), options->from);
        return LOADER_USAGE;
    }

    if (keep != NULL) {
        loader_complain("--keep goes with --trust: of a folder of snapshots "
                        "nothing is kept");
        return LOADER_USAGE;
    }

    if (options->watch != NULL) {
        loader_complain("--watch goes with --trust: publish tells of what is "
                        "signed");
        return LOADER_USAGE;
    }

    return LOADER_OK;
}


static bool
is_folder(const char *path)
{
    struct stat  st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}


static int
run(sync_options_t *options, const char *const *trust, const char *every,
    const char *keep)
{
    int     rc;
    keys_t  keys = { .n = 0 };

    rc = signed_site(options->site, &options->site);
    if (rc != LOADER_OK) {
        return rc;
    }

    options->keep = loader_number("keep", keep, KEEP_MAX, KEEP);

    if (trust[0] == NULL) {
        rc = check_unsigned(options, keep);
        options->every = loader_duration("every", every, ONSITE_SECOND);

        return rc == LOADER_OK ? sync_folder(options) : rc;
    }

    if (options->watch != NULL && (options->once || options->dry_run)) {
        loader_complain("--watch goes on, --%s looks once: one of them",
                        options->once ? "once" : "dry-run");
        return LOADER_USAGE;
    }

    options->every = loader_duration("every", every, options->watch != NULL
                                     ? ONSITE_MINUTE : 10 * ONSITE_SECOND);
    rc = signed_public_keys(trust, &keys);

    if (rc == LOADER_OK) {
        options->trust = &keys;
        rc = sync_store(options);
    }

    keys_free(&keys);

    return rc;
}


int
loader_sync(int argc, char **argv)
{
    const char      *trust[LOADER_REPEATS + 1];
    const char      *once, *every, *keep, *dry_run, *json;
    sync_options_t   sync = { .once = false };

    const loader_option_t  options[] = {
        { "from", 0, "STORE", "where snapshots come from: a store that "
          "publish fills, or (unsigned) a folder of *.mdb, or one file",
          &sync.from },
        { "to", 0, "FILE", "the live snapshot", &sync.to },
        { "trust", 't', "FILE...", "a public key of who publishes; nothing "
          "goes live but what is signed by one of them", trust },
        { "site", 's', "S", "what it is published as; default: default",
          &sync.site },
        { "once", 0, NULL, "look once, then leave", &once },
        { "every", 0, "TIME", "how often to look; default: 10s, with --watch "
          "1m, folders 1s", &every },
        { "watch", 0, "URL", "look as soon as publish --announce tells of "
          "something new through NATS, nats://… or tls://…; looking every "
          "TIME goes on", &sync.watch },
        NATS_OPTIONS(sync.nats),
        { "keep", 0, "N", "versions to keep for rollback; default: 3",
          &keep },
        REMOTE_OPTIONS(sync.remote),
        { "dry-run", 0, NULL, "tell, but change nothing", &dry_run },
        { "json", 0, NULL, "results as NDJSON", &json },
        { 0 }
    };

    trust[0] = NULL;
    (void) loader_options(argc, argv, options, "--from STORE --to FILE", 0,
                          0);
    loader_needs_file(sync.from);
    loader_needs_file(sync.to);

    if (sync.from == NULL || sync.to == NULL) {
        loader_complain("--%s is missing", sync.from == NULL ? "from" : "to");
        return LOADER_USAGE;
    }

    if (is_folder(sync.to)) {
        loader_complain("--to: %s is a folder: name the FILE in it that is to "
                        "be live", sync.to);
        return LOADER_USAGE;
    }

    sync.once = once != NULL;
    sync.dry_run = dry_run != NULL;
    sync.json = json != NULL;
    sync.remote.stop = &loader_stopping;
    loader_catch_signals();

    return run(&sync, trust, every, keep);
}
