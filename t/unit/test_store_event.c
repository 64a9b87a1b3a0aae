/*
 * test_store_event.c - events that wait to leave: their numbers, and what
 * goes when there is no room.
 */

#include "state.h"
#include "onsite_outbox.h"

#include <endian.h>
#include <lmdb.h>

#define FIRST     (((uint64_t) 1 << 55) + 1)

static onsite_buf_t  bytes;


/* An event of the visitor whose messageId is len times the letter. */

static onsite_str_t
event_of(uint64_t visitor, char letter, size_t len)
{
    char                   *text = malloc(len + 1);
    onsite_outbox_event_t   event = { .time = NOW };

    memset(text, letter, len);
    event.visitor = key_of(visitor);
    event.message_id = onsite_str(text, len);

    onsite_buf_clear(&bytes);
    onsite_outbox_event_encode(&event, NULL, &bytes);
    free(text);
    assert_false(bytes.failed);

    return onsite_str(bytes.data, bytes.len);
}


static uint64_t
add(state_t *s, char letter, size_t len)
{
    uint64_t  lost;

    assert_int_equal(onsite_txn_event_add(s->txn, event_of(1, letter, len),
                                          &lost), ONSITE_OK);

    return lost;
}


static uint64_t
add_alone(state_t *s, char letter, size_t len)
{
    uint64_t  lost;

    begin_in(s, 0);
    lost = add(s, letter, len);
    commit(s);

    return lost;
}


typedef struct {
    char      text[256];
    unsigned  n;
    uint64_t  last;
} seen_t;


/* "number:letter"; of events that are large, the bytes have to be whole. */

static bool
see(void *data, uint64_t seq, onsite_str_t entry)
{
    seen_t                *seen = data;
    onsite_buf_t           line;
    onsite_outbox_kind_t   kind;

    assert_true(onsite_outbox_kind(entry.data, entry.len, &kind));
    assert_int_equal(kind, ONSITE_OUTBOX_EVENT);

    onsite_buf_init(&line, 0);
    assert_int_equal(onsite_outbox_write_segment(&line, seq, entry),
                     ONSITE_OK);
    onsite_buf_char(&line, '\0');

    if (seen->n++ < 20) {
        (void) snprintf(seen->text + strlen(seen->text),
                        sizeof(seen->text) - strlen(seen->text), "%s%d:%c",
                        seen->n != 1 ? " " : "", (int) (seq & 0xffffff),
                        strstr(line.data, "messageId\":\"")[12]);
    }

    seen->last = seq;
    onsite_buf_free(&line);

    return true;
}


static seen_t *
walk(state_t *s)
{
    static seen_t  seen;

    memset(&seen, 0, sizeof(seen));
    assert_int_equal(onsite_store_outbox_walk(s->store, see, &seen,
                                              &s->error), ONSITE_OK);

    return &seen;
}


static uint64_t
waiting(state_t *s)
{
    onsite_store_stat_t  stat;

    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);

    return stat.events;
}


static void
delete_to(state_t *s, uint64_t seq)
{
    assert_int_equal(onsite_store_events_delete(s->store, 0, seq, &s->error),
                     ONSITE_OK);
}


static void
numbers_go_on_when_all_have_left(void **data)
{
    state_t  *s = *data;

    open_state(s);
    assert_int_equal(waiting(s), 0);
    delete_to(s, UINT64_MAX);

    assert_int_equal(add_alone(s, 'a', 10), 0);
    begin_in(s, 0);
    (void) add(s, 'b', 10);
    (void) add(s, 'c', 9000);
    commit(s);
    assert_string_equal(walk(s)->text, "1:a 2:b 3:c");
    assert_int_equal(waiting(s), 3);

    delete_to(s, FIRST);
    assert_string_equal(walk(s)->text, "2:b 3:c");
    assert_int_equal(waiting(s), 2);

    delete_to(s, FIRST + 2);
    assert_string_equal(walk(s)->text, "");
    assert_int_equal(waiting(s), 0);

    reopen_state(s);
    delete_to(s, UINT64_MAX);
    (void) add_alone(s, 'd', 10);
    assert_string_equal(walk(s)->text, "4:d");
    assert_int_equal(waiting(s), 1);

    /* what was not committed has used no number */

    begin_in(s, 0);
    (void) add(s, 'x', 10);
    onsite_txn_abort(s->txn);
    (void) add_alone(s, 'e', 10);
    assert_string_equal(walk(s)->text, "4:d 5:e");
}


