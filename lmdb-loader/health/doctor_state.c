/*
 * doctor_state.c - checks of the state and its directory.
 */

#include "doctor.h"

#include "onsite_visitor_codec.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOCK_MS      2000           /* a lock is free in that time */
#define STEP_MS      20
#define AHEAD        (5 * ONSITE_MINUTE)
#define RECORDS_MAX  200000         /* looked at */


static void
wait_ms(long ms)
{
    struct timespec  time = { ms / 1000, ms % 1000 * 1000000 };

    (void) nanosleep(&time, NULL);
}


/* Whose workers use it: nginx as root makes them www-data's, or nobody's. */

static const struct passwd *
workers_user(const doctor_t *doctor)
{
    const struct passwd  *pw;

    if (doctor->user != NULL) {
        return getpwnam(doctor->user);
    }

    pw = getpwnam("www-data");

    return pw != NULL ? pw : getpwnam("nobody");
}


/* Whoever has the folder has to have what nginx writes in it; the sidecar's own
 * may be another's. */

static void
look_at_owners(doctor_t *doctor, uid_t owner)
{
    DIR            *dir = opendir(doctor->state);
    char            path[4096], other[256] = "";
    size_t          n = 0;
    uid_t           whose = owner;
    struct stat     st;
    struct dirent  *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        (void) snprintf(path, sizeof(path), "%s/%s", doctor->state,
                        entry->d_name);

        if (strncmp(entry->d_name, "shard-", 6) == 0
            && strchr(entry->d_name, '.') == strrchr(entry->d_name, '.')
            && lstat(path, &st) == 0 && st.st_uid != owner)
        {
            (void) snprintf(other, sizeof(other), "%.255s", entry->d_name);
            whose = st.st_uid;
            n++;
        }
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }

    if (n != 0) {
        doctor_find(doctor, DOCTOR_ERROR, "%zu file%s of %s, such as %s, "
                    "belong%s to user %u, and the folder to user %u", n,
                    n > 1 ? "s" : "", doctor->state, other,
                    n > 1 ? "" : "s", (unsigned) whose, (unsigned) owner);
        doctor_remedy(doctor, "chown -R --reference=%s %s, then reload nginx",
                      doctor->state, doctor->state);
    }
}


bool
doctor_owner(doctor_t *doctor)
{
    struct stat           st;
    const struct passwd  *pw;

    if (doctor->state == NULL) {
        return false;
    }

    if (stat(doctor->state, &st) != 0) {
        doctor_find(doctor, DOCTOR_ERROR, "%s: %s", doctor->state,
                    strerror(errno));
        doctor_remedy(doctor, "onsite_state names the directory, and nginx "
                      "makes it when it starts: is it another one?");
        return true;
    }

    if (st.st_mode & 077) {
        doctor_find(doctor, DOCTOR_WARNING, "%s has mode %04o: others can "
                    "look into it", doctor->state,
                    (unsigned) st.st_mode & 07777);
        doctor_remedy(doctor, "chmod 700 %s", doctor->state);
    }

    pw = workers_user(doctor);

    if (doctor->user != NULL && pw == NULL) {
        doctor_find(doctor, DOCTOR_ERROR, "there is no user \"%s\"",
                    doctor->user);
        doctor_remedy(doctor, "--user names whom nginx.conf names with "
                      "\"user\"");

    } else if (doctor->user != NULL && st.st_uid != pw->pw_uid) {
        doctor_find(doctor, DOCTOR_ERROR, "%s belongs to user %u, the workers "
                    "are %s (%u)", doctor->state, (unsigned) st.st_uid,
                    doctor->user, (unsigned) pw->pw_uid);
        doctor_remedy(doctor, "chown -R %s: %s", doctor->user,
                      doctor->state);

    } else if (st.st_uid == 0 && pw != NULL) {
        doctor_find(doctor, DOCTOR_WARNING, "%s belongs to root, and workers "
                    "run as another user", doctor->state);
        doctor_remedy(doctor, "nginx gives it to them when it starts as "
                      "root; or chown -R it to whom nginx.conf names with "
                      "\"user\"");
    }

    look_at_owners(doctor, st.st_uid);

    return true;
}


/* What opening does is asked for before it is opened. */

