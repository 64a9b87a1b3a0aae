/*
 * ngx_http_onsite_snapshot.c - the live campaigns, and their successors.
 *
 * A snapshot is used within one call only, so a new one takes the place of the
 * old between two events.  Opening one means reading and verifying all of it,
 * and letting one go means unmapping it: milliseconds for 10,000 campaigns.
 * A thread does both, one at a time; it shares nothing with the requests but
 * the job below, which is its own until it says done.
 */

#include "ngx_http_onsite.h"

#include <pthread.h>
#include <stdatomic.h>


typedef struct {
    onsite_snapshot_t            *snapshot;     /* NULL: none                */
    ngx_http_onsite_campaigns_t  *sites;
    ngx_uint_t                    n_sites;
} live_t;


typedef struct {
    const char      *path;          /* to open; NULL: nothing                */
    live_t           opened;
    live_t           old;           /* to let go of                          */
    onsite_error_t   error;         /* of the opening; text "": none         */
    atomic_bool      done;
    pthread_t        thread;
    unsigned         running:1;
} job_t;


typedef struct {
    dev_t            device;
    ino_t            inode;
    off_t            size;
    struct timespec  modified;
} file_t;


static job_t   job;
static file_t  seen;


static void
free_sites(ngx_http_onsite_campaigns_t *sites, ngx_uint_t n)
{
    while (n-- > 0) {
        onsite_site_free(&sites[n].site);
    }

    free(sites);
}


static void
let_go(live_t *live)
{
    if (live->snapshot != NULL) {
        free_sites(live->sites, live->n_sites);
        onsite_snapshot_close(live->snapshot);
        live->snapshot = NULL;
    }
}


static ngx_int_t
make_sites(live_t *live)
{
    uint64_t                      total;
    onsite_image_t                image;
    ngx_http_onsite_campaigns_t  *site;

    total = onsite_snapshot_info(live->snapshot)->sites;
    live->n_sites = 0;
    live->sites = calloc(total + 1, sizeof(ngx_http_onsite_campaigns_t));

    if (live->sites == NULL) {
        return NGX_ERROR;
    }

    for (site = live->sites; live->n_sites < total; site++) {
        if (onsite_snapshot_site(live->snapshot, live->n_sites, &site->name,
                                 &image)
            != ONSITE_OK
            || onsite_site_init(&site->site, image) != ONSITE_OK)
        {
            return NGX_ERROR;
        }

        live->n_sites++;
    }

    return NGX_OK;
}


static void
open_snapshot(void)
{
    job.error.text[0] = '\0';

    if (onsite_snapshot_open(job.path, &job.opened.snapshot, &job.error)
        != ONSITE_OK)
    {
        job.opened.snapshot = NULL;
        return;
    }

    if (make_sites(&job.opened) != NGX_OK) {
        let_go(&job.opened);
        (void) onsite_error(&job.error, ONSITE_NO_MEMORY,
                            "no memory for snapshot %s", job.path);
    }
}


static void *
run(void *unused)
{
    (void) unused;

    let_go(&job.old);

    if (job.path != NULL) {
        open_snapshot();
    }

    atomic_store(&job.done, true);

    return NULL;
}


/* Signals are for the event loop.  Without a thread it is done here. */

static void
start(void)
{
    int       rc;
    sigset_t  all, before;

    atomic_store(&job.done, false);

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &before);

    rc = pthread_create(&job.thread, NULL, run, NULL);

    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);

    job.running = rc == 0;

    if (rc != 0) {
        (void) run(NULL);
    }
}


static void
wait_for_thread(void)
{
    if (job.running) {
        (void) pthread_join(job.thread, NULL);
        job.running = 0;
    }
}


/* What was opened goes live; what was live is in job.old then. */

static void
take(ngx_log_t *log)
{
    ngx_http_onsite_worker_t  *w;

    if (job.path == NULL) {
        return;
    }

    job.path = NULL;

    if (job.opened.snapshot == NULL) {
        ngx_http_onsite_count(reload_errors);
        ngx_log_error(NGX_LOG_ERR, log, 0, "onsite: %s", job.error.text);
        return;
    }

    w = &ngx_http_onsite_worker;

    job.old.snapshot = w->snapshot;
    job.old.sites = w->sites;
    job.old.n_sites = w->n_sites;

    w->snapshot = job.opened.snapshot;
    w->sites = job.opened.sites;
    w->n_sites = job.opened.n_sites;

    job.opened.snapshot = NULL;

    ngx_http_onsite_count(reloads);

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "onsite: snapshot version %uL, %uL campaigns",
                  onsite_snapshot_info(w->snapshot)->version,
                  onsite_snapshot_info(w->snapshot)->campaigns);
}


/*
 * A replaced file has another inode or time.  A bad one is looked at, and
 * logged, once; the last good snapshot stays.  A file that is gone changes
 * nothing.
 */

static ngx_uint_t
replaced(ngx_str_t *path)
{
    struct stat  st;

    if (path->len == 0 || stat((const char *) path->data, &st) == -1) {
        return 0;
    }

    if (seen.device == st.st_dev && seen.inode == st.st_ino
        && seen.size == st.st_size
        && seen.modified.tv_sec == st.st_mtim.tv_sec
        && seen.modified.tv_nsec == st.st_mtim.tv_nsec)
    {
        return 0;
    }

    seen.device = st.st_dev;
    seen.inode = st.st_ino;
    seen.size = st.st_size;
    seen.modified = st.st_mtim;

    return 1;
}


void
ngx_http_onsite_snapshot_load(ngx_str_t *path, ngx_log_t *log)
{
    ngx_memzero(&seen, sizeof(file_t));

    if (replaced(path)) {
        job.path = (const char *) path->data;
        open_snapshot();
        take(log);

    } else if (path->len != 0) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "onsite: no snapshot \"%V\" yet: nothing is shown until "
                      "\"lmdb-loader build\" or \"sync\" puts one there",
                      path);
    }
}


void
ngx_http_onsite_snapshot_check(ngx_str_t *path, ngx_log_t *log)
{
    if (job.running) {
        if (!atomic_load(&job.done)) {
            return;
        }

        wait_for_thread();
        take(log);
    }

    if (replaced(path)) {
        job.path = (const char *) path->data;
    }

    if (job.path != NULL || job.old.snapshot != NULL) {
        start();

        if (!job.running) {
            take(log);
        }
    }
}


void
ngx_http_onsite_snapshot_free(void)
{
    live_t                     live;
    ngx_http_onsite_worker_t  *w;

    wait_for_thread();

    w = &ngx_http_onsite_worker;

    live.snapshot = w->snapshot;
    live.sites = w->sites;
    live.n_sites = w->n_sites;

    let_go(&live);
    let_go(&job.old);
    let_go(&job.opened);

    job.path = NULL;
    w->snapshot = NULL;
    w->sites = NULL;
    w->n_sites = 0;
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
