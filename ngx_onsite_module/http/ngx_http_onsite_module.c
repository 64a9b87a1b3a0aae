/*
 * ngx_http_onsite_module.c - directives, configuration, life of processes.
 */

#include "ngx_http_onsite.h"
#include "ngx_http_onsite_conf.h"


static ngx_int_t ngx_http_onsite_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_onsite_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_onsite_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_onsite_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_onsite_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_onsite_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_onsite_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_onsite_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_onsite_init_process(ngx_cycle_t *cycle);
static void ngx_http_onsite_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_http_onsite_enable[] = {
    { ngx_string("on"), NGX_HTTP_ONSITE_ON },
    { ngx_string("off"), NGX_HTTP_ONSITE_OFF },
    { ngx_string("dry_run"), NGX_HTTP_ONSITE_DRY_RUN },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_onsite_gpc_values[] = {
    { ngx_string("on"), NGX_HTTP_ONSITE_ON },
    { ngx_string("off"), NGX_HTTP_ONSITE_OFF },
    { ngx_null_string, 0 }
};


static ngx_conf_post_t  ngx_http_onsite_positive_time = {
    ngx_http_onsite_conf_positive_time
};


static ngx_conf_post_t  ngx_http_onsite_positive_size = {
    ngx_http_onsite_conf_positive_size
};


#define NGX_HTTP_ONSITE_ANYWHERE                                              \
    NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF


static ngx_command_t  ngx_http_onsite_commands[] = {

    { ngx_string("onsite_state"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_onsite_conf_state,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("onsite_snapshot"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_onsite_conf_snapshot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("onsite_key_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_onsite_conf_key_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("onsite_roaming"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_onsite_main_conf_t, roaming),
      NULL },

    { ngx_string("onsite"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_TAKE1,
      ngx_http_onsite_conf_enum,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, enable),
      &ngx_http_onsite_enable },

    { ngx_string("onsite_site"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, site),
      NULL },

    { ngx_string("onsite_collect"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_onsite_collect,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("onsite_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_onsite_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("onsite_cookie"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_onsite_conf_cookie,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("onsite_session_timeout"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, session_timeout),
      &ngx_http_onsite_positive_time },

    { ngx_string("onsite_identity"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, identity),
      NULL },

    { ngx_string("onsite_adopt"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_onsite_conf_adopt,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, adopt),
      NULL },

    { ngx_string("onsite_consent"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_TAKE1,
      ngx_http_onsite_conf_consent,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, consent),
      NULL },

    { ngx_string("onsite_gpc"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_TAKE1,
      ngx_http_onsite_conf_enum,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, gpc),
      &ngx_http_onsite_gpc_values },

    { ngx_string("onsite_attribute"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_TAKE2,
      ngx_http_onsite_conf_attribute,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("onsite_event"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_onsite_conf_event,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("onsite_write_key"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_onsite_conf_words,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, write_keys),
      NULL },

    { ngx_string("onsite_server_key"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_onsite_conf_words,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, server_keys),
      NULL },

    { ngx_string("onsite_allow_origin"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_onsite_conf_origins,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, origins),
      NULL },

    { ngx_string("onsite_types"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_onsite_conf_types,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, types_keys),
      &ngx_http_html_default_types[0] },

    { ngx_string("onsite_bypass"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_set_predicate_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, bypass),
      NULL },

    { ngx_string("onsite_outbox_events"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, outbox_events),
      NULL },

    { ngx_string("onsite_outbox_except"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_onsite_conf_words,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, outbox_except),
      NULL },

    { ngx_string("onsite_outbox_fields"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_onsite_conf_words,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, outbox_fields),
      NULL },

    { ngx_string("onsite_max_body"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, max_body),
      &ngx_http_onsite_positive_size },

    { ngx_string("onsite_debug_key"),
      NGX_HTTP_ONSITE_ANYWHERE|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_onsite_loc_conf_t, debug_key),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_onsite_module_ctx = {
    ngx_http_onsite_preconfiguration,      /* preconfiguration */
    ngx_http_onsite_postconfiguration,     /* postconfiguration */

    ngx_http_onsite_create_main_conf,      /* create main configuration */
    ngx_http_onsite_init_main_conf,        /* init main configuration */

    ngx_http_onsite_create_srv_conf,       /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_onsite_create_loc_conf,       /* create location configuration */
    ngx_http_onsite_merge_loc_conf         /* merge location configuration */
};


ngx_module_t  ngx_http_onsite_module = {
    NGX_MODULE_V1,
    &ngx_http_onsite_module_ctx,           /* module context */
    ngx_http_onsite_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_onsite_init_module,           /* init module */
    ngx_http_onsite_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_onsite_exit_process,          /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_onsite_cookie_t  ngx_http_onsite_default_cookie = {
    ngx_string("onsite_id"),
    ngx_string("onsite_id_consent"),
    ngx_string("/"),
    ngx_null_string,
    365 * 24 * 60 * 60,
    ngx_string("Lax"),
    NGX_HTTP_ONSITE_SECURE_AUTO
};


static ngx_int_t
ngx_http_onsite_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_onsite_add_variables(cf);
}


static ngx_int_t
ngx_http_onsite_postconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_onsite_add_zone(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_onsite_runtime_init();

    if (ngx_http_onsite_gpc_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_onsite_filter_init(cf);
}


static void *
ngx_http_onsite_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_onsite_main_conf_t  *mcf;

    /*
     * set by ngx_pcalloc():
     *
     *     mcf->state = { 0, NULL };
     *     mcf->snapshot = { 0, NULL };
     *     mcf->key = { 0, NULL };
     *     mcf->used = 0;
     */

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_onsite_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    mcf->size = NGX_CONF_UNSET_SIZE;
    mcf->shards = NGX_CONF_UNSET_UINT;
    mcf->ttl = NGX_CONF_UNSET;
    mcf->roaming = NGX_CONF_UNSET;

    return mcf;
}


static char *
ngx_http_onsite_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_onsite_main_conf_t  *mcf = conf;

    ngx_conf_init_size_value(mcf->size, 256 * 1024 * 1024);
    ngx_conf_init_uint_value(mcf->shards, 1);
    ngx_conf_init_value(mcf->ttl, 90 * 24 * 60 * 60);
    ngx_conf_init_value(mcf->roaming, 0);

    if (mcf->roaming && (mcf->state.len == 0 || mcf->key.len == 0)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"onsite_roaming\" needs "
                           "\"onsite_%s\"%s", mcf->state.len == 0
                           ? "state" : "key_file", mcf->state.len == 0 ? ""
                           : ", the same on all machines: records are known "
                             "by keyed hashes of ids");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_onsite_create_srv_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     conf->prefix = { 0, NULL };
     *     conf->warned = 0;
     */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_onsite_srv_conf_t));
}


static void *
ngx_http_onsite_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_onsite_loc_conf_t  *conf;

    /*
     * set by ngx_pcalloc():
     *
     *     conf->site = NULL;
     *     conf->identity = NULL;
     *     conf->consent_from = NGX_HTTP_ONSITE_CONSENT_DEFAULT;
     *     conf->consent = NULL;
     *     conf->types = { NULL };
     *     conf->types_keys = NULL;
     *     conf->debug_key = { 0, NULL };
     *     conf->prefix = { 0, NULL };
     *     conf->status_format = 0;
     */

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_onsite_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->enable = NGX_CONF_UNSET_UINT;
    conf->gpc = NGX_CONF_UNSET_UINT;
    conf->cookie = NGX_CONF_UNSET_PTR;
    conf->session_timeout = NGX_CONF_UNSET_MSEC;
    conf->adopt = NGX_CONF_UNSET_PTR;
    conf->attributes = NGX_CONF_UNSET_PTR;
    conf->events = NGX_CONF_UNSET_PTR;
    conf->write_keys = NGX_CONF_UNSET_PTR;
    conf->server_keys = NGX_CONF_UNSET_PTR;
    conf->origins = NGX_CONF_UNSET_PTR;
    conf->bypass = NGX_CONF_UNSET_PTR;
    conf->outbox_events = NGX_CONF_UNSET;
    conf->outbox_except = NGX_CONF_UNSET_PTR;
    conf->outbox_fields = NGX_CONF_UNSET_PTR;
    conf->max_body = NGX_CONF_UNSET_SIZE;

    return conf;
}


/*
 * What "onsite" is of little use without.  A page's script is loaded from the
 * server's onsite_collect; all locations are parsed when merging begins.
 */

static void
warn_missing(ngx_conf_t *cf, ngx_http_onsite_loc_conf_t *conf)
{
    ngx_http_onsite_srv_conf_t   *scf;
    ngx_http_onsite_main_conf_t  *mcf;

    scf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_onsite_module);

    if (conf->enable == NGX_HTTP_ONSITE_OFF || scf->warned) {
        return;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_onsite_module);

    if (mcf->state.len == 0) {
        scf->warned = 1;
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"onsite\" is on, but there is no "
                           "\"onsite_state\": visitors are not remembered");
    }

    if (mcf->snapshot.len == 0) {
        scf->warned = 1;
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"onsite\" is on, but there is no "
                           "\"onsite_snapshot\": there are no campaigns, and "
                           "nothing will be shown");
    }

    if (scf->prefix.data == NULL) {
        scf->warned = 1;
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"onsite\" is on, but the server has no location "
                           "with \"onsite_collect\" to load the script from: "
                           "nothing will be shown");
    }
}


/*
 * A beacon that is too large is answered by us, as the API answers: nginx's own
 * bound may not come first.  Core's configuration is merged before ours.
 */

static void
raise_body_size(ngx_conf_t *cf, ngx_http_onsite_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->prefix.data != NULL && clcf->client_max_body_size != 0
        && clcf->client_max_body_size < (off_t) conf->max_body)
    {
        clcf->client_max_body_size = (off_t) conf->max_body;
    }
}


