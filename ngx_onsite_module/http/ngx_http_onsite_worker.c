/*
 * ngx_http_onsite_worker.c - what one process keeps: store, snapshot, engine
 * and a timer.
 *
 * The state is opened after the fork, and only in processes that serve
 * requests.  A snapshot is only used within one call, so the old one is let go
 * as soon as the new one is in its place.
 */

#include "ngx_http_onsite.h"

#include <openssl/rand.h>


#define NGX_HTTP_ONSITE_TICK           250      /* ms: snapshot check        */
#define NGX_HTTP_ONSITE_REAP_TICKS     4
#define NGX_HTTP_ONSITE_REAP_BUDGET    512      /* records looked at         */
#define NGX_HTTP_ONSITE_READER_TICKS   240

#define NGX_HTTP_ONSITE_ARENA_CHUNK    (1024 * 1024)
#define NGX_HTTP_ONSITE_ARENA_MAX      (64 * 1024 * 1024)

#define NGX_HTTP_ONSITE_GENERATIONS    8        /* of workers, at reloads    */


typedef struct {
    dev_t            device;
    ino_t            inode;
    off_t            size;
    struct timespec  modified;
} ngx_http_onsite_file_t;


static void tick(ngx_event_t *ev);


ngx_http_onsite_worker_t  ngx_http_onsite_worker;

static ngx_http_onsite_main_conf_t  *ngx_http_onsite_worker_conf;
static ngx_http_onsite_file_t        ngx_http_onsite_snapshot_file;
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
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "onsite: %s", error.text);
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

    if (w->engine == NULL || w->json == NULL || w->arena == NULL
        || w->visitor == NULL || w->other == NULL || w->decision == NULL
        || w->record == NULL)
    {
        return NGX_ERROR;
    }

    return RAND_bytes((u_char *) &w->random, sizeof(w->random)) == 1
           ? NGX_OK : NGX_ERROR;
}


static void
free_sites(ngx_http_onsite_campaigns_t *sites, ngx_uint_t n)
{
    while (n-- > 0) {
        onsite_site_free(&sites[n].site);
    }

    free(sites);
}


static ngx_http_onsite_campaigns_t *
make_sites(onsite_snapshot_t *snapshot, ngx_uint_t *n)
{
    uint64_t                      total;
    onsite_image_t                image;
    ngx_http_onsite_campaigns_t  *sites;

    total = onsite_snapshot_info(snapshot)->sites;
    sites = calloc(total + 1, sizeof(ngx_http_onsite_campaigns_t));
    if (sites == NULL) {
        return NULL;
    }

    for (*n = 0; *n < total; (*n)++) {
        if (onsite_snapshot_site(snapshot, *n, &sites[*n].name, &image)
            != ONSITE_OK
            || onsite_site_init(&sites[*n].site, image) != ONSITE_OK)
        {
            free_sites(sites, *n);
            return NULL;
        }
    }

    return sites;
}


static void
take_snapshot(onsite_snapshot_t *snapshot, ngx_http_onsite_campaigns_t *sites,
    ngx_uint_t n)
{
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    if (w->snapshot != NULL) {
        free_sites(w->sites, w->n_sites);
        onsite_snapshot_close(w->snapshot);
    }

    w->snapshot = snapshot;
    w->sites = sites;
    w->n_sites = n;
}


static void
load_snapshot(ngx_log_t *log)
{
    ngx_uint_t                    n;
    const char                   *path;
    onsite_error_t                error;
    onsite_snapshot_t            *snapshot;
    ngx_http_onsite_campaigns_t  *sites;

    path = (const char *) ngx_http_onsite_worker_conf->snapshot.data;

    if (onsite_snapshot_open(path, &snapshot, &error) != ONSITE_OK) {
        ngx_http_onsite_count(reload_errors);
        ngx_log_error(NGX_LOG_ERR, log, 0, "onsite: %s", error.text);
        return;
    }

    sites = make_sites(snapshot, &n);
    if (sites == NULL) {
        onsite_snapshot_close(snapshot);
        ngx_http_onsite_count(reload_errors);
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "onsite: no memory for a new snapshot");
        return;
    }

    take_snapshot(snapshot, sites, n);
    ngx_http_onsite_count(reloads);

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "onsite: snapshot version %uL, %uL campaigns",
                  onsite_snapshot_info(snapshot)->version,
                  onsite_snapshot_info(snapshot)->campaigns);
}


/*
 * A replaced file has another inode or time.  A bad one is looked at, and
 * logged, once; the last good snapshot stays.  A file that is gone changes
 * nothing.
 */

static void
check_snapshot(ngx_log_t *log)
{
    struct stat              st;
    ngx_http_onsite_file_t  *file;

    if (ngx_http_onsite_worker_conf->snapshot.len == 0
        || stat((const char *) ngx_http_onsite_worker_conf->snapshot.data, &st)
           == -1)
    {
        return;
    }

    file = &ngx_http_onsite_snapshot_file;

    if (file->device == st.st_dev && file->inode == st.st_ino
        && file->size == st.st_size
        && file->modified.tv_sec == st.st_mtim.tv_sec
        && file->modified.tv_nsec == st.st_mtim.tv_nsec)
    {
        return;
    }

    file->device = st.st_dev;
    file->inode = st.st_ino;
    file->size = st.st_size;
    file->modified = st.st_mtim;

    load_snapshot(log);
}


/* One shard a turn, by one worker: the others would only wait for it. */

static void
reap(void)
{
    unsigned          reaped;
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

    ngx_http_onsite_reap_shard = (ngx_http_onsite_reap_shard + 1)
                                 % onsite_store_shards(store);
}


static void
tick(ngx_event_t *ev)
{
    check_snapshot(ev->log);

    ngx_http_onsite_ticks++;

    if (ngx_http_onsite_worker.store != NULL && ngx_worker == 0) {

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
    check_snapshot(cycle->log);
    start_timer(cycle);

    return NGX_OK;
}


void
ngx_http_onsite_worker_exit(void)
{
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    take_snapshot(NULL, NULL, 0);

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

    ngx_memzero(w, sizeof(ngx_http_onsite_worker_t));
}


static int
compare(onsite_str_t a, onsite_str_t b)
{
    int  rc;

    rc = memcmp(a.data, b.data, ngx_min(a.len, b.len));

    return rc != 0 ? rc : (a.len > b.len) - (a.len < b.len);
}


onsite_site_t *
ngx_http_onsite_site(onsite_str_t name)
{
    int                        rc;
    ngx_uint_t                 low, high, middle;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    low = 0;
    high = w->n_sites;

    while (low < high) {
        middle = low + (high - low) / 2;
        rc = compare(name, w->sites[middle].name);

        if (rc == 0) {
            return &w->sites[middle].site;
        }

        if (rc < 0) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return NULL;
}
