/*
 * checkpoint.c - `checkpoint`: a live state is copied to a disk, now and then.
 */

#include "checkpoint.h"
#include "loader.h"
#include "stop.h"
#include "task.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEP        3
#define KEEP_MAX    100
#define WAIT_MAX    (5 * ONSITE_MINUTE)     /* between tries that fail */
#define LAST_MS     (8 * ONSITE_SECOND)     /* for the one at the end */
#define LOOK_MS     ONSITE_SECOND           /* for who was erased */
#define SOON_MS     (30 * ONSITE_SECOND)
#define BACK_MS     (3 * ONSITE_SECOND)     /* for a state that is away */

typedef struct {
    const char      *state;
    const char      *folder;
    bool             once;
    bool             json;
    size_t           keep;
    onsite_ms_t      every;
    onsite_store_t  *store;         /* NULL: not open                      */
    uint64_t         erased;        /* next one to be written down         */
    unsigned         failures;      /* one after the other                 */
    char             told[sizeof(((onsite_error_t *) NULL)->text)];
} checkpointer_t;


/* It may come later, and be made anew. */

static onsite_status_t
open_state(checkpointer_t *c, onsite_error_t *error)
{
    onsite_status_t  status;

    if (c->store != NULL && onsite_store_is_current(c->store)) {
        return ONSITE_OK;
    }

    onsite_store_close(c->store);
    c->store = NULL;
    status = loader_open_changing(c->state, &c->store, error);

    if (status != ONSITE_OK) {
        c->store = NULL;
        return status;
    }

    return onsite_store_erased_want(c->store, error);
}


static void
report(const checkpointer_t *c, const checkpoint_t *checkpoint,
    const checkpoint_taking_t *taking, onsite_ms_t took, size_t removed)
{
    char  name[CHECKPOINT_NAME];

    checkpoint_name(checkpoint->time, name);

    if (c->json) {
        (void) printf("{\"checkpoint\":\"%s\",\"shards\":%u,\"bytes\":%llu,"
                      "\"held_ms\":%lld,\"took_ms\":%lld,\"broken_off\":%u,"
                      "\"removed\":%zu}\n", name,
                      (unsigned) checkpoint->shards,
                      (unsigned long long) taking->used,
                      (long long) taking->held, (long long) took,
                      taking->tries, removed);

    } else if (c->once) {
        (void) printf("%s/%s: %.1f MB of %u shard(s) in %.2f s, of which the "
                      "state was held %.2f s\n", c->folder, name,
                      (double) taking->used / 1e6,
                      (unsigned) checkpoint->shards, (double) took / 1e3,
                      (double) taking->held / 1e3);
    }

    (void) fflush(stdout);
}


/* What is written down and no checkpoint needs, since the oldest has it, goes.
 */

static void
forget_erased(const checkpointer_t *c)
{
    size_t          n;
    onsite_ms_t     times[CHECKPOINT_MAX];
    checkpoint_t    oldest;
    onsite_error_t  error;

    n = checkpoint_list(c->folder, times);

    if (n != 0 && checkpoint_read(c->folder, times[n - 1], &oldest, &error)
                  == ONSITE_OK)
    {
        checkpoint_erased_prune(c->folder, oldest.erased);
    }
}


/* Whether more were erased than the state keeps in mind, perhaps. */

static bool
write_erased(checkpointer_t *c, onsite_error_t *error, onsite_status_t *status)
{
    unsigned  n = 0;

    *status = open_state(c, error);

    if (*status == ONSITE_OK) {
        *status = checkpoint_erased_take(c->folder, c->store, &c->erased, &n,
                                         error);
    }

    return n >= ONSITE_ERASED_KEPT;
}


