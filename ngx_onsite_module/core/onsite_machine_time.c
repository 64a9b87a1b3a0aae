/*
 * onsite_machine_time.c - what time moves, and the events that tell of it.
 */

#include "onsite_machine_private.h"
#include "onsite_trigger.h"


/* A timer of one visitor. */
typedef struct {
    onsite_ms_t              due;           /* 0: none                     */
    const onsite_machine_t  *machine;
    onsite_standing_t       *standing;      /* NULL: a sequence            */
    onsite_progress_t       *progress;
    uint32_t                 from;          /* state                       */
    uint32_t                 to;
} alarm_t;


/* A record's times may be any. */

static onsite_ms_t
later(onsite_ms_t time, int64_t by)
{
    onsite_ms_t  sum;

    return __builtin_add_overflow(time, by, &sum) ? INT64_MAX
           : sum > 0 ? sum : 1;
}


onsite_ms_t
onsite_machine_state_due(const onsite_machine_state_t *state,
    onsite_ms_t since, onsite_ms_t heard, uint32_t *to)
{
    onsite_ms_t  due = 0, idle;

    if (state->after_ms != 0) {
        due = later(since, state->after_ms);
        *to = state->after_to;
    }

    if (state->inactive_ms != 0) {
        idle = later(since > heard ? since : heard, state->inactive_ms);

        if (due == 0 || idle < due) {
            due = idle;
            *to = state->inactive_to;
        }
    }

    return due;
}


/* The earlier; of two at once, that of the machine that comes first. */

static void
keep_earlier(alarm_t *first, const alarm_t *other)
{
    if (other->due != 0
        && (first->due == 0 || other->due < first->due
            || (other->due == first->due && other->machine < first->machine)))
    {
        *first = *other;
    }
}


static alarm_t
standing_alarm(const onsite_image_t *image, const onsite_visitor_t *visitor,
    onsite_standing_t *standing)
{
    alarm_t                        alarm = { .standing = standing };
    const onsite_machine_state_t  *states;

    alarm.machine = onsite_machine_find(image, standing->machine);

    if (alarm.machine == NULL
        || alarm.machine->kind == ONSITE_MACHINE_SEQUENCE)
    {
        return alarm;
    }

    alarm.from = onsite_machine_stands(image, alarm.machine, standing->state);
    states = onsite_states(image, alarm.machine);
    alarm.due = onsite_machine_state_due(&states[alarm.from], standing->since,
                                         visitor->last_seen, &alarm.to);

    return alarm;
}


/* Most of what is part-way is a count, whose times ascend, or no timed
 * sequence: found by its hash, too. */

static alarm_t
progress_alarm(const onsite_image_t *image, onsite_progress_t *progress)
{
    alarm_t  alarm = { .progress = progress };

    alarm.machine = onsite_machine_find(image, progress->trigger);

    if (alarm.machine != NULL
        && alarm.machine->kind == ONSITE_MACHINE_SEQUENCE)
    {
        alarm.due = onsite_machine_sequence_due(alarm.machine, progress);
        alarm.from = alarm.machine->n_states - 2;
        alarm.to = alarm.machine->n_states - 1;
    }

    return alarm;
}


/* Of several whose moment had passed when the event arrived that began them,
 * the first is still the one that was due first. */

static alarm_t
first_alarm(const onsite_image_t *image, onsite_visitor_t *visitor)
{
    alarm_t   first = { 0 }, alarm;
    uint32_t  i;

    if (onsite_image_header(image)->n_machines == 0) {
        return first;
    }

    for (i = 0; i < visitor->n_standings; i++) {
        alarm = standing_alarm(image, visitor, &visitor->standings[i]);
        keep_earlier(&first, &alarm);
    }

    for (i = 0; i < visitor->n_progress; i++) {
        alarm = progress_alarm(image, &visitor->progress[i]);
        keep_earlier(&first, &alarm);
    }

    first.due = onsite_machine_not_before(first.due, visitor);

    return first;
}


onsite_ms_t
onsite_machines_due(const onsite_image_t *image,
    const onsite_visitor_t *visitor)
{
    /* an alarm points to what it would change; nothing is changed here */

    return first_alarm(image, (onsite_visitor_t *) visitor).due;
}


static onsite_value_t
make_properties(onsite_arena_t *arena, const onsite_member_t *members,
    uint32_t n)
{
    onsite_value_t    properties = { .type = ONSITE_OBJECT };
    onsite_member_t  *copy;

    copy = onsite_arena_alloc(arena, n * sizeof(*members));

    if (copy != NULL) {
        memcpy(copy, members, n * sizeof(*members));
        properties.as.members = copy;
        properties.len = n;
    }

    return properties;
}


