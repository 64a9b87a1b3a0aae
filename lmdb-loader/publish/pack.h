/*
 * pack.h - snapshots on their way: zstd, whole or as a patch (RFC 8878; the
 * format of `zstd` and `zstd --patch-from`).
 *
 * Files are mapped: nothing may shorten them meanwhile.  What is written is
 * synced, and gone where the function fails.
 */

#ifndef PACK_H
#define PACK_H

#include "bar.h"
#include "onsite_types.h"

/* What a patch can be from and to: the format's windows end at 2 GB, and a
 * decoder maps both. */
#define PACK_PATCH_MAX  ((uint64_t) 1 << 30)

/* size: bytes written. */
onsite_status_t pack_whole(const char *from, const char *to, bar_t *bar,
    uint64_t *size, onsite_error_t *error);

/*
 * What turns old into new.  max: bytes from which on it is of no use, such as
 * the size of the whole; LIMIT: it would be larger, or a file is larger than
 * PACK_PATCH_MAX.
 */
onsite_status_t pack_patch(const char *old, const char *new, const char *to,
    uint64_t max, uint64_t *size, onsite_error_t *error);

/*
 * Unpacks from, with old (NULL: it is no patch), into exactly size bytes at
 * to; never writes more.  CORRUPT: it is not that; IO: a file cannot be read,
 * or there is no room.
 */
onsite_status_t pack_open(const char *from, const char *old, const char *to,
    uint64_t size, onsite_error_t *error);

#endif
