/*
 * ngx_http_onsite_timer.c - fires the timers of visitors.
 *
 * One worker does it: who holds the lease in shared memory, a process id and
 * the time of its last tick on a clock that is never set back.  Another takes
 * it when that time is over a second old or the process is gone, so two may
 * overlap for a moment; that each timer fires exactly once does not rest on
 * the lease, but on the transaction: the entry is taken away, what fired is in
 * the outbox and the record is stored, or none of it.
 *
 * A slice is bounded by time, a transaction in it by how much it changes, and
 * between slices the worker serves its requests.  Where timers fire, it looks
 * more often, so that there is less to do at once.
 *
 * An entry whose visitor is gone (evicted, expired, erased), has become a link
 * to another, or does not decode, is dropped.  While there is no snapshot
 * nothing fires: what is due waits for it.  A site that is not in the snapshot
 * may come back with the next one: its entries are put off by an hour, for as
 * long as their visitors are remembered.
 */

#include "ngx_http_onsite.h"


#define NGX_HTTP_ONSITE_TIMER_TICK      100         /* ms                   */
#define NGX_HTTP_ONSITE_TIMER_BUSY      10          /* ms, when some fired  */
#define NGX_HTTP_ONSITE_TIMER_PAUSE     1           /* ms, while more is due*/
#define NGX_HTTP_ONSITE_TIMER_SLICE     1000000     /* ns                   */
#define NGX_HTTP_ONSITE_TIMER_LEASE     1000        /* ms                   */
#define NGX_HTTP_ONSITE_TIMER_WAKES     16          /* of one visitor       */

#define NGX_HTTP_ONSITE_TIMER_SESSION   (30 * ONSITE_MINUTE)


typedef struct {
    ngx_log_t                *log;
    onsite_ms_t               now;
    uint64_t                  end;          /* of the slice                 */
    onsite_txn_t             *txn;
    ngx_uint_t                n;            /* entries taken                */
    onsite_error_t            error;
} slice_t;


static void tick(ngx_event_t *ev);


static ngx_event_t       ngx_http_onsite_timer_event;
static ngx_connection_t  ngx_http_onsite_timer_dummy;
static uint32_t          ngx_http_onsite_timer_shard;


static uint64_t
monotonic(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}


static ngx_uint_t
is_alive(ngx_pid_t pid)
{
    return kill(pid, 0) == 0 || ngx_errno != ESRCH;
}


static ngx_uint_t
hold_lease(void)
{
    ngx_atomic_uint_t            now, owner;
    ngx_http_onsite_counters_t  *c;

    c = ngx_http_onsite_counters;
    now = (ngx_atomic_uint_t) (monotonic() / 1000000);
    owner = c->timer_owner;

    if (owner != (ngx_atomic_uint_t) ngx_pid) {

        if (owner != 0 && now - c->timer_beat < NGX_HTTP_ONSITE_TIMER_LEASE
            && is_alive((ngx_pid_t) owner))
        {
            return 0;
        }

        if (!ngx_atomic_cmp_set(&c->timer_owner, owner,
                                (ngx_atomic_uint_t) ngx_pid))
        {
            return 0;
        }
    }

    c->timer_beat = now;

    return 1;
}


static void
let_go(void)
{
    (void) ngx_atomic_cmp_set(&ngx_http_onsite_counters->timer_owner,
                              (ngx_atomic_uint_t) ngx_pid, 0);
}


/* A key ends in a hash of its site. */

static onsite_site_t *
site_of(const onsite_key_t *key)
{
    uint32_t                   hash;
    ngx_uint_t                 i;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    hash = onsite_key_site(key);

    for (i = 0; i < w->n_sites; i++) {
        if (w->sites[i].hash == hash) {
            return &w->sites[i].site;
        }
    }

    return NULL;
}


static void
count_fired(const onsite_decision_t *decision)
{
    size_t  i;

    ngx_http_onsite_count(timers_fired);
    ngx_http_onsite_count(decisions);

    for (i = 0; i < decision->n; i++) {
        if (!decision->choices[i].pending && !decision->choices[i].armed) {
            ngx_http_onsite_count(shown);
        }
    }
}


/* What is due fires; when the visitor is to wake next. */

