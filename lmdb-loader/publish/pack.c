/*
 * pack.c - snapshots as zstd frames.
 *
 * A patch is compressed in one piece over the mapped files, and everything is
 * unpacked in one piece into the mapped file that it becomes: neither side
 * needs the format's window besides (hundreds of MB), and no frame can write
 * more than the size that was announced.
 */

#include "pack.h"

#include "onsite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#define WHOLE_LEVEL  9
#define PATCH_LEVEL  3
#define PIECE        (1 << 20)
#define WORKERS_MAX  8
#define WINDOW_MIN   10             /* bits; the format's bounds on 64-bit  */
#define WINDOW_MAX   31             /* machines                            */

typedef struct {
    const char  *path;
    int          fd;
    char        *data;
    size_t       size;
} mapped_t;


static onsite_status_t
failed(const char *path, const char *what, onsite_error_t *error)
{
    return onsite_error(error, ONSITE_IO, "%s: cannot be %s: %s", path, what,
                        strerror(errno));
}


static onsite_status_t
no_memory(onsite_error_t *error)
{
    return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
}


static void
unmap(mapped_t *file)
{
    if (file->data != NULL) {
        (void) munmap(file->data, file->size);
        file->data = NULL;
    }

    if (file->fd >= 0) {
        (void) close(file->fd);
        file->fd = -1;
    }
}


static onsite_status_t
map_input(const char *path, mapped_t *file, onsite_error_t *error)
{
    void         *data;
    struct stat   st;

    *file = (mapped_t) { .path = path, .fd = -1 };

    file->fd = open(path, O_RDONLY|O_CLOEXEC);
    if (file->fd < 0 || fstat(file->fd, &st) != 0) {
        return failed(path, "read", error);
    }

    if (!S_ISREG(st.st_mode) || st.st_size == 0) {
        return onsite_error(error, ONSITE_CORRUPT, "%s: %s", path,
                            S_ISREG(st.st_mode) ? "is empty" : "is no file");
    }

    data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_SHARED, file->fd,
                0);
    if (data == MAP_FAILED) {
        return failed(path, "mapped", error);
    }

    file->data = data;
    file->size = (size_t) st.st_size;

    return ONSITE_OK;
}


/* Room is taken first: a full disk behind a mapping is SIGBUS. */

static onsite_status_t
map_output(const char *path, uint64_t size, mapped_t *file,
    onsite_error_t *error)
{
    void  *data;

    *file = (mapped_t) { .path = path, .fd = -1 };

    file->fd = open(path, O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC, 0644);
    if (file->fd < 0) {
        return failed(path, "written", error);
    }

    errno = posix_fallocate(file->fd, 0, (off_t) size);
    if (errno != 0) {
        return failed(path, "written", error);
    }

    data = mmap(NULL, (size_t) size, PROT_READ|PROT_WRITE, MAP_SHARED,
                file->fd, 0);
    if (data == MAP_FAILED) {
        return failed(path, "mapped", error);
    }

    file->data = data;
    file->size = (size_t) size;

    return ONSITE_OK;
}


/* The whole */

static onsite_status_t
write_frame(ZSTD_CCtx *context, const mapped_t *from, int fd, const char *to,
    bar_t *bar, uint64_t *size, onsite_error_t *error)
{
    size_t           left;
    char            *piece;
    ZSTD_inBuffer    in = { from->data, 0, 0 };
    ZSTD_outBuffer   out = { NULL, PIECE, 0 };
    onsite_status_t  status = ONSITE_OK;

    piece = malloc(PIECE);
    if (piece == NULL) {
        return no_memory(error);
    }

    out.dst = piece;
    left = 1;

    while (status == ONSITE_OK && (in.pos < from->size || left != 0)) {
        if (in.pos == in.size) {
            in.size = from->size - in.pos > PIECE ? in.pos + PIECE
                                                  : from->size;
        }

        out.pos = 0;
        left = ZSTD_compressStream2(context, &out, &in,
                                    in.size == from->size ? ZSTD_e_end
                                                          : ZSTD_e_continue);
        if (ZSTD_isError(left)) {
            status = onsite_error(error, ONSITE_NO_MEMORY, "%s: zstd: %s", to,
                                  ZSTD_getErrorName(left));

        } else if (!onsite_write_all(fd, piece, out.pos)) {
            status = failed(to, "written", error);

        } else {
            *size += out.pos;
        }

        if (bar != NULL) {
            bar_set(bar, in.pos);
        }
    }

    free(piece);

    return status;
}


