/*
 * onsite_attribute_lint.c - names in campaign files that nothing ever has.
 */

#include "onsite_campaign_compile.h"
#include "onsite_vocabulary.h"

#define KEYS_MAX        16
#define VOCABULARY_MAX  127
#define SLIPS_MAX        2
#define SHORT_NAME      10              /* in these one slip is the most    */

/* What a misspelt path was probably meant to be; onsite_attribute_known has
 * the last word on what exists. */
static const char *const  paths[] = {
    "event.name", "event.type", "event.properties", "event.traits",
    "event.context", "event.userId", "event.messageId",
    "visitor.status", "visitor.visits", "visitor.first_seen",
    "visitor.last_seen", "visitor.orders", "visitor.counts", "visitor.id",
    "visitor.user_id", "visitor.verified",
    "session.pageviews", "session.events", "session.duration",
    "session.start", "session.counts",
    "cart.items", "cart.value", "cart.skus", "cart.products",
    "origin.first.source", "origin.first.medium", "origin.first.campaign",
    "origin.first.referrer", "origin.first.click",
    "origin.last.source", "origin.last.medium", "origin.last.campaign",
    "origin.last.referrer", "origin.last.click", "origin.touches",
    "profile.age_seconds", "segments", "recommended",
    "request.path", "request.url", "request.host", "request.method",
    "request.scheme", "request.query", "request.referrer",
    "request.language", "request.device",
    "origin.first", "origin.last", "origin.touches",
    "time.hour", "time.minute", "time.weekday", "time.date", "time.unix",
    NULL
};


size_t
onsite_attribute_split(onsite_str_t path, onsite_scope_t scope,
    onsite_root_t *root, onsite_str_t *keys, size_t max)
{
    bool           first = true;
    size_t         n = 0;
    const char    *p, *dot, *end = path.data + path.len;
    onsite_str_t   key;

    *root = ONSITE_ROOTS;

    for (p = path.data; p <= end && n < max; p = dot + 1) {
        dot = memchr(p, '.', (size_t) (end - p));
        dot = dot != NULL ? dot : end;
        key = onsite_str(p, (size_t) (dot - p));

        if (first && !(scope == ONSITE_SCOPE_WHERE && dot == end)) {
            *root = onsite_root(key);
        }

        if (first && scope == ONSITE_SCOPE_WHERE && *root == ONSITE_ROOTS) {
            *root = ONSITE_ROOT_EVENT;
            keys[n++] = ONSITE_STR("properties");
            first = false;
        }

        if (!first && n < max) {
            keys[n++] = key;
        }

        first = false;

        if (dot == end) {
            break;
        }
    }

    return n;
}


/* journey.<id> is there when the journey is. */

static void
lint_journey(onsite_draft_reader_t *r, onsite_str_t path, onsite_str_t id)
{
    onsite_str_t                   meant;
    const onsite_draft_journey_t  *journey = onsite_journey_find(r->c, id);

    if (journey != NULL && journey->enabled) {
        return;
    }

    if (journey != NULL) {
        onsite_definition_warn(r->d, NULL, "\"%.*s\" is always absent: the"
                               " journey is not enabled", (int) path.len,
                               path.data);
        return;
    }

    meant = onsite_journey_nearest(r->c, id);
    onsite_definition_warn(r->d, NULL, "there is no journey \"%.*s\"%s%.*s%s",
                           (int) id.len, id.data,
                           meant.len != 0 ? "; did you mean \"" : "",
                           (int) meant.len, meant.data,
                           meant.len != 0 ? "\"?" : "");
}


void
onsite_attribute_lint(onsite_draft_reader_t *r, onsite_str_t path,
    onsite_scope_t scope)
{
    size_t          n;
    const char     *meant;
    onsite_str_t    keys[KEYS_MAX];
    onsite_root_t   root;

    n = onsite_attribute_split(path, scope, &root, keys, KEYS_MAX);

    if (root == ONSITE_ROOTS || root == ONSITE_ROOT_VALUE) {
        return;
    }

    if (root == ONSITE_ROOT_MODEL) {
        onsite_definition_warn(r->d, NULL, "\"%.*s\" has no value in this"
                               " version: it is always absent",
                               (int) path.len, path.data);
        return;
    }

    if (root == ONSITE_ROOT_JOURNEY && n == 1) {
        lint_journey(r, path, keys[0]);
        return;
    }

    if (n == 2 && onsite_str_eq(keys[0], ONSITE_STR("counts"))) {
        onsite_event_name_lint(r->d, NULL, keys[1]);
    }

    if (onsite_attribute_known(root, keys, n)) {
        return;
    }

    if (root == ONSITE_ROOT_VISITOR && n > 0
        && onsite_str_eq(keys[0], ONSITE_STR("traits")))
    {
        onsite_definition_warn(r->d, NULL, "is never there: name one trait,"
                               " as visitor.traits.<name>; only those that"
                               " are named are kept");
        return;
    }

    meant = onsite_definition_nearest(path, paths);

    onsite_definition_warn(r->d, NULL, "there is never a value \"%.*s\"%s%s%s",
                           (int) path.len, path.data,
                           meant != NULL ? "; did you mean \"" : "",
                           meant != NULL ? meant : "",
                           meant != NULL ? "\"?" : "");
}


void
onsite_event_name_lint(onsite_definition_t *d, const char *key,
    onsite_str_t name)
{
    int           id;
    size_t        slips, least;
    onsite_str_t  known, meant = { 0, NULL };

    if (onsite_vocabulary_id(name) != 0) {
        return;
    }

    least = (name.len < SHORT_NAME ? 1 : SLIPS_MAX) + 1;

    for (id = 1; id <= VOCABULARY_MAX; id++) {
        known = onsite_vocabulary_name((uint8_t) id);

        if (known.len == 0 || known.len > name.len + SLIPS_MAX
            || name.len > known.len + SLIPS_MAX)
        {
            continue;
        }

        slips = onsite_definition_distance(name, known);
        if (slips < least) {
            least = slips;
            meant = known;
        }
    }

    if (meant.len != 0) {
        onsite_definition_warn(d, key, "shops send \"%.*s\"; did you mean"
                               " that instead of \"%.*s\"? (case matters)",
                               (int) meant.len, meant.data, (int) name.len,
                               name.data);
    }
}
