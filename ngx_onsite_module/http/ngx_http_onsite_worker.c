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


static void
open_store(ngx_cycle_t *cycle, ngx_http_onsite_main_conf_t *mcf)
{
    onsite_error_t          error;
    onsite_store_options_t  options;

    if (mcf->state.len == 0) {
        return;
    }

    ngx_http_onsite_store_options(mcf, cycle, &options);

    if (onsite_store_open(&options, clock_ms(), &ngx_http_onsite_worker.store,
                          &error)
        != ONSITE_OK)
    {
        ngx_http_onsite_worker.store = NULL;
        ngx_http_onsite_count(store_errors);
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "onsite: %s; until that is mended and nginx reloaded "
                      "pages are served as they are", error.text);
    }
}


/* The secret of onsite_key_file, else the one that the state keeps. */

static void
make_signer(ngx_cycle_t *cycle, ngx_http_onsite_main_conf_t *mcf)
{
    size_t    len;
    uint8_t   made[ONSITE_SECRET_MIN], kept[ONSITE_SECRET_MIN];

    if (mcf->key.len != 0) {
        ngx_http_onsite_worker.signer = onsite_signer_create(mcf->key.data,
                                                             mcf->key.len);

    } else if (ngx_http_onsite_worker.store != NULL
               && RAND_bytes(made, sizeof(made)) == 1
               && onsite_store_meta_set_once(ngx_http_onsite_worker.store,
                                             "secret", made, sizeof(made),
                                             kept, sizeof(kept), &len)
                  == ONSITE_OK
               && len == sizeof(kept))
    {
        ngx_http_onsite_worker.signer = onsite_signer_create(kept, len);

    } else {
        return;
    }

    if (ngx_http_onsite_worker.signer == NULL) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "onsite: no memory for the secret");
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
    ngx_http_onsite_worker.roams = mcf->roaming != 0
                                   && ngx_http_onsite_worker.store != NULL;
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
