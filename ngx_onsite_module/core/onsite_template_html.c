/*
 * onsite_template_html.c - compiling HTML templates: the scanner says in
 * which context a placeholder stands, this file which escaping that needs,
 * or that none would do.
 */

#include "onsite_template_program.h"
#include "onsite_inject_balance.h"

#include <stdlib.h>
#include <strings.h>

#define URL_PREFIX  64

/* Where a script stands, as far as a line of sight goes: quoted strings and
 * comments are followed, what needs a parser of the language is not. */
typedef enum {
    JS_CODE = 0,
    JS_SINGLE,                  /* in '...'                                */
    JS_SINGLE_ESCAPE,
    JS_DOUBLE,
    JS_DOUBLE_ESCAPE,
    JS_SLASH,                   /* behind "/" in code                      */
    JS_LINE,                    /* comments                                */
    JS_BLOCK,
    JS_BLOCK_STAR,
    JS_UNSURE                   /* to the end of the script                */
} js_t;

typedef struct {
    onsite_template_maker_t   maker;
    onsite_inject_t          *scan;
    onsite_inject_t          *saved[ONSITE_TEMPLATE_DEPTH];
    onsite_balance_t         *balance;
    onsite_balance_t         *balances;         /* of the sections         */
    js_t                      js;
    char                      before;           /* the byte before         */
    char                      url[URL_PREFIX];  /* the value so far        */
    size_t                    url_len;
    bool                      url_starts;       /* with a placeholder      */
} html_maker_t;

typedef onsite_status_t (*context_pt)(html_maker_t *h,
    const onsite_template_tag_t *tag, onsite_escape_t *escape);


static js_t
js_in_code(char before, char c)
{
    switch (c) {

    case '\'':
        return JS_SINGLE;

    case '"':
        return JS_DOUBLE;

    case '/':
        return JS_SLASH;

    case '`':
        return JS_UNSURE;

    case '!':                   /* "<!--" is a comment there, too          */
        return before == '<' ? JS_UNSURE : JS_CODE;

    case '>':
        return before == '-' ? JS_UNSURE : JS_CODE;

    default:
        return JS_CODE;
    }
}


static js_t
js_in_string(js_t js, char c)
{
    char  quote = js == JS_SINGLE ? '\'' : '"';

    if (c == quote) {
        return JS_CODE;
    }

    if (c == '\\') {
        return js + 1;
    }

    return c == '\n' || c == '\r' ? JS_UNSURE : js;
}


static js_t
js_next(js_t js, char before, char c)
{
    switch (js) {

    case JS_CODE:
        return js_in_code(before, c);

    case JS_SINGLE:
    case JS_DOUBLE:
        return js_in_string(js, c);

    case JS_SINGLE_ESCAPE:
    case JS_DOUBLE_ESCAPE:
        return js - 1;

    case JS_SLASH:
        return c == '/' ? JS_LINE : c == '*' ? JS_BLOCK : JS_UNSURE;

    case JS_LINE:

        /* 0xe2 may be U+2028, which ends a line */

        return c == '\n' || c == '\r' ? JS_CODE
               : c == '\xe2' ? JS_UNSURE : JS_LINE;

    case JS_BLOCK:
        return c == '*' ? JS_BLOCK_STAR : JS_BLOCK;

    case JS_BLOCK_STAR:
        return c == '/' ? JS_CODE : c == '*' ? JS_BLOCK_STAR : JS_BLOCK;

    default:
        return JS_UNSURE;
    }
}


static bool
in_value(onsite_html_where_t where)
{
    return where == ONSITE_HTML_VALUE_DOUBLE
           || where == ONSITE_HTML_VALUE_SINGLE;
}


/* One byte of literal text. */

static void
follow(html_maker_t *h, const char *p)
{
    bool            was_in_value = in_value(onsite_inject_where(h->scan));
    bool            was_in_script = onsite_inject_in_script(h->scan);
    size_t          at = (size_t) (p - h->maker.text.data);
    onsite_slice_t  slice;

    onsite_balance_before(h->balance, h->scan, at);
    onsite_inject_feed(h->scan, onsite_str(p, 1), false);

    while (onsite_inject_next(h->scan, &slice)) {
        /* void */
    }

    onsite_balance_after(h->balance, h->scan, at);

    h->js = was_in_script ? js_next(h->js, h->before, *p) : JS_CODE;

    if (!was_in_value) {
        h->url_len = 0;
        h->url_starts = false;

    } else if (h->url_len < URL_PREFIX) {
        h->url[h->url_len++] = *p;
    }

    h->before = *p;
}


