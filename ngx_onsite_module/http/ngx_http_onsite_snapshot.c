/*
 * ngx_http_onsite_snapshot.c - the live campaigns, and their successors.
 *
 * A snapshot is used within one call, so a new one takes the place of the old
 * between two events; what a response still sends of the old keeps that mapped
 * (a pin) until the request ends.  Opening one means reading and verifying all
 * of it, and letting one go means unmapping it: milliseconds for 10,000
 * campaigns.
 * A thread does both, one at a time; it shares nothing with the requests but
 * the job below, which is its own until it says done.
 *
 * Where there is a state, what is mapped is a copy in its folder, which all
 * workers share: a file that is overwritten in place, or cut, under a mapping
 * would take its process with it.  Deliveries are judged by it, so one that is
 * removed is put there again, from the mapping.
 */

#include "ngx_http_onsite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>


/* Old snapshots that requests may hold at a time; above it they copy. */
#define HELD_MAX  4

/* Looks without a copy: then it is put there, and if it cannot be, after so
 * many more. */
#define GONE        2
#define GONE_AGAIN  120


typedef struct live_s  live_t;

typedef struct {
    dev_t            device;
    ino_t            inode;
    off_t            size;
    struct timespec  modified;
} file_t;

struct live_s {
    onsite_snapshot_t            *snapshot;
    file_t                        file;         /* that it was taken from    */
    dev_t                         copy_device;  /* of the copy that is       */
    ino_t                         copy_inode;   /* mapped; 0: none           */
    ngx_http_onsite_campaigns_t  *sites;
    ngx_uint_t                    n_sites;
    ngx_uint_t                    pins;         /* of requests; the event
                                                   loop's alone              */
    live_t                       *next;
};


typedef struct {
    const char      *path;          /* to open; NULL: nothing                */
    const char      *folder;        /* of copies; NULL: none                 */
    file_t           file;          /* what path is                          */
    live_t          *lost;          /* its copy is to be put there again;
                                       NULL: path is to be opened            */
    live_t          *opened;        /* NULL: nothing                         */
    live_t          *old;           /* to let go of: a list                  */
    onsite_error_t   error;         /* of the opening; text "": none         */
    atomic_bool      done;
    pthread_t        thread;
    unsigned         running:1;
} job_t;


static job_t        job;
static file_t       seen;
static live_t      *current;        /* as the worker has it; NULL: none      */
static live_t      *unused;         /* replaced, and pinned by nobody        */
static ngx_uint_t   held;           /* replaced, and pinned                  */
static ngx_uint_t   gone;           /* looks that found no copy              */


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
    free_sites(live->sites, live->n_sites);
    onsite_snapshot_close(live->snapshot);
    free(live);
}


static void
let_all_go(live_t **list)
{
    live_t  *live;

    while (*list != NULL) {
        live = *list;
        *list = live->next;
        let_go(live);
    }
}


static ngx_int_t
make_sites(live_t *live)
{
    uint64_t                      total;
    onsite_image_t                image;
    ngx_http_onsite_campaigns_t  *site;

    total = onsite_snapshot_info(live->snapshot)->sites;
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

        site->hash = onsite_site_hash(site->name);

        if (onsite_snapshot_tables(live->snapshot, site->name,
                                   &site->tables))
        {
            site->site.tables = &site->tables.tables;
        }

        live->n_sites++;
    }

    return NGX_OK;
}


/* The one that is mapped is there, or one of another snapshot. */

static ngx_uint_t
has_copy(const char *folder, const live_t *live)
{
    char         copy[NGX_MAX_PATH];
    struct stat  st;

    ngx_http_onsite_copy_name(copy, folder, live->file.inode,
                              &live->file.modified);

    if (stat(copy, &st) == 0) {
        return st.st_dev == live->copy_device
               && st.st_ino == live->copy_inode;
    }

    return ngx_http_onsite_copy_others(folder, copy);
}


