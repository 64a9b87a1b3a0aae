/*
 * drain.c - `drain`: events leave a state for good.
 *
 * Shard by shard, oldest first, events are given to a sink; when that has
 * settled they are deleted.  Whatever fails is told once, and tried again
 * after a while with all that was not settled, so that nothing is lost while a
 * sink is away but what the state has no room for.
 */

#include "drain.h"
#include "files.h"
#include "loader.h"
#include "stop.h"
#include "task.h"

#include "onsite_outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDLE_MS         100
#define RETRY_MS        ONSITE_SECOND
#define RETRY_MAX_MS    ONSITE_MINUTE
#define ROTATE_SIZE     (16u << 20)
#define ROTATE_TIME     (5 * ONSITE_SECOND)

typedef struct {
    drain_t          drain;
    drain_sink_t    *sink;
    onsite_buf_t     line;
    uint32_t         shard;         /* that is read                        */
    bool             any;           /* something was read in this round    */
    bool             once;
    uint64_t         left;          /* events that left                    */
    uint64_t         bad;           /* of drain.n: entries that are none   */
    uint64_t         damaged;       /* those that went                     */
    onsite_status_t  status;        /* of the sink                         */
    onsite_error_t   error;
    char             told[sizeof(((onsite_error_t *) NULL)->text)];
} drainer_t;


static bool
is_enough(const drainer_t *d)
{
    return d->drain.bytes >= d->sink->settle_bytes;
}


static bool
give_entry(void *data, uint64_t seq, onsite_str_t entry)
{
    drainer_t      *d = data;
    drain_shard_t  *shard = &d->drain.shards[d->shard];

    onsite_buf_clear(&d->line);
    shard->given = seq;

    if (onsite_outbox_write_segment(&d->line, seq, entry) != ONSITE_OK) {
        d->bad++;
        onsite_buf_clear(&d->line);

    } else {
        onsite_buf_char(&d->line, '\n');
        d->status = d->line.failed
                    ? onsite_error(&d->error, ONSITE_NO_MEMORY,
                                   "out of memory")
                    : d->sink->give(d->sink, &d->drain,
                                    onsite_str(d->line.data, d->line.len),
                                    &d->error);
    }

    if (d->drain.n++ == 0) {
        d->drain.since = loader_now();
    }

    d->drain.bytes += d->line.len;
    d->any = true;
    shard->from = seq + 1;

    return d->status == ONSITE_OK && !is_enough(d);
}


/* What is safe with the sink goes. */

static onsite_status_t
settle(drainer_t *d)
{
    uint32_t         i;
    drain_shard_t   *shard;
    onsite_status_t  status;

    status = d->sink->settle(d->sink, &d->drain, &d->error);

    for (i = 0; i < onsite_store_shards(d->drain.store)
                && status == ONSITE_OK; i++)
    {
        shard = &d->drain.shards[i];

        if (shard->given != 0) {
            status = onsite_store_events_delete(d->drain.store, i,
                                                shard->given, &d->error);
        }
    }

    if (status != ONSITE_OK) {
        return status;
    }

    for (i = 0; i < onsite_store_shards(d->drain.store); i++) {
        d->drain.shards[i].given = 0;
    }

    d->left += d->drain.n - d->bad;
    d->damaged += d->bad;
    task_count(TASK_DRAIN_EVENTS, d->drain.n - d->bad);
    task_count(TASK_DRAIN_DAMAGED, d->bad);
    d->drain.n = 0;
    d->drain.bytes = 0;
    d->bad = 0;

    return ONSITE_OK;
}


/* Some of each shard, and what is to be settled. */

static onsite_status_t
turn(drainer_t *d)
{
    bool             last;
    uint64_t         from;
    onsite_status_t  status = ONSITE_OK;

    d->any = false;

    for (d->shard = 0; d->shard < onsite_store_shards(d->drain.store);
         d->shard++)
    {
        from = d->drain.shards[d->shard].from;
        status = onsite_store_events_read(d->drain.store, d->shard, &from,
                                          give_entry, d, &last, &d->error);

        if (status == ONSITE_OK) {
            status = d->status;
        }

        if (status == ONSITE_OK && is_enough(d)) {
            status = settle(d);
        }

        if (status != ONSITE_OK) {
            return status;
        }
    }

    if (d->drain.n != 0
        && (loader_stopping || (d->once && !d->any)
            || loader_now() - d->drain.since >= d->sink->settle_time))
    {
        status = settle(d);
    }

    return status;
}


/* All that was not settled is read anew. */

static void
begin_again(drainer_t *d)
{
    d->sink->drop(d->sink);
    memset(d->drain.shards, 0, onsite_store_shards(d->drain.store)
                               * sizeof(drain_shard_t));
    d->drain.n = 0;
    d->drain.bytes = 0;
    d->bad = 0;
    d->status = ONSITE_OK;
}


static void
tell(drainer_t *d)
{
    if (strcmp(d->told, d->error.text) != 0) {
        loader_complain("%s", d->error.text);
        (void) snprintf(d->told, sizeof(d->told), "%s", d->error.text);
    }
}


