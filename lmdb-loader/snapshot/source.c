/*
 * source.c - campaign files of a folder, parsed and sorted by site.
 */

#include "loader.h"

#include "onsite_json.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK   (1 << 20)
#define ARENA_MAX     ((size_t) 8 << 30)
#define FILE_MAX      (1 << 20)
#define SAVED_GROUPS  "saved_groups.json"

typedef struct {
    loader_sources_t          *out;
    onsite_json_t             *json;
    onsite_campaign_source_t  *list;
    size_t                     n;
    size_t                     capacity;
    onsite_lint_pt             lint;
    void                      *lint_data;
} reader_t;


static char *
read_stream(FILE *file, size_t *len)
{
    char    *data, *more;
    size_t   n, capacity = 65536;

    data = malloc(capacity);
    *len = 0;

    while (data != NULL) {
        n = fread(data + *len, 1, capacity - *len - 1, file);
        *len += n;

        if (n == 0) {
            break;
        }

        if (capacity - *len < 4096) {
            capacity *= 2;
            more = realloc(data, capacity);
            if (more == NULL) {
                free(data);
            }
            data = more;
        }
    }

    if (data != NULL && ferror(file)) {
        free(data);
        return NULL;
    }

    if (data != NULL) {
        data[*len] = '\0';
    }

    return data;
}


char *
loader_read_file(const char *path, size_t *len)
{
    char  *data;
    int    saved;
    FILE  *file;

    if (strcmp(path, "-") == 0) {
        return read_stream(stdin, len);
    }

    file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }

    data = read_stream(file, len);
    saved = errno;
    (void) fclose(file);
    errno = saved;

    return data;
}


static void
report(reader_t *reader, onsite_str_t file, const char *reason)
{
    reader->out->errors++;
    reader->lint(reader->lint_data, ONSITE_LINT_ERROR, file, "", reason);
}


/* Why a text is no JSON before any of it is parsed; NULL: go on. */

static const char *
refusal(const char *text, size_t len)
{
    if (len > FILE_MAX) {
        return "larger than 1 MB";
    }

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        return "begins with a byte order mark: save it as UTF-8 without one";
    }

    return NULL;
}


static onsite_value_t *
parse_file(reader_t *reader, const char *path, onsite_str_t name)
{
    char            *text;
    size_t           len;
    const char      *reason;
    onsite_error_t   error;
    onsite_value_t  *value;
    onsite_status_t  status;

    text = loader_read_file(path, &len);

    if (text == NULL) {
        report(reader, name, strerror(errno));
        return NULL;
    }

    value = onsite_arena_alloc(reader->out->arena, sizeof(onsite_value_t));

    reason = value != NULL ? refusal(text, len) : "out of memory";

    if (reason != NULL) {
        report(reader, name, reason);
        free(text);
        return NULL;
    }

    status = onsite_json_parse(reader->json, reader->out->arena,
                               onsite_str(text, len), value, &error);
    free(text);

    if (status != ONSITE_OK) {
        report(reader, name, error.text);
        return NULL;
    }

    return value;
}


static bool
add_source(reader_t *reader, onsite_str_t file, const onsite_value_t *value)
{
    size_t                     capacity;
    onsite_campaign_source_t  *list;

    if (reader->n == reader->capacity) {
        capacity = reader->capacity != 0 ? 2 * reader->capacity : 64;
        list = realloc(reader->list, capacity * sizeof(*list));

        if (list == NULL) {
            report(reader, file, "out of memory");
            return false;
        }

        reader->list = list;
        reader->capacity = capacity;
    }

    reader->list[reader->n++] = (onsite_campaign_source_t) { file, value };

    return true;
}


static void
read_one(reader_t *reader, const char *path)
{
    onsite_str_t           name;
    const char            *base;
    const onsite_value_t  *value;

    name = onsite_arena_copy(reader->out->arena,
                             onsite_str_of(path));
    base = strrchr(path, '/');
    base = base != NULL ? base + 1 : path;

    value = parse_file(reader, path, name);
    reader->out->files++;

    if (value == NULL) {
        return;
    }

    if (strcmp(base, SAVED_GROUPS) == 0) {
        if (value->type != ONSITE_OBJECT) {
            report(reader, name, "must be an object of saved groups");
        }
        reader->out->saved_groups = *value;
        return;
    }

    (void) add_source(reader, name, value);
}


static int
by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}


static int
walk(reader_t *reader, const char *dir)
{
    FTS         *fts;
    FTSENT      *entry;
    char        *roots[2] = { (char *) dir, NULL };
    const char  *dot;

    fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (fts == NULL) {
        loader_complain("%s: %s", dir, strerror(errno));
        return LOADER_FAILED;
    }

    while ((entry = fts_read(fts)) != NULL) {
        if (entry->fts_level == 0
            && (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR))
        {
            loader_complain("%s: %s", dir, strerror(entry->fts_errno));
            (void) fts_close(fts);
            return LOADER_FAILED;
        }

        dot = strrchr(entry->fts_name, '.');

        if (entry->fts_info == FTS_F
            && ((dot != NULL && strcmp(dot, ".json") == 0)
                || entry->fts_level == 0))
        {
            read_one(reader, entry->fts_path);
        }
    }

    (void) fts_close(fts);

    return LOADER_OK;
}


static onsite_str_t
site_of(const onsite_campaign_source_t *source)
{
    onsite_str_t  site = onsite_value_get_str(source->definition,
                                              ONSITE_STR("site"));

    return site.data != NULL ? site : ONSITE_STR("default");
}


static int
by_site(const void *a, const void *b)
{
    int                              order;
    const onsite_campaign_source_t  *fa = a, *fb = b;

    order = onsite_str_compare(site_of(a), site_of(b));

    return order != 0 ? order : strcmp(fa->file.data, fb->file.data);
}


static int
group_by_site(reader_t *reader)
{
    size_t             i;
    onsite_str_t       site;
    loader_sources_t  *out = reader->out;

    if (reader->n == 0) {
        return LOADER_OK;
    }

    qsort(reader->list, reader->n, sizeof(*reader->list), by_site);

    out->sites = calloc(reader->n, sizeof(loader_site_t));
    if (out->sites == NULL) {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    for (i = 0; i < reader->n; i++) {
        site = site_of(&reader->list[i]);

        if (out->n == 0
            || !onsite_str_eq(out->sites[out->n - 1].name, site))
        {
            out->sites[out->n++] = (loader_site_t) { site,
                                                     &reader->list[i], 0 };
        }

        out->sites[out->n - 1].n++;
    }

    return LOADER_OK;
}


int
loader_sources_read(const char *dir, loader_sources_t *sources,
    onsite_lint_pt lint, void *lint_data)
{
    int       rc = LOADER_OK;
    reader_t  reader = { .out = sources, .lint = lint,
                         .lint_data = lint_data };

    *sources = (loader_sources_t) { 0 };
    sources->arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    reader.json = onsite_json_create();

    if (sources->arena == NULL || reader.json == NULL) {
        loader_complain("out of memory");
        rc = LOADER_FAILED;

    } else if (strcmp(dir, "-") == 0) {
        read_one(&reader, "-");

    } else {
        rc = walk(&reader, dir);
    }

    if (rc == LOADER_OK) {
        rc = group_by_site(&reader);
    }

    onsite_json_destroy(reader.json);

    if (sources->n == 0) {
        free(reader.list);
    }

    return rc;
}


void
loader_sources_free(loader_sources_t *sources)
{
    if (sources->n != 0) {
        free(sources->sites[0].sources);
    }

    free(sources->sites);
    onsite_arena_destroy(sources->arena);
}
