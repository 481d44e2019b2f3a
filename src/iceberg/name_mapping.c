#include "iceberg/name_mapping.h"

#include <string.h>

#include "base/str.h"
#include "engine/engine.h"
#include "text/json.h"

static const char PROPERTY[] = "schema.name-mapping.default";

enum { FILES_A_QUERY = 500, MAPPING_MEMORY = 256 << 20 };

static bool has_name(const assay_value *entry, const char *name)
{
    const assay_value *names = assay_value_find(entry, "names");
    for (size_t i = 0; names != NULL && i < names->count; i++) {
        if (names->items[i]->kind == ASSAY_VALUE_TEXT &&
            assay_str_equal_ci(names->items[i]->text, name))
            return true;
    }
    return false;
}

/* True where the name leads to this field and to no other one. */
static bool maps_field(const assay_value *mapping, const assay_field *field,
                       const assay_value **ret_entry)
{
    bool found = false;
    for (size_t i = 0; mapping != NULL && i < mapping->count; i++) {
        const assay_value *entry = mapping->items[i];
        bool own = assay_value_find_int(entry, "field-id", -1) == field->id;
        if (own != has_name(entry, field->name))
            return false;
        if (own) {
            found = true;
            *ret_entry = entry;
        }
    }
    return found;
}

static bool is_plain(const assay_value *mapping, const assay_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const assay_value *entry = NULL;
        if (!maps_field(mapping, &fields[i], &entry))
            return false;
        if (fields[i].type.field_count > 0 &&
            !is_plain(assay_value_find(entry, "fields"), fields[i].type.fields,
                      fields[i].type.field_count))
            return false;
    }
    return true;
}

static assay_status count_without_ids(assay_conn *conn, const assay_data_file *files, size_t count,
                                      int64_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *separator = "";
    assay_buf_append_text(&sql, "SELECT count(*) FROM (SELECT file_name FROM parquet_schema([");
    for (size_t i = 0; i < count; i++) {
        assay_buf_append_text(&sql, separator);
        assay_sql_append_text(&sql, files[i].path);
        separator = ", ";
    }
    assay_buf_append_text(&sql, "]) GROUP BY file_name HAVING count(field_id) = 0)");
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_query_int(conn, assay_buf_text(&sql), ret_count, err);
}

static assay_status refuse_without_ids(const assay_data_file *files, size_t count, assay_error *err)
{
    const assay_engine_options options = {.memory_limit = MAPPING_MEMORY, .threads = 1};
    ASSAY_AUTO(assay_engine_closep) assay_engine *engine = NULL;
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    ASSAY_TRY(assay_engine_open(&options, &engine, err));
    ASSAY_TRY(assay_conn_open(engine, &conn, err));
    for (size_t i = 0; i < count; i += FILES_A_QUERY) {
        size_t some = count - i < FILES_A_QUERY ? count - i : FILES_A_QUERY;
        int64_t without = 0;
        ASSAY_TRY(count_without_ids(conn, &files[i], some, &without, err));
        if (without > 0)
            return assay_error_set(err, ASSAY_EUNSUPPORTED, 4102,
                                   "data files without field ids are read by the columns' names, "
                                   "and the name-mapping of the table (%s) says something else",
                                   PROPERTY);
    }
    return ASSAY_OK;
}

assay_status assay_iceberg_check_names(const assay_iceberg_metadata *metadata,
                                       const assay_schema *schema, const assay_data_file *files,
                                       size_t count, assay_error *err)
{
    const char *text = assay_iceberg_metadata_property(metadata, PROPERTY);
    bool foreign = false;
    for (size_t i = 0; i < count; i++)
        foreign = foreign || !files[i].own;
    if (text == NULL || !foreign)
        return ASSAY_OK;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_value *mapping = NULL;
    ASSAY_TRY(assay_arena_check(arena, err));
    if (assay_json_parse(text, strlen(text), PROPERTY, arena, &mapping, NULL) != ASSAY_OK ||
        mapping->kind != ASSAY_VALUE_LIST)
        return assay_error_set(err, ASSAY_EDATA, 4101,
                               "the name-mapping of the table (%s) is no "
                               "list",
                               PROPERTY);
    if (is_plain(mapping, schema->fields, schema->count))
        return ASSAY_OK;
    return refuse_without_ids(files, count, err);
}
