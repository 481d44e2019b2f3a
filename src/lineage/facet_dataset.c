#include "lineage/facet.h"

#include <math.h>

static void write_fields(assay_json_writer *writer, const assay_lineage_field *fields, size_t count,
                         int depth)
{
    assay_json_key(writer, "fields");
    assay_json_begin_list(writer);
    for (size_t i = 0; i < count; i++) {
        assay_json_begin_map(writer);
        assay_facet_text(writer, "name", fields[i].name);
        assay_facet_text(writer, "type", fields[i].type);
        assay_facet_text(writer, "description", fields[i].description);
        assay_facet_int(writer, "ordinal_position", (int64_t)i + 1);
        if (fields[i].field_count > 0 && depth < ASSAY_TYPE_DEPTH_MAX)
            write_fields(writer, fields[i].fields, fields[i].field_count, depth + 1);
        assay_json_end_map(writer);
    }
    assay_json_end_list(writer);
}

static void write_identity(assay_json_writer *writer, const assay_lineage_dataset *dataset)
{
    if (dataset->field_count > 0) {
        assay_facet_begin(writer, ASSAY_FACET_SCHEMA);
        write_fields(writer, dataset->fields, dataset->field_count, 0);
        assay_json_end_map(writer);
    }
    if (dataset->source_name != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_DATA_SOURCE);
        assay_facet_text(writer, "name", dataset->source_name);
        assay_facet_text(writer, "uri", dataset->source_uri);
        assay_json_end_map(writer);
    }
    if (dataset->version != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_VERSION);
        assay_facet_text(writer, "datasetVersion", dataset->version);
        assay_json_end_map(writer);
    }
    if (dataset->storage_layer != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_STORAGE);
        assay_facet_text(writer, "storageLayer", dataset->storage_layer);
        assay_facet_text(writer, "fileFormat", dataset->file_format);
        assay_json_end_map(writer);
    }
    if (dataset->dataset_type != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_DATASET_TYPE);
        assay_facet_text(writer, "datasetType", dataset->dataset_type);
        assay_facet_text(writer, "subType", dataset->dataset_subtype);
        assay_json_end_map(writer);
    }
}

static void write_catalog(assay_json_writer *writer, const assay_lineage_dataset *dataset)
{
    if (dataset->catalog_framework != NULL && dataset->catalog_type != NULL &&
        dataset->catalog_name != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_CATALOG);
        assay_facet_text(writer, "framework", dataset->catalog_framework);
        assay_facet_text(writer, "type", dataset->catalog_type);
        assay_facet_text(writer, "name", dataset->catalog_name);
        assay_facet_text(writer, "metadataUri", dataset->catalog_metadata_uri);
        assay_facet_text(writer, "warehouseUri", dataset->catalog_warehouse_uri);
        assay_facet_text(writer, "source", dataset->catalog_source);
        assay_json_key(writer, "catalogProperties");
        assay_json_begin_map(writer);
        assay_facet_text(writer, "type", dataset->catalog_type);
        assay_facet_text(writer, "warehouse", dataset->catalog_warehouse_uri);
        assay_json_end_map(writer);
        assay_json_end_map(writer);
    }
    if (dataset->symlink_count > 0) {
        assay_facet_begin(writer, ASSAY_FACET_SYMLINKS);
        assay_json_key(writer, "identifiers");
        assay_json_begin_list(writer);
        for (size_t i = 0; i < dataset->symlink_count; i++) {
            assay_json_begin_map(writer);
            assay_facet_text(writer, "namespace", dataset->symlinks[i].namespace);
            assay_facet_text(writer, "name", dataset->symlinks[i].name);
            assay_facet_text(writer, "type", dataset->symlinks[i].type);
            assay_json_end_map(writer);
        }
        assay_json_end_list(writer);
        assay_json_end_map(writer);
    }
}

static void write_description(assay_json_writer *writer, const assay_lineage_dataset *dataset)
{
    if (dataset->lifecycle != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_LIFECYCLE);
        assay_facet_text(writer, "lifecycleStateChange", dataset->lifecycle);
        assay_json_end_map(writer);
    }
    if (dataset->documentation != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_DATASET_DOCUMENTATION);
        assay_facet_text(writer, "description", dataset->documentation);
        assay_json_end_map(writer);
    }
    if (dataset->tag_count > 0) {
        assay_facet_begin(writer, ASSAY_FACET_DATASET_TAGS);
        assay_facet_tags(writer, dataset->tags, dataset->tag_count);
        assay_json_end_map(writer);
    }
}

static void write_assertions(assay_json_writer *writer, const assay_lineage_dataset *dataset)
{
    if (dataset->assertion_count == 0)
        return;
    assay_facet_begin(writer, ASSAY_FACET_ASSERTIONS);
    assay_json_key(writer, "assertions");
    assay_json_begin_list(writer);
    for (size_t i = 0; i < dataset->assertion_count; i++) {
        const assay_lineage_assertion *assertion = &dataset->assertions[i];
        assay_json_begin_map(writer);
        assay_facet_text(writer, "assertion", assertion->assertion);
        assay_json_key(writer, "success");
        assay_json_bool(writer, assertion->success);
        assay_facet_text(writer, "column", assertion->column);
        assay_facet_text(writer, "severity", assertion->severity);
        assay_facet_text(writer, "name", assertion->name);
        assay_facet_text(writer, "expected", assertion->expected);
        assay_facet_text(writer, "actual", assertion->actual);
        assay_facet_text(writer, "content", assertion->content);
        assay_facet_text(writer, "contentType", assertion->content_type);
        if (assertion->params != NULL && assertion->params->kind == ASSAY_VALUE_MAP) {
            assay_json_key(writer, "params");
            assay_json_value(writer, assertion->params);
        }
        assay_json_end_map(writer);
    }
    assay_json_end_list(writer);
    assay_json_end_map(writer);
}

