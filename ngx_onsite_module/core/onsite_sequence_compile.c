/*
 * onsite_sequence_compile.c - triggers that are machines of their own:
 * sequences and inactivity.
 */

#include "onsite_machine_compile.h"
#include "onsite_bucket.h"

/* A sequence in the making. */
typedef struct {
    onsite_draft_reader_t  *r;
    uint32_t                n;          /* steps so far                    */
    bool                    over;       /* more than there may be          */
    bool                    timed;      /* the latest item was a `not`     */
    onsite_image_str_t      events[ONSITE_SEQUENCE_STEPS_MAX];
    onsite_ref_t            where[ONSITE_SEQUENCE_STEPS_MAX];
} sequence_t;


/* {"event", "where"} at the reader's path: the event's name (len 0 after an
 * error) and the condition. */

static void
read_event(onsite_draft_reader_t *r, const onsite_value_t *object,
    onsite_image_str_t *event, onsite_ref_t *where)
{
    static const char *const  keys[] = { "event", "where", NULL };

    *event = (onsite_image_str_t) { 0, 0 };
    *where = 0;

    if (object->type == ONSITE_STRING) {
        onsite_definition_error(r->d, NULL, "must be an object: write"
                                " {\"event\": \"%.*s\"}", (int) object->len,
                                object->as.string);
        return;
    }

    if (onsite_definition_keys(r->d, object, keys)) {
        onsite_draft_event_name(r, object, event);
        *where = onsite_draft_condition(r, object, "where",
                                        ONSITE_SCOPE_WHERE);
    }
}


static void
read_move(onsite_draft_reader_t *r, const onsite_value_t *object,
    onsite_move_t move)
{
    onsite_ref_t        where;
    onsite_image_str_t  event;

    read_event(r, object, &event, &where);
    onsite_machine_edge(r, event, move, where, 0);
}


/* One event or a list of them, under key: any of them makes the move.  False
 * when the key is not there. */

static bool
read_moves(onsite_draft_reader_t *r, const onsite_value_t *object,
    const char *key, onsite_move_t move)
{
    size_t                 len, item;
    uint32_t               i;
    const onsite_value_t  *value = onsite_definition_get(object, key);

    if (value == NULL) {
        return false;
    }

    len = onsite_definition_enter(r->d, onsite_str_of(key));

    if (value->type != ONSITE_ARRAY) {
        read_move(r, value, move);

    } else if (value->len == 0) {
        onsite_definition_error(r->d, NULL, "is an empty list: name an event,"
                                " or leave it out");
    }

    for (i = 0; value->type == ONSITE_ARRAY && i < value->len; i++) {
        item = onsite_definition_enter_item(r->d, i);
        read_move(r, &value->as.items[i], move);
        onsite_definition_leave(r->d, item);
    }

    onsite_definition_leave(r->d, len);

    return true;
}


/* A `not`: after the steps so far, these events end the match. */

static void
read_not(sequence_t *s, const onsite_value_t *object)
{
    onsite_move_t             move = { s->n, ONSITE_STATE_DEAD };
    static const char *const  keys[] = { "not", NULL };

    (void) onsite_definition_keys(s->r->d, object, keys);

    if (s->n == 0) {
        onsite_definition_error(s->r->d, "not", "cannot come first: begin"
                                " with the event that starts the sequence");
    }

    (void) read_moves(s->r, object, "not", move);
    s->timed = true;
}


