/* Compression of Avro blocks and of metadata files over zlib. Any thread. */
#ifndef ASSAY_AVRO_CODEC_H
#define ASSAY_AVRO_CODEC_H

#include "base/buf.h"

typedef enum assay_codec {
    ASSAY_CODEC_NULL,    /* bytes as they are */
    ASSAY_CODEC_DEFLATE, /* RFC 1951 without header, as Avro has it */
    ASSAY_CODEC_GZIP     /* RFC 1952, as *.gz.metadata.json */
} assay_codec;

/* Appends the compressed bytes to `buf`. */
ASSAY_NODISCARD assay_status assay_codec_compress(assay_codec codec, const char *bytes, size_t size,
                                                  assay_buf *buf, assay_error *err);

/* Appends the decompressed bytes to `buf`, at most `limit` (more is EDATA 4504); bytes that do not
 * decode are EDATA 4501. */
ASSAY_NODISCARD assay_status assay_codec_expand(assay_codec codec, const char *bytes, size_t size,
                                                size_t limit, assay_buf *buf, assay_error *err);

#endif
