/*
 * deliver_queue.c - what waits, by endpoint: no endpoint waits for another.
 */

#include "deliver.h"

#include <stdlib.h>

/* An endpoint that failed so often in a row is left alone for a while, and
 * then gets one at a time until one arrives. */
#define FAILURES     3
#define PAUSE        ONSITE_SECOND
#define PAUSE_MAX    ONSITE_MINUTE
#define TELL_MORE    ONSITE_MINUTE


static queue_t *
find(const queues_t *queues, const endpoint_t *endpoint, const char *name)
{
    size_t  i;

    for (i = 0; i < queues->n; i++) {
        if (queues->list[i]->endpoint == endpoint
            && strcmp(queues->list[i]->name, name) == 0)
        {
            return queues->list[i];
        }
    }

    return NULL;
}


static queue_t *
add(queues_t *queues, const endpoint_t *endpoint, const char *name)
{
    queue_t  *queue, **list;

    list = realloc(queues->list, (queues->n + 1) * sizeof(queue_t *));

    if (list == NULL) {
        return NULL;
    }

    queues->list = list;
    queue = calloc(1, sizeof(queue_t));

    if (queue != NULL) {
        queue->name = strdup(name);
    }

    if (queue == NULL || queue->name == NULL) {
        free(queue);
        return NULL;
    }

    queue->endpoint = endpoint;
    retry_bucket_init(&queue->bucket,
                      endpoint != NULL ? endpoint->rate : 0, loader_clock());
    queues->list[queues->n++] = queue;

    return queue;
}


/* What is before the path; of what is no URL nothing. */

static const char *
origin(const endpoints_place_t *place, bool good, char *out, size_t size)
{
    (void) snprintf(out, size, "%s://%s:%s", place->secure ? "https" : "http",
                    place->host, place->port);

    return good ? out : "(no URL)";
}


queue_t *
queues_of(queues_t *queues, const endpoints_t *endpoints,
    const endpoint_t *any, onsite_str_t url)
{
    bool                good;
    char                text[ENDPOINTS_URL_MAX], at[ENDPOINTS_HOST_MAX + 32];
    queue_t            *queue;
    const char         *name;
    const endpoint_t   *endpoint;
    endpoints_place_t   place = { .secure = false };

    good = snprintf(text, sizeof(text), "%.*s", (int) url.len, url.data)
           < (int) sizeof(text)
           && endpoints_place(text, &place, NULL) == ONSITE_OK;

    endpoint = good ? endpoints_find(endpoints, &place) : NULL;

    if (endpoint != NULL) {
        name = endpoint->url;

    } else {
        name = origin(&place, good, at, sizeof(at));
        endpoint = good && place.secure ? any : NULL;
    }

    queue = find(queues, endpoint, name);

    return queue != NULL ? queue : add(queues, endpoint, name);
}


void
queues_free(queues_t *queues)
{
    size_t  i;

    for (i = 0; i < queues->n; i++) {
        free(queues->list[i]->name);
        free(queues->list[i]->jobs);
        free(queues->list[i]);
    }

    free(queues->list);
    *queues = (queues_t) { .n = 0 };
}


/* Of equal ones the older. */

static bool
is_before(const job_t *a, const job_t *b)
{
    return a->due != b->due ? a->due < b->due : a->seq < b->seq;
}


bool
queue_push(queue_t *queue, const job_t *job)
{
    job_t   *jobs;
    size_t   i, up, capacity;

    if (queue->n == queue->capacity) {
        capacity = queue->capacity != 0 ? 2 * queue->capacity : 16;
        jobs = realloc(queue->jobs, capacity * sizeof(job_t));

        if (jobs == NULL) {
            return false;
        }

        queue->jobs = jobs;
        queue->capacity = capacity;
    }

    for (i = queue->n++; i != 0; i = up) {
        up = (i - 1) / 2;

        if (!is_before(job, &queue->jobs[up])) {
            break;
        }

        queue->jobs[i] = queue->jobs[up];
    }

    queue->jobs[i] = *job;

    return true;
}


