/*
 * deliver_tell.c - what would be sent, what was given up, what came of it, and
 * how long it waits.
 */

#include "deliver.h"

#include <stdlib.h>

/* Dry run */

typedef struct {
    deliver_t     *deliver;
    check_t       *check;
    onsite_buf_t   line;
    bool           json;
} dry_t;

typedef struct {
    const char  *would;         /* send, wait, drop, stay                  */
    const char  *why;
} fate_t;


/* What a name leads to is seen when it is called. */

static bool
leads_inside(onsite_str_t url)
{
    char               text[ENDPOINTS_URL_MAX];
    endpoints_place_t  place;

    (void) snprintf(text, sizeof(text), "%.*s", (int) url.len, url.data);

    return endpoints_place(text, &place, NULL) == ONSITE_OK
           && endpoints_is_private(&place);
}


static fate_t
fate_of(dry_t *dry, uint64_t seq, const onsite_outbox_entry_t *entry,
    retry_note_t *note)
{
    queue_t           *queue;
    deliver_t         *d = dry->deliver;
    deliver_answer_t   answer;

    deliver_note(d, seq, note);

    if (note->dead != 0) {
        return (fate_t) { "stay", note->why };
    }

    answer = check_delivery(dry->check, seq, entry, loader_now());

    if (answer.verdict == DELIVER_DROP) {
        return (fate_t) { "drop", deliver_drops[answer.drop] };
    }

    if (answer.verdict == DELIVER_WAIT) {
        return (fate_t) { "wait", answer.why };
    }

    queue = queues_of(&d->queues, &d->endpoints, d->any, entry->endpoint);

    if (queue == NULL || queue->endpoint == NULL) {
        return (fate_t) { "wait", deliver_refused };
    }

    if (!queue->endpoint->private && leads_inside(entry->endpoint)) {
        return (fate_t) { "wait", "is refused, a private address: "
                          "\"private\": true in the endpoints file allows "
                          "it" };
    }

    return deliver_note_wait(note) != 0
           ? (fate_t) { "wait", note->why } : (fate_t) { "send", "" };
}


static void
write_fate(dry_t *dry, uint64_t seq, const onsite_outbox_entry_t *entry,
    fate_t fate)
{
    char           id[WEBHOOK_ID + 1];
    onsite_buf_t  *out = &dry->line;

    webhook_id(entry, id);

    if (!dry->json) {
        onsite_buf_printf(out, "%s  %-4s  %.*s  %.*s%s%s\n", id, fate.would,
                          (int) entry->campaign.len, entry->campaign.data,
                          (int) entry->endpoint.len, entry->endpoint.data,
                          fate.why[0] != '\0' ? "  " : "", fate.why);
        return;
    }

    onsite_buf_printf(out, "{\"seq\":%llu,\"id\":\"%s\",\"would\":\"%s\","
                      "\"why\":", (unsigned long long) seq, id, fate.would);
    onsite_write_json_string(out, onsite_str_of(fate.why));
    onsite_buf_str(out, ONSITE_STR(",\"campaign\":"));
    onsite_write_json_string(out, entry->campaign);
    onsite_buf_str(out, ONSITE_STR(",\"endpoint\":"));
    onsite_write_json_string(out, entry->endpoint);
    onsite_buf_str(out, ONSITE_STR("}\n"));
}


static bool
tell_entry(void *data, uint64_t seq, onsite_str_t bytes)
{
    fate_t                  fate = { "drop", deliver_drops[DROP_DAMAGED] };
    dry_t                  *dry = data;
    retry_note_t            note;
    onsite_outbox_kind_t    kind;
    onsite_outbox_entry_t   entry;

    if (onsite_outbox_kind(bytes.data, bytes.len, &kind)
        && kind != ONSITE_OUTBOX_DELIVERY)
    {
        return true;
    }

    if (onsite_outbox_decode(bytes.data, bytes.len, &entry) == ONSITE_OK) {
        fate = fate_of(dry, seq, &entry, &note);
    }

    onsite_buf_clear(&dry->line);
    write_fate(dry, seq, &entry, fate);

    return !dry->line.failed
           && fwrite(dry->line.data, 1, dry->line.len, stdout)
              == dry->line.len;
}


