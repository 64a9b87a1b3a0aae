/*
 * sync_watch.c - hears through NATS that it is time to look at the store.
 */

#include "sync_watch.h"

#include "announce.h"
#include "stop.h"
#include "task.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LATE_FIRST  ONSITE_SECOND       /* a store that shows it late      */
#define LATE_TRIES  5                   /* each after twice the time       */
#define TOLD_MAX    3                   /* causes of one time away         */

struct sync_watch_s {
    const sync_options_t  *options;
    nats_t                *nats;
    natsSubscription      *subscription;
    char                   subject[ANNOUNCE_SUBJECT_MAX];
    uint64_t               times;       /* that NATS was there, seen       */
    onsite_ms_t            due;         /* to look; 0: only by the clock   */
    uint64_t               announced;   /* version                         */
    unsigned               late;        /* looks that did not show it      */
    char                   told[512];   /* why NATS is away               */
    unsigned               tellings;

    /* of libnats' threads, too */
    pthread_mutex_t        lock;
    pthread_cond_t         quiet;       /* handlers ended                  */
    unsigned               handlers;
    bool                   news;
    size_t                 len;
    char                   text[ANNOUNCE_MAX];
};


/* No clock that people set. */

static onsite_ms_t
now(void)
{
    struct timespec  time;

    (void) clock_gettime(CLOCK_MONOTONIC, &time);

    return (onsite_ms_t) time.tv_sec * ONSITE_SECOND + time.tv_nsec / 1000000;
}


static onsite_ms_t
spread(void)
{
    uint32_t  random = 0;

    (void) RAND_bytes((unsigned char *) &random, sizeof(random));

    return random % (SYNC_WATCH_SPREAD + 1);
}


/* The first of several is what counts. */

static void
look_by(sync_watch_t *watch, onsite_ms_t then)
{
    if (watch->due == 0 || then < watch->due) {
        watch->due = then;
    }
}


/* What came */

/* In libnats' thread; nothing of it is believed here. */

static void
heard(natsConnection *connection, natsSubscription *subscription,
    natsMsg *message, void *data)
{
    int            len = natsMsg_GetDataLength(message);
    sync_watch_t  *watch = data;

    (void) connection;
    (void) subscription;
    (void) pthread_mutex_lock(&watch->lock);
    watch->news = true;
    watch->len = len <= ANNOUNCE_MAX ? (size_t) len : 0;

    if (watch->len != 0) {
        memcpy(watch->text, natsMsg_GetData(message), watch->len);
    }

    (void) pthread_mutex_unlock(&watch->lock);
    natsMsg_Destroy(message);
    nats_wake(watch->nats);
}


/* No more of a subscription. */

static void
was_last(void *data)
{
    sync_watch_t  *watch = data;

    (void) pthread_mutex_lock(&watch->lock);
    watch->handlers--;
    (void) pthread_cond_broadcast(&watch->quiet);
    (void) pthread_mutex_unlock(&watch->lock);
}


static void
take(sync_watch_t *watch, onsite_str_t text)
{
    uint64_t  version = announce_version(text, watch->options->site);

    if (version != 0) {
        watch->announced = version;
        watch->late = 0;
    }
}


static void
take_news(sync_watch_t *watch)
{
    char    text[ANNOUNCE_MAX];
    bool    news;
    size_t  len;

    (void) pthread_mutex_lock(&watch->lock);
    news = watch->news;
    len = watch->len;
    memcpy(text, watch->text, len);
    watch->news = false;
    (void) pthread_mutex_unlock(&watch->lock);

    if (news) {
        task_count(TASK_SYNC_TOLD, 1);
        take(watch, onsite_str(text, len));
        look_by(watch, now() + spread());
    }
}


/* What was said while nobody listened; where it is not kept, looking is all
 * that can be done. */

static void
take_kept(sync_watch_t *watch)
{
    jsCtx    *js = nats_jetstream(watch->nats);
    natsMsg  *message = NULL;

    if (js != NULL
        && js_GetLastMsg(&message, js, ANNOUNCE_STREAM, watch->subject, NULL,
                         NULL) == NATS_OK)
    {
        take(watch, onsite_str(natsMsg_GetData(message),
                               (size_t) natsMsg_GetDataLength(message)));
    }

    natsMsg_Destroy(message);
}


/* NATS */

static void
tell_away(sync_watch_t *watch, const char *why)
{
    task_away(why);

    if (strcmp(watch->told, why) == 0 || watch->tellings == TOLD_MAX) {
        return;
    }

    if (watch->tellings == 0) {
        task_count(TASK_SYNC_AWAY, 1);
    }

    loader_complain("--watch: %s; looking by the clock goes on", why);
    (void) snprintf(watch->told, sizeof(watch->told), "%s", why);
    watch->tellings++;
}


