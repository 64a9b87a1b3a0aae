/*
 * onsite_template_script.c - placeholders in scripts: of which type a script
 * is, where in its text a string is, and that nothing else is safe.
 */

#include "onsite_template_html.h"

#include <strings.h>

typedef enum {
    TYPE_JAVASCRIPT = 0,
    TYPE_JSON,
    TYPE_OTHER                  /* what it holds, nobody here knows        */
} script_type_t;


static onsite_js_t
js_in_code(char before, char c)
{
    switch (c) {

    case '\'':
        return ONSITE_JS_SINGLE;

    case '"':
        return ONSITE_JS_DOUBLE;

    case '/':
        return ONSITE_JS_SLASH;

    case '`':
        return ONSITE_JS_UNSURE;

    case '!':                   /* "<!--" is a comment there, too          */
        return before == '<' ? ONSITE_JS_UNSURE : ONSITE_JS_CODE;

    case '>':
        return before == '-' ? ONSITE_JS_UNSURE : ONSITE_JS_CODE;

    default:
        return ONSITE_JS_CODE;
    }
}


static onsite_js_t
js_in_string(onsite_js_t js, char c)
{
    char  quote = js == ONSITE_JS_SINGLE ? '\'' : '"';

    if (c == quote) {
        return ONSITE_JS_CODE;
    }

    if (c == '\\') {
        return js + 1;
    }

    return c == '\n' || c == '\r' ? ONSITE_JS_UNSURE : js;
}


static onsite_js_t
js_next(onsite_js_t js, char before, char c)
{
    switch (js) {

    case ONSITE_JS_CODE:
        return js_in_code(before, c);

    case ONSITE_JS_SINGLE:
    case ONSITE_JS_DOUBLE:
        return js_in_string(js, c);

    case ONSITE_JS_SINGLE_ESCAPE:
    case ONSITE_JS_DOUBLE_ESCAPE:
        return js - 1;

    case ONSITE_JS_SLASH:
        return c == '/' ? ONSITE_JS_LINE
               : c == '*' ? ONSITE_JS_BLOCK : ONSITE_JS_UNSURE;

    case ONSITE_JS_LINE:

        /* 0xe2 may be U+2028, which ends a line */

        return c == '\n' || c == '\r' ? ONSITE_JS_CODE
               : c == '\xe2' ? ONSITE_JS_UNSURE : ONSITE_JS_LINE;

    case ONSITE_JS_BLOCK:
        return c == '*' ? ONSITE_JS_BLOCK_STAR : ONSITE_JS_BLOCK;

    case ONSITE_JS_BLOCK_STAR:
        return c == '/' ? ONSITE_JS_CODE
               : c == '*' ? ONSITE_JS_BLOCK_STAR : ONSITE_JS_BLOCK;

    default:
        return ONSITE_JS_UNSURE;
    }
}


onsite_template_place_t
onsite_template_place(const onsite_inject_t *scan)
{
    bool                     started;
    onsite_template_place_t  place = { .where = onsite_inject_where(scan) };

    place.script = onsite_inject_in_script(scan);
    place.type = (onsite_template_in_value(place.where)
                  || place.where == ONSITE_HTML_VALUE_UNQUOTED)
                 && onsite_inject_in_tag(scan, ONSITE_STR("script"))
                 && onsite_str_eq(onsite_inject_attribute(scan, &started),
                                  ONSITE_STR("type"));

    return place;
}


/* The first type counts, as it is written. */

static void
follow_type(onsite_template_script_t *script, onsite_html_where_t was,
    onsite_html_where_t is, char c)
{
    if (script->typed) {
        return;
    }

    if (is != was) {
        script->typed = !onsite_template_in_value(is);
        return;
    }

    if (script->type_len < ONSITE_TEMPLATE_TYPE) {
        script->type[script->type_len] = c;
    }

    script->type_len++;
}


/* The byte that took script->js to now. */

static void
follow_code(onsite_template_script_t *script, onsite_js_t now, char c)
{
    switch (script->js) {

    case ONSITE_JS_CODE:
        if (now == ONSITE_JS_CODE) {
            onsite_template_js_byte(&script->code, script->before, c);

        } else if (now == ONSITE_JS_SINGLE || now == ONSITE_JS_DOUBLE) {
            onsite_template_js_quote(&script->code);
        }
        break;

    case ONSITE_JS_SINGLE:
    case ONSITE_JS_SINGLE_ESCAPE:
    case ONSITE_JS_DOUBLE:
    case ONSITE_JS_DOUBLE_ESCAPE:
        if (now == ONSITE_JS_CODE) {
            onsite_template_js_end(&script->code);

        } else {
            onsite_template_js_text(&script->code, c);
        }
        break;

    default:
        break;
    }
}


