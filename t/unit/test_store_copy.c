/*
 * test_store_copy.c - a state as of one moment, while others write it; and back
 * into a directory.
 */

#include "state.h"
#include "onsite_id.h"
#include "onsite_outbox.h"
#include "onsite_store_copy.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SHARDS   4
#define VISITORS 400


static void
path_of(const char *dir, uint32_t shard, char path[128])
{
    (void) snprintf(path, 128, "%s/shard-%03u.mdb", dir, (unsigned) shard);
}


/* Into a folder. */

static onsite_status_t
copy_into(state_t *s, const char *dir)
{
    int              fd;
    bool             last;
    char             path[128];
    uint32_t         i;
    uint64_t         used;
    struct stat      st;
    onsite_copy_t   *copy;
    onsite_status_t  status;

    status = onsite_copy_begin(s->store, &copy, &s->error);

    for (i = 0; status == ONSITE_OK && i < s->options.shards; i++) {
        path_of(dir, i, path);
        fd = open(path, O_RDWR|O_CREAT|O_TRUNC, 0600);
        assert_int_not_equal(fd, -1);

        do {
            status = onsite_copy_some(copy, i, fd, &last, &s->error);
        } while (status == ONSITE_OK && !last);

        (void) fstat(fd, &st);
        (void) close(fd);

        assert_int_equal(onsite_copy_size(copy, i, &used), st.st_size);
        assert_true(used <= (uint64_t) st.st_size && used > 0);
        onsite_copy_let_go(copy, i);
    }

    onsite_copy_end(copy);

    return status;
}


static onsite_status_t
restore_begin(const char *dir, bool replace, onsite_restore_t **r,
    onsite_error_t *error)
{
    onsite_restore_options_t  options = {
        .path = dir, .uid = -1, .gid = -1, .replace = replace
    };

    return onsite_restore_begin(&options, r, error);
}


/* From the state into another directory, opened there instead. */

static void
move_to(state_t *s, const char *dir, onsite_ms_t passed)
{
    onsite_store_t    *store;
    onsite_restore_t  *r;

    if (restore_begin(dir, false, &r, &s->error) != ONSITE_OK
        || copy_into(s, onsite_restore_folder(r)) != ONSITE_OK
        || onsite_restore_open(r, s->options.shards, NOW, &store, &s->error)
           != ONSITE_OK
        || onsite_restore_resume(store, passed, &s->error) != ONSITE_OK)
    {
        print_error("%s\n", s->error.text);
        fail();
    }

    onsite_store_close(store);
    assert_int_equal(onsite_restore_finish(r, &s->error), ONSITE_OK);
    onsite_restore_end(r);

    onsite_store_close(s->store);
    s->options.path = dir;
    assert_int_equal(onsite_store_prepare(&s->options, -1, -1, &s->error),
                     ONSITE_OK);
    open_state(s);
}


static void
leave(state_t *s, const char *dir)
{
    char  command[256];

    onsite_store_close(s->store);
    s->store = NULL;
    (void) snprintf(command, sizeof(command), "rm -r '%s'", dir);
    assert_int_equal(system(command), 0);
}


static uint64_t
add_event(state_t *s, uint32_t shard)
{
    uint64_t               lost;
    onsite_buf_t           bytes = { 0 };
    onsite_outbox_event_t  event = { .time = NOW };

    begin_in(s, shard);
    onsite_outbox_event_encode(&event, NULL, &bytes);
    assert_int_equal(onsite_txn_event_add(s->txn, onsite_str(bytes.data,
                                          bytes.len), &lost), ONSITE_OK);
    commit(s);
    onsite_buf_free(&bytes);

    return lost;
}


static uint64_t
add_delivery(state_t *s, uint32_t shard)
{
    uint64_t               seq;
    onsite_buf_t           bytes = { 0 };
    onsite_outbox_entry_t  entry = { .kind = ONSITE_OUTBOX_DELIVERY,
                                     .time = NOW };

    begin_in(s, shard);
    onsite_outbox_encode(&entry, &bytes);
    assert_int_equal(onsite_txn_outbox_add(s->txn, onsite_str(bytes.data,
                                           bytes.len), &seq), ONSITE_OK);
    commit(s);
    onsite_buf_free(&bytes);

    return seq;
}


