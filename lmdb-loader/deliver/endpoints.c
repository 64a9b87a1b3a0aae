/*
 * endpoints.c - where deliveries may go, as a file says.
 */

#include "endpoints.h"

#include "files.h"
#include "onsite_campaign.h"
#include "onsite_json.h"
#include "remote_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <strings.h>

#define ARENA_CHUNK      (64 * 1024)
#define ARENA_MAX        (32 << 20)
#define RATE_MAX         100000
#define CONCURRENCY_MAX  256
#define TIMEOUT_MAX      (5 * ONSITE_MINUTE)

typedef struct {
    const char      *path;          /* of the file                         */
    endpoints_t     *endpoints;
    endpoint_t      *endpoint;      /* that is read                        */
    onsite_error_t  *error;
} reading_t;


/* Places */

static bool
take_place(CURLU *url, const char *text, endpoints_place_t *place)
{
    char    scheme[16];
    size_t  i;

    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK
        || url_has(url, CURLUPART_USER) || url_has(url, CURLUPART_PASSWORD)
        || url_has(url, CURLUPART_FRAGMENT)
        || !url_copy(url, CURLUPART_SCHEME, 0, scheme, sizeof(scheme))
        || !url_copy(url, CURLUPART_HOST, 0, place->host,
                     sizeof(place->host))
        || !url_copy(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, place->port,
                     sizeof(place->port))
        || !url_copy(url, CURLUPART_PATH, 0, place->path,
                     sizeof(place->path)))
    {
        return false;
    }

    for (i = 0; place->host[i] != '\0'; i++) {
        place->host[i] = (char) tolower((unsigned char) place->host[i]);
    }

    place->secure = strcasecmp(scheme, "https") == 0;

    return place->secure || strcasecmp(scheme, "http") == 0;
}


onsite_status_t
endpoints_place(const char *text, endpoints_place_t *place,
    onsite_error_t *error)
{
    bool    good;
    CURLU  *url = curl_url();

    good = url != NULL && take_place(url, text, place);
    curl_url_cleanup(url);

    return good ? ONSITE_OK
           : onsite_error(error, ONSITE_INVALID, "\"%.200s\" is not an "
                          "absolute URL of http or https without user name "
                          "and fragment", text);
}


/* Whole segments: /a is not where /ab lies. */

static bool
lies_in(const char *path, const char *prefix)
{
    size_t  n = strlen(prefix);

    return strncmp(path, prefix, n) == 0
           && (prefix[n - 1] == '/' || path[n] == '/' || path[n] == '\0');
}


const endpoint_t *
endpoints_find(const endpoints_t *endpoints, const endpoints_place_t *place)
{
    size_t                    i;
    const endpoint_t         *best = NULL;
    const endpoints_place_t  *p;

    for (i = 0; i < endpoints->n; i++) {
        p = &endpoints->list[i]->place;

        if (p->secure == place->secure && strcmp(p->host, place->host) == 0
            && strcmp(p->port, place->port) == 0
            && lies_in(place->path, p->path)
            && (best == NULL
                || strlen(p->path) > strlen(best->place.path)))
        {
            best = endpoints->list[i];
        }
    }

    return best;
}


bool
endpoints_is_private(const endpoints_place_t *place)
{
    char                  host[ENDPOINTS_HOST_MAX];
    size_t                n = strlen(place->host);
    struct sockaddr_in    in4 = { .sin_family = AF_INET };
    struct sockaddr_in6   in6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, place->host, &in4.sin_addr) == 1) {
        return webhook_is_private((struct sockaddr *) &in4);
    }

    if (n < 2 || place->host[0] != '[') {
        return false;
    }

    (void) snprintf(host, sizeof(host), "%.*s", (int) (n - 2),
                    place->host + 1);

    return inet_pton(AF_INET6, host, &in6.sin6_addr) == 1
           && webhook_is_private((struct sockaddr *) &in6);
}


/* Relative to the folder of the file. */

