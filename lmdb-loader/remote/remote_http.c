/*
 * remote_http.c - a store on an HTTP server: what is got and put there.
 */

#include "remote_http.h"
#include "remote_url.h"
#include "onsite_campaign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STALL_DEFAULT  (30 * ONSITE_SECOND)


/* A URL, and options */

static void
cut_slashes(char *text)
{
    size_t  n = strlen(text);

    while (n != 0 && text[n - 1] == '/') {
        text[--n] = '\0';
    }
}


/* "host" or "host:8080", as curl puts it into the Host header. */

static bool
take_host(CURLU *url, http_t *http)
{
    char          *host, *port;
    onsite_buf_t   text;

    host = url_part(url, CURLUPART_HOST, 0);
    port = url_part(url, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);

    onsite_buf_init(&text, 0);

    if (host != NULL) {
        onsite_buf_printf(&text, "%s%s%s", host, port != NULL ? ":" : "",
                          port != NULL ? port : "");
        onsite_buf_char(&text, '\0');
    }

    free(host);
    free(port);

    if (host == NULL || text.failed) {
        onsite_buf_free(&text);
        return false;
    }

    http->host = text.data;

    return true;
}


static bool
take_parts(CURLU *url, http_t *http)
{
    char  *scheme;

    scheme = url_part(url, CURLUPART_SCHEME, 0);
    http->secure = scheme != NULL && strcmp(scheme, "https") == 0;
    free(scheme);

    http->user = url_part(url, CURLUPART_USER, CURLU_URLDECODE);
    http->password = url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    (void) curl_url_set(url, CURLUPART_USER, NULL, 0);
    (void) curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);

    http->base = url_part(url, CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
    http->path = url_part(url, CURLUPART_PATH, 0);

    if (http->base == NULL || http->path == NULL || !take_host(url, http)) {
        return false;
    }

    cut_slashes(http->base);
    cut_slashes(http->path);

    return true;
}


