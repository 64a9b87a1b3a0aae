/*
 * deliver.h - deliveries leave a state: what the files of `deliver` share.
 *
 *   deliver.c        the command and its round
 *   deliver_state.c  the state: found, read, lost and found again; what left
 *   deliver_queue.c  what waits, by endpoint
 *   deliver_check.c  whether one may still leave
 *   deliver_send.c   requests under way
 *   deliver_tell.c   --dry-run, --retry-dead, --forget-dead, what is told of
 *                    those given up, and at the end
 *
 * Of each delivery that waits no more is held than when it is due; its bytes
 * are read when it leaves.
 */

#ifndef DELIVER_H
#define DELIVER_H

#include "endpoints.h"
#include "loader.h"
#include "retry.h"
#include "stop.h"

typedef struct deliver_s  deliver_t;


/* deliver_check.c */

typedef enum {
    DELIVER_SEND = 0,
    DELIVER_WAIT,
    DELIVER_DROP
} deliver_verdict_t;

typedef enum {
    DROP_FORGOTTEN = 0,         /* there is no such visitor any more       */
    DROP_CONSENT,               /* who consents to less by now             */
    DROP_CAMPAIGN,              /* it is gone, or disabled                 */
    DROP_SCHEDULE,              /* it is over                              */
    DROP_STOPPED,
    DROP_CAP,
    DROP_DAMAGED,               /* the entry cannot be read                */
    DROPS
} deliver_drop_t;

extern const char *const  deliver_drops[DROPS];

typedef struct {
    deliver_verdict_t  verdict;
    deliver_drop_t     drop;
    onsite_ms_t        wait;    /* ask again then                          */
    const char        *why;     /* WAIT: static                            */
} deliver_answer_t;

typedef struct check_s  check_t;

/* NULL: out of memory.  What lives in the store's directory is read anew when
 * it changes. */
check_t *check_create(const char *state, onsite_store_t *store);
void check_destroy(check_t *check);

/* A snapshot says what holds now. */
bool check_sees(check_t *check);
/* For how long one has waited as none does; -1: none waits for that. */
onsite_ms_t check_blind_for(const check_t *check);

/* By the visitor's record and the campaigns that are live. */
deliver_answer_t check_delivery(check_t *check, uint64_t seq,
    const onsite_outbox_entry_t *entry, onsite_ms_t now);


/* deliver_queue.c */

typedef struct {
    uint64_t     seq;
    onsite_ms_t  due;           /* by loader_clock                         */
    onsite_ms_t  time;          /* of the delivery, by the wall clock      */
    uint32_t     size;
} job_t;

/* Why deliveries were given up, and how many since that was told. */
typedef struct {
    char         why[RETRY_WHY_MAX + 1];
    uint64_t     more;
    onsite_ms_t  again;         /* nothing of it is told before            */
} cause_t;

#define QUEUE_CAUSES  8         /* what others come to is told as the last */

typedef struct {
    char              *name;    /* the endpoint's URL, or what is before the
                                   path                                    */
    const endpoint_t  *endpoint;    /* NULL: it is not to be called        */
    retry_bucket_t     bucket;
    job_t             *jobs;    /* a heap, the earliest first              */
    size_t             n;
    size_t             capacity;
    unsigned           flying;
    unsigned           failures;    /* in a row                            */
    onsite_ms_t        failing;     /* since when; 0: it is not            */
    onsite_ms_t        paused;      /* until, as it fails                  */
    onsite_ms_t        limited;     /* until, by its rate                  */
    char               told[RETRY_WHY_MAX + 1];
    cause_t            causes[QUEUE_CAUSES];
    size_t             n_causes;
} queue_t;

typedef struct {
    queue_t  **list;
    size_t     n;
} queues_t;

/* The queue of a URL, made where there is none; NULL: out of memory.
 * any: for what is not in the file; NULL: that is not to be called. */
queue_t *queues_of(queues_t *queues, const endpoints_t *endpoints,
    const endpoint_t *any, onsite_str_t url);
void queues_free(queues_t *queues);

bool queue_push(queue_t *queue, const job_t *job);
job_t queue_pop(queue_t *queue);

/* The earliest is due, and the endpoint may be called. */
bool queue_is_ready(queue_t *queue, onsite_ms_t now);

/* So it is, whether the rate allows it now or later. */
bool queue_is_due(const queue_t *queue, onsite_ms_t now);

/* A request, after queue_is_ready; false: the rate allows it later. */
bool queue_take(queue_t *queue, onsite_ms_t now);

/* When it may be worth looking again; at most later. */
onsite_ms_t queue_next(const queue_t *queue, onsite_ms_t later);

/* One was given up: whether that is to be told, or is one more of them. */
bool queue_gave_up(queue_t *queue, const char *why, onsite_ms_t now);

/* A cause of which there are more to be told, NULL: there is none; now:
 * INT64_MAX for all.  *n: how many. */
