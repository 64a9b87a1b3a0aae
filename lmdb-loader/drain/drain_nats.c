/*
 * drain_nats.c - events into a stream of NATS JetStream.
 *
 * Many are under way at once; they are deleted when the stream has said of each
 * that it keeps it.  What is sent once more, because nobody knows whether it
 * came, has the same id, by which the stream knows it for as long as its
 * duplicate window is.
 */

#include "drain.h"
#include "drain_reject.h"
#include "loader.h"
#include "nats_url.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STREAM         "ONSITE_EVENTS"
#define PREFIX         "onsite.events."
#define SUBJECTS       PREFIX ">"
#define ID_MAX         128          /* longer ones go as their hash        */
#define UNDER_WAY      16384        /* events                              */
#define BYTES          (8u << 20)
#define IDLE_MS        100
#define READY_MS       (2 * ONSITE_SECOND)
#define ACK_MS         (5 * ONSITE_SECOND)
#define SLICE_MS       200
#define KEPT_FOR       (7 * 24 * 3600 * INT64_C(1000000000))
#define ROOM           512          /* of a message for what is around it  */

typedef struct {
    drain_sink_t      sink;
    const char       *url;
    nats_options_t    options;
    bool              create;
    reject_t          reject;

    nats_t           *nats;
    jsCtx            *js;
    int64_t           most;         /* bytes of a message; 0: any          */
    onsite_buf_t      subject;
    onsite_buf_t      text;         /* a line, an id                       */

    /* of libnats' threads, too */
    pthread_mutex_t   lock;
    char              why[256];     /* the first that was not kept; ""     */
} nats_sink_t;


static void
note_failure(nats_sink_t *n, const char *why, const char *more)
{
    (void) pthread_mutex_lock(&n->lock);

    if (n->why[0] == '\0') {
        (void) snprintf(n->why, sizeof(n->why), "%s%s%s", why,
                        more != NULL && *more != '\0' ? ": " : "",
                        more != NULL ? more : "");
    }

    (void) pthread_mutex_unlock(&n->lock);
}


static void
on_ack(jsCtx *js, natsMsg *msg, jsPubAck *ack, jsPubAckErr *refusal,
    void *data)
{
    nats_sink_t  *n = data;

    (void) js;

    if (refusal != NULL) {
        note_failure(n, natsStatus_GetText(refusal->Err), refusal->ErrText);

    } else if (ack == NULL || strcmp(ack->Stream, STREAM) != 0) {
        note_failure(n, "another stream takes " SUBJECTS,
                     ack != NULL ? ack->Stream : NULL);
    }

    natsMsg_Destroy(msg);
}


/* Something that was sent is not known to be kept. */

static onsite_status_t
failed(nats_sink_t *n, natsStatus status, const char *doing,
    onsite_error_t *error)
{
    char  why[sizeof(n->why)];

    (void) pthread_mutex_lock(&n->lock);
    (void) snprintf(why, sizeof(why), "%s", n->why);
    (void) pthread_mutex_unlock(&n->lock);

    if (why[0] == '\0' && status == NATS_TIMEOUT) {
        return onsite_error(error, ONSITE_IO, "%s: stream " STREAM ": no "
                            "acknowledgement within %lld s; what it may have "
                            "is sent again", nats_url(n->nats),
                            (long long) (ACK_MS / ONSITE_SECOND));
    }

    return onsite_error(error, ONSITE_IO, "%s: stream " STREAM ": %s: %s",
                        nats_url(n->nats), doing,
                        why[0] != '\0' ? why : natsStatus_GetText(status));
}


/* What is sent */

/* A site as one token: what cannot stand there as %XX. */

static void
write_subject(onsite_buf_t *out, onsite_str_t site)
{
    size_t         i;
    unsigned char  c;

    onsite_buf_clear(out);
    onsite_buf_str(out, ONSITE_STR(PREFIX));

    for (i = 0; i < site.len; i++) {
        c = (unsigned char) site.data[i];

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
            || (c >= 'A' && c <= 'Z') || c == '-' || c == '_')
        {
            onsite_buf_char(out, (char) c);

        } else {
            onsite_buf_printf(out, "%%%02X", c);
        }
    }

    if (site.len == 0) {
        onsite_buf_char(out, '_');
    }

    onsite_buf_char(out, '\0');
}


