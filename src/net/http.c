#include "net/http.h"

#include "base/mem.h"
#include "base/str.h"
#include "net/gzip.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

enum {
    CONNECT_TIMEOUT_MS = 5000,
    TOTAL_TIMEOUT_MS = 30000,
    REDIRECTS_MAX = 5,
    CANCEL_POLL_MS = 20,
    URL_SHOWN_SIZE = 512,
};

static const size_t response_limit_default = (size_t)16 << 20;

struct assay_http {
    CURL *curl;
    CURLM *multi; /* drives `curl`, and keeps its connections */
};

/* One request on its way. */
struct transfer {
    const assay_http_request *request;
    assay_http_response *response;
    size_t limit;
    bool too_large;
    struct curl_slist *headers;
    assay_buf zipped;
    char shown[URL_SHOWN_SIZE]; /* the URL without user, password, query: for messages */
    char reason[CURL_ERROR_SIZE];
    assay_error *err;
};

void assay_http_response_done(assay_http_response *response)
{
    if (response == NULL)
        return;
    assay_buf_done(&response->body);
    response->status = 0;
    response->retry_after_ms = -1;
}

assay_status assay_http_new(assay_http **ret_http, assay_error *err)
{
    assay_http *http = assay_mem_new(1, sizeof *http);

    if (http == NULL)
        return assay_error_nomem(err);
    http->curl = curl_easy_init();
    http->multi = curl_multi_init();
    if (http->curl == NULL || http->multi == NULL) {
        assay_http_free(http);
        return assay_error_set(err, ASSAY_EIO, 1400, "cannot start the HTTP client");
    }
    *ret_http = http;
    return ASSAY_OK;
}

void assay_http_free(assay_http *http)
{
    if (http == NULL)
        return;
    curl_easy_cleanup(http->curl);
    (void)curl_multi_cleanup(http->multi);
    assay_mem_free(http);
}

void assay_http_freep(assay_http **http)
{
    assay_http_free(*http);
    *http = NULL;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    assay_buf *body = &transfer->response->body;
    size_t total = size * count;

    if (total > transfer->limit - body->size) {
        transfer->too_large = true;
        return 0;
    }
    assay_buf_append(body, bytes, total);
    return body->failed ? 0 : total;
}

static int take_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                         curl_off_t up)
{
    const struct transfer *transfer = user;

    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return assay_cancel_requested(transfer->request->cancel) ? 1 : 0;
}

/* What may not stand in a line of the request: it would end the line. */
static bool breaks_line(const char *text)
{
    return strpbrk(text, "\r\n") != NULL;
}

/* Checks the URL and makes the form of it that messages show. */
static assay_status check_url(struct transfer *transfer)
{
    const char *url = transfer->request->url;
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    char *path = NULL;

    if (parsed == NULL)
        return assay_error_nomem(transfer->err);
    bool valid = !breaks_line(url) && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
                 curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                 curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                 curl_url_get(parsed, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
                 (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) && host[0] != '\0';
    if (valid) {
        (void)curl_url_get(parsed, CURLUPART_PORT, &port, 0);
        (void)snprintf(transfer->shown, sizeof transfer->shown, "%s://%s%s%s%s", scheme, host,
                       port != NULL ? ":" : "", port != NULL ? port : "", path);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_url_cleanup(parsed);
    if (valid)
        return ASSAY_OK;
    /* The text itself may hold a password. */
    return assay_error_set(transfer->err, ASSAY_ECONFIG, 1404,
                           "not a URL that begins with http:// or https:// and names a host");
}

static assay_status add_header(struct transfer *transfer, const char *header)
{
    if (breaks_line(header))
        return assay_error_set(transfer->err, ASSAY_EINVAL, 1400,
                               "line break in a header of the request to '%s'", transfer->shown);
    struct curl_slist *longer = curl_slist_append(transfer->headers, header);
    if (longer == NULL)
        return assay_error_nomem(transfer->err);
    transfer->headers = longer;
    return ASSAY_OK;
}

static assay_status add_bearer(struct transfer *transfer)
{
    ASSAY_AUTO(assay_buf_done) assay_buf header = ASSAY_BUF_EMPTY;

    if (transfer->request->bearer == NULL)
        return ASSAY_OK;
    /* In one piece, so that no half copy stays behind where the buffer grows. */
    assay_buf_reserve(&header, strlen(transfer->request->bearer) + 32);
    assay_buf_append_text(&header, "Authorization: Bearer ");
    assay_buf_append_text(&header, transfer->request->bearer);
    assay_status status = assay_buf_check(&header, transfer->err);
    if (status == ASSAY_OK)
        status = add_header(transfer, assay_buf_text(&header));
    assay_mem_wipe(header.data, header.size);
    return status;
}

static assay_status add_headers(struct transfer *transfer)
{
    const assay_http_request *request = transfer->request;
    bool has_type = false;

    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        static const char type[] = "content-type:";
        char start[sizeof type];
        (void)snprintf(start, sizeof start, "%s", request->headers[i]);
        has_type = has_type || assay_str_equal_ci(start, type);
        ASSAY_TRY(add_header(transfer, request->headers[i]));
    }
    ASSAY_TRY(add_bearer(transfer));
    if (request->body != NULL && !has_type)
        ASSAY_TRY(add_header(transfer, "Content-Type:")); /* none, instead of curl's guess */
    if (request->body != NULL && request->gzip_body)
        ASSAY_TRY(add_header(transfer, "Content-Encoding: gzip"));
    /* Do not wait a second for "100 Continue" that many servers never send. */
    return add_header(transfer, "Expect:");
}

static CURLcode set_body(CURL *curl, const struct transfer *transfer)
{
    const assay_http_request *request = transfer->request;
    bool zipped = request->gzip_body;
    const void *body = zipped ? transfer->zipped.data : request->body;
    size_t size = zipped ? transfer->zipped.size : request->body_size;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_POST, 1L);

    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    return code;
}

