/*
 * remote_file.c - a store that is a folder.
 *
 * Objects are written beside their place, synced and renamed there, and so is
 * what leads to them; a reader never sees half of one.
 */

#include "remote_private.h"

#include "onsite_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LEFT_SECONDS  3600


static onsite_status_t
path_of(const remote_t *remote, const char *name, char path[PATH_MAX],
    onsite_error_t *error)
{
    if (snprintf(path, PATH_MAX, "%s/%s", remote->folder, name) >= PATH_MAX) {
        return onsite_error(error, ONSITE_INVALID, "%s/%s: the path is too "
                            "long", remote->folder, name);
    }

    return ONSITE_OK;
}


static onsite_status_t
failed(const char *path, const char *what, onsite_error_t *error)
{
    return onsite_error(error, errno == ENOENT ? ONSITE_NOT_FOUND : ONSITE_IO,
                        "%s: %s%s%s", path, what, *what != '\0' ? ": " : "",
                        strerror(errno));
}


/* Opens an object to read it; *fd is -1 where that fails. */

static onsite_status_t
open_object(const remote_t *remote, const char *name, char path[PATH_MAX],
    struct stat *st, int *fd, onsite_error_t *error)
{
    onsite_status_t  status;

    *fd = -1;

    status = path_of(remote, name, path, error);
    if (status != ONSITE_OK) {
        return status;
    }

    *fd = open(path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (*fd < 0 && errno == ENOENT && access(remote->folder, F_OK) != 0) {
        status = onsite_error(error, ONSITE_IO, "%s: %s: make it, or is it "
                              "not mounted?", remote->folder,
                              strerror(ENOENT));

    } else if (*fd < 0 || fstat(*fd, st) != 0) {
        status = failed(path, "", error);

    } else if (!S_ISREG(st->st_mode)) {
        status = onsite_error(error, ONSITE_IO, "%s: is no file", path);
    }

    if (status != ONSITE_OK && *fd >= 0) {
        (void) close(*fd);
        *fd = -1;
    }

    return status;
}


static void
write_etag(char etag[REMOTE_ETAG_MAX], const struct stat *st)
{
    (void) snprintf(etag, REMOTE_ETAG_MAX, "\"%llx-%llx-%llx.%lx\"",
                    (unsigned long long) st->st_ino,
                    (unsigned long long) st->st_size,
                    (unsigned long long) st->st_mtim.tv_sec,
                    (unsigned long) st->st_mtim.tv_nsec);
}


static onsite_status_t
read_body(int fd, const char *path, remote_get_t *get, onsite_error_t *error)
{
    char     piece[4096];
    ssize_t  n;

    for ( ;; ) {
        n = read(fd, piece, sizeof(piece));

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n < 0) {
            return failed(path, "", error);
        }

        if (n == 0) {
            break;
        }

        if (get->body->len + (size_t) n > get->max) {
            return onsite_error(error, ONSITE_LIMIT, "%s: has more than %zu "
                                "bytes", path, get->max);
        }

        onsite_buf_append(get->body, piece, (size_t) n);
    }

    return get->body->failed ? onsite_error(error, ONSITE_NO_MEMORY,
                                            "out of memory")
                             : ONSITE_OK;
}


static onsite_status_t
file_get(remote_t *remote, const char *name, remote_get_t *get,
    onsite_error_t *error)
{
    int              fd;
    char             path[PATH_MAX], etag[REMOTE_ETAG_MAX];
    struct stat      st;
    onsite_status_t  status;

    status = open_object(remote, name, path, &st, &fd, error);
    if (status != ONSITE_OK) {
        return status;
    }

    write_etag(etag, &st);
    get->unchanged = strcmp(etag, get->etag) == 0;

    if (!get->unchanged) {
        status = read_body(fd, path, get, error);
    }

    (void) close(fd);

    if (status == ONSITE_OK) {
        (void) strcpy(get->etag, etag);
    }

    return status;
}


/* All of in, after what out has; stops at max bytes. */

