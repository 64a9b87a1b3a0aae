/*
 * rollback.c - `rollback`: a POP goes back to a version that it keeps.
 *
 * The version that it went back from stays the highest one seen, so that
 * `sync` takes none but a newer one.
 */

#include "kept.h"
#include "loader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    kept_t         kept;
    kept_state_t   state;
    uint64_t       versions[KEPT_MAX];
    size_t         n;
    uint64_t       to;
    uint64_t       from;
    bool           dry_run;
    bool           json;
} rollback_t;


/* Exits LOADER_USAGE; 0: none was given. */

static uint64_t
read_version(const char *text)
{
    char                *end;
    unsigned long long   version;

    if (text == NULL) {
        return 0;
    }

    errno = 0;
    version = strtoull(text, &end, 10);

    if (errno != 0 || *text < '1' || *text > '9' || *end != '\0'
        || version > MANIFEST_VERSION_MAX)
    {
        loader_complain("--version: \"%s\" is no version", text);
        exit(LOADER_USAGE);
    }

    return version;
}


/* "1, 2, 3" */

static void
list_kept(const rollback_t *r, char *text, size_t size)
{
    size_t  i, len = 0;

    (void) snprintf(text, size, "none");

    for (i = 0; i < r->n && len < size; i++) {
        len += (size_t) snprintf(text + len, size - len, "%s%llu%s",
                                 i != 0 ? ", " : "",
                                 (unsigned long long) r->versions[i],
                                 r->versions[i] == r->state.live.version
                                 ? " (live)" : "");
    }
}


/* The one that was asked for, or the highest below the live one. */

static bool
choose(rollback_t *r, uint64_t wanted)
{
    size_t  i;
    char    kept[KEPT_MAX * 24];

    for (i = 0; i < r->n; i++) {
        if (wanted != 0 ? r->versions[i] == wanted
                        : r->versions[i] < r->state.live.version)
        {
            r->to = r->versions[i];
            return true;
        }
    }

    list_kept(r, kept, sizeof(kept));

    if (wanted != 0) {
        loader_complain("version %llu is not kept; kept are %s",
                        (unsigned long long) wanted, kept);
    } else {
        loader_complain("no version below the live one is kept; kept are %s",
                        kept);
    }

    return false;
}


static void
tell(const rollback_t *r, const char *what)
{
    onsite_buf_t  line;

    onsite_buf_init(&line, 0);

    if (r->json) {
        onsite_buf_printf(&line, "{\"file\":");
        onsite_write_json_string(&line, onsite_str(r->kept.file,
                                                   strlen(r->kept.file)));
        onsite_buf_printf(&line, ",\"result\":\"%s\",\"from\":%llu,"
                          "\"version\":%llu}", what,
                          (unsigned long long) r->from,
                          (unsigned long long) r->to);

    } else {
        onsite_buf_printf(&line, "%s: %s, from version %llu to %llu",
                          r->kept.file, what, (unsigned long long) r->from,
                          (unsigned long long) r->to);

        if (r->to != r->state.highest.version) {
            onsite_buf_printf(&line, "; sync takes what is newer than %llu",
                              (unsigned long long) r->state.highest.version);
        }
    }

    if (!line.failed) {
        (void) printf("%.*s\n", (int) line.len, line.data);
    }

    onsite_buf_free(&line);
}


/* A full disk keeps no bad campaign live. */

static onsite_status_t
put_live(rollback_t *r, onsite_error_t *error)
{
    onsite_status_t  status;

    status = kept_write(&r->kept, &r->state, error);

    return status == ONSITE_OK ? kept_put_live(&r->kept, r->to, error)
                               : status;
}


static onsite_status_t
put_live_at_last(rollback_t *r, onsite_error_t *error)
{
    onsite_error_t   why;
    onsite_status_t  status;

    status = put_live(r, &why);

    if (status == ONSITE_IO || status == ONSITE_FULL) {
        kept_make_room(&r->kept);
        status = put_live(r, &why);
    }

    return status == ONSITE_OK ? ONSITE_OK
           : onsite_error(error, status, "%s; if its disk is full: older "
                          "versions in %s, <version>.mdb with .json, may be "
                          "removed", why.text, r->kept.folder);
}


static onsite_status_t
go(rollback_t *r, const manifest_t *m, onsite_error_t *error)
{
    char             then[MANIFEST_TIME];
    onsite_status_t  status;

    if (m->expires <= loader_now()) {
        loader_complain("warning: version %llu expired at %s",
                        (unsigned long long) r->to,
                        manifest_time(m->expires, then));
    }

    if (r->dry_run) {
        tell(r, "would be rolled back");
        return ONSITE_OK;
    }

    r->state.live.version = m->version;
    memcpy(r->state.live.sha256, m->sha256, sizeof(m->sha256));
    r->state.expires = m->expires;
    r->state.rolled_back_from = r->to == r->state.highest.version
                                ? 0 : r->state.highest.version;

    status = put_live_at_last(r, error);

    if (status == ONSITE_OK) {
        tell(r, "rolled back");
    }

    return status;
}


static int
roll_back(rollback_t *r, uint64_t wanted)
{
    manifest_t       m;
    onsite_error_t   error;
    onsite_status_t  status;

    status = kept_lock(&r->kept, &error);

    if (status == ONSITE_OK) {
        status = kept_read(&r->kept, &r->state, &error);
    }

    if (status == ONSITE_NOT_FOUND) {
        loader_complain("%s keeps no versions: it is sync --trust that keeps "
                        "them", r->kept.file);
        return LOADER_FAILED;
    }

    if (status == ONSITE_OK) {
        r->from = r->state.live.version;
        r->n = kept_list(&r->kept, r->versions);

        if (!choose(r, wanted)) {
            return LOADER_FAILED;
        }

        status = kept_check(&r->kept, r->to, &m, &error);

        if (status == ONSITE_OK) {
            status = go(r, &m, &error);
        }

        manifest_free(&m);
    }

    if (status != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


int
loader_rollback(int argc, char **argv)
{
    int              rc;
    uint64_t         wanted;
    const char      *to, *version, *dry_run, *json;
    rollback_t       r = { .n = 0 };
    onsite_error_t   error;

    const loader_option_t  options[] = {
        { "to", 0, "FILE", "the live snapshot, of sync --trust", &to },
        { "version", 0, "N", "a version that is kept; default: the one before"
          " the live one", &version },
        { "dry-run", 0, NULL, "tell, but change nothing", &dry_run },
        { "json", 0, NULL, "the result as one object", &json },
        { 0 }
    };

    (void) loader_options(argc, argv, options, "--to FILE", 0, 0);
    loader_needs_file(to);

    if (to == NULL) {
        loader_complain("--to is missing");
        return LOADER_USAGE;
    }

    wanted = read_version(version);
    r.dry_run = dry_run != NULL;
    r.json = json != NULL;

    if (kept_init(&r.kept, to, &error) != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    rc = roll_back(&r, wanted);
    kept_end(&r.kept);

    return rc;
}
