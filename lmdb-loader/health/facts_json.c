/*
 * facts_json.c - how a POP is, as JSON (docs/api.md).
 */

#include "facts.h"

#include <string.h>


static void
text(onsite_buf_t *out, const char *name, const char *value)
{
    onsite_buf_printf(out, "\"%s\":", name);

    if (*value == '\0') {
        onsite_buf_printf(out, "null");
    } else {
        onsite_write_json_string(out, onsite_str_of(value));
    }
}


static void
number(onsite_buf_t *out, const char *name, uint64_t n)
{
    onsite_buf_printf(out, ",\"%s\":%llu", name, (unsigned long long) n);
}


static void
flag(onsite_buf_t *out, const char *name, bool value)
{
    onsite_buf_printf(out, ",\"%s\":%s", name, value ? "true" : "false");
}


/* 0 is null. */

static void
moment(onsite_buf_t *out, const char *name, onsite_ms_t time)
{
    onsite_buf_printf(out, ",\"%s\":", name);
    loader_write_time(out, time);
}


static void
write_sync(onsite_buf_t *out, const facts_sync_t *sync)
{
    const kept_state_t  *kept = &sync->kept;

    onsite_buf_char(out, '{');
    text(out, "section", sync->section);
    onsite_buf_char(out, ',');
    text(out, "file", sync->file);
    flag(out, "signed", sync->is_signed);
    flag(out, "good", sync->good);
    onsite_buf_char(out, ',');
    text(out, "why", sync->why);
    onsite_buf_char(out, ',');
    text(out, "site", kept->site);
    number(out, "version", sync->version);
    number(out, "campaigns", sync->campaigns);
    number(out, "bytes", sync->bytes);
    moment(out, "built", sync->built);
    moment(out, "since", sync->since);
    moment(out, "expires", kept->expires);
    moment(out, "checked", kept->checked);
    moment(out, "failing_since", kept->failing);
    onsite_buf_char(out, ',');
    text(out, "failing", kept->why);
    number(out, "rolled_back_from", kept->rolled_back_from);
    onsite_buf_char(out, '}');
}


static void
write_syncs(onsite_buf_t *out, const facts_t *facts)
{
    size_t  i;

    onsite_buf_printf(out, ",\n\"snapshots\":[");

    for (i = 0; i < facts->n_syncs; i++) {
        onsite_buf_printf(out, "%s", i != 0 ? ",\n" : "");
        write_sync(out, &facts->syncs[i]);
    }

    onsite_buf_char(out, ']');
}


static void
write_state(onsite_buf_t *out, const facts_state_t *state)
{
    const onsite_store_stat_t  *stat = &state->stat;

    onsite_buf_printf(out, ",\n\"state\":{");
    text(out, "path", state->path);
    flag(out, "available", state->open);

    if (state->tried) {
        flag(out, "writable", state->writable);
    } else {
        onsite_buf_printf(out, ",\"writable\":null");
    }

    onsite_buf_char(out, ',');
    text(out, "why", state->why);
    number(out, "shards", state->shards);
    number(out, "visitors", stat->visitors);
    number(out, "bytes_used", stat->bytes_used);
    number(out, "bytes_size", stat->bytes_size);
    number(out, "readers", stat->readers);
    number(out, "stale_readers", state->cleared);
    number(out, "timers", stat->timers);
    moment(out, "timer_due", state->timer_due);
    onsite_buf_printf(out, "},\n\"outbox\":{\"events\":%llu",
                      (unsigned long long) stat->events);
    number(out, "deliveries", stat->deliveries);
    number(out, "dead", state->dead);
    number(out, "bytes", stat->outbox_bytes);
    moment(out, "oldest_event", state->oldest_event);
    moment(out, "oldest_delivery", state->oldest_delivery);
    onsite_buf_char(out, '}');
}


static const char *const  phases[] = {
    "free", "running", "waiting", "stopping"
};


