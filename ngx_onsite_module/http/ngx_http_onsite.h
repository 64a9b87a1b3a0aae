/*
 * ngx_http_onsite.h - what the files of http/ share.
 *
 * http/ only brings facts in and buffers out; what a visitor is and what is
 * decided lives in core/.  The files:
 *
 *   module    directives, configuration, life of the processes
 *   worker    what one process keeps: store, engine, timers
 *   snapshot  the live campaigns, and their successors
 *   conf      handlers of directives; conf_values says what they take
 *   request   facts of a request, and who its visitor is
 *   consent   what may be remembered
 *   cookie    our cookies, in and out
 *   apply     events in, decision out
 *   subject   whom an event is about
 *   resolve   the record that is theirs: one transaction a shard
 *   peek      the same for a variable read early: nothing is written
 *   link      ids that come to lead to another's record
 *   record    records in the transaction at hand
 *   identity  who is proven to be a customer; adopted ids; true reports
 *   told      what the variables tell of it
 *   explain   the same for a debug key's owner
 *   settle    what an event leaves to do: outbox, the visitor's timer
 *   timer     fires visitors' timers, in one worker of all
 *   page      page views and server-side events of ordinary requests
 *   response  what a response's header says for and against an insertion
 *   filter    header and body filter: moves buffers, inserts bytes
 *   inflate   pages that the origin has compressed
 *   insert    what goes into a page: the decision as elements
 *   unplaced  what was decided for a page that had no place for it
 *   policy    a page's Content-Security-Policy
 *   preview   a link that shows one campaign to who holds it
 *   noise     crawlers, and pages fetched ahead of a visit
 *   collect   the endpoints under onsite_collect; with privacy, body and
 *             answer, which see ..._collect.h
 *   runtime   onsite.js, compiled in
 *   gpc       /.well-known/gpc.json
 *   variable  $onsite_...
 *   interest  those of origins, affinities and journeys
 *   segments  $onsite_segments
 *   status    onsite_status
 *   shm       counters that outlive workers and reloads
 *   log       errors of ours, once a minute at most
 *
 * Fail open: a function here that cannot do its work counts it, logs it and
 * lets the request go on as if the module were off.
 *
 * No transaction is open and no pointer into a record or the worker's arena
 * is kept when a handler returns to nginx: what outlives the call is copied
 * into r->pool.  Nor is one into a snapshot, unless the request has pinned it
 * (ngx_http_onsite_snapshot_pin).
 */

#ifndef _NGX_HTTP_ONSITE_H_INCLUDED_
#define _NGX_HTTP_ONSITE_H_INCLUDED_

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_onsite_compat.h"

#include "onsite_consent.h"
#include "onsite_engine.h"
#include "onsite_id.h"
#include "onsite_inject.h"
#include "onsite_json.h"
#include "onsite_outbox.h"
#include "onsite_snapshot.h"
#include "onsite_store.h"
#include "onsite_visitor_codec.h"


#define NGX_HTTP_ONSITE_OFF      0
#define NGX_HTTP_ONSITE_ON       1
#define NGX_HTTP_ONSITE_DRY_RUN  2

/* On each page whose view was counted, so that a second onsite in front of
 * this one neither counts nor changes it again. */
#define NGX_HTTP_ONSITE_MARKER   "X-Onsite"


/* Consent tiers, weakest first; those of onsite_consent.h. */

typedef enum {
    NGX_HTTP_ONSITE_CONSENT_NONE = 0,   /* no trace: no cookie, no state     */
    NGX_HTTP_ONSITE_CONSENT_SESSION,    /* cookie and record for the session */
    NGX_HTTP_ONSITE_CONSENT_FULL
} ngx_http_onsite_consent_e;


/* Where onsite_consent takes the site's tier from. */

#define NGX_HTTP_ONSITE_CONSENT_DEFAULT  0  /* full, but for GPC / DNT       */
#define NGX_HTTP_ONSITE_CONSENT_VALUE    1
#define NGX_HTTP_ONSITE_CONSENT_TCF      2
#define NGX_HTTP_ONSITE_CONSENT_GPP      3

