/*
 * remote_fetch.c - a large object into a file, gone on with where it broke
 * off.
 *
 * PATH.etag says which object PATH has the beginning of: the URL, and the
 * strong validator that came with it.  It is removed before PATH is cut and
 * written before the first byte, so that PATH never has bytes of another one;
 * the server compares the validator (If-Range) and sends all where the object
 * is another one by now.
 */

#include "remote_http.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK_MAX  (REMOTE_URL_MAX + REMOTE_NAME_MAX + REMOTE_ETAG_MAX + 4)

typedef struct {
    remote_fetch_t  *fetch;
    char             mark[PATH_MAX];    /* PATH.etag                       */
    int              fd;
    uint64_t         have;              /* bytes of the object in PATH     */
    char             etag[REMOTE_ETAG_MAX];
    bool             begun;             /* the answer was looked at        */
    bool             useless;           /* what is there is of no use      */
} download_t;


static onsite_status_t
failed(const download_t *download, onsite_error_t *error)
{
    return onsite_error(error, ONSITE_IO, "%s: cannot be written: %s",
                        download->fetch->path, strerror(errno));
}


/* What is there of an earlier attempt: sets have and etag. */

static void
read_mark(const remote_t *remote, const char *name, download_t *download)
{
    char         text[MARK_MAX], url[REMOTE_URL_MAX + REMOTE_NAME_MAX + 2];
    FILE        *file;
    size_t       n, len;
    struct stat  st;

    file = fopen(download->mark, "re");
    if (file == NULL) {
        return;
    }

    n = fread(text, 1, sizeof(text) - 1, file);
    (void) fclose(file);
    text[n] = '\0';

    (void) snprintf(url, sizeof(url), "%s/%s\n", remote->url, name);
    len = strlen(url);

    if (strncmp(text, url, len) != 0 || n < len + 2
        || n - len > REMOTE_ETAG_MAX || text[n - 1] != '\n'
        || strlen(text) != n || fstat(download->fd, &st) != 0
        || (uint64_t) st.st_size > download->fetch->size)
    {
        return;
    }

    text[n - 1] = '\0';
    (void) strcpy(download->etag, text + len);
    download->have = (uint64_t) st.st_size;
}


/* A weak validator says nothing about bytes. */

static bool
write_mark(const remote_t *remote, const http_request_t *request,
    const download_t *download)
{
    FILE        *file;
    const char  *etag = http_validator(request);

    if (*etag != '"') {
        return true;
    }

    file = fopen(download->mark, "we");

    if (file == NULL) {
        return false;
    }

    (void) fprintf(file, "%s/%s\n%s\n", remote->url, request->name,
                   etag);

    return fclose(file) == 0;
}


static void
forget(const download_t *download)
{
    (void) unlink(download->mark);
    (void) unlink(download->fetch->path);
}


static onsite_status_t
wrong_size(const http_request_t *request, const download_t *download,
    const char *size, onsite_error_t *error)
{
    return onsite_error(error, ONSITE_INVALID, "%s/%s: has %s bytes instead "
                        "of %" PRIu64, request->remote->url, request->name,
                        size, download->fetch->size);
}


/* "bytes 100-199/200": whether it goes on where we are; and with the same
 * object, as S3 does not promise to heed If-Range. */

static onsite_status_t
check_range(http_request_t *request, download_t *download)
{
    char      *end;
    uint64_t   from;

    if (strncmp(request->content_range, "bytes ", 6) != 0) {
        from = UINT64_MAX;
        end = request->content_range;

    } else {
        from = strtoull(request->content_range + 6, &end, 10);

        if (*end == '-') {
            (void) strtoull(end + 1, &end, 10);
        }
    }

    if (from != download->have || *end != '/'
        || (request->etag[0] != '\0' && download->etag[0] != '\0'
            && strcmp(request->etag, download->etag) != 0))
    {
        download->useless = true;
        return onsite_error(request->error, ONSITE_IO, "%s/%s: sends another "
                            "range than was asked for",
                            request->remote->url, request->name);
    }

    if (end[1] != '*' && strtoull(end + 1, NULL, 10) != download->fetch->size)
    {
        return wrong_size(request, download, end + 1, request->error);
    }

    return ONSITE_OK;
}


/* All of it comes: what is there goes. */

