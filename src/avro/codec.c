#include "avro/codec.h"

#include <limits.h>
#include <zlib.h>

enum { CHUNK = 64 * 1024, WINDOW_RAW = -15, WINDOW_GZIP = 15 + 16, MEMORY_LEVEL = 8 };

static assay_status codec_failed(assay_error *err, const char *what)
{
    return assay_error_set(err, ASSAY_EDATA, 4501, "compressed bytes do not decode: %s", what);
}

static int window_of(assay_codec codec)
{
    return codec == ASSAY_CODEC_GZIP ? WINDOW_GZIP : WINDOW_RAW;
}

/* zlib takes non-const input and never writes to it. */
static Bytef *input_of(const char *bytes)
{
    union {
        const char *from;
        Bytef *to;
    } pointer = {.from = bytes};
    return pointer.to;
}

static void deflate_end(z_stream *stream)
{
    (void)deflateEnd(stream);
}

static void inflate_end(z_stream *stream)
{
    (void)inflateEnd(stream);
}

assay_status assay_codec_compress(assay_codec codec, const char *bytes, size_t size, assay_buf *buf,
                                  assay_error *err)
{
    if (codec == ASSAY_CODEC_NULL) {
        assay_buf_append(buf, bytes, size);
        return assay_buf_check(buf, err);
    }
    if (size > UINT_MAX)
        return assay_error_set(err, ASSAY_EDATA, 4504, "a block of %zu bytes is too large", size);
    ASSAY_AUTO(deflate_end) z_stream stream = {.next_in = input_of(bytes), .avail_in = (uInt)size};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_of(codec), MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return assay_error_nomem(err);
    unsigned char chunk[CHUNK];
    int state = Z_OK;
    while (state == Z_OK) {
        stream.next_out = chunk;
        stream.avail_out = sizeof chunk;
        state = deflate(&stream, Z_FINISH);
        assay_buf_append(buf, chunk, sizeof chunk - stream.avail_out);
    }
    if (state != Z_STREAM_END)
        return assay_error_set(err, ASSAY_EINTERNAL, 9001, "zlib did not compress (%d)", state);
    return assay_buf_check(buf, err);
}

assay_status assay_codec_expand(assay_codec codec, const char *bytes, size_t size, size_t limit,
                                assay_buf *buf, assay_error *err)
{
    if (size > UINT_MAX || (codec == ASSAY_CODEC_NULL && size > limit))
        return assay_error_set(err, ASSAY_EDATA, 4504, "a block of %zu bytes is too large", size);
    if (codec == ASSAY_CODEC_NULL) {
        assay_buf_append(buf, bytes, size);
        return assay_buf_check(buf, err);
    }
    ASSAY_AUTO(inflate_end) z_stream stream = {.next_in = input_of(bytes), .avail_in = (uInt)size};
    if (inflateInit2(&stream, window_of(codec)) != Z_OK)
        return assay_error_nomem(err);
    unsigned char chunk[CHUNK];
    size_t total = 0;
    int state = Z_OK;
    while (state == Z_OK) {
        stream.next_out = chunk;
        stream.avail_out = sizeof chunk;
        state = inflate(&stream, Z_NO_FLUSH);
        size_t made = sizeof chunk - stream.avail_out;
        total += made;
        if (total > limit)
            return assay_error_set(err, ASSAY_EDATA, 4504,
                                   "compressed bytes expand to more than %zu bytes", limit);
        assay_buf_append(buf, chunk, made);
    }
    if (state != Z_STREAM_END)
        return codec_failed(err, stream.msg != NULL ? stream.msg : "they end too early");
    return assay_buf_check(buf, err);
}
