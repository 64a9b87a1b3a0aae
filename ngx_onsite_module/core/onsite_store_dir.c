/*
 * onsite_store_dir.c - the state directory and its files.
 *
 * Whoever makes, renames or grows a file holds an exclusive flock on
 * STATE_FILE meanwhile; its text says the format and the number of shards.
 */

#include "onsite_store_private.h"
#include "onsite_lmdb_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOCK_TRIES  16


void
store_log(const onsite_store_options_t *options, int level,
    const char *format, ...)
{
    char     text[512];
    va_list  args;

    if (options->log == NULL) {
        return;
    }

    va_start(args, format);
    (void) vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    options->log(options->log_data, level, text);
}


uint64_t
shard_bytes(const onsite_store_options_t *options)
{
    uint64_t  bytes;

    bytes = options->size / options->shards;

    /* whole pages, for pages of any size that LMDB uses */
    return bytes & ~(uint64_t) 65535;
}


void
shard_file_name(char *name, uint32_t shard, const char *suffix)
{
    (void) snprintf(name, STATE_NAME_MAX, "shard-%03u.mdb%s",
                    (unsigned) shard, suffix);
}


static onsite_status_t
io_error(const state_dir_t *dir, const char *name, const char *doing,
    onsite_error_t *error)
{
    const char  *slash = name[0] ? "/" : "";

    if (errno == EACCES && dir->options->read_only) {
        return onsite_error(error, ONSITE_IO, "state: cannot %s %s%s%s: %s; "
                            "this process runs as user %u: run it as the "
                            "owner of the state or as root",
                            doing, dir->options->path, slash, name,
                            strerror(errno), (unsigned) geteuid());
    }

    if (errno == EACCES || errno == EPERM) {
        return onsite_error(error, ONSITE_IO, "state: cannot %s %s%s%s: %s; "
                            "this process runs as user %u: chown it to that "
                            "user, who also needs search rights above it",
                            doing, dir->options->path, slash, name,
                            strerror(errno), (unsigned) geteuid());
    }

    return onsite_error(error, ONSITE_IO, "state: cannot %s %s%s%s: %s",
                        doing, dir->options->path, slash, name,
                        strerror(errno));
}


/* chown as nginx does for its own paths: root makes, workers use. */

static onsite_status_t
give_to_owner(const state_dir_t *dir, int fd, const char *name,
    onsite_error_t *error)
{
    struct stat  st;

    if (dir->uid == -1 && dir->gid == -1) {
        return ONSITE_OK;
    }

    if (fstat(fd, &st) != 0) {
        return io_error(dir, name, "examine", error);
    }

    if ((dir->uid == -1 || st.st_uid == (uid_t) dir->uid)
        && (dir->gid == -1 || st.st_gid == (gid_t) dir->gid))
    {
        return ONSITE_OK;
    }

    if (fchown(fd, (uid_t) dir->uid, (gid_t) dir->gid) != 0) {
        return io_error(dir, name, "change the owner of", error);
    }

    return ONSITE_OK;
}


/* A directory that some other user made beforehand could be swapped under us:
 * /dev/shm is writable for everyone. */

static onsite_status_t
check_owner(const state_dir_t *dir, onsite_error_t *error)
{
    struct stat  st;

    if (fstat(dir->fd, &st) != 0) {
        return io_error(dir, "", "examine", error);
    }

    if (st.st_uid != 0 && st.st_uid != geteuid()
        && (dir->uid == -1 || st.st_uid != (uid_t) dir->uid)
        && geteuid() != 0)
    {
        return onsite_error(error, ONSITE_INVALID, "state: directory %s "
                            "belongs to user %u, and this process runs as "
                            "%u: chown it, or name another directory",
                            dir->options->path, (unsigned) st.st_uid,
                            (unsigned) geteuid());
    }

    return ONSITE_OK;
}


static onsite_status_t
open_directory(state_dir_t *dir, onsite_error_t *error)
{
    const char  *path = dir->options->path;

    if (path == NULL || path[0] != '/' || strlen(path) >= PATH_MAX) {
        return onsite_error(error, ONSITE_INVALID, "state: \"%s\" is not an "
                            "absolute path", path != NULL ? path : "");
    }

    if (!dir->options->read_only && mkdir(path, 0700) != 0
        && errno != EEXIST)
    {
        return io_error(dir, "", "create directory", error);
    }

    dir->fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (dir->fd == -1) {
        return io_error(dir, "", "open directory", error);
    }

    if (dir->options->read_only) {
        return ONSITE_OK;
    }

    if (check_owner(dir, error) != ONSITE_OK) {
        return ONSITE_INVALID;
    }

    return give_to_owner(dir, dir->fd, "", error);
}


static onsite_status_t
write_state_file(state_dir_t *dir, onsite_error_t *error)
{
    int   len;
    char  text[STATE_NAME_MAX];

    len = snprintf(text, sizeof(text), STATE_TEXT, STATE_FORMAT,
                   (unsigned) dir->options->shards);

    if (pwrite(dir->lock, text, (size_t) len, 0) != len) {
        return io_error(dir, STATE_FILE, "write", error);
    }

    dir->shards = dir->options->shards;

    return give_to_owner(dir, dir->lock, STATE_FILE, error);
}