/* Method and body. Only GET and HEAD follow redirects: others would lose or repeat their body. */
static CURLcode set_method(CURL *curl, const struct transfer *transfer)
{
    const assay_http_request *request = transfer->request;
    const char *method = request->method;
    CURLcode code = CURLE_OK;

    if (request->body != NULL)
        code = set_body(curl, transfer);
    if (code != CURLE_OK)
        return code;
    if (strcmp(method, "HEAD") == 0)
        code = curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (strcmp(method, request->body != NULL ? "POST" : "GET") != 0)
        code = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    if (code != CURLE_OK || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0))
        return code;
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    bool secure = assay_str_starts(transfer->shown, "https:");
    return curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
}

static CURLcode set_options(CURL *curl, struct transfer *transfer)
{
    const assay_http_request *request = transfer->request;
    int connect_ms =
        request->connect_timeout_ms > 0 ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    int total_ms = request->total_timeout_ms > 0 ? request->total_timeout_ms : TOTAL_TIMEOUT_MS;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, request->url);

    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_USERAGENT, "assay");
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    if (code == CURLE_OK)
        code = set_method(curl, transfer);
    /* These cannot fail: they take a number or a pointer. */
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)total_ms);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->reason);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, take_progress);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, request->insecure ? 0L : 1L);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, request->insecure ? 0L : 2L);
    return code;
}

struct failure {
    CURLcode code;
    assay_status status;
    int number;
    bool retryable;
};

static const struct failure failures[] = {
    {CURLE_OUT_OF_MEMORY, ASSAY_ENOMEM, 1001, false},
    {CURLE_ABORTED_BY_CALLBACK, ASSAY_ECANCELLED, 1002, false},
    {CURLE_OPERATION_TIMEDOUT, ASSAY_ETIMEOUT, 1402, true},
    {CURLE_COULDNT_RESOLVE_HOST, ASSAY_EIO, 1401, true},
    {CURLE_COULDNT_RESOLVE_PROXY, ASSAY_EIO, 1401, true},
    {CURLE_COULDNT_CONNECT, ASSAY_EIO, 1401, true},
    {CURLE_PEER_FAILED_VERIFICATION, ASSAY_EIO, 1405, false},
    {CURLE_SSL_CACERT_BADFILE, ASSAY_EIO, 1405, false},
    {CURLE_SSL_CONNECT_ERROR, ASSAY_EIO, 1405, true},
    /* The first URL is checked before: these come from a redirect. */
    {CURLE_UNSUPPORTED_PROTOCOL, ASSAY_EIO, 1400, false},
    {CURLE_URL_MALFORMAT, ASSAY_EIO, 1400, false},
    {CURLE_TOO_MANY_REDIRECTS, ASSAY_EIO, 1400, false},
};

