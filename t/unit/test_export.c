/*
 * test_export.c - all that is held of a visitor: the record that a key leads
 * to, the keys that lead there, what waits in the outbox.
 */

#include "state.h"
#include "onsite_export.h"
#include "onsite_outbox.h"
#include "onsite_value.h"

#define CUSTOMER  1
#define COOKIE    2
#define DEVICE    3
#define ERASED    4
#define OTHER     5


static onsite_buf_t  out;


static onsite_status_t
export_of(state_t *s, uint64_t n, unsigned budget)
{
    onsite_key_t      key = key_of(n);
    onsite_status_t   status;
    onsite_export_t   e = {
        .store = s->store, .site = ONSITE_STR("shop"), .budget = budget
    };

    e.json = onsite_json_create();
    e.arena = onsite_arena_create(64 * 1024, 1024 * 1024);

    onsite_buf_free(&out);
    onsite_buf_init(&out, 1024 * 1024);
    status = onsite_export_write(&e, &key, NOW, &out);
    onsite_buf_char(&out, '\0');
    assert_false(out.failed);

    onsite_arena_destroy(e.arena);
    onsite_json_destroy(e.json);

    return status;
}


static bool
tells(const char *text)
{
    return strstr(out.data, text) != NULL;
}


static char *
hex_of(uint64_t n)
{
    size_t        i;
    onsite_key_t  key = key_of(n);
    static char   hex[2 * sizeof(onsite_key_t) + 1];

    for (i = 0; i < sizeof(key.bytes); i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", key.bytes[i]);
    }

    return hex;
}


static void
put_link(state_t *s, uint64_t n, uint64_t target)
{
    char          record[64];
    size_t        size;
    onsite_key_t  key = key_of(n), to = key_of(target);

    size = onsite_link_encode(&to, NOW, false, onsite_str(NULL, 0),
                              record, sizeof(record));
    assert_int_not_equal(size, 0);
    assert_int_equal(onsite_txn_put(s->txn, &key, onsite_str(record, size),
                                    NOW), ONSITE_OK);
    assert_int_equal(onsite_txn_identity_add(s->txn, &to, &key, NOW),
                     ONSITE_OK);
}


static void
put_delivery(state_t *s, uint64_t n, const char *id)
{
    uint64_t                seq;
    onsite_buf_t            bytes;
    onsite_outbox_entry_t   entry = {
        .kind = ONSITE_OUTBOX_DELIVERY, .time = NOW, .visitor = key_of(n),
        .event = onsite_str(id, strlen(id)), .data = ONSITE_STR("{}")
    };

    onsite_buf_init(&bytes, 64 * 1024);
    onsite_outbox_encode(&entry, &bytes);
    assert_int_equal(onsite_txn_outbox_add(s->txn,
                                           onsite_str(bytes.data, bytes.len),
                                           &seq), ONSITE_OK);
    onsite_buf_free(&bytes);
}


/* A customer with two hops of ids, another visitor, one who was erased. */

static void
fill(state_t *s)
{
    bool          more = true;
    onsite_key_t  erased = key_of(ERASED);

    open_state(s);
    begin_in(s, 0);
    assert_int_equal(put_visitor(s, CUSTOMER, NOW, 0), ONSITE_OK);
    assert_int_equal(put_visitor(s, ERASED, NOW, 0), ONSITE_OK);
    assert_int_equal(put_visitor(s, OTHER, NOW, 0), ONSITE_OK);
    put_link(s, COOKIE, CUSTOMER);
    put_link(s, DEVICE, COOKIE);
    put_delivery(s, CUSTOMER, "first of theirs");
    put_delivery(s, OTHER, "of another");
    put_delivery(s, CUSTOMER, "second of theirs");
    commit(s);

    assert_int_equal(onsite_store_erase_start(s->store, &erased,
                                              ONSITE_REACH_VISITOR, NOW,
                                              &s->error), ONSITE_OK);

    while (more) {
        assert_int_equal(onsite_store_erase_step(s->store, 100, &more,
                                                 &s->error), ONSITE_OK);
    }
}


static void
whichever_key_leads_there(void **data)
{
    uint64_t  n;
    state_t  *s = *data;

    fill(s);

    for (n = CUSTOMER; n <= DEVICE; n++) {
        assert_int_equal(export_of(s, n, 1000), ONSITE_OK);
        assert_true(tells("\"site\":\"shop\""));
        assert_true(tells("\"An event that has a name\":1"));
        assert_true(tells("first of theirs"));
        assert_true(tells("second of theirs"));
        assert_false(tells("of another"));
        assert_true(tells(hex_of(COOKIE)));
        assert_true(tells(hex_of(DEVICE)));
        assert_false(tells(hex_of(OTHER)));
        assert_false(tells("outbox_cut"));
        assert_true(tells("\"exported\":\"2023-11-14T22:13:20.000Z\"}"));
        assert_memory_equal(out.data + 12, hex_of(CUSTOMER), 32);
    }
}


static void
an_outbox_too_long_is_cut(void **data)
{
    state_t  *s = *data;

    fill(s);

    assert_int_equal(export_of(s, CUSTOMER, 2), ONSITE_OK);
    assert_true(tells("first of theirs"));
    assert_false(tells("second of theirs"));
    assert_true(tells("\"outbox_cut\":true"));
}


static void
others_have_nothing_of_it(void **data)
{
    state_t  *s = *data;

    fill(s);

    assert_int_equal(export_of(s, OTHER, 1000), ONSITE_OK);
    assert_true(tells("\"links\":[]"));
    assert_true(tells("of another"));
    assert_false(tells("of theirs"));
}


static void
nothing_is_held_of_the_erased(void **data)
{
    state_t  *s = *data;

    fill(s);

    assert_int_equal(export_of(s, ERASED, 1000), ONSITE_NOT_FOUND);
    assert_int_equal(out.len, 1);
    assert_int_equal(export_of(s, 99, 1000), ONSITE_NOT_FOUND);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        state_test(whichever_key_leads_there),
        state_test(an_outbox_too_long_is_cut),
        state_test(others_have_nothing_of_it),
        state_test(nothing_is_held_of_the_erased),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
