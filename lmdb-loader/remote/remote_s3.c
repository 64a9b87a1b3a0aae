/*
 * remote_s3.c - a store in storage that speaks S3's API: its URL, whom we are
 * there, and what is signed.
 *
 * With AWS the bucket is part of the host where its name allows that; other
 * servers get it in the path.
 */

#include "remote_http.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BUCKET_MIN  3
#define BUCKET_MAX  63
#define REGION_MAX  32

typedef struct {
    char         bucket[BUCKET_MAX + 1];
    const char  *prefix;                /* no slash before it              */
    const char  *region;
    const char  *endpoint;              /* NULL: AWS                       */
} place_t;


static const char *
option_or(const char *option, const char *first, const char *second,
    const char *fallback)
{
    const char  *value = option;

    if (value == NULL || *value == '\0') {
        value = getenv(first);
    }

    if (value == NULL || *value == '\0') {
        value = getenv(second);
    }

    return value != NULL && *value != '\0' ? value : fallback;
}


static bool
is_name(const char *text, size_t n, const char *others)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (!isalnum((unsigned char) text[i])
            && (text[i] == '\0' || strchr(others, text[i]) == NULL))
        {
            return false;
        }
    }

    return n != 0;
}


/* "s3://bucket/prefix" */

static onsite_status_t
take_place(const char *url, const remote_options_t *options, place_t *place,
    onsite_error_t *error)
{
    size_t       n;
    const char  *bucket = url + strlen("s3://");

    n = strcspn(bucket, "/");

    if ((n < BUCKET_MIN || n > BUCKET_MAX) && is_name(bucket, n, ".-_")) {
        return onsite_error(error, ONSITE_INVALID, "s3://%.*s%s: names of "
                            "buckets have %d to %d characters",
                            (int) (n > BUCKET_MAX ? BUCKET_MAX : n), bucket,
                            n > BUCKET_MAX ? "..." : "", BUCKET_MIN,
                            BUCKET_MAX);
    }

    if (!is_name(bucket, n, ".-_")) {
        return onsite_error(error, ONSITE_INVALID, "s3:// takes the name of a "
                            "bucket, and perhaps a prefix: "
                            "s3://bucket/prefix");
    }

    (void) snprintf(place->bucket, sizeof(place->bucket), "%.*s", (int) n,
                    bucket);
    place->prefix = bucket + n + strspn(bucket + n, "/");

    place->region = option_or(options != NULL ? options->region : NULL,
                              "AWS_REGION", "AWS_DEFAULT_REGION",
                              "us-east-1");
    place->endpoint = option_or(options != NULL ? options->endpoint : NULL,
                                "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL",
                                NULL);

    if (strlen(place->region) > REGION_MAX
        || !is_name(place->region, strlen(place->region), "-_"))
    {
        return onsite_error(error, ONSITE_INVALID, "--s3-region: \"%.40s\" is "
                            "no region such as eu-central-1", place->region);
    }

    return ONSITE_OK;
}


static bool
is_aws_host(const char *bucket)
{
    const char  *p;

    for (p = bucket; *p != '\0'; p++) {
        if (*p == '.' || *p == '_' || isupper((unsigned char) *p)) {
            return false;
        }
    }

    return true;
}


static void
write_endpoint(const place_t *place, onsite_buf_t *out)
{
    size_t       n;
    const char  *china;

    if (place->endpoint != NULL) {
        n = strlen(place->endpoint);

        while (n != 0 && place->endpoint[n - 1] == '/') {
            n--;
        }

        onsite_buf_printf(out, "%.*s/%s", (int) n, place->endpoint,
                          place->bucket);

    } else {
        china = strncmp(place->region, "cn-", 3) == 0 ? ".cn" : "";

        if (is_aws_host(place->bucket)) {
            onsite_buf_printf(out, "https://%s.s3.%s.amazonaws.com%s",
                              place->bucket, place->region, china);
        } else {
            onsite_buf_printf(out, "https://s3.%s.amazonaws.com%s/%s",
                              place->region, china, place->bucket);
        }
    }

    if (*place->prefix != '\0') {
        onsite_buf_char(out, '/');
        remote_encode(out, place->prefix);
    }

    onsite_buf_char(out, '\0');
}