static void
fill(state_t *s)
{
    uint64_t      n;
    onsite_key_t  key;

    for (n = 0; n < VISITORS; n++) {
        key = key_of(n);
        begin_in(s, onsite_key_shard(&key, s->options.shards));
        assert_int_equal(put_visitor(s, n, NOW, 0), ONSITE_OK);
        commit(s);
    }
}


typedef struct {
    uint64_t  numbers[16];
    unsigned  n;
} numbers_t;


static bool
see(void *data, uint64_t seq, onsite_str_t entry)
{
    numbers_t  *seen = data;

    (void) entry;
    seen->numbers[seen->n++] = seq;

    return seen->n < 16;
}


static numbers_t
numbers(state_t *s)
{
    numbers_t  seen = { .n = 0 };

    assert_int_equal(onsite_store_outbox_walk(s->store, see, &seen,
                                              &s->error), ONSITE_OK);
    return seen;
}


/* All is there again, and numbers go on far behind. */

static void
comes_back(void **data)
{
    char                 dir[96];
    state_t             *s = *data;
    numbers_t            before, after;
    onsite_store_stat_t  was, is;

    s->options.shards = SHARDS;
    s->options.size = SHARDS * 2 * MB;
    open_state(s);
    fill(s);
    (void) add_event(s, 1);
    (void) add_event(s, 1);
    (void) add_delivery(s, 2);
    before = numbers(s);
    assert_int_equal(onsite_store_stat(s->store, &was), ONSITE_OK);

    (void) snprintf(dir, sizeof(dir), "%s-back", s->dir);
    move_to(s, dir, 5);

    assert_int_equal(onsite_store_stat(s->store, &is), ONSITE_OK);
    assert_int_equal(is.visitors, VISITORS);
    assert_int_equal(is.events, was.events);
    assert_int_equal(is.deliveries, was.deliveries);
    after = numbers(s);
    assert_int_equal(after.n, 3);
    assert_memory_equal(after.numbers, before.numbers,
                        3 * sizeof(uint64_t));

    (void) add_event(s, 1);
    (void) add_event(s, 3);
    assert_true(add_delivery(s, 2) > before.numbers[2] + ((uint64_t) 1 << 40)
                + 4999);
    after = numbers(s);
    assert_int_equal(after.n, 6);
    assert_true(after.numbers[2] > after.numbers[1] + ((uint64_t) 1 << 40)
                + 4999);
    assert_int_equal(after.numbers[2] >> 56, 1);
    assert_int_equal(after.numbers[5] >> 55, 3 << 1 | 1);
    assert_int_equal(onsite_store_stat(s->store, &is), ONSITE_OK);
    assert_int_equal(is.events, 4);

    leave(s, dir);
}


/* A map that was written over and over: what is free is not in the file. */

static void
leaves_free_pages(void **data)
{
    char              dir[96], path[128], *text;
    FILE             *file;
    state_t          *s = *data;
    uint64_t          n, round;
    struct stat       st;
    onsite_key_t      key;
    onsite_restore_t *r;

    open_state(s);

    for (round = 0; round < 2; round++) {
        for (n = 0; n < 4000; n++) {
            key = key_of(n);
            begin_in(s, 0);

            if (round == 0) {
                assert_int_equal(onsite_txn_put(s->txn, &key,
                                     ONSITE_STR("\x93\x01\x02\x00 SECRET "
                                     "that nobody is to find again"), NOW),
                                 ONSITE_OK);
            } else {
                assert_int_equal(onsite_txn_delete(s->txn, &key), ONSITE_OK);
            }

            commit(s);
        }
    }

    (void) snprintf(dir, sizeof(dir), "%s-free", s->dir);
    assert_int_equal(restore_begin(dir, false, &r, &s->error), ONSITE_OK);
    assert_int_equal(copy_into(s, onsite_restore_folder(r)), ONSITE_OK);

    path_of(onsite_restore_folder(r), 0, path);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_blocks * 512 < st.st_size / 4);

    text = calloc(1, (size_t) st.st_size);
    file = fopen(path, "r");
    assert_int_equal(fread(text, 1, (size_t) st.st_size, file), st.st_size);
    assert_null(memmem(text, (size_t) st.st_size, "SECRET", 6));
    (void) fclose(file);
    free(text);

    onsite_restore_end(r);
    leave(s, dir);
}


