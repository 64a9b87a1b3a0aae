/*
 * record.c - a visitor's record as one line of JSON.
 */

#include "loader.h"

#include "onsite_visitor_json.h"


void
loader_write_time(onsite_buf_t *out, onsite_ms_t time)
{
    onsite_write_time(out, time);
}


void
loader_write_visitor(onsite_buf_t *out, onsite_str_t id, onsite_str_t site,
    const onsite_visitor_t *visitor, const onsite_image_t *image)
{
    onsite_visitor_write_json(out, id, site, visitor, image);
    onsite_buf_char(out, '\n');
}