static const char *
path_of(const reading_t *r, onsite_str_t name)
{
    char         path[PATH_MAX];
    int          n, folder = 0;
    const char  *slash = strrchr(r->path, '/');

    if (slash != NULL && (name.len == 0 || name.data[0] != '/')) {
        folder = (int) (slash - r->path + 1);
    }

    n = snprintf(path, sizeof(path), "%.*s%.*s", folder, r->path,
                 (int) name.len, name.data);

    return n < (int) sizeof(path)
           ? onsite_arena_copy(r->endpoints->arena,
                               onsite_str(path, (size_t) n)).data : NULL;
}


/* Keys of an endpoint */

static onsite_status_t
wrong(const reading_t *r, const char *key, const char *why)
{
    return onsite_error(r->error, ONSITE_INVALID, "%s: \"%s\": %s%s%s",
                        r->path, r->endpoint->url, key,
                        *key != '\0' ? ": " : "", why);
}


static onsite_status_t
read_secret_file(reading_t *r, const onsite_value_t *value)
{
    const char  *path;

    if (value->type != ONSITE_STRING || value->len == 0) {
        return wrong(r, "secrets", "has to be a file, or a list of files");
    }

    path = path_of(r, onsite_value_str(value));

    return path == NULL ? wrong(r, "secrets", "the file's name is too long")
           : endpoints_secrets(path, r->endpoint, r->error);
}


static onsite_status_t
read_secrets(reading_t *r, const onsite_value_t *value)
{
    uint32_t         i;
    onsite_status_t  status = ONSITE_OK;

    r->endpoint->n_secrets = 0;

    if (value->type != ONSITE_ARRAY) {
        return read_secret_file(r, value);
    }

    for (i = 0; i < value->len && status == ONSITE_OK; i++) {
        status = read_secret_file(r, &value->as.items[i]);
    }

    return status != ONSITE_OK || value->len != 0 ? status
           : wrong(r, "secrets", "is empty: \"unsigned\": true sends without "
                   "a signature");
}


static onsite_status_t
read_headers(reading_t *r, const onsite_value_t *value)
{
    const char  *path;

    path = value->type == ONSITE_STRING && value->len != 0
           ? path_of(r, onsite_value_str(value)) : NULL;

    return path == NULL
           ? wrong(r, "headers", "has to be a file of lines \"Name: value\"")
           : endpoints_headers(path, r->endpoints->arena, r->endpoint,
                               r->error);
}


static onsite_status_t
read_ca(reading_t *r, const onsite_value_t *value)
{
    onsite_error_t  why = { "" };

    r->endpoint->ca = value->type == ONSITE_STRING && value->len != 0
                      ? path_of(r, onsite_value_str(value)) : NULL;

    if (r->endpoint->ca == NULL) {
        return wrong(r, "ca", "has to be a file of certificates (PEM)");
    }

    return endpoints_ca(r->endpoint->ca, &why) == ONSITE_OK ? ONSITE_OK
           : wrong(r, "ca", why.text);
}


static onsite_status_t
read_rate(reading_t *r, const onsite_value_t *value)
{
    if (value->type != ONSITE_NUMBER || value->as.number <= 0
        || value->as.number > RATE_MAX)
    {
        return wrong(r, "rate", "has to be a number a second, above 0 and at "
                     "most 100000");
    }

    r->endpoint->rate = value->as.number;

    return ONSITE_OK;
}


static onsite_status_t
read_concurrency(reading_t *r, const onsite_value_t *value)
{
    double  n = value->type == ONSITE_NUMBER ? value->as.number : 0;

    if (n < 1 || n > CONCURRENCY_MAX || n != (double) (unsigned) n) {
        return wrong(r, "concurrency", "has to be a whole number from 1 to "
                     "256");
    }

    r->endpoint->concurrency = (unsigned) n;

    return ONSITE_OK;
}


static onsite_status_t
read_timeout(reading_t *r, const onsite_value_t *value)
{
    onsite_ms_t  ms;

    if (value->type != ONSITE_STRING
        || onsite_duration_read(onsite_value_str(value), &ms) != ONSITE_OK
        || ms > TIMEOUT_MAX)
    {
        return wrong(r, "timeout", "has to be a duration such as \"10s\", at "
                     "most 5m");
    }

    r->endpoint->timeout = ms;

    return ONSITE_OK;
}


