/*
 * onsite_visitor_traits.h - what is kept of what a shop says about a visitor.
 */

#ifndef ONSITE_VISITOR_TRAITS_H
#define ONSITE_VISITOR_TRAITS_H

#include "onsite_image.h"
#include "onsite_visitor.h"

/*
 * Takes the traits of an identify into visitor->traits: those that the
 * image's campaigns read, if they are text, number or boolean, in the image's
 * order while ONSITE_TRAITS_BYTES_MAX lasts.  null (and what is no scalar)
 * deletes; what is not mentioned stays; what no campaign reads any more goes.
 * A group's groupId is the trait groupId (its traits are the group's, and not
 * kept).  Of a verified customer nothing is kept that names another userId.
 *
 * Members come from arena, values may lie in the event.  NO_MEMORY: nothing
 * has changed.
 */
onsite_status_t onsite_visitor_traits(onsite_arena_t *arena,
    onsite_visitor_t *visitor, const onsite_event_t *event,
    const onsite_image_t *image);

#endif
