/*
 * onsite_inject_name.h - tag names as numbers.  Included by onsite_inject*.c
 * only.
 *
 * A name is its bytes in lower case where there are at most eight, a hash
 * with the top bit set where there are more.
 */

#ifndef ONSITE_INJECT_NAME_H
#define ONSITE_INJECT_NAME_H

#include "onsite_types.h"

#define N1(a)                (uint64_t) (a)
#define N2(a, b)             (N1(a) << 8 | (b))
#define N3(a, b, c)          (N2(a, b) << 8 | (c))
#define N4(a, b, c, d)       (N3(a, b, c) << 8 | (d))
#define N5(a, b, c, d, e)    (N4(a, b, c, d) << 8 | (e))
#define N6(a, b, c, d, e, f) (N5(a, b, c, d, e) << 8 | (f))
#define N7(a, b, c, d, e, f, g)                                               \
    (N6(a, b, c, d, e, f) << 8 | (g))
#define N8(a, b, c, d, e, f, g, h)                                            \
    (N7(a, b, c, d, e, f, g) << 8 | (h))

#define BASE      N4('b', 'a', 's', 'e')
#define BODY      N4('b', 'o', 'd', 'y')
#define COLGROUP  N8('c', 'o', 'l', 'g', 'r', 'o', 'u', 'p')
#define FONT      N4('f', 'o', 'n', 't')
#define FORM      N4('f', 'o', 'r', 'm')
#define FRAMESET  N8('f', 'r', 'a', 'm', 'e', 's', 'e', 't')
#define HEAD      N4('h', 'e', 'a', 'd')
#define HTML      N4('h', 't', 'm', 'l')
#define IFRAME    N6('i', 'f', 'r', 'a', 'm', 'e')
#define PLAINTEX  N8('p', 'l', 'a', 'i', 'n', 't', 'e', 'x')
#define INPUT     N5('i', 'n', 'p', 'u', 't')
#define KEYGEN    N6('k', 'e', 'y', 'g', 'e', 'n')
#define MATH      N4('m', 'a', 't', 'h')
#define MGLYPH    N6('m', 'g', 'l', 'y', 'p', 'h')
#define NOEMBED   N7('n', 'o', 'e', 'm', 'b', 'e', 'd')
#define NOFRAMES  N8('n', 'o', 'f', 'r', 'a', 'm', 'e', 's')
#define NOSCRIPT  N8('n', 'o', 's', 'c', 'r', 'i', 'p', 't')
#define SCRIPT    N6('s', 'c', 'r', 'i', 'p', 't')
#define SELECT    N6('s', 'e', 'l', 'e', 'c', 't')
#define STYLE     N5('s', 't', 'y', 'l', 'e')
#define SVG       N3('s', 'v', 'g')
#define TEMPLATE  N8('t', 'e', 'm', 'p', 'l', 'a', 't', 'e')
#define TEXTAREA  N8('t', 'e', 'x', 't', 'a', 'r', 'e', 'a')
#define TITLE     N5('t', 'i', 't', 'l', 'e')
#define XMP       N3('x', 'm', 'p')

/*
 * Sets of names are Bloom sets of one hash: next to no name that is frequent
 * in pages shares its bit with one that matters.  Upper case hashes as lower
 * case does.
 */
#define ONSITE_INJECT_BIT(name)                                               \
    ((uint64_t) 1                                                             \
     << ((((uint64_t) (name) | 0x2020202020202020u)                           \
          * 0xccafc76944a6ba1bu) >> 58))

/*
 * The index of a table by what names begin with: their first four bytes, the
 * first of them the lowest, zero behind a shorter name.  Upper case is as lower
 * case.
 */
#define ONSITE_INJECT_NAMES  1024

#define ONSITE_INJECT_INDEX(begins)                                           \
    ((((uint32_t) (begins) & 0xdfdfdfdf) * 0xb004f8fb) >> 22)

