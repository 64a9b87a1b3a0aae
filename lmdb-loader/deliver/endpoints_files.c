/*
 * endpoints_files.c - files that the file of endpoints names: secrets and
 * headers, a line each.
 */

#include "endpoints.h"

#include "files.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <strings.h>
#include <sys/stat.h>

#define SMALL_FILE  (64 * 1024)
#define CA_FILE     (4 << 20)


/* The next line without its end; false: there is none. */

static bool
next_line(onsite_str_t *text, onsite_str_t *line)
{
    const char  *end;

    if (text->len == 0) {
        return false;
    }

    end = memchr(text->data, '\n', text->len);
    line->data = text->data;
    line->len = end != NULL ? (size_t) (end - text->data) : text->len;

    text->data += line->len + (end != NULL);
    text->len -= line->len + (end != NULL);

    if (line->len != 0 && line->data[line->len - 1] == '\r') {
        line->len--;
    }

    return true;
}


static bool
is_remark(onsite_str_t line)
{
    size_t  i = 0;

    while (i < line.len && isspace((unsigned char) line.data[i])) {
        i++;
    }

    return i == line.len || line.data[i] == '#';
}


/* Secrets, and headers that hold credentials. */

static onsite_status_t
read_private(const char *path, const char *what, onsite_buf_t *text,
    onsite_error_t *error)
{
    struct stat  st;

    if (stat(path, &st) == 0 && (st.st_mode & 007) != 0) {
        return onsite_error(error, ONSITE_INVALID, "%s: anybody may read %s: "
                            "chmod 600 it", path, what);
    }

    return files_read(path, SMALL_FILE, text, error);
}


static void
free_private(onsite_buf_t *text)
{
    if (text->data != NULL) {
        OPENSSL_cleanse(text->data, text->capacity);
    }

    onsite_buf_free(text);
}


static onsite_status_t
take_secrets(const char *path, onsite_str_t text, endpoint_t *endpoint,
    onsite_error_t *error)
{
    size_t           n = 0, before = endpoint->n_secrets;
    onsite_str_t     line;
    onsite_error_t   why = { "" };

    while (next_line(&text, &line)) {
        n++;

        if (is_remark(line)) {
            continue;
        }

        if (endpoint->n_secrets == WEBHOOK_SECRETS_MAX) {
            return onsite_error(error, ONSITE_LIMIT, "%s:%zu: more than %d "
                                "secrets: retire old ones", path, n,
                                WEBHOOK_SECRETS_MAX);
        }

        if (webhook_secret_read(line,
                                &endpoint->secrets[endpoint->n_secrets], &why)
            != ONSITE_OK)
        {
            return onsite_error(error, ONSITE_INVALID, "%s:%zu: %s", path, n,
                                why.text);
        }

        endpoint->n_secrets++;
    }

    return endpoint->n_secrets != before ? ONSITE_OK
           : onsite_error(error, ONSITE_INVALID, "%s: holds no secret", path);
}


onsite_status_t
endpoints_secrets(const char *path, endpoint_t *endpoint,
    onsite_error_t *error)
{
    onsite_buf_t     text;
    onsite_status_t  status;

    onsite_buf_init(&text, 0);
    status = read_private(path, "this secret", &text, error);

    if (status == ONSITE_OK) {
        status = take_secrets(path, onsite_str(text.data, text.len), endpoint,
                              error);
    }

    free_private(&text);

    return status;
}


/* What is ours to say, or the connection's. */

static bool
is_reserved(onsite_str_t name)
{
    size_t                    i;
    static const char *const  names[] = {
        "content-length", "content-type", "connection", "expect", "host",
        "idempotency-key", "transfer-encoding", "upgrade"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (name.len == strlen(names[i])
            && strncasecmp(name.data, names[i], name.len) == 0)
        {
            return true;
        }
    }

    return name.len >= 8 && strncasecmp(name.data, "webhook-", 8) == 0;
}


static bool
is_header(onsite_str_t line, onsite_str_t *name)
{
    size_t  i;

    for (i = 0; i < line.len && line.data[i] != ':'; i++) {
        if (!isalnum((unsigned char) line.data[i])
            && (line.data[i] == '\0'
                || strchr("!#$%&'*+-.^_`|~", line.data[i]) == NULL))
        {
            return false;
        }
    }

    *name = onsite_str(line.data, i);

    if (i == 0 || i == line.len) {
        return false;
    }

    for (i++; i < line.len; i++) {
        if (iscntrl((unsigned char) line.data[i]) && line.data[i] != '\t') {
            return false;
        }
    }

    return true;
}


static onsite_status_t
take_header(const char *path, size_t n, onsite_str_t line,
    onsite_arena_t *arena, endpoint_t *endpoint, onsite_error_t *error)
{
    bool          good;
    onsite_str_t  name;

    good = is_header(line, &name);

    if (!good || is_reserved(name)) {
        return onsite_error(error, ONSITE_INVALID, "%s:%zu: %s", path, n,
                            good ? "this header is not to be set"
                                 : "a line has to be a header, \"Name: "
                                   "value\"");
    }

    if (endpoint->n_headers == ENDPOINTS_HEADERS_MAX) {
        return onsite_error(error, ONSITE_LIMIT, "%s:%zu: more than %d "
                            "headers", path, n, ENDPOINTS_HEADERS_MAX);
    }

    line = onsite_arena_copy(arena, line);
    endpoint->headers[endpoint->n_headers++] = line.data;

    return line.data != NULL ? ONSITE_OK
           : onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
}


onsite_status_t
endpoints_headers(const char *path, onsite_arena_t *arena,
    endpoint_t *endpoint, onsite_error_t *error)
{
    size_t           n = 0;
    onsite_buf_t     text;
    onsite_str_t     left, line;
    onsite_status_t  status;

    onsite_buf_init(&text, 0);
    status = read_private(path, "these headers", &text, error);
    left = onsite_str(text.data, text.len);

    while (status == ONSITE_OK && next_line(&left, &line)) {
        n++;

        if (!is_remark(line)) {
            status = take_header(path, n, line, arena, endpoint, error);
        }
    }

    free_private(&text);

    return status;
}


static bool
holds_certificate(onsite_str_t text)
{
    BIO   *bio = BIO_new_mem_buf(text.data, (int) text.len);
    X509  *certificate = NULL;

    if (bio != NULL) {
        certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    }

    X509_free(certificate);
    (void) BIO_free(bio);
    ERR_clear_error();

    return certificate != NULL;
}


onsite_status_t
endpoints_ca(const char *path, onsite_error_t *error)
{
    onsite_buf_t     text;
    onsite_status_t  status;

    onsite_buf_init(&text, 0);
    status = files_read(path, CA_FILE, &text, error);

    if (status == ONSITE_OK
        && (text.len == 0
            || !holds_certificate(onsite_str(text.data, text.len))))
    {
        status = onsite_error(error, ONSITE_INVALID, "%s: holds no "
                              "certificate (PEM)", path);
    }

    onsite_buf_free(&text);

    return status;
}
