/*
 * facts_find.c - what is not well, and what helps.
 */

#include "facts.h"

#include <stdarg.h>
#include <string.h>

#define CHECKED_LATE     (10 * ONSITE_MINUTE)
#define TIMER_LATE       ONSITE_MINUTE
#define EVENT_OLD        (10 * ONSITE_MINUTE)
#define DELIVERY_OLD     ONSITE_HOUR


static void find(facts_t *facts, const char *remedy, const char *what, ...)
    __attribute__((format(printf, 3, 4)));


static void
find(facts_t *facts, const char *remedy, const char *what, ...)
{
    va_list           args;
    facts_finding_t  *finding;

    if (facts->n_findings == FACTS_FINDINGS) {
        return;
    }

    finding = &facts->findings[facts->n_findings++];
    va_start(args, what);
    (void) vsnprintf(finding->what, sizeof(finding->what), what, args);
    va_end(args);
    (void) snprintf(finding->remedy, sizeof(finding->remedy), "%s", remedy);
}


const char *
facts_duration(onsite_ms_t ms, char text[FACTS_TIME])
{
    size_t  i;

    static const struct {
        const char   *name;
        onsite_ms_t   unit;
    } units[] = {
        { "d", ONSITE_DAY }, { "h", ONSITE_HOUR }, { "min", ONSITE_MINUTE },
        { "s", ONSITE_SECOND }
    };

    ms = ms > 0 ? ms : 0;

    for (i = 0; i < 3 && ms < 2 * units[i].unit; i++) {
        /* void */
    }

    (void) snprintf(text, FACTS_TIME, "%lld %s",
                    (long long) (ms / units[i].unit), units[i].name);

    return text;
}


/* Nearly: a quarter of the state is the most. */

static bool
is_outbox_full(const facts_state_t *state)
{
    return state->open
           && state->stat.outbox_bytes > state->stat.bytes_size / 5;
}


static void
find_dead(facts_t *facts)
{
    char                  remedy[FACTS_WHY];
    const facts_state_t  *s = &facts->state;

    if (s->dead == 0) {
        return;
    }

    (void) snprintf(remedy, sizeof(remedy), "lmdb-loader outbox %.100s --dead "
                    "says which and why; once their endpoints take them, "
                    "lmdb-loader deliver %.100s --retry-dead sends them "
                    "again; --forget-dead deletes them",
                    s->path, s->path);
    find(facts, remedy, "%llu deliveries are given up, and not tried any more",
         (unsigned long long) s->dead);
}


static void
find_state(facts_t *facts)
{
    char                        time[FACTS_TIME];
    const facts_state_t        *s = &facts->state;
    const onsite_store_stat_t  *stat = &s->stat;

    if (s->missing) {
        find(facts, "nginx makes it when it starts: is nginx running, and is "
             "this its onsite_state?", "the state cannot be read: the folder "
             "%.300s is missing%s", s->path, facts->sidecar == NULL
             ? ", and with it what the sidecar tells" : "");
        return;
    }

    if (!s->open || (s->tried && !s->writable)) {
        find(facts, "nginx makes it when it starts: is nginx running, is "
             "this its onsite_state, and may this user read it?",
             "the state cannot be %s: %s", s->open ? "written" : "read",
             s->why);
        return;
    }

    if (s->timer_due != 0 && facts->now - s->timer_due > TIMER_LATE) {
        find(facts, "nginx's workers fire them: is nginx running?",
             "a visitor's timer is %s late",
             facts_duration(facts->now - s->timer_due, time));
    }

    if (is_outbox_full(s)) {
        find(facts, "is there a [drain], and does its sink take what it "
             "sends? A larger size= of onsite_state lasts longer; events that "
             "nobody wants: onsite_outbox_events off",
             "the outbox is nearly full: the oldest events will be dropped");

    } else if (s->oldest_event != 0
               && facts->now - s->oldest_event > EVENT_OLD)
    {
        find(facts, "is there a [drain], and does its sink take what it "
             "sends?", "the oldest of %llu events has waited for %s",
             (unsigned long long) stat->events,
             facts_duration(facts->now - s->oldest_event, time));
    }

    if (s->oldest_delivery != 0
        && facts->now - s->oldest_delivery > DELIVERY_OLD)
    {
        find(facts, "is there a [deliver], and do endpoints answer?",
             "the oldest of %llu deliveries has waited for %s",
             (unsigned long long) (stat->deliveries - s->dead),
             facts_duration(facts->now - s->oldest_delivery, time));
    }

    find_dead(facts);
}


