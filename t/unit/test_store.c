/*
 * test_store.c - visitor state: files, records, expiry, a full map, damage,
 * processes that die.
 */

#include "unit.h"
#include "onsite_id.h"
#include "onsite_limits.h"
#include "onsite_store.h"
#include "onsite_visitor_codec.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MB    (1024 * 1024)
#define NOW   ((onsite_ms_t) 1700000000000)

typedef struct {
    char                    dir[64];
    char                    logged[2048];
    onsite_store_options_t  options;
    onsite_error_t          error;
} fixture_t;

/* The store knows of a record only when it was last seen: these tests have
 * records of their own, so that they do not depend on the codec. */

typedef struct {
    onsite_ms_t  seen;
    uint64_t     session_only;
    uint64_t     number;
    char         rest[4096];
} record_t;


onsite_ms_t
onsite_record_last_seen(const void *data, size_t size, bool *session_only)
{
    record_t  record;

    if (size < 24) {
        return 0;
    }

    memcpy(&record, data, 24);
    *session_only = record.session_only != 0;

    return record.seen;
}


onsite_ms_t
onsite_record_wake(const void *data, size_t size)
{
    (void) data;
    (void) size;

    return 0;
}


bool
onsite_record_is_tombstone(const void *data, size_t size)
{
    (void) data;
    (void) size;

    return false;
}


uint32_t
onsite_key_shard(const onsite_key_t *key, uint32_t shards)
{
    return key->bytes[0] % shards;
}


static onsite_key_t
key_of(uint64_t n)
{
    size_t        i;
    uint64_t      h;
    onsite_key_t  key;

    h = (n + 1) * 0x9e3779b97f4a7c15u;

    for (i = 0; i < 2; i++) {
        h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9u;
        h ^= h >> 32;
        memcpy(key.bytes + 8 * i, &h, 8);
    }

    return key;
}


static onsite_str_t
record_of(record_t *record, uint64_t n, onsite_ms_t seen, size_t size)
{
    memset(record, (int) (n & 0x7f), size);
    record->seen = seen;
    record->session_only = 0;
    record->number = n;

    return onsite_str((const char *) record, size);
}


static void
take_log(void *data, int level, const char *text)
{
    fixture_t  *f = data;

    (void) level;
    (void) snprintf(f->logged, sizeof(f->logged), "%s", text);
}


static int
setup(void **state)
{
    fixture_t  *f = calloc(1, sizeof(fixture_t));

    (void) snprintf(f->dir, sizeof(f->dir), "%s/onsite-unit-XXXXXX",
                    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");

    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }

    f->options = (onsite_store_options_t) {
        .path = f->dir, .size = 4 * MB, .shards = 1, .ttl = 90 * ONSITE_DAY,
        .max_readers = 8, .log = take_log, .log_data = f
    };
    *state = f;

    return 0;
}


static void
path_of(const fixture_t *f, char *path, const char *name)
{
    (void) snprintf(path, 512, "%s/%s", f->dir, name);
}


static int
teardown(void **state)
{
    DIR            *dir;
    char            path[512];
    fixture_t      *f = *state;
    struct dirent  *entry;

    dir = opendir(f->dir);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        path_of(f, path, entry->d_name);
        (void) unlink(path);
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }

    (void) rmdir(f->dir);
    free(f);

    return 0;
}


static bool
exists(const fixture_t *f, const char *name)
{
    char  path[512];

    path_of(f, path, name);

    return access(path, F_OK) == 0;
}


static unsigned
count_named(const fixture_t *f, const char *part)
{
    DIR            *dir;
    unsigned        n;
    struct dirent  *entry;

    n = 0;
    dir = opendir(f->dir);
    assert_non_null(dir);

    while ((entry = readdir(dir)) != NULL) {
        n += strstr(entry->d_name, part) != NULL;
    }

    (void) closedir(dir);

    return n;
}


static onsite_store_t *
open_store(fixture_t *f)
{
    onsite_store_t  *store;

    if (onsite_store_open(&f->options, NOW, &store, &f->error) != ONSITE_OK) {
        print_error("%s\n", f->error.text);
        fail();
    }

    return store;
}


static onsite_status_t
put(onsite_store_t *store, uint64_t n, onsite_ms_t seen, size_t size)
{
    record_t         record;
    onsite_key_t     key = key_of(n);
    onsite_txn_t    *txn;
    onsite_status_t  status;

    status = onsite_txn_begin(store, onsite_key_shard(&key,
                              onsite_store_shards(store)), &txn, NULL);
    if (status != ONSITE_OK) {
        return status;
    }

    status = onsite_txn_put(txn, &key, record_of(&record, n, seen, size),
                            seen);
    if (status != ONSITE_OK) {
        onsite_txn_abort(txn);
        return status;
    }

    return onsite_txn_commit(txn, NULL);
}


static bool
has(onsite_store_t *store, uint64_t n, onsite_ms_t now)
{
    size_t           size;
    record_t         record;
    onsite_key_t     key = key_of(n);
    onsite_status_t  status;

    status = onsite_store_get(store, &key, now, &record, sizeof(record),
                              &size);
    if (status == ONSITE_NOT_FOUND) {
        return false;
    }

    assert_int_equal(status, ONSITE_OK);
    assert_int_equal(record.number, n);

    return true;
}


