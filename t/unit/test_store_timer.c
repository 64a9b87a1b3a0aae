/*
 * test_store_timer.c - entries of timers: their order, moving, a full map.
 */

#include "state.h"


static void
put_timer(state_t *s, onsite_ms_t from, onsite_ms_t to, uint64_t n)
{
    onsite_key_t  key = key_of(n);

    assert_int_equal(onsite_txn_timer_move(s->txn, &key, from, to),
                     ONSITE_OK);
}


/* All that is due, in order, as "due:n due:n"; numbers are below 100. */

static const char *
due_by(state_t *s, onsite_ms_t now)
{
    uint64_t          n;
    onsite_ms_t       due = 0;
    onsite_key_t      key = { { 0 } }, expected;
    onsite_status_t   status;
    static char       text[512];

    text[0] = '\0';

    while ((status = onsite_txn_timer_next(s->txn, now, &due, &key))
           == ONSITE_OK)
    {
        for (n = 0; n < 100; n++) {
            expected = key_of(n);

            if (memcmp(&expected, &key, sizeof(key)) == 0) {
                break;
            }
        }

        (void) snprintf(text + strlen(text), sizeof(text) - strlen(text),
                        "%s%d:%d", *text != '\0' ? " " : "",
                        (int) (due - NOW), (int) n);
    }

    assert_int_equal(status, ONSITE_NOT_FOUND);

    return text;
}


static void
come_in_order_of_their_time(void **data)
{
    state_t      *s = *data;
    onsite_ms_t   due;

    open_state(s);
    assert_int_equal(onsite_store_timer_first(s->store, 0, &due),
                     ONSITE_NOT_FOUND);
    assert_int_equal(onsite_store_timer_first(s->store, 1, &due),
                     ONSITE_INVALID);

    begin_in(s, 0);
    assert_string_equal(due_by(s, INT64_MAX), "");
    put_timer(s, 0, NOW + 300, 1);
    put_timer(s, 0, NOW + 7, 2);
    put_timer(s, 0, NOW - 5, 3);
    put_timer(s, 0, NOW + 256, 4);
    assert_string_equal(due_by(s, NOW - 6), "");
    assert_string_equal(due_by(s, NOW - 5), "-5:3");
    assert_string_equal(due_by(s, NOW + 299), "-5:3 7:2 256:4");
    assert_string_equal(due_by(s, INT64_MAX), "-5:3 7:2 256:4 300:1");
    commit(s);

    reopen_state(s);
    assert_int_equal(onsite_store_timer_first(s->store, 0, &due), ONSITE_OK);
    assert_true(due == NOW - 5);
}


static void
move_and_are_taken_away(void **data)
{
    state_t              *s = *data;
    onsite_store_stat_t   stat;

    open_state(s);
    begin_in(s, 0);
    put_timer(s, 0, NOW + 10, 1);
    put_timer(s, 0, NOW + 20, 2);
    put_timer(s, NOW + 10, NOW + 30, 1);
    put_timer(s, NOW + 20, NOW + 20, 2);
    assert_string_equal(due_by(s, INT64_MAX), "20:2 30:1");

    /* what is not there is no error; what is there twice is one entry */

    put_timer(s, NOW + 99, 0, 1);
    put_timer(s, 0, NOW + 30, 1);
    put_timer(s, 0, 0, 1);
    put_timer(s, NOW + 99, NOW + 40, 3);
    assert_string_equal(due_by(s, INT64_MAX), "20:2 30:1 40:3");
    put_timer(s, NOW + 20, 0, 2);
    commit(s);

    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.timers, 2);

    begin_in(s, 0);
    put_timer(s, NOW + 30, 0, 1);
    onsite_txn_abort(s->txn);

    begin_in(s, 0);
    assert_string_equal(due_by(s, INT64_MAX), "30:1 40:3");
    onsite_txn_abort(s->txn);
}


/* Two of one moment are two, and looking goes on behind the last seen. */

