/*
 * onsite_store_copy.c - a live state as of one moment, into files.
 *
 * Pages of a transaction that somebody reads are never written again, so they
 * are taken out of the file as they lie, at the speed of memory; only the
 * header is made anew.  Free pages stay out, and so does what lies unused
 * within the others: bytes of what was deleted.
 *
 * A page begins with its number (8), padding (2), flags (2), and the bounds of
 * its unused part (2, 2), or how many pages a large value has (4).
 */

#include "onsite_store_private.h"
#include "onsite_file.h"
#include "onsite_lmdb_file.h"
#include "onsite_store_copy.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS         200000       /* to find a moment */
#define PORTION        (1 << 20)
#define HEADER_PAGES   2

#define AT_FLAGS       10
#define AT_LOWER       12
#define AT_UPPER       14
#define AT_LARGE       12
#define PAGE_HEADER    16
#define IS_TREE        0x03         /* branch or leaf */
#define IS_LARGE       0x04
#define IS_FIXED       0x20         /* keys side by side: we have none */

typedef struct {
    MDB_txn        *txn;            /* NULL: let go                        */
    atomic_bool     gone;
    int             fd;             /* of the shard                        */
    uint32_t        page_size;
    uint64_t        id;             /* of the transaction that is seen     */
    uint64_t        pages;          /* of the file                         */
    uint64_t        used;
    uint64_t        at;             /* page to go on with                  */
    uint64_t        large;          /* of a value that began before it     */
    unsigned char  *free;           /* a bit a page                        */
    unsigned char   header[ONSITE_LMDB_HEADER];
} pin_t;

struct onsite_copy_s {
    onsite_store_t  *store;
    char            *portion;
    pin_t            pins[];
};


/* A moment */

static void
unpin_all(onsite_copy_t *copy)
{
    uint32_t  i;

    for (i = 0; i < copy->store->n; i++) {
        if (copy->pins[i].txn != NULL) {
            mdb_txn_reset(copy->pins[i].txn);
        }
    }
}


static int
pin(shard_t *shard, pin_t *p)
{
    int  rc;

    rc = p->txn == NULL
         ? mdb_txn_begin(shard->env, NULL, MDB_RDONLY, &p->txn)
         : mdb_txn_renew(p->txn);

    if (rc == 0) {
        p->id = mdb_txn_id(p->txn);
    }

    return rc;
}


/* Of a map that has grown all readers end first. */

static int
pin_all(onsite_copy_t *copy, shard_t **failed)
{
    int       rc = 0;
    uint32_t  i;
    shard_t  *shard = copy->store->shards;

    for (i = 0; i < copy->store->n && rc == 0; i++, shard++) {
        rc = pin(shard, &copy->pins[i]);
        *failed = shard;

        if (rc == MDB_MAP_RESIZED) {
            unpin_all(copy);
            rc = shard_adopt_size(copy->store, shard);
            return rc == 0 ? MDB_MAP_RESIZED : rc;
        }
    }

    return rc;
}


static int
read_header(shard_t *shard, pin_t *p)
{
    int              rc;
    uint64_t         last;
    const char      *why;
    onsite_status_t  status;

    rc = mdb_env_get_fd(shard->env, &p->fd);
    if (rc != 0) {
        return rc;
    }

    status = onsite_lmdb_header(p->fd, shard->page_size, p->id, p->header,
                                &last, &why);
    p->page_size = shard->page_size;
    p->pages = last + 1;

    return status == ONSITE_OK ? 0
           : status == ONSITE_NOT_FOUND ? MDB_BAD_TXN : MDB_CORRUPTED;
}


/* Whether the shards are still as their readers see them: then there was a
 * moment at which all were. */

static int
is_one_moment(onsite_copy_t *copy, bool *one)
{
    int       rc = 0;
    uint32_t  i;
    shard_t  *shard = copy->store->shards;

    *one = true;
    atomic_thread_fence(memory_order_seq_cst);

    for (i = 0; i < copy->store->n && rc == 0 && *one; i++, shard++) {
        rc = read_header(shard, &copy->pins[i]);
        *one = rc == 0;

        if (rc == MDB_BAD_TXN) {
            return 0;
        }
    }

    atomic_thread_fence(memory_order_seq_cst);
    shard = copy->store->shards;

    for (i = 0; i < copy->store->n && rc == 0 && *one; i++, shard++) {
        rc = mdb_txn_renew(shard->reader);

        if (rc == 0) {
            *one = mdb_txn_id(shard->reader) == copy->pins[i].id;
            mdb_txn_reset(shard->reader);
        }

        if (rc == MDB_MAP_RESIZED) {
            *one = false;
            rc = 0;
        }
    }

    return rc;
}


