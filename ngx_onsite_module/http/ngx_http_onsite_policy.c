/*
 * ngx_http_onsite_policy.c - whether a page's Content-Security-Policy lets our
 * script run, and the nonce that it asks for (CSP Level 3, 6.7).
 */

#include "ngx_http_onsite.h"


typedef struct {
    ngx_str_t  sources;         /* of the directive that rules scripts       */
    ngx_uint_t rank;            /* script-src-elem, script-src, default-src  */
} rule_t;


static ngx_uint_t
word_is(ngx_str_t *word, const char *text)
{
    return word->len == ngx_strlen(text)
           && ngx_strncasecmp(word->data, (u_char *) text, word->len) == 0;
}


/* The next word of text, which is shortened by it. */

static ngx_uint_t
next_word(ngx_str_t *text, ngx_str_t *word)
{
    while (text->len != 0 && (*text->data == ' ' || *text->data == '\t')) {
        text->data++;
        text->len--;
    }

    word->data = text->data;
    word->len = 0;

    while (text->len != 0 && *text->data != ' ' && *text->data != '\t') {
        text->data++;
        text->len--;
        word->len++;
    }

    return word->len != 0;
}


static ngx_uint_t
rank(ngx_str_t *name)
{
    if (word_is(name, "script-src-elem")) {
        return 3;
    }

    if (word_is(name, "script-src")) {
        return 2;
    }

    return word_is(name, "default-src") ? 1 : 0;
}


static void
find_rule(ngx_str_t *policy, rule_t *rule)
{
    u_char     *p, *end, *last;
    ngx_str_t   directive, name;
    ngx_uint_t  found;

    ngx_memzero(rule, sizeof(rule_t));
    last = policy->data + policy->len;

    for (p = policy->data; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, ';');
        if (end == NULL) {
            end = last;
        }

        directive.data = p;
        directive.len = end - p;

        if (next_word(&directive, &name)) {
            found = rank(&name);

            if (found > rule->rank) {
                rule->rank = found;
                rule->sources = directive;
            }
        }
    }
}


static ngx_uint_t
allows(ngx_http_request_t *r, ngx_str_t *policy)
{
    rule_t                  rule;
    ngx_str_t               word;
    ngx_uint_t              self, strict;
    ngx_http_onsite_ctx_t  *ctx;

    find_rule(policy, &rule);

    if (rule.rank == 0) {
        return 1;
    }

    self = 0;
    strict = 0;

    while (next_word(&rule.sources, &word)) {

        if (word.len > 8
            && ngx_strncasecmp(word.data, (u_char *) "'nonce-", 7) == 0
            && word.data[word.len - 1] == '\'')
        {
            ctx = ngx_http_onsite_ctx(r);
            if (ctx == NULL) {
                return 0;
            }

            ctx->nonce.data = word.data + 7;
            ctx->nonce.len = word.len - 8;
            return 1;
        }

        self |= word_is(&word, "'self'") || word_is(&word, "*")
                || word_is(&word, "https:") || word_is(&word, "http:");
        strict |= word_is(&word, "'strict-dynamic'");
    }

    return self && !strict;
}


/* Every policy has to allow it. */

ngx_http_onsite_skip_e
ngx_http_onsite_policy(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash != 0
                && word_is(&h[i].key, "Content-Security-Policy")
                && !allows(r, &h[i].value))
            {
                return NGX_HTTP_ONSITE_SKIP_CSP;
            }
        }
    }

    return NGX_HTTP_ONSITE_SKIP_NONE;
}
