/*
 * txn_check.c - law 2 as a preloaded library: no LMDB write transaction is
 * open when control is back in the event loop.
 *
 * Counts what begins and what ends; an epoll_wait with one still open says so
 * (in words that fail any test) and aborts.  t/txn_check.t proves that it can
 * fail.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <lmdb.h>

#define WRITERS_MAX  64

static MDB_txn  *writers[WRITERS_MAX];
static int       n_writers;


int
mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
    int          rc;
    static int (*real)(MDB_env *, MDB_txn *, unsigned, MDB_txn **);

    if (real == NULL) {
        real = (int (*)(MDB_env *, MDB_txn *, unsigned, MDB_txn **))
               dlsym(RTLD_NEXT, "mdb_txn_begin");
    }

    rc = real(env, parent, flags, txn);

    if (rc == 0 && !(flags & MDB_RDONLY) && n_writers < WRITERS_MAX) {
        writers[n_writers++] = *txn;
    }

    return rc;
}


static void
ended(const MDB_txn *txn)
{
    int  i;

    for (i = 0; i < n_writers; i++) {
        if (writers[i] == txn) {
            writers[i] = writers[--n_writers];
            return;
        }
    }
}


int
mdb_txn_commit(MDB_txn *txn)
{
    static int (*real)(MDB_txn *);

    if (real == NULL) {
        real = (int (*)(MDB_txn *)) dlsym(RTLD_NEXT, "mdb_txn_commit");
    }

    ended(txn);

    return real(txn);
}


void
mdb_txn_abort(MDB_txn *txn)
{
    static void (*real)(MDB_txn *);

    if (real == NULL) {
        real = (void (*)(MDB_txn *)) dlsym(RTLD_NEXT, "mdb_txn_abort");
    }

    ended(txn);
    real(txn);
}


int
epoll_wait(int epfd, struct epoll_event *events, int n, int timeout)
{
    static int (*real)(int, struct epoll_event *, int, int);

    if (n_writers != 0) {
        (void) fprintf(stderr, "txn_check: runtime error: %d write "
                       "transaction(s) open in the event loop\n", n_writers);
        abort();
    }

    if (real == NULL) {
        real = (int (*)(int, struct epoll_event *, int, int))
               dlsym(RTLD_NEXT, "epoll_wait");
    }

    return real(epfd, events, n, timeout);
}
