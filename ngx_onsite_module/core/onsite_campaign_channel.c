/*
 * onsite_campaign_channel.c - where a campaign shows: channel, slot, endpoint.
 */

#include "onsite_campaign_compile.h"
#include "onsite_coerce.h"

#define ENDPOINT_MAX_BYTES  1024

static const char *const  channel_names[] = {
    "popup", "bar", "notification", "embed", "webhook", NULL
};


static void
read_channel(onsite_draft_reader_t *r)
{
    uint32_t               which = ONSITE_CHANNEL_POPUP;
    const onsite_value_t  *channel;

    channel = onsite_definition_get(r->draft->definition, "channel");

    if (channel == NULL) {
        onsite_definition_error(r->d, "channel", "is missing: one of popup,"
                                " bar, notification, embed, webhook");
        return;
    }

    if (!onsite_definition_choice(r->d, "channel", channel, channel_names,
                                  &which))
    {
        return;
    }

    r->draft->campaign.channel = (uint8_t) which;
    r->shows = true;
}


/* Blanks and what is not seen, in Unicode, too: a name that looks like another
 * is not found. */

static bool
is_unseen(uint32_t c)
{
    return c <= ' ' || (c >= 0x7f && c <= 0xa0) || c == 0xad || c == 0x1680
           || (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f)
           || (c >= 0x205f && c <= 0x206f) || c == 0x3000 || c == 0xfeff;
}


/* A name stands in an attribute and in a comment. */

static bool
is_slot_name(onsite_str_t name)
{
    uint32_t     c;
    const char  *p = name.data, *end = name.data + name.len;

    while (p < end) {
        c = onsite_utf8_next(&p, end);

        if (is_unseen(c) || (c < 0x80 && strchr("\"'`<>", (int) c) != NULL)) {
            return false;
        }
    }

    return name.len <= ONSITE_SLOT_NAME_MAX;
}


static void
read_slot(onsite_draft_reader_t *r)
{
    bool           embed;
    onsite_str_t   slot = { 0, NULL };

    embed = r->draft->campaign.channel == ONSITE_CHANNEL_EMBED;

    if (!onsite_definition_string(r->d, r->draft->definition, "slot",
                                  SIZE_MAX, &slot))
    {
        return;
    }

    if (slot.data != NULL && !is_slot_name(slot)) {
        onsite_definition_error(r->d, "slot", "must be 1 to %d bytes of"
                                " letters, digits and signs, such as"
                                " \"hero\": without blanks, control"
                                " characters, quotes, \"<\" and \">\"",
                                ONSITE_SLOT_NAME_MAX);
        return;
    }

    if (embed && slot.data == NULL) {
        onsite_definition_error(r->d, "slot", "is missing: an embed needs to"
                                " know the slot it goes into");

    } else if (!embed && slot.data != NULL) {
        onsite_definition_error(r->d, "slot", "is for channel embed only");
    }

    if (slot.data != NULL) {
        r->draft->campaign.slot = onsite_builder_str(r->b, slot);
    }
}


static bool
begins(onsite_str_t *text, onsite_str_t with)
{
    if (text->len < with.len || memcmp(text->data, with.data, with.len) != 0) {
        return false;
    }

    *text = onsite_str(text->data + with.len, text->len - with.len);

    return true;
}


/* This machine itself: what is sent there is seen by nobody on the way. */

static bool
is_loopback(onsite_str_t authority)
{
    size_t        i, octets = 1;
    onsite_str_t  rest = authority;

    if (begins(&rest, ONSITE_STR("localhost"))
        || begins(&rest, ONSITE_STR("[::1]")))
    {
        return rest.len == 0 || rest.data[0] == ':';
    }

    if (!begins(&rest, ONSITE_STR("127."))) {
        return false;
    }

    for (i = 0; i < rest.len && rest.data[i] != ':'; i++) {
        if (rest.data[i] == '.') {
            octets++;

        } else if (rest.data[i] < '0' || rest.data[i] > '9') {
            return false;
        }
    }

    return octets == 3;
}


/* What stands between the scheme and the path; len 0 also for a text that no
 * URL may be. */

static onsite_str_t
authority_of(onsite_str_t rest)
{
    size_t         i, len;
    unsigned char  c;

    for (i = 0; i < rest.len; i++) {
        c = (unsigned char) rest.data[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>'
            || c == '\\' || c == '#')
        {
            return onsite_str(NULL, 0);
        }
    }

    for (len = 0; len < rest.len && rest.data[len] != '/'
                  && rest.data[len] != '?'; len++)
    {
        if (rest.data[len] == '@') {
            return onsite_str(NULL, 0);
        }
    }

    return onsite_str(rest.data, len);
}


static void
check_endpoint(onsite_draft_reader_t *r, onsite_str_t endpoint)
{
    bool          plain;
    onsite_str_t  rest = endpoint, authority;

    plain = begins(&rest, ONSITE_STR("http://"));

    if (!plain && !begins(&rest, ONSITE_STR("https://"))) {
        onsite_definition_error(r->d, "endpoint", "must be a URL that begins"
                                " with https://");
        return;
    }

    authority = authority_of(rest);

    if (authority.len == 0) {
        onsite_definition_error(r->d, "endpoint", "must be a URL such as"
                                " \"https://hooks.example/cart\", without"
                                " blanks, user name or fragment, other"
                                " characters percent-encoded");

    } else if (plain && !is_loopback(authority)) {
        onsite_definition_error(r->d, "endpoint", "must begin with https://;"
                                " http:// is for this machine only"
                                " (127.0.0.1, localhost)");
    }
}


static void
read_endpoint(onsite_draft_reader_t *r)
{
    onsite_str_t           endpoint = { 0, NULL };
    const onsite_value_t  *definition = r->draft->definition;

    if (r->draft->campaign.channel != ONSITE_CHANNEL_WEBHOOK) {

        if (onsite_definition_get(definition, "endpoint") != NULL) {
            onsite_definition_error(r->d, "endpoint", "is for channel webhook"
                                    " only");
        }

        return;
    }

    if (!onsite_definition_string(r->d, definition, "endpoint",
                                  ENDPOINT_MAX_BYTES, &endpoint))
    {
        return;
    }

    if (endpoint.data == NULL) {
        onsite_definition_error(r->d, "endpoint", "is missing: a webhook"
                                " needs the URL that it is sent to");
        return;
    }

    check_endpoint(r, endpoint);
    r->draft->campaign.endpoint = onsite_builder_str(r->b, endpoint);
}


void
onsite_draft_channel(onsite_draft_reader_t *r)
{
    read_channel(r);

    if (r->shows) {
        read_slot(r);
        read_endpoint(r);
    }
}