static void
find_sync(facts_t *facts, const facts_sync_t *sync)
{
    char                 time[FACTS_TIME];
    const kept_state_t  *kept = &sync->kept;

    if (!sync->good) {
        find(facts, sync->is_signed
             ? "sync puts a good one live as soon as the store has one: see "
               "what it says; rollback goes back to one that is kept"
             : "put a snapshot that lmdb-loader built where it comes from",
             "[%s] no verified snapshot is live: %s", sync->section,
             sync->why);
    }

    if (kept->failing != 0) {
        find(facts, "what is live stays; see that the store can be reached "
             "and that it is signed with a key that is trusted",
             "[%s] has been failing for %s: %s", sync->section,
             facts_duration(facts->now - kept->failing, time), kept->why);

    } else if (kept->checked != 0
               && facts->now - kept->checked > CHECKED_LATE)
    {
        find(facts, "is the sidecar running?",
             "[%s] has not looked at the store for %s", sync->section,
             facts_duration(facts->now - kept->checked, time));
    }

    if (kept->expires != 0 && kept->expires <= facts->now) {
        find(facts, "publish it again: it stays live meanwhile",
             "[%s] version %llu, which is live, expired %s ago",
             sync->section, (unsigned long long) kept->live.version,
             facts_duration(facts->now - kept->expires, time));
    }
}


/* Of a sync that could write down what it met there. */

static bool
store_has_told(const facts_t *facts, const char *section)
{
    size_t  i;

    for (i = 0; i < facts->n_syncs; i++) {
        if (facts->syncs[i].kept.failing != 0
            && strcmp(facts->syncs[i].section, section) == 0)
        {
            return true;
        }
    }

    return false;
}


static bool
is_to_files(const facts_t *facts, const char *name)
{
    size_t                   i;
    const char              *to;
    const config_section_t  *section;

    for (i = 0; facts->config != NULL && i < facts->config->n; i++) {
        section = &facts->config->sections[i];
        to = config_value(section, "to");

        if (to != NULL && strcmp(section->name, name) == 0) {
            return strncmp(to, "file:", 5) == 0;
        }
    }

    return false;
}


/* What helps when it goes on failing; "" where why says it all. */

static const char *
remedy_of(const facts_t *facts, const char *section)
{
    size_t  i, n = strcspn(section, " ");

    static const struct {
        const char  *kind;
        const char  *remedy;
    } remedies[] = {
        { "sync", "what is live stays; see that there is a good snapshot "
          "where it comes from, and that its folder can be written" },
        { "drain", "events wait meanwhile; see that the sink can be reached, "
          "lets this machine in and takes what it sends" },
        { "deliver", "deliveries wait meanwhile; see that the endpoints can "
          "be reached" },
        { "checkpoint", "what happens meanwhile is lost with the memory; see "
          "that its folder can be written and has room" },
        { "roam", "records wait meanwhile; see that NATS can be reached and "
          "lets this machine in" }
    };

    if (facts->state.open && n == 5 && strncmp(section, "drain", n) == 0
        && is_to_files(facts, section))
    {
        return "events wait meanwhile; see that its folder can be written and "
               "has room";
    }

    for (i = 0; i < sizeof(remedies) / sizeof(remedies[0])
                && facts->state.open; i++)
    {
        if (strlen(remedies[i].kind) == n
            && strncmp(remedies[i].kind, section, n) == 0)
        {
            return remedies[i].remedy;
        }
    }

    return facts->state.open ? "" : "it goes on by itself once the state can "
                                    "be used";
}


static void
find_away(facts_t *facts, const sidecar_slot_t *slot)
{
    char         time[FACTS_TIME];
    onsite_ms_t  away = slot->task.away;

    if (away != 0) {
        find(facts, "see that it can be reached and lets this machine in "
             "(watch, nats-creds); meanwhile what is published goes live a "
             "little later", "[%s] NATS has been away for %s: %s; looking by "
             "the clock goes on", slot->name,
             facts_duration(facts->now - away, time), slot->task.away_why);
    }
}


static void
find_task(facts_t *facts, const sidecar_slot_t *slot)
{
    char         time[FACTS_TIME];
    onsite_ms_t  failing = slot->task.failing;

    if (slot->phase == SIDECAR_FREE) {
        return;
    }

    if (sidecar_loops(slot)) {
        find(facts, "its last lines in the journal say why",
             "[%s] ends again and again: %u times, %s", slot->name,
             (unsigned) slot->in_a_row, slot->end);

    } else if (slot->phase == SIDECAR_WAITS) {
        find(facts, "its last lines in the journal say why",
             "[%s] does not run: %s", slot->name,
             slot->end[0] != '\0' ? slot->end : "it begins");
    }

    if (failing != 0 && !store_has_told(facts, slot->name)) {
        find(facts, remedy_of(facts, slot->name),
             "[%s] has been failing for %s: %s", slot->name,
             facts_duration(facts->now - failing, time), slot->task.why);
    }

    find_away(facts, slot);
}


