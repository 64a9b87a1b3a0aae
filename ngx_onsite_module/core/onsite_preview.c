/*
 * onsite_preview.c - links that show one campaign in its page to who holds
 * them.
 */

#include "onsite_preview.h"

#define VERSION      1
#define FIXED        (1 + 8 + ONSITE_TAG_SIZE)
#define PAYLOAD_MAX  (ONSITE_PREVIEW_MAX / 4 * 3)
#define PAGE_MAX     (ONSITE_PREVIEW_HOST_MAX + 1 + ONSITE_PREVIEW_PATH_MAX)

static const onsite_str_t  name = ONSITE_STR("onsite_preview");


/* Percent-decoded; returns how many bytes. */

static size_t
decode_path(onsite_str_t path, char *out)
{
    int     high, low;
    size_t  i, n;

    for (i = n = 0; i < path.len; i++) {
        out[n++] = path.data[i];

        if (path.data[i] != '%' || path.len - i < 3) {
            continue;
        }

        high = onsite_hex_digit(path.data[i + 1]);
        low = onsite_hex_digit(path.data[i + 2]);

        if (high >= 0 && low >= 0) {
            out[n - 1] = (char) (high << 4 | low);
            i += 2;
        }
    }

    return n;
}


static bool
tag_page(const onsite_signer_t *signer, onsite_str_t site,
    const onsite_preview_page_t *page, uint8_t tag[ONSITE_TAG_SIZE])
{
    char    c, text[PAGE_MAX];
    size_t  i, n;

    if (page->host.len > ONSITE_PREVIEW_HOST_MAX
        || page->path.len > ONSITE_PREVIEW_PATH_MAX)
    {
        return false;
    }

    for (i = 0; i < page->host.len; i++) {
        c = page->host.data[i];
        text[i] = c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
    }

    n = page->host.len;
    text[n++] = '\0';
    n += decode_path(page->path, text + n);

    onsite_signer_tag(signer, ONSITE_STR("preview page"), site,
                      onsite_str(text, n), tag);

    return true;
}


static void
tag_payload(const onsite_signer_t *signer, onsite_str_t site,
    const uint8_t *payload, size_t len, uint8_t tag[ONSITE_TAG_SIZE])
{
    onsite_signer_tag(signer, ONSITE_STR("preview"), site,
                      onsite_str((const char *) payload, len), tag);
}


size_t
onsite_preview_sign(const onsite_signer_t *signer, onsite_str_t site,
    const onsite_preview_page_t *page, const onsite_preview_t *preview,
    char *out)
{
    int       i;
    size_t    n = FIXED;
    uint8_t   payload[PAYLOAD_MAX];
    uint64_t  expires = (uint64_t) preview->expires;

    payload[0] = VERSION;

    for (i = 8; i > 0; i--, expires >>= 8) {
        payload[i] = (uint8_t) expires;
    }

    if (!tag_page(signer, site, page, payload + 9)
        || !onsite_signed_put(payload, &n, PAYLOAD_MAX - ONSITE_TAG_SIZE,
                              preview->campaign)
        || !onsite_signed_put(payload, &n, PAYLOAD_MAX - ONSITE_TAG_SIZE,
                              preview->variant))
    {
        return 0;
    }

    tag_payload(signer, site, payload, n, payload + n);

    return onsite_base64url(payload, n + ONSITE_TAG_SIZE, out);
}


onsite_preview_verdict_t
onsite_preview_verify(const onsite_signer_t *signer, onsite_str_t site,
    const onsite_preview_page_t *page, onsite_str_t text, onsite_ms_t now,
    char *scratch, onsite_preview_t *preview)
{
    int       i;
    size_t    at = FIXED, end;
    uint8_t  *payload = (uint8_t *) scratch, tag[ONSITE_TAG_SIZE];
    uint64_t  expires = 0;

    if (text.len > ONSITE_PREVIEW_MAX) {
        return ONSITE_PREVIEW_FORGED;
    }

    end = onsite_base64url_strict(text, payload);

    if (end < FIXED + 2 + ONSITE_TAG_SIZE) {
        return ONSITE_PREVIEW_FORGED;
    }

    end -= ONSITE_TAG_SIZE;
    tag_payload(signer, site, payload, end, tag);

    if (!onsite_tag_eq(tag, payload + end) || payload[0] != VERSION
        || !onsite_signed_take(scratch, &at, end, &preview->campaign)
        || !onsite_signed_take(scratch, &at, end, &preview->variant)
        || at != end)
    {
        return ONSITE_PREVIEW_FORGED;
    }

    for (i = 1; i <= 8; i++) {
        expires = expires << 8 | payload[i];
    }

    preview->expires = (onsite_ms_t) expires;

    if (now >= preview->expires) {
        return ONSITE_PREVIEW_EXPIRED;
    }

    return tag_page(signer, site, page, tag) && onsite_tag_eq(tag, payload + 9)
           ? ONSITE_PREVIEW_VALID : ONSITE_PREVIEW_OTHER_PAGE;
}


/* A byte of text, percent-encoded however often; returns its length. */

static size_t
decode_char(onsite_str_t text, char *c)
{
    int     high, low;
    size_t  i = 1;

    *c = text.data[0];

    if (*c != '%') {
        return 1;
    }

    while (text.len - i >= 4 && memcmp(text.data + i, "25", 2) == 0) {
        i += 2;
    }

    if (text.len - i < 2) {
        return 1;
    }

    high = onsite_hex_digit(text.data[i]);
    low = onsite_hex_digit(text.data[i + 1]);

    if (high < 0 || low < 0) {
        return 1;
    }

    *c = (char) (high << 4 | low);

    return i + 2;
}


