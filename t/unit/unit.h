/*
 * unit.h - what every unit test includes.
 */

#ifndef ONSITE_UNIT_H
#define ONSITE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "onsite_types.h"

#define assert_str(str, literal)                                              \
    do {                                                                      \
        onsite_str_t  s_ = (str);                                             \
        assert_int_equal(s_.len, sizeof(literal) - 1);                        \
        assert_memory_equal(s_.data, literal, sizeof(literal) - 1);           \
    } while (0)

/* The same numbers in every run: xorshift64 (Marsaglia). */

typedef struct {
    uint64_t  state;
} dice_t;

static inline uint32_t
roll(dice_t *dice, uint32_t below)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;

    return (uint32_t) (dice->state >> 32) % below;
}

/* Files of the shared data folder: NULL (the test skips) where it is absent.
 * The caller frees. */
static inline char *
read_data_file(const char *name, size_t *len)
{
    char    path[512], *data;
    long    size;
    FILE   *file;

    (void) snprintf(path, sizeof(path), "../shared/data/%s", name);

    file = fopen(path, "rb");
    if (file == NULL) {
        print_message("skipped: %s is absent\n", path);
        return NULL;
    }

    (void) fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);

    data = malloc((size_t) size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t) size, file), size);
    data[size] = '\0';
    (void) fclose(file);

    *len = (size_t) size;

    return data;
}

#endif
