/*
 * notify.c - what systemd is told of a service.
 */

#include "notify.h"

#include "sidecar.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int                 sock = -1;
static struct sockaddr_un  address = { .sun_family = AF_UNIX };
static socklen_t           address_size;
static onsite_ms_t         every;       /* signs of life; 0: none is wanted */
static onsite_ms_t         next;


static void
read_watchdog(void)
{
    const char  *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

    if (usec != NULL && (pid == NULL || atol(pid) == (long) getpid())) {
        every = strtoll(usec, NULL, 10) / 1000 / 2;
    }

    (void) unsetenv("WATCHDOG_USEC");
    (void) unsetenv("WATCHDOG_PID");
}


/* "@" is a name that is no file. */

static void
read_socket(void)
{
    size_t       len;
    const char  *path = getenv("NOTIFY_SOCKET");

    if (path == NULL || (*path != '/' && *path != '@')
        || strlen(path) >= sizeof(address.sun_path))
    {
        return;
    }

    len = strlen(path);
    memcpy(address.sun_path, path, len);
    address_size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len
                                + (*path == '/'));

    if (*path == '@') {
        address.sun_path[0] = '\0';
    }

    sock = socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
}


void
notify_init(void)
{
    read_socket();
    read_watchdog();
    (void) unsetenv("NOTIFY_SOCKET");
}


void
notify(const char *format, ...)
{
    char     text[1024];
    va_list  args;

    if (sock < 0) {
        return;
    }

    va_start(args, format);
    (void) vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    (void) sendto(sock, text, strlen(text), MSG_NOSIGNAL,
                  (const struct sockaddr *) &address, address_size);
}


void
notify_alive(void)
{
    if (every > 0 && sidecar_clock() >= next) {
        next = sidecar_clock() + every;
        notify("WATCHDOG=1");
    }
}


void
notify_reloading(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    notify("RELOADING=1\nMONOTONIC_USEC=%lld",
           (long long) now.tv_sec * 1000000 + now.tv_nsec / 1000);
}
