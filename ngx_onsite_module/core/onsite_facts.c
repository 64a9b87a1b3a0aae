/*
 * onsite_facts.c - facts of a page told by its beacon, and what is derived
 * from a request's headers.
 */

#include "onsite_crawler.h"
#include "onsite_facts.h"

#include <stdlib.h>

#define USER_AGENT_MAX  512     /* bytes looked at                         */
#define LANGUAGES_MAX    16     /* of an Accept-Language                   */


static onsite_str_t
skip(onsite_str_t s, size_t n)
{
    return onsite_str(s.data + n, s.len - n);
}


/* Where one of two bytes is first, or the length. */

static size_t
find_either(onsite_str_t s, char a, char b)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] == a || s.data[i] == b) {
            break;
        }
    }

    return i;
}


static onsite_str_t
query_part(onsite_str_t search)
{
    return search.len != 0 && search.data[0] == '?' ? skip(search, 1) : search;
}


/* scheme://host/path?query#fragment; a relative one begins at its path. */

static void
facts_from_url(onsite_facts_t *facts, onsite_str_t url)
{
    char         *colon;
    size_t        end;
    onsite_str_t  rest = url;

    facts->url = url;

    colon = memmem(url.data, url.len, "://", 3);

    if (colon != NULL
        && (size_t) (colon - url.data) < find_either(url, '/', '?'))
    {
        facts->scheme = onsite_str(url.data, (size_t) (colon - url.data));
        rest = skip(url, facts->scheme.len + 3);

        end = find_either(rest, '/', '?');
        facts->host = onsite_str(rest.data, end);
        rest = skip(rest, end);
    }

    rest.len = find_either(rest, '#', '#');
    end = find_either(rest, '?', '?');

    facts->path = end != 0 ? onsite_str(rest.data, end) : ONSITE_STR("/");
    facts->args = query_part(skip(rest, end));
}


/* Whether page has a string member, into *out. */

static bool
page_text(const onsite_value_t *page, onsite_str_t key, onsite_str_t *out)
{
    const onsite_value_t  *value = onsite_value_get(page, key);

    if (value == NULL || value->type != ONSITE_STRING) {
        return false;
    }

    *out = onsite_value_str(value);

    return true;
}


static void
facts_from_page(onsite_facts_t *facts, const onsite_value_t *page)
{
    onsite_str_t  url, path, search;

    if (page_text(page, ONSITE_STR("url"), &url) && url.len != 0) {
        facts_from_url(facts, url);

    } else if (page_text(page, ONSITE_STR("path"), &path)) {

        /* the request's own URL is not this page's: made of the parts */

        facts->url = onsite_str(NULL, 0);
        facts->args = onsite_str(NULL, 0);
    }

    if (page_text(page, ONSITE_STR("path"), &path)) {
        facts->path = path;
    }

    if (page_text(page, ONSITE_STR("search"), &search)) {
        facts->args = query_part(search);
    }

    (void) page_text(page, ONSITE_STR("referrer"), &facts->referrer);
}


void
onsite_facts_from_event(onsite_facts_t *facts, const onsite_event_t *event,
    bool trusted)
{
    onsite_str_t           text;
    const onsite_value_t  *page;

    page = onsite_value_get(&event->context, ONSITE_STR("page"));

    if (page != NULL && page->type == ONSITE_OBJECT) {
        facts_from_page(facts, page);

    } else if (event->type == ONSITE_PAGE) {
        facts_from_page(facts, &event->properties);
    }

    text = onsite_value_get_str(&event->context, ONSITE_STR("userAgent"));

    if (text.len != 0 && (trusted || facts->user_agent.len == 0)) {
        facts->user_agent = text;
    }

    text = onsite_value_get_str(&event->context, ONSITE_STR("locale"));

    if (text.len != 0 && (trusted || facts->accept_language.len == 0)) {
        facts->accept_language = text;
    }
}


/* Whether a lower-case text has one of words, a list that ends in NULL. */

static bool
has_any(onsite_str_t text, const char *const *words)
{
    for (/* void */; *words != NULL; words++) {
        if (memmem(text.data, text.len, *words, strlen(*words)) != NULL) {
            return true;
        }
    }

    return false;
}


