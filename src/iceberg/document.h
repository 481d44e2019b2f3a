/* Edits of a table's metadata document. Private to the room. Every function changes a copy that the
 * commit owns, so that members assay does not know stay as they are. */
#ifndef ASSAY_ICEBERG_DOCUMENT_H
#define ASSAY_ICEBERG_DOCUMENT_H

#include "iceberg/table_data.h"

/* A new table without snapshots. */
ASSAY_NODISCARD assay_status assay_iceberg_document_new(
    const char *location, const assay_change *change, const assay_random *random,
    assay_arena *arena, assay_value **ret_document, assay_error *err);

/* Makes change->schema and change->spec the current ones: reuses what is there, else adds. */
ASSAY_NODISCARD assay_status assay_iceberg_document_evolve(assay_value *document,
                                                           const assay_iceberg_metadata *metadata,
                                                           const assay_change *change,
                                                           assay_arena *arena, assay_error *err);

/* Sets or (value NULL) removes a table property. */
ASSAY_NODISCARD assay_status assay_iceberg_document_property(assay_value *document,
                                                             const char *name, const char *value,
                                                             assay_arena *arena, assay_error *err);

/* A snapshot that becomes current. */
typedef struct assay_iceberg_new_snapshot {
    int64_t id, parent, sequence, timestamp_ms;
    const char *manifest_list; /* as recorded */
    assay_value *summary;
    int32_t schema_id;
} assay_iceberg_new_snapshot;

ASSAY_NODISCARD assay_status assay_iceberg_document_add_snapshot(
    assay_value *document, const assay_iceberg_new_snapshot *snapshot, assay_arena *arena,
    assay_error *err);

/* Notes the file that this document replaces in metadata-log, capped, and sets last-updated-ms. */
ASSAY_NODISCARD assay_status assay_iceberg_document_supersede(assay_value *document,
                                                              const char *previous_file,
                                                              int64_t now_ms, assay_arena *arena,
                                                              assay_error *err);

/* Removes snapshots (an array of `count` ids) with their log entries and statistics. */
ASSAY_NODISCARD assay_status assay_iceberg_document_expire(assay_value *document,
                                                           const int64_t *ids, size_t count,
                                                           assay_arena *arena, assay_error *err);

#endif
