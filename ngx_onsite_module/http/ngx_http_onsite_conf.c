/*
 * ngx_http_onsite_conf.c - handlers of directives that need more than a slot.
 */

#include "ngx_http_onsite.h"
#include "ngx_http_onsite_conf.h"


#define NGX_HTTP_ONSITE_STATE_MIN  (1024 * 1024)
#define NGX_HTTP_ONSITE_KEY_MAX    4096


/* "name=value": whether word has this name, and its value. */

static ngx_uint_t
option(ngx_str_t *word, const char *name, ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (word->len <= len || ngx_strncmp(word->data, name, len) != 0
        || word->data[len] != '=')
    {
        return 0;
    }

    value->len = word->len - len - 1;
    value->data = word->data + len + 1;

    return 1;
}


static char *
bad_parameter(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *word)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\" of "
                       "\"%V\"", word, &cmd->name);
    return NGX_CONF_ERROR;
}


/* Relative paths depend on where a command is run from: refused. */

static ngx_uint_t
absolute(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *path)
{
    if (path->len > 0 && path->data[0] == '/') {
        return 1;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" needs an absolute path, not \"%V\"",
                       &cmd->name, path);
    return 0;
}


static ngx_int_t
state_option(ngx_http_onsite_main_conf_t *mcf, ngx_str_t *word)
{
    ngx_int_t  n;
    ngx_str_t  value;

    if (option(word, "size", &value)) {
        off_t  size = ngx_parse_offset(&value);

        if (size < NGX_HTTP_ONSITE_STATE_MIN) {
            return NGX_ERROR;
        }

        mcf->size = (size_t) size;
        return NGX_OK;
    }

    if (option(word, "shards", &value)) {
        n = ngx_atoi(value.data, value.len);
        mcf->shards = (ngx_uint_t) n;
        return (n < 1 || n > 256) ? NGX_ERROR : NGX_OK;
    }

    if (option(word, "ttl", &value)) {
        mcf->ttl = ngx_parse_time(&value, 1);
        return (mcf->ttl == (time_t) NGX_ERROR || mcf->ttl == 0)
               ? NGX_ERROR : NGX_OK;
    }

    return NGX_ERROR;
}


