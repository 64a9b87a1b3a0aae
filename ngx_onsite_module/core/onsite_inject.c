/*
 * onsite_inject.c - the scanner's tokenizer (WHATWG HTML, 13.2.5; states that
 * only differ in parse errors are one here) and its output.
 */

#include "onsite_inject_find.h"
#include "onsite_inject_tree.h"

#define SPACE    0x01
#define SLASH    0x02
#define CLOSE    0x04
#define EQUALS   0x08
#define LETTER   0x10

#define NAME_END       (SPACE | SLASH | CLOSE)
#define ATTRIBUTE_END  (SPACE | SLASH | CLOSE | EQUALS)

/* The shortest name of an end tag that matters anywhere: body. */

#define END_MATTERS  4

#define BEFORE_TAG  (1 << ONSITE_PLACE_HEAD_END | 1 << ONSITE_PLACE_BODY_END)

static const uint8_t  classes[256] = {
    ['\t'] = SPACE, ['\n'] = SPACE, ['\f'] = SPACE, ['\r'] = SPACE,
    [' '] = SPACE, ['/'] = SLASH, ['>'] = CLOSE, ['='] = EQUALS,
    ['A' ... 'Z'] = LETTER, ['a' ... 'z'] = LETTER
};


size_t
onsite_inject_size(void)
{
    return sizeof(onsite_inject_t);
}


void
onsite_inject_init(onsite_inject_t *inject, unsigned wanted)
{
    memset(inject, 0, sizeof(onsite_inject_t));

    inject->place = ONSITE_PLACES;
    inject->wanted = wanted;
    inject->follow = wanted == 0;
}


void
onsite_inject_slots(onsite_inject_t *inject, const onsite_str_t *names,
    unsigned n)
{
    inject->slot_names = names;
    inject->n_slots = n;
}


void
onsite_inject_memory(onsite_inject_t *inject, onsite_inject_alloc_pt alloc,
    void *data)
{
    inject->alloc = alloc;
    inject->alloc_data = data;
}


void
onsite_inject_is_document(onsite_inject_t *inject)
{
    inject->document = true;
}


static byte_t *
find(byte_t *p, byte_t *end, int c)
{
    byte_t  *found = memchr(p, c, (size_t) (end - p));

    return found != NULL ? found : end;
}


static void
insert_before_tag(onsite_inject_t *inject, unsigned place)
{
    if (inject->wanted & 1u << place) {
        inject->place = place;
        inject->cut = inject->tag;
        inject->before_held = inject->tag_held;
    }
}


/* The name of an end tag is complete, the tag itself is still held back. */

static void
end_tag_named(onsite_inject_t *inject)
{
    if (inject->depth != 0) {
        return;
    }

    if (inject->name == BODY
        || inject->name == HTML)
    {
        insert_before_tag(inject, ONSITE_PLACE_BODY_END);

    } else if (inject->name == HEAD
               && !inject->body_seen)
    {
        insert_before_tag(inject, ONSITE_PLACE_HEAD_END);
    }
}


static void
insert_after_tag(onsite_inject_t *inject, bool head_over, size_t offset)
{
    unsigned  place;

    if (inject->name == BODY) {
        place = ONSITE_PLACE_BODY_START;

    } else if (inject->name == HEAD
               && !head_over)
    {
        place = ONSITE_PLACE_HEAD_START;

    } else {
        return;
    }

    if (inject->wanted & 1u << place) {
        inject->place = place;
        inject->cut = offset;
        inject->before_held = false;
    }
}


/* p is behind the ">". */

static byte_t *
tag_complete(onsite_inject_t *inject, byte_t *p)
{
    bool  head_over, plain;

    if (inject->raw_end) {
        inject->state = ONSITE_SCAN_DATA;
        inject->raw_end = false;

    } else if (inject->end_tag) {
        onsite_inject_end_tag(inject);

    } else {
        head_over = inject->head_over;
        plain = inject->depth == 0;

        onsite_inject_start_tag(inject);

        if (plain && inject->name_len == 4) {
            insert_after_tag(inject, head_over,
                             (size_t) (p - (byte_t *) inject->input.data));
        }
    }

    return p;
}


