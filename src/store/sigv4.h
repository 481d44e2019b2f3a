/* AWS Signature Version 4 (AWS, "Signature Version 4 signing process"): signs one request by its
 * headers. Any thread. */
#ifndef ASSAY_STORE_SIGV4_H
#define ASSAY_STORE_SIGV4_H

#include "base/arena.h"
#include "store/credentials.h"

typedef struct assay_sigv4_pair {
    const char *name, *value; /* as meant: not encoded */
} assay_sigv4_pair;

typedef struct assay_sigv4_request {
    const char *method;
    const char *host; /* with the port where it is not the scheme's own */
    const char *path; /* as meant: not encoded; begins with '/' */
    const assay_sigv4_pair *query;
    size_t query_count;
    const assay_sigv4_pair *headers; /* all are signed; Host and X-Amz-Date are added */
    size_t header_count;
    const void *body;
    size_t body_size;
    const char *payload_hash; /* NULL = computed; "UNSIGNED-PAYLOAD" */
    const char *service, *region;
    int64_t now_us;
} assay_sigv4_request;

typedef struct assay_sigv4_signed {
    const char *target;                          /* path and query, encoded, as they must be sent */
    const char **headers;                        /* "Name: value", without Host, closed by NULL */
    const char *canonical, *to_sign, *signature; /* the steps, for tests */
} assay_sigv4_signed;

/* Service "s3" is signed as S3 wants it: the path is encoded once and taken as it is, and
 * x-amz-content-sha256 is sent; for others the path is normalized and encoded twice. */
ASSAY_NODISCARD assay_status assay_sigv4_sign(const assay_sigv4_request *request,
                                              const assay_aws_credentials *credentials,
                                              assay_arena *arena, assay_sigv4_signed *ret_signed,
                                              assay_error *err);

#endif
