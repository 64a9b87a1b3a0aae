/*
 * decide.c - what one decision costs with 10 to 100,000 live campaigns.
 *
 * The campaigns are a shop's: most want a category or a brand, some a path, a
 * country or a source; some count, some test by a regex; one in a hundred
 * wants no attribute to equal anything and meets every event of its name.
 * They are of two groups, so at most two are shown at a time.  The visitors
 * have a history of up to forty events.  Each line is of onsite_apply: event
 * applied, campaigns decided, contents rendered, exposures recorded.  Times
 * are the thread's own (CPU), so that what else the machine does counts less;
 * the clock's own call is in them.
 */

#include "onsite_engine.h"
#include "onsite_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NOW         1792497600000       /* 2026-10-20 12:00 UTC            */
#define VISITORS    512
#define EVENTS      2048
#define CATEGORIES  300
#define BRANDS      120
#define PATHS       2000


typedef struct {
    uint32_t            seed;
    onsite_json_t      *json;
    onsite_arena_t     *definitions;
    onsite_arena_t     *arena;
    onsite_engine_t    *engine;
    onsite_builder_t   *builder;
    onsite_site_t       site;
    onsite_visitor_t   *visitors;
    onsite_event_t     *events;
    onsite_facts_t     *facts;
    char              (*ids)[16];           /* visitors'                   */
    onsite_decision_t   decision;
    uint64_t            considered;
    uint64_t            shown;
} bench_t;


/* xorshift (Marsaglia, 2003): the same campaigns and events in every run. */

static uint32_t
draw(bench_t *bench, uint32_t n)
{
    bench->seed ^= bench->seed << 13;
    bench->seed ^= bench->seed >> 17;
    bench->seed ^= bench->seed << 5;

    return bench->seed % n;
}


static void
stop(const char *what)
{
    fprintf(stderr, "decide: %s\n", what);
    exit(1);
}


static onsite_value_t
parse(bench_t *bench, const char *text)
{
    onsite_error_t  error;
    onsite_value_t  value;

    if (onsite_json_parse(bench->json, bench->definitions,
                          onsite_str(text, strlen(text)), &value, &error)
        != ONSITE_OK)
    {
        stop(error.text);
    }

    return value;
}


static void
write_trigger(bench_t *bench, char *out, size_t size)
{
    uint32_t  category = draw(bench, CATEGORIES);

    switch (draw(bench, 20)) {

    case 0: case 1: case 2: case 3: case 4: case 5: case 6:
        snprintf(out, size, "\"trigger\":{\"event\":\"Product Viewed\","
                 "\"where\":{\"category\":\"category-%u\"}}", category);
        return;

    case 7: case 8: case 9:
        snprintf(out, size, "\"trigger\":{\"event\":\"Product Added\","
                 "\"where\":{\"category\":\"category-%u\"}},"
                 "\"audience\":{\"cart.value\":{\"$gt\":%u}}", category,
                 draw(bench, 200));
        return;

    case 10: case 11:
        snprintf(out, size, "\"trigger\":{\"event\":\"Product Viewed\","
                 "\"where\":{\"brand\":{\"$in\":[\"brand-%u\",\"brand-%u\"]}"
                 "},\"count\":3,\"within\":\"session\"}",
                 draw(bench, BRANDS), draw(bench, BRANDS));
        return;

    case 12: case 13: case 14:
        snprintf(out, size, "\"trigger\":{\"event\":\"Page Viewed\","
                 "\"where\":{\"path\":\"/page/%u\"}}", draw(bench, PATHS));
        return;

    case 15: case 16:
        snprintf(out, size, "\"trigger\":{\"event\":\"Page Viewed\","
                 "\"where\":{\"path\":{\"$regex\":\"^/page/[0-9]*%u$\"}}},"
                 "\"audience\":{\"request.country\":\"C%u\","
                 "\"visitor.status\":\"new\"}", draw(bench, 100),
                 draw(bench, 60));
        return;

    case 17:
        snprintf(out, size, "\"trigger\":{\"event\":\"Page Viewed\"},"
                 "\"audience\":{\"request.query.utm_source\":\"s%u\","
                 "\"request.device\":{\"$ne\":\"bot\"}}",
                 draw(bench, 80));
        return;

    default:
        snprintf(out, size, "\"trigger\":{\"event\":\"Checkout Started\","
                 "\"where\":{\"coupon\":\"code-%u\"}}", draw(bench, 500));
    }
}


