/*
 * onsite_store.c - a store's life: open, close, and what LMDB's errors mean.
 *
 * Flags, and why:
 *   MDB_NOSUBDIR   a shard is one file, so all lie in one directory
 *   MDB_WRITEMAP   pages are written in the map: 1.7 times the transactions
 *                  a second; safe because the file is fully allocated first
 *   MDB_NOSYNC     tmpfs has no disk; durability is what other processes see
 *   MDB_NOTLS      a reader slot belongs to a transaction object that is
 *                  reset and renewed, not to a thread
 *   MDB_NORDAHEAD  keys are hashes: what lies ahead is never what comes next
 * MDB_NOMEMINIT would do nothing: with MDB_WRITEMAP LMDB allocates no pages.
 */

#include "onsite_store_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#define READERS_EXTRA   16          /* tools and the previous generation */

#define LIVE_FLAGS  (MDB_NOSUBDIR|MDB_WRITEMAP|MDB_NOSYNC|MDB_NOTLS           \
                     |MDB_NORDAHEAD)
#define TOOL_FLAGS  (MDB_NOSUBDIR|MDB_RDONLY|MDB_NOTLS|MDB_NORDAHEAD)


/* LMDB 0.9.26 to 0.9.31 destroy the mutexes of other processes when one closes
 * the environment (ITS#10095). */

static bool
breaks_locks(int *patch)
{
    int  major, minor;

    (void) mdb_version(&major, &minor, patch);

    return major == 0 && minor == 9 && *patch >= 26 && *patch <= 31;
}


const char *
onsite_store_library(bool *breaks)
{
    int  patch;

    *breaks = breaks_locks(&patch);

    return mdb_version(NULL, NULL, NULL);
}


void
shard_close_env(MDB_env *env)
{
    int  patch;

    if (!breaks_locks(&patch)) {
        mdb_env_close(env);
    }
}


/* The order of LMDB's own comparison, for keys of our length only: every step
 * down the tree takes some.  Other programs may go on with LMDB's. */

static uint64_t
half_key(const void *p)
{
    uint64_t  n;

    memcpy(&n, p, sizeof(n));

    return be64toh(n);
}


static int
compare_keys(const MDB_val *a, const MDB_val *b)
{
    int          rc;
    size_t       shorter;
    uint64_t     x, y;
    const char  *p = a->mv_data, *q = b->mv_data;

    if (a->mv_size != sizeof(onsite_key_t) || b->mv_size != a->mv_size) {
        shorter = a->mv_size < b->mv_size ? a->mv_size : b->mv_size;
        rc = memcmp(p, q, shorter);

        return rc != 0 ? rc : (a->mv_size > b->mv_size)
                              - (a->mv_size < b->mv_size);
    }

    x = half_key(p);
    y = half_key(q);

    if (x == y) {
        x = half_key(p + 8);
        y = half_key(q + 8);
    }

    return (x > y) - (x < y);
}


/* A state of before there were events gets a place for them. */

