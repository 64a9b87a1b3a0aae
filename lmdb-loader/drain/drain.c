/*
 * drain.c - events leave a state for good.
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

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MAX_MS  ONSITE_MINUTE
#define LOOK_MS       ONSITE_SECOND     /* whether the state is still there */

typedef struct {
    drain_t                 drain;      /* first: drain_tell               */
    const drain_options_t  *options;
    drain_sink_t           *sink;
    int                     lock;
    onsite_buf_t            line;
    onsite_buf_t            id;
    bool                    taken;      /* another process drains it       */
    bool                    replaced;   /* another state is in its place   */
    bool                    started;    /* the sink, with this state       */
    bool                    any;        /* something was read in this round*/
    bool                    more;       /* and not all there is            */
    onsite_ms_t             looked;     /* at the state's files            */
    unsigned                failures;   /* in a row                        */
    uint64_t                bad;        /* of drain.n: entries that are none */
    uint64_t                damaged;    /* those that went                 */
    onsite_status_t         status;     /* of the sink                     */
    onsite_error_t          error;
    char                    told[sizeof(((onsite_error_t *) NULL)->text)];
} drainer_t;


onsite_status_t
drain_leave(drain_t *drain, uint32_t shard, uint64_t seq, uint64_t n,
    onsite_error_t *error)
{
    onsite_status_t  status;

    status = onsite_store_events_delete(drain->store, shard, seq, error);

    if (status == ONSITE_OK) {
        drain->left += n;
        task_count(TASK_DRAIN_EVENTS, n);
    }

    return status;
}


/* Reading and giving */

static bool
is_enough(const drainer_t *d)
{
    const drain_shard_t  *shard = &d->drain.shards[d->drain.shard];

    if (shard->until != 0) {
        return shard->given >= shard->until;
    }

    return d->drain.bytes >= d->sink->settle_bytes
           || (d->sink->settle_events != 0
               && d->drain.n >= d->sink->settle_events);
}


static onsite_status_t
give(drainer_t *d, uint64_t seq, onsite_str_t entry)
{
    drain_event_t  event = { .seq = seq };

    if (d->sink->names) {
        onsite_buf_clear(&d->id);
        (void) onsite_outbox_event_names(seq, entry, &event.site, &d->id);
    }

    onsite_buf_char(&d->line, '\n');

    if (d->line.failed || d->id.failed) {
        return onsite_error(&d->error, ONSITE_NO_MEMORY, "out of memory");
    }

    event.line = onsite_str(d->line.data, d->line.len);
    event.id = onsite_str(d->id.data, d->id.len);

    return d->sink->give(d->sink, &d->drain, &event, &d->error);
}


static bool
give_entry(void *data, uint64_t seq, onsite_str_t entry)
{
    drainer_t      *d = data;
    drain_shard_t  *shard = &d->drain.shards[d->drain.shard];

    if (shard->until != 0 && seq > shard->until) {
        d->more = true;             /* those before it went some other way */
        return false;
    }

    onsite_buf_clear(&d->line);
    shard->given = seq;

    if (onsite_outbox_write_segment(&d->line, seq, entry) == ONSITE_OK) {
        shard->n++;
        d->status = give(d, seq, entry);

    } else {
        d->bad++;
        onsite_buf_clear(&d->line);
    }

    if (d->drain.n++ == 0) {
        d->drain.since = loader_clock();
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
            status = drain_leave(&d->drain, i, shard->given, shard->n,
                                 &d->error);
            shard->given = 0;
            shard->n = 0;
            shard->until = 0;
        }
    }

    if (status != ONSITE_OK) {
        return status;
    }

    d->damaged += d->bad;
    task_count(TASK_DRAIN_BYTES, d->drain.bytes);
    task_count(TASK_DRAIN_DAMAGED, d->bad);
    d->drain.n = 0;
    d->drain.bytes = 0;
    d->bad = 0;

    return ONSITE_OK;
}


