/*
 * drain_file.c - events into files, NDJSON, each whole or not there.
 *
 * A file is written beside its name, synced and renamed, and then its events
 * are deleted.  Before it is renamed each shard notes its name: so a process
 * that is killed between the two leaves behind whether there was a file, and
 * the next one deletes, or writes again, but never both.
 */

#include "drain.h"
#include "loader.h"

#include "onsite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define WRITE_BYTES  (256 * 1024)
#define ZSTD_LEVEL   3
#define IDLE_MS      100

typedef struct {
    drain_sink_t   sink;
    const char    *to;                          /* as it was given         */
    char           folder[ONSITE_NOTE_MAX - 96];
    char           path[ONSITE_NOTE_MAX];       /* of the file, when whole */
    char           part[ONSITE_NOTE_MAX + 8];
    int            fd;                          /* -1: no file is open     */
    onsite_buf_t   pending;                     /* not written yet         */
    ZSTD_CCtx     *zstd;                        /* NULL: plain             */
    char           packed[WRITE_BYTES];
} file_sink_t;


/* The folder is named, not the file: that has another name each time, and what
 * is told once has to be the same. */

static onsite_status_t
failed(const file_sink_t *file, const char *what, onsite_error_t *error)
{
    return onsite_error(error, ONSITE_IO, "%s: cannot %s: %s", file->folder,
                        what, strerror(errno));
}


static onsite_status_t
write_all(file_sink_t *file, const char *data, size_t len,
    onsite_error_t *error)
{
    return onsite_write_all(file->fd, data, len)
           ? ONSITE_OK : failed(file, "write a file there", error);
}


static onsite_status_t
write_packed(file_sink_t *file, onsite_str_t bytes, ZSTD_EndDirective end,
    onsite_error_t *error)
{
    size_t           left;
    ZSTD_inBuffer    in = { bytes.data, bytes.len, 0 };
    ZSTD_outBuffer   out;
    onsite_status_t  status;

    do {
        out = (ZSTD_outBuffer) { file->packed, sizeof(file->packed), 0 };
        left = ZSTD_compressStream2(file->zstd, &out, &in, end);

        if (ZSTD_isError(left)) {
            return onsite_error(error, ONSITE_IO, "%s: %s", file->folder,
                                ZSTD_getErrorName(left));
        }

        status = write_all(file, file->packed, out.pos, error);

    } while (status == ONSITE_OK
             && (end == ZSTD_e_end ? left != 0 : in.pos != in.size));

    return status;
}


static onsite_status_t
flush(file_sink_t *file, bool end, onsite_error_t *error)
{
    onsite_str_t     bytes = { file->pending.len, file->pending.data };
    onsite_status_t  status;

    if (file->pending.failed) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    status = file->zstd == NULL
             ? write_all(file, bytes.data, bytes.len, error)
             : write_packed(file, bytes, end ? ZSTD_e_end : ZSTD_e_continue,
                            error);

    onsite_buf_clear(&file->pending);

    return status;
}


