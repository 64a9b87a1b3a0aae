/*
 * test_consent.c - consent strings: published ones with what they are known
 * to say, and any that an encoder of its own makes.
 */

#include "unit.h"
#include "onsite_consent.h"

#define BITS_MAX  4096

/* Bits as characters, so that the encoder shares nothing with the reader. */
typedef struct {
    char    bits[BITS_MAX];
    size_t  n;
} bits_t;


static void
put(bits_t *b, unsigned width, uint64_t value)
{
    while (width-- > 0) {
        assert_true(b->n < BITS_MAX);
        b->bits[b->n++] = (char) ('0' + (value >> width & 1));
    }
}


/* The largest Fibonacci numbers first, written smallest first, then a 1. */

static void
put_fibonacci(bits_t *b, uint32_t value)
{
    int       i, top = 0;
    bool      used[24] = { false };
    uint32_t  f[24] = { 1, 2 };

    for (i = 2; i < 24; i++) {
        f[i] = f[i - 1] + f[i - 2];
    }

    for (i = 23; i >= 0; i--) {
        if (f[i] <= value) {
            value -= f[i];
            used[i] = true;
            top = top > i ? top : i;
        }
    }

    for (i = 0; i <= top; i++) {
        put(b, 1, used[i]);
    }

    put(b, 1, 1);
}


/* Appends base64url, filled up to a whole byte as encoders do. */

static size_t
put_text(const bits_t *b, char *out)
{
    static const char  alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t             i, n, len = 0;
    unsigned           d = 0;

    n = (b->n + 7) / 8 * 8;
    n = (n + 5) / 6 * 6;

    for (i = 0; i < n; i++) {
        d = d << 1 | (i < b->n && b->bits[i] == '1');

        if (i % 6 == 5) {
            out[len++] = alphabet[d];
            d = 0;
        }
    }

    return len;
}


/* purposes: bit 0 is the first */

static void
put_purposes(bits_t *b, uint32_t purposes)
{
    int  i;

    for (i = 0; i < 24; i++) {
        put(b, 1, purposes >> i & 1);
    }
}


static onsite_str_t
tcf(char *out, unsigned version, uint32_t consents, uint32_t interests,
    bool ranges)
{
    bits_t  b = { .n = 0 };

    put(&b, 6, version);
    put(&b, 36, 15966780000 & 0xfffffffff);
    put(&b, 36, 16000000001);
    put(&b, 12, 300);
    put(&b, 12, 2);
    put(&b, 6, 1);
    put(&b, 12, ('D' - 'A') << 6 | ('E' - 'A'));
    put(&b, 12, 221);
    put(&b, 6, 4);
    put(&b, 1, 1);
    put(&b, 1, 1);
    put(&b, 12, 0xfff);
    put_purposes(&b, consents);
    put_purposes(&b, interests);
    put(&b, 1, 1);
    put(&b, 12, 0x3ff);

    if (ranges) {
        put(&b, 16, 900);
        put(&b, 1, 1);
        put(&b, 12, 2);
        put(&b, 17, 8);
        put(&b, 1, 1);
        put(&b, 16, 10);
        put(&b, 16, 900);
    } else {
        put(&b, 16, 70);
        put(&b, 1, 0);
        put(&b, 64, 0x5555555555555555);
        put(&b, 6, 0x3f);
    }

    put(&b, 16, 0);
    put(&b, 1, 0);
    put(&b, 12, 0);

    return onsite_str(out, put_text(&b, out));
}


#define P(n)    (1u << ((n) - 1))
#define FULL    (P(1) | P(3) | P(4) | P(7))


static onsite_consent_t
tcf_tier(onsite_str_t text)
{
    onsite_consent_t  tier = ONSITE_CONSENT_FULL;

    assert_int_equal(onsite_consent_tcf(text, &tier), ONSITE_OK);

    return tier;
}


