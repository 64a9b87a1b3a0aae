/*
 * ngx_http_onsite_insert.h - between prepare.c, which puts by what is decided
 * for a page, and insert.c, which makes elements of it.
 */

#ifndef _NGX_HTTP_ONSITE_INSERT_H_INCLUDED_
#define _NGX_HTTP_ONSITE_INSERT_H_INCLUDED_

#include "ngx_http_onsite.h"


typedef struct {
    onsite_str_t              id;
    onsite_str_t              variant;
    onsite_str_t              slot;         /* len 0: none                   */
    onsite_str_t              when;         /* what it waits for; len 0: shown
                                               at once                       */
    ngx_uint_t                armed;        /* to be asked for then: it has no
                                               content                       */
    onsite_channel_t          channel;
    double                    propensity;
    ngx_uint_t                place;        /* in page->slots; NO_SLOT       */
    onsite_str_t             *pieces;       /* of its content                */
    ngx_uint_t                n_pieces;
    ngx_chain_t              *chain;        /* the same, once it was asked   */
    uint32_t                  counted;      /* its bit in page->shown        */
    ngx_uint_t                capped;       /* that it was shown matters     */
} item_t;

#define NO_SLOT  ONSITE_SLOTS_MAX


typedef struct {
    ngx_uint_t                n;
    ngx_uint_t                n_pieces;     /* of all                        */
    ngx_http_onsite_script_e  script;
    ngx_uint_t                ascii;        /* the page may be in any charset */
    item_t                    items[];      /* then their pieces, and bytes  */
} content_t;


#endif /* _NGX_HTTP_ONSITE_INSERT_H_INCLUDED_ */
