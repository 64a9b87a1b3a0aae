/*
 * ngx_http_onsite_ctx.h - what is known of a request, and who finds it out.
 * Included by ngx_http_onsite.h.
 */

#ifndef _NGX_HTTP_ONSITE_CTX_H_INCLUDED_
#define _NGX_HTTP_ONSITE_CTX_H_INCLUDED_

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
    unsigned                    scripted:1; /* a script asks, and says so    */
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
    void                       *content;    /* prepare.c's own               */
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
    unsigned                    gzip:1;     /* the response's only encoding  */
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

/* A response header; NULL: out of memory.  key and value are not copied. */
ngx_table_elt_t *ngx_http_onsite_add_header(ngx_http_request_t *r,
    const char *key, size_t len, ngx_str_t *value);

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


#endif /* _NGX_HTTP_ONSITE_CTX_H_INCLUDED_ */
