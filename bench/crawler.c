/*
 * crawler.c - what it costs to see that a user agent is no crawler's: the
 * automaton has to read all of it.  CPU time, the best of some rounds.
 */

#include "onsite_crawler.h"

#include <stdio.h>
#include <time.h>

#define ROUNDS   20
#define REPEATS  10000


static double
seconds(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);

    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}


/* Nanoseconds of one. */

static double
measure(onsite_str_t agent, bool *found)
{
    size_t  i, k;
    double  start, took, best = 1e9;

    for (i = 0; i < ROUNDS; i++) {
        start = seconds();

        for (k = 0; k < REPEATS; k++) {
            __asm__ volatile ("" : "+r" (agent.data));
            *found = onsite_crawler(agent);
        }

        took = (seconds() - start) * 1e9 / REPEATS;
        best = took < best ? took : best;
    }

    return best;
}


int
main(void)
{
    bool          found = false;
    size_t        i, n;
    onsite_str_t  agent;

    static const char *const  agents[] = {
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, "
        "like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) "
        "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 "
        "Safari/604.1",
        "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) AppleWebKit/537.36 "
        "(KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile "
        "Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 "
        "Firefox/127.0",
        "Mozilla/5.0 (compatible; Googlebot/2.1; "
        "+http://www.google.com/bot.html)",
    };

    n = sizeof(agents) / sizeof(agents[0]);

    for (i = 0; i < n; i++) {
        agent = onsite_str(agents[i], strlen(agents[i]));
        printf("%4zu bytes  %6.0f ns", agent.len, measure(agent, &found));
        printf("  %s  %.40s...\n", found ? "yes" : "no ", agent.data);
    }

    return found ? 0 : 1;
}
