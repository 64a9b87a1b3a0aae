/*
 * onsite_template_tag.c - reading what stands in {{ }}: paths, sections,
 * filters and their arguments.
 */

#include "onsite_definition.h"
#include "onsite_template_program.h"

/* What a filter takes. */
static const struct {
    const char  *name;
    unsigned     least;
    unsigned     most;
    unsigned     kinds;             /* bits 1 << onsite_template_arg_kind_t*/
    const char  *takes;
    const char  *example;
} filters[ONSITE_TEMPLATE_FILTER_CODES] = {
    { "default", 1, 1, 1u << ONSITE_TEMPLATE_ARG_TEXT
                       | 1u << ONSITE_TEMPLATE_ARG_NUMBER
                       | 1u << ONSITE_TEMPLATE_ARG_PATH,
      "one text, number or path", "default \"friend\"" },
    { "truncate", 1, 1, 1u << ONSITE_TEMPLATE_ARG_NUMBER,
      "one number of characters", "truncate 40" },
    { "upper", 0, 0, 0, "nothing", "upper" },
    { "lower", 0, 0, 0, "nothing", "lower" },
    { "price", 0, 2, 1u << ONSITE_TEMPLATE_ARG_TEXT
                     | 1u << ONSITE_TEMPLATE_ARG_PATH,
      "a currency and a locale, texts in quotes or paths",
      "price \"EUR\" or price \"EUR\" \"de-DE\"" },
};

static const char *const  names[] = {
    "default", "truncate", "upper", "lower", "price", NULL
};


static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}


static onsite_str_t
trim(onsite_str_t s)
{
    while (s.len != 0 && is_blank(s.data[0])) {
        s = onsite_str(s.data + 1, s.len - 1);
    }

    while (s.len != 0 && is_blank(s.data[s.len - 1])) {
        s.len--;
    }

    return s;
}


static void
skip_blanks(onsite_template_maker_t *maker)
{
    while (maker->pos < maker->text.len
           && is_blank(maker->text.data[maker->pos]))
    {
        maker->pos++;
    }
}


static bool
looking_at(const onsite_template_maker_t *maker, const char *two)
{
    return maker->text.len - maker->pos >= 2
           && memcmp(maker->text.data + maker->pos, two, 2) == 0;
}


/* A filter, its arguments or the braces end here. */

static bool
at_end(const onsite_template_maker_t *maker)
{
    return maker->pos == maker->text.len || looking_at(maker, "}}")
           || maker->text.data[maker->pos] == '|';
}


static onsite_status_t
unclosed(onsite_template_maker_t *maker, size_t at)
{
    return onsite_template_error(maker, at, "\"{{\" without \"}}\": close it,"
                                 " or write &#123;&#123; for braces that mean"
                                 " themselves");
}


static onsite_status_t
read_quoted(onsite_template_maker_t *maker, onsite_template_word_t *word)
{
    size_t       start = maker->pos;
    const char  *p = maker->text.data;

    for (maker->pos++; maker->pos < maker->text.len; maker->pos++) {

        if (p[maker->pos] == p[start]) {
            maker->pos++;
            word->kind = ONSITE_TEMPLATE_ARG_TEXT;
            word->text = onsite_str(p + start, maker->pos - start);
            return ONSITE_OK;
        }

        maker->pos += p[maker->pos] == '\\';
    }

    return onsite_template_error(maker, start, "a text without its closing"
                                 " quote");
}


static bool
is_number(onsite_str_t s)
{
    size_t  i, from = s.len != 0 && s.data[0] == '-';
    bool    point = false;

    for (i = from; i < s.len; i++) {
        if (s.data[i] == '.' && !point && i > from && i + 1 < s.len) {
            point = true;

        } else if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
    }

    return s.len > from;
}


static onsite_str_t
read_bare(onsite_template_maker_t *maker)
{
    size_t  start = maker->pos;

    while (!at_end(maker) && !is_blank(maker->text.data[maker->pos])
           && strchr("\"'", maker->text.data[maker->pos]) == NULL)
    {
        maker->pos++;
    }

    return onsite_str(maker->text.data + start, maker->pos - start);
}


static onsite_status_t
read_word(onsite_template_maker_t *maker, onsite_template_word_t *word)
{
    char  c = maker->text.data[maker->pos];

    word->at = maker->pos;

    if (c == '"' || c == '\'') {
        return read_quoted(maker, word);
    }

    word->text = read_bare(maker);

    if (word->text.len == 0) {
        return onsite_template_error(maker, maker->pos, "an argument is a"
                                     " text in quotes, a number or a path");
    }

    word->kind = is_number(word->text) ? ONSITE_TEMPLATE_ARG_NUMBER
                                       : ONSITE_TEMPLATE_ARG_PATH;

    return ONSITE_OK;
}


