/* What the files about AWS in this room share; others see store/credentials.h. */
#ifndef ASSAY_STORE_AWS_H
#define ASSAY_STORE_AWS_H

#include "base/thread.h"
#include "net/http.h"
#include "store/credentials.h"
#include "text/value.h"

struct assay_aws {
    assay_arena *arena;           /* texts of the options and of the profile files */
    const char *profile, *region; /* NULL = not said */
    bool profile_named;           /* by the caller or by AWS_PROFILE */
    const assay_clock *clock;
    const assay_cancel *cancel;
    int64_t until_us; /* assay_aws_limit */
    assay_lock *lock; /* guards what follows: one asks for all */
    assay_http *http;
    assay_value *profiles; /* MAP: profile -> MAP of texts; NULL = not read yet */
    bool has_kept;
    assay_aws_credentials kept;
};

/* A non-empty variable of the environment, or NULL. */
const char *assay_aws_variable(const char *name);

int64_t assay_aws_now_us(const assay_aws *aws);

/* What a request may take: `most_ms`, less where the limit is near, 1 where it has passed. */
int assay_aws_time_ms(const assay_aws *aws, int most_ms);

/* The profiles of both files; credentials go before the configuration's. Under the lock. */
assay_status assay_aws_profiles_read(assay_aws *aws, assay_error *err);

/* One profile file: sections "[profile x]" (configuration) or "[x]" into `profiles`. */
assay_status assay_aws_profile_parse(const char *text, size_t size, bool is_config,
                                     assay_arena *arena, assay_value *profiles, assay_error *err);

/* A source of the chain. *ret_found false: it is not configured, the next one is asked. */
typedef assay_status assay_aws_source(assay_aws *aws, bool *ret_found,
                                      assay_aws_credentials *ret_credentials, assay_error *err);

assay_aws_source assay_aws_from_environment, assay_aws_from_web_identity, assay_aws_from_profile,
    assay_aws_from_container, assay_aws_from_instance;

/* The JSON that metadata servers and credential_process give; the token's member is called "Token"
 * or "SessionToken". */
assay_status assay_aws_credentials_parse(const char *text, size_t size, const char *source,
                                         assay_aws_credentials *ret_credentials, assay_error *err);

assay_status assay_aws_credentials_make(const char *key_id, const char *secret_key,
                                        const char *session_token, const char *source,
                                        assay_aws_credentials *ret_credentials, assay_error *err);
void assay_aws_credentials_move(assay_aws_credentials *from, assay_aws_credentials *ret_to);
assay_status assay_aws_credentials_copy(const assay_aws_credentials *credentials,
                                        assay_aws_credentials *ret_copy, assay_error *err);

/* STS. `role` and what belongs to it from a profile or the environment. */
typedef struct assay_aws_role {
    const char *arn, *session_name, *external_id, *duration;
    const char *token_file; /* web identity; NULL = AssumeRole signed by `signer` */
    const assay_aws_credentials *signer;
    const char *region;
} assay_aws_role;

assay_status assay_aws_assume(assay_aws *aws, const assay_aws_role *role,
                              assay_aws_credentials *ret_credentials, assay_error *err);

/* Runs `command` by /bin/sh; its output is appended to `output`. */
assay_status assay_aws_command(const char *command, int timeout_ms, assay_buf *output,
                               assay_error *err);

/* One request to a service. */
typedef struct assay_aws_call {
    const char *service;  /* "sts": also of the name of its endpoint variable */
    const char *variable; /* "AWS_ENDPOINT_URL_STS" */
    const char *region;
    const char *content_type, *target; /* X-Amz-Target; may be NULL */
    const char *accept;                /* may be NULL */
    const char *body;
    const assay_aws_credentials *signer; /* NULL = not signed */
} assay_aws_call;

/* Up to three tries where the service asks for patience. Any answer is ASSAY_OK; none is EIO or
 * ETIMEOUT 1263. */
assay_status assay_aws_send(assay_aws *aws, const assay_aws_call *call,
                            assay_http_response *response, assay_error *err);

#endif