static onsite_status_t
sync_folder(const file_sink_t *file, onsite_error_t *error)
{
    int  fd, rc;

    fd = open(file->folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    rc = fd < 0 ? -1 : fsync(fd);

    if (rc != 0) {
        (void) failed(file, "sync", error);
    }

    if (fd >= 0) {
        (void) close(fd);
    }

    return rc == 0 ? ONSITE_OK : ONSITE_IO;
}


/* Named by the first number in it, and when it was begun; shard 0 notes that,
 * so that what a killed process leaves of it is found. */

static onsite_status_t
open_file(file_sink_t *file, drain_t *drain, onsite_error_t *error)
{
    uint32_t         i = 0;
    uint64_t         seq;
    onsite_status_t  status;

    while (drain->shards[i].given == 0) {
        i++;
    }

    seq = drain->shards[i].given;

    (void) snprintf(file->path, sizeof(file->path),
                    "%s/events-%llu-%lld.ndjson%s", file->folder,
                    (unsigned long long) seq, (long long) loader_now(),
                    file->zstd != NULL ? ".zst" : "");
    (void) snprintf(file->part, sizeof(file->part), "%s" DRAIN_PART,
                    file->path);

    status = drain_note_file(drain, 0, 0, file->path, error);
    if (status != ONSITE_OK) {
        return status;
    }

    file->fd = open(file->part, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0640);

    return file->fd >= 0
           ? ONSITE_OK : failed(file, "create a file there", error);
}


static onsite_status_t
file_give(drain_sink_t *sink, drain_t *drain, const drain_event_t *event,
    onsite_error_t *error)
{
    file_sink_t      *file = (file_sink_t *) sink;
    onsite_status_t   status;

    if (file->fd < 0) {
        status = open_file(file, drain, error);
        if (status != ONSITE_OK) {
            return status;
        }
    }

    onsite_buf_str(&file->pending, event->line);

    return file->pending.len < WRITE_BYTES && !file->pending.failed
           ? ONSITE_OK : flush(file, false, error);
}


/* Each shard that is in it notes the file. */

static onsite_status_t
note(const file_sink_t *file, drain_t *drain, onsite_error_t *error)
{
    uint32_t         i;
    onsite_status_t  status = ONSITE_OK;

    for (i = 0; i < onsite_store_shards(drain->store)
                && status == ONSITE_OK; i++)
    {
        if (drain->shards[i].given != 0) {
            status = drain_note_file(drain, i, drain->shards[i].given,
                                     file->path, error);
        }
    }

    return status;
}


static onsite_status_t
file_settle(drain_sink_t *sink, drain_t *drain, onsite_error_t *error)
{
    int               rc;
    file_sink_t      *file = (file_sink_t *) sink;
    onsite_status_t   status;

    if (file->fd < 0) {
        return ONSITE_OK;           /* nothing of it could be read */
    }

    status = flush(file, true, error);

    if (status == ONSITE_OK && fsync(file->fd) != 0) {
        status = failed(file, "sync a file there", error);
    }

    if (status == ONSITE_OK) {
        status = note(file, drain, error);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    rc = close(file->fd);
    file->fd = -1;

    if (rc != 0 || rename(file->part, file->path) != 0) {
        status = failed(file, "rename a file there", error);
        (void) unlink(file->part);
        return status;
    }

    return sync_folder(file, error);
}


static void
file_drop(drain_sink_t *sink)
{
    file_sink_t  *file = (file_sink_t *) sink;

    if (file->fd >= 0) {
        (void) close(file->fd);
        (void) unlink(file->part);
        file->fd = -1;
    }

    onsite_buf_clear(&file->pending);

    if (file->zstd != NULL) {
        (void) ZSTD_CCtx_reset(file->zstd, ZSTD_reset_session_only);
    }
}


/* Notes outlive the process, so they have the whole path. */

static onsite_status_t
find_folder(file_sink_t *file, onsite_error_t *error)
{
    char         *path;
    struct stat   st;

    path = realpath(file->to, NULL);

    if (path == NULL || stat(path, &st) != 0) {
        free(path);
        return onsite_error(error, ONSITE_IO, "--to: %s: %s%s", file->to,
                            strerror(errno), errno == ENOENT
                            ? ": make the folder" : "");
    }

    if (!S_ISDIR(st.st_mode)) {
        free(path);
        return onsite_error(error, ONSITE_IO, "--to: %s: is no folder",
                            file->to);
    }

    if (snprintf(file->folder, sizeof(file->folder), "%s", path)
        >= (int) sizeof(file->folder))
    {
        free(path);
        return onsite_error(error, ONSITE_IO, "--to: %s: the path is too "
                            "long", file->to);
    }

    free(path);

    return access(file->folder, W_OK|X_OK) == 0
           ? ONSITE_OK : failed(file, "write there", error);
}


static onsite_status_t
file_start(drain_sink_t *sink, drain_t *drain, onsite_error_t *error)
{
    onsite_status_t  status;

    status = find_folder((file_sink_t *) sink, error);

    return status == ONSITE_OK ? drain_note_end_all(drain, error) : status;
}


static void
file_close(drain_sink_t *sink)
{
    file_sink_t  *file = (file_sink_t *) sink;

    file_drop(sink);
    onsite_buf_free(&file->pending);
    (void) ZSTD_freeCCtx(file->zstd);
    free(file);
}


/* Who drains may wait for a folder, as for a disk that comes later. */

static bool
lacks_folder(file_sink_t *file)
{
    onsite_error_t  error;

    if (!loader_checking_places() || find_folder(file, &error) == ONSITE_OK) {
        return false;
    }

    loader_complain("%s", error.text);

    return true;
}


drain_sink_t *
drain_file(const drain_file_options_t *options)
{
    file_sink_t  *file;
    struct stat   st;

    /* one that is not there may still come */

    if (stat(options->folder, &st) == 0 && !S_ISDIR(st.st_mode)) {
        loader_complain("--to: %s: is no folder: file: puts files into one",
                        options->folder);
        return NULL;
    }

    file = calloc(1, sizeof(file_sink_t));

    if (file == NULL) {
        loader_complain("out of memory");
        return NULL;
    }

    file->fd = -1;
    onsite_buf_init(&file->pending, 0);

    file->sink = (drain_sink_t) {
        .start = file_start, .give = file_give, .settle = file_settle,
        .drop = file_drop, .close = file_close,
        .settle_bytes = options->bytes, .settle_time = options->time,
        .idle = IDLE_MS
    };

    file->to = options->folder;

    if (options->zstd) {
        file->zstd = ZSTD_createCCtx();

        if (file->zstd != NULL) {
            (void) ZSTD_CCtx_setParameter(file->zstd,
                                          ZSTD_c_compressionLevel,
                                          ZSTD_LEVEL);
            (void) ZSTD_CCtx_setParameter(file->zstd, ZSTD_c_checksumFlag, 1);
        }
    }

    if (options->zstd && file->zstd == NULL) {
        loader_complain("out of memory");
        file_close(&file->sink);
        return NULL;
    }

    if (lacks_folder(file)) {
        file_close(&file->sink);
        return NULL;
    }

    return &file->sink;
}
