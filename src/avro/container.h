/* Avro object container files (Avro 1.11, "Object Container Files"), codecs null and deflate.
 * Files are small enough to be whole in memory. A reader or writer belongs to one thread. */
#ifndef ASSAY_AVRO_CONTAINER_H
#define ASSAY_AVRO_CONTAINER_H

#include "avro/codec.h"
#include "avro/value.h"

enum {
    ASSAY_AVRO_SYNC_SIZE = 16,
    ASSAY_AVRO_METADATA_MAX = 1024,          /* entries of a header */
    ASSAY_AVRO_BLOCK_MAX = 512 * 1024 * 1024 /* bytes of one block when expanded */
};

typedef struct assay_avro_reader assay_avro_reader;

/* Opens a container over `bytes`, which must live as long as the reader; header and schema go to
 * `arena`. `path` is for messages. A codec other than null and deflate is EUNSUPPORTED 4503 that
 * names it; anything else wrong is EDATA 4501, 4502 or 4504. */
ASSAY_NODISCARD assay_status assay_avro_reader_open(const char *bytes, size_t size,
                                                    const char *path, assay_arena *arena,
                                                    assay_avro_reader **ret_reader,
                                                    assay_error *err);
void assay_avro_reader_close(assay_avro_reader *reader);
void assay_avro_reader_closep(assay_avro_reader **reader);

/* The schema the file was written with. */
const assay_avro_type *assay_avro_reader_type(const assay_avro_reader *reader);

/* A value of the header's metadata as text, NULL where it is absent. */
const char *assay_avro_reader_metadata(const assay_avro_reader *reader, const char *key);

/* The next object, in `arena`; *ret_value is NULL at the end. */
ASSAY_NODISCARD assay_status assay_avro_reader_next(assay_avro_reader *reader, assay_arena *arena,
                                                    assay_avro_value **ret_value, assay_error *err);

typedef struct assay_avro_pair {
    const char *key, *value;
} assay_avro_pair;

typedef struct assay_avro_writer assay_avro_writer;

typedef struct assay_avro_writer_options {
    const assay_value *schema;                /* the schema document: what stands in the header */
    assay_codec codec;                        /* NULL or DEFLATE */
    unsigned char sync[ASSAY_AVRO_SYNC_SIZE]; /* random */
    const assay_avro_pair *metadata;
    size_t metadata_count;
} assay_avro_writer_options;

/* A writer of a new container; the types made of the schema go to `arena`. */
ASSAY_NODISCARD assay_status assay_avro_writer_new(const assay_avro_writer_options *options,
                                                   assay_arena *arena,
                                                   assay_avro_writer **ret_writer,
                                                   assay_error *err);
void assay_avro_writer_free(assay_avro_writer *writer);
void assay_avro_writer_freep(assay_avro_writer **writer);

/* Appends one object. */
ASSAY_NODISCARD assay_status assay_avro_writer_append(assay_avro_writer *writer,
                                                      const assay_avro_value *value,
                                                      assay_error *err);

/* Ends the last block; *ret_file is the whole file and lives as long as the writer. */
ASSAY_NODISCARD assay_status assay_avro_writer_finish(assay_avro_writer *writer,
                                                      const assay_buf **ret_file, assay_error *err);

#endif
