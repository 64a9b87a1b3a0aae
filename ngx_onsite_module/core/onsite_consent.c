/*
 * onsite_consent.c - consent strings of the IAB, bit by bit.
 *
 * Both kinds are base64url texts without padding whose characters are 6 bits
 * each, most significant first; '.' parts segments, '~' sections.  What is
 * read is bounded by the text's length.
 */

#include "onsite_consent.h"

/* Purposes of the TCF, the first in the highest of 24 bits. */
#define PURPOSE(n)      (UINT32_C(1) << (24 - (n)))
#define PURPOSES_FULL   (PURPOSE(3) | PURPOSE(4) | PURPOSE(7))

/* created, updated, CMP's id, version and screen, language, versions of the
 * vendor list and of the policy: before what differs */
#define TCF_COMMON      (36 + 36 + 12 + 12 + 6 + 12 + 12 + 6)

#define GPP_TYPE        3
#define GPP_VERSION     1
#define GPP_GPC_SEGMENT 1

#define SECTION_TCF_EU  2
#define SECTION_TCF_CA  5
#define SECTION_USP     6

/* Values of an opt-out: not applicable, opted out, did not. */
#define OPTED_OUT       1
#define OPT_OUT_MAX     2

#define OPT_OUTS        3

typedef struct {
    onsite_str_t  text;
    size_t        at;           /* bit                                     */
    bool          bad;          /* past the end, or no base64url           */
} bits_t;

/* The core segment of a US section. */
typedef struct {
    uint8_t  id;
    uint8_t  version;           /* the latest one                          */
    uint8_t  bits;              /* of the core segment's first version     */
    uint8_t  more;              /* that the latest has on top              */
    bool     gpc;               /* a segment with GPC may follow           */
    uint8_t  opt_outs[OPT_OUTS];/* where: sale, sharing, advertising; 0: it
                                   has none                                */
} section_t;

static const section_t  sections[] = {
    {  7, 2, 60, 10, true,  { 18, 20, 22 } },       /* national            */
    {  8, 1, 46,  0, true,  { 12, 14,  0 } },       /* California          */
    {  9, 1, 40,  0, false, { 12,  0, 14 } },       /* Virginia            */
    { 10, 1, 38,  0, true,  { 12,  0, 14 } },       /* Colorado            */
    { 11, 1, 42,  0, false, { 14,  0, 16 } },       /* Utah                */
    { 12, 1, 44,  0, true,  { 12,  0, 14 } },       /* Connecticut         */
    { 13, 1, 46,  0, false, { 12,  0, 14 } },       /* Florida             */
    { 14, 1, 46,  0, true,  { 12,  0, 14 } },       /* Montana             */
    { 15, 1, 52,  0, true,  { 12,  0, 14 } },       /* Oregon              */
    { 16, 1, 42,  0, true,  { 12,  0, 14 } },       /* Texas               */
    { 17, 1, 52,  0, true,  { 12,  0, 14 } },       /* Delaware            */
    { 18, 1, 42,  0, true,  { 14,  0, 16 } },       /* Iowa                */
    { 19, 1, 42,  0, true,  { 12,  0, 14 } },       /* Nebraska            */
    { 20, 1, 46,  0, true,  { 12,  0, 14 } },       /* New Hampshire       */
    { 21, 1, 54,  0, true,  { 12,  0, 14 } },       /* New Jersey          */
    { 22, 1, 42,  0, true,  { 12,  0, 14 } },       /* Tennessee           */
    { 23, 1, 42,  0, true,  { 12,  0, 14 } },       /* Minnesota           */
    { 24, 1, 22,  0, true,  { 16,  0, 18 } },       /* Maryland            */
    { 25, 1, 24,  0, false, { 16,  0, 18 } },       /* Indiana             */
    { 26, 1, 24,  0, false, { 16,  0, 18 } },       /* Kentucky            */
    { 27, 1, 24,  0, false, { 16,  0, 18 } },       /* Rhode Island        */
};

#define SECTIONS  (sizeof(sections) / sizeof(sections[0]))


/* The text up to a separator; rest becomes what is behind it, its data NULL
 * when there was none. */

static onsite_str_t
cut(onsite_str_t *rest, char separator)
{
    const char    *p;
    onsite_str_t   piece = *rest;

    p = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);

    if (p == NULL) {
        *rest = onsite_str(NULL, 0);
        return piece;
    }

    piece.len = (size_t) (p - piece.data);
    *rest = onsite_str(p + 1, rest->len - piece.len - 1);

    return piece;
}


static int
digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return c == '-' ? 62 : c == '_' ? 63 : -1;
}


static bool
is_base64url(onsite_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (digit(text.data[i]) < 0) {
            return false;
        }
    }

    return text.len != 0;
}


