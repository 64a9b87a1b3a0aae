/*
 * run_listen.c - where `run` is asked how it is.
 */

#include "run.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG  64


static int
is_none(const config_t *config)
{
    loader_complain("%s: listen: \"%s\" is no place to listen: it is "
                    "ADDRESS:PORT, as 127.0.0.1:9180 or [::1]:9180, or "
                    "unix:/path", config->path, config->listen);
    return LOADER_USAGE;
}


static int
cannot(const config_t *config)
{
    loader_complain("%s: listen: %s: %s", config->path, config->listen,
                    strerror(errno));
    return LOADER_FAILED;
}


static int
listen_at(const config_t *config, const struct sockaddr *address,
    socklen_t size, int *fd)
{
    int  one = 1;

    *fd = socket(address->sa_family, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK,
                 0);

    if (*fd >= 0) {
        (void) setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));

        if (bind(*fd, address, size) == 0 && listen(*fd, BACKLOG) == 0) {
            return LOADER_OK;
        }

        (void) cannot(config);
        (void) close(*fd);
        *fd = -1;

        return LOADER_FAILED;
    }

    return cannot(config);
}


static bool
is_path(const char *listen)
{
    return strncmp(listen, "unix:", 5) == 0;
}


/* A socket that nobody listens at any more is in the way. */

static void
remove_stale(const struct sockaddr_un *address)
{
    int          fd;
    struct stat  st;

    if (lstat(address->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return;
    }

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0);

    if (fd >= 0) {
        if (connect(fd, (const struct sockaddr *) address, sizeof(*address))
            != 0 && errno == ECONNREFUSED)
        {
            (void) unlink(address->sun_path);
        }

        (void) close(fd);
    }
}


static int
listen_at_path(const config_t *config, const char *path, int *fd)
{
    int                  rc;
    mode_t               mask;
    struct sockaddr_un   address = { .sun_family = AF_UNIX };

    if (*path != '/' || strlen(path) >= sizeof(address.sun_path)) {
        return is_none(config);
    }

    if (fd == NULL) {
        return LOADER_OK;
    }

    (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    remove_stale(&address);
    mask = umask(0117);
    rc = listen_at(config, (const struct sockaddr *) &address,
                   sizeof(address), fd);
    (void) umask(mask);

    return rc;
}


void
run_listen_end(const config_t *config)
{
    if (config->listen != NULL && is_path(config->listen)) {
        (void) unlink(config->listen + 5);
    }
}


/* "[::1]:80" into host and port, in place. */

static bool
split(char *text, const char **host, const char **port)
{
    char  *colon = strrchr(text, ':');

    if (colon == NULL || colon[1] == '\0'
        || colon[1 + strspn(colon + 1, "0123456789")] != '\0')
    {
        return false;
    }

    *colon = '\0';
    *port = colon + 1;

    if (*text == '[' && colon[-1] == ']') {
        colon[-1] = '\0';
        text++;

    } else if (strchr(text, ':') != NULL) {
        return false;
    }

    *host = strcmp(text, "*") == 0 ? NULL : text;

    return *text != '\0';
}


/* True: to be freed. */

static bool
find_address(const char *listen, struct addrinfo **found)
{
    char             text[256];
    const char      *host, *port;
    struct addrinfo  hints = { .ai_socktype = SOCK_STREAM,
                               .ai_flags = AI_PASSIVE|AI_NUMERICHOST
                                           |AI_NUMERICSERV };

    return snprintf(text, sizeof(text), "%s", listen) < (int) sizeof(text)
           && split(text, &host, &port)
           && getaddrinfo(host, port, &hints, found) == 0;
}


static bool
is_of_machine(const struct sockaddr *address)
{
    const struct in6_addr  *six;

    if (address->sa_family == AF_INET) {
        return ntohl(((const struct sockaddr_in *) address)->sin_addr.s_addr)
               >> 24 == IN_LOOPBACKNET;
    }

    six = &((const struct sockaddr_in6 *) address)->sin6_addr;

    return IN6_IS_ADDR_LOOPBACK(six)
           || (IN6_IS_ADDR_V4MAPPED(six)
               && six->s6_addr[12] == IN_LOOPBACKNET);
}


/* Nothing is made, and nobody is kept from listening. */

static bool
is_free(const struct sockaddr *address, socklen_t size)
{
    int   fd, failure, one = 1;
    bool  done;

    fd = socket(address->sa_family, SOCK_STREAM|SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return false;
    }

    (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    done = bind(fd, address, size) == 0;
    failure = errno;
    (void) close(fd);
    errno = failure;

    return done;
}


static bool
is_path_free(const char *path)
{
    int                  fd;
    bool                 answers;
    char                 folder[sizeof(((struct sockaddr_un *) NULL)
                                       ->sun_path)];
    struct stat          st;
    struct sockaddr_un   address = { .sun_family = AF_UNIX };

    (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    (void) snprintf(folder, sizeof(folder), "%.*s",
                    (int) (strrchr(path, '/') - path + 1), path);

    if (lstat(path, &st) != 0) {
        return access(folder, W_OK|X_OK) == 0;
    }

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0);
    answers = fd < 0 || connect(fd, (struct sockaddr *) &address,
                                sizeof(address)) == 0;

    if (fd >= 0) {
        (void) close(fd);
    }

    errno = EADDRINUSE;

    return S_ISSOCK(st.st_mode) && !answers;
}


void
run_listen_try(const config_t *config)
{
    bool              is_good;
    struct addrinfo  *found;

    if (is_path(config->listen)) {
        is_good = is_path_free(config->listen + 5);

    } else if (find_address(config->listen, &found)) {
        is_good = is_free(found->ai_addr, found->ai_addrlen);
        freeaddrinfo(found);

    } else {
        return;
    }

    if (!is_good) {
        loader_complain("%s: warning: listen: %s: %s: the sidecar could not "
                        "listen there now", config->path, config->listen,
                        strerror(errno));
    }
}


int
run_listen(const config_t *config, int *fd)
{
    int               rc = LOADER_OK;
    struct addrinfo  *found;

    if (config->listen == NULL) {
        return LOADER_OK;
    }

    if (is_path(config->listen)) {
        return listen_at_path(config, config->listen + 5, fd);
    }

    if (!find_address(config->listen, &found)) {
        return is_none(config);
    }

    if (fd != NULL) {
        rc = listen_at(config, found->ai_addr, found->ai_addrlen, fd);

    } else if (!is_of_machine(found->ai_addr)) {
        loader_complain("%s: warning: listen: whoever reaches %s over the "
                        "network can read it; 127.0.0.1%s is for this "
                        "machine alone", config->path, config->listen,
                        strrchr(config->listen, ':'));
    }

    freeaddrinfo(found);

    return rc;
}