static void
read_step(sequence_t *s, const onsite_value_t *object)
{
    int32_t                   i, count = 1;
    onsite_ref_t              where;
    onsite_image_str_t        event = { 0, 0 };
    static const char *const  keys[] = { "event", "where", "count", NULL };

    if (object->type != ONSITE_OBJECT) {
        onsite_definition_error(s->r->d, NULL, "must be an object such as"
                                " {\"event\": \"Product Viewed\"} or"
                                " {\"not\": {\"event\": ...}}");
        return;
    }

    if (onsite_definition_get(object, "not") != NULL) {
        read_not(s, object);
        return;
    }

    (void) onsite_definition_keys(s->r->d, object, keys);
    (void) onsite_definition_integer(s->r->d, object, "count", 1,
                                     ONSITE_SEQUENCE_STEPS_MAX, &count);

    onsite_draft_event_name(s->r, object, &event);
    where = onsite_draft_condition(s->r, object, "where", ONSITE_SCOPE_WHERE);
    s->timed = false;

    for (i = 0; i < count; i++) {
        if (s->n == ONSITE_SEQUENCE_STEPS_MAX) {
            s->over = true;
            return;
        }

        s->events[s->n] = event;
        s->where[s->n++] = where;
    }
}


static bool
same_json(const onsite_value_t *a, const onsite_value_t *b)
{
    bool          same;
    onsite_buf_t  x, y;

    onsite_buf_init(&x, 0);
    onsite_buf_init(&y, 0);
    onsite_value_write_json(&x, a);
    onsite_value_write_json(&y, b);
    same = onsite_str_eq(onsite_str(x.data, x.len), onsite_str(y.data, y.len));
    onsite_buf_free(&x);
    onsite_buf_free(&y);

    return same;
}


/* Whether each event that is the step is one of what `not` names. */

static bool
forbids(const onsite_value_t *not, const onsite_value_t *step)
{
    uint32_t               i;
    onsite_str_t           name = onsite_value_get_str(step,
                                                       ONSITE_STR("event"));
    const onsite_value_t  *where, *own;

    if (not->type == ONSITE_ARRAY) {
        for (i = 0; i < not->len; i++) {
            if (forbids(&not->as.items[i], step)) {
                return true;
            }
        }

        return false;
    }

    if (name.len == 0 || !onsite_str_eq(onsite_value_get_str(not,
                                            ONSITE_STR("event")), name))
    {
        return false;
    }

    where = onsite_definition_get(not, "where");
    own = onsite_definition_get(step, "where");

    return where == NULL || (own != NULL && same_json(where, own));
}


static void
check_comes(sequence_t *s, const onsite_value_t *list, uint32_t i)
{
    uint32_t               k;
    const onsite_value_t  *not;

    for (k = i; k > 0; k--) {
        not = onsite_definition_get(&list->as.items[k - 1], "not");

        if (not == NULL) {
            return;
        }

        if (forbids(not, &list->as.items[i])) {
            onsite_definition_warn(s->r->d, NULL, "can never come: the"
                                   " \"not\" before it names the same event,"
                                   " which ends the match first");
            return;
        }
    }
}


static void
read_steps(sequence_t *s, const onsite_value_t *list)
{
    size_t    len, item;
    uint32_t  i;

    len = onsite_definition_enter(s->r->d, ONSITE_STR("sequence"));

    if (list->type != ONSITE_ARRAY || list->len == 0) {
        onsite_definition_error(s->r->d, NULL, "must be a list of steps such"
                                " as [{\"event\": \"Product Viewed\"},"
                                " {\"event\": \"Product Added\"}]");
        onsite_definition_leave(s->r->d, len);
        return;
    }

    for (i = 0; i < list->len && !s->over; i++) {
        item = onsite_definition_enter_item(s->r->d, i);
        read_step(s, &list->as.items[i]);
        check_comes(s, list, i);
        onsite_definition_leave(s->r->d, item);
    }

    if (s->over || s->n + s->timed > ONSITE_SEQUENCE_STEPS_MAX) {
        onsite_definition_error(s->r->d, NULL, "has more than %d steps, each"
                                " count spelled out",
                                ONSITE_SEQUENCE_STEPS_MAX);
    }

    onsite_definition_leave(s->r->d, len);
}


/* Later steps first: no event is two steps of one match. */

static void
add_steps(sequence_t *s)
{
    uint32_t       i;
    onsite_move_t  move;

    for (i = s->n; i-- > 0; /* void */) {
        move = (onsite_move_t) { i, i + 1 };
        onsite_machine_edge(s->r, s->events[i], move, s->where[i], 0);
    }
}


