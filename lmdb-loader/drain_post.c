/*
 * drain_post.c - one POST, by libcurl, and in words what came of it.
 *
 * Certificates are always verified and redirects never followed: what is sent
 * is for one receiver.  Secrets come from files or the URL and are in no
 * message.
 */

#include "drain_http.h"
#include "files.h"
#include "loader.h"
#include "stop.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zlib.h>

#define SECRETS_MAX      (16 * 1024)
#define CONNECT_MS       (10 * ONSITE_SECOND)
#define LAST_MS          (3 * ONSITE_SECOND)    /* when it is to stop     */
#define RETRY_AFTER_MAX  3600
#define AGENT            "lmdb-loader"
#define GZIP             (15 + 16)              /* window and form        */

struct post_s {
    post_options_t       options;
    CURL                *curl;
    char                *url;           /* as it is requested              */
    char                *told;          /* as it is told                   */
    char                *user;          /* NULL: none                      */
    char                *password;
    struct curl_slist   *headers;       /* of files                        */
    onsite_buf_t         packed;
    onsite_ms_t          stopped;       /* when it was told to, or 0       */
};


/* The URL */

static char *
part_of(CURLU *url, CURLUPart part, unsigned flags)
{
    char  *text = NULL, *copy;

    if (curl_url_get(url, part, &text, flags) != CURLUE_OK) {
        return NULL;
    }

    copy = strdup(text);
    curl_free(text);

    return copy;
}


static bool
is_loopback(CURLU *url)
{
    bool             is;
    char            *host;
    struct in_addr   address;

    host = part_of(url, CURLUPART_HOST, 0);

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

    text = part_of(url, CURLUPART_SCHEME, 0);
    plain = text != NULL && strcmp(text, "http") == 0;

    if (!plain && (text == NULL || strcmp(text, "https") != 0)) {
        wrong = "events go to https://…";

    } else if (plain && !is_loopback(url)) {
        wrong = "http:// is for this machine only (127.0.0.1, localhost): "
                "events of visitors go by https://";
    }

    free(text);
    text = part_of(url, CURLUPART_FRAGMENT, 0);
    wrong = wrong == NULL && text != NULL ? "a URL of a server has no "
            "fragment" : wrong;
    free(text);
    text = part_of(url, CURLUPART_QUERY, 0);
    wrong = wrong == NULL && text != NULL && post->options.segment
            ? "the URL of Segment's API has no query" : wrong;
    free(text);
    text = part_of(url, CURLUPART_USER, 0);
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

    path = part_of(url, CURLUPART_PATH, 0);
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
        post->user = part_of(url, CURLUPART_USER, CURLU_URLDECODE);
    }

    post->password = part_of(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    (void) curl_url_set(url, CURLUPART_USER, NULL, 0);
    (void) curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);

    if (!add_path(post, url)) {
        return false;
    }

    post->url = part_of(url, CURLUPART_URL, 0);
    (void) curl_url_set(url, CURLUPART_QUERY, NULL, 0);
    post->told = part_of(url, CURLUPART_URL, 0);

    return post->url != NULL && post->told != NULL;
}


static bool
take_url(post_t *post)
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


post_t *
post_open(const post_options_t *options)
{
    post_t  *post;

    post = calloc(1, sizeof(post_t));

    if (post == NULL) {
        loader_complain("out of memory");
        return NULL;
    }

    (void) curl_global_init(CURL_GLOBAL_DEFAULT);
    post->options = *options;
    onsite_buf_init(&post->packed, 0);

    if (!take_url(post)) {
        post_close(post);
        return NULL;
    }

    post->curl = curl_easy_init();

    if (post->curl == NULL) {
        loader_complain("out of memory");
        post_close(post);
        return NULL;
    }

    return post;
}


void
post_close(post_t *post)
{
    curl_easy_cleanup(post->curl);
    curl_slist_free_all(post->headers);
    curl_global_cleanup();
    free(post->url);
    free(post->told);
    free(post->user);
    free(post->password);
    onsite_buf_free(&post->packed);
    free(post);
}