static bool
set_up(ZSTD_CCtx *context, int level, const mapped_t *from)
{
    return !ZSTD_isError(ZSTD_CCtx_setParameter(context,
                             ZSTD_c_compressionLevel, level))
           && !ZSTD_isError(ZSTD_CCtx_setParameter(context,
                                ZSTD_c_checksumFlag, 1))
           && !ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(context, from->size));
}


/* All processors, as nothing is live before it is done.  A libzstd without
 * threads uses one. */

static void
set_workers(ZSTD_CCtx *context)
{
    long  n = sysconf(_SC_NPROCESSORS_ONLN);

    n = n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : n;
    (void) ZSTD_CCtx_setParameter(context, ZSTD_c_nbWorkers, (int) n);
}


static onsite_status_t
pack_mapped(const mapped_t *from, const char *to, bar_t *bar, uint64_t *size,
    onsite_error_t *error)
{
    int               fd;
    ZSTD_CCtx        *context;
    onsite_status_t   status;

    context = ZSTD_createCCtx();
    if (context == NULL || !set_up(context, WHOLE_LEVEL, from)) {
        (void) ZSTD_freeCCtx(context);
        return no_memory(error);
    }

    set_workers(context);
    fd = open(to, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0644);

    if (fd < 0) {
        status = failed(to, "written", error);

    } else {
        status = write_frame(context, from, fd, to, bar, size, error);

        if (status == ONSITE_OK && fsync(fd) != 0) {
            status = failed(to, "written", error);
        }

        (void) close(fd);

        if (status != ONSITE_OK) {
            (void) unlink(to);
        }
    }

    (void) ZSTD_freeCCtx(context);

    return status;
}


onsite_status_t
pack_whole(const char *from, const char *to, bar_t *bar, uint64_t *size,
    onsite_error_t *error)
{
    mapped_t         input;
    onsite_status_t  status;

    *size = 0;

    status = map_input(from, &input, error);

    if (status == ONSITE_OK) {
        status = pack_mapped(&input, to, bar, size, error);
    }

    unmap(&input);

    return status;
}


/* Patches */

/* The smallest window that reaches from every byte of the new file to all of
 * the old one. */

static int
window_of(uint64_t old, uint64_t new)
{
    int  bits = WINDOW_MIN;

    while (bits < WINDOW_MAX && ((uint64_t) 1 << bits) < old + new) {
        bits++;
    }

    return bits;
}


static bool
set_up_patch(ZSTD_CCtx *context, const mapped_t *old, const mapped_t *new)
{
    return set_up(context, PATCH_LEVEL, new)
           && !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog,
                                window_of(old->size, new->size)))
           && !ZSTD_isError(ZSTD_CCtx_setParameter(context,
                                ZSTD_c_enableLongDistanceMatching, 1))
           && !ZSTD_isError(ZSTD_CCtx_refPrefix(context, old->data,
                                                old->size));
}


/* max bytes of memory are only touched as far as the patch goes. */

static onsite_status_t
compare(const mapped_t *old, const mapped_t *new, void *patch, size_t max,
    size_t *size, onsite_error_t *error)
{
    ZSTD_CCtx        *context;
    onsite_status_t   status = ONSITE_OK;

    context = ZSTD_createCCtx();

    if (context == NULL || !set_up_patch(context, old, new)) {
        (void) ZSTD_freeCCtx(context);
        return no_memory(error);
    }

    *size = ZSTD_compress2(context, patch, max, new->data, new->size);

    if (ZSTD_isError(*size)) {
        status = ZSTD_getErrorCode(*size) == ZSTD_error_dstSize_tooSmall
                 ? onsite_error(error, ONSITE_LIMIT, "%s: a patch from %s "
                                "would have more than %zu bytes", new->path,
                                old->path, max)
                 : onsite_error(error, ONSITE_NO_MEMORY, "%s: zstd: %s",
                                new->path, ZSTD_getErrorName(*size));
    }

    (void) ZSTD_freeCCtx(context);

    return status;
}


static onsite_status_t
write_patch(const char *to, const void *patch, size_t size,
    onsite_error_t *error)
{
    int              fd;
    onsite_status_t  status = ONSITE_OK;

    fd = open(to, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0644);
    if (fd < 0) {
        return failed(to, "written", error);
    }

    if (!onsite_write_all(fd, patch, size) || fsync(fd) != 0) {
        status = failed(to, "written", error);
        (void) unlink(to);
    }

    (void) close(fd);

    return status;
}


