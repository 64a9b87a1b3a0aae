/*
 * onsite_inject_place.c - head and body, whether their tags are there or not
 * (WHATWG HTML, 13.2.6.4.1 to 13.2.6.4.7): what ends the head, what begins the
 * body.
 *
 * A place whose tag is omitted is where a browser makes up for it, if the
 * input is a document; one that was passed by in what did not look like a
 * document as yet comes with the next.
 */

#include "onsite_inject_tree.h"

#define BIT(place)  (1u << ONSITE_PLACE_ ## place)

#define EARLY  (BIT(HEAD_START) | BIT(HEAD_END) | BIT(BODY_START))

typedef enum {
    ENDS_HEAD = 0,                      /* and begins the body             */
    STAYS,                              /* in the head, also behind it     */
    NOSCRIPT_TAG,                       /* ... but for this one            */
    HEAD_TAG,
    BODY_TAG,
    NOTHING
} role_t;

/* What a tag does in front of the body. */

static const struct {
    uint64_t  name;
    uint8_t   len;
    uint8_t   role;
} starts[] = {
    { BODY, 4, BODY_TAG },
    { FRAMESET, 8, NOTHING },
    { HEAD, 4, HEAD_TAG },
    { HTML, 4, NOTHING },
    { NOFRAMES, 8, STAYS },
    { NOSCRIPT, 8, NOSCRIPT_TAG },
    { SCRIPT, 6, STAYS },
    { STYLE, 5, STAYS },
    { TEMPLATE, 8, STAYS },
    { TITLE, 5, STAYS },
    { N4('b', 'a', 's', 'e'), 4, STAYS },
    { N8('b', 'a', 's', 'e', 'f', 'o', 'n', 't'), 8, STAYS },
    { N7('b', 'g', 's', 'o', 'u', 'n', 'd'), 7, STAYS },
    { N4('l', 'i', 'n', 'k'), 4, STAYS },
    { N4('m', 'e', 't', 'a'), 4, STAYS }
}, ends[] = {
    { BODY, 4, ENDS_HEAD },
    { HEAD, 4, HEAD_TAG },
    { HTML, 4, ENDS_HEAD },
    { N2('b', 'r'), 2, ENDS_HEAD }
};

#define COUNT(list)  (sizeof(list) / sizeof(list[0]))


static role_t
role_of(const onsite_inject_t *inject)
{
    size_t  i;

    if (inject->end_tag) {
        for (i = 0; i < COUNT(ends); i++) {
            if (ends[i].name == inject->name) {
                return (role_t) ends[i].role;
            }
        }

        return NOTHING;
    }

    for (i = 0; i < COUNT(starts); i++) {
        if (starts[i].name == inject->name) {
            return (role_t) starts[i].role;
        }
    }

    return ENDS_HEAD;
}


/* The name so far may become one that stands in the tables. */

static bool
may_become(const onsite_inject_t *inject, uint64_t name, unsigned len)
{
    return inject->name_len <= len
           && inject->name == name >> 8 * (len - inject->name_len);
}


static bool
may_be_known(const onsite_inject_t *inject)
{
    size_t  i, n = inject->end_tag ? COUNT(ends) : COUNT(starts);

    for (i = 0; i < n; i++) {
        if (inject->end_tag
            ? may_become(inject, ends[i].name, ends[i].len)
            : may_become(inject, starts[i].name, starts[i].len))
        {
            return true;
        }
    }

    return false;
}


/* At offset; and whatever should have come before. */

static void
insert(onsite_inject_t *inject, unsigned places, uint64_t offset)
{
    places &= inject->wanted;

    while (places != 0) {
        inject->due |= inject->wanted & (places | (places - 1));
        inject->cut = offset;
        places &= places - 1;
    }
}


/* Tags that are not there are made up for at offset. */

static void
imply(onsite_inject_t *inject, onsite_stage_t stage, uint64_t offset)
{
    unsigned  places = 0;

    for (/* void */; inject->stage < stage; inject->stage++) {
        places |= inject->stage == ONSITE_STAGE_START ? BIT(HEAD_START)
                  : inject->stage == ONSITE_STAGE_HEAD ? BIT(HEAD_END)
                                                       : BIT(BODY_START);
    }

    if (inject->document) {
        insert(inject, places, offset);
    }
}