/* A writer moves a visitor from shard to shard, one commit each: first it is
 * put where it goes, then deleted where it was.  At any moment there are one
 * or two. */

static void
write_on(const onsite_store_options_t *options)
{
    uint32_t        i;
    onsite_key_t    key = key_of(1);
    onsite_txn_t   *txn;
    onsite_store_t *store;

    if (onsite_store_open(options, NOW, &store, NULL) != ONSITE_OK) {
        _exit(1);
    }

    for (i = 0; ; i++) {
        if (onsite_txn_begin(store, (i + 1) % SHARDS, &txn, NULL) != ONSITE_OK
            || onsite_txn_put(txn, &key, ONSITE_STR("x"), NOW) != ONSITE_OK
            || onsite_txn_commit(txn, NULL) != ONSITE_OK
            || onsite_txn_begin(store, i % SHARDS, &txn, NULL) != ONSITE_OK)
        {
            _exit(2);
        }

        (void) onsite_txn_delete(txn, &key);

        if (onsite_txn_commit(txn, NULL) != ONSITE_OK) {
            _exit(3);
        }
    }
}


static void
is_one_moment(void **data)
{
    int                  i, status;
    char                 dir[96];
    pid_t                pid;
    state_t             *s = *data;
    uint64_t             two = 0;
    onsite_store_t      *store;
    onsite_restore_t    *r;
    onsite_store_stat_t  stat;

    s->options.shards = SHARDS;
    s->options.size = SHARDS * 2 * MB;
    assert_int_equal(onsite_store_prepare(&s->options, -1, -1, &s->error),
                     ONSITE_OK);
    pid = fork();

    if (pid == 0) {
        write_on(&s->options);
    }

    s->options.read_only = true;
    open_state(s);

    do {
        (void) onsite_store_stat(s->store, &stat);
    } while (stat.visitors == 0);

    (void) snprintf(dir, sizeof(dir), "%s-moment", s->dir);

    for (i = 0; i < 200; i++) {
        assert_int_equal(restore_begin(dir, false, &r, &s->error), ONSITE_OK);
        assert_int_equal(copy_into(s, onsite_restore_folder(r)), ONSITE_OK);
        assert_int_equal(onsite_restore_open(r, SHARDS, NOW, &store,
                                             &s->error), ONSITE_OK);
        assert_int_equal(onsite_store_stat(store, &stat), ONSITE_OK);
        assert_in_range(stat.visitors, 1, 2);
        two += stat.visitors == 2;
        onsite_store_close(store);
        onsite_restore_end(r);
    }

    assert_true(two > 0);
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, &status, 0);
    leave(s, dir);
}


/* Who writes gets short of pages, and it is told; when it is let go they go
 * on, and what was copied is void. */