/* How many bytes of text's beginning are our name, 0: it is another. */

static size_t
match_name(onsite_str_t text)
{
    char    c;
    size_t  i, at = 0;

    for (i = 0; i < name.len; i++) {

        if (at == text.len) {
            return 0;
        }

        at += decode_char(onsite_str(text.data + at, text.len - at), &c);

        if (c != name.data[i]) {
            return 0;
        }
    }

    return at;
}


/* Most URLs have neither of two bytes of which the name has one, as it is or
 * encoded. */

static bool
has_name(onsite_str_t text)
{
    size_t  i;

    if (text.len < name.len
        || (memchr(text.data, '_', text.len) == NULL
            && memchr(text.data, '%', text.len) == NULL))
    {
        return false;
    }

    for (i = 0; i < text.len; i++) {
        if ((text.data[i] == 'o' || text.data[i] == '%')
            && match_name(onsite_str(text.data + i, text.len - i)) != 0)
        {
            return true;
        }
    }

    return false;
}


/* The length of a value, to what ends it. */

static size_t
value_length(onsite_str_t text)
{
    char    c;
    size_t  at = 0, n;

    while (at < text.len) {
        n = decode_char(onsite_str(text.data + at, text.len - at), &c);

        if (c == '\0' || strchr("&#\"' \t\r\n<>", c) != NULL) {
            break;
        }

        at += n;
    }

    return at;
}


/* In place, all values of ours are taken out, wherever they are. */

static size_t
blank_values(char *text, size_t len)
{
    char          c;
    size_t        at = 0, n = 0, end;
    onsite_str_t  rest;

    while (at < len) {
        rest = onsite_str(text + at, len - at);
        end = text[at] == 'o' || text[at] == '%' ? match_name(rest) : 0;

        c = '\0';

        if (end != 0 && end < rest.len) {
            rest = onsite_str(rest.data + end, rest.len - end);
            end += decode_char(rest, &c);
        }

        if (end == 0 || c != '=') {
            text[n++] = text[at++];
            continue;
        }

        memmove(text + n, text + at, end);
        n += end;
        at += end;
        at += value_length(onsite_str(text + at, len - at));
    }

    return n;
}


/* Cuts the next argument off; whether it is a preview's. */

static bool
cut_argument(onsite_str_t *args, onsite_str_t *argument)
{
    size_t       n, len;
    const char  *p = memchr(args->data, '&', args->len);

    n = p != NULL ? (size_t) (p - args->data) : args->len;
    *argument = onsite_str(args->data, n);
    n += n < args->len;
    *args = onsite_str(args->data + n, args->len - n);

    len = match_name(*argument);

    return len != 0
           && (argument->len == len || argument->data[len] == '=');
}


onsite_str_t
onsite_preview_token(onsite_str_t args)
{
    size_t        len;
    onsite_str_t  argument;

    while (args.len != 0) {

        if (!cut_argument(&args, &argument)) {
            continue;
        }

        len = match_name(argument);

        if (argument.len > len) {
            return onsite_str(argument.data + len + 1, argument.len - len - 1);
        }
    }

    return onsite_str(NULL, 0);
}


/* Arguments but a preview's, into out; returns how many bytes. */

static size_t
copy_arguments(onsite_str_t args, char *out)
{
    size_t        n = 0;
    bool          first = true;
    onsite_str_t  argument;

    while (args.len != 0) {
        if (cut_argument(&args, &argument)) {
            continue;
        }

        if (!first) {
            out[n++] = '&';
        }

        memcpy(out + n, argument.data, argument.len);
        n += argument.len;
        first = false;
    }

    return n;
}


static size_t
find(onsite_str_t text, char c)
{
    const char  *p = memchr(text.data, c, text.len);

    return p != NULL ? (size_t) (p - text.data) : text.len;
}


onsite_str_t
onsite_preview_strip(onsite_arena_t *arena, onsite_str_t text, bool args)
{
    char    *out;
    size_t   n, copied, start = 0, end = text.len;

    if (!has_name(text)) {
        return text;
    }

    if (!args) {
        end = find(text, '#');
        start = find(onsite_str(text.data, end), '?') + 1;
        start = start < end ? start : end;
    }

    out = onsite_arena_alloc(arena, text.len);
    if (out == NULL) {
        return onsite_str(NULL, 0);
    }

    memcpy(out, text.data, start);
    copied = copy_arguments(onsite_str(text.data + start, end - start),
                            out + start);
    n = copied == 0 && start != 0 && start < end ? start - 1 : start + copied;
    memcpy(out + n, text.data + end, text.len - end);

    return onsite_str(out, blank_values(out, n + text.len - end));
}


void
onsite_preview_scrub(onsite_arena_t *arena, onsite_value_t *value)
{
    uint32_t          i;
    onsite_value_t   *items;
    onsite_member_t  *members;

    if (value->type == ONSITE_STRING) {
        *value = onsite_value_string(onsite_preview_strip(arena,
                                         onsite_value_str(value), false));

    } else if (value->type == ONSITE_ARRAY) {
        items = (onsite_value_t *) value->as.items;

        for (i = 0; i < value->len; i++) {
            onsite_preview_scrub(arena, &items[i]);
        }

    } else if (value->type == ONSITE_OBJECT) {
        members = (onsite_member_t *) value->as.members;

        for (i = 0; i < value->len; i++) {
            onsite_preview_scrub(arena, &members[i].value);
        }
    }
}
