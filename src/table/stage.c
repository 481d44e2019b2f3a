#include "table/stage.h"

#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "table/stage_stats.h"

/* Every file of a stage is <folder>/<stage id>-<number>.parquet, so what a failed write left is
 * found by name. */
static assay_status remove_named(const char *folder, const char *stage_id, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    char **names = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_path_list(folder, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (!assay_str_starts(names[i], stage_id))
            continue;
        const char *path = assay_path_join(arena, folder, names[i]);
        ASSAY_TRY(assay_arena_check(path, err));
        ASSAY_TRY(assay_path_remove(path, err));
    }
    return ASSAY_OK;
}

/* A folder of this stage alone, where the format makes such. */
static void drop_own_folder(const char *folder)
{
    if (assay_str_starts(assay_path_base(folder), "stage-") &&
        assay_path_remove_tree(folder, NULL) != ASSAY_OK)
        return; /* it only takes room; expiry finds it */
}

/* By number: "x-10" comes after "x-9". */
static int compare_written(const void *a, const void *b)
{
    const assay_written_file *x = a;
    const assay_written_file *y = b;
    size_t left = strlen(x->path);
    size_t right = strlen(y->path);

    if (left != right)
        return left < right ? -1 : 1;
    return strcmp(x->path, y->path);
}

static bool is_bad(const assay_written_file *file)
{
    for (size_t i = 0; i < file->partition_count; i++)
        if (assay_str_equal(file->partition_names[i], ASSAY_STAGE_BAD))
            return assay_str_equal(file->partition_values[i], "true");
    return false;
}

/* How many files hold good rows; those with bad ones are moved behind them, each in their order. */
static size_t put_bad_last(assay_written_file *written, size_t count)
{
    size_t good = 0;

    for (size_t i = 0; i < count; i++) {
        const assay_written_file file = written[i];
        if (is_bad(&file))
            continue;
        memmove(&written[good + 1], &written[good], (i - good) * sizeof *written);
        written[good++] = file;
    }
    return good;
}

static assay_status sync_files(const assay_stage_result *result, assay_error *err)
{
    for (size_t i = 0; i < result->count; i++)
        ASSAY_TRY(assay_path_sync(result->files[i].path, err));
    return result->count > 0 ? assay_path_sync(result->folder, err) : ASSAY_OK;
}

/* Files without rows are none. */
static assay_status drop_empty(assay_written_file *written, size_t *count, assay_error *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++) {
        if (written[i].rows == 0)
            ASSAY_TRY(assay_path_remove(written[i].path, err));
        else
            written[kept++] = written[i];
    }
    *count = kept;
    return ASSAY_OK;
}

static assay_status write_files(assay_conn *conn, const assay_stage_plan *plan, const char *copy,
                                assay_arena *arena, assay_stage_result *ret_result,
                                assay_error *err)
{
    assay_written_file *written = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_conn_copy(conn, copy, arena, &written, &count, err));
    ASSAY_TRY(drop_empty(written, &count, err));
    if (count > 0)
        qsort(written, count, sizeof *written, compare_written);
    size_t good = put_bad_last(written, count);
    assay_stage_result bad = {.count = 0};
    if (good < count)
        ASSAY_TRY(
            assay_stage_stats_read(conn, plan, written + good, count - good, arena, &bad, err));
    ASSAY_TRY(assay_stage_stats_read(conn, plan, written, good, arena, ret_result, err));
    ret_result->bad_files = bad.files;
    ret_result->bad_count = bad.count;
    ret_result->bad_rows = bad.rows;
    ret_result->folder = plan->folder;
    if (sync_files(ret_result, err) != ASSAY_OK)
        return assay_error_wrap_status(err, ASSAY_EIO, "writing data files");
    return ASSAY_OK;
}

/* A value that does not fit says nothing of its column: the first column with such values is
 * looked up, by the query once more for each column that is cast. */
