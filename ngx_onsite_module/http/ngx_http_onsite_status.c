/*
 * ngx_http_onsite_status.c - onsite_status: JSON, Prometheus, text.
 */

#include "ngx_http_onsite_collect.h"
#include "onsite_release.h"

#include <math.h>


#define NGX_HTTP_ONSITE_STATUS_JSON        0
#define NGX_HTTP_ONSITE_STATUS_PROMETHEUS  1
#define NGX_HTTP_ONSITE_STATUS_TEXT        2


/*
 * What is told besides the counters, taken at one moment.  Doubles hold every
 * whole number below 2^53; NAN is what is not known.
 */

typedef struct {
    double                   available;
    double                   visitors;
    double                   bytes_used;
    double                   bytes_size;
    double                   evictions;
    double                   expired;
    double                   full;
    double                   readers;
    double                   version;
    double                   age;
    double                   campaigns;
    double                   sites;
    double                   bytes;
    double                   timers;
    double                   timers_bytes;
    double                   late;
    double                   timer_owner;
    double                   outbox_events;
    double                   outbox_deliveries;
    double                   outbox_bytes;
    double                   roaming;
} facts_t;


typedef enum {
    FLAG = 0,                           /* a fact: 0 or 1                   */
    GAUGE,                              /* a fact                           */
    TOTAL,                              /* a fact that only grows           */
    COUNTER,                            /* in the shared counters           */
    SKIPS,                              /* arrays there, one for each reason*/
    REASONS,
    HISTOGRAM
} kind_t;


/* What is told, in whatever format. */

typedef struct {
    const char              *group;     /* of the JSON object               */
    const char              *key;       /* in it; NULL: the group is its own*/
    const char              *name;      /* Prometheus, without prefix       */
    const char              *help;
    kind_t                   kind;
    size_t                   offset;
} metric_t;


/* An answer under way. */

typedef struct {
    onsite_buf_t            *out;
    ngx_uint_t               format;
    const facts_t           *facts;
    const metric_t          *metric;    /* at hand                          */
    const char              *path[2];   /* objects that are open            */
    ngx_uint_t               depth;
    unsigned                 first:1;   /* nothing is in the innermost yet  */
} writer_t;


static ngx_int_t status_handler(ngx_http_request_t *r);


#define FACT(field)   offsetof(facts_t, field)
#define COUNT(field)  offsetof(ngx_http_onsite_counters_t, field)

/* Those of one group stand together. */

