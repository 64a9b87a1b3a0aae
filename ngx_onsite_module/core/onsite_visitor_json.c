/*
 * onsite_visitor_json.c - a visitor as JSON.
 */

#include "onsite_visitor_json.h"
#include "onsite_affinity.h"
#include "onsite_campaign.h"
#include "onsite_machine.h"

#include <time.h>


void
onsite_write_time(onsite_buf_t *out, onsite_ms_t time)
{
    char       text[40];
    time_t     seconds;
    struct tm  utc;

    if (time <= 0) {
        onsite_buf_append(out, "null", 4);
        return;
    }

    seconds = (time_t) (time / ONSITE_SECOND);
    (void) gmtime_r(&seconds, &utc);
    (void) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);

    onsite_buf_printf(out, "\"%s.%03dZ\"", text,
                      (int) (time % ONSITE_SECOND));
}


void
onsite_write_key(onsite_buf_t *out, const onsite_key_t *key)
{
    size_t  i;

    onsite_buf_char(out, '"');

    for (i = 0; i < sizeof(key->bytes); i++) {
        onsite_buf_printf(out, "%02x", key->bytes[i]);
    }

    onsite_buf_char(out, '"');
}


static void
write_number(onsite_buf_t *out, double number)
{
    onsite_value_t  value = onsite_value_number(number);

    onsite_value_write_json(out, &value);
}


/* "counts" for all time, or those of the session. */

static void
write_counts(onsite_buf_t *out, const onsite_visitor_t *v, bool session)
{
    bool      first = true;
    uint32_t  i, n;

    onsite_buf_char(out, '{');

    for (i = 0; i < v->n_counters; i++) {
        n = session ? v->counters[i].session : v->counters[i].total;

        if (n == 0) {
            continue;
        }

        if (!first) {
            onsite_buf_char(out, ',');
        }
        first = false;

        onsite_write_json_string(out, v->counters[i].name);
        onsite_buf_printf(out, ":%u", n);
    }

    onsite_buf_char(out, '}');
}


static void
write_session(onsite_buf_t *out, const onsite_visitor_t *v)
{
    onsite_buf_printf(out, ",\"session\":{\"start\":");
    onsite_write_time(out, v->session.start);
    onsite_buf_printf(out, ",\"last\":");
    onsite_write_time(out, v->session.last);
    onsite_buf_printf(out, ",\"pageviews\":%u,\"events\":%u,\"counts\":",
                      v->session.pageviews, v->session.events);
    write_counts(out, v, true);
    onsite_buf_char(out, '}');
}


static void
write_cart(onsite_buf_t *out, const onsite_visitor_t *v)
{
    uint32_t  i;

    onsite_buf_printf(out, ",\"cart\":{\"items\":%u,\"value\":",
                      onsite_visitor_cart_items(v));
    write_number(out, onsite_visitor_cart_value(v));
    onsite_buf_printf(out, ",\"lines\":[");

    for (i = 0; i < v->n_cart; i++) {
        onsite_buf_printf(out, "%s{\"sku\":", i != 0 ? "," : "");
        onsite_write_json_string(out, v->cart[i].sku);
        onsite_buf_printf(out, ",\"quantity\":%u,\"price\":",
                          v->cart[i].quantity);
        write_number(out, v->cart[i].price);
        onsite_buf_char(out, '}');
    }

    onsite_buf_printf(out, "]}");
}


static void
write_hash(onsite_buf_t *out, uint32_t hash)
{
    onsite_buf_printf(out, "\"%08x\"", hash);
}


static void
write_campaign(onsite_buf_t *out, uint32_t hash, const onsite_image_t *image)
{
    const onsite_campaign_t  *campaign;

    campaign = image == NULL ? NULL : onsite_campaign_find(image, hash);

    if (campaign == NULL) {
        write_hash(out, hash);

    } else {
        onsite_write_json_string(out, onsite_image_str(image, campaign->id));
    }
}


static void
write_flag(onsite_buf_t *out, const char *name, bool flag)
{
    onsite_buf_printf(out, ",\"%s\":%s", name, flag ? "true" : "false");
}