static bits_t
bits_of(onsite_str_t text)
{
    return (bits_t) { text, 0, !is_base64url(text) };
}


static void
skip(bits_t *bits, size_t width)
{
    bits->bad |= width > bits->text.len * 6 - bits->at;

    if (!bits->bad) {
        bits->at += width;
    }
}


/* width: at most 32 */

static uint32_t
take(bits_t *bits, unsigned width)
{
    size_t    i = bits->at;
    uint32_t  value = 0;

    skip(bits, width);

    if (bits->bad) {
        return 0;
    }

    for ( ; i < bits->at; i++) {
        value = value << 1
                | ((unsigned) digit(bits->text.data[i / 6]) >> (5 - i % 6) & 1);
    }

    return value;
}


/* Vendors are not asked for, but a string that ends amid them was cut off. */

static void
skip_vendors(bits_t *bits)
{
    uint32_t  i, n;

    n = take(bits, 16);

    if (take(bits, 1) == 0) {
        skip(bits, n);
        return;
    }

    n = take(bits, 12);

    for (i = 0; i < n && !bits->bad; i++) {
        skip(bits, take(bits, 1) != 0 ? 32 : 16);
    }
}


static onsite_consent_t
tier_of(uint32_t purposes)
{
    if (!(purposes & PURPOSE(1))) {
        return ONSITE_CONSENT_NONE;
    }

    return (purposes & PURPOSES_FULL) == PURPOSES_FULL
           ? ONSITE_CONSENT_FULL : ONSITE_CONSENT_SESSION;
}


onsite_status_t
onsite_consent_tcf(onsite_str_t text, onsite_consent_t *tier)
{
    bits_t    bits;
    uint32_t  purposes;

    *tier = ONSITE_CONSENT_NONE;
    bits = bits_of(cut(&text, '.'));

    if (take(&bits, 6) != 2) {
        return ONSITE_INVALID;
    }

    /* service specific, other texts, special features */

    skip(&bits, TCF_COMMON + 1 + 1 + 12);
    purposes = take(&bits, 24);

    /* legitimate interests, purpose one's treatment, publisher's country */

    skip(&bits, 24 + 1 + 12);
    skip_vendors(&bits);
    skip_vendors(&bits);

    if (bits.bad) {
        return ONSITE_INVALID;
    }

    *tier = tier_of(purposes);

    return ONSITE_OK;
}


/* Express consents, then implied ones: both are consents there. */

static onsite_status_t
read_canada(onsite_str_t text, onsite_consent_t *tier)
{
    bits_t    bits;
    uint32_t  purposes;

    bits = bits_of(cut(&text, '.'));

    if (take(&bits, 6) != 1) {
        return bits.bad ? ONSITE_INVALID : ONSITE_NOT_FOUND;
    }

    /* other stacks, special features */

    skip(&bits, TCF_COMMON + 1 + 12);
    purposes = take(&bits, 24);
    purposes |= take(&bits, 24);

    if (bits.bad) {
        return ONSITE_INVALID;
    }

    *tier = tier_of(purposes);

    return ONSITE_OK;
}


/* "1YNN": version, notice was given, opted out of sale, covered by an
 * agreement; '-' is not applicable. */

static onsite_status_t
read_us_privacy(onsite_str_t text, onsite_consent_t *tier)
{
    size_t  i;

    if (text.len != 4) {
        return ONSITE_INVALID;
    }

    if (text.data[0] != '1') {
        return ONSITE_NOT_FOUND;
    }

    for (i = 1; i < 4; i++) {
        if (memchr("YN-", text.data[i], 3) == NULL) {
            return ONSITE_INVALID;
        }
    }

    *tier = text.data[2] == 'Y' ? ONSITE_CONSENT_NONE : ONSITE_CONSENT_FULL;

    return ONSITE_OK;
}


static const section_t *
find_section(uint32_t id)
{
    size_t  i;

    for (i = 0; i < SECTIONS; i++) {
        if (sections[i].id == id) {
            return &sections[i];
        }
    }

    return NULL;
}


/* Whether one of the segments behind the core says GPC. */

static onsite_status_t
read_gpc(onsite_str_t segments, bool *gpc)
{
    bits_t    bits;
    uint32_t  type;

    *gpc = false;

    while (segments.data != NULL) {
        bits = bits_of(cut(&segments, '.'));
        type = take(&bits, 2);

        if (type == GPP_GPC_SEGMENT) {
            *gpc |= take(&bits, 1) != 0;
        }

        if (bits.bad) {
            return ONSITE_INVALID;
        }
    }

    return ONSITE_OK;
}


