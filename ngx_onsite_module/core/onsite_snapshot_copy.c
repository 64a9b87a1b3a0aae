/*
 * onsite_snapshot_copy.c - a snapshot into a file of our own, verified there.
 *
 * The source is only read, never mapped: whoever cuts or overwrites it in
 * place while we copy gets a refusal, not a fault.
 */

#include "onsite_snapshot_private.h"

#include "onsite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE  (1 << 18)


static bool
copy_bytes(int from, int to)
{
    char     *piece;
    ssize_t   n;

    piece = malloc(PIECE);
    if (piece == NULL) {
        return false;
    }

    while ((n = read(from, piece, PIECE)) > 0) {
        if (!onsite_write_all(to, piece, (size_t) n)) {
            n = -1;
            break;
        }
    }

    free(piece);

    return n == 0 && fsync(to) == 0;
}


static onsite_status_t
copy_file(const char *from, int in, const char *to, onsite_error_t *error)
{
    int              out;
    uint64_t         bytes;
    onsite_status_t  status;

    status = snapshot_check_file(from, in, &bytes, error);

    if (status == ONSITE_OK) {
        out = open(to, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0644);

        if (out < 0 || lseek(in, 0, SEEK_SET) != 0 || !copy_bytes(in, out)) {
            status = onsite_error(error, ONSITE_IO, "snapshot %s: cannot be "
                                  "copied to %s: %s", from, to,
                                  strerror(errno));
        }

        if (out >= 0) {
            (void) close(out);
        }
    }

    return status;
}


static onsite_status_t
copy_open(const char *from, int in, const char *to,
    onsite_snapshot_t **snapshot, onsite_error_t *error)
{
    char             making[PATH_MAX];
    onsite_status_t  status;

    if (snprintf(making, sizeof(making), "%s.new-%ld", to, (long) getpid())
        >= (int) sizeof(making))
    {
        return onsite_error(error, ONSITE_INVALID, "snapshot %s: the name is "
                            "too long", to);
    }

    status = copy_file(from, in, making, error);

    if (status == ONSITE_OK) {
        status = onsite_snapshot_open(making, snapshot, error);
    }

    if (status == ONSITE_OK && rename(making, to) != 0) {
        onsite_snapshot_close(*snapshot);
        status = onsite_error(error, ONSITE_IO, "snapshot %s: cannot be "
                              "renamed to %s: %s", making, to,
                              strerror(errno));
    }

    if (status != ONSITE_OK) {
        (void) unlink(making);

    } else {
        snapshot_sync_directory(to);
    }

    return status;
}


onsite_status_t
onsite_snapshot_copy(const char *from, const char *to,
    onsite_snapshot_t **snapshot, onsite_error_t *error)
{
    int              in;
    onsite_status_t  status;

    in = open(from, O_RDONLY|O_CLOEXEC);
    if (in < 0) {
        return onsite_error(error, ONSITE_IO, "snapshot %s: cannot be opened:"
                            " %s", from, strerror(errno));
    }

    status = copy_open(from, in, to, snapshot, error);
    (void) close(in);

    return status;
}


onsite_status_t
onsite_snapshot_save(const onsite_snapshot_t *open, const char *to,
    onsite_snapshot_t **snapshot, onsite_error_t *error)
{
    int  in;

    if (mdb_env_get_fd(open->env, &in) != 0) {
        return onsite_error(error, ONSITE_IO, "snapshot %s: the one that is "
                            "open cannot be read", to);
    }

    return copy_open(to, in, to, snapshot, error);
}
