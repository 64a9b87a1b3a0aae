/*
 * onsite_condition.h - targeting conditions: MongoDB-style, with the
 * operators and semantics of GrowthBook's evalCondition (GrowthBook SDK
 * specification 0.8.0), compiled once and evaluated without allocating.
 */

#ifndef ONSITE_CONDITION_H
#define ONSITE_CONDITION_H

#include "onsite_image.h"
#include "onsite_attribute.h"

/* How attribute names in a condition are read. */
typedef enum {
    ONSITE_SCOPE_PLAIN = 0,     /* every path below ONSITE_ROOT_VALUE      */
    ONSITE_SCOPE_AUDIENCE,      /* first key names the root; an unknown root
                                   is a compile error                      */
    ONSITE_SCOPE_WHERE          /* as AUDIENCE where the first of several
                                   keys names a root, else below
                                   event.properties                        */
} onsite_scope_t;

typedef struct {
    onsite_scope_t         scope;
    uint32_t               zone;            /* for time.*                  */
    const onsite_value_t  *saved_groups;    /* object or NULL: GrowthBook's
                                               savedGroups, bare arrays and
                                               v2 entries                  */
    const char            *path;            /* of the condition, for errors:
                                               "audience"                  */
} onsite_condition_options_t;

/*
 * Compiles condition into b; *program is what eval takes.  *roots gets a bit
 * (1 << root) for every root it reads.
 *
 * INVALID, with the path inside the condition and what would be right, for:
 * an unknown operator, an operand of the wrong type, a regex that pcre2 does
 * not compile.  LIMIT: deeper than ONSITE_CONDITION_DEPTH_MAX.
 */
onsite_status_t onsite_condition_compile(onsite_builder_t *b,
    const onsite_value_t *condition,
    const onsite_condition_options_t *options, onsite_ref_t *program,
    uint32_t *roots, onsite_error_t *error);

typedef enum {
    ONSITE_FALSE = 0,
    ONSITE_TRUE,
    ONSITE_INCONCLUSIVE         /* a regex ran into its limits             */
} onsite_truth_t;

/* program 0 is true for everyone. */
onsite_truth_t onsite_condition_eval(onsite_context_t *context,
    onsite_ref_t program);

/*
 * Appends, of a condition that is not true, the first thing that it asks and
 * is answered otherwise:
 *     {"path":"cart.items","op":"$lt","operand":4,"value":5}
 * Without value: there is none.  With "not": it is asked for below a $not.
 * alternatives says how many of $or's there are beside it.  A long text is
 * cut, a long list or object told by its length alone.  Returns false, having
 * written nothing, for one that is true.
 */
bool onsite_condition_explain(onsite_context_t *context, onsite_ref_t program,
    onsite_buf_t *out);

onsite_status_t onsite_condition_verify(const onsite_image_t *image,
    onsite_ref_t program, onsite_error_t *error);

/*
 * The equalities that must hold for the whole condition to hold: its
 * top-level (and $and-ed) `path: literal`, {"$eq"}, {"$in"} of at most
 * ONSITE_EQUALITY_LITERALS literals.  Equal values have equal keys
 * (onsite_equality_key); the reverse need not hold.  Returns how many were
 * written, at most max.
 */
#define ONSITE_EQUALITY_LITERALS  16

typedef struct {
    uint32_t  slot;
    uint32_t  n_keys;
    uint64_t  keys[ONSITE_EQUALITY_LITERALS];
} onsite_equality_t;

size_t onsite_condition_equalities(onsite_builder_t *b, onsite_ref_t program,
    onsite_equality_t *out, size_t max);

/* The top-level event.properties.<key> that it reads, each once; returns how
 * many were written, at most max.  What must be kept of an event so that the
 * condition can be evaluated again without it. */
size_t onsite_condition_properties(const onsite_image_t *image,
    onsite_ref_t program, onsite_str_t *keys, size_t max);

/*
 * The key under which a value meets the literals it may equal, by
 * GrowthBook's loose equality (`value + "" === literal`,
 * `value * 1 === literal`).  An array has several: its own text, and each
 * element's (for $in).  Returns how many were written, at most max; 0 with
 * *any set when it cannot be said (then every literal must be tried).
 */
size_t onsite_equality_keys(const onsite_value_t *value, uint64_t *keys,
    size_t max, bool *any);


/* Compiled regexes of one image, one per worker and image: made at first
 * use, with pcre2's JIT where the machine has it. */
typedef struct onsite_regexes_s  onsite_regexes_t;

onsite_regexes_t *onsite_regexes_create(const onsite_image_t *image);
void onsite_regexes_destroy(onsite_regexes_t *regexes);

#endif