#define NGX_HTTP_ONSITE_GPC_AUTO         2


/* Why a page got nothing of ours; also counted, names in shm.c. */

typedef enum {
    NGX_HTTP_ONSITE_SKIP_NONE = 0,
    NGX_HTTP_ONSITE_SKIP_METHOD,        /* not GET                           */
    NGX_HTTP_ONSITE_SKIP_STATUS,        /* not 200                           */
    NGX_HTTP_ONSITE_SKIP_TYPE,          /* not of onsite_types               */
    NGX_HTTP_ONSITE_SKIP_ENCODED,       /* Content-Encoding that is not gzip,
                                           or UTF-16                         */
    NGX_HTTP_ONSITE_SKIP_EMPTY,         /* no body                           */
    NGX_HTTP_ONSITE_SKIP_FRAGMENT,      /* Sec-Fetch-Dest is not a document  */
    NGX_HTTP_ONSITE_SKIP_BYPASS,        /* onsite_bypass                     */
    NGX_HTTP_ONSITE_SKIP_BOT,           /* a known crawler                   */
    NGX_HTTP_ONSITE_SKIP_PREFETCH,      /* Sec-Purpose: not (yet) seen       */
    NGX_HTTP_ONSITE_SKIP_CSP,           /* the page's policy forbids it      */
    NGX_HTTP_ONSITE_SKIP_MARKED,        /* another onsite was there first    */
    NGX_HTTP_ONSITE_SKIP_COLLECT,       /* no onsite_collect to load from    */
    NGX_HTTP_ONSITE_SKIP_STATE,         /* the store said no                 */
    NGX_HTTP_ONSITE_SKIP_MEMORY,
    NGX_HTTP_ONSITE_SKIP_UNPLACED,      /* the page had no place for it      */
    NGX_HTTP_ONSITE_SKIP_NOT_MODIFIED,  /* 304: the browser's own copy       */
    NGX_HTTP_ONSITE_SKIPS
} ngx_http_onsite_skip_e;


/* Configuration */

typedef struct {
    ngx_str_t                   state;      /* directory; len 0: none        */
    size_t                      size;
    ngx_uint_t                  shards;
    time_t                      ttl;
    ngx_str_t                   snapshot;   /* file; len 0: none             */
    ngx_str_t                   key;        /* bytes of onsite_key_file      */
    ngx_flag_t                  used;       /* some directive asks for us    */
} ngx_http_onsite_main_conf_t;


typedef struct {
    /*
     * The onsite_collect location that pages of this server load from,
     * without a trailing slash ("/onsite"); data NULL: there is none.
     */
    ngx_str_t                   prefix;
    ngx_uint_t                  warned;     /* that there is none            */
} ngx_http_onsite_srv_conf_t;


typedef struct {
    ngx_str_t                   name;
    ngx_str_t                   choice;     /* its name with "_consent"      */
    ngx_str_t                   path;
    ngx_str_t                   domain;
    time_t                      max_age;
    ngx_str_t                   samesite;   /* "Lax", ...                    */
    ngx_uint_t                  secure;     /* ..._SECURE_*                  */
} ngx_http_onsite_cookie_t;

#define NGX_HTTP_ONSITE_SECURE_OFF   0
#define NGX_HTTP_ONSITE_SECURE_ON    1
#define NGX_HTTP_ONSITE_SECURE_AUTO  2      /* over TLS                      */


typedef struct {
    ngx_str_t                   name;
    ngx_http_complex_value_t    value;
} ngx_http_onsite_pair_t;


typedef struct {
    ngx_http_complex_value_t    name;
    ngx_array_t                 properties; /* of ngx_http_onsite_pair_t     */
    ngx_http_complex_value_t   *filter;     /* if=; NULL: always             */
} ngx_http_onsite_server_event_t;


