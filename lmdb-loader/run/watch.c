/*
 * watch.c - the process of `run` that looks whether all is well, and tells
 * whoever asks over HTTP.
 *
 * Looking may wait: for a lock that another process holds, for a disk.  So it
 * has a thread of its own, and what answers tells what was seen last and when
 * that was.  The thread is the only one that touches the state.  nginx, which
 * may hang, is asked by another one.
 */

#include "facts.h"
#include "run.h"
#include "stop.h"
#include "watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_S    1
#define ASK_S     5
#define STALE_MS  (5 * ONSITE_SECOND)   /* looking waits for something     */
#define ANSWER_MS 200

struct watch_s {
    pthread_mutex_t   lock;             /* of what follows                 */
    pthread_cond_t    end;
    facts_t          *facts;            /* seen last; NULL: nothing yet    */
    facts_nginx_t     nginx;            /* asked last                      */
    bool              ending;

    sidecar_t        *sidecar;
    facts_source_t    source;           /* the thread's                    */
    onsite_ms_t       began;
};


/* Looking */

static void
tell_master(watch_t *w, const facts_t *facts)
{
    bool          ready;
    onsite_buf_t  reasons;

    onsite_buf_init(&reasons, 0);
    ready = facts_ready(facts, &reasons);
    (void) snprintf(w->sidecar->unready, sizeof(w->sidecar->unready), "%.*s",
                    (int) reasons.len, ready ? "" : reasons.data);
    w->sidecar->ready = ready;
    w->sidecar->looked = sidecar_clock();
    onsite_buf_free(&reasons);
}


static void
look(watch_t *w)
{
    facts_t  *facts = calloc(1, sizeof(facts_t)), *before;

    if (facts == NULL) {
        return;
    }

    facts->sidecar = w->sidecar;
    (void) pthread_mutex_lock(&w->lock);
    facts->nginx = w->nginx;
    (void) pthread_mutex_unlock(&w->lock);
    facts_gather(&w->source, facts);
    tell_master(w, facts);
    task_good();

    (void) pthread_mutex_lock(&w->lock);
    before = w->facts;
    w->facts = facts;
    (void) pthread_mutex_unlock(&w->lock);

    free(before);
}


/* Until it is time to look, or ask, again; false: it ends. */

static bool
wait_for(watch_t *w, int s)
{
    bool             ending;
    struct timespec  until;

    (void) clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += s;
    (void) pthread_mutex_lock(&w->lock);

    if (!w->ending) {
        (void) pthread_cond_clockwait(&w->end, &w->lock, CLOCK_MONOTONIC,
                                      &until);
    }

    ending = w->ending;
    (void) pthread_mutex_unlock(&w->lock);

    return !ending;
}


static void *
look_on(void *data)
{
    watch_t  *w = data;

    do {
        look(w);
    } while (wait_for(w, LOOK_S));

    facts_close(&w->source);

    return NULL;
}


static void *
ask_on(void *data)
{
    watch_t        *w = data;
    facts_nginx_t   nginx;

    do {
        nginx = (facts_nginx_t) { .url = w->source.config->nginx };
        facts_ask_nginx(&nginx);
        (void) pthread_mutex_lock(&w->lock);
        w->nginx = nginx;
        (void) pthread_mutex_unlock(&w->lock);
    } while (wait_for(w, ASK_S));

    return NULL;
}


/* Signals are the other thread's. */

static bool
start_thread(watch_t *w, pthread_t *thread, void *(*work)(void *data))
{
    int       rc;
    sigset_t  all, before;

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(thread, NULL, work, w);
    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);

    return rc == 0;
}


/* Answers */

static bool
is_stale(const watch_t *w, onsite_buf_t *reasons)
{
    onsite_ms_t  since = w->facts != NULL ? w->facts->clock : w->began;

    if (sidecar_clock() - since < STALE_MS) {
        return false;
    }

    onsite_buf_printf(reasons, "%s\"looking at state and snapshots has taken "
                      "%lld s: does a process hang that holds the state's "
                      "lock?\"", reasons->len != 0 ? "," : "",
                      (long long) (sidecar_clock() - since) / 1000);

    return true;
}


