#include "delta/count.h"

#include "base/map.h"
#include "base/path.h"
#include "engine/engine.h"

enum { FILES_MAX = 10000, OWN_ENGINE_MEMORY = 256 << 20 };

static assay_status read_footers(const assay_buf *paths, assay_map *unknown, assay_arena *arena,
                                 assay_error *err)
{
    assay_engine_options options = {.memory_limit = OWN_ENGINE_MEMORY, .threads = 1};
    ASSAY_AUTO(assay_engine_closep) assay_engine *engine = NULL;
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;

    ASSAY_TRY(assay_engine_open(&options, &engine, err));
    ASSAY_TRY(assay_conn_open(engine, &conn, err));
    assay_buf_append_text(&sql, "SELECT file_name, num_rows FROM parquet_file_metadata([");
    assay_buf_append(&sql, paths->data, paths->size);
    assay_buf_append_text(&sql, "])");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(conn, assay_buf_text(&sql), 0, arena, &rows, err));
    for (size_t i = 0; i < rows->count; i++) {
        const char *path = rows->cells[i][0]->text;
        assay_data_file *file = path == NULL ? NULL : assay_map_find(unknown, path);

        if (file != NULL && rows->cells[i][1]->kind == ASSAY_VALUE_INT)
            file->rows = rows->cells[i][1]->integer - (int64_t)file->deleted_count;
    }
    return ASSAY_OK;
}

static assay_status note_unknown(assay_data_file *file, assay_map *unknown, assay_buf *paths,
                                 assay_error *err)
{
    assay_path_info info = {.exists = false};

    ASSAY_TRY(assay_path_stat(file->path, &info, err));
    if (!info.exists)
        return ASSAY_OK;
    assay_buf_append_text(paths, paths->size > 0 ? ", " : "");
    assay_sql_append_text(paths, file->path);
    return assay_map_put(unknown, file->path, file, err);
}

assay_status assay_delta_count_rows(assay_data_file *files, size_t count, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_map_freep) assay_map *unknown = assay_map_new();
    ASSAY_AUTO(assay_buf_done) assay_buf paths = ASSAY_BUF_EMPTY;
    assay_status status = ASSAY_OK;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_arena_check(unknown, err));
    for (size_t i = 0; i < count && assay_map_count(unknown) < FILES_MAX; i++) {
        if (files[i].rows < 0)
            ASSAY_TRY(note_unknown(&files[i], unknown, &paths, err));
    }
    if (assay_map_count(unknown) == 0)
        return ASSAY_OK;
    status = read_footers(&paths, unknown, arena, err);
    if (status == ASSAY_ENOMEM)
        return status;
    assay_error_clear(err);
    return ASSAY_OK;
}
