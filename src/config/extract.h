/* Extracts: models/<layer>/<table>.yaml. */
#ifndef ASSAY_CONFIG_EXTRACT_H
#define ASSAY_CONFIG_EXTRACT_H

#include "config/header.h"

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

/* What a contract does about columns that differ. */
typedef enum assay_contract_policy {
    ASSAY_CONTRACT_EVOLVE, /* new column: added; missing: NULL; type: widened where possible */
    ASSAY_CONTRACT_FREEZE, /* the table stays as it is: new columns are left out */
    ASSAY_CONTRACT_FAIL
} assay_contract_policy;

typedef enum assay_bad_row {
    ASSAY_BAD_ROW_FAIL,
    ASSAY_BAD_ROW_DROP,      /* counted and written to the run's results */
    ASSAY_BAD_ROW_QUARANTINE /* not built yet: refused at load */
} assay_bad_row;

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

typedef struct assay_contract_column {
    const char *name;
    const char *type; /* DuckDB type text */
    int line, column;
} assay_contract_column;

typedef struct assay_extract_config {
    assay_named *files; /* globs, relative to the project or absolute */
    size_t file_count;
    assay_file_format format;
    assay_csv_dialect csv;
    const char *json_layout; /* "auto", "lines", "array" */
    bool hive;               /* folders k=v become columns */
    assay_file_compression compression;
    assay_changed_file changed_file;
    assay_contract_column *columns; /* the contract's, in order */
    size_t column_count;
    assay_contract_policy new_column, type_change, missing_column;
    assay_bad_row bad_row;
    const assay_value *tree;
    assay_named connection; /* text NULL = none */
} assay_extract_config;

/* Reads an extract: its own part, and in *ret_header what it shares with models (description, mode,
 * tags, columns, partition_by, key). The default mode of an extract is append. Sources and options
 * that are not built yet are EUNSUPPORTED with their place. */
ASSAY_NODISCARD assay_status assay_extract_read(const assay_value *tree, const char *path,
                                                assay_arena *arena,
                                                assay_extract_config **ret_extract,
                                                assay_model_header *ret_header, assay_error *err);

#endif
