/*
 * onsite_policy.c - whether a page's Content-Security-Policy lets our script
 * run.
 */

#include "onsite_policy.h"
#include "onsite_policy_source.h"

#define NONCES_MAX     16       /* of one policy, tried for all others     */
#define DIRECTIVE_MAX  160      /* bytes of one that are told              */


static void
add(onsite_policies_t *policies, onsite_str_t text, bool meta)
{
    if (policies->n == ONSITE_POLICIES_MAX || text.len > ONSITE_POLICY_MAX) {
        policies->lost = true;
        return;
    }

    policies->policies[policies->n].text = text;
    policies->policies[policies->n++].meta = meta;
}


static void
add_divided(onsite_policies_t *policies, onsite_str_t text, bool meta)
{
    onsite_str_t  part;

    while (onsite_policy_next_part(&text, ',', &part)) {
        if (part.len != 0) {
            add(policies, part, meta);
        }
    }
}


void
onsite_policies_header(onsite_policies_t *policies, onsite_str_t value)
{
    add_divided(policies, value, false);
}


void
onsite_policies_meta(onsite_policies_t *policies, onsite_str_t content)
{
    add(policies, content, true);

    if (content.len != 0 && memchr(content.data, ',', content.len) != NULL) {
        add_divided(policies, content, true);
    }
}


static bool
is_ascii(onsite_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if ((unsigned char) text.data[i] > 0x7f) {
            return false;
        }
    }

    return true;
}


/* The first directive of a name, and what follows the name in it. */

static bool
find_directive(onsite_str_t policy, onsite_str_t name,
    onsite_str_t *directive, onsite_str_t *rest)
{
    onsite_str_t  word;

    while (onsite_policy_next_part(&policy, ';', directive)) {
        *rest = *directive;

        if (onsite_policy_next_word(rest, &word)
            && onsite_policy_same(word, name) && is_ascii(*directive))
        {
            return true;
        }
    }

    return false;
}


/* The directive that rules script elements; false: none does. */

static bool
find_rule(onsite_str_t policy, onsite_str_t *directive, onsite_str_t *sources)
{
    return find_directive(policy, ONSITE_STR("script-src-elem"), directive,
                          sources)
           || find_directive(policy, ONSITE_STR("script-src"), directive,
                             sources)
           || find_directive(policy, ONSITE_STR("default-src"), directive,
                             sources);
}


static bool
has_word(onsite_str_t words, onsite_str_t wanted)
{
    onsite_str_t  word;

    while (onsite_policy_next_word(&words, &word)) {
        if (onsite_policy_same(word, wanted)) {
            return true;
        }
    }

    return false;
}


static onsite_policy_why_t
check_sandbox(onsite_str_t policy, const onsite_policy_script_t *script,
    onsite_str_t *directive)
{
    onsite_str_t  flags;

    if (!find_directive(policy, ONSITE_STR("sandbox"), directive, &flags)) {
        return ONSITE_POLICY_ALLOWED;
    }

    if (!has_word(flags, ONSITE_STR("allow-scripts"))) {
        return ONSITE_POLICY_SANDBOX;
    }

    return script->integrity.len != 0
           && !has_word(flags, ONSITE_STR("allow-same-origin"))
           ? ONSITE_POLICY_OPAQUE : ONSITE_POLICY_ALLOWED;
}


/* With 'strict-dynamic', or hashes of URLs, as Chromium knows them, hosts and
 * schemes say nothing. */

static bool
is_strict(onsite_str_t sources)
{
    onsite_str_t  word;

    while (onsite_policy_next_word(&sources, &word)) {
        if (onsite_policy_same(word, ONSITE_STR("'strict-dynamic'"))
            || onsite_policy_is_url_hash(word))
        {
            return true;
        }
    }

    return false;
}


/* Whether sources let it run without a nonce. */

static bool
is_allowed(onsite_str_t sources, const onsite_policy_script_t *script)
{
    onsite_str_t  word, rest = sources;

    if (onsite_policy_has_integrity(sources, script->integrity)) {
        return true;
    }

    if (is_strict(sources)) {
        return false;
    }

    while (onsite_policy_next_word(&rest, &word)) {
        if (onsite_policy_matches_url(word, script)) {
            return true;
        }
    }

    return false;
}


/* The next nonce of sources, which are shortened. */

static bool
next_nonce(onsite_str_t *sources, onsite_str_t *nonce)
{
    onsite_str_t  word;

    while (onsite_policy_next_word(sources, &word)) {
        if (onsite_policy_is_nonce(word, nonce)) {
            return true;
        }
    }

    return false;
}


static bool
has_nonce(onsite_str_t sources, onsite_str_t nonce)
{
    onsite_str_t  known;

    while (next_nonce(&sources, &known)) {
        if (onsite_str_eq(known, nonce)) {
            return true;
        }
    }

    return false;
}


