/*
 * nats_stream.c - what JetStream keeps.
 */

#include "nats.h"

#include <stdio.h>

#define REPLICAS  3


static bool
is_missing(natsStatus status, jsErrCode code)
{
    return status == NATS_NO_RESPONDERS || code == JSNotEnabledErr
           || code == JSNotEnabledForAccountErr;
}


/* A cluster that is too small, or none. */

static bool
is_too_small(jsErrCode code)
{
    return code == JSStreamReplicasNotSupportedErr
           || code == JSClusterNoPeersErr || code == JSInsufficientResourcesErr;
}


static natsStatus
make(jsCtx *js, const jsStreamConfig *config, jsErrCode *code)
{
    natsStatus      status;
    jsStreamInfo   *info = NULL;
    jsStreamConfig  wanted = *config;

    wanted.Replicas = REPLICAS;
    status = js_AddStream(&info, js, &wanted, NULL, code);

    if (status != NATS_OK && is_too_small(*code)) {
        wanted.Replicas = 1;
        status = js_AddStream(&info, js, &wanted, NULL, code);
    }

    jsStreamInfo_Destroy(info);

    /* somebody else was faster, and wanted another one */
    return *code == JSStreamNameExistErr ? NATS_OK : status;
}


onsite_status_t
nats_stream(nats_t *nats, const jsStreamConfig *config, onsite_error_t *error)
{
    char           what[96];
    jsCtx         *js = nats_jetstream(nats);
    jsErrCode      code = 0;
    natsStatus     status;
    jsStreamInfo  *info = NULL;

    if (js == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    status = js_GetStreamInfo(&info, js, config->Name, NULL, &code);
    jsStreamInfo_Destroy(info);

    if (status == NATS_NOT_FOUND && code == JSStreamNotFoundErr) {
        status = make(js, config, &code);
    }

    if (is_missing(status, code)) {
        return onsite_error(error, ONSITE_NOT_FOUND, "%s: there is no "
                            "JetStream for us: nats-server keeps messages "
                            "with -js, or \"jetstream\" in its configuration",
                            nats_url(nats));
    }

    (void) snprintf(what, sizeof(what), "stream %s", config->Name);
    status = status == NATS_NOT_FOUND ? NATS_ERR : status;

    return nats_result(nats, what, status, code, error);
}
