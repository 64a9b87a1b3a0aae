/*
 * test_outbox.c - a delivery in the outbox and its bytes, and what it is told.
 */

#include "unit.h"
#include "onsite_limits.h"
#include "onsite_outbox.h"


static const onsite_outbox_entry_t  delivery = {
    .kind = ONSITE_OUTBOX_DELIVERY,
    .visitor = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } },
    .id = { 0xaa, 0xbb },
    .time = 1700000000000,
    .site = { 4, "shop" },
    .user_id = { 3, "u-1" },
    .event = { 16, "Visitor Inactive" },
    .campaign = { 4, "cart" },
    .variant = { 1, "b" },
    .endpoint = { 17, "https://h.example" },
    .data = { 13, "{\"items\":[1]}" },
    .propensity = 0.25,
    .verified = true,
    .brief = true
};


static void
encode(const onsite_outbox_entry_t *entry, onsite_buf_t *out)
{
    onsite_buf_init(out, 0);
    onsite_outbox_encode(entry, out);
    assert_false(out->failed);
}


static void
assert_same(const onsite_outbox_entry_t *a, const onsite_outbox_entry_t *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_memory_equal(&a->visitor, &b->visitor, 16);
    assert_memory_equal(a->id, b->id, 16);
    assert_true(a->time == b->time);
    assert_true(onsite_str_eq(a->site, b->site));
    assert_true(onsite_str_eq(a->user_id, b->user_id));
    assert_true(onsite_str_eq(a->event, b->event));
    assert_true(onsite_str_eq(a->campaign, b->campaign));
    assert_true(onsite_str_eq(a->variant, b->variant));
    assert_true(onsite_str_eq(a->endpoint, b->endpoint));
    assert_true(onsite_str_eq(a->data, b->data));
    assert_true(a->propensity == b->propensity);
    assert_int_equal(a->verified, b->verified);
    assert_int_equal(a->brief, b->brief);
}


static void
comes_back_as_it_went(void **state)
{
    char                   *large = malloc(ONSITE_HTML_MAX);
    onsite_buf_t            bytes;
    onsite_key_t            key;
    onsite_outbox_entry_t   entry = delivery, got;
    onsite_outbox_kind_t    kind;

    (void) state;
    encode(&entry, &bytes);
    assert_int_equal(onsite_outbox_decode(bytes.data, bytes.len, &got),
                     ONSITE_OK);
    assert_same(&got, &entry);
    assert_true(onsite_outbox_visitor(bytes.data, bytes.len, &key));
    assert_memory_equal(&key, &entry.visitor, 16);
    assert_true(onsite_outbox_kind(bytes.data, bytes.len, &kind));
    assert_int_equal(kind, ONSITE_OUTBOX_DELIVERY);
    onsite_buf_free(&bytes);

    /* the largest that is rendered, and times from before the epoch */

    memset(large, '1', ONSITE_HTML_MAX);
    entry.data = onsite_str(large, ONSITE_HTML_MAX);
    entry.time = -5;
    encode(&entry, &bytes);
    assert_true(bytes.len < ONSITE_OUTBOX_BYTES_MAX);
    assert_int_equal(onsite_outbox_decode(bytes.data, bytes.len, &got),
                     ONSITE_OK);
    assert_same(&got, &entry);
    onsite_buf_free(&bytes);
    free(large);
}


static void
grows_in_a_buffer_with_a_bound(void **state)
{
    onsite_buf_t  bytes;

    (void) state;
    onsite_buf_init(&bytes, 64);
    onsite_outbox_encode(&delivery, &bytes);
    assert_true(bytes.failed);
    onsite_buf_free(&bytes);
}


static onsite_status_t
decode_changed(const onsite_buf_t *bytes, size_t at, uint8_t value)
{
    uint8_t                *copy = malloc(bytes->len);
    onsite_status_t         status;
    onsite_outbox_entry_t   entry;

    memcpy(copy, bytes->data, bytes->len);
    copy[at] = value;
    status = onsite_outbox_decode(copy, bytes->len, &entry);
    free(copy);

    return status;
}


static void
refuses_what_is_no_entry(void **state)
{
    size_t                 i;
    onsite_key_t           key;
    onsite_buf_t           bytes;
    onsite_outbox_kind_t   kind;
    onsite_outbox_entry_t  entry;

    (void) state;
    encode(&delivery, &bytes);

    for (i = 0; i < bytes.len; i++) {
        assert_int_equal(onsite_outbox_decode(bytes.data, i, &entry),
                         ONSITE_CORRUPT);
        assert_int_equal(entry.site.len, 0);
    }

    assert_false(onsite_outbox_visitor(bytes.data, 20, &key));
    assert_true(onsite_outbox_visitor(bytes.data, 21, &key));
    assert_false(onsite_outbox_kind(NULL, 0, &kind));

    assert_int_equal(decode_changed(&bytes, 0, 0x8d), ONSITE_CORRUPT);
    assert_int_equal(decode_changed(&bytes, 0, 0x9c), ONSITE_CORRUPT);
    assert_int_equal(decode_changed(&bytes, 0, 0x9f), ONSITE_CORRUPT);
    assert_int_equal(decode_changed(&bytes, 0, 0x91), ONSITE_CORRUPT);
    assert_int_equal(decode_changed(&bytes, 1, 2), ONSITE_VERSION);
    assert_int_equal(decode_changed(&bytes, 2, 0), ONSITE_CORRUPT);
    assert_int_equal(decode_changed(&bytes, 2, 2), ONSITE_CORRUPT);
    assert_int_equal(decode_changed(&bytes, 3, 0xd9), ONSITE_CORRUPT);
    assert_int_equal(decode_changed(&bytes, 4, 15), ONSITE_CORRUPT);

    /* bytes behind it */

    onsite_buf_char(&bytes, 0);
    assert_int_equal(onsite_outbox_decode(bytes.data, bytes.len, &entry),
                     ONSITE_CORRUPT);
    onsite_buf_free(&bytes);
}


