/*
 * onsite_template_string.c - what a string in JavaScript is for: data, or code,
 * or where a page goes.  No parser: the words, brackets and signs before it.
 */

#include "onsite_template_html.h"

/* What a name is, and so what a call of it, or an assignment to it, does. */
typedef enum {
    NAME_PLAIN = 0,
    NAME_CALL,                      /* code when called, also by .call     */
    NAME_DIRECT,                    /* ... only right behind it            */
    NAME_TIMER,                     /* ... in its first argument           */
    NAME_IMPORT,
    NAME_PLACE,                     /* location, and all that is its own   */
    NAME_PROPERTY,                  /* code or a URL when assigned         */
    NAME_COMPUTED,                  /* a[b]: nobody here knows             */
    NAME_BRACE                      /* {a: b} = ...                        */
} name_t;

typedef enum {
    SINK_NONE = 0,
    SINK_TIMER,
    SINK_CODE
} sink_t;

typedef struct {
    const char  *name;
    name_t       kind;
} known_t;

static const known_t  known[] = {
    { "eval", NAME_CALL }, { "Function", NAME_CALL },
    { "GeneratorFunction", NAME_CALL }, { "AsyncFunction", NAME_CALL },
    { "constructor", NAME_CALL }, { "execScript", NAME_CALL },
    { "importScripts", NAME_CALL }, { "require", NAME_CALL },
    { "Worker", NAME_CALL }, { "SharedWorker", NAME_CALL },
    { "addModule", NAME_CALL }, { "open", NAME_CALL },
    { "navigate", NAME_CALL }, { "write", NAME_CALL },
    { "writeln", NAME_CALL }, { "insertAdjacentHTML", NAME_CALL },
    { "setHTMLUnsafe", NAME_CALL }, { "parseHTMLUnsafe", NAME_CALL },
    { "parseFromString", NAME_CALL },
    { "createContextualFragment", NAME_CALL }, { "insertRule", NAME_CALL },
    { "setAttribute", NAME_CALL }, { "setAttributeNS", NAME_CALL },
    { "globalEval", NAME_CALL }, { "parseHTML", NAME_CALL },
    { "html", NAME_CALL }, { "$", NAME_DIRECT }, { "jQuery", NAME_DIRECT },
    { "setTimeout", NAME_TIMER }, { "setInterval", NAME_TIMER },
    { "setImmediate", NAME_TIMER }, { "import", NAME_IMPORT },
    { "location", NAME_PLACE }, { "serviceWorker", NAME_PLACE },
    { "href", NAME_PROPERTY }, { "src", NAME_PROPERTY },
    { "srcset", NAME_PROPERTY }, { "srcdoc", NAME_PROPERTY },
    { "innerHTML", NAME_PROPERTY }, { "outerHTML", NAME_PROPERTY },
    { "action", NAME_PROPERTY }, { "formAction", NAME_PROPERTY },
    { "cssText", NAME_PROPERTY }
};


static bool
is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_' || c == '$'
           || (unsigned char) c >= 0x80;
}


static bool
word_is(const onsite_template_js_t *code, const char *name)
{
    return code->word_len == strlen(name)
           && memcmp(code->word, name, code->word_len) == 0;
}


static name_t
known_name(const onsite_template_js_t *code)
{
    size_t  i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (word_is(code, known[i].name)) {
            return known[i].kind;
        }
    }

    return NAME_PLAIN;
}


/* Blanks beyond ASCII look like letters here: neither is kept. */

static void
keep(onsite_template_js_t *code, char c)
{
    if ((unsigned char) c < 0x80 && code->word_len < sizeof(code->word)) {
        code->word[code->word_len++] = c;
    }
}


/* What the word so far is, behind what it is a property of. */

static name_t
name_of_word(const onsite_template_js_t *code)
{
    name_t  name = known_name(code);

    if (code->owner == NAME_IMPORT && word_is(code, "meta")) {
        return NAME_PLAIN;
    }

    if (name == NAME_PROPERTY && !code->dotted) {
        name = NAME_PLAIN;
    }

    if (name == NAME_PLAIN
        && (code->owner == NAME_CALL || code->owner == NAME_TIMER
            || code->owner == NAME_IMPORT || code->owner == NAME_PLACE))
    {
        return code->owner;
    }

    return name;
}


static void
word(onsite_template_js_t *code, char before, char c)
{
    onsite_template_level_t  *level = &code->levels[code->depth];

    if (code->last != 'a' || !is_word_char(before)) {

        if (code->last == 'a' && !code->dotted
            && (word_is(code, "var") || word_is(code, "let")
                || word_is(code, "const")))
        {
            level->sink = level->base;
        }

        code->dotted = code->last == '.';
        code->owner = code->dotted ? code->name : NAME_PLAIN;
        code->word_len = 0;
    }

    keep(code, c);
    code->name = name_of_word(code);
    code->last = 'a';
}


/* Behind this a "(" holds arguments. */

static bool
may_call(const onsite_template_js_t *code)
{
    return code->last == 'a' || code->last == ')' || code->last == ']'
           || code->last == '.';
}


