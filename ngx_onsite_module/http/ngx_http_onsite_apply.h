/*
 * ngx_http_onsite_apply.h - what the files share that apply events: apply,
 * subject, resolve, link, record, peek, identity, told, interest, segments,
 * explain, roam.
 */

#ifndef _NGX_HTTP_ONSITE_APPLY_H_INCLUDED_
#define _NGX_HTTP_ONSITE_APPLY_H_INCLUDED_

#include "ngx_http_onsite.h"


/* Links are followed so far; longer chains are not made. */
#define NGX_HTTP_ONSITE_HOPS_MAX  8


/* An id on its way to lead to another's record (link.c). */

typedef enum {
    LINK_WRITE = 0,             /* in the alias' shard: the link             */
    LINK_JOIN,                  /* in the owner's: what it carries           */
    LINK_SETTLE,                /* in the alias': it carries no more         */
    LINK_DONE
} link_state_e;


typedef struct link_s  link_t;

struct link_s {
    link_t           *next;
    onsite_key_t      alias;
    onsite_key_t      wanted;       /* where the alias is to lead           */
    onsite_key_t      owner;        /* where it leads now                   */
    onsite_key_t      former;       /* where it led until then              */
    onsite_ms_t       written;      /* the link, when it carried            */
    onsite_str_t      carried;      /* a record                             */
    onsite_str_t      user;         /* wanted is this verified customer's   */
    link_state_e      state;
    ngx_uint_t        turns;
    unsigned          first:1;      /* before any event is applied          */
    unsigned          existing:1;   /* only if the alias is known           */
    unsigned          along:1;      /* only if it leads to former           */
    unsigned          relinks:1;    /* also if it leads elsewhere           */
    unsigned          lifts:1;      /* tombstones, too                      */
    unsigned          customer:1;   /* the alias is a customer's: ids that
                                       lead to it come along                */
    unsigned          plain:1;      /* written without what it carries      */
    unsigned          joined:1;     /* what it carried, at owner            */
    unsigned          moved:1;      /* former turned out to be a link       */
};


/* Whom events are about: those of one cookie, or of one id. */

typedef struct {
    onsite_key_t      start;
    onsite_key_t      at;           /* where its record is looked for now   */
    onsite_key_t      via;          /* the link that led there              */
    link_t           *link;         /* waits for it; NULL: for none         */
    unsigned          linked:1;     /* via is set                           */
    unsigned          cookie:1;     /* start is the cookie's                */
    unsigned          by_id:1;      /* start is an anonymousId's            */
} subject_t;


/* One event on its way to its visitor's record. */

typedef struct {
    subject_t        *subject;
    onsite_str_t      user;         /* a verified customer; len 0: none     */
    onsite_key_t      customer;     /* the key of user                      */
    uint32_t          index;        /* of the event                         */
    uint32_t          hops;
    unsigned          direct:1;     /* the customer's, whoever subject is   */
    unsigned          last:1;       /* its subject is the last event's      */
    unsigned          done:1;
} item_t;


