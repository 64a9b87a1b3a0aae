/*
 * txn_check_fails.c - leaves a write transaction open and enters an event
 * loop: the checker must stop it.  "clean" as argument ends it first.
 *
 *   txn_check_fails DIR [clean]
 */

#include <stdio.h>
#include <sys/epoll.h>

#include <lmdb.h>


int
main(int argc, char **argv)
{
    MDB_env             *env;
    MDB_txn             *txn;
    struct epoll_event   event;

    if (argc < 2 || mdb_env_create(&env) != 0
        || mdb_env_open(env, argv[1], 0, 0600) != 0
        || mdb_txn_begin(env, NULL, 0, &txn) != 0)
    {
        (void) fprintf(stderr, "no environment\n");
        return 2;
    }

    if (argc > 2) {
        mdb_txn_abort(txn);
    }

    (void) epoll_wait(epoll_create1(0), &event, 1, 0);

    return 0;
}