/* A portion of a shard, or, where what is settled is of one shard, all that is
 * settled at once. */

static onsite_status_t
read_shard(drainer_t *d)
{
    bool             last, enough;
    uint64_t         from;
    drain_shard_t   *shard = &d->drain.shards[d->drain.shard];
    onsite_status_t  status;

    do {
        from = shard->from;
        status = onsite_store_events_read(d->drain.store, d->drain.shard,
                                          &from, give_entry, d, &last,
                                          &d->error);
        if (status == ONSITE_OK) {
            status = d->status;
        }

        if (status != ONSITE_OK) {
            return status;
        }

        enough = is_enough(d);
        d->more |= enough || !last;

    } while (d->sink->one_shard && !last);

    if (enough || (d->sink->one_shard && d->drain.n != 0)) {
        return settle(d);
    }

    shard->until = 0;

    return ONSITE_OK;
}


/* Whether what was given has waited for long enough. */

static bool
is_time(const drainer_t *d)
{
    return d->sink->settle_time == 0
           ? !d->more
           : loader_clock() - d->drain.since >= d->sink->settle_time;
}


/* Some of each shard, and what is to be settled. */

static onsite_status_t
turn(drainer_t *d)
{
    onsite_status_t  status = ONSITE_OK;

    d->any = false;
    d->more = false;

    for (d->drain.shard = 0;
         d->drain.shard < onsite_store_shards(d->drain.store)
         && status == ONSITE_OK && !loader_stopping;
         d->drain.shard++)
    {
        status = read_shard(d);
    }

    if (status != ONSITE_OK || d->drain.n == 0) {
        return status;
    }

    return loader_stopping || d->replaced || (d->options->once && !d->any)
           || is_time(d) ? settle(d) : ONSITE_OK;
}


/* The state */

static void
close_state(drainer_t *d)
{
    if (d->lock >= 0) {
        (void) close(d->lock);
        d->lock = -1;
    }

    free(d->drain.shards);
    d->drain.shards = NULL;
    onsite_store_close(d->drain.store);
    d->drain.store = NULL;
    d->started = false;
    d->replaced = false;
}


/* One at a time: two would hand the same events over. */

static onsite_status_t
lock_state(drainer_t *d)
{
    char             path[PATH_MAX], does[PATH_MAX + 8];
    onsite_status_t  status;

    (void) snprintf(path, sizeof(path), "%s/drain.lock", d->options->state);
    (void) snprintf(does, sizeof(does), "drains %s", d->options->state);

    status = files_lock(path, does, &d->lock, &d->error);
    d->taken = status == ONSITE_INVALID;

    return status;
}


static onsite_status_t
open_state(drainer_t *d)
{
    onsite_status_t  status;

    status = loader_open_changing(d->options->state, &d->drain.store,
                                  &d->error);

    if (status != ONSITE_OK) {
        d->drain.store = NULL;

    } else {
        d->drain.shards = calloc(onsite_store_shards(d->drain.store),
                                 sizeof(drain_shard_t));
        status = d->drain.shards == NULL
                 ? onsite_error(&d->error, ONSITE_NO_MEMORY, "out of memory")
                 : lock_state(d);
    }

    if (status != ONSITE_OK) {
        close_state(d);
    }

    d->drain.opened++;
    d->looked = loader_clock();

    return status;
}


/* Of a directory that was wiped, or a shard that was set aside, this process
 * still has what was not handed over: that goes first. */

static void
look_at_state(drainer_t *d, onsite_status_t status)
{
    onsite_ms_t  now = loader_clock();

    if (!d->replaced && now - d->looked >= LOOK_MS) {
        d->looked = now;
        d->replaced = onsite_store_replaced(d->drain.store);
    }

    if (d->replaced && (status == ONSITE_CORRUPT
                        || (status == ONSITE_OK && d->drain.n == 0
                            && !d->more)))
    {
        loader_complain("%s was made anew: goes on with what is there now",
                        d->options->state);
        close_state(d);
    }
}


