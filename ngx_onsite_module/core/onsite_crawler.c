/*
 * onsite_crawler.c - one pass over a user agent.
 */

#include "onsite_crawler.h"

#include "onsite_crawler_table.h"

typedef struct {
    size_t  at[ONSITE_CRAWLER_MARKS];   /* where a mark was set first + 1;
                                           0: not yet                       */
} marks_t;


/* The next state of one that lists bytes; its number in *next. */

static bool
listed(uint32_t state, uint8_t byte, uint32_t *next)
{
    uint32_t  i, k = state - onsite_crawler_n_cells;

    for (i = onsite_crawler_first[k]; i < onsite_crawler_first[k + 1]; i++) {
        if (onsite_crawler_bytes[i] == byte) {
            *next = onsite_crawler_targets[i];
            return true;
        }
    }

    return false;
}


static bool
chained(uint32_t state, uint8_t byte, uint32_t *next)
{
    uint8_t  label;

    label = onsite_crawler_labels[state - onsite_crawler_n_cells
                                  - onsite_crawler_n_listed];

    if (byte == 0 || (label & 0x7f) != byte) {
        return false;
    }

    *next = label & 0x80 ? ONSITE_CRAWLER_MATCH : state + 1;

    return true;
}


static uint32_t
move(uint32_t state, uint8_t byte)
{
    bool      found;
    uint32_t  next;

    while (state >= onsite_crawler_n_cells) {
        found = state - onsite_crawler_n_cells < onsite_crawler_n_listed
                ? listed(state, byte, &next) : chained(state, byte, &next);

        if (found) {
            return next;
        }

        state = onsite_crawler_defaults[state - onsite_crawler_n_cells];
    }

    return onsite_crawler_rows[state + onsite_crawler_columns[byte]];
}


/* As far as the states have rows, which mean nothing: *state becomes the first
 * one without, behind the byte before p. */

static const uint8_t *
run(const uint8_t *p, const uint8_t *end, uint32_t *state)
{
    uint32_t         at = *state;
    const uint32_t   cells = onsite_crawler_n_cells;

    while (p < end && at < cells) {
        at = onsite_crawler_rows[at + onsite_crawler_columns[*p++]];
    }

    *state = at;

    return p;
}


/* 0: nothing. */

static uint8_t
meaning(uint32_t state)
{
    uint32_t  i;

    for (i = 0; i < onsite_crawler_n_meant; i++) {
        if (onsite_crawler_meant[i] == state) {
            return onsite_crawler_meanings[i];
        }
    }

    return 0;
}


/* Whether what a state means, n bytes into the text, is a match. */

static bool
means_match(uint32_t state, size_t n, bool ends, marks_t *marks)
{
    uint8_t   means = meaning(state);
    uint32_t  i;

    if (means <= ONSITE_CRAWLER_AT_END) {
        return means != 0 && ends;
    }

    i = (means - ONSITE_CRAWLER_MARK) / 2;

    if (means % 2 == ONSITE_CRAWLER_BEHIND % 2) {
        return marks->at[i] != 0
               && n - onsite_crawler_lengths[i] >= marks->at[i] - 1;
    }

    if (marks->at[i] == 0) {
        marks->at[i] = n + 1;
    }

    return false;
}


bool
onsite_crawler(onsite_str_t user_agent)
{
    size_t          n, len;
    marks_t         marks;
    uint32_t        state;
    const uint8_t  *p, *start, *end;

    len = user_agent.len < ONSITE_CRAWLER_BYTES_MAX
          ? user_agent.len : ONSITE_CRAWLER_BYTES_MAX;

    memset(&marks, 0, sizeof(marks));
    state = onsite_crawler_begin;
    start = (const uint8_t *) user_agent.data;
    end = start + len;

    for (p = start; p < end; /* void */) {

        if (state < onsite_crawler_n_cells) {
            p = run(p, end, &state);

        } else {
            state = move(state, *p++);
        }

        if (state < onsite_crawler_n_cells) {
            continue;
        }

        n = (size_t) (p - start);

        if (state == ONSITE_CRAWLER_MATCH
            || means_match(state, n, n == user_agent.len, &marks))
        {
            return true;
        }
    }

    return false;
}
