/*
 * ngx_http_onsite_outbox.c - events on their way out: what of them may leave.
 *
 * Whoever consented to the session only leaves as the session's visitor: with
 * no id but the key of a record that is kept for a day, and no traits.  A
 * customer who is not logged in is not named.
 */

#include "ngx_http_onsite.h"


static ngx_uint_t
is_excepted(ngx_http_onsite_loc_conf_t *olcf, onsite_str_t name)
{
    ngx_str_t   *names;
    ngx_uint_t   i;

    if (olcf->outbox_except == NULL) {
        return 0;
    }

    names = olcf->outbox_except->elts;

    for (i = 0; i < olcf->outbox_except->nelts; i++) {
        if (onsite_str_eq(ngx_http_onsite_str(names[i]), name)) {
            return 1;
        }
    }

    return 0;
}


/* An error of the store ends the transaction: its commit tells. */

static void
add(onsite_txn_t *txn, const onsite_outbox_event_t *event,
    const onsite_outbox_fields_t *fields)
{
    uint64_t          lost;
    onsite_buf_t     *buf;
    onsite_status_t   status;

    buf = &ngx_http_onsite_worker.outbox;
    lost = 0;

    onsite_buf_clear(buf);
    onsite_outbox_event_encode(event, fields, buf);

    status = buf->failed ? ONSITE_LIMIT
             : onsite_txn_event_add(txn, onsite_str(buf->data, buf->len),
                                    &lost);

    if (status == ONSITE_FULL || status == ONSITE_LIMIT) {
        lost++;
    }

    if (lost != 0) {
        ngx_http_onsite_count_n(outbox_dropped, lost);
        ngx_http_onsite_log(ngx_cycle->log, NGX_HTTP_ONSITE_LOG_EVENTS,
                            NGX_LOG_NOTICE, "events that wait to leave have "
                            "their share of the state already: the oldest are "
                            "dropped; drain them, or see "
                            "onsite_outbox_events");
    }
}


static onsite_str_t
user_id(ngx_http_onsite_leaving_t *leaving, const onsite_visitor_t *visitor,
    const onsite_event_t *event)
{
    if (leaving->brief) {
        return onsite_str(NULL, 0);
    }

    if (event->user_id.len != 0) {
        return event->user_id;
    }

    return visitor->verified && leaving->closed ? onsite_str(NULL, 0)
                                                : visitor->user_id;
}


void
ngx_http_onsite_event_leaves(ngx_http_onsite_leaving_t *leaving,
    onsite_txn_t *txn, const onsite_key_t *key,
    const onsite_visitor_t *visitor, const onsite_event_t *event)
{
    ngx_array_t             *names;
    onsite_outbox_event_t    out;
    onsite_outbox_fields_t   fields;

    /* calls that are about nothing but who this is */

    if (leaving->brief && (event->type == ONSITE_IDENTIFY
                           || event->type == ONSITE_GROUP
                           || event->type == ONSITE_ALIAS))
    {
        return;
    }

    if (is_excepted(leaving->conf, event->name)) {
        return;
    }

    ngx_memzero(&out, sizeof(onsite_outbox_event_t));

    out.type = event->type;
    out.visitor = *key;
    out.time = event->time;
    out.site = leaving->site;
    out.user_id = user_id(leaving, visitor, event);
    out.name = event->name;
    out.message_id = event->message_id;
    out.properties = event->properties;
    out.context = event->context;

    if (!leaving->brief) {
        out.anonymous_id = event->anonymous_id;
        out.previous_id = event->previous_id;
        out.group_id = event->group_id;
        out.traits = event->traits;
    }

    names = leaving->conf->outbox_fields;

    if (names != NULL) {
        fields.names = (const onsite_str_t *) names->elts;
        fields.n = names->nelts;
    }

    add(txn, &out, names != NULL ? &fields : NULL);
}


/* How a campaign's members are called in Promotion Viewed. */

void
ngx_http_onsite_choice_leaves(ngx_http_onsite_leaving_t *leaving,
    onsite_txn_t *txn, const onsite_key_t *key,
    const onsite_visitor_t *visitor, const onsite_image_t *image,
    const onsite_choice_t *choice, const onsite_event_t *event)
{
    onsite_member_t        members[6];
    onsite_outbox_event_t  out;

    if (onsite_choice_leaves(choice)
        || is_excepted(leaving->conf, ONSITE_EVENT_SERVED))
    {
        return;
    }

    members[0].key = ONSITE_STR("promotion_id");
    members[0].value = onsite_value_string(onsite_image_str(image,
                                                      choice->campaign->id));
    members[1].key = ONSITE_STR("variant");
    members[1].value = onsite_value_string(onsite_image_str(image,
                                                      choice->variant->id));
    members[2].key = ONSITE_STR("channel");
    members[2].value = onsite_value_string(
                              onsite_channel_text(choice->campaign->channel));
    members[3].key = ONSITE_STR("propensity");
    members[3].value = onsite_value_number(choice->propensity);
    members[4].key = ONSITE_STR("trigger");
    members[4].value = onsite_value_string(event->name);
    members[5].key = ONSITE_STR("snapshot");
    members[5].value = onsite_value_number((double)
              onsite_snapshot_info(ngx_http_onsite_worker.snapshot)->version);

    ngx_memzero(&out, sizeof(onsite_outbox_event_t));

    out.type = ONSITE_TRACK;
    out.visitor = *key;
    out.time = event->received;
    out.site = leaving->site;
    out.user_id = user_id(leaving, visitor, event);
    out.name = ONSITE_EVENT_SERVED;
    out.properties.type = ONSITE_OBJECT;
    out.properties.len = 6;
    out.properties.as.members = members;

    if (!leaving->brief) {
        out.anonymous_id = event->anonymous_id;
    }

    add(txn, &out, NULL);
}
