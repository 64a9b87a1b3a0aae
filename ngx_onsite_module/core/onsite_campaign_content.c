/*
 * onsite_campaign_content.c - what a campaign shows: content, variants and how
 * visitors are divided among them.
 */

#include "onsite_campaign_compile.h"
#include "onsite_template.h"

#define SEED_MAX_BYTES  256
#define PATH_KEYS_MAX    16

/* What weights may add up to: outside of it GrowthBook takes equal ones. */
#define WEIGHTS_MIN   0.99
#define WEIGHTS_MAX   1.01


static void
tell_html(void *data, const char *reason)
{
    onsite_definition_error(data, "html", "%s", reason);
}


/* What is wrong with a text of data begins with its path. */

static void
tell_data(void *data, const char *reason)
{
    const char      *colon = strstr(reason, ": ");
    onsite_error_t   key;

    if (colon == NULL) {
        onsite_definition_error(data, "data", "%s", reason);
        return;
    }

    (void) onsite_error(&key, ONSITE_INVALID, "data.%.*s",
                        (int) (colon - reason), reason);
    onsite_definition_error(data, key.text, "%s", colon + 2);
}


static onsite_template_site_t
template_site(onsite_draft_reader_t *r,
    void (*tell)(void *data, const char *reason))
{
    return (onsite_template_site_t) { .zone = r->draft->campaign.zone,
                                      .prices = &r->c->prices, .tell = tell,
                                      .tell_data = r->d };
}


/* An embed goes into the page itself; what other channels show is closed off
 * from it. */

static void
judge_balance(onsite_draft_reader_t *r, const onsite_error_t *unbalanced)
{
    if (unbalanced->text[0] == '\0') {
        return;
    }

    if (r->draft->campaign.channel == ONSITE_CHANNEL_EMBED) {
        onsite_definition_error(r->d, "html", "%s", unbalanced->text);
        r->shows = false;

    } else {
        onsite_definition_warn(r->d, "html", "%s", unbalanced->text);
    }
}


/* A slot within what fills a slot. */

static void
judge_slots(onsite_draft_reader_t *r, onsite_str_t html)
{
    size_t  i;

    static const char *const  marks[] = {
        "<!--onsite:slot", "<!--/onsite:slot", "data-onsite-slot"
    };

    if (r->draft->campaign.channel != ONSITE_CHANNEL_EMBED) {
        return;
    }

    for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {

        if (memmem(html.data, html.len, marks[i], strlen(marks[i])) != NULL) {
            onsite_definition_warn(r->d, "html", "has \"%s\", but is what"
                                   " fills a slot: a slot in it is not"
                                   " filled, and may be taken for the page's"
                                   " own: remove it", marks[i]);
            return;
        }
    }
}


static void
read_html(onsite_draft_reader_t *r, const onsite_value_t *content,
    onsite_ref_t *ref)
{
    uint32_t                roots = 0;
    onsite_str_t            html = { 0, NULL };
    onsite_error_t          error, unbalanced;
    onsite_template_site_t  site = template_site(r, tell_html);

    if (!onsite_definition_string(r->d, content, "html", ONSITE_HTML_MAX,
                                  &html))
    {
        r->shows = false;
        return;
    }

    if (html.data == NULL) {
        return;
    }

    error.text[0] = '\0';
    unbalanced.text[0] = '\0';
    site.unbalanced = &unbalanced;

    if (onsite_template_compile_html(r->b, html, site, ref, &roots, &error)
        != ONSITE_OK)
    {
        r->shows = false;
    }

    if (error.text[0] != '\0') {
        tell_html(r->d, error.text);

    } else {
        judge_balance(r, &unbalanced);
        judge_slots(r, html);
    }

    r->draft->roots |= roots;
}


static void
read_data(onsite_draft_reader_t *r, const onsite_value_t *content,
    onsite_ref_t *ref)
{
    uint32_t               roots = 0;
    onsite_error_t         error;
    const onsite_value_t  *data = onsite_definition_get(content, "data");

    if (data == NULL) {
        return;
    }

    if (data->type != ONSITE_OBJECT) {
        onsite_definition_error(r->d, "data", "must be an object");
        r->shows = false;
        return;
    }

    error.text[0] = '\0';

    if (onsite_template_compile_data(r->b, data, template_site(r, tell_data),
                                     ref, &roots, &error)
        != ONSITE_OK)
    {
        r->shows = false;
    }

    if (error.text[0] != '\0') {
        tell_data(r->d, error.text);
    }

    r->draft->roots |= roots;
}


/* What object's "content" has replaces what is in html and data. */

