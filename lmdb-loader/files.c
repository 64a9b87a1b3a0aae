/*
 * files.c - files that are there as a whole or not at all.
 */

#include "files.h"

#include "onsite_file.h"

#include <openssl/evp.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE  (1 << 18)


void
files_folder_of(const char *path, char folder[PATH_MAX])
{
    char  *slash;

    (void) snprintf(folder, PATH_MAX, "%s", path);
    slash = strrchr(folder, '/');

    if (slash == NULL) {
        (void) snprintf(folder, PATH_MAX, ".");

    } else {
        slash[slash == folder] = '\0';
    }
}


bool
files_sync_folder(const char *path)
{
    int   fd;
    bool  done;
    char  folder[PATH_MAX];

    files_folder_of(path, folder);
    fd = open(folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (fd < 0) {
        return false;
    }

    /* there are file systems whose folders cannot be synced */
    done = fsync(fd) == 0 || errno == EINVAL;
    (void) close(fd);

    return done;
}


static bool
make(const char *path, onsite_str_t bytes, mode_t mode)
{
    int   fd, failure;
    bool  done;

    fd = open(path, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, mode);
    if (fd < 0) {
        return false;
    }

    done = onsite_write_all(fd, bytes.data, bytes.len) && fsync(fd) == 0;
    failure = errno;
    done = close(fd) == 0 && done;

    if (!done) {
        (void) unlink(path);
        errno = failure;
    }

    return done;
}


static onsite_status_t
cannot_write(const char *path, onsite_error_t *error)
{
    return onsite_error(error, ONSITE_IO, "%s: cannot be written: %s", path,
                        strerror(errno));
}


onsite_status_t
files_write(const char *path, onsite_str_t bytes, mode_t mode, bool replace,
    onsite_error_t *error)
{
    char  making[PATH_MAX];

    if (!replace) {
        if (make(path, bytes, mode)) {
            (void) files_sync_folder(path);
            return ONSITE_OK;
        }

        return errno == EEXIST
               ? onsite_error(error, ONSITE_INVALID, "%s is there already",
                              path)
               : cannot_write(path, error);
    }

    if (snprintf(making, sizeof(making), "%s.new-%ld", path, (long) getpid())
        >= (int) sizeof(making))
    {
        errno = ENAMETOOLONG;
        return cannot_write(path, error);
    }

    (void) unlink(making);

    if (!make(making, bytes, mode)) {
        return cannot_write(path, error);
    }

    if (rename(making, path) != 0) {
        (void) cannot_write(path, error);
        (void) unlink(making);
        return ONSITE_IO;
    }

    (void) files_sync_folder(path);

    return ONSITE_OK;
}


static onsite_status_t
cannot_open(const char *path, onsite_error_t *error)
{
    return onsite_error(error,
                        errno == ENOENT ? ONSITE_NOT_FOUND : ONSITE_IO,
                        "%s: cannot be opened: %s", path, strerror(errno));
}


onsite_status_t
files_read(const char *path, size_t max, onsite_buf_t *out,
    onsite_error_t *error)
{
    bool   failed;
    char  *room;
    FILE  *file;

    file = fopen(path, "rbe");
    if (file == NULL) {
        return cannot_open(path, error);
    }

    onsite_buf_clear(out);
    room = onsite_buf_reserve(out, max + 1);

    if (room != NULL) {
        out->len = fread(room, 1, max + 1, file);
    }

    failed = room == NULL || ferror(file);
    (void) fclose(file);

    if (failed) {
        return onsite_error(error, ONSITE_IO, "%s: cannot be read: %s", path,
                            strerror(errno));
    }

    return out->len <= max ? ONSITE_OK
           : onsite_error(error, ONSITE_LIMIT, "%s: has more than %zu bytes",
                          path, max);
}


static bool
digest(int fd, EVP_MD_CTX *ctx, uint64_t *size)
{
    char     *piece;
    ssize_t   n;

    piece = malloc(PIECE);
    if (piece == NULL) {
        return false;
    }

    *size = 0;

    while ((n = read(fd, piece, PIECE)) != 0) {
        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n < 0 || EVP_DigestUpdate(ctx, piece, (size_t) n) != 1) {
            break;
        }

        *size += (uint64_t) n;
    }

    free(piece);

    return n == 0;
}


