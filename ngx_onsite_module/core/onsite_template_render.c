/*
 * onsite_template_render.c - rendering and verifying compiled templates.
 */

#include "onsite_coerce.h"
#include "onsite_template_program.h"

static const onsite_value_t  absent = { .type = ONSITE_ABSENT };

/* A section that is being rendered. */
typedef struct {
    const onsite_value_t  *item;
    const onsite_value_t  *list;        /* NULL: rendered once             */
    uint32_t               i;
} frame_t;

/* A literal that is not copied. */
typedef struct {
    size_t              at;             /* bytes rendered before it        */
    onsite_image_str_t  literal;
} mark_t;

#define MARKS  ((ONSITE_PIECES_MAX - 1) / 2)    /* others stand between    */

typedef struct {
    onsite_context_t                 *context;
    const onsite_template_program_t  *program;
    onsite_buf_t                     *out;
    mark_t                           *marks;        /* NULL: copy all      */
    unsigned                          n_marks;
    size_t                            marked;       /* bytes of them       */
    unsigned                          depth;
    frame_t                           frames[ONSITE_TEMPLATE_DEPTH];
} render_t;


static const onsite_value_t *
item_value(const render_t *r, const onsite_template_op_t *op)
{
    uint32_t                   i;
    const onsite_value_t      *value;
    const onsite_image_str_t  *keys;

    value = r->depth != 0 ? r->frames[r->depth - 1].item : NULL;
    keys = onsite_image_at(r->context->image, op->a);

    for (i = 0; i < op->b && value != NULL; i++) {
        value = onsite_value_get(value,
                                 onsite_image_str(r->context->image,
                                                  keys[i]));
    }

    return value != NULL ? value : &absent;
}


static const onsite_value_t *
source_value(const void *data, const onsite_template_op_t *op)
{
    const render_t  *r = data;

    return op->source == ONSITE_TEMPLATE_SLOT
           ? onsite_attribute_slot(r->context, op->a) : item_value(r, op);
}


/* JavaScript's truth, but an empty list has nothing to show. */

static bool
is_truthy(const onsite_value_t *value)
{
    return value->type == ONSITE_ARRAY ? value->len != 0
                                       : onsite_is_true(value);
}


/* The index of the operation to go on with. */

static uint32_t
open_section(render_t *r, uint32_t pc, const onsite_template_op_t *op)
{
    bool                   not = op->code == ONSITE_TEMPLATE_OPEN_NOT;
    frame_t               *frame;
    const onsite_value_t  *value = source_value(r, op);

    if (is_truthy(value) == not) {
        return op->c + 1;
    }

    frame = &r->frames[r->depth];
    frame->list = NULL;
    frame->i = 0;

    if (not) {
        frame->item = r->depth != 0 ? r->frames[r->depth - 1].item : NULL;

    } else if (value->type == ONSITE_ARRAY) {
        frame->list = value;
        frame->item = value->as.items;

    } else {
        frame->item = value;
    }

    r->depth++;

    return pc + 1;
}


static uint32_t
close_section(render_t *r, uint32_t pc, const onsite_template_op_t *op)
{
    frame_t  *frame = &r->frames[r->depth - 1];

    if (frame->list != NULL && ++frame->i < frame->list->len
        && frame->i < ONSITE_TEMPLATE_REPEAT)
    {
        frame->item = &frame->list->as.items[frame->i];
        return op->c + 1;
    }

    r->depth--;

    return pc + 1;
}


static void
put_literal(render_t *r, const onsite_template_op_t *op)
{
    mark_t              *mark;
    onsite_image_str_t   literal = { op->a, op->b };

    if (r->marks == NULL || op->b < ONSITE_PIECE_MIN || r->n_marks == MARKS) {
        onsite_buf_str(r->out, onsite_image_str(r->context->image, literal));
        return;
    }

    mark = &r->marks[r->n_marks++];
    mark->at = r->out->len;
    mark->literal = literal;
    r->marked += op->b;
}


static void
put_value(render_t *r, const onsite_template_op_t *op)
{
    onsite_value_t         filtered;
    const onsite_value_t  *value = source_value(r, op);

    if (op->c != 0) {
        if (onsite_template_filter(r->context, op->c, source_value, r, value,
                                   &filtered)
            != ONSITE_OK)
        {
            r->out->failed = true;
            return;
        }

        value = &filtered;
    }

    onsite_template_escape(r->out, (onsite_escape_t) op->escape, value);
}


