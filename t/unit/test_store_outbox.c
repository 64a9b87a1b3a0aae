/*
 * test_store_outbox.c - what waits to leave: its numbers, its order, large
 * entries, a full map.
 */

#include "state.h"
#include "onsite_outbox.h"


static onsite_buf_t  bytes;


/* An entry whose data is len times the letter. */

static onsite_str_t
entry_of(onsite_outbox_kind_t kind, char letter, size_t len)
{
    char                   *data = malloc(len + 1);
    onsite_outbox_entry_t   entry = { .kind = kind, .time = NOW };

    memset(data, letter, len);
    entry.data = onsite_str(data, len);
    entry.visitor = key_of((uint64_t) letter);

    onsite_buf_clear(&bytes);
    onsite_outbox_encode(&entry, &bytes);
    free(data);
    assert_false(bytes.failed);

    return onsite_str(bytes.data, bytes.len);
}


static uint64_t
add(state_t *s, onsite_outbox_kind_t kind, char letter, size_t len)
{
    uint64_t  seq = 0;

    assert_int_equal(onsite_txn_outbox_add(s->txn,
                                           entry_of(kind, letter, len), &seq),
                     ONSITE_OK);

    return seq;
}


typedef struct {
    char      text[512];
    unsigned  stop;
    unsigned  n;
} seen_t;


/* "shard/number:letter*length"; all of the data has to be the letter. */

static bool
see(void *data, uint64_t seq, onsite_str_t bytes_of)
{
    size_t                  i;
    seen_t                 *seen = data;
    onsite_outbox_entry_t   entry;

    assert_int_equal(onsite_outbox_decode(bytes_of.data, bytes_of.len,
                                          &entry), ONSITE_OK);

    for (i = 0; i < entry.data.len; i++) {
        assert_int_equal(entry.data.data[i], entry.data.data[0]);
    }

    (void) snprintf(seen->text + strlen(seen->text),
                    sizeof(seen->text) - strlen(seen->text),
                    "%s%d/%d:%c*%d", seen->n != 0 ? " " : "",
                    (int) (seq >> 56), (int) (seq & 0xffffff),
                    entry.data.data[0], (int) entry.data.len);

    return ++seen->n != seen->stop;
}


static const char *
walk(state_t *s, unsigned stop)
{
    static seen_t  seen;

    seen = (seen_t) { .stop = stop };
    assert_int_equal(onsite_store_outbox_walk(s->store, see, &seen,
                                              &s->error), ONSITE_OK);

    return seen.text;
}


static void
keeps_entries_in_order(void **data)
{
    state_t              *s = *data;
    uint64_t              seq;
    onsite_store_stat_t   stat;

    s->options.shards = 2;
    open_state(s);
    assert_string_equal(walk(s, 0), "");

    begin_in(s, 1);
    assert_int_equal(add(s, ONSITE_OUTBOX_DELIVERY, 'a', 10),
                     (uint64_t) 1 << 56 | 1);
    commit(s);
    begin_in(s, 0);
    assert_int_equal(add(s, ONSITE_OUTBOX_DELIVERY, 'b', 20), 1);
    seq = add(s, ONSITE_OUTBOX_DELIVERY, 'c', 30);
    assert_int_equal(seq, 2);
    commit(s);

    assert_string_equal(walk(s, 0), "0/1:b*20 0/2:c*30 1/1:a*10");
    assert_string_equal(walk(s, 2), "0/1:b*20 0/2:c*30");

    reopen_state(s);
    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.events, 0);
    assert_int_equal(stat.deliveries, 3);
    assert_true(stat.outbox_bytes >= 8192);

    begin_in(s, 0);
    assert_int_equal(onsite_txn_outbox_delete(s->txn, 1), ONSITE_OK);
    assert_int_equal(onsite_txn_outbox_delete(s->txn, 1), ONSITE_NOT_FOUND);
    assert_int_equal(add(s, ONSITE_OUTBOX_DELIVERY, 'd', 1), 3);
    commit(s);

    assert_string_equal(walk(s, 0), "0/2:c*30 0/3:d*1 1/1:a*10");
}


