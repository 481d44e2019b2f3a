#include "store/aws_secret.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/aws.h"
#include "store/quiet_json.h"
#include "text/json.h"

enum { REASON_MAX = 200 };

/* ---- the request ---- */

static assay_status ask(assay_aws *aws, const char *id, assay_http_response *response,
                        assay_error *err)
{
    ASSAY_AUTO(assay_aws_credentials_done) assay_aws_credentials credentials = {0};
    ASSAY_AUTO(assay_buf_done) assay_buf body = ASSAY_BUF_EMPTY;
    assay_aws_call call = {.service = "secretsmanager",
                           .variable = "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                           .content_type = "application/x-amz-json-1.1",
                           .target = "secretsmanager.GetSecretValue",
                           .signer = &credentials};

    ASSAY_TRY(assay_aws_credentials_get(aws, &credentials, err));
    ASSAY_TRY(assay_aws_region(aws, &call.region, err));
    assay_json_writer writer = assay_json_writer_init(&body);
    assay_json_begin_map(&writer);
    assay_json_key(&writer, "SecretId");
    assay_json_text(&writer, id);
    assay_json_end_map(&writer);
    ASSAY_TRY(assay_buf_check(&body, err));
    call.body = assay_buf_text(&body);
    return assay_aws_send(aws, &call, response, err);
}

/* ---- the answer ---- */

/* "com.amazonaws.x#ResourceNotFoundException" -> the part behind '#'. */
static const char *short_type(const char *type)
{
    const char *hash = type != NULL ? strrchr(type, '#') : NULL;

    return hash != NULL ? hash + 1 : type;
}

static bool is_expired(const char *type)
{
    static const char *const types[] = {"ExpiredTokenException", "ExpiredToken",
                                        "UnrecognizedClientException", "InvalidClientTokenId",
                                        "InvalidSignatureException"};

    for (size_t i = 0; type != NULL && i < sizeof types / sizeof types[0]; i++)
        if (assay_str_equal(types[i], type))
            return true;
    return false;
}

static assay_status fail_answer(const char *id, const assay_http_response *response,
                                const assay_value *tree, assay_error *err)
{
    const char *type = short_type(assay_value_find_text(tree, "__type", NULL));
    const char *message =
        assay_value_find_text(tree, "message", assay_value_find_text(tree, "Message", ""));
    int number = 1262;
    assay_status status = ASSAY_EAUTH;

    if (assay_str_equal(type, "ResourceNotFoundException"))
        number = 1260;
    if (response->status >= 500 || response->status == 429 ||
        assay_str_equal(type, "ThrottlingException")) {
        number = 1263;
        status = ASSAY_EIO;
    }
    (void)assay_error_set(err, status, number, "AWS does not give the secret '%s': %s (%d)%s%.*s",
                          id, type != NULL ? type : "no reason is said", response->status,
                          message[0] != '\0' ? " " : "", REASON_MAX, message);
    if (err != NULL) {
        err->native = response->status;
        err->retryable = number == 1263;
    }
    return status;
}

/* SecretBinary: base64 of the bytes. */
static assay_status decode(const char *id, const char *text, assay_secret **ret_secret,
                           assay_error *err)
{
    size_t size = strlen(text);
    ASSAY_AUTO(assay_mem_freep) unsigned char *bytes = assay_mem_new(size + 4, 1);

    if (bytes == NULL)
        return assay_error_nomem(err);
    int length = size % 4 == 0 && size <= ASSAY_SECRET_SIZE_MAX * 2
                     ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)size)
                     : -1;
    if (length < 0)
        return assay_error_set(err, ASSAY_EAUTH, 1262, "the secret '%s' is no base64", id);
    size_t padding = assay_str_ends(text, "==") ? 2 : assay_str_ends(text, "=") ? 1 : 0;
    assay_status status = assay_secret_new(bytes, (size_t)length - padding, ret_secret, err);
    assay_mem_wipe(bytes, size + 4);
    return status;
}

static assay_status read_answer(const char *id, const assay_http_response *response,
                                bool *ret_expired, assay_secret **ret_secret, assay_error *err)
{
    ASSAY_AUTO(assay_arena_wipep) assay_arena *arena = assay_arena_new();
    assay_value *tree = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    /* An answer that is no JSON is judged by its status. */
    ASSAY_TRY(assay_quiet_json_parse(assay_buf_text(&response->body), response->body.size, arena,
                                     &tree, err));
    const char *text = assay_value_find_text(tree, "SecretString", NULL);
    const char *binary = assay_value_find_text(tree, "SecretBinary", NULL);
    if (response->status == 200 && text != NULL)
        return assay_secret_new(text, strlen(text), ret_secret, err);
    if (response->status == 200 && binary != NULL)
        return decode(id, binary, ret_secret, err);
    *ret_expired = is_expired(short_type(assay_value_find_text(tree, "__type", NULL)));
    return fail_answer(id, response, tree, err);
}

static assay_status get_once(assay_aws *aws, const char *id, bool *ret_expired,
                             assay_secret **ret_secret, assay_error *err)
{
    ASSAY_AUTO(assay_http_response_done) assay_http_response response = {0};

    ASSAY_TRY(ask(aws, id, &response, err));
    assay_status status = read_answer(id, &response, ret_expired, ret_secret, err);
    assay_mem_wipe(response.body.data, response.body.size);
    return status;
}

assay_status assay_aws_secret_get(assay_aws *aws, const char *id, assay_secret **ret_secret,
                                  assay_error *err)
{
    bool expired = false;
    assay_status status = get_once(aws, id, &expired, ret_secret, err);

    if (status == ASSAY_OK || !expired)
        return status;
    assay_aws_credentials_forget(aws);
    return get_once(aws, id, &expired, ret_secret, err);
}

assay_status assay_aws_secret_member(const assay_secret *whole, const char *id, const char *key,
                                     assay_place place, assay_secret **ret_secret, assay_error *err)
{
    ASSAY_AUTO(assay_arena_wipep) assay_arena *arena = assay_arena_new();
    assay_value *tree = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_quiet_json_parse(assay_secret_reveal(whole), assay_secret_size(whole), arena,
                                     &tree, err));
    if (tree == NULL)
        return assay_error_at(err, ASSAY_EAUTH, 1260, place,
                              "the secret '%s' is no JSON object, so it has no key '%s'", id, key);
    const assay_value *value = assay_value_find(tree, key);
    const char *text = value != NULL && value->kind == ASSAY_VALUE_BOOL
                           ? (value->boolean ? "true" : "false")
                       : value != NULL && value->kind != ASSAY_VALUE_NULL ? value->text
                                                                          : NULL;
    if (text == NULL)
        return assay_error_at(err, ASSAY_EAUTH, 1260, place,
                              "the secret '%s' has no text under the key '%s'", id, key);
    return assay_secret_new(text, strlen(text), ret_secret, err);
}
