/*
 * describe.c - what an image holds, for people.
 */

#include "loader.h"

#include "onsite_affinity.h"
#include "onsite_machine.h"
#include "onsite_segment.h"


static const onsite_machine_t *
machine_at(const onsite_image_t *image, uint32_t i)
{
    const onsite_machine_t  *machines;

    machines = onsite_image_at(image, onsite_image_header(image)->machines);

    return &machines[i];
}


static const onsite_machine_state_t *
states_of(const onsite_image_t *image, const onsite_machine_t *machine)
{
    return onsite_image_at(image, machine->states);
}


/* As campaign files write it: "1h30m". */

static void
write_duration(onsite_buf_t *out, int64_t ms)
{
    size_t  i;

    static const struct {
        const char   *name;
        onsite_ms_t   ms;
    } units[] = {
        { "d", ONSITE_DAY }, { "h", ONSITE_HOUR }, { "m", ONSITE_MINUTE },
        { "s", ONSITE_SECOND }, { "ms", 1 }
    };

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ms >= units[i].ms) {
            onsite_buf_printf(out, "%lld%s", (long long) (ms / units[i].ms),
                              units[i].name);
            ms %= units[i].ms;
        }
    }
}


static bool
triggers(const onsite_image_t *image, const onsite_machine_state_t *state,
    uint32_t rank)
{
    uint32_t         i;
    const uint32_t  *ranks = onsite_image_at(image, state->campaigns);

    for (i = 0; i < state->n_campaigns; i++) {
        if (ranks[i] == rank) {
            return true;
        }
    }

    return false;
}


static void
write_journey_state(onsite_buf_t *out, const onsite_image_t *image,
    const onsite_machine_t *machine, uint32_t rank)
{
    uint32_t                       i;
    const onsite_machine_state_t  *states = states_of(image, machine);

    onsite_buf_str(out, onsite_image_str(image, machine->id));

    for (i = 0; i < machine->n_states; i++) {
        if (triggers(image, &states[i], rank)) {
            onsite_buf_printf(out, ": ");
            onsite_buf_str(out, onsite_image_str(image, states[i].name));
        }
    }
}


void
loader_write_trigger(onsite_buf_t *out, const onsite_image_t *image,
    uint32_t rank)
{
    const onsite_machine_t   *machine;
    const onsite_trigger_t   *trigger;
    const onsite_campaign_t  *campaigns;

    campaigns = onsite_image_at(image, onsite_image_header(image)->campaigns);
    trigger = &campaigns[rank].trigger;

    if (trigger->kind == ONSITE_TRIGGER_EVENT) {
        onsite_buf_str(out, onsite_image_str(image, trigger->event));
        return;
    }

    machine = machine_at(image, trigger->machine);

    switch (trigger->kind) {

    case ONSITE_TRIGGER_JOURNEY:
        onsite_buf_printf(out, "journey ");
        write_journey_state(out, image, machine, rank);
        break;

    case ONSITE_TRIGGER_SEQUENCE:
        onsite_buf_printf(out, "a sequence of %u", machine->n_states - 1);
        break;

    default:
        onsite_buf_printf(out, "inactivity for ");
        write_duration(out, states_of(image, machine)[ONSITE_STATE_ARMED]
                                .inactive_ms);
    }
}


uint32_t
loader_count_journeys(const onsite_image_t *image)
{
    uint32_t  i, n = 0;

    for (i = 0; i < onsite_image_header(image)->n_machines; i++) {
        n += machine_at(image, i)->kind == ONSITE_MACHINE_JOURNEY;
    }

    return n;
}


static void
print_journey(const onsite_image_t *image, const onsite_machine_t *machine)
{
    uint32_t                       i;
    onsite_str_t                   name;
    const onsite_machine_state_t  *states = states_of(image, machine);

    name = onsite_image_str(image, machine->id);
    (void) printf("  journey %.*s:", (int) name.len, name.data);

    for (i = 0; i < machine->n_states; i++) {
        name = onsite_image_str(image, states[i].name);
        (void) printf("%s %.*s", i != 0 ? "," : "", (int) name.len,
                      name.data);
    }

    (void) printf("\n");
}


void
loader_print_others(const onsite_image_t *image)
{
    uint32_t                       i;
    onsite_str_t                   name;
    const onsite_segment_t        *segments;
    const onsite_affinity_rule_t  *rules;
    const onsite_image_header_t   *header = onsite_image_header(image);

    for (i = 0; i < header->n_machines; i++) {
        if (machine_at(image, i)->kind == ONSITE_MACHINE_JOURNEY) {
            print_journey(image, machine_at(image, i));
        }
    }

    segments = onsite_image_at(image, header->segments);

    for (i = 0; i < header->n_segments; i++) {
        name = onsite_image_str(image, segments[i].id);
        (void) printf("  segment %.*s\n", (int) name.len, name.data);
    }

    rules = onsite_image_at(image, header->affinities);

    for (i = 0; i < header->n_affinities; i++) {
        name = onsite_image_str(image, rules[i].name);
        (void) printf("  affinity %.*s\n", (int) name.len, name.data);
    }
}