static inline byte_t *
scan_tag_name(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    uint32_t  len = inject->name_len;
    uint64_t  name = inject->name;

    while (p < end && !(classes[*p] & NAME_END)) {
        name = onsite_inject_name_add(name, len++, *p++);
    }

    inject->name = name;
    inject->name_len = len;

    if (p < end) {
        inject->state = ONSITE_SCAN_BEFORE_NAME;

        if (inject->end_tag && len == 4 && (inject->wanted & BEFORE_TAG)) {
            end_tag_named(inject);

        } else if (*p == '>') {
            return tag_complete(inject, p + 1);
        }
    }

    return p;
}


static void
begin_name(onsite_inject_t *inject)
{
    inject->name = 0;
    inject->name_len = 0;
}


static byte_t *
scan_open(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    bool  end_tag = inject->state == ONSITE_SCAN_END_TAG_OPEN;

    if (classes[*p] & LETTER) {
        inject->state = ONSITE_SCAN_TAG_NAME;
        inject->end_tag = end_tag;
        inject->self_closing = false;
        inject->font = false;
        begin_name(inject);

        return scan_tag_name(inject, p, end);
    }

    if (end_tag) {
        inject->state = *p == '>' ? ONSITE_SCAN_DATA : ONSITE_SCAN_BOGUS;
        return *p == '>' ? p + 1 : p;
    }

    switch (*p) {

    case '/':
        inject->state = ONSITE_SCAN_END_TAG_OPEN;
        return p + 1;

    case '!':
        inject->state = ONSITE_SCAN_MARKUP;
        return p + 1;

    case '?':
        inject->state = ONSITE_SCAN_BOGUS;
        return p + 1;

    default:
        inject->state = ONSITE_SCAN_DATA;
        return p;
    }
}


/* Attribute names are kept where somebody asks for them: the template
 * compiler, and <font> in SVG. */

static bool
keeps_names(const onsite_inject_t *inject)
{
    return inject->follow
           || (inject->depth != 0
               && inject->name == FONT);
}


static byte_t *
scan_attribute_name(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    byte_t  *start = p;

    while (p < end && !(classes[*p] & ATTRIBUTE_END)) {
        p++;
    }

    if (!keeps_names(inject)) {
        return p;
    }

    for (/* void */; start < p; start++) {
        if (inject->attribute_len < ONSITE_INJECT_ATTRIBUTE) {
            inject->attribute[inject->attribute_len++] = (char)
                (*start >= 'A' && *start <= 'Z' ? *start | 0x20 : *start);
        }
    }

    return p;
}


static void
attribute_named(onsite_inject_t *inject)
{
    onsite_str_t  name;

    name = onsite_str(inject->attribute, inject->attribute_len);

    inject->font |= onsite_str_eq(name, ONSITE_STR("color"))
                    || onsite_str_eq(name, ONSITE_STR("face"))
                    || onsite_str_eq(name, ONSITE_STR("size"));
}


/* A "=" that begins a name belongs to it. */

static byte_t *
begin_attribute(onsite_inject_t *inject, byte_t *p)
{
    inject->state = ONSITE_SCAN_NAME;
    inject->attribute_len = 0;
    inject->value_started = false;

    if (*p == '=') {
        inject->attribute[inject->attribute_len++] = '=';
        p++;
    }

    return p;
}


/* Around attributes, p is not inside of a value.  True: the tag ends here. */

