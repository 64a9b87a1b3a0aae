/*
 * deliver_state.c - the state that deliveries leave: opened when it is there,
 * let go of when it is another one, its outbox read as it grows.
 */

#include "deliver.h"

#include "files.h"
#include "task.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define PORTIONS    64          /* of a shard, in one round */
#define DEAD_SHARE  32          /* of the state, for what is given up */
#define BLIND       (5 * ONSITE_SECOND)     /* nginx makes a copy by then */


static onsite_status_t
lock(deliver_t *d)
{
    char             path[PATH_MAX], does[PATH_MAX];
    onsite_status_t  status;

    (void) snprintf(path, sizeof(path), "%s/deliver.lock", d->state);
    (void) snprintf(does, sizeof(does), "delivers from %s", d->state);
    status = files_lock(path, does, &d->lock, &d->error);

    return status;
}


onsite_status_t
deliver_open(deliver_t *d)
{
    onsite_status_t      status;
    onsite_store_stat_t  stat;

    /* nothing is put into a folder that is no state */

    status = loader_open_changing(d->state, &d->store, &d->error);
    if (status != ONSITE_OK) {
        d->store = NULL;
        return status;
    }

    status = lock(d);
    if (status != ONSITE_OK) {
        return status;
    }

    d->from = calloc(onsite_store_shards(d->store), sizeof(uint64_t));
    d->check = check_create(d->state, d->store);

    if (d->from == NULL || d->check == NULL) {
        return onsite_error(&d->error, ONSITE_NO_MEMORY, "out of memory");
    }

    d->dead_share = onsite_store_stat(d->store, &stat) == ONSITE_OK
                    ? stat.bytes_size / DEAD_SHARE : 0;

    return ONSITE_OK;
}


void
deliver_close(deliver_t *d)
{
    send_abort(d->send);
    queues_free(&d->queues);
    check_destroy(d->check);
    d->check = NULL;
    free(d->from);
    d->from = NULL;

    if (d->store != NULL) {
        onsite_store_close(d->store);
        d->store = NULL;
    }

    if (d->lock >= 0) {
        (void) close(d->lock);
        d->lock = -1;
    }

    free(d->dead);
    free(d->gone);
    d->dead = NULL;
    d->gone = NULL;
    d->n_dead = d->dead_capacity = d->n_gone = d->gone_capacity = 0;
    d->dead_bytes = 0;
}


bool
deliver_is_lost(const deliver_t *d)
{
    return d->store == NULL || !onsite_store_is_current(d->store);
}


bool
deliver_is_blind(deliver_t *d)
{
    onsite_ms_t  waited;

    if (check_sees(d->check)) {
        return false;
    }

    waited = check_blind_for(d->check);

    if (waited < 0 || (waited < BLIND && !d->once)) {
        return false;
    }

    (void) onsite_error(&d->error, ONSITE_NOT_FOUND, "%s: deliveries wait: "
                        "there is no copy of the live snapshot there "
                        "(snapshot-*.mdb) that can be read, so nobody knows "
                        "what holds now; nginx puts one there: see its error "
                        "log, reload it, or publish", d->state);

    return true;
}


/* What is not known before it was tried has no note. */

void
deliver_note(deliver_t *d, uint64_t seq, retry_note_t *note)
{
    char             bytes[ONSITE_DELIVERY_NOTE_MAX];
    size_t           size;
    onsite_status_t  status;

    status = onsite_store_delivery_noted(d->store, seq, bytes, &size, NULL);

    if (status != ONSITE_OK) {
        size = 0;
    }

    (void) retry_note_decode(bytes, size, note);
}


bool
deliver_keep_note(deliver_t *d, uint64_t seq, const retry_note_t *note)
{
    onsite_buf_t     bytes;
    onsite_status_t  status = ONSITE_NO_MEMORY;

    onsite_buf_init(&bytes, ONSITE_DELIVERY_NOTE_MAX);
    retry_note_encode(note, &bytes);

    if (!bytes.failed) {
        status = onsite_store_delivery_note(d->store, seq,
                                            onsite_str(bytes.data, bytes.len),
                                            NULL);
    }

    onsite_buf_free(&bytes);

    return status == ONSITE_OK || status == ONSITE_NOT_FOUND;
}


/* Whether it may be called is asked anew by each process, at once. */

const char  deliver_refused[] = "is no endpoint that may be called: the file "
                                "of --endpoints says which";

onsite_ms_t
deliver_note_wait(const retry_note_t *note)
{
    return strcmp(note->why, deliver_refused) == 0
           ? 0 : retry_note_wait(note, loader_now());
}


void
deliver_gone(deliver_t *d, uint64_t seq)
{
    size_t     capacity;
    uint64_t  *gone;

    if (d->n_gone == d->gone_capacity) {
        capacity = d->gone_capacity != 0 ? 2 * d->gone_capacity : 64;
        gone = realloc(d->gone, capacity * sizeof(uint64_t));

        if (gone == NULL) {
            d->no_memory = true;
            return;
        }

        d->gone = gone;
        d->gone_capacity = capacity;
    }

    d->gone[d->n_gone++] = seq;
}


