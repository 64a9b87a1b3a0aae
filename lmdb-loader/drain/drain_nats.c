/*
 * drain_nats.c - events into a stream of NATS JetStream.
 *
 * Many are under way at once; they are deleted when the stream has said of each
 * that it keeps it.  What is sent once more, because nobody knows whether it
 * came, has the same id, by which the stream knows it for as long as its
 * duplicate window is.
 *
 * All acknowledgements come to one inbox and are only counted: with any that
 * is none all is sent again, so nobody has to know which one it was.
 */

#include "drain.h"
#include "drain_reject.h"
#include "loader.h"
#include "nats_url.h"

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
#define SLICE_MS       1
#define KEPT_FOR       (7 * 24 * 3600 * INT64_C(1000000000))
#define ROOM           512          /* of a message for what is around it  */
#define BURST          512          /* events                              */

/* An event that was given: where its subject, id and line end in the bytes of
 * its burst, one behind the other. */
typedef struct {
    size_t  subject;
    size_t  id;
    size_t  line;
} item_t;

typedef struct {
    drain_sink_t      sink;
    const char       *url;
    nats_options_t    options;
    bool              create;
    reject_t          reject;

    nats_t             *nats;
    natsInbox          *inbox;
    natsSubscription   *acks;
    uint64_t            times;      /* of the connection, with this inbox  */
    uint64_t            sent;
    uint64_t            kept;
    int64_t             most;       /* bytes of a message                  */

    onsite_buf_t        bytes;      /* of what is not sent yet             */
    item_t              items[BURST];
    size_t              n;

    natsMsg            *done[BURST];    /* to be destroyed, see let_go     */
    size_t              n_done;
} nats_sink_t;


static onsite_status_t
failed(const nats_sink_t *n, const char *why, onsite_error_t *error)
{
    return onsite_error(error, ONSITE_IO, "%s: stream " STREAM ": %s",
                        nats_url(n->nats), why);
}


/* libnats frees messages in a thread, which it wakes for the first of those
 * that wait for it: many at once are worth that, each by itself is not. */

static void
let_all_go(nats_sink_t *n)
{
    while (n->n_done != 0) {
        natsMsg_Destroy(n->done[--n->n_done]);
    }
}


static void
let_go(nats_sink_t *n, natsMsg *msg)
{
    if (n->n_done == BURST) {
        let_all_go(n);
    }

    n->done[n->n_done++] = msg;
}


/* What comes */

/* {"stream":"ONSITE_EVENTS","seq":7}, or {"error":{"description":"…",…},…} */

static onsite_status_t
read_ack(nats_sink_t *n, natsMsg *msg, onsite_error_t *error)
{
    int          len = natsMsg_GetDataLength(msg);
    const char  *data = natsMsg_GetData(msg);

    if (natsMsg_IsNoResponders(msg)) {
        return failed(n, "it is there no more, or takes no " SUBJECTS, error);
    }

    if (memmem(data, (size_t) len, "\"error\"", 7) != NULL) {
        return onsite_error(error, ONSITE_IO, "%s: stream " STREAM ": not "
                            "all is kept: %.*s", nats_url(n->nats),
                            len < 300 ? len : 300, data);
    }

    if (memmem(data, (size_t) len, "\"" STREAM "\"", sizeof(STREAM) + 1)
        == NULL)
    {
        return failed(n, "another stream takes " SUBJECTS, error);
    }

    n->kept++;

    return ONSITE_OK;
}


/* With a connection that went, what was under way went, too. */

static onsite_status_t
nothing_came(const nats_sink_t *n, natsStatus status, onsite_ms_t waited,
    onsite_error_t *error)
{
    natsConnection  *connection = nats_connection(n->nats);

    if (natsConnection_Status(connection) != NATS_CONN_STATUS_CONNECTED
        || nats_times(n->nats) != n->times)
    {
        return failed(n, "the connection broke off; what it may have is sent "
                      "again", error);
    }

    if (status != NATS_OK) {
        return failed(n, natsStatus_GetText(status), error);
    }

    return waited < ACK_MS
           ? ONSITE_OK
           : failed(n, "no acknowledgement for 5 s; what it may have is sent "
                    "again", error);
}


/* They are let come by many: to be woken by each would cost more than all
 * else. */

static onsite_status_t
await_all(nats_sink_t *n, onsite_error_t *error)
{
    int               i, here;
    natsMsg          *msg;
    natsStatus        came;
    onsite_ms_t       waited = 0;
    onsite_status_t   status = ONSITE_OK;

    while (n->kept < n->sent && status == ONSITE_OK) {
        came = natsSubscription_GetPending(n->acks, &here, NULL);

        if (came != NATS_OK || here == 0) {
            status = nothing_came(n, came, waited, error);
            nats_Sleep(SLICE_MS);
            waited += SLICE_MS;
            continue;
        }

        waited = 0;

        for (i = 0; i < here && status == ONSITE_OK; i++) {
            came = natsSubscription_NextMsg(&msg, n->acks, SLICE_MS);

            if (came == NATS_OK) {
                status = read_ack(n, msg, error);
                let_go(n, msg);
            }
        }
    }

    return status;
}


/* What is sent */

/* A site as one token: what cannot stand there as %XX. */

static void
write_subject(onsite_buf_t *out, onsite_str_t site)
{
    size_t         i;
    unsigned char  c;

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

    if (is_plain(id)) {
        onsite_buf_str(out, id);

    } else {
        drain_key(id, hash);
        onsite_buf_printf(out, "%s", hash);
    }

    onsite_buf_char(out, '\0');
}