static onsite_status_t
read_name(onsite_template_maker_t *maker, onsite_template_call_t *call)
{
    const char    *meant;
    unsigned       i;
    onsite_str_t   name;

    call->at = maker->pos;
    name = read_bare(maker);

    for (i = 0; names[i] != NULL; i++) {
        if (onsite_str_eq(name, onsite_str(names[i], strlen(names[i])))) {
            call->code = (onsite_template_filter_code_t) i;
            return ONSITE_OK;
        }
    }

    meant = onsite_definition_nearest(name, names);

    if (meant != NULL) {
        return onsite_template_error(maker, call->at, "there is no filter"
                                     " \"%.*s\": did you mean \"%s\"?",
                                     (int) name.len, name.data, meant);
    }

    return onsite_template_error(maker, call->at, "there is no filter"
                                 " \"%.*s\": there are default, truncate,"
                                 " upper, lower and price",
                                 (int) name.len, name.data);
}


static onsite_status_t
misused(onsite_template_maker_t *maker, const onsite_template_call_t *call)
{
    return onsite_template_error(maker, call->at, "%s takes %s: write"
                                 " %s", filters[call->code].name,
                                 filters[call->code].takes,
                                 filters[call->code].example);
}


/* Behind a "|". */

static onsite_status_t
read_call(onsite_template_maker_t *maker, onsite_template_call_t *call)
{
    onsite_status_t          status;
    onsite_template_word_t  *word;

    skip_blanks(maker);
    status = read_name(maker, call);
    call->n = 0;

    for (skip_blanks(maker); status == ONSITE_OK && !at_end(maker);
         skip_blanks(maker))
    {
        if (call->n == filters[call->code].most) {
            return misused(maker, call);
        }

        word = &call->args[call->n++];
        status = read_word(maker, word);

        if (status == ONSITE_OK
            && !(filters[call->code].kinds & 1u << word->kind))
        {
            return misused(maker, call);
        }
    }

    if (status == ONSITE_OK && call->n < filters[call->code].least) {
        return misused(maker, call);
    }

    return status;
}


static onsite_status_t
read_calls(onsite_template_maker_t *maker, onsite_template_tag_t *tag)
{
    onsite_status_t  status;

    while (maker->pos < maker->text.len
           && maker->text.data[maker->pos] == '|')
    {
        if (tag->kind != ONSITE_TEMPLATE_TAG_VALUE) {
            return onsite_template_error(maker, maker->pos, "a section takes"
                                         " no filters: put them into the"
                                         " placeholders inside");
        }

        if (tag->n_calls == ONSITE_TEMPLATE_FILTERS) {
            return onsite_template_error(maker, maker->pos, "a placeholder"
                                         " has at most %d filters",
                                         ONSITE_TEMPLATE_FILTERS);
        }

        maker->pos++;
        status = read_call(maker, &tag->calls[tag->n_calls]);

        if (status != ONSITE_OK) {
            return status;
        }

        tag->n_calls++;
    }

    return ONSITE_OK;
}


static onsite_status_t
read_comment(onsite_template_maker_t *maker, onsite_template_tag_t *tag)
{
    const char  *start = maker->text.data + maker->pos, *end;

    end = memmem(start, maker->text.len - maker->pos, "}}", 2);

    if (end == NULL) {
        return unclosed(maker, tag->at);
    }

    tag->kind = ONSITE_TEMPLATE_TAG_COMMENT;
    tag->path = onsite_str(start, 0);
    tag->end = maker->pos + (size_t) (end - start) + 2;

    return ONSITE_OK;
}


/* The sign behind the braces, if there is one. */

static onsite_status_t
read_kind(onsite_template_maker_t *maker, onsite_template_tag_t *tag)
{
    char  c = maker->pos < maker->text.len ? maker->text.data[maker->pos]
                                           : '}';

    switch (c) {

    case '#':
        tag->kind = ONSITE_TEMPLATE_TAG_OPEN;
        break;

    case '^':
        tag->kind = ONSITE_TEMPLATE_TAG_OPEN_NOT;
        break;

    case '/':
        tag->kind = ONSITE_TEMPLATE_TAG_CLOSE;
        break;

    case '{':
    case '&':
        return onsite_template_error(maker, tag->at, "there is no unescaped"
                                     " output: write {{path}}");

    case '>':
    case '=':
        return onsite_template_error(maker, tag->at, "there are no partials"
                                     " and no other delimiters: write what is"
                                     " to stand here");

    default:
        return ONSITE_OK;
    }

    maker->pos++;

    return ONSITE_OK;
}


