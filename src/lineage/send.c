#include "lineage/send.h"

#include "base/mem.h"
#include "base/str.h"
#include "net/http.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_LIMIT = 64 * 1024, ANSWER_KEPT = 4096, HEADERS_MAX = 2 };

struct assay_send {
    const assay_lineage_transport *transport;
    const assay_lineage_emitter_options *options;
    const assay_cancel *cancel;
    assay_http *http;
    const char **headers; /* ours and those of the config, NULL-terminated */
};

static assay_status join_headers(assay_send *send, assay_error *err)
{
    const char *const *more = send->transport->headers;
    size_t count = 0;

    while (more != NULL && more[count] != NULL)
        count++;
    send->headers = assay_mem_new(count + HEADERS_MAX, sizeof *send->headers);
    if (send->headers == NULL)
        return assay_error_nomem(err);
    send->headers[0] = "Content-Type: application/json";
    for (size_t i = 0; i < count; i++)
        send->headers[i + 1] = more[i];
    return ASSAY_OK;
}

assay_status assay_send_open(const assay_lineage_transport *transport,
                             const assay_lineage_emitter_options *options,
                             const assay_cancel *cancel, assay_send **ret_send, assay_error *err)
{
    assay_send *send = assay_mem_new(1, sizeof *send);
    if (send == NULL)
        return assay_error_nomem(err);

    *send = (assay_send){.transport = transport, .options = options, .cancel = cancel};
    assay_status status = ASSAY_OK;
    if (transport->backend == ASSAY_LINEAGE_HTTP) {
        status = assay_http_new(&send->http, err);
        if (status == ASSAY_OK)
            status = join_headers(send, err);
    }
    if (status != ASSAY_OK) {
        assay_send_free(send);
        return status;
    }
    *ret_send = send;
    return ASSAY_OK;
}

void assay_send_free(assay_send *send)
{
    if (send == NULL)
        return;
    assay_http_free(send->http);
    assay_mem_free(send->headers);
    assay_mem_free(send);
}

void assay_send_result_done(assay_send_result *result)
{
    assay_buf_done(&result->answer);
}

/* ---- http ---- */

/* Takes a secret out of text that a server sent: it may echo what we sent. */
static void append_without(assay_buf *to, const char *text, size_t size, const char *secret)
{
    size_t length = secret != NULL ? strlen(secret) : 0;

    for (size_t i = 0; i < size;) {
        if (length > 0 && size - i >= length && memcmp(text + i, secret, length) == 0) {
            assay_buf_append_text(to, "***");
            i += length;
        } else {
            assay_buf_append_char(to, text[i] != '\0' ? text[i] : ' ');
            i++;
        }
    }
}

static void keep_answer(const assay_send *send, const assay_buf *body, assay_buf *answer)
{
    ASSAY_AUTO(assay_buf_done) assay_buf clean = ASSAY_BUF_EMPTY;
    const char *const *headers = send->transport->headers;
    size_t size = body->size < ANSWER_KEPT ? body->size : ANSWER_KEPT;

    append_without(&clean, assay_buf_text(body), size, send->transport->api_key);
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf before = clean;
        const char *value = strstr(headers[i], ": ");
        clean = ASSAY_BUF_EMPTY;
        append_without(&clean, assay_buf_text(&before), before.size,
                       value != NULL ? value + 2 : NULL);
    }
    assay_buf_append(answer, assay_buf_text(&clean), clean.size);
}

