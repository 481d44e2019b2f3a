/* One signed request to a service of AWS. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "store/aws.h"
#include "store/sigv4.h"

enum { TRIES = 3, WAIT_MS = 200, WAIT_MAX_MS = 2000, TIMEOUT_MS = 15000 };

const char *assay_aws_variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

int64_t assay_aws_now_us(const assay_aws *aws)
{
    return aws->clock->now_us(aws->clock->user);
}

static int64_t left_ms(const assay_aws *aws)
{
    return (aws->until_us - aws->clock->monotonic_us(aws->clock->user)) / 1000;
}

int assay_aws_time_ms(const assay_aws *aws, int most_ms)
{
    if (aws->until_us == 0)
        return most_ms;
    int64_t left = left_ms(aws);
    return left < 1 ? 1 : left < most_ms ? (int)left : most_ms;
}

/* The variable of the service, the general one, the service's own address. */
static char *endpoint_of(const assay_aws_call *call, assay_arena *arena)
{
    const char *said = assay_aws_variable(call->variable);

    if (said == NULL)
        said = assay_aws_variable("AWS_ENDPOINT_URL");
    if (said == NULL)
        return assay_arena_format(arena, "https://%s.%s.amazonaws.com%s", call->service,
                                  call->region, assay_str_starts(call->region, "cn-") ? ".cn" : "");
    size_t length = strlen(said);
    while (length > 0 && said[length - 1] == '/')
        length--;
    return assay_arena_text_n(arena, said, length);
}

/* "http://127.0.0.1:5000/base" -> "127.0.0.1:5000" and "/base/". */
static assay_status split_endpoint(const char *endpoint, assay_arena *arena, const char **ret_host,
                                   const char **ret_path, assay_error *err)
{
    const char *host = strstr(endpoint, "://");

    if (host == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 1267,
                               "the endpoint '%s' of AWS is no http:// or https:// address",
                               endpoint);
    host += 3;
    const char *slash = strchr(host, '/');
    *ret_host = slash != NULL ? assay_arena_text_n(arena, host, (size_t)(slash - host))
                              : assay_arena_text(arena, host);
    *ret_path = slash != NULL ? assay_arena_format(arena, "%s/", slash) : "/";
    return *ret_host != NULL && *ret_path != NULL ? ASSAY_OK : assay_error_nomem(err);
}

struct sending {
    assay_aws *aws;
    const assay_aws_call *call;
    assay_arena *arena;
    const char *endpoint, *host, *path;
    assay_sigv4_pair headers[4];
    size_t header_count;
};

static void add(struct sending *sending, const char *name, const char *value)
{
    if (value != NULL)
        sending->headers[sending->header_count++] = (assay_sigv4_pair){name, value};
}

static assay_status plain_headers(struct sending *sending, const char *const **ret_headers,
                                  assay_error *err)
{
    const char **headers =
        assay_arena_take(sending->arena, sending->header_count + 1, sizeof *headers);

    ASSAY_TRY(assay_arena_check(headers, err));
    for (size_t i = 0; i < sending->header_count; i++) {
        headers[i] = assay_arena_format(sending->arena, "%s: %s", sending->headers[i].name,
                                        sending->headers[i].value);
        ASSAY_TRY(assay_arena_check(headers[i], err));
    }
    *ret_headers = headers;
    return ASSAY_OK;
}

/* Signed anew for each try: a signature holds for some minutes only. */
static assay_status make_headers(struct sending *sending, const char *const **ret_headers,
                                 assay_error *err)
{
    const assay_aws_call *call = sending->call;
    assay_sigv4_signed made = {0};

    if (call->signer == NULL)
        return plain_headers(sending, ret_headers, err);
    const assay_sigv4_request request = {.method = "POST",
                                         .host = sending->host,
                                         .path = sending->path,
                                         .headers = sending->headers,
                                         .header_count = sending->header_count,
                                         .body = call->body,
                                         .body_size = strlen(call->body),
                                         .service = call->service,
                                         .region = call->region,
                                         .now_us = assay_aws_now_us(sending->aws)};
    ASSAY_TRY(assay_sigv4_sign(&request, call->signer, sending->arena, &made, err));
    *ret_headers = made.headers;
    return ASSAY_OK;
}

static assay_status send_once(struct sending *sending, assay_http_response *response,
                              assay_error *err)
{
    const char *const *headers = NULL;

    ASSAY_TRY(make_headers(sending, &headers, err));
    const char *url =
        assay_arena_format(sending->arena, "%.*s%s%s",
                           (int)(strstr(sending->endpoint, "://") + 3 - sending->endpoint),
                           sending->endpoint, sending->host, sending->path);
    ASSAY_TRY(assay_arena_check(url, err));
    const assay_http_request request = {.method = "POST",
                                        .url = url,
                                        .headers = headers,
                                        .body = sending->call->body,
                                        .body_size = strlen(sending->call->body),
                                        .total_timeout_ms =
                                            assay_aws_time_ms(sending->aws, TIMEOUT_MS),
                                        .cancel = sending->aws->cancel};
    return assay_http_send(sending->aws->http, &request, response, err);
}

static void wait_ms(int64_t ms)
{
    const struct timespec time = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000L};

    (void)nanosleep(&time, NULL);
}

/* False where the time that is left is too short for another try. */
static bool wait_before(const assay_aws *aws, int attempt)
{
    int64_t pause_ms =
        assay_http_backoff_ms(attempt - 1, WAIT_MS, WAIT_MAX_MS, (uint32_t)assay_aws_now_us(aws));

    if (aws->until_us != 0 && pause_ms >= left_ms(aws))
        return false;
    wait_ms(pause_ms);
    return true;
}

static bool asks_for_patience(assay_status status, const assay_http_response *response)
{
    if (status != ASSAY_OK)
        return status == ASSAY_EIO || status == ASSAY_ETIMEOUT;
    return response->status == 429 || response->status >= 500 ||
           (response->status == 400 &&
            assay_str_contains(assay_buf_text(&response->body), "ThrottlingException"));
}

assay_status assay_aws_send(assay_aws *aws, const assay_aws_call *call,
                            assay_http_response *response, assay_error *err)
{
    ASSAY_AUTO(assay_arena_wipep) assay_arena *arena = assay_arena_new();
    struct sending sending = {.aws = aws, .call = call, .arena = arena};
    assay_status status = ASSAY_OK;

    ASSAY_TRY(assay_arena_check(arena, err));
    sending.endpoint = endpoint_of(call, arena);
    ASSAY_TRY(assay_arena_check(sending.endpoint, err));
    ASSAY_TRY(split_endpoint(sending.endpoint, arena, &sending.host, &sending.path, err));
    add(&sending, "Content-Type", call->content_type);
    add(&sending, "X-Amz-Target", call->target);
    add(&sending, "Accept", call->accept);
    if (aws->http == NULL)
        ASSAY_TRY(assay_http_new(&aws->http, err));
    for (int attempt = 0; attempt < TRIES; attempt++) {
        if (attempt > 0 && !wait_before(aws, attempt))
            break; /* what was said last stands */
        ASSAY_TRY(assay_cancel_check(aws->cancel, err));
        status = send_once(&sending, response, err);
        if (!asks_for_patience(status, response))
            break;
    }
    if (status != ASSAY_EIO && status != ASSAY_ETIMEOUT)
        return status;
    status = assay_error_wrap_status(err, status, "AWS (%s) does not answer", call->service);
    if (err != NULL) {
        err->number = 1263;
        err->retryable = true;
    }
    return status;
}
