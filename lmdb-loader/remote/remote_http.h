/*
 * remote_http.h - stores that are reached by HTTP.
 *
 * remote_request.c makes one request and says in words what came of it;
 * remote_http.c and remote_fetch.c say what it is good for; remote_s3.c adds
 * what S3 wants.
 */

#ifndef REMOTE_HTTP_H
#define REMOTE_HTTP_H

#include "remote_private.h"
#include "remote_sign.h"

#include <curl/curl.h>

#define HTTP_ERROR_BODY   2048      /* bytes of an error's body that are read */
#define HTTP_HEADERS_MAX  6

typedef struct {
    CURL           *curl;
    char           *base;           /* no credentials, no slash at its end */
    char           *host;           /* with the port, if it is not usual   */
    char           *path;           /* of base, as it is sent              */
    char           *user;           /* or NULL                             */
    char           *password;
    const char     *ca;
    long            stall;          /* seconds                             */
    bool            secure;         /* https                               */

    bool            s3;
    remote_key_t    key;
    const char     *token;          /* of a session, or NULL               */

    char            known[REMOTE_NAME_MAX + 1];
                                    /* a collection that is there: "site/" */
} http_t;


/* One request and what came of it. */

typedef struct http_request_s  http_request_t;

struct http_request_s {
    const char       *method;       /* GET, HEAD, PUT, MKCOL               */
    const char       *name;
    remote_header_t   headers[HTTP_HEADERS_MAX];
    size_t            n_headers;
    bool              no_redirects;

    /* PUT: the body, from a file (fd >= 0) or of bytes */
    int               fd;
    onsite_str_t      bytes;
    uint64_t          size;
    uint64_t          sent;

    /* bytes of an answer with status 2xx; false ends the request, with error
     * set and failure what it then returns */
    bool            (*sink)(http_request_t *request, const char *data,
                            size_t size);
    void             *data;
    onsite_status_t   failure;

    bar_t            *bar;
    uint64_t          bar_done;     /* before this request                 */

    /* of the answer */
    remote_t         *remote;
    onsite_error_t   *error;
    long              status;
    char              etag[REMOTE_ETAG_MAX];
    char              modified[64];
    char              date[64];
    char              content_range[128];
    char              encoding[64];
    char              bucket_region[64];
    onsite_buf_t      error_body;
};


/* Takes a good http:// or https:// URL apart; INVALID otherwise. */
onsite_status_t http_create(const char *url, const remote_options_t *options,
    http_t **http, onsite_error_t *error);
void http_destroy(http_t *http);

/* The operations on objects. */
extern const remote_kind_t  http_kind;

/*
 * OK: an answer came whole, whatever its status is; else error is set.
 * http_request_done is called behind either.
 */
onsite_status_t http_request(remote_t *remote, http_request_t *request,
    onsite_error_t *error);
void http_request_done(http_request_t *request);

/* Of an answer that is not what was asked for: error says what to do. */
onsite_status_t http_refused(http_request_t *request, onsite_error_t *error);

/* The ETag, or "" where it does not prove that nothing changed. */
const char *http_validator(const http_request_t *request);

void http_add_header(http_request_t *request, const char *name,
    const char *value);

onsite_status_t http_fetch(remote_t *remote, const char *name,
    remote_fetch_t *fetch, onsite_error_t *error);


/* The path of an object as it is sent: base's, and the encoded name. */
void http_write_path(const http_t *http, const char *name, onsite_buf_t *out);

/* Adds a header to what is sent; false: out of memory. */
typedef bool (*http_append_pt)(struct curl_slist **list, const char *name,
    const char *value);

/* Headers that make a request one of S3; false: out of memory, or the file to
 * be sent cannot be read. */
bool s3_sign(const http_t *http, const http_request_t *request,
    http_append_pt append, struct curl_slist **list);

#endif
