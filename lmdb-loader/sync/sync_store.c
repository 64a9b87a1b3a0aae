/*
 * sync_store.c - keeps a snapshot file current from a store, with what was
 * signed by who is trusted, and with nothing else.
 *
 * Whatever goes wrong leaves the last good snapshot live.
 */

#include "sync_store.h"

#include "signed.h"
#include "stop.h"
#include "sync_take.h"
#include "task.h"

#include <openssl/rand.h>

#include <string.h>
#include <unistd.h>

#define WAIT_MAX  (5 * ONSITE_MINUTE)
#define EMPTY_MAX  (10 * ONSITE_SECOND)


/* Telling */

/* Once for each cause, not at each look; a network says the same thing in ever
 * other words, and a disk's room changes. */

static bool
was_told(const sync_t *sync, onsite_status_t status,
    const onsite_error_t *error)
{
    return sync->asking || status == ONSITE_FULL
           ? sync->told_status == status
           : strcmp(sync->told, error->text) == 0;
}


/* What a failure leaves; where the state could not be read, FILE may be there
 * all the same. */

static const char *
what_is_left(const sync_t *sync)
{
    if (sync->broken) {
        return "";
    }

    if (sync->state.live.version != 0) {
        return "; what is live stays";
    }

    return access(sync->options->to, F_OK) == 0
           ? "; the file that is there stays" : "; nothing is live yet";
}


static void
failed(sync_t *sync, onsite_status_t status, const onsite_error_t *error)
{
    sync->failures++;
    sync->empty = status == ONSITE_NOT_FOUND && sync->asking;
    sync->etag[0] = '\0';
    task_count(TASK_SYNC_FAILED, 1);
    task_failed(error->text);

    if (!was_told(sync, status, error)) {
        bar_clear(&sync->bar);
        loader_complain("%s%s", error->text, what_is_left(sync));
        (void) snprintf(sync->told, sizeof(sync->told), "%s", error->text);
        sync->told_status = sync->asking || status == ONSITE_FULL
                            ? status : ONSITE_OK;
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
    sync->empty = false;
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


/* A round */

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

    return status == ONSITE_OK ? sync_prepare(sync, error) : status;
}


static onsite_status_t
do_round(sync_t *sync, onsite_error_t *error)
{
    onsite_error_t   why, other;
    onsite_status_t  status, live;

    live = sync_prepare(sync, &why);

    if (sync->broken && repair(sync, &other) == ONSITE_OK) {
        live = ONSITE_OK;
    }

    if (live != ONSITE_OK && !sync->broken) {
        *error = why;
        return live;
    }

    status = sync_look(sync, error);

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

    if (!sync->options->dry_run && sync_write_down(sync, &error) != ONSITE_OK
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
 * and after failures ever more seldom (exponential backoff, full jitter).  A
 * store that answers, and has nothing yet, is none: who publishes first waits
 * for all of them.
 */

static onsite_ms_t
pause_of(const sync_t *sync)
{
    onsite_ms_t  most, asked, pause, every = sync->options->every;

    if (sync->empty && every > EMPTY_MAX) {
        every = EMPTY_MAX;
    }

    if (sync->failures == 0 || sync->empty) {
        return at_random(every * 9 / 10, every * 11 / 10);
    }

    most = sync->failures < 9 ? ONSITE_SECOND << sync->failures : WAIT_MAX;
    most = most < WAIT_MAX ? most : WAIT_MAX;
    pause = at_random(ONSITE_SECOND, most);
    asked = remote_retry_after(sync->remote) * ONSITE_SECOND;

    return pause > asked ? pause : asked;
}


static void
pause_until_told(sync_t *sync)
{
    onsite_ms_t  rest = remote_retry_after(sync->remote) * ONSITE_SECOND;

    sync_watch_pause(sync->watch, pause_of(sync),
                     rest > SYNC_WATCH_SPREAD ? rest : SYNC_WATCH_SPREAD,
                     sync->failures == 0 ? sync->state.highest.version : 0);
}


static int
run(sync_t *sync)
{
    if (loader_checking()) {
        return LOADER_OK;
    }

    if (sync->options->once || sync->options->dry_run) {
        return look_once(sync);
    }

    while (!loader_stopping) {
        (void) look_once(sync);

        if (sync->watch != NULL) {
            pause_until_told(sync);
        } else {
            loader_pause(pause_of(sync));
        }
    }

    return LOADER_OK;
}


/* Only once this process is the one that syncs FILE. */

static int
watch_and_run(sync_t *sync)
{
    int              rc;
    onsite_error_t   error;
    onsite_status_t  status;

    if (sync->options->watch == NULL) {
        return run(sync);
    }

    status = sync_watch_open(sync->options, &sync->watch, &error);

    if (status != ONSITE_OK) {
        loader_complain("--watch: %s", error.text);
        return status == ONSITE_INVALID ? LOADER_USAGE : LOADER_FAILED;
    }

    rc = run(sync);
    sync_watch_close(sync->watch);

    return rc;
}


int
sync_store(const sync_options_t *options)
{
    int              rc;
    sync_t           sync = { .options = options, .first = true,
                             .weeded = SYNC_NEVER_WEEDED };
    onsite_error_t   error;
    onsite_status_t  status;

    status = remote_open(options->from, &options->remote, &sync.remote,
                         &error);

    if (status != ONSITE_OK) {
        loader_complain("--from: %s", error.text);
        return status == ONSITE_INVALID ? LOADER_USAGE : LOADER_FAILED;
    }

    bar_init(&sync.bar, !options->json);
    onsite_buf_init(&sync.text, 0);
    (void) snprintf(sync.name, sizeof(sync.name), "%s/manifest.json",
                    options->site);
    status = kept_init(&sync.kept, options->to, &error);

    if (status == ONSITE_OK && !options->dry_run && !loader_checking()) {
        status = kept_begin(&sync.kept, &error);
    }

    if (status == ONSITE_OK) {
        rc = watch_and_run(&sync);

    } else {
        rc = LOADER_FAILED;
        loader_complain("%s", error.text);
        task_failed(error.text);
    }

    kept_end(&sync.kept);
    onsite_buf_free(&sync.text);
    remote_close(sync.remote);

    return rc;
}