static onsite_status_t
take(checkpointer_t *c, onsite_ms_t deadline, onsite_error_t *error)
{
    size_t                removed;
    onsite_ms_t           begun = loader_clock();
    checkpoint_t          checkpoint;
    onsite_status_t       status;
    checkpoint_taking_t   taking = {
        .folder = c->folder, .deadline = deadline
    };

    (void) write_erased(c, error, &status);
    taking.erased = c->erased;

    if (status == ONSITE_OK) {
        status = checkpoint_take(c->store, &taking, &checkpoint, error);
    }

    if (status == ONSITE_OK) {
        removed = checkpoint_prune(c->folder, c->keep);
        forget_erased(c);
        report(c, &checkpoint, &taking, loader_clock() - begun, removed);
    }

    return status;
}


/* Each cause is told once, and when it is over. */

static void
note(checkpointer_t *c, onsite_status_t status, const onsite_error_t *error)
{
    if (status == ONSITE_OK) {
        if (c->told[0] != '\0') {
            loader_complain("goes on");
            c->told[0] = '\0';
        }

        c->failures = 0;
        task_count(TASK_CHECKPOINT_MADE, 1);
        task_good();
        return;
    }

    c->failures++;
    task_count(TASK_CHECKPOINT_FAILED, 1);
    task_failed(error->text);

    if (strcmp(c->told, error->text) != 0) {
        loader_complain("%s", error->text);
        (void) snprintf(c->told, sizeof(c->told), "%s", error->text);
    }
}


/* After failures ever longer, and by chance; a state that is not there may be
 * back at any time. */

static onsite_ms_t
pause_of(const checkpointer_t *c)
{
    uint32_t     random = 0;
    onsite_ms_t  most;

    if (c->failures == 0) {
        return c->every;
    }

    most = c->failures < 9 ? ONSITE_SECOND << c->failures : WAIT_MAX;
    most = most < WAIT_MAX ? most : WAIT_MAX;
    most = most < c->every ? most : c->every;
    most = most < BACK_MS || c->store != NULL ? most : BACK_MS;
    (void) !getrandom(&random, sizeof(random), 0);

    return ONSITE_SECOND / 2 + (onsite_ms_t) (random % (uint32_t) most);
}


/* Until the next one; meanwhile who is erased is written down, so that he is
 * not brought back.  Where that may have missed some, the next one is soon. */

static void
wait(checkpointer_t *c)
{
    onsite_ms_t      now, next = loader_clock() + pause_of(c);
    onsite_error_t   error = { "" };
    onsite_status_t  status = ONSITE_OK;

    while (!loader_stopping && (now = loader_clock()) < next) {
        loader_pause(next - now < LOOK_MS ? next - now : LOOK_MS);

        if (c->store == NULL) {
            continue;
        }

        if (write_erased(c, &error, &status) && next > now + SOON_MS) {
            next = now + SOON_MS;
        }

        if (status != ONSITE_OK) {
            note(c, status, &error);
            next = next < now + BACK_MS ? next : now + BACK_MS;
        }
    }
}


static int
run(checkpointer_t *c)
{
    onsite_error_t   error = { "" };
    onsite_status_t  status;

    for ( ;; ) {
        status = take(c, 0, &error);
        note(c, status, &error);

        if (c->once) {
            return status == ONSITE_OK ? LOADER_OK : LOADER_FAILED;
        }

        wait(c);

        if (loader_stopping) {
            break;
        }
    }

    /* one more, so that little is lost; who ends us waits 10 seconds */

    if (take(c, loader_clock() + LAST_MS, &error) != ONSITE_OK) {
        loader_complain("the last one was not made: %s", error.text);
    }

    return LOADER_OK;
}


/* What one would take. */