/* Clients choose ids: one that no header can hold goes as its hash. */

static bool
is_plain(onsite_str_t id)
{
    size_t  i;

    for (i = 0; i < id.len; i++) {
        if (id.data[i] <= ' ' || id.data[i] >= 0x7f) {
            return false;
        }
    }

    return id.len != 0 && id.len <= ID_MAX;
}


static void
write_id(onsite_buf_t *out, onsite_str_t id)
{
    char  hash[DRAIN_KEY + 1];

    onsite_buf_clear(out);

    if (is_plain(id)) {
        onsite_buf_str(out, id);

    } else {
        drain_key(id, hash);
        onsite_buf_printf(out, "%s", hash);
    }

    onsite_buf_char(out, '\0');
}


static onsite_status_t
nats_give(drain_sink_t *sink, drain_t *drain, const drain_event_t *event,
    onsite_error_t *error)
{
    natsStatus     status;
    nats_sink_t   *n = (nats_sink_t *) sink;
    onsite_str_t   line = { event->line.len - 1, event->line.data };
    jsPubOptions   options;

    write_subject(&n->subject, event->site);
    write_id(&n->text, event->id);

    if (n->subject.failed || n->text.failed) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    if (n->most > 0 && (int64_t) (line.len + ROOM) > n->most) {
        return reject_too_large(&n->reject, drain, event, "it is larger than "
                                "a message may be (max_payload, or the "
                                "stream's --max-msg-size)", error);
    }

    (void) jsPubOptions_Init(&options);
    options.MsgId = n->text.data;

    status = js_PublishAsync(n->js, n->subject.data, line.data,
                             (int) line.len, &options);

    return status == NATS_OK ? ONSITE_OK
                             : failed(n, status, "cannot send", error);
}


/* Until all are acknowledged.  With a connection that went, what was under way
 * went, too. */

static natsStatus
await_all(nats_sink_t *n)
{
    uint64_t          times = nats_times(n->nats);
    natsStatus        status;
    onsite_ms_t       waited;
    jsPubOptions      options;
    natsConnection   *connection = nats_connection(n->nats);

    (void) jsPubOptions_Init(&options);
    options.MaxWait = SLICE_MS;

    for (waited = 0; waited < ACK_MS; waited += SLICE_MS) {
        status = js_PublishAsyncComplete(n->js, &options);

        if (status != NATS_TIMEOUT) {
            return status;
        }

        if (natsConnection_Status(connection) != NATS_CONN_STATUS_CONNECTED
            || nats_times(n->nats) != times)
        {
            return NATS_CONNECTION_DISCONNECTED;
        }
    }

    return NATS_TIMEOUT;
}


static onsite_status_t
nats_settle(drain_sink_t *sink, drain_t *drain, onsite_error_t *error)
{
    bool          all;
    natsStatus    status;
    nats_sink_t  *n = (nats_sink_t *) sink;

    status = await_all(n);

    (void) pthread_mutex_lock(&n->lock);
    all = n->why[0] == '\0';
    (void) pthread_mutex_unlock(&n->lock);

    if (status != NATS_OK || !all) {
        return failed(n, status, "not all is kept", error);
    }

    reject_settled(&n->reject, drain);

    return ONSITE_OK;
}


/* The connection, and the stream */

static void
nats_drop(drain_sink_t *sink)
{
    nats_sink_t  *n = (nats_sink_t *) sink;

    /* acknowledgements that come late are nobody's then */
    jsCtx_Destroy(n->js);
    n->js = NULL;
    reject_forget(&n->reject);
}


static onsite_status_t
make_context(nats_sink_t *n, onsite_error_t *error)
{
    natsStatus  status;
    jsOptions   options;

    (void) pthread_mutex_lock(&n->lock);
    n->why[0] = '\0';
    (void) pthread_mutex_unlock(&n->lock);

    (void) jsOptions_Init(&options);
    options.Wait = NATS_ANSWER;
    options.PublishAsync.MaxPending = UNDER_WAY;
    options.PublishAsync.AckHandler = on_ack;
    options.PublishAsync.AckHandlerClosure = n;
    options.PublishAsync.StallWait = ACK_MS;

    status = natsConnection_JetStream(&n->js, nats_connection(n->nats),
                                      &options);

    return nats_result(n->nats, "JetStream", status, 0, error);
}