static void
look_at_file(doctor_t *doctor, const char *name)
{
    char         path[4096];
    struct stat  st;

    (void) snprintf(path, sizeof(path), "%s/%s", doctor->state, name);

    if (strstr(name, ".quarantine-") != NULL) {
        if (strstr(name, "-lock.") == NULL && stat(path, &st) == 0) {
            doctor_find(doctor, DOCTOR_WARNING, "%s: a shard that was damaged "
                        "was set aside; it takes %lld bytes", path,
                        (long long) st.st_blocks * 512);
            doctor_remedy(doctor, "move it away; its visitors are new again, "
                          "unless you restore a checkpoint");
        }

    } else if (strstr(name, ".damaged") != NULL) {
        doctor_find(doctor, DOCTOR_ERROR, "%s: a process met damage in that "
                    "shard", path);
        doctor_remedy(doctor, "reload nginx: it sets the shard aside and "
                      "makes a new one");

    } else if (strcmp(name, "restore.part") == 0) {
        doctor_find(doctor, DOCTOR_WARNING, "%s: a restore goes on, or was "
                    "broken off", path);
        doctor_remedy(doctor, "lmdb-loader restore … --if-empty removes what "
                      "is left of one");
    }
}


bool
doctor_damage(doctor_t *doctor)
{
    DIR            *dir;
    struct dirent  *entry;

    dir = doctor->state != NULL ? opendir(doctor->state) : NULL;

    if (dir == NULL) {
        return false;
    }

    while ((entry = readdir(dir)) != NULL) {
        look_at_file(doctor, entry->d_name);
    }

    (void) closedir(dir);

    return true;
}


/* A hole in a map is memory that is missing when it is written to. */

static uint64_t
missing_in(const char *folder)
{
    DIR            *dir;
    char            path[4096];
    size_t          len;
    uint64_t        missing = 0;
    struct stat     st;
    struct dirent  *entry;

    dir = opendir(folder);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        len = strlen(entry->d_name);
        (void) snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);

        if (strncmp(entry->d_name, "shard-", 6) == 0 && len > 4
            && strcmp(entry->d_name + len - 4, ".mdb") == 0
            && stat(path, &st) == 0
            && (uint64_t) st.st_blocks * 512 < (uint64_t) st.st_size)
        {
            missing += (uint64_t) st.st_size - (uint64_t) st.st_blocks * 512;
        }
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }

    return missing;
}


bool
doctor_memory(doctor_t *doctor)
{
    uint64_t       room, missing;
    struct statfs  fs;

    if (doctor->state == NULL || statfs(doctor->state, &fs) != 0) {
        return false;
    }

    if (fs.f_type != TMPFS_MAGIC) {
        doctor_find(doctor, DOCTOR_NOTE, "%s is not on a tmpfs: its pages are "
                    "written to a disk all the time", doctor->state);
        doctor_remedy(doctor, "mount a tmpfs there, and keep checkpoints on "
                      "the disk");
    }

    room = (uint64_t) fs.f_bavail * (uint64_t) fs.f_bsize;
    missing = missing_in(doctor->state);

    if (missing > room) {
        doctor_find(doctor, DOCTOR_ERROR, "%s: %llu bytes of the state are "
                    "not allocated, and the file system has %llu: a worker "
                    "that writes there is killed (SIGBUS)", doctor->state,
                    (unsigned long long) missing, (unsigned long long) room);
        doctor_remedy(doctor, "make the tmpfs larger (mount -o "
                      "remount,size=…), or size= of onsite_state smaller in "
                      "another directory");
    }

    return true;
}


static void
no_log(void *data, int level, const char *text)
{
    (void) data;
    (void) level;
    (void) text;
}


bool
doctor_opens(doctor_t *doctor)
{
    struct stat             st;
    onsite_error_t          error = { "" };
    onsite_status_t         status;
    onsite_store_options_t  options = {
        .path = doctor->state, .read_only = true, .log = no_log
    };

    if (doctor->state == NULL || access(doctor->state, F_OK) != 0) {
        return false;
    }

    if (geteuid() != 0 && stat(doctor->state, &st) == 0
        && st.st_uid != geteuid())
    {
        doctor_find(doctor, DOCTOR_ERROR, "%s is user %u's, and this runs as "
                    "user %u: it was not looked at", doctor->state,
                    (unsigned) st.st_uid, (unsigned) geteuid());
        doctor_remedy(doctor, "run this as root, or as user %u",
                      (unsigned) st.st_uid);
        return true;
    }

    status = onsite_store_open(&options, doctor->now, &doctor->store, &error);

    if (status != ONSITE_OK) {
        doctor_find(doctor, DOCTOR_ERROR, "%s", error.text);
        doctor_remedy(doctor, geteuid() == 0 || status != ONSITE_IO
                      ? "nginx sets a damaged shard aside when it starts; "
                        "lmdb-loader restore brings back a checkpoint"
                      : "run this as root, or as the workers' user");
        return true;
    }

    if (onsite_store_stat(doctor->store, &doctor->stat) != ONSITE_OK) {
        doctor_find(doctor, DOCTOR_ERROR, "%s: a shard cannot be read",
                    doctor->state);
        doctor_remedy(doctor, "reload nginx: it sets the shard aside and "
                      "makes a new one");
        onsite_store_close(doctor->store);
        doctor->store = NULL;
    }

    return true;
}