static unsigned
answer_ready(const watch_t *w, onsite_buf_t *out)
{
    bool          ready = false;
    onsite_buf_t  reasons;

    onsite_buf_init(&reasons, 0);

    if (w->facts != NULL) {
        ready = facts_ready(w->facts, &reasons);
    } else {
        onsite_buf_printf(&reasons, "\"nothing was looked at yet\"");
    }

    ready = !is_stale(w, &reasons) && ready;

    if (w->sidecar->stopping != 0) {
        ready = false;
        onsite_buf_printf(&reasons, "%s\"it stops\"",
                          reasons.len != 0 ? "," : "");
    }

    onsite_buf_printf(out, "{\"ready\":%s,\"reasons\":[%.*s]}\n",
                      ready ? "true" : "false", (int) reasons.len,
                      reasons.data != NULL ? reasons.data : "");
    onsite_buf_free(&reasons);

    return ready ? 200 : 503;
}


static unsigned
answer_health(const watch_t *w, onsite_buf_t *out)
{
    bool          healthy;
    onsite_buf_t  reasons;

    onsite_buf_init(&reasons, 0);
    healthy = facts_healthy(w->sidecar, &reasons);
    onsite_buf_printf(out, "{\"healthy\":%s,\"reasons\":[%.*s]}\n",
                      healthy ? "true" : "false", (int) reasons.len,
                      reasons.data != NULL ? reasons.data : "");
    onsite_buf_free(&reasons);

    return healthy ? 200 : 503;
}


/* The tasks as they are now, the rest as it was seen last. */

static unsigned
answer_facts(watch_t *w, onsite_buf_t *out,
    void (*write)(onsite_buf_t *out, const facts_t *facts))
{
    if (w->facts == NULL) {
        onsite_buf_printf(out, "nothing was looked at yet\n");
        return 503;
    }

    w->facts->now = loader_now();
    facts_find(w->facts);
    write(out, w->facts);

    return 200;
}


unsigned
watch_answer(watch_t *w, const char *path, onsite_buf_t *out,
    const char **type)
{
    unsigned  status;

    *type = "application/json";
    (void) pthread_mutex_lock(&w->lock);

    if (strcmp(path, "/healthz") == 0) {
        status = answer_health(w, out);

    } else if (strcmp(path, "/readyz") == 0) {
        status = answer_ready(w, out);

    } else if (strcmp(path, "/status") == 0) {
        status = answer_facts(w, out, facts_write_json);

    } else if (strcmp(path, "/metrics") == 0) {
        *type = "text/plain; version=0.0.4; charset=utf-8";
        status = answer_facts(w, out, facts_write_metrics);

    } else {
        *type = "text/plain";
        onsite_buf_printf(out, "/healthz, /readyz, /metrics, /status\n");
        status = 404;
    }

    (void) pthread_mutex_unlock(&w->lock);

    return status;
}


/* Life */

static int
serve(watch_t *w, int listener)
{
    watch_http_t  *http = NULL;

    if (listener >= 0) {
        http = watch_http_start(w, listener);

        if (http == NULL) {
            loader_complain("cannot answer over HTTP");
            return LOADER_FAILED;
        }
    }

    while (!loader_stopping) {
        if (http != NULL) {
            watch_http_go_on(http, ANSWER_MS);
        } else {
            loader_pause(LOOK_S * ONSITE_SECOND);
        }
    }

    watch_http_stop(http);

    return LOADER_OK;
}


/* What waits for a lock does not keep the process from ending. */

static void
end_threads(watch_t *w, const pthread_t *threads, size_t n)
{
    size_t           i;
    struct timespec  until;

    (void) pthread_mutex_lock(&w->lock);
    w->ending = true;
    (void) pthread_cond_broadcast(&w->end);
    (void) pthread_mutex_unlock(&w->lock);

    (void) clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 2;

    for (i = 0; i < n; i++) {
        if (pthread_clockjoin_np(threads[i], NULL, CLOCK_MONOTONIC, &until)
            != 0)
        {
            _exit(LOADER_OK);
        }
    }
}


int
run_watch(const child_t *child, void *data)
{
    int        rc;
    size_t     n = 0;
    watch_t    w = { .lock = PTHREAD_MUTEX_INITIALIZER,
                     .end = PTHREAD_COND_INITIALIZER, .sidecar = data };
    pthread_t  threads[2];

    loader_configure(&(loader_section_t) { .name = SIDECAR_WATCH });
    loader_catch_signals();
    w.began = sidecar_clock();
    w.source.config = child->config;
    w.source.state = child->config->state;
    w.source.change = true;

    if (!start_thread(&w, &threads[n++], look_on)
        || (child->config->nginx != NULL
            && !start_thread(&w, &threads[n++], ask_on)))
    {
        loader_complain("no thread");
        _exit(LOADER_FAILED);
    }

    rc = serve(&w, child->keep);
    end_threads(&w, threads, n);
    free(w.facts);

    return rc;
}
