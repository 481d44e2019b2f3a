/* AWS Security Token Service (API version 2011-06-15): AssumeRole and AssumeRoleWithWebIdentity. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "store/aws.h"

enum { TOKEN_MAX = 64 * 1024, REASON_MAX = 200 };

static void append_field(assay_buf *body, const char *name, const char *value)
{
    if (value == NULL)
        return;
    assay_buf_append_char(body, '&');
    assay_buf_append_text(body, name);
    assay_buf_append_char(body, '=');
    assay_url_encode(body, value);
}

/* The text of the first element of that name. The answer is XML, and what is taken from it (keys,
 * tokens in base64, times, codes) holds no entities. */
static char *element(const char *xml, const char *name, assay_arena *arena)
{
    char open[64], close[64];

    (void)snprintf(open, sizeof open, "<%s>", name);
    (void)snprintf(close, sizeof close, "</%s>", name);
    const char *from = strstr(xml, open);
    const char *to = from != NULL ? strstr(from, close) : NULL;
    if (to == NULL)
        return NULL;
    from += strlen(open);
    return assay_arena_text_n(arena, from, (size_t)(to - from));
}

static assay_status fail_answer(const assay_aws_role *role, const assay_http_response *response,
                                assay_arena *arena, assay_error *err)
{
    const char *code = element(assay_buf_text(&response->body), "Code", arena);
    const char *message = element(assay_buf_text(&response->body), "Message", arena);

    (void)assay_error_set(err, ASSAY_EAUTH, 1264, "AWS does not give the role '%s': %s%s%.*s",
                          role->arn, code != NULL ? code : "no credentials in its answer",
                          message != NULL ? ": " : "", REASON_MAX, message != NULL ? message : "");
    if (err != NULL) {
        err->native = response->status;
        err->retryable = response->status >= 500;
    }
    return ASSAY_EAUTH;
}

static assay_status read_answer(const assay_aws_role *role, const assay_http_response *response,
                                assay_aws_credentials *ret_credentials, assay_error *err)
{
    ASSAY_AUTO(assay_arena_wipep) assay_arena *arena = assay_arena_new();
    const char *xml = assay_buf_text(&response->body);

    ASSAY_TRY(assay_arena_check(arena, err));
    const char *key_id = element(xml, "AccessKeyId", arena);
    const char *secret_key = element(xml, "SecretAccessKey", arena);
    const char *token = element(xml, "SessionToken", arena);
    const char *expires = element(xml, "Expiration", arena);
    if (response->status != 200 || key_id == NULL || secret_key == NULL || token == NULL)
        return fail_answer(role, response, arena, err);
    ASSAY_TRY(assay_aws_credentials_make(key_id, secret_key, token, "role", ret_credentials, err));
    if (expires != NULL)
        (void)assay_time_parse(expires, &ret_credentials->expires_us);
    return ASSAY_OK;
}

static assay_status read_token(const assay_aws_role *role, assay_buf *token, assay_error *err)
{
    assay_status status = assay_path_read(role->token_file, TOKEN_MAX, token, err);

    if (status == ASSAY_ENOMEM)
        return status;
    if (status != ASSAY_OK)
        return assay_error_set(err, ASSAY_EAUTH, 1264, "the web identity token '%s' cannot be read",
                               role->token_file);
    while (token->size > 0 && strchr(" \r\n", token->data[token->size - 1]) != NULL)
        token->data[--token->size] = '\0';
    return ASSAY_OK;
}

static assay_status make_body(const assay_aws_role *role, assay_buf *body, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf token = ASSAY_BUF_EMPTY;

    assay_buf_append_text(body, "Version=2011-06-15");
    append_field(body, "RoleArn", role->arn);
    append_field(body, "RoleSessionName",
                 role->session_name != NULL ? role->session_name : "assay");
    append_field(body, "DurationSeconds", role->duration);
    if (role->token_file == NULL) {
        append_field(body, "Action", "AssumeRole");
        append_field(body, "ExternalId", role->external_id);
    } else {
        ASSAY_TRY(read_token(role, &token, err));
        append_field(body, "Action", "AssumeRoleWithWebIdentity");
        append_field(body, "WebIdentityToken", assay_buf_text(&token));
        assay_mem_wipe(token.data, token.size);
    }
    return assay_buf_check(body, err);
}

assay_status assay_aws_assume(assay_aws *aws, const assay_aws_role *role,
                              assay_aws_credentials *ret_credentials, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf body = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_http_response_done) assay_http_response response = {0};
    const char *region = role->region != NULL ? role->region : aws->region;

    if (region == NULL)
        region = assay_aws_variable("AWS_REGION");
    if (region == NULL)
        region = assay_aws_variable("AWS_DEFAULT_REGION");
    ASSAY_TRY(make_body(role, &body, err));
    const assay_aws_call call = {.service = "sts",
                                 .variable = "AWS_ENDPOINT_URL_STS",
                                 .region = region != NULL ? region : "us-east-1",
                                 .content_type = "application/x-www-form-urlencoded; charset=utf-8",
                                 .body = assay_buf_text(&body),
                                 .signer = role->signer};
    assay_status status = assay_aws_send(aws, &call, &response, err);
    assay_mem_wipe(body.data, body.size);
    if (status == ASSAY_OK)
        status = read_answer(role, &response, ret_credentials, err);
    assay_mem_wipe(response.body.data, response.body.size);
    return status;
}
