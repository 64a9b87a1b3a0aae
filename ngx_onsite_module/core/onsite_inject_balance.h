/*
 * onsite_inject_balance.h - whether HTML is whole: put into a page, it closes
 * nothing of the page and leaves nothing open behind it.
 *
 * Stricter than a tree builder, so that what passes is read alike by all: an
 * element is closed by its own end tag, innermost first; end tags that HTML
 * lets be omitted may be, where an element of the same HTML ends around them.
 */

#ifndef ONSITE_INJECT_BALANCE_H
#define ONSITE_INJECT_BALANCE_H

#include "onsite_inject.h"

#define ONSITE_BALANCE_DEPTH  128

typedef struct {
    uint64_t      name;             /* see onsite_inject_name.h            */
    size_t        at;               /* of its tag                          */
    uint8_t       kind;
} onsite_balance_element_t;

typedef struct {
    onsite_str_t              text;
    size_t                    tag;  /* where the tag being read begins     */
    unsigned                  scanned;
    unsigned                  state;
    bool                      html; /* not in SVG or MathML                */
    bool                      text_ends;    /* the tag is of a text mode   */
    unsigned                  depth;
    onsite_balance_element_t  open[ONSITE_BALANCE_DEPTH];
    bool                      refused;  /* the rest is not looked at       */
    size_t                    at;   /* what of                             */
    char                      reason[240];
} onsite_balance_t;

void onsite_balance_init(onsite_balance_t *balance, onsite_str_t text);

/* Around feeding the byte at an offset of text to the scanner, alone. */
void onsite_balance_before(onsite_balance_t *balance,
    const onsite_inject_t *scan, size_t offset);
void onsite_balance_after(onsite_balance_t *balance,
    const onsite_inject_t *scan, size_t offset);

/* The same is open. */
bool onsite_balance_same(const onsite_balance_t *a, const onsite_balance_t *b);

void onsite_balance_end(onsite_balance_t *balance);

/* The first reason counts. */
void onsite_balance_refuse(onsite_balance_t *balance, size_t at,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* For the tag being read, with what is wrong; it would close element i, which
 * more may be open in; the end tag closes nothing that is open here, or what
 * more is open in. */
void onsite_balance_refuse_tag(onsite_balance_t *balance, const char *reason);
void onsite_balance_refuse_close(onsite_balance_t *balance, unsigned i);
void onsite_balance_refuse_end(onsite_balance_t *balance,
    const onsite_inject_t *scan);

#endif