static onsite_status_t
make_copy(const char *copy, onsite_snapshot_t **snapshot)
{
    if (job.lost == NULL) {
        return onsite_snapshot_copy(job.path, copy, snapshot, &job.error);
    }

    /* another worker has put a later one there */

    if (ngx_http_onsite_copy_others(job.folder, copy)) {
        return ONSITE_NOT_FOUND;
    }

    return onsite_snapshot_save(job.lost->snapshot, copy, snapshot,
                                &job.error);
}


/* The copy that another worker made of this file, or one made now. */

static onsite_status_t
open_copy(live_t *live)
{
    int              lock;
    char             copy[NGX_MAX_PATH], path[NGX_MAX_PATH];
    struct stat      st;
    onsite_error_t   none;
    onsite_status_t  status;

    (void) snprintf(path, sizeof(path), "%s/snapshot.lock", job.folder);
    ngx_http_onsite_copy_name(copy, job.folder, job.file.inode,
                              &job.file.modified);

    lock = open(path, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (lock == -1 || flock(lock, LOCK_EX) == -1) {
        status = onsite_error(&job.error, ONSITE_IO, "%s: cannot be locked: "
                              "%s", path, strerror(ngx_errno));

    } else {
        status = onsite_snapshot_open(copy, &live->snapshot, &none);

        if (status != ONSITE_OK) {
            status = make_copy(copy, &live->snapshot);
        }

        if (status == ONSITE_OK) {
            ngx_http_onsite_copy_alone(job.folder, copy);
        }

        if (status == ONSITE_OK && stat(copy, &st) == 0) {
            live->copy_device = st.st_dev;
            live->copy_inode = st.st_ino;
        }
    }

    if (lock != -1) {
        (void) close(lock);
    }

    return status;
}


static onsite_status_t
open_file(live_t *live)
{
    onsite_status_t  status;

    status = job.folder != NULL ? open_copy(live) : ONSITE_IO;

    /* no folder, or no room in it: better mapped where it is than not live */

    if (status == ONSITE_IO && job.lost == NULL) {
        status = onsite_snapshot_open(job.path, &live->snapshot,
                                      &job.error);
    }

    return status;
}


static void
open_snapshot(void)
{
    live_t  *live;

    job.opened = NULL;
    job.error.text[0] = '\0';
    live = calloc(1, sizeof(live_t));

    if (live != NULL && open_file(live) != ONSITE_OK) {
        free(live);
        return;
    }

    if (live == NULL || make_sites(live) != NGX_OK) {
        if (live != NULL) {
            let_go(live);
        }

        (void) onsite_error(&job.error, ONSITE_NO_MEMORY,
                            "no memory for snapshot %s", job.path);
        return;
    }

    live->file = job.file;
    job.opened = live;
}


static void *
run(void *data)
{
    (void) data;

    let_all_go(&job.old);

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


/* The worker sees what is current, which may be nothing. */

static void
show_current(void)
{
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    w->snapshot = current == NULL ? NULL : current->snapshot;
    w->sites = current == NULL ? NULL : current->sites;
    w->n_sites = current == NULL ? 0 : current->n_sites;
}


static void
retire(live_t *live)
{
    if (live->pins != 0) {
        held++;
        return;
    }

    live->next = unused;
    unused = live;
}


static void
go_live(void)
{
    live_t  *old;

    old = current;
    current = job.opened;
    job.opened = NULL;
    show_current();

    if (old != NULL) {
        retire(old);
    }
}


/* The copy is mapped, too: all share one, and the old file's room is free. */

static void
take_again(ngx_log_t *log)
{
    if (job.opened != NULL) {
        go_live();
        gone = 0;
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "onsite: the copy of snapshot version %uL in %s was "
                      "missing, and is there now",
                      onsite_snapshot_info(current->snapshot)->version,
                      job.folder);

    } else if (gone == GONE && job.error.text[0] != '\0') {
        ngx_http_onsite_count(store_errors);
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "onsite: there is no copy of the live snapshot in %s, "
                      "and none can be put there: %s; that is tried once a "
                      "minute, and deliveries wait for it",
                      job.folder, job.error.text);
    }
}


