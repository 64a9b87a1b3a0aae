/*
 * onsite_journey_compile.c - journey files, and the triggers that name them.
 */

#include "onsite_machine_compile.h"
#include "onsite_bucket.h"

/* A journey in the making: states in the order of the image, the start
 * first. */
typedef struct {
    onsite_draft_reader_t   *r;
    onsite_draft_journey_t  *journey;
    onsite_machine_t         machine;
    onsite_machine_state_t  *states;
    const onsite_value_t   **definitions;
} reader_t;


/* The state that a value names; ONSITE_NO_STATE after an error. */

static uint32_t
read_state(reader_t *j, const char *key, const onsite_value_t *value)
{
    uint32_t  state;

    if (value == NULL || value->type != ONSITE_STRING || value->len == 0) {
        onsite_definition_error(j->r->d, key, "must be the name of a state");
        return ONSITE_NO_STATE;
    }

    state = onsite_draft_state(j->journey, onsite_value_str(value));

    if (state == ONSITE_NO_STATE) {
        onsite_draft_state_unknown(j->r->d, key, j->journey,
                                   onsite_value_str(value));
    }

    return state;
}


/* "state" or {"to", "where", "if"}; false: nothing behind it is reached. */

static bool
read_move(reader_t *j, uint32_t from, onsite_image_str_t event,
    const onsite_value_t *value)
{
    onsite_move_t             move = { from, ONSITE_NO_STATE };
    onsite_ref_t              where = 0, audience = 0;
    static const char *const  keys[] = { "to", "where", "if", NULL };

    if (value->type != ONSITE_OBJECT) {
        move.to = read_state(j, NULL, value);

    } else {
        (void) onsite_definition_keys(j->r->d, value, keys);
        move.to = read_state(j, "to", onsite_definition_get(value, "to"));
        where = onsite_draft_condition(j->r, value, "where",
                                       ONSITE_SCOPE_WHERE);
        audience = onsite_draft_condition(j->r, value, "if",
                                          ONSITE_SCOPE_AUDIENCE);
    }

    if (move.to != ONSITE_NO_STATE) {
        onsite_machine_edge(j->r, event, move, where, audience);
    }

    return where != 0 || audience != 0;
}


static void
read_moves(reader_t *j, uint32_t from, onsite_image_str_t event,
    const onsite_value_t *list)
{
    bool      reached = true;
    size_t    item;
    uint32_t  i;

    if (list->len == 0) {
        onsite_definition_error(j->r->d, NULL, "is an empty list: name a"
                                " state");
    }

    for (i = 0; i < list->len; i++) {
        item = onsite_definition_enter_item(j->r->d, i);

        if (!reached) {
            onsite_definition_warn(j->r->d, NULL, "is never reached: the one"
                                   " before it holds always");
        }

        reached = read_move(j, from, event, &list->as.items[i]) && reached;
        onsite_definition_leave(j->r->d, item);
    }
}


static bool
is_repeated(const onsite_value_t *object, uint32_t i)
{
    return onsite_value_get(object, object->as.members[i].key)
           != &object->as.members[i].value;
}


/* A key that is free text: 1 to max bytes, and there once. */

static bool
check_name(reader_t *j, const onsite_value_t *object, uint32_t i, size_t max)
{
    onsite_str_t  key = object->as.members[i].key;

    if (key.len == 0 || key.len > max) {
        onsite_definition_error(j->r->d, NULL, "must have a name of 1 to %zu"
                                " bytes", max);
        return false;
    }

    if (is_repeated(object, i)) {
        onsite_definition_error(j->r->d, NULL, "given twice: keep one");
        return false;
    }

    return true;
}


static void
read_on(reader_t *j, uint32_t from, const onsite_value_t *on)
{
    size_t                  len, key;
    uint32_t                i;
    onsite_image_str_t      event;
    const onsite_value_t   *value;

    if (on == NULL) {
        return;
    }

    if (on->type != ONSITE_OBJECT) {
        onsite_definition_error(j->r->d, "on", "must be an object such as"
                                " {\"Order Completed\": \"bought\"}");
        return;
    }

    len = onsite_definition_enter(j->r->d, ONSITE_STR("on"));

    for (i = 0; i < on->len; i++) {
        key = onsite_definition_enter(j->r->d, on->as.members[i].key);
        value = &on->as.members[i].value;

        if (check_name(j, on, i, ONSITE_EVENT_NAME_MAX)) {
            event = onsite_builder_str(j->r->b, on->as.members[i].key);

            if (value->type == ONSITE_ARRAY) {
                read_moves(j, from, event, value);

            } else {
                (void) read_move(j, from, event, value);
            }
        }

        onsite_definition_leave(j->r->d, key);
    }

    onsite_definition_leave(j->r->d, len);
}


