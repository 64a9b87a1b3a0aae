/*
 * onsite_inject_text.c - what is read without looking for tags (WHATWG HTML,
 * 13.2.5; states that only differ in parse errors are one): text modes,
 * comments and other markup.
 */

#include "onsite_inject_find.h"


static byte_t *
find(byte_t *p, byte_t *end, int c)
{
    byte_t  *found = memchr(p, c, (size_t) (end - p));

    return found != NULL ? found : end;
}


static void
begin_name(onsite_inject_t *inject)
{
    inject->name = 0;
    inject->name_len = 0;
}


static byte_t *
scan_markup_word(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    bool         cdata = inject->back == ONSITE_SCAN_CDATA;
    const char  *word = cdata ? "[CDATA[" : "doctype";

    while (p < end) {

        if ((cdata ? *p : *p | 0x20) != (unsigned char) word[inject->word]) {
            inject->state = ONSITE_SCAN_BOGUS;
            return p;
        }

        p++;

        if (++inject->word == 7) {
            inject->document |= !cdata;
            inject->state = inject->back;
            return p;
        }
    }

    return p;
}


static byte_t *
scan_markup_open(onsite_inject_t *inject, byte_t *p)
{
    inject->word = 0;

    if (*p == '-') {
        inject->state = ONSITE_SCAN_MARKUP_DASH;
        return p + 1;
    }

    if ((*p | 0x20) == 'd') {
        inject->state = ONSITE_SCAN_MARKUP_WORD;
        inject->back = ONSITE_SCAN_BOGUS;

    } else if (*p == '[' && onsite_inject_foreign(inject)) {
        inject->state = ONSITE_SCAN_MARKUP_WORD;
        inject->back = ONSITE_SCAN_CDATA;

    } else {
        inject->state = ONSITE_SCAN_BOGUS;
    }

    return p;
}


static byte_t *
scan_markup_dash(onsite_inject_t *inject, byte_t *p)
{
    if (*p != '-') {
        inject->state = ONSITE_SCAN_BOGUS;
        return p;
    }

    inject->state = ONSITE_SCAN_COMMENT_START;
    inject->value_of = 0;
    inject->value_len = 0;

    return p + 1;
}


static byte_t *
scan_bogus(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    p = find(p, end, '>');

    if (p < end) {
        inject->state = ONSITE_SCAN_DATA;
        p++;
    }

    return p;
}


/* What a byte in a comment leads to, but for the long stretches. */

static onsite_scan_t
comment_next(onsite_scan_t state, unsigned char c)
{
    if (c == '-') {
        return state == ONSITE_SCAN_COMMENT_START
               ? ONSITE_SCAN_COMMENT_START_DASH
               : state == ONSITE_SCAN_COMMENT
                 || state == ONSITE_SCAN_COMMENT_BANG
                 ? ONSITE_SCAN_COMMENT_DASH : ONSITE_SCAN_COMMENT_END;
    }

    if (c == '>' && state != ONSITE_SCAN_COMMENT
        && state != ONSITE_SCAN_COMMENT_DASH)
    {
        return ONSITE_SCAN_DATA;
    }

    if (c == '!' && state == ONSITE_SCAN_COMMENT_END) {
        return ONSITE_SCAN_COMMENT_BANG;
    }

    return ONSITE_SCAN_COMMENT;
}


static byte_t *
scan_comment(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    byte_t  *start = p;
    bool     read = inject->n_slots != 0 && inject->depth == 0;

    while (p < end && inject->state != ONSITE_SCAN_DATA) {

        if (inject->state == ONSITE_SCAN_COMMENT) {
            p = find(p, end, '-');

            if (p == end) {
                break;
            }
        }

        inject->state = comment_next(inject->state, *p++);
    }

    if (read) {
        onsite_inject_values_add(inject, start, (size_t) (p - start));

        if (inject->state == ONSITE_SCAN_DATA) {
            onsite_inject_slot_comment(inject, onsite_inject_at(inject, p));
        }
    }

    return p;
}


static byte_t *
scan_cdata(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    while (p < end) {

        if (inject->state == ONSITE_SCAN_CDATA) {
            p = find(p, end, ']');

            if (p < end) {
                inject->state = ONSITE_SCAN_CDATA_BRACKET;
                p++;
            }

        } else if (*p++ == ']') {
            inject->state = ONSITE_SCAN_CDATA_END;

        } else if (inject->state == ONSITE_SCAN_CDATA_END && p[-1] == '>') {
            inject->state = ONSITE_SCAN_DATA;
            return p;

        } else {
            inject->state = ONSITE_SCAN_CDATA;
        }
    }

    return p;
}


byte_t *
onsite_inject_scan_markup(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    switch (inject->state) {

    case ONSITE_SCAN_MARKUP:
        return scan_markup_open(inject, p);

    case ONSITE_SCAN_MARKUP_DASH:
        return scan_markup_dash(inject, p);

    case ONSITE_SCAN_MARKUP_WORD:
        return scan_markup_word(inject, p, end);

    case ONSITE_SCAN_BOGUS:
        return scan_bogus(inject, p, end);

    default:
        return inject->state <= ONSITE_SCAN_COMMENT_BANG
               ? scan_comment(inject, p, end) : scan_cdata(inject, p, end);
    }
}


