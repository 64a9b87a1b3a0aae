/*
 * remote_request.c - one HTTP request, by libcurl, and in words what came of
 * it.
 *
 * Certificates are always verified, a redirect never leads from https to
 * http, nor to anything that is neither; a server that sends next to nothing
 * is given up.
 */

#include "remote_http.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define REDIRECTS_MAX    3
#define CONNECT_SECONDS  10
#define STALL_BYTES      64         /* a second; below that it stalls */
#define RETRY_AFTER_MAX  3600
#define SETTLED_SECONDS  2
#define AGENT            "lmdb-loader"


void
http_add_header(http_request_t *request, const char *name, const char *value)
{
    request->headers[request->n_headers++] = (remote_header_t) { name, value };
}


void
http_write_path(const http_t *http, const char *name, onsite_buf_t *out)
{
    onsite_buf_printf(out, "%s/", http->path);
    remote_encode(out, name);
}


/* What comes */

static size_t
on_body(char *data, size_t one, size_t size, void *pointer)
{
    http_request_t  *request = pointer;

    (void) one;

    if (request->status >= 200 && request->status < 300) {
        return request->sink == NULL || request->sink(request, data, size)
               ? size : 0;
    }

    if (request->error_body.len + size <= HTTP_ERROR_BODY) {
        onsite_buf_append(&request->error_body, data, size);
    }

    return size;
}


/* "Name: value\r\n" into value, where it fits and has no control bytes. */

static void
take_header(onsite_str_t line, const char *name, char *value, size_t size)
{
    size_t  i, n = strlen(name);

    if (line.len <= n || strncasecmp(line.data, name, n) != 0
        || line.data[n] != ':')
    {
        return;
    }

    line.data += n + 1;
    line.len -= n + 1;

    while (line.len != 0 && isspace((unsigned char) line.data[line.len - 1])) {
        line.len--;
    }

    while (line.len != 0 && isspace((unsigned char) line.data[0])) {
        line.data++;
        line.len--;
    }

    if (line.len >= size) {
        return;
    }

    for (i = 0; i < line.len; i++) {
        if (iscntrl((unsigned char) line.data[i])) {
            return;
        }
    }

    memcpy(value, line.data, line.len);
    value[line.len] = '\0';
}


/* Many servers, nginx too, make validators of size and second: what changed
 * just now may do so again and keep its own (RFC 9110, 8.8.2.2). */

const char *
http_validator(const http_request_t *request)
{
    time_t  date, modified;

    if (request->modified[0] == '\0') {
        return request->etag;
    }

    modified = curl_getdate(request->modified, NULL);
    date = request->date[0] != '\0' ? curl_getdate(request->date, NULL)
                                     : time(NULL);

    return modified != -1 && date != -1 && date - modified < SETTLED_SECONDS
           ? "" : request->etag;
}


/* Each answer begins anew: one that redirects, one that says to continue. */

static size_t
on_header(char *data, size_t one, size_t size, void *pointer)
{
    onsite_str_t     line = { size, data };
    http_request_t  *request = pointer;

    (void) one;

    if (size > 5 && strncmp(data, "HTTP/", 5) == 0) {
        request->status = 0;
        request->etag[0] = '\0';
        request->modified[0] = '\0';
        request->date[0] = '\0';
        request->content_range[0] = '\0';
        request->encoding[0] = '\0';

        while (line.len != 0 && *line.data != ' ') {
            line.data++;
            line.len--;
        }

        if (line.len > 3) {
            request->status = strtol(line.data, NULL, 10);
        }

        return size;
    }

    take_header(line, "etag", request->etag, sizeof(request->etag));
    take_header(line, "last-modified", request->modified,
                sizeof(request->modified));
    take_header(line, "date", request->date, sizeof(request->date));
    take_header(line, "content-range", request->content_range,
                sizeof(request->content_range));
    take_header(line, "content-encoding", request->encoding,
                sizeof(request->encoding));
    take_header(line, "x-amz-bucket-region", request->bucket_region,
                sizeof(request->bucket_region));

    return size;
}