typedef struct {
    ngx_uint_t                  enable;     /* OFF, ON, DRY_RUN              */
    ngx_http_complex_value_t   *site;       /* NULL: "default"               */
    ngx_http_onsite_cookie_t   *cookie;
    ngx_msec_t                  session_timeout;
    ngx_uint_t                  gpc;        /* ON, OFF, ..._GPC_AUTO         */
    ngx_uint_t                  consent_from;
    ngx_http_complex_value_t   *consent;    /* of ..._CONSENT_VALUE          */
    ngx_http_complex_value_t   *identity;   /* NULL: nobody is asserted      */
    ngx_array_t                *adopt;      /* cookies, of ngx_str_t         */
    ngx_array_t                *attributes; /* of ngx_http_onsite_pair_t     */
    ngx_array_t                *events;     /* of ..._server_event_t         */
    ngx_array_t                *write_keys; /* of ngx_str_t; NULL: open      */
    ngx_array_t                *server_keys;
    ngx_array_t                *origins;    /* of ngx_str_t                  */
    ngx_array_t                *bypass;     /* predicates                    */
    ngx_hash_t                  types;      /* for ngx_http_test_content_type*/
    ngx_array_t                *types_keys;
    size_t                      max_body;
    ngx_str_t                   debug_key;
    ngx_str_t                   prefix;     /* of this onsite_collect        */
    ngx_uint_t                  status_format;
} ngx_http_onsite_loc_conf_t;


/* What is asked of a request once: one walk over its header list. */

#define NGX_HTTP_ONSITE_COOKIES  4          /* of our name, looked at        */

typedef struct {
    ngx_str_t                   cookies[NGX_HTTP_ONSITE_COOKIES];
    ngx_uint_t                  n_cookies;
    ngx_str_t                   consent_string; /* euconsent-v2 or __gpp     */
    ngx_http_onsite_consent_e   choice;     /* the visitor's own             */
    ngx_str_t                   origin;
    ngx_str_t                   referer;
    ngx_str_t                   user_agent;
    ngx_str_t                   accept_language;
    ngx_str_t                   authorization;
    ngx_str_t                   fetch_dest;
    ngx_str_t                   debug;      /* X-Onsite-Debug                */
    unsigned                    gpc:1;      /* Sec-GPC: 1                    */
    unsigned                    dnt:1;      /* DNT: 1                        */
    unsigned                    prefetch:1; /* Sec-Purpose begins "prefetch" */
    unsigned                    chosen:1;   /* choice is set                 */
    unsigned                    cross_site:1; /* Sec-Fetch-Site says that
                                               another site's page asks      */
} ngx_http_onsite_headers_t;


/* The request's visitor, in r->pool.  Filled by ngx_http_onsite_who. */

typedef struct {
    onsite_str_t                site;
    ngx_http_onsite_consent_e   granted;    /* what the site may remember    */
    ngx_http_onsite_consent_e   consent;    /* the weaker of it and choice   */
    onsite_str_t                cookie_id;  /* verified or made; len 0: none */
    onsite_key_t                cookie_key;
    onsite_str_t                identity;   /* the customer that is asserted;
                                               len 0: none                   */
    onsite_str_t                adopted;    /* by the cookie that was made:
                                               an id; len 0: none            */
    onsite_ms_t                 adopted_since;
                                            /* its first visit; 0: unknown   */
    unsigned                    anonymous:1;/* nobody is asserted, though
                                               onsite_identity is set        */
    unsigned                    unnamed:1;  /* a value of onsite_identity was
                                               refused                       */
    unsigned                    fresh:1;    /* made: send it                 */
    unsigned                    refused:1;  /* a consent string says no      */
} ngx_http_onsite_who_t;


/* What the variables tell, formatted when they are read. */

