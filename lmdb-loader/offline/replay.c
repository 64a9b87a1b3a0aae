/*
 * replay.c - recorded events through a snapshot, offline: what each campaign
 * would have done.
 *
 * The very code of the module runs (onsite_apply), and records rest encoded
 * between events as they do in the state.  The log is NDJSON, one Segment
 * call a line, in the order in which the server received them; the server's
 * time is the line's `receivedAt`, or else its `timestamp`.  It is a clock
 * that never goes back: timers of all visitors fire between the events, when
 * they are due, and after the last event up to --until.
 */

#include "loader.h"
#include "replay_tell.h"

#include "onsite_visitor_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK  (256 * 1024)
#define ARENA_MAX    (64 << 20)


static void
wake_up(replay_t *replay, onsite_arena_t *arena, resting_t *resting)
{
    onsite_key_t          link;
    onsite_record_kind_t  kind;

    replay->current = resting;
    onsite_visitor_init(&replay->visitor);

    if (resting->size != 0) {
        (void) onsite_visitor_decode(arena, resting->record, resting->size,
                                     &kind, &replay->visitor, &link);
    }
}


static onsite_apply_t
make_call(replay_t *replay, onsite_arena_t *arena,
    const onsite_facts_t *facts, onsite_ms_t now)
{
    return (onsite_apply_t) {
        .site = replay->has_site ? &replay->site : NULL,
        .visitor = &replay->visitor,
        .facts = facts,
        .now = now,
        .session_timeout = replay->session_timeout,
        .arena = arena,
        .decide = {
            .visitor_id = replay->current->id,
            .deliver = replay->deliver
        },
        .listener = {
            .choice = replay_tell_choice,
            .move = replay_tell_move,
            .data = replay
        }
    };
}


static onsite_status_t
keep(replay_t *replay)
{
    onsite_status_t  status;

    status = resting_keep(&replay->all, replay->current, &replay->visitor);

    return replay->failed ? ONSITE_NO_MEMORY : status;
}


/* All that are due by now, each at its own time. */

static onsite_status_t
fire_timers(replay_t *replay, onsite_ms_t now)
{
    resting_t       *resting;
    onsite_facts_t   facts = { .method = ONSITE_STR("") };
    onsite_apply_t   call;

    while ((resting = resting_due(&replay->all, now)) != NULL) {
        onsite_arena_reset(replay->timer_arena);
        wake_up(replay, replay->timer_arena, resting);
        call = make_call(replay, replay->timer_arena, &facts, resting->wake);

        while (onsite_wake(replay->engine, &call, &replay->decision)) {
            replay->n_timers++;
        }

        replay->visitor.wake = onsite_due(call.site, &replay->visitor);

        if (keep(replay) != ONSITE_OK) {
            return ONSITE_NO_MEMORY;
        }
    }

    return ONSITE_OK;
}


static onsite_status_t
apply(replay_t *replay, const onsite_event_t *event, onsite_str_t id)
{
    uint32_t           visits;
    resting_t         *resting;
    onsite_facts_t     facts = { .method = ONSITE_STR("POST") };
    onsite_apply_t     call;
    onsite_visitor_t  *visitor = &replay->visitor;

    resting = resting_find(&replay->all, id);
    if (resting == NULL) {
        return ONSITE_NO_MEMORY;
    }

    wake_up(replay, replay->arena, resting);
    onsite_facts_from_event(&facts, event, true);
    call = make_call(replay, replay->arena, &facts, event->received);
    call.event = event;

    if (replay->verified && event->user_id.len != 0
        && event->user_id.len <= ONSITE_USER_ID_MAX)
    {
        visitor->user_id = event->user_id;
        visitor->verified = true;
    }

    visits = visitor->visits;
    onsite_apply(replay->engine, &call, &replay->decision);
    replay->n_sessions += visitor->visits - visits;
    replay->n_events++;

    if (call.due != 0 && (visitor->wake == 0 || call.due < visitor->wake)) {
        visitor->wake = call.due;
    }

    return keep(replay);
}


/* The server's time of a line. */

