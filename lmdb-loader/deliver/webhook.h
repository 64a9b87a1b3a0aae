/*
 * webhook.h - what a receiver of deliveries gets, and how it knows whom it is
 * from: the Standard Webhooks specification (www.standardwebhooks.com).
 */

#ifndef WEBHOOK_H
#define WEBHOOK_H

#include "onsite_outbox.h"

#include <sys/socket.h>

#define WEBHOOK_SECRET_MIN   24     /* bytes, as the specification says    */
#define WEBHOOK_SECRET_MAX   64
#define WEBHOOK_SECRETS_MAX  8
#define WEBHOOK_ID           32     /* characters of a delivery's id       */

typedef struct {
    uint8_t  bytes[WEBHOOK_SECRET_MAX];
    size_t   len;
} webhook_secret_t;

/* "whsec_" and base64, white space around it aside.  INVALID, with error. */
onsite_status_t webhook_secret_read(onsite_str_t text,
    webhook_secret_t *secret, onsite_error_t *error);

/* Appends "v1,SIGNATURE" for each of the secrets, a blank between them. */
void webhook_sign(const webhook_secret_t *secrets, size_t n, const char *id,
    int64_t timestamp, onsite_str_t body, onsite_buf_t *out);

/* The id of a delivery as text. */
void webhook_id(const onsite_outbox_entry_t *entry,
    char id[WEBHOOK_ID + 1]);

/* Appends the body in its envelope; the same bytes however often. */
void webhook_write(onsite_buf_t *out, const onsite_outbox_entry_t *entry);

/* Whether an address is of this machine or its network, or of no single
 * machine: not one of the Internet at large.  What is neither IPv4 nor IPv6 is
 * private. */
bool webhook_is_private(const struct sockaddr *address);

#endif