static onsite_value_t
step_properties(onsite_context_t *context, const onsite_machine_t *machine,
    uint32_t from, uint32_t to)
{
    onsite_member_t                members[3];
    const onsite_image_t          *image = context->image;
    const onsite_machine_state_t  *states;

    states = onsite_states(image, machine);

    members[0].key = ONSITE_STR("journey");
    members[0].value = onsite_value_string(onsite_image_str(image,
                                                            machine->id));
    members[1].key = ONSITE_STR("from");
    members[1].value = onsite_value_string(onsite_image_str(image,
                                                    states[from].name));
    members[2].key = ONSITE_STR("to");
    members[2].value = onsite_value_string(onsite_image_str(image,
                                                    states[to].name));

    return make_properties(context->arena, members, 3);
}


static onsite_value_t
campaign_properties(onsite_context_t *context, const alarm_t *alarm)
{
    int64_t                        ms = alarm->machine->within_ms;
    onsite_member_t                members[2];
    const onsite_image_t          *image = context->image;
    const onsite_machine_state_t  *states;

    if (alarm->machine->kind == ONSITE_MACHINE_INACTIVE) {
        states = onsite_states(image, alarm->machine);
        ms = states[alarm->from].inactive_ms;
    }

    members[0].key = ONSITE_STR("campaign");
    members[0].value = onsite_value_string(onsite_image_str(image,
                                                        alarm->machine->id));
    members[1].key = ONSITE_STR("after_seconds");
    members[1].value = onsite_value_number((double) ms / 1000);

    return make_properties(context->arena, members, 2);
}


/* What it is called depends on what the machine is. */

static void
make_event(onsite_context_t *context, const alarm_t *alarm, onsite_ms_t now,
    onsite_event_t *event)
{
    *event = (onsite_event_t) {
        .type = ONSITE_TRACK,
        .received = now,
        .time = alarm->due,
        .live = true
    };

    switch (alarm->machine->kind) {

    case ONSITE_MACHINE_JOURNEY:
        event->name = ONSITE_STR("Journey Timeout");
        event->properties = step_properties(context, alarm->machine,
                                            alarm->from, alarm->to);
        break;

    case ONSITE_MACHINE_SEQUENCE:
        event->name = ONSITE_STR("Sequence Timeout");
        event->properties = campaign_properties(context, alarm);
        break;

    default:
        event->name = ONSITE_STR("Visitor Inactive");
        event->properties = campaign_properties(context, alarm);
    }
}


static void
remove_standing(onsite_visitor_t *visitor, const onsite_standing_t *standing)
{
    uint32_t  i = (uint32_t) (standing - visitor->standings);

    visitor->n_standings--;
    memmove(&visitor->standings[i], &visitor->standings[i + 1],
            (visitor->n_standings - i) * sizeof(onsite_standing_t));
}


/* It becomes the most recently moved. */

static void
stand_anew(const onsite_image_t *image, onsite_visitor_t *visitor,
    const alarm_t *alarm)
{
    onsite_standing_t              standing = *alarm->standing;
    const onsite_machine_state_t  *state;

    state = &onsite_states(image, alarm->machine)[alarm->to];
    remove_standing(visitor, alarm->standing);

    if (!onsite_machine_kept(alarm->machine, state, alarm->to)) {
        return;
    }

    standing.state = state->hash;
    standing.since = alarm->due;
    visitor->standings[visitor->n_standings++] = standing;
}


bool
onsite_machines_wake(onsite_context_t *context, onsite_visitor_t *visitor,
    onsite_ms_t now, onsite_event_t *event, onsite_moves_t *moves)
{
    alarm_t                        alarm;
    const onsite_image_t          *image = context->image;
    const onsite_machine_state_t  *states;

    alarm = first_alarm(image, visitor);

    if (alarm.due == 0 || alarm.due > now) {
        return false;
    }

    onsite_moves_init(moves);
    make_event(context, &alarm, now, event);

    if (alarm.standing != NULL) {
        stand_anew(image, visitor, &alarm);

    } else {
        onsite_progress_remove(visitor, alarm.progress);
    }

    if (alarm.machine->kind == ONSITE_MACHINE_JOURNEY) {
        onsite_moves_step(moves, alarm.machine, alarm.from, alarm.to);
    }

    states = onsite_states(image, alarm.machine);
    onsite_moves_fire(moves, image, &states[alarm.to]);

    return true;
}


bool
onsite_machine_emits(const onsite_image_t *image, const onsite_step_t *step)
{
    return onsite_states(image, step->machine)[step->to].emits.len
           != 0;
}


void
onsite_machine_entry(onsite_context_t *context, const onsite_step_t *step,
    const onsite_event_t *cause, onsite_event_t *event)
{
    const onsite_machine_state_t  *state;

    state = &onsite_states(context->image, step->machine)[step->to];

    *event = (onsite_event_t) {
        .type = ONSITE_TRACK,
        .name = onsite_image_str(context->image, state->emits),
        .properties = step_properties(context, step->machine, step->from,
                                      step->to),
        .received = cause->received,
        .time = cause->time,
        .live = true
    };
}
