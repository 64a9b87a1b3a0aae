/*
 * notify.h - what systemd is told of a service (sd_notify(3)).
 *
 * The protocol is a datagram; libsystemd would be a library, and what it
 * depends on, for its sake.
 */

#ifndef NOTIFY_H
#define NOTIFY_H

#include "onsite_types.h"

/* Takes $NOTIFY_SOCKET and $WATCHDOG_USEC out of the environment, so that no
 * other process speaks in its name. */
void notify_init(void);

/* "READY=1", or several lines; nothing where nobody asked for it. */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Where a sign of life is wanted, and it is time for the next one. */
void notify_alive(void);

/* The configuration is read anew, until READY=1 follows. */
void notify_reloading(void);

#endif
