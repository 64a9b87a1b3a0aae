/*
 * nats_url.c - lists of NATS servers, as people give them.
 *
 * User and password are taken out of the URLs, so that libnats has none to
 * tell of, and gives the same to servers of which a cluster tells.
 */

#include "nats_url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define PORT  "4222"

/* Of one server; what nothing points to is empty. */
typedef struct {
    bool          tls;
    bool          has_user;
    onsite_str_t  user;
    onsite_str_t  host;         /* "name", "10.0.0.1" or "[::1]"           */
    onsite_str_t  port;
} server_t;


static onsite_str_t
from(onsite_str_t text, size_t n)
{
    return onsite_str(text.data + n, text.len - n);
}


/* What text begins with is taken from it. */

static bool
take(onsite_str_t *text, const char *prefix)
{
    size_t  n = strlen(prefix);

    if (text->len < n || memcmp(text->data, prefix, n) != 0) {
        return false;
    }

    *text = from(*text, n);

    return true;
}


/* The last c in text; text.len: there is none. */

static size_t
last(onsite_str_t text, char c)
{
    size_t  i;

    for (i = text.len; i > 0; i--) {
        if (text.data[i - 1] == c) {
            return i - 1;
        }
    }

    return text.len;
}


static bool
is_host(onsite_str_t host)
{
    size_t      i;
    bool        ipv6 = host.len > 2 && host.data[0] == '['
                       && host.data[host.len - 1] == ']';
    const char *also = ipv6 ? ":.%[]" : ".-_";

    for (i = 0; i < host.len; i++) {
        if (!isalnum((unsigned char) host.data[i])
            && (host.data[i] == '\0' || strchr(also, host.data[i]) == NULL))
        {
            return false;
        }
    }

    return host.len > 0 && host.len <= 255;
}


static bool
is_port(onsite_str_t port)
{
    size_t  i;
    long    n = 0;

    for (i = 0; i < port.len; i++) {
        if (!isdigit((unsigned char) port.data[i]) || i == 5) {
            return false;
        }

        n = 10 * n + port.data[i] - '0';
    }

    return n > 0 && n < 65536;
}


/* "host", "host:port", "[ipv6]:port", with nothing but a "/" behind. */

static bool
read_host(server_t *server, onsite_str_t text)
{
    size_t  colon;

    if (text.len > 0 && text.data[text.len - 1] == '/') {
        text.len--;
    }

    colon = last(text, ':');
    server->port = ONSITE_STR(PORT);

    if (colon < text.len
        && (text.data[0] != '[' || last(text, ']') < colon))
    {
        server->port = from(text, colon + 1);
        text.len = colon;
    }

    server->host = text;

    return is_host(server->host) && is_port(server->port);
}


/* "nats://USER:PASSWORD@HOST:PORT"; of those behind the first one the scheme
 * may be left away. */

static bool
read_server(server_t *server, onsite_str_t text, const server_t *first)
{
    size_t  at;

    memset(server, 0, sizeof(*server));

    if (take(&text, "tls://")) {
        server->tls = true;

    } else if (!take(&text, "nats://")) {
        if (first == NULL) {
            return false;
        }

        server->tls = first->tls;
    }

    at = last(text, '@');

    if (at < text.len) {
        server->has_user = true;
        server->user = onsite_str(text.data, at);
        text = from(text, at + 1);
    }

    return read_host(server, text);
}


/* Percent-decoded; false: a "%" without two digits, a NUL, or too long. */

static bool
decode(char *out, onsite_str_t text)
{
    int     high, low;
    char    c;
    size_t  i, n = 0;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c == '%') {
            high = i + 2 < text.len ? onsite_hex_digit(text.data[i + 1]) : -1;
            low = high >= 0 ? onsite_hex_digit(text.data[i + 2]) : -1;
            c = low >= 0 ? (char) (high << 4 | low) : '\0';
            i += 2;
        }

        if (c == '\0' || n + 1 >= NATS_SECRET_MAX) {
            return false;
        }

        out[n++] = c;
    }

    out[n] = '\0';

    return true;
}


