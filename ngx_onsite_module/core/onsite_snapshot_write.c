/*
 * onsite_snapshot_write.c - writing snapshots.
 */

#include "onsite_snapshot_private.h"
#include "onsite_msgpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FLAGS      (MDB_NOLOCK|MDB_NOSUBDIR|MDB_NOSYNC)
#define KEY_MAX    511
#define MAP_SPARE  (4u * 1024 * 1024)

typedef struct {
    const char                    *path;
    char                           making[PATH_MAX];
    uint64_t                       version;
    onsite_ms_t                    built;
    const onsite_snapshot_site_t  *sites;
    size_t                         n;
    const onsite_snapshot_rows_t  *tables;      /* NULL: none              */
    MDB_env                       *env;
    MDB_txn                       *txn;
    onsite_buf_t                   buf;
    onsite_error_t                *error;
} writing_t;


static onsite_status_t
system_error(const writing_t *w, const char *doing)
{
    return onsite_error(w->error, ONSITE_IO, "snapshot %s: cannot %s: %s",
                        w->making, doing, strerror(errno));
}


static onsite_status_t
lmdb_error(const writing_t *w, int rc, const char *doing)
{
    return onsite_error(w->error, rc == ENOMEM ? ONSITE_NO_MEMORY : ONSITE_IO,
                        "snapshot %s: cannot %s: %s", w->making, doing,
                        mdb_strerror(rc));
}


static bool
is_name(onsite_str_t name)
{
    return name.len != 0 && name.len <= ONSITE_SITE_MAX
           && memchr(name.data, '\0', name.len) == NULL;
}


static onsite_status_t
check_names(const writing_t *w)
{
    size_t  i, j;

    for (i = 0; i < w->n; i++) {
        if (!is_name(w->sites[i].name)) {
            return onsite_error(w->error, ONSITE_INVALID, "snapshot %s: the "
                                "name of site %zu is not 1 .. %d bytes",
                                w->path, i, ONSITE_SITE_MAX);
        }

        for (j = 0; j < w->sites[i].n; j++) {
            if (!is_name(w->sites[i].ids[j])) {
                return onsite_error(w->error, ONSITE_INVALID, "snapshot %s: "
                                    "the id of campaign %zu of site %.*s is "
                                    "not 1 .. %d bytes", w->path, j,
                                    (int) w->sites[i].name.len,
                                    w->sites[i].name.data, ONSITE_SITE_MAX);
            }
        }
    }

    return ONSITE_OK;
}


/* Enough of a map: LMDB fills pages by half at least. */

static onsite_status_t
measure(writing_t *w, size_t *bytes)
{
    size_t  i, j;

    *bytes = MAP_SPARE + snapshot_tables_room(w->tables);

    for (i = 0; i < w->n; i++) {
        *bytes += w->sites[i].image.size + 16384;

        for (j = 0; j < w->sites[i].n; j++) {
            onsite_buf_clear(&w->buf);
            onsite_value_write_msgpack(&w->buf, &w->sites[i].definitions[j]);

            if (w->buf.failed) {
                return onsite_error(w->error, ONSITE_NO_MEMORY,
                                    "snapshot %s: out of memory", w->path);
            }

            *bytes += 2 * (w->buf.len + KEY_MAX)
                      + (w->buf.len > 1024 ? 4096 : 0);
        }
    }

    *bytes = (*bytes + 65535) & ~(size_t) 65535;

    return ONSITE_OK;
}


static onsite_status_t
create_env(writing_t *w, size_t bytes)
{
    int  rc;

    (void) unlink(w->making);

    rc = mdb_env_create(&w->env);
    if (rc != 0) {
        w->env = NULL;
        return lmdb_error(w, rc, "create it");
    }

    (void) mdb_env_set_maxdbs(w->env, SUB_DATABASES);

    rc = mdb_env_set_mapsize(w->env, bytes);

    if (rc == 0) {
        rc = mdb_env_open(w->env, w->making, FLAGS, 0644);
    }

    if (rc == 0) {
        rc = mdb_txn_begin(w->env, NULL, 0, &w->txn);
    }

    return rc == 0 ? ONSITE_OK : lmdb_error(w, rc, "create it");
}


static int
put_number(writing_t *w, MDB_dbi meta, const char *name, uint64_t number)
{
    size_t         i;
    MDB_val        k, v;
    unsigned char  bytes[9];

    bytes[0] = 0xcf;

    for (i = 0; i < 8; i++) {
        bytes[1 + i] = (unsigned char) (number >> (56 - 8 * i));
    }

    k = (MDB_val) { strlen(name), (void *) (uintptr_t) name };
    v = (MDB_val) { sizeof(bytes), bytes };

    return mdb_put(w->txn, meta, &k, &v, 0);
}


