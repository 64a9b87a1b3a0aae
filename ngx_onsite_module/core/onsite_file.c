/*
 * onsite_file.c - what the C library leaves to do with files.
 */

#include "onsite_file.h"

#include <errno.h>
#include <unistd.h>


bool
onsite_write_all(int fd, const void *data, size_t size)
{
    ssize_t      n;
    const char  *p = data;

    while (size != 0) {
        n = write(fd, p, size);

        if (n < 0 && errno != EINTR) {
            return false;
        }

        if (n > 0) {
            p += n;
            size -= (size_t) n;
        }
    }

    return true;
}