static char *
ngx_http_onsite_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_onsite_loc_conf_t  *prev = parent;
    ngx_http_onsite_loc_conf_t  *conf = child;

    ngx_conf_merge_uint_value(conf->enable, prev->enable, NGX_HTTP_ONSITE_OFF);

    if (conf->site == NULL) {
        conf->site = prev->site;
    }

    if (conf->consent_from == NGX_HTTP_ONSITE_CONSENT_DEFAULT) {
        conf->consent_from = prev->consent_from;
        conf->consent = prev->consent;
    }

    ngx_conf_merge_uint_value(conf->gpc, prev->gpc, NGX_HTTP_ONSITE_GPC_AUTO);
    ngx_conf_merge_ptr_value(conf->cookie, prev->cookie,
                             &ngx_http_onsite_default_cookie);
    ngx_conf_merge_msec_value(conf->session_timeout, prev->session_timeout,
                              30 * 60 * 1000);
    if (conf->identity == NULL) {
        conf->identity = prev->identity;
    }

    ngx_conf_merge_ptr_value(conf->adopt, prev->adopt, NULL);
    ngx_conf_merge_ptr_value(conf->attributes, prev->attributes, NULL);
    ngx_conf_merge_ptr_value(conf->events, prev->events, NULL);
    ngx_conf_merge_ptr_value(conf->write_keys, prev->write_keys, NULL);
    ngx_conf_merge_ptr_value(conf->server_keys, prev->server_keys, NULL);
    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);
    ngx_conf_merge_ptr_value(conf->bypass, prev->bypass, NULL);
    ngx_conf_merge_value(conf->outbox_events, prev->outbox_events, 1);
    ngx_conf_merge_ptr_value(conf->outbox_except, prev->outbox_except, NULL);
    ngx_conf_merge_ptr_value(conf->outbox_fields, prev->outbox_fields, NULL);
    ngx_conf_merge_size_value(conf->max_body, prev->max_body, 512 * 1024);
    ngx_conf_merge_str_value(conf->debug_key, prev->debug_key, "");

    if (ngx_http_merge_types(cf, &conf->types_keys, &conf->types,
                             &prev->types_keys, &prev->types,
                             ngx_http_html_default_types)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    raise_body_size(cf, conf);
    warn_missing(cf, conf);

    return NGX_CONF_OK;
}