static const metric_t  metrics[] = {
    { "state", "available", "state_available",
      "Whether the state can be used.", FLAG, FACT(available) },
    { "state", "visitors", "state_visitors",
      "Visitors remembered.", GAUGE, FACT(visitors) },
    { "state", "bytes_used", "state_used_bytes",
      "Bytes of the state in use.", GAUGE, FACT(bytes_used) },
    { "state", "bytes_size", "state_size_bytes",
      "Bytes that the state may use.", GAUGE, FACT(bytes_size) },
    { "state", "evictions", "state_evictions_total",
      "Records that made room for others.", TOTAL, FACT(evictions) },
    { "state", "expired", "state_expired_total",
      "Records that were not seen for the ttl.", TOTAL, FACT(expired) },
    { "state", "full", "state_full_total",
      "Times that the state was full all the same.", TOTAL, FACT(full) },
    { "state", "readers", "state_readers",
      "Reader slots in use.", GAUGE, FACT(readers) },
    { "events", "total", "events_total",
      "Events applied to a visitor.", COUNTER, COUNT(events) },
    { "events", "rejected", "events_rejected_total",
      "Calls refused: bad body, wrong key, shed.", COUNTER, COUNT(rejected) },
    { "events", "shed", "events_shed_total",
      "Calls answered 429.", COUNTER, COUNT(shed) },
    { "events", "erased", "events_erased_total",
      "Events of visitors who were erased, dropped.", COUNTER, COUNT(erased) },
    { "noise", "bots", "noise_bots_total",
      "Requests of known crawlers.", COUNTER, COUNT(bots) },
    { "noise", "prefetch", "noise_prefetch_total",
      "Requests made ahead of a view.", COUNTER, COUNT(prefetch) },
    { "noise", "duplicates", "noise_duplicates_total",
      "Events whose messageId was applied before.",
      COUNTER, COUNT(duplicates) },
    { "noise", "skewed", "noise_skewed_total",
      "Events of clocks an hour off, or from the future.",
      COUNTER, COUNT(skewed) },
    { "noise", "forged", "noise_forged_total",
      "Exposure tokens and user hashes that did not verify.",
      COUNTER, COUNT(forged) },
    { "privacy", "erasures", "privacy_erasures_total",
      "Visitors erased because they asked.", COUNTER, COUNT(erasures) },
    { "identity", "links", "identity_links_total",
      "Ids that came to lead to another's record.", COUNTER, COUNT(links) },
    { "identity", "refused", "identity_refused_total",
      "Values of onsite_identity that name nobody.",
      COUNTER, COUNT(refused) },
    { "identity", "swept", "identity_swept_total",
      "Entries of links that are gone, removed.", COUNTER, COUNT(swept) },
    { "pageviews", "total", "pageviews_total",
      "Page views counted.", COUNTER, COUNT(pageviews) },
    { "decisions", "total", "decisions_total",
      "Decisions made.", COUNTER, COUNT(decisions) },
    { "decisions", "shown", "decisions_shown_total",
      "Campaigns shown in a page or an answer, or delivered.",
      COUNTER, COUNT(shown) },
    { "injections", "total", "injections_total",
      "Pages that bytes were inserted into.", COUNTER, COUNT(injections) },
    { "reloads", "total", "snapshot_reloads_total",
      "Snapshots taken by workers.", COUNTER, COUNT(reloads) },
    { "reloads", "errors", "snapshot_reload_errors_total",
      "Snapshots refused by workers.", COUNTER, COUNT(reload_errors) },
    { "store", "errors", "state_errors_total",
      "Operations that the state refused.", COUNTER, COUNT(store_errors) },
    { "store", "corrupt", "state_corrupt_records_total",
      "Records that did not decode.", COUNTER, COUNT(corrupt) },
    { "store", "replaced", "state_replaced_total",
      "Times that the state's files were removed or replaced in use.",
      COUNTER, COUNT(states_replaced) },
    { "store", "reaped", "state_reaped_total",
      "Expired records removed by the timer.", COUNTER, COUNT(reaped) },
    { "timers", "pending", "timers_pending",
      "Timers of visitors that wait.", GAUGE, FACT(timers) },
    { "timers", "bytes", "timers_bytes",
      "Bytes of the state that timers take.", GAUGE, FACT(timers_bytes) },
    { "timers", "fired", "timers_fired_total",
      "Timers that came to their time and moved something.",
      COUNTER, COUNT(timers_fired) },
    { "timers", "refused", "timers_refused_total",
      "Timers not set because the state has no room for more.",
      COUNTER, COUNT(timers_refused) },
    { "timers", "late_seconds", "timers_late_seconds",
      "How long the earliest one is overdue.", GAUGE, FACT(late) },
    { "timers", "owner", "timers_owner",
      "Process id of the worker that fires them; 0: none.",
      GAUGE, FACT(timer_owner) },
    { "outbox", "events", "outbox_events",
      "Events that wait to leave.", GAUGE, FACT(outbox_events) },
    { "outbox", "deliveries", "outbox_deliveries",
      "Deliveries that wait to leave.", GAUGE, FACT(outbox_deliveries) },
    { "outbox", "bytes", "outbox_bytes",
      "Bytes of the state that the outbox takes.", GAUGE,
      FACT(outbox_bytes) },
    { "outbox", "refused", "outbox_refused_total",
      "Deliveries lost because the outbox had no room.",
      COUNTER, COUNT(outbox_refused) },
    { "outbox", "dropped", "outbox_dropped_total",
      "Events lost because the outbox had no room.",
      COUNTER, COUNT(outbox_dropped) },
    { "roaming", "waiting", "roaming_waiting",
      "Entries of records that wait for the sidecar.", GAUGE,
      FACT(roaming) },
    { "roaming", "wanted", "roaming_wanted_total",
      "Records made that may have more elsewhere.",
      COUNTER, COUNT(roam_wanted) },
    { "roaming", "refused", "roaming_refused_total",
      "Changes not noted because the state has no room for more.",
      COUNTER, COUNT(roam_refused) },
    { "skips", NULL, "skips_total",
      "Pages that got nothing, by reason.", SKIPS, COUNT(skips) },
    { "reasons", NULL, "campaign_skips_total",
      "Campaigns considered and not shown, by reason.",
      REASONS, COUNT(reasons) },
    { "decide_seconds", NULL, "decide_seconds",
      "Time to load, decide and commit.", HISTOGRAM, 0 },
    { "snapshot", "version", "snapshot_version",
      "Version of the live snapshot.", GAUGE, FACT(version) },
    { "snapshot", "age_seconds", "snapshot_age_seconds",
      "Time since it was built.", GAUGE, FACT(age) },
    { "snapshot", "campaigns", "snapshot_campaigns",
      "Campaigns in it.", GAUGE, FACT(campaigns) },
    { "snapshot", "sites", "snapshot_sites",
      "Sites in it.", GAUGE, FACT(sites) },
    { "snapshot", "bytes", "snapshot_bytes",
      "Size of it.", GAUGE, FACT(bytes) },
    { NULL, NULL, NULL, NULL, FLAG, 0 }
};