static void
write_exposures(onsite_buf_t *out, const onsite_visitor_t *v,
    const onsite_image_t *image)
{
    uint32_t                  i;
    const onsite_exposure_t  *e;

    onsite_buf_printf(out, ",\"exposures\":[");

    for (i = 0; i < v->n_exposures; i++) {
        e = &v->exposures[i];

        onsite_buf_printf(out, "%s{\"campaign\":", i != 0 ? "," : "");
        write_campaign(out, e->campaign, image);
        onsite_buf_printf(out, ",\"shown\":%u,\"last\":", e->total);
        onsite_write_time(out, e->last);
        onsite_buf_printf(out, ",\"window\":%u,\"session\":%u", e->window,
                          e->session);

        if (e->variant != 0) {
            onsite_buf_printf(out, ",\"variant\":%u,\"variant_hash\":%u",
                              e->variant, e->variant_hash);
        }

        write_flag(out, "holdout", e->holdout);
        write_flag(out, "clicked", e->happened & ONSITE_STOP_CLICKED);
        write_flag(out, "dismissed", e->happened & ONSITE_STOP_DISMISSED);
        write_flag(out, "goal", e->happened & ONSITE_STOP_GOAL);
        onsite_buf_char(out, '}');
    }

    onsite_buf_char(out, ']');
}


static void
write_person(onsite_buf_t *out, const onsite_visitor_t *v)
{
    if (v->user_id.len != 0) {
        onsite_buf_printf(out, ",\"user_id\":");
        onsite_write_json_string(out, v->user_id);
        write_flag(out, "verified", v->verified);
    }

    if (v->identified) {
        write_flag(out, "identified", true);
    }

    if (v->traits.type == ONSITE_OBJECT) {
        onsite_buf_printf(out, ",\"traits\":");
        onsite_value_write_json(out, &v->traits);
    }

    if (v->session_only) {
        write_flag(out, "session_only", true);
    }
}


static void
write_text(onsite_buf_t *out, const char *name, onsite_str_t text)
{
    if (text.len != 0) {
        onsite_buf_printf(out, ",\"%s\":", name);
        onsite_write_json_string(out, text);
    }
}


static void
write_touch(onsite_buf_t *out, const onsite_touch_t *touch)
{
    onsite_buf_printf(out, "{\"time\":");
    onsite_write_time(out, touch->time);
    write_text(out, "source", touch->source);
    write_text(out, "medium", touch->medium);
    write_text(out, "campaign", touch->campaign);
    write_text(out, "referrer", touch->referrer);
    write_text(out, "click", touch->click);
    onsite_buf_char(out, '}');
}


static void
write_origin(onsite_buf_t *out, const onsite_visitor_t *v)
{
    uint32_t  i;

    if (v->first_touch.time == 0 && v->n_touches == 0) {
        return;
    }

    onsite_buf_printf(out, ",\"origin\":{\"first\":");

    if (v->first_touch.time == 0) {
        onsite_buf_printf(out, "null");
    } else {
        write_touch(out, &v->first_touch);
    }

    onsite_buf_printf(out, ",\"touches\":[");

    for (i = 0; i < v->n_touches; i++) {
        onsite_buf_printf(out, "%s", i != 0 ? "," : "");
        write_touch(out, &v->touches[i]);
    }

    onsite_buf_printf(out, "]}");
}


/* Those of an attribute stand together. */

static void
write_affinities(onsite_buf_t *out, const onsite_visitor_t *v,
    const onsite_image_t *image)
{
    uint32_t                       i;
    const onsite_affinity_t       *a;
    const onsite_affinity_rule_t  *rule;

    if (v->n_affinities == 0) {
        return;
    }

    onsite_buf_printf(out, ",\"affinities\":[");

    for (i = 0; i < v->n_affinities; i++) {
        a = &v->affinities[i];
        rule = image == NULL ? NULL : onsite_affinity_find(image,
                                                           a->attribute);

        onsite_buf_printf(out, "%s{\"attribute\":", i != 0 ? "," : "");

        if (rule == NULL) {
            write_hash(out, a->attribute);
        } else {
            onsite_write_json_string(out, onsite_image_str(image,
                                                           rule->name));
        }

        onsite_buf_printf(out, ",\"value\":");
        onsite_write_json_string(out, a->value);
        onsite_buf_printf(out, ",\"score\":");
        write_number(out, (double) a->score);
        onsite_buf_char(out, '}');
    }

    onsite_buf_printf(out, "],\"affinities_at\":");
    onsite_write_time(out, v->affinity_at);
}


