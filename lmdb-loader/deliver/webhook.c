/*
 * webhook.c - bodies and signatures of deliveries; addresses that none goes to.
 */

#include "webhook.h"

#include "onsite_visitor_json.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define PREFIX         "whsec_"
#define BASE64_MAX     (4 * (WEBHOOK_SECRET_MAX + 2) / 3 + 4)
#define SIGNATURE      44           /* base64 of SHA-256's 32 bytes */
#define TYPE           "campaign.fired"


static onsite_str_t
trim(onsite_str_t text)
{
    while (text.len != 0 && isspace((unsigned char) text.data[0])) {
        text.data++;
        text.len--;
    }

    while (text.len != 0
           && isspace((unsigned char) text.data[text.len - 1]))
    {
        text.len--;
    }

    return text;
}


/* Padded base64 in one line; the length, 0: it is none. */

static size_t
decode(onsite_str_t text, uint8_t out[BASE64_MAX])
{
    int     n;
    size_t  i, padding = 0;

    if (text.len == 0 || text.len % 4 != 0 || text.len >= BASE64_MAX) {
        return 0;
    }

    while (padding < 2 && text.data[text.len - 1 - padding] == '=') {
        padding++;
    }

    /* the decoder takes more than that */

    for (i = 0; i < text.len - padding; i++) {
        if (!isalnum((unsigned char) text.data[i]) && text.data[i] != '+'
            && text.data[i] != '/')
        {
            return 0;
        }
    }

    n = EVP_DecodeBlock(out, (const unsigned char *) text.data,
                        (int) text.len);

    return n > (int) padding ? (size_t) n - padding : 0;
}


onsite_status_t
webhook_secret_read(onsite_str_t text, webhook_secret_t *secret,
    onsite_error_t *error)
{
    size_t   prefix = sizeof(PREFIX) - 1;
    uint8_t  bytes[BASE64_MAX];

    text = trim(text);

    if (text.len < prefix || memcmp(text.data, PREFIX, prefix) != 0) {
        return onsite_error(error, ONSITE_INVALID, "a secret begins with "
                            PREFIX ": (echo -n " PREFIX "; openssl rand "
                            "-base64 32) makes one");
    }

    secret->len = decode(onsite_str(text.data + prefix, text.len - prefix),
                         bytes);

    if (secret->len < WEBHOOK_SECRET_MIN || secret->len > WEBHOOK_SECRET_MAX) {
        OPENSSL_cleanse(bytes, sizeof(bytes));
        return onsite_error(error, ONSITE_INVALID, "behind " PREFIX " a "
                            "secret is base64 of %d to %d bytes",
                            WEBHOOK_SECRET_MIN, WEBHOOK_SECRET_MAX);
    }

    memcpy(secret->bytes, bytes, secret->len);
    OPENSSL_cleanse(bytes, sizeof(bytes));

    return ONSITE_OK;
}


void
webhook_sign(const webhook_secret_t *secrets, size_t n, const char *id,
    int64_t timestamp, onsite_str_t body, onsite_buf_t *out)
{
    size_t          i;
    unsigned        len;
    onsite_buf_t    content;
    unsigned char   mac[EVP_MAX_MD_SIZE], text[SIGNATURE + 1];

    onsite_buf_init(&content, 0);
    onsite_buf_printf(&content, "%s.%lld.", id, (long long) timestamp);
    onsite_buf_str(&content, body);

    for (i = 0; i < n; i++) {
        if (content.failed
            || HMAC(EVP_sha256(), secrets[i].bytes, (int) secrets[i].len,
                    (const unsigned char *) content.data, content.len, mac,
                    &len) == NULL)
        {
            out->failed = true;
            break;
        }

        (void) EVP_EncodeBlock(text, mac, (int) len);
        onsite_buf_printf(out, "%sv1,%s", i == 0 ? "" : " ", text);
    }

    onsite_buf_free(&content);
}


void
webhook_id(const onsite_outbox_entry_t *entry, char id[WEBHOOK_ID + 1])
{
    int  i;

    for (i = 0; i < WEBHOOK_ID / 2; i++) {
        (void) snprintf(id + 2 * i, 3, "%02x", entry->id[i]);
    }
}


static void
write_text(onsite_buf_t *out, const char *name, onsite_str_t text)
{
    onsite_buf_printf(out, ",\"%s\":", name);
    onsite_write_json_string(out, text);
}


