/*
 * journey.c - what an event costs that advances 20 journeys and re-arms a
 * timer, beside a plain event of the same visitors, in the same run.
 *
 *   bench-journey [directory]
 *
 * The whole way of a beacon's event behind its parsing: transaction, record
 * read and decoded, event applied, machines moved, campaigns decided, record
 * encoded and put, timer moved where it has to be, commit.  Visitors stand in
 * all journeys from the start, so both events carry the same record; last come
 * visitors that stand in none.  Each state has a timer of its own: every step
 * sets 20 anew.  The kinds of event alternate over the visitors, each event is
 * timed by itself (the thread's own time), and medians are compared.
 */

#include "onsite_engine.h"
#include "onsite_json.h"
#include "onsite_store.h"
#include "onsite_visitor_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NOW        1792497600000        /* 2026-10-20 12:00 UTC            */
#define VISITORS   20000
#define JOURNEYS   20
#define CAMPAIGNS  40
#define ROUNDS     6
#define SAMPLES    (VISITORS * ROUNDS)


/* Names of events are of the same length, none in the vocabulary. */
typedef enum {
    PLAIN = 0,
    STEP,
    KINDS
} event_kind_t;


typedef struct {
    onsite_json_t      *json;
    onsite_arena_t     *definitions;
    onsite_arena_t     *arena;
    onsite_engine_t    *engine;
    onsite_builder_t   *builder;
    onsite_site_t       site;
    onsite_store_t     *store;
    onsite_txn_t       *txn;
    onsite_visitor_t    visitor;
    onsite_decision_t   decision;
    onsite_value_t      properties;
    onsite_ms_t         now;
    size_t              bytes;              /* of the latest record        */
    size_t              n[KINDS];
    double              times[KINDS][SAMPLES];
} bench_t;


static void
check(onsite_status_t status, const onsite_error_t *error)
{
    if (status != ONSITE_OK) {
        fprintf(stderr, "journey: %s: %s\n", onsite_status_text(status),
                error->text);
        exit(1);
    }
}


static onsite_value_t
parse(bench_t *bench, const char *text)
{
    onsite_str_t    copy;
    onsite_error_t  error = { "" };
    onsite_value_t  value;

    copy = onsite_arena_copy(bench->definitions,
                             onsite_str(text, strlen(text)));
    check(onsite_json_parse(bench->json, bench->definitions, copy, &value,
                            &error), &error);

    return value;
}


static onsite_value_t
make_journey(bench_t *bench, int i)
{
    char  text[512];

    snprintf(text, sizeof(text), "{\"id\":\"journey-%d\",\"start\":\"new\","
             "\"states\":{\"new\":{\"on\":{\"Took Step\":\"one\"}},"
             "\"one\":{\"on\":{\"Took Step\":\"two\"},"
             "\"after\":{\"%dm\":\"left\"}},"
             "\"two\":{\"on\":{\"Took Step\":\"one\"},"
             "\"inactive\":{\"%dm\":\"left\"}},"
             "\"left\":{\"final\":true}}}", i, 60 + i, 90 + i);

    return parse(bench, text);
}


static onsite_value_t
make_campaign(bench_t *bench, int i)
{
    char         text[512];
    const char  *events[] = {
        "Product Viewed", "Took Step", "Took Walk", "Product Added"
    };

    snprintf(text, sizeof(text), "{\"id\":\"campaign-%d\",\"channel\":"
             "\"popup\",\"trigger\":{\"event\":\"%s\",\"where\":{\"category\":"
             "\"category-%d\"}},\"audience\":{\"cart.value\":{\"$gt\":%d}},"
             "\"content\":{\"html\":\"<p>{{event.properties.category}}</p>\"}"
             "}", i, events[i % 4], i, 1000 + i);

    return parse(bench, text);
}