static bool
copy_bytes(const remote_t *remote, int in, int out, bar_t *bar,
    uint64_t *bytes)
{
    bool      good = true;
    char     *piece = malloc(REMOTE_PIECE);
    ssize_t   n = 0;

    *bytes = 0;

    while (piece != NULL && good) {
        n = read(in, piece, REMOTE_PIECE);

        if (n == 0) {
            break;
        }

        if (remote_stopped(remote)) {
            errno = EINTR;
            good = false;

        } else if (n > 0) {
            good = onsite_write_all(out, piece, (size_t) n);
            *bytes += (uint64_t) n;

        } else {
            good = errno == EINTR;
        }

        if (bar != NULL) {
            bar_set(bar, *bytes);
        }
    }

    free(piece);

    return piece != NULL && good;
}


static onsite_status_t
fetch_from(const remote_t *remote, int in, const char *from,
    remote_fetch_t *fetch, onsite_error_t *error)
{
    int              out;
    onsite_status_t  status = ONSITE_OK;

    out = open(fetch->path, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0644);

    if (out < 0
        || !copy_bytes(remote, in, out, fetch->bar, &fetch->received))
    {
        status = onsite_error(error, ONSITE_IO, "%s: cannot be copied to %s: "
                              "%s", from, fetch->path, strerror(errno));

    } else if (fetch->received != fetch->size) {
        status = onsite_error(error, ONSITE_INVALID, "%s: has %llu bytes "
                              "instead of %llu", from,
                              (unsigned long long) fetch->received,
                              (unsigned long long) fetch->size);
    }

    if (out >= 0) {
        (void) close(out);
    }

    if (status != ONSITE_OK) {
        (void) unlink(fetch->path);
    }

    return status;
}


/* Without the resuming: what is local comes as fast as it is read again. */

static onsite_status_t
file_fetch(remote_t *remote, const char *name, remote_fetch_t *fetch,
    onsite_error_t *error)
{
    int              in;
    char             path[PATH_MAX], mark[PATH_MAX];
    struct stat      st;
    onsite_status_t  status;

    status = open_object(remote, name, path, &st, &in, error);
    if (status != ONSITE_OK) {
        return status;
    }

    if (snprintf(mark, sizeof(mark), "%s.etag", fetch->path)
        < (int) sizeof(mark))
    {
        (void) unlink(mark);
    }

    if ((uint64_t) st.st_size != fetch->size) {
        (void) unlink(fetch->path);
        status = onsite_error(error, ONSITE_INVALID, "%s: has %llu bytes "
                              "instead of %llu", path,
                              (unsigned long long) st.st_size,
                              (unsigned long long) fetch->size);
    } else {
        status = fetch_from(remote, in, path, fetch, error);
    }

    (void) close(in);

    return status;
}


static bool
sync_folder(const char *path)
{
    int   fd;
    bool  good;

    fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (fd < 0) {
        return false;
    }

    good = fsync(fd) == 0;
    (void) close(fd);

    return good;
}


/* Makes the folders between the store and an object; what is new is synced.
 * The store itself has to be there: it may be a mount that is missing. */

static onsite_status_t
make_folders(char *path, size_t store, onsite_error_t *error)
{
    char             *slash;
    onsite_status_t   status = ONSITE_OK;

    for (slash = strchr(path + store + 1, '/');
         slash != NULL && status == ONSITE_OK;
         slash = strchr(slash + 1, '/'))
    {
        *slash = '\0';

        if (mkdir(path, 0755) != 0 && errno != EEXIST) {
            status = onsite_error(error, ONSITE_IO, "%s: cannot be made: %s",
                                  path, strerror(errno));
        }

        *slash = '/';
    }

    return status;
}


static bool
sync_folders(char *path, size_t store)
{
    bool   good = true;
    char  *slash, *end = path + strlen(path);

    while (good && end > path + store) {
        slash = end - 1;

        while (*slash != '/') {
            slash--;
        }

        *slash = '\0';
        good = sync_folder(slash == path ? "/" : path);
        *slash = '/';
        end = slash;
    }

    return good;
}


