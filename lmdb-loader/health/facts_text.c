/*
 * facts_text.c - how a POP is, on a page for people.
 */

#include "facts.h"

#include <string.h>


/* "3 h ago", or "never". */

static const char *
ago(const facts_t *facts, onsite_ms_t time, char text[FACTS_TIME])
{
    if (time == 0) {
        return "never";
    }

    (void) facts_duration(facts->now - time, text);
    (void) strncat(text, " ago", FACTS_TIME - strlen(text) - 1);

    return text;
}


static const char *
bytes(uint64_t n, char text[FACTS_TIME])
{
    size_t  i = 0;
    double  d = (double) n;

    static const char *const  units[] = { "bytes", "kB", "MB", "GB", "TB" };

    while (d >= 1024 && i < 4) {
        d /= 1024;
        i++;
    }

    (void) snprintf(text, FACTS_TIME, "%.*f %s", i == 0 || d >= 100 ? 0 : 1,
                    d, units[i]);

    return text;
}


static void
write_findings(onsite_buf_t *out, const facts_t *facts)
{
    size_t  i;

    if (facts->n_findings == 0) {
        onsite_buf_printf(out, "all is well\n");
        return;
    }

    onsite_buf_printf(out, "%zu not well:\n", facts->n_findings);

    for (i = 0; i < facts->n_findings; i++) {
        onsite_buf_printf(out, "  ! %s\n", facts->findings[i].what);

        if (facts->findings[i].remedy[0] != '\0') {
            onsite_buf_printf(out, "    -> %s\n", facts->findings[i].remedy);
        }
    }
}


static void
write_sync(onsite_buf_t *out, const facts_t *facts, const facts_sync_t *sync)
{
    char                 text[FACTS_TIME], expires[FACTS_TIME];
    const kept_state_t  *kept = &sync->kept;

    onsite_buf_printf(out, "\nsnapshot  [%s] %s\n", sync->section,
                      sync->file);

    if (sync->version != 0) {
        onsite_buf_printf(out, "  %-12s %llu, %llu campaigns, live since %s"
                          "%s\n", "version",
                          (unsigned long long) sync->version,
                          (unsigned long long) sync->campaigns,
                          ago(facts, sync->since, text),
                          sync->good ? ", verified" : ", NOT verified");
    } else {
        onsite_buf_printf(out, "  %-12s none is live\n", "version");
    }

    if (!sync->is_signed) {
        return;
    }

    onsite_buf_printf(out, "  %-12s %s, %s %s\n", "site", kept->site,
                      kept->expires > facts->now ? "expires in" : "expired",
                      kept->expires > facts->now
                      ? facts_duration(kept->expires - facts->now, expires)
                      : ago(facts, kept->expires, expires));
    onsite_buf_printf(out, "  %-12s %s\n", "checked",
                      ago(facts, kept->checked, text));

    if (kept->rolled_back_from != 0) {
        onsite_buf_printf(out, "  %-12s by hand: stays until a version above "
                          "%llu is published\n", "rolled back",
                          (unsigned long long) kept->rolled_back_from);
    }
}


static void
write_state(onsite_buf_t *out, const facts_t *facts)
{
    char                        used[FACTS_TIME], size[FACTS_TIME];
    const facts_state_t        *s = &facts->state;
    const onsite_store_stat_t  *stat = &s->stat;

    onsite_buf_printf(out, "\nstate  %s\n", s->path);

    if (!s->open) {
        onsite_buf_printf(out, "  not available\n");
        return;
    }

    onsite_buf_printf(out, "  %-12s %llu\n", "visitors",
                      (unsigned long long) stat->visitors);
    onsite_buf_printf(out, "  %-12s %s of %s (%.0f %%), shards %u\n", "used",
                      bytes(stat->bytes_used, used),
                      bytes(stat->bytes_size, size), stat->bytes_size == 0
                      ? 0 : 100 * (double) stat->bytes_used
                            / (double) stat->bytes_size, s->shards);
    onsite_buf_printf(out, "  %-12s %u\n", "readers", stat->readers);
    onsite_buf_printf(out, "  %-12s %llu%s\n", "timers",
                      (unsigned long long) stat->timers,
                      s->timer_due != 0 && s->timer_due < facts->now
                      ? ", one is due" : "");
}