static void
never_uses_a_number_twice(void **data)
{
    int                   i;
    state_t              *s = *data;
    onsite_store_stat_t   stat;

    open_state(s);

    for (i = 1; i <= 20; i++) {
        begin_in(s, 0);
        assert_int_equal(add(s, ONSITE_OUTBOX_DELIVERY, 'x', 5), i);
        commit(s);

        begin_in(s, 0);
        assert_int_equal(onsite_txn_outbox_delete(s->txn, (uint64_t) i),
                         ONSITE_OK);
        commit(s);

        if (i % 5 == 0) {
            reopen_state(s);
        }
    }

    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.deliveries, 0);
    assert_int_equal(stat.outbox_bytes, 0);

    /* one that was not committed was not used */

    begin_in(s, 0);
    assert_int_equal(add(s, ONSITE_OUTBOX_DELIVERY, 'x', 5), 21);
    onsite_txn_abort(s->txn);
    begin_in(s, 0);
    assert_int_equal(add(s, ONSITE_OUTBOX_DELIVERY, 'x', 5), 21);
    commit(s);
}


static void
keeps_entries_of_any_size(void **data)
{
    size_t         i;
    state_t       *s = *data;
    uint64_t       seq;
    onsite_str_t   entry;
    const size_t   sizes[] = { 1, 1900, 2100, 4000, 4080, 4100, 8160, 65536,
                               ONSITE_OUTBOX_BYTES_MAX - 100 };
    const size_t   n = sizeof(sizes) / sizeof(sizes[0]);

    s->options.size = 16 * MB;
    open_state(s);
    begin_in(s, 0);

    for (i = 0; i < n; i++) {
        assert_int_equal(add(s, ONSITE_OUTBOX_DELIVERY, (char) ('a' + i),
                             sizes[i]), i + 1);
    }

    commit(s);
    assert_string_equal(walk(s, 0), "0/1:a*1 0/2:b*1900 0/3:c*2100 0/4:d*4000 "
                        "0/5:e*4080 0/6:f*4100 0/7:g*8160 0/8:h*65536 "
                        "0/9:i*130972");

    begin_in(s, 0);

    for (i = 0; i < n; i += 2) {
        assert_int_equal(onsite_txn_outbox_delete(s->txn, i + 1), ONSITE_OK);
    }

    /* not an entry, or too large for one: the transaction goes on */

    entry = entry_of(ONSITE_OUTBOX_DELIVERY, 'z', ONSITE_OUTBOX_BYTES_MAX);
    assert_int_equal(onsite_txn_outbox_add(s->txn, entry, &seq),
                     ONSITE_LIMIT);
    assert_int_equal(onsite_txn_outbox_add(s->txn, ONSITE_STR("what?"), &seq),
                     ONSITE_INVALID);
    commit(s);

    assert_string_equal(walk(s, 0), "0/2:b*1900 0/4:d*4000 0/6:f*4100 "
                        "0/8:h*65536");
}


/* More entries than are copied at once. */

static void
walks_long_outboxes(void **data)
{
    int      i;
    seen_t   seen = { .n = 0 };
    state_t *s = *data;

    s->options.size = 16 * MB;
    open_state(s);
    begin_in(s, 0);

    for (i = 0; i < 1500; i++) {
        renew(s);
        (void) add(s, ONSITE_OUTBOX_DELIVERY, 'a', i % 100 == 0 ? 9000 : 300);
    }

    commit(s);
    assert_int_equal(onsite_store_outbox_walk(s->store, see, &seen,
                                              &s->error), ONSITE_OK);
    assert_int_equal(seen.n, 1500);
}


