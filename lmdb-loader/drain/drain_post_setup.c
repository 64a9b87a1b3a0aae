/*
 * drain_post_setup.c - where batches are POSTed to, and by whose authority.
 *
 * Secrets come from files, which are read again after a failure, or from the
 * URL, and are in no message.
 */

#include "drain_post.h"
#include "files.h"
#include "loader.h"
#include "remote_url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SECRETS_MAX  (16 * 1024)


/* The URL */

static bool
is_loopback(CURLU *url)
{
    bool             is;
    char            *host;
    struct in_addr   address;

    host = url_part(url, CURLUPART_HOST, 0);

    is = host != NULL
         && (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0
             || (inet_pton(AF_INET, host, &address) == 1
                 && ntohl(address.s_addr) >> 24 == 127));
    free(host);

    return is;
}


/* What is wrong with it, or NULL. */

static const char *
check_url(const post_t *post, CURLU *url)
{
    bool         plain;
    char        *text;
    const char  *wrong = NULL;

    text = url_part(url, CURLUPART_SCHEME, 0);
    plain = text != NULL && strcmp(text, "http") == 0;

    if (!plain && (text == NULL || strcmp(text, "https") != 0)) {
        wrong = "events go to https://…";

    } else if (plain && !is_loopback(url)) {
        wrong = "http:// is for this machine only (127.0.0.1, localhost): "
                "events of visitors go by https://";
    }

    free(text);
    text = url_part(url, CURLUPART_FRAGMENT, 0);
    wrong = wrong == NULL && text != NULL ? "a URL of a server has no "
            "fragment" : wrong;
    free(text);
    text = url_part(url, CURLUPART_QUERY, 0);
    wrong = wrong == NULL && text != NULL && post->options.segment
            ? "the URL of Segment's API has no query" : wrong;
    free(text);
    text = url_part(url, CURLUPART_USER, 0);
    wrong = wrong == NULL && text != NULL && post->options.segment
            ? "it is segment:KEY@https://…" : wrong;
    free(text);

    return wrong;
}


/* path and options.path, one slash between them */

static bool
add_path(const post_t *post, CURLU *url)
{
    bool           added;
    char          *path;
    onsite_buf_t   whole;
    onsite_str_t   own;

    if (*post->options.path == '\0') {
        return true;
    }

    path = url_part(url, CURLUPART_PATH, 0);
    own = path != NULL ? onsite_str_of(path) : ONSITE_STR("");

    while (own.len != 0 && own.data[own.len - 1] == '/') {
        own.len--;
    }

    onsite_buf_init(&whole, 0);
    onsite_buf_str(&whole, own);
    onsite_buf_printf(&whole, "%s", post->options.path);
    onsite_buf_char(&whole, '\0');

    added = !whole.failed
            && curl_url_set(url, CURLUPART_PATH, whole.data, 0) == CURLUE_OK;

    onsite_buf_free(&whole);
    free(path);

    return added;
}


static bool
take_parts(post_t *post, CURLU *url)
{
    if (post->options.segment) {
        post->user = strndup(post->options.key, post->options.key_len);

        if (post->user == NULL) {
            return false;
        }

    } else {
        post->user = url_part(url, CURLUPART_USER, CURLU_URLDECODE);
    }

    post->password = url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    (void) curl_url_set(url, CURLUPART_USER, NULL, 0);
    (void) curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);

    if (!add_path(post, url)) {
        return false;
    }

    post->url = url_part(url, CURLUPART_URL, 0);
    (void) curl_url_set(url, CURLUPART_QUERY, NULL, 0);
    post->told = url_part(url, CURLUPART_URL, 0);

    return post->url != NULL && post->told != NULL;
}


bool
post_take_url(post_t *post)
{
    CURLU       *url = curl_url();
    CURLUcode    code = CURLUE_OUT_OF_MEMORY;
    const char  *wrong = "out of memory";

    if (url != NULL) {
        code = curl_url_set(url, CURLUPART_URL, post->options.url, 0);
        wrong = code != CURLUE_OK ? curl_url_strerror(code)
                                  : check_url(post, url);
    }

    if (wrong == NULL && !take_parts(post, url)) {
        wrong = "out of memory";
    }

    if (wrong != NULL) {
        loader_complain("--to: the URL is not right: %s", wrong);
    }

    curl_url_cleanup(url);

    return wrong == NULL;
}


/* Secrets */

static bool
is_printable(onsite_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if ((unsigned char) text.data[i] < ' ' || text.data[i] == 0x7f) {
            return false;
        }
    }

    return true;
}


static onsite_str_t
trim(onsite_str_t text)
{
    while (text.len != 0 && strchr(" \t\r\n", text.data[text.len - 1])) {
        text.len--;
    }

    while (text.len != 0 && strchr(" \t\r\n", text.data[0])) {
        text = onsite_str(text.data + 1, text.len - 1);
    }

    return text;
}


/* All of a file that has one word of it. */