static onsite_status_t
check_state_text(state_dir_t *dir, const char *text, onsite_error_t *error)
{
    unsigned  format, shards;

    if (strncmp(text, STATE_RESTORED, sizeof(STATE_RESTORED) - 1) == 0) {
        return onsite_error(error, ONSITE_INVALID, "state: a restore of %s "
                            "was broken off: run lmdb-loader restore again, "
                            "or remove the files in it",
                            dir->options->path);
    }

    if (sscanf(text, STATE_READ, &format, &shards) != 2 || shards == 0
        || shards > ONSITE_SHARDS_MAX)
    {
        return onsite_error(error, ONSITE_INVALID, "state: %s/%s is damaged: "
                            "move the directory away, or name another",
                            dir->options->path, STATE_FILE);
    }

    if (format != STATE_FORMAT) {
        return onsite_error(error, ONSITE_VERSION, "state: %s is of format "
                            "%u, this version reads %d: name another "
                            "directory", dir->options->path, format,
                            STATE_FORMAT);
    }

    if (dir->options->shards != shards
        && !(dir->options->read_only && dir->options->shards == 0))
    {
        return onsite_error(error, ONSITE_INVALID, "state: %s was made with "
                            "shards=%u, but shards=%u is asked for: the "
                            "number cannot change, name another directory",
                            dir->options->path, shards,
                            (unsigned) dir->options->shards);
    }

    dir->shards = shards;

    return ONSITE_OK;
}


static onsite_status_t
read_state_file(state_dir_t *dir, onsite_error_t *error)
{
    char             text[STATE_NAME_MAX];
    ssize_t          n;
    onsite_status_t  status;

    n = pread(dir->lock, text, sizeof(text) - 1, 0);
    if (n < 0) {
        return io_error(dir, STATE_FILE, "read", error);
    }

    if (n == 0 && !dir->options->read_only) {
        return write_state_file(dir, error);
    }

    text[n] = '\0';
    status = check_state_text(dir, text, error);

    return status == ONSITE_OK && !dir->options->read_only
           ? give_to_owner(dir, dir->lock, STATE_FILE, error) : status;
}


/* Who waited may have got the lock of a file that was removed meanwhile. */

static bool
is_named(const state_dir_t *dir)
{
    struct stat  mine, named;

    return fstat(dir->lock, &mine) == 0
           && fstatat(dir->fd, STATE_FILE, &named, AT_SYMLINK_NOFOLLOW) == 0
           && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}


static onsite_status_t
wait_for_lock(const state_dir_t *dir, onsite_error_t *error)
{
    int  how;

    how = dir->options->read_only ? LOCK_SH : LOCK_EX;
    how |= dir->options->no_wait ? LOCK_NB : 0;

    while (flock(dir->lock, how) != 0) {
        if (errno == EWOULDBLOCK) {
            return onsite_error(error, ONSITE_LIMIT, "state: another process "
                                "is making or restoring the files in %s",
                                dir->options->path);
        }

        if (errno != EINTR) {
            return io_error(dir, STATE_FILE, "lock", error);
        }
    }

    return ONSITE_OK;
}


static onsite_status_t
open_lock(state_dir_t *dir, onsite_error_t *error)
{
    int  flags;

    flags = dir->options->read_only ? O_RDONLY : O_RDWR|O_CREAT;

    dir->lock = openat(dir->fd, STATE_FILE, flags|O_CLOEXEC|O_NOFOLLOW, 0600);

    if (dir->lock == -1 && errno == ENOENT) {
        return onsite_error(error, ONSITE_NOT_FOUND, "state: %s holds no "
                            "state: is it the directory that onsite_state "
                            "names?", dir->options->path);
    }

    if (dir->lock == -1) {
        return io_error(dir, STATE_FILE, "open", error);
    }

    return wait_for_lock(dir, error);
}


static onsite_status_t
lock_directory(state_dir_t *dir, onsite_error_t *error)
{
    unsigned         i;
    onsite_status_t  status;

    for (i = 0; i < LOCK_TRIES; i++) {
        status = open_lock(dir, error);

        if (status != ONSITE_OK) {
            return status;
        }

        if (is_named(dir)) {
            return read_state_file(dir, error);
        }

        (void) close(dir->lock);
        dir->lock = -1;
    }

    return onsite_error(error, ONSITE_IO, "state: the files in %s are being "
                        "removed", dir->options->path);
}


onsite_status_t
state_dir_open(state_dir_t *dir, const onsite_store_options_t *options,
    int uid, int gid, onsite_error_t *error)
{
    onsite_status_t  status;

    *dir = (state_dir_t) {
        .fd = -1, .lock = -1, .options = options, .uid = uid, .gid = gid
    };

    status = open_directory(dir, error);

    if (status == ONSITE_OK) {
        status = lock_directory(dir, error);
    }

    if (status != ONSITE_OK) {
        state_dir_close(dir);
    }

    return status;
}


