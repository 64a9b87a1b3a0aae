/*
 * shop.h - campaigns from their files' text, a visitor, and events, for the
 * tests of deciding.  JSON is written with ' for ".
 */

#ifndef ONSITE_UNIT_SHOP_H
#define ONSITE_UNIT_SHOP_H

#include "unit.h"
#include "onsite_engine.h"
#include "onsite_json.h"

#define SHOP_NOON  1792497600000        /* Tue 2026-10-20 12:00 UTC        */

typedef struct {
    onsite_json_t      *json;
    onsite_arena_t     *definitions;
    onsite_arena_t     *arena;
    onsite_builder_t   *builder;
    onsite_engine_t    *engine;
    onsite_site_t       site;
    onsite_facts_t      facts;
    onsite_visitor_t    visitor;
    bool                consent;
    bool                closed;
    bool                deliver;
    onsite_str_t        visitor_id;
    onsite_decision_t   decision;
} shop_t;


static const onsite_transition_t  shop_paris[] = {
    { .at = INT64_MIN, .offset = 3600 },
    { .at = 1774746000, .offset = 7200 },       /* 2026-03-29 01:00 UTC */
    { .at = 1792890000, .offset = 3600 },       /* 2026-10-25 01:00 UTC */
};


static inline onsite_status_t
shop_zone(void *data, onsite_str_t name,
    const onsite_transition_t **transitions, size_t *n)
{
    (void) data;

    if (!onsite_str_eq(name, ONSITE_STR("Europe/Paris"))) {
        return ONSITE_NOT_FOUND;
    }

    *transitions = shop_paris;
    *n = sizeof(shop_paris) / sizeof(shop_paris[0]);

    return ONSITE_OK;
}


static inline void
shop_lint(void *data, onsite_lint_level_t level, onsite_str_t file,
    const char *path, const char *reason)
{
    (void) data;

    if (level == ONSITE_LINT_ERROR) {
        print_error("%.*s: %s: %s\n", (int) file.len, file.data, path,
                    reason);
    }
}


static inline onsite_value_t
shop_json(shop_t *shop, onsite_arena_t *arena, const char *text)
{
    char            *copy, *p;
    onsite_error_t   error;
    onsite_value_t   value;
    onsite_status_t  status;

    copy = strdup(text);
    assert_non_null(copy);

    for (p = copy; *p != '\0'; p++) {
        *p = *p == '\'' ? '"' : *p;
    }

    status = onsite_json_parse(shop->json, arena,
                               onsite_str(copy, strlen(copy)), &value,
                               &error);
    if (status != ONSITE_OK) {
        fail_msg("%s: %s", error.text, copy);
    }

    free(copy);

    return value;
}


/* Replaces the live campaigns; the visitor stays.  list: an array. */

static inline void
shop_campaigns(shop_t *shop, const char *list)
{
    uint32_t                   i;
    onsite_error_t             error = { "" };
    onsite_image_t             image;
    onsite_value_t             value;
    onsite_zones_t             zones = { shop_zone, NULL, NULL };
    onsite_campaign_source_t  *sources;

    value = shop_json(shop, shop->definitions, list);
    sources = calloc(value.len + 1, sizeof(*sources));
    assert_non_null(sources);

    for (i = 0; i < value.len; i++) {
        sources[i].file = ONSITE_STR("test");
        sources[i].definition = &value.as.items[i];
    }

    onsite_site_free(&shop->site);

    if (shop->builder != NULL) {
        onsite_builder_destroy(shop->builder);
    }

    shop->builder = onsite_builder_create();

    if (onsite_campaigns_compile(shop->builder, ONSITE_STR("default"),
                                 sources, value.len, &zones, NULL, SHOP_NOON,
                                 shop_lint, NULL, &image, &error)
        != ONSITE_OK
        || onsite_image_verify(&image, &error) != ONSITE_OK)
    {
        fail_msg("%s", error.text);
    }

    assert_int_equal(onsite_site_init(&shop->site, image), ONSITE_OK);
    free(sources);
    onsite_arena_reset(shop->definitions);
}


static inline void
shop_open(shop_t *shop, const char *list)
{
    memset(shop, 0, sizeof(*shop));
    shop->json = onsite_json_create();
    shop->definitions = onsite_arena_create(1 << 20, 1 << 28);
    shop->arena = onsite_arena_create(1 << 16, 1 << 24);
    shop->engine = onsite_engine_create();
    shop->consent = true;
    shop->deliver = true;
    shop->visitor_id = ONSITE_STR("v1");
    onsite_visitor_init(&shop->visitor);
    shop_campaigns(shop, list);
}


static inline void
shop_close(shop_t *shop)
{
    onsite_site_free(&shop->site);
    onsite_builder_destroy(shop->builder);
    onsite_engine_destroy(shop->engine);
    onsite_arena_destroy(shop->arena);
    onsite_arena_destroy(shop->definitions);
    onsite_json_destroy(shop->json);
}


static inline void
shop_apply(shop_t *shop, const onsite_event_t *event, onsite_ms_t now)
{
    onsite_apply_t  apply = {
        .site = &shop->site,
        .visitor = shop->consent ? &shop->visitor : NULL,
        .event = event,
        .facts = &shop->facts,
        .now = now,
        .closed = shop->closed,
        .session_timeout = 30 * ONSITE_MINUTE,
        .arena = shop->arena,
        .decide = { .visitor_id = shop->visitor_id,
                    .deliver = shop->deliver }
    };

    onsite_apply(shop->engine, &apply, &shop->decision);
}


/* An event that happens now; properties: an object, or NULL. */

static inline void
shop_fire(shop_t *shop, onsite_str_t name, const char *properties,
    onsite_ms_t now)
{
    onsite_event_t  event = {
        .type = ONSITE_TRACK,
        .name = name,
        .received = now,
        .time = now,
        .live = true
    };

    event.properties = shop_json(shop, shop->arena,
                                 properties != NULL ? properties : "{}");

    shop_apply(shop, &event, now);
}


/* "a b": the ids shown, by priority; "a?" is pending, "a!" armed.  Static
 * storage of the caller's translation unit. */

static inline const char *
shop_shown(const shop_t *shop)
{
    size_t                  i, n = 0;
    onsite_str_t            id;
    static char             text[1024];
    const onsite_choice_t  *choice;

    text[0] = '\0';

    for (i = 0; i < shop->decision.n; i++) {
        choice = &shop->decision.choices[i];
        id = onsite_image_str(&shop->site.image, choice->campaign->id);
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%.*s%s",
                               i > 0 ? " " : "", (int) id.len, id.data,
                               choice->pending ? "?"
                               : choice->armed ? "!" : "");
    }

    return text;
}


/* What the i-th choice shows; in the definitions' arena. */

static inline onsite_str_t
shop_html(const shop_t *shop, size_t i)
{
    onsite_buf_t  text;
    onsite_str_t  html;

    onsite_buf_init(&text, 0);
    onsite_pieces_write(&text, &shop->decision.choices[i].html);
    html = onsite_arena_copy(shop->definitions, onsite_str(text.data,
                                                           text.len));
    onsite_buf_free(&text);

    return html;
}

#endif
