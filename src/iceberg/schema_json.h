/* Iceberg schemas and partition specs as JSON (Iceberg spec, appendix C). */
#ifndef ASSAY_ICEBERG_SCHEMA_JSON_H
#define ASSAY_ICEBERG_SCHEMA_JSON_H

#include "table/partition.h"
#include "table/type.h"
#include "text/value.h"

enum { ASSAY_ICEBERG_FIELD_ID_MAX = 2147483447 }; /* ids above are reserved for metadata columns */

/* Reads one schema; a rule of the specification that is broken is EDATA 4101, a type or feature of
 * v3 that is not understood EUNSUPPORTED 4102 that names it and the column. last_field_id is the
 * highest id in it. */
ASSAY_NODISCARD assay_status assay_iceberg_schema_parse(const assay_value *document,
                                                        assay_arena *arena,
                                                        assay_schema *ret_schema, assay_error *err);

/* Writes one schema. `older` (may be NULL) is a schema document in whose terms a field of the same
 * id and equal type is written, so that fixed[16] does not become binary. */
ASSAY_NODISCARD assay_status assay_iceberg_schema_format(const assay_schema *schema,
                                                         const assay_value *older,
                                                         assay_arena *arena,
                                                         assay_value **ret_document,
                                                         assay_error *err);

/* Type of a column as Iceberg stores it: TINYINT and SMALLINT are int. */
assay_type assay_iceberg_stored_type(const assay_type *type);

/* True where both schemas have the same fields in the same order: ids, names, stored types,
 * required, doc. */
bool assay_iceberg_schema_equal(const assay_schema *a, const assay_schema *b);

/* Reads one partition spec {"spec-id", "fields"}, or the bare list of fields of v1. */
ASSAY_NODISCARD assay_status assay_iceberg_spec_parse(const assay_value *document,
                                                      assay_arena *arena,
                                                      assay_partition_spec *ret_spec,
                                                      assay_error *err);

/* "identity", "bucket[16]" .. of a field. */
const char *assay_iceberg_transform_text(const assay_partition_field *field);

/* The list of fields of a spec, as manifests carry it. */
ASSAY_NODISCARD assay_status assay_iceberg_spec_format_fields(const assay_partition_spec *spec,
                                                              assay_arena *arena,
                                                              assay_value **ret_fields,
                                                              assay_error *err);

/* The document {"spec-id", "fields"} of a spec. */
ASSAY_NODISCARD assay_status assay_iceberg_spec_format(const assay_partition_spec *spec,
                                                       assay_arena *arena,
                                                       assay_value **ret_document,
                                                       assay_error *err);

/* Type of a partition value as manifests hold it; false where the transform is not known or its
 * source column is gone. */
bool assay_iceberg_partition_type(const assay_partition_field *field, const assay_type *source,
                                  assay_type *ret_type);

#endif