job_t
queue_pop(queue_t *queue)
{
    job_t   top = queue->jobs[0], last = queue->jobs[--queue->n];
    size_t  i, down;

    for (i = 0; (down = 2 * i + 1) < queue->n; i = down) {
        if (down + 1 < queue->n
            && is_before(&queue->jobs[down + 1], &queue->jobs[down]))
        {
            down++;
        }

        if (!is_before(&queue->jobs[down], &last)) {
            break;
        }

        queue->jobs[i] = queue->jobs[down];
    }

    queue->jobs[i] = last;

    return top;
}


static unsigned
room(const queue_t *queue)
{
    return queue->endpoint == NULL || queue->failures >= FAILURES
           ? 1 : queue->endpoint->concurrency;
}


bool
queue_is_due(const queue_t *queue, onsite_ms_t now)
{
    return queue->n != 0 && queue->jobs[0].due <= now && queue->paused <= now
           && queue->flying < room(queue);
}


bool
queue_is_ready(queue_t *queue, onsite_ms_t now)
{
    return queue_is_due(queue, now) && queue->limited <= now;
}


bool
queue_take(queue_t *queue, onsite_ms_t now)
{
    onsite_ms_t  wait = retry_bucket_take(&queue->bucket, now);

    queue->limited = now + wait;

    return wait == 0;
}


onsite_ms_t
queue_next(const queue_t *queue, onsite_ms_t later)
{
    onsite_ms_t  next;

    if (queue->n == 0 || queue->flying >= room(queue)) {
        return later;
    }

    next = queue->jobs[0].due;
    next = next > queue->paused ? next : queue->paused;
    next = next > queue->limited ? next : queue->limited;

    return next < later ? next : later;
}


/* A receiver that thinks of new reasons gets no new lines for them. */

static cause_t *
cause_of(queue_t *queue, const char *why)
{
    size_t  i;

    for (i = 0; i < queue->n_causes; i++) {
        if (strcmp(queue->causes[i].why, why) == 0) {
            return &queue->causes[i];
        }
    }

    if (i == QUEUE_CAUSES) {
        return &queue->causes[i - 1];
    }

    (void) snprintf(queue->causes[i].why, sizeof(queue->causes[i].why), "%s",
                    why);
    queue->n_causes++;

    return &queue->causes[i];
}


bool
queue_gave_up(queue_t *queue, const char *why, onsite_ms_t now)
{
    cause_t  *cause = cause_of(queue, why);

    if (cause->again != 0 && now < cause->again) {
        cause->more++;
        return false;
    }

    cause->again = now + TELL_MORE;

    return true;
}


const char *
queue_more(queue_t *queue, onsite_ms_t now, uint64_t *n)
{
    size_t    i;
    cause_t  *cause;

    for (i = 0; i < queue->n_causes; i++) {
        cause = &queue->causes[i];

        if (cause->more != 0 && cause->again <= now) {
            *n = cause->more;
            cause->more = 0;
            cause->again = now != INT64_MAX ? now + TELL_MORE : 0;
            return cause->why;
        }
    }

    return NULL;
}


void
queue_good(queue_t *queue)
{
    if (queue->told[0] != '\0') {
        loader_complain("%s: takes deliveries again", queue->name);
        queue->told[0] = '\0';
    }

    queue->failures = 0;
    queue->failing = 0;
    queue->paused = 0;
}


void
queue_bad(queue_t *queue, onsite_ms_t now, onsite_ms_t wait)
{
    onsite_ms_t  pause = 0;

    queue->failures++;

    if (queue->failing == 0) {
        queue->failing = now;
    }

    if (queue->failures >= FAILURES) {
        pause = retry_jitter(retry_most(queue->failures - FAILURES + 1, PAUSE,
                                        PAUSE_MAX));
    }

    pause = pause > wait ? pause : wait;

    if (queue->paused < now + pause) {
        queue->paused = now + pause;
    }
}