static onsite_ms_t
wake(slice_t *slice, ngx_http_onsite_settle_t *settle, onsite_site_t *site)
{
    onsite_ms_t                due;
    ngx_uint_t                 i;
    onsite_apply_t            *a;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    a = settle->apply;

    for (i = 0; i < NGX_HTTP_ONSITE_TIMER_WAKES; i++) {
        if (!onsite_wake(w->engine, a, w->decision)) {
            break;
        }

        count_fired(w->decision);
    }

    due = onsite_due(site, a->visitor);

    /* so much at once is for another turn */

    return due != 0 && due <= slice->now ? slice->now + 1 : due;
}


static onsite_ms_t
wake_at_site(slice_t *slice, ngx_http_onsite_settle_t *settle,
    onsite_site_t *site)
{
    char                       id[2 * sizeof(onsite_key_t)];
    onsite_facts_t             facts;
    onsite_apply_t            *a;
    ngx_http_onsite_worker_t  *w;

    if (site == NULL) {
        return slice->now + ONSITE_HOUR;
    }

    w = &ngx_http_onsite_worker;
    a = settle->apply;

    ngx_memzero(&facts, sizeof(onsite_facts_t));
    (void) ngx_hex_dump((u_char *) id, settle->key.bytes,
                        sizeof(settle->key.bytes));

    a->site = site;
    a->facts = &facts;
    a->key = &settle->key;
    a->now = slice->now;
    a->session_timeout = NGX_HTTP_ONSITE_TIMER_SESSION;
    a->arena = w->arena;
    a->decide.visitor_id = onsite_str(id, sizeof(id));

    return wake(slice, settle, site);
}


/* The entry at due is the one that the record names, or was left behind. */