void
onsite_inject_place_text(onsite_inject_t *inject, uint64_t offset)
{
    imply(inject, ONSITE_STAGE_BODY, offset);
}


static void
end_head(onsite_inject_t *inject)
{
    if (inject->stage >= ONSITE_STAGE_AFTER_HEAD) {
        return;
    }

    imply(inject, ONSITE_STAGE_HEAD, inject->tag);
    inject->stage = ONSITE_STAGE_AFTER_HEAD;
    insert(inject, BIT(HEAD_END), inject->tag);
}


static void
early_tag(onsite_inject_t *inject)
{
    role_t  role = role_of(inject);

    switch (role) {

    case ENDS_HEAD:
        imply(inject, ONSITE_STAGE_BODY, inject->tag);
        break;

    case BODY_TAG:
        inject->document = true;
        imply(inject, ONSITE_STAGE_AFTER_HEAD, inject->tag);
        break;

    case STAYS:
        imply(inject, ONSITE_STAGE_HEAD, inject->tag);
        break;

    case NOSCRIPT_TAG:
        imply(inject, inject->stage == ONSITE_STAGE_AFTER_HEAD
                      ? ONSITE_STAGE_BODY : ONSITE_STAGE_HEAD, inject->tag);
        break;

    case HEAD_TAG:
        if (inject->end_tag) {
            end_head(inject);
        }
        break;

    default:
        break;
    }
}


void
onsite_inject_place_tag(onsite_inject_t *inject)
{
    if (inject->stage < ONSITE_STAGE_BODY) {
        early_tag(inject);
    }

    if (inject->end_tag && (inject->name == BODY || inject->name == HTML)) {
        inject->stage = ONSITE_STAGE_END;
        insert(inject, BIT(BODY_END), inject->tag);
        onsite_inject_slot_none(inject);
    }
}


/* What cannot be a name any more that is known needs not be waited for. */

void
onsite_inject_place_part(onsite_inject_t *inject)
{
    if (!inject->end_tag && onsite_inject_early(inject)
        && !may_be_known(inject))
    {
        imply(inject, ONSITE_STAGE_BODY, inject->tag);
    }
}


void
onsite_inject_place_behind(onsite_inject_t *inject, uint64_t offset)
{
    if (inject->name == HTML) {
        inject->document = true;

    } else if (inject->name == HEAD) {
        inject->document = true;

        if (inject->stage == ONSITE_STAGE_START) {
            inject->stage = ONSITE_STAGE_HEAD;
            insert(inject, BIT(HEAD_START), offset);
        }

    } else if (inject->name == BODY) {
        inject->document = true;

        if (inject->stage < ONSITE_STAGE_BODY) {
            inject->stage = ONSITE_STAGE_BODY;
        }

        insert(inject, BIT(BODY_START), offset);
    }
}


bool
onsite_inject_undecided(const onsite_inject_t *inject)
{
    if (inject->depth != 0 || inject->wanted == 0
        || inject->state == ONSITE_SCAN_DATA
        || inject->state > ONSITE_SCAN_TAG_NAME)
    {
        return false;
    }

    if (onsite_inject_early(inject) && (inject->wanted & EARLY)) {
        return inject->state != ONSITE_SCAN_TAG_NAME || may_be_known(inject);
    }

    if (!(inject->wanted & BIT(BODY_END))) {
        return false;
    }

    return inject->state != ONSITE_SCAN_TAG_NAME
           || (inject->end_tag && (may_become(inject, BODY, 4)
                                   || may_become(inject, HTML, 4)));
}


/* The end of the document is a place too, also in front of a tag that does not
 * come any more. */

void
onsite_inject_place_end(onsite_inject_t *inject)
{
    bool  in_tag = onsite_inject_undecided(inject);

    if ((in_tag || inject->state == ONSITE_SCAN_DATA) && inject->depth == 0
        && inject->document)
    {
        insert(inject, inject->wanted,
               in_tag ? inject->tag : inject->base + inject->input.len);
    }
}
