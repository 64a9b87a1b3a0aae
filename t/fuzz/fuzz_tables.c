/*
 * fuzz_tables.c - any bytes as a record of slow data, asked for what is there
 * and for what is not.
 */

#include <stdlib.h>

#include "onsite_tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t           i, n;
    onsite_buf_t     out;
    onsite_str_t     record = onsite_str((const char *) data, size);
    onsite_value_t   value;
    onsite_arena_t  *arena = onsite_arena_create(4096, 1 << 20);

    static const onsite_str_t  keys[] = {
        ONSITE_STR("a"), ONSITE_STR("0"), ONSITE_STR("length")
    };

    if (arena == NULL) {
        abort();
    }

    onsite_buf_init(&out, 1 << 20);

    for (i = 0; i < 3; i++) {
        for (n = 0; n <= 3 - i; n++) {
            value = onsite_record_value(arena, record, keys + i, n);
            onsite_buf_clear(&out);
            onsite_value_write_json(&out, &value);
        }
    }

    onsite_buf_free(&out);
    onsite_arena_destroy(arena);

    return 0;
}