static onsite_status_t
refuse(html_maker_t *h, const onsite_template_tag_t *tag, const char *where,
    const char *remedy)
{
    return onsite_template_error(&h->maker, tag->at, "{{%.*s}} stands %s,"
                                 " where no escaping is safe: %s",
                                 (int) tag->path.len, tag->path.data, where,
                                 remedy);
}


static bool
one_of(onsite_str_t name, const char *const *names)
{
    for (/* void */; *names != NULL; names++) {
        if (strlen(*names) == name.len
            && memcmp(*names, name.data, name.len) == 0)
        {
            return true;
        }
    }

    return false;
}


/* Elements whose URLs bring in code, or change what other URLs mean. */

static bool
loads_code(const html_maker_t *h)
{
    size_t  i;

    static const char *const  names[] = {
        "script", "iframe", "frame", "object", "embed", "applet", "link",
        "base", "use", "portal", "fencedframe"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (onsite_inject_in_tag(h->scan, onsite_str(names[i],
                                                     strlen(names[i]))))
        {
            return true;
        }
    }

    return false;
}


/* Attributes that hold code, or URLs in a form of their own, or say what is
 * run and what it may do. */

static bool
is_refused_attribute(const html_maker_t *h, onsite_str_t name)
{
    static const char *const  names[] = {
        "style", "srcdoc", "srcset", "imagesrcset", "http-equiv",
        "attributename", "to", "from", "by", "values", "xml:base", "archive",
        "sandbox", "allow", "integrity", "nonce", "rel", NULL
    };
    static const char *const  types[] = { "type", "language", NULL };

    return (name.len >= 2 && memcmp(name.data, "on", 2) == 0)
           || one_of(name, names)
           || (one_of(name, types) && loads_code(h))
           || (onsite_str_eq(name, ONSITE_STR("content"))
               && onsite_inject_in_tag(h->scan, ONSITE_STR("meta")));
}


static bool
is_url_attribute(onsite_str_t name)
{
    static const char *const  names[] = {
        "href", "src", "action", "formaction", "poster", "cite", "data",
        "xlink:href", "background", "ping", "manifest", "longdesc",
        "codebase", "classid", "usemap", "profile", "lowsrc", "dynsrc",
        "icon", "code", "attributionsrc", NULL
    };

    return one_of(name, names);
}


static size_t
skip_scheme(const html_maker_t *h)
{
    size_t  i, len;

    static const char *const  schemes[] = {
        "https:", "http:", "mailto:", "tel:"
    };

    for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        len = strlen(schemes[i]);

        if (h->url_len >= len && strncasecmp(h->url, schemes[i], len) == 0) {
            return len;
        }
    }

    return 0;
}


/* The literal beginning of a URL leaves no doubt about its scheme. */

static bool
scheme_is_known(const html_maker_t *h)
{
    size_t  i;

    if (skip_scheme(h) != 0) {
        return true;
    }

    for (i = 0; i < h->url_len; i++) {

        if (h->url[i] == '/' || h->url[i] == '?' || h->url[i] == '#') {
            return true;
        }

        if (h->url[i] == ':' || h->url[i] == '&' || h->url[i] == '\\'
            || (unsigned char) h->url[i] <= ' ')
        {
            return false;
        }
    }

    return false;
}


/* ... and none about its host: "#", "/a", "./", "../", "https://host/". */

static bool
host_is_known(const html_maker_t *h)
{
    size_t  i = skip_scheme(h);

    if (i == 0) {
        return (h->url_len >= 1 && h->url[0] == '#')
               || (h->url_len >= 2 && h->url[0] == '/'
                   && strchr("/\\&", h->url[1]) == NULL
                   && (unsigned char) h->url[1] > ' ')
               || (h->url_len >= 2 && memcmp(h->url, "./", 2) == 0)
               || (h->url_len >= 3 && memcmp(h->url, "../", 3) == 0);
    }

    if (h->url_len < i + 3 || h->url[i] != '/' || h->url[i + 1] != '/') {
        return false;
    }

    i += 2;

    if (i < h->url_len && (h->url[i] == '/' || h->url[i] == ':')) {
        return false;
    }

    for (/* void */; i < h->url_len && h->url[i] != '/'; i++) {
        if (h->url[i] == '?' || h->url[i] == '#' || h->url[i] == '&'
            || h->url[i] == '\\' || (unsigned char) h->url[i] <= ' ')
        {
            return false;
        }
    }

    return i < h->url_len;
}


