/*
 * deliver.c - `deliver`: deliveries leave for their endpoints.
 *
 * Each is asked about once more before it leaves, is deleted when its endpoint
 * has said that it arrived, and not before; so it leaves at least once,
 * whatever happens, always with the same id.
 */

#include "deliver.h"

#include "task.h"

#include <limits.h>
#include <stdlib.h>

#define POLL        100             /* ms: the outbox is looked into */
#define LOOK        ONSITE_SECOND   /* the state is still the same */
#define AGAIN       ONSITE_SECOND
#define AGAIN_MAX   ONSITE_MINUTE
#define REFUSED     ONSITE_MINUTE
#define ENDING      (5 * ONSITE_SECOND)
#define TURN        64              /* of an endpoint, in one round */
#define FLYING_MAX  256             /* requests under way, of all endpoints */

#define FIRST       (5 * ONSITE_SECOND)
#define MOST        (6 * ONSITE_HOUR)
#define GIVE_UP     (3 * ONSITE_DAY)
#define TIMEOUT     (10 * ONSITE_SECOND)
#define CONCURRENCY 4
#define DEAD_MAX    10000


/* What failed */

static void
tell_queue(queue_t *queue, const char *who, const char *why)
{
    if (strcmp(queue->told, why) != 0) {
        loader_complain("%s: %s (%s)", queue->name, why, who);
        (void) snprintf(queue->told, sizeof(queue->told), "%s", why);
    }

    task_failed(why);
}


/* Nothing has arrived there for so long, and this one waits as long: by a
 * clock that nobody sets, and by the one that lasts. */

static bool
is_hopeless(const deliver_t *d, const queue_t *queue, const job_t *job)
{
    return queue->failing != 0
           && loader_clock() - queue->failing >= d->give_up
           && loader_now() - job->time >= d->give_up;
}


static void
try_later(deliver_t *d, queue_t *queue, const job_t *job, onsite_ms_t wait,
    const char *why)
{
    job_t         later = *job;
    retry_note_t  note;

    deliver_note(d, job->seq, &note);
    note.attempts++;
    note.tried += note.delay;

    if (note.tried >= d->give_up || is_hopeless(d, queue, job)) {
        deliver_bury(d, queue, job, true, why);
        return;
    }

    note.delay = retry_jitter(retry_most(note.attempts, d->first, d->most));
    note.delay = note.delay > wait ? note.delay : wait;
    note.next = loader_now() + note.delay;
    (void) snprintf(note.why, sizeof(note.why), "%s", why);
    (void) deliver_keep_note(d, job->seq, &note);

    later.due = d->once ? INT64_MAX : loader_clock() + note.delay;
    d->no_memory |= !queue_push(queue, &later);
    d->retried++;
    task_count(TASK_DELIVER_RETRIED, 1);
}


static void
on_done(const sent_t *sent)
{
    queue_t    *queue = sent->queue;
    deliver_t  *d = sent->deliver;

    queue->flying--;

    switch (retry_verdict(sent->status)) {

    case RETRY_DONE:
        queue_good(queue);
        deliver_gone(d, sent->job.seq);
        d->sent++;
        task_count(TASK_DELIVER_SENT, 1);
        break;

    case RETRY_NEVER:
        queue_good(queue);
        deliver_tell_given_up(queue, sent->who, sent->why);
        deliver_bury(d, queue, &sent->job, true, sent->why);
        break;

    case RETRY_LATER:
        queue_bad(queue, loader_clock(), sent->wait);
        tell_queue(queue, sent->who, sent->why);
        try_later(d, queue, &sent->job, sent->wait, sent->why);
        break;
    }
}


/* Sending */

static void
put_off(deliver_t *d, queue_t *queue, const job_t *job, onsite_ms_t wait)
{
    job_t  later = *job;

    later.due += wait;
    d->no_memory |= !queue_push(queue, &later);
}


static void
drop(deliver_t *d, const job_t *job, deliver_drop_t why)
{
    d->dropped[why]++;
    task_count(TASK_DELIVER_FORGOTTEN + why, 1);
    deliver_gone(d, job->seq);
}


/* For how long it has been refused: since it was noted, or as long as the
 * others of its queue, as not every one is asked about each time. */

static onsite_ms_t
refused_for(const queue_t *queue, const job_t *job, const retry_note_t *note)
{
    onsite_ms_t  now = loader_now(), age = now - job->time;
    onsite_ms_t  all = loader_clock() - queue->failing;
    onsite_ms_t  own = note->tried + note->delay - retry_note_wait(note, now);

    all = all < age ? all : age;

    return own > all ? own : all;
}


/* That is no attempt: it counts for how long it waits, and this process does
 * not ask again soon, as it has read the file once.  The next one does. */

