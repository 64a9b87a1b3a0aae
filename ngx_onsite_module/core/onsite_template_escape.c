/*
 * onsite_template_escape.c - values as text, safe for where it stands.
 *
 * NUL and what is no UTF-8 become U+FFFD everywhere.
 */

#include "onsite_template_program.h"

#include <strings.h>

typedef void (*escape_pt)(onsite_buf_t *out, onsite_str_t text);

#define REPLACEMENT  ONSITE_STR("\xef\xbf\xbd")


static bool
is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z');
}


/* The bytes of one character; 0: it is none, and one byte is to be replaced. */

static size_t
character(onsite_str_t text, size_t i)
{
    return text.data[i] == '\0'
           ? 0 : onsite_utf8_length((const unsigned char *) text.data + i,
                                    text.len - i);
}


static onsite_str_t
entity(char c)
{
    switch (c) {

    case '&':
        return ONSITE_STR("&amp;");

    case '<':
        return ONSITE_STR("&lt;");

    case '>':
        return ONSITE_STR("&gt;");

    case '"':
        return ONSITE_STR("&quot;");

    case '\'':
        return ONSITE_STR("&#39;");

    default:
        return onsite_str(NULL, 0);
    }
}


/* Text and quoted attributes. */

static void
escape_html(onsite_buf_t *out, onsite_str_t text)
{
    size_t        i, n, start;
    onsite_str_t  instead;

    for (i = start = 0; i < text.len; i += n) {
        n = character(text, i);
        instead = n == 0 ? REPLACEMENT : entity(text.data[i]);
        n += n == 0;

        if (instead.data != NULL) {
            onsite_buf_append(out, text.data + start, i - start);
            onsite_buf_str(out, instead);
            start = i + n;
        }
    }

    onsite_buf_append(out, text.data + start, text.len - start);
}


static void
percent_encode(onsite_buf_t *out, onsite_str_t bytes)
{
    size_t  i;
    char   *p;

    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < bytes.len; i++) {
        p = onsite_buf_reserve(out, 3);

        if (p != NULL) {
            p[0] = '%';
            p[1] = hex[(unsigned char) bytes.data[i] >> 4];
            p[2] = hex[(unsigned char) bytes.data[i] & 15];
            out->len += 3;
        }
    }
}


/* Everything but RFC 3986's unreserved characters. */

static void
escape_url_part(onsite_buf_t *out, onsite_str_t text)
{
    size_t  i, n;

    for (i = 0; i < text.len; i += n) {
        n = character(text, i);

        if (n == 1 && (is_alnum((unsigned char) text.data[i])
                       || strchr("-._~", text.data[i]) != NULL))
        {
            onsite_buf_char(out, text.data[i]);

        } else {
            percent_encode(out, n != 0 ? onsite_str(text.data + i, n)
                                       : REPLACEMENT);
            n += n == 0;
        }
    }
}


/*
 * Browsers drop tabs and newlines anywhere in a URL, and controls and blanks
 * around it, before they look for the scheme: a URL with control characters
 * is none of ours.
 */

static bool
is_safe_url(onsite_str_t url)
{
    size_t  i, k;

    static const char *const  schemes[] = { "http", "https", "mailto", "tel" };

    for (i = 0; i < url.len; i++) {
        if ((unsigned char) url.data[i] < ' ' || url.data[i] == 0x7f) {
            return false;
        }
    }

    for (i = 0; i < url.len; i++) {
        if (strchr(":/?#", url.data[i]) != NULL) {
            break;
        }
    }

    if (i == url.len || url.data[i] != ':') {
        return true;
    }

    for (k = 0; k < sizeof(schemes) / sizeof(schemes[0]); k++) {
        if (strlen(schemes[k]) == i
            && strncasecmp(schemes[k], url.data, i) == 0)
        {
            return true;
        }
    }

    return false;
}


