/*
 * preview.c - `preview`: a signed link that shows one campaign in its page to
 * whoever holds it, and counts nothing.
 */

#include "loader.h"

#include "onsite_preview.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EXPIRES  ONSITE_DAY


typedef struct {
    const char  *campaign, *url, *variant, *expires, *key_file, *state, *site,
                *json;
} given_t;


typedef struct {
    onsite_snapshot_t        *snapshot;
    onsite_store_t           *store;
    onsite_signer_t          *signer;
    onsite_arena_t           *arena;
    onsite_image_t            image;
    const char               *file;         /* for messages                */
    onsite_str_t              site;
    onsite_str_t              url;          /* without an older token      */
    onsite_preview_page_t     page;
    const onsite_campaign_t  *campaign;
    onsite_preview_t          preview;
} preview_t;


static size_t
find_any(onsite_str_t text, const char *chars)
{
    size_t  i;

    for (i = 0; i < text.len && strchr(chars, text.data[i]) == NULL; i++) {
        /* void */
    }

    return i;
}


static onsite_str_t
skip(onsite_str_t text, size_t n)
{
    return onsite_str(text.data + n, text.len - n);
}


static bool
is_dotted(onsite_str_t path)
{
    size_t        n;
    onsite_str_t  piece;

    while (path.len != 0) {
        path = skip(path, 1);
        n = find_any(path, "/");
        piece = onsite_str(path.data, n);
        path = skip(path, n);

        if (onsite_str_eq(piece, ONSITE_STR("."))
            || onsite_str_eq(piece, ONSITE_STR("..")))
        {
            return true;
        }
    }

    return false;
}


static int
bad_url(const char *url, const char *reason)
{
    loader_complain("--url %s: %s", url, reason);

    return LOADER_USAGE;
}


/* host[:port], where IPv6 stands in brackets; nginx takes no dot at its end. */

static int
read_host(const char *url, onsite_str_t authority, onsite_str_t *host)
{
    size_t  n, i;

    if (find_any(authority, "@") != authority.len) {
        return bad_url(url, "a user's name has no place in it");
    }

    n = authority.len != 0 && authority.data[0] == '['
        ? find_any(authority, "]") + 1 : find_any(authority, ":");
    *host = onsite_str(authority.data, n < authority.len ? n : authority.len);

    while (host->len != 0 && host->data[host->len - 1] == '.') {
        host->len--;
    }

    if (host->len == 0 || host->len > ONSITE_PREVIEW_HOST_MAX) {
        return bad_url(url, "the host is missing, or too long");
    }

    for (i = 0; i < host->len; i++) {
        if ((unsigned char) host->data[i] > 0x7e) {
            return bad_url(url, "write the host as browsers send it: "
                                "xn--...");
        }
    }

    return LOADER_OK;
}


/* As a browser's address bar has it. */

static int
read_url(preview_t *p, const char *text)
{
    int           rc;
    size_t        i, scheme;
    onsite_str_t  rest = onsite_str_of(text), path;

    scheme = strncasecmp(text, "https://", 8) == 0 ? 8
             : strncasecmp(text, "http://", 7) == 0 ? 7 : 0;

    if (scheme == 0) {
        return bad_url(text, "must be the page's address, such as "
                             "https://shop.example/landing/");
    }

    for (i = 0; i < rest.len; i++) {
        if ((unsigned char) rest.data[i] <= ' ' || rest.data[i] == 0x7f) {
            return bad_url(text, "has a space, or a control character");
        }
    }

    p->url = onsite_preview_strip(p->arena, rest, false);

    if (p->url.len == 0) {
        return bad_url(text, "is too long");
    }

    rest = skip(rest, scheme);
    rest.len = find_any(rest, "?#");
    path = skip(rest, find_any(rest, "/"));
    rc = read_host(text, onsite_str(rest.data, rest.len - path.len),
                   &p->page.host);

    if (rc != LOADER_OK) {
        return rc;
    }

    if (is_dotted(path)) {
        return bad_url(text, "has \"/./\" or \"/../\", which browsers "
                             "resolve: give it as they show it");
    }

    if (path.len > ONSITE_PREVIEW_PATH_MAX) {
        return bad_url(text, "the path is too long");
    }

    p->page.path = path.len != 0 ? path : ONSITE_STR("/");

    return LOADER_OK;
}