static void
write_waiting(onsite_buf_t *out, const facts_t *facts, const char *what,
    uint64_t n, uint64_t dead, onsite_ms_t oldest)
{
    char  text[FACTS_TIME];

    onsite_buf_printf(out, "  %-12s %llu", what, (unsigned long long) n);

    if (dead != 0) {
        onsite_buf_printf(out, ", of which %llu given up",
                          (unsigned long long) dead);
    }

    if (n != 0 && oldest != 0) {
        onsite_buf_printf(out, ", the oldest%s %s",
                          dead != 0 ? " that waits" : "",
                          ago(facts, oldest, text));
    }

    onsite_buf_char(out, '\n');
}


static void
write_outbox(onsite_buf_t *out, const facts_t *facts)
{
    char                        text[FACTS_TIME];
    const facts_nginx_t        *n = &facts->nginx;
    const onsite_store_stat_t  *stat = &facts->state.stat;

    if (!facts->state.open) {
        return;
    }

    onsite_buf_printf(out, "\noutbox  %s\n",
                      bytes(stat->outbox_bytes, text));
    write_waiting(out, facts, "events", stat->events, 0,
                  facts->state.oldest_event);
    write_waiting(out, facts, "deliveries", stat->deliveries,
                  facts->state.dead, facts->state.oldest_delivery);

    if (n->good) {
        onsite_buf_printf(out, "  %-12s %.0f events, %.0f deliveries%s\n",
                          "dropped", n->dropped, n->refused,
                          n->dropped + n->refused > 0 ? " since nginx began"
                          : "");
        onsite_buf_printf(out, "\nnginx  %s\n  %-12s %.0f, %.0f rejected\n",
                          n->url, "events", n->events, n->rejected);
    }
}


static void
write_task(onsite_buf_t *out, const facts_t *facts,
    const sidecar_slot_t *slot)
{
    char      text[FACTS_TIME];
    size_t    i;
    uint64_t  n;

    if (slot->phase == SIDECAR_RUNS) {
        onsite_buf_printf(out, "  %-12s process %d, began %s", slot->name,
                          (int) slot->pid, ago(facts, slot->started, text));
    } else {
        onsite_buf_printf(out, "  %-12s does not run: %s", slot->name,
                          slot->end);
    }

    onsite_buf_printf(out, ", last good %s",
                      ago(facts, slot->task.good, text));

    if (slot->restarts != 0) {
        onsite_buf_printf(out, ", started again %llu times",
                          (unsigned long long) slot->restarts);
    }

    onsite_buf_char(out, '\n');

    for (i = 0; i < TASK_COUNTERS; i++) {
        n = slot->task.counters[i];

        if (n != 0) {
            onsite_buf_printf(out, "  %-12s   %s %llu\n", "",
                              task_names[i].name, (unsigned long long) n);
        }
    }
}


static void
write_sidecar(onsite_buf_t *out, const facts_t *facts)
{
    char              text[FACTS_TIME];
    size_t            i;
    const sidecar_t  *sidecar = facts->sidecar;

    if (sidecar == NULL || !sidecar_lives(sidecar)) {
        onsite_buf_printf(out, "\nsidecar  %s\n", facts->state.missing
                          && sidecar == NULL ? "not known" : "does not run");
        return;
    }

    onsite_buf_printf(out, "\nsidecar  process %d, began %s, %s\n  %-12s %s\n",
                      (int) sidecar->master,
                      ago(facts, sidecar->started, text),
                      sidecar->ready ? "ready" : "not ready", "config",
                      sidecar->config);

    for (i = 0; i < SIDECAR_SLOTS; i++) {
        if (sidecar->slots[i].phase != SIDECAR_FREE) {
            write_task(out, facts, &sidecar->slots[i]);
        }
    }
}


void
facts_write_text(onsite_buf_t *out, const facts_t *facts)
{
    char                       text[FACTS_TIME];
    size_t                     i;
    const facts_checkpoint_t  *c = &facts->checkpoint;

    write_findings(out, facts);

    for (i = 0; i < facts->n_syncs; i++) {
        write_sync(out, facts, &facts->syncs[i]);
    }

    write_state(out, facts);
    write_outbox(out, facts);
    write_sidecar(out, facts);

    if (c->section[0] != '\0') {
        onsite_buf_printf(out, "\ncheckpoints  %s\n  %-12s %zu, the latest "
                          "%s%s\n", c->folder, "kept", c->n,
                          c->ahead != 0 ? "dated ahead by "
                          : "", c->ahead != 0 ? facts_duration(c->ahead, text)
                                : ago(facts, c->latest, text));
    }
}
