/*
 * ngx_http_onsite_collect.h - what the files of the endpoints share.
 *
 *   collect   which endpoints there are, events
 *   key       who may call them
 *   privacy   consent, export and erase
 *   body      a request's body as one piece
 *   answer    answers, and who may read them
 */

#ifndef _NGX_HTTP_ONSITE_COLLECT_H_INCLUDED_
#define _NGX_HTTP_ONSITE_COLLECT_H_INCLUDED_

#include "ngx_http_onsite.h"


typedef enum {
    ENDPOINT_PIXEL_GIF = 0,     /* GET, the event in the query              */
    ENDPOINT_PIXEL,             /* GET, ?data=base64                        */
    ENDPOINT_RUNTIME,           /* GET                                      */
    ENDPOINT_EXPORT,            /* GET                                      */
    ENDPOINT_BEACON,
    ENDPOINT_DECIDE,
    ENDPOINT_EVENT,             /* POST v1/track and its like               */
    ENDPOINT_BATCH,
    ENDPOINT_CONSENT,
    ENDPOINT_ERASE
} endpoint_kind_e;


typedef struct {
    ngx_str_t            name;
    endpoint_kind_e      kind;
    onsite_event_type_t  type;
} endpoint_t;


/* One call of an endpoint: lives in r->pool until the answer is sent. */

typedef struct {
    const endpoint_t        *endpoint;
    ngx_http_onsite_ctx_t   *ctx;
    onsite_batch_t           batch;
    onsite_error_t           error;
    unsigned                 keyed:1;   /* a good key came with the request */
} call_t;


/* answer.c */

extern ngx_str_t  ngx_http_onsite_type_json;
extern ngx_str_t  ngx_http_onsite_no_store;

/* key and value are literals */
ngx_int_t ngx_http_onsite_add_literal(ngx_http_request_t *r, const char *key,
    const char *value);
/* An allowed origin may read the answer, and send the visitor's cookie. */
ngx_int_t ngx_http_onsite_add_cors(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
/* Whether what a browser says of who asks lets it change something: NGX_OK, or
 * NGX_DECLINED for another site's page. */
ngx_int_t ngx_http_onsite_check_origin(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);

/* The type of the answer, with its parameters. */
void ngx_http_onsite_set_type(ngx_http_request_t *r, ngx_str_t *type);
/* body NULL: none.  Cache-Control goes with everything. */
ngx_int_t ngx_http_onsite_answer(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *cache, ngx_str_t *body);
/* The decision as decide's answer. */
ngx_int_t ngx_http_onsite_answer_decision(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);
/* JSON, no-store; the text is copied. */
ngx_int_t ngx_http_onsite_answer_text(ngx_http_request_t *r,
    ngx_uint_t status, onsite_buf_t *text);
/* {"success":false,"error":reason}; refuse counts it as events.rejected. */
ngx_int_t ngx_http_onsite_say_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *reason);
ngx_int_t ngx_http_onsite_refuse(ngx_http_request_t *r, ngx_uint_t status,
    const char *reason);
/* The state could not take it. */
ngx_int_t ngx_http_onsite_shed(ngx_http_request_t *r);

/* key.c */

/* Keys that come with the request line and headers.  NGX_DECLINED: one of them
 * is wrong. */
ngx_int_t ngx_http_onsite_check_request_key(ngx_http_request_t *r,
    call_t *call);
/* The body's key, and whether the endpoint does without. */
ngx_int_t ngx_http_onsite_check_body_key(ngx_http_request_t *r,
    call_t *call);

/* body.c */

/*
 * The whole body as one piece, inflated: where it is when it is one buffer,
 * else in the arena.  NGX_OK, or what ngx_http_onsite_refuse_body answers.
 */
ngx_int_t ngx_http_onsite_body(ngx_http_request_t *r, onsite_str_t *body);
ngx_int_t ngx_http_onsite_refuse_body(ngx_http_request_t *r,
    ngx_int_t status);

/* runtime.c: onsite.js. */

ngx_int_t ngx_http_onsite_answer_runtime(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx);

/* privacy.c */

/* The body of a POST to consent or privacy/erase, and what is answered. */
ngx_int_t ngx_http_onsite_privacy_post(ngx_http_request_t *r, call_t *call,
    onsite_str_t body);
ngx_int_t ngx_http_onsite_export(ngx_http_request_t *r, call_t *call);


#endif /* _NGX_HTTP_ONSITE_COLLECT_H_INCLUDED_ */
