/* What stands in the header of a model (models/x/y.sql) and what both kinds of models share. */
#ifndef ASSAY_CONFIG_HEADER_H
#define ASSAY_CONFIG_HEADER_H

#include "config/contract.h"
#include "config/named.h"
#include "config/publish.h"

typedef enum assay_load_mode {
    ASSAY_LOAD_FULL,   /* replaces the table */
    ASSAY_LOAD_APPEND, /* adds rows */
    ASSAY_LOAD_MERGE,
    ASSAY_LOAD_REPLACE_PARTITIONS,
    ASSAY_LOAD_SCD2
} assay_load_mode;

const char *assay_load_mode_name(assay_load_mode mode); /* "full" .. */

/* Whether a change of a column makes history (mode scd2). */
typedef enum assay_tracking {
    ASSAY_TRACK_UNSAID, /* yes, unless other columns say `track: true` */
    ASSAY_TRACK_YES,
    ASSAY_TRACK_NO
} assay_tracking;

/* One entry of `columns:`. */
typedef struct assay_column_note {
    const char *name;
    bool pii;
    bool says_pii;   /* true or false stands there */
    const char *doc; /* NULL = none */
    assay_tracking track;
    int line, column;
} assay_column_note;

typedef struct assay_model_header {
    const char *description; /* NULL = none */
    assay_load_mode mode;
    assay_named *key;
    size_t key_count;
    assay_named version;      /* merge, scd2: the highest wins; text NULL = none */
    assay_named delete_when;  /* merge, scd2: SQL condition of rows that delete; text NULL = none */
    bool soft_delete;         /* merge: deleted rows stay, marked */
    assay_named *new_rows_of; /* "bronze.orders" */
    size_t new_rows_count;
    assay_named *partition_by; /* "month(order_date)" */
    size_t partition_count;
    assay_named *tags;
    size_t tag_count;
    assay_column_note *columns;
    size_t column_count;
    assay_contract contract;
    bool allow_empty;
    assay_publish_config *publish;
    size_t publish_count;
    const assay_value *tree; /* as written; NULL = no header */
    int line, column;        /* of the header, 0 = none */
} assay_model_header;

/* The entries of partition_by as texts; *ret_count of them, none without a header. */
ASSAY_NODISCARD assay_status assay_model_header_partitions(const assay_model_header *header,
                                                           assay_arena *arena,
                                                           const char *const **ret_entries,
                                                           size_t *ret_count, assay_error *err);

/* Reads a header (`tree` NULL or NULL kind = all defaults). Modes and keys that are not built yet
 * (merge, scd2, replace_partitions) are EUNSUPPORTED 2010 .. with their place. */
ASSAY_NODISCARD assay_status assay_model_header_read(const assay_value *tree, const char *path,
                                                     assay_arena *arena,
                                                     assay_model_header *ret_header,
                                                     assay_error *err);

/* Where the header's YAML lies in the text of a model: bytes [yaml, yaml + yaml_size), its first
 * line's number, and the SQL after the comment. No header: yaml_size 0 and sql = 0. */
typedef struct assay_header_split {
    size_t yaml, yaml_size;
    int yaml_line, yaml_column; /* of the first byte of the YAML */
    size_t sql;                 /* offset of the first byte after the header */
} assay_header_split;

/* Finds the leading comment that begins with "---" and ends with "---" on lines of their own or
 * beside the comment's signs. An opened header that is not closed is ECONFIG 1250. */
ASSAY_NODISCARD assay_status assay_header_split_text(const char *text, size_t size,
                                                     const char *path,
                                                     assay_header_split *ret_split,
                                                     assay_error *err);

#endif
