/*
 * sync_store.c - keeps a snapshot file current from a store, with what was
 * signed by who is trusted, and with nothing else.
 *
 * Whatever goes wrong leaves the last good snapshot live.
 */

#include "sync.h"

#include "signed.h"
#include "stop.h"
#include "sync_take.h"
#include "task.h"

#include <openssl/rand.h>

#include <string.h>
#include <sys/stat.h>

#define WAIT_MAX  (5 * ONSITE_MINUTE)

typedef struct {
    const sync_options_t  *options;
    remote_t              *remote;
    kept_t                 kept;
    kept_state_t           state;
    bar_t                  bar;
    char                   name[REMOTE_NAME_MAX];   /* of the manifest      */
    onsite_buf_t           text;
    char                   etag[REMOTE_ETAG_MAX];   /* of one that was taken*/
    struct stat            live;        /* FILE, when it was last right     */
    bool                   broken;      /* what is live cannot be put back  */
    bool                   expired;     /* was told                         */
    bool                   first;
    bool                   asking;      /* for the manifest                 */
    onsite_status_t        told_status; /* what asking for it came to, which
                                           was told; OK: it was not         */
    char                   told[512];   /* the failure that was told last   */
    unsigned               failures;    /* one after another                */
} sync_t;


/* Telling */

/* Once for each cause, not at each look; a network says the same thing in ever
 * other words. */

static bool
was_told(const sync_t *sync, onsite_status_t status,
    const onsite_error_t *error)
{
    return sync->asking ? sync->told_status == status
                        : strcmp(sync->told, error->text) == 0;
}


static void
failed(sync_t *sync, onsite_status_t status, const onsite_error_t *error)
{
    sync->failures++;
    sync->etag[0] = '\0';
    task_count(TASK_SYNC_FAILED, 1);
    task_failed(error->text);

    if (!was_told(sync, status, error)) {
        bar_clear(&sync->bar);
        loader_complain("%s%s", error->text, sync->broken ? ""
                        : sync->state.live.version != 0
                        ? "; what is live stays" : "; nothing is live yet");
        (void) snprintf(sync->told, sizeof(sync->told), "%s", error->text);
        sync->told_status = sync->asking ? status : ONSITE_OK;
    }

    if (sync->state.failing == 0) {
        sync->state.failing = loader_now();
    }

    (void) snprintf(sync->state.why, sizeof(sync->state.why), "%s",
                    error->text);
}


static void
succeeded(sync_t *sync)
{
    if (sync->told[0] != '\0') {
        loader_complain("recovered from: %s", sync->told);
        sync->told[0] = '\0';
        sync->told_status = ONSITE_OK;
    }

    sync->failures = 0;
    sync->state.failing = 0;
    sync->state.why[0] = '\0';
    sync->state.checked = loader_now();
    task_good();
}


/* It stays live: an old campaign is better than none. */

static void
warn_of_expiry(sync_t *sync)
{
    char  then[MANIFEST_TIME];
    bool  expired;

    expired = sync->state.expires != 0
              && sync->state.expires <= loader_now();

    if (expired && !sync->expired) {
        loader_complain("warning: version %llu, which is live, expired at %s:"
                        " publish it again; it stays live",
                        (unsigned long long) sync->state.live.version,
                        manifest_time(sync->state.expires, then));
    }

    sync->expired = expired;
}


/* What is live */

static void
remember_live(sync_t *sync)
{
    if (stat(sync->options->to, &sync->live) != 0) {
        memset(&sync->live, 0, sizeof(sync->live));
    }
}


/* FILE is what state.json says.  Its bytes are read only where it is another
 * file than before. */

static bool
live_is_right(sync_t *sync)
{
    char         hex[FILES_SHA256 + 1];
    uint64_t     size;
    struct stat  st;

    if (stat(sync->options->to, &st) != 0) {
        return false;
    }

    if (st.st_ino == sync->live.st_ino && st.st_dev == sync->live.st_dev
        && st.st_size == sync->live.st_size
        && st.st_mtim.tv_sec == sync->live.st_mtim.tv_sec
        && st.st_mtim.tv_nsec == sync->live.st_mtim.tv_nsec)
    {
        return true;
    }

    if (files_sha256(sync->options->to, hex, &size, NULL) != ONSITE_OK
        || strcmp(hex, sync->state.live.sha256) != 0)
    {
        return false;
    }

    sync->live = st;

    return true;
}


/* Somebody was stopped between saying and doing, or changed FILE by hand. */

