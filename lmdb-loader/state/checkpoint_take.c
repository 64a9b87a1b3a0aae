/*
 * checkpoint_take.c - one checkpoint is made.
 *
 * While pages are copied a thread writes and this one watches: those who write
 * the state must not wait for a disk.  A shard whose pages get short is copied
 * first; when its writers have waited for a while all is let go, and begun
 * again later.  A disk that does not answer keeps the thread, but no page.
 */

#include "checkpoint.h"
#include "loader.h"
#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PART        ".part"
#define LOOK_MS     2               /* between two looks */
#define WAIT_MS     50              /* for us: writers give up at 100 */
#define HELD_MAX    ONSITE_MINUTE
#define TRIES       4
#define AGAIN_MS    (2 * ONSITE_SECOND)
#define SPARE       (64 * 1024)     /* of a disk, for what is not pages */

typedef struct {
    onsite_copy_t    *copy;
    uint32_t          n;
    int               fds[ONSITE_SHARDS_MAX];
    atomic_bool       whole[ONSITE_SHARDS_MAX];
    bool              let_go[ONSITE_SHARDS_MAX];
    atomic_int        first;        /* shard to go on with; -1: any        */
    atomic_bool       stop;
    atomic_bool       ended;
    onsite_status_t   status;       /* of the thread, when it has ended    */
    onsite_error_t    error;
    onsite_ms_t       pressed;      /* since then; 0: nobody waits         */
} copying_t;


/* The thread */

static uint32_t
next_shard(copying_t *c)
{
    int       first = atomic_load(&c->first);
    uint32_t  i;

    if (first >= 0 && !atomic_load(&c->whole[first])) {
        return (uint32_t) first;
    }

    for (i = 0; i < c->n && atomic_load(&c->whole[i]); i++) {
        /* void */
    }

    return i;
}


static void *
copy_all(void *data)
{
    bool        last;
    uint32_t    shard;
    copying_t  *c = data;

    for ( ;; ) {
        shard = next_shard(c);

        if (shard == c->n || atomic_load(&c->stop)) {
            c->status = shard == c->n ? ONSITE_OK : ONSITE_NOT_FOUND;
            break;
        }

        c->status = onsite_copy_some(c->copy, shard, c->fds[shard], &last,
                                     &c->error);

        if (c->status != ONSITE_OK) {
            break;
        }

        if (last) {
            atomic_store(&c->whole[shard], true);
        }
    }

    atomic_store(&c->ended, true);

    return NULL;
}


/* Watching */

static void
let_go_all(copying_t *c)
{
    uint32_t  i;

    atomic_store(&c->stop, true);

    for (i = 0; i < c->n; i++) {
        onsite_copy_let_go(c->copy, i);
        c->let_go[i] = true;
    }
}


/* Whether others are to be let go on. */

static bool
look(copying_t *c)
{
    bool               now = false;
    uint32_t           i;
    onsite_pressure_t  pressure;

    for (i = 0; i < c->n; i++) {
        if (c->let_go[i]) {
            continue;
        }

        if (atomic_load(&c->whole[i])) {
            onsite_copy_let_go(c->copy, i);
            c->let_go[i] = true;
            continue;
        }

        pressure = onsite_copy_pressure(c->copy, i);

        if (pressure != ONSITE_PRESSURE_NONE && !now) {
            atomic_store(&c->first, (int) i);
            now = pressure == ONSITE_PRESSURE_NOW;
        }
    }

    if (!now) {
        c->pressed = 0;

    } else if (c->pressed == 0) {
        c->pressed = loader_clock();
    }

    return now && loader_clock() - c->pressed >= WAIT_MS;
}


/* FULL: it was broken off for those who write. */