static uint64_t
visitors(onsite_store_t *store)
{
    onsite_store_stat_t  stat;

    assert_int_equal(onsite_store_stat(store, &stat), ONSITE_OK);

    return stat.visitors;
}


/* Files */

static void
prepares_allocated_files(void **state)
{
    int          i;
    char         path[512];
    fixture_t   *f = *state;
    struct stat  st, first;

    f->options.shards = 2;
    first.st_ino = 0;

    for (i = 0; i < 2; i++) {
        assert_int_equal(onsite_store_prepare(&f->options, -1, -1, &f->error),
                         ONSITE_OK);

        path_of(f, path, "shard-001.mdb");
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, 2 * MB);
        assert_in_range(st.st_blocks * 512, 2 * MB, 3 * MB);
        assert_int_equal(st.st_mode & 0777, 0600);

        if (i == 0) {
            first = st;
        }

        assert_int_equal(st.st_ino, first.st_ino);
    }

    assert_true(exists(f, "shard-000.mdb-lock"));
    assert_int_equal(count_named(f, ".new"), 0);
    assert_int_equal(count_named(f, "shard-"), 4);
}


static void
fills_the_holes_of_a_copy(void **state)
{
    int          fd;
    char         path[512];
    fixture_t   *f = *state;
    struct stat  st;

    onsite_store_close(open_store(f));

    path_of(f, path, "shard-000.mdb");
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE,
                               2 * MB, 2 * MB), 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(st.st_blocks * 512 < 3 * MB);

    onsite_store_close(open_store(f));

    assert_int_equal(fstat(fd, &st), 0);
    assert_true(st.st_blocks * 512 >= 4 * MB);
    (void) close(fd);
}


static void
refuses_bad_options(void **state)
{
    fixture_t               *f = *state;
    onsite_store_options_t   o = f->options;

    o.path = "relative";
    assert_int_equal(onsite_store_prepare(&o, -1, -1, &f->error),
                     ONSITE_INVALID);
    assert_non_null(strstr(f->error.text, "absolute"));

    o = f->options;
    o.shards = 0;
    assert_int_equal(onsite_store_prepare(&o, -1, -1, &f->error),
                     ONSITE_INVALID);
    o.shards = 257;
    assert_int_equal(onsite_store_prepare(&o, -1, -1, &f->error),
                     ONSITE_INVALID);
    o.shards = 8;
    assert_int_equal(onsite_store_prepare(&o, -1, -1, &f->error),
                     ONSITE_INVALID);
    assert_non_null(strstr(f->error.text, "too small"));
    assert_int_equal(count_named(f, "shard-"), 0);
}


static void
tells_how_much_room_it_needs(void **state)
{
    fixture_t  *f = *state;

    f->options.size = (size_t) 1 << 46;
    assert_int_equal(onsite_store_prepare(&f->options, -1, -1, &f->error),
                     ONSITE_FULL);
    assert_non_null(strstr(f->error.text, f->dir));
    assert_non_null(strstr(f->error.text, "70368744177664"));
    assert_non_null(strstr(f->error.text, "--shm-size"));
    assert_int_equal(count_named(f, "shard-"), 0);
}


static void
keeps_the_number_of_shards(void **state)
{
    fixture_t       *f = *state;
    onsite_store_t  *store;

    f->options.shards = 2;
    assert_int_equal(onsite_store_prepare(&f->options, -1, -1, &f->error),
                     ONSITE_OK);

    f->options.shards = 3;
    assert_int_equal(onsite_store_prepare(&f->options, -1, -1, &f->error),
                     ONSITE_INVALID);
    assert_non_null(strstr(f->error.text, "shards=2"));
    assert_int_equal(onsite_store_open(&f->options, NOW, &store, &f->error),
                     ONSITE_INVALID);
    assert_null(store);
}


static void
takes_a_raised_size_while_in_use(void **state)
{
    pid_t            pid;
    uint64_t         n;
    fixture_t       *f = *state;
    onsite_store_t  *store;

    store = open_store(f);
    assert_int_equal(put(store, 1, NOW, 100), ONSITE_OK);

    pid = fork();
    if (pid == 0) {
        f->options.size = 16 * MB;

        if (onsite_store_prepare(&f->options, -1, -1, NULL) != ONSITE_OK) {
            _exit(1);
        }

        store = open_store(f);

        for (n = 2; n < 60000; n++) {
            if (put(store, n, NOW, 100) != ONSITE_OK) {
                _exit(2);
            }
        }

        onsite_store_close(store);
        _exit(0);
    }

    assert_int_equal(waitpid(pid, &(int) { 0 }, 0), pid);

    /* both ways, in the map that was opened small */

    assert_true(has(store, 59999, NOW));
    assert_int_equal(put(store, 60000, NOW, 100), ONSITE_OK);
    assert_true(has(store, 1, NOW));
    assert_int_equal(visitors(store), 60000);
    onsite_store_close(store);

    /* and a lowered one is not taken */

    f->options.size = 4 * MB;
    assert_int_equal(onsite_store_prepare(&f->options, -1, -1, NULL),
                     ONSITE_OK);
    assert_non_null(strstr(f->logged, "keeps its"));
    store = open_store(f);
    assert_true(has(store, 59999, NOW));
    onsite_store_close(store);
}


