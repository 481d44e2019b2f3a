#include "delta/vector.h"

#include <string.h>

#include "base/vec.h"
#include "delta/uri.h"

enum {
    MAGIC = 1681511377,
    COOKIE_PLAIN = 12346, /* roaring format specification: no run containers */
    COOKIE_RUNS = 12347,
    ARRAY_MAX = 4096, /* larger containers are bitmaps */
    BITMAP_BYTES = 8192,
    OFFSETS_FROM = 4, /* with runs, fewer containers have no offset header */
    CONTAINERS_MAX = 65536,
    UUID_BYTES = 16,
    UUID_CHARS = 20 /* in Z85 */
};

/* ---- bytes ---- */

struct source {
    const unsigned char *at;
    size_t left;
};

static bool skip(struct source *source, size_t size)
{
    if (size > source->left)
        return false;
    source->at += size;
    source->left -= size;
    return true;
}

static bool take_number(struct source *source, size_t bytes, uint64_t *ret_value)
{
    const unsigned char *from = source->at;

    if (!skip(source, bytes))
        return false;
    *ret_value = 0;
    for (size_t i = bytes; i > 0; i--)
        *ret_value = *ret_value << 8 | from[i - 1];
    return true;
}

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* CRC-32 of ISO 3309, four bits at a time. */
static uint32_t crc32_of(const unsigned char *bytes, size_t size)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < size; i++) {
        crc = table[(crc ^ bytes[i]) & 15] ^ (crc >> 4);
        crc = table[(crc ^ (bytes[i] >> 4)) & 15] ^ (crc >> 4);
    }
    return ~crc;
}

/* Z85 (ZeroMQ RFC 32). NULL where the text is none or memory is short. */
static unsigned char *decode_z85(const char *text, size_t length, assay_arena *arena)
{
    static const char alphabet[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    unsigned char *out = assay_arena_take(arena, length / 5 * 4 + 1, 1);

    if (out == NULL || length % 5 != 0)
        return NULL;
    for (size_t i = 0; i < length / 5; i++) {
        uint64_t value = 0;

        for (size_t k = 0; k < 5; k++) {
            const char *found = text[i * 5 + k] == '\0' ? NULL : strchr(alphabet, text[i * 5 + k]);

            if (found == NULL)
                return NULL;
            value = value * 85 + (uint64_t)(found - alphabet);
        }
        if (value > UINT32_MAX)
            return NULL;
        for (size_t k = 0; k < 4; k++)
            out[i * 4 + k] = (unsigned char)(value >> (24 - 8 * k));
    }
    return out;
}

/* ---- roaring ---- */

struct decoder {
    struct source source;
    assay_vec rows;
    uint64_t high; /* of the current 32-bit bitmap, shifted */
    assay_error *err;
};

static void decoder_done(struct decoder *decoder)
{
    assay_vec_done(&decoder->rows);
}

static assay_status broken(const struct decoder *decoder)
{
    return assay_error_set(decoder->err, ASSAY_EDATA, 4219, "a deletion vector does not decode");
}

static assay_status push(struct decoder *decoder, uint64_t low)
{
    int64_t row = (int64_t)(decoder->high | low);

    if (decoder->rows.count >= ASSAY_DELTA_VECTOR_ROWS_MAX)
        return broken(decoder);
    return assay_vec_push(&decoder->rows, &row, decoder->err);
}

static assay_status take_array(struct decoder *decoder, uint64_t base, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t low = 0;

        if (!take_number(&decoder->source, 2, &low))
            return broken(decoder);
        ASSAY_TRY(push(decoder, base | low));
    }
    return ASSAY_OK;
}

static assay_status take_bitmap(struct decoder *decoder, uint64_t base)
{
    const unsigned char *bits = decoder->source.at;

    if (!skip(&decoder->source, BITMAP_BYTES))
        return broken(decoder);
    for (uint64_t i = 0; i < BITMAP_BYTES * 8; i++) {
        if ((bits[i / 8] >> (i % 8) & 1) != 0)
            ASSAY_TRY(push(decoder, base | i));
    }
    return ASSAY_OK;
}

