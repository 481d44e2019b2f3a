/* An OpenLineage event as plain data, and its JSON (core 2-0-2, facets in the versions of the
 * table in facet.c). Everything is borrowed from the caller; NULL and -1 mean "not known" and are
 * left out. Any thread. */
#ifndef ASSAY_LINEAGE_EVENT_H
#define ASSAY_LINEAGE_EVENT_H

#include "base/buf.h"
#include "lineage/columns.h"
#include "lineage/config.h"
#include "table/type.h"
#include "text/value.h"

typedef enum assay_lineage_event_type {
    ASSAY_LINEAGE_START,
    ASSAY_LINEAGE_RUNNING,
    ASSAY_LINEAGE_COMPLETE,
    ASSAY_LINEAGE_FAIL,
    ASSAY_LINEAGE_ABORT
} assay_lineage_event_type;

/* `schema` facet: nested members in `fields`. */
typedef struct assay_lineage_field assay_lineage_field;
struct assay_lineage_field {
    const char *name;
    const char *type;
    const char *description;
    const assay_lineage_field *fields;
    size_t field_count;
};

/* `tags` facet; `field` only of datasets. */
typedef struct assay_lineage_tag {
    const char *key, *value, *source, *field;
} assay_lineage_tag;

/* `symlinks` facet. */
typedef struct assay_lineage_symlink {
    const char *namespace, *name;
    const char *type; /* "TABLE" or "LOCATION" */
} assay_lineage_symlink;

/* One result of `dataQualityAssertions`. */
typedef struct assay_lineage_assertion {
    const char *assertion; /* the expectation's kind */
    bool success;
    const char *column;
    const char *severity; /* "error" or "warn" */
    const char *name;
    const char *expected, *actual;
    const char *content, *content_type; /* SQL of the check, "text/sql" */
    const assay_value *params;          /* MAP */
} assay_lineage_assertion;

/* One column of `dataQualityMetrics`. */
typedef struct assay_lineage_column_metric {
    const char *column;
    int64_t null_count, distinct_count, count;
    bool has_range;
    double min, max; /* with has_range; finite */
} assay_lineage_column_metric;

/* A number of `commitMetrics` or `scanMetrics` under its name in the facet's schema. */
typedef struct assay_lineage_metric {
    const char *name;
    int64_t value;
} assay_lineage_metric;

typedef struct assay_lineage_dataset {
    const char *namespace, *name; /* assay_lineage_dataset_local sets both */
    const char *table; /* "silver.orders": what column lineage calls it; NULL = it never does */

    /* facets */
    const assay_lineage_field *fields; /* schema */
    size_t field_count;
    const char *source_name, *source_uri;    /* dataSource */
    const char *version;                     /* snapshot id or Delta version as text */
    const char *storage_layer, *file_format; /* "iceberg", "delta", "file"; "parquet", "csv" .. */
    const char *catalog_framework, *catalog_type, *catalog_name; /* catalog: all three, or none */
    const char *catalog_metadata_uri, *catalog_warehouse_uri, *catalog_source;
    const assay_lineage_symlink *symlinks;
    size_t symlink_count;
    const char *lifecycle; /* "CREATE", "OVERWRITE", "ALTER", "DROP", "RENAME", "TRUNCATE" */
    const char *dataset_type, *dataset_subtype; /* "TABLE", "VIEW", "FILE" .. */
    const char *documentation;
    const assay_lineage_tag *tags;
    size_t tag_count;
    const assay_column_lineage *columns; /* outputs: columnLineage. Tables are looked up in the
                                          * event's inputs and outputs by `table` */

    /* input facets; assertions and metrics are about the data whatever the side is (on outputs
     * they are written as dataset facets) */
    int64_t input_rows, input_bytes, input_files;
    const assay_lineage_assertion *assertions;
    size_t assertion_count;
    const assay_lineage_column_metric *column_metrics;
    size_t column_metric_count;
    int64_t metric_rows, metric_bytes, metric_files; /* of dataQualityMetrics */
    bool has_scan;                                   /* icebergScanReport */
    int64_t scan_snapshot_id, scan_schema_id;
    const char *scan_filter;
    const char *const *scan_fields; /* projectedFieldNames */
    size_t scan_field_count;
    const assay_lineage_metric *scan_metrics;
    size_t scan_metric_count;

    /* output facets */
    int64_t output_rows, output_bytes, output_files;
    bool has_commit; /* icebergCommitReport */
    int64_t commit_snapshot_id, commit_sequence;
    const char *commit_operation; /* "append", "overwrite" .. */
    const assay_lineage_metric *commit_metrics;
    size_t commit_metric_count;
} assay_lineage_dataset;

/* Every number -1, everything else empty: start from this. */
assay_lineage_dataset assay_lineage_dataset_init(void);