static void
gives_files_to_the_owner(void **state)
{
    int              status;
    char             path[512];
    pid_t            pid;
    fixture_t       *f = *state;
    struct stat      st;
    onsite_store_t  *store;

    if (geteuid() != 0) {
        print_message("skipped: needs root\n");
        skip();
    }

    assert_int_equal(onsite_store_prepare(&f->options, 65534, 65534,
                                          &f->error), ONSITE_OK);
    path_of(f, path, "shard-000.mdb-lock");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 65534);
    assert_int_equal(st.st_gid, 65534);

    /* a tool run by root must not shut the workers out */

    store = open_store(f);
    onsite_store_close(store);

    pid = fork();
    if (pid == 0) {
        if (setuid(65534) != 0
            || onsite_store_open(&f->options, NOW, &store, NULL) != ONSITE_OK
            || put(store, 1, NOW, 64) != ONSITE_OK)
        {
            _exit(1);
        }

        onsite_store_close(store);
        _exit(0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);

    /* another user's directory is not trusted */

    pid = fork();
    if (pid == 0) {
        status = chmod(f->dir, 0777) != 0 || setuid(65533) != 0
                 || onsite_store_open(&f->options, NOW, &store, &f->error)
                    != ONSITE_INVALID
                 || strstr(f->error.text, "belongs to user") == NULL;
        _exit(status);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}


/* Records */

static void
keeps_records_over_opens(void **state)
{
    char             small[10];
    size_t           size;
    record_t         record;
    fixture_t       *f = *state;
    onsite_key_t     key = key_of(7);
    onsite_str_t     got;
    onsite_txn_t    *txn, *second;
    onsite_store_t  *store;

    store = open_store(f);
    assert_int_equal(onsite_txn_begin(store, 0, &txn, &f->error), ONSITE_OK);
    assert_int_equal(onsite_txn_begin(store, 0, &second, &f->error),
                     ONSITE_INVALID);
    assert_int_equal(onsite_txn_get(txn, &key, NOW, &got), ONSITE_NOT_FOUND);
    assert_int_equal(onsite_txn_put(txn, &key, record_of(&record, 7, NOW, 99),
                                    NOW), ONSITE_OK);
    assert_int_equal(onsite_txn_get(txn, &key, NOW, &got), ONSITE_OK);
    assert_int_equal(got.len, 99);
    assert_memory_equal(got.data, &record, 99);
    assert_int_equal(onsite_txn_put(txn, &key,
                     onsite_str((char *) &record, ONSITE_RECORD_BYTES_MAX + 1),
                     NOW), ONSITE_LIMIT);
    assert_int_equal(onsite_txn_commit(txn, &f->error), ONSITE_OK);
    onsite_store_close(store);

    store = open_store(f);
    assert_true(has(store, 7, NOW));
    assert_int_equal(onsite_store_get(store, &key, NOW, small, sizeof(small),
                                      &size), ONSITE_LIMIT);
    assert_int_equal(size, 99);

    assert_int_equal(onsite_txn_begin(store, 0, &txn, &f->error), ONSITE_OK);
    assert_int_equal(onsite_txn_delete(txn, &key), ONSITE_OK);
    assert_int_equal(onsite_txn_delete(txn, &key), ONSITE_NOT_FOUND);
    onsite_txn_abort(txn);
    assert_true(has(store, 7, NOW));

    assert_int_equal(onsite_txn_begin(store, 1, &txn, &f->error),
                     ONSITE_INVALID);
    onsite_store_close(store);
}


static void
hides_expired_records(void **state)
{
    record_t         record;
    fixture_t       *f = *state;
    onsite_key_t     key = key_of(2);
    onsite_str_t     got;
    onsite_txn_t    *txn;
    onsite_store_t  *store = open_store(f);

    assert_int_equal(put(store, 1, NOW, 64), ONSITE_OK);

    assert_int_equal(onsite_txn_begin(store, 0, &txn, &f->error), ONSITE_OK);
    (void) record_of(&record, 2, NOW, 64);
    record.session_only = 1;
    assert_int_equal(onsite_txn_put(txn, &key,
                     onsite_str((char *) &record, 64), NOW), ONSITE_OK);
    assert_int_equal(onsite_txn_get(txn, &key, NOW + ONSITE_DAY, &got),
                     ONSITE_OK);
    assert_int_equal(onsite_txn_get(txn, &key, NOW + ONSITE_DAY + 1, &got),
                     ONSITE_NOT_FOUND);
    assert_int_equal(onsite_txn_commit(txn, &f->error), ONSITE_OK);

    assert_true(has(store, 2, NOW));
    assert_false(has(store, 2, NOW + ONSITE_DAY + 1));
    assert_true(has(store, 1, NOW + 90 * ONSITE_DAY));
    assert_false(has(store, 1, NOW + 90 * ONSITE_DAY + 1));
    assert_int_equal(visitors(store), 2);

    onsite_store_close(store);

    /* ttl 0: for ever */

    f->options.ttl = 0;
    store = open_store(f);
    assert_true(has(store, 1, NOW + 9000 * ONSITE_DAY));
    assert_false(has(store, 2, NOW + 2 * ONSITE_DAY));
    onsite_store_close(store);
}


static void
reaps_within_its_budget(void **state)
{
    unsigned             i, reaped, total;
    uint64_t             n;
    fixture_t           *f = *state;
    onsite_store_t      *store = open_store(f);
    onsite_store_stat_t  stat;

    for (n = 0; n < 1000; n++) {
        assert_int_equal(put(store, n, n % 2 ? NOW : NOW - 91 * ONSITE_DAY,
                             64), ONSITE_OK);
    }

    assert_int_equal(onsite_store_reap(store, 0, NOW, 100, &reaped),
                     ONSITE_OK);
    assert_in_range(reaped, 20, 80);

    total = reaped;

    for (i = 0; i < 10; i++) {
        assert_int_equal(onsite_store_reap(store, 0, NOW, 100, &reaped),
                         ONSITE_OK);
        assert_in_range(reaped, 0, 100);
        total += reaped;
    }

    assert_int_equal(total, 500);
    assert_int_equal(visitors(store), 500);
    assert_true(has(store, 1, NOW));

    /* one at a time gets round as well */

    assert_int_equal(put(store, 5000, NOW - 91 * ONSITE_DAY, 64), ONSITE_OK);

    for (i = 0, total = 0; i < 1100; i++) {
        assert_int_equal(onsite_store_reap(store, 0, NOW, 1, &reaped),
                         ONSITE_OK);
        total += reaped;
    }

    assert_int_equal(total, 1);
    assert_int_equal(onsite_store_stat(store, &stat), ONSITE_OK);
    assert_int_equal(stat.expired, 501);

    onsite_store_close(store);
}


typedef struct {
    unsigned      n;
    unsigned      stop;
    bool          ordered;
    onsite_key_t  last;
} walked_t;


static bool
walk_record(void *data, const onsite_key_t *key, onsite_str_t record)
{
    walked_t      *w = data;
    uint64_t       number;
    onsite_key_t   expected;

    memcpy(&number, record.data + 16, 8);

    expected = key_of(number);

    if (memcmp(key, &expected, 16) != 0
        || (w->n != 0 && memcmp(&w->last, key, 16) >= 0))
    {
        w->ordered = false;
    }

    w->last = *key;

    return ++w->n != w->stop;
}


static void
walks_all_records(void **state)
{
    uint64_t         n;
    walked_t         w;
    fixture_t       *f = *state;
    onsite_store_t  *store = open_store(f);

    for (n = 0; n < 1500; n++) {
        assert_int_equal(put(store, n, NOW, n % 50 == 0 ? 4000 : 100),
                         ONSITE_OK);
    }

    w = (walked_t) { .ordered = true };
    assert_int_equal(onsite_store_walk(store, walk_record, &w, &f->error),
                     ONSITE_OK);
    assert_int_equal(w.n, 1500);
    assert_true(w.ordered);

    w = (walked_t) { .ordered = true, .stop = 700 };
    assert_int_equal(onsite_store_walk(store, walk_record, &w, &f->error),
                     ONSITE_OK);
    assert_int_equal(w.n, 700);

    onsite_store_close(store);
}


static void
reads_a_live_state(void **state)
{
    int                      status;
    fixture_t               *f = *state;
    onsite_txn_t            *txn;
    onsite_store_t          *store = open_store(f), *reader;
    onsite_store_options_t   o = f->options;

    assert_int_equal(put(store, 1, NOW, 64), ONSITE_OK);

    /* another process, as the store is opened once in each */

    if (fork() == 0) {
        o.read_only = true;
        o.shards = 0;
        o.size = 0;

        if (onsite_store_open(&o, NOW, &reader, &f->error) != ONSITE_OK
            || !has(reader, 1, NOW) || visitors(reader) != 1
            || onsite_txn_begin(reader, 0, &txn, NULL) != ONSITE_INVALID)
        {
            _exit(1);
        }

        onsite_store_close(reader);
        _exit(0);
    }

    assert_true(wait(&status) > 0);
    assert_int_equal(status, 0);

    assert_int_equal(put(store, 2, NOW, 64), ONSITE_OK);
    onsite_store_close(store);

    o = f->options;
    o.read_only = true;
    o.path = "/nonexistent/state";
    assert_int_equal(onsite_store_open(&o, NOW, &reader, &f->error),
                     ONSITE_IO);
    o.path = "/tmp";
    assert_int_equal(onsite_store_open(&o, NOW, &reader, &f->error),
                     ONSITE_NOT_FOUND);
}


static void
keeps_the_first_meta_value(void **state)
{
    char             out[64];
    size_t           size;
    fixture_t       *f = *state;
    onsite_store_t  *store = open_store(f);

    assert_int_equal(onsite_store_meta_get(store, "secret", out, sizeof(out),
                                           &size), ONSITE_NOT_FOUND);
    assert_int_equal(onsite_store_meta_set_once(store, "secret", "first", 5,
                                                out, sizeof(out), &size),
                     ONSITE_OK);
    assert_int_equal(size, 5);
    assert_int_equal(onsite_store_meta_set_once(store, "secret", "second", 6,
                                                out, sizeof(out), &size),
                     ONSITE_OK);
    assert_int_equal(size, 5);
    assert_memory_equal(out, "first", 5);
    assert_int_equal(onsite_store_meta_get(store, "secret", out, 3, &size),
                     ONSITE_LIMIT);
    assert_int_equal(onsite_store_meta_get(store, "format", out, sizeof(out),
                                           &size), ONSITE_OK);
    assert_memory_equal(out, "1", 1);

    onsite_store_close(store);
}


/* A full map */

static void
full_map_keeps_the_recent(void **state)
{
    unsigned             kept_new, kept_old;
    uint64_t             n, total;
    fixture_t           *f = *state;
    onsite_store_t      *store;
    onsite_store_stat_t  stat;

    f->options.size = 16 * MB;
    store = open_store(f);
    total = 300000;

    for (n = 0; n < total; n++) {
        assert_int_equal(put(store, n, NOW + (onsite_ms_t) n, 120),
                         ONSITE_OK);
    }

    assert_int_equal(onsite_store_stat(store, &stat), ONSITE_OK);
    print_message("16 MB hold %u visitors of 120 bytes, %u of file each\n",
                  (unsigned) stat.visitors,
                  (unsigned) (stat.bytes_size / stat.visitors));
    assert_int_equal(stat.map_full, 0);
    assert_int_equal(stat.bytes_size, 16 * MB);
    assert_int_equal(stat.visitors + stat.evictions, total);
    assert_in_range(stat.visitors, 95000, 110000);
    assert_true(stat.bytes_used < stat.bytes_size);

    kept_new = kept_old = 0;

    for (n = 0; n < 1000; n++) {
        kept_new += has(store, total - 1 - n * 40, NOW);
        kept_old += has(store, n * 100, NOW);
    }

    assert_in_range(kept_new, 990, 1000);
    assert_in_range(kept_old, 0, 40);

    onsite_store_close(store);
}


/* Records that grow, and some with pages of their own, in batches. */

static void
full_map_takes_batches(void **state)
{
    size_t               size;
    record_t             record;
    unsigned             i;
    uint64_t             n;
    fixture_t           *f = *state;
    onsite_key_t         key;
    onsite_txn_t        *txn;
    onsite_store_t      *store = open_store(f);
    onsite_store_stat_t  stat;

    for (n = 0; n < 60000; n += 500) {
        assert_int_equal(onsite_txn_begin(store, 0, &txn, &f->error),
                         ONSITE_OK);

        for (i = 0; i < 500; i++) {
            key = key_of((n + i) * 2654435761u % 40000);
            size = 60 + (n + i) % 400 + ((n + i) % 37 == 0 ? 3600 : 0);
            assert_int_equal(onsite_txn_put(txn, &key,
                             record_of(&record, n, NOW, size), NOW),
                             ONSITE_OK);
            assert_int_equal(onsite_txn_renew(txn, &f->error), ONSITE_OK);
        }

        assert_int_equal(onsite_txn_commit(txn, &f->error), ONSITE_OK);
    }

    assert_int_equal(onsite_store_stat(store, &stat), ONSITE_OK);
    assert_int_equal(stat.map_full, 0);
    assert_true(stat.evictions > 1000);
    assert_true(stat.visitors > 4000);

    onsite_store_close(store);
}


static void
overwriting_takes_no_more_pages(void **state)
{
    uint64_t             n, used;
    fixture_t           *f = *state;
    onsite_store_t      *store = open_store(f);
    onsite_store_stat_t  stat;

    for (n = 0; n < 2000; n++) {
        assert_int_equal(put(store, n, NOW, 120), ONSITE_OK);
    }

    assert_int_equal(onsite_store_stat(store, &stat), ONSITE_OK);
    used = stat.bytes_used;

    for (n = 0; n < 30000; n++) {
        assert_int_equal(put(store, n % 2000, NOW, 120), ONSITE_OK);
        (void) has(store, n % 1999, NOW);
    }

    assert_int_equal(onsite_store_stat(store, &stat), ONSITE_OK);
    assert_in_range(stat.bytes_used, used - 40 * 4096, used + 40 * 4096);

    onsite_store_close(store);
}


/* Damage */

static void
overwrite_file(const fixture_t *f, const char *name, off_t at,
    const void *data, size_t size)
{
    int   fd;
    char  path[512];

    path_of(f, path, name);
    fd = open(path, O_RDWR|O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, size, at), size);
    (void) close(fd);
}