static void
follow_js(onsite_template_script_t *script, char c)
{
    onsite_js_t  now = js_next(script->js, script->before, c);

    follow_code(script, now, c);
    script->js = now;
}


void
onsite_template_script_follow(onsite_template_html_t *h,
    onsite_template_place_t was, char c)
{
    onsite_template_script_t  *script = &h->script;

    if (was.script) {
        follow_js(script, c);

    } else {
        script->js = ONSITE_JS_CODE;
        memset(&script->code, 0, sizeof(script->code));
    }

    script->before = c;

    if (was.where == ONSITE_HTML_TEXT) {        /* before any tag */
        script->typed = false;
        script->type_len = 0;

    } else if (was.type) {
        follow_type(script, was.where, onsite_inject_where(h->scan), c);
    }
}


static onsite_str_t
trimmed(const char *data, size_t len)
{
    while (len != 0 && strchr(" \t\n\f\r", *data) != NULL) {
        data++;
        len--;
    }

    while (len != 0 && strchr(" \t\n\f\r", data[len - 1]) != NULL) {
        len--;
    }

    return onsite_str(data, len);
}


static bool
is_json(onsite_str_t type)
{
    const char  *end = memchr(type.data, ';', type.len);

    if (end != NULL) {
        type = trimmed(type.data, (size_t) (end - type.data));
    }

    return (type.len == 16
            && strncasecmp(type.data, "application/json", 16) == 0)
           || (type.len == 9 && strncasecmp(type.data, "text/json", 9) == 0)
           || (type.len > 5 && memchr(type.data, '/', type.len) != NULL
               && strncasecmp(type.data + type.len - 5, "+json", 5) == 0);
}


static script_type_t
type_of(const onsite_template_script_t *script)
{
    size_t        i;
    onsite_str_t  type;

    static const char *const  names[] = {
        "", "module", "text/javascript", "application/javascript",
        "application/x-javascript", "text/ecmascript",
        "application/ecmascript"
    };

    if (script->type_len > ONSITE_TEMPLATE_TYPE) {
        return TYPE_OTHER;
    }

    type = trimmed(script->type, script->type_len);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (type.len == strlen(names[i])
            && strncasecmp(type.data, names[i], type.len) == 0)
        {
            return TYPE_JAVASCRIPT;
        }
    }

    return is_json(type) ? TYPE_JSON : TYPE_OTHER;
}


onsite_status_t
onsite_template_in_script(onsite_template_html_t *h,
    const onsite_template_tag_t *tag, onsite_escape_t *escape)
{
    onsite_js_t    js = h->script.js;
    script_type_t  type = type_of(&h->script);

    if (type == TYPE_OTHER) {
        return onsite_template_refuse(h, tag, "in a script whose type is"
                                      " neither JavaScript nor JSON"
                                      " (importmap, speculationrules,"
                                      " text/template, ...)", "use a data-"
                                      " attribute, or a script of type"
                                      " application/json");
    }

    if (tag->kind != ONSITE_TEMPLATE_TAG_VALUE) {
        return onsite_template_refuse(h, tag, "in a script", "put the section"
                                      " around the whole script element");
    }

    if (type == TYPE_JSON && js != ONSITE_JS_DOUBLE) {
        return onsite_template_refuse(h, tag, "in JSON, outside of a string in"
                                      " \"...\"", "write quotes around it");
    }

    if (js != ONSITE_JS_SINGLE && js != ONSITE_JS_DOUBLE) {
        return onsite_template_refuse(h, tag, "in a script, outside of a"
                                      " string in '...' or \"...\" (or behind"
                                      " a \"/\", \"`\", \"<!\" or \"->\", from"
                                      " where strings are not followed)",
                                      "assign it to a variable at the top of"
                                      " the script, in quotes, or use a data-"
                                      " attribute");
    }

    if (type == TYPE_JAVASCRIPT
        && !onsite_template_js_value(&h->script.code))
    {
        return onsite_template_refuse(h, tag, "in a string that JavaScript may"
                                      " run, load or go to (import, eval,"
                                      " setTimeout, location, .href, .src,"
                                      " .innerHTML, setAttribute, ...)", "use a"
                                      " data- attribute, a script of type"
                                      " application/json, or a variable of its"
                                      " own (var a = \"...\";), \";\" ending"
                                      " the statement before it");
    }

    *escape = ONSITE_ESCAPE_SCRIPT;

    return ONSITE_OK;
}
