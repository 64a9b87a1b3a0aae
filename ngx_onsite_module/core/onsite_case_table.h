/*
 * onsite_case_table.h - Unicode tables that packaging/case_table makes at
 * build.  Included by onsite_case.c and the tables only; all are ascending.
 */

#ifndef ONSITE_CASE_TABLE_H
#define ONSITE_CASE_TABLE_H

#include "onsite_types.h"

/* Every step-th code point goes to the one delta further on. */
typedef struct {
    uint32_t  first;
    uint32_t  last;
    int32_t   step;             /* 1 or 2                                  */
    int32_t   delta;
} onsite_case_range_t;

/* A code point that becomes several. */
typedef struct {
    uint32_t  c;
    uint32_t  len;
    char      to[7];            /* UTF-8                                   */
} onsite_case_special_t;

typedef struct {
    uint32_t  first;
    uint32_t  last;
} onsite_case_span_t;

extern const onsite_case_range_t    onsite_case_upper_ranges[];
extern const size_t                 onsite_case_n_upper_ranges;
extern const onsite_case_special_t  onsite_case_upper_specials[];
extern const size_t                 onsite_case_n_upper_specials;
extern const onsite_case_range_t    onsite_case_lower_ranges[];
extern const size_t                 onsite_case_n_lower_ranges;
extern const onsite_case_special_t  onsite_case_lower_specials[];
extern const size_t                 onsite_case_n_lower_specials;

/* What belongs to the character before it. */
extern const onsite_case_span_t     onsite_case_joined[];
extern const size_t                 onsite_case_n_joined;

/* Letters that have a case, and what is looked over beside a sigma. */
extern const onsite_case_span_t     onsite_case_cased[];
extern const size_t                 onsite_case_n_cased;
extern const onsite_case_span_t     onsite_case_ignored[];
extern const size_t                 onsite_case_n_ignored;

#endif
