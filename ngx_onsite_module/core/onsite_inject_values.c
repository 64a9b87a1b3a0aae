/*
 * onsite_inject_values.c - the attributes that are read: data-onsite-slot, and
 * the policies of <meta http-equiv> and <base href>.  Of attributes with one
 * name the first counts, as in browsers.
 *
 * Character references (WHATWG HTML, 13.2.5.72 and on): numbers, and names of
 * what is in ASCII, which is all that policies and the names of slots hold;
 * others are left as they are.
 */

#include "onsite_inject_tree.h"

#define SLOT     1u
#define EQUIV    2u
#define CONTENT  4u

#define REFERENCE_MAX  9                /* "NewLine;"                      */


void
onsite_inject_values_begin(onsite_inject_t *inject)
{
    if (inject->end_tag) {
        return;
    }

    if (inject->name == N4('m', 'e', 't', 'a')) {

        if (inject->stage < ONSITE_STAGE_BODY && inject->alloc != NULL) {
            inject->reads = ONSITE_READ_META;
        }

    } else if (inject->name == BASE) {

        if (inject->base_href.data == NULL && inject->alloc != NULL
            && !inject->slot.open)
        {
            inject->reads = ONSITE_READ_BASE;
        }

    } else if (inject->n_slots != 0 && !inject->slot.open) {
        inject->reads = ONSITE_READ_SLOT;
    }

    inject->met = 0;
    inject->value_of = 0;
    inject->value_len = 0;
    inject->content_len = 0;
}


static unsigned
which(const onsite_inject_t *inject)
{
    onsite_str_t  name;

    name = onsite_str(inject->attribute, inject->attribute_len);

    if (inject->reads == ONSITE_READ_SLOT) {
        return onsite_str_eq(name, ONSITE_STR("data-onsite-slot")) ? SLOT : 0;
    }

    if (inject->reads == ONSITE_READ_BASE) {
        return onsite_str_eq(name, ONSITE_STR("href")) ? CONTENT : 0;
    }

    return onsite_str_eq(name, ONSITE_STR("http-equiv")) ? EQUIV
           : onsite_str_eq(name, ONSITE_STR("content")) ? CONTENT : 0;
}


void
onsite_inject_values_name(onsite_inject_t *inject)
{
    unsigned  attribute = which(inject);

    inject->value_of = attribute & ~inject->met;
    inject->met |= attribute;
}


/* Of what is too long the beginning is kept. */

static void
add_content(onsite_inject_t *inject, byte_t *p, size_t len)
{
    size_t  room = ONSITE_INJECT_POLICY - inject->content_len;

    if (inject->content == NULL) {
        inject->content = inject->alloc(inject->alloc_data,
                                        ONSITE_INJECT_POLICY);
    }

    if (inject->content != NULL) {
        memcpy(inject->content + inject->content_len, p,
               len < room ? len : room);
    }

    if (inject->content == NULL || len > room) {
        inject->content_len = ONSITE_INJECT_POLICY + 1;
        inject->value_of = 0;
        return;
    }

    inject->content_len += len;
}


/* Too long once, too long for ever. */

void
onsite_inject_values_add(onsite_inject_t *inject, byte_t *p, size_t len)
{
    if (inject->value_of == CONTENT) {
        add_content(inject, p, len);

    } else if (inject->value_len > ONSITE_INJECT_VALUE
               || len > ONSITE_INJECT_VALUE - inject->value_len)
    {
        inject->value_len = ONSITE_INJECT_VALUE + 1;

    } else if (len != 0) {
        memcpy(inject->value + inject->value_len, p, len);
        inject->value_len += len;
    }
}


static char *
write_utf8(char *out, uint32_t c)
{
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        c = 0xfffd;
    }

    if (c < 0x80) {
        *out++ = (char) c;
        return out;
    }

    if (c >= 0x10000) {
        *out++ = (char) (0xf0 | c >> 18);
        *out++ = (char) (0x80 | (c >> 12 & 0x3f));

    } else if (c >= 0x800) {
        *out++ = (char) (0xe0 | c >> 12);
    }

    if (c >= 0x800) {
        *out++ = (char) (0x80 | (c >> 6 & 0x3f));
    } else {
        *out++ = (char) (0xc0 | c >> 6);
    }

    *out++ = (char) (0x80 | (c & 0x3f));

    return out;
}


static unsigned
digit(char c, unsigned base)
{
    char  lower = (char) (c | 0x20);

    if (c >= '0' && c <= '9') {
        return (unsigned) (c - '0');
    }

    return base == 16 && lower >= 'a' && lower <= 'f'
           ? (unsigned) (lower - 'a') + 10 : 16;
}


/* p is behind the "&"; behind the reference, or NULL: it is none. */

static const char *
read_number(const char *p, const char *end, uint32_t *c)
{
    unsigned     base = 10;
    const char  *start;

    if (p == end || *p++ != '#') {
        return NULL;
    }

    if (p < end && (*p | 0x20) == 'x') {
        base = 16;
        p++;
    }

    start = p;
    *c = 0;

    for (/* void */; p < end && digit(*p, base) < base; p++) {
        *c = *c > 0x10ffff ? *c : *c * base + digit(*p, base);
    }

    if (p == start) {
        return NULL;
    }

    return p < end && *p == ';' ? p + 1 : p;
}


static bool
is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z');
}


/* Only the oldest may stand without ";", and not in front of "=", letters and
 * digits. */