static onsite_status_t
take_url(const char *text, http_t *http, onsite_error_t *error)
{
    CURLU            *url = curl_url();
    CURLUcode         code;
    onsite_status_t   status = ONSITE_OK;

    if (url == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    code = curl_url_set(url, CURLUPART_URL, text, 0);

    if (code != CURLUE_OK) {
        status = onsite_error(error, ONSITE_INVALID, "the store's URL is not "
                              "well formed: %s", curl_url_strerror(code));

    } else if (url_has(url, CURLUPART_QUERY)
               || url_has(url, CURLUPART_FRAGMENT))
    {
        status = onsite_error(error, ONSITE_INVALID, "the store's URL has a "
                              "query or a fragment: names of objects are "
                              "added to its path");

    } else if (!take_parts(url, http)) {
        status = onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    curl_url_cleanup(url);

    return status;
}


static onsite_status_t
take_options(const remote_options_t *options, http_t *http,
    onsite_error_t *error)
{
    onsite_ms_t  stall = STALL_DEFAULT;

    if (options != NULL && options->stall != NULL
        && (onsite_duration_read(onsite_str_of(options->stall), &stall)
            != ONSITE_OK || stall < ONSITE_SECOND || stall > ONSITE_HOUR))
    {
        return onsite_error(error, ONSITE_INVALID, "--stall: \"%s\" is not a "
                            "duration between 1s and 1h", options->stall);
    }

    http->stall = (long) (stall / ONSITE_SECOND);
    http->ca = options != NULL ? options->ca : NULL;

    if (http->ca != NULL && access(http->ca, R_OK) != 0) {
        return onsite_error(error, ONSITE_IO, "--ca: %s: %s", http->ca,
                            strerror(errno));
    }

    return ONSITE_OK;
}


onsite_status_t
http_create(const char *url, const remote_options_t *options, http_t **http,
    onsite_error_t *error)
{
    onsite_status_t  status;

    *http = calloc(1, sizeof(http_t));
    if (*http == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    (void) curl_global_init(CURL_GLOBAL_DEFAULT);

    status = take_url(url, *http, error);

    if (status == ONSITE_OK) {
        status = take_options(options, *http, error);
    }

    (*http)->curl = status == ONSITE_OK ? curl_easy_init() : NULL;

    if (status == ONSITE_OK && (*http)->curl == NULL) {
        status = onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    if (status != ONSITE_OK) {
        http_destroy(*http);
        *http = NULL;
    }

    return status;
}


void
http_destroy(http_t *http)
{
    curl_easy_cleanup(http->curl);
    curl_global_cleanup();
    free(http->base);
    free(http->host);
    free(http->path);
    free(http->user);
    free(http->password);
    free(http);
}


onsite_status_t
remote_http_open(remote_t *remote, const char *url,
    const remote_options_t *options, onsite_error_t *error)
{
    http_t           *http;
    onsite_status_t   status;

    status = http_create(url, options, &http, error);
    if (status != ONSITE_OK) {
        return status;
    }

    (void) snprintf(remote->url, sizeof(remote->url), "%s", http->base);
    remote->own = http;
    remote->kind = &http_kind;

    return ONSITE_OK;
}


static void
http_close(remote_t *remote)
{
    http_destroy(remote->own);
}


/* Objects */

static bool
is_known(const http_t *http, const char *name)
{
    size_t       n = strlen(http->known);
    const char  *slash = strrchr(name, '/');

    return slash == NULL
           || ((size_t) (slash - name + 1) <= n
               && strncmp(http->known, name, (size_t) (slash - name + 1))
                  == 0);
}


static void
know(http_t *http, const char *name)
{
    const char  *slash = strrchr(name, '/');

    if (slash != NULL) {
        (void) snprintf(http->known, sizeof(http->known), "%.*s",
                        (int) (slash - name + 1), name);
    }
}


static bool
take_small(http_request_t *request, const char *data, size_t size)
{
    remote_get_t  *get = request->data;

    if (get->body->len + size > get->max) {
        request->failure = onsite_error(request->error, ONSITE_LIMIT,
                                        "%s/%s: has more than %zu bytes",
                                        request->remote->url, request->name,
                                        get->max);
        return false;
    }

    onsite_buf_append(get->body, data, size);

    if (get->body->failed) {
        request->failure = onsite_error(request->error, ONSITE_NO_MEMORY,
                                        "out of memory");
    }

    return !get->body->failed;
}


/* Some stores name an encoding of what was sent to them, and send it plain:
 * small objects are text. */

static bool
is_encoded(const http_request_t *request, const onsite_buf_t *body)
{
    return request->encoding[0] != '\0' && body->len != 0
           && strchr("{[< \t\r\n", body->data[0]) == NULL;
}


static onsite_status_t
http_get(remote_t *remote, const char *name, remote_get_t *get,
    onsite_error_t *error)
{
    onsite_status_t  status;
    http_request_t   request = { .method = "GET", .name = name, .fd = -1,
                                 .sink = take_small, .data = get };

    if (get->etag[0] != '\0') {
        http_add_header(&request, "If-None-Match", get->etag);
    }

    if (get->fresh) {
        http_add_header(&request, "Cache-Control", "no-cache");
    }

    status = http_request(remote, &request, error);

    if (status == ONSITE_OK && request.status == 304
        && get->etag[0] != '\0')
    {
        get->unchanged = true;
        know(remote->own, name);

    } else if (status == ONSITE_OK && request.status != 200) {
        status = http_refused(&request, error);

    } else if (status == ONSITE_OK && is_encoded(&request, get->body)) {
        status = onsite_error(error, ONSITE_INVALID, "%s/%s: comes with "
                              "Content-Encoding: %s, which was not asked for:"
                              " the store has to send it as it is",
                              remote->url, name, request.encoding);

    } else if (status == ONSITE_OK) {
        (void) strcpy(get->etag, http_validator(&request));
        know(remote->own, name);
    }

    if (status != ONSITE_OK || get->unchanged) {
        onsite_buf_clear(get->body);
    }

    http_request_done(&request);

    return status;
}


static onsite_status_t
http_exists(remote_t *remote, const char *name, uint64_t *size,
    onsite_error_t *error)
{
    http_t           *http = remote->own;
    curl_off_t        length = -1;
    onsite_status_t   status;
    http_request_t    request = { .method = "HEAD", .name = name, .fd = -1 };

    status = http_request(remote, &request, error);

    if (status == ONSITE_OK && request.status != 200) {
        status = http_refused(&request, error);

    } else if (status == ONSITE_OK) {
        (void) curl_easy_getinfo(http->curl,
                                 CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        *size = length > 0 ? (uint64_t) length : 0;
        know(http, name);
    }

    http_request_done(&request);

    return status;
}


/* Each collection that a name has.  What the server says is no matter: it may
 * have them already, or need none; nginx answers a PUT into one that is missing
 * with 500, after all of the body came. */

static onsite_status_t
make_collections(remote_t *remote, const char *name, onsite_error_t *error)
{
    char             part[REMOTE_NAME_MAX + 1];
    const char      *slash;
    onsite_status_t  status = ONSITE_OK;

    for (slash = strchr(name, '/'); slash != NULL && status == ONSITE_OK;
         slash = strchr(slash + 1, '/'))
    {
        http_request_t  request = { .method = "MKCOL", .name = part,
                                    .fd = -1, .no_redirects = true };

        (void) snprintf(part, sizeof(part), "%.*s",
                        (int) (slash - name + 1), name);
        status = http_request(remote, &request, error);
        http_request_done(&request);
    }

    return status;
}


static onsite_status_t
put_body(remote_t *remote, http_request_t *request, onsite_error_t *error)
{
    char             *method = NULL;
    http_t           *http = remote->own;
    onsite_status_t   status;

    status = http_request(remote, request, error);
    if (status != ONSITE_OK) {
        return status;
    }

    if (request->status / 100 != 2) {
        return http_refused(request, error);
    }

    (void) curl_easy_getinfo(http->curl, CURLINFO_EFFECTIVE_METHOD, &method);

    if (method == NULL || strcmp(method, "PUT") != 0) {
        return onsite_error(error, ONSITE_IO, "%s/%s: redirects the PUT to "
                            "something that is got instead", remote->url,
                            request->name);
    }

    know(http, request->name);

    return ONSITE_OK;
}


static onsite_status_t
put_from(remote_t *remote, const char *name, const remote_put_t *put, int fd,
    uint64_t size, onsite_error_t *error)
{
    http_t           *http = remote->own;
    onsite_status_t   status = ONSITE_OK;
    http_request_t    request = { .method = "PUT", .name = name, .fd = fd,
                                  .bytes = put->bytes, .size = size,
                                  .bar = put->bar };

    if (!http->s3 && !is_known(http, name)) {
        status = make_collections(remote, name, error);
    }

    if (status == ONSITE_OK) {
        http_add_header(&request, "Content-Type", put->type);
        status = put_body(remote, &request, error);
        http_request_done(&request);
    }

    return status;
}


static onsite_status_t
http_put(remote_t *remote, const char *name, const remote_put_t *put,
    onsite_error_t *error)
{
    int              fd;
    struct stat      st;
    onsite_status_t  status;

    if (put->path == NULL) {
        return put_from(remote, name, put, -1, put->bytes.len, error);
    }

    fd = open(put->path, O_RDONLY|O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0) {
        status = onsite_error(error, ONSITE_IO, "%s: cannot be read: %s",
                              put->path, strerror(errno));
    } else {
        status = put_from(remote, name, put, fd, (uint64_t) st.st_size,
                          error);
    }

    if (fd >= 0) {
        (void) close(fd);
    }

    return status;
}


const remote_kind_t  http_kind = {
    http_get, http_fetch, http_put, http_exists, http_close
};
