/*
 * profile_lint.c - columns that conditions and templates ask profiles for, and
 * that no profile has.
 */

#include "loader.h"

#include "onsite_definition.h"

#include <string.h>

#define PROFILE  "profile."

typedef struct {
    onsite_definition_t     d;
    const loader_tables_t  *tables;
    bool                    told;       /* that there are no profiles      */
} lint_t;


static void
check_column(lint_t *l, onsite_str_t name)
{
    size_t               n;
    onsite_str_t         meant;
    const onsite_str_t  *columns;

    if (name.len == 0 || loader_tables_column(l->tables, name)) {
        return;
    }

    n = loader_tables_columns(l->tables, &columns);

    if (n == 0) {
        if (!l->told) {
            onsite_definition_warn(&l->d, NULL, "there are no profiles, so"
                                   " nobody has a \"profile.%.*s\": add"
                                   " profiles.csv, or name it with"
                                   " --profiles", (int) name.len, name.data);
        }

        l->told = true;
        return;
    }

    /* it counts from the build where no row says when it was true */

    if (onsite_str_eq(name, ONSITE_STR("age_seconds"))) {
        return;
    }

    meant = onsite_definition_nearest_of(name, columns, n);
    onsite_definition_warn(&l->d, NULL, "no profile has a \"%.*s\", so nobody"
                           " has it%s%.*s%s", (int) name.len, name.data,
                           meant.len != 0 ? "; did you mean \"" : "",
                           (int) meant.len, meant.data,
                           meant.len != 0 ? "\"?" : "");
}


/* profile.<column>, and maybe more below it. */

static void
check_path(lint_t *l, onsite_str_t path)
{
    size_t       len = sizeof(PROFILE) - 1;
    const char  *dot;

    if (path.len <= len || memcmp(path.data, PROFILE, len) != 0) {
        return;
    }

    path = onsite_str(path.data + len, path.len - len);
    dot = memchr(path.data, '.', path.len);

    check_column(l, onsite_str(path.data, dot != NULL
                                          ? (size_t) (dot - path.data)
                                          : path.len));
}


static bool
ends_path(char c)
{
    return c == '\0' || strchr(" \t\r\n{}|\"'#^/&!", c) != NULL;
}


/* The paths in a placeholder, without its braces. */

static void
check_placeholder(lint_t *l, onsite_str_t text)
{
    size_t  i, start = 0;
    bool    quoted = false;

    for (i = 0; i <= text.len; i++) {

        if (i < text.len && (quoted || !ends_path(text.data[i]))
            && text.data[i] != '"')
        {
            continue;
        }

        if (!quoted) {
            check_path(l, onsite_str(text.data + start, i - start));
        }

        quoted ^= i < text.len && text.data[i] == '"';
        start = i + 1;
    }
}


static void
check_text(lint_t *l, onsite_str_t text)
{
    const char  *p = text.data, *end = text.data + text.len, *close;

    while (p < end && (p = memmem(p, (size_t) (end - p), "{{", 2)) != NULL) {
        p += 2;
        close = memmem(p, (size_t) (end - p), "}}", 2);
        close = close != NULL ? close : end;
        check_placeholder(l, onsite_str(p, (size_t) (close - p)));
        p = close;
    }
}


/* keys: they may be paths. */

static void
walk(lint_t *l, const onsite_value_t *value, bool keys)
{
    size_t                  len;
    uint32_t                i;
    const onsite_member_t  *member;

    if (value->type == ONSITE_STRING) {
        check_text(l, onsite_value_str(value));
        return;
    }

    for (i = 0; value->type == ONSITE_ARRAY && i < value->len; i++) {
        len = onsite_definition_enter_item(&l->d, i);
        walk(l, &value->as.items[i], keys);
        onsite_definition_leave(&l->d, len);
    }

    for (i = 0; value->type == ONSITE_OBJECT && i < value->len; i++) {
        member = &value->as.members[i];
        len = onsite_definition_enter(&l->d, member->key);

        if (keys) {
            check_path(l, member->key);
        }

        if (member->value.type == ONSITE_STRING
            && onsite_str_eq(member->key, ONSITE_STR("attribute")))
        {
            check_path(l, onsite_value_str(&member->value));
        }

        walk(l, &member->value,
             keys && !onsite_str_eq(member->key, ONSITE_STR("data")));
        onsite_definition_leave(&l->d, len);
    }
}


void
loader_profiles_lint(const loader_sources_t *sources,
    const loader_tables_t *tables, onsite_lint_pt lint, void *lint_data)
{
    size_t                           i, k;
    lint_t                           l = { .tables = tables };
    const onsite_campaign_source_t  *source;

    for (i = 0; i < sources->n; i++) {
        for (k = 0; k < sources->sites[i].n; k++) {
            source = &sources->sites[i].sources[k];
            onsite_definition_init(&l.d, source->file, lint, lint_data);
            walk(&l, source->definition, true);
        }
    }
}