static void
purposes_make_the_tier(void **state)
{
    int   i;
    char  out[1024];

    (void) state;

    for (i = 0; i < 2; i++) {
        assert_int_equal(tcf_tier(tcf(out, 2, 0, 0xffffff, i)),
                         ONSITE_CONSENT_NONE);
        assert_int_equal(tcf_tier(tcf(out, 2, 0xffffff & ~P(1), 0xffffff, i)),
                         ONSITE_CONSENT_NONE);
        assert_int_equal(tcf_tier(tcf(out, 2, P(1), 0xffffff, i)),
                         ONSITE_CONSENT_SESSION);
        assert_int_equal(tcf_tier(tcf(out, 2, FULL, 0, i)),
                         ONSITE_CONSENT_FULL);
        assert_int_equal(tcf_tier(tcf(out, 2, 0xffffff, 0, i)),
                         ONSITE_CONSENT_FULL);
    }

    /* each of the three is needed */

    for (i = 1; i <= 24; i++) {
        assert_int_equal(tcf_tier(tcf(out, 2, 0xffffff & ~P(i), 0, false)),
                         i == 1 ? ONSITE_CONSENT_NONE
                         : i == 3 || i == 4 || i == 7 ? ONSITE_CONSENT_SESSION
                         : ONSITE_CONSENT_FULL);
    }
}


/* Strings that are published, with what is said of them. */

static void
known_strings(void **state)
{
    (void) state;

    /* purposes 1, 2 and 3 */
    assert_int_equal(tcf_tier(ONSITE_STR("COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAA"
        "AEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAA"
        "AAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw")),
        ONSITE_CONSENT_SESSION);
    /* no purpose */
    assert_int_equal(tcf_tier(ONSITE_STR("CPSG_8APSG_8ANwAAAENAwCAAAAAAAAAAAAA"
        "AAAAAAAAA.QAAA.IAAA")), ONSITE_CONSENT_NONE);
    assert_int_equal(tcf_tier(ONSITE_STR("CPSG_8APSG_8ANwAAAENAwCgAAAAAAAAAAYg"
        "ACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA")), ONSITE_CONSENT_NONE);
}


static void
not_tcf(void **state)
{
    char              out[1024];
    size_t            n;
    onsite_str_t      text;
    onsite_consent_t  tier;

    (void) state;

    text = tcf(out, 2, 0xffffff, 0, true);

    /* cut anywhere within what matters; the last bits are restrictions and
     * filling */

    for (n = 0; n < text.len - 4; n++) {
        tier = ONSITE_CONSENT_FULL;
        assert_int_equal(onsite_consent_tcf(onsite_str(text.data, n), &tier),
                         ONSITE_INVALID);
        assert_int_equal(tier, ONSITE_CONSENT_NONE);
    }

    out[7] = '+';
    assert_int_equal(onsite_consent_tcf(text, &tier), ONSITE_INVALID);
    text = tcf(out, 1, 0xffffff, 0, true);
    assert_int_equal(onsite_consent_tcf(text, &tier), ONSITE_INVALID);
    text = tcf(out, 3, 0xffffff, 0, true);
    assert_int_equal(onsite_consent_tcf(text, &tier), ONSITE_INVALID);
}


/* GPP */

typedef struct {
    unsigned     id;
    const char  *text;
} part_t;


/* Header with single sections; "12-14" style groups are made by hand. */

static onsite_str_t
gpp(char *out, const part_t *parts, unsigned n)
{
    size_t    len;
    bits_t    b = { .n = 0 };
    unsigned  i, last = 0;

    put(&b, 6, 3);
    put(&b, 6, 1);
    put(&b, 12, n);

    for (i = 0; i < n; i++) {
        put(&b, 1, 0);
        put_fibonacci(&b, parts[i].id - last);
        last = parts[i].id;
    }

    len = put_text(&b, out);

    for (i = 0; i < n; i++) {
        out[len++] = '~';
        memcpy(out + len, parts[i].text, strlen(parts[i].text));
        len += strlen(parts[i].text);
    }

    return onsite_str(out, len);
}