onsite_status_t
files_sha256(const char *path, char hex[FILES_SHA256 + 1], uint64_t *size,
    onsite_error_t *error)
{
    int             i, fd;
    bool            done;
    unsigned char   sum[EVP_MAX_MD_SIZE];
    EVP_MD_CTX     *ctx;

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd < 0) {
        return cannot_open(path, error);
    }

    ctx = EVP_MD_CTX_new();
    done = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1
           && digest(fd, ctx, size)
           && EVP_DigestFinal_ex(ctx, sum, NULL) == 1;

    if (!done) {
        (void) onsite_error(error, ONSITE_IO, "%s: cannot be read: %s", path,
                            strerror(errno));
    }

    EVP_MD_CTX_free(ctx);
    (void) close(fd);

    for (i = 0; done && i < FILES_SHA256 / 2; i++) {
        (void) sprintf(hex + 2 * i, "%02x", sum[i]);
    }

    return done ? ONSITE_OK : ONSITE_IO;
}


onsite_status_t
files_make_folder(const char *purpose, char folder[FILES_FOLDER_MAX],
    onsite_error_t *error)
{
    const char  *parent = getenv("TMPDIR");

    if (parent == NULL || *parent == '\0') {
        parent = "/tmp";
    }

    if (snprintf(folder, FILES_FOLDER_MAX, "%s/onsite-%s-XXXXXX", parent,
                 purpose) < FILES_FOLDER_MAX && mkdtemp(folder) != NULL)
    {
        return ONSITE_OK;
    }

    return onsite_error(error, ONSITE_IO, "%s: no folder for temporary files "
                        "can be made there: %s (TMPDIR names another place)",
                        parent, strerror(errno));
}


static onsite_status_t
say_who(int fd, const char *does, onsite_error_t *error)
{
    char     text[32];
    ssize_t  n;

    n = pread(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';

    /* whoever could not write there left the number of one that has ended */

    if (kill((pid_t) atol(text), 0) != 0 && errno == ESRCH) {
        text[0] = '\0';
    }

    return onsite_error(error, ONSITE_INVALID, "process %s %s already",
                        *text != '\0' ? text : "(unknown)", does);
}


/* What root makes is the folder's owner's, who is to lock it later; only a
 * file that was not there before, since the owner may have put another one in
 * its place. */

static int
make_lock(const char *path)
{
    int          fd;
    char         folder[PATH_MAX];
    struct stat  st;

    fd = open(path, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0644);

    if (fd >= 0 && geteuid() == 0) {
        files_folder_of(path, folder);

        if (stat(folder, &st) == 0) {
            (void) !fchown(fd, st.st_uid, st.st_gid);
        }
    }

    return fd;
}


/* To lock another user's file it need not be written. */

int
files_open_lock(const char *path)
{
    int  fd;

    fd = open(path, O_RDWR|O_NOFOLLOW|O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        fd = make_lock(path);

        if (fd < 0 && errno == EEXIST) {        /* of another process, now */
            fd = open(path, O_RDWR|O_NOFOLLOW|O_CLOEXEC);
        }
    }

    if (fd < 0 && errno == EACCES) {
        fd = open(path, O_RDONLY|O_NOFOLLOW|O_CLOEXEC);
        errno = fd < 0 ? EACCES : 0;
    }

    return fd;
}


onsite_status_t
files_lock(const char *path, const char *does, int *fd, onsite_error_t *error)
{
    int              n;
    char             text[32];
    onsite_status_t  status;

    *fd = files_open_lock(path);

    if (*fd < 0) {
        return onsite_error(error,
                            errno == ENOENT ? ONSITE_NOT_FOUND : ONSITE_IO,
                            "%s: cannot be opened: %s%s", path,
                            strerror(errno),
                            errno == EACCES ? ": run this as the user whom "
                            "its folder belongs to, and chown the file to "
                            "that user if it is another's" : "");
    }

    if (flock(*fd, LOCK_EX|LOCK_NB) != 0) {
        status = say_who(*fd, does, error);
        (void) close(*fd);
        *fd = -1;
        return status;
    }

    n = snprintf(text, sizeof(text), "%ld\n", (long) getpid());

    /* for people only: the lock is what counts; another user's file keeps
     * what it has */
    if (ftruncate(*fd, 0) == 0) {
        (void) !pwrite(*fd, text, (size_t) n, 0);
    }

    return ONSITE_OK;
}


bool
files_is_sha256(onsite_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (!((text.data[i] >= '0' && text.data[i] <= '9')
              || (text.data[i] >= 'a' && text.data[i] <= 'f')))
        {
            return false;
        }
    }

    return text.len == FILES_SHA256;
}
