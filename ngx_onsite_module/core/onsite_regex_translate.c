/*
 * onsite_regex_translate.c - JavaScript's regular expressions (ECMA-262, 22.2
 * with annex B, without flags or with "i") in pcre2's syntax.
 *
 * Everything that the two read differently is written out: escapes as
 * \x{...}, \s and "." as the sets that JavaScript means, "[" in a class,
 * identity escapes such as \A or \p as the letter itself; and what only
 * pcre2 has (verbs, inline options, possessive quantifiers) is refused.
 *
 * Differences that stay: characters beyond U+FFFF are one character here and
 * two in JavaScript without its flag "u"; look-behind must have a fixed
 * length; without case, "k" and "s" also find U+212A and U+017F.
 */

#include "onsite_coerce.h"
#include "onsite_condition_program.h"

#define SPACES      "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}" \
                    "\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NOT_SPACES  "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}"              \
                    "\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"                   \
                    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}"                 \
                    "\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"                 \
                    "\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define NOT_LINES   "[^\\n\\r\\x{2028}\\x{2029}]"

#define A_SET       (-1)            /* an atom that is no single character */
#define BAD         (-2)

typedef struct {
    const char      *p;
    const char      *end;
    const char      *start;
    onsite_buf_t    *out;
    onsite_error_t  *error;
    uint32_t         groups;        /* capturing ones in the pattern       */
    bool             named;
    bool             repeatable;    /* a quantifier may follow             */
} reader_t;


static bool
refuse(reader_t *r, const char *reason)
{
    (void) onsite_error(r->error, ONSITE_INVALID, "%s at offset %zu", reason,
                        (size_t) (r->p - r->start));
    return false;
}


static bool
at(const reader_t *r, const char *text)
{
    size_t  len = strlen(text);

    return (size_t) (r->end - r->p) >= len && memcmp(r->p, text, len) == 0;
}


static void
put(reader_t *r, const char *text)
{
    onsite_buf_append(r->out, text, strlen(text));
}


static void
put_character(reader_t *r, int32_t c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z'))
    {
        onsite_buf_char(r->out, (char) c);
    } else {
        onsite_buf_printf(r->out, "\\x{%x}", (unsigned) c);
    }
}


/* n hexadecimal digits at p, or -1. */

static int32_t
read_hex(const reader_t *r, const char *p, int n)
{
    int      i;
    int32_t  c = 0;

    if (r->end - p < n) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        if (onsite_hex_digit(p[i]) < 0) {
            return -1;
        }
        c = c * 16 + onsite_hex_digit(p[i]);
    }

    return c;
}


/* Behind "\u": the character, with its second surrogate if it has one. */

static int32_t
read_unicode(reader_t *r)
{
    int32_t  c, low;

    c = read_hex(r, r->p, 4);
    if (c < 0) {
        return 'u';
    }

    if (c < 0xd800 || c > 0xdfff) {
        r->p += 4;
        return c;
    }

    low = r->end - r->p >= 10 && r->p[4] == '\\' && r->p[5] == 'u'
          ? read_hex(r, r->p + 6, 4) : -1;

    if (c > 0xdbff || low < 0xdc00 || low > 0xdfff) {
        (void) refuse(r, "half of a surrogate pair, which no text holds,");
        return BAD;
    }

    r->p += 10;

    return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}


/* Annex B: up to three octal digits, at most \377. */

static int32_t
read_octal(reader_t *r)
{
    int32_t  c = 0;

    while (r->p != r->end && *r->p >= '0' && *r->p <= '7'
           && c * 8 + (*r->p - '0') <= 0377)
    {
        c = c * 8 + (*r->p++ - '0');
    }

    return c;
}


static int32_t
read_control(reader_t *r, bool in_class)
{
    char  c = r->p != r->end ? *r->p : '\0';

    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (in_class && ((c >= '0' && c <= '9') || c == '_')))
    {
        r->p++;
        return c & 0x1f;
    }

    r->p--;                         /* the backslash stands for itself */

    return '\\';
}


/* Behind a backslash: an escape that stands for one character. */

