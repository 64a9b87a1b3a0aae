/*
 * onsite_inject_tree.h - the scanner's own: its state, and how its parts call
 * one another.  Included by onsite_inject*.c only.
 *
 *   onsite_inject.c        bytes in, slices out
 *   onsite_inject_whole.c  text, and tags that the input holds to their ends;
 *                          _sweep*, those of them that change nothing
 *   onsite_inject_tag.c    other tags, byte by byte
 *   onsite_inject_text.c   text modes, comments and other markup
 *   onsite_inject_tree.c   which text mode comes next, what is foreign
 *   onsite_inject_place.c  head and body, with or without their tags
 *   onsite_inject_slot.c   where slots begin and end; _slot_tag.c and
 *                          _slot_end.c, what a tag does in one; _kind.c, kinds
 *                          of elements
 *   onsite_inject_values.c the attributes that are read
 *   onsite_inject_where.c  in which context a template's placeholder stands
 *   onsite_inject_balance.c whether a template's HTML is whole; _reason.c, why
 *                          it is not
 *   onsite_inject_find.c   finding bytes
 *
 * Offsets are counted from the beginning of the document, in bytes.
 */

#ifndef ONSITE_INJECT_TREE_H
#define ONSITE_INJECT_TREE_H

#include "onsite_inject.h"
#include "onsite_inject_name.h"

#define ONSITE_INJECT_DEPTH      64     /* open elements that are followed */
#define ONSITE_INJECT_ATTRIBUTE  31
#define ONSITE_INJECT_POLICIES   8
#define ONSITE_INJECT_POLICY     4096   /* bytes, as written               */
#define ONSITE_INJECT_BASE       2048   /* of an href, as written          */
#define ONSITE_INJECT_VALUE      256    /* as above, other values, comments*/
#define ONSITE_INJECT_WASTE      512    /* what a slot counts at least of
                                           ONSITE_SLOTS_WASTE_MAX: more than
                                           a comment or a tag around it    */

typedef const unsigned char  byte_t;

/* Classes of bytes in tags. */

#define SPACE    0x01
#define SLASH    0x02
#define CLOSE    0x04
#define EQUALS   0x08
#define LETTER   0x10

#define NAME_END       (SPACE | SLASH | CLOSE)
#define ATTRIBUTE_END  (SPACE | SLASH | CLOSE | EQUALS)

extern const uint8_t  onsite_inject_classes[256];

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

/* How far the document is, whether tags said so or not. */
typedef enum {
    ONSITE_STAGE_START = 0,             /* before <head>                   */
    ONSITE_STAGE_HEAD,
    ONSITE_STAGE_AFTER_HEAD,
    ONSITE_STAGE_BODY,
    ONSITE_STAGE_END                    /* behind </body> or </html>       */
} onsite_stage_t;

/* Of which tag attributes are read. */
typedef enum {
    ONSITE_READ_NOTHING = 0,
    ONSITE_READ_META,
    ONSITE_READ_BASE,
    ONSITE_READ_SLOT
} onsite_reads_t;

/* What kind of element a tag's name opens; see onsite_inject_slot.c. */
typedef uint8_t  onsite_kind_t;

/* A slot being left out. */
typedef struct {
    bool            open;
    bool            ended;              /* at cut: to be filled now        */
    unsigned        index;
    onsite_kind_t   kind;               /* of its element                  */
    uint64_t        name;
    uint64_t        from;               /* where its content begins        */
    unsigned        comments;           /* slots' comments inside          */
    unsigned        depth;              /* elements opened inside          */
    onsite_kind_t   kinds[ONSITE_INJECT_DEPTH];
    uint64_t        names[ONSITE_INJECT_DEPTH];
} onsite_inject_slot_t;

struct onsite_inject_s {
    onsite_scan_t   state;
    onsite_scan_t   back;               /* where a name that is none leads */