static onsite_device_t
classify(onsite_str_t agent)
{
    static const char *const  tablets[] = {
        "ipad", "tablet", "kindle", "silk/", "playbook", NULL
    };
    static const char *const  mobiles[] = {
        "mobi", "iphone", "ipod", "windows phone", "opera mini",
        "blackberry", NULL
    };
    static const char *const  android[] = { "android", NULL };
    static const char *const  television[] = { "tv", NULL };

    if (has_any(agent, tablets)) {
        return ONSITE_TABLET;
    }

    if (has_any(agent, mobiles)) {
        return ONSITE_MOBILE;
    }

    /* Android without "Mobile" is how tablets say it; so do televisions */

    if (has_any(agent, android) && !has_any(agent, television)) {
        return ONSITE_TABLET;
    }

    return ONSITE_DESKTOP;
}


static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
}


onsite_device_t
onsite_device(onsite_str_t user_agent)
{
    char    agent[USER_AGENT_MAX];
    size_t  i, len;

    if (onsite_crawler(user_agent)) {
        return ONSITE_BOT;
    }

    len = user_agent.len < USER_AGENT_MAX ? user_agent.len : USER_AGENT_MAX;

    for (i = 0; i < len; i++) {
        agent[i] = lower(user_agent.data[i]);
    }

    return classify(onsite_str(agent, len));
}


onsite_str_t
onsite_device_text(onsite_device_t device)
{
    switch (device) {

    case ONSITE_DESKTOP:
        return ONSITE_STR("desktop");

    case ONSITE_MOBILE:
        return ONSITE_STR("mobile");

    case ONSITE_TABLET:
        return ONSITE_STR("tablet");

    case ONSITE_BOT:
        return ONSITE_STR("bot");
    }

    return onsite_str(NULL, 0);
}


static onsite_str_t
trim(onsite_str_t s)
{
    while (s.len != 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s = skip(s, 1);
    }

    return s;
}


/* Thousandths of a "q=0.8" behind a language, by RFC 9110, 12.4.2; 1000 when
 * there is none, 0 when it is malformed. */

static int
weight(onsite_str_t parameters)
{
    int     q, unit;
    size_t  i;

    parameters = trim(parameters);

    if (parameters.len == 0) {
        return 1000;
    }

    if (parameters.len < 3 || lower(parameters.data[0]) != 'q'
        || parameters.data[1] != '=')
    {
        return 0;
    }

    if (parameters.data[2] != '0') {
        return parameters.data[2] == '1' ? 1000 : 0;
    }

    for (i = 4, q = 0, unit = 100; i < parameters.len && unit != 0; i++) {
        if (parameters.data[i] < '0' || parameters.data[i] > '9') {
            break;
        }

        q += (parameters.data[i] - '0') * unit;
        unit /= 10;
    }

    return q;
}


/* "fr" of "fr-FR" or "fr_FR"; empty for "*" and what is no language. */

static onsite_str_t
primary_subtag(onsite_str_t range)
{
    size_t  i;

    range = trim(range);

    for (i = 0; i < range.len; i++) {
        if (lower(range.data[i]) < 'a' || lower(range.data[i]) > 'z') {
            break;
        }
    }

    return i >= 2 && i <= 8 ? onsite_str(range.data, i) : onsite_str(NULL, 0);
}


onsite_str_t
onsite_language(onsite_arena_t *arena, onsite_str_t accept)
{
    int           q, best_q;
    char          text[8];
    size_t        end, semicolon, i, n;
    onsite_str_t  item, subtag, best;

    best = onsite_str(NULL, 0);
    best_q = 0;

    for (n = 0; accept.len != 0 && n < LANGUAGES_MAX; n++) {
        end = find_either(accept, ',', ',');
        item = onsite_str(accept.data, end);
        accept = skip(accept, end < accept.len ? end + 1 : end);

        semicolon = find_either(item, ';', ';');
        subtag = primary_subtag(onsite_str(item.data, semicolon));
        q = semicolon < item.len ? weight(skip(item, semicolon + 1)) : 1000;

        if (subtag.len != 0 && q > best_q) {
            best = subtag;
            best_q = q;
        }
    }

    if (best.len == 0) {
        return best;
    }

    for (i = 0; i < best.len; i++) {
        text[i] = lower(best.data[i]);
    }

    return onsite_arena_copy(arena, onsite_str(text, best.len));
}
