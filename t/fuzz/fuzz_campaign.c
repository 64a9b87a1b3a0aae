/*
 * fuzz_campaign.c - any definition is compiled or refused, and what is
 * compiled verifies.
 *
 * An even first byte: the rest is JSON text, of one file or of a list of
 * them.  An odd one: the rest drives a generator of definitions from the words
 * that campaign files are made of, so that most inputs get behind the first
 * check.
 */

#include "onsite_campaign.h"
#include "onsite_json.h"

#include <stdint.h>
#include <stdlib.h>

#define NOW        ((onsite_ms_t) 1781524800000)
#define DEPTH_MAX  6
#define WIDTH_MAX  8
#define FILES_MAX  6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const uint8_t   *p;
    const uint8_t   *end;
    onsite_arena_t  *arena;
} bytes_t;

static const char *const  words[] = {
    "id", "site", "name", "enabled", "priority", "schedule", "from", "until",
    "timezone", "days", "hours", "audience", "trigger", "event", "where",
    "count", "within", "frequency", "cap", "per", "stop_on", "group",
    "channel", "slot", "endpoint", "content", "html", "data", "variants",
    "weight", "holdout", "goal", "fallback", "hash", "seed", "version",
    "attribute", "coverage", "sequence", "journey", "inactive",
    "not", "reset_on", "after", "unless", "state", "states", "start", "moved",
    "on", "entry", "final", "to", "if", "condition", "affinities", "touches",
    "half_life", "events", "property", "https://x.example/",
    "affinity.brand", "journey.a", "visitor.traits.plan", "segments",
    "a", "b", "default", "popup", "bar", "notification", "embed", "webhook",
    "session", "visitor", "page", "day", "clicked", "dismissed", "mon", "sun",
    "once", "once_per_session", "Europe/Paris", "08:00-22:00", "22:00-06:00",
    "2026-01-01", "2026-03-29T02:30", "2026-01-01T00:00:00.5+01:00", "30m",
    "1h30m", "Page Viewed", "Product Veiwed", "visitor.status", "new",
    "visitor.counts.Login", "request.device", "event.properties.x",
    "session.pagviews", "path", "$and", "$or", "$nor", "$not", "$eq", "$ne",
    "$in", "$nin", "$gt", "$gte", "$lt", "$lte", "$regex", "$elemMatch",
    "$size", "$exists", "$type", "$all", "$inGroup", "^/l(", "^/landing",
    "<b>{{event.properties.x}}</b>", "{{#cart.skus}}{{.}}{{/cart.skus}}",
    "<a href={{event.name}}>", "{{visitor.visits", "", ".", "a..b", "$",
    "\xc3\xa9"
};

#define N_WORDS  (sizeof(words) / sizeof(words[0]))


static uint8_t
next(bytes_t *bytes)
{
    return bytes->p < bytes->end ? *bytes->p++ : 0;
}


static onsite_str_t
word(bytes_t *bytes)
{
    const char  *text = words[next(bytes) % N_WORDS];

    /* a NUL is a character like any other */

    return text[0] == '\0' ? onsite_str("\0x", next(bytes) & 2)
                           : onsite_str(text, strlen(text));
}


static onsite_value_t make_value(bytes_t *bytes, int depth);


static onsite_value_t
make_array(bytes_t *bytes, int depth)
{
    uint32_t         i;
    onsite_value_t   value = { .type = ONSITE_ARRAY };
    onsite_value_t  *items;

    value.len = next(bytes) % WIDTH_MAX;
    items = onsite_arena_zalloc(bytes->arena, (value.len + 1)
                                              * sizeof(onsite_value_t));
    if (items == NULL) {
        return (onsite_value_t) { .type = ONSITE_NULL };
    }

    for (i = 0; i < value.len; i++) {
        items[i] = make_value(bytes, depth);
    }

    value.as.items = items;

    return value;
}


static onsite_value_t
make_object(bytes_t *bytes, int depth)
{
    uint32_t          i;
    onsite_value_t    value = { .type = ONSITE_OBJECT };
    onsite_member_t  *members;

    value.len = next(bytes) % WIDTH_MAX;
    members = onsite_arena_zalloc(bytes->arena, (value.len + 1)
                                                * sizeof(onsite_member_t));
    if (members == NULL) {
        return (onsite_value_t) { .type = ONSITE_NULL };
    }

    for (i = 0; i < value.len; i++) {
        members[i].key = word(bytes);
        members[i].value = make_value(bytes, depth);
    }

    value.as.members = members;

    return value;
}