static onsite_status_t
gpp_one(unsigned id, const char *text, onsite_consent_t *tier)
{
    char    out[1024];
    part_t  part = { id, text };

    return onsite_consent_gpp(gpp(out, &part, 1), tier);
}


#define assert_section(id, text, wanted)                                      \
    do {                                                                      \
        onsite_consent_t  tier_ = ONSITE_CONSENT_SESSION;                     \
        assert_int_equal(gpp_one(id, text, &tier_), ONSITE_OK);               \
        assert_int_equal(tier_, wanted);                                      \
    } while (0)

#define assert_broken(id, text, status)                                       \
    do {                                                                      \
        onsite_consent_t  tier_ = ONSITE_CONSENT_FULL;                        \
        assert_int_equal(gpp_one(id, text, &tier_), status);                  \
        assert_int_equal(tier_, ONSITE_CONSENT_NONE);                         \
    } while (0)


/* What the reference encoder gives for each section: nothing said, and
 * everything opted out of. */

static const struct {
    unsigned     id;
    const char  *nothing;
    const char  *out;
} published[] = {
    { 7, "BAAAAAAAAAA.QA", "BVVVAAAAAAA.QA" },
    { 7, "CAAAAAAAAABA.QA", "CVVVkkkkkpFY" },
    { 8, "BAAAAABA.QA", "BVWSSSVY" },
    { 9, "BAAAABA", "BVWSSVY" },
    { 10, "BAAAAEA.QA", "BVWSSVg" },
    { 11, "BAAAAAQA", "BVVkklWA" },
    { 12, "BAAAAAEA.QA", "BVWSSZFg" },
    { 13, "BAAAAABA", "BVWSSZlY" },
    { 14, "BAAAAABA.QA", "BVWSSZFY" },
    { 15, "BAAAAAABAA.QA", "BVWSSRpFYA" },
    { 16, "BAAAAAQA.QA", "BVWSSVWA" },
    { 17, "BAAAAAABAA.QA", "BVWSSSSVYA" },
    { 18, "BAAAAAQA.QA", "BVVkklWA" },
    { 19, "BAAAAAQA.QA", "BVWSSVWA" },
    { 20, "BAAAAABA.QA", "BVWSSZFY" },
    { 21, "BAAAAAAAQA.QA", "BVWSSRklWA" },
    { 22, "BAAAAAQA.QA", "BVWSSVWA" },
    { 23, "BAAAAAQA.QA", "BVWSSVWA" },
    { 24, "BQAA.QA", "BVVU" },
    { 25, "BQAA.AAA", "BVVV.kkk" },
    { 26, "BQAA.AAA", "BVVV.kkk" },
    { 27, "BQAA.AAA", "BVVV.kkk" },
};


static void
published_sections(void **state)
{
    char              cut[32];
    size_t            i;
    onsite_consent_t  tier;

    (void) state;

    for (i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
        assert_section(published[i].id, published[i].nothing,
                       ONSITE_CONSENT_FULL);
        assert_section(published[i].id, published[i].out,
                       ONSITE_CONSENT_NONE);

        /* a core segment that lacks its end */

        (void) snprintf(cut, sizeof(cut), "%s", published[i].out);
        cut[strcspn(cut, ".") - 3] = '\0';
        assert_int_equal(gpp_one(published[i].id, cut, &tier),
                         ONSITE_INVALID);

        /* a later version is not ours to read */

        (void) snprintf(cut, sizeof(cut), "%s", published[i].out);
        cut[0] = 'D';
        assert_int_equal(gpp_one(published[i].id, cut, &tier),
                         ONSITE_NOT_FOUND);
        cut[0] = 'A';
        assert_int_equal(gpp_one(published[i].id, cut, &tier),
                         ONSITE_NOT_FOUND);
    }
}


/* Fields by themselves: of each section, which opt-outs there are and where,
 * counted in two-bit fields behind the version. */

