/*
 * onsite_facts.h - what the request itself says: request.* in conditions.
 *
 * Raw strings only; what is derived (query.<name>, language, device) is read
 * lazily by onsite_attribute.c, so an unused fact costs nothing.
 */

#ifndef ONSITE_FACTS_H
#define ONSITE_FACTS_H

#include "onsite_event.h"

typedef enum {
    ONSITE_DESKTOP = 0,
    ONSITE_MOBILE,
    ONSITE_TABLET,
    ONSITE_BOT
} onsite_device_t;

typedef struct {
    onsite_str_t            method;
    onsite_str_t            scheme;
    onsite_str_t            host;
    onsite_str_t            path;       /* decoded, as nginx's $uri        */
    onsite_str_t            args;       /* raw query                       */
    onsite_str_t            url;        /* empty: made of the above        */
    onsite_str_t            referrer;
    onsite_str_t            accept_language;
    onsite_str_t            user_agent;
    const onsite_member_t  *attributes; /* onsite_attribute: name, value   */
    uint32_t                n_attributes;
} onsite_facts_t;

/*
 * A beacon is about the page that sent it, not about the endpoint: where the
 * event's context.page has url, path, search or referrer, they replace the
 * request's (path, search and host come out of url where the page has only
 * that; a page call without context.page has them in its properties);
 * context.userAgent and context.locale fill what the request
 * lacks, or replace it when trusted (the caller is a server).  Both the
 * module and `lmdb-loader replay` go through here.
 */
void onsite_facts_from_event(onsite_facts_t *facts,
    const onsite_event_t *event, bool trusted);

/*
 * By the user agent: a bot is what onsite_crawler.h knows; a tablet an iPad, a
 * Kindle or an Android that is not "Mobile"; what is not known, and a request
 * without one, a desktop.
 */
onsite_device_t onsite_device(onsite_str_t user_agent);
onsite_str_t onsite_device_text(onsite_device_t device);

/* The most preferred language of an Accept-Language (RFC 9110, 12.5.4) or of
 * a locale, as its primary subtag in lower case ("fr" of "fr-FR, en;q=0.8"),
 * in arena.  data NULL: none. */
onsite_str_t onsite_language(onsite_arena_t *arena, onsite_str_t accept);

#endif
