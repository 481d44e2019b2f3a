#include "iceberg/deletes.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "engine/engine.h"
#include "iceberg/schema_json.h"

/* Field ids of the columns of a position delete file (spec, "Reserved Field IDs"). */
enum { POSITION_PATH_ID = 2147483546, POSITION_ROW_ID = 2147483545 };

enum { DELETE_MEMORY = 1 << 30, DELETE_THREADS = 2 };

struct applier {
    const assay_iceberg_location *location;
    const assay_vec *live;
    assay_data_file *files;
    assay_vec *rows; /* one a file: int64_t positions */
    assay_map
        *paths; /* recorded and local path -> the file's index + 1 as a pointer into `files` */
    size_t total;
    assay_engine *engine;
    assay_conn *conn;
    assay_arena *arena; /* for this only */
    assay_error *err;
};

static void applier_done(struct applier *applier)
{
    for (size_t i = 0; applier->rows != NULL && i < applier->live->count; i++)
        assay_vec_done(&applier->rows[i]);
    assay_map_freep(&applier->paths);
    assay_conn_closep(&applier->conn);
    assay_engine_closep(&applier->engine);
    assay_arena_freep(&applier->arena);
}

static assay_status applier_init(struct applier *applier)
{
    const assay_engine_options options = {.memory_limit = DELETE_MEMORY, .threads = DELETE_THREADS};
    size_t count = applier->live->count;
    applier->arena = assay_arena_new();
    applier->paths = assay_map_new();
    ASSAY_TRY(assay_arena_check(applier->arena, applier->err));
    ASSAY_TRY(assay_arena_check(applier->paths, applier->err));
    applier->rows = assay_arena_take(applier->arena, count + 1, sizeof *applier->rows);
    ASSAY_TRY(assay_arena_check(applier->rows, applier->err));
    for (size_t i = 0; i < count; i++) {
        const assay_iceberg_live_entry *item = assay_vec_at(applier->live, i);
        applier->rows[i] = ASSAY_VEC_OF(int64_t);
        ASSAY_TRY(
            assay_map_put(applier->paths, item->entry.path, &applier->files[i], applier->err));
        ASSAY_TRY(assay_map_put(applier->paths, applier->files[i].path, &applier->files[i],
                                applier->err));
    }
    ASSAY_TRY(assay_engine_open(&options, &applier->engine, applier->err));
    return assay_conn_open(applier->engine, &applier->conn, applier->err);
}

static const assay_iceberg_entry *entry_at(const struct applier *applier, size_t index)
{
    const assay_iceberg_live_entry *item = assay_vec_at(applier->live, index);
    return &item->entry;
}

static assay_status too_many(const struct applier *applier)
{
    return assay_error_set(applier->err, ASSAY_EUNSUPPORTED, 4108,
                           "the snapshot has more than %d deleted rows: compact the table",
                           ASSAY_ICEBERG_DELETES_MAX);
}

/* Takes "17,4,99": text, since a list of values would need ten times the memory. */
static assay_status take_list(struct applier *applier, size_t index, const char *text)
{
    const char *at = text;
    while (*at != '\0') {
        int64_t position = 0;
        for (; *at >= '0' && *at <= '9'; at++)
            position = position * 10 + (*at - '0');
        if (++applier->total > ASSAY_ICEBERG_DELETES_MAX)
            return too_many(applier);
        ASSAY_TRY(assay_vec_push(&applier->rows[index], &position, applier->err));
        at += *at == ',' ? 1 : 0;
    }
    return ASSAY_OK;
}

/* Takes rows of (path, positions); only data files for which `applies` is set. */
static assay_status take_positions(struct applier *applier, const char *sql, const bool *applies)
{
    assay_rows *rows = NULL;
    ASSAY_TRY(assay_conn_query(applier->conn, sql, 0, applier->arena, &rows, applier->err));
    for (size_t i = 0; i < rows->count; i++) {
        const assay_data_file *file = assay_map_find(applier->paths, rows->cells[i][0]->text);
        size_t index = file != NULL ? (size_t)(file - applier->files) : 0;
        if (file != NULL && applies[index])
            ASSAY_TRY(take_list(applier, index, rows->cells[i][1]->text));
    }
    return ASSAY_OK;
}

static assay_status local_path(const struct applier *applier, const assay_iceberg_entry *entry,
                               const char **ret_path)
{
    return assay_iceberg_location_local(applier->location, entry->path, applier->arena, ret_path,
                                        applier->err);
}

/* ---- position deletes ---- */