static int
tell(checkpointer_t *c)
{
    uint32_t         i;
    uint64_t         used, sum = 0, room = 0;
    onsite_copy_t   *copy;
    onsite_error_t   error = { "" };

    if (loader_open_state(c->state, &c->store) != LOADER_OK) {
        c->store = NULL;
        return LOADER_FAILED;
    }

    if (onsite_copy_begin(c->store, &copy, &error) != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    for (i = 0; i < onsite_store_shards(c->store); i++) {
        (void) onsite_copy_size(copy, i, &used);
        sum += used;
    }

    onsite_copy_end(copy);

    if (!checkpoint_room(c->folder, &room)) {
        loader_complain("%s: %s", c->folder, strerror(errno));
        return LOADER_FAILED;
    }

    (void) printf(c->json ? "{\"shards\":%u,\"bytes\":%llu,\"free\":%llu}\n"
                  : "%u shard(s), %llu bytes; %llu are free\n",
                  (unsigned) i, (unsigned long long) sum,
                  (unsigned long long) room);

    return room > sum ? LOADER_OK : LOADER_FAILED;
}


static int
begin(checkpointer_t *c, int *lock)
{
    char            path[PATH_MAX], does[PATH_MAX];
    onsite_error_t  error = { "" };

    if (strlen(c->folder) >= CHECKPOINT_FOLDER_MAX) {
        loader_complain("--to: the path is too long");
        return LOADER_FAILED;
    }

    if (mkdir(c->folder, 0700) != 0 && errno != EEXIST) {
        loader_complain("%s: cannot be created: %s", c->folder,
                        strerror(errno));
        return LOADER_FAILED;
    }

    (void) snprintf(path, sizeof(path), "%s/lock", c->folder);
    (void) snprintf(does, sizeof(does), "makes checkpoints in %s", c->folder);

    if (files_lock(path, does, lock, &error) != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    checkpoint_clean(c->folder);

    if (checkpoint_erased_next(c->folder, &c->erased, &error) != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


/* How many; or exit LOADER_USAGE. */

static int
perform(checkpointer_t *c, bool dry_run)
{
    int  rc, lock = -1;

    loader_catch_signals();

    if (dry_run) {
        rc = tell(c);

    } else {
        rc = begin(c, &lock);
        rc = rc == LOADER_OK ? run(c) : rc;
    }

    onsite_store_close(c->store);

    if (lock >= 0) {
        (void) close(lock);
    }

    return rc;
}


static int
take_up(checkpointer_t *c, const checkpoint_said_t *said, bool dry_run)
{
    if (said->state == NULL || said->folder == NULL) {
        loader_complain("%s usage: lmdb-loader checkpoint DIR --to FOLDER",
                        said->state == NULL ? "which state?"
                        : "--to is missing:");
        return LOADER_USAGE;
    }

    c->state = said->state;
    c->folder = said->folder;
    c->keep = loader_number("keep", said->keep, KEEP_MAX, KEEP);
    c->every = loader_duration("every", said->every, CHECKPOINT_EVERY);

    return loader_checking() ? LOADER_OK : perform(c, dry_run);
}


int
loader_checkpoint(int argc, char **argv)
{
    int                 n, rc;
    config_t            config;
    const char         *path, *once, *json, *dry_run;
    checkpointer_t      c = { .failures = 0 };
    checkpoint_said_t   said;

    const loader_option_t  options[] = {
        { "to", 0, "FOLDER", "where checkpoints are kept, on a disk",
          &said.folder },
        { "state", 0, "DIR", "the state; the same as DIR", &said.state },
        { "config", 'c', "CONFIG", "the sidecar's: what was not named is "
          "taken from its [checkpoint]; without one nothing is done", &path },
        { "every", 0, "TIME", "how often; default: 5m", &said.every },
        { "once", 0, NULL, "make one, then leave", &once },
        { "keep", 0, "N", "how many are kept, 1 to 100; default: 3",
          &said.keep },
        { "dry-run", 'n', NULL, "tell how large one would be", &dry_run },
        { "json", 0, NULL, "tell of each as NDJSON", &json },
        { 0 }
    };

    n = loader_options(argc, argv, options,
                       "DIR --to FOLDER | --config CONFIG", 0, 1);
    said.state = n == 1 ? argv[0] : said.state;
    loader_needs_file(said.state);
    c.once = once != NULL;
    c.json = json != NULL;
    rc = checkpoint_configure(&said, path, &config);

    if (rc == LOADER_OK && !said.off) {
        rc = take_up(&c, &said, dry_run != NULL);
    }

    config_free(&config);

    return rc;
}
