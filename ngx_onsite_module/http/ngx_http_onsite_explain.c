/*
 * ngx_http_onsite_explain.c - why campaigns are shown or not, for a debug key's
 * owner.
 */

#include "ngx_http_onsite_apply.h"


#define NGX_HTTP_ONSITE_EXPLAIN_MAX   8192


/*
 * Appends campaign, reason and detail for a debug key's owner.  It becomes a
 * header of a page: what is longer than others take is counted only.
 */

static void
tell_reason(void *data, const onsite_campaign_t *campaign,
    onsite_reason_t reason, const char *detail)
{
    explanation_t         *explanation;
    onsite_str_t           name;
    onsite_buf_t          *buf;
    const onsite_image_t  *image;

    explanation = data;
    image = explanation->image;
    buf = &ngx_http_onsite_worker.explain;

    if (buf->len > NGX_HTTP_ONSITE_EXPLAIN_MAX) {
        explanation->more++;
        return;
    }

    onsite_buf_str(buf, buf->len == 0 ? ONSITE_STR("[{\"campaign\":")
                                      : ONSITE_STR(",{\"campaign\":"));
    onsite_write_json_string(buf, onsite_image_str(image, campaign->id));

    name = reason == ONSITE_REASON_NONE ? ONSITE_STR("shown")
                                        : onsite_reason_text(reason);
    onsite_buf_str(buf, ONSITE_STR(",\"reason\":"));
    onsite_write_json_string(buf, name);

    if (detail != NULL) {
        onsite_buf_str(buf, ONSITE_STR(",\"detail\":"));
        onsite_buf_append(buf, detail, ngx_strlen(detail));
    }

    onsite_buf_char(buf, '}');
}


void
ngx_http_onsite_explain(explanation_t *explanation,
    onsite_decide_options_t *options, const onsite_image_t *image)
{
    explanation->image = image;
    options->explain = tell_reason;
    options->explain_data = explanation;
}


void
ngx_http_onsite_explain_end(const explanation_t *explanation)
{
    if (explanation->more != 0) {
        onsite_buf_printf(&ngx_http_onsite_worker.explain, ",{\"more\":%lu}",
                          (unsigned long) explanation->more);
    }
}