static void
refuse(deliver_t *d, queue_t *queue, const job_t *job, const char *who)
{
    job_t         later = *job;
    retry_note_t  note;

    queue_bad(queue, loader_clock(), 0);
    tell_queue(queue, who, deliver_refused);

    deliver_note(d, job->seq, &note);
    note.tried = refused_for(queue, job, &note);

    if (note.tried >= d->give_up || is_hopeless(d, queue, job)) {
        deliver_bury(d, queue, job, false, deliver_refused);
        return;
    }

    note.delay = REFUSED;
    note.next = loader_now() + note.delay;
    (void) snprintf(note.why, sizeof(note.why), "%s", deliver_refused);
    (void) deliver_keep_note(d, job->seq, &note);

    later.due = d->once ? INT64_MAX : loader_clock() + note.delay;
    d->no_memory |= !queue_push(queue, &later);
    d->refused++;
}


/* campaign "welcome", id 4f… */

static void
write_who(const onsite_outbox_entry_t *entry, char *out, size_t size)
{
    char          id[WEBHOOK_ID + 1];
    onsite_buf_t  name;

    webhook_id(entry, id);
    onsite_buf_init(&name, 0);
    onsite_write_json_string(&name, entry->campaign);
    (void) snprintf(out, size, "campaign %.*s, id %s",
                    name.failed ? 0 : (int) name.len, name.data, id);
    onsite_buf_free(&name);
}


static void
send_one(deliver_t *d, queue_t *queue, const job_t *job,
    const onsite_outbox_entry_t *entry)
{
    sent_t  what = { .deliver = d, .queue = queue, .job = *job };

    write_who(entry, what.who, sizeof(what.who));

    if (queue->endpoint == NULL) {
        refuse(d, queue, job, what.who);
        return;
    }

    if (!queue_take(queue, loader_clock())) {
        put_off(d, queue, job, 0);
        return;
    }

    if (!send_start(d->send, &what, entry, entry->endpoint)) {
        d->no_memory = true;
        return;
    }

    queue->flying++;
}


typedef struct {
    deliver_t  *deliver;
    queue_t    *queue;
    job_t       job;
} starting_t;


static bool
start(void *data, uint64_t seq, onsite_str_t bytes)
{
    starting_t             *starting = data;
    deliver_t              *d = starting->deliver;
    deliver_answer_t        answer;
    onsite_outbox_entry_t   entry;

    if (onsite_outbox_decode(bytes.data, bytes.len, &entry) != ONSITE_OK) {
        drop(d, &starting->job, DROP_DAMAGED);
        return true;
    }

    answer = check_delivery(d->check, seq, &entry, loader_now());

    switch (answer.verdict) {

    case DELIVER_SEND:
        send_one(d, starting->queue, &starting->job, &entry);
        break;

    case DELIVER_WAIT:
        starting->job.due = loader_clock();
        put_off(d, starting->queue, &starting->job,
                answer.wait / 2 + retry_jitter(answer.wait / 2));
        break;

    case DELIVER_DROP:
        drop(d, &starting->job, answer.drop);
        break;
    }

    return true;
}


static onsite_status_t
start_some(deliver_t *d, queue_t *queue)
{
    int              i;
    starting_t       starting = { .deliver = d, .queue = queue };
    onsite_status_t  status;

    for (i = 0; i < TURN && !loader_stopping
                && send_flying(d->send) < FLYING_MAX; i++)
    {
        if (!queue_is_ready(queue, loader_clock())) {
            if (queue->n == 0 || queue->jobs[0].due > loader_clock()
                || !is_hopeless(d, queue, &queue->jobs[0]))
            {
                break;
            }

            starting.job = queue_pop(queue);
            deliver_bury(d, queue, &starting.job, false, queue->told);
            continue;
        }

        starting.job = queue_pop(queue);
        status = onsite_store_delivery_get(d->store, starting.job.seq, start,
                                           &starting, &d->error);

        if (status != ONSITE_OK && status != ONSITE_NOT_FOUND) {
            return status;
        }
    }

    return ONSITE_OK;
}


/* The round */

static bool
is_failing(const deliver_t *d)
{
    size_t  i;

    for (i = 0; i < d->queues.n; i++) {
        if (d->queues.list[i]->told[0] != '\0') {
            return true;
        }
    }

    return false;
}


static void
tell(deliver_t *d)
{
    if (strcmp(d->told, d->error.text) != 0) {
        loader_complain("%s", d->error.text);
        (void) snprintf(d->told, sizeof(d->told), "%s", d->error.text);
    }

    task_failed(d->error.text);
}


/* It goes on when there is what waits, and by what that is judged. */

