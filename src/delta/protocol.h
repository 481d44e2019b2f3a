/* What a table asks of its readers and writers (PROTOCOL.md, "Table Features"). */
#ifndef ASSAY_DELTA_PROTOCOL_H
#define ASSAY_DELTA_PROTOCOL_H

#include "base/error.h"
#include "table/table.h"
#include "text/value.h"

/* Refuses, by the feature's name, what this reader does not understand. `protocol` and `metadata`
 * are the bodies of the newest actions of these kinds. `name` is the table's, for messages. */
ASSAY_NODISCARD assay_status assay_delta_protocol_check_read(const char *name,
                                                             const assay_value *protocol,
                                                             const assay_value *metadata,
                                                             assay_error *err);

/* Refuses a write that would have to do what this writer does not. `schema_tree` is the parsed
 * schemaString. */
ASSAY_NODISCARD assay_status assay_delta_protocol_check_write(
    const char *name, const assay_value *protocol, const assay_value *metadata,
    const assay_value *schema_tree, assay_change_kind kind, assay_error *err);

/* True where `feature` is in the list of reader or writer features. */
bool assay_delta_protocol_has(const assay_value *protocol, const char *feature);

/* The protocol that has all of `base` (NULL = a new table) and the reader-writer features named;
 * *ret_protocol is NULL where `base` has them already. A new table without features is (1,2). */
ASSAY_NODISCARD assay_status assay_delta_protocol_with(const assay_value *base,
                                                       const char *const *features, size_t count,
                                                       assay_arena *arena,
                                                       assay_value **ret_protocol,
                                                       assay_error *err);

/* A value of metaData.configuration, or NULL. */
const char *assay_delta_config(const assay_value *metadata, const char *key);
bool assay_delta_config_true(const assay_value *metadata, const char *key);
int64_t assay_delta_config_int(const assay_value *metadata, const char *key, int64_t otherwise);

#endif
