/*
 * test_store_delivery.c - deliveries one by one: read as they come, noted,
 * moved, gone.
 */

#include "state.h"
#include "onsite_outbox.h"

static onsite_buf_t  bytes;


static uint64_t
add(state_t *s, uint32_t shard, char letter, size_t len)
{
    char                   *data = malloc(len + 1);
    uint64_t                seq = 0;
    onsite_outbox_entry_t   entry = { .kind = ONSITE_OUTBOX_DELIVERY,
                                      .time = NOW };

    memset(data, letter, len);
    entry.data = onsite_str(data, len);
    entry.visitor = key_of((uint64_t) letter);
    onsite_buf_clear(&bytes);
    onsite_outbox_encode(&entry, &bytes);
    free(data);

    begin_in(s, shard);
    assert_int_equal(onsite_txn_outbox_add(s->txn, onsite_str(bytes.data,
                                                              bytes.len),
                                           &seq), ONSITE_OK);
    commit(s);

    return seq;
}


/* Letters of what is seen, one each. */

typedef struct {
    char    text[2048];
    size_t  n;
} seen_t;

static bool
see(void *data, uint64_t seq, onsite_str_t entry)
{
    seen_t                 *seen = data;
    onsite_outbox_entry_t   read;

    (void) seq;
    assert_int_equal(onsite_outbox_decode(entry.data, entry.len, &read),
                     ONSITE_OK);
    assert_true(seen->n < sizeof(seen->text) - 1);
    seen->text[seen->n++] = read.data.data[0];
    seen->text[seen->n] = '\0';

    return true;
}


static const char *
read_on(state_t *s, uint32_t shard, uint64_t *from)
{
    bool           last = false;
    static seen_t  seen;

    seen = (seen_t) { .n = 0 };

    while (!last) {
        assert_int_equal(onsite_store_deliveries_read(s->store, shard, from,
                                                      see, &seen, &last,
                                                      &s->error), ONSITE_OK);
    }

    return seen.text;
}


static onsite_status_t
get(state_t *s, uint64_t seq, char letter)
{
    seen_t           seen = { .n = 0 };
    onsite_status_t  status;

    status = onsite_store_delivery_get(s->store, seq, see, &seen, &s->error);

    if (status == ONSITE_OK) {
        assert_int_equal(seen.n, 1);
        assert_int_equal(seen.text[0], letter);
    }

    return status;
}


static void
reads_as_it_comes(void **data)
{
    bool       last;
    seen_t     seen = { .n = 0 };
    state_t   *s = *data;
    uint64_t   a, b, from[2] = { 0, 0 };

    s->options.shards = 2;
    open_state(s);
    assert_string_equal(read_on(s, 0, &from[0]), "");
    assert_string_equal(read_on(s, 1, &from[1]), "");

    a = add(s, 0, 'a', 10);
    b = add(s, 1, 'b', 10000);
    assert_string_equal(read_on(s, 0, &from[0]), "a");
    assert_string_equal(read_on(s, 0, &from[0]), "");
    assert_string_equal(read_on(s, 1, &from[1]), "b");

    (void) add(s, 0, 'c', 70000);
    (void) add(s, 0, 'd', 70000);
    assert_string_equal(read_on(s, 0, &from[0]), "cd");

    from[0] = 0;
    assert_string_equal(read_on(s, 0, &from[0]), "acd");
    assert_int_equal(onsite_store_deliveries_read(s->store, 2, from, see,
                                                  &seen, &last, &s->error),
                     ONSITE_INVALID);

    assert_int_equal(get(s, a, 'a'), ONSITE_OK);
    assert_int_equal(get(s, b, 'b'), ONSITE_OK);
    assert_int_equal(get(s, b + 1, 'b'), ONSITE_NOT_FOUND);
    assert_int_equal(get(s, (uint64_t) 7 << 56 | 1, 'b'), ONSITE_NOT_FOUND);
    assert_int_equal(get(s, (uint64_t) 1 << 55 | 1, 'b'), ONSITE_NOT_FOUND);
}