static bool may_be_repeated(int status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void judge(const assay_send *send, const assay_http_response *response,
                  assay_send_result *result)
{
    result->status = response->status;
    result->retry_after_ms = response->retry_after_ms;
    (void)snprintf(result->reason, sizeof result->reason, "answers %d", response->status);
    if (response->status >= 200 && response->status < 300) {
        result->outcome = ASSAY_SEND_DELIVERED;
    } else if (may_be_repeated(response->status)) {
        result->outcome = ASSAY_SEND_RETRY;
    } else {
        result->outcome = ASSAY_SEND_REFUSED;
        keep_answer(send, &response->body, &result->answer);
    }
}

static void post_line(assay_send *send, const assay_buf *block, assay_send_result *result)
{
    const assay_lineage_transport *transport = send->transport;
    const char *end = memchr(block->data, '\n', block->size);
    size_t size = end != NULL ? (size_t)(end - block->data) : block->size;
    assay_http_request request = {.method = "POST",
                                  .url = transport->url,
                                  .headers = send->headers,
                                  .body = block->data,
                                  .body_size = size,
                                  .gzip_body = transport->gzip,
                                  .bearer = transport->api_key,
                                  .connect_timeout_ms = transport->timeout_ms,
                                  .total_timeout_ms = transport->timeout_ms,
                                  .response_limit = ANSWER_LIMIT,
                                  .insecure = transport->insecure,
                                  .cancel = send->cancel};
    assay_http_response response = {.body = ASSAY_BUF_EMPTY};
    assay_error error = {.code = ASSAY_OK};

    result->bytes = size + (end != NULL ? 1 : 0);
    result->events = 1;
    assay_status status = assay_http_send(send->http, &request, &response, &error);
    if (status == ASSAY_OK) {
        judge(send, &response, result);
    } else {
        /* No answer is no refusal, whatever the reason: a certificate can be renewed. */
        result->outcome = status == ASSAY_ECANCELLED ? ASSAY_SEND_STOPPED : ASSAY_SEND_RETRY;
        (void)snprintf(result->reason, sizeof result->reason, "%.*s",
                       (int)sizeof result->reason - 1, error.message);
    }
    assay_http_response_done(&response);
}

/* ---- file and console ---- */

static size_t count_lines(const assay_buf *block)
{
    size_t lines = 0;
    for (size_t i = 0; i < block->size; i++)
        lines += block->data[i] == '\n' ? 1 : 0;
    return lines;
}

static void append_lines(assay_send *send, const assay_buf *block, assay_send_result *result)
{
    assay_error error = {.code = ASSAY_OK};

    result->bytes = block->size;
    result->events = count_lines(block);
    result->outcome = ASSAY_SEND_DELIVERED;
    if (assay_send_append(send->transport->path, block->data, block->size, &error) == ASSAY_OK)
        return;
    result->outcome = ASSAY_SEND_RETRY;
    (void)snprintf(result->reason, sizeof result->reason, "%.*s", (int)sizeof result->reason - 1,
                   error.message);
}

static void print_line(assay_send *send, const assay_buf *block, assay_send_result *result)
{
    ASSAY_AUTO(assay_buf_done) assay_buf line = ASSAY_BUF_EMPTY;
    const assay_lineage_emitter_options *options = send->options;
    const char *end = memchr(block->data, '\n', block->size);
    size_t size = end != NULL ? (size_t)(end - block->data) : block->size;

    assay_buf_append(&line, block->data, size);
    result->bytes = size + (end != NULL ? 1 : 0);
    result->events = 1;
    result->outcome = line.failed ? ASSAY_SEND_RETRY : ASSAY_SEND_DELIVERED;
    if (line.failed)
        (void)snprintf(result->reason, sizeof result->reason, "out of memory");
    else if (options->print != NULL)
        options->print(options->print_user, assay_buf_text(&line));
    else
        assay_log_write(options->log, ASSAY_LOG_INFO, "%s", assay_buf_text(&line));
}

void assay_send_block(assay_send *send, const assay_buf *block, assay_send_result *ret_result)
{
    *ret_result = (assay_send_result){.outcome = ASSAY_SEND_DELIVERED, .retry_after_ms = -1};
    switch (send->transport->backend) {
    case ASSAY_LINEAGE_HTTP:
        post_line(send, block, ret_result);
        break;
    case ASSAY_LINEAGE_FILE:
        append_lines(send, block, ret_result);
        break;
    case ASSAY_LINEAGE_CONSOLE:
        print_line(send, block, ret_result);
        break;
    case ASSAY_LINEAGE_NONE:
        ret_result->bytes = block->size;
        ret_result->events = count_lines(block);
        break;
    }
}