/* Up to the filters or the closing braces. */

static void
read_path(onsite_template_maker_t *maker, onsite_template_tag_t *tag)
{
    size_t  start = maker->pos;

    while (!at_end(maker)) {
        maker->pos++;
    }

    tag->path = trim(onsite_str(maker->text.data + start,
                                maker->pos - start));
}


onsite_status_t
onsite_template_read_tag(onsite_template_maker_t *maker,
    onsite_template_tag_t *tag)
{
    onsite_status_t  status;

    tag->at = maker->pos;
    tag->kind = ONSITE_TEMPLATE_TAG_VALUE;
    tag->n_calls = 0;

    maker->pos += 2;
    skip_blanks(maker);

    if (maker->pos < maker->text.len && maker->text.data[maker->pos] == '!') {
        return read_comment(maker, tag);
    }

    status = read_kind(maker, tag);

    if (status == ONSITE_OK) {
        read_path(maker, tag);
        status = read_calls(maker, tag);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    if (!looking_at(maker, "}}")) {
        return unclosed(maker, tag->at);
    }

    tag->end = maker->pos + 2;

    return ONSITE_OK;
}


/* What is inside of braces holds no sign that they end elsewhere: markup,
 * other braces, a quote that is not closed. */

static bool
is_alone(onsite_str_t inside)
{
    char    quote = '\0';
    size_t  i;

    for (i = 0; i < inside.len; i++) {
        if (strchr("<>{", inside.data[i]) != NULL) {
            return false;
        }

        if (quote == '\0'
            && (inside.data[i] == '"' || inside.data[i] == '\''))
        {
            quote = inside.data[i];

        } else if (inside.data[i] == quote) {
            quote = '\0';
        }
    }

    return quote == '\0';
}


onsite_status_t
onsite_template_pass_tag(onsite_template_maker_t *maker,
    onsite_template_tag_t *tag, onsite_status_t status)
{
    size_t        from = tag->at + 2;
    const char   *end, *text = maker->text.data;

    if (tag->kind != ONSITE_TEMPLATE_TAG_VALUE) {
        return status;
    }

    /* "{{{path}}}" and "{{> partial}}" are errors, but clear ones */

    from += from < maker->text.len
            && (text[from] == '{' || text[from] == '>');
    end = memmem(text + from, maker->text.len - from, "}}", 2);

    if (end == NULL
        || !is_alone(onsite_str(text + from, (size_t) (end - text) - from)))
    {
        return status;
    }

    tag->end = (size_t) (end - text) + 2;
    tag->end += text[tag->at + 2] == '{' && tag->end < maker->text.len
                && text[tag->end] == '}';

    return onsite_template_pass(maker, status);
}


static void
tell_tag(const onsite_template_tag_t *tag,
    void (*tell)(void *data, onsite_str_t path, bool section), void *data)
{
    unsigned                       i, k;
    const onsite_template_call_t  *call;

    if (tag->kind == ONSITE_TEMPLATE_TAG_COMMENT
        || tag->kind == ONSITE_TEMPLATE_TAG_CLOSE)
    {
        return;
    }

    tell(data, tag->path, tag->kind != ONSITE_TEMPLATE_TAG_VALUE);

    for (i = 0; i < tag->n_calls; i++) {
        call = &tag->calls[i];

        for (k = 0; k < call->n; k++) {
            if (call->args[k].kind == ONSITE_TEMPLATE_ARG_PATH) {
                tell(data, call->args[k].text, false);
            }
        }
    }
}


void
onsite_template_paths(onsite_str_t text,
    void (*tell)(void *data, onsite_str_t path, bool section), void *data)
{
    const char               *found;
    onsite_template_tag_t     tag;
    onsite_template_maker_t   maker = { .text = text };

    while (maker.text.len - maker.pos >= 2) {
        found = memmem(text.data + maker.pos, text.len - maker.pos, "{{", 2);

        if (found == NULL) {
            return;
        }

        maker.pos = (size_t) (found - text.data);

        if (onsite_template_read_tag(&maker, &tag) != ONSITE_OK) {
            return;
        }

        tell_tag(&tag, tell, data);
        maker.pos = tag.end;
    }
}
