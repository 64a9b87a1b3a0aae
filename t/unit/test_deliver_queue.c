/*
 * test_deliver_queue.c - what waits, by endpoint: its order, pauses, rates.
 */

#include "unit.h"
#include "deliver.h"


void
loader_complain(const char *format, ...)
{
    (void) format;
}


static void
earliest_first(void **state)
{
    int      i, n = 0;
    job_t    job, last = { 0 };
    dice_t   dice = { 42 };
    queue_t  queue = { .name = NULL };

    (void) state;

    for (i = 0; i < 20000; i++) {
        if (n == 0 || roll(&dice, 100) < (i < 10000 ? 60 : 40)) {
            job = (job_t) { .seq = (uint64_t) i, .due = roll(&dice, 500) };
            assert_true(queue_push(&queue, &job));
            n++;

        } else {
            (void) queue_pop(&queue);
            n--;
        }
    }

    assert_int_equal(queue.n, n);

    for (i = 0; i < n; i++) {
        job = queue_pop(&queue);
        assert_true(i == 0 || job.due > last.due
                    || (job.due == last.due && job.seq > last.seq));
        last = job;
    }

    free(queue.jobs);
}


static void
one_each(void **state)
{
    queue_t      *a, *b;
    queues_t      queues = { .n = 0 };
    endpoint_t    any = { .concurrency = 4 };
    endpoints_t   none = { .n = 0 };

    (void) state;
    a = queues_of(&queues, &none, &any, ONSITE_STR("https://a.example/1"));
    b = queues_of(&queues, &none, &any, ONSITE_STR("https://a.example:443/2"));
    assert_ptr_equal(a, b);
    assert_ptr_equal(a->endpoint, &any);

    b = queues_of(&queues, &none, &any, ONSITE_STR("https://b.example/1"));
    assert_ptr_not_equal(a, b);
    b = queues_of(&queues, &none, &any, ONSITE_STR("http://a.example/1"));
    assert_null(b->endpoint);
    b = queues_of(&queues, &none, NULL, ONSITE_STR("https://a.example/1"));
    assert_null(b->endpoint);
    b = queues_of(&queues, &none, &any, ONSITE_STR("no URL"));
    assert_null(b->endpoint);
    queues_free(&queues);
}


/* Some failures are of one delivery; more in a row are the endpoint's. */

static void
pauses(void **state)
{
    int           i;
    job_t         job = { .seq = 1 };
    char          name[] = "q";
    queue_t       queue = { .name = name };
    endpoint_t    endpoint = { .concurrency = 4 };

    (void) state;
    queue.endpoint = &endpoint;
    assert_false(queue_is_ready(&queue, 0));
    assert_true(queue_push(&queue, &job));
    assert_true(queue_is_ready(&queue, 0));
    queue.flying = 4;
    assert_false(queue_is_ready(&queue, 0));
    queue.flying = 3;

    queue_bad(&queue, 1000, 0);
    queue_bad(&queue, 1000, 0);
    assert_true(queue_is_ready(&queue, 1000));
    assert_int_equal(queue.failing, 1000);
    queue_bad(&queue, 2000, 0);
    queue.flying = 1;
    assert_false(queue_is_ready(&queue, 1000000));
    queue.flying = 0;
    assert_false(queue_is_ready(&queue, 2000));
    assert_true(queue_is_ready(&queue, 3001));
    assert_int_equal(queue_next(&queue, 1000000), queue.paused);

    for (i = 0; i < 50; i++) {
        queue_bad(&queue, 5000, 0);
        assert_true(queue.paused <= 5000 + ONSITE_MINUTE);
    }

    queue_bad(&queue, 5000, ONSITE_HOUR);
    assert_int_equal(queue.paused, 5000 + ONSITE_HOUR);

    queue_good(&queue);
    assert_true(queue_is_ready(&queue, 5000));
    assert_int_equal(queue.failing, 0);
    free(queue.jobs);
}


/* A cause is told once, then how many more there are, each minute. */

static void
given_up(void **state)
{
    int        i;
    char       name[] = "q", why[32];
    queue_t    queue = { .name = name };
    uint64_t   n = 0;

    (void) state;
    assert_true(queue_gave_up(&queue, "status 410", 1000));
    assert_null(queue_more(&queue, INT64_MAX, &n));

    for (i = 0; i < 149; i++) {
        assert_false(queue_gave_up(&queue, "status 410", 1000 + i));
    }

    assert_true(queue_gave_up(&queue, "status 422", 1000));
    assert_null(queue_more(&queue, 1000 + ONSITE_MINUTE - 1, &n));
    assert_string_equal(queue_more(&queue, 1000 + ONSITE_MINUTE, &n),
                        "status 410");
    assert_int_equal(n, 149);
    assert_null(queue_more(&queue, 1000 + ONSITE_MINUTE, &n));

    /* that was a line, too */

    assert_false(queue_gave_up(&queue, "status 410", 1001 + ONSITE_MINUTE));
    assert_null(queue_more(&queue, 999 + 2 * ONSITE_MINUTE, &n));
    assert_string_equal(queue_more(&queue, INT64_MAX, &n), "status 410");
    assert_int_equal(n, 1);
    assert_null(queue_more(&queue, INT64_MAX, &n));

    for (i = 0; i < 100; i++) {
        (void) snprintf(why, sizeof(why), "status %d", 500 + i);
        assert_int_equal(queue_gave_up(&queue, why, 1000),
                         i < QUEUE_CAUSES - 2);
    }

    assert_int_equal(queue.n_causes, QUEUE_CAUSES);
}


static void
rates(void **state)
{
    char        name[] = "q";
    job_t       job = { .seq = 1 };
    endpoint_t  endpoint = { .concurrency = 4 };
    queue_t     queue = { .name = name, .endpoint = &endpoint };

    (void) state;
    retry_bucket_init(&queue.bucket, 1, 0);
    assert_true(queue_push(&queue, &job));
    assert_true(queue_take(&queue, 0));
    assert_false(queue_take(&queue, 0));
    assert_true(queue_is_due(&queue, 1));
    assert_false(queue_is_ready(&queue, 1));
    assert_in_range(queue_next(&queue, 5000), 999, 1001);
    assert_true(queue_is_ready(&queue, 1001));
    free(queue.jobs);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(earliest_first),
        cmocka_unit_test(one_each),
        cmocka_unit_test(pauses),
        cmocka_unit_test(given_up),
        cmocka_unit_test(rates)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
