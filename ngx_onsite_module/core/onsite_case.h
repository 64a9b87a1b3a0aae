/*
 * onsite_case.h - upper and lower case of text, and where it may be cut.
 *
 * Unicode's full mappings (15.0, chapter 3.13) without those of a language:
 * the German sharp s becomes SS, a sigma that ends a word keeps its form, the
 * Turkish i is like all others.
 */

#ifndef ONSITE_CASE_H
#define ONSITE_CASE_H

#include "onsite_types.h"

#define ONSITE_CASE_GROWTH  3       /* times as many bytes at most         */

/* Into out, which has room for ONSITE_CASE_GROWTH * text.len bytes; return
 * how many were written.  Bytes that are no UTF-8 stay what they are. */
size_t onsite_case_upper(onsite_str_t text, char *out);
size_t onsite_case_lower(onsite_str_t text, char *out);

/*
 * The first bytes of text that are at most max code points, text whole when
 * it has no more.  Else one less than max, to leave room for an ellipsis,
 * without blanks at the end; no character is parted from what joins it
 * (marks, modifiers, emoji with their joiners, flags), and no word is cut
 * where whole ones fill half of the room.
 */
size_t onsite_case_cut(onsite_str_t text, size_t max);

#endif