static void
expect_quarantine(fixture_t *f, const char *why)
{
    char             path[512];
    struct stat      st;
    onsite_store_t  *store;

    f->logged[0] = '\0';
    store = open_store(f);
    assert_non_null(strstr(f->logged, why));
    assert_non_null(strstr(f->logged, ".quarantine-1700000000000"));
    assert_true(exists(f, "shard-000.mdb.quarantine-1700000000000"));
    assert_true(exists(f, "shard-000.mdb-lock.quarantine-1700000000000"));
    assert_false(exists(f, "shard-000.mdb.damaged"));

    path_of(f, path, "shard-000.mdb");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 4 * MB);

    assert_int_equal(visitors(store), 0);
    assert_int_equal(put(store, 3, NOW, 64), ONSITE_OK);
    onsite_store_close(store);

    store = open_store(f);
    assert_true(has(store, 3, NOW));
    onsite_store_close(store);
}


static void
make_resting(fixture_t *f)
{
    onsite_store_t  *store = open_store(f);

    assert_int_equal(put(store, 1, NOW, 64), ONSITE_OK);
    onsite_store_close(store);
}


static void
sets_garbage_aside(void **state)
{
    char        garbage[8192];
    size_t      i;
    fixture_t  *f = *state;

    make_resting(f);

    for (i = 0; i < sizeof(garbage); i++) {
        garbage[i] = (char) (i * 2654435761u >> 13);
    }

    overwrite_file(f, "shard-000.mdb", 0, garbage, sizeof(garbage));

    /* prepare leaves it to open */

    assert_int_equal(onsite_store_prepare(&f->options, -1, -1, &f->error),
                     ONSITE_OK);
    expect_quarantine(f, "is not an LMDB file");
}


