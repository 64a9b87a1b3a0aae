/*
 * onsite_origin_host.c - what a referrer's host is known as: search, social,
 * email, or a referral.
 *
 * Known names are found by their registrable label ("google" of
 * www.google.co.uk), because most have a domain in every country.
 */

#include "onsite_origin.h"

typedef struct {
    const char  *label;         /* the registrable one                     */
    const char  *below;         /* label in front of it; "": none, or one
                                   that means none; NULL: any              */
    const char  *source;
    const char  *medium;
} known_t;

/* The first that fits counts. */
static const known_t  known[] = {
    { "google", "mail", "gmail", "email" },
    { "google", "", "google", "organic" },
    { "google", "images", "google", "organic" },
    { "google", "news", "google", "organic" },
    { "bing", NULL, "bing", "organic" },
    { "duckduckgo", NULL, "duckduckgo", "organic" },
    { "yahoo", "mail", "yahoo", "email" },
    { "yahoo", "", "yahoo", "organic" },
    { "yahoo", "search", "yahoo", "organic" },
    { "baidu", "", "baidu", "organic" },
    { "yandex", "mail", "yandex", "email" },
    { "yandex", "", "yandex", "organic" },
    { "ecosia", NULL, "ecosia", "organic" },
    { "qwant", NULL, "qwant", "organic" },
    { "startpage", NULL, "startpage", "organic" },
    { "brave", "search", "brave", "organic" },
    { "swisscows", NULL, "swisscows", "organic" },
    { "mojeek", NULL, "mojeek", "organic" },
    { "kagi", NULL, "kagi", "organic" },
    { "naver", "mail", "naver", "email" },
    { "naver", "search", "naver", "organic" },
    { "naver", "", "naver", "organic" },
    { "daum", "search", "daum", "organic" },
    { "seznam", "email", "seznam", "email" },
    { "seznam", "", "seznam", "organic" },
    { "seznam", "search", "seznam", "organic" },
    { "sogou", NULL, "sogou", "organic" },
    { "ask", "", "ask", "organic" },
    { "aol", "mail", "aol", "email" },
    { "aol", "search", "aol", "organic" },

    { "facebook", NULL, "facebook", "social" },
    { "instagram", NULL, "instagram", "social" },
    { "messenger", NULL, "facebook", "social" },
    { "twitter", NULL, "twitter", "social" },
    { "linkedin", NULL, "linkedin", "social" },
    { "lnkd", NULL, "linkedin", "social" },
    { "pinterest", NULL, "pinterest", "social" },
    { "reddit", NULL, "reddit", "social" },
    { "tiktok", NULL, "tiktok", "social" },
    { "youtube", NULL, "youtube", "social" },
    { "youtu", NULL, "youtube", "social" },
    { "snapchat", NULL, "snapchat", "social" },
    { "whatsapp", NULL, "whatsapp", "social" },
    { "telegram", NULL, "telegram", "social" },
    { "tumblr", NULL, "tumblr", "social" },
    { "threads", "", "threads", "social" },
    { "bsky", NULL, "bluesky", "social" },
    { "discord", NULL, "discord", "social" },
    { "quora", NULL, "quora", "social" },
    { "weibo", NULL, "weibo", "social" },
    { "xing", NULL, "xing", "social" },
    { "nextdoor", NULL, "nextdoor", "social" },
    { "twitch", NULL, "twitch", "social" },

    { "gmail", "", "gmail", "email" },
    { "outlook", NULL, "outlook", "email" },
    { "hotmail", NULL, "outlook", "email" },
    { "live", "outlook", "outlook", "email" },
    { "office", "outlook", "outlook", "email" },
    { "office365", "outlook", "outlook", "email" },
    { "cloud", "outlook", "outlook", "email" },
    { "icloud", "", "icloud", "email" },
    { "protonmail", NULL, "proton", "email" },
    { "gmx", NULL, "gmx", "email" },
    { "fastmail", NULL, "fastmail", "email" },
    { "tuta", NULL, "tuta", "email" },
};