static uint32_t
run_op(render_t *r, uint32_t pc)
{
    const onsite_template_op_t  *op = &r->program->ops[pc];

    switch (op->code) {

    case ONSITE_TEMPLATE_LITERAL:
        put_literal(r, op);
        return pc + 1;

    case ONSITE_TEMPLATE_VALUE:
        put_value(r, op);
        return pc + 1;

    case ONSITE_TEMPLATE_CLOSE:
        return close_section(r, pc, op);

    default:
        return open_section(r, pc, op);
    }
}


static onsite_status_t
run(render_t *r, onsite_ref_t program)
{
    size_t    start = r->out->len;
    uint32_t  pc = 0, steps = 0;

    r->program = onsite_image_at(r->context->image, program);

    while (pc < r->program->n) {

        if (++steps > ONSITE_TEMPLATE_STEPS) {
            return ONSITE_LIMIT;
        }

        pc = run_op(r, pc);

        if (r->out->failed
            || r->out->len - start + r->marked > ONSITE_HTML_MAX)
        {
            return ONSITE_LIMIT;
        }
    }

    return ONSITE_OK;
}


onsite_status_t
onsite_template_render(onsite_context_t *context, onsite_ref_t program,
    onsite_buf_t *out)
{
    render_t  r = { .context = context, .out = out };

    return program != 0 ? run(&r, program) : ONSITE_OK;
}


static void
add_piece(onsite_piece_t *pieces, onsite_pieces_t *out, onsite_str_t bytes,
    bool stable)
{
    if (bytes.len != 0) {
        pieces[out->n].bytes = bytes;
        pieces[out->n++].stable = stable;
        out->len += bytes.len;
    }
}


/* One allocation holds the list and, behind it, what was rendered. */

static onsite_status_t
take_pieces(const render_t *r, onsite_pieces_t *out)
{
    char            *text;
    size_t           from = 0;
    unsigned         i;
    onsite_piece_t  *pieces;

    pieces = onsite_arena_alloc(r->context->arena,
                                (2 * r->n_marks + 1) * sizeof(*pieces)
                                + r->out->len);
    if (pieces == NULL) {
        return ONSITE_NO_MEMORY;
    }

    text = (char *) (pieces + 2 * r->n_marks + 1);

    if (r->out->len != 0) {
        memcpy(text, r->out->data, r->out->len);
    }

    for (i = 0; i < r->n_marks; i++) {
        add_piece(pieces, out, onsite_str(text + from,
                                          r->marks[i].at - from), false);
        add_piece(pieces, out, onsite_image_str(r->context->image,
                                                r->marks[i].literal), true);
        from = r->marks[i].at;
    }

    add_piece(pieces, out, onsite_str(text + from, r->out->len - from),
              false);
    out->pieces = pieces;

    return ONSITE_OK;
}


onsite_status_t
onsite_template_render_pieces(onsite_context_t *context, onsite_ref_t program,
    onsite_buf_t *scratch, onsite_pieces_t *out)
{
    mark_t           marks[MARKS];
    render_t         r = { .context = context, .out = scratch,
                           .marks = marks };
    onsite_status_t  status;

    *out = (onsite_pieces_t) { .n = 0 };

    if (program == 0) {
        return ONSITE_OK;
    }

    onsite_buf_clear(scratch);
    status = run(&r, program);

    return status == ONSITE_OK ? take_pieces(&r, out) : status;
}


bool
onsite_template_source_holds(const onsite_image_t *image,
    const onsite_template_op_t *op)
{
    uint32_t                   i;
    const onsite_image_str_t  *keys;

    if (op->source == ONSITE_TEMPLATE_SLOT) {
        return op->a < onsite_image_header(image)->n_slots;
    }

    if (op->source != ONSITE_TEMPLATE_ITEM
        || op->b > ONSITE_TEMPLATE_KEYS + 1
        || !onsite_image_holds(image, op->a, op->b,
                               sizeof(onsite_image_str_t), 8))
    {
        return false;
    }

    keys = onsite_image_at(image, op->a);

    for (i = 0; i < op->b; i++) {
        if (!onsite_image_holds_str(image, keys[i])) {
            return false;
        }
    }

    return true;
}


/* Sections nest properly when every CLOSE meets the OPEN on top. */

static bool
holds_section(const onsite_template_program_t *program, uint32_t i,
    uint32_t *open, unsigned *depth)
{
    const onsite_template_op_t  *op = &program->ops[i];

    if (op->code != ONSITE_TEMPLATE_CLOSE) {

        if (*depth == ONSITE_TEMPLATE_DEPTH || op->c <= i
            || op->c >= program->n
            || program->ops[op->c].code != ONSITE_TEMPLATE_CLOSE)
        {
            return false;
        }

        open[(*depth)++] = i;

        return true;
    }

    return *depth != 0 && op->c == open[--*depth]
           && program->ops[op->c].c == i;
}


