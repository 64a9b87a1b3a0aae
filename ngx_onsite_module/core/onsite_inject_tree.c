/*
 * onsite_inject_tree.c - tree construction, as far as it decides how a page's
 * bytes are read (WHATWG HTML, 13.2.6).
 *
 * Outside of templates, SVG and MathML no element need be followed: the text
 * modes that a start tag opens end by themselves.  Inside, the open elements
 * are followed exactly, or the scanner gives up.
 */

#include "onsite_inject_tree.h"

/* A name that is too long for a constant. */

#define IS(inject, text)                                                      \
    ((inject)->name_len == sizeof(text) - 1                                   \
     && (inject)->name == onsite_inject_name(ONSITE_STR(text)))


uint64_t
onsite_inject_name(onsite_str_t name)
{
    uint64_t  number = 0;
    uint32_t  i;

    for (i = 0; i < name.len; i++) {
        number = onsite_inject_name_add(number, i,
                                        (unsigned char) name.data[i]);
    }

    return number;
}


void
onsite_inject_give_up(onsite_inject_t *inject)
{
    inject->slot.open = false;
    inject->lost = true;
    inject->state = ONSITE_SCAN_COPY;
}


static bool
is_foreign(unsigned kind)
{
    return kind >= ONSITE_OPEN_SVG;
}


static bool
is_point(unsigned kind)
{
    return kind == ONSITE_OPEN_SVG_POINT || kind == ONSITE_OPEN_MATH_POINT;
}


static unsigned
top(const onsite_inject_t *inject)
{
    return inject->kinds[inject->depth - 1];
}


bool
onsite_inject_foreign(const onsite_inject_t *inject)
{
    return inject->depth != 0 && is_foreign(top(inject));
}


static void
push(onsite_inject_t *inject, onsite_open_t kind)
{
    if (inject->depth == ONSITE_INJECT_DEPTH) {
        onsite_inject_give_up(inject);
        return;
    }

    inject->kinds[inject->depth] = (uint8_t) kind;
    inject->names[inject->depth] = inject->name;
    inject->depth++;
}


static uint32_t
begins(const onsite_inject_t *inject)
{
    return onsite_inject_begins(inject->name_len > 8 ? inject->first_eight
                                                     : inject->name,
                                inject->name_len);
}


bool
onsite_inject_may_be_open(const onsite_inject_t *inject)
{
    switch (inject->name) {

    case N2('h', '1'):              /* each closes any of them             */
    case N2('h', '2'):
    case N2('h', '3'):
    case N2('h', '4'):
    case N2('h', '5'):
    case N2('h', '6'):
    case N2('t', 'r'):              /* opened without a tag                */
    case N5('t', 'b', 'o', 'd', 'y'):
        return true;

    default:
        return onsite_inject_saw(inject, begins(inject))
               || inject->name == COLGROUP;
    }
}


bool
onsite_inject_is_void(uint64_t name)
{
    switch (name) {

    case N4('a', 'r', 'e', 'a'):
    case N4('b', 'a', 's', 'e'):
    case N8('b', 'a', 's', 'e', 'f', 'o', 'n', 't'):
    case N7('b', 'g', 's', 'o', 'u', 'n', 'd'):
    case N2('b', 'r'):
    case N5('e', 'm', 'b', 'e', 'd'):
    case N2('h', 'r'):
    case N5('i', 'm', 'a', 'g', 'e'):
    case N3('i', 'm', 'g'):
    case INPUT:
    case KEYGEN:
    case N4('l', 'i', 'n', 'k'):
    case N4('m', 'e', 't', 'a'):
    case N5('p', 'a', 'r', 'a', 'm'):
    case N6('s', 'o', 'u', 'r', 'c', 'e'):
    case N5('t', 'r', 'a', 'c', 'k'):
    case N3('w', 'b', 'r'):
        return true;

    default:
        return false;
    }
}


/* Start tags that close SVG and MathML (13.2.6.5). */

