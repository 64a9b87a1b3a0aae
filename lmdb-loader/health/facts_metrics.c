/*
 * facts_metrics.c - how a POP is, in Prometheus' text format 0.0.4.
 *
 * Times are told as moments, and ages where no moment is known to count from:
 * what asks subtracts.
 */

#include "facts.h"

#include <math.h>
#include <string.h>

#define PREFIX  "onsite_sidecar_"


static void
announce(onsite_buf_t *out, const char *name, const char *type,
    const char *help)
{
    onsite_buf_printf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n",
                      name, help, name, type);
}


/* NAN: it is not known, and no metric. */

static void
value(onsite_buf_t *out, const char *name, const char *section, double v)
{
    const char  *p;

    if (isnan(v)) {
        return;
    }

    onsite_buf_printf(out, PREFIX "%s", name);

    if (section != NULL) {
        onsite_buf_printf(out, "{section=\"");

        for (p = section; *p != '\0'; p++) {
            if (*p == '"' || *p == '\\') {
                onsite_buf_char(out, '\\');
            }
            onsite_buf_char(out, *p);
        }

        onsite_buf_printf(out, "\"}");
    }

    onsite_buf_printf(out, " %.15g\n", v);
}


static void
gauge(onsite_buf_t *out, const char *name, const char *help, double v)
{
    if (!isnan(v)) {
        announce(out, name, "gauge", help);
        value(out, name, NULL, v);
    }
}


static double
seconds(onsite_ms_t time)
{
    return time != 0 ? (double) time / 1000 : NAN;
}


/* How long ago; 0 where nothing waits. */

static double
age(const facts_t *facts, onsite_ms_t time)
{
    return time != 0 && facts->now > time
           ? (double) (facts->now - time) / 1000 : 0;
}


static void
write_state(onsite_buf_t *out, const facts_t *facts)
{
    const facts_state_t        *s = &facts->state;
    const onsite_store_stat_t  *stat = &s->stat;

    gauge(out, "state_available", "Whether the state can be read.", s->open);
    gauge(out, "state_writable", "Whether a write transaction committed.",
          s->writable);

    if (!s->open) {
        return;
    }

    gauge(out, "state_visitors", "Visitors remembered.",
          (double) stat->visitors);
    gauge(out, "state_used_bytes", "Bytes of the state in use.",
          (double) stat->bytes_used);
    gauge(out, "state_size_bytes", "Bytes that the state may use.",
          (double) stat->bytes_size);
    gauge(out, "state_readers", "Reader slots in use.",
          (double) stat->readers);
    announce(out, "state_stale_readers_total", "counter",
             "Reader slots of dead processes that were cleared.");
    value(out, "state_stale_readers_total", NULL, (double) s->cleared);
    gauge(out, "timers_pending", "Timers of visitors that wait.",
          (double) stat->timers);
    gauge(out, "timers_late_seconds", "How long the earliest is overdue.",
          age(facts, s->timer_due));
    gauge(out, "outbox_events", "Events that wait to leave.",
          (double) stat->events);
    gauge(out, "outbox_deliveries", "Deliveries that have not left, given up "
          "ones included.", (double) stat->deliveries);
    gauge(out, "outbox_dead_deliveries", "Deliveries that are given up.",
          (double) s->dead);
    gauge(out, "outbox_bytes", "Bytes of the state that the outbox takes.",
          (double) stat->outbox_bytes);
    gauge(out, "outbox_oldest_event_age_seconds",
          "How long the oldest event has waited; 0: none waits.",
          age(facts, s->oldest_event));
    gauge(out, "outbox_oldest_delivery_age_seconds",
          "How long the oldest delivery has waited; 0: none waits.",
          age(facts, s->oldest_delivery));
}


static void
write_nginx(onsite_buf_t *out, const facts_nginx_t *n)
{
    if (n->url == NULL) {
        return;
    }

    gauge(out, "nginx_answers", "Whether onsite_status answers.", n->good);

    if (n->good) {
        gauge(out, "nginx_state_available",
              "Whether nginx can use its state.", n->available);
    }
}


/* What is told of each sync, or of each task. */

typedef enum {
    SYNC_GOOD = 0,
    SYNC_VERSION,
    SYNC_BUILT,
    SYNC_EXPIRES,
    SYNC_CHECKED,
    SYNC_FAILING,
    TASK_RUNS,
    TASK_RESTARTS,
    TASK_GOOD,
    TASK_FAILING,
    TASK_AWAY
} about_t;

