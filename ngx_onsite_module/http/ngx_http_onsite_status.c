/*
 * ngx_http_onsite_status.c - onsite_status: JSON, Prometheus, text.
 */

#include "ngx_http_onsite.h"


#define NGX_HTTP_ONSITE_STATUS_JSON        0
#define NGX_HTTP_ONSITE_STATUS_PROMETHEUS  1
#define NGX_HTTP_ONSITE_STATUS_TEXT        2


/* Everything that is told, taken at one moment. */

typedef struct {
    onsite_store_stat_t      state;
    onsite_snapshot_info_t   snapshot;
    double                   age;       /* of the snapshot, seconds         */
    uint64_t                 counts;    /* of the histogram, all buckets    */
    unsigned                 has_state:1;
    unsigned                 has_snapshot:1;
} facts_t;


typedef struct {
    const char  *json;                  /* key within "events"              */
    const char  *name;                  /* Prometheus, without prefix       */
    const char  *help;
    size_t       offset;                /* in the counters                  */
} counter_t;


static ngx_int_t status_handler(ngx_http_request_t *r);


#define COUNTER(field)  offsetof(ngx_http_onsite_counters_t, field)

static const counter_t  counters[] = {
    { "events.total", "events_total",
      "Events applied to a visitor.", COUNTER(events) },
    { "events.rejected", "events_rejected_total",
      "Calls refused: bad body, wrong key, shed.", COUNTER(rejected) },
    { "events.shed", "events_shed_total",
      "Calls answered 429.", COUNTER(shed) },
    { "pageviews.total", "pageviews_total",
      "Page views counted.", COUNTER(pageviews) },
    { "decisions.total", "decisions_total",
      "Decisions made.", COUNTER(decisions) },
    { "decisions.shown", "decisions_shown_total",
      "Campaigns shown in a page or an answer, or delivered.", COUNTER(shown) },
    { "injections.total", "injections_total",
      "Pages that bytes were inserted into.", COUNTER(injections) },
    { "reloads.total", "snapshot_reloads_total",
      "Snapshots taken by workers.", COUNTER(reloads) },
    { "reloads.errors", "snapshot_reload_errors_total",
      "Snapshots refused by workers.", COUNTER(reload_errors) },
    { "store.errors", "state_errors_total",
      "Operations that the state refused.", COUNTER(store_errors) },
    { "store.corrupt", "state_corrupt_records_total",
      "Records that did not decode.", COUNTER(corrupt) },
    { "store.reaped", "state_reaped_total",
      "Expired records removed by the timer.", COUNTER(reaped) },
    { NULL, NULL, NULL, 0 }
};


static ngx_conf_enum_t  formats[] = {
    { ngx_string("json"), NGX_HTTP_ONSITE_STATUS_JSON },
    { ngx_string("prometheus"), NGX_HTTP_ONSITE_STATUS_PROMETHEUS },
    { ngx_string("text"), NGX_HTTP_ONSITE_STATUS_TEXT },
    { ngx_null_string, 0 }
};


char *
ngx_http_onsite_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_onsite_loc_conf_t  *olcf = conf;

    ngx_str_t                 *word;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = status_handler;

    if (cf->args->nelts == 1) {
        return NGX_CONF_OK;
    }

    word = cf->args->elts;

    for (i = 0; formats[i].name.len != 0; i++) {
        if (formats[i].name.len == word[1].len
            && ngx_strcmp(formats[i].name.data, word[1].data) == 0)
        {
            olcf->status_format = formats[i].value;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid format \"%V\" of "
                       "\"onsite_status\": it is json, prometheus or text",
                       &word[1]);
    return NGX_CONF_ERROR;
}


static uint64_t
value_of(const counter_t *counter)
{
    return *(ngx_atomic_t *) ((char *) ngx_http_onsite_counters
                              + counter->offset);
}