    /* the tag being read */
    uint64_t        name;               /* see onsite_inject_name.h        */
    uint32_t        name_len;
    uint64_t        first_eight;        /* bytes, where there are more     */
    bool            end_tag;
    bool            self_closing;
    bool            font;               /* color, face or size was met     */
    bool            raw_end;            /* the end tag of a text mode      */
    bool            value_started;
    uint8_t         word;               /* how much of DOCTYPE, [CDATA[    */
    uint8_t         attribute_len;
    char            attribute[ONSITE_INJECT_ATTRIBUTE];

    /* its attributes that are read */
    onsite_reads_t  reads;
    unsigned        met;                /* bit an attribute                */
    unsigned        value_of;           /* bit, or 0: not kept             */
    size_t          value_len;          /* over the bound: too long        */
    char            value[ONSITE_INJECT_VALUE]; /* of a slot, of
                                           http-equiv; a comment's text    */
    size_t          content_len;
    char           *content;            /* of a meta or base; NULL until
                                           needed                          */

    /* the tree around it */
    uint64_t        text;               /* name of the text mode's element */
    bool            in_select;
    bool            body_seen;          /* its tag                         */
    bool            document;
    bool            stray;              /* </template> without its start   */
    bool            lost;
    onsite_stage_t  stage;
    unsigned        depth;
    uint8_t         kinds[ONSITE_INJECT_DEPTH];
    uint64_t        names[ONSITE_INJECT_DEPTH];
    bool            seen[ONSITE_INJECT_NAMES + 1];  /* what start tags in
                                           HTML began with; at last, what
                                           others did                      */

    /* insertions */
    unsigned        wanted;             /* bit a place                     */
    unsigned        due;                /* bit a place, all of them at cut */
    uint64_t        cut;
    unsigned        count;
    bool            follow;             /* nothing to insert, read all     */
    onsite_vectors_t  vectors;
    uint64_t        noted;              /* see ONSITE_INJECT_NOTED         */

    /* slots and policies */
    const onsite_str_t      *slot_names;
    unsigned                 n_slots;   /* 0: none are looked for          */
    unsigned                 filled;    /* bit a slot                      */
    unsigned                 n_filled;  /* also of one name                */
    size_t                   waste;     /* see onsite_inject_slot_waste    */
    unsigned                 may_be_open;   /* see onsite_inject_slot.c    */
    unsigned                 tables;
    onsite_inject_slot_t     slot;
    onsite_inject_alloc_pt   alloc;
    void                    *alloc_data;
    unsigned                 n_policies;
    bool                     policies_lost;
    bool                     wide;
    bool                     begun;
    bool                     mark_over; /* no byte order mark any more     */
    unsigned                 mark_len;  /* bytes of one                    */
    unsigned char            mark;      /* its first                       */
    onsite_str_t             policies[ONSITE_INJECT_POLICIES];
    onsite_str_t             base_href; /* NULL: none                      */

    /* output */
    onsite_str_t    input;
    bool            last;
    bool            ended;              /* the end was dealt with          */
    size_t          pos;                /* scanned of input                */
    uint64_t        base;               /* where input begins              */
    uint64_t        sent;               /* given, or left out              */
    uint64_t        tag;                /* where the tag begins            */
    unsigned        n_held;             /* of a tag: the last before base  */
    char            held[ONSITE_INJECT_HELD];
    char           *kept;               /* what of a slot is held back;
                                           NULL until needed               */
    size_t          kept_room;          /* its size                        */
    size_t          kept_from;          /* what is before was given        */
    size_t          n_kept;
    uint64_t        kept_to;            /* where it ends                   */
};

static inline uint64_t
onsite_inject_at(const onsite_inject_t *inject, byte_t *p)
{
    return inject->base + (uint64_t) (p - (byte_t *) inject->input.data);
}


/* What is inserted goes in before anything else is read. */

static inline bool
onsite_inject_stopped(const onsite_inject_t *inject)
{
    return inject->due != 0 || inject->slot.ended;
}


/* onsite_inject_tag.c: from "<" on, and what is between tags. */
byte_t *onsite_inject_scan_data(onsite_inject_t *inject, byte_t *p,
    byte_t *end);
byte_t *onsite_inject_scan_tag(onsite_inject_t *inject, byte_t *p,
    byte_t *end);

