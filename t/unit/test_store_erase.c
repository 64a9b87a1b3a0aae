/*
 * test_store_erase.c - a visitor goes, with all that leads to it, whatever
 * happens meanwhile.
 */

#include "state.h"
#include "onsite_id.h"
#include "onsite_outbox.h"

#include <signal.h>
#include <sys/wait.h>

#define SHARDS   4
#define DEVICES  6                  /* of the customer */
#define IDS      2                  /* of each device */
#define OTHERS   200

/* The customer is 0, devices are 1 .., their ids 100 .., others 1000 .. */
#define CUSTOMER       0
#define DEVICE(i)      (1 + (i))
#define ID(i, k)       (100 + 10 * (i) + (k))
#define OTHER(i)       (1000 + (i))


static uint32_t
shard_of(uint64_t n)
{
    onsite_key_t  key = key_of(n);

    return onsite_key_shard(&key, SHARDS);
}


static void
put_link(state_t *s, uint64_t alias, uint64_t owner)
{
    char          record[64];
    size_t        size;
    onsite_key_t  to = key_of(owner), from = key_of(alias);

    begin_in(s, shard_of(alias));
    size = onsite_link_encode(&to, NOW, false, onsite_str(NULL, 0),
                              record, sizeof(record));
    assert_int_equal(onsite_txn_put(s->txn, &from, onsite_str(record, size),
                                    NOW), ONSITE_OK);
    commit(s);

    begin_in(s, shard_of(owner));
    assert_int_equal(onsite_txn_identity_add(s->txn, &to, &from, NOW),
                     ONSITE_OK);
    commit(s);
}


/* An event or a delivery, by turns. */

static void
put_entry(state_t *s, uint64_t n, size_t len)
{
    char                   *data = malloc(len);
    uint64_t                seq;
    onsite_buf_t            bytes = { 0 };
    onsite_status_t         status;
    onsite_outbox_event_t   event = { .time = NOW };
    onsite_outbox_entry_t   entry = { .kind = ONSITE_OUTBOX_DELIVERY,
                                      .time = NOW };

    memset(data, 'x', len);

    if ((n + len / 40) % 2 == 0) {
        event.visitor = key_of(n);
        event.message_id = onsite_str(data, len);
        onsite_outbox_event_encode(&event, NULL, &bytes);
        status = onsite_txn_event_add(s->txn, onsite_str(bytes.data,
                                      bytes.len), &seq);

    } else {
        entry.visitor = key_of(n);
        entry.data = onsite_str(data, len);
        onsite_outbox_encode(&entry, &bytes);
        status = onsite_txn_outbox_add(s->txn, onsite_str(bytes.data,
                                       bytes.len), &seq);
    }

    assert_int_equal(status, ONSITE_OK);
    onsite_buf_free(&bytes);
    free(data);
}


/* With a timer, and some that waits to leave: small, and of several pages. */