static onsite_status_t
read_body(reading_t *r, const onsite_value_t *value)
{
    onsite_str_t  text = { 0, "" };

    if (value->type == ONSITE_STRING) {
        text = onsite_value_str(value);
    }

    if (!onsite_str_is(text, "envelope") && !onsite_str_is(text, "data")) {
        return wrong(r, "body", "has to be \"envelope\" or \"data\"");
    }

    r->endpoint->plain = onsite_str_is(text, "data");

    return ONSITE_OK;
}


static onsite_status_t
read_private(reading_t *r, const onsite_value_t *value)
{
    if (value->type != ONSITE_BOOL) {
        return wrong(r, "private", "has to be true or false");
    }

    r->endpoint->private = value->as.boolean;

    return ONSITE_OK;
}


static onsite_status_t
read_unsigned(reading_t *r, const onsite_value_t *value)
{
    if (value->type != ONSITE_BOOL) {
        return wrong(r, "unsigned", "has to be true or false");
    }

    return ONSITE_OK;
}


typedef struct {
    const char       *name;
    onsite_status_t  (*read)(reading_t *, const onsite_value_t *);
} member_t;

static const member_t  keys[] = {
    { "secrets", read_secrets },
    { "unsigned", read_unsigned },
    { "headers", read_headers },
    { "body", read_body },
    { "rate", read_rate },
    { "concurrency", read_concurrency },
    { "timeout", read_timeout },
    { "private", read_private },
    { "ca", read_ca }
};


static onsite_status_t
wrong_key(const reading_t *r, onsite_str_t name, const char *why)
{
    char  text[64];

    (void) snprintf(text, sizeof(text), "%.*s", (int) name.len, name.data);

    return wrong(r, text, why);
}


static onsite_status_t
read_key(reading_t *r, onsite_str_t name, const onsite_value_t *value)
{
    size_t  i;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (onsite_str_is(name, keys[i].name)) {
            return keys[i].read(r, value);
        }
    }

    return wrong_key(r, name, "there is no such key: secrets, unsigned, "
                     "headers, body, rate, concurrency, timeout, private, ca");
}


static onsite_status_t
check_signed(reading_t *r, const onsite_value_t *value)
{
    const onsite_value_t  *key;

    key = onsite_value_get(value, ONSITE_STR("unsigned"));

    if (key == NULL || !key->as.boolean) {
        return r->endpoint->n_secrets != 0 ? ONSITE_OK
               : wrong(r, "", "\"secrets\" is missing, files of secrets to "
                       "sign with; \"unsigned\": true sends without a "
                       "signature");
    }

    if (onsite_value_get(value, ONSITE_STR("secrets")) != NULL) {
        return wrong(r, "unsigned", "there are secrets, too: which is it?");
    }

    r->endpoint->n_secrets = 0;

    return ONSITE_OK;
}


static onsite_status_t
read_endpoint(reading_t *r, const onsite_value_t *value)
{
    uint32_t                i;
    onsite_error_t          why = { "" };
    onsite_status_t         status;
    const onsite_member_t  *member;

    if (endpoints_place(r->endpoint->url, &r->endpoint->place, &why)
        != ONSITE_OK || strchr(r->endpoint->url, '?') != NULL)
    {
        return wrong(r, "", why.text[0] != '\0'
                     ? "is not an absolute URL of http or https without user "
                       "name and fragment"
                     : "a query is no part of what an endpoint's URL begins "
                       "with");
    }

    if (value->type != ONSITE_OBJECT) {
        return wrong(r, "", "has to be an object");
    }

    for (i = 0; i < value->len; i++) {
        member = &value->as.members[i];

        status = onsite_value_get(value, member->key) == &member->value
                 ? read_key(r, member->key, &member->value)
                 : wrong_key(r, member->key, "is there twice");
        if (status != ONSITE_OK) {
            return status;
        }
    }

    return check_signed(r, value);
}


