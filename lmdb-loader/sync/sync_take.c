/*
 * sync_take.c - a version out of a store among those that are kept.
 *
 * Bytes of the store are looked at by zstd only after their SHA-256, which is
 * signed, was found right.
 */

#include "sync_take.h"

#include "checkpoint.h"
#include "pack.h"
#include "signed.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


static void
path_in(const sync_take_t *take, const char *name, const char *suffix,
    char path[PATH_MAX])
{
    (void) snprintf(path, PATH_MAX, "%s/%.255s%.20s", take->kept->folder,
                    name, suffix);
}


static bool
is_kept(const sync_take_t *take)
{
    bool        same;
    manifest_t  was;

    same = kept_check(take->kept, take->manifest->version, &was, NULL)
           == ONSITE_OK
           && strcmp(was.sha256, take->manifest->sha256) == 0;
    manifest_free(&was);

    return same;
}


static onsite_status_t
add(sync_take_t *take, const char *path, onsite_error_t *error)
{
    return kept_add(take->kept, path, take->manifest->version, take->text,
                    error);
}


/* What is live may be it, where the folder of what was kept is gone. */

static bool
take_live(sync_take_t *take)
{
    char  path[PATH_MAX];

    path_in(take, "adopted", ".new", path);
    (void) unlink(path);

    if (link(take->kept->file, path) != 0) {
        return false;
    }

    if (signed_match(path, take->manifest, NULL) != ONSITE_OK
        || add(take, path, NULL) != ONSITE_OK)
    {
        (void) unlink(path);
        return false;
    }

    return true;
}


/* Downloads that are of no use any more: all but the one of this file, if any
 * is given. */

static void
remove_parts(const sync_take_t *take, const manifest_file_t *but)
{
    DIR            *dir;
    char            path[PATH_MAX];
    struct dirent  *entry;

    dir = opendir(take->kept->folder);
    if (dir == NULL) {
        return;
    }

    while ((entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, ".part") != NULL
            && (but == NULL
                || strncmp(entry->d_name, but->sha256, FILES_SHA256) != 0))
        {
            path_in(take, entry->d_name, "", path);
            (void) unlink(path);
        }
    }

    (void) closedir(dir);
}


/* Of what comes, but for what came already, and of what it unpacks to. */

static onsite_status_t
check_room(const sync_take_t *take, const manifest_file_t *file,
    const char *part, onsite_error_t *error)
{
    uint64_t           room, needed = file->size;
    struct stat        st;
    const manifest_t  *m = take->manifest;

    if (stat(part, &st) == 0 && (uint64_t) st.st_size <= needed) {
        needed -= (uint64_t) st.st_size;
    }

    if (file->from[0] != '\0' || signed_is_packed(file)) {
        needed += m->size;
    }

    if (!checkpoint_room(take->kept->folder, &room) || room >= needed) {
        return ONSITE_OK;
    }

    return onsite_error(error, ONSITE_FULL, "%s: version %llu needs %.1f MB, "
                        "and the disk has %.1f MB free: %.1f MB are missing; "
                        "make room there", take->kept->folder,
                        (unsigned long long) m->version,
                        (double) needed / 1e6, (double) room / 1e6,
                        (double) (needed - room) / 1e6 + 0.05);
}


/* The object of a file of the manifest, into path. */

static onsite_status_t
fetch(sync_take_t *take, const manifest_file_t *file, char path[PATH_MAX],
    onsite_error_t *error)
{
    char             name[REMOTE_NAME_MAX], hex[FILES_SHA256 + 1];
    uint64_t         size;
    remote_fetch_t   fetched = { .path = path, .size = file->size,
                                 .bar = take->bar };
    onsite_status_t  status;

    remove_parts(take, file);
    path_in(take, file->sha256, ".part", path);
    (void) snprintf(name, sizeof(name), "%s/%s", take->manifest->site,
                    file->path);
    status = check_room(take, file, path, error);

    if (status != ONSITE_OK) {
        return status;
    }

    bar_start(take->bar, "fetching", file->size);
    status = remote_fetch(take->remote, name, &fetched, error);
    bar_clear(take->bar);
    take->received += fetched.received;
    kept_give(take->kept, path);

    if (status == ONSITE_OK) {
        status = files_sha256(path, hex, &size, error);
    }

    if (status == ONSITE_OK && strcmp(hex, file->sha256) != 0) {
        (void) unlink(path);
        status = onsite_error(error, ONSITE_CORRUPT, "%s/%s is not what was "
                              "signed: its SHA-256 is another",
                              remote_url(take->remote), name);
    }

    return status;
}


/* What was fetched becomes the snapshot; old: what a patch changes. */

static onsite_status_t
unpack(sync_take_t *take, const manifest_file_t *file, const char *part,
    const char *old, onsite_error_t *error)
{
    char             path[PATH_MAX];
    onsite_status_t  status = ONSITE_OK;

    path_in(take, "unpacked", ".new", path);

    if (old != NULL || signed_is_packed(file)) {
        status = pack_open(part, old, path, take->manifest->size, error);

    } else if (rename(part, path) != 0) {
        status = onsite_error(error, ONSITE_IO, "%s: cannot be renamed to %s:"
                              " %s", part, path, strerror(errno));
    }

    if (status == ONSITE_OK) {
        status = signed_match(path, take->manifest, error);

        if (status == ONSITE_OK) {
            status = add(take, path, error);
        }

        if (status != ONSITE_OK) {
            (void) unlink(path);
        }
    }

    /* with the room that is missing, what came is still good */
    if (status != ONSITE_IO) {
        (void) unlink(part);
    }

    return status;
}


static onsite_status_t
take_patch(sync_take_t *take, onsite_error_t *error)
{
    char                    part[PATH_MAX], old[PATH_MAX];
    size_t                  i;
    onsite_status_t         status;
    const manifest_t       *m = take->manifest;
    const manifest_file_t  *patch = NULL;

    for (i = 0; i < m->n_patches; i++) {
        if (strcmp(m->patches[i].from, take->state->live.sha256) == 0
            && m->patches[i].size < m->body.size)
        {
            patch = &m->patches[i];
        }
    }

    if (patch == NULL) {
        return onsite_error(error, ONSITE_NOT_FOUND, "no patch");
    }

    kept_path(take->kept, take->state->live.version, ".mdb", old);

    if (access(old, R_OK) != 0) {
        return onsite_error(error, ONSITE_NOT_FOUND, "%s is gone", old);
    }

    status = fetch(take, patch, part, error);

    return status == ONSITE_OK ? unpack(take, patch, part, old, error)
                               : status;
}


static onsite_status_t
take_whole(sync_take_t *take, onsite_error_t *error)
{
    char             part[PATH_MAX];
    onsite_status_t  status;

    status = fetch(take, &take->manifest->body, part, error);

    return status == ONSITE_OK
           ? unpack(take, &take->manifest->body, part, NULL, error) : status;
}


/* Whatever is wrong with a patch, the whole may be right; but it is larger. */

onsite_status_t
sync_take(sync_take_t *take, onsite_error_t *error)
{
    onsite_status_t  status = ONSITE_OK;

    if (!is_kept(take) && !take_live(take)) {
        status = take_patch(take, error);

        if (status != ONSITE_OK && status != ONSITE_FULL) {
            status = take_whole(take, error);
        }
    }

    if (status == ONSITE_OK) {
        remove_parts(take, NULL);
    }

    return status;
}
