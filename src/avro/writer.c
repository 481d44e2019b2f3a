#include <string.h>

#include "avro/container.h"
#include "base/mem.h"
#include "text/json.h"

enum { BLOCK_TARGET = 64 * 1024 }; /* bytes of a block before compression */

struct assay_avro_writer {
    const assay_avro_type *type;
    assay_codec codec;
    char sync[ASSAY_AVRO_SYNC_SIZE];
    int64_t objects; /* in `block` */
    assay_buf block, packed, file;
};

void assay_avro_writer_free(assay_avro_writer *writer)
{
    if (writer == NULL)
        return;
    assay_buf_done(&writer->block);
    assay_buf_done(&writer->packed);
    assay_buf_done(&writer->file);
    assay_mem_free(writer);
}

void assay_avro_writer_freep(assay_avro_writer **writer)
{
    assay_avro_writer_free(*writer);
    *writer = NULL;
}

static void append_pair(assay_buf *file, const char *key, const char *value)
{
    assay_avro_encode_long((int64_t)strlen(key), file);
    assay_buf_append_text(file, key);
    assay_avro_encode_long((int64_t)strlen(value), file);
    assay_buf_append_text(file, value);
}

static assay_status write_header(assay_avro_writer *writer,
                                 const assay_avro_writer_options *options, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf schema = ASSAY_BUF_EMPTY;
    assay_json_write(&schema, options->schema, 0);
    ASSAY_TRY(assay_buf_check(&schema, err));
    assay_buf_append(&writer->file, "Obj\x01", 4);
    assay_avro_encode_long((int64_t)options->metadata_count + 2, &writer->file);
    for (size_t i = 0; i < options->metadata_count; i++)
        append_pair(&writer->file, options->metadata[i].key, options->metadata[i].value);
    append_pair(&writer->file, "avro.schema", assay_buf_text(&schema));
    append_pair(&writer->file, "avro.codec",
                options->codec == ASSAY_CODEC_DEFLATE ? "deflate" : "null");
    assay_avro_encode_long(0, &writer->file);
    assay_buf_append(&writer->file, writer->sync, sizeof writer->sync);
    return assay_buf_check(&writer->file, err);
}

assay_status assay_avro_writer_new(const assay_avro_writer_options *options, assay_arena *arena,
                                   assay_avro_writer **ret_writer, assay_error *err)
{
    ASSAY_AUTO(assay_avro_writer_freep)
    assay_avro_writer *writer = assay_mem_new(1, sizeof *writer);
    ASSAY_TRY(assay_arena_check(writer, err));
    writer->block = ASSAY_BUF_EMPTY;
    writer->packed = ASSAY_BUF_EMPTY;
    writer->file = ASSAY_BUF_EMPTY;
    writer->codec = options->codec;
    memcpy(writer->sync, options->sync, sizeof writer->sync);
    ASSAY_TRY(assay_avro_type_parse(options->schema, arena, &writer->type, err));
    ASSAY_TRY(write_header(writer, options, err));
    *ret_writer = ASSAY_TAKE(&writer);
    return ASSAY_OK;
}

static assay_status end_block(assay_avro_writer *writer, assay_error *err)
{
    if (writer->objects == 0)
        return ASSAY_OK;
    assay_buf_clear(&writer->packed);
    ASSAY_TRY(assay_codec_compress(writer->codec, assay_buf_text(&writer->block),
                                   writer->block.size, &writer->packed, err));
    assay_avro_encode_long(writer->objects, &writer->file);
    assay_avro_encode_long((int64_t)writer->packed.size, &writer->file);
    assay_buf_append(&writer->file, assay_buf_text(&writer->packed), writer->packed.size);
    assay_buf_append(&writer->file, writer->sync, sizeof writer->sync);
    assay_buf_clear(&writer->block);
    writer->objects = 0;
    return assay_buf_check(&writer->file, err);
}

assay_status assay_avro_writer_append(assay_avro_writer *writer, const assay_avro_value *value,
                                      assay_error *err)
{
    ASSAY_TRY(assay_avro_encode(writer->type, value, &writer->block, err));
    ASSAY_TRY(assay_buf_check(&writer->block, err));
    writer->objects++;
    return writer->block.size >= BLOCK_TARGET ? end_block(writer, err) : ASSAY_OK;
}

assay_status assay_avro_writer_finish(assay_avro_writer *writer, const assay_buf **ret_file,
                                      assay_error *err)
{
    ASSAY_TRY(end_block(writer, err));
    *ret_file = &writer->file;
    return ASSAY_OK;
}
