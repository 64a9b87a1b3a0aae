/*
 * onsite_visitor_parse_journeys.c - where a visitor stands in journeys, how far
 * in sequences, and what of theirs waits for inactivity.
 */

#include "onsite_visitor_parse_private.h"

#include "onsite_bucket.h"
#include "onsite_machine.h"

#define NAMES_MAX  256


static uint32_t
machine_hash(onsite_machine_kind_t kind, onsite_str_t id)
{
    uint32_t  hash;

    return parse_hash(id, &hash) ? hash : onsite_machine_hash(kind, id);
}


static void
add_standing(parse_t *p, onsite_str_t journey, onsite_str_t state,
    onsite_ms_t since)
{
    uint32_t  hash;

    if (journey.len == 0 || state.len == 0
        || p->v->n_standings == ONSITE_STANDINGS_MAX)
    {
        parse_refuse(p, "journeys", "each needs its journey and its state; "
                     "there may be 64");
        return;
    }

    if (!parse_hash(state, &hash)) {
        hash = onsite_fnv32a(state);
    }

    p->v->standings[p->v->n_standings++] = (onsite_standing_t) {
        machine_hash(ONSITE_MACHINE_JOURNEY, journey), hash,
        since != 0 ? since : p->v->last_seen };
}


/* ", a, b": what there is, as long as it fits. */

static void
list_name(char *names, size_t *len, onsite_str_t name)
{
    if (name.len + 3 > NAMES_MAX - *len) {
        return;
    }

    if (*len != 0) {
        memcpy(names + *len, ", ", 2);
        *len += 2;
    }

    memcpy(names + *len, name.data, name.len);
    *len += name.len;
}


static void
refuse_name(parse_t *p, const char *what, onsite_str_t name,
    const char *names, size_t len)
{
    p->bad = true;
    (void) onsite_error(p->error, ONSITE_INVALID, "journeys: there is no %s "
                        "\"%.*s\"; there %s %.*s", what,
                        (int) (name.len < 64 ? name.len : 64), name.data,
                        len != 0 ? "are" : "is", len != 0 ? (int) len : 4,
                        len != 0 ? names : "none");
}


static void
refuse_journey(parse_t *p, onsite_str_t id)
{
    char                     names[NAMES_MAX];
    size_t                   len = 0;
    uint32_t                 i;
    const onsite_machine_t  *machines;

    machines = onsite_image_at(p->image,
                               onsite_image_header(p->image)->machines);

    for (i = 0; i < onsite_image_header(p->image)->n_machines; i++) {
        if (machines[i].kind == ONSITE_MACHINE_JOURNEY) {
            list_name(names, &len, onsite_image_str(p->image,
                                                    machines[i].id));
        }
    }

    refuse_name(p, "journey", id, names, len);
}


/* What a person types has to be there; what was printed may be of other
 * campaigns than these. */

static void
check_typed(parse_t *p, onsite_str_t id, onsite_str_t state)
{
    char                           names[NAMES_MAX];
    size_t                         len = 0;
    uint32_t                       i, hash;
    const onsite_machine_t        *machine;
    const onsite_machine_state_t  *states;

    if (p->image == NULL || p->bad || parse_hash(id, &hash)
        || parse_hash(state, &hash))
    {
        return;
    }

    machine = onsite_machine_find(p->image, machine_hash(
                                      ONSITE_MACHINE_JOURNEY, id));

    if (machine == NULL) {
        refuse_journey(p, id);
        return;
    }

    states = onsite_image_at(p->image, machine->states);

    for (i = 0; i < machine->n_states; i++) {
        if (onsite_str_eq(onsite_image_str(p->image, states[i].name), state)) {
            return;
        }

        list_name(names, &len, onsite_image_str(p->image, states[i].name));
    }

    refuse_name(p, "state", state, names, len);
}


/* A trigger that waits for inactivity. */

static void
add_armed(parse_t *p, onsite_str_t campaign, onsite_ms_t since)
{
    if (campaign.len == 0 || p->v->n_standings == ONSITE_STANDINGS_MAX) {
        parse_refuse(p, "journeys", "what is armed needs its campaign; there "
                     "may be 64");
        return;
    }

    p->v->standings[p->v->n_standings++] = (onsite_standing_t) {
        machine_hash(ONSITE_MACHINE_INACTIVE, campaign), ONSITE_STATE_ARMED,
        since != 0 ? since : p->v->last_seen };
}


void
parse_journeys(parse_t *p, const onsite_value_t *json)
{
    uint32_t               i;
    onsite_str_t           state;
    const onsite_value_t  *all = parse_member(json, "journeys"), *one;

    if (all == NULL) {
        return;
    }

    if (all->type != ONSITE_ARRAY && all->type != ONSITE_OBJECT) {
        parse_refuse(p, "journeys", "must be a list, or states by journey");
        return;
    }

    for (i = 0; i < all->len && !p->bad; i++) {
        if (all->type == ONSITE_OBJECT) {
            one = &all->as.members[i].value;
            state = one->type == ONSITE_STRING ? onsite_value_str(one)
                                               : onsite_str(NULL, 0);
            add_standing(p, all->as.members[i].key, state, 0);
            check_typed(p, all->as.members[i].key, state);
            continue;
        }

        one = &all->as.items[i];

        if (parse_member(one, "armed") != NULL) {
            add_armed(p, parse_text(p, one, "campaign", ONSITE_ID_MAX),
                      parse_time(p, one, "armed"));
            continue;
        }

        add_standing(p, parse_text(p, one, "journey", ONSITE_ID_MAX),
                     parse_text(p, one, "state", ONSITE_ID_MAX),
                     parse_time(p, one, "since"));
    }
}


void
parse_progress(parse_t *p, const onsite_value_t *json)
{
    uint32_t               i, k;
    onsite_ms_t            time;
    onsite_progress_t     *to;
    const onsite_value_t  *list, *times, *from;

    list = parse_part(p, json, "progress", ONSITE_ARRAY);

    for (i = 0; list != NULL && i < list->len && !p->bad; i++) {
        from = &list->as.items[i];
        times = parse_part(p, from, "times", ONSITE_ARRAY);
        to = &p->v->progress[p->v->n_progress];

        if (times == NULL || times->len > ONSITE_PROGRESS_TIMES_MAX
            || p->v->n_progress == ONSITE_PROGRESS_MAX
            || !parse_hash(parse_text(p, from, "trigger", HASH_DIGITS),
                           &to->trigger))
        {
            parse_refuse(p, "progress", "each needs its trigger's hash and "
                         "times");
            return;
        }

        to->session = parse_count(p, from, "session");
        to->starts = parse_flag(p, from, "sequence");
        to->n = (uint8_t) times->len;
        p->v->n_progress++;

        for (k = 0; k < times->len; k++) {
            to->times[k] = onsite_time_read(&times->as.items[k], &time)
                           == ONSITE_OK ? time : 0;
        }
    }
}
