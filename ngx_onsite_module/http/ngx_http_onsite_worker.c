/*
 * ngx_http_onsite_worker.c - what one process keeps: store, engine and a
 * timer.
 *
 * The state is opened after the fork, and only in processes that serve
 * requests.
 */

#include "ngx_http_onsite.h"

#include <openssl/rand.h>


#define NGX_HTTP_ONSITE_TICK           250      /* ms: snapshot check        */
#define NGX_HTTP_ONSITE_LOOK_TICKS     2         /* is the state there?       */
#define NGX_HTTP_ONSITE_TELL_FAILURE   4         /* the fourth in a row      */
#define NGX_HTTP_ONSITE_LOCK_TRIES     30
#define NGX_HTTP_ONSITE_LOCK_PAUSE     10        /* ms                       */
#define NGX_HTTP_ONSITE_REAP_TICKS     4
#define NGX_HTTP_ONSITE_REAP_BUDGET    512      /* records looked at         */
#define NGX_HTTP_ONSITE_SWEEP_BUDGET   64       /* identities looked at      */
#define NGX_HTTP_ONSITE_READER_TICKS   240

#define NGX_HTTP_ONSITE_ARENA_CHUNK    (1024 * 1024)
#define NGX_HTTP_ONSITE_ARENA_MAX      (64 * 1024 * 1024)

#define NGX_HTTP_ONSITE_GENERATIONS    8        /* of workers, at reloads    */


static void tick(ngx_event_t *ev);


ngx_http_onsite_worker_t  ngx_http_onsite_worker;

static ngx_http_onsite_main_conf_t  *ngx_http_onsite_worker_conf;
static ngx_uint_t                    ngx_http_onsite_ticks;
static uint32_t                      ngx_http_onsite_reap_shard;
static ngx_uint_t                    ngx_http_onsite_missed;   /* looks      */
static ngx_uint_t                    ngx_http_onsite_lost;     /* its files  */
static ngx_uint_t                    ngx_http_onsite_failures; /* to open it */
static uint8_t                       ngx_http_onsite_secret[ONSITE_SECRET_MIN];
static ngx_uint_t                    ngx_http_onsite_secret_made;
static ngx_event_t                   ngx_http_onsite_timer;
static ngx_connection_t              ngx_http_onsite_timer_connection;


/* levels are nginx's own */

static void
store_log(void *data, int level, const char *text)
{
    ngx_log_error((ngx_uint_t) level, (ngx_log_t *) data, 0,
                  "onsite: %s", text);
}


void
ngx_http_onsite_store_options(ngx_http_onsite_main_conf_t *mcf,
    ngx_cycle_t *cycle, onsite_store_options_t *options)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    options->path = (const char *) mcf->state.data;
    options->size = mcf->size;
    options->shards = (uint32_t) mcf->shards;
    options->ttl = (onsite_ms_t) mcf->ttl * ONSITE_SECOND;
    options->max_readers = (uint32_t) ngx_max(126,
                     ccf->worker_processes * NGX_HTTP_ONSITE_GENERATIONS + 32);
    options->read_only = false;
    options->roaming = mcf->roaming;
    options->no_wait = false;
    options->log = store_log;
    options->log_data = cycle->log;
}


static onsite_ms_t
clock_ms(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (onsite_ms_t) tp->sec * 1000 + tp->msec;
}


static onsite_status_t
open_files(ngx_cycle_t *cycle, ngx_http_onsite_main_conf_t *mcf,
    ngx_uint_t no_wait, onsite_error_t *error)
{
    onsite_status_t            status;
    onsite_store_options_t     options;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    ngx_http_onsite_store_options(mcf, cycle, &options);
    options.no_wait = no_wait != 0;

    status = onsite_store_open(&options, clock_ms(), &w->store, error);

    w->roams = mcf->roaming != 0 && w->store != NULL;

    return status;
}


static void
open_store(ngx_cycle_t *cycle, ngx_http_onsite_main_conf_t *mcf)
{
    onsite_error_t  error;

    if (mcf->state.len != 0 && open_files(cycle, mcf, 0, &error) != ONSITE_OK)
    {
        ngx_http_onsite_count(store_errors);
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "onsite: %s; until that is mended and nginx reloaded "
                      "pages are served as they are", error.text);
    }
}


/* The one that the state keeps.  A state that is made anew under us gets the
 * one that we had: visitors stay who they are. */