static void
write_state(onsite_buf_t *out, const onsite_machine_t *machine, uint32_t hash,
    const onsite_image_t *image)
{
    uint32_t                       i;
    const onsite_machine_state_t  *states;

    if (machine != NULL && machine->kind == ONSITE_MACHINE_JOURNEY) {
        states = onsite_image_at(image, machine->states);

        for (i = 0; i < machine->n_states; i++) {
            if (states[i].hash == hash) {
                onsite_write_json_string(out, onsite_image_str(image,
                                                           states[i].name));
                return;
            }
        }
    }

    write_hash(out, hash);
}


/* A trigger that waits for inactivity, by its campaign. */

static void
write_armed(onsite_buf_t *out, const onsite_standing_t *s,
    const onsite_machine_t *machine, const onsite_image_t *image)
{
    onsite_buf_printf(out, "{\"campaign\":");
    onsite_write_json_string(out, onsite_image_str(image, machine->id));
    onsite_buf_printf(out, ",\"armed\":");
    onsite_write_time(out, s->since);
    onsite_buf_char(out, '}');
}


static void
write_standing(onsite_buf_t *out, const onsite_standing_t *s,
    const onsite_image_t *image)
{
    const onsite_machine_t  *machine = NULL;

    if (image != NULL) {
        machine = onsite_machine_find(image, s->machine);
    }

    if (machine != NULL && machine->kind == ONSITE_MACHINE_INACTIVE
        && s->state == ONSITE_STATE_ARMED && s->since > 0)
    {
        write_armed(out, s, machine, image);
        return;
    }

    onsite_buf_printf(out, "{\"journey\":");

    if (machine == NULL || machine->kind != ONSITE_MACHINE_JOURNEY) {
        write_hash(out, s->machine);
    } else {
        onsite_write_json_string(out, onsite_image_str(image, machine->id));
    }

    onsite_buf_printf(out, ",\"state\":");
    write_state(out, machine, s->state, image);
    onsite_buf_printf(out, ",\"since\":");
    onsite_write_time(out, s->since);
    onsite_buf_char(out, '}');
}


static void
write_journeys(onsite_buf_t *out, const onsite_visitor_t *v,
    const onsite_image_t *image)
{
    uint32_t  i;

    if (v->n_standings == 0) {
        return;
    }

    onsite_buf_printf(out, ",\"journeys\":[");

    for (i = 0; i < v->n_standings; i++) {
        onsite_buf_printf(out, "%s", i != 0 ? "," : "");
        write_standing(out, &v->standings[i], image);
    }

    onsite_buf_char(out, ']');
}


/* Whose trigger it is. */

static void
write_trigger(onsite_buf_t *out, uint32_t hash, const onsite_image_t *image)
{
    uint32_t                  i, n;
    const onsite_machine_t   *machine;
    const onsite_campaign_t  *campaigns;

    onsite_buf_printf(out, "{\"trigger\":");
    write_hash(out, hash);

    if (image == NULL) {
        return;
    }

    machine = onsite_machine_find(image, hash);

    if (machine != NULL) {
        write_text(out, "campaign", onsite_image_str(image, machine->id));
        return;
    }

    n = onsite_image_header(image)->n_campaigns;
    campaigns = onsite_image_at(image, onsite_image_header(image)->campaigns);

    for (i = 0; i < n; i++) {
        if (campaigns[i].trigger.hash == hash) {
            write_text(out, "campaign", onsite_image_str(image,
                                                         campaigns[i].id));
            return;
        }
    }
}


/* Matches of triggers that want several. */