/* {"1h": "left"}: one duration. */

static void
read_timer(reader_t *j, const onsite_value_t *object, const char *key,
    int64_t *ms, uint32_t *to)
{
    size_t                 len;
    uint32_t               state;
    onsite_ms_t            duration = 0;
    const onsite_value_t  *timer = onsite_definition_get(object, key);

    if (timer == NULL) {
        return;
    }

    if (timer->type != ONSITE_OBJECT || timer->len != 1) {
        onsite_definition_error(j->r->d, key, "must be an object of one"
                                " duration such as {\"1h\": \"left\"}");
        return;
    }

    len = onsite_definition_enter(j->r->d, onsite_str_of(key));
    (void) onsite_definition_enter(j->r->d, timer->as.members[0].key);

    if (onsite_duration_read(timer->as.members[0].key, &duration)
        != ONSITE_OK)
    {
        onsite_definition_error(j->r->d, NULL, "must be a duration such as"
                                " \"30m\", \"4h\" or \"5d\", over zero and at"
                                " most 100 years");
    }

    state = read_state(j, NULL, &timer->as.members[0].value);

    if (state != ONSITE_NO_STATE) {
        *ms = duration;
        *to = state;
    }

    onsite_definition_leave(j->r->d, len);
}


static void
read_entry(reader_t *j, const onsite_value_t *definition,
    onsite_machine_state_t *state)
{
    size_t                    len;
    const onsite_value_t     *entry;
    static const char *const  keys[] = { "event", NULL };

    entry = onsite_definition_get(definition, "entry");
    if (entry == NULL) {
        return;
    }

    len = onsite_definition_enter(j->r->d, ONSITE_STR("entry"));

    if (onsite_definition_keys(j->r->d, entry, keys)) {
        onsite_draft_event_name(j->r, entry, &state->emits);
    }

    onsite_definition_leave(j->r->d, len);
}


/* What leads out of a final state; NULL: nothing does. */

static const char *
way_out(const onsite_value_t *definition)
{
    size_t  i;

    static const char *const  ways[] = { "on", "after", "inactive" };

    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (onsite_definition_get(definition, ways[i]) != NULL) {
            return ways[i];
        }
    }

    return NULL;
}


static void
read_definition(reader_t *j, uint32_t i)
{
    bool                      final = false;
    const char               *way;
    const onsite_value_t     *definition = j->definitions[i];
    onsite_machine_state_t   *state = &j->states[i];
    static const char *const  keys[] = {
        "on", "after", "inactive", "entry", "final", NULL
    };

    if (!onsite_definition_keys(j->r->d, definition, keys)) {
        return;
    }

    (void) onsite_definition_bool(j->r->d, definition, "final", &final);
    way = way_out(definition);

    if (final && way != NULL) {
        onsite_definition_error(j->r->d, way, "leads out of a final state:"
                                " remove it, or \"final\"");
    }

    state->final = way == NULL;

    read_on(j, i, onsite_definition_get(definition, "on"));
    read_timer(j, definition, "after", &state->after_ms, &state->after_to);
    read_timer(j, definition, "inactive", &state->inactive_ms,
               &state->inactive_to);
    read_entry(j, definition, state);
}


/* Whether a name's hash is that of one of the first n states. */

static bool
is_taken(const reader_t *j, uint32_t hash, uint32_t n)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (j->states[i].hash == hash) {
            return true;
        }
    }

    return false;
}