static void
gather_facts(facts_t *facts)
{
    ngx_uint_t                 i;
    ngx_time_t                *tp;
    onsite_ms_t                now;
    ngx_http_onsite_worker_t  *w;

    ngx_memzero(facts, sizeof(facts_t));
    w = &ngx_http_onsite_worker;

    facts->has_state = w->store != NULL
                       && onsite_store_stat(w->store, &facts->state)
                          == ONSITE_OK;

    if (w->snapshot != NULL) {
        facts->has_snapshot = 1;
        facts->snapshot = *onsite_snapshot_info(w->snapshot);

        tp = ngx_timeofday();
        now = (onsite_ms_t) tp->sec * 1000 + tp->msec;
        facts->age = (double) ngx_max(now - facts->snapshot.built, 0) / 1000;
    }

    for (i = 0; i < NGX_HTTP_ONSITE_BUCKETS; i++) {
        facts->counts += ngx_http_onsite_counters->seconds[i];
    }
}


static unsigned long long
ull(uint64_t n)
{
    return (unsigned long long) n;
}


static double
seconds(uint64_t nanoseconds)
{
    return (double) nanoseconds / 1e9;
}


/* Counters with the same word before the dot are one object. */

static void
json_counters(onsite_buf_t *out)
{
    size_t            len, last_len;
    const char       *dot, *last;
    const counter_t  *c;

    last = NULL;
    last_len = 0;

    for (c = counters; c->json != NULL; c++) {
        dot = strchr(c->json, '.');
        len = dot - c->json;

        if (last != NULL && last_len == len
            && strncmp(last, c->json, len) == 0)
        {
            onsite_buf_printf(out, ",\"%s\":%llu", dot + 1, ull(value_of(c)));
            continue;
        }

        onsite_buf_printf(out, "%s\"%.*s\":{\"%s\":%llu",
                          last == NULL ? "" : "},\n", (int) len, c->json,
                          dot + 1, ull(value_of(c)));
        last = c->json;
        last_len = len;
    }

    onsite_buf_printf(out, "},\n");
}


static void
json_skips(onsite_buf_t *out)
{
    ngx_uint_t    i;
    onsite_str_t  text;

    onsite_buf_printf(out, "\"skips\":{");

    for (i = 1; i < NGX_HTTP_ONSITE_SKIPS; i++) {
        onsite_buf_printf(out, "%s\"%s\":%llu", i == 1 ? "" : ",",
                          ngx_http_onsite_skip_names[i].data,
                          ull(ngx_http_onsite_counters->skips[i]));
    }

    onsite_buf_printf(out, "},\n\"reasons\":{");

    for (i = 1; i < ONSITE_REASONS; i++) {
        text = onsite_reason_text(i);
        onsite_buf_printf(out, "%s\"%.*s\":%llu", i == 1 ? "" : ",",
                          (int) text.len, text.data,
                          ull(ngx_http_onsite_counters->reasons[i]));
    }

    onsite_buf_printf(out, "},\n");
}


static void
json_histogram(onsite_buf_t *out, facts_t *facts)
{
    uint64_t    sum;
    ngx_uint_t  i;

    sum = 0;
    onsite_buf_printf(out, "\"decide_seconds\":{\"count\":%llu,\"sum\":%.9f,"
                      "\"buckets\":{", ull(facts->counts),
                      seconds(ngx_http_onsite_counters->nanoseconds));

    for (i = 0; i < NGX_HTTP_ONSITE_BUCKETS - 1; i++) {
        sum += ngx_http_onsite_counters->seconds[i];
        onsite_buf_printf(out, "\"%g\":%llu,",
                          seconds(ngx_http_onsite_bounds[i]), ull(sum));
    }

    onsite_buf_printf(out, "\"+Inf\":%llu}},\n", ull(facts->counts));
}