static assay_status take_runs(struct decoder *decoder, uint64_t base)
{
    uint64_t runs = 0;

    if (!take_number(&decoder->source, 2, &runs))
        return broken(decoder);
    for (uint64_t i = 0; i < runs; i++) {
        uint64_t start = 0, more = 0;

        if (!take_number(&decoder->source, 2, &start) || !take_number(&decoder->source, 2, &more) ||
            start + more > UINT16_MAX)
            return broken(decoder);
        for (uint64_t k = 0; k <= more; k++)
            ASSAY_TRY(push(decoder, base | (start + k)));
    }
    return ASSAY_OK;
}

struct header {
    uint64_t containers;
    const unsigned char *run_flags; /* NULL = none */
    const unsigned char *keys;      /* key and cardinality - 1, 2 bytes each */
};

static bool take_header(struct source *source, struct header *header)
{
    uint64_t cookie = 0;

    header->run_flags = NULL;
    if (!take_number(source, 4, &cookie))
        return false;
    if ((cookie & 0xffff) == COOKIE_RUNS) {
        header->containers = (cookie >> 16) + 1;
        header->run_flags = source->at;
        if (!skip(source, (size_t)(header->containers + 7) / 8))
            return false;
    } else if (cookie != COOKIE_PLAIN || !take_number(source, 4, &header->containers) ||
               header->containers > CONTAINERS_MAX) {
        return false;
    }
    header->keys = source->at;
    if (!skip(source, (size_t)header->containers * 4))
        return false;
    return (header->run_flags != NULL && header->containers < OFFSETS_FROM) ||
           skip(source, (size_t)header->containers * 4);
}

/* One 32-bit bitmap in the portable format. */
static assay_status take_bitmap32(struct decoder *decoder)
{
    struct header header;

    if (!take_header(&decoder->source, &header))
        return broken(decoder);
    for (uint64_t i = 0; i < header.containers; i++) {
        const unsigned char *key = header.keys + i * 4;
        uint64_t base = (uint64_t)(key[0] | key[1] << 8) << 16;
        uint64_t count = (uint64_t)(key[2] | key[3] << 8) + 1;
        bool runs = header.run_flags != NULL && (header.run_flags[i / 8] >> (i % 8) & 1) != 0;

        if (runs)
            ASSAY_TRY(take_runs(decoder, base));
        else if (count <= ARRAY_MAX)
            ASSAY_TRY(take_array(decoder, base, count));
        else
            ASSAY_TRY(take_bitmap(decoder, base));
    }
    return ASSAY_OK;
}

assay_status assay_delta_vector_decode(const void *bytes, size_t size, assay_arena *arena,
                                       int64_t **ret_rows, size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(decoder_done)
    struct decoder decoder = {.source = {bytes, size},
                              .rows = ASSAY_VEC_OF(int64_t),
                              .high = 0,
                              .err = err};
    uint64_t magic = 0, bitmaps = 0;
    int64_t last = -1;

    if (!take_number(&decoder.source, 4, &magic) || magic != MAGIC ||
        !take_number(&decoder.source, 8, &bitmaps) || bitmaps > decoder.source.left)
        return broken(&decoder);
    for (uint64_t i = 0; i < bitmaps; i++) {
        uint64_t high = 0;

        if (!take_number(&decoder.source, 4, &high) || high > INT32_MAX)
            return broken(&decoder);
        decoder.high = high << 32;
        ASSAY_TRY(take_bitmap32(&decoder));
    }
    for (size_t i = 0; i < decoder.rows.count; i++) {
        int64_t row = *(int64_t *)assay_vec_at(&decoder.rows, i);

        if (row <= last)
            return broken(&decoder);
        last = row;
    }
    return assay_vec_to_arena(&decoder.rows, arena, ret_rows, ret_count, err);
}

/* ---- where it lies ---- */

