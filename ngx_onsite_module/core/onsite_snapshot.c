/*
 * onsite_snapshot.c - opening and reading snapshots.
 *
 * The file is immutable, so it is mapped without locks and one read
 * transaction lasts as long as the snapshot.
 */

#include "onsite_snapshot_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS     (MDB_RDONLY|MDB_NOLOCK|MDB_NOSUBDIR|MDB_NOTLS)
#define ATTEMPTS  3

#define REBUILD  "have it built again (lmdb-loader build) or fetched (sync)"


static onsite_status_t
lmdb_error(const char *path, int rc, const char *doing,
    onsite_error_t *error)
{
    return onsite_error(error, rc == ENOMEM ? ONSITE_NO_MEMORY : ONSITE_IO,
                        "snapshot %s: cannot %s: %s", path, doing,
                        mdb_strerror(rc));
}


/* Before LMDB sees the file */

static onsite_status_t
check_seal(const char *path, int fd, const onsite_lmdb_facts_t *facts,
    onsite_error_t *error)
{
    seal_t    seal;
    uint64_t  checksum;

    if (pread(fd, &seal, sizeof(seal), seal_offset(facts)) != sizeof(seal)
        || seal.magic != SEAL_MAGIC)
    {
        return onsite_error(error, ONSITE_CORRUPT, "snapshot %s has no seal: "
                            "it is an LMDB file of something else; " REBUILD,
                            path);
    }

    if (seal.format != ONSITE_SNAPSHOT_FORMAT
        || seal.order != ONSITE_IMAGE_ORDER)
    {
        return onsite_error(error, ONSITE_VERSION, "snapshot %s is of format "
                            "%u (or another byte order), this version reads "
                            "%d; have it built by an lmdb-loader of this "
                            "version", path,
                            (unsigned) seal.format, ONSITE_SNAPSHOT_FORMAT);
    }

    if (seal.size != facts->file_size) {
        return onsite_error(error, ONSITE_CORRUPT, "snapshot %s has %llu "
                            "bytes where its seal says %llu: copy it again, "
                            "or " REBUILD, path,
                            (unsigned long long) facts->file_size,
                            (unsigned long long) seal.size);
    }

    if (snapshot_checksum(fd, facts, &checksum) != ONSITE_OK) {
        return onsite_error(error, ONSITE_IO, "snapshot %s: cannot be read: "
                            "%s", path, strerror(errno));
    }

    if (seal.checksum != checksum) {
        return onsite_error(error, ONSITE_CORRUPT, "snapshot %s is damaged: "
                            "its checksum is wrong: copy it again, or "
                            REBUILD, path);
    }

    return ONSITE_OK;
}


onsite_status_t
snapshot_check_file(const char *path, int fd, uint64_t *bytes,
    onsite_error_t *error)
{
    const char           *why;
    onsite_status_t       status;
    onsite_lmdb_facts_t   facts;

    status = onsite_lmdb_inspect(fd, &facts, &why);
    *bytes = facts.file_size;

    if (status != ONSITE_OK) {
        return onsite_error(error, status, "snapshot %s %s; " REBUILD, path,
                            why);
    }

    return check_seal(path, fd, &facts, error);
}


/* Opening */

static int
open_sub_databases(onsite_snapshot_t *s)
{
    int  rc;

    rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->txn);
    if (rc != 0) {
        s->txn = NULL;
        return rc;
    }

    rc = mdb_dbi_open(s->txn, "meta", 0, &s->meta);

    if (rc == 0) {
        rc = mdb_dbi_open(s->txn, "sites", 0, &s->sites);
    }

    if (rc == 0) {
        rc = mdb_dbi_open(s->txn, "campaigns", 0, &s->campaigns);
    }

    if (rc == 0) {
        rc = snapshot_open_tables(s);
    }

    return rc;
}


static int
open_env(onsite_snapshot_t *s, const char *path)
{
    int  rc;

    rc = mdb_env_create(&s->env);
    if (rc != 0) {
        s->env = NULL;
        return rc;
    }

    (void) mdb_env_set_maxdbs(s->env, SUB_DATABASES);

    return mdb_env_open(s->env, path, FLAGS, 0);
}


/* What was checked and what LMDB opened by name must be one file. */

static bool
same_file(int fd, MDB_env *env)
{
    int          other;
    struct stat  a, b;

    return mdb_env_get_fd(env, &other) == 0
           && fstat(fd, &a) == 0 && fstat(other, &b) == 0
           && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}