static void
lets_go(void **data)
{
    int              fd;
    bool             last;
    char             path[128];
    state_t         *s = *data;
    uint64_t         n = 0;
    onsite_copy_t   *copy;
    onsite_status_t  status = ONSITE_OK;

    s->options.size = 2 * MB;
    open_state(s);
    fill(s);
    assert_int_equal(onsite_copy_begin(s->store, &copy, &s->error),
                     ONSITE_OK);
    assert_int_equal(onsite_copy_pressure(copy, 0), ONSITE_PRESSURE_NONE);

    while (onsite_copy_pressure(copy, 0) == ONSITE_PRESSURE_NONE) {
        begin_in(s, 0);
        assert_int_equal(put_visitor(s, n++ % VISITORS, NOW, 0), ONSITE_OK);
        commit(s);
        assert_true(n < 10000);
    }

    while (onsite_copy_pressure(copy, 0) == ONSITE_PRESSURE_SOON) {
        begin_in(s, 0);
        assert_int_equal(put_visitor(s, n++ % VISITORS, NOW, 0), ONSITE_OK);
        commit(s);
    }

    assert_int_equal(onsite_copy_pressure(copy, 0), ONSITE_PRESSURE_NOW);
    onsite_copy_let_go(copy, 0);
    assert_int_equal(onsite_copy_pressure(copy, 0), ONSITE_PRESSURE_NONE);

    (void) snprintf(path, sizeof(path), "%s/x", s->dir);
    fd = open(path, O_RDWR|O_CREAT, 0600);
    status = onsite_copy_some(copy, 0, fd, &last, &s->error);
    assert_int_equal(status, ONSITE_NOT_FOUND);
    assert_int_equal(lseek(fd, 0, SEEK_END), 0);
    (void) close(fd);
    onsite_copy_end(copy);

    for (n = 0; n < 2000; n++) {
        begin_in(s, 0);
        assert_int_equal(put_visitor(s, n % VISITORS, NOW, 0), ONSITE_OK);
        commit(s);
    }
}


static void
asks_before(void **data)
{
    int                fd;
    char               dir[96], path[160];
    state_t           *s = *data;
    onsite_store_t    *store;
    onsite_restore_t  *r;

    open_state(s);
    assert_int_equal(restore_begin(s->dir, false, &r, &s->error),
                     ONSITE_INVALID);
    assert_non_null(strstr(s->error.text, "there is one"));
    assert_int_equal(restore_begin("relative", false, &r, &s->error),
                     ONSITE_INVALID);
    assert_int_equal(restore_begin("/nothing/there", false, &r, &s->error),
                     ONSITE_IO);

    /* the process that has it open is this one, whose own locks it does not
     * see: so one is asked that does */

    if (fork() == 0) {
        _exit(restore_begin(s->dir, true, &r, &s->error) == ONSITE_LIMIT
              && strstr(s->error.text, "uses the one") != NULL ? 0 : 1);
    }

    assert_int_not_equal(wait(&fd), -1);
    assert_int_equal(fd, 0);

    /* what is damaged is not restored */

    (void) snprintf(dir, sizeof(dir), "%s-asks", s->dir);
    assert_int_equal(restore_begin(dir, false, &r, &s->error), ONSITE_OK);
    assert_int_equal(copy_into(s, onsite_restore_folder(r)), ONSITE_OK);
    path_of(onsite_restore_folder(r), 0, path);
    assert_int_equal(truncate(path, 8192), 0);
    assert_int_equal(onsite_restore_open(r, 1, NOW, &store, &s->error),
                     ONSITE_CORRUPT);
    onsite_restore_end(r);
    (void) snprintf(path, sizeof(path), "%s/restore.part", dir);
    assert_int_equal(access(path, F_OK), -1);
    leave(s, dir);
}


/* A process that dies while files take their places leaves no state, and the
 * next one ends it. */

static void
is_broken_off(void **data)
{
    int                fd;
    char               dir[96], path[128];
    state_t           *s = *data;
    onsite_store_t    *store;
    const char        *text = "onsite state, being restored\n";

    open_state(s);
    fill(s);
    (void) snprintf(dir, sizeof(dir), "%s-broken", s->dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(copy_into(s, dir), ONSITE_OK);

    (void) snprintf(path, sizeof(path), "%s/onsite-state", dir);
    fd = open(path, O_WRONLY|O_CREAT, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void) close(fd);

    s->options.path = dir;
    assert_int_equal(onsite_store_open(&s->options, NOW, &store, &s->error),
                     ONSITE_INVALID);
    assert_non_null(strstr(s->error.text, "broken off"));
    move_to(s, dir, 0);
    leave(s, dir);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        state_test(comes_back),
        state_test(leaves_free_pages),
        state_test(is_one_moment),
        state_test(lets_go),
        state_test(asks_before),
        state_test(is_broken_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
