/*
 * onsite_template_program.h - a compiled template as the image holds it.
 * Included by onsite_template*.c only.
 *
 * A flat list of operations behind a header of 8 bytes.  A section is an
 * OPEN and a CLOSE that know each other's index.
 */

#ifndef ONSITE_TEMPLATE_PROGRAM_H
#define ONSITE_TEMPLATE_PROGRAM_H

#include "onsite_limits.h"
#include "onsite_template.h"

#define ONSITE_TEMPLATE_DEPTH      4    /* sections inside one another     */
#define ONSITE_TEMPLATE_REPEAT    64    /* items of a list                 */
#define ONSITE_TEMPLATE_STEPS  65536    /* operations of one rendering     */
#define ONSITE_TEMPLATE_KEYS       8    /* of a path, below its root       */
#define ONSITE_TEMPLATE_OPS    16384    /* of one template                 */
#define ONSITE_TEMPLATE_FILTERS    8    /* of one placeholder              */
#define ONSITE_TEMPLATE_ARGS       2    /* of a filter                     */
#define ONSITE_TEMPLATE_TEXT    1024    /* bytes of a filter's text        */
#define ONSITE_TEMPLATE_CUT    10000    /* characters that truncate keeps  */

typedef enum {
    ONSITE_TEMPLATE_LITERAL = 0,    /* a, b: reference and length          */
    ONSITE_TEMPLATE_VALUE,          /* of a source, escaped                */
    ONSITE_TEMPLATE_OPEN,           /* c: index of CLOSE                   */
    ONSITE_TEMPLATE_OPEN_NOT,
    ONSITE_TEMPLATE_CLOSE,          /* c: index of OPEN                    */
    ONSITE_TEMPLATE_CODES
} onsite_template_code_t;

/* Where a value comes from. */
typedef enum {
    ONSITE_TEMPLATE_SLOT = 0,       /* a: slot of the image                */
    ONSITE_TEMPLATE_ITEM            /* a, b: onsite_image_str_t[b] keys
                                       below the item of the section       */
} onsite_template_source_t;

typedef struct {
    uint8_t   code;                 /* onsite_template_code_t              */
    uint8_t   source;               /* onsite_template_source_t            */
    uint8_t   escape;               /* onsite_escape_t                     */
    uint8_t   reserved;
    uint32_t  a;
    uint32_t  b;
    uint32_t  c;                        /* of VALUE: its filters, a reference;
                                           0: none                         */
} onsite_template_op_t;

typedef struct {
    uint32_t              n;
    uint32_t              reserved;
    onsite_template_op_t  ops[];
} onsite_template_program_t;

/* What is done with a value before it is escaped. */
typedef enum {
    ONSITE_TEMPLATE_DEFAULT = 0,        /* text or path                    */
    ONSITE_TEMPLATE_TRUNCATE,           /* number                          */
    ONSITE_TEMPLATE_UPPER,
    ONSITE_TEMPLATE_LOWER,
    ONSITE_TEMPLATE_PRICE,              /* currency: text, path or none; the
                                           locale's index, or path         */
    ONSITE_TEMPLATE_FILTER_CODES
} onsite_template_filter_code_t;

typedef enum {
    ONSITE_TEMPLATE_ARG_NONE = 0,
    ONSITE_TEMPLATE_ARG_TEXT,           /* a, b: reference and length      */
    ONSITE_TEMPLATE_ARG_NUMBER,         /* a                               */
    ONSITE_TEMPLATE_ARG_PATH            /* source, a, b: as an operation's */
} onsite_template_arg_kind_t;

typedef struct {
    uint16_t  kind;                     /* onsite_template_arg_kind_t      */
    uint16_t  source;
    uint32_t  a;
    uint32_t  b;
} onsite_template_arg_t;

typedef struct {
    uint32_t               code;        /* onsite_template_filter_code_t   */
    onsite_template_arg_t  args[ONSITE_TEMPLATE_ARGS];
    uint32_t               reserved;
} onsite_template_filter_t;

typedef struct {
    uint32_t                  n;
    uint32_t                  reserved;
    onsite_template_filter_t  filters[];
} onsite_template_filters_t;


/* The value behind a path in a rendering that is under way. */
typedef const onsite_value_t *(*onsite_template_lookup_pt)(const void *render,
    const onsite_template_op_t *source);

/* Applies filters; what they make lies in context's arena.  NO_MEMORY: it is
 * exhausted. */
onsite_status_t onsite_template_filter(onsite_context_t *context,
    onsite_ref_t filters, onsite_template_lookup_pt lookup,
    const void *render, const onsite_value_t *value, onsite_value_t *out);