/* One in a hundred: nothing that an index can use. */

static void
write_general(bench_t *bench, char *out, size_t size)
{
    if (draw(bench, 2)) {
        snprintf(out, size, "\"trigger\":{\"event\":\"Page Viewed\"},"
                 "\"audience\":{\"visitor.visits\":{\"$gt\":%u},"
                 "\"cart.items\":{\"$lt\":%u}}", draw(bench, 20),
                 draw(bench, 10));

    } else {
        snprintf(out, size, "\"trigger\":{\"event\":\"Product Viewed\","
                 "\"where\":{\"price\":{\"$gt\":%u},"
                 "\"name\":{\"$regex\":\"w%u\"}}}", 20 + draw(bench, 1000),
                 draw(bench, 100));
    }
}


static onsite_value_t
make_campaign(bench_t *bench, size_t i)
{
    char  text[2048], trigger[512];

    if (draw(bench, 100) == 0) {
        write_general(bench, trigger, sizeof(trigger));

    } else {
        write_trigger(bench, trigger, sizeof(trigger));
    }

    snprintf(text, sizeof(text), "{\"id\":\"campaign-%zu\",\"priority\":%u,"
             "\"channel\":\"popup\",\"group\":\"g%u\",%s,"
             "\"frequency\":{\"cap\":2,\"per\":\"day\",\"stop_on\":"
             "[\"clicked\",\"dismissed\"]},\"content\":{\"html\":"
             "\"<p>{{event.properties.category}}: only today</p>\"},"
             "\"holdout\":0.05,\"variants\":[{\"id\":\"a\",\"weight\":0.5},"
             "{\"id\":\"b\",\"weight\":0.5}]}", i, draw(bench, 100),
             draw(bench, 2), trigger);

    return parse(bench, text);
}


static void
say(void *data, onsite_lint_level_t level, onsite_str_t file,
    const char *path, const char *reason)
{
    (void) data;
    (void) file;

    if (level == ONSITE_LINT_ERROR) {
        fprintf(stderr, "decide: %s: %s\n", path, reason);
    }
}


static onsite_status_t
no_zone(void *data, onsite_str_t name,
    const onsite_transition_t **transitions, size_t *n)
{
    (void) data;
    (void) name;
    (void) transitions;
    (void) n;

    return ONSITE_NOT_FOUND;
}


static void
build_campaigns(bench_t *bench, size_t n)
{
    size_t                     i;
    onsite_value_t            *definitions;
    onsite_error_t             error;
    onsite_image_t             image;
    onsite_zones_t             zones = { no_zone, NULL, NULL };
    onsite_campaign_source_t  *sources;

    sources = calloc(n, sizeof(*sources));
    definitions = calloc(n, sizeof(*definitions));
    bench->builder = onsite_builder_create();

    if (sources == NULL || definitions == NULL || bench->builder == NULL) {
        stop("out of memory");
    }

    for (i = 0; i < n; i++) {
        definitions[i] = make_campaign(bench, i);
        sources[i].file = ONSITE_STR("campaign");
        sources[i].definition = &definitions[i];
    }

    if (onsite_campaigns_compile(bench->builder, ONSITE_STR("default"),
                                 sources, n, &zones, NULL, NOW, say, NULL,
                                 &image, &error)
        != ONSITE_OK
        || onsite_image_verify(&image, &error) != ONSITE_OK
        || onsite_site_init(&bench->site, image) != ONSITE_OK)
    {
        stop(error.text);
    }

    free(sources);
    free(definitions);
}


