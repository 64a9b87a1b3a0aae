/*
 * record.c - a visitor's record as one line of JSON.
 */

#include "loader.h"

#include <time.h>


void
loader_write_time(onsite_buf_t *out, onsite_ms_t time)
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
    loader_write_time(out, v->session.start);
    onsite_buf_printf(out, ",\"last\":");
    loader_write_time(out, v->session.last);
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


/* Campaigns are told by the hash that the record keeps. */

static void
write_exposures(onsite_buf_t *out, const onsite_visitor_t *v)
{
    uint32_t                  i;
    const onsite_exposure_t  *e;

    onsite_buf_printf(out, ",\"exposures\":[");

    for (i = 0; i < v->n_exposures; i++) {
        e = &v->exposures[i];

        onsite_buf_printf(out, "%s{\"campaign\":\"%08x\",\"shown\":%u,"
                          "\"last\":", i != 0 ? "," : "", e->campaign,
                          e->total);
        loader_write_time(out, e->last);
        onsite_buf_printf(out, ",\"holdout\":%s,\"clicked\":%s,"
                          "\"dismissed\":%s,\"goal\":%s}",
                          e->holdout ? "true" : "false",
                          e->happened & ONSITE_STOP_CLICKED ? "true"
                                                            : "false",
                          e->happened & ONSITE_STOP_DISMISSED ? "true"
                                                              : "false",
                          e->happened & ONSITE_STOP_GOAL ? "true" : "false");
    }

    onsite_buf_printf(out, "]");
}


void
loader_write_visitor(onsite_buf_t *out, onsite_str_t id, onsite_str_t site,
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

    onsite_buf_printf(out, ",\"counts\":");
    write_counts(out, visitor, false);

    onsite_buf_printf(out, ",\"visits\":%u,\"orders\":%u,\"first_seen\":",
                      visitor->visits, visitor->orders);
    loader_write_time(out, visitor->first_seen);
    onsite_buf_printf(out, ",\"last_seen\":");
    loader_write_time(out, visitor->last_seen);

    write_session(out, visitor);
    write_cart(out, visitor);
    write_exposures(out, visitor);

    onsite_buf_printf(out, ",\"pending\":%u}\n", visitor->n_pending);
}