/* What the policies that ask for a nonce say of scripts. */
typedef struct {
    size_t        n;
    struct {
        onsite_str_t  directive;
        onsite_str_t  sources;
        bool          meta;
    }             rules[ONSITE_POLICIES_MAX];
    onsite_str_t  offered;          /* a nonce of those that ask for none  */
} needs_t;


static void
refuse(onsite_policy_verdict_t *verdict, onsite_policy_why_t why,
    onsite_str_t directive, bool meta)
{
    verdict->why = why;
    verdict->directive = directive;
    verdict->meta = meta;
}


/* One policy by itself; whether it forbids the script, with any nonce. */

static bool
forbids(onsite_str_t policy, bool meta, const onsite_policy_script_t *script,
    needs_t *needs, onsite_policy_verdict_t *verdict)
{
    onsite_str_t         directive, sources, nonce, rest;
    onsite_policy_why_t  why;

    why = meta ? ONSITE_POLICY_ALLOWED
               : check_sandbox(policy, script, &directive);

    if (why != ONSITE_POLICY_ALLOWED) {
        refuse(verdict, why, directive, meta);
        return true;
    }

    if (!find_rule(policy, &directive, &sources)) {
        return false;
    }

    rest = sources;

    if (is_allowed(sources, script)) {
        if (needs->offered.len == 0 && next_nonce(&rest, &nonce)) {
            needs->offered = nonce;
        }

        return false;
    }

    if (!next_nonce(&rest, &nonce)) {
        why = is_strict(sources)
              ? ONSITE_POLICY_STRICT : ONSITE_POLICY_SOURCES;
        refuse(verdict, why, directive, meta);
        return true;
    }

    needs->rules[needs->n].directive = directive;
    needs->rules[needs->n].sources = sources;
    needs->rules[needs->n++].meta = meta;

    return false;
}


/* The first nonce of the first one that all others know, too. */

static void
choose_nonce(const needs_t *needs, onsite_policy_verdict_t *verdict)
{
    size_t        i, tried;
    onsite_str_t  nonce, sources;

    if (needs->n == 0) {
        verdict->nonce = needs->offered;
        return;
    }

    sources = needs->rules[0].sources;

    for (tried = 0; tried < NONCES_MAX; tried++) {
        if (!next_nonce(&sources, &nonce)) {
            break;
        }

        for (i = 1; i < needs->n; i++) {
            if (!has_nonce(needs->rules[i].sources, nonce)) {
                break;
            }
        }

        if (i == needs->n) {
            verdict->nonce = nonce;
            return;
        }
    }

    refuse(verdict, ONSITE_POLICY_NONCES, needs->rules[needs->n - 1].directive,
           needs->rules[needs->n - 1].meta);
}


void
onsite_policy_judge(const onsite_policies_t *policies,
    const onsite_policy_script_t *script, onsite_policy_verdict_t *verdict)
{
    size_t   i;
    needs_t  needs;

    needs.n = 0;
    needs.offered = onsite_str(NULL, 0);

    memset(verdict, 0, sizeof(*verdict));

    if (policies->lost) {
        verdict->why = ONSITE_POLICY_LOST;
        return;
    }

    for (i = 0; i < policies->n; i++) {
        if (forbids(policies->policies[i].text, policies->policies[i].meta,
                    script, &needs, verdict))
        {
            return;
        }
    }

    choose_nonce(&needs, verdict);
}


/* What is to be done about it. */

static const char *
advice(onsite_policy_why_t why)
{
    switch (why) {
    case ONSITE_POLICY_SOURCES:
        return "add 'self' to script-src, or a nonce";
    case ONSITE_POLICY_STRICT:
        return "with 'strict-dynamic' or 'url-...' it needs a nonce";
    case ONSITE_POLICY_NONCES:
        return "give all policies the same nonce";
    case ONSITE_POLICY_SANDBOX:
        return "add allow-scripts";
    case ONSITE_POLICY_OPAQUE:
        return "add allow-same-origin";
    default:
        return "send fewer or shorter policies";
    }
}


/* A meta's content may have lines. */

static void
append_told(onsite_buf_t *out, onsite_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len && i < DIRECTIVE_MAX; i++) {
        onsite_buf_char(out, text.data[i] < ' ' || text.data[i] == 0x7f
                             ? ' ' : text.data[i]);
    }

    if (i < text.len) {
        onsite_buf_printf(out, "...");
    }
}


void
onsite_policy_explain(const onsite_policy_verdict_t *verdict,
    onsite_buf_t *out)
{
    if (verdict->why == ONSITE_POLICY_LOST) {
        onsite_buf_printf(out, "more Content-Security-Policies than %d, or "
                          "one over %d bytes", ONSITE_POLICIES_MAX,
                          ONSITE_POLICY_MAX);

    } else {
        onsite_buf_char(out, '"');
        append_told(out, verdict->directive);
        onsite_buf_printf(out, "\" of the Content-Security-Policy in %s",
                          verdict->meta ? "a meta element" : "its header");
    }

    onsite_buf_printf(out, " would not let our script run: %s",
                      advice(verdict->why));
}