static void
make_event(bench_t *bench, onsite_event_t *event)
{
    char                text[512];
    static const char  *names[] = {
        "Page Viewed", "Page Viewed", "Product Viewed", "Product Viewed",
        "Product Viewed", "Product Added", "Checkout Started", "Login"
    };
    const char         *name = names[draw(bench, 8)];

    snprintf(text, sizeof(text), "{\"path\":\"/page/%u\",\"category\":"
             "\"category-%u\",\"brand\":\"brand-%u\",\"sku\":\"s%u\","
             "\"price\":%u,\"quantity\":1,\"name\":\"w%u w%u w%u\","
             "\"coupon\":\"code-%u\"}", draw(bench, PATHS),
             draw(bench, CATEGORIES), draw(bench, BRANDS),
             draw(bench, 5000), draw(bench, 500), draw(bench, 1000),
             draw(bench, 1000), draw(bench, 1000), draw(bench, 500));

    *event = (onsite_event_t) {
        .type = ONSITE_TRACK,
        .name = onsite_str(name, strlen(name)),
        .properties = parse(bench, text),
        .received = NOW,
        .time = NOW,
        .live = true
    };
}


static void
make_facts(bench_t *bench, onsite_facts_t *facts)
{
    char              text[64];
    onsite_member_t  *country;

    *facts = (onsite_facts_t) {
        .method = ONSITE_STR("GET"),
        .scheme = ONSITE_STR("https"),
        .host = ONSITE_STR("shop.example"),
        .path = ONSITE_STR("/page/1"),
        .accept_language = ONSITE_STR("de-DE,de;q=0.9,en;q=0.8"),
        .user_agent = ONSITE_STR("Mozilla/5.0 (X11; Linux x86_64; rv:128.0)"
                                 " Gecko/20100101 Firefox/128.0")
    };

    snprintf(text, sizeof(text), "utm_source=s%u&utm_medium=mail",
             draw(bench, 200));
    facts->args = onsite_arena_copy(bench->definitions,
                                    onsite_str(text, strlen(text)));

    country = onsite_arena_alloc(bench->definitions, sizeof(*country));
    snprintf(text, sizeof(text), "C%u", draw(bench, 60));
    country->key = ONSITE_STR("country");
    country->value = onsite_value_string(
                         onsite_arena_copy(bench->definitions,
                                           onsite_str(text, strlen(text))));
    facts->attributes = country;
    facts->n_attributes = 1;
}


static void
apply(bench_t *bench, onsite_visitor_t *visitor, uint32_t i, onsite_ms_t now)
{
    onsite_event_t  event = bench->events[i % EVENTS];
    onsite_apply_t  arguments = {
        .site = &bench->site,
        .visitor = visitor,
        .event = &event,
        .facts = &bench->facts[i % EVENTS],
        .now = now,
        .session_timeout = 30 * ONSITE_MINUTE,
        .arena = bench->arena,
        .decide = { .deliver = event.name.data[0] == 'P',
                    .visitor_id = onsite_str(bench->ids[i % EVENTS], 15) }
    };

    event.received = now;
    event.time = now;

    onsite_apply(bench->engine, &arguments, &bench->decision);
}


/* Visitors with a history, made by the same code. */

static void
make_visitors(bench_t *bench)
{
    uint32_t  i, j, n;

    for (i = 0; i < VISITORS; i++) {
        onsite_visitor_init(&bench->visitors[i]);
        n = draw(bench, 40);

        for (j = 0; j < n; j++) {
            onsite_arena_reset(bench->arena);
            apply(bench, &bench->visitors[i], draw(bench, EVENTS),
                  NOW - ONSITE_HOUR + (onsite_ms_t) j * ONSITE_MINUTE);
            bench->visitors[i].n_pending = 0;
        }
    }
}