void
webhook_write(onsite_buf_t *out, const onsite_outbox_entry_t *entry)
{
    char            id[WEBHOOK_ID + 1];
    onsite_value_t  propensity = onsite_value_number(entry->propensity);

    webhook_id(entry, id);
    onsite_buf_printf(out, "{\"type\":\"" TYPE "\",\"id\":\"%s\","
                      "\"timestamp\":", id);
    onsite_write_time(out, entry->time);
    write_text(out, "site", entry->site);
    write_text(out, "campaign", entry->campaign);
    write_text(out, "variant", entry->variant);
    onsite_buf_str(out, ONSITE_STR(",\"propensity\":"));
    onsite_value_write_json(out, &propensity);
    write_text(out, "event", entry->event);
    onsite_buf_str(out, ONSITE_STR(",\"visitor\":"));
    onsite_write_key(out, &entry->visitor);

    if (entry->user_id.len != 0) {
        write_text(out, "user_id", entry->user_id);

    } else {
        onsite_buf_str(out, ONSITE_STR(",\"user_id\":null"));
    }

    onsite_buf_printf(out, ",\"verified\":%s,\"data\":",
                      entry->verified ? "true" : "false");
    onsite_buf_str(out, entry->data.len != 0 ? entry->data
                                             : ONSITE_STR("null"));
    onsite_buf_char(out, '}');
}


/* Networks of IANA's special-purpose registries that are not globally
 * reachable, multicast, and what is reserved. */

typedef struct {
    uint32_t  net;
    unsigned  bits;
} net4_t;

static bool
is_private4(uint32_t address)
{
    size_t               i;
    static const net4_t  nets[] = {
        { 0x00000000, 8 },      /* 0.0.0.0: this machine                   */
        { 0x0a000000, 8 },      /* 10.0.0.0                                */
        { 0x64400000, 10 },     /* 100.64.0.0: a carrier's                 */
        { 0x7f000000, 8 },      /* 127.0.0.0                               */
        { 0xa9fe0000, 16 },     /* 169.254.0.0: link-local, cloud metadata */
        { 0xac100000, 12 },     /* 172.16.0.0                              */
        { 0xc0000000, 24 },     /* 192.0.0.0                               */
        { 0xc0000200, 24 },     /* 192.0.2.0: for documentation            */
        { 0xc0586300, 24 },     /* 192.88.99.0: 6to4                       */
        { 0xc0a80000, 16 },     /* 192.168.0.0                             */
        { 0xc6120000, 15 },     /* 198.18.0.0: for benchmarks              */
        { 0xc6336400, 24 },     /* 198.51.100.0: for documentation         */
        { 0xcb007100, 24 },     /* 203.0.113.0: for documentation          */
        { 0xe0000000, 3 }       /* 224.0.0.0: multicast, reserved          */
    };

    for (i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
        if ((address ^ nets[i].net) >> (32 - nets[i].bits) == 0) {
            return true;
        }
    }

    return false;
}


static uint32_t
number_at(const uint8_t *bytes)
{
    return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16
           | (uint32_t) bytes[2] << 8 | bytes[3];
}


/* Only 2000::/3 is the Internet's, and of that not all; and an address that
 * leads to one of IPv4 is what that is. */

static bool
is_private6(const uint8_t *a)
{
    static const uint8_t  mapped[12] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t  nat64[12] = { 0x00, 0x64, 0xff, 0x9b };

    if (memcmp(a, mapped, sizeof(mapped)) == 0
        || memcmp(a, nat64, sizeof(nat64)) == 0)
    {
        return is_private4(number_at(a + 12));
    }

    if (a[0] == 0x20 && a[1] == 0x02) {             /* 6to4 */
        return is_private4(number_at(a + 2));
    }

    return (a[0] & 0xe0) != 0x20
           || (number_at(a) >> 9) == (0x20010000 >> 9)  /* 2001::/23 */
           || number_at(a) == 0x20010db8                /* documentation */
           || (number_at(a) >> 12) == (0x3fff0000 >> 12);
}


bool
webhook_is_private(const struct sockaddr *address)
{
    struct sockaddr_in   in4;
    struct sockaddr_in6  in6;

    switch (address->sa_family) {

    case AF_INET:
        memcpy(&in4, address, sizeof(in4));
        return is_private4(ntohl(in4.sin_addr.s_addr));

    case AF_INET6:
        memcpy(&in6, address, sizeof(in6));
        return is_private6(in6.sin6_addr.s6_addr);

    default:
        return true;
    }
}
