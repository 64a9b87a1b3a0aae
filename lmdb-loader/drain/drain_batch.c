/*
 * drain_batch.c - events go to an HTTP server in batches, of one shard each.
 *
 * A batch's bounds are noted before it is sent, so that it is sent again as it
 * was, with the same key, when nobody knows whether it came.  When it is taken
 * that is noted, too, and its events are deleted.
 *
 * A server may refuse a batch for what one event is: then it is halved, down to
 * that event.  Whether the event is to blame, or the server would take none,
 * shows when it takes another one of the batch: until then those before it are
 * kept, and afterwards offered once more.
 */

#include "drain_http.h"
#include "drain_reject.h"
#include "loader.h"
#include "stop.h"

#include <stdlib.h>
#include <string.h>

#define IDLE_MS      ONSITE_SECOND
#define BYTES_MIN    (16 * 1024)
#define BYTES_MAX    (8u << 20)
#define PATIENCE     16             /* refused in a row at full speed      */
#define SLOWER_MS    10             /* each further one by so much         */
#define TYPE_LINES   "application/x-ndjson"
#define TYPE_JSON    "application/json"
#define OPEN         "{\"batch\":["

typedef struct {
    uint64_t  seq;
    size_t    end;                  /* of its line                         */
    size_t    id;                   /* where its id begins                 */
} item_t;

typedef struct {
    drain_sink_t   sink;
    bool           segment;
    post_t        *post;
    uint64_t       bytes;           /* of a batch, as it was asked for     */
    uint64_t       most;            /* as the server takes it              */
    size_t         events;          /* of a batch, at most; 0: any         */
    reject_t       reject;

    onsite_buf_t   lines;
    onsite_buf_t   ids;
    onsite_buf_t   body;            /* where lines are not sent as they are*/
    item_t        *items;
    size_t         n;
    size_t         room;

    uint64_t      *first;           /* by shard: of a batch under way      */
    uint32_t       shards;
    unsigned       state;           /* that these are of                   */

    /* of the batch that is settled */
    size_t         done;            /* left, from the first on             */
    unsigned       refusals;        /* in a row                            */
    bool           proven;          /* something of it was taken           */
    post_answer_t  answer;
} batch_t;


/* What is given */

static drain_event_t
event_at(const batch_t *b, size_t i)
{
    size_t         from = i == 0 ? 0 : b->items[i - 1].end;
    size_t         id = b->items[i].id;
    size_t         id_end = i + 1 < b->n ? b->items[i + 1].id : b->ids.len;
    drain_event_t  event = { .seq = b->items[i].seq };

    event.line = onsite_str(b->lines.data + from, b->items[i].end - from);
    event.id = onsite_str(b->ids.data + id, id_end - id);

    return event;
}


static onsite_str_t
lines_of(const batch_t *b, size_t at, size_t end)
{
    size_t  from = at == 0 ? 0 : b->items[at - 1].end;

    return onsite_str(b->lines.data + from, b->items[end - 1].end - from);
}


static bool
grow(batch_t *b)
{
    item_t  *more;
    size_t   room = b->room == 0 ? 1024 : b->room * 2;

    if (b->n < b->room) {
        return true;
    }

    more = realloc(b->items, room * sizeof(item_t));

    if (more != NULL) {
        b->items = more;
        b->room = room;
    }

    return more != NULL;
}


static onsite_status_t
batch_give(drain_sink_t *sink, drain_t *drain, const drain_event_t *event,
    onsite_error_t *error)
{
    batch_t  *b = (batch_t *) sink;

    if (b->segment && event->line.len - 1 > SEGMENT_EVENT_BYTES) {
        return reject_too_large(&b->reject, drain, event, "it has more than "
                                "32 KB, which is the most that Segment takes",
                                error);
    }

    if (!grow(b)) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    onsite_buf_str(&b->lines, event->line);
    b->items[b->n++] = (item_t) { event->seq, b->lines.len, b->ids.len };
    onsite_buf_str(&b->ids, event->id);

    return !b->lines.failed && !b->ids.failed
           ? ONSITE_OK : onsite_error(error, ONSITE_NO_MEMORY,
                                      "out of memory");
}


/* What is sent */

/* {"batch":[…,…],"sentAt":"…"} */

static onsite_str_t
segment_body(batch_t *b, size_t at, size_t end)
{
    size_t         i;
    drain_event_t  event;

    onsite_buf_clear(&b->body);
    onsite_buf_str(&b->body, ONSITE_STR(OPEN));

    for (i = at; i < end; i++) {
        event = event_at(b, i);

        if (i != at) {
            onsite_buf_char(&b->body, ',');
        }

        onsite_buf_append(&b->body, event.line.data, event.line.len - 1);
    }

    onsite_buf_str(&b->body, ONSITE_STR("],\"sentAt\":"));
    loader_write_time(&b->body, loader_now());
    onsite_buf_char(&b->body, '}');

    return onsite_str(b->body.data, b->body.len);
}