static onsite_status_t
open_checked(onsite_snapshot_t *s, const char *path, bool *replaced,
    onsite_error_t *error)
{
    int              fd, rc;
    onsite_status_t  status;

    *replaced = false;

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return onsite_error(error,
                            errno == ENOENT ? ONSITE_NOT_FOUND : ONSITE_IO,
                            "snapshot %s: cannot be opened: %s", path,
                            strerror(errno));
    }

    status = snapshot_check_file(path, fd, &s->info.bytes, error);

    if (status == ONSITE_OK) {
        rc = open_env(s, path);

        if (rc != 0) {
            status = lmdb_error(path, rc, "map it", error);

        } else if (!same_file(fd, s->env)) {
            *replaced = true;
            status = onsite_error(error, ONSITE_IO, "snapshot %s was replaced"
                                  " while it was opened: try again", path);
        }
    }

    (void) close(fd);

    return status;
}


static void
close_env(onsite_snapshot_t *s)
{
    if (s->txn != NULL) {
        mdb_txn_abort(s->txn);
        s->txn = NULL;
    }

    if (s->env != NULL) {
        mdb_env_close(s->env);
        s->env = NULL;
    }
}


/* Reading.  meta's values are msgpack uint64: 0xcf and 8 bytes, high first. */

static bool
read_number(const onsite_snapshot_t *s, const char *name, uint64_t *number)
{
    size_t                i;
    MDB_val               k, v;
    const unsigned char  *p;

    k = (MDB_val) { strlen(name), (void *) (uintptr_t) name };

    if (mdb_get(s->txn, s->meta, &k, &v) != 0 || v.mv_size != 9) {
        return false;
    }

    p = v.mv_data;

    if (p[0] != 0xcf) {
        return false;
    }

    for (*number = 0, i = 1; i < 9; i++) {
        *number = *number << 8 | p[i];
    }

    return true;
}


static onsite_status_t
read_meta(onsite_snapshot_t *s, const char *path, onsite_error_t *error)
{
    uint64_t  format, built;

    if (!read_number(s, "format", &format)
        || !read_number(s, "version", &s->info.version)
        || !read_number(s, "built", &built))
    {
        return onsite_error(error, ONSITE_CORRUPT, "snapshot %s: its meta "
                            "lacks format, version or built; " REBUILD, path);
    }

    if (format != ONSITE_SNAPSHOT_FORMAT) {
        return onsite_error(error, ONSITE_VERSION, "snapshot %s is of format "
                            "%llu, this version reads %d; have it built by "
                            "an lmdb-loader of this version", path,
                            (unsigned long long) format,
                            ONSITE_SNAPSHOT_FORMAT);
    }

    s->info.built = (onsite_ms_t) built;

    return ONSITE_OK;
}


/* The bin in [format, order, bin32] */

static bool
unwrap_image(MDB_val v, onsite_image_t *image)
{
    size_t                size;
    const unsigned char  *p;

    p = v.mv_data;

    if (v.mv_size < IMAGE_PREFIX || p[0] != 0x93
        || p[1] != ONSITE_SNAPSHOT_FORMAT || p[2] != native_order()
        || p[3] != 0xc6)
    {
        return false;
    }

    size = (size_t) p[4] << 24 | (size_t) p[5] << 16 | (size_t) p[6] << 8
           | p[7];

    if (size != v.mv_size - IMAGE_PREFIX) {
        return false;
    }

    *image = (onsite_image_t) { p + IMAGE_PREFIX, size };

    return true;
}


/* An image of its own pages is aligned; a small one lies anywhere in a leaf. */

static bool
align_image(site_t *site)
{
    if ((uintptr_t) site->image.base % 8 == 0) {
        return true;
    }

    site->heap = malloc(site->image.size);
    if (site->heap == NULL) {
        return false;
    }

    memcpy(site->heap, site->image.base, site->image.size);
    site->image.base = site->heap;

    return true;
}


static onsite_status_t
take_site(onsite_snapshot_t *s, const char *path, MDB_val k, MDB_val v,
    onsite_error_t *error)
{
    site_t           *site = &s->site[s->info.sites];
    onsite_error_t    why;
    onsite_status_t   status;

    site->name = onsite_str(k.mv_data, k.mv_size);

    if (!unwrap_image(v, &site->image)) {
        return onsite_error(error, ONSITE_CORRUPT, "snapshot %s: site %.*s: "
                            "not an image; " REBUILD, path,
                            (int) k.mv_size, site->name.data);
    }

    s->info.sites++;

    if (!align_image(site)) {
        return onsite_error(error, ONSITE_NO_MEMORY, "snapshot %s: out of "
                            "memory", path);
    }

    status = onsite_image_verify(&site->image, &why);

    if (status != ONSITE_OK) {
        return onsite_error(error, status, "snapshot %s: site %.*s: %s; "
                            REBUILD, path, (int) k.mv_size, site->name.data,
                            why.text);
    }

    s->info.campaigns += onsite_image_header(&site->image)->n_campaigns;

    return ONSITE_OK;
}


