/*
 * sorter.c - rows in the order of their keys: sorted a block at a time, blocks
 * that are full put aside in a file, and merged in the end.
 */

#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK       ((size_t) 24 << 20)
#define BLOCK_ROWS  (BLOCK / 64)
#define READ_ALL    ((size_t) 24 << 20)     /* of all runs together        */
#define READ_MIN    ((size_t) 16 << 10)     /* more than a row             */
#define READ_MAX    ((size_t) 1 << 20)

typedef struct {
    uint64_t  line;
    uint32_t  file;
    uint16_t  key_len;
    uint16_t  value_len;
} head_t;

/* A sorted part of the file. */
typedef struct {
    off_t     at;                           /* to be read                  */
    off_t     end;
    char     *buf;
    size_t    used;
    size_t    len;
} run_t;

struct sorter_s {
    const char    *dir;
    FILE          *file;                    /* NULL: all is in the block   */
    off_t          written;
    char          *block;
    size_t         used;
    const char   **rows;                    /* in the block                */
    size_t         n_rows;
    size_t         next;                    /* without a file              */
    run_t         *runs;
    size_t         n_runs;
    size_t         capacity;
    uint32_t      *heap;                    /* of runs, least row first    */
    size_t         n_heap;
    size_t         read_size;
    bool           started;
};


sorter_t *
sorter_create(const char *dir)
{
    sorter_t  *s = calloc(1, sizeof(sorter_t));

    if (s == NULL) {
        return NULL;
    }

    s->dir = dir;
    s->block = malloc(BLOCK);
    s->rows = malloc(BLOCK_ROWS * sizeof(char *));

    if (s->block == NULL || s->rows == NULL) {
        sorter_destroy(s);
        return NULL;
    }

    return s;
}


void
sorter_destroy(sorter_t *s)
{
    size_t  i;

    if (s == NULL) {
        return;
    }

    for (i = 0; i < s->n_runs; i++) {
        free(s->runs[i].buf);
    }

    if (s->file != NULL) {
        (void) fclose(s->file);
    }

    free(s->runs);
    free(s->heap);
    free(s->block);
    free(s->rows);
    free(s);
}


static void
read_row(const char *p, sorter_row_t *row)
{
    head_t  head;

    memcpy(&head, p, sizeof(head));
    p += sizeof(head);

    row->key = onsite_str(p, head.key_len);
    row->value = onsite_str(p + head.key_len, head.value_len);
    row->file = head.file;
    row->line = head.line;
}


static size_t
row_size(const char *p)
{
    head_t  head;

    memcpy(&head, p, sizeof(head));

    return sizeof(head) + head.key_len + head.value_len;
}


/* By key as LMDB orders them, then as they came. */

static int
compare(const char *a, const char *b)
{
    sorter_row_t  x, y;

    read_row(a, &x);
    read_row(b, &y);

    return onsite_str_compare(x.key, y.key);
}


static int
compare_rows(const void *a, const void *b)
{
    int                 order;
    const char *const  *x = a, *const *y = b;

    order = compare(*x, *y);

    return order != 0 ? order : (*x > *y) - (*x < *y);
}


static void
sort_block(sorter_t *s)
{
    qsort(s->rows, s->n_rows, sizeof(*s->rows), compare_rows);
}


/* A file that is gone when we are, however that comes. */

static bool
open_file(sorter_t *s)
{
    int    fd;
    char   path[4096];

    fd = open(s->dir, O_TMPFILE|O_RDWR|O_CLOEXEC, 0600);

    if (fd == -1) {
        if (snprintf(path, sizeof(path), "%s/.onsite-rows-XXXXXX", s->dir)
            >= (int) sizeof(path))
        {
            errno = ENAMETOOLONG;
            return false;
        }

        fd = mkstemp(path);

        if (fd != -1) {
            (void) unlink(path);
        }
    }

    s->file = fd != -1 ? fdopen(fd, "w+b") : NULL;

    if (s->file == NULL && fd != -1) {
        (void) close(fd);
    }

    return s->file != NULL;
}


static bool
add_run(sorter_t *s, off_t at, off_t end)
{
    run_t   *runs;
    size_t   capacity;

    if (s->n_runs == s->capacity) {
        capacity = s->capacity != 0 ? 2 * s->capacity : 16;
        runs = realloc(s->runs, capacity * sizeof(run_t));

        if (runs == NULL) {
            return false;
        }

        s->runs = runs;
        s->capacity = capacity;
    }

    s->runs[s->n_runs++] = (run_t) { .at = at, .end = end };

    return true;
}


static bool
put_aside(sorter_t *s)
{
    off_t   at = s->written;
    size_t  i, size;

    if (s->file == NULL && !open_file(s)) {
        return false;
    }

    sort_block(s);

    for (i = 0; i < s->n_rows; i++) {
        size = row_size(s->rows[i]);

        if (fwrite(s->rows[i], 1, size, s->file) != size) {
            return false;
        }

        s->written += (off_t) size;
    }

    s->used = 0;
    s->n_rows = 0;

    return add_run(s, at, s->written);
}


