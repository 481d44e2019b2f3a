#include <string.h>

#include "avro/container.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/json.h"

static const char MAGIC[4] = {'O', 'b', 'j', 1};

struct assay_avro_reader {
    const char *path;
    assay_avro_cursor file;  /* the bytes behind the header */
    assay_avro_cursor block; /* the objects of the current block */
    assay_buf expanded;
    int64_t objects_left; /* of the current block */
    assay_codec codec;
    char sync[ASSAY_AVRO_SYNC_SIZE];
    const assay_avro_type *type;
    assay_avro_value metadata; /* MAP of BYTES */
};

void assay_avro_reader_close(assay_avro_reader *reader)
{
    if (reader == NULL)
        return;
    assay_buf_done(&reader->expanded);
    assay_mem_free(reader);
}

void assay_avro_reader_closep(assay_avro_reader **reader)
{
    assay_avro_reader_close(*reader);
    *reader = NULL;
}

const assay_avro_type *assay_avro_reader_type(const assay_avro_reader *reader)
{
    return reader->type;
}

const char *assay_avro_reader_metadata(const assay_avro_reader *reader, const char *key)
{
    for (size_t i = 0; i < reader->metadata.count; i++) {
        if (assay_str_equal(reader->metadata.keys[i], key))
            return reader->metadata.items[i].bytes;
    }
    return NULL;
}

static assay_status damaged(assay_error *err, const char *what)
{
    return assay_error_set(err, ASSAY_EDATA, 4501, "avro file is damaged: %s", what);
}

static assay_status read_sync(assay_avro_cursor *file, char sync[ASSAY_AVRO_SYNC_SIZE],
                              assay_error *err)
{
    if ((size_t)(file->end - file->at) < ASSAY_AVRO_SYNC_SIZE)
        return damaged(err, "the sync marker is missing");
    memcpy(sync, file->at, ASSAY_AVRO_SYNC_SIZE);
    file->at += ASSAY_AVRO_SYNC_SIZE;
    return ASSAY_OK;
}

static assay_status choose_codec(assay_avro_reader *reader, assay_error *err)
{
    const char *codec = assay_avro_reader_metadata(reader, "avro.codec");
    reader->codec = ASSAY_CODEC_NULL;
    if (codec == NULL || assay_str_equal(codec, "null"))
        return ASSAY_OK;
    if (!assay_str_equal(codec, "deflate"))
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4503, "avro codec '%.60s' is not supported",
                               codec);
    reader->codec = ASSAY_CODEC_DEFLATE;
    return ASSAY_OK;
}

static assay_status read_schema(assay_avro_reader *reader, assay_arena *arena, assay_error *err)
{
    const char *schema = assay_avro_reader_metadata(reader, "avro.schema");
    if (schema == NULL)
        return assay_error_set(err, ASSAY_EDATA, 4502, "avro file has no schema");
    assay_value *document = NULL;
    assay_status status =
        assay_json_parse(schema, strlen(schema), reader->path, arena, &document, err);
    if (status != ASSAY_OK) {
        (void)assay_error_wrap(err, "avro schema");
        return status;
    }
    return assay_avro_type_parse(document, arena, &reader->type, err);
}

static assay_status read_header(assay_avro_reader *reader, assay_arena *arena, assay_error *err)
{
    static const assay_avro_type BYTES = {.kind = ASSAY_AVRO_BYTES};
    static const assay_avro_type METADATA = {.kind = ASSAY_AVRO_MAP, .items = &BYTES};
    assay_avro_cursor *file = &reader->file;
    if ((size_t)(file->end - file->at) < sizeof MAGIC || memcmp(file->at, MAGIC, sizeof MAGIC) != 0)
        return damaged(err, "it does not begin like one");
    file->at += sizeof MAGIC;
    file->values_left = ASSAY_AVRO_METADATA_MAX;
    ASSAY_TRY(assay_avro_decode(file, &METADATA, arena, &reader->metadata, err));
    ASSAY_TRY(read_sync(file, reader->sync, err));
    ASSAY_TRY(choose_codec(reader, err));
    return read_schema(reader, arena, err);
}

assay_status assay_avro_reader_open(const char *bytes, size_t size, const char *path,
                                    assay_arena *arena, assay_avro_reader **ret_reader,
                                    assay_error *err)
{
    ASSAY_AUTO(assay_avro_reader_closep)
    assay_avro_reader *reader = assay_mem_new(1, sizeof *reader);
    ASSAY_TRY(assay_arena_check(reader, err));
    reader->path = path;
    reader->file = assay_avro_cursor_init(bytes, size);
    reader->expanded = ASSAY_BUF_EMPTY;
    ASSAY_TRY(read_header(reader, arena, err));
    *ret_reader = ASSAY_TAKE(&reader);
    return ASSAY_OK;
}

static assay_status next_block(assay_avro_reader *reader, assay_error *err)
{
    const char *bytes = NULL;
    size_t size = 0;
    char sync[ASSAY_AVRO_SYNC_SIZE];
    ASSAY_TRY(assay_avro_decode_long(&reader->file, &reader->objects_left, err));
    ASSAY_TRY(assay_avro_decode_span(&reader->file, &bytes, &size, err));
    ASSAY_TRY(read_sync(&reader->file, sync, err));
    if (memcmp(sync, reader->sync, sizeof sync) != 0)
        return damaged(err, "a sync marker does not match");
    if (reader->objects_left < 0)
        return damaged(err, "a block has a negative count");
    if (reader->codec == ASSAY_CODEC_NULL) {
        reader->block = assay_avro_cursor_init(bytes, size);
        return ASSAY_OK;
    }
    assay_buf_clear(&reader->expanded);
    ASSAY_TRY(assay_codec_expand(reader->codec, bytes, size, ASSAY_AVRO_BLOCK_MAX,
                                 &reader->expanded, err));
    reader->block =
        assay_avro_cursor_init(assay_buf_text(&reader->expanded), reader->expanded.size);
    return ASSAY_OK;
}

assay_status assay_avro_reader_next(assay_avro_reader *reader, assay_arena *arena,
                                    assay_avro_value **ret_value, assay_error *err)
{
    while (reader->objects_left == 0) {
        if (reader->file.at == reader->file.end) {
            *ret_value = NULL;
            return ASSAY_OK;
        }
        ASSAY_TRY(next_block(reader, err));
    }
    /* An object of zero bytes would let a hostile count loop for ever. */
    if (reader->block.at == reader->block.end)
        return damaged(err, "a block holds fewer objects than it says");
    reader->block.values_left = ASSAY_AVRO_VALUE_COUNT_MAX;
    assay_avro_value *value = assay_arena_take(arena, 1, sizeof *value);
    ASSAY_TRY(assay_arena_check(value, err));
    ASSAY_TRY(assay_avro_decode(&reader->block, reader->type, arena, value, err));
    reader->objects_left--;
    *ret_value = value;
    return ASSAY_OK;
}
