#include "lib/document.h"

#include <math.h>

#include "base/mem.h"
#include "text/json.h"

assay_status assay_document_new(assay_arena *arena, const char *kind, assay_value **ret_document,
                                assay_error *err)
{
    assay_value *document = assay_value_map(arena);

    ASSAY_TRY(assay_arena_check(document, err));
    ASSAY_TRY(assay_document_int(document, "schema_version", ASSAY_DOCUMENT_VERSION, arena, err));
    ASSAY_TRY(assay_document_text(document, "kind", kind, arena, err));
    *ret_document = document;
    return ASSAY_OK;
}

assay_status assay_document_text(assay_value *map, const char *key, const char *text,
                                 assay_arena *arena, assay_error *err)
{
    assay_value *item = text != NULL ? assay_value_text(arena, text) : assay_value_null(arena);

    return assay_value_set(map, key, item, arena, err);
}

assay_status assay_document_int(assay_value *map, const char *key, int64_t value,
                                assay_arena *arena, assay_error *err)
{
    return assay_value_set(map, key, assay_value_int(arena, value), arena, err);
}

assay_status assay_document_bool(assay_value *map, const char *key, bool value, assay_arena *arena,
                                 assay_error *err)
{
    return assay_value_set(map, key, assay_value_bool(arena, value), arena, err);
}

assay_status assay_document_error(assay_value *map, const assay_error *error, assay_arena *arena,
                                  assay_error *err)
{
    const char *path = error->path[0] != '\0' ? error->path : NULL;
    assay_value *item = assay_value_map(arena);

    if (error->code == ASSAY_OK)
        return ASSAY_OK;
    ASSAY_TRY(assay_value_set(map, "error", item, arena, err));
    ASSAY_TRY(assay_document_text(item, "status", assay_status_name(error->code), arena, err));
    ASSAY_TRY(assay_document_int(item, "number", error->number, arena, err));
    ASSAY_TRY(assay_document_text(item, "path", path, arena, err));
    ASSAY_TRY(assay_document_int(item, "line", error->line, arena, err));
    ASSAY_TRY(assay_document_int(item, "column", error->column, arena, err));
    ASSAY_TRY(assay_document_text(item, "message", error->message, arena, err));
    return assay_document_bool(item, "retryable", error->retryable, arena, err);
}

assay_status assay_document_take(const assay_value *document, char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assay_json_write(&buf, document, 2);
    ASSAY_TRY(assay_buf_check(&buf, err));
    char *text = assay_mem_copy_text(assay_buf_text(&buf));
    if (text == NULL)
        return assay_error_nomem(err);
    *ret_json = text;
    return ASSAY_OK;
}

/* JSON has no such numbers, and null would be another value. */
static void name_odd_numbers(assay_value *value)
{
    if (value->kind == ASSAY_VALUE_REAL && !isfinite(value->real)) {
        value->kind = ASSAY_VALUE_TEXT;
        value->text = isnan(value->real) ? "NaN" : value->real > 0 ? "Infinity" : "-Infinity";
    }
    if (value->kind == ASSAY_VALUE_LIST || value->kind == ASSAY_VALUE_MAP)
        for (size_t i = 0; i < value->count; i++)
            name_odd_numbers(value->items[i]);
}

assay_status assay_document_rows(const assay_rows *rows, assay_arena *arena, char **ret_json,
                                 assay_error *err)
{
    assay_value *document = NULL;

    ASSAY_TRY(assay_document_new(arena, "rows", &document, err));
    assay_value *columns = assay_value_list(arena);
    assay_value *list = assay_value_list(arena);
    ASSAY_TRY(assay_value_set(document, "columns", columns, arena, err));
    ASSAY_TRY(assay_value_set(document, "rows", list, arena, err));
    for (size_t i = 0; i < rows->column_count; i++) {
        assay_value *column = assay_value_map(arena);
        ASSAY_TRY(assay_value_append(columns, column, arena, err));
        ASSAY_TRY(assay_document_text(column, "name", rows->names[i], arena, err));
        ASSAY_TRY(assay_document_text(column, "type", rows->types[i], arena, err));
    }
    for (size_t i = 0; i < rows->count; i++) {
        assay_value *row = assay_value_list(arena);
        ASSAY_TRY(assay_value_append(list, row, arena, err));
        for (size_t k = 0; k < rows->column_count; k++) {
            name_odd_numbers(rows->cells[i][k]);
            ASSAY_TRY(assay_value_append(row, rows->cells[i][k], arena, err));
        }
    }
    ASSAY_TRY(assay_document_bool(document, "truncated", rows->truncated, arena, err));
    return assay_document_take(document, ret_json, err);
}
