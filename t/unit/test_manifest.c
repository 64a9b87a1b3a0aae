/*
 * test_manifest.c - keys and signed manifests, with the openssl command as
 * the other side.
 */

#include "unit.h"

#include "jcs.h"
#include "manifest.h"
#include "onsite_json.h"

#include <sys/stat.h>
#include <unistd.h>

#define A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char  folder[] = "/tmp/onsite-manifest-XXXXXX";


/* Text of a file name, kept until three more are made. */

static const char *
in_folder(const char *name)
{
    static char      paths[4][256];
    static unsigned  next;
    char            *path = paths[next++ % 4];

    (void) snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);

    return path;
}


static void
put(const char *name, onsite_str_t bytes)
{
    FILE  *file = fopen(in_folder(name), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    (void) fclose(file);
}


/* A shell command in the folder; its exit status. */

static int
shell(const char *command)
{
    char  line[1024];

    (void) snprintf(line, sizeof(line), "cd %s && { %s; } > out 2>&1", folder,
                    command);

    return system(line);
}


static void
generate(const char *name)
{
    char            id[KEYS_ID + 1];
    onsite_error_t  error;

    assert_int_equal(keys_generate(in_folder(name), true, id, &error),
                     ONSITE_OK);
    assert_int_equal(strlen(id), KEYS_ID);
}


static void
read_pair(const char *name, keys_t *secret, keys_t *public)
{
    char            pub[64];
    onsite_error_t  error;

    (void) snprintf(pub, sizeof(pub), "%s.pub", name);
    assert_int_equal(keys_read_secret(secret, in_folder(name), &error),
                     ONSITE_OK);
    assert_int_equal(keys_read_public(public, in_folder(pub), &error),
                     ONSITE_OK);
}


static manifest_t
example(void)
{
    manifest_t  m = {
        .site = "default", .version = 7, .created = 1769846400000,
        .expires = 1772438400000, .size = 8192, .sha256 = A64,
        .body = { A64 ".mdb.zst", 4000, B64, "" },
        .previous = 6, .previous_sha256 = B64, .n_patches = 1
    };

    m.patches[0] = (manifest_file_t) { B64 "-" A64 ".patch.zst", 100, A64,
                                       B64 };

    return m;
}


static void
write_example(onsite_buf_t *out, const keys_t *keys)
{
    manifest_t      m = example();
    onsite_error_t  error;

    onsite_buf_init(out, 0);
    assert_int_equal(manifest_write(out, &m, keys, &error), ONSITE_OK);
}


/* Whether it is taken for one that trust signed. */

static bool
taken(onsite_str_t text, const keys_t *trust, onsite_error_t *error)
{
    bool        good;
    manifest_t  m;

    good = manifest_parse(&m, text, error) == ONSITE_OK
           && manifest_verify(&m, trust, error) == ONSITE_OK;
    manifest_free(&m);

    return good;
}


static void
keys_are_openssls(void **state)
{
    keys_t          secret = { 0 }, public = { 0 };
    uint8_t         signature[KEYS_SIGNATURE];
    struct stat     st;
    onsite_error_t  error;

    (void) state;
    generate("k");
    assert_int_equal(stat(in_folder("k"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    read_pair("k", &secret, &public);
    assert_string_equal(secret.key[0].id, public.key[0].id);

    /* the id: of the raw key, which is the end of its DER */
    assert_int_equal(shell("openssl pkey -pubin -in k.pub -outform DER "
                           "| tail -c 32 | sha256sum | head -c 16 > id"), 0);
    {
        char   id[KEYS_ID + 1] = "";
        FILE  *file = fopen(in_folder("id"), "rb");

        assert_int_equal(fread(id, 1, KEYS_ID, file), KEYS_ID);
        (void) fclose(file);
        assert_string_equal(id, public.key[0].id);
    }

    /* what we sign, openssl takes; and the other way around */
    put("text", ONSITE_STR("some text"));
    assert_true(keys_sign(&secret.key[0], ONSITE_STR("some text"),
                          signature));
    put("sig", onsite_str((const char *) signature, sizeof(signature)));
    assert_int_equal(shell("openssl pkeyutl -verify -pubin -inkey k.pub "
                           "-rawin -in text -sigfile sig"), 0);
    assert_true(keys_verify(&public.key[0], ONSITE_STR("some text"),
                            signature));
    assert_false(keys_verify(&public.key[0], ONSITE_STR("some texts"),
                             signature));
    assert_int_equal(shell("openssl genpkey -algorithm ed25519 -out o && "
                           "openssl pkey -in o -pubout -out o.pub && openssl "
                           "pkeyutl -sign -inkey o -rawin -in text -out osig"),
                     0);
    keys_free(&secret);
    keys_free(&public);
    read_pair("o", &secret, &public);
    {
        FILE  *file = fopen(in_folder("osig"), "rb");

        assert_int_equal(fread(signature, 1, sizeof(signature), file),
                         sizeof(signature));
        (void) fclose(file);
    }
    assert_true(keys_verify(&public.key[0], ONSITE_STR("some text"),
                            signature));

    assert_int_equal(keys_generate(in_folder("k"), false,
                                   (char[KEYS_ID + 1]) { 0 }, &error),
                     ONSITE_INVALID);
    keys_free(&secret);
    keys_free(&public);
}


static void
says_what_is_wrong_with_a_key(void **state)
{
    size_t          i;
    keys_t          keys = { 0 };
    onsite_error_t  error;
    static const struct {
        bool         secret;
        const char  *make;
        const char  *says;
    } cases[] = {
        { true, "cp k.pub x", "is a public key" },
        { false, "cp k x", "is a secret key" },
        { true, "rm -f x", "cannot be opened" },
        { false, ": > x", "holds no key" },
        { true, "echo hello > x", "holds no key" },
        { true, "openssl genpkey -algorithm rsa -out x", "another kind" },
        { false, "openssl genpkey -algorithm ed448 | openssl pkey -pubout "
                 "-out x", "another kind" },
        { true, "openssl pkey -in k -aes128 -passout pass:x -out x",
          "passphrase" },
        { false, "head -c 80 k.pub > x", "holds no key" },
        { false, "{ cat k.pub; head -c 80 k.pub; } > x", "damaged" },
        { false, "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x "
                 "-keyout y -out x", "no public key (CERTIFICATE)" },
        { false, "head -c 70000 /dev/zero > x", "too large" },
        { false, "rm -f x; mkdir -p x", "" },
    };

    (void) state;
    generate("k");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(shell(cases[i].make), 0);
        memset(&error, 0, sizeof(error));
        assert_int_not_equal(cases[i].secret
            ? keys_read_secret(&keys, in_folder("x"), &error)
            : keys_read_public(&keys, in_folder("x"), &error), ONSITE_OK);
        assert_non_null(strstr(error.text, cases[i].says));
        assert_non_null(strstr(error.text, "/x"));
        keys_free(&keys);
    }

    assert_int_equal(shell("rmdir x"), 0);
}


/* Several keys in a file; the same one twice counts once. */

static void
reads_several(void **state)
{
    keys_t          keys = { 0 };
    onsite_error_t  error;

    (void) state;
    generate("a");
    generate("b");
    assert_int_equal(shell("{ cat a.pub; echo a note; cat b.pub a.pub; } "
                           "> both.pub"), 0);
    assert_int_equal(keys_read_public(&keys, in_folder("both.pub"), &error),
                     ONSITE_OK);
    assert_int_equal(keys.n, 2);
    keys_free(&keys);
}


static void
says_what_it_said(void **state)
{
    keys_t          secret = { 0 }, public = { 0 };
    manifest_t      m, was = example();
    onsite_buf_t    text;
    onsite_error_t  error;

    (void) state;
    generate("k");
    read_pair("k", &secret, &public);
    write_example(&text, &secret);
    assert_int_equal(manifest_parse(&m, onsite_str(text.data, text.len),
                                    &error), ONSITE_OK);
    assert_int_equal(manifest_verify(&m, &public, &error), ONSITE_OK);
    assert_string_equal(m.site, was.site);
    assert_int_equal(m.version, was.version);
    assert_int_equal(m.created, was.created);
    assert_int_equal(m.expires, was.expires);
    assert_int_equal(m.size, was.size);
    assert_string_equal(m.sha256, was.sha256);
    assert_memory_equal(&m.body, &was.body, sizeof(m.body));
    assert_int_equal(m.previous, was.previous);
    assert_string_equal(m.previous_sha256, was.previous_sha256);
    assert_int_equal(m.n_patches, 1);
    assert_memory_equal(&m.patches[0], &was.patches[0], sizeof(m.body));

    manifest_free(&m);
    onsite_buf_free(&text);
    keys_free(&secret);
    keys_free(&public);
}


/* Every bit of it: none can be changed unnoticed. */

static void
notices_every_bit(void **state)
{
    size_t          i;
    keys_t          secret = { 0 }, public = { 0 };
    onsite_buf_t    text;
    onsite_error_t  error;

    (void) state;
    generate("k");
    read_pair("k", &secret, &public);
    write_example(&text, &secret);

    for (i = 0; i < 8 * text.len; i++) {
        text.data[i / 8] = (char) (text.data[i / 8] ^ 1 << i % 8);

        if (taken(onsite_str(text.data, text.len), &public, &error)) {
            fail_msg("bit %zu of byte %zu, \"%.20s\"", i % 8, i / 8,
                     text.data + i / 8);
        }

        text.data[i / 8] = (char) (text.data[i / 8] ^ 1 << i % 8);
    }

    assert_true(taken(onsite_str(text.data, text.len), &public, &error));

    for (i = 0; i < text.len - 1; i++) {
        assert_false(taken(onsite_str(text.data, i), &public, &error));
    }

    onsite_buf_free(&text);
    keys_free(&secret);
    keys_free(&public);
}


/* old → old and new → new; the other key alone is not enough. */

static void
rotates(void **state)
{
    keys_t          old = { 0 }, old_pub = { 0 }, new = { 0 };
    keys_t          new_pub = { 0 }, both = { 0 }, none = { 0 };
    onsite_str_t    text;
    onsite_buf_t    by_old, by_both;
    onsite_error_t  error;

    (void) state;
    generate("old");
    generate("new");
    read_pair("old", &old, &old_pub);
    read_pair("new", &new, &new_pub);
    assert_int_equal(keys_read_secret(&both, in_folder("old"), &error),
                     ONSITE_OK);
    assert_int_equal(keys_read_secret(&both, in_folder("new"), &error),
                     ONSITE_OK);
    write_example(&by_old, &old);
    write_example(&by_both, &both);

    text = onsite_str(by_old.data, by_old.len);
    assert_true(taken(text, &old_pub, &error));
    assert_false(taken(text, &new_pub, &error));
    assert_non_null(strstr(error.text, old_pub.key[0].id));
    assert_non_null(strstr(error.text, new_pub.key[0].id));
    assert_false(taken(text, &none, &error));
    assert_non_null(strstr(error.text, "trusted none"));

    text = onsite_str(by_both.data, by_both.len);
    assert_true(taken(text, &old_pub, &error));
    assert_true(taken(text, &new_pub, &error));

    onsite_buf_free(&by_old);
    onsite_buf_free(&by_both);
    keys_free(&old);
    keys_free(&old_pub);
    keys_free(&new);
    keys_free(&new_pub);
    keys_free(&both);
}


/* The example's text with something else instead; "": nothing changed. */

static onsite_str_t
changed(const onsite_buf_t *text, const char *from, const char *to,
    onsite_buf_t *out)
{
    const char  *at;

    onsite_buf_clear(out);
    at = memmem(text->data, text->len, from, strlen(from));
    assert_non_null(at);
    onsite_buf_append(out, text->data, (size_t) (at - text->data));
    onsite_buf_append(out, to, strlen(to));
    at += strlen(from);
    onsite_buf_append(out, at, (size_t) (text->data + text->len - at));

    return onsite_str(out->data, out->len);
}


static const struct {
    const char       *from;
    const char       *to;
    onsite_status_t   status;
    const char       *says;
} wrong[] = {
    { "onsite-manifest", "manifest", ONSITE_INVALID, "type is not" },
    { "\"format\": 1", "\"format\": 2", ONSITE_VERSION, "format is 2" },
    { "\"format\": 1,", "", ONSITE_INVALID, "format has to be" },
    { "\"0.9\"", "\"1.0\"", ONSITE_VERSION, "lmdb is not" },
    { "\"image\": ", "\"image\": 9", ONSITE_VERSION, "schema is" },
    { "\"default\"", "\"../x\"", ONSITE_INVALID, "site has to be" },
    { "\"default\"", "\".x\"", ONSITE_INVALID, "site has to be" },
    { "\"default\"", "\"\"", ONSITE_INVALID, "site has to be" },
    { "\"version\": 7", "\"version\": 0", ONSITE_INVALID,
      "version has to be above" },
    { "\"version\": 7", "\"version\": -7", ONSITE_INVALID,
      "version has to be" },
    { "\"version\": 7", "\"version\": 7.5", ONSITE_INVALID,
      "7.5 is not an integer" },
    { "\"version\": 7", "\"version\": 9007199254740993", ONSITE_INVALID,
      "is not an integer" },
    { "\"version\": 7", "\"version\": \"7\"", ONSITE_INVALID,
      "version has to be" },
    { "\"version\": 7", "\"version\": 7, \"site\": \"x\"",
      ONSITE_INVALID, "\"site\" is there twice" },
    { "2026-01-31T08:00:00.000Z", "2026-01-31", ONSITE_INVALID,
      "created has to be a time" },
    { "2026-01-31T08:00:00.000Z", "2026-13-31T08:00:00Z",
      ONSITE_INVALID, "created has to be a time" },
    { "\"sha256\": \"a", "\"sha256\": \"A", ONSITE_INVALID,
      "sha256 has to be 64" },
    { "\"path\": \"a", "\"path\": \"/a", ONSITE_INVALID,
      "body.path has to be a plain" },
    { "\"size\": 4000", "\"size\": null", ONSITE_INVALID,
      "body.size has to be" },
    { "\"previous\": {", "\"previous\": [], \"x\": {", ONSITE_INVALID,
      "previous. has to be an object" },
    { "\"patches\": [", "\"patches\": null, \"x\": [", ONSITE_INVALID,
      "patches has to be" },
    { "\"signatures\": [", "\"x\": [", ONSITE_INVALID, "unsigned" },
    { "{\n", "{\n]", ONSITE_INVALID, "bad JSON at 2:1" },
};


static void
says_what_is_wrong(void **state)
{
    size_t           i;
    keys_t           secret = { 0 }, public = { 0 };
    manifest_t       m;
    onsite_buf_t     text, other;
    onsite_error_t   error;
    onsite_status_t  status;

    (void) state;
    generate("k");
    read_pair("k", &secret, &public);
    write_example(&text, &secret);
    onsite_buf_init(&other, 0);

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        memset(&error, 0, sizeof(error));
        status = manifest_parse(&m, changed(&text, wrong[i].from, wrong[i].to,
                                            &other), &error);
        manifest_free(&m);

        if (status != wrong[i].status
            || strstr(error.text, wrong[i].says) == NULL)
        {
            fail_msg("%s: %d, %s", wrong[i].to, status, error.text);
        }
    }

    /* what is added later is under the signature, blanks are not */
    assert_false(taken(changed(&text, "\"version\"", "\"x\":1,\"version\"",
                               &other), &public, &error));
    assert_true(taken(changed(&text, "\"version\": 7", "\"version\":7 ",
                              &other), &public, &error));
    assert_true(taken(changed(&text, "\"default\"", "\"d\\u0065fault\"",
                              &other), &public, &error));
    assert_false(taken(changed(&text, "]\n}", "]\n} 1", &other), &public,
                       &error));

    onsite_buf_free(&text);
    onsite_buf_free(&other);
    keys_free(&secret);
    keys_free(&public);
}


/* openssl finds the signature good of the text that the docs say is signed. */

static void
openssl_verifies(void **state)
{
    keys_t           secret = { 0 };
    onsite_str_t     signature;
    manifest_t       m;
    onsite_buf_t     text, canonical;
    onsite_error_t   error;

    (void) state;
    generate("k");
    assert_int_equal(keys_read_secret(&secret, in_folder("k"), &error),
                     ONSITE_OK);
    write_example(&text, &secret);
    assert_int_equal(manifest_parse(&m, onsite_str(text.data, text.len),
                                    &error), ONSITE_OK);

    onsite_buf_init(&canonical, 0);
    onsite_buf_str(&canonical, ONSITE_STR("onsite-manifest-v1\n"));
    assert_int_equal(jcs_write(&canonical, &m.value,
                               ONSITE_STR("signatures"), &error), ONSITE_OK);
    put("text", onsite_str(canonical.data, canonical.len));
    signature = onsite_value_get_str(onsite_value_get(&m.value,
                    ONSITE_STR("signatures"))->as.items,
                    ONSITE_STR("signature"));
    put("sig64", signature);
    assert_int_equal(shell("openssl base64 -d -A -in sig64 -out sig && "
                           "openssl pkeyutl -verify -pubin -inkey k.pub "
                           "-rawin -in text -sigfile sig"), 0);

    onsite_buf_free(&canonical);
    onsite_buf_free(&text);
    manifest_free(&m);
    keys_free(&secret);
}


static void
bounds_its_text(void **state)
{
    char            *large;
    manifest_t       m;
    onsite_error_t   error;

    (void) state;
    large = malloc(MANIFEST_TEXT_MAX + 1);
    assert_non_null(large);
    memset(large, '[', MANIFEST_TEXT_MAX + 1);

    assert_int_equal(manifest_parse(&m, onsite_str(large,
                                    MANIFEST_TEXT_MAX + 1), &error),
                     ONSITE_LIMIT);
    manifest_free(&m);
    assert_int_not_equal(manifest_parse(&m, onsite_str(large,
                                        MANIFEST_TEXT_MAX), &error),
                         ONSITE_OK);
    manifest_free(&m);
    memset(large, ' ', MANIFEST_TEXT_MAX);
    memcpy(large, "[1]", 3);
    assert_int_equal(manifest_parse(&m, onsite_str(large, MANIFEST_TEXT_MAX),
                                    &error), ONSITE_INVALID);
    manifest_free(&m);
    assert_int_equal(manifest_parse(&m, ONSITE_STR(""), &error),
                     ONSITE_INVALID);
    manifest_free(&m);
    free(large);
}


static int
make_folder(void **state)
{
    (void) state;

    return mkdtemp(folder) != NULL ? 0 : -1;
}


static int
remove_folder(void **state)
{
    char  line[256];

    (void) state;
    (void) snprintf(line, sizeof(line), "rm -rf %s", folder);

    return system(line);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(keys_are_openssls),
        cmocka_unit_test(says_what_is_wrong_with_a_key),
        cmocka_unit_test(reads_several),
        cmocka_unit_test(says_what_it_said),
        cmocka_unit_test(notices_every_bit),
        cmocka_unit_test(rotates),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(openssl_verifies),
        cmocka_unit_test(bounds_its_text),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