char *
ngx_http_onsite_conf_state(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_onsite_main_conf_t  *mcf = conf;

    ngx_str_t   *word;
    ngx_uint_t   i;

    if (mcf->state.data != NULL) {
        return "is duplicate";
    }

    word = cf->args->elts;

    if (!absolute(cf, cmd, &word[1])) {
        return NGX_CONF_ERROR;
    }

    mcf->state = word[1];

    for (i = 2; i < cf->args->nelts; i++) {
        if (state_option(mcf, &word[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"onsite_state\", "
                               "it takes size= (1m or more), shards= (1-256) "
                               "and ttl=", &word[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* It may come later, such as a mount; a slip of the pen never does. */

static ngx_int_t
warn_of_folder(ngx_conf_t *cf, ngx_str_t *path)
{
    u_char           *end, *folder;
    ngx_file_info_t   info;

    folder = ngx_pnalloc(cf->temp_pool, path->len + 1);
    if (folder == NULL) {
        return NGX_ERROR;
    }

    end = ngx_cpystrn(folder, path->data, path->len + 1);

    while (end > folder + 1 && *end != '/') {
        end--;
    }

    *end = '\0';

    if (ngx_file_info(folder, &info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno, "onsite_snapshot "
                           "\"%V\": its folder \"%s\" cannot be read: "
                           "nothing will be shown until it can", path, folder);
    }

    return NGX_OK;
}


char *
ngx_http_onsite_conf_snapshot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_onsite_main_conf_t  *mcf = conf;

    ngx_str_t  *word;

    if (mcf->snapshot.data != NULL) {
        return "is duplicate";
    }

    word = cf->args->elts;

    if (!absolute(cf, cmd, &word[1])) {
        return NGX_CONF_ERROR;
    }

    if (warn_of_folder(cf, &word[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    mcf->snapshot = word[1];

    return NGX_CONF_OK;
}


static ngx_int_t
read_key(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *key)
{
    ssize_t   n;
    ngx_fd_t  fd;

    key->data = ngx_pnalloc(cf->pool, NGX_HTTP_ONSITE_KEY_MAX);
    if (key->data == NULL) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "onsite_key_file: open \"%V\" failed", path);
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, key->data, NGX_HTTP_ONSITE_KEY_MAX);

    (void) ngx_close_file(fd);

    if (n < ONSITE_SECRET_MIN || n == NGX_HTTP_ONSITE_KEY_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "onsite_key_file: \"%V\" must hold at least %d and "
                           "less than %d bytes; make one with "
                           "\"head -c 32 /dev/urandom\"",
                           path, ONSITE_SECRET_MIN, NGX_HTTP_ONSITE_KEY_MAX);
        return NGX_ERROR;
    }

    key->len = (size_t) n;

    return NGX_OK;
}


char *
ngx_http_onsite_conf_key_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_onsite_main_conf_t  *mcf = conf;

    ngx_str_t  *word;

    if (mcf->key.data != NULL) {
        return "is duplicate";
    }

    word = cf->args->elts;

    if (!absolute(cf, cmd, &word[1])) {
        return NGX_CONF_ERROR;
    }

    return read_key(cf, &word[1], &mcf->key) == NGX_OK ? NGX_CONF_OK
                                                       : NGX_CONF_ERROR;
}


static ngx_int_t
cookie_samesite(ngx_http_onsite_cookie_t *cookie, ngx_str_t *value)
{
    if (ngx_http_onsite_is_word(value, "lax")) {
        ngx_str_set(&cookie->samesite, "Lax");

    } else if (ngx_http_onsite_is_word(value, "strict")) {
        ngx_str_set(&cookie->samesite, "Strict");

    } else if (ngx_http_onsite_is_word(value, "none")) {
        ngx_str_set(&cookie->samesite, "None");

    } else {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
cookie_secure(ngx_http_onsite_cookie_t *cookie, ngx_str_t *value)
{
    if (ngx_http_onsite_is_word(value, "auto")) {
        cookie->secure = NGX_HTTP_ONSITE_SECURE_AUTO;

    } else if (ngx_http_onsite_is_word(value, "on")) {
        cookie->secure = NGX_HTTP_ONSITE_SECURE_ON;

    } else if (ngx_http_onsite_is_word(value, "off")) {
        cookie->secure = NGX_HTTP_ONSITE_SECURE_OFF;

    } else {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
cookie_option(ngx_http_onsite_cookie_t *cookie, ngx_str_t *word)
{
    ngx_str_t  value;

    if (option(word, "domain", &value)) {
        cookie->domain = value;
        return NGX_OK;
    }

    if (option(word, "path", &value)) {
        cookie->path = value;
        return value.len > 0 && value.data[0] == '/' ? NGX_OK : NGX_ERROR;
    }

    if (option(word, "max_age", &value)) {
        cookie->max_age = ngx_parse_time(&value, 1);
        return cookie->max_age == (time_t) NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    if (option(word, "samesite", &value)) {
        return cookie_samesite(cookie, &value);
    }

    if (option(word, "secure", &value)) {
        return cookie_secure(cookie, &value);
    }

    return NGX_ERROR;
}


/* RFC 6265 token characters, so that the name cannot end the header. */

static ngx_uint_t
cookie_name(ngx_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] <= ' ' || name->data[i] >= 127
            || ngx_strchr("()<>@,;:\\\"/[]?={}", name->data[i]) != NULL)
        {
            return 0;
        }
    }

    return name->len > 0;
}


static ngx_int_t
choice_name(ngx_conf_t *cf, ngx_http_onsite_cookie_t *cookie)
{
    ngx_str_t  *name;

    name = &cookie->choice;
    name->data = ngx_pnalloc(cf->pool, cookie->name.len
                                       + sizeof("_consent") - 1);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    name->len = ngx_sprintf(name->data, "%V_consent", &cookie->name)
                - name->data;

    return NGX_OK;
}


char *
ngx_http_onsite_conf_cookie(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_onsite_loc_conf_t  *olcf = conf;

    ngx_str_t                 *word;
    ngx_uint_t                 i;
    ngx_http_onsite_cookie_t  *cookie;

    if (olcf->cookie != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    cookie = ngx_pcalloc(cf->pool, sizeof(ngx_http_onsite_cookie_t));
    if (cookie == NULL) {
        return NGX_CONF_ERROR;
    }

    word = cf->args->elts;

    cookie->name = word[1];
    ngx_str_set(&cookie->path, "/");
    ngx_str_set(&cookie->samesite, "Lax");
    cookie->max_age = 365 * 24 * 60 * 60;
    cookie->secure = NGX_HTTP_ONSITE_SECURE_AUTO;
    olcf->cookie = cookie;

    if (!cookie_name(&cookie->name)) {
        return bad_parameter(cf, cmd, &word[1]);
    }

    if (choice_name(cf, cookie) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (cookie_option(cookie, &word[i]) != NGX_OK) {
            return bad_parameter(cf, cmd, &word[i]);
        }
    }

    if (cookie->secure == NGX_HTTP_ONSITE_SECURE_OFF
        && cookie->samesite.len == 4)
    {
        return "has samesite=none with secure=off: browsers drop such a "
               "cookie; use secure=on or secure=auto";
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
is_word(ngx_str_t *value, const char *word)
{
    return value->len == ngx_strlen(word)
           && ngx_memcmp(value->data, word, value->len) == 0;
}


/*
 * At run time whatever is no tier is "none", which is safe where a variable
 * says it; said outright it is a mistake.
 */

char *
ngx_http_onsite_conf_consent(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_onsite_loc_conf_t  *olcf = conf;

    char                       *rc;
    ngx_str_t                  *value;
    ngx_http_onsite_consent_e   tier;

    value = cf->args->elts;
    value++;

    if (olcf->consent_from != NGX_HTTP_ONSITE_CONSENT_DEFAULT) {
        return "is duplicate";
    }

    if (is_word(value, "tcf")) {
        olcf->consent_from = NGX_HTTP_ONSITE_CONSENT_TCF;
        return NGX_CONF_OK;
    }

    if (is_word(value, "gpp")) {
        olcf->consent_from = NGX_HTTP_ONSITE_CONSENT_GPP;
        return NGX_CONF_OK;
    }

    olcf->consent_from = NGX_HTTP_ONSITE_CONSENT_VALUE;
    rc = ngx_http_set_complex_value_slot(cf, cmd, conf);

    if (rc != NGX_CONF_OK || olcf->consent->lengths != NULL
        || ngx_http_onsite_consent_named(value, &tier) == NGX_OK)
    {
        return rc;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\" of \"%V\": "
                       "it is tcf, gpp, none, session, full or a variable "
                       "that holds one of the last three", value, &cmd->name);
    return NGX_CONF_ERROR;
}


char *
ngx_http_onsite_conf_positive_time(ngx_conf_t *cf, void *post, void *data)
{
    return *(ngx_msec_t *) data != 0 ? NGX_CONF_OK
           : "must be positive: with 0 each event would begin a session";
}


char *
ngx_http_onsite_conf_positive_size(ngx_conf_t *cf, void *post, void *data)
{
    return *(size_t *) data != 0 ? NGX_CONF_OK
           : "must be positive: with 0 no event would be accepted";
}


static ngx_int_t
compile(ngx_conf_t *cf, ngx_str_t *text, ngx_http_complex_value_t *value)
{
    ngx_http_compile_complex_value_t  ccv;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = value;

    return ngx_http_compile_complex_value(&ccv);
}


static void *
push(ngx_conf_t *cf, ngx_array_t **array, size_t size)
{
    if (*array == NGX_CONF_UNSET_PTR) {
        *array = ngx_array_create(cf->pool, 4, size);
        if (*array == NULL) {
            return NULL;
        }
    }

    return ngx_array_push(*array);
}


char *
ngx_http_onsite_conf_attribute(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_onsite_loc_conf_t  *olcf = conf;

    ngx_str_t               *word;
    ngx_http_onsite_pair_t  *pair;

    word = cf->args->elts;

    pair = push(cf, &olcf->attributes, sizeof(ngx_http_onsite_pair_t));
    if (pair == NULL) {
        return NGX_CONF_ERROR;
    }

    pair->name = word[1];

    return compile(cf, &word[2], &pair->value) == NGX_OK ? NGX_CONF_OK
                                                         : NGX_CONF_ERROR;
}


/* key=value, where key "if" is the event's condition. */

static char *
event_option(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_onsite_server_event_t *event, ngx_str_t *word)
{
    u_char                    *equals;
    ngx_str_t                  key, value;
    ngx_http_onsite_pair_t    *pair;
    ngx_http_complex_value_t  *target;

    equals = ngx_strlchr(word->data, word->data + word->len, '=');
    if (equals == NULL || equals == word->data) {
        return bad_parameter(cf, cmd, word);
    }

    key.data = word->data;
    key.len = equals - word->data;
    value.data = equals + 1;
    value.len = word->len - key.len - 1;

    if (key.len == 2 && ngx_strncmp(key.data, "if", 2) == 0) {
        event->filter = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
        target = event->filter;

    } else {
        pair = ngx_array_push(&event->properties);
        if (pair == NULL) {
            return NGX_CONF_ERROR;
        }

        pair->name = key;
        target = &pair->value;
    }

    if (target == NULL || compile(cf, &value, target) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_onsite_conf_event(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_onsite_loc_conf_t  *olcf = conf;

    char                            *rc;
    ngx_str_t                       *word;
    ngx_uint_t                       i;
    ngx_http_onsite_server_event_t  *event;

    word = cf->args->elts;

    event = push(cf, &olcf->events, sizeof(ngx_http_onsite_server_event_t));
    if (event == NULL) {
        return NGX_CONF_ERROR;
    }

    event->filter = NULL;

    if (ngx_array_init(&event->properties, cf->pool, 4,
                       sizeof(ngx_http_onsite_pair_t))
        != NGX_OK
        || compile(cf, &word[1], &event->name) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        rc = event_option(cf, cmd, event, &word[i]);
        if (rc != NGX_CONF_OK) {
            return rc;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_onsite_conf_words(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t    *word, *item;
    ngx_uint_t    i;
    ngx_array_t **array;

    word = cf->args->elts;
    array = (ngx_array_t **) ((char *) conf + cmd->offset);

    for (i = 1; i < cf->args->nelts; i++) {
        if (word[i].len == 0) {
            return bad_parameter(cf, cmd, &word[i]);
        }

        item = push(cf, array, sizeof(ngx_str_t));
        if (item == NULL) {
            return NGX_CONF_ERROR;
        }

        *item = word[i];
    }

    return NGX_CONF_OK;
}


/* Names of cookies; "off" alone: none, whatever the level above has. */

char *
ngx_http_onsite_conf_adopt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_onsite_loc_conf_t  *olcf = conf;

    ngx_str_t   *word;
    ngx_uint_t   i;

    word = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_http_onsite_is_word(&word[1], "off")) {
        if (olcf->adopt != NGX_CONF_UNSET_PTR) {
            return "has both names and \"off\"";
        }

        olcf->adopt = NULL;
        return NGX_CONF_OK;
    }

    if (olcf->adopt == NULL) {
        return "has both names and \"off\"";
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (!cookie_name(&word[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid cookie name "
                               "\"%V\" of \"%V\": it takes names like "
                               "ajs_anonymous_id or _ga", &word[i],
                               &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_onsite_conf_words(cf, cmd, conf);
}
