/*
 * mdb_pauses.c - LMDB whose readers lose their processor, as a preloaded
 * library: every tenth snapshot that a process takes, but for those under the
 * write lock, begins with a pause.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <time.h>

#include <lmdb.h>

#define EVERY  10
#define PAUSE  20000000         /* ns */

static MDB_txn  *writer;


int
mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
    int  rc;
    int (*real)(MDB_env *, MDB_txn *, unsigned, MDB_txn **);

    real = (int (*)(MDB_env *, MDB_txn *, unsigned, MDB_txn **))
           dlsym(RTLD_NEXT, "mdb_txn_begin");
    rc = real(env, parent, flags, txn);

    if (rc == 0 && !(flags & MDB_RDONLY)) {
        writer = *txn;
    }

    return rc;
}


static void
ended(const MDB_txn *txn)
{
    if (txn == writer) {
        writer = NULL;
    }
}


int
mdb_txn_commit(MDB_txn *txn)
{
    int (*real)(MDB_txn *) = (int (*)(MDB_txn *))
                             dlsym(RTLD_NEXT, "mdb_txn_commit");

    ended(txn);

    return real(txn);
}


void
mdb_txn_abort(MDB_txn *txn)
{
    void (*real)(MDB_txn *) = (void (*)(MDB_txn *))
                              dlsym(RTLD_NEXT, "mdb_txn_abort");

    ended(txn);
    real(txn);
}


int
mdb_txn_renew(MDB_txn *txn)
{
    int                    rc;
    static unsigned        n;
    const struct timespec  pause = { .tv_nsec = PAUSE };
    int                  (*real)(MDB_txn *);

    real = (int (*)(MDB_txn *)) dlsym(RTLD_NEXT, "mdb_txn_renew");
    rc = real(txn);

    if (rc == 0 && writer == NULL && ++n % EVERY == 0) {
        (void) nanosleep(&pause, NULL);
    }

    return rc;
}