static bool
is_same(const endpoints_place_t *a, const endpoints_place_t *b)
{
    return a->secure == b->secure && strcmp(a->host, b->host) == 0
           && strcmp(a->port, b->port) == 0 && strcmp(a->path, b->path) == 0;
}


/* However it is written: of two that mean the same one would be ignored. */

static onsite_status_t
check_once(const reading_t *r)
{
    size_t             i;
    const endpoint_t  *other;

    for (i = 0; i + 1 < r->endpoints->n; i++) {
        other = r->endpoints->list[i];

        if (is_same(&other->place, &r->endpoint->place)) {
            return onsite_error(r->error, ONSITE_INVALID, "%s: \"%s\" is "
                                "there twice: \"%s\" is the same", r->path,
                                r->endpoint->url, other->url);
        }
    }

    return ONSITE_OK;
}


static onsite_status_t
read_all(reading_t *r, const onsite_value_t *value,
    const endpoint_t *defaults)
{
    uint32_t         i;
    endpoints_t     *endpoints = r->endpoints;
    onsite_status_t  status = ONSITE_OK;

    if (value->type != ONSITE_OBJECT || value->len == 0) {
        return onsite_error(r->error, ONSITE_INVALID, "%s: has to be an "
                            "object of endpoints: {\"https://hooks.example/\""
                            ": {\"secrets\": \"FILE\"}}", r->path);
    }

    endpoints->list = onsite_arena_alloc(endpoints->arena, value->len
                                         * sizeof(endpoint_t *));

    for (i = 0; i < value->len && status == ONSITE_OK; i++) {
        r->endpoint = onsite_arena_alloc(endpoints->arena,
                                         sizeof(endpoint_t));

        if (endpoints->list == NULL || r->endpoint == NULL) {
            return onsite_error(r->error, ONSITE_NO_MEMORY, "out of memory");
        }

        *r->endpoint = *defaults;
        r->endpoint->url = onsite_arena_copy(endpoints->arena,
                                             value->as.members[i].key).data;

        if (r->endpoint->url == NULL) {
            return onsite_error(r->error, ONSITE_NO_MEMORY, "out of memory");
        }

        endpoints->list[endpoints->n++] = r->endpoint;
        status = read_endpoint(r, &value->as.members[i].value);

        if (status == ONSITE_OK) {
            status = check_once(r);
        }
    }

    return status;
}


static onsite_status_t
parse(reading_t *r, onsite_str_t text, const endpoint_t *defaults)
{
    onsite_json_t    *json = onsite_json_create();
    onsite_error_t    why = { "" };
    onsite_value_t    value;
    onsite_status_t   status = ONSITE_NO_MEMORY;

    if (json != NULL) {
        status = onsite_json_parse(json, r->endpoints->arena, text, &value,
                                   &why);
    }

    onsite_json_destroy(json);

    return status == ONSITE_OK ? read_all(r, &value, defaults)
           : onsite_error(r->error, status, "%s: %s", r->path,
                          why.text[0] != '\0' ? why.text
                                              : onsite_status_text(status));
}


onsite_status_t
endpoints_read(const char *path, const endpoint_t *defaults,
    endpoints_t *endpoints, onsite_error_t *error)
{
    reading_t         r = { path, endpoints, NULL, error };
    onsite_buf_t      text;
    onsite_status_t   status;

    *endpoints = (endpoints_t) { .n = 0 };
    endpoints->arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);

    if (endpoints->arena == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    onsite_buf_init(&text, 0);
    status = files_read(path, ENDPOINTS_BYTES_MAX, &text, error);

    if (status == ONSITE_OK) {
        status = parse(&r, onsite_str(text.data, text.len), defaults);
    }

    onsite_buf_free(&text);

    return status;
}


void
endpoints_free(endpoints_t *endpoints)
{
    size_t  i;

    for (i = 0; i < endpoints->n; i++) {
        OPENSSL_cleanse(endpoints->list[i]->secrets,
                        sizeof(endpoints->list[i]->secrets));
    }

    onsite_arena_destroy(endpoints->arena);
    *endpoints = (endpoints_t) { .n = 0 };
}
