/* HTTP client over libcurl: one request, with timeouts always set. Any thread; a client belongs to
 * one thread at a time and keeps its connections alive. */
#ifndef ASSAY_NET_HTTP_H
#define ASSAY_NET_HTTP_H

#include "base/buf.h"
#include "base/cancel.h"

typedef struct assay_http assay_http;

typedef struct assay_http_request {
    const char *method;         /* "GET", "POST" .. */
    const char *url;            /* http or https only */
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    const void *body;
    size_t body_size;
    bool gzip_body;             /* compress and set Content-Encoding: gzip */
    const char *bearer;         /* Authorization: Bearer .., never logged; may be NULL */
    int connect_timeout_ms;     /* 0 = 5,000 */
    int total_timeout_ms;       /* 0 = 30,000 */
    size_t response_limit;      /* bytes; 0 = 16 MiB; more is EDATA */
    bool insecure;              /* do not verify TLS */
    const assay_cancel *cancel; /* may be NULL */
} assay_http_request;

typedef struct assay_http_response {
    int status;         /* 0 = no answer */
    int retry_after_ms; /* -1 = not said */
    assay_buf body;
} assay_http_response;

void assay_http_response_done(assay_http_response *response);

ASSAY_NODISCARD assay_status assay_http_new(assay_http **ret_http, assay_error *err);
void assay_http_free(assay_http *http);
void assay_http_freep(assay_http **http);

/* Sends one request. Any HTTP answer is ASSAY_OK, also 500; no answer is EIO or ETIMEOUT with
 * `retryable` set. The response is emptied first and belongs to the caller. */
ASSAY_NODISCARD assay_status assay_http_send(assay_http *http, const assay_http_request *request,
                                             assay_http_response *response, assay_error *err);

/* Waits between tries: exponential from `base_ms`, at most `max_ms`, with jitter. */
int64_t assay_http_backoff_ms(int attempt, int64_t base_ms, int64_t max_ms, uint32_t random);

/* Percent-encodes everything but unreserved characters (RFC 3986 section 2.3). */
void assay_url_encode(assay_buf *buf, const char *text);

#endif