static onsite_status_t
start_anew(http_request_t *request, download_t *download)
{
    char        text[24];
    http_t     *http = request->remote->own;
    curl_off_t  length = -1;

    (void) curl_easy_getinfo(http->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
                             &length);

    if (length >= 0 && (uint64_t) length != download->fetch->size) {
        (void) snprintf(text, sizeof(text), "%" PRId64, (int64_t) length);
        return wrong_size(request, download, text, request->error);
    }

    (void) unlink(download->mark);
    download->have = 0;
    request->bar_done = 0;

    if (ftruncate(download->fd, 0) != 0
        || !write_mark(request->remote, request, download))
    {
        return failed(download, request->error);
    }

    return ONSITE_OK;
}


static bool
take_bytes(http_request_t *request, const char *data, size_t size)
{
    ssize_t      n;
    download_t  *download = request->data;

    if (!download->begun) {
        download->begun = true;
        request->failure = request->status == 206
                           ? check_range(request, download)
                           : start_anew(request, download);
    }

    if (request->failure == ONSITE_OK
        && size > download->fetch->size - download->have)
    {
        request->failure = wrong_size(request, download, "more",
                                      request->error);
    }

    while (request->failure == ONSITE_OK && size != 0) {
        n = pwrite(download->fd, data, size, (off_t) download->have);

        if (n < 0 && errno != EINTR) {
            request->failure = failed(download, request->error);

        } else if (n > 0) {
            data += n;
            size -= (size_t) n;
            download->have += (uint64_t) n;
            download->fetch->received += (uint64_t) n;
        }
    }

    return request->failure == ONSITE_OK;
}


static onsite_status_t
fetch_once(remote_t *remote, const char *name, download_t *download,
    onsite_error_t *error)
{
    char             range[32];
    onsite_status_t  status;
    http_request_t   request = { .method = "GET", .name = name, .fd = -1,
                                 .sink = take_bytes, .data = download,
                                 .bar = download->fetch->bar,
                                 .bar_done = download->have };

    if (download->have != 0) {
        (void) snprintf(range, sizeof(range), "bytes=%" PRIu64 "-",
                        download->have);
        http_add_header(&request, "Range", range);
        http_add_header(&request, "If-Range", download->etag);
    }

    download->begun = false;
    download->useless = false;

    status = http_request(remote, &request, error);

    if (status == ONSITE_OK && request.status != 200
        && (request.status != 206 || download->etag[0] == '\0'))
    {
        download->useless = request.status == 416
                            && download->etag[0] != '\0';
        status = http_refused(&request, error);

    } else if (status == ONSITE_OK
               && download->have != download->fetch->size)
    {
        status = onsite_error(error, ONSITE_IO, "%s/%s: broke off after %"
                              PRIu64 " of %" PRIu64 " bytes", remote->url,
                              name, download->have, download->fetch->size);
    }

    http_request_done(&request);

    return status;
}


static onsite_status_t
fetch_into(remote_t *remote, const char *name, download_t *download,
    onsite_error_t *error)
{
    onsite_status_t  status;

    read_mark(remote, name, download);

    if (download->have == download->fetch->size && download->have != 0) {
        return ONSITE_OK;
    }

    status = fetch_once(remote, name, download, error);

    if (download->useless) {
        (void) unlink(download->mark);
        download->have = 0;
        download->etag[0] = '\0';
        download->fetch->received = 0;
        status = fetch_once(remote, name, download, error);
    }

    return status;
}


onsite_status_t
http_fetch(remote_t *remote, const char *name, remote_fetch_t *fetch,
    onsite_error_t *error)
{
    download_t       download = { .fetch = fetch };
    onsite_status_t  status;

    if (snprintf(download.mark, sizeof(download.mark), "%s.etag",
                 fetch->path) >= (int) sizeof(download.mark))
    {
        return onsite_error(error, ONSITE_INVALID, "%s: the path is too long",
                            fetch->path);
    }

    download.fd = open(fetch->path, O_RDWR|O_CREAT|O_CLOEXEC, 0644);
    if (download.fd < 0) {
        return failed(&download, error);
    }

    status = fetch_into(remote, name, &download, error);

    if (close(download.fd) != 0 && status == ONSITE_OK) {
        status = failed(&download, error);
    }

    if (status == ONSITE_OK) {
        (void) unlink(download.mark);

    } else if (status == ONSITE_INVALID || download.have == 0) {
        forget(&download);
    }

    return status;
}
