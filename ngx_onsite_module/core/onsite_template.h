/*
 * onsite_template.h - campaign content with {{path}} placeholders.
 *
 * Compiled at build: literals stay where they are in the image, each
 * placeholder knows its slot and the context it stands in, and is escaped for
 * that context when rendered.  There is no way to emit a value unescaped.
 */

#ifndef ONSITE_TEMPLATE_H
#define ONSITE_TEMPLATE_H

#include "onsite_attribute.h"
#include "onsite_pieces.h"
#include "onsite_price.h"

typedef enum {
    ONSITE_ESCAPE_TEXT = 0,     /* HTML text, RCDATA                       */
    ONSITE_ESCAPE_ATTRIBUTE,    /* inside a quoted attribute value         */
    ONSITE_ESCAPE_URL,          /* at the start of a URL attribute: only
                                   http, https, mailto, tel and relative
                                   URLs pass, else "#"                     */
    ONSITE_ESCAPE_URL_PART,     /* later in a URL attribute: percent-encoded*/
    ONSITE_ESCAPE_SCRIPT,       /* inside a quoted script string           */
    ONSITE_ESCAPE_JSON,         /* inside a JSON string of content.data    */
    ONSITE_ESCAPE_VALUE,        /* instead of a string of content.data: the
                                   value itself as JSON                    */
    ONSITE_ESCAPES
} onsite_escape_t;

/* What a template is compiled for. */
typedef struct {
    uint32_t          zone;         /* of time.*                           */
    onsite_prices_t  *prices;       /* NULL: price is refused              */
    onsite_error_t   *unbalanced;   /* where HTML closes what it has not
                                       opened, or leaves open: the first
                                       such place, else ""; may be NULL    */
    void            (*tell)(void *data, const char *reason);
                                    /* errors that compiling goes on behind;
                                       NULL: it ends with the first        */
    void             *tell_data;
} onsite_template_site_t;

/*
 * Compiles HTML into b.  {{path}} and sections {{#path}}...{{/path}}
 * (repeated for a list, its first 64 items; once for any other truthy value,
 * in JavaScript's sense) and {{^path}}...{{/path}} (for what is neither).
 * Blanks inside the braces do not matter; braces that mean themselves are
 * written &#123;&#123;.
 *
 * {{path | filter argument | ...}} puts a value through filters, from the left
 * to the right (onsite_template_filter.c); arguments are texts in '...' or
 * "...", numbers, or paths.  {{! a comment }} is nothing.
 *
 * A path begins with a root (onsite_attribute_resolve).  In a section {{.}}
 * is the item of a list, or else the section's own value; {{name}},
 * {{.name}} and {{.name.more}} are below it; so is {{name.more}} where name
 * is no root.  Sections nest at most 4 deep and stand in text or in quoted
 * attributes that are no URL.
 *
 * A placeholder stands in text, in a quoted attribute value, or in a quoted
 * string of a script.  In a URL attribute it is the whole beginning of the
 * URL, or comes after its scheme or first slash; where a URL loads code
 * (script, iframe, object, ...) only behind its host.
 *
 * INVALID, with line and column: an unknown root or name, an unclosed
 * section, a placeholder where no escaping is safe (unquoted attribute, tag
 * or attribute name, style, comment, raw text, a script that is neither
 * JavaScript nor JSON by its type, script outside a string or
 * behind a slash that may begin a regular expression, event-handler
 * attribute, srcset, srcdoc), HTML that ends inside of a tag, comment,
 * script, template, svg or math, or closes a template that it did not open.
 *
 * With site.tell a placeholder that is wrong is told of and passed over; error
 * is then of what could not be passed over (sections that do not close as they
 * open, braces that are not closed, the end), or "".
 */
onsite_status_t onsite_template_compile_html(onsite_builder_t *b,
    onsite_str_t html, onsite_template_site_t site, onsite_ref_t *program,
    uint32_t *roots, onsite_error_t *error);

/* Compiles content.data: JSON whose strings hold placeholders.  A string that
 * is exactly one placeholder without filters becomes the value itself, of its
 * own type; other strings may hold sections, too.  Errors begin with the path
 * in data; with site.tell each string's first one is told. */
onsite_status_t onsite_template_compile_data(onsite_builder_t *b,
    const onsite_value_t *data, onsite_template_site_t site,
    onsite_ref_t *program, uint32_t *roots, onsite_error_t *error);

/* Tells of each path in a text with placeholders, also of filters; list: it
 * opens a section.  What does not compile is passed over. */
void onsite_template_paths(onsite_str_t text, void (*tell)(void *data,
    onsite_str_t path, bool section), void *data);

/* Appends the rendering; an absent value is empty text (null in data).
 * LIMIT: more than ONSITE_HTML_MAX.  program 0 renders nothing. */
onsite_status_t onsite_template_render(onsite_context_t *context,
    onsite_ref_t program, onsite_buf_t *out);

/* The same bytes as pieces: long literals stay in the image, all else goes
 * through scratch (cleared first) into context->arena.  NO_MEMORY: the arena
 * is exhausted. */
onsite_status_t onsite_template_render_pieces(onsite_context_t *context,
    onsite_ref_t program, onsite_buf_t *scratch, onsite_pieces_t *out);

onsite_status_t onsite_template_verify(const onsite_image_t *image,
    onsite_ref_t program, onsite_error_t *error);

/* The top-level event.properties.<key> that it reads; returns how many. */
size_t onsite_template_properties(const onsite_image_t *image,
    onsite_ref_t program, onsite_str_t *keys, size_t max);

#endif