void
state_dir_close(state_dir_t *dir)
{
    if (dir->lock != -1) {
        (void) close(dir->lock);
        dir->lock = -1;
    }

    if (dir->fd != -1) {
        (void) close(dir->fd);
        dir->fd = -1;
    }
}


file_verdict_t
shard_file_check(const state_dir_t *dir, uint32_t shard, uint64_t *size,
    const char **why)
{
    int                  fd;
    char                 name[STATE_NAME_MAX];
    onsite_status_t      status;
    onsite_lmdb_facts_t  facts;

    *size = 0;

    shard_file_name(name, shard, ".damaged");
    if (faccessat(dir->fd, name, F_OK, 0) == 0) {
        *why = "was found damaged while in use";
        return FILE_BAD;
    }

    shard_file_name(name, shard, "");
    fd = openat(dir->fd, name, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1) {
        *why = "cannot be opened";
        return errno == ENOENT ? FILE_ABSENT : FILE_BAD;
    }

    status = onsite_lmdb_inspect(fd, &facts, why);
    *size = facts.file_size;

    (void) close(fd);

    return status == ONSITE_OK ? FILE_GOOD : FILE_BAD;
}


/*
 * Other processes may have the file mapped: it is renamed, never written to.
 * Its lock file goes with it, since whoever still uses the old file and
 * whoever opens the new one must not meet in one lock.
 */

onsite_status_t
shard_file_quarantine(const state_dir_t *dir, uint32_t shard, onsite_ms_t now,
    const char *why, onsite_error_t *error)
{
    char    from[STATE_NAME_MAX], to[STATE_NAME_MAX], suffix[40];
    size_t  i;

    static const char *const  files[] = { "-lock", "" };

    for (i = 0; i < 2; i++) {
        (void) snprintf(suffix, sizeof(suffix), "%s.quarantine-%" PRId64,
                        files[i], (int64_t) now);
        shard_file_name(from, shard, files[i]);
        shard_file_name(to, shard, suffix);

        if (renameat(dir->fd, from, dir->fd, to) != 0 && errno != ENOENT) {
            return io_error(dir, from, "rename", error);
        }
    }

    shard_file_name(from, shard, ".damaged");
    (void) unlinkat(dir->fd, from, 0);

    store_log(dir->options, ONSITE_LOG_ERROR, "state: shard %u in %s %s; it "
              "is kept as %s, and its visitors are new again",
              (unsigned) shard, dir->options->path, why, to);

    return ONSITE_OK;
}


onsite_status_t
state_dir_check_room(const state_dir_t *dir, uint64_t needed,
    onsite_error_t *error)
{
    uint64_t        room;
    struct statvfs  vfs;

    if (fstatvfs(dir->fd, &vfs) != 0) {
        return io_error(dir, "", "examine the file system of", error);
    }

    room = (uint64_t) vfs.f_bavail * vfs.f_frsize;

    if (needed <= room) {
        return ONSITE_OK;
    }

    return onsite_error(error, ONSITE_FULL, "state: %s needs %" PRIu64
                        " bytes more, and its file system has %" PRIu64
                        " free: give onsite_state a smaller size=, or a "
                        "larger tmpfs (Docker's /dev/shm has 64 MB unless "
                        "run with --shm-size; move quarantined files away)",
                        dir->options->path, needed, room);
}


/* A file of the right size may have holes: a restored copy, say.  In one, a
 * write to the map is SIGBUS when the file system is full. */

static int
fill_holes(int fd, uint64_t size)
{
    struct stat  st;

    if (fstat(fd, &st) == 0 && (uint64_t) st.st_size >= size
        && (uint64_t) st.st_blocks * 512 >= size)
    {
        return 0;
    }

    return posix_fallocate(fd, 0, (off_t) size);
}


/* LMDB makes it beside the file at the first open, as whoever opens then. */

static onsite_status_t
give_lock_to_owner(const state_dir_t *dir, const char *file,
    onsite_error_t *error)
{
    int              fd;
    char             name[STATE_NAME_MAX];
    onsite_status_t  status;

    (void) snprintf(name, sizeof(name), "%s-lock", file);

    fd = openat(dir->fd, name, O_RDWR|O_CLOEXEC|O_NOFOLLOW);
    if (fd == -1) {
        return errno == ENOENT ? ONSITE_OK : io_error(dir, name, "open",
                                                      error);
    }

    status = give_to_owner(dir, fd, name, error);

    (void) close(fd);

    return status;
}


onsite_status_t
shard_file_allocate(const state_dir_t *dir, const char *name, uint64_t size,
    onsite_error_t *error)
{
    int              fd, rc;
    onsite_status_t  status;

    fd = openat(dir->fd, name, O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW, 0600);
    if (fd == -1) {
        return io_error(dir, name, "open", error);
    }

    rc = fill_holes(fd, size);

    if (rc != 0) {
        errno = rc;
        status = io_error(dir, name, "allocate", error);

        if (rc == ENOSPC) {
            status = ONSITE_FULL;
        }

    } else {
        status = give_to_owner(dir, fd, name, error);
    }

    if (status == ONSITE_OK) {
        status = give_lock_to_owner(dir, name, error);
    }

    (void) close(fd);

    return status;
}
