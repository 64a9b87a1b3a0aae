/*
 * drain_post.c - one POST, by libcurl, and in words what came of it.
 *
 * Certificates are always verified and redirects never followed: what is sent
 * is for one receiver.
 */

#include "drain_post.h"
#include "loader.h"
#include "stop.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define CONNECT_MS       (10 * ONSITE_SECOND)
#define LAST_MS          (3 * ONSITE_SECOND)    /* when it is to stop     */
#define RETRY_AFTER_MAX  3600
#define AGENT            "lmdb-loader"
#define GZIP             (15 + 16)              /* window and form        */


/* Files that are read when it begins, where nothing is to begin. */

static bool
check_files(post_t *post)
{
    onsite_error_t  error = { "" };

    if (!loader_checking() || post_begin(post, &error) == ONSITE_OK) {
        return true;
    }

    loader_complain("%s", error.text);

    return false;
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

    if (!post_take_url(post) || !check_files(post)) {
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
        post->stopped = loader_clock();
    }

    return loader_clock() - post->stopped > LAST_MS;
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
