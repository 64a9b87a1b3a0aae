/*
 * onsite_store_restore.c - copies of shards become the state of a directory.
 *
 * Whoever opens a state waits for the lock on STATE_FILE, and believes its
 * text.  So the lock is held from beginning to end, the shards are made ready
 * in a folder of the same file system, and while they take their places the
 * text says that there is no state.
 */

#include "onsite_store_private.h"
#include "onsite_file.h"
#include "onsite_lmdb_file.h"
#include "onsite_store_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER       "restore.part"
#define FOLDER_MAX   (PATH_MAX - 2 * STATE_NAME_MAX)

/* Numbers to leave out: 2^40, a thousand for each millisecond. */
#define JUMP         ((uint64_t) 1 << 40)
#define JUMP_A_MS    1000
#define JUMP_MAX     ((uint64_t) 1 << 53)

struct onsite_restore_s {
    onsite_restore_options_t  options;
    char                      path[FOLDER_MAX];
    char                      folder[FOLDER_MAX + STATE_NAME_MAX];
    int                       lock;
    uint32_t                  shards;
    bool                      finished;
};

/* Pages to write in are found behind those of the copy, where there were. */
#define SPARE        (1 << 20)


static onsite_status_t
failed(const char *folder, const char *name, const char *doing,
    onsite_error_t *error)
{
    return onsite_error(error, errno == ENOSPC ? ONSITE_FULL : ONSITE_IO,
                        "state: cannot %s %s%s%s: %s", doing, folder,
                        name[0] ? "/" : "", name, strerror(errno));
}


static bool
is_shard(const char *name)
{
    return strncmp(name, "shard-", 6) == 0 && strstr(name, ".mdb") != NULL
           && strstr(name, ".quarantine-") == NULL;
}


/* Of a folder: the shards' files, all that there is, or the first of the
 * former that a process has open. */

typedef bool (*each_pt)(void *data, const char *path, const char *name);

static bool
each_file(const char *folder, each_pt visit, void *data)
{
    DIR            *dir;
    bool            go_on = true;
    char            path[PATH_MAX];
    struct dirent  *entry;

    dir = opendir(folder);

    while (dir != NULL && go_on && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0
            || strcmp(entry->d_name, "..") == 0
            || snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name)
               >= (int) sizeof(path))
        {
            continue;
        }

        go_on = visit(data, path, entry->d_name);
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }

    return go_on;
}


static bool
remove_file(void *data, const char *path, const char *name)
{
    (void) data;
    (void) name;
    (void) unlink(path);

    return true;
}


static bool
remove_shard(void *data, const char *path, const char *name)
{
    return is_shard(name) ? remove_file(data, path, name) : true;
}


static bool
is_no_shard(void *data, const char *path, const char *name)
{
    (void) data;
    (void) path;

    return !is_shard(name);
}


/* LMDB locks its lock file as long as an environment is open. */

static bool
is_unused(void *data, const char *path, const char *name)
{
    int           fd, rc;
    struct flock  lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (!is_shard(name) || strstr(name, ".mdb-lock") == NULL) {
        return true;
    }

    fd = open(path, O_RDWR|O_CLOEXEC);
    if (fd < 0) {
        return true;
    }

    rc = fcntl(fd, F_GETLK, &lock);
    (void) close(fd);

    if (rc == 0 && lock.l_type != F_UNLCK) {
        *(pid_t *) data = lock.l_pid;
        return false;
    }

    return true;
}


static void
remove_folder(const onsite_restore_t *r)
{
    (void) each_file(r->folder, remove_file, NULL);
    (void) rmdir(r->folder);
}


/* What the directory holds. */

static onsite_status_t
look(onsite_restore_t *r, onsite_error_t *error)
{
    char      text[STATE_NAME_MAX];
    bool      any;
    pid_t     pid = 0;
    ssize_t   n;
    unsigned  format, shards;

    n = pread(r->lock, text, sizeof(text) - 1, 0);
    if (n < 0) {
        return failed(r->path, STATE_FILE, "read", error);
    }

    text[n] = '\0';

    /* one that was broken off has a text that nobody reads as a state's */

    any = n == 0 ? !each_file(r->path, is_no_shard, NULL)
          : sscanf(text, STATE_READ, &format, &shards) == 2;

    if (any && !r->options.replace) {
        return onsite_error(error, ONSITE_INVALID, "state: there is one in %s "
                            "already", r->path);
    }

    if (!each_file(r->path, is_unused, &pid)) {
        return onsite_error(error, ONSITE_LIMIT, "state: process %ld uses the "
                            "one in %s: stop nginx and what else reads it "
                            "first", (long) pid, r->path);
    }

    return ONSITE_OK;
}


/* Who waits for it meanwhile is to go on with the same file. */

static onsite_status_t
lock_state(onsite_restore_t *r, onsite_error_t *error)
{
    char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/%s", r->path, STATE_FILE);
    r->lock = open(path, O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW, 0600);

    if (r->lock < 0) {
        return failed(r->path, STATE_FILE, "open", error);
    }

    while (flock(r->lock, LOCK_EX) != 0) {
        if (errno != EINTR) {
            return failed(r->path, STATE_FILE, "lock", error);
        }
    }

    return ONSITE_OK;
}