typedef struct {
    onsite_key_t                key;        /* of the visitor's record       */
    onsite_ms_t                 session;    /* its start                     */
    uint32_t                    visits;
    onsite_visitor_status_t     status;
    onsite_reason_t             reason;
    ngx_str_t                   campaign;   /* ids, comma-separated          */
    ngx_str_t                   variant;    /* of the same, same order       */
    uint64_t                    version;    /* of the snapshot; 0: none      */
    uint64_t                    nanoseconds;/* to load, decide and commit    */
    ngx_str_t                   segments;   /* ids, comma-separated          */
    ngx_str_t                  *interests;  /* as worker.interests; NULL:
                                               none                          */
    unsigned                    visitor:1;  /* there is one: key to status   */
    unsigned                    erased:1;   /* the cookie's was              */
    unsigned                    decided:1;  /* the rest is filled            */
} ngx_http_onsite_told_t;


/*
 * What the filter inserts.  slots are names of which the content is to be
 * replaced; they, and all else here, live as long as the request.
 */

typedef struct {
    void                       *content;    /* insert.c's own                */
    onsite_str_t                slots[ONSITE_SLOTS_MAX];
    ngx_uint_t                  n_slots;
    unsigned                    wanted;     /* bits 1 << onsite_place_t      */

    /* told by the filter before it asks for ONSITE_PLACE_BODY_END */

    uint32_t                    filled;     /* bit 1 << i: slots[i] was      */
    const onsite_str_t         *policies;   /* of the page's meta elements   */
    ngx_uint_t                  n_policies;
    unsigned                    policies_lost:1;
                                            /* there were more, or too long  */
    onsite_str_t                base;       /* its <base href>               */

    uint32_t                    campaigns[ONSITE_CHOICES_MAX];
                                            /* hashes of those recorded as
                                               shown                         */
    ngx_uint_t                  n;
    uint32_t                    shown;      /* bit 1 << i: campaigns[i] went
                                               into the page                 */
    uint32_t                    along;      /* the same, for a slot that the
                                               page does not have (yet)      */
    ngx_http_onsite_skip_e      withheld;   /* the script, because of what the
                                               page says itself              */
    unsigned                    inserted:1; /* something did                 */
    unsigned                    any:1;      /* something is to be inserted   */
    unsigned                    personal:1; /* a cookie is set or bytes are
                                               inserted: not for shared
                                               caches                        */
} ngx_http_onsite_page_t;


/* What a link asks to be shown.  Filled by ngx_http_onsite_preview. */

typedef struct {
    onsite_str_t                campaign;   /* id; r->pool                   */
    onsite_str_t                variant;
    const char                 *refused;    /* why; NULL: it is not, or there
                                               is no link                    */
    unsigned                    known:1;    /* the rest is filled            */
    unsigned                    valid:1;    /* nothing is counted, written or
                                               set                           */
} ngx_http_onsite_preview_t;


/*
 * The module's request context, of the main request.  It survives internal
 * redirects: ngx_http_onsite_ctx finds it again in the pool's cleanup list.
 */

typedef struct {
    ngx_http_onsite_headers_t   headers;
    ngx_http_onsite_who_t       who;
    ngx_http_onsite_told_t      told;
    ngx_http_onsite_page_t      page;
    ngx_http_onsite_preview_t   preview;

    onsite_ms_t                 now;        /* one for all of the request: a
                                               decision made early comes out
                                               the same when it counts       */

    ngx_str_t                   nonce;      /* the filter found it in the
                                               page's CSP: goes on our script;
                                               len 0: none                   */
    ngx_http_onsite_skip_e      skip;
    void                       *call;       /* of an endpoint: collect.c's   */
    void                       *filter;     /* the body filter's own; NULL
                                               until it makes one            */

    unsigned                    known:1;    /* who is filled                 */
    unsigned                    busy:1;     /* variables read now, by our own
                                               values, are empty             */
    unsigned                    counted:1;  /* page view and server events
                                               were applied: never again     */
    unsigned                    looked:1;   /* told was filled by a look     */
    unsigned                    cookie_set:1;
    unsigned                    bot:1;      /* if bot_known: the user agent
                                               says so                       */
    unsigned                    bot_known:1;
    unsigned                    trusted:1;  /* came with a server key        */
    unsigned                    explained:1;/* the debug key was right       */
} ngx_http_onsite_ctx_t;


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