/* While one process goes on with what it has mapped. */

static void
tells_what_took_its_place(void **state)
{
    char             path[512], aside[512];
    fixture_t       *f = *state;
    onsite_store_t  *store, *other;

    store = open_store(f);
    assert_false(onsite_store_replaced(store));

    path_of(f, path, "shard-000.mdb");
    path_of(f, aside, "aside");
    assert_int_equal(rename(path, aside), 0);
    assert_false(onsite_store_replaced(store));

    other = open_store(f);
    assert_true(onsite_store_replaced(store));
    assert_false(onsite_store_replaced(other));

    onsite_store_close(other);
    onsite_store_close(store);
    assert_int_equal(unlink(aside), 0);
}


static void
sets_another_format_aside(void **state)
{
    uint32_t    version = 2;
    fixture_t  *f = *state;

    make_resting(f);
    overwrite_file(f, "shard-000.mdb", 20, &version, sizeof(version));
    expect_quarantine(f, "of another LMDB format");
}


static void
sets_a_truncated_file_aside(void **state)
{
    char        path[512];
    fixture_t  *f = *state;

    make_resting(f);
    path_of(f, path, "shard-000.mdb");
    assert_int_equal(truncate(path, 4 * 4096 + 100), 0);
    expect_quarantine(f, "truncated");
}


