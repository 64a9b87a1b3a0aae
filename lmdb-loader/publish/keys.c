/*
 * keys.c - Ed25519 keys in PEM files; signatures.
 */

#include "keys.h"

#include "files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAW       32                /* bytes of a public key               */
#define TEXT_MAX  (64 * 1024)


/* The text of a file; it may hold a secret: free_text. */

static onsite_status_t
read_text(const char *path, char **text, size_t *len, onsite_error_t *error)
{
    FILE             *file;
    onsite_status_t   status = ONSITE_OK;

    file = fopen(path, "rbe");
    if (file == NULL) {
        return onsite_error(error,
                            errno == ENOENT ? ONSITE_NOT_FOUND : ONSITE_IO,
                            "key %s: cannot be opened: %s", path,
                            strerror(errno));
    }

    *text = malloc(TEXT_MAX);
    *len = *text != NULL ? fread(*text, 1, TEXT_MAX, file) : 0;

    if (*text == NULL) {
        status = onsite_error(error, ONSITE_NO_MEMORY, "out of memory");

    } else if (ferror(file)) {
        status = onsite_error(error, ONSITE_IO, "key %s: cannot be read: %s",
                              path, strerror(errno));

    } else if (*len == TEXT_MAX) {
        status = onsite_error(error, ONSITE_INVALID, "key %s: is too large "
                              "for a file of keys", path);
    }

    (void) fclose(file);

    if (status != ONSITE_OK) {
        free(*text);
    }

    return status;
}


static void
free_text(char *text, size_t len)
{
    OPENSSL_cleanse(text, len);
    free(text);
}


static bool
name_key(EVP_PKEY *pkey, char id[KEYS_ID + 1])
{
    int            i;
    size_t         len = RAW;
    unsigned char  raw[RAW], sum[EVP_MAX_MD_SIZE];

    if (EVP_PKEY_get_raw_public_key(pkey, raw, &len) != 1 || len != RAW
        || EVP_Digest(raw, RAW, sum, NULL, EVP_sha256(), NULL) != 1)
    {
        return false;
    }

    for (i = 0; i < KEYS_ID / 2; i++) {
        (void) sprintf(id + 2 * i, "%02x", sum[i]);
    }

    return true;
}


/* Takes pkey over. */

static onsite_status_t
add(keys_t *keys, const char *path, EVP_PKEY *pkey, onsite_error_t *error)
{
    char             id[KEYS_ID + 1];
    onsite_status_t  status = ONSITE_OK;

    if (EVP_PKEY_get_id(pkey) != EVP_PKEY_ED25519 || !name_key(pkey, id)) {
        status = onsite_error(error, ONSITE_INVALID, "key %s: is of another "
                              "kind than Ed25519: make one with lmdb-loader "
                              "keygen", path);

    } else if (keys_find(keys, onsite_str(id, KEYS_ID)) != NULL) {
        EVP_PKEY_free(pkey);
        return ONSITE_OK;

    } else if (keys->n == KEYS_MAX) {
        status = onsite_error(error, ONSITE_LIMIT, "key %s: more than %d "
                              "keys: retire old ones", path, KEYS_MAX);
    }

    if (status != ONSITE_OK) {
        EVP_PKEY_free(pkey);
        return status;
    }

    memcpy(keys->key[keys->n].id, id, sizeof(id));
    keys->key[keys->n++].pkey = pkey;

    return ONSITE_OK;
}


/* A block of PEM */

typedef struct {
    char           *name;
    unsigned char  *data;
    long            len;
} block_t;


static bool
next_block(BIO *text, block_t *block)
{
    char  *header;

    if (PEM_read_bio(text, &block->name, &header, &block->data, &block->len)
        != 1)
    {
        return false;
    }

    OPENSSL_free(header);

    return true;
}


static void
free_block(block_t *block)
{
    OPENSSL_free(block->name);
    OPENSSL_clear_free(block->data, (size_t) block->len);
}


static bool
is_called(const block_t *block, const char *name)
{
    return strcmp(block->name, name) == 0;
}


static onsite_status_t
take_secret(keys_t *keys, const char *path, const block_t *block,
    onsite_error_t *error)
{
    EVP_PKEY             *pkey;
    const unsigned char  *p = block->data;

    if (is_called(block, PEM_STRING_PUBLIC)) {
        return onsite_error(error, ONSITE_INVALID, "key %s: is a public key: "
                            "what signs is the file without .pub", path);
    }

    if (is_called(block, PEM_STRING_PKCS8)) {
        return onsite_error(error, ONSITE_INVALID, "key %s: has a passphrase,"
                            " which nobody is there to give: openssl pkey "
                            "writes it without one", path);
    }

    pkey = is_called(block, PEM_STRING_PKCS8INF)
           ? d2i_AutoPrivateKey(NULL, &p, block->len) : NULL;

    if (pkey == NULL || p != block->data + block->len) {
        EVP_PKEY_free(pkey);
        return onsite_error(error, ONSITE_INVALID, "key %s: holds no secret "
                            "key that can be read: make one with lmdb-loader "
                            "keygen", path);
    }

    return add(keys, path, pkey, error);
}


static onsite_status_t
take_public(keys_t *keys, const char *path, const block_t *block,
    onsite_error_t *error)
{
    EVP_PKEY             *pkey;
    const unsigned char  *p = block->data;

    if (strstr(block->name, "PRIVATE KEY") != NULL) {
        return onsite_error(error, ONSITE_INVALID, "key %s: is a secret key, "
                            "which stays with who publishes: what is trusted "
                            "is the file with .pub", path);
    }

    pkey = is_called(block, PEM_STRING_PUBLIC)
           ? d2i_PUBKEY(NULL, &p, block->len) : NULL;

    if (pkey == NULL || p != block->data + block->len) {
        EVP_PKEY_free(pkey);
        return onsite_error(error, ONSITE_INVALID, "key %s: holds something "
                            "that is no public key (%s)", path, block->name);
    }

    return add(keys, path, pkey, error);
}