static void
say(void *data, onsite_lint_level_t level, onsite_str_t file,
    const char *path, const char *reason)
{
    (void) data;
    (void) file;

    if (level == ONSITE_LINT_ERROR) {
        fprintf(stderr, "journey: %s: %s\n", path, reason);
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
build(bench_t *bench)
{
    int                       i;
    onsite_image_t            image;
    onsite_value_t            definitions[JOURNEYS + CAMPAIGNS];
    onsite_zones_t            zones = { no_zone, NULL, NULL };
    onsite_error_t            error = { "" };
    onsite_campaign_source_t  sources[JOURNEYS + CAMPAIGNS];

    for (i = 0; i < JOURNEYS + CAMPAIGNS; i++) {
        definitions[i] = i < JOURNEYS ? make_journey(bench, i)
                                      : make_campaign(bench, i);
        sources[i].file = ONSITE_STR("file");
        sources[i].definition = &definitions[i];
    }

    bench->builder = onsite_builder_create();
    check(onsite_campaigns_compile(bench->builder, ONSITE_STR("default"),
                                   sources, JOURNEYS + CAMPAIGNS, &zones,
                                   NULL, NOW, say, NULL, &image, &error),
          &error);
    check(onsite_image_verify(&image, &error), &error);
    check(onsite_site_init(&bench->site, image), &error);
}


static onsite_key_t
key_of(uint64_t n)
{
    uint64_t      half;
    onsite_key_t  key;

    half = (n + 1) * 0x9e3779b97f4a7c15u;
    memcpy(key.bytes, &half, 8);
    half = (half ^ (half >> 29)) * 0xbf58476d1ce4e5b9u;
    memcpy(key.bytes + 8, &half, 8);

    return key;
}


static void
load(bench_t *bench, const onsite_key_t *key)
{
    onsite_key_t          link;
    onsite_str_t          record;
    onsite_record_kind_t  kind;

    if (onsite_txn_get(bench->txn, key, bench->now, &record) != ONSITE_OK
        || onsite_visitor_decode(bench->arena, record.data, record.len, &kind,
                                 &bench->visitor, &link) != ONSITE_OK)
    {
        onsite_visitor_init(&bench->visitor);
    }
}


static void
keep(bench_t *bench, const onsite_key_t *key, onsite_ms_t due)
{
    char               record[ONSITE_RECORD_BYTES_MAX];
    onsite_error_t     error = { "cannot write" };
    onsite_visitor_t  *v = &bench->visitor;

    if (due != 0 && (v->wake == 0 || due < v->wake)) {
        check(onsite_txn_timer_move(bench->txn, key, v->wake, due), &error);
        v->wake = due;
    }

    bench->bytes = onsite_visitor_encode(v, record, sizeof(record));
    check(onsite_txn_put(bench->txn, key, onsite_str(record, bench->bytes),
                         bench->now), &error);
}


static void
apply(bench_t *bench, uint64_t number, onsite_str_t name)
{
    onsite_key_t    key = key_of(number);
    onsite_facts_t  facts = { .method = ONSITE_STR("POST") };
    onsite_error_t  error = { "" };
    onsite_event_t  event = {
        .type = ONSITE_TRACK,
        .name = name,
        .properties = bench->properties,
        .received = bench->now,
        .time = bench->now,
        .live = true
    };
    onsite_apply_t  call = {
        .site = &bench->site,
        .visitor = &bench->visitor,
        .event = &event,
        .facts = &facts,
        .now = bench->now,
        .session_timeout = 30 * ONSITE_MINUTE,
        .arena = bench->arena,
        .decide = { .visitor_id = ONSITE_STR("visitor") }
    };

    onsite_arena_reset(bench->arena);
    check(onsite_txn_begin(bench->store, 0, &bench->txn, &error), &error);
    load(bench, &key);
    onsite_apply(bench->engine, &call, &bench->decision);
    keep(bench, &key, call.due);
    check(onsite_txn_commit(bench->txn, &error), &error);
}


static double
clock_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}


static int
by_size(const void *p, const void *q)
{
    double  a = *(const double *) p, b = *(const double *) q;

    return (a > b) - (a < b);
}


static double
median(bench_t *bench, event_kind_t kind)
{
    qsort(bench->times[kind], bench->n[kind], sizeof(double), by_size);

    return bench->times[kind][bench->n[kind] / 2];
}


/* A history of a few events; with journeys, a place in each. */

static void
populate(bench_t *bench, uint64_t from, bool journeys)
{
    uint64_t            i;
    static const char  *names[] = {
        "Product Viewed", "Product Added", "Took Walk", "Search Made"
    };

    for (i = 0; i < 4 * VISITORS; i++) {
        apply(bench, from + i / 4,
              onsite_str(names[i % 4], strlen(names[i % 4])));
    }

    for (i = 0; journeys && i < VISITORS; i++) {
        apply(bench, from + i, ONSITE_STR("Took Step"));
    }
}


/* Odd and even visitors have a plain event and a step in turn; or all of them
 * plain ones. */

static void
measure(bench_t *bench, uint64_t from, bool steps)
{
    int           round;
    double        start;
    uint64_t      i;
    event_kind_t  kind;

    static const onsite_str_t  names[KINDS] = {
        ONSITE_STR("Took Walk"), ONSITE_STR("Took Step")
    };

    bench->n[PLAIN] = 0;
    bench->n[STEP] = 0;

    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < VISITORS; i++) {
            bench->now += 1;
            kind = steps && (i + (uint64_t) round) % 2 ? STEP : PLAIN;
            start = clock_now();
            apply(bench, from + i, names[kind]);
            bench->times[kind][bench->n[kind]++] = clock_now() - start;
        }
    }
}


