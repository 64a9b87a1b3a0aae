/*
 * kept_folder.c - FILE.sync/ itself: whose it is, and its room on the disk.
 */

#include "kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM  (64 * 1024)


static void
path_of(const kept_t *kept, const char *name, char path[PATH_MAX])
{
    (void) snprintf(path, PATH_MAX, "%s/%.255s", kept->folder, name);
}


/* Whose */

void
kept_find_owner(kept_t *kept)
{
    char         folder[PATH_MAX];
    struct stat  st;

    files_folder_of(kept->file, folder);

    if (geteuid() == 0 && stat(folder, &st) == 0 && st.st_uid != 0) {
        kept->give = true;
        kept->uid = st.st_uid;
        kept->gid = st.st_gid;
    }
}


/* A link that whoever has FILE's folder put in its place leads nowhere. */

static int
open_folder(const char *path)
{
    return open(path, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
}


/* Only what is root's, and has no other name that somebody gave it. */

void
kept_give(const kept_t *kept, const char *path)
{
    int          fd, at;
    char         folder[PATH_MAX];
    struct stat  st;
    const char  *name = strrchr(path, '/');

    files_folder_of(path, folder);
    at = kept->give ? open_folder(folder) : -1;

    if (at < 0) {
        return;
    }

    fd = openat(at, name != NULL ? name + 1 : path,
                O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);
    (void) close(at);

    if (fd < 0) {
        return;
    }

    if (fstat(fd, &st) == 0 && st.st_uid == 0 && S_ISREG(st.st_mode)
        && st.st_nlink == 1)
    {
        (void) !fchown(fd, kept->uid, kept->gid);
    }

    (void) close(fd);
}


/* In a folder of root's nobody but root has put anything. */

static void
give_all(const kept_t *kept)
{
    int             fd;
    DIR            *dir;
    struct stat     st;
    struct dirent  *entry;

    fd = kept->give ? open_folder(kept->folder) : -1;
    dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (dir == NULL) {
        if (fd >= 0) {
            (void) close(fd);
        }

        return;
    }

    if (fstat(dirfd(dir), &st) == 0 && st.st_uid == 0
        && (st.st_mode & (S_IWGRP|S_IWOTH)) == 0)
    {
        while ((entry = readdir(dir)) != NULL) {
            if (strcmp(entry->d_name, "..") != 0) {
                (void) !fchownat(dirfd(dir), entry->d_name, kept->uid,
                                 kept->gid, AT_SYMLINK_NOFOLLOW);
            }
        }
    }

    (void) closedir(dir);
}


static void
name_of(uid_t uid, char *name, size_t size)
{
    struct passwd  *user = getpwuid(uid);

    if (user != NULL) {
        (void) snprintf(name, size, "%s", user->pw_name);

    } else {
        (void) snprintf(name, size, "%u", (unsigned) uid);
    }
}


/* Says what helps of the folder at path, which is another user's. */

static onsite_status_t
not_ours(const char *folder, const char *what, onsite_error_t *error)
{
    char         owner[64], we[64];
    struct stat  st;

    if (stat(folder, &st) != 0) {
        return onsite_error(error, ONSITE_IO, "%s: %s", folder,
                            strerror(errno));
    }

    name_of(st.st_uid, owner, sizeof(owner));
    name_of(geteuid(), we, sizeof(we));

    return onsite_error(error, ONSITE_IO, "%s: %s: Permission denied: it "
                        "belongs to user %s, and this runs as %s: chown -R "
                        "%s %s", folder, what, owner, we, we, folder);
}


bool
kept_is_ours(const kept_t *kept)
{
    return faccessat(AT_FDCWD, kept->folder, W_OK|X_OK, AT_EACCESS) == 0
           || errno != EACCES;
}


onsite_status_t
kept_not_ours(const kept_t *kept, onsite_error_t *error)
{
    return not_ours(kept->folder, "cannot be written into", error);
}


onsite_status_t
kept_make_folder(const kept_t *kept, onsite_error_t *error)
{
    char  parent[PATH_MAX], what[PATH_MAX + 32];

    if (mkdir(kept->folder, 0755) != 0 && errno != EEXIST) {
        if (errno != EACCES) {
            return onsite_error(error, ONSITE_IO, "%s: cannot be made: %s",
                                kept->folder, strerror(errno));
        }

        files_folder_of(kept->folder, parent);
        (void) snprintf(what, sizeof(what), "%s cannot be made",
                        kept->folder);

        return not_ours(parent, what, error);
    }

    give_all(kept);

    return kept_is_ours(kept) ? ONSITE_OK : kept_not_ours(kept, error);
}


/* Room */

void
kept_keep_room(const kept_t *kept)
{
    char         path[PATH_MAX];
    static char  bytes[ROOM];

    path_of(kept, "room", path);

    if (access(path, F_OK) == 0) {
        return;
    }

    memset(bytes, '.', sizeof(bytes));

    if (files_write(path, onsite_str(bytes, sizeof(bytes)), 0644, true, NULL)
        == ONSITE_OK)
    {
        kept_give(kept, path);
    }
}


static void
remove_all(const kept_t *kept, const char *with)
{
    DIR            *dir;
    char            path[PATH_MAX];
    struct dirent  *entry;

    dir = opendir(kept->folder);
    if (dir == NULL) {
        return;
    }

    while ((entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, with) != NULL) {
            path_of(kept, entry->d_name, path);
            (void) unlink(path);
        }
    }

    (void) closedir(dir);
}


void
kept_remove_halves(const kept_t *kept)
{
    remove_all(kept, ".new");
}


/* A sync that goes on finds its download gone, and begins it anew. */

void
kept_make_room(const kept_t *kept)
{
    char  path[PATH_MAX];

    path_of(kept, "room", path);
    (void) unlink(path);
    remove_all(kept, ".part");
    remove_all(kept, "unpacked.new");
}