static int
run(drainer_t *d)
{
    onsite_ms_t      wait = 0;
    onsite_status_t  status;

    status = d->sink->start(d->sink, &d->drain, &d->error);

    for ( ;; ) {
        if (status == ONSITE_OK) {
            status = turn(d);
        }

        if (status != ONSITE_OK) {
            tell(d);
            task_count(TASK_DRAIN_FAILED, 1);
            task_failed(d->error.text);
            begin_again(d);

            if (d->once || loader_stopping) {
                return LOADER_FAILED;
            }

            wait = wait == 0 ? RETRY_MS : wait * 2;
            wait = wait > RETRY_MAX_MS ? RETRY_MAX_MS : wait;
            loader_pause(wait);
            status = d->sink->start(d->sink, &d->drain, &d->error);
            continue;
        }

        if (d->told[0] != '\0' && d->drain.n == 0 && d->any) {
            loader_complain("goes on");
            d->told[0] = '\0';
        }

        task_good();
        wait = d->any ? 0 : wait;

        if (loader_stopping || (d->once && !d->any)) {
            return LOADER_OK;
        }

        if (!d->any) {
            loader_pause(IDLE_MS);
        }
    }
}


/* One at a time: two would hand the same events over. */

static int
lock_state(const char *state, int *fd)
{
    char            path[PATH_MAX], does[PATH_MAX + 8];
    onsite_error_t  error;

    (void) snprintf(path, sizeof(path), "%s/drain.lock", state);
    (void) snprintf(does, sizeof(does), "drains %s", state);

    if (files_lock(path, does, fd, &error) != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


static void
report(const drainer_t *d, bool json)
{
    if (d->damaged != 0) {
        loader_complain("%llu entries could not be read, and were dropped",
                        (unsigned long long) d->damaged);
    }

    if (json) {
        (void) printf("{\"events\":%llu,\"damaged\":%llu}\n",
                      (unsigned long long) d->left,
                      (unsigned long long) d->damaged);
    }
}


static int
drain(drainer_t *d, const char *state, bool json)
{
    int  rc, fd = -1;

    if (loader_change_state(state, &d->drain.store) != LOADER_OK) {
        return LOADER_FAILED;
    }

    d->drain.shards = calloc(onsite_store_shards(d->drain.store),
                             sizeof(drain_shard_t));
    if (d->drain.shards == NULL) {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    rc = lock_state(state, &fd);

    if (rc == LOADER_OK) {
        loader_catch_signals();
        rc = run(d);
        report(d, json);
    }

    if (fd >= 0) {
        (void) close(fd);
    }

    return rc == LOADER_OK && d->damaged != 0 ? LOADER_FAILED : rc;
}


/* "16m", "64k" or bytes; or exit LOADER_USAGE. */

static uint64_t
size_option(const char *text, uint64_t fallback)
{
    char                *end;
    unsigned             shift;
    unsigned long long   n;

    if (text == NULL) {
        return fallback;
    }

    errno = 0;
    n = strtoull(text, &end, 10);
    shift = *end == 'k' ? 10 : *end == 'm' ? 20 : *end == 'g' ? 30 : 0;

    if (errno != 0 || end == text || end[shift != 0] != '\0' || *text == '-'
        || n == 0 || n > UINT32_MAX)
    {
        loader_complain("--rotate-size: \"%s\" is not a size such as 64k, 16m",
                        text);
        exit(LOADER_USAGE);
    }

    return (uint64_t) n << shift;
}


static int
read_to(const char *to, drain_file_options_t *file)
{
    if (to == NULL) {
        loader_complain("--to is missing: where events go, file:DIR");
        return LOADER_USAGE;
    }

    if (strncmp(to, "file:", 5) != 0 || to[5] == '\0') {
        loader_complain("--to: \"%s\": this version writes to folders only, "
                        "file:DIR", to);
        return LOADER_USAGE;
    }

    file->folder = to + 5;

    if (strncmp(file->folder, "//", 2) == 0) {
        file->folder += 2;
    }

    return LOADER_OK;
}


int
loader_drain(int argc, char **argv)
{
    int                    n, rc;
    drainer_t              d = { .once = false };
    const char            *state, *to, *once, *size, *time, *zstd, *json;
    drain_file_options_t   file;

    const loader_option_t  options[] = {
        { "to", 0, "file:DIR", "where events go: NDJSON files in a folder",
          &to },
        { "state", 0, "DIR", "the state; the same as DIR", &state },
        { "once", 0, NULL, "leave when nothing is left", &once },
        { "rotate-size", 0, "SIZE", "a file is whole at so many bytes of "
          "events; default: 16m", &size },
        { "rotate-time", 0, "TIME", "or so long after its first event; "
          "default: 5s", &time },
        { "zstd", 0, NULL, "files are compressed", &zstd },
        { "json", 0, NULL, "tell at the end how many left, as JSON", &json },
        { 0 }
    };

    n = loader_options(argc, argv, options, "DIR --to file:DIR", 0, 1);
    state = n == 1 ? argv[0] : state;
    loader_needs_file(state);

    if (state == NULL) {
        loader_complain("which state? usage: lmdb-loader drain DIR --to "
                        "file:DIR");
        return LOADER_USAGE;
    }

    rc = read_to(to, &file);
    if (rc != LOADER_OK) {
        return rc;
    }

    file.bytes = size_option(size, ROTATE_SIZE);
    file.time = loader_duration("rotate-time", time, ROTATE_TIME);
    file.zstd = zstd != NULL;

    if (loader_checking()) {
        return LOADER_OK;
    }

    d.once = once != NULL;
    onsite_buf_init(&d.line, 0);
    d.sink = drain_file(&file);

    rc = d.sink == NULL ? LOADER_FAILED : drain(&d, state, json != NULL);

    if (d.sink != NULL) {
        d.sink->close(d.sink);
    }

    onsite_buf_free(&d.line);
    free(d.drain.shards);
    onsite_store_close(d.drain.store);

    return rc;
}