static bool
breaks_out(const onsite_inject_t *inject)
{
    switch (inject->name) {

    case N1('b'): case N1('i'): case N1('p'): case N1('s'): case N1('u'):
    case N2('b', 'r'): case N2('d', 'd'): case N2('d', 'l'):
    case N2('d', 't'): case N2('e', 'm'): case N2('h', '1'):
    case N2('h', '2'): case N2('h', '3'): case N2('h', '4'):
    case N2('h', '5'): case N2('h', '6'): case N2('h', 'r'):
    case N2('l', 'i'): case N2('o', 'l'): case N2('t', 't'):
    case N2('u', 'l'): case N3('b', 'i', 'g'): case N3('d', 'i', 'v'):
    case N3('i', 'm', 'g'): case N3('p', 'r', 'e'): case N3('s', 'u', 'b'):
    case N3('s', 'u', 'p'): case N3('v', 'a', 'r'): case BODY:
    case N4('c', 'o', 'd', 'e'): case HEAD: case N4('m', 'e', 'n', 'u'):
    case N4('m', 'e', 't', 'a'): case N4('n', 'o', 'b', 'r'):
    case N4('r', 'u', 'b', 'y'): case N4('s', 'p', 'a', 'n'):
    case N5('e', 'm', 'b', 'e', 'd'): case N5('s', 'm', 'a', 'l', 'l'):
    case N5('t', 'a', 'b', 'l', 'e'): case N6('c', 'e', 'n', 't', 'e', 'r'):
    case N6('s', 't', 'r', 'i', 'k', 'e'):
    case N6('s', 't', 'r', 'o', 'n', 'g'):
    case N7('l', 'i', 's', 't', 'i', 'n', 'g'):
        return true;

    case FONT:
        return inject->font;

    default:
        return IS(inject, "blockquote");
    }
}


static void
pop_foreign(onsite_inject_t *inject)
{
    while (inject->depth != 0 && is_foreign(top(inject))
           && !is_point(top(inject)))
    {
        inject->depth--;
    }
}


static bool
opens_text(onsite_inject_t *inject)
{
    switch (inject->name) {

    case SCRIPT:
        inject->state = ONSITE_SCAN_SCRIPT;
        break;

    case TITLE:
    case TEXTAREA:
    case STYLE:
    case XMP:
    case IFRAME:
    case NOEMBED:
    case NOFRAMES:
    case NOSCRIPT:
        inject->state = ONSITE_SCAN_RAW;
        break;

    default:
        if (!IS(inject, "plaintext")) {
            return false;
        }

        onsite_inject_give_up(inject);
    }

    inject->text = inject->name;

    return true;
}


/* What browsers, old and new, do not read the same in a select. */

static void
check_select(onsite_inject_t *inject)
{
    switch (inject->name) {

    case SELECT:
    case INPUT:
    case KEYGEN:
    case TEXTAREA:
        inject->in_select = false;
        break;

    case SCRIPT:
        break;

    case SVG:
    case MATH:
    case TEMPLATE:
        onsite_inject_give_up(inject);
        break;

    default:
        if (inject->state != ONSITE_SCAN_DATA) {
            onsite_inject_give_up(inject);
        }
    }
}


/* HTML inside an integration point: followed element by element, as long as
 * every start tag has its end tag. */

static void
start_in_point(onsite_inject_t *inject)
{
    switch (inject->name) {

    case BODY:
    case HEAD:
    case HTML:
        return;

    case FORM:
    case FRAMESET:
    case SELECT:
    case N2('t', 'd'): case N2('t', 'h'): case N2('t', 'r'):
    case N3('c', 'o', 'l'): case N5('f', 'r', 'a', 'm', 'e'):
    case N5('t', 'a', 'b', 'l', 'e'): case N5('t', 'b', 'o', 'd', 'y'):
    case N5('t', 'f', 'o', 'o', 't'): case N5('t', 'h', 'e', 'a', 'd'):
    case N7('c', 'a', 'p', 't', 'i', 'o', 'n'):
    case COLGROUP:
        onsite_inject_give_up(inject);
        return;

    default:
        if (!onsite_inject_is_void(inject->name)) {
            push(inject, ONSITE_OPEN_HTML);
        }
    }
}


/* HTML outside of everything that is followed, or directly in a template. */

static void
start_plain(onsite_inject_t *inject)
{
    inject->in_select |= inject->name == SELECT;

    if (inject->depth != 0) {
        return;
    }

    if (inject->name == BODY) {
        inject->body_seen = true;

    } else if (inject->name == FRAMESET && !inject->body_seen) {
        onsite_inject_give_up(inject);
    }
}