static bool
is_refused(long status)
{
    return status == 400 || status == 413 || status == 422;
}


/* *taken, or these events are not wanted.  Else it failed. */

static onsite_status_t
offer(batch_t *b, drain_t *drain, size_t at, size_t end, bool *taken,
    onsite_error_t *error)
{
    char             key[DRAIN_KEY + 1];
    onsite_str_t     lines = lines_of(b, at, end), body = lines;
    onsite_status_t  status;

    status = drain_note_batch(drain, drain->shard, b->items[at].seq,
                              b->items[end - 1].seq, error);
    if (status != ONSITE_OK) {
        return status;
    }

    /* other events never have the same, and these always do */
    drain_key(lines, key);

    if (b->segment) {
        body = segment_body(b, at, end);

        if (b->body.failed) {
            return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
        }
    }

    status = post_send(b->post, body, b->segment ? TYPE_JSON : TYPE_LINES,
                       key, &b->answer, error);
    *taken = b->answer.status / 100 == 2;

    if (status != ONSITE_OK || *taken || is_refused(b->answer.status)) {
        return status;
    }

    b->sink.pause = b->answer.pause;

    return post_refused(b->post, &b->answer, error);
}


/* What came of it */

static onsite_status_t  pass(batch_t *b, drain_t *drain, size_t at, size_t to,
    onsite_error_t *error);


static onsite_status_t
leave(batch_t *b, drain_t *drain, size_t end, uint64_t n,
    onsite_error_t *error)
{
    onsite_status_t  status;

    status = drain_leave(drain, drain->shard, b->items[end - 1].seq, n,
                         error);
    if (status == ONSITE_OK) {
        b->done = end;
    }

    return status;
}


static onsite_status_t
take(batch_t *b, drain_t *drain, size_t at, size_t end,
    onsite_error_t *error)
{
    onsite_status_t  status = ONSITE_OK;

    b->proven = true;
    b->refusals = 0;

    if (at > b->done) {
        status = pass(b, drain, b->done, at, error);

    } else {
        status = drain_note_safe(drain, drain->shard, b->items[end - 1].seq,
                                 error);
    }

    return status == ONSITE_OK ? leave(b, drain, end, end - at, error)
                               : status;
}


static onsite_status_t
not_one(const batch_t *b, onsite_error_t *error)
{
    char  why[sizeof(error->text)];

    (void) post_refused(b->post, &b->answer, error);
    (void) snprintf(why, sizeof(why), "%s", error->text);

    return onsite_error(error, ONSITE_IO, "not one event of a batch is taken: "
                        "%s", why);
}


/* One event alone.  That the receiver would take none is told before all of
 * them were tried, which may take hours. */

static onsite_status_t
refuse(batch_t *b, drain_t *drain, size_t at, onsite_error_t *error)
{
    char             why[sizeof(error->text)];
    drain_event_t    event = event_at(b, at);
    onsite_status_t  status;

    b->refusals++;

    if (!b->proven) {
        if (b->refusals == PATIENCE) {
            (void) not_one(b, error);
            drain_tell(drain, error->text);
        }

        if (b->refusals > PATIENCE) {
            loader_pause((b->refusals - PATIENCE) * SLOWER_MS);
        }

        return loader_stopping ? onsite_error(error, ONSITE_IO, "%s: stopped",
                                              post_url(b->post))
                               : ONSITE_OK;
    }

    (void) post_refused(b->post, &b->answer, error);
    (void) snprintf(why, sizeof(why), "%s", error->text);
    status = reject_add(&b->reject, &event, why, error);

    if (status == ONSITE_OK) {
        drain->rejected++;
        status = leave(b, drain, at + 1, 0, error);
    }

    return status;
}


static void
take_less(batch_t *b, size_t bytes)
{
    bytes = bytes / 2 > BYTES_MIN ? bytes / 2 : BYTES_MIN;

    if (bytes < b->most) {
        b->most = bytes;
    }
}


/* How far one batch goes, at least to the next event: as the loop has it. */

static size_t
end_of(const batch_t *b, size_t at, size_t to)
{
    size_t  end = at + 1;

    while (end < to && lines_of(b, at, end).len < b->most
           && (b->events == 0 || end - at < b->events))
    {
        end++;
    }

    return end;
}


/* Events from at on, as many at once as are taken. */

static onsite_status_t
pass(batch_t *b, drain_t *drain, size_t at, size_t to, onsite_error_t *error)
{
    bool             taken = false;
    size_t           end, size = to - at;
    onsite_status_t  status = ONSITE_OK;

    while (at < to && status == ONSITE_OK) {
        end = end_of(b, at, size < to - at ? at + size : to);
        status = offer(b, drain, at, end, &taken, error);

        if (status != ONSITE_OK) {
            break;
        }

        if (taken) {
            status = take(b, drain, at, end, error);
            size = (end - at) * 2;
            at = end;

        } else if (end - at > 1) {
            size = (end - at) / 2;

            if (b->answer.status == 413) {
                take_less(b, lines_of(b, at, end).len);
            }

        } else {
            status = refuse(b, drain, at, error);
            at = end;
        }
    }

    return status;
}


