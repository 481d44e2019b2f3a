#include "store/aws_s3.h"

#include <string.h>

#include "base/str.h"
#include "net/http.h"
#include "store/sigv4.h"

enum { CODE_MAX = 64 };

static assay_status get(const assay_aws_s3_look *look, const assay_aws_credentials *credentials,
                        assay_http_response *response, assay_error *err)
{
    ASSAY_AUTO(assay_arena_wipep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_http_freep) assay_http *http = NULL;
    assay_sigv4_signed made = {0};

    ASSAY_TRY(assay_arena_check(arena, err));
    const char *base = look->endpoint != NULL
                           ? look->endpoint
                           : assay_arena_format(arena, "https://s3.%s.amazonaws.com", look->region);
    const char *host = base != NULL ? strstr(base, "://") : NULL;
    if (base != NULL && host == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 1267,
                               "the endpoint '%s' is no http:// or https:// address", base);
    host = base != NULL ? assay_arena_text_n(arena, host + 3, strcspn(host + 3, "/")) : NULL;
    ASSAY_TRY(assay_arena_check(host, err));
    const assay_sigv4_request request = {.method = "GET",
                                         .host = host,
                                         .path = "/",
                                         .service = "s3",
                                         .region = look->region,
                                         .now_us = look->clock->now_us(look->clock->user)};
    ASSAY_TRY(assay_sigv4_sign(&request, credentials, arena, &made, err));
    const char *url =
        assay_arena_format(arena, "%.*s%s/", (int)(strstr(base, "://") + 3 - base), base, host);
    ASSAY_TRY(assay_arena_check(url, err));
    ASSAY_TRY(assay_http_new(&http, err));
    const assay_http_request sent = {.method = "GET",
                                     .url = url,
                                     .headers = made.headers,
                                     .connect_timeout_ms = (int)look->timeout_ms,
                                     .total_timeout_ms = (int)look->timeout_ms,
                                     .cancel = look->cancel};
    return assay_http_send(http, &sent, response, err);
}

/* The text of <Code>..</Code>. */
static void read_code(const char *xml, char code[CODE_MAX])
{
    const char *from = strstr(xml, "<Code>");
    size_t length = from != NULL ? strcspn(from + 6, "<") : 0;

    code[0] = '\0';
    if (length == 0 || length >= CODE_MAX)
        return;
    memcpy(code, from + 6, length);
    code[length] = '\0';
}

static assay_status judge(const assay_http_response *response, bool *ret_listed, assay_error *err)
{
    char code[CODE_MAX];

    read_code(assay_buf_text(&response->body), code);
    *ret_listed = response->status == 200;
    if (response->status == 200 || assay_str_equal(code, "AccessDenied") ||
        assay_str_equal(code, "AllAccessDisabled"))
        return ASSAY_OK;
    bool refused = response->status == 401 || response->status == 403 || response->status == 400;
    assay_status status =
        assay_error_set(err, refused ? ASSAY_EAUTH : ASSAY_EIO, refused ? 1264 : 1263,
                        "S3 answers %d %s", response->status, code);
    if (err != NULL) {
        err->native = response->status;
        err->retryable = !refused;
    }
    return status;
}

assay_status assay_aws_s3_ask(const assay_aws_s3_look *look,
                              const assay_aws_credentials *credentials, bool *ret_listed,
                              assay_error *err)
{
    ASSAY_AUTO(assay_http_response_done) assay_http_response response = {0};

    assay_status status = get(look, credentials, &response, err);
    if (status == ASSAY_OK)
        return judge(&response, ret_listed, err);
    if ((status == ASSAY_EIO || status == ASSAY_ETIMEOUT) && err != NULL) {
        err->number = 1263;
        err->retryable = true;
    }
    return status;
}