static const struct {
    unsigned  id;
    unsigned  version;
    unsigned  fields;
    int       out[3];
} layouts[] = {
    { 7, 1, 27, { 6, 7, 8 } },   { 7, 2, 32, { 6, 7, 8 } },
    { 8, 1, 20, { 3, 4, -1 } },  { 9, 1, 17, { 3, 4, -1 } },
    { 10, 1, 16, { 3, 4, -1 } }, { 11, 1, 18, { 4, 5, -1 } },
    { 12, 1, 19, { 3, 4, -1 } }, { 13, 1, 20, { 3, 4, -1 } },
    { 14, 1, 20, { 3, 4, -1 } }, { 15, 1, 23, { 3, 4, -1 } },
    { 16, 1, 18, { 3, 4, -1 } }, { 17, 1, 23, { 3, 4, -1 } },
    { 18, 1, 18, { 4, 5, -1 } }, { 19, 1, 18, { 3, 4, -1 } },
    { 20, 1, 20, { 3, 4, -1 } }, { 21, 1, 24, { 3, 4, -1 } },
    { 22, 1, 18, { 3, 4, -1 } }, { 23, 1, 18, { 3, 4, -1 } },
    { 24, 1, 8, { 5, 6, -1 } },  { 25, 1, 9, { 5, 6, -1 } },
    { 26, 1, 9, { 5, 6, -1 } },  { 27, 1, 9, { 5, 6, -1 } },
};


static void
one_field(size_t layout, unsigned field, unsigned value, char *out)
{
    bits_t    b = { .n = 0 };
    unsigned  i;

    put(&b, 6, layouts[layout].version);

    for (i = 0; i < layouts[layout].fields; i++) {
        put(&b, 2, i == field ? value : 2);
    }

    out[put_text(&b, out)] = '\0';
}


static bool
is_opt_out(size_t layout, unsigned field)
{
    int  i;

    for (i = 0; i < 3; i++) {
        if (layouts[layout].out[i] == (int) field) {
            return true;
        }
    }

    return false;
}


static void
only_opt_outs_count(void **state)
{
    char      text[128];
    size_t    i;
    unsigned  field;

    (void) state;

    for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        for (field = 0; field < layouts[i].fields; field++) {
            one_field(i, field, 1, text);
            assert_section(layouts[i].id, text, is_opt_out(i, field)
                           ? ONSITE_CONSENT_NONE : ONSITE_CONSENT_FULL);
            one_field(i, field, 0, text);
            assert_section(layouts[i].id, text, ONSITE_CONSENT_FULL);

            if (is_opt_out(i, field)) {
                one_field(i, field, 3, text);
                assert_broken(layouts[i].id, text, ONSITE_INVALID);
            }
        }
    }
}


static void
gpc_segment(void **state)
{
    (void) state;

    assert_section(7, "BAAAAAAAAAA.YA", ONSITE_CONSENT_NONE);
    assert_section(7, "BAAAAAAAAAA.Y", ONSITE_CONSENT_NONE);
    assert_section(7, "BAAAAAAAAAA.QA", ONSITE_CONSENT_FULL);
    assert_section(7, "BAAAAAAAAAA", ONSITE_CONSENT_FULL);
    assert_section(8, "BAAAAABA.YA", ONSITE_CONSENT_NONE);
    /* a segment of a type that is none we know does not matter */
    assert_section(8, "BAAAAABA.wA", ONSITE_CONSENT_FULL);
    assert_section(8, "BAAAAABA.wA.YA", ONSITE_CONSENT_NONE);
    /* the sensitive data of Indiana begin with the same two bits */
    assert_section(25, "BQAA.YAA", ONSITE_CONSENT_FULL);
    assert_broken(8, "BAAAAABA.", ONSITE_INVALID);
    assert_broken(8, "BAAAAABA.!", ONSITE_INVALID);
}