/* Letters of a name that may be the one that counts; end: not complete. */

static byte_t *
scan_letters(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    while (p < end && (onsite_inject_classes[*p] & LETTER)) {
        inject->name = onsite_inject_name_add(inject->name,
                                              inject->name_len, *p++);
        inject->name_len++;
    }

    return p;
}


static byte_t *
scan_raw_name(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    p = scan_letters(inject, p, end);

    if (p == end) {
        return p;
    }

    if (inject->name == inject->text && (onsite_inject_classes[*p] & NAME_END))
    {
        inject->state = ONSITE_SCAN_BEFORE_NAME;
        inject->end_tag = true;
        inject->raw_end = true;

    } else {
        inject->state = inject->back;
    }

    return p;
}


static byte_t *
scan_raw(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    switch (inject->state) {

    case ONSITE_SCAN_RAW:
        p = onsite_inject_find_open(p, end, '/', '/');

        if (p < end) {
            inject->state = ONSITE_SCAN_RAW_OPEN;
            p++;
        }

        return p;

    case ONSITE_SCAN_RAW_OPEN:
        if (*p != '/') {
            inject->state = ONSITE_SCAN_RAW;
            return p;
        }

        begin_name(inject);
        inject->back = ONSITE_SCAN_RAW;
        inject->state = ONSITE_SCAN_RAW_NAME;

        return p + 1;

    default:
        return scan_raw_name(inject, p, end);
    }
}


static byte_t *
scan_script(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    if (inject->state == ONSITE_SCAN_SCRIPT) {
        p = onsite_inject_find_open(p, end, '/', '!');

        if (p < end) {
            inject->state = ONSITE_SCAN_SCRIPT_OPEN;
            p++;
        }

        return p;
    }

    if (inject->state == ONSITE_SCAN_SCRIPT_OPEN && *p == '/') {
        begin_name(inject);
        inject->back = ONSITE_SCAN_SCRIPT;
        inject->state = ONSITE_SCAN_RAW_NAME;

        return p + 1;
    }

    if (*p != (inject->state == ONSITE_SCAN_SCRIPT_OPEN ? '!' : '-')) {
        inject->state = ONSITE_SCAN_SCRIPT;
        return p;
    }

    inject->state = inject->state == ONSITE_SCAN_SCRIPT_BANG_DASH
                    ? ONSITE_SCAN_ESCAPED_DASHES : inject->state + 1;

    return p + 1;
}


/* "<script" in an escaped script, "</script" in a double escaped one: each
 * leads to the other. */

static byte_t *
scan_escaped_name(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    bool  twice = inject->state == ONSITE_SCAN_TWICE_NAME;
    bool  script;

    p = scan_letters(inject, p, end);

    if (p == end) {
        return p;
    }

    script = inject->name == SCRIPT
             && (onsite_inject_classes[*p] & NAME_END);

    inject->state = twice != script ? ONSITE_SCAN_TWICE : ONSITE_SCAN_ESCAPED;

    return onsite_inject_classes[*p] & NAME_END ? p + 1 : p;
}


static byte_t *
scan_escaped_open(onsite_inject_t *inject, byte_t *p)
{
    bool  twice = inject->state == ONSITE_SCAN_TWICE_OPEN;

    begin_name(inject);

    if (*p == '/') {
        inject->back = ONSITE_SCAN_ESCAPED;
        inject->state = twice ? ONSITE_SCAN_TWICE_NAME : ONSITE_SCAN_RAW_NAME;
        return p + 1;
    }

    if (twice) {
        inject->state = ONSITE_SCAN_TWICE;

    } else {
        inject->state = onsite_inject_classes[*p] & LETTER
                        ? ONSITE_SCAN_ESCAPED_NAME : ONSITE_SCAN_ESCAPED;
    }

    return p;
}


static byte_t *
scan_escaped(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    onsite_scan_t  base = inject->state >= ONSITE_SCAN_TWICE
                          ? ONSITE_SCAN_TWICE : ONSITE_SCAN_ESCAPED;

    switch (inject->state) {

    case ONSITE_SCAN_ESCAPED_OPEN:
    case ONSITE_SCAN_TWICE_OPEN:
        return scan_escaped_open(inject, p);

    case ONSITE_SCAN_ESCAPED_NAME:
    case ONSITE_SCAN_TWICE_NAME:
        return scan_escaped_name(inject, p, end);

    default:
        break;
    }

    if (inject->state == base) {
        while (p < end && *p != '-' && *p != '<') {
            p++;
        }

        if (p == end) {
            return p;
        }
    }

    if (*p == '<') {
        inject->state = base + 3;

    } else if (*p == '-') {
        inject->state = inject->state == base ? base + 1 : base + 2;

    } else {
        inject->state = *p == '>' && inject->state == base + 2
                        ? ONSITE_SCAN_SCRIPT : base;
    }

    return p + 1;
}


byte_t *
onsite_inject_scan_text(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    if (inject->state <= ONSITE_SCAN_RAW_NAME) {
        return scan_raw(inject, p, end);
    }

    if (inject->state <= ONSITE_SCAN_SCRIPT_BANG_DASH) {
        return scan_script(inject, p, end);
    }

    return scan_escaped(inject, p, end);
}