static natsStatus
publish(nats_sink_t *n, const item_t *item, size_t from)
{
    natsMsg     *msg;
    natsStatus   status;
    const char  *bytes = n->bytes.data;

    status = natsMsg_Create(&msg, bytes + from, n->inbox, bytes + item->id,
                            (int) (item->line - item->id));
    if (status != NATS_OK) {
        return status;
    }

    status = natsMsgHeader_Set(msg, "Nats-Msg-Id", bytes + item->subject);

    if (status == NATS_OK) {
        status = natsConnection_PublishMsg(nats_connection(n->nats), msg);
    }

    let_go(n, msg);

    return status;
}


/* One close behind the other: libnats' thread that writes to the socket would
 * else be woken for each, which costs more than all of the rest. */

static onsite_status_t
send_burst(nats_sink_t *n, onsite_error_t *error)
{
    size_t      i, from = 0;
    natsStatus  status = NATS_OK;

    for (i = 0; i < n->n && status == NATS_OK; i++) {
        status = publish(n, &n->items[i], from);
        from = n->items[i].line;
    }

    let_all_go(n);
    n->sent += n->n;
    n->n = 0;
    onsite_buf_clear(&n->bytes);

    return status == NATS_OK
           ? ONSITE_OK : failed(n, natsStatus_GetText(status), error);
}


static onsite_status_t
nats_give(drain_sink_t *sink, drain_t *drain, const drain_event_t *event,
    onsite_error_t *error)
{
    item_t        *item;
    nats_sink_t   *n = (nats_sink_t *) sink;
    onsite_str_t   line = { event->line.len - 1, event->line.data };

    if ((int64_t) (line.len + ROOM) > n->most) {
        return reject_too_large(&n->reject, drain, event, "it is larger than "
                                "a message may be (max_payload, or the "
                                "stream's --max-msg-size)", error);
    }

    item = &n->items[n->n++];
    write_subject(&n->bytes, event->site);
    item->subject = n->bytes.len;
    write_id(&n->bytes, event->id);
    item->id = n->bytes.len;
    onsite_buf_str(&n->bytes, line);
    item->line = n->bytes.len;

    if (n->bytes.failed) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    return n->n < BURST ? ONSITE_OK : send_burst(n, error);
}


static onsite_status_t
nats_settle(drain_sink_t *sink, drain_t *drain, onsite_error_t *error)
{
    nats_sink_t      *n = (nats_sink_t *) sink;
    onsite_status_t   status;

    status = send_burst(n, error);

    if (status == ONSITE_OK) {
        status = await_all(n, error);
    }

    let_all_go(n);

    if (status == ONSITE_OK) {
        reject_settled(&n->reject, drain);
    }

    return status;
}


/* The connection, and the stream */

static void
nats_drop(drain_sink_t *sink)
{
    nats_sink_t  *n = (nats_sink_t *) sink;

    /* acknowledgements that come late are nobody's then */
    natsSubscription_Destroy(n->acks);
    natsInbox_Destroy(n->inbox);
    n->acks = NULL;
    n->inbox = NULL;
    n->sent = 0;
    n->kept = 0;
    n->n = 0;
    onsite_buf_clear(&n->bytes);
    reject_forget(&n->reject);
}


static onsite_status_t
make_inbox(nats_sink_t *n, onsite_error_t *error)
{
    natsStatus  status;

    n->times = nats_times(n->nats);
    status = natsInbox_Create(&n->inbox);

    if (status == NATS_OK) {
        status = natsConnection_SubscribeSync(&n->acks,
                                              nats_connection(n->nats),
                                              n->inbox);
    }

    if (status == NATS_OK) {
        status = natsSubscription_SetPendingLimits(n->acks, -1, -1);
    }

    return nats_result(n->nats, "acknowledgements", status, 0, error);
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
    int64_t        payload;
    jsCtx         *js = nats_jetstream(n->nats);
    jsErrCode      code = 0;
    natsStatus     status;
    jsStreamInfo  *info = NULL;

    if (js == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    status = js_GetStreamInfo(&info, js, STREAM, NULL, &code);

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
        status = find_stream(n, error);
    }

    return status == ONSITE_OK ? make_inbox(n, error) : status;
}


static onsite_status_t
nats_start(drain_sink_t *sink, drain_t *drain, onsite_error_t *error)
{
    nats_sink_t     *n = (nats_sink_t *) sink;
    onsite_status_t  status;

    nats_drop(sink);
    status = prepare(n, error);

    if (status == ONSITE_OK) {
        status = reject_begin(&n->reject, drain, error);
    }

    return status == ONSITE_OK ? drain_note_end_all(drain, error) : status;
}


static void
nats_sink_close(drain_sink_t *sink)
{
    nats_sink_t  *n = (nats_sink_t *) sink;

    nats_drop(sink);
    nats_close(n->nats);
    reject_close(&n->reject);
    onsite_buf_free(&n->bytes);
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
    onsite_buf_init(&n->bytes, 0);

    n->sink = (drain_sink_t) {
        .start = nats_start, .give = nats_give, .settle = nats_settle,
        .drop = nats_drop, .close = nats_sink_close,
        .settle_bytes = BYTES, .settle_events = UNDER_WAY,
        .idle = IDLE_MS, .names = true
    };

    return &n->sink;
}
