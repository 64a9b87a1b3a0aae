/*
 * nats_setup.c - what a connection is to be like: who with, as whom, how often.
 */

#include "nats_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_WAIT   (2 * ONSITE_SECOND)      /* for one server          */
#define PING           (15 * ONSITE_SECOND)
#define PINGS_LOST     2


/* What servers say in between, such as that a subject is not permitted, is
 * told where a call fails of it. */

static void
complained(natsConnection *connection, natsSubscription *subscription,
    natsStatus status, void *data)
{
    (void) connection;
    (void) subscription;
    (void) status;
    (void) data;
}


static onsite_status_t
check_file(const char *option, const char *path, onsite_error_t *error)
{
    if (path == NULL || access(path, R_OK) == 0) {
        return ONSITE_OK;
    }

    return onsite_error(error, ONSITE_IO, "--%s: %s: %s", option, path,
                        strerror(errno));
}


static onsite_status_t
check_options(const nats_options_t *given, const nats_url_t *url,
    onsite_error_t *error)
{
    onsite_status_t  status;

    if (!url->tls
        && (given->ca != NULL || given->cert != NULL || given->key != NULL))
    {
        return onsite_error(error, ONSITE_INVALID, "--nats-ca, --nats-cert "
                            "and --nats-key go with tls://…, and %s is not",
                            url->told);
    }

    if ((given->cert == NULL) != (given->key == NULL)) {
        return onsite_error(error, ONSITE_INVALID, "--nats-cert and "
                            "--nats-key go together");
    }

    if (given->creds != NULL && url->has_user) {
        return onsite_error(error, ONSITE_INVALID, "--nats-creds and a user "
                            "in the URL: one of them");
    }

    status = check_file("nats-creds", given->creds, error);

    if (status == ONSITE_OK) {
        status = check_file("nats-ca", given->ca, error);
    }

    if (status == ONSITE_OK) {
        status = check_file("nats-cert", given->cert, error);
    }

    return status == ONSITE_OK ? check_file("nats-key", given->key, error)
                               : status;
}


static natsStatus
set_trust(nats_t *nats, const nats_options_t *given)
{
    natsStatus         status = NATS_OK;
    const nats_url_t  *url = &nats->url;

    if (url->tls) {
        status = natsOptions_SetSecure(nats->options, true);
    }

    if (status == NATS_OK && given->ca != NULL) {
        status = natsOptions_LoadCATrustedCertificates(nats->options,
                                                       given->ca);
    }

    if (status == NATS_OK && given->cert != NULL) {
        status = natsOptions_LoadCertificatesChain(nats->options, given->cert,
                                                   given->key);
    }

    if (status == NATS_OK && given->creds != NULL) {
        status = natsOptions_SetUserCredentialsFromFiles(nats->options,
                                                         given->creds, NULL);
    }

    if (status == NATS_OK && url->has_user) {
        status = url->is_token
                 ? natsOptions_SetToken(nats->options, url->user)
                 : natsOptions_SetUserInfo(nats->options, url->user,
                                           url->password);
    }

    return status;
}


static natsStatus
set_course(nats_t *nats, const char *name)
{
    size_t        i;
    natsOptions  *o = nats->options;
    const char   *servers[NATS_SERVERS_MAX];

    for (i = 0; i < nats->url.n; i++) {
        servers[i] = nats->url.servers[i];
    }

    natsStatus  results[] = {
        natsOptions_SetServers(o, servers, (int) nats->url.n),
        natsOptions_SetName(o, name),
        natsOptions_SetTimeout(o, CONNECT_WAIT),
        natsOptions_SetMaxReconnect(o, -1),
        natsOptions_SetCustomReconnectDelay(o, nats_pause_after, NULL),
        natsOptions_SetPingInterval(o, PING),
        natsOptions_SetMaxPingsOut(o, PINGS_LOST),
        natsOptions_SetFailRequestsOnDisconnect(o, true),
        natsOptions_SetErrorHandler(o, complained, NULL),
        natsOptions_SetReconnectedCB(o, nats_came_up, nats),
        natsOptions_SetDisconnectedCB(o, nats_broke_off, nats),
        natsOptions_SetClosedCB(o, nats_was_closed, nats)
    };

    for (i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (results[i] != NATS_OK) {
            return results[i];
        }
    }

    return NATS_OK;
}


onsite_status_t
nats_set_up(nats_t *nats, const nats_options_t *given, const char *name,
    onsite_error_t *error)
{
    natsStatus       result;
    onsite_status_t  status;

    status = check_options(given, &nats->url, error);
    if (status != ONSITE_OK) {
        return status;
    }

    result = natsOptions_Create(&nats->options);

    if (result == NATS_OK) {
        result = set_course(nats, name);
    }

    if (result == NATS_OK) {
        result = set_trust(nats, given);
    }

    return nats_result(nats, "cannot be set up", result, 0, error);
}