/* Nothing of it was taken: rather than that all of its events are bad, the
 * server is not what it should be.  With more of them next time there may be
 * one that it takes. */

static onsite_status_t
none_taken(batch_t *b, drain_t *drain, onsite_error_t *error)
{
    onsite_status_t  status;

    status = drain_note_none(drain, drain->shard, error);

    if (status == ONSITE_OK) {
        status = not_one(b, error);
    }

    b->first[drain->shard] = 0;

    if (b->sink.settle_bytes < BYTES_MAX) {
        b->sink.settle_bytes *= 2;
        b->sink.settle_events *= 2;
    }

    return status;
}


/* All has left; what the server takes at once may be more again. */

static void
all_taken(batch_t *b, drain_t *drain)
{
    drain_shard_t  *shard = &drain->shards[drain->shard];

    b->most += b->bytes / 64 + 1;
    b->most = b->most < b->bytes ? b->most : b->bytes;
    b->sink.settle_bytes = b->most;
    b->sink.settle_events = b->events;

    reject_settled(&b->reject, drain);
    shard->n = 0;

    if (b->n != 0 && b->items[b->n - 1].seq == shard->given) {
        shard->given = 0;
        shard->until = 0;
    }
}


static void
forget(batch_t *b)
{
    onsite_buf_clear(&b->lines);
    onsite_buf_clear(&b->ids);
    b->n = 0;
    b->done = 0;
    b->refusals = 0;
    b->proven = false;
}


static onsite_status_t
batch_settle(drain_sink_t *sink, drain_t *drain, onsite_error_t *error)
{
    size_t           at = 0;
    batch_t         *b = (batch_t *) sink;
    onsite_status_t  status;

    /* what was before a batch under way had been refused */

    while (at < b->n && b->items[at].seq < b->first[drain->shard]) {
        at++;
    }

    at = at < b->n ? at : 0;
    b->first[drain->shard] = 0;
    status = pass(b, drain, at, b->n, error);

    if (status == ONSITE_OK && b->done < b->n) {
        status = none_taken(b, drain, error);
    }

    if (status == ONSITE_OK) {
        all_taken(b, drain);
        forget(b);
    }

    return status;
}


static void
batch_drop(drain_sink_t *sink)
{
    forget((batch_t *) sink);
    reject_forget(&((batch_t *) sink)->reject);
}


/* Before and after */

static onsite_status_t
make_room(batch_t *b, const drain_t *drain, onsite_error_t *error)
{
    uint32_t  shards = onsite_store_shards(drain->store);

    if (drain->opened == b->state) {
        return ONSITE_OK;
    }

    b->state = drain->opened;
    free(b->first);
    b->first = calloc(shards, sizeof(uint64_t));
    b->shards = b->first != NULL ? shards : 0;

    if (b->shards == 0) {
        b->state = 0;
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    return ONSITE_OK;
}


static onsite_status_t
batch_start(drain_sink_t *sink, drain_t *drain, onsite_error_t *error)
{
    uint32_t         i;
    batch_t         *b = (batch_t *) sink;
    onsite_status_t  status;

    status = make_room(b, drain, error);

    if (status == ONSITE_OK) {
        status = reject_begin(&b->reject, drain, error);
    }

    for (i = 0; i < b->shards && status == ONSITE_OK; i++) {
        status = drain_note_end(drain, i, &b->first[i], error);
    }

    return status == ONSITE_OK ? post_begin(b->post, error) : status;
}


static void
batch_close(drain_sink_t *sink)
{
    batch_t  *b = (batch_t *) sink;

    post_close(b->post);
    reject_close(&b->reject);
    onsite_buf_free(&b->lines);
    onsite_buf_free(&b->ids);
    onsite_buf_free(&b->body);
    free(b->items);
    free(b->first);
    free(b);
}


drain_sink_t *
drain_http(const drain_http_options_t *options)
{
    batch_t  *b;
    bool      segment = options->post.segment;

    b = calloc(1, sizeof(batch_t));

    if (b == NULL) {
        loader_complain("out of memory");
        return NULL;
    }

    b->post = post_open(&options->post);

    if (b->post == NULL) {
        free(b);
        return NULL;
    }

    onsite_buf_init(&b->lines, 0);
    onsite_buf_init(&b->ids, 0);
    onsite_buf_init(&b->body, 0);
    b->segment = segment;
    b->bytes = options->bytes;
    b->most = options->bytes;
    b->events = segment ? SEGMENT_EVENTS : 0;
    b->reject = (reject_t) { .path = options->rejects, .fd = -1 };

    b->sink = (drain_sink_t) {
        .start = batch_start, .give = batch_give, .settle = batch_settle,
        .drop = batch_drop, .close = batch_close,
        .settle_bytes = options->bytes,
        .settle_events = b->events,
        .one_shard = true, .idle = IDLE_MS, .names = true
    };

    return &b->sink;
}
