/* Inside the room: a JSON Schema validator for the keywords that data checks use. */
#ifndef ASSAY_QUALITY_JSON_SCHEMA_H
#define ASSAY_QUALITY_JSON_SCHEMA_H

#include "text/value.h"

/* Whether `pattern` (RE2, a search) is found in `text`; asked for the keyword `pattern`. */
typedef bool assay_json_schema_match(void *user, const char *text, const char *pattern);

/* 5022 where the schema holds a keyword that is not understood: it is never ignored. */
ASSAY_NODISCARD assay_status assay_json_schema_check(const assay_value *schema, assay_error *err);

/* Whether `value` fits a schema that assay_json_schema_check accepted. */
bool assay_json_schema_fits(const assay_value *schema, const assay_value *value,
                            assay_json_schema_match *match, void *user);

#endif
