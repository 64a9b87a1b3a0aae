/*
 * onsite_snapshot_seal.c - the checksum of a snapshot file.
 *
 * Four lanes over 64-bit words, in the manner of FNV-1a with a rotation, so
 * that a large file takes milliseconds.  Each step is a bijection of the lane
 * and of the word: any one changed word changes the result.  It finds damage,
 * not malice: what may be trusted is for signatures to say.
 */

#include "onsite_snapshot_private.h"

#include <unistd.h>

#define LANES        4
#define PRIME        0x9e3779b97f4a7c15ull
#define CHUNK_WORDS  4096

typedef struct {
    uint64_t  lanes[LANES];
    unsigned  next;
} sum_t;


static uint64_t
mix(uint64_t lane, uint64_t word)
{
    lane = (lane ^ word) * PRIME;

    return (lane << 29) | (lane >> 35);
}


static void
add_words(sum_t *sum, const uint64_t *words, size_t n)
{
    size_t  i;

    /* whole rounds first: pages are multiples of a round */

    for (i = 0; i + LANES <= n && sum->next == 0; i += LANES) {
        sum->lanes[0] = mix(sum->lanes[0], words[i]);
        sum->lanes[1] = mix(sum->lanes[1], words[i + 1]);
        sum->lanes[2] = mix(sum->lanes[2], words[i + 2]);
        sum->lanes[3] = mix(sum->lanes[3], words[i + 3]);
    }

    for ( /* void */ ; i < n; i++) {
        sum->lanes[sum->next] = mix(sum->lanes[sum->next], words[i]);
        sum->next = (sum->next + 1) % LANES;
    }
}


static onsite_status_t
add_range(sum_t *sum, int fd, uint64_t from, uint64_t to)
{
    size_t    part;
    uint64_t  words[CHUNK_WORDS];

    while (from < to) {
        part = to - from < sizeof(words) ? to - from : sizeof(words);

        if (pread(fd, words, part, (off_t) from) != (ssize_t) part) {
            return ONSITE_IO;
        }

        add_words(sum, words, part / sizeof(uint64_t));
        from += part;
    }

    return ONSITE_OK;
}


onsite_status_t
snapshot_checksum(int fd, const onsite_lmdb_facts_t *facts,
    uint64_t *checksum)
{
    sum_t            sum;
    size_t           i;
    onsite_status_t  status;

    sum = (sum_t) { .lanes = { 1, 2, 3, 4 } };

    status = add_range(&sum, fd, 0, (uint64_t) seal_offset(facts));

    if (status == ONSITE_OK) {
        status = add_range(&sum, fd, facts->page_size, facts->file_size);
    }

    *checksum = facts->file_size;

    for (i = 0; i < LANES; i++) {
        *checksum = mix(*checksum, sum.lanes[i]);
    }

    return status;
}