static const struct {
    about_t      about;
    const char  *name;
    const char  *help;
} metrics[] = {
    { SYNC_GOOD, "snapshot_verified",
      "Whether the live snapshot opens, verifies and is what sync took." },
    { SYNC_VERSION, "snapshot_version", "Version of the live snapshot." },
    { SYNC_BUILT, "snapshot_age_seconds", "Time since it was built." },
    { SYNC_EXPIRES, "snapshot_expiry_timestamp_seconds",
      "When it expires." },
    { SYNC_CHECKED, "snapshot_checked_timestamp_seconds",
      "When the store was seen last." },
    { SYNC_FAILING, "snapshot_failing_seconds",
      "How long sync has been failing; 0: it does not." },
    { TASK_RUNS, "task_running", "Whether the section's process runs." },
    { TASK_RESTARTS, "task_restarts_total",
      "Times that it ended unasked and was started again." },
    { TASK_GOOD, "task_last_success_timestamp_seconds",
      "When a round of it went well last." },
    { TASK_FAILING, "task_failing_seconds",
      "How long it has been failing; 0: it does not." },
    { TASK_AWAY, "task_away_seconds",
      "How long NATS, which tells it, has been away; 0: it is not." }
};

#define METRICS  (sizeof(metrics) / sizeof(metrics[0]))


static double
about_sync(const facts_t *facts, const facts_sync_t *sync, about_t about)
{
    switch (about) {

    case SYNC_GOOD:
        return sync->good;

    case SYNC_VERSION:
        return sync->version != 0 ? (double) sync->version : NAN;

    case SYNC_BUILT:
        return sync->built != 0 ? age(facts, sync->built) : NAN;

    case SYNC_EXPIRES:
        return seconds(sync->kept.expires);

    case SYNC_CHECKED:
        return seconds(sync->kept.checked);

    default:
        return sync->is_signed ? age(facts, sync->kept.failing) : NAN;
    }
}


static double
about_task(const facts_t *facts, const sidecar_slot_t *slot, about_t about)
{
    switch (about) {

    case TASK_RUNS:
        return slot->phase == SIDECAR_RUNS;

    case TASK_RESTARTS:
        return (double) slot->restarts;

    case TASK_GOOD:
        return seconds(slot->task.good);

    case TASK_AWAY:
        return age(facts, slot->task.away);

    default:
        return age(facts, slot->task.failing);
    }
}


static void
write_each(onsite_buf_t *out, const facts_t *facts, size_t metric)
{
    size_t       i;
    about_t      about = metrics[metric].about;
    const char  *name = metrics[metric].name;

    announce(out, name, about == TASK_RESTARTS ? "counter" : "gauge",
             metrics[metric].help);

    for (i = 0; about < TASK_RUNS && i < facts->n_syncs; i++) {
        value(out, name, facts->syncs[i].section,
              about_sync(facts, &facts->syncs[i], about));
    }

    for (i = 0; about >= TASK_RUNS && i < SIDECAR_SLOTS; i++) {
        if (facts->sidecar->slots[i].phase != SIDECAR_FREE) {
            value(out, name, facts->sidecar->slots[i].name,
                  about_task(facts, &facts->sidecar->slots[i], about));
        }
    }
}


/* A section's counters begin with its kind; others' are 0 there, and not
 * told. */

static bool
is_its(const sidecar_slot_t *slot, size_t counter)
{
    size_t       n = strcspn(slot->name, " ");
    const char  *name = task_names[counter].name;

    return slot->task.counters[counter] != 0
           || (strncmp(name, slot->name, n) == 0);
}


static void
write_counters(onsite_buf_t *out, const sidecar_t *sidecar)
{
    char                   name[128];
    size_t                 i, counter;
    const sidecar_slot_t  *slot;

    for (counter = 0; counter < TASK_COUNTERS; counter++) {
        (void) snprintf(name, sizeof(name), "%s_total",
                        task_names[counter].name);
        announce(out, name, "counter", task_names[counter].help);

        for (i = 0; i < SIDECAR_SLOTS; i++) {
            slot = &sidecar->slots[i];

            if (slot->phase != SIDECAR_FREE && is_its(slot, counter)) {
                value(out, name, slot->name,
                      (double) slot->task.counters[counter]);
            }
        }
    }
}


void
facts_write_metrics(onsite_buf_t *out, const facts_t *facts)
{
    size_t  i;

    gauge(out, "ready", "Whether a verified snapshot is live and the state "
          "can be written.", facts->sidecar->ready != 0);
    gauge(out, "start_timestamp_seconds", "When the master started.",
          seconds(facts->sidecar->started));
    gauge(out, "findings", "What is not well, as status tells it.",
          (double) facts->n_findings);
    write_state(out, facts);
    write_nginx(out, &facts->nginx);

    for (i = 0; i < METRICS; i++) {
        write_each(out, facts, i);
    }

    if (facts->checkpoint.section[0] != '\0') {
        gauge(out, "checkpoint_kept", "Checkpoints that are kept.",
              (double) facts->checkpoint.n);
        gauge(out, "checkpoint_age_seconds", "Age of the latest checkpoint.",
              facts->checkpoint.latest != 0
              ? age(facts, facts->checkpoint.made) : NAN);
    }

    write_counters(out, facts->sidecar);
}
