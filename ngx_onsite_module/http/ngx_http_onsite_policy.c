/*
 * ngx_http_onsite_policy.c - whether a page's Content-Security-Policy lets our
 * script run, and the nonce that it asks for (CSP Level 3, 6.7).
 */

#include "ngx_http_onsite.h"


/* A page with more policies than this gets nothing. */
#define POLICIES  8


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


/* What follows a directive's name; of several only the first counts. */

static ngx_uint_t
find_directive(ngx_str_t *policy, const char *name, ngx_str_t *sources)
{
    u_char     *p, *end, *last;
    ngx_str_t   word;

    last = policy->data + policy->len;

    for (p = policy->data; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, ';');
        if (end == NULL) {
            end = last;
        }

        sources->data = p;
        sources->len = end - p;

        if (next_word(sources, &word) && word_is(&word, name)) {
            return 1;
        }
    }

    sources->len = 0;

    return 0;
}


/* The directive that rules scripts; 0: none does. */

static ngx_uint_t
find_rule(ngx_str_t *policy, ngx_str_t *sources)
{
    return find_directive(policy, "script-src-elem", sources)
           || find_directive(policy, "script-src", sources)
           || find_directive(policy, "default-src", sources);
}


static ngx_uint_t
is_sandbox(ngx_str_t *policy)
{
    ngx_str_t  flags, word;

    if (!find_directive(policy, "sandbox", &flags)) {
        return 0;
    }

    while (next_word(&flags, &word)) {
        if (word_is(&word, "allow-scripts")) {
            return 0;
        }
    }

    return 1;
}


/* Allowed for being of the same origin, without a nonce. */

static ngx_uint_t
allows_self(ngx_str_t *policy)
{
    ngx_str_t   sources, word;
    ngx_uint_t  self, strict;

    if (!find_rule(policy, &sources)) {
        return 1;
    }

    self = 0;
    strict = 0;

    while (next_word(&sources, &word)) {
        self |= word_is(&word, "'self'") || word_is(&word, "*")
                || word_is(&word, "https:") || word_is(&word, "http:");
        strict |= word_is(&word, "'strict-dynamic'");
    }

    return self && !strict;
}


/* Whether the policy knows this nonce; an empty one becomes its first. */

static ngx_uint_t
has_nonce(ngx_str_t *policy, ngx_str_t *nonce)
{
    ngx_str_t  sources, word;

    (void) find_rule(policy, &sources);

    while (next_word(&sources, &word)) {

        if (word.len <= 8
            || ngx_strncasecmp(word.data, (u_char *) "'nonce-", 7) != 0
            || word.data[word.len - 1] != '\'')
        {
            continue;
        }

        word.data += 7;
        word.len -= 8;

        if (nonce->len == 0) {
            *nonce = word;
        }

        if (nonce->len == word.len
            && ngx_memcmp(nonce->data, word.data, word.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* The policies of one header, which commas divide. */

static ngx_uint_t
split(ngx_str_t *value, ngx_str_t *policies, ngx_uint_t n)
{
    u_char  *p, *end, *last;

    last = value->data + value->len;

    for (p = value->data; p < last && n <= POLICIES; p = end + 1) {
        end = ngx_strlchr(p, last, ',');
        if (end == NULL) {
            end = last;
        }

        policies[n].data = p;
        policies[n++].len = end - p;
    }

    return n;
}


/* How many there are; one more than POLICIES: too many. */

static ngx_uint_t
collect(ngx_http_request_t *r, ngx_str_t *policies)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;

    for (part = &r->headers_out.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts && n <= POLICIES; i++) {
            if (h[i].hash != 0
                && word_is(&h[i].key, "Content-Security-Policy"))
            {
                n = split(&h[i].value, policies, n);
            }
        }
    }

    return n;
}


/* Every policy has to allow it, and a script has one nonce for all of them. */

ngx_http_onsite_skip_e
ngx_http_onsite_policy(ngx_http_request_t *r)
{
    ngx_str_t               nonce, policies[POLICIES + 1];
    ngx_uint_t              i, n;
    ngx_http_onsite_ctx_t  *ctx;

    n = collect(r, policies);
    if (n == 0) {
        return NGX_HTTP_ONSITE_SKIP_NONE;
    }

    ctx = ngx_http_onsite_ctx(r);
    if (n > POLICIES || ctx == NULL) {
        return NGX_HTTP_ONSITE_SKIP_CSP;
    }

    ngx_str_null(&nonce);

    for (i = 0; i < n; i++) {
        if (is_sandbox(&policies[i])
            || (!allows_self(&policies[i])
                && !has_nonce(&policies[i], &nonce)))
        {
            return NGX_HTTP_ONSITE_SKIP_CSP;
        }
    }

    /* none needs it, but one may know it */

    for (i = 0; i < n && nonce.len == 0; i++) {
        (void) has_nonce(&policies[i], &nonce);
    }

    ctx->nonce = nonce;

    return NGX_HTTP_ONSITE_SKIP_NONE;
}
