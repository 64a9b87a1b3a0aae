/*
 * roam_bucket.h - records in a key-value bucket of NATS, many at once.
 *
 * A bucket is a stream of JetStream's, KV_NAME, that keeps the last message of
 * each subject $KV.NAME.KEY; a value's revision is its message's number.  Keys
 * are those of records, as hex.
 */

#ifndef ROAM_BUCKET_H
#define ROAM_BUCKET_H

#include "nats.h"

#include "onsite_id.h"
#include "onsite_types.h"

#define ROAM_ASKS_MAX  256

typedef struct roam_bucket_s  roam_bucket_t;

typedef struct {
    onsite_key_t     key;
    uint64_t         revision;      /* put: of what is there, 0 for nothing;
                                       then of what was put; get: of what was
                                       found, also where that was deleted  */
    onsite_str_t     value;         /* put: len 0 deletes; get: good until
                                       the next call                       */
    bool             erasure;       /* put: tell it to who watches, too    */
    onsite_status_t  status;        /* OK; NOT_FOUND: get, there is none;
                                       INVALID: put, the revision is another;
                                       LIMIT: put, the bucket takes none so
                                       large;
                                       IO: no answer, or an error          */
} roam_ask_t;

typedef struct {
    const char      *url;
    nats_options_t   nats;
    const char      *name;          /* of the bucket                       */
    onsite_ms_t      ttl;           /* of one that is made                 */
    bool             create;
} roam_bucket_options_t;

/* INVALID: name, URL or options are not right. */
onsite_status_t roam_bucket_open(const roam_bucket_options_t *options,
    roam_bucket_t **bucket, onsite_error_t *error);
void roam_bucket_close(roam_bucket_t *bucket);

/* Before each round.  IO, NOT_FOUND: it cannot be used now, and why. */
onsite_status_t roam_bucket_ready(roam_bucket_t *bucket,
    onsite_error_t *error);

/* At most ROAM_ASKS_MAX at once; each has a status of its own, also where not
 * OK is returned because one of them has IO. */
onsite_status_t roam_bucket_get(roam_bucket_t *bucket, roam_ask_t *asks,
    size_t n, onsite_error_t *error);
onsite_status_t roam_bucket_put(roam_bucket_t *bucket, roam_ask_t *asks,
    size_t n, onsite_error_t *error);

/* The next erasure that another machine told; false: there is none now.  All
 * that the bucket remembers are told where the connection is another. */
bool roam_bucket_erased(roam_bucket_t *bucket, onsite_key_t *key,
    onsite_ms_t *when);

/* Sleeps for ms, or less where there is news. */
void roam_bucket_wait(roam_bucket_t *bucket, onsite_ms_t ms);

#endif