static onsite_value_t
make_value(bytes_t *bytes, int depth)
{
    uint8_t              kind = next(bytes);
    static const double  numbers[] = {
        0, 1, 2, 0.5, 17, 18, -1, 1e9, 1e300, 1.5, 0.33
    };

    if (depth == 0) {
        return onsite_value_string(word(bytes));
    }

    switch (kind % 8) {

    case 0:
        return (onsite_value_t) { .type = ONSITE_NULL };

    case 1:
        return onsite_value_bool(kind & 8);

    case 2:
        return onsite_value_number(numbers[next(bytes)
                                           % (sizeof(numbers)
                                              / sizeof(numbers[0]))]);

    case 3:
        return make_array(bytes, depth - 1);

    case 4:
    case 5:
        return make_object(bytes, depth - 1);

    default:
        return onsite_value_string(word(bytes));
    }
}


/* A member with the value that a good file has, which a later one of the
 * generator may then spoil. */

static void
put(onsite_member_t *member, const char *key, onsite_value_t value)
{
    member->key = onsite_str(key, strlen(key));
    member->value = value;
}


/* The name of a state; now and then of none. */

static onsite_value_t
state_name(bytes_t *bytes)
{
    return onsite_value_string(onsite_str(&"abcde"[next(bytes) % 5], 1));
}


static onsite_value_t
one_member(bytes_t *bytes, onsite_str_t key, onsite_value_t value)
{
    onsite_value_t    object = { .type = ONSITE_OBJECT, .len = 1 };
    onsite_member_t  *member;

    member = onsite_arena_zalloc(bytes->arena, sizeof(*member));
    if (member == NULL) {
        return (onsite_value_t) { .type = ONSITE_NULL };
    }

    member->key = key;
    member->value = value;
    object.as.members = member;

    return object;
}


/* What leads out of a state: two of on, after, inactive and entry, or
 * anything. */

static onsite_value_t
make_state(bytes_t *bytes)
{
    uint32_t          i;
    onsite_value_t    state = { .type = ONSITE_OBJECT, .len = 2 };
    onsite_member_t  *members;

    members = onsite_arena_zalloc(bytes->arena, 2 * sizeof(onsite_member_t));
    if (members == NULL) {
        return (onsite_value_t) { .type = ONSITE_NULL };
    }

    for (i = 0; i < 2; i++) {
        switch (next(bytes) % 5) {

        case 0:
            put(&members[i], "on", one_member(bytes, word(bytes),
                                              state_name(bytes)));
            break;

        case 1:
            put(&members[i], "after", one_member(bytes, ONSITE_STR("30m"),
                                                 state_name(bytes)));
            break;

        case 2:
            put(&members[i], "inactive", one_member(bytes, ONSITE_STR("1h"),
                                                    state_name(bytes)));
            break;

        case 3:
            put(&members[i], "entry",
                one_member(bytes, ONSITE_STR("event"),
                           onsite_value_string(word(bytes))));
            break;

        default:
            members[i].key = word(bytes);
            members[i].value = make_value(bytes, DEPTH_MAX);
        }
    }

    state.as.members = members;

    return state;
}


static onsite_value_t
make_journey(bytes_t *bytes)
{
    uint32_t          i;
    onsite_value_t    value = { .type = ONSITE_OBJECT, .len = 4 };
    onsite_value_t    states = { .type = ONSITE_OBJECT, .len = 4 };
    onsite_member_t  *members;

    members = onsite_arena_zalloc(bytes->arena, 8 * sizeof(onsite_member_t));
    if (members == NULL) {
        return (onsite_value_t) { .type = ONSITE_NULL };
    }

    states.as.members = members + 4;

    for (i = 0; i < 4; i++) {
        members[4 + i].key = onsite_str(&"abcd"[i], 1);
        members[4 + i].value = make_state(bytes);
    }

    put(&members[0], "id", onsite_value_string(onsite_str("ab", 1
                                                   + next(bytes) % 2)));
    put(&members[1], "start", state_name(bytes));
    put(&members[2], "states", states);
    put(&members[3], next(bytes) & 1 ? "moved" : "name",
        make_value(bytes, 2));

    value.as.members = members;

    return value;
}


/* A segment or the site's file: one key with anything below it. */

static onsite_value_t
make_small(bytes_t *bytes)
{
    onsite_value_t            value = { .type = ONSITE_OBJECT, .len = 2 };
    onsite_member_t          *members;
    static const char *const  keys[] = { "condition", "affinities" };

    members = onsite_arena_zalloc(bytes->arena, 2 * sizeof(onsite_member_t));
    if (members == NULL) {
        return (onsite_value_t) { .type = ONSITE_NULL };
    }

    put(&members[0], keys[next(bytes) & 1], make_object(bytes, DEPTH_MAX));
    put(&members[1], members[0].key.data[0] == 'c' ? "id" : "site",
        onsite_value_string(ONSITE_STR("default")));
    value.as.members = members;

    return value;
}


