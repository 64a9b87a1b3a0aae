/*
 * onsite_template_context.c - which escaping a placeholder needs where it
 * stands in HTML, or that none would do.
 */

#include "onsite_template_html.h"

#include <strings.h>


onsite_status_t
onsite_template_refuse(onsite_template_html_t *h,
    const onsite_template_tag_t *tag, const char *where, const char *remedy)
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
loads_code(const onsite_template_html_t *h)
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
is_refused_attribute(const onsite_template_html_t *h, onsite_str_t name)
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
skip_scheme(const onsite_template_html_t *h)
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
scheme_is_known(const onsite_template_html_t *h)
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
host_is_known(const onsite_template_html_t *h)
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


/* The value would be a part of the host: a URL begins with "//" or "https:",
 * and its host does not end. */

static bool
host_is_open(const onsite_template_html_t *h)
{
    size_t  i = skip_scheme(h);

    if (i == 0) {

        if (h->url_len < 2 || h->url[0] != '/') {
            return false;
        }

        if (h->url[1] != '/') {
            return h->url[1] == '\\' || h->url[1] == '&'
                   || (unsigned char) h->url[1] <= ' ';
        }

    } else if (h->url[0] != 'h' && h->url[0] != 'H') {
        return false;                           /* mailto:, tel: */

    } else if (h->url_len < i + 2 || memcmp(h->url + i, "//", 2) != 0) {
        return true;
    }

    i += 2;

    if (i < h->url_len && h->url[i] == '/') {
        return true;                            /* all slashes are passed */
    }

    for (/* void */; i < h->url_len; i++) {

        if (h->url[i] == '/' || h->url[i] == '?' || h->url[i] == '#') {
            return false;
        }

        if (h->url[i] == '\\' || h->url[i] == '&'
            || (unsigned char) h->url[i] <= ' ')
        {
            return true;
        }
    }

    return true;
}


/* A placeholder that is never empty keeps the slashes around it apart. */

static bool
is_never_empty(const onsite_template_tag_t *tag)
{
    const onsite_template_call_t  *call;

    if (tag->n_calls == 0) {
        return false;
    }

    call = &tag->calls[tag->n_calls - 1];

    return call->code == ONSITE_TEMPLATE_DEFAULT
           && call->args[0].kind == ONSITE_TEMPLATE_ARG_TEXT
           && call->args[0].text.len > 2;
}


static onsite_status_t
in_url_part(onsite_template_html_t *h, const onsite_template_tag_t *tag,
    onsite_escape_t *escape)
{
    if (host_is_open(h)) {
        return onsite_template_refuse(h, tag, "where it may choose a URL's"
                                      " host", "write the host as it is and a"
                                      " \"/\", \"?\" or \"#\" behind it, such"
                                      " as https://shop.example/; between"
                                      " slashes, what comes first needs text,"
                                      " or | default \"...\"");
    }

    if (is_never_empty(tag) && h->url_len < ONSITE_TEMPLATE_URL) {
        h->url[h->url_len++] = 'x';
    }

    *escape = ONSITE_ESCAPE_URL_PART;

    return ONSITE_OK;
}


/* What follows a URL's first placeholder must not make a scheme of it. */

static bool
ends_cleanly(const onsite_template_html_t *h, size_t end)
{
    onsite_str_t  text = h->maker.text;

    return end < text.len && strchr("\"'/?#", text.data[end]) != NULL
           && text.data[end] != '\0';
}


static onsite_status_t
in_url(onsite_template_html_t *h, const onsite_template_tag_t *tag,
    onsite_escape_t *escape)
{
    bool  started;

    (void) onsite_inject_attribute(h->scan, &started);

    if (tag->kind != ONSITE_TEMPLATE_TAG_VALUE) {
        return onsite_template_refuse(h, tag, "in a URL", "put the section"
                                      " around the whole element");
    }

    if (loads_code(h) && !host_is_known(h)) {
        return onsite_template_refuse(h, tag, "in a URL that loads code",
                                      "write the URL up to the path as it is,"
                                      " such as https://host/path/, and the"
                                      " placeholder behind it");
    }

    if (h->url_starts) {
        return in_url_part(h, tag, escape);
    }

    if (!started) {
        if (!ends_cleanly(h, tag->end)) {
            return onsite_template_refuse(h, tag, "at the beginning of a URL"
                                          " that goes on", "only a quote,"
                                          " \"/\", \"?\" or \"#\" may follow;"
                                          " or begin the URL with text, such"
                                          " as \"/\"");
        }

        *escape = ONSITE_ESCAPE_URL;
        h->url_starts = true;
        return ONSITE_OK;
    }

    if (h->url_len != 0 && (unsigned char) h->url[0] <= ' ') {
        return onsite_template_refuse(h, tag, "behind a blank, where a URL's"
                                      " scheme may not be over", "remove the"
                                      " blank that the URL begins with");
    }

    if (!scheme_is_known(h)) {
        return onsite_template_refuse(h, tag, "where a URL's scheme may not be"
                                      " over", "begin the URL with https:,"
                                      " http:, mailto:, tel:, \"/\" or"
                                      " \"./\"");
    }

    return in_url_part(h, tag, escape);
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
in_attribute(onsite_template_html_t *h, const onsite_template_tag_t *tag,
    onsite_escape_t *escape)
{
    bool          started;
    onsite_str_t  name = onsite_inject_attribute(h->scan, &started);

    if (is_refused_attribute(h, name)) {
        return onsite_template_refuse(h, tag, "in an attribute that holds"
                                      " code, or governs it (on..., style,"
                                      " srcdoc, srcset, rel and their like)",
                                      "use a data- attribute, or text");
    }

    if (is_framework_code(name)) {
        return onsite_template_refuse(h, tag, "in an attribute that frameworks"
                                      " run (@..., :..., v-, x-, hx-, ng-)",
                                      "use a data- attribute, or text");
    }

    if (is_url_attribute(name)) {
        return in_url(h, tag, escape);
    }

    *escape = ONSITE_ESCAPE_ATTRIBUTE;

    return ONSITE_OK;
}


onsite_status_t
onsite_template_context(onsite_template_html_t *h,
    const onsite_template_tag_t *tag, onsite_escape_t *escape)
{
    switch (onsite_inject_where(h->scan)) {

    case ONSITE_HTML_TEXT:
        *escape = ONSITE_ESCAPE_TEXT;
        return ONSITE_OK;

    case ONSITE_HTML_VALUE_DOUBLE:
    case ONSITE_HTML_VALUE_SINGLE:
        return in_attribute(h, tag, escape);

    case ONSITE_HTML_VALUE_UNQUOTED:
        return onsite_template_refuse(h, tag, "in an attribute without quotes",
                                      "write quotes around the value");

    case ONSITE_HTML_SCRIPT:
        return onsite_template_in_script(h, tag, escape);

    case ONSITE_HTML_STYLE:
        return onsite_template_refuse(h, tag, "in a style element", "choose"
                                      " among classes with {{#path}}"
                                      " sections");

    case ONSITE_HTML_COMMENT:
        return onsite_template_refuse(h, tag, "in a comment", "remove it");

    case ONSITE_HTML_TAG:
        return onsite_template_refuse(h, tag, "in a tag, outside of a value",
                                      "put it into a quoted attribute value,"
                                      " or into text");

    default:
        return onsite_template_refuse(h, tag, "in raw text (iframe, noscript,"
                                      " xmp, script in svg, ...) or where the"
                                      " HTML is not well nested", "move it"
                                      " into ordinary text");
    }
}
