/*
 * nats_private.h - a connection to NATS: what its parts share.
 */

#ifndef NATS_PRIVATE_H
#define NATS_PRIVATE_H

#include "nats.h"
#include "nats_url.h"

#include <pthread.h>

struct nats_s {
    nats_url_t       url;
    natsOptions     *options;
    pthread_t        thread;
    bool             started;
    int              event;             /* wakes nats_wait                 */

    /* the caller's */
    natsConnection  *connection;
    jsCtx           *jetstream;

    /* what happened */
    pthread_mutex_t  lock;
    pthread_cond_t   changed;
    natsConnection  *fresh;             /* not the caller's as yet         */
    bool             alive;             /* one that libnats keeps up       */
    bool             up;
    bool             trying;
    bool             ending;
    uint64_t         times;
    char             why[384];          /* not up                          */
};


/* nats.c: what libnats calls */

void nats_came_up(natsConnection *connection, void *data);
void nats_broke_off(natsConnection *connection, void *data);
void nats_was_closed(natsConnection *connection, void *data);
int64_t nats_pause_after(natsConnection *connection, int n, void *data);

/* nats_setup.c: fills nats->options by its url and these. */
onsite_status_t nats_set_up(nats_t *nats, const nats_options_t *options,
    const char *name, onsite_error_t *error);

#endif