static int
on_progress(void *pointer, curl_off_t to_get, curl_off_t got,
    curl_off_t to_send, curl_off_t sent)
{
    http_request_t  *request = pointer;

    (void) to_get;
    (void) to_send;

    if (request->bar != NULL && got + sent > 0
        && (request->status == 0 || request->status / 100 == 2))
    {
        bar_set(request->bar, request->bar_done + (uint64_t) (got + sent));
    }

    return remote_stopped(request->remote);
}


/* What goes */

static size_t
on_read(char *out, size_t one, size_t room, void *pointer)
{
    ssize_t          n;
    http_request_t  *request = pointer;

    (void) one;

    if (room > request->size - request->sent) {
        room = (size_t) (request->size - request->sent);
    }

    if (request->fd < 0) {
        if (room != 0) {
            memcpy(out, request->bytes.data + request->sent, room);
        }
        n = (ssize_t) room;

    } else {
        n = pread(request->fd, out, room, (off_t) request->sent);
    }

    if (n < 0 || (n == 0 && room != 0)) {
        return CURL_READFUNC_ABORT;
    }

    request->sent += (uint64_t) n;

    return (size_t) n;
}


/* Redirected, or asked for credentials, with some of the body sent. */

static int
on_seek(void *pointer, curl_off_t offset, int origin)
{
    http_request_t  *request = pointer;

    if (origin != SEEK_SET || offset < 0
        || (uint64_t) offset > request->size)
    {
        return CURL_SEEKFUNC_FAIL;
    }

    request->sent = (uint64_t) offset;

    return CURL_SEEKFUNC_OK;
}


/* Options */

static void
set_limits(const http_t *http, const http_request_t *request)
{
    bool   follow = !http->s3 && !request->no_redirects;
    CURL  *curl = http->curl;

    (void) curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void) curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR,
                            http->secure ? "https" : "http,https");
    (void) curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, follow ? 1L : 0L);
    (void) curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long) REDIRECTS_MAX);
    (void) curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
                            http->stall < CONNECT_SECONDS
                            ? http->stall : (long) CONNECT_SECONDS);
    (void) curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT,
                            (long) STALL_BYTES);
    (void) curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, http->stall);
    (void) curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    (void) curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    (void) curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                            (long) CURL_SSLVERSION_TLSv1_2);
    (void) curl_easy_setopt(curl, CURLOPT_USERAGENT, AGENT);

    /* the system's authorities stay: they are a folder of files besides */
    if (http->ca != NULL) {
        (void) curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca);
    }
}


static void
set_credentials(const http_t *http)
{
    if (http->s3) {
        return;
    }

    (void) curl_easy_setopt(http->curl, CURLOPT_HTTPAUTH,
                            (long) CURLAUTH_BASIC);

    if (http->user != NULL) {
        (void) curl_easy_setopt(http->curl, CURLOPT_USERNAME, http->user);
        (void) curl_easy_setopt(http->curl, CURLOPT_PASSWORD,
                                http->password != NULL ? http->password : "");
    } else {
        (void) curl_easy_setopt(http->curl, CURLOPT_NETRC,
                                (long) CURL_NETRC_OPTIONAL);
    }
}


static void
set_method(const http_t *http, http_request_t *request)
{
    CURL  *curl = http->curl;

    if (strcmp(request->method, "HEAD") == 0) {
        (void) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);

    } else if (strcmp(request->method, "PUT") == 0) {
        (void) curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        (void) curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
                                (curl_off_t) request->size);
        (void) curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
        (void) curl_easy_setopt(curl, CURLOPT_READDATA, request);
        (void) curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
        (void) curl_easy_setopt(curl, CURLOPT_SEEKDATA, request);

    } else if (strcmp(request->method, "GET") != 0) {
        (void) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    }
}


static void
set_callbacks(const http_t *http, http_request_t *request)
{
    CURL  *curl = http->curl;

    (void) curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void) curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
    (void) curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    (void) curl_easy_setopt(curl, CURLOPT_HEADERDATA, request);
    (void) curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void) curl_easy_setopt(curl, CURLOPT_XFERINFODATA, request);
    (void) curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}


