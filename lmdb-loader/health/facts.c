/*
 * facts.c - how a POP is: the state, and what is kept beside it.
 */

#include "facts.h"

#include "deliver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Free pages are counted for it, which takes the longer the more there are. */
#define EXAMINE_MS  (5 * ONSITE_SECOND)


static void
say_why(facts_state_t *state, const onsite_error_t *error)
{
    (void) snprintf(state->why, sizeof(state->why), "%.*s", FACTS_WHY - 1,
                    error->text);
}


static bool
open_store(facts_source_t *source, facts_state_t *state)
{
    onsite_error_t   error = { "" };
    onsite_status_t  status;

    if (source->store != NULL) {
        return true;
    }

    source->examined = 0;

    if (source->change) {
        status = loader_open_changing(source->state, &source->store, &error);

    } else {
        status = onsite_store_open(&(onsite_store_options_t) {
            .path = source->state, .read_only = true
        }, loader_now(), &source->store, &error);
    }

    if (status != ONSITE_OK) {
        source->store = NULL;
        say_why(state, &error);
    }

    return status == ONSITE_OK;
}


/* Each shard takes a change and commits it. */

static void
try_to_write(facts_source_t *source, facts_state_t *state)
{
    uint32_t         i;
    onsite_error_t   error;
    onsite_status_t  status = ONSITE_OK;

    for (i = 0; i < onsite_store_shards(source->store)
                && status == ONSITE_OK; i++)
    {
        status = onsite_store_probe(source->store, i, &error);
    }

    state->tried = true;
    state->writable = status == ONSITE_OK;

    if (status != ONSITE_OK) {
        state->open = status != ONSITE_NOT_FOUND;
        say_why(state, &error);
        facts_close(source);
    }
}


static void
earliest(onsite_ms_t *time, onsite_status_t status, onsite_ms_t found)
{
    if (status == ONSITE_OK && (*time == 0 || found < *time)) {
        *time = found;
    }
}


static void
examine(facts_source_t *source, facts_state_t *state)
{
    uint32_t         i;
    onsite_ms_t      time = 0;
    onsite_status_t  status;
    onsite_store_t  *store = source->store;

    source->cleared += onsite_store_check_readers(store);
    state->cleared = source->cleared;
    state->shards = onsite_store_shards(store);

    if (onsite_store_stat(store, &state->stat) != ONSITE_OK) {
        state->open = false;
        (void) snprintf(state->why, sizeof(state->why), "%.300s cannot be "
                        "examined", source->state);
        return;
    }

    for (i = 0; i < state->shards; i++) {
        status = onsite_store_outbox_oldest(store, i, true, &time, NULL);
        earliest(&state->oldest_event, status, time);
        status = deliver_oldest(store, i, &time);
        earliest(&state->oldest_delivery, status, time);
        (void) deliver_count_dead(store, i, &state->dead);
        status = onsite_store_timer_first(store, i, &time);
        earliest(&state->timer_due, status, time);
    }

    /* it goes on meanwhile */

    if (state->dead > state->stat.deliveries) {
        state->dead = state->stat.deliveries;
    }
}


static void
gather_state(facts_source_t *source, facts_state_t *state)
{
    bool  due;

    *state = (facts_state_t) { .open = false };

    if (open_store(source, state)) {
        due = source->examined == 0
              || sidecar_clock() - source->examined >= EXAMINE_MS;

        if (!due) {
            *state = source->before;
        }

        state->open = true;

        if (source->change) {
            try_to_write(source, state);
        }

        if (due && source->store != NULL) {
            examine(source, state);
            source->examined = sidecar_clock();
            source->before = *state;
        }
    }

    state->missing = access(source->state, F_OK) != 0 && errno == ENOENT;
    (void) snprintf(state->path, sizeof(state->path), "%s", source->state);
}


void
facts_gather(facts_source_t *source, facts_t *facts)
{
    facts->now = loader_now();
    facts->clock = sidecar_clock();
    facts->config = source->config;
    facts->n_syncs = 0;
    facts->n_findings = 0;
    facts->checkpoint = (facts_checkpoint_t) { .n = 0 };

    gather_state(source, &facts->state);
    facts_of_syncs(source, facts);
    facts_of_checkpoints(facts);
    facts_find(facts);
}


void
facts_close(facts_source_t *source)
{
    onsite_store_close(source->store);
    source->store = NULL;
    source->examined = 0;
}
