/*
 * test_index.c - what the index brings holds all that could fire, and little
 * more; a damaged one is refused or harmless.
 */

#include "shop.h"
#include "onsite_index.h"

#define CONTENT  "'channel':'popup','content':{'html':'x'}"


/* xorshift (Marsaglia, 2003): the same numbers in every run. */

static uint32_t
draw(uint32_t *seed, uint32_t n)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;

    return *seed % n;
}


#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))

static const char *const  literals[] = {
    "'red'", "'green'", "'1'", "1", "2", "0", "''", "true", "false", "null",
    "'true'", "'null'", "'red,1'", "1.5", "'x'", "['red']"
};

/* The last one is an array: not for operators that compare with ===. */
#define SCALARS  (COUNT(literals) - 1)

static const char *const  paths[] = {
    "color", "size", "event.properties.nested.deep", "visitor.status",
    "session.pageviews", "request.device", "visitor.counts.Login"
};

static const char *
scalar(uint32_t *seed)
{
    return literals[draw(seed, SCALARS)];
}


static const char *
literal(uint32_t *seed)
{
    return literals[draw(seed, COUNT(literals))];
}


static int
random_term(uint32_t *seed, bool audience, char *out, size_t size)
{
    const char  *path;

    path = paths[audience ? 2 + draw(seed, COUNT(paths) - 2)
                          : draw(seed, COUNT(paths))];

    switch (draw(seed, 7)) {

    case 0:
    case 1:
    case 2:
        return snprintf(out, size, "{'%s':%s}", path, literal(seed));

    case 3:
        return snprintf(out, size, "{'%s':{'$in':[%s,%s,%s]}}", path,
                        scalar(seed), scalar(seed), scalar(seed));

    case 4:
        return snprintf(out, size, "{'%s':{'$eq':%s}}", path, scalar(seed));

    case 5:
        return snprintf(out, size, "{'%s':{'$ne':%s}}", path, scalar(seed));

    default:
        return snprintf(out, size, "{'$or':[{'%s':%s},{'%s':%s}]}", path,
                        literal(seed), path, literal(seed));
    }
}


static int
random_condition(uint32_t *seed, bool audience, char *out, size_t size)
{
    int  i, n, terms = (int) draw(seed, 3) + 1;

    n = snprintf(out, size, "{'$and':[");

    for (i = 0; i < terms; i++) {
        n += snprintf(out + n, size - (size_t) n, "%s", i > 0 ? "," : "");
        n += random_term(seed, audience, out + n, size - (size_t) n);
    }

    return n + snprintf(out + n, size - (size_t) n, "]}");
}


static char *
random_campaigns(uint32_t *seed, int n)
{
    int     i;
    char   *list, where[1024], audience[1024];
    size_t  len = 0, size = (size_t) n * 2600 + 16;

    list = malloc(size);
    assert_non_null(list);

    for (i = 0; i < n; i++) {
        (void) random_condition(seed, false, where, sizeof(where));
        (void) random_condition(seed, true, audience, sizeof(audience));
        len += (size_t) snprintf(list + len, size - len,
                                 "%c{'id':'c%d','priority':%u," CONTENT ","
                                 "'trigger':{'event':'E%u','where':%s}",
                                 i == 0 ? '[' : ',', i, draw(seed, 100),
                                 draw(seed, 3), where);

        if (draw(seed, 2)) {
            len += (size_t) snprintf(list + len, size - len,
                                     ",'audience':%s", audience);
        }

        len += (size_t) snprintf(list + len, size - len, "}");
    }

    (void) snprintf(list + len, size - len, "]");

    return list;
}


static void
random_event(shop_t *shop, uint32_t *seed, onsite_event_t *event,
    char name[4])
{
    char  text[512];

    (void) snprintf(name, 4, "E%u", draw(seed, 4));
    (void) snprintf(text, sizeof(text),
                    "{'color':%s,'%s':%s,'nested':{'deep':%s},'n':[%s,%s]}",
                    literal(seed), draw(seed, 2) ? "size" : "other",
                    literal(seed), literal(seed), literal(seed),
                    literal(seed));

    if (draw(seed, 4) == 0) {
        (void) snprintf(text, sizeof(text), "{'color':[%s,%s,'red']}",
                        literal(seed), literal(seed));
    }

    memset(event, 0, sizeof(*event));
    event->name = onsite_str(name, 2);
    event->live = true;
    event->received = SHOP_NOON;
    event->time = SHOP_NOON;
    event->properties = shop_json(shop, shop->arena, text);
}


