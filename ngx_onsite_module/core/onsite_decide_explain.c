/*
 * onsite_decide_explain.c - the facts behind a reason.
 */

#include "onsite_decide_explain.h"
#include "onsite_frequency.h"
#include "onsite_machine_private.h"

#define ALL_DAYS  0x7f


static void
write_number(onsite_buf_t *out, const char *name, double number)
{
    onsite_value_t  value = onsite_value_number(number);

    onsite_buf_printf(out, "{\"%s\":", name);
    onsite_value_write_json(out, &value);
    onsite_buf_char(out, '}');
}


static void
write_moment(const onsite_explain_t *explain, const char *name,
    onsite_ms_t time, onsite_buf_t *out)
{
    onsite_local_time_t  t;

    onsite_local_time(explain->context->image, 0, time, &t);
    onsite_buf_printf(out, "\"%s\":\"%04d-%02d-%02dT%02d:%02d:%02dZ\"",
                      name, t.year, t.month, t.day, t.hour, t.minute,
                      t.second);
}


static void
write_end(const onsite_explain_t *explain, const char *name,
    onsite_ms_t time, onsite_buf_t *out)
{
    onsite_buf_char(out, '{');
    write_moment(explain, name, time, out);
    onsite_buf_char(out, '}');
}


static bool
within_hours(const onsite_schedule_t *schedule, int minute)
{
    if (schedule->minute_from == schedule->minute_until) {
        return true;
    }

    return schedule->minute_from < schedule->minute_until
           ? minute >= schedule->minute_from && minute < schedule->minute_until
           : minute >= schedule->minute_from || minute < schedule->minute_until;
}


static void
write_days(const onsite_schedule_t *schedule,
    const onsite_local_time_t *local, onsite_buf_t *out)
{
    int          day;
    const char  *comma = "";

    static const char *const  names[] = {
        "mon", "tue", "wed", "thu", "fri", "sat", "sun"
    };

    onsite_buf_printf(out, "{\"days\":[");

    for (day = 0; day < 7; day++) {
        if (schedule->days & (1u << day)) {
            onsite_buf_printf(out, "%s\"%s\"", comma, names[day]);
            comma = ",";
        }
    }

    onsite_buf_printf(out, "],\"today\":\"%s\"}", names[local->weekday]);
}


static void
explain_schedule(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign, onsite_buf_t *out)
{
    const onsite_schedule_t    *s = &campaign->schedule;
    const onsite_local_time_t  *local;

    if (explain->clock->now < s->from) {
        write_end(explain, "from", s->from, out);
        return;
    }

    if (explain->clock->now >= s->until) {
        write_end(explain, "until", s->until, out);
        return;
    }

    local = onsite_clock_local(explain->clock, campaign->zone);

    if (within_hours(s, local->hour * 60 + local->minute)) {
        write_days(s, local, out);
        return;
    }

    onsite_buf_printf(out, "{\"hours\":\"%02d:%02d-%02d:%02d\","
                      "\"now\":\"%02d:%02d\"}",
                      s->minute_from / 60, s->minute_from % 60,
                      s->minute_until / 60, s->minute_until % 60,
                      local->hour, local->minute);
}


static void
explain_count(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign, onsite_buf_t *out)
{
    uint32_t                 i, n = 0;
    const onsite_visitor_t  *v = explain->visitor;

    for (i = 0; v != NULL && i < v->n_progress; i++) {
        if (v->progress[i].trigger == campaign->trigger.hash) {
            n = v->progress[i].n;
        }
    }

    onsite_buf_printf(out, "{\"count\":%u,\"of\":%u}", n,
                      campaign->trigger.count);
}


static const onsite_exposure_t *
exposure_of(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign)
{
    uint32_t                 i;
    const onsite_visitor_t  *v = explain->visitor;

    for (i = 0; v != NULL && i < v->n_exposures; i++) {
        if (v->exposures[i].campaign == campaign->hash) {
            return &v->exposures[i];
        }
    }

    return NULL;
}


static bool
is_in_answer(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign)
{
    size_t  i;

    for (i = 0; i < explain->decision->n; i++) {
        if (explain->decision->choices[i].campaign == campaign) {
            return true;
        }
    }

    return false;
}


static void
explain_cap(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign, onsite_buf_t *out)
{
    uint32_t                  visits, shown;
    const onsite_exposure_t  *exposure = exposure_of(explain, campaign);

    static const char *const  names[] = {
        "none", "page", "session", "hour", "day", "week", "visitor"
    };

    visits = explain->visitor != NULL ? explain->visitor->visits : 0;

    if (is_in_answer(explain, campaign)
        && !onsite_frequency_capped(explain->clock, campaign, exposure,
                                    visits))
    {
        onsite_buf_str(out, ONSITE_STR("{\"answer\":true}"));
        return;
    }

    shown = onsite_frequency_shown(explain->clock, campaign, exposure, visits);

    onsite_buf_printf(out, "{\"cap\":%u,\"per\":\"%s\",\"shown\":%u}",
                      campaign->cap, names[campaign->per], shown);
}


