/*
 * onsite_file.h - what the C library leaves to do with files.
 */

#ifndef ONSITE_FILE_H
#define ONSITE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* All of it, however often write() takes less; false: errno says why. */
bool onsite_write_all(int fd, const void *data, size_t size);

#endif