static bool
write_new(const remote_t *remote, const remote_put_t *put, int out)
{
    int       in;
    bool      good;
    uint64_t  bytes;

    if (put->path == NULL) {
        return onsite_write_all(out, put->bytes.data, put->bytes.len)
               && fsync(out) == 0;
    }

    in = open(put->path, O_RDONLY|O_CLOEXEC);
    if (in < 0) {
        return false;
    }

    good = copy_bytes(remote, in, out, put->bar, &bytes) && fsync(out) == 0;
    (void) close(in);

    return good;
}


/* "OBJECT.new-PID" of a process of this machine that was killed.  Where others
 * write into the same folder, their processes are not ours: it has not grown
 * for an hour. */

static bool
is_left(const char *path)
{
    char         *end;
    long          pid;
    const char   *dot = strrchr(path, '.');
    struct stat   st;

    if (dot == NULL || strncmp(dot, ".new-", 5) != 0) {
        return false;
    }

    pid = strtol(dot + 5, &end, 10);

    return end != dot + 5 && *end == '\0' && pid > 0
           && kill((pid_t) pid, 0) != 0 && errno == ESRCH
           && lstat(path, &st) == 0 && S_ISREG(st.st_mode)
           && time(NULL) - st.st_mtime > LEFT_SECONDS;
}


/* In the folder of path. */

static void
remove_left(const char *path)
{
    int             len = (int) (strrchr(path, '/') - path);
    DIR            *dir;
    char            left[PATH_MAX];
    struct dirent  *entry;

    (void) snprintf(left, sizeof(left), "%.*s", len, path);
    dir = opendir(left);
    if (dir == NULL) {
        return;
    }

    while ((entry = readdir(dir)) != NULL) {
        if (snprintf(left, sizeof(left), "%.*s/%s", len, path, entry->d_name)
            < (int) sizeof(left) && is_left(left))
        {
            (void) unlink(left);
        }
    }

    (void) closedir(dir);
}


static onsite_status_t
file_put(remote_t *remote, const char *name, const remote_put_t *put,
    onsite_error_t *error)
{
    int              out;
    char             path[PATH_MAX], new[PATH_MAX];
    size_t           store = strlen(remote->folder);
    onsite_status_t  status;

    status = path_of(remote, name, path, error);

    if (status == ONSITE_OK) {
        status = make_folders(path, store, error);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    if (snprintf(new, sizeof(new), "%s.new-%ld", path, (long) getpid())
        >= (int) sizeof(new))
    {
        return onsite_error(error, ONSITE_INVALID, "%s: the path is too long",
                            path);
    }

    remove_left(path);
    out = open(new, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0644);

    if (out < 0 || !write_new(remote, put, out) || rename(new, path) != 0
        || !sync_folders(path, store))
    {
        status = onsite_error(error, ONSITE_IO, "%s: cannot be written: %s",
                              path, strerror(errno));
    }

    if (out >= 0) {
        (void) close(out);
    }

    if (status != ONSITE_OK) {
        (void) unlink(new);
    }

    return status;
}


static onsite_status_t
file_exists(remote_t *remote, const char *name, uint64_t *size,
    onsite_error_t *error)
{
    int              fd;
    char             path[PATH_MAX];
    struct stat      st;
    onsite_status_t  status;

    status = open_object(remote, name, path, &st, &fd, error);

    if (status == ONSITE_OK) {
        *size = (uint64_t) st.st_size;
        (void) close(fd);
    }

    return status;
}


static void
file_close(remote_t *remote)
{
    (void) remote;
}


static const remote_kind_t  file_kind = {
    file_get, file_fetch, file_put, file_exists, file_close
};


onsite_status_t
remote_file_open(remote_t *remote, const char *path, onsite_error_t *error)
{
    size_t       n;
    struct stat  st;

    /* one that is not there may be a mount that comes later */
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
        return onsite_error(error, ONSITE_IO, "%s: is no folder", path);
    }

    (void) strcpy(remote->url, path);

    for (n = strlen(path); n > 1 && path[n - 1] == '/'; n--) {
        remote->url[n - 1] = '\0';
    }

    remote->folder = remote->url;
    remote->kind = &file_kind;

    return ONSITE_OK;
}
