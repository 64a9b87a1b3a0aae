/*
 * onsite_inject_balance.c - see onsite_inject_balance.h; the rules are WHATWG
 * HTML's, 13.2.6.4.7 and what is around it.
 */

#include "onsite_inject_balance.h"
#include "onsite_inject_slot.h"

/* More kinds than slots tell apart. */

enum {
    OPTIONAL = COMMENT + 1,     /* option, optgroup, rb, rt, rtc, rp       */
    FOREIGN                     /* in SVG and MathML                       */
};

/* What an end tag around it closes, too. */

#define IMPLIED                                                               \
    (BIT(PARAGRAPH) | BIT(ITEM) | BIT(TERM) | BIT(OPTIONAL))

/* What end tags and paragraphs outside are hidden by. */

#define WALL  (SCOPE | BIT(FOLLOWED) | BIT(FOREIGN))

#define RUBY  N4('r', 'u', 'b', 'y')
#define RB    N2('r', 'b')
#define RTC   N3('r', 't', 'c')


void
onsite_balance_init(onsite_balance_t *balance, onsite_str_t text)
{
    memset(balance, 0, sizeof(*balance));
    balance->text = text;
}


static void
push(onsite_balance_t *balance, uint64_t name, unsigned kind)
{
    if (balance->depth == ONSITE_BALANCE_DEPTH) {
        onsite_balance_refuse_tag(balance,
            "is nested too deep: elements nest at most 128"
            " deep");
        return;
    }

    balance->open[balance->depth++] = (onsite_balance_element_t) {
        .name = name, .at = balance->tag, .kind = (uint8_t) kind
    };
}


/* The innermost element of these kinds that no other of bars is around;
 * -1: none. */

static int
find(const onsite_balance_t *balance, unsigned kinds, unsigned bars)
{
    int  i;

    for (i = (int) balance->depth - 1; i >= 0; i--) {
        if (kinds & BIT(balance->open[i].kind)) {
            return i;
        }

        if (bars & BIT(balance->open[i].kind)) {
            break;
        }
    }

    return -1;
}


/* All behind i is of these kinds. */

static bool
only_above(const onsite_balance_t *balance, int i, unsigned kinds)
{
    unsigned  k;

    for (k = (unsigned) (i + 1); k < balance->depth; k++) {
        if (!(kinds & BIT(balance->open[k].kind))) {
            return false;
        }
    }

    return true;
}


/* Closes i and what may be left open in it. */

static void
close_implied(onsite_balance_t *balance, int i)
{
    if (i < 0) {
        return;
    }

    if (only_above(balance, i, IMPLIED)) {
        balance->depth = (unsigned) i;
    } else {
        onsite_balance_refuse_close(balance, (unsigned) i);
    }
}


static void
close_paragraph(onsite_balance_t *balance)
{
    close_implied(balance, find(balance, BIT(PARAGRAPH), WALL | BIT(BUTTON)));
}


/* An item before this one, unless a list or another block is in between. */

static void
start_item(onsite_balance_t *balance, uint64_t name, unsigned kind)
{
    int                              i;
    const onsite_balance_element_t  *e;

    for (i = (int) balance->depth - 1; i >= 0; i--) {
        e = &balance->open[i];

        if (e->kind == kind) {
            close_implied(balance, i);
            break;
        }

        if (e->kind != ORDINARY && e->kind != FORMATTING
            && e->kind != PARAGRAPH && e->kind != OPTIONAL && e->name != DIV
            && e->name != ADDRESS)
        {
            break;
        }
    }

    close_paragraph(balance);
    push(balance, name, kind);
}


/* Whether one of these ends where another begins right behind it. */

static bool
ends_before(const onsite_balance_t *balance, uint64_t name)
{
    const onsite_balance_element_t  *top, *around;

    if (balance->depth == 0) {
        return false;
    }

    top = &balance->open[balance->depth - 1];
    around = balance->depth > 1 ? top - 1 : NULL;

    if (top->kind != OPTIONAL) {
        return false;
    }

    if (name == OPTION || name == OPTGROUP) {
        return top->name == OPTION
               || (top->name == OPTGROUP && name == OPTGROUP
                   && around != NULL && around->kind == SELECT_);
    }

    return around != NULL && around->name == RUBY
           && (top->name != RTC || name == RTC || name == RB);
}


static void
start_optional(onsite_balance_t *balance, uint64_t name)
{
    while (ends_before(balance, name)) {
        balance->depth--;
    }

    push(balance, name, OPTIONAL);
}


/* Whether a part of a table stays open where one of this name begins. */

static bool
stays_around(const onsite_balance_element_t *e, uint64_t name)
{
    return e->kind == PART && e->name != CAPTION
           && (e->name != COLGROUP || name == COL)
           && onsite_inject_rank(e->name) < onsite_inject_rank(name);
}


