/*
 * doctor_files.c - checks of snapshots, keys and checkpoints.
 */

#include "checkpoint.h"
#include "doctor.h"
#include "facts.h"
#include "kept.h"
#include "signed.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOON  (3 * ONSITE_DAY)      /* for what expires */
#define OLD   ONSITE_HOUR           /* for a checkpoint */


/* sync brings it. */

static bool
is_kept(const char *file)
{
    kept_t          kept;
    onsite_error_t  error;

    return kept_init(&kept, file, &error) == ONSITE_OK
           && access(kept.folder, F_OK) == 0;
}


/* Workers open it: they are whose the state is. */

static void
look_at_readers(doctor_t *doctor, const struct stat *file)
{
    mode_t                bit;
    struct stat           state;
    const struct passwd  *pw;

    if (doctor->state == NULL || stat(doctor->state, &state) != 0
        || state.st_uid == 0)
    {
        return;
    }

    pw = getpwuid(state.st_uid);
    bit = file->st_uid == state.st_uid ? S_IRUSR
          : pw != NULL && file->st_gid == pw->pw_gid ? S_IRGRP : S_IROTH;

    if (!(file->st_mode & bit)) {
        doctor_find(doctor, DOCTOR_ERROR, "%s has mode %04o and is user %u's: "
                    "workers (user %u) cannot read it, and go on with what "
                    "they have", doctor->snapshot,
                    (unsigned) file->st_mode & 07777, (unsigned) file->st_uid,
                    (unsigned) state.st_uid);
        doctor_remedy(doctor, "chmod a+r %s", doctor->snapshot);
    }
}


bool
doctor_snapshot(doctor_t *doctor)
{
    struct stat         st;
    onsite_error_t      error = { "" };
    onsite_snapshot_t  *snapshot;

    if (doctor->snapshot == NULL) {
        return false;
    }

    if (onsite_snapshot_open(doctor->snapshot, &snapshot, &error)
        != ONSITE_OK)
    {
        doctor_find(doctor, DOCTOR_ERROR, "%s", error.text);
        doctor_remedy(doctor, is_kept(doctor->snapshot)
                      ? "lmdb-loader sync puts a good one there as soon as "
                        "the store has one, lmdb-loader rollback --to FILE "
                        "one that is kept; what nginx serves stays until then"
                      : "build it anew, or let lmdb-loader sync bring it; "
                        "what nginx serves stays until there is a good one");
        return true;
    }

    onsite_snapshot_close(snapshot);

    if (stat(doctor->snapshot, &st) != 0) {
        return true;
    }

    if (st.st_mode & S_IWOTH) {
        doctor_find(doctor, DOCTOR_ERROR, "%s can be written by anybody",
                    doctor->snapshot);
        doctor_remedy(doctor, "chmod o-w %s", doctor->snapshot);
    }

    look_at_readers(doctor, &st);

    return true;
}


static void
look_at_times(doctor_t *doctor, const kept_state_t *state)
{
    char  at[MANIFEST_TIME];

    if (state->failing != 0) {
        doctor_find(doctor, DOCTOR_ERROR, "sync has been failing since %s: %s",
                    manifest_time(state->failing, at), state->why);
        doctor_remedy(doctor, "mend what it says; what is live stays live "
                      "meanwhile");
    }

    if (state->expires != 0 && state->expires < doctor->now) {
        doctor_find(doctor, DOCTOR_WARNING, "what is live has expired at %s; "
                    "it stays live", manifest_time(state->expires, at));
        doctor_remedy(doctor, "lmdb-loader publish renews it, also without a "
                      "change");

    } else if (state->expires != 0 && state->expires < doctor->now + SOON) {
        doctor_find(doctor, DOCTOR_WARNING, "what is live expires at %s",
                    manifest_time(state->expires, at));
        doctor_remedy(doctor, "lmdb-loader publish renews it, also without a "
                      "change");
    }

    if (state->rolled_back_from != 0) {
        doctor_find(doctor, DOCTOR_NOTE, "version %llu is live, rolled back "
                    "from %llu", (unsigned long long) state->live.version,
                    (unsigned long long) state->rolled_back_from);
        doctor_remedy(doctor, "publish a later version to go on");
    }
}


