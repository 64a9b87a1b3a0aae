/*
 * state.h - a state directory for tests of what lies in the store besides
 * records.
 */

#ifndef ONSITE_UNIT_STATE_H
#define ONSITE_UNIT_STATE_H

#include "unit.h"
#include "onsite_limits.h"
#include "onsite_store.h"
#include "onsite_visitor_codec.h"

#include <dirent.h>
#include <unistd.h>

#define MB    (1024 * 1024)
#define NOW   ((onsite_ms_t) 1700000000000)

typedef struct {
    char                    dir[64];
    onsite_store_options_t  options;
    onsite_error_t          error;
    onsite_store_t         *store;
    onsite_txn_t           *txn;
} state_t;


static inline void
ignore_log(void *data, int level, const char *text)
{
    (void) data;
    (void) level;
    (void) text;
}


static inline void
open_state(state_t *s)
{
    if (onsite_store_open(&s->options, NOW, &s->store, &s->error)
        != ONSITE_OK)
    {
        print_error("%s\n", s->error.text);
        fail();
    }
}


static inline void
reopen_state(state_t *s)
{
    onsite_store_close(s->store);
    open_state(s);
}


static inline int
state_setup(void **data)
{
    state_t  *s = calloc(1, sizeof(state_t));

    (void) snprintf(s->dir, sizeof(s->dir), "%s/onsite-unit-XXXXXX",
                    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");

    if (mkdtemp(s->dir) == NULL) {
        return -1;
    }

    s->options = (onsite_store_options_t) {
        .path = s->dir, .size = 4 * MB, .shards = 1, .ttl = 90 * ONSITE_DAY,
        .max_readers = 8, .log = ignore_log
    };
    *data = s;

    return 0;
}


static inline int
state_teardown(void **data)
{
    DIR            *dir;
    char            path[512];
    state_t        *s = *data;
    struct dirent  *entry;

    onsite_store_close(s->store);
    dir = opendir(s->dir);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        (void) snprintf(path, sizeof(path), "%s/%s", s->dir, entry->d_name);
        (void) unlink(path);
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }

    (void) rmdir(s->dir);
    free(s);

    return 0;
}

#define state_test(f)                                                         \
    cmocka_unit_test_setup_teardown(f, state_setup, state_teardown)


static inline void
begin_in(state_t *s, uint32_t shard)
{
    assert_int_equal(onsite_txn_begin(s->store, shard, &s->txn, &s->error),
                     ONSITE_OK);
}


static inline void
renew(state_t *s)
{
    assert_int_equal(onsite_txn_renew(s->txn, &s->error), ONSITE_OK);
}


static inline void
commit(state_t *s)
{
    assert_int_equal(onsite_txn_commit(s->txn, &s->error), ONSITE_OK);
}


/* As random as a hash. */

static inline onsite_key_t
key_of(uint64_t n)
{
    size_t        i;
    uint64_t      h = (n + 1) * 0x9e3779b97f4a7c15u;
    onsite_key_t  key;

    for (i = 0; i < 2; i++) {
        h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9u;
        h ^= h >> 32;
        memcpy(key.bytes + 8 * i, &h, 8);
    }

    return key;
}


/* A visitor with a record of a usual size; wake: of its timer, or 0. */

static inline onsite_status_t
put_visitor(state_t *s, uint64_t n, onsite_ms_t seen, onsite_ms_t wake)
{
    size_t                   i, size;
    char                     record[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t             key = key_of(n);
    static onsite_visitor_t  v;

    onsite_visitor_init(&v);
    v.first_seen = seen;
    v.last_seen = seen;

    for (i = 0; i < 4; i++) {
        v.counters[i] = (onsite_counter_t) {
            ONSITE_STR("An event that has a name"), 1, 1
        };
    }

    v.n_counters = 4;
    v.wake = wake;
    size = onsite_visitor_encode(&v, record, sizeof(record));

    return onsite_txn_put(s->txn, &key, onsite_str(record, size), seen);
}

#endif
