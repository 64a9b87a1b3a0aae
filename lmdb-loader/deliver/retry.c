/*
 * retry.c - when what did not leave is tried again.
 */

#include "retry.h"

#include "onsite_cursor.h"
#include "onsite_value.h"
#include "onsite_visitor_json.h"

#include <stdio.h>
#include <sys/random.h>

#define NOTE_VERSION   1
#define NOTE_ELEMENTS  7
#define NOTE_BYTES     (RETRY_WHY_MAX + 64)


onsite_ms_t
retry_jitter(onsite_ms_t most)
{
    uint64_t  random;

    if (most <= 1
        || getrandom(&random, sizeof(random), 0) != (ssize_t) sizeof(random))
    {
        return most > 1 ? most : 1;
    }

    return 1 + (onsite_ms_t) (random % (uint64_t) most);
}


onsite_ms_t
retry_most(unsigned attempts, onsite_ms_t first, onsite_ms_t most)
{
    while (attempts > 1 && first < most) {
        first *= 2;
        attempts--;
    }

    return first < most ? first : most;
}


/* What is about this one delivery is final; what is about the endpoint (its
 * credentials, its place) somebody may put right. */

retry_verdict_t
retry_verdict(long status)
{
    if (status >= 200 && status < 300) {
        return RETRY_DONE;
    }

    switch (status) {

    case 401: case 402: case 403: case 404: case 405: case 407:
    case 408: case 409: case 421: case 423: case 425: case 429:
        return RETRY_LATER;

    default:
        return status >= 400 && status < 500 ? RETRY_NEVER : RETRY_LATER;
    }
}


void
retry_bucket_init(retry_bucket_t *bucket, double rate, onsite_ms_t now)
{
    bucket->rate = rate;
    bucket->tokens = rate > 1 ? rate : 1;
    bucket->filled = now;
}


onsite_ms_t
retry_bucket_take(retry_bucket_t *bucket, onsite_ms_t now)
{
    double  most = bucket->rate > 1 ? bucket->rate : 1;

    if (bucket->rate <= 0) {
        return 0;
    }

    if (now > bucket->filled) {
        bucket->tokens += (double) (now - bucket->filled) * bucket->rate
                          / ONSITE_SECOND;
        bucket->tokens = bucket->tokens < most ? bucket->tokens : most;
    }

    bucket->filled = now;

    if (bucket->tokens >= 1) {
        bucket->tokens -= 1;
        return 0;
    }

    return 1 + (onsite_ms_t) ((1 - bucket->tokens) * ONSITE_SECOND
                              / bucket->rate);
}


void
retry_note_encode(const retry_note_t *note, onsite_buf_t *out)
{
    onsite_writer_t  w = { .capacity = NOTE_BYTES };

    w.out = (uint8_t *) onsite_buf_reserve(out, NOTE_BYTES);

    if (w.out == NULL) {
        return;
    }

    onsite_write_array(&w, NOTE_ELEMENTS);
    onsite_write_long(&w, NOTE_VERSION);
    onsite_write_long(&w, note->attempts);
    onsite_write_long(&w, note->tried);
    onsite_write_long(&w, note->delay);
    onsite_write_long(&w, note->next);
    onsite_write_long(&w, note->dead);
    onsite_write_str(&w, onsite_str_of(note->why));
    out->len += w.len;
}


bool
retry_note_decode(const void *data, size_t size, retry_note_t *note)
{
    uint32_t         n;
    onsite_str_t     why;
    onsite_reader_t  r = { data, (const uint8_t *) data + size, false };

    *note = (retry_note_t) { .attempts = 0 };

    n = onsite_read_array(&r);

    if (r.bad || n < NOTE_ELEMENTS || onsite_read_long(&r) != NOTE_VERSION) {
        return false;
    }

    note->attempts = onsite_read_u32(&r);
    note->tried = onsite_read_long(&r);
    note->delay = onsite_read_long(&r);
    note->next = onsite_read_long(&r);
    note->dead = onsite_read_long(&r);
    why = onsite_read_str(&r);

    if (r.bad || why.len > RETRY_WHY_MAX || note->tried < 0
        || note->delay < 0 || note->dead < 0)
    {
        *note = (retry_note_t) { .attempts = 0 };
        return false;
    }

    (void) snprintf(note->why, sizeof(note->why), "%.*s", (int) why.len,
                    why.data);

    return true;
}


onsite_ms_t
retry_note_wait(const retry_note_t *note, onsite_ms_t wall)
{
    onsite_ms_t  wait = note->next > wall ? note->next - wall : 0;

    return wait < note->delay ? wait : note->delay;
}


void
retry_note_write(const retry_note_t *note, onsite_buf_t *out)
{
    onsite_buf_printf(out, "{\"attempts\":%u,\"last\":", note->attempts);
    onsite_write_json_string(out, onsite_str_of(note->why));

    onsite_buf_str(out, note->dead != 0 ? ONSITE_STR(",\"dead\":")
                                        : ONSITE_STR(",\"next\":"));
    onsite_write_time(out, note->dead != 0 ? note->dead : note->next);
    onsite_buf_char(out, '}');
}
