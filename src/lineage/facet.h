/* Inside of lineage: the facets that events carry, in the versions of one table. */
#ifndef ASSAY_LINEAGE_FACET_H
#define ASSAY_LINEAGE_FACET_H

#include "lineage/event.h"
#include "text/json.h"

typedef enum assay_facet {
    /* run */
    ASSAY_FACET_PARENT,
    ASSAY_FACET_NOMINAL_TIME,
    ASSAY_FACET_PROCESSING_ENGINE,
    ASSAY_FACET_ERROR_MESSAGE,
    ASSAY_FACET_EXTRACTION_ERROR,
    ASSAY_FACET_EXTERNAL_QUERY,
    ASSAY_FACET_RUN_TAGS,
    /* job */
    ASSAY_FACET_JOB_TYPE,
    ASSAY_FACET_SQL,
    ASSAY_FACET_SOURCE_CODE_LOCATION,
    ASSAY_FACET_JOB_DOCUMENTATION,
    ASSAY_FACET_JOB_TAGS,
    /* dataset */
    ASSAY_FACET_SCHEMA,
    ASSAY_FACET_DATA_SOURCE,
    ASSAY_FACET_VERSION,
    ASSAY_FACET_STORAGE,
    ASSAY_FACET_CATALOG,
    ASSAY_FACET_SYMLINKS,
    ASSAY_FACET_LIFECYCLE,
    ASSAY_FACET_DATASET_TYPE,
    ASSAY_FACET_DATASET_DOCUMENTATION,
    ASSAY_FACET_DATASET_TAGS,
    ASSAY_FACET_COLUMN_LINEAGE,
    ASSAY_FACET_DATASET_METRICS,
    /* input */
    ASSAY_FACET_ASSERTIONS,
    ASSAY_FACET_INPUT_METRICS,
    ASSAY_FACET_INPUT_STATISTICS,
    ASSAY_FACET_SCAN_REPORT,
    /* output */
    ASSAY_FACET_OUTPUT_STATISTICS,
    ASSAY_FACET_COMMIT_REPORT,
    ASSAY_FACET_COUNT
} assay_facet;

/* "<key>": {"_producer": .., "_schemaURL": .. and the rest up to assay_json_end_map. */
void assay_facet_begin(assay_json_writer *writer, assay_facet facet);

/* The producer of events and facets: a URN with assay's version. */
const char *assay_facet_producer(void);

/* "<key>": text or number, where there is one (NULL, -1: nothing is written). */
void assay_facet_text(assay_json_writer *writer, const char *key, const char *text);
void assay_facet_int(assay_json_writer *writer, const char *key, int64_t value);

/* "tags": [..] of a facet that was begun. */
void assay_facet_tags(assay_json_writer *writer, const assay_lineage_tag *tags, size_t count);

/* One element of inputs[] or outputs[]. */
void assay_facet_write_dataset(assay_json_writer *writer, const assay_lineage_event *event,
                               const assay_lineage_dataset *dataset, bool is_output);

/* The members of a columnLineage facet that was begun. */
void assay_facet_write_columns(assay_json_writer *writer, const assay_lineage_event *event,
                               const assay_column_lineage *columns);

#endif
