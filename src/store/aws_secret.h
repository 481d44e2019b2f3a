/* AWS Secrets Manager: GetSecretValue (API version 2017-10-17) and what lies in a secret. For this
 * room; others ask store/secrets.h. */
#ifndef ASSAY_STORE_AWS_SECRET_H
#define ASSAY_STORE_AWS_SECRET_H

#include "store/credentials.h"

/* SecretString, or SecretBinary decoded, of the current version. Credentials that are refused are
 * asked for anew once. EAUTH 1260 where there is no such secret, 1262 where AWS refuses, 1263 where
 * it does not answer or is not well. */
ASSAY_NODISCARD assay_status assay_aws_secret_get(assay_aws *aws, const char *id,
                                                  assay_secret **ret_secret, assay_error *err);

/* The member `key` of a secret that is a JSON object; numbers and booleans as text. */
ASSAY_NODISCARD assay_status assay_aws_secret_member(const assay_secret *whole, const char *id,
                                                     const char *key, assay_place place,
                                                     assay_secret **ret_secret, assay_error *err);

#endif