static bool
scan_between(onsite_inject_t *inject, byte_t **pp)
{
    byte_t   *p = *pp;
    unsigned  class = classes[*p];

    *pp = p + 1;

    if (inject->state == ONSITE_SCAN_NAME && keeps_names(inject)) {
        attribute_named(inject);
    }

    if (class & CLOSE) {
        inject->self_closing = inject->state == ONSITE_SCAN_SLASH;
        return true;
    }

    if (inject->state == ONSITE_SCAN_BEFORE_VALUE) {

        if (class & SPACE) {
            return false;
        }

        inject->state = *p == '"' ? ONSITE_SCAN_VALUE_DOUBLE
                        : *p == '\'' ? ONSITE_SCAN_VALUE_SINGLE
                                     : ONSITE_SCAN_VALUE_UNQUOTED;
        if (inject->state == ONSITE_SCAN_VALUE_UNQUOTED) {
            inject->value_started = true;
        }

    } else if (class & SLASH) {
        inject->state = ONSITE_SCAN_SLASH;

    } else if (class & SPACE) {
        inject->state = inject->state == ONSITE_SCAN_NAME
                        || inject->state == ONSITE_SCAN_AFTER_NAME
                        ? ONSITE_SCAN_AFTER_NAME : ONSITE_SCAN_BEFORE_NAME;

    } else if ((class & EQUALS) && (inject->state == ONSITE_SCAN_NAME
                              || inject->state == ONSITE_SCAN_AFTER_NAME))
    {
        inject->state = ONSITE_SCAN_BEFORE_VALUE;

    } else {
        *pp = begin_attribute(inject, p);
    }

    return false;
}


static byte_t *
scan_value(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    byte_t  *start = p;

    if (inject->state == ONSITE_SCAN_VALUE_UNQUOTED) {
        while (p < end && !(classes[*p] & (SPACE | CLOSE))) {
            p++;
        }

        /* what ends it is read again, as behind a quoted value */

        if (p < end) {
            inject->state = ONSITE_SCAN_BEFORE_NAME;
        }

        return p;
    }

    p = find(p, end, inject->state == ONSITE_SCAN_VALUE_DOUBLE ? '"' : '\'');

    inject->value_started |= p != start;

    if (p < end) {
        inject->state = ONSITE_SCAN_BEFORE_NAME;
        p++;
    }

    return p;
}


static byte_t *
scan_tag(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    while (p < end) {

        if (inject->state >= ONSITE_SCAN_VALUE_DOUBLE
            && inject->state <= ONSITE_SCAN_VALUE_UNQUOTED)
        {
            p = scan_value(inject, p, end);
            continue;
        }

        if (inject->state == ONSITE_SCAN_NAME
            && !(classes[*p] & ATTRIBUTE_END))
        {
            p = scan_attribute_name(inject, p, end);
            continue;
        }

        if (scan_between(inject, &p)) {
            return tag_complete(inject, p);
        }
    }

    return p;
}


/*
 * The value behind a "=", which is one between name and value if something of
 * a name is between it and from, where the tag's name or the attribute before
 * ends.  Behind the value, or NULL: it is to be read byte by byte.
 */

static inline byte_t *
skip_value(onsite_inject_block_t *block, byte_t *from, byte_t *equals)
{
    byte_t  *p = equals + 1, *end = block->end;

    if (equals <= from || (classes[equals[-1]] & (SPACE | SLASH)) || p == end
        || (classes[*p] & SPACE))
    {
        return NULL;
    }

    if (*p == '"') {
        (void) onsite_inject_mark(block);

        do {
            p = onsite_inject_mark(block);
        } while (p != end && *p != '"');

        return p != end ? p + 1 : NULL;
    }

    if (*p == '\'') {
        p = find(p + 1, end, '\'');
        p = p != end ? p + 1 : NULL;

    } else {
        while (p < end && !(classes[*p] & (SPACE | CLOSE))) {
            p++;
        }
    }

    if (p != NULL) {
        onsite_inject_block_skip(block, p);
    }

    return p;
}


/* A name of up to eight bytes in lower case. */

static uint64_t
lower_name(uint64_t name)
{
    uint64_t        low, upper;
    const uint64_t  ones = 0x0101010101010101u;

    /* the top bit of each byte: above "Z", at least "A", ASCII */

    low = name & ones * 0x7f;
    upper = (low + ones * (0x7f - 'Z')) ^ (low + ones * (0x80 - 'A'));
    upper &= ~name & ones << 7;

    return name | upper >> 2;
}


/* False: it is to be read byte by byte.  Around html, head and body there are
 * places, and font has attributes. */

static bool
take_tag(onsite_inject_t *inject, uint64_t name, uint32_t len, bool end_tag,
    bool self_closing)
{
    if (len == 4) {
        return false;
    }

    inject->name = lower_name(name);
    inject->name_len = len;
    inject->end_tag = end_tag;
    inject->self_closing = self_closing;
    inject->font = false;

    if (end_tag) {
        onsite_inject_end_tag(inject);
    } else {
        onsite_inject_start_tag(inject);
    }

    return true;
}