static sink_t
called(const onsite_template_js_t *code)
{
    if (!may_call(code)) {
        return SINK_NONE;
    }

    switch (code->name) {

    case NAME_PLAIN:
    case NAME_PROPERTY:
    case NAME_BRACE:
        return SINK_NONE;

    case NAME_TIMER:
        return SINK_TIMER;

    default:
        return SINK_CODE;
    }
}


static void
open_bracket(onsite_template_js_t *code, char c)
{
    sink_t  sink = code->levels[code->depth].sink;

    if (code->depth + 1 == ONSITE_TEMPLATE_LEVELS) {
        code->lost = true;
        return;
    }

    code->depth++;

    if (c == '(' && called(code) > sink) {
        sink = called(code);

    } else if (c == '{' && sink == SINK_TIMER
               && (code->last == ')' || code->last == '>'))
    {
        sink = SINK_NONE;               /* of a function */

    } else if (c == '{' && code->last == 'a'
               && (word_is(code, "with") || word_is(code, "assert")))
    {
        sink = SINK_CODE;               /* import ... with {...} */
    }

    code->levels[code->depth].call = c == '(' && may_call(code);
    code->levels[code->depth].base = sink;
    code->levels[code->depth].sink = sink;
    code->name = NAME_PLAIN;
}


static void
close_bracket(onsite_template_js_t *code, char c)
{
    bool    call = code->levels[code->depth].call;
    size_t  digits = 0;

    if (code->depth != 0) {
        code->depth--;
    }

    if (c == '}') {
        code->name = NAME_BRACE;

    } else if (c == ')') {
        code->name = call ? NAME_PLAIN : code->name;

    } else if (code->last == '"') {
        code->name = code->key;

    } else {
        while (digits < code->word_len && code->word[digits] >= '0'
               && code->word[digits] <= '9')
        {
            digits++;
        }

        code->name = code->last == 'a' && digits == code->word_len
                     ? NAME_PLAIN : NAME_COMPUTED;
    }
}


/* "=" may yet become "==" or "=>". */

static void
assign(onsite_template_js_t *code, char before)
{
    onsite_template_level_t  *level = &code->levels[code->depth];

    if (before == '=') {
        level->sink = level->saved;
        return;
    }

    if (before == '!' || before == '<' || before == '>') {
        return;
    }

    level->saved = level->sink;

    if (code->name >= NAME_PLACE) {
        level->sink = SINK_CODE;
    }
}


static void
arrow(onsite_template_js_t *code, char before)
{
    onsite_template_level_t  *level = &code->levels[code->depth];

    if (before != '=') {
        return;
    }

    level->sink = level->saved;

    if (level->sink == SINK_TIMER) {
        level->base = SINK_NONE;
        level->sink = SINK_NONE;
    }
}


static void
separate(onsite_template_js_t *code, char c)
{
    onsite_template_level_t  *level = &code->levels[code->depth];

    if (c == ',' && level->call && level->base == SINK_TIMER) {
        level->base = SINK_NONE;
    }

    level->sink = level->base;
}


static void
sign(onsite_template_js_t *code, char before, char c)
{
    switch (c) {

    case '(':
    case '[':
    case '{':
        open_bracket(code, c);
        break;

    case ')':
    case ']':
    case '}':
        close_bracket(code, c);
        break;

    case '=':
        assign(code, before);
        code->name = NAME_PLAIN;
        break;

    case '.':                           /* also what "=" may follow */
    case '?':
    case '+':
    case '|':
    case '&':
        break;

    case '>':
        arrow(code, before);
        code->name = NAME_PLAIN;
        break;

    case '\\':
        code->lost = true;
        break;

    case ';':
    case ',':
        separate(code, c);
        code->name = NAME_PLAIN;
        break;

    default:
        code->name = NAME_PLAIN;
    }

    code->last = c;
}


void
onsite_template_js_byte(onsite_template_js_t *code, char before, char c)
{
    if (is_word_char(c)) {
        word(code, before, c);

    } else if ((unsigned char) c > ' ') {
        sign(code, before, c);
    }
}


/* Behind a name there is no string that is data, but for these. */

static bool
may_follow_word(const onsite_template_js_t *code)
{
    size_t  i;

    static const char *const  words[] = {
        "return", "case", "typeof", "in", "of", "throw", "yield", "await",
        "default", "else", "void", "instanceof"
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]) && !code->dotted; i++) {
        if (word_is(code, words[i])) {
            return true;
        }
    }

    return false;
}


void
onsite_template_js_quote(onsite_template_js_t *code)
{
    code->data = !code->lost
                 && code->levels[code->depth].sink == SINK_NONE
                 && (code->last == 'a' ? may_follow_word(code)
                     : code->last != ')' && code->last != ']'
                       && code->last != '"' && code->last != '.');
    code->key = code->last == '[' ? NAME_PLAIN : NAME_COMPUTED;
    code->word_len = 0;
}


void
onsite_template_js_text(onsite_template_js_t *code, char c)
{
    if (c == '\\') {
        code->key = NAME_COMPUTED;
    }

    keep(code, c);
}


void
onsite_template_js_end(onsite_template_js_t *code)
{
    if (code->key == NAME_PLAIN) {
        code->key = known_name(code);
    }

    code->name = NAME_PLAIN;
    code->last = '"';
}


bool
onsite_template_js_value(onsite_template_js_t *code)
{
    code->key = NAME_COMPUTED;

    return code->data;
}
