/*
 * onsite_json.c - JSON text into values.
 *
 * jsmn finds the tokens, which tells how many members and items each
 * container has before any is read, but it lets through much that is not
 * JSON.  So its tokens are hints: the walk below reads the text by RFC 8259's
 * grammar and takes from a token only what it has checked.
 */

#include "onsite_json.h"
#include "onsite_json_scalar.h"
#include "onsite_limits.h"

#include <stdio.h>
#include <stdlib.h>

#define JSMN_STATIC
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#define TEXT_MAX      (64 * 1024 * 1024)
#define TOKENS_MAX    (2 * ONSITE_JSON_NODES_MAX)   /* keys are tokens too  */

/* Closing a bracket costs jsmn a walk through all parents of its last token,
 * which a deep document makes quadratic: so it gets tokens for a few steps at
 * a time, and depth is looked at in between. */
#define TOKENS_STEP   256
/* that many containers, one too many, and a key in each */
#define PARENTS_MAX   (2 * ONSITE_JSON_DEPTH_MAX + 2)

struct onsite_json_s {
    jsmntok_t  *tokens;
    uint32_t    capacity;
};

typedef struct {
    onsite_arena_t   *arena;
    onsite_error_t   *error;
    char             *text;         /* a copy in the arena, NUL behind it;
                                       strings lose their escapes in it    */
    onsite_str_t      source;       /* as it came, for errors              */
    size_t            len;
    size_t            at;           /* the next byte to read               */
    const jsmntok_t  *tokens;
    uint32_t          n_tokens;
    uint32_t          next;         /* token                               */
    uint32_t          values;
    uint32_t          depth;
} walk_t;

static onsite_status_t read_value(walk_t *walk, onsite_value_t *value);


onsite_json_t *
onsite_json_create(void)
{
    onsite_json_t  *json;

    json = calloc(1, sizeof(onsite_json_t));
    if (json == NULL) {
        return NULL;
    }

    json->capacity = TOKENS_STEP;
    json->tokens = malloc(TOKENS_STEP * sizeof(jsmntok_t));

    if (json->tokens == NULL) {
        onsite_json_destroy(json);
        return NULL;
    }

    return json;
}


void
onsite_json_destroy(onsite_json_t *json)
{
    if (json != NULL) {
        free(json->tokens);
        free(json);
    }
}


/* "3:14": line and column, in bytes, as templates have them. */

typedef struct {
    char  text[48];
} place_t;


static place_t
place_of(onsite_str_t text, size_t at)
{
    size_t   i, line = 1, column = 1;
    place_t  place;

    for (i = 0; i < at && i < text.len; i++) {
        if (text.data[i] == '\n') {
            line++;
            column = 1;

        } else {
            column++;
        }
    }

    (void) snprintf(place.text, sizeof(place.text), "%zu:%zu", line, column);

    return place;
}


static onsite_status_t
not_json(onsite_error_t *error, onsite_str_t text, size_t at,
    const char *what)
{
    return error == NULL ? ONSITE_INVALID
           : onsite_error(error, ONSITE_INVALID, "bad JSON at %s: %s",
                          place_of(text, at).text, what);
}


static onsite_status_t
too_deep(onsite_error_t *error, onsite_str_t text, size_t at)
{
    return error == NULL ? ONSITE_LIMIT
           : onsite_error(error, ONSITE_LIMIT, "JSON at %s is nested deeper"
                          " than %d", place_of(text, at).text,
                          ONSITE_JSON_DEPTH_MAX);
}


static onsite_status_t
check_depth(const jsmn_parser *parser, const jsmntok_t *tokens,
    onsite_str_t text, onsite_error_t *error)
{
    int       i;
    uint32_t  parents, containers;

    parents = containers = 0;

    for (i = parser->toksuper; i != -1; i = tokens[i].parent) {
        containers += tokens[i].type == JSMN_OBJECT
                      || tokens[i].type == JSMN_ARRAY;

        if (containers > ONSITE_JSON_DEPTH_MAX) {
            return too_deep(error, text, parser->pos);
        }

        if (++parents > PARENTS_MAX) {
            return not_json(error, text, parser->pos, "unexpected ':'");
        }
    }

    return ONSITE_OK;
}