static void
deletes_many(void **data)
{
    int                   i;
    state_t              *s = *data;
    uint64_t              seqs[402], from[2] = { 0, 0 };
    onsite_store_stat_t   stat;

    s->options.shards = 2;
    open_state(s);

    for (i = 0; i < 400; i++) {
        seqs[i] = add(s, (uint32_t) i / 200, 'x', 30);
    }

    seqs[400] = seqs[399] + 5;          /* there is none */
    seqs[401] = seqs[0];                /* not in order, and gone */
    (void) add(s, 0, 'y', 5000);
    assert_int_equal(onsite_store_deliveries_delete(s->store, seqs, 402,
                                                    &s->error), ONSITE_OK);
    assert_string_equal(read_on(s, 0, &from[0]), "y");
    assert_string_equal(read_on(s, 1, &from[1]), "");
    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.deliveries, 1);

    seqs[0] = (uint64_t) 9 << 56;
    assert_int_equal(onsite_store_deliveries_delete(s->store, seqs, 1,
                                                    &s->error),
                     ONSITE_INVALID);
    assert_int_equal(onsite_store_deliveries_delete(s->store, seqs, 0,
                                                    &s->error), ONSITE_OK);
}


static onsite_status_t
noted(state_t *s, uint64_t seq, const char *text)
{
    char             out[ONSITE_DELIVERY_NOTE_MAX];
    size_t           size;
    onsite_status_t  status;

    status = onsite_store_delivery_noted(s->store, seq, out, &size,
                                         &s->error);

    if (status == ONSITE_OK) {
        assert_int_equal(size, strlen(text));
        assert_memory_equal(out, text, size);
    }

    return status;
}


static onsite_status_t
note(state_t *s, uint64_t seq, const char *text)
{
    return onsite_store_delivery_note(s->store, seq, onsite_str_of(text),
                                      &s->error);
}


static bool
first_letters(void *data, uint64_t seq, onsite_str_t text)
{
    char    *out = data;
    size_t   n = strlen(out);

    (void) seq;
    out[n] = text.data[0];
    out[n + 1] = '\0';

    return out[n] != 'z';
}


static const char *
notes(state_t *s, uint32_t shard)
{
    static char  out[16];

    out[0] = '\0';
    assert_int_equal(onsite_store_delivery_notes(s->store, shard,
                                                 first_letters, out,
                                                 &s->error), ONSITE_OK);

    return out;
}


/* All of a shard, in their order, and nothing else that is noted there. */

static void
notes_of_a_shard(void **data)
{
    int        i;
    state_t   *s = *data;
    uint64_t   seqs[5];

    s->options.shards = 2;
    open_state(s);
    assert_str(onsite_str_of(notes(s, 0)), "");

    for (i = 0; i < 5; i++) {
        seqs[i] = add(s, i == 4, (char) ('a' + i), 10);
    }

    assert_int_equal(note(s, seqs[3], "d"), ONSITE_OK);
    assert_int_equal(note(s, seqs[0], "a"), ONSITE_OK);
    assert_int_equal(note(s, seqs[2], "c"), ONSITE_OK);
    assert_int_equal(note(s, seqs[4], "e"), ONSITE_OK);
    assert_str(onsite_str_of(notes(s, 0)), "acd");
    assert_str(onsite_str_of(notes(s, 1)), "e");
    assert_int_equal(note(s, seqs[2], "z"), ONSITE_OK);
    assert_str(onsite_str_of(notes(s, 0)), "az");

    assert_int_equal(onsite_store_delivery_again(s->store, seqs[2],
                                                 &s->error), ONSITE_OK);
    assert_int_equal(onsite_store_deliveries_delete(s->store, seqs, 1,
                                                    &s->error), ONSITE_OK);
    assert_str(onsite_str_of(notes(s, 0)), "d");
}