/* Each shard's lock is taken and given back, by a process that may wait for it
 * in our place. */

static int
take_locks(const doctor_t *doctor)
{
    uint32_t         i;
    onsite_txn_t    *txn;
    onsite_store_t  *store;

    (void) !freopen("/dev/null", "w", stderr);

    if (loader_change_state(doctor->state, &store) != LOADER_OK) {
        return 1;
    }

    for (i = 0; i < onsite_store_shards(store); i++) {
        if (onsite_txn_begin(store, i, &txn, NULL) != ONSITE_OK) {
            return 1;
        }

        onsite_txn_abort(txn);
    }

    onsite_store_close(store);

    return 0;
}


bool
doctor_lock(doctor_t *doctor)
{
    int    status = 0;
    long   waited = 0;
    pid_t  pid;

    if (doctor->store == NULL) {
        return false;
    }

    (void) fflush(stdout);
    pid = fork();

    if (pid == 0) {
        _exit(take_locks(doctor));
    }

    while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0) {
        if (waited >= LOCK_MS) {
            (void) kill(pid, SIGKILL);
            (void) waitpid(pid, &status, 0);
            doctor_find(doctor, DOCTOR_ERROR, "a process holds the lock of a "
                        "shard in %s: nobody can write", doctor->state);
            doctor_remedy(doctor, "find who is stopped (state T in ps) among "
                          "those who use it, let it go on (kill -CONT) or end "
                          "it: the lock of a dead process is free");
            return true;
        }

        wait_ms(STEP_MS);
        waited += STEP_MS;
    }

    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        doctor_find(doctor, DOCTOR_WARNING, "%s cannot be opened for writing "
                    "by user %u", doctor->state, (unsigned) geteuid());
        doctor_remedy(doctor, "run this as root, or as the workers' user");
    }

    return true;
}


/* Readers */

#define READERS_SEEN  64

typedef struct {
    onsite_store_reader_t  late[READERS_SEEN];
    size_t                 n;
    uint32_t               most;        /* slots taken of one shard        */
    uint32_t               shard;
    uint32_t               taken;
    int                    foreign;     /* a process that is not here      */
} readers_t;


static void
see_reader(void *data, const onsite_store_reader_t *reader)
{
    readers_t  *readers = data;

    if (reader->shard != readers->shard) {
        readers->shard = reader->shard;
        readers->taken = 0;
    }

    readers->taken++;
    readers->most = readers->taken > readers->most ? readers->taken
                    : readers->most;

    if (kill(reader->process, 0) != 0 && errno == ESRCH) {
        readers->foreign = reader->process;
    }

    if (reader->behind != 0 && readers->n < READERS_SEEN
        && reader->process != getpid())
    {
        readers->late[readers->n++] = *reader;
    }
}


/* The same process still reads the same, and others have written since. */

static void
find_hung(doctor_t *doctor, const readers_t *before, const readers_t *after)
{
    size_t                        i, k;
    const onsite_store_reader_t  *a, *b;

    for (i = 0; i < before->n; i++) {
        for (k = 0; k < after->n; k++) {
            a = &before->late[i];
            b = &after->late[k];

            if (a->process == b->process && a->shard == b->shard
                && a->sees == b->sees)
            {
                doctor_find(doctor, DOCTOR_ERROR, "process %d does not end "
                            "what it reads of shard %u, %llu transactions "
                            "ago: pages that others give back cannot be used",
                            b->process, (unsigned) b->shard,
                            (unsigned long long) b->behind);
                doctor_remedy(doctor, "let it go on (kill -CONT %d), or end "
                              "it", b->process);
                return;
            }
        }
    }
}