static onsite_signer_t *
signer_of_state(void)
{
    size_t   len;
    uint8_t  kept[ONSITE_SECRET_MIN];

    if (!ngx_http_onsite_secret_made
        && RAND_bytes(ngx_http_onsite_secret, ONSITE_SECRET_MIN) != 1)
    {
        return NULL;
    }

    if (onsite_store_meta_set_once(ngx_http_onsite_worker.store, "secret",
                                   ngx_http_onsite_secret, ONSITE_SECRET_MIN,
                                   kept, sizeof(kept), &len)
        != ONSITE_OK
        || len != sizeof(kept))
    {
        return NULL;
    }

    ngx_memcpy(ngx_http_onsite_secret, kept, sizeof(kept));
    ngx_http_onsite_secret_made = 1;

    return onsite_signer_create(kept, len);
}


/* The secret of onsite_key_file, else the one that the state keeps. */

static void
make_signer(ngx_cycle_t *cycle, ngx_http_onsite_main_conf_t *mcf)
{
    onsite_signer_t           *signer;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    if (mcf->key.len != 0 && w->signer != NULL) {
        return;
    }

    if (mcf->key.len != 0) {
        signer = onsite_signer_create(mcf->key.data, mcf->key.len);

    } else if (w->store != NULL) {
        signer = signer_of_state();

    } else {
        return;
    }

    if (signer == NULL) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "onsite: no secret: there is no memory for it, or the "
                      "state cannot keep it");
        return;
    }

    if (w->signer != NULL) {
        onsite_signer_destroy(w->signer);
    }

    w->signer = signer;
}


/* Its files may be removed, or replaced by others, while it is open: what is
 * written to them then, nobody else ever sees. */

static void
open_anew(ngx_log_t *log)
{
    ngx_uint_t                    i;
    onsite_error_t                error;
    onsite_status_t               status;
    ngx_http_onsite_main_conf_t  *mcf;

    error.text[0] = '\0';
    mcf = ngx_http_onsite_worker_conf;

    status = open_files((ngx_cycle_t *) ngx_cycle, mcf, 1, &error);

    /* another worker makes them: no longer than it takes, and once only */

    for (i = 0; status == ONSITE_LIMIT && ngx_http_onsite_failures == 0
                && i < NGX_HTTP_ONSITE_LOCK_TRIES; i++)
    {
        ngx_msleep(NGX_HTTP_ONSITE_LOCK_PAUSE);
        status = open_files((ngx_cycle_t *) ngx_cycle, mcf, 1, &error);
    }

    if (status == ONSITE_OK) {
        ngx_http_onsite_lost = 0;

        if (ngx_worker == 0) {
            ngx_http_onsite_count(states_replaced);
        }

        make_signer((ngx_cycle_t *) ngx_cycle, mcf);

        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "onsite: state: the files in %V were removed or "
                      "replaced while they were in use: those that are there "
                      "now are used, and made where there were none; what "
                      "was recorded in the old ones alone is lost",
                      &mcf->state);
        return;
    }

    /* others may be making them, or still have the old ones in memory */

    if (++ngx_http_onsite_failures == NGX_HTTP_ONSITE_TELL_FAILURE) {
        ngx_http_onsite_count(store_errors);
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "onsite: %s; the files in %V were removed or replaced "
                      "while they were in use: pages are served as they are "
                      "until they are there again, which is tried twice "
                      "a second", error.text, &mcf->state);
    }
}


static void
look_at_store(ngx_log_t *log)
{
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    if (w->store != NULL) {
        if (onsite_store_is_current(w->store)) {
            ngx_http_onsite_missed = 0;
            return;
        }

        /* at the second look, so that who removes them has come to an end */

        if (++ngx_http_onsite_missed < 2) {
            return;
        }

        onsite_store_close(w->store);
        w->store = NULL;
        w->roams = 0;
        ngx_http_onsite_missed = 0;
        ngx_http_onsite_failures = 0;
        ngx_http_onsite_lost = 1;
    }

    if (ngx_http_onsite_lost) {
        open_anew(log);
    }
}


/* All or nothing: without its memory a worker serves pages as they are. */

