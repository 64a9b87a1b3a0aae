/*
 * timers.c - fills a state directory with visitors whose timers wait.
 *
 *   timers STATE_DIR SNAPSHOT PENDING SIZE_MB RATE SECONDS
 *
 * Each visitor is made by the engine, from one "Product Added", with a
 * campaign on inactivity of four hours.  PENDING of them are due an hour from
 * now and later.  Then RATE a second come for so many seconds, evenly, from a
 * moment on that is printed, in ms since the epoch; it lies three seconds
 * ahead.  Bytes of the file that timers and records take go to stderr.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "onsite_engine.h"
#include "onsite_id.h"
#include "onsite_snapshot.h"
#include "onsite_store.h"
#include "onsite_visitor_codec.h"

#define IDLE  (4 * ONSITE_HOUR)

typedef struct {
    onsite_store_t     *store;
    onsite_engine_t    *engine;
    onsite_arena_t     *arena;
    onsite_site_t       site;
    onsite_signer_t    *signer;
    onsite_visitor_t    visitor;
    onsite_decision_t   decision;
    onsite_error_t      error;
    char                record[ONSITE_RECORD_BYTES_MAX];
    uint64_t            n;
    uint64_t            bytes;
} bench_t;


static void
fail(const bench_t *b, const char *what)
{
    (void) fprintf(stderr, "timers: %s: %s\n", what, b->error.text);
    exit(1);
}


static void
say(void *data, int level, const char *text)
{
    (void) data;
    (void) level;
    (void) fprintf(stderr, "timers: %s\n", text);
}


static onsite_ms_t
now_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (onsite_ms_t) ts.tv_sec * ONSITE_SECOND + ts.tv_nsec / 1000000;
}


/* splitmix64 (Steele, Lea, Flood 2014) */

static uint64_t
mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;

    return x ^ (x >> 31);
}


static onsite_key_t
next_key(bench_t *b)
{
    char  id[24];
    int   len = snprintf(id, sizeof(id), "%llu", (unsigned long long) b->n++);

    return onsite_visitor_key(b->signer, ONSITE_STR("default"), 'c',
                              onsite_str(id, (size_t) len));
}


static onsite_ms_t
add_to_cart(bench_t *b, const onsite_key_t *key, onsite_ms_t when)
{
    onsite_facts_t  facts = { .method = ONSITE_STR("POST") };
    onsite_event_t  event = {
        .name = ONSITE_STR("Product Added"), .received = when, .time = when,
        .live = true, .properties = { .type = ONSITE_OBJECT }
    };
    onsite_apply_t  apply = {
        .site = &b->site, .visitor = &b->visitor, .event = &event,
        .facts = &facts, .now = when, .session_timeout = 30 * ONSITE_MINUTE,
        .arena = b->arena, .decide.visitor_id = ONSITE_STR("someone"),
        .key = key
    };

    onsite_arena_reset(b->arena);
    onsite_visitor_init(&b->visitor);
    onsite_apply(b->engine, &apply, &b->decision);

    return apply.due;
}


static void
add_visitor(bench_t *b, onsite_ms_t due)
{
    size_t          size;
    onsite_ms_t     armed;
    onsite_key_t    key = next_key(b);
    onsite_txn_t   *txn;

    armed = add_to_cart(b, &key, due - IDLE);

    if (armed != due) {
        fail(b, "no campaign on inactivity of 4h is in the snapshot");
    }

    b->visitor.wake = due;
    size = onsite_visitor_encode(&b->visitor, b->record, sizeof(b->record));
    b->bytes += size;

    if (onsite_txn_begin(b->store, 0, &txn, &b->error) != ONSITE_OK
        || onsite_txn_put(txn, &key, onsite_str(b->record, size), due)
           != ONSITE_OK
        || onsite_txn_timer_move(txn, &key, 0, due) != ONSITE_OK
        || onsite_txn_commit(txn, &b->error) != ONSITE_OK)
    {
        fail(b, "store");
    }
}


static void
open_all(bench_t *b, char **argv)
{
    onsite_str_t            name;
    onsite_image_t          image;
    onsite_store_options_t  options = { .shards = 1, .max_readers = 64,
                                        .ttl = 90 * ONSITE_DAY, .log = say };
    onsite_snapshot_t      *snapshot;

    options.path = argv[1];
    options.size = strtoull(argv[4], NULL, 10) << 20;
    b->engine = onsite_engine_create();
    b->signer = onsite_signer_create("not a secret, as these are no visitors",
                                     38);
    b->arena = onsite_arena_create(64 * 1024, 1 << 20);

    if (onsite_store_prepare(&options, -1, -1, &b->error) != ONSITE_OK
        || onsite_store_open(&options, now_ms(), &b->store, &b->error)
           != ONSITE_OK
        || onsite_snapshot_open(argv[2], &snapshot, &b->error) != ONSITE_OK
        || onsite_snapshot_site(snapshot, 0, &name, &image)
           != ONSITE_OK
        || onsite_site_init(&b->site, image) != ONSITE_OK)
    {
        fail(b, argv[1]);
    }
}


static void
tell_bytes(bench_t *b, uint64_t pending)
{
    onsite_store_stat_t  stat;

    (void) onsite_store_stat(b->store, &stat);
    (void) fprintf(stderr, "%llu timers pending: %.0f bytes of pages each; a "
                   "record has %.0f bytes, a visitor takes %.0f\n",
                   (unsigned long long) stat.timers,
                   (double) stat.timers_bytes / (double) pending,
                   (double) b->bytes / (double) pending,
                   (double) stat.bytes_used / (double) pending);
}


int
main(int argc, char **argv)
{
    uint64_t         i, pending, rate, due;
    onsite_ms_t      now, start;
    static bench_t   b;

    if (argc != 7) {
        (void) fprintf(stderr, "usage: timers STATE_DIR SNAPSHOT PENDING "
                       "SIZE_MB RATE SECONDS\n");
        return 2;
    }

    open_all(&b, argv);
    pending = strtoull(argv[3], NULL, 10);
    rate = strtoull(argv[5], NULL, 10);
    due = rate * strtoull(argv[6], NULL, 10);
    now = now_ms();

    /* in the order in which events come, but for those of half an hour */

    for (i = 0; i < pending; i++) {
        add_visitor(&b, now + ONSITE_HOUR
                        + (onsite_ms_t) (i * 3 * 3600000 / pending)
                        + (onsite_ms_t) (mix(i) % 1800000));
    }

    tell_bytes(&b, pending);
    start = now_ms() + 3 * ONSITE_SECOND;

    for (i = 0; i < due; i++) {
        add_visitor(&b, start + (onsite_ms_t) (i * 1000 / rate));
    }

    (void) printf("%lld\n", (long long) start);
    onsite_store_close(b.store);

    return 0;
}