static int
open_snapshot(preview_t *p, const char *state)
{
    onsite_str_t    name;
    onsite_error_t  error = { "" };

    if (p->file == NULL) {
        p->snapshot = loader_live_snapshot(state);
        p->file = state;

        if (p->snapshot == NULL) {
            loader_complain("%s: no snapshot is live there; name a FILE",
                            state);
            return LOADER_FAILED;
        }

    } else if (onsite_snapshot_open(p->file, &p->snapshot, &error)
               != ONSITE_OK)
    {
        p->snapshot = NULL;
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    return loader_find_site(p->snapshot, p->file, p->site, &name, &p->image);
}


static int
find_campaign(preview_t *p, const char *id)
{
    onsite_str_t  wanted = onsite_str_of(id);

    p->campaign = onsite_campaign_find(&p->image,
                                       onsite_campaign_hash(wanted));

    if (p->campaign == NULL
        || !onsite_str_eq(onsite_image_str(&p->image, p->campaign->id),
                          wanted))
    {
        loader_complain("%s: site \"%.*s\" has no campaign \"%s\" there; one "
                        "with \"enabled\": false is in no snapshot (see "
                        "`lmdb-loader inspect`)", p->file, (int) p->site.len,
                        p->site.data, id);
        return LOADER_FAILED;
    }

    if (p->campaign->channel == ONSITE_CHANNEL_WEBHOOK) {
        loader_complain("campaign \"%s\" goes to a webhook: nothing of it is "
                        "in a page", id);
        return LOADER_FAILED;
    }

    p->preview.campaign = wanted;

    return LOADER_OK;
}


/* Which there are, for who named one that is not. */

static void
complain_of_variant(preview_t *p, const char *id)
{
    uint32_t                 i;
    onsite_str_t             name;
    onsite_buf_t             names;
    const onsite_variant_t  *variants;

    variants = onsite_image_at(&p->image, p->campaign->variants);
    onsite_buf_init(&names, 0);

    for (i = 0; i < p->campaign->n_variants; i++) {
        name = onsite_image_str(&p->image, variants[i].id);

        if (name.len != 0) {
            onsite_buf_printf(&names, "%s%.*s", names.len != 0 ? ", " : "",
                              (int) name.len, name.data);
        }
    }

    onsite_buf_char(&names, '\0');
    loader_complain("campaign \"%.*s\" has no variant \"%s\"; it has %s",
                    (int) p->preview.campaign.len, p->preview.campaign.data,
                    id, names.len > 1 && !names.failed ? names.data : "none");
    onsite_buf_free(&names);
}


/* The one that is named, or the first; all of a page's have content. */

static int
find_variant(preview_t *p, const char *id)
{
    uint32_t                 i;
    const onsite_variant_t  *variants, *found = NULL;

    variants = onsite_image_at(&p->image, p->campaign->variants);

    for (i = 0; i < p->campaign->n_variants && found == NULL; i++) {
        if (id == NULL
            || onsite_str_eq(onsite_image_str(&p->image, variants[i].id),
                             onsite_str_of(id)))
        {
            found = &variants[i];
        }
    }

    if (found == NULL) {
        complain_of_variant(p, id);
        return LOADER_FAILED;
    }

    p->preview.variant = onsite_image_str(&p->image, found->id);

    return LOADER_OK;
}


static int
find_signer(preview_t *p, const given_t *given)
{
    if (given->key_file == NULL
        && loader_open_state(given->state, &p->store) != LOADER_OK)
    {
        return LOADER_FAILED;
    }

    p->signer = loader_signer(p->store, given->key_file);

    return p->signer != NULL ? LOADER_OK : LOADER_FAILED;
}


/* Behind the query that there is, before the fragment; an empty path is what
 * browsers make of it. */

static void
write_link(const preview_t *p, const char *token, onsite_buf_t *out)
{
    size_t        n = find_any(p->url, "#");
    onsite_str_t  front = onsite_str(p->url.data, n);
    size_t        query = find_any(front, "?");

    onsite_buf_str(out, front);

    if (query + 1 != n) {
        onsite_buf_char(out, query == n ? '?' : '&');
    }

    onsite_buf_printf(out, "onsite_preview=%s", token);
    onsite_buf_str(out, skip(p->url, n));
}


static void
write_facts(const preview_t *p, const char *token, onsite_buf_t *out)
{
    onsite_buf_t  link;

    onsite_buf_init(&link, 0);
    write_link(p, token, &link);

    onsite_buf_printf(out, "{\"url\":");
    onsite_write_json_string(out, onsite_str(link.data, link.len));
    onsite_buf_printf(out, ",\"site\":");
    onsite_write_json_string(out, p->site);
    onsite_buf_printf(out, ",\"campaign\":");
    onsite_write_json_string(out, p->preview.campaign);
    onsite_buf_printf(out, ",\"variant\":");
    onsite_write_json_string(out, p->preview.variant);
    onsite_buf_printf(out, ",\"expires\":");
    loader_write_time(out, p->preview.expires);
    onsite_buf_char(out, '}');
    onsite_buf_free(&link);
}


static int
print_link(preview_t *p, bool json)
{
    int           rc = LOADER_OK;
    char          token[ONSITE_PREVIEW_MAX + 1];
    size_t        len;
    onsite_buf_t  out;

    len = onsite_preview_sign(p->signer, p->site, &p->page, &p->preview,
                              token);
    token[len] = '\0';

    if (len == 0) {
        loader_complain("the names of campaign and variant are too long");
        return LOADER_FAILED;
    }

    onsite_buf_init(&out, 0);

    if (json) {
        write_facts(p, token, &out);

    } else {
        write_link(p, token, &out);
    }

    onsite_buf_char(&out, '\n');

    if (out.failed || fwrite(out.data, 1, out.len, stdout) != out.len) {
        loader_complain("the link cannot be written");
        rc = LOADER_FAILED;
    }

    onsite_buf_free(&out);

    return rc;
}


static int
run(preview_t *p, const given_t *given)
{
    int  rc;

    rc = read_url(p, given->url);

    if (rc == LOADER_OK) {
        rc = open_snapshot(p, given->state);
    }

    if (rc == LOADER_OK) {
        rc = find_campaign(p, given->campaign);
    }

    if (rc == LOADER_OK) {
        rc = find_variant(p, given->variant);
    }

    if (rc == LOADER_OK) {
        rc = find_signer(p, given);
    }

    return rc == LOADER_OK ? print_link(p, given->json != NULL) : rc;
}


static bool
is_usable(const char *file, const given_t *given)
{
    if (given->campaign == NULL || given->url == NULL) {
        loader_complain("--%s is missing", given->campaign == NULL
                        ? "campaign ID" : "url URL");
        return false;
    }

    if (file == NULL && given->state == NULL) {
        loader_complain("one argument is missing: a snapshot's FILE, or "
                        "--state DIR");
        return false;
    }

    if (given->key_file == NULL && given->state == NULL) {
        loader_complain("what signs the link is missing: --key-file FILE, the "
                        "one of onsite_key_file, or --state DIR, which keeps "
                        "a secret where nginx has no such file");
        return false;
    }

    return true;
}


static void
close_preview(preview_t *p)
{
    onsite_signer_destroy(p->signer);
    onsite_arena_destroy(p->arena);

    if (p->store != NULL) {
        onsite_store_close(p->store);
    }

    if (p->snapshot != NULL) {
        onsite_snapshot_close(p->snapshot);
    }
}


int
loader_preview(int argc, char **argv)
{
    int        rc;
    given_t    given;
    preview_t  p = { .site = ONSITE_STR("default") };

    const loader_option_t  options[] = {
        { "campaign", 'c', "ID", "which campaign is shown, whoever looks and "
          "whatever it asks for", &given.campaign },
        { "url", 'u', "URL", "the page that shows it; its query is kept",
          &given.url },
        { "variant", 'v', "V", "which variant; default: the first",
          &given.variant },
        { "expires", 'e', "TIME", "how long the link is good for; default: "
          "24h", &given.expires },
        { "key-file", 'k', "FILE", "the secret of onsite_key_file; default: "
          "the one the state keeps", &given.key_file },
        { "state", 0, "DIR", "take the secret from this state, and the "
          "snapshot that is live with it where no FILE is named",
          &given.state },
        { "site", 's', "NAME", "site; default: default", &given.site },
        { "json", 0, NULL, "link, variant and expiry as one object",
          &given.json },
        { 0 }
    };

    p.file = loader_options(argc, argv, options,
                            "[FILE] --campaign ID --url URL", 0, 1) > 0
             ? argv[0] : NULL;
    loader_needs_file(p.file);

    if (!is_usable(p.file, &given)) {
        return LOADER_USAGE;
    }

    if (given.site != NULL) {
        p.site = onsite_str_of(given.site);
    }

    p.preview.expires = loader_now() + loader_duration("expires",
                                                       given.expires, EXPIRES);
    p.arena = onsite_arena_create(4096, 1 << 20);

    if (p.arena == NULL) {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    rc = run(&p, &given);
    close_preview(&p);

    return rc;
}