/* From the tag's first mark, p, to its ">"; from is where its name ends, then
 * where its last attribute with a value does.  NULL: as for skip_value. */

static inline byte_t *
skip_attributes(onsite_inject_block_t *block, byte_t *p, byte_t **from)
{
    while (p != block->end && *p != '>') {

        if (*p == '=') {
            *from = skip_value(block, *from, p);

            if (*from == NULL) {
                return NULL;
            }
        }

        p = onsite_inject_mark(block);
    }

    return p != block->end ? p : NULL;
}


/*
 * A tag that the input holds to its end: p is at its "<", with room for its
 * name, what is returned behind it.  NULL: it is to be read byte by byte.
 */

static inline byte_t *
scan_whole_tag(onsite_inject_t *inject, onsite_inject_block_t *block,
    byte_t *p)
{
    bool      end_tag = p[1] == '/', plain = inject->depth == 0;
    byte_t   *text = p + 1 + end_tag, *from;
    uint32_t  len;
    uint64_t  name;

    if (!(classes[*text] & LETTER)) {
        return NULL;
    }

    p = onsite_inject_mark(block);

    if (end_tag && plain && p - text < END_MATTERS && *p == '>') {
        return p + 1;
    }

    len = onsite_inject_name_length(text);
    from = text + len;

    if (len > 8 || !(classes[*from] & NAME_END)) {
        return NULL;
    }

    name = onsite_inject_eight(text) >> (64 - 8 * len);
    p = skip_attributes(block, p, &from);

    if (p == NULL) {
        return NULL;
    }

    if (plain && !(ONSITE_INJECT_BIT(name) & ONSITE_INJECT_MATTERS)) {

        if (!end_tag) {
            onsite_inject_see(inject, name);
            inject->head_over = true;
        }

        return p + 1;
    }

    return take_tag(inject, name, len, end_tag, p != from && p[-1] == '/')
           ? p + 1 : NULL;
}


/* To the end, to behind a tag that other text follows, or to the "<" of what
 * is to be read byte by byte. */

static byte_t *
scan_whole_tags(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    byte_t                 *tag;
    onsite_inject_block_t   block = { .base = p, .end = end };

    block.marks = onsite_inject_marks(p, end);

    do {
        do {
            tag = onsite_inject_mark(&block);
        } while (tag != end && *tag != '<');

        if (end - tag < 2 + ONSITE_INJECT_NAME_ROOM) {
            return tag;
        }

        p = scan_whole_tag(inject, &block, tag);

        if (p == NULL) {
            return tag;
        }
    } while (inject->state == ONSITE_SCAN_DATA);

    return p;
}