static void
open_store(bench_t *bench, const char *path)
{
    onsite_error_t          error = { "" };
    onsite_store_options_t  options = {
        .path = path,
        .size = (size_t) 128 << 20,
        .shards = 1,
        .ttl = 90 * ONSITE_DAY
    };

    check(onsite_store_open(&options, NOW, &bench->store, &error), &error);
}


int
main(int argc, char **argv)
{
    size_t    bytes;
    double    plain, step, bare;
    bench_t  *bench = calloc(1, sizeof(bench_t));

    if (bench == NULL) {
        return 1;
    }

    bench->json = onsite_json_create();
    bench->definitions = onsite_arena_create(1 << 20, (size_t) 1 << 26);
    bench->arena = onsite_arena_create(1 << 18, 1 << 24);
    bench->engine = onsite_engine_create();
    bench->now = NOW;
    bench->properties = parse(bench, "{\"category\":\"category-7\","
                              "\"sku\":\"s1\",\"price\":3.5,\"quantity\":1}");

    open_store(bench, argc > 1 ? argv[1] : "/dev/shm/onsite-bench-journey");
    build(bench);
    populate(bench, 0, true);
    measure(bench, 0, true);            /* warm */
    measure(bench, 0, true);

    plain = median(bench, PLAIN);
    step = median(bench, STEP);
    bytes = bench->bytes;

    populate(bench, VISITORS, false);
    measure(bench, VISITORS, false);
    bare = median(bench, PLAIN);

    printf("visitors in %d journeys      %zu bytes of record\n", JOURNEYS,
           bytes);
    printf("  plain event               %6.2f us\n", plain / 1000);
    printf("  one that advances them    %6.2f us   %.2f times\n",
           step / 1000, step / plain);
    printf("visitors in none            %zu bytes of record\n",
           bench->bytes);
    printf("  plain event               %6.2f us\n", bare / 1000);

    onsite_store_close(bench->store);
    onsite_site_free(&bench->site);
    onsite_builder_destroy(bench->builder);
    onsite_engine_destroy(bench->engine);
    onsite_arena_destroy(bench->arena);
    onsite_arena_destroy(bench->definitions);
    onsite_json_destroy(bench->json);
    free(bench);

    return 0;
}
