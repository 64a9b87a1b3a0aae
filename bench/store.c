/*
 * store.c - visitor state alone: read-modify-write transactions a second and
 * bytes of file a visitor, with N resident visitors.
 *
 *   bench-store [visitors] [size in MB] [directory]
 *
 * Records are what the codec writes for a typical visitor.  All in one
 * process and on random visitors, so this is what one worker can do at most:
 * a second is one of processor time, which other processes do not stretch.
 */

#include "onsite_outbox.h"
#include "onsite_store.h"
#include "onsite_visitor_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NOW    ((onsite_ms_t) 1700000000000)
#define CALLS  300000

static bool    with_event;
static char    record[ONSITE_RECORD_BYTES_MAX];
static size_t  record_size;


static double
seconds(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static uint64_t
scatter(uint64_t n)
{
    n = (n + 1) * 0x9e3779b97f4a7c15u;
    n = (n ^ (n >> 29)) * 0xbf58476d1ce4e5b9u;

    return n ^ (n >> 32);
}


static onsite_key_t
key_of(uint64_t n)
{
    uint64_t      half;
    onsite_key_t  key;

    half = scatter(n);
    memcpy(key.bytes, &half, 8);
    half = scatter(half);
    memcpy(key.bytes + 8, &half, 8);

    return key;
}


static void
check(onsite_status_t status, const onsite_error_t *error)
{
    if (status != ONSITE_OK) {
        (void) fprintf(stderr, "bench-store: %s: %s\n",
                       onsite_status_text(status), error->text);
        exit(1);
    }
}


static void
make_record(void)
{
    size_t            i;
    onsite_visitor_t  v;

    static const onsite_str_t  events[] = {
        ONSITE_STR("Page Viewed"), ONSITE_STR("Product Viewed"),
        ONSITE_STR("Product Added"), ONSITE_STR("Promotion Viewed")
    };

    onsite_visitor_init(&v);
    v.first_seen = NOW - 20 * ONSITE_DAY;
    v.last_seen = NOW;
    v.visits = 3;
    v.session.start = NOW - ONSITE_MINUTE;
    v.session.last = NOW;
    v.session.pageviews = 4;
    v.session.events = 9;

    for (i = 0; i < 4; i++) {
        v.counters[v.n_counters++] = (onsite_counter_t) {
            events[i], 20 + (uint32_t) i, 2
        };
    }

    v.cart[v.n_cart++] = (onsite_cart_line_t) {
        ONSITE_STR("1004856"), 1, 130.76
    };
    v.exposures[v.n_exposures++] = (onsite_exposure_t) {
        .campaign = 12345, .total = 1, .window = 1, .last = NOW, .session = 3
    };

    record_size = onsite_visitor_encode(&v, record, sizeof(record));
}


/* What an event of some 170 bytes is, as far as the store looks at it. */

static void
add_event(onsite_txn_t *txn, const onsite_key_t *key, onsite_error_t *error)
{
    char      entry[170] = "\x9f\x01\x00\xc4\x10";
    uint64_t  lost;

    memcpy(entry + 5, key, sizeof(*key));
    check(onsite_txn_event_add(txn, onsite_str(entry, sizeof(entry)), &lost),
          error);
}


/* per: visitors in a transaction */

static double
run(onsite_store_t *store, uint64_t visitors, uint64_t calls, unsigned per,
    bool in_order)
{
    double           start;
    uint64_t         i;
    unsigned         j;
    onsite_str_t     old;
    onsite_key_t     key;
    onsite_txn_t    *txn;
    onsite_error_t   error;

    start = seconds();

    for (i = 0; i < calls; i += per) {
        check(onsite_txn_begin(store, 0, &txn, &error), &error);

        for (j = 0; j < per; j++) {
            key = key_of(in_order ? i + j : scatter(i + j) % visitors);
            (void) onsite_txn_get(txn, &key, NOW, &old);
            check(onsite_txn_put(txn, &key, onsite_str(record, record_size),
                                 NOW), &error);

            if (with_event) {
                add_event(txn, &key, &error);
            }

            check(onsite_txn_renew(txn, &error), &error);
        }

        check(onsite_txn_commit(txn, &error), &error);
    }

    return (double) calls / (seconds() - start);
}


static double
run_reads(onsite_store_t *store, uint64_t visitors, uint64_t calls)
{
    char          out[ONSITE_RECORD_BYTES_MAX];
    size_t        size;
    double        start;
    uint64_t      i;
    onsite_key_t  key;

    start = seconds();

    for (i = 0; i < calls; i++) {
        key = key_of(scatter(i) % visitors);
        (void) onsite_store_get(store, &key, NOW, out, sizeof(out), &size);
    }

    return (double) calls / (seconds() - start);
}


static void
report(onsite_store_t *store, const char *what, double rate)
{
    onsite_store_stat_t  stat;

    check(onsite_store_stat(store, &stat), &(onsite_error_t) { "stat" });

    (void) printf("%-34s %9.0f /s   %8lu visitors  %4.0f bytes each\n", what,
                  rate, (unsigned long) stat.visitors,
                  (double) stat.bytes_used / (double) stat.visitors);
}


int
main(int argc, char **argv)
{
    uint64_t                 visitors;
    onsite_error_t           error;
    onsite_store_t          *store;
    onsite_store_options_t   options;

    visitors = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;

    options = (onsite_store_options_t) {
        .path = argc > 3 ? argv[3] : "/dev/shm/onsite-bench-store",
        .size = (argc > 2 ? strtoull(argv[2], NULL, 10) : 512) << 20,
        .shards = 1, .ttl = 90 * ONSITE_DAY
    };

    make_record();
    (void) printf("records of %zu bytes\n", record_size);

    check(onsite_store_open(&options, NOW, &store, &error), &error);

    report(store, "filled, one a transaction",
           run(store, visitors, visitors, 1, true));
    report(store, "read-modify-write",
           run(store, visitors, CALLS, 1, false));
    report(store, "read-modify-write, 50 together",
           run(store, visitors, CALLS, 50, false));
    with_event = true;
    report(store, "and an event behind it",
           run(store, visitors, CALLS, 1, false));
    report(store, "the same, 50 together",
           run(store, visitors, CALLS, 50, false));
    report(store, "read only", run_reads(store, visitors, CALLS));

    onsite_store_close(store);

    return 0;
}