static int32_t
read_escaped_character(reader_t *r, bool in_class)
{
    int32_t  c;

    switch (*r->p) {

    case '0': case '1': case '2': case '3':
    case '4': case '5': case '6': case '7':
        return read_octal(r);
    }

    c = (int32_t) onsite_utf8_next(&r->p, r->end);

    switch (c) {

    case 'n':
        return '\n';

    case 'r':
        return '\r';

    case 't':
        return '\t';

    case 'v':
        return '\v';

    case 'f':
        return '\f';

    case 'c':
        return read_control(r, in_class);

    case 'u':
        return read_unicode(r);

    case 'x':
        if (read_hex(r, r->p, 2) >= 0) {
            c = read_hex(r, r->p, 2);
            r->p += 2;
        }
        return c;

    default:
        return c;
    }
}


/* An atom of a class: its character, or A_SET with the set put out. */

static int32_t
read_class_atom(reader_t *r)
{
    if (*r->p != '\\') {
        return (int32_t) onsite_utf8_next(&r->p, r->end);
    }

    if (++r->p == r->end) {
        (void) refuse(r, "nothing behind the backslash");
        return BAD;
    }

    switch (*r->p) {

    case 'd': case 'D': case 'w': case 'W':
        onsite_buf_char(r->out, '\\');
        onsite_buf_char(r->out, *r->p++);
        return A_SET;

    case 's':
        r->p++;
        put(r, SPACES);
        return A_SET;

    case 'S':
        r->p++;
        put(r, NOT_SPACES);
        return A_SET;

    case 'b':
        r->p++;
        return '\b';

    default:
        return read_escaped_character(r, true);
    }
}


/* Behind an atom and "-": a range, or three things in a row. */

static bool
read_range(reader_t *r, int32_t first)
{
    int32_t  last;

    if (first >= 0) {
        put_character(r, first);
    }

    last = read_class_atom(r);

    if (last == BAD) {
        return false;
    }

    if (first == A_SET || last == A_SET) {
        put_character(r, '-');

        if (last >= 0) {
            put_character(r, last);
        }

        return true;
    }

    if (last < first) {
        return refuse(r, "range of a class out of order");
    }

    onsite_buf_char(r->out, '-');
    put_character(r, last);

    return true;
}


static bool
read_class_items(reader_t *r)
{
    int32_t  c;

    while (r->p != r->end && *r->p != ']') {
        c = read_class_atom(r);

        if (c == BAD) {
            return false;
        }

        if (r->end - r->p >= 2 && r->p[0] == '-' && r->p[1] != ']') {
            r->p++;

            if (!read_range(r, c)) {
                return false;
            }

        } else if (c >= 0) {
            put_character(r, c);
        }
    }

    if (r->p == r->end) {
        return refuse(r, "class without its ]");
    }

    r->p++;

    return true;
}


static bool
read_class(reader_t *r)
{
    r->repeatable = true;

    if (at(r, "[]")) {
        r->p += 2;
        put(r, "(?!)");
        return true;
    }

    if (at(r, "[^]")) {
        r->p += 3;
        put(r, "(?s:.)");
        return true;
    }

    put(r, at(r, "[^") ? "[^" : "[");
    r->p += at(r, "[^") ? 2 : 1;

    if (!read_class_items(r)) {
        return false;
    }

    onsite_buf_char(r->out, ']');

    return true;
}


/* \1 to \99…: a group if there are so many, else as annex B has it. */

static bool
read_back_reference(reader_t *r)
{
    uint32_t     n = 0;
    const char  *p;

    for (p = r->p; p != r->end && *p >= '0' && *p <= '9' && n < 1000; p++) {
        n = n * 10 + (uint32_t) (*p - '0');
    }

    if (n <= r->groups) {
        r->p = p;
        onsite_buf_printf(r->out, "\\g{%u}", n);

    } else {
        put_character(r, *r->p >= '8' ? *r->p++ : read_octal(r));
    }

    return true;
}


/* "name>" of a group, or of a reference to one, as it is. */

static bool
read_name(reader_t *r)
{
    while (r->p != r->end && *r->p != '>') {
        onsite_buf_char(r->out, *r->p++);
    }

    if (r->p == r->end) {
        return refuse(r, "group name without its >");
    }

    onsite_buf_char(r->out, *r->p++);

    return true;
}


static bool
read_named_reference(reader_t *r)
{
    r->p++;

    if (!at(r, "<")) {
        return refuse(r, "\\k without <name>");
    }

    r->p++;
    put(r, "\\k<");

    return read_name(r);
}


