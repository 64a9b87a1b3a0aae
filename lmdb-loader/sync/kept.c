/*
 * kept.c - versions that a POP keeps, and how one of them goes live.
 */

#include "kept.h"

#include "onsite_snapshot.h"
#include "signed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS  10000              /* for who changes what is kept        */
#define STEP_MS  50


static void
path_of(const kept_t *kept, const char *name, char path[PATH_MAX])
{
    (void) snprintf(path, PATH_MAX, "%s/%.255s", kept->folder, name);
}


onsite_status_t
kept_init(kept_t *kept, const char *file, onsite_error_t *error)
{
    *kept = (kept_t) { .file = file, .only = -1, .changing = -1 };
    kept_find_owner(kept);

    return snprintf(kept->folder, sizeof(kept->folder), "%s.sync", file)
           < KEPT_FOLDER_MAX ? ONSITE_OK
           : onsite_error(error, ONSITE_INVALID, "%s: the name is too long",
                          file);
}


/* Locks */

static void
close_lock(int *fd)
{
    if (*fd >= 0) {
        (void) close(*fd);
        *fd = -1;
    }
}


static onsite_status_t
open_lock(const kept_t *kept, const char *name, int *fd,
    onsite_error_t *error)
{
    char  path[PATH_MAX];

    path_of(kept, name, path);
    *fd = files_open_lock(path);

    /* another user's lock can be locked, and nothing be written */

    if ((*fd >= 0 || errno == EACCES) && !kept_is_ours(kept)) {
        close_lock(fd);
        return kept_not_ours(kept, error);
    }

    return *fd >= 0 ? ONSITE_OK
           : onsite_error(error,
                          errno == ENOENT ? ONSITE_NOT_FOUND : ONSITE_IO,
                          "%s: cannot be opened: %s", path, strerror(errno));
}


onsite_status_t
kept_begin(kept_t *kept, onsite_error_t *error)
{
    char             path[PATH_MAX], does[PATH_MAX + 8];
    onsite_status_t  status;

    status = kept_make_folder(kept, error);
    if (status != ONSITE_OK) {
        return status;
    }

    path_of(kept, "lock", path);
    (void) snprintf(does, sizeof(does), "syncs %s", kept->file);
    status = files_lock(path, does, &kept->only, error);

    if (status != ONSITE_OK) {
        return status;
    }

    /* a rollback may be writing; where it takes long, the next one removes
     * them */

    if (kept_lock(kept, NULL) == ONSITE_OK) {
        kept_remove_halves(kept);
        kept_unlock(kept);
    }

    return ONSITE_OK;
}


onsite_status_t
kept_lock(kept_t *kept, onsite_error_t *error)
{
    int              waited;
    onsite_status_t  status;
    struct timespec  step = { 0, STEP_MS * 1000000 };

    status = open_lock(kept, "state.lock", &kept->changing, error);
    if (status != ONSITE_OK) {
        return status;
    }

    for (waited = 0; flock(kept->changing, LOCK_EX|LOCK_NB) != 0;
         waited += STEP_MS)
    {
        if (waited >= WAIT_MS) {
            close_lock(&kept->changing);
            return onsite_error(error, ONSITE_IO, "%s: another process has "
                                "been changing it for %d s", kept->folder,
                                WAIT_MS / 1000);
        }

        (void) nanosleep(&step, NULL);
    }

    return ONSITE_OK;
}


void
kept_unlock(kept_t *kept)
{
    close_lock(&kept->changing);
}


void
kept_end(kept_t *kept)
{
    close_lock(&kept->changing);
    close_lock(&kept->only);
}


/* Versions */

void
kept_path(const kept_t *kept, uint64_t version, const char *suffix,
    char path[PATH_MAX])
{
    (void) snprintf(path, PATH_MAX, "%s/%llu%.20s", kept->folder,
                    (unsigned long long) version, suffix);
}


bool
kept_has(const kept_t *kept, uint64_t version)
{
    char  manifest[PATH_MAX], snapshot[PATH_MAX];

    kept_path(kept, version, ".json", manifest);
    kept_path(kept, version, ".mdb", snapshot);

    return access(manifest, F_OK) == 0 && access(snapshot, F_OK) == 0;
}


/* Of "<version>.mdb" with its manifest; 0: it is none. */

