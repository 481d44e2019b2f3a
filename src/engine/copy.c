#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "engine/connection.h"

enum { PATH_DEPTH_MAX = 64 };

/* Parts of `"st"."a"`; a doubled quote inside a part stands for one. */
static assay_status parse_path(const char *text, assay_arena *arena, assay_written_column *column,
                               assay_error *err)
{
    const char *parts[PATH_DEPTH_MAX];
    size_t depth = 0;
    const char *at = text;

    while (*at == '"' && depth < PATH_DEPTH_MAX) {
        char *part = assay_arena_text(arena, at + 1);
        ASSAY_TRY(assay_arena_check(part, err));
        char *out = part;
        for (at++; *at != '\0' && (*at != '"' || at[1] == '"'); at++) {
            at += *at == '"' ? 1 : 0;
            *out++ = *at;
        }
        *out = '\0';
        parts[depth++] = part;
        at += *at == '"' ? 1 : 0;
        at += *at == '.' ? 1 : 0;
    }
    if (*at != '\0' || depth == 0)
        return assay_error_set(err, ASSAY_EINTERNAL, 3018,
                               "the engine's statistics name the column '%s', which is no path",
                               text);
    column->path = assay_arena_bytes(arena, parts, depth * sizeof parts[0]);
    column->depth = depth;
    return assay_arena_check(column->path, err);
}

static int64_t find_count(const assay_value *stats, const char *name)
{
    const char *text = assay_value_find_text(stats, name, NULL);
    int64_t value = -1;

    return text != NULL && assay_str_to_int64(text, &value) ? value : -1;
}

static int find_flag(const assay_value *stats, const char *name)
{
    const char *text = assay_value_find_text(stats, name, NULL);

    if (text == NULL)
        return -1;
    return assay_str_equal_ci(text, "true") || assay_str_equal(text, "1") ? 1 : 0;
}

static assay_status read_columns(const assay_value *stats, assay_arena *arena,
                                 assay_written_file *file, assay_error *err)
{
    file->column_count = stats->kind == ASSAY_VALUE_MAP ? stats->count : 0;
    file->columns = assay_arena_take(arena, file->column_count + 1, sizeof *file->columns);
    ASSAY_TRY(assay_arena_check(file->columns, err));
    for (size_t i = 0; i < file->column_count; i++) {
        assay_written_column *column = &file->columns[i];
        const assay_value *of = stats->items[i];
        ASSAY_TRY(parse_path(stats->keys[i], arena, column, err));
        column->column_size = find_count(of, "column_size_bytes");
        column->num_values = find_count(of, "num_values");
        column->null_count = find_count(of, "null_count");
        column->min = assay_value_find_text(of, "min", NULL);
        column->max = assay_value_find_text(of, "max", NULL);
        column->has_nan = find_flag(of, "has_nan");
    }
    return ASSAY_OK;
}

static assay_status read_partition(const assay_value *keys, assay_arena *arena,
                                   assay_written_file *file, assay_error *err)
{
    file->partition_count = keys->kind == ASSAY_VALUE_MAP ? keys->count : 0;
    file->partition_values =
        assay_arena_take(arena, file->partition_count + 1, sizeof *file->partition_values);
    ASSAY_TRY(assay_arena_check(file->partition_values, err));
    file->partition_names = keys->keys;
    for (size_t i = 0; i < file->partition_count; i++)
        file->partition_values[i] =
            keys->items[i]->kind == ASSAY_VALUE_TEXT ? keys->items[i]->text : NULL;
    return ASSAY_OK;
}

static const assay_value *cell_of(const assay_rows *rows, size_t row, const char *column)
{
    static const assay_value none = {.kind = ASSAY_VALUE_NULL};

    for (size_t i = 0; i < rows->column_count; i++)
        if (assay_str_equal(rows->names[i], column))
            return rows->cells[row][i];
    return &none;
}

static assay_status read_file(const assay_rows *rows, size_t row, assay_arena *arena,
                              assay_written_file *file, assay_error *err)
{
    const assay_value *path = cell_of(rows, row, "filename");

    if (path->kind != ASSAY_VALUE_TEXT)
        return assay_error_set(err, ASSAY_EINVAL, 3018,
                               "the statement returns no statistics of its files");
    file->path = path->text;
    file->rows = cell_of(rows, row, "count")->integer;
    file->size = cell_of(rows, row, "file_size_bytes")->integer;
    file->footer_size = cell_of(rows, row, "footer_size_bytes")->integer;
    ASSAY_TRY(read_columns(cell_of(rows, row, "column_statistics"), arena, file, err));
    return read_partition(cell_of(rows, row, "partition_keys"), arena, file, err);
}

assay_status assay_conn_copy(assay_conn *conn, const char *copy_sql, assay_arena *arena,
                             assay_written_file **ret_files, size_t *ret_count, assay_error *err)
{
    assay_rows *rows = NULL;

    ASSAY_TRY(assay_conn_query(conn, copy_sql, 0, arena, &rows, err));
    assay_written_file *files = assay_arena_take(arena, rows->count + 1, sizeof *files);
    ASSAY_TRY(assay_arena_check(files, err));
    for (size_t i = 0; i < rows->count; i++)
        ASSAY_TRY(read_file(rows, i, arena, &files[i], err));
    *ret_files = files;
    *ret_count = rows->count;
    return ASSAY_OK;
}