static void
read_content(onsite_draft_reader_t *r, const onsite_value_t *object,
    onsite_ref_t *html, onsite_ref_t *data)
{
    size_t                    len;
    const onsite_value_t     *content;
    static const char *const  keys[] = { "html", "data", NULL };

    content = onsite_definition_get(object, "content");
    if (content == NULL) {
        return;
    }

    len = onsite_definition_enter(r->d, ONSITE_STR("content"));

    if (onsite_definition_keys(r->d, content, keys)) {
        read_html(r, content, html);
        read_data(r, content, data);
    }

    onsite_definition_leave(r->d, len);
}


/* Every variant that has nothing to show is an error. */

static void
check_shown(onsite_draft_reader_t *r, const onsite_variant_t *variant)
{
    if (!r->shows) {
        return;
    }

    if (r->draft->campaign.channel == ONSITE_CHANNEL_WEBHOOK) {

        if (variant->data == 0) {
            onsite_definition_error(r->d, "content.data", "is missing: it is"
                                    " what a webhook sends");
        }

    } else if (r->draft->campaign.channel != ONSITE_CHANNEL_EMBED) {

        if (variant->html == 0) {
            onsite_definition_error(r->d, "content.html", "is missing: this"
                                    " channel shows HTML");
        }

    } else if (variant->html == 0 && variant->data == 0) {
        onsite_definition_error(r->d, "content", "needs html or data");
    }
}


static void
read_variant_id(onsite_draft_reader_t *r, const onsite_value_t *object,
    const onsite_variant_t *before, uint32_t n, onsite_variant_t *variant)
{
    uint32_t      i;
    onsite_str_t  id = { 0, NULL };

    if (!onsite_definition_string(r->d, object, "id", ONSITE_CAMPAIGN_ID_MAX,
                                  &id))
    {
        return;
    }

    if (!onsite_draft_id_valid(id)) {
        onsite_definition_error(r->d, "id", ONSITE_DRAFT_ID_RULE);
        return;
    }

    variant->id = onsite_builder_str(r->b, id);
    variant->hash = onsite_campaign_hash(id);

    for (i = 0; i < n; i++) {
        if (before[i].id.len != 0 && before[i].hash == variant->hash) {
            onsite_definition_error(r->d, "id", "is that of variants[%u], or"
                                    " too like it for its hash: rename one",
                                    i);
            return;
        }
    }
}


static void
read_variant(onsite_draft_reader_t *r, const onsite_value_t *object,
    const onsite_variant_t *before, uint32_t n, onsite_variant_t *variant)
{
    static const char *const  keys[] = { "id", "weight", "content", NULL };

    if (!onsite_definition_keys(r->d, object, keys)) {
        return;
    }

    read_variant_id(r, object, before, n, variant);
    read_content(r, object, &variant->html, &variant->data);
    (void) onsite_definition_number(r->d, object, "weight", 0, 1,
                                    &variant->weight);
    check_shown(r, variant);
}


/* Weights: all or none, and then equal ones. */

static void
check_weights(onsite_draft_reader_t *r, const onsite_value_t *list,
    onsite_variant_t *variants)
{
    double    sum = 0;
    uint32_t  i, given = 0;

    for (i = 0; i < list->len; i++) {
        given += onsite_definition_get(&list->as.items[i], "weight") != NULL;
        sum += variants[i].weight;
    }

    if (given == 0) {
        for (i = 0; i < list->len; i++) {
            variants[i].weight = 1.0 / list->len;
        }
        return;
    }

    if (given != list->len) {
        onsite_definition_error(r->d, "variants", "%u of %u have a weight:"
                                " give one to all, or to none for equal"
                                " shares", given, list->len);

    } else if (sum < WEIGHTS_MIN || sum > WEIGHTS_MAX) {
        onsite_definition_error(r->d, "variants", "the weights add up to %g;"
                                " they must add up to 1", sum);
    }
}


static void
store_variants(onsite_draft_reader_t *r, const onsite_variant_t *variants,
    uint32_t n)
{
    onsite_ref_t  ref;

    ref = onsite_builder_alloc(r->b, n * sizeof(onsite_variant_t));
    if (ref == 0) {
        return;
    }

    memcpy(onsite_builder_at(r->b, ref), variants,
           n * sizeof(onsite_variant_t));

    r->draft->campaign.variants = ref;
    r->draft->campaign.n_variants = n;
}


static void
read_fallback(onsite_draft_reader_t *r, const onsite_variant_t *variants,
    uint32_t n)
{
    uint32_t      i;
    onsite_str_t  id = { 0, NULL };

    if (!onsite_definition_string(r->d, r->draft->definition, "fallback",
                                  ONSITE_CAMPAIGN_ID_MAX, &id)
        || id.data == NULL)
    {
        return;
    }

    for (i = 0; i < n; i++) {
        if (variants[i].id.len != 0
            && variants[i].hash == onsite_campaign_hash(id))
        {
            r->draft->campaign.fallback = i + 1;
            return;
        }
    }

    onsite_definition_error(r->d, "fallback", "there is no variant \"%.*s\"",
                            (int) id.len, id.data);
}