typedef struct {
    ngx_http_request_t       *r;
    ngx_http_onsite_ctx_t    *ctx;
    ngx_http_onsite_apply_t  *apply;
    item_t                   *items;
    link_t                   *links;
    ngx_uint_t                left;         /* items not done               */
    ngx_uint_t                applied;

    onsite_txn_t             *txn;
    uint32_t                  shard;
    onsite_key_t              key;          /* of the visitor at hand       */
    onsite_str_t              carried;      /* by the link at hand          */
    onsite_ms_t               linked;       /* when the link, or tombstone,
                                               at hand was written          */
    unsigned                  held:1;       /* worker.visitor is key's      */
    unsigned                  foreign:1;    /* its record is of a version
                                               that is not ours to replace  */
    unsigned                  visit:1;      /* the cookie's visit began     */
    unsigned                  brought:1;    /* the cookie came with the
                                               request: ids are linked      */
    unsigned                  brief:1;      /* the link at hand is kept for
                                               the session only             */
    unsigned                  closed:1;     /* of the event at hand, as in
                                               onsite_apply_t               */
    unsigned                  dropped:1;    /* the last event was           */
    unsigned                  adopts:1;     /* the link of who.adopted is
                                               asked for                    */

    /* what roams: of the visitor at hand, but newcomer */
    unsigned                  unseen:1;     /* had no record                */
    unsigned                  lone:1;       /* under an anonymousId         */
    unsigned                  bare:1;       /* a customer's whom a server
                                               names, and nothing else      */
    unsigned                  retracts:1;   /* is for the session only from
                                               now on                       */
    unsigned                  newcomer:1;   /* the cookie's had no record   */
    onsite_error_t            error;
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


static inline uint32_t
ngx_http_onsite_shard(const onsite_key_t *key)
{
    return onsite_key_shard(key,
                            onsite_store_shards(ngx_http_onsite_worker.store));
}

/* apply.c */

/* id is what buckets hash; visitor NULL: decided without state. */
void ngx_http_onsite_apply_event(run_t *run, uint32_t index, onsite_str_t id,
    onsite_visitor_t *visitor);

/* subject.c */

/* Fills run->items, with their subjects and customers, and run->links with the
 * links that come before any event; NGX_ERROR: out of memory. */
ngx_int_t ngx_http_onsite_subjects(run_t *run);

/* resolve.c */

/*
 * Applies all events to the records of whom they are about, and commits.
 * run->key and the worker's visitor are the last event's then, unless it was
 * dropped.
 *
 *   NGX_BUSY    the store said no: run->error says why
 *   NGX_ERROR   out of memory
 */
ngx_int_t ngx_http_onsite_resolve(run_t *run);

/* peek.c */

/* The worker's visitor as the request's cookie and customer have it, in
 * run->key its record; nothing is written.  NGX_DECLINED: it was erased. */
ngx_int_t ngx_http_onsite_peek(run_t *run);

/* record.c: the visitor at hand, in the transaction that is open */

/* The request is of consent tier "session". */
ngx_uint_t ngx_http_onsite_brief(run_t *run);

/* Whether a record can be taken up; the worker's visitor is written first
 * where it is another's. */
ngx_int_t ngx_http_onsite_flush(run_t *run);

/* Before another visitor's turn: see onsite_txn_renew. */
ngx_int_t ngx_http_onsite_turn(run_t *run, const onsite_key_t *key);

/*
 * The visitor of key into worker.visitor, held.  A link has *kind LINK, its
 * target in *link and what it carries in run->carried (arena); a tombstone
 * TOMBSTONE; then nothing is held.
 */
ngx_int_t ngx_http_onsite_hold(run_t *run, const onsite_key_t *key,
    onsite_record_kind_t *kind, onsite_key_t *link);

/* Holds a visitor never seen for key, whatever its record is. */
void ngx_http_onsite_hold_new(run_t *run, const onsite_key_t *key);

/* A copy of key's record in the arena, decoded into worker.other; len 0: there
 * is none, or it is damaged; NGX_DECLINED: of a later version. */
ngx_int_t ngx_http_onsite_look_at(run_t *run, const onsite_key_t *key,
    onsite_str_t *record, onsite_record_kind_t *kind, onsite_key_t *link);

ngx_int_t ngx_http_onsite_put(run_t *run, const onsite_key_t *key,
    size_t size, const char *doing);

/* link.c */

/* NULL: out of memory.  It is in run->links. */
link_t *ngx_http_onsite_link_new(run_t *run, const onsite_key_t *alias,
    const onsite_key_t *wanted);

/* Takes the link as far as it goes in the shard whose transaction is open. */
ngx_int_t ngx_http_onsite_link_step(run_t *run, link_t *link);

/* Where its next step is. */
uint32_t ngx_http_onsite_link_shard(const link_t *link);

/* Where key leads, when that is a link that nothing has to be done about. */
ngx_uint_t ngx_http_onsite_link_rests(run_t *run, const onsite_key_t *key,
    onsite_key_t *target);

/* Makes key the one it leads to: by links of this shard as the transaction has
 * them, all others as they are committed. */
ngx_int_t ngx_http_onsite_link_end(run_t *run, onsite_key_t *key);

/* The link of key to link, at hand, was met: it shall not expire in use. */
ngx_int_t ngx_http_onsite_link_refresh(run_t *run, const onsite_key_t *key,
    const onsite_key_t *link);

/* identity.c */

/* Evaluates onsite_identity; NGX_ERROR: out of memory. */
ngx_int_t ngx_http_onsite_identify(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);

/* The customer that the event is proven to be of; len 0: none. */
onsite_str_t ngx_http_onsite_customer(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx, const onsite_event_t *event);

/* What an id of another's that the new cookie adopted says of its visitor. */
void ngx_http_onsite_adopted(run_t *run, onsite_visitor_t *visitor);

/* The event reports on a promotion with a token that is not its visitor's. */
ngx_uint_t ngx_http_onsite_forged(run_t *run, const item_t *item,
    const onsite_event_t *event);

/* told.c: what the variables tell. */

void ngx_http_onsite_tell_decision(run_t *run);
void ngx_http_onsite_tell_visitor(run_t *run, const onsite_key_t *key);

/* interest.c, and from there segments.c: while visitor's strings are where
 * they were. */

void ngx_http_onsite_tell_interests(run_t *run, onsite_visitor_t *visitor);
void ngx_http_onsite_tell_segments(run_t *run, onsite_visitor_t *visitor);

/* Before the worker's other is merged into its visitor. */
void ngx_http_onsite_align(run_t *run);

/* roam.c, only where records roam */

/* The visitor at hand, run->key's, had no record. */
void ngx_http_onsite_roam_unseen(run_t *run);

/* The item applies to the visitor at hand. */
void ngx_http_onsite_roam_item(run_t *run, const item_t *item);

/* The visitor at hand was stored; a link was stored. */
void ngx_http_onsite_roam_visitor(run_t *run);
void ngx_http_onsite_roam_link(run_t *run, const onsite_key_t *key);

/* explain.c */

/* Has the decision explained into the worker's buffer. */
void ngx_http_onsite_explain(explanation_t *explanation,
    onsite_decide_options_t *options, const onsite_image_t *image);
void ngx_http_onsite_explain_end(const explanation_t *explanation);


#endif /* _NGX_HTTP_ONSITE_APPLY_H_INCLUDED_ */