/* An edited sequence is another one: it begins anew. */

static uint32_t
hash_sequence(onsite_str_t id, const onsite_value_t *trigger)
{
    uint32_t      hash = onsite_machine_hash(ONSITE_MACHINE_SEQUENCE, id);
    onsite_buf_t  json;

    onsite_buf_init(&json, 0);
    onsite_value_write_json(&json, trigger);
    hash = onsite_fnv32a_add(hash, onsite_str(json.data, json.len));
    onsite_buf_free(&json);

    return hash;
}


static void
add_trigger(onsite_draft_reader_t *r, onsite_machine_t *machine,
    onsite_trigger_kind_t kind, uint32_t state)
{
    onsite_machine_state_t  *states;

    states = onsite_machine_states(r, machine->n_states);

    if (states != NULL && kind == ONSITE_TRIGGER_INACTIVE) {
        states[ONSITE_STATE_ARMED].inactive_ms = machine->within_ms;
        states[ONSITE_STATE_ARMED].inactive_to = ONSITE_STATE_START;
        machine->within_ms = 0;

    } else if (states != NULL) {
        states[machine->n_states - 1].final = 1;
    }

    machine->id = r->draft->campaign.id;
    r->draft->campaign.trigger.kind = kind;
    r->draft->campaign.trigger.machine = onsite_machine_add(r, machine,
                                                            states);
    r->draft->state = state;
}


void
onsite_draft_sequence(onsite_draft_reader_t *r, const onsite_value_t *trigger)
{
    sequence_t                s = { .r = r };
    onsite_move_t             reset = { ONSITE_STATE_ANY, ONSITE_STATE_START };
    onsite_machine_t          machine = { .kind = ONSITE_MACHINE_SEQUENCE };
    static const char *const  keys[] = {
        "sequence", "within", "reset_on", NULL
    };

    (void) onsite_definition_keys(r->d, trigger, keys);
    (void) read_moves(r, trigger, "reset_on", reset);
    read_steps(&s, onsite_definition_get(trigger, "sequence"));
    add_steps(&s);
    onsite_draft_within(r, trigger, &machine.within, &machine.within_ms);

    if (s.timed && machine.within != ONSITE_WITHIN_TIME) {
        onsite_definition_error(r->d, "within", "must be a duration such as"
                                " \"30m\": a sequence that ends with \"not\""
                                " fires when it has passed");
    }

    machine.hash = hash_sequence(r->draft->id, trigger);
    machine.timed = s.timed;
    machine.n_states = s.n + s.timed + 1;

    add_trigger(r, &machine, ONSITE_TRIGGER_SEQUENCE, machine.n_states - 1);
}


void
onsite_draft_inactive(onsite_draft_reader_t *r, const onsite_value_t *trigger)
{
    onsite_ms_t               ms = 0;
    onsite_move_t             arm = { ONSITE_STATE_START, ONSITE_STATE_ARMED };
    onsite_move_t             disarm = {
        ONSITE_STATE_ANY, ONSITE_STATE_START
    };
    onsite_machine_t          machine = {
        .kind = ONSITE_MACHINE_INACTIVE, .n_states = 2
    };
    static const char *const  keys[] = { "inactive", "after", "unless", NULL };

    (void) onsite_definition_keys(r->d, trigger, keys);
    (void) onsite_definition_duration(r->d, trigger, "inactive", &ms);
    (void) read_moves(r, trigger, "unless", disarm);

    if (!read_moves(r, trigger, "after", arm)) {
        onsite_machine_edge(r, (onsite_image_str_t) { 0, 0 }, arm, 0, 0);
    }

    machine.hash = onsite_machine_hash(ONSITE_MACHINE_INACTIVE, r->draft->id);
    machine.within_ms = ms;

    add_trigger(r, &machine, ONSITE_TRIGGER_INACTIVE, ONSITE_STATE_START);
}