/* module.c */

extern ngx_module_t  ngx_http_onsite_module;

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
    NGX_HTTP_ONSITE_LOG_POLICY,
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

/* snapshot.c */

/* At the start of a process: opens and verifies the file at once. */
void ngx_http_onsite_snapshot_load(ngx_http_onsite_main_conf_t *mcf,
    ngx_log_t *log);
/* Each tick: has a replaced file opened and verified by a thread, and takes
 * it when that is done. */
void ngx_http_onsite_snapshot_check(ngx_http_onsite_main_conf_t *mcf,
    ngx_log_t *log);
/* Waits for the thread, if there is one, and lets go of all. */
void ngx_http_onsite_snapshot_free(void);
/* Has the live snapshot stay mapped as long as the request.  NGX_DECLINED: it
 * may not, as too many old ones are held, or there is no memory: what is needed
 * of it is copied then. */
ngx_int_t ngx_http_onsite_snapshot_pin(ngx_http_request_t *r);
/* NULL: no snapshot, or nothing for this site. */
onsite_site_t *ngx_http_onsite_site(onsite_str_t name);

/* request.c */

/* The main request's context, made at first use; NULL: out of memory. */
ngx_http_onsite_ctx_t *ngx_http_onsite_ctx(ngx_http_request_t *r);
/* The context if there is one. */
ngx_http_onsite_ctx_t *ngx_http_onsite_get_ctx(ngx_http_request_t *r);

/* ngx_str_t and onsite_str_t are the same bytes. */
static inline onsite_str_t
ngx_http_onsite_str(ngx_str_t s)
{
    return onsite_str((const char *) s.data, s.len);
}

/* Site, consent and cookie, once a request. */
ngx_int_t ngx_http_onsite_who(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);

ngx_uint_t ngx_http_onsite_is_tls(ngx_http_request_t *r);
/* As $host: the server's own name where the client gives none. */
ngx_str_t ngx_http_onsite_host(ngx_http_request_t *r);

/* Equality of secrets. */
ngx_uint_t ngx_http_onsite_key_equal(ngx_str_t *a, ngx_str_t *b);

ngx_int_t ngx_http_onsite_facts(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx, onsite_facts_t *facts);

/* consent.c */

/* "none", "session" or "full"; NGX_DECLINED: none of them, tier is NONE. */
ngx_int_t ngx_http_onsite_consent_named(ngx_str_t *name,
    ngx_http_onsite_consent_e *tier);