static onsite_status_t
received_at(const onsite_value_t *call, onsite_ms_t *received,
    onsite_error_t *error)
{
    const onsite_value_t  *value;

    value = onsite_value_get(call, ONSITE_STR("receivedAt"));

    if (value == NULL) {
        value = onsite_value_get(call, ONSITE_STR("timestamp"));
    }

    if (value == NULL || onsite_time_read(value, received) != ONSITE_OK) {
        return onsite_error(error, ONSITE_INVALID, "neither receivedAt nor "
                            "timestamp is a time such as "
                            "2026-01-31T08:00:00Z");
    }

    return ONSITE_OK;
}


static onsite_status_t
replay_line(replay_t *replay, onsite_str_t text, onsite_error_t *error)
{
    size_t            i;
    onsite_str_t      id;
    onsite_ms_t       received;
    onsite_value_t    call;
    onsite_batch_t    batch;
    onsite_status_t   status;

    onsite_arena_reset(replay->arena);

    status = onsite_json_parse(replay->json, replay->arena, text, &call,
                               error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = received_at(&call, &received, error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = fire_timers(replay, received);
    if (status != ONSITE_OK) {
        return status;
    }

    status = onsite_batch_read(replay->arena, &call, received, &batch, error);

    for (i = 0; status == ONSITE_OK && i < batch.n; i++) {
        id = batch.events[i].anonymous_id.len != 0
             ? batch.events[i].anonymous_id : batch.events[i].user_id;

        if (id.len == 0) {
            return onsite_error(error, ONSITE_INVALID,
                                "neither anonymousId nor userId");
        }

        status = apply(replay, &batch.events[i], id);
    }

    return status;
}


/* LOADER_FAILED when the log cannot be read; skipped lines are counted. */

static int
replay_log(replay_t *replay, const char *path)
{
    int              rc = LOADER_OK;
    char            *line = NULL;
    FILE            *log;
    size_t           capacity = 0, number = 0;
    ssize_t          n;
    onsite_error_t   error = { "" };
    onsite_status_t  status;

    log = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (log == NULL) {
        loader_complain("%s: %s", path, strerror(errno));
        return LOADER_FAILED;
    }

    while ((n = getline(&line, &capacity, log)) > 0) {
        number++;

        if (line[n - 1] == '\n') {
            n--;
        }

        if (n == 0) {
            continue;
        }

        status = replay_line(replay, onsite_str(line, (size_t) n), &error);

        if (status != ONSITE_OK) {
            loader_complain("%s:%zu: %s: line skipped", path, number,
                            error.text[0] != '\0' ? error.text
                            : onsite_status_text(status));
            replay->skipped++;
        }
    }

    if (ferror(log)) {
        loader_complain("%s: %s", path, strerror(errno));
        rc = LOADER_FAILED;
    }

    free(line);

    if (log != stdin) {
        (void) fclose(log);
    }

    return rc;
}


static int
open_site(replay_t *replay, const char *path, const char *site)
{
    onsite_str_t    name;
    onsite_image_t  image;
    onsite_error_t  error = { "" };

    if (onsite_snapshot_open(path, &replay->snapshot, &error) != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    if (loader_find_site(replay->snapshot, path, onsite_str_of(site), &name,
                         &image)
        != LOADER_OK)
    {
        return LOADER_FAILED;
    }

    replay->tallies = calloc(onsite_image_header(&image)->n_campaigns + 1,
                             sizeof(tally_t));
    replay->has_site = replay->tallies != NULL
                       && onsite_site_init(&replay->site, image) == ONSITE_OK;

    if (replay->has_site
        && onsite_snapshot_tables(replay->snapshot, name, &replay->tables))
    {
        replay->site.tables = &replay->tables.tables;
    }

    return replay->has_site ? LOADER_OK : LOADER_FAILED;
}


static void
close_replay(replay_t *replay)
{
    resting_free(&replay->all);

    if (replay->has_site) {
        onsite_site_free(&replay->site);
    }

    if (replay->snapshot != NULL) {
        onsite_snapshot_close(replay->snapshot);
    }

    free(replay->tallies);
    onsite_buf_free(&replay->line);
    onsite_json_destroy(replay->json);
    onsite_engine_destroy(replay->engine);
    onsite_arena_destroy(replay->timer_arena);
    onsite_arena_destroy(replay->arena);
    free(replay);
}


static replay_t *
create_replay(void)
{
    replay_t  *replay = calloc(1, sizeof(replay_t));

    if (replay == NULL) {
        return NULL;
    }

    replay->arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    replay->timer_arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    replay->json = onsite_json_create();
    replay->engine = onsite_engine_create();
    onsite_buf_init(&replay->line, 0);

    if (replay->arena == NULL || replay->timer_arena == NULL
        || replay->json == NULL || replay->engine == NULL)
    {
        close_replay(replay);
        return NULL;
    }

    return replay;
}


/* 0: nothing is due by then. */

static onsite_ms_t
read_until(const char *text)
{
    onsite_ms_t     time = 0;
    onsite_value_t  value;

    if (text != NULL) {
        value = onsite_value_string(onsite_str_of(text));

        if (onsite_time_read(&value, &time) != ONSITE_OK) {
            loader_complain("--until %s: must be a time such as "
                            "2026-01-31T08:00:00Z", text);
            exit(LOADER_USAGE);
        }
    }

    return time;
}


typedef struct {
    const char  *events;
    const char  *site;
    const char  *timeout;
    const char  *until;
    const char  *verified;
    const char  *beacon;
    const char  *visitors;
    const char  *summary;
    const char  *json;
} wanted_t;


static void
read_options(int argc, char **argv, wanted_t *wanted)
{
    const loader_option_t  options[] = {
        { "events", 'e', "LOG", "NDJSON of Segment calls; - is standard input",
          &wanted->events },
        { "site", 's', "NAME", "site; default: default", &wanted->site },
        { "session-timeout", 't', "TIME", "as onsite_session_timeout; "
          "default: 30m", &wanted->timeout },
        { "until", 'u', "TIME", "timers fire up to TIME, such as "
          "2026-01-31T08:00:00Z; default: the last event's", &wanted->until },
        { "verified", 0, NULL, "userIds of the log are proven, as a server's: "
          "slow data opens for them", &wanted->verified },
        { "beacon", 0, NULL, "no event can show anything: what fires waits "
          "for the next page", &wanted->beacon },
        { "visitors", 0, NULL, "print the visitors' records at the end, "
          "not the decisions", &wanted->visitors },
        { "summary", 0, NULL, "print only totals, as JSON",
          &wanted->summary },
        { "json", 0, NULL, "totals, too, on standard output, as the last line "
          "{\"summary\":{…}}; all else is NDJSON as it is", &wanted->json },
        { 0 }
    };

    (void) loader_options(argc, argv, options, "FILE --events LOG", 1, 1);
    loader_needs_file(argv[0]);

    if (wanted->events == NULL) {
        loader_complain("--events LOG is missing");
        exit(LOADER_USAGE);
    }
}


/* The whole log, then what is due up to the end. */

static int
replay_all(replay_t *replay, const char *path, const wanted_t *wanted)
{
    int          rc;
    onsite_ms_t  end = read_until(wanted->until);

    rc = open_site(replay, path, wanted->site != NULL ? wanted->site
                                                      : "default");

    if (rc == LOADER_OK) {
        rc = replay_log(replay, wanted->events);
    }

    if (rc == LOADER_OK && fire_timers(replay, end) != ONSITE_OK) {
        loader_complain("out of memory");
        rc = LOADER_FAILED;
    }

    return rc;
}


int
loader_replay(int argc, char **argv)
{
    int        rc;
    FILE      *out;
    replay_t  *replay;
    wanted_t   wanted;

    read_options(argc, argv, &wanted);
    replay = create_replay();

    if (replay == NULL) {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    replay->session_timeout = loader_duration("session-timeout",
                                              wanted.timeout,
                                              30 * ONSITE_MINUTE);
    replay->deliver = wanted.beacon == NULL;
    replay->verified = wanted.verified != NULL;
    replay->silent = wanted.summary != NULL || wanted.visitors != NULL;

    rc = replay_all(replay, argv[0], &wanted);

    if (rc == LOADER_OK) {
        out = wanted.summary != NULL || wanted.json != NULL ? stdout : stderr;
        replay_print(replay, wanted.visitors != NULL, out,
                     wanted.json != NULL);
        rc = replay->skipped == 0 ? LOADER_OK : LOADER_FAILED;
    }

    close_replay(replay);

    return rc;
}