static onsite_value_t
make_definition(bytes_t *bytes)
{
    uint32_t                i, n;
    onsite_value_t          value = { .type = ONSITE_OBJECT };
    onsite_value_t          content = { .type = ONSITE_OBJECT, .len = 1 };
    onsite_member_t        *members;
    onsite_member_t        *html;

    n = next(bytes) % WIDTH_MAX;
    members = onsite_arena_zalloc(bytes->arena, (n + 4)
                                                * sizeof(onsite_member_t));
    if (members == NULL) {
        return (onsite_value_t) { .type = ONSITE_NULL };
    }

    html = &members[n + 3];
    put(html, "html", onsite_value_string(ONSITE_STR("<p>x</p>")));
    content.as.members = html;

    put(&members[0], "id", onsite_value_string(onsite_str("abcd", 1
                                                   + next(bytes) % 4)));
    put(&members[1], "channel", onsite_value_string(ONSITE_STR("popup")));
    put(&members[2], "content", content);

    for (i = 0; i < n; i++) {
        members[3 + i].key = onsite_str(words[next(bytes) % 41], 0);
        members[3 + i].key.len = strlen(members[3 + i].key.data);
        members[3 + i].value = make_value(bytes, DEPTH_MAX);
    }

    value.len = n + 3;
    value.as.members = members;

    return value;
}


static onsite_value_t
make_file(bytes_t *bytes)
{
    switch (next(bytes) % 4) {

    case 0:
        return make_journey(bytes);

    case 1:
        return make_small(bytes);

    default:
        return make_definition(bytes);
    }
}


/* A list of files as these; anything else is one. */

static size_t
split(onsite_value_t *values)
{
    uint32_t              i, n;
    const onsite_value_t  list = values[0];

    if (list.type != ONSITE_ARRAY || list.len == 0) {
        return 1;
    }

    n = list.len < FILES_MAX ? list.len : FILES_MAX;

    for (i = 0; i < n; i++) {
        values[i] = list.as.items[i];
    }

    return n;
}


static onsite_status_t
transitions(void *data, onsite_str_t name, const onsite_transition_t **list,
    size_t *n)
{
    static const onsite_transition_t  paris[] = {
        { .at = INT64_MIN, .offset = 3600 },
        { .at = 1774746000, .offset = 7200 },
        { .at = 1792890000, .offset = 3600 }
    };

    (void) data;

    if (!onsite_str_eq(name, ONSITE_STR("Europe/Paris"))) {
        return ONSITE_NOT_FOUND;
    }

    *list = paris;
    *n = 3;

    return ONSITE_OK;
}


/* A finding is for a person: a path and a reason, printable. */

static void
check_finding(void *data, onsite_lint_level_t level, onsite_str_t file,
    const char *path, const char *reason)
{
    size_t  *errors = data;

    if (file.len == 0 || path == NULL || reason[0] == '\0') {
        abort();
    }

    *errors += level == ONSITE_LINT_ERROR;
}


static void
compile(const onsite_campaign_source_t *sources, size_t n)
{
    size_t                errors = 0;
    onsite_image_t        image;
    onsite_error_t        error;
    onsite_status_t       status;
    onsite_builder_t     *b;
    const onsite_zones_t  zones = { transitions, NULL, NULL };

    b = onsite_builder_create();
    if (b == NULL) {
        return;
    }

    status = onsite_campaigns_compile(b, ONSITE_STR("default"), sources, n,
                                      &zones, NULL, NOW, check_finding,
                                      &errors, &image, &error);

    if ((status == ONSITE_INVALID) != (errors != 0)
        || (status == ONSITE_OK
            && onsite_image_verify(&image, &error) != ONSITE_OK))
    {
        abort();
    }

    onsite_builder_destroy(b);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                     i, n = 0;
    bytes_t                    bytes;
    onsite_json_t             *json = onsite_json_create();
    onsite_error_t             error;
    onsite_value_t             values[FILES_MAX];
    onsite_campaign_source_t   sources[FILES_MAX];

    bytes.p = data;
    bytes.end = data + size;
    bytes.arena = onsite_arena_create(4096, 16 * 1024 * 1024);

    if (json != NULL && bytes.arena != NULL) {

        if (next(&bytes) & 1) {
            while (n < FILES_MAX && bytes.p < bytes.end) {
                values[n++] = make_file(&bytes);
            }

        } else if (onsite_json_parse(json, bytes.arena,
                                     onsite_str((const char *) bytes.p,
                                                (size_t) (bytes.end
                                                          - bytes.p)),
                                     &values[0], &error)
                   == ONSITE_OK)
        {
            n = split(values);
        }

        for (i = 0; i < n; i++) {
            sources[i].file = ONSITE_STR("fuzz.json");
            sources[i].definition = &values[i];
        }

        compile(sources, n);
    }

    if (bytes.arena != NULL) {
        onsite_arena_destroy(bytes.arena);
    }

    if (json != NULL) {
        onsite_json_destroy(json);
    }

    return 0;
}