/* One by one, as a visitor is erased: the last one, and large ones, too. */

static void
single_ones_go(void **data)
{
    state_t          *s = *data;
    unsigned          i;
    onsite_status_t   first, again;

    open_state(s);

    for (i = 0; i < 5; i++) {
        (void) add_alone(s, (char) ('a' + i), i % 2 == 0 ? 12000 : 10);
    }

    for (i = 5; i <= 5; i -= 2) {
        begin_in(s, 0);
        first = onsite_txn_outbox_delete(s->txn, FIRST + i - 1);
        again = onsite_txn_outbox_delete(s->txn, FIRST + i - 1);
        commit(s);
        assert_int_equal(first, ONSITE_OK);
        assert_int_equal(again, ONSITE_NOT_FOUND);
    }

    assert_string_equal(walk(s)->text, "2:b 4:d");
    assert_int_equal(waiting(s), 2);
    (void) add_alone(s, 'f', 10);
    assert_string_equal(walk(s)->text, "2:b 4:d 6:f");
    assert_int_equal(waiting(s), 3);
}


static void
portions_are_read(void **data)
{
    int        i;
    bool       last;
    seen_t     seen = { .n = 0 };
    state_t   *s = *data;
    uint64_t   from = 0;

    s->options.shards = 2;
    s->options.size = 8 * MB;
    open_state(s);

    for (i = 0; i < 3000; i++) {
        begin_in(s, 1);
        (void) add(s, 'a', 100);
        commit(s);
    }

    assert_int_equal(onsite_store_events_read(s->store, 0, &from, see, &seen,
                                              &last, &s->error), ONSITE_OK);
    assert_true(last);
    assert_int_equal(seen.n, 0);

    for (from = 0, i = 0, last = false; !last; i++) {
        assert_int_equal(onsite_store_events_read(s->store, 1, &from, see,
                                                  &seen, &last, &s->error),
                         ONSITE_OK);
    }

    assert_int_equal(seen.n, 3000);
    assert_true(i > 3);
    assert_true(seen.last == (((uint64_t) 1 << 56) | (FIRST + 2999)));
    assert_int_equal(onsite_store_events_read(s->store, 2, &from, see, &seen,
                                              &last, &s->error),
                     ONSITE_INVALID);
}


/* Whatever comes and goes, in whatever order, against a list of what is there:
 * many events are one value, some have several, the latest are elsewhere. */

#define MODEL_MAX  2000

typedef struct {
    char       letter[MODEL_MAX];
    bool       there[MODEL_MAX];
    unsigned   added;
    unsigned   waiting;
    unsigned   at;              /* the next that is to be seen */
    uint32_t   random;
} model_t;


static uint32_t
some(model_t *model, uint32_t n)
{
    model->random = model->random * 1664525 + 1013904223;

    return (model->random >> 8) % n;
}


static void
add_some(state_t *s, model_t *model)
{
    unsigned  i, n = some(model, 30) + 1, before = model->added;
    bool      aborted = some(model, 8) == 0;

    begin_in(s, 0);

    for (i = 0; i < n && model->added < MODEL_MAX; i++) {
        model->letter[model->added] = (char) ('a' + some(model, 26));
        model->there[model->added] = true;
        (void) add(s, model->letter[model->added++],
                   some(model, 12) == 0 ? 1800 + some(model, 9000)
                   : 1 + some(model, 200));
    }

    if (aborted) {
        onsite_txn_abort(s->txn);
        model->added = before;
        return;
    }

    commit(s);
    model->waiting += model->added - before;
}


static void
forget_some(state_t *s, model_t *model)
{
    unsigned  i, at, n = 1 + some(model, 5);

    begin_in(s, 0);

    for (i = 0; i < n; i++) {
        at = some(model, model->added + 1);
        assert_int_equal(onsite_txn_outbox_delete(s->txn, FIRST + at),
                         at < model->added && model->there[at] ? ONSITE_OK
                         : ONSITE_NOT_FOUND);

        if (at < model->added && model->there[at]) {
            model->there[at] = false;
            model->waiting--;
        }
    }

    commit(s);
}