static void
json_snapshot(onsite_buf_t *out, facts_t *facts)
{
    if (!facts->has_snapshot) {
        onsite_buf_printf(out, "\"snapshot\":{\"version\":null,"
                          "\"age_seconds\":null,\"campaigns\":0,"
                          "\"sites\":0}");
        return;
    }

    onsite_buf_printf(out, "\"snapshot\":{\"version\":%llu,"
                      "\"age_seconds\":%.3f,\"campaigns\":%llu,"
                      "\"sites\":%llu,\"bytes\":%llu}",
                      ull(facts->snapshot.version), facts->age,
                      ull(facts->snapshot.campaigns),
                      ull(facts->snapshot.sites), ull(facts->snapshot.bytes));
}


static void
write_json(onsite_buf_t *out, facts_t *facts)
{
    onsite_buf_printf(out, "{\"state\":{\"available\":%s,\"visitors\":%llu,"
                      "\"bytes_used\":%llu,\"bytes_size\":%llu,"
                      "\"evictions\":%llu,\"expired\":%llu,\"full\":%llu,"
                      "\"readers\":%lu},\n",
                      facts->has_state ? "true" : "false",
                      ull(facts->state.visitors), ull(facts->state.bytes_used),
                      ull(facts->state.bytes_size),
                      ull(facts->state.evictions), ull(facts->state.expired),
                      ull(facts->state.map_full),
                      (unsigned long) facts->state.readers);

    json_counters(out);
    json_skips(out);
    json_histogram(out, facts);
    json_snapshot(out, facts);

    onsite_buf_printf(out, "}\n");
}


static void
gauge(onsite_buf_t *out, const char *name, const char *help, double value)
{
    onsite_buf_printf(out, "# HELP onsite_%s %s\n# TYPE onsite_%s gauge\n"
                      "onsite_%s %.15g\n", name, help, name, name, value);
}


static void
prometheus_labels(onsite_buf_t *out)
{
    ngx_uint_t    i;
    onsite_str_t  text;

    onsite_buf_printf(out, "# HELP onsite_skips_total Pages that got nothing, "
                      "by reason.\n# TYPE onsite_skips_total counter\n");

    for (i = 1; i < NGX_HTTP_ONSITE_SKIPS; i++) {
        onsite_buf_printf(out, "onsite_skips_total{reason=\"%s\"} %llu\n",
                          ngx_http_onsite_skip_names[i].data,
                          ull(ngx_http_onsite_counters->skips[i]));
    }

    onsite_buf_printf(out, "# HELP onsite_campaign_skips_total Campaigns "
                      "considered and not shown, by reason.\n"
                      "# TYPE onsite_campaign_skips_total counter\n");

    for (i = 1; i < ONSITE_REASONS; i++) {
        text = onsite_reason_text(i);
        onsite_buf_printf(out, "onsite_campaign_skips_total{reason=\"%.*s\"} "
                          "%llu\n", (int) text.len, text.data,
                          ull(ngx_http_onsite_counters->reasons[i]));
    }
}


static void
prometheus_histogram(onsite_buf_t *out, facts_t *facts)
{
    uint64_t    sum;
    ngx_uint_t  i;

    sum = 0;
    onsite_buf_printf(out, "# HELP onsite_decide_seconds Time to load, decide "
                      "and commit.\n# TYPE onsite_decide_seconds histogram\n");

    for (i = 0; i < NGX_HTTP_ONSITE_BUCKETS - 1; i++) {
        sum += ngx_http_onsite_counters->seconds[i];
        onsite_buf_printf(out, "onsite_decide_seconds_bucket{le=\"%g\"} %llu\n",
                          seconds(ngx_http_onsite_bounds[i]), ull(sum));
    }

    onsite_buf_printf(out, "onsite_decide_seconds_bucket{le=\"+Inf\"} %llu\n"
                      "onsite_decide_seconds_sum %.9f\n"
                      "onsite_decide_seconds_count %llu\n",
                      ull(facts->counts),
                      seconds(ngx_http_onsite_counters->nanoseconds),
                      ull(facts->counts));
}