static onsite_status_t
begin(onsite_restore_t *r, onsite_error_t *error)
{
    onsite_status_t  status;

    if (mkdir(r->path, 0700) != 0 && errno != EEXIST) {
        return failed(r->path, "", "create", error);
    }

    status = lock_state(r, error);

    if (status == ONSITE_OK) {
        remove_folder(r);           /* of one that was broken off */
        status = look(r, error);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    return mkdir(r->folder, 0700) == 0 ? ONSITE_OK
           : failed(r->folder, "", "create", error);
}


onsite_status_t
onsite_restore_begin(const onsite_restore_options_t *options,
    onsite_restore_t **restore, onsite_error_t *error)
{
    onsite_restore_t  *r;
    onsite_status_t    status;

    *restore = NULL;

    if (options->path[0] != '/' || strlen(options->path) >= FOLDER_MAX) {
        return onsite_error(error, ONSITE_INVALID, "state: \"%s\" is not an "
                            "absolute path", options->path);
    }

    r = calloc(1, sizeof(onsite_restore_t));
    if (r == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "state: out of memory");
    }

    r->options = *options;
    r->lock = -1;
    (void) snprintf(r->path, sizeof(r->path), "%s", options->path);
    (void) snprintf(r->folder, sizeof(r->folder), "%s/" FOLDER, r->path);

    status = begin(r, error);

    if (status != ONSITE_OK) {
        r->finished = true;         /* not ours to remove */
        onsite_restore_end(r);
        return status;
    }

    *restore = r;

    return ONSITE_OK;
}


const char *
onsite_restore_folder(const onsite_restore_t *restore)
{
    return restore->folder;
}


/* Opening */

static onsite_status_t
write_state_text(int fd, const char *text, const char *path,
    onsite_error_t *error)
{
    size_t  len = strlen(text);

    /* it is never empty: an empty one is for anybody to fill */

    if (lseek(fd, 0, SEEK_SET) < 0 || !onsite_write_all(fd, text, len)
        || ftruncate(fd, (off_t) len) != 0)
    {
        return failed(path, STATE_FILE, "write", error);
    }

    return ONSITE_OK;
}


static void
state_text(char *text, uint32_t shards)
{
    (void) snprintf(text, STATE_NAME_MAX, STATE_TEXT, STATE_FORMAT,
                    (unsigned) shards);
}


/* Its free end is not in a copy: some of it comes back, and nginx gives it the
 * size that is configured. */

static void
lengthen(const onsite_restore_t *r, uint32_t shard)
{
    int                  fd;
    char                 path[PATH_MAX], name[STATE_NAME_MAX];
    uint64_t             size;
    const char          *why;
    onsite_lmdb_facts_t  facts;

    shard_file_name(name, shard, "");
    (void) snprintf(path, sizeof(path), "%s/%s", r->folder, name);

    fd = open(path, O_RDWR|O_CLOEXEC|O_NOFOLLOW);
    if (fd < 0) {
        return;
    }

    /* what is damaged is told by who opens it */

    if (onsite_lmdb_inspect(fd, &facts, &why) == ONSITE_OK) {
        size = facts.file_size + SPARE;
        size = size < facts.map_size ? size : facts.map_size;

        if (size > facts.file_size) {
            (void) !ftruncate(fd, (off_t) size);
        }
    }

    (void) close(fd);
}


/* A store that is opened to be changed makes anew what is damaged: it is
 * opened to be read before. */

static onsite_status_t
open_ready(onsite_restore_t *r, onsite_ms_t now, onsite_store_t **store,
    onsite_error_t *error)
{
    uint32_t                i;
    onsite_status_t         status;
    onsite_store_stat_t     stat;
    onsite_store_options_t  options = {
        .path = r->folder, .read_only = true
    };

    for (i = 0; i < r->shards; i++) {
        lengthen(r, i);
    }

    status = onsite_store_open(&options, now, store, error);

    if (status == ONSITE_OK && onsite_store_stat(*store, &stat) != ONSITE_OK) {
        status = onsite_error(error, ONSITE_CORRUPT, "state: what is to be "
                              "restored cannot be examined");
    }

    if (*store != NULL) {
        onsite_store_close(*store);
        *store = NULL;
    }

    if (status != ONSITE_OK) {
        return status;
    }

    options.read_only = false;
    options.shards = r->shards;
    options.size = (size_t) r->shards * ONSITE_SHARD_BYTES_MIN;

    return onsite_store_open(&options, now, store, error);
}


onsite_status_t
onsite_restore_open(onsite_restore_t *restore, uint32_t shards,
    onsite_ms_t now, onsite_store_t **store, onsite_error_t *error)
{
    int              fd;
    char             path[PATH_MAX], text[STATE_NAME_MAX];
    onsite_status_t  status;

    *store = NULL;
    restore->shards = shards;
    state_text(text, shards);
    (void) snprintf(path, sizeof(path), "%s/%s", restore->folder, STATE_FILE);

    fd = open(path, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0600);
    if (fd < 0) {
        return failed(restore->folder, STATE_FILE, "create", error);
    }

    status = write_state_text(fd, text, restore->folder, error);
    (void) close(fd);

    return status == ONSITE_OK ? open_ready(restore, now, store, error)
           : status;
}


