/*
 * onsite_condition_compile.h - the parts of the conditions' compiler among
 * themselves.
 *
 *   onsite_condition_compile.c   objects of conditions: $and, $or, attributes
 *   onsite_condition_path.c      attributes' paths: roots and slots
 *   onsite_condition_operator.c  what a value is expected to be
 *   onsite_condition_group.c     saved groups
 *   onsite_condition_nodes.c     the nodes that they write
 */

#ifndef ONSITE_CONDITION_COMPILE_H
#define ONSITE_CONDITION_COMPILE_H

#include "onsite_condition_program.h"

#define ONSITE_CONDITION_PATH_BYTES  400

/* Saved groups that are being compiled, innermost first: against cycles. */
typedef struct visited_s  visited_t;

struct visited_s {
    const visited_t  *outer;
    onsite_str_t      id;
};

typedef struct {
    onsite_builder_t                  *b;
    const onsite_condition_options_t  *options;
    onsite_node_t                     *nodes;
    uint32_t                           n;
    uint32_t                           capacity;
    uint32_t                           roots;
    bool                               in_item;     /* of $elemMatch       */
    int                                depth;
    const visited_t                   *visited;
    onsite_error_t                    *error;
    char                               path[ONSITE_CONDITION_PATH_BYTES];
    size_t                             path_len;
} compiler_t;


/* onsite_condition_nodes.c */

/* INVALID, with the path inside the condition. */
onsite_status_t condition_refuse(compiler_t *c, const char *reason);

/* Lengthen the path; they return the length that it had. */
size_t condition_enter(compiler_t *c, onsite_str_t key);
size_t condition_enter_item(compiler_t *c, uint32_t i);

/* One level deeper, LIMIT when that is too deep; c->depth is the caller's to
 * take back. */
onsite_status_t condition_descend(compiler_t *c);

/* A node with children: those that are written until its end. */
uint32_t condition_begin(compiler_t *c, uint16_t op);
void condition_end(compiler_t *c, uint32_t node);

onsite_node_t *condition_leaf(compiler_t *c, uint16_t op, onsite_type_t type);
void condition_text_leaf(compiler_t *c, uint16_t op, onsite_str_t text);
void condition_lower_leaf(compiler_t *c, onsite_str_t expected);
onsite_status_t condition_scalar_leaf(compiler_t *c, uint16_t op,
    const onsite_value_t *operand);
void condition_list_leaf(compiler_t *c, uint16_t op,
    const onsite_value_t *array);


/* onsite_condition_path.c: the node whose children look at the value of a
 * path */

onsite_status_t condition_begin_path(compiler_t *c, onsite_str_t path,
    uint32_t *node);


/* onsite_condition_operator.c */

/* A literal, or an object of operators. */
onsite_status_t condition_expected(compiler_t *c,
    const onsite_value_t *expected, bool lower);

bool condition_is_operator(onsite_str_t name);


/* onsite_condition_group.c */

onsite_status_t condition_in_group(compiler_t *c, uint16_t op,
    const onsite_value_t *operand);
onsite_status_t condition_not_in_group(compiler_t *c, uint16_t op,
    const onsite_value_t *operand);
onsite_status_t condition_saved_group(compiler_t *c,
    const onsite_value_t *reference);


/* onsite_condition_compile.c: an object, at the top or within another */

onsite_status_t condition_nested(compiler_t *c,
    const onsite_value_t *condition);


static inline bool
condition_is_scalar(const onsite_value_t *value)
{
    return value->type != ONSITE_ARRAY && value->type != ONSITE_OBJECT;
}


/* Whether a later member has the same key: then that one counts. */

static inline bool
condition_is_overridden(const onsite_value_t *object, uint32_t i)
{
    return onsite_value_get(object, object->as.members[i].key)
           != &object->as.members[i].value;
}

#endif