static onsite_context_t
context_of(shop_t *shop, const onsite_event_t *event)
{
    return (onsite_context_t) {
        .image = &shop->site.image,
        .regexes = shop->site.regexes,
        .arena = shop->arena,
        .event = event,
        .visitor = &shop->visitor,
        .facts = &shop->facts,
        .now = SHOP_NOON,
        .memo = shop->site.memo,
        .stamp = ++shop->site.stamp
    };
}


/* Every campaign of the event whose conditions hold is among them; returns
 * how many hold. */

static size_t
check_candidates(shop_t *shop, onsite_context_t *context)
{
    size_t                        n, next = 0, hold = 0;
    uint32_t                      i;
    const uint32_t               *found;
    const onsite_campaign_t      *campaigns;
    const onsite_image_header_t  *header;

    header = onsite_image_header(&shop->site.image);
    campaigns = onsite_image_at(&shop->site.image, header->campaigns);

    assert_int_equal(onsite_index_candidates(context, &found, &n), ONSITE_OK);

    for (i = 0; i < header->n_campaigns; i++) {
        if (next < n && found[next] == i) {
            assert_true(onsite_str_eq(context->event->name,
                                      onsite_image_str(&shop->site.image,
                                          campaigns[i].trigger.event)));
            next++;
            continue;
        }

        if (onsite_str_eq(context->event->name,
                          onsite_image_str(&shop->site.image,
                                           campaigns[i].trigger.event))
            && onsite_condition_eval(context, campaigns[i].trigger.where)
            && onsite_condition_eval(context, campaigns[i].audience))
        {
            hold++;
        }
    }

    assert_int_equal(hold, 0);
    assert_int_equal(next, n);

    return n;
}


static void
holds_all_that_could_fire(void **state)
{
    int                i, round;
    char              *list, name[4];
    size_t             found = 0;
    shop_t             shop;
    uint32_t           seed = 20261121;
    onsite_event_t     event;
    onsite_context_t   context;

    (void) state;

    shop_open(&shop, "[]");

    for (round = 0; round < 12; round++) {
        list = random_campaigns(&seed, 20 + 60 * round);
        shop_campaigns(&shop, list);
        free(list);

        for (i = 0; i < 60; i++) {
            onsite_arena_reset(shop.arena);
            random_event(&shop, &seed, &event, name);
            onsite_visitor_init(&shop.visitor);
            shop.visitor.visits = draw(&seed, 3);
            shop.visitor.session.pageviews = draw(&seed, 3);
            context = context_of(&shop, &event);
            found += check_candidates(&shop, &context);
        }
    }

    assert_true(found > 1000);
    shop_close(&shop);
}


/* 3,000 campaigns that all want a new visitor, each of a category. */

static void
takes_the_rarest_equality(void **state)
{
    int               i;
    char             *list;
    size_t            n = 0, size = 3000 * 300;
    shop_t            shop;
    onsite_event_t    event = { .name = ONSITE_STR("Product Viewed"),
                                .live = true };
    const uint32_t   *found;
    onsite_context_t  context;

    (void) state;

    list = malloc(size);

    for (i = 0; i < 3000; i++) {
        n += (size_t) snprintf(list + n, size - n,
                               "%c{'id':'c%04d'," CONTENT ",'audience':{"
                               "'visitor.status':'new'},'trigger':{"
                               "'event':'Product Viewed','where':{"
                               "'category':'cat%d'}}}",
                               i == 0 ? '[' : ',', i, i / 3);
    }
    (void) snprintf(list + n, size - n, "]");

    shop_open(&shop, list);
    free(list);

    event.properties = shop_json(&shop, shop.arena, "{'category':'cat7'}");
    context = context_of(&shop, &event);
    assert_int_equal(onsite_index_candidates(&context, &found, &n),
                     ONSITE_OK);
    assert_int_equal(n, 3);
    assert_int_equal(found[0], 21);
    assert_int_equal(found[2], 23);

    event.properties = shop_json(&shop, shop.arena,
                                 "{'category':['cat9','cat8']}");
    context = context_of(&shop, &event);
    assert_int_equal(onsite_index_candidates(&context, &found, &n),
                     ONSITE_OK);
    assert_in_range(n, 0, 6);

    event.name = ONSITE_STR("Product Clicked");
    context = context_of(&shop, &event);
    assert_int_equal(onsite_index_candidates(&context, &found, &n),
                     ONSITE_OK);
    assert_int_equal(n, 0);

    shop_close(&shop);
}