static const char *
read_name(const char *p, const char *end, uint32_t *c)
{
    size_t  i, len;
    static const struct {
        char  name[REFERENCE_MAX];
        char  c;
    } names[] = {
        { "AMP;", '&' }, { "GT;", '>' }, { "LT;", '<' }, { "NewLine;", '\n' },
        { "QUOT;", '"' }, { "Tab;", '\t' }, { "amp;", '&' },
        { "apos;", '\'' }, { "ast;", '*' }, { "bsol;", '\\' },
        { "colon;", ':' }, { "comma;", ',' }, { "commat;", '@' },
        { "dollar;", '$' }, { "equals;", '=' }, { "excl;", '!' },
        { "grave;", '`' }, { "gt;", '>' }, { "lbrace;", '{' },
        { "lbrack;", '[' }, { "lcub;", '{' }, { "lowbar;", '_' },
        { "lpar;", '(' }, { "lsqb;", '[' }, { "lt;", '<' },
        { "midast;", '*' }, { "num;", '#' }, { "percnt;", '%' },
        { "period;", '.' }, { "plus;", '+' }, { "quest;", '?' },
        { "quot;", '"' }, { "rbrace;", '}' }, { "rbrack;", ']' },
        { "rcub;", '}' }, { "rpar;", ')' }, { "rsqb;", ']' },
        { "semi;", ';' }, { "sol;", '/' }, { "verbar;", '|' },
        { "vert;", '|' }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        len = strlen(names[i].name);

        if ((size_t) (end - p) >= len && memcmp(p, names[i].name, len) == 0) {
            *c = (unsigned char) names[i].c;
            return p + len;
        }

        if (strchr("&><\"", names[i].c) != NULL
            && (size_t) (end - p) >= len - 1
            && memcmp(p, names[i].name, len - 1) == 0
            && (p + len - 1 == end || (p[len - 1] != '='
                                       && !is_alphanumeric(p[len - 1]))))
        {
            *c = (unsigned char) names[i].c;
            return p + len - 1;
        }
    }

    return NULL;
}


/* Never longer than it was; out may be where it is. */

static size_t
decode(const char *p, size_t len, char *out)
{
    char        *start = out;
    uint32_t     c = 0;
    const char  *end = p + len, *next;

    while (p < end) {

        if (*p == '&') {
            next = read_number(p + 1, end, &c);

            if (next == NULL) {
                next = read_name(p + 1, end, &c);
            }

            if (next != NULL) {
                out = write_utf8(out, c);
                p = next;
                continue;
            }
        }

        *out++ = *p++;
    }

    return (size_t) (out - start);
}


static char
lower(char c)
{
    return (char) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}


static bool
is_policy(onsite_inject_t *inject)
{
    size_t       i;
    const char  *name = "content-security-policy";

    if (inject->value_len > ONSITE_INJECT_VALUE) {
        return false;
    }

    inject->value_len = decode(inject->value, inject->value_len,
                               inject->value);

    for (i = 0; i < inject->value_len && name[i] != '\0'; i++) {
        if (lower(inject->value[i]) != name[i]) {
            return false;
        }
    }

    return i == inject->value_len && name[i] == '\0';
}


void
onsite_inject_values_meta(onsite_inject_t *inject)
{
    char   *policy;
    size_t  len = inject->content_len;

    if (!is_policy(inject) || len == 0) {
        return;
    }

    policy = len <= ONSITE_INJECT_POLICY
             && inject->n_policies < ONSITE_INJECT_POLICIES
             ? inject->alloc(inject->alloc_data, len) : NULL;

    if (policy == NULL) {
        inject->policies_lost = true;
        return;
    }

    len = decode(inject->content, len, policy);
    inject->policies[inject->n_policies++] = onsite_str(policy, len);
}


/* The first with an href, be it empty, is the page's. */

void
onsite_inject_values_base(onsite_inject_t *inject)
{
    char   *href;
    size_t  len = inject->content_len;

    if (!(inject->met & CONTENT) || (len != 0 && inject->content == NULL)) {
        return;
    }

    if (len > ONSITE_INJECT_BASE) {
        len = ONSITE_INJECT_BASE;
    }

    href = inject->alloc(inject->alloc_data, len + 1);

    if (href != NULL) {
        inject->base_href = onsite_str(href, decode(inject->content, len,
                                                    href));
    }
}


/* As WHATWG URL reads it: tabs and line ends say nothing, "\\" is "/". */

bool
onsite_inject_base_leads_away(onsite_str_t href)
{
    size_t    i;
    unsigned  slashes = 0;
    bool      begun = false;

    for (i = 0; i < href.len; i++) {

        switch (href.data[i]) {

        case '\t':
        case '\n':
        case '\r':
            break;

        case '/':
        case '\\':
            if (begun || ++slashes == 2) {
                return !begun;
            }
            break;

        case '?':
        case '#':
            return false;

        case ':':
            return slashes == 0;

        default:
            if (slashes != 0) {
                return false;
            }
            begun |= (unsigned char) href.data[i] > ' ';
        }
    }

    return false;
}


onsite_str_t
onsite_inject_values_slot(onsite_inject_t *inject)
{
    if (inject->value_len > ONSITE_INJECT_VALUE) {
        return onsite_str(inject->value, 0);
    }

    inject->value_len = decode(inject->value, inject->value_len,
                               inject->value);

    return onsite_str(inject->value, inject->value_len);
}