static onsite_status_t
find_moment(onsite_copy_t *copy, onsite_error_t *error)
{
    int       rc;
    bool      one = false;
    shard_t  *failed = copy->store->shards;
    unsigned  round;

    for (round = 0; round < ROUNDS && !one; round++) {
        rc = pin_all(copy, &failed);

        if (rc == MDB_MAP_RESIZED) {
            continue;
        }

        if (rc == 0) {
            rc = is_one_moment(copy, &one);
        }

        if (rc == MDB_READERS_FULL) {
            return onsite_error(error, ONSITE_FULL, "state: shard %u in %s "
                                "has no slot for one more reader: do other "
                                "tools read it, or has something died there?",
                                (unsigned) failed->index, copy->store->path);
        }

        if (rc != 0) {
            return shard_failed(copy->store, failed, rc, "read", error);
        }

        if (!one) {
            unpin_all(copy);
        }
    }

    return one ? ONSITE_OK
           : onsite_error(error, ONSITE_FULL, "state: %s changes so fast that "
                          "no moment was found at which its %u shards stand "
                          "still: fewer shards do", copy->store->path,
                          (unsigned) copy->store->n);
}


/* Free pages */

static bool
is_free(const pin_t *p, uint64_t page)
{
    return p->free[page / 8] & 1 << page % 8;
}


/* A value of the free list: how many, and their numbers. */

static void
note_free(pin_t *p, MDB_val v)
{
    size_t    i, n = 0;
    uint64_t  page;

    if (v.mv_size >= sizeof(n)) {
        memcpy(&n, v.mv_data, sizeof(n));
    }

    for (i = 1; i <= n && (i + 1) * sizeof(page) <= v.mv_size; i++) {
        memcpy(&page, (char *) v.mv_data + i * sizeof(page), sizeof(page));

        if (page >= HEADER_PAGES && page < p->pages && !is_free(p, page)) {
            p->free[page / 8] |= (unsigned char) (1 << page % 8);
            p->used--;
        }
    }
}