static bool
read_escape(reader_t *r)
{
    int32_t  c;

    r->repeatable = true;

    if (++r->p == r->end) {
        return refuse(r, "nothing behind the backslash");
    }

    switch (*r->p) {

    case 'b': case 'B':
        r->repeatable = false;

        /* fall through */

    case 'd': case 'D': case 'w': case 'W':
        onsite_buf_char(r->out, '\\');
        onsite_buf_char(r->out, *r->p++);
        return true;

    case 's':
        r->p++;
        put(r, "[" SPACES "]");
        return true;

    case 'S':
        r->p++;
        put(r, "[^" SPACES "]");
        return true;

    case 'k':
        if (r->named) {
            return read_named_reference(r);
        }
        break;

    case '1': case '2': case '3': case '4': case '5':
    case '6': case '7': case '8': case '9':
        return read_back_reference(r);
    }

    c = read_escaped_character(r, false);

    if (c < 0) {
        return false;
    }

    put_character(r, c);

    return true;
}


static bool
read_group(reader_t *r)
{
    size_t  i;

    static const char *const  kinds[] = {
        "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?<", "("
    };

    if (at(r, "(?") && !at(r, "(?:") && !at(r, "(?=") && !at(r, "(?!")
        && !at(r, "(?<"))
    {
        return refuse(r, "JavaScript has no such group");
    }

    for (i = 0; !at(r, kinds[i]); i++) {
        /* void */
    }

    put(r, kinds[i]);
    r->p += strlen(kinds[i]);
    r->repeatable = false;

    return strcmp(kinds[i], "(?<") != 0 || read_name(r);
}


/* The length of {n}, {n,} or {n,m} at p; 0: a brace like any character. */

static size_t
braces_length(const reader_t *r)
{
    const char  *p = r->p + 1, *digits = p;

    while (p != r->end && *p >= '0' && *p <= '9') {
        p++;
    }

    if (p == digits) {
        return 0;
    }

    if (p != r->end && *p == ',') {
        p++;

        while (p != r->end && *p >= '0' && *p <= '9') {
            p++;
        }
    }

    return p != r->end && *p == '}' ? (size_t) (p + 1 - r->p) : 0;
}


static bool
read_quantifier(reader_t *r)
{
    size_t  n = *r->p == '{' ? braces_length(r) : 1;

    if (n == 0) {
        r->p++;
        r->repeatable = true;
        put_character(r, '{');
        return true;
    }

    if (!r->repeatable) {
        return refuse(r, "nothing to repeat");
    }

    onsite_buf_append(r->out, r->p, n);
    r->p += n;

    if (at(r, "?")) {
        r->p++;
        put(r, "?");
    }

    r->repeatable = false;

    return true;
}


static bool
read_term(reader_t *r)
{
    switch (*r->p) {

    case '\\':
        return read_escape(r);

    case '[':
        return read_class(r);

    case '(':
        return read_group(r);

    case '*': case '+': case '?': case '{':
        return read_quantifier(r);

    case '.':
        r->p++;
        r->repeatable = true;
        put(r, NOT_LINES);
        return true;

    case '^': case '$': case '|': case ')':
        r->repeatable = *r->p == ')';
        onsite_buf_char(r->out, *r->p++);
        return true;

    default:
        r->repeatable = true;
        put_character(r, (int32_t) onsite_utf8_next(&r->p, r->end));
        return true;
    }
}


/* References may stand before their groups: count those first. */

static void
count_groups(reader_t *r)
{
    bool         in_class = false;
    const char  *p;

    for (p = r->start; p < r->end; p++) {
        if (*p == '\\') {
            p++;

        } else if (*p == '[') {
            in_class = true;

        } else if (*p == ']') {
            in_class = false;

        } else if (*p == '(' && !in_class) {
            r->p = p;

            if (at(r, "(?<") && !at(r, "(?<=") && !at(r, "(?<!")) {
                r->named = true;
                r->groups++;

            } else if (!at(r, "(?")) {
                r->groups++;
            }
        }
    }

    r->p = r->start;
}


static bool
translate(reader_t *r)
{
    while (r->p != r->end) {
        if (!read_term(r)) {
            return false;
        }
    }

    return true;
}


onsite_status_t
onsite_regex_translate(onsite_str_t pattern, bool caseless, onsite_buf_t *out,
    onsite_error_t *error)
{
    reader_t  r = { .start = pattern.data, .p = pattern.data,
                    .end = pattern.data + pattern.len, .out = out,
                    .error = error };

    count_groups(&r);

    if (!translate(&r)) {
        return ONSITE_INVALID;
    }

    if (out->failed) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    return onsite_regex_check(onsite_str(out->data, out->len), caseless,
                              error);
}