static void
sets_an_empty_file_aside(void **state)
{
    char        path[512];
    fixture_t  *f = *state;

    make_resting(f);
    path_of(f, path, "shard-000.mdb");
    assert_int_equal(truncate(path, 0), 0);
    expect_quarantine(f, "shorter than an LMDB header");
}


static void
zero_pages(const fixture_t *f)
{
    char  *zeros = calloc(1, MB);

    overwrite_file(f, "shard-000.mdb", 8192, zeros, MB - 8192);
    free(zeros);
}


static void
find_damage(fixture_t *f, onsite_store_t *store)
{
    size_t        size;
    record_t      record;
    onsite_key_t  key = key_of(1);

    assert_int_equal(onsite_store_get(store, &key, NOW, &record,
                                      sizeof(record), &size), ONSITE_CORRUPT);
    assert_non_null(strstr(f->logged, "is damaged"));

    /* it is said once */

    f->logged[0] = '\0';
    assert_int_equal(put(store, 1, NOW, 64), ONSITE_CORRUPT);
    assert_string_equal(f->logged, "");
}


static void
sets_aside_what_was_found_damaged(void **state)
{
    uint64_t         n;
    fixture_t       *f = *state;
    onsite_store_t  *store = open_store(f);

    for (n = 0; n < 2000; n++) {
        assert_int_equal(put(store, n, NOW, 120), ONSITE_OK);
    }

    zero_pages(f);
    find_damage(f, store);
    assert_true(exists(f, "shard-000.mdb.damaged"));
    onsite_store_close(store);

    expect_quarantine(f, "was found damaged while in use");
}


static void
marks_only_the_file_it_has(void **state)
{
    int              status;
    pid_t            pid;
    fixture_t       *f = *state;
    onsite_store_t  *store = open_store(f);

    assert_int_equal(put(store, 1, NOW, 120), ONSITE_OK);
    zero_pages(f);

    pid = fork();
    if (pid == 0) {
        store = open_store(f);
        onsite_store_close(store);
        _exit(0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);

    /* the child found no sub-databases, and began afresh */

    assert_true(exists(f, "shard-000.mdb.quarantine-1700000000000"));
    find_damage(f, store);
    assert_false(exists(f, "shard-000.mdb.damaged"));
    onsite_store_close(store);
}


/* Puts records of its own from the one behind last on, and tells of each, until
 * it is killed. */

static void
write_on(fixture_t *f, int fd, unsigned writer, uint64_t last)
{
    uint64_t         ack[2] = { writer, last };
    onsite_store_t  *store = open_store(f);

    for ( ;; ) {
        ack[1]++;

        if (put(store, ack[1] * 2 + writer, NOW, 120) != ONSITE_OK) {
            _exit(1);
        }

        if (write(fd, ack, sizeof(ack)) < 0) {
            _exit(2);
        }
    }
}


/* Up to max of them; how many came. */

static unsigned
read_acks(int fd, unsigned max, uint64_t last[2])
{
    unsigned  n;
    uint64_t  ack[2];

    for (n = 0; n < max; n++) {
        if (read(fd, ack, sizeof(ack)) != sizeof(ack)) {
            break;
        }

        last[ack[0]] = ack[1];
    }

    return n;
}


static void
kill_writer(pid_t pid)
{
    int  status;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}


/* Processes */

static void
writers_get_killed(void **state)
{
    int              fds[2], round;
    pid_t            pids[2];
    fixture_t       *f = *state;
    uint64_t         n, last[2] = { 0, 0 };
    unsigned         i;
    onsite_store_t  *store;

    f->options.size = 64 * MB;   /* nothing is evicted */
    assert_int_equal(onsite_store_prepare(&f->options, -1, -1, NULL),
                     ONSITE_OK);

    for (round = 0; round < 25; round++) {
        assert_int_equal(pipe(fds), 0);

        for (i = 0; i < 2; i++) {
            pids[i] = fork();

            if (pids[i] == 0) {
                write_on(f, fds[1], i, last[i]);
            }
        }

        (void) close(fds[1]);

        /* while acknowledgements come, at a moment that differs each time */

        assert_int_equal(read_acks(fds[0], 200 + (unsigned) round * 37, last),
                         200 + round * 37);
        kill_writer(pids[round % 2]);

        /* the other one goes on */

        assert_int_equal(read_acks(fds[0], 300, last), 300);
        kill_writer(pids[!(round % 2)]);
        (void) read_acks(fds[0], UINT32_MAX, last);
        (void) close(fds[0]);
    }

    store = open_store(f);

    for (i = 0; i < 2; i++) {
        for (n = 1; n <= last[i]; n++) {
            assert_true(has(store, n * 2 + i, NOW));
        }
    }

    assert_int_equal(put(store, 1, NOW, 64), ONSITE_OK);
    assert_in_range(last[0], 1000, 150000);
    assert_in_range(last[1], 1000, 150000);
    onsite_store_close(store);
}


static void
dies_in_mid_transaction(void **state)
{
    int              status;
    pid_t            pid;
    record_t         record;
    onsite_key_t     key = key_of(9);
    fixture_t       *f = *state;
    onsite_txn_t    *txn;
    onsite_store_t  *store = open_store(f);

    assert_int_equal(put(store, 1, NOW, 64), ONSITE_OK);

    pid = fork();
    if (pid == 0) {
        if (onsite_store_open(&f->options, NOW, &store, NULL) != ONSITE_OK
            || onsite_txn_begin(store, 0, &txn, NULL) != ONSITE_OK
            || onsite_txn_put(txn, &key, record_of(&record, 9, NOW, 64), NOW)
               != ONSITE_OK)
        {
            _exit(1);
        }

        (void) has(store, 1, NOW);
        (void) raise(SIGKILL);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));

    /* its lock is free, its half-done work is nowhere, its slot is cleared */

    assert_int_equal(put(store, 2, NOW, 64), ONSITE_OK);
    assert_true(has(store, 1, NOW));
    assert_false(has(store, 9, NOW));
    assert_int_equal(onsite_store_check_readers(store), 0);
    onsite_store_close(store);
}


