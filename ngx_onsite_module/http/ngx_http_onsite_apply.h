/*
 * ngx_http_onsite_apply.h - what the files share that apply events: apply,
 * resolve, told, interest, segments, explain.
 */

#ifndef _NGX_HTTP_ONSITE_APPLY_H_INCLUDED_
#define _NGX_HTTP_ONSITE_APPLY_H_INCLUDED_

#include "ngx_http_onsite.h"


typedef struct {
    onsite_key_t      key;          /* where it is looked for now           */
    uint32_t          shard;
    uint32_t          index;        /* of the event                         */
    onsite_str_t      joins;        /* a record that joins key's first      */
    unsigned          by_id:1;      /* key is an anonymousId's, which may be
                                       linked                               */
    unsigned          last:1;       /* its record is the last event's       */
    unsigned          done:1;
} item_t;


typedef struct {
    ngx_http_request_t       *r;
    ngx_http_onsite_ctx_t    *ctx;
    ngx_http_onsite_apply_t  *apply;
    item_t                   *items;
    ngx_uint_t                left;         /* items not done               */

    onsite_txn_t             *txn;
    uint32_t                  shard;
    onsite_key_t              key;          /* of the visitor at hand       */
    uint32_t                  visits;       /* of the cookie's, before      */
    onsite_ms_t               linked;       /* when the link at hand was
                                               written                      */
    ngx_uint_t                round;        /* of run_all                   */

    onsite_error_t            error;
    unsigned                  held:1;       /* worker.visitor is key's      */
    unsigned                  foreign:1;    /* its record is of a version
                                               that is not ours to replace  */
    unsigned                  first:1;      /* visits is set                */
    unsigned                  brought:1;    /* the cookie came with the
                                               request: ids are linked      */
    unsigned                  brief:1;      /* the link at hand is kept for
                                               the session only             */
} run_t;


typedef struct {
    const onsite_image_t     *image;
    ngx_uint_t                more;         /* campaigns left out           */
} explanation_t;


static inline ngx_uint_t
ngx_http_onsite_same_key(const onsite_key_t *a, const onsite_key_t *b)
{
    return ngx_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* apply.c */

/* id is what buckets hash; visitor NULL: decided without state. */
void ngx_http_onsite_apply_event(run_t *run, uint32_t index, onsite_str_t id,
    onsite_visitor_t *visitor);

/* resolve.c */

/* The request is of consent tier "session". */
ngx_uint_t ngx_http_onsite_brief(run_t *run);

/*
 * Applies all events to the records of whom they are about, and commits.
 * run->key and the worker's visitor are the last event's then.
 *
 *   NGX_BUSY    the store said no: run->error says why
 *   NGX_ERROR   out of memory
 */
ngx_int_t ngx_http_onsite_resolve(run_t *run);

/* told.c: what the variables tell. */

void ngx_http_onsite_tell_decision(run_t *run);
void ngx_http_onsite_tell_visitor(run_t *run, const onsite_key_t *key);

/* interest.c: while visitor's strings are where they were. */

void ngx_http_onsite_tell_interests(run_t *run,
    const onsite_visitor_t *visitor);

/* segments.c: likewise. */

void ngx_http_onsite_tell_segments(run_t *run, onsite_visitor_t *visitor);

/* explain.c */

/* Has the decision explained into the worker's buffer. */
void ngx_http_onsite_explain(explanation_t *explanation,
    onsite_decide_options_t *options, const onsite_image_t *image);
void ngx_http_onsite_explain_end(const explanation_t *explanation);


#endif /* _NGX_HTTP_ONSITE_APPLY_H_INCLUDED_ */