/* Numbers */

static int
jump(onsite_txn_t *txn, uint64_t by)
{
    int             rc;
    outbox_state_t  state;

    rc = outbox_state_read(txn->mdb, txn->shard, &state);

    if (rc == 0) {
        state.next += by;
        rc = outbox_state_write(txn, &state);
    }

    return rc == 0 ? events_jump(txn, by) : rc;
}


onsite_status_t
onsite_restore_resume(onsite_store_t *store, onsite_ms_t passed,
    onsite_error_t *error)
{
    int               rc;
    uint32_t          i;
    uint64_t          by = JUMP;
    onsite_txn_t     *txn;
    onsite_status_t   status = ONSITE_OK;

    if (passed > 0) {
        by = (uint64_t) passed < JUMP_MAX / JUMP_A_MS
             ? JUMP + (uint64_t) passed * JUMP_A_MS : JUMP_MAX;
    }

    for (i = 0; i < store->n && status == ONSITE_OK; i++) {
        status = onsite_txn_begin(store, i, &txn, error);

        if (status == ONSITE_OK) {
            rc = jump(txn, by);

            if (rc != 0) {
                onsite_txn_abort(txn);
                return shard_failed(store, &store->shards[i], rc, "write to",
                                    error);
            }

            status = onsite_txn_commit(txn, error);
        }
    }

    return status;
}


/* The end */

static onsite_status_t
give(const onsite_restore_t *r, int fd, const char *name,
    onsite_error_t *error)
{
    const onsite_restore_options_t  *o = &r->options;

    if ((o->uid == -1 && o->gid == -1)
        || fchown(fd, (uid_t) o->uid, (gid_t) o->gid) == 0)
    {
        return ONSITE_OK;
    }

    return failed(r->path, name, "change the owner of", error);
}


/* Of a shard both files, for nobody may be the only one who can open it. */

static onsite_status_t
give_file(const onsite_restore_t *r, const char *name, onsite_error_t *error)
{
    int              fd;
    char             path[PATH_MAX];
    onsite_status_t  status;

    (void) snprintf(path, sizeof(path), "%s/%s", r->folder, name);

    fd = open(path, O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW, 0600);
    if (fd < 0) {
        return failed(r->folder, name, "open", error);
    }

    status = give(r, fd, name, error);
    (void) close(fd);

    return status;
}


static onsite_status_t
put_in_place(const onsite_restore_t *r, const char *name,
    onsite_error_t *error)
{
    char  from[PATH_MAX], to[PATH_MAX];

    (void) snprintf(from, sizeof(from), "%s/%s", r->folder, name);
    (void) snprintf(to, sizeof(to), "%s/%s", r->path, name);

    return rename(from, to) == 0 ? ONSITE_OK
           : failed(r->folder, name, "rename", error);
}


typedef onsite_status_t (*place_pt)(const onsite_restore_t *r,
    const char *name, onsite_error_t *error);

static onsite_status_t
each_shard(const onsite_restore_t *r, place_pt place, onsite_error_t *error)
{
    char             name[STATE_NAME_MAX];
    uint32_t         i;
    onsite_status_t  status = ONSITE_OK;

    for (i = 0; i < 2 * r->shards && status == ONSITE_OK; i++) {
        shard_file_name(name, i / 2, i % 2 != 0 ? "" : "-lock");
        status = place(r, name, error);
    }

    return status;
}


static onsite_status_t
give_folder(const onsite_restore_t *r, onsite_error_t *error)
{
    int              fd;
    onsite_status_t  status;

    fd = open(r->path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (fd < 0) {
        return failed(r->path, "", "open", error);
    }

    status = give(r, fd, "", error);
    (void) close(fd);

    return status == ONSITE_OK ? give(r, r->lock, STATE_FILE, error) : status;
}


onsite_status_t
onsite_restore_finish(onsite_restore_t *restore, onsite_error_t *error)
{
    char             text[STATE_NAME_MAX];
    onsite_status_t  status;

    status = each_shard(restore, give_file, error);

    if (status == ONSITE_OK) {
        status = give_folder(restore, error);
    }

    if (status == ONSITE_OK) {
        status = write_state_text(restore->lock, STATE_RESTORED,
                                  restore->path, error);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    (void) each_file(restore->path, remove_shard, NULL);
    status = each_shard(restore, put_in_place, error);

    if (status == ONSITE_OK) {
        state_text(text, restore->shards);
        status = write_state_text(restore->lock, text, restore->path, error);
    }

    restore->finished = status == ONSITE_OK;
    remove_folder(restore);

    return status;
}


void
onsite_restore_end(onsite_restore_t *restore)
{
    if (restore == NULL) {
        return;
    }

    if (!restore->finished) {
        remove_folder(restore);
    }

    if (restore->lock >= 0) {
        (void) close(restore->lock);
    }

    free(restore);
}