/* Made by a sync that root ran by hand, and in the way of the sidecar's. */

static void
look_at_folder(doctor_t *doctor, const kept_t *kept)
{
    char          parent[PATH_MAX + 8];
    struct stat   st, above;

    (void) snprintf(parent, sizeof(parent), "%s/..", kept->folder);

    if (stat(kept->folder, &st) == 0 && stat(parent, &above) == 0
        && st.st_uid == 0 && above.st_uid != 0)
    {
        doctor_find(doctor, DOCTOR_ERROR, "%s is root's, the folder that it "
                    "lies in user %u's: the sidecar cannot write there",
                    kept->folder, (unsigned) above.st_uid);
        doctor_remedy(doctor, "chown -R --reference=%s/.. %s", kept->folder,
                      kept->folder);
    }
}


bool
doctor_sync(doctor_t *doctor)
{
    kept_t           kept;
    kept_state_t     state;
    onsite_error_t   error = { "" };
    onsite_status_t  status;

    if (doctor->snapshot == NULL
        || kept_init(&kept, doctor->snapshot, &error) != ONSITE_OK
        || access(kept.folder, F_OK) != 0)
    {
        return false;
    }

    look_at_folder(doctor, &kept);
    status = kept_read(&kept, &state, &error);

    if (status == ONSITE_OK) {
        look_at_times(doctor, &state);

    } else if (status != ONSITE_NOT_FOUND) {
        doctor_find(doctor, DOCTOR_ERROR, "%s", error.text);
    }

    return true;
}


/* Keys */

static bool
look_at_mode(doctor_t *doctor, const char *path, mode_t bad,
    const char *who, const char *fix)
{
    struct stat  st;

    if (stat(path, &st) != 0) {
        doctor_find(doctor, DOCTOR_ERROR, "%s: %s", path, strerror(errno));
        return false;
    }

    if (st.st_mode & bad) {
        doctor_find(doctor, DOCTOR_ERROR, "%s has mode %04o: %s", path,
                    (unsigned) st.st_mode & 07777, who);
        doctor_remedy(doctor, "chmod %s %s", fix, path);
    }

    return true;
}


bool
doctor_trust(doctor_t *doctor)
{
    keys_t              keys = { .n = 0 };
    const char *const  *file;
    onsite_error_t      error;

    for (file = doctor->trust; *file != NULL; file++) {
        if (look_at_mode(doctor, *file, S_IWOTH|S_IWGRP, "others can say "
                         "whom to trust", "go-w")
            && keys_read_public(&keys, *file, &error) != ONSITE_OK)
        {
            doctor_find(doctor, DOCTOR_ERROR, "%s", error.text);
            doctor_remedy(doctor, "it is the FILE.pub that lmdb-loader keygen "
                          "made");
        }
    }

    keys_free(&keys);

    return doctor->trust[0] != NULL;
}


bool
doctor_keys(doctor_t *doctor)
{
    const char *const  *file;

    for (file = doctor->keys; *file != NULL; file++) {
        (void) look_at_mode(doctor, *file, S_IRWXO|S_IWGRP, "others can read "
                            "a secret", "o=,g-w");
    }

    return doctor->keys[0] != NULL;
}


/* Checkpoints */

/* Nothing says that it is bad whoever may not look at it. */

static bool
may_read(const char *folder, onsite_ms_t time)
{
    char  path[2 * PATH_MAX], name[CHECKPOINT_NAME];

    checkpoint_name(time, name);
    (void) snprintf(path, sizeof(path), "%s/%s/checkpoint.json", folder, name);

    return access(path, R_OK) == 0 || errno != EACCES;
}