static ngx_int_t
make_scratch(void)
{
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    w->engine = onsite_engine_create();
    w->json = onsite_json_create();
    w->arena = onsite_arena_create(NGX_HTTP_ONSITE_ARENA_CHUNK,
                                   NGX_HTTP_ONSITE_ARENA_MAX);
    w->visitor = malloc(sizeof(onsite_visitor_t));
    w->other = malloc(sizeof(onsite_visitor_t));
    w->decision = malloc(sizeof(onsite_decision_t));
    w->record = malloc(ONSITE_RECORD_BYTES_MAX);

    onsite_buf_init(&w->text, NGX_HTTP_ONSITE_ARENA_MAX);
    onsite_buf_init(&w->explain, NGX_HTTP_ONSITE_ARENA_MAX);
    onsite_buf_init(&w->outbox, ONSITE_OUTBOX_BYTES_MAX);

    if (w->engine == NULL || w->json == NULL || w->arena == NULL
        || w->visitor == NULL || w->other == NULL || w->decision == NULL
        || w->record == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* One shard a turn, by one worker: the others would only wait for it. */

static void
reap(void)
{
    unsigned          reaped, swept;
    onsite_store_t   *store;

    store = ngx_http_onsite_worker.store;
    reaped = 0;

    if (onsite_store_reap(store, ngx_http_onsite_reap_shard, clock_ms(),
                          NGX_HTTP_ONSITE_REAP_BUDGET, &reaped)
        != ONSITE_OK)
    {
        ngx_http_onsite_count(store_errors);
    }

    ngx_http_onsite_count_n(reaped, reaped);

    if (onsite_store_sweep(store, ngx_http_onsite_reap_shard, clock_ms(),
                           NGX_HTTP_ONSITE_SWEEP_BUDGET, &swept)
        != ONSITE_OK)
    {
        ngx_http_onsite_count(store_errors);
    }

    ngx_http_onsite_count_n(swept, swept);

    ngx_http_onsite_reap_shard = (ngx_http_onsite_reap_shard + 1)
                                 % onsite_store_shards(store);
}


static void
tick(ngx_event_t *ev)
{
    ngx_http_onsite_snapshot_check(ngx_http_onsite_worker_conf, ev->log);

    ngx_http_onsite_ticks++;

    if (ngx_http_onsite_ticks % NGX_HTTP_ONSITE_LOOK_TICKS == 0) {
        look_at_store(ev->log);

        if (ngx_http_onsite_worker.store != NULL
            && ngx_http_onsite_missed == 0)
        {
            ngx_http_onsite_snapshot_keep(ngx_http_onsite_worker_conf,
                                          ev->log);
        }
    }

    if (ngx_http_onsite_worker.store != NULL && ngx_worker == 0) {

        ngx_http_onsite_erase_tick(ev->log);

        if (ngx_http_onsite_ticks % NGX_HTTP_ONSITE_REAP_TICKS == 0) {
            reap();
        }

        if (ngx_http_onsite_ticks % NGX_HTTP_ONSITE_READER_TICKS == 0) {
            (void) onsite_store_check_readers(ngx_http_onsite_worker.store);
        }
    }

    if (!ngx_exiting) {
        ngx_add_timer(ev, NGX_HTTP_ONSITE_TICK);
    }
}


/* Cancelable: a worker that is told to leave does not wait for us. */

static void
start_timer(ngx_cycle_t *cycle)
{
    ngx_http_onsite_timer_connection.fd = (ngx_socket_t) -1;

    ngx_http_onsite_timer.handler = tick;
    ngx_http_onsite_timer.log = cycle->log;
    ngx_http_onsite_timer.data = &ngx_http_onsite_timer_connection;
    ngx_http_onsite_timer.cancelable = 1;

    ngx_add_timer(&ngx_http_onsite_timer, NGX_HTTP_ONSITE_TICK);
}


ngx_int_t
ngx_http_onsite_worker_init(ngx_cycle_t *cycle,
    ngx_http_onsite_main_conf_t *mcf)
{
    ngx_http_onsite_worker_conf = mcf;

    if (make_scratch() != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "onsite: no memory");
        ngx_http_onsite_worker_exit();
        return NGX_OK;
    }

    open_store(cycle, mcf);
    make_signer(cycle, mcf);
    ngx_http_onsite_interest_init(cycle);
    ngx_http_onsite_segments_init(cycle);
    ngx_http_onsite_snapshot_load(mcf, cycle->log);
    start_timer(cycle);
    ngx_http_onsite_timer_start(cycle);

    return NGX_OK;
}


void
ngx_http_onsite_worker_exit(void)
{
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    ngx_http_onsite_timer_stop();
    ngx_http_onsite_snapshot_free();

    if (w->store != NULL) {
        onsite_store_close(w->store);
    }

    if (w->signer != NULL) {
        onsite_signer_destroy(w->signer);
    }

    if (w->engine != NULL) {
        onsite_engine_destroy(w->engine);
    }

    if (w->json != NULL) {
        onsite_json_destroy(w->json);
    }

    if (w->arena != NULL) {
        onsite_arena_destroy(w->arena);
    }

    free(w->visitor);
    free(w->other);
    free(w->decision);
    free(w->record);
    onsite_buf_free(&w->text);
    onsite_buf_free(&w->explain);
    onsite_buf_free(&w->outbox);

    ngx_memzero(w, sizeof(ngx_http_onsite_worker_t));
}
