/*
 * onsite_regex.c - regular expressions of conditions, by pcre2: compiled when
 * first needed, once a worker and image, and bounded in every match.
 */

#include "onsite_coerce.h"
#include "onsite_condition_program.h"

#include <pcre2.h>
#include <stdlib.h>

#define JIT_STACK_START  (32 * 1024)
#define JIT_STACK_MAX    (512 * 1024)
#define HEAP_KIB_MAX     1024
#define PATTERN_MAX      (64 * 1024)

#define OPTIONS  (PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY  \
                  | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C)

typedef struct {
    pcre2_code  *code;
    bool         tried;
} compiled_t;

struct onsite_regexes_s {
    onsite_image_t         image;       /* a copy: the caller's may move  */
    pcre2_match_data      *match;
    pcre2_match_context   *context;
    pcre2_jit_stack       *stack;
    uint32_t               n;
    compiled_t             compiled[];
};

/* What a pattern is matched against: the first bytes of a value's text. */
typedef struct {
    const char  *data;
    size_t       len;
    bool         cut;
    char         made[ONSITE_REGEX_SUBJECT_MAX];
} subject_t;


static pcre2_code *
compile(onsite_str_t pattern, bool caseless, int *code, size_t *offset)
{
    return pcre2_compile((PCRE2_SPTR) (pattern.len != 0 ? pattern.data : ""),
                         pattern.len,
                         OPTIONS | (caseless ? PCRE2_CASELESS : 0), code,
                         offset, NULL);
}


onsite_status_t
onsite_regex_check(onsite_str_t pattern, bool caseless,
    onsite_error_t *error)
{
    int             code;
    size_t          offset;
    pcre2_code     *compiled;
    unsigned char   reason[120];

    if (pattern.len > PATTERN_MAX) {
        return onsite_error(error, ONSITE_INVALID,
                            "longer than %d bytes when written out",
                            PATTERN_MAX);
    }

    compiled = compile(pattern, caseless, &code, &offset);

    if (compiled == NULL) {
        (void) pcre2_get_error_message(code, reason, sizeof(reason));
        return onsite_error(error, ONSITE_INVALID, "%s",
                            (const char *) reason);
    }

    pcre2_code_free(compiled);

    return ONSITE_OK;
}


onsite_regexes_t *
onsite_regexes_create(const onsite_image_t *image)
{
    uint32_t           n = onsite_image_header(image)->n_regexes;
    onsite_regexes_t  *r;

    r = calloc(1, sizeof(onsite_regexes_t) + n * sizeof(compiled_t));
    if (r == NULL) {
        return NULL;
    }

    r->image = *image;
    r->n = n;
    r->match = pcre2_match_data_create(1, NULL);
    r->context = pcre2_match_context_create(NULL);
    r->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);

    if (r->match == NULL || r->context == NULL) {
        onsite_regexes_destroy(r);
        return NULL;
    }

    (void) pcre2_set_match_limit(r->context, ONSITE_REGEX_MATCH_LIMIT);
    (void) pcre2_set_depth_limit(r->context, ONSITE_REGEX_DEPTH_LIMIT);
    (void) pcre2_set_heap_limit(r->context, HEAP_KIB_MAX);

    /* without JIT there is no stack to assign, and none is needed */

    if (r->stack != NULL) {
        pcre2_jit_stack_assign(r->context, NULL, r->stack);
    }

    return r;
}


void
onsite_regexes_destroy(onsite_regexes_t *regexes)
{
    uint32_t  i;

    if (regexes == NULL) {
        return;
    }

    for (i = 0; i < regexes->n; i++) {
        pcre2_code_free(regexes->compiled[i].code);
    }

    pcre2_jit_stack_free(regexes->stack);
    pcre2_match_context_free(regexes->context);
    pcre2_match_data_free(regexes->match);
    free(regexes);
}


static pcre2_code *
compiled_code(onsite_regexes_t *r, uint32_t i)
{
    int                          error;
    size_t                       offset;
    compiled_t                  *compiled = &r->compiled[i];
    const onsite_image_regex_t  *regex;

    if (compiled->tried) {
        return compiled->code;
    }

    compiled->tried = true;

    regex = onsite_image_at(&r->image,
                            onsite_image_header(&r->image)->regexes);
    regex += i;

    if (regex->pattern.len > PATTERN_MAX) {
        return NULL;
    }

    compiled->code = compile(onsite_image_str(&r->image, regex->pattern),
                             regex->caseless != 0, &error, &offset);

    /* where JIT is not to be had, the interpreter does it */

    if (compiled->code != NULL) {
        (void) pcre2_jit_compile(compiled->code, PCRE2_JIT_COMPLETE);
    }

    return compiled->code;
}


static bool
add_piece(void *data, onsite_str_t piece)
{
    size_t      n;
    subject_t  *subject = data;

    n = sizeof(subject->made) - subject->len;
    if (piece.len <= n) {
        n = piece.len;
    } else {
        subject->cut = true;
    }

    memcpy(subject->made + subject->len, piece.data, n);
    subject->len += n;

    return !subject->cut;
}


/* It may have been cut in two. */

static void
drop_last_character(subject_t *subject)
{
    int  i;

    for (i = 0; i < 4 && subject->len != 0; i++) {
        subject->len--;

        if ((subject->data[subject->len] & 0xc0) != 0x80) {
            break;
        }
    }
}


static void
make_subject(subject_t *subject, const onsite_value_t *value)
{
    subject->cut = false;
    subject->len = 0;
    subject->data = subject->made;

    if (value->type != ONSITE_STRING) {
        (void) onsite_text_walk(value, add_piece, subject);

    } else if (value->len != 0) {
        subject->data = value->as.string;
        subject->cut = value->len > ONSITE_REGEX_SUBJECT_MAX;
        subject->len = subject->cut ? ONSITE_REGEX_SUBJECT_MAX : value->len;
    }

    if (subject->cut) {
        drop_last_character(subject);
    }
}


/* Of a text that was cut only a match that did not look at its end is
 * certain. */

onsite_truth_t
onsite_regex_test(onsite_regexes_t *regexes, uint32_t regex,
    const onsite_value_t *value)
{
    int          rc;
    subject_t    subject;
    pcre2_code  *code;

    code = regexes != NULL && regex < regexes->n
           ? compiled_code(regexes, regex) : NULL;

    if (code == NULL) {
        return ONSITE_INCONCLUSIVE;
    }

    make_subject(&subject, value);

    rc = pcre2_match(code, (PCRE2_SPTR) subject.data, subject.len, 0,
                     subject.cut ? PCRE2_PARTIAL_HARD : 0, regexes->match,
                     regexes->context);

    return rc >= 0 ? ONSITE_TRUE
           : rc == PCRE2_ERROR_NOMATCH && !subject.cut ? ONSITE_FALSE
           : ONSITE_INCONCLUSIVE;
}
