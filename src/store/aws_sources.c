/* Sources of credentials that are one look away: the environment, web identity, the container's
 * endpoint, the machine's metadata (IMDSv2). */
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "store/aws.h"
#include "store/quiet_json.h"

enum { METADATA_TIMEOUT_MS = 1000, CONTAINER_TIMEOUT_MS = 5000, TOKEN_MAX = 64 * 1024 };

/* ---- credentials ---- */

void assay_aws_credentials_done(assay_aws_credentials *credentials)
{
    assay_secret_free(credentials->key_id);
    assay_secret_free(credentials->secret_key);
    assay_secret_free(credentials->session_token);
    *credentials = (assay_aws_credentials){0};
}

void assay_aws_credentials_move(assay_aws_credentials *from, assay_aws_credentials *ret_to)
{
    *ret_to = *from;
    *from = (assay_aws_credentials){0};
}

assay_status assay_aws_credentials_make(const char *key_id, const char *secret_key,
                                        const char *session_token, const char *source,
                                        assay_aws_credentials *ret_credentials, assay_error *err)
{
    ASSAY_AUTO(assay_aws_credentials_done) assay_aws_credentials made = {.source = source};

    ASSAY_TRY(assay_secret_new(key_id, strlen(key_id), &made.key_id, err));
    ASSAY_TRY(assay_secret_new(secret_key, strlen(secret_key), &made.secret_key, err));
    if (session_token != NULL && session_token[0] != '\0')
        ASSAY_TRY(assay_secret_new(session_token, strlen(session_token), &made.session_token, err));
    assay_aws_credentials_move(&made, ret_credentials);
    return ASSAY_OK;
}

assay_status assay_aws_credentials_copy(const assay_aws_credentials *credentials,
                                        assay_aws_credentials *ret_copy, assay_error *err)
{
    ASSAY_TRY(assay_aws_credentials_make(assay_secret_reveal(credentials->key_id),
                                         assay_secret_reveal(credentials->secret_key),
                                         assay_secret_reveal(credentials->session_token),
                                         credentials->source, ret_copy, err));
    ret_copy->expires_us = credentials->expires_us;
    return ASSAY_OK;
}

assay_status assay_aws_credentials_parse(const char *text, size_t size, const char *source,
                                         assay_aws_credentials *ret_credentials, assay_error *err)
{
    ASSAY_AUTO(assay_arena_wipep) assay_arena *arena = assay_arena_new();
    assay_value *tree = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_quiet_json_parse(text, size, arena, &tree, err));
    const char *key_id = assay_value_find_text(tree, "AccessKeyId", NULL);
    const char *secret_key = assay_value_find_text(tree, "SecretAccessKey", NULL);
    const char *expires = assay_value_find_text(tree, "Expiration", NULL);
    if (key_id == NULL || secret_key == NULL)
        return assay_error_set(err, ASSAY_EAUTH, 1264, "%s does not give AWS credentials as JSON",
                               source);
    ASSAY_TRY(assay_aws_credentials_make(
        key_id, secret_key,
        assay_value_find_text(tree, "SessionToken", assay_value_find_text(tree, "Token", NULL)),
        source, ret_credentials, err));
    if (expires != NULL)
        (void)assay_time_parse(expires, &ret_credentials->expires_us);
    return ASSAY_OK;
}

/* ---- the environment ---- */

assay_status assay_aws_from_environment(assay_aws *aws, bool *ret_found,
                                        assay_aws_credentials *ret_credentials, assay_error *err)
{
    const char *key_id = assay_aws_variable("AWS_ACCESS_KEY_ID");
    const char *secret_key = assay_aws_variable("AWS_SECRET_ACCESS_KEY");

    (void)aws;
    *ret_found = key_id != NULL || secret_key != NULL;
    if (!*ret_found)
        return ASSAY_OK;
    if (key_id == NULL || secret_key == NULL)
        return assay_error_set(err, ASSAY_EAUTH, 1264,
                               "the environment has one of AWS_ACCESS_KEY_ID and "
                               "AWS_SECRET_ACCESS_KEY only");
    return assay_aws_credentials_make(key_id, secret_key, assay_aws_variable("AWS_SESSION_TOKEN"),
                                      "environment", ret_credentials, err);
}