static void
explain_stopped(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign, onsite_buf_t *out)
{
    uint8_t                   happened;
    const onsite_exposure_t  *exposure = exposure_of(explain, campaign);

    happened = exposure != NULL
               ? exposure->happened & campaign->stop_on : 0;

    onsite_buf_printf(out, "{\"stopped\":[%s%s%s%s%s]}",
                      happened & ONSITE_STOP_CLICKED ? "\"clicked\"" : "",
                      (happened & ONSITE_STOP_CLICKED)
                      && (happened & ~ONSITE_STOP_CLICKED) ? "," : "",
                      happened & ONSITE_STOP_DISMISSED ? "\"dismissed\"" : "",
                      (happened & ONSITE_STOP_DISMISSED)
                      && (happened & ONSITE_STOP_GOAL) ? "," : "",
                      happened & ONSITE_STOP_GOAL ? "\"goal\"" : "");
}


/* Of its group, or in its slot. */

static void
explain_group(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign, onsite_buf_t *out)
{
    size_t                    i;
    const onsite_image_t     *image = explain->context->image;
    const onsite_campaign_t  *other;

    for (i = 0; i < explain->decision->n; i++) {
        other = explain->decision->choices[i].campaign;

        if (campaign->group != 0 && other->group == campaign->group) {
            onsite_buf_str(out, ONSITE_STR("{\"other\":"));
            onsite_write_json_string(out, onsite_image_str(image, other->id));
            onsite_buf_char(out, '}');
            return;
        }

        if (other->channel == ONSITE_CHANNEL_EMBED
            && campaign->channel == ONSITE_CHANNEL_EMBED
            && onsite_str_eq(onsite_image_str(image, other->slot),
                             onsite_image_str(image, campaign->slot)))
        {
            onsite_buf_str(out, ONSITE_STR("{\"other\":"));
            onsite_write_json_string(out, onsite_image_str(image, other->id));
            onsite_buf_str(out, ONSITE_STR(",\"slot\":"));
            onsite_write_json_string(out, onsite_image_str(image,
                                                           other->slot));
            onsite_buf_char(out, '}');
            return;
        }
    }
}


static void
explain_journey(const onsite_image_t *image, const onsite_machine_t *machine,
    uint32_t rank, onsite_buf_t *out)
{
    uint32_t                       i, k;
    onsite_str_t                   state = { 0, NULL };
    const uint32_t                *ranks;
    const onsite_machine_state_t  *states;

    states = onsite_image_at(image, machine->states);

    for (i = 0; i < machine->n_states; i++) {
        ranks = onsite_image_at(image, states[i].campaigns);

        for (k = 0; k < states[i].n_campaigns; k++) {
            if (ranks[k] == rank) {
                state = onsite_image_str(image, states[i].name);
            }
        }
    }

    onsite_buf_str(out, ONSITE_STR("{\"journey\":"));
    onsite_write_json_string(out, onsite_image_str(image, machine->id));
    onsite_buf_str(out, ONSITE_STR(",\"state\":"));
    onsite_write_json_string(out, state);
}


static uint32_t
steps_done(const onsite_visitor_t *visitor, uint32_t hash)
{
    uint32_t  i;

    for (i = 0; visitor != NULL && i < visitor->n_progress; i++) {
        if (visitor->progress[i].trigger == hash) {
            return visitor->progress[i].n;
        }
    }

    return 0;
}


static void
explain_inactive(const onsite_explain_t *explain,
    const onsite_machine_t *machine, onsite_buf_t *out)
{
    uint32_t                       i, to;
    const onsite_image_t          *image = explain->context->image;
    const onsite_visitor_t        *v = explain->visitor;
    const onsite_standing_t       *standing;
    const onsite_machine_state_t  *armed;

    armed = onsite_states(image, machine) + ONSITE_STATE_ARMED;
    onsite_buf_printf(out, "{\"inactive\":%lld",
                      (long long) (armed->inactive_ms / ONSITE_SECOND));

    for (i = 0; v != NULL && i < v->n_standings; i++) {
        standing = &v->standings[i];

        if (standing->machine == machine->hash
            && onsite_machine_stands(image, machine, standing->state)
               == ONSITE_STATE_ARMED)
        {
            onsite_buf_char(out, ',');
            write_moment(explain, "due",
                         onsite_machine_state_due(armed, standing->since,
                                                  v->last_seen, &to), out);
        }
    }
}


/* What the campaign's machine waits for. */

