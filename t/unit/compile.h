/*
 * compile.h - definitions as texts, compiled, with their findings.
 */

#ifndef ONSITE_UNIT_COMPILE_H
#define ONSITE_UNIT_COMPILE_H

#include "unit.h"
#include "onsite_campaign.h"
#include "onsite_json.h"

#define FINDINGS_MAX  64
#define FILES_MAX     8

/* 2026-06-15T12:00:00Z, a Monday */
#define NOW  (1781524800 * ONSITE_SECOND)

typedef struct {
    onsite_lint_level_t  level;
    char                 file[32];
    char                 path[256];
    char                 reason[512];
} finding_t;

typedef struct {
    onsite_json_t     *json;
    onsite_arena_t    *arena;
    onsite_builder_t  *b;
    onsite_image_t     image;
    onsite_error_t     error;
    onsite_status_t    status;
    size_t             n;
    finding_t          findings[FINDINGS_MAX];
} compiled_t;


static inline void
note(void *data, onsite_lint_level_t level, onsite_str_t file,
    const char *path, const char *reason)
{
    finding_t   *finding;
    compiled_t  *c = data;

    if (c->n == FINDINGS_MAX) {
        return;
    }

    finding = &c->findings[c->n++];
    finding->level = level;
    (void) snprintf(finding->file, sizeof(finding->file), "%.*s",
                    (int) file.len, file.data);
    (void) snprintf(finding->path, sizeof(finding->path), "%s", path);
    (void) snprintf(finding->reason, sizeof(finding->reason), "%s", reason);
}


/* Paris in 2026: an hour east of UTC, two from March 29 to October 25. */

static inline onsite_status_t
transitions(void *data, onsite_str_t name,
    const onsite_transition_t **list, size_t *n)
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


static const onsite_zones_t  zones = { transitions, NULL, NULL };


/* Texts are JSON with ' for ", to be readable here. */

static inline void
parse(compiled_t *c, const char *text, onsite_value_t *value)
{
    char   json[8192];
    size_t i, len = strlen(text);

    assert_true(len < sizeof(json));

    for (i = 0; i < len; i++) {
        json[i] = text[i] == '\'' ? '"' : text[i];
    }

    if (onsite_json_parse(c->json, c->arena, onsite_str(json, len), value,
                          &c->error)
        != ONSITE_OK)
    {
        fail_msg("%s: %s", text, c->error.text);
    }
}


static inline compiled_t *
compile_with_groups(const char *const *texts, size_t n, const char *groups)
{
    char                      *name;
    size_t                     i;
    compiled_t                *c;
    onsite_value_t             values[FILES_MAX], saved;
    onsite_campaign_source_t   sources[FILES_MAX];

    c = calloc(1, sizeof(compiled_t));
    assert_non_null(c);
    assert_true(n <= FILES_MAX);

    c->json = onsite_json_create();
    c->arena = onsite_arena_create(4096, 1024 * 1024);
    c->b = onsite_builder_create();

    for (i = 0; i < n; i++) {
        parse(c, texts[i], &values[i]);
        name = onsite_arena_alloc(c->arena, 16);
        sources[i].file = onsite_str(name, (size_t) snprintf(name, 16,
                                                     "%zu.json", i + 1));
        sources[i].definition = &values[i];
    }

    if (groups != NULL) {
        parse(c, groups, &saved);
    }

    c->status = onsite_campaigns_compile(c->b, ONSITE_STR("default"), sources,
                                         n, &zones,
                                         groups != NULL ? &saved : NULL, NOW,
                                         note, c, &c->image, &c->error);
    return c;
}


static inline compiled_t *
compile_files(const char *const *texts, size_t n)
{
    return compile_with_groups(texts, n, NULL);
}


static inline compiled_t *
compile_text(const char *text)
{
    return compile_files(&text, 1);
}


static inline void
release(compiled_t *c)
{
    onsite_json_destroy(c->json);
    onsite_arena_destroy(c->arena);
    onsite_builder_destroy(c->b);
    free(c);
}


static inline bool
has_finding(const compiled_t *c, onsite_lint_level_t level, const char *path,
    const char *fragment)
{
    size_t  i;

    for (i = 0; i < c->n; i++) {
        if (c->findings[i].level == level
            && strcmp(c->findings[i].path, path) == 0
            && strstr(c->findings[i].reason, fragment) != NULL)
        {
            return true;
        }
    }

    return false;
}


static inline void
print_findings(const compiled_t *c)
{
    size_t  i;

    for (i = 0; i < c->n; i++) {
        print_message("  %s %s: %s: %s\n",
                      c->findings[i].level == ONSITE_LINT_ERROR ? "error"
                                                                : "warning",
                      c->findings[i].file, c->findings[i].path,
                      c->findings[i].reason);
    }
}


/* A definition, and what is said of it where. */
typedef struct {
    const char  *text;
    const char  *path;
    const char  *fragment;
} expected_t;


static inline void
expect_finding(const expected_t *expected, onsite_status_t status,
    onsite_lint_level_t level)
{
    compiled_t  *c = compile_text(expected->text);

    if (c->status != status
        || !has_finding(c, level, expected->path, expected->fragment))
    {
        print_findings(c);
        fail_msg("%s: no %s at \"%s\" with \"%s\"; %s", expected->text,
                 level == ONSITE_LINT_ERROR ? "error" : "warning",
                 expected->path, expected->fragment, c->error.text);
    }

    release(c);
}


static inline void
expect_errors(const expected_t *list, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        expect_finding(&list[i], ONSITE_INVALID, ONSITE_LINT_ERROR);
    }
}


static inline void
expect_warnings(const expected_t *list, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        expect_finding(&list[i], ONSITE_OK, ONSITE_LINT_WARNING);
    }
}


static inline compiled_t *
compile_good(const char *text)
{
    compiled_t  *c = compile_text(text);

    if (c->status != ONSITE_OK) {
        print_findings(c);
        fail_msg("%s: %s", text, c->error.text);
    }

    if (onsite_image_verify(&c->image, &c->error) != ONSITE_OK
        || onsite_campaigns_verify(&c->image, &c->error) != ONSITE_OK)
    {
        fail_msg("%s: %s", text, c->error.text);
    }

    return c;
}

#endif
