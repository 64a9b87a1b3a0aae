/*
 * onsite_policy_source.c - words of a Content-Security-Policy, and which of
 * its sources a script matches (CSP Level 3, 6.7.2).
 */

#include "onsite_policy_source.h"

#define PORT_MAX  65535


/* [ scheme-part "://" ] host-part [ ":" port-part ] [ path-part ] */
typedef struct {
    onsite_str_t  scheme;       /* empty: none                             */
    onsite_str_t  host;
    onsite_str_t  port;         /* empty: none                             */
    onsite_str_t  path;         /* empty: none                             */
} host_source_t;


static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}


static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}


static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
}


static bool
is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}


/* Browsers take the underscore that some hosts have. */

static bool
is_host_char(char c)
{
    return is_letter(c) || is_digit(c) || c == '-' || c == '_';
}


static onsite_str_t
skip(onsite_str_t text, size_t n)
{
    return n == 0 ? text : onsite_str(text.data + n, text.len - n);
}


static size_t
find(onsite_str_t text, char c)
{
    const char  *p = text.len != 0 ? memchr(text.data, c, text.len) : NULL;

    return p != NULL ? (size_t) (p - text.data) : text.len;
}


static onsite_str_t
trim(onsite_str_t text)
{
    while (text.len != 0 && is_space(text.data[0])) {
        text = skip(text, 1);
    }

    while (text.len != 0 && is_space(text.data[text.len - 1])) {
        text.len--;
    }

    return text;
}


bool
onsite_policy_next_part(onsite_str_t *text, char separator, onsite_str_t *part)
{
    size_t  n;

    if (text->len == 0) {
        return false;
    }

    n = find(*text, separator);
    *part = trim(onsite_str(text->data, n));
    *text = skip(*text, n < text->len ? n + 1 : n);

    return true;
}


bool
onsite_policy_next_word(onsite_str_t *text, onsite_str_t *word)
{
    size_t  n = 0;

    *text = trim(*text);

    while (n < text->len && !is_space(text->data[n])) {
        n++;
    }

    *word = onsite_str(text->data, n);
    *text = skip(*text, n);

    return n != 0;
}


bool
onsite_policy_same(onsite_str_t a, onsite_str_t b)
{
    size_t  i;

    if (a.len != b.len) {
        return false;
    }

    for (i = 0; i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return false;
        }
    }

    return true;
}


/* base64-value: either alphabet, and up to two "=" behind it. */

static bool
is_base64(onsite_str_t text)
{
    char    c;
    size_t  i, len = text.len;

    while (len != 0 && text.len - len < 2 && text.data[len - 1] == '=') {
        len--;
    }

    for (i = 0; i < len; i++) {
        c = text.data[i];

        if (!is_letter(c) && !is_digit(c) && c != '+' && c != '/' && c != '-'
            && c != '_')
        {
            return false;
        }
    }

    return len != 0;
}


bool
onsite_policy_is_nonce(onsite_str_t word, onsite_str_t *nonce)
{
    onsite_str_t  start = onsite_str(word.data, 7);

    if (word.len < 9 || !onsite_policy_same(start, ONSITE_STR("'nonce-"))
        || word.data[word.len - 1] != '\'')
    {
        return false;
    }

    *nonce = onsite_str(word.data + 7, word.len - 8);

    return is_base64(*nonce);
}


bool
onsite_policy_is_url_hash(onsite_str_t word)
{
    size_t  i;
    static const onsite_str_t  starts[] = {
        { 12, "'url-sha256-" }, { 12, "'url-sha384-" }, { 12, "'url-sha512-" }
    };

    for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (word.len > starts[i].len + 1
            && onsite_policy_same(onsite_str(word.data, starts[i].len),
                                  starts[i]))
        {
            return word.data[word.len - 1] == '\''
                   && is_base64(onsite_str(word.data + starts[i].len,
                                           word.len - starts[i].len - 1));
        }
    }

    return false;
}


/* 'sha384-…' against sha384-…: the algorithm in any case. */

static bool
is_hash(onsite_str_t word, onsite_str_t hash)
{
    size_t  dash = find(hash, '-');

    return word.len == hash.len + 2 && dash != hash.len
           && word.data[0] == '\'' && word.data[word.len - 1] == '\''
           && onsite_policy_same(onsite_str(word.data + 1, dash),
                                 onsite_str(hash.data, dash))
           && memcmp(word.data + 1 + dash, hash.data + dash, hash.len - dash)
              == 0;
}


static bool
has_hash(onsite_str_t sources, onsite_str_t hash)
{
    onsite_str_t  word;

    while (onsite_policy_next_word(&sources, &word)) {
        if (is_hash(word, hash)) {
            return true;
        }
    }

    return false;
}


bool
onsite_policy_has_integrity(onsite_str_t sources, onsite_str_t integrity)
{
    bool          any = false;
    onsite_str_t  hash;

    while (onsite_policy_next_word(&integrity, &hash)) {
        if (!has_hash(sources, hash)) {
            return false;
        }

        any = true;
    }

    return any;
}


static bool
is_scheme(onsite_str_t text)
{
    char    c;
    size_t  i;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (!is_letter(c)
            && (i == 0 || !(is_digit(c) || c == '+' || c == '-' || c == '.')))
        {
            return false;
        }
    }

    return text.len != 0;
}


/* 6.7.2.8: http stands for https, too. */

