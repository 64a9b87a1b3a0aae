/*
 * retry.h - when what did not leave is tried again, and what leaves meanwhile.
 *
 * Moments are of a clock that nobody sets (loader_clock), but where they
 * outlive the process.
 */

#ifndef RETRY_H
#define RETRY_H

#include "onsite_buf.h"

/* Evenly from 1 to most. */
onsite_ms_t retry_jitter(onsite_ms_t most);

/* What may pass at most before the next try: first, twice that, … most. */
onsite_ms_t retry_most(unsigned attempts, onsite_ms_t first, onsite_ms_t most);


/* What a status says of the delivery. */
typedef enum {
    RETRY_DONE = 0,             /* 2xx                                     */
    RETRY_LATER,                /* the receiver may take it later          */
    RETRY_NEVER                 /* it will not take this one               */
} retry_verdict_t;

retry_verdict_t retry_verdict(long status);


/* So many a second, in bursts of as many at most (1 at least). */
typedef struct {
    double       rate;          /* 0: no bound                             */
    double       tokens;
    onsite_ms_t  filled;
} retry_bucket_t;

void retry_bucket_init(retry_bucket_t *bucket, double rate, onsite_ms_t now);
/* 0: one is taken; else in how many ms there is one. */
onsite_ms_t retry_bucket_take(retry_bucket_t *bucket, onsite_ms_t now);


/* What is remembered of a delivery that did not leave. */

#define RETRY_WHY_MAX  200

typedef struct {
    uint32_t     attempts;
    onsite_ms_t  tried;         /* how long it was tried for: clocks that are
                                   set do not change that                  */
    onsite_ms_t  delay;         /* until the next attempt, when that was
                                   decided                                 */
    onsite_ms_t  next;          /* when that is, by the wall clock         */
    onsite_ms_t  dead;          /* since when it is given up; 0: it is not */
    char         why[RETRY_WHY_MAX + 1];
} retry_note_t;

/* Appends its bytes; decode: false, and the note is empty, where they are
 * none. */
void retry_note_encode(const retry_note_t *note, onsite_buf_t *out);
bool retry_note_decode(const void *data, size_t size, retry_note_t *note);

/* How long there is still to wait for a process that finds the note: never
 * longer than was decided, whatever clocks say. */
onsite_ms_t retry_note_wait(const retry_note_t *note, onsite_ms_t wall);

/* Appends {"attempts":3,"last":"status 503",…} */
void retry_note_write(const retry_note_t *note, onsite_buf_t *out);

#endif