const char *queue_more(queue_t *queue, onsite_ms_t now, uint64_t *n);

void queue_good(queue_t *queue);
/* wait: what the endpoint asked for. */
void queue_bad(queue_t *queue, onsite_ms_t now, onsite_ms_t wait);


/* deliver_send.c */

#define DELIVER_WHO_MAX  256

typedef struct send_s  send_t;

typedef struct {
    deliver_t   *deliver;
    queue_t     *queue;
    job_t        job;
    long         status;        /* 0: no whole answer came                 */
    onsite_ms_t  wait;          /* Retry-After                             */
    char         who[DELIVER_WHO_MAX + 1];  /* campaign and id             */
    char         why[RETRY_WHY_MAX + 1];    /* unless status is 2xx        */
} sent_t;

send_t *send_create(const char *ca);
/* What is under way is broken off, and nobody is told. */
void send_abort(send_t *send);
void send_destroy(send_t *send);

unsigned send_flying(const send_t *send);

/* False: out of memory. */
bool send_start(send_t *send, const sent_t *what,
    const onsite_outbox_entry_t *entry, onsite_str_t url);

/* Goes on with what is under way; done is called for each that is over. */
void send_go_on(send_t *send, void (*done)(const sent_t *sent));
/* Waits for what is under way, at most so long. */
void send_wait(send_t *send, onsite_ms_t most);


/* deliver_state.c */

typedef struct {
    uint64_t  seq;
    uint32_t  size;
} dead_t;

struct deliver_s {
    const char        *state;
    endpoints_t        endpoints;
    const endpoint_t  *any;         /* for others; NULL: none is called    */
    bool               once;
    onsite_ms_t        first;       /* wait before the second attempt      */
    onsite_ms_t        most;
    onsite_ms_t        give_up;
    size_t             dead_max;

    onsite_store_t    *store;       /* NULL: there is none now             */
    int                lock;
    uint64_t          *from;        /* by shard: numbers not read yet      */
    check_t           *check;
    send_t            *send;
    queues_t           queues;
    dead_t            *dead;        /* oldest first                        */
    size_t             n_dead;
    size_t             dead_capacity;
    uint64_t           dead_bytes;
    uint64_t           dead_share;  /* bytes that they may take            */
    uint64_t          *gone;        /* left or dropped, not deleted yet    */
    size_t             n_gone;
    size_t             gone_capacity;
    size_t             turns;       /* so that all queues come first       */
    bool               no_memory;
    onsite_error_t     error;
    char               told[sizeof(((onsite_error_t *) NULL)->text)];

    uint64_t           sent;
    uint64_t           retried;
    uint64_t           refused;     /* no endpoint that may be called      */
    uint64_t           died;
    uint64_t           lost;        /* dead ones that made room            */
    uint64_t           dropped[DROPS];
};

/* NOT_FOUND, IO: it may come. */
onsite_status_t deliver_open(deliver_t *d);
/* All that is known of the state is forgotten. */
void deliver_close(deliver_t *d);
/* Another one is there by now, or none. */
bool deliver_is_lost(const deliver_t *d);
/* Deliveries wait, as no snapshot says what holds now: d->error tells it. */
bool deliver_is_blind(deliver_t *d);

/* Takes up what came. */
onsite_status_t deliver_read(deliver_t *d);

/* It has left, or is dropped: to be deleted. */
void deliver_gone(deliver_t *d, uint64_t seq);
onsite_status_t deliver_settle(deliver_t *d);

/* It stays, and is not tried any more; tried: it was once more just now. */
void deliver_bury(deliver_t *d, queue_t *queue, const job_t *job, bool tried,
    const char *why);

/* The note of one; empty where there is none. */
void deliver_note(deliver_t *d, uint64_t seq, retry_note_t *note);
bool deliver_keep_note(deliver_t *d, uint64_t seq, const retry_note_t *note);


/* Of a note: how long it is not to be tried. */
onsite_ms_t deliver_note_wait(const retry_note_t *note);

/* The note's reason of what has no endpoint that may be called. */
extern const char  deliver_refused[];


/* deliver_tell.c */

int deliver_dry_run(deliver_t *d, bool json);
/* What is given up goes, or waits again. */
int deliver_end_dead(const char *state, bool forget, bool json);
void deliver_tell_given_up(queue_t *queue, const char *who, const char *why);
/* How many more there were, where that is due; now: INT64_MAX for all. */
void deliver_tell_more(const deliver_t *d, onsite_ms_t now);
void deliver_report(const deliver_t *d, bool json);

/* When the oldest of a shard was made that is not given up; NOT_FOUND. */
onsite_status_t deliver_oldest(onsite_store_t *store, uint32_t shard,
    onsite_ms_t *time);

/* Adds how many of a shard are given up. */
onsite_status_t deliver_count_dead(onsite_store_t *store, uint32_t shard,
    uint64_t *n);

#endif