static bool
is_blind(deliver_t *d)
{
    if (deliver_is_blind(d)) {
        tell(d);
        return true;
    }

    if (d->told[0] != '\0' && check_sees(d->check)) {
        loader_complain("%s: goes on", d->state);
        d->told[0] = '\0';
    }

    return false;
}


static onsite_status_t
turn(deliver_t *d)
{
    size_t           i;
    onsite_status_t  status;

    status = deliver_read(d);
    d->turns++;

    for (i = 0; i < d->queues.n && status == ONSITE_OK; i++) {
        status = start_some(d, d->queues.list[(d->turns + i) % d->queues.n]);
    }

    send_go_on(d->send, on_done);
    deliver_tell_more(d, loader_clock());

    if (status == ONSITE_OK) {
        status = deliver_settle(d);
    }

    if (status == ONSITE_OK && !is_blind(d) && !is_failing(d)) {
        task_good();
    }

    return status;
}


static bool
has_work(const deliver_t *d)
{
    size_t  i;

    for (i = 0; i < d->queues.n; i++) {
        if (queue_is_due(d->queues.list[i], loader_clock())) {
            return true;
        }
    }

    return send_flying(d->send) != 0;
}


static void
wait_a_little(deliver_t *d)
{
    size_t       i;
    onsite_ms_t  now = loader_clock(), next = now + POLL;

    for (i = 0; i < d->queues.n; i++) {
        next = queue_next(d->queues.list[i], next);
    }

    if (send_flying(d->send) != 0) {
        send_wait(d->send, next > now ? next - now : 0);

    } else if (next > now) {
        loader_pause(next - now);
    }
}


/* What is under way may arrive. */

static void
finish(deliver_t *d)
{
    onsite_ms_t  end = loader_clock() + ENDING;

    while (d->store != NULL && send_flying(d->send) != 0
           && loader_clock() < end)
    {
        send_wait(d->send, POLL);
        send_go_on(d->send, on_done);
    }

    if (d->store != NULL) {
        (void) deliver_settle(d);
    }
}


/* OK: until there is nothing left to do, or the state is another one. */

static onsite_status_t
work(deliver_t *d)
{
    onsite_ms_t      looked = loader_clock();
    onsite_status_t  status;

    for ( ;; ) {
        status = turn(d);

        if (status != ONSITE_OK || loader_stopping
            || (d->once && !has_work(d)))
        {
            return status;
        }

        if (loader_clock() - looked >= LOOK) {
            looked = loader_clock();

            if (deliver_is_lost(d)) {
                return onsite_error(&d->error, ONSITE_IO, "%s: the state is "
                                    "gone", d->state);
            }
        }

        wait_a_little(d);
    }
}


static int
run(deliver_t *d)
{
    unsigned         failures = 0;
    onsite_status_t  status;

    for ( ;; ) {
        status = deliver_open(d);

        if (status == ONSITE_OK) {
            failures = 0;
            status = work(d);
        }

        if (status == ONSITE_OK || loader_stopping) {
            finish(d);
            deliver_tell_more(d, INT64_MAX);
            return LOADER_OK;
        }

        deliver_tell_more(d, INT64_MAX);
        tell(d);
        deliver_close(d);

        if (d->once || status == ONSITE_INVALID) {
            return LOADER_FAILED;
        }

        loader_pause(retry_jitter(retry_most(++failures, AGAIN, AGAIN_MAX)));

        if (loader_stopping) {
            return LOADER_OK;
        }
    }
}


/* The command */

typedef struct {
    const char  *state;
    const char  *endpoints;
    const char  *any;
    const char  *secrets[LOADER_REPEATS + 1];
    const char  *ca;
    const char  *timeout;
    const char  *first;
    const char  *most;
    const char  *give_up;
    const char  *dead_max;
    const char  *once;
    const char  *dry;
    const char  *dead;
    const char  *forget;
    const char  *json;
} options_t;


static int
read_number(const char *text, size_t *number)
{
    char                *end;
    unsigned long long   n;

    if (text == NULL) {
        return LOADER_OK;
    }

    n = strtoull(text, &end, 10);

    if (end == text || *end != '\0' || *text == '-' || n > 10000000) {
        loader_complain("--dead-max: \"%s\" is not a number up to 10000000",
                        text);
        return LOADER_USAGE;
    }

    *number = (size_t) n;

    return LOADER_OK;
}