int
deliver_dry_run(deliver_t *d, bool json)
{
    dry_t            dry = { .deliver = d, .json = json };
    onsite_status_t  status = ONSITE_NO_MEMORY;

    if (loader_open_state(d->state, &d->store) != LOADER_OK) {
        return LOADER_FAILED;
    }

    onsite_buf_init(&dry.line, 0);
    dry.check = check_create(d->state, d->store);

    if (dry.check != NULL) {
        status = onsite_store_outbox_walk(d->store, tell_entry, &dry,
                                          &d->error);
    }

    if (status == ONSITE_OK && (dry.line.failed || fflush(stdout) != 0)) {
        status = onsite_error(&d->error, ONSITE_IO, "cannot write");
    }

    if (status != ONSITE_OK) {
        loader_complain("%s", status == ONSITE_NO_MEMORY ? "out of memory"
                                                         : d->error.text);
    }

    onsite_buf_free(&dry.line);
    check_destroy(dry.check);
    queues_free(&d->queues);
    onsite_store_close(d->store);

    return status == ONSITE_OK ? LOADER_OK : LOADER_FAILED;
}


/* What is given up waits again, or goes */

static bool
find_dead(void *data, uint64_t seq, onsite_str_t bytes)
{
    deliver_t     *d = data;
    retry_note_t   note;

    (void) bytes;
    deliver_note(d, seq, &note);

    if (note.dead != 0) {
        deliver_gone(d, seq);
    }

    return !d->no_memory;
}


static onsite_status_t
find_all_dead(deliver_t *d)
{
    bool             last;
    uint32_t         i;
    uint64_t         from;
    onsite_status_t  status = ONSITE_OK;

    for (i = 0; i < onsite_store_shards(d->store); i++) {
        from = 0;

        do {
            status = onsite_store_deliveries_read(d->store, i, &from,
                                                  find_dead, d, &last,
                                                  &d->error);
        } while (status == ONSITE_OK && !last);

        if (status != ONSITE_OK) {
            return status;
        }
    }

    return d->no_memory ? onsite_error(&d->error, ONSITE_NO_MEMORY,
                                       "out of memory") : ONSITE_OK;
}


/* n: how many did. */

static onsite_status_t
retry_all(deliver_t *d, size_t *n)
{
    size_t           i;
    onsite_status_t  status = ONSITE_OK;

    for (i = 0; i < d->n_gone && status == ONSITE_OK; i++) {
        status = onsite_store_delivery_again(d->store, d->gone[i], &d->error);
        *n += status == ONSITE_OK;
        status = status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
    }

    return status;
}


static onsite_status_t
forget_all(deliver_t *d, size_t *n)
{
    size_t           all = d->n_gone;
    onsite_status_t  status = deliver_settle(d);

    *n = all - d->n_gone;

    return status;
}


int
deliver_end_dead(const char *state, bool forget, bool json)
{
    size_t           n = 0;
    deliver_t        d = { .state = state };
    onsite_status_t  status;

    if (loader_change_state(state, &d.store) != LOADER_OK) {
        return LOADER_FAILED;
    }

    status = find_all_dead(&d);

    if (status == ONSITE_OK) {
        status = forget ? forget_all(&d, &n) : retry_all(&d, &n);
    }

    if (status != ONSITE_OK) {
        loader_complain("%s", d.error.text);
    }

    if (json) {
        (void) printf("{\"%s\":%zu}\n", forget ? "forgotten" : "waiting", n);

    } else {
        (void) printf("%zu %s\n", n, forget ? "are forgotten" : "wait again");
    }

    free(d.gone);
    onsite_store_close(d.store);

    return status == ONSITE_OK ? LOADER_OK : LOADER_FAILED;
}