static onsite_status_t
patch_mapped(const mapped_t *old, const mapped_t *new, const char *to,
    uint64_t max, uint64_t *size, onsite_error_t *error)
{
    void             *patch;
    size_t            bound, made = 0;
    onsite_status_t   status;

    if (old->size > PACK_PATCH_MAX || new->size > PACK_PATCH_MAX) {
        return onsite_error(error, ONSITE_LIMIT, "%s: patches are made up to "
                            "1 GB", old->size > PACK_PATCH_MAX ? old->path
                                                               : new->path);
    }

    bound = ZSTD_compressBound(new->size);

    if (max < bound) {
        bound = (size_t) max;
    }

    patch = mmap(NULL, bound + 1, PROT_READ|PROT_WRITE,
                 MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);
    if (patch == MAP_FAILED) {
        return no_memory(error);
    }

    status = compare(old, new, patch, bound, &made, error);

    if (status == ONSITE_OK) {
        status = write_patch(to, patch, made, error);
        *size = made;
    }

    (void) munmap(patch, bound + 1);

    return status;
}


onsite_status_t
pack_patch(const char *old, const char *new, const char *to, uint64_t max,
    uint64_t *size, onsite_error_t *error)
{
    mapped_t         from, input;
    onsite_status_t  status;

    *size = 0;

    status = map_input(old, &from, error);
    if (status != ONSITE_OK) {
        unmap(&from);
        return status;
    }

    status = map_input(new, &input, error);

    if (status == ONSITE_OK) {
        status = patch_mapped(&from, &input, to, max, size, error);
    }

    unmap(&input);
    unmap(&from);

    return status;
}


/* Unpacking */

static onsite_status_t
unpack(const mapped_t *from, const mapped_t *old, const mapped_t *to,
    onsite_error_t *error)
{
    size_t            n;
    ZSTD_DCtx        *context;
    onsite_status_t   status = ONSITE_OK;

    context = ZSTD_createDCtx();

    if (context == NULL
        || (old != NULL
            && ZSTD_isError(ZSTD_DCtx_refPrefix(context, old->data,
                                                old->size))))
    {
        (void) ZSTD_freeDCtx(context);
        return no_memory(error);
    }

    n = ZSTD_decompressDCtx(context, to->data, to->size, from->data,
                            from->size);

    if (ZSTD_isError(n)) {
        status = ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall
                 ? onsite_error(error, ONSITE_CORRUPT, "%s: unpacks to more "
                                "than %zu bytes", from->path, to->size)
                 : onsite_error(error, ONSITE_CORRUPT, "%s: cannot be "
                                "unpacked: %s", from->path,
                                ZSTD_getErrorName(n));

    } else if (n != to->size) {
        status = onsite_error(error, ONSITE_CORRUPT, "%s: unpacks to %zu "
                              "bytes instead of %zu", from->path, n,
                              to->size);

    } else if (msync(to->data, to->size, MS_SYNC) != 0 || fsync(to->fd) != 0) {
        status = failed(to->path, "written", error);
    }

    (void) ZSTD_freeDCtx(context);

    return status;
}


/* Before anything is written: what the frame says of itself. */

static onsite_status_t
check_frame(const mapped_t *from, uint64_t size, onsite_error_t *error)
{
    unsigned long long  says;

    says = ZSTD_getFrameContentSize(from->data, from->size);

    if (says == ZSTD_CONTENTSIZE_ERROR) {
        return onsite_error(error, ONSITE_CORRUPT, "%s: is not zstd",
                            from->path);
    }

    if (says == ZSTD_CONTENTSIZE_UNKNOWN) {
        return onsite_error(error, ONSITE_CORRUPT, "%s: does not say what it "
                            "unpacks to", from->path);
    }

    if (says != size) {
        return onsite_error(error, ONSITE_CORRUPT, "%s: says that it unpacks "
                            "to %llu bytes instead of %llu", from->path, says,
                            (unsigned long long) size);
    }

    return ONSITE_OK;
}


static onsite_status_t
open_mapped(const mapped_t *from, const mapped_t *old, const char *to,
    uint64_t size, onsite_error_t *error)
{
    mapped_t         output;
    onsite_status_t  status;

    status = check_frame(from, size, error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = map_output(to, size, &output, error);

    if (status == ONSITE_OK) {
        status = unpack(from, old, &output, error);
    }

    if (status != ONSITE_OK && output.fd >= 0) {
        (void) unlink(to);
    }

    unmap(&output);

    return status;
}


onsite_status_t
pack_open(const char *from, const char *old, const char *to, uint64_t size,
    onsite_error_t *error)
{
    mapped_t         input, base = { .fd = -1 };
    onsite_status_t  status;

    status = map_input(from, &input, error);

    if (status == ONSITE_OK && old != NULL) {
        status = map_input(old, &base, error);
    }

    if (status == ONSITE_OK) {
        status = open_mapped(&input, old != NULL ? &base : NULL, to, size,
                             error);
    }

    unmap(&base);
    unmap(&input);

    return status;
}
