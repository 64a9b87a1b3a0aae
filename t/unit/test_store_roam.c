/*
 * test_store_roam.c - entries of records that roam: their order, their share
 * of the map, erasing.
 */

#include "state.h"
#include "onsite_id.h"


static onsite_status_t
add(state_t *s, onsite_roam_t kind, uint64_t n, onsite_ms_t now)
{
    onsite_key_t  key = key_of(n);

    return onsite_txn_roam_add(s->txn, kind, &key, now);
}


static onsite_status_t
has(state_t *s, onsite_roam_t kind, uint64_t n)
{
    onsite_key_t  key = key_of(n);

    return onsite_store_roam_has(s->store, kind, &key, &s->error);
}


static void
open_roaming(state_t *s, uint32_t shards)
{
    s->options.shards = shards;
    s->options.roaming = true;
    open_state(s);
}


static size_t
read_all(state_t *s, onsite_roam_t kind, onsite_roam_entry_t *out, size_t max)
{
    size_t  n;

    assert_int_equal(onsite_store_roam_read(s->store, 0, kind, NULL, out, max,
                                            &n, &s->error), ONSITE_OK);

    return n;
}


static void
each_kind_once_a_record(void **data)
{
    size_t                n;
    state_t              *s = *data;
    onsite_ms_t           since;
    onsite_key_t          key = key_of(1);
    onsite_roam_entry_t   entries[8];

    open_roaming(s, 1);
    assert_true(onsite_store_roams(s->store));

    begin_in(s, 0);
    assert_int_equal(add(s, ONSITE_ROAM_CHANGED, 1, NOW), ONSITE_OK);
    assert_int_equal(add(s, ONSITE_ROAM_CHANGED, 1, NOW + 5), ONSITE_OK);
    assert_int_equal(add(s, ONSITE_ROAM_CHANGED, 2, NOW + 6), ONSITE_OK);
    assert_int_equal(add(s, ONSITE_ROAM_WANTED, 1, NOW + 7), ONSITE_OK);
    assert_int_equal(onsite_txn_roam_get(s->txn, ONSITE_ROAM_CHANGED, &key,
                                         &since), ONSITE_OK);
    assert_true(since == NOW);
    commit(s);

    assert_int_equal(has(s, ONSITE_ROAM_WANTED, 1), ONSITE_OK);
    assert_int_equal(has(s, ONSITE_ROAM_WANTED, 2), ONSITE_NOT_FOUND);
    assert_int_equal(read_all(s, ONSITE_ROAM_WANTED, entries, 8), 1);
    assert_memory_equal(&entries[0].key, &key, sizeof(key));
    assert_true(entries[0].since == NOW + 7);
    assert_int_equal(read_all(s, ONSITE_ROAM_CHANGED, entries, 8), 2);
    assert_true(memcmp(&entries[0].key, &entries[1].key, sizeof(key)) < 0);
    assert_int_equal(read_all(s, ONSITE_ROAM_CHANGED, entries, 1), 1);

    assert_int_equal(onsite_store_roam_read(s->store, 0, ONSITE_ROAM_CHANGED,
                                            &entries[0].key, &entries[1], 7,
                                            &n, &s->error), ONSITE_OK);
    assert_int_equal(n, 1);
    assert_int_equal(onsite_store_roam_read(s->store, 0, ONSITE_ROAM_WANTED,
                                            &key, entries, 8, &n, &s->error),
                     ONSITE_OK);
    assert_int_equal(n, 0);
    assert_int_equal(onsite_store_roam_read(s->store, 1, ONSITE_ROAM_WANTED,
                                            NULL, entries, 8, &n, &s->error),
                     ONSITE_INVALID);

    begin_in(s, 0);
    assert_int_equal(onsite_txn_roam_delete(s->txn, ONSITE_ROAM_WANTED, &key),
                     ONSITE_OK);
    assert_int_equal(onsite_txn_roam_delete(s->txn, ONSITE_ROAM_WANTED, &key),
                     ONSITE_NOT_FOUND);
    commit(s);
    assert_int_equal(has(s, ONSITE_ROAM_WANTED, 1), ONSITE_NOT_FOUND);
    assert_int_equal(has(s, ONSITE_ROAM_CHANGED, 1), ONSITE_OK);
}


