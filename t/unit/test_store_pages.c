/*
 * test_store_pages.c - free pages of a full map: readers that are slow, that
 * hang and that die, and transactions that change much.
 */

#include "state.h"
#include "onsite_outbox.h"

#include <lmdb.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define ENTRIES     400         /* what the outbox holds is drained to this */
#define LIVES_MS    20000       /* a reader, whatever becomes of the test */

typedef struct {
    state_t   *state;
    uint64_t   first;           /* of the outbox */
    uint64_t   next;
    unsigned   refused;
} load_t;

static char  logged[1024];


static void
keep_log(void *data, int level, const char *text)
{
    (void) data;
    (void) level;
    (void) snprintf(logged, sizeof(logged), "%s", text);
}


static double
seconds(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static void
put_one(state_t *s, uint64_t n)
{
    begin_in(s, 0);
    assert_int_equal(put_visitor(s, n, NOW + (onsite_ms_t) n, 0), ONSITE_OK);
    commit(s);
}


static void
fill(state_t *s)
{
    uint64_t             n;
    onsite_store_stat_t  stat;

    s->options.size = MB;
    s->options.log = keep_log;
    open_state(s);
    logged[0] = '\0';

    for (n = 0; n < 20000; n++) {
        put_one(s, n);
    }

    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_true(stat.evictions > 10000);
}


/* A process that reads for some milliseconds, again and again. */

static int
read_for(const char *path, unsigned ms, int ready)
{
    MDB_env   *env;
    MDB_txn   *txn;
    unsigned   i;

    if (mdb_env_create(&env) != 0
        || mdb_env_open(env, path, MDB_NOSUBDIR|MDB_RDONLY|MDB_NOTLS, 0) != 0)
    {
        return 1;
    }

    for (i = 0; i < LIVES_MS / ms; i++) {

        if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0
            || write(ready, "r", 1) != 1)
        {
            return 1;
        }

        (void) usleep(ms * 1000);
        mdb_txn_abort(txn);
    }

    return 0;
}


static pid_t
start_reader(state_t *s, unsigned ms)
{
    int    fds[2];
    char   path[128], c;
    pid_t  pid;

    (void) snprintf(path, sizeof(path), "%s/shard-000.mdb", s->dir);
    assert_int_equal(pipe(fds), 0);

    pid = fork();

    if (pid == 0) {
        (void) close(fds[0]);
        _exit(read_for(path, ms, fds[1]));
    }

    (void) close(fds[1]);
    assert_int_equal(read(fds[0], &c, 1), 1);

    /* its end stays open: the reader must not die of it */

    return pid;
}


static void
stop_reader(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &(int) { 0 }, 0), pid);
}


/* A worker that loses its processor while it reads fails nobody's write. */

static void
are_waited_for(void **data)
{
    pid_t                 pid;
    state_t              *s = *data;
    uint64_t              n;
    onsite_store_stat_t   stat;

    fill(s);
    pid = start_reader(s, 8);

    for (n = 0; n < 1500; n++) {
        put_one(s, 20000 + n);
    }

    stop_reader(pid);
    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.map_full, 0);
    assert_string_equal(logged, "");
}


/* Nothing waits for ever: what is there is used up, then writes fail, but for
 * no longer than the reader hangs, or lives. */

static void
that_hang_cost_a_moment(void **data)
{
    pid_t             pid;
    double            start;
    state_t          *s = *data;
    uint64_t          n, written;
    onsite_status_t   status;

    fill(s);
    pid = start_reader(s, LIVES_MS);
    start = seconds();

    for (n = 0, written = 0; n < 100; n++) {
        begin_in(s, 0);
        status = put_visitor(s, 20000 + n, NOW + 20000, 0);

        if (status == ONSITE_OK) {
            status = onsite_txn_commit(s->txn, &s->error);
        }

        onsite_txn_abort(s->txn);
        assert_true(status == ONSITE_OK || status == ONSITE_FULL);
        written += status == ONSITE_OK;
    }

    assert_true(seconds() - start < 5);
    assert_in_range(written, 1, 99);
    assert_non_null(strstr(logged, "does not end what it reads"));

    stop_reader(pid);
    logged[0] = '\0';

    for (n = 0; n < 1000; n++) {
        put_one(s, 30000 + n);
    }

    assert_string_equal(logged, "");
}


/* A visitor's event: its timer moves, a delivery is added, its record grows.
 * The times are such that each timer lies in another page. */

static void
visit(load_t *load, uint64_t n)
{
    char                    bytes[1024];
    uint64_t                seq;
    onsite_ms_t             due, wake;
    onsite_buf_t            buf;
    onsite_key_t            key = key_of(n);
    onsite_str_t            record;
    onsite_status_t         status;
    onsite_outbox_entry_t   entry = {
        .kind = ONSITE_OUTBOX_DELIVERY, .data = onsite_str(bytes, sizeof(bytes))
    };

    memset(bytes, 'x', sizeof(bytes));
    status = onsite_txn_get(load->state->txn, &key, NOW, &record);
    wake = status == ONSITE_OK ? onsite_record_wake(record.data, record.len)
           : 0;
    due = NOW + (onsite_ms_t) (1 + (load->next * 7919 + n * 104729) % 4000000);

    status = onsite_txn_timer_move(load->state->txn, &key, wake, due);
    assert_true(status == ONSITE_OK || (status == ONSITE_FULL && wake == 0));
    wake = status == ONSITE_OK ? due : wake;
    load->refused += status == ONSITE_FULL;

    onsite_buf_init(&buf, ONSITE_OUTBOX_BYTES_MAX);
    onsite_outbox_encode(&entry, &buf);
    status = onsite_txn_outbox_add(load->state->txn,
                                   onsite_str(buf.data, buf.len), &seq);
    onsite_buf_free(&buf);
    assert_true(status == ONSITE_OK || status == ONSITE_FULL);
    load->next += status == ONSITE_OK;
    load->refused += status == ONSITE_FULL;

    assert_int_equal(put_visitor(load->state, n, NOW + (onsite_ms_t) n, wake),
                     ONSITE_OK);
}


static void
drain(load_t *load)
{
    begin_in(load->state, 0);

    while (load->next - load->first > ENTRIES / 2) {
        renew(load->state);
        assert_int_equal(onsite_txn_outbox_delete(load->state->txn,
                                                  load->first++), ONSITE_OK);
    }

    commit(load->state);
}


static void
carry_batches_that_change_much(void **data)
{
    load_t                load = { .state = *data, .first = 1, .next = 1 };
    uint64_t              i, n, round;
    onsite_store_stat_t   stat;

    fill(load.state);

    for (round = 0, n = 0; round < 400; round++) {
        begin_in(load.state, 0);

        for (i = 0; i < 100; i++, n++) {
            renew(load.state);
            visit(&load, n % 3 == 0 ? n : n * 2654435761u % 1500);
        }

        commit(load.state);

        if (load.next - load.first > ENTRIES || round % 40 == 39) {
            drain(&load);
        }
    }

    assert_int_equal(onsite_store_stat(load.state->store, &stat), ONSITE_OK);
    print_message("%u refused, %u evicted, %u visitors, %u timers\n",
                  load.refused, (unsigned) stat.evictions,
                  (unsigned) stat.visitors, (unsigned) stat.timers);
    assert_int_equal(stat.map_full, 0);
    assert_true(load.refused > 100);
    assert_true(stat.visitors > 100);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        state_test(are_waited_for),
        state_test(that_hang_cost_a_moment),
        state_test(carry_batches_that_change_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