static void
start_part(onsite_balance_t *balance, uint64_t name)
{
    int       table = find(balance, BIT(TABLE), BIT(FOLLOWED) | BIT(FOREIGN));
    unsigned  depth;

    if (table < 0) {
        onsite_balance_refuse_tag(balance,
            "stands in no table, and would change the one"
            " around the slot: put a whole <table> there");
        return;
    }

    if (!only_above(balance, table, IMPLIED | BIT(PART))) {
        onsite_balance_refuse_close(balance, (unsigned) table);
        return;
    }

    depth = (unsigned) table + 1;

    while (depth < balance->depth
           && stays_around(&balance->open[depth], name))
    {
        depth++;
    }

    balance->depth = depth;

    if (name != COL) {
        push(balance, name, PART);
    }
}


/* Elements that do not nest. */

static void
start_single(onsite_balance_t *balance, const onsite_inject_t *scan,
    unsigned kind, unsigned bars)
{
    int  i;

    for (i = (int) balance->depth - 1; i >= 0; i--) {
        if (balance->open[i].name == scan->name) {
            onsite_balance_refuse_close(balance, (unsigned) i);
            return;
        }

        if (bars & BIT(balance->open[i].kind)) {
            break;
        }
    }

    push(balance, scan->name, kind);
}


static void
start_text(onsite_balance_t *balance, uint64_t name)
{
    if (name == NOSCRIPT) {
        onsite_balance_refuse_tag(balance,
            "is read in one way with scripts, in another"
            " without: leave it out, a slot needs no script");

    } else if (name == XMP) {
        close_paragraph(balance);
    }
}


static void
start_block(onsite_balance_t *balance, const onsite_inject_t *scan,
    unsigned kind)
{
    close_paragraph(balance);

    if (kind == HEADING && balance->depth != 0
        && balance->open[balance->depth - 1].kind == HEADING)
    {
        onsite_balance_refuse_close(balance, balance->depth - 1);

    } else if (kind == FORM_) {
        start_single(balance, scan, kind, BIT(FOLLOWED));

    } else {
        push(balance, scan->name, kind);
    }
}


/* Whether a paragraph ends at a table depends on the page's doctype. */

static void
start_table(onsite_balance_t *balance, uint64_t name)
{
    int  i = find(balance, BIT(PARAGRAPH), WALL | BIT(BUTTON));

    if (i >= 0) {
        onsite_balance_refuse_close(balance, (unsigned) i);
    } else {
        push(balance, name, TABLE);
    }
}


static void
start_html(onsite_balance_t *balance, const onsite_inject_t *scan,
    unsigned kind)
{
    switch (kind) {

    case VOID:
        if (scan->name == HR) {
            close_paragraph(balance);
        }
        break;

    case TEXT:
        start_text(balance, scan->name);
        break;

    case ROOT:
        onsite_balance_refuse_tag(balance,
            "is the page's own: leave it out");
        break;

    case FORMATTING:
        if (scan->name == ANCHOR || scan->name == NOBR) {
            start_single(balance, scan, kind, WALL);
        } else {
            push(balance, scan->name, kind);
        }
        break;

    case PARAGRAPH:
    case BLOCK:
    case HEADING:
    case FORM_:
        start_block(balance, scan, kind);
        break;

    case ITEM:
    case TERM:
        start_item(balance, scan->name, kind);
        break;

    case TABLE:
        start_table(balance, scan->name);
        break;

    case PART:
        start_part(balance, scan->name);
        break;

    case BUTTON:
        start_single(balance, scan, kind, WALL);
        break;

    case OPTIONAL:
        start_optional(balance, scan->name);
        break;

    default:
        push(balance, scan->name, kind);
    }
}


/* Directly in a select or in a table: what else is there is dropped, or put in
 * front. */

static bool
fits(const onsite_balance_t *balance, uint64_t name, unsigned kind)
{
    int                              select;
    const onsite_balance_element_t  *top = &balance->open[balance->depth - 1];

    select = find(balance, BIT(SELECT_), ~BIT(OPTIONAL));

    if (select >= 0) {
        return name == OPTION || name == OPTGROUP || name == HR
               || name == SCRIPT;
    }

    if (top->kind == TABLE || (top->kind == PART && top->name != CAPTION
                               && onsite_inject_rank(top->name) != 3))
    {
        return kind == PART || name == SCRIPT || name == STYLE
               || name == TEMPLATE;
    }

    return true;
}


static unsigned
kind_of(const onsite_inject_t *scan)
{
    switch (scan->name) {

    case OPTION:
    case OPTGROUP:
    case RB:
    case RTC:
    case N2('r', 't'):
    case N2('r', 'p'):
        return OPTIONAL;

    case SVG:
    case MATH:
        return FOREIGN;

    default:
        return onsite_inject_kind(scan);
    }
}


