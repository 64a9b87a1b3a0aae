/*
 * drain_http.h - events in batches to an HTTP server.
 *
 * drain_post.c makes one request and says in words what came of it;
 * drain_batch.c is the sink: which events are a batch, and what an answer
 * means for them.
 */

#ifndef DRAIN_HTTP_H
#define DRAIN_HTTP_H

#include "drain.h"

/* drain_post.c, drain_post_setup.c */

typedef struct {
    const char  *url;           /* with user:password@, if it has them     */
    const char  *path;          /* is added to the URL's; ""               */
    bool         segment;       /* with a write key, which may be empty    */
    const char  *key;
    size_t       key_len;
    const char  *key_file;      /* these may be NULL                       */
    const char  *header_file;
    const char  *token_file;
    const char  *ca;
    onsite_ms_t  timeout;
    bool         gzip;
} post_options_t;

typedef struct post_s  post_t;

typedef struct {
    long         status;
    char         text[160];     /* how its body begins, printable          */
    onsite_ms_t  pause;         /* it asked to be left alone for so long   */
} post_answer_t;

/* Complains of what is a usage error; NULL then.  options outlive it. */
post_t *post_open(const post_options_t *options);
void post_close(post_t *post);

/* Where, without any secret. */
const char *post_url(const post_t *post);

/* Files with secrets are read again, which may have been changed. */
onsite_status_t post_begin(post_t *post, onsite_error_t *error);

/* OK: there is an answer, whatever it says. */
onsite_status_t post_send(post_t *post, onsite_str_t body, const char *type,
    const char *key, post_answer_t *answer, onsite_error_t *error);

/* Of an answer that is not 2xx: what it says, and what to do about it. */
onsite_status_t post_refused(const post_t *post, const post_answer_t *answer,
    onsite_error_t *error);


/* drain_batch.c */

typedef struct {
    post_options_t   post;
    const char      *rejects;   /* a file, or NULL                         */
    uint64_t         bytes;     /* of a batch                              */
} drain_http_options_t;

/* NULL: complains of a usage error. */
drain_sink_t *drain_http(const drain_http_options_t *options);

/* Most that Segment takes. */
#define SEGMENT_BYTES        500000
#define SEGMENT_EVENT_BYTES  (32 * 1024)
#define SEGMENT_EVENTS       2500

#endif
