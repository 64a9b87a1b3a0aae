/*
 * keys.h - Ed25519 (RFC 8032, libcrypto): who publishes, and who is trusted.
 *
 * Keys are PEM files as openssl has them: PKCS#8 for the secret one,
 * SubjectPublicKeyInfo for public ones, of which a file may hold several.
 */

#ifndef KEYS_H
#define KEYS_H

#include "onsite_types.h"

#define KEYS_MAX         64
#define KEYS_ID          16         /* hex digits                          */
#define KEYS_SIGNATURE   64         /* bytes                               */

typedef struct {
    char   id[KEYS_ID + 1];         /* first of SHA-256 of the raw public
                                       key                                 */
    void  *pkey;
} keys_one_t;

/* Zeroed: none.  A key that is there already is taken once. */
typedef struct {
    keys_one_t  key[KEYS_MAX];
    size_t      n;
} keys_t;

/* Adds those of a file.  NOT_FOUND, IO; INVALID: they are not what is asked
 * for; LIMIT: too many.  The error names the file and says what to do. */
onsite_status_t keys_read_secret(keys_t *keys, const char *path,
    onsite_error_t *error);
onsite_status_t keys_read_public(keys_t *keys, const char *path,
    onsite_error_t *error);
void keys_free(keys_t *keys);

/* NULL: it is none of them. */
const keys_one_t *keys_find(const keys_t *keys, onsite_str_t id);

/* "a1…, b2…" into text, cut where it does not fit. */
void keys_list(const keys_t *keys, char *text, size_t size);

bool keys_sign(const keys_one_t *key, onsite_str_t message,
    uint8_t signature[KEYS_SIGNATURE]);
bool keys_verify(const keys_one_t *key, onsite_str_t message,
    const uint8_t signature[KEYS_SIGNATURE]);

/*
 * A new pair: the secret one to path (mode 0600), the public one to path.pub.
 * INVALID: one of them is there, unless replace.  A secret key is never lost
 * without another in its place.
 */
onsite_status_t keys_generate(const char *path, bool replace,
    char id[KEYS_ID + 1], onsite_error_t *error);

#endif