static void
put_whole(state_t *s, uint64_t n)
{
    size_t                    size;
    char                      record[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t              key = key_of(n);
    static onsite_visitor_t   v;

    onsite_visitor_init(&v);
    v.first_seen = v.last_seen = NOW;
    v.wake = NOW + (onsite_ms_t) n + 1;
    size = onsite_visitor_encode(&v, record, sizeof(record));

    begin_in(s, shard_of(n));
    assert_int_equal(onsite_txn_put(s->txn, &key, onsite_str(record, size),
                                    NOW), ONSITE_OK);
    assert_int_equal(onsite_txn_timer_move(s->txn, &key, 0, v.wake),
                     ONSITE_OK);
    put_entry(s, n, 40);
    put_entry(s, n, n % 7 == 0 ? 9000 : 200);
    commit(s);
}


static void
fill(state_t *s)
{
    int  i, k;

    put_whole(s, CUSTOMER);

    for (i = 0; i < OTHERS; i++) {
        put_whole(s, OTHER(i));
    }

    for (i = 0; i < DEVICES; i++) {
        put_link(s, DEVICE(i), CUSTOMER);

        for (k = 0; k < IDS; k++) {
            put_link(s, ID(i, k), DEVICE(i));

            /* from before it was linked */

            begin_in(s, shard_of(ID(i, k)));
            put_entry(s, ID(i, k), 100);
            commit(s);
        }
    }

    put_entry((begin_in(s, shard_of(CUSTOMER)), s), CUSTOMER, 5000);
    commit(s);
}


static void
begin_state(state_t *s)
{
    s->options.shards = SHARDS;
    s->options.size = 8 * MB;
    open_state(s);
    fill(s);
}


/* What is in the state */

typedef struct {
    unsigned  records;
    unsigned  tombstones;
    unsigned  entries;              /* of the customer and what leads to it */
    unsigned  others;               /* entries of others */
} census_t;


static bool
is_theirs(const onsite_key_t *key)
{
    int           i, k;
    onsite_key_t  one = key_of(CUSTOMER);

    if (memcmp(&one, key, sizeof(one)) == 0) {
        return true;
    }

    for (i = 0; i < DEVICES; i++) {
        one = key_of(DEVICE(i));

        if (memcmp(&one, key, sizeof(one)) == 0) {
            return true;
        }

        for (k = 0; k < IDS; k++) {
            one = key_of(ID(i, k));

            if (memcmp(&one, key, sizeof(one)) == 0) {
                return true;
            }
        }
    }

    return false;
}


static bool
count_record(void *data, const onsite_key_t *key, onsite_str_t record)
{
    census_t  *census = data;

    if (onsite_record_is_tombstone(record.data, record.len)) {
        census->tombstones++;
        assert_true(is_theirs(key));

    } else {
        census->records++;
    }

    return true;
}


static bool
count_entry(void *data, uint64_t seq, onsite_str_t bytes)
{
    census_t      *census = data;
    onsite_key_t   key;

    (void) seq;
    assert_true(onsite_outbox_visitor(bytes.data, bytes.len, &key));

    if (is_theirs(&key)) {
        census->entries++;
    } else {
        census->others++;
    }

    return true;
}


static census_t
census_of(state_t *s)
{
    census_t  census = { 0 };

    assert_int_equal(onsite_store_walk(s->store, count_record, &census,
                                       &s->error), ONSITE_OK);
    assert_int_equal(onsite_store_outbox_walk(s->store, count_entry, &census,
                                              &s->error), ONSITE_OK);

    return census;
}


static bool
has_identity(state_t *s, uint64_t owner)
{
    size_t        n;
    onsite_key_t  key = key_of(owner), alias;

    begin_in(s, shard_of(owner));
    n = onsite_txn_identity_list(s->txn, &key, &alias, 1);
    onsite_txn_abort(s->txn);

    return n != 0;
}


#define THEIRS  (1 + DEVICES + DEVICES * IDS)

static void
assert_gone(state_t *s)
{
    int                   i;
    bool                  more;
    census_t              census = census_of(s);
    onsite_store_stat_t   stat;

    assert_int_equal(census.records, OTHERS);
    assert_int_equal(census.tombstones, THEIRS);
    assert_int_equal(census.entries, 0);
    assert_int_equal(census.others, 2 * OTHERS);
    assert_false(has_identity(s, CUSTOMER));

    for (i = 0; i < DEVICES; i++) {
        assert_false(has_identity(s, DEVICE(i)));
    }

    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.timers, OTHERS);

    /* nothing is left to do */

    assert_int_equal(onsite_store_erase_step(s->store, 10, &more, &s->error),
                     ONSITE_OK);
    assert_false(more);
}


static void
erases_all_that_leads_there(void **data)
{
    int            i;
    state_t       *s = *data;
    onsite_key_t   key;
    const uint64_t  asked[] = { CUSTOMER, DEVICE(3), ID(5, 1) };

    begin_state(s);
    assert_int_equal(census_of(s).records, OTHERS + THEIRS);
    assert_int_equal(census_of(s).entries, 3 + DEVICES * IDS);

    for (i = 0; i < 3; i++) {
        key = key_of(asked[i]);
        assert_int_equal(onsite_store_erase(s->store, &key, NOW, &s->error),
                         i == 0 ? ONSITE_OK : ONSITE_NOT_FOUND);
        assert_gone(s);
    }
}


/* By whichever of its keys. */

static void
any_key_will_do(void **data)
{
    state_t       *s = *data;
    onsite_key_t   key = key_of(ID(2, 0));

    begin_state(s);
    assert_int_equal(onsite_store_erase(s->store, &key, NOW, &s->error),
                     ONSITE_OK);
    assert_gone(s);
}


