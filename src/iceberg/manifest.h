/* Manifests and manifest lists (Iceberg spec, "Manifests" and "Manifest Lists"): structs one to one
 * with the specification, and their Avro files. Paths in them are as recorded, not local. */
#ifndef ASSAY_ICEBERG_MANIFEST_H
#define ASSAY_ICEBERG_MANIFEST_H

#include "avro/container.h"
#include "iceberg/metadata.h"

typedef enum assay_iceberg_entry_status {
    ASSAY_ICEBERG_EXISTING = 0,
    ASSAY_ICEBERG_ADDED = 1,
    ASSAY_ICEBERG_DELETED = 2
} assay_iceberg_entry_status;

typedef enum assay_iceberg_content {
    ASSAY_ICEBERG_DATA = 0,
    ASSAY_ICEBERG_POSITION_DELETES = 1,
    ASSAY_ICEBERG_EQUALITY_DELETES = 2
} assay_iceberg_content;

/* Bytes that may be absent (bytes = NULL). */
typedef struct assay_iceberg_bytes {
    const char *bytes;
    size_t size;
} assay_iceberg_bytes;

/* What the metrics maps say of one column; -1 = not said. */
typedef struct assay_iceberg_metric {
    int32_t field_id;
    int64_t column_size, value_count, null_count, nan_count;
    assay_iceberg_bytes lower, upper;
} assay_iceberg_metric;

typedef struct assay_iceberg_entry {
    assay_iceberg_entry_status status;
    int64_t snapshot_id;   /* inherited where the file says null */
    int64_t sequence;      /* data sequence number; -1 = to be inherited (new files) */
    int64_t file_sequence; /* the same */
    assay_iceberg_content content;
    const char *path;
    const char *file_format; /* "PARQUET" */
    assay_datum *partition;  /* one a field of the spec */
    int64_t rows, size;
    assay_iceberg_metric *metrics; /* ascending field ids */
    size_t metric_count;
    assay_iceberg_bytes key_metadata;
    int64_t *split_offsets;
    size_t split_count;
    int32_t *equality_ids;
    size_t equality_count;
    int32_t sort_order_id; /* -1 = not said */
    const char *referenced_data_file;
} assay_iceberg_entry;

/* Summary of one partition field over a manifest. */
typedef struct assay_iceberg_summary {
    bool contains_null;
    int contains_nan; /* 1, 0, -1 = not said */
    assay_iceberg_bytes lower, upper;
} assay_iceberg_summary;

/* One line of a manifest list. */
typedef struct assay_iceberg_manifest {
    const char *path;
    int64_t length;
    int32_t spec_id;
    int content; /* 0 data, 1 deletes */
    int64_t sequence, min_sequence;
    int64_t added_snapshot_id;
    int64_t added_files, existing_files, deleted_files; /* -1 = not said (v1) */
    int64_t added_rows, existing_rows, deleted_rows;
    assay_iceberg_summary *partitions;
    size_t partition_count;
    assay_iceberg_bytes key_metadata;
} assay_iceberg_manifest;

enum {
    ASSAY_ICEBERG_MANIFEST_SIZE_MAX = 512 * 1024 * 1024, /* bytes of one manifest or list */
    ASSAY_ICEBERG_MANIFESTS_MAX = 1000000,
    ASSAY_ICEBERG_ENTRIES_MAX = 20000000
};

/* Reads a manifest list. Damage is EDATA 4107 (or 45xx). */
ASSAY_NODISCARD assay_status assay_iceberg_manifest_list_read(const assay_buf *file,
                                                              const char *path, assay_arena *arena,
                                                              assay_iceberg_manifest **ret_list,
                                                              size_t *ret_count, assay_error *err);

/* What stands in the header of a manifest list. */
typedef struct assay_iceberg_list_head {
    int64_t snapshot_id, parent, sequence; /* parent -1 = none */
    const assay_random *random;
} assay_iceberg_list_head;

/* Writes a manifest list (v2) to `ret_file`. */
ASSAY_NODISCARD assay_status assay_iceberg_manifest_list_write(const assay_iceberg_list_head *head,
                                                               const assay_iceberg_manifest *list,
                                                               size_t count, assay_buf *ret_file,
                                                               assay_error *err);

/* Reads the entries of a manifest; sequence numbers and snapshot ids are inherited from its line in
 * the list. A spec that the metadata does not have is EDATA 4107. */
ASSAY_NODISCARD assay_status assay_iceberg_manifest_read(const assay_buf *file,
                                                         const assay_iceberg_manifest *manifest,
                                                         const assay_iceberg_metadata *metadata,
                                                         assay_arena *arena,
                                                         assay_iceberg_entry **ret_entries,
                                                         size_t *ret_count, assay_error *err);

/* What a new manifest is about. */
typedef struct assay_iceberg_manifest_head {
    const assay_value *schema; /* document of the current schema */
    const assay_partition_spec *spec;
    const assay_type *partition_types; /* of the spec's fields */
    int content;                       /* 0 data, 1 deletes */
    const assay_random *random;
} assay_iceberg_manifest_head;

/* Writes a manifest (v2) to `ret_file` and fills the counts and partition summaries of `manifest`;
 * path, sequence numbers and added_snapshot_id are the caller's. Entries that are ADDED with
 * sequence -1 inherit. Summaries live in `arena`. */
ASSAY_NODISCARD assay_status assay_iceberg_manifest_write(
    const assay_iceberg_manifest_head *head, const assay_iceberg_entry *entries, size_t count,
    assay_arena *arena, assay_buf *ret_file, assay_iceberg_manifest *manifest, assay_error *err);

/* Types of the partition values of a spec. A transform that is not known, or whose column is gone,
 * is EUNSUPPORTED 4102. */
ASSAY_NODISCARD assay_status assay_iceberg_partition_types(const assay_iceberg_metadata *metadata,
                                                           const assay_partition_spec *spec,
                                                           assay_arena *arena,
                                                           assay_type **ret_types,
                                                           assay_error *err);

/* The Avro schema of manifest entries with a partition of that spec; of lines of a manifest list.
 */
ASSAY_NODISCARD assay_status assay_iceberg_entry_schema(const assay_partition_spec *spec,
                                                        const assay_type *partition_types,
                                                        assay_arena *arena,
                                                        assay_value **ret_schema, assay_error *err);
ASSAY_NODISCARD assay_status assay_iceberg_list_schema(assay_arena *arena, assay_value **ret_schema,
                                                       assay_error *err);

/* Bytes of the Avro fixed type that holds a decimal of that precision. */
size_t assay_iceberg_decimal_size(int precision);

#endif