static void
look_at_latest(doctor_t *doctor, onsite_ms_t time)
{
    char            ahead[FACTS_TIME];
    uint32_t        i;
    uint64_t        room, size = 0;
    checkpoint_t    checkpoint;
    onsite_error_t  error = { "" };
    const char     *folder = doctor->checkpoints;

    if (doctor->now - time > OLD) {
        doctor_find(doctor, DOCTOR_WARNING, "the latest checkpoint is %lld "
                    "minutes old",
                    (long long) ((doctor->now - time) / ONSITE_MINUTE));
        doctor_remedy(doctor, "does lmdb-loader checkpoint run? What happened "
                      "since would be lost with the memory");
    }

    if (time - doctor->now > CHECKPOINT_AHEAD) {
        doctor_find(doctor, DOCTOR_WARNING, "the latest checkpoint is dated "
                    "%s ahead", facts_duration(time - doctor->now, ahead));
        doctor_remedy(doctor, "is this machine's clock right? New ones go in "
                      "beside it, dated later still, and --keep counts them "
                      "all: move those that are dated ahead away, and the "
                      "next one has its right date");
    }

    if (checkpoint_read(folder, time, &checkpoint, &error) != ONSITE_OK) {
        doctor_find(doctor, DOCTOR_ERROR, "%s", error.text);
        doctor_remedy(doctor, may_read(folder, time)
                      ? "make another: lmdb-loader checkpoint … --once"
                      : "run this as root, or as the workers' user");
        return;
    }

    for (i = 0; i < checkpoint.shards; i++) {
        size += checkpoint.files[i].size;
    }

    if (checkpoint_room(doctor->checkpoints, &room) && room < size) {
        doctor_find(doctor, DOCTOR_WARNING, "%s: the next checkpoint may take "
                    "%llu bytes, and %llu are free", doctor->checkpoints,
                    (unsigned long long) size, (unsigned long long) room);
        doctor_remedy(doctor, "make room, or keep fewer (--keep)");
    }
}


bool
doctor_checkpoints(doctor_t *doctor)
{
    struct stat   st;
    onsite_ms_t   times[CHECKPOINT_MAX];

    if (doctor->checkpoints == NULL) {
        return false;
    }

    if (stat(doctor->checkpoints, &st) != 0) {
        doctor_find(doctor, DOCTOR_ERROR, "%s: %s", doctor->checkpoints,
                    strerror(errno));
        doctor_remedy(doctor, "lmdb-loader checkpoint makes it, where it may "
                      "write: install -d -m 700 -o USER %s",
                      doctor->checkpoints);
        return true;
    }

    if (checkpoint_list(doctor->checkpoints, times) == 0) {
        doctor_find(doctor, DOCTOR_WARNING, "%s has no checkpoint",
                    doctor->checkpoints);
        doctor_remedy(doctor, "lmdb-loader checkpoint … --to %s --once",
                      doctor->checkpoints);

    } else {
        look_at_latest(doctor, times[0]);
    }

    return true;
}


/* Files of events */

bool
doctor_drain(doctor_t *doctor)
{
    bool             looked = false;
    size_t           i;
    const char      *to;
    struct stat      st;
    const config_t  *config = doctor->config;

    for (i = 0; config != NULL && i < config->n; i++) {
        to = config_value(&config->sections[i], "to");

        if (strcmp(config->sections[i].kind, "drain") != 0 || to == NULL
            || strncmp(to, "file:", 5) != 0)
        {
            continue;
        }

        looked = true;
        to += 5;
        errno = 0;

        if (stat(to, &st) != 0 || !S_ISDIR(st.st_mode)) {
            doctor_find(doctor, DOCTOR_ERROR, "[%s] %s: %s",
                        config->sections[i].name, to,
                        strerror(errno != 0 ? errno : ENOTDIR));
            doctor_remedy(doctor, "make the folder, and give it to whom the "
                          "sidecar runs as: install -d -m 750 -o USER %s", to);
        }
    }

    return looked;
}
