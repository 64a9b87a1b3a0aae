/*
 * onsite_condition_program.h - compiled conditions: shared by their compiler,
 * evaluator, explainer and verifier, and no one else.
 *
 * A program is its nodes in preorder: a node's children follow it, and span
 * says how many nodes it takes with them.  Every node asks something of a
 * current value: at the top that is context->root, below SLOT and PATH what
 * was found there, below ELEMENT and EVERY an item.
 */

#ifndef ONSITE_CONDITION_PROGRAM_H
#define ONSITE_CONDITION_PROGRAM_H

#include "onsite_condition.h"
#include "onsite_limits.h"

typedef enum {
    /* with children */
    ONSITE_OP_ALL = 0,
    ONSITE_OP_ANY,
    ONSITE_OP_NOT,              /* of all its children                     */
    ONSITE_OP_SLOT,             /* of the value of as.slot                 */
    ONSITE_OP_PATH,             /* of the value at as.list below the
                                   current one                             */
    ONSITE_OP_SIZE,             /* of an array's length                    */
    ONSITE_OP_ELEMENT,          /* some item that is not null meets all    */
    ONSITE_OP_EVERY,            /* for each child some item                */

    /* leaves */
    ONSITE_OP_NEVER,
    ONSITE_OP_TEXT,             /* value + "" === as.text                  */
    ONSITE_OP_TEXT_LOWER,
    ONSITE_OP_NUMBER,           /* value * 1 === as.number                 */
    ONSITE_OP_TRUTH,            /* !!value, null neither                   */
    ONSITE_OP_NULL,
    ONSITE_OP_JSON,             /* same JSON text as the literal as.ref    */
    ONSITE_OP_EQUAL,            /* ===                                     */
    ONSITE_OP_LESS,
    ONSITE_OP_LESS_EQUAL,
    ONSITE_OP_GREATER,
    ONSITE_OP_GREATER_EQUAL,
    ONSITE_OP_EXISTS,
    ONSITE_OP_IN,               /* as.ref: onsite_list_t                   */
    ONSITE_OP_IN_LOWER,
    ONSITE_OP_REGEX,
    ONSITE_OP_TYPE,             /* node.type                               */
    ONSITE_OP_VERSION_EQUAL,    /* as.text: padded                         */
    ONSITE_OP_VERSION_LESS,
    ONSITE_OP_VERSION_LESS_EQUAL,
    ONSITE_OP_VERSION_GREATER,
    ONSITE_OP_VERSION_GREATER_EQUAL,
    ONSITE_OPS
} onsite_op_t;

#define ONSITE_OP_FIRST_LEAF  ONSITE_OP_NEVER

typedef struct {
    uint16_t  op;                       /* onsite_op_t                     */
    uint16_t  type;                     /* of the literal: onsite_type_t   */
    uint32_t  span;
    union {
        onsite_image_str_t  text;       /* STRING                          */
        double              number;     /* NUMBER, BOOL                    */
        uint64_t            truth;      /* TRUTH                           */
        uint32_t            slot;
        uint32_t            regex;
        onsite_ref_t        ref;
        struct {
            onsite_ref_t    ref;        /* onsite_image_str_t[n]           */
            uint32_t        n;
        } list;
    } as;
} onsite_node_t;

typedef struct {
    uint32_t       n_nodes;
    uint32_t       reserved;
    onsite_node_t  nodes[];
} onsite_program_t;

/* Scalars of $in; more than ONSITE_LIST_LINEAR have a hash table. */
#define ONSITE_LIST_LINEAR  8

typedef struct {
    onsite_ref_t  items;                /* onsite_image_value_t[n]         */
    uint32_t      n;
    onsite_ref_t  cells;                /* uint32_t[mask + 1]: item + 1    */
    uint32_t      mask;                 /* 2^k - 1; 0: no table            */
} onsite_list_t;

/* Nodes nest by a few for each level of a condition. */
#define ONSITE_PROGRAM_DEPTH_MAX  (6 * ONSITE_CONDITION_DEPTH_MAX)

/* A node of a program alone, asked of a value. */
onsite_truth_t onsite_condition_node(onsite_context_t *context,
    const onsite_node_t *node, const onsite_value_t *value);

static inline bool
condition_is_null(const onsite_value_t *value)
{
    return value->type == ONSITE_ABSENT || value->type == ONSITE_NULL;
}

/* onsite_condition_literal.c: of $in and $ini; JSON.stringify(value) ===
 * JSON.stringify(literal). */
bool condition_is_in(const onsite_image_t *image, const onsite_node_t *node,
    const onsite_value_t *value);
bool condition_same_json(const onsite_image_t *image,
    const onsite_value_t *value, const onsite_image_value_t *literal);

/* Of scalars, as === tells them apart. */
uint64_t onsite_scalar_hash(const onsite_value_t *value, bool lower);

/* GrowthBook's paddedVersionString of a string or number, in pieces; other
 * values are version "0". */
bool onsite_version_walk(const onsite_value_t *value,
    bool (*fn)(void *data, onsite_str_t piece), void *data);

/* A JavaScript regular expression in pcre2's syntax; INVALID, with the
 * reason, when either would refuse it. */
onsite_status_t onsite_regex_translate(onsite_str_t pattern, bool caseless,
    onsite_buf_t *out, onsite_error_t *error);

/* Whether pcre2 takes a translated pattern. */
onsite_status_t onsite_regex_check(onsite_str_t pattern, bool caseless,
    onsite_error_t *error);

onsite_truth_t onsite_regex_test(onsite_regexes_t *regexes, uint32_t regex,
    const onsite_value_t *value);

#endif