static bool
holds_op(const onsite_image_t *image,
    const onsite_template_program_t *program, uint32_t i, uint32_t *open,
    unsigned *depth)
{
    onsite_image_str_t           literal;
    const onsite_template_op_t  *op = &program->ops[i];

    switch (op->code) {

    case ONSITE_TEMPLATE_LITERAL:
        literal = (onsite_image_str_t) { op->a, op->b };
        return onsite_image_holds_str(image, literal);

    case ONSITE_TEMPLATE_VALUE:
        return op->escape < ONSITE_ESCAPES
               && onsite_template_source_holds(image, op)
               && onsite_template_filters_hold(image, op->c);

    case ONSITE_TEMPLATE_OPEN:
    case ONSITE_TEMPLATE_OPEN_NOT:
        return onsite_template_source_holds(image, op)
               && holds_section(program, i, open, depth);

    case ONSITE_TEMPLATE_CLOSE:
        return holds_section(program, i, open, depth);

    default:
        return false;
    }
}


onsite_status_t
onsite_template_verify(const onsite_image_t *image, onsite_ref_t ref,
    onsite_error_t *error)
{
    uint32_t                          i, open[ONSITE_TEMPLATE_DEPTH];
    unsigned                          depth = 0;
    const onsite_template_program_t  *program;

    if (ref == 0) {
        return ONSITE_OK;
    }

    if (!onsite_image_holds(image, ref, 1, sizeof(*program), 8)) {
        return onsite_error(error, ONSITE_CORRUPT,
                            "a template points out of the image");
    }

    program = onsite_image_at(image, ref);

    if (program->n > ONSITE_TEMPLATE_OPS
        || !onsite_image_holds(image, ref + (uint32_t) sizeof(*program),
                               program->n, sizeof(program->ops[0]), 8))
    {
        return onsite_error(error, ONSITE_CORRUPT,
                            "a template of %u operations points out of the"
                            " image", program->n);
    }

    for (i = 0; i < program->n; i++) {
        if (!holds_op(image, program, i, open, &depth)) {
            return onsite_error(error, ONSITE_CORRUPT, "operation %u of a"
                                " template is none", i);
        }
    }

    if (depth != 0) {
        return onsite_error(error, ONSITE_CORRUPT, "a template's section"
                            " does not close");
    }

    return ONSITE_OK;
}


/* The event's properties that something reads, added to keys. */

typedef struct {
    const onsite_image_t  *image;
    onsite_str_t          *keys;
    size_t                 n;
    size_t                 max;
} keys_t;


static void
add_source(keys_t *keys, const onsite_template_op_t *op)
{
    if (op->source == ONSITE_TEMPLATE_SLOT && keys->n < keys->max) {
        keys->n = onsite_attribute_property(keys->image, op->a, keys->keys,
                                            keys->n, keys->max);
    }
}


static void
add_filters(keys_t *keys, onsite_ref_t ref)
{
    uint32_t                          i, k;
    onsite_template_op_t              source;
    const onsite_template_arg_t      *arg;
    const onsite_template_filters_t  *filters;

    filters = onsite_image_at(keys->image, ref);

    for (i = 0; i < filters->n; i++) {
        for (k = 0; k < ONSITE_TEMPLATE_ARGS; k++) {
            arg = &filters->filters[i].args[k];

            if (arg->kind == ONSITE_TEMPLATE_ARG_PATH) {
                source = onsite_template_arg_source(arg);
                add_source(keys, &source);
            }
        }
    }
}


size_t
onsite_template_properties(const onsite_image_t *image, onsite_ref_t ref,
    onsite_str_t *keys, size_t max)
{
    keys_t                            found = { image, keys, 0, max };
    uint32_t                          i;
    const onsite_template_op_t       *op;
    const onsite_template_program_t  *program;

    if (ref == 0) {
        return 0;
    }

    program = onsite_image_at(image, ref);

    for (i = 0; i < program->n; i++) {
        op = &program->ops[i];

        if (op->code == ONSITE_TEMPLATE_LITERAL
            || op->code == ONSITE_TEMPLATE_CLOSE)
        {
            continue;
        }

        add_source(&found, op);

        if (op->code == ONSITE_TEMPLATE_VALUE && op->c != 0) {
            add_filters(&found, op->c);
        }
    }

    return found.n;
}