static byte_t *
scan_data(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    p = inject->follow ? find(p, end, '<') : scan_whole_tags(inject, p, end);

    if (p == end || inject->state != ONSITE_SCAN_DATA) {
        return p;
    }

    inject->tag = (size_t) (p - (byte_t *) inject->input.data);
    inject->tag_held = false;
    inject->state = ONSITE_SCAN_TAG_OPEN;

    return ++p < end ? scan_open(inject, p, end) : p;
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
scan_markup(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    switch (inject->state) {

    case ONSITE_SCAN_MARKUP:
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

    case ONSITE_SCAN_MARKUP_DASH:
        inject->state = *p == '-' ? ONSITE_SCAN_COMMENT_START
                                  : ONSITE_SCAN_BOGUS;
        return *p == '-' ? p + 1 : p;

    case ONSITE_SCAN_MARKUP_WORD:
        return scan_markup_word(inject, p, end);

    default:
        p = find(p, end, '>');

        if (p < end) {
            inject->state = ONSITE_SCAN_DATA;
            p++;
        }

        return p;
    }
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
    while (p < end && inject->state != ONSITE_SCAN_DATA) {

        if (inject->state == ONSITE_SCAN_COMMENT) {
            p = find(p, end, '-');

            if (p == end) {
                return p;
            }
        }

        inject->state = comment_next(inject->state, *p++);
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


/* Letters of a name that may be the one that counts; end: not complete. */

static byte_t *
scan_letters(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    while (p < end && (classes[*p] & LETTER)) {
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

    if (inject->name == inject->text && (classes[*p] & NAME_END)) {
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
             && (classes[*p] & NAME_END);

    inject->state = twice != script ? ONSITE_SCAN_TWICE : ONSITE_SCAN_ESCAPED;

    return classes[*p] & NAME_END ? p + 1 : p;
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
        inject->state = classes[*p] & LETTER ? ONSITE_SCAN_ESCAPED_NAME
                                             : ONSITE_SCAN_ESCAPED;
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


static byte_t *
scan_step(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    if (inject->state == ONSITE_SCAN_DATA) {
        return scan_data(inject, p, end);
    }

    if (inject->state <= ONSITE_SCAN_END_TAG_OPEN) {
        return scan_open(inject, p, end);
    }

    if (inject->state == ONSITE_SCAN_TAG_NAME) {
        return scan_tag_name(inject, p, end);
    }

    if (inject->state <= ONSITE_SCAN_SLASH) {
        return scan_tag(inject, p, end);
    }

    if (inject->state <= ONSITE_SCAN_BOGUS) {
        return scan_markup(inject, p, end);
    }

    if (inject->state <= ONSITE_SCAN_COMMENT_BANG) {
        return scan_comment(inject, p, end);
    }

    if (inject->state <= ONSITE_SCAN_CDATA_END) {
        return scan_cdata(inject, p, end);
    }

    if (inject->state <= ONSITE_SCAN_RAW_NAME) {
        return scan_raw(inject, p, end);
    }

    if (inject->state <= ONSITE_SCAN_SCRIPT_BANG_DASH) {
        return scan_script(inject, p, end);
    }

    if (inject->state <= ONSITE_SCAN_TWICE_NAME) {
        return scan_escaped(inject, p, end);
    }

    return end;
}


/* Reads on to the next place or the end of the input. */

static void
scan(onsite_inject_t *inject)
{
    byte_t  *start = (byte_t *) inject->input.data;
    byte_t  *p = start + inject->pos;
    byte_t  *end = start + inject->input.len;

    while (p < end && inject->place == ONSITE_PLACES) {
        p = scan_step(inject, p, end);
    }

    inject->pos = (size_t) (p - start);
}


/* The last bytes may be the beginning of a tag that something goes before. */

static bool
undecided(const onsite_inject_t *inject)
{
    uint64_t  name = inject->name;

    if (inject->depth != 0 || !(inject->wanted & BEFORE_TAG)) {
        return false;
    }

    if (inject->state != ONSITE_SCAN_TAG_NAME) {
        return inject->state == ONSITE_SCAN_TAG_OPEN
               || inject->state == ONSITE_SCAN_END_TAG_OPEN;
    }

    if (!inject->end_tag || inject->name_len > 4) {
        return false;
    }

    return name == onsite_inject_name(onsite_str("body", inject->name_len))
           || name == onsite_inject_name(onsite_str("head", inject->name_len))
           || name == onsite_inject_name(onsite_str("html", inject->name_len));
}


void
onsite_inject_feed(onsite_inject_t *inject, onsite_str_t input, bool last)
{
    inject->input = input;
    inject->last = last;
    inject->pos = 0;
    inject->sent = 0;
    inject->tag = 0;
}


/* Bytes that stay as they are for ever, from which what was held back is sent
 * again: the held bytes themselves may be overwritten too early. */

static onsite_str_t
stable_bytes(const char *held, size_t len)
{
    size_t              i;
    static const char  *tags[] = { "</body", "</html", "</head", "</BODY",
                                   "</HTML", "</HEAD" };
    static const char   letters[] = "</ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz";

    for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (memcmp(tags[i], held, len) == 0) {
            return onsite_str(tags[i], len);
        }
    }

    return onsite_str(strchr(letters, held[0]), 1);
}


static bool
send_held(onsite_inject_t *inject, onsite_slice_t *slice)
{
    onsite_str_t  bytes;

    if (inject->n_held == 0) {
        return false;
    }

    bytes = stable_bytes(inject->held + inject->held_out,
                         inject->n_held - inject->held_out);

    *slice = (onsite_slice_t) { .kind = ONSITE_SLICE_BYTES, .bytes = bytes };

    inject->held_out += (unsigned) bytes.len;

    if (inject->held_out == inject->n_held) {
        inject->n_held = 0;
        inject->held_out = 0;
    }

    return true;
}


static bool
send_input(onsite_inject_t *inject, onsite_slice_t *slice, size_t limit)
{
    if (inject->sent >= limit) {
        return false;
    }

    *slice = (onsite_slice_t) {
        .kind = ONSITE_SLICE_COPY,
        .offset = inject->sent,
        .bytes = onsite_str(inject->input.data + inject->sent,
                            limit - inject->sent)
    };

    inject->sent = limit;

    return true;
}


static bool
send_insertion(onsite_inject_t *inject, onsite_slice_t *slice)
{
    *slice = (onsite_slice_t) { .kind = ONSITE_SLICE_INSERT,
                                .place = inject->place };

    inject->wanted &= ~(1u << inject->place);
    inject->place = ONSITE_PLACES;
    inject->before_held = false;
    inject->count++;

    if (inject->wanted == 0) {
        inject->state = ONSITE_SCAN_COPY;
    }

    return true;
}


/* At the end of the document: its own end is a place too. */

static void
end_document(onsite_inject_t *inject, bool hold)
{
    inject->ended = true;

    if ((hold || inject->state == ONSITE_SCAN_DATA) && inject->depth == 0
        && inject->document
        && (inject->wanted & 1u << ONSITE_PLACE_BODY_END))
    {
        inject->place = ONSITE_PLACE_BODY_END;
        inject->cut = hold ? inject->tag : inject->input.len;
        inject->before_held = hold && inject->tag_held;
    }
}


/* Sends what comes ahead of an undecided tag and keeps the tag. */

static bool
hold_back(onsite_inject_t *inject, onsite_slice_t *slice)
{
    size_t  from, len;

    if (!inject->tag_held
        && (send_held(inject, slice)
            || send_input(inject, slice, inject->tag)))
    {
        return true;
    }

    from = inject->tag_held ? inject->sent : inject->tag;
    len = inject->input.len - from;

    if (len != 0) {
        memcpy(inject->held + inject->n_held, inject->input.data + from, len);
    }

    inject->n_held += (unsigned) len;
    inject->tag_held = true;
    inject->sent = inject->input.len;

    return false;
}


bool
onsite_inject_next(onsite_inject_t *inject, onsite_slice_t *slice)
{
    bool  hold;

    scan(inject);

    hold = inject->place == ONSITE_PLACES && undecided(inject);

    if (inject->last && !inject->ended && inject->place == ONSITE_PLACES) {
        end_document(inject, hold);
    }

    if (inject->place != ONSITE_PLACES) {

        if (inject->before_held) {
            return send_insertion(inject, slice);
        }

        return send_held(inject, slice)
               || send_input(inject, slice, inject->cut)
               || send_insertion(inject, slice);
    }

    if (hold && !inject->last) {
        return hold_back(inject, slice);
    }

    return send_held(inject, slice)
           || send_input(inject, slice, inject->input.len);
}


unsigned
onsite_inject_count(const onsite_inject_t *inject)
{
    return inject->count;
}


bool
onsite_inject_slot_filled(const onsite_inject_t *inject, unsigned i)
{
    return (inject->filled >> i & 1) != 0;
}


size_t
onsite_inject_policies(const onsite_inject_t *inject,
    const onsite_str_t **policies)
{
    *policies = inject->policies;

    return inject->n_policies;
}


bool
onsite_inject_policies_lost(const onsite_inject_t *inject)
{
    return inject->policies_lost;
}


bool
onsite_inject_wide(const onsite_inject_t *inject)
{
    return inject->wide;
}


bool
onsite_inject_finished(const onsite_inject_t *inject)
{
    return inject->state == ONSITE_SCAN_COPY
           && inject->place == ONSITE_PLACES && inject->n_held == 0;
}


bool
onsite_inject_in_script(const onsite_inject_t *inject)
{
    return inject->state >= ONSITE_SCAN_RAW
           && inject->state < ONSITE_SCAN_COPY
           && inject->text == SCRIPT;
}


static onsite_html_where_t
where_in_text(const onsite_inject_t *inject)
{
    uint64_t  name = inject->depth != 0 ? inject->names[inject->depth - 1] : 0;

    if (onsite_inject_foreign(inject)) {

        if (name == SCRIPT) {
            return ONSITE_HTML_RAWTEXT;
        }

        if (name == STYLE) {
            return ONSITE_HTML_STYLE;
        }
    }

    return ONSITE_HTML_TEXT;
}


/* In the middle of what may become an end tag, or a comment of a script, the
 * next bytes decide: that is not text. */

static onsite_html_where_t
where_in_raw(const onsite_inject_t *inject)
{
    switch (inject->state) {

    case ONSITE_SCAN_RAW:
    case ONSITE_SCAN_SCRIPT:
    case ONSITE_SCAN_ESCAPED:
    case ONSITE_SCAN_TWICE:
        break;

    default:
        return ONSITE_HTML_TAG;
    }

    if (inject->text == TITLE
        || inject->text == TEXTAREA)
    {
        return ONSITE_HTML_TEXT;
    }

    if (inject->text == STYLE) {
        return ONSITE_HTML_STYLE;
    }

    return onsite_inject_in_script(inject) ? ONSITE_HTML_SCRIPT
                                           : ONSITE_HTML_RAWTEXT;
}


onsite_html_where_t
onsite_inject_where(const onsite_inject_t *inject)
{
    switch (inject->state) {

    case ONSITE_SCAN_DATA:
        return where_in_text(inject);

    case ONSITE_SCAN_VALUE_DOUBLE:
        return ONSITE_HTML_VALUE_DOUBLE;

    case ONSITE_SCAN_VALUE_SINGLE:
        return ONSITE_HTML_VALUE_SINGLE;

    case ONSITE_SCAN_VALUE_UNQUOTED:
    case ONSITE_SCAN_BEFORE_VALUE:
        return ONSITE_HTML_VALUE_UNQUOTED;

    case ONSITE_SCAN_COPY:
        return ONSITE_HTML_RAWTEXT;

    default:
        break;
    }

    if (inject->state <= ONSITE_SCAN_SLASH) {
        return ONSITE_HTML_TAG;
    }

    return inject->state <= ONSITE_SCAN_CDATA_END ? ONSITE_HTML_COMMENT
                                                  : where_in_raw(inject);
}


onsite_str_t
onsite_inject_attribute(const onsite_inject_t *inject, bool *value_started)
{
    *value_started = inject->value_started;

    return onsite_str(inject->attribute, inject->attribute_len);
}


bool
onsite_inject_in_tag(const onsite_inject_t *inject, onsite_str_t name)
{
    return inject->name == onsite_inject_name(name);
}


/* What of the tag being read is still going to matter. */

static bool
same_tag(const onsite_inject_t *a, const onsite_inject_t *b)
{
    return a->name == b->name && a->end_tag == b->end_tag
           && a->attribute_len == b->attribute_len
           && memcmp(a->attribute, b->attribute, a->attribute_len) == 0;
}


bool
onsite_inject_same(const onsite_inject_t *a, const onsite_inject_t *b)
{
    if (a->state != b->state || a->lost != b->lost || a->stray != b->stray
        || a->in_select != b->in_select || a->depth != b->depth)
    {
        return false;
    }

    if (a->state != ONSITE_SCAN_DATA && a->state <= ONSITE_SCAN_SLASH
        && !same_tag(a, b))
    {
        return false;
    }

    return (a->state < ONSITE_SCAN_RAW || a->text == b->text)
           && memcmp(a->kinds, b->kinds, a->depth) == 0
           && memcmp(a->names, b->names, a->depth * sizeof(uint64_t)) == 0;
}


bool
onsite_inject_balanced(const onsite_inject_t *inject)
{
    return inject->state == ONSITE_SCAN_DATA && inject->depth == 0
           && !inject->stray;
}