/* "[prefix]<Z85 of a uuid>" -> "<location>/[prefix/]deletion_vector_<uuid>.bin". */
static char *relative_path(const char *location, const char *text, assay_arena *arena)
{
    size_t length = strlen(text);
    size_t prefix = length < UUID_CHARS ? 0 : length - UUID_CHARS;
    unsigned char *b = length < UUID_CHARS ? NULL : decode_z85(text + prefix, UUID_CHARS, arena);

    if (b == NULL)
        return NULL;
    return assay_arena_format(arena,
                              "%s/%.*s%sdeletion_vector_%02x%02x%02x%02x-%02x%02x-%02x%02x-"
                              "%02x%02x-%02x%02x%02x%02x%02x%02x.bin",
                              location, (int)prefix, text, prefix > 0 ? "/" : "", b[0], b[1], b[2],
                              b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                              b[14], b[15]);
}

static assay_status read_file(const char *path, const assay_value *descriptor,
                              const assay_store *store, assay_arena *arena, int64_t **ret_rows,
                              size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf file = ASSAY_BUF_EMPTY;
    int64_t offset = assay_value_find_int(descriptor, "offset", 0);
    int64_t size = assay_value_find_int(descriptor, "sizeInBytes", -1);
    const unsigned char *at = NULL;
    assay_status status = assay_store_get(store, path, ASSAY_DELTA_VECTOR_BYTES_MAX, &file, err);

    if (status == ASSAY_ENOMEM)
        return status;
    if (status != ASSAY_OK)
        return assay_error_set(err, ASSAY_EDATA, 4219, "the deletion vector '%s' cannot be read",
                               path);
    if (offset < 0 || size < 0 || (uint64_t)offset + (uint64_t)size + 8 > file.size)
        return assay_error_set(err, ASSAY_EDATA, 4219, "the deletion vector '%s' is cut", path);
    at = (const unsigned char *)file.data + offset;
    if (big_endian(at) != size || big_endian(at + 4 + size) != crc32_of(at + 4, (size_t)size))
        return assay_error_set(err, ASSAY_EDATA, 4219,
                               "the deletion vector '%s' is damaged: its checksum differs", path);
    return assay_delta_vector_decode(at + 4, (size_t)size, arena, ret_rows, ret_count, err);
}

static assay_status read_inline(const char *text, int64_t size, assay_arena *arena,
                                int64_t **ret_rows, size_t *ret_count, assay_error *err)
{
    size_t length = strlen(text);
    unsigned char *bytes = decode_z85(text, length, arena);

    if (bytes == NULL || size < 0 || (uint64_t)size > length / 5 * 4)
        return assay_error_set(err, ASSAY_EDATA, 4219,
                               "a deletion vector in the log is damaged: not Z85");
    return assay_delta_vector_decode(bytes, (size_t)size, arena, ret_rows, ret_count, err);
}

assay_status assay_delta_vector_read(const char *location, const assay_value *descriptor,
                                     const assay_store *store, assay_arena *arena,
                                     int64_t **ret_rows, size_t *ret_count, assay_error *err)
{
    const char *type = assay_value_find_text(descriptor, "storageType", "");
    const char *text = assay_value_find_text(descriptor, "pathOrInlineDv", "");
    int64_t size = assay_value_find_int(descriptor, "sizeInBytes", -1);
    int64_t cardinality = assay_value_find_int(descriptor, "cardinality", -1);
    char *path = NULL;

    if (strcmp(type, "i") == 0) {
        ASSAY_TRY(read_inline(text, size, arena, ret_rows, ret_count, err));
    } else {
        if (strcmp(type, "u") == 0)
            path = relative_path(location, text, arena);
        else if (strcmp(type, "p") == 0)
            path = assay_delta_uri_resolve(arena, location, text);
        if (path == NULL)
            return assay_error_set(err, ASSAY_EDATA, 4219,
                                   "a deletion vector in the log of '%s' has no place", location);
        ASSAY_TRY(read_file(path, descriptor, store, arena, ret_rows, ret_count, err));
    }
    if (cardinality >= 0 && (uint64_t)cardinality != *ret_count)
        return assay_error_set(err, ASSAY_EDATA, 4219,
                               "a deletion vector of '%s' deletes %zu rows, the log says %lld",
                               location, *ret_count, (long long)cardinality);
    return ASSAY_OK;
}
