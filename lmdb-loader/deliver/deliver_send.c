/*
 * deliver_send.c - requests under way, by libcurl's multi interface.
 *
 * An endpoint's name is written by who writes campaigns, so nothing inside of
 * the operator's network is to be reached by it: the address that a connection
 * is made to is what counts, whatever names led there.
 */

#include "deliver.h"

#include "onsite_release.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define AGENT            "Onsite/" ONSITE_RELEASE
#define ANSWER_MAX       (64 * 1024)    /* bytes; more is not waited for */
#define RETRY_AFTER_MAX  (6 * 3600)     /* seconds */

typedef struct flight_s  flight_t;

struct flight_s {
    sent_t              what;
    CURL               *easy;
    struct curl_slist  *headers;
    onsite_buf_t        body;
    bool                private;        /* addresses are allowed           */
    bool                enough;         /* of the answer                   */
    size_t              received;
    char                refused[INET6_ADDRSTRLEN];
    char                error[CURL_ERROR_SIZE];
    flight_t           *next;
    flight_t          **at;             /* what points to it               */
};

struct send_s {
    CURLM       *multi;
    const char  *ca;
    flight_t    *flights;
    unsigned     n;
};


send_t *
send_create(const char *ca)
{
    send_t  *send = calloc(1, sizeof(send_t));

    if (send == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(send);
        return NULL;
    }

    send->ca = ca;
    send->multi = curl_multi_init();

    if (send->multi == NULL) {
        free(send);
        return NULL;
    }

    return send;
}


static void
end_flight(send_t *send, flight_t *flight)
{
    if (flight->easy != NULL) {
        (void) curl_multi_remove_handle(send->multi, flight->easy);
        curl_easy_cleanup(flight->easy);
    }

    *flight->at = flight->next;

    if (flight->next != NULL) {
        flight->next->at = flight->at;
    }

    send->n--;
    curl_slist_free_all(flight->headers);
    onsite_buf_free(&flight->body);
    free(flight);
}


void
send_abort(send_t *send)
{
    while (send != NULL && send->flights != NULL) {
        end_flight(send, send->flights);
    }
}


void
send_destroy(send_t *send)
{
    if (send == NULL) {
        return;
    }

    send_abort(send);
    (void) curl_multi_cleanup(send->multi);
    curl_global_cleanup();
    free(send);
}


unsigned
send_flying(const send_t *send)
{
    return send->n;
}


/* Addresses */

static void
tell_address(flight_t *flight, const struct sockaddr *address)
{
    const void           *at;
    struct sockaddr_in    in4;
    struct sockaddr_in6   in6;

    memcpy(&in4, address, sizeof(in4));
    at = &in4.sin_addr;

    if (address->sa_family == AF_INET6) {
        memcpy(&in6, address, sizeof(in6));
        at = &in6.sin6_addr;
    }

    if (inet_ntop(address->sa_family, at, flight->refused,
                  sizeof(flight->refused)) == NULL)
    {
        (void) snprintf(flight->refused, sizeof(flight->refused), "unknown");
    }
}


static curl_socket_t
on_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    flight_t  *flight = data;

    (void) purpose;

    if (!flight->private && webhook_is_private(&address->addr)) {
        tell_address(flight, &address->addr);
        return CURL_SOCKET_BAD;
    }

    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}


/* Of a connection that another request has made, too. */

static int
on_connected(void *data, char *remote, char *local, int remote_port,
    int local_port)
{
    flight_t             *flight = data;
    struct sockaddr_in    in4 = { .sin_family = AF_INET };
    struct sockaddr_in6   in6 = { .sin6_family = AF_INET6 };
    struct sockaddr      *address = NULL;

    (void) local;
    (void) remote_port;
    (void) local_port;

    if (inet_pton(AF_INET, remote, &in4.sin_addr) == 1) {
        address = (struct sockaddr *) &in4;

    } else if (inet_pton(AF_INET6, remote, &in6.sin6_addr) == 1) {
        address = (struct sockaddr *) &in6;
    }

    if (flight->private
        || (address != NULL && !webhook_is_private(address)))
    {
        return CURL_PREREQFUNC_OK;
    }

    (void) snprintf(flight->refused, sizeof(flight->refused), "%s", remote);

    return CURL_PREREQFUNC_ABORT;
}


/* What it answers is of no interest but for the status. */