static assay_status fail(const struct transfer *transfer, CURLcode code)
{
    struct failure failure = {code, ASSAY_EIO, 1400, true};

    if (transfer->too_large)
        return assay_error_set(transfer->err, ASSAY_EDATA, 1403,
                               "answer of '%s' is larger than %zu bytes", transfer->shown,
                               transfer->limit);
    if (transfer->response->body.failed)
        return assay_error_nomem(transfer->err);
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        if (failures[i].code == code)
            failure = failures[i];
    }
    if (failure.status == ASSAY_ECANCELLED)
        return assay_cancel_check(transfer->request->cancel, transfer->err);
    (void)assay_error_set(transfer->err, failure.status, failure.number, "no answer of '%s': %s",
                          transfer->shown,
                          transfer->reason[0] != '\0' ? transfer->reason
                                                      : curl_easy_strerror(code));
    if (transfer->err != NULL) {
        transfer->err->native = (int)code;
        transfer->err->retryable = failure.retryable;
    }
    return failure.status;
}

/* curl_easy_perform, but for the time that it sleeps: that one looks at the cancel flag once a
 * second. */
static CURLcode run_transfer(const assay_http *http, const assay_cancel *cancel)
{
    CURLMcode code = curl_multi_add_handle(http->multi, http->curl);
    CURLcode result = CURLE_FAILED_INIT;
    int running = 1;
    int left = 0;

    while (code == CURLM_OK && running > 0) {
        code = curl_multi_perform(http->multi, &running);
        if (code == CURLM_OK && running > 0)
            code =
                curl_multi_poll(http->multi, NULL, 0, cancel != NULL ? CANCEL_POLL_MS : 1000, NULL);
    }
    for (const CURLMsg *message = curl_multi_info_read(http->multi, &left); message != NULL;
         message = curl_multi_info_read(http->multi, &left))
        if (message->msg == CURLMSG_DONE)
            result = message->data.result;
    (void)curl_multi_remove_handle(http->multi, http->curl);
    return code == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : result;
}

static assay_status perform(const assay_http *http, struct transfer *transfer)
{
    CURL *curl = http->curl;
    const assay_http_request *request = transfer->request;
    long status = 0;
    curl_off_t retry_after = 0;

    ASSAY_TRY(check_url(transfer));
    if (request->method == NULL || request->method[0] == '\0' || breaks_line(request->method))
        return assay_error_set(transfer->err, ASSAY_EINVAL, 1400, "not an HTTP method");
    ASSAY_TRY(add_headers(transfer));
    if (request->body != NULL && request->gzip_body)
        ASSAY_TRY(assay_gzip(request->body, request->body_size, &transfer->zipped, transfer->err));
    CURLcode code = set_options(curl, transfer);
    if (code == CURLE_OK)
        code = run_transfer(http, request->cancel);
    if (code != CURLE_OK)
        return fail(transfer, code);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    transfer->response->status = (int)status;
    if (retry_after > 0)
        transfer->response->retry_after_ms =
            retry_after < 86400 ? (int)retry_after * 1000 : 86400000;
    return ASSAY_OK;
}

/* Frees the header lines; one of them may be a secret. */
static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *line = headers; line != NULL; line = line->next)
        assay_mem_wipe(line->data, strlen(line->data));
    curl_slist_free_all(headers);
}

assay_status assay_http_send(assay_http *http, const assay_http_request *request,
                             assay_http_response *response, assay_error *err)
{
    struct transfer transfer = {.request = request, .response = response, .err = err};

    transfer.limit = request->response_limit > 0 ? request->response_limit : response_limit_default;
    assay_buf_clear(&response->body);
    response->status = 0;
    response->retry_after_ms = -1;
    assay_status status = perform(http, &transfer);
    curl_easy_reset(http->curl); /* forgets what points into this call; connections stay */
    free_headers(transfer.headers);
    assay_buf_done(&transfer.zipped);
    return status;
}

int64_t assay_http_backoff_ms(int attempt, int64_t base_ms, int64_t max_ms, uint32_t random)
{
    int64_t wait = base_ms > 0 ? base_ms : 1;

    for (int i = 0; i < attempt && wait < max_ms; i++)
        wait = wait > max_ms / 2 ? max_ms : wait * 2;
    if (wait > max_ms)
        wait = max_ms;
    /* Between half and the whole, so that many clients do not come back at once. */
    int64_t half = wait / 2;
    return wait - (half > 0 ? (int64_t)random % (half + 1) : 0);
}

void assay_url_encode(assay_buf *buf, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-._~";

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr(unreserved, *text) != NULL) {
            assay_buf_append_char(buf, *text);
            continue;
        }
        char escape[3] = {'%', digits[c >> 4], digits[c & 0x0FU]};
        assay_buf_append(buf, escape, sizeof escape);
    }
}