static onsite_status_t
read_sites(onsite_snapshot_t *s, const char *path, onsite_error_t *error)
{
    int               rc;
    MDB_val           k, v;
    MDB_stat          stat;
    MDB_cursor       *cursor;
    onsite_status_t   status;

    rc = mdb_stat(s->txn, s->sites, &stat);

    if (rc == 0) {
        rc = mdb_cursor_open(s->txn, s->sites, &cursor);
    }

    if (rc != 0) {
        return lmdb_error(path, rc, "read its sites", error);
    }

    status = ONSITE_OK;
    s->site = calloc(stat.ms_entries + 1, sizeof(site_t));

    if (s->site == NULL) {
        status = onsite_error(error, ONSITE_NO_MEMORY, "snapshot %s: out of "
                              "memory", path);
    }

    while (status == ONSITE_OK && s->info.sites < stat.ms_entries) {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);

        status = rc == 0 ? take_site(s, path, k, v, error)
                 : lmdb_error(path, rc, "read its sites", error);
    }

    mdb_cursor_close(cursor);

    return status;
}


static onsite_status_t
load(onsite_snapshot_t *s, const char *path, onsite_error_t *error)
{
    int              rc;
    onsite_status_t  status;

    rc = open_sub_databases(s);
    if (rc == MDB_NOTFOUND) {
        return onsite_error(error, ONSITE_CORRUPT, "snapshot %s lacks meta, "
                            "sites or campaigns; " REBUILD, path);
    }

    if (rc != 0) {
        return lmdb_error(path, rc, "read it", error);
    }

    status = read_meta(s, path, error);

    return status == ONSITE_OK ? read_sites(s, path, error) : status;
}


onsite_status_t
onsite_snapshot_open(const char *path, onsite_snapshot_t **snapshot,
    onsite_error_t *error)
{
    int                 i;
    bool                replaced;
    onsite_status_t     status;
    onsite_snapshot_t  *s;

    *snapshot = NULL;

    s = calloc(1, sizeof(onsite_snapshot_t));
    if (s == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "snapshot %s: out of "
                            "memory", path);
    }

    status = open_checked(s, path, &replaced, error);

    for (i = 1; i < ATTEMPTS && replaced; i++) {
        close_env(s);
        status = open_checked(s, path, &replaced, error);
    }

    if (status == ONSITE_OK) {
        status = load(s, path, error);
    }

    if (status != ONSITE_OK) {
        onsite_snapshot_close(s);
        return status;
    }

    *snapshot = s;

    return ONSITE_OK;
}


void
onsite_snapshot_close(onsite_snapshot_t *snapshot)
{
    size_t  i;

    if (snapshot == NULL) {
        return;
    }

    for (i = 0; i < snapshot->info.sites; i++) {
        free(snapshot->site[i].heap);
    }

    close_env(snapshot);
    free(snapshot->site);
    free(snapshot);
}


const onsite_snapshot_info_t *
onsite_snapshot_info(const onsite_snapshot_t *snapshot)
{
    return &snapshot->info;
}


onsite_status_t
onsite_snapshot_site(const onsite_snapshot_t *snapshot, size_t i,
    onsite_str_t *name, onsite_image_t *image)
{
    if (i >= snapshot->info.sites) {
        return ONSITE_NOT_FOUND;
    }

    *name = snapshot->site[i].name;
    *image = snapshot->site[i].image;

    return ONSITE_OK;
}


onsite_status_t
onsite_snapshot_walk(const onsite_snapshot_t *snapshot,
    onsite_snapshot_visit_pt visit, void *data)
{
    int           rc;
    MDB_val       k, v;
    const char   *key, *zero;
    MDB_cursor   *cursor;

    rc = mdb_cursor_open(snapshot->txn, snapshot->campaigns, &cursor);
    if (rc != 0) {
        return ONSITE_IO;
    }

    while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
        key = k.mv_data;
        zero = memchr(key, '\0', k.mv_size);

        if (zero == NULL) {
            continue;
        }

        if (!visit(data, onsite_str(key, (size_t) (zero - key)),
                   onsite_str(zero + 1,
                              k.mv_size - (size_t) (zero + 1 - key)),
                   onsite_str(v.mv_data, v.mv_size)))
        {
            rc = MDB_NOTFOUND;
            break;
        }
    }

    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? ONSITE_OK : ONSITE_CORRUPT;
}
