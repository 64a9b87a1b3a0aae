/*
 * ngx_http_onsite_interest.c - $onsite_origin, $onsite_first_origin,
 * $onsite_affinity_NAME, $onsite_journey_NAME.
 *
 * A record's bytes are gone when a variable is read: the texts of those that
 * the configuration names are copied while the visitor is at hand.  Where it
 * names none, nothing is done.
 */

#include "ngx_http_onsite_apply.h"

#include "onsite_affinity.h"
#include "onsite_machine.h"
#include "onsite_origin.h"


/* source, medium and campaign, and two slashes */
#define TEXT_MAX  (3 * ONSITE_TOUCH_TEXT_MAX + 2)


typedef enum {
    INTEREST_ORIGIN = 0,
    INTEREST_FIRST_ORIGIN,
    INTEREST_AFFINITY,
    INTEREST_JOURNEY
} interest_e;


typedef struct {
    ngx_str_t                   variable;   /* whole, for the exact ones     */
    interest_e                  kind;
    ngx_uint_t                  prefix;
} family_t;


static const family_t  families[] = {
    { ngx_string("onsite_origin"), INTEREST_ORIGIN, 0 },
    { ngx_string("onsite_first_origin"), INTEREST_FIRST_ORIGIN, 0 },
    { ngx_string("onsite_affinity_"), INTEREST_AFFINITY, 1 },
    { ngx_string("onsite_journey_"), INTEREST_JOURNEY, 1 },
};

#define FAMILIES  (sizeof(families) / sizeof(families[0]))


static const family_t *
find_family(ngx_str_t *variable)
{
    ngx_uint_t       i;
    const family_t  *family;

    for (i = 0; i < FAMILIES; i++) {
        family = &families[i];

        if ((family->prefix ? variable->len > family->variable.len
                            : variable->len == family->variable.len)
            && ngx_memcmp(variable->data, family->variable.data,
                          family->variable.len)
               == 0)
        {
            return family;
        }
    }

    return NULL;
}


/* The variables that the configuration reads, counted or (names not NULL)
 * listed. */

static ngx_uint_t
used_variables(ngx_http_core_main_conf_t *cmcf, ngx_str_t *names)
{
    ngx_uint_t            i, n;
    ngx_http_variable_t  *v;

    v = cmcf->variables.elts;
    n = 0;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (find_family(&v[i].name) != NULL) {
            if (names != NULL) {
                names[n] = v[i].name;
            }

            n++;
        }
    }

    return n;
}


void
ngx_http_onsite_interest_init(ngx_cycle_t *cycle)
{
    ngx_uint_t                  n;
    ngx_str_t                  *names;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);
    n = used_variables(cmcf, NULL);

    if (n == 0) {
        return;
    }

    names = ngx_palloc(cycle->pool, n * sizeof(ngx_str_t));

    if (names != NULL) {
        (void) used_variables(cmcf, names);
        ngx_http_onsite_worker.interests = names;
        ngx_http_onsite_worker.n_interests = n;
    }
}


/* As nginx names a header in a variable: lower case, all but letters and
 * digits a '_'. */

static ngx_uint_t
is_named(onsite_str_t id, ngx_str_t *variable, const family_t *family)
{
    size_t   i;
    u_char   c, *name;

    name = variable->data + family->variable.len;

    if (id.len != variable->len - family->variable.len) {
        return 0;
    }

    for (i = 0; i < id.len; i++) {
        c = ngx_tolower(id.data[i]);

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) {
            c = '_';
        }

        if (c != name[i]) {
            return 0;
        }
    }

    return 1;
}


/* "source/medium", and "/campaign" where there is one. */

static u_char *
write_touch(u_char *p, const onsite_touch_t *touch)
{
    if (touch == NULL || touch->time == 0) {
        return p;
    }

    p = ngx_cpymem(p, touch->source.data, touch->source.len);
    *p++ = '/';
    p = ngx_cpymem(p, touch->medium.data, touch->medium.len);

    if (touch->campaign.len != 0) {
        *p++ = '/';
        p = ngx_cpymem(p, touch->campaign.data, touch->campaign.len);
    }

    return p;
}


static u_char *
write_affinity(u_char *p, run_t *run, const onsite_image_t *image,
    const onsite_visitor_t *visitor, ngx_str_t *variable,
    const family_t *family)
{
    uint32_t                       i, k;
    const onsite_affinity_t       *entry;
    const onsite_affinity_rule_t  *rules;

    rules = onsite_image_at(image, onsite_image_header(image)->affinities);

    for (i = 0; i < onsite_image_header(image)->n_affinities; i++) {

        if (!is_named(onsite_image_str(image, rules[i].name), variable,
                      family))
        {
            continue;
        }

        for (k = 0; k < visitor->n_affinities; k++) {
            entry = &visitor->affinities[k];

            if (entry->attribute == rules[i].hash
                && onsite_affinity_strength(image, visitor, entry,
                                            run->ctx->now)
                   > 0)
            {
                return ngx_cpymem(p, entry->value.data, entry->value.len);
            }
        }
    }

    return p;
}


