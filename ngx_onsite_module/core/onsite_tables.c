/*
 * onsite_tables.c - keys of slow data, and values out of its records.
 */

#define OPENSSL_API_COMPAT  0x10101000L     /* why: see onsite_id.c */

#include "onsite_tables.h"
#include "onsite_cursor.h"
#include "onsite_image.h"
#include "onsite_limits.h"

#include <openssl/sha.h>

static const onsite_value_t  absent = { .type = ONSITE_ABSENT };


void
onsite_customer_hash(onsite_str_t site, onsite_str_t user_id, uint8_t out[16])
{
    uint8_t     digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX  ctx;

    (void) SHA256_Init(&ctx);
    (void) SHA256_Update(&ctx, "customer", sizeof("customer"));
    (void) SHA256_Update(&ctx, site.data, site.len);
    (void) SHA256_Update(&ctx, "", 1);
    (void) SHA256_Update(&ctx, user_id.data, user_id.len);
    (void) SHA256_Final(digest, &ctx);

    memcpy(out, digest, 16);
}


static bool take(onsite_arena_t *arena, onsite_reader_t *r, int depth,
    onsite_value_t *value);


static bool
take_array(onsite_arena_t *arena, onsite_reader_t *r, int depth,
    onsite_value_t *value)
{
    uint32_t         i, n;
    onsite_value_t  *items;

    n = onsite_read_array(r);
    items = onsite_arena_alloc(arena, ((size_t) n + 1) * sizeof(*items));

    if (items == NULL || r->bad) {
        return false;
    }

    for (i = 0; i < n; i++) {
        if (!take(arena, r, depth, &items[i])) {
            return false;
        }
    }

    *value = (onsite_value_t) { .type = ONSITE_ARRAY, .len = n,
                                .as.items = items };

    return true;
}


static bool
take_map(onsite_arena_t *arena, onsite_reader_t *r, int depth,
    onsite_value_t *value)
{
    uint32_t          i, n;
    onsite_member_t  *members;

    n = onsite_read_map(r);
    members = onsite_arena_alloc(arena, ((size_t) n + 1) * sizeof(*members));

    if (members == NULL || r->bad) {
        return false;
    }

    for (i = 0; i < n; i++) {
        members[i].key = onsite_read_str(r);

        if (!take(arena, r, depth, &members[i].value)) {
            return false;
        }
    }

    *value = (onsite_value_t) { .type = ONSITE_OBJECT, .len = n,
                                .as.members = members };

    return true;
}


/* One value of the JSON model; false: it is none, or arena is full. */

static bool
take(onsite_arena_t *arena, onsite_reader_t *r, int depth,
    onsite_value_t *value)
{
    bool  boolean = false;

    if (depth < 0) {
        return false;
    }

    switch (onsite_next(r)) {

    case ONSITE_NEXT_NIL:
        (void) onsite_read_nil(r);
        *value = (onsite_value_t) { .type = ONSITE_NULL };
        break;

    case ONSITE_NEXT_BOOL:
        (void) onsite_read_boolean(r, &boolean);
        *value = onsite_value_bool(boolean);
        break;

    case ONSITE_NEXT_NUMBER:
        *value = onsite_value_number(onsite_read_double(r));
        break;

    case ONSITE_NEXT_STRING:
        *value = onsite_value_string(onsite_read_str(r));
        break;

    case ONSITE_NEXT_ARRAY:
        return take_array(arena, r, depth - 1, value);

    case ONSITE_NEXT_MAP:
        return take_map(arena, r, depth - 1, value);

    case ONSITE_NEXT_OTHER:
        return false;
    }

    return !r->bad;
}


/* To the value of the last member with this key. */

static bool
find_member(onsite_reader_t *r, onsite_str_t key)
{
    uint32_t        n;
    const uint8_t  *found = NULL;

    for (n = onsite_read_map(r); n != 0 && !r->bad; n--) {
        if (onsite_str_eq(onsite_read_str(r), key)) {
            found = r->p;
        }

        (void) onsite_read_skip(r, 1);
    }

    if (found == NULL || r->bad) {
        return false;
    }

    r->p = found;

    return true;
}


static bool
find_item(onsite_reader_t *r, onsite_str_t key)
{
    uint32_t  n, index;

    n = onsite_read_array(r);

    if (!onsite_array_index(key, &index) || index >= n) {
        return false;
    }

    (void) onsite_read_skip(r, index);

    return !r->bad;
}


onsite_value_t
onsite_record_value(onsite_arena_t *arena, onsite_str_t record,
    const onsite_str_t *keys, size_t n_keys)
{
    size_t           i;
    bool             array;
    onsite_value_t   value;
    onsite_reader_t  r;

    r.p = (const uint8_t *) record.data;
    r.end = r.p + record.len;
    r.bad = false;

    for (i = 0; i < n_keys; i++) {
        array = onsite_next(&r) == ONSITE_NEXT_ARRAY;

        if (array && i + 1 == n_keys
            && onsite_str_eq(keys[i], ONSITE_STR("length")))
        {
            value = onsite_value_number(onsite_read_array(&r));
            return r.bad ? absent : value;
        }

        if (array ? !find_item(&r, keys[i])
                  : onsite_next(&r) != ONSITE_NEXT_MAP
                    || !find_member(&r, keys[i]))
        {
            return absent;
        }
    }

    return take(arena, &r, ONSITE_JSON_DEPTH_MAX, &value) ? value : absent;
}
