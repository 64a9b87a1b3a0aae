/*
 * onsite_policy_source.h - words of a Content-Security-Policy, and which of
 * its sources a script matches: for onsite_policy.c alone.
 */

#ifndef ONSITE_POLICY_SOURCE_H
#define ONSITE_POLICY_SOURCE_H

#include "onsite_policy.h"

/* The next part of text up to a separator, or its end, without white space
 * around it; it may be empty.  False: there is none. */
bool onsite_policy_next_part(onsite_str_t *text, char separator,
    onsite_str_t *part);

/* The next word of text, which is shortened by it. */
bool onsite_policy_next_word(onsite_str_t *text, onsite_str_t *word);

/* Without regard to case of ASCII letters. */
bool onsite_policy_same(onsite_str_t a, onsite_str_t b);

/* 'nonce-…': what is behind the dash. */
bool onsite_policy_is_nonce(onsite_str_t word, onsite_str_t *nonce);

/* 'url-sha256-…', with any value that may be one. */
bool onsite_policy_is_url_hash(onsite_str_t word);

/* Whether every hash of the script's integrity, which is not empty, is among
 * the sources. */
bool onsite_policy_has_integrity(onsite_str_t sources, onsite_str_t integrity);

/* A source against the script's URL. */
bool onsite_policy_matches_url(onsite_str_t source,
    const onsite_policy_script_t *script);

#endif