static bool
read_user(nats_url_t *url, onsite_str_t text)
{
    const char    *colon = memchr(text.data, ':', text.len);
    onsite_str_t   user = text, password = ONSITE_STR("");

    if (colon != NULL) {
        user.len = (size_t) (colon - text.data);
        password = from(text, user.len + 1);
    }

    url->has_user = true;
    url->is_token = colon == NULL;

    return user.len != 0 && decode(url->user, user)
           && decode(url->password, password);
}


static bool
same_user(const nats_url_t *url, const server_t *server)
{
    nats_url_t  other = { .n = 0 };

    return read_user(&other, server->user) && url->has_user
           && other.is_token == url->is_token
           && strcmp(other.user, url->user) == 0
           && strcmp(other.password, url->password) == 0;
}


static void
add(nats_url_t *url, const server_t *server)
{
    size_t       n = strlen(url->told);
    char        *name = url->servers[url->n++];
    const char  *scheme = server->tls ? "tls" : "nats";

    (void) snprintf(name, sizeof(url->servers[0]), "%s://%.*s:%.*s", scheme,
                    (int) server->host.len, server->host.data,
                    (int) server->port.len, server->port.data);
    (void) snprintf(url->told + n, sizeof(url->told) - n, "%s%s",
                    n != 0 ? "," : "", name);
}


/* What is wrong with it; NULL: it is added. */

static const char *
read_one(nats_url_t *url, onsite_str_t text, server_t *first)
{
    server_t  server;

    if (!read_server(&server, text, url->n != 0 ? first : NULL)) {
        if (server.has_user && server.host.len == 0) {
            return "has no host: nats://[USER:PASSWORD@]HOST[:PORT]";
        }

        return "is not nats://[USER:PASSWORD@]HOST[:PORT] or tls://…";
    }

    if (url->n == 0) {
        *first = server;
        url->tls = server.tls;

    } else if (server.tls != url->tls) {
        return "goes with the others only where all are tls:// or all "
               "nats://";
    }

    if (url->n == 0 && server.has_user && !read_user(url, server.user)) {
        return "has a user or password that is empty, too long or not "
               "percent-encoded";
    }

    if (url->n != 0 && server.has_user && !same_user(url, &server)) {
        return "has a user of its own: all servers of a list share that of "
               "the first one";
    }

    add(url, &server);

    return NULL;
}


/* What may be told of a server that is not right.  Where no "@" is in it but
 * behind it, it may be half a password that has a comma. */

static onsite_str_t
harmless(onsite_str_t text)
{
    size_t  at = last(text, '@');

    if (at + 1 == text.len) {
        return ONSITE_STR("...@");
    }

    return at < text.len ? from(text, at + 1)
           : strchr(text.data, '@') != NULL ? ONSITE_STR("...") : text;
}


onsite_status_t
nats_url_read(nats_url_t *url, const char *text, onsite_error_t *error)
{
    size_t        n;
    server_t      first = { .tls = false };
    const char   *why;
    onsite_str_t  one;

    memset(url, 0, sizeof(*url));

    if (strlen(text) >= NATS_URL_MAX) {
        return onsite_error(error, ONSITE_INVALID, "a list of NATS servers "
                            "has at most %d bytes", NATS_URL_MAX - 1);
    }

    for ( ;; ) {
        n = strcspn(text, ",");
        one = onsite_str(text, n);
        why = url->n == NATS_SERVERS_MAX ? "is one too many"
              : read_one(url, one, &first);

        if (why != NULL) {
            one = harmless(one);

            return onsite_error(error, ONSITE_INVALID, "\"%.*s\" %s",
                                (int) one.len, one.data, why);
        }

        if (text[n] == '\0') {
            return ONSITE_OK;
        }

        text += n + 1;
    }
}
