/*
 * nats.c - a connection to NATS.
 *
 * A thread of ours makes it, and makes another one when libnats has closed it
 * for good, which it does where a server refuses us twice; what lies between,
 * libnats takes up again itself.  Its threads and ours only write down what
 * happened; everything else is the caller's thread's.
 */

#include "nats_private.h"

#include "loader.h"
#include "stop.h"

#include <errno.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PAUSE_MIN      100                      /* between attempts        */
#define PAUSE_MAX      (10 * ONSITE_SECOND)
#define END_WAIT       (3 * ONSITE_SECOND)      /* for threads to end      */

/* A signal does not end waiting for a condition. */
#define TICK           50


/* Why */

/* What to do; in the thread that called libnats. */

static const char *
remedy_of(natsStatus status)
{
    switch (status) {

    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
        return ": user and password, or token, go into the URL, credentials "
               "into --nats-creds";

    case NATS_SSL_ERROR:
        return ": --nats-ca FILE names who signs its certificate, where that "
               "is one's own";

    case NATS_SECURE_CONNECTION_WANTED:
        return ": it speaks no TLS: is it nats://…?";

    case NATS_SECURE_CONNECTION_REQUIRED:
        return ": it wants TLS: write tls://…";

    default:
        return "";
    }
}


/* "(conn.c:733): what" */

static const char *
without_place(const char *text)
{
    const char  *end = text[0] == '(' ? strstr(text, "): ") : NULL;

    return end != NULL ? end + 3 : text;
}


static const char *
cause_of(natsStatus status)
{
    const char  *text = NULL;

    switch (status) {

    case NATS_NO_SERVER:
    case NATS_IO_ERROR:
        return "no server answers there";

    case NATS_TIMEOUT:
        return "no answer in time";

    case NATS_CONNECTION_AUTH_FAILED:
        return "refused: not who is let in";

    default:
        text = nats_GetLastError(NULL);
        return text != NULL && text[0] != '\0' ? without_place(text)
               : natsStatus_GetText(status);
    }
}


onsite_status_t
nats_result(const nats_t *nats, const char *what, natsStatus status,
    jsErrCode code, onsite_error_t *error)
{
    onsite_status_t  result;

    if (status == NATS_OK) {
        return ONSITE_OK;
    }

    result = status == NATS_NOT_FOUND ? ONSITE_NOT_FOUND
             : status == NATS_NO_MEMORY ? ONSITE_NO_MEMORY : ONSITE_IO;

    if (code != 0) {
        return onsite_error(error, result, "%s: %s: %s (JetStream's error "
                            "%d)%s", nats->url.told, what, cause_of(status),
                            (int) code, remedy_of(status));
    }

    return onsite_error(error, result, "%s: %s: %s%s", nats->url.told, what,
                        cause_of(status), remedy_of(status));
}


/* What happened */

void
nats_wake(nats_t *nats)
{
    uint64_t  one = 1;

    /* a counter that is full wakes as well */
    (void) !write(nats->event, &one, sizeof(one));
}


static void
changed(nats_t *nats)
{
    (void) pthread_cond_broadcast(&nats->changed);
    nats_wake(nats);
}


void
nats_came_up(natsConnection *connection, void *data)
{
    nats_t  *nats = data;

    (void) connection;
    (void) pthread_mutex_lock(&nats->lock);
    nats->up = true;
    nats->times++;
    changed(nats);
    (void) pthread_mutex_unlock(&nats->lock);
}


void
nats_broke_off(natsConnection *connection, void *data)
{
    nats_t  *nats = data;

    (void) connection;
    (void) pthread_mutex_lock(&nats->lock);
    nats->up = false;
    (void) snprintf(nats->why, sizeof(nats->why), "the connection broke off");
    changed(nats);
    (void) pthread_mutex_unlock(&nats->lock);
}


/* The last that is heard of a connection. */

void
nats_was_closed(natsConnection *connection, void *data)
{
    nats_t  *nats = data;

    (void) connection;
    (void) pthread_mutex_lock(&nats->lock);
    nats->up = false;
    nats->alive = false;
    changed(nats);
    (void) pthread_mutex_unlock(&nats->lock);
}


/* Full jitter: after n attempts that failed, in milliseconds. */

int64_t
nats_pause_after(natsConnection *connection, int n, void *data)
{
    uint32_t  random = 0;
    int64_t   most = n < 7 ? PAUSE_MIN << n : PAUSE_MAX;

    (void) connection;
    (void) data;
    (void) RAND_bytes((unsigned char *) &random, sizeof(random));
    most = most < PAUSE_MAX ? most : PAUSE_MAX;

    return PAUSE_MIN + (int64_t) (random % (uint64_t) most);
}