/* What follows a URL's first placeholder must not make a scheme of it. */

static bool
ends_cleanly(const html_maker_t *h, size_t end)
{
    onsite_str_t  text = h->maker.text;

    return end < text.len && strchr("\"'/?#", text.data[end]) != NULL
           && text.data[end] != '\0';
}


static onsite_status_t
in_url(html_maker_t *h, const onsite_template_tag_t *tag,
    onsite_escape_t *escape)
{
    bool  started;

    (void) onsite_inject_attribute(h->scan, &started);

    if (tag->kind != ONSITE_TEMPLATE_TAG_VALUE) {
        return refuse(h, tag, "in a URL", "put the section around the whole"
                      " element");
    }

    if (loads_code(h) && !host_is_known(h)) {
        return refuse(h, tag, "in a URL that loads code", "write the URL up"
                      " to the path as it is, such as https://host/path/, and"
                      " the placeholder behind it");
    }

    if (h->url_starts) {
        *escape = ONSITE_ESCAPE_URL_PART;
        return ONSITE_OK;
    }

    if (!started) {
        if (!ends_cleanly(h, tag->end)) {
            return refuse(h, tag, "at the beginning of a URL that goes on",
                          "only a quote, \"/\", \"?\" or \"#\" may follow;"
                          " or begin the URL with text, such as \"/\"");
        }

        *escape = ONSITE_ESCAPE_URL;
        h->url_starts = true;
        return ONSITE_OK;
    }

    if (!scheme_is_known(h)) {
        return refuse(h, tag, "where a URL's scheme may not be over", "begin"
                      " the URL with https:, http:, mailto:, tel:, \"/\" or"
                      " \"./\"");
    }

    *escape = ONSITE_ESCAPE_URL_PART;

    return ONSITE_OK;
}


/* Frameworks run what such attributes hold. */

static bool
is_framework_code(onsite_str_t name)
{
    size_t  i;
    static const onsite_str_t  prefixes[] = {
        { 1, "@" }, { 1, ":" }, { 2, "v-" }, { 2, "x-" }, { 3, "hx-" },
        { 3, "ng-" }
    };

    for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (name.len >= prefixes[i].len
            && memcmp(name.data, prefixes[i].data, prefixes[i].len) == 0)
        {
            return true;
        }
    }

    return false;
}


static onsite_status_t
in_attribute(html_maker_t *h, const onsite_template_tag_t *tag,
    onsite_escape_t *escape)
{
    bool          started;
    onsite_str_t  name = onsite_inject_attribute(h->scan, &started);

    if (is_refused_attribute(h, name)) {
        return refuse(h, tag, "in an attribute that holds code, or"
                      " governs it (on..., style, srcdoc, srcset, rel and"
                      " their like)", "use a data-"
                      " attribute, or text");
    }

    if (is_framework_code(name)) {
        return refuse(h, tag, "in an attribute that frameworks run (@..., "
                      ":..., v-, x-, hx-, ng-)", "use a data- attribute, or"
                      " text");
    }

    if (is_url_attribute(name)) {
        return in_url(h, tag, escape);
    }

    *escape = ONSITE_ESCAPE_ATTRIBUTE;

    return ONSITE_OK;
}


static onsite_status_t
in_script(html_maker_t *h, const onsite_template_tag_t *tag,
    onsite_escape_t *escape)
{
    if (tag->kind != ONSITE_TEMPLATE_TAG_VALUE) {
        return refuse(h, tag, "in a script", "put the section around the"
                      " whole script element");
    }

    if (h->js != JS_SINGLE && h->js != JS_DOUBLE) {
        return refuse(h, tag, "in a script, outside of a string in '...' or"
                      " \"...\" (or behind a \"/\", \"`\", \"<!\" or \"->\","
                      " from where strings are not followed)", "assign it to"
                      " a variable at the top of the script, in quotes, or"
                      " use a data- attribute");
    }

    *escape = ONSITE_ESCAPE_SCRIPT;

    return ONSITE_OK;
}