static int
find_free(pin_t *p)
{
    int          rc;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    p->used = p->pages;
    p->at = HEADER_PAGES;
    p->free = calloc(1, p->pages / 8 + 1);

    if (p->free == NULL) {
        return ENOMEM;
    }

    rc = mdb_cursor_open(p->txn, 0, &cursor);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);

    while (rc == 0) {
        note_free(p, v);
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


onsite_status_t
onsite_copy_begin(onsite_store_t *store, onsite_copy_t **copy,
    onsite_error_t *error)
{
    int              rc = 0;
    uint32_t         i;
    onsite_copy_t   *c;
    onsite_status_t  status;

    *copy = NULL;
    c = calloc(1, sizeof(onsite_copy_t) + store->n * sizeof(pin_t));

    if (c == NULL || (c->portion = malloc(PORTION)) == NULL) {
        free(c);
        return onsite_error(error, ONSITE_NO_MEMORY, "state: out of memory");
    }

    c->store = store;
    status = find_moment(c, error);

    for (i = 0; i < store->n && status == ONSITE_OK; i++) {
        rc = find_free(&c->pins[i]);

        if (rc != 0) {
            status = shard_failed(store, &store->shards[i], rc, "read",
                                  error);
        }
    }

    if (status != ONSITE_OK) {
        onsite_copy_end(c);
        return status;
    }

    *copy = c;

    return ONSITE_OK;
}


void
onsite_copy_let_go(onsite_copy_t *copy, uint32_t shard)
{
    pin_t  *p = &copy->pins[shard];

    /* in this order: who has taken a page looks then whether it was good */

    atomic_store(&p->gone, true);

    if (p->txn != NULL) {
        mdb_txn_abort(p->txn);
        p->txn = NULL;
    }
}


void
onsite_copy_end(onsite_copy_t *copy)
{
    uint32_t  i;

    if (copy == NULL) {
        return;
    }

    for (i = 0; i < copy->store->n; i++) {
        onsite_copy_let_go(copy, i);
        free(copy->pins[i].free);
    }

    free(copy->portion);
    free(copy);
}


uint64_t
onsite_copy_size(const onsite_copy_t *copy, uint32_t shard, uint64_t *used)
{
    const pin_t  *p = &copy->pins[shard];

    *used = p->used * p->page_size;

    return p->pages * p->page_size;
}


/* Pages */

static uint16_t
read_u16(const char *p)
{
    uint16_t  n;

    memcpy(&n, p, sizeof(n));

    return n;
}


/* Bytes of what was deleted lie between a page's bounds. */

static void
blank_unused(pin_t *p, char *page)
{
    uint16_t  lower, upper, flags;
    uint32_t  large;

    if (p->large != 0) {
        p->large--;
        return;
    }

    flags = read_u16(page + AT_FLAGS);

    if (flags & IS_LARGE) {
        memcpy(&large, page + AT_LARGE, sizeof(large));
        p->large = large != 0 ? large - 1 : 0;
        return;
    }

    lower = read_u16(page + AT_LOWER);
    upper = read_u16(page + AT_UPPER);

    if ((flags & IS_TREE) && !(flags & IS_FIXED) && lower >= PAGE_HEADER
        && lower < upper && upper <= p->page_size)
    {
        memset(page + lower, 0, (size_t) (upper - lower));
    }
}


static bool
write_at(int fd, uint64_t offset, const char *data, size_t size)
{
    return lseek(fd, (off_t) offset, SEEK_SET) >= 0
           && onsite_write_all(fd, data, size);
}


/* Pages in use that lie side by side, as many as a portion holds. */

static bool
read_run(onsite_copy_t *copy, pin_t *p, uint64_t *n)
{
    uint64_t  i, max = PORTION / p->page_size;
    ssize_t   size;

    *n = 0;

    while (p->at + *n < p->pages && *n < max && !is_free(p, p->at + *n)) {
        ++*n;
    }

    size = pread(p->fd, copy->portion, *n * p->page_size,
                 (off_t) (p->at * p->page_size));

    if (size != (ssize_t) (*n * p->page_size)) {
        errno = size < 0 ? errno : EIO;
        return false;
    }

    for (i = 0; i < *n; i++) {
        blank_unused(p, copy->portion + i * p->page_size);
    }

    return true;
}


static onsite_status_t
end_file(const pin_t *p, int fd, onsite_error_t *error)
{
    if (!onsite_lmdb_write_headers(fd, p->page_size, p->header)
        || ftruncate(fd, (off_t) (p->pages * p->page_size)) != 0)
    {
        return onsite_error(error, ONSITE_IO, "cannot be written: %s",
                            strerror(errno));
    }

    return ONSITE_OK;
}


onsite_status_t
onsite_copy_some(onsite_copy_t *copy, uint32_t shard, int fd, bool *last,
    onsite_error_t *error)
{
    pin_t     *p = &copy->pins[shard];
    uint64_t   n;

    *last = false;

    while (p->at < p->pages && is_free(p, p->at)) {
        p->at++;
        p->large = 0;
    }

    if (p->at < p->pages) {
        if (!read_run(copy, p, &n)) {
            return onsite_error(error, ONSITE_IO, "state: cannot read shard "
                                "%u in %s: %s", (unsigned) shard,
                                copy->store->path, strerror(errno));
        }

        if (atomic_load(&p->gone)) {
            return ONSITE_NOT_FOUND;
        }

        if (!write_at(fd, p->at * p->page_size, copy->portion,
                      n * p->page_size))
        {
            return onsite_error(error, errno == ENOSPC ? ONSITE_FULL
                                : ONSITE_IO, "cannot be written: %s",
                                strerror(errno));
        }

        p->at += n;
    }

    *last = p->at >= p->pages;

    return *last ? end_file(p, fd, error) : ONSITE_OK;
}


onsite_pressure_t
onsite_copy_pressure(onsite_copy_t *copy, uint32_t shard)
{
    pages_t   pages;
    shard_t  *s = &copy->store->shards[shard];

    if (copy->pins[shard].txn == NULL
        || shard_pages_count(copy->store, s, s->reserve, &pages) != 0
        || pages.oldest >= pages.latest || pages.usable >= s->reserve / 2)
    {
        return ONSITE_PRESSURE_NONE;
    }

    return pages.usable >= s->reserve / 4 ? ONSITE_PRESSURE_SOON
           : ONSITE_PRESSURE_NOW;
}
