/* The JSON documents that the public functions return. */
#ifndef ASSAY_LIB_DOCUMENT_H
#define ASSAY_LIB_DOCUMENT_H

#include "engine/engine.h"

enum { ASSAY_DOCUMENT_VERSION = 1 };

/* A MAP with "schema_version" and "kind". */
ASSAY_NODISCARD assay_status assay_document_new(assay_arena *arena, const char *kind,
                                                assay_value **ret_document, assay_error *err);

/* Shorthands that set one member. */
ASSAY_NODISCARD assay_status assay_document_text(assay_value *map, const char *key,
                                                 const char *text, assay_arena *arena,
                                                 assay_error *err); /* NULL text = null */
ASSAY_NODISCARD assay_status assay_document_int(assay_value *map, const char *key, int64_t value,
                                                assay_arena *arena, assay_error *err);
ASSAY_NODISCARD assay_status assay_document_bool(assay_value *map, const char *key, bool value,
                                                 assay_arena *arena, assay_error *err);

/* "error": {status, number, path, line, column, message, retryable}; nothing for ASSAY_OK. */
ASSAY_NODISCARD assay_status assay_document_error(assay_value *map, const assay_error *error,
                                                  assay_arena *arena, assay_error *err);

/* A result as a document "rows": {"columns": [{name, type}], "rows": [[..]], "truncated": bool}. */
ASSAY_NODISCARD assay_status assay_document_rows(const assay_rows *rows, assay_arena *arena,
                                                 char **ret_json, assay_error *err);

/* The document as text that the caller frees with assay_text_free. */
ASSAY_NODISCARD assay_status assay_document_take(const assay_value *document, char **ret_json,
                                                 assay_error *err);

#endif
