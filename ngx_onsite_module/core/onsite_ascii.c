/*
 * onsite_ascii.c - HTML in UTF-8 as pure ASCII.
 */

#include "onsite_ascii.h"
#include "onsite_coerce.h"

#define REPLACEMENT  0xfffd

typedef enum {
    FORM_REFERENCE,
    FORM_SCRIPT,
    FORM_STYLE,
    FORM_NONE
} form_t;


/* Bytes up to the first that is not ASCII. */

static size_t
ascii_length(onsite_str_t text)
{
    size_t    i = 0;
    uint64_t  eight;

    for (/* void */; text.len - i >= 8; i += 8) {
        memcpy(&eight, text.data + i, 8);

        if (eight & UINT64_C(0x8080808080808080)) {
            break;
        }
    }

    while (i < text.len && (unsigned char) text.data[i] < 0x80) {
        i++;
    }

    return i;
}


static size_t
other_length(onsite_str_t text)
{
    size_t  i = 0;

    while (i < text.len && (unsigned char) text.data[i] >= 0x80) {
        i++;
    }

    return i;
}


bool
onsite_is_ascii(onsite_str_t text)
{
    return ascii_length(text) == text.len;
}


static void
write_hex(onsite_buf_t *out, uint32_t c, unsigned digits)
{
    while (digits-- != 0) {
        onsite_buf_char(out, "0123456789ABCDEF"[c >> 4 * digits & 15]);
    }
}


static void
write_reference(onsite_buf_t *out, uint32_t c)
{
    char   text[8], *p = text + sizeof(text);

    if (c < 0xa0) {
        c = REPLACEMENT;
    }

    do {
        *--p = (char) ('0' + c % 10);
        c /= 10;
    } while (c != 0);

    onsite_buf_append(out, "&#", 2);
    onsite_buf_append(out, p, (size_t) (text + sizeof(text) - p));
    onsite_buf_char(out, ';');
}


/* escaped: there is a backslash in front. */

static void
write_script(onsite_buf_t *out, uint32_t c, bool escaped)
{
    if (c > 0xffff) {
        c -= 0x10000;
        write_script(out, 0xd800 | c >> 10, escaped);
        write_script(out, 0xdc00 | (c & 0x3ff), false);
        return;
    }

    onsite_buf_append(out, &"\\u"[escaped], 2 - escaped);
    write_hex(out, c, 4);
}


static void
write_style(onsite_buf_t *out, uint32_t c, bool escaped)
{
    onsite_buf_append(out, &"\\"[escaped], 1 - escaped);
    write_hex(out, c, 6);
    onsite_buf_char(out, ' ');
}


static void
write_character(onsite_buf_t *out, uint32_t c, form_t form, bool escaped)
{
    switch (form) {

    case FORM_REFERENCE:
        write_reference(out, c);
        break;

    case FORM_SCRIPT:
        write_script(out, c, escaped);
        break;

    case FORM_STYLE:
        write_style(out, c, escaped);
        break;

    default:
        onsite_buf_char(out, '?');
    }
}


/* None of the bytes is ASCII. */

static void
write_characters(onsite_buf_t *out, onsite_str_t text, form_t form,
    bool escaped)
{
    size_t       n;
    uint32_t     c;
    const char  *p = text.data, *end = text.data + text.len;

    while (p < end) {
        n = onsite_utf8_length((const unsigned char *) p, (size_t) (end - p));

        if (n != 0) {
            c = onsite_utf8_next(&p, end);
        } else {
            c = REPLACEMENT;
            p++;
        }

        write_character(out, c, form, escaped);
        escaped = false;
    }
}


void
onsite_ascii_value(onsite_buf_t *out, onsite_str_t value)
{
    size_t  n;

    while (value.len != 0) {
        n = ascii_length(value);
        onsite_buf_append(out, value.data, n);
        value = onsite_str(value.data + n, value.len - n);

        n = other_length(value);
        write_characters(out, onsite_str(value.data, n), FORM_REFERENCE,
                         false);
        value = onsite_str(value.data + n, value.len - n);
    }
}


void
onsite_ascii_init(onsite_ascii_t *ascii, onsite_inject_t *scan)
{
    memset(ascii, 0, sizeof(onsite_ascii_t));
    ascii->scan = scan;
    onsite_inject_init(scan, 0);
}


static void
follow(onsite_ascii_t *ascii, onsite_str_t bytes)
{
    onsite_slice_t  slice;

    onsite_inject_feed(ascii->scan, bytes, false);

    while (onsite_inject_next(ascii->scan, &slice)) {
        /* void */
    }
}


