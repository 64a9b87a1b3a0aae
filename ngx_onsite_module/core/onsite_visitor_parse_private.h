/*
 * onsite_visitor_parse_private.h - what the files share that read a visitor
 * from JSON.
 *
 *   onsite_visitor_parse.c           who it is, counts, session, cart
 *   onsite_visitor_parse_lists.c     exposures, origins, affinities, waiting
 *   onsite_visitor_parse_journeys.c  journeys and progress
 *   onsite_visitor_parse_member.c    members by their type
 */

#ifndef ONSITE_VISITOR_PARSE_PRIVATE_H
#define ONSITE_VISITOR_PARSE_PRIVATE_H

#include "onsite_visitor_parse.h"

#define HASH_DIGITS  8

typedef struct {
    const onsite_image_t  *image;       /* NULL: none                      */
    onsite_ms_t            now;
    onsite_visitor_t      *v;
    onsite_error_t        *error;
    bool                   bad;
} parse_t;


/* The first one is the error; all set p->bad. */
void parse_refuse(parse_t *p, const char *name, const char *what);

/* A member that is there and not null. */
const onsite_value_t *parse_member(const onsite_value_t *object,
    const char *name);

/* 0, false or empty: it is not there, or was refused. */
double parse_number(parse_t *p, const onsite_value_t *object,
    const char *name, double max);
uint32_t parse_count(parse_t *p, const onsite_value_t *object,
    const char *name);
bool parse_flag(parse_t *p, const onsite_value_t *object, const char *name);
onsite_str_t parse_text(parse_t *p, const onsite_value_t *object,
    const char *name, size_t max);
onsite_ms_t parse_time(parse_t *p, const onsite_value_t *object,
    const char *name);

/* NULL when it is not there; refused when it is of another type. */
const onsite_value_t *parse_part(parse_t *p, const onsite_value_t *object,
    const char *name, onsite_type_t type);

/* Whether text is the HASH_DIGITS digits of a hash. */
bool parse_hash(onsite_str_t text, uint32_t *hash);


void parse_exposures(parse_t *p, const onsite_value_t *json);
void parse_origin(parse_t *p, const onsite_value_t *json);
void parse_affinities(parse_t *p, const onsite_value_t *json);
void parse_waiting(parse_t *p, const onsite_value_t *json);
void parse_messages(parse_t *p, const onsite_value_t *json);

void parse_journeys(parse_t *p, const onsite_value_t *json);
void parse_progress(parse_t *p, const onsite_value_t *json);

#endif
