/*
 * onsite_inject_where.c - what the template compiler asks: in which context a
 * placeholder stands.
 */

#include "onsite_inject_tree.h"


bool
onsite_inject_in_script(const onsite_inject_t *inject)
{
    return inject->state >= ONSITE_SCAN_RAW
           && inject->state < ONSITE_SCAN_COPY
           && inject->text == SCRIPT;
}


static onsite_html_where_t
where_in_text(const onsite_inject_t *inject)
{
    uint64_t  name = inject->depth != 0 ? inject->names[inject->depth - 1] : 0;

    if (onsite_inject_foreign(inject)) {

        if (name == SCRIPT) {
            return ONSITE_HTML_RAWTEXT;
        }

        if (name == STYLE) {
            return ONSITE_HTML_STYLE;
        }
    }

    return ONSITE_HTML_TEXT;
}


/* In the middle of what may become an end tag, or a comment of a script, the
 * next bytes decide: that is not text. */

static onsite_html_where_t
where_in_raw(const onsite_inject_t *inject)
{
    switch (inject->state) {

    case ONSITE_SCAN_RAW:
    case ONSITE_SCAN_SCRIPT:
    case ONSITE_SCAN_ESCAPED:
    case ONSITE_SCAN_TWICE:
        break;

    default:
        return ONSITE_HTML_TAG;
    }

    if (inject->text == TITLE
        || inject->text == TEXTAREA)
    {
        return ONSITE_HTML_TEXT;
    }

    if (inject->text == STYLE) {
        return ONSITE_HTML_STYLE;
    }

    return onsite_inject_in_script(inject) ? ONSITE_HTML_SCRIPT
                                           : ONSITE_HTML_RAWTEXT;
}


onsite_html_where_t
onsite_inject_where(const onsite_inject_t *inject)
{
    switch (inject->state) {

    case ONSITE_SCAN_DATA:
        return where_in_text(inject);

    case ONSITE_SCAN_VALUE_DOUBLE:
        return ONSITE_HTML_VALUE_DOUBLE;

    case ONSITE_SCAN_VALUE_SINGLE:
        return ONSITE_HTML_VALUE_SINGLE;

    case ONSITE_SCAN_VALUE_UNQUOTED:
    case ONSITE_SCAN_BEFORE_VALUE:
        return ONSITE_HTML_VALUE_UNQUOTED;

    case ONSITE_SCAN_COPY:
        return ONSITE_HTML_RAWTEXT;

    default:
        break;
    }

    if (inject->state <= ONSITE_SCAN_SLASH) {
        return ONSITE_HTML_TAG;
    }

    return inject->state <= ONSITE_SCAN_CDATA_END ? ONSITE_HTML_COMMENT
                                                  : where_in_raw(inject);
}


/* Where the scanner gave up it most likely is text, or a value. */

bool
onsite_inject_references(const onsite_inject_t *inject)
{
    switch (inject->state) {

    case ONSITE_SCAN_DATA:
    case ONSITE_SCAN_BEFORE_VALUE:
    case ONSITE_SCAN_VALUE_DOUBLE:
    case ONSITE_SCAN_VALUE_SINGLE:
    case ONSITE_SCAN_VALUE_UNQUOTED:
    case ONSITE_SCAN_COPY:
        return true;

    case ONSITE_SCAN_RAW:
        return inject->text == TITLE || inject->text == TEXTAREA
               || inject->text == NOSCRIPT;

    default:
        return false;
    }
}


onsite_str_t
onsite_inject_attribute(const onsite_inject_t *inject, bool *value_started)
{
    *value_started = inject->value_started;

    return onsite_str(inject->attribute, inject->attribute_len);
}


bool
onsite_inject_in_tag(const onsite_inject_t *inject, onsite_str_t name)
{
    return inject->name == onsite_inject_name(name);
}


/* What of the tag being read is still going to matter. */

static bool
same_tag(const onsite_inject_t *a, const onsite_inject_t *b)
{
    return a->name == b->name && a->end_tag == b->end_tag
           && a->attribute_len == b->attribute_len
           && memcmp(a->attribute, b->attribute, a->attribute_len) == 0;
}


bool
onsite_inject_same(const onsite_inject_t *a, const onsite_inject_t *b)
{
    if (a->state != b->state || a->lost != b->lost || a->stray != b->stray
        || a->in_select != b->in_select || a->depth != b->depth)
    {
        return false;
    }

    if (a->state != ONSITE_SCAN_DATA && a->state <= ONSITE_SCAN_SLASH
        && !same_tag(a, b))
    {
        return false;
    }

    return (a->state < ONSITE_SCAN_RAW || a->text == b->text)
           && memcmp(a->kinds, b->kinds, a->depth) == 0
           && memcmp(a->names, b->names, a->depth * sizeof(uint64_t)) == 0;
}


bool
onsite_inject_balanced(const onsite_inject_t *inject)
{
    return inject->state == ONSITE_SCAN_DATA && inject->depth == 0
           && !inject->stray;
}
