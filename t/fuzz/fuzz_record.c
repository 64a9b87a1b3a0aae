/*
 * fuzz_record.c - any bytes as a visitor record; what is read must come back
 * the same after another round.
 */

#include <stdio.h>
#include <stdlib.h>

#include "onsite_visitor_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}


static void
check_round(onsite_arena_t *arena, const onsite_visitor_t *v)
{
    size_t                n, m;
    uint8_t               first[ONSITE_RECORD_BYTES_MAX];
    uint8_t               second[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t          link;
    onsite_visitor_t      again;
    onsite_record_kind_t  kind;

    n = onsite_visitor_encode(v, first, sizeof(first));
    must(n != 0);
    must(onsite_visitor_decode(arena, first, n, &kind, &again, &link)
         == ONSITE_OK);
    must(kind == ONSITE_RECORD_VISITOR);

    m = onsite_visitor_encode(&again, second, sizeof(second));
    must(m == n && memcmp(first, second, n) == 0);
}


/* What a link carries lies within its bytes. */

static void
check_carried(const uint8_t *data, size_t size)
{
    onsite_str_t  carried = onsite_link_carried(data, size);

    must(carried.len == 0
         || ((const uint8_t *) carried.data >= data
             && (const uint8_t *) carried.data + carried.len
                <= data + size));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool                  session_only;
    onsite_key_t          link;
    onsite_arena_t       *arena;
    onsite_visitor_t      v;
    onsite_record_kind_t  kind;

    (void) onsite_record_last_seen(data, size, &session_only);
    check_carried(data, size);

    arena = onsite_arena_create(4096, 1 << 20);
    if (arena == NULL) {
        return 0;
    }

    if (onsite_visitor_decode(arena, data, size, &kind, &v, &link)
        == ONSITE_OK
        && kind == ONSITE_RECORD_VISITOR)
    {
        (void) onsite_visitor_status(&v);
        (void) onsite_visitor_cart_value(&v);
        check_round(arena, &v);
    }

    onsite_arena_destroy(arena);

    return 0;
}
