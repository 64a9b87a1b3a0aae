/*
 * explain.c - `explain`: for one event and one visitor, why each campaign of a
 * site is shown, or not.
 */

#include "explain.h"

#include "onsite_json.h"
#include "onsite_visitor_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK  (64 * 1024)
#define ARENA_MAX    (16 << 20)

typedef struct {
    onsite_arena_t            *arena;
    onsite_json_t             *json;
    onsite_engine_t           *engine;
    onsite_snapshot_t         *snapshot;
    onsite_snapshot_tables_t   tables;
    onsite_site_t              site;
    bool                       has_site;
    verdict_t                 *verdicts;    /* by rank                     */
    onsite_event_t             event;
    onsite_visitor_t           visitor;
    onsite_str_t               visitor_id;
    onsite_key_t               key;
    bool                       has_key;
    onsite_decision_t          decision;
    onsite_buf_t               line;
} explain_t;


/* JSON, or @file with it. */

static int
read_json(explain_t *e, const char *option, const char *text,
    onsite_value_t *value)
{
    char            *data = NULL;
    size_t           len = strlen(text);
    onsite_str_t     copy;
    onsite_error_t   error = { "" };

    if (*text == '@') {
        data = loader_read_file(text + 1, &len);
        if (data == NULL) {
            loader_complain("%s: %s", text + 1, strerror(errno));
            return LOADER_FAILED;
        }
    }

    copy = onsite_arena_copy(e->arena, onsite_str(data != NULL ? data : text,
                                                  len));
    free(data);

    if (copy.data == NULL) {
        loader_complain("--%s: too large", option);
        return LOADER_FAILED;
    }

    if (onsite_json_parse(e->json, e->arena, copy, value, &error)
        != ONSITE_OK)
    {
        loader_complain("--%s: %s", option, error.text);
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


static int
read_now(const char *text, const onsite_value_t *event, onsite_ms_t *now)
{
    onsite_value_t         value;
    const onsite_value_t  *timestamp;

    *now = loader_now();

    if (text != NULL) {
        value = onsite_value_string(onsite_str_of(text));

        if (onsite_time_read(&value, now) != ONSITE_OK) {
            loader_complain("--now %s: must be a time such as "
                            "2026-01-31T08:00:00Z", text);
            return LOADER_USAGE;
        }

        return LOADER_OK;
    }

    timestamp = onsite_value_get(event, ONSITE_STR("timestamp"));

    if (timestamp != NULL) {
        (void) onsite_time_read(timestamp, now);
    }

    return LOADER_OK;
}


static int
read_event(explain_t *e, const char *text, const char *now)
{
    int              rc;
    onsite_ms_t      time;
    onsite_batch_t   batch;
    onsite_error_t   error = { "" };
    onsite_value_t   value;

    rc = read_json(e, "event", text, &value);

    if (rc == LOADER_OK) {
        rc = read_now(now, &value, &time);
    }

    if (rc != LOADER_OK) {
        return rc;
    }

    if (onsite_batch_read(e->arena, &value, time, &batch, &error)
        != ONSITE_OK)
    {
        loader_complain("--event: %s", error.text);
        return LOADER_FAILED;
    }

    if (batch.n != 1) {
        loader_complain("--event: must be one event, not %zu", batch.n);
        return LOADER_FAILED;
    }

    e->event = batch.events[0];

    if (!e->event.live) {
        loader_complain("--event: its timestamp is more than an hour before "
                        "--now, or after it: such an event brings no "
                        "campaign");
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


/* A snapshot's file, or the one that is live with the state. */

static int
open_snapshot(explain_t *e, const char *path, const char *state)
{
    onsite_error_t  error = { "" };

    if (path == NULL) {
        e->snapshot = loader_live_snapshot(state);

        if (e->snapshot == NULL) {
            loader_complain("%s: no snapshot is live there; name a FILE",
                            state);
            return LOADER_FAILED;
        }

        return LOADER_OK;
    }

    if (onsite_snapshot_open(path, &e->snapshot, &error) != ONSITE_OK) {
        e->snapshot = NULL;
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


static int
open_site(explain_t *e, const char *path, onsite_str_t wanted)
{
    onsite_str_t    name;
    onsite_image_t  image;

    if (loader_find_site(e->snapshot, path, wanted, &name, &image)
        != LOADER_OK)
    {
        return LOADER_FAILED;
    }

    e->verdicts = calloc(onsite_image_header(&image)->n_campaigns + 1,
                         sizeof(verdict_t));
    e->has_site = e->verdicts != NULL
                  && onsite_site_init(&e->site, image) == ONSITE_OK;

    if (e->has_site && onsite_snapshot_tables(e->snapshot, name, &e->tables)) {
        e->site.tables = &e->tables.tables;
    }

    return e->has_site ? LOADER_OK : LOADER_FAILED;
}


static int
parse_visitor(explain_t *e, const char *text)
{
    int              rc;
    onsite_str_t     id;
    onsite_error_t   error = { "" };
    onsite_value_t   value;

    rc = read_json(e, "visitor", text, &value);

    if (rc != LOADER_OK) {
        return rc;
    }

    if (onsite_visitor_parse(&value, &e->site.image, e->event.received,
                             &e->visitor, &error) != ONSITE_OK)
    {
        loader_complain("--visitor: %s", error.text);
        return LOADER_FAILED;
    }

    id = onsite_value_get_str(&value, ONSITE_STR("visitor"));
    e->visitor_id = id.len != 0 ? id : e->visitor_id;

    return LOADER_OK;
}


static void
note(void *data, const onsite_campaign_t *campaign, onsite_reason_t reason,
    const char *detail)
{
    size_t                    rank;
    explain_t                *e = data;
    onsite_str_t              copy;
    verdict_t                *verdict;
    const onsite_image_t     *image = &e->site.image;
    const onsite_campaign_t  *campaigns;

    campaigns = onsite_image_at(image, onsite_image_header(image)->campaigns);
    rank = (size_t) (campaign - campaigns);
    verdict = &e->verdicts[rank];

    /* one that an entry event fired does not wait any more */

    if (verdict->told && (verdict->reason == ONSITE_REASON_NONE
                          || reason == ONSITE_REASON_TRIGGER))
    {
        return;
    }

    verdict->told = true;
    verdict->reason = reason;
    verdict->detail = (onsite_value_t) { .type = ONSITE_ABSENT };

    if (detail != NULL) {
        copy = onsite_arena_copy(e->arena, onsite_str(detail,
                                                      strlen(detail)));

        if (copy.data == NULL
            || onsite_json_parse(e->json, e->arena, copy, &verdict->detail,
                                 NULL) != ONSITE_OK)
        {
            verdict->detail = (onsite_value_t) { .type = ONSITE_ABSENT };
        }
    }
}


static void
decide(explain_t *e, onsite_ms_t session_timeout)
{
    onsite_facts_t  facts = { .method = ONSITE_STR("POST") };
    onsite_apply_t  call = {
        .site = &e->site,
        .visitor = &e->visitor,
        .key = e->has_key ? &e->key : NULL,
        .event = &e->event,
        .facts = &facts,
        .now = e->event.received,
        .session_timeout = session_timeout,
        .arena = e->arena,
        .decide = { .visitor_id = e->visitor_id, .deliver = true,
                    .explain = note, .explain_data = e }
    };

    onsite_facts_from_event(&facts, &e->event, true);
    onsite_apply(e->engine, &call, &e->decision);
}


/* What was chosen: {"variant":"a","armed":true,"when":{…}}, or nothing. */

static void
write_chosen(onsite_buf_t *line, const onsite_image_t *image,
    const onsite_choice_t *choice)
{
    if (choice->variant->id.len == 0 && !choice->armed) {
        return;
    }

    onsite_buf_char(line, '{');

    if (choice->variant->id.len != 0) {
        onsite_buf_printf(line, "\"variant\":");
        onsite_write_json_string(line, onsite_image_str(image,
                                                        choice->variant->id));
    }

    if (choice->armed) {
        onsite_buf_printf(line, "%s\"armed\":true,\"when\":",
                          choice->variant->id.len != 0 ? "," : "");
        onsite_buf_str(line, onsite_image_str(image, choice->campaign->when));
    }

    onsite_buf_char(line, '}');
}


/* Which variant, or what a campaign that was not told waits for. */

static void
complete(explain_t *e, uint32_t rank, const onsite_campaign_t *campaign)
{
    size_t                 i;
    verdict_t             *verdict = &e->verdicts[rank];
    onsite_str_t           copy;
    const onsite_image_t  *image = &e->site.image;

    onsite_buf_clear(&e->line);

    if (!verdict->told) {
        explain_write_trigger(&e->line, image, campaign);
    }

    for (i = 0; i < e->decision.n; i++) {
        if (e->decision.choices[i].campaign == campaign) {
            write_chosen(&e->line, image, &e->decision.choices[i]);
        }
    }

    if (e->line.len != 0) {
        copy = onsite_arena_copy(e->arena, onsite_str(e->line.data,
                                                      e->line.len));
        (void) onsite_json_parse(e->json, e->arena, copy, &verdict->detail,
                                 NULL);
    }
}


/* "shown", "armed", or the reason why not. */

static onsite_str_t
outcome_of(const verdict_t *verdict)
{
    if (!verdict->told) {
        return onsite_reason_text(ONSITE_REASON_TRIGGER);
    }

    if (verdict->reason != ONSITE_REASON_NONE) {
        return onsite_reason_text(verdict->reason);
    }

    return onsite_value_get(&verdict->detail, ONSITE_STR("armed")) != NULL
           ? ONSITE_STR("armed") : ONSITE_STR("shown");
}


static void
write_entry(explain_t *e, const onsite_campaign_t *campaign,
    const verdict_t *verdict)
{
    onsite_buf_t  *line = &e->line;

    onsite_buf_clear(line);
    onsite_buf_printf(line, "{\"campaign\":");
    onsite_write_json_string(line, onsite_image_str(&e->site.image,
                                                    campaign->id));
    onsite_buf_printf(line, ",\"reason\":");
    onsite_write_json_string(line, outcome_of(verdict));

    if (verdict->detail.type == ONSITE_OBJECT) {
        onsite_buf_printf(line, ",\"detail\":");
        onsite_value_write_json(line, &verdict->detail);
    }

    onsite_buf_append(line, "}\n", 2);
    (void) fwrite(line->data, 1, line->len, stdout);
}


static void
print_heading(explain_t *e)
{
    size_t         i, armed = 0;
    onsite_buf_t  *line = &e->line;

    for (i = 0; i < e->decision.n; i++) {
        armed += e->decision.choices[i].armed;
    }

    onsite_buf_clear(line);
    onsite_buf_str(line, e->event.name);
    onsite_buf_printf(line, ", by a visitor who is ");
    onsite_buf_str(line,
        onsite_visitor_status_text(onsite_visitor_status(&e->visitor)));

    if (e->visitor.verified) {
        onsite_buf_printf(line, " and verified");
    }

    explain_print(stdout, line->data, line->len);
    (void) printf(": %zu of %u campaigns shown", e->decision.n - armed,
                  onsite_image_header(&e->site.image)->n_campaigns);

    if (armed != 0) {
        (void) printf(", %zu armed", armed);
    }

    (void) printf(".\n\n");
}


static void
print_all(explain_t *e, bool json)
{
    uint32_t                      rank;
    const onsite_campaign_t      *campaigns;
    const onsite_image_header_t  *header;

    header = onsite_image_header(&e->site.image);
    campaigns = onsite_image_at(&e->site.image, header->campaigns);

    if (!json) {
        print_heading(e);
    }

    for (rank = 0; rank < header->n_campaigns; rank++) {
        complete(e, rank, &campaigns[rank]);

        if (json) {
            write_entry(e, &campaigns[rank], &e->verdicts[rank]);
            continue;
        }

        onsite_buf_clear(&e->line);
        explain_write_sentence(&e->line, &e->site.image, &campaigns[rank],
                               &e->verdicts[rank]);
        explain_print(stdout, e->line.data, e->line.len - 1);
        (void) fputc('\n', stdout);
    }
}


static explain_t *
create_explain(void)
{
    explain_t  *e = calloc(1, sizeof(explain_t));

    if (e == NULL) {
        return NULL;
    }

    e->arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    e->json = onsite_json_create();
    e->engine = onsite_engine_create();
    onsite_buf_init(&e->line, 0);
    onsite_visitor_init(&e->visitor);

    return e;
}


static void
close_explain(explain_t *e)
{
    if (e->has_site) {
        onsite_site_free(&e->site);
    }

    if (e->snapshot != NULL) {
        onsite_snapshot_close(e->snapshot);
    }

    onsite_engine_destroy(e->engine);
    onsite_json_destroy(e->json);
    onsite_arena_destroy(e->arena);
    onsite_buf_free(&e->line);
    free(e->verdicts);
    free(e);
}


typedef struct {
    const char  *event, *customer, *visitor, *state, *key_file, *site, *now,
                *timeout, *json;
} given_t;


static int
read_visitor(explain_t *e, const given_t *given, onsite_str_t site)
{
    const char        *id;
    loader_visitor_t   from;

    e->visitor_id = e->event.anonymous_id;

    if (given->state == NULL) {
        return given->visitor != NULL ? parse_visitor(e, given->visitor)
                                      : LOADER_OK;
    }

    id = given->customer != NULL ? given->customer : given->visitor;
    e->visitor_id = onsite_str_of(id);
    from = (loader_visitor_t) {
        given->state, given->key_file,
        { site, e->visitor_id, given->customer != NULL }
    };
    e->has_key = true;

    return loader_read_visitor(&from, e->arena, &e->visitor, &e->key);
}


static int
run(explain_t *e, const char *path, const given_t *given)
{
    int           rc;
    onsite_str_t  site = ONSITE_STR("default");

    if (given->site != NULL) {
        site = onsite_str_of(given->site);
    }

    rc = read_event(e, given->event, given->now);

    if (rc == LOADER_OK) {
        rc = open_snapshot(e, path, given->state);
    }

    if (rc == LOADER_OK) {
        rc = open_site(e, path != NULL ? path : given->state, site);
    }

    if (rc == LOADER_OK) {
        rc = read_visitor(e, given, site);
    }

    if (rc == LOADER_OK) {
        decide(e, loader_duration("session-timeout", given->timeout,
                                  30 * ONSITE_MINUTE));
        print_all(e, given->json != NULL);
    }

    return rc;
}


static bool
is_usable(const char *path, const given_t *given)
{
    if (given->event == NULL) {
        loader_complain("--event JSON is missing");
        return false;
    }

    if (path == NULL && given->state == NULL) {
        loader_complain("one argument is missing: a snapshot's FILE, or "
                        "--state DIR");
        return false;
    }

    if (given->customer != NULL && given->state == NULL) {
        loader_complain("--customer ID needs --state DIR");
        return false;
    }

    if (given->state != NULL
        && (given->customer == NULL) == (given->visitor == NULL))
    {
        loader_complain("--state DIR needs one of --customer ID and"
                        " --visitor ID");
        return false;
    }

    return true;
}


int
loader_explain(int argc, char **argv)
{
    int          rc;
    given_t      given;
    explain_t   *e;
    const char  *path;

    const loader_option_t  options[] = {
        { "event", 'e', "JSON", "a Segment call, or @FILE with one; its "
          "timestamp is the time if --now is not given", &given.event },
        { "visitor", 'i', "JSON", "what is known of the visitor, as `state` "
          "prints it or as {\"status\":\"returning\"}, or @FILE with it; with "
          "--state the visitor's id. Default: one never seen",
          &given.visitor },
        { "customer", 'c', "ID", "with --state: this customer, if proven",
          &given.customer },
        { "state", 0, "DIR", "take the visitor from this state, and the "
          "snapshot that is live with it where no FILE is named; nothing is "
          "written to it", &given.state },
        { "key-file", 0, "FILE", "the secret of onsite_key_file; default: "
          "the one the state keeps", &given.key_file },
        { "site", 's', "NAME", "site; default: default", &given.site },
        { "now", 'n', "TIME", "when it happens, such as "
          "2026-01-31T08:00:00Z; default: now", &given.now },
        { "session-timeout", 't', "TIME", "as onsite_session_timeout; "
          "default: 30m", &given.timeout },
        { "json", 0, NULL, "NDJSON, a line a campaign", &given.json },
        { 0 }
    };

    path = loader_options(argc, argv, options, "[FILE] --event JSON", 0, 1) > 0
           ? argv[0] : NULL;
    loader_needs_file(path);

    if (!is_usable(path, &given)) {
        return LOADER_USAGE;
    }

    e = create_explain();

    if (e == NULL || e->arena == NULL || e->json == NULL
        || e->engine == NULL)
    {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    rc = run(e, path, &given);
    close_explain(e);

    return rc;
}
