/*
 * replay_tell.c - what a replay tells: decisions and moves as they come, then
 * totals or visitors.
 */

#include "loader.h"
#include "replay_tell.h"

#include "onsite_visitor_codec.h"

#include <stdlib.h>


/* What was told of the event at hand, without the end of the line. */

static void
begin_line(replay_t *replay, const onsite_event_t *event)
{
    onsite_buf_t  *line = &replay->line;

    onsite_buf_clear(line);
    onsite_buf_printf(line, "{\"time\":");
    loader_write_time(line, event->received);
    onsite_buf_printf(line, ",\"visitor\":");
    onsite_write_json_string(line, replay->current->id);
    onsite_buf_printf(line, ",\"event\":");
    onsite_write_json_string(line, event->name);
}


static void
end_line(replay_t *replay)
{
    onsite_buf_t  *line = &replay->line;

    onsite_buf_append(line, "}\n", 2);

    if (!line->failed) {
        (void) fwrite(line->data, 1, line->len, stdout);
    }
}


static void
write_choice(replay_t *replay, const onsite_event_t *event,
    const onsite_choice_t *choice)
{
    onsite_buf_t        *line = &replay->line;
    onsite_value_t       number = onsite_value_number(choice->propensity);
    const onsite_str_t   ids[] = {
        onsite_image_str(&replay->site.image, choice->campaign->id),
        onsite_image_str(&replay->site.image, choice->variant->id)
    };

    begin_line(replay, event);
    onsite_buf_printf(line, ",\"campaign\":");
    onsite_write_json_string(line, ids[0]);
    onsite_buf_printf(line, ",\"variant\":");
    onsite_write_json_string(line, ids[1]);
    onsite_buf_printf(line, ",\"pending\":%s",
                      choice->pending ? "true" : "false");

    if (choice->armed) {
        onsite_buf_printf(line, ",\"armed\":true,\"when\":");
        onsite_buf_str(line, onsite_image_str(&replay->site.image,
                                              choice->campaign->when));
    }

    onsite_buf_printf(line, ",\"propensity\":");
    onsite_value_write_json(line, &number);
    onsite_buf_printf(line, ",\"html\":");
    onsite_pieces_write_json(line, &choice->html);
    onsite_buf_printf(line, ",\"data\":");

    if (choice->data.len != 0) {
        onsite_buf_str(line, choice->data);
    } else {
        onsite_buf_append(line, "null", 4);
    }

    end_line(replay);
}


/* A campaign was shown to a visitor: is it the first time? */

static onsite_status_t
count_visitor(replay_t *replay, resting_t *resting, size_t campaign)
{
    uint8_t   bit = (uint8_t) (1 << campaign % 8);
    uint32_t  n = onsite_image_header(&replay->site.image)->n_campaigns;

    if (resting->shown == NULL) {
        resting->shown = calloc(1, n / 8 + 1);
        if (resting->shown == NULL) {
            return ONSITE_NO_MEMORY;
        }
    }

    if ((resting->shown[campaign / 8] & bit) == 0) {
        resting->shown[campaign / 8] |= bit;
        replay->tallies[campaign].visitors++;
    }

    return ONSITE_OK;
}


/* Timers count nothing as shown but what leaves. */

void
replay_tell_choice(void *data, const onsite_image_t *image,
    const onsite_choice_t *choice, const onsite_event_t *event)
{
    size_t                    n;
    replay_t                 *replay = data;
    const onsite_campaign_t  *campaigns;

    campaigns = onsite_image_at(image, onsite_image_header(image)->campaigns);
    n = (size_t) (choice->campaign - campaigns);

    if (choice->pending) {
        replay->tallies[n].pending++;

    } else if (choice->armed) {
        replay->tallies[n].armed++;

    } else {
        replay->tallies[n].fired++;
        if (count_visitor(replay, replay->current, n) != ONSITE_OK) {
            replay->failed = true;
        }
    }

    if (!replay->silent) {
        write_choice(replay, event, choice);
    }
}


void
replay_tell_move(void *data, const onsite_image_t *image,
    const onsite_step_t *step, const onsite_event_t *event)
{
    replay_t                      *replay = data;
    onsite_buf_t                  *line = &replay->line;
    const onsite_machine_state_t  *states;

    if (replay->silent) {
        return;
    }

    states = onsite_image_at(image, step->machine->states);

    begin_line(replay, event);
    onsite_buf_printf(line, ",\"journey\":");
    onsite_write_json_string(line, onsite_image_str(image, step->machine->id));
    onsite_buf_printf(line, ",\"from\":");
    onsite_write_json_string(line, onsite_image_str(image,
                                                    states[step->from].name));
    onsite_buf_printf(line, ",\"to\":");
    onsite_write_json_string(line, onsite_image_str(image,
                                                    states[step->to].name));
    end_line(replay);
}


/* Among other lines of standard output it is told apart by its one key. */

static void
write_summary(replay_t *replay, FILE *out, bool among_others)
{
    uint32_t                  i;
    onsite_buf_t             *line = &replay->line;
    const onsite_campaign_t  *campaigns;

    onsite_buf_clear(line);
    onsite_buf_printf(line, "%s{\"events\":%zu,\"skipped\":%zu,"
                      "\"visitors\":%zu,\"sessions\":%zu,\"timers\":%zu,"
                      "\"campaigns\":{",
                      among_others ? "{\"summary\":" : "", replay->n_events,
                      replay->skipped, replay->all.n, replay->n_sessions,
                      replay->n_timers);

    campaigns = replay->has_site
                ? onsite_image_at(&replay->site.image,
                      onsite_image_header(&replay->site.image)->campaigns)
                : NULL;

    for (i = 0; replay->has_site
                && i < onsite_image_header(&replay->site.image)->n_campaigns;
         i++)
    {
        if (i != 0) {
            onsite_buf_char(line, ',');
        }

        onsite_write_json_string(line,
            onsite_image_str(&replay->site.image, campaigns[i].id));
        onsite_buf_printf(line, ":{\"shown\":%zu,\"pending\":%zu,",
                          replay->tallies[i].fired,
                          replay->tallies[i].pending);

        if (campaigns[i].when.len != 0) {
            onsite_buf_printf(line, "\"armed\":%zu,",
                              replay->tallies[i].armed);
        }

        onsite_buf_printf(line, "\"visitors\":%zu}",
                          replay->tallies[i].visitors);
    }

    onsite_buf_printf(line, among_others ? "}}}\n" : "}}\n");

    if (!line->failed) {
        (void) fwrite(line->data, 1, line->len, out);
    }
}


static void
print_visitor(void *data, const resting_t *resting)
{
    replay_t              *replay = data;
    onsite_key_t           link;
    onsite_record_kind_t   kind;

    onsite_arena_reset(replay->arena);
    onsite_buf_clear(&replay->line);

    if (onsite_visitor_decode(replay->arena, resting->record, resting->size,
                              &kind, &replay->visitor, &link) == ONSITE_OK)
    {
        loader_write_visitor(&replay->line, resting->id, onsite_str(NULL, 0),
                             &replay->visitor, replay->has_site
                             ? &replay->site.image : NULL);
        (void) fwrite(replay->line.data, 1, replay->line.len, stdout);
    }
}


void
replay_print(replay_t *replay, bool visitors, FILE *out, bool among_others)
{
    if (visitors) {
        resting_walk(&replay->all, print_visitor, replay);
    }

    write_summary(replay, out, among_others);
}