static ngx_conf_enum_t  formats[] = {
    { ngx_string("json"), NGX_HTTP_ONSITE_STATUS_JSON },
    { ngx_string("prometheus"), NGX_HTTP_ONSITE_STATUS_PROMETHEUS },
    { ngx_string("text"), NGX_HTTP_ONSITE_STATUS_TEXT },
    { ngx_null_string, 0 }
};


static ngx_str_t  types[] = {           /* by format */
    ngx_string("application/json"),
    ngx_string("text/plain; version=0.0.4; charset=utf-8"),
    ngx_string("text/plain")
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


static onsite_ms_t
clock_ms(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (onsite_ms_t) tp->sec * 1000 + tp->msec;
}


/* Seconds that the earliest timer of all shards is overdue. */

static double
lateness(onsite_store_t *store)
{
    uint32_t     i;
    onsite_ms_t  due, first;

    first = INT64_MAX;

    for (i = 0; i < onsite_store_shards(store); i++) {
        if (onsite_store_timer_first(store, i, &due) == ONSITE_OK) {
            first = ngx_min(first, due);
        }
    }

    return first < clock_ms() ? (double) (clock_ms() - first) / 1000 : 0;
}


static void
gather_facts(facts_t *facts)
{
    onsite_store_stat_t        state;
    onsite_snapshot_info_t     snapshot;
    ngx_http_onsite_worker_t  *w;

    ngx_memzero(facts, sizeof(facts_t));
    ngx_memzero(&state, sizeof(onsite_store_stat_t));
    w = &ngx_http_onsite_worker;

    facts->available = w->store != NULL
                       && onsite_store_stat(w->store, &state) == ONSITE_OK;
    facts->visitors = (double) state.visitors;
    facts->bytes_used = (double) state.bytes_used;
    facts->bytes_size = (double) state.bytes_size;
    facts->evictions = (double) state.evictions;
    facts->expired = (double) state.expired;
    facts->full = (double) state.map_full;
    facts->readers = (double) state.readers;

    facts->timers = (double) state.timers;
    facts->timers_bytes = (double) state.timers_bytes;
    facts->late = w->store != NULL ? lateness(w->store) : 0;
    facts->timer_owner = (double) ngx_http_onsite_counters->timer_owner;
    facts->outbox_events = (double) state.events;
    facts->outbox_deliveries = (double) state.deliveries;
    facts->outbox_bytes = (double) state.outbox_bytes;
    facts->roaming = (double) state.roaming;

    facts->version = NAN;
    facts->age = NAN;

    if (w->snapshot == NULL) {
        return;
    }

    snapshot = *onsite_snapshot_info(w->snapshot);

    facts->version = (double) snapshot.version;
    facts->age = (double) ngx_max(clock_ms() - snapshot.built, 0) / 1000;
    facts->campaigns = (double) snapshot.campaigns;
    facts->sites = (double) snapshot.sites;
    facts->bytes = (double) snapshot.bytes;
}


/* The text is the JSON, flat; Prometheus has no objects. */

static void
open_object(writer_t *w, const char *name)
{
    if (w->format == NGX_HTTP_ONSITE_STATUS_JSON) {
        onsite_buf_printf(w->out, "%s%s\"%s\":{", w->first ? "" : ",",
                          w->depth == 0 && !w->first ? "\n" : "", name);
    }

    w->path[w->depth++] = name;
    w->first = 1;
}


static void
close_object(writer_t *w)
{
    if (w->format == NGX_HTTP_ONSITE_STATUS_JSON) {
        onsite_buf_char(w->out, '}');
    }

    w->depth--;
    w->first = 0;
}


/* As JSON has it. */

static void
put_value(writer_t *w, double value)
{
    if (isnan(value)) {
        onsite_buf_str(w->out, ONSITE_STR("null"));

    } else if (w->metric->kind == FLAG) {
        onsite_buf_str(w->out, value != 0 ? ONSITE_STR("true")
                                          : ONSITE_STR("false"));

    } else {
        onsite_buf_printf(w->out, "%.15g", value);
    }
}


/* What is not known is no metric: a NaN would spread through sums. */

static void
prometheus_value(writer_t *w, const char *suffix, const char *label,
    const char *key, double value)
{
    if (isnan(value)) {
        return;
    }

    onsite_buf_printf(w->out, "onsite_%s%s", w->metric->name, suffix);

    if (label != NULL) {
        onsite_buf_printf(w->out, "{%s=\"%s\"}", label, key);
    }

    onsite_buf_printf(w->out, " %.15g\n", value);
}


/*
 * The one place where a value is told: key within the object that is open;
 * for Prometheus suffix and label (NULL: none), which has key as its value.
 */

static void
tell(writer_t *w, const char *key, const char *suffix, const char *label,
    double value)
{
    ngx_uint_t  i;

    if (w->format == NGX_HTTP_ONSITE_STATUS_PROMETHEUS) {
        prometheus_value(w, suffix, label, key, value);
        return;
    }

    if (w->format == NGX_HTTP_ONSITE_STATUS_JSON) {
        onsite_buf_printf(w->out, "%s\"%s\":", w->first ? "" : ",", key);
        put_value(w, value);
        w->first = 0;
        return;
    }

    for (i = 0; i < w->depth; i++) {
        onsite_buf_printf(w->out, "%s.", w->path[i]);
    }

    onsite_buf_printf(w->out, "%s ", key);
    put_value(w, value);
    onsite_buf_char(w->out, '\n');
}


static void
tell_histogram(writer_t *w)
{
    char                         bound[32];
    double                       sum;
    ngx_uint_t                   i;
    ngx_http_onsite_counters_t  *c;

    sum = 0;
    c = ngx_http_onsite_counters;

    open_object(w, "buckets");

    for (i = 0; i < NGX_HTTP_ONSITE_BUCKETS - 1; i++) {
        sum += (double) c->seconds[i];
        (void) snprintf(bound, sizeof(bound), "%g",
                        (double) ngx_http_onsite_bounds[i] / 1e9);
        tell(w, bound, "_bucket", "le", sum);
    }

    sum += (double) c->seconds[i];
    tell(w, "+Inf", "_bucket", "le", sum);

    close_object(w);

    tell(w, "sum", "_sum", NULL, (double) c->nanoseconds / 1e9);
    tell(w, "count", "_count", NULL, sum);
}


/* Names of reasons are whole strings of ours, with their ends. */

static void
tell_reasons(writer_t *w, const ngx_atomic_t *counts)
{
    ngx_uint_t  i, n;

    n = w->metric->kind == SKIPS ? (ngx_uint_t) NGX_HTTP_ONSITE_SKIPS
                                 : (ngx_uint_t) ONSITE_REASONS;

    for (i = 1; i < n; i++) {
        tell(w, w->metric->kind == SKIPS
                ? (const char *) ngx_http_onsite_skip_names[i].data
                : onsite_reason_text(i).data,
             "", "reason", (double) counts[i]);
    }
}


static void
tell_metric(writer_t *w)
{
    const char      *fact, *counter;
    const metric_t  *m;

    m = w->metric;
    fact = (const char *) w->facts + m->offset;
    counter = (const char *) ngx_http_onsite_counters + m->offset;

    switch (m->kind) {

    case HISTOGRAM:
        tell_histogram(w);
        return;

    case SKIPS:
    case REASONS:
        tell_reasons(w, (const ngx_atomic_t *) counter);
        return;

    case COUNTER:
        tell(w, m->key, "", NULL, (double) *(const ngx_atomic_t *) counter);
        return;

    default:
        tell(w, m->key, "", NULL, *(const double *) fact);
    }
}


static void
announce(writer_t *w)
{
    const char      *type;
    const metric_t  *m;

    m = w->metric;
    type = m->kind == HISTOGRAM ? "histogram"
           : m->kind == FLAG || m->kind == GAUGE ? "gauge" : "counter";

    onsite_buf_printf(w->out, "# HELP onsite_%s %s\n# TYPE onsite_%s %s\n",
                      m->name, m->help, m->name, type);
}


/* Which module this is: the one value that is no number. */

static void
write_release(onsite_buf_t *out, ngx_uint_t format)
{
    switch (format) {

    case NGX_HTTP_ONSITE_STATUS_JSON:
        onsite_buf_str(out, ONSITE_STR("\"build\":{\"version\":\""
                                       ONSITE_RELEASE "\"},\n"));
        return;

    case NGX_HTTP_ONSITE_STATUS_PROMETHEUS:
        onsite_buf_str(out, ONSITE_STR("# HELP onsite_build_info Which module "
                                       "this is.\n"
                                       "# TYPE onsite_build_info gauge\n"
                                       "onsite_build_info{version=\""
                                       ONSITE_RELEASE "\"} 1\n"));
        return;

    default:
        onsite_buf_str(out, ONSITE_STR("build.version " ONSITE_RELEASE "\n"));
    }
}


static void
write_status(onsite_buf_t *out, ngx_uint_t format)
{
    facts_t          facts;
    writer_t         w;
    const metric_t  *m;

    gather_facts(&facts);

    ngx_memzero(&w, sizeof(writer_t));
    w.out = out;
    w.format = format;
    w.facts = &facts;
    w.first = 1;

    if (format == NGX_HTTP_ONSITE_STATUS_JSON) {
        onsite_buf_char(out, '{');
    }

    write_release(out, format);

    for (m = metrics; m->group != NULL; m++) {
        w.metric = m;

        if (m == metrics || strcmp(m->group, m[-1].group) != 0) {
            open_object(&w, m->group);
        }

        if (format == NGX_HTTP_ONSITE_STATUS_PROMETHEUS) {
            announce(&w);
        }

        tell_metric(&w);

        if (m[1].group == NULL || strcmp(m->group, m[1].group) != 0) {
            close_object(&w);
        }
    }

    if (format == NGX_HTTP_ONSITE_STATUS_JSON) {
        onsite_buf_str(out, ONSITE_STR("}\n"));
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
    write_status(text, olcf->status_format);

    ngx_http_onsite_set_type(r, &types[olcf->status_format]);

    return send_status(r, text);
}
