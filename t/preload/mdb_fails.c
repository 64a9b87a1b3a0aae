/*
 * mdb_fails.c - LMDB with a fault, as a preloaded library: the file that
 * ONSITE_MDB_FAILS names holds a function's letter (b begin, p put, c commit;
 * of write transactions) and the code that it returns from now on.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <lmdb.h>

static char  control[4096];

static void  init(void) __attribute__((constructor));


/* A copy: nginx writes its processes' titles over the environment. */

static void
init(void)
{
    const char  *path = getenv("ONSITE_MDB_FAILS");

    if (path != NULL) {
        (void) snprintf(control, sizeof(control), "%s", path);
    }
}


/* 0: this function works. */

static int
fault(char function)
{
    int    code = 0;
    char   which = 0;
    FILE  *f = fopen(control, "r");

    if (f != NULL) {
        if (fscanf(f, "%c %d", &which, &code) != 2 || which != function) {
            code = 0;
        }

        (void) fclose(f);
    }

    return code;
}


int
mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
    int  code = flags & MDB_RDONLY ? 0 : fault('b');
    int (*real)(MDB_env *, MDB_txn *, unsigned, MDB_txn **);

    real = (int (*)(MDB_env *, MDB_txn *, unsigned, MDB_txn **))
           dlsym(RTLD_NEXT, "mdb_txn_begin");

    return code != 0 ? code : real(env, parent, flags, txn);
}


int
mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags)
{
    int  code = fault('p');
    int (*real)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned);

    real = (int (*)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned))
           dlsym(RTLD_NEXT, "mdb_put");

    return code != 0 ? code : real(txn, dbi, key, data, flags);
}


int
mdb_cursor_put(MDB_cursor *cursor, MDB_val *key, MDB_val *data, unsigned flags)
{
    int  code = fault('p');
    int (*real)(MDB_cursor *, MDB_val *, MDB_val *, unsigned);

    real = (int (*)(MDB_cursor *, MDB_val *, MDB_val *, unsigned))
           dlsym(RTLD_NEXT, "mdb_cursor_put");

    return code != 0 ? code : real(cursor, key, data, flags);
}


/* One that fails has ended, too. */

int
mdb_txn_commit(MDB_txn *txn)
{
    int  code = fault('c');
    int (*commit)(MDB_txn *);
    void (*abort_txn)(MDB_txn *);

    commit = (int (*)(MDB_txn *)) dlsym(RTLD_NEXT, "mdb_txn_commit");
    abort_txn = (void (*)(MDB_txn *)) dlsym(RTLD_NEXT, "mdb_txn_abort");

    if (code == 0) {
        return commit(txn);
    }

    abort_txn(txn);

    return code;
}
