/*
 * ngx_http_onsite_process.h - what a process keeps, and what all of them
 * count.  Included by ngx_http_onsite.h.
 */

#ifndef _NGX_HTTP_ONSITE_PROCESS_H_INCLUDED_
#define _NGX_HTTP_ONSITE_PROCESS_H_INCLUDED_

/* Counters, in shared memory */

#define NGX_HTTP_ONSITE_BUCKETS  17

typedef struct {
    ngx_atomic_t                events;         /* applied                   */
    ngx_atomic_t                rejected;       /* refused, whatever for     */
    ngx_atomic_t                shed;           /* 429                       */
    ngx_atomic_t                pageviews;
    ngx_atomic_t                decisions;
    ngx_atomic_t                shown;          /* choices                   */
    ngx_atomic_t                injections;     /* pages with our bytes      */
    ngx_atomic_t                reloads;        /* snapshots taken           */
    ngx_atomic_t                reload_errors;
    ngx_atomic_t                store_errors;
    ngx_atomic_t                corrupt;        /* records that did not
                                                   decode, begun afresh      */
    ngx_atomic_t                states_replaced;
    ngx_atomic_t                reaped;
    ngx_atomic_t                links;          /* ids that came to lead to
                                                   another's record          */
    ngx_atomic_t                refused;        /* values of onsite_identity */
    ngx_atomic_t                swept;          /* identities of no link     */
    ngx_atomic_t                erased;         /* events of who was erased  */
    ngx_atomic_t                bots;           /* noise: of crawlers        */
    ngx_atomic_t                prefetch;
    ngx_atomic_t                duplicates;     /* messageIds applied before */
    ngx_atomic_t                skewed;         /* events of wrong clocks    */
    ngx_atomic_t                forged;         /* exposure tokens, hashes   */
    ngx_atomic_t                erasures;       /* visitors                  */
    ngx_atomic_t                timers_fired;
    ngx_atomic_t                timers_refused; /* no room                   */
    ngx_atomic_t                timer_owner;    /* process id; 0: none       */
    ngx_atomic_t                timer_beat;     /* its last tick: ms of a
                                                   clock never set back      */
    ngx_atomic_t                outbox_refused; /* deliveries, for no room   */
    ngx_atomic_t                outbox_dropped; /* events likewise           */
    ngx_atomic_t                roam_wanted;    /* records that may be
                                                   elsewhere                 */
    ngx_atomic_t                roam_refused;   /* not noted, for no room    */
    ngx_atomic_t                skips[NGX_HTTP_ONSITE_SKIPS];
    ngx_atomic_t                reasons[ONSITE_REASONS];
    ngx_atomic_t                seconds[NGX_HTTP_ONSITE_BUCKETS];
    ngx_atomic_t                nanoseconds;    /* sum of the histogram      */
} ngx_http_onsite_counters_t;


/* Never NULL once the module is configured. */
extern ngx_http_onsite_counters_t  *ngx_http_onsite_counters;

#define ngx_http_onsite_count(field)                                          \
    (void) ngx_atomic_fetch_add(&ngx_http_onsite_counters->field, 1)

#define ngx_http_onsite_count_n(field, n)                                     \
    (void) ngx_atomic_fetch_add(&ngx_http_onsite_counters->field, n)


/* What one process keeps.  Zeroed in processes that have no state. */

typedef struct {
    onsite_str_t                name;
    uint32_t                    hash;       /* as keys of its records end   */
    onsite_site_t               site;
    onsite_snapshot_tables_t    tables;     /* of site, where there are any  */
} ngx_http_onsite_campaigns_t;


typedef struct {
    onsite_store_t             *store;      /* NULL: none, or not usable     */
    onsite_engine_t            *engine;
    onsite_arena_t             *arena;      /* of the call at hand: whoever
                                               starts a call resets it       */
    onsite_json_t              *json;
    onsite_signer_t            *signer;
    ngx_uint_t                  roams;      /* onsite_roaming                */

    onsite_snapshot_t          *snapshot;   /* NULL: none                    */
    ngx_http_onsite_campaigns_t *sites;     /* ascending by name             */
    ngx_uint_t                  n_sites;

    ngx_uint_t                  segments;   /* the configuration reads
                                               $onsite_segments              */
    ngx_str_t                  *interests;  /* variables of interest.c that
                                               the configuration reads       */
    ngx_uint_t                  n_interests;

    onsite_visitor_t           *visitor;    /* scratch: the one at hand      */
    onsite_visitor_t           *other;      /* scratch: to merge from        */
    onsite_decision_t          *decision;
    onsite_buf_t                text;       /* scratch: answers              */
    onsite_buf_t                explain;    /* scratch: a decision explained */
    onsite_buf_t                outbox;     /* scratch: an entry             */
    char                       *record;     /* scratch: ..._RECORD_BYTES_MAX */
} ngx_http_onsite_worker_t;

