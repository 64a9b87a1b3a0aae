/*
 * ngx_http_onsite_conf.h - handlers of directives that need more than a slot.
 */

#ifndef _NGX_HTTP_ONSITE_CONF_H_INCLUDED_
#define _NGX_HTTP_ONSITE_CONF_H_INCLUDED_

#include "ngx_http_onsite.h"

char *ngx_http_onsite_conf_state(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_onsite_conf_snapshot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_onsite_conf_key_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_onsite_conf_cookie(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_onsite_conf_consent(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_onsite_conf_attribute(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_onsite_conf_event(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

char *ngx_http_onsite_conf_adopt(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Words into the ngx_array_t of ngx_str_t at cmd->offset. */
char *ngx_http_onsite_conf_words(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* conf_values.c: as nginx's own slots, but errors say what is right. */
char *ngx_http_onsite_conf_enum(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_onsite_conf_origins(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_onsite_conf_types(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* ngx_conf_post_t's handlers: 0 is refused. */
char *ngx_http_onsite_conf_positive_time(ngx_conf_t *cf, void *post,
    void *data);
char *ngx_http_onsite_conf_positive_size(ngx_conf_t *cf, void *post,
    void *data);

#endif /* _NGX_HTTP_ONSITE_CONF_H_INCLUDED_ */
