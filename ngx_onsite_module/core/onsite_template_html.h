/*
 * onsite_template_html.h - an HTML template that is being compiled.  Included
 * by onsite_template_html.c, _context.c, _script.c and _string.c only.
 */

#ifndef ONSITE_TEMPLATE_HTML_H
#define ONSITE_TEMPLATE_HTML_H

#include "onsite_template_program.h"
#include "onsite_inject_balance.h"

#define ONSITE_TEMPLATE_URL    512      /* bytes of a URL that are looked at */
#define ONSITE_TEMPLATE_TYPE    64      /* bytes of a script's type          */
#define ONSITE_TEMPLATE_LEVELS  64      /* brackets inside one another       */

/* Where a script stands, as far as a line of sight goes: quoted strings and
 * comments are followed, what needs a parser of the language is not. */
typedef enum {
    ONSITE_JS_CODE = 0,
    ONSITE_JS_SINGLE,               /* in '...'                            */
    ONSITE_JS_SINGLE_ESCAPE,
    ONSITE_JS_DOUBLE,
    ONSITE_JS_DOUBLE_ESCAPE,
    ONSITE_JS_SLASH,                /* behind "/" in code                  */
    ONSITE_JS_LINE,                 /* comments                            */
    ONSITE_JS_BLOCK,
    ONSITE_JS_BLOCK_STAR,
    ONSITE_JS_UNSURE                /* to the end of the script            */
} onsite_js_t;

/* What stands between brackets: what a string there is for, at its beginning,
 * by now, and before the last "=". */
typedef struct {
    uint8_t  base;
    uint8_t  sink;
    uint8_t  saved;
    bool     call;                  /* the arguments of one                */
} onsite_template_level_t;

/* The code before a string, without blanks and comments. */
typedef struct {
    char                     word[32];      /* the last, or a text in [] */
    size_t                   word_len;
    bool                     dotted;        /* a property                */
    uint8_t                  owner;         /* of what                   */
    uint8_t                  name;          /* what was named last       */
    uint8_t                  key;           /* ... by the text in []     */
    char                     last;          /* sign; 'a': a word, '"': a
                                               string                    */
    bool                     lost;
    bool                     data;          /* this string is no more    */
    unsigned                 depth;
    onsite_template_level_t  levels[ONSITE_TEMPLATE_LEVELS];
} onsite_template_js_t;

/* A script element, while its tag or its text is read. */
typedef struct {
    onsite_js_t           js;
    onsite_template_js_t  code;
    char                  before;               /* the byte before         */
    char                  type[ONSITE_TEMPLATE_TYPE];   /* the attribute   */
    size_t                type_len;             /* may be more             */
    bool                  typed;                /* another type is ignored */
} onsite_template_script_t;

typedef struct {
    onsite_template_maker_t    maker;
    onsite_inject_t           *scan;
    onsite_inject_t           *saved[ONSITE_TEMPLATE_DEPTH];
    onsite_balance_t          *balance;
    onsite_balance_t          *balances;        /* of the sections         */
    onsite_template_script_t   script;
    char                       url[ONSITE_TEMPLATE_URL];
                                                /* the value so far        */
    size_t                     url_len;
    bool                       url_starts;      /* with a placeholder      */
} onsite_template_html_t;

typedef struct {
    onsite_html_where_t  where;
    bool                 script;        /* in the text of one              */
    bool                 type;          /* in the type of one              */
} onsite_template_place_t;


static inline bool
onsite_template_in_value(onsite_html_where_t where)
{
    return where == ONSITE_HTML_VALUE_DOUBLE
           || where == ONSITE_HTML_VALUE_SINGLE;
}


/* _context.c: which escaping a placeholder needs where it stands; INVALID:
 * none would do. */
onsite_status_t onsite_template_context(onsite_template_html_t *h,
    const onsite_template_tag_t *tag, onsite_escape_t *escape);

onsite_status_t onsite_template_refuse(onsite_template_html_t *h,
    const onsite_template_tag_t *tag, const char *where, const char *remedy);


/* _script.c: where the scanner is before it reads a byte, ... */
onsite_template_place_t onsite_template_place(const onsite_inject_t *scan);

/* ... and the byte c, which it has read since. */
void onsite_template_script_follow(onsite_template_html_t *h,
    onsite_template_place_t was, char c);

/* _string.c: a byte of code, a quote that opens a string, its text, the quote
 * that ends it; a placeholder in it: whether it is but data. */
void onsite_template_js_byte(onsite_template_js_t *code, char before,
    char c);
void onsite_template_js_quote(onsite_template_js_t *code);
void onsite_template_js_text(onsite_template_js_t *code, char c);
void onsite_template_js_end(onsite_template_js_t *code);
bool onsite_template_js_value(onsite_template_js_t *code);

onsite_status_t onsite_template_in_script(onsite_template_html_t *h,
    const onsite_template_tag_t *tag, onsite_escape_t *escape);

#endif
