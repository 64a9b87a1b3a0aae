/*
 * remote.c - a store by its URL; what the kinds have in common.
 */

#include "remote_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>


bool
remote_stopped(const remote_t *remote)
{
    return remote->stop != NULL && *remote->stop;
}


bool
remote_decode(char *text)
{
    int    high, low;
    char  *out = text;

    for ( ; *text != '\0'; text++) {
        if (*text != '%') {
            *out++ = *text;
            continue;
        }

        high = onsite_hex_digit(text[1]);
        low = high >= 0 ? onsite_hex_digit(text[2]) : -1;

        if (low < 0 || (high == 0 && low == 0)) {
            return false;
        }

        *out++ = (char) (high << 4 | low);
        text += 2;
    }

    *out = '\0';

    return true;
}


static bool
has_scheme(const char *url, const char *scheme)
{
    size_t  n = strlen(scheme);

    return strncasecmp(url, scheme, n) == 0 && strncmp(url + n, "://", 3) == 0;
}


/* "file:///dir" or "file://localhost/dir". */

static onsite_status_t
open_file_url(remote_t *remote, const char *url, onsite_error_t *error)
{
    char         path[REMOTE_URL_MAX];
    const char  *rest = url + strlen("file://");

    if (strncasecmp(rest, "localhost/", 10) == 0) {
        rest += 9;
    }

    if (*rest != '/') {
        return onsite_error(error, ONSITE_INVALID, "\"%s\": file:// takes an "
                            "absolute path, such as file:///srv/store", url);
    }

    (void) strcpy(path, rest);

    if (!remote_decode(path)) {
        return onsite_error(error, ONSITE_INVALID, "\"%s\": a %% stands "
                            "before two hexadecimal digits", url);
    }

    return remote_file_open(remote, path, error);
}


static onsite_status_t
open_kind(remote_t *remote, const char *url, const remote_options_t *options,
    onsite_error_t *error)
{
    if (has_scheme(url, "file")) {
        return open_file_url(remote, url, error);
    }

    if (has_scheme(url, "http") || has_scheme(url, "https")) {
        return remote_http_open(remote, url, options, error);
    }

    if (has_scheme(url, "s3")) {
        return remote_s3_open(remote, url, options, error);
    }

    if (strstr(url, "://") == NULL) {
        return remote_file_open(remote, url, error);
    }

    return onsite_error(error, ONSITE_INVALID, "\"%.*s\": a store is a folder "
                        "or a URL that begins with file://, https://, http:// "
                        "or s3://",
                        (int) strcspn(url, ":"), url);
}


/* Control bytes have no place in a URL, and would break what we log. */

static onsite_status_t
check_url(const char *url, onsite_error_t *error)
{
    const char  *p;

    if (*url == '\0') {
        return onsite_error(error, ONSITE_INVALID, "the store's URL is empty");
    }

    if (strlen(url) >= REMOTE_URL_MAX) {
        return onsite_error(error, ONSITE_INVALID, "the store's URL has more "
                            "than %d bytes", REMOTE_URL_MAX - 1);
    }

    for (p = url; *p != '\0'; p++) {
        if (iscntrl((unsigned char) *p)) {
            return onsite_error(error, ONSITE_INVALID, "the store's URL has a "
                                "control byte");
        }
    }

    return ONSITE_OK;
}


onsite_status_t
remote_open(const char *url, const remote_options_t *options,
    remote_t **remote, onsite_error_t *error)
{
    remote_t         *opened;
    onsite_status_t   status;

    *remote = NULL;

    status = check_url(url, error);
    if (status != ONSITE_OK) {
        return status;
    }

    opened = calloc(1, sizeof(remote_t));
    if (opened == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    opened->stop = options != NULL ? options->stop : NULL;

    status = open_kind(opened, url, options, error);

    if (status != ONSITE_OK) {
        free(opened);
        return status;
    }

    *remote = opened;

    return ONSITE_OK;
}


void
remote_close(remote_t *remote)
{
    if (remote != NULL) {
        remote->kind->close(remote);
        free(remote);
    }
}


const char *
remote_url(const remote_t *remote)
{
    return remote->url;
}


const char *
remote_folder(const remote_t *remote)
{
    return remote->folder;
}


unsigned
remote_retry_after(const remote_t *remote)
{
    return remote->retry_after;
}


static bool
is_bad_part(const char *part, size_t n)
{
    return n == 0 || (n == 1 && part[0] == '.')
           || (n == 2 && part[0] == '.' && part[1] == '.');
}


/* A name never leads out of the store, whatever a manifest says. */

static onsite_status_t
check_name(const char *name, onsite_error_t *error)
{
    size_t       n;
    const char  *p;

    for (p = name; *p != '\0'; p++) {
        if (iscntrl((unsigned char) *p) || *p == '\\') {
            return onsite_error(error, ONSITE_INVALID, "\"%s\": the name of "
                                "an object has no control bytes and no \\",
                                name);
        }
    }

    if (p - name > REMOTE_NAME_MAX) {
        return onsite_error(error, ONSITE_INVALID, "the name of an object has "
                            "more than %d bytes", REMOTE_NAME_MAX);
    }

    for (p = name; ; p += n + 1) {
        n = strcspn(p, "/");

        if (is_bad_part(p, n)) {
            return onsite_error(error, ONSITE_INVALID, "\"%s\": the name of "
                                "an object has no empty part, \".\" or \"..\"",
                                name);
        }

        if (p[n] == '\0') {
            return ONSITE_OK;
        }
    }
}


onsite_status_t
remote_get(remote_t *remote, const char *name, remote_get_t *get,
    onsite_error_t *error)
{
    onsite_status_t  status = check_name(name, error);

    onsite_buf_clear(get->body);
    get->unchanged = false;
    remote->retry_after = 0;

    return status == ONSITE_OK ? remote->kind->get(remote, name, get, error)
                               : status;
}


onsite_status_t
remote_fetch(remote_t *remote, const char *name, remote_fetch_t *fetch,
    onsite_error_t *error)
{
    onsite_status_t  status = check_name(name, error);

    fetch->received = 0;
    remote->retry_after = 0;

    return status == ONSITE_OK ? remote->kind->fetch(remote, name, fetch,
                                                     error)
                               : status;
}


onsite_status_t
remote_put(remote_t *remote, const char *name, const remote_put_t *put,
    onsite_error_t *error)
{
    onsite_status_t  status = check_name(name, error);

    remote->retry_after = 0;

    return status == ONSITE_OK ? remote->kind->put(remote, name, put, error)
                               : status;
}


onsite_status_t
remote_exists(remote_t *remote, const char *name, uint64_t *size,
    onsite_error_t *error)
{
    onsite_status_t  status = check_name(name, error);

    *size = 0;
    remote->retry_after = 0;

    return status == ONSITE_OK ? remote->kind->exists(remote, name, size,
                                                      error)
                               : status;
}