/* A position delete names its data file; it counts where it is not older (spec, "Scan Planning").
 */
static assay_status apply_positions(struct applier *applier, const assay_iceberg_entry *deletes)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *path = NULL;
    size_t count = applier->live->count;
    bool *applies = assay_arena_take(applier->arena, count + 1, sizeof *applies);
    ASSAY_TRY(assay_arena_check(applies, applier->err));
    for (size_t i = 0; i < count; i++)
        applies[i] = entry_at(applier, i)->sequence <= deletes->sequence;
    ASSAY_TRY(local_path(applier, deletes, &path));
    assay_buf_append_text(&sql, "SELECT p, string_agg(n::VARCHAR, ',') FROM read_parquet(");
    assay_sql_append_text(&sql, path);
    assay_buf_append_format(&sql,
                            ", schema = MAP {%d: {name: 'p', type: 'VARCHAR', default_value: NULL},"
                            " %d: {name: 'n', type: 'BIGINT', default_value: NULL}}) "
                            "WHERE p IS NOT NULL AND n BETWEEN 0 AND 999999999999 GROUP BY p",
                            POSITION_PATH_ID, POSITION_ROW_ID);
    ASSAY_TRY(assay_buf_check(&sql, applier->err));
    return take_positions(applier, assay_buf_text(&sql), applies);
}

/* ---- equality deletes ---- */

static bool same_partition(const struct applier *applier, const assay_iceberg_live_entry *data,
                           const assay_iceberg_live_entry *deletes)
{
    const assay_partition_spec *spec =
        assay_iceberg_metadata_spec(applier->location->metadata, deletes->spec_id);
    if (spec == NULL || spec->count == 0)
        return true; /* of an unpartitioned spec: for every data file */
    if (data->spec_id != deletes->spec_id)
        return false;
    for (size_t i = 0; i < spec->count; i++) {
        const assay_datum *a = &data->entry.partition[i], *b = &deletes->entry.partition[i];
        if (!a->known || !b->known || a->null != b->null)
            return false;
        if (!a->null && assay_datum_compare(a, b) != 0)
            return false;
    }
    return true;
}

static void append_files(const struct applier *applier, const bool *applies, assay_buf *sql)
{
    const char *separator = "";
    assay_buf_append_char(sql, '[');
    for (size_t i = 0; i < applier->live->count; i++) {
        if (!applies[i])
            continue;
        assay_buf_append_text(sql, separator);
        assay_sql_append_text(sql, applier->files[i].path);
        separator = ", ";
    }
    assay_buf_append_char(sql, ']');
}

/* Columns of files without field ids would read as NULL, and so lose nothing: they are refused. */
static assay_status check_ids(struct applier *applier, const bool *applies)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;
    assay_buf_append_text(&sql, "SELECT file_name FROM parquet_schema(");
    append_files(applier, applies, &sql);
    assay_buf_append_text(&sql, ") GROUP BY file_name HAVING count(field_id) = 0");
    ASSAY_TRY(assay_buf_check(&sql, applier->err));
    ASSAY_TRY(assay_conn_query(applier->conn, assay_buf_text(&sql), 1, applier->arena, &rows,
                               applier->err));
    if (rows->count == 0)
        return ASSAY_OK;
    return assay_error_set(applier->err, ASSAY_EUNSUPPORTED, 4108,
                           "the snapshot has equality deletes for the file '%.300s', which has no "
                           "field ids",
                           rows->cells[0][0]->text);
}

/* ", schema = MAP {id: {..}, ..})" of the columns that decide. */
static assay_status append_schema(const struct applier *applier, const assay_iceberg_entry *deletes,
                                  assay_buf *sql)
{
    assay_buf_append_text(sql, ", schema = MAP {");
    for (size_t i = 0; i < deletes->equality_count; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf type = ASSAY_BUF_EMPTY;
        const assay_field *field =
            assay_iceberg_metadata_field(applier->location->metadata, deletes->equality_ids[i]);
        if (field == NULL || assay_type_is_nested(&field->type))
            return assay_error_set(applier->err, ASSAY_EDATA, 4107,
                                   "equality delete file '%.300s' names no usable column",
                                   deletes->path);
        const assay_type stored = assay_iceberg_stored_type(&field->type);
        assay_type_format(&type, &stored);
        ASSAY_TRY(assay_buf_check(&type, applier->err));
        assay_buf_append_format(sql, "%s%d: {name: '__c%zu', type: ", i > 0 ? ", " : "",
                                (int)field->id, i);
        assay_sql_append_text(sql, assay_buf_text(&type));
        assay_buf_append_text(sql, ", default_value: NULL}");
    }
    assay_buf_append_text(sql, "})");
    return ASSAY_OK;
}