static void
without_a_place_nothing_is_noted(void **data)
{
    state_t              *s = *data;
    onsite_key_t          key = key_of(1);
    onsite_store_stat_t   stat;
    onsite_roam_entry_t   entry;

    open_state(s);
    assert_false(onsite_store_roams(s->store));
    begin_in(s, 0);
    assert_int_equal(add(s, ONSITE_ROAM_WANTED, 1, NOW), ONSITE_OK);
    assert_int_equal(onsite_txn_roam_get(s->txn, ONSITE_ROAM_WANTED, &key,
                                         NULL), ONSITE_NOT_FOUND);
    assert_int_equal(onsite_txn_roam_delete(s->txn, ONSITE_ROAM_WANTED, &key),
                     ONSITE_NOT_FOUND);
    commit(s);
    assert_int_equal(has(s, ONSITE_ROAM_WANTED, 1), ONSITE_NOT_FOUND);
    assert_int_equal(read_all(s, ONSITE_ROAM_WANTED, &entry, 1), 0);
    (void) onsite_store_erase(s->store, &key, NOW, &s->error);
    assert_int_equal(has(s, ONSITE_ROAM_CHANGED, 1), ONSITE_NOT_FOUND);

    /* it is made later, and stays */

    s->options.roaming = true;
    reopen_state(s);
    assert_true(onsite_store_roams(s->store));
    begin_in(s, 0);
    assert_int_equal(add(s, ONSITE_ROAM_WANTED, 1, NOW), ONSITE_OK);
    commit(s);

    s->options.roaming = false;
    reopen_state(s);
    assert_true(onsite_store_roams(s->store));
    assert_int_equal(has(s, ONSITE_ROAM_WANTED, 1), ONSITE_OK);
    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.roaming, 1);
}


static void
they_have_their_share_and_no_more(void **data)
{
    state_t          *s = *data;
    uint64_t          n;
    onsite_key_t      key = key_of(0);
    onsite_status_t   status = ONSITE_OK;

    open_roaming(s, 1);
    begin_in(s, 0);

    for (n = 0; status == ONSITE_OK && n < 100000; n++) {
        renew(s);
        status = add(s, ONSITE_ROAM_CHANGED, n, NOW);
    }

    assert_int_equal(status, ONSITE_FULL);

    /* 4 MB have 1,024 pages, and a page some 70 entries */

    assert_in_range(n, 62 * 50, 64 * 112);

    /* what is there already is there, and the transaction goes on */

    assert_int_equal(add(s, ONSITE_ROAM_CHANGED, 0, NOW), ONSITE_OK);
    assert_int_equal(add(s, ONSITE_ROAM_WANTED, 0, NOW), ONSITE_FULL);
    assert_int_equal(put_visitor(s, 0, NOW, 0), ONSITE_OK);
    commit(s);

    /* an erasure is told all the same */

    key = key_of(200000);
    begin_in(s, 0);
    assert_int_equal(put_visitor(s, 200000, NOW, 0), ONSITE_OK);
    commit(s);
    assert_int_equal(onsite_store_erase(s->store, &key, NOW, &s->error),
                     ONSITE_OK);
    assert_int_equal(has(s, ONSITE_ROAM_CHANGED, 200000), ONSITE_OK);
}


static void
who_is_erased_is_not_wanted_any_more(void **data)
{
    uint32_t       shard;
    state_t       *s = *data;
    onsite_key_t   key = key_of(7);

    open_roaming(s, 2);
    shard = onsite_key_shard(&key, 2);
    begin_in(s, shard);
    assert_int_equal(put_visitor(s, 7, NOW, 0), ONSITE_OK);
    assert_int_equal(add(s, ONSITE_ROAM_WANTED, 7, NOW), ONSITE_OK);
    commit(s);

    assert_int_equal(onsite_store_erase(s->store, &key, NOW, &s->error),
                     ONSITE_OK);
    assert_int_equal(has(s, ONSITE_ROAM_WANTED, 7), ONSITE_NOT_FOUND);
    assert_int_equal(has(s, ONSITE_ROAM_CHANGED, 7), ONSITE_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        state_test(each_kind_once_a_record),
        state_test(without_a_place_nothing_is_noted),
        state_test(they_have_their_share_and_no_more),
        state_test(who_is_erased_is_not_wanted_any_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