assay_status assay_aws_from_web_identity(assay_aws *aws, bool *ret_found,
                                         assay_aws_credentials *ret_credentials, assay_error *err)
{
    const assay_aws_role role = {.arn = assay_aws_variable("AWS_ROLE_ARN"),
                                 .session_name = assay_aws_variable("AWS_ROLE_SESSION_NAME"),
                                 .token_file = assay_aws_variable("AWS_WEB_IDENTITY_TOKEN_FILE")};

    *ret_found = role.token_file != NULL;
    if (!*ret_found)
        return ASSAY_OK;
    if (role.arn == NULL)
        return assay_error_set(err, ASSAY_EAUTH, 1264,
                               "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
    return assay_aws_assume(aws, &role, ret_credentials, err);
}

/* ---- metadata servers ---- */

struct look {
    const char *method, *url, *header; /* header may be NULL */
    int timeout_ms;
};

static assay_status ask(assay_aws *aws, const struct look *look, assay_http_response *response,
                        assay_error *err)
{
    const char *headers[] = {look->header, NULL};
    int timeout_ms = assay_aws_time_ms(aws, look->timeout_ms);
    const assay_http_request request = {.method = look->method,
                                        .url = look->url,
                                        .headers = headers,
                                        .connect_timeout_ms = timeout_ms,
                                        .total_timeout_ms = timeout_ms,
                                        .cancel = aws->cancel};

    if (aws->http == NULL)
        ASSAY_TRY(assay_http_new(&aws->http, err));
    return assay_http_send(aws->http, &request, response, err);
}

/* Plain http only to this machine and to the addresses of ECS and EKS: a token is sent there. */
static bool may_be_asked(const char *url)
{
    static const char *const begins[] = {
        "https://",     "http://127.",           "http://localhost/",      "http://localhost:",
        "http://[::1]", "http://169.254.170.2/", "http://169.254.170.23/", "http://[fd00:ec2::23]"};

    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
        if (assay_str_starts(url, begins[i]))
            return true;
    return false;
}

static assay_status container_url(assay_arena *arena, const char **ret_url, assay_error *err)
{
    const char *relative = assay_aws_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");

    *ret_url = assay_aws_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative != NULL) {
        *ret_url = assay_arena_format(arena, "http://169.254.170.2%s", relative);
        return assay_arena_check(*ret_url, err);
    }
    if (*ret_url != NULL && !may_be_asked(*ret_url))
        return assay_error_set(err, ASSAY_EAUTH, 1264,
                               "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor on this "
                               "machine");
    return ASSAY_OK;
}

static assay_status container_header(assay_arena *arena, const char **ret_header, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf token = ASSAY_BUF_EMPTY;
    const char *path = assay_aws_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *text = assay_aws_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");

    if (path != NULL) {
        assay_status status = assay_path_read(path, TOKEN_MAX, &token, err);

        if (status == ASSAY_ENOMEM)
            return status;
        if (status != ASSAY_OK)
            return assay_error_set(err, ASSAY_EAUTH, 1264,
                                   "the container's token '%s' cannot be read", path);
        text = assay_buf_text(&token);
    }
    if (text == NULL)
        return ASSAY_OK;
    *ret_header =
        assay_arena_format(arena, "Authorization: %.*s", (int)strcspn(text, "\r\n"), text);
    return assay_arena_check(*ret_header, err);
}