typedef onsite_status_t (*take_pt)(keys_t *, const char *, const block_t *,
    onsite_error_t *);


static onsite_status_t
read_keys(keys_t *keys, const char *path, take_pt take, onsite_error_t *error)
{
    BIO              *bio;
    char             *text = NULL;
    size_t            len = 0, found = 0;
    block_t           block;
    onsite_status_t   status;

    status = read_text(path, &text, &len, error);
    if (status != ONSITE_OK) {
        return status;
    }

    bio = BIO_new_mem_buf(text, (int) len);
    ERR_clear_error();

    while (status == ONSITE_OK && bio != NULL && next_block(bio, &block)) {
        found++;
        status = take(keys, path, &block, error);
        free_block(&block);
    }

    if (status == ONSITE_OK
        && (found == 0 || ERR_GET_REASON(ERR_peek_last_error())
                          != PEM_R_NO_START_LINE))
    {
        status = onsite_error(error, ONSITE_INVALID, "key %s: %s", path,
                              found == 0 ? "holds no key (PEM): make one with"
                              " lmdb-loader keygen"
                              : "is damaged behind its first key");
    }

    ERR_clear_error();
    BIO_free(bio);
    free_text(text, len);

    return status;
}


onsite_status_t
keys_read_secret(keys_t *keys, const char *path, onsite_error_t *error)
{
    return read_keys(keys, path, take_secret, error);
}


onsite_status_t
keys_read_public(keys_t *keys, const char *path, onsite_error_t *error)
{
    return read_keys(keys, path, take_public, error);
}


void
keys_free(keys_t *keys)
{
    while (keys->n != 0) {
        EVP_PKEY_free(keys->key[--keys->n].pkey);
    }
}


const keys_one_t *
keys_find(const keys_t *keys, onsite_str_t id)
{
    size_t  i;

    for (i = 0; i < keys->n; i++) {
        if (onsite_str_eq(onsite_str(keys->key[i].id, KEYS_ID), id)) {
            return &keys->key[i];
        }
    }

    return NULL;
}


void
keys_list(const keys_t *keys, char *text, size_t size)
{
    size_t  i, len = 0;

    text[0] = '\0';

    for (i = 0; i < keys->n && len < size; i++) {
        len += (size_t) snprintf(text + len, size - len, "%s%s",
                                 i != 0 ? ", " : "", keys->key[i].id);
    }
}


bool
keys_sign(const keys_one_t *key, onsite_str_t message,
    uint8_t signature[KEYS_SIGNATURE])
{
    bool         done;
    size_t       len = KEYS_SIGNATURE;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    done = ctx != NULL
           && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1
           && EVP_DigestSign(ctx, signature, &len,
                             (const unsigned char *) message.data,
                             message.len) == 1
           && len == KEYS_SIGNATURE;

    EVP_MD_CTX_free(ctx);

    return done;
}


bool
keys_verify(const keys_one_t *key, onsite_str_t message,
    const uint8_t signature[KEYS_SIGNATURE])
{
    bool         good;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    good = ctx != NULL
           && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->pkey) == 1
           && EVP_DigestVerify(ctx, signature, KEYS_SIGNATURE,
                               (const unsigned char *) message.data,
                               message.len) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    return good;
}


/* New ones */

static onsite_str_t
contents(BIO *text)
{
    char    *data;
    size_t   len = (size_t) BIO_get_mem_data(text, &data);

    return onsite_str(data, len);
}


static onsite_status_t
write_pair(const char *path, bool replace, BIO *secret, BIO *public,
    onsite_error_t *error)
{
    char             beside[PATH_MAX];
    struct stat      st;
    onsite_status_t  status;

    if (snprintf(beside, sizeof(beside), "%s.pub", path)
        >= (int) sizeof(beside))
    {
        return onsite_error(error, ONSITE_INVALID, "%s: the name is too long",
                            path);
    }

    if (!replace && lstat(path, &st) == 0) {
        return onsite_error(error, ONSITE_INVALID, "%s is there already",
                            path);
    }

    status = files_write(beside, contents(public), 0644, replace, error);

    if (status == ONSITE_OK) {
        status = files_write(path, contents(secret), 0600, replace, error);

        if (status != ONSITE_OK && !replace) {
            (void) unlink(beside);
        }
    }

    return status;
}


onsite_status_t
keys_generate(const char *path, bool replace, char id[KEYS_ID + 1],
    onsite_error_t *error)
{
    BIO              *secret, *public;
    EVP_PKEY         *pkey;
    onsite_status_t   status;

    pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    secret = BIO_new(BIO_s_secmem());
    public = BIO_new(BIO_s_mem());

    if (pkey == NULL || secret == NULL || public == NULL
        || !name_key(pkey, id)
        || PEM_write_bio_PKCS8PrivateKey(secret, pkey, NULL, NULL, 0, NULL,
                                         NULL) != 1
        || PEM_write_bio_PUBKEY(public, pkey) != 1)
    {
        status = onsite_error(error, ONSITE_IO, "no key: libcrypto says: %s",
                              ERR_reason_error_string(ERR_peek_last_error()));

    } else {
        status = write_pair(path, replace, secret, public, error);
    }

    BIO_free(secret);
    BIO_free(public);
    EVP_PKEY_free(pkey);
    ERR_clear_error();

    return status;
}
