/*
 * stop.c - SIGINT and SIGTERM end a command at its next good moment.
 */

#include "stop.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <sys/select.h>
#include <time.h>

volatile sig_atomic_t  loader_stopping;

static pthread_t  sleeper;


/* A library's thread passes it on to the one that may sleep. */

static void
stop(int signal_number)
{
    loader_stopping = 1;

    if (!pthread_equal(pthread_self(), sleeper)) {
        (void) pthread_kill(sleeper, signal_number);
    }
}


void
loader_catch_signals(void)
{
    struct sigaction  ending = { .sa_handler = stop };
    struct sigaction  ignored = { .sa_handler = SIG_IGN };

    sleeper = pthread_self();
    (void) sigaction(SIGINT, &ending, NULL);
    (void) sigaction(SIGTERM, &ending, NULL);
    (void) sigaction(SIGXFSZ, &ignored, NULL);
    (void) sigaction(SIGPIPE, &ignored, NULL);
}


onsite_ms_t
loader_clock(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    return (onsite_ms_t) now.tv_sec * ONSITE_SECOND + now.tv_nsec / 1000000;
}


/* Signals wait until the sleep itself lets them in, so that none comes between
 * looking and sleeping. */

void
loader_pause(onsite_ms_t ms)
{
    sigset_t         ending, before;
    struct timespec  time = { ms / 1000, ms % 1000 * 1000000 };

    (void) sigemptyset(&ending);
    (void) sigaddset(&ending, SIGINT);
    (void) sigaddset(&ending, SIGTERM);
    (void) sigprocmask(SIG_BLOCK, &ending, &before);

    if (!loader_stopping) {
        (void) pselect(0, NULL, NULL, NULL, &time, &before);
    }

    (void) sigprocmask(SIG_SETMASK, &before, NULL);
}


onsite_ms_t
loader_backoff(unsigned failures, onsite_ms_t most)
{
    uint32_t     random = 0;
    onsite_ms_t  high;

    if (failures == 0) {
        return 0;
    }

    high = failures < 16 ? ONSITE_SECOND << (failures - 1) : most;
    high = high < most ? high : most;
    (void) RAND_bytes((unsigned char *) &random, sizeof(random));

    return 1 + (onsite_ms_t) (random % (uint64_t) high);
}
