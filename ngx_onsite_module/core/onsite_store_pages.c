/*
 * onsite_store_pages.c - free pages, and readers that keep them.
 *
 * LMDB copies every page it changes, and a transaction may take what the last
 * but one gave back: but nothing that was given back since the oldest reader
 * began.  A process may lose its processor while it reads, if only for some
 * milliseconds.  The others write dozens of transactions meanwhile, which take
 * all pages that a small map has.  So who is to write waits for those who read
 * when they keep the pages that it needs, under the write lock: nobody else
 * finds any, and readers do not take that lock.
 *
 * One that hangs is waited for once.  Then timers and outbox do not grow, and
 * writes go on as long as there are pages.
 */

#include "onsite_store_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define READER_WAITS     100        /* at most; of a millisecond each */
#define READER_WAIT      1000000    /* ns */


/* A line of LMDB's list: process, thread and what it reads, "-": nothing. */

static int
take_reader(const char *line, void *data)
{
    int        process;
    pages_t   *pages = data;
    uint64_t   txn;

    if (sscanf(line, "%d %*x %" SCNu64, &process, &txn) == 2
        && txn < pages->oldest)
    {
        pages->oldest = txn;
        pages->reader = process;
    }

    return 0;
}


/* The list of free pages is a tree of its own: transaction → count, pages. */

static int
count_free_list(MDB_txn *txn, uint64_t enough, pages_t *pages)
{
    int          rc;
    size_t       by, n;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn, 0, &cursor);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);

    while (rc == 0 && pages->free < enough) {
        memcpy(&by, k.mv_data, sizeof(by));
        memcpy(&n, v.mv_data, sizeof(n));

        pages->free += n;
        pages->usable += by < pages->oldest ? n : 0;
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


int
shard_pages_count(onsite_store_t *store, shard_t *shard, uint64_t enough,
    pages_t *pages)
{
    int          rc;
    MDB_envinfo  info;

    *pages = (pages_t) { 0 };

    rc = mdb_env_info(shard->env, &info);
    if (rc != 0) {
        return rc;
    }

    /* pages never used yet, then those given back */

    pages->free = info.me_last_pgno + 1 < shard->pages
                  ? shard->pages - info.me_last_pgno - 1 : 0;
    pages->usable = pages->free;

    if (pages->free >= enough) {
        return 0;
    }

    rc = shard_reader_begin(store, shard);
    if (rc != 0) {
        return rc;
    }

    pages->latest = mdb_txn_id(shard->reader);
    pages->oldest = pages->latest;
    (void) mdb_reader_list(shard->env, take_reader, pages);

    rc = count_free_list(shard->reader, enough, pages);
    shard_reader_end(shard);

    return rc;
}


static bool
is_short(const shard_t *shard, const pages_t *pages)
{
    return pages->usable < shard->reserve / 4;
}


static bool
is_kept(const pages_t *pages)
{
    return pages->oldest < pages->latest;
}


static void
note_hung(onsite_store_t *store, shard_t *shard, const pages_t *pages)
{
    shard->hung = pages->oldest;

    store_log(&store->options, ONSITE_LOG_WARN, "state: process %d does not "
              "end what it reads of shard %u in %s, and keeps the pages that "
              "others give back: once there are no more, writes fail; let it "
              "go on, or end it", pages->reader, (unsigned) shard->index,
              store->path);
}


/* For as long as those who have a processor read, or wait for one. */

static int
wait_for_readers(onsite_store_t *store, shard_t *shard, pages_t *pages)
{
    int                    rc;
    unsigned               i;
    const struct timespec  pause = { .tv_nsec = READER_WAIT };

    (void) mdb_reader_check(shard->env, NULL);
    rc = shard_pages_count(store, shard, 2 * shard->reserve, pages);

    for (i = 0; rc == 0 && is_short(shard, pages) && is_kept(pages)
                && pages->oldest != shard->hung; i++)
    {
        if (i == READER_WAITS) {
            note_hung(store, shard, pages);
            break;
        }

        (void) nanosleep(&pause, NULL);
        rc = shard_pages_count(store, shard, 2 * shard->reserve, pages);
    }

    return rc;
}


bool
shard_measure(onsite_store_t *store, shard_t *shard, uint64_t *usable)
{
    int       rc;
    pages_t   pages;
    uint64_t  spare;

    shard->until_measure = 1;
    shard->ample = false;

    rc = shard_pages_count(store, shard, 2 * shard->reserve, &pages);

    if (rc == 0 && is_short(shard, &pages)) {
        rc = wait_for_readers(store, shard, &pages);
    }

    if (rc != 0) {
        return false;
    }

    *usable = pages.usable;
    shard->tight = pages.free < shard->reserve;
    shard->ample = pages.usable >= shard->reserve;

    if (is_short(shard, &pages)) {

        /* what a reader keeps comes back: nobody is forgotten for it */

        return !is_kept(&pages) || pages.free < shard->reserve / 4;
    }

    /* other processes use pages too: look again before they could have used
     * what there is */

    spare = shard->tight ? shard->reserve : pages.free - shard->reserve;
    spare = spare < pages.usable ? spare : pages.usable;
    spare = spare / 256 < 1000 ? spare / 256 : 1000;
    shard->until_measure += (uint32_t) spare;

    return false;
}
