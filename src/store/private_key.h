/* The private key of a Snowflake login, looked at before a driver gets it: drivers say of a key
 * that they cannot use what helps nobody. */
#ifndef ASSAY_STORE_PRIVATE_KEY_H
#define ASSAY_STORE_PRIVATE_KEY_H

#include "base/secret.h"

/* EAUTH 1268 at `place` where `key` is no RSA key in PEM of PKCS #8, or `passphrase` (NULL = none)
 * does not open it. No message holds a part of either. */
ASSAY_NODISCARD assay_status assay_private_key_check(const assay_secret *key,
                                                     const assay_secret *passphrase,
                                                     assay_place place, assay_error *err);

#endif