static void
clears_readers_that_died(void **state)
{
    int              i;
    pid_t            pid;
    fixture_t       *f = *state;
    onsite_store_t  *store = open_store(f);

    for (i = 0; i < 3; i++) {
        pid = fork();

        if (pid == 0) {
            store = open_store(f);
            (void) raise(SIGKILL);
        }

        assert_int_equal(waitpid(pid, &(int) { 0 }, 0), pid);
    }

    /* each open cleared the one before */

    assert_int_equal(onsite_store_check_readers(store), 1);
    assert_int_equal(onsite_store_check_readers(store), 0);
    onsite_store_close(store);
}


static void
prepares_in_many_processes_at_once(void **state)
{
    int              i, status;
    char             out[16];
    size_t           size;
    uint64_t         n;
    fixture_t       *f = *state;
    onsite_store_t  *store;

    for (i = 0; i < 6; i++) {
        if (fork() == 0) {
            if (onsite_store_prepare(&f->options, -1, -1, NULL) != ONSITE_OK
                || onsite_store_open(&f->options, NOW, &store, NULL)
                   != ONSITE_OK
                || onsite_store_meta_set_once(store, "winner", &i, sizeof(i),
                                              out, sizeof(out), &size)
                   != ONSITE_OK)
            {
                _exit(100);
            }

            for (n = 0; n < 500; n++) {
                if (put(store, n * 6 + (uint64_t) i, NOW, 80) != ONSITE_OK) {
                    _exit(101);
                }
            }

            onsite_store_close(store);
            _exit(out[0]);
        }
    }

    size = 255;

    for (i = 0; i < 6; i++) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status));
        assert_in_range(WEXITSTATUS(status), 0, 5);
        assert_true(size == 255 || size == (size_t) WEXITSTATUS(status));
        size = (size_t) WEXITSTATUS(status);
    }

    store = open_store(f);
    assert_int_equal(visitors(store), 3000);
    assert_int_equal(count_named(f, "quarantine"), 0);
    onsite_store_close(store);
}


/* Reads record n and writes it again with another size. */

static void
change(onsite_txn_t *txn, uint64_t n, size_t size)
{
    record_t      record;
    onsite_str_t  found;
    onsite_key_t  key = key_of(n);

    assert_int_equal(onsite_txn_get(txn, &key, NOW, &found), ONSITE_OK);
    assert_in_range(found.len, 24, sizeof(record));
    memcpy(&record, found.data, found.len);
    assert_int_equal(record.number, n);
    assert_int_equal(onsite_txn_put(txn, &key,
                                    record_of(&record, n, NOW, size), NOW),
                     ONSITE_OK);
}


/* Records that grow over a page and shrink, one or many a transaction. */