/* Whole hosts, too short or too common for their label to tell. */
static const known_t  hosts[] = {
    { "t.co", NULL, "twitter", "social" },
    { "x.com", NULL, "twitter", "social" },
    { "fb.com", NULL, "facebook", "social" },
    { "fb.me", NULL, "facebook", "social" },
    { "pin.it", NULL, "pinterest", "social" },
    { "redd.it", NULL, "reddit", "social" },
    { "wa.me", NULL, "whatsapp", "social" },
    { "t.me", NULL, "telegram", "social" },
    { "vk.com", NULL, "vk", "social" },
    { "m.vk.com", NULL, "vk", "social" },
    { "away.vk.com", NULL, "vk", "social" },
    { "ok.ru", NULL, "ok", "social" },
    { "m.ok.ru", NULL, "ok", "social" },
    { "line.me", NULL, "line", "social" },
    { "mastodon.social", NULL, "mastodon", "social" },
    { "ya.ru", NULL, "yandex", "organic" },
    { "so.com", NULL, "so", "organic" },
    { "go.mail.ru", NULL, "mail.ru", "organic" },
    { "e.mail.ru", NULL, "mail.ru", "email" },
    { "web.de", NULL, "web.de", "email" },
    { "mail.proton.me", NULL, "proton", "email" },

    /* apps name themselves as android-app://… */
    { "com.google.android.gm", NULL, "gmail", "email" },
    { "com.google.android.googlequicksearchbox", NULL, "google", "organic" },
    { "com.facebook.katana", NULL, "facebook", "social" },
    { "com.instagram.android", NULL, "instagram", "social" },
    { "com.twitter.android", NULL, "twitter", "social" },
    { "com.linkedin.android", NULL, "linkedin", "social" },
    { "com.pinterest", NULL, "pinterest", "social" },
    { "com.reddit.frontpage", NULL, "reddit", "social" },
};


/* Cuts the last label off *host; empty when there is none. */

static onsite_str_t
last_label(onsite_str_t *host)
{
    size_t        i, end = host->len;
    onsite_str_t  label;

    for (i = end; i > 0 && host->data[i - 1] != '.'; i--) { /* void */ }

    label = onsite_str(host->data + i, end - i);
    host->len = i > 0 ? i - 1 : 0;

    return label;
}


/* As in co.uk, com.br: what stands between a name and its country. */

static bool
is_second_level(onsite_str_t label)
{
    size_t                    i;
    static const char *const  names[] = {
        "co", "com", "net", "org", "ac", "ne", "or", "go", "gov", "edu"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (onsite_str_is(label, names[i])) {
            return true;
        }
    }

    return false;
}


/* Cuts a host down to what stands in front of its registrable label. */

static onsite_str_t
registrable_label(onsite_str_t *host)
{
    onsite_str_t  top, label;

    top = last_label(host);
    label = last_label(host);

    if (top.len == 2 && host->len != 0 && is_second_level(label)) {
        label = last_label(host);
    }

    return label;
}


/* Labels that say how a site is shown, not which of its services. */

static bool
means_none(onsite_str_t label)
{
    return label.len == 0 || label.len == 2 || onsite_str_is(label, "www")
           || onsite_str_is(label, "m");
}


static const known_t *
find_label(onsite_str_t host)
{
    size_t        i;
    onsite_str_t  label, below;

    label = registrable_label(&host);
    below = last_label(&host);

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (onsite_str_is(label, known[i].label)
            && (known[i].below == NULL || onsite_str_is(below, known[i].below)
                || (known[i].below[0] == '\0' && means_none(below))))
        {
            return &known[i];
        }
    }

    return NULL;
}


static onsite_str_t
without_www(onsite_str_t host)
{
    return host.len > 4 && memcmp(host.data, "www.", 4) == 0
           ? onsite_str(host.data + 4, host.len - 4) : host;
}


static const known_t *
find_host(onsite_str_t host)
{
    size_t  i;

    host = without_www(host);

    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (onsite_str_is(host, hosts[i].label)) {
            return &hosts[i];
        }
    }

    return NULL;
}


/* webmail of one's own provider: mail.example.com, webmail.example.com */

static bool
is_mail_host(onsite_str_t host)
{
    size_t                    i;
    static const char *const  names[] = { "mail.", "webmail.", "owa." };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (host.len > strlen(names[i])
            && memcmp(host.data, names[i], strlen(names[i])) == 0)
        {
            return true;
        }
    }

    return false;
}


void
onsite_origin_host(onsite_str_t host, onsite_str_t *source,
    onsite_str_t *medium)
{
    const known_t  *found;

    found = find_host(host);

    if (found == NULL) {
        found = find_label(host);
    }

    if (found != NULL) {
        *source = onsite_str_of(found->source);
        *medium = onsite_str_of(found->medium);
        return;
    }

    *medium = is_mail_host(host) ? ONSITE_STR("email")
                                 : ONSITE_STR("referral");

    *source = without_www(host);
}
