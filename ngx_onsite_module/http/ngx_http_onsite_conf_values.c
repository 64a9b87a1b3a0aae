/*
 * ngx_http_onsite_conf_values.c - directives that take one of nginx's usual
 * kinds of values, and say what is wrong with one that is none.
 */

#include "ngx_http_onsite.h"
#include "ngx_http_onsite_conf.h"


#define NGX_HTTP_ONSITE_NAMES_MAX  128


static ngx_uint_t
is_any(ngx_str_t *word)
{
    return word->len == 1 && word->data[0] == '*';
}


/* "on, off or dry_run" */

static void
list_names(ngx_conf_enum_t *e, ngx_str_t *names, u_char *buf)
{
    u_char      *p, *last;
    ngx_uint_t   i;

    p = buf;
    last = buf + NGX_HTTP_ONSITE_NAMES_MAX;

    for (i = 0; e[i].name.len != 0; i++) {
        p = ngx_slprintf(p, last, "%s%V",
                         i == 0 ? "" : e[i + 1].name.len != 0 ? ", " : " or ",
                         &e[i].name);
    }

    names->data = buf;
    names->len = p - buf;
}


char *
ngx_http_onsite_conf_enum(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char            buf[NGX_HTTP_ONSITE_NAMES_MAX];
    ngx_str_t        *word, names;
    ngx_uint_t        i;
    ngx_conf_enum_t  *e;

    word = cf->args->elts;
    e = cmd->post;

    for (i = 0; e[i].name.len != 0; i++) {
        if (e[i].name.len == word[1].len
            && ngx_strcasecmp(e[i].name.data, word[1].data) == 0)
        {
            return ngx_conf_set_enum_slot(cf, cmd, conf);
        }
    }

    list_names(e, &names, buf);
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\" of \"%V\": "
                       "it is %V", &word[1], &cmd->name, &names);
    return NGX_CONF_ERROR;
}


/* scheme://host[:port], as browsers send it; or one of the two words. */

static ngx_uint_t
is_origin(ngx_str_t *word)
{
    u_char  *host, *last;

    if (is_any(word)
        || (word->len == 4 && ngx_strncmp(word->data, "null", 4) == 0))
    {
        return 1;
    }

    last = word->data + word->len;
    host = ngx_strlcasestrn(word->data, last, (u_char *) "://", 3 - 1);

    return host != NULL && host != word->data && host + 3 != last
           && ngx_strlchr(host + 3, last, '/') == NULL;
}


char *
ngx_http_onsite_conf_origins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t   *word;
    ngx_uint_t   i;

    word = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (!is_origin(&word[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid origin \"%V\" "
                               "of \"%V\": it is a scheme, a host and maybe a "
                               "port, without a path, as in "
                               "\"https://www.shop.example\"", &word[i],
                               &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_onsite_conf_words(cf, cmd, conf);
}


static ngx_uint_t
is_xml(ngx_str_t *type)
{
    return type->len > 4
           && (type->data[type->len - 4] == '+'
               || type->data[type->len - 4] == '/')
           && ngx_strncasecmp(type->data + type->len - 3, (u_char *) "xml", 3)
              == 0;
}


char *
ngx_http_onsite_conf_types(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t   *word;
    ngx_uint_t   i;

    word = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (!is_any(&word[i])
            && ngx_strlchr(word[i].data, word[i].data + word[i].len, '/')
               == NULL)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid type \"%V\" of "
                               "\"%V\": it takes types like "
                               "\"text/html\", or \"*\"",
                               &word[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        if (is_xml(&word[i])) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "onsite: pages of \"%V\" "
                               "are counted, but nothing goes into them "
                               "(skips.xml), as that is HTML: serve as "
                               "\"text/html\" what should show something",
                               &word[i]);
        }
    }

    return ngx_http_types_slot(cf, cmd, conf);
}