static void
no_arena_no_candidates(void **state)
{
    size_t            n;
    shop_t            shop;
    onsite_event_t    event = { .name = ONSITE_STR("Page Viewed"),
                                .live = true };
    onsite_arena_t   *tiny = onsite_arena_create(64, 64);
    const uint32_t   *found;
    onsite_context_t  context;

    (void) state;

    shop_open(&shop, "[{'id':'a'," CONTENT "},{'id':'b'," CONTENT ","
              "'audience':{'visitor.status':'new'}}]");
    event.properties.type = ONSITE_OBJECT;
    context = context_of(&shop, &event);

    assert_int_equal(onsite_index_candidates(&context, &found, &n),
                     ONSITE_OK);
    assert_int_equal(n, 2);

    while (onsite_arena_alloc(tiny, 1) != NULL) {
        /* void */
    }

    context.arena = tiny;
    assert_int_equal(onsite_index_candidates(&context, &found, &n),
                     ONSITE_NO_MEMORY);

    onsite_arena_destroy(tiny);
    shop_close(&shop);
}


static void
knows_goals(void **state)
{
    shop_t  shop;

    (void) state;

    shop_open(&shop, "[{'id':'a'," CONTENT ",'goal':{"
              "'event':'Order Completed','within':'1d'}},"
              "{'id':'b'," CONTENT ",'goal':{"
              "'event':'Order Completed','within':'2d'}}]");

    assert_true(onsite_index_goal(&shop.site.image,
                                  ONSITE_STR("Order Completed")));
    assert_false(onsite_index_goal(&shop.site.image,
                                   ONSITE_STR("Page Viewed")));
    shop_close(&shop);
}


/* Every byte of the index, damaged in a copy: refused, or safe to use. */

static void
damage_is_refused_or_harmless(void **state)
{
    int                i;
    char              *list, name[4];
    size_t             at, refused = 0, n;
    shop_t             shop;
    uint8_t           *bytes, *damaged;
    uint32_t           seed = 7, first, last;
    onsite_image_t     whole, image;
    onsite_event_t     event;
    const uint32_t    *found;
    onsite_context_t   context;

    (void) state;

    shop_open(&shop, "[]");
    list = random_campaigns(&seed, 40);
    shop_campaigns(&shop, list);
    free(list);

    whole = shop.site.image;
    bytes = malloc(whole.size);
    memcpy(bytes, whole.base, whole.size);
    random_event(&shop, &seed, &event, name);

    /* the builder writes the slots behind it */
    first = onsite_image_header(&whole)->index;
    last = onsite_image_header(&whole)->slots;

    for (i = 0; i < 20000; i++) {
        at = first + draw(&seed, last - first);
        damaged = &bytes[at];
        *damaged ^= (uint8_t) (1 + draw(&seed, 255));
        image = (onsite_image_t) { bytes, whole.size };

        if (onsite_index_verify(&image, NULL) == ONSITE_OK) {
            context = context_of(&shop, &event);
            context.image = &image;
            (void) onsite_index_candidates(&context, &found, &n);
            (void) onsite_index_goal(&image, event.name);

        } else {
            refused++;
        }

        *damaged = whole.base[at];
        onsite_arena_reset(shop.arena);
        random_event(&shop, &seed, &event, name);
    }

    assert_true(refused > 1000);
    free(bytes);
    shop_close(&shop);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(holds_all_that_could_fire),
        cmocka_unit_test(takes_the_rarest_equality),
        cmocka_unit_test(no_arena_no_candidates),
        cmocka_unit_test(knows_goals),
        cmocka_unit_test(damage_is_refused_or_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