typedef struct assay_lineage_event {
    assay_lineage_event_type type;
    int64_t time_us;
    const char *run_id; /* UUID text; equal in all events of the run */
    const char *job_namespace, *job_name;

    /* run facets */
    assay_lineage_run_ref parent, root; /* parent: all three members, or run_id NULL */
    bool has_nominal;
    int64_t nominal_start_us, nominal_end_us; /* end -1 = none */
    const char *engine_name, *engine_version; /* processing_engine: "DuckDB", "1.5.5" */
    const char *error_message;                /* FAIL, ABORT; never a secret */
    const char *error_number;                 /* "E5010"; put before the message */
    const char *extraction_error;             /* why column lineage could not be derived */
    const char *extraction_task;              /* what was looked at: the table's name */
    const char *query_id, *query_source; /* externalQuery: both or none; id of the statement that
                                          * an outside database ran, and where ("snowflake://x") */
    const assay_lineage_tag *run_tags;
    size_t run_tag_count;

    /* job facets */
    const char *job_type; /* "DAG" (a run), "TASK", "QUERY" ..; NULL = no jobType facet */
    const char *sql;      /* dialect duckdb */
    const char *documentation;
    const char *source_url, *source_repo, *source_path, *source_version, *source_branch,
        *source_tag; /* sourceCodeLocation; assay_lineage_git_fill sets them */
    const assay_lineage_tag *job_tags;
    size_t job_tag_count;

    const assay_lineage_dataset *inputs;
    size_t input_count;
    const assay_lineage_dataset *outputs;
    size_t output_count;
} assay_lineage_event;

assay_lineage_event assay_lineage_event_init(void);

/* Checks what the core schema asks for (UUIDs, names, an output's lifecycle ..) and appends the
 * event as one line of JSON without a line feed. EINVAL 6020 where the event is not valid. */
ASSAY_NODISCARD assay_status assay_lineage_event_write(const assay_lineage_event *event,
                                                       assay_buf *buf, assay_error *err);

/* Fields of the `schema` facet from a table's schema, or from names and DuckDB types. */
ASSAY_NODISCARD assay_status assay_lineage_fields_of_schema(const assay_schema *schema,
                                                            assay_arena *arena,
                                                            assay_lineage_field **ret_fields,
                                                            size_t *ret_count, assay_error *err);
ASSAY_NODISCARD assay_status assay_lineage_fields_of_columns(const assay_column *columns,
                                                             size_t count, assay_arena *arena,
                                                             assay_lineage_field **ret_fields,
                                                             size_t *ret_count, assay_error *err);

/* ---- names (OpenLineage naming) ---- */

/* A file, folder, glob or URI under its dataset name: "/a/b/" -> "file", "/a/b"; "s3://b/k/" ->
 * "s3://b", "k"; "/a/[*].csv" -> "/a"; "/a/orders_[*].csv" stays. `location` is absolute or a URI.
 * Sets namespace, name and dataSource. */
ASSAY_NODISCARD assay_status assay_lineage_dataset_locate(assay_lineage_dataset *dataset,
                                                          const char *location, assay_arena *arena,
                                                          assay_error *err);

/* A table "silver.orders" at `location` below the folder `warehouse`: what dataset_locate sets,
 * `table`, datasetType, storage, catalog, and the symlink of type TABLE. `format`: "iceberg",
 * "delta", "parquet". */
typedef struct assay_lineage_table {
    const char *table, *location, *warehouse, *format;
    const char *catalog_name; /* as in storage.yaml; NULL = "assay" */
    const char *database;     /* of the catalog of Iceberg tables; NULL = the folder catalog */
} assay_lineage_table;

ASSAY_NODISCARD assay_status assay_lineage_dataset_table(assay_lineage_dataset *dataset,
                                                         const assay_lineage_table *table,
                                                         assay_arena *arena, assay_error *err);

/* A table of an outside database: "postgres://host:5432", "db.schema.table". `account` is
 * Snowflake's identifier; host and port are those of the others. Sets namespace, name, dataSource
 * and datasetType. `type`: "postgres", "redshift", "snowflake". */
typedef struct assay_lineage_database {
    const char *type, *host, *account;
    int port;
    const char *database, *schema, *table;
} assay_lineage_database;

ASSAY_NODISCARD assay_status assay_lineage_dataset_database(assay_lineage_dataset *dataset,
                                                            const assay_lineage_database *database,
                                                            assay_arena *arena, assay_error *err);

/* Where the file `path` (relative to `root`) lies in the git repository around `root`: sets
 * source_*; leaves them NULL where there is no repository or no remote. Reads .git, runs nothing;
 * never fails but for memory. */
ASSAY_NODISCARD assay_status assay_lineage_git_fill(assay_lineage_event *event, const char *root,
                                                    const char *path, assay_arena *arena,
                                                    assay_error *err);

#endif