static uint64_t
version_of(const kept_t *kept, const char *name)
{
    char      *end;
    uint64_t   version;

    if (*name < '1' || *name > '9') {
        return 0;
    }

    version = strtoull(name, &end, 10);

    if (strcmp(end, ".mdb") != 0 || version > MANIFEST_VERSION_MAX) {
        return 0;
    }

    return kept_has(kept, version) ? version : 0;
}


static int
higher_first(const void *a, const void *b)
{
    uint64_t  x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return (x < y) - (x > y);
}


size_t
kept_list(const kept_t *kept, uint64_t versions[KEPT_MAX])
{
    DIR            *dir;
    size_t          n = 0;
    uint64_t        version;
    struct dirent  *entry;

    dir = opendir(kept->folder);
    if (dir == NULL) {
        return 0;
    }

    while (n < KEPT_MAX && (entry = readdir(dir)) != NULL) {
        version = version_of(kept, entry->d_name);

        if (version != 0) {
            versions[n++] = version;
        }
    }

    (void) closedir(dir);
    qsort(versions, n, sizeof(uint64_t), higher_first);

    return n;
}


onsite_status_t
kept_check(const kept_t *kept, uint64_t version, manifest_t *manifest,
    onsite_error_t *error)
{
    char              path[PATH_MAX];
    onsite_buf_t      text;
    onsite_error_t    why;
    onsite_status_t   status;

    *manifest = (manifest_t) { .version = 0 };
    onsite_buf_init(&text, 0);
    kept_path(kept, version, ".json", path);
    status = files_read(path, MANIFEST_TEXT_MAX, &text, error);

    if (status == ONSITE_OK) {
        status = manifest_parse(manifest, onsite_str(text.data, text.len),
                                &why);

        if (status != ONSITE_OK) {
            (void) onsite_error(error, status, "%s: %s", path, why.text);
        }
    }

    onsite_buf_free(&text);

    if (status == ONSITE_OK) {
        kept_path(kept, version, ".mdb", path);
        status = signed_match(path, manifest, error);
    }

    return status;
}


/* The manifest first: a version is kept when its snapshot is there. */

onsite_status_t
kept_add(const kept_t *kept, const char *path, uint64_t version,
    onsite_str_t manifest, onsite_error_t *error)
{
    char             to[PATH_MAX];
    onsite_status_t  status;

    kept_path(kept, version, ".json", to);
    status = files_write(to, manifest, 0644, true, error);
    if (status != ONSITE_OK) {
        return status;
    }

    kept_give(kept, to);
    kept_path(kept, version, ".mdb", to);

    if (rename(path, to) != 0) {
        return onsite_error(error, ONSITE_IO, "%s: cannot be renamed to %s: "
                            "%s", path, to, strerror(errno));
    }

    kept_give(kept, to);
    (void) files_sync_folder(to);

    return ONSITE_OK;
}


/* Another name for the kept file, or a copy of it where that cannot be. */

onsite_status_t
kept_put_live(const kept_t *kept, uint64_t version, onsite_error_t *error)
{
    char                from[PATH_MAX], new[PATH_MAX];
    onsite_status_t     status;
    onsite_snapshot_t  *copy;

    kept_path(kept, version, ".mdb", from);
    path_of(kept, "live.new", new);
    (void) unlink(new);

    if (link(from, new) == 0) {

        if (rename(new, kept->file) == 0) {
            /* of two names of one file nothing is renamed, and both stay */
            (void) unlink(new);
            (void) files_sync_folder(kept->file);
            return ONSITE_OK;
        }

        (void) onsite_error(error, ONSITE_IO, "%s: cannot be renamed to %s: "
                            "%s", new, kept->file, strerror(errno));
        (void) unlink(new);

        return ONSITE_IO;
    }

    status = onsite_snapshot_copy(from, kept->file, &copy, error);

    if (status == ONSITE_OK) {
        onsite_snapshot_close(copy);
        kept_give(kept, kept->file);
    }

    return status;
}


void
kept_remove(const kept_t *kept, uint64_t version)
{
    char  path[PATH_MAX];

    kept_path(kept, version, ".mdb", path);
    (void) unlink(path);
    kept_path(kept, version, ".json", path);
    (void) unlink(path);
}


void
kept_prune(const kept_t *kept, size_t keep, const kept_state_t *state)
{
    size_t    i, n;
    uint64_t  versions[KEPT_MAX];

    n = kept_list(kept, versions);

    for (i = keep; i < n; i++) {
        if (versions[i] != state->live.version) {
            kept_remove(kept, versions[i]);
        }
    }
}