/*
 * In the master: makes the state's files, owned by the workers' user.  An
 * error here would end the master on a reload, so it is only logged: pages
 * are served without us until the next reload.
 */

static ngx_int_t
ngx_http_onsite_init_module(ngx_cycle_t *cycle)
{
    int                           uid, gid;
    onsite_error_t                error;
    ngx_core_conf_t              *ccf;
    onsite_store_options_t        options;
    ngx_http_onsite_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_onsite_module);

    if (ngx_test_config || mcf == NULL || mcf->state.len == 0) {
        return NGX_OK;
    }

    uid = -1;
    gid = -1;

    if (geteuid() == 0) {
        ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_core_module);
        uid = (int) ccf->user;
        gid = (int) ccf->group;
    }

    ngx_http_onsite_store_options(mcf, cycle, &options);

    if (onsite_store_prepare(&options, uid, gid, &error) != ONSITE_OK) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "onsite: %s", error.text);
    }

    return NGX_OK;
}


/* The cache manager and loader come here too: they have no use for state. */

static ngx_int_t
ngx_http_onsite_init_process(ngx_cycle_t *cycle)
{
    ngx_http_onsite_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_onsite_module);
    if (mcf == NULL) {
        return NGX_OK;
    }

    return ngx_http_onsite_worker_init(cycle, mcf);
}


static void
ngx_http_onsite_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_onsite_worker_exit();
}