/*
 * What matters outside of templates, SVG and MathML, in a select or not; other
 * names of at most eight bytes, or longer ones that begin like that, change
 * nothing there but the set of names seen and that the head is over.
 */
#define ONSITE_INJECT_MATTERS                                                 \
    (ONSITE_INJECT_BIT(BASE) | ONSITE_INJECT_BIT(BODY)                        \
     | ONSITE_INJECT_BIT(FRAMESET) | ONSITE_INJECT_BIT(HEAD)                  \
     | ONSITE_INJECT_BIT(HTML) | ONSITE_INJECT_BIT(IFRAME)                    \
     | ONSITE_INJECT_BIT(INPUT) | ONSITE_INJECT_BIT(KEYGEN)                   \
     | ONSITE_INJECT_BIT(MATH) | ONSITE_INJECT_BIT(NOEMBED)                   \
     | ONSITE_INJECT_BIT(NOFRAMES) | ONSITE_INJECT_BIT(NOSCRIPT)              \
     | ONSITE_INJECT_BIT(PLAINTEX)                                            \
     | ONSITE_INJECT_BIT(SCRIPT) | ONSITE_INJECT_BIT(SELECT)                  \
     | ONSITE_INJECT_BIT(STYLE) | ONSITE_INJECT_BIT(SVG)                      \
     | ONSITE_INJECT_BIT(TEMPLATE) | ONSITE_INJECT_BIT(TEXTAREA)              \
     | ONSITE_INJECT_BIT(TITLE) | ONSITE_INJECT_BIT(XMP))

/* What is noted where slots are looked for. */
#define ONSITE_INJECT_NOTED                                                   \
    (ONSITE_INJECT_BIT(N1('a')) | ONSITE_INJECT_BIT(N1('p'))                  \
     | ONSITE_INJECT_BIT(N2('h', '1')) | ONSITE_INJECT_BIT(N2('h', '2'))      \
     | ONSITE_INJECT_BIT(N2('h', '3')) | ONSITE_INJECT_BIT(N2('h', '4'))      \
     | ONSITE_INJECT_BIT(N2('h', '5')) | ONSITE_INJECT_BIT(N2('h', '6'))      \
     | ONSITE_INJECT_BIT(N2('t', 'd')) | ONSITE_INJECT_BIT(N2('t', 'h'))      \
     | ONSITE_INJECT_BIT(N2('t', 'r')) | ONSITE_INJECT_BIT(FORM)              \
     | ONSITE_INJECT_BIT(N4('n', 'o', 'b', 'r'))                              \
     | ONSITE_INJECT_BIT(N5('t', 'a', 'b', 'l', 'e'))                         \
     | ONSITE_INJECT_BIT(N6('a', 'p', 'p', 'l', 'e', 't'))                    \
     | ONSITE_INJECT_BIT(N6('b', 'u', 't', 't', 'o', 'n'))                    \
     | ONSITE_INJECT_BIT(N6('o', 'b', 'j', 'e', 'c', 't'))                    \
     | ONSITE_INJECT_BIT(N7('c', 'a', 'p', 't', 'i', 'o', 'n'))               \
     | ONSITE_INJECT_BIT(N7('m', 'a', 'r', 'q', 'u', 'e', 'e')))

static inline uint64_t
onsite_inject_name_add(uint64_t name, uint32_t len, unsigned char c)
{
    if (c >= 'A' && c <= 'Z') {
        c |= 0x20;
    }

    if (len < 8) {
        return name << 8 | c;
    }

    return (name ^ c) * 0x9e3779b97f4a7c15u | (uint64_t) 1 << 63;
}

uint64_t onsite_inject_name(onsite_str_t name);

/* ... of len bytes; of more than eight those are enough. */

static inline uint32_t
onsite_inject_begins(uint64_t name, uint32_t len)
{
    return (uint32_t) __builtin_bswap64(len < 8 ? name << (64 - 8 * len)
                                                : name);
}

#endif
