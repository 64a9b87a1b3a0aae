/*
 * tables.c - slow data: look-ups among all profiles of a snapshot.
 *
 *   bench-tables FILE [profiles]
 *
 * Customers are customer-0 ... in random order.  A look-up is all that a
 * decision pays: the hash of the id, the search, and one value out of the
 * record.  Each is timed by itself; what reading the clock costs is measured
 * first and taken off.
 */

#include "onsite_snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CALLS  1000000

static uint32_t  times[CALLS];


static uint64_t
now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}


static uint64_t
scatter(uint64_t n)
{
    n = (n + 1) * 0x9e3779b97f4a7c15u;
    n = (n ^ (n >> 29)) * 0xbf58476d1ce4e5b9u;

    return n ^ (n >> 32);
}


static int
compare(const void *a, const void *b)
{
    const uint32_t  *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}


static void
report(const char *what, double clock)
{
    size_t  i;
    double  sum = 0;

    qsort(times, CALLS, sizeof(*times), compare);

    for (i = 0; i < CALLS; i++) {
        sum += times[i];
    }

    (void) printf("%-34s median %5.2f us   p99 %5.2f us   p99.9 %5.2f us   "
                  "mean %5.2f us\n", what, (times[CALLS / 2] - clock) / 1000,
                  (times[CALLS / 100 * 99] - clock) / 1000,
                  (times[CALLS / 1000 * 999] - clock) / 1000,
                  (sum / CALLS - clock) / 1000);
}


static double
clock_cost(void)
{
    size_t    i;
    uint64_t  start;

    for (i = 0; i < CALLS; i++) {
        start = now();
        times[i] = (uint32_t) (now() - start);
    }

    qsort(times, CALLS, sizeof(*times), compare);

    return times[CALLS / 2];
}


/* Returns how many were found; member: read from the record, too. */

static size_t
look_up(const onsite_tables_t *tables, onsite_arena_t *arena,
    uint64_t profiles, uint64_t from, const onsite_str_t *member)
{
    char          id[32];
    size_t        i, found = 0;
    uint64_t      start;
    onsite_str_t  user, record;

    for (i = 0; i < CALLS; i++) {
        user = onsite_str(id, (size_t) snprintf(id, sizeof(id), "customer-%lu",
                              (unsigned long) (from
                                               + scatter(i) % profiles)));
        start = now();

        if (tables->profile(tables->data, user, &record)) {
            found += member == NULL
                     || onsite_record_value(arena, record, member, 1).type
                        != ONSITE_ABSENT;
        }

        times[i] = (uint32_t) (now() - start);
        onsite_arena_reset(arena);
    }

    return found;
}


int
main(int argc, char **argv)
{
    double                     clock;
    size_t                     found;
    uint64_t                   start, profiles;
    onsite_error_t             error = { "" };
    onsite_arena_t            *arena = onsite_arena_create(65536, 1 << 20);
    onsite_snapshot_t         *snapshot;
    onsite_snapshot_tables_t   t;
    const onsite_str_t         member = ONSITE_STR("tier");

    profiles = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    start = now();

    if (argc < 2 || onsite_snapshot_open(argv[1], &snapshot, &error)
                    != ONSITE_OK)
    {
        (void) fprintf(stderr, "bench-tables: %s\n", error.text);
        return 1;
    }

    (void) printf("%lu profiles, %.0f MB; opened and verified in %.0f ms\n",
                  (unsigned long) onsite_snapshot_info(snapshot)->profiles,
                  (double) onsite_snapshot_info(snapshot)->bytes / 1e6,
                  (double) (now() - start) / 1e6);
    (void) onsite_snapshot_tables(snapshot, ONSITE_STR("default"), &t);
    clock = clock_cost();

    /* as after some traffic: the pages are there */

    (void) look_up(&t.tables, arena, profiles, 0, NULL);

    found = look_up(&t.tables, arena, profiles, 0, NULL);
    report("look-up", clock);
    found += look_up(&t.tables, arena, profiles, 0, &member);
    report("look-up and one value", clock);
    found += look_up(&t.tables, arena, profiles, profiles, NULL);
    report("look-up of nobody", clock);

    onsite_snapshot_close(snapshot);
    onsite_arena_destroy(arena);

    return found == 2 * CALLS ? 0 : 1;
}
