/* gzip (RFC 1952) of one body. Any thread. */
#ifndef ASSAY_NET_GZIP_H
#define ASSAY_NET_GZIP_H

#include "base/buf.h"

/* Appends the compressed bytes to `buf`. */
ASSAY_NODISCARD assay_status assay_gzip(const void *bytes, size_t size, assay_buf *buf,
                                        assay_error *err);

#endif
