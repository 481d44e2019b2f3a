/* S3: whether an address answers and takes credentials (for `assay doctor`). */
#ifndef ASSAY_STORE_AWS_S3_H
#define ASSAY_STORE_AWS_S3_H

#include "store/credentials.h"

typedef struct assay_aws_s3_look {
    const char *endpoint; /* NULL = AWS's of the region */
    const char *region;
    int64_t timeout_ms;
    const assay_clock *clock;
    const assay_cancel *cancel; /* may be NULL */
} assay_aws_s3_look;

/* Asks for the list of buckets. That it may not be listed is fine: the credentials were taken
 * (*ret_listed = false). EAUTH 1264 where they were not; EIO or ETIMEOUT 1263 (retryable) where
 * there is no answer or an odd one. */
ASSAY_NODISCARD assay_status assay_aws_s3_ask(const assay_aws_s3_look *look,
                                              const assay_aws_credentials *credentials,
                                              bool *ret_listed, assay_error *err);

#endif