static onsite_status_t
put_meta(writing_t *w)
{
    int      rc;
    MDB_dbi  meta;

    rc = mdb_dbi_open(w->txn, "meta", MDB_CREATE, &meta);

    if (rc == 0) {
        rc = put_number(w, meta, "format", ONSITE_SNAPSHOT_FORMAT);
    }

    if (rc == 0) {
        rc = put_number(w, meta, "version", w->version);
    }

    if (rc == 0) {
        rc = put_number(w, meta, "built", (uint64_t) w->built);
    }

    return rc == 0 ? ONSITE_OK : lmdb_error(w, rc, "write meta");
}


static onsite_status_t
put_site(writing_t *w, MDB_dbi dbi, const onsite_snapshot_site_t *site)
{
    int             rc;
    size_t          size;
    MDB_val         k, v;
    unsigned char  *p;

    size = site->image.size;
    k = (MDB_val) { site->name.len, (void *) (uintptr_t) site->name.data };
    v = (MDB_val) { IMAGE_PREFIX + size, NULL };

    rc = mdb_put(w->txn, dbi, &k, &v, MDB_RESERVE|MDB_NOOVERWRITE);

    if (rc == MDB_KEYEXIST) {
        return onsite_error(w->error, ONSITE_INVALID, "snapshot %s: site %.*s"
                            " is there twice", w->path,
                            (int) site->name.len, site->name.data);
    }

    if (rc != 0) {
        return lmdb_error(w, rc, "write a site");
    }

    p = v.mv_data;
    p[0] = 0x93;
    p[1] = ONSITE_SNAPSHOT_FORMAT;
    p[2] = native_order();
    p[3] = 0xc6;
    p[4] = (unsigned char) (size >> 24);
    p[5] = (unsigned char) (size >> 16);
    p[6] = (unsigned char) (size >> 8);
    p[7] = (unsigned char) size;
    memcpy(p + IMAGE_PREFIX, site->image.base, size);

    return ONSITE_OK;
}


static onsite_status_t
put_sites(writing_t *w)
{
    int              rc;
    size_t           i;
    MDB_dbi          dbi;
    onsite_status_t  status;

    rc = mdb_dbi_open(w->txn, "sites", MDB_CREATE, &dbi);
    if (rc != 0) {
        return lmdb_error(w, rc, "write sites");
    }

    for (i = 0; i < w->n; i++) {
        if (w->sites[i].image.size > UINT32_MAX) {
            return onsite_error(w->error, ONSITE_LIMIT, "snapshot %s: the "
                                "image of site %.*s is over 4 GB", w->path,
                                (int) w->sites[i].name.len,
                                w->sites[i].name.data);
        }

        status = put_site(w, dbi, &w->sites[i]);
        if (status != ONSITE_OK) {
            return status;
        }
    }

    return ONSITE_OK;
}


static onsite_status_t
put_definition(writing_t *w, MDB_dbi dbi, onsite_str_t site, onsite_str_t id,
    const onsite_value_t *definition)
{
    int      rc;
    char     key[KEY_MAX];
    MDB_val  k, v;

    memcpy(key, site.data, site.len);
    key[site.len] = '\0';
    memcpy(key + site.len + 1, id.data, id.len);

    onsite_buf_clear(&w->buf);
    onsite_value_write_msgpack(&w->buf, definition);

    if (w->buf.failed) {
        return onsite_error(w->error, ONSITE_NO_MEMORY,
                            "snapshot %s: out of memory", w->path);
    }

    k = (MDB_val) { site.len + 1 + id.len, key };
    v = (MDB_val) { w->buf.len, w->buf.data };

    rc = mdb_put(w->txn, dbi, &k, &v, MDB_NOOVERWRITE);

    if (rc == MDB_KEYEXIST) {
        return onsite_error(w->error, ONSITE_INVALID, "snapshot %s: campaign "
                            "%.*s of site %.*s is there twice", w->path,
                            (int) id.len, id.data, (int) site.len, site.data);
    }

    return rc == 0 ? ONSITE_OK : lmdb_error(w, rc, "write a campaign");
}


static onsite_status_t
put_campaigns(writing_t *w)
{
    int                            rc;
    size_t                         i, j;
    MDB_dbi                        dbi;
    onsite_status_t                status;
    const onsite_snapshot_site_t  *site;

    rc = mdb_dbi_open(w->txn, "campaigns", MDB_CREATE, &dbi);
    if (rc != 0) {
        return lmdb_error(w, rc, "write campaigns");
    }

    for (i = 0; i < w->n; i++) {
        site = &w->sites[i];

        for (j = 0; j < site->n; j++) {
            status = put_definition(w, dbi, site->name, site->ids[j],
                                    &site->definitions[j]);
            if (status != ONSITE_OK) {
                return status;
            }
        }
    }

    return ONSITE_OK;
}


