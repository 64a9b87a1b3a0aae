/*
 * sync_folder.c - keeps a snapshot file current from a folder, or a file.
 *
 * The newest snapshot that verifies is copied beside the target, synced,
 * verified again as the copy it is, and renamed over the target: readers see
 * the old file or all of the new one.  An older version never replaces a newer
 * one.
 */

#include "sync.h"

#include "checkpoint.h"
#include "files.h"
#include "stop.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    const sync_options_t  *options;
    const char            *from;        /* path, without file://           */
    const char            *to;
    struct timespec        seen;        /* change of the file that was last
                                           looked at                       */
    ino_t                  seen_inode;
    char                   refused[PATH_MAX];   /* told of once, not at each
                                                   look                    */
} sync_t;

/* The version of a snapshot that verifies, or 0. */

static uint64_t
version_of(const char *path, onsite_error_t *error)
{
    uint64_t            version;
    onsite_snapshot_t  *snapshot;

    if (onsite_snapshot_open(path, &snapshot, error) != ONSITE_OK) {
        return 0;
    }

    version = onsite_snapshot_info(snapshot)->version;
    onsite_snapshot_close(snapshot);

    return version;
}


static bool
changed(sync_t *sync, const char *path)
{
    struct stat  st;

    if (stat(path, &st) != 0) {
        return false;
    }

    if (st.st_ino == sync->seen_inode
        && st.st_mtim.tv_sec == sync->seen.tv_sec
        && st.st_mtim.tv_nsec == sync->seen.tv_nsec)
    {
        return false;
    }

    sync->seen_inode = st.st_ino;
    sync->seen = st.st_mtim;

    return true;
}


static void
refuse(sync_t *sync, const char *path, const onsite_error_t *error)
{
    if (strcmp(sync->refused, path) != 0) {
        loader_complain("refused: %s", error->text);
        (void) snprintf(sync->refused, sizeof(sync->refused), "%s", path);
    }
}


/* The newest that verifies in a folder, into path. */

static uint64_t
newest_of(sync_t *sync, DIR *dir, char *path)
{
    char            candidate[PATH_MAX];
    uint64_t        version, best = 0;
    const char     *dot;
    onsite_error_t  error;
    struct dirent  *entry;

    while ((entry = readdir(dir)) != NULL) {
        dot = strrchr(entry->d_name, '.');

        if (dot == NULL || strcmp(dot, ".mdb") != 0
            || snprintf(candidate, sizeof(candidate), "%s/%s", sync->from,
                        entry->d_name) >= (int) sizeof(candidate))
        {
            continue;
        }

        version = version_of(candidate, &error);

        if (version == 0) {
            refuse(sync, candidate, &error);

        } else if (version > best) {
            best = version;
            memcpy(path, candidate, sizeof(candidate));
        }
    }

    return best;
}


/* What the source offers now: its version, and the file in path.  0: nothing
 * good; *rc then says whether that is a failure. */

static uint64_t
offered(sync_t *sync, char *path, int *rc)
{
    DIR            *dir;
    uint64_t        version;
    onsite_error_t  error = { "" };

    *rc = LOADER_OK;
    dir = opendir(sync->from);

    if (dir != NULL) {
        version = newest_of(sync, dir, path);
        (void) closedir(dir);

        if (version == 0) {
            (void) onsite_error(&error, ONSITE_NOT_FOUND,
                                "%s: no snapshot (*.mdb) that verifies",
                                sync->from);
        }

    } else if (errno == ENOTDIR) {
        (void) snprintf(path, PATH_MAX, "%s", sync->from);
        version = version_of(path, &error);

    } else {
        (void) onsite_error(&error, ONSITE_IO, "%s: %s", sync->from,
                            strerror(errno));
        version = 0;
    }

    if (version == 0) {
        *rc = LOADER_FAILED;
        refuse(sync, sync->from, &error);
    }

    return version;
}


static bool
has_room(const sync_t *sync, const char *from)
{
    char         folder[PATH_MAX];
    uint64_t     room;
    struct stat  st;

    files_folder_of(sync->to, folder);

    if (stat(from, &st) != 0 || !checkpoint_room(folder, &room)
        || room >= (uint64_t) st.st_size)
    {
        return true;
    }

    loader_complain("%s: %s needs %.1f MB, and the disk has %.1f MB free: "
                    "make room there", folder, from,
                    (double) st.st_size / 1e6, (double) room / 1e6);

    return false;
}


static int
put_live(sync_t *sync, const char *from)
{
    onsite_error_t      error = { "" };
    onsite_snapshot_t  *copy;

    if (!has_room(sync, from)) {
        return LOADER_FAILED;
    }

    if (onsite_snapshot_copy(from, sync->to, &copy, &error) != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    onsite_snapshot_close(copy);

    return LOADER_OK;
}


static int
sync_now(sync_t *sync, bool first)
{
    int             rc;
    char            path[PATH_MAX];
    uint64_t        version, live;
    onsite_error_t  error;

    version = offered(sync, path, &rc);
    if (version == 0) {
        return rc;
    }

    live = version_of(sync->to, &error);

    if (version <= live) {
        if (version < live && first) {
            loader_complain("%s has version %llu, older than the live one: "
                            "left alone", path, (unsigned long long) version);
        }
        if (first) {
            sync_tell(sync->options, "current", live);
        }
        return LOADER_OK;
    }

    if (sync->options->dry_run) {
        sync_tell(sync->options, "would be replaced", version);
        return LOADER_OK;
    }

    rc = put_live(sync, path);

    if (rc == LOADER_OK) {
        sync->refused[0] = '\0';
        sync_tell(sync->options, "live", version);
    }

    return rc;
}


/* A store's manifests are no use without keys that are trusted. */

static void
hint_at_trust(const char *folder, const char *site)
{
    char         path[PATH_MAX];
    struct stat  st;

    (void) snprintf(path, sizeof(path), "%s/%s/manifest.json", folder, site);

    if (stat(path, &st) == 0) {
        loader_complain("note: %s is there: --trust FILE.pub takes what is "
                        "signed", path);
    }
}


int
sync_folder(const sync_options_t *options)
{
    int     rc;
    bool    first = true;
    sync_t  sync = { .options = options, .to = options->to };

    sync.from = strncmp(options->from, "file://", 7) == 0
                ? options->from + 7 : options->from;

    if (loader_checking()) {
        return LOADER_OK;
    }

    if (options->once || options->dry_run) {
        rc = sync_now(&sync, true);

        if (rc != LOADER_OK) {
            hint_at_trust(sync.from, options->site);
        }

        return rc;
    }

    while (!loader_stopping) {
        if (changed(&sync, sync.from)) {
            (void) sync_now(&sync, first);
            first = false;
        }

        loader_pause(options->every);
    }

    return LOADER_OK;
}