bool
sorter_add(sorter_t *s, const sorter_row_t *row)
{
    char    *p;
    head_t   head;
    size_t   size;

    size = sizeof(head) + row->key.len + row->value.len;

    if (row->key.len > UINT16_MAX || row->value.len > UINT16_MAX
        || size > READ_MIN)
    {
        errno = EFBIG;
        return false;
    }

    if ((s->used + size > BLOCK || s->n_rows == BLOCK_ROWS)
        && !put_aside(s))
    {
        return false;
    }

    p = s->block + s->used;
    head = (head_t) { row->line, row->file, (uint16_t) row->key.len,
                      (uint16_t) row->value.len };

    memcpy(p, &head, sizeof(head));
    memcpy(p + sizeof(head), row->key.data, row->key.len);

    if (row->value.len != 0) {
        memcpy(p + sizeof(head) + row->key.len, row->value.data,
               row->value.len);
    }

    s->rows[s->n_rows++] = p;
    s->used += size;

    return true;
}


/* Runs are read through a buffer each, that a whole row always fits in. */

static bool
fill(sorter_t *s, run_t *run)
{
    size_t   left, size;
    ssize_t  n;

    left = run->len - run->used;
    memmove(run->buf, run->buf + run->used, left);
    run->used = 0;
    run->len = left;

    while (run->len < s->read_size && run->at < run->end) {
        size = s->read_size - run->len;

        if ((off_t) size > run->end - run->at) {
            size = (size_t) (run->end - run->at);
        }

        n = pread(fileno(s->file), run->buf + run->len, size, run->at);

        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return false;
        }

        run->at += n;
        run->len += (size_t) n;
    }

    return true;
}


/* The row at the front of a run; NULL: it is used up. */

static const char *
front(const run_t *run)
{
    return run->used < run->len ? run->buf + run->used : NULL;
}


static bool
refill(sorter_t *s, run_t *run)
{
    size_t  left = run->len - run->used;

    return left >= READ_MIN || run->at == run->end || fill(s, run);
}


/* The heap; of equal keys the earlier run's comes first. */

static bool
before(const sorter_t *s, uint32_t a, uint32_t b)
{
    int  order = compare(front(&s->runs[a]), front(&s->runs[b]));

    return order != 0 ? order < 0 : a < b;
}


static void
sink(sorter_t *s, size_t i)
{
    size_t    child;
    uint32_t  moved = s->heap[i];

    for (/* void */; (child = 2 * i + 1) < s->n_heap; i = child) {
        if (child + 1 < s->n_heap
            && before(s, s->heap[child + 1], s->heap[child]))
        {
            child++;
        }

        if (!before(s, s->heap[child], moved)) {
            break;
        }

        s->heap[i] = s->heap[child];
    }

    s->heap[i] = moved;
}


static bool
open_runs(sorter_t *s)
{
    size_t  i;

    s->read_size = READ_ALL / s->n_runs;
    s->read_size = s->read_size < 2 * READ_MIN ? 2 * READ_MIN
                   : s->read_size > READ_MAX ? READ_MAX : s->read_size;
    s->heap = malloc(s->n_runs * sizeof(uint32_t));

    if (s->heap == NULL) {
        return false;
    }

    for (i = 0; i < s->n_runs; i++) {
        s->runs[i].buf = malloc(s->read_size);

        if (s->runs[i].buf == NULL || !fill(s, &s->runs[i])) {
            return false;
        }

        s->heap[s->n_heap++] = (uint32_t) i;
    }

    for (i = s->n_heap / 2; i-- > 0; /* void */) {
        sink(s, i);
    }

    return true;
}


bool
sorter_finish(sorter_t *s)
{
    if (s->file == NULL) {
        sort_block(s);
        return true;
    }

    if ((s->n_rows != 0 && !put_aside(s)) || fflush(s->file) != 0) {
        return false;
    }

    free(s->block);
    free(s->rows);
    s->block = NULL;
    s->rows = NULL;

    return open_runs(s);
}


/* Passes over the row that was given last. */

static bool
step(sorter_t *s)
{
    run_t  *run = &s->runs[s->heap[0]];

    run->used += row_size(front(run));

    if (!refill(s, run)) {
        return false;
    }

    if (front(run) == NULL) {
        s->heap[0] = s->heap[--s->n_heap];
    }

    if (s->n_heap != 0) {
        sink(s, 0);
    }

    return true;
}


onsite_status_t
sorter_next(sorter_t *s, sorter_row_t *row)
{
    if (s->file == NULL) {
        if (s->next == s->n_rows) {
            return ONSITE_NOT_FOUND;
        }

        read_row(s->rows[s->next++], row);

        return ONSITE_OK;
    }

    if (s->started && s->n_heap != 0 && !step(s)) {
        return ONSITE_IO;
    }

    s->started = true;

    if (s->n_heap == 0) {
        return ONSITE_NOT_FOUND;
    }

    read_row(front(&s->runs[s->heap[0]]), row);

    return ONSITE_OK;
}