static int
find_events(shard_t *shard, bool *found)
{
    int       rc;
    tail_t    tail;
    MDB_txn  *txn;

    *found = false;

    rc = mdb_txn_begin(shard->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_dbi_open(txn, NULL, 0, &shard->root);

    if (rc == 0) {
        rc = tail_read(txn, shard, &tail);
        *found = (rc == 0);
    }

    mdb_txn_abort(txn);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static int
add_events(shard_t *shard)
{
    int       rc;
    bool      found;
    MDB_dbi   dbi, root;
    MDB_txn  *txn;

    rc = find_events(shard, &found);
    if (rc != 0 || found) {
        return rc;
    }

    rc = mdb_txn_begin(shard->env, NULL, 0, &txn);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_dbi_open(txn, store_databases[STORE_EVENTS_AT], MDB_CREATE,
                      &dbi);

    if (rc == 0) {
        rc = mdb_dbi_open(txn, NULL, 0, &root);
    }

    if (rc == 0) {
        rc = tail_make(txn, root, dbi, shard->index);
    }

    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }

    return mdb_txn_commit(txn);
}


static int
open_sub_databases(shard_t *shard)
{
    int      rc;
    size_t   i;
    MDB_dbi  *dbis[] = {
        &shard->visitors, &shard->identities, &shard->timers, &shard->outbox,
        &shard->events, &shard->meta
    };
    MDB_txn  *txn;

    rc = mdb_txn_begin(shard->env, NULL, MDB_RDONLY, &txn);

    if (rc == 0) {
        rc = mdb_dbi_open(txn, NULL, 0, &shard->root);
    }

    for (i = 0; rc == 0 && i < STORE_DATABASES; i++) {
        rc = mdb_dbi_open(txn, store_databases[i], 0, dbis[i]);

        if (rc == MDB_NOTFOUND && i == STORE_EVENTS_AT) {
            *dbis[i] = 0;
            rc = 0;
        }
    }

    if (rc == 0) {
        rc = roam_open(txn, shard);
    }

    if (rc == 0) {
        rc = mdb_set_compare(txn, shard->visitors, compare_keys);
    }

    if (rc != 0) {
        if (txn != NULL) {
            mdb_txn_abort(txn);
        }

        return rc == MDB_NOTFOUND ? MDB_INVALID : rc;
    }

    /* a committed one lets the handles live on */

    rc = mdb_txn_commit(txn);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_txn_begin(shard->env, NULL, MDB_RDONLY, &shard->reader);
    if (rc == 0) {
        mdb_txn_reset(shard->reader);
    }

    return rc;
}


static void
set_facts(shard_t *shard)
{
    MDB_stat     stat;
    MDB_envinfo  info;

    (void) mdb_env_stat(shard->env, &stat);
    (void) mdb_env_info(shard->env, &info);

    shard->page_size = stat.ms_psize;
    shard->pages = info.me_mapsize / stat.ms_psize;

    /* a sixteenth, but 128 pages at least and 4,096 (16 MB) at most */

    shard->reserve = shard->pages / 16;
    shard->reserve = shard->reserve > 4096 ? 4096 : shard->reserve;
    shard->reserve = shard->reserve < 128 ? 128 : shard->reserve;
    shard->until_measure = 0;
}


static void
close_shard(shard_t *shard)
{
    if (shard->reader != NULL) {
        mdb_txn_abort(shard->reader);
        shard->reader = NULL;
    }

    if (shard->env != NULL) {
        shard_close_env(shard->env);
        shard->env = NULL;
    }
}


static int
open_env(onsite_store_t *store, shard_t *shard, uint64_t size)
{
    int   rc;
    char  path[PATH_MAX + STATE_NAME_MAX], name[STATE_NAME_MAX];

    shard_file_name(name, shard->index, "");
    (void) snprintf(path, sizeof(path), "%s/%s", store->path, name);

    rc = mdb_env_create(&shard->env);
    if (rc != 0) {
        return rc;
    }

    (void) mdb_env_set_maxdbs(shard->env, STORE_DATABASES_MAX);

    if (store->options.max_readers != 0) {
        (void) mdb_env_set_maxreaders(shard->env, store->options.max_readers
                                                  + READERS_EXTRA);
    }

    /* never less than the file: LMDB would cut it, under others' maps */

    rc = mdb_env_set_mapsize(shard->env, size);

    if (rc == 0) {
        rc = mdb_env_open(shard->env, path,
                          store->options.read_only ? TOOL_FLAGS : LIVE_FLAGS,
                          0600);
    }

    if (rc == 0) {
        (void) mdb_reader_check(shard->env, NULL);
        rc = store->options.read_only ? 0 : add_events(shard);
    }

    if (rc == 0 && store->options.roaming && !store->options.read_only) {
        rc = roam_make(shard);
    }

    if (rc == 0) {
        rc = open_sub_databases(shard);
    }

    if (rc != 0) {
        close_shard(shard);
        return rc;
    }

    set_facts(shard);

    return 0;
}


/* Of the last three, two say that a sub-database is no longer where it was;
 * MDB_BAD_TXN, that a page met before the call proper was not a page: what we
 * know to have failed is not used again. */

static bool
is_damage(int rc)
{
    return rc == MDB_INVALID || rc == MDB_CORRUPTED
           || rc == MDB_VERSION_MISMATCH || rc == MDB_PAGE_NOTFOUND
           || rc == MDB_PANIC
           || rc == MDB_BAD_DBI || rc == MDB_INCOMPATIBLE
           || rc == MDB_BAD_TXN;
}


static onsite_status_t
open_error(const onsite_store_t *store, const shard_t *shard, int rc,
    onsite_error_t *error)
{
    char  name[STATE_NAME_MAX];

    shard_file_name(name, shard->index, "");

    return onsite_error(error, is_damage(rc) ? ONSITE_CORRUPT : ONSITE_IO,
                        "state: cannot open %s/%s: %s", store->path, name,
                        mdb_strerror(rc));
}


/* For who only reads. */

static onsite_status_t
cannot_read(const state_dir_t *dir, uint32_t i, file_verdict_t verdict,
    const char *why, onsite_error_t *error)
{
    char         name[STATE_NAME_MAX];
    struct stat  st;

    shard_file_name(name, i, "");

    if (verdict == FILE_BAD
        && faccessat(dir->fd, name, R_OK, AT_EACCESS) != 0
        && errno == EACCES
        && fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
    {
        return onsite_error(error, ONSITE_IO, "state: shard %u in %s cannot "
                            "be opened: %s; it belongs to user %u, and this "
                            "process runs as %u: run it as that user or as "
                            "root", (unsigned) i, dir->options->path,
                            strerror(EACCES), (unsigned) st.st_uid,
                            (unsigned) geteuid());
    }

    return onsite_error(error, ONSITE_CORRUPT, "state: shard %u in %s %s",
                        (unsigned) i, dir->options->path,
                        verdict == FILE_ABSENT ? "is absent" : why);
}


/* Makes sure that there is a shard of this format, whatever was there. */

static onsite_status_t
ready_shard(const state_dir_t *dir, uint32_t i, onsite_ms_t now,
    uint64_t *size, onsite_error_t *error)
{
    char              name[STATE_NAME_MAX];
    const char       *why;
    file_verdict_t    verdict;
    onsite_status_t   status;

    verdict = shard_file_check(dir, i, size, &why);

    if (verdict == FILE_GOOD) {
        shard_file_name(name, i, "");

        return dir->options->read_only ? ONSITE_OK
               : shard_file_allocate(dir, name, *size, error);
    }

    if (dir->options->read_only) {
        return cannot_read(dir, i, verdict, why, error);
    }

    if (verdict == FILE_BAD) {
        status = shard_file_quarantine(dir, i, now, why, error);
        if (status != ONSITE_OK) {
            return status;
        }
    }

    *size = shard_bytes(dir->options);

    return shard_make(dir, i, error);
}


static onsite_status_t
open_shard(onsite_store_t *store, const state_dir_t *dir, uint32_t i,
    onsite_ms_t now, onsite_error_t *error)
{
    int              rc;
    shard_t         *shard = &store->shards[i];
    uint64_t         size;
    onsite_status_t  status;

    shard->index = i;

    status = ready_shard(dir, i, now, &size, error);
    if (status != ONSITE_OK) {
        return status;
    }

    rc = open_env(store, shard, size);

    if (rc == 0) {
        return ONSITE_OK;
    }

    if (!is_damage(rc) || store->options.read_only) {
        return open_error(store, shard, rc, error);
    }

    status = shard_file_quarantine(dir, i, now, mdb_strerror(rc), error);

    if (status == ONSITE_OK) {
        status = shard_make(dir, i, error);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    rc = open_env(store, shard, shard_bytes(dir->options));

    return rc == 0 ? ONSITE_OK : open_error(store, shard, rc, error);
}


static void
warn_of_library(const onsite_store_options_t *options)
{
    int  patch;

    if (breaks_locks(&patch)) {
        store_log(options, ONSITE_LOG_WARN, "state: LMDB 0.9.%d breaks the "
                  "locks of other processes when one exits: use another "
                  "version", patch);
    }
}


static onsite_store_t *
create_store(const onsite_store_options_t *options, uint32_t shards)
{
    onsite_store_t  *store;

    store = calloc(1, sizeof(onsite_store_t) + shards * sizeof(shard_t));
    if (store == NULL) {
        return NULL;
    }

    store->options = *options;
    store->n = shards;
    (void) snprintf(store->path, sizeof(store->path), "%s", options->path);
    store->options.path = store->path;
    store->options.shards = shards;

    return store;
}


onsite_status_t
onsite_store_open(const onsite_store_options_t *options, onsite_ms_t now,
    onsite_store_t **store, onsite_error_t *error)
{
    uint32_t         i;
    state_dir_t      dir;
    onsite_status_t  status;

    *store = NULL;

    if (store_check_options(options, error) != ONSITE_OK) {
        return ONSITE_INVALID;
    }

    status = state_dir_open(&dir, options, -1, -1, error);
    if (status != ONSITE_OK) {
        return status;
    }

    *store = create_store(options, dir.shards);
    if (*store == NULL) {
        state_dir_close(&dir);
        return onsite_error(error, ONSITE_NO_MEMORY, "state: out of memory");
    }

    if (!options->read_only) {
        warn_of_library(options);
    }

    for (i = 0; status == ONSITE_OK && i < dir.shards; i++) {
        status = open_shard(*store, &dir, i, now, error);
    }

    state_dir_close(&dir);

    if (status != ONSITE_OK) {
        onsite_store_close(*store);
        *store = NULL;
    }

    return status;
}


void
onsite_store_close(onsite_store_t *store)
{
    uint32_t  i;

    if (store == NULL) {
        return;
    }

    onsite_txn_abort(&store->txn);

    for (i = 0; i < store->n; i++) {
        close_shard(&store->shards[i]);
    }

    free(store);
}


uint32_t
onsite_store_shards(const onsite_store_t *store)
{
    return store->n;
}


int
shard_adopt_size(onsite_store_t *store, shard_t *shard)
{
    int          rc;
    char         path[PATH_MAX + STATE_NAME_MAX], name[STATE_NAME_MAX];
    struct stat  st;

    shard_file_name(name, shard->index, "");
    (void) snprintf(path, sizeof(path), "%s/%s", store->path, name);

    if (stat(path, &st) != 0) {
        return errno;
    }

    rc = mdb_env_set_mapsize(shard->env, (size_t) st.st_size);
    if (rc == 0) {
        set_facts(shard);
    }

    return rc;
}


bool
shard_is_current(const onsite_store_t *store, const shard_t *shard)
{
    int          fd;
    char         path[PATH_MAX + STATE_NAME_MAX], name[STATE_NAME_MAX];
    struct stat  mine, named;

    shard_file_name(name, shard->index, "");
    (void) snprintf(path, sizeof(path), "%s/%s", store->path, name);

    if (stat(path, &named) != 0) {
        return errno != ENOENT && errno != ENOTDIR;
    }

    return mdb_env_get_fd(shard->env, &fd) == 0
           && fstat(fd, &mine) == 0
           && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}


bool
onsite_store_is_current(const onsite_store_t *store)
{
    uint32_t  i;

    for (i = 0; i < store->n; i++) {
        if (!shard_is_current(store, &store->shards[i])) {
            return false;
        }
    }

    return true;
}


bool
onsite_store_replaced(const onsite_store_t *store)
{
    char      path[PATH_MAX + STATE_NAME_MAX], name[STATE_NAME_MAX];
    uint32_t  i;

    for (i = 0; i < store->n; i++) {
        shard_file_name(name, i, "");
        (void) snprintf(path, sizeof(path), "%s/%s", store->path, name);

        if (access(path, F_OK) == 0
            && !shard_is_current(store, &store->shards[i]))
        {
            return true;
        }
    }

    return false;
}


/* The file itself is left alone: others have it mapped.  A mark beside it
 * makes the next process that opens set it aside. */

static void
note_damage(onsite_store_t *store, shard_t *shard, const char *what)
{
    int   fd;
    char  path[PATH_MAX + STATE_NAME_MAX], name[STATE_NAME_MAX];

    if (shard->damaged) {
        return;
    }

    shard->damaged = true;

    store_log(&store->options, ONSITE_LOG_ERROR, "state: shard %u in %s is "
              "damaged (%s): it is set aside when a process next opens it",
              (unsigned) shard->index, store->path, what);

    if (store->options.read_only || !shard_is_current(store, shard)) {
        return;
    }

    shard_file_name(name, shard->index, ".damaged");
    (void) snprintf(path, sizeof(path), "%s/%s", store->path, name);

    fd = open(path, O_WRONLY|O_CREAT|O_CLOEXEC|O_NOFOLLOW, 0600);
    if (fd != -1) {
        (void) close(fd);
    }
}


static onsite_status_t
status_of(int rc)
{
    switch (rc) {

    case 0:
        return ONSITE_OK;

    case MDB_NOTFOUND:
        return ONSITE_NOT_FOUND;

    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
        return ONSITE_FULL;

    case ENOMEM:
        return ONSITE_NO_MEMORY;

    default:
        return is_damage(rc) ? ONSITE_CORRUPT : ONSITE_IO;
    }
}


onsite_status_t
shard_failed(onsite_store_t *store, shard_t *shard, int rc, const char *doing,
    onsite_error_t *error)
{
    onsite_status_t  status = status_of(rc);

    if (status == ONSITE_CORRUPT) {
        note_damage(store, shard, mdb_strerror(rc));
    }

    if (status == ONSITE_FULL) {
        store->counts.map_full++;
        shard->until_measure = 0;
    }

    return onsite_error(error, status, "state: cannot %s shard %u in %s: %s",
                        doing, (unsigned) shard->index, store->path,
                        mdb_strerror(rc));
}
