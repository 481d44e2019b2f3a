/* schemaString (PROTOCOL.md, "Schema Serialization Format") <-> assay_schema.
 *
 * The tree of a schemaString has one map a field; keys of its `metadata` that assay does not know
 * are kept. A column whose type Delta lacks is stored in the nearest one, with DuckDB's text of the
 * original in the metadata key `assay.type`. */
#ifndef ASSAY_DELTA_SCHEMA_H
#define ASSAY_DELTA_SCHEMA_H

#include "table/type.h"
#include "text/value.h"

/* Parses the text to its tree. `name` is the table's. */
ASSAY_NODISCARD assay_status assay_delta_schema_parse(const char *name, const char *text,
                                                      assay_arena *arena, assay_value **ret_tree,
                                                      assay_error *err);

/* The schema of a tree; ids are given by place, columns first. A type that is not known is refused
 * by its name. */
ASSAY_NODISCARD assay_status assay_delta_schema_read(const char *name, const assay_value *tree,
                                                     assay_arena *arena, assay_schema **ret_schema,
                                                     assay_error *err);

/* What becomes of the files of the base. */
typedef enum assay_delta_files {
    ASSAY_DELTA_FILES_GO,        /* all leave: any schema may come */
    ASSAY_DELTA_FILES_STAY,      /* columns may become wider, which readers do as they read */
    ASSAY_DELTA_FILES_STAY_NOTED /* and the table has the feature typeWidening: it is noted */
} assay_delta_files;

/* What writing a schema over another one means for the protocol. */
typedef struct assay_delta_schema_change {
    assay_value *tree; /* the new schemaString's tree */
    bool has_ntz;      /* some stored type is timestamp_ntz */
    bool has_widened;  /* a type change was noted */
} assay_delta_schema_change;

/* The tree of `schema`; nodes of `base` (NULL = none) with the same name and type are taken over.
 */
ASSAY_NODISCARD assay_status assay_delta_schema_write(const assay_schema *schema,
                                                      const assay_value *base,
                                                      assay_delta_files files, assay_arena *arena,
                                                      assay_delta_schema_change *ret_change,
                                                      assay_error *err);

/* The type in the data file of a column; 4001 where the column cannot be held. */
ASSAY_NODISCARD assay_status assay_delta_stored_type(const assay_field *field, assay_arena *arena,
                                                     assay_type *ret_stored, assay_error *err);

#endif