/* Where the scanner is: behind a byte that is not ASCII, so that it knows
 * what of tags that only may begin in front of it came. */

static form_t
form_here(const onsite_ascii_t *ascii)
{
    if (onsite_inject_references(ascii->scan)) {
        return FORM_REFERENCE;
    }

    switch (onsite_inject_where(ascii->scan)) {

    case ONSITE_HTML_SCRIPT:
        return FORM_SCRIPT;

    case ONSITE_HTML_STYLE:
        return FORM_STYLE;

    default:
        return FORM_NONE;
    }
}


/* By an odd number of backslashes. */

static void
note_backslashes(onsite_ascii_t *ascii, onsite_str_t bytes)
{
    size_t  n = bytes.len;

    while (n != 0 && bytes.data[n - 1] == '\\') {
        n--;
    }

    if (n != 0) {
        ascii->escaped = false;
    }

    ascii->escaped ^= (bytes.len - n) & 1;
}


/* Nothing completes it any more. */

static void
write_held(onsite_ascii_t *ascii, onsite_buf_t *out)
{
    if (ascii->n_held != 0) {
        write_characters(out, onsite_str(ascii->held, ascii->n_held),
                         form_here(ascii), ascii->escaped);
        ascii->n_held = 0;
        ascii->escaped = false;
    }
}


/* Of the beginning of a character at the end of text. */

static size_t
cut_length(onsite_str_t text)
{
    size_t         n, need;
    unsigned char  c;

    for (n = 1; n <= 3 && n <= text.len; n++) {
        c = (unsigned char) text.data[text.len - n];

        if (c >= 0xc0) {
            need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
            return n < need ? n : 0;
        }
    }

    return 0;
}


/* The bytes of text that belong to the held character: written with it, unless
 * even with all of text it is not complete. */

static size_t
complete(onsite_ascii_t *ascii, onsite_str_t text, onsite_buf_t *out)
{
    size_t                i = 0;
    const unsigned char  *held = (const unsigned char *) ascii->held;

    if (ascii->n_held == 0) {
        return 0;
    }

    while (i < text.len && ascii->n_held < sizeof(ascii->held)
           && ((unsigned char) text.data[i] & 0xc0) == 0x80
           && onsite_utf8_length(held, ascii->n_held) == 0)
    {
        ascii->held[ascii->n_held++] = text.data[i++];
    }

    if (i < text.len || cut_length(onsite_str(ascii->held, ascii->n_held)) == 0)
    {
        write_held(ascii, out);
    }

    return i;
}


/* last: of its piece, so that a character may go on in the next one. */

static void
write_others(onsite_ascii_t *ascii, onsite_str_t text, bool last,
    onsite_buf_t *out)
{
    size_t  n, cut;

    n = complete(ascii, text, out);
    text = onsite_str(text.data + n, text.len - n);
    cut = last ? cut_length(text) : 0;

    if (text.len != cut) {
        write_characters(out, onsite_str(text.data, text.len - cut),
                         form_here(ascii), ascii->escaped);
        ascii->escaped = false;
    }

    if (cut != 0) {
        memcpy(ascii->held, text.data + text.len - cut, cut);
        ascii->n_held = (unsigned) cut;
    }
}


void
onsite_ascii_write(onsite_ascii_t *ascii, onsite_str_t piece,
    onsite_buf_t *out)
{
    size_t        n, others;
    onsite_str_t  ascii_bytes;

    while (piece.len != 0) {
        n = ascii_length(piece);
        ascii_bytes = onsite_str(piece.data, n);

        if (n != 0) {
            onsite_ascii_pass(ascii, ascii_bytes, out);
            onsite_buf_str(out, ascii_bytes);
            piece = onsite_str(piece.data + n, piece.len - n);
        }

        others = other_length(piece);

        if (others != 0) {
            follow(ascii, onsite_str(piece.data, others));
            write_others(ascii, onsite_str(piece.data, others),
                         others == piece.len, out);
            piece = onsite_str(piece.data + others, piece.len - others);
        }
    }
}


void
onsite_ascii_pass(onsite_ascii_t *ascii, onsite_str_t piece,
    onsite_buf_t *out)
{
    if (piece.len != 0) {
        write_held(ascii, out);
        follow(ascii, piece);
        note_backslashes(ascii, piece);
    }
}


void
onsite_ascii_end(onsite_ascii_t *ascii, onsite_buf_t *out)
{
    write_held(ascii, out);
}