static void
write_prometheus(onsite_buf_t *out, facts_t *facts)
{
    const counter_t  *c;

    for (c = counters; c->json != NULL; c++) {
        onsite_buf_printf(out, "# HELP onsite_%s %s\n# TYPE onsite_%s counter\n"
                          "onsite_%s %llu\n", c->name, c->help, c->name,
                          c->name, ull(value_of(c)));
    }

    prometheus_labels(out);
    prometheus_histogram(out, facts);

    if (facts->has_state) {
        gauge(out, "state_visitors", "Visitors remembered.",
              (double) facts->state.visitors);
        gauge(out, "state_used_bytes", "Bytes of the state in use.",
              (double) facts->state.bytes_used);
        gauge(out, "state_size_bytes", "Bytes that the state may use.",
              (double) facts->state.bytes_size);
        gauge(out, "state_readers", "Reader slots in use.",
              (double) facts->state.readers);
    }

    if (facts->has_snapshot) {
        gauge(out, "snapshot_version", "Version of the live snapshot.",
              (double) facts->snapshot.version);
        gauge(out, "snapshot_age_seconds", "Time since it was built.",
              facts->age);
        gauge(out, "snapshot_campaigns", "Campaigns in it.",
              (double) facts->snapshot.campaigns);
    }
}


static void
write_text(onsite_buf_t *out, facts_t *facts)
{
    ngx_uint_t        i;
    const counter_t  *c;

    onsite_buf_printf(out, "state.visitors %llu\nstate.bytes_used %llu\n"
                      "state.bytes_size %llu\n", ull(facts->state.visitors),
                      ull(facts->state.bytes_used),
                      ull(facts->state.bytes_size));

    for (c = counters; c->json != NULL; c++) {
        onsite_buf_printf(out, "%s %llu\n", c->json, ull(value_of(c)));
    }

    for (i = 1; i < NGX_HTTP_ONSITE_SKIPS; i++) {
        onsite_buf_printf(out, "skips.%s %llu\n",
                          ngx_http_onsite_skip_names[i].data,
                          ull(ngx_http_onsite_counters->skips[i]));
    }

    onsite_buf_printf(out, "decide_seconds.count %llu\n"
                      "decide_seconds.sum %.9f\n", ull(facts->counts),
                      seconds(ngx_http_onsite_counters->nanoseconds));

    if (facts->has_snapshot) {
        onsite_buf_printf(out, "snapshot.version %llu\n"
                          "snapshot.age_seconds %.3f\n"
                          "snapshot.campaigns %llu\n",
                          ull(facts->snapshot.version), facts->age,
                          ull(facts->snapshot.campaigns));
    }
}


static ngx_int_t
send_status(ngx_http_request_t *r, onsite_buf_t *text)
{
    ngx_str_t    cache = ngx_string("no-store");
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = (off_t) text->len;

    b = ngx_create_temp_buf(r->pool, text->len);

    if (b == NULL || text->failed
        || ngx_http_onsite_add_header(r, "Cache-Control",
                                      sizeof("Cache-Control") - 1, &cache)
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_cpymem(b->pos, text->data, text->len);
    b->last_buf = 1;
    b->last_in_chain = 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
status_handler(ngx_http_request_t *r)
{
    facts_t                      facts;
    ngx_int_t                    rc;
    onsite_buf_t                *text;
    ngx_http_onsite_loc_conf_t  *olcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);
    text = &ngx_http_onsite_worker.text;

    onsite_buf_clear(text);
    gather_facts(&facts);

    if (olcf->status_format == NGX_HTTP_ONSITE_STATUS_JSON) {
        ngx_str_set(&r->headers_out.content_type, "application/json");
        write_json(text, &facts);

    } else if (olcf->status_format == NGX_HTTP_ONSITE_STATUS_PROMETHEUS) {
        ngx_str_set(&r->headers_out.content_type,
                    "text/plain; version=0.0.4; charset=utf-8");
        write_prometheus(text, &facts);

    } else {
        ngx_str_set(&r->headers_out.content_type, "text/plain");
        write_text(text, &facts);
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return send_status(r, text);
}