static void
start_html(onsite_inject_t *inject)
{
    bool  in_select = inject->in_select;

    onsite_inject_see(inject, begins(inject));

    if (inject->n_slots != 0 && inject->depth == 0) {
        onsite_inject_slot_note(inject, inject->name, false);
    }

    if (opens_text(inject)) {
        /* it ends by itself */

    } else if (inject->name == TEMPLATE) {
        push(inject, ONSITE_OPEN_TEMPLATE);

    } else if (inject->name == SVG || inject->name == MATH) {
        if (!inject->self_closing) {
            push(inject, inject->name == SVG ? ONSITE_OPEN_SVG
                                             : ONSITE_OPEN_MATH);
        }

    } else if (inject->depth != 0 && top(inject) != ONSITE_OPEN_TEMPLATE) {
        start_in_point(inject);

    } else {
        start_plain(inject);
    }

    if (in_select) {
        check_select(inject);
    }
}


static void
start_svg(onsite_inject_t *inject)
{
    if (IS(inject, "foreignobject") || inject->name == TITLE
        || inject->name == N4('d', 'e', 's', 'c'))
    {
        push(inject, ONSITE_OPEN_SVG_POINT);

    } else {
        push(inject, ONSITE_OPEN_SVG);
    }
}


static void
start_math(onsite_inject_t *inject)
{
    switch (inject->name) {

    case N2('m', 'i'):
    case N2('m', 'o'):
    case N2('m', 'n'):
    case N2('m', 's'):
    case N5('m', 't', 'e', 'x', 't'):
        push(inject, ONSITE_OPEN_MATH_POINT);
        break;

    default:

        /* its encoding attribute decides, entities and all */

        if (IS(inject, "annotation-xml")) {
            onsite_inject_give_up(inject);
            break;
        }

        push(inject, ONSITE_OPEN_MATH);
    }
}


static void
start_foreign(onsite_inject_t *inject)
{
    if (inject->self_closing) {
        return;
    }

    if (top(inject) == ONSITE_OPEN_SVG || top(inject) == ONSITE_OPEN_SVG_POINT)
    {
        start_svg(inject);

    } else {
        start_math(inject);
    }
}


void
onsite_inject_start_tag(onsite_inject_t *inject)
{
    inject->state = ONSITE_SCAN_DATA;

    if (!onsite_inject_foreign(inject)
        || top(inject) == ONSITE_OPEN_SVG_POINT
        || (top(inject) == ONSITE_OPEN_MATH_POINT && inject->name != MGLYPH
            && !IS(inject, "malignmark")))
    {
        start_html(inject);

    } else if (breaks_out(inject)) {
        pop_foreign(inject);

        if (inject->slot.open && inject->depth == 0) {
            onsite_inject_slot_tag(inject);
        }

        start_html(inject);

    } else {
        start_foreign(inject);
    }
}


/* </template> closes the innermost one, whatever is open inside it. */

static void
end_template(onsite_inject_t *inject)
{
    unsigned  i;

    for (i = inject->depth; i-- > 0; /* void */) {
        if (inject->kinds[i] == ONSITE_OPEN_TEMPLATE) {
            inject->depth = i;
            inject->in_select = false;
            return;
        }
    }

    inject->stray = true;
}


static void
end_in_point(onsite_inject_t *inject)
{
    if (inject->names[inject->depth - 1] == inject->name) {
        inject->depth--;

    } else if (inject->name != BODY && inject->name != HTML
               && inject->name != N2('b', 'r'))
    {
        onsite_inject_give_up(inject);
    }
}


static void
end_foreign(onsite_inject_t *inject)
{
    unsigned  i;

    if (inject->name == N1('p') || inject->name == N2('b', 'r')) {
        pop_foreign(inject);

        if (inject->slot.open && inject->depth == 0) {
            onsite_inject_slot_tag(inject);
        }
        return;
    }

    for (i = inject->depth; i-- > 0; /* void */) {
        if (!is_foreign(inject->kinds[i])) {
            break;
        }

        if (inject->names[i] == inject->name) {
            inject->depth = i;
            return;
        }
    }

    if (inject->name == TEMPLATE) {
        end_template(inject);

    } else if (inject->name != BODY && inject->name != HTML
               && onsite_inject_may_be_open(inject))
    {
        onsite_inject_give_up(inject);
    }
}


void
onsite_inject_end_tag(onsite_inject_t *inject)
{
    inject->state = ONSITE_SCAN_DATA;

    if (inject->n_slots != 0 && inject->depth == 0) {
        onsite_inject_slot_note(inject, inject->name, true);
    }

    if (onsite_inject_foreign(inject)) {
        end_foreign(inject);

    } else if (inject->name == TEMPLATE) {
        end_template(inject);

    } else if (inject->depth != 0 && top(inject) == ONSITE_OPEN_HTML) {
        end_in_point(inject);

    } else if (inject->name == SELECT) {
        inject->in_select = false;
    }
}