static void
write_task(onsite_buf_t *out, const sidecar_slot_t *slot)
{
    size_t    i;
    uint64_t  n;
    uint32_t  phase = slot->phase;

    onsite_buf_char(out, '{');
    text(out, "section", slot->name);
    onsite_buf_char(out, ',');
    text(out, "phase", phases[phase & 3]);
    number(out, "pid", (uint64_t) slot->pid);
    moment(out, "started", slot->started);
    number(out, "restarts", slot->restarts);
    moment(out, "ended", slot->ended);
    onsite_buf_char(out, ',');
    text(out, "end", slot->end);
    moment(out, "good", slot->task.good);
    moment(out, "failing_since", slot->task.failing);
    onsite_buf_char(out, ',');
    text(out, "failing", slot->task.failing != 0 ? slot->task.why : "");
    moment(out, "away_since", slot->task.away);
    onsite_buf_char(out, ',');
    text(out, "away", slot->task.away != 0 ? slot->task.away_why : "");
    onsite_buf_printf(out, ",\"counters\":{");

    for (i = 0; i < TASK_COUNTERS; i++) {
        n = slot->task.counters[i];

        if (n != 0) {
            onsite_buf_printf(out, "%s\"%s\":%llu",
                              out->data[out->len - 1] == '{' ? "" : ",",
                              task_names[i].name, (unsigned long long) n);
        }
    }

    onsite_buf_printf(out, "}}");
}


static void
write_sidecar(onsite_buf_t *out, const sidecar_t *sidecar)
{
    size_t       i;
    const char  *comma = "";

    if (sidecar == NULL) {
        onsite_buf_printf(out, ",\n\"sidecar\":null");
        return;
    }

    onsite_buf_printf(out, ",\n\"sidecar\":{");
    text(out, "config", sidecar->config);
    onsite_buf_char(out, ',');
    text(out, "listen", sidecar->listen);
    flag(out, "running", sidecar_lives(sidecar));
    number(out, "pid", (uint64_t) sidecar->master);
    moment(out, "started", sidecar->started);
    flag(out, "ready", sidecar->ready != 0);
    onsite_buf_printf(out, ",\"tasks\":[");

    for (i = 0; i < SIDECAR_SLOTS; i++) {
        if (sidecar->slots[i].phase != SIDECAR_FREE) {
            onsite_buf_printf(out, "%s", comma);
            write_task(out, &sidecar->slots[i]);
            comma = ",\n";
        }
    }

    onsite_buf_printf(out, "]}");
}


static void
write_checkpoint(onsite_buf_t *out, const facts_checkpoint_t *c)
{
    if (c->section[0] == '\0') {
        onsite_buf_printf(out, ",\n\"checkpoint\":null");
        return;
    }

    onsite_buf_printf(out, ",\n\"checkpoint\":{");
    text(out, "section", c->section);
    onsite_buf_char(out, ',');
    text(out, "folder", c->folder);
    number(out, "kept", c->n);
    moment(out, "latest", c->latest);
    onsite_buf_char(out, '}');
}


static void
write_nginx(onsite_buf_t *out, const facts_nginx_t *n)
{
    if (n->url == NULL) {
        return;
    }

    onsite_buf_printf(out, ",\n\"nginx\":{");
    text(out, "url", n->url);
    flag(out, "good", n->good);
    flag(out, "state_available", n->available > 0);
    onsite_buf_char(out, ',');
    text(out, "why", n->why);
    onsite_buf_printf(out, ",\"events\":%.0f,\"rejected\":%.0f,\"refused\":"
                      "%.0f,\"dropped\":%.0f,\"errors\":%.0f}", n->events,
                      n->rejected, n->refused, n->dropped, n->errors);
}


static void
write_findings(onsite_buf_t *out, const facts_t *facts)
{
    size_t  i;

    onsite_buf_printf(out, ",\n\"findings\":[");

    for (i = 0; i < facts->n_findings; i++) {
        onsite_buf_printf(out, "%s{", i != 0 ? ",\n" : "");
        text(out, "what", facts->findings[i].what);
        onsite_buf_char(out, ',');
        text(out, "remedy", facts->findings[i].remedy);
        onsite_buf_char(out, '}');
    }

    onsite_buf_char(out, ']');
}


void
facts_write_json(onsite_buf_t *out, const facts_t *facts)
{
    onsite_buf_printf(out, "{\"time\":");
    loader_write_time(out, facts->now);
    flag(out, "well", facts->n_findings == 0);
    write_findings(out, facts);
    write_syncs(out, facts);
    write_state(out, &facts->state);
    write_sidecar(out, facts->sidecar);
    write_checkpoint(out, &facts->checkpoint);
    write_nginx(out, &facts->nginx);
    onsite_buf_printf(out, "}\n");
}