bool
doctor_readers(doctor_t *doctor)
{
    uint32_t   max;
    readers_t  before = { .shard = UINT32_MAX }, after = before;

    if (doctor->store == NULL) {
        return false;
    }

    /* slots of the dead are free: their locks are gone, wherever they ran */

    (void) onsite_store_check_readers(doctor->store);

    if (onsite_store_readers(doctor->store, see_reader, &before, &max)
        != ONSITE_OK)
    {
        return false;
    }

    if (before.foreign != 0) {
        doctor_find(doctor, DOCTOR_ERROR, "process %d has %s open and is not "
                    "to be seen from here: it runs in another PID namespace",
                    before.foreign, doctor->state);
        doctor_remedy(doctor, "all who use a state have to be in one PID "
                      "namespace (docker run --pid=container:…), or one takes "
                      "the others for dead");
    }

    if (before.most * 10 >= max * 9) {
        doctor_find(doctor, DOCTOR_WARNING, "%u of %u slots for readers are "
                    "taken", (unsigned) before.most, (unsigned) max);
        doctor_remedy(doctor, "stop tools that read the state, or restart "
                      "nginx: it makes more slots for more workers");
    }

    if (before.n != 0) {
        wait_ms(1000);
        (void) onsite_store_readers(doctor->store, see_reader, &after, &max);
        find_hung(doctor, &before, &after);
    }

    return true;
}


/* Room */

bool
doctor_room(doctor_t *doctor)
{
    const onsite_store_stat_t  *stat = &doctor->stat;

    if (doctor->store == NULL) {
        return false;
    }

    if (stat->bytes_used * 10 > stat->bytes_size * 9) {
        doctor_find(doctor, DOCTOR_WARNING, "%s is full: %llu of %llu bytes; "
                    "of %llu visitors the least recently seen make room",
                    doctor->state, (unsigned long long) stat->bytes_used,
                    (unsigned long long) stat->bytes_size,
                    (unsigned long long) stat->visitors);
        doctor_remedy(doctor, "raise size= of onsite_state and reload, or "
                      "lower ttl=");
    }

    if (stat->timers_bytes * 5 > stat->bytes_size) {
        doctor_find(doctor, DOCTOR_WARNING, "timers take %llu bytes: at a "
                    "quarter of the state no more are set",
                    (unsigned long long) stat->timers_bytes);
        doctor_remedy(doctor, "raise size= of onsite_state and reload");
    }

    return true;
}


bool
doctor_outbox(doctor_t *doctor)
{
    const onsite_store_stat_t  *stat = &doctor->stat;

    if (doctor->store == NULL) {
        return false;
    }

    if (stat->outbox_bytes * 5 > stat->bytes_size) {
        doctor_find(doctor, DOCTOR_WARNING, "the outbox has %llu events and "
                    "%llu deliveries in %llu bytes: at a quarter of the state "
                    "the oldest events go, and then deliveries are refused",
                    (unsigned long long) stat->events,
                    (unsigned long long) stat->deliveries,
                    (unsigned long long) stat->outbox_bytes);
        doctor_remedy(doctor, "does lmdb-loader drain run, and its sink "
                      "answer? onsite_outbox_events off where nobody wants "
                      "them");
    }

    return true;
}


typedef struct {
    onsite_ms_t  latest;
    unsigned     n;
} newest_t;


static bool
see_record(void *data, const onsite_key_t *key, onsite_str_t record)
{
    bool          session_only;
    newest_t     *newest = data;
    onsite_ms_t   seen;

    (void) key;
    seen = onsite_record_last_seen(record.data, record.len, &session_only);
    newest->latest = seen > newest->latest ? seen : newest->latest;

    return ++newest->n < RECORDS_MAX;
}


bool
doctor_records(doctor_t *doctor)
{
    newest_t        newest = { .n = 0 };
    onsite_error_t  error = { "" };

    if (doctor->store == NULL) {
        return false;
    }

    if (onsite_store_walk(doctor->store, see_record, &newest, &error)
        != ONSITE_OK)
    {
        doctor_find(doctor, DOCTOR_ERROR, "%s", error.text);
        doctor_remedy(doctor, "reload nginx: it sets the shard aside and "
                      "makes a new one");

    } else if (newest.latest > doctor->now + AHEAD) {
        doctor_find(doctor, DOCTOR_WARNING, "a visitor was seen %lld minutes "
                    "from now: the clock was set back, or was wrong then",
                    (long long) ((newest.latest - doctor->now)
                                 / ONSITE_MINUTE));
        doctor_remedy(doctor, "see that the clock is right: until it gets "
                      "there, sessions and caps of such visitors stand still");
    }

    return true;
}
