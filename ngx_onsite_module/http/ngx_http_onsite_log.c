/*
 * ngx_http_onsite_log.c - errors of ours, once a minute at most.
 *
 * A disk that is full or a snapshot that is bad says so on every request;
 * the log has to stay readable then.
 */

#include "ngx_http_onsite.h"


#define NGX_HTTP_ONSITE_LOG_INTERVAL  60000     /* ms */


typedef struct {
    ngx_msec_t  last;           /* of a clock that is never set back */
    ngx_uint_t  logged;
    ngx_uint_t  suppressed;
} ngx_http_onsite_log_state_t;


static ngx_http_onsite_log_state_t
    ngx_http_onsite_log_states[NGX_HTTP_ONSITE_LOG_KINDS];


void
ngx_http_onsite_log(ngx_log_t *log, ngx_http_onsite_log_e kind,
    ngx_uint_t level, const char *text)
{
    ngx_msec_t                    now;
    ngx_http_onsite_log_state_t  *state;

    now = ngx_current_msec;
    state = &ngx_http_onsite_log_states[kind];

    if (state->logged && now - state->last < NGX_HTTP_ONSITE_LOG_INTERVAL) {
        state->suppressed++;
        return;
    }

    if (state->suppressed != 0) {
        ngx_log_error(level, log, 0, "onsite: %s (and %ui more of this kind)",
                      text, state->suppressed);

    } else {
        ngx_log_error(level, log, 0, "onsite: %s", text);
    }

    state->last = now;
    state->logged = 1;
    state->suppressed = 0;
}