static void
escape_url(onsite_buf_t *out, onsite_str_t url)
{
    size_t  i, n;

    while (url.len != 0 && url.data[0] == ' ') {
        url = onsite_str(url.data + 1, url.len - 1);
    }

    while (url.len != 0 && url.data[url.len - 1] == ' ') {
        url.len--;
    }

    if (!is_safe_url(url)) {
        onsite_buf_char(out, '#');
        return;
    }

    for (i = 0; i < url.len; i += n) {
        n = character(url, i);

        if (n == 0) {
            percent_encode(out, REPLACEMENT);
            n = 1;

        } else if (n > 1 || strchr(" \"<>\\^`{|}", url.data[i]) != NULL) {
            percent_encode(out, onsite_str(url.data + i, n));

        } else {
            escape_html(out, onsite_str(url.data + i, 1));
        }
    }
}


/* \uXXXX for what is not a letter, digit, blank or harmless: it means the same
 * in JavaScript and in JSON, and nothing in HTML. */

static void
escape_script(onsite_buf_t *out, onsite_str_t text)
{
    size_t         i, n;
    unsigned char  c;

    for (i = 0; i < text.len; i += n) {
        n = character(text, i);
        c = (unsigned char) text.data[i];

        if (n == 0) {
            onsite_buf_str(out, REPLACEMENT);
            n = 1;

        } else if (n == 3 && c == 0xe2
                   && (unsigned char) text.data[i + 1] == 0x80
                   && ((unsigned char) text.data[i + 2] & 0xfe) == 0xa8)
        {
            onsite_buf_printf(out, "\\u20%02x",
                              (unsigned char) text.data[i + 2] & 0x3f);

        } else if (n > 1 || is_alnum(c) || strchr(" _.,:", c) != NULL) {
            onsite_buf_append(out, text.data + i, n);

        } else {
            onsite_buf_printf(out, "\\u%04x", c);
        }
    }
}


static void
escape_text(onsite_buf_t *out, onsite_escape_t escape, onsite_str_t text)
{
    switch (escape) {

    case ONSITE_ESCAPE_TEXT:
    case ONSITE_ESCAPE_ATTRIBUTE:
        escape_html(out, text);
        break;

    case ONSITE_ESCAPE_URL:
        escape_url(out, text);
        break;

    case ONSITE_ESCAPE_URL_PART:
        escape_url_part(out, text);
        break;

    case ONSITE_ESCAPE_SCRIPT:
        escape_script(out, text);
        break;

    default:
        onsite_write_json_text(out, text);
    }
}


/* Lists and objects are shown as their JSON. */

static void
escape_tree(onsite_buf_t *out, onsite_escape_t escape,
    const onsite_value_t *value)
{
    onsite_buf_t  json;

    onsite_buf_init(&json, ONSITE_HTML_MAX);
    onsite_value_write_json(&json, value);

    if (json.failed) {
        out->failed = true;

    } else {
        escape_text(out, escape, onsite_str(json.data, json.len));
    }

    onsite_buf_free(&json);
}


void
onsite_template_escape(onsite_buf_t *out, onsite_escape_t escape,
    const onsite_value_t *value)
{
    char  number[32];

    if (escape == ONSITE_ESCAPE_VALUE) {
        onsite_value_write_json(out, value);
        return;
    }

    switch (value->type) {

    case ONSITE_ABSENT:
    case ONSITE_NULL:
        break;

    case ONSITE_BOOL:
        onsite_buf_str(out, value->as.boolean ? ONSITE_STR("true")
                                              : ONSITE_STR("false"));
        break;

    case ONSITE_NUMBER:
        escape_text(out, escape,
                    onsite_str(number, onsite_number_to_text(value->as.number,
                                                             number)));
        break;

    case ONSITE_STRING:
        escape_text(out, escape, onsite_value_str(value));
        break;

    default:
        escape_tree(out, escape, value);
    }
}
