/*
 * ngx_http_onsite_prepare.c - what is decided for a page, put by until the
 * scanner comes to its places: one allocation holds all of it but long
 * literals, which stay in the snapshot, and that is held on to.
 */

#include "ngx_http_onsite_insert.h"


/* What follows a content's items in its memory, given out in parts. */

typedef struct {
    onsite_str_t             *pieces;
    u_char                   *bytes;
    ngx_uint_t                copies;       /* the snapshot's strings, too   */
} room_t;


static onsite_str_t
keep(room_t *room, onsite_str_t s, ngx_uint_t stable)
{
    u_char  *p;

    if (s.len == 0 || (stable && !room->copies)) {
        return s;
    }

    p = room->bytes;
    room->bytes = ngx_cpymem(p, s.data, s.len);

    return onsite_str((char *) p, s.len);
}


/* The bytes of it that do not stay where they are. */

static size_t
copied(const room_t *room, const onsite_pieces_t *html)
{
    size_t  i, size;

    size = 0;

    for (i = 0; i < html->n; i++) {
        if (room->copies || !html->pieces[i].stable) {
            size += html->pieces[i].bytes.len;
        }
    }

    return size;
}


/* All that is put by of the choices; copied where it cannot be held on to. */

static content_t *
make_content(ngx_http_request_t *r, const onsite_choice_t *choices, size_t n,
    room_t *room)
{
    size_t                    i, size, pieces;
    content_t                *content;
    const onsite_campaign_t  *campaign;

    room->copies = n != 0 && ngx_http_onsite_snapshot_pin(r) != NGX_OK;
    pieces = 0;
    size = 0;

    for (i = 0; i < n; i++) {
        campaign = choices[i].campaign;
        pieces += choices[i].html.n;
        size += copied(room, &choices[i].html);

        if (room->copies) {
            size += campaign->id.len + choices[i].variant->id.len
                    + campaign->slot.len + choices[i].when.len;
        }
    }

    content = ngx_palloc(r->pool, sizeof(content_t) + n * sizeof(item_t)
                                  + pieces * sizeof(onsite_str_t) + size);
    if (content == NULL) {
        return NULL;
    }

    content->n = 0;
    content->n_pieces = pieces;
    room->pieces = (onsite_str_t *) &content->items[n];
    room->bytes = (u_char *) (room->pieces + pieces);

    return content;
}


/* The scanner is told of slots that have content. */

static ngx_uint_t
find_place(ngx_http_onsite_page_t *page, const item_t *item)
{
    if (item->channel != ONSITE_CHANNEL_EMBED || item->slot.len == 0
        || item->when.len != 0 || item->n_pieces == 0
        || page->n_slots == ONSITE_SLOTS_MAX)
    {
        return NO_SLOT;
    }

    page->slots[page->n_slots] = item->slot;

    return page->n_slots++;
}


static void
put_by(content_t *content, room_t *room, const onsite_image_t *image,
    const onsite_choice_t *choice)
{
    size_t                    i;
    item_t                   *item;
    const onsite_piece_t     *piece;
    const onsite_campaign_t  *campaign;

    campaign = choice->campaign;
    item = &content->items[content->n++];

    item->id = keep(room, onsite_image_str(image, campaign->id), 1);
    item->variant = keep(room, onsite_image_str(image, choice->variant->id),
                         1);
    item->slot = keep(room, onsite_image_str(image, campaign->slot), 1);
    item->when = keep(room, choice->when, 1);
    item->armed = choice->armed;
    item->channel = campaign->channel;
    item->propensity = choice->propensity;
    item->chain = NULL;
    item->capped = campaign->per > ONSITE_PER_PAGE || campaign->goal.len != 0;

    item->pieces = room->pieces;
    item->n_pieces = choice->html.n;

    for (i = 0; i < item->n_pieces; i++) {
        piece = &choice->html.pieces[i];
        *room->pieces++ = keep(room, piece->bytes, piece->stable);
    }
}


static ngx_uint_t
goes_into_page(const onsite_choice_t *choice)
{
    return !choice->pending
           && choice->campaign->channel != ONSITE_CHANNEL_WEBHOOK;
}


ngx_int_t
ngx_http_onsite_prepare(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    const onsite_choice_t *choices, size_t n, ngx_http_onsite_script_e script)
{
    size_t                   i;
    room_t                   room;
    item_t                  *item;
    content_t               *content;
    onsite_site_t           *site;
    ngx_http_onsite_page_t  *page;

    page = &ctx->page;
    site = n == 0 ? NULL : ngx_http_onsite_site(ctx->who.site);
    content = make_content(r, choices, site == NULL ? 0 : n, &room);

    if (content == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n && site != NULL; i++) {
        if (!goes_into_page(&choices[i])) {
            continue;
        }

        item = &content->items[content->n];
        put_by(content, &room, &site->image, &choices[i]);
        item->place = find_place(page, item);
        item->counted = 0;

        if (script == NGX_HTTP_ONSITE_SCRIPT_SHOW && !item->armed) {
            item->counted = 1u << page->n;
            page->campaigns[page->n++] = choices[i].campaign->hash;
        }
    }

    if (content->n == 0 && script != NGX_HTTP_ONSITE_SCRIPT_LATER) {
        return NGX_DECLINED;
    }

    content->script = script;
    content->ascii = !ngx_http_onsite_response_utf8(r);
    page->content = content;
    page->wanted = 1u << ONSITE_PLACE_BODY_END;
    page->any = 1;
    page->personal = script != NGX_HTTP_ONSITE_SCRIPT_LATER;

    return NGX_OK;
}
