#include "source/broken.h"

#include "base/path.h"
#include "base/str.h"

/* What the engine says of a record it rejects may show its values; the kind before the colon does
 * not. */
static const char *reason_sql(const assay_model *model)
{
    return assay_model_has_pii(model)
               ? "CASE WHEN column_name IS NULL THEN split_part(reason, ':', 1) ELSE reason END"
               : "reason";
}

assay_status assay_broken_refuse(const assay_step_context *context, int64_t count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_model *model = context->model;
    assay_rows *rows = NULL;

    assay_buf_append_format(&sql,
                            "SELECT file, record, %s, text FROM assay_bad_rows ORDER BY file, "
                            "record LIMIT %d",
                            reason_sql(model), ASSAY_SOURCE_BAD_SHOWN);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(context->conn, sql.data, 0, context->arena, &rows, err));
    for (size_t i = 0; i < rows->count; i++) {
        assay_value **cells = rows->cells[i];
        assay_buf_append_format(&text, "%s%s record %lld: %s", i > 0 ? "; " : "", cells[0]->text,
                                (long long)cells[1]->integer, cells[2]->text);
        if (cells[3]->kind == ASSAY_VALUE_TEXT && !assay_model_has_pii(model))
            assay_buf_append_format(&text, " in '%.120s'", cells[3]->text);
    }
    ASSAY_TRY(assay_buf_check(&text, err));
    return assay_error_at(err, ASSAY_EDATA, 2210, assay_model_place(model, "contract.bad_row"),
                          "%lld broken record%s: %s", (long long)count, count == 1 ? "" : "s",
                          assay_buf_text(&text));
}

assay_status assay_broken_save(const assay_step_context *context, int64_t count,
                               assay_step_result *result, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_model *model = context->model;
    char *folder = assay_path_join(context->arena, context->project->results_dir, context->run_id);

    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_path_make(folder, err));
    char *path = assay_arena_format(context->arena, "%s/%s.bad_rows.jsonl", folder, model->name);
    ASSAY_TRY(assay_arena_check(path, err));
    assay_buf_append_format(&sql,
                            "COPY (SELECT file, record, column_name, %s AS reason, %s AS text "
                            "FROM assay_bad_rows ORDER BY file, record) TO ",
                            reason_sql(model), assay_model_has_pii(model) ? "'***'" : "text");
    assay_sql_append_text(&sql, path);
    assay_buf_append_text(&sql, " (FORMAT json)");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_execute(context->conn, sql.data, NULL, err));
    result->bad_rows = count;
    result->bad_rows_path = assay_path_relative(context->project->root, path);
    return ASSAY_OK;
}

assay_status assay_broken_select(const assay_source *source, const char **ret_select,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    char time[ASSAY_TIME_TEXT_SIZE];

    /* the engine shows bytes that are no text as '?': such a record is not what came, and without a
     * format it is never read again */
    assay_time_format_sql(source->now_us, time);
    assay_buf_append_format(&sql,
                            "SELECT b.file AS _source_file, b.record AS _source_row, TIMESTAMPTZ "
                            "'%s+00' AS _loaded_at, ",
                            time);
    assay_sql_append_text(&sql, source->run_id);
    assay_buf_append_text(&sql,
                          " AS _run_id, b.text AS __assay_record, CASE WHEN b.reason NOT "
                          "LIKE '%invalid encoding%' THEN f.format END AS "
                          "__assay_record_format, b.reason AS __assay_reason FROM (SELECT file, "
                          "record, any_value(text) AS text, string_agg(DISTINCT reason, '; ') AS "
                          "reason FROM assay_bad_rows GROUP BY file, record) AS b JOIN "
                          "assay_bad_formats AS f ON f.file = b.file ORDER BY b.file, b.record");
    ASSAY_TRY(assay_buf_check(&sql, err));
    *ret_select = assay_arena_text(source->arena, sql.data);
    return assay_arena_check(*ret_select, err);
}