static void
us_privacy(void **state)
{
    (void) state;

    assert_section(6, "1YNN", ONSITE_CONSENT_FULL);
    assert_section(6, "1YYN", ONSITE_CONSENT_NONE);
    assert_section(6, "1---", ONSITE_CONSENT_FULL);
    assert_section(6, "1N-Y", ONSITE_CONSENT_FULL);
    assert_broken(6, "1YY", ONSITE_INVALID);
    assert_broken(6, "1YYNN", ONSITE_INVALID);
    assert_broken(6, "1yyn", ONSITE_INVALID);
    assert_broken(6, "2YNN", ONSITE_NOT_FOUND);
}


static void
canada(void **state)
{
    int     i;
    char    text[256];
    bits_t  b;

    (void) state;

    assert_section(5, "BPSG_8APSG_8AAAAAAENAACAAAAAAAAAAAAAAAAAAAA."
                   "YAAAAAAAAAA", ONSITE_CONSENT_NONE);

    /* express purposes 1 to 6, and implied 7: the public example of the
     * reference encoder has express 1 to 6 and 13 to 18, implied 7 to 12 and
     * 19 to 24 */

    assert_section(5, "BPSG_8APSG_8AAyACAENGdCgf_gfgAfgfgBhADVqxGAD0AILVgAA."
                   "fHHHA4444ao", ONSITE_CONSENT_FULL);

    for (i = 0; i < 2; i++) {
        b.n = 0;
        put(&b, 6, 1);
        put(&b, 36, 0);
        put(&b, 36, 0);
        put(&b, 60, 0);
        put(&b, 1 + 12, 0);
        put_purposes(&b, i == 0 ? FULL : 0);
        put_purposes(&b, i == 0 ? 0 : P(1));
        put(&b, 34, 0);
        text[put_text(&b, text)] = '\0';
        assert_section(5, text, i == 0 ? ONSITE_CONSENT_FULL
                                       : ONSITE_CONSENT_SESSION);
    }

    assert_broken(5, "BPSG_8APSG_8AAAA", ONSITE_INVALID);
    assert_broken(5, "CPSG_8APSG_8AAAAAAENAACAAAAAAAAAAAAAAAAAAAA",
                  ONSITE_NOT_FOUND);
}


static void
several_sections(void **state)
{
    char              out[2048], eu[1024];
    onsite_consent_t  tier;

    (void) state;

    eu[tcf(eu, 2, P(1), 0, false).len] = '\0';

    assert_int_equal(onsite_consent_gpp(gpp(out, (part_t[]) {
        { 2, eu }, { 6, "1YNN" } }, 2), &tier), ONSITE_OK);
    assert_int_equal(tier, ONSITE_CONSENT_SESSION);

    assert_int_equal(onsite_consent_gpp(gpp(out, (part_t[]) {
        { 2, eu }, { 6, "1YYN" } }, 2), &tier), ONSITE_OK);
    assert_int_equal(tier, ONSITE_CONSENT_NONE);

    assert_int_equal(onsite_consent_gpp(gpp(out, (part_t[]) {
        { 7, "BAAAAAAAAAA.QA" }, { 99, "x~y" } }, 2), &tier), ONSITE_OK);
    assert_int_equal(tier, ONSITE_CONSENT_FULL);

    /* none that we know is not a "no" */
    assert_broken(99, "BAAA", ONSITE_NOT_FOUND);
    assert_broken(1, "BAAA", ONSITE_NOT_FOUND);

    /* a broken one makes all of it broken */
    assert_int_equal(onsite_consent_gpp(gpp(out, (part_t[]) {
        { 6, "1YNN" }, { 8, "B" } }, 2), &tier), ONSITE_INVALID);
    assert_int_equal(tier, ONSITE_CONSENT_NONE);
}


static onsite_status_t
whole(onsite_str_t text, onsite_consent_t *tier)
{
    return onsite_consent_gpp(text, tier);
}