static onsite_status_t
grow(onsite_json_t *json, onsite_error_t *error)
{
    uint32_t    capacity;
    jsmntok_t  *tokens;

    if (json->capacity >= TOKENS_MAX) {
        return onsite_error(error, ONSITE_LIMIT,
                            "JSON holds more than %d values",
                            ONSITE_JSON_NODES_MAX);
    }

    capacity = json->capacity * 2 < TOKENS_MAX ? json->capacity * 2
                                               : TOKENS_MAX;

    tokens = realloc(json->tokens, capacity * sizeof(jsmntok_t));
    if (tokens == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    json->tokens = tokens;
    json->capacity = capacity;

    return ONSITE_OK;
}


static onsite_status_t
tokenise(onsite_json_t *json, onsite_str_t text, uint32_t *n,
    onsite_error_t *error)
{
    int              rc;
    uint32_t         given;
    jsmn_parser      parser;
    onsite_status_t  status;

    jsmn_init(&parser);

    for (given = TOKENS_STEP; /* void */ ; given += TOKENS_STEP) {

        if (given > json->capacity) {
            status = grow(json, error);
            if (status != ONSITE_OK) {
                return status;
            }

            given = given < json->capacity ? given : json->capacity;
        }

        rc = jsmn_parse(&parser, text.data, text.len, json->tokens, given);
        if (rc != JSMN_ERROR_NOMEM) {
            break;
        }

        status = check_depth(&parser, json->tokens, text, error);
        if (status != ONSITE_OK) {
            return status;
        }
    }

    *n = parser.toknext;

    if (rc == JSMN_ERROR_PART && parser.pos == text.len) {
        return not_json(error, text, text.len, "it ends too early");
    }

    if (rc < 0 || parser.pos != text.len) {
        return not_json(error, text, parser.pos, "unexpected character");
    }

    return ONSITE_OK;
}


static inline void
skip_space(walk_t *walk)
{
    const char  *p = walk->text + walk->at;

    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') {
        p++;
    }

    walk->at = (size_t) (p - walk->text);
}


static onsite_status_t
wrong(walk_t *walk, size_t at, const char *what)
{
    return not_json(walk->error, walk->source, at, what);
}


static onsite_status_t
unexpected(walk_t *walk)
{
    return wrong(walk, walk->at, walk->at < walk->len
                                 ? "unexpected character"
                                 : "it ends too early");
}


/* Behind the last item that was counted, where the bracket is not. */

static onsite_status_t
not_left(walk_t *walk)
{
    size_t  comma = walk->at;

    if (walk->text[comma] == ',') {
        walk->at++;
        skip_space(walk);

        if (walk->text[walk->at] == ']' || walk->text[walk->at] == '}') {
            return wrong(walk, comma, "a trailing comma: remove it");
        }

        walk->at = comma;
    }

    return unexpected(walk);
}


/* The token that begins at the byte to read, if it is of this type. */

static inline const jsmntok_t *
take_token(walk_t *walk, jsmntype_t type, size_t quote)
{
    const jsmntok_t  *token;

    if (walk->next >= walk->n_tokens) {
        return NULL;
    }

    token = &walk->tokens[walk->next];

    if (token->type != type || (size_t) token->start != walk->at + quote) {
        return NULL;
    }

    walk->next++;

    return token;
}


/* jsmn's token is right, so this is what was wrong with a string. */

static onsite_status_t
bad_control(walk_t *walk, size_t at)
{
    switch (walk->source.data[at]) {

    case '\n':
    case '\r':
        return wrong(walk, at, "unescaped control character, a line break in"
                               " a string: write \\n");

    case '\t':
        return wrong(walk, at, "unescaped control character, a tab in a"
                               " string: write \\t");

    default:
        return wrong(walk, at, "unescaped control character in a string:"
                               " write \\u and its four hex digits");
    }
}


static onsite_status_t
read_string(walk_t *walk, onsite_str_t *str)
{
    size_t            bad;
    const jsmntok_t  *token;

    token = take_token(walk, JSMN_STRING, 1);
    if (token == NULL) {
        return unexpected(walk);
    }

    str->data = walk->text + token->start;
    str->len = (size_t) (token->end - token->start);

    if (!onsite_json_unescape(walk->text + token->start, &str->len, &bad)) {
        return bad_control(walk, (size_t) token->start + bad);
    }

    walk->at = (size_t) token->end + 1;

    return ONSITE_OK;
}


static bool
is_word(const walk_t *walk, size_t len, onsite_str_t word)
{
    return len == word.len
           && memcmp(walk->text + walk->at, word.data, len) == 0;
}


static onsite_status_t
read_primitive(walk_t *walk, onsite_value_t *value)
{
    size_t            len;
    const char       *p = walk->text + walk->at;
    const jsmntok_t  *token;

    token = take_token(walk, JSMN_PRIMITIVE, 0);
    if (token == NULL) {
        return unexpected(walk);
    }

    len = (size_t) (token->end - token->start);

    if (is_word(walk, len, ONSITE_STR("true"))
        || is_word(walk, len, ONSITE_STR("false")))
    {
        *value = onsite_value_bool(*p == 't');

    } else if (is_word(walk, len, ONSITE_STR("null"))) {
        *value = (onsite_value_t) { .type = ONSITE_NULL };

    } else if (onsite_json_number_length(p, len) == len) {
        *value = onsite_value_number(onsite_json_number(p, len));

    } else {
        return wrong(walk, walk->at, "not a value");
    }

    walk->at += len;

    return ONSITE_OK;
}


/* The bracket that opens a container: *n is what jsmn counted in it. */