extern ngx_http_onsite_worker_t  ngx_http_onsite_worker;


/* shm.c */

ngx_int_t ngx_http_onsite_add_zone(ngx_conf_t *cf);
extern const ngx_str_t  ngx_http_onsite_skip_names[NGX_HTTP_ONSITE_SKIPS];
/* Upper bounds in nanoseconds; the last bucket is +Inf and has none. */
extern const uint64_t
    ngx_http_onsite_bounds[NGX_HTTP_ONSITE_BUCKETS - 1];
void ngx_http_onsite_observe(uint64_t nanoseconds);

/* log.c: kinds are logged once a minute each at most. */

typedef enum {
    NGX_HTTP_ONSITE_LOG_STORE = 0,
    NGX_HTTP_ONSITE_LOG_RECORD,
    NGX_HTTP_ONSITE_LOG_MEMORY,
    NGX_HTTP_ONSITE_LOG_OUTBOX,
    NGX_HTTP_ONSITE_LOG_EVENTS,
    NGX_HTTP_ONSITE_LOG_POLICY,
    NGX_HTTP_ONSITE_LOG_ROAM,
    NGX_HTTP_ONSITE_LOG_KINDS
} ngx_http_onsite_log_e;

void ngx_http_onsite_log(ngx_log_t *log, ngx_http_onsite_log_e kind,
    ngx_uint_t level, const char *text);

/* worker.c */

ngx_int_t ngx_http_onsite_worker_init(ngx_cycle_t *cycle,
    ngx_http_onsite_main_conf_t *mcf);
void ngx_http_onsite_worker_exit(void);
/* Options as core wants them; mcf->state is not empty. */
void ngx_http_onsite_store_options(ngx_http_onsite_main_conf_t *mcf,
    ngx_cycle_t *cycle, onsite_store_options_t *options);

/* copy.c */

/* Of NGX_MAX_PATH bytes: where the copy of such a file lies. */
void ngx_http_onsite_copy_name(char *copy, const char *folder, ino_t inode,
    const struct timespec *modified);
/* How many there are besides this one; and removes them. */
ngx_uint_t ngx_http_onsite_copy_others(const char *folder, const char *copy);
void ngx_http_onsite_copy_alone(const char *folder, const char *copy);


/* snapshot.c */

/* At the start of a process: opens and verifies the file at once. */
void ngx_http_onsite_snapshot_load(ngx_http_onsite_main_conf_t *mcf,
    ngx_log_t *log);
/* Each tick: has a replaced file opened and verified by a thread, and takes
 * it when that is done. */
void ngx_http_onsite_snapshot_check(ngx_http_onsite_main_conf_t *mcf,
    ngx_log_t *log);
/* Now and then, while the state is the one in use: has the copy of the live
 * snapshot put there again, by a thread, when there is none. */
void ngx_http_onsite_snapshot_keep(ngx_http_onsite_main_conf_t *mcf,
    ngx_log_t *log);
/* Waits for the thread, if there is one, and lets go of all. */
void ngx_http_onsite_snapshot_free(void);
/* Has the live snapshot stay mapped as long as the request.  NGX_DECLINED: it
 * may not, as too many old ones are held, or there is no memory: what is needed
 * of it is copied then. */
ngx_int_t ngx_http_onsite_snapshot_pin(ngx_http_request_t *r);
/* NULL: no snapshot, or nothing for this site. */
onsite_site_t *ngx_http_onsite_site(onsite_str_t name);

/* timer.c */

void ngx_http_onsite_timer_start(ngx_cycle_t *cycle);
void ngx_http_onsite_timer_stop(void);

/* privacy.c */

/* Each tick of one worker: goes on with erasures. */
void ngx_http_onsite_erase_tick(ngx_log_t *log);

/* roam.c */

/* Does nothing where records do not roam. */
void ngx_http_onsite_roam(onsite_txn_t *txn, onsite_roam_t kind,
    const onsite_key_t *key, onsite_ms_t now);

/* segments.c */

void ngx_http_onsite_segments_init(ngx_cycle_t *cycle);

/* interest.c */

void ngx_http_onsite_interest_init(ngx_cycle_t *cycle);

/* runtime.c: onsite.js as compiled in. */

/* Hex of a hash of it: ETag and ?v=. */
extern ngx_str_t   ngx_http_onsite_runtime_hash;
/* "sha384-..." of it; len 0: none could be made. */
extern ngx_str_t   ngx_http_onsite_runtime_sri;
void ngx_http_onsite_runtime_init(void);


#endif /* _NGX_HTTP_ONSITE_PROCESS_H_INCLUDED_ */
