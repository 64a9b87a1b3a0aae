/*
 * onsite_campaign_when.c - what in the page releases a campaign.
 */

#include "onsite_campaign_compile.h"

/* A byte of a text is six at most as JSON: \u0000. */
#define ESCAPED_MAX  6

static const char *const  when_keys[] = {
    "exit", "scroll", "dwell", "idle", "seen", "event", NULL
};


/* Passes over the bytes of text that are with. */

static bool
take(onsite_str_t *text, onsite_str_t with)
{
    if (text->len < with.len || memcmp(text->data, with.data, with.len) != 0) {
        return false;
    }

    *text = onsite_str(text->data + with.len, text->len - with.len);

    return true;
}


/* A whole number from 1 to max, without leading zeros. */

static bool
take_number(onsite_str_t *text, int64_t max)
{
    size_t   i;
    int64_t  number = 0;

    for (i = 0; i < text->len && text->data[i] >= '0' && text->data[i] <= '9'
                && number <= max; i++)
    {
        number = number * 10 + (text->data[i] - '0');

        if (number == 0) {
            return false;
        }
    }

    *text = onsite_str(text->data + i, text->len - i);

    return number >= 1 && number <= max;
}


/* Of a character inside of a JSON text as onsite_write_json_string writes it;
 * 0: there is none. */

static size_t
character(onsite_str_t text)
{
    size_t         i;
    unsigned char  c;

    if (text.len == 0) {
        return 0;
    }

    c = (unsigned char) text.data[0];

    if (c != '\\') {
        return c >= 0x20 && c != 0x7f && c != '"' && c != '<'
               ? onsite_utf8_length((const unsigned char *) text.data,
                                    text.len) : 0;
    }

    if (text.len < 2) {
        return 0;
    }

    if (text.data[1] != 'u') {
        return memchr("\"\\/bfnrt", text.data[1], 8) != NULL ? 2 : 0;
    }

    for (i = 2; i < 6; i++) {
        if (i == text.len || memchr("0123456789abcdefABCDEF", text.data[i], 22)
                             == NULL)
        {
            return 0;
        }
    }

    return 6;
}


static bool
take_string(onsite_str_t *text, size_t max)
{
    size_t        n, len = 0;
    onsite_str_t  rest = *text;

    if (!take(&rest, ONSITE_STR("\""))) {
        return false;
    }

    while ((n = character(rest)) != 0) {
        rest = onsite_str(rest.data + n, rest.len - n);
        len += n;
    }

    *text = rest;

    return len != 0 && len <= max * ESCAPED_MAX
           && take(text, ONSITE_STR("\""));
}


/* Of the key of that place. */

static bool
take_value(onsite_str_t *text, size_t key)
{
    switch (key) {

    case 0:
        return take(text, ONSITE_STR("true"));

    case 1:
        return take_number(text, 100);

    case 2:
    case 3:
        return take_number(text, ONSITE_WHEN_MS_MAX);

    case 4:
        return take_string(text, ONSITE_WHEN_SELECTOR_MAX);

    default:
        return take_string(text, ONSITE_EVENT_NAME_MAX);
    }
}


/* The name of a member, behind a comma unless it is the first one. */

static bool
take_name(onsite_str_t *text, const char *name, bool first)
{
    onsite_str_t  rest = *text;

    if ((!first && !take(&rest, ONSITE_STR(",")))
        || !take(&rest, ONSITE_STR("\""))
        || !take(&rest, onsite_str_of(name))
        || !take(&rest, ONSITE_STR("\":")))
    {
        return false;
    }

    *text = rest;

    return true;
}


bool
onsite_when_holds(onsite_str_t text)
{
    size_t  i, n = 0;

    if (!take(&text, ONSITE_STR("{"))) {
        return false;
    }

    for (i = 0; when_keys[i] != NULL; i++) {

        if (!take_name(&text, when_keys[i], n == 0)) {
            continue;
        }

        if (!take_value(&text, i)) {
            return false;
        }

        n++;
    }

    return n != 0 && onsite_str_eq(text, ONSITE_STR("}"));
}


static void
write_name(onsite_buf_t *out, const char *name)
{
    onsite_buf_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
}


static void
read_exit(onsite_draft_reader_t *r, const onsite_value_t *when,
    onsite_buf_t *out)
{
    bool  leaves = true;

    if (onsite_definition_get(when, "exit") == NULL
        || !onsite_definition_bool(r->d, when, "exit", &leaves))
    {
        return;
    }

    if (!leaves) {
        onsite_definition_error(r->d, "exit", "must be true; leave it out"
                                " where leaving the page releases nothing");
        return;
    }

    write_name(out, "exit");
    onsite_buf_str(out, ONSITE_STR("true"));
}


