/*
 * test_retry.c - when what did not leave is tried again.
 */

#include "unit.h"
#include "retry.h"


static void
grows(void **state)
{
    unsigned     i;
    onsite_ms_t  last = 0, most;

    (void) state;
    assert_int_equal(retry_most(1, 5000, 21600000), 5000);
    assert_int_equal(retry_most(2, 5000, 21600000), 10000);
    assert_int_equal(retry_most(4, 5000, 21600000), 40000);
    assert_int_equal(retry_most(14, 5000, 21600000), 21600000);
    assert_int_equal(retry_most(0, 5000, 21600000), 5000);
    assert_int_equal(retry_most(3, 5000, 100), 100);

    for (i = 0; i < 100; i++) {
        most = retry_most(i * 1000003, 1, INT64_MAX / 4);
        assert_true(most >= last);
        last = most;
    }
}


/* Evenly over the whole span. */

static void
jitters(void **state)
{
    int          i, quarters[4] = { 0 };
    onsite_ms_t  ms;

    (void) state;

    for (i = 0; i < 4000; i++) {
        ms = retry_jitter(1000);
        assert_in_range(ms, 1, 1000);
        quarters[(ms - 1) / 250]++;
    }

    for (i = 0; i < 4; i++) {
        assert_in_range(quarters[i], 800, 1200);
    }

    assert_int_equal(retry_jitter(1), 1);
    assert_int_equal(retry_jitter(0), 1);
    assert_int_equal(retry_jitter(-5), 1);
}


static void
verdicts(void **state)
{
    size_t             i;
    static const long  later[] = {
        0, 100, 301, 302, 307, 308, 401, 403, 404, 408, 409, 423, 425, 429,
        500, 502, 503, 504, 599, 600
    };
    static const long  never[] = { 400, 406, 410, 413, 415, 422, 451, 499 };

    (void) state;

    for (i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        assert_int_equal(retry_verdict(later[i]), RETRY_LATER);
    }

    for (i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        assert_int_equal(retry_verdict(never[i]), RETRY_NEVER);
    }

    assert_int_equal(retry_verdict(200), RETRY_DONE);
    assert_int_equal(retry_verdict(202), RETRY_DONE);
    assert_int_equal(retry_verdict(299), RETRY_DONE);
}


static unsigned
take_all(retry_bucket_t *bucket, onsite_ms_t from, onsite_ms_t until)
{
    unsigned     n = 0;
    onsite_ms_t  now = from, wait;

    while (now < until) {
        wait = retry_bucket_take(bucket, now);
        n += wait == 0;
        now += wait;
    }

    return n;
}


static void
buckets(void **state)
{
    retry_bucket_t  bucket;

    (void) state;

    retry_bucket_init(&bucket, 0, 0);
    assert_int_equal(retry_bucket_take(&bucket, 0), 0);

    retry_bucket_init(&bucket, 10, 5000);
    assert_in_range(take_all(&bucket, 5000, 15000), 108, 111);

    /* what was not used is no more than a burst */
    assert_in_range(take_all(&bucket, 100000, 101000), 19, 21);

    retry_bucket_init(&bucket, 0.5, 0);
    assert_in_range(take_all(&bucket, 0, 20000), 10, 11);

    /* a clock that goes back gives nothing, and takes nothing */
    retry_bucket_init(&bucket, 1, 10000);
    assert_int_equal(retry_bucket_take(&bucket, 10000), 0);
    assert_in_range(retry_bucket_take(&bucket, 9000), 1000, 1001);
    assert_int_equal(retry_bucket_take(&bucket, 10500), 0);
}


static void
notes(void **state)
{
    size_t         size;
    onsite_buf_t   out;
    retry_note_t   read, note = { 7, 3600000, 5000, 1700000005000, 0, "" };

    (void) state;
    memset(note.why, 'x', RETRY_WHY_MAX);
    onsite_buf_init(&out, 0);
    retry_note_encode(&note, &out);
    assert_false(out.failed);

    assert_true(retry_note_decode(out.data, out.len, &read));
    assert_int_equal(read.attempts, 7);
    assert_int_equal(read.tried, 3600000);
    assert_int_equal(read.delay, 5000);
    assert_int_equal(read.next, 1700000005000);
    assert_int_equal(read.dead, 0);
    assert_string_equal(read.why, note.why);

    for (size = 0; size < out.len; size++) {
        assert_false(retry_note_decode(out.data, size, &read));
        assert_int_equal(read.attempts, 0);
    }

    /* whatever the clock is set to, it is not longer than it was meant */
    assert_int_equal(retry_note_wait(&note, 1700000002000), 3000);
    assert_int_equal(retry_note_wait(&note, 1700000005000), 0);
    assert_int_equal(retry_note_wait(&note, 1900000000000), 0);
    assert_int_equal(retry_note_wait(&note, 1500000000000), 5000);
    assert_int_equal(retry_note_wait(&note, -1), 5000);

    onsite_buf_free(&out);
}


static void
told(void **state)
{
    onsite_buf_t  out;
    retry_note_t  note = { 2, 0, 5000, 1767225600000, 0, "status \"503\"" };

    (void) state;
    onsite_buf_init(&out, 0);
    retry_note_write(&note, &out);
    assert_str(onsite_str(out.data, out.len),
               "{\"attempts\":2,\"last\":\"status \\\"503\\\"\","
               "\"next\":\"2026-01-01T00:00:00.000Z\"}");

    onsite_buf_clear(&out);
    note.dead = 1767225601000;
    retry_note_write(&note, &out);
    assert_str(onsite_str(out.data, out.len),
               "{\"attempts\":2,\"last\":\"status \\\"503\\\"\","
               "\"dead\":\"2026-01-01T00:00:01.000Z\"}");
    onsite_buf_free(&out);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(grows),
        cmocka_unit_test(jitters),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(buckets),
        cmocka_unit_test(notes),
        cmocka_unit_test(told)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