static u_char *
write_journey(u_char *p, const onsite_image_t *image,
    const onsite_visitor_t *visitor, ngx_str_t *variable,
    const family_t *family)
{
    uint32_t                 i;
    onsite_str_t             id, state;
    const onsite_machine_t  *machines;

    machines = onsite_image_at(image, onsite_image_header(image)->machines);

    for (i = 0; i < onsite_image_header(image)->n_machines; i++) {
        id = onsite_image_str(image, machines[i].id);

        if (machines[i].kind == ONSITE_MACHINE_JOURNEY
            && is_named(id, variable, family))
        {
            state = onsite_journey_state(image, visitor, id);

            return ngx_cpymem(p, state.data, ngx_min(state.len, TEXT_MAX));
        }
    }

    return p;
}


static u_char *
write_value(u_char *p, run_t *run, const onsite_image_t *image,
    const onsite_visitor_t *visitor, ngx_str_t *variable)
{
    const family_t  *family;

    family = find_family(variable);

    switch (family->kind) {

    case INTEREST_ORIGIN:
        return write_touch(p, onsite_origin_last(visitor));

    case INTEREST_FIRST_ORIGIN:
        return write_touch(p, &visitor->first_touch);

    case INTEREST_AFFINITY:
        return write_affinity(p, run, image, visitor, variable, family);

    case INTEREST_JOURNEY:
        return write_journey(p, image, visitor, variable, family);
    }

    return p;
}


/* What a client sent must not end a line of a log or a header. */

static void
copy_text(ngx_http_request_t *r, ngx_str_t *to, u_char *text, u_char *end)
{
    u_char  *p;

    for (p = text; p < end; p++) {
        if (*p < ' ' || *p == 0x7f) {
            *p = ' ';
        }
    }

    to->data = ngx_pnalloc(r->main->pool, end - text);

    if (to->data != NULL) {
        to->len = end - text;
        ngx_memcpy(to->data, text, to->len);
    }
}


void
ngx_http_onsite_tell_interests(run_t *run, onsite_visitor_t *visitor)
{
    u_char                     text[TEXT_MAX], *end;
    ngx_str_t                 *values;
    ngx_uint_t                 i;
    onsite_site_t             *site;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    ngx_http_onsite_tell_segments(run, visitor);

    if (w->n_interests == 0 || visitor == NULL) {
        return;
    }

    site = ngx_http_onsite_site(run->ctx->who.site);
    values = ngx_pcalloc(run->r->main->pool,
                         w->n_interests * sizeof(ngx_str_t));

    if (values == NULL || site == NULL) {
        return;
    }

    for (i = 0; i < w->n_interests; i++) {
        end = write_value(text, run, &site->image, visitor,
                          &w->interests[i]);

        if (end != text) {
            copy_text(run->r, &values[i], text, end);
        }
    }

    run->ctx->told.interests = values;
}


void
ngx_http_onsite_align(run_t *run)
{
    onsite_site_t             *site;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    site = ngx_http_onsite_site(run->ctx->who.site);

    if (site != NULL) {
        onsite_affinity_align(&site->image, w->visitor, w->other);
    }
}


static ngx_int_t
get_interest(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t                 *name;
    ngx_uint_t                 i;
    ngx_http_onsite_ctx_t     *ctx;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    name = (ngx_str_t *) data;

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = 0;
    v->data = (u_char *) "";

    ctx = ngx_http_onsite_ctx(r);
    if (ctx == NULL || ctx->busy) {
        return NGX_OK;
    }

    ngx_http_onsite_look(r, ctx);

    for (i = 0; ctx->told.interests != NULL && i < w->n_interests; i++) {
        if (w->interests[i].len == name->len
            && ngx_memcmp(w->interests[i].data, name->data, name->len) == 0)
        {
            v->len = ctx->told.interests[i].len;
            v->data = ctx->told.interests[i].data;
            break;
        }
    }

    return NGX_OK;
}


/* A prefix variable's data is its whole name, which nginx sets. */

ngx_int_t
ngx_http_onsite_add_interests(ngx_conf_t *cf)
{
    ngx_str_t             name;
    ngx_uint_t            i;
    ngx_http_variable_t  *var;

    for (i = 0; i < FAMILIES; i++) {
        name = families[i].variable;

        var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE
                                    | (families[i].prefix
                                       ? NGX_HTTP_VAR_PREFIX : 0));
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = get_interest;
        var->data = (uintptr_t) &families[i].variable;
    }

    return NGX_OK;
}
