/*
 * io_fails.c - a disk that fails, and a process that dies, at one step of
 * what it does to files; as a preloaded library.
 *
 * ONSITE_IO_FAILS is "N b", "N a" or "N e": before step N or after it the
 * process dies, or step N fails with ENOSPC.  Steps are the calls below that
 * change something, counted from 1.  Where ONSITE_IO_COUNT names a file, their
 * number is written there at the end.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long  steps;
static long  at;
static char  how;

static void  init(void) __attribute__((constructor));
static void  done(void) __attribute__((destructor));


static void
init(void)
{
    const char  *text = getenv("ONSITE_IO_FAILS");

    if (text != NULL && sscanf(text, "%ld %c", &at, &how) != 2) {
        at = 0;
    }
}


static void
done(void)
{
    FILE        *file;
    const char  *path = getenv("ONSITE_IO_COUNT");

    at = 0;

    if (path != NULL) {
        file = fopen(path, "w");

        if (file != NULL) {
            (void) fprintf(file, "%ld\n", steps);
            (void) fclose(file);
        }
    }
}


/* Whether this step is the one that fails. */

static int
fails(void)
{
    steps++;

    if (steps == at && how == 'b') {
        (void) raise(SIGKILL);
    }

    if (steps == at && how == 'e') {
        errno = ENOSPC;
        return 1;
    }

    return 0;
}


static void
after(void)
{
    int  saved = errno;

    if (steps == at && how == 'a') {
        (void) raise(SIGKILL);
    }

    errno = saved;
}


#define REAL(name)  ((__typeof__(&name)) (void *) dlsym(RTLD_NEXT, #name))

#define STEP(type, name, failure, parameters, arguments)                      \
    type                                                                      \
    name parameters                                                           \
    {                                                                         \
        type  rc;                                                             \
                                                                              \
        if (fails()) {                                                        \
            return failure;                                                   \
        }                                                                     \
                                                                              \
        rc = REAL(name) arguments;                                            \
        after();                                                              \
                                                                              \
        return rc;                                                            \
    }


STEP(int, rename, -1, (const char *from, const char *to), (from, to))
STEP(int, link, -1, (const char *from, const char *to), (from, to))
STEP(int, unlink, -1, (const char *path), (path))
STEP(int, mkdir, -1, (const char *path, mode_t mode), (path, mode))
STEP(int, fsync, -1, (int fd), (fd))
STEP(int, posix_fallocate, ENOSPC, (int fd, off_t at_byte, off_t size),
     (fd, at_byte, size))


/* Half of it is written where it fails or the process dies in it. */

ssize_t
write(int fd, const void *data, size_t size)
{
    ssize_t  n;

    if (fd <= STDERR_FILENO) {
        return REAL(write)(fd, data, size);
    }

    if (steps + 1 == at && how != 'a') {
        (void) !REAL(write)(fd, data, size / 2);
    }

    if (fails()) {
        return -1;
    }

    n = REAL(write)(fd, data, size);
    after();

    return n;
}


int
open(const char *path, int flags, ...)
{
    int      fd;
    mode_t   mode = 0;
    va_list  args;

    if ((flags & O_CREAT) == 0) {
        return REAL(open)(path, flags);
    }

    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);

    if (fails()) {
        return -1;
    }

    fd = REAL(open)(path, flags, mode);
    after();

    return fd;
}