static assay_status name_misfit(assay_conn *conn, const assay_stage_plan *plan, assay_error *err)
{
    for (size_t i = 0; i < plan->request->schema->count; i++) {
        const assay_stage_column *column = &plan->columns[i];
        ASSAY_AUTO(assay_buf_done) assay_buf type = ASSAY_BUF_EMPTY;
        ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
        int64_t misfits = 0;
        assay_type_format(&type, &column->stored);
        if (column->given_type == NULL ||
            assay_str_equal(column->given_type, assay_buf_text(&type)))
            continue;
        assay_stage_append_misfits(&sql, plan, i);
        ASSAY_TRY(assay_buf_check(&sql, err));
        /* The query itself may be what fails: then its own message stands. */
        if (assay_conn_query_int(conn, assay_buf_text(&sql), &misfits, NULL) != ASSAY_OK)
            return ASSAY_EDATA;
        if (misfits > 0)
            return assay_error_set(err, ASSAY_EDATA, 4030,
                                   "column '%s' has %lld values of type %s that %s cannot hold",
                                   column->field->name, (long long)misfits, column->given_type,
                                   assay_buf_text(&type));
    }
    return ASSAY_EDATA;
}

/* Places count from the COPY statement; the user wrote the query in it. */
static void move_place(assay_error *err, int select_line)
{
    if (err == NULL || err->line == 0)
        return;
    err->line -= select_line;
    if (err->line < 1) {
        err->line = 0;
        err->column = 0;
    }
}

assay_status assay_stage_write(assay_conn *conn, const assay_stage_request *request,
                               assay_arena *arena, assay_stage_result *ret_result, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf copy = ASSAY_BUF_EMPTY;
    assay_stage_result result = {.count = 0};
    assay_stage_plan plan;
    int select_line = 0;

    ASSAY_TRY(assay_stage_plan_make(conn, request, arena, &plan, err));
    assay_stage_append_copy(&copy, &plan, &select_line);
    ASSAY_TRY(assay_buf_check(&copy, err));
    assay_status status = write_files(conn, &plan, assay_buf_text(&copy), arena, &result, err);
    if (status != ASSAY_OK) {
        move_place(err, select_line);
        (void)remove_named(plan.folder, request->stage_id, NULL);
        drop_own_folder(plan.folder);
        bool misfit = status == ASSAY_EDATA && err != NULL && err->number == 3004;
        return misfit ? name_misfit(conn, &plan, err) : status;
    }
    *ret_result = result;
    return ASSAY_OK;
}

void assay_stage_discard(const assay_stage_result *result)
{
    for (size_t i = 0; i < result->count; i++)
        if (assay_path_remove(result->files[i].path, NULL) != ASSAY_OK)
            continue;
    for (size_t i = 0; i < result->bad_count; i++)
        if (assay_path_remove(result->bad_files[i].path, NULL) != ASSAY_OK)
            continue;
    if (result->folder != NULL)
        drop_own_folder(result->folder);
}

void assay_stage_discard_bad(assay_stage_result *result)
{
    const assay_stage_result bad = {.bad_files = result->bad_files, .bad_count = result->bad_count};

    assay_stage_discard(&bad);
    result->bad_count = 0;
}

/* The stage's folder, and what else of the same commit lies beside it: names tell by the id. */
static assay_status remove_beside(const char *parent, const char *stage_id, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    char **names = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_arena_check(parent, err));
    ASSAY_TRY(assay_path_list(parent, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (!assay_str_contains(names[i], stage_id))
            continue;
        const char *path = assay_path_join(arena, parent, names[i]);
        ASSAY_TRY(assay_arena_check(path, err));
        ASSAY_TRY(assay_path_remove_tree(path, err));
    }
    return ASSAY_OK;
}

assay_status assay_stage_discard_left(const assay_table *table, const char *stage_id,
                                      assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const char *folder = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(table->format->stage_folder(table, stage_id, arena, &folder, err));
    /* A format gives each stage a folder of its own, or all of them one. */
    if (assay_str_contains(assay_path_base(folder), stage_id))
        return remove_beside(assay_path_dir(arena, folder), stage_id, err);
    return remove_named(folder, stage_id, err);
}