static void
of_one_moment_are_all_seen(void **data)
{
    state_t       *s = *data;
    unsigned       i, n;
    onsite_ms_t    due;
    onsite_key_t   key;

    open_state(s);
    begin_in(s, 0);

    for (i = 0; i < 1000; i++) {
        renew(s);
        put_timer(s, 0, NOW, i);
    }

    memset(&key, 0, sizeof(key));

    for (n = 0, due = 0;
         onsite_txn_timer_next(s->txn, NOW, &due, &key) == ONSITE_OK; n++)
    {
        assert_true(due == NOW);
    }

    assert_int_equal(n, 1000);

    /* and when each is moved as it is met */

    for (n = 0; n <= 1000; n++) {
        due = 0;
        memset(&key, 0, sizeof(key));
        renew(s);

        if (onsite_txn_timer_next(s->txn, NOW, &due, &key) != ONSITE_OK) {
            break;
        }

        assert_int_equal(onsite_txn_timer_move(s->txn, &key, due, NOW + 1),
                         ONSITE_OK);
    }

    assert_int_equal(n, 1000);
    onsite_txn_abort(s->txn);
}


static void
do_not_void_a_record(void **data)
{
    uint64_t       i;
    state_t       *s = *data;
    char           copy[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t   key = key_of(7);
    onsite_str_t   record;

    open_state(s);
    begin_in(s, 0);
    assert_int_equal(put_visitor(s, 7, NOW, 0), ONSITE_OK);
    commit(s);

    begin_in(s, 0);
    assert_int_equal(onsite_txn_get(s->txn, &key, NOW, &record), ONSITE_OK);
    memcpy(copy, record.data, record.len);

    for (i = 0; i < 300; i++) {
        put_timer(s, 0, NOW + (onsite_ms_t) i, i);
    }

    assert_memory_equal(copy, record.data, record.len);
    commit(s);
}


/* Timers stop at a quarter of the map; visitors are written all the same. */

static void
leave_room_in_a_full_map(void **data)
{
    state_t              *s = *data;
    uint64_t              n;
    unsigned              refused;
    onsite_key_t          key;
    onsite_status_t       status;
    onsite_store_stat_t   stat;

    s->options.size = 2 * MB;
    open_state(s);

    for (n = 0, refused = 0; n < 60000; n++) {
        key = key_of(n);
        begin_in(s, 0);
        assert_int_equal(put_visitor(s, n, NOW + (onsite_ms_t) n,
                                     0), ONSITE_OK);
        status = onsite_txn_timer_move(s->txn, &key, 0,
                                       NOW + (onsite_ms_t) (n % 977));
        assert_true(status == ONSITE_OK || status == ONSITE_FULL);
        refused += status == ONSITE_FULL;
        commit(s);
    }

    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.map_full, 0);
    assert_true(refused > 1000);
    assert_in_range(stat.timers, 2000, 60000 - refused);
    assert_in_range(stat.visitors, 500, 20000);
    assert_true(stat.evictions > 1000);

    /* what wakes makes room again */

    for (n = 0; n < 100; n++) {
        onsite_ms_t  due = 0;

        memset(&key, 0, sizeof(key));
        begin_in(s, 0);
        assert_int_equal(onsite_txn_timer_next(s->txn, INT64_MAX, &due, &key),
                         ONSITE_OK);
        assert_int_equal(onsite_txn_timer_move(s->txn, &key, due, 0),
                         ONSITE_OK);
        commit(s);
    }

    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.map_full, 0);
}


/* Evicted visitors take their timers with them: nobody's is refused for
 * them. */

static void
go_with_an_evicted_record(void **data)
{
    state_t              *s = *data;
    uint64_t              n;
    onsite_ms_t           due;
    onsite_key_t          key;
    onsite_store_stat_t   stat;

    s->options.size = 2 * MB;
    open_state(s);

    for (n = 0; n < 60000; n++) {
        key = key_of(n);
        due = NOW + ONSITE_DAY + (onsite_ms_t) (n * 7919 % 4000000);
        begin_in(s, 0);
        assert_int_equal(onsite_txn_timer_move(s->txn, &key, 0, due),
                         ONSITE_OK);
        assert_int_equal(put_visitor(s, n, NOW + (onsite_ms_t) n, due),
                         ONSITE_OK);
        commit(s);
    }

    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.map_full, 0);
    assert_true(stat.evictions > 40000);
    assert_in_range(stat.timers, stat.visitors, 2 * stat.visitors);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        state_test(come_in_order_of_their_time),
        state_test(move_and_are_taken_away),
        state_test(of_one_moment_are_all_seen),
        state_test(do_not_void_a_record),
        state_test(leave_room_in_a_full_map),
        state_test(go_with_an_evicted_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