static onsite_status_t
watch(copying_t *c, onsite_ms_t deadline, onsite_error_t *error)
{
    onsite_ms_t      begun = loader_clock();
    struct timespec  pause = { 0, LOOK_MS * 1000000 };

    while (!atomic_load(&c->ended)) {
        if (look(c)) {
            let_go_all(c);
            return onsite_error(error, ONSITE_FULL, "the state is too full "
                                "and changes too fast to be copied without "
                                "keeping its writers waiting: give it more "
                                "size, or more shards");
        }

        if (loader_clock() - begun > HELD_MAX
            || (deadline != 0 && loader_clock() > deadline))
        {
            let_go_all(c);
            return onsite_error(error, ONSITE_IO, "the disk took too long: "
                                "the state was let go after %lld ms",
                                (long long) (loader_clock() - begun));
        }

        (void) nanosleep(&pause, NULL);
    }

    let_go_all(c);

    return ONSITE_OK;
}


static onsite_status_t
copy_shards(copying_t *c, checkpoint_taking_t *taking, onsite_error_t *error)
{
    int              rc;
    sigset_t         all, before;
    pthread_t        thread;
    onsite_ms_t      begun = loader_clock();
    onsite_status_t  status;

    atomic_init(&c->first, -1);

    /* signals are this thread's */

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_BLOCK, &all, &before);
    rc = pthread_create(&thread, NULL, copy_all, c);
    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);

    if (rc != 0) {
        return onsite_error(error, ONSITE_IO, "no thread: %s", strerror(rc));
    }

    status = watch(c, taking->deadline, error);
    taking->held = loader_clock() - begun;
    (void) pthread_join(thread, NULL);

    if (status == ONSITE_OK && c->status != ONSITE_OK) {
        status = onsite_error(error, c->status, "%s", c->error.text);
    }

    return status;
}


/* Files */

/* Without a name that is another each time: what fails is told once. */

static onsite_status_t
cannot(const char *folder, const char *doing, onsite_error_t *error)
{
    return onsite_error(error, errno == ENOSPC ? ONSITE_LIMIT : ONSITE_IO,
                        "%s: a checkpoint there cannot be %s: %s", folder,
                        doing, strerror(errno));
}


static onsite_status_t
no_room(const char *folder, uint64_t needed, uint64_t room,
    onsite_error_t *error)
{
    return onsite_error(error, ONSITE_LIMIT, "%s: the disk is full: a "
                        "checkpoint takes %llu bytes and %llu are free, %llu "
                        "are missing; those that are there stay", folder,
                        (unsigned long long) needed,
                        (unsigned long long) room,
                        (unsigned long long) (needed > room ? needed - room
                                              : 0));
}


