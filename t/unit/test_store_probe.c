/*
 * test_store_probe.c - whether a state is well, as who watches sees it.
 */

#include "state.h"
#include "onsite_outbox.h"

#define DELIVERED  (NOW + 7)

static onsite_buf_t  bytes;


static onsite_status_t
probe(state_t *s)
{
    return onsite_store_probe(s->store, 0, &s->error);
}


static void
test_writable(void **data)
{
    int       i;
    char      value[8];
    size_t    size;
    state_t  *s = *data;

    open_state(s);

    for (i = 1; i <= 300; i++) {
        assert_int_equal(probe(s), ONSITE_OK);
    }

    assert_int_equal(onsite_store_meta_get(s->store, "probe", value,
                                           sizeof(value), &size), ONSITE_OK);
    assert_int_equal(size, 8);
    assert_memory_equal(value, "\0\0\0\0\0\0\1\54", 8);
}


static void
test_wiped(void **data)
{
    char      path[128];
    state_t  *s = *data;

    open_state(s);
    (void) snprintf(path, sizeof(path), "%s/shard-000.mdb", s->dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(probe(s), ONSITE_NOT_FOUND);
    assert_non_null(strstr(s->error.text, s->dir));

    reopen_state(s);
    assert_int_equal(probe(s), ONSITE_OK);
}


/* Another file that has the name is as bad as none. */

static void
test_replaced(void **data)
{
    char      path[128], aside[160];
    state_t  *s = *data;

    open_state(s);
    (void) snprintf(path, sizeof(path), "%s/shard-000.mdb", s->dir);
    (void) snprintf(aside, sizeof(aside), "%s.aside", path);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(onsite_store_prepare(&s->options, -1, -1, &s->error),
                     ONSITE_OK);
    assert_int_equal(probe(s), ONSITE_NOT_FOUND);
}


static void
add_event(state_t *s, onsite_ms_t time, size_t len)
{
    char                   *text = calloc(1, len + 1);
    uint64_t                lost;
    onsite_outbox_event_t   event = { .time = time };

    memset(text, 'x', len);
    event.visitor = key_of(1);
    event.message_id = onsite_str(text, len);
    onsite_buf_clear(&bytes);
    onsite_outbox_event_encode(&event, NULL, &bytes);
    free(text);

    begin_in(s, 0);
    assert_int_equal(onsite_txn_event_add(s->txn, onsite_str(bytes.data,
                                                             bytes.len),
                                          &lost), ONSITE_OK);
    commit(s);
}


static void
add_delivery(state_t *s)
{
    uint64_t               seq;
    onsite_outbox_entry_t  entry = { .kind = ONSITE_OUTBOX_DELIVERY,
                                     .time = DELIVERED };

    entry.visitor = key_of(2);
    onsite_buf_clear(&bytes);
    onsite_outbox_encode(&entry, &bytes);
    begin_in(s, 0);
    assert_int_equal(onsite_txn_outbox_add(s->txn, onsite_str(bytes.data,
                                                              bytes.len),
                                           &seq), ONSITE_OK);
    commit(s);
}


static void
test_oldest(void **data)
{
    state_t      *s = *data;
    uint64_t      from = 0;
    onsite_ms_t   time = 0;

    open_state(s);
    assert_int_equal(onsite_store_outbox_oldest(s->store, 0, true, &time,
                                                &s->error), ONSITE_NOT_FOUND);
    assert_int_equal(onsite_store_outbox_oldest(s->store, 0, false, &time,
                                                &s->error), ONSITE_NOT_FOUND);
    add_event(s, NOW + 1, 10000);
    add_event(s, NOW + 2, 10);
    add_delivery(s);
    assert_int_equal(onsite_store_outbox_oldest(s->store, 0, true, &time,
                                                &s->error), ONSITE_OK);
    assert_int_equal(time, NOW + 1);
    assert_int_equal(onsite_store_outbox_oldest(s->store, 0, false, &time,
                                                &s->error), ONSITE_OK);
    assert_int_equal(time, DELIVERED);

    /* the number of the last one stays, and is no event */

    from = ((uint64_t) 1 << 55) + 2;
    assert_int_equal(onsite_store_events_delete(s->store, 0, from, &s->error),
                     ONSITE_OK);
    assert_int_equal(onsite_store_outbox_oldest(s->store, 0, true, &time,
                                                &s->error), ONSITE_NOT_FOUND);
}


static void
test_time(void **data)
{
    onsite_ms_t  time;

    (void) data;
    assert_false(onsite_outbox_time("", 0, &time));
    assert_false(onsite_outbox_time("\x9f\x01\x01", 3, &time));
}


int
main(void)
{
    int  rc;

    const struct CMUnitTest  tests[] = {
        state_test(test_writable),
        state_test(test_wiped),
        state_test(test_replaced),
        state_test(test_oldest),
        cmocka_unit_test(test_time),
    };

    onsite_buf_init(&bytes, 0);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    onsite_buf_free(&bytes);

    return rc;
}