static void
changes_what_it_found(void **state)
{
    size_t           size;
    uint64_t         i, round;
    record_t         record;
    onsite_key_t     key;
    onsite_txn_t    *txn;
    onsite_store_t  *store = open_store(*state);

    for (i = 0; i < 300; i++) {
        assert_int_equal(put(store, i, NOW, 24), ONSITE_OK);
    }

    for (round = 0; round < 6; round++) {
        assert_int_equal(onsite_txn_begin(store, 0, &txn, NULL), ONSITE_OK);

        for (i = 0; i < 300; i++) {
            change(txn, i, 24 + (i * 37 + round * 613) % 2000);

            if (i % (round + 1) == 0) {
                assert_int_equal(onsite_txn_commit(txn, NULL), ONSITE_OK);
                assert_int_equal(onsite_txn_begin(store, 0, &txn, NULL),
                                 ONSITE_OK);
            }
        }

        assert_int_equal(onsite_txn_commit(txn, NULL), ONSITE_OK);

        for (i = 0; i < 300; i++) {
            key = key_of(i);
            assert_int_equal(onsite_store_get(store, &key, NOW, &record,
                                              sizeof(record), &size),
                             ONSITE_OK);
            assert_int_equal(record.number, i);
            assert_int_equal(size, 24 + (i * 37 + round * 613) % 2000);
        }

        assert_int_equal(visitors(store), 300);
    }

    onsite_store_close(store);
}


/* What was found is not what is written: another record, or one deleted. */

static void
finds_again_what_has_moved(void **state)
{
    record_t         record;
    onsite_key_t     a = key_of(1), b = key_of(2);
    onsite_str_t     found;
    onsite_txn_t    *txn;
    onsite_store_t  *store = open_store(*state);

    assert_int_equal(put(store, 1, NOW, 24), ONSITE_OK);
    assert_int_equal(onsite_txn_begin(store, 0, &txn, NULL), ONSITE_OK);
    assert_int_equal(onsite_txn_get(txn, &a, NOW, &found), ONSITE_OK);
    assert_int_equal(onsite_txn_put(txn, &b, record_of(&record, 2, NOW, 40),
                                    NOW), ONSITE_OK);
    assert_int_equal(onsite_txn_put(txn, &a, record_of(&record, 1, NOW, 40),
                                    NOW), ONSITE_OK);
    assert_int_equal(onsite_txn_get(txn, &a, NOW, &found), ONSITE_OK);
    assert_int_equal(onsite_txn_delete(txn, &a), ONSITE_OK);
    assert_int_equal(onsite_txn_put(txn, &a, record_of(&record, 1, NOW, 32),
                                    NOW), ONSITE_OK);
    assert_int_equal(onsite_txn_commit(txn, NULL), ONSITE_OK);

    assert_true(has(store, 1, NOW));
    assert_true(has(store, 2, NOW));
    assert_int_equal(visitors(store), 2);
    onsite_store_close(store);
}


static bool
check_order(void *data, const onsite_key_t *key, onsite_str_t record)
{
    onsite_key_t  *last = data;

    (void) record;
    assert_true(memcmp(last->bytes, key->bytes, sizeof(key->bytes)) < 0);
    *last = *key;

    return true;
}


/* The order of the keys is that of their bytes, which LMDB's tools expect. */

static void
orders_keys_as_bytes(void **state)
{
    static const uint8_t  bytes[] = { 0x01, 0x7f, 0x80, 0xff };

    int              i;
    record_t         record;
    onsite_key_t     key, last = { { 0 } };
    onsite_str_t     found;
    onsite_txn_t    *txn;
    onsite_store_t  *store = open_store(*state);

    assert_int_equal(onsite_txn_begin(store, 0, &txn, NULL), ONSITE_OK);

    for (i = 0; i < 256; i++) {
        memset(key.bytes, 0x55, sizeof(key.bytes));
        key.bytes[0] = bytes[i & 3];
        key.bytes[7] = bytes[i >> 2 & 3];
        key.bytes[8] = bytes[i >> 4 & 3];
        key.bytes[15] = bytes[i >> 6];
        assert_int_equal(onsite_txn_get(txn, &key, NOW, &found),
                         ONSITE_NOT_FOUND);
        assert_int_equal(onsite_txn_put(txn, &key,
                             record_of(&record, (uint64_t) i, NOW, 24), NOW),
                         ONSITE_OK);
    }

    assert_int_equal(onsite_txn_commit(txn, NULL), ONSITE_OK);
    assert_int_equal(onsite_store_walk(store, check_order, &last, NULL),
                     ONSITE_OK);
    assert_int_equal(last.bytes[0], 0xff);
    assert_int_equal(visitors(store), 256);
    onsite_store_close(store);
}


#define store_test(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        store_test(prepares_allocated_files),
        store_test(fills_the_holes_of_a_copy),
        store_test(refuses_bad_options),
        store_test(tells_how_much_room_it_needs),
        store_test(keeps_the_number_of_shards),
        store_test(takes_a_raised_size_while_in_use),
        store_test(gives_files_to_the_owner),
        store_test(keeps_records_over_opens),
        store_test(changes_what_it_found),
        store_test(finds_again_what_has_moved),
        store_test(orders_keys_as_bytes),
        store_test(hides_expired_records),
        store_test(reaps_within_its_budget),
        store_test(walks_all_records),
        store_test(reads_a_live_state),
        store_test(keeps_the_first_meta_value),
        store_test(full_map_keeps_the_recent),
        store_test(full_map_takes_batches),
        store_test(overwriting_takes_no_more_pages),
        store_test(sets_garbage_aside),
        store_test(tells_what_took_its_place),
        store_test(sets_another_format_aside),
        store_test(sets_a_truncated_file_aside),
        store_test(sets_an_empty_file_aside),
        store_test(sets_aside_what_was_found_damaged),
        store_test(marks_only_the_file_it_has),
        store_test(writers_get_killed),
        store_test(dies_in_mid_transaction),
        store_test(clears_readers_that_died),
        store_test(prepares_in_many_processes_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
