/* Table metadata of Iceberg (spec, "Table Metadata"): a typed view over the parsed document. The
 * document itself is kept, and a commit edits a copy of it, so that what assay does not know
 * survives. */
#ifndef ASSAY_ICEBERG_METADATA_H
#define ASSAY_ICEBERG_METADATA_H

#include "table/table.h"

enum {
    ASSAY_ICEBERG_METADATA_SIZE_MAX = 512 * 1024 * 1024, /* bytes of one metadata file */
    ASSAY_ICEBERG_FORMAT_VERSION = 2,                    /* what assay writes */
    ASSAY_ICEBERG_FORMAT_VERSION_MAX = 3                 /* what assay reads */
};

typedef struct assay_iceberg_snapshot {
    int64_t id;
    int64_t parent;   /* -1 = none */
    int64_t sequence; /* 0 in v1 */
    int64_t timestamp_ms;
    const char *manifest_list;    /* as written; NULL in old v1 files */
    const assay_value *manifests; /* v1: list of manifest paths */
    const assay_value *summary;   /* may be NULL */
    int32_t schema_id;            /* -1 = not said */
} assay_iceberg_snapshot;

typedef struct assay_iceberg_metadata {
    const assay_value *document;
    int format_version;
    const char *uuid;
    const char *location; /* as written, no trailing slash */
    int64_t last_sequence;
    int64_t last_updated_ms;
    int32_t last_column_id;
    int32_t last_partition_id;
    assay_schema *schemas;
    size_t schema_count;
    assay_schema *schema; /* current */
    assay_partition_spec *specs;
    size_t spec_count;
    assay_partition_spec *spec;        /* default */
    assay_iceberg_snapshot *snapshots; /* in the order of the document */
    size_t snapshot_count;
    const assay_iceberg_snapshot *current; /* of branch main; NULL = none */
    assay_property *properties;
    size_t property_count;
} assay_iceberg_metadata;

/* Parses the bytes of a metadata file; everything lives in `arena`. Not JSON or a broken rule is
 * EDATA 4101, a newer format version 4103, a feature of v3 4102. `path` is for messages. */
ASSAY_NODISCARD assay_status assay_iceberg_metadata_parse(const char *bytes, size_t size,
                                                          const char *path, assay_arena *arena,
                                                          assay_iceberg_metadata **ret_metadata,
                                                          assay_error *err);

/* The same over a parsed document, which the view refers to. */
ASSAY_NODISCARD assay_status assay_iceberg_metadata_read(const assay_value *document,
                                                         assay_arena *arena,
                                                         assay_iceberg_metadata **ret_metadata,
                                                         assay_error *err);

/* Snapshot of that id, or NULL. */
const assay_iceberg_snapshot *assay_iceberg_metadata_snapshot(
    const assay_iceberg_metadata *metadata, int64_t id);

/* Schema and spec of that id, or NULL. */
const assay_schema *assay_iceberg_metadata_schema(const assay_iceberg_metadata *metadata,
                                                  int32_t id);
const assay_partition_spec *assay_iceberg_metadata_spec(const assay_iceberg_metadata *metadata,
                                                        int32_t id);

/* A field by id: in the current schema, else in the newest older one that has it; NULL if none. */
const assay_field *assay_iceberg_metadata_field(const assay_iceberg_metadata *metadata, int32_t id);

/* Property value or NULL. */
const char *assay_iceberg_metadata_property(const assay_iceberg_metadata *metadata,
                                            const char *name);

/* A key of a snapshot's summary, or NULL; and as a number, -1 where it is none. */
const char *assay_iceberg_snapshot_summary(const assay_iceberg_snapshot *snapshot, const char *key);
int64_t assay_iceberg_snapshot_total(const assay_iceberg_snapshot *snapshot, const char *key);

#endif