/* Failing and going on */

/* All that was not settled is read anew. */

static void
begin_again(drainer_t *d)
{
    d->started = false;
    d->drain.n = 0;
    d->drain.bytes = 0;
    d->bad = 0;
    d->status = ONSITE_OK;
    d->sink->drop(d->sink);

    if (d->drain.store != NULL) {
        memset(d->drain.shards, 0, onsite_store_shards(d->drain.store)
                                   * sizeof(drain_shard_t));
    }
}


void
drain_tell(drain_t *drain, const char *why)
{
    drainer_t  *d = (drainer_t *) drain;

    if (strcmp(d->told, why) != 0) {
        loader_complain("%s", why);
        (void) snprintf(d->told, sizeof(d->told), "%s", why);
    }

    task_count(TASK_DRAIN_FAILED, 1);
    task_failed(why);
}


static void
failed(drainer_t *d)
{
    drain_tell(&d->drain, d->error.text);
    d->failures++;
    begin_again(d);
}


/* Nothing that was read is open. */

static void
went_well(drainer_t *d)
{
    if (d->drain.n != 0) {
        return;
    }

    if (d->told[0] != '\0') {
        loader_complain("goes on");
        d->told[0] = '\0';
    }

    d->failures = 0;
    task_good();
}


static onsite_status_t
work(drainer_t *d)
{
    onsite_status_t  status = ONSITE_OK;

    if (d->drain.store == NULL) {
        status = open_state(d);
    }

    if (status == ONSITE_OK && !d->started) {
        status = d->sink->start(d->sink, &d->drain, &d->error);
        d->started = status == ONSITE_OK;
    }

    return status == ONSITE_OK ? turn(d) : status;
}


/* One that fails goes on for ever, but where somebody waits for its end, or
 * another process does the same. */

static int
run(drainer_t *d)
{
    bool             once = d->options->once;
    onsite_ms_t      wait;
    onsite_status_t  status;

    for ( ;; ) {
        d->sink->pause = 0;
        status = work(d);

        if (status != ONSITE_OK) {
            failed(d);

            if (once || d->taken) {
                return LOADER_FAILED;
            }

            wait = loader_backoff(d->failures, RETRY_MAX_MS);
            loader_pause(wait > d->sink->pause ? wait : d->sink->pause);

        } else {
            went_well(d);

            if (once && !d->any && !d->more) {
                return LOADER_OK;
            }

            if (!d->more && !once) {
                loader_pause(d->sink->idle);
            }
        }

        if (loader_stopping && (status != ONSITE_OK || d->drain.n == 0)) {
            return LOADER_OK;
        }

        if (d->drain.store != NULL) {
            look_at_state(d, status);
        }
    }
}


static int
report(const drainer_t *d)
{
    if (d->damaged != 0) {
        loader_complain("%llu entries could not be read, and were dropped",
                        (unsigned long long) d->damaged);
    }

    if (d->options->json) {
        (void) printf("{\"events\":%llu,\"damaged\":%llu,\"rejected\":%llu}\n",
                      (unsigned long long) d->drain.left,
                      (unsigned long long) d->damaged,
                      (unsigned long long) d->drain.rejected);
    }

    return d->options->once && (d->damaged != 0 || d->drain.rejected != 0)
           ? LOADER_FAILED : LOADER_OK;
}


int
drain_run(const drain_options_t *options, drain_sink_t *sink)
{
    int        rc;
    drainer_t  d = { .options = options, .sink = sink, .lock = -1 };

    onsite_buf_init(&d.line, 0);
    onsite_buf_init(&d.id, 0);
    loader_catch_signals();

    rc = run(&d);

    if (report(&d) != LOADER_OK) {
        rc = LOADER_FAILED;
    }

    sink->close(sink);
    close_state(&d);
    onsite_buf_free(&d.line);
    onsite_buf_free(&d.id);

    return rc;
}