static ngx_int_t
wake_visitor(slice_t *slice, const onsite_key_t *key, onsite_ms_t due)
{
    size_t                     size;
    onsite_ms_t                next;
    onsite_apply_t             a;
    ngx_http_onsite_worker_t  *w;
    ngx_http_onsite_settle_t   settle;

    w = &ngx_http_onsite_worker;

    ngx_memzero(&a, sizeof(onsite_apply_t));
    a.visitor = w->visitor;
    ngx_http_onsite_settle_begin(&settle, slice->txn, key, &a);

    next = wake_at_site(slice, &settle, site_of(key));

    if (w->visitor->wake != due
        && onsite_txn_timer_move(slice->txn, key, due, 0) != ONSITE_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_onsite_wake_at(slice->txn, key, w->visitor, next);

    size = onsite_visitor_encode(w->visitor, w->record,
                                 ONSITE_RECORD_BYTES_MAX);

    /* what does not fit cannot be: it must not keep all others waiting */

    if (size == 0) {
        ngx_http_onsite_count(corrupt);
        return NGX_OK;
    }

    if (onsite_txn_put(slice->txn, key, onsite_str(w->record, size),
                       slice->now)
        != ONSITE_OK)
    {
        return NGX_ERROR;
    }

    if (!w->visitor->session_only) {
        ngx_http_onsite_roam(slice->txn, ONSITE_ROAM_CHANGED, key, slice->now);
    }

    return NGX_OK;
}


/* NGX_DECLINED: there is no visitor to wake. */

static ngx_int_t
load_visitor(slice_t *slice, const onsite_key_t *key)
{
    onsite_key_t               link;
    onsite_str_t               record;
    onsite_status_t            status;
    onsite_record_kind_t       kind;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    status = onsite_txn_get(slice->txn, key, slice->now, &record);

    if (status == ONSITE_NOT_FOUND) {
        return NGX_DECLINED;
    }

    if (status != ONSITE_OK) {
        return NGX_ERROR;
    }

    onsite_arena_reset(w->arena);
    status = onsite_visitor_decode(w->arena, record.data, record.len, &kind,
                                   w->visitor, &link);

    if (status == ONSITE_NO_MEMORY) {
        return NGX_ERROR;
    }

    if (status != ONSITE_OK) {
        ngx_http_onsite_count(corrupt);
        return NGX_DECLINED;
    }

    return kind == ONSITE_RECORD_VISITOR ? NGX_OK : NGX_DECLINED;
}


/* NGX_DONE: nothing more is due. */

static ngx_int_t
fire_next(slice_t *slice)
{
    ngx_int_t        rc;
    onsite_ms_t      due;
    onsite_key_t     key;
    onsite_status_t  status;

    due = 0;
    ngx_memzero(&key, sizeof(onsite_key_t));

    status = onsite_txn_timer_next(slice->txn, slice->now, &due, &key);

    if (status == ONSITE_NOT_FOUND) {
        return NGX_DONE;
    }

    if (status != ONSITE_OK) {
        return NGX_ERROR;
    }

    rc = load_visitor(slice, &key);

    if (rc == NGX_OK) {
        return wake_visitor(slice, &key, due);
    }

    if (rc == NGX_DECLINED
        && onsite_txn_timer_move(slice->txn, &key, due, 0) == ONSITE_OK)
    {
        return NGX_OK;
    }

    return NGX_ERROR;
}


static ngx_int_t
fire_until_end(slice_t *slice)
{
    ngx_int_t  rc;

    do {
        if (onsite_txn_renew(slice->txn, &slice->error) != ONSITE_OK) {
            return NGX_ERROR;
        }

        rc = fire_next(slice);
        slice->n++;

    } while (rc == NGX_OK && monotonic() < slice->end);

    return rc;
}


/* NGX_DONE: the shard has nothing more that is due; NGX_OK: it may have. */

static ngx_int_t
fire_shard(slice_t *slice, uint32_t shard)
{
    ngx_int_t        rc;
    onsite_ms_t      due;
    onsite_store_t  *store;

    store = ngx_http_onsite_worker.store;

    if (onsite_store_timer_first(store, shard, &due) != ONSITE_OK
        || due > slice->now)
    {
        return NGX_DONE;
    }

    if (onsite_txn_begin(store, shard, &slice->txn, &slice->error)
        != ONSITE_OK)
    {
        return NGX_ERROR;
    }

    rc = fire_until_end(slice);

    if (rc == NGX_ERROR) {
        onsite_txn_abort(slice->txn);
        return NGX_ERROR;
    }

    return onsite_txn_commit(slice->txn, &slice->error) == ONSITE_OK ? rc
           : NGX_ERROR;
}


static void
complain(slice_t *slice)
{
    ngx_http_onsite_count(store_errors);

    if (slice->error.text[0] == '\0') {
        (void) onsite_error(&slice->error, ONSITE_IO, "state: cannot fire a "
                            "visitor's timer: it is tried again");
    }

    ngx_http_onsite_log(slice->log, NGX_HTTP_ONSITE_LOG_STORE, NGX_LOG_ERR,
                        slice->error.text);
}


/* The shards take turns, so that one with much to do does not keep the others
 * waiting.  When to look again. */

static ngx_msec_t
fire(ngx_log_t *log)
{
    slice_t      slice;
    uint32_t     i, n, shard;
    ngx_int_t    rc;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    n = onsite_store_shards(ngx_http_onsite_worker.store);

    slice.log = log;
    slice.now = (onsite_ms_t) tp->sec * 1000 + tp->msec;
    slice.end = monotonic() + NGX_HTTP_ONSITE_TIMER_SLICE;
    slice.n = 0;
    slice.error.text[0] = '\0';

    for (i = 0; i < n; i++) {
        shard = (ngx_http_onsite_timer_shard + i) % n;
        rc = fire_shard(&slice, shard);

        if (rc == NGX_ERROR) {
            complain(&slice);
            ngx_http_onsite_timer_shard = (shard + 1) % n;
            return NGX_HTTP_ONSITE_TIMER_TICK;
        }

        if (rc == NGX_OK) {
            ngx_http_onsite_timer_shard = (shard + 1) % n;
            return NGX_HTTP_ONSITE_TIMER_PAUSE;
        }
    }

    return slice.n != 0 ? NGX_HTTP_ONSITE_TIMER_BUSY
                        : NGX_HTTP_ONSITE_TIMER_TICK;
}


static void
tick(ngx_event_t *ev)
{
    ngx_msec_t                 delay;
    ngx_http_onsite_worker_t  *w;

    if (ngx_exiting) {
        let_go();
        return;
    }

    w = &ngx_http_onsite_worker;
    delay = NGX_HTTP_ONSITE_TIMER_TICK;

    if (w->store != NULL && hold_lease() && w->snapshot != NULL) {
        delay = fire(ev->log);
    }

    ngx_add_timer(ev, delay);
}


void
ngx_http_onsite_timer_start(ngx_cycle_t *cycle)
{
    ngx_event_t  *ev;

    if (ngx_http_onsite_worker.store == NULL) {
        return;
    }

    ev = &ngx_http_onsite_timer_event;

    ngx_http_onsite_timer_dummy.fd = (ngx_socket_t) -1;
    ev->handler = tick;
    ev->log = cycle->log;
    ev->data = &ngx_http_onsite_timer_dummy;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_HTTP_ONSITE_TIMER_TICK);
}


void
ngx_http_onsite_timer_stop(void)
{
    let_go();
}