static void
leave_some(state_t *s, model_t *model)
{
    unsigned  i, upto = some(model, model->added + 3);

    delete_to(s, FIRST + upto);

    for (i = 0; i <= upto && i < model->added; i++) {
        model->waiting -= model->there[i];
        model->there[i] = false;
    }
}


static bool
expect(void *data, uint64_t seq, onsite_str_t entry)
{
    model_t  *model = data;

    while (model->at < model->added && !model->there[model->at]) {
        model->at++;
    }

    assert_true(seq == FIRST + model->at);
    assert_non_null(memchr(entry.data, model->letter[model->at], entry.len));
    model->at++;

    return true;
}


static void
check(state_t *s, model_t *model)
{
    bool       last = false, all;
    uint64_t   from = FIRST + some(model, model->added + 1);
    onsite_key_t  key = key_of(1);

    model->at = 0;
    assert_int_equal(onsite_store_outbox_walk(s->store, expect, model,
                                              &s->error), ONSITE_OK);
    while (model->at < model->added && !model->there[model->at]) {
        model->at++;
    }

    assert_int_equal(model->at, model->added);
    assert_int_equal(waiting(s), model->waiting);

    /* from the middle, and as those of their visitor */

    for (model->at = (unsigned) (from - FIRST); !last; ) {
        assert_int_equal(onsite_store_events_read(s->store, 0, &from, expect,
                         model, &last, &s->error), ONSITE_OK);
    }

    model->at = 0;
    assert_int_equal(onsite_store_outbox_of(s->store, &key, 1, 100000, expect,
                                            model, &all, &s->error),
                     ONSITE_OK);
    assert_true(all);
}


static void
whatever_comes_and_goes(void **data)
{
    int       round;
    state_t  *s = *data;
    model_t  *model = calloc(1, sizeof(model_t));

    s->options.size = 32 * MB;
    open_state(s);

    for (round = 0; model->added < MODEL_MAX; round++) {
        add_some(s, model);

        if (some(model, 3) == 0) {
            forget_some(s, model);
        }

        if (some(model, 6) == 0) {
            leave_some(s, model);
        }

        if (some(model, 20) == 0) {
            reopen_state(s);
        }

        check(s, model);
    }

    assert_true(round > 50);
    free(model);
}


/* A state of before the latest were kept apart: one value each, and a byte
 * that keeps the number when all had left. */

static void
put_single(MDB_txn *txn, MDB_dbi dbi, uint64_t number, const char *data,
    size_t size)
{
    char      key[10] = { 0 };
    MDB_val   k = { sizeof(key), key }, v = { size, (char *) (uintptr_t) data };

    number = htobe64(number);
    memcpy(key, &number, sizeof(number));
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
}


static void
make_old(state_t *s, onsite_str_t event, bool keeper)
{
    char      path[128];
    MDB_dbi   root, events;
    MDB_env  *env;
    MDB_txn  *txn;
    char      tail[] = "\0events";
    MDB_val   k = { 7, tail };

    onsite_store_close(s->store);
    (void) snprintf(path, sizeof(path), "%s/shard-000.mdb", s->dir);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &root), 0);
    assert_int_equal(mdb_dbi_open(txn, "events", 0, &events), 0);
    assert_int_equal(mdb_del(txn, root, &k, NULL), 0);
    assert_int_equal(mdb_drop(txn, events, 0), 0);

    if (keeper) {
        put_single(txn, events, FIRST + 8, "\xc0", 1);

    } else {
        put_single(txn, events, FIRST + 4, event.data, event.len);
        put_single(txn, events, FIRST + 6, event.data, event.len);
    }

    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    open_state(s);
}