static void
published_headers(void **state)
{
    onsite_consent_t  tier;

    (void) state;

    assert_int_equal(whole(ONSITE_STR("DBACNYA~CPSG_8APSG_8ANwAAAENAwCgAAAAAAA"
        "AAAAAAAAAAAAA.IAAA.YAAAAAAAAAAA~1YNN"), &tier), ONSITE_OK);
    assert_int_equal(tier, ONSITE_CONSENT_NONE);
    assert_int_equal(whole(ONSITE_STR("DBABTA~1YNN"), &tier), ONSITE_OK);
    assert_int_equal(tier, ONSITE_CONSENT_FULL);
    assert_int_equal(whole(ONSITE_STR("DBABTA~1YYN"), &tier), ONSITE_OK);
    assert_int_equal(tier, ONSITE_CONSENT_NONE);
    assert_int_equal(whole(ONSITE_STR("DBABLA~BVQqAAAAAgA.QA"), &tier),
                     ONSITE_OK);
    assert_int_equal(tier, ONSITE_CONSENT_FULL);
    assert_int_equal(whole(ONSITE_STR("DBABLA~CAAAAAAAAABA.QA"), &tier),
                     ONSITE_OK);
    assert_int_equal(tier, ONSITE_CONSENT_FULL);

    /* sections 2 and 5 to 27 in two ranges: more than there are texts */

    assert_int_equal(whole(ONSITE_STR("DBACOcGA~CPSG_8APSG_8ANwAAAENAAFgAAAAAA"
        "AAAAAAAAAAAAAA.IAAA.YAAAAAAAAAAA~BPSG_8APSG_8AAAAAAENAACAAAAAAAAAAAAA"
        "AAAAAAA.YAAAAAAAAAA~1---~BAAAAAAAAABA.QA~BAAAAABA.QA~BAAAABA~BAAAAEA.Q"
        "A~BAAAAAQA~BAAAAAEA.QA~BAAAAABA~BAAAAABA.QA~BAAAAAABAA.QA~BAAAAAQA.QA~"
        "BAAAAAABAA.QA~BAAAAAQA.QA~BAAAAAQA.QA~BAAAAABA.QA~BAAAAAAAQA.QA~BAAAAA"
        "QA.QA~BAAAAAQA.QA~BQAA.QA~BQAA.AAA~BQAA.AAA~BQAA.AAA"), &tier),
        ONSITE_OK);
    assert_int_equal(tier, ONSITE_CONSENT_NONE);
    assert_int_equal(whole(ONSITE_STR("DBACOcGA~CPSG_8APSG_8ANwAAAENAAFgAAAAAA"
        "AAAAAAAAAAAAAA.IAAA.YAAAAAAAAAAA"), &tier), ONSITE_INVALID);
}


static void
not_gpp(void **state)
{
    size_t                    i;
    onsite_consent_t          tier;
    static const char *const  texts[] = {
        "", "~", "D", "DBA", "DBAA~", "DBAB", "DBABTA", "CBABTA~1YNN",
        "DCABTA~1YNN", "DB__TA~1YNN", "DBAB____~1YNN", "DBABAAAAAAAA~1YNN",
        "D=ABTA~1YNN", "~DBABTA~1YNN", "1YNN",
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        tier = ONSITE_CONSENT_FULL;
        assert_int_not_equal(onsite_consent_gpp(onsite_str(texts[i],
                             strlen(texts[i])), &tier), ONSITE_OK);
        assert_int_equal(tier, ONSITE_CONSENT_NONE);
    }

    assert_int_equal(onsite_consent_gpp(onsite_str(NULL, 0), &tier),
                     ONSITE_INVALID);
    assert_int_equal(onsite_consent_tcf(onsite_str(NULL, 0), &tier),
                     ONSITE_INVALID);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(purposes_make_the_tier),
        cmocka_unit_test(known_strings),
        cmocka_unit_test(not_tcf),
        cmocka_unit_test(published_sections),
        cmocka_unit_test(only_opt_outs_count),
        cmocka_unit_test(gpc_segment),
        cmocka_unit_test(us_privacy),
        cmocka_unit_test(canada),
        cmocka_unit_test(several_sections),
        cmocka_unit_test(published_headers),
        cmocka_unit_test(not_gpp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
