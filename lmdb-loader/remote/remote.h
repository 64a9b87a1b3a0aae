/*
 * remote.h - a store: where snapshots are published to and fetched from.
 *
 * A store is named by a URL:
 *     /dir, file:///dir          a folder
 *     http://…, https://…        a server that takes GET, HEAD and PUT, such
 *                                as nginx with WebDAV
 *     s3://bucket/prefix         storage that speaks S3's API
 *
 * Names of objects are relative: "default/manifest.json"; at most
 * REMOTE_NAME_MAX bytes, no control bytes, no empty, "." or ".." part.
 *
 * An object is replaced as a whole: whoever reads has the old bytes or the new
 * ones.  Error texts name the URL without its credentials.  Nothing is tried
 * twice: that is the caller's, who knows how long to wait.
 */

#ifndef REMOTE_H
#define REMOTE_H

#include <signal.h>

#include "bar.h"
#include "onsite_buf.h"

#define REMOTE_URL_MAX    2048
#define REMOTE_NAME_MAX   512
#define REMOTE_ETAG_MAX   256

typedef struct remote_s  remote_t;


/* Options of commands that work on a store; all may be NULL. */

typedef struct {
    const char  *ca;
    const char  *endpoint;
    const char  *region;
    const char  *stall;

    /* set by a signal handler: what is under way ends with ONSITE_IO        */
    const volatile sig_atomic_t  *stop;
} remote_options_t;

#define REMOTE_OPTIONS(options)                                               \
    { "ca", 0, "FILE", "https: certificates (PEM) to trust beside the "       \
      "system's", &(options).ca },                                            \
    { "s3-endpoint", 0, "URL", "s3: the server, where it is not AWS; "        \
      "default: $AWS_ENDPOINT_URL", &(options).endpoint },                    \
    { "s3-region", 0, "NAME", "s3: default: $AWS_REGION, or us-east-1",       \
      &(options).region },                                                    \
    { "stall", 0, "TIME", "give up on a store from which nothing comes for "  \
      "so long; default: 30s", &(options).stall }

/*
 * INVALID: the URL or an option is not right, which is a usage error; IO:
 * credentials are missing, a certificate file cannot be read.  options may be
 * NULL; its texts outlive the store.
 */
onsite_status_t remote_open(const char *url, const remote_options_t *options,
    remote_t **remote, onsite_error_t *error);
void remote_close(remote_t *remote);

/* The URL without credentials. */
const char *remote_url(const remote_t *remote);

/* The folder that the store is; NULL: it is not a local one. */
const char *remote_folder(const remote_t *remote);

/* Seconds that the store asked to be left alone for with its last answer
 * (Retry-After), at most an hour; 0: it did not. */
unsigned remote_retry_after(const remote_t *remote);


/* A small object. */

typedef struct {
    onsite_buf_t  *body;        /* is cleared, then filled                 */
    size_t         max;         /* bytes; more is ONSITE_LIMIT             */
    char           etag[REMOTE_ETAG_MAX];
                                /* in: of what the caller has, or "";
                                   out: of what is there, "" if unknown    */
    bool           fresh;       /* in: no cache is to answer               */
    bool           unchanged;   /* out: still what the caller has; body is
                                   empty then                              */
} remote_get_t;

/* OK, NOT_FOUND, LIMIT, NO_MEMORY, IO; etag stays as it is unless OK. */
onsite_status_t remote_get(remote_t *remote, const char *name,
    remote_get_t *get, onsite_error_t *error);


/* A large object into a file. */

typedef struct {
    const char  *path;          /* what is there of an earlier attempt at the
                                   same object is gone on with, where store
                                   and object are still the same; PATH.etag
                                   remembers which that was                */
    uint64_t     size;          /* that it has to have                     */
    bar_t       *bar;           /* may be NULL                             */
    uint64_t     received;      /* out: bytes that came this time          */
} remote_fetch_t;

/*
 * OK: path has size bytes; PATH.etag is gone.  INVALID: the object has another
 * size; both files are gone.  NOT_FOUND, IO: what came is left for the next
 * attempt.  What the bytes are is for the caller to verify, who removes the
 * file if they are wrong.
 */
onsite_status_t remote_fetch(remote_t *remote, const char *name,
    remote_fetch_t *fetch, onsite_error_t *error);


/* Upload. */

typedef struct {
    const char    *path;        /* a file, or (NULL)                       */
    onsite_str_t   bytes;       /* these                                   */
    const char    *type;        /* content type                            */
    bar_t         *bar;         /* may be NULL                             */
} remote_put_t;

/* Makes the folders (collections) of the name where the store has any. */
onsite_status_t remote_put(remote_t *remote, const char *name,
    const remote_put_t *put, onsite_error_t *error);

/* OK and its size, or NOT_FOUND. */
onsite_status_t remote_exists(remote_t *remote, const char *name,
    uint64_t *size, onsite_error_t *error);

#endif