static assay_status equality_sql(const struct applier *applier, const assay_iceberg_entry *deletes,
                                 const bool *applies, assay_buf *sql)
{
    const char *path = NULL;
    ASSAY_TRY(local_path(applier, deletes, &path));
    assay_buf_append_text(
        sql, "SELECT r.filename, string_agg(r.file_row_number::VARCHAR, ',') FROM read_parquet(");
    append_files(applier, applies, sql);
    ASSAY_TRY(append_schema(applier, deletes, sql));
    assay_buf_append_text(sql, " AS r SEMI JOIN (SELECT * FROM read_parquet(");
    assay_sql_append_text(sql, path);
    ASSAY_TRY(append_schema(applier, deletes, sql));
    assay_buf_append_text(sql, ") AS d ON ");
    for (size_t i = 0; i < deletes->equality_count; i++)
        assay_buf_append_format(sql, "%sr.__c%zu IS NOT DISTINCT FROM d.__c%zu",
                                i > 0 ? " AND " : "", i, i);
    assay_buf_append_text(sql, " GROUP BY r.filename");
    return assay_buf_check(sql, applier->err);
}

/* An equality delete counts for strictly older data files of its partition. */
static assay_status apply_equality(struct applier *applier, const assay_iceberg_live_entry *deletes)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    size_t count = applier->live->count, found = 0;
    bool *applies = assay_arena_take(applier->arena, count + 1, sizeof *applies);
    ASSAY_TRY(assay_arena_check(applies, applier->err));
    if (deletes->entry.equality_count == 0)
        return assay_error_set(applier->err, ASSAY_EDATA, 4107,
                               "equality delete file '%.300s' names no columns",
                               deletes->entry.path);
    for (size_t i = 0; i < count; i++) {
        applies[i] = entry_at(applier, i)->sequence < deletes->entry.sequence &&
                     same_partition(applier, assay_vec_at(applier->live, i), deletes);
        found += applies[i] ? 1 : 0;
    }
    if (found == 0)
        return ASSAY_OK;
    ASSAY_TRY(check_ids(applier, applies));
    ASSAY_TRY(equality_sql(applier, &deletes->entry, applies, &sql));
    return take_positions(applier, assay_buf_text(&sql), applies);
}

/* ---- the result ---- */

static int compare_positions(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static assay_status keep_rows(struct applier *applier, size_t index, assay_arena *arena)
{
    assay_vec *rows = &applier->rows[index];
    assay_data_file *file = &applier->files[index];
    int64_t *positions = rows->items;
    size_t unique = 0;
    if (rows->count == 0)
        return ASSAY_OK;
    qsort(positions, rows->count, sizeof *positions, compare_positions);
    for (size_t i = 0; i < rows->count; i++) {
        bool inside = positions[i] >= 0 && positions[i] < file->rows;
        if (inside && (unique == 0 || positions[unique - 1] != positions[i]))
            positions[unique++] = positions[i];
    }
    file->deleted_rows = assay_arena_bytes(arena, positions, unique * sizeof *positions);
    file->deleted_count = unique;
    file->rows -= (int64_t)unique;
    file->own = file->own && unique == 0; /* the statistics are those of all rows */
    return assay_arena_check(file->deleted_rows, applier->err);
}

assay_status assay_iceberg_apply_deletes(const assay_iceberg_location *location,
                                         const assay_vec *live, const assay_vec *deletes,
                                         assay_data_file *files, assay_arena *arena,
                                         assay_error *err)
{
    if (deletes->count == 0 || live->count == 0)
        return ASSAY_OK;
    ASSAY_AUTO(applier_done)
    struct applier applier = {.location = location, .live = live, .files = files, .err = err};
    ASSAY_TRY(applier_init(&applier));
    for (size_t i = 0; i < deletes->count; i++) {
        const assay_iceberg_live_entry *item = assay_vec_at(deletes, i);
        if (item->entry.content == ASSAY_ICEBERG_POSITION_DELETES)
            ASSAY_TRY(apply_positions(&applier, &item->entry));
        else
            ASSAY_TRY(apply_equality(&applier, item));
    }
    for (size_t i = 0; i < live->count; i++)
        ASSAY_TRY(keep_rows(&applier, i, arena));
    return ASSAY_OK;
}
