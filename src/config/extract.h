/* Extracts: models/<layer>/<table>.yaml. */
#ifndef ASSAY_CONFIG_EXTRACT_H
#define ASSAY_CONFIG_EXTRACT_H

#include "config/header.h"
#include "config/source_database.h"

typedef enum assay_file_format {
    ASSAY_FILE_CSV,
    ASSAY_FILE_JSON,
    ASSAY_FILE_PARQUET
} assay_file_format;

const char *assay_file_format_name(assay_file_format format);

typedef enum assay_file_compression {
    ASSAY_COMPRESSION_AUTO, /* by the name's ending */
    ASSAY_COMPRESSION_NONE,
    ASSAY_COMPRESSION_GZIP,
    ASSAY_COMPRESSION_ZSTD
} assay_file_compression;

typedef enum assay_changed_file {
    ASSAY_CHANGED_FILE_FAIL,
    ASSAY_CHANGED_FILE_REPLACE,
    ASSAY_CHANGED_FILE_APPEND
} assay_changed_file;

/* Declared parts of a CSV dialect: NULL and -1 = sniffed. */
typedef struct assay_csv_dialect {
    const char *delimiter, *quote, *escape, *comment;
    int header;           /* 1, 0, -1 */
    int64_t skip;         /* lines before the header */
    const char *encoding; /* "utf-8", "latin-1", "utf-16" */
    const char **nulls;   /* texts that mean NULL */
    size_t null_count;
    const char *date_format, *timestamp_format, *decimal_separator;
    uint64_t max_line_bytes; /* 0 = engine's default */
} assay_csv_dialect;

typedef struct assay_extract_config {
    assay_named *files; /* globs, relative to the project or absolute */
    size_t file_count;
    assay_file_format format;
    assay_csv_dialect csv;
    const char *json_layout; /* "auto", "lines", "array" */
    bool hive;               /* folders k=v become columns */
    assay_file_compression compression;
    assay_changed_file changed_file;
    const assay_value *tree;
    assay_named connection;                /* text NULL = none */
    const assay_database_source *database; /* NULL = files */
} assay_extract_config;

/* Reads an extract: its own part, and in *ret_header what it shares with models (description, mode,
 * tags, columns, partition_by, key, contract). The default mode is append, of a database without a
 * watermark full. Sources and options that are not built yet are EUNSUPPORTED with their place. */
ASSAY_NODISCARD assay_status assay_extract_read(const assay_value *tree, const char *path,
                                                assay_arena *arena,
                                                assay_extract_config **ret_extract,
                                                assay_model_header *ret_header, assay_error *err);

#endif