static void
notes_go_with_it(void **data)
{
    char       large[ONSITE_DELIVERY_NOTE_MAX + 2];
    state_t   *s = *data;
    uint64_t   a, b;

    open_state(s);
    a = add(s, 0, 'a', 10);
    b = add(s, 0, 'b', 10);
    assert_int_equal(noted(s, a, ""), ONSITE_NOT_FOUND);
    assert_int_equal(note(s, a, "one"), ONSITE_OK);
    assert_int_equal(note(s, b, "two"), ONSITE_OK);
    assert_int_equal(note(s, a, "three"), ONSITE_OK);
    assert_int_equal(note(s, b + 1, "none"), ONSITE_NOT_FOUND);
    assert_int_equal(noted(s, b + 1, ""), ONSITE_NOT_FOUND);
    reopen_state(s);
    assert_int_equal(noted(s, a, "three"), ONSITE_OK);

    memset(large, 'x', sizeof(large));
    large[ONSITE_DELIVERY_NOTE_MAX + 1] = '\0';
    assert_int_equal(note(s, a, large), ONSITE_INVALID);
    large[ONSITE_DELIVERY_NOTE_MAX] = '\0';
    assert_int_equal(note(s, a, large), ONSITE_OK);
    assert_int_equal(noted(s, a, large), ONSITE_OK);

    assert_int_equal(onsite_store_deliveries_delete(s->store, &a, 1,
                                                    &s->error), ONSITE_OK);
    assert_int_equal(noted(s, a, ""), ONSITE_NOT_FOUND);
    assert_int_equal(noted(s, b, "two"), ONSITE_OK);

    begin_in(s, 0);
    assert_int_equal(onsite_txn_outbox_delete(s->txn, b), ONSITE_OK);
    commit(s);
    assert_int_equal(noted(s, b, ""), ONSITE_NOT_FOUND);
    assert_int_equal(note(s, b, "late"), ONSITE_NOT_FOUND);
}


/* A visitor's erasure takes it, and its note. */

static void
erasing_takes_all(void **data)
{
    state_t       *s = *data;
    uint64_t       a;
    onsite_key_t   key = key_of('a');

    open_state(s);
    a = add(s, 0, 'a', 10);
    assert_int_equal(note(s, a, "one"), ONSITE_OK);
    (void) onsite_store_erase(s->store, &key, NOW, &s->error);
    assert_int_equal(get(s, a, 'a'), ONSITE_NOT_FOUND);
    assert_int_equal(noted(s, a, ""), ONSITE_NOT_FOUND);
}


static void
waits_again(void **data)
{
    state_t              *s = *data;
    uint64_t              a, from = 0;
    onsite_store_stat_t   stat;

    open_state(s);
    a = add(s, 0, 'a', 9000);
    (void) add(s, 0, 'b', 10);
    assert_string_equal(read_on(s, 0, &from), "ab");
    assert_int_equal(note(s, a, "dead"), ONSITE_OK);
    assert_int_equal(onsite_store_delivery_again(s->store, a, &s->error),
                     ONSITE_OK);
    assert_int_equal(get(s, a, 'a'), ONSITE_NOT_FOUND);
    assert_int_equal(onsite_store_delivery_again(s->store, a, &s->error),
                     ONSITE_NOT_FOUND);
    assert_string_equal(read_on(s, 0, &from), "a");
    assert_int_equal(noted(s, from - 1, ""), ONSITE_NOT_FOUND);
    assert_int_equal(onsite_store_stat(s->store, &stat), ONSITE_OK);
    assert_int_equal(stat.deliveries, 2);
}


static int
free_bytes(void **data)
{
    (void) data;
    onsite_buf_free(&bytes);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(reads_as_it_comes, state_setup,
                                        state_teardown),
        cmocka_unit_test_setup_teardown(deletes_many, state_setup,
                                        state_teardown),
        cmocka_unit_test_setup_teardown(notes_of_a_shard, state_setup,
                                        state_teardown),
        cmocka_unit_test_setup_teardown(notes_go_with_it, state_setup,
                                        state_teardown),
        cmocka_unit_test_setup_teardown(erasing_takes_all, state_setup,
                                        state_teardown),
        cmocka_unit_test_setup_teardown(waits_again, state_setup,
                                        state_teardown)
    };

    return cmocka_run_group_tests(tests, NULL, free_bytes);
}
