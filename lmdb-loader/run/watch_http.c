/*
 * watch_http.c - HTTP of the process that watches, by libmicrohttpd.
 *
 * The library forgets who has been silent for a while, but not who sends a
 * byte now and then: here each connection has its time, after which it is cut.
 * That is short while there are many, so that who asks in earnest does not
 * wait for who does not.
 */

#include "watch.h"

#include "sidecar.h"

#include <microhttpd.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECTIONS   64
#define REQUEST_MAX   (16 * 1024)
#define SILENCE_S     3u
#define ALL_MS        (10 * ONSITE_SECOND)
#define MANY          (CONNECTIONS / 2)
#define MANY_MS       ONSITE_SECOND

typedef struct {
    int          fd;            /* -1: free                                */
    onsite_ms_t  since;
} asker_t;

struct watch_http_s {
    watch_t            *watch;
    struct MHD_Daemon  *daemon;
    asker_t             askers[CONNECTIONS];
};


static enum MHD_Result
respond(struct MHD_Connection *connection, unsigned status, onsite_buf_t *out,
    const char *type)
{
    enum MHD_Result       result;
    struct MHD_Response  *response;

    response = MHD_create_response_from_buffer(out->len, out->data,
                                               MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }

    (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                   type);
    (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
                                   "no-store");
    (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION,
                                   "close");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);

    return result;
}


static enum MHD_Result
answer(void *data, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *upload_size, void **context)
{
    unsigned         status;
    const char      *type = "text/plain";
    onsite_buf_t     out;
    enum MHD_Result  result;

    (void) version;
    (void) upload;
    (void) upload_size;
    (void) context;
    onsite_buf_init(&out, 0);

    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0
        && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
    {
        onsite_buf_printf(&out, "GET only\n");
        status = MHD_HTTP_METHOD_NOT_ALLOWED;

    } else {
        status = watch_answer(((watch_http_t *) data)->watch, url, &out,
                              &type);
    }

    result = out.failed ? MHD_NO : respond(connection, status, &out, type);
    onsite_buf_free(&out);

    return result;
}


static asker_t *
asker_of(watch_http_t *http, int fd)
{
    size_t  i;

    for (i = 0; i < CONNECTIONS; i++) {
        if (http->askers[i].fd == fd) {
            return &http->askers[i];
        }
    }

    return NULL;
}


static void
come_or_go(void *data, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what)
{
    asker_t                         *asker;
    watch_http_t                    *http = data;
    const union MHD_ConnectionInfo  *info;

    (void) context;
    info = MHD_get_connection_info(connection,
                                   MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL) {
        return;
    }

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        asker = asker_of(http, -1);

        if (asker != NULL) {
            *asker = (asker_t) { info->connect_fd, sidecar_clock() };
        }

    } else {
        asker = asker_of(http, info->connect_fd);

        if (asker != NULL) {
            asker->fd = -1;
        }
    }
}


watch_http_t *
watch_http_start(watch_t *watch, int listener)
{
    size_t         i;
    watch_http_t  *http = calloc(1, sizeof(watch_http_t));

    if (http == NULL) {
        return NULL;
    }

    http->watch = watch;

    for (i = 0; i < CONNECTIONS; i++) {
        http->askers[i].fd = -1;
    }

    http->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer,
        http, MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) REQUEST_MAX,
        MHD_OPTION_NOTIFY_CONNECTION, come_or_go, http, MHD_OPTION_END);

    if (http->daemon == NULL) {
        free(http);
        return NULL;
    }

    return http;
}


static onsite_ms_t
time_of_each(const watch_http_t *http)
{
    size_t  i, n = 0;

    for (i = 0; i < CONNECTIONS; i++) {
        n += http->askers[i].fd >= 0;
    }

    return n > MANY ? MANY_MS : ALL_MS;
}


void
watch_http_go_on(watch_http_t *http, int ms)
{
    size_t       i;
    onsite_ms_t  now, most;

    (void) MHD_run_wait(http->daemon, ms);
    now = sidecar_clock();
    most = time_of_each(http);

    for (i = 0; i < CONNECTIONS; i++) {
        if (http->askers[i].fd >= 0 && now - http->askers[i].since > most) {
            (void) shutdown(http->askers[i].fd, SHUT_RDWR);
            http->askers[i].since = now;
        }
    }
}


void
watch_http_stop(watch_http_t *http)
{
    if (http != NULL) {
        MHD_stop_daemon(http->daemon);
        free(http);
    }
}