static int
by_number(const void *a, const void *b)
{
    uint64_t  x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return (x > y) - (x < y);
}


/* Where pages are short for a moment it is done later. */

onsite_status_t
deliver_settle(deliver_t *d)
{
    onsite_status_t  status;

    if (d->n_gone == 0) {
        return ONSITE_OK;
    }

    qsort(d->gone, d->n_gone, sizeof(uint64_t), by_number);
    status = onsite_store_deliveries_delete(d->store, d->gone, d->n_gone,
                                            &d->error);

    if (status == ONSITE_OK) {
        d->n_gone = 0;
    }

    return status == ONSITE_FULL ? ONSITE_OK : status;
}


/* What is given up */

static bool
remember_dead(deliver_t *d, uint64_t seq, uint32_t size)
{
    size_t   capacity;
    dead_t  *dead;

    if (d->n_dead == d->dead_capacity) {
        capacity = d->dead_capacity != 0 ? 2 * d->dead_capacity : 64;
        dead = realloc(d->dead, capacity * sizeof(dead_t));

        if (dead == NULL) {
            d->no_memory = true;
            return false;
        }

        d->dead = dead;
        d->dead_capacity = capacity;
    }

    d->dead[d->n_dead++] = (dead_t) { seq, size };
    d->dead_bytes += size;

    return true;
}


/* The oldest make room. */

static void
bound_dead(deliver_t *d)
{
    size_t  n = 0;

    while (n < d->n_dead && (d->n_dead - n > d->dead_max
                             || d->dead_bytes > d->dead_share))
    {
        d->dead_bytes -= d->dead[n].size;
        deliver_gone(d, d->dead[n++].seq);
    }

    if (n == 0) {
        return;
    }

    d->n_dead -= n;
    d->lost += n;
    memmove(d->dead, d->dead + n, d->n_dead * sizeof(dead_t));
    task_count(TASK_DELIVER_LOST, n);
}


void
deliver_bury(deliver_t *d, queue_t *queue, const job_t *job, bool tried,
    const char *why)
{
    job_t         later = *job;
    retry_note_t  note;

    deliver_note(d, job->seq, &note);
    note.attempts += tried;
    note.dead = loader_now();
    (void) snprintf(note.why, sizeof(note.why), "%s", why);

    if (!deliver_keep_note(d, job->seq, &note)) {
        later.due = loader_clock() + ONSITE_MINUTE;
        d->no_memory |= !queue_push(queue, &later);
        return;
    }

    (void) remember_dead(d, job->seq, job->size);
    bound_dead(d);
    d->died++;
    task_count(TASK_DELIVER_DEAD, 1);
}


/* Reading */

static void
take(deliver_t *d, uint64_t seq, onsite_str_t bytes,
    const onsite_outbox_entry_t *entry)
{
    job_t           job = { seq, loader_clock(), entry->time,
                            (uint32_t) bytes.len };
    queue_t        *queue;
    retry_note_t    note;

    deliver_note(d, seq, &note);

    if (note.dead != 0) {
        (void) remember_dead(d, seq, job.size);
        return;
    }

    queue = queues_of(&d->queues, &d->endpoints, d->any, entry->endpoint);

    if (queue == NULL) {
        d->no_memory = true;
        return;
    }

    /* how long it has failed is known from what was tried longest */

    if (note.tried != 0 && (queue->failing == 0
                            || job.due - note.tried < queue->failing))
    {
        queue->failing = job.due - note.tried;
    }

    job.due += deliver_note_wait(&note);
    d->no_memory |= !queue_push(queue, &job);
}


static bool
take_entry(void *data, uint64_t seq, onsite_str_t bytes)
{
    deliver_t              *d = data;
    onsite_status_t         status;
    onsite_outbox_entry_t   entry;

    status = onsite_outbox_decode(bytes.data, bytes.len, &entry);

    if (status == ONSITE_OK) {
        take(d, seq, bytes, &entry);

    } else if (status == ONSITE_CORRUPT) {
        d->dropped[DROP_DAMAGED]++;
        task_count(TASK_DELIVER_DAMAGED, 1);
        deliver_gone(d, seq);

    } else {
        loader_complain("delivery %llu is of a later version, and stays",
                        (unsigned long long) seq);
    }

    return !d->no_memory;
}


static onsite_status_t
read_shard(deliver_t *d, uint32_t shard)
{
    int              i;
    bool             last = false;
    onsite_status_t  status = ONSITE_OK;

    for (i = 0; i < PORTIONS && !last && status == ONSITE_OK; i++) {
        status = onsite_store_deliveries_read(d->store, shard,
                                              &d->from[shard], take_entry, d,
                                              &last, &d->error);
    }

    return status;
}


onsite_status_t
deliver_read(deliver_t *d)
{
    uint32_t         i;
    onsite_status_t  status = ONSITE_OK;

    for (i = 0; i < onsite_store_shards(d->store) && status == ONSITE_OK;
         i++)
    {
        status = read_shard(d, i);
    }

    if (status == ONSITE_OK && d->no_memory) {
        d->no_memory = false;
        status = onsite_error(&d->error, ONSITE_NO_MEMORY, "out of memory");
    }

    return status;
}