static void
read_states(reader_t *j)
{
    size_t        len, name;
    uint32_t      i;
    onsite_str_t  key;

    len = onsite_definition_enter(j->r->d, ONSITE_STR("states"));

    for (i = 0; i < j->journey->n; i++) {
        key = j->journey->names[i];
        name = onsite_definition_enter(j->r->d, key);

        j->states[i].name = onsite_builder_str(j->r->b, key);
        j->states[i].hash = onsite_fnv32a(key);

        if (is_taken(j, j->states[i].hash, i)) {
            onsite_definition_error(j->r->d, NULL, "has the same hash as"
                                    " another state: rename one");
        }

        read_definition(j, i);
        onsite_definition_leave(j->r->d, name);
    }

    onsite_definition_leave(j->r->d, len);
}


static void
read_moved_state(reader_t *j, onsite_str_t old, const onsite_value_t *value,
    onsite_machine_moved_t *moved)
{
    uint32_t  to;

    if (onsite_draft_state(j->journey, old) != ONSITE_NO_STATE
        || is_taken(j, onsite_fnv32a(old), j->journey->n))
    {
        onsite_definition_error(j->r->d, NULL, "is a state: \"moved\" is for"
                                " those that are gone");
        return;
    }

    to = read_state(j, NULL, value);

    if (to != ONSITE_NO_STATE) {
        *moved = (onsite_machine_moved_t) { onsite_fnv32a(old), to };
    }
}


/* Where visitors of states that are gone stand now. */

static void
read_moved(reader_t *j)
{
    size_t                   len, key;
    uint32_t                 i;
    onsite_ref_t             ref;
    const onsite_value_t    *moved;
    onsite_machine_moved_t   one;

    moved = onsite_definition_get(j->r->draft->definition, "moved");
    if (moved == NULL) {
        return;
    }

    if (moved->type != ONSITE_OBJECT) {
        onsite_definition_error(j->r->d, "moved", "must be an object such as"
                                " {\"old state\": \"new state\"}");
        return;
    }

    ref = onsite_builder_alloc(j->r->b, moved->len * sizeof(one));
    len = onsite_definition_enter(j->r->d, ONSITE_STR("moved"));

    for (i = 0; i < moved->len && ref != 0; i++) {
        memset(&one, 0, sizeof(one));
        key = onsite_definition_enter(j->r->d, moved->as.members[i].key);

        if (check_name(j, moved, i, ONSITE_STATE_NAME_MAX)) {
            read_moved_state(j, moved->as.members[i].key,
                             &moved->as.members[i].value, &one);
        }

        onsite_definition_leave(j->r->d, key);
        memcpy((onsite_machine_moved_t *) onsite_builder_at(j->r->b, ref) + i,
               &one, sizeof(one));
    }

    onsite_definition_leave(j->r->d, len);
    j->machine.moved = ref;
    j->machine.n_moved = moved->len;
}


/* Names and definitions, the start first; false: no more can be said. */

static bool
list_states(reader_t *j, const onsite_value_t *states, onsite_str_t start)
{
    bool      named = true;
    size_t    len, key;
    uint32_t  i, n = 1;

    len = onsite_definition_enter(j->r->d, ONSITE_STR("states"));

    for (i = 0; i < states->len; i++) {
        key = onsite_definition_enter(j->r->d, states->as.members[i].key);
        named = check_name(j, states, i, ONSITE_STATE_NAME_MAX) && named;
        onsite_definition_leave(j->r->d, key);

        if (onsite_str_eq(states->as.members[i].key, start)) {
            j->journey->names[0] = states->as.members[i].key;
            j->definitions[0] = &states->as.members[i].value;

        } else if (n < states->len) {
            j->journey->names[n] = states->as.members[i].key;
            j->definitions[n++] = &states->as.members[i].value;
        }
    }

    onsite_definition_leave(j->r->d, len);
    j->journey->n = states->len;

    return named;
}


/* A start that is no state: all that can be said is what was meant. */

static bool
check_start(reader_t *j, const onsite_value_t *states, onsite_str_t start)
{
    uint32_t  i;

    for (i = 0; i < states->len; i++) {
        if (onsite_str_eq(states->as.members[i].key, start)) {
            return true;
        }

        j->journey->names[i] = states->as.members[i].key;
    }

    j->journey->n = states->len;

    if (start.data != NULL) {
        onsite_draft_state_unknown(j->r->d, "start", j->journey, start);

    } else {
        onsite_definition_error(j->r->d, "start", "is missing: name the state"
                                " in which everyone begins");
    }

    j->journey->n = 0;

    return false;
}


