/*
 * onsite_store_make.c - makes the files of a store before it is opened, or
 * where one is not there: whole and fully allocated, or not at all.
 */

#include "onsite_store_private.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* Nobody else knows a file that is being made. */
#define MAKE_FLAGS  (MDB_NOSUBDIR|MDB_NOLOCK|MDB_NOSYNC)

const char *const  store_databases[STORE_DATABASES] = {
    "visitors", "identities", "timers", "outbox", "events", "meta"
};


onsite_status_t
store_check_options(const onsite_store_options_t *options,
    onsite_error_t *error)
{
    if (options->read_only && options->shards == 0) {
        return ONSITE_OK;
    }

    if (options->shards == 0 || options->shards > ONSITE_SHARDS_MAX) {
        return onsite_error(error, ONSITE_INVALID, "state: shards=%u is not "
                            "in 1 .. %d", (unsigned) options->shards,
                            ONSITE_SHARDS_MAX);
    }

    if (!options->read_only
        && options->size / options->shards < ONSITE_SHARD_BYTES_MIN)
    {
        return onsite_error(error, ONSITE_INVALID, "state: size=%zu is too "
                            "small for %u shard(s): each takes 1m at least",
                            options->size, (unsigned) options->shards);
    }

    return ONSITE_OK;
}


static int
write_meta(MDB_txn *txn, MDB_dbi meta, const char *name, unsigned value)
{
    char     text[16];
    MDB_val  k, v;

    k = (MDB_val) { strlen(name), (void *) (uintptr_t) name };
    v.mv_data = text;
    v.mv_size = (size_t) snprintf(text, sizeof(text), "%u", value);

    return mdb_put(txn, meta, &k, &v, 0);
}


static int
write_format(MDB_env *env, const state_dir_t *dir, uint32_t shard)
{
    int      rc;
    size_t   i;
    MDB_dbi  dbi;
    MDB_txn  *txn;

    rc = mdb_txn_begin(env, NULL, 0, &txn);
    if (rc != 0) {
        return rc;
    }

    dbi = 0;

    for (i = 0; rc == 0 && i < STORE_DATABASES; i++) {
        rc = mdb_dbi_open(txn, store_databases[i], MDB_CREATE, &dbi);
    }

    /* the last one opened is meta */

    if (rc == 0) {
        rc = write_meta(txn, dbi, "format", STATE_FORMAT);
    }

    if (rc == 0) {
        rc = write_meta(txn, dbi, "shards", dir->shards);
    }

    if (rc == 0) {
        rc = write_meta(txn, dbi, "shard", shard);
    }

    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }

    return mdb_txn_commit(txn);
}


static int
format_file(const state_dir_t *dir, uint32_t shard, const char *path)
{
    int       rc;
    MDB_env  *env;

    rc = mdb_env_create(&env);
    if (rc != 0) {
        return rc;
    }

    (void) mdb_env_set_maxdbs(env, STORE_DATABASES_MAX);

    rc = mdb_env_set_mapsize(env, shard_bytes(dir->options));

    if (rc == 0) {
        rc = mdb_env_open(env, path, MAKE_FLAGS, 0600);
    }

    if (rc == 0) {
        rc = write_format(env, dir, shard);
    }

    shard_close_env(env);

    return rc;
}


/*
 * Under another name until it is whole: a process that dies here leaves
 * nothing that the next one could take for a shard.
 */

onsite_status_t
shard_make(const state_dir_t *dir, uint32_t shard, onsite_error_t *error)
{
    int              rc;
    char             name[STATE_NAME_MAX], making[STATE_NAME_MAX];
    char             lock[STATE_NAME_MAX], path[PATH_MAX + STATE_NAME_MAX];
    onsite_status_t  status;

    shard_file_name(name, shard, "");
    shard_file_name(making, shard, ".new");
    shard_file_name(lock, shard, "-lock");

    status = state_dir_check_room(dir, shard_bytes(dir->options), error);
    if (status != ONSITE_OK) {
        return status;
    }

    (void) unlinkat(dir->fd, making, 0);
    (void) snprintf(path, sizeof(path), "%s/%s", dir->options->path, making);

    rc = format_file(dir, shard, path);
    if (rc != 0) {
        return onsite_error(error, ONSITE_IO, "state: cannot make %s: %s",
                            path, mdb_strerror(rc));
    }

    /* the lock file too: whoever opens first must not own it alone */

    status = shard_file_allocate(dir, making, shard_bytes(dir->options),
                                 error);
    if (status == ONSITE_OK) {
        status = shard_file_allocate(dir, lock, 0, error);
    }

    if (status == ONSITE_OK
        && renameat(dir->fd, making, dir->fd, name) != 0)
    {
        status = onsite_error(error, ONSITE_IO, "state: cannot rename %s: %s",
                              path, strerror(errno));
    }

    if (status != ONSITE_OK) {
        (void) unlinkat(dir->fd, making, 0);
    }

    return status;
}


/* A size that was raised takes effect; one that was lowered does not: a file
 * others have mapped must not shrink. */

static onsite_status_t
grow_shard(const state_dir_t *dir, uint32_t shard, uint64_t size,
    onsite_error_t *error)
{
    char             name[STATE_NAME_MAX];
    uint64_t         wanted;
    onsite_status_t  status;

    wanted = shard_bytes(dir->options);

    if (size > wanted) {
        store_log(dir->options, ONSITE_LOG_NOTICE, "state: shard %u in %s "
                  "keeps its %llu bytes; to shrink it, name another "
                  "directory", (unsigned) shard, dir->options->path,
                  (unsigned long long) size);
    }

    if (size < wanted) {
        status = state_dir_check_room(dir, wanted - size, error);
        if (status != ONSITE_OK) {
            return status;
        }
    }

    shard_file_name(name, shard, "");

    return shard_file_allocate(dir, name, size > wanted ? size : wanted,
                               error);
}


/* All shards are asked for at once, so that a size too large is told before
 * half of it is taken. */

static onsite_status_t
check_room_for_all(const state_dir_t *dir, onsite_error_t *error)
{
    uint32_t     i;
    uint64_t     needed, size;
    const char  *why;

    needed = 0;

    for (i = 0; i < dir->shards; i++) {
        if (shard_file_check(dir, i, &size, &why) == FILE_ABSENT) {
            needed += shard_bytes(dir->options);
        }
    }

    return state_dir_check_room(dir, needed, error);
}


onsite_status_t
onsite_store_prepare(const onsite_store_options_t *options, int uid, int gid,
    onsite_error_t *error)
{
    uint32_t         i;
    uint64_t         size;
    const char      *why;
    state_dir_t      dir;
    onsite_status_t  status;

    if (store_check_options(options, error) != ONSITE_OK) {
        return ONSITE_INVALID;
    }

    status = state_dir_open(&dir, options, uid, gid, error);
    if (status != ONSITE_OK) {
        return status;
    }

    status = check_room_for_all(&dir, error);

    for (i = 0; status == ONSITE_OK && i < dir.shards; i++) {

        switch (shard_file_check(&dir, i, &size, &why)) {

        case FILE_ABSENT:
            status = shard_make(&dir, i, error);
            break;

        case FILE_GOOD:
            status = grow_shard(&dir, i, size, error);
            break;

        default: /* FILE_BAD: open knows the time, and sets it aside */
            break;
        }
    }

    state_dir_close(&dir);

    return status;
}
