/*
 * nats_url.h - lists of NATS servers, as people give them.
 */

#ifndef NATS_URL_H
#define NATS_URL_H

#include "onsite_types.h"

#define NATS_SERVERS_MAX  16
#define NATS_URL_MAX      1024          /* of the whole list               */
#define NATS_SECRET_MAX   512           /* a user, a password or a token   */

typedef struct {
    char    servers[NATS_SERVERS_MAX][300];     /* without user            */
    size_t  n;
    char    told[2 * NATS_URL_MAX];             /* all of them             */
    bool    tls;
    char    user[NATS_SECRET_MAX];              /* or the token            */
    char    password[NATS_SECRET_MAX];
    bool    has_user;
    bool    is_token;
} nats_url_t;

/* INVALID; the text of error has no secrets. */
onsite_status_t nats_url_read(nats_url_t *url, const char *text,
    onsite_error_t *error);

#endif