/* The scanner knows which tags close SVG and MathML. */

static void
start_foreign(onsite_balance_t *balance, const onsite_inject_t *scan)
{
    if (scan->lost) {
        onsite_balance_refuse_tag(balance,
            "stands where only a browser could tell what is"
            " SVG, MathML and HTML: make it simpler");

    } else if (scan->depth != balance->scanned + !scan->self_closing
               || !onsite_inject_foreign(scan))
    {
        onsite_balance_refuse_tag(balance,
            "is none of SVG's or MathML's, and would end"
            " what it stands in: close that before");

    } else if (!scan->self_closing) {
        push(balance, scan->name, FOREIGN);
    }
}


static void
start_tag(onsite_balance_t *balance, const onsite_inject_t *scan)
{
    unsigned  kind = kind_of(scan);

    if (!balance->html) {
        start_foreign(balance, scan);

    } else if (scan->name == onsite_inject_name(ONSITE_STR("plaintext"))) {
        onsite_balance_refuse_tag(balance,
            "swallows the page behind it: use <pre>");

    } else if (balance->depth != 0 && !fits(balance, scan->name, kind)) {
        onsite_balance_refuse_tag(balance,
            "cannot stand directly in a table or a select:"
            " put it into a cell, or in front");

    } else if (kind != FOREIGN || !scan->self_closing) {
        start_html(balance, scan, kind);
    }
}


/* Kinds of elements that an end tag of a kind closes, if they are open in what
 * it is of. */

static unsigned
passes(unsigned kind)
{
    switch (kind) {

    case PARAGRAPH:
    case FORMATTING:
    case FOREIGN:
        return 0;

    case ORDINARY:
    case OPTIONAL:
    case SELECT_:
        return BIT(OPTIONAL);

    case TABLE:
    case PART:
    case FOLLOWED:
        return IMPLIED | BIT(PART);

    default:
        return IMPLIED;
    }
}


static void
end_tag(onsite_balance_t *balance, const onsite_inject_t *scan)
{
    unsigned                         i, kind = kind_of(scan);
    unsigned                         over;
    const onsite_balance_element_t  *e;

    if (balance->depth != 0
        && balance->open[balance->depth - 1].kind == FOREIGN)
    {
        kind = FOREIGN;
    }

    over = passes(kind);

    for (i = balance->depth; i-- > 0; /* void */) {
        e = &balance->open[i];

        if (e->name == scan->name && e->kind == kind) {
            balance->depth = i;
            return;
        }

        if (!(over & BIT(e->kind))) {
            break;
        }
    }

    onsite_balance_refuse_end(balance, scan);
}


static bool
in_tag(unsigned state)
{
    return state >= ONSITE_SCAN_TAG_NAME && state <= ONSITE_SCAN_SLASH
           && state != ONSITE_SCAN_VALUE_DOUBLE
           && state != ONSITE_SCAN_VALUE_SINGLE;
}


/* Integration points have HTML inside. */

static bool
reads_html(const onsite_inject_t *scan)
{
    unsigned  top;

    if (!onsite_inject_foreign(scan)) {
        return true;
    }

    top = scan->kinds[scan->depth - 1];

    return top == ONSITE_OPEN_SVG_POINT
           || (top == ONSITE_OPEN_MATH_POINT && scan->name != MGLYPH
               && scan->name
                  != onsite_inject_name(ONSITE_STR("malignmark")));
}


void
onsite_balance_before(onsite_balance_t *balance, const onsite_inject_t *scan,
    size_t offset)
{
    balance->state = scan->state;
    balance->scanned = scan->depth;
    balance->html = reads_html(scan);
    balance->text_ends = scan->raw_end;

    if (scan->state == ONSITE_SCAN_DATA && balance->text.data[offset] == '<') {
        balance->tag = offset;
    }
}


void
onsite_balance_after(onsite_balance_t *balance, const onsite_inject_t *scan,
    size_t offset)
{
    if (balance->refused || !in_tag(balance->state)
        || balance->text.data[offset] != '>' || balance->text_ends)
    {
        return;
    }

    if (scan->end_tag) {
        end_tag(balance, scan);
    } else {
        start_tag(balance, scan);
    }
}


bool
onsite_balance_same(const onsite_balance_t *a, const onsite_balance_t *b)
{
    unsigned  i;

    for (i = 0; i < a->depth && i < b->depth; i++) {
        if (a->open[i].name != b->open[i].name
            || a->open[i].kind != b->open[i].kind)
        {
            return false;
        }
    }

    return a->depth == b->depth;
}