static onsite_status_t
put_back(sync_t *sync, onsite_error_t *error)
{
    manifest_t       m;
    onsite_status_t  status;

    sync->broken = false;

    if (sync->state.live.version == 0 || live_is_right(sync)) {
        return ONSITE_OK;
    }

    status = kept_check(&sync->kept, sync->state.live.version, &m, error);
    manifest_free(&m);

    if (status != ONSITE_OK) {
        sync->broken = true;
        return status;
    }

    status = kept_put_live(&sync->kept, sync->state.live.version, error);

    if (status == ONSITE_OK) {
        remember_live(sync);
        sync_tell(sync->options, "was not what it has to be: put back",
                  sync->state.live.version);
    }

    return status;
}


/* Without a state, what lies there counts as seen. */

static void
adopt(sync_t *sync)
{
    char                hex[FILES_SHA256 + 1];
    uint64_t            size, version;
    kept_mark_t        *mark = &sync->state.live;
    onsite_snapshot_t  *snapshot;

    if (onsite_snapshot_open(sync->options->to, &snapshot, NULL)
        != ONSITE_OK)
    {
        return;
    }

    version = onsite_snapshot_info(snapshot)->version;
    onsite_snapshot_close(snapshot);

    if (version != 0 && version <= MANIFEST_VERSION_MAX
        && files_sha256(sync->options->to, hex, &size, NULL) == ONSITE_OK)
    {
        mark->version = version;
        memcpy(mark->sha256, hex, sizeof(hex));
        sync->state.highest = *mark;
    }
}


/* As it is on disk: a rollback may have changed it. */

static onsite_status_t
read_state(sync_t *sync, onsite_error_t *error)
{
    onsite_status_t  status;

    status = kept_read(&sync->kept, &sync->state, error);

    if (status == ONSITE_NOT_FOUND) {
        adopt(sync);
        status = ONSITE_OK;

    } else if (status == ONSITE_OK
               && strcmp(sync->state.site, sync->options->site) != 0)
    {
        return onsite_error(error, ONSITE_INVALID, "%s keeps versions of site"
                            " \"%s\": another --to FILE is for \"%s\"",
                            sync->kept.folder, sync->state.site,
                            sync->options->site);
    }

    (void) snprintf(sync->state.site, sizeof(sync->state.site), "%s",
                    sync->options->site);

    return status;
}


/* What the store offers */

typedef enum {
    OFFER_CURRENT = 0,
    OFFER_TAKE
} offer_t;


static onsite_status_t
compare(sync_t *sync, const manifest_t *m, offer_t *offer,
    onsite_error_t *error)
{
    const kept_mark_t  *highest = &sync->state.highest;

    *offer = OFFER_CURRENT;

    if (m->version < highest->version) {
        return onsite_error(error, ONSITE_INVALID, "version %llu is older "
                            "than version %llu, which was seen here: a store "
                            "that went back is not followed",
                            (unsigned long long) m->version,
                            (unsigned long long) highest->version);
    }

    if (m->version > highest->version) {
        *offer = OFFER_TAKE;
        return ONSITE_OK;
    }

    if (strcmp(m->sha256, highest->sha256) != 0) {
        return onsite_error(error, ONSITE_INVALID, "version %llu is another "
                            "one than the version %llu that was seen here: "
                            "a version is published once",
                            (unsigned long long) m->version,
                            (unsigned long long) m->version);
    }

    if (sync->state.live.version == m->version) {
        sync->state.expires = m->expires;
        *offer = sync->broken || !kept_has(&sync->kept, m->version)
                 ? OFFER_TAKE : OFFER_CURRENT;
    }

    return ONSITE_OK;
}


static onsite_status_t
judge(sync_t *sync, manifest_t *m, offer_t *offer, onsite_error_t *error)
{
    onsite_error_t   why;
    onsite_status_t  status;

    status = signed_read(onsite_str(sync->text.data, sync->text.len),
                         sync->options->trust, m, &why);

    if (status == ONSITE_OK) {
        status = signed_of_site(m, sync->options->site, &why);
    }

    if (status == ONSITE_OK) {
        status = compare(sync, m, offer, &why);
    }

    if (status == ONSITE_OK && m->version > sync->state.highest.version) {
        status = signed_in_time(m, loader_now(), &why);
    }

    return status == ONSITE_OK ? ONSITE_OK
           : onsite_error(error, status, "%s/%s: %s",
                          remote_url(sync->remote), sync->name, why.text);
}


/* The state first, then FILE: see kept.h. */