static void
tell_back(sync_watch_t *watch)
{
    task_back();

    if (watch->tellings != 0) {
        loader_complain("--watch: %s is there again", nats_url(watch->nats));
    }

    watch->told[0] = '\0';
    watch->tellings = 0;
}


static void
unsubscribe(sync_watch_t *watch)
{
    natsSubscription_Destroy(watch->subscription);
    watch->subscription = NULL;
}


/* Whoever hears is counted until libnats says that it is over. */

static natsStatus
listen(sync_watch_t *watch)
{
    natsStatus  result;

    result = natsConnection_Subscribe(&watch->subscription,
                                      nats_connection(watch->nats),
                                      watch->subject, heard, watch);

    if (result != NATS_OK) {
        return result;
    }

    (void) pthread_mutex_lock(&watch->lock);
    watch->handlers++;
    (void) pthread_mutex_unlock(&watch->lock);
    result = natsSubscription_SetOnCompleteCB(watch->subscription, was_last,
                                              watch);

    if (result != NATS_OK) {
        was_last(watch);
    }

    return result;
}


static onsite_status_t
subscribe(sync_watch_t *watch, onsite_error_t *error)
{
    natsStatus       result;
    onsite_status_t  status;

    unsubscribe(watch);
    result = listen(watch);
    status = result == NATS_OK
             ? nats_flush(watch->nats, watch->subject, error)
             : nats_result(watch->nats, watch->subject, result, 0, error);

    if (status != ONSITE_OK) {
        unsubscribe(watch);
    }

    return status;
}


/* Whenever NATS is there anew, something may have been missed. */

static void
keep_listening(sync_watch_t *watch)
{
    bool             anew;
    uint64_t         times = nats_times(watch->nats);
    onsite_error_t   error;
    onsite_status_t  status;

    status = nats_ready(watch->nats, 0, &anew, &error);

    if (status == ONSITE_OK && (anew || watch->subscription == NULL)) {
        status = subscribe(watch, &error);
    }

    if (status == ONSITE_NOT_FOUND) {
        return;
    }

    if (status != ONSITE_OK) {
        tell_away(watch, error.text);
        return;
    }

    tell_back(watch);

    if (times != watch->times) {
        watch->times = times;
        take_kept(watch);
        look_by(watch, now() + spread());
    }
}


/* Between looks */

/* A store, or what is in front of it, may show for a while what was there. */

static void
expect_late(sync_watch_t *watch, uint64_t seen)
{
    if (watch->announced <= seen || watch->late == LATE_TRIES) {
        watch->announced = 0;

    } else if (watch->announced != 0 && seen != 0) {
        look_by(watch, now() + (LATE_FIRST << watch->late++));
    }
}


void
sync_watch_pause(sync_watch_t *watch, onsite_ms_t ms, onsite_ms_t rest,
    uint64_t seen)
{
    onsite_ms_t  begin = now(), then;

    watch->due = 0;
    expect_late(watch, seen);

    while (!loader_stopping) {
        keep_listening(watch);
        take_news(watch);
        then = begin + ms;

        if (watch->due != 0 && watch->due < then) {
            then = watch->due > begin + rest ? watch->due : begin + rest;
            then = then < begin + ms ? then : begin + ms;
        }

        if (now() >= then) {
            return;
        }

        nats_wait(watch->nats, then - now() + 1);
    }
}


/* Made and ended */

onsite_status_t
sync_watch_open(const sync_options_t *options, sync_watch_t **out,
    onsite_error_t *error)
{
    sync_watch_t     *watch = calloc(1, sizeof(*watch));
    onsite_status_t   status;

    *out = NULL;

    if (watch == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    watch->options = options;
    announce_subject(options->site, watch->subject);
    status = nats_open(options->watch, &options->nats, "onsite sync",
                       &watch->nats, error);

    if (status != ONSITE_OK) {
        free(watch);
        return status;
    }

    (void) pthread_mutex_init(&watch->lock, NULL);
    (void) pthread_cond_init(&watch->quiet, NULL);
    *out = watch;

    return ONSITE_OK;
}


void
sync_watch_close(sync_watch_t *watch)
{
    if (watch == NULL) {
        return;
    }

    unsubscribe(watch);
    (void) pthread_mutex_lock(&watch->lock);

    while (watch->handlers != 0) {
        (void) pthread_cond_wait(&watch->quiet, &watch->lock);
    }

    (void) pthread_mutex_unlock(&watch->lock);
    nats_close(watch->nats);
    free(watch);
}
