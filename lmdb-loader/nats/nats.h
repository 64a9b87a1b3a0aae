/*
 * nats.h - a connection to NATS, which this is the only place to know how to
 * make; what is sent over it, by libnats, is the caller's.
 *
 * Servers are named by a list of URLs, all nats:// or all tls://:
 *     nats://[USER:PASSWORD@|TOKEN@]HOST[:4222][,nats://HOST2[:PORT]…]
 * USER, PASSWORD and TOKEN percent-encoded, where they hold other than letters
 * and digits, and given once.  Certificates are always verified.
 *
 * A connection is made and made again for ever in the background, ever more
 * seldom and at random, so that a server that starts anew is not met by all
 * at once.  Servers that a cluster tells of are tried as well.
 *
 *     status = nats_open(url, &options, "onsite drain", &nats, &error);
 *     …
 *     for each round {
 *         status = nats_ready(nats, 2 * ONSITE_SECOND, &anew, &error);
 *         if (status != ONSITE_OK) { tell once; pause; go on }
 *         if (anew) { subscribe, natsConnection_JetStream(), … }
 *         …
 *     }
 *     nats_close(nats);
 *
 * All functions are for one thread, but nats_wake.  libnats starts threads: no
 * fork after nats_open.
 */

#ifndef LOADER_NATS_H
#define LOADER_NATS_H

#include <nats/nats.h>

#include "onsite_types.h"

/* How long servers have to answer for one another of their API. */
#define NATS_ANSWER  (3 * ONSITE_SECOND)

typedef struct nats_s  nats_t;


/* Options of commands that speak NATS; all may be NULL and outlive nats_t. */

typedef struct {
    const char  *creds;
    const char  *ca;
    const char  *cert;
    const char  *key;
} nats_options_t;

#define NATS_OPTIONS(options)                                                 \
    { "nats-creds", 0, "FILE", "NATS: credentials of a user, as nsc makes "   \
      "them", &(options).creds },                                             \
    { "nats-ca", 0, "FILE", "tls://…: certificates (PEM) to trust beside "    \
      "the system's", &(options).ca },                                        \
    { "nats-cert", 0, "FILE", "tls://…: our own certificate (PEM)",           \
      &(options).cert },                                                      \
    { "nats-key", 0, "FILE", "tls://…: its key", &(options).key }


/*
 * Begins to connect, and returns at once.  INVALID: the URL or an option is
 * not right, which is a usage error; IO: a file cannot be read.  name: what
 * the server's monitoring shows.  Where options are tested only
 * (loader_checking) it does not connect, and is to be closed.
 */
onsite_status_t nats_open(const char *url, const nats_options_t *options,
    const char *name, nats_t **nats, onsite_error_t *error);

/*
 * What was made of its connection is to be destroyed before.  A subscription's
 * handler may still run then: natsSubscription_SetOnCompleteCB tells when what
 * it uses may go.  NULL is nothing.
 */
void nats_close(nats_t *nats);

/* The list without user, password and token. */
const char *nats_url(const nats_t *nats);

/*
 * OK: there is a connection.  IO: there is none, and why; NOT_FOUND: not yet,
 * the first attempt is under way.  An attempt that is under way is waited for,
 * at most as long as said (0: not at all).
 *
 * *anew: nats_connection is another one than after the call before: what was
 * made of the old one (subscriptions, contexts of JetStream) is dead; it is to
 * be destroyed and made again.  Not so where libnats itself took the connection
 * up again: subscriptions go on then.
 */
onsite_status_t nats_ready(nats_t *nats, onsite_ms_t wait, bool *anew,
    onsite_error_t *error);

/* The connection of the last nats_ready that was OK; NULL: there was none. */
natsConnection *nats_connection(const nats_t *nats);

/* A context with defaults, and NATS_ANSWER, of that connection; dies with it.
 * NULL: out of memory. */
jsCtx *nats_jetstream(nats_t *nats);

/* How often a connection was there anew, also by libnats itself: while there
 * was none, messages that nobody keeps were missed. */
uint64_t nats_times(nats_t *nats);

/* Sleeps until a connection came or went, nats_wake was called, the command is
 * to stop, or ms went by. */
void nats_wait(nats_t *nats, onsite_ms_t ms);

/* From any thread, such as that of a subscription's messages. */
void nats_wake(nats_t *nats);


/* OK: the servers have all that was sent over the connection, and nothing
 * against it, such as a subject that is not permitted. */
onsite_status_t nats_flush(nats_t *nats, const char *what,
    onsite_error_t *error);

/*
 * What a call of libnats came to, in the thread that made it: OK, NOT_FOUND
 * (NATS_NOT_FOUND), NO_MEMORY or IO with "URL: WHAT: why: what to do".  code
 * is JetStream's, or 0.
 */
onsite_status_t nats_result(const nats_t *nats, const char *what,
    natsStatus status, jsErrCode code, onsite_error_t *error);

/*
 * A stream is there, or is made as the caller says, with three replicas where
 * servers are a cluster of as many; one that is there stays as it is.
 * NOT_FOUND: the servers, or this account, have no JetStream.
 */
onsite_status_t nats_stream(nats_t *nats, const jsStreamConfig *config,
    onsite_error_t *error);

#endif
