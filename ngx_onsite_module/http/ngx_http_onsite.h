/*
 * ngx_http_onsite.h - what the files of http/ share.
 *
 * http/ only brings facts in and buffers out; what a visitor is and what is
 * decided lives in core/.  The files:
 *
 *   module    directives, configuration, life of the processes
 *   worker    what one process keeps: store, engine, timers
 *   snapshot  the live campaigns, and their successors; copy: their copies in
 *             the state's folder
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
 *   outbox    events and what was shown, on their way out
 *   timer     fires visitors' timers, in one worker of all
 *   page      page views and server-side events of ordinary requests
 *   view      what of such a request is an event
 *   response  what a response's header says for and against an insertion
 *   filter    header and body filter: moves buffers, inserts bytes
 *   inflate   pages that the origin has compressed
 *   prepare   what is decided for a page, put by
 *   insert    the same as elements, which go into it
 *   unplaced  what was decided for a page that had no place for it
 *   policy    a page's Content-Security-Policy
 *   preview   a link that shows one campaign to who holds it
 *   noise     crawlers, and pages fetched ahead of a visit
 *   collect   the endpoints under onsite_collect; with key, privacy, body and
 *             answer, which see ..._collect.h
 *   runtime   onsite.js, compiled in
 *   gpc       /.well-known/gpc.json
 *   variable  $onsite_...
 *   interest  those of origins, affinities and journeys
 *   segments  $onsite_segments
 *   roam      which records other machines should have, or may have
 *   status    onsite_status
 *   shm       counters that outlive workers and reloads
 *   log       errors of ours, once a minute at most
 *
 * What they share is declared here (modes, configuration) and in ..._ctx.h (a
 * request), ..._process.h (a process), ..._event.h (what applies events) and
 * ..._page.h (what goes into pages), which this header includes.
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
    NGX_HTTP_ONSITE_SKIP_FRAGMENT,      /* Sec-Fetch-Dest is not document, or
                                           a script asks                     */
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
    NGX_HTTP_ONSITE_SKIP_XML,           /* what goes in is HTML              */
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
    ngx_flag_t                  roaming;
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
    ngx_flag_t                  outbox_events;
    ngx_array_t                *outbox_except;  /* names, of ngx_str_t       */
    ngx_array_t                *outbox_fields;  /* of ngx_str_t; NULL: all   */
    ngx_hash_t                  types;      /* for ngx_http_test_content_type*/
    ngx_array_t                *types_keys;
    size_t                      max_body;
    ngx_str_t                   debug_key;
    ngx_str_t                   prefix;     /* of this onsite_collect        */
    ngx_uint_t                  status_format;
} ngx_http_onsite_loc_conf_t;


/* module.c */

extern ngx_module_t  ngx_http_onsite_module;

/* collect.c, status.c, variable.c */

char *ngx_http_onsite_collect(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_onsite_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_onsite_add_variables(ngx_conf_t *cf);

/* interest.c */

ngx_int_t ngx_http_onsite_add_interests(ngx_conf_t *cf);

/* gpc.c */

ngx_int_t ngx_http_onsite_gpc_init(ngx_conf_t *cf);


/* In whatever case. */
static inline ngx_uint_t
ngx_http_onsite_is_word(ngx_str_t *value, const char *word)
{
    return value->len == ngx_strlen(word)
           && ngx_strncasecmp(value->data, (u_char *) word, value->len) == 0;
}


#include "ngx_http_onsite_ctx.h"
#include "ngx_http_onsite_process.h"
#include "ngx_http_onsite_event.h"
#include "ngx_http_onsite_page.h"


#endif /* _NGX_HTTP_ONSITE_H_INCLUDED_ */