static onsite_status_t
enter(walk_t *walk, jsmntype_t type, uint32_t *n)
{
    const jsmntok_t  *token;

    token = take_token(walk, type, 0);
    if (token == NULL) {
        return unexpected(walk);
    }

    if (++walk->depth > ONSITE_JSON_DEPTH_MAX) {
        return too_deep(walk->error, walk->source, walk->at);
    }

    *n = (uint32_t) token->size;
    walk->at++;
    skip_space(walk);

    return ONSITE_OK;
}


static onsite_status_t
leave(walk_t *walk, char bracket)
{
    if (walk->text[walk->at] != bracket) {
        return not_left(walk);
    }

    walk->depth--;
    walk->at++;

    return ONSITE_OK;
}


/* The byte must be this one; then space. */

static inline bool
take(walk_t *walk, char c)
{
    if (walk->text[walk->at] != c) {
        return false;
    }

    walk->at++;
    skip_space(walk);

    return true;
}


static onsite_status_t
read_array(walk_t *walk, onsite_value_t *value)
{
    uint32_t          i, n;
    onsite_value_t   *items;
    onsite_status_t   status;

    status = enter(walk, JSMN_ARRAY, &n);
    if (status != ONSITE_OK) {
        return status;
    }

    items = onsite_arena_alloc(walk->arena, n * sizeof(onsite_value_t));
    if (items == NULL) {
        return onsite_error(walk->error, ONSITE_NO_MEMORY, "out of memory");
    }

    for (i = 0; i < n; i++) {
        if (i != 0 && !take(walk, ',')) {
            return unexpected(walk);
        }

        status = read_value(walk, &items[i]);
        if (status != ONSITE_OK) {
            return status;
        }

        skip_space(walk);
    }

    *value = (onsite_value_t) { .type = ONSITE_ARRAY, .len = n,
                                .as.items = items };

    return leave(walk, ']');
}


static onsite_status_t
read_member(walk_t *walk, onsite_member_t *member)
{
    onsite_status_t  status;

    status = read_string(walk, &member->key);
    if (status != ONSITE_OK) {
        return status;
    }

    skip_space(walk);

    if (!take(walk, ':')) {
        return unexpected(walk);
    }

    return read_value(walk, &member->value);
}


static onsite_status_t
read_object(walk_t *walk, onsite_value_t *value)
{
    uint32_t          i, n;
    onsite_member_t  *members;
    onsite_status_t   status;

    status = enter(walk, JSMN_OBJECT, &n);
    if (status != ONSITE_OK) {
        return status;
    }

    members = onsite_arena_alloc(walk->arena, n * sizeof(onsite_member_t));
    if (members == NULL) {
        return onsite_error(walk->error, ONSITE_NO_MEMORY, "out of memory");
    }

    for (i = 0; i < n; i++) {
        if (i != 0 && !take(walk, ',')) {
            return unexpected(walk);
        }

        status = read_member(walk, &members[i]);
        if (status != ONSITE_OK) {
            return status;
        }

        skip_space(walk);
    }

    *value = (onsite_value_t) { .type = ONSITE_OBJECT, .len = n,
                                .as.members = members };

    return leave(walk, '}');
}


static onsite_status_t
read_value(walk_t *walk, onsite_value_t *value)
{
    onsite_str_t     str;
    onsite_status_t  status;

    if (++walk->values > ONSITE_JSON_NODES_MAX) {
        return onsite_error(walk->error, ONSITE_LIMIT,
                            "JSON holds more than %d values",
                            ONSITE_JSON_NODES_MAX);
    }

    switch (walk->text[walk->at]) {

    case '{':
        return read_object(walk, value);

    case '[':
        return read_array(walk, value);

    case '"':
        status = read_string(walk, &str);
        *value = onsite_value_string(str);
        return status;

    default:
        return read_primitive(walk, value);
    }
}


static onsite_status_t
read_document(walk_t *walk, onsite_value_t *value)
{
    onsite_status_t  status;

    skip_space(walk);

    status = read_value(walk, value);
    if (status != ONSITE_OK) {
        return status;
    }

    skip_space(walk);

    if (walk->at != walk->len) {
        return wrong(walk, walk->at, "text after the value");
    }

    return ONSITE_OK;
}


onsite_status_t
onsite_json_parse(onsite_json_t *json, onsite_arena_t *arena,
    onsite_str_t text, onsite_value_t *value, onsite_error_t *error)
{
    size_t           bad;
    walk_t           walk;
    onsite_str_t     copy;
    onsite_status_t  status;

    if (text.len > TEXT_MAX) {
        return onsite_error(error, ONSITE_LIMIT,
                            "JSON is longer than %d bytes", TEXT_MAX);
    }

    if (!onsite_utf8_valid(text, &bad)) {
        return not_json(error, text, bad, "invalid UTF-8");
    }

    copy = onsite_arena_copy(arena, text);
    if (copy.data == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    walk = (walk_t) { .arena = arena, .error = error, .len = copy.len,
                      .source = text, .text = (char *) copy.data };

    status = tokenise(json, copy, &walk.n_tokens, error);
    if (status != ONSITE_OK) {
        return status;
    }

    walk.tokens = json->tokens;

    return read_document(&walk, value);
}