static onsite_status_t
find_escape(html_maker_t *h, const onsite_template_tag_t *tag,
    onsite_escape_t *escape)
{
    switch (onsite_inject_where(h->scan)) {

    case ONSITE_HTML_TEXT:
        *escape = ONSITE_ESCAPE_TEXT;
        return ONSITE_OK;

    case ONSITE_HTML_VALUE_DOUBLE:
    case ONSITE_HTML_VALUE_SINGLE:
        return in_attribute(h, tag, escape);

    case ONSITE_HTML_VALUE_UNQUOTED:
        return refuse(h, tag, "in an attribute without quotes", "write"
                      " quotes around the value");

    case ONSITE_HTML_SCRIPT:
        return in_script(h, tag, escape);

    case ONSITE_HTML_STYLE:
        return refuse(h, tag, "in a style element", "choose among classes"
                      " with {{#path}} sections");

    case ONSITE_HTML_COMMENT:
        return refuse(h, tag, "in a comment", "remove it");

    case ONSITE_HTML_TAG:
        return refuse(h, tag, "in a tag, outside of a value", "put it into"
                      " a quoted attribute value, or into text");

    default:
        return refuse(h, tag, "in raw text (iframe, noscript, xmp, script in"
                      " svg, ...) or where the HTML is not well nested",
                      "move it into ordinary text");
    }
}


/* However often a section is rendered, what follows must be read alike. */

static onsite_status_t
check_section(html_maker_t *h, const onsite_template_tag_t *tag)
{
    unsigned  depth = h->maker.depth;

    if (tag->kind != ONSITE_TEMPLATE_TAG_CLOSE) {
        if (depth < ONSITE_TEMPLATE_DEPTH) {
            memcpy(h->saved[depth], h->scan, onsite_inject_size());
            h->balances[depth] = *h->balance;
        }
        return ONSITE_OK;
    }

    if (depth != 0 && !onsite_inject_same(h->saved[depth - 1], h->scan)) {
        return onsite_template_error(&h->maker, tag->at, "{{/%.*s}} stands"
                                     " in another context than the beginning"
                                     " of its section: close in the section"
                                     " what opens in it (tags, quotes,"
                                     " comments)",
                                     (int) tag->path.len, tag->path.data);
    }

    if (depth != 0
        && !onsite_balance_same(&h->balances[depth - 1], h->balance))
    {
        onsite_balance_refuse(h->balance, tag->at, "{{/%.*s}}: other elements"
                              " are open than at the beginning of its section:"
                              " close in it what opens in it",
                              (int) tag->path.len, tag->path.data);
    }

    return ONSITE_OK;
}


/* A value that is passed over is one all the same. */

static void
stand_in(html_maker_t *h)
{
    onsite_slice_t       slice;
    onsite_html_where_t  where = onsite_inject_where(h->scan);

    if (where == ONSITE_HTML_VALUE_UNQUOTED) {
        onsite_inject_feed(h->scan, ONSITE_STR("x"), false);

        while (onsite_inject_next(h->scan, &slice)) {
            /* void */
        }
    }

    if (in_value(where)) {
        h->url_starts = true;
    }
}


/* Behind an error: what follows is read as if the tag were right. */

static onsite_status_t
pass_over(html_maker_t *h, const onsite_template_tag_t *tag,
    onsite_status_t status)
{
    switch (tag->kind) {

    case ONSITE_TEMPLATE_TAG_VALUE:
        stand_in(h);
        return onsite_template_pass(&h->maker, status);

    case ONSITE_TEMPLATE_TAG_CLOSE:
        return h->maker.depth == 0 ? onsite_template_pass(&h->maker, status)
                                   : status;

    default:
        (void) check_section(h, tag);
        return onsite_template_pass_open(&h->maker, tag, status);
    }
}


static onsite_status_t
compile_tag(html_maker_t *h, const onsite_template_tag_t *tag)
{
    onsite_escape_t  escape = ONSITE_ESCAPE_TEXT;
    onsite_status_t  status = ONSITE_OK;

    if (tag->kind == ONSITE_TEMPLATE_TAG_COMMENT) {
        return ONSITE_OK;
    }

    if (tag->kind != ONSITE_TEMPLATE_TAG_CLOSE) {
        status = find_escape(h, tag, &escape);
    }

    if (status == ONSITE_OK && tag->kind != ONSITE_TEMPLATE_TAG_VALUE) {
        status = check_section(h, tag);
    }

    if (status == ONSITE_OK) {
        status = onsite_template_add_tag(&h->maker, tag, escape);
    }

    return status == ONSITE_OK ? status : pass_over(h, tag, status);
}