const char *
post_url(const post_t *post)
{
    return post->told;
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


/* "Name: value", a line each */

static onsite_status_t
read_headers(post_t *post, onsite_buf_t *text, onsite_error_t *error)
{
    size_t           n;
    const char      *path = post->options.header_file;
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

        if (!is_printable(header) || header.data[0] == ':'
            || memchr(header.data, ':', header.len) == NULL)
        {
            return onsite_error(error, ONSITE_IO, "--header-file: %s: a line "
                                "is no \"Name: value\"", path);
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

    if (status == ONSITE_OK && post->options.ca != NULL
        && access(post->options.ca, R_OK) != 0)
    {
        status = onsite_error(error, ONSITE_IO, "--ca: %s: %s",
                              post->options.ca, strerror(errno));
    }

    return status;
}


/* A request */

static size_t
on_body(char *data, size_t one, size_t size, void *pointer)
{
    size_t          i, n;
    post_answer_t  *answer = pointer;

    (void) one;
    n = strlen(answer->text);

    for (i = 0; i < size && n + 1 < sizeof(answer->text); i++) {
        answer->text[n++] = (unsigned char) data[i] < ' ' ? ' ' : data[i];
    }

    answer->text[n] = '\0';

    return size;
}


/* What is under way when it is to stop may come to its end for a while. */

static int
on_progress(void *pointer, curl_off_t to_get, curl_off_t got,
    curl_off_t to_send, curl_off_t sent)
{
    post_t  *post = pointer;

    (void) to_get;
    (void) got;
    (void) to_send;
    (void) sent;

    if (!loader_stopping) {
        return 0;
    }

    if (post->stopped == 0) {
        post->stopped = loader_now();
    }

    return loader_now() - post->stopped > LAST_MS;
}


static bool
compress_body(post_t *post, onsite_str_t body)
{
    int        rc;
    z_stream   z = { .next_in = (Bytef *) (uintptr_t) body.data,
                     .avail_in = (uInt) body.len };
    uLong      most;

    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
    {
        return false;
    }

    most = deflateBound(&z, (uLong) body.len);
    onsite_buf_clear(&post->packed);
    z.next_out = (Bytef *) onsite_buf_reserve(&post->packed, most);
    z.avail_out = (uInt) most;
    rc = z.next_out != NULL ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
    post->packed.len = z.total_out;
    (void) deflateEnd(&z);

    return rc == Z_STREAM_END;
}


static void
set_limits(post_t *post)
{
    CURL         *curl = post->curl;
    onsite_ms_t   timeout = post->options.timeout;

    (void) curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void) curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void) curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void) curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) timeout);
    (void) curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) (timeout < CONNECT_MS ? timeout
                                                         : CONNECT_MS));
    (void) curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    (void) curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    (void) curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                            (long) CURL_SSLVERSION_TLSv1_2);
    (void) curl_easy_setopt(curl, CURLOPT_USERAGENT, AGENT);
    (void) curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void) curl_easy_setopt(curl, CURLOPT_XFERINFODATA, post);
    (void) curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);

    /* the system's authorities stay: they are a folder of files besides */
    if (post->options.ca != NULL) {
        (void) curl_easy_setopt(curl, CURLOPT_CAINFO, post->options.ca);
    }
}


static void
set_credentials(post_t *post)
{
    CURL  *curl = post->curl;

    (void) curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);

    if (post->user != NULL) {
        (void) curl_easy_setopt(curl, CURLOPT_USERNAME, post->user);
        (void) curl_easy_setopt(curl, CURLOPT_PASSWORD,
                                post->password != NULL ? post->password : "");

    } else if (post->headers == NULL) {
        (void) curl_easy_setopt(curl, CURLOPT_NETRC,
                                (long) CURL_NETRC_OPTIONAL);
    }
}


static bool
append(struct curl_slist **list, const char *header)
{
    struct curl_slist  *longer;

    longer = curl_slist_append(*list, header);

    if (longer != NULL) {
        *list = longer;
    }

    return longer != NULL;
}


/* A file's is sent instead of ours. */

static bool
append_own(const post_t *post, struct curl_slist **list, const char *name,
    const char *value)
{
    char                      line[128];
    const struct curl_slist  *file;

    for (file = post->headers; file != NULL; file = file->next) {
        if (strncasecmp(file->data, name, strlen(name)) == 0
            && file->data[strlen(name)] == ':')
        {
            return true;
        }
    }

    (void) snprintf(line, sizeof(line), "%s: %s", name, value);

    return append(list, line);
}