static bool
matches_scheme(onsite_str_t scheme, bool secure)
{
    return onsite_policy_same(scheme, ONSITE_STR("http"))
           || (secure && onsite_policy_same(scheme, ONSITE_STR("https")));
}


/* "*", or labels that may begin with "*." */

static bool
is_host(onsite_str_t text)
{
    size_t  i, label = 0;

    if (text.len == 1 && text.data[0] == '*') {
        return true;
    }

    if (text.len > 2 && text.data[0] == '*' && text.data[1] == '.') {
        text = skip(text, 2);
    }

    for (i = 0; i < text.len; i++) {
        if (is_host_char(text.data[i])) {
            label++;

        } else if (text.data[i] == '.' && label != 0) {
            label = 0;

        } else {
            return false;
        }
    }

    return text.len != 0;
}


static bool
is_port(onsite_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i])) {
            return text.len == 1 && text.data[0] == '*';
        }
    }

    return text.len != 0;
}


static bool
parse_host_source(onsite_str_t source, host_source_t *out)
{
    char    *p;
    size_t   n;

    out->scheme = out->port = out->path = onsite_str(NULL, 0);
    p = memmem(source.data, source.len, "://", 3);

    if (p != NULL && (size_t) (p - source.data) < find(source, '/')) {
        out->scheme = onsite_str(source.data, (size_t) (p - source.data));
        source = skip(source, out->scheme.len + 3);

        if (!is_scheme(out->scheme)) {
            return false;
        }
    }

    n = find(source, '/');
    out->path = skip(source, n);
    source.len = n;
    n = find(source, ':');
    out->host = onsite_str(source.data, n);

    if (n != source.len) {
        out->port = skip(source, n + 1);

        if (!is_port(out->port)) {
            return false;
        }
    }

    return is_host(out->host) && find(out->path, '?') == out->path.len
           && find(out->path, '#') == out->path.len;
}


/* 6.7.2.9 */

static bool
matches_host(onsite_str_t pattern, onsite_str_t host)
{
    onsite_str_t  end;

    if (pattern.data[0] != '*') {
        return onsite_policy_same(pattern, host);
    }

    end = skip(pattern, 1);

    return host.len > end.len
           && onsite_policy_same(skip(host, host.len - end.len), end);
}


/* 6.7.2.10 */

static bool
matches_port(onsite_str_t port, const onsite_policy_script_t *script)
{
    size_t    i;
    uint32_t  n, standard = script->secure ? 443 : 80;
    uint32_t  own = script->port != 0 ? script->port : standard;

    if (port.len == 0) {
        return own == standard;
    }

    if (port.data[0] == '*') {
        return true;
    }

    for (i = n = 0; i < port.len; i++) {
        n = n * 10 + (uint32_t) (port.data[i] - '0');

        if (n > PORT_MAX) {
            return false;
        }
    }

    return n == own;
}


/* The byte at *i, percent-decoded; *i moves behind it. */

static int
next_byte(onsite_str_t text, size_t *i)
{
    int   high, low;
    char  c = text.data[(*i)++];

    if (c != '%' || text.len - *i < 2) {
        return (unsigned char) c;
    }

    high = onsite_hex_digit(text.data[*i]);
    low = onsite_hex_digit(text.data[*i + 1]);

    if (high < 0 || low < 0) {
        return (unsigned char) c;
    }

    *i += 2;

    return high << 4 | low;
}


static bool
same_piece(onsite_str_t a, onsite_str_t b)
{
    size_t  i = 0, j = 0;

    while (i < a.len && j < b.len) {
        if (next_byte(a, &i) != next_byte(b, &j)) {
            return false;
        }
    }

    return i == a.len && j == b.len;
}


/* Cuts a path's next piece off; whether there is another behind it. */

static bool
cut_piece(onsite_str_t *path, onsite_str_t *piece)
{
    size_t  n = find(*path, '/');

    *piece = onsite_str(path->data, n);

    if (n == path->len) {
        return false;
    }

    *path = skip(*path, n + 1);

    return true;
}


/* 6.7.2.11: one that ends in "/" is the beginning of what it stands for. */

static bool
matches_path(onsite_str_t pattern, onsite_str_t path)
{
    bool          exact, more, more_of_path;
    onsite_str_t  a, b;

    if (pattern.len == 0) {
        return true;
    }

    exact = pattern.data[pattern.len - 1] != '/';

    for ( ;; ) {
        more = cut_piece(&pattern, &a);
        more_of_path = cut_piece(&path, &b);

        if (!more && !exact) {
            return true;
        }

        if (!same_piece(a, b)) {
            return false;
        }

        if (!more || !more_of_path) {
            return !more && !more_of_path;
        }
    }
}


/* 6.7.2.7; the page's origin is the script's. */

bool
onsite_policy_matches_url(onsite_str_t source,
    const onsite_policy_script_t *script)
{
    host_source_t  host;
    onsite_str_t   scheme = onsite_str(source.data, source.len - 1);

    if (onsite_policy_same(source, ONSITE_STR("*"))
        || onsite_policy_same(source, ONSITE_STR("'self'")))
    {
        return true;
    }

    if (source.data[source.len - 1] == ':') {
        return is_scheme(scheme) && matches_scheme(scheme, script->secure);
    }

    return parse_host_source(source, &host)
           && (host.scheme.len == 0
               || matches_scheme(host.scheme, script->secure))
           && matches_host(host.host, script->host)
           && matches_port(host.port, script)
           && matches_path(host.path, script->path);
}
