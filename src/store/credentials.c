#include "store/credentials.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/aws.h"

static const int64_t EARLY_US = INT64_C(5) * 60 * 1000000;

static assay_status copy_option(assay_aws *aws, const char *text, const char **field,
                                assay_error *err)
{
    if (text == NULL || text[0] == '\0')
        return ASSAY_OK;
    *field = assay_arena_text(aws->arena, text);
    return assay_arena_check(*field, err);
}

static assay_status fill(assay_aws *aws, const assay_aws_options *options, assay_error *err)
{
    const char *profile = options->profile;

    aws->arena = assay_arena_new();
    aws->lock = assay_lock_new();
    if (aws->arena == NULL || aws->lock == NULL)
        return assay_error_nomem(err);
    if (profile == NULL)
        profile = assay_aws_variable("AWS_PROFILE");
    aws->profile_named = profile != NULL;
    aws->profile = "default";
    aws->clock = options->clock;
    aws->cancel = options->cancel;
    ASSAY_TRY(copy_option(aws, profile, &aws->profile, err));
    return copy_option(aws, options->region, &aws->region, err);
}

assay_status assay_aws_new(const assay_aws_options *options, assay_aws **ret_aws, assay_error *err)
{
    ASSAY_AUTO(assay_aws_freep) assay_aws *aws = assay_mem_new(1, sizeof *aws);

    if (aws == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(fill(aws, options, err));
    *ret_aws = ASSAY_TAKE(&aws);
    return ASSAY_OK;
}

void assay_aws_free(assay_aws *aws)
{
    if (aws == NULL)
        return;
    assay_aws_credentials_done(&aws->kept);
    assay_http_free(aws->http);
    assay_lock_free(aws->lock);
    assay_arena_wipep(&aws->arena); /* it has the profiles' keys */
    assay_mem_free(aws);
}

void assay_aws_freep(assay_aws **aws)
{
    assay_aws_free(*aws);
}

void assay_aws_limit(assay_aws *aws, int64_t until_us)
{
    assay_lock_acquire(aws->lock);
    aws->until_us = until_us;
    assay_lock_release(aws->lock);
}

/* ---- the chain ---- */

/* The first source that is configured decides, also where it fails. */
static assay_status ask_sources(assay_aws *aws, assay_aws_credentials *ret_credentials,
                                assay_error *err)
{
    static assay_aws_source *const sources[] = {assay_aws_from_environment,
                                                assay_aws_from_web_identity, assay_aws_from_profile,
                                                assay_aws_from_container, assay_aws_from_instance};
    bool found = false;

    for (size_t i = 0; i < sizeof sources / sizeof sources[0] && !found; i++)
        ASSAY_TRY(sources[i](aws, &found, ret_credentials, err));
    if (found)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_EAUTH, 1264,
                           "there are no AWS credentials: set AWS_ACCESS_KEY_ID and "
                           "AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or give the machine a role");
}

static bool is_fresh(const assay_aws *aws)
{
    return aws->has_kept &&
           (aws->kept.expires_us == 0 || aws->kept.expires_us - EARLY_US > assay_aws_now_us(aws));
}

static assay_status refresh(assay_aws *aws, assay_error *err)
{
    assay_aws_credentials credentials = {0};

    if (is_fresh(aws))
        return ASSAY_OK;
    ASSAY_TRY(ask_sources(aws, &credentials, err));
    assay_aws_credentials_done(&aws->kept);
    aws->kept = credentials;
    aws->has_kept = true;
    return ASSAY_OK;
}

assay_status assay_aws_credentials_get(assay_aws *aws, assay_aws_credentials *ret_credentials,
                                       assay_error *err)
{
    assay_lock_acquire(aws->lock);
    assay_status status = refresh(aws, err);
    if (status == ASSAY_OK)
        status = assay_aws_credentials_copy(&aws->kept, ret_credentials, err);
    assay_lock_release(aws->lock);
    return status;
}

void assay_aws_credentials_forget(assay_aws *aws)
{
    assay_lock_acquire(aws->lock);
    assay_aws_credentials_done(&aws->kept);
    aws->has_kept = false;
    assay_lock_release(aws->lock);
}

/* ---- the region ---- */

static assay_status find_region(assay_aws *aws, const char **ret_region, assay_error *err)
{
    const char *region = aws->region;

    if (region == NULL)
        region = assay_aws_variable("AWS_REGION");
    if (region == NULL)
        region = assay_aws_variable("AWS_DEFAULT_REGION");
    if (region == NULL) {
        ASSAY_TRY(assay_aws_profiles_read(aws, err));
        region =
            assay_value_find_text(assay_value_find(aws->profiles, aws->profile), "region", NULL);
    }
    if (region == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 1265,
                               "there is no AWS region: set AWS_REGION, or 'region' in the profile "
                               "'%s'",
                               aws->profile);
    *ret_region = region;
    return ASSAY_OK;
}

assay_status assay_aws_region(assay_aws *aws, const char **ret_region, assay_error *err)
{
    assay_lock_acquire(aws->lock);
    assay_status status = find_region(aws, ret_region, err);
    assay_lock_release(aws->lock);
    return status;
}

/* ---- an s3 connection ---- */

static assay_status from_references(assay_secrets *secrets,
                                    const assay_connection_config *connection,
                                    assay_aws_credentials *ret_credentials, assay_error *err)
{
    ASSAY_AUTO(assay_aws_credentials_done)
    assay_aws_credentials made = {.source = "connection"};

    ASSAY_TRY(assay_secrets_resolve(secrets, &connection->key_id, &made.key_id, err));
    ASSAY_TRY(assay_secrets_resolve(secrets, &connection->secret_key, &made.secret_key, err));
    if (connection->session_token.text != NULL)
        ASSAY_TRY(
            assay_secrets_resolve(secrets, &connection->session_token, &made.session_token, err));
    assay_aws_credentials_move(&made, ret_credentials);
    return ASSAY_OK;
}

assay_status assay_aws_connection_credentials(assay_secrets *secrets,
                                              const assay_connection_config *connection,
                                              const assay_clock *clock, const assay_cancel *cancel,
                                              assay_aws_credentials *ret_credentials,
                                              assay_error *err)
{
    ASSAY_AUTO(assay_aws_freep) assay_aws *aws = NULL;
    const assay_aws_options options = {.profile = connection->profile,
                                       .region = connection->region,
                                       .clock = clock,
                                       .cancel = cancel};

    if (connection->has_keys)
        return from_references(secrets, connection, ret_credentials, err);
    ASSAY_TRY(assay_aws_new(&options, &aws, err));
    assay_aws_limit(aws, clock->monotonic_us(clock->user) + connection->login_timeout_ms * 1000);
    return assay_aws_credentials_get(aws, ret_credentials, err);
}
