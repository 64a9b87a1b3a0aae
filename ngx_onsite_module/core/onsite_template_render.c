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

typedef struct {
    onsite_context_t                 *context;
    const onsite_template_program_t  *program;
    onsite_buf_t                     *out;
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
source_value(const render_t *r, const onsite_template_op_t *op)
{
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


static uint32_t
run_op(render_t *r, uint32_t pc)
{
    onsite_image_str_t           literal;
    const onsite_template_op_t  *op = &r->program->ops[pc];

    switch (op->code) {

    case ONSITE_TEMPLATE_LITERAL:
        literal = (onsite_image_str_t) { op->a, op->b };
        onsite_buf_str(r->out, onsite_image_str(r->context->image, literal));
        return pc + 1;

    case ONSITE_TEMPLATE_VALUE:
        onsite_template_escape(r->out, (onsite_escape_t) op->escape,
                               source_value(r, op));
        return pc + 1;

    case ONSITE_TEMPLATE_CLOSE:
        return close_section(r, pc, op);

    default:
        return open_section(r, pc, op);
    }
}


onsite_status_t
onsite_template_render(onsite_context_t *context, onsite_ref_t program,
    onsite_buf_t *out)
{
    size_t    start = out->len;
    uint32_t  pc = 0, steps = 0;
    render_t  r = { .context = context, .out = out };

    if (program == 0) {
        return ONSITE_OK;
    }

    r.program = onsite_image_at(context->image, program);

    while (pc < r.program->n) {

        if (++steps > ONSITE_TEMPLATE_STEPS) {
            return ONSITE_LIMIT;
        }

        pc = run_op(&r, pc);

        if (out->failed || out->len - start > ONSITE_HTML_MAX) {
            return ONSITE_LIMIT;
        }
    }

    return ONSITE_OK;
}


static bool
holds_source(const onsite_image_t *image, const onsite_template_op_t *op)
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
        return op->escape < ONSITE_ESCAPES && holds_source(image, op);

    case ONSITE_TEMPLATE_OPEN:
    case ONSITE_TEMPLATE_OPEN_NOT:
        return holds_source(image, op)
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


/* Whether an operation reads a slot. */

static bool
reads_slot(const onsite_template_op_t *op)
{
    return op->code != ONSITE_TEMPLATE_LITERAL
           && op->code != ONSITE_TEMPLATE_CLOSE
           && op->source == ONSITE_TEMPLATE_SLOT;
}


size_t
onsite_template_properties(const onsite_image_t *image, onsite_ref_t ref,
    onsite_str_t *keys, size_t max)
{
    size_t                            n = 0;
    uint32_t                          i;
    const onsite_template_program_t  *program;

    if (ref == 0) {
        return 0;
    }

    program = onsite_image_at(image, ref);

    for (i = 0; i < program->n && n < max; i++) {
        if (reads_slot(&program->ops[i])) {
            n = onsite_attribute_property(image, program->ops[i].a, keys, n,
                                          max);
        }
    }

    return n;
}