/* A delivery of before it was told whether user_id is proven: it is not; and
 * of before there was more to tell. */

static void
reads_what_an_earlier_one_wrote(void **state)
{
    onsite_buf_t           bytes;
    onsite_outbox_entry_t  entry, expected = delivery;

    (void) state;
    expected.brief = false;
    encode(&delivery, &bytes);
    assert_int_equal(bytes.data[0], (char) 0x9e);
    assert_int_equal(decode_changed(&bytes, bytes.len - 1, 0xa0),
                     ONSITE_CORRUPT);

    bytes.data[bytes.len - 1] = (char) 0xc3;
    assert_int_equal(onsite_outbox_decode(bytes.data, bytes.len, &entry),
                     ONSITE_OK);
    assert_same(&entry, &expected);

    expected.verified = false;
    bytes.data[0] = (char) 0x9d;
    assert_int_equal(onsite_outbox_decode(bytes.data, bytes.len - 1, &entry),
                     ONSITE_OK);
    assert_same(&entry, &expected);
    onsite_buf_free(&bytes);
}


/* The next version's elements at the end are passed over. */

static void
reads_what_a_later_one_added(void **state)
{
    onsite_buf_t           bytes;
    onsite_outbox_entry_t  entry;

    (void) state;
    encode(&delivery, &bytes);
    bytes.data[0] = (char) 0x9f;
    onsite_buf_append(&bytes, "\x92\x01\xa1x", 4);
    assert_int_equal(onsite_outbox_decode(bytes.data, bytes.len, &entry),
                     ONSITE_OK);
    assert_same(&entry, &delivery);
    onsite_buf_free(&bytes);
}


typedef struct {
    onsite_image_header_t  header;
    onsite_campaign_t      campaign;
    onsite_variant_t       variant;
    char                   text[64];
} image_t;

static onsite_image_str_t
text_at(size_t at, uint32_t len)
{
    return (onsite_image_str_t) {
        (onsite_ref_t) (offsetof(image_t, text) + at), len
    };
}


static void
tells_of_a_delivery_by_an_id_of_its_own(void **state)
{
    uint8_t                first[16];
    image_t                made = { .text = "shopcartbhttps://h.example" };
    onsite_key_t           key = delivery.visitor;
    onsite_event_t         event = { .name = ONSITE_STR("Visitor Inactive"),
                                     .time = 1700000000000 };
    onsite_image_t         image = { (const uint8_t *) &made, sizeof(made) };
    onsite_choice_t        choice = { .campaign = &made.campaign,
                                      .variant = &made.variant,
                                      .propensity = 0.25,
                                      .data = delivery.data };
    onsite_outbox_entry_t  entry, expected = delivery;

    (void) state;
    expected.brief = false;
    made.header.site = text_at(0, 4);
    made.campaign.id = text_at(4, 4);
    made.variant.id = text_at(8, 1);
    made.campaign.endpoint = text_at(9, 17);

    onsite_outbox_delivery(&image, &choice, &event, &key, delivery.user_id,
                           true, 1, &entry);

    /* printf '\1\2…\x10\0\0\1\x8b\xcf\xe5\x68\0\0\0\0\1cart' | sha256sum */

    memcpy(expected.id, "\xbe\x03\xc2\xe6\x26\x0c\xa8\xda"
           "\x47\xeb\x57\x51\x81\x15\xc7\x84", 16);
    assert_same(&entry, &expected);

    memcpy(first, entry.id, 16);
    onsite_outbox_delivery(&image, &choice, &event, &key, ONSITE_STR(""), false,
                           1, &entry);
    assert_memory_equal(first, entry.id, 16);

    onsite_outbox_delivery(&image, &choice, &event, &key, ONSITE_STR(""), false,
                           2, &entry);
    assert_memory_not_equal(first, entry.id, 16);

    event.time++;
    onsite_outbox_delivery(&image, &choice, &event, &key, ONSITE_STR(""), false,
                           1, &entry);
    assert_memory_not_equal(first, entry.id, 16);

    event.time--;
    key.bytes[15]++;
    onsite_outbox_delivery(&image, &choice, &event, &key, ONSITE_STR(""), false,
                           1, &entry);
    assert_memory_not_equal(first, entry.id, 16);

    key.bytes[15]--;
    made.text[7] = 'y';
    onsite_outbox_delivery(&image, &choice, &event, &key, ONSITE_STR(""), false,
                           1, &entry);
    assert_memory_not_equal(first, entry.id, 16);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(comes_back_as_it_went),
        cmocka_unit_test(grows_in_a_buffer_with_a_bound),
        cmocka_unit_test(refuses_what_is_no_entry),
        cmocka_unit_test(reads_what_an_earlier_one_wrote),
        cmocka_unit_test(reads_what_a_later_one_added),
        cmocka_unit_test(tells_of_a_delivery_by_an_id_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
