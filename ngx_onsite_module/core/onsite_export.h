/*
 * onsite_export.h - all that is held of one visitor, as JSON: for the visitor
 * who asks, and for the operator.
 */

#ifndef ONSITE_EXPORT_H
#define ONSITE_EXPORT_H

#include "onsite_image.h"
#include "onsite_json.h"
#include "onsite_store.h"

typedef struct {
    onsite_store_t        *store;
    onsite_str_t           site;        /* its name                        */
    const onsite_image_t  *image;       /* names of what records hash; NULL*/
    onsite_json_t         *json;        /* scratch                         */
    onsite_arena_t        *arena;       /* scratch: reset by who asks      */
    unsigned               budget;      /* of the outbox: parts looked at  */
    onsite_reach_t         reach;       /* DEVICE: whoever it leads to is not
                                           told of                         */
} onsite_export_t;

/*
 * Appends one object: the record that key leads to, as
 * onsite_visitor_write_json has it, with links (other keys that are its
 * visitor's), outbox (what waits to leave; outbox_cut when the budget did not
 * suffice) and exported (now).  Of a device that leads to somebody else, where
 * reach is no further, the object is {"visitor","site","linked":true} with
 * links, outbox and exported of its own.  NOT_FOUND: nothing is held.
 */
onsite_status_t onsite_export_write(const onsite_export_t *export,
    const onsite_key_t *key, onsite_ms_t now, onsite_buf_t *out);

#endif
