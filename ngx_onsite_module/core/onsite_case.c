/*
 * onsite_case.c - upper and lower case of text, and where it may be cut.
 */

#include "onsite_case_table.h"
#include "onsite_case.h"
#include "onsite_coerce.h"

#define SIGMA        0x3a3
#define SIGMA_FINAL  0x3c2
#define JOINER       0x200d
#define FLAG_FIRST   0x1f1e6
#define FLAG_LAST    0x1f1ff

typedef struct {
    const onsite_case_range_t    *ranges;
    size_t                        n_ranges;
    const onsite_case_special_t  *specials;
    size_t                        n_specials;
} mapping_t;


static bool
is_in(const onsite_case_span_t *spans, size_t n, uint32_t c)
{
    size_t  low = 0, high = n, middle;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (spans[middle].last < c) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }

    return low < n && spans[low].first <= c;
}


static uint32_t
map_one(const mapping_t *mapping, uint32_t c)
{
    size_t                      low = 0, high = mapping->n_ranges, middle;
    const onsite_case_range_t  *range;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (mapping->ranges[middle].last < c) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }

    range = &mapping->ranges[low];

    return low < mapping->n_ranges && range->first <= c
           && (c - range->first) % (uint32_t) range->step == 0
           ? (uint32_t) ((int32_t) c + range->delta) : c;
}


static size_t
map(const mapping_t *mapping, uint32_t c, char *out)
{
    size_t                        low = 0, high = mapping->n_specials, middle;
    const onsite_case_special_t  *special;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (mapping->specials[middle].c < c) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }

    special = &mapping->specials[low];

    if (low < mapping->n_specials && special->c == c) {
        memcpy(out, special->to, special->len);
        return special->len;
    }

    return onsite_utf8_write(map_one(mapping, c), out);
}


/* Beside a sigma: what is looked over, and what is a letter there. */

static bool
is_ignored(uint32_t c)
{
    return c < 0x80 ? memchr("'.:^`", (int) c, 5) != NULL
           : is_in(onsite_case_ignored, onsite_case_n_ignored, c);
}


static bool
is_cased(uint32_t c)
{
    return c < 0x80 ? (c | 0x20) >= 'a' && (c | 0x20) <= 'z'
           : is_in(onsite_case_cased, onsite_case_n_cased, c);
}


static bool
letter_follows(const char *p, const char *end)
{
    uint32_t  c;

    while (p != end) {
        c = onsite_utf8_next(&p, end);

        if (!is_ignored(c)) {
            return is_cased(c);
        }
    }

    return false;
}


/* A byte that begins no character is copied. */

static bool
is_character(const char *p, const char *end)
{
    return onsite_utf8_length((const unsigned char *) p, (size_t) (end - p))
           != 0;
}


size_t
onsite_case_upper(onsite_str_t text, char *out)
{
    char            *to = out;
    const char      *p = text.data, *end = text.data + text.len;
    const mapping_t  upper = {
        onsite_case_upper_ranges, onsite_case_n_upper_ranges,
        onsite_case_upper_specials, onsite_case_n_upper_specials
    };

    while (p != end) {
        if ((unsigned char) *p < 0x80 || !is_character(p, end)) {
            *to++ = *p >= 'a' && *p <= 'z' ? (char) (*p - 'a' + 'A') : *p;
            p++;

        } else {
            to += map(&upper, onsite_utf8_next(&p, end), to);
        }
    }

    return (size_t) (to - out);
}


size_t
onsite_case_lower(onsite_str_t text, char *out)
{
    bool             letter = false;        /* before p, as a sigma sees it */
    char            *to = out;
    uint32_t         c;
    const char      *p = text.data, *end = text.data + text.len;
    const mapping_t  lower = {
        onsite_case_lower_ranges, onsite_case_n_lower_ranges,
        onsite_case_lower_specials, onsite_case_n_lower_specials
    };

    while (p != end) {
        if (!is_character(p, end)) {
            *to++ = *p++;
            letter = false;
            continue;
        }

        c = onsite_utf8_next(&p, end);

        if (c < 0x80) {
            *to++ = (char) (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);

        } else if (c == SIGMA && letter && !letter_follows(p, end)) {
            to += onsite_utf8_write(SIGMA_FINAL, to);

        } else {
            to += map(&lower, c, to);
        }

        letter = is_ignored(c) ? letter : is_cased(c);
    }

    return (size_t) (to - out);
}


static bool
is_blank(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 || c == 0x1680
           || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029
           || c == 0x202f || c == 0x205f || c == 0x3000;
}


static bool
is_flag(uint32_t c)
{
    return c >= FLAG_FIRST && c <= FLAG_LAST;
}


/* The first part of a Korean syllable that is written in parts; others of
 * them are in the table. */

static bool
begins_syllable(uint32_t c)
{
    return (c >= 0x1100 && c <= 0x115f) || (c >= 0xa960 && c <= 0xa97c);
}


static bool
continues_syllable(uint32_t c)
{
    return begins_syllable(c) || (c >= 0xac00 && c <= 0xd7a3);
}


/* Where a cut may be, as far as it was read. */
typedef struct {
    uint32_t     before;        /* the character before p                  */
    size_t       flags;         /* how many there are up to it             */
    size_t       n;             /* characters before p                     */
    const char  *cut;           /* the last place, and what was before it  */
    size_t       cut_n;
    const char  *word;          /* of those, the last at a word's end      */
    size_t       word_n;
} cut_t;


/* No character is parted from what joins it. */

static bool
may_part(const cut_t *cut, uint32_t c)
{
    return cut->before != JOINER
           && (c < 0x80
               || !is_in(onsite_case_joined, onsite_case_n_joined, c))
           && !(is_flag(c) && cut->flags % 2 == 1)
           && !(begins_syllable(cut->before) && continues_syllable(c));
}


/* The place before c, at p. */

static void
look(cut_t *cut, uint32_t c, const char *p)
{
    if (may_part(cut, c) && !is_blank(cut->before)) {
        cut->cut = p;
        cut->cut_n = cut->n;

        if (is_blank(c)) {
            cut->word = p;
            cut->word_n = cut->n;
        }
    }

    cut->flags = is_flag(c) ? cut->flags + 1 : 0;
    cut->before = c;
    cut->n++;
}


size_t
onsite_case_cut(onsite_str_t text, size_t max)
{
    cut_t        cut = { .before = ' ', .cut = text.data, .word = text.data };
    uint32_t     c;
    const char  *at, *p = text.data, *end = text.data + text.len;

    if (text.len <= max) {
        return text.len;
    }

    while (p != end && cut.n < max) {
        at = p;
        c = onsite_utf8_next(&p, end);
        look(&cut, c, at);
    }

    if (p == end) {
        return text.len;
    }

    return (size_t) ((cut.word_n * 2 >= max ? cut.word : cut.cut)
                     - text.data);
}