/* False: out of memory. */

static bool
append_header(struct curl_slist **list, const char *name, const char *value)
{
    onsite_buf_t        line;
    struct curl_slist  *longer = NULL;

    onsite_buf_init(&line, 0);
    onsite_buf_printf(&line, "%s: %s", name, value);
    onsite_buf_char(&line, '\0');

    if (!line.failed) {
        longer = curl_slist_append(*list, line.data);
    }

    onsite_buf_free(&line);

    if (longer == NULL) {
        return false;
    }

    *list = longer;

    return true;
}


static bool
set_headers(const http_t *http, http_request_t *request,
    struct curl_slist **list)
{
    size_t  i;

    for (i = 0; i < request->n_headers; i++) {
        if (!append_header(list, request->headers[i].name,
                           request->headers[i].value))
        {
            return false;
        }
    }

    if (http->s3 && !s3_sign(http, request, append_header, list)) {
        return false;
    }

    return curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, *list) == CURLE_OK;
}


static bool
set_url(const http_t *http, const http_request_t *request)
{
    CURLcode      code = CURLE_OUT_OF_MEMORY;
    onsite_buf_t  url;

    onsite_buf_init(&url, 0);
    onsite_buf_printf(&url, "%s/", http->base);
    remote_encode(&url, request->name);
    onsite_buf_char(&url, '\0');

    if (!url.failed) {
        code = curl_easy_setopt(http->curl, CURLOPT_URL, url.data);
    }

    onsite_buf_free(&url);
    (void) curl_easy_setopt(http->curl, CURLOPT_PATH_AS_IS, 1L);

    return code == CURLE_OK;
}


/* What came of it */

static onsite_status_t
failed(http_request_t *request, const http_t *http, CURLcode code,
    const char *text)
{
    const char  *hint = "";

    if (*text == '\0') {
        text = curl_easy_strerror(code);
    }

    switch (code) {

    case CURLE_WRITE_ERROR:
        if (request->failure != ONSITE_OK) {
            return request->failure;
        }
        break;

    case CURLE_OUT_OF_MEMORY:
        return onsite_error(request->error, ONSITE_NO_MEMORY,
                            "out of memory");

    case CURLE_ABORTED_BY_CALLBACK:
        text = request->fd >= 0 && !remote_stopped(request->remote)
               ? "the file became shorter while it was sent" : "stopped";
        break;

    case CURLE_OPERATION_TIMEDOUT:
        return onsite_error(request->error, ONSITE_IO, "%s/%s: gave up: it "
                            "does not answer, or nothing comes for %ld s",
                            request->remote->url, request->name,
                            http->stall);

    case CURLE_UNSUPPORTED_PROTOCOL:
        text = "redirects from https to another protocol, which is not "
               "followed";
        if (!http->secure) {
            text = "redirects to a protocol that is neither http nor https";
        }
        break;

    case CURLE_TOO_MANY_REDIRECTS:
        text = "redirects more than 3 times";
        break;

    case CURLE_PEER_FAILED_VERIFICATION:
        hint = "; an authority of your own is named by --ca FILE";
        break;

    case CURLE_SSL_CONNECT_ERROR:
        if (strstr(text, "wrong version number") != NULL) {
            hint = "; does it speak TLS? If not, it is http://";
        }
        break;

    default:
        break;
    }

    return onsite_error(request->error, ONSITE_IO, "%s/%s: %s%s",
                        request->remote->url, request->name, text, hint);
}


onsite_status_t
http_request(remote_t *remote, http_request_t *request, onsite_error_t *error)
{
    char                text[CURL_ERROR_SIZE] = "";
    http_t             *http = remote->own;
    CURLcode            code = CURLE_OUT_OF_MEMORY;
    curl_off_t          wait = 0;
    struct curl_slist  *headers = NULL;

    request->remote = remote;
    request->error = error;
    request->status = 0;
    request->sent = 0;
    onsite_buf_init(&request->error_body, HTTP_ERROR_BODY + 1);

    curl_easy_reset(http->curl);
    (void) curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, text);
    set_limits(http, request);
    set_credentials(http);
    set_method(http, request);
    set_callbacks(http, request);

    if (set_url(http, request) && set_headers(http, request, &headers)) {
        code = curl_easy_perform(http->curl);
    }

    curl_slist_free_all(headers);
    (void) curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, NULL);

    if (curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK
        && wait > 0)
    {
        remote->retry_after = wait > RETRY_AFTER_MAX ? RETRY_AFTER_MAX
                                                     : (unsigned) wait;
    }

    return code == CURLE_OK ? ONSITE_OK : failed(request, http, code, text);
}