static int
read_endpoints(deliver_t *d, const options_t *o, endpoint_t *defaults)
{
    size_t          i;
    onsite_error_t  error = { "" };

    if (o->ca != NULL && endpoints_ca(o->ca, &error) != ONSITE_OK) {
        loader_complain("--ca: %s", error.text);
        return LOADER_USAGE;
    }

    for (i = 0; o->secrets[i] != NULL; i++) {
        if (endpoints_secrets(o->secrets[i], defaults, &error) != ONSITE_OK) {
            loader_complain("--secret: %s", error.text);
            return LOADER_USAGE;
        }
    }

    if (o->any != NULL && defaults->n_secrets == 0) {
        loader_complain("--any-endpoint needs --secret FILE, to sign with");
        return LOADER_USAGE;
    }

    if (o->endpoints == NULL && o->any == NULL) {
        loader_complain("--endpoints FILE is missing: which may be called, "
                        "and how");
        return LOADER_USAGE;
    }

    d->any = o->any != NULL ? defaults : NULL;

    if (o->endpoints != NULL
        && endpoints_read(o->endpoints, defaults, &d->endpoints, &error)
           != ONSITE_OK)
    {
        loader_complain("%s", error.text);
        return LOADER_USAGE;
    }

    return LOADER_OK;
}


static int
deliver(deliver_t *d, const options_t *o)
{
    int  rc;

    if (o->dry != NULL) {
        return deliver_dry_run(d, o->json != NULL);
    }

    d->send = send_create(o->ca);

    if (d->send == NULL) {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    loader_catch_signals();
    rc = run(d);
    deliver_report(d, o->json != NULL);
    deliver_close(d);
    send_destroy(d->send);

    return rc == LOADER_OK && d->once && (d->retried + d->refused + d->died != 0
                                          || d->told[0] != '\0')
           ? LOADER_FAILED : rc;
}


static int
set_up(const options_t *o)
{
    int         rc;
    deliver_t   d = { .state = o->state, .lock = -1 };
    endpoint_t  defaults = { .concurrency = CONCURRENCY };

    d.once = o->once != NULL;
    d.first = loader_duration("retry-first", o->first, FIRST);
    d.most = loader_duration("retry-most", o->most, MOST);
    d.give_up = loader_duration("give-up", o->give_up, GIVE_UP);
    d.dead_max = DEAD_MAX;
    defaults.timeout = loader_duration("timeout", o->timeout, TIMEOUT);

    rc = read_number(o->dead_max, &d.dead_max);

    if (rc == LOADER_OK) {
        rc = read_endpoints(&d, o, &defaults);
    }

    if (rc == LOADER_OK && !loader_checking()) {
        rc = deliver(&d, o);
    }

    endpoints_free(&d.endpoints);

    return rc;
}


int
loader_deliver(int argc, char **argv)
{
    int        n;
    options_t  o;

    const loader_option_t  options[] = {
        { "endpoints", 'e', "FILE", "endpoints that may be called, and how: "
          "JSON", &o.endpoints },
        { "any-endpoint", 0, NULL, "call others, too: any that a campaign "
          "names", &o.any },
        { "secret", 0, "FILE...", "secrets to sign with, where an endpoint "
          "has none of its own", o.secrets },
        { "ca", 0, "FILE", "certificates (PEM) to trust besides the "
          "system's", &o.ca },
        { "state", 0, "DIR", "the state; the same as DIR", &o.state },
        { "timeout", 0, "TIME", "of a request; default: 10s", &o.timeout },
        { "retry-first", 0, "TIME", "the second attempt is within so long; "
          "then twice that …; default: 5s", &o.first },
        { "retry-most", 0, "TIME", "… up to this; default: 6h", &o.most },
        { "give-up", 0, "TIME", "after so long; default: 3d", &o.give_up },
        { "dead-max", 0, "NUMBER", "how many that are given up are kept; "
          "default: 10000", &o.dead_max },
        { "once", 0, NULL, "send what is due, and leave", &o.once },
        { "dry-run", 'n', NULL, "tell what would be sent, and why not",
          &o.dry },
        { "retry-dead", 0, NULL, "let those that are given up wait again, "
          "and leave", &o.dead },
        { "forget-dead", 0, NULL, "delete those that are given up, and leave",
          &o.forget },
        { "json", 0, NULL, "tell as JSON", &o.json },
        { 0 }
    };

    n = loader_options(argc, argv, options, "DIR --endpoints FILE", 0, 1);
    o.state = n == 1 ? argv[0] : o.state;
    loader_needs_file(o.state);

    if (o.state == NULL) {
        loader_complain("which state? usage: lmdb-loader deliver DIR "
                        "--endpoints FILE");
        return LOADER_USAGE;
    }

    if (o.dead != NULL && o.forget != NULL) {
        loader_complain("--retry-dead or --forget-dead: one of them");
        return LOADER_USAGE;
    }

    return o.dead != NULL || o.forget != NULL
           ? deliver_end_dead(o.state, o.forget != NULL, o.json != NULL)
           : set_up(&o);
}