/* onsite_inject_text.c */
byte_t *onsite_inject_scan_markup(onsite_inject_t *inject, byte_t *p,
    byte_t *end);
byte_t *onsite_inject_scan_text(onsite_inject_t *inject, byte_t *p,
    byte_t *end);

/* onsite_inject_tree.c: a tag is complete: opens and closes elements, sets
 * state to how the text behind it is read. */
void onsite_inject_start_tag(onsite_inject_t *inject);
void onsite_inject_end_tag(onsite_inject_t *inject);

/* In SVG or MathML. */
bool onsite_inject_foreign(const onsite_inject_t *inject);

/* An element of the tag's name may still be open. */
bool onsite_inject_may_be_open(const onsite_inject_t *inject);

/* The start tags of HTML so far, by what their names begin with: an end tag
 * that begins like none of them closes nothing. */

static inline void
onsite_inject_see(onsite_inject_t *inject, uint32_t begins)
{
    inject->seen[ONSITE_INJECT_INDEX(begins)] = true;
}


static inline bool
onsite_inject_saw(const onsite_inject_t *inject, uint32_t begins)
{
    return inject->seen[ONSITE_INJECT_INDEX(begins)];
}


bool onsite_inject_is_void(uint64_t name);

/* Copies from here on. */
void onsite_inject_give_up(onsite_inject_t *inject);

/* onsite_inject_place.c, outside of template, svg and math: text that is not
 * white begins at offset; a tag's name is complete, the tag itself may still
 * be held back; the input ends in a tag's name; a start tag is complete, in
 * front of offset; the document is over. */
void onsite_inject_place_text(onsite_inject_t *inject, uint64_t offset);
void onsite_inject_place_tag(onsite_inject_t *inject);
void onsite_inject_place_part(onsite_inject_t *inject);
void onsite_inject_place_behind(onsite_inject_t *inject, uint64_t offset);
void onsite_inject_place_end(onsite_inject_t *inject);

/* The tag that the input ends in, as far as it goes, decides on a place: it
 * is held back. */
bool onsite_inject_undecided(const onsite_inject_t *inject);

/* In front of the body something of a place may come up. */

static inline bool
onsite_inject_early(const onsite_inject_t *inject)
{
    return inject->stage < ONSITE_STAGE_BODY && inject->depth == 0
           && !inject->follow;
}

/* onsite_inject_slot*.c: text in a slot; a tag's name is complete; a start tag
 * is, and begins a slot if it is one; a comment is, with its text; what is
 * open is not filled, because of a tag, or of what is at offset; from here on
 * there are no slots. */
void onsite_inject_slot_text(onsite_inject_t *inject, byte_t *p, byte_t *end);
void onsite_inject_slot_tag(onsite_inject_t *inject);
void onsite_inject_slot_begin(onsite_inject_t *inject, uint64_t offset);
void onsite_inject_slot_comment(onsite_inject_t *inject, uint64_t offset);
void onsite_inject_slot_fail(onsite_inject_t *inject);
void onsite_inject_slot_fail_at(onsite_inject_t *inject, uint64_t offset);
void onsite_inject_slot_none(onsite_inject_t *inject);

/* Bytes that may have been held back and were sent after all: the memory that
 * they lie in is not used again. */
void onsite_inject_slot_waste(onsite_inject_t *inject, uint64_t bytes);

/* Follows what may be open around slots: each tag in HTML that matters to
 * that. */
void onsite_inject_slot_note(onsite_inject_t *inject, uint64_t name,
    bool end_tag);

/* onsite_inject_values.c: a tag's name is complete: are its attributes read?
 * The name of an attribute is, bytes of a value, the whole tag; decoded, the
 * value that was read. */
void onsite_inject_values_begin(onsite_inject_t *inject);
void onsite_inject_values_name(onsite_inject_t *inject);
void onsite_inject_values_add(onsite_inject_t *inject, byte_t *p, size_t len);
void onsite_inject_values_meta(onsite_inject_t *inject);
void onsite_inject_values_base(onsite_inject_t *inject);
onsite_str_t onsite_inject_values_slot(onsite_inject_t *inject);

#endif