void
http_request_done(http_request_t *request)
{
    onsite_buf_free(&request->error_body);
}


/* "<Code>X</Code>" of an error's body as S3 writes it. */

static onsite_str_t
element(const onsite_buf_t *body, const char *open, const char *close)
{
    const char  *from, *to;

    if (body->len == 0 || body->failed) {
        return ONSITE_STR("");
    }

    from = memmem(body->data, body->len, open, strlen(open));
    if (from == NULL) {
        return ONSITE_STR("");
    }

    from += strlen(open);
    to = memmem(from, (size_t) (body->data + body->len - from), close,
                strlen(close));

    return to != NULL ? onsite_str(from, (size_t) (to - from))
                      : ONSITE_STR("");
}


/* What to do about a status. */

static const char *
remedy(const http_request_t *request, const http_t *http)
{
    bool  put = strcmp(request->method, "PUT") == 0;

    switch (request->status) {

    case 301: case 302: case 303: case 307: case 308:
        return "it redirects, which is not followed here: give the URL where "
               "the store is";

    case 401:
        return "credentials are missing or wrong: user:password@ in the URL, "
               "or ~/.netrc";

    case 403:
        return http->s3 ? "the key may not do that, or is not right"
                        : "the server does not allow it";

    case 404: case 409: case 500:
        return put ? "is the folder that the URL names there, and may the "
                     "server write into it?" : "";

    case 405: case 501:
        return put ? "the server takes no PUT there (nginx: dav_methods PUT "
                     "MKCOL)" : "";

    case 413:
        return "larger than the server takes (nginx: client_max_body_size)";

    case 507:
        return "the server has no room left";

    default:
        return "";
    }
}


static onsite_status_t
refused_by_s3(http_request_t *request, onsite_error_t *error)
{
    const char    *hint = "";
    onsite_str_t   code, message;

    code = element(&request->error_body, "<Code>", "</Code>");
    message = element(&request->error_body, "<Message>", "</Message>");

    if (request->bucket_region[0] != '\0' && request->status / 100 == 3) {
        return onsite_error(error, ONSITE_IO, "%s/%s: status %ld: the bucket "
                            "is in the region %s (--s3-region)",
                            request->remote->url, request->name,
                            request->status, request->bucket_region);
    }

    if (onsite_str_eq(code, ONSITE_STR("RequestTimeTooSkewed"))) {
        hint = "; is the clock of this machine right?";
    }

    return onsite_error(error, onsite_str_eq(code, ONSITE_STR("NoSuchKey"))
                               ? ONSITE_NOT_FOUND : ONSITE_IO,
                        "%s/%s: status %ld: %.*s: %.*s%s",
                        request->remote->url, request->name, request->status,
                        (int) code.len, code.data,
                        (int) (message.len > 200 ? 200 : message.len),
                        message.data, hint);
}


onsite_status_t
http_refused(http_request_t *request, onsite_error_t *error)
{
    bool           put = strcmp(request->method, "PUT") == 0;
    const char    *hint;
    const http_t  *http = request->remote->own;

    if (http->s3 && element(&request->error_body, "<Code>", "</Code>").len) {
        return refused_by_s3(request, error);
    }

    hint = remedy(request, http);

    return onsite_error(error, !put && (request->status == 404
                                        || request->status == 410)
                               ? ONSITE_NOT_FOUND : ONSITE_IO,
                        "%s/%s: status %ld%s%s", request->remote->url,
                        request->name, request->status,
                        *hint != '\0' ? ": " : "", hint);
}
