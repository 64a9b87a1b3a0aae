/*
 * onsite_preview.h - links that show one campaign in its page to who holds
 * them: https://shop.example/landing/?onsite_preview=TOKEN
 *
 * The token is base64url, without padding, of: a version byte (1); when it
 * expires, 8 bytes big-endian; the page's tag; campaign and variant, each
 * behind a byte of its length; and the tag of all before, "preview".  The
 * page's tag is "preview page" of the host in lower case without port, NUL,
 * and the path, percent-decoded.  Both are of the site (onsite_signer_tag).
 */

#ifndef ONSITE_PREVIEW_H
#define ONSITE_PREVIEW_H

#include "onsite_id.h"
#include "onsite_limits.h"
#include "onsite_value.h"

#define ONSITE_PREVIEW_MAX  512         /* bytes of a token                */


/* The page it is for.  host: in any case, without port; path: as in the
 * request line, without query. */
typedef struct {
    onsite_str_t  host;
    onsite_str_t  path;
} onsite_preview_page_t;

typedef struct {
    onsite_str_t  campaign;
    onsite_str_t  variant;      /* empty: the one of a campaign without any*/
    onsite_ms_t   expires;      /* first moment at which it is worth nothing*/
} onsite_preview_t;

typedef enum {
    ONSITE_PREVIEW_VALID = 0,
    ONSITE_PREVIEW_FORGED,      /* not signed with this secret for this site*/
    ONSITE_PREVIEW_EXPIRED,
    ONSITE_PREVIEW_OTHER_PAGE
} onsite_preview_verdict_t;

/* Text into out (ONSITE_PREVIEW_MAX bytes); returns its length, 0 when an id is
 * over 255 bytes or both are too long, host over ONSITE_PREVIEW_HOST_MAX or
 * path over ONSITE_PREVIEW_PATH_MAX bytes. */
size_t onsite_preview_sign(const onsite_signer_t *signer, onsite_str_t site,
    const onsite_preview_page_t *page, const onsite_preview_t *preview,
    char *out);

/* preview is filled where VALID is returned: its strings point into scratch
 * (ONSITE_PREVIEW_MAX bytes). */
onsite_preview_verdict_t onsite_preview_verify(const onsite_signer_t *signer,
    onsite_str_t site, const onsite_preview_page_t *page, onsite_str_t text,
    onsite_ms_t now, char *scratch, onsite_preview_t *preview);


/* The value of onsite_preview in a query string; len 0: there is none. */
onsite_str_t onsite_preview_token(onsite_str_t args);

/*
 * text without onsite_preview, for what is told of a page: a query string, or
 * (args false) a URL or "?" and a query string.  Anywhere else in it, as in
 * another argument's value, what follows "onsite_preview=", percent-encoded
 * however often, is taken out.  All else stays as it is; a "?" that nothing
 * follows goes.  text itself where there is nothing to take out, else a copy
 * in the arena, empty when memory is out.
 */
onsite_str_t onsite_preview_strip(onsite_arena_t *arena, onsite_str_t text,
    bool args);

/* The same for every string in value. */
void onsite_preview_scrub(onsite_arena_t *arena, onsite_value_t *value);

#endif