static onsite_status_t
take_key(const place_t *place, http_t *http, onsite_error_t *error)
{
    const char  *token;

    http->key = (remote_key_t) {
        .access_key = getenv("AWS_ACCESS_KEY_ID"),
        .secret_key = getenv("AWS_SECRET_ACCESS_KEY"),
        .region = place->region, .service = "s3"
    };

    if (http->key.access_key == NULL || *http->key.access_key == '\0'
        || http->key.secret_key == NULL || *http->key.secret_key == '\0')
    {
        return onsite_error(error, ONSITE_IO, "s3://%s: whom are we there? "
                            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
                            "(and AWS_SESSION_TOKEN, if there is one) have to "
                            "be in the environment", place->bucket);
    }

    if (!is_name(http->key.access_key, strlen(http->key.access_key), "-_")) {
        return onsite_error(error, ONSITE_INVALID, "AWS_ACCESS_KEY_ID has a "
                            "byte that is neither a letter nor a digit");
    }

    token = getenv("AWS_SESSION_TOKEN");
    http->token = token != NULL && *token != '\0' ? token : NULL;

    return ONSITE_OK;
}


static onsite_status_t
open_endpoint(const place_t *place, const remote_options_t *options,
    http_t **http, onsite_error_t *error)
{
    onsite_buf_t     url;
    onsite_status_t  status;

    onsite_buf_init(&url, REMOTE_URL_MAX);
    write_endpoint(place, &url);

    if (url.failed) {
        status = onsite_error(error, ONSITE_INVALID, "the store's URL has "
                              "more than %d bytes", REMOTE_URL_MAX - 1);

    } else if (place->endpoint != NULL
               && strncmp(place->endpoint, "http://", 7) != 0
               && strncmp(place->endpoint, "https://", 8) != 0)
    {
        status = onsite_error(error, ONSITE_INVALID, "--s3-endpoint (or "
                              "AWS_ENDPOINT_URL) has to begin with https:// "
                              "or http://");
    } else {
        status = http_create(url.data, options, http, error);
    }

    onsite_buf_free(&url);

    return status;
}


onsite_status_t
remote_s3_open(remote_t *remote, const char *url,
    const remote_options_t *options, onsite_error_t *error)
{
    size_t            n;
    http_t           *http = NULL;
    place_t           place;
    onsite_status_t   status;

    status = take_place(url, options, &place, error);

    if (status == ONSITE_OK) {
        status = open_endpoint(&place, options, &http, error);
    }

    if (status == ONSITE_OK) {
        status = take_key(&place, http, error);
    }

    if (status != ONSITE_OK) {
        if (http != NULL) {
            http_destroy(http);
        }
        return status;
    }

    http->s3 = true;
    (void) snprintf(remote->url, sizeof(remote->url), "%s", url);

    for (n = strlen(remote->url); remote->url[n - 1] == '/'; n--) {
        remote->url[n - 1] = '\0';
    }

    remote->own = http;
    remote->kind = &http_kind;

    return ONSITE_OK;
}


/* What a request of S3 has besides, in the order of signing. */

typedef struct {
    char             stamp[REMOTE_STAMP];
    char             payload[REMOTE_SHA256_HEX + 1];
    remote_header_t  headers[4];
    size_t           n;
} signing_t;


static bool
prepare(const http_t *http, const http_request_t *request, signing_t *signing)
{
    remote_stamp(signing->stamp, time(NULL));

    if (request->fd >= 0) {
        if (!remote_sha256_file(request->fd, signing->payload)) {
            return false;
        }
    } else {
        remote_sha256(request->bytes, signing->payload);
    }

    signing->n = 0;
    signing->headers[signing->n++] = (remote_header_t) { "host", http->host };
    signing->headers[signing->n++] = (remote_header_t)
        { "x-amz-content-sha256", signing->payload };
    signing->headers[signing->n++] = (remote_header_t)
        { "x-amz-date", signing->stamp };

    if (http->token != NULL) {
        signing->headers[signing->n++] = (remote_header_t)
            { "x-amz-security-token", http->token };
    }

    return true;
}


bool
s3_sign(const http_t *http, const http_request_t *request,
    http_append_pt append, struct curl_slist **list)
{
    bool          good;
    size_t        i;
    signing_t     signing;
    onsite_buf_t  path, value;

    if (!prepare(http, request, &signing)) {
        return false;
    }

    onsite_buf_init(&path, 0);
    onsite_buf_init(&value, 0);
    http_write_path(http, request->name, &path);
    onsite_buf_char(&path, '\0');

    if (!path.failed) {
        remote_sign(&http->key, &(remote_signed_t) {
            .method = request->method, .path = path.data, .query = "",
            .headers = signing.headers, .n = signing.n,
            .payload = signing.payload, .stamp = signing.stamp }, &value);
    }

    onsite_buf_char(&value, '\0');
    good = !path.failed && !value.failed
           && append(list, "Authorization", value.data);

    for (i = 0; i < signing.n && good; i++) {
        good = append(list, signing.headers[i].name, signing.headers[i].value);
    }

    onsite_buf_free(&path);
    onsite_buf_free(&value);

    return good;
}
