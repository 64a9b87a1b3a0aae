/*
 * roam_wish.c - when the bucket is asked again for visitors of whom it had
 * nothing.
 *
 * A key has its place in one of many small rows; where that is full of others
 * it is not asked again.  What nobody came back to for long is let go of: its
 * state was wiped, or the visitor erased.
 */

#include "roam_wish.h"

#include "onsite_limits.h"

#include <stdlib.h>
#include <string.h>

#define ROWS   4096
#define PLACES 16                   /* of a row                            */
#define STALE  ONSITE_MINUTE

typedef struct {
    onsite_key_t  key;
    onsite_ms_t   due;
    unsigned      asked;            /* times; 0: the place is free         */
} wish_t;

struct roam_wishes_s {
    onsite_ms_t   every;
    bool          once;
    wish_t        rows[ROWS][PLACES];
};

/* times every, one behind the other: 1, 2, 5, 15 and 30 from the first on */
static const unsigned  pauses[] = { 1, 1, 3, 10, 15 };

#define PAUSES  (sizeof(pauses) / sizeof(pauses[0]))


roam_wishes_t *
roam_wishes_create(onsite_ms_t every, bool once)
{
    roam_wishes_t  *wishes = calloc(1, sizeof(roam_wishes_t));

    if (wishes != NULL) {
        wishes->every = once && every > ONSITE_SECOND ? ONSITE_SECOND : every;
        wishes->once = once;
    }

    return wishes;
}


void
roam_wishes_destroy(roam_wishes_t *wishes)
{
    free(wishes);
}


static wish_t *
row_of(const roam_wishes_t *wishes, const onsite_key_t *key)
{
    uint32_t  hash;

    memcpy(&hash, key->bytes + sizeof(key->bytes) - sizeof(hash),
           sizeof(hash));

    return (wish_t *) wishes->rows[hash % ROWS];
}


static wish_t *
find(const roam_wishes_t *wishes, const onsite_key_t *key)
{
    int      i;
    wish_t  *row = row_of(wishes, key);

    for (i = 0; i < PLACES; i++) {
        if (row[i].asked != 0
            && memcmp(&row[i].key, key, sizeof(*key)) == 0)
        {
            return &row[i];
        }
    }

    return NULL;
}


static wish_t *
take_place(roam_wishes_t *wishes, const onsite_key_t *key, onsite_ms_t now)
{
    int      i;
    wish_t  *row = row_of(wishes, key);

    for (i = 0; i < PLACES; i++) {
        if (row[i].asked == 0 || row[i].due + STALE < now) {
            row[i] = (wish_t) { .key = *key };
            return &row[i];
        }
    }

    return NULL;
}


/* A clock that was set back makes nobody wait longer. */

bool
roam_wish_is_due(const roam_wishes_t *wishes, const onsite_key_t *key,
    onsite_ms_t now)
{
    const wish_t  *wish = find(wishes, key);

    return wish == NULL || now >= wish->due
           || wish->due - now > pauses[PAUSES - 1] * wishes->every;
}


bool
roam_wish_again(roam_wishes_t *wishes, const onsite_key_t *key,
    onsite_ms_t now)
{
    wish_t  *wish = find(wishes, key);

    if (wish == NULL) {
        wish = take_place(wishes, key, now);

        if (wish == NULL) {
            return false;
        }
    }

    if (wish->asked >= (wishes->once ? 1 : PAUSES)) {
        wish->asked = 0;
        return false;
    }

    wish->due = now + pauses[wish->asked] * wishes->every;
    wish->asked++;

    return true;
}


void
roam_wish_forget(roam_wishes_t *wishes, const onsite_key_t *key)
{
    wish_t  *wish = find(wishes, key);

    if (wish != NULL) {
        wish->asked = 0;
    }
}