bool onsite_template_filters_hold(const onsite_image_t *image,
    onsite_ref_t filters);

/* Whether a source points into the image. */
bool onsite_template_source_holds(const onsite_image_t *image,
    const onsite_template_op_t *op);

/* The operation that reads what an argument reads. */
static inline onsite_template_op_t
onsite_template_arg_source(const onsite_template_arg_t *arg)
{
    return (onsite_template_op_t) { .source = (uint8_t) arg->source,
                                    .a = arg->a, .b = arg->b };
}


/* Escaping; see onsite_template_escape.c. */
void onsite_template_escape(onsite_buf_t *out, onsite_escape_t escape,
    const onsite_value_t *value);


/* A program in the making: what compiling HTML and data share. */

typedef struct {
    onsite_builder_t        *b;
    onsite_template_site_t   site;
    uint32_t                 roots;
    onsite_error_t          *error;
    bool                     passed;        /* errors over, which were told*/

    onsite_str_t             text;  /* the template, or one string of data */
    const char              *path;  /* of that string in data; NULL: HTML  */
    size_t                   pos;

    onsite_template_op_t    *ops;
    uint32_t                 n;
    uint32_t                 capacity;
    unsigned                 depth;
    uint32_t                 open[ONSITE_TEMPLATE_DEPTH];
    onsite_str_t             name[ONSITE_TEMPLATE_DEPTH];
} onsite_template_maker_t;

typedef enum {
    ONSITE_TEMPLATE_TAG_VALUE = 0,
    ONSITE_TEMPLATE_TAG_OPEN,
    ONSITE_TEMPLATE_TAG_OPEN_NOT,
    ONSITE_TEMPLATE_TAG_CLOSE,
    ONSITE_TEMPLATE_TAG_COMMENT
} onsite_template_tag_kind_t;

/* An argument as it is written: text has its quotes and escapes. */
typedef struct {
    onsite_template_arg_kind_t  kind;
    onsite_str_t                text;
    size_t                      at;
} onsite_template_word_t;

typedef struct {
    onsite_template_filter_code_t  code;
    size_t                         at;
    unsigned                       n;
    onsite_template_word_t         args[ONSITE_TEMPLATE_ARGS];
} onsite_template_call_t;

typedef struct {
    onsite_template_tag_kind_t  kind;
    onsite_str_t                path;
    size_t                      at;         /* of the braces               */
    size_t                      end;        /* behind them                 */
    unsigned                    n_calls;
    onsite_template_call_t      calls[ONSITE_TEMPLATE_FILTERS];
} onsite_template_tag_t;

/* An error at an offset of maker->text: "3:14: …". */
onsite_status_t onsite_template_error(onsite_template_maker_t *maker,
    size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Tells of an error that compiling can go on behind: then OK. */
onsite_status_t onsite_template_pass(onsite_template_maker_t *maker,
    onsite_status_t status);

/* A section that is wrong is open all the same, for what closes it. */
onsite_status_t onsite_template_pass_open(onsite_template_maker_t *maker,
    const onsite_template_tag_t *tag, onsite_status_t status);

/* A tag that could not be read, if its end is beyond doubt: tag->end. */
onsite_status_t onsite_template_pass_tag(onsite_template_maker_t *maker,
    onsite_template_tag_t *tag, onsite_status_t status);

/* Reads the tag whose braces are at pos: its path and filters as they are
 * written, with as many arguments of such kinds as each filter takes. */
onsite_status_t onsite_template_read_tag(onsite_template_maker_t *maker,
    onsite_template_tag_t *tag);

/* The value of a path, as the source of op; at: where it is written. */
onsite_status_t onsite_template_read_source(onsite_template_maker_t *maker,
    onsite_str_t path, size_t at, onsite_template_op_t *op);

/* A tag's filters into the image. */
onsite_status_t onsite_template_add_filters(onsite_template_maker_t *maker,
    const onsite_template_tag_t *tag, onsite_ref_t *filters);

onsite_status_t onsite_template_add_literal(onsite_template_maker_t *maker,
    onsite_str_t text);
onsite_status_t onsite_template_add_tag(onsite_template_maker_t *maker,
    const onsite_template_tag_t *tag, onsite_escape_t escape);

/* Every section of text was closed. */
onsite_status_t onsite_template_closed(onsite_template_maker_t *maker);

/* Writes the program into the image and frees the maker's memory. */
onsite_status_t onsite_template_finish(onsite_template_maker_t *maker,
    onsite_status_t status, onsite_ref_t *program, uint32_t *roots);

#endif
