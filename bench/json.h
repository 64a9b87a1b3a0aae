/*
 * json.h - the candidates of bench/json.c.
 *
 * Each parses text into an onsite_value_t in arena, with strings copied, and
 * says whether it took it.
 */

#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#ifdef __cplusplus

#include <cstdint>
#include <cstring>

/* Core's headers are C11, which g++ does not read: the same types again. */

typedef struct onsite_arena_s   onsite_arena_t;
typedef struct onsite_value_s   onsite_value_t;
typedef struct onsite_member_s  onsite_member_t;

typedef struct {
    size_t       len;
    const char  *data;
} onsite_str_t;

enum onsite_type_t {
    ONSITE_ABSENT, ONSITE_NULL, ONSITE_BOOL, ONSITE_NUMBER, ONSITE_STRING,
    ONSITE_ARRAY, ONSITE_OBJECT
};

struct onsite_value_s {
    onsite_type_t  type;
    uint32_t       len;
    union {
        bool                    boolean;
        double                  number;
        const char             *string;
        const onsite_value_t   *items;
        const onsite_member_t  *members;
    } as;
};

struct onsite_member_s {
    onsite_str_t    key;
    onsite_value_t  value;
};

extern "C" {

void *onsite_arena_alloc(onsite_arena_t *arena, size_t size);

#else

#include "onsite_value.h"

#endif

bool parse_with_simdjson(void *state, onsite_arena_t *arena,
    onsite_str_t text, onsite_value_t *value);
void *create_simdjson(void);
bool parse_with_json_c(void *state, onsite_arena_t *arena, onsite_str_t text,
    onsite_value_t *value);
void *create_json_c(void);

#ifdef __cplusplus
}
#endif

#endif
