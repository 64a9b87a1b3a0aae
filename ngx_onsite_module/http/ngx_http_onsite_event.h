/*
 * ngx_http_onsite_event.h - events in, decision out, and what they leave to
 * do.  Included by ngx_http_onsite.h; how it is done: ngx_http_onsite_apply.h.
 */

#ifndef _NGX_HTTP_ONSITE_EVENT_H_INCLUDED_
#define _NGX_HTTP_ONSITE_EVENT_H_INCLUDED_

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

/* outbox.c */

/* What of an event may leave, and as whose. */
typedef struct {
    ngx_http_onsite_loc_conf_t *conf;
    onsite_str_t                site;
    unsigned                    brief:1;    /* consent is for the session    */
    unsigned                    closed:1;   /* as in onsite_apply_t          */
} ngx_http_onsite_leaving_t;

/* Puts the event of a visitor into the outbox, in txn: before it is applied. */
void ngx_http_onsite_event_leaves(ngx_http_onsite_leaving_t *leaving,
    onsite_txn_t *txn, const onsite_key_t *key,
    const onsite_visitor_t *visitor, const onsite_event_t *event);
/* The same for what an answer shows. */
void ngx_http_onsite_choice_leaves(ngx_http_onsite_leaving_t *leaving,
    onsite_txn_t *txn, const onsite_key_t *key,
    const onsite_visitor_t *visitor, const onsite_image_t *image,
    const onsite_choice_t *choice, const onsite_event_t *event);

/* settle.c */

typedef struct {
    onsite_txn_t               *txn;
    onsite_key_t                key;        /* of apply->visitor's record    */
    onsite_apply_t             *apply;
    ngx_http_onsite_leaving_t  *leaving;    /* NULL: no events               */
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

/* record.c */

/* Where key leads, as it is committed; itself: nowhere. */
onsite_key_t ngx_http_onsite_final(const onsite_key_t *key, onsite_ms_t now);


#endif /* _NGX_HTTP_ONSITE_EVENT_H_INCLUDED_ */
