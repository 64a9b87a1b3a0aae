/*
 * names.c - names of what records hold hashes of: from a snapshot, or from the
 * copy of it that the workers of a state keep beside the records.
 */

#include "loader.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define COPIES_MAX  16          /* one, and those of a replacement under way */


struct loader_names_s {
    onsite_snapshot_t  *snapshot;       /* NULL: there is none             */
    loader_named_t     *sites;
    size_t              n;
};


typedef struct {
    char             path[PATH_MAX];
    struct timespec  made;
} copy_t;


static bool
is_copy(const char *name)
{
    size_t  len = strlen(name);

    return strncmp(name, "snapshot-", 9) == 0 && len > 4
           && strcmp(name + len - 4, ".mdb") == 0;
}


static int
newest_first(const void *a, const void *b)
{
    const struct timespec  *x = &((const copy_t *) a)->made;
    const struct timespec  *y = &((const copy_t *) b)->made;

    if (x->tv_sec != y->tv_sec) {
        return x->tv_sec < y->tv_sec ? 1 : -1;
    }

    return x->tv_nsec != y->tv_nsec ? (x->tv_nsec < y->tv_nsec ? 1 : -1) : 0;
}


static size_t
find_copies(const char *state, copy_t *copies)
{
    DIR            *dir = opendir(state);
    size_t          n = 0;
    copy_t         *copy;
    struct stat     st;
    struct dirent  *entry;

    while (dir != NULL && n < COPIES_MAX && (entry = readdir(dir)) != NULL) {
        copy = &copies[n];

        if (is_copy(entry->d_name)
            && snprintf(copy->path, sizeof(copy->path), "%s/%s", state,
                        entry->d_name) < (int) sizeof(copy->path)
            && stat(copy->path, &st) == 0)
        {
            copy->made = st.st_mtim;
            n++;
        }
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }

    qsort(copies, n, sizeof(copy_t), newest_first);

    return n;
}


onsite_snapshot_t *
loader_live_snapshot(const char *state)
{
    size_t              i, n;
    copy_t             *copies = calloc(COPIES_MAX, sizeof(copy_t));
    onsite_error_t      unused = { "" };
    onsite_snapshot_t  *snapshot = NULL;

    if (copies == NULL) {
        return NULL;
    }

    n = find_copies(state, copies);

    for (i = 0; i < n; i++) {
        if (onsite_snapshot_open(copies[i].path, &snapshot, &unused)
            == ONSITE_OK)
        {
            break;
        }

        snapshot = NULL;
    }

    free(copies);

    return snapshot;
}


bool
loader_live_path(const char *state, char *path)
{
    size_t   n = 0;
    copy_t  *copies = calloc(COPIES_MAX, sizeof(copy_t));

    if (copies != NULL) {
        n = find_copies(state, copies);
    }

    if (n != 0) {
        (void) snprintf(path, PATH_MAX, "%s", copies[0].path);
    }

    free(copies);

    return n != 0;
}


int
loader_find_site(const onsite_snapshot_t *snapshot, const char *path,
    onsite_str_t wanted, onsite_str_t *name, onsite_image_t *image)
{
    size_t  i;

    for (i = 0; i < onsite_snapshot_info(snapshot)->sites; i++) {
        if (onsite_snapshot_site(snapshot, i, name, image) == ONSITE_OK
            && onsite_str_eq(*name, wanted))
        {
            return LOADER_OK;
        }
    }

    loader_complain("%s: there is no site \"%.*s\" in it (see `lmdb-loader "
                    "inspect`)", path, (int) wanted.len, wanted.data);

    return LOADER_FAILED;
}


/* Those of the snapshot come first: they have images. */

static void
take_sites(loader_names_t *names, onsite_str_t known)
{
    size_t           i, n = 0;
    loader_named_t  *site;

    if (names->snapshot != NULL) {
        n = onsite_snapshot_info(names->snapshot)->sites;
    }

    names->sites = calloc(n + 1, sizeof(loader_named_t));
    if (names->sites == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        site = &names->sites[names->n];

        if (onsite_snapshot_site(names->snapshot, i, &site->name,
                                 &site->of_site) == ONSITE_OK)
        {
            site->hash = onsite_site_hash(site->name);
            site->image = &site->of_site;
            names->n++;
        }
    }

    names->sites[names->n++] = (loader_named_t) {
        .hash = onsite_site_hash(known), .name = known
    };
}


int
loader_names_open(const char *state, const char *snapshot, onsite_str_t known,
    loader_names_t **out)
{
    onsite_error_t   error = { "" };
    loader_names_t  *names = calloc(1, sizeof(loader_names_t));

    *out = names;

    if (names == NULL) {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    if (snapshot == NULL) {
        names->snapshot = loader_live_snapshot(state);

    } else if (onsite_snapshot_open(snapshot, &names->snapshot, &error)
               != ONSITE_OK)
    {
        names->snapshot = NULL;
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    take_sites(names, known);

    if (names->sites == NULL) {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


void
loader_names_close(loader_names_t *names)
{
    if (names == NULL) {
        return;
    }

    if (names->snapshot != NULL) {
        onsite_snapshot_close(names->snapshot);
    }

    free(names->sites);
    free(names);
}


const loader_named_t *
loader_names_of(const loader_names_t *names, uint32_t hash)
{
    size_t  i;

    static const loader_named_t  nobody;

    for (i = 0; i < names->n; i++) {
        if (names->sites[i].hash == hash) {
            return &names->sites[i];
        }
    }

    return &nobody;
}