static void
find_sidecar(facts_t *facts)
{
    size_t  i;

    if (facts->sidecar == NULL && facts->state.missing) {
        return;
    }

    if (facts->sidecar == NULL || !sidecar_lives(facts->sidecar)) {
        find(facts, "systemctl start onsite, or lmdb-loader run CONFIG",
             "the sidecar does not run");
        return;
    }

    for (i = 0; i < SIDECAR_SLOTS; i++) {
        find_task(facts, &facts->sidecar->slots[i]);
    }
}


static void
find_checkpoint(facts_t *facts)
{
    char                       time[FACTS_TIME];
    const facts_checkpoint_t  *c = &facts->checkpoint;

    if (c->section[0] == '\0') {
        return;
    }

    if (c->latest == 0) {
        find(facts, "see what [checkpoint] says",
             "there is no checkpoint in %.300s yet", c->folder);

    } else if (facts->now - c->made > 3 * c->every + ONSITE_MINUTE) {
        find(facts, "see what [checkpoint] says", "the latest checkpoint is "
             "%s old", facts_duration(facts->now - c->made, time));
    }

    if (c->ahead != 0) {
        find(facts, "is this machine's clock right? New ones go in beside it, "
             "dated later still, and keep= counts them all: move those that "
             "are dated ahead away, and the next one has its right date",
             "the latest checkpoint is dated %s ahead",
             facts_duration(c->ahead, time));
    }
}


static void
find_nginx(facts_t *facts)
{
    const facts_nginx_t  *n = &facts->nginx;

    if (n->url == NULL) {
        return;
    }

    if (!n->good) {
        find(facts, "is nginx running, and is this the location of "
             "onsite_status, which lets this machine in?",
             "nginx does not answer at %.150s: %s", n->url, n->why);
        return;
    }

    if (n->available <= 0) {
        find(facts, "nginx's error log says why: shards= of onsite_state that "
             "are not those of the folder, or size= that its file system has "
             "no room for?", "nginx runs without its state: visitors are not "
             "remembered");
    }

    if (n->refused > 0) {
        find(facts, "is there a [deliver], and do endpoints answer? A larger "
             "size= of onsite_state lasts longer", "%.0f deliveries were lost "
             "because the outbox had no room", n->refused);
    }

    /* counted since nginx began: what is over is told beside the outbox */

    if (n->dropped > 0 && is_outbox_full(&facts->state)) {
        find(facts, "is there a [drain], and does its sink take what it "
             "sends? A larger size= of onsite_state lasts longer",
             "%.0f events were dropped since nginx began, because the outbox "
             "has no room", n->dropped);
    }

    if (n->errors > 0) {
        find(facts, "nginx's error log says which; they are counted since "
             "nginx began", "the state refused %.0f operations of nginx",
             n->errors);
    }
}


void
facts_find(facts_t *facts)
{
    size_t  i;

    facts->n_findings = 0;
    find_state(facts);

    for (i = 0; i < facts->n_syncs; i++) {
        find_sync(facts, &facts->syncs[i]);
    }

    find_sidecar(facts);
    find_checkpoint(facts);
    find_nginx(facts);
}


/* Ready, healthy */

static void
add_reason(onsite_buf_t *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));


static void
add_reason(onsite_buf_t *out, const char *format, ...)
{
    char     text[2 * FACTS_WHY];
    va_list  args;

    va_start(args, format);
    (void) vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    if (out->len != 0) {
        onsite_buf_char(out, ',');
    }

    onsite_write_json_string(out, onsite_str_of(text));
}


bool
facts_ready(const facts_t *facts, onsite_buf_t *reasons)
{
    bool                  ready = true;
    size_t                i;
    const facts_state_t  *state = &facts->state;

    if (!state->open || !state->writable) {
        ready = false;
        add_reason(reasons, "%s", state->why);
    }

    for (i = 0; i < facts->n_syncs; i++) {
        if (!facts->syncs[i].good) {
            ready = false;
            add_reason(reasons, "%s: %s", facts->syncs[i].section,
                       facts->syncs[i].why);
        }
    }

    return ready;
}


bool
facts_healthy(const sidecar_t *sidecar, onsite_buf_t *reasons)
{
    bool                   healthy = true;
    size_t                 i;
    const sidecar_slot_t  *slot;

    if (!sidecar_lives(sidecar)) {
        healthy = false;
        add_reason(reasons, "the master does not go on");
    }

    for (i = 0; i < SIDECAR_SLOTS; i++) {
        slot = &sidecar->slots[i];

        if (slot->phase != SIDECAR_FREE && sidecar_loops(slot)) {
            healthy = false;
            add_reason(reasons, "%s: %u times %s", slot->name,
                       (unsigned) slot->in_a_row, slot->end);
        }
    }

    return healthy;
}