/* What was opened goes live. */

static void
take(ngx_log_t *log)
{
    if (job.path == NULL) {
        return;
    }

    job.path = NULL;

    if (job.lost != NULL) {
        job.lost = NULL;
        take_again(log);
        return;
    }

    if (job.opened == NULL) {
        ngx_http_onsite_count(reload_errors);
        ngx_log_error(NGX_LOG_ERR, log, 0, "onsite: %s", job.error.text);
        return;
    }

    go_live();
    ngx_http_onsite_count(reloads);

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "onsite: snapshot version %uL, %uL campaigns",
                  onsite_snapshot_info(current->snapshot)->version,
                  onsite_snapshot_info(current->snapshot)->campaigns);
}


/* The request ends.  The thread lets go of it, at the next tick. */

static void
unpin(void *data)
{
    live_t  *live;

    live = data;
    live->pins--;

    if (live->pins == 0 && live != current) {
        held--;
        retire(live);
    }
}


ngx_int_t
ngx_http_onsite_snapshot_pin(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    if (current == NULL || held >= HELD_MAX) {
        return NGX_DECLINED;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_DECLINED;
    }

    cln->handler = unpin;
    cln->data = current;
    current->pins++;

    return NGX_OK;
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


static void
prepare(ngx_http_onsite_main_conf_t *mcf)
{
    job.path = (const char *) mcf->snapshot.data;
    job.folder = ngx_http_onsite_worker.store != NULL
                 ? (const char *) mcf->state.data : NULL;
    job.file = seen;
}


void
ngx_http_onsite_snapshot_load(ngx_http_onsite_main_conf_t *mcf,
    ngx_log_t *log)
{
    ngx_memzero(&seen, sizeof(file_t));

    if (replaced(&mcf->snapshot)) {
        prepare(mcf);
        open_snapshot();
        take(log);

    } else if (mcf->snapshot.len != 0) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "onsite: no snapshot \"%V\" yet: nothing is shown until "
                      "\"lmdb-loader build\" or \"sync\" puts one there",
                      &mcf->snapshot);
    }
}


static void
begin(ngx_log_t *log)
{
    job.old = unused;
    unused = NULL;
    start();

    if (!job.running) {
        take(log);
    }
}


void
ngx_http_onsite_snapshot_check(ngx_http_onsite_main_conf_t *mcf,
    ngx_log_t *log)
{
    if (job.running) {
        if (!atomic_load(&job.done)) {
            return;
        }

        wait_for_thread();
        take(log);
    }

    if (replaced(&mcf->snapshot)) {
        prepare(mcf);
    }

    if (job.path != NULL || unused != NULL) {
        begin(log);
    }
}


/* Of a state that is the one in use.  At the second look, so that who removes
 * files has come to an end. */

void
ngx_http_onsite_snapshot_keep(ngx_http_onsite_main_conf_t *mcf,
    ngx_log_t *log)
{
    if (job.running || current == NULL) {
        return;
    }

    if (has_copy((const char *) mcf->state.data, current)) {
        gone = 0;
        return;
    }

    if (++gone % GONE_AGAIN == GONE) {
        prepare(mcf);
        job.file = current->file;
        job.lost = current;
        begin(log);
    }
}


void
ngx_http_onsite_snapshot_free(void)
{
    wait_for_thread();

    if (job.opened != NULL) {
        let_go(job.opened);
        job.opened = NULL;
    }

    if (current != NULL) {
        retire(current);
        current = NULL;
    }

    /* what requests still point into goes with the process */

    let_all_go(&job.old);
    let_all_go(&unused);

    job.path = NULL;
    job.lost = NULL;
    show_current();
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
        rc = onsite_str_compare(name, w->sites[middle].name);

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
