/* SHA-256 of bytes and files, as lower-case hexadecimal text. Any thread. */
#ifndef ASSAY_STORE_HASH_H
#define ASSAY_STORE_HASH_H

#include "base/error.h"

enum { ASSAY_SHA256_TEXT_SIZE = 65 };

ASSAY_NODISCARD assay_status assay_sha256(const void *bytes, size_t size,
                                          char hex[ASSAY_SHA256_TEXT_SIZE], assay_error *err);

/* The hash of a whole file of any size, read in pieces. */
ASSAY_NODISCARD assay_status assay_store_sha256_file(const char *path,
                                                     char hex[ASSAY_SHA256_TEXT_SIZE],
                                                     assay_error *err);

#endif
