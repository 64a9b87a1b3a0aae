/*
 * files.h - files that are there as a whole or not at all.
 */

#ifndef FILES_H
#define FILES_H

#include "onsite_buf.h"

#include <limits.h>
#include <sys/types.h>

#define FILES_SHA256  64            /* hex digits, lower-case              */

/* Writes beside path, syncs, renames over it and syncs the folder.  INVALID:
 * it is there and is not to be replaced.  IO otherwise. */
onsite_status_t files_write(const char *path, onsite_str_t bytes, mode_t mode,
    bool replace, onsite_error_t *error);

/* All of a file, at most max bytes; LIMIT: it has more. */
onsite_status_t files_read(const char *path, size_t max, onsite_buf_t *out,
    onsite_error_t *error);

/* Of the whole file. */
onsite_status_t files_sha256(const char *path, char hex[FILES_SHA256 + 1],
    uint64_t *size, onsite_error_t *error);

/* A new folder of one's own where temporary files go: $TMPDIR, or /tmp. */
#define FILES_FOLDER_MAX  (PATH_MAX - 64)
onsite_status_t files_make_folder(const char *purpose,
    char folder[FILES_FOLDER_MAX], onsite_error_t *error);

/* Of a file; "." where path names none. */
void files_folder_of(const char *path, char folder[PATH_MAX]);

/* A rename in the folder of path outlives a power cut. */
bool files_sync_folder(const char *path);

/* The lock file of who does something alone ("drains /state"), until *fd is
 * closed; its number is in the file.  INVALID: another process has it.  What
 * root makes belongs to the folder's owner; a file of another user is locked
 * as it is. */
onsite_status_t files_lock(const char *path, const char *does, int *fd,
    onsite_error_t *error);

/* Such a file, not locked yet; -1: errno tells why. */
int files_open_lock(const char *path);

bool files_is_sha256(onsite_str_t text);

#endif