static void
write_progress(onsite_buf_t *out, const onsite_visitor_t *v,
    const onsite_image_t *image)
{
    uint32_t                  i, k;
    const onsite_progress_t  *p;

    if (v->n_progress == 0) {
        return;
    }

    onsite_buf_printf(out, ",\"progress\":[");

    for (i = 0; i < v->n_progress; i++) {
        p = &v->progress[i];
        onsite_buf_printf(out, "%s", i != 0 ? "," : "");
        write_trigger(out, p->trigger, image);
        onsite_buf_printf(out, ",\"session\":%u", p->session);

        if (p->starts) {
            write_flag(out, "sequence", true);
        }

        onsite_buf_printf(out, ",\"times\":[");

        for (k = 0; k < p->n; k++) {
            onsite_buf_printf(out, "%s", k != 0 ? "," : "");
            onsite_write_time(out, p->times[k]);
        }

        onsite_buf_printf(out, "]}");
    }

    onsite_buf_char(out, ']');
}


static void
write_fired(onsite_buf_t *out, const char *name, const onsite_pending_t *p,
    uint32_t n, const onsite_image_t *image)
{
    uint32_t  i;

    if (n == 0) {
        return;
    }

    onsite_buf_printf(out, ",\"%s\":[", name);

    for (i = 0; i < n; i++, p++) {
        onsite_buf_printf(out, "%s{\"campaign\":", i != 0 ? "," : "");
        write_campaign(out, p->campaign, image);
        onsite_buf_printf(out, ",\"fired\":");
        onsite_write_time(out, p->fired);
        onsite_buf_printf(out, ",\"event\":");
        onsite_write_json_string(out, p->event);
        onsite_buf_printf(out, ",\"properties\":");
        onsite_value_write_json(out, &p->properties);

        if (p->waits) {
            write_flag(out, "waits", true);
        }

        onsite_buf_char(out, '}');
    }

    onsite_buf_char(out, ']');
}


static void
write_waiting(onsite_buf_t *out, const onsite_visitor_t *v,
    const onsite_image_t *image)
{
    onsite_buf_printf(out, ",\"pending\":%u", v->n_pending);
    write_fired(out, "waiting", v->pending, v->n_pending, image);
    write_fired(out, "armed", v->armed, v->n_armed, image);
}


/* Hashes of messageIds. */

static void
write_messages(onsite_buf_t *out, const onsite_visitor_t *v)
{
    uint32_t  i;

    if (v->n_messages == 0) {
        return;
    }

    onsite_buf_printf(out, ",\"messages\":[");

    for (i = 0; i < v->n_messages; i++) {
        onsite_buf_printf(out, "%s", i != 0 ? "," : "");
        write_hash(out, v->messages[i]);
    }

    onsite_buf_char(out, ']');
}


static void
write_head(onsite_buf_t *out, onsite_str_t id, onsite_str_t site,
    const onsite_visitor_t *visitor)
{
    onsite_buf_printf(out, "{\"visitor\":");
    onsite_write_json_string(out, id);

    onsite_buf_printf(out, ",\"site\":");
    if (site.len != 0) {
        onsite_write_json_string(out, site);
    } else {
        onsite_buf_append(out, "null", 4);
    }

    onsite_buf_printf(out, ",\"status\":");
    onsite_write_json_string(out,
        onsite_visitor_status_text(onsite_visitor_status(visitor)));
}


void
onsite_visitor_write_json(onsite_buf_t *out, onsite_str_t id,
    onsite_str_t site, const onsite_visitor_t *visitor,
    const onsite_image_t *image)
{
    write_head(out, id, site, visitor);
    write_person(out, visitor);

    onsite_buf_printf(out, ",\"counts\":");
    write_counts(out, visitor, false);

    onsite_buf_printf(out, ",\"visits\":%u,\"orders\":%u,\"first_seen\":",
                      visitor->visits, visitor->orders);
    onsite_write_time(out, visitor->first_seen);
    onsite_buf_printf(out, ",\"last_seen\":");
    onsite_write_time(out, visitor->last_seen);

    write_session(out, visitor);
    write_cart(out, visitor);
    write_exposures(out, visitor, image);
    write_origin(out, visitor);
    write_affinities(out, visitor, image);
    write_journeys(out, visitor, image);
    write_progress(out, visitor, image);
    write_waiting(out, visitor, image);

    if (visitor->wake != 0) {
        onsite_buf_printf(out, ",\"timer\":");
        onsite_write_time(out, visitor->wake);
    }

    write_messages(out, visitor);
    onsite_buf_char(out, '}');
}