static bool
set_headers(post_t *post, const char *type, const char *key,
    struct curl_slist **list)
{
    bool                      good;
    const struct curl_slist  *file;

    good = append(list, "Expect:")
           && append_own(post, list, "Content-Type", type)
           && append_own(post, list, "Idempotency-Key", key)
           && (!post->options.gzip
               || append(list, "Content-Encoding: gzip"));

    for (file = post->headers; file != NULL && good; file = file->next) {
        good = append(list, file->data);
    }

    return good && curl_easy_setopt(post->curl, CURLOPT_HTTPHEADER, *list)
                   == CURLE_OK;
}


static onsite_status_t
no_answer(const post_t *post, CURLcode code, const char *text,
    onsite_error_t *error)
{
    const char  *hint = "";

    if (code == CURLE_OUT_OF_MEMORY) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    if (code == CURLE_OPERATION_TIMEDOUT) {
        return onsite_error(error, ONSITE_IO, "%s: gave up: it does not "
                            "answer within %lld s (--timeout)", post->told,
                            (long long) (post->options.timeout
                                         / ONSITE_SECOND));
    }

    if (code == CURLE_PEER_FAILED_VERIFICATION) {
        hint = "; an authority of your own is named by --ca FILE";
    }

    return onsite_error(error, ONSITE_IO, "%s: %s%s", post->told,
                        code == CURLE_ABORTED_BY_CALLBACK ? "stopped"
                        : *text != '\0' ? text : curl_easy_strerror(code),
                        hint);
}


onsite_status_t
post_send(post_t *post, onsite_str_t body, const char *type, const char *key,
    post_answer_t *answer, onsite_error_t *error)
{
    char                text[CURL_ERROR_SIZE] = "";
    CURL               *curl = post->curl;
    CURLcode            code = CURLE_OUT_OF_MEMORY;
    curl_off_t          after = 0;
    struct curl_slist  *headers = NULL;

    memset(answer, 0, sizeof(*answer));

    if (post->options.gzip) {
        if (!compress_body(post, body)) {
            return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
        }
        body = onsite_str(post->packed.data, post->packed.len);
    }

    curl_easy_reset(curl);
    (void) curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    (void) curl_easy_setopt(curl, CURLOPT_POST, 1L);
    (void) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data);
    (void) curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t) body.len);
    (void) curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void) curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    set_limits(post);
    set_credentials(post);

    if (set_headers(post, type, key, &headers)
        && curl_easy_setopt(curl, CURLOPT_URL, post->url) == CURLE_OK)
    {
        code = curl_easy_perform(curl);
    }

    curl_slist_free_all(headers);
    (void) curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    (void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);

    if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after) == CURLE_OK
        && after > 0)
    {
        after = after > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : after;
        answer->pause = after * ONSITE_SECOND;
    }

    /* 413 may come while the body is sent, and the connection end there */

    return code == CURLE_OK || answer->status == 413
           ? ONSITE_OK : no_answer(post, code, text, error);
}


/* What to do about a status. */

static const char *
remedy(const post_t *post, long status)
{
    switch (status) {

    case 301: case 302: case 303: case 307: case 308:
        return "it redirects, which is not followed: give the URL where it "
               "leads to";

    case 401: case 403:
        return post->options.segment
               ? "is the write key right (--write-key-file)?"
               : "are the credentials right (--token-file, --header-file)?";

    case 404: case 405: case 410:
        return "is the URL right, and does it take a POST?";

    case 415:
        return post->options.gzip ? "does it take gzip (--no-gzip), and what "
                                    "Content-Type (--header-file)?"
                                  : "which Content-Type does it take "
                                    "(--header-file)?";

    default:
        return "";
    }
}


onsite_status_t
post_refused(const post_t *post, const post_answer_t *answer,
    onsite_error_t *error)
{
    const char  *hint = remedy(post, answer->status);

    return onsite_error(error, ONSITE_IO, "%s: status %ld%s%s%s%s%s",
                        post->told, answer->status,
                        *hint != '\0' ? ": " : "", hint,
                        answer->text[0] != '\0' ? " (it says \"" : "",
                        answer->text, answer->text[0] != '\0' ? "\")" : "");
}
