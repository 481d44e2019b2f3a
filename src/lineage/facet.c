#include "lineage/facet.h"

#include <stdio.h>

/* Key in the event, and name and version of the schema (schemas/index.json of OpenLineage
 * 2-0-2): a new version is one line here. */
static const struct {
    const char *key, *schema, *version;
} facets[ASSAY_FACET_COUNT] = {
    [ASSAY_FACET_PARENT] = {"parent", "ParentRunFacet", "1-2-0"},
    [ASSAY_FACET_NOMINAL_TIME] = {"nominalTime", "NominalTimeRunFacet", "1-0-1"},
    [ASSAY_FACET_PROCESSING_ENGINE] = {"processing_engine", "ProcessingEngineRunFacet", "1-1-1"},
    [ASSAY_FACET_ERROR_MESSAGE] = {"errorMessage", "ErrorMessageRunFacet", "1-0-1"},
    [ASSAY_FACET_EXTRACTION_ERROR] = {"extractionError", "ExtractionErrorRunFacet", "1-1-2"},
    [ASSAY_FACET_EXTERNAL_QUERY] = {"externalQuery", "ExternalQueryRunFacet", "1-0-2"},
    [ASSAY_FACET_RUN_TAGS] = {"tags", "TagsRunFacet", "1-0-0"},
    [ASSAY_FACET_JOB_TYPE] = {"jobType", "JobTypeJobFacet", "2-0-4"},
    [ASSAY_FACET_SQL] = {"sql", "SQLJobFacet", "1-1-0"},
    [ASSAY_FACET_SOURCE_CODE_LOCATION] = {"sourceCodeLocation", "SourceCodeLocationJobFacet",
                                          "1-1-0"},
    [ASSAY_FACET_JOB_DOCUMENTATION] = {"documentation", "DocumentationJobFacet", "1-1-0"},
    [ASSAY_FACET_JOB_TAGS] = {"tags", "TagsJobFacet", "1-0-0"},
    [ASSAY_FACET_SCHEMA] = {"schema", "SchemaDatasetFacet", "1-2-0"},
    [ASSAY_FACET_DATA_SOURCE] = {"dataSource", "DatasourceDatasetFacet", "1-0-1"},
    [ASSAY_FACET_VERSION] = {"version", "DatasetVersionDatasetFacet", "1-0-1"},
    [ASSAY_FACET_STORAGE] = {"storage", "StorageDatasetFacet", "1-0-1"},
    [ASSAY_FACET_CATALOG] = {"catalog", "CatalogDatasetFacet", "1-1-0"},
    [ASSAY_FACET_SYMLINKS] = {"symlinks", "SymlinksDatasetFacet", "1-0-1"},
    [ASSAY_FACET_LIFECYCLE] = {"lifecycleStateChange", "LifecycleStateChangeDatasetFacet", "1-0-1"},
    [ASSAY_FACET_DATASET_TYPE] = {"datasetType", "DatasetTypeDatasetFacet", "1-0-1"},
    [ASSAY_FACET_DATASET_DOCUMENTATION] = {"documentation", "DocumentationDatasetFacet", "1-1-0"},
    [ASSAY_FACET_DATASET_TAGS] = {"tags", "TagsDatasetFacet", "1-0-0"},
    [ASSAY_FACET_COLUMN_LINEAGE] = {"columnLineage", "ColumnLineageDatasetFacet", "1-2-0"},
    [ASSAY_FACET_DATASET_METRICS] = {"dataQualityMetrics", "DataQualityMetricsDatasetFacet",
                                     "1-0-0"},
    [ASSAY_FACET_ASSERTIONS] = {"dataQualityAssertions", "DataQualityAssertionsDatasetFacet",
                                "1-1-0"},
    [ASSAY_FACET_INPUT_METRICS] = {"dataQualityMetrics", "DataQualityMetricsInputDatasetFacet",
                                   "1-0-3"},
    [ASSAY_FACET_INPUT_STATISTICS] = {"inputStatistics", "InputStatisticsInputDatasetFacet",
                                      "1-0-0"},
    [ASSAY_FACET_SCAN_REPORT] = {"icebergScanReport", "IcebergScanReportInputDatasetFacet",
                                 "1-0-1"},
    [ASSAY_FACET_OUTPUT_STATISTICS] = {"outputStatistics", "OutputStatisticsOutputDatasetFacet",
                                       "1-0-2"},
    [ASSAY_FACET_COMMIT_REPORT] = {"icebergCommitReport", "IcebergCommitReportOutputDatasetFacet",
                                   "1-0-2"},
};

const char *assay_facet_producer(void)
{
    return "urn:assay:" ASSAY_VERSION;
}

void assay_facet_begin(assay_json_writer *writer, assay_facet facet)
{
    char url[192];

    (void)snprintf(url, sizeof url, "https://openlineage.io/spec/facets/%s/%s.json#/$defs/%s",
                   facets[facet].version, facets[facet].schema, facets[facet].schema);
    assay_json_key(writer, facets[facet].key);
    assay_json_begin_map(writer);
    assay_facet_text(writer, "_producer", assay_facet_producer());
    assay_facet_text(writer, "_schemaURL", url);
}

void assay_facet_text(assay_json_writer *writer, const char *key, const char *text)
{
    if (text == NULL)
        return;
    assay_json_key(writer, key);
    assay_json_text(writer, text);
}

void assay_facet_int(assay_json_writer *writer, const char *key, int64_t value)
{
    if (value < 0)
        return;
    assay_json_key(writer, key);
    assay_json_int(writer, value);
}

void assay_facet_tags(assay_json_writer *writer, const assay_lineage_tag *tags, size_t count)
{
    assay_json_key(writer, "tags");
    assay_json_begin_list(writer);
    for (size_t i = 0; i < count; i++) {
        assay_json_begin_map(writer);
        assay_facet_text(writer, "key", tags[i].key);
        assay_facet_text(writer, "value", tags[i].value != NULL ? tags[i].value : "true");
        assay_facet_text(writer, "source", tags[i].source);
        assay_facet_text(writer, "field", tags[i].field);
        assay_json_end_map(writer);
    }
    assay_json_end_list(writer);
}
