/*
 * ngx_http_onsite_shm.c - counters that outlive workers and reloads.
 */

#include "ngx_http_onsite.h"


/* the slab pool's own pages, and ours */
#define NGX_HTTP_ONSITE_ZONE_SIZE  (64 * 1024)


static ngx_int_t ngx_http_onsite_init_zone(ngx_shm_zone_t *zone, void *data);


ngx_http_onsite_counters_t  *ngx_http_onsite_counters;


const ngx_str_t  ngx_http_onsite_skip_names[NGX_HTTP_ONSITE_SKIPS] = {
    ngx_string("none"),
    ngx_string("method"),
    ngx_string("status"),
    ngx_string("type"),
    ngx_string("encoded"),
    ngx_string("empty"),
    ngx_string("fragment"),
    ngx_string("bypass"),
    ngx_string("bot"),
    ngx_string("prefetch"),
    ngx_string("csp"),
    ngx_string("marked"),
    ngx_string("collect"),
    ngx_string("state"),
    ngx_string("memory"),
    ngx_string("unplaced"),
    ngx_string("not_modified"),
    ngx_string("xml")
};


const uint64_t  ngx_http_onsite_bounds[NGX_HTTP_ONSITE_BUCKETS - 1] = {
    1000, 2000, 5000,
    10000, 20000, 50000,
    100000, 200000, 500000,
    1000000, 2000000, 5000000,
    10000000, 20000000, 50000000,
    100000000
};


ngx_int_t
ngx_http_onsite_add_zone(ngx_conf_t *cf)
{
    ngx_str_t        name = ngx_string("onsite");
    ngx_shm_zone_t  *zone;

    zone = ngx_shared_memory_add(cf, &name, NGX_HTTP_ONSITE_ZONE_SIZE,
                                 &ngx_http_onsite_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_onsite_init_zone;

    return NGX_OK;
}


static ngx_int_t
ngx_http_onsite_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *pool;

    if (data != NULL) {
        zone->data = data;
        ngx_http_onsite_counters = data;
        return NGX_OK;
    }

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (zone->shm.exists) {
        zone->data = pool->data;
        ngx_http_onsite_counters = pool->data;
        return NGX_OK;
    }

    zone->data = ngx_slab_calloc(pool, sizeof(ngx_http_onsite_counters_t));
    if (zone->data == NULL) {
        return NGX_ERROR;
    }

    pool->data = zone->data;
    ngx_http_onsite_counters = zone->data;

    return NGX_OK;
}


void
ngx_http_onsite_observe(uint64_t nanoseconds)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ONSITE_BUCKETS - 1; i++) {
        if (nanoseconds <= ngx_http_onsite_bounds[i]) {
            break;
        }
    }

    ngx_http_onsite_count(seconds[i]);
    ngx_http_onsite_count_n(nanoseconds, nanoseconds);
}