/* Our thread */

static struct timespec
from_now(int64_t ms)
{
    struct timespec  then;

    (void) clock_gettime(CLOCK_MONOTONIC, &then);
    then.tv_sec += ms / 1000;
    then.tv_nsec += ms % 1000 * 1000000;

    if (then.tv_nsec >= 1000000000) {
        then.tv_nsec -= 1000000000;
        then.tv_sec++;
    }

    return then;
}


/* With the lock: sleeps unless it is to end. */

static void
rest(nats_t *nats, int64_t ms)
{
    struct timespec  then = from_now(ms);

    while (!nats->ending
           && pthread_cond_timedwait(&nats->changed, &nats->lock, &then) == 0)
    {
        /* void */
    }
}


/* With the lock, which is let go of while it tries. */

static natsStatus
attempt(nats_t *nats)
{
    natsStatus       status;
    natsConnection  *connection = NULL, *unused;

    nats->trying = true;
    unused = nats->fresh;
    nats->fresh = NULL;
    (void) pthread_mutex_unlock(&nats->lock);

    natsConnection_Destroy(unused);
    status = natsConnection_Connect(&connection, nats->options);

    (void) pthread_mutex_lock(&nats->lock);
    nats->trying = false;

    if (status == NATS_OK) {
        /* what was heard of it already, came before */
        nats->fresh = connection;
        nats->alive = !natsConnection_IsClosed(connection);
        nats->up = natsConnection_Status(connection)
                   == NATS_CONN_STATUS_CONNECTED;
        nats->times++;

    } else {
        (void) snprintf(nats->why, sizeof(nats->why), "%s%s",
                        cause_of(status), remedy_of(status));
    }

    changed(nats);

    return status;
}


static void *
keep_up(void *data)
{
    int      failures = 0;
    nats_t  *nats = data;

    (void) pthread_mutex_lock(&nats->lock);

    while (!nats->ending) {
        if (attempt(nats) != NATS_OK) {
            rest(nats, nats_pause_after(NULL, ++failures, NULL));
            continue;
        }

        while (nats->alive && !nats->ending) {
            (void) pthread_cond_wait(&nats->changed, &nats->lock);
        }

        /* who let us in refuses us now */
        failures = 1;
        rest(nats, nats_pause_after(NULL, failures, NULL));
    }

    (void) pthread_mutex_unlock(&nats->lock);
    nats_ReleaseThreadMemory();

    return NULL;
}


/* Made */

/* Signals are for the command's own thread. */

static onsite_status_t
start(nats_t *nats, onsite_error_t *error)
{
    int                 rc;
    sigset_t            all, before;
    pthread_condattr_t  clock;

    nats->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    if (nats->event == -1) {
        return onsite_error(error, ONSITE_IO, "eventfd: %s", strerror(errno));
    }

    (void) pthread_mutex_init(&nats->lock, NULL);
    (void) pthread_condattr_init(&clock);
    (void) pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void) pthread_cond_init(&nats->changed, &clock);
    (void) pthread_condattr_destroy(&clock);
    nats->trying = true;

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&nats->thread, NULL, keep_up, nats);
    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
    nats->started = rc == 0;

    return rc == 0 ? ONSITE_OK
           : onsite_error(error, ONSITE_IO, "a thread: %s", strerror(rc));
}