static void
explain_machine(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign, onsite_buf_t *out)
{
    const onsite_image_t          *image = explain->context->image;
    const onsite_machine_t        *machine;
    const onsite_campaign_t       *campaigns;
    const onsite_image_header_t   *header = onsite_image_header(image);

    machine = onsite_image_at(image, header->machines);
    machine += campaign->trigger.machine;
    campaigns = onsite_image_at(image, header->campaigns);

    switch ((onsite_trigger_kind_t) campaign->trigger.kind) {

    case ONSITE_TRIGGER_JOURNEY:
        explain_journey(image, machine, (uint32_t) (campaign - campaigns),
                        out);
        break;

    case ONSITE_TRIGGER_SEQUENCE:
        onsite_buf_printf(out, "{\"sequence\":%u,\"of\":%u",
                          steps_done(explain->visitor, machine->hash),
                          machine->n_states - 1);
        break;

    case ONSITE_TRIGGER_INACTIVE:
        explain_inactive(explain, machine, out);
        break;

    case ONSITE_TRIGGER_EVENT:
        break;
    }
}


static void
explain_armed(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign, onsite_buf_t *out)
{
    size_t  i;

    for (i = 0; i < explain->decision->n; i++) {
        if (explain->decision->choices[i].campaign == campaign
            && explain->decision->choices[i].armed)
        {
            onsite_buf_str(out, ONSITE_STR("{\"armed\":true,\"when\":"));
            onsite_buf_str(out, onsite_image_str(explain->context->image,
                                                 campaign->when));
            onsite_buf_char(out, '}');
        }
    }
}


static void explain_reason(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign, onsite_reason_t reason,
    onsite_buf_t *out);


/* What has not come; and what would stop the campaign if it came now. */

static void
explain_trigger(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign, onsite_buf_t *out)
{
    size_t            start;
    onsite_explain_t  fired = *explain;
    onsite_str_t      detail = ONSITE_STR(",\"detail\":");

    fired.waited = true;
    explain_machine(explain, campaign, out);
    onsite_buf_str(out, ONSITE_STR(",\"then\":{\"reason\":"));
    onsite_write_json_string(out,
                             fired.then != ONSITE_REASON_NONE
                             ? onsite_reason_text(fired.then)
                             : campaign->when.len != 0 ? ONSITE_STR("armed")
                                                       : ONSITE_STR("shown"));
    onsite_buf_str(out, detail);
    start = out->len;
    explain_reason(&fired, campaign, fired.then, out);

    if (out->len == start && !out->failed) {
        out->len -= detail.len;
    }

    onsite_buf_str(out, ONSITE_STR("}}"));
}


static void
explain_reason(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign, onsite_reason_t reason,
    onsite_buf_t *out)
{
    switch (reason) {

    case ONSITE_REASON_WHERE:
    case ONSITE_REASON_AUDIENCE:
    case ONSITE_REASON_INCONCLUSIVE:
        if (explain->waited
            || !onsite_condition_explain(explain->context,
                                         campaign->trigger.where, out))
        {
            (void) onsite_condition_explain(explain->context,
                                            campaign->audience, out);
        }
        break;

    case ONSITE_REASON_SCHEDULE:
        explain_schedule(explain, campaign, out);
        break;

    case ONSITE_REASON_COUNT:
        explain_count(explain, campaign, out);
        break;

    case ONSITE_REASON_CAP:
        explain_cap(explain, campaign, out);
        break;

    case ONSITE_REASON_STOPPED:
        explain_stopped(explain, campaign, out);
        break;

    case ONSITE_REASON_GROUP:
        explain_group(explain, campaign, out);
        break;

    case ONSITE_REASON_COVERAGE:
        write_number(out, "coverage", campaign->coverage);
        break;

    case ONSITE_REASON_HOLDOUT:
        write_number(out, "holdout", campaign->holdout);
        break;

    case ONSITE_REASON_LIMIT:
        onsite_buf_printf(out, "{\"most\":%d}", ONSITE_CHOICES_MAX);
        break;

    case ONSITE_REASON_TRIGGER:
        explain_trigger(explain, campaign, out);
        break;

    case ONSITE_REASON_NONE:
        explain_armed(explain, campaign, out);
        break;

    default:
        break;
    }
}


void
onsite_decide_explain(const onsite_explain_t *explain,
    const onsite_campaign_t *campaign, onsite_reason_t reason,
    onsite_buf_t *out)
{
    size_t  start;

    if (!explain->waited) {
        explain_reason(explain, campaign, reason, out);
        return;
    }

    onsite_buf_str(out, explain->released ? ONSITE_STR("{\"released\":true")
                                          : ONSITE_STR("{\"pending\":true"));
    start = out->len;
    explain_reason(explain, campaign, reason, out);

    if (out->len == start) {
        onsite_buf_char(out, '}');

    } else if (!out->failed) {
        out->data[start] = ',';
    }
}