static void
numbers_of_before_go_on(void **data)
{
    state_t  *s = *data;

    open_state(s);
    make_old(s, event_of(1, 'o', 10), false);
    assert_int_equal(waiting(s), 2);
    (void) add_alone(s, 'n', 10);
    assert_string_equal(walk(s)->text, "5:o 7:o 8:n");
    delete_to(s, FIRST + 6);
    assert_string_equal(walk(s)->text, "8:n");
    assert_int_equal(waiting(s), 1);

    make_old(s, ONSITE_STR(""), true);
    assert_int_equal(waiting(s), 0);
    (void) add_alone(s, 'n', 10);
    assert_string_equal(walk(s)->text, "10:n");
}


/* Up to a quarter of the map; then the oldest make room, and are counted. */

static void
the_oldest_make_room(void **data)
{
    seen_t               *seen;
    state_t              *s = *data;
    uint64_t              i, lost = 0;
    onsite_store_stat_t   stat;

    s->options.size = 2 * MB;
    open_state(s);

    for (i = 0; i < 20000; i++) {
        lost += add_alone(s, 'a', i % 50 == 0 ? 5000 : 150);
    }

    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.map_full, 0);
    assert_in_range(stat.outbox_bytes, 2 * MB / 8, 2 * MB / 4);
    assert_int_equal(stat.events + lost, 20000);
    assert_true(stat.events > 500);

    seen = walk(s);
    assert_int_equal(seen->n, stat.events);
    assert_true(seen->last == FIRST + 19999);
}


/* Nothing of a delivery's share is theirs. */

static void
deliveries_come_first(void **data)
{
    state_t                *s = *data;
    uint64_t                seq;
    uint64_t                lost = 0, gone;
    unsigned                i, taken = 0;
    onsite_buf_t            out;
    onsite_store_stat_t     stat;
    onsite_outbox_entry_t   entry = { .kind = ONSITE_OUTBOX_DELIVERY };

    s->options.size = 2 * MB;
    open_state(s);

    for (i = 0; i < 5000; i++) {
        lost += add_alone(s, 'a', 150);
    }

    onsite_buf_init(&out, 0);
    onsite_outbox_encode(&entry, &out);

    for (i = 0; i < 10000; i++) {
        begin_in(s, 0);
        taken += onsite_txn_outbox_add(s->txn, onsite_str(out.data, out.len),
                                       &seq) == ONSITE_OK;
        commit(s);
        begin_in(s, 0);
        lost += onsite_txn_event_add(s->txn, event_of(2, 'b', 150), &gone)
                == ONSITE_FULL;
        lost += gone;
        commit(s);
    }

    lost += onsite_store_events_lost(s->store);
    assert_int_equal(onsite_store_events_lost(s->store), 0);

    onsite_buf_free(&out);
    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.deliveries, taken);
    assert_int_equal(stat.map_full, 0);
    assert_int_equal(stat.events + lost, 15000);
    assert_true(stat.events < 200);
    assert_in_range(stat.outbox_bytes, 2 * MB / 4 - 64 * 1024,
                    2 * MB / 4 + 64 * 1024);
}


static void
what_is_no_event_is_refused(void **data)
{
    state_t   *s = *data;
    uint64_t   lost;

    open_state(s);
    begin_in(s, 0);
    assert_int_equal(onsite_txn_event_add(s->txn, ONSITE_STR("what?"), &lost),
                     ONSITE_INVALID);
    assert_int_equal(onsite_txn_event_add(s->txn, event_of(1, 'a',
                     ONSITE_OUTBOX_BYTES_MAX), &lost), ONSITE_LIMIT);
    assert_int_equal(onsite_txn_outbox_add(s->txn, event_of(1, 'a', 1), &lost),
                     ONSITE_INVALID);
    (void) add(s, 'a', 1);
    commit(s);
    assert_string_equal(walk(s)->text, "1:a");
}


int
main(void)
{
    int                      rc;
    const struct CMUnitTest  tests[] = {
        state_test(numbers_go_on_when_all_have_left),
        state_test(single_ones_go),
        state_test(portions_are_read),
        state_test(whatever_comes_and_goes),
        state_test(numbers_of_before_go_on),
        state_test(the_oldest_make_room),
        state_test(deliveries_come_first),
        state_test(what_is_no_event_is_refused),
    };

    onsite_buf_init(&bytes, 0);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    onsite_buf_free(&bytes);

    return rc;
}