static size_t
on_body(char *data, size_t one, size_t size, void *pointer)
{
    flight_t  *flight = pointer;

    (void) data;
    (void) one;

    flight->received += size;
    flight->enough = flight->received > ANSWER_MAX;

    return flight->enough ? 0 : size;
}


/* Headers */

static bool
add_header(flight_t *flight, const char *name, const char *value)
{
    onsite_buf_t        line;
    struct curl_slist  *longer = NULL;

    onsite_buf_init(&line, 0);
    onsite_buf_printf(&line, "%s%s", name, value);
    onsite_buf_char(&line, '\0');

    if (!line.failed) {
        longer = curl_slist_append(flight->headers, line.data);
    }

    onsite_buf_free(&line);

    if (longer != NULL) {
        flight->headers = longer;
    }

    return longer != NULL;
}


static bool
add_signature(flight_t *flight, const char *id)
{
    char               stamp[32];
    bool               done;
    int64_t            now = loader_now() / ONSITE_SECOND;
    onsite_buf_t       text;
    const endpoint_t  *endpoint = flight->what.queue->endpoint;

    (void) snprintf(stamp, sizeof(stamp), "%lld", (long long) now);

    if (!add_header(flight, "webhook-timestamp: ", stamp)
        || endpoint->n_secrets == 0)
    {
        return endpoint->n_secrets == 0;
    }

    onsite_buf_init(&text, 0);
    webhook_sign(endpoint->secrets, endpoint->n_secrets, id, now,
                 onsite_str(flight->body.data, flight->body.len), &text);
    onsite_buf_char(&text, '\0');
    done = !text.failed
           && add_header(flight, "webhook-signature: ", text.data);
    onsite_buf_free(&text);

    return done;
}


static bool
add_headers(flight_t *flight, const onsite_outbox_entry_t *entry)
{
    char               id[WEBHOOK_ID + 1];
    size_t             i;
    const endpoint_t  *endpoint = flight->what.queue->endpoint;

    webhook_id(entry, id);

    if (!add_header(flight, "Content-Type: ", "application/json")
        || !add_header(flight, "Expect:", "")
        || !add_header(flight, "webhook-id: ", id)
        || !add_header(flight, "Idempotency-Key: ", id)
        || !add_signature(flight, id))
    {
        return false;
    }

    for (i = 0; i < endpoint->n_headers; i++) {
        if (!add_header(flight, endpoint->headers[i], "")) {
            return false;
        }
    }

    return true;
}


/* Requests */

static void
set_limits(const send_t *send, flight_t *flight)
{
    CURL              *easy = flight->easy;
    const endpoint_t  *endpoint = flight->what.queue->endpoint;
    const char        *ca = endpoint->ca != NULL ? endpoint->ca : send->ca;

    (void) curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void) curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void) curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void) curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    (void) curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void) curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                            (long) endpoint->timeout);
    (void) curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) endpoint->timeout);
    (void) curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void) curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    (void) curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                            (long) CURL_SSLVERSION_TLSv1_2);

    /* a name that nobody resolves holds up no other */
    (void) curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);

    /* the system's authorities stay: they are a folder of files besides */
    if (ca != NULL) {
        (void) curl_easy_setopt(easy, CURLOPT_CAINFO, ca);
    }
}


static bool
set_request(flight_t *flight, const char *url)
{
    CURL  *easy = flight->easy;

    (void) curl_easy_setopt(easy, CURLOPT_PRIVATE, flight);
    (void) curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, flight->error);
    (void) curl_easy_setopt(easy, CURLOPT_USERAGENT, AGENT);
    (void) curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    (void) curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, flight);
    (void) curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    (void) curl_easy_setopt(easy, CURLOPT_PREREQDATA, flight);
    (void) curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void) curl_easy_setopt(easy, CURLOPT_WRITEDATA, flight);
    (void) curl_easy_setopt(easy, CURLOPT_POST, 1L);
    (void) curl_easy_setopt(easy, CURLOPT_POSTFIELDS, flight->body.data);
    (void) curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE,
                            (long) flight->body.len);
    (void) curl_easy_setopt(easy, CURLOPT_HTTPHEADER, flight->headers);

    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
}