static onsite_status_t
go_live(sync_t *sync, const manifest_t *m, onsite_error_t *error)
{
    kept_mark_t      mark = { .version = m->version };
    onsite_status_t  status;

    memcpy(mark.sha256, m->sha256, sizeof(mark.sha256));

    sync->state.live = mark;
    sync->state.highest = mark;
    sync->state.expires = m->expires;
    sync->state.rolled_back_from = 0;

    status = kept_write(&sync->kept, &sync->state, error);

    if (status == ONSITE_OK) {
        status = kept_put_live(&sync->kept, m->version, error);
    }

    if (status == ONSITE_OK) {
        sync->broken = false;
        remember_live(sync);
        kept_prune(&sync->kept, sync->options->keep, &sync->state);
        task_count(TASK_SYNC_TAKEN, 1);
        sync_tell(sync->options, "live", m->version);
    }

    return status;
}


/* Nobody else changes what is kept meanwhile; but somebody may have, while it
 * came. */

static onsite_status_t
take_it(sync_t *sync, const manifest_t *m, onsite_error_t *error)
{
    offer_t          offer;
    sync_take_t      take = { .remote = sync->remote, .kept = &sync->kept,
                              .state = &sync->state, .manifest = m,
                              .text = { sync->text.len, sync->text.data },
                              .bar = &sync->bar };
    onsite_status_t  status;

    status = sync_take(&take, error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = kept_lock(&sync->kept, error);

    if (status == ONSITE_OK) {
        status = read_state(sync, error);
    }

    if (status == ONSITE_OK) {
        status = compare(sync, m, &offer, error);
    }

    if (status == ONSITE_OK && offer == OFFER_TAKE) {
        status = go_live(sync, m, error);
    }

    kept_unlock(&sync->kept);

    return status;
}


static onsite_status_t
look(sync_t *sync, onsite_error_t *error)
{
    offer_t          offer;
    manifest_t       m;
    remote_get_t     get = { .body = &sync->text, .max = MANIFEST_TEXT_MAX };
    onsite_status_t  status;

    if (!sync->broken) {
        memcpy(get.etag, sync->etag, sizeof(get.etag));
    }

    status = remote_get(sync->remote, sync->name, &get, error);
    sync->asking = status != ONSITE_OK;

    if (status != ONSITE_OK || get.unchanged) {
        return status;
    }

    status = judge(sync, &m, &offer, error);

    if (status == ONSITE_OK && offer == OFFER_TAKE) {
        if (sync->options->dry_run) {
            sync_tell(sync->options, "would be replaced", m.version);
        } else {
            status = take_it(sync, &m, error);
        }

    } else if (status == ONSITE_OK && sync->first) {
        sync_tell(sync->options, sync->state.rolled_back_from != 0
                  ? "rolled back, and stays" : "current",
                  sync->state.live.version);
    }

    if (status == ONSITE_OK) {
        memcpy(sync->etag, get.etag, sizeof(sync->etag));
    }

    manifest_free(&m);

    return status;
}


/* A round */

/* What lies here is looked at first. */

static onsite_status_t
prepare(sync_t *sync, onsite_error_t *error)
{
    onsite_status_t  status;

    sync->broken = false;

    if (sync->options->dry_run) {
        return read_state(sync, error);
    }

    status = kept_lock(&sync->kept, error);

    if (status == ONSITE_OK) {
        status = read_state(sync, error);
    }

    if (status == ONSITE_OK) {
        status = put_back(sync, error);
    }

    kept_unlock(&sync->kept);

    return status;
}


/* How it went, for who asks; what is live may have been changed meanwhile by
 * a rollback, which stays. */

static onsite_status_t
write_down(sync_t *sync, onsite_error_t *error)
{
    kept_state_t     now;
    onsite_status_t  status;

    status = kept_lock(&sync->kept, error);

    if (status == ONSITE_OK) {
        status = kept_read(&sync->kept, &now, error);
    }

    if (status == ONSITE_NOT_FOUND) {
        status = kept_write(&sync->kept, &sync->state, error);

    } else if (status == ONSITE_OK) {
        now.checked = sync->state.checked;
        now.failing = sync->state.failing;
        memcpy(now.why, sync->state.why, sizeof(now.why));

        if (now.live.version == sync->state.live.version) {
            now.expires = sync->state.expires;
        }

        status = kept_write(&sync->kept, &now, error);
    }

    kept_unlock(&sync->kept);

    return status;
}


/* What is live and the kept file are two names of one, and somebody wrote into
 * it: the store may still have that version. */

static onsite_status_t
repair(sync_t *sync, onsite_error_t *error)
{
    char             path[PATH_MAX];
    manifest_t       m = { .version = 0 };
    onsite_buf_t     text;
    onsite_status_t  status;

    onsite_buf_init(&text, 0);
    kept_path(&sync->kept, sync->state.live.version, ".json", path);
    status = files_read(path, MANIFEST_TEXT_MAX, &text, error);

    if (status == ONSITE_OK) {
        status = signed_read(onsite_str(text.data, text.len),
                             sync->options->trust, &m, error);
    }

    if (status == ONSITE_OK) {
        status = sync_take(&(sync_take_t) {
            .remote = sync->remote, .kept = &sync->kept,
            .state = &sync->state, .manifest = &m,
            .text = { text.len, text.data }, .bar = &sync->bar
        }, error);
    }

    manifest_free(&m);
    onsite_buf_free(&text);

    return status == ONSITE_OK ? prepare(sync, error) : status;
}


static onsite_status_t
do_round(sync_t *sync, onsite_error_t *error)
{
    onsite_error_t   why, other;
    onsite_status_t  status, live;

    live = prepare(sync, &why);

    if (sync->broken && repair(sync, &other) == ONSITE_OK) {
        live = ONSITE_OK;
    }

    if (live != ONSITE_OK && !sync->broken) {
        *error = why;
        return live;
    }

    status = look(sync, error);

    if (status == ONSITE_OK && sync->broken) {
        *error = why;
        return live;
    }

    return status;
}


static int
look_once(sync_t *sync)
{
    onsite_error_t   error;
    onsite_status_t  status;

    sync->asking = false;
    status = do_round(sync, &error);

    if (loader_stopping) {
        return LOADER_FAILED;
    }

    if (status == ONSITE_OK) {
        succeeded(sync);
        warn_of_expiry(sync);
        sync->first = false;

    } else {
        failed(sync, status, &error);
    }

    if (!sync->options->dry_run && write_down(sync, &error) != ONSITE_OK
        && status == ONSITE_OK)
    {
        status = ONSITE_IO;
        failed(sync, status, &error);
    }

    return status == ONSITE_OK ? LOADER_OK : LOADER_FAILED;
}


/* Between low and high, both included. */

static onsite_ms_t
at_random(onsite_ms_t low, onsite_ms_t high)
{
    uint32_t  random = 0;

    (void) RAND_bytes((unsigned char *) &random, sizeof(random));

    return low + (onsite_ms_t) (random % (uint64_t) (high - low + 1));
}


/*
 * Many POPs look at one store: none of them at the same time as the others,
 * and after failures ever more seldom (exponential backoff, full jitter).
 */

static onsite_ms_t
pause_of(const sync_t *sync)
{
    onsite_ms_t  most, asked, pause;

    if (sync->failures == 0) {
        return at_random(sync->options->every * 9 / 10,
                         sync->options->every * 11 / 10);
    }

    most = sync->failures < 9 ? ONSITE_SECOND << sync->failures : WAIT_MAX;
    most = most < WAIT_MAX ? most : WAIT_MAX;
    pause = at_random(ONSITE_SECOND, most);
    asked = remote_retry_after(sync->remote) * ONSITE_SECOND;

    return pause > asked ? pause : asked;
}


static int
run(sync_t *sync)
{
    if (sync->options->once || sync->options->dry_run) {
        return look_once(sync);
    }

    while (!loader_stopping) {
        (void) look_once(sync);
        loader_pause(pause_of(sync));
    }

    return LOADER_OK;
}


int
sync_store(const sync_options_t *options)
{
    int              rc;
    sync_t           sync = { .options = options, .first = true };
    onsite_error_t   error;
    onsite_status_t  status;

    status = remote_open(options->from, &options->remote, &sync.remote,
                         &error);

    if (status != ONSITE_OK) {
        loader_complain("--from: %s", error.text);
        return status == ONSITE_INVALID ? LOADER_USAGE : LOADER_FAILED;
    }

    if (loader_checking()) {
        remote_close(sync.remote);
        return LOADER_OK;
    }

    bar_init(&sync.bar, !options->json);
    onsite_buf_init(&sync.text, 0);
    (void) snprintf(sync.name, sizeof(sync.name), "%s/manifest.json",
                    options->site);
    status = kept_init(&sync.kept, options->to, &error);

    if (status == ONSITE_OK && !options->dry_run) {
        status = kept_begin(&sync.kept, &error);
    }

    if (status == ONSITE_OK) {
        rc = run(&sync);

    } else {
        rc = LOADER_FAILED;
        loader_complain("%s", error.text);
    }

    kept_end(&sync.kept);
    onsite_buf_free(&sync.text);
    remote_close(sync.remote);

    return rc;
}
