/* Credentials of AWS by the usual chain, in its order: the environment, web identity, the profile
 * (keys, role_arn with source_profile, credential_process; one of IAM Identity Center is refused),
 * the container's endpoint, IMDSv2. The first source that is configured decides: where it fails the
 * chain fails.
 *
 * Kept until 5 minutes before they expire. Any thread. */
#ifndef ASSAY_STORE_CREDENTIALS_H
#define ASSAY_STORE_CREDENTIALS_H

#include "store/secrets.h"

typedef struct assay_aws assay_aws;

typedef struct assay_aws_credentials {
    assay_secret *key_id, *secret_key;
    assay_secret *session_token; /* NULL = none */
    int64_t expires_us;          /* 0 = never */
    const char *source;          /* "environment", "profile" .. for people */
} assay_aws_credentials;

void assay_aws_credentials_done(assay_aws_credentials *credentials); /* for ASSAY_AUTO; wipes */

/* `profile` and `region` NULL = the environment's. `clock` and `cancel` (may be NULL) outlive it.
 */
typedef struct assay_aws_options {
    const char *profile, *region;
    const assay_clock *clock;
    const assay_cancel *cancel;
} assay_aws_options;

/* From now on nothing that is asked goes on behind that time of the monotonic clock; 0 = each
 * request has its own limits only. */
void assay_aws_limit(assay_aws *aws, int64_t until_us);

ASSAY_NODISCARD assay_status assay_aws_new(const assay_aws_options *options, assay_aws **ret_aws,
                                           assay_error *err);
void assay_aws_free(assay_aws *aws);
void assay_aws_freep(assay_aws **aws);

/* A copy, which the caller frees. EAUTH 1264 where no source is configured or one fails. */
ASSAY_NODISCARD assay_status assay_aws_credentials_get(assay_aws *aws,
                                                       assay_aws_credentials *ret_credentials,
                                                       assay_error *err);

/* Drops what is kept: the next get asks the source again. */
void assay_aws_credentials_forget(assay_aws *aws);

/* The region: options, AWS_REGION, AWS_DEFAULT_REGION, the profile's; ECONFIG 1265 where none is
 * said. The text lives as long as `aws`. */
ASSAY_NODISCARD assay_status assay_aws_region(assay_aws *aws, const char **ret_region,
                                              assay_error *err);

/* Credentials for an s3 connection: its own keys by reference, else the chain of `profile`. */
ASSAY_NODISCARD assay_status assay_aws_connection_credentials(
    assay_secrets *secrets, const assay_connection_config *connection, const assay_clock *clock,
    const assay_cancel *cancel, assay_aws_credentials *ret_credentials, assay_error *err);

#endif
