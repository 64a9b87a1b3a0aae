/*
 * endpoints.h - where deliveries may go, as a file says: URLs, and how each is
 * to be called.  docs/loader.md has its keys.
 *
 *   endpoints.c        the file, and which URL it means
 *   endpoints_files.c  the files that it names
 */

#ifndef ENDPOINTS_H
#define ENDPOINTS_H

#include "onsite_arena.h"
#include "webhook.h"

#define ENDPOINTS_BYTES_MAX    (1 << 20)    /* of the file                 */
#define ENDPOINTS_HEADERS_MAX  16
#define ENDPOINTS_URL_MAX      2048
#define ENDPOINTS_HOST_MAX     256

/* Where a URL leads, as far as it matters to who may be called. */
typedef struct {
    bool  secure;                           /* https                       */
    char  host[ENDPOINTS_HOST_MAX];
    char  port[8];
    char  path[ENDPOINTS_URL_MAX];          /* "/" at least                */
} endpoints_place_t;

typedef struct {
    const char         *url;                /* as it is told               */
    endpoints_place_t   place;
    webhook_secret_t    secrets[WEBHOOK_SECRETS_MAX];
    size_t              n_secrets;          /* 0: not signed               */
    const char         *headers[ENDPOINTS_HEADERS_MAX];     /* "Name: …"   */
    size_t              n_headers;
    const char         *ca;                 /* a file, or NULL             */
    double              rate;               /* a second; 0: no bound       */
    unsigned            concurrency;
    onsite_ms_t         timeout;
    bool                plain;              /* data without the envelope   */
    bool                private;            /* addresses, too, that are not
                                               the Internet's              */
} endpoint_t;

typedef struct {
    onsite_arena_t  *arena;
    endpoint_t     **list;
    size_t           n;
} endpoints_t;

/*
 * What is not said of an endpoint is as of defaults, its secrets, too.
 * INVALID, IO, LIMIT: error names file, place and remedy.  To be freed either
 * way.
 */
onsite_status_t endpoints_read(const char *path, const endpoint_t *defaults,
    endpoints_t *endpoints, onsite_error_t *error);
void endpoints_free(endpoints_t *endpoints);

/* The one that the place lies in, the longest path first; NULL: none. */
const endpoint_t *endpoints_find(const endpoints_t *endpoints,
    const endpoints_place_t *place);

/* The host is an address, and not one of the Internet's. */
bool endpoints_is_private(const endpoints_place_t *place);

/* INVALID: not an absolute URL of http or https, or one with a user. */
onsite_status_t endpoints_place(const char *url, endpoints_place_t *place,
    onsite_error_t *error);

/* Adds the secrets of a file, one a line; blank lines and those that begin
 * with # are none. */
onsite_status_t endpoints_secrets(const char *path, endpoint_t *endpoint,
    onsite_error_t *error);

/* Adds the headers of a file, likewise; they live in the arena. */
onsite_status_t endpoints_headers(const char *path, onsite_arena_t *arena,
    endpoint_t *endpoint, onsite_error_t *error);

/* OK: a file that can be read, and holds a certificate. */
onsite_status_t endpoints_ca(const char *path, onsite_error_t *error);

#endif