static onsite_status_t
make_stream(nats_sink_t *n, onsite_error_t *error)
{
    const char      *subjects[] = { SUBJECTS };
    jsStreamConfig   config;

    (void) jsStreamConfig_Init(&config);
    config.Name = STREAM;
    config.Description = "Onsite: events of visitors";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.MaxAge = KEPT_FOR;

    return nats_stream(n->nats, &config, error);
}


static onsite_status_t
find_stream(nats_sink_t *n, onsite_error_t *error)
{
    int64_t          payload;
    jsErrCode        code = 0;
    natsStatus       status;
    jsStreamInfo    *info = NULL;

    status = js_GetStreamInfo(&info, n->js, STREAM, NULL, &code);

    if (status == NATS_OK) {
        payload = natsConnection_GetMaxPayload(nats_connection(n->nats));
        n->most = info->Config->MaxMsgSize;
        n->most = n->most > 0 && n->most < payload ? n->most : payload;
    }

    jsStreamInfo_Destroy(info);

    if (status == NATS_NOT_FOUND) {
        return onsite_error(error, ONSITE_NOT_FOUND, "%s: there is no stream "
                            STREAM ": --create-stream makes it, or: nats "
                            "stream add " STREAM " --subjects '" SUBJECTS "' "
                            "--storage file --dupe-window 2m --max-age 7d "
                            "--defaults", nats_url(n->nats));
    }

    return nats_result(n->nats, "stream " STREAM, status, code, error);
}


static onsite_status_t
prepare(nats_sink_t *n, onsite_error_t *error)
{
    bool             anew;
    onsite_status_t  status = ONSITE_OK;

    if (n->nats == NULL) {
        status = nats_open(n->url, &n->options, "onsite drain", &n->nats,
                           error);
    }

    if (status == ONSITE_OK) {
        status = nats_ready(n->nats, READY_MS, &anew, error);
    }

    if (status == ONSITE_OK && n->create) {
        status = make_stream(n, error);
    }

    if (status == ONSITE_OK) {
        status = make_context(n, error);
    }

    return status == ONSITE_OK ? find_stream(n, error) : status;
}


static onsite_status_t
nats_start(drain_sink_t *sink, drain_t *drain, onsite_error_t *error)
{
    uint32_t         i;
    uint64_t         first;
    nats_sink_t     *n = (nats_sink_t *) sink;
    onsite_status_t  status;

    nats_drop(sink);
    status = prepare(n, error);

    if (status == ONSITE_OK) {
        status = reject_begin(&n->reject, drain, error);
    }

    for (i = 0; i < onsite_store_shards(drain->store)
                && status == ONSITE_OK; i++)
    {
        status = drain_note_end(drain, i, &first, error);
        drain->shards[i].until = 0;
    }

    return status;
}


static void
nats_sink_close(drain_sink_t *sink)
{
    nats_sink_t  *n = (nats_sink_t *) sink;

    nats_drop(sink);
    nats_close(n->nats);
    reject_close(&n->reject);
    onsite_buf_free(&n->subject);
    onsite_buf_free(&n->text);
    (void) pthread_mutex_destroy(&n->lock);
    free(n);
}


drain_sink_t *
drain_nats(const drain_nats_options_t *options)
{
    nats_url_t      *url;
    nats_sink_t     *n;
    onsite_error_t   error = { "out of memory" };

    url = malloc(sizeof(nats_url_t));
    n = calloc(1, sizeof(nats_sink_t));

    if (url == NULL || n == NULL
        || nats_url_read(url, options->url, &error) != ONSITE_OK)
    {
        loader_complain("--to: %s", error.text);
        free(url);
        free(n);
        return NULL;
    }

    free(url);
    n->url = options->url;
    n->options = options->nats;
    n->create = options->create;
    n->reject = (reject_t) { .path = options->rejects, .fd = -1 };
    (void) pthread_mutex_init(&n->lock, NULL);
    onsite_buf_init(&n->subject, 0);
    onsite_buf_init(&n->text, 0);

    n->sink = (drain_sink_t) {
        .start = nats_start, .give = nats_give, .settle = nats_settle,
        .drop = nats_drop, .close = nats_sink_close,
        .settle_bytes = BYTES, .settle_events = UNDER_WAY,
        .idle = IDLE_MS, .names = true
    };

    return &n->sink;
}
