/*
 * sidecar.c - the table that the processes of `run` share.
 */

#include "sidecar.h"

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const char  magic[16] = "onsite sidecar 1";


onsite_ms_t
sidecar_clock(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_BOOTTIME, &now);

    return (onsite_ms_t) now.tv_sec * ONSITE_SECOND + now.tv_nsec / 1000000;
}


sidecar_t *
sidecar_create(const char *config)
{
    sidecar_t  *s;

    s = mmap(NULL, sizeof(sidecar_t), PROT_READ|PROT_WRITE,
             MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (s == MAP_FAILED) {
        return NULL;
    }

    memcpy(s->magic, magic, sizeof(magic));
    s->size = sizeof(sidecar_t);
    s->master = (int32_t) getpid();
    s->started = loader_now();
    s->beat = sidecar_clock();
    (void) snprintf(s->config, sizeof(s->config), "%s", config);

    return s;
}


sidecar_slot_t *
sidecar_slot(sidecar_t *sidecar, const char *name)
{
    size_t           i;
    sidecar_slot_t  *slot, *spare = NULL;

    for (i = 0; i < SIDECAR_SLOTS; i++) {
        slot = &sidecar->slots[i];

        if (strcmp(slot->name, name) == 0) {
            return slot;
        }

        if (spare == NULL && slot->phase == SIDECAR_FREE) {
            spare = slot;
        }
    }

    if (spare != NULL) {
        memset(spare, 0, sizeof(*spare));
        (void) snprintf(spare->name, sizeof(spare->name), "%s", name);
    }

    return spare;
}


/* Not synced: it is about this second. */

static bool
write_to(int fd, const sidecar_t *sidecar)
{
    return fd >= 0 && write(fd, sidecar, sizeof(*sidecar))
                      == (ssize_t) sizeof(*sidecar);
}


onsite_status_t
sidecar_write(const sidecar_t *sidecar, const char *state,
    onsite_error_t *error)
{
    int   fd, failure;
    bool  done;
    char  path[PATH_MAX], new[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/" SIDECAR_FILE, state)
        >= (int) sizeof(path) - 4)
    {
        return onsite_error(error, ONSITE_INVALID, "%s: the name is too long",
                            state);
    }

    (void) snprintf(new, sizeof(new), "%.*s.new", (int) sizeof(new) - 5,
                    path);
    (void) unlink(new);
    fd = open(new, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC|O_NOFOLLOW, 0644);

    if (fd < 0 && errno == ENOENT) {
        return ONSITE_OK;
    }

    done = write_to(fd, sidecar);
    failure = errno;

    if (fd >= 0) {
        (void) close(fd);
    }

    if (done && rename(new, path) == 0) {
        return ONSITE_OK;
    }

    failure = done ? errno : failure;
    (void) unlink(new);

    return onsite_error(error, ONSITE_IO, "%s: cannot be written: %s", path,
                        strerror(failure));
}


/* Whoever wrote the file, no text of it goes on behind its end. */

static void
end_texts(sidecar_t *sidecar)
{
    size_t           i;
    sidecar_slot_t  *slot;

    sidecar->config[sizeof(sidecar->config) - 1] = '\0';
    sidecar->listen[sizeof(sidecar->listen) - 1] = '\0';
    sidecar->unready[sizeof(sidecar->unready) - 1] = '\0';

    for (i = 0; i < SIDECAR_SLOTS; i++) {
        slot = &sidecar->slots[i];
        slot->name[sizeof(slot->name) - 1] = '\0';
        slot->end[sizeof(slot->end) - 1] = '\0';
        slot->task.why[sizeof(slot->task.why) - 1] = '\0';
        slot->task.away_why[sizeof(slot->task.away_why) - 1] = '\0';
    }
}


onsite_status_t
sidecar_read(sidecar_t *sidecar, const char *state, onsite_error_t *error)
{
    char             path[PATH_MAX];
    onsite_buf_t     bytes;
    onsite_status_t  status;

    (void) snprintf(path, sizeof(path), "%s/" SIDECAR_FILE, state);
    onsite_buf_init(&bytes, 0);
    status = files_read(path, sizeof(*sidecar), &bytes, error);

    if (status == ONSITE_OK) {
        memcpy(sidecar, bytes.data, bytes.len);
        end_texts(sidecar);
    }

    if (status == ONSITE_LIMIT
        || (status == ONSITE_OK
            && (bytes.len != sizeof(*sidecar)
                || memcmp(sidecar->magic, magic, sizeof(magic)) != 0
                || sidecar->size != sizeof(*sidecar))))
    {
        status = onsite_error(error, ONSITE_VERSION, "%s was written by "
                              "another version of lmdb-loader", path);
    }

    onsite_buf_free(&bytes);

    return status;
}


/* Of a process whose end nobody has seen to, and of another one that has its
 * number since, kill(2) says that they live. */

static bool
is_another(const sidecar_t *sidecar)
{
    int                  n = 0;
    char                 path[40], line[1024], state = '?', *end;
    FILE                *file;
    onsite_ms_t          began;
    unsigned long long   ticks = 0;

    (void) snprintf(path, sizeof(path), "/proc/%d/stat",
                    (int) sidecar->master);
    file = fopen(path, "re");

    if (file == NULL) {
        return false;
    }

    end = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
    (void) fclose(file);

    if (end != NULL) {
        n = sscanf(end + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                   "%*s %*s %*s %*s %*s %*s %*s %llu", &state, &ticks);
    }

    began = (onsite_ms_t) (ticks * ONSITE_SECOND
                           / (unsigned long long) sysconf(_SC_CLK_TCK));

    return n == 2 && (state == 'Z' || state == 'X' || began > sidecar->beat);
}


bool
sidecar_lives(const sidecar_t *sidecar)
{
    onsite_ms_t  age = sidecar_clock() - sidecar->beat;

    return age >= 0 && age < SIDECAR_SILENT && sidecar->master > 0
           && (kill((pid_t) sidecar->master, 0) == 0 || errno != ESRCH)
           && !is_another(sidecar);
}


bool
sidecar_loops(const sidecar_slot_t *slot)
{
    return slot->in_a_row >= SIDECAR_LOOP;
}