static onsite_status_t
read_word(const char *option, const char *path, onsite_buf_t *out,
    onsite_error_t *error)
{
    onsite_str_t     word;
    onsite_status_t  status;

    status = files_read(path, SECRETS_MAX, out, error);
    if (status != ONSITE_OK) {
        return status;
    }

    word = trim(onsite_str(out->data, out->len));

    if (word.len == 0 || !is_printable(word)) {
        return onsite_error(error, ONSITE_IO, "--%s: %s: has not one word",
                            option, path);
    }

    memmove(out->data, word.data, word.len);
    out->len = word.len;

    return ONSITE_OK;
}


static onsite_status_t
add_header(post_t *post, onsite_buf_t *line, onsite_error_t *error)
{
    struct curl_slist  *longer;

    onsite_buf_char(line, '\0');
    longer = line->failed ? NULL
             : curl_slist_append(post->headers, line->data);

    if (longer == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    post->headers = longer;

    return ONSITE_OK;
}


static onsite_status_t
read_token(post_t *post, onsite_buf_t *text, onsite_error_t *error)
{
    onsite_buf_t     line;
    onsite_status_t  status;

    status = read_word("token-file", post->options.token_file, text, error);

    if (status == ONSITE_OK) {
        onsite_buf_init(&line, 0);
        onsite_buf_printf(&line, "Authorization: Bearer ");
        onsite_buf_append(&line, text->data, text->len);
        status = add_header(post, &line, error);
        onsite_buf_free(&line);
    }

    return status;
}


/* What is wrong with a line, or NULL. */

static const char *
check_header(onsite_str_t header)
{
    size_t  i, n = 0;

    static const char *const  ours[] = {
        "Content-Length", "Transfer-Encoding"
    };

    while (n < header.len && header.data[n] != ':') {
        n++;
    }

    if (!is_printable(header) || n == 0 || n == header.len) {
        return "a line is no \"Name: value\"";
    }

    for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (strlen(ours[i]) == n
            && strncasecmp(header.data, ours[i], n) == 0)
        {
            return "Content-Length and Transfer-Encoding follow from each "
                   "batch, and cannot be given";
        }
    }

    return NULL;
}


/* "Name: value", a line each */

static onsite_status_t
read_headers(post_t *post, onsite_buf_t *text, onsite_error_t *error)
{
    size_t           n;
    const char      *path = post->options.header_file, *wrong;
    onsite_buf_t     line;
    onsite_str_t     rest, header;
    onsite_status_t  status;

    status = files_read(path, SECRETS_MAX, text, error);
    rest = onsite_str(text->data, text->len);

    while (status == ONSITE_OK && rest.len != 0) {
        n = 0;
        while (n < rest.len && rest.data[n] != '\n') {
            n++;
        }

        header = trim(onsite_str(rest.data, n));
        n += n < rest.len;
        rest = onsite_str(rest.data + n, rest.len - n);

        if (header.len == 0) {
            continue;
        }

        wrong = check_header(header);

        if (wrong != NULL) {
            return onsite_error(error, ONSITE_IO, "--header-file: %s: %s",
                                path, wrong);
        }

        onsite_buf_init(&line, 0);
        onsite_buf_str(&line, header);
        status = add_header(post, &line, error);
        onsite_buf_free(&line);
    }

    return status;
}


static onsite_status_t
read_key(post_t *post, onsite_buf_t *text, onsite_error_t *error)
{
    onsite_status_t  status;

    status = read_word("write-key-file", post->options.key_file, text,
                       error);
    if (status != ONSITE_OK) {
        return status;
    }

    free(post->user);
    post->user = strndup(text->data, text->len);

    return post->user != NULL
           ? ONSITE_OK : onsite_error(error, ONSITE_NO_MEMORY,
                                      "out of memory");
}


/* libcurl would tell only when something is sent. */

static onsite_status_t
check_ca(const char *path, onsite_error_t *error)
{
    BIO   *file;
    X509  *first;

    if (access(path, R_OK) != 0) {
        return onsite_error(error, ONSITE_IO, "--ca: %s: %s", path,
                            strerror(errno));
    }

    file = BIO_new_file(path, "r");
    first = file != NULL ? PEM_read_bio_X509_AUX(file, NULL, NULL, NULL)
                         : NULL;
    (void) BIO_free(file);
    ERR_clear_error();

    if (first == NULL) {
        return onsite_error(error, ONSITE_IO, "--ca: %s: has no certificate "
                            "(PEM)", path);
    }

    X509_free(first);

    return ONSITE_OK;
}


onsite_status_t
post_begin(post_t *post, onsite_error_t *error)
{
    onsite_buf_t     text;
    onsite_status_t  status = ONSITE_OK;

    onsite_buf_init(&text, 0);
    curl_slist_free_all(post->headers);
    post->headers = NULL;

    if (post->options.header_file != NULL) {
        status = read_headers(post, &text, error);
    }

    if (status == ONSITE_OK && post->options.token_file != NULL) {
        status = read_token(post, &text, error);
    }

    if (status == ONSITE_OK && post->options.key_file != NULL) {
        status = read_key(post, &text, error);
    }

    onsite_buf_free(&text);

    return status == ONSITE_OK && post->options.ca != NULL
           ? check_ca(post->options.ca, error) : status;
}