static void
read_scroll(onsite_draft_reader_t *r, const onsite_value_t *when,
    onsite_buf_t *out)
{
    int32_t  percent = 0;

    if (onsite_definition_integer(r->d, when, "scroll", 1, 100, &percent)
        && percent != 0)
    {
        write_name(out, "scroll");
        onsite_buf_printf(out, "%d", percent);
    }
}


static void
read_time(onsite_draft_reader_t *r, const onsite_value_t *when,
    const char *key, onsite_buf_t *out)
{
    onsite_ms_t  ms = 0;

    if (!onsite_definition_duration(r->d, when, key, &ms) || ms == 0) {
        return;
    }

    if (ms > ONSITE_WHEN_MS_MAX) {
        onsite_definition_error(r->d, key, "must be at most \"24h\": no page"
                                " stays open longer");
        return;
    }

    write_name(out, key);
    onsite_buf_printf(out, "%lld", (long long) ms);
}


/* The bracket that closes c; 0: c opens none. */

static char
closing(char c)
{
    return c == '(' ? ')' : c == '[' ? ']' : c == '"' || c == '\'' ? c : 0;
}


/* Whether brackets and quotes of a selector are closed in their order. */

static bool
is_balanced(onsite_str_t selector)
{
    char    c, open[ONSITE_WHEN_SELECTOR_MAX];
    size_t  i, n = 0;

    for (i = 0; i < selector.len; i++) {
        c = selector.data[i];

        if (c == '\\') {
            i++;

        } else if (n != 0 && c == open[n - 1]) {
            n--;

        } else if (n != 0 && (open[n - 1] == '"' || open[n - 1] == '\'')) {
            continue;

        } else if (closing(c) != 0) {
            open[n++] = closing(c);

        } else if (c == ')' || c == ']') {
            return false;
        }
    }

    return n == 0 && i == selector.len;
}


/* What can be said without a page; the browser knows the rest. */

static bool
is_selector(onsite_str_t selector)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < selector.len; i++) {
        c = (unsigned char) selector.data[i];

        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }

    return is_balanced(selector);
}


static void
read_seen(onsite_draft_reader_t *r, const onsite_value_t *when,
    onsite_buf_t *out)
{
    onsite_str_t  seen = { 0, NULL };

    if (!onsite_definition_string(r->d, when, "seen",
                                  ONSITE_WHEN_SELECTOR_MAX, &seen)
        || seen.data == NULL)
    {
        return;
    }

    if (!is_selector(seen)) {
        onsite_definition_error(r->d, "seen", "must be a CSS selector such as"
                                " \"#reviews\", its quotes and brackets"
                                " closed");
        return;
    }

    write_name(out, "seen");
    onsite_write_json_string(out, seen);
}


static void
read_event(onsite_draft_reader_t *r, const onsite_value_t *when,
    onsite_buf_t *out)
{
    onsite_str_t  event = { 0, NULL };

    if (!onsite_definition_string(r->d, when, "event", ONSITE_EVENT_NAME_MAX,
                                  &event)
        || event.data == NULL)
    {
        return;
    }

    write_name(out, "event");
    onsite_write_json_string(out, event);
    onsite_event_name_lint(r->d, "event", event);
}


static void
read_members(onsite_draft_reader_t *r, const onsite_value_t *when,
    onsite_buf_t *out)
{
    size_t  i;

    for (i = 0; when_keys[i] != NULL; i++) {
        if (onsite_definition_get(when, when_keys[i]) != NULL) {
            break;
        }
    }

    if (when_keys[i] == NULL) {
        onsite_definition_error(r->d, NULL, "must say what releases the"
                                " campaign: exit, scroll, dwell, idle, seen"
                                " or event");
        return;
    }

    read_exit(r, when, out);
    read_scroll(r, when, out);
    read_time(r, when, "dwell", out);
    read_time(r, when, "idle", out);
    read_seen(r, when, out);
    read_event(r, when, out);
}


void
onsite_draft_when(onsite_draft_reader_t *r)
{
    size_t                 len;
    onsite_buf_t           json;
    const onsite_value_t  *when;

    when = onsite_definition_get(r->draft->definition, "when");
    if (when == NULL) {
        return;
    }

    if (r->draft->campaign.channel == ONSITE_CHANNEL_WEBHOOK) {
        onsite_definition_error(r->d, "when", "is for what is shown in a page,"
                                " which a webhook is not");
        return;
    }

    len = onsite_definition_enter(r->d, ONSITE_STR("when"));
    onsite_buf_init(&json, 0);
    onsite_buf_char(&json, '{');

    if (onsite_definition_keys(r->d, when, when_keys)) {
        read_members(r, when, &json);
    }

    onsite_buf_char(&json, '}');
    r->draft->campaign.when = onsite_builder_str(r->b, onsite_str(json.data,
                                                                  json.len));
    onsite_buf_free(&json);
    onsite_definition_leave(r->d, len);
}
