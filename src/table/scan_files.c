#include "table/scan_files.h"

#include "base/str.h"
#include "engine/engine.h"

enum { FILES_A_QUERY = 500 };

static void append_paths(assay_buf *sql, const assay_data_file *const *files, size_t count)
{
    assay_buf_append_char(sql, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            assay_buf_append_text(sql, ", ");
        assay_sql_append_text(sql, files[i]->path);
    }
    assay_buf_append_char(sql, ']');
}

/* A member of a STRUCT with this id, at any depth; or with this name where `name` is given. */
static const assay_field *find_member(const assay_field *fields, size_t count, bool members,
                                      int64_t id, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        const assay_field *field = &fields[i];
        if (members && (name != NULL ? assay_str_equal_ci(field->name, name) : field->id == id))
            return field;
        const assay_field *inside = find_member(field->type.fields, field->type.field_count,
                                                field->type.kind == ASSAY_TYPE_STRUCT, id, name);
        if (inside != NULL)
            return inside;
    }
    return NULL;
}

static bool has_members(const assay_schema *schema)
{
    for (size_t i = 0; i < schema->count; i++)
        if (assay_type_is_nested(&schema->fields[i].type))
            return true;
    return false;
}

/* One (file, name, id) of a file's own schema against the table's. */
static assay_status check_name(const assay_schema *schema, const char *path, const char *name,
                               int64_t id, assay_error *err)
{
    const assay_field *member = find_member(schema->fields, schema->count, false, id, NULL);

    if (member != NULL && !assay_str_equal_ci(member->name, name))
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4035,
                               "nested field '%s' is called '%s' in '%s'; nested fields that were "
                               "renamed cannot be read yet",
                               member->name, name, path);
    if (member == NULL && assay_schema_find_id(schema, (int32_t)id) == NULL &&
        find_member(schema->fields, schema->count, false, 0, name) != NULL)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4035,
                               "nested field '%s' is another field in '%s' (id %d); nested fields "
                               "that were dropped and added again cannot be read yet",
                               name, path, (int)id);
    return ASSAY_OK;
}

static assay_status check_names(struct assay_conn *conn, const assay_schema *schema,
                                const assay_data_file *const *files, size_t count, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    assay_buf_append_text(&sql, "SELECT min(file_name), name, field_id FROM parquet_schema(");
    append_paths(&sql, files, count);
    assay_buf_append_text(&sql, ") WHERE field_id IS NOT NULL GROUP BY name, field_id");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(conn, assay_buf_text(&sql), 0, arena, &rows, err));
    for (size_t i = 0; i < rows->count; i++)
        ASSAY_TRY(check_name(schema, rows->cells[i][0]->text, rows->cells[i][1]->text,
                             rows->cells[i][2]->integer, err));
    return ASSAY_OK;
}

static assay_status look_at(struct assay_conn *conn, const assay_schema *schema,
                            const assay_data_file *const *files, size_t count, bool **by_name,
                            assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    assay_buf_append_text(&sql, "SELECT file_name FROM parquet_schema(");
    append_paths(&sql, files, count);
    assay_buf_append_text(&sql, ") GROUP BY file_name HAVING count(field_id) = 0");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(conn, assay_buf_text(&sql), 0, arena, &rows, err));
    for (size_t i = 0; i < rows->count; i++)
        for (size_t k = 0; k < count; k++)
            if (assay_str_equal(rows->cells[i][0]->text, files[k]->path))
                *by_name[k] = true;
    return has_members(schema) ? check_names(conn, schema, files, count, err) : ASSAY_OK;
}

assay_status assay_scan_files_look(struct assay_conn *conn, const assay_schema *schema,
                                   const assay_data_file *files, size_t count, bool *ret_by_name,
                                   assay_error *err)
{
    const assay_data_file *foreign[FILES_A_QUERY];
    bool *flags[FILES_A_QUERY];
    size_t held = 0;

    for (size_t i = 0; i < count; i++) {
        if (!files[i].own) {
            foreign[held] = &files[i];
            flags[held++] = &ret_by_name[i];
        }
        if (held > 0 && (held == FILES_A_QUERY || i + 1 == count)) {
            ASSAY_TRY(look_at(conn, schema, foreign, held, flags, err));
            held = 0;
        }
    }
    return ASSAY_OK;
}
