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

/* What writing a schema over another one means for the protocol. */
typedef struct assay_delta_schema_change {
    assay_value *tree; /* the new schemaString's tree */
    bool has_ntz;      /* some stored type is timestamp_ntz */
    bool has_widened;  /* some column of `base` became wider */
} assay_delta_schema_change;

/* The tree of `schema`; nodes of `base` (NULL = none) with the same name and type are taken over.
 * With `keep_files` files of the base stay, so that widened columns need `delta.typeChanges`. */
ASSAY_NODISCARD assay_status assay_delta_schema_write(const assay_schema *schema,
                                                      const assay_value *base, bool keep_files,
                                                      assay_arena *arena,
                                                      assay_delta_schema_change *ret_change,
                                                      assay_error *err);

/* The type in the data file of a column; 4001 where the column cannot be held. */
ASSAY_NODISCARD assay_status assay_delta_stored_type(const assay_field *field, assay_arena *arena,
                                                     assay_type *ret_stored, assay_error *err);

#endif