static onsite_status_t
read_us(const section_t *section, onsite_str_t text, onsite_consent_t *tier)
{
    int              i;
    bool             no;
    bits_t           bits, core;
    uint32_t         version, value;
    onsite_status_t  status;

    core = bits_of(cut(&text, '.'));
    bits = core;
    version = take(&bits, 6);

    if (!bits.bad && (version == 0 || version > section->version)) {
        return ONSITE_NOT_FOUND;
    }

    bits = core;
    skip(&bits, section->bits + (version > 1 ? section->more : 0));

    status = bits.bad ? ONSITE_INVALID : ONSITE_OK;
    no = false;

    if (status == ONSITE_OK && section->gpc) {
        status = read_gpc(text, &no);
    }

    for (i = 0; i < OPT_OUTS && status == ONSITE_OK; i++) {
        if (section->opt_outs[i] == 0) {
            continue;
        }

        bits.at = section->opt_outs[i];
        value = take(&bits, 2);
        no |= value == OPTED_OUT;
        status = value > OPT_OUT_MAX ? ONSITE_INVALID : ONSITE_OK;
    }

    *tier = no ? ONSITE_CONSENT_NONE : ONSITE_CONSENT_FULL;

    return status;
}


static onsite_status_t
read_section(uint32_t id, onsite_str_t text, onsite_consent_t *tier)
{
    const section_t  *section;

    switch (id) {

    case SECTION_TCF_EU:
        return onsite_consent_tcf(text, tier);

    case SECTION_TCF_CA:
        return read_canada(text, tier);

    case SECTION_USP:
        return read_us_privacy(text, tier);

    default:
        section = find_section(id);

        return section == NULL ? ONSITE_NOT_FOUND
                               : read_us(section, text, tier);
    }
}


/* Fibonacci coding: a bit for each of 1, 2, 3, 5, 8, … in the sum; a second 1
 * in a row ends it. */

static uint32_t
take_fibonacci(bits_t *bits)
{
    uint32_t  bit, last = 0, sum = 0, a = 1, b = 2, next;

    while (!bits->bad) {
        bit = take(bits, 1);

        if (bit && last) {
            return sum;
        }

        sum += bit ? a : 0;
        bits->bad |= sum > UINT16_MAX || a > UINT16_MAX;
        last = bit;
        next = a + b;
        a = b;
        b = next;
    }

    return 0;
}


/* The sections that the header names, and what of it was read. */
typedef struct {
    bits_t        header;
    uint32_t      ranges;       /* left                                    */
    uint32_t      id;           /* of the latest section                   */
    uint32_t      last;         /* of the range that it is in              */
    onsite_str_t  rest;         /* sections behind it                      */
} walk_t;


/* False: that was all, or the header is broken. */

static bool
next_section(walk_t *walk)
{
    uint32_t  group;

    if (walk->id < walk->last) {
        walk->id++;
        return true;
    }

    if (walk->ranges == 0) {
        return false;
    }

    walk->ranges--;
    group = take(&walk->header, 1);
    walk->id += take_fibonacci(&walk->header);
    walk->last = walk->id + (group ? take_fibonacci(&walk->header) : 0);

    return !walk->header.bad;
}


static onsite_status_t
begin_walk(walk_t *walk, onsite_str_t text)
{
    uint32_t  type, version;

    walk->header = bits_of(cut(&text, '~'));
    type = take(&walk->header, 6);
    version = take(&walk->header, 6);
    walk->ranges = take(&walk->header, 12);
    walk->id = 0;
    walk->last = 0;
    walk->rest = text;

    return walk->header.bad || type != GPP_TYPE || version != GPP_VERSION
           ? ONSITE_INVALID : ONSITE_OK;
}


onsite_status_t
onsite_consent_gpp(onsite_str_t text, onsite_consent_t *tier)
{
    bool              known = false;
    walk_t            walk;
    onsite_status_t   status;
    onsite_consent_t  section, weakest = ONSITE_CONSENT_FULL;

    *tier = ONSITE_CONSENT_NONE;

    if (begin_walk(&walk, text) != ONSITE_OK) {
        return ONSITE_INVALID;
    }

    while (next_section(&walk)) {

        if (walk.rest.data == NULL) {
            return ONSITE_INVALID;
        }

        status = read_section(walk.id, cut(&walk.rest, '~'), &section);

        if (status == ONSITE_INVALID) {
            return ONSITE_INVALID;
        }

        if (status == ONSITE_OK) {
            known = true;
            weakest = section < weakest ? section : weakest;
        }
    }

    if (walk.header.bad) {
        return ONSITE_INVALID;
    }

    *tier = known ? weakest : ONSITE_CONSENT_NONE;

    return known ? ONSITE_OK : ONSITE_NOT_FOUND;
}