static void
knows_its_keys(void **data)
{
    size_t        n, i;
    state_t      *s = *data;
    onsite_key_t  key = key_of(ID(2, 0)), keys[ONSITE_RELATED_MAX];

    begin_state(s);
    assert_int_equal(onsite_store_related(s->store, &key,
                                          ONSITE_REACH_VISITOR, keys,
                                          ONSITE_RELATED_MAX, &n, &s->error),
                     ONSITE_OK);
    assert_int_equal(n, THEIRS);

    for (i = 0; i < n; i++) {
        assert_true(is_theirs(&keys[i]));
    }

    assert_int_equal(onsite_store_related(s->store, &key,
                                          ONSITE_REACH_VISITOR, keys, 2, &n,
                                          &s->error), ONSITE_OK);
    assert_int_equal(n, 2);
    assert_int_equal(census_of(s).tombstones, 0);
}


/* Who may not reach the customer: the device and its ids go, and the customer
 * lists it no more. */

static void
a_device_goes_alone(void **data)
{
    size_t         n;
    state_t       *s = *data;
    census_t       census;
    onsite_key_t   key = key_of(DEVICE(2)), customer = key_of(CUSTOMER);
    onsite_key_t   keys[ONSITE_RELATED_MAX];

    begin_state(s);
    census = census_of(s);
    assert_int_equal(onsite_store_related(s->store, &key, ONSITE_REACH_DEVICE,
                                          keys, ONSITE_RELATED_MAX, &n,
                                          &s->error), ONSITE_OK);
    assert_int_equal(n, 1 + IDS);

    assert_int_equal(onsite_store_erase_start(s->store, &key,
                                              ONSITE_REACH_DEVICE, NOW,
                                              &s->error), ONSITE_OK);

    assert_int_equal(census_of(s).tombstones, 1 + IDS);
    assert_int_equal(census_of(s).records, census.records - 1 - IDS);
    assert_int_equal(census_of(s).entries, census.entries);
    assert_true(has_identity(s, CUSTOMER));
    assert_false(has_identity(s, DEVICE(2)));

    assert_int_equal(onsite_store_related(s->store, &customer,
                                          ONSITE_REACH_VISITOR, keys,
                                          ONSITE_RELATED_MAX, &n, &s->error),
                     ONSITE_OK);
    assert_int_equal(n, THEIRS - 1 - IDS);

    /* again: nothing is known of it */

    assert_int_equal(onsite_store_erase_start(s->store, &key,
                                              ONSITE_REACH_DEVICE, NOW,
                                              &s->error), ONSITE_NOT_FOUND);
}


/* A device that was the customer's is another's by now: the entry of when it
 * was waits to be swept. */

static void
others_of_a_shared_device_stay(void **data)
{
    size_t         n;
    state_t       *s = *data;
    census_t       census;
    onsite_key_t   key = key_of(CUSTOMER), keys[ONSITE_RELATED_MAX];

    begin_state(s);
    put_link(s, DEVICE(2), OTHER(0));

    assert_int_equal(onsite_store_related(s->store, &key,
                                          ONSITE_REACH_VISITOR, keys,
                                          ONSITE_RELATED_MAX, &n, &s->error),
                     ONSITE_OK);
    assert_int_equal(n, THEIRS - 1 - IDS);

    assert_int_equal(onsite_store_erase(s->store, &key, NOW, &s->error),
                     ONSITE_OK);

    census = census_of(s);
    assert_int_equal(census.tombstones, THEIRS - 1 - IDS);
    assert_int_equal(census.records, OTHERS + 1 + IDS);
    assert_false(has_identity(s, CUSTOMER));
    assert_true(has_identity(s, OTHER(0)));
    assert_true(has_identity(s, DEVICE(2)));
}


static void
unknown_leaves_a_tombstone(void **data)
{
    state_t       *s = *data;
    census_t       census;
    onsite_key_t   key = key_of(CUSTOMER);

    s->options.shards = SHARDS;
    s->options.size = 8 * MB;
    open_state(s);

    assert_int_equal(onsite_store_erase(s->store, &key, NOW, &s->error),
                     ONSITE_NOT_FOUND);
    census = census_of(s);
    assert_int_equal(census.tombstones, 1);
    assert_int_equal(census.records, 0);
}


/* In slices of one value, over openings; others go on meanwhile. */

static void
goes_on_in_slices(void **data)
{
    bool           more = true;
    state_t       *s = *data;
    unsigned       steps;
    onsite_key_t   key = key_of(CUSTOMER);

    begin_state(s);
    assert_int_equal(onsite_store_erase_start(s->store, &key,
                                              ONSITE_REACH_VISITOR, NOW,
                                              &s->error),
                     ONSITE_OK);
    assert_int_equal(census_of(s).tombstones, THEIRS);
    assert_int_equal(census_of(s).entries, 3 + DEVICES * IDS);

    for (steps = 0; more; steps++) {
        if (steps % 16 == 0) {
            reopen_state(s);
        }

        assert_int_equal(onsite_store_erase_step(s->store, 7, &more,
                                                 &s->error), ONSITE_OK);
        assert_true(steps < 1000);
    }

    assert_true(steps > 2 * OTHERS / 7);
    assert_gone(s);
}