/* The braces at pos, and the text from *from up to them. */

static onsite_status_t
compile_braces(html_maker_t *h, size_t *from)
{
    onsite_str_t            text;
    onsite_status_t         status;
    onsite_template_tag_t   tag;

    status = onsite_template_read_tag(&h->maker, &tag);

    if (status != ONSITE_OK) {
        status = onsite_template_pass_tag(&h->maker, &tag, status);
        stand_in(h);

    } else {
        text = onsite_str(h->maker.text.data + *from, tag.at - *from);
        status = onsite_template_add_literal(&h->maker, text);

        if (status == ONSITE_OK) {
            status = compile_tag(h, &tag);
        }
    }

    if (status == ONSITE_OK) {
        *from = h->maker.pos = tag.end;
    }

    return status;
}


static onsite_status_t
compile_text(html_maker_t *h)
{
    size_t           from = 0;
    onsite_str_t     text = h->maker.text;
    onsite_status_t  status;

    while (h->maker.pos < text.len) {

        if (text.len - h->maker.pos < 2
            || memcmp(text.data + h->maker.pos, "{{", 2) != 0)
        {
            follow(h, text.data + h->maker.pos++);
            continue;
        }

        status = compile_braces(h, &from);

        if (status != ONSITE_OK) {
            return status;
        }
    }

    return onsite_template_add_literal(&h->maker,
                                       onsite_str(text.data + from,
                                                  text.len - from));
}


static onsite_status_t
check_end(html_maker_t *h)
{
    onsite_status_t  status = onsite_template_closed(&h->maker);

    if (status != ONSITE_OK || onsite_inject_balanced(h->scan)) {
        return status;
    }

    return onsite_template_error(&h->maker, h->maker.text.len, "the HTML"
                                 " would swallow the page behind it: close"
                                 " every tag, quote, comment, script, style,"
                                 " textarea, template, svg and math, open"
                                 " each before closing it, and do not use"
                                 " plaintext");
}


/* Told in the words of an error, but it is none. */

static void
tell_balance(html_maker_t *h)
{
    onsite_error_t  *error = h->maker.error;

    onsite_balance_end(h->balance);

    if (h->maker.site.unbalanced != NULL && h->balance->refused) {
        h->maker.error = h->maker.site.unbalanced;
        (void) onsite_template_error(&h->maker, h->balance->at, "%s",
                                     h->balance->reason);
        h->maker.error = error;
    }
}


static bool
allocate(html_maker_t *h)
{
    unsigned  i;

    h->scan = malloc(onsite_inject_size());
    h->balances = malloc((ONSITE_TEMPLATE_DEPTH + 1)
                         * sizeof(onsite_balance_t));

    for (i = 0; i < ONSITE_TEMPLATE_DEPTH; i++) {
        h->saved[i] = malloc(onsite_inject_size());
    }

    for (i = 0; i < ONSITE_TEMPLATE_DEPTH && h->saved[i] != NULL; i++) {
        /* void */
    }

    return h->scan != NULL && h->balances != NULL
           && i == ONSITE_TEMPLATE_DEPTH;
}


onsite_status_t
onsite_template_compile_html(onsite_builder_t *b, onsite_str_t html,
    onsite_template_site_t site, onsite_ref_t *program, uint32_t *roots,
    onsite_error_t *error)
{
    unsigned            i;
    html_maker_t        h = { .maker = { .b = b, .site = site, .text = html,
                                         .error = error } };
    onsite_status_t     status;

    if (html.len > ONSITE_HTML_MAX) {
        return onsite_error(error, ONSITE_LIMIT, "longer than %d bytes",
                            ONSITE_HTML_MAX);
    }

    if (allocate(&h)) {
        onsite_inject_init(h.scan, 0);
        h.balance = &h.balances[ONSITE_TEMPLATE_DEPTH];
        onsite_balance_init(h.balance, html);
        status = compile_text(&h);

        if (status == ONSITE_OK) {
            status = check_end(&h);
        }

        tell_balance(&h);

    } else {
        status = onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    free(h.scan);
    free(h.balances);

    for (i = 0; i < ONSITE_TEMPLATE_DEPTH; i++) {
        free(h.saved[i]);
    }

    return onsite_template_finish(&h.maker, status, program, roots);
}
