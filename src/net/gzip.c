#include "net/gzip.h"

#include <limits.h>
#define ZLIB_CONST /* input is only read */
#include <zlib.h>

/* 15 bits of window, and 16 for the gzip header instead of zlib's (zlib.h, deflateInit2). */
enum { GZIP_WINDOW_BITS = 15 + 16, MEMORY_LEVEL = 8 };

assay_status assay_gzip(const void *bytes, size_t size, assay_buf *buf, assay_error *err)
{
    z_stream stream = {0};

    if (size > UINT_MAX / 2)
        return assay_error_set(err, ASSAY_EINVAL, 1400, "a body of %zu bytes is too large", size);
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return assay_error_nomem(err);
    uLong bound = deflateBound(&stream, (uLong)size);
    assay_buf_reserve(buf, bound);
    if (buf->failed) {
        (void)deflateEnd(&stream);
        return assay_error_nomem(err);
    }
    stream.next_in = bytes;
    stream.avail_in = (uInt)size;
    stream.next_out = (Bytef *)buf->data + buf->size;
    stream.avail_out = (uInt)bound;
    int code = deflate(&stream, Z_FINISH);
    if (code == Z_STREAM_END) {
        buf->size += stream.total_out;
        buf->data[buf->size] = '\0';
    }
    (void)deflateEnd(&stream);
    return code == Z_STREAM_END ? ASSAY_OK
                                : assay_error_set(err, ASSAY_EINTERNAL, 9001,
                                                  "cannot compress a body: zlib %d", code);
}
