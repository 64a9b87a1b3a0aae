/*
 * onsite_policy.h - whether a page's Content-Security-Policy lets our script
 * run.
 *
 * Content Security Policy Level 3 (W3C): parsing 2.2, fallback of script-src-
 * elem 6.8.3, matching 6.7.1.1 (script directives) and 6.7.2 (nonce, integrity,
 * URLs), sandbox 6.3.2; policies of metas as in HTML 4.2.5.3.  The script is
 * one that the parser inserts, with a src on the page's own origin.
 *
 * Where browsers and the specification part, it is allowed only if both let
 * it: a meta's policy has to allow it whole and as its commas divide it.  Of
 * one thing the browsers' way is taken: a host that is an address matches
 * itself.
 */

#ifndef ONSITE_POLICY_H
#define ONSITE_POLICY_H

#include "onsite_buf.h"
#include "onsite_limits.h"

/* The policies of a page; they point into the caller's memory. */
typedef struct {
    size_t        n;
    bool          lost;         /* there were more, or one over its bound  */
    struct {
        onsite_str_t  text;
        bool          meta;
    }             policies[ONSITE_POLICIES_MAX];
} onsite_policies_t;

static inline void
onsite_policies_init(onsite_policies_t *policies)
{
    policies->n = 0;
    policies->lost = false;
}

/* The value of a header, in which commas divide policies. */
void onsite_policies_header(onsite_policies_t *policies, onsite_str_t value);

/* The content of a meta that stands in front of the script: there report-uri,
 * frame-ancestors and sandbox say nothing. */
void onsite_policies_meta(onsite_policies_t *policies, onsite_str_t content);


/* The script's URL, whose origin is the page's, as the browser knows it. */
typedef struct {
    bool          secure;       /* https, not http                         */
    onsite_str_t  host;         /* without port; in any case               */
    uint32_t      port;         /* 0: the scheme's                         */
    onsite_str_t  path;         /* without query                           */
    onsite_str_t  integrity;    /* "sha384-…"; empty: none                 */
} onsite_policy_script_t;

typedef enum {
    ONSITE_POLICY_ALLOWED = 0,
    ONSITE_POLICY_SOURCES,      /* the directive has no source for it      */
    ONSITE_POLICY_STRICT,       /* nor nonce nor hash, and 'strict-dynamic'
                                   makes its URLs count for nothing        */
    ONSITE_POLICY_NONCES,       /* no nonce is known to all that ask for one,
                                   the directive is one of those           */
    ONSITE_POLICY_SANDBOX,      /* without allow-scripts                   */
    ONSITE_POLICY_OPAQUE,       /* sandbox without allow-same-origin: nothing
                                   is same-origin, which integrity asks for*/
    ONSITE_POLICY_LOST          /* too many, or one too long               */
} onsite_policy_why_t;

typedef struct {
    onsite_policy_why_t  why;
    onsite_str_t         nonce;     /* to be put on it; empty: none        */
    onsite_str_t         directive; /* that refuses: "default-src 'none'"  */
    bool                 meta;      /* it is a meta's                      */
} onsite_policy_verdict_t;

/* Every policy has to allow it, and a script has one nonce for all of them: so
 * the verdict on headers and metas is one.  Where none needs a nonce, one that
 * is known is given all the same. */
void onsite_policy_judge(const onsite_policies_t *policies,
    const onsite_policy_script_t *script, onsite_policy_verdict_t *verdict);

/* For a person, what refuses the script, and what to add to the policy. */
void onsite_policy_explain(const onsite_policy_verdict_t *verdict,
    onsite_buf_t *out);

#endif
