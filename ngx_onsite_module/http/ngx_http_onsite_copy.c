/*
 * ngx_http_onsite_copy.c - copies of snapshots in the state's folder: what
 * they are called, and which are there.
 */

#include "ngx_http_onsite.h"

#include <glob.h>


/* Another one for each file that a snapshot was in. */

void
ngx_http_onsite_copy_name(char *copy, const char *folder, ino_t inode,
    const struct timespec *modified)
{
    (void) snprintf(copy, NGX_MAX_PATH, "%s/snapshot-%lx-%lx-%lx.mdb", folder,
                    (unsigned long) inode, (unsigned long) modified->tv_sec,
                    (unsigned long) modified->tv_nsec);
}


static ngx_uint_t
find(const char *folder, glob_t *found)
{
    char  pattern[NGX_MAX_PATH];

    (void) snprintf(pattern, sizeof(pattern), "%s/snapshot-*.mdb", folder);

    return glob(pattern, GLOB_NOSORT, NULL, found) == 0;
}


ngx_uint_t
ngx_http_onsite_copy_others(const char *folder, const char *copy)
{
    size_t      i;
    glob_t      found;
    ngx_uint_t  others;

    others = 0;

    if (find(folder, &found)) {
        for (i = 0; i < found.gl_pathc; i++) {
            others += strcmp(found.gl_pathv[i], copy) != 0;
        }

        globfree(&found);
    }

    return others;
}


/* Copies of other files have had their time: whoever maps one keeps it. */

void
ngx_http_onsite_copy_alone(const char *folder, const char *copy)
{
    size_t  i;
    glob_t  found;

    if (find(folder, &found)) {
        for (i = 0; i < found.gl_pathc; i++) {
            if (strcmp(found.gl_pathv[i], copy) != 0) {
                (void) unlink(found.gl_pathv[i]);
            }
        }

        globfree(&found);
    }
}