static double
elapsed(const struct timespec *from, const struct timespec *to)
{
    return (double) (to->tv_sec - from->tv_sec) * 1e9
           + (double) (to->tv_nsec - from->tv_nsec);
}


static int
by_size(const void *p, const void *q)
{
    double  a = *(const double *) p, b = *(const double *) q;

    return (a > b) - (a < b);
}


static void
measure(bench_t *bench, double *times, size_t n)
{
    size_t            i;
    uint32_t          event;
    struct timespec   from, to;
    onsite_visitor_t  visitor;

    bench->considered = 0;
    bench->shown = 0;

    for (i = 0; i < n; i++) {
        visitor = bench->visitors[draw(bench, VISITORS)];
        event = draw(bench, EVENTS);
        onsite_arena_reset(bench->arena);

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        apply(bench, &visitor, event, NOW);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);

        times[i] = elapsed(&from, &to);
        bench->considered += bench->decision.considered;
        bench->shown += bench->decision.n;
    }

    qsort(times, n, sizeof(double), by_size);
}


static void
run(bench_t *bench, size_t campaigns, size_t n)
{
    uint32_t  i;
    double   *times = calloc(n, sizeof(double));

    if (times == NULL) {
        stop("out of memory");
    }

    bench->seed = 20261121;
    build_campaigns(bench, campaigns);

    for (i = 0; i < EVENTS; i++) {
        make_event(bench, &bench->events[i]);
        make_facts(bench, &bench->facts[i]);
        snprintf(bench->ids[i], sizeof(bench->ids[i]), "visitor-%07u", i);
    }

    make_visitors(bench);
    measure(bench, times, n / 10);          /* warm */
    measure(bench, times, n);

    printf("%9zu %9.2f %9.2f %9.2f %12.1f %9.2f %10.1f\n", campaigns,
           times[n / 2] / 1000, times[n * 99 / 100] / 1000,
           times[n * 999 / 1000] / 1000,
           (double) bench->considered / (double) n,
           (double) bench->shown / (double) n,
           (double) bench->site.image.size / 1048576);

    onsite_site_free(&bench->site);
    onsite_builder_destroy(bench->builder);
    onsite_arena_reset(bench->definitions);
    free(times);
}


int
main(int argc, char **argv)
{
    size_t   i, only = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    size_t   n = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    bench_t  bench = { 0 };

    static const size_t  curve[] = { 10, 100, 1000, 10000, 100000 };

    bench.json = onsite_json_create();
    bench.definitions = onsite_arena_create(1 << 20, (size_t) 1 << 30);
    bench.arena = onsite_arena_create(1 << 18, 1 << 24);
    bench.engine = onsite_engine_create();
    bench.visitors = calloc(VISITORS, sizeof(onsite_visitor_t));
    bench.events = calloc(EVENTS, sizeof(onsite_event_t));
    bench.facts = calloc(EVENTS, sizeof(onsite_facts_t));
    bench.ids = calloc(EVENTS, sizeof(*bench.ids));

    if (bench.json == NULL || bench.definitions == NULL
        || bench.arena == NULL || bench.engine == NULL
        || bench.visitors == NULL || bench.events == NULL
        || bench.facts == NULL || bench.ids == NULL)
    {
        stop("out of memory");
    }

    printf("campaigns    p50 us    p99 us  p99.9 us   considered     shown"
           "   image MB\n");

    for (i = 0; i < sizeof(curve) / sizeof(curve[0]); i++) {
        if (only == 0 || only == curve[i]) {
            run(&bench, curve[i], n);
        }
    }

    free(bench.ids);
    free(bench.facts);
    free(bench.events);
    free(bench.visitors);
    onsite_engine_destroy(bench.engine);
    onsite_arena_destroy(bench.arena);
    onsite_arena_destroy(bench.definitions);
    onsite_json_destroy(bench.json);

    return 0;
}