/* Killed anywhere; whoever comes next ends it. */

static void
killed_anywhere(void **data)
{
    int            i;
    bool           more;
    int            status;
    pid_t          pid;
    state_t       *s = *data;
    unsigned       met = 0;
    onsite_key_t   key = key_of(DEVICE(1));

    begin_state(s);
    onsite_store_close(s->store);
    s->store = NULL;

    for (i = 0; i < 40; i++) {
        pid = fork();

        if (pid == 0) {
            open_state(s);

            if (i % 4 == 3) {
                (void) onsite_store_erase_step(s->store, 3, &more, NULL);
            }

            (void) onsite_store_erase(s->store, &key, NOW, NULL);
            _exit(0);
        }

        usleep((useconds_t) (100 + 50 * i * i));
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, &status, 0);

        open_state(s);
        met |= 1u << (census_of(s).tombstones == 0 ? 0
                      : census_of(s).entries != 0 ? 1 : 2);
        onsite_store_close(s->store);
        s->store = NULL;
    }

    open_state(s);
    (void) onsite_store_erase(s->store, &key, NOW, &s->error);
    assert_gone(s);
    assert_true(met & 4);          /* one of them came to its end */
}


static void
tombstones_end(void **data)
{
    char           record[64];
    size_t         size;
    state_t       *s = *data;
    unsigned       reaped;
    onsite_key_t   key = key_of(CUSTOMER);

    s->options.ttl = ONSITE_HOUR;
    open_state(s);
    begin_in(s, 0);
    assert_int_equal(put_visitor(s, CUSTOMER, NOW, 0), ONSITE_OK);
    commit(s);
    assert_int_equal(onsite_store_erase(s->store, &key, NOW, &s->error),
                     ONSITE_OK);

    /* longer than the time to live of others */

    assert_int_equal(onsite_store_get(s->store, &key,
                                      NOW + ONSITE_TOMBSTONE_TTL, record,
                                      sizeof(record), &size), ONSITE_OK);
    assert_true(onsite_record_is_tombstone(record, size));
    assert_int_equal(onsite_store_get(s->store, &key,
                                      NOW + ONSITE_TOMBSTONE_TTL + 1, record,
                                      sizeof(record), &size),
                     ONSITE_NOT_FOUND);
    assert_int_equal(onsite_store_reap(s->store, 0, NOW + 31 * ONSITE_DAY,
                                       100, &reaped), ONSITE_OK);
    assert_int_equal(reaped, 1);
}


/* More than one job holds. */

static void
many_devices(void **data)
{
    int             i;
    state_t        *s = *data;
    census_t        census = { 0 };
    onsite_key_t    key = key_of(CUSTOMER);

    s->options.shards = SHARDS;
    s->options.size = 8 * MB;
    open_state(s);
    put_whole(s, CUSTOMER);

    for (i = 0; i < 3 * ONSITE_RELATED_MAX; i++) {
        put_link(s, OTHER(i), CUSTOMER);
    }

    assert_int_equal(onsite_store_erase(s->store, &key, NOW, &s->error),
                     ONSITE_OK);
    assert_false(has_identity(s, CUSTOMER));

    for (i = 0; i < 3 * ONSITE_RELATED_MAX; i++) {
        char           record[64];
        size_t         size;
        onsite_key_t   alias = key_of(OTHER(i));

        assert_int_equal(onsite_store_get(s->store, &alias, NOW, record,
                                          sizeof(record), &size), ONSITE_OK);
        census.tombstones += onsite_record_is_tombstone(record, size);
    }

    assert_int_equal(census.tombstones, 3 * ONSITE_RELATED_MAX);
}


typedef struct {
    unsigned  n;
    unsigned  stop;
} list_t;


static bool
list(void *data, uint64_t seq, onsite_str_t bytes)
{
    list_t        *l = data;
    onsite_key_t   key;

    (void) seq;
    assert_true(onsite_outbox_visitor(bytes.data, bytes.len, &key));
    assert_true(is_theirs(&key));

    return ++l->n != l->stop;
}