static void
visit_of_larger(state_t *s, uint64_t n, size_t len, unsigned *refused)
{
    uint64_t         seq;
    onsite_status_t  status;

    begin_in(s, 0);
    status = onsite_txn_outbox_add(s->txn,
                 entry_of(ONSITE_OUTBOX_DELIVERY, 'a', len), &seq);
    assert_true(status == ONSITE_OK || status == ONSITE_FULL);
    *refused += status == ONSITE_FULL;
    assert_int_equal(put_visitor(s, n, NOW + (onsite_ms_t) n, 0), ONSITE_OK);
    commit(s);
}


/* It stops at a quarter of the map, and visitors are written all the same,
 * when they fill the rest, too. */

static void
leaves_room_in_a_full_map(void **data)
{
    state_t              *s = *data;
    uint64_t              n;
    unsigned              refused, i;
    const size_t          sizes[] = { 100, 1000, 3000, 20000, 65000 };
    onsite_store_stat_t   stat;

    s->options.size = 3 * MB;
    open_state(s);

    for (n = 0, refused = 0; n < 30000; n++) {
        visit_of_larger(s, n, sizes[n % 5], &refused);
    }

    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.map_full, 0);
    assert_true(refused > 1000);
    assert_true(stat.deliveries > 10);
    assert_in_range(stat.outbox_bytes, 3 * MB / 8, 3 * MB / 4);
    assert_true(stat.visitors > 1000);

    /* drained, it takes more */

    for (i = 1; i <= stat.deliveries; i++) {
        begin_in(s, 0);
        assert_int_equal(onsite_txn_outbox_delete(s->txn, i), ONSITE_OK);
        commit(s);
    }

    refused = 0;

    for (n = 0; n < 20; n++) {
        visit_of_larger(s, n, 1000, &refused);
    }

    assert_int_equal(refused, 0);
    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.map_full, 0);
    assert_int_equal(stat.deliveries, 20);
}


/* Those of one visitor's batch come in one transaction. */

static void
takes_many_small_entries_at_once(void **data)
{
    int                   i;
    state_t              *s = *data;
    onsite_store_stat_t   stat;

    open_state(s);
    begin_in(s, 0);

    for (i = 1; i <= 1000; i++) {
        assert_int_equal(add(s, ONSITE_OUTBOX_DELIVERY, 'a', 150), i);
    }

    assert_int_equal(put_visitor(s, 1, NOW, 0), ONSITE_OK);
    commit(s);
    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.deliveries, 1000);
    assert_in_range(stat.outbox_bytes, 1000 * 200, 1000 * 300);
}


/* In one transaction, up to what is free. */

static void
refuses_before_pages_run_out(void **data)
{
    state_t              *s = *data;
    uint64_t              seq;
    unsigned              i, taken;
    onsite_store_stat_t   stat;

    s->options.size = 1 * MB;
    open_state(s);
    begin_in(s, 0);

    for (i = 0, taken = 0; i < 100; i++) {
        taken += onsite_txn_outbox_add(s->txn,
                     entry_of(ONSITE_OUTBOX_DELIVERY, 'a', 30000), &seq)
                 == ONSITE_OK;
    }

    assert_int_equal(put_visitor(s, 1, NOW, 0), ONSITE_OK);
    commit(s);
    assert_in_range(taken, 2, 10);
    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.deliveries, taken);
    assert_int_equal(stat.map_full, 0);
}


int
main(void)
{
    int                      rc;
    const struct CMUnitTest  tests[] = {
        state_test(keeps_entries_in_order),
        state_test(never_uses_a_number_twice),
        state_test(keeps_entries_of_any_size),
        state_test(walks_long_outboxes),
        state_test(leaves_room_in_a_full_map),
        state_test(takes_many_small_entries_at_once),
        state_test(refuses_before_pages_run_out),
    };

    onsite_buf_init(&bytes, 0);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    onsite_buf_free(&bytes);

    return rc;
}
