#include "warehouse/stage_files.h"

#include "base/path.h"
#include "base/str.h"

#include <string.h>

/* COPY INTO takes at most so many names in FILES. */
enum { COPY_FILES_MAX = 1000 };

/* 128 MB compressed: Snowflake is at its best between 100 and 250. */
static const char file_bytes[] = "134217728";

/* ---- the publish set ---- */

/* PUT takes a URL and a pattern, and the driver knows no way to write these characters there. */
static assay_status check_folder(const char *folder, assay_error *err)
{
    static const char odd[] = "%?#*[]\\";
    const char *found = strpbrk(folder, odd);

    if (found == NULL)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_ECONFIG, 7013,
                           "files on their way to Snowflake cannot lie in '%s': Snowflake's driver "
                           "does not find a path with '%c'; set temp_dir of the target to another "
                           "folder",
                           folder, *found);
}

static assay_status write_set(assay_warehouse_session *session, const char *folder,
                              const char *select, assay_written_file **ret_files, size_t *ret_count,
                              assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    ASSAY_TRY(check_folder(folder, err));
    ASSAY_TRY(assay_path_make(folder, err));
    assay_buf_append_text(&sql, "COPY (");
    assay_buf_append_text(&sql, select);
    assay_buf_append_text(&sql, "\n) TO ");
    assay_sql_append_text(&sql, folder);
    assay_buf_append_text(&sql, " (FORMAT parquet, COMPRESSION zstd, RETURN_STATS, "
                                "OVERWRITE_OR_IGNORE, FILENAME_PATTERN 'part-{i}', "
                                "WRITE_EMPTY_FILE false, FILE_SIZE_BYTES ");
    assay_buf_append_text(&sql, file_bytes);
    assay_buf_append_char(&sql, ')');
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_copy(session->request->conn, assay_buf_text(&sql), session->arena, ret_files,
                           ret_count, err);
}

/* ---- PUT ---- */

void assay_stage_files_put_sql(const assay_dialect *dialect, const char *path, const char *stage,
                               assay_buf *buf)
{
    ASSAY_AUTO(assay_buf_done) assay_buf url = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&url, "file://");
    assay_buf_append_text(&url, path);
    assay_buf_append_text(buf, "PUT ");
    assay_dialect_text(dialect, buf, assay_buf_text(&url));
    assay_buf_append_text(buf, " @%");
    assay_buf_append_text(buf, stage);
    assay_buf_append_text(buf, " AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = NONE OVERWRITE = TRUE");
    buf->failed = buf->failed || url.failed;
}

static assay_status put(assay_warehouse_session *session, const char *path, const char *stage,
                        assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    ASSAY_TRY(assay_cancel_check(session->request->cancel, err));
    assay_stage_files_put_sql(session->dialect, path, stage, &sql);
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_session_run(session, assay_buf_text(&sql), NULL, err);
}

/* ---- COPY ---- */

void assay_stage_files_copy_sql(const assay_dialect *dialect, const assay_warehouse_target *target,
                                const char *stage, const char *const *names, size_t count,
                                assay_buf *buf)
{
    assay_buf_append_text(buf, "COPY INTO ");
    assay_dialect_table(dialect, buf, target, stage);
    assay_buf_append_text(buf, " FROM @%");
    assay_buf_append_text(buf, stage);
    for (size_t i = 0; i < count; i++) {
        assay_buf_append_text(buf, i == 0 ? " FILES = (" : ", ");
        assay_dialect_text(dialect, buf, names[i]);
    }
    /* Without logical types moments arrive as bare integers, and BINARY must not be read as
     * text. FORCE: load history must not decide what is loaded. */
    assay_buf_append_text(buf, ") FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE "
                               "BINARY_AS_TEXT = FALSE USE_VECTORIZED_SCANNER = TRUE) "
                               "MATCH_BY_COLUMN_NAME = CASE_SENSITIVE ON_ERROR = ABORT_STATEMENT "
                               "FORCE = TRUE");
}

