/*
 * mdb_kills.c - a process that dies at a commit, as a preloaded library: the
 * file that ONSITE_MDB_KILLS names holds how many commits of write
 * transactions are left until then, and b or a: before or after that commit.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <lmdb.h>

static char  control[4096];

static void  init(void) __attribute__((constructor));


/* A copy: nginx writes its processes' titles over the environment. */

static void
init(void)
{
    const char  *path = getenv("ONSITE_MDB_KILLS");

    if (path != NULL) {
        (void) snprintf(control, sizeof(control), "%s", path);
    }
}


/* 'b', 'a', or 0: not this time. */

static char
count_down(void)
{
    int    left = 0;
    char   when = 0;
    FILE  *f = fopen(control, "r+");

    if (f == NULL) {
        return 0;
    }

    if (fscanf(f, "%d %c", &left, &when) != 2 || left <= 0) {
        (void) fclose(f);
        return 0;
    }

    rewind(f);
    (void) fprintf(f, "%d %c\n", left - 1, when);
    (void) fclose(f);

    return left == 1 ? when : 0;
}


int
mdb_txn_commit(MDB_txn *txn)
{
    int   rc;
    char  when = count_down();
    int (*real)(MDB_txn *);

    real = (int (*)(MDB_txn *)) dlsym(RTLD_NEXT, "mdb_txn_commit");

    if (when == 'b') {
        (void) raise(SIGKILL);
    }

    rc = real(txn);

    if (when == 'a') {
        (void) raise(SIGKILL);
    }

    return rc;
}