assay_status assay_aws_from_container(assay_aws *aws, bool *ret_found,
                                      assay_aws_credentials *ret_credentials, assay_error *err)
{
    ASSAY_AUTO(assay_arena_wipep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_http_response_done) assay_http_response response = {0};
    struct look look = {.method = "GET", .timeout_ms = CONTAINER_TIMEOUT_MS};

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(container_url(arena, &look.url, err));
    *ret_found = look.url != NULL;
    if (!*ret_found)
        return ASSAY_OK;
    ASSAY_TRY(container_header(arena, &look.header, err));
    assay_status status = ask(aws, &look, &response, err);
    if (status != ASSAY_OK)
        return assay_error_wrap_status(err, status, "the container's AWS credentials");
    if (response.status != 200)
        return assay_error_set(err, ASSAY_EAUTH, 1264,
                               "the container's endpoint of AWS credentials answers %d",
                               response.status);
    status = assay_aws_credentials_parse(assay_buf_text(&response.body), response.body.size,
                                         "container", ret_credentials, err);
    assay_mem_wipe(response.body.data, response.body.size);
    return status;
}

/* One GET with IMDSv2's token; false where the answer is not 200. */
static bool get_metadata(assay_aws *aws, const char *base, const char *path, const char *token,
                         assay_http_response *response)
{
    ASSAY_AUTO(assay_arena_wipep) assay_arena *arena = assay_arena_new();
    struct look look = {.method = "GET", .timeout_ms = METADATA_TIMEOUT_MS};

    if (arena == NULL)
        return false;
    look.url = assay_arena_format(arena, "%s%s", base, path);
    look.header = assay_arena_format(arena, "X-aws-ec2-metadata-token: %s", token);
    return look.url != NULL && look.header != NULL && ask(aws, &look, response, NULL) == ASSAY_OK &&
           response->status == 200;
}

static bool get_token(assay_aws *aws, const char *base, assay_arena *arena, const char **ret_token)
{
    ASSAY_AUTO(assay_http_response_done) assay_http_response response = {0};
    const struct look look = {.method = "PUT",
                              .url = assay_arena_format(arena, "%s/latest/api/token", base),
                              .header = "X-aws-ec2-metadata-token-ttl-seconds: 21600",
                              .timeout_ms = METADATA_TIMEOUT_MS};

    if (look.url == NULL || ask(aws, &look, &response, NULL) != ASSAY_OK || response.status != 200)
        return false;
    *ret_token = assay_arena_text(arena, assay_buf_text(&response.body));
    return *ret_token != NULL;
}

/* No answer is no error: most machines are none of EC2's. */
assay_status assay_aws_from_instance(assay_aws *aws, bool *ret_found,
                                     assay_aws_credentials *ret_credentials, assay_error *err)
{
    static const char roles[] = "/latest/meta-data/iam/security-credentials/";
    ASSAY_AUTO(assay_arena_wipep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_http_response_done) assay_http_response response = {0};
    const char *base = assay_aws_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *disabled = assay_aws_variable("AWS_EC2_METADATA_DISABLED");
    const char *token = NULL;

    *ret_found = false;
    ASSAY_TRY(assay_arena_check(arena, err));
    if (disabled != NULL && assay_str_equal_ci(disabled, "true"))
        return ASSAY_OK;
    if (base == NULL)
        base = "http://169.254.169.254";
    if (!get_token(aws, base, arena, &token) || !get_metadata(aws, base, roles, token, &response))
        return ASSAY_OK;
    const char *names = assay_buf_text(&response.body);
    const char *path =
        assay_arena_format(arena, "%s%.*s", roles, (int)strcspn(names, "\r\n"), names);
    ASSAY_TRY(assay_arena_check(path, err));
    if (!get_metadata(aws, base, path, token, &response))
        return assay_error_set(err, ASSAY_EAUTH, 1264,
                               "the machine's metadata do not give credentials of its role");
    *ret_found = true;
    assay_status status =
        assay_aws_credentials_parse(assay_buf_text(&response.body), response.body.size, "machine",
                                    ret_credentials, err);
    assay_mem_wipe(response.body.data, response.body.size);
    return status;
}