onsite_status_t
nats_open(const char *url, const nats_options_t *options, const char *name,
    nats_t **out, onsite_error_t *error)
{
    nats_t          *nats = calloc(1, sizeof(*nats));
    onsite_status_t  status;

    *out = NULL;

    if (nats == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    nats->event = -1;
    status = nats_url_read(&nats->url, url, error);

    if (status == ONSITE_OK) {
        status = nats_set_up(nats, options, name, error);
    }

    if (status == ONSITE_OK && !loader_checking()) {
        status = start(nats, error);
    }

    if (status != ONSITE_OK) {
        nats_close(nats);
        return status;
    }

    *out = nats;

    return ONSITE_OK;
}


/* Ended */

/* Nothing of libnats calls us any more.  false: it does not come to an end. */

static bool
end(nats_t *nats)
{
    bool             ended;
    struct timespec  then = from_now(END_WAIT);

    (void) pthread_mutex_lock(&nats->lock);
    nats->ending = true;
    changed(nats);
    (void) pthread_mutex_unlock(&nats->lock);

    if (pthread_clockjoin_np(nats->thread, NULL, CLOCK_MONOTONIC, &then) != 0)
    {
        return false;
    }

    jsCtx_Destroy(nats->jetstream);
    natsConnection_Destroy(nats->connection);
    natsConnection_Destroy(nats->fresh);

    (void) pthread_mutex_lock(&nats->lock);

    while (nats->alive
           && pthread_cond_timedwait(&nats->changed, &nats->lock, &then) == 0)
    {
        /* void */
    }

    ended = !nats->alive;
    (void) pthread_mutex_unlock(&nats->lock);

    return ended;
}


/* libnats itself stays as it is: nats_Close would free what OpenSSL frees once
 * more when the process ends. */

void
nats_close(nats_t *nats)
{
    if (nats == NULL || (nats->started && !end(nats))) {
        return;
    }

    natsOptions_Destroy(nats->options);

    if (nats->event != -1) {
        (void) close(nats->event);
    }

    free(nats);
}


/* Used */

const char *
nats_url(const nats_t *nats)
{
    return nats->url.told;
}


natsConnection *
nats_connection(const nats_t *nats)
{
    return nats->connection;
}


/* The server says what it has against us before it says that it is done. */

onsite_status_t
nats_flush(nats_t *nats, const char *what, onsite_error_t *error)
{
    natsStatus   status;
    const char  *text = NULL;

    status = natsConnection_FlushTimeout(nats->connection, NATS_ANSWER);

    if (status == NATS_OK
        && natsConnection_GetLastError(nats->connection, &text)
           == NATS_NOT_PERMITTED)
    {
        return onsite_error(error, ONSITE_IO, "%s: %s: %s", nats->url.told,
                            what, text);
    }

    return nats_result(nats, what, status, 0, error);
}


jsCtx *
nats_jetstream(nats_t *nats)
{
    jsOptions  options;

    (void) jsOptions_Init(&options);
    options.Wait = NATS_ANSWER;

    if (nats->jetstream == NULL && nats->connection != NULL
        && natsConnection_JetStream(&nats->jetstream, nats->connection,
                                    &options) != NATS_OK)
    {
        nats->jetstream = NULL;
    }

    return nats->jetstream;
}


uint64_t
nats_times(nats_t *nats)
{
    uint64_t  times;

    (void) pthread_mutex_lock(&nats->lock);
    times = nats->times;
    (void) pthread_mutex_unlock(&nats->lock);

    return times;
}


/* With the lock. */

static void
await_attempt(nats_t *nats, onsite_ms_t wait)
{
    struct timespec  tick;

    while (nats->trying && !nats->up && wait > 0 && !loader_stopping) {
        tick = from_now(wait < TICK ? wait : TICK);

        if (pthread_cond_timedwait(&nats->changed, &nats->lock, &tick)
            == ETIMEDOUT)
        {
            wait -= TICK;
        }
    }
}


onsite_status_t
nats_ready(nats_t *nats, onsite_ms_t wait, bool *anew, onsite_error_t *error)
{
    natsConnection   *old = NULL;
    onsite_status_t   status = ONSITE_OK;

    *anew = false;
    (void) pthread_mutex_lock(&nats->lock);
    await_attempt(nats, wait);

    if (!nats->up && nats->why[0] == '\0') {
        status = onsite_error(error, ONSITE_NOT_FOUND, "%s: no answer as yet",
                              nats->url.told);

    } else if (!nats->up) {
        status = onsite_error(error, ONSITE_IO, "%s: %s", nats->url.told,
                              nats->why);

    } else if (nats->fresh != NULL) {
        *anew = true;
        old = nats->connection;
        nats->connection = nats->fresh;
        nats->fresh = NULL;
    }

    (void) pthread_mutex_unlock(&nats->lock);

    if (*anew) {
        jsCtx_Destroy(nats->jetstream);
        nats->jetstream = NULL;
        natsConnection_Destroy(old);
    }

    return status;
}


/* Signals wait until the sleep itself lets them in, as in loader_pause. */

void
nats_wait(nats_t *nats, onsite_ms_t ms)
{
    sigset_t         ending, before;
    uint64_t         times;
    struct pollfd    fd = { .fd = nats->event, .events = POLLIN };
    struct timespec  time = { ms / 1000, ms % 1000 * 1000000 };

    (void) sigemptyset(&ending);
    (void) sigaddset(&ending, SIGINT);
    (void) sigaddset(&ending, SIGTERM);
    (void) pthread_sigmask(SIG_BLOCK, &ending, &before);

    if (!loader_stopping && ppoll(&fd, 1, &time, &before) == 1) {
        (void) !read(nats->event, &times, sizeof(times));
    }

    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
}