static bool
launch(send_t *send, flight_t *flight, const onsite_outbox_entry_t *entry,
    onsite_str_t url)
{
    char  text[ENDPOINTS_URL_MAX];

    if (flight->what.queue->endpoint->plain) {
        onsite_buf_str(&flight->body, entry->data);

    } else {
        webhook_write(&flight->body, entry);
    }

    (void) snprintf(text, sizeof(text), "%.*s", (int) url.len, url.data);
    flight->easy = curl_easy_init();

    if (flight->easy == NULL || flight->body.failed
        || !add_headers(flight, entry))
    {
        return false;
    }

    set_limits(send, flight);

    return set_request(flight, text)
           && curl_multi_add_handle(send->multi, flight->easy) == CURLM_OK;
}


bool
send_start(send_t *send, const sent_t *what,
    const onsite_outbox_entry_t *entry, onsite_str_t url)
{
    flight_t  *flight = calloc(1, sizeof(flight_t));

    if (flight == NULL) {
        return false;
    }

    flight->what = *what;
    flight->private = what->queue->endpoint->private;
    onsite_buf_init(&flight->body, 0);
    flight->at = &send->flights;
    flight->next = send->flights;

    if (flight->next != NULL) {
        flight->next->at = &flight->next;
    }

    send->flights = flight;
    send->n++;

    if (!launch(send, flight, entry, url)) {
        end_flight(send, flight);
        return false;
    }

    return true;
}


/* What came of it */

static bool
is_secure(const flight_t *flight)
{
    char  *scheme = NULL;

    (void) curl_easy_getinfo(flight->easy, CURLINFO_SCHEME, &scheme);

    return scheme != NULL && strcasecmp(scheme, "https") == 0;
}


static void
tell_why(flight_t *flight, CURLcode code)
{
    long     status = flight->what.status;
    char    *why = flight->what.why;
    size_t   size = sizeof(flight->what.why);

    if (flight->refused[0] != '\0') {
        (void) snprintf(why, size, "its address %s is not one of the "
                        "Internet: \"private\": true in the endpoints file "
                        "allows that", flight->refused);

    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        (void) snprintf(why, size, "no answer within %lld ms",
                        (long long) flight->what.queue->endpoint->timeout);

    } else if (code == CURLE_UNSUPPORTED_PROTOCOL
               || code == CURLE_WEIRD_SERVER_REPLY)
    {
        (void) snprintf(why, size, "its answer is not HTTP");

    } else if (code == CURLE_GOT_NOTHING) {
        (void) snprintf(why, size, "it closed the connection without an "
                        "answer%s", is_secure(flight) ? ""
                        : " (does it expect https?)");

    } else if (code != CURLE_OK) {
        /* that text tells how long it took, which is never the same */
        (void) snprintf(why, size, "%.*s", RETRY_WHY_MAX,
                        flight->error[0] != '\0'
                        && code != CURLE_COULDNT_CONNECT
                        ? flight->error : curl_easy_strerror(code));

    } else if (status >= 300 && status < 400) {
        (void) snprintf(why, size, "status %ld: it redirects, which is not "
                        "followed", status);

    } else {
        (void) snprintf(why, size, "status %ld", status);
    }
}


static void
finish(send_t *send, flight_t *flight, CURLcode code,
    void (*done)(const sent_t *sent))
{
    sent_t      sent;
    curl_off_t  wait = 0;

    if (code == CURLE_OK || flight->enough) {
        code = CURLE_OK;
        (void) curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE,
                                 &flight->what.status);
        (void) curl_easy_getinfo(flight->easy, CURLINFO_RETRY_AFTER, &wait);
        wait = wait > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : wait;
        flight->what.wait = (onsite_ms_t) wait * ONSITE_SECOND;
    }

    tell_why(flight, code);
    sent = flight->what;
    end_flight(send, flight);
    done(&sent);
}


void
send_go_on(send_t *send, void (*done)(const sent_t *sent))
{
    int        left, running;
    char      *private;
    CURLMsg   *message;

    (void) curl_multi_perform(send->multi, &running);

    while ((message = curl_multi_info_read(send->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE
            && curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                                 &private) == CURLE_OK)
        {
            finish(send, (flight_t *) (void *) private,
                   message->data.result, done);
        }
    }
}


void
send_wait(send_t *send, onsite_ms_t most)
{
    (void) curl_multi_poll(send->multi, NULL, 0, (int) most, NULL);
}
