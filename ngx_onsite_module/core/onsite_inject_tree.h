/*
 * onsite_inject_tree.h - the scanner's own: its state, and the little of tree
 * construction that it needs.  Included by onsite_inject*.c only.
 */

#ifndef ONSITE_INJECT_TREE_H
#define ONSITE_INJECT_TREE_H

#include "onsite_inject.h"
#include "onsite_inject_name.h"

#define ONSITE_INJECT_DEPTH      64     /* open elements that are followed */
#define ONSITE_INJECT_ATTRIBUTE  31
#define ONSITE_INJECT_POLICIES   8

typedef enum {
    ONSITE_SCAN_DATA = 0,
    ONSITE_SCAN_TAG_OPEN,               /* behind "<"                      */
    ONSITE_SCAN_END_TAG_OPEN,           /* behind "</"                     */
    ONSITE_SCAN_TAG_NAME,
    ONSITE_SCAN_BEFORE_NAME,            /* of an attribute                 */
    ONSITE_SCAN_NAME,
    ONSITE_SCAN_AFTER_NAME,
    ONSITE_SCAN_BEFORE_VALUE,
    ONSITE_SCAN_VALUE_DOUBLE,
    ONSITE_SCAN_VALUE_SINGLE,
    ONSITE_SCAN_VALUE_UNQUOTED,
    ONSITE_SCAN_SLASH,                  /* behind "/" in a tag             */
    ONSITE_SCAN_MARKUP,                 /* behind "<!"                     */
    ONSITE_SCAN_MARKUP_DASH,            /* behind "<!-"                    */
    ONSITE_SCAN_MARKUP_WORD,            /* in DOCTYPE or [CDATA[           */
    ONSITE_SCAN_BOGUS,                  /* bogus comments and doctypes: to
                                           the next ">"                    */
    ONSITE_SCAN_COMMENT_START,
    ONSITE_SCAN_COMMENT_START_DASH,
    ONSITE_SCAN_COMMENT,
    ONSITE_SCAN_COMMENT_DASH,
    ONSITE_SCAN_COMMENT_END,            /* behind "--"                     */
    ONSITE_SCAN_COMMENT_BANG,           /* behind "--!"                    */
    ONSITE_SCAN_CDATA,
    ONSITE_SCAN_CDATA_BRACKET,
    ONSITE_SCAN_CDATA_END,              /* behind "]]"                     */
    ONSITE_SCAN_RAW,                    /* RCDATA, RAWTEXT                 */
    ONSITE_SCAN_RAW_OPEN,               /* behind "<"                      */
    ONSITE_SCAN_RAW_NAME,               /* in a name behind "</"           */
    ONSITE_SCAN_SCRIPT,
    ONSITE_SCAN_SCRIPT_OPEN,
    ONSITE_SCAN_SCRIPT_BANG,            /* behind "<!"                     */
    ONSITE_SCAN_SCRIPT_BANG_DASH,       /* behind "<!-"                    */
    ONSITE_SCAN_ESCAPED,                /* in "<!--" of a script           */
    ONSITE_SCAN_ESCAPED_DASH,
    ONSITE_SCAN_ESCAPED_DASHES,
    ONSITE_SCAN_ESCAPED_OPEN,
    ONSITE_SCAN_ESCAPED_NAME,           /* of a start tag in there         */
    ONSITE_SCAN_TWICE,                  /* script data double escaped      */
    ONSITE_SCAN_TWICE_DASH,
    ONSITE_SCAN_TWICE_DASHES,
    ONSITE_SCAN_TWICE_OPEN,
    ONSITE_SCAN_TWICE_NAME,             /* of an end tag in there          */
    ONSITE_SCAN_COPY                    /* to the end, unread              */
} onsite_scan_t;

/* Elements that are followed: from the outermost template, svg or math on. */
typedef enum {
    ONSITE_OPEN_TEMPLATE = 0,
    ONSITE_OPEN_HTML,                   /* inside an integration point     */
    ONSITE_OPEN_SVG,
    ONSITE_OPEN_SVG_POINT,              /* HTML integration point          */
    ONSITE_OPEN_MATH,
    ONSITE_OPEN_MATH_POINT              /* MathML text integration point   */
} onsite_open_t;

struct onsite_inject_s {
    onsite_scan_t   state;
    onsite_scan_t   back;               /* where a name that is none leads */

    /* the tag being read */
    uint64_t        name;               /* see onsite_inject_name.h        */
    uint32_t        name_len;
    bool            end_tag;
    bool            self_closing;
    bool            font;               /* color, face or size was met     */
    bool            raw_end;            /* the end tag of a text mode      */
    bool            value_started;
    uint8_t         word;               /* how much of DOCTYPE, [CDATA[    */
    uint8_t         attribute_len;
    char            attribute[ONSITE_INJECT_ATTRIBUTE];

    /* the tree around it */
    uint64_t        text;               /* name of the text mode's element */
    bool            in_select;
    bool            body_seen;
    bool            head_over;          /* <head> would be ignored by now  */
    bool            document;
    bool            stray;              /* </template> without its start   */
    bool            lost;
    unsigned        depth;
    uint8_t         kinds[ONSITE_INJECT_DEPTH];
    uint64_t        names[ONSITE_INJECT_DEPTH];
    uint64_t        seen[ONSITE_INJECT_WORDS];  /* start tags, a Bloom set */

    /* insertions */
    unsigned        wanted;             /* bit a place                     */
    unsigned        count;
    bool            follow;             /* nothing to insert, read all     */
    unsigned        place;              /* to insert now; ONSITE_PLACES: no*/
    size_t          cut;                /* there, an offset in input       */
    bool            before_held;        /* there, ahead of what is held    */

    /* slots and policies */
    const onsite_str_t      *slot_names;
    unsigned                 n_slots;
    unsigned                 filled;    /* bit a slot                      */
    onsite_inject_alloc_pt   alloc;
    void                    *alloc_data;
    unsigned                 n_policies;
    bool                     policies_lost;
    bool                     wide;
    onsite_str_t             policies[ONSITE_INJECT_POLICIES];

    /* output */
    onsite_str_t    input;
    bool            last;
    bool            ended;              /* the end was dealt with          */
    size_t          pos;                /* scanned                         */
    size_t          sent;
    size_t          tag;                /* offset of the tag's "<"         */
    bool            tag_held;           /* it is held back                 */
    unsigned        n_held;
    unsigned        held_out;           /* of them, sent                   */
    char            held[ONSITE_INJECT_HELD];
};

/* The names of all HTML start tags so far: an end tag whose name is not among
 * them closes nothing. */

static inline void
onsite_inject_see(onsite_inject_t *inject, uint64_t name)
{
    inject->seen[ONSITE_INJECT_WORD(name)]
        |= ONSITE_INJECT_BIT(name);
}


static inline bool
onsite_inject_saw(const onsite_inject_t *inject, uint64_t name)
{
    return (inject->seen[ONSITE_INJECT_WORD(name)]
            & ONSITE_INJECT_BIT(name)) != 0;
}


/* A tag is complete: opens and closes elements, sets state to how the text
 * behind it is read. */
void onsite_inject_start_tag(onsite_inject_t *inject);
void onsite_inject_end_tag(onsite_inject_t *inject);

/* The current element is SVG's or MathML's: CDATA sections are known. */
bool onsite_inject_foreign(const onsite_inject_t *inject);

/* How the page goes on cannot be told any more. */
void onsite_inject_give_up(onsite_inject_t *inject);

#endif