static void
lists_entries_of_some(void **data)
{
    bool          all;
    size_t        n;
    list_t        l = { 0 };
    state_t      *s = *data;
    onsite_key_t  key = key_of(CUSTOMER), keys[ONSITE_RELATED_MAX];

    begin_state(s);
    assert_int_equal(onsite_store_related(s->store, &key,
                                          ONSITE_REACH_VISITOR, keys,
                                          ONSITE_RELATED_MAX, &n, &s->error),
                     ONSITE_OK);
    assert_int_equal(onsite_store_outbox_of(s->store, keys, n, 100000, list,
                                            &l, &all, &s->error), ONSITE_OK);
    assert_int_equal(l.n, 3 + DEVICES * IDS);
    assert_true(all);

    l.n = 0;
    assert_int_equal(onsite_store_outbox_of(s->store, keys, n, 20, list, &l,
                                            &all, &s->error), ONSITE_OK);
    assert_false(all);
    assert_true(l.n < 3 + DEVICES * IDS);

    l = (list_t) { 0, 2 };
    assert_int_equal(onsite_store_outbox_of(s->store, keys, n, 100000, list,
                                            &l, &all, &s->error), ONSITE_OK);
    assert_int_equal(l.n, 2);
    assert_false(all);
}


/* Who wants to know is told of each, with all keys, by numbers that grow; the
 * latest stay, and go when they are known. */

static void
is_remembered(void **data)
{
    state_t          *s = *data;
    uint64_t          n, next, last = 0;
    unsigned          seen = 0;
    onsite_key_t      key, alias = key_of(ID(0, 0));
    onsite_erased_t   erased;

    s->options.shards = SHARDS;
    s->options.size = SHARDS * 2 * MB;
    open_state(s);
    key = key_of(OTHER(0));
    (void) onsite_store_erase(s->store, &key, NOW, &s->error);
    assert_int_equal(onsite_store_erased(s->store, 0, &erased, &next,
                                         &s->error), ONSITE_NOT_FOUND);
    assert_int_equal(next, 0);

    assert_int_equal(onsite_store_erased_want(s->store, &s->error),
                     ONSITE_OK);
    assert_int_equal(onsite_store_erased_want(s->store, &s->error),
                     ONSITE_OK);
    put_link(s, ID(0, 0), CUSTOMER);
    assert_int_equal(onsite_store_erase(s->store, &alias, NOW, &s->error),
                     ONSITE_OK);
    assert_int_equal(onsite_store_erased(s->store, 0, &erased, &next,
                                         &s->error), ONSITE_OK);
    assert_int_equal(erased.number, NOW);
    assert_int_equal(erased.time, NOW);
    assert_int_equal(erased.n, 2);
    key = key_of(CUSTOMER);
    assert_memory_equal(&erased.keys[0], &alias, sizeof(alias));
    assert_memory_equal(&erased.keys[1], &key, sizeof(key));
    assert_int_equal(next, NOW + 1);

    /* a clock that is set back */

    for (n = 0; n < ONSITE_ERASED_KEPT; n++) {
        key = key_of(OTHER(n + 1));
        (void) onsite_store_erase(s->store, &key, NOW - 1000, &s->error);
    }

    while (onsite_store_erased(s->store, last, &erased, &next, &s->error)
           == ONSITE_OK)
    {
        assert_int_equal(erased.number, NOW + 1 + seen++);
        assert_int_equal(erased.time, NOW - 1000);
        last = erased.number + 1;
    }

    assert_int_equal(seen, ONSITE_ERASED_KEPT);
    assert_int_equal(onsite_store_erased_forget(s->store, last - 1,
                                                &s->error), ONSITE_OK);
    assert_int_equal(onsite_store_erased(s->store, 0, &erased, &next,
                                         &s->error), ONSITE_OK);
    assert_int_equal(erased.number, last - 1);
    assert_int_equal(onsite_store_erased_forget(s->store, last, &s->error),
                     ONSITE_OK);
    assert_int_equal(onsite_store_erased(s->store, 0, &erased, &next,
                                         &s->error), ONSITE_NOT_FOUND);
    assert_int_equal(next, last);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        state_test(erases_all_that_leads_there),
        state_test(any_key_will_do),
        state_test(knows_its_keys),
        state_test(a_device_goes_alone),
        state_test(others_of_a_shared_device_stay),
        state_test(unknown_leaves_a_tombstone),
        state_test(goes_on_in_slices),
        state_test(killed_anywhere),
        state_test(tombstones_end),
        state_test(many_devices),
        state_test(lists_entries_of_some),
        state_test(is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