static void
read_list(onsite_draft_reader_t *r, const onsite_value_t *list,
    const onsite_variant_t *base)
{
    size_t            len, item;
    uint32_t          i;
    onsite_variant_t  variants[ONSITE_VARIANTS_MAX];

    if (list->type != ONSITE_ARRAY || list->len == 0
        || list->len > ONSITE_VARIANTS_MAX)
    {
        onsite_definition_error(r->d, "variants", "must be a list of 1 to %d"
                                " variants", ONSITE_VARIANTS_MAX);
        return;
    }

    len = onsite_definition_enter(r->d, ONSITE_STR("variants"));

    for (i = 0; i < list->len; i++) {
        variants[i] = *base;
        item = onsite_definition_enter_item(r->d, i);
        read_variant(r, &list->as.items[i], variants, i, &variants[i]);
        onsite_definition_leave(r->d, item);
    }

    onsite_definition_leave(r->d, len);

    check_weights(r, list, variants);
    read_fallback(r, variants, list->len);
    store_variants(r, variants, list->len);
}


static void
read_hash_attribute(onsite_draft_reader_t *r, const onsite_value_t *hash)
{
    size_t              n;
    onsite_str_t        path = { 0, NULL }, keys[PATH_KEYS_MAX];
    onsite_root_t       root;
    onsite_campaign_t  *campaign = &r->draft->campaign;

    if (!onsite_definition_string(r->d, hash, "attribute", 256, &path)
        || path.data == NULL)
    {
        return;
    }

    n = onsite_attribute_split(path, ONSITE_SCOPE_AUDIENCE, &root, keys,
                               PATH_KEYS_MAX);

    if (root == ONSITE_ROOTS || root == ONSITE_ROOT_VALUE || n == 0) {
        onsite_definition_error(r->d, "attribute", "must be an attribute such"
                                " as \"event.userId\"; leave it out for the"
                                " visitor's id");
        return;
    }

    r->draft->roots |= 1u << root;
    campaign->hash_slot = onsite_builder_slot(r->b, root, keys, n,
                                              root == ONSITE_ROOT_TIME
                                              ? campaign->zone : 0) + 1;
}


static void
read_hash(onsite_draft_reader_t *r)
{
    size_t                    len;
    int32_t                   version = 2;
    onsite_str_t              seed = r->draft->id;
    onsite_campaign_t        *campaign = &r->draft->campaign;
    const onsite_value_t     *hash;
    static const char *const  keys[] = {
        "seed", "version", "attribute", "coverage", NULL
    };

    campaign->coverage = 1;
    hash = onsite_definition_get(r->draft->definition, "hash");

    if (hash != NULL) {
        len = onsite_definition_enter(r->d, ONSITE_STR("hash"));

        if (onsite_definition_keys(r->d, hash, keys)) {
            (void) onsite_definition_string(r->d, hash, "seed",
                                            SEED_MAX_BYTES, &seed);
            (void) onsite_definition_integer(r->d, hash, "version", 1, 2,
                                             &version);
            (void) onsite_definition_number(r->d, hash, "coverage", 0, 1,
                                            &campaign->coverage);
            read_hash_attribute(r, hash);
        }

        if (campaign->coverage == 0) {
            onsite_definition_error(r->d, "coverage", "must be over 0; to"
                                    " stop a campaign say \"enabled\":"
                                    " false");
        }

        onsite_definition_leave(r->d, len);
    }

    campaign->hash_version = (uint32_t) version;
    campaign->seed = onsite_builder_str(r->b, seed);
}


void
onsite_draft_variants(onsite_draft_reader_t *r)
{
    onsite_variant_t       base;
    onsite_campaign_t     *campaign = &r->draft->campaign;
    const onsite_value_t  *list;

    memset(&base, 0, sizeof(base));
    read_content(r, r->draft->definition, &base.html, &base.data);

    list = onsite_definition_get(r->draft->definition, "variants");

    if (list != NULL) {
        read_list(r, list, &base);

    } else {
        base.weight = 1;
        base.hash = onsite_campaign_hash(onsite_str(NULL, 0));
        check_shown(r, &base);
        read_fallback(r, &base, 0);
        store_variants(r, &base, 1);
    }

    if (!onsite_definition_number(r->d, r->draft->definition, "holdout", 0, 1,
                                  &campaign->holdout))
    {
        campaign->holdout = 0;
    }

    if (campaign->holdout == 1) {
        onsite_definition_error(r->d, "holdout", "must be under 1: with 1 no"
                                " one would see the campaign");
    }

    read_hash(r);
}