static void write_range(assay_json_writer *writer, const char *key, double value)
{
    if (!isfinite(value))
        return;
    assay_json_key(writer, key);
    assay_json_real(writer, value);
}

static void write_metrics(assay_json_writer *writer, const assay_lineage_dataset *dataset,
                          assay_facet facet)
{
    if (dataset->column_metric_count == 0)
        return;
    assay_facet_begin(writer, facet);
    assay_facet_int(writer, "rowCount", dataset->metric_rows);
    assay_facet_int(writer, "bytes", dataset->metric_bytes);
    assay_facet_int(writer, "fileCount", dataset->metric_files);
    assay_json_key(writer, "columnMetrics");
    assay_json_begin_map(writer);
    for (size_t i = 0; i < dataset->column_metric_count; i++) {
        const assay_lineage_column_metric *metric = &dataset->column_metrics[i];
        assay_json_key(writer, metric->column);
        assay_json_begin_map(writer);
        assay_facet_int(writer, "nullCount", metric->null_count);
        assay_facet_int(writer, "distinctCount", metric->distinct_count);
        assay_facet_int(writer, "count", metric->count);
        if (metric->has_range) {
            write_range(writer, "min", metric->min);
            write_range(writer, "max", metric->max);
        }
        assay_json_end_map(writer);
    }
    assay_json_end_map(writer);
    assay_json_end_map(writer);
}

static void write_statistics(assay_json_writer *writer, assay_facet facet, int64_t rows,
                             int64_t bytes, int64_t files)
{
    if (rows < 0 && bytes < 0 && files < 0)
        return;
    assay_facet_begin(writer, facet);
    assay_facet_int(writer, "rowCount", rows);
    assay_facet_int(writer, "size", bytes);
    assay_facet_int(writer, "fileCount", files);
    assay_json_end_map(writer);
}

static void write_numbers(assay_json_writer *writer, const char *key,
                          const assay_lineage_metric *metrics, size_t count)
{
    assay_json_key(writer, key);
    assay_json_begin_map(writer);
    for (size_t i = 0; i < count; i++) {
        assay_json_key(writer, metrics[i].name);
        assay_json_int(writer, metrics[i].value);
    }
    assay_json_end_map(writer);
}

static void write_scan(assay_json_writer *writer, const assay_lineage_dataset *dataset)
{
    if (!dataset->has_scan)
        return;
    assay_facet_begin(writer, ASSAY_FACET_SCAN_REPORT);
    assay_facet_int(writer, "snapshotId", dataset->scan_snapshot_id);
    assay_facet_int(writer, "schemaId", dataset->scan_schema_id);
    assay_facet_text(writer, "filterDescription", dataset->scan_filter);
    assay_json_key(writer, "projectedFieldNames");
    assay_json_begin_list(writer);
    for (size_t i = 0; i < dataset->scan_field_count; i++)
        assay_json_text(writer, dataset->scan_fields[i]);
    assay_json_end_list(writer);
    write_numbers(writer, "scanMetrics", dataset->scan_metrics, dataset->scan_metric_count);
    assay_json_end_map(writer);
}

static void write_commit(assay_json_writer *writer, const assay_lineage_dataset *dataset)
{
    if (!dataset->has_commit)
        return;
    assay_facet_begin(writer, ASSAY_FACET_COMMIT_REPORT);
    assay_facet_int(writer, "snapshotId", dataset->commit_snapshot_id);
    assay_facet_int(writer, "sequenceNumber", dataset->commit_sequence);
    assay_facet_text(writer, "operation", dataset->commit_operation);
    write_numbers(writer, "commitMetrics", dataset->commit_metrics, dataset->commit_metric_count);
    assay_json_end_map(writer);
}

void assay_facet_write_dataset(assay_json_writer *writer, const assay_lineage_event *event,
                               const assay_lineage_dataset *dataset, bool is_output)
{
    assay_json_begin_map(writer);
    assay_facet_text(writer, "namespace", dataset->namespace);
    assay_facet_text(writer, "name", dataset->name);
    assay_json_key(writer, "facets");
    assay_json_begin_map(writer);
    write_identity(writer, dataset);
    write_catalog(writer, dataset);
    write_description(writer, dataset);
    if (dataset->columns != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_COLUMN_LINEAGE);
        assay_facet_write_columns(writer, event, dataset->columns);
        assay_json_end_map(writer);
    }
    if (is_output) {
        /* By its schema a facet of inputs; on what was just written consumers look here. */
        write_assertions(writer, dataset);
        write_metrics(writer, dataset, ASSAY_FACET_DATASET_METRICS);
    }
    assay_json_end_map(writer);

    assay_json_key(writer, is_output ? "outputFacets" : "inputFacets");
    assay_json_begin_map(writer);
    if (is_output) {
        write_statistics(writer, ASSAY_FACET_OUTPUT_STATISTICS, dataset->output_rows,
                         dataset->output_bytes, dataset->output_files);
        write_commit(writer, dataset);
    } else {
        write_statistics(writer, ASSAY_FACET_INPUT_STATISTICS, dataset->input_rows,
                         dataset->input_bytes, dataset->input_files);
        write_assertions(writer, dataset);
        write_metrics(writer, dataset, ASSAY_FACET_INPUT_METRICS);
        write_scan(writer, dataset);
    }
    assay_json_end_map(writer);
    assay_json_end_map(writer);
}