/* The oldest that waits */

typedef struct {
    onsite_store_t  *store;
    onsite_ms_t      time;      /* 0: not found yet                        */
} oldest_t;


static bool
find_waiting(void *data, uint64_t seq, onsite_str_t bytes)
{
    oldest_t               *oldest = data;
    deliver_t               d = { .store = oldest->store };
    retry_note_t            note;
    onsite_outbox_entry_t   entry;

    deliver_note(&d, seq, &note);

    if (note.dead == 0
        && onsite_outbox_decode(bytes.data, bytes.len, &entry) == ONSITE_OK)
    {
        oldest->time = entry.time;
    }

    return oldest->time == 0;
}


onsite_status_t
deliver_oldest(onsite_store_t *store, uint32_t shard, onsite_ms_t *time)
{
    bool             last = false;
    oldest_t         oldest = { .store = store };
    uint64_t         from = 0;
    onsite_status_t  status = ONSITE_OK;

    while (status == ONSITE_OK && !last && oldest.time == 0) {
        status = onsite_store_deliveries_read(store, shard, &from,
                                              find_waiting, &oldest, &last,
                                              NULL);
    }

    *time = oldest.time;

    return status == ONSITE_OK && oldest.time == 0 ? ONSITE_NOT_FOUND
                                                   : status;
}


/* Those that are given up: only what was tried has a note. */

static bool
count_dead(void *data, uint64_t seq, onsite_str_t bytes)
{
    uint64_t      *n = data;
    retry_note_t   note;

    (void) seq;
    *n += retry_note_decode(bytes.data, bytes.len, &note) && note.dead != 0;

    return true;
}


onsite_status_t
deliver_count_dead(onsite_store_t *store, uint32_t shard, uint64_t *n)
{
    return onsite_store_delivery_notes(store, shard, count_dead, n, NULL);
}


/* What is given up: once for each cause, then how many more */

void
deliver_tell_given_up(queue_t *queue, const char *who, const char *why)
{
    if (queue_gave_up(queue, why, loader_clock())) {
        loader_complain("%s: %s: %s is given up", queue->name, why, who);
    }
}


void
deliver_tell_more(const deliver_t *d, onsite_ms_t now)
{
    size_t       i;
    uint64_t     n;
    queue_t     *queue;
    const char  *why;

    for (i = 0; i < d->queues.n; i++) {
        queue = d->queues.list[i];

        while ((why = queue_more(queue, now, &n)) != NULL) {
            loader_complain("%s: %s: %llu more given up", queue->name, why,
                            (unsigned long long) n);
        }
    }
}


/* At the end */

static size_t
count_waiting(const deliver_t *d)
{
    size_t  i, n = 0;

    for (i = 0; i < d->queues.n; i++) {
        n += d->queues.list[i]->n;
    }

    return n;
}


void
deliver_report(const deliver_t *d, bool json)
{
    int  i;

    if (d->lost != 0) {
        loader_complain("%llu deliveries that were given up made room for "
                        "others", (unsigned long long) d->lost);
    }

    if (!json) {
        return;
    }

    (void) printf("{\"sent\":%llu,\"retried\":%llu,\"refused\":%llu,"
                  "\"dead\":%llu,\"lost\":%llu,\"waiting\":%zu,"
                  "\"dropped\":{",
                  (unsigned long long) d->sent,
                  (unsigned long long) d->retried,
                  (unsigned long long) d->refused,
                  (unsigned long long) d->died,
                  (unsigned long long) d->lost, count_waiting(d));

    for (i = 0; i < DROPS; i++) {
        (void) printf("%s\"%s\":%llu", i == 0 ? "" : ",", deliver_drops[i],
                      (unsigned long long) d->dropped[i]);
    }

    (void) printf("}}\n");
}