ngx_str_t *ngx_http_onsite_consent_name(ngx_http_onsite_consent_e tier);
/* The cookie that holds the site's consent string; NULL: none is read. */
ngx_str_t *ngx_http_onsite_consent_string(ngx_http_onsite_loc_conf_t *olcf);
/* Fills who's granted, consent and refused. */
ngx_int_t ngx_http_onsite_find_consent(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
/* The same from granted and headers' choice, when that has changed. */
void ngx_http_onsite_weigh_consent(ngx_http_onsite_ctx_t *ctx);

/* privacy.c */

/* When a consent string takes back what was given: expires the cookie that
 * came and erases its visitor. */
void ngx_http_onsite_withdraw(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
/* Each tick of one worker: goes on with erasures. */
void ngx_http_onsite_erase_tick(ngx_log_t *log);

/* gpc.c */

ngx_int_t ngx_http_onsite_gpc_init(ngx_conf_t *cf);

/* cookie.c */

void ngx_http_onsite_take_cookies(ngx_str_t *header,
    ngx_http_onsite_loc_conf_t *olcf, ngx_http_onsite_headers_t *headers);
/* The id in the cookie that came, whatever the consent; len 0: none. */
onsite_str_t ngx_http_onsite_own_cookie(ngx_http_onsite_ctx_t *ctx);
/* A cookie for a visitor who brings none, which adopts an id of another's;
 * who->fresh is set. */
ngx_int_t ngx_http_onsite_new_cookie(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
/* Adds Set-Cookie when the cookie is new and was not sent yet. */
ngx_int_t ngx_http_onsite_set_cookie(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
/* Takes the visitor's cookie away. */
ngx_int_t ngx_http_onsite_expire_cookie(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
ngx_int_t ngx_http_onsite_set_choice(ngx_http_request_t *r,
    ngx_http_onsite_consent_e tier);

/* identity.c */

/* Fills who->adopted from the cookies of onsite_adopt. */
void ngx_http_onsite_adopt(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx);

/* record.c */

/* Where key leads, as it is committed; itself: nowhere. */
onsite_key_t ngx_http_onsite_final(const onsite_key_t *key, onsite_ms_t now);

/* apply.c */

/*
 * Applies events in order, and decides after each; one transaction a shard.
 * deliver is for the last event, which then is the one that `decision`
 * describes.  decision's strings live in the worker's arena and in the
 * snapshot: use them before returning to nginx.
 *
 *   NGX_OK         applied and committed
 *   NGX_DECLINED   no consent: decided without state, nothing kept
 *   NGX_BUSY       the store said no: nothing is certain, shed the request
 *   NGX_ERROR      out of memory
 */
typedef struct {
    onsite_event_t             *events;
    ngx_uint_t                  n;
    onsite_facts_t             *facts;
    const onsite_campaign_t    *preview;    /* with peek: this alone is shown;
                                               NULL: what is decided         */
    const onsite_variant_t     *preview_variant;
    unsigned                    deliver:1;
    unsigned                    beacon:1;   /* facts come from the event     */
    unsigned                    peek:1;     /* decide, but keep nothing      */
} ngx_http_onsite_apply_t;

ngx_int_t ngx_http_onsite_apply(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx, ngx_http_onsite_apply_t *apply);

/* settle.c */

typedef struct {
    onsite_txn_t               *txn;
    onsite_key_t                key;        /* of apply->visitor's record    */
    onsite_apply_t             *apply;
} ngx_http_onsite_settle_t;

/* Before onsite_apply, or onsite_wake: has all deliveries put into the outbox,
 * in txn. */
void ngx_http_onsite_settle_begin(ngx_http_onsite_settle_t *settle,
    onsite_txn_t *txn, const onsite_key_t *key, onsite_apply_t *apply);
/* After onsite_apply, before the record is encoded: moves the visitor's timer
 * where it is due earlier. */
void ngx_http_onsite_settle(ngx_http_onsite_settle_t *settle);
/* The same after another visitor joined this one, whose timer is gone. */
void ngx_http_onsite_settle_merged(onsite_txn_t *txn, const onsite_key_t *key,
    const onsite_site_t *site, onsite_visitor_t *visitor);
/* Moves it in any case; 0: to nowhere. */
void ngx_http_onsite_wake_at(onsite_txn_t *txn, const onsite_key_t *key,
    onsite_visitor_t *visitor, onsite_ms_t due);

/* timer.c */

void ngx_http_onsite_timer_start(ngx_cycle_t *cycle);
void ngx_http_onsite_timer_stop(void);

/* A response header; NULL: out of memory.  key and value are not copied. */
ngx_table_elt_t *ngx_http_onsite_add_header(ngx_http_request_t *r,
    const char *key, size_t len, ngx_str_t *value);

/* The exposure token of a choice, into out (ONSITE_TOKEN_MAX); its length. */
size_t ngx_http_onsite_token(ngx_http_onsite_ctx_t *ctx,
    const onsite_choice_t *choice, char *out);

/*
 * page.c - the seam to the filter.
 *
 * The header filter asks, for each main request of a location that has
 * `onsite on`, `onsite dry_run` or an onsite_event (ngx_http_onsite_wanted),
 * before it sends the header on.  skip is what the response says against an
 * insertion.
 *
 * NGX_OK: ctx->page is filled, page.any is set: clear length, ranges and
 * validators and insert what ngx_http_onsite_insertion has.  NGX_DECLINED: no
 * insertion.  Either way page.personal may be set: tighten Cache-Control
 * (Set-Cookie is in headers_out already).  Never NGX_ERROR.
 *
 * It gates what the request's side says itself: bypass, Sec-Fetch-Dest,
 * crawlers, prefetch, consent, missing onsite_collect; it counts the skips,
 * the view and the event, each once a request, whatever redirects happened.
 * The filter counts `injections` when bytes went in.
 *
 * Rules.
 *   A document is a GET answered 200 with an injectable type, and not for a
 *   script's fetch.  Its view is counted in the header filter, also when
 *   nothing can be inserted (ENCODED, EMPTY, CSP, COLLECT): what fires then
 *   waits for the next page.
 *   A variable that is read earlier gets a decision made on what the visitor
 *   would be after this view (a peek: nothing is kept), with the request's own
 *   clock, so that the one that counts comes out the same.  A
 *   response that then is no document counts no view.
 *   Server events (onsite_event) apply at the same moment, before the view,
 *   in the same transaction, when the status is below 400 and `if` holds.
 */
ngx_uint_t ngx_http_onsite_wanted(ngx_http_request_t *r);
ngx_int_t ngx_http_onsite_page_view(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx, ngx_http_onsite_skip_e skip);

/* The "Page Viewed" event of the page that a request's Referer names, strings
 * in the worker's arena. */
ngx_int_t ngx_http_onsite_referring_event(ngx_http_onsite_ctx_t *ctx,
    onsite_facts_t *facts, onsite_event_t *event);

/* Fills ctx->told for a variable that is read before anything was applied. */
void ngx_http_onsite_look(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx);

/* filter.c: both filters; called at the end of postconfiguration. */
ngx_int_t ngx_http_onsite_filter_init(ngx_conf_t *cf);

/* response.c */

/* What the response says against an insertion. */
ngx_http_onsite_skip_e ngx_http_onsite_response_shape(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
/* Its only encoding is gzip. */
ngx_uint_t ngx_http_onsite_response_gzip(ngx_http_request_t *r);
/* It says that it is in UTF-8: what a page's own meta says does not count. */
ngx_uint_t ngx_http_onsite_response_utf8(ngx_http_request_t *r);
/* It is for one visitor only: what else was said about caching is void. */
ngx_int_t ngx_http_onsite_response_private(ngx_http_request_t *r);
/* Its bytes will be others, and not compressed. */
void ngx_http_onsite_response_changed(ngx_http_request_t *r);

/*
 * inflate.c: buffers of gzip in, of plain bytes out.
 *
 * add keeps what is of use of the bufs in the chain, not its links; they are
 * eaten (pos) as they are read.  NULL from create, NGX_ERROR from add: out of
 * memory.
 */
typedef struct ngx_http_onsite_inflate_s  ngx_http_onsite_inflate_t;

ngx_http_onsite_inflate_t *ngx_http_onsite_inflate_create(
    ngx_http_request_t *r);
ngx_int_t ngx_http_onsite_inflate_add(ngx_http_onsite_inflate_t *inflate,
    ngx_chain_t *in);

/*
 * The next buffer: used again as soon as all of it was written (pos == last),
 * with the flush or last_buf that the input had there; may be without bytes.
 *
 *   NGX_DECLINED  all of the input was read
 *   NGX_AGAIN     no buffer is free, see ..._ready
 *   NGX_ERROR     the page is damaged, which is logged, or out of memory
 */
ngx_int_t ngx_http_onsite_inflate_next(ngx_http_onsite_inflate_t *inflate,
    ngx_buf_t **out);
ngx_uint_t ngx_http_onsite_inflate_ready(ngx_http_onsite_inflate_t *inflate);

/* insert.c */

typedef enum {
    NGX_HTTP_ONSITE_SCRIPT_SHOW = 0,    /* what was decided, and counted     */
    NGX_HTTP_ONSITE_SCRIPT_LATER,       /* nothing, until the page is seen   */
    NGX_HTTP_ONSITE_SCRIPT_PREVIEW      /* what is told to nobody: no tokens */
} ngx_http_onsite_script_e;

/* Puts choices of the request's site by for its page, into ctx->page: those of
 * onsite channels that do not wait.  NGX_DECLINED: there are none. */
ngx_int_t ngx_http_onsite_prepare(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx, const onsite_choice_t *choices, size_t n,
    ngx_http_onsite_script_e script);

/*
 * What stands at a place: of onsite_place_t, or ONSITE_PLACES + i for slot i,
 * which may be asked for more than once.  *out: bytes in memory that live as
 * long as the request; the chain may be handed out again, so it is read, not
 * sent.  NULL: nothing.  NGX_ERROR: out of memory, and nothing is inserted
 * there.
 */
ngx_int_t ngx_http_onsite_insertion(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx, ngx_uint_t place, ngx_chain_t **out);

/*
 * unplaced.c: the page has ended.  Where nothing went into it counts the skip;
 * campaigns that did not are counted as not shown: as soon as the visitor's
 * record can be written, their caps are as before.  Sticky variants stay.
 */
void ngx_http_onsite_unplaced(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);

/* preview.c */

/* Whether the request has a preview link that is good for it. */
ngx_uint_t ngx_http_onsite_preview(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
/* What it asks for, in the live snapshot; NULL, or why that is not there. */
const char *ngx_http_onsite_preview_find(ngx_http_onsite_ctx_t *ctx,
    const onsite_campaign_t **campaign, const onsite_variant_t **variant);
/* X-Onsite-Preview; text is static. */
void ngx_http_onsite_preview_tell(ngx_http_request_t *r, const char *text);
/* Headers that keep the page from anybody else. */
void ngx_http_onsite_preview_seal(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);

/* policy.c: CSP, MEMORY or NONE; fills ctx->nonce where the page's policies
 * have one.  Those of its header, before anything is decided. */
ngx_http_onsite_skip_e ngx_http_onsite_policy(ngx_http_request_t *r);
/* The same with those of metas in ctx->page, before the script's element is
 * made.  The caller counts. */
ngx_http_onsite_skip_e ngx_http_onsite_policy_metas(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
/* The page's origin as its browser knows it, which policies are judged by:
 * "https://", and host[:port]; an empty host: the request had none. */
const char *ngx_http_onsite_origin(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx, onsite_str_t *host);

/* collect.c, status.c, variable.c */

char *ngx_http_onsite_collect(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_onsite_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_onsite_add_variables(ngx_conf_t *cf);

/* segments.c */

void ngx_http_onsite_segments_init(ngx_cycle_t *cycle);

/* noise.c */

/* By the request's own user agent; evaluated once. */
ngx_uint_t ngx_http_onsite_is_bot(ngx_http_onsite_ctx_t *ctx);
/* SKIP_PREFETCH, SKIP_BOT or NONE. */
ngx_http_onsite_skip_e ngx_http_onsite_noise(ngx_http_onsite_ctx_t *ctx);
void ngx_http_onsite_count_noise(ngx_http_onsite_skip_e noise);
/* The script alone goes into the page, marked. */
void ngx_http_onsite_show_later(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);

/* interest.c */

ngx_int_t ngx_http_onsite_add_interests(ngx_conf_t *cf);
void ngx_http_onsite_interest_init(ngx_cycle_t *cycle);

/* runtime.c: web/onsite.js as compiled in. */

/* Hex of a hash of it: ETag and ?v=. */
extern ngx_str_t   ngx_http_onsite_runtime_hash;
/* "sha384-..." of it; len 0: none could be made. */
extern ngx_str_t   ngx_http_onsite_runtime_sri;
void ngx_http_onsite_runtime_init(void);


#endif /* _NGX_HTTP_ONSITE_H_INCLUDED_ */