static size_t find_named(const assay_rows *rows, const char *name)
{
    size_t i = 0;

    while (i < rows->column_count && !assay_str_equal_ci(rows->names[i], name))
        i++;
    return i;
}

/* The answer of COPY has a row for each file. */
static assay_status check_loaded(const assay_rows *rows, const char *stage, int64_t *loaded,
                                 assay_error *err)
{
    size_t status = find_named(rows, "status");
    size_t count = find_named(rows, "rows_loaded");

    if (status == rows->column_count || count == rows->column_count)
        return assay_error_set(err, ASSAY_EDATA, 7023,
                               "COPY INTO '%s' does not say which files it loaded", stage);
    for (size_t i = 0; i < rows->count; i++) {
        if (!assay_str_equal_ci(assay_session_text(rows, i, status), "LOADED"))
            return assay_error_set(err, ASSAY_EDATA, 7023, "COPY INTO '%s': file %zu is %s", stage,
                                   i + 1, assay_session_text(rows, i, status));
        *loaded += assay_session_int(rows, i, count);
    }
    return ASSAY_OK;
}

static assay_status copy(assay_warehouse_session *session, const assay_warehouse_target *target,
                         const char *stage, const assay_written_file *files, size_t count,
                         assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char **names = assay_arena_take(session->arena, count, sizeof *names);
    assay_rows *rows = NULL;
    int64_t expected = 0;
    int64_t loaded = 0;

    ASSAY_TRY(assay_arena_check(names, err));
    for (size_t i = 0; i < count; i++) {
        names[i] = assay_path_base(files[i].path);
        expected += files[i].rows;
    }
    assay_stage_files_copy_sql(session->dialect, target, stage, names, count, &sql);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_session_query(session, assay_buf_text(&sql), &rows, err));
    ASSAY_TRY(check_loaded(rows, stage, &loaded, err));
    if (rows->count != count || loaded != expected)
        return assay_error_set(err, ASSAY_EDATA, 7023,
                               "COPY INTO '%s' loaded %lld rows of %zu files instead of %lld of "
                               "%zu",
                               stage, (long long)loaded, rows->count, (long long)expected, count);
    return assay_session_note(session, "load", err);
}

/* Whatever the statements said: what is there is what was written, no more and no less. */
static assay_status check_rows(assay_warehouse_session *session,
                               const assay_warehouse_target *target, const char *stage,
                               int64_t expected, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;

    assay_buf_append_text(&sql, "SELECT COUNT(*) FROM ");
    assay_dialect_table(session->dialect, &sql, target, stage);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_session_query(session, assay_buf_text(&sql), &rows, err));
    if (rows->count == 1 && assay_session_int(rows, 0, 0) == expected)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_EDATA, 7023,
                           "staging table '%s' has %lld rows, the files %lld", stage,
                           rows->count == 1 ? (long long)assay_session_int(rows, 0, 0) : -1,
                           (long long)expected);
}

assay_status assay_stage_files_load(assay_warehouse_session *session,
                                    const assay_warehouse_target *target,
                                    const assay_stage_table *stage, const char *select,
                                    int64_t *ret_rows, assay_error *err)
{
    assay_written_file *files = NULL;
    size_t count = 0;
    int64_t rows = 0;

    ASSAY_TRY(write_set(session, stage->folder, select, &files, &count, err));
    for (size_t i = 0; i < count; i++) {
        ASSAY_TRY(put(session, files[i].path, stage->name, err));
        rows += files[i].rows;
    }
    for (size_t i = 0; i < count; i += COPY_FILES_MAX) {
        size_t some = count - i < COPY_FILES_MAX ? count - i : COPY_FILES_MAX;
        ASSAY_TRY(copy(session, target, stage->name, files + i, some, err));
    }
    ASSAY_TRY(check_rows(session, target, stage->name, rows, err));
    *ret_rows = rows;
    return ASSAY_OK;
}