static onsite_status_t
fill(writing_t *w)
{
    int              rc;
    onsite_status_t  status;

    status = put_meta(w);

    if (status == ONSITE_OK) {
        status = put_sites(w);
    }

    if (status == ONSITE_OK) {
        status = put_campaigns(w);
    }

    if (status == ONSITE_OK && w->tables != NULL) {
        status = snapshot_put_tables(w->env, &w->txn, w->making, w->tables,
                                     w->error);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    rc = mdb_txn_commit(w->txn);
    w->txn = NULL;

    return rc == 0 ? ONSITE_OK : lmdb_error(w, rc, "write it");
}


static void
close_env(writing_t *w)
{
    if (w->txn != NULL) {
        mdb_txn_abort(w->txn);
        w->txn = NULL;
    }

    if (w->env != NULL) {
        mdb_env_close(w->env);
        w->env = NULL;
    }
}


/* Exactly the pages that it counts, the seal, and all of it on disk. */

static onsite_status_t
seal_file(const writing_t *w, int fd)
{
    seal_t                seal;
    const char           *why;
    onsite_lmdb_facts_t   facts;

    if (onsite_lmdb_inspect(fd, &facts, &why) != ONSITE_OK) {
        return onsite_error(w->error, ONSITE_IO, "snapshot %s %s", w->making,
                            why);
    }

    facts.file_size = (facts.last_page + 1) * facts.page_size;

    if (ftruncate(fd, (off_t) facts.file_size) != 0) {
        return system_error(w, "cut it to size");
    }

    memset(&seal, 0, sizeof(seal));
    seal.magic = SEAL_MAGIC;
    seal.format = ONSITE_SNAPSHOT_FORMAT;
    seal.order = ONSITE_IMAGE_ORDER;
    seal.size = facts.file_size;

    if (snapshot_checksum(fd, &facts, &seal.checksum) != ONSITE_OK) {
        return system_error(w, "read it back");
    }

    if (pwrite(fd, &seal, sizeof(seal), seal_offset(&facts)) != sizeof(seal)
        || fsync(fd) != 0)
    {
        return system_error(w, "seal it");
    }

    return ONSITE_OK;
}


void
snapshot_sync_directory(const char *path)
{
    int    fd;
    char   dir[PATH_MAX];
    char  *slash;

    (void) snprintf(dir, sizeof(dir), "%s", path);
    slash = strrchr(dir, '/');

    if (slash == NULL) {
        (void) snprintf(dir, sizeof(dir), ".");

    } else {
        slash[slash == dir] = '\0';
    }

    /* the file is whole either way; this only makes its name last */

    fd = open(dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (fd != -1) {
        (void) fsync(fd);
        (void) close(fd);
    }
}


static onsite_status_t
put_in_place(const writing_t *w)
{
    int              fd;
    onsite_status_t  status;

    fd = open(w->making, O_RDWR|O_CLOEXEC);
    if (fd == -1) {
        return system_error(w, "open it");
    }

    status = seal_file(w, fd);
    (void) close(fd);

    if (status != ONSITE_OK) {
        return status;
    }

    if (rename(w->making, w->path) != 0) {
        return system_error(w, "rename it");
    }

    snapshot_sync_directory(w->path);

    return ONSITE_OK;
}


static onsite_status_t
write_file(writing_t *w)
{
    size_t           bytes;
    onsite_status_t  status;

    status = measure(w, &bytes);

    if (status == ONSITE_OK) {
        status = create_env(w, bytes);
    }

    if (status == ONSITE_OK) {
        status = fill(w);
    }

    close_env(w);

    if (status == ONSITE_OK) {
        status = put_in_place(w);
    }

    if (status != ONSITE_OK) {
        (void) unlink(w->making);
    }

    return status;
}


onsite_status_t
onsite_snapshot_write_tables(const char *path, uint64_t version,
    onsite_ms_t built, const onsite_snapshot_site_t *sites, size_t n,
    const onsite_snapshot_rows_t tables[ONSITE_TABLES], onsite_error_t *error)
{
    int              len;
    writing_t        w;
    onsite_status_t  status;

    w = (writing_t) {
        .path = path, .version = version, .built = built, .sites = sites,
        .n = n, .tables = tables, .error = error
    };

    len = snprintf(w.making, sizeof(w.making), "%s.new-%ld", path,
                   (long) getpid());

    if (len >= (int) sizeof(w.making)) {
        return onsite_error(error, ONSITE_INVALID, "snapshot: the path is "
                            "too long");
    }

    status = check_names(&w);
    if (status != ONSITE_OK) {
        return status;
    }

    onsite_buf_init(&w.buf, 0);
    status = write_file(&w);
    onsite_buf_free(&w.buf);

    return status;
}
