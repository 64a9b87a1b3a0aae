/*
 * publish_version.c - whether a version may follow the one that is published.
 *
 * Versions go by the clock (ms), and up only: one from a clock that was wrong
 * stands in the way of all that come after it.
 */

#include "publish.h"

#include <string.h>


static uint64_t
days_ahead(uint64_t version)
{
    uint64_t  now = (uint64_t) loader_now();

    return version > now ? (version - now) / ONSITE_DAY : 0;
}


static bool
is_the_same(const publish_t *p)
{
    return strcmp(p->there.sha256, p->m.sha256) == 0;
}


static onsite_status_t
not_above(publish_t *p)
{
    char                 text[200] = "build it anew, by the clock or with a "
                                     "higher --version";
    unsigned long long   there = p->there.version;

    if (there >= MANIFEST_VERSION_MAX) {
        (void) snprintf(text, sizeof(text), "no version is above it: remove "
                        "%s/manifest.json from the store, and on each POP "
                        "FILE and FILE.sync/", p->given->site);

    } else if (there > (uint64_t) loader_now()) {
        (void) snprintf(text, sizeof(text), "it lies ahead of the clock here,"
                        " by %llu days: build with --version %llu, and later "
                        "ones with a higher one each, until the clock has "
                        "passed it", (unsigned long long) days_ahead(there),
                        there + 1);
    }

    return onsite_error(&p->error, ONSITE_INVALID, "%s has version %llu, and "
                        "version %llu is published already: %s",
                        p->given->file, (unsigned long long) p->m.version,
                        there, text);
}


/* Where the one that is there lies ahead as well, nothing else can follow it.
 */

static onsite_status_t
check_clock(publish_t *p)
{
    unsigned long long  days = days_ahead(p->m.version);

    if (days == 0) {
        return ONSITE_OK;
    }

    if (!p->given->replace && days_ahead(p->there.version) == 0) {
        return onsite_error(&p->error, ONSITE_INVALID, "%s: version %llu lies"
                            " %llu days ahead of the clock here: every later "
                            "one has to be above it; check the clock where it"
                            " was built, and build it anew (--force publishes"
                            " it all the same)", p->given->file,
                            (unsigned long long) p->m.version, days);
    }

    loader_complain("warning: version %llu lies %llu days ahead of the clock "
                    "here: every later one has to be above it",
                    (unsigned long long) p->m.version, days);

    return ONSITE_OK;
}


onsite_status_t
publish_check_version(publish_t *p)
{
    onsite_status_t  status;

    if (is_the_same(p)) {
        return ONSITE_OK;
    }

    if (p->m.version <= p->there.version) {
        return not_above(p);
    }

    status = check_clock(p);

    if (status == ONSITE_OK) {
        p->m.previous = p->there.version;
        memcpy(p->m.previous_sha256, p->there.sha256,
               sizeof(p->m.previous_sha256));
    }

    return status;
}