static onsite_status_t
open_files(copying_t *c, const char *folder, checkpoint_t *checkpoint,
    onsite_error_t *error)
{
    char      path[PATH_MAX];
    uint32_t  i;

    checkpoint_path(folder, checkpoint->time, PART, NULL, path);

    if (mkdir(path, 0700) != 0) {
        return cannot(folder, "created", error);
    }

    for (i = 0; i < c->n; i++) {
        checkpoint_shard_path(folder, checkpoint->time, PART, i, path);
        c->fds[i] = open(path, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

        if (c->fds[i] < 0) {
            return cannot(folder, "created", error);
        }
    }

    return ONSITE_OK;
}


static void
close_files(copying_t *c)
{
    uint32_t  i;

    for (i = 0; i < c->n; i++) {
        if (c->fds[i] >= 0) {
            (void) close(c->fds[i]);
            c->fds[i] = -1;
        }
    }
}


/* On the disk, and read back for their checksums. */

static onsite_status_t
settle(copying_t *c, const char *folder, checkpoint_t *checkpoint,
    onsite_error_t *error)
{
    char                path[PATH_MAX];
    uint32_t            i;
    onsite_status_t     status = ONSITE_OK;
    checkpoint_file_t  *file = checkpoint->files;

    for (i = 0; i < c->n && status == ONSITE_OK; i++, file++) {
        checkpoint_shard_path(folder, checkpoint->time, PART, i, path);

        if (fsync(c->fds[i]) != 0) {
            return cannot(folder, "synced", error);
        }

        status = files_sha256(path, file->sha256, &file->size, error);

        /* nobody needs it in memory */
        (void) posix_fadvise(c->fds[i], 0, 0, POSIX_FADV_DONTNEED);
    }

    return status;
}


static onsite_status_t
publish(const char *folder, const checkpoint_t *checkpoint,
    onsite_error_t *error)
{
    char             part[PATH_MAX], path[PATH_MAX];
    onsite_status_t  status;

    status = checkpoint_write(folder, PART, checkpoint, error);
    if (status != ONSITE_OK) {
        return status;
    }

    checkpoint_path(folder, checkpoint->time, PART, NULL, part);
    checkpoint_path(folder, checkpoint->time, "", NULL, path);

    if (rename(part, path) != 0) {
        return cannot(folder, "renamed", error);
    }

    return files_sync_folder(path) ? ONSITE_OK
                                   : cannot(folder, "synced", error);
}


/* The time now, and later than all there are. */

static onsite_ms_t
new_time(const char *folder)
{
    size_t        n;
    onsite_ms_t   now = loader_now(), *times;

    times = calloc(CHECKPOINT_MAX, sizeof(onsite_ms_t));

    if (times != NULL) {
        n = checkpoint_list(folder, times);
        now = n != 0 && times[0] >= now ? times[0] + 1 : now;
        free(times);
    }

    return now;
}


static uint64_t
bytes_used(const onsite_copy_t *copy, uint32_t shards)
{
    uint32_t  i;
    uint64_t  used, sum = 0;

    for (i = 0; i < shards; i++) {
        (void) onsite_copy_size(copy, i, &used);
        sum += used;
    }

    return sum;
}


static onsite_status_t
take(onsite_store_t *store, copying_t *c, checkpoint_taking_t *taking,
    checkpoint_t *checkpoint, onsite_error_t *error)
{
    uint64_t         room = 0;
    onsite_status_t  status;

    checkpoint->time = new_time(taking->folder);
    status = open_files(c, taking->folder, checkpoint, error);

    if (status == ONSITE_OK) {
        status = onsite_copy_begin(store, &c->copy, error);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    taking->used = bytes_used(c->copy, c->n);

    if (checkpoint_room(taking->folder, &room)
        && room < taking->used + SPARE)
    {
        return no_room(taking->folder, taking->used + SPARE, room, error);
    }

    status = copy_shards(c, taking, error);

    if (status != ONSITE_OK && c->status == ONSITE_FULL) {
        return no_room(taking->folder, taking->used + SPARE, room, error);
    }

    if (status == ONSITE_OK) {
        status = settle(c, taking->folder, checkpoint, error);
    }

    return status == ONSITE_OK ? publish(taking->folder, checkpoint, error)
           : status;
}


static onsite_status_t
try(onsite_store_t *store, checkpoint_taking_t *taking,
    checkpoint_t *checkpoint, onsite_error_t *error)
{
    uint32_t         i;
    copying_t       *c;
    onsite_status_t  status;

    c = calloc(1, sizeof(copying_t));
    if (c == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    c->n = onsite_store_shards(store);
    checkpoint->shards = c->n;

    for (i = 0; i < c->n; i++) {
        c->fds[i] = -1;
    }

    status = take(store, c, taking, checkpoint, error);
    onsite_copy_end(c->copy);
    close_files(c);
    free(c);

    if (status != ONSITE_OK) {
        checkpoint_clean(taking->folder);
    }

    return status;
}


onsite_status_t
checkpoint_take(onsite_store_t *store, checkpoint_taking_t *taking,
    checkpoint_t *checkpoint, onsite_error_t *error)
{
    onsite_status_t  status;

    memset(checkpoint, 0, sizeof(*checkpoint));
    checkpoint->erased = taking->erased;

    for (taking->tries = 0; ; taking->tries++) {
        status = try(store, taking, checkpoint, error);

        if (status != ONSITE_FULL || taking->tries + 1 == TRIES
            || loader_stopping)
        {
            return status;
        }

        loader_pause(AGAIN_MS << taking->tries);
    }
}
