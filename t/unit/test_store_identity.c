/*
 * test_store_identity.c - which ids lead to a visitor: entries, and those that
 * no link answers any more.
 */

#include "state.h"
#include "onsite_id.h"


static void
begin(state_t *s, const onsite_key_t *key)
{
    assert_int_equal(onsite_txn_begin(s->store,
                                      onsite_key_shard(key, s->options.shards),
                                      &s->txn, &s->error), ONSITE_OK);
}


static void
put_link(state_t *s, const onsite_key_t *key, const onsite_key_t *to,
    onsite_ms_t now)
{
    char    record[256];
    size_t  size;

    size = onsite_link_encode(to, now, false, onsite_str(NULL, 0),
                              record, sizeof(record));

    begin(s, key);
    assert_int_equal(onsite_txn_put(s->txn, key, onsite_str(record, size),
                                    now), ONSITE_OK);
    commit(s);
}


static void
add(state_t *s, const onsite_key_t *owner, const onsite_key_t *alias,
    onsite_ms_t since)
{
    begin(s, owner);
    assert_int_equal(onsite_txn_identity_add(s->txn, owner, alias, since),
                     ONSITE_OK);
    commit(s);
}


static onsite_status_t
find(state_t *s, const onsite_key_t *owner, const onsite_key_t *alias)
{
    onsite_ms_t  since;

    return onsite_store_identity_get(s->store, owner, alias, &since);
}


static void
keeps_entries(void **data)
{
    state_t       *s = *data;
    onsite_ms_t    since;
    onsite_key_t   owner = key_of(1), alias = key_of(2);

    open_state(s);
    begin(s, &owner);

    assert_int_equal(onsite_txn_identity_get(s->txn, &owner, &alias, &since),
                     ONSITE_NOT_FOUND);
    assert_int_equal(onsite_txn_identity_add(s->txn, &owner, &alias, NOW),
                     ONSITE_OK);
    assert_int_equal(onsite_txn_identity_get(s->txn, &owner, &alias, &since),
                     ONSITE_OK);
    assert_int_equal(since, NOW);
    assert_int_equal(onsite_txn_identity_get(s->txn, &alias, &owner, &since),
                     ONSITE_NOT_FOUND);

    assert_int_equal(onsite_txn_identity_add(s->txn, &owner, &alias, NOW + 1),
                     ONSITE_OK);
    commit(s);

    assert_int_equal(onsite_store_identity_get(s->store, &owner, &alias,
                                               &since), ONSITE_OK);
    assert_int_equal(since, NOW + 1);

    begin(s, &owner);
    assert_int_equal(onsite_txn_identity_delete(s->txn, &owner, &alias),
                     ONSITE_OK);
    assert_int_equal(onsite_txn_identity_delete(s->txn, &owner, &alias),
                     ONSITE_NOT_FOUND);
    commit(s);

    assert_int_equal(find(s, &owner, &alias), ONSITE_NOT_FOUND);
}


static bool
is_among(const onsite_key_t *key, const onsite_key_t *keys, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (memcmp(key, &keys[i], sizeof(*key)) == 0) {
            return true;
        }
    }

    return false;
}


static void
lists_the_aliases_of_one_owner(void **data)
{
    unsigned       i;
    state_t       *s = *data;
    onsite_key_t   owner, alias, out[40];

    open_state(s);
    owner = key_of(0);
    begin(s, &owner);

    for (i = 0; i < 90; i++) {
        owner = key_of(i % 3);
        alias = key_of(100 + i);
        assert_int_equal(onsite_txn_identity_add(s->txn, &owner, &alias, NOW),
                         ONSITE_OK);
    }

    for (i = 0; i < 90; i++) {
        owner = key_of(i % 3);
        alias = key_of(100 + i);
        assert_int_equal(onsite_txn_identity_list(s->txn, &owner, out, 40),
                         30);
        assert_true(is_among(&alias, out, 30));
    }

    assert_int_equal(onsite_txn_identity_list(s->txn, &owner, out, 7), 7);
    owner = key_of(3);
    assert_int_equal(onsite_txn_identity_list(s->txn, &owner, out, 40), 0);
    commit(s);
}


/* Of three entries one's link leads there, one's elsewhere, one's is gone. */

static void
sweeps_what_no_link_answers(void **data)
{
    unsigned       swept, total;
    uint32_t       round;
    state_t       *s = *data;
    onsite_key_t   owner = key_of(0x101), other = key_of(0x202);
    onsite_key_t   kept = key_of(0x303), moved = key_of(0x404);
    onsite_key_t   gone = key_of(0x105), expired = key_of(0x106);

    s->options.shards = 4;
    open_state(s);

    put_link(s, &kept, &owner, NOW);
    put_link(s, &moved, &other, NOW);
    put_link(s, &expired, &owner, NOW - 91 * ONSITE_DAY);
    add(s, &owner, &kept, NOW);
    add(s, &owner, &moved, NOW);
    add(s, &owner, &gone, NOW);
    add(s, &owner, &expired, NOW);

    for (round = 0, total = 0; round < 8; round++) {
        assert_int_equal(onsite_store_sweep(s->store, round % 4, NOW, 64,
                                            &swept), ONSITE_OK);
        total += swept;
    }

    assert_int_equal(total, 3);
    assert_int_equal(find(s, &owner, &kept), ONSITE_OK);
    assert_int_equal(find(s, &owner, &moved), ONSITE_NOT_FOUND);
    assert_int_equal(find(s, &owner, &gone), ONSITE_NOT_FOUND);
    assert_int_equal(find(s, &owner, &expired), ONSITE_NOT_FOUND);
    assert_int_equal(onsite_store_sweep(s->store, 4, NOW, 64, &swept),
                     ONSITE_INVALID);
}


/* A budget is kept to, and the cursor goes round. */

static void
sweeps_in_turns(void **data)
{
    unsigned       i, swept, total;
    state_t       *s = *data;
    onsite_key_t   owner = key_of(1), alias;

    open_state(s);

    for (i = 0; i < 200; i++) {
        alias = key_of(1000 + i);
        add(s, &owner, &alias, NOW);

        if (i % 2 == 0) {
            put_link(s, &alias, &owner, NOW);
        }
    }

    for (i = 0, total = 0; i < 20; i++) {
        assert_int_equal(onsite_store_sweep(s->store, 0, NOW, 20, &swept),
                         ONSITE_OK);
        assert_in_range(swept, 0, 20);
        total += swept;
    }

    assert_int_equal(total, 100);
}


/* Identities have their share of the map: what is beyond is told, and the
 * transaction goes on. */

static void
has_a_share_of_the_map(void **data)
{
    unsigned         i;
    state_t         *s = *data;
    onsite_key_t     owner = key_of(1), alias;
    onsite_status_t  status = ONSITE_OK;

    s->options.size = MB;
    open_state(s);

    for (i = 0; i < 20000 && status == ONSITE_OK; i++) {
        alias = key_of(i);
        begin(s, &owner);
        status = onsite_txn_identity_add(s->txn, &owner, &alias, NOW);
        commit(s);
    }

    assert_int_equal(status, ONSITE_FULL);
    assert_in_range(i, 1000, 19999);
    put_link(s, &alias, &owner, NOW);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        state_test(keeps_entries),
        state_test(lists_the_aliases_of_one_owner),
        state_test(sweeps_what_no_link_answers),
        state_test(sweeps_in_turns),
        state_test(has_a_share_of_the_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