static bool
prepare(reader_t *j, const onsite_value_t *states)
{
    onsite_arena_t  *arena = j->r->c->arena;

    if (states == NULL || states->type != ONSITE_OBJECT || states->len == 0
        || states->len > ONSITE_MACHINE_STATES_MAX)
    {
        onsite_definition_error(j->r->d, "states", "must be an object of 1 to"
                                " %d states", ONSITE_MACHINE_STATES_MAX);
        return false;
    }

    j->journey->names = onsite_arena_zalloc(arena, states->len
                                                   * sizeof(onsite_str_t));
    j->definitions = onsite_arena_zalloc(arena, states->len
                                                * sizeof(j->definitions[0]));
    j->states = onsite_machine_states(j->r, states->len);

    if (j->journey->names == NULL || j->definitions == NULL
        || j->states == NULL)
    {
        j->r->c->machines.failed = true;
        return false;
    }

    return true;
}


static bool
read_id(reader_t *j)
{
    uint32_t                 i;
    onsite_compiler_t       *c = j->r->c;
    onsite_draft_journey_t  *journey = j->journey;

    if (!onsite_draft_id(j->r, "journey", &journey->id)) {
        return false;
    }

    if (memchr(journey->id.data, '.', journey->id.len) != NULL) {
        onsite_definition_error(j->r->d, "id", "may have no '.': conditions"
                                " read journey.<id>");
    }

    for (i = 0; i < c->n_journeys; i++) {
        if (onsite_str_eq(c->journeys[i].id, journey->id)) {
            onsite_definition_error(j->r->d, "id", "\"%.*s\" is also the id"
                                    " of %.*s: rename one",
                                    (int) journey->id.len, journey->id.data,
                                    (int) c->journeys[i].file.len,
                                    c->journeys[i].file.data);
            return false;
        }
    }

    return true;
}


static void
read_graph(reader_t *j, const onsite_value_t *definition)
{
    onsite_str_t           start = { 0, NULL };
    const onsite_value_t  *states;

    states = onsite_definition_get(definition, "states");

    if (!onsite_definition_string(j->r->d, definition, "start",
                                  ONSITE_STATE_NAME_MAX, &start)
        || !prepare(j, states) || !check_start(j, states, start)
        || !list_states(j, states, start))
    {
        return;
    }

    j->machine.n_states = states->len;
    read_states(j);
    read_moved(j);
}


/* A timer of the start runs from the visitor's first event, whichever. */

static void
begin_with_any(reader_t *j)
{
    onsite_move_t  begin = { ONSITE_STATE_START, ONSITE_STATE_START };

    if (j->states[0].after_ms != 0 || j->states[0].inactive_ms != 0) {
        onsite_machine_edge(j->r, (onsite_image_str_t) { 0, 0 }, begin, 0, 0);
    }
}


void
onsite_journey_read(onsite_draft_reader_t *r)
{
    reader_t                  j;
    onsite_str_t              name;
    onsite_draft_journey_t    journey;
    static const char *const  keys[] = {
        "$schema", "id", "site", "name", "enabled", "start", "states",
        "moved", NULL
    };

    memset(&j, 0, sizeof(j));
    memset(&journey, 0, sizeof(journey));
    j.r = r;
    j.journey = &journey;

    journey.file = r->draft->file;
    journey.definition = r->draft->definition;
    journey.enabled = r->draft->enabled;

    (void) onsite_definition_keys(r->d, r->draft->definition, keys);
    onsite_draft_common(r, r->draft->definition, &name);

    if (!read_id(&j)) {
        journey.id = onsite_str(NULL, 0);
    }

    read_graph(&j, r->draft->definition);

    j.machine.kind = ONSITE_MACHINE_JOURNEY;
    j.machine.id = onsite_builder_str(r->b, journey.id);
    j.machine.hash = onsite_machine_hash(ONSITE_MACHINE_JOURNEY, journey.id);

    if (r->d->errors == 0) {
        onsite_journey_reach(r, &journey, &j.machine, j.states);
        begin_with_any(&j);
        journey.machine = onsite_machine_add(r, &j.machine, j.states);

    } else {
        r->c->machines.n_edges = r->c->machines.n_added;
    }

    r->c->journeys[r->c->n_journeys++] = journey;
}
